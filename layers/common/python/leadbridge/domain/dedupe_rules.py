"""What becomes of several source rows of one key: the four dedupe rules of a Sync.

The rules are given all rows of one key, whichever pages they came in, in the order in which the source gave them, and
say of each place whether it goes on. Rows without a key never come here: they are nobody's duplicates.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from leadbridge.domain.condition_values import UnreadableError, moment
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.sync import DedupeRule
from leadbridge.domain.values import blank, text

type Vendor = Literal["marketo", "salesforce"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """The columns by which rows of one source are told apart: its id, and when a record was made and last changed."""

    id: str
    created: str
    updated: str

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((self.id, self.created, self.updated)))


_OF_SALESFORCE = Stamps(id="Id", created="CreatedDate", updated="LastModifiedDate")
_OF_LEADS = Stamps(id="id", created="createdAt", updated="updatedAt")
#: Marketo's other kinds of rows
_OF_MARKETO: Mapping[str, Stamps] = {
    "leads": _OF_LEADS,
    "list_members": _OF_LEADS,
    # an activity is written once
    "activities": Stamps(id="marketoGUID", created="activityDate", updated="activityDate"),
    "program_members": Stamps(id="leadId", created="membershipDate", updated="updatedAt"),
}
_OF_OBJECTS = Stamps(id="marketoGUID", created="createdAt", updated="updatedAt")


def stamps_of(vendor: Vendor, object_name: str) -> Stamps:
    """The columns that tell rows of a source apart."""
    return _OF_SALESFORCE if vendor == "salesforce" else _OF_MARKETO.get(object_name, _OF_OBJECTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Places of rows, in source order: those that are imported, and those that the rule leaves out."""

    imported: tuple[int, ...]
    left_out: tuple[int, ...] = ()


def choose(rule: DedupeRule, rows: Sequence[Mapping[str, Any]], stamps: Stamps) -> Kept:
    """Which rows of one key go on.

    The youngest is the one with the latest last change, the oldest the one that was made first. A date that is
    missing, or that nobody can read, comes last; of equal ones the lowest id is chosen, whatever the order of rows.
    """
    chooser: Chooser[int, None] = Chooser(rule, stamps)
    left_out = [gone for place, row in enumerate(rows) for gone in chooser.offer(None, place, row)]
    return Kept(imported=tuple(sorted(chooser.kept())), left_out=tuple(sorted(left_out)))


class Chooser[T, K]:
    """Rows as they come, of any number of keys: what is left out is told at once, and one row a key is held.

    Only where everything is imported each row of a key goes on.
    """

    def __init__(self, rule: DedupeRule, stamps: Stamps) -> None:
        self._rule = rule
        self._stamps = stamps
        self._rank = _rank(stamps, youngest=rule is DedupeRule.YOUNGEST)
        #: by key the row that goes on with its columns; None where none does
        self._held: dict[K, tuple[T, Mapping[str, Any]] | None] = {}
        self._ranks: dict[K, tuple[Any, ...]] = {}
        self._every: list[T] = []
        #: of activities, which stand there once more where a log was read over a place twice
        self._seen: dict[K, set[str]] | None = {} if stamps.id == "marketoGUID" else None

    def offer(self, key: K, row: T, columns: Mapping[str, Any]) -> Sequence[T]:
        """Take the next row of the source; gives those that are left out for it, itself or another one."""
        if self._seen is not None and (own := text(columns.get(self._stamps.id) or "")):
            seen = self._seen.setdefault(key, set())
            if own in seen:
                return (row,)
            seen.add(own)
        if self._rule is DedupeRule.IMPORT_EVERYTHING:
            self._every.append(row)
            return ()
        if key not in self._held:
            self._held[key] = (row, columns)
            return ()
        return self._against(key, row, columns)

    def _against(self, key: K, row: T, columns: Mapping[str, Any]) -> Sequence[T]:
        """One more row of a key: which of it and the one that is held is left out."""
        held = self._held[key]
        if held is None:
            return (row,)
        if self._rule is DedupeRule.IGNORE_DUPLICATES:
            self._held[key] = None
            return (held[0], row)
        mine = self._rank(columns)
        theirs = self._ranks.get(key) or self._rank(held[1])
        # of equal ones the first
        self._ranks[key] = min(mine, theirs)
        if mine >= theirs:
            return (row,)
        self._held[key] = (row, columns)
        return (held[0],)

    def kept(self) -> list[T]:
        """The rows that go on."""
        return self._every + [held[0] for held in self._held.values() if held is not None]


def _rank(stamps: Stamps, *, youngest: bool) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    column = stamps.updated if youngest else stamps.created

    def rank(row: Mapping[str, Any]) -> tuple[Any, ...]:
        at = _seconds(row.get(column))
        if at is None:
            return (1, 0.0, id_order(row.get(stamps.id)))
        return (0, -at if youngest else at, id_order(row.get(stamps.id)))

    return rank


def id_order(value: Any) -> tuple[int, int, str]:
    """How ids are ordered: numbers by their value, Salesforce ids by code point of their 18 characters, blanks last."""
    if blank(value):
        return (2, 0, "")
    written = text(value).strip()
    if written.isascii() and written.isdigit():
        # fifteen digits may be a Salesforce id by their form, but no org has one
        return (0, int(written), "")
    return (1, 0, canonical(written) if is_id(written) else written)


def _seconds(value: Any) -> float | None:
    """A date as seconds since 1970; None where there is none or nobody can read it."""
    if blank(value):
        return None
    try:
        found = moment(value if isinstance(value, str) else text(value))
    except UnreadableError:
        return None
    at = found if isinstance(found, datetime) else datetime(found.year, found.month, found.day, tzinfo=UTC)
    return at.timestamp()
