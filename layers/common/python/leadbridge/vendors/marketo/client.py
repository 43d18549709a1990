"""The Marketo calls we make, as verbs named for Marketo's operations."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlencode

from leadbridge.domain.records import (
    Activity,
    CustomActivity,
    CustomActivityType,
    ObjectDescription,
    Row,
    RowResult,
)
from leadbridge.errors import ConfigurationError, ContractError, SyncError, UncertainWriteError
from leadbridge.vendors.http.batches import chunks_of, send_in_chunks, too_large_row
from leadbridge.vendors.http.bodies import dump_json
from leadbridge.vendors.http.calls import Answer, Call
from leadbridge.vendors.http.decisions import TooLargeError
from leadbridge.vendors.http.hosts import MARKETO_HOST, ForbiddenHostError, checked_base
from leadbridge.vendors.http.limiter import Limiter
from leadbridge.vendors.http.transport import HttpSettings, Transport
from leadbridge.vendors.marketo.answers import (
    activity,
    interpret,
    lead_field,
    results,
    row_result,
    searchable_alone,
)
from leadbridge.vendors.marketo.auth import VENDOR, CredentialSource, MarketoAuth
from leadbridge.vendors.marketo.paging import DatePaging, PositionPaging
from leadbridge.vendors.marketo.quota import WORDS, calls_today

type LeadAction = Literal["createOrUpdate", "createOnly", "updateOnly", "createDuplicate"]

# "Maximum batch size" and "filterValues" of the lead database
BATCH_ROWS = 300
FILTER_VALUES = 300
# a body is refused with 413 above 1 MB, an address with 414 above 8 KB; both counted decimally, to be safe
BODY_BYTES = 1_000_000
URI_BYTES = 8_000
# "Get Lead Activities": 30 lead ids, 10 activity types
ACTIVITY_LEAD_IDS = 30
ACTIVITY_TYPES = 10

# Marketo's own server-side timeouts plus ten seconds: giving up earlier turns slow successes into doubts
READ_SECONDS = 60.0  # most reads: 30
LEADS_BY_FILTER_SECONDS = 70.0  # 60
SYNC_LEADS_SECONDS = 100.0  # 90
PAGING_TOKEN_SECONDS = 310.0  # 300
ADD_ACTIVITIES_SECONDS = 100.0  # 90

# "multiple lead match lookup criteria"
SEVERAL_MATCH = "1007"

_API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}")
_JSON = {"Content-Type": "application/json"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class MarketoClient:
    """One Marketo instance seen by one API user. Keep one per connection and process: it holds the token."""

    def __init__(self, http: HttpSettings, *, base_url: str, credentials: CredentialSource, limiter: Limiter) -> None:
        """Check the address; sends nothing.

        Raises:
            ConfigurationError: `base_url` is not the host of a Marketo instance.
        """
        try:
            base = checked_base(base_url, MARKETO_HOST, http.allowed_hosts)
        except ForbiddenHostError as error:
            raise ConfigurationError(
                [f"base_url {error}; use the address https://123-ABC-456.mktorest.com of your instance"]
            ) from error
        auth = MarketoAuth(base_url=base, credentials=credentials, clock=http.clock, sleep=http.sleep)
        self._transport = Transport(
            http,
            vendor=VENDOR,
            base_url=base,
            auth=auth,
            limiter=limiter,
            interpret=interpret,
            words=WORDS,
        )

    @property
    def calls_made(self) -> int:
        """Calls so far, token requests excluded."""
        return self._transport.calls_made

    def describe_leads(self) -> ObjectDescription:
        """The fields of a lead by REST name; `id_lookup` marks those usable as lookup field or filter."""
        found = results(self._read("describe_leads", "/rest/v1/leads/describe2.json"), "describe_leads")
        if not found or not isinstance(found[0].get("fields"), list):
            raise ContractError("no fields described", vendor=VENDOR, operation="describe_leads")
        searchable = searchable_alone(found[0])
        try:
            fields = {str(item["name"]): lead_field(item, searchable) for item in found[0]["fields"]}
        except (LookupError, TypeError) as error:
            raise ContractError("a field has no name", vendor=VENDOR, operation="describe_leads") from error
        return ObjectDescription(name="leads", fields=fields)

    def leads_by_filter(self, filter_type: str, values: Iterable[str], fields: Sequence[str]) -> list[dict[str, Any]]:
        """All leads whose `filter_type` field has one of the values.

        Blank values and values with a comma find nothing: Marketo separates values by commas, without an
        escape.
        Values that match more leads than Marketo returns at once are asked for in halves.
        """
        wanted = [value for value in dict.fromkeys(values) if value.strip() and "," not in value]
        pending = [list(chunk) for chunk in chunks_of(wanted, FILTER_VALUES)]
        leads: list[dict[str, Any]] = []
        while pending:
            chunk = pending.pop(0)
            try:
                leads.extend(self._leads_of(filter_type, chunk, fields))
            except TooLargeError:
                if len(chunk) == 1:
                    raise
                half = len(chunk) // 2
                pending[:0] = [chunk[:half], chunk[half:]]
        return leads

    def sync_leads(
        self,
        rows: Sequence[Row],
        *,
        action: LeadAction,
        lookup_field: str | None,
        partition: str | None = None,
    ) -> list[RowResult]:
        """Write leads; one result per row, in order.

        A value of `lookup_field` must not occur twice, nor be written by another call at the same time:
        Marketo then creates duplicates. `id` is only allowed with updateOnly and lookup field "id".

        Raises:
            UncertainWriteError: No answer, or not one result per row; some or all may have been written.
        """
        head: dict[str, Any] = {"action": action}
        if lookup_field is not None and action != "createDuplicate":
            head["lookupField"] = lookup_field
        if partition is not None:
            head["partitionName"] = partition
        said = self._write("sync_leads", "/rest/v1/leads.json", head, [dict(row) for row in rows], SYNC_LEADS_SECONDS)
        return said if lookup_field is None else self._naming_matches(rows, said, lookup_field)

    def custom_activity_type(self, api_name: str) -> CustomActivityType:
        """A custom activity type with its attributes; records can be added only if its status is approved."""
        if not _API_NAME.fullmatch(api_name):
            raise ConfigurationError(["activity type: only letters, digits and underscores are allowed"])
        path = f"/rest/v1/activities/external/type/{api_name}/describe.json"
        found = results(self._read("custom_activity_type", path), "custom_activity_type")
        try:
            described = found[0]
            return CustomActivityType(
                id=int(described["id"]),
                api_name=str(described["apiName"]),
                primary_attribute=str(described["primaryAttribute"]["apiName"]),
                attributes={
                    str(item["apiName"]): str(item.get("dataType", "string"))
                    for item in described.get("attributes") or ()
                    if item.get("isPrimary") is not True
                },
                status=str(described.get("status", "")),
            )
        except (LookupError, TypeError, ValueError) as error:
            raise ContractError(
                "the activity type is not described", vendor=VENDOR, operation="custom_activity_type"
            ) from error

    def add_custom_activities(self, activities: Sequence[CustomActivity]) -> list[RowResult]:
        """Add custom activities; one result per activity, in order. Adding one again makes a second one.

        Raises:
            UncertainWriteError: No answer, or not one result per activity.
        """
        rows = [
            {
                "leadId": item.lead_id,
                "activityDate": _timestamp(item.activity_date),
                "activityTypeId": item.activity_type_id,
                "primaryAttributeValue": item.primary_attribute_value,
                "attributes": [{"apiName": name, "value": value} for name, value in item.attributes.items()],
            }
            for item in activities
        ]
        path = "/rest/v1/activities/external.json"
        return self._write("add_custom_activities", path, {}, rows, ADD_ACTIVITIES_SECONDS)

    def activities(
        self, since: datetime, activity_type_ids: Sequence[int], lead_ids: Sequence[int] = ()
    ) -> Iterator[Activity]:
        """Activities of these types, of these leads if any are given, that happened at `since` or later.

        The order is by time within 30 leads and 10 types. An activity may appear minutes after its date.
        """
        first = self._paging_token(since)
        lead_chunks: list[Sequence[int]] = list(chunks_of(lead_ids, ACTIVITY_LEAD_IDS)) or [()]
        for types in chunks_of(activity_type_ids, ACTIVITY_TYPES):
            for leads in lead_chunks:
                yield from self._activities_of(first, types, leads)

    def usage(self) -> int:
        """Calls of all API users of this instance today, as Marketo counts them."""
        return calls_today(self._read("usage", "/rest/v1/stats/usage.json"))

    def _naming_matches(self, rows: Sequence[Row], said: list[RowResult], field: str) -> list[RowResult]:
        """The results, where several leads match with the ids of these leads; one query for all of them."""
        several = {place: str(rows[place].get(field)) for place, row in enumerate(said) if row.code == SEVERAL_MATCH}
        if not several:
            return said
        ids: dict[str, list[str]] = {}
        # without the ids the refusal still stands
        with suppress(SyncError):
            for lead in self.leads_by_filter(field, several.values(), ["id", field]):
                if "id" in lead:
                    ids.setdefault(str(lead.get(field)).strip().lower(), []).append(str(lead["id"]))
        return [
            replace(row, message=f"{row.message} They are {', '.join(found)}.")
            if (found := ids.get(several.get(place, "").strip().lower()))
            else row
            for place, row in enumerate(said)
        ]

    def _leads_of(self, filter_type: str, values: Sequence[str], fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        params = {"filterType": filter_type, "filterValues": ",".join(values), "fields": ",".join(fields)}
        paging = PositionPaging("leads_by_filter")
        pages: list[dict[str, Any]] = []
        token: str | None = ""
        while token is not None:
            page_params = {**params, "nextPageToken": token} if token else params
            answer = self._read("leads_by_filter", "/rest/v1/leads.json", page_params, LEADS_BY_FILTER_SECONDS)
            pages.extend(results(answer, "leads_by_filter"))
            token = paging.next_token(answer.payload)
        return iter(pages)

    def _paging_token(self, since: datetime) -> str:
        answer = self._read(
            "paging_token",
            "/rest/v1/activities/pagingtoken.json",
            {"sinceDatetime": _timestamp(since)},
            PAGING_TOKEN_SECONDS,
        )
        token = answer.payload.get("nextPageToken")
        if not isinstance(token, str) or not token:
            raise ContractError("no paging token", vendor=VENDOR, operation="paging_token")
        return token

    def _activities_of(self, first: str, types: Sequence[int], leads: Sequence[int]) -> Iterator[Activity]:
        params = {"activityTypeIds": ",".join(map(str, types))}
        if leads:
            params["leadIds"] = ",".join(map(str, leads))
        paging = DatePaging("activities", first)
        token: str | None = first
        while token is not None:
            answer = self._read("activities", "/rest/v1/activities.json", {**params, "nextPageToken": token})
            for item in results(answer, "activities"):
                try:
                    yield activity(item)
                except (LookupError, TypeError, ValueError) as error:
                    raise ContractError("an activity lacks a member", vendor=VENDOR, operation="activities") from error
            token = paging.next_token(answer.payload)

    def _read(
        self,
        operation: str,
        path: str,
        params: Mapping[str, str] | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> Answer:
        """Send a read; one whose address would be too long goes as POST with its query as a form."""
        query = urlencode(params or {})
        if len(path) + len(query) + 1 <= URI_BYTES:
            call = Call(
                operation=operation,
                method="GET",
                path=path,
                params=params,
                is_write=False,
                read_seconds=read_seconds,
                sent=_values_of(params or {}),
            )
        else:
            call = Call(
                operation=operation,
                method="POST",
                path=path,
                params={"_method": "GET"},
                content=query.encode(),
                headers=_FORM,
                is_write=False,
                read_seconds=read_seconds,
                sent=_values_of(params or {}),
            )
        return self._transport.send(call)

    def _write(
        self,
        operation: str,
        path: str,
        head: dict[str, Any],
        rows: Sequence[dict[str, Any]],
        read_seconds: float,
    ) -> list[RowResult]:
        def send(chunk: Sequence[dict[str, Any]]) -> list[RowResult]:
            content = dump_json({**head, "input": list(chunk)})
            if len(content) >= BODY_BYTES:
                if len(chunk) == 1:
                    return [too_large_row("http_413", "the record alone is larger than Marketo takes")]
                half = len(chunk) // 2
                return send_in_chunks([chunk[:half], chunk[half:]], send)
            answer = self._transport.send(
                Call(
                    operation=operation,
                    method="POST",
                    path=path,
                    content=content,
                    headers=_JSON,
                    is_write=True,
                    read_seconds=read_seconds,
                    sent=chunk,
                )
            )
            found = answer.payload.get("result")
            if not isinstance(found, list) or len(found) != len(chunk):
                # results carry no key, only their position: with one missing, none can be told
                raise UncertainWriteError(
                    f"{len(found) if isinstance(found, list) else 0} results for {len(chunk)} records",
                    vendor=VENDOR,
                    operation=operation,
                    code="short_result",
                    request_id=answer.request_id,
                )
            return [
                row_result(said if isinstance(said, dict) else {}, row) for said, row in zip(found, chunk, strict=True)
            ]

        return send_in_chunks(list(chunks_of(rows, BATCH_ROWS)), send)


def _timestamp(at: datetime) -> str:
    """Whole seconds in UTC: filters refuse milliseconds, and Marketo stores none."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _values_of(params: Mapping[str, str]) -> list[str]:
    """The single values of a comma list, so that each can be masked in an answer."""
    return [part for value in params.values() for part in value.split(",")]
