"""What the state machine of a cycle's run says and what the code says are the same: steps, waits, members, errors."""

import json
from typing import Any

from leadbridge import errors
from leadbridge.domain.carried import ENDS
from leadbridge.domain.cycling import CycleStep
from leadbridge.usecases.run_cycle_step import MOST_TURNS
from tests.builders.cycles import CycleWorld
from tests.contract.test_sync_state_machine import texts
from tests.unit.test_template import ROOT

DEFINITION: dict[str, Any] = json.loads((ROOT / "statemachines/cycle.asl.json").read_text("utf-8"))
STATES: dict[str, dict[str, Any]] = DEFINITION["States"]
TASKS = {name: each for name, each in STATES.items() if "RunCycleStep" in str(each.get("Resource"))}


def test_each_step_of_the_domain_is_a_state() -> None:
    """The machine routes every step that is no end, knows all ends, and has no state that nothing leads to."""
    routed = {choice["StringEquals"]: choice["Next"] for choice in STATES["Step"]["Choices"]}
    ends = {choice.get("StringEquals") for choice in STATES["Next"]["Choices"]}
    named = {DEFINITION["StartAt"]}
    for state in STATES.values():
        named |= {state[key] for key in ("Next", "Default") if key in state}
        named |= {each["Next"] for key in ("Choices", "Catch") for each in state.get(key, [])}

    assert routed == {step.value: step.value.capitalize() for step in CycleStep if step not in ENDS}
    assert set(TASKS) == {"Begin", *routed.values()}
    assert ends >= ENDS
    assert named == set(STATES)


def test_every_path_that_is_read_is_a_member_of_the_answer() -> None:
    """Whatever the machine reads of an answer, or of an order to carry out, is always there."""
    world = CycleWorld()
    slot = world.now().slot
    world.drive(slot, steps=2)
    answer = world.step(slot, begin=True)
    read = {text.split(".")[2] for text in texts(DEFINITION) if text.startswith("$.at.")}
    carried = STATES["Carry"]["ItemProcessor"]["States"]["Sync"]["Parameters"]

    assert answer["at_work"]
    assert read <= set(answer)
    assert {"step", "renew", "renewal", "parked", "wait_seconds", "orders", "at_work", "reason", "message"} <= read
    for order in answer["orders"]:
        assert carried["Name.$"] == "$.name"
        assert {"sync.$": "$.sync", "slot.$": "$.slot"}.items() <= carried["Input"].items()
        assert {"sync", "slot", "name"} == set(order)
        assert len(order["name"]) <= 80


def test_every_error_that_is_tried_again_is_one_that_passes() -> None:
    """Each name is a class of ours that means "later", or one of AWS's own."""
    for name, task in TASKS.items():
        (retry,) = task["Retry"]
        ours = [each for each in retry["ErrorEquals"] if not each.startswith(("Lambda.", "States.", "Sandbox."))]
        assert ours == ["TransientError"], name
        assert issubclass(errors.TransientError, getattr(errors, ours[0]))
        assert 900 < task["TimeoutSeconds"] < 1000


def test_a_history_stays_below_its_limit() -> None:
    """The most turns, each with the runs of a group carried out and tried again, give fewer than 25,000 events."""
    (retry,) = TASKS["Open"]["Retry"]
    # a task: entered, scheduled, started, ended, left; three more for each try; choices and a wait
    task = 5 + 3 * retry["MaxAttempts"] + 2 + 2 + 2
    # a map: its own, and of each of at most six runs ten
    carried = 4 + 6 * 10

    # at most every second turn carries anything out
    assert MOST_TURNS * task + MOST_TURNS // 2 * carried < 25_000
