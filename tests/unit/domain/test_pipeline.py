"""The decisions of an Action run: values in, decisions out."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.event import Event, Intent, Result
from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.outcome import Outcome, Reason, State
from leadbridge.domain.pipeline import (
    Candidate,
    Wait,
    Write,
    activity_attributes,
    admit,
    backoff_seconds,
    compile_action,
    contested,
    decide_write,
    left_alone,
    map_fields,
    overtaken,
    reports,
    success,
    superseded,
    told_as,
    writeback_row,
    written_under,
)
from leadbridge.domain.sources import Inputs, trace
from tests.builders.actions import ACTION, a_compiled_action, an_action
from tests.builders.descriptions import a_field, a_salesforce_lead
from tests.builders.events import SECRET, a_candidate, a_payload, a_sequence, an_event, an_execution_id
from tests.fakes.clock import NOON

SETTLE = timedelta(seconds=60)
MARKER = {"connection": "salesforce-demo", "object": "Lead", "idempotency_field": "Leadbridge__c"}
RULE = {"order_by": "LastModifiedDate", "choose": "newest"}
A, B, C = "00Q0000000000A1AAA", "00Q0000000000B1AAA", "00Q0000000000C1AAA"


def decide(
    candidate: Candidate, *matches: Mapping[str, Any], seconds: float = 0, contested: bool = False
) -> Write | Result | Wait:
    """The decision so many seconds after noon."""
    now = NOON + timedelta(seconds=seconds)
    return decide_write(candidate, matches, now=now, settle=SETTLE, contested=contested)


def a_match(record_id: str, hours: int = 0, **fields: Any) -> dict[str, Any]:
    """A record as the match query returns it, changed so many hours after noon."""
    at = (NOON + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return {"Id": record_id, "Email": "person7@example.com", "LastModifiedDate": at, "CreatedDate": at} | fields


# -- compile


def test_compiling_types_static_values_once() -> None:
    """Static values are typed by their destination field when the Action is compiled."""
    mappings = [
        {"static": "Webinar", "to": "LeadSource"},
        {"static": 42, "to": "NumberOfEmployees"},
        {"static": "42", "to": "AnnualRevenue"},
        {"static": True, "to": "HasOptedOutOfEmail"},
    ]

    compiled = a_compiled_action(mappings=mappings)

    assert compiled.statics == {
        "LeadSource": "Webinar",
        "NumberOfEmployees": 42,
        "AnnualRevenue": 42,
        "HasOptedOutOfEmail": True,
    }


def test_compiling_against_an_org_without_the_field_names_it() -> None:
    """A field that the org no longer has is told by name."""
    described = a_salesforce_lead()
    fields = {name: field for name, field in described.fields.items() if name != "Company"}

    with pytest.raises(KeyError, match="Company"):
        compile_action(an_action(), 1, type(described)(name="Lead", fields=fields))


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, ("Email", "Id")),
        ({"duplicate_record_rule": RULE}, ("Email", "Id", "LastModifiedDate")),
        ({"destination": MARKER}, ("Email", "Id", "Leadbridge__c")),
        ({"identifier": {"column": "email", "field": "Id"}}, ("Id",)),
    ],
    ids=["plain", "rule", "idempotency field", "by id"],
)
def test_the_match_query_asks_for_what_the_decision_needs(changes: dict[str, Any], fields: tuple[str, ...]) -> None:
    """The match query returns id and identifier, and what rule and idempotency need, no more."""
    assert a_compiled_action(**changes).matched_fields == fields


def test_read_back_fields_are_those_beyond_the_id() -> None:
    """Only write-backs of other destination fields need a look at the record."""
    back = [{"field": "Id", "to": "salesforceId"}, {"field": "Title", "to": "title"}, {"static": "x", "to": "company"}]

    assert a_compiled_action(writeback=back).read_back_fields == ("Title",)


ID, STATIC = {"field": "Id", "to": "salesforceId"}, {"static": "x", "to": "company"}


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"writeback": [ID, STATIC]}, True),
        ({"writeback": []}, True),
        ({"writeback": [ID, {"column": "company", "to": "company"}]}, False),
        ({"writeback": [{"template": "{{company}}", "to": "company"}]}, False),
        ({"writeback": [{"day": "today", "to": "title"}]}, False),
        ({"writeback": [{"field": "Title", "to": "title"}]}, False),
        ({"writeback": [{"execution": "outcome", "to": "title"}]}, False),
        ({"writeback": [ID], "type": "decide", "mappings": []}, False),
        ({"writeback": [STATIC], "type": "decide", "mappings": []}, True),
    ],
)
def test_only_what_no_run_changes_is_believed_when_it_is_seen(changes: dict[str, Any], *, same: bool) -> None:
    """Statics, and the id of the one record that is written: any other value may be an older run's."""
    assert a_compiled_action(**changes).tells_the_same is same


