"""Whether the run that holds a lease goes on; one that has lost its state machine is given a new one."""

from datetime import datetime, timedelta
from typing import Protocol

from leadbridge.domain.carried import CarriedRun
from leadbridge.domain.evolving import replace
from leadbridge.ports import OvertakenError

#: who began a run, or ended an execution of it, starts the next one within this time, or has died
GONE_AFTER = timedelta(minutes=5)


class RunsOf[R: CarriedRun](Protocol):
    """Where runs of one kind are."""

    def get(self, owner: str, slot: str, /) -> tuple[R, int] | None:
        """A run and its version; None if there is none."""
        ...

    def save(self, run: R, version: int, /) -> int:
        """Replace a run; returns its new version."""
        ...


class Starter(Protocol):
    """Starts the state machine."""

    def alive(self, name: str) -> bool:
        """Whether an execution of that name is running."""
        ...

    def start(self, owner: str, slot: str, name: str, /) -> None:
        """Start an execution of that name; one that has been started already is fine."""
        ...


def goes_on[R: CarriedRun](
    runs: RunsOf[R], starter: Starter, holder: tuple[str, str], taken_at: datetime | None, now: datetime
) -> bool:
    """Whether the holder of a lease, by its owner and slot, goes on with its run, by now perhaps in a new execution."""
    owner, slot = holder
    found = runs.get(owner, slot)
    if found is None:
        # whoever took the lease begins the run now, or has died
        return taken_at is not None and now - taken_at < GONE_AFTER
    run, version = found
    if run.over:
        return False
    seen = run.seen_at or run.started_at
    if starter.alive(run.carrier) or now - seen < GONE_AFTER:
        return True
    name = f"{run.name}-{version}"
    try:
        runs.save(replace(run, execution=name), version)
    except OvertakenError:
        return True  # somebody goes on with it after all
    starter.start(owner, slot, name)
    return True
