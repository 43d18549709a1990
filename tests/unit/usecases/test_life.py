"""What the worker does with the calls of an Action on trial, paused, or deactivated, and what keeps them waiting."""

from collections.abc import Callable

import pytest

from leadbridge.domain.flow_step import PATIENCE
from leadbridge.domain.lifecycle import DocumentState, Move, Stored
from leadbridge.errors import RateLimitedError
from leadbridge.usecases.as_it_stands import AsItStands
from leadbridge.usecases.pausing import Pausing
from tests.builders.actions import MARKETO, SALESFORCE, an_action
from tests.builders.flow_steps import chunk_messages
from tests.builders.world import World
from tests.fakes.steps import Crash

A, B = "person-to-lead", "other"
DAYS = 86_400.0
#: more steps than any scenario below has
MANY = 300


def two_actions() -> World:
    """Two active Actions on the same lane."""
    return World(an_action(), an_action(id=B, name="Other", type="create"))


def pausing(world: World) -> Pausing:
    """The use-case of a person at the command line."""
    return Pausing(configurations=world.configurations, lanes=world.lanes, bell=world.bell, clock=world.clock)


def of_other(world: World, lead_id: int) -> str:
    """A call for the other Action."""
    return world.receive_payload({"lead": {"id": lead_id, **person(lead_id)}}, action_id=B)


def person(lead_id: int) -> dict[str, str]:
    """What every call brings of a person."""
    return {"email": f"person{lead_id}@example.com", "lastName": "Lovelace", "company": "Engines", "firstName": "Ada"}


def why(world: World, execution: str) -> str:
    """Why an execution waits, as people are told."""
    return str(AsItStands(lambda: world.configurations)(world.execution(execution)).get("reason", ""))


# -- paused

PAUSES: dict[str, tuple[Callable[[World], object], Callable[[World], object], str, bool]] = {
    "the Action": (
        lambda world: pausing(world).move("action", A, Move.PAUSE),
        lambda world: pausing(world).move("action", A, Move.RESUME),
        "action_paused",
        True,
    ),
    "the Salesforce connection": (
        lambda world: pausing(world).move("salesforce_connection", SALESFORCE, Move.PAUSE),
        lambda world: pausing(world).move("salesforce_connection", SALESFORCE, Move.RESUME),
        "connection_paused",
        False,
    ),
    "the Marketo connection": (
        lambda world: pausing(world).move("marketo_connection", MARKETO, Move.PAUSE),
        lambda world: pausing(world).move("marketo_connection", MARKETO, Move.RESUME),
        "connection_paused",
        False,
    ),
    "all Actions": (
        lambda world: pausing(world).everything(paused=True),
        lambda world: pausing(world).everything(paused=False),
        "all_paused",
        False,
    ),
    "a connection that is disabled": (
        lambda world: pausing(world).move("salesforce_connection", SALESFORCE, Move.DEACTIVATE),
        lambda world: pausing(world).move("salesforce_connection", SALESFORCE, Move.ACTIVATE),
        "connection_disabled",
        False,
    ),
}


@pytest.mark.parametrize("what", PAUSES)
def test_what_is_paused_is_kept_and_runs_oldest_first_when_it_is_resumed(what: str) -> None:
    """For days nothing begins, no key is taken and no vendor is asked; resumed, each person's last call has the word.

    Calls of another Action run meanwhile, unless they are paused by the same step.
    """
    pause, resume, reason, others_run = PAUSES[what]
    world = two_actions()
    before = world.receive(1, firstName="First")
    pause(world)
    kept = [before, *(world.receive(1, firstName=f"Call {number}") for number in range(3)), world.receive(2)]
    other = of_other(world, 3)
    for _ in range(5):
        world.drain()
        world.clock.advance(DAYS)

    assert [world.execution(each)["state"] for each in kept] == ["waiting"] * 5
    assert {why(world, each) for each in kept} == {reason}
    assert (world.execution(other)["state"] == "ended") is others_run
    assert not any(world.keys.held_by(each) for each in kept)
    assert not [each for each in kept if "ttl" in world.execution(each)]

    world.bell.rung.clear()
    resume(world)
    assert world.bell.rung == [SALESFORCE]
    world.run_out()

    assert [world.ended(each)[0] for each in kept] == ["created", "updated", "updated", "updated", "created"]
    assert {lead["FirstName"] for lead in world.leads() if lead["Email"] == "person1@example.com"} == {"Call 2"}
    assert set(world.inbox.ends.values()) == {1}


