"""Leads: describe, read, write, merge, delete, partitions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from leadbridge.domain.records import FieldDescription, ObjectDescription, Row, RowResult
from leadbridge.errors import ConfigurationError, ContractError, PermanentError, SyncError
from leadbridge.vendors.http.batches import chunks_of
from leadbridge.vendors.http.decisions import TooLargeError
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.answers import results
from leadbridge.vendors.marketo.api import Api, askable
from leadbridge.vendors.marketo.auth import VENDOR

if TYPE_CHECKING:
    from leadbridge.domain.marketo import Partition

type LeadAction = Literal["createOrUpdate", "createOnly", "updateOnly", "createDuplicate"]

# "multiple lead match lookup criteria"
SEVERAL_MATCH = "1007"
# "lead not found", and the same for a record or a path
_NOT_FOUND = frozenset({"1004", "1013", "610"})


class Leads:
    """The leads of an instance; a lead is a row of fields by REST name."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def describe(self) -> ObjectDescription:
        """The fields of a lead by REST name; `id_lookup` marks those usable as lookup field or filter."""
        operation = endpoints.DESCRIBE_LEADS.operation
        found = results(self._api.get(endpoints.DESCRIBE_LEADS), operation)
        if not found or not isinstance(found[0].get("fields"), list):
            raise ContractError("no fields described", vendor=VENDOR, operation=operation)
        searchable = _searchable_alone(found[0])
        try:
            fields = {str(item["name"]): _field(item, searchable) for item in found[0]["fields"]}
        except (LookupError, TypeError) as error:
            raise ContractError("a field has no name", vendor=VENDOR, operation=operation) from error
        return ObjectDescription(name="leads", fields=fields)

    def field_ids(self) -> dict[str, int]:
        """The id of each field by REST name, as activities name fields; only the older Describe tells it."""
        described = results(self._api.get(endpoints.DESCRIBE_LEAD_IDS), endpoints.DESCRIBE_LEAD_IDS.operation)
        return {
            str(item["rest"]["name"]): int(item["id"])
            for item in described
            # a field without `rest` cannot be reached by it
            if isinstance(item.get("rest"), Mapping) and "name" in item["rest"] and "id" in item
        }

    def soap_names(self) -> dict[str, str]:
        """The SOAP name of each field by REST name: response mappings of webhooks want it."""
        described = results(self._api.get(endpoints.DESCRIBE_LEAD_IDS), endpoints.DESCRIBE_LEAD_IDS.operation)
        return {
            str(item["rest"]["name"]): str(item["soap"]["name"])
            for item in described
            if all(isinstance(item.get(api), Mapping) and "name" in item[api] for api in ("rest", "soap"))
        }

    def by_id(self, lead_id: int, fields: Sequence[str] = ()) -> dict[str, Any] | None:
        """One lead, None if there is none of that id (it was never there, deleted or merged)."""
        endpoint = endpoints.LEAD_BY_ID
        try:
            answer = self._api.get(endpoint, parts={"lead": lead_id}, params=_fields(fields))
        except PermanentError as error:
            # what Marketo says then is not documented
            if error.code in _NOT_FOUND:
                return None
            raise
        found = results(answer, endpoint.operation)
        return found[0] if found else None

    def by_filter(self, filter_type: str, values: Iterable[str], fields: Sequence[str]) -> list[dict[str, Any]]:
        """All leads whose `filter_type` field has one of the values.

        Blank values and values with a comma find nothing: Marketo separates values by commas, without an escape.
        Values that match more leads than Marketo returns at once are asked for in halves.
        """
        pending = [list(chunk) for chunk in chunks_of(askable(values), endpoints.LEADS_BY_FILTER.rows)]
        leads: list[dict[str, Any]] = []
        while pending:
            chunk = pending.pop(0)
            params = {"filterType": filter_type, "filterValues": ",".join(chunk), **_fields(fields)}
            try:
                # all pages or none: after a refusal they come again with the halves
                leads.extend(list(self._api.rows(endpoints.LEADS_BY_FILTER, params=params)))
            except TooLargeError:
                if len(chunk) == 1:
                    raise
                half = len(chunk) // 2
                pending[:0] = [chunk[:half], chunk[half:]]
        return leads

    def of_list(self, list_id: int, fields: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """The members of a static list."""
        return self._api.rows(endpoints.LEADS_OF_LIST, parts={"list": list_id}, params=_fields(fields))

    def of_program(self, program_id: int, fields: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """The members of a program, each with its `membership`."""
        return self._api.rows(endpoints.LEADS_OF_PROGRAM, parts={"program": program_id}, params=_fields(fields))

    def sync(
        self,
        rows: Sequence[Row],
        *,
        action: LeadAction,
        lookup_field: str | None,
        partition: str | None = None,
    ) -> list[RowResult]:
        """Write leads; one result per row, in order.

        A value of `lookup_field` must not be written by another call at the same time: Marketo then creates
        duplicates. Rows of the same value go in calls one after the other. `id` is only allowed with updateOnly and
        lookup field "id".

        Raises:
            ConfigurationError: A row that may be created has an id; nothing was sent.
            UncertainWriteError: No answer, or not one result per row; some or all may have been written.
        """
        if (action, lookup_field) != ("updateOnly", "id"):
            _refuse_ids(rows)
        head: dict[str, Any] = {"action": action}
        if lookup_field is not None and action != "createDuplicate":
            head["lookupField"] = lookup_field
        if partition is not None:
            head["partitionName"] = partition
        key = head.get("lookupField")
        said = self._api.write(endpoints.SYNC_LEADS, rows, head=head, key=(key,) if key else ())
        return said if lookup_field is None else self._naming_matches(rows, said, lookup_field)

    def push(
        self,
        rows: Sequence[Row],
        *,
        program_name: str,
        lookup_field: str = "email",
        program_status: str | None = None,
        source: str | None = None,
        reason: str | None = None,
        partition: str | None = None,
    ) -> list[RowResult]:
        """Upsert leads into a program; each of them gets an activity "Push Lead to Marketo".

        Raises:
            ConfigurationError: A row has an id; nothing was sent.
        """
        _refuse_ids(rows)
        head = {
            "programName": program_name,
            "lookupField": lookup_field,
            "programStatus": program_status,
            "source": source,
            "reason": reason,
            "partitionName": partition,
        }
        return self._api.write(endpoints.PUSH_LEADS, rows, head={k: v for k, v in head.items() if v is not None})

    def merge(self, winner: int, losers: Sequence[int], *, in_crm: bool = False) -> list[RowResult]:
        """Merge leads into the winner, 25 at a time; one result per loser, in order. Losers no longer exist then.

        Raises:
            UncertainWriteError: No answer to the first call; its losers may be merged.
            PermanentError: The leads of the first call cannot be merged.
        """
        in_crm_too = {"mergeInCRM": "true"} if in_crm else {}

        def send(chunk: Sequence[int]) -> None:
            params = {"leadIds": ",".join(map(str, chunk)), **in_crm_too}
            self._api.send(endpoints.MERGE_LEADS, parts={"lead": winner}, params=params)

        return self._api.in_calls(endpoints.MERGE_LEADS, losers, send, status="merged")

    def delete(self, lead_ids: Sequence[int]) -> list[RowResult]:
        """Delete leads for good; one result per id, in order. One that is gone already is no failure (1004)."""
        return self._api.write(endpoints.DELETE_LEADS, [{"id": each} for each in lead_ids])

    def partitions(self) -> "list[Partition]":
        """The lead partitions that our API user may use."""
        from leadbridge.domain.marketo import Partition  # many records, which no other verb of leads needs

        return list(self._api.records(Partition, endpoints.PARTITIONS))

    def move(self, partitions: Mapping[int, str]) -> list[RowResult]:
        """Move leads, by id, to partitions, by name; one result per lead, in order."""
        rows = [{"id": lead_id, "partitionName": name} for lead_id, name in partitions.items()]
        return self._api.write(endpoints.MOVE_LEADS, rows)

    def associate(self, lead_id: int, cookie: str) -> None:
        """Tie a browser's `_mkto_trk` cookie, as it stands there, to a lead."""
        self._api.send(endpoints.ASSOCIATE_LEAD, parts={"lead": lead_id}, params={"cookie": cookie})

    def lists_of(self, lead_id: int) -> list[int]:
        """The ids of the static lists that a lead is in."""
        return [int(row["listId"]) for row in self._api.rows(endpoints.LISTS_OF_LEAD, parts={"lead": lead_id})]

    def programs_of(self, lead_id: int) -> list[dict[str, Any]]:
        """The programs that a lead is in, by `id`, with its status in each."""
        return list(self._api.rows(endpoints.PROGRAMS_OF_LEAD, parts={"lead": lead_id}))

    def _naming_matches(self, rows: Sequence[Row], said: list[RowResult], field: str) -> list[RowResult]:
        """The results, where several leads match with the ids of these leads; one query for all of them."""
        several = {place: str(rows[place].get(field)) for place, row in enumerate(said) if row.code == SEVERAL_MATCH}
        if not several:
            return said
        ids: dict[str, list[str]] = {}
        # without the ids the refusal still stands
        with suppress(SyncError):
            for lead in self.by_filter(field, several.values(), ["id", field]):
                if "id" in lead:
                    ids.setdefault(str(lead.get(field)).strip().lower(), []).append(str(lead["id"]))
        return [
            replace(row, message=f"{row.message} They are {', '.join(found)}.")
            if (found := ids.get(several.get(place, "").strip().lower()))
            else row
            for place, row in enumerate(said)
        ]


def _refuse_ids(rows: Sequence[Row]) -> None:
    if any("id" in row for row in rows):
        raise ConfigurationError(["id: Marketo gives it itself; send it with updateOnly and the lookup field id only"])


def _fields(names: Sequence[str]) -> dict[str, str]:
    return {"fields": ",".join(names)} if names else {}


def _field(described: Mapping[str, Any], searchable: frozenset[str]) -> FieldDescription:
    """One field of Describe2; `searchable` are the fields usable as an identifier or filter on their own."""
    name = str(described["name"])
    updateable = described.get("updateable") is True
    length = described.get("length")
    return FieldDescription(
        name=name,
        type=str(described.get("dataType", "")),
        createable=updateable,
        updateable=updateable,
        id_lookup=name in searchable,
        length=length if isinstance(length, int) else None,
        label=str(described.get("displayName", "")),
    )


def _searchable_alone(described: Mapping[str, Any]) -> frozenset[str]:
    """The searchable fields that need no other field beside them."""
    groups: Sequence[Any] = described.get("searchableFields") or ()
    return frozenset(str(group[0]) for group in groups if isinstance(group, list) and len(group) == 1)