@pytest.mark.parametrize(
    ("field", "kind", "expected"),
    [("External__c", "upsert", True), ("External__c", "create", False), ("Email", "upsert", False)],
)
def test_the_vendors_upsert_is_for_unique_external_ids(field: str, kind: str, expected: bool) -> None:  # a table
    """The vendor's own upsert is used by upserts whose identifier is a unique external id."""
    compiled = a_compiled_action(identifier={"column": "email", "field": field}, type=kind)

    assert compiled.upserts_by_field is expected


# -- admit

CLAUSE = {"match": "all", "clauses": [{"column": "leadStatus", "operator": "not_equals", "value": "Disqualified"}]}


@pytest.mark.parametrize(
    ("lead", "reason", "words"),
    [
        ({"leadStatus": "Disqualified"}, "condition_not_met", "leadStatus does not equal 'Disqualified'"),
        ({"leadStatus": "Disqualified", "email": ""}, "condition_not_met", "leadStatus"),
        ({"email": None}, "identifier_missing", "Missing identifier: email."),
        ({"email": " "}, "identifier_missing", "Missing identifier: email."),
        ({"email": "nobody"}, "identifier_invalid", "not a valid email"),
    ],
    ids=["condition", "condition comes first", "identifier not sent", "identifier blank", "identifier invalid"],
)
def test_what_is_not_admitted_is_skipped_with_its_reason(lead: dict[str, Any], reason: str, words: str) -> None:
    """Condition, then identifier: whoever does not pass is skipped with a reason and a sentence."""
    admitted = admit(an_event(payload=a_payload(7, **lead)), a_compiled_action(conditions=CLAUSE), SECRET)

    assert isinstance(admitted, Result)
    assert (admitted.outcome, admitted.reason) == (Outcome.SKIPPED, reason)
    assert words in admitted.message
    assert "nobody" not in admitted.message


def test_an_event_that_was_begun_is_not_filtered_again() -> None:
    """An event whose write may have happened is seen through although the condition does not hold."""
    event = an_event(payload=a_payload(7, leadStatus="Disqualified"), state=State.WRITING)

    assert isinstance(admit(event, a_compiled_action(conditions=CLAUSE), SECRET), Candidate)


def test_a_candidate_carries_its_keys() -> None:
    """Two spellings of one address share the match guard and not the lead guard; the keys hold no address."""
    one = a_candidate(1, payload=a_payload(7, email="Ada@example.com "))
    same = a_candidate(2, payload=a_payload(8, email="ada@EXAMPLE.com"))

    assert one.match_guards == same.match_guards
    assert one.lead_guard != same.lead_guard
    assert one.guards == tuple(sorted((one.lead_guard, *one.match_guards)))
    assert (one.identifier, one.match_key) == ("Ada@example.com", "ada@example.com")
    assert "ada" not in "".join(one.guards)


def test_guards_are_shared_by_all_actions_and_claims_by_none() -> None:
    """Two Actions by one identifier share the guards, but never a dedupe claim."""
    rules: dict[str, Any] = {"deduplicate": {"columns": ["email"]}}
    one = a_candidate(1, compiled=a_compiled_action(**rules))
    other = a_candidate(2, compiled=a_compiled_action(id="other", **rules))

    assert one.guards == other.guards
    assert one.claims[0].key != other.claims[0].key


@pytest.mark.parametrize(
    ("members", "lead", "reasons"),
    [
        ({}, {}, []),
        ({"event_id": "e1"}, {}, ["duplicate_event_id"]),
        ({"event_id": " "}, {}, []),
        ({"event_id": 5}, {}, ["duplicate_event_id"]),
    ],
    ids=["none", "text", "blank", "number"],
)
def test_an_event_id_is_a_claim(members: dict[str, Any], lead: dict[str, Any], reasons: list[str]) -> None:
    """Only an event id that is there claims; a number claims like its digits."""
    found = a_candidate(payload=a_payload(7, **lead) | members).claims

    assert [claim.reason for claim in found] == reasons


def test_a_dedupe_rule_is_a_claim_over_its_columns() -> None:
    """Equal values in all columns, in whatever case, make one claim; blanks in all of them make none."""
    compiled = a_compiled_action(deduplicate={"columns": ["phone", "title"], "window_seconds": 60})

    def claims(**lead: Any) -> tuple[str, ...]:
        return tuple(claim.key for claim in a_candidate(compiled=compiled, payload=a_payload(7, **lead)).claims)

    assert claims(phone="1", title="Dr") == claims(phone=" 1", title="DR")
    assert claims(phone="1", title="Dr") != claims(phone="1", title="Prof")
    assert claims(phone="1", title="") != claims(phone="", title="1")
    assert claims(phone="", title=" ") == ()
    assert len(claims(phone="0", title="")) == len(claims(phone=0, title="")) == 1


