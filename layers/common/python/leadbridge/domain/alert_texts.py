"""What alerts say: what, how many, since when, what to do and the command, in one place by kind.

Only ids, reason codes, numbers and times are put into the sentences; whatever does not look like one is left out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from leadbridge.domain.alert_readings import told_time
from leadbridge.domain.alerts import Alert, Kind, Notice, Step, Subject

#: notices that one post spells out; of more only their number is told
MOST = 20
#: ids, reason codes and host names; no white space and no @, so no sentence, name or address of a person
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")

HEADS: Mapping[Step, str] = {Step.RAISE: "ALERT", Step.REPEAT: "STILL", Step.RESOLVE: "RESOLVED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words for one kind: title, what and how many, what to do, the command, and what is said at its end."""

    title: str
    what: str
    remedy: str
    command: str
    over: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is said of one subject: what it is, what to do and the command that shows it."""

    title: str
    what: str
    remedy: str
    command: str


#: the one table; the names are those of the facts, `name` is that of the Action, the connection or the instance
WORDS: Mapping[Kind, Words] = {
    Kind.FAILED: Words(
        title="Action {name}: calls fail",
        what="{failed} of {ended} calls failed in {minutes} minutes ({share} %){top}",
        remedy="Look at one of them, mend what its message says, then let Marketo send those persons again",
        command="executions{by_reason} --since {minutes}m",
        over="Calls do not fail any more, or hardly",
    ),
    Kind.FAILED_CONNECTION: Words(
        title="Connection {name}: calls of {actions} Actions fail",
        what="{failed} of {ended} calls failed in {minutes} minutes ({share} %){top}",
        remedy="Several Actions fail at once, so look at the connection first",
        command="connections test {name}",
        over="Its calls do not fail any more, or hardly",
    ),
    Kind.NEW_REASON: Words(
        title="Action {name}: {reason} for the first time",
        what="{number} {calls} {became} with this reason, which this Action did not have before",
        remedy="Look at one of them; its message says what to do",
        command="executions{by_reason} --since 2h",
        over="The reason has not come again for an hour; from now on it counts as known",
    ),
    Kind.PARKED: Words(
        title="Action {name}: parked calls wait for you",
        what="{number} {calls} {are} parked{top}",
        remedy=(
            "Mend what the message of one of them says, then run them again with "
            "`leadbridge{stack} redrive --state parked{by_reason}`"
        ),
        command="executions --state parked{by_reason}",
        over="None of its calls is parked any more, or hardly any",
    ),
    Kind.LAG: Words(
        title="Connection {name}: calls wait too long",
        what="{number}{or_more} {calls} {wait}, the oldest for {minutes} minutes{because}",
        remedy="See what they wait for; what waits for a vendor or a quota goes on by itself",
        command="executions{which}",
        over="Its calls do not wait any more, or not long",
    ),
    Kind.QUOTA: Words(
        title="{vendor} {name}: {level} % of the calls of {day} are used",
        what="{used} of {allowed} calls are used ({percent} %){forecast}",
        remedy="See which integration spends them ({where}); our work parks by itself when they are spent",
        command="{look}",
        over="Fewer calls are used again, or a new day has begun",
    ),
    Kind.CERTIFICATE: Words(
        title="Connection {name}: its certificate ends soon",
        what="The certificate ends on {ends_at}, in {days} {days_word}; Salesforce refuses the login from then on",
        remedy="Make a new one and upload it to the External Client App of the connection",
        command="connections certificate {name}",
        over="A new certificate was made; upload it if that has not been done",
    ),
    Kind.SILENCE: Words(
        title="Action {name}: hardly any calls arrive",
        what="{arrived} {calls} arrived in {minutes} minutes, {usual} are usual at this hour of this weekday",
        remedy=(
            "See in Marketo whether the campaign runs, and in a person's activity log what Call Webhook was answered"
        ),
        command="webhook-sheet {name}",
        over="Calls arrive again",
    ),
    Kind.SYNC_FAILED: Words(
        title="Sync {name}: a run failed",
        what="{number} {runs} in a row failed, the last one ({slot}){because}",
        remedy="Mend what its message says; the next run reads again what this one should have moved",
        command="syncs executions {name} {slot}",
        over="A run has gone well again",
    ),
    Kind.SYNC_ROWS: Words(
        title="Sync {name}: rows fail",
        what="{failed} of {ended} rows of the run {slot} failed ({share} %)",
        remedy=(
            "Look at their reasons, mend what they say, then try those rows again with "
            "`leadbridge{stack} syncs retry {name} {slot}`"
        ),
        command="syncs executions {name} {slot} --failed",
        over="Rows do not fail any more, or hardly",
    ),
    Kind.SYNC_PARKED: Words(
        title="Sync {name}: its run waits",
        what="The run {slot} waits ({waiting}) with {rows} of {pulled} rows done",
        remedy=(
            "What waits for a quota goes on by itself; enable a connection that is disabled, or let a paused run go on "
            "with `leadbridge{stack} syncs ask resume {name} {slot}`"
        ),
        command="syncs executions {name} {slot}",
        over="Its run goes on, or has ended",
    ),
    Kind.SYNC_LAG: Words(
        title="Sync {name}: it stays behind",
        what="What changed {behind} minutes ago has not been moved; a run that does so is due for {minutes} minutes",
        remedy="See whether its runs fail, wait, or take longer than the time between two of them",
        command="syncs executions {name}",
        over="It has caught up",
    ),
    Kind.CYCLE_FAILED: Words(
        title="Cycle {name}: a run failed",
        what="{number} {runs} in a row failed, the last one ({slot}){because}",
        remedy="Mend what its message says; the next run reads the same again",
        command="cycle executions {name} {slot}",
        over="A run has gone well again",
    ),
    Kind.CYCLE_WAITS: Words(
        title="Cycle {name}: its run waits",
        what="The run {slot} waits ({waiting}), and no other one begins",
        remedy=(
            "Look at what a guard has counted, and confirm it with `leadbridge{stack} cycle confirm {name} {slot}` if "
            "it is meant; what waits for a quota goes on by itself, what is paused with `cycle resume`"
        ),
        command="cycle executions {name}",
        over="Its run goes on, or has ended",
    ),
    Kind.CYCLE_PARKED: Words(
        title="Cycle {name}: {kinds} cannot go on",
        what="The run {slot} ended without {kinds}; the others went on",
        remedy="Mend what its message says; the next run reads the same again",
        command="cycle executions {name} {slot}",
        over="All kinds of records go on",
    ),
    Kind.CYCLE_ASIDE: Words(
        title="Cycle {name}: fields are put aside",
        what="{number} {pairs} of fields cannot be kept in step",
        remedy="Show, or change back, what a system hid or retyped; edits that wait arrive then",
        command="cycle show {name}",
        over="All pairs of fields are kept in step",
    ),
    Kind.CYCLE_DUE: Words(
        title="Cycle {name}: records fail again and again",
        what="{number} {records} failed {tries} times or more after the first time",
        remedy="See why, and mend it; they are looked at again by themselves",
        command="cycle due {name}",
        over="None of them fails so often any more, or hardly any",
    ),
}
BECAME = {"failed": "failed", "parked": "were parked", "rejected": "were refused"}


def post(notices: Sequence[Notice], stack: str) -> tuple[str, str]:
    """Subject and text of one message with all notices. `stack`: what to give to `--stack`, empty on a local one."""
    numbers = {which: sum(notice.step is which for notice in notices) for which in Step}
    words = {Step.RAISE: "new", Step.REPEAT: "still", Step.RESOLVE: "resolved"}
    told = ", ".join(f"{number} {words[which]}" for which, number in numbers.items() if number)
    subject = f"Leadbridge{f' {stack}' if stack else ''}: {told}"[:99]
    blocks = [block(notice, stack) for notice in notices[:MOST]]
    if len(notices) > MOST:
        blocks.append(f"And {len(notices) - MOST} more.\nCommand: leadbridge{_stack(stack)} alerts list")
    return subject, "\n\n".join(blocks)


def block(notice: Notice, stack: str = "") -> str:
    """What is said of one subject."""
    words, facts = WORDS[notice.subject.kind], _facts(notice, stack)
    said = _said(notice, stack)
    head = f"{HEADS[notice.step]} {said.title}"
    if notice.step is Step.RESOLVE:
        until = f" to {told_time(notice.until)}" if notice.until else ""
        return f"{head}\n{words.over.format_map(facts)}. It lasted from {told_time(notice.since)}{until}."
    return "\n".join([head, f"{said.what}{_since(notice)}", f"What to do: {said.remedy}", f"Command: {said.command}"])


def said_of(alert: Alert, stack: str) -> Said:
    """What is said of an alert that is open, without its times."""
    return _said(Notice(step=Step.RAISE, subject=alert.subject, since=alert.since, facts=alert.facts), stack)


def _said(notice: Notice, stack: str) -> Said:
    words, facts = WORDS[notice.subject.kind], _facts(notice, stack)
    return Said(
        title=words.title.format_map(facts),
        what=f"{words.what.format_map(facts)}.",
        remedy=f"{words.remedy.format_map(facts)}.",
        command=f"leadbridge{_stack(stack)} {words.command.format_map(facts)}",
    )


def title(subject: Subject, facts: Mapping[str, str | int]) -> str:
    """What an open alert is called."""
    notice = Notice(step=Step.RAISE, subject=subject, since=datetime.min.replace(tzinfo=UTC), facts=facts)
    return WORDS[subject.kind].title.format_map(_facts(notice, ""))


def sample(now: datetime, stack: str = "") -> tuple[str, str]:
    """A message that shows that a channel works."""
    text = (
        f"This is a test of {told_time(now)}. Alerts arrive here when something needs you, and say what to do.\n"
        f"Command: leadbridge{_stack(stack)} alerts list"
    )
    return f"Leadbridge{f' {stack}' if stack else ''}: test of the alerts", text


def _since(notice: Notice) -> str:
    # what ends in the future, or is counted by days, says its time in the sentence
    if notice.subject.kind in {Kind.CERTIFICATE, Kind.QUOTA}:
        return ""
    return f" Since {told_time(notice.since)}."


def _stack(stack: str) -> str:
    return f" --stack {stack}" if stack else ""


def _word(value: object) -> str:
    """A word that is one of ours; anything else may be somebody's."""
    text = str(value)
    return text if _WORD.fullmatch(text) else ""


