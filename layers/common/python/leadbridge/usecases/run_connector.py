"""Run events of connector actions: a handful of Marketo calls for all events of a batch.

Events that share a person run in sequence, in waves, but for those that ask the same of one list: they share one line
of the call, and each keeps its outcome. At each step the state that a crash would need is stored before Marketo is
called. What was lost is told apart as `domain.operations` says of each operation.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from leadbridge.domain import connecting, explanation, importing, pipeline
from leadbridge.domain.connecting import CompiledConnector, Task
from leadbridge.domain.event import Ending, Event, Part, Result
from leadbridge.domain.operations import Operation, Strategy
from leadbridge.domain.outcome import WRITTEN, Outcome, Reason, State, message
from leadbridge.domain.records import Resolution, RowResult
from leadbridge.errors import ContractError, SyncError, UncertainWriteError
from leadbridge.ports import Clock, Connections, Guarded, Inbox
from leadbridge.usecases.batch import RunSettings, chunks, grouped, require, stale, told_of, tries
from leadbridge.usecases.closing import Closing, repeatable
from leadbridge.usecases.import_files import ImportFiles
from leadbridge.usecases.isolation import Isolated, isolate
from leadbridge.usecases.marketo_names import MarketoNames
from leadbridge.usecases.owning import Owning
from leadbridge.usecases.sending import spoiled

#: the activity that Marketo logs for a request
REQUEST_CAMPAIGN = 47
#: codes by which a lookup says that a value is no good: unknown cookie, too many people
BAD_VALUE = frozenset({"1003", "1012"})
#: intent while a person is made who was not found
ADD_PERSON = "add_person"
NO_IMPORTS = message(Reason.MAPPING_BROKEN, detail="imports are not run here")
NOTHING = Part(status="not_configured")

type Ready = tuple[Event, CompiledConnector]
type Leads = Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Unit:
    """A task, and those that ask the same of the same person."""

    task: Task
    riders: list[Task] = field(default_factory=list)

    @property
    def tasks(self) -> list[Task]:
        """All of them."""
        return [self.task, *self.riders]

    @property
    def events(self) -> list[Event]:
        """Their events."""
        return [task.event for task in self.tasks]

    @property
    def compiled(self) -> CompiledConnector:
        """Their Action."""
        return self.task.compiled


class RunConnector:
    """Runs events that the caller holds the lane's lease for."""

    def __init__(
        self,
        *,
        connections: Connections,
        inbox: Inbox,
        clock: Clock,
        owning: Owning,
        closing: Closing,
        names: MarketoNames,
        settings: RunSettings,
        imports: ImportFiles | None = None,
    ) -> None:
        """`imports` sends files; without it what is to go as one is parked."""
        self._imports = imports
        self._connections = connections
        self._inbox = inbox
        self._clock = clock
        self._owning = owning
        self._closing = closing
        self._names = names
        self._settings = settings
        #: keys of persons of whom an event of this run was turned away
        self._away: set[str] = set()

    def __call__(self, ready: Sequence[Ready], secret: bytes, may_go_on: Callable[[], bool]) -> None:
        """Bring every event to its end, or give it back.

        Raises:
            StoppedError: `may_go_on` said no; nothing was written after that.
        """
        tasks: list[Task] = []
        refused: list[Ending] = []
        self._away.clear()
        for event, compiled in self._imports.go_on(ready, secret, may_go_on) if self._imports else ready:
            begun = connecting.begun(event, compiled)
            admitted = connecting.admit(begun, compiled, secret)
            if isinstance(admitted, Result):
                refused.append(self._ending(begun, admitted))
            else:
                tasks.append(admitted)
        self._closing.finish(refused)
        once, again = importing.repeated(tasks)
        for wave in waves(once):
            now = self._clock.now()
            self._run_wave([task.with_event(_executed(task.event, now)) for task in wave], may_go_on)
        self._owning.turn_away(self._imports.after(again) if self._imports else [task.event for task in again])

    def leave_out(self, left_out: Sequence[Ready], result: Result) -> None:
        """End events that are not to be run."""
        self._closing.finish(
            [self._ending(connecting.begun(event, compiled, asked=False), result) for event, compiled in left_out]
        )

    def _run_wave(self, wave: Sequence[Task], may_go_on: Callable[[], bool]) -> None:
        require(may_go_on)
        claimed = self._owning.claim(wave)
        self._closing.finish([self._ending(told, result) for _, told, result in claimed.doubles])
        units, late = self._passing(united(claimed.mine))
        mine, obtained = self._owning.guard([unit.task for unit in units])
        held = {task.id: replace(task, written=_written(obtained[task.id])) for task in mine}
        busy = [unit for unit in units if unit.task.id not in held]
        self._away.update(key for unit in busy for key in unit.task.guards)
        self._owning.turn_away([each.event for unit in busy for each in unit.riders])
        self._owning.turn_away([event for unit in late for event in unit.events])
        owned = [replace_task(unit, held[unit.task.id]) for unit in units if unit.task.id in held]
        for same in grouped(self._in_order(owned, obtained), lambda unit: unit.task.group.connection):
            known = self._addressed(self._settled(same))
            for group in grouped(known, lambda unit: unit.task.group):
                self._write(group, may_go_on)

    def _passing(self, units: Sequence[Unit]) -> tuple[list[Unit], list[Unit]]:
        """The units, and apart from them those who would overtake somebody who was turned away in this run."""
        late = [unit for unit in units if self._away.intersection(unit.task.guards)]
        self._away.update(key for unit in late for key in unit.task.guards)
        return [unit for unit in units if unit not in late], late

    def _in_order(self, units: Sequence[Unit], obtained: Mapping[str, Mapping[str, Guarded]]) -> list[Unit]:
        """Those that no newer event of their Action has overtaken."""
        going: list[Unit] = []
        for unit in units:
            guards = obtained[unit.task.id].values()
            if any(connecting.overtaken(unit.task, guard.last) for guard in guards):
                self._end(unit, connecting.superseded())
            else:
                going.append(unit)
        return going

    # what may have been done before

    def _settled(self, units: Sequence[Unit]) -> list[Unit]:
        """Those that are to be done: of whose last call it is known that it was not, or that it may be repeated."""
        going: list[Unit] = []
        doubtful: list[Unit] = []
        now = self._clock.now()
        for unit in units:
            intents = [event.intent for event in unit.events if event.intent]
            if not intents:
                going.append(unit)
                continue
            intent = max(intents, key=lambda each: each.at)
            if connecting.early(intent, now, self._settings.settle):
                due = intent.at + self._settings.settle
                self._closing.defer([event.evolve(due_at=due) for event in unit.events])
            elif unit.compiled.doubt == "repeat" or intent.operation == ADD_PERSON:
                going.append(unit)
            else:
                doubtful.append(unit)
        for same in grouped(doubtful, lambda unit: unit.task.group):
            going += self._doubted(same)
        return going

    def _doubted(self, units: Sequence[Unit]) -> list[Unit]:
        """Look what became of calls whose answer was lost long ago; gives those that may be repeated."""
        try:
            found = self._look(units)
        except SyncError as error:
            self._hold(units, error)
            return []
        again: list[Unit] = []
        for unit in units:
            result = found.get(unit.task.id)
            if isinstance(result, Result):
                self._end(unit, result)
            elif unit.compiled.doubt == "prove":
                self._end(unit, connecting.uncertain())
            else:
                again.append(replace_task(unit, result) if result else unit)
        return again

    def _look(self, units: Sequence[Unit]) -> dict[str, Result | Task]:
        """What Marketo shows of calls of one group: how they ended, or what of them is left to be done."""
        operation = units[0].compiled.operation
        if operation is Operation.SEND_EMAIL:
            return self._requests(units)
        return self._merges(units) if operation is Operation.MERGE_LEADS else self._creates(units)

    def _requests(self, units: Sequence[Unit]) -> dict[str, Result | Task]:
        first = units[0].task
        client = self._connections.marketo(first.group.connection)
        campaign = self._names.campaign(first.group.connection, first.compiled.action.destination.campaign or "")
        begun = {unit.task.id: intent.at for unit in units if (intent := unit.task.event.intent)}
        since = min(begun.values()) - connecting.REQUESTS_APART
        logged = list(client.activities(since, [REQUEST_CAMPAIGN], [int(unit.task.lead_id or 0) for unit in units]))
        found: dict[str, Result | Task] = {}
        for unit in units:
            start = begun[unit.task.id] - connecting.REQUESTS_APART
            end = begun[unit.task.id] + self._settings.settle
            mine = [
                each
                for each in logged
                if (each.lead_id, each.primary_attribute_value_id) == (unit.task.lead_id, campaign)
                and start <= each.activity_date <= end
            ]
            if len(mine) == 1:
                found[unit.task.id] = connecting.requested()
        return found

    def _merges(self, units: Sequence[Unit]) -> dict[str, Result | Task]:
        found: dict[str, Result | Task] = {}
        there = self._there(
            [each for unit in units for each in (int(unit.task.lead_id or 0), *unit.task.losers)], units
        )
        for unit in units:
            losers = tuple(each for each in unit.task.losers if each in there)
            if not losers:
                found[unit.task.id] = connecting.merged(unit.task, [unit.task.lead_id or 0])
            elif unit.task.lead_id not in there and len(losers) == 1:
                found[unit.task.id] = connecting.merged(unit.task, losers)
            else:
                found[unit.task.id] = replace(unit.task, losers=losers)
        return found

    def _there(self, lead_ids: Sequence[int], units: Sequence[Unit]) -> set[int]:
        """Those of the leads that exist."""
        client = self._connections.marketo(units[0].task.group.connection)
        return {int(lead["id"]) for lead in client.leads_by_filter("id", [str(each) for each in lead_ids], ["id"])}

    def _creates(self, units: Sequence[Unit]) -> dict[str, Result | Task]:
        keyed = [unit for unit in units if _key_of(unit.task)]
        found: dict[str, Result | Task] = {
            unit.task.id: connecting.uncertain() for unit in units if not _key_of(unit.task)
        }
        leads = self._with_keys(keyed)
        for unit in keyed:
            result = connecting.made_since(unit.task, leads[unit.task.id])
            if result is not None:
                found[unit.task.id] = result
        return found

    def _with_keys(self, units: Sequence[Unit]) -> dict[str, Leads]:
        """The persons who have the value by which each task's person is known."""
        if not units:
            return {}
        first = units[0].task
        name = first.group.lookup_field
        client = self._connections.marketo(first.group.connection)
        values = list(dict.fromkeys(_key_of(unit.task) for unit in units))
        leads = client.leads_by_filter(name, values, list(dict.fromkeys(["id", name, "createdAt"])))
        return {
            unit.task.id: [lead for lead in leads if connecting.same_value(name, lead.get(name), _key_of(unit.task))]
            for unit in units
        }

    # who is meant

    def _addressed(self, units: Sequence[Unit]) -> list[Unit]:
        """Those whose person is known by now, or need not be; others are looked for, and made where that is wished."""
        known = [unit for unit in units if not unit.task.value]
        missing: list[Unit] = []
        for same in grouped([unit for unit in units if unit.task.value], _lookup_group):
            for unit, leads in self._lookup(same):
                person = connecting.chosen(unit.task, leads)
                if isinstance(person, Result):
                    self._end(replace_task(unit, connecting.looked(unit.task, leads)), person)
                    continue
                task = replace(unit.task, lead_id=person, row={"id": person})
                found = replace_task(unit, connecting.looked(task, leads))
                if person is not None:
                    known.append(found)
                elif unit.task.group.adds:
                    missing.append(found)
                else:
                    self._end(found, connecting.not_found(unit.task))
        for same in grouped(missing, lambda unit: (unit.task.group.lookup_field, unit.task.group.partition)):
            known += self._add(same)
        return known

    def _lookup(self, units: Sequence[Unit]) -> list[tuple[Unit, Leads]]:
        """The persons found for each; those for whom Marketo cannot be asked end, or are given back."""
        first = units[0].task
        name, fields = first.group.lookup_field, connecting.lookup_fields(first.compiled)
        client = self._connections.marketo(first.group.connection)
        found: dict[str, Leads] = {}

        def call(piece: Sequence[Unit]) -> Sequence[RowResult]:
            values = list(dict.fromkeys(each for unit in piece for each in connecting.asked(name, unit.task.value)))
            leads = client.leads_by_filter(name, values, list(fields))
            for unit in piece:
                alone = name in connecting.UNREPEATED
                found[unit.task.id] = [
                    lead for lead in leads if alone or connecting.same_value(name, lead.get(name), unit.task.value)
                ]
            return [RowResult(ok=True) for _ in piece]

        # what an answer does not repeat is asked for one by one
        pieces = [[unit] for unit in units] if name in connecting.UNREPEATED else [list(units)]
        said = isolate(pieces, call, lambda _, error: error.code in BAD_VALUE)
        self._refused(said, BAD_VALUE)
        return [(unit, found[unit.task.id]) for unit, _ in said.answered]

    def _add(self, units: Sequence[Unit]) -> list[Unit]:
        """Make the persons who were not found; gives those who are there now."""
        first = units[0].task
        name, partition = first.group.lookup_field, first.group.partition or None
        client = self._connections.marketo(first.group.connection)

        def call(piece: Sequence[Unit]) -> Sequence[RowResult]:
            self._renew(piece)
            rows = [{name: unit.task.value} for unit in piece]
            return client.sync_leads(
                rows, action=Strategy.CREATE_OR_UPDATE.value, lookup_field=name, partition=partition
            )

        made: list[Unit] = []
        kept = self._intend(units, operation=ADD_PERSON)
        for unit, row in self._called([kept], call):
            if row.ok and row.id:
                person = int(row.id)
                task = replace(unit.task, lead_id=person, row={"id": person}, added=row.status == "created")
                made.append(_afresh(replace_task(unit, task)))
            elif self._final(unit, row):
                self._end(unit, connecting.failed(row.code, row.message), row)
        return made

    # what is asked

    def _write(self, units: Sequence[Unit], may_go_on: Callable[[], bool]) -> None:
        """Make the calls of one group."""
        if not units:
            return
        if units[0].compiled.operation is Operation.IMPORT_LEADS:
            self._import(units, may_go_on)
            return
        try:
            send = self._sender(units[0].task)
            before = self._before(units)
        except SyncError as error:
            self._hold(units, error)
            return
        if isinstance(send, tuple):
            self._park(units, *send)
            return

        def call(piece: Sequence[Unit]) -> Sequence[RowResult]:
            require(may_go_on)
            self._renew(piece)
            return send(piece)

        require(may_go_on)
        kept = self._intend(units, before=before)
        endings: list[Ending] = []
        for unit, row in self._called(chunks(kept, units[0].task.group.facts.most), call):
            if self._final(unit, row):
                endings += self._endings(unit, self._became(unit, row), row)
        self._closing.finish(endings)

    def _import(self, units: Sequence[Unit], may_go_on: Callable[[], bool]) -> None:
        """Have the units of one group go as files."""
        if self._imports is None:
            self._park(units, Reason.MAPPING_BROKEN, NO_IMPORTS)
            return
        group, named = units[0].task.group, units[0].compiled.action.destination.list
        try:
            list_id = self._names.static_list(group.connection, named) if named else None
        except SyncError as error:
            self._hold(units, error)
            return
        if named and list_id is None:
            self._park(units, Reason.LIST_MISSING, message(Reason.LIST_MISSING, list=named))
            return
        for piece in chunks(units, group.facts.most):
            self._imports.send([unit.task for unit in piece], list_id, may_go_on)

    def _became(self, unit: Unit, row: RowResult) -> Result:
        """The result of a person who was answered; of a merge it is looked who is left, as the CRM may have a say."""
        if not (row.ok and unit.compiled.operation is Operation.MERGE_LEADS):
            return connecting.result_of(unit.task, row)
        try:
            there = self._there([int(unit.task.lead_id or 0), *unit.task.losers], [unit])
        except SyncError:
            return connecting.result_of(unit.task, row)  # it is merged, whoever is left
        return connecting.merged(unit.task, [each for each in (unit.task.lead_id, *unit.task.losers) if each in there])

    def _before(self, units: Sequence[Unit]) -> dict[str, list[int]]:
        """The persons who have the values of those that are about to be made, so that new ones are told apart."""
        if units[0].task.group.strategy not in {Strategy.CREATE_ONLY, Strategy.CREATE_DUPLICATE}:
            return {}
        found = self._with_keys([unit for unit in units if _key_of(unit.task)])
        return {task: [int(lead["id"]) for lead in leads] for task, leads in found.items()}

    def _sender(self, first: Task) -> Callable[[Sequence[Unit]], Sequence[RowResult]] | tuple[Reason, str]:
        """How a call of the group is made; or the reason and the sentence why none can be."""
        group, end = first.group, first.compiled.action.destination
        client = self._connections.marketo(group.connection)
        if group.operation in {Operation.ADD_TO_LIST, Operation.REMOVE_FROM_LIST}:
            list_id = self._names.static_list(group.connection, end.list or "")
            if list_id is None:
                return Reason.LIST_MISSING, message(Reason.LIST_MISSING, list=end.list)
            change = client.add_to_list if group.operation is Operation.ADD_TO_LIST else client.remove_from_list
            return lambda piece: _each_once(piece, lambda ids: change(list_id, ids))
        if group.operation is Operation.SEND_EMAIL:
            campaign = self._names.campaign(group.connection, end.campaign or "")
            if campaign is None:
                return Reason.CAMPAIGN_MISSING, message(Reason.CAMPAIGN_MISSING, campaign=end.campaign)
            tokens = dict(group.tokens)
            return lambda piece: _each_once(piece, lambda ids: client.request_campaign(campaign, ids, tokens))
        if group.operation is Operation.MERGE_LEADS:
            in_crm = first.compiled.action.merge is not None and first.compiled.action.merge.in_crm
            return lambda piece: [
                _together(client.merge_leads(int(unit.task.lead_id or 0), unit.task.losers, in_crm=in_crm))
                for unit in piece
            ]
        duplicate = group.strategy == Strategy.CREATE_DUPLICATE
        return lambda piece: client.sync_leads(
            [unit.task.row for unit in piece],
            action=Strategy(group.strategy).value,
            lookup_field=None if duplicate else group.lookup_field,
            partition=group.partition or None,
        )

    # storing, calling, ending

    def _intend(
        self, units: Sequence[Unit], *, operation: str = "", before: Mapping[str, Sequence[int]] | None = None
    ) -> list[Unit]:
        """Store what is about to be done; what a newer epoch holds is dropped."""
        now = self._clock.now()
        events = [
            connecting.sending(
                task, connecting.intent_of(task, now, operation=operation, before=(before or {}).get(task.id, ()))
            )
            for unit in units
            for task in unit.tasks
        ]
        kept = {event.execution_id: event for event in self._inbox.save(events)}
        return [
            Unit(
                unit.task.with_event(kept[unit.task.id]),
                [each.with_event(kept[each.id]) for each in unit.riders if each.id in kept],
            )
            for unit in units
            if unit.task.id in kept
        ]

    def _renew(self, piece: Sequence[Unit]) -> None:
        """Have intents that are fresh when the call leaves.

        Raises:
            StoppedError: A newer epoch holds some of the events.
        """
        now = self._clock.now()
        intents = [event.intent for unit in piece for event in unit.events if event.intent]
        if not any(stale(intent.at, now, self._settings.settle) for intent in intents):
            return
        renewed = [
            event.evolve(intent=replace(event.intent, at=now))
            for unit in piece
            for event in unit.events
            if event.intent
        ]
        kept = {event.execution_id: event for event in self._inbox.save(renewed)}
        # lost to a newer epoch, or asleep while they were stored
        require(lambda: len(kept) == len(renewed) and not stale(now, self._clock.now(), self._settings.settle))
        for unit in piece:
            unit.task = unit.task.with_event(kept.get(unit.task.id, unit.task.event))
            unit.riders = [each.with_event(kept.get(each.id, each.event)) for each in unit.riders]

    def _called(
        self, pieces: Sequence[Sequence[Unit]], call: Callable[[Sequence[Unit]], Sequence[RowResult]]
    ) -> list[tuple[Unit, RowResult]]:
        """What was answered; the others end, or are given back."""
        of_person = next((unit.task.group.facts.of_person for piece in pieces for unit in piece), frozenset())

        def one_spoils(piece: Sequence[Unit], error: SyncError) -> bool:
            alone = error.code in of_person or isinstance(error, ContractError)
            return alone or spoiled([unit.task.event for unit in piece], error)

        said = isolate(pieces, call, one_spoils)
        self._refused(said, of_person)
        return said.answered

    def _refused(self, said: Isolated[Unit], of_person: frozenset[str]) -> None:
        """See to the units of calls that were refused as a whole."""
        for unit, error in said.culprits:
            self._end(unit, connecting.failed(error.code, error.detail))
        for piece, error in said.refused:
            if isinstance(error, UncertainWriteError):
                self._lost(piece, error)
            elif len(piece) == 1 and error.code in of_person:
                self._end(piece[0], connecting.failed(error.code, error.detail))
            else:
                self._hold([_undone(unit) for unit in piece], error)

    def _lost(self, piece: Sequence[Unit], error: UncertainWriteError) -> None:
        """Look once, at once, where that can tell; a later run looks again when Marketo must show it."""
        found: dict[str, Result | Task] = {}
        intent = piece[0].task.event.intent
        if intent and intent.operation != ADD_PERSON and piece[0].compiled.doubt != "repeat":
            try:
                found = self._look(piece)
            except SyncError:
                found = {}  # the later run asks again
        waiting = []
        for unit in piece:
            result = found.get(unit.task.id)
            if isinstance(result, Result) and result.outcome in WRITTEN:
                self._end(unit, result)
            else:
                waiting.append(unit)
        self._hold(waiting, error)

    def _final(self, unit: Unit, row: RowResult) -> bool:
        """Whether a person's answer is the last word; otherwise the unit was given back."""
        event = unit.task.event
        if row.ok or not repeatable(row, tries(event, row.code, vendor="marketo")):
            self._closing.refused(row, vendor="marketo")
            return True
        doubt = row.resolution is Resolution.UNCERTAIN
        for each in (unit if doubt else _undone(unit)).events:
            self._closing.again(each, row, vendor="marketo", look_later=doubt)
        return False

    def _park(self, units: Sequence[Unit], reason: Reason, text: str) -> None:
        for event in (event for unit in units for event in unit.events):
            self._closing.park(event, reason, text)

    def _hold(self, units: Sequence[Unit], error: SyncError) -> None:
        self._closing.hold([event for unit in units for event in unit.events], error)

    def _end(self, unit: Unit, result: Result, row: RowResult | None = None) -> None:
        self._closing.finish(self._endings(unit, result, row))

    def _endings(self, unit: Unit, result: Result, row: RowResult | None) -> list[Ending]:
        endings: list[Ending] = []
        for task in unit.tasks:
            event = explanation.answered(task.event, row, "marketo") if row else task.event
            if result.outcome is Outcome.FAILED:
                self._owning.unclaim(task)  # before the end is recorded
            endings.append(self._ending(event, result))
        return endings

    def _ending(self, event: Event, result: Result) -> Ending:
        return Ending(
            event=event if event.executed_at else _executed(event, self._clock.now()),
            result=result,
            writeback=NOTHING,
            activity=NOTHING,
            told=told_of(event, result, {}, {}) if event.chunk else None,
            guards=event.guards,
            written=result.outcome in WRITTEN,
        )


