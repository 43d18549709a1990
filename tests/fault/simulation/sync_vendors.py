"""Two vendors for schedules of Syncs: records that change while they are read, answers that are lost, late commits."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from leadbridge.domain.gone import BARE, FATE, KNOWN
from leadbridge.domain.records import FieldDescription, ObjectDescription, Resolution, RowResult
from leadbridge.domain.source_query import SourceQuery
from leadbridge.domain.sync import Sync
from leadbridge.errors import (
    AuthenticationError,
    PermanentError,
    QuotaExhaustedError,
    RateLimitedError,
    SpoiledCallError,
    SyncError,
    TransientError,
    UncertainWriteError,
)
from leadbridge.sync_ports import Covered, Gone, Page, Sample
from tests.fakes.clock import NOON
from tests.fakes.trouble import refusal
from tests.fault.simulation.sync_schedule import FIELDS, READ_TROUBLE, VENDOR_TROUBLE

if TYPE_CHECKING:
    from tests.fault.simulation.syncs import SyncSimulation

LATE_SECONDS = 30.0
_KINDS = {
    "id": "id",
    "email": "email",
    "gone": "boolean",
    "made": "datetime",
    "changed": "datetime",
    "stamp": "datetime",
}


@cache
def described(vendor: str) -> ObjectDescription:
    """A person's record of a vendor; the same in all schedules."""
    kinds = dict(_KINDS, score="integer" if vendor == "marketo" else "double")
    fields = {name: kinds.get(role, "string") for role, name in FIELDS[vendor].items()}
    if vendor == "marketo":
        fields["id"] = "integer"
    else:
        fields["Row__c"] = "string"
    return ObjectDescription(
        name="leads" if vendor == "marketo" else "Contact",
        fields={
            name: FieldDescription(name=name, type=kind, filterable=True, id_lookup=name == FIELDS[vendor]["origin"])
            for name, kind in fields.items()
        },
    )


@dataclass(slots=True, kw_only=True)
class Commit:
    """What a vendor has carried out: when, by whom (a run's slot, or somebody else), on which record, what."""

    at: float
    by: str
    kind: str  # created | updated | deleted | restored
    record: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """Of a deleted record what it held, which moment its deletion bears, when that was and is shown."""

    row: Mapping[str, Any]
    at: datetime
    time: float
    shown: float
    #: it is in the Recycle Bin
    binned: bool


@dataclass(slots=True)
class Table:
    """The records of one vendor."""

    vendor: str
    skew: float
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: the moment that a record's newest version bears, by the vendor's clock
    stamps: dict[str, datetime] = field(default_factory=dict)
    #: of Marketo: moment, from when the log shows it, record
    log: list[tuple[datetime, float, str]] = field(default_factory=list)
    #: of Salesforce: what is written and not committed yet: the moment that it bears, until when
    open: dict[str, tuple[datetime, float]] = field(default_factory=dict)
    journal: list[Commit] = field(default_factory=list)
    gone: dict[str, Tombstone] = field(default_factory=dict)
    #: records that were ever made
    made: int = 0

    def clock(self, time: float) -> datetime:
        """The vendor's time."""
        return NOON + timedelta(milliseconds=int((time + self.skew) * 1000))

    def make(self, time: float, by: str, fields: Mapping[str, Any], at: datetime, shown: float) -> str:
        """A new record."""
        self.made += 1
        number = self.made
        key = str(number) if self.vendor == "marketo" else f"003{number:012}"
        names = FIELDS[self.vendor]
        self.rows[key] = {names["id"]: number if self.vendor == "marketo" else key, names["made"]: at.isoformat()}
        self._put(key, fields, at, shown)
        self.journal.append(Commit(at=time, by=by, kind="created", record=key, fields=dict(fields)))
        return key

    def change(self, time: float, by: str, key: str, fields: Mapping[str, Any], at: datetime, shown: float) -> None:
        """A record takes values."""
        self._put(key, fields, at, shown)
        self.journal.append(Commit(at=time, by=by, kind="updated", record=key, fields=dict(fields)))

    def delete(self, time: float, by: str, key: str, at: datetime, shown: float, *, binned: bool = True) -> None:
        """A record goes."""
        row = self.rows.pop(key)
        self.stamps.pop(key)
        self.gone[key] = Tombstone(row=row, at=at, time=time, shown=shown, binned=binned)
        self.journal.append(Commit(at=time, by=by, kind="deleted", record=key, fields={}))

    def restore(self, time: float, by: str, key: str) -> None:
        """A deleted record is back."""
        self.rows[key] = dict(self.gone.pop(key).row)
        self._put(key, {}, self.clock(time), time)
        self.journal.append(Commit(at=time, by=by, kind="restored", record=key, fields={}))

    def _put(self, key: str, fields: Mapping[str, Any], at: datetime, shown: float) -> None:
        names = FIELDS[self.vendor]
        own = names["id"]
        stamps = {names["changed"]: at.isoformat()} | ({names["stamp"]: at.isoformat()} if "stamp" in names else {})
        self.rows[key] |= {name: value for name, value in fields.items() if name != own} | stamps
        self.stamps[key] = at
        self.log.append((at, shown, key))

    def of_key(self, email: str) -> list[str]:
        """The records of an address."""
        name, wanted = FIELDS[self.vendor]["email"], email.strip().casefold()
        return [key for key, row in self.rows.items() if str(row.get(name) or "").strip().casefold() == wanted]


