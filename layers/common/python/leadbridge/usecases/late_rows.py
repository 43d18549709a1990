"""What became of the activities and custom objects of a CRM cycle's run: no files of decisions, so results tell.

A run of a Sync stores what became of each row by its number in what was read. Which activity that was is found by
counting through what was read, for a chunk at once; whoever only counts need not know.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_activities import activity_legs
from leadbridge.domain.cycle_custom_objects import object_legs
from leadbridge.domain.cycle_legs import ACTIVITIES, CUSTOM_OBJECTS, Leg
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.syncing import Part, SyncRun
from leadbridge.domain.three_way import Side
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Documents, Objects
from leadbridge.sync_ports import SyncRuns
from leadbridge.usecases.failed_rows import source_ids
from leadbridge.usecases.sync_files import read_refused, read_results

type Line = Mapping[str, str]

#: the legs of the kinds of records whose Syncs read and write by themselves
LATE: Mapping[str, Callable[[CrmCycle], Iterator[Leg]]] = {ACTIVITIES: activity_legs, CUSTOM_OBJECTS: object_legs}


class LateRows:
    """Reads what the Syncs have stored that a cycle starts behind its decisions."""

    def __init__(self, *, documents: Documents, syncs: SyncRuns, objects: Objects) -> None:
        self._documents = documents
        self._syncs = syncs
        self._objects = objects

    def pieces(self, run: CycleRun, kind: str, *, named: bool) -> Iterator[Callable[[], Sequence[Line]]]:
        """What reads each file of a kind of a run, line by line as outcomes of others; `named`: with the sources' ids.

        An activity becomes a record of the object that its group says, whose id is that in Salesforce.
        """
        stored = self._documents.get("crm_cycle", run.cycle, run.version)
        if stored is None or not isinstance(stored.document, CrmCycle):
            return
        for leg in LATE[kind](stored.document):
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
            ids = source_ids(self._objects, run, leg.sync, wanted) if wanted else {}
        except ConfigurationError:
            # expired, as the files of other kinds, of which nothing is told either
            return []
        to_salesforce = leg.side is Side.SALESFORCE
        own, other = ("marketo_id", "salesforce_id") if to_salesforce else ("salesforce_id", "marketo_id")
        return [
            {
                "object": (leg.sync.destination if to_salesforce else leg.sync.source).object,
                own: ids.get(int(line["row"]), ""),
                other: line["id"],
                "outcome": Outcome.FAILED if line["row"] in refused else line["outcome"],
                "reason": refused.get(line["row"], line)["reason"],
                "message": refused.get(line["row"], line)["message"],
            }
            for line in lines
        ]
