"""For how long Marketo keeps activities, by type, and what a cycle that begins earlier does not find any more.

Source: Adobe's data retention policy, as its white paper on CRM synchronisation lists the types ("Data Retention
Policy"); Send Email and Email Delivered came down from 25 months to 90 days in August 2020. Custom types, and all that
are not listed, are kept for 25 months.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_activities import types_by_queue


@dataclass(frozen=True, slots=True)
class Pruned:
    """A type that Marketo does not keep as long as others: its id where all instances have the same, and its names."""

    id: int | None
    names: tuple[str, ...]
    days: int = 90


PRUNED = (
    Pruned(1, ("Visit Webpage",)),
    Pruned(3, ("Click Link", "Click Link on Webpage")),
    Pruned(6, ("Send Email",)),
    Pruned(7, ("Email Delivered",)),
    Pruned(13, ("Change Data Value",)),
    Pruned(19, ("Sync Lead to SFDC",)),
    Pruned(22, ("Change Score",)),
    Pruned(24, ("Add to List",)),
    Pruned(28, ("Sync Lead Updates to SFDC",)),
    Pruned(36, ("Update Opportunity",)),
    Pruned(47, ("Request Campaign",)),
    Pruned(None, ("Sync Lead to Microsoft",)),
)
#: of all others: 25 months
KEPT_DAYS = 762
_KNOWN: Mapping[str | int, Pruned] = {
    name: each for each in PRUNED for name in (*each.names, *((each.id,) if each.id else ()))
}


def days_kept(named: str | int) -> int:
    """For how many days Marketo keeps activities of a type, by its name or id."""
    found = _KNOWN.get(named)
    return found.days if found else KEPT_DAYS


def retention_lines(cycle: CrmCycle, watermarks: Mapping[str, datetime], now: datetime) -> Iterator[str]:
    """Warnings, one for each chosen type of which the next run reads from before what Marketo still has.

    `watermarks` are those of queues; what has none is read from the low watermark on, or from the start.
    """
    low = cycle.begins_at("activities") if cycle.activities else None
    for queue, types in types_by_queue(cycle).items():
        since = watermarks.get(queue, low)
        for named in types:
            oldest = now - timedelta(days=days_kept(named))
            # somebody who wants everything knows that there is an end, where that is the usual one
            if (since is None and days_kept(named) < KEPT_DAYS) or (since is not None and since < oldest):
                begin = f"from {since:%Y-%m-%d} on" if since else "from the start"
                yield (
                    f"{_told(named)} is read {begin}, but Marketo keeps it for {days_kept(named)} days: what was done "
                    f"before {oldest:%Y-%m-%d} is gone"
                )


def _told(named: str | int) -> str:
    """What a type is called in a sentence."""
    found = _KNOWN.get(named)
    return found.names[0] if found else f"the activity type {named}"