def test_calls_that_are_kept_do_not_keep_others_from_running() -> None:
    """More calls of a paused Action than a batch holds stand before those of another, which run at once."""
    world = two_actions()
    world.configurations.move("action", A, Move.PAUSE)
    for lead_id in range(1, 21):
        world.receive(lead_id)
    others = [of_other(world, lead_id) for lead_id in range(30, 37)]

    world.drain(batch=3)

    assert {world.ended(each)[0] for each in others} == {"created"}
    assert world.states() == {"waiting": 20, "ended": 7}


def test_a_sweep_wakes_nobody_for_what_is_kept_and_does_not_count_its_age() -> None:
    """The oldest waiting event is that of an Action that may run; with nothing else the lane is left alone."""
    world = two_actions()
    world.configurations.move("action", A, Move.PAUSE)
    world.receive(1)
    world.clock.advance(DAYS)
    world.bell.rung.clear()

    assert world.sweep()() == []
    assert world.meter.of("OldestWaitingSeconds") == 0

    of_other(world, 2)
    world.clock.advance(90)
    assert world.sweep()() == [SALESFORCE]
    assert world.meter.of("OldestWaitingSeconds") == 90


def test_what_was_begun_ends_during_the_pause() -> None:
    """A record that is written but not told yet is told; one that Salesforce asked to send again has not begun."""
    world = World()
    world.marketo.trouble.fail("sync_leads", RateLimitedError("606", vendor="marketo", code="606"))
    written = world.receive(1)
    world.drain(remaining=lambda: 152.0)
    assert world.execution(written)["state"] == "reporting"
    world.salesforce.trouble.fail("create", RateLimitedError("later", vendor="salesforce", code="503"))
    refused = world.receive(2)
    world.drain(remaining=lambda: 152.0)
    assert world.execution(refused)["state"] == "waiting"

    world.configurations.pause(paused=True)
    for _ in range(4):
        world.clock.advance(600)
        world.drain()

    assert world.ended(written) == ("created", "")
    assert why(world, refused) == "all_paused"
    world.configurations.pause(paused=False)
    world.run_out()
    assert world.ended(refused) == ("created", "")
    assert len(world.leads()) == 2


def test_the_dedupe_window_counts_from_arrival_to_arrival_whatever_a_pause_does() -> None:
    """Of two calls a minute apart that are kept for a week the second is a duplicate; one a day later is none."""
    world = World(an_action(deduplicate={"columns": ["email"]}))
    world.configurations.move("action", A, Move.PAUSE)
    first = world.receive(1)
    world.clock.advance(60)
    second = world.receive(1)
    world.clock.advance(DAYS)
    third = world.receive(1)
    world.clock.advance(6 * DAYS)

    world.configurations.move("action", A, Move.RESUME)
    world.run_out()

    assert [world.ended(each)[0] for each in (first, second, third)] == ["created", "duplicate", "updated"]


def test_pausing_everything_leaves_each_state_as_it_is() -> None:
    """Resumed, an Action that was paused or on trial by itself still is, and one that was activated meanwhile runs."""
    world = World(an_action(trial={"leads": [1]}), an_action(id=B, name="Other"))
    world.configurations.put(an_action(id="third", name="Third"))
    world.configurations.move("action", A, Move.TRY)
    world.configurations.move("action", B, Move.PAUSE)
    assert pausing(world).everything(paused=True) == [B]
    world.configurations.move("action", "third", Move.ACTIVATE)
    new = world.receive_payload({"lead": {"id": 1, **person(1)}}, action_id="third")
    world.drain()
    assert why(world, new) == "all_paused"

    assert pausing(world).everything(paused=False) == [B]

    states = {each.document.id: each.state for each in world.configurations.list("action")}
    assert states == {A: DocumentState.TRIAL, B: DocumentState.PAUSED, "third": DocumentState.ACTIVE}
    world.drain()
    assert world.ended(new)[0] == "created"


def test_a_worker_that_remembers_one_pause_sees_the_next_one() -> None:
    """A process that looked past an Action keeps its calls, too, when that is resumed while everything is paused."""
    world = World()
    drain = world.drain_lane()
    world.configurations.move("action", A, Move.PAUSE)
    call = world.receive(1)
    drain(SALESFORCE, lambda: 900.0)

    world.configurations.pause(paused=True)
    world.configurations.move("action", A, Move.RESUME)
    drain(SALESFORCE, lambda: 900.0)
    assert why(world, call) == "all_paused"
    assert world.states() == {"waiting": 1}

    world.configurations.pause(paused=False)
    drain(SALESFORCE, lambda: 900.0)
    assert world.ended(call) == ("created", "")