# -- map


def mapped(mapping: dict[str, Any], **lead: Any) -> Any:
    """The record of one mapping, or the failure."""
    return map_fields(a_candidate(compiled=a_compiled_action(mappings=[mapping]), payload=a_payload(7, **lead)))


@pytest.mark.parametrize(
    ("blank", "value", "expected"),
    [
        ({}, "Dr", {"Title": "Dr"}),
        ({}, "", {}),
        ({}, " ", {}),
        ({}, None, {}),
        ({"blank": "clear"}, "", {"Title": None}),
        ({"blank": "clear"}, "Dr", {"Title": "Dr"}),
        ({"blank": "default", "default": "none"}, "", {"Title": "none"}),
        ({"blank": "default", "default": "none"}, "Dr", {"Title": "Dr"}),
    ],
)
def test_a_blank_does_what_its_policy_says(blank: dict[str, Any], value: str | None, expected: dict[str, Any]) -> None:
    """A blank leaves the field alone, clears it, or writes the default."""
    assert mapped({"column": "title", "to": "Title"} | blank, title=value) == expected


def test_a_column_of_campaign_or_token_is_mapped() -> None:
    """Columns beside the lead's fields are mapped by their group and name."""
    assert mapped({"column": "campaign.name", "to": "LeadSource"}) == {"LeadSource": "Welcome"}


def test_a_value_of_the_wrong_type_fails_and_names_column_and_field() -> None:
    """What the field cannot take fails the record with column, field and types, not with the value."""
    failed = mapped({"column": "score", "to": "NumberOfEmployees"}, score="seven")

    assert (failed.outcome, failed.reason) == (Outcome.FAILED, "value_invalid")
    assert failed.message == (
        "The value of score cannot be written to NumberOfEmployees: "
        "a whole number expected, a text of 5 characters given."
    )


@pytest.mark.parametrize(
    ("mapping", "reason", "said"),
    [
        (
            {"transforms": [{"type": "trim"}, {"type": "number_parse"}]},
            "rule_failed",
            (
                "The rule number_parse cannot be applied to the value of score for NumberOfEmployees: "
                "a number expected, a text of 5 characters given. Nothing was written. "
                "Correct the value or the rule, then send the person again."
            ),
        ),
        (
            {"transforms": [{"type": "number_parse", "otherwise": "blank"}], "blank": "fail"},
            "value_missing",
            (
                "Missing value: score is blank and the mapping to NumberOfEmployees requires it. Nothing was written. "
                "Fill it or change the mapping, then send the person again."
            ),
        ),
    ],
)
def test_a_rule_that_cannot_be_applied_fails_its_record(mapping: dict[str, Any], reason: str, said: str) -> None:
    """The record fails with a code of its own; the sentence names rule, column, field and type, not the value."""
    failed = mapped({"column": "score", "to": "NumberOfEmployees"} | mapping, score="seven")

    assert (failed.outcome, failed.reason, failed.message) == (Outcome.FAILED, reason, said)


def test_every_source_and_rule_reaches_the_record() -> None:
    """Column, static, day and template are mapped beside each other, cut to the field and typed for it."""
    mappings = [
        {"static": "Webinar", "to": "LeadSource"},
        {"day": "tomorrow", "to": "Birthday__c"},
        {"day": "today", "to": "LastSeen__c"},
        {"template": "{{firstName}} - {{lastName}}", "to": "Title"},
        {"column": "company", "to": "FirstName", "transforms": [{"type": "truncate", "on": "word"}]},
        {"column": "score", "to": "AnnualRevenue", "transforms": [{"type": "number_parse", "decimal": ","}]},
        {"static": " x ", "to": "Phone", "transforms": [{"type": "trim"}]},
    ]
    compiled = a_compiled_action(mappings=mappings, time_zone="Asia/Tokyo")
    payload = a_payload(7, company="Analytical Engines and Looms of Example Town Limited", score="12,5", lastName=None)

    record = map_fields(a_candidate(compiled=compiled, payload=payload, received_at=NOON + timedelta(hours=4)))

    assert record == {
        "LeadSource": "Webinar",
        "Birthday__c": (NOON + timedelta(days=2)).date().isoformat(),
        "LastSeen__c": (NOON + timedelta(hours=3)).isoformat().replace("+00:00", "Z"),
        "Title": "Ada - ",
        "FirstName": "Analytical Engines and Looms of Example",
        "AnnualRevenue": 12.5,
        "Phone": "x",
    }


