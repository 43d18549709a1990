"""Calls that Marketo made and that never arrived: which they are, and who is first where one arrives after all.

Marketo calls a webhook once. It logs each call as an activity, with our answer if it got one. A call is *missing* if
its answer names no execution of ours and no execution of the person is left that could be it. Pure: activities and
executions in, missing calls out.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.action import Action
from leadbridge.domain.clauses import walk
from leadbridge.domain.columns import comes_with_call
from leadbridge.domain.event import Arrival, instant, iso
from leadbridge.domain.match_checks import identifiers_of
from leadbridge.domain.records import Activity

#: Marketo's activity type Call Webhook
CALL_WEBHOOK = 110
#: a call this old is decided on: its activity shows in Marketo's log and its execution in ours, if there is one
AGE = timedelta(minutes=15)
#: looked at again before the point that the last run reached, for activities that showed late
OVERLAP = timedelta(minutes=15)
#: a call that is stored this long after its arrival may have been recovered meanwhile; well below AGE
LATE = timedelta(minutes=5)
#: an execution id of a recovered call begins so, which no other does (those are hexadecimal)
PREFIX = "rec"

_NAMED = re.compile(r"execution_id\W{1,20}(?P<id>[0-9a-f]{32})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call as Marketo logged it; `answered` is the execution that our answer named, if it got there."""

    activity_id: str
    lead_id: int
    at: datetime
    answered: str = ""
    campaign_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An execution of the Action as our log has it; `stands_for` a recovered one: a call that came after that."""

    execution_id: str
    at: datetime
    stands_for: bool = False


def call_of(activity: Activity, webhook: str) -> Call | None:
    """The call that an activity tells of; None if it is of another webhook.

    The name of the attribute that holds our answer does not matter: an execution id says itself what it is.
    """
    if activity.activity_type_id != CALL_WEBHOOK or activity.primary_attribute_value != webhook:
        return None
    named = (_NAMED.search(value) for value in activity.attributes.values() if isinstance(value, str))
    return Call(
        activity_id=activity.marketo_guid,
        lead_id=activity.lead_id,
        at=activity.activity_date,
        answered=next((found["id"] for found in named if found), ""),
        campaign_id=activity.campaign_id,
    )


def recovered_id(connection: str, activity_id: str, action_id: str) -> str:
    """The execution id of a recovered call, 32 characters: the same whoever recovers it, and however often."""
    parts = "\x1f".join((connection, activity_id, action_id))
    return PREFIX + hashlib.sha256(parts.encode()).hexdigest()[: 32 - len(PREFIX)]


def is_recovered(execution_id: str) -> bool:
    """Whether an execution is that of a recovered call."""
    return execution_id.startswith(PREFIX)


def open_calls(calls: Iterable[Call]) -> list[Call]:
    """The calls that no answer of ours settles."""
    return [call for call in calls if not call.answered]


def missing(calls: Sequence[Call], seen: Sequence[Seen], *, tolerance: timedelta, ids: Mapping[str, str]) -> list[Call]:
    """The calls of one person that never arrived, oldest first.

    `calls` are all calls of the person to the webhook, `seen` all executions of the Action for the person, both with a
    margin of twice the tolerance around what is decided; `ids` are the execution ids that the calls have if recovered,
    by activity. As many calls as possible are explained by an execution each, at most `tolerance` away, and among the
    ways to do that the nearest counts: in doubt fewer calls are missing, never more.
    """
    known = {each.execution_id for each in seen}
    answered = {call.answered for call in calls}
    unsettled = sorted(
        (call for call in open_calls(calls) if ids[call.activity_id] not in known),
        key=lambda call: (call.at, call.activity_id),
    )
    free = sorted(
        each.at
        for each in seen
        if not (is_recovered(each.execution_id) or each.stands_for or each.execution_id in answered)
    )
    explained = _pairs([call.at for call in unsettled], free, tolerance)
    return [call for place, call in enumerate(unsettled) if place not in explained]


def _pairs(calls: Sequence[datetime], executions: Sequence[datetime], tolerance: timedelta) -> frozenset[int]:
    """The places of the calls that get an execution each, both in order of time: most pairs, then least distance.

    Pairs never need to cross: two that do can swap partners, and neither number nor distance gets worse.
    """
    # best[i][j]: (pairs as a negative number, distance) of the calls from i and the executions from j on
    best = [[(0, timedelta(0))] * (len(executions) + 1) for _ in range(len(calls) + 1)]
    for i in reversed(range(len(calls))):
        for j in reversed(range(len(executions))):
            options = [best[i + 1][j], best[i][j + 1]]
            distance = abs(calls[i] - executions[j])
            if distance <= tolerance:
                count, total = best[i + 1][j + 1]
                options.append((count - 1, total + distance))
            best[i][j] = min(options)
    found, i, j = set(), 0, 0
    while i < len(calls) and j < len(executions):
        count, total = best[i + 1][j + 1]
        distance = abs(calls[i] - executions[j])
        if distance <= tolerance and best[i][j] == (count - 1, total + distance):
            found.add(i)
            i, j = i + 1, j + 1
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            i += 1
    return frozenset(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meetings:
    """What is known of one person's calls to one Action that were recovered, or that were stored late."""

    #: recovered calls by execution id: when they were made, and the execution that arrived for them after all
    recovered: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    #: when those arrived that were stored late and for which nothing was recovered, by execution id
    late: Mapping[str, str] = field(default_factory=dict)


