"""Keep the scheduler's entries as the documents say: made, changed and removed with their Syncs, and mended."""

from leadbridge.domain.lifecycle import DocumentState, Stored
from leadbridge.domain.schedule_entries import Entry, entry_of
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
        """Mend what differs for all Syncs; tells how many entries were written or removed."""
        stored = {each.document.id: each for each in self._configurations.list("sync")}
        changed = sum(self._keep(sync, each) for sync, each in stored.items())
        for sync in self._schedules.known():
            if sync not in stored:
                self._schedules.remove(sync)
                changed += 1
        return changed

    def one(self, sync: str) -> bool:
        """Mend the entry of one Sync, which was stored, moved or removed just now; tells whether there was a need."""
        stored = self._configurations.get("sync", sync)
        if stored is not None:
            return self._keep(sync, stored)
        self._schedules.remove(sync)
        return True

    def _keep(self, sync: str, stored: Stored) -> bool:
        document = stored.document
        wanted: Entry | None = None
        if isinstance(document, Sync) and stored.state is DocumentState.ACTIVE:
            wanted = entry_of(document, self._clock.now())
            if document.schedule is not None and document.schedule.once == NOW:
                # once for each version that says so; the second time it has ended
                self._start.fired(sync, "")
        known = self._schedules.means(sync)
        if known == (wanted.means if wanted else None):
            return False
        if wanted is None:
            self._schedules.remove(sync)
        else:
            self._schedules.put(wanted)
        return True
