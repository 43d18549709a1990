"""What Marketo needs: the plan of what the API makes, and the sheet of what a person clicks."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.records import CustomActivityType, FieldDescription, ObjectDescription
from leadbridge.domain.setup_sheets import marketo_steps, numbered
from leadbridge.vendors.marketo.preflight import PROBES, permissions
from leadbridge_cli import marketo_setup
from tests.builders.actions import a_marketo_connection, an_action
from tests.builders.cycles import NAME, a_cycle
from tests.builders.descriptions import a_result_activity, a_salesforce_lead, marketo_leads
from tests.builders.syncs import a_sync

NOTHING = ObjectDescription(name="leads", fields={})


def a_plan(
    *actions: object,
    leads: ObjectDescription = NOTHING,
    types: dict[str, CustomActivityType | None] | None = None,
    drafts: dict[str, CustomActivityType] | None = None,
    destinations: dict[str, ObjectDescription] | None = None,
    cycles: Sequence[CrmCycle] = (),
    flags: Sequence[str] = (),
) -> marketo_setup.Plan:
    """The plan for these Actions and cycles in an empty instance."""
    return marketo_setup.plan(
        list(actions),  # type: ignore[arg-type]  # Actions all
        leads=leads,
        types=types or {},
        drafts=drafts or {},
        destinations=destinations or {},
        cycles=cycles,
        flags=flags,
    )


def test_what_is_there_is_not_made() -> None:
    """In an instance with all fields and the type there is nothing to do."""
    todo = a_plan(an_action(), leads=marketo_leads(), types={"leadbridgeResult": a_result_activity()})

    assert list(todo.lines()) == []


def test_an_empty_instance_gets_the_fields_and_the_type_of_its_actions() -> None:
    """Write-back fields with the type of what they take, and the activity type with every attribute that is filled."""
    backs = [{"field": "NumberOfEmployees", "to": "employees"}, {"static": "Synced", "to": "leadbridgeStatus"}]

    todo = a_plan(an_action(writeback=backs), destinations={"Lead": a_salesforce_lead()})

    assert [(each.name, each.data_type, each.display_name) for each in todo.fields] == [
        ("employees", "integer", "Employees"),
        ("leadbridgeStatus", "string", "Leadbridge Status"),
    ]
    assert [(kind.api_name, kind.attributes, kind.exists) for kind in todo.types] == [
        ("leadbridgeResult", ("executionId", "salesforceId", "message"), False)
    ]


def test_a_cycle_gets_the_fields_that_link_its_people() -> None:
    """The Salesforce id and the kind of record are texts of their own; one that is there is not made again."""
    persons = {"id_field": "crmId", "type_field": "crmType", "leads": {"fields": [NAME]}}
    cycle = a_cycle(persons=persons)
    there = ObjectDescription(name="leads", fields={"crmType": FieldDescription(name="crmType", type="string")})

    both = a_plan(cycles=[cycle])
    one = a_plan(an_action(writeback=[]), leads=there, cycles=[cycle, a_cycle()])

    assert [(each.name, each.data_type, each.display_name) for each in both.fields] == [
        ("crmId", "string", "Crm Id"),
        ("crmType", "string", "Crm Type"),
    ]
    assert [each.name for each in one.fields] == ["crmId"]


def test_flags_of_people_whose_record_is_gone_are_yes_no_fields() -> None:
    """Those of Syncs that write people and of cycles, for deleted and for merged records; what marks records of
    Salesforce, members of other objects and other instances is none of Marketo's fields. One that is there stays."""
    people = {"connection": "marketing", "object": "leads"}
    sync = a_sync(destination=people, deletes={"flag": "goneInCrm"})
    others = [
        a_sync(destination=people | {"connection": "second"}, deletes={"flag": "elsewhere"}),
        a_sync(to_salesforce=True, deletes={"flag": "Gone__c"}),
        a_sync(destination=people, deletes="delete"),
    ]
    persons = {
        "id_field": "crmId",
        "leads": {"fields": [NAME]},
        "deleted_in_salesforce": {"flag": "goneInCrm"},
        "merged_in_salesforce": {"flag": "mergedInCrm"},
        "merges": {"flag": "Merged__c"},
        "deleted_in_marketo": {"flag": "Gone__c"},
    }
    there = ObjectDescription(name="leads", fields={"crmId": FieldDescription(name="crmId", type="string")})

    flags = marketo_setup.flag_fields("marketing", [sync, *others], [a_cycle(persons=persons), a_cycle()])
    todo = a_plan(leads=there, cycles=[a_cycle(persons=persons)], flags=flags)

    assert flags == ["goneInCrm", "mergedInCrm"]
    assert [(each.name, each.data_type, each.display_name) for each in todo.fields] == [
        ("goneInCrm", "boolean", "Gone In Crm"),
        ("mergedInCrm", "boolean", "Merged In Crm"),
    ]
    both = dict.fromkeys(flags, FieldDescription(name="goneInCrm", type="boolean"))
    assert a_plan(leads=replace(there, fields={**there.fields, **both}), flags=flags).fields == ()


