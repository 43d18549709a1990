"""What both systems tell of people who were merged, converted or deleted, and what a cycle does about them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from leadbridge.cycle_ports import Heard
from leadbridge.domain import soql
from leadbridge.domain.fates import Conversion, News
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.records import RowResult
from leadbridge.domain.three_way import Side
from leadbridge.errors import PermanentError
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.salesforce.client import SalesforceClient
from leadbridge.vendors.salesforce.records import GONE
from leadbridge.vendors.salesforce.syncing import TOO_OLD

#: who may be converted
_LEAD = "Lead"
_FATES = ("Id", "IsDeleted")
#: of what may be merged
_MERGE = ("MasterRecordId",)
_MERGED = frozenset({_LEAD, "Contact", "Account"})
_CONVERSION = ("IsConverted", "ConvertedContactId", "ConvertedAccountId", "ConvertedOpportunityId")


class VendorNews:
    """`cycle_ports.CycleNews` over both clients."""

    def __init__(self, marketo: MarketoClient, salesforce: SalesforceClient) -> None:
        """Sends nothing."""
        self._marketo = marketo
        self._salesforce = salesforce

    def of_people(self, since: datetime, until: datetime) -> Heard:
        """Marketo's merges and deletions; also what was logged after the end of the window."""
        del until
        log = self._marketo.activity_log
        first = log.token(since)
        merged = {str(loser): str(each.winner) for each in log.merges(since, first=first) for loser in each.losers}
        deleted = {str(each.lead_id) for each in log.deleted_leads(since, first=first)}
        return Heard(news=News(merged={Side.MARKETO: merged}, deleted={Side.MARKETO: deleted}))

    def of_records(self, object_name: str, since: datetime, until: datetime) -> Heard:
        """Salesforce's merges, conversions and deletions; ids that left the Recycle Bin are asked for once more.

        An id that was listed may be back by now.
        """
        which = "(IsDeleted = true OR IsConverted = true)" if object_name == _LEAD else "IsDeleted = true"
        statement = f"{_select(object_name)} {which} AND SystemModstamp >= {soql.literal(since)}"
        end = until.replace(second=0, microsecond=0)
        start = min(since, end - timedelta(minutes=1)).replace(second=0, microsecond=0)
        try:
            rows, told = self._salesforce.changes.deleted_beside(statement, object_name, start, end)
        except PermanentError as error:
            if error.code != TOO_OLD:
                raise
            rows = self._salesforce.queries.all(statement, include_deleted=True)
            return Heard(news=_news(rows), known_from=until)
        known = {canonical(row["Id"]) for row in rows}
        unknown = self.of_those(object_name, sorted(told.at.keys() - known))
        return Heard(news=_news(rows) | unknown, known_from=told.known_from)

    def of_those(self, object_name: str, ids: Collection[str]) -> News:
        """What became of some records; those that are nowhere count as deleted."""
        wanted = dict.fromkeys(canonical(each) for each in ids if is_id(each))
        rows = [
            row
            for statement in soql.in_list_chunks("Id", wanted, _select(object_name))
            for row in self._salesforce.queries.all(statement, include_deleted=True)
        ]
        nowhere = wanted.keys() - {canonical(row["Id"]) for row in rows}
        return _news(rows) | News(deleted={Side.SALESFORCE: nowhere})

    def people_there(self, ids: Collection[str]) -> Collection[str]:
        """Which of these people Marketo has."""
        rows = self._marketo.leads_by_filter("id", list(dict.fromkeys(ids)), ["id"]) if ids else []
        return {str(row["id"]) for row in rows}


class VendorChanges:
    """`cycle_ports.CycleChanges` over both clients."""

    def __init__(self, marketo: MarketoClient, salesforce: SalesforceClient) -> None:
        """Sends nothing."""
        self._marketo = marketo
        self._salesforce = salesforce

    def merge(self, winner: str, losers: Sequence[str]) -> Sequence[RowResult]:
        """Merge people in Marketo; one result per loser, in order."""
        try:
            return self._marketo.merge_leads(int(winner), [int(each) for each in losers])
        except PermanentError as error:
            refused = RowResult(ok=False, status="failed", code=error.code, message=error.detail)
            return [refused for _ in losers]

    def link(self, fields: Mapping[str, Mapping[str, Any]]) -> Sequence[RowResult]:
        """Set fields of people in Marketo, by their ids; one result per person, in order."""
        rows = [{"id": int(person), **values} for person, values in fields.items()]
        return self._marketo.sync_leads(rows, action="updateOnly", lookup_field="id")

    def delete(self, side: Side, object_name: str, ids: Sequence[str]) -> Sequence[RowResult]:
        """Delete records; one result per id, in order."""
        if side is Side.MARKETO:
            return self._marketo.leads.delete([int(each) for each in ids])
        del object_name  # ids of several objects may be deleted at once
        results = self._salesforce.rows.delete(ids)
        return [
            RowResult(ok=True, status="deleted", id=each) if result.code in GONE else result
            for each, result in zip(ids, results, strict=True)
        ]

    def flag(self, side: Side, object_name: str, field: str, ids: Sequence[str]) -> Sequence[RowResult]:
        """Set a field of records to true; one result per id, in order."""
        if side is Side.MARKETO:
            return self.link({each: {field: True} for each in ids})
        return self._salesforce.update(object_name, [{"Id": each, field: True} for each in ids])


def _select(object_name: str) -> str:
    merge = _MERGE if object_name in _MERGED else ()
    names = (*_FATES, *merge, *(_CONVERSION if object_name == _LEAD else ()))
    return f"SELECT {', '.join(names)} FROM {soql.identifier(object_name)} WHERE"  # noqa: S608  # names are fixed or checked


def _news(rows: Iterable[Mapping[str, Any]]) -> News:
    merged, deleted, converted = dict[str, str](), set[str](), dict[str, Conversion]()
    for row in rows:
        record = canonical(row["Id"])
        if row.get("IsConverted") is True and row.get("ConvertedContactId"):
            converted[record] = Conversion(
                contact=_id_of(row, "ConvertedContactId"),
                account=_id_of(row, "ConvertedAccountId"),
                opportunity=_id_of(row, "ConvertedOpportunityId"),
            )
        elif row.get("IsDeleted") is True and row.get("MasterRecordId"):
            merged[record] = _id_of(row, "MasterRecordId")
        elif row.get("IsDeleted") is True:
            deleted.add(record)
    return News(merged={Side.SALESFORCE: merged}, deleted={Side.SALESFORCE: deleted}, converted=converted)


def _id_of(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return canonical(value) if isinstance(value, str) and value else ""
