"""CRM cycles are checked against both systems before they are stored, and no two of them keep the same two in step."""

from typing import Any

import pytest

from leadbridge.domain.action import as_document
from leadbridge.domain.lifecycle import DocumentState, Move
from leadbridge.domain.records import ObjectDescription
from leadbridge.errors import ConfigurationError
from leadbridge.usecases.apply_configuration import ApplyConfiguration, Given, Plan
from leadbridge.usecases.check_cycle import move_cycle
from tests.builders.actions import a_marketo_connection, a_salesforce_connection
from tests.builders.cycles import NAME, a_cycle
from tests.builders.descriptions import a_field, a_salesforce_lead
from tests.fakes.clock import NOON, SettableClock
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.connections import FakeConnections
from tests.fakes.marketo import FakeMarketo
from tests.fakes.salesforce import FakeSalesforce

LEADS = ObjectDescription(
    name="leads",
    fields={
        "firstName": a_field("firstName"),
        "email": a_field("email", "email"),
        "crmId": a_field("crmId"),
        "sfdcId": a_field("sfdcId", createable=False, updateable=False),
        "createdAt": a_field("createdAt", "datetime", createable=False, updateable=False),
    },
)
EMAIL = {"marketo": "email", "salesforce": "Email"}
PERSONS = {"id_field": "crmId", "leads": {"fields": [NAME]}}


class Native(FakeMarketo):
    """An instance whose own CRM sync may be on."""

    native = False

    def read_only(self, object_name: str) -> bool:
        """Companies are the native sync's."""
        return self.native and object_name == "companies"


class Desk:
    """Where cycles are planned and applied; both connections are there."""

    def __init__(self, lead: ObjectDescription | None = None) -> None:
        self.configurations = InMemoryConfigurations()
        self.marketo = Native(LEADS)
        connections = FakeConnections(
            marketo={"marketing": self.marketo}, salesforce={"crm": FakeSalesforce(lead or a_salesforce_lead())}
        )
        for each in (a_marketo_connection(id="marketing"), a_salesforce_connection(id="crm")):
            self.configurations.put(each)
        self.use_case = ApplyConfiguration(
            configurations=self.configurations, connect=lambda _: connections, clock=SettableClock()
        )

    def plan(self, **members: Any) -> Plan:
        """What applying a cycle of Leads would do."""
        cycle = a_cycle(**{"persons": PERSONS, "companies": None, "sales_persons": None, **members})
        return self.use_case.plan([Given(raw=as_document(cycle))])

    def lines(self, **members: Any) -> list[str]:
        """What is wrong with it."""
        return [finding.line().removeprefix("crm_cycle main: ") for finding in self.plan(**members).findings]

    def apply(self, **members: Any) -> None:
        """Store it."""
        self.use_case.apply(self.plan(**members), author="somebody", at=NOON)


def test_a_sound_cycle_is_stored_and_not_active() -> None:
    """As with a Sync it takes an activation to let it run; it has no trial."""
    desk = Desk()
    desk.apply()

    stored = desk.configurations.get("crm_cycle", "main")
    assert stored is not None
    assert stored.state is DocumentState.VALIDATED
    assert move_cycle(desk.configurations, "main", Move.ACTIVATE) is DocumentState.ACTIVE
    assert move_cycle(desk.configurations, "main", Move.PAUSE) is DocumentState.PAUSED
    assert move_cycle(desk.configurations, "main", Move.RESUME) is DocumentState.ACTIVE
    assert move_cycle(desk.configurations, "main", Move.DEACTIVATE) is DocumentState.INACTIVE
    with pytest.raises(ConfigurationError, match="has no trial"):
        move_cycle(desk.configurations, "main", Move.TRY)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (
            {"persons": {**PERSONS, "leads": {"fields": [{"marketo": "gone", "salesforce": "FirstName"}]}}},
            (
                "/persons/leads/fields/0: Marketo has no field gone of leads, or hides it; "
                "show it again, or take the pair out"
            ),
        ),
        (
            {
                "persons": {
                    **PERSONS,
                    "leads": {"fields": [NAME, {"marketo": "createdAt", "salesforce": "CreatedDate"}]},
                }
            },
            (
                "/persons/leads/fields/1: createdAt of Marketo cannot be changed; "
                "let the pair go to Salesforce only, or take it out"
            ),
        ),
        (
            {"persons": {**PERSONS, "id_field": "nowhere"}},
            "/persons/id_field: Marketo has no field nowhere of leads; make one of type string there, or name another",
        ),
        (
            {"persons": {**PERSONS, "type_field": "sfdcId"}},
            "/persons/type_field: sfdcId of Marketo cannot be changed; name a field of your own",
        ),
        (
            {"persons": {**PERSONS, "merges": {"flag": "LastName"}}},
            "/persons/merges/flag: LastName of Lead is no yes/no field that can be changed; choose one",
        ),
        (
            {"time_zone": "Europe/Nowhere"},
            "/time_zone: there is no time zone Europe/Nowhere; did you mean Europe/Jersey?",
        ),
        (
            {"salesforce": "elsewhere"},
            "/salesforce: there is no Salesforce connection elsewhere; apply its document, or choose another",
        ),
    ],
)
def test_what_cannot_work_is_told_with_the_member_and_a_remedy(members: dict[str, Any], said: str) -> None:
    """Nothing is stored."""
    desk = Desk()

    assert desk.lines(**members) == [said]
    assert desk.plan(**members).refused


