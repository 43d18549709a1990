"""What the state machine of a Sync's run says and what the code says are the same: steps, waits, members, errors."""

import json
from typing import Any

from leadbridge import errors
from leadbridge.domain.carried import ENDS
from leadbridge.domain.syncing import WORKERS, Step
from leadbridge.usecases.run_sync_step import MOST_TURNS
from tests.builders.sync_runs import SyncWorld
from tests.unit.test_template import ROOT

DEFINITION: dict[str, Any] = json.loads((ROOT / "statemachines/sync.asl.json").read_text("utf-8"))
STATES: dict[str, dict[str, Any]] = DEFINITION["States"]
#: steps whose state is not their task: what it does is done by another machine, or by many tasks
BY_OTHERS = {"load": "Load", "extract_files": "ExtractFile", "load_files": "LoadFile"}


def tasks() -> dict[str, dict[str, Any]]:
    """The states that call the function, those of the partitions among them."""
    inner: dict[str, dict[str, Any]] = STATES["Load"]["ItemProcessor"]["States"]
    return {name: each for name, each in (STATES | inner).items() if "RunSyncStep" in str(each.get("Resource"))}


def texts(value: Any) -> list[str]:
    """Every text inside a definition."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [value] if isinstance(value, str) else []


def test_each_step_of_the_domain_is_a_state() -> None:
    """The machine routes every step that is no end, knows all ends, and has no state that nothing leads to."""
    routed = {choice["StringEquals"]: choice["Next"] for choice in STATES["Step"]["Choices"]}
    ends = {choice.get("StringEquals") for choice in STATES["Next"]["Choices"]}
    named = {DEFINITION["StartAt"]}
    for state in STATES.values():
        named |= {state[key] for key in ("Next", "Default") if key in state}
        named |= {each["Next"] for key in ("Choices", "Catch") for each in state.get(key, [])}

    assert set(routed) == {step.value for step in Step if step not in ENDS}
    assert {name: routed[name] for name in BY_OTHERS} == BY_OTHERS
    assert ends >= ENDS
    assert named == set(STATES)


def test_every_path_that_is_read_is_a_member_of_the_answer() -> None:
    """Whatever the machine reads of an answer is always there."""
    world = SyncWorld()
    world.row(1)
    world.start()
    answer = world.step(begin=True)
    read = {text.split(".")[2] for text in texts(DEFINITION) if text.startswith("$.at.")}

    assert read <= set(answer)
    assert {"step", "renew", "renewal", "parked", "wait_seconds", "lanes", "child", "reason", "message"} <= read


def test_workers_of_any_destination_begin_at_once() -> None:
    """The map lets as many work side by side as partitions are dealt to."""
    assert STATES["Load"]["MaxConcurrency"] == max(WORKERS.values())


def test_every_error_that_is_tried_again_is_one_that_passes() -> None:
    """Each name is a class of ours that means "later", or one of AWS's own."""
    for name, task in tasks().items():
        (retry,) = task["Retry"]
        ours = [each for each in retry["ErrorEquals"] if not each.startswith(("Lambda.", "States.", "Sandbox."))]
        assert ours == ["TransientError"], name
        assert issubclass(errors.TransientError, getattr(errors, ours[0]))
        assert 900 < task["TimeoutSeconds"] < 1000


def test_a_history_stays_below_its_limit() -> None:
    """The most turns, each tried again as often as may be, give fewer than 25,000 events."""
    (retry,) = STATES["Plan"]["Retry"]
    # a task: entered, scheduled, started, ended, left; three more for each try; a map's own; choices and a wait
    events = 5 + 3 * retry["MaxAttempts"] + 6 + 2 + 2 + 2

    assert MOST_TURNS * events < 25_000
