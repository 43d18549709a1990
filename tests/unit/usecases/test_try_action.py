"""What trying an Action tells, against what running it does."""

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from leadbridge.domain import webhook
from leadbridge.domain.lifecycle import Stored
from leadbridge.errors import ConfigurationError, DisabledError
from leadbridge.usecases.try_action import NO_EXECUTION, NO_RECORD, FieldChange, Trial, TryAction
from tests.builders.actions import ACTION, SALESFORCE, an_action
from tests.builders.events import SECRET, a_payload
from tests.builders.trials import LEAD_COLUMNS, Case, a_case
from tests.builders.world import World

CASES = 500
PARTS = 10
OPERATIONS = ("create", "update", "upsert")


def trying(world: World) -> TryAction:
    """The use-case on a world's ports."""
    return TryAction(
        documents=world.configurations, connections=world.connections, clock=world.clock, hash_key=lambda: SECRET
    )


class Org:
    """Notes the rows that reach the org, call by call."""

    def __init__(self, world: World) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        for operation in OPERATIONS:
            self._listen(world, operation)

    def _listen(self, world: World, operation: str) -> None:
        inner = getattr(world.salesforce, operation)

        def listening(*arguments: Any, **options: Any) -> Any:
            self.sent += [(operation, dict(row)) for row in arguments[-1]]
            return inner(*arguments, **options)

        setattr(world.salesforce, operation, listening)


def a_world(case: Case) -> World:
    """A world with the case's Action, records and person."""
    world = World(case.action)
    for record in case.records:
        world.salesforce.load("Lead", **record)
        world.clock.advance(60)
    world.marketo.load(7, title="of the lead", phone="1", leadbridgeStatus="before")
    return world


def held(world: World) -> tuple[Any, ...]:
    """Everything that a try could have changed."""
    return deepcopy(
        (world.leads(), world.marketo.leads, world.marketo.logged(), world.inbox.logged, world.inbox.waiting)
    )


def as_members(changes: Sequence[FieldChange]) -> dict[str, Any]:
    """The values after, by field."""
    return {each.field: each.after for each in changes}


def with_id(value: Any, execution_id: str) -> Any:
    """A told value with the execution's id in place of the stand-in."""
    return execution_id if value == NO_EXECUTION else value


def compare(trial: Trial, world: World, org: Org, execution_id: str) -> None:
    """Compare what was told with what the run did."""
    item = world.execution(execution_id)
    refused = str(item.get("reason") or "").startswith("salesforce_")
    if not refused:  # what Salesforce refuses, nobody knows before
        told = (trial.state.value, trial.outcome and trial.outcome.value, trial.reason, trial.message)
        assert (item["state"], item.get("outcome"), item.get("reason", ""), item.get("message", "")) == told
    rows = [(trial.operation, {name: with_id(value, execution_id) for name, value in as_members(trial.fields).items()})]
    expected = rows if trial.operation else []
    if trial.operation == "update":
        expected = [("update", {"Id": trial.record_id} | rows[0][1])]
    if refused:
        assert org.sent
        assert all([sent] == expected for sent in org.sent)  # some refusals are tried again
        return
    assert org.sent == expected
    compare_lead(trial, world, str(item.get("salesforce_id") or ""))
    compare_activity(trial, world, execution_id)


def compare_lead(trial: Trial, world: World, record_id: str) -> None:
    """The lead holds what was told, and nothing else of it changed."""
    before = {"id": 7, "title": "of the lead", "phone": "1", "leadbridgeStatus": "before"}
    after = world.marketo.leads[7]
    told = as_members(trial.writeback)
    assert {each.field: each.before for each in trial.writeback} == {name: before.get(name) for name in told}
    changed = {name for name in after if name not in before or after[name] != before[name]}
    assert changed <= set(told), "another field of the lead was written"
    for name, value in told.items():
        if value == NO_RECORD:
            assert after[name] == record_id
        elif name not in trial.assumed:
            assert after[name] == value


def compare_activity(trial: Trial, world: World, execution_id: str) -> None:
    """The activity that was told is the one that was logged."""
    logged = [each for each in world.marketo.logged(7) if each.attributes["executionId"] == execution_id]
    if trial.activity is None:
        assert logged == []
        return
    [activity] = logged
    assert activity.primary_attribute_value == trial.activity["primary"]
    told: Mapping[str, Any] = trial.activity["attributes"]
    assert set(activity.attributes) == set(told)
    for name, value in told.items():
        if value != NO_RECORD and name not in trial.activity["assumed"]:
            assert activity.attributes[name] == with_id(value, execution_id)


@pytest.mark.parametrize("part", range(PARTS))
def test_what_a_try_tells_is_what_the_run_then_does(part: int) -> None:
    """For 500 random persons and configurations: outcome, reason and sentence, every field of the one write, the values
    before it, the write-back and the activity are those the run then makes; the try itself changes nothing."""
    seen: Counter[str] = Counter()
    for seed in range(part, CASES, PARTS):
        case = a_case(seed)
        world = a_world(case)
        org = Org(world)
        before = held(world)
        payload = webhook.columns(case.payload)  # a try must not touch the payload either
        trial = trying(world).with_payload(ACTION, case.payload)
        assert (held(world), org.sent, webhook.columns(case.payload)) == (before, [], payload), seed
        leads = {lead["Id"]: lead for lead in world.leads()}
        for change in trial.fields:
            assert change.before == leads.get(trial.record_id or "", {}).get(change.field), seed

        execution_id = world.receive_payload(case.payload)
        world.run_out()

        try:
            compare(trial, world, org, execution_id)
        except AssertionError as failed:
            raise AssertionError(f"seed {seed}") from failed
        seen[f"{trial.outcome}"] += 1
    # the cases are worth something only if they differ
    assert min(seen[each] for each in ("created", "updated", "skipped", "failed", "decided")) >= 2, seen


