"""The document of the alerts: what may stand in it, and what is wrong with it."""

from typing import Any

import pytest

from leadbridge.domain.action import as_document
from leadbridge.domain.alert_rules import DEFAULTS, AlertsDocument, FailedRule
from leadbridge.domain.findings import read_document
from tests.builders.actions import ACTION, SALESFORCE


def a_document(**members: Any) -> dict[str, Any]:
    return {"kind": "alerts", "id": "alerts"} | members


def test_without_any_member_the_document_is_the_defaults() -> None:
    """Two words are enough, and what is stored comes back as it was."""
    assert read_document(a_document()) == DEFAULTS
    full = read_document(a_document(actions={ACTION: {"failed": {"count": 3}}}, quota={"levels_percent": [90]}))
    assert isinstance(full, AlertsDocument)
    assert AlertsDocument.model_validate(as_document(full)) == full


@pytest.mark.parametrize(
    ("members", "pointer", "what"),
    [
        ({"id": "other"}, "/id", "is not one of what it may be"),
        ({"failed": {"window_minutes": 7}}, "/failed/window_minutes", "is no multiple of 5 minutes"),
        ({"failed": {"window_minutes": 240}}, "/failed/window_minutes", "is too large"),
        ({"failed": {"share_percent": 0}}, "/failed/share_percent", "is too small"),
        ({"failed": {"on": False}}, "/failed/on", "is no member that belongs here"),
        ({"quota": {"levels_percent": [80, 50]}}, "/quota/levels_percent", "is not in order"),
        ({"quota": {"levels_percent": []}}, "/quota/levels_percent", "must hold 1 or more"),
        ({"quota": {"levels_percent": [101]}}, "/quota/levels_percent/0", "is too large"),
        ({"silence": {"repeat_hours": 500}}, "/silence/repeat_hours", "is too large"),
        ({"actions": {ACTION: {"lag": {}}}}, f"/actions/{ACTION}/lag", "is no member that belongs here"),
    ],
)
def test_what_is_wrong_is_named_with_its_member(members: dict[str, Any], pointer: str, what: str) -> None:
    """A finding with the JSON pointer, the fault and a remedy."""
    found = read_document(a_document(**members))

    assert isinstance(found, list)
    (finding,) = found
    assert (finding.pointer, finding.what) == (pointer, what)
    assert finding.remedy


def test_a_rule_of_an_action_replaces_the_whole_rule() -> None:
    """What it does not say is the product's default; other rules stay those for all."""
    document = AlertsDocument.model_validate(
        a_document(failed={"count": 7, "share_percent": 50}, actions={ACTION: {"failed": {"count": 3}}})
    )

    assert document.for_action(ACTION).failed == FailedRule(count=3)
    assert document.for_action("other").failed == FailedRule(count=7, share_percent=50)
    assert document.for_action(ACTION).silence == DEFAULTS.silence
    assert document.for_connection(SALESFORCE).failed == document.failed
