"""Activities as a source of Syncs: page by page behind a paging token, or out of a file, each once by its GUID.

Ids of activities are no order, and an entry may be shown minutes after its date: what tells two readings apart is the
window, and what tells two entries apart is the GUID. Source: Marketo REST API, "Activities".
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING, Any

from leadbridge.domain.source_query import ACTIVITY_COLUMNS, ATTRIBUTES, LEAD_PREFIX, TYPE_NAME, SourceQuery
from leadbridge.errors import ContractError, PermanentError
from leadbridge.sync_ports import Page
from leadbridge.vendors.http.batches import chunks_of
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.activities import attributes_of
from leadbridge.vendors.marketo.answers import results
from leadbridge.vendors.marketo.paging import DatePaging
from leadbridge.vendors.marketo.values import instant

if TYPE_CHECKING:
    from leadbridge.vendors.marketo.client import MarketoClient

#: how often a token that Marketo no longer takes is replaced
_RESTARTS = 3


def activity_pages(client: "MarketoClient", query: SourceQuery, cursor: str) -> Iterator[Page]:
    """Activities of the query's types and window, a page at a time; the cursor is the token of the next page.

    A token that Marketo no longer takes is replaced by one of the window's begin. What this process has given is left
    out then, what another one gave is told apart by its GUID where rows of one key meet.
    """
    since = instant(query.first.params["sinceDatetime"])
    params = {"activityTypeIds": ",".join(map(str, query.activity_types))}
    names = {each.id: each.name for each in client.activity_types()} if TYPE_NAME in query.columns else {}
    seen: set[str] = set()
    token: str | None = cursor or client.api.paging_token(since)
    paging = DatePaging(endpoints.ACTIVITIES.operation, str(token))
    fresh, restarts = not cursor, 0
    while token:
        try:
            answer = client.api.get(endpoints.ACTIVITIES, params={**params, "nextPageToken": token})
        except PermanentError:
            # the token of this moment was refused, so it is not its age
            if fresh or restarts == _RESTARTS:
                raise
            token, fresh, restarts = client.api.paging_token(since), True, restarts + 1
            paging = DatePaging(endpoints.ACTIVITIES.operation, token)
            continue
        new = [
            item
            for item in results(answer, endpoints.ACTIVITIES.operation)
            if _guid(item) not in seen and _within(item, query.until)
        ]
        seen |= {_guid(item) for item in new}
        token, fresh = paging.next_token(answer.payload), False
        yield Page(rows=_rows(client, query.columns, new, names), cursor=token or "")


def activities_of_file(
    client: "MarketoClient", columns: Sequence[str], rows: Iterable[Mapping[str, str]]
) -> Iterator[Mapping[str, Any]]:
    """Activities as an extract's file has them, its attributes in one cell; people are read 300 a call."""
    names = {each.id: each.name for each in client.activity_types()} if TYPE_NAME in columns else {}
    for chunk in batched(rows, endpoints.LEADS_BY_FILTER.rows, strict=False):
        yield from _rows(client, columns, [_of_file(row) for row in chunk], names)


def _of_file(row: Mapping[str, str]) -> dict[str, Any]:
    """A row as the log would give it.

    Raises:
        ContractError: Its attributes are no JSON object.
    """
    try:
        attributes = json.loads(row.get("attributes") or "{}")
    except ValueError:
        attributes = None
    if not isinstance(attributes, dict):
        raise ContractError("attributes that are no JSON object", vendor="marketo", operation="activities_file")
    return {**row, "attributes": [{"name": name, "value": value} for name, value in attributes.items()]}


def _guid(item: Mapping[str, Any]) -> str:
    return str(item.get("marketoGUID") or item.get("id", ""))


def _within(item: Mapping[str, Any], until: datetime | None) -> bool:
    return until is None or instant(str(item["activityDate"])) < until


def _rows(
    client: "MarketoClient", columns: Sequence[str], items: Sequence[Mapping[str, Any]], names: Mapping[int, str]
) -> list[dict[str, Any]]:
    """Activities as rows; columns `lead.<field>` hold what the person of the activity has in that field.

    `names` are those of the types; one that has none is called by its id.
    """
    wanted = [name.removeprefix(LEAD_PREFIX) for name in columns if name.startswith(LEAD_PREFIX)]
    people: dict[int, Mapping[str, Any]] = {}
    if wanted:
        ids = sorted({int(item["leadId"]) for item in items})
        for chunk in chunks_of(ids, endpoints.LEADS_BY_FILTER.rows):
            found = client.leads_by_filter("id", [str(each) for each in chunk], ["id", *wanted])
            people |= {int(lead["id"]): lead for lead in found}
    rows = []
    for item in items:
        row = {name: item.get(name) for name in ACTIVITY_COLUMNS} | {"marketoGUID": _guid(item)}
        kind = int(item["activityTypeId"])
        row[TYPE_NAME] = names.get(kind, str(kind))
        row |= {f"activity.{name}": value for name, value in attributes_of(item).items()}
        if ATTRIBUTES in columns:
            row[ATTRIBUTES] = _all_attributes(item)
        person = people.get(int(item["leadId"]), {})
        rows.append(row | {f"{LEAD_PREFIX}{name}": person.get(name) for name in wanted})
    return rows


def _all_attributes(item: Mapping[str, Any]) -> str:
    """The attributes as one text, for a destination that has one object for all types of activities."""
    every = [{"name": each.get("name"), "value": each.get("value")} for each in item.get("attributes") or ()]
    return json.dumps(every, ensure_ascii=False, separators=(",", ":"))