def _facts(notice: Notice, stack: str) -> dict[str, object]:
    """The facts as they stand in sentences."""
    given = {name: value for name, value in notice.facts.items() if isinstance(value, int)}
    facts: dict[str, object] = {"failed": 0, "ended": 0, "minutes": 0, "share": 0, "actions": 0, "number": 0}
    facts |= {"percent": 0, "used": 0, "allowed": 0, "days": 0, "arrived": 0, "usual": 0} | given
    facts = {"rows": 0, "pulled": 0, "behind": 0, "tries": 0} | facts
    reason, number = _word(notice.facts.get("reason", "")), given.get("number", given.get("arrived", 0))
    one = number == 1
    of_it = given.get("of_it", 0)
    return (
        facts
        | {
            "name": _word(notice.subject.name) or "of another name",
            "stack": _stack(stack),
            "reason": reason or "a reason of another name",
            "by_reason": f" --reason {reason}" if reason else "",
            "top": f", {of_it} of them with {reason}" if reason and of_it else "",
            "calls": "call" if one else "calls",
            "are": "is" if one else "are",
            "wait": "waits" if one else "wait",
            "became": _became(notice, one=one),
            "or_more": " or more" if given.get("more") else "",
            "because": f", because of {reason}" if reason else "",
            "which": f" --reason {reason}" if reason else " --state waiting",
            "runs": "run" if one else "runs",
            "pairs": "pair" if one else "pairs",
            "records": "record" if one else "records",
            "kinds": _listed(notice) or "some records",
            "slot": _word(notice.facts.get("slot", "")) or "of another name",
            "waiting": _word(notice.facts.get("waiting", "")) or "for something",
            "days_word": "day" if given.get("days") == 1 else "days",
            "ends_at": _time(notice, "ends_at"),
        }
        | _quota(notice)
    )


