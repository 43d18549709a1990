"""What changed and what went: ids within a window of time, and until when the answer is complete.

Source: REST API, sObject Get Updated, sObject Get Deleted. Seconds are ignored, windows go back 30 (deletions: 15)
days. `covered_to` lies before the asked end while a long transaction runs: the next window begins there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import batched
from typing import Any
from urllib.parse import urlencode

from leadbridge.domain.ids import canonical
from leadbridge.errors import ContractError
from leadbridge.vendors.http.decisions import TooLargeError
from leadbridge.vendors.http.endpoints import Endpoint
from leadbridge.vendors.salesforce.answers import without_attributes
from leadbridge.vendors.salesforce.api import Api, api_name
from leadbridge.vendors.salesforce.auth import VENDOR
from leadbridge.vendors.salesforce.composite import PARTS, Composite, Part
from leadbridge.vendors.salesforce.endpoints import DELETED, QUERY_ALL, UPDATED
from leadbridge.vendors.salesforce.queries import Queries

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

    def updated_each(self, asked: Sequence[tuple[str, datetime, datetime]]) -> list[Updated | None]:
        """The same of several objects in a call for each 25; None where one has to be asked for alone."""
        found: list[Updated | None] = []
        for chunk in batched(asked, PARTS, strict=False):
            parts = [
                Part(reference_id=f"o{at}", method="GET", path=_path(UPDATED, *each)) for at, each in enumerate(chunk)
            ]
            found += [
                _shaped(UPDATED, partial(_updated, said.body)) if said.ok else None
                for said in Composite(self._api).send(parts, all_or_none=False)
            ]
        return found

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

    def deleted_beside(
        self, statement: str, object_name: str, start: datetime, end: datetime
    ) -> tuple[Sequence[Mapping[str, Any]], Deleted]:
        """What a query finds, deleted records among it, and the same as `deleted`: in one call where both are short."""
        parts = [
            Part(reference_id="found", method="GET", path=f"{QUERY_ALL.path}?{urlencode({'q': statement})}"),
            Part(reference_id="gone", method="GET", path=_path(DELETED, object_name, start, end)),
        ]
        found, gone = Composite(self._api).send(parts, all_or_none=False)
        # whoever asks alone gets all pages, halves the window, or hears what is wrong
        is_whole = found.ok and found.body.get("done") is True
        rows = _rows(found.body) if is_whole else Queries(self._api).all(statement, include_deleted=True)
        told = _shaped(DELETED, partial(_deleted, gone.body)) if gone.ok else self.deleted(object_name, start, end)
        return rows, told

    def _read(self, endpoint: Endpoint, object_name: str, start: datetime, end: datetime) -> dict[str, Any]:
        return self._api.read(endpoint, parts={"object": api_name(object_name)}, params=_params(start, end))


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


def _rows(page: Mapping[str, Any]) -> list[dict[str, Any]]:
    return _shaped(QUERY_ALL, lambda: without_attributes(page["records"]))


def _updated(said: Mapping[str, Any]) -> Updated:
    ids = tuple(canonical(each) for each in said["ids"])
    return Updated(ids=ids, covered_to=datetime.fromisoformat(said["latestDateCovered"]))


def _deleted(said: Mapping[str, Any]) -> Deleted:
    return Deleted(
        at={canonical(each["id"]): datetime.fromisoformat(each["deletedDate"]) for each in said["deletedRecords"]},
        known_from=datetime.fromisoformat(said["earliestDateAvailable"]),
        covered_to=datetime.fromisoformat(said["latestDateCovered"]),
    )


def _path(endpoint: Endpoint, object_name: str, start: datetime, end: datetime) -> str:
    """The same as part of a composite."""
    return f"{endpoint.path.format(object=api_name(object_name))}?{urlencode(_params(start, end))}"


def _params(start: datetime, end: datetime) -> dict[str, str]:
    return {"start": _moment(start), "end": _moment(end)}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
