"""Rules about dates, and the way in which formats are written: `DD.MM.YYYY HH:mm`, other letters in brackets."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import StringConstraints

from leadbridge.domain.suggestions import did_you_mean
from leadbridge.domain.transforms.base import DATES, Apply, Columns, Kind, Place, Rule

Format = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Zone = Annotated[str, StringConstraints(min_length=1, max_length=64)]

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
#: each part of a format: how the standard library reads it, and how we write it
PARTS: Mapping[str, tuple[str, Callable[[datetime], str]]] = {
    "YYYY": ("%Y", lambda at: f"{at.year:04}"),
    "YY": ("%y", lambda at: f"{at.year % 100:02}"),
    "MMMM": ("%B", lambda at: MONTHS[at.month - 1]),
    "MMM": ("%b", lambda at: MONTHS[at.month - 1][:3]),
    "MM": ("%m", lambda at: f"{at.month:02}"),
    "M": ("%m", lambda at: str(at.month)),
    "DD": ("%d", lambda at: f"{at.day:02}"),
    "D": ("%d", lambda at: str(at.day)),
    "HH": ("%H", lambda at: f"{at.hour:02}"),
    "H": ("%H", lambda at: str(at.hour)),
    "hh": ("%I", lambda at: f"{at.hour % 12 or 12:02}"),
    "h": ("%I", lambda at: str(at.hour % 12 or 12)),
    "mm": ("%M", lambda at: f"{at.minute:02}"),
    "ss": ("%S", lambda at: f"{at.second:02}"),
    "A": ("%p", lambda at: "AM" if at.hour < 12 else "PM"),
    "Z": ("%z", lambda at: at.strftime("%:z")),
}
_PIECE = re.compile(
    r"\[(?P<quoted>[^\]]*)\]|(?P<part>" + "|".join(PARTS) + r")|(?P<wrong>[A-Za-z\[\]])|(?P<plain>.)", re.DOTALL
)
_TIME = frozenset({"%H", "%I", "%M", "%S", "%p", "%z"})


class DateParse(Rule):
    """Read a date, or a date and time, that is written in a format; without one, as ISO 8601.

    A time without an offset is meant in `zone`; where that is not given in the Action's, or in UTC if it is written
    as ISO 8601, which is how Marketo means it. A wall-clock time that a zone has twice is the first of the two.
    """

    takes: ClassVar[frozenset[Kind]] = frozenset({Kind.TEXT, Kind.DATE, Kind.MOMENT})

    type: Literal["date_parse"]
    format: Format | None = None
    zone: Zone | None = None

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """Whether the format names a day, each part once, and the zone exists."""
        del place
        yield from _zone_findings(self.zone)
        if self.format is None:
            return
        yield from _format_findings(self.format)
        parts = _directives(self.format)
        twice = {part for part in parts if parts.count(part) > 1}
        if twice or {"%Y", "%y"} <= set(parts) or {"%H", "%I"} <= set(parts):
            yield "format", "names a part of the date twice; name each once"
        for what, wanted in (("a year", {"%Y", "%y"}), ("a month", {"%m", "%b", "%B"}), ("a day", {"%d"})):
            if not wanted & set(parts):
                yield "format", f"names no {what[2:]}; a date needs {what}"
        if ("%I" in parts) != ("%p" in parts):
            yield "format", "hh goes with A (AM or PM), and the other way round; HH counts to 23"

    def result_kind(self, before: Kind) -> Kind:
        """A date, or a date and time where the format names a time."""
        if self.format is None or before in DATES:
            return before if before in DATES else Kind.ANY
        return Kind.MOMENT if _TIME & set(_directives(self.format)) else Kind.DATE

    def applied(self, place: Place) -> Apply:
        """The date."""
        zone = ZoneInfo(self.zone) if self.zone else place.zone if self.format else UTC
        read = _iso if self.format is None else _reader(self.format)

        def apply(value: Any, columns: Columns) -> date:
            del columns
            if isinstance(value, date):
                return value
            if not isinstance(value, str):
                raise self.failed("a date", value)
            try:
                return _placed(read(value.strip()), zone)
            except (ValueError, OverflowError):
                raise self.failed(f"a date like {self.format or 'YYYY-MM-DD'}", value) from None

        return apply


class DateFormat(Rule):
    """Write a date in a format; a date and time as the clocks of `zone` show it, or those of the Action's."""

    takes: ClassVar[frozenset[Kind]] = frozenset({Kind.TEXT, Kind.DATE, Kind.MOMENT})

    type: Literal["date_format"]
    format: Format
    zone: Zone | None = None

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """Whether the format can be read and the zone exists."""
        del place
        yield from _zone_findings(self.zone)
        yield from _format_findings(self.format)

    def applied(self, place: Place) -> Apply:
        """The text."""
        zone = ZoneInfo(self.zone) if self.zone else place.zone
        pieces = [
            PARTS[match["part"]][1] if match["part"] else match["quoted"] or match["plain"] or ""
            for match in _PIECE.finditer(self.format)
        ]

        def apply(value: Any, columns: Columns) -> str:
            del columns
            if not isinstance(value, str | date):
                raise self.failed("a date", value)
            try:
                placed = _placed(_iso(value.strip()) if isinstance(value, str) else value, UTC)
                at = placed.astimezone(zone) if isinstance(placed, datetime) else datetime.combine(placed, time(), zone)
            except (ValueError, OverflowError):
                raise self.failed("a date (put date_parse before it)", value) from None
            return "".join([piece if isinstance(piece, str) else piece(at) for piece in pieces])

        return apply


def zone_finding(name: str) -> str | None:
    """What is wrong with the name of a time zone, if anything."""
    known = available_timezones()
    if name in known:
        return None
    return f"there is no time zone {name}; {did_you_mean(name, known) or 'name one like Europe/Berlin'}"


def _zone_findings(name: str | None) -> Iterator[tuple[str, str]]:
    if name is not None and (said := zone_finding(name)):
        yield "zone", said


def _format_findings(form: str) -> Iterator[tuple[str, str]]:
    wrong = sorted({match["wrong"] for match in _PIECE.finditer(form) if match["wrong"]})
    if wrong:
        yield "format", f"{', '.join(wrong)} is no part of a date; letters that stay stand in brackets, like [at]"


def _directives(form: str) -> list[str]:
    return [PARTS[match["part"]][0] for match in _PIECE.finditer(form) if match["part"]]


def _reader(form: str) -> Callable[[str], date]:
    directives = "".join(
        PARTS[match["part"]][0] if match["part"] else (match["quoted"] or match["plain"] or "").replace("%", "%%")
        for match in _PIECE.finditer(form)
    )
    if _TIME & set(_directives(form)):
        return lambda value: datetime.strptime(value, directives)  # noqa: DTZ007 - `_placed` gives it its zone
    return lambda value: datetime.strptime(value, directives).date()  # noqa: DTZ007 - a day has no zone


def _iso(value: str) -> date:
    return date.fromisoformat(value) if len(value) <= 10 else datetime.fromisoformat(value)


def _placed(found: date, zone: tzinfo) -> date:
    """A time without a zone is put into `zone`; one at the edge of the calendar is refused, not carried over it.

    Raises:
        OverflowError: In UTC it would lie before year 1 or after 9999.
    """
    if not isinstance(found, datetime):
        return found
    aware = found if found.tzinfo else found.replace(tzinfo=zone)
    aware.astimezone(UTC)
    return aware
