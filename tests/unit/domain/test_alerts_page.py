"""docs/alerts.md says what the alerts say, and which thresholds hold."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from leadbridge.domain.action import as_document
from leadbridge.domain.alert_rules import DEFAULTS, AlertsDocument
from leadbridge.domain.alert_texts import block
from leadbridge.domain.alerts import Kind, Step
from tests.unit.domain.test_alert_texts import a_notice

PAGE = (Path(__file__).parents[3] / "docs/alerts.md").read_text("utf-8")
EXAMPLES = re.findall(r"```text\n(.*?)\n```", PAGE, re.DOTALL)


@pytest.mark.parametrize("kind", Kind)
def test_the_page_shows_a_message_of_each_kind(kind: Kind) -> None:
    """Word by word as it is sent."""
    assert block(a_notice(kind), "prod") in EXAMPLES


def test_the_page_shows_nothing_else() -> None:
    """Each example is a message that exists."""
    told = {block(a_notice(kind, step), "prod") for kind in Kind for step in Step}

    assert set(EXAMPLES) <= told


def test_the_document_of_the_page_is_valid_and_shows_the_defaults() -> None:
    """Without what it says of single Actions and connections it changes nothing; every default is on the page."""
    given: dict[str, Any] = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0])

    document = AlertsDocument.model_validate(given)
    shown = {
        name: rule
        for name, rule in given.items()
        if name not in {"kind", "id", "actions", "syncs", "cycles", "connections"}
    }
    stored = as_document(DEFAULTS)

    assert shown == _without_switches(stored) | {name: _without_switches(stored[name]) for name in ("sync", "cycle")}
    assert document.actions
    assert document.syncs
    assert document.cycles
    assert document.connections


def _without_switches(rules: dict[str, Any]) -> dict[str, Any]:
    """The rules among some members, each without the member that switches it on."""
    return {
        name: {member: value for member, value in rule.items() if member != "enabled"}
        for name, rule in rules.items()
        if isinstance(rule, dict) and "enabled" in rule
    }
