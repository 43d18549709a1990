"""What a plan of a cycle would do: record by record, each field in each system before and after. Nothing is asked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from leadbridge.cycle_ports import CycleRuns
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_custom_objects import object_legs, relinking_legs
from leadbridge.domain.cycle_legs import CUSTOM_OBJECTS, Leg
from leadbridge.domain.cycle_people import PREFIXES
from leadbridge.domain.cycle_syncs import derived_syncs
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.fate_words import fate_said
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.planned import Planned
from leadbridge.domain.syncing import Part, SyncRun
from leadbridge.domain.three_way import Side
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Documents, Objects
from leadbridge.sync_ports import SyncRuns
from leadbridge.usecases.cycle_plans import CyclePlans
from leadbridge.usecases.cycle_rows import DECIDED, FATES, files_of
from leadbridge.usecases.failed_rows import source_ids
from leadbridge.usecases.fate_files import FateFiles
from leadbridge.usecases.people_files import Entry, PeopleFiles
from leadbridge.usecases.planned_rows import planned_piece
from leadbridge.usecases.sync_results import MOST_PIECES, PAGE

_RECORDS = {prefix: name for name, prefix in PREFIXES.items()}
#: nothing would be written of a record, and it is told why
LEFT = "nothing"
#: what a Sync's outcome of a planned row says of a write
_PLANNED: Mapping[str, str] = {"created": "create", "updated": "update", "flagged": "flag", "deleted": "delete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A field of one system, what it holds and what it would hold; what was not read is not known."""

    system: str
    name: str
    before: Any
    after: Any
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """What would become of a record: create, update, flag, delete, merge, link; or nothing, with the reason."""

    kind: str
    object: str
    salesforce_id: str
    marketo_id: str
    does: str
    reason: str
    message: str
    fields: Sequence[FieldChange] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPage:
    """Some of them, and where the next ones begin; 0 if there are none."""

    rows: Sequence[PlannedChange]
    following: int


