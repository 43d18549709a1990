"""The Syncs of a cycle by the names that its runs call them: `<cycle>.<name>`, which no document can be called."""

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_legs import Leg, Queue
from leadbridge.domain.cycle_people import people_legs, people_queues
from leadbridge.domain.sync import Sync

#: stands between the cycle and the name; identifiers of documents have none
DOT = "."


def is_derived(sync: str) -> bool:
    """Whether a Sync's id is one of a cycle's."""
    return DOT in sync


def derived_syncs(cycle: CrmCycle) -> tuple[tuple[Queue, ...], tuple[Leg, ...]]:
    """What a cycle reads, and what it writes."""
    return tuple(people_queues(cycle)), tuple(people_legs(cycle))


def derived_sync(cycle: CrmCycle, sync: str) -> Sync | None:
    """A cycle's Sync by its id; None if there is none."""
    queues, legs = derived_syncs(cycle)
    found = (*(queue.sync for queue in queues), *(leg.sync for leg in legs))
    return next((each for each in found if each.id == sync), None)
