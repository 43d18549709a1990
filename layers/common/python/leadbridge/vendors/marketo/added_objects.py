"""Objects of one's own that were added, as Marketo's log tells: it names the person, and by that they are read.

A record that was changed since is in no log; extracts tell of it. Source: Marketo REST API, "Activities", "Custom
Objects".
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from leadbridge.domain.source_query import SourceQuery
from leadbridge.domain.sync import LoggedSource
from leadbridge.domain.values import blank, text
from leadbridge.errors import ConfigurationError
from leadbridge.sync_ports import Page
from leadbridge.vendors.marketo.activity_syncing import activity_pages
from leadbridge.vendors.marketo.values import instant

if TYPE_CHECKING:
    from leadbridge.vendors.marketo.client import MarketoClient

_ID = "id"
#: how Marketo calls it that a record was added, before the object's name
_ADDED = ("Add to ", "Added to ")


def added_pages(client: "MarketoClient", query: SourceQuery, logged: LoggedSource, cursor: str) -> Iterator[Page]:
    """Records of a query's object that were added in its window, page by page of the log.

    Of what lies behind a bridge those are given to which a bridge was added.

    Raises:
        ConfigurationError: Marketo logs nothing of the object.
    """
    since = instant(query.first.params["sinceDatetime"])
    told_of = replace(query, columns=("marketoGUID", "leadId"), activity_types=_types(client, logged.told_of))
    for page in activity_pages(client, told_of, cursor):
        people = sorted({str(row["leadId"]) for row in page.rows})
        rows = _of_people(client, query, logged, people) if people else []
        # others of the same people are no news; what lies behind a new bridge may be old, and never have been read
        news = [row for row in rows if logged.behind is not None or instant(str(row["updatedAt"])) >= since]
        yield Page(rows=news, cursor=page.cursor)


def added_types(client: "MarketoClient", object_name: str) -> tuple[int, ...]:
    """The ids of the types of activities that tell of new records of an object."""
    label = client.custom_objects(object_name).describe().display_name
    names = {f"{each}{label}".casefold() for each in _ADDED}
    return tuple(each.id for each in client.activity_types() if each.name.casefold() in names)


def _types(client: "MarketoClient", object_name: str) -> tuple[int, ...]:
    found = added_types(client, object_name)
    if not found:
        raise ConfigurationError([f"source.object: Marketo logs nothing of {object_name}; link it to people"])
    return found


def _of_people(
    client: "MarketoClient", query: SourceQuery, logged: LoggedSource, people: list[str]
) -> list[Mapping[str, Any]]:
    values = people
    if logged.person_field != _ID:
        found = client.leads_by_filter(_ID, people, [_ID, logged.person_field])
        values = sorted({text(each[logged.person_field]) for each in found if not blank(each.get(logged.person_field))})
    columns = list(dict.fromkeys((*query.read, "updatedAt")))
    if logged.behind is None:
        return list(client.custom_objects(query.object).by_filter(logged.person_link, values, columns))
    link, key = logged.behind
    bridges = client.custom_objects(logged.told_of).by_filter(logged.person_link, values, [link, "updatedAt"])
    keys = sorted({text(each[link]) for each in bridges if not blank(each.get(link))})
    return list(client.custom_objects(query.object).by_filter(key, keys, columns)) if keys else []
