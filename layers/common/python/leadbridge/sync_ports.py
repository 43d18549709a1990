"""The roles that running a Sync needs from the outside, beside those of `ports`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from leadbridge.domain.records import ObjectDescription, RowResult
from leadbridge.domain.schedule_entries import Entry
from leadbridge.domain.source_query import SourceQuery
from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import Part, Standing, SyncRun
from leadbridge.domain.values import normalised


class SyncRuns(Protocol):
    """Runs of Syncs, their partitions, and what is known of a Sync between its runs."""

    def standing(self, sync: str) -> Standing:
        """The lease of a Sync and its watermark; that of a new one if nothing is known."""
        ...

    def take(self, sync: str, slot: str, seen: Standing, now: datetime) -> Standing | None:
        """Take the lease for a run with the next epoch, if it still stands as it was seen; None if it does not."""
        ...

    def commit(self, sync: str, slot: str, epoch: int, watermark: datetime, records: int, *, carried: str) -> bool:
        """Move the watermark, if the lease is still this run's; False if it is not.

        `records` is the Sync's size, `carried` the fingerprint of what it carries (`domain.reading`).
        """
        ...

    def forget(self, sync: str) -> None:
        """Forget how far a Sync has come that is removed; a run that is still at work moves nothing any more.

        Its lease stays its holder's until that has ended, and which version has run once stays known.
        """
        ...

    def commit_gone(self, sync: str, slot: str, epoch: int, until: datetime) -> bool:
        """Note up to when deletions have been carried over, if the lease is still this run's; False if it is not."""
        ...

    def release(self, sync: str, slot: str, epoch: int) -> None:
        """Give the lease back, if it is still this run's."""
        ...

    def note_once(self, sync: str, version: int) -> None:
        """Note that the only run of a version has begun, for ever, unless that of a newer one is noted."""
        ...

    def begin(self, run: SyncRun) -> tuple[SyncRun, int]:
        """Store a new run, unless one of its slot is there; returns what is stored, and its version."""
        ...

    def get(self, sync: str, slot: str) -> tuple[SyncRun, int] | None:
        """A run and its version; None if there is none."""
        ...

    def save(self, run: SyncRun, version: int) -> int:
        """Replace a run; returns its new version.

        Raises:
            OvertakenError: Somebody else went on with this run.
        """
        ...

    def runs(self, sync: str, limit: int) -> Sequence[SyncRun]:
        """The runs of a Sync, the newest first."""
        ...

    def take_part(self, sync: str, slot: str, number: int) -> Part:
        """A partition, in this process's hands from now on."""
        ...

    def save_part(self, part: Part) -> None:
        """Replace a partition.

        Raises:
            OvertakenError: Another process has taken it since.
        """
        ...

    def parts(self, sync: str, slot: str) -> Sequence[Part]:
        """The partitions that somebody has taken so far, by number."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows of a source; after a page with a cursor reading can begin anew, without one it begins from the start."""

    rows: Sequence[Mapping[str, Any]]
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Some rows of a source, and how many there are.

    `total` is exact; where it is None, `estimate` is a number with the `basis` on which it stands, or None as well.
    """

    rows: Sequence[Mapping[str, Any]]
    total: int | None = None
    estimate: int | None = None
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Deleted records of a source, each row with its fate (`domain.gone`).

    Told are those from `known_from` on, up to `covered_to`; None: as was asked.
    """

    pages: Iterator[Page]
    known_from: datetime | None = None
    covered_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """Until when a vendor shows all changes, None where it does not tell; `idle`: it says that there are none."""

    until: datetime | None = None
    idle: bool = False


