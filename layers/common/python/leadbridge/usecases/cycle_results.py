"""What became of runs of CRM cycles: how they stand, and each queue and leg with its counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from leadbridge.cycle_ports import CycleRuns
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_progress import CycleProgress, progress_of
from leadbridge.domain.cycle_syncs import derived_syncs
from leadbridge.domain.cycling import CycleRun, CycleStanding
from leadbridge.domain.syncing import SyncRun, summed
from leadbridge.domain.waits import Waiting
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Documents
from leadbridge.sync_ports import SyncRuns

#: runs that a list shows
LISTED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleParts:
    """A run, and those of its queues and legs that there are, by name in the order in which they come."""

    run: CycleRun
    queues: Sequence[tuple[str, SyncRun]]
    legs: Sequence[tuple[str, SyncRun]]
    #: that the document has
    kinds: Sequence[str] = ()

    def progress(self, now: datetime) -> CycleProgress | None:
        """How far it is; None before it reads, and when it is over."""
        queues, legs = ([run for _, run in those] for those in (self.queues, self.legs))
        return progress_of(self.run, self.kinds, queues, legs, now)


class CycleResults:
    """Reads what runs have stored."""

    def __init__(self, *, documents: Documents, runs: CycleRuns, syncs: SyncRuns) -> None:
        self._documents = documents
        self._runs = runs
        self._syncs = syncs

    def standing(self, cycle: str) -> CycleStanding:
        """What is known of a cycle between its runs."""
        return self._runs.standing(cycle)

    def runs(self, cycle: str, limit: int = LISTED) -> Sequence[CycleRun]:
        """The runs of a cycle, the newest first."""
        return self._runs.runs(cycle, limit)

    def known(self, cycle: str, slot: str) -> CycleRun | None:
        """One run; None if there is none of that slot."""
        found = self._runs.get(cycle, slot)
        return found[0] if found else None

    def parts(self, cycle: str, slot: str) -> CycleParts:
        """A run with its queues and legs.

        Raises:
            ConfigurationError: There is none of that slot, or its document is gone.
        """
        run = self.known(cycle, slot)
        stored = self._documents.get("crm_cycle", cycle, run.version) if run else None
        if run is None or stored is None or not isinstance(stored.document, CrmCycle):
            raise ConfigurationError(
                [f"the cycle {cycle} has no run {slot}; `leadbridge cycle executions {cycle}` lists them"]
            )
        queues, written = derived_syncs(stored.document)
        legs = self._those(((each.name, each.sync.id) for each in written), slot)
        return CycleParts(
            run=_asking(run, [leg for _, leg in legs]),
            queues=self._those(((each.name, each.sync.id) for each in queues if not each.late), slot),
            legs=legs,
            kinds=[name for name in CrmCycle.entities if stored.document.keeps(name) and run.takes(name)],
        )

    def _those(self, named: Iterable[tuple[str, str]], slot: str) -> list[tuple[str, SyncRun]]:
        found = list[tuple[str, SyncRun]]()
        for name, sync in named:
            known = self._syncs.get(sync, slot)
            if known is not None:
                run = known[0]
                found.append((name, run if run.over else summed(run, self._syncs.parts(sync, slot))))
        return found


def _asking(run: CycleRun, legs: Iterable[SyncRun]) -> CycleRun:
    """The run as it waits for a person if a leg does, which counts by itself what it would do."""
    asks = next((leg for leg in legs if leg.waiting is Waiting.GUARD and not leg.over), None)
    return run if asks is None or run.over else replace(run, waiting=asks.waiting, message=asks.message)