def test_what_the_trace_shows_is_what_is_written() -> None:
    """For every mapping of an Action, fixed values too, the dry run's trace ends in the value of the record."""
    mappings: list[dict[str, Any]] = [
        {"static": "42", "to": "AnnualRevenue"},
        {"column": "title", "to": "Title"},
        {"column": "phone", "to": "Phone", "blank": "clear"},
        {"column": "score", "to": "NumberOfEmployees", "transforms": [{"type": "number_parse"}]},
        {"day": "today", "to": "LastSeen__c"},
    ]
    candidate = a_candidate(compiled=a_compiled_action(mappings=mappings), payload=a_payload(7, score="7"))

    told = trace(candidate.compiled.mapped, Inputs(columns=candidate.columns, at=candidate.event.received_at))

    assert [each.to for each in told] == [str(mapping["to"]) for mapping in mappings]
    assert {each.to: each.values[1] for each in told if each.fate.value != "skipped_blank"} == map_fields(candidate)


def test_a_repeated_run_writes_the_day_of_the_call() -> None:
    """A day hangs on when the call arrived, so that a run after midnight repeats what the first one wrote."""
    candidate = a_candidate(compiled=a_compiled_action(mappings=[{"day": "today", "to": "Birthday__c"}]))

    first, later = decide(candidate), decide(candidate, seconds=86_400)

    assert isinstance(first, Write)
    assert isinstance(later, Write)
    assert first.fields == later.fields


def test_a_static_value_that_no_longer_fits_fails_its_records() -> None:
    """Where the org changed a field's type since, each record says so; the worker goes on."""
    compiled = a_compiled_action(described=a_salesforce_lead(LeadSource=a_field("LeadSource", "double")))

    failed = map_fields(a_candidate(compiled=compiled))

    assert isinstance(failed, Result)
    assert failed.reason == "value_invalid"
    assert failed.message.startswith("The value of the static value cannot be written to LeadSource: a number expected")


# -- decide


@pytest.mark.parametrize(
    ("kind", "matches", "rule", "expected"),
    [
        ("create", 0, None, "create"),
        ("create", 1, None, "create"),
        ("create", 2, None, "create"),
        ("update", 0, None, "no_match"),
        ("update", 1, None, "update A"),
        ("update", 2, None, "ambiguous_match"),
        ("update", 2, RULE, "update B"),
        ("upsert", 0, None, "create"),
        ("upsert", 1, None, "update A"),
        ("upsert", 2, None, "ambiguous_match"),
        ("upsert", 2, RULE, "update B"),
        ("upsert", 2, RULE | {"choose": "oldest"}, "update A"),
    ],
)
def test_what_is_written_depends_on_type_matches_and_rule(
    kind: str, matches: int, rule: dict[str, str] | None, expected: str
) -> None:
    """For each type of Action and 0, 1, 2 matches: create, update of which, or why nothing."""
    candidate = a_candidate(compiled=a_compiled_action(type=kind, duplicate_record_rule=rule))

    decided = decide(candidate, *[a_match(A, hours=0), a_match(B, hours=1)][:matches])

    if isinstance(decided, Write):
        chosen = {None: "", A: " A", B: " B"}[decided.intent.record_id]
        assert f"{decided.intent.operation}{chosen}" == expected
        assert decided.intent.before == (A, B)[:matches]
        assert (decided.intent.at, decided.intent.attempt) == (NOON, 1)
    else:
        assert isinstance(decided, Result)
        assert decided.reason == expected


@pytest.mark.parametrize("choose", ["newest", "oldest"])
@pytest.mark.parametrize("order", [(A, B, C), (C, B, A), (B, C, A)])
def test_equal_dates_fall_back_to_the_lowest_id(choose: str, order: tuple[str, ...]) -> None:
    """Of records with equal dates the one with the lowest id is updated, in whatever order they come."""
    candidate = a_candidate(compiled=a_compiled_action(duplicate_record_rule=RULE | {"choose": choose}))

    decided = decide(candidate, *[a_match(record_id) for record_id in order])

    assert isinstance(decided, Write)
    assert decided.intent.record_id == A


def test_dates_compare_as_instants() -> None:
    """Dates in different zones are compared as instants, not as text."""
    candidate = a_candidate(compiled=a_compiled_action(duplicate_record_rule=RULE))
    early = a_match(A) | {"LastModifiedDate": "2026-03-02T12:30:00.000+0100"}
    late = a_match(B) | {"LastModifiedDate": "2026-03-02T12:00:00.000+0000"}

    decided = decide(candidate, early, late)

    assert isinstance(decided, Write)
    assert decided.intent.record_id == B


