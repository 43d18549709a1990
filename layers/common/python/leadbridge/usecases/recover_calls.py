"""Find the calls that Marketo made and that never arrived, and hand them to the same pipeline.

What a crash leaves undone the next run does: a recovered call has one execution id whoever finds it, and the point that
was reached is stored last.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from leadbridge.domain.action import Action
from leadbridge.domain.event import instant
from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.outcome import Reason
from leadbridge.domain.recovery import (
    AGE,
    CALL_WEBHOOK,
    OVERLAP,
    Call,
    Seen,
    arrival_of,
    call_of,
    missing,
    open_calls,
    recover,
    recovered_id,
)
from leadbridge.errors import ConfigurationError, SyncError, TransientError
from leadbridge.ports import Clock, Configurations, Connections, Meter
from leadbridge.usecases.late_calls import TRIES, Recoveries, Store, person_key, tolerance_of

#: how long a run may come back to a call that it could not settle
PATIENCE = timedelta(days=1)
#: executions older than their retention less this are not counted on
MARGIN = timedelta(days=1)


class Log(Protocol):
    """Reads the executions of a person."""

    def of_lead(self, lead_hash: str) -> Iterator[dict[str, Any]]:
        """Executions of one lead, in sequence order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A call that is missing, and the execution that it has as a recovered one."""

    call: Call
    execution_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run found of one Action's calls in (since, until]; `begun` is false where it only took its start."""

    action_id: str
    since: datetime
    until: datetime
    calls: int = 0
    found: tuple[Found, ...] = ()
    #: found, but not handed on: one that came late may be it, or storing failed; a later run looks again
    left: tuple[str, ...] = ()
    begun: bool = True
    error: str = ""

    @property
    def recovered(self) -> tuple[Found, ...]:
        """What was handed to the pipeline, or would be."""
        return tuple(each for each in self.found if each.execution_id not in self.left)


