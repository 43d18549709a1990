"""Run a batch of events of one lane: a handful of vendor calls for up to 200 events.

Events that share a key run in sequence, in waves; inside a wave every key is there once. At each step the
state that a crash would need is stored before the vendor is called.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from leadbridge.domain import pipeline
from leadbridge.domain.action import Action
from leadbridge.domain.event import Ending, Event, Part, Result
from leadbridge.domain.outcome import WRITTEN, Outcome, Reason, State, message
from leadbridge.domain.pipeline import Candidate, CompiledAction, Wait, Write
from leadbridge.domain.postponement import LOGIN_PROBE, Postponement, postpone, vendor_reason
from leadbridge.domain.records import CustomActivity, CustomActivityType, Resolution, RowResult
from leadbridge.domain.values import coerce
from leadbridge.errors import ContractError, PermanentError, SyncError, UncertainWriteError, UnknownVersionError
from leadbridge.ports import Clock, Configurations, Connections, Guarded, Inbox, Keys, Meter

#: rows of one Salesforce collections call
COLLECTION_LIMIT = 200
#: leads of one Marketo activity query
ACTIVITY_LEADS_LIMIT = 30
#: tries of one record that the vendor asks to repeat (row locks) before it counts as failed
ROW_TRIES = 5
#: refused calls after which a search for one malformed record is given up: then it is not the record
REFUSALS_LIMIT = 20
#: an event that died with its worker this often is parked
CRASH_LIMIT = 2

NOT_CONFIGURED = Part(status="not_configured")


class StoppedError(Exception):
    """The lease was lost or the time is up: nothing more may be written, whatever is in hand is given back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """Durations of a run; a local stack shortens them."""

    retry_seconds: float = 5.0
    settle: timedelta = timedelta(seconds=60)
    guard: timedelta = timedelta(minutes=5)
    busy: timedelta = timedelta(seconds=2)
    describe_age: timedelta = timedelta(minutes=15)


@dataclass(slots=True, kw_only=True)
class Entry:
    """A candidate whose destination has answered, on its way to its end."""

    candidate: Candidate
    result: Result
    resumed: bool = False
    writeback: Part | None = None
    activity: Part | None = None