def test_a_lead_is_tried_as_a_call_with_all_its_fields_would_run() -> None:
    """For random configurations a try by lead id tells the same as a try with a payload that holds what Marketo has;
    only the step that says what was read is more."""
    for seed in range(60):
        case = a_case(seed)
        world = World(case.action)
        world.marketo.load(7, **{name: value for name, value in case.payload["lead"].items() if name != "id"})

        by_lead = trying(world).with_lead(ACTION, 7)

        known = dict.fromkeys([*LEAD_COLUMNS, "email"])
        by_payload = trying(world).with_payload(ACTION, {"lead": known | case.payload["lead"]})
        assert by_lead.steps[0].step == "read"
        assert replace(by_lead, steps=by_lead.steps[1:]) == by_payload, seed


def test_a_lead_that_marketo_does_not_have_ends_as_its_call_would() -> None:
    """A thin call about nobody is skipped with the same reason and sentence by the try and by the run."""
    world = World(an_action())

    trial = trying(world).with_lead(ACTION, 99)
    execution_id = world.receive_payload({"lead": {"id": 99}})
    world.marketo.leads.clear()
    world.run_out()

    item = world.execution(execution_id)
    assert (item["outcome"], item["reason"], item["message"]) == (trial.outcome, trial.reason, trial.message)
    assert (trial.outcome, trial.operation) == ("skipped", "")


def test_a_try_shows_each_rule_at_work() -> None:
    """The trace of a mapping names each rule with the value before and after, in order; a failing one says why."""
    rules = [{"type": "trim"}, {"type": "case", "to": "upper"}]
    base = [{"column": "lastName", "to": "LastName"}, {"column": "company", "to": "Company"}]
    mappings = [*base, {"column": "title", "to": "Title", "transforms": rules}, {"column": "phone", "to": "Number__c"}]
    world = World(an_action(mappings=mappings))

    trial = trying(world).with_payload(ACTION, a_payload(title=" boss ", phone="not a number"))

    told = {each["field"]: each for each in trial.mappings}
    assert [(each["rule"], each["value_before"], each["value_after"]) for each in told["Title"]["rules"]] == [
        ("trim", " boss ", "boss"),
        ("case", "boss", "BOSS"),
    ]
    assert "a number expected" in told["Number__c"]["failure"]
    assert (trial.outcome, trial.reason, trial.operation, trial.fields) == ("failed", "value_invalid", "", ())


def test_the_decision_tree_names_what_was_asked_and_what_came_of_it() -> None:
    """Conditions with each clause, the identifier, the dedupe keys that are not tried, the candidates with the rule
    that chose, and the write stand in the order in which a run asks."""
    world = World(
        an_action(
            conditions={"match": "all", "clauses": [{"column": "title", "operator": "is_empty"}]},
            duplicate_record_rule={"choose": "oldest", "order_by": "CreatedDate"},
            deduplicate={"columns": ["email"]},
        )
    )
    first = world.salesforce.load("Lead", Email="person7@example.com", LastName="A", Company="B")
    world.clock.advance(60)
    second = world.salesforce.load("Lead", Email="person7@example.com", LastName="A", Company="B")

    steps = [each.as_json() for each in trying(world).with_payload(ACTION, a_payload(7, title="")).steps]

    assert [(each["step"], each["result"]) for each in steps] == [
        ("conditions", "hold"),
        ("identifier", "given"),
        ("deduplicate", "not_tried"),
        ("match", "several"),
        ("write", "update"),
    ]
    assert [clause["result"] for clause in steps[0]["clauses"]] == ["holds"]
    assert (steps[3]["candidates"], steps[3]["rule"], steps[3]["chosen"]) == (
        sorted([first, second]),
        "oldest CreatedDate",
        first,
    )


def test_a_field_that_keeps_its_value_is_told_so() -> None:
    """Numbers that the org gives back with a point, and blanks of any kind, are no changes."""
    assert not FieldChange(field="A", before=7.0, after=7).changes
    assert not FieldChange(field="A", before=None, after="").changes
    assert FieldChange(field="A", before="7", after="8").changes
    assert FieldChange(field="A", before=None, after=False).changes


def test_what_cannot_be_tried_says_why() -> None:
    """An Action that no longer fits is parked as its calls would be; an unknown Action, version or lead, and a disabled
    connection are refused with a sentence."""
    broken = an_action(mappings=[{"column": "email", "to": "Gone__c"}])
    world = World(an_action())
    world.configurations.load(Stored(document=broken, version=2))
    trial = trying(world).with_payload(ACTION, a_payload())
    assert (trial.state, trial.outcome, trial.reason) == ("parked", None, "mapping_broken")
    assert "Gone__c" in trial.message

    with pytest.raises(ConfigurationError, match="there is no action other"):
        trying(world).with_payload("other", a_payload())
    with pytest.raises(ConfigurationError, match="no action person-to-lead version 9"):
        trying(world).with_payload(ACTION, a_payload(), 9)
    world.connections.disabled.add(SALESFORCE)
    with pytest.raises(DisabledError):
        trying(world).with_payload(ACTION, a_payload(), 1)


def test_an_older_version_can_be_tried() -> None:
    """The trial names the version that was tried, and is that version's."""
    world = World(an_action())
    world.configurations.put(an_action(type="update"))

    outcomes = [trying(world).with_payload(ACTION, a_payload(), version).outcome for version in (None, 1)]

    assert outcomes == ["skipped", "created"]
