"""Check a CRM cycle against both systems, and that no other one keeps the same two in step."""

from collections.abc import Iterator

from leadbridge.domain.action import MarketoConnection, SalesforceConnection
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_checks import cycle_lines, mode_lines, objects_of, zone_lines
from leadbridge.domain.cycle_custom_objects import object_lines
from leadbridge.domain.lifecycle import DocumentState, Move
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.three_way import Side
from leadbridge.errors import ConfigurationError, PermanentError
from leadbridge.ports import Configurations, Connections, Documents
from leadbridge.usecases.check_activities import activity_lines
from leadbridge.usecases.check_programs import program_lines
from leadbridge.usecases.check_sync import describe
from leadbridge.usecases.custom_objects import asking, described_objects

#: the kinds of a cycle's connections, by the member that names them
ENDS = (("marketo", "marketo_connection"), ("salesforce", "salesforce_connection"))


def described_lines(cycle: CrmCycle, connections: Connections) -> Iterator[str]:
    """Findings as lines.

    Raises:
        ConfigurationError: A connection lacks something, its secret above all.
    """
    zone = list(zone_lines(cycle))
    if zone:
        yield from zone  # without it days cannot be told
        return
    native = connections.marketo(cycle.marketo).read_only("companies")
    yield from mode_lines(cycle, native=native)
    described = dict[tuple[Side, str], ObjectDescription]()
    for side, names in objects_of(cycle).items():
        for name in names:
            if native and name in {"companies", "sales_persons", "opportunities", "opportunity_roles"}:
                continue  # what is said of the mode is enough
            try:
                described[side, name] = describe(connections, side.value, getattr(cycle, side.value), name)
            except PermanentError as error:
                yield f"{side.value}: {name} cannot be described: {error}; give the integration user access to it"
    yield from cycle_lines(cycle, described)
    yield from activity_lines(cycle, connections)
    yield from program_lines(cycle, connections)
    yield from object_lines(cycle, described_objects(cycle, asking(connections, cycle)))


def rival(configurations: Configurations, documents: Documents, cycle: CrmCycle) -> str | None:
    """Another active cycle of the same two instances, whatever their connections are called; None if there is none."""
    pair = _instances(documents, cycle)
    for stored in configurations.list("crm_cycle"):
        other = stored.document
        another = isinstance(other, CrmCycle) and other.id != cycle.id and stored.active
        if isinstance(other, CrmCycle) and another and _instances(documents, other) == pair:
            return other.id
    return None


def rival_line(name: str) -> str:
    """The finding of a rival."""
    return (
        f"marketo: the active cycle {name} keeps the same two instances in step, and each would take the other's "
        f"writes for edits; `leadbridge cycle deactivate {name}` first"
    )


def relinked_line(before: CrmCycle, cycle: CrmCycle) -> str | None:
    """The finding of a document that would forget who is who; `before` is the version that was at work."""
    was = before.persons.id_field if before.persons else None
    now = cycle.persons.id_field if cycle.persons else None
    if was is None or now is None or was == now:
        return None
    return (
        f"persons.id_field: people are linked by {was}, and nobody would be known by {now}; say {was} again, "
        "or begin a cycle of another id"
    )


def move_cycle(configurations: Configurations, identifier: str, move: Move) -> DocumentState:
    """Take a cycle a step on; one that would be beside another one of the same instances is refused.

    Raises:
        ConfigurationError: As said, or its state forbids the step.
    """
    stored = configurations.get("crm_cycle", identifier)
    if move in {Move.ACTIVATE, Move.RESUME} and stored is not None and isinstance(stored.document, CrmCycle):
        other = rival(configurations, configurations, stored.document)
        if other is not None:
            raise ConfigurationError([f"crm_cycle {identifier}: {rival_line(other)}"])
    return configurations.move("crm_cycle", identifier, move)


def _instances(documents: Documents, cycle: CrmCycle) -> tuple[str, ...]:
    """The two instances by their addresses, or by the connections where those are not there."""
    found = []
    for member, kind in ENDS:
        stored = documents.get(kind, getattr(cycle, member))
        document = stored.document if stored else None
        match document:
            case MarketoConnection():
                found.append(document.base_url.casefold())
            case SalesforceConnection():
                found.append(f"{document.token_host.casefold()} {document.username or document.client_id}")
            case _:
                found.append(getattr(cycle, member))
    return tuple(found)
