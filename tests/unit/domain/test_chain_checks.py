"""Chained objects against Describe: every finding names the member and the remedy, all at once."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from leadbridge.domain.checks import check_action
from leadbridge.domain.findings import Finding, of_line, read_document
from leadbridge.domain.pages import pages
from leadbridge.domain.records import ObjectDescription
from tests.builders.actions import an_action, an_action_document
from tests.builders.chains import (
    a_chained_action,
    a_membership,
    a_reference,
    a_task,
    account,
    an_account,
    follow_up,
    membership,
)
from tests.builders.descriptions import (
    a_field,
    a_result_activity,
    a_salesforce_contact,
    a_salesforce_lead,
    marketo_leads,
)

type Members = dict[str, Any]

ID = {"field": "Id", "to": "WhoId"}
SUBJECT = {"column": "firstName", "to": "Subject"}
OBJECTS = (a_task(), a_membership(), an_account())


def findings(
    *links: Members, objects: tuple[ObjectDescription, ...] = OBJECTS, others: Any = (), **changes: Any
) -> list[str]:
    """What is wrong with an Action that has these links."""
    lines = check_action(
        a_chained_action(*links, **changes),
        leads=marketo_leads(),
        destination=a_salesforce_lead(),
        others=others,
        chained=objects,
        activity=a_result_activity(),
    )
    return [line.removeprefix("action person-to-lead: ") for line in lines]


def test_sound_chains_have_no_findings() -> None:
    """A task, a membership that refers to it, an account by a column."""
    assert findings(follow_up(), membership(), account()) == []
    assert findings(follow_up(idempotency_field="External__c", mappings=[SUBJECT])) == []


@pytest.mark.parametrize(
    ("links", "finding"),
    [
        (
            [follow_up(mappings=[ID, SUBJECT, {"static": "x", "to": "Subjct"}])],
            "chained[0].mappings[2].to: Task has no field Subjct; did you mean Subject?",
        ),
        (
            [follow_up(mappings=[ID])],
            "chained[0].mappings: Task.Subject is required to create a record; map it",
        ),
        (
            [follow_up(mappings=[ID, {"column": "frstName", "to": "Subject"}])],
            "chained[0].mappings[1].column: the Marketo lead has no field frstName; did you mean firstName?",
        ),
        (
            [follow_up(mappings=[ID, {"field": "Idd", "to": "Subject"}])],
            "chained[0].mappings[1].field: Lead has no field Idd; did you mean Id?",
        ),
        (
            [membership(), follow_up()],
            (
                "chained[0].mappings[1].of: no chained object before this one is called follow_up; remove `of`, so "
                "that the person's own is meant"
            ),
        ),
        (
            [follow_up(), membership(mappings=[{"field": "Subjct", "of": "follow_up", "to": "Note__c"}])],
            "chained[1].mappings[0].field: Task has no field Subjct; did you mean Subject?",
        ),
        (
            [
                follow_up(),
                account(match=[{"field": "Id", "to": "Owner__c"}], mappings=[{"static": "x", "to": "Name"}]),
            ],
            "chained[1].match[0].to: Account has no field Owner__c; correct the name or add the field",
        ),
        (
            [follow_up(mappings=[SUBJECT])],
            (
                "chained[0].mappings: a Task whose creation is not answered could not be told from others; map the Id "
                "of the Lead to a lookup, or give `idempotency_field`"
            ),
        ),
        (
            [follow_up(idempotency_field="Subject")],
            "chained[0].idempotency_field: Subject must be a unique External Id field; choose one",
        ),
        (
            [follow_up(idempotency_field="Key__c")],
            "chained[0].idempotency_field: Task has no field Key__c; correct the name or add the field",
        ),
        (
            [membership(mappings=[{"static": "x", "to": "Id"}])],
            "chained[0].mappings[0].to: Id is set by Salesforce itself; remove the mapping",
        ),
        (
            [membership(type="update", mappings=[{"field": "Id", "to": "LeadId"}])],
            "chained[0].mappings[0].to: LeadId of a CampaignMember cannot be updated; remove the mapping",
        ),
        (
            [membership(match=[{"field": "Id", "to": "ContactId"}], mappings=[{"static": "x", "to": "CampaignId"}])],
            "chained[0].match[0].to: ContactId refers to a Contact, not to a Lead; choose another field",
        ),
        (
            [account(match=[{"field": "Company", "to": "Name"}])],
            (
                "chained[0].match[0].field: an upsert finds its record by values that are known before, or by an Id; "
                "choose Id"
            ),
        ),
        (
            [follow_up(type="update", match=[{"column": "title", "to": "Description"}], mappings=[SUBJECT])],
            "chained[0].match[0].to: Task records cannot be looked for by Description; choose another field",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_its_remedy(links: list[Members], finding: str) -> None:
    """One fault, one finding, and a JSON pointer to where it stands."""
    found = findings(*links)

    assert found == [finding]
    place = finding.partition(":")[0].replace("[", "/").replace("]", "").replace(".", "/")
    assert of_line("action person-to-lead", found[0]).pointer == f"/{place}"


def test_all_findings_come_at_once() -> None:
    """Faults of two links are told together."""
    found = findings(follow_up(mappings=[ID]), membership(mappings=[{"static": "x", "to": "Id"}]))

    assert [line.split(":")[0] for line in found] == ["chained[0].mappings", "chained[1].mappings[0].to"]


@pytest.mark.parametrize(
    ("kind", "after", "told"), [("create", "updated", True), ("update", "created", True), ("upsert", "created", False)]
)
def test_what_can_never_run_is_refused(kind: str, after: str, told: bool) -> None:
    """An Action that only creates has nothing to run after an update, and the other way round."""
    found = findings(follow_up(after=after), type=kind)

    assert (
        [line.split(";")[0] for line in found] == [f"chained[0].after: an Action of type {kind} is never {after}"]
    ) is told


@pytest.mark.parametrize(
    ("able", "link", "finding"),
    [
        ({"createable": False}, follow_up(), "records cannot be created; choose another object, or `type: update`"),
        (
            {"updateable": False},
            follow_up(type="update", match=[ID], mappings=[SUBJECT]),
            "records cannot be updated; choose another object, or `type: create`",
        ),
    ],
)
def test_an_object_that_cannot_be_written_is_refused(able: Any, link: Members, finding: str) -> None:
    """What the integration user may not do is told at save."""
    task = ObjectDescription(name="Task", fields=a_task().fields, **able)

    assert findings(link, objects=(task,)) == [f"chained[0].object: Task {finding}"]


def test_each_object_of_which_a_person_may_be_needs_a_lookup() -> None:
    """An Action that finds Contacts, too, maps the id to both lookups."""
    destination = {"connection": "salesforce-demo", "object": "Lead", "match_in": ["Contact", "Lead"]}
    lead = {"field": "Id", "to": "LeadId"}
    campaign = {"column": "title", "to": "CampaignId"}

    def found(*lookups: Members) -> list[str]:
        link = membership(type="create", match=None, mappings=[*lookups, campaign])
        return findings(link, destination=destination, others=[a_salesforce_contact()])

    assert found(lead, lead | {"to": "ContactId"}) == []
    assert ["map the Id of the Contact to a lookup" in line for line in found(lead)] == [True]


def test_a_key_that_is_too_short_is_refused() -> None:
    """The field must hold the execution id and the link's name."""
    short = a_task(External__c=a_field("External__c", length=36, unique=True, external_id=True))

    (line,) = findings(follow_up(idempotency_field="External__c"), objects=(short,))

    assert line.startswith("chained[0].idempotency_field: External__c must hold 42 characters; make it longer")


