"""What Marketo logged: activities and their types, changed, deleted and merged leads."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from leadbridge.domain.marketo import SCORED, ActivityType, ChangedField, DeletedLead, LeadChange, Merge
from leadbridge.domain.records import Activity
from leadbridge.vendors.marketo import activities, endpoints
from leadbridge.vendors.marketo.api import Api
from leadbridge.vendors.marketo.models import read

MERGE_LEADS = 32


class ActivityLog:
    """What happened to leads. Entries appear minutes after their date at times, and most vanish after 90 days."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def types(self) -> list[ActivityType]:
        """All activity types of the instance, custom ones among them."""
        return list(self._api.records(ActivityType, endpoints.ACTIVITY_TYPES_OF_INSTANCE))

    def since(
        self, since: datetime, activity_type_ids: Sequence[int], lead_ids: Sequence[int] = ()
    ) -> Iterator[Activity]:
        """Activities of these types, of these leads if any are given, that happened at `since` or later."""
        return activities.logged(self._api, since, activity_type_ids, lead_ids)

    def lead_changes(self, since: datetime, fields: Sequence[str], *, first: str = "") -> Iterator[LeadChange]:
        """New leads and changed values of these fields; what Change Score did, merges and deletions are not among them.

        `first` is a token of `since`.
        """
        params = {"fields": ",".join(fields)}
        for item in self._api.since(endpoints.LEAD_CHANGES, since, params, first=first):
            change = read(LeadChange, _identified(item), endpoints.LEAD_CHANGES.operation)
            yield replace(change, attributes=activities.attributes_of(item))

    def score_changes(self, since: datetime, scores: Mapping[str, str], *, first: str = "") -> Iterator[LeadChange]:
        """What Change Score did to these fields, whose names are by what the log calls them, in small letters.

        `first` is a token of `since`.
        """
        for each in activities.logged(self._api, since, [SCORED], first=first):
            name = scores.get((each.primary_attribute_value or "").casefold())
            if name is None:
                continue
            told = each.attributes
            changed = ChangedField(name=name, new_value=told.get("New Value"), old_value=told.get("Old Value"))
            yield LeadChange(
                marketo_guid=each.marketo_guid,
                lead_id=each.lead_id,
                activity_date=each.activity_date,
                activity_type_id=SCORED,
                campaign_id=each.campaign_id,
                fields=(changed,) if "New Value" in told else (),
                attributes=told,
            )

    def token(self, since: datetime) -> str:
        """A paging token, with which several lists of what was logged from then on begin."""
        return self._api.paging_token(since)

    def deleted_leads(self, since: datetime, *, first: str = "") -> Iterator[DeletedLead]:
        """Leads that were deleted; Marketo tells it for about 14 days. `first` is a token of `since`."""
        for item in self._api.since(endpoints.DELETED_LEADS, since, first=first):
            yield read(DeletedLead, _identified(item), endpoints.DELETED_LEADS.operation)

    def merges(self, since: datetime, *, first: str = "") -> Iterator[Merge]:
        """Which leads became which. `first` is a token of `since`."""
        for each in activities.logged(self._api, since, [MERGE_LEADS], first=first):
            losers = each.attributes.get("Merge IDs")
            yield Merge(
                marketo_guid=each.marketo_guid,
                winner=each.lead_id,
                losers=tuple(int(found) for found in re.findall(r"\d+", str(losers or ""))),
                activity_date=each.activity_date,
            )


def _identified(item: Mapping[str, Any]) -> dict[str, Any]:
    """An entry without its attributes, whose names are data; without the newer id it is known by the older one."""
    own = {name: value for name, value in item.items() if name != "attributes"}
    return {"marketoGUID": str(item.get("id", "")), **own}
