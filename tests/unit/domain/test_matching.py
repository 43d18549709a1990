"""By what a record is looked for, and which of several is meant."""

from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.action import Action
from leadbridge.domain.checks import check_action
from leadbridge.domain.compiled import CompiledAction, compile_action
from leadbridge.domain.event import Result
from leadbridge.domain.matching import Chosen, choose, deciding
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.pipeline import Candidate, Write, admit, decide_write
from tests.builders.actions import an_action
from tests.builders.descriptions import (
    a_field,
    a_result_activity,
    a_salesforce_contact,
    a_salesforce_lead,
    marketo_leads,
)
from tests.builders.events import SECRET, a_candidate, a_payload, an_event
from tests.fakes.clock import NOON

LEAD = a_salesforce_lead(
    ConvertedContactId=a_field("ConvertedContactId", "reference", createable=False, updateable=False),
    Status=a_field("Status", "picklist", picklist=("Open", "Working", "Closed")),
)
CONTACT = a_salesforce_contact()
BOTH = {"connection": "salesforce-demo", "object": "Lead", "match_in": ["Contact", "Lead"]}
A, B, C = "00Q0000000000A1AAA", "00Q0000000000B1AAA", "0030000000000C1AAA"


def compiled(**changes: Any) -> CompiledAction:
    """An Action that looks in Contact and Lead."""
    return compile_action(an_action(**{"destination": BOTH} | changes), 1, LEAD, CONTACT)


def candidate(number: int = 7, *, changes: dict[str, Any] | None = None, **lead: Any) -> Candidate:
    """A person of that Action."""
    return a_candidate(compiled=compiled(**changes or {}), payload=a_payload(number, **lead))


def a_match(record_id: str, object_name: str = "Lead", **fields: Any) -> dict[str, Any]:
    """A record that was found."""
    return {"Id": record_id, "Email": "person7@example.com", "attributes": {"type": object_name}} | fields


def decide(of: Candidate, *matches: dict[str, Any]) -> Any:
    """The decision at noon."""
    return decide_write(of, matches, now=NOON, settle=timedelta(seconds=60))


# -- objects


def test_the_first_object_that_has_the_person_decides() -> None:
    """A Contact goes before a Lead of the same address, whichever is found first; only its own fields are written."""
    decided = decide(candidate(), a_match(A), a_match(C, "Contact"))

    assert isinstance(decided, Write)
    assert (decided.intent.operation, decided.intent.object, decided.intent.record_id) == ("update", "Contact", C)
    assert decided.fields == {"Email": "person7@example.com", "FirstName": "Ada", "LastName": "Lovelace"}


def test_without_a_match_the_record_is_made_in_the_named_object() -> None:
    """Nobody has the address: a Lead is created, with the fields of a Lead."""
    decided = decide(candidate())

    assert isinstance(decided, Write)
    assert (decided.intent.operation, decided.intent.object) == ("create", "")
    assert decided.fields["Company"] == "Analytical Engines"


def test_a_converted_lead_stands_for_its_contact() -> None:
    """Two Leads that were converted to one Contact are that Contact; where no Contact is looked for, each is itself."""
    leads = [a_match(A, ConvertedContactId=C), a_match(B, ConvertedContactId=C)]

    decided = decide(candidate(), *leads)
    alone = decide(candidate(changes={"destination": {"connection": "salesforce-demo", "object": "Lead"}}), *leads[:1])

    assert isinstance(decided, Write)
    assert (decided.intent.operation, decided.intent.object, decided.intent.record_id) == ("update", "Contact", C)
    assert "ConvertedContactId" in compiled().matched_fields
    assert isinstance(alone, Write)


def test_the_guards_cover_every_object_and_identifier() -> None:
    """Two Actions by different objects or identifiers share a key, so that they cannot race on one person."""
    key = {"column": "externalId", "field": "External__c"}
    lead_only = a_candidate(compiled=compile_action(an_action(), 1, LEAD), payload=a_payload(8))
    by_both = candidate(changes={"further_identifiers": [key]}, email="person8@example.com", externalId="X")

    assert len(by_both.guards) == 4
    assert set(lead_only.match_guards) < set(by_both.match_guards)