class SyncSource(Protocol):
    """One object of a vendor instance, to be read."""

    def covered(self, now: datetime, since: datetime | None = None) -> Covered:
        """Until when the vendor shows all changes, and whether there are none from `since` on, where it says so."""
        ...

    def count(self, query: SourceQuery) -> int | None:
        """How many rows the query finds, where the vendor counts them by itself; None where it does not."""
        ...

    def made_since(self) -> datetime | None:
        """A moment before which no record was made, where that shortens an extract; None where it does not."""
        ...

    def shown(self, query: SourceQuery) -> str:
        """The first request as the vendor receives it, byte for byte: method and address, and the body below."""
        ...

    def sample(self, query: SourceQuery, calls: int, now: datetime) -> Sample:
        """Some rows, and how many there are as far as so many calls tell; three at least. Writes nothing."""
        ...

    def pages(self, query: SourceQuery, cursor: str) -> Iterator[Page]:
        """What is asked for, page by page, behind a cursor or from the start.

        At Salesforce the query itself begins behind the cursor.
        """
        ...

    def expanded(self, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[Mapping[str, Any]]:
        """Rows of an extract's file as rows with these columns, in order, where the file has others: of activities."""
        ...

    @property
    def calls(self) -> int:
        """Calls made so far."""
        ...


def first_of(keys: Sequence[Mapping[str, Any]]) -> tuple[str, list[Any]]:
    """The first field of keys, by which vendors look, and what they hold in it.

    Each value stands there once in whatever case, texts without blanks around them.
    """
    field = next(iter(keys[0])) if keys else ""
    return field, list({normalised(key[field]): trimmed(key[field]) for key in keys}.values())


def trimmed(value: Any) -> Any:
    """A text without blanks around it, as keys are compared; anything else as it is."""
    return value.strip() if isinstance(value, str) else value


class SyncDestination(Protocol):
    """One object of a vendor instance, to be written."""

    #: rows of one call that writes
    rows: int

    def describe(self) -> ObjectDescription:
        """Its fields."""
        ...

    def find(self, keys: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Records of these keys, all of the same fields; others may be among them, to be left aside."""
        ...

    def create(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Create records; one result per row, in order."""
        ...

    def update(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Update records by their own id, which each row carries; one result per row, in order."""
        ...

    @property
    def calls(self) -> int:
        """Calls made so far."""
        ...


@runtime_checkable
class TellsGone(Protocol):
    """A source that tells what was deleted."""

    def gone(self, query: SourceQuery, since: datetime, until: datetime, cursor: str) -> Gone:
        """Records that were deleted in a window, in the order of ids, behind a cursor; `query` says their columns."""
        ...


#: what is said of a new record whose key another one has
ALREADY_THERE = "1005"


@runtime_checkable
class CreatesOnly(Protocol):
    """A destination that leaves alone what has the key of a new record, so that nobody need look before."""

    def create_only(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Create records; one result per row, in order, of the code `ALREADY_THERE` where its key is taken."""
        ...


@runtime_checkable
class Deletes(Protocol):
    """A destination whose records can be deleted."""

    def delete(self, ids: Sequence[str]) -> Sequence[RowResult]:
        """Delete records by their own ids; one result per id, in order. One that is gone already is deleted."""
        ...


class SyncVendors(Protocol):
    """Sources and destinations by Sync."""

    def source(self, sync: Sync) -> SyncSource:
        """Where a Sync's rows come from.

        Raises:
            ConfigurationError: No such connection, or an object that cannot be read.
        """
        ...

    def destination(self, sync: Sync) -> SyncDestination:
        """Where a Sync's records go; raises as `source`."""
        ...

    def report_quota(self) -> None:
        """Tell the meter how much of the vendors' daily calls is left, and give back the places for calls."""
        ...


class Schemas(Protocol):
    """Descriptions of objects whose schema is fixed, as texts that their vendor's client understands."""

    def known(self, connection: str, object_name: str) -> str | None:
        """What was kept of an object; None if nothing was."""
        ...

    def keep(self, connection: str, object_name: str, text: str) -> None:
        """Keep it, in place of what was there."""
        ...


class SyncStarter(Protocol):
    """Starts the state machine."""

    def alive(self, name: str) -> bool:
        """Whether an execution of that name is running."""
        ...

    def start(self, sync: str, slot: str, name: str) -> None:
        """Start an execution of that name; one that has been started already is fine."""
        ...


class SyncSchedules(Protocol):
    """Entries of the scheduler, one for each Sync that runs by itself."""

    def known(self) -> Sequence[str]:
        """The Syncs that have an entry."""
        ...

    def means(self, sync: str) -> str | None:
        """What the entry of a Sync was stored for; None if there is none, or somebody switched it off."""
        ...

    def put(self, entry: Entry) -> None:
        """Store an entry, in place of the one that the Sync may have."""
        ...

    def remove(self, sync: str) -> None:
        """Take a Sync's entry away, if it has one."""
        ...