def _listed(notice: Notice) -> str:
    """The kinds of records that are named."""
    kinds = [_word(value) for name, value in sorted(notice.facts.items()) if name.startswith("kind")]
    return ", ".join(each for each in kinds if each)


def _became(notice: Notice, *, one: bool) -> str:
    words = BECAME.get(str(notice.facts.get("what", "")), "ended")
    return words.replace("were", "was") if one else words


def _quota(notice: Notice) -> dict[str, object]:
    vendor = _word(notice.facts.get("vendor", "")).capitalize()
    connection = _word(notice.facts.get("connection", ""))
    ends, spent = _time(notice, "day_ends"), _time(notice, "spent_at")
    forecast = f"; at this pace they last until the new day begins at {ends}" if ends else ""
    if spent:
        forecast = f"; at this pace they are spent at {spent}, and come back at {ends}"
    over = int(notice.facts.get("used", 0)) >= int(notice.facts.get("allowed", 0))
    if ends and over:
        forecast = f"; they come back at {ends}"
    if not ends:
        forecast = _forecast_of_24_hours(notice, spent, over=over)
    marketo = vendor == "Marketo"
    return {
        "vendor": vendor,
        "level": int(detail) if (detail := notice.subject.detail).isdecimal() else 0,
        "day": "the day" if ends else "the last 24 hours",
        "forecast": forecast,
        "where": "Marketo: Admin > Web Services" if marketo else "Salesforce: Setup > Company Information",
        "look": f"connections test {connection}" if connection else "connections list",
    }


def _forecast_of_24_hours(notice: Notice, spent: str, *, over: bool) -> str:
    """Calls that come back one by one have no hour at which all are there again."""
    if over:
        return "; each comes back 24 hours after it was made"
    if spent:
        return (
            f"; at the pace of the last hour they are spent at {spent}, and each comes back 24 hours after it was made"
        )
    return "; at the pace of the last hour they last" if _time(notice, "paced_since") else ""


def _time(notice: Notice, name: str) -> str:
    text = str(notice.facts.get(name, ""))
    return text if re.fullmatch(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC", text) else ""