# -- identifiers


@pytest.mark.parametrize(
    ("email", "key", "matches", "expected"),
    [
        ("a@example.com", "X", [a_match(A, Email="a@example.com"), a_match(B, Email="b@example.com")], A),
        ("", "X", [a_match(B, External__c="x")], B),
        ("a@example.com", "X", [a_match(B, Email="b@example.com", External__c="X")], B),
        ("nobody", "X", [a_match(B, External__c="X")], B),
        ("a@example.com", "", [a_match(A, Email="A@example.com")], A),
    ],
    ids=["first", "first is blank", "first finds nobody", "first is invalid", "second is blank"],
)
def test_the_first_identifier_that_finds_a_record_decides(
    email: str, key: str, matches: list[dict[str, Any]], expected: str
) -> None:
    """Identifiers are tried in their order; blank and invalid ones, and those that find nobody, are passed over."""
    changes = {"further_identifiers": [{"column": "externalId", "field": "External__c"}]}
    person = candidate(changes=changes | {"destination": None, **_lead_only()}, email=email, externalId=key)

    decided = decide(person, *matches)

    assert isinstance(decided, Write)
    assert (decided.intent.operation, decided.intent.record_id) == ("update", expected)


def _lead_only() -> dict[str, Any]:
    return {"destination": {"connection": "salesforce-demo", "object": "Lead"}}


@pytest.mark.parametrize(
    ("lead", "reason", "words"),
    [
        ({"email": "", "externalId": ""}, "identifier_missing", "Missing identifier: email, externalId."),
        ({"email": "nobody"}, "identifier_invalid", "the value in email is not a valid email"),
    ],
)
def test_a_person_without_any_identifier_is_skipped(lead: dict[str, Any], reason: str, words: str) -> None:
    """Where no identifier can be used, the person is skipped; the sentence names them."""
    action = compiled(further_identifiers=[{"column": "externalId", "field": "External__c"}])

    skipped = admit(an_event(payload=a_payload(7, **lead)), action, SECRET)

    assert isinstance(skipped, Result)
    assert (skipped.outcome, skipped.reason) == (Outcome.SKIPPED, reason)
    assert words in skipped.message


def test_a_new_record_carries_all_of_its_identifiers() -> None:
    """What is created can be found by each identifier next time, whether or not a mapping names it."""
    changes = {"further_identifiers": [{"column": "externalId", "field": "External__c"}], **_lead_only()}

    decided = decide(candidate(changes=changes, externalId="X-1"))

    assert isinstance(decided, Write)
    assert (decided.fields["Email"], decided.fields["External__c"]) == ("person7@example.com", "X-1")


def test_the_vendors_upsert_needs_the_value_of_its_key() -> None:
    """A person without the external id is created plainly: an upsert by a blank would be refused."""
    key, mail = {"column": "externalId", "field": "External__c"}, {"column": "email", "field": "Email"}
    changes = {"identifier": key, "further_identifiers": [mail], **_lead_only()}

    by_key, by_mail = decide(candidate(changes=changes, externalId="X")), decide(candidate(changes=changes))

    assert isinstance(by_key, Write)
    assert isinstance(by_mail, Write)
    assert (by_key.intent.operation, by_mail.intent.operation) == ("upsert", "create")