def test_an_ambiguity_lists_the_candidates() -> None:
    """Several matches without a rule fail with the object, the field and all ids."""
    failed = decide(a_candidate(), a_match(B), a_match(A))

    assert isinstance(failed, Result)
    assert failed.outcome is Outcome.FAILED
    assert f"Several Lead records match Email: {A}, {B}." in failed.message


def test_a_value_that_does_not_fit_is_told_before_the_matches() -> None:
    """A record that cannot be written fails as such, however many matches there are."""
    compiled = a_compiled_action(mappings=[{"column": "score", "to": "NumberOfEmployees"}])
    candidate = a_candidate(compiled=compiled, payload=a_payload(7, score="x"))

    failed = decide(candidate, a_match(A), a_match(B))

    assert isinstance(failed, Result)
    assert failed.reason == "value_invalid"


def test_a_new_record_of_an_upsert_carries_its_identifier() -> None:
    """A record made by an upsert can be found next time although no mapping names the identifier."""
    candidate = a_candidate(compiled=a_compiled_action(mappings=[{"column": "lastName", "to": "LastName"}]))

    created, updated = decide(candidate), decide(candidate, a_match(A))

    assert isinstance(created, Write)
    assert isinstance(updated, Write)
    assert created.fields == {"LastName": "Lovelace", "Email": "person7@example.com"}
    assert updated.fields == {"LastName": "Lovelace"}


def test_an_idempotency_field_is_written_with_creates_only() -> None:
    """A create carries the execution id in the idempotency field and is a plain create; an update does not."""
    compiled = a_compiled_action(destination=MARKER, identifier={"column": "email", "field": "External__c"})
    candidate = a_candidate(compiled=compiled)

    created, updated = decide(candidate), decide(candidate, a_match(A))

    assert isinstance(created, Write)
    assert isinstance(updated, Write)
    assert (created.intent.operation, created.fields["Leadbridge__c"]) == ("create", an_execution_id(1))
    assert "Leadbridge__c" not in updated.fields


# -- resume


def interrupted(operation: str = "create", *, before: tuple[str, ...] = (), **changes: Any) -> Candidate:
    """A candidate whose write was begun at noon and may have been committed."""
    record_id = A if operation == "update" else None
    intent = Intent(operation=operation, at=NOON, attempt=1, record_id=record_id, before=before)
    return a_candidate(compiled=a_compiled_action(**changes), state=State.WRITING, intent=intent)


def test_an_interrupted_create_that_is_found_is_created() -> None:
    """A record that was not there before is the lost one."""
    decided = decide(interrupted(before=(A,)), a_match(A), a_match(B), seconds=1)

    assert decided == Result(outcome=Outcome.CREATED, record_id=B)


@pytest.mark.parametrize("operation", ["create", "upsert"])
def test_an_interrupted_create_that_is_not_found_waits_and_is_repeated(operation: str) -> None:
    """Within the settling time nothing is repeated; after it the write is made again, with the same fields."""
    candidate = interrupted(operation)
    first = decide(a_candidate())

    waiting, again = decide(candidate, seconds=59), decide(candidate, seconds=60)

    assert waiting == Wait(until=NOON + SETTLE)
    assert isinstance(again, Write)
    assert isinstance(first, Write)
    assert again.repeated
    assert again.fields == first.fields
    assert (again.intent.operation, again.intent.attempt, again.intent.before) == (operation, 2, ())
    assert again.intent.at == NOON + timedelta(seconds=60)


def test_a_repeated_create_carries_the_idempotency_field_and_the_identifier() -> None:
    """A repetition holds all that the first try held, above all what makes it recognisable."""
    mappings = [{"column": "lastName", "to": "LastName"}]

    again = decide(interrupted(destination=MARKER, mappings=mappings), seconds=60)

    assert isinstance(again, Write)
    assert again.fields == {
        "LastName": "Lovelace",
        "Email": "person7@example.com",
        "Leadbridge__c": an_execution_id(1),
    }


def test_an_interrupted_create_that_could_be_several_is_uncertain() -> None:
    """Two records that were not there before: nothing is repeated, both are named."""
    decided = decide(interrupted(), a_match(A), a_match(B), seconds=1)

    assert isinstance(decided, Result)
    assert (decided.outcome, decided.reason) == (Outcome.FAILED, "uncertain")
    assert A in decided.message
    assert B in decided.message


def test_with_an_idempotency_field_only_the_own_record_counts() -> None:
    """With an idempotency field other new records do not confuse, and none of them is taken for ours."""
    candidate = interrupted(destination=MARKER)
    other, own = a_match(A, Leadbridge__c="else"), a_match(B, Leadbridge__c=an_execution_id(1))

    assert decide(candidate, other, own, seconds=1) == Result(outcome=Outcome.CREATED, record_id=B)
    assert decide(candidate, other, seconds=1) == Wait(until=NOON + SETTLE)


