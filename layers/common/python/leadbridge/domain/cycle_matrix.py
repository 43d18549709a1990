"""Which kinds of records a cycle keeps in step, which way, and by which pairs of fields: its document as a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leadbridge.domain.crm_cycle import CrmCycle, CycleField
from leadbridge.domain.cycle_syncs import queues_of
from leadbridge.domain.three_way import Direction

#: kinds of records whose way is always the same
_WAYS = {
    "sales_persons": Direction.TO_MARKETO,
    "activities": Direction.TO_SALESFORCE,
    "opportunities": Direction.TO_MARKETO,
    "opportunity_roles": Direction.TO_MARKETO,
    "programs": Direction.TO_SALESFORCE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KindPairs:
    """A kind of records: whether it is kept in step, which way, by which queues it is read, and its pairs of fields."""

    name: str
    #: on, off, absent; on demand: only in a run that asks for it
    standing: str
    way: Direction
    queues: Sequence[str]
    #: each with the Salesforce object whose field it is; those that are switched off, too
    pairs: Sequence[tuple[str, CycleField]]


def matrix(cycle: CrmCycle) -> list[KindPairs]:
    """Every kind of records that there is, in the order of Adobe's steps."""
    queues = [(kind, queue.name) for kind, queue in queues_of(cycle)]
    found = []
    for name in CrmCycle.entities:
        pairs = [*_pairs(cycle, name)]
        found.append(
            KindPairs(
                name=name,
                standing=_standing(cycle, name),
                way=_WAYS.get(name) or _way([each for _, each in pairs if each.enabled]),
                queues=[queue for kind, queue in queues if kind == name],
                pairs=pairs,
            )
        )
    return found


def _standing(cycle: CrmCycle, kind: str) -> str:
    if getattr(cycle, kind) is None:
        return "absent"
    if not cycle.keeps(kind):
        return "off"
    return "on_demand" if kind in CrmCycle.on_demand else "on"


def _way(fields: Sequence[CycleField]) -> Direction:
    """Where all pairs go; both, where they differ."""
    ways = {each.direction for each in fields}
    return ways.pop() if len(ways) == 1 else Direction.BOTH


def _pairs(cycle: CrmCycle, kind: str) -> Iterator[tuple[str, CycleField]]:
    """The pairs of fields of a kind of records; those of activities and programs are mappings, and none of them."""
    persons = cycle.persons
    match kind:
        case "persons" if persons:
            for name, part in (("Lead", persons.leads), ("Contact", persons.contacts)):
                yield from ((name, each) for each in (part.fields if part else ()))
        case "companies" if cycle.companies:
            yield from (("Account", each) for each in cycle.companies.fields)
        case "opportunities" if cycle.opportunities:
            yield from (("Opportunity", each) for each in cycle.opportunities.fields)
        case "custom_objects" if cycle.custom_objects:
            for custom in cycle.custom_objects.objects.values():
                # its direction is that of the whole object
                way = {"direction": custom.direction}
                yield from ((custom.salesforce, each.model_copy(update=way)) for each in custom.fields)
