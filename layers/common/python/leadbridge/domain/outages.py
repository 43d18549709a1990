"""For how long the vendors remember what a cycle has to know, and what is to be done when it comes too late.

Marketo tells deletions for 14 days and changed values for 90, Salesforce lists deletions for 15 days and drops the list
early where it is long. Its own changes are read by their stamps, which never end; the 30 days for which it lists
changed ids concern nobody who reads records.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from leadbridge.domain.cycle_legs import Queue
from leadbridge.domain.cycle_people import PERSON
from leadbridge.domain.three_way import Side

#: a day less than the vendors say: what is about to be forgotten is not asked for
_DELETIONS = {Side.MARKETO: timedelta(days=13), Side.SALESFORCE: timedelta(days=14)}
_VALUES = timedelta(days=89)
#: how long Marketo tells of merges: 25 months
MERGES_TOLD = timedelta(days=760)
#: ids of one call that looks whether records are there
IDS = {Side.MARKETO: 300, Side.SALESFORCE: 500}


def deletions_lost(side: Side, since: datetime, now: datetime, known_from: datetime | None = None) -> bool:
    """Whether deletions since a moment are no longer told whole, so that both sides are to be compared."""
    return now - since > _DELETIONS[side] or (known_from is not None and known_from > since)


def changes_lost(side: Side, since: datetime, now: datetime) -> bool:
    """Whether changes since a moment are no longer told whole, so that everything is to be read."""
    return side is Side.MARKETO and now - since > _VALUES


def values_lost(queue: Queue, since: datetime, now: datetime) -> bool:
    """Whether a queue is of changes that are no longer told whole: other logs go back further, or are told of."""
    return queue.sync.source.object == PERSON and not queue.late and changes_lost(queue.side, since, now)


def comparison_calls(links: int, sides: Iterable[Side]) -> dict[Side, int]:
    """What it costs to look whether the records of so many links are there, in calls of each system."""
    return {side: -(-links // IDS[side]) for side in sides}