class RunEvents:
    """Run events that the caller holds the lane's lease for."""

    def __init__(
        self,
        *,
        configurations: Configurations,
        inbox: Inbox,
        keys: Keys,
        connections: Connections,
        clock: Clock,
        meter: Meter,
        hash_key: Callable[[], bytes],
        settings: RunSettings,
    ) -> None:
        self._configurations = configurations
        self._inbox = inbox
        self._keys = keys
        self._connections = connections
        self._clock = clock
        self._meter = meter
        self._hash_key = hash_key
        self._settings = settings
        self._compiled: dict[tuple[str, int], tuple[datetime, CompiledAction]] = {}
        self._activity_types: dict[tuple[str, str], CustomActivityType] = {}
        self._earliest: datetime | None = None

    def __call__(self, events: Sequence[Event], may_go_on: Callable[[], bool]) -> datetime | None:
        """Bring every event to its end, or give it back; returns the earliest due time given.

        Raises:
            StoppedError: `may_go_on` said no; nothing was written after that.
        """
        self._earliest = None
        compile_once = cache(self._compile)  # one look per Action and version, also if the look fails
        candidates: list[Candidate] = []
        ended: list[Ending] = []
        for event in events:
            if event.crashes >= CRASH_LIMIT:
                self._park(event, Reason.WORKER_CRASHED, message(Reason.WORKER_CRASHED))
                continue
            compiled = compile_once(event.action_id, event.version)
            if not isinstance(compiled, CompiledAction):
                self._not_compiled(event, compiled)
                continue
            begun = event.evolve(version=compiled.version)
            admitted = pipeline.admit(begun, compiled, self._hash_key())
            if isinstance(admitted, Result):
                ended.append(_ending(begun.evolve(executed_at=self._clock.now()), admitted, compiled.action))
            else:
                candidates.append(admitted)
        self._finish(ended)
        for wave in waves(candidates):
            now = self._clock.now()
            self._run_wave([item.with_event(_begun(item.event, now)) for item in wave], may_go_on)
        return self._earliest

    def report_quota(self) -> None:
        """Tell the meter what is left of the vendors' quotas; a vendor that does not answer is told elsewhere."""
        with suppress(SyncError):
            self._connections.report_quota()

    def _run_wave(self, wave: Sequence[Candidate], may_go_on: Callable[[], bool]) -> None:
        _require(may_go_on)
        guarded, overtaken = self._guard(self._claim(wave))
        reporting = [
            Entry(candidate=item, result=item.event.result, resumed=True) for item in guarded if item.event.result
        ]
        open_ = [item for item in guarded if not item.event.result]
        for group in _grouped(open_, _match_group):
            reporting.extend(self._match_and_write(group, overtaken, may_go_on))
        for entries in _grouped(reporting, lambda entry: entry.candidate.compiled.action.source.connection):
            self._report(entries, may_go_on)

    # keys

    def _claim(self, wave: Sequence[Candidate]) -> list[Candidate]:
        wanted = [(item.event, claim) for item in wave if item.event.state is State.WAITING for claim in item.claims]
        owners = self._keys.claim(wanted) if wanted else []
        taken = {
            event.execution_id: (claim, owner) for (event, claim), owner in zip(wanted, owners, strict=True) if owner
        }
        endings = []
        for item in wave:
            if item.event.execution_id in taken:
                claim, owner = taken[item.event.execution_id]
                text = message(claim.reason, owner=owner, fields=", ".join(claim.fields), seconds=claim.window_seconds)
                result = Result(outcome=Outcome.DUPLICATE, reason=claim.reason, message=text)
                self._keys.release(item.event.execution_id, [], [held.key for held in item.claims])
                endings.append(_ending(item.event, result, item.compiled.action))
        self._finish(endings)
        return [item for item in wave if item.event.execution_id not in taken]

    def _guard(self, wave: Sequence[Candidate]) -> tuple[list[Candidate], dict[str, Mapping[str, Guarded]]]:
        if not wave:
            return [], {}
        now = self._clock.now()
        wanted = {item.event.execution_id: item.guards for item in wave}
        obtained = dict(self._keys.guard(wanted, now + self._settings.guard, now))
        busy = [item.event for item in wave if item.event.execution_id not in obtained]
        if busy:
            self._defer([event.evolve(due_at=now + self._settings.busy) for event in busy])
        return [item for item in wave if item.event.execution_id in obtained], obtained

    # match and write

    def _match_and_write(
        self,
        group: Sequence[Candidate],
        obtained: Mapping[str, Mapping[str, Guarded]],
        may_go_on: Callable[[], bool],
    ) -> list[Entry]:
        try:
            matches = self._match(group)
        except SyncError as error:
            self._postpone(group, error)
            return []
        entries: list[Entry] = []
        writes: list[Write] = []
        waiting: list[Event] = []
        for item in group:
            found = matches.get(item.match_key, [])
            decided = self._overtaken(item, obtained[item.event.execution_id], found) or pipeline.decide_write(
                item, found, now=self._clock.now(), settle=self._settings.settle
            )
            if isinstance(decided, Write):
                writes.append(decided)
            elif isinstance(decided, Wait):
                waiting.append(item.event.evolve(due_at=decided.until))
            else:
                entries.append(Entry(candidate=item, result=decided))
        self._defer(waiting)
        for same in _grouped(writes, lambda write: write.intent.operation):
            entries.extend(self._write(same, may_go_on))
        return self._remember(entries)

    def _match(self, group: Sequence[Candidate]) -> dict[str, list[Mapping[str, Any]]]:
        compiled = group[0].compiled
        destination = compiled.action.destination
        values = list({item.match_key: item.identifier for item in group}.values())
        typed = [coerce(value, compiled.identifier) for value in values]
        records = self._connections.salesforce(destination.connection).find(
            destination.object, compiled.matched_fields, compiled.identifier.name, typed
        )
        found: dict[str, list[Mapping[str, Any]]] = {}
        for record in records:
            key = pipeline.match_key(record[compiled.identifier.name], compiled.identifier)
            found.setdefault(key, []).append(record)
        return found

    def _overtaken(
        self, item: Candidate, guards: Mapping[str, Guarded], found: Sequence[Mapping[str, Any]]
    ) -> Result | None:
        by = [guard for guard, state in guards.items() if pipeline.overtaken(item, state.last)]
        if not by:
            return None
        return pipeline.superseded(item, found, by_another_lead=item.lead_guard not in by)

    def _write(self, writes: Sequence[Write], may_go_on: Callable[[], bool]) -> list[Entry]:
        kept = {
            event.execution_id: event
            for event in self._inbox.save(
                [write.candidate.event.evolve(state=State.WRITING, intent=write.intent) for write in writes]
            )
        }
        entries: list[Entry] = []
        for calm in _once_each([write.with_event(kept[_id(write)]) for write in writes if _id(write) in kept]):
            for chunk in _chunks(calm, COLLECTION_LIMIT):
                entries.extend(self._write_chunk(chunk, may_go_on, refusals=[]))
        return entries

    def _write_chunk(
        self, chunk: Sequence[Write], may_go_on: Callable[[], bool], *, refusals: list[SyncError]
    ) -> list[Entry]:
        _require(may_go_on)
        try:
            rows = self._call(chunk)
        except UncertainWriteError as error:
            self._postpone([write.candidate for write in chunk], error)
            return []
        except (PermanentError, ContractError) as error:  # refused as a whole, by a code that we know or do not
            refusals.append(error)
            if len(chunk) > 1 and len(refusals) < REFUSALS_LIMIT:
                # one malformed record can spoil a call: halve until it stands alone
                half = len(chunk) // 2
                first = self._write_chunk(chunk[:half], may_go_on, refusals=refusals)
                return first + self._write_chunk(chunk[half:], may_go_on, refusals=refusals)
            self._postpone([_undone(write.candidate) for write in chunk], error)
            return []
        except SyncError as error:
            self._postpone([_undone(write.candidate) for write in chunk], error)
            return []
        entries = []
        for write, row in zip(chunk, rows, strict=True):
            result = self._judge(write, row)
            if result is not None:
                entries.append(Entry(candidate=write.candidate, result=result))
        return entries

    def _call(self, chunk: Sequence[Write]) -> Sequence[RowResult]:
        compiled = chunk[0].candidate.compiled
        destination = compiled.action.destination
        client = self._connections.salesforce(destination.connection)
        if chunk[0].intent.operation == "update":
            rows = [{"Id": write.intent.record_id} | dict(write.fields) for write in chunk]
            return client.update(destination.object, rows)
        if chunk[0].intent.operation == "upsert":
            return client.upsert(destination.object, compiled.identifier.name, [write.fields for write in chunk])
        return client.create(destination.object, [write.fields for write in chunk])

    def _judge(self, write: Write, row: RowResult) -> Result | None:
        """The result of one record, or None if it was given back to be tried again."""
        event = write.candidate.event
        if row.ok:
            return pipeline.success(write, str(row.id or write.intent.record_id), created=row.status == "created")
        tries = _tries(event, row, vendor="salesforce")
        raced = row.code == "DUPLICATE_VALUE" and write.intent.operation != "update" and tries == 0
        if raced or _repeatable(row, tries):
            # of a lost answer the intent stays: the next run looks before it writes
            again = event if row.resolution is Resolution.UNCERTAIN else _undone(write.candidate).event
            self._again(again, row, vendor="salesforce", at_once=raced)
            return None
        text = message("vendor_refused", vendor="Salesforce", code=row.code, detail=row.message)
        return Result(outcome=Outcome.FAILED, reason=vendor_reason("salesforce", row.code), message=text)

    def _again(
        self, event: Event, row: RowResult, *, vendor: str, at_once: bool = False, look_later: bool = False
    ) -> None:
        """Give one event back because the vendor asked for its record to be sent again."""
        if row.resolution in {Resolution.QUOTA, Resolution.REAUTH}:
            wait = LOGIN_PROBE
        else:
            tries = _tries(event, row, vendor=vendor)
            wait = timedelta(seconds=pipeline.backoff_seconds(tries, self._settings.retry_seconds))
        wait = max(wait, self._settings.settle) if look_later else wait
        text = message("vendor_waiting", vendor=vendor.capitalize(), code=row.code, detail=row.message)
        self._defer(
            [
                event.evolve(
                    attempts=_tries(event, row, vendor=vendor) + 1,
                    due_at=self._clock.now() + (timedelta(0) if at_once else wait),
                    reason=vendor_reason(vendor, row.code),
                    message=text,
                )
            ]
        )

    def _remember(self, entries: Sequence[Entry]) -> list[Entry]:
        """Store results before anything is told to Marketo; what a newer epoch holds is dropped."""
        told = [entry for entry in entries if entry.result.record_id or pipeline.reports(entry.result)]
        kept = {
            event.execution_id: event
            for event in self._inbox.save(
                [entry.candidate.event.evolve(state=State.REPORTING, result=entry.result) for entry in told]
            )
        }
        for entry in told:
            if entry.candidate.event.execution_id in kept:
                entry.candidate = entry.candidate.with_event(kept[entry.candidate.event.execution_id])
        lost = {id(entry) for entry in told if entry.candidate.event.execution_id not in kept}
        return [entry for entry in entries if id(entry) not in lost]

    # report

    def _report(self, entries: Sequence[Entry], may_go_on: Callable[[], bool]) -> None:
        remaining = self._write_back(list(entries), may_go_on)
        for same in _grouped(remaining, _activity_group):
            done = self._log_activities(same, may_go_on)
            for entry in done:
                if entry.result.outcome is Outcome.FAILED and entry.candidate.claims:
                    # before the end is recorded: a failed event must not suppress the next one
                    claims = [claim.key for claim in entry.candidate.claims]
                    self._keys.release(entry.candidate.event.execution_id, [], claims)
            self._finish([_entry_ending(entry) for entry in done])

    def _write_back(self, entries: list[Entry], may_go_on: Callable[[], bool]) -> list[Entry]:
        try:
            records = self._read_back(entries)
            pending = []
            for entry in entries:
                record = records.get(entry.result.record_id or "", {})
                row = pipeline.writeback_row(entry.candidate, entry.result, record)
                if row is not None:
                    pending.append((entry, row))
            if not pending:
                return entries
            _require(may_go_on)
            client = self._connections.marketo(entries[0].candidate.compiled.action.source.connection)
            rows = client.sync_leads([row for _, row in pending], action="updateOnly", lookup_field="id")
        except SyncError as error:
            # writing the same values to the same lead again is harmless, so a lost answer is only a delay here
            self._postpone([entry.candidate for entry in entries], error, activity_uncertain=False, resumed=entries)
            return []
        remaining = list(entries)
        for (entry, _), answer in zip(pending, rows, strict=True):
            event = entry.candidate.event
            if not answer.ok and _repeatable(answer, _tries(event, answer, vendor="marketo")):
                doubt = entry.resumed and event.activity_uncertain
                self._again(event.evolve(activity_uncertain=doubt), answer, vendor="marketo")
                remaining.remove(entry)
            entry.writeback = _part(answer, "written")
        return remaining

    def _read_back(self, entries: Sequence[Entry]) -> dict[str, Mapping[str, Any]]:
        """Destination values that the write-back needs beyond the Id, by record id."""
        records: dict[str, Mapping[str, Any]] = {}
        wanted = [entry for entry in entries if entry.result.record_id and entry.candidate.compiled.read_back_fields]
        for group in _grouped(wanted, lambda entry: _match_group(entry.candidate)):
            compiled = group[0].candidate.compiled
            destination = compiled.action.destination
            fields = sorted({name for entry in group for name in entry.candidate.compiled.read_back_fields} | {"Id"})
            ids = [str(entry.result.record_id) for entry in group]
            client = self._connections.salesforce(destination.connection)
            records |= {str(record["Id"]): record for record in client.find(destination.object, fields, "Id", ids)}
        return records

    def _log_activities(self, entries: Sequence[Entry], may_go_on: Callable[[], bool]) -> list[Entry]:
        """Send the activities; returns the entries that are complete, the others were given back."""
        quiet = [entry for entry in entries if not pipeline.reports(entry.result)]
        telling = [entry for entry in entries if pipeline.reports(entry.result)]
        if not telling:
            return quiet
        action = entries[0].candidate.compiled.action
        try:
            kind = self._activity_type(action)
            logged = self._logged(telling, kind)
        except SyncError as error:
            candidates = [entry.candidate for entry in telling]
            self._postpone(candidates, error, activity_uncertain=False, resumed=telling)
            return quiet
        found, sendable = self._not_yet_logged(telling, logged)
        _require(may_go_on)
        to_send = self._in_doubt(sendable)
        try:
            rows = self._send_activities(to_send, kind)
        except SyncError as error:
            lost = isinstance(error, UncertainWriteError)
            self._postpone([entry.candidate for entry in to_send], error, activity_uncertain=lost)
            return quiet + found
        complete = quiet + found
        for entry, row in zip(to_send, rows, strict=True):
            event = entry.candidate.event
            if not row.ok and _repeatable(row, _tries(event, row, vendor="marketo")):
                doubt = row.resolution is Resolution.UNCERTAIN
                self._again(event.evolve(activity_uncertain=doubt), row, vendor="marketo", look_later=doubt)
                continue
            entry.activity = _part(row, "added")
            complete.append(entry)
        return complete

    def _send_activities(self, entries: Sequence[Entry], kind: CustomActivityType) -> Sequence[RowResult]:
        if not entries:
            return []
        client = self._connections.marketo(entries[0].candidate.compiled.action.source.connection)
        return client.add_custom_activities([self._activity(entry, kind) for entry in entries])

    def _in_doubt(self, entries: Sequence[Entry]) -> list[Entry]:
        """Store that the activities may have been sent, where that is not stored; drops what a newer epoch holds."""
        unmarked = [entry.candidate.event for entry in entries if not entry.candidate.event.activity_uncertain]
        saved = self._inbox.save([event.evolve(activity_uncertain=True) for event in unmarked]) if unmarked else []
        lost = {event.execution_id for event in unmarked} - {event.execution_id for event in saved}
        return [entry for entry in entries if entry.candidate.event.execution_id not in lost]

    def _not_yet_logged(self, entries: Sequence[Entry], logged: set[str]) -> tuple[list[Entry], list[Entry]]:
        """Entries whose activity is in Marketo already, and those that may be sent; undecided ones are given back."""
        now = self._clock.now()
        found: list[Entry] = []
        sendable: list[Entry] = []
        waiting: list[Event] = []
        for entry in entries:
            event = entry.candidate.event
            settled_at = (event.executed_at or event.received_at) + self._settings.settle
            if event.execution_id in logged:
                entry.activity = Part(status="added")
                found.append(entry)
            elif _doubtful(entry) and now < settled_at:
                waiting.append(event.evolve(due_at=settled_at))
            else:
                sendable.append(entry)
        self._defer(waiting)
        return found, sendable

    def _logged(self, told: Sequence[Entry], kind: CustomActivityType) -> set[str]:
        """Execution ids whose activity Marketo has, asked for those that may have been sent before."""
        entries = [entry for entry in told if _doubtful(entry)]
        if not entries:
            return set()
        action = entries[0].candidate.compiled.action
        client = self._connections.marketo(action.source.connection)
        since = min(entry.candidate.event.received_at for entry in entries) - timedelta(minutes=15)
        leads = list({entry.candidate.event.lead_id for entry in entries})
        found = set()
        for chunk in _chunks(leads, ACTIVITY_LEADS_LIMIT):
            for activity in client.activities(since, [kind.id], chunk):
                found.add(str(activity.attributes.get(action.results.execution_attribute)))
        return found

    def _activity(self, entry: Entry, kind: CustomActivityType) -> CustomActivity:
        candidate, result = entry.candidate, entry.result
        action = candidate.compiled.action
        failed = result.outcome is Outcome.FAILED
        return CustomActivity(
            lead_id=candidate.event.lead_id,
            activity_type_id=kind.id,
            primary_attribute_value=action.results.errored if failed else action.results.success,
            activity_date=candidate.event.executed_at or self._clock.now(),
            attributes=pipeline.activity_attributes(candidate.columns, action, candidate.event, result),
        )

    def _activity_type(self, action: Action) -> CustomActivityType:
        key = (action.source.connection, action.results.activity)
        if key not in self._activity_types:
            self._activity_types[key] = self._connections.marketo(key[0]).custom_activity_type(key[1])
        return self._activity_types[key]

    # ends and delays

    def _compile(self, action_id: str, version: int) -> CompiledAction | SyncError | tuple[Reason, str]:
        """The Action in the version an event began with, ready to run; or what keeps it from being so."""
        try:
            stored = self._configurations.get("action", action_id, version or None)
        except UnknownVersionError as newer:
            return Reason.UNKNOWN_VERSION, message(Reason.UNKNOWN_VERSION, version=newer.code)
        if stored is None or not isinstance(stored.document, Action):
            return Reason.ACTION_MISSING, message(Reason.ACTION_MISSING, action=action_id)
        action = stored.document
        now = self._clock.now()
        known = self._compiled.get((action.id, stored.version))
        if known is not None and now - known[0] < self._settings.describe_age:
            return known[1]
        try:
            described = self._connections.salesforce(action.destination.connection).describe(action.destination.object)
            compiled = pipeline.compile_action(action, stored.version, described)
        except SyncError as error:
            return error
        except KeyError as missing:
            detail = f"{action.destination.object} has no field {missing.args[0]}"
            return Reason.MAPPING_BROKEN, message(Reason.MAPPING_BROKEN, detail=detail)
        self._compiled[action.id, stored.version] = (now, compiled)
        return compiled

    def _not_compiled(self, event: Event, obstacle: SyncError | tuple[Reason, str]) -> None:
        if isinstance(obstacle, SyncError):
            self._hold([event], obstacle)
        else:
            self._park(event, *obstacle)

    def _postpone(
        self,
        candidates: Sequence[Candidate],
        error: SyncError,
        *,
        activity_uncertain: bool | None = None,
        resumed: Sequence[Entry] = (),
    ) -> None:
        """Give events back after a call failed as a whole; their guards stay held, so that order is kept."""
        doubtful = {entry.candidate.event.execution_id for entry in resumed if entry.resumed}
        events = []
        for candidate in candidates:
            event = candidate.event
            if activity_uncertain is not None:
                doubt = activity_uncertain or (event.execution_id in doubtful and event.activity_uncertain)
                event = event.evolve(activity_uncertain=doubt)
            events.append(event)
        # a lost activity is looked for once, when Marketo must show it, however long ago the event began
        self._hold(events, error, not_before=self._clock.now() + self._settings.settle if activity_uncertain else None)
        for candidate, event in zip(candidates, events, strict=True):
            if self._plan(event, error).due_at is None:
                self._keys.release(candidate.event.execution_id, candidate.guards, [])

    def _hold(self, events: Sequence[Event], error: SyncError, *, not_before: datetime | None = None) -> None:
        self._meter.count("VendorErrors", vendor=error.vendor, code=error.code or "unknown")
        deferred: list[Event] = []
        shown_parked = False
        for event in events:
            plan = self._plan(event, error)
            if plan.due_at is None:
                self._meter.count("FatalVendorErrors", vendor=error.vendor)
                self._park(event, plan.reason, plan.message)
                continue
            shown_parked = plan.parked
            due_at = max(plan.due_at, not_before or plan.due_at)
            deferred.append(
                event.evolve(attempts=event.attempts + 1, due_at=due_at, reason=plan.reason, message=plan.message)
            )
        self._defer(deferred, parked=shown_parked)

    def _plan(self, event: Event, error: SyncError) -> Postponement:
        return postpone(
            error, attempts=event.attempts, now=self._clock.now(), first_seconds=self._settings.retry_seconds
        )

    def _defer(self, events: Sequence[Event], *, parked: bool = False) -> None:
        if not events:
            return
        self._inbox.defer(events, parked=parked)
        due = [event.due_at for event in events if event.due_at]
        self._earliest = min([*due, *([self._earliest] if self._earliest else [])])

    def _park(self, event: Event, reason: str, text: str) -> None:
        self._meter.count("Parked", reason=reason)
        self._inbox.park(event, reason=reason, message=text)

    def _finish(self, endings: Sequence[Ending]) -> None:
        if not endings:
            return
        self._inbox.finish(endings)
        for ending in endings:
            self._meter.count("Outcomes", outcome=ending.result.outcome.value)


