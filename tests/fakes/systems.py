"""Two systems in memory whose records are read and written by Syncs, looked up by a cycle, and edited by people."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from leadbridge.cycle_ports import Heard
from leadbridge.domain.carried_changes import CHANGED
from leadbridge.domain.cycle_opportunities import GUID
from leadbridge.domain.fates import Conversion, News
from leadbridge.domain.ids import canonical
from leadbridge.domain.marketo import ChangedField, LeadChange
from leadbridge.domain.records import ObjectDescription, Resolution, RowResult
from leadbridge.domain.source_query import SourceQuery
from leadbridge.domain.sync import Sync
from leadbridge.domain.three_way import Side
from leadbridge.domain.values import blank, normalised
from leadbridge.domain.watermarks import Window
from leadbridge.errors import PermanentError, SyncError
from leadbridge.ports import Clock
from leadbridge.sync_ports import ALREADY_THERE, Covered, Gone, Page, Sample
from tests.fakes.cycle import KEYS
from tests.fakes.steps import Step, nothing

#: I/O of these doubles beside that of stores
OPERATIONS = (
    "table.page",
    "table.find",
    "table.create",
    "table.update",
    "table.lookup",
    "table.news",
    "table.merge",
    "table.link",
    "table.flag",
    "table.delete",
    "due.add",
    "due.done",
)
_DEAL = "externalOpportunityId"
#: the type of an entry of Marketo's log about a new person
_NEW = 12
_STAMP = {"Id": "SystemModstamp", "id": "updatedAt", GUID: "updatedAt"}

type Record = dict[str, Any]
#: what an automation of the system makes of a record that was changed
type Automation = Callable[[Record], Mapping[str, Any]]


def nobody(_record: Record) -> Mapping[str, Any]:
    """No automation."""
    return {}


@dataclass
class Table:
    """One object of a system: what people and automations do to it happens at once, and bears the clock's moment."""

    described: ObjectDescription
    id_field: str
    clock: Clock
    records: dict[str, Record] = field(default_factory=dict)
    #: after each write that came by API
    automation: Automation = nobody
    #: what came by API: whose, and the fields
    written: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    #: values that no field takes, and the code of the refusal
    refused: dict[str, str] = field(default_factory=dict)
    made: int = 0
    #: deleted records as they were, and when
    bin: dict[str, tuple[Record, datetime]] = field(default_factory=dict)
    #: losers of merges: the winner, and when
    merged: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    #: before this nothing is told of deletions
    told_from: datetime | None = None
    #: what was made and changed, as Marketo logs it: whose, when, and the new values
    log: list[LeadChange] = field(default_factory=list)

    def delete(self, *ids: str) -> None:
        """Delete records, by whomever."""
        for record_id in ids:
            self.bin[record_id] = (self.records.pop(record_id), self.clock.now())

    def undelete(self, record_id: str) -> None:
        """A deleted record is back, as changed."""
        self.records[record_id] = self.bin.pop(record_id)[0]
        self.edit(record_id)

    def merge(self, winner: str, *losers: str) -> None:
        """Make one record of several: the winner's values stay, what it lacks comes from the losers in their order."""
        for loser in losers:
            lacking = {
                name: each for name, each in self.records[loser].items() if blank(self.records[winner].get(name))
            }
            # Marketo logs no change of what a merge fills
            self._set(winner, lacking)
            # the loser of a merge in Salesforce is deleted, in Marketo it is no more
            self.delete(loser)
            self.merged[loser] = (winner, self.clock.now())

    def make(self, **values: Any) -> str:
        """A new record, by whomever; returns its id."""
        self.made += 1
        record_id = str(self.made)
        if self.id_field == "Id":
            record_id = canonical(f"{self.described.key_prefix}5g0000{self.made:06}")
        self.records[record_id] = {self.id_field: record_id}
        self._note(_NEW, record_id)
        self.edit(record_id, **values)
        return record_id

    def edit(self, record_id: str, **values: Any) -> None:
        """Change a record."""
        held = self.records[record_id]
        self._note(CHANGED, record_id, {name: each for name, each in values.items() if held.get(name) != each})
        self._set(record_id, values)

    def _set(self, record_id: str, values: Mapping[str, Any]) -> None:
        self.records[record_id] |= {**values, _STAMP[self.id_field]: self.clock.now().isoformat()}

    def _note(self, kind: int, record_id: str, values: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Log a change, where a system has numbers for its records."""
        if self.id_field != "id" or not record_id.isdigit() or not (values or kind == _NEW):
            return
        self.log.append(
            LeadChange(
                marketo_guid=str(len(self.log)),
                lead_id=int(record_id),
                activity_date=self.clock.now(),
                activity_type_id=kind,
                fields=tuple(ChangedField(name=name, new_value=each) for name, each in values.items()),
            )
        )

    def logged(self, since: datetime | None, columns: Collection[str]) -> list[LeadChange]:
        """What was logged since then, of changed values those of some fields."""
        told = [
            replace(each, fields=tuple(one for one in each.fields if one.name in columns))
            for each in self.log
            if since is None or each.activity_date >= since
        ]
        return [each for each in told if each.fields or each.activity_type_id == _NEW]

    def write(self, record_id: str, values: Mapping[str, Any]) -> None:
        """A record is written by API, and the system's automation does its part."""
        self.written.append((record_id, dict(values)))
        self.edit(record_id, **values)
        if answer := self.automation(self.records[record_id]):
            self.edit(record_id, **answer)

    def found(self, name: str, values: Collection[Any]) -> list[Record]:
        """Records whose field holds one of the values."""
        wanted = {normalised(value) for value in values}
        held = (record for record in self.records.values() if not blank(record.get(name)))
        return [record for record in held if normalised(record[name]) in wanted]


@dataclass
class System:
    """The tables of both systems: Marketo's people, Salesforce's objects by name."""

    tables: dict[str, Table]
    step: Step = nothing
    #: what is raised by an operation of an object, once each; with True it was carried out
    errors: dict[tuple[str, str], list[tuple[SyncError, bool]]] = field(default_factory=dict)
    #: calls by object and what they do
    calls: dict[tuple[str, str], int] = field(default_factory=dict)
    #: told of each object that was read, before anything is decided
    on_read: Callable[[str], object] = nothing

    def source(self, sync: Sync) -> "TableSource":
        """Where a Sync's rows come from."""
        return TableSource(self, self.tables[sync.source.object])

    def covered(self, asked: Sequence[tuple[Sync, datetime | None]], now: datetime) -> Sequence[Covered]:
        """What each source says."""
        return [self.source(sync).covered(now, since) for sync, since in asked]

    def destination(self, sync: Sync) -> "TableDestination":
        """Where a Sync's records go."""
        table, keys = self.tables[sync.destination.object], [pair.field for pair in sync.match]
        made = {GUID: UnreadDestination, "id": PeopleDestination}.get(table.id_field, TableDestination)
        return made(self, table, keys)

    def report_quota(self) -> None:
        """Nobody asks."""

    def called(self, table: Table, what: str) -> None:
        """Count a call."""
        key = (table.described.name, what)
        self.calls[key] = self.calls.get(key, 0) + 1
        self.step(f"table.{what}")

    def fail(self, table: Table, what: str, *, done: bool) -> None:
        """Raise what is planned."""
        planned = self.errors.get((table.described.name, what), [])
        if planned and planned[0][1] is done:
            raise planned.pop(0)[0]

    def convert(self, lead: str, contact: str = "", **values: Any) -> str:
        """Convert a Lead as a person does, into a Contact that is there or a new one; returns its id."""
        leads, contacts = self.tables["Lead"], self.tables["Contact"]
        held = leads.records[lead]
        taken = {name: held[name] for name in ("Email", "FirstName", "LastName", "Title") if not blank(held.get(name))}
        if contact:
            kept = contacts.records[contact]
            contacts.edit(contact, **{name: each for name, each in taken.items() if blank(kept.get(name))})
        else:
            contact = contacts.make(**{**taken, **values})
        leads.edit(lead, IsConverted=True, ConvertedContactId=contact)
        return contact

    # cycle_ports.CycleNews

    def of_people(self, since: datetime, until: datetime) -> Heard:
        """Marketo's merges and deletions in a window."""
        del until
        return self._heard(self.tables["leads"], Side.MARKETO, since)

    def of_records(self, object_name: str, since: datetime, until: datetime) -> Heard:
        """The same of Salesforce's records of an object, and conversions of Leads."""
        del until
        return self._heard(self.tables[object_name], Side.SALESFORCE, since)

    def _heard(self, table: Table, side: Side, since: datetime) -> Heard:
        self.called(table, "news")
        told = max(since, table.told_from or since)
        deleted = {each for each, (_, at) in table.bin.items() if at >= told and each not in table.merged}
        if side is Side.SALESFORCE:
            # which names the losers of merges as well
            deleted |= {each for each, (_, at) in table.bin.items() if at >= told}
        return Heard(
            news=News(
                merged={side: {loser: winner for loser, (winner, at) in table.merged.items() if at >= since}},
                deleted={side: deleted},
                converted=_conversions(
                    each
                    for each in table.records.values()
                    if datetime.fromisoformat(each[_STAMP[table.id_field]]) >= since
                ),
            ),
            known_from=table.told_from,
        )

    def of_those(self, object_name: str, ids: Collection[str]) -> News:
        """What became of some Salesforce records; those that are nowhere count as deleted."""
        table = self.tables[object_name]
        self.called(table, "news")
        return News(
            merged={Side.SALESFORCE: {each: table.merged[each][0] for each in ids if each in table.merged}},
            deleted={Side.SALESFORCE: {each for each in ids if each not in table.records and each not in table.merged}},
            converted=_conversions(table.records[each] for each in ids if each in table.records),
        )

    def people_there(self, ids: Collection[str]) -> Collection[str]:
        """Which of these people Marketo has."""
        self.called(self.tables["leads"], "lookup")
        return {each for each in ids if each in self.tables["leads"].records}

    # cycle_ports.CycleChanges

    def _change(self, what: str, table: Table, ids: Sequence[str], change: Callable[[str], object]) -> list[RowResult]:
        self.called(table, what)
        self.fail(table, what, done=False)
        results = []
        for each in ids:
            if each in table.refused:
                results.append(
                    RowResult(ok=False, status="failed", code=table.refused[each], resolution=Resolution.REJECT)
                )
                continue
            change(each)
            results.append(RowResult(ok=True, id=each))
        self.step(f"table.{what}.done")
        self.fail(table, what, done=True)
        return results

    def merge(self, winner: str, losers: Sequence[str]) -> Sequence[RowResult]:
        """Merge people in Marketo; one result per loser, in order."""
        people = self.tables["leads"]
        return self._change("merge", people, losers, lambda loser: people.merge(winner, loser))

    def link(self, fields: Mapping[str, Mapping[str, Any]]) -> Sequence[RowResult]:
        """Set fields of people in Marketo, by their ids; one result per person, in order."""
        people = self.tables["leads"]
        return self._change("link", people, list(fields), lambda each: people.write(each, fields[each]))

    def delete(self, side: Side, object_name: str, ids: Sequence[str]) -> Sequence[RowResult]:
        """Delete records; one result per id, in order."""
        del side
        table = self.tables[object_name]
        return self._change("delete", table, ids, lambda each: table.delete(*({each} & table.records.keys())))

    def flag(self, side: Side, object_name: str, field: str, ids: Sequence[str]) -> Sequence[RowResult]:
        """Set a field of records to true; one result per id, in order."""
        del side
        table = self.tables[object_name]
        return self._change("flag", table, ids, lambda each: table.write(each, {field: True}))

    # cycle_ports.CycleRecords

    def people(self, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Marketo's people whose field holds one of the values."""
        return self._looked_up(self.tables["leads"], field, values)

    def salesforce(self, object_name: str, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Salesforce records of an object whose field holds one of the values."""
        return self._looked_up(self.tables[object_name], field, values)

    def keyed(self, object_name: str, keys: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Marketo's companies or sales persons with one of the keys."""
        return self._looked_up(self.tables[object_name], KEYS[object_name], keys)

    def count(self, object_name: str, field: str, values: Collection[str]) -> int:
        """How many Salesforce records of an object hold one of the values in a field."""
        return len(self._looked_up(self.tables[object_name], field, values))

    def total(self, object_name: str) -> int:
        """How many Salesforce records of an object there are."""
        table = self.tables[object_name]
        self.called(table, "lookup")
        return len(table.records)

    def _looked_up(self, table: Table, name: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        self.called(table, "lookup")
        return [dict(record) for record in table.found(name, values)]


class _Counted:
    def __init__(self, system: System, table: Table) -> None:
        self._system = system
        self._table = table
        self.calls = 0

    def _call(self, what: str) -> None:
        self.calls += 1
        self._system.called(self._table, what)
        self._system.fail(self._table, what, done=False)


class TableSource(_Counted):
    """`sync_ports.SyncSource`."""

    def covered(self, now: datetime, since: datetime | None = None) -> Covered:
        """Salesforce shows everything up to now, Marketo does not say."""
        del since
        return Covered(until=now if self._table.id_field == "Id" else None)

    def count(self, query: SourceQuery) -> int | None:
        """Nobody has counted."""
        del query
        return None

    def made_since(self) -> datetime | None:
        """Nobody knows."""
        return None

    def shown(self, query: SourceQuery) -> str:
        """The statement."""
        return query.soql

    def sample(self, query: SourceQuery, calls: int, now: datetime) -> Sample:
        """Nobody looks at any."""
        del query, calls, now
        return Sample(rows=())

    def expanded(self, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[Mapping[str, Any]]:
        """Every column is there."""
        del columns
        return iter(rows)

    def gone(self, query: SourceQuery, since: datetime, until: datetime, cursor: str) -> Gone:
        """Nothing was deleted."""
        del query, since, until, cursor
        return Gone(pages=iter(()))

    def pages(self, query: SourceQuery, cursor: str) -> Iterator[Page]:
        """What was changed in the window, two a page; Marketo shows what comes after its end as well."""
        window = self._window(query)
        stamp = _STAMP[self._table.id_field]
        unknown = [name for name in query.columns if name not in self._table.described.fields]
        if unknown:
            raise PermanentError(f"no field {unknown[0]}", vendor="salesforce", code="INVALID_FIELD")
        found = [
            {name: record.get(name) for name in query.columns}
            for record_id, record in sorted(self._table.records.items())
            if record_id > cursor and _inside(window, datetime.fromisoformat(record[stamp]))
        ]
        if query.anew is not None:
            anew = query.anew(self._table.logged(window.since, query.columns))
            found = [each for each in found if int(str(each["id"])) in anew]
        for start in range(0, max(1, len(found)), 2):
            self._call("page")
            rows = found[start : start + 2]
            self._system.step("table.page.done")
            yield Page(rows=rows, cursor=str(rows[-1][self._table.id_field]) if rows else "")
        self._system.on_read(self._table.described.name)

    def _window(self, query: SourceQuery) -> Window:
        if query.vendor == "marketo":
            return Window(since=datetime.fromisoformat(query.first.params["sinceDatetime"]))
        since, until = (re.search(rf"SystemModstamp {sign} (\S+)", query.soql) for sign in (">=", "<"))
        return Window(
            since=datetime.fromisoformat(since[1]) if since else None,
            until=datetime.fromisoformat(until[1]) if until else None,
        )


def _conversions(records: Iterable[Record]) -> Mapping[str, Conversion]:
    return {
        str(each["Id"]): Conversion(contact=str(each["ConvertedContactId"]))
        for each in records
        if each.get("IsConverted")
    }


def _inside(window: Window, at: datetime) -> bool:
    return (window.since is None or at >= window.since) and (window.until is None or at < window.until)


class TableDestination(_Counted):
    """`sync_ports.SyncDestination`; Marketo updates a person of the same key instead of making another."""

    rows = 3

    def __init__(self, system: System, table: Table, keys: Sequence[str]) -> None:
        """`keys` are the fields that records are looked for by."""
        super().__init__(system, table)
        self._keys = keys

    def describe(self) -> ObjectDescription:
        """Its fields."""
        return self._table.described

    def find(self, keys: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Records that agree with a key in its first field."""
        self._call("find")
        name = next(iter(keys[0]), "") if keys else ""
        found = self._table.found(name, [key[name] for key in keys])
        return [{each: record.get(each) for each in fields} for record in found]

    def create(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Create every row."""
        return self._write("create", rows, self._create)

    def update(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Update by id."""
        return self._write("update", rows, self._update)

    def delete(self, ids: Sequence[str]) -> Sequence[RowResult]:
        """Delete by id; one that is gone already is deleted."""
        self._call("delete")
        for each in ids:
            if each in self._table.records:
                self._table.delete(each)
        self._system.step("table.delete.done")
        return [RowResult(ok=True, status="deleted", id=each) for each in ids]

    def _write(
        self, what: str, rows: Sequence[Mapping[str, Any]], write: Callable[[Mapping[str, Any]], RowResult]
    ) -> Sequence[RowResult]:
        self._call(what)
        results = [self._refusal(row) or write(row) for row in rows]
        self._system.step(f"table.{what}.done")
        self._system.fail(self._table, what, done=True)
        return results

    def _refusal(self, row: Mapping[str, Any]) -> RowResult | None:
        code = next(
            (self._table.refused[str(value)] for value in row.values() if str(value) in self._table.refused), ""
        )
        if not code:
            return None
        return RowResult(
            ok=False, status="failed", code=code, message="the value is not allowed", resolution=Resolution.REJECT
        )

    def _create(self, row: Mapping[str, Any]) -> RowResult:
        own = self._table.id_field
        known = self._table.found(self._keys[0], [row[self._keys[0]]]) if own != "Id" else []
        for each in known:
            if all(normalised(each.get(name)) == normalised(row[name]) for name in self._keys):
                return self._update({**row, own: each[own]})
        record_id = self._table.make()
        self._table.write(record_id, row)
        return RowResult(ok=True, status="created", id=record_id)

    def _update(self, row: Mapping[str, Any]) -> RowResult:
        record_id = str(row[self._table.id_field])
        if record_id not in self._table.records:
            return RowResult(ok=False, status="failed", code="ENTITY_IS_DELETED", resolution=Resolution.REJECT)
        self._table.write(record_id, {name: value for name, value in row.items() if name != self._table.id_field})
        return RowResult(ok=True, status="updated", id=record_id)


class PeopleDestination(TableDestination):
    """Marketo's people, whose key Marketo itself looks for."""

    def create_only(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Create every row whose key nobody has."""
        return self._write("create", rows, self._create_only)

    def _create_only(self, row: Mapping[str, Any]) -> RowResult:
        if self._table.found(self._keys[0], [row[self._keys[0]]]):
            return RowResult(ok=False, status="skipped", code=ALREADY_THERE, resolution=Resolution.REJECT)
        return self._create(row)


class UnreadDestination(TableDestination):
    """Marketo's opportunities and their roles, which are made or changed by their key without a look."""

    def find(self, keys: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Only what is asked for by Marketo's own id."""
        return super().find(keys, fields) if keys and GUID in keys[0] else []

    def delete(self, ids: Sequence[str]) -> Sequence[RowResult]:
        """Nothing that is in use."""
        for record in [self._table.records[each] for each in ids if each in self._table.records]:
            roles = self._system.tables["opportunity_roles"]
            if self._table is not roles and roles.found(_DEAL, [record[_DEAL]]):
                return [RowResult(ok=False, status="skipped", code="1022", resolution=Resolution.REJECT) for _ in ids]
        return super().delete(ids)

    def _refusal(self, row: Mapping[str, Any]) -> RowResult | None:
        """A role needs its opportunity and its person."""
        missing = RowResult(ok=False, status="skipped", code="1013", resolution=Resolution.REJECT)
        tables = self._system.tables
        if "leadId" in row and not (
            str(row["leadId"]) in tables["leads"].records and tables["opportunities"].found(_DEAL, [row[_DEAL]])
        ):
            return missing
        return super()._refusal(row)
