"""What changed and what went: ids within a window of time, and until when the answer is complete.

Source: REST API, sObject Get Updated, sObject Get Deleted. Seconds are ignored, windows go back 30 (deletions: 15)
days. `covered_to` lies before the asked end while a long transaction runs: the next window begins there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from leadbridge.domain.ids import canonical
from leadbridge.errors import ContractError
from leadbridge.vendors.http.decisions import TooLargeError
from leadbridge.vendors.http.endpoints import Endpoint
from leadbridge.vendors.salesforce.api import Api, api_name
from leadbridge.vendors.salesforce.auth import VENDOR
from leadbridge.vendors.salesforce.endpoints import DELETED, UPDATED

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """Ids of records that were created or changed in a window; all up to `covered_to`."""

    ids: tuple[str, ...]
    covered_to: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """Ids of records that were deleted in a window, with the time; all from `known_from` up to `covered_to`.

    A window that begins before `known_from` has lost deletions: both sides have to be compared in full.
    """

    at: Mapping[str, datetime]
    known_from: datetime
    covered_to: datetime


class Changes:
    """Replication: windows are split in halves where they hold more ids than the vendor lists."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def updated(self, object_name: str, start: datetime, end: datetime) -> Updated:
        """Ids of records created or changed from `start` up to, not including, `end`.

        Raises:
            PermanentError: The window is too old or too short (INVALID_REPLICATION_DATE), or the object does not
                take part (INVALID_TYPE).
        """

        def read(first: datetime, last: datetime) -> Updated:
            said = self._read(UPDATED, object_name, first, last)
            return _shaped(UPDATED, lambda: _updated(said))

        def joined(one: Updated, other: Updated) -> Updated:
            return Updated(ids=tuple(dict.fromkeys(one.ids + other.ids)), covered_to=other.covered_to)

        return _halving(start, end, read, joined)

    def deleted(self, object_name: str, start: datetime, end: datetime) -> Deleted:
        """Ids of records deleted from `start` up to, not including, `end`.

        Raises:
            PermanentError: As for `updated`; also where the vendor's log begins after `start`.
        """

        def read(first: datetime, last: datetime) -> Deleted:
            said = self._read(DELETED, object_name, first, last)
            return _shaped(DELETED, lambda: _deleted(said))

        def joined(one: Deleted, other: Deleted) -> Deleted:
            return Deleted(at={**one.at, **other.at}, known_from=one.known_from, covered_to=other.covered_to)

        return _halving(start, end, read, joined)

    def _read(self, endpoint: Endpoint, object_name: str, start: datetime, end: datetime) -> dict[str, Any]:
        params = {"start": _moment(start), "end": _moment(end)}
        return self._api.read(endpoint, parts={"object": api_name(object_name)}, params=params)


def _halving[T: (Updated, Deleted)](
    start: datetime, end: datetime, read: Callable[[datetime, datetime], T], joined: Callable[[T, T], T]
) -> T:
    """The window at once, or where it holds too many ids its two halves."""
    try:
        return read(start, end)
    except TooLargeError:
        middle = (start + (end - start) / 2).replace(second=0, microsecond=0)
        if middle - start < MINUTE:
            raise
        first = _halving(start, middle, read, joined)
        # what the first half does not cover yet, the second must not claim
        return first if first.covered_to < middle else joined(first, _halving(middle, end, read, joined))


def _shaped[T](endpoint: Endpoint, build: Callable[[], T]) -> T:
    try:
        return build()
    except (LookupError, TypeError, ValueError) as error:
        raise ContractError("not a list of changes", vendor=VENDOR, operation=endpoint.operation) from error


def _updated(said: Mapping[str, Any]) -> Updated:
    ids = tuple(canonical(each) for each in said["ids"])
    return Updated(ids=ids, covered_to=datetime.fromisoformat(said["latestDateCovered"]))


def _deleted(said: Mapping[str, Any]) -> Deleted:
    return Deleted(
        at={canonical(each["id"]): datetime.fromisoformat(each["deletedDate"]) for each in said["deletedRecords"]},
        known_from=datetime.fromisoformat(said["earliestDateAvailable"]),
        covered_to=datetime.fromisoformat(said["latestDateCovered"]),
    )


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
