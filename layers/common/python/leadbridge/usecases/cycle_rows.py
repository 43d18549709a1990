"""What became of the records of a CRM cycle, and why: by run, of one record over runs, and what is due again.

Each kind of records keeps a file of outcomes for each piece that it decided, and persons' merges, conversions and
deletions have files of their own; of activities and custom objects the results of their Syncs tell (`late_rows`). They
are read one by one, so many at most in a call.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import islice

from leadbridge.cycle_ports import CycleRuns, DueRecord, DueRecords, Link, Links
from leadbridge.domain.cycle_people import CONTACT, LEAD, PERSON, PREFIXES
from leadbridge.domain.cycle_words import due_said
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.ids import canonical, is_id
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Documents, Objects
from leadbridge.sync_ports import SyncRuns
from leadbridge.usecases.cycle_pieces import PieceFiles
from leadbridge.usecases.fate_files import FateFiles
from leadbridge.usecases.late_rows import LATE, LateRows
from leadbridge.usecases.people_files import PeopleFiles, fields_of
from leadbridge.usecases.sync_results import MOST_PIECES, PAGE

#: kinds of records about which a run decides, as the document calls them
DECIDED = ("persons", "companies", "sales_persons", "opportunities", "opportunity_roles", "programs")
#: merges, conversions and deletions are rows of this kind
FATES = "fates"
KINDS = (*DECIDED, *LATE, FATES)
#: newest runs that are looked through for one record, and files of all of them together
RUNS, MOST_FILES = 20, 200
#: records that are due, of which so many are looked at
DUE = 1_000
#: a record may have been merged or converted so often since it was asked for
_MOVES = 5
_PERSONS = frozenset({LEAD, CONTACT, PERSON})
_PREFIXES = {prefix: name for name, prefix in PREFIXES.items()}
_COMPARED = "compared"


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleRow:
    """What became of a record in a run; `fields`: what was not simply taken over, and why."""

    kind: str
    object: str
    marketo_id: str
    salesforce_id: str
    outcome: str
    reason: str
    message: str
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_person(self) -> bool:
        """Whether Marketo's id is that of a person; companies are counted by themselves."""
        return self.kind == FATES or self.object in _PERSONS


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsPage:
    """Some rows of a run, and where the next ones begin; 0 if there are none."""

    rows: Sequence[CycleRow]
    following: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """Rows by kind and outcome; not `whole` if a run has more files than are counted."""

    counts: Mapping[str, Mapping[str, int]]
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DueWhy:
    """A record that is looked at again, and a sentence why."""

    record: DueRecord
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRows:
    """The rows of one record in one run."""

    slot: str
    started_at: datetime
    rows: Sequence[CycleRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordStory:
    """What is known of a record: to whom it is linked, whether it is due, and what runs have done, newest first."""

    id: str
    #: the link, and behind it those in which its record lives on
    links: Sequence[Link]
    due: Sequence[DueWhy]
    runs: Sequence[RunRows]
    #: how many runs were looked through
    looked: int
    #: False if files of those runs were left out, since there are too many
    whole: bool


class CycleRows:
    """Reads what runs have stored of their records."""

    def __init__(
        self,
        *,
        documents: Documents,
        runs: CycleRuns,
        syncs: SyncRuns,
        objects: Objects,
        links: Callable[[str], Links],
        due: Callable[[str], DueRecords],
    ) -> None:
        """`links` and `due` are those of a cycle by its id."""
        self._late = LateRows(documents=documents, syncs=syncs, objects=objects)
        self._runs = runs
        self._objects = objects
        self._links = links
        self._due = due

    def page(self, cycle: str, slot: str, outcome: str = "", kind: str = "", begin: int = 0) -> RowsPage:
        """Some rows of a run, from a place on that the page before told; a place counts what was stored together.

        Raises:
            ConfigurationError: There is no such run.
        """
        stored = islice(self._pieces(self._run(cycle, slot), _chosen(kind)), begin, None)
        rows, taken = list[CycleRow](), 0
        for piece in stored:
            rows += _with(piece(), outcome)
            taken += 1
            if len(rows) >= PAGE or taken == MOST_PIECES:
                break
        more = next(stored, None) is not None
        return RowsPage(rows=rows, following=begin + taken if more else 0)

    def rows(self, cycle: str, slot: str, outcome: str = "", kind: str = "") -> Iterator[CycleRow]:
        """All of them. Raises as `page`."""
        for piece in self._pieces(self._run(cycle, slot), _chosen(kind)):
            yield from _with(piece(), outcome)

    def counts(self, cycle: str, slot: str) -> RowCounts:
        """How many rows of a run there are by kind and outcome, of so many files at most. Raises as `page`."""
        counts = dict[str, dict[str, int]]()
        stored = self._pieces(self._run(cycle, slot), KINDS, named=False)
        for piece in islice(stored, MOST_PIECES):
            for row in piece():
                known = counts.setdefault(row.kind, {})
                known[row.outcome] = known.get(row.outcome, 0) + 1
        return RowCounts(counts=counts, whole=next(stored, None) is None)

    def due(self, cycle: str) -> Sequence[DueWhy]:
        """The records that are looked at again, those first that are due first; so many at most."""
        return [DueWhy(record=each, message=due_said(each.reason, each.tries)) for each in self._due(cycle).listed(DUE)]

    def record(self, cycle: str, record: str) -> RecordStory:
        """What is known of a record by its Salesforce id, or of a person by Marketo's.

        Raises:
            ConfigurationError: It is an id of neither system.
        """
        if not is_id(record) and not record.isdigit():
            raise ConfigurationError([f"{record} is no id: give a Salesforce id, or Marketo's id of a person"])
        wanted = canonical(record) if is_id(record) else record
        links = self._linked(cycle, wanted)
        records = {wanted, *(link.salesforce_id for link in links)}
        people = {wanted, *(link.marketo_id for link in links if _of_person(link))}
        found, files, looked, whole = list[RunRows](), 0, 0, True
        for run in self._runs.runs(cycle, RUNS):
            if files >= MOST_FILES:
                break
            looked += 1
            # an activity is linked to nobody, and tells of itself by its run alone
            pieces = self._pieces(run, (*DECIDED, FATES))
            rows = list[CycleRow]()
            for piece in islice(pieces, MOST_FILES - files):
                files += 1
                rows += [
                    row
                    for row in piece()
                    if row.salesforce_id in records or (row.is_person and row.marketo_id in people)
                ]
            whole = whole and next(pieces, None) is None
            if rows:
                found.append(RunRows(slot=run.slot, started_at=run.started_at, rows=rows))
        due = [
            each
            for each in self.due(cycle)
            if each.record.id in records or (each.record.object == PERSON and each.record.id in people)
        ]
        return RecordStory(id=wanted, links=links, due=due, runs=found, looked=looked, whole=whole)

    def seen(self, cycle: str, kind: str) -> tuple[Sequence[str], bool]:
        """The Salesforce ids of all records of a kind that the newest runs decided about, in order.

        Tells, too, whether these are all: files of those runs may be too many.
        """
        found, files, whole = set[str](), 0, True
        for run in self._runs.runs(cycle, RUNS):
            pieces = self._pieces(run, (kind,))
            for piece in islice(pieces, MOST_FILES - files):
                files += 1
                found.update(row.salesforce_id for row in piece() if row.salesforce_id)
            whole = whole and next(pieces, None) is None
        return sorted(found), whole

    def _linked(self, cycle: str, wanted: str) -> list[Link]:
        links = self._links(cycle)
        found = [
            each
            for each in (links.of([wanted]) if is_id(wanted) else links.of_people([wanted])).values()
            # companies and sales persons have numbers of their own
            if is_id(wanted) or _of_person(each)
        ]
        while found and found[-1].moved_to and len(found) <= _MOVES:
            following = links.of([found[-1].moved_to])
            if not following:
                break
            found += following.values()
        return found

    def _run(self, cycle: str, slot: str) -> CycleRun:
        found = self._runs.get(cycle, slot)
        if found is None:
            raise ConfigurationError(
                [f"the cycle {cycle} has no run {slot}; `leadbridge cycle executions {cycle}` lists them"]
            )
        return found[0]

    def _pieces(
        self, run: CycleRun, kinds: Sequence[str], *, named: bool = True
    ) -> Iterator[Callable[[], Sequence[CycleRow]]]:
        """What reads each file of a run, so that those that are passed over are not read.

        Activities and custom objects have the ids of what was read if they are to be `named`.
        """
        for each in kinds:
            if each == FATES:
                yield from self._fates(run)
            elif each in LATE:
                yield from (partial(_kept, each, piece) for piece in self._late.pieces(run, each, named=named))
            else:
                yield from self._decided(run, each)

    def _decided(self, run: CycleRun, kind: str) -> Iterator[Callable[[], Sequence[CycleRow]]]:
        files, numbers, _ = files_of(self._objects, run, kind)
        for number in numbers:
            yield partial(_outcomes, files, number, kind)

    def _fates(self, run: CycleRun) -> Iterator[Callable[[], Sequence[CycleRow]]]:
        files = FateFiles(self._objects, run)
        for name in (_COMPARED, "begun", "finished"):
            yield partial(_followed, files, name)


def files_of(objects: Objects, run: CycleRun, kind: str) -> tuple[PeopleFiles, range, Mapping[str, Sequence[int]]]:
    """The files of a kind, which pieces were decided, and of which pieces each leg has something to write.

    What was decided of those that are gone comes first.
    """
    if kind == "persons":
        people = PeopleFiles(objects, run)
        state = people.state()
        return people, range(state.sorted_at, state.end) if state else range(0), state.plans if state else {}
    pieces = PieceFiles(objects, run, kind)
    known = pieces.pieces()
    return pieces, range(known.first - 1, known.end) if known else range(0), known.plans if known else {}


def _with(rows: Sequence[CycleRow], outcome: str) -> Sequence[CycleRow]:
    return [row for row in rows if outcome in {"", row.outcome}]


def _chosen(kind: str) -> Sequence[str]:
    return (kind,) if kind else KINDS


def _kept(kind: str, piece: Callable[[], Sequence[Mapping[str, str]]]) -> Sequence[CycleRow]:
    return [_row(kind, line) for line in piece()]


def _outcomes(files: PeopleFiles, number: int, kind: str) -> Sequence[CycleRow]:
    return [_row(kind, line) for line in files.outcomes(number)]


def _followed(files: FateFiles, name: str) -> Sequence[CycleRow]:
    return [_fate(line) for line in files.done(name)]


def _row(kind: str, line: Mapping[str, str]) -> CycleRow:
    return CycleRow(
        kind=kind,
        object=line["object"],
        marketo_id=line["marketo_id"],
        salesforce_id=line["salesforce_id"],
        outcome=line["outcome"],
        reason=line["reason"],
        message=line["message"],
        # files of earlier versions have no such column
        fields=fields_of(line.get("fields") or ""),
    )


def _fate(line: Mapping[str, str]) -> CycleRow:
    row = CycleRow(
        kind=FATES,
        object=_PREFIXES.get(line["salesforce_id"][:3], ""),
        marketo_id=line["marketo_id"],
        salesforce_id=line["salesforce_id"],
        outcome=line["outcome"],
        reason=line["reason"],
        message=line["message"],
    )
    if row.reason != _COMPARED:
        return row
    # of both systems as a whole: how many links, and what it cost
    return replace(row, outcome=_COMPARED, message=f"{row.outcome}; calls: {row.message}")


def _of_person(link: Link) -> bool:
    return link.salesforce_id[:3] in _PREFIXES
