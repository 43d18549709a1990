"""One step of a run that a state machine carries on, and what the state machine hears of it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from leadbridge.domain.carried import CarriedRun, next_of
from leadbridge.domain.cycle_order import CycleOrder
from leadbridge.domain.evolving import replace
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.waits import PARKED
from leadbridge.ports import Clock, OvertakenError


def one_step[R: CarriedRun](
    order: SyncOrder | CycleOrder,
    known: Callable[[], tuple[R, int]],
    take: Callable[[R, int], tuple[R, int]],
    save: Callable[[R, int], int],
    *,
    clock: Clock,
    most_turns: int,
) -> tuple[R, int, int]:
    """The run behind its next step, its version, and the turns; after `most_turns` it goes on in a new execution.

    `known` reads the run, `take` takes the step, `save` stores a run of which the version has not changed since.
    """
    run, version = known()
    if not order.begin and not run.over and not next_of(run, clock.now()).wait_seconds:
        try:
            run, version = take(run, version)
        except OvertakenError:
            run, version = known()
    turns = 0 if order.begin else order.turns + 1
    if turns >= most_turns and not run.over:
        run = replace(run, execution=f"{run.name}-{version}")
        with suppress(OvertakenError):
            version = save(run, version)
    return run, version, turns


def answer(run: CarriedRun, now: datetime, turns: int, most_turns: int) -> dict[str, Any]:
    """What a state machine hears of every run."""
    following = next_of(run, now)
    return {
        "slot": run.slot,
        "step": following.step.value,
        "wait_seconds": following.wait_seconds,
        "waiting": following.waiting.value,
        "parked": following.waiting in PARKED,
        "turns": turns,
        "renewal": run.carrier,
        "renew": turns >= most_turns and not run.over,
        "reason": run.reason,
        "message": run.message[:1000],
    }