class RecoverCalls:
    """Recover calls of Actions that ask for it; running it again, or twice at once, changes nothing."""

    def __init__(
        self,
        *,
        configurations: Configurations,
        connections: Connections,
        log: Log,
        recoveries: Recoveries,
        store: Store,
        clock: Clock,
        meter: Meter,
        hash_key: Callable[[], bytes],
        retention: timedelta,
    ) -> None:
        """`store` takes the recovered calls as it takes those that arrive, `retention` is that of executions."""
        self._configurations = configurations
        self._connections = connections
        self._log = log
        self._recoveries = recoveries
        self._store = store
        self._clock = clock
        self._meter = meter
        self._hash_key = hash_key
        self._retention = retention

    def __call__(self) -> list[Report]:
        """Go on with every Action that asks for it, connection by connection; one that fails stops its own."""
        until = self._clock.now() - AGE
        by_connection: dict[str, list[tuple[Action, datetime]]] = {}
        reports: list[Report] = []
        for stored in self._configurations.list("action"):
            action = stored.document
            if not isinstance(action, Action) or action.recovery is None:
                continue
            since = self._resumed(stored, until)
            if since is None:
                # what was called before, or while it was not to run, is nobody's loss
                self._recoveries.reach(action.id, until)
                reports.append(Report(action_id=action.id, since=until, until=until, begun=False))
            else:
                by_connection.setdefault(action.source.connection, []).append((action, since))
        for connection, wanted in by_connection.items():
            try:
                found = self._run(connection, wanted, until, dry_run=False)
            except SyncError as error:
                told = str(error)
                found = [Report(action_id=each.id, since=since, until=until, error=told) for each, since in wanted]
            else:
                for report in found:
                    self._recoveries.reach(report.action_id, _settled(report))
            reports += found
        return reports

    def report_quota(self) -> None:
        """Tell the meter what is left of the vendors' quotas; a vendor that does not answer is told elsewhere."""
        with suppress(SyncError):
            self._connections.report_quota()

    def one(self, action_id: str, *, since: datetime | None = None, dry_run: bool = False) -> Report:
        """Recover the calls of one Action since a moment, by default since the last run; the schedule keeps its place.

        Raises:
            ConfigurationError: There is no such Action, or it does not ask for recovery.
        """
        stored = self._configurations.get("action", action_id)
        if stored is None or not isinstance(stored.document, Action):
            raise ConfigurationError([f"there is no action {action_id}"])
        action = stored.document
        if action.recovery is None:
            raise ConfigurationError(
                [f"action {action_id} has no `recovery`; add `recovery: {{webhook: NAME}}` and apply it"]
            )
        if not stored.active:
            raise ConfigurationError([f"action {action_id} is {stored.state}; activate it first"])
        until = self._clock.now() - AGE
        first = self._resumed(stored, until) or until
        if since is not None:
            versions = self._configurations.versions("action", action_id)
            made = versions[-1].change.at if versions else None
            first = max(since, self._oldest(), *([made] if made else ()))
        return self._run(action.source.connection, [(action, first)], until, dry_run=dry_run)[0]

    def _resumed(self, stored: Stored, until: datetime) -> datetime | None:
        """From where the schedule goes on; None where it only takes its start."""
        reached = self._recoveries.reached(stored.document.id) if stored.active else None
        return None if reached is None else max(min(reached, until) - OVERLAP, self._oldest())

    def _oldest(self) -> datetime:
        return self._clock.now() - self._retention + MARGIN

    def _run(
        self, connection: str, wanted: Sequence[tuple[Action, datetime]], until: datetime, *, dry_run: bool
    ) -> list[Report]:
        """Read the log of one instance once and decide on the calls of all its Actions."""
        margin = 2 * max(tolerance_of(action) for action, _ in wanted)
        calls = self._calls(
            connection, [action for action, _ in wanted], min(since for _, since in wanted), until, margin
        )
        reports = []
        for action, since in wanted:
            own = calls[action.id]
            found, known = self._missing(action, own, since, until)
            decided = sum(since < call.at <= until for call in own)
            report = Report(action_id=action.id, since=since, until=until, calls=decided, found=tuple(found))
            if found and not dry_run:
                report = replace(report, left=tuple(self._hand_on(action, found, known)))
                self._meter.count("RecoveredCalls", len(report.recovered), action=action.id)
            reports.append(report)
        return reports

    def _calls(
        self, connection: str, actions: Sequence[Action], since: datetime, until: datetime, margin: timedelta
    ) -> dict[str, list[Call]]:
        """The calls by Action, each once; Marketo gives them by time, so later pages are not asked for."""
        found: dict[str, dict[str, Call]] = {action.id: {} for action in actions}
        for activity in self._connections.marketo(connection).activities(since - margin, [CALL_WEBHOOK], ()):
            if activity.activity_date > until + margin:
                break
            for action in actions:
                call = call_of(activity, action.recovery.webhook) if action.recovery else None
                if call is not None:
                    found[action.id][call.activity_id] = call
        return {action_id: list(calls.values()) for action_id, calls in found.items()}

    def _missing(
        self, action: Action, calls: Iterable[Call], since: datetime, until: datetime
    ) -> tuple[list[Found], frozenset[str]]:
        """The missing calls, oldest first, and the executions that the decision knew."""
        by_lead: dict[int, list[Call]] = {}
        for call in calls:
            by_lead.setdefault(call.lead_id, []).append(call)
        found: list[Found] = []
        known: set[str] = set()
        for lead_id, own in by_lead.items():
            if not any(since < call.at <= until for call in open_calls(own)):
                continue
            seen = self._seen(action, lead_id, own)
            known.update(each.execution_id for each in seen)
            ids = {
                call.activity_id: recovered_id(action.source.connection, call.activity_id, action.id) for call in own
            }
            found += [
                Found(call=call, execution_id=ids[call.activity_id])
                for call in missing(own, seen, tolerance=tolerance_of(action), ids=ids)
                if since < call.at <= until
            ]
        return sorted(found, key=lambda each: (each.call.at, each.execution_id)), frozenset(known)

    def _seen(self, action: Action, lead_id: int, calls: Sequence[Call]) -> list[Seen]:
        margin = tolerance_of(action)
        first, last = min(call.at for call in calls) - margin, max(call.at for call in calls) + margin
        items = self._log.of_lead(keyed_hash(self._hash_key(), "lead", str(lead_id)))
        seen = [
            Seen(
                execution_id=item["execution_id"],
                at=instant(item["received_at"]),
                stands_for=item.get("reason") == Reason.DUPLICATE_RECOVERED,
            )
            for item in items
            if item["action_id"] == action.id
        ]
        return [each for each in seen if first <= each.at <= last]

    def _hand_on(self, action: Action, found: Sequence[Found], known: frozenset[str]) -> list[str]:
        """Hand missing calls to the pipeline; returns the execution ids of those that were not taken."""
        free = {each.execution_id: each.call for each in found if self._is_free(action, each, known)}
        arrivals = [(execution_id, arrival_of(call, action.id, execution_id)) for execution_id, call in free.items()]
        left = [each.execution_id for each in found if each.execution_id not in free]
        return left + self._store(arrivals, lambda: float("inf"))

    def _is_free(self, action: Action, found: Found, known: frozenset[str]) -> bool:
        """Note that a call is recovered, unless one that the decision did not know came late and may be it."""
        key = person_key(self._hash_key(), action.id, found.call.lead_id)
        for _ in range(TRIES):
            before, version = self._recoveries.meetings(key)
            after = recover(before, found.execution_id, found.call.at, tolerance=tolerance_of(action), seen=known)
            if after is None:
                return False
            if after == before or self._recoveries.meet(key, after, version):
                return True
        raise TransientError("others are faster all the time", vendor="aws", operation="meet")


def _settled(report: Report) -> datetime:
    """Up to where nothing is left to be looked at again, for a day at most."""
    open_since = [each.call.at for each in report.found if each.execution_id in report.left]
    return max(min([*open_since, report.until]), report.until - PATIENCE)
