"""Row locks: whoever writes a record locks it and its parents, and whoever comes meanwhile may have to go.

Source: record-level locking in the guide to data access, organize data to minimize lock contention, and the
record locking cheat sheet. A write locks contact and account, opportunity and account, role and opportunity,
campaign member with campaign and person; a new task locks its relations unless it is completed or has no due
date, while an update or a deletion always does. The platform waits about ten seconds for a lock; here the wait
is over at once.
"""

from collections.abc import Iterable

from simulator.salesforce.exceptions import RowError
from simulator.salesforce.schema import SObject

# references whose target is locked by a write to the child
_LOCKING = {
    "Contact": ("AccountId",),
    "Opportunity": ("AccountId",),
    "OpportunityContactRole": ("OpportunityId",),
    "CampaignMember": ("CampaignId", "LeadId", "ContactId"),
    "Task": ("WhoId", "WhatId", "AccountId"),
}


class Locks:
    """Who holds which record, and until when (seconds since 1970 on the org's clock)."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, float]] = {}

    def hold(self, record_ids: Iterable[str], owner: str, until: float) -> None:
        """Lock records for an owner."""
        for each in record_ids:
            self._held[each] = (owner, until)

    def release(self, owner: str) -> None:
        """Give back everything that an owner holds."""
        self._held = {key: held for key, held in self._held.items() if held[0] != owner}

    def refuse(self, record_ids: Iterable[str], owner: str, now: float) -> None:
        """Refuse a write that needs what another owner holds.

        Raises:
            RowError: UNABLE_TO_LOCK_ROW.
        """
        for each in record_ids:
            holder, until = self._held.get(each, ("", 0.0))
            if holder not in ("", owner) and until > now:
                message = f"unable to obtain exclusive access to this record or 1 records: {each}"
                raise RowError("UNABLE_TO_LOCK_ROW", message)

    def held(self, now: float) -> dict[str, float]:
        """Return the locked ids and until when."""
        return {key: until for key, (_, until) in self._held.items() if until > now}


def needed(sobject: SObject, record: dict[str, object], *, is_new: bool) -> list[str]:
    """Return the ids that a write of this record has to lock."""
    own = record.get("Id")
    found = [own] if isinstance(own, str) else []
    is_quiet = is_new and (record.get("Status") == "Completed" or record.get("ActivityDate") is None)
    if sobject.name == "Task" and is_quiet:
        return found
    for name in _LOCKING.get(sobject.name, ()):
        value = record.get(name)
        if isinstance(value, str):
            found.append(value)
    return found
