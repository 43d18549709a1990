"""How the rows of a Sync are moved, and what that costs at the vendors: calls, megabytes, job slots, minutes.

Up to `THRESHOLD` rows go by REST, more by bulk jobs, unless the document says otherwise or there is one way only. A
cost is what the vendors' own limits make of a number of rows; it is told before a run, and kept with it.

Source: Marketo REST API, "Limits", "Bulk Extract", "Bulk Import"; Salesforce REST and Bulk API 2.0 limits.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil

from leadbridge.domain.cycle_syncs import is_derived
from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.source_query import DELETED_LEAD, Facts, Way, reads_leads_by_key
from leadbridge.domain.sync import LoggedSource, Sync
from leadbridge.domain.sync_imports import why_never_by_file, why_not_by_file
from leadbridge.domain.sync_objects import ACTION, Readable, readable

#: rows that go by REST at most (U52)
THRESHOLD = 5_000
#: rows of a page or call: read and written
READ_ROWS: Mapping[Vendor, int] = {"marketo": 300, "salesforce": 2_000}
WRITE_ROWS: Mapping[Vendor, int] = {"marketo": 300, "salesforce": 200}
#: calls of one kind that a chunk of rows fills: it is looked for as a whole, then written
CHUNK_CALLS = 20
#: rows of a page of a bulk query's results, and of a file: 10 MB at Marketo, 100 MB at Salesforce, at so many bytes
BULK_PAGE_ROWS = 25_000
ROW_BYTES = 250
FILE_BYTES: Mapping[Vendor, int] = {"marketo": 9_990_000, "salesforce": 100_000_000}
#: calls of one import's file: sent, asked for its state, its failures, its warnings; at Salesforce made and ended, too
IMPORT_CALLS: Mapping[Vendor, int] = {"marketo": 4, "salesforce": 6}
#: of a job of an extract at Marketo: a look at what the day's extracts took, made, queued, asked for its state, fetched
EXTRACT_CALLS = 7
#: a job is asked for its state once a minute; so long does one take at least
POLL_MINUTES = 1.0
_WAYS: tuple[Way, ...] = ("rest", "bulk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What moving rows takes: vendor calls, megabytes of extracts, places of jobs, and minutes at least."""

    calls: int = 0
    megabytes: float = 0.0
    job_slots: int = 0
    minutes: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            calls=self.calls + other.calls,
            megabytes=self.megabytes + other.megabytes,
            job_slots=self.job_slots + other.job_slots,
            minutes=self.minutes + other.minutes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A way, in words why, and what it costs for that many rows; `settled`: whatever their number is."""

    way: Way
    why: str
    cost: Cost = Cost()
    settled: bool = True


def choose_extract(
    sync: Sync, vendor: Vendor, facts: Facts, rows: int | None, *, changes: bool, windows: int = 1
) -> Choice:
    """How rows are read.

    `rows` is None where nobody has counted them, `changes`: only what changed is read; `windows` are the jobs that an
    extract takes.
    """
    ways: tuple[Way, ...] = ("rest", "bulk") if vendor == "salesforce" else _marketo_ways(sync, facts, changes=changes)
    choice = _chosen(sync.by.extract, ways, rows, of=sync.source.object)
    if sync.source.object == "activities" and sync.by.extract == "auto" and "bulk" in ways and not changes:
        # nobody counts them, and these are months; a page of the log has 300 at most
        choice = Choice(way="bulk", why="a first or full reading of activities goes back 25 months")
    return replace(choice, cost=extract_cost(vendor, choice.way, rows or 0, windows=windows))


def choose_load(sync: Sync, vendor: Vendor, rows: int | None, describe: Callable[[], ObjectDescription]) -> Choice:
    """How rows are written; the destination is described where that decides."""
    if sync.destination.object == ACTION:
        return Choice(way="rest", why=f"each row becomes a call of the Action {sync.destination.action}")
    never = "the legs of a cycle are written by REST" if _is_leg(sync, vendor) else why_never_by_file(sync, vendor)
    choice = Choice(way="rest", why=never) if never else _chosen(sync.by.load, _WAYS, rows, of=sync.destination.object)
    if choice.way == "bulk" and (why := why_not_by_file(sync, vendor, describe())):
        choice = Choice(way="rest", why=why)
    return replace(choice, cost=load_cost(vendor, choice.way, rows or 0))


def _is_leg(sync: Sync, vendor: Vendor) -> bool:
    """Whether a cycle writes to Salesforce, whose price counts calls."""
    return vendor == "salesforce" and is_derived(sync.id)


def extract_cost(vendor: Vendor, way: Way, rows: int, *, windows: int = 1, row_bytes: float = ROW_BYTES) -> Cost:
    """What reading rows takes, of so many bytes each."""
    if way == "rest":
        pages = max(1, ceil(rows / READ_ROWS[vendor]))
        return Cost(calls=pages)
    megabytes = rows * row_bytes / 1_000_000
    if vendor == "salesforce":
        pages = max(1, ceil(rows / BULK_PAGE_ROWS))
        return Cost(calls=2 + pages, megabytes=megabytes, job_slots=1, minutes=POLL_MINUTES)
    # each job is made, queued, asked for and fetched; two of them run at a time
    return Cost(
        calls=EXTRACT_CALLS * windows, megabytes=megabytes, job_slots=windows, minutes=POLL_MINUTES * ceil(windows / 2)
    )


def load_cost(vendor: Vendor, way: Way, rows: int, *, row_bytes: float = ROW_BYTES) -> Cost:
    """What writing rows takes, each looked for before; of an import only what it adds to the looking."""
    looked = Cost(calls=ceil(rows / READ_ROWS["marketo"]) if vendor == "marketo" else ceil(rows / 600))
    if way == "rest":
        return looked + Cost(calls=ceil(rows / WRITE_ROWS[vendor]))
    files = max(1, ceil(rows * row_bytes / FILE_BYTES[vendor]))
    return looked + Cost(calls=files * IMPORT_CALLS[vendor], job_slots=files, minutes=POLL_MINUTES * ceil(files / 2))


def _chosen(wanted: str, ways: tuple[Way, ...], rows: int | None, *, of: str) -> Choice:
    for way in ways:
        if wanted == way:
            return Choice(way=way, why="the document says so")
    if len(ways) == 1:
        return Choice(way=ways[0], why=f"{of} are moved by {'bulk jobs' if ways[0] == 'bulk' else 'REST'} only")
    if rows is not None and rows > THRESHOLD:
        return Choice(way="bulk", why=f"{rows} rows are more than {THRESHOLD}", settled=False)
    counted = "nobody has counted the rows" if rows is None else f"{rows} rows are at most {THRESHOLD}"
    return Choice(way="rest", why=counted, settled=False)


def _marketo_ways(sync: Sync, facts: Facts, *, changes: bool) -> tuple[Way, ...]:
    if sync.source.object == "leads" and not changes:
        # all leads are in extracts only, unless the conditions name them
        return ("rest",) if reads_leads_by_key(sync, facts) else ("bulk",)
    if sync.source.object == "activities" and DELETED_LEAD in facts.activity_types:
        return ("rest",)
    if isinstance(sync.source, LoggedSource):
        return _WAYS
    found = readable(sync.source.object)
    return found.ways if isinstance(found, Readable) else ("rest",)