@pytest.mark.parametrize("matches", [0, 1, 2])
def test_an_interrupted_update_is_made_again_on_the_same_record(matches: int) -> None:
    """Once the first try cannot come in late any more, the same record is updated whatever matches by now."""
    candidate = interrupted("update", before=(A,))
    found = [a_match(B), a_match(C)][:matches]

    assert decide(candidate, *found, seconds=1) == Wait(until=NOON + SETTLE)
    again = decide(candidate, *found, seconds=SETTLE.total_seconds())

    assert isinstance(again, Write)
    assert (again.intent.operation, again.intent.record_id, again.intent.attempt) == ("update", A, 2)


@pytest.mark.parametrize(
    ("created", "repeated", "before", "outcome"),
    [
        (True, False, (), Outcome.CREATED),
        (False, False, (), Outcome.UPDATED),
        (False, True, (), Outcome.CREATED),
        (False, True, (A,), Outcome.UPDATED),
        (True, True, (A,), Outcome.CREATED),
    ],
)
def test_a_repeated_write_that_finds_its_own_record_has_created_it(
    *, created: bool, repeated: bool, before: tuple[str, ...], outcome: Outcome
) -> None:
    """ "Updated" by a repetition of a create, where no record was before, means that the first try created it."""
    intent = Intent(operation="upsert", at=NOON, attempt=2, before=before)
    write = Write(candidate=a_candidate(), intent=intent, fields={}, repeated=repeated)

    assert success(write, B, created=created) == Result(outcome=outcome, record_id=B)


# -- order


@pytest.mark.parametrize(
    ("kind", "event", "last", "by_record", "by_lead"),
    [
        ("upsert", {}, {ACTION: a_sequence(2)}, True, True),
        ("update", {}, {ACTION: a_sequence(2)}, True, True),
        ("create", {}, {ACTION: a_sequence(2)}, False, False),
        ("upsert", {}, {ACTION: a_sequence(1)}, False, False),
        ("upsert", {}, {ACTION: a_sequence(0)}, False, False),
        ("upsert", {}, {"other": a_sequence(2)}, False, False),
        ("upsert", {}, {}, False, False),
        ("create", {"intent": "create"}, {ACTION: a_sequence(2)}, False, False),
        ("upsert", {"intent": "create"}, {ACTION: a_sequence(2)}, True, False),
        ("upsert", {"intent": "upsert"}, {ACTION: a_sequence(2)}, True, False),
        ("upsert", {"intent": "update"}, {ACTION: a_sequence(2)}, True, True),
    ],
    ids=[
        "newer written",
        "newer written, update",
        "creates are never overtaken",
        "itself written",
        "older written",
        "another Action",
        "nothing written",
        "a create in doubt is seen through",
        "an upsert that may have created is overtaken on its own record only",
        "an upsert by the vendor likewise",
        "an update in doubt is not repeated",
    ],
)
def test_what_only_sets_fields_can_be_overtaken(
    kind: str,
    event: dict[str, Any],
    last: dict[str, str],
    by_record: bool,
    by_lead: bool,
) -> None:
    """A newer written event of the same Action overtakes an older one, unless that creates."""
    members: dict[str, Any] = {}
    if event:
        intent = Intent(operation=event["intent"], at=NOON, attempt=1)
        members = {"intent": intent, "state": State.WRITING}
    candidate = a_candidate(1, compiled=a_compiled_action(type=kind), **members)

    assert overtaken(candidate, candidate.match_guards[0], last) is by_record
    assert overtaken(candidate, candidate.lead_guard, last) is by_lead


def test_records_of_others_are_not_taken_for_the_own_lost_one() -> None:
    """Where a newer event was written meanwhile, a new record may be its own: a create says so, an upsert fills it."""
    create = interrupted(type="create")
    upsert = interrupted()

    unsure = decide(create, a_match(B), seconds=SETTLE.total_seconds(), contested=True)
    filled = decide(upsert, a_match(B), seconds=SETTLE.total_seconds(), contested=True)

    assert isinstance(unsure, Result)
    assert (unsure.outcome, unsure.reason) == (Outcome.FAILED, "uncertain")
    assert B in unsure.message
    assert isinstance(filled, Write)
    assert (filled.intent.operation, filled.intent.record_id) == ("update", B)


