"""How long activities can be read.

Source: the vendor's data retention policy; 14 days for deletions, 90 days for the frequent types, 25 months for
the others, new leads for ever.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from simulator.marketo.models.activities import Activity
from simulator.marketo.schema import ADD_TO_LIST, CHANGE_DATA_VALUE, DELETE_LEAD, NEW_LEAD
from simulator.marketo.values import format_time

_SHORT = {1, 3, 6, 7, CHANGE_DATA_VALUE, 19, 22, ADD_TO_LIST, 28, 36, 47}


class Retention:
    """Which activities are still there at one moment."""

    def __init__(self, now: datetime) -> None:
        self._deletions = format_time(now - timedelta(days=14))
        self._short = format_time(now - timedelta(days=90))
        self._long = format_time(now - timedelta(days=25 * 365 // 12))

    def keeps(self, activity: Activity) -> bool:
        """Say whether an activity can still be read."""
        if activity.type_id == NEW_LEAD:
            return True
        if activity.type_id == DELETE_LEAD:
            return activity.date >= self._deletions
        return activity.date >= (self._short if activity.type_id in _SHORT else self._long)