class CyclePlanned:
    """Reads what a planning run has stored."""

    def __init__(
        self, *, documents: Documents, runs: CycleRuns, syncs: SyncRuns, objects: Objects, clock: Clock
    ) -> None:
        self._documents = documents
        self._runs = runs
        self._objects = objects
        self._syncs = syncs
        self._plans = CyclePlans(runs=syncs, objects=objects, clock=clock)

    def page(self, cycle: str, slot: str, begin: int = 0) -> PlannedPage:
        """Some changes of a plan, from a place on that the page before told; a place counts what was stored together.

        Raises:
            ConfigurationError: There is no such plan.
        """
        stored = islice(self._pieces(self.run(cycle, slot)), begin, None)
        rows, taken = list[PlannedChange](), 0
        for piece in stored:
            rows += piece()
            taken += 1
            if len(rows) >= PAGE or taken == MOST_PIECES:
                break
        return PlannedPage(rows=rows, following=begin + taken if next(stored, None) is not None else 0)

    def rows(self, cycle: str, slot: str) -> Iterator[PlannedChange]:
        """All of them. Raises as `page`."""
        for piece in self._pieces(self.run(cycle, slot)):
            yield from piece()

    def run(self, cycle: str, slot: str) -> CycleRun:
        """The planning run. Raises as `page`."""
        found = self._runs.get(cycle, slot)
        if found is None or not found[0].planning:
            raise ConfigurationError(
                [f"the cycle {cycle} has no plan {slot}; `leadbridge cycle plan {cycle}` makes one"]
            )
        return found[0]

    def _pieces(self, run: CycleRun) -> Iterator[Callable[[], Sequence[PlannedChange]]]:
        """What reads each file, so that those that are passed over are not read; who is who comes first."""
        stored = self._documents.get("crm_cycle", run.cycle, run.version)
        if stored is None or not isinstance(stored.document, CrmCycle):
            raise ConfigurationError([f"there is no version {run.version} of the cycle {run.cycle}"])
        legs = {leg.name: leg for leg in derived_syncs(stored.document)[1]}
        yield partial(_fates, FateFiles(self._objects, run))
        for kind in DECIDED:
            files, numbers, plans = files_of(self._objects, run, kind)
            for number in numbers:
                planned = [(legs[name], each.index(number) + 1) for name, each in plans.items() if number in each]
                yield partial(self._changes, run, kind, files, number, planned)
        for leg in relinking_legs(stored.document):
            yield partial(self._relinked, run, leg)
        for leg in object_legs(stored.document):
            known = self._syncs.get(leg.sync.id, run.slot)
            if known is None:
                continue
            for part in self._syncs.parts(leg.sync.id, run.slot):
                for chunk in range(part.chunks):
                    yield partial(self._late, leg, known[0], part, chunk)

    def _late(self, leg: Leg, run: SyncRun, part: Part, chunk: int) -> Sequence[PlannedChange]:
        """What a Sync that reads by itself would write; rows that are as they should be are none of it."""
        rows = planned_piece(self._objects, run, part, chunk)
        told = [row for row in rows if row.outcome != Outcome.UNCHANGED or row.reason]
        ids = source_ids(self._objects, run, leg.sync, {row.row for row in told}) if told else {}
        to_salesforce = leg.side is Side.SALESFORCE
        found = list[PlannedChange]()
        for row in told:
            source = ids.get(row.row, "")
            found.append(
                PlannedChange(
                    kind=CUSTOM_OBJECTS,
                    object=(leg.sync.destination if to_salesforce else leg.sync.source).object,
                    salesforce_id=row.record_id if to_salesforce else source,
                    marketo_id=source if to_salesforce else row.record_id,
                    does=_PLANNED.get(row.outcome, LEFT),
                    reason=row.reason,
                    message=row.message,
                    fields=[
                        FieldChange(
                            system=leg.side.value, name=each.name, before=each.before, after=each.after, known=True
                        )
                        for each in row.fields
                    ],
                )
            )
        return found

    def _relinked(self, run: CycleRun, leg: Leg) -> Sequence[PlannedChange]:
        """Records that would leave a Lead that was converted for its Contact."""
        return [
            PlannedChange(
                kind=CUSTOM_OBJECTS,
                object=leg.sync.destination.object,
                salesforce_id=write.record_id,
                marketo_id="",
                does=write.does,
                reason="",
                message="",
                fields=list(_fields(leg, write)),
            )
            for write in self._plans.planned(run, leg, 1).values()
        ]

    def _changes(
        self, run: CycleRun, kind: str, files: PeopleFiles, number: int, planned: Sequence[tuple[Leg, int]]
    ) -> Sequence[PlannedChange]:
        """What was decided about a piece, beside records that are as they should be."""
        writes = [(leg, self._plans.planned(run, leg, part)) for leg, part in planned]
        found = list[PlannedChange]()
        for entry in files.entries(number):
            # what follows writes of the same run is not planned yet
            mine = [
                (leg, those[entry.writes[leg.name]]) for leg, those in writes if entry.writes.get(leg.name) in those
            ]
            if mine or entry.outcome != Outcome.UNCHANGED or entry.reason:
                found.append(_change(kind, entry, mine))
        return found


def _change(kind: str, entry: Entry, writes: Sequence[tuple[Leg, Planned]]) -> PlannedChange:
    return PlannedChange(
        kind=kind,
        object=entry.object,
        salesforce_id=entry.salesforce_id,
        marketo_id=entry.marketo_id,
        does=next((_does(entry, leg, write) for leg, write in writes), LEFT),
        reason=entry.reason,
        message=entry.message,
        fields=[change for leg, write in writes for change in _fields(leg, write)],
    )


def _does(entry: Entry, leg: Leg, write: Planned) -> str:
    """What a write does; what is made or changed by its key is changed where it was written before."""
    changes = write.does == "create" and leg.side is Side.MARKETO and entry.marketo_id
    return "update" if changes else write.does


def _fields(leg: Leg, write: Planned) -> Iterator[FieldChange]:
    for name, after in sorted(write.after.items()):
        known = name not in write.known
        yield FieldChange(
            system=leg.side.value, name=name, before=write.before.get(name) if known else None, after=after, known=known
        )


def _fates(files: FateFiles) -> Sequence[PlannedChange]:
    return [
        PlannedChange(
            kind=FATES,
            object=_RECORDS.get(each.record[:3], ""),
            salesforce_id=each.record,
            marketo_id=each.person,
            does=each.step.does.value if each.step else LEFT,
            reason=each.why,
            message=fate_said(each.why, each.record, each.person),
        )
        for each in files.plan() or ()
    ]
