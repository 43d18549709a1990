"""Keep the scheduler's entries as the documents say: made, changed and removed with their Syncs, and mended."""

from leadbridge.domain.lifecycle import DocumentState, Stored
from leadbridge.domain.schedule_entries import Entry, entry_of, means_of_past, tick_of
from leadbridge.domain.sync import NOW, Sync
from leadbridge.ports import Clock, Configurations
from leadbridge.sync_ports import SyncSchedules
from leadbridge.usecases.start_sync import StartSync


class ScheduleSyncs:
    """The use-case behind activation, and the one that looks after all of them once in a while."""

    def __init__(
        self, *, configurations: Configurations, schedules: SyncSchedules, start: StartSync, clock: Clock
    ) -> None:
        self._configurations = configurations
        self._schedules = schedules
        self._start = start
        self._clock = clock

    def __call__(self) -> int:
        """Mend what differs for all Syncs, and see that their runs go on.

        Tells how many entries were written or removed.
        """
        stored = {each.document.id: each for each in self._configurations.list("sync")}
        changed = sum(self._keep(sync, each) for sync, each in stored.items())
        cycles = self._configurations.list("crm_cycle")
        changed += sum(self._mend(tick_of(each.document.id), wanted=_ticks(each)) for each in cycles)
        known = {*stored, *(tick_of(each.document.id).sync for each in cycles)}
        for sync in self._schedules.known():
            if sync not in known:
                self._schedules.remove(sync)
                changed += 1
        for sync in stored:
            # what runs once, or by hand, has no later slot whose start would find that its execution has died
            self._start.revive(sync)
        return changed

    def one(self, identifier: str, kind: str = "sync") -> bool:
        """Mend the entry of one Sync or cycle, which was stored, moved or removed; tells whether there was a need."""
        stored = self._configurations.get(kind, identifier)
        if kind == "crm_cycle":
            return self._mend(tick_of(identifier), wanted=stored is not None and _ticks(stored))
        return self._keep(identifier, stored) if stored is not None else self._unless(identifier)

    def _keep(self, sync: str, stored: Stored) -> bool:
        document = stored.document
        wanted: Entry | None = None
        if isinstance(document, Sync) and stored.state is DocumentState.ACTIVE:
            wanted = entry_of(document, self._clock.now())
            if document.schedule is not None and document.schedule.once == NOW:
                # once for each version that says so; the second time it has ended
                self._start.fired(sync, "")
            elif self._waits(sync, document):
                return False
        if wanted is None:
            return self._unless(sync)
        return self._mend(wanted, wanted=True)

    def _waits(self, sync: str, document: Sync) -> bool:
        """Whether a run at a time that is past is still to be begun: its fire was lost, or another run is at work.

        Its entry stays until it has begun. One that was activated only behind its time never had an entry.
        """
        past = means_of_past(document, self._clock.now())
        if past is None or self._schedules.means(sync) != past:
            return False
        return not self._start.fired(sync, "").begun

    def _mend(self, entry: Entry, *, wanted: bool) -> bool:
        if not wanted:
            return self._unless(entry.sync)
        if self._schedules.means(entry.sync) == entry.means:
            return False
        self._schedules.put(entry)
        return True

    def _unless(self, sync: str) -> bool:
        """See that there is no entry; tells whether there was one."""
        if self._schedules.means(sync) is None:
            return False
        self._schedules.remove(sync)
        return True


def _ticks(stored: Stored) -> bool:
    return stored.state is DocumentState.ACTIVE
