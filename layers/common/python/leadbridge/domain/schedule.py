"""When a Sync runs: its slots, which are the same whoever asks and however often.

A slot is an instant at which a run is to begin. It follows from the document alone: an interval of minutes or hours
counts the time that passes from its start (without one from 1970 in UTC), one of days counts days of the calendar in
the Sync's zone, at the start's time of day. A slot's name is part of its execution's name, so that two fires of one
slot make one execution. In quiet hours no slot begins; what changed meanwhile comes with the next one.

A time that the clocks skip in spring is meant as if they had not been changed (02:30 becomes 03:30); of a time that
they show twice in autumn the first one is meant.

What runs once, now, has one slot for each version of its document: activating starts it, a second time starts nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from leadbridge.domain.sync import NOW, Every, Schedule, Sync

#: so much later than a slot a fire is not of it: the scheduler says what it is meant for, and delivers for ten minutes
#: (of days an hour more, as a time that the clocks show twice may be taken for the second one)
_LATE = timedelta(minutes=15)
_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: after so many slots in quiet hours none is outside them: of every minute those of the longest day, of a day's
#: slots, whose time of day only the clocks' changes move, more than a year's
_TRIES = 1600


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """An instant (UTC) at which a run is to begin, and the name that it has for ever."""

    at: datetime
    name: str


def instant(written: str, zone: tzinfo) -> datetime:
    """The instant (UTC) that a document's day and time means; without an offset it is of the zone."""
    read = datetime.fromisoformat(written)
    return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)


def next_slot(sync: Sync, after: datetime) -> Slot | None:
    """The first slot later than `after`; None if there is none any more, or nothing but a person starts the Sync."""
    schedule = sync.schedule
    if schedule is None or schedule.once == NOW:
        return None
    if schedule.once is not None:
        at = _minute(schedule.once, sync.zone)
        return _slot(at) if at > after else None
    for at in _upwards(schedule, sync.zone, after):
        if not _quiet(schedule, at, sync.zone):
            return _slot(at)
    return None


def slots(sync: Sync, after: datetime, until: datetime) -> Iterator[Slot]:
    """All slots later than `after`, up to and with `until`, the earliest first."""
    found = next_slot(sync, after)
    while found is not None and found.at <= until:
        yield found
        found = next_slot(sync, found.at)


def slot_of(sync: Sync, version: int, fired: datetime) -> Slot | None:
    """The slot that a fire at an instant belongs to: the last one that is not later. None if there is none.

    A scheduler may fire late, and twice; both are of the same slot. One in quiet hours, before the start or after the
    end is of none, even if a slot came before: a run that is over is not begun again.
    """
    schedule = sync.schedule
    if schedule is None:
        return None
    if schedule.once == NOW:
        return Slot(at=fired, name=f"now-v{version}")
    if schedule.once is not None:
        once = _minute(schedule.once, sync.zone)
        return _slot(once) if once <= fired else None
    at = _last(schedule, sync.zone, fired)
    if at is None or _quiet(schedule, at, sync.zone):
        return None
    return _slot(at)


def is_too_late(sync: Sync, slot: Slot, fired: datetime) -> bool:
    """Whether a fire came so much later than its slot that it was not meant for it, as on a day between two of them.

    What runs once is never too late. What changed is read by the next slot's run.
    """
    every = sync.schedule.every if sync.schedule else None
    return every is not None and fired - slot.at > _LATE + (_HOUR if every.days else timedelta())


def lets_begin(sync: Sync, at: datetime) -> bool:
    """Whether a run that is of no slot may begin at an instant: between start and end, and not in quiet hours."""
    schedule, zone = sync.schedule, sync.zone
    if schedule is None or schedule.every is None:
        return True
    if schedule.start and at < _minute(schedule.start, zone):
        return False
    if schedule.end and at > instant(schedule.end, zone):
        return False
    return not _quiet(schedule, at, zone)


