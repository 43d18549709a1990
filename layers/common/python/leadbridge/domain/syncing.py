"""What a run of a Sync is, step by step. Pure: what happened goes in, the run as it is then comes out.

Everything a run knows is in one record that is stored under its version after each step, so that whoever comes next
goes on where the last one stopped. Partitions have records of their own, since they are loaded side by side; the run's
counts are the sum of theirs. The state machine only routes on `Step` and on how long to wait.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from operator import add, attrgetter

from leadbridge.domain.carried import FRUITLESS, Asked, CarriedRun, cancelled, ended, kept_waiting, wanted
from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.evolving import replace
from leadbridge.domain.mass_guard import Tally, exceeded, may_exceed
from leadbridge.domain.sync import Guard, Sync
from leadbridge.domain.waits import MayWait, Waiting, going_on, held_by, put_off, reason_of
from leadbridge.domain.watermarks import EVERYTHING, Window
from leadbridge.errors import SyncError

#: workers that load partitions side by side, by destination: more of them would only wait together for Marketo's rate,
#: and at Salesforce for each other's locks
WORKERS: Mapping[Vendor, int] = {"marketo": 2, "salesforce": 5}


class Step(StrEnum):
    """What a run does next."""

    BEGIN = "begin"  # how far the source can be read, and which way
    EXTRACT = "extract"  # read rows page by page
    EXTRACT_FILES = "extract_files"  # wait for a bulk extract, one for each window
    PARTITION = "partition"  # sort rows by their keys
    LOAD = "load"  # all partitions, side by side
    JOIN = "join"  # put what is to be imported into one file
    LOAD_FILES = "load_files"  # wait for its bulk import
    COMMIT = "commit"  # move the watermark
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Way(StrEnum):
    """How rows are moved."""

    REST = "rest"
    BULK = "bulk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Rows by what became of them."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    duplicate: int = 0
    failed: int = 0
    #: records whose source records were deleted
    deleted: int = 0
    flagged: int = 0
    #: became calls of an Action
    handed_over: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(**dict(zip(_COUNTS, map(add, _counts(self), _counts(other)), strict=True)))

    @property
    def rows(self) -> int:
        """All of them."""
        return sum(_counts(self))


_COUNTS = tuple(each.name for each in fields(Totals))
_counts = attrgetter(*_COUNTS)


# no slots: see `evolving`
@dataclass(frozen=True, kw_only=True)
class SyncRun(CarriedRun):
    """One run of a Sync."""

    sync: str
    source: Vendor
    destination: Vendor
    step: Step = Step.BEGIN
    #: the run whose failed rows it tries once more; it reads those and nothing else
    retry_of: str = ""
    #: of a retry the run that read those rows first, also where it tries a retry again; empty for any other
    origin: str = ""
    #: rows that it wants to try
    wanted: int = 0
    #: it writes nothing, but stores what it would write; of so many rows at most, of all of them where that is 0
    planning: bool = False
    most: int = 0
    #: the run that has planned what it writes; it writes that and nothing else
    plan: str = ""
    #: its window is fixed already, and it is done with the last page: somebody else decides, and keeps the watermark
    reads_only: bool = False
    incremental: bool = False
    extract: Way = Way.REST
    load: Way = Way.REST
    since: datetime | None = None
    until: datetime | None = None
    #: no record of the source was made before; fixed with the windows of bulk extracts
    made_since: datetime | None = None
    cursor: str = ""
    #: pages of the extract that are stored, or its files
    pages: int = 0
    pulled: int = 0
    #: of each process that read, listed deletions or partitioned, how many files were stored before it began: those of
    #: one that was overtaken and does not know it yet have other names than those of its successor
    readers: tuple[int, ...] = ()
    listers: tuple[int, ...] = ()
    placers: tuple[int, ...] = ()

    partitions: int = 0
    #: pages that have been partitioned, their rows, and the number of times that held rows were written
    placed: int = 0
    positions: int = 0
    spills: int = 0
    #: when the newest of them was changed, if a column says so
    newest: datetime | None = None
    #: deletions of the source: their window, the moment from which on alone they are told, pages and rows of them
    gone_since: datetime | None = None
    gone_until: datetime | None = None
    gone_from: datetime | None = None
    gone_pages: int = 0
    gone: int = 0
    #: they are being read; their records are being flagged or deleted
    listing: bool = False
    removing: bool = False
    #: rows that the Sync has pulled when it read everything, where this run reads changes only
    size: int = 0
    #: partitions are only looked at, to count what would be done
    counting: bool = False
    #: a person has seen what would be done, and wants it
    confirmed: bool = False
    #: since when it waits; when it last went on after a long wait; of which of these all rows are decided anew
    waits_since: datetime | None = None
    waited_at: datetime | None = None
    renewed_from: datetime | None = None
    #: what had been done by the last round over the partitions
    loaded: int = 0

    totals: Totals = field(default_factory=Totals)
    #: rows that a bulk import did not write, which were counted as written
    unwritten: int = 0
    #: vendor calls, by all of its processes
    calls: int = 0
    #: bytes of the files of bulk extracts
    extracted: int = 0

    @property
    def owner(self) -> str:
        """Its Sync."""
        return self.sync

    @property
    def mark(self) -> str:
        """What its bulk runs are called, with a letter and a number behind."""
        return f"{hashlib.sha256(self.sync.encode()).hexdigest()[:8]}-{self.slot}"

    def row_mark(self, position: int) -> str:
        """Our own id of one of its rows, whoever writes it, in at most 60 characters; of a planned row the plan's."""
        return f"{self.reading.mark}-{position}"

    @property
    def reading(self) -> "SyncRun":
        """The run that has read its rows: itself, or the one that planned."""
        return replace(self, slot=self.plan, plan="") if self.plan else self

    @property
    def first_reading(self) -> bool:
        """Whether it reads everything where later runs read changes; not known before its window is."""
        fixed = self.reads_only or self.step is not Step.BEGIN
        return fixed and self.incremental and self.since is None and not (self.retry_of or self.plan)

    @property
    def kind(self) -> str:
        """A word for what it does."""
        if self.planning:
            return "plan"
        return "apply" if self.plan else "retry" if self.retry_of else "run"

    @property
    def folder(self) -> str:
        """Where its objects are."""
        return f"sync/{self.sync}/{self.slot}"

    @property
    def records(self) -> int:
        """The records of which the guard's percent are."""
        return max(self.size, self.pulled)

    @property
    def rows(self) -> int:
        """The rows of which each has an outcome at its end."""
        return self.pulled + self.gone

    @property
    def row_parts(self) -> int:
        """Partitions of rows; those behind them are of deletions."""
        return self.partitions - self.gone_pages

    @property
    def window(self) -> Window:
        """What it reads."""
        return Window(since=self.since, until=self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a process is about to write: rows, by their positions, to be created and to be updated."""

    at: datetime
    creates: tuple[int, ...] = ()
    updates: tuple[int, ...] = ()
    #: records to be flagged or deleted
    removals: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Part(MayWait):
    """How far a partition is. `epoch` is raised by each process that takes it: an older one stores nothing more."""

    sync: str
    slot: str
    number: int
    epoch: int = 0
    #: chunks that were only looked at so far, whether those are all, and what would be done
    looked: int = 0
    counted: bool = False
    tally: Tally = field(default_factory=Tally)
    #: chunks of which every row has its outcome, and the epochs of those who have stored them
    chunks: int = 0
    tellers: tuple[int, ...] = ()
    totals: Totals = field(default_factory=Totals)
    #: chunks in which rows failed
    failed_in: tuple[int, ...] = ()
    #: of deleted rows: the next run has to look at some of them again
    waits: bool = False
    intent: Intent | None = None
    finished: bool = False
    #: when the first of its rows was decided
    decided_at: datetime | None = None
    #: it cannot go on, and the run with it
    reason: str = ""
    message: str = ""
    calls: int = 0

    def teller(self, chunk: int) -> int:
        """The epoch of whoever has stored what became of a chunk; 1 for one of before this was noted."""
        return self.tellers[chunk] if chunk < len(self.tellers) else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a Sync between its runs: its lease and how far it has come."""

    epoch: int = 0
    #: the slot of the run that holds the lease
    holder: str = ""
    #: when it took it; None for one that was taken before this was stored
    taken_at: datetime | None = None
    watermark: datetime | None = None
    #: for what the watermark stands (`domain.reading`); empty where it was stored before that was noted
    carried: str = ""
    #: rows that the newest run has pulled that read everything
    records: int = 0
    #: up to when deletions of the source have been carried over
    gone_until: datetime | None = None
    #: the newest version whose only run has begun, of those that say when they run once
    once: int = 0


#: steps in which rows that go by file are not sent, or not known to have arrived
_UNSENT = frozenset({Step.LOAD, Step.JOIN, Step.LOAD_FILES})
#: what was decided before a wait of that length is decided anew
_LONG = timedelta(minutes=10)

# what happened to a run


def begun(run: SyncRun, window: Window, extract: Way, made_since: datetime | None) -> SyncRun:
    """It is known what is to be read, and how."""
    step = Step.EXTRACT_FILES if extract is Way.BULK else Step.EXTRACT
    return replace(
        going_on(run), step=step, extract=extract, made_since=made_since, since=window.since, until=window.until
    )


def wants(run: SyncRun, rows: int) -> SyncRun:
    """It is known which rows are to be tried once more."""
    return replace(begun(run, EVERYTHING, Way.REST, None), wanted=rows)


def applies(run: SyncRun, plan: SyncRun) -> SyncRun:
    """What a plan lists is to be written; its rows are where the plan has left them."""
    writes, gone = plan.totals.created + plan.totals.updated, plan.totals.deleted + plan.totals.flagged
    run = replace(going_on(run), step=Step.LOAD if writes + gone else Step.COMMIT, pulled=writes, gone=gone)
    read = replace(run, extract=plan.extract, pages=plan.pages, readers=plan.readers, partitions=plan.partitions)
    return replace(read, gone_pages=plan.gone_pages, listers=plan.listers)


def taken(run: SyncRun) -> SyncRun:
    """A process begins to store pages, or partitions."""
    if run.step is Step.PARTITION:
        return replace(run, placers=(*run.placers, run.spills))
    if run.listing:
        return replace(run, listers=(*run.listers, run.gone_pages))
    return replace(run, readers=(*run.readers, run.pages))


def epoch_of(takers: Sequence[int], number: int) -> int:
    """Which of the processes that stored a sequence of files, from 1 on, has stored the one of a number."""
    return sum(before < number for before in takers)


def paged(run: SyncRun, rows: int, cursor: str) -> SyncRun:
    """A page of rows is stored; `cursor` tells where the next one begins."""
    return replace(going_on(run), pages=run.pages + 1, pulled=run.pulled + rows, cursor=cursor)


def filed(run: SyncRun, rows: int, size: int, calls: int) -> SyncRun:
    """A file of a bulk extract is there, of so many bytes, after so many vendor calls."""
    run = replace(run, extracted=run.extracted + size, calls=run.calls + calls)
    return replace(going_on(run), pages=run.pages + 1, pulled=run.pulled + rows)


def other_way(run: SyncRun) -> SyncRun:
    """The vendor does not extract what is asked for: the same window is read page by page, from its begin."""
    return replace(going_on(run), step=Step.EXTRACT, extract=Way.REST, pages=0, pulled=0, cursor="")


def extracted(run: SyncRun, partitions: int, load: Way) -> SyncRun:
    """All rows are there; deletions are read behind them, if any are to be."""
    run = replace(going_on(run), cursor="", partitions=partitions if run.pulled else 0, load=load)
    if run.gone_since is not None:
        return replace(run, step=Step.EXTRACT, listing=True)
    return replace(run, step=Step.PARTITION if run.pulled else Step.COMMIT)


def read_through(run: SyncRun, now: datetime) -> SyncRun:
    """All rows of a run that only reads are there; what becomes of them is somebody else's to say."""
    return ended(replace(run, cursor=""), Step.DONE, now)


def gone_paged(run: SyncRun, rows: int, cursor: str) -> SyncRun:
    """A page of deletions is stored, which is loaded like a partition."""
    pages, partitions = run.gone_pages + 1, run.partitions + 1
    return replace(going_on(run), gone_pages=pages, gone=run.gone + rows, partitions=partitions, cursor=cursor)


def listed(run: SyncRun, sync: Sync, known_from: datetime | None, covered_to: datetime | None) -> SyncRun:
    """All deletions are there: of those from `known_from`, if that is later than asked, to `covered_to`."""
    since, until = run.gone_since, run.gone_until
    if known_from is not None and since is not None and known_from > since:
        run = replace(run, gone_from=known_from)
    if covered_to is not None and until is not None:
        run = replace(run, gone_until=min(until, covered_to))
    run = replace(going_on(run), listing=False, cursor="")
    if run.pulled:
        return replace(run, step=Step.PARTITION)
    return _to_load(run, sync) if run.gone else replace(run, step=Step.COMMIT)


def placed(run: SyncRun, sync: Sync, *, pages: int, positions: int, spills: int) -> SyncRun:
    """So many pages have been partitioned, of which so many times held rows were written.

    Where writing begins at once, and could be too much, it is counted before. An import by file is decided as a whole.
    """
    run = replace(going_on(run), placed=pages, positions=positions, spills=spills)
    if pages < run.pages:
        return run
    return _to_load(run, sync)


def _to_load(run: SyncRun, sync: Sync) -> SyncRun:
    asks = run.load is Way.REST and not run.planning and not run.confirmed
    return replace(run, step=Step.LOAD, counting=asks and may_exceed(sync, run.pulled, run.records, run.gone))


def is_removal(run: SyncRun, number: int) -> bool:
    """Whether a partition is one of deletions."""
    return number > run.row_parts


def only_looks(run: SyncRun, number: int) -> bool:
    """Whether a partition is only looked at for now: all before the guard, those of deletions before an import."""
    return run.counting or (is_removal(run, number) and not run.removing)


def is_through(run: SyncRun, number: int, part: Part | None) -> bool:
    """Whether nothing is left to be done for a partition as the run stands. Deletions come after all rows."""
    if is_removal(run, number) and not run.removing and not run.counting and run.load is Way.REST:
        return True
    return part is not None and (part.counted if only_looks(run, number) else part.finished)


def gone_through(run: SyncRun, parts: Sequence[Part], now: datetime, guard: Guard) -> SyncRun:
    """Every open partition was loaded, or looked at, as far as it could be."""
    known = {part.number: part for part in parts}
    numbers = range(1, run.partitions + 1)
    every = [known.get(number) for number in numbers]
    broken = next((part for part in parts if part.reason and not part.finished), None)
    if broken is not None:
        return ended(run, Step.FAILED, now, broken.reason, broken.message)
    if all(is_through(run, number, known.get(number)) for number in numbers):
        return _guarded(run, parts, now, guard)
    waiting = [part for part in every if part is not None and part.due_at is not None and part.due_at > now]
    if waiting:
        first = min(waiting, key=lambda part: part.due_at or now)
        return replace(run, waiting=first.waiting, due_at=first.due_at, fruitless=0)
    done = sum(part.looked + part.chunks for part in parts)
    fruitless = run.fruitless + 1 if done == run.loaded else 0
    if fruitless >= FRUITLESS:
        return ended(run, Step.FAILED, now, "partition_died", "the process that loads a partition dies again and again")
    return replace(going_on(run), fruitless=fruitless, loaded=done)


def _guarded(run: SyncRun, parts: Sequence[Part], now: datetime, guard: Guard) -> SyncRun:
    """All partitions are through: it goes on, unless it would write too much and nobody has said yes."""
    if run.removing:
        return replace(going_on(run), step=Step.COMMIT)
    if run.load is Way.REST and not run.counting:
        return _after_rows(run)
    too_much = "" if run.confirmed else exceeded(guard, sum((part.tally for part in parts), Tally()), run.records)
    if too_much:
        # a run that a cycle has started is confirmed with the cycle's
        cycle, derived, part = run.sync.partition(".")
        remedy = f"`leadbridge syncs ask confirm {run.sync} {run.slot}` lets it go on, `ask cancel` ends it"
        if derived:
            confirm = f'leadbridge cycle confirm {cycle} {run.slot} --guard "{part}"'
            remedy = f"`{confirm}` lets it go on, `cycle cancel` ends it"
        message = f"the run would {too_much}; nothing is written yet, {remedy}"
        return kept_waiting(replace(run, fruitless=0, reason="guard", message=message), Waiting.GUARD, now)
    run = replace(going_on(run), reason="", message="")
    return replace(run, counting=False, fruitless=0) if run.counting else replace(run, step=Step.JOIN)


def _after_rows(run: SyncRun) -> SyncRun:
    """All rows have their outcome; what was deleted is left, or nothing."""
    run = going_on(run)
    return replace(run, step=Step.LOAD, removing=True) if run.gone else replace(run, step=Step.COMMIT)


def open_parts(run: SyncRun, parts: Iterable[Part]) -> list[int]:
    """The numbers of partitions that are not through."""
    known = {part.number: part for part in parts}
    return [number for number in range(1, run.partitions + 1) if not is_through(run, number, known.get(number))]


def lanes(run: SyncRun, parts: Sequence[Part]) -> list[list[int]]:
    """The partitions that are not through, dealt to workers.

    Those that somebody has begun go last: a process that died of one of them has left the others to be done.
    """
    begun, workers = {part.number for part in parts}, WORKERS[run.destination]
    waiting = sorted(open_parts(run, parts), key=lambda number: number in begun)
    return [waiting[first::workers] for first in range(min(workers, len(waiting)))]


def summed(run: SyncRun, parts: Iterable[Part]) -> SyncRun:
    """The run with the counts of its partitions as they stand."""
    if run.over:
        return run
    totals, calls = run.totals, run.calls
    for part in parts:
        totals, calls = totals + part.totals, calls + part.calls
    if run.load is Way.BULK and run.step in _UNSENT and not run.removing:
        # decided, and not sent
        totals = replace(totals, created=0, updated=0)
    return replace(run, totals=totals, calls=calls)


def waited(run: SyncRun, now: datetime) -> SyncRun:
    """The run with how long it has waited, as it is stored."""
    if run.waiting is not Waiting.NOT:
        return replace(run, waits_since=run.waits_since or now)
    long = run.waits_since is not None and now - run.waits_since > _LONG
    return replace(run, waits_since=None, waited_at=now if long else run.waited_at)


def outdated(run: SyncRun, parts: Iterable[Part]) -> list[Part]:
    """Partitions whose rows were decided before a long wait, and are to be decided anew before they are sent.

    A file is sent long after its rows were looked at; what REST writes is looked at just before. They are decided anew
    once: a run that needs the calls of several days would never come to its end.
    """
    waited_at = run.renewed_from or run.waited_at
    if waited_at is None:
        return []
    before = waited_at - _LONG
    return [part for part in parts if part.decided_at is not None and part.decided_at < before]


def anew(part: Part) -> Part:
    """A partition of which nothing is decided."""
    return Part(sync=part.sync, slot=part.slot, number=part.number, epoch=part.epoch, calls=part.calls)


def decides_anew(run: SyncRun) -> SyncRun:
    """Some of its partitions are decided anew."""
    return replace(going_on(run), step=Step.LOAD, renewed_from=run.renewed_from or run.waited_at)


def joined(run: SyncRun, rows: int) -> SyncRun:
    """So many rows are in the file of the import."""
    return replace(going_on(run), step=Step.LOAD_FILES) if rows else _after_rows(run)


def imported(run: SyncRun, refused: Totals, calls: int) -> SyncRun:
    """The import has ended after so many vendor calls; `refused` were counted as written, and are not."""
    counts = {each.name: -getattr(refused, each.name) for each in fields(refused)} | {"failed": refused.rows}
    totals = run.totals + Totals(**counts)
    return _after_rows(replace(run, totals=totals, unwritten=refused.rows, calls=run.calls + calls))


def planned(run: SyncRun, parts: Sequence[Part], now: datetime, guard: Guard) -> SyncRun:
    """A plan is there; it says whether a run would park at its guard, of which a sample tells nothing."""
    too_much = "" if run.most else exceeded(guard, sum((part.tally for part in parts), Tally()), run.records)
    told = ("guard", f"a run would ask before it writes, since it would {too_much}") if too_much else ("", "")
    return ended(run, Step.DONE, now, *told)


def asked_for(run: SyncRun, asked: Asked, now: datetime) -> SyncRun:
    """Somebody wants something of a run; one that waited looks at it at once."""
    if asked is Asked.CONFIRM and run.waiting is Waiting.GUARD:
        return replace(run, confirmed=True, due_at=now)
    return wanted(run, asked, now)


def obeyed(run: SyncRun, now: datetime) -> SyncRun | None:
    """What somebody asked for comes before the next step; None if there is nothing in its way."""
    if run.over or run.asked is Asked.NOTHING:
        return None
    if run.asked is Asked.CANCEL:
        return cancelled(run, now)
    return kept_waiting(run, Waiting.PAUSED, now)


def refused(run: SyncRun, error: SyncError, now: datetime) -> SyncRun:
    """A call was refused, or got no answer: the run waits, or ends where only a person can help."""
    found = held_by(error, run, now)
    if found is None:
        return ended(run, Step.FAILED, now, reason_of(error), error.detail or str(error))
    return put_off(run, found, now)
