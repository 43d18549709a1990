"""What a Sync's schedule is to the scheduler: an expression in a zone, between two moments. Pure.

An entry fires at every slot at least; a fire that is of no slot (quiet hours, a day in between) starts nothing, because
`domain.schedule` says so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from leadbridge.domain.schedule import Slot, instant, next_slot, slot_of
from leadbridge.domain.sync import NOW, Sync

_MINUTE = timedelta(minutes=1)
#: begins the entries of cycles, which ids of documents do not; the longest id still makes a name of 64 characters
TICK = "_"
_TICK_RATE = "rate(1 minute)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry; `start` and `end` are in UTC, None where nothing bounds it.

    `means` is what the document says, the same whenever it is asked for; by it a stored entry is known to be right.
    """

    #: of which Sync, or, behind `TICK`, of which cycle
    sync: str
    expression: str
    zone: str = "UTC"
    start: datetime | None = None
    end: datetime | None = None
    means: str


def entry_of(sync: Sync, now: datetime) -> Entry | None:
    """The entry of an active Sync; None if nothing but a person starts it from now on."""
    schedule = sync.schedule
    following = next_slot(sync, now)
    if schedule is None or schedule.once == NOW or following is None:
        return None
    if schedule.once is not None:
        expression = _once(following)
        return Entry(sync=sync.id, expression=expression, means=expression)
    # a fire of the last minute may come late; whether it is of a slot is told by its time
    end = instant(schedule.end, sync.zone) + _MINUTE if schedule.end else None
    bounds = f"{schedule.start} {schedule.end}"
    every = schedule.every
    if every is None or every.days is not None:
        # days are those of the calendar: the clocks may change, and some days are in between
        local = following.at.astimezone(sync.zone)
        # nothing is due on the days before
        start = following.at - _MINUTE
        expression = f"cron({local.minute} {local.hour} * * ? *)"
        zone = sync.time_zone or "UTC"
        means = f"{expression} {zone} {bounds}"
        return Entry(sync=sync.id, expression=expression, zone=zone, start=start, end=end, means=means)
    minutes = (every.minutes or 0) + 60 * (every.hours or 0)
    expression = f"rate({minutes} minute{'s' if minutes > 1 else ''})"
    # the first fire is at the start, the others so much later each: all of them are slots
    means = f"{expression} {sync.time_zone} {bounds}"
    return Entry(sync=sync.id, expression=expression, start=following.at, end=end, means=means)


def means_of_past(sync: Sync, now: datetime) -> str | None:
    """What the entry of a Sync means that was to run once at a time that is past; None for any other."""
    schedule = sync.schedule
    past = slot_of(sync, 0, now) if schedule is not None and schedule.once not in {None, NOW} else None
    return _once(past) if past else None


def _once(slot: Slot) -> str:
    return f"at({slot.at:%Y-%m-%dT%H:%M:%S})"


def tick_of(cycle: str) -> Entry:
    """The entry of an active cycle: whether its time has come is told at each tick."""
    return Entry(sync=f"{TICK}{cycle}", expression=_TICK_RATE, means=_TICK_RATE)