def waves(tasks: Sequence[Task]) -> list[list[Task]]:
    """Cut tasks into waves such that inside a wave no person stands twice and sequence holds per person.

    Those who ask the same of one list for one person follow each other in one wave: done once, it is done for all.
    """
    result: list[list[Task]] = []
    last: dict[str, tuple[int, str]] = {}
    for task in sorted(tasks, key=lambda each: each.event.sequence):
        alike = task.group.key if task.group.list else task.id
        claims = [claim.key for claim in task.claims]
        after = [(number + (other != alike)) for key in task.guards for number, other in [last.get(key, (-1, ""))]]
        after += [last.get(key, (-1, ""))[0] + 1 for key in claims]
        number = max(0, max(after, default=0))
        last.update(dict.fromkeys([*task.guards, *claims], (number, alike)))
        while number >= len(result):
            result.append([])
        result[number].append(task)
    return [wave for wave in result if wave]


def united(wave: Sequence[Task]) -> list[Unit]:
    """The tasks of a wave, those of one person together: the oldest first, the others ride with it."""
    units: dict[tuple[str, ...], Unit] = {}
    for task in wave:
        key = task.guards or (task.id,)
        if key in units:
            units[key].riders.append(task)
        else:
            units[key] = Unit(task)
    return list(units.values())