def recover(
    known: Meetings, execution_id: str, at: datetime, *, tolerance: timedelta, seen: Collection[str]
) -> Meetings | None:
    """What is known once a call is recovered; None if one came late that may be it: the next run will see that one.

    `seen` are the executions that the decision knew.
    """
    if execution_id in known.recovered:
        return known
    for other, arrived_at in known.late.items():
        if other not in seen and abs(instant(arrived_at) - at) <= tolerance:
            return None
    return replace(known, recovered={**known.recovered, execution_id: (iso(at), "")})


def arrive(known: Meetings, execution_id: str, at: datetime, *, tolerance: timedelta) -> tuple[Meetings, str]:
    """What is known once a call is stored late, and the recovered execution of which it is a duplicate, if any.

    One recovered call stands for one that came late, the nearest.
    """
    for recovered, (_, taken_by) in known.recovered.items():
        if taken_by == execution_id:
            return known, recovered
    free = [(abs(instant(made) - at), name) for name, (made, taken) in known.recovered.items() if not taken]
    distance, nearest = min(free, default=(timedelta.max, ""))
    if execution_id in known.late or distance > tolerance:
        return replace(known, late={**known.late, execution_id: iso(at)}), ""
    made = known.recovered[nearest][0]
    return replace(known, recovered={**known.recovered, nearest: (made, execution_id)}), nearest


def arrival_of(call: Call, action_id: str, execution_id: str) -> Arrival:
    """A missing call as one that arrives: at its own time, with the lead's id alone, and marked.

    The run asks Marketo for the rest, as it does for any call that brings less than the Action reads.
    """
    payload: dict[str, Any] = {
        "lead": {"id": call.lead_id},
        "recovered": {"activity_id": call.activity_id, "called_at": iso(call.at)},
    }
    if call.campaign_id is not None:
        payload["campaign"] = {"id": call.campaign_id}
    return Arrival(
        kind="event",
        execution_id=execution_id,
        action_id=action_id,
        sequence=f"{int(call.at.timestamp() * 1000):014d}#{execution_id}",
        received_at=call.at,
        payload=payload,
    )


def check_recovery(action: Action) -> Iterator[str]:
    """Findings about an Action that asks for recovery: what it reads must be there without the call, too."""
    if action.recovery is None:
        return
    for where, column, has_default in _columns(action):
        # these two stand in the activity
        if comes_with_call(column) and column not in {"id", "campaign.id"} and not has_default:
            yield (
                f"{where}: {column} comes with the call alone, and a recovered call has none; "
                "give the mapping `blank: default` and a `default`, or remove `recovery`"
            )


def _columns(action: Action) -> Iterator[tuple[str, str, bool]]:
    """Every column that an Action reads: where, its name, and whether there is a default for a blank."""
    yield from ((f"{where}.column", each.column, False) for where, each in identifiers_of(action))
    for where, group in (
        ("mappings", action.mappings),
        ("writeback", action.writeback),
        ("results.mappings", action.results.mappings),
        ("program_member.mappings", action.member_mappings),
    ):
        for index, item in enumerate(group):
            for member, column in item.columns():
                # a template of which one column is blank is not blank, so that its default does not come in
                defaulted = item.blank == "default" and member == "column"
                yield f"{where}[{index}].{member}", column, defaulted
    for index, column in enumerate(action.deduplicate.columns if action.deduplicate else ()):
        yield f"deduplicate.columns[{index}]", column, False
    for path, clause in walk(action.conditions) if action.conditions else ():
        yield path, clause.column, False