def test_an_object_that_is_not_shown_is_told() -> None:
    """Contacts are those of Salesforce."""
    [line] = Desk().lines(persons={**PERSONS, "contacts": {"fields": [NAME]}})

    assert line.startswith("/salesforce: Contact cannot be described: ")


def test_the_native_sync_and_a_cycle_in_its_place_exclude_each_other() -> None:
    """While Marketo's own CRM sync is on nobody else writes companies, sales persons and opportunities."""
    desk = Desk()
    desk.marketo.native = True

    [line] = desk.lines()
    assert line.startswith("/mode: Marketo's own CRM sync is on, which keeps companies")
    assert line.endswith("have that sync switched off, or say `mode: beside_native` and keep `persons` only")
    assert desk.lines(mode="beside_native") == []


@pytest.mark.cap("M009")
def test_pairs_are_edited_at_any_time_but_those_that_say_who_is_who() -> None:
    """Of a cycle at work a pair is added, changed and removed, and counts from the next run on; the link is fixed."""
    desk = Desk()
    desk.apply()
    move_cycle(desk.configurations, "main", Move.ACTIVATE)
    mail = {"marketo": "email", "salesforce": "Email"}
    for fields in ([NAME, mail], [NAME, {**mail, "conflict": "marketo"}], [mail]):
        assert desk.lines(persons={**PERSONS, "leads": {"fields": fields}}) == []
        desk.apply(persons={**PERSONS, "leads": {"fields": fields}})
        current = desk.configurations.get("crm_cycle", "main")
        assert current is not None
        assert current.state is DocumentState.ACTIVE
        assert len(as_document(current.document)["persons"]["leads"]["fields"]) == len(fields)

    # the field that links people, of a cycle that has linked some
    assert desk.lines(persons={"id_field": "email", "leads": {"fields": [NAME]}}) == [
        (
            "/persons/id_field: people are linked by crmId, and nobody would be known by email; say crmId again, "
            "or begin a cycle of another id"
        )
    ]
    # and lines of fields of the cycle's own are none that anybody could edit, or switch off
    for line, said in (
        ({"marketo": "crmId", "salesforce": "FirstName"}, "crmId links records and is kept by the cycle"),
        ({"marketo": "crmId", "salesforce": "Name", "enabled": False}, "crmId links records and is kept by the cycle"),
        ({"marketo": "firstName", "salesforce": "Id"}, "Id of Salesforce tells who is who and takes no edits"),
        ({"marketo": "firstName", "salesforce": "Number__c"}, "Number__c of Salesforce tells who is who"),
    ):
        with pytest.raises(ValueError, match=said):
            desk.lines(persons={**PERSONS, "marketo_id_field": "Number__c", "leads": {"fields": [line]}})


def test_two_active_cycles_of_the_same_instances_are_refused() -> None:
    """By their addresses, whatever the connections are called: at activation, and when the document changes."""
    desk = Desk()
    desk.apply()
    desk.apply(id="other")
    move_cycle(desk.configurations, "main", Move.ACTIVATE)

    with pytest.raises(ConfigurationError, match="the active cycle main keeps the same two instances in step"):
        move_cycle(desk.configurations, "other", Move.ACTIVATE)
    # somebody got round the check
    desk.configurations.move("crm_cycle", "other", Move.ACTIVATE)
    [finding] = desk.plan(gap_minutes=7).findings
    assert finding.line().startswith("crm_cycle main: /marketo: the active cycle other keeps the same two instances")


def test_a_plan_warns_of_fields_that_salesforce_works_out() -> None:
    """Where the pair stands, that no change of it is told, and what is done about that; one that goes the other way,
    or is switched off, needs no warning."""
    grade = a_field("Grade__c", calculated=True, createable=False, updateable=False)
    desk = Desk(a_salesforce_lead(Grade__c=grade))
    pair = {"marketo": "firstName", "salesforce": "Grade__c", "direction": "to_marketo"}
    planned = desk.plan(persons={**PERSONS, "leads": {"fields": [EMAIL, pair]}})
    assert planned.findings == []
    [line] = planned.warnings
    assert line == (
        "crm_cycle main: persons.leads.fields[1]: Salesforce works Grade__c of Lead out (a formula or a roll-up), and "
        "tells no change of it; so once a day all records of Lead are read and compared for its sake"
    )
    off = {**pair, "enabled": False}
    assert desk.plan(persons={**PERSONS, "leads": {"fields": [EMAIL, off]}}).warnings == []
    assert desk.plan().warnings == []


def test_a_plan_warns_of_what_marketo_has_not_kept() -> None:
    """It can be applied all the same, and is not said where the low watermark is late enough."""
    desk = Desk()
    groups = {"all": {"types": ["Send Email"], "key": "Key__c"}}
    planned = desk.plan(activities={"groups": groups, "low_watermark": "2025-01-01T00:00"})
    [line] = planned.warnings
    assert line == (
        "crm_cycle main: Send Email is read from 2025-01-01 on, but Marketo keeps it for 90 days: what was done before "
        "2025-12-02 is gone"
    )
    assert desk.plan(activities={"groups": groups, "low_watermark": "2026-03-01T00:00"}).warnings == []
