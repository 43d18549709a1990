"""When somebody is told of something: readings in, what stays open and what is said out. Pure.

A *reading* says of one subject whether it is raised, eased or clear at this moment. The rules here are the same for
every kind of alert:

- One message for one subject in an hour, whatever kind of message it is. So an alert is open for an hour at least, and
  one that comes back within an hour after its end waits for that hour to pass.
- Raised, it is told at once; while it lasts it is repeated as often as its rule says.
- It ends when it has been clear for `SETTLED`, and that is told, once. What comes back before is the same alert.
- Between its two thresholds (eased) an alert stays as it is: open, or not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

#: one subject is not spoken of more often
BETWEEN = timedelta(hours=1)
#: two looks in a row: what wavers is not over
SETTLED = timedelta(minutes=10)


class Kind(StrEnum):
    """What alerts are about, in the order in which they are told."""

    FAILED = "failed"
    FAILED_CONNECTION = "failed_connection"
    LAG = "lag"
    SILENCE = "silence"
    PARKED = "parked"
    NEW_REASON = "new_reason"
    QUOTA = "quota"
    CERTIFICATE = "certificate"
    SYNC_FAILED = "sync_failed"
    SYNC_ROWS = "sync_rows"
    SYNC_PARKED = "sync_parked"
    SYNC_LAG = "sync_lag"
    CYCLE_FAILED = "cycle_failed"
    CYCLE_WAITS = "cycle_waits"
    CYCLE_PARKED = "cycle_parked"
    CYCLE_ASIDE = "cycle_aside"
    CYCLE_DUE = "cycle_due"


class Level(StrEnum):
    """How a subject stands at this moment."""

    RAISED = "raised"
    EASED = "eased"
    CLEAR = "clear"


class Step(StrEnum):
    """Which message of an alert it is."""

    RAISE = "raise"
    REPEAT = "repeat"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Subject:
    """What an alert is about: an Action, connection or instance, and a reason or level where there may be several."""

    kind: Kind
    name: str
    detail: str = ""

    @property
    def key(self) -> str:
        """The subject as one text."""
        return f"{self.kind.value}/{self.name}/{self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a subject stands, and the facts that its message tells.

    `since`: since when it is so, as far as it is known. `repeat`: how often it is told while it lasts, None for never
    again. `covered`: another message says the same, so this one is kept back.
    """

    subject: Subject
    level: Level
    since: datetime
    facts: Mapping[str, str | int]
    repeat: timedelta | None = None
    covered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An open alert: since when it is so, when it was last spoken of, since when it is clear."""

    subject: Subject
    since: datetime
    raised_at: datetime
    told_at: datetime
    clear_since: datetime | None
    facts: Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is kept from one look to the next.

    `told`: when subjects that are not open any more were last spoken of, for an hour. `reasons`: when a reason was last
    seen, by Action and reason. `used`: calls of the day that a vendor's instance told at looks of the last hour, oldest
    first, where the vendor counts them over the last 24 hours.
    """

    alerts: Mapping[Subject, Alert] = field(default_factory=dict)
    told: Mapping[Subject, datetime] = field(default_factory=dict)
    reasons: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    used: Mapping[str, Sequence[tuple[datetime, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to be told; `since` and `until` frame what lasted."""

    step: Step
    subject: Subject
    since: datetime
    facts: Mapping[str, str | int]
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """A message that a channel has not taken yet."""

    channel: str
    subject: str
    text: str
    at: datetime


def step(memory: Memory, readings: Sequence[Reading], now: datetime) -> tuple[Memory, list[Notice]]:
    """What stays open after a look at everything, and what is told now, in the order of telling.

    A subject without a reading is clear: nobody watches it any more.
    """
    found = {reading.subject: reading for reading in readings}
    alerts: dict[Subject, Alert] = {}
    told = {subject: at for subject, at in memory.told.items() if now - at < BETWEEN}
    notices: list[Notice] = []
    for subject in sorted({*found, *memory.alerts}):
        reading, alert = found.get(subject), memory.alerts.get(subject)
        if alert is None:
            after, notice = _begun(reading, now) if reading and subject not in told else (None, None)
        else:
            after, notice = _gone_on(alert, reading, now)
        if after is not None:
            alerts[subject] = after
        elif notice is not None:
            told[subject] = now
        if notice is not None:
            notices.append(notice)
    order = list(Step), list(Kind)
    notices.sort(key=lambda each: (order[0].index(each.step), order[1].index(each.subject.kind), each.subject))
    return replace(memory, alerts=alerts, told=told), notices


def _begun(reading: Reading, now: datetime) -> tuple[Alert | None, Notice | None]:
    """An alert that is not open yet."""
    if reading.level is not Level.RAISED or reading.covered:
        return None, None
    alert = Alert(
        subject=reading.subject,
        since=reading.since,
        raised_at=now,
        told_at=now,
        clear_since=None,
        facts=reading.facts,
    )
    return alert, _notice(Step.RAISE, alert)


def _gone_on(alert: Alert, reading: Reading | None, now: datetime) -> tuple[Alert | None, Notice | None]:
    """An open alert after another look."""
    if reading is None or reading.level is Level.CLEAR:
        clear_since = alert.clear_since or now
        alert = replace(alert, clear_since=clear_since)
        if now - clear_since < SETTLED or now - alert.told_at < BETWEEN:
            return alert, None
        return None, _notice(Step.RESOLVE, alert)
    alert = replace(alert, clear_since=None, facts=reading.facts)
    if reading.repeat is None or reading.covered or reading.level is not Level.RAISED:
        return alert, None
    if now - alert.told_at < max(BETWEEN, reading.repeat):
        return alert, None
    alert = replace(alert, told_at=now)
    return alert, _notice(Step.REPEAT, alert)


def _notice(which: Step, alert: Alert) -> Notice:
    return Notice(step=which, subject=alert.subject, since=alert.since, facts=alert.facts, until=alert.clear_since)
