"""Windows of time for incremental Syncs: from where the last run ended to where the vendor shows everything.

A watermark is an instant: whatever the source changed before it has been carried over. A run reads a window that begins
a little before it and ends at its *ceiling*, never at "now": a change becomes visible some time after the moment it
bears, and what bears an earlier moment than the watermark would never be read. The ceiling is told by the vendor
(`latestDateCovered` at Salesforce, which goes back to the begin of the oldest transaction that still runs), or lies
`LAG` before the present where the vendor does not tell it. What lies in two windows is read twice and compares equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

#: how much later than its moment an entry may appear, and how far the clocks of a vendor and ours may lie apart
LAG: Mapping[str, timedelta] = {"marketo": timedelta(minutes=10), "salesforce": timedelta(minutes=10)}
#: what is read once more of the window before, whatever the vendor promises
OVERLAP: Mapping[str, timedelta] = {"marketo": timedelta(minutes=1), "salesforce": timedelta(minutes=1)}
#: vendors tell of deletions of about 15 and 14 days; an hour less, as time passes until they are asked
TOLD_DELETED: Mapping[str, timedelta] = {
    "marketo": timedelta(days=14, hours=-1),
    "salesforce": timedelta(days=15, hours=-1),
}
#: no record of these vendors is older, and Marketo takes no earlier date
EARLIEST = datetime(2007, 1, 1, tzinfo=UTC)
#: the longest window of one extract job at Marketo
LONGEST_EXTRACT = timedelta(days=31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What a run reads: `since` is in it, `until` is not. None: no bound on that side."""

    since: datetime | None = None
    until: datetime | None = None


#: all there is
EVERYTHING = Window()


def ceiling(vendor: str, now: datetime, covered: datetime | None) -> datetime:
    """Where a window ends that begins to be read at `now`; `covered`: until when the vendor says it shows everything.

    In whole seconds, as both vendors compare.
    """
    return (now - LAG[vendor] if covered is None else covered).replace(microsecond=0)


def window(vendor: str, watermark: datetime | None, until: datetime, *, exact: bool = False) -> Window:
    """What a run reads after a watermark; without one everything before `until`. `exact`: nothing is read once more.

    A window never ends before the watermark: what the vendor says it covers may lie behind what it said before.
    """
    if watermark is None:
        return Window(until=until)
    since = watermark if exact else watermark - OVERLAP[vendor]
    return Window(since=since, until=max(until, watermark))


def first_window(vendor: str, low: datetime | None, until: datetime) -> tuple[Window, datetime | None]:
    """What is read when nothing ever was, from a low watermark on; and a moment before which nothing made counts.

    Salesforce is asked for what was changed since. Marketo tells that in its log, whose pages are many and whose
    entries do not stay: only a month of it is read, of more the extracts of what was made since.
    """
    if low is None:
        return Window(until=until), None
    low = min(low, until)
    if vendor == "marketo" and until - low > LONGEST_EXTRACT:
        return Window(until=until), low
    return Window(since=low, until=until), None


def deletions(vendor: str, before: datetime, now: datetime) -> tuple[datetime, datetime | None]:
    """Since when deletions are asked for that were told up to `before`, and from when on alone the vendor tells them.

    The latter is None where nothing is lost.
    """
    since, oldest = before - OVERLAP[vendor], now - TOLD_DELETED[vendor]
    return (oldest, oldest) if since < oldest else (since, None)


def tiles(since: datetime, until: datetime, longest: timedelta = LONGEST_EXTRACT) -> list[Window]:
    """A span cut into windows of at most `longest`, each beginning where the one before ends."""
    since = max(since, EARLIEST)
    found: list[Window] = []
    while since < until:
        end = min(since + longest, until)
        found.append(Window(since=since, until=end))
        since = end
    return found
