"""What became of the activities of a CRM cycle's run: they have no files of decisions, so their Syncs' results tell.

A run of a Sync stores what became of each row by its number in what was read. Which activity that was is found by
counting through what was read, for a chunk at once; whoever only counts need not know.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_activities import activity_legs
from leadbridge.domain.cycle_legs import Leg
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.syncing import Part, SyncRun
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Documents, Objects
from leadbridge.sync_ports import SyncRuns
from leadbridge.usecases.failed_rows import source_ids
from leadbridge.usecases.sync_files import read_refused, read_results

type Line = Mapping[str, str]


class ActivityRows:
    """Reads what the Syncs of activities have stored."""

    def __init__(self, *, documents: Documents, syncs: SyncRuns, objects: Objects) -> None:
        self._documents = documents
        self._syncs = syncs
        self._objects = objects

    def pieces(self, run: CycleRun, *, named: bool) -> Iterator[Callable[[], Sequence[Line]]]:
        """What reads each file of a run, line by line as outcomes of other kinds; `named`: with the activities' GUIDs.

        An activity becomes a record of the object that its group says, whose id is that in Salesforce.
        """
        stored = self._documents.get("crm_cycle", run.cycle, run.version)
        if stored is None or not isinstance(stored.document, CrmCycle):
            return
        for leg in activity_legs(stored.document):
            known = self._syncs.get(leg.sync.id, run.slot)
            if known is None:
                continue
            refused = self._refused(known[0])
            for part in self._syncs.parts(leg.sync.id, run.slot):
                for chunk in range(part.chunks):
                    yield partial(self._lines, leg, known[0], part, chunk, refused, named=named)

    def _refused(self, run: SyncRun) -> Mapping[str, Line]:
        """By number the rows that a bulk import did not write, though its chunks say that they are on their way."""
        if not run.unwritten:
            return {}
        try:
            return {line["row"]: line for line in read_refused(self._objects, run)}
        except ConfigurationError:
            # expired, as all files of the run
            return {}

    def _lines(
        self, leg: Leg, run: SyncRun, part: Part, chunk: int, refused: Mapping[str, Line], *, named: bool
    ) -> Sequence[Line]:
        try:
            lines = list(read_results(self._objects, run, part, chunk))
            wanted = {int(line["row"]) for line in lines} if named else set[int]()
            guids = source_ids(self._objects, run, leg.sync, wanted) if wanted else {}
        except ConfigurationError:
            # expired, as the files of other kinds, of which nothing is told either
            return []
        return [
            {
                "object": leg.sync.destination.object,
                "marketo_id": guids.get(int(line["row"]), ""),
                "salesforce_id": line["id"],
                "outcome": Outcome.FAILED if line["row"] in refused else line["outcome"],
                "reason": refused.get(line["row"], line)["reason"],
                "message": refused.get(line["row"], line)["message"],
            }
            for line in lines
        ]
