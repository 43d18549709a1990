"""Where people look at a record in the browser."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from leadbridge.domain.action import ID_PLACE, MarketoConnection, SalesforceConnection
from leadbridge.domain.connector import ACTIONS
from leadbridge.ports import Documents

_MY_DOMAIN = re.compile(r"https://[A-Za-z0-9.-]+\.my\.salesforce\.com/?")
#: of the systems, by kind of connection
_SYSTEMS = {"marketo_connection": "Marketo", "salesforce_connection": "Salesforce"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLink:
    """A record of a system, and the address at which it is looked at."""

    system: str
    record_id: str
    url: str


def links_of(item: Mapping[str, Any], documents: Documents) -> Iterator[RecordLink]:
    """The person and the record of an execution, by the connections that its Action has now."""
    stored = documents.get("action", item["action_id"])
    if stored is None or not isinstance(stored.document, ACTIONS):
        return
    action = stored.document
    for kind, name, record_id in (
        ("marketo_connection", action.source.connection, item.get("lead_id")),
        ("salesforce_connection", action.destination.connection, item.get("salesforce_id")),
    ):
        found = documents.get(kind, name) if record_id else None
        if found and isinstance(found.document, MarketoConnection | SalesforceConnection):
            yield from _link(found.document, str(record_id))


def _link(connection: MarketoConnection | SalesforceConnection, record_id: str) -> Iterator[RecordLink]:
    """Nothing where nobody has said where records are looked at; Marketo does not tell it."""
    template = connection.record_url
    # the hosts at which those of every org log in lead nowhere
    if (
        template is None
        and isinstance(connection, SalesforceConnection)
        and _MY_DOMAIN.fullmatch(connection.token_host)
    ):
        template = f"{connection.token_host.rstrip('/')}/{ID_PLACE}"
    if template is not None:
        url = template.replace(ID_PLACE, quote(record_id, safe=""))
        yield RecordLink(system=_SYSTEMS[connection.kind], record_id=record_id, url=url)
