"""What became of runs: how they stand, and the rows that failed."""

from collections.abc import Iterator, Mapping, Sequence

from leadbridge.domain.syncing import SyncRun, summed
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Objects
from leadbridge.sync_ports import SyncRuns
from leadbridge.usecases.sync_files import read_refused, read_results

#: runs that a list shows
LISTED = 50


class SyncResults:
    """Reads what runs have stored."""

    def __init__(self, *, runs: SyncRuns, objects: Objects) -> None:
        self._runs = runs
        self._objects = objects

    def runs(self, sync: str, limit: int = LISTED) -> Sequence[SyncRun]:
        """The runs of a Sync, the newest first; of those at work the counts as they are now."""
        return [self._counted(run) for run in self._runs.runs(sync, limit)]

    def run(self, sync: str, slot: str) -> SyncRun:
        """One run.

        Raises:
            ConfigurationError: There is none of that slot.
        """
        found = self._runs.get(sync, slot)
        if found is None:
            raise ConfigurationError(
                [f"the Sync {sync} has no run {slot}; `leadbridge syncs executions {sync}` lists them"]
            )
        return self._counted(found[0])

    def failed(self, sync: str, slot: str) -> Iterator[Mapping[str, str]]:
        """The rows of a run that failed: number in the extract, reason and message.

        Raises:
            ConfigurationError: There is no such run.
        """
        run = self.run(sync, slot)
        for part in self._runs.parts(sync, slot):
            for chunk in part.failed_in:
                lines = read_results(self._objects, run, part.number, chunk)
                yield from (line for line in lines if line["outcome"] == "failed")
        if run.unwritten:
            yield from read_refused(self._objects, run)

    def _counted(self, run: SyncRun) -> SyncRun:
        return run if run.over else summed(run, self._runs.parts(run.sync, run.slot))
