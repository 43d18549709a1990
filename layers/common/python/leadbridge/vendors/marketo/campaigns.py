"""Smart campaigns: finding, requesting and scheduling them.

Source: Marketo REST API, "Smart Campaigns".
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from leadbridge.domain.marketo import SmartCampaign
from leadbridge.domain.records import RowResult
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.api import Api
from leadbridge.vendors.marketo.values import timestamp


class Campaigns:
    """The smart campaigns of an instance. Tokens hold for one run and replace My Tokens of the parent program."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def browse(self, *, active_only: bool = False) -> Iterator[SmartCampaign]:
        """The campaigns, active ones or all."""
        params = {"isActive": "true"} if active_only else None
        return self._api.records(SmartCampaign, endpoints.CAMPAIGNS, params=params)

    def requestable(self) -> Iterator[SmartCampaign]:
        """The campaigns that `request` can start: active, with the trigger "Campaign is Requested"."""
        return (each for each in self.browse(active_only=True) if each.is_requestable)

    def one(self, campaign_id: int) -> SmartCampaign | None:
        """One campaign, None if there is none of that id."""
        return self._api.find(SmartCampaign, endpoints.CAMPAIGN, parts={"campaign": campaign_id})

    def by_name(self, name: str) -> SmartCampaign | None:
        """The campaign of a name, None if there is none."""
        return self._api.find(SmartCampaign, endpoints.CAMPAIGN_BY_NAME, params={"name": name})

    def activate(self, campaign_id: int) -> None:
        """Let a trigger campaign run; one that does is refused (709)."""
        self._api.send(endpoints.ACTIVATE_CAMPAIGN, parts={"campaign": campaign_id})

    def deactivate(self, campaign_id: int) -> None:
        """Stop a trigger campaign; one that is stopped is refused (709)."""
        self._api.send(endpoints.DEACTIVATE_CAMPAIGN, parts={"campaign": campaign_id})

    def request(
        self, campaign_id: int, lead_ids: Sequence[int], tokens: Mapping[str, str] | None = None
    ) -> list[RowResult]:
        """Send leads through a campaign; one result per id, in order, that tells whether its call was accepted.

        What becomes of a lead in the campaign is not told. `tokens` go by name, with or without `{{my.` and `}}`.

        Raises:
            UncertainWriteError: No answer to the first call; a repetition could send its leads through twice.
        """
        told = _tokens(tokens)

        def send(chunk: Sequence[int]) -> None:
            asked = {"leads": [{"id": each} for each in chunk], **told}
            self._api.send(endpoints.REQUEST_CAMPAIGN, parts={"campaign": campaign_id}, body={"input": asked})

        return self._api.in_calls(endpoints.REQUEST_CAMPAIGN, lead_ids, send, status="requested")

    def schedule(
        self,
        campaign_id: int,
        *,
        run_at: datetime | None = None,
        tokens: Mapping[str, str] | None = None,
        clone_to_program: str | None = None,
    ) -> None:
        """Run a batch campaign once, five minutes from now or at `run_at`; at most 20 times a day as a clone.

        Raises:
            UncertainWriteError: No answer; a repetition could run it twice.
        """
        asked: dict[str, Any] = _tokens(tokens)
        if run_at is not None:
            asked["runAt"] = timestamp(run_at)
        if clone_to_program is not None:
            asked["cloneToProgramName"] = clone_to_program
        self._api.send(endpoints.SCHEDULE_CAMPAIGN, parts={"campaign": campaign_id}, body={"input": asked})


def _tokens(tokens: Mapping[str, str] | None) -> dict[str, Any]:
    found = [{"name": _token_name(name), "value": value} for name, value in (tokens or {}).items()]
    if len(found) > endpoints.CAMPAIGN_TOKENS:
        raise ValueError(f"at most {endpoints.CAMPAIGN_TOKENS} tokens")
    return {"tokens": found} if found else {}


def _token_name(name: str) -> str:
    return name if name.startswith("{{") else f"{{{{my.{name}}}}}"