class Calls:
    """Calls of one vendor with the troubles of the schedule."""

    def __init__(self, world: "SyncSimulation", vendor: str) -> None:
        self.world = world
        self.vendor = vendor
        self.table = world.tables[vendor]
        self.calls = 0

    def read[T](self, operation: str, answer: Callable[[], T]) -> T:
        """A call that changes nothing."""
        engine = self.world.engine
        engine.step(operation)
        self.calls += 1
        kind = self._draw()
        if kind in READ_TROUBLE:
            self._count(kind)
            raise self._refusal(kind, operation)
        found = answer()
        engine.step(f"{operation}.done")
        return found

    def write(
        self, operation: str, rows: Sequence[Mapping[str, Any]], act: Callable[[Mapping[str, Any], str], RowResult]
    ) -> list[RowResult]:
        """A call that writes; it may be carried out without an answer, late, or not at all."""
        engine, world = self.world.engine, self.world
        engine.step(operation)
        self.calls += 1
        process, slot = engine.process, world.slot_of(engine.process)
        if len(rows) > world.plan.call_rows:
            world.wrong.append(f"{operation} of {len(rows)} rows, the vendor takes {world.plan.call_rows}")
        rng = engine.rng

        def carried_out() -> list[RowResult]:
            return [act(row, slot) for row in rows]

        if process.doomed:
            engine.count(f"crash in flight of {operation}")
            self._later(rng.choice((0.0, rng.random() * LATE_SECONDS, None)), carried_out)
            engine.die(process)
        kind = self._draw()
        if kind is not None and not kind.startswith("row"):
            self._count(kind)
            if not kind.startswith(("lost", "late")):
                raise self._refusal(kind, operation)
            late = {"lost after the commit": 0.0, "late commit": rng.random() * LATE_SECONDS}.get(kind)
            patience = rng.choice((0.0, 1.0, 20 * rng.random())) * (rng.random() if late else 1.0)
            self._later(late, carried_out)
            engine.pause(patience)
            error = UncertainWriteError("no answer", vendor=self.vendor, operation=operation, code="timeout")
            engine.raised.append(error)
            raise error
        results = [self._locked(row) or act(row, slot) for row in rows] if kind is None else self._some(kind, rows, act)
        engine.step(f"{operation}.done")
        return results

    def _some(
        self, kind: str, rows: Sequence[Mapping[str, Any]], act: Callable[[Mapping[str, Any], str], RowResult]
    ) -> list[RowResult]:
        """One of the rows is refused, or nobody knows what became of it."""
        self._count(kind)
        rng, slot = self.world.engine.rng, self.world.slot_of(self.world.engine.process)
        place = int(rng.random() * len(rows))
        code, resolution = {
            "row to repeat": ("LOCKED", Resolution.RETRY),
            "row in doubt": ("UNKNOWN", Resolution.UNCERTAIN),
            "row refused": ("INVALID", Resolution.REJECT),
        }[kind]
        results = []
        for number, row in enumerate(rows):
            if number != place:
                results.append(self._locked(row) or act(row, slot))
                continue
            if resolution is Resolution.UNCERTAIN and rng.random() < 0.5:
                act(row, slot)
            results.append(refusal(code, resolution=resolution))
        return results

    def _locked(self, row: Mapping[str, Any]) -> RowResult | None:
        """A record that is in somebody's open transaction."""
        key = str(row.get(FIELDS[self.vendor]["id"], ""))
        until = self.table.open.get(key)
        if until is None or until[1] <= self.world.engine.time:
            return None
        return refusal("UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY)

    def _later(self, late: float | None, act: Callable[[], object]) -> None:
        if late is None:
            return
        if late:
            self.world.pending += 1

            def arrive() -> None:
                self.world.pending -= 1
                act()

            self.world.engine.later(late, arrive)
        else:
            act()

    def _draw(self) -> str | None:
        engine = self.world.engine
        if engine.calm:
            return None
        chance = engine.rng.random()
        for kind in VENDOR_TROUBLE:
            chance -= self.world.plan.chance[kind]
            if chance < 0:
                return kind
        return None

    def _count(self, kind: str) -> None:
        self.world.engine.count(f"{self.vendor}: {kind}")

    def _refusal(self, kind: str | None, operation: str) -> SyncError:
        engine = self.world.engine
        share = engine.rng.random()
        error: SyncError
        if kind == "quota spent":
            resets_at = engine.now(timedelta(0)) + timedelta(seconds=300 + 1500 * share)
            error = QuotaExhaustedError("spent", resets_at=resets_at, code="607")
        elif kind == "rate limit":
            error = RateLimitedError("slower", retry_after_seconds=20 * share, code="606")
        elif kind == "login refused":
            error = AuthenticationError("no", code="601")
        elif kind == "refused as a whole":
            error = PermanentError("no", code="FORBIDDEN")
        elif kind == "spoilt call":
            error = SpoiledCallError("perhaps a record", code="UNKNOWN_EXCEPTION")
        else:
            error = TransientError("down", retry_after_seconds=5 * share, code="502")
        error.vendor, error.operation = self.vendor, operation
        engine.raised.append(error)
        return error


class SimulatedSource(Calls):
    """`sync_ports.SyncSource`."""

    def covered(self, now: datetime, since: datetime | None = None) -> Covered:
        """Salesforce tells, and whether anything has changed; Marketo does not."""
        del now

        def told() -> Covered:
            until = self._covered()
            if until is None or since is None:
                return Covered(until=until)
            return Covered(until=until, idle=not any(since <= at < until for at in self.table.stamps.values()))

        return self.read("source.covered", told)

    def gone(self, query: SourceQuery, since: datetime, until: datetime, cursor: str) -> Gone:
        """What was deleted in the window: Salesforce tells until when it knows, in whole minutes, Marketo does not."""
        del query
        of_org = self.vendor == "salesforce"
        first, last = ((at.replace(second=0, microsecond=0) if of_org else at) for at in (since, until))

        def told() -> tuple[list[str], datetime | None]:
            time, covered = self.world.engine.time, self._covered()
            keys = [key for key, each in self.table.gone.items() if first <= each.at < last and each.shown <= time]
            behind = sorted((key for key in keys if self._order(key) > self._order(cursor)), key=self._order)
            return behind, min(last, covered) if covered is not None else None

        found, covered_to = self.read("source.gone", told)
        size = self.world.plan.page_rows
        pages = (found[start : start + size] for start in range(0, len(found), size))
        return Gone(pages=map(self._gone_page, pages), covered_to=covered_to)

    def _order(self, key: str) -> tuple[int, str]:
        return (int(key or 0), "") if self.vendor == "marketo" else (0, key)

    def _gone_page(self, keys: Sequence[str]) -> Page:
        def told() -> list[Mapping[str, Any]]:
            there = [(key, self.table.gone[key]) for key in keys if key in self.table.gone]
            name, of_org = FIELDS[self.vendor]["id"], self.vendor == "salesforce"
            return [
                {FATE: KNOWN, **each.row} if of_org and each.binned else {FATE: BARE, name: key} for key, each in there
            ]

        return Page(rows=self.read("source.page", told), cursor=keys[-1])

    def expanded(self, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[Mapping[str, Any]]:
        """Every column is there."""
        del columns
        return iter(rows)

    def _covered(self) -> datetime | None:
        if self.vendor == "marketo":
            return None
        time = self.world.engine.time
        open_ = [at for at, until in self.table.open.values() if until > time]
        return min([self.table.clock(time), *open_]).replace(second=0, microsecond=0)

    def count(self, query: SourceQuery) -> int | None:
        """All records of the window."""
        return self.read("source.count", lambda: len(self._queried(query)) if self.vendor == "salesforce" else None)

    def made_since(self) -> datetime | None:
        """A day before the first one."""

        def first() -> datetime | None:
            made = min((self._made(key) for key in self.table.rows), default=None)
            return made - _DAY if made else None

        return self.read("source.made_since", first)

    def _made(self, key: str) -> datetime:
        return datetime.fromisoformat(self.table.rows[key][FIELDS[self.vendor]["made"]])

    def shown(self, query: SourceQuery) -> str:
        """Nobody asks."""
        raise AssertionError(query)

    def sample(self, query: SourceQuery, calls: int, now: datetime) -> Sample:
        """Nobody asks."""
        raise AssertionError(query, calls, now)

    def pages(self, query: SourceQuery, cursor: str) -> Iterator[Page]:
        """What is asked for; Salesforce gives what it was when the query began, Marketo each page as it is."""
        if self.vendor == "salesforce":
            return self._in_order(query)
        if query.first.operation == "leads_by_filter":
            wanted = query.first.params["filterValues"].split(",")
            return self._leads([key for key in wanted if key in self.table.rows])
        return self._changed(datetime.fromisoformat(query.first.params["sinceDatetime"]), cursor)

    def _in_order(self, query: SourceQuery) -> Iterator[Page]:
        snapshot: list[dict[str, Any]] = []
        size = self.world.plan.page_rows

        def first() -> list[dict[str, Any]]:
            snapshot.extend(dict(self.table.rows[key]) for key in self._queried(query))
            return snapshot[:size]

        rows, start = self.read("source.page", first), 0
        while True:
            yield Page(rows=rows, cursor=str(rows[-1]["Id"]) if rows else "")
            start += size
            if start >= len(snapshot):
                return
            rows = self.read("source.page", partial(_slice, snapshot, start, size))

    def _queried(self, query: SourceQuery) -> list[str]:
        since, strict, until = _bounds(query.soql)
        after = re.search(r"Id > '(.*?)'", query.soql)
        named = re.search(r"Id IN \((.*?)\)", query.soql)
        return [
            key
            for key in sorted(self.table.rows)
            if (since is None or (self.table.stamps[key] > since if strict else self.table.stamps[key] >= since))
            and (until is None or self.table.stamps[key] < until)
            and (after is None or key > after[1])
            and (named is None or f"'{key}'" in named[1].split(", "))
        ]

    def _changed(self, since: datetime, cursor: str) -> Iterator[Page]:
        def ids() -> list[str]:
            time = self.world.engine.time
            log = [(at, key) for at, shown, key in self.table.log if shown <= time and key in self.table.rows]
            changed = {key for at, key in log if at >= since}
            return sorted((key for key in changed if not cursor or int(key) > int(cursor)), key=int)

        found = self.read("source.page", ids)
        size = self.world.plan.page_rows
        for start in range(0, len(found), size):
            yield from self._leads(found[start : start + size], cursor=found[start : start + size][-1])

    def _leads(self, keys: Sequence[str], cursor: str = "") -> Iterator[Page]:
        rows = self.read("source.page", lambda: [dict(self.table.rows[key]) for key in keys if key in self.table.rows])
        yield Page(rows=rows, cursor=cursor)

    # what a bulk job finds

    def extracted(self, order: Mapping[str, Any]) -> tuple[bytes, int]:
        """The file of an extract, and its rows."""
        request = order["request"]
        if self.vendor == "salesforce":
            columns = request["columns"]
            since, strict, until = _bounds(request["soql"])
            keys = [
                key
                for key in sorted(self.table.rows)
                if (since is None or (self.table.stamps[key] > since if strict else self.table.stamps[key] >= since))
                and (until is None or self.table.stamps[key] < until)
            ]
        else:
            columns = request["fields"]
            ((name, span),) = request["filter"].items()
            first, last = (datetime.fromisoformat(span[end]) for end in ("startAt", "endAt"))
            moment = self._made if name == "createdAt" else self.table.stamps.__getitem__
            # both ends count, in whole seconds
            keys = [key for key in self.table.rows if first <= moment(key).replace(microsecond=0) <= last]
        null = "null" if self.vendor == "marketo" else ""
        rows = [[_cell(self.table.rows[key].get(name), null) for name in columns] for key in keys]
        into = io.StringIO(newline="")
        csv.writer(into).writerows([columns, *rows])
        return into.getvalue().encode(), len(rows)


class SimulatedDestination(Calls):
    """`sync_ports.SyncDestination`; `name` says whether rows go there, or are told back."""

    def __init__(self, world: "SyncSimulation", vendor: str, name: str, sync: Sync) -> None:
        super().__init__(world, vendor)
        self._name = name
        self._sync = sync
        self.rows = world.plan.call_rows

    def describe(self) -> ObjectDescription:
        """Its fields."""
        return self.read(f"{self._name}.describe", lambda: described(self.vendor))

    def find(self, keys: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Records that agree with one of the keys in its first field."""
        if not keys:
            return []
        name = next(iter(keys[0]))
        if len(keys) > self.world.plan.call_rows:
            self.world.wrong.append(f"a look for {len(keys)} keys, the vendor takes {self.world.plan.call_rows}")

        def found() -> list[dict[str, Any]]:
            wanted = {str(key[name]).strip().casefold() for key in keys}
            rows = self.table.rows.values()
            return [
                {each: row.get(each) for each in fields}
                for row in rows
                if str(row.get(name) or "").strip().casefold() in wanted
            ]

        return self.read(f"{self._name}.find", found)

    def create(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Create records; Marketo updates one of the same key."""
        return self.write(f"{self._name}.create", rows, self._create)

    def update(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Update records by their ids."""
        return self.write(f"{self._name}.update", rows, self._update)

    def _create(self, row: Mapping[str, Any], slot: str) -> RowResult:
        time, at = self.world.engine.time, self.table.clock(self.world.engine.time)
        mark = row.get("Row__c")
        if mark and any(each.get("Row__c") == mark for each in self.table.rows.values()):
            return RowResult(ok=False, code="DUPLICATE_VALUE", message="duplicate", resolution=Resolution.REJECT)
        same = self.table.of_key(str(row[FIELDS[self.vendor]["email"]]))
        if self.vendor == "marketo" and same:
            self.table.change(time, slot, same[0], row, at, time)
            return RowResult(ok=True, status="updated", id=same[0])
        return RowResult(ok=True, status="created", id=self.table.make(time, slot, row, at, time))

    def _update(self, row: Mapping[str, Any], slot: str) -> RowResult:
        time, key = self.world.engine.time, str(row[FIELDS[self.vendor]["id"]])
        if key not in self.table.rows:
            return refusal("ENTITY_IS_DELETED" if self.vendor == "salesforce" else "1004", resolution=Resolution.REJECT)
        self.table.change(time, slot, key, row, self.table.clock(time), time)
        return RowResult(ok=True, status="updated", id=key)

    def delete(self, ids: Sequence[str]) -> Sequence[RowResult]:
        """Delete records; one that is gone is deleted."""
        own = FIELDS[self.vendor]["id"]
        return self.write(f"{self._name}.delete", [{own: each} for each in ids], self._delete)

    def _delete(self, row: Mapping[str, Any], slot: str) -> RowResult:
        time, key = self.world.engine.time, str(row[FIELDS[self.vendor]["id"]])
        if key in self.table.rows:
            self.table.delete(time, slot, key, self.table.clock(time), time)
        return RowResult(ok=True, status="deleted", id=key)

    def imported(self, lines: Sequence[Mapping[str, str]], request: Mapping[str, Any], slot: str) -> list[bool]:
        """Rows of a file that the vendor carries out, and which of them it took.

        At Marketo a blank cell empties its field; Salesforce leaves the field alone, and empties it by a word.
        """
        names, clear = FIELDS[self.vendor], request.get("clear")
        taken = []
        for line in lines:
            left = {name: value for name, value in line.items() if value or clear is None}
            row: dict[str, Any] = {name: None if value in {"", clear} else value for name, value in left.items()}
            if row.get(names["score"]):
                row[names["score"]] = int(row[names["score"]])  # a number
            if row.get(names["gone"]):
                row[names["gone"]] = row[names["gone"]] == "true"  # yes or no
            carry = self._update if request.get("operation") == "update" else self._create
            taken.append(carry(row, slot).ok)
        return taken


class SimulatedVendors:
    """`sync_ports.SyncVendors` of one process."""

    def __init__(self, world: "SyncSimulation") -> None:
        self._world = world

    def source(self, sync: Sync) -> SimulatedSource:
        """The source, with calls of its own."""
        del sync
        return SimulatedSource(self._world, self._world.plan.source)

    def destination(self, sync: Sync) -> SimulatedDestination:
        """The destination, or the source where values are told back."""
        plan = self._world.plan
        if sync.destination.connection == plan.sync.destination.connection:
            return SimulatedDestination(self._world, plan.destination, "destination", sync)
        return SimulatedDestination(self._world, plan.source, "origin", sync)

    def report_quota(self) -> None:
        """Nobody asks."""


_DAY = timedelta(days=1)


def _slice(rows: Sequence[dict[str, Any]], start: int, size: int) -> list[dict[str, Any]]:
    return list(rows[start : start + size])


def _bounds(soql: str) -> tuple[datetime | None, bool, datetime | None]:
    since = re.search(r"SystemModstamp >(=?) (\S+)", soql)
    until = re.search(r"SystemModstamp < (\S+)", soql)
    return (
        datetime.fromisoformat(since[2]) if since else None,
        since is not None and not since[1],
        datetime.fromisoformat(until[1]) if until else None,
    )


def _cell(value: Any, null: str) -> str:
    return null if value is None or value == "" else str(value)
