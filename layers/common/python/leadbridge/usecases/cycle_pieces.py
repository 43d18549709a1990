"""What all kinds of records but persons have in common: pieces that are decided, planned, and remembered.

Rows are sorted into partitions by the Account that they are about, so that all that was read of one meets in one piece.
Each piece stores what it decided; the writes of a leg that come from one piece are one partition of its plan.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from leadbridge.cycle_ports import CycleNews, CycleRecords, DueRecord, DueRecords, Link, Links
from leadbridge.domain.company_words import worded
from leadbridge.domain.cycle_latency import measured
from leadbridge.domain.cycle_legs import Leg, Queue
from leadbridge.domain.cycle_opportunities import AddedDeals, AddedRole
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.linked import Digest
from leadbridge.domain.mass_guard import Tally
from leadbridge.domain.outcome import WRITTEN, Outcome, RowOutcome
from leadbridge.domain.planned import Planned
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.rows import RowEnd
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.syncing import SyncRun
from leadbridge.domain.three_way import Side
from leadbridge.ports import Clock, Objects
from leadbridge.sync_ports import SyncRuns
from leadbridge.usecases.cycle_guard import noted
from leadbridge.usecases.cycle_plans import CyclePlans
from leadbridge.usecases.decide_people import LEFT_SECONDS
from leadbridge.usecases.fate_files import Comparison
from leadbridge.usecases.keep_people import due_again
from leadbridge.usecases.people_files import Entry, PeopleFiles, Row, written_edits

#: rows that are planned once others were made
LATE = "late"
#: what a write may come to that is as it should be: a record that was to be deleted, and is gone, is skipped
DONE = frozenset({*WRITTEN, Outcome.SKIPPED, RowOutcome.DELETED})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepPorts:
    """What all kinds of records but persons need from the outside."""

    runs: SyncRuns
    objects: Objects
    records: CycleRecords
    links: Links
    due: DueRecords
    #: describes an object by its name, of either system
    describe: Callable[[str], ObjectDescription]
    digest: Digest
    clock: Clock
    #: of deletions; without it nobody hears of them
    news: CycleNews | None = None
    #: gives the opportunities and roles of Marketo that its log names; without it nobody looks
    added: Callable[[Sequence[AddedRole]], AddedDeals] | None = None


@dataclass(slots=True, kw_only=True)
class PieceState:
    """How far DECIDE is, beside the number of pieces that are through."""

    #: by queue its pages, in the order of the queues
    pages: dict[str, int] = field(default_factory=dict)
    #: into how many partitions rows go
    parts: int = 1
    #: pieces at which rows were spilled
    spills: list[int] = field(default_factory=list)
    #: by leg the pieces of which it has something to write
    plans: dict[str, list[int]] = field(default_factory=dict)

    def back_to(self, piece: int) -> None:
        """Forget what came from a piece on: it is done once more."""
        self.spills = [each for each in self.spills if each < piece]
        self.plans = {name: [each for each in known if each < piece] for name, known in self.plans.items()}

    @property
    def first(self) -> int:
        """The first piece that is decided: behind all pages, and the records that are due."""
        return sum(self.pages.values()) + 1

    @property
    def end(self) -> int:
        """Behind the last piece."""
        return self.first + self.parts


class PieceFiles(PeopleFiles):
    """The files of one kind of records of one run, below its name in the run's folder."""

    def __init__(self, objects: Objects, run: CycleRun, name: str) -> None:
        """Stores nothing."""
        super().__init__(objects, run)
        self._folder = f"{run.folder}/{name}"

    def pieces(self) -> PieceState | None:
        """How far it is; None at the begin."""
        found = self._read("state.json")
        return PieceState(**json.loads(found)) if found is not None else None

    def keep_pieces(self, state: PieceState) -> None:
        """Store how far it is."""
        self._put("state.json", json.dumps(asdict(state)).encode())

    def comparison(self) -> Comparison:
        """How far the comparison of links with what is there has come."""
        found = self._read("compared.json")
        return Comparison(**json.loads(found)) if found is not None else Comparison()

    def keep_comparison(self, comparison: Comparison) -> None:
        """Store how far it has come."""
        self._put("compared.json", json.dumps(asdict(comparison)).encode())

    def spared(self) -> dict[str, str]:
        """Records of which not all is done that was planned, and why, as a code of `domain.company_words`."""
        found = self._read("spared.json")
        return dict(json.loads(found)) if found is not None else {}

    def keep_spared(self, records: Mapping[str, str]) -> None:
        """Store of which records not all is done."""
        self._put("spared.json", json.dumps(records).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What was decided about a piece: the writes of each leg, and an entry for each record."""

    plans: Mapping[str, Sequence[Planned]]
    entries: Sequence[Entry]
    #: by leg what is done to records that were in step before
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    #: by leg how many writes are planned once others were made
    later: Mapping[str, int] = field(default_factory=dict)
    #: rows of those
    late: Sequence[Row] = ()


class Keeping:
    """Plans of pieces, and what became of them; a kind of records decides itself."""

    def __init__(
        self,
        name: str,
        ports: KeepPorts,
        *,
        object_name: str,
        queues: Iterable[Queue],
        legs: Iterable[Leg],
        of_others: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """`name` is that of the kind, as the document calls it, `object_name` that of its Salesforce records.

        `of_others`: by leg that writes records of other kinds the Salesforce objects of those.
        """
        self._of_others = of_others or {}
        self._object = object_name
        self.name = name
        self._ports = ports
        self.queues = tuple(queues)
        self.legs = {leg.name: leg for leg in legs}
        self._plans = CyclePlans(runs=ports.runs, objects=ports.objects, clock=ports.clock)

    def files(self, run: CycleRun) -> PieceFiles:
        """The files of a run."""
        return PieceFiles(self._ports.objects, run, self.name)

    def read(self, run: CycleRun, queues: Iterable[Queue]) -> Mapping[str, SyncRun]:
        """The runs that have read queues, by their names."""
        found = {queue.name: self._ports.runs.get(queue.sync.id, run.slot) for queue in queues}
        return {name: each[0] for name, each in found.items() if each is not None}

    def columns(self, queue: Queue) -> list[str]:
        """The columns in which a queue was read: those that are described today."""
        described = self._ports.describe(queue.sync.source.object)
        return [each.column for each in queue.sync.mappings if each.column and each.column in described.fields]

    def due_now(self, most: int) -> list[DueRecord]:
        """The records of this kind that are due by now, of so many at most of all kinds."""
        now = self._ports.clock.now()
        return [
            each
            for each in self._ports.due.listed(most)
            if each.object == self._object and (each.not_before is None or each.not_before <= now)
        ]

    def total(self, leg: str, _most: int | None) -> int:
        """How many records there are of those that a leg writes, as Salesforce has them; for the guard."""
        return sum(self._ports.records.total(each) for each in self._of_others.get(leg, (self._object,)))

    def until(self, remaining: float) -> datetime:
        """When nothing new is begun any more."""
        return self._ports.clock.now() + timedelta(seconds=remaining - LEFT_SECONDS)

    def keep(self, run: CycleRun, state: PieceState, piece: int, decided: Decided) -> CycleRun:
        """Store what was decided about a piece; the run behind it."""
        counts = dict(run.writes)
        for name, planned in decided.plans.items():
            if planned:
                self.plan(run, state, name, piece, planned)
                counts[name] = counts.get(name, 0) + len(planned)
        for name, count in decided.later.items():
            if count:
                counts[name] = counts.get(name, 0) + count
        files = self.files(run)
        if decided.late:
            files.spill(LATE, 0, piece, decided.late)
            state.spills.append(piece)
        files.keep_entries(piece, decided.entries)
        return replace(noted(run, decided.tallies), writes=counts)

    def plan(self, run: CycleRun, state: PieceState, leg: str, piece: int, planned: Sequence[Planned]) -> None:
        """Store the writes of a leg that come from a piece."""
        known = state.plans.setdefault(leg, [])
        known.append(piece)
        self._plans.store(run, self.legs[leg], len(known), planned)

    def planned(self, run: CycleRun, leg: str) -> Mapping[int, Sequence[Planned]]:
        """The writes that are planned for a leg, by their partitions."""
        state = self.files(run).pieces()
        known = state.plans.get(leg, []) if state else []
        numbers = range(1, len(known) + 1)
        return {number: list(self._plans.planned(run, self.legs[leg], number).values()) for number in numbers}

    def plan_again(self, run: CycleRun, leg: str, number: int, planned: Sequence[Planned]) -> None:
        """Store a partition of a leg's plan anew."""
        self._plans.store(run, self.legs[leg], number, planned)

    def prepare(self, run: CycleRun, group: str) -> Sequence[SyncOrder]:
        """The runs of the legs of a group that have something to write, stored and ready to be started."""
        state = self.files(run).pieces()
        if state is None:
            return []
        orders = (
            self._plans.begin(run, leg, len(state.plans[leg.name]))
            for leg in self.legs.values()
            if leg.group == group and state.plans.get(leg.name)
        )
        return [order for order in orders if order is not None]

    def remember(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Remember what both sides hold of records whose writes succeeded; the others become due."""
        files = self.files(run)
        state = files.pieces()
        # what was decided about records that are gone stands with those that are due
        first = state.first - 1 if state else 0
        if state is None or first + run.through > state.end:
            return None
        until, due, through, latencies = self.until(remaining), files.due(), run.through, run.latencies
        spared = files.spared()
        tries = {(each.object, each.id): each.tries + 1 for each in due}
        while first + through < state.end:
            edits = self._remember_piece(run, state, first + through, tries, spared)
            if not run.bootstrap:
                latencies = measured(latencies, edits, self._ports.clock.now())
            through += 1
            if self._ports.clock.now() > until:
                return replace(run, through=through, latencies=latencies)
        # only those that were not noted again
        self._ports.due.done(due)
        return replace(run, through=through + 1, latencies=latencies)

    def _remember_piece(
        self,
        run: CycleRun,
        state: PieceState,
        piece: int,
        tries: Mapping[tuple[str, str], int],
        spared: Mapping[str, str],
    ) -> Iterable[Mapping[str, str]]:
        """Remember a piece; gives when those records were edited that are written."""
        files = self.files(run)
        ends = {name: self._ends(run, state, name, piece) for name in self.legs}
        told = [
            replace(entry, outcome=Outcome.UNCHANGED, reason=code, message=worded(code))
            if (code := spared.get(entry.salesforce_id))
            else self._told(run, entry, ends)
            for entry in files.entries(piece)
        ]
        self._ports.links.keep(
            [
                Link(salesforce_id=each.salesforce_id, marketo_id=each.marketo_id, memory=each.memory)
                for each in told
                if each.memory is not None and each.outcome != Outcome.FAILED
            ]
        )
        now = self._ports.clock.now()
        self._ports.due.add([due_again(entry, now, tries) for entry in told if self._fails(entry)])
        files.keep_outcomes(piece, told)
        return written_edits(told)

    def _fails(self, entry: Entry) -> bool:
        """Whether a record is to be looked at again; what had to be done for its sake is done with it."""
        return entry.object == self._object and entry.outcome == Outcome.FAILED

    def _ends(self, run: CycleRun, state: PieceState, leg: str, piece: int) -> Mapping[int, RowEnd]:
        """What became of the writes of a piece, those that were planned behind all pieces among them."""
        known, found = state.plans.get(leg, []), dict[int, RowEnd]()
        for each in (piece, state.end + piece):
            if each in known:
                found |= self._plans.ends(run, self.legs[leg], known.index(each) + 1)
        return found

    def _told(self, run: CycleRun, entry: Entry, ends: Mapping[str, Mapping[int, RowEnd]]) -> Entry:
        """A record with what became of its writes, and with the id that a new one has."""
        made = entry.marketo_id
        outcome = entry.outcome
        for name, position in entry.writes.items():
            end = ends[name].get(position)
            if end is None:
                why = self._plans.told(run, self.legs[name])
                return replace(entry, outcome=Outcome.FAILED, reason="not_tried", message=worded("not_tried", why=why))
            if end.outcome not in DONE:
                return replace(entry, outcome=Outcome.FAILED, reason=end.reason, message=end.message)
            if self.legs[name].side is Side.MARKETO:
                made = end.record_id or made
            outcome = end.outcome.value
        gone = entry.memory is not None and not entry.memory and outcome in {RowOutcome.DELETED, Outcome.SKIPPED}
        return replace(entry, marketo_id="" if gone else made, outcome=outcome)
