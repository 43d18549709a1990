"""Custom activities and their types, which are drafted, approved and then fixed.

Source: Marketo REST API, "Activities" (custom activities and their metadata).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from leadbridge.domain.marketo import ActivityAttribute, ActivityType
from leadbridge.domain.records import CustomActivity, CustomActivityType, RowResult
from leadbridge.vendors.marketo import activities, endpoints
from leadbridge.vendors.marketo.api import Api


class CustomActivities:
    """Custom activities and their types. A record is written once: it cannot be changed, found by a key or removed."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def types(self) -> list[ActivityType]:
        """The custom types, drafts too."""
        return list(self._api.records(ActivityType, endpoints.CUSTOM_TYPES))

    def type(self, api_name: str, *, draft: bool = False) -> CustomActivityType:
        """A custom activity type with its attributes; records can be added only if its status is approved.

        An approved type that has a draft, too, is described as approved, or with `draft` as it will be.
        """
        return activities.described_type(self._api, api_name, draft=draft)

    def create_type(
        self,
        api_name: str,
        *,
        name: str,
        trigger_name: str,
        filter_name: str,
        primary: ActivityAttribute,
        description: str | None = None,
    ) -> ActivityType:
        """Create a type as a draft; its other attributes and its approval follow."""
        body = {
            "apiName": activities.checked_name(api_name),
            "name": name,
            "triggerName": trigger_name,
            "filterName": filter_name,
            "primaryAttribute": _attribute(primary),
        } | ({"description": description} if description else {})
        endpoint = endpoints.CREATE_CUSTOM_TYPE
        return self._api.one(ActivityType, endpoint, self._api.send(endpoint, body=body))

    def create_attributes(self, api_name: str, attributes: Sequence[ActivityAttribute]) -> ActivityType:
        """Add secondary attributes to a type's draft."""
        body = {"attributes": [_attribute(each) for each in attributes]}
        return self._changed(endpoints.CREATE_CUSTOM_ATTRIBUTES, api_name, body)

    def approve_type(self, api_name: str) -> ActivityType:
        """Make a draft the type; from now on records are taken, and its names are fixed."""
        return self._changed(endpoints.APPROVE_CUSTOM_TYPE, api_name)

    def discard_draft(self, api_name: str) -> ActivityType:
        """Throw a type's draft away."""
        return self._changed(endpoints.DISCARD_CUSTOM_TYPE, api_name)

    def add(self, records: Sequence[CustomActivity]) -> list[RowResult]:
        """Add custom activities; one result per activity, in order. Adding one again makes a second one.

        Raises:
            UncertainWriteError: No answer, or not one result per activity.
        """
        return activities.add(self._api, records)

    def _changed(
        self, endpoint: endpoints.Endpoint, api_name: str, body: Mapping[str, Any] | None = None
    ) -> ActivityType:
        parts = {"type": activities.checked_name(api_name)}
        return self._api.one(ActivityType, endpoint, self._api.send(endpoint, parts=parts, body=body))


def _attribute(attribute: ActivityAttribute) -> dict[str, Any]:
    return {"apiName": attribute.api_name, "name": attribute.name, "dataType": attribute.data_type}