def test_an_event_that_was_parked_in_doubt_takes_nothing_for_its_own() -> None:
    """Once it has left its lane it cannot know who wrote, even if nothing stands under its guards (seed 2986)."""
    candidate = interrupted()
    assert candidate.event.intent is not None
    unwritten = written_under({})
    before = candidate.with_event(candidate.event.evolve(intent=replace(candidate.event.intent, written=unwritten)))

    parked = before.with_event(left_alone(before.event))

    assert (contested(before, unwritten), contested(parked, unwritten)) == (False, True)
    assert left_alone(a_candidate(1).event) == a_candidate(1).event


def test_with_an_idempotency_field_the_own_record_is_told_from_those_of_others() -> None:
    """A newer event written meanwhile leaves no doubt where the record carries the execution id."""
    candidate = interrupted(destination=MARKER)
    own = a_match(B, Leadbridge__c=an_execution_id(1))

    assert decide(candidate, own, seconds=1, contested=True) == Result(outcome=Outcome.CREATED, record_id=B)


@pytest.mark.parametrize(
    ("matches", "by_another_lead", "record_id"),
    [([A], True, A), ([A], False, None), ([], True, None), ([A, B], True, None)],
    ids=["another lead's", "its own", "no match", "ambiguous"],
)
def test_a_superseded_event_learns_the_record_of_another_lead(
    matches: list[str], *, by_another_lead: bool, record_id: str | None
) -> None:
    """Overtaken by another person's event, a person still gets the one record's id; else nothing is to be told."""
    result = superseded(a_candidate(), [a_match(one) for one in matches], by_another_lead=by_another_lead)

    assert (result.outcome, result.reason, result.record_id) == (Outcome.SUPERSEDED, "overtaken", record_id)


# -- report


def test_a_write_back_row_holds_id_fields_and_statics() -> None:
    """The row names the lead by id and takes the record's id, its fields and static values."""
    back = [{"field": "Id", "to": "salesforceId"}, {"field": "Title", "to": "title"}, {"static": True, "to": "company"}]
    candidate = a_candidate(compiled=a_compiled_action(writeback=back), payload=a_payload(7))

    row = writeback_row(candidate, Result(outcome=Outcome.CREATED, record_id=A), {"Id": A, "Title": "Dr"})

    assert row == {"id": 7, "salesforceId": A, "title": "Dr", "company": True}


def test_a_write_back_takes_every_source_and_leaves_out_what_it_cannot_make() -> None:
    """Days, templates, columns and rules work as in a mapping; a rule that fails leaves its field out, no other."""
    back: list[dict[str, Any]] = [
        {"day": "today", "to": "birthday"},
        {"template": "by {{lastName}}", "to": "title"},
        {"column": "phone", "to": "phone"},
        {"column": "phone", "to": "company", "blank": "skip"},
        {"field": "Title", "to": "leadStatus", "transforms": [{"type": "case", "to": "upper"}]},
        {"field": "Revenue__c", "to": "score", "transforms": [{"type": "number_parse"}]},
        {"field": "Title", "to": "externalId", "transforms": [{"type": "number_parse"}]},
    ]
    candidate = a_candidate(compiled=a_compiled_action(writeback=back))

    row = writeback_row(
        candidate, Result(outcome=Outcome.UPDATED, record_id=A), {"Id": A, "Title": "Dr", "Revenue__c": 1.5}
    )

    assert row == {
        "id": 7,
        "birthday": NOON.date().isoformat(),
        "title": "by Lovelace",
        "phone": None,
        "leadStatus": "DR",
        "score": 1.5,
    }


def test_a_write_back_that_holds_nothing_is_no_row() -> None:
    """Where every field is left out, there is nothing to call Marketo for."""
    back = [{"column": "phone", "to": "phone", "blank": "skip"}]

    candidate = a_candidate(compiled=a_compiled_action(writeback=back))

    assert writeback_row(candidate, Result(outcome=Outcome.UPDATED, record_id=A), {"Id": A}) is None


@pytest.mark.parametrize(
    ("changes", "record_id"), [({"writeback": []}, A), ({}, None)], ids=["not configured", "nothing was written"]
)
def test_without_record_or_mapping_there_is_no_row(changes: dict[str, Any], record_id: str | None) -> None:
    """Nothing is written back where nothing is mapped or no record was written."""
    candidate = a_candidate(compiled=a_compiled_action(**changes))

    assert writeback_row(candidate, Result(outcome=Outcome.FAILED, record_id=record_id), {}) is None


