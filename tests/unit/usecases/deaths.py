"""Workers that die at every step of a scenario, and the successors that go on."""

from collections.abc import Callable, Iterable

import pytest

from tests.builders.world import World
from tests.fakes.steps import Crash


def recover(world: World) -> None:
    """Let the dead worker's lease end, and successors run until nothing waits; parked victims are redriven."""
    world.clock.advance(61)
    world.run_out()
    for execution, item in world.inbox.logged.items():
        if item["state"] == "parked":
            assert item["reason"] == "worker_crashed"
            assert world.redrive(execution).done
    world.run_out()


def die_at_every_step[T: World](build: Callable[[], T], check: Callable[[T], object], *, least: int, most: int) -> None:
    """Build a world and let its worker die at one step, for every step that there is; `check` each once it is over.

    The last one lives. It must have had more than `least` steps, or nothing would be proved, and at most `most`.
    """
    for step in range(1, most):
        world = build()
        world.steps.arm(step)
        try:
            world.run_out()
        except Crash:
            recover(world)
        else:
            assert step > least, "the scenario has too few steps to prove anything"
            check(world)
            return
        check(world)
    pytest.fail(f"more than {most} steps")


def die_at(world: World, steps: Iterable[int]) -> int:
    """Let workers die one after the other, each at its step, then the others run; how many died."""
    deaths = 0
    for step in steps:
        world.steps.arm(step)
        try:
            world.run_out()
        except Crash:
            deaths += 1
            world.clock.advance(61)
    world.steps.disarm()
    recover(world)
    return deaths