def waves(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """Cut candidates into waves such that inside a wave no key stands twice and sequence holds per key."""
    result: list[list[Candidate]] = []
    last: dict[str, int] = {}
    for item in sorted(candidates, key=lambda candidate: candidate.event.sequence):
        keys = [*item.guards, *(claim.key for claim in item.claims)]
        number = 1 + max((last.get(key, -1) for key in keys), default=-1)
        last.update(dict.fromkeys(keys, number))
        if number == len(result):
            result.append([])
        result[number].append(item)
    return result


def _ending(
    event: Event,
    result: Result,
    action: Action,
    *,
    guards: Sequence[str] = (),
    writeback: Part | None = None,
    activity: Part | None = None,
) -> Ending:
    # what was not told to Marketo says why
    untold = Part(status="not_attempted", reason=str(result.reason or result.outcome), message=result.message)
    return Ending(
        event=event,
        result=result,
        writeback=writeback or (untold if action.writeback else NOT_CONFIGURED),
        activity=activity or untold,
        guards=tuple(guards),
        written=result.outcome in WRITTEN,
    )


def _entry_ending(entry: Entry) -> Ending:
    return _ending(
        entry.candidate.event,
        entry.result,
        entry.candidate.compiled.action,
        guards=entry.candidate.guards,
        writeback=entry.writeback,
        activity=entry.activity,
    )


def _part(row: RowResult, done: str) -> Part:
    if row.ok:
        return Part(status=done)
    return Part(status="failed", reason=vendor_reason("marketo", row.code), message=row.message)


def _require(may_go_on: Callable[[], bool]) -> None:
    if not may_go_on():
        raise StoppedError


def _begun(event: Event, now: datetime) -> Event:
    return event if event.executed_at else event.evolve(executed_at=now)


def _id(write: Write) -> str:
    return write.candidate.event.execution_id


def _tries(event: Event, row: RowResult, *, vendor: str) -> int:
    """How often this record was refused for this reason in a row; an outage before it uses none of its tries."""
    return event.attempts if event.reason == vendor_reason(vendor, row.code) else 0


def _repeatable(row: RowResult, attempts: int) -> bool:
    """Whether the record is to be sent again; locks and the like a bounded number of times."""
    if row.resolution in {Resolution.UNCERTAIN, Resolution.QUOTA, Resolution.REAUTH}:
        return True
    return row.resolution in {Resolution.RETRY, Resolution.RATE} and attempts < ROW_TRIES


def _once_each(writes: Sequence[Write]) -> list[list[Write]]:
    """Cut writes so that no record stands twice in one call: Salesforce refuses that, and order would be lost."""
    rounds: list[list[Write]] = []
    times: dict[str, int] = {}
    for write in writes:
        record = write.intent.record_id or _id(write)
        number = times.get(record, 0)
        times[record] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(write)
    return rounds


def _undone(candidate: Candidate) -> Candidate:
    """The candidate as before its intent: the vendor said that nothing was written."""
    previous = candidate.event.intent
    interrupted = previous is not None and previous.attempt > 1
    if interrupted:  # an earlier attempt is still in doubt, so the next run must look again
        return candidate
    return candidate.with_event(candidate.event.evolve(state=State.WAITING, intent=None))


def _doubtful(entry: Entry) -> bool:
    return entry.resumed and entry.candidate.event.activity_uncertain


def _activity_group(entry: Entry) -> tuple[str, str]:
    results = entry.candidate.compiled.action.results
    return results.activity, results.execution_attribute


def _match_group(item: Candidate) -> tuple[str, ...]:
    compiled = item.compiled
    destination = compiled.action.destination
    return (destination.connection, destination.object, compiled.identifier.name, *compiled.matched_fields)


def _grouped[T, K](items: Iterable[T], key: Callable[[T], K]) -> list[list[T]]:
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def _chunks[T](items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