def test_activity_attributes_carry_facts_columns_and_statics() -> None:
    """Every source fills its attribute as text, blanks are left out, the execution id is always there."""
    facts = ["execution_id", "action_name", "action_id", "outcome", "reason", "message", "salesforce_id"]
    mappings: list[dict[str, Any]] = [{"execution": name, "to": f"a_{name}"} for name in (*facts, "campaign_name")]
    mappings += [{"column": "email", "to": "b"}, {"static": 5, "to": "c"}, {"static": True, "to": "d"}]
    mappings += [{"column": "phone", "to": "e"}]
    action = an_action(results=an_action().model_dump()["results"] | {"mappings": mappings})
    event: Event = an_event(payload=a_payload(7))
    result = Result(outcome=Outcome.CREATED, record_id=A)
    columns = a_candidate(payload=a_payload(7)).columns

    assert activity_attributes(columns, action, event, result) == {
        "a_execution_id": an_execution_id(1),
        "a_action_name": "Person to Lead",
        "a_action_id": ACTION,
        "a_outcome": "created",
        "a_salesforce_id": A,
        "a_campaign_name": "Welcome",
        "b": "person7@example.com",
        "c": "5",
        "d": "true",
        "executionId": an_execution_id(1),
    }


def test_a_result_takes_every_source_and_rule() -> None:
    """Days, templates and rules fill attributes as text; what cannot be made is left out, or what is said instead."""
    mappings: list[dict[str, Any]] = [
        {"day": "yesterday", "to": "a"},
        {"template": "{{firstName}} {{phone}}", "to": "b"},
        {"execution": "outcome", "to": "c", "transforms": [{"type": "case", "to": "upper"}]},
        {"execution": "message", "to": "d", "blank": "default", "default": "fine"},
        {"column": "email", "to": "e", "transforms": [{"type": "number_parse"}]},
        {"column": "score", "to": "f", "transforms": [{"type": "number_format", "places": 1}]},
    ]
    results = an_action().model_dump()["results"] | {"mappings": mappings}
    action = an_action(results=results, time_zone="America/Denver")
    event = an_event(payload=a_payload(7, score=2))

    assert activity_attributes(
        a_candidate(payload=event.payload).columns, action, event, Result(outcome=Outcome.CREATED)
    ) == {
        "a": (NOON - timedelta(days=1)).date().isoformat(),
        "b": "Ada ",
        "c": "CREATED",
        "d": "fine",
        "f": "2.0",
        "executionId": an_execution_id(1),
    }


def test_the_execution_attribute_cannot_be_mapped_over() -> None:
    """Whatever is mapped to it, the attribute by which a repeated send is recognised holds the execution id."""
    mappings = [{"static": "x", "to": "executionId"}]
    action = an_action(results=an_action().model_dump()["results"] | {"mappings": mappings})

    assert activity_attributes({}, action, an_event(), Result(outcome=Outcome.CREATED)) == {
        "executionId": an_execution_id(1)
    }


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("created", True),
        ("updated", True),
        ("unchanged", True),
        ("failed", True),
        ("skipped", False),
        ("duplicate", False),
        ("superseded", False),
        ("decided", True),
    ],
)
def test_what_ran_is_told_and_what_did_not_is_not(outcome: str, expected: bool) -> None:  # a table
    """Successes and failures make an activity; what was not run makes none, unless the Action has a word for it."""
    result = Result(outcome=Outcome(outcome))
    wordy = an_action(results=an_action().model_dump()["results"] | {"not_processed": "Not processed"})

    assert reports(an_action(), result) is expected
    assert reports(wordy, result)
    assert (told_as(wordy, result) == "Not processed") is not expected


def test_of_an_unknown_person_nothing_is_logged() -> None:
    """Marketo does not have the person, so there is nobody with whom it could be logged."""
    wordy = an_action(results=an_action().model_dump()["results"] | {"not_processed": "Not processed"})

    assert not reports(wordy, Result(outcome=Outcome.SKIPPED, reason=Reason.LEAD_UNKNOWN))


def test_delays_double_up_to_their_ceiling() -> None:
    """5, 10, 20, 40 ... seconds, and never more than a quarter of an hour, however often."""
    assert [backoff_seconds(attempts, 5) for attempts in (0, 1, 2, 3, 7, 8, 500)] == [5, 10, 20, 40, 640, 900, 900]


def test_keyed_hashes_separate_their_parts() -> None:
    """Parts that join to the same text do not hash alike, and another key hashes differently."""
    assert keyed_hash(b"k", "a", "bc") != keyed_hash(b"k", "ab", "c")
    assert keyed_hash(b"k", "a") != keyed_hash(b"l", "a")


def test_numbers_match_by_value() -> None:
    """An identifier in a number field has one key however it is written."""
    compiled = a_compiled_action(
        identifier={"column": "externalId", "field": "Number__c"},
        described=a_salesforce_lead(Number__c=a_field("Number__c", "double", external_id=True, unique=True)),
    )

    keys = {
        a_candidate(compiled=compiled, payload=a_payload(7, externalId=written)).match_key
        for written in ("7", "007", "7.0", " 7 ", 7, "7e0")
    }

    assert keys == {"7"}
