"""The Syncs of a cycle by the names that its runs call them: `<cycle>.<name>`, which no document can be called."""

from collections.abc import Iterator

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_companies import company_legs, company_queues, sales_person_legs, sales_person_queues
from leadbridge.domain.cycle_legs import Leg, Queue
from leadbridge.domain.cycle_people import people_legs, people_queues
from leadbridge.domain.sync import Sync

#: stands between the cycle and the name; identifiers of documents have none
DOT = "."


def is_derived(sync: str) -> bool:
    """Whether a Sync's id is one of a cycle's."""
    return DOT in sync


def derived_sync(cycle: CrmCycle, sync: str) -> Sync | None:
    """A cycle's Sync by its id; None if there is none."""
    every: tuple[Queue | Leg, ...] = (*queues(cycle), *legs(cycle))
    return next((each.sync for each in every if each.sync.id == sync), None)


def queues(cycle: CrmCycle) -> Iterator[Queue]:
    """All that a cycle reads."""
    for read in (sales_person_queues, company_queues, people_queues):
        yield from read(cycle)


def legs(cycle: CrmCycle) -> Iterator[Leg]:
    """All that a cycle may write."""
    for written in (sales_person_legs, company_legs, people_legs):
        yield from written(cycle)
