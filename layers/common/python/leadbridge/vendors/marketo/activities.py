"""Activities as use-cases of Actions need them: what was logged of leads, and custom activities to add.

The other verbs about activities are in `activity_log` and `custom_activities`; a worker that runs Actions does not load
them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from leadbridge.domain.records import Activity, CustomActivity, CustomActivityType, RowResult
from leadbridge.errors import ConfigurationError, ContractError
from leadbridge.vendors.http.batches import chunks_of
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.answers import results
from leadbridge.vendors.marketo.api import Api
from leadbridge.vendors.marketo.auth import VENDOR
from leadbridge.vendors.marketo.values import instant, timestamp

_API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}")


def logged(
    api: Api, since: datetime, activity_type_ids: Sequence[int], lead_ids: Sequence[int] = (), *, first: str = ""
) -> Iterator[Activity]:
    """Activities of these types, of these leads if any are given, that happened at `since` or later.

    The order is by time within 30 leads and 10 types. `first` is a paging token of `since`, if there is one already.
    """
    first = first or api.paging_token(since)
    lead_chunks: list[Sequence[int]] = list(chunks_of(lead_ids, endpoints.ACTIVITY_LEAD_IDS)) or [()]
    for types in chunks_of(activity_type_ids, endpoints.ACTIVITY_TYPES):
        for leads in lead_chunks:
            params = {"activityTypeIds": _joined(types)} | ({"leadIds": _joined(leads)} if leads else {})
            for item in api.since(endpoints.ACTIVITIES, since, params, first=first):
                yield _activity(item)


def described_type(api: Api, api_name: str, *, draft: bool = False) -> CustomActivityType:
    """A custom activity type with its attributes; records can be added only if its status is approved.

    An approved type that has a draft, too, is described as approved, or with `draft` as it will be.
    """
    operation = endpoints.CUSTOM_TYPE.operation
    params = {"draft": "true"} if draft else None
    found = results(api.get(endpoints.CUSTOM_TYPE, parts={"type": checked_name(api_name)}, params=params), operation)
    try:
        described = found[0]
        return CustomActivityType(
            id=int(described["id"]),
            api_name=str(described["apiName"]),
            primary_attribute=str(described["primaryAttribute"]["apiName"]),
            attributes={
                str(item["apiName"]): str(item.get("dataType", "string"))
                for item in described.get("attributes") or ()
                if item.get("isPrimary") is not True
            },
            status=str(described.get("status", "")),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise ContractError("the activity type is not described", vendor=VENDOR, operation=operation) from error


def add(api: Api, activities: Sequence[CustomActivity]) -> list[RowResult]:
    """Add custom activities; one result per activity, in order. Adding one again makes a second one.

    Raises:
        UncertainWriteError: No answer, or not one result per activity.
    """
    rows = [
        {
            "leadId": item.lead_id,
            "activityDate": timestamp(item.activity_date),
            "activityTypeId": item.activity_type_id,
            "primaryAttributeValue": item.primary_attribute_value,
            "attributes": [{"apiName": name, "value": value} for name, value in item.attributes.items()],
        }
        for item in activities
    ]
    return api.write(endpoints.ADD_CUSTOM_ACTIVITIES, rows)


def checked_name(api_name: str) -> str:
    """An API name of a type, as it is.

    Raises:
        ConfigurationError: It is none.
    """
    if not _API_NAME.fullmatch(api_name):
        raise ConfigurationError(["activity type: only letters, digits and underscores are allowed"])
    return api_name


def attributes_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes are found under their display name and, where sent, their API name."""
    found: dict[str, Any] = {}
    for attribute in item.get("attributes") or ():
        for key in ("name", "apiName"):
            if attribute.get(key):
                found[str(attribute[key])] = attribute.get("value")
    return found


def _activity(item: Mapping[str, Any]) -> Activity:
    primary = item.get("primaryAttributeValue")
    primary_id = item.get("primaryAttributeValueId")
    campaign = item.get("campaignId")
    try:
        return Activity(
            marketo_guid=str(item.get("marketoGUID", item.get("id", ""))),
            lead_id=int(item["leadId"]),
            activity_type_id=int(item["activityTypeId"]),
            activity_date=instant(str(item["activityDate"])),
            primary_attribute_value=None if primary is None else str(primary),
            primary_attribute_value_id=None if primary_id is None else int(primary_id),
            campaign_id=None if campaign is None else int(campaign),
            attributes=attributes_of(item),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise ContractError("an activity lacks a member", vendor=VENDOR, operation="activities") from error


def _joined(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))