def test_a_type_that_lacks_an_attribute_is_extended() -> None:
    """Only what is missing is added to a type that is there."""
    there = replace(a_result_activity(), attributes={"executionId": "string", "message": "string"})

    todo = a_plan(an_action(), leads=marketo_leads(), types={"leadbridgeResult": there})

    assert [(kind.attributes, kind.exists) for kind in todo.types] == [(("salesforceId",), True)]
    assert list(todo.lines()) == ["add to the activity type leadbridgeResult: salesforceId"]


def test_a_type_that_an_earlier_try_left_as_a_draft_is_approved() -> None:
    """A set-up that died before the approval goes on there: a draft takes no records."""
    draft = replace(a_result_activity(), status="draft")

    todo = a_plan(an_action(), leads=marketo_leads(), types={"leadbridgeResult": draft})

    assert list(todo.lines()) == ["approve the custom activity type leadbridgeResult"]


@pytest.mark.parametrize(
    ("drafted", "lines"),
    [
        (
            ("executionId", "message", "salesforceId"),
            ["approve the draft of the custom activity type leadbridgeResult"],
        ),
        (
            ("executionId", "message", "other"),
            ["add to the activity type leadbridgeResult: salesforceId (what else its draft holds is approved with it)"],
        ),
    ],
)
def test_what_an_earlier_try_left_in_a_draft_is_not_added_twice(drafted: tuple[str, ...], lines: list[str]) -> None:
    """An approved type that lacks an attribute, beside a draft that has it or not."""
    there = replace(a_result_activity(), attributes=dict.fromkeys(("executionId", "message"), "string"))
    approved = replace(there, status=marketo_setup.WITH_DRAFT)
    draft = replace(approved, attributes=dict.fromkeys(drafted, "string"))

    todo = a_plan(
        an_action(), leads=marketo_leads(), types={"leadbridgeResult": approved}, drafts={"leadbridgeResult": draft}
    )

    assert list(todo.lines()) == lines


def test_somebody_elses_draft_of_a_type_that_has_everything_is_left_alone() -> None:
    """Nothing is missing from the approved form, so its draft is none of our business."""
    approved = replace(a_result_activity(), status=marketo_setup.WITH_DRAFT)

    todo = a_plan(
        an_action(), leads=marketo_leads(), types={"leadbridgeResult": approved}, drafts={"leadbridgeResult": approved}
    )

    assert list(todo.lines()) == []


def test_without_any_action_the_usual_things_are_planned() -> None:
    """A first connection gets the fields and the type that the recipes use."""
    todo = a_plan()

    assert [each.name for each in todo.fields] == ["leadbridgeStatus", "salesforceId"]
    assert todo.types[0].attributes == ("executionId", "outcome", "reason", "message", "salesforceId")


def test_the_sheet_names_every_permission_by_its_name_in_marketo() -> None:
    """Each permission that the preflight tries stands there with what needs it; SOAP names beside REST ones."""
    steps = numbered(marketo_steps(a_marketo_connection(), permissions(), [("leadbridgeStatus", "LeadbridgeStatus")]))

    text = "\n".join(steps)
    for probe in PROBES:
        assert f"{probe.endpoint.permission}  (for " in text
    for words in ("API Only", "LaunchPoint", "allow-list", "LeadbridgeStatus", "connections test marketo-demo"):
        assert words in text
    assert [int(step.split(".")[0]) for step in steps] == list(range(1, len(steps) + 1))
