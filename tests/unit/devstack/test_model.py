"""The plain model says what the documented rules say, case by case."""

from pathlib import Path
from typing import Any

import pytest

from devstack import model
from tests.unit.devstack.runs import Json, a_lead_before, a_person, loaded

CREATED, UPDATED = ("created", None), ("updated", None)


def expect(*lines: Json, overtaken: tuple[model.CallKey, ...] = ()) -> model.Expectation:
    ids = loaded(list(lines))
    return model.expect(lines, ids.lead_ids, ids.record_ids, overtaken)


def outcomes(expectation: model.Expectation) -> list[tuple[str, str | None]]:
    return [(result.outcome, result.reason) for result in expectation.results.values()]


@pytest.mark.parametrize(
    ("says", "outcome", "reason"),
    [
        ({}, "created", None),
        ({"email": ""}, "skipped", "identifier_missing"),
        ({"email": " \t"}, "skipped", "identifier_missing"),
        ({"email": "no-at.example.com"}, "skipped", "identifier_invalid"),
        ({"email": "two@@example.com"}, "skipped", "identifier_invalid"),
        ({"email": "in side@example.com"}, "skipped", "identifier_invalid"),
        ({"email": "no-dot@localhost"}, "skipped", "identifier_invalid"),
        ({"leadStatus": "Disqualified"}, "skipped", "condition_not_met"),
        ({"leadStatus": "Disqualified", "email": ""}, "skipped", "condition_not_met"),
        ({"company": ""}, "failed", "salesforce_REQUIRED_FIELD_MISSING"),
        ({"lastName": "  "}, "failed", "salesforce_REQUIRED_FIELD_MISSING"),
        ({"firstName": "x" * 41}, "failed", "salesforce_STRING_TOO_LONG"),
        ({"firstName": "x" * 40}, "created", None),
        ({"lastName": "x" * 81}, "failed", "salesforce_STRING_TOO_LONG"),
        ({"company": "x" * 256}, "failed", "salesforce_STRING_TOO_LONG"),
        ({"phone": "x" * 41}, "failed", "salesforce_STRING_TOO_LONG"),
        ({"title": "x" * 129}, "failed", "salesforce_STRING_TOO_LONG"),
    ],
)
def test_a_new_person_comes_to_what_the_rules_say(says: Json, outcome: str, reason: str | None) -> None:
    """One call with these values has this outcome and reason."""
    assert outcomes(expect(a_person("ada", {"lead": says}))) == [(outcome, reason)]


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        ('{"lead": {"id": 1', "rejected"),
        ("[]", "rejected"),
        ('{"lead": {"email": "a@example.com"}}', "rejected"),
        ('{"lead": {"id": "", "email": "a@example.com"}}', "rejected"),
        ('{"lead": {"id": "seven"}}', "rejected"),
        ('{"lead": {"id": true}}', "rejected"),
        (
            '{"lead": {"id": {{lead.Id}}, "email": "a@example.com", "lastName": "x", "company": 42}}',
            "created",
        ),
    ],
)
def test_a_raw_body_is_used_only_if_it_names_a_lead(raw: str, outcome: str) -> None:
    """A body is rejected exactly if it is no JSON object with a lead whose id is digits."""
    assert outcomes(expect(a_person("ada", {"raw": raw})))[0][0] == outcome


def test_a_known_lead_keeps_what_is_blank_or_not_mapped() -> None:
    """An update sets the mapped fields that have a value, trimmed, and the static one; nothing else moves."""
    before = a_lead_before("ada", Phone="+1", Rating="Hot")
    call: dict[str, Any] = {"lead": {"email": " ADA@Example.com ", "lastName": " Neu ", "phone": " "}}

    expectation = expect(a_person("ada", call, salesforce=[before]))

    assert outcomes(expectation) == [UPDATED]
    (record,) = expectation.records
    assert record.fields == {
        "Email": "ADA@Example.com",
        "FirstName": "Ada",
        "LastName": "Neu",
        "Company": "Nordlicht",
        "Phone": "+1",
        "Title": "CEO",
        "Rating": "Hot",
        "LeadSource": "Marketo",
    }
    assert expectation.write_backs == {"1": record}


def test_a_field_that_the_template_does_not_name_is_blank() -> None:
    """Without its token in the template a value does not arrive."""
    expectation = expect(a_person("ada", {"fields": ["email", "lastName", "company"]}))

    assert "Title" not in expectation.records[0].fields


def test_several_matching_leads_fail_and_stay_as_they_are() -> None:
    """Two Leads with one address: the call fails, nothing is written, nothing is written back."""
    pair = [a_lead_before("ada"), a_lead_before("ADA")]

    expectation = expect(a_person("ada", salesforce=pair))

    assert outcomes(expectation) == [("failed", "ambiguous_match")]
    assert [record.fields for record in expectation.records] == pair
    assert not expectation.write_backs


def test_the_calls_of_a_person_follow_each_other() -> None:
    """Fails, creates, updates: each call finds what the one before left."""
    calls = [{"lead": {"company": ""}}, {}, {"lead": {"title": "CTO"}}]

    expectation = expect(a_person("ada", *calls))

    assert outcomes(expectation) == [("failed", "salesforce_REQUIRED_FIELD_MISSING"), CREATED, UPDATED]
    assert expectation.records[0].fields["Title"] == "CTO"


def test_two_marketo_leads_with_one_address_share_a_lead() -> None:
    """The second person updates what the first created, and both carry its Id."""
    second = a_person("bo", {"lead": {"email": "ADA@example.com"}})

    expectation = expect(a_person("ada"), second)

    assert outcomes(expectation) == [CREATED, UPDATED]
    assert expectation.write_backs == {"1": expectation.records[0], "2": expectation.records[0]}


def test_one_event_id_is_one_event() -> None:
    """The second call with an event id is a duplicate; without one it is not."""
    expectation = expect(a_person("ada", {"event_id": "e"}, {"event_id": "e"}), a_person("bo", {}, {}))

    assert outcomes(expectation) == [CREATED, ("duplicate", "duplicate_event_id"), CREATED, UPDATED]


def test_an_overtaken_call_writes_nothing() -> None:
    """Where the product says that a newer call came through first, the newer one creates."""
    calls = [{"lead": {"phone": "+1"}}, {"lead": {"title": "CTO"}}]

    expectation = expect(a_person("ada", *calls), overtaken=(("ada", 0),))

    assert outcomes(expectation) == [("superseded", "overtaken"), CREATED]
    assert "Phone" not in expectation.records[0].fields
    assert expectation.unfounded == []


def test_the_last_call_cannot_have_been_overtaken() -> None:
    """Superseded without a newer written call is unfounded; in a burst any other written call will do."""
    calls: list[Json] = [{}, {}]

    alone = expect(a_person("ada", *calls), overtaken=(("ada", 1),))
    everything = expect(a_person("ada", *calls, burst=True), overtaken=(("ada", 0), ("ada", 1)))
    burst = expect(a_person("ada", *calls, burst=True), overtaken=(("ada", 1),))

    assert alone.unfounded == [("ada", 1)]
    assert everything.unfounded == [("ada", 0), ("ada", 1)]
    assert burst.unfounded == []


def test_the_model_stays_small_and_alone() -> None:
    """Under 150 lines, and no import of anything of ours."""
    text = Path(model.__file__).read_text(encoding="utf-8")

    assert len(text.splitlines()) < 150
    assert not [line for line in text.splitlines() if "import" in line and ("leadbridge" in line or "devstack" in line)]
    assert not [line for line in text.splitlines() if line.startswith(("from simulator", "import simulator"))]