# -- the duplicate record rule


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (None, None),
        ({"choose": "refuse"}, None),
        ({"order_by": "CreatedDate", "choose": "newest"}, B),
        ({"order_by": "CreatedDate", "choose": "oldest"}, A),
        ({"order_by": "LastModifiedDate", "choose": "newest"}, A),
        ({"order_by": "Status", "choose": "first"}, A),
        ({"order_by": "Status", "choose": "first", "order": ["Closed", "Open"]}, B),
        ({"order_by": "Status", "choose": "first", "order": ["Working"]}, None),
        ({"order_by": "Birthday__c", "choose": "newest"}, B),
        ({"order_by": "LastSeen__c", "choose": "newest"}, None),
    ],
)
def test_the_rule_chooses_one_or_none(rule: dict[str, Any] | None, expected: str | None) -> None:
    """Dates, the picklist's own order, an order of one's own; where no value tells, nothing is chosen."""
    action = compiled(duplicate_record_rule=rule)
    created = {"CreatedDate": "2026-01-01T00:00:00.000+0000", "LastModifiedDate": "2026-02-02T00:00:00.000+0000"}
    changed = {"CreatedDate": "2026-01-02T00:00:00.000+0000", "LastModifiedDate": "2026-02-01T00:00:00.000+0000"}
    matches = [
        a_match(A, Status="Open", Birthday__c=None, **created),
        a_match(B, Status="Closed", Birthday__c="1990-01-01", **changed),
    ]
    look, found = deciding(candidate().looks, matches)

    for given in (found, list(reversed(found))):
        assert choose(action, look, given) == (Chosen(object="Lead", id=expected) if expected else None)


# -- checks at save


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"further_identifiers": [{"column": "externalId", "field": "Extern__c"}]},
            "further_identifiers[0].field: Lead has no field Extern__c; did you mean External__c?",
        ),
        (
            {"further_identifiers": [{"column": "extern", "field": "External__c"}]},
            "further_identifiers[0].column: the Marketo lead has no field extern",
        ),
        (
            {"identifier": {"column": "externalId", "field": "External__c"}},
            "destination.match_in[0]: Contact has none of the identifiers External__c; remove it",
        ),
        (
            {"type": "create"},
            "destination.match_in: an Action of type create looks for no record; remove it, or choose upsert",
        ),
        (
            {"duplicate_record_rule": {"order_by": "Statu", "choose": "newest"}},
            "duplicate_record_rule.order_by: Contact has no field Statu",
        ),
        (
            {"duplicate_record_rule": {"order_by": "FirstName", "choose": "newest"}},
            "duplicate_record_rule.order_by: `newest` goes by a date, and Contact.FirstName is none; choose a date",
        ),
        (
            {"duplicate_record_rule": {"order_by": "Title", "choose": "first"}},
            "duplicate_record_rule.order: Contact.Title has no picklist; list its values in their order",
        ),
        (
            {"results": {"mappings": [{"field": "Titel", "to": "message"}]}},
            "results.mappings[0].field: Lead or Contact has no field Titel; did you mean Title?",
        ),
        (
            {"mappings": [{"column": "title", "to": "Titel"}]},
            "mappings[0].to: Lead or Contact has no field Titel; did you mean Title?",
        ),
    ],
)
def test_what_cannot_match_is_found_at_save(changes: dict[str, Any], said: str) -> None:
    """Each mistake is told with its place and remedy."""
    results = an_action().model_dump(exclude_none=True)["results"] | changes.pop("results", {})
    action: Action = an_action(**{"destination": BOTH, "results": results} | changes)

    lines = check_action(
        action, leads=marketo_leads(), destination=LEAD, others=[CONTACT], activity=a_result_activity()
    )

    assert any(line.startswith(f"action person-to-lead: {said}") for line in lines), lines


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"destination": BOTH},
        {"destination": BOTH, "duplicate_record_rule": {"order_by": "CreatedDate", "choose": "oldest"}},
        {"type": "decide", "mappings": None, "writeback": [{"execution": "decision", "to": "leadStatus"}]},
    ],
)
def test_what_can_match_has_no_findings(changes: dict[str, Any]) -> None:
    """Documents from before, an ordered list of objects, and an Action that only looks are fine."""
    action = an_action(**changes)
    others = [CONTACT] if "Contact" in action.objects else []

    assert (
        check_action(action, leads=marketo_leads(), destination=LEAD, others=others, activity=a_result_activity()) == []
    )