def test_a_lookup_by_which_nobody_can_look_does_not_count() -> None:
    """A reference that cannot be filtered tells no record from another."""
    task = a_task(WhoId=a_reference("WhoId", "Lead", filterable=False))

    assert ["could not be told from others" in line for line in findings(follow_up(), objects=(task,))] == [True]


@pytest.mark.parametrize(
    ("link", "pointer", "remedy"),
    [
        (follow_up(match=[ID]), "/chained/0", "remove it, or choose upsert"),
        (membership(match=None), "/chained/0", "give it"),
        (account(idempotency_field="Key__c"), "/chained/0", "remove it, the record is found by `match`"),
        (follow_up(mappings=[ID, ID]), "/chained/0", "keep one line for each field"),
        (follow_up(mappings=[SUBJECT | {"of": "x"}]), "/chained/0/mappings/0", "give `field`, or remove `of`"),
        (follow_up(after="never"), "/chained/0/after", "choose 'created', 'updated' or 'both'"),
        (follow_up(name="Follow-up"), "/chained/0/name", None),
        (follow_up(mappings=[]), "/chained/0/mappings", "add what is missing"),
        (account(match=[{"column": "company", "to": "Name", "blank": "clear"}]), "/chained/0/match/0/blank", None),
    ],
)
def test_the_shape_is_checked_member_by_member(link: Members, pointer: str, remedy: str | None) -> None:
    """What no link can look like is refused with the pointer and what to do."""
    document = {name: value for name, value in link.items() if value is not None}
    found = read_document(an_action_document(chained=[document]))

    if pointer.endswith("/blank"):
        assert not isinstance(found, list)
        assert ["blank: `clear` cannot be done here" in line for line in findings(document)] == [True]
        return
    assert isinstance(found, list)
    assert [finding.pointer for finding in found] == [pointer]
    assert remedy is None or found[0].remedy == remedy


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"chained": [follow_up(), follow_up()]}, "follow_up is the name of two"),
        ({"type": "decide", "mappings": [], "chained": [follow_up()]}, "writes nothing at Salesforce"),
        ({"chained": [follow_up(name=f"n{n}") for n in range(6)]}, "at most 5 items"),
        ({"chained": []}, "at least 1 item"),
        (
            {"chained": [follow_up()], "writeback": [{"field": "Id", "of": "account", "to": "salesforceId"}]},
            r"writeback\[0\].of: no chained object is called account; choose one of follow_up",
        ),
        ({"writeback": [{"field": "Id", "of": "account", "to": "salesforceId"}]}, "remove `of`"),
        (
            {"chained": [follow_up()], "writeback": [{"field": "Subject", "of": "follow_up", "to": "title"}]},
            "only the Id is told",
        ),
        ({"writeback": [{"execution": "outcome", "of": "account", "to": "title"}]}, "give `field`"),
    ],
)
def test_what_no_action_can_hold_is_refused(changes: Members, text: str) -> None:
    """Two links of one name, links of an Action that only looks, more than five, a list of none, values told
    of a chained object that is not there, or other than its Id."""
    with pytest.raises(ValidationError, match=text):
        an_action(**changes)


