"""Smart campaigns, what was asked of them, and the My Tokens of programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulator.marketo.exceptions import MarketoError
from simulator.marketo.models.assets import Place
from simulator.marketo.models.usage import CENTRAL
from simulator.marketo.values import format_time

MAX_LEADS = 100
MAX_TOKENS = 100
MAX_CLONES = 20
TOKEN_NAME_LENGTH = 50
TOKEN_TYPES = ["date", "number", "rich text", "score", "sfdc campaign", "text"]
EARLIEST_RUN = timedelta(minutes=5)
LATEST_RUN = timedelta(days=2 * 365)


@dataclass(slots=True)
class Campaign:
    """One smart campaign; a requestable one has the trigger Campaign is Requested with the web service as source."""

    id: int
    name: str
    type: str
    active: bool
    requestable: bool
    program_id: int | None
    created_at: str


class Campaigns:
    """Every smart campaign and token of the instance."""

    def __init__(self) -> None:
        self.campaigns: dict[int, Campaign] = {}
        self.requests: list[dict[str, Any]] = []
        self.tokens: dict[Place, dict[str, dict[str, Any]]] = {}
        self._clones: dict[str, int] = {}

    def get(self, campaign_id: int) -> Campaign:
        """Give a campaign.

        Raises:
            MarketoError: 1013.
        """
        if campaign_id not in self.campaigns:
            raise MarketoError("1013", f"Campaign '{campaign_id}' not found")
        return self.campaigns[campaign_id]

    def check_trigger(self, campaign: Campaign) -> None:
        """Refuse a request of a campaign that does not wait for one.

        Raises:
            MarketoError: 1003.
        """
        if campaign.type != "trigger" or not campaign.requestable:
            raise MarketoError("1003", "Only trigger campaigns with Campaign is Requested can be requested")
        if not campaign.active:
            raise MarketoError("1003", f"Campaign '{campaign.id}' is not active")

    def run_at(self, campaign: Campaign, asked: datetime | None, now: datetime) -> str:
        """Give the time of a scheduled run: at least five minutes from now.

        Raises:
            MarketoError: 1003 no batch campaign, 1042 more than two years away.
        """
        if campaign.type != "batch":
            raise MarketoError("1003", "Only batch campaigns can be scheduled")
        if asked is not None and asked - now > LATEST_RUN:
            raise MarketoError("1042", "Invalid runAt date")
        return format_time(max(asked or now, now + EARLIEST_RUN))

    def check_clone(self, now: datetime) -> None:
        """Count a clone of a program by scheduling.

        Raises:
            MarketoError: 1020, the day's 20 are used up.
        """
        day = now.astimezone(CENTRAL).date().isoformat()
        if self._clones.get(day, 0) >= MAX_CLONES:
            raise MarketoError("1020", "Too many clones to program")
        self._clones[day] = self._clones.get(day, 0) + 1
