"""Run a batch of events of one lane: a handful of vendor calls for up to 200 events.

Events that share a key run in sequence, in waves; inside a wave every key is there once. At each step the
state that a crash would need is stored before the vendor is called.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from leadbridge.domain import chain, connecting, explanation, members, pipeline
from leadbridge.domain.action import Action
from leadbridge.domain.clauses import ListDocument, named_lists
from leadbridge.domain.conditions import UnknownListError
from leadbridge.domain.connecting import CompiledConnector, Task
from leadbridge.domain.connector import ACTIONS, AnyAction, ConnectorAction
from leadbridge.domain.event import INLINE, Ending, Event, Part, Result
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.links import object_of
from leadbridge.domain.outcome import WRITTEN, Outcome, Reason, State, message
from leadbridge.domain.pipeline import Candidate, CompiledAction, Wait, Write
from leadbridge.domain.postponement import vendor_reason
from leadbridge.domain.records import Resolution, RowResult
from leadbridge.domain.redoing import to_redo
from leadbridge.errors import ContractError, PermanentError, SyncError, UncertainWriteError, UnknownVersionError
from leadbridge.ports import Clock, Configurations, Connections, Guarded, Inbox, Keys, Meter
from leadbridge.usecases.batch import (
    DUPLICATES_DETECTED,
    GONE_SINCE,
    NAMING_TRIES,
    Entry,
    RunSettings,
    chunks,
    grouped,
    once_each,
    require,
    stale,
    told_of,
    tries,
)
from leadbridge.usecases.closing import Closing, repeatable
from leadbridge.usecases.isolation import isolate
from leadbridge.usecases.leaving_out import LeftOut, part_left_out, past_its_callback, told_only
from leadbridge.usecases.marketo_names import MarketoNames
from leadbridge.usecases.match_records import MatchRecords
from leadbridge.usecases.owning import Owning
from leadbridge.usecases.read_activities import NewestActivities, ReadActivities
from leadbridge.usecases.read_missing import ReadMissing
from leadbridge.usecases.reporting import Reporting
from leadbridge.usecases.run_chain import RunChain
from leadbridge.usecases.send_callbacks import ChunkEnds
from leadbridge.usecases.trials import LEFT_OUT, Trials
from leadbridge.usecases.watching import Watch

if TYPE_CHECKING:
    from leadbridge.usecases.import_files import ImportPorts
    from leadbridge.usecases.run_connector import RunConnector

#: rows of one Salesforce collections call
COLLECTION_LIMIT = 200
#: an event that died with its worker this often is parked; one of a batch once more often, see `event.suspected`
CRASH_LIMIT = 2

NOT_CONFIGURED = Part(status="not_configured")


class Stuck:
    """Persons of whom an event is given back before it was begun: what comes later of them follows it."""

    def __init__(self) -> None:
        self._errors: dict[str, SyncError] = {}

    def note(self, event: Event, obstacle: object) -> None:
        """Note whose an event is that a vendor keeps from running."""
        if isinstance(obstacle, SyncError):
            self._errors.update(dict.fromkeys(event.persons, obstacle))

    def get(self, event: Event) -> SyncError | None:
        """What keeps others of its persons from running; nothing where the event has begun."""
        if event.guards or event.state is not State.WAITING:
            return None
        return next((self._errors[person] for person in event.persons if person in self._errors), None)


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
        chunks: ChunkEnds | None = None,
        watch: Watch | None = None,
        imports: "Callable[[], ImportPorts] | None" = None,
    ) -> None:
        """`watch` is told what is answered to the call that brought an event; `imports` is what goes as files needs.

        What runs connector actions is made when the first of them is there.
        """
        self._configurations = configurations
        self._inbox = inbox
        self._keys = keys
        self._connections = connections
        self._clock = clock
        self._hash_key = hash_key
        self._settings = settings
        self._imports = imports
        self._compiled: dict[tuple[str, int], tuple[datetime, CompiledAction | CompiledConnector]] = {}
        #: what came of the looks for Actions and versions in this batch
        self._looked: dict[tuple[str, int], CompiledAction | CompiledConnector | SyncError | tuple[Reason, str]] = {}
        #: Actions as they were read for this batch
        self._current: dict[str, Stored] = {}
        self._closing = Closing(
            inbox=inbox, keys=keys, clock=clock, meter=meter, settings=settings, chunks=chunks, watch=watch
        )
        self._owning = Owning(keys=keys, clock=clock, closing=self._closing, settings=settings)
        self._match = MatchRecords(connections)
        #: events of the last batch by their Action, name and id, for the worker's log line
        self.run: Counter[str] = Counter()
        self._names = names = MarketoNames(connections=connections, clock=clock, age=settings.describe_age)
        self._read_activities = ReadActivities(
            activities=NewestActivities(connections=connections, names=names), inbox=inbox, closing=self._closing
        )
        self._read_missing = ReadMissing(connections=connections, inbox=inbox, closing=self._closing)
        self._trials = Trials(
            configurations=configurations, connections=connections, clock=clock, closing=self._closing
        )
        self._chain = RunChain(
            connections=connections, inbox=inbox, clock=clock, closing=self._closing, settings=settings
        )
        self._report = Reporting(
            configurations=configurations,
            connections=connections,
            inbox=inbox,
            clock=clock,
            closing=self._closing,
            settings=settings,
            names=names,
        )

    @cached_property
    def _connector(self) -> "RunConnector":
        from leadbridge.usecases.import_files import ImportFiles
        from leadbridge.usecases.run_connector import RunConnector

        files = self._imports and ImportFiles(
            self._imports(),
            inbox=self._inbox,
            keys=self._keys,
            clock=self._clock,
            owning=self._owning,
            closing=self._closing,
            settings=self._settings,
        )
        return RunConnector(
            connections=self._connections,
            inbox=self._inbox,
            clock=self._clock,
            owning=self._owning,
            closing=self._closing,
            names=self._names,
            settings=self._settings,
            imports=files,
        )

    def __call__(self, events: Sequence[Event], may_go_on: Callable[[], bool]) -> datetime | None:
        """Bring every event to its end, or give it back; returns the earliest due time given.

        Raises:
            StoppedError: `may_go_on` said no; nothing was written after that.
        """
        self._closing.earliest = None
        self._current.clear()
        self.run.clear()
        self._looked.clear()
        compiled_events: list[tuple[Event, CompiledAction]] = []
        connector_events: list[tuple[Event, CompiledConnector]] = []
        stuck = Stuck()
        for event in events:
            if event.crashes >= CRASH_LIMIT + (event.batch is not None):
                self._closing.park(event, Reason.WORKER_CRASHED, message(Reason.WORKER_CRASHED))
                if not event.guards:
                    self._free_guards(event, self._compile_once(event))
                continue
            compiled = stuck.get(event) or self._compile_once(event)
            if not isinstance(compiled, CompiledAction | CompiledConnector):
                stuck.note(event, compiled)
                self._not_compiled(event, compiled)
                continue
            self.run[f"{compiled.action.name} ({event.action_id})"] += 1
            told = past_its_callback(event, self._clock.now()).evolve(version=compiled.version)
            if isinstance(compiled, CompiledConnector):
                connector_events.append((told, compiled))
            else:
                compiled_events.append((told, compiled))
        if connector_events:
            self._run_connectors(connector_events, may_go_on)
        candidates = self._admit(compiled_events, may_go_on)
        for wave in waves(candidates):
            now = self._clock.now()
            self._run_wave([item.with_event(_begun(item.event, now)) for item in wave], may_go_on)
        return self._closing.earliest

    def _run_connectors(self, events: Sequence[tuple[Event, CompiledConnector]], may_go_on: Callable[[], bool]) -> None:
        """Run those whose destination is Marketo, as far as their trial lets them."""
        tried, untried = self._trials(events, self._current)
        run_connector = self._connector
        run_connector.leave_out(untried, LEFT_OUT)
        run_connector(tried, self._hash_key(), may_go_on)

    def _admit(self, events: Sequence[tuple[Event, CompiledAction]], may_go_on: Callable[[], bool]) -> list[Candidate]:
        """Those that pass their trial and their filter, with all that their Actions read; the others end."""
        candidates: list[Candidate] = []
        begun, left_out = told_only(events)
        tried, untried = self._trials(begun, self._current)
        left_out += [
            (explanation.begun(event, compiled, asked=False), compiled, LEFT_OUT) for event, compiled in untried
        ]
        for ready, compiled, result in self._read_activities(self._read_missing(tried)):
            event = explanation.begun(ready, compiled, asked=result is None)
            admitted = result or pipeline.admit(event, compiled, self._hash_key())
            if isinstance(admitted, Result):
                left_out.append((event, compiled, admitted))
            else:
                candidates.append(admitted)
        self._leave_out(left_out, may_go_on)
        return candidates

    def _leave_out(self, left_out: Sequence[LeftOut], may_go_on: Callable[[], bool]) -> None:
        """End what is not processed; where the Action wants that it is logged, it is stored first, as what is written.

        People of a chunk are told of anyway.
        """
        now = self._clock.now()
        quiet, fresh, resumed = part_left_out(
            [(_begun(event, now), compiled, result) for event, compiled, result in left_out]
        )
        self._closing.finish([_ending(event, result, compiled.action) for event, compiled, result in quiet])
        entries = self._remember(fresh) + resumed
        for same in grouped(entries, lambda entry: entry.candidate.compiled.action.source.connection):
            self._end(self._report(same, may_go_on))

    def _free_guards(self, event: Event, compiled: object) -> None:
        """Let go of guards that a parked event took without living to store them.

        Only once it is parked: making its keys may be what kills the worker.
        """
        admitted: object = None
        if isinstance(compiled, CompiledAction):
            admitted = pipeline.admit(event, compiled, self._hash_key())
        elif isinstance(compiled, CompiledConnector):
            admitted = connecting.admit(event, compiled, self._hash_key())
        if isinstance(admitted, Candidate | Task):
            self._closing.let_go(event.evolve(guards=admitted.guards))

    def report_quota(self) -> None:
        """Tell the meter what is left of the vendors' quotas; a vendor that does not answer is told elsewhere."""
        with suppress(SyncError):
            self._connections.report_quota()

    def _run_wave(self, wave: Sequence[Candidate], may_go_on: Callable[[], bool]) -> None:
        require(may_go_on)
        claimed = self._owning.claim(wave)
        self._leave_out([(told, item.compiled, result) for item, told, result in claimed.doubles], may_go_on)
        guarded, obtained = self._owning.guard(claimed.mine)
        reporting = [
            Entry(
                candidate=item,
                result=item.event.result,
                # of an event whose links are not all written nothing was told
                resumed=item.event.state is State.REPORTING,
                overtaken=_overtaken_since(item, obtained),
            )
            for item in guarded
            if item.event.result and not pipeline.decides_anew(item.event)
        ]
        open_ = [item for item in guarded if not item.event.result or pipeline.decides_anew(item.event)]
        reporting.extend(self._match_and_write(open_, obtained, may_go_on))
        reporting = self._chain(reporting, obtained, may_go_on)
        for entries in grouped(reporting, lambda entry: entry.candidate.compiled.action.source.connection):
            self._end(self._report(entries, may_go_on))

    def _end(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.result.outcome is Outcome.FAILED:
                self._owning.unclaim(entry.candidate)  # before the end is recorded
        self._closing.finish([_entry_ending(entry) for entry in entries])

    # match and write

    def _match_and_write(
        self,
        items: Sequence[Candidate],
        obtained: Mapping[str, Mapping[str, Guarded]],
        may_go_on: Callable[[], bool],
    ) -> list[Entry]:
        matches, failed = self._match(items)
        for group, error in failed:
            self._closing.postpone(group, error)
        entries: list[Entry] = []
        writes: list[Write] = []
        waiting: list[Event] = []
        for item in items:
            found = matches.get(item.event.execution_id)
            if found is None:
                continue
            # what was written of others' records by which chained ones are found says nothing of this one
            held = obtained[item.event.execution_id]
            guards = {guard: state for guard, state in held.items() if guard in item.own_guards}
            written = pipeline.written_under({guard: state.writes for guard, state in guards.items()})
            decided = self._overtaken(item, guards, found) or pipeline.decide_write(
                item,
                found,
                now=self._clock.now(),
                settle=self._settings.settle,
                contested=pipeline.contested(item, written),
            )
            item = explanation.decided(item, found, decided)  # noqa: PLW2901  # the same candidate, with its record
            if isinstance(decided, Write):
                writes.append(replace(decided, candidate=item, intent=replace(decided.intent, written=written)))
            elif isinstance(decided, Wait):
                waiting.append(item.event.evolve(due_at=decided.until))
            else:
                entries.append(Entry(candidate=item, result=decided, resumed=item.event.result is not None))
        self._closing.defer(waiting)
        for same in grouped(writes, _call_group):
            entries.extend(self._write(same, may_go_on))
        return self._remember(entries)

    def _overtaken(
        self, item: Candidate, guards: Mapping[str, Guarded], found: Sequence[Mapping[str, Any]]
    ) -> Result | None:
        by = [guard for guard, state in guards.items() if pipeline.overtaken(item, guard, state.last)]
        if not by:
            return None
        return pipeline.superseded(item, found, by_another_lead=item.lead_guard not in by)

    def _write(self, writes: Sequence[Write], may_go_on: Callable[[], bool]) -> list[Entry]:
        if any(write.candidate.event.epoch == INLINE for write in writes):
            require(may_go_on)  # a caller's time ends in the midst of a run: what has no intent yet is in no doubt
        kept = {
            event.execution_id: event
            for event in self._inbox.save(
                [write.candidate.event.evolve(state=State.WRITING, intent=write.intent) for write in writes]
            )
        }
        entries: list[Entry] = []
        for calm in once_each([write.with_event(kept[_id(write)]) for write in writes if _id(write) in kept], _record):
            for chunk in chunks(calm, COLLECTION_LIMIT):
                entries.extend(self._write_chunk(chunk, may_go_on))
        return entries

    def _write_chunk(self, chunk: Sequence[Write], may_go_on: Callable[[], bool]) -> list[Entry]:
        latest: dict[str, Write] = {}

        def call(piece: Sequence[Write]) -> Sequence[RowResult]:
            require(may_go_on)
            intended = self._intended(piece)
            # lost to a newer epoch, or asleep while they were stored
            require(lambda: len(intended) == len(piece) and not self._stale(intended))
            latest.update((_id(write), write) for write in intended)
            return self._call(intended)

        def known(piece: Sequence[Write]) -> Sequence[Write]:
            return [latest.get(_id(write), write) for write in piece]

        # refused as a whole, by a code that we know or do not: one malformed record can spoil a call
        found = isolate([chunk], call, lambda _, error: isinstance(error, PermanentError | ContractError))
        entries = []
        for piece, error in [*found.refused, *(([write], error) for write, error in found.culprits)]:
            if isinstance(error, UncertainWriteError):
                entries.extend(self._look(known(piece), error))
            else:
                self._closing.postpone([_undone(write.candidate) for write in known(piece)], error)
        redirected: list[Write] = []
        for sent, row in found.answered:
            [write] = known([sent])
            judged = self._judge(write, row)
            if isinstance(judged, Write):
                redirected.append(explanation.redirected(judged, row))
            elif judged is not None:
                told = explanation.answered(write.candidate.event, row, "salesforce")
                entries.append(Entry(candidate=write.candidate.with_event(told), result=judged))
        for same in grouped(redirected, _call_group):
            entries.extend(self._write(same, may_go_on))
        return entries

    def _intended(self, writes: Sequence[Write]) -> Sequence[Write]:
        """The writes with intents that are fresh when their call leaves; what a newer epoch holds is dropped."""
        if not self._stale(writes):
            return writes
        now = self._clock.now()
        renewed = [replace(write, intent=replace(write.intent, at=now)) for write in writes]
        saved = self._inbox.save([write.candidate.event.evolve(intent=write.intent) for write in renewed])
        kept = {event.execution_id: event for event in saved}
        return [write.with_event(kept[_id(write)]) for write in renewed if _id(write) in kept]

    def _stale(self, writes: Sequence[Write]) -> bool:
        return any(stale(write.intent.at, self._clock.now(), self._settings.settle) for write in writes)

    def _look(self, piece: Sequence[Write], error: UncertainWriteError) -> list[Entry]:
        """Look once, at once, for new records whose answer was lost; what is not there is given back.

        A later run looks again when the vendor must show it, and only then repeats the write.
        """
        entries: list[Entry] = []
        missing = {_id(write): write.candidate for write in piece}
        creates = [write.candidate for write in piece if write.intent.operation != "update"]
        matches, _ = self._match(creates)  # where that fails the later run asks again
        for item in creates:
            found = matches.get(item.event.execution_id, [])
            decided = pipeline.decide_write(item, found, now=self._clock.now(), settle=self._settings.settle)
            if isinstance(decided, Result):
                entries.append(Entry(candidate=missing.pop(item.event.execution_id), result=decided))
        self._closing.postpone(list(missing.values()), error)
        return entries

    def _call(self, chunk: Sequence[Write]) -> Sequence[RowResult]:
        first = chunk[0]
        compiled = first.candidate.compiled
        client = self._connections.salesforce(compiled.action.destination.connection)
        target, allow = compiled.target_of(first.intent.object).name, _policy(first) == "allow"
        if first.intent.operation == "update":
            rows = [{"Id": write.intent.record_id} | dict(write.fields) for write in chunk]
            return client.update(target, rows, allow_duplicates=allow)
        if first.intent.operation == "upsert":
            key = compiled.identifier.name
            return client.upsert(target, key, [write.fields for write in chunk], allow_duplicates=allow)
        return client.create(target, [write.fields for write in chunk], allow_duplicates=allow)

    def _judge(self, write: Write, row: RowResult) -> Result | Write | None:
        """The result of one record, what is written instead, or None if it was given back to be tried again."""
        event = write.candidate.event
        if row.ok:
            return pipeline.success(write, str(row.id or write.intent.record_id), created=row.status == "created")
        made = tries(event, row.code, vendor="salesforce")
        creates = write.intent.operation != "update"
        raced = made == 0 and (row.code == "DUPLICATE_VALUE" if creates else row.code in GONE_SINCE)
        if row.code == DUPLICATES_DETECTED and creates and _policy(write) == "use_match":
            instead = pipeline.instead(write, row.matches, now=self._clock.now())
            if instead is not None:
                return instead
            raced = not row.matches and made < NAMING_TRIES
        if raced or repeatable(row, made):
            # of a lost answer the intent stays: the next run looks before it writes
            doubt = row.resolution is Resolution.UNCERTAIN
            again = event if doubt else _undone(write.candidate).event
            self._closing.again(again, row, vendor="salesforce", at_once=raced, look_later=doubt)
            return None
        self._closing.refused(row, vendor="salesforce")
        text = message("vendor_refused", vendor="Salesforce", code=row.code, detail=row.message)
        return Result(outcome=Outcome.FAILED, reason=vendor_reason("salesforce", row.code), message=text)

    def _remember(self, entries: Sequence[Entry]) -> list[Entry]:
        """Store results before anything is told to Marketo; what a newer epoch holds is dropped."""
        told = [entry for entry in entries if entry.result.record_id or _reports(entry)]
        kept = {
            event.execution_id: event
            for event in self._inbox.save(
                [explanation.chained(chain.recorded(entry.candidate, entry.result)).event for entry in told]
            )
        }
        for entry in told:
            if entry.candidate.event.execution_id in kept:
                entry.candidate = entry.candidate.with_event(kept[entry.candidate.event.execution_id])
        lost = {id(entry) for entry in told if entry.candidate.event.execution_id not in kept}
        return [entry for entry in entries if id(entry) not in lost]

    # the Action of an event

    def _compile_once(self, event: Event) -> CompiledAction | CompiledConnector | SyncError | tuple[Reason, str]:
        """One look per Action and version, also if the look fails."""
        key = (event.action_id, event.version)
        if key not in self._looked:
            self._looked[key] = self._compile(*key)
        return self._looked[key]

    def _compile(
        self, action_id: str, version: int
    ) -> CompiledAction | CompiledConnector | SyncError | tuple[Reason, str]:
        """The Action in the version an event began with, ready to run; or what keeps it from being so."""
        try:
            stored = self._configurations.get("action", action_id, version or None)
        except UnknownVersionError as newer:
            return Reason.UNKNOWN_VERSION, message(Reason.UNKNOWN_VERSION, version=newer.code)
        if stored is None or not isinstance(stored.document, ACTIONS):
            return Reason.ACTION_MISSING, message(Reason.ACTION_MISSING, action=action_id)
        action = stored.document
        if not version:
            self._current[action_id] = stored
        now = self._clock.now()
        known = self._compiled.get((action.id, stored.version))
        if known is not None and now - known[0] < self._settings.describe_age:
            return known[1]
        own = "the Marketo lead" if isinstance(action, ConnectorAction) else action.destination.object
        try:
            compiled = self._made_ready(action, stored.version)
        except SyncError as error:
            return error
        except KeyError as missing:
            what = (
                "there is no list"
                if isinstance(missing, UnknownListError)
                else f"{object_of(missing, own)} has no field"
            )
            detail = f"{what} {missing.args[0]}"
            return Reason.MAPPING_BROKEN, message(Reason.MAPPING_BROKEN, detail=detail)
        self._compiled[action.id, stored.version] = (now, compiled)
        return compiled

    def _made_ready(self, action: AnyAction, version: int) -> CompiledAction | CompiledConnector:
        if isinstance(action, ConnectorAction):
            marketo = self._connections.marketo(action.destination.connection)
            leads = marketo.describe_leads() if connecting.needs_description(action) else None
            return connecting.compile_connector(action, version, leads, lists=self._lists(action))
        client = self._connections.salesforce(action.destination.connection)
        own = action.destination.object
        described = [client.describe(name) for name in (own, *(each for each in action.objects if each != own))]
        chained = {name: client.describe(name) for name in action.chained_objects}
        return pipeline.compile_action(action, version, *described, lists=self._lists(action), chained=chained)

    def _lists(self, action: AnyAction) -> dict[str, frozenset[str]]:
        """The members of the lists that the Action's conditions name, as they are now."""
        stored = [self._configurations.get("list", name) for name in sorted(named_lists(action.conditions))]
        return {
            each.document.id: each.document.members
            for each in stored
            if each is not None and isinstance(each.document, ListDocument)
        }

    def _not_compiled(self, event: Event, obstacle: SyncError | tuple[Reason, str]) -> None:
        if isinstance(obstacle, SyncError):
            self._closing.hold([event], obstacle)
        else:
            self._closing.park(event, *obstacle)


def waves(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """Cut candidates into waves such that inside a wave no key stands twice and sequence holds per key.

    Those that were written and only need to be told go before all others: an older one must not overwrite them.
    """
    result: list[list[Candidate]] = []
    last: dict[str, int] = {}
    for item in sorted(candidates, key=lambda candidate: (candidate.event.result is None, candidate.event.sequence)):
        keys = [*item.guards, *(claim.key for claim in item.claims)]
        number = 1 + max((last.get(key, -1) for key in keys), default=-1)
        last.update(dict.fromkeys(keys, number))
        if number == len(result):
            result.append([])
        result[number].append(item)
    return result


def _overtaken_since(item: Candidate, obtained: Mapping[str, Mapping[str, Guarded]]) -> bool:
    """Whether a newer event of the Action has seen to the person while this one waited to be told."""
    guard = obtained[item.event.execution_id].get(item.lead_guard)
    return guard is not None and members.overtaken(item, guard.last)


def _ending(
    event: Event,
    result: Result,
    action: Action,
    *,
    guards: Sequence[str] = (),
    writeback: Part | None = None,
    activity: Part | None = None,
    member: Part | None = None,
    values: Mapping[str, Any] | None = None,
    attributes: Mapping[str, str] | None = None,
) -> Ending:
    # what was not told to Marketo says why
    untold = Part(status="not_attempted", reason=str(result.reason or result.outcome), message=result.message)
    return Ending(
        event=event,
        result=result,
        writeback=writeback or (untold if action.writeback else NOT_CONFIGURED),
        activity=activity or untold,
        member=(member or untold) if action.program_member else None,
        told=told_of(event, result, values or {}, attributes or {}) if event.chunk else None,
        kept=to_redo(event, result),
        guards=tuple(guards),
        written=result.outcome in WRITTEN,
    )


def _entry_ending(entry: Entry) -> Ending:
    return _ending(
        entry.candidate.event,
        entry.result,
        entry.candidate.compiled.action,
        guards=entry.candidate.guards or entry.event.guards,
        writeback=entry.writeback,
        activity=entry.activity,
        member=entry.member,
        values=entry.values,
        attributes=entry.attributes,
    )


def _reports(entry: Entry) -> bool:
    return pipeline.reports(entry.candidate.compiled.action, entry.result)


def _begun(event: Event, now: datetime) -> Event:
    return event if event.executed_at else event.evolve(executed_at=now)


def _id(write: Write) -> str:
    return write.candidate.event.execution_id


def _record(write: Write) -> str:
    """What a write is about: the record, or the event that makes one."""
    return write.intent.record_id or _id(write)


def _call_group(write: Write) -> tuple[str, ...]:
    """Writes with the same group may go in one call."""
    compiled = write.candidate.compiled
    key = compiled.identifier.name if write.intent.operation == "upsert" else ""
    target = compiled.target_of(write.intent.object).name
    return compiled.action.destination.connection, target, write.intent.operation, key, _policy(write) or ""


def _policy(write: Write) -> str | None:
    """What the write's Action says of the org's duplicate rules."""
    return write.candidate.compiled.action.destination.duplicate_rules


def _undone(candidate: Candidate) -> Candidate:
    """The candidate as before its intent: the vendor said that nothing was written."""
    previous = candidate.event.intent
    interrupted = previous is not None and previous.attempt > 1
    if interrupted:  # an earlier attempt is still in doubt, so the next run must look again
        return candidate
    return candidate.with_event(candidate.event.evolve(state=State.WAITING, intent=None))
