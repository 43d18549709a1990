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
from leadbridge.usecases.tried import NO_RECORD, FieldChange, Trial
from leadbridge.usecases.try_action import NO_EXECUTION, TryAction
from tests.builders.actions import ACTION, SALESFORCE, an_action
from tests.builders.chains import CAMPAIGN, ChainWorld
from tests.builders.events import SECRET, a_payload
from tests.builders.members import CHANNEL, FAIR, PROGRAM
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


def an_org(case: Case) -> ChainWorld:
    """A world with the case's Action and the program that it may name, and nobody in it."""
    world = ChainWorld(case.action)
    world.marketo.programs[PROGRAM] = FAIR
    world.marketo.channels[CHANNEL.name] = CHANNEL
    return world


def a_world(case: Case) -> ChainWorld:
    """A world with the case's Action, records, person and accounts."""
    world = an_org(case)
    for record in case.records:
        lead = world.salesforce.load("Lead", **record)
        world.clock.advance(60)
    for name in case.accounts:
        world.salesforce.load("Account", Name=name)
    if case.records:
        world.salesforce.load("CampaignMember", LeadId=lead, CampaignId=CAMPAIGN)
    world.marketo.load(7, title="of the lead", phone="1", leadbridgeStatus="before")
    return world


def held(world: World) -> tuple[Any, ...]:
    """Everything that a try could have changed."""
    inbox = (world.inbox.logged, world.inbox.waiting)
    marketo = (world.marketo.leads, world.marketo.members, world.marketo.logged())
    return deepcopy((len(world.salesforce.journal), world.leads(), *marketo, *inbox))


def as_members(changes: Sequence[FieldChange]) -> dict[str, Any]:
    """The values after, by field."""
    return {each.field: each.after for each in changes}


class Ids:
    """What a try could only put into words, and what it was then: the ids of the execution and of new records."""

    def __init__(self, world: ChainWorld, execution_id: str) -> None:
        item = world.execution(execution_id)
        self._execution = execution_id
        links = item.get("decision", {}).get("chained", {}).get("links", [])
        self._words = {NO_RECORD: str(item.get("salesforce_id") or "")}
        self._words |= {f"(the Id of {link['name']})": link.get("id", "") for link in links}

    def __call__(self, value: Any) -> Any:
        """The value with the ids in the place of their words."""
        if not isinstance(value, str):
            return value
        if value == NO_EXECUTION or value.startswith(f"{NO_EXECUTION}-"):
            return value.replace(NO_EXECUTION, self._execution, 1)
        for words, record_id in self._words.items():
            value = value.replace(words, record_id)
        return value

    def row(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """A row with the ids."""
        return {name: self(value) for name, value in fields.items()}


def compare(trial: Trial, world: ChainWorld, org: Org, execution_id: str) -> None:
    """Compare what was told with what the run did."""
    item, ids = world.execution(execution_id), Ids(world, execution_id)
    refused = str(item.get("reason") or "").startswith("salesforce_")
    if not refused:  # what Salesforce refuses, nobody knows before
        told = (trial.state.value, trial.outcome and trial.outcome.value, trial.reason, ids(trial.message))
        assert (item["state"], item.get("outcome"), item.get("reason", ""), item.get("message", "")) == told
    rows = [(trial.operation, ids.row(as_members(trial.fields)))]
    expected = rows if trial.operation else []
    if trial.operation == "update":
        expected = [("update", {"Id": trial.record_id} | rows[0][1])]
    if refused:
        assert org.sent
        assert all([sent] == expected for sent in org.sent)  # some refusals are tried again
        return
    for link in trial.chained:
        if link.fields:
            known = {"Id": ids(link.record_id)} if link.state == "updated" else {}
            expected.append(("update" if known else "create", known | ids.row(link.fields)))
    assert org.sent == expected
    assert {link.name: link.state for link in trial.chained} == world.links(execution_id)
    compare_lead(trial, world, ids)
    compare_membership(trial, world, ids)
    compare_activity(trial, world, execution_id, ids)


def compare_lead(trial: Trial, world: World, ids: Ids) -> None:
    """The lead holds what was told, and nothing else of it changed."""
    before = {"id": 7, "title": "of the lead", "phone": "1", "leadbridgeStatus": "before"}
    after = world.marketo.leads[7]
    told = as_members(trial.writeback)
    assert {each.field: each.before for each in trial.writeback} == {name: before.get(name) for name in told}
    changed = {name for name in after if name not in before or after[name] != before[name]}
    assert changed <= set(told), "another field of the lead was written"
    for name, value in told.items():
        if name not in trial.assumed or value != ids(value):
            assert after[name] == ids(value)


def compare_membership(trial: Trial, world: World, ids: Ids) -> None:
    """The membership holds what was told, or there is none."""
    if trial.membership is None:
        assert world.marketo.members == {}
        return
    (member,) = world.marketo.members.values()
    fields: Mapping[str, Any] = trial.membership["fields"]
    assert member.keys() == {"statusName", *fields}
    assert member["statusName"] == trial.membership["status"]
    for name, value in fields.items():
        if name not in trial.membership["assumed"] or value != ids(value):
            assert member[name] == ids(value)


def compare_activity(trial: Trial, world: World, execution_id: str, ids: Ids) -> None:
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
        if name not in trial.activity["assumed"] or value != ids(value):
            assert activity.attributes[name] == ids(value)


@pytest.mark.parametrize("part", range(PARTS))
def test_what_a_try_tells_is_what_the_run_then_does(part: int) -> None:
    """For 500 random persons and configurations: outcome, reason and sentence, every field of the record's write, the
    values before it, every field of what is chained to it, write-back, membership and activity are those the run then
    makes; the try itself changes nothing."""
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
        seen.update(f"chained {link.state}" for link in trial.chained)
        seen["member"] += trial.membership is not None
    # the cases are worth something only if they differ
    usual = ("created", "updated", "skipped", "failed", "decided", "member", "chained created")
    assert min(seen[each] for each in usual) >= 2, seen
    assert len({name for name in seen if name.startswith("chained ")}) >= 4, seen


def test_a_lead_is_tried_as_a_call_with_all_its_fields_would_run() -> None:
    """For random configurations a try by lead id tells the same as a try with a payload that holds what Marketo has;
    only the step that says what was read is more."""
    for seed in range(60):
        case = a_case(seed)
        world = an_org(case)
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
