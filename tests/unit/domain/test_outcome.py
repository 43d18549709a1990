"""The closed lists of outcomes, states and reasons, and their sentences."""

import re
from string import Formatter

import pytest

from leadbridge.domain.outcome import MESSAGES, REDRIVABLE, WRITTEN, Outcome, Reason, State, message

OUTCOMES = {"created", "updated", "unchanged", "skipped", "duplicate", "superseded", "failed", "decided"}
STATES = {"waiting", "writing", "reporting", "parked", "ended", "rejected", "not_run"}
REASONS = {
    "condition_not_met",
    "identifier_missing",
    "identifier_invalid",
    "no_match",
    "duplicate_window",
    "duplicate_event_id",
    "overtaken",
    "ambiguous_match",
    "value_invalid",
    "value_missing",
    "rule_failed",
    "uncertain",
    "unknown_version",
    "action_missing",
    "worker_crashed",
    "mapping_broken",
    "connection_disabled",
    "not_active",
    "body_too_large",
    "body_not_json",
    "body_not_xml",
    "body_not_form",
    "body_too_many",
    "content_type_unknown",
    "body_too_deep",
    "body_not_text",
    "lead_missing",
    "lead_id_invalid",
    "field_invalid",
    "found",
    "not_found",
    "lead_unknown",
    "chained_failed",
    "duplicate_recovered",
    "activity_type_missing",
    "trial",
    "trial_list_missing",
    "action_paused",
    "connection_paused",
    "all_paused",
    "person_unknown",
    "persons_ambiguous",
    "person_overtaken",
    "requested",
    "request_uncertain",
    "winner_changed",
    "list_missing",
    "campaign_missing",
    "in_batch",
    "importing",
    "imported",
    "import_warned",
    "import_refused",
}
#: placeholders name facts, and none of these is a person's value
FACTS = {
    "links",
    "outcome",
    "campaign", "survivor", "winner",
    "action", "candidates", "clause", "code", "column", "connection", "days", "detail", "expected", "field", "fields",
    "count", "latest", "missing", "most",
    "file",
    "found", "limit", "list", "object", "owner", "program", "rule", "seconds", "type", "until", "vendor", "version",
}  # fmt: skip


def test_outcomes_are_the_closed_list() -> None:
    """The outcomes are exactly the documented eight."""
    assert {outcome.value for outcome in Outcome} == OUTCOMES


def test_states_are_the_closed_list() -> None:
    """The states are exactly the documented seven; three of them can be redriven."""
    assert {state.value for state in State} == STATES
    assert {state.value for state in REDRIVABLE} == {"parked", "rejected", "not_run"}


def test_reasons_are_the_closed_list() -> None:
    """The reasons are exactly the documented ones."""
    assert {reason.value for reason in Reason} == REASONS


def test_written_is_what_the_destination_holds() -> None:
    """Created, updated and unchanged mean that the destination holds what was asked for."""
    assert {outcome.value for outcome in WRITTEN} == {"created", "updated", "unchanged"}


@pytest.mark.parametrize("reason", sorted(MESSAGES))
def test_every_sentence_is_one(reason: str) -> None:
    """Every sentence begins with a capital or a quoted name, ends with a stop, and names known facts only."""
    template = MESSAGES[reason]
    facts = {name for _, name, _, _ in Formatter().parse(template) if name}

    text = message(reason, **{name: name.upper() for name in facts})

    assert facts <= FACTS
    assert "{" not in text
    assert re.match(r"[A-Z`]", text)
    assert reason == "vendor_refused" or reason.startswith("vendor_") or text.endswith(".")


def test_every_reason_has_a_sentence() -> None:
    """No reason is without a sentence."""
    assert {reason.value for reason in Reason} <= set(MESSAGES)


def test_a_missing_fact_is_a_fault() -> None:
    """A sentence without one of its facts is not told half."""
    with pytest.raises(KeyError):
        message(Reason.NO_MATCH, object="Lead")