@pytest.mark.parametrize("what", ["all Actions", "the Salesforce connection", "the Action"])
def test_a_call_that_arrives_into_a_pause_while_a_worker_asks_is_kept(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's first look meets one paused Action; before its second one others are paused, and a call comes."""
    world = two_actions()
    of_other(world, 1)
    world.configurations.move("action", B, Move.PAUSE)
    pause, _, reason, _ = PAUSES[what]
    calls: list[str] = []
    get = world.configurations.get

    def asked(kind: str, identifier: str, version: int | None = None) -> Stored | None:
        answer = get(kind, identifier, version)
        if identifier == B and not calls:
            calls.append("")
            pause(world)
            calls[0] = world.receive(2)
        return answer

    monkeypatch.setattr(world.configurations, "get", asked)
    world.drain()

    assert world.states() == {"waiting": 2}
    assert why(world, calls[0]) == reason


def test_an_action_that_is_deactivated_while_it_is_paused_runs_what_it_kept_once_it_is_activated() -> None:
    """Nothing of it runs meanwhile, although it takes no calls any more."""
    world = World()
    world.configurations.move("action", A, Move.PAUSE)
    kept = world.receive(1)
    world.configurations.move("action", A, Move.DEACTIVATE)
    world.drain()
    assert why(world, kept) == "action_paused"

    pausing(world).move("action", A, Move.ACTIVATE)
    world.drain()

    assert world.ended(kept) == ("created", "")


def test_a_call_that_is_not_kept_says_nothing_of_a_pause() -> None:
    """An ended execution keeps its own reason, and so does one that waits for a vendor or whose Action is gone."""
    world = World()
    ended = world.receive(1)
    world.drain()
    waiting = {"state": "waiting", "action_id": "gone", "reason": "marketo_606"}

    assert (why(world, ended), AsItStands(lambda: world.configurations)(waiting)) == (
        "",
        waiting | {"action_name": None},
    )


@pytest.mark.parametrize("when", ["before the pause", "during the pause", "after the resume"])
def test_a_worker_that_dies_around_a_pause_loses_and_doubles_nothing(when: str) -> None:
    """At whatever step the worker dies, two calls of one person end once each, in order, and no key stays held."""
    for step in range(1, MANY):
        world = two_actions()
        calls = [world.receive(1, firstName="Older"), world.receive(1, firstName="Newer"), of_other(world, 2)]
        died = False
        for moment, move in (
            ("before the pause", Move.PAUSE),
            ("during the pause", Move.RESUME),
            ("after the resume", Move.RESUME),
        ):
            if moment == when:
                world.steps.arm(step)
            try:
                if moment != "before the pause" or when == moment:
                    world.drain()
            except Crash:
                died = True
            world.steps.disarm()
            world.clock.advance(61)
            world.configurations.move("action", A, move)
        world.run_out()
        assert [world.ended(each)[0] for each in calls] in (
            ["created", "updated", "created"],
            ["updated", "updated", "created"],
        )
        assert set(world.inbox.ends.values()) == {1}
        assert sorted(lead["FirstName"] for lead in world.leads()) == ["Ada", "Newer"]
        assert not any(world.keys.held_by(each) for each in calls)
        if not died:
            assert step > 10, "the scenario has too few steps to prove anything"
            return
    pytest.fail(f"more than {MANY} steps")


def test_people_of_a_flow_step_who_were_kept_beyond_their_callback_are_told_by_api() -> None:
    """At the deadline Marketo learns that they wait; resumed, values and activity go by API, and no second callback."""
    world = World()
    for lead_id in (1, 2):
        world.marketo.load(lead_id)
    world.configurations.move("action", A, Move.PAUSE)
    world.receive_chunk(*chunk_messages(2))
    world.drain()
    world.clock.advance(PATIENCE.total_seconds() + 1)
    world.call_back()
    assert len(world.door.posted) == 1

    world.configurations.move("action", A, Move.RESUME)
    world.run_out()
    world.call_back()

    assert world.outcomes() == {"created": 2}
    assert [lead["leadbridgeStatus"] for lead in world.marketo.leads.values()] == ["Synced", "Synced"]
    assert [len(world.marketo.logged(lead_id)) for lead_id in (1, 2)] == [1, 1]
    assert len(world.door.posted) == 1


# -- on trial


def on_trial(**trial: object) -> World:
    """An Action that is on trial, and the list that it may name."""
    world = World(an_action(trial=trial))
    world.marketo.lists["Pilot group"] = (1001, {2, 3})
    world.configurations.move("action", A, Move.TRY)
    return world


@pytest.mark.parametrize(
    ("trial", "runs"),
    [
        ({"leads": [1, 3]}, {1, 3}),
        ({"static_list": "Pilot group"}, {2, 3}),
        ({"leads": [1], "static_list": "Pilot group"}, {1, 2, 3}),
    ],
)
def test_a_trial_runs_for_those_whom_it_names(trial: dict[str, object], runs: set[int]) -> None:
    """They are written for real; everybody else is skipped as trial, reads nothing and leaves nothing behind."""
    world = on_trial(**trial)
    calls = {lead_id: world.receive(lead_id) for lead_id in range(1, 6)}

    world.drain()

    assert {lead for lead, each in calls.items() if world.ended(each) == ("created", "")} == runs
    assert {lead for lead, each in calls.items() if world.ended(each) == ("skipped", "trial")} == {1, 2, 3, 4, 5} - runs
    assert len(world.leads()) == len(world.marketo.logged()) == len(runs)
    assert world.marketo.trouble.made("list_members") == (1 if "static_list" in trial else 0)


def test_what_marketo_says_of_a_list_is_used_for_a_minute() -> None:
    """Within it only new people are asked about; after it who has joined the list runs."""
    world = on_trial(static_list="Pilot group")
    drain = world.drain_lane()
    made = world.marketo.trouble.made
    ended = []
    for seconds, lead_id in ((0, 4), (30, 4), (10, 5), (31, 4)):
        world.clock.advance(seconds)
        ended.append(world.receive(lead_id))
        drain(SALESFORCE, lambda: 900.0)
        world.marketo.lists["Pilot group"] = (1001, {2, 3, 4})

    assert [world.ended(each)[0] for each in ended] == ["skipped", "skipped", "skipped", "created"]
    assert (made("static_list"), made("list_members")) == (2, 3)


def test_a_call_waits_while_marketo_cannot_be_asked_who_takes_part() -> None:
    """It is given back with the vendor's reason and decided later; people named by their ids do not wait."""
    world = on_trial(leads=[1], static_list="Pilot group")
    world.marketo.trouble.fail("list_members", RateLimitedError("606", vendor="marketo", code="606"))
    named, other = world.receive(1), world.receive(4)
    world.drain(remaining=lambda: 152.0)
    assert world.ended(named) == ("created", "")
    assert (world.execution(other)["state"], world.execution(other)["reason"]) == ("waiting", "marketo_606")

    world.run_out()

    assert world.ended(other) == ("skipped", "trial")


def test_calls_for_a_trial_list_that_is_not_there_are_parked_and_can_be_redriven() -> None:
    """Nobody is skipped for somebody's renaming a list."""
    world = on_trial(static_list="Pilot group")
    world.marketo.lists.clear()
    call = world.receive(2)
    world.drain()
    assert (world.execution(call)["state"], world.execution(call)["reason"]) == ("parked", "trial_list_missing")

    world.marketo.lists["Pilot group"] = (1002, {2})
    assert world.redrive(call).done
    world.drain()

    assert world.ended(call) == ("created", "")


def test_the_end_of_a_trial_lets_everybody_run_and_a_new_version_may_change_who_takes_part() -> None:
    """What counts is the Action as it is when a call begins; a version without the member skips everybody."""
    world = on_trial(leads=[1])
    ended = []
    for change in (None, {"leads": [2]}, "none", "active"):
        if change == "active":
            world.configurations.move("action", A, Move.ACTIVATE)
        elif change:
            world.configurations.put(an_action(trial=None if change == "none" else change))
        ended.append([world.receive(lead_id) for lead_id in (1, 2)])
        world.drain()

    assert [[world.ended(each)[0] for each in pair] for pair in ended] == [
        ["created", "skipped"],
        ["skipped", "created"],
        ["skipped", "skipped"],
        ["updated", "updated"],
    ]


def test_what_was_begun_before_a_trial_is_seen_through() -> None:
    """A record that was written while the Action was active is told, although the person takes no part in the trial."""
    world = World(an_action(trial={"leads": [99]}))
    world.marketo.trouble.fail("sync_leads", RateLimitedError("606", vendor="marketo", code="606"))
    written = world.receive(1)
    world.drain(remaining=lambda: 152.0)
    world.configurations.move("action", A, Move.TRY)
    world.run_out()

    assert world.ended(written) == ("created", "")
    assert len(world.marketo.logged(1)) == 1


# -- what is not processed


def wordy(**changes: object) -> World:
    """An Action that logs what it does not process, too."""
    results = an_action().model_dump(exclude_none=True)["results"] | {"not_processed": "Not processed"}
    return World(an_action(results=results, **changes))


def words(world: World, lead_id: int) -> list[str]:
    """What is logged with a person."""
    return [str(each.primary_attribute_value) for each in world.marketo.logged(lead_id)]


def test_what_is_not_processed_is_logged_where_the_action_has_a_word_for_it() -> None:
    """A condition, a missing identifier, a person who is not found, a trial, and a duplicate."""
    clause = {"column": "leadStatus", "operator": "not_equals", "value": "Disqualified"}
    world = wordy(
        conditions={"clauses": [clause]}, deduplicate={"columns": ["externalId"]}, type="update", trial={"leads": [1]}
    )
    world.salesforce.load("Lead", Email="person1@example.com")
    skipped = [world.receive(2, leadStatus="Disqualified"), world.receive(3, email=""), world.receive(4)]
    pair = [world.receive(1, externalId="X"), world.receive(1, externalId="X")]
    world.drain()
    world.configurations.move("action", A, Move.TRY)
    tried = world.receive(5)
    world.drain()

    assert [world.ended(each)[1] for each in skipped] == ["condition_not_met", "identifier_missing", "no_match"]
    assert [world.ended(each)[0] for each in pair] == ["updated", "duplicate"]
    assert world.ended(tried) == ("skipped", "trial")
    assert [words(world, lead_id) for lead_id in (2, 3, 4, 5)] == [["Not processed"]] * 4
    assert sorted(words(world, 1)) == ["Not processed", "Success"]
    assert {world.execution(each)["activity"]["status"] for each in (*skipped, *pair, tried)} == {"added"}
    assert [
        str(each.attributes["message"]).startswith("Skipped by a condition") for each in world.marketo.logged(2)
    ] == [True]
    assert not any(world.keys.held_by(each) for each in (*skipped, *pair, tried))


def test_without_the_word_nothing_is_logged_of_what_is_not_processed() -> None:
    """Two people who are skipped cost no call of Marketo's."""
    world = World(an_action(type="update"))
    for lead_id in (1, 2):
        world.receive(lead_id)
    world.drain()

    assert world.outcomes() == {"skipped": 2}
    assert world.marketo.logged() == []
    assert not [name for name in world.steps.taken if name.startswith("marketo.")]


def test_people_of_a_flow_step_are_told_by_their_callback_alone() -> None:
    """Whoever is skipped is told as skipped; the word makes no activity beside it."""
    world = wordy(type="update")
    world.receive_chunk(*chunk_messages(2))
    world.run_out()
    world.call_back()

    (body,) = world.door.taken.values()
    assert [row["activityData"]["outcome"] for row in body["objectData"]] == ["skipped", "skipped"]
    assert world.marketo.logged() == []


def test_of_an_unknown_person_nothing_is_logged() -> None:
    """Marketo does not have the person of a thin call: it ends as skipped, and no activity is tried."""
    world = wordy()
    call = world.receive_payload({"lead": {"id": 7}})
    world.marketo.leads.clear()
    world.drain()

    assert world.ended(call) == ("skipped", "lead_unknown")
    assert world.marketo.trouble.made("add_custom_activities") == 0


def test_a_worker_that_dies_at_any_step_logs_what_is_not_processed_once() -> None:
    """A skipped person and a duplicate end once, with one activity each, at whatever step a worker dies."""
    clause = {"column": "leadStatus", "operator": "not_equals", "value": "Disqualified"}
    for step in range(1, MANY):
        world = wordy(conditions={"clauses": [clause]})
        calls = [world.receive(1, leadStatus="Disqualified")]
        calls += [world.receive(2, event_id="order-1"), world.receive(2, event_id="order-1")]
        world.steps.arm(step)
        died = False
        try:
            world.run_out()
        except Crash:
            died = True
            world.clock.advance(61)
        world.steps.disarm()
        world.run_out()
        assert sorted(world.ended(each)[0] for each in calls) == ["created", "duplicate", "skipped"]
        assert set(world.inbox.ends.values()) == {1}
        assert (words(world, 1), sorted(words(world, 2))) == (["Not processed"], ["Not processed", "Success"])
        assert not any(world.keys.held_by(each) for each in calls)
        if not died:
            assert step > 20, "the scenario has too few steps to prove anything"
            return
    pytest.fail(f"more than {MANY} steps")
