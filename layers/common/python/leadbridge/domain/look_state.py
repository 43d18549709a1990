"""What one look of a CRM cycle leaves for the next: places in Marketo's log, and what the fields were like. Pure.

A place in the log is an order of dates: what is logged late lies before a place that was given meanwhile, and is never
seen from there. So a look goes on from a place that was old enough at the look before: until then all that lies before
it had been shown. Each look reads the last minutes of the log once more, in the same call.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leadbridge.domain.evolving import replace
from leadbridge.domain.watermarks import LAG, OVERLAP

#: how often fields are looked at while nothing else happens: Salesforce's all, of Marketo one object's at a time
SCHEMA_EVERY = timedelta(hours=1)
#: how often Marketo is asked meanwhile how many of the day's calls are made
USAGE_EVERY = timedelta(hours=6)
_LAG, _OVERLAP = LAG["marketo"], OVERLAP["marketo"]
#: places are kept so far apart; a gap may be a minute
_APART = _LAG / 4
#: a place so long before what is asked for costs more pages than a new one, which is one call
_TOO_FAR = _LAG * 2
#: Marketo takes a place for a day
_TAKEN_FOR = timedelta(hours=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in Marketo's log, and the moment at which it was given: what bears a later one follows it."""

    at: datetime
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookState:
    """What is kept from look to look, over runs too."""

    #: the oldest first
    places: tuple[Place, ...] = ()
    #: by a system's object a digest of what its fields were like, that was read first which is read next
    schemas: Mapping[str, str] = field(default_factory=dict)
    schema_at: datetime | None = None
    usage_at: datetime | None = None
    #: looks by now that could not ask of every kind of record at once
    turn: int = 0

    @property
    def text(self) -> str:
        """It as a text."""
        members = {
            "places": [[each.at.isoformat(), each.token] for each in self.places],
            "schemas": dict(self.schemas),
            "schema_at": _text(self.schema_at),
            "usage_at": _text(self.usage_at),
            "turn": self.turn,
        }
        return json.dumps(members, separators=(",", ":"))


def look_state(text: str) -> LookState:
    """What an earlier look left; an empty text: there was none."""
    if not text:
        return LookState()
    found = json.loads(text)
    return LookState(
        places=tuple(Place(at=datetime.fromisoformat(at), token=token) for at, token in found["places"]),
        # what a version before this one left has none of these
        schemas=found.get("schemas", {}),
        schema_at=_moment(found["schema_at"]),
        usage_at=_moment(found.get("usage_at", "")),
        turn=found.get("turn", 0),
    )


def _text(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def place_for(state: LookState, since: datetime, now: datetime) -> Place | None:
    """From where a look reads all that bears `since` or a later moment; None: a new place is cheaper."""
    # what was logged before `since` is carried over already
    passed = [each for each in state.places if each.at <= since - _OVERLAP]
    place = next(iter([*passed[-1:], *state.places]), None)
    if place is None or now - place.at > _TAKEN_FOR or since - place.at > _TOO_FAR:
        return None
    return place


def read_to(state: LookState, place: Place, end: str, now: datetime) -> LookState:
    """The log was read from a place to its end, and nothing was there."""
    later = [each for each in state.places if each.at > place.at]
    places = [place, *later]
    if now - places[-1].at >= _APART:
        places.append(Place(at=now, token=end))
    old_enough = [number for number, each in enumerate(places) if each.at <= now - _LAG]
    return replace(state, places=tuple(places[old_enough[-1] if old_enough else 0 :]))


def asked_of(names: Sequence[str], seldom: Collection[str], most: int, turn: int) -> tuple[str, ...]:
    """The names that a look asks of, `most` of them at once: those that change seldom take turns in the last place.

    What a look does not ask of, the next ones see: each asks for all that was changed since the last run.
    """
    if len(names) <= most:
        return tuple(names)
    often = [name for name in names if name not in seldom][: most - 1]
    others = [name for name in names if name not in often]
    return (*often, others[turn % len(others)])


def is_schema_due(state: LookState, now: datetime) -> bool:
    """Whether the fields are to be looked at."""
    return state.schema_at is None or now - state.schema_at >= SCHEMA_EVERY


def is_usage_due(state: LookState, now: datetime) -> bool:
    """Whether Marketo is to be asked how many calls are made."""
    return state.usage_at is None or now - state.usage_at >= USAGE_EVERY


def next_described(state: LookState, names: Sequence[str]) -> Sequence[str]:
    """Whose fields are looked at next: all that never were, or those that were not for the longest time."""
    unknown = [name for name in names if name not in state.schemas]
    return unknown or [name for name in state.schemas if name in names][:1]


def compared(state: LookState, found: Mapping[str, str], now: datetime) -> tuple[bool, LookState]:
    """Whether the fields of some objects are others than at the last time, and what the next look knows of them."""
    changed = any(state.schemas.get(name, digest) != digest for name, digest in found.items())
    left = {name: digest for name, digest in state.schemas.items() if name not in found}
    return changed, replace(state, schemas={**left, **found}, schema_at=now)