def test_page_three_shows_the_chain_as_it_was_saved() -> None:
    """The page holds every member that was written, and nothing else; the others do not show it."""
    action = a_chained_action(follow_up(on_failure="stop"), membership())
    shown = {page.number: page.members for page in pages(action)}

    saved = json.loads(json.dumps(shown[3]))
    assert list(saved) == ["chained"]
    for given, held in zip([follow_up(on_failure="stop"), membership()], saved["chained"], strict=True):
        assert {name: held[name] for name in given if name not in {"mappings", "match"}} == {
            name: value for name, value in given.items() if name not in {"mappings", "match"}
        }
        assert [one["to"] for one in held["mappings"]] == [one["to"] for one in given["mappings"]]
    assert not any("chained" in members for number, members in shown.items() if number != 3)


def test_findings_are_made_for_scripts_too() -> None:
    """The pointer leads to the mapping within its link."""
    line = "action a: chained[1].mappings[2].to: Task has no field Subjct; did you mean Subject?"

    assert of_line("action a", line) == Finding(
        document="action a",
        pointer="/chained/1/mappings/2/to",
        what="Task has no field Subjct",
        remedy="did you mean Subject?",
    )


def test_a_recovered_call_must_not_need_what_only_a_call_carries() -> None:
    """A chained mapping of a token is refused where lost calls are to be recovered, unless it has a default."""
    token = {"column": "token.my.Gift", "to": "Subject"}
    recovery: dict[str, Any] = {"recovery": {"webhook": "Leadbridge"}}

    (line,) = findings(follow_up(mappings=[ID, token]), **recovery)

    assert line.startswith("chained[0].mappings[1].column: token.my.Gift comes with the call alone")
    assert findings(follow_up(mappings=[ID, token | {"blank": "default", "default": "none"}]), **recovery) == []