def replace_task(unit: Unit, task: Task) -> Unit:
    """The unit with its task moved on."""
    return Unit(task, [_like(rider, task) for rider in unit.riders])


def _like(rider: Task, task: Task) -> Task:
    """A rider as far as its leader has come."""
    decision = {**rider.event.decision, **{k: v for k, v in task.event.decision.items() if k in {"match", "write"}}}
    return replace(
        rider, lead_id=task.lead_id, row=task.row, added=task.added, event=rider.event.evolve(decision=decision)
    )


def _each_once(piece: Sequence[Unit], call: Callable[[Sequence[int]], Sequence[RowResult]]) -> list[RowResult]:
    """The answers of units whose persons stand in the call once each."""
    own = [int(unit.task.lead_id or 0) for unit in piece]
    lead_ids = list(dict.fromkeys(own))
    said = dict(zip(lead_ids, call(lead_ids), strict=True))
    return [said[each] for each in own]


def _together(rows: Sequence[RowResult]) -> RowResult:
    """One answer of several: the first that is not fine."""
    return next((row for row in rows if not row.ok), rows[0])


def _key_of(task: Task) -> str:
    """The value by which the person that is made is known, empty if there is none."""
    value = task.row.get(task.group.lookup_field)
    return "" if value is None else str(value).strip()


def _lookup_group(unit: Unit) -> tuple[str, tuple[str, ...]]:
    return unit.task.group.lookup_field, connecting.lookup_fields(unit.compiled)


def _undone(unit: Unit) -> Unit:
    """The unit as before its intent: Marketo said that nothing was done."""
    tasks = [
        # where an earlier attempt is still in doubt the next run must look again
        task if task.event.intent is None or task.event.intent.attempt > 1 else _without_intent(task)
        for task in unit.tasks
    ]
    return Unit(tasks[0], tasks[1:])


def _afresh(unit: Unit) -> Unit:
    """The unit after its intent was fulfilled, and before the next one."""
    tasks = [_without_intent(task) for task in unit.tasks]
    return Unit(tasks[0], tasks[1:])


def _without_intent(task: Task) -> Task:
    return task.with_event(task.event.evolve(state=State.WAITING, intent=None))


def _written(obtained: Mapping[str, Guarded]) -> str:
    return pipeline.written_under({guard: each.writes for guard, each in obtained.items()})


def _executed(event: Event, now: datetime) -> Event:
    return event if event.executed_at else event.evolve(executed_at=now)
