"""The plans of a cycle's legs: writes that were decided, stored as a planning run would, and the runs that apply them.

Pieces are what a kind of records decides at once; those of which a leg has something to write are its partitions, in
their order.
"""

from collections.abc import Callable, Mapping, Sequence

from leadbridge.domain.carried import cancelled
from leadbridge.domain.cycle_legs import Leg
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.evolving import replace
from leadbridge.domain.outcome import Outcome, RowOutcome
from leadbridge.domain.planned import Planned
from leadbridge.domain.rows import RowEnd
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.syncing import Step, SyncRun, Totals
from leadbridge.domain.three_way import Side
from leadbridge.domain.watermarks import Window
from leadbridge.errors import TransientError
from leadbridge.ports import Clock, Objects, OvertakenError
from leadbridge.sync_ports import SyncRuns
from leadbridge.usecases.sync_files import read_plan, read_results, write_plan

_PLAN = "plan"
_OF_ROWS = frozenset(RowOutcome)
#: which count of a run says what became of a planned write
_COUNTED = {"create": "created", "update": "updated", "flag": "flagged", "delete": "deleted"}


class CyclePlans:
    """Stores plans, begins the runs that apply them, and reads what became of each write."""

    def __init__(self, *, runs: SyncRuns, objects: Objects, clock: Clock) -> None:
        self._runs = runs
        self._objects = objects
        self._clock = clock

    def store(self, run: CycleRun, leg: Leg, number: int, writes: Sequence[Planned]) -> None:
        """Store a partition of a leg's plan, in place of what may be there of it."""
        plan = self._plan(run, leg)
        part = self._runs.take_part(plan.sync, plan.slot, number)
        write_plan(self._objects, plan, part, 1, writes)
        counts = dict.fromkeys(_COUNTED.values(), 0)
        for write in writes:
            counts[_COUNTED[write.does]] += 1
        self._runs.save_part(
            replace(part, chunks=2, tellers=(part.epoch, part.epoch), totals=Totals(**counts), finished=True)
        )

    def planned(self, run: CycleRun, leg: Leg, number: int) -> Mapping[int, Planned]:
        """The writes of a partition of a leg's plan, by their positions."""
        plan = self._plan(run, leg)
        for part in self._runs.parts(plan.sync, plan.slot):
            if part.number == number:
                return {write.position: write for write in read_plan(self._objects, plan, part, 1)}
        return {}

    def begin(self, run: CycleRun, leg: Leg, partitions: int) -> SyncOrder | None:
        """Store the run that applies the first so many partitions of a leg's plan; None if it has ended already.

        Raises:
            TransientError: A run of the leg before this one is still at work.
        """
        sync = leg.sync.id
        known = self._runs.get(sync, run.slot)
        if known is None:
            plan = self._plan(run, leg)
            parts = [part for part in self._runs.parts(sync, plan.slot) if part.number <= partitions]
            totals = sum((part.totals for part in parts), Totals())
            plan = replace(plan, step=Step.DONE, totals=totals, pulled=totals.rows, partitions=partitions)
            self._runs.begin(replace(plan, ended_at=self._clock.now()))
            known = self._runs.begin(replace(self._new(run, leg), epoch=self._leased(run, leg), plan=plan.slot))
        return None if known[0].over else SyncOrder(sync=sync, slot=run.slot)

    def begin_late(
        self, run: CycleRun, leg: Leg, read: Window, records: Callable[[], int] | None = None
    ) -> SyncOrder | None:
        """Store the run of a leg that reads a window and writes what it has read; None if it has ended already.

        In a plan it plans that. It has the name of its queue. `records` tells how many there are, for the guard; what
        is read from the start is a first meeting, of which nothing is asked. Raises as `begin`.
        """
        sync = leg.sync.id
        known = self._runs.get(sync, run.slot)
        if known is None:
            new = replace(self._new(run, leg), epoch=self._leased(run, leg), incremental=True, planning=run.planning)
            new = replace(new, since=read.since, until=read.until, made_since=run.made_since.get(leg.name))
            first = read.since is None
            known = self._runs.begin(replace(new, confirmed=first, size=records() if records and not first else 0))
        return None if known[0].over else SyncOrder(sync=sync, slot=run.slot)

    def ends(self, run: CycleRun, leg: Leg, number: int) -> Mapping[int, RowEnd]:
        """What became of the writes of a partition, by their positions; those that were never tried are missing."""
        found: dict[int, RowEnd] = {}
        for part in self._runs.parts(leg.sync.id, run.slot):
            if part.number != number:
                continue
            applied = self._new(run, leg)
            for chunk in range(part.chunks):
                for line in read_results(self._objects, applied, part, chunk):
                    found[int(line["row"])] = _end(line)
        return found

    def failed(self, run: CycleRun, leg: Leg) -> int:
        """How many rows of a leg failed."""
        known = self._runs.get(leg.sync.id, run.slot)
        return known[0].totals.failed if known else 0

    def told(self, run: CycleRun, leg: Leg) -> str:
        """Why a leg ended without having tried everything."""
        known = self._runs.get(leg.sync.id, run.slot)
        return (known[0].message or known[0].reason) if known else ""

    def _leased(self, run: CycleRun, leg: Leg) -> int:
        sync = leg.sync.id
        standing = self._runs.standing(sync)
        if standing.holder == run.slot:
            return standing.epoch
        before = self._runs.get(sync, standing.holder) if standing.holder else None
        if before is not None and not before[0].over and not self._ends_unbegun(*before, run):
            raise TransientError(f"the run {standing.holder} of {sync} is still at work", vendor="leadbridge")
        taken = self._runs.take(sync, run.slot, standing, self._clock.now())
        if taken is None:
            raise TransientError(f"another run of {sync} begins", vendor="leadbridge")
        return taken.epoch

    def _ends_unbegun(self, before: SyncRun, version: int, run: CycleRun) -> bool:
        """Whether an earlier run of a leg was stored and never begun, and has an end now.

        Its cycle's run was cancelled before it ordered it: this one holds the lease, so nobody else orders it any more.
        A process of that run which comes late ends none of a later one.
        """
        if before.step is not Step.BEGIN or before.seen_at is not None or before.slot >= run.slot:
            return False
        try:
            self._runs.save(cancelled(before, self._clock.now()), version)
        except OvertakenError:
            return False  # somebody has begun it after all
        return True

    def _plan(self, run: CycleRun, leg: Leg) -> SyncRun:
        return replace(self._new(run, leg), slot=f"{run.slot}-{_PLAN}", planning=True)

    def _new(self, run: CycleRun, leg: Leg) -> SyncRun:
        to_marketo = leg.side is Side.MARKETO
        return SyncRun(
            sync=leg.sync.id,
            slot=run.slot,
            version=run.version,
            source="salesforce" if to_marketo else "marketo",
            destination="marketo" if to_marketo else "salesforce",
            epoch=run.epoch,
            started_at=run.started_at,
        )


def _end(line: Mapping[str, str]) -> RowEnd:
    word = line["outcome"]
    outcome = RowOutcome(word) if word in _OF_ROWS else Outcome(word)
    return RowEnd(
        position=int(line["row"]),
        outcome=outcome,
        record_id=line["id"],
        reason=line["reason"],
        message=line["message"],
    )