def problems(sync: Sync, now: datetime) -> Iterator[tuple[str, str]]:
    """What is wrong with a Sync's schedule, as a member and a sentence with a remedy; its zone is known."""
    schedule, zone = sync.schedule, sync.zone
    if schedule is None:
        return
    for name in ("start", "once"):
        written = getattr(schedule, name)
        read = datetime.fromisoformat(written) if written not in {None, NOW} else None
        if read is not None and (read.second or read.microsecond):
            whole = read.isoformat(timespec="minutes")
            yield f"schedule.{name}", f"has seconds, and runs begin at whole minutes; write {whole}"
    if schedule.once not in {None, NOW} and instant(str(schedule.once), zone) <= now:
        yield "schedule.once", "is past, so the Sync would never run; give a time that is to come, or `now`"
    start = instant(schedule.start, zone) if schedule.start else None
    end = instant(schedule.end, zone) if schedule.end else None
    if end is not None and start is not None and end <= start:
        yield "schedule.end", "is not after the start; give a later one"
    elif end is not None and end <= now:
        yield "schedule.end", "is past, so the Sync would never run; give one that is to come, or remove it"
    elif schedule.every is not None and next_slot(sync, now) is None:
        if schedule.quiet:
            yield "schedule.quiet", "leaves no time at which a run could begin; make the quiet hours shorter"
        else:
            yield "schedule.end", "comes before the next run; give a later one"


def told(schedule: Schedule | None) -> str:
    """A schedule in words; its times are those of the Sync's zone, as they are written."""
    if schedule is None:
        return "by hand"
    if schedule.every is None:
        return "once, when it is activated" if schedule.once == NOW else f"once, {schedule.once}"
    unit = next(name for name in ("minutes", "hours", "days") if getattr(schedule.every, name))
    number = getattr(schedule.every, unit)
    often = f"every {number} {unit}" if number > 1 else f"every {unit.removesuffix('s')}"
    bounds = [f"{word} {at}" for word, at in (("from", schedule.start), ("until", schedule.end)) if at]
    quiet = [f"{each.start} to {each.end}" for each in schedule.quiet or ()]
    return " ".join([often, *bounds]) + (f", not {' or '.join(quiet)}" if quiet else "")


# slots of an interval


def _slot(at: datetime) -> Slot:
    return Slot(at=at, name=at.strftime("%Y%m%dT%H%M%SZ"))


def _minute(written: str, zone: tzinfo) -> datetime:
    """The instant of a document's day and time to the minute, as the scheduler fires: an old one may have seconds."""
    return instant(written, zone).replace(second=0, microsecond=0)


def _anchor(schedule: Schedule, zone: tzinfo) -> datetime:
    return _minute(schedule.start, zone) if schedule.start else _EPOCH


def _upwards(schedule: Schedule, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """Slots later than `after` with those in quiet hours, the earliest first, until the end."""
    end = instant(schedule.end, zone) if schedule.end else None
    every = schedule.every or Every(days=1)
    number = _number(schedule, every, zone, after) + 1
    for index in range(max(number, 0), max(number, 0) + _TRIES):
        at = _at(schedule, every, zone, index)
        if at <= after:
            # a day on which the clocks change can bring two neighbours together
            continue
        if end is not None and at > end:
            return
        yield at


def _last(schedule: Schedule, zone: tzinfo, fired: datetime) -> datetime | None:
    """The last slot that is not later than an instant; None before the start and after the end."""
    every = schedule.every or Every(days=1)
    number = _number(schedule, every, zone, fired)
    if number < 0:
        return None
    at = _at(schedule, every, zone, number)
    end = instant(schedule.end, zone) if schedule.end else None
    return None if end is not None and at > end else at


def _number(schedule: Schedule, every: Every, zone: tzinfo, moment: datetime) -> int:
    """Which slot is the last one that is not later than a moment; below 0 before the first."""
    if every.days is None:
        return (moment - _anchor(schedule, zone)) // _length(every)
    first, _ = _first_day(schedule, zone)
    number = (moment.astimezone(zone).date() - first).days // every.days
    # the slot of that day may be still to come
    return number if _at(schedule, every, zone, number) <= moment else number - 1


def _at(schedule: Schedule, every: Every, zone: tzinfo, number: int) -> datetime:
    if every.days is None:
        return _anchor(schedule, zone) + number * _length(every)
    first, clock = _first_day(schedule, zone)
    return datetime.combine(first + timedelta(days=number * every.days), clock, zone).astimezone(UTC)


def _length(every: Every) -> timedelta:
    return timedelta(minutes=every.minutes or 0, hours=every.hours or 0)


def _first_day(schedule: Schedule, zone: tzinfo) -> tuple[date, time]:
    """The day of the first slot and its time of day, in the zone."""
    if not schedule.start:
        return _EPOCH.date(), time()
    local = _minute(schedule.start, zone).astimezone(zone)
    return local.date(), local.time()


def _quiet(schedule: Schedule, at: datetime, zone: tzinfo) -> bool:
    clock = at.astimezone(zone).time()
    return any(each.holds(clock) for each in schedule.quiet or ())
