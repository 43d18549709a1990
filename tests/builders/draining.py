"""A worker of a lane and the sweep on in-memory ports, for every world that has them."""

from collections.abc import Callable
from typing import Protocol, cast

from leadbridge import ports
from leadbridge.usecases.drain_lane import DrainLane, DrainSettings
from leadbridge.usecases.holds import Holds
from leadbridge.usecases.ripening import Ripen, Ripeness
from leadbridge.usecases.run_events import RunEvents
from leadbridge.usecases.sweep import Sweep
from tests.fakes.heartbeat import AskingHeartbeat


class Surroundings(Protocol):
    """What outlives a process; each use-case made from it is a process of its own."""

    @property
    def configurations(self) -> ports.Configurations:
        """The documents."""
        ...

    @property
    def inbox(self) -> ports.Inbox:
        """What waits, and what became of it."""
        ...

    @property
    def lanes(self) -> ports.Lanes:
        """Who drains what, and what buffers hold."""
        ...

    @property
    def bell(self) -> ports.Bell:
        """Who is rung for."""
        ...

    @property
    def clock(self) -> ports.Clock:
        """The time."""
        ...

    @property
    def meter(self) -> ports.Meter:
        """What is counted."""
        ...


def a_drainer(
    world: Surroundings,
    run: object,
    *,
    sleep: Callable[[float], None],
    holds: Holds | None = None,
    batch: int = 200,
    buffers: bool = True,
) -> DrainLane:
    """One worker; `run` is `RunEvents` or behaves like it."""
    ripeness = Ripeness(world.configurations)
    return DrainLane(
        inbox=world.inbox,
        lanes=world.lanes,
        bell=world.bell,
        clock=world.clock,
        heartbeat=AskingHeartbeat(world.lanes, world.clock),
        run_events=cast("RunEvents", run),
        holds=holds or Holds(world.configurations),
        sleep=sleep,
        settings=DrainSettings(batch=batch),
        ripen=Ripen(inbox=world.inbox, lanes=world.lanes, ripeness=ripeness, meter=world.meter) if buffers else None,
    )


def a_sweep(world: Surroundings, *, holds: Holds | None = None, buffers: bool = True) -> Sweep:
    """What runs once a minute."""
    return Sweep(
        inbox=world.inbox,
        lanes=world.lanes,
        bell=world.bell,
        clock=world.clock,
        meter=world.meter,
        holds=holds or Holds(world.configurations),
        ripeness=Ripeness(world.configurations) if buffers else None,
    )
