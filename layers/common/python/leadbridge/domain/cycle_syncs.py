"""The Syncs of a cycle by the names that its runs call them: `<cycle>.<name>`, which no document can be called."""

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_people import people_legs, people_queues
from leadbridge.domain.sync import Sync

#: stands between the cycle and the name; identifiers of documents have none
DOT = "."


def is_derived(sync: str) -> bool:
    """Whether a Sync's id is one of a cycle's."""
    return DOT in sync


def derived_sync(cycle: CrmCycle, sync: str) -> Sync | None:
    """A cycle's Sync by its id; None if there is none."""
    read = (queue.sync for queue in people_queues(cycle))
    written = (leg.sync for leg in people_legs(cycle))
    return next((each for each in (*read, *written) if each.id == sync), None)
