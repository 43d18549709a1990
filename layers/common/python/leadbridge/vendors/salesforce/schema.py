"""What objects and fields there are for this user; asked for again, only changes are transferred.

Source: REST API, Describe Global, sObject Describe, conditional request headers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from leadbridge.domain.records import ObjectDescription
from leadbridge.errors import ContractError
from leadbridge.vendors.http.calls import Answer
from leadbridge.vendors.http.endpoints import Endpoint
from leadbridge.vendors.salesforce.answers import described_object
from leadbridge.vendors.salesforce.api import Api, api_name
from leadbridge.vendors.salesforce.auth import VENDOR
from leadbridge.vendors.salesforce.endpoints import DESCRIBE, DESCRIBE_GLOBAL, LIMITS, VERSIONS

#: for so long "not modified" is believed: whether a change of our user's rights is a modification is not documented
BELIEVED = timedelta(minutes=5)
# what we ask with, and where the earlier answer said it
_VALIDATORS = (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSummary:
    """One object as the list of all objects tells it."""

    name: str
    label: str
    key_prefix: str
    custom: bool
    createable: bool
    updateable: bool
    deletable: bool
    queryable: bool
    replicateable: bool  # `changes.updated` and `changes.deleted` know it


@dataclass(frozen=True, slots=True)
class _Known:
    """A description as it was read, and what it takes to ask whether it still holds."""

    validators: Mapping[str, str]
    found: Any
    read_at: datetime
    doubts: int


class Schema:
    """Objects and fields as this user sees them: what is absent may be hidden.

    A field that the vendor refuses after it was described leads to a description from scratch.
    """

    def __init__(self, api: Api, clock: Callable[[], datetime]) -> None:
        self._api = api
        self._clock = clock
        self._known: dict[str, _Known] = {}

    def describe(self, object_name: str) -> ObjectDescription:
        """The fields of an object as this user sees them."""
        parts = {"object": api_name(object_name)}
        described: ObjectDescription = self._conditional(DESCRIBE, parts, described_object)
        return described

    def objects(self) -> tuple[ObjectSummary, ...]:
        """All objects of the org that this user sees."""
        found: tuple[ObjectSummary, ...] = self._conditional(DESCRIBE_GLOBAL, {}, _summaries)
        return found

    def versions(self) -> tuple[str, ...]:
        """The versions of the API that this org answers, oldest first, for example 67.0."""
        found = self._api.unversioned(VERSIONS).payload
        try:
            return tuple(sorted((str(each["version"]) for each in found), key=float))
        except (LookupError, TypeError, ValueError) as error:
            raise ContractError("not a list of versions", vendor=VENDOR, operation=VERSIONS.operation) from error

    def limits(self) -> dict[str, Any]:
        """The org's limits by name, each with Max and Remaining; up to five minutes old."""
        return self._api.read(LIMITS)

    def _conditional(self, endpoint: Endpoint, parts: Mapping[str, str], read: Callable[[Any], Any]) -> Any:
        place, now = "/".join((endpoint.operation, *parts.values())), self._clock()
        known = self._known.get(place)
        if known is not None and (known.doubts != self._api.schema_doubts or now - known.read_at > BELIEVED):
            known = None
        answer = self._api.send(endpoint, parts=parts, headers=known.validators if known else {})
        if answer.status == httpx.codes.NOT_MODIFIED and known:
            return known.found
        try:
            found = read(answer.payload)
        except (LookupError, TypeError) as error:
            raise ContractError("not a description", vendor=VENDOR, operation=endpoint.operation) from error
        self._known[place] = _Known(_validators_of(answer), found, now, self._api.schema_doubts)
        return found


def _validators_of(answer: Answer) -> Mapping[str, str]:
    return {ours: answer.headers[theirs] for ours, theirs in _VALIDATORS if theirs in answer.headers}


def _summaries(body: Mapping[str, Any]) -> tuple[ObjectSummary, ...]:
    return tuple(
        ObjectSummary(
            name=str(item["name"]),
            label=str(item.get("label", "")),
            key_prefix=str(item.get("keyPrefix") or ""),
            custom=item.get("custom") is True,
            createable=item.get("createable") is True,
            updateable=item.get("updateable") is True,
            deletable=item.get("deletable") is True,
            queryable=item.get("queryable") is True,
            replicateable=item.get("replicateable") is True,
        )
        for item in body["sobjects"]
    )
