"""Check a Sync against both vendors: objects, fields, what its source names, and its schedule."""

from collections.abc import Collection, Iterator
from datetime import datetime

from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.handing_over import check_handing_over, not_taken
from leadbridge.domain.handing_over import described as columns_of_calls
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_checks import End, check_shape, check_sync
from leadbridge.domain.sync_objects import AS_DESTINATION
from leadbridge.domain.transforms import zone_finding
from leadbridge.errors import PermanentError
from leadbridge.ports import Connections, Marketo

#: the same kind of connection stands at either end
CONNECTION_KINDS: tuple[tuple[str, Vendor], ...] = (
    ("marketo_connection", "marketo"),
    ("salesforce_connection", "salesforce"),
)


def sync_lines(
    sync: Sync,
    ends: tuple[Vendor, Vendor],
    connections: Connections,
    *,
    lists: Collection[str],
    now: datetime,
    action: ConnectorAction | None = None,
) -> Iterator[str]:
    """Findings as lines; `ends` are the vendors of source and destination, `lists` the lists that there are.

    `action` is the connector Action that the destination names, if there is one of that name.

    Raises:
        ConfigurationError: A connection lacks something, its secret above all.
    """
    if sync.time_zone is not None and (said := zone_finding(sync.time_zone)):
        # without it neither days nor slots can be told
        yield f"time_zone: {said}"
        return
    shape = list(check_shape(sync, *ends, now))
    yield from shape
    if any(line.startswith(("source.object", "destination.object", "destination.connection")) for line in shape):
        return  # there is nothing to describe, or it would be described in vain
    if sync.destination.action and action is None:
        yield not_taken(sync, active=None)
        return
    if action is not None:
        yield from check_handing_over(sync, action)
    described: list[ObjectDescription] = []
    for where, vendor, end in (("source", ends[0], sync.source), ("destination", ends[1], sync.destination)):
        if where == "destination" and action is not None:
            described.append(columns_of_calls(action))
            continue
        try:
            name = AS_DESTINATION.get(end.object, end.object) if where == "destination" else end.object
            described.append(describe(connections, vendor, end.connection, name))
        except PermanentError as error:
            yield (
                f"{where}.object: cannot be described: {error}; correct its name, or give the integration user access "
                "to it"
            )
    if len(described) < 2:
        return
    if ends[0] == "marketo":
        yield from _named(sync, connections.marketo(sync.source.connection))
    else:
        yield from _destination(sync, connections.marketo(sync.destination.connection))
    source = End(vendor=ends[0], described=described[0])
    yield from check_sync(sync, source, End(vendor=ends[1], described=described[1]), lists=lists)


def describe(connections: Connections, vendor: Vendor, connection: str, object_name: str) -> ObjectDescription:
    """An object of either vendor.

    Raises:
        PermanentError: There is none of that name, or our user does not see it.
    """
    if vendor == "marketo":
        return connections.marketo(connection).describe(object_name)
    return connections.salesforce(connection).describe(object_name)


def _named(sync: Sync, marketo: Marketo) -> Iterator[str]:
    """What the source names and Marketo does not have."""
    source = sync.source
    try:
        if source.static_list is not None and not _has_list(marketo, source.static_list):
            yield "source.static_list: Marketo has no such static list, or several; correct it, or give the list's id"
        if source.program is not None and marketo.program(source.program) is None:
            yield "source.program: Marketo has no such program; correct it, or give the program's id"
        if source.activity_types:
            known = {name for each in marketo.activity_types() for name in (each.id, each.name)}
            for index, named in enumerate(source.activity_types):
                if named not in known:
                    yield f"source.activity_types[{index}]: Marketo has no activity type {named}; correct it"
    except PermanentError as error:
        yield f"source: cannot be looked up: {error}; give the API user's role access to it"


def _destination(sync: Sync, marketo: Marketo) -> Iterator[str]:
    """What the destination names and Marketo does not have."""
    into = sync.destination
    if marketo.read_only(into.object):
        yield (
            f"destination.object: Marketo's own CRM sync is on, which keeps {into.object} for itself: nothing else can "
            "write them; choose leads or a custom object, or have that sync switched off"
        )
    try:
        if into.object == "list_members" and into.static_list is not None and not _has_list(marketo, into.static_list):
            yield ("destination.static_list: Marketo has no such static list, or several; correct it, or give its id")
        if into.object == "program_members" and into.program is not None and marketo.program(into.program) is None:
            yield "destination.program: Marketo has no such program; correct it, or give the program's id"
    except PermanentError as error:
        yield f"destination: cannot be looked up: {error}; give the API user's role access to it"


def _has_list(marketo: Marketo, named: str | int) -> bool:
    return marketo.has_list(named) if isinstance(named, int) else marketo.static_list(named) is not None
