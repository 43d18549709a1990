"""What a run keeps of its decisions, beside what it did."""

import json
from typing import Any

import pytest

from leadbridge.domain.outcome import State
from leadbridge.usecases.try_action import TryAction
from tests.builders.actions import ACTION, an_action
from tests.builders.events import SECRET, a_payload
from tests.builders.world import World
from tests.fakes.steps import Crash
from tests.integration.reasons.happenings import REASONS, updated
from tests.integration.reasons.shown import cli

RULES: list[dict[str, Any]] = [
    {"type": "trim"},
    {"type": "lookup", "table": {"DE": "Germany"}, "otherwise": "keep"},
    {"type": "case", "to": "upper"},
]


@pytest.mark.cap("A24")
def test_rules_change_the_value_are_tried_with_values_and_kept_without() -> None:
    """The record gets the ruled value; a try shows before and after; what is kept is rule, field and types only."""
    mappings = [*an_action().model_dump(exclude_none=True)["mappings"]]
    mappings = [each for each in mappings if each["to"] != "Company"]
    ruled = {"column": "company", "to": "Company", "transforms": RULES}
    world = World(an_action(mappings=[*mappings, ruled]))
    lead: dict[str, Any] = {"email": "ada@example.com", "company": " DE "}
    tries = TryAction(
        documents=world.configurations, connections=world.connections, clock=world.clock, hash_key=lambda: SECRET
    )

    trial = tries.with_payload(ACTION, a_payload(7, **lead))
    execution = world.receive(7, **lead)
    world.drain()

    (record,) = world.leads()
    (tried,) = [each for each in trial.mappings if each["field"] == "Company"]
    (kept,) = world.execution(execution)["decision"]["fields"]["ruled"]
    names = ["trim", "lookup", "case"]
    assert record["Company"] == "GERMANY"
    assert (tried["value_before"], tried["value_after"]) == (" DE ", "GERMANY")
    assert [(rule["rule"], rule["value_after"]) for rule in tried["rules"]] == list(
        zip(names, ["DE", "Germany", "GERMANY"], strict=True)
    )
    assert kept == {
        "field": "Company",
        "source": "column",
        "name": "company",
        "before": "a text",
        "after": "a text",
        "result": "written",
        "rules": [{"rule": name, "before": "a text", "after": "a text"} for name in names],
    }
    assert "Company: company (a text), trim, lookup, case → a text" in cli(world, "show", execution)


@pytest.mark.parametrize("name", sorted(REASONS))
def test_a_record_is_small_and_plain(name: str) -> None:
    """Whatever happens, the record is plain JSON with its version and takes no more than two kilobytes here."""
    world, execution = REASONS[name]()

    record = world.execution(execution).get("decision", {"v": 1})

    assert record["v"] == 1
    assert len(json.dumps(record)) < 2_000


def test_what_was_decided_before_a_death_is_still_told_after_it() -> None:
    """The worker dies after Salesforce has answered: the next one tells Marketo, and the tree tells everything."""
    whole = cli(*_shown(updated()))
    world = World()
    execution = world.receive(7, email="ada@example.com")
    world.steps.die_of("marketo.sync_leads")
    with pytest.raises(Crash):
        world.drain()
    assert [event.state for event in world.inbox.waiting.values()] == [State.REPORTING]

    world.clock.advance(61)
    world.run_out()

    text = cli(world, "show", execution)
    assert world.ended(execution) == ("created", "")
    assert "Looked for a Lead by Email: none found" in text
    assert "Answer: created" in text
    assert "Answer: updated" in whole


def _shown(happened: tuple[World, str]) -> tuple[World, str, str]:
    world, execution = happened
    return world, "show", execution
