"""Rows of a source with the columns that are looked up elsewhere (`domain.looked_up`), some hundred rows at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import batched
from typing import Any

from leadbridge.domain.cycle_people import LEAD, PREFIXES
from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.looked_up import LookedUpColumn, looked_up_columns
from leadbridge.domain.source_query import SourceQuery, columns_of
from leadbridge.domain.sync import Sync
from leadbridge.domain.three_way import Side
from leadbridge.domain.values import blank, text
from leadbridge.ports import Connections
from leadbridge.sync_ports import Covered, Gone, Page, Sample, SyncDestination, SyncSource, SyncVendors, TellsGone

#: rows of a file that are looked up at once: as many values as Marketo takes in a call
_ROWS = 300
_CONVERTED = "ConvertedContactId"


class LookingVendors:
    """`sync_ports.SyncVendors` whose rows have the columns that are looked up."""

    def __init__(self, vendors: SyncVendors, connections: Connections, vendor: Callable[[str], Vendor]) -> None:
        """`vendor` tells whose a connection is."""
        self._vendors = vendors
        self._connections = connections
        self._vendor = vendor

    def source(self, sync: Sync) -> SyncSource:
        """Where a Sync's rows come from."""
        found = self._vendors.source(sync)
        ends = sync.source.connection, sync.destination.connection
        if not [*looked_up_columns(columns_of(sync, self._vendor(ends[0]), {}))]:
            return found
        marketo, salesforce = ends if self._vendor(ends[0]) == "marketo" else ends[::-1]
        return LookingSource(found, Finder(self._connections, marketo, salesforce))

    def destination(self, sync: Sync) -> SyncDestination:
        """Where a Sync's records go."""
        return self._vendors.destination(sync)

    def report_quota(self) -> None:
        """Tell the meter how much of the vendors' daily calls is left, and give back the places for calls."""
        self._vendors.report_quota()


class Finder:
    """Finds what a field of a record holds by another field of it, in the two systems of a cycle."""

    def __init__(self, connections: Connections, marketo: str, salesforce: str) -> None:
        """Sends nothing."""
        self._connections = connections
        self._marketo = marketo
        self._salesforce = salesforce

    def __call__(self, column: LookedUpColumn, values: Sequence[str]) -> Mapping[str, Any]:
        """By each value what is held; those that are nowhere, or twice, are missing.

        A Lead that was converted stands for its Contact.

        Raises:
            SyncError: A system cannot be asked now.
        """
        found = self._found(column, values)
        leads = [each for each in values if each not in found and each.startswith(PREFIXES[LEAD]) and is_id(each)]
        if column.side is Side.SALESFORCE or not leads:
            return found
        org = self._connections.salesforce(self._salesforce)
        rows = org.find(LEAD, ["Id", _CONVERTED], "Id", leads)
        contacts = {str(row["Id"]): str(row[_CONVERTED]) for row in rows if not blank(row.get(_CONVERTED))}
        behind = self._found(column, sorted({*contacts.values()}))
        return {**found, **{lead: behind[each] for lead, each in contacts.items() if each in behind}}

    def _found(self, column: LookedUpColumn, values: Sequence[str]) -> Mapping[str, Any]:
        if not values:
            return {}
        fields = list(dict.fromkeys((column.by, column.gives)))
        if column.side is Side.MARKETO:
            rows = self._connections.marketo(self._marketo).leads_by_filter(column.by, list(values), fields)
        else:
            rows = self._connections.salesforce(self._salesforce).find(column.object, fields, column.by, list(values))
        seen: dict[str, list[Any]] = {}
        for row in rows:
            seen.setdefault(_alike(row.get(column.by)), []).append(row.get(column.gives))
        held = {each: seen.get(_alike(each), ()) for each in values}
        return {each: found[0] for each, found in held.items() if len(found) == 1}


class LookingSource:
    """`sync_ports.SyncSource` whose rows have the columns that are looked up."""

    def __init__(self, source: SyncSource, find: Finder) -> None:
        """Sends nothing."""
        self._source = source
        self._find = find

    @property
    def calls(self) -> int:
        """Calls made so far; those of looking up belong to nobody's rows."""
        return self._source.calls

    def covered(self, now: datetime, since: datetime | None = None) -> Covered:
        """Until when the vendor shows all changes."""
        return self._source.covered(now, since)

    def count(self, query: SourceQuery) -> int | None:
        """How many rows the query finds."""
        return self._source.count(query)

    def made_since(self) -> datetime | None:
        """A moment before which no record was made."""
        return self._source.made_since()

    def shown(self, query: SourceQuery) -> str:
        """The first request as the vendor receives it."""
        return self._source.shown(query)

    def sample(self, query: SourceQuery, calls: int, now: datetime) -> Sample:
        """Some rows, and how many there are."""
        found = self._source.sample(query, calls, now)
        return replace(found, rows=self._filled(query.columns, found.rows))

    def pages(self, query: SourceQuery, cursor: str) -> Iterator[Page]:
        """What is asked for, page by page."""
        return self._paged(query, self._source.pages(query, cursor))

    def gone(self, query: SourceQuery, since: datetime, until: datetime, cursor: str) -> Gone:
        """Deleted records.

        Raises:
            TypeError: The source tells of none.
        """
        if not isinstance(self._source, TellsGone):
            raise TypeError("the source tells of no deletions")
        found = self._source.gone(query, since, until, cursor)
        return replace(found, pages=self._paged(query, found.pages))

    def expanded(self, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[Mapping[str, Any]]:
        """Rows of an extract's file with these columns."""
        for some in batched(rows, _ROWS, strict=False):
            yield from self._filled(columns, some)

    def _paged(self, query: SourceQuery, pages: Iterator[Page]) -> Iterator[Page]:
        return (Page(rows=self._filled(query.columns, page.rows), cursor=page.cursor) for page in pages)

    def _filled(self, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        filled = [dict(row) for row in rows]
        for column in looked_up_columns(columns):
            held = [_first(column, row) for row in filled]
            found = self._find(column, sorted({*held} - {""}))
            for row, value in zip(filled, held, strict=True):
                row[column.name] = found.get(value)
        return filled


def _first(column: LookedUpColumn, row: Mapping[str, Any]) -> str:
    """What a row holds in the first of the columns that is not blank."""
    return next((text(row[name]).strip() for name in column.of if not blank(row.get(name))), "")


def _alike(value: Any) -> str:
    """A value as it is compared: ids of 15 and 18 characters are one, and texts in whatever case."""
    found = text(value or "").strip()
    return canonical(found) if is_id(found) else found.casefold()
