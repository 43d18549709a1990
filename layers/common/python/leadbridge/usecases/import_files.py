"""Send imports as files, and give each event the end that its file's run tells of its row.

A file goes in steps, each of which may be the last of its process: the events' intents name it, it is stored, its order
is stored, the machine is started, the events move beside the lane. One of them, that of the first row, stays in the
lane, comes due now and then, and looks how the run is. Once that is over the others end, and it ends last. Events that
came after one of the same person wait beside the lane, too, and go back into it then, for the next file.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from leadbridge.domain import connecting, explanation, importing
from leadbridge.domain.connecting import CompiledConnector, Task
from leadbridge.domain.event import Ending, Event, Part, Result
from leadbridge.domain.importing import RowEnd, Unsent
from leadbridge.domain.jobs import Run
from leadbridge.domain.operations import import_file
from leadbridge.domain.outcome import WRITTEN, Outcome, Reason, State, message
from leadbridge.domain.postponement import Patience, given_up, vendor_reason
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, ImportMachine, Inbox, Keys, Objects, Runs
from leadbridge.usecases.batch import RunSettings, StoppedError, grouped, require, told_of
from leadbridge.usecases.closing import Closing
from leadbridge.usecases.owning import Owning

#: events that end, or go back, between two looks whether the worker may go on
SLICE = 500
#: events of a lane among which those of a file are looked for before it is forgotten, due or not
MOST, FAR = 100_000, timedelta(days=3650)
NOTHING = Part(status="not_configured")

type Ready = tuple[Event, CompiledConnector]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPorts:
    """What imports need beside what every call needs."""

    objects: Objects
    runs: Runs
    machine: ImportMachine
    #: a vendor's text without the values that were sent
    mask: Callable[[str, object], str]


@dataclass(slots=True, kw_only=True)
class _Over:
    """A file whose run is over: what that says of its rows, and what its events need to end."""

    file: str
    run: Run
    ends: Mapping[int, RowEnd]
    compiled: CompiledConnector
    secret: bytes


@dataclass(slots=True)
class _Leaving:
    """What becomes of events of a file, sorted by how they leave it."""

    endings: list[Ending] = field(default_factory=list)
    #: out of the file into the lane, each with the event as it is to be there
    back: list[tuple[Event, Event]] = field(default_factory=list)


class ImportFiles:
    """Files of events whose lane's lease the caller holds."""

    def __init__(
        self,
        ports: ImportPorts,
        *,
        inbox: Inbox,
        keys: Keys,
        clock: Clock,
        owning: Owning,
        closing: Closing,
        settings: RunSettings,
    ) -> None:
        self._ports = ports
        self._inbox = inbox
        self._keys = keys
        self._clock = clock
        self._owning = owning
        self._closing = closing
        self._settings = settings
        #: by guard, the file of this run that holds the person
        self._sent: dict[str, str] = {}

    def send(self, tasks: Sequence[Task], list_id: int | None, may_go_on: Callable[[], bool]) -> None:
        """Make one file of tasks that share a group, of no person twice, and have it imported.

        Raises:
            StoppedError: `may_go_on` said no, or an event is in other hands by now; no machine was started after that.
        """
        group, now = tasks[0].group, self._clock.now()
        ordered = sorted(tasks, key=lambda task: task.event.sequence)
        file = importing.file_name((task.id for task in ordered), now)
        intents = [
            connecting.sending(task, replace(connecting.intent_of(task, now), file=file, row=row))
            for row, task in enumerate(ordered, start=1)
        ]
        events = self._inbox.save(intents)
        if len(events) < len(intents):
            raise StoppedError  # whoever has the others makes the file
        self._hold(events)
        order = importing.order(file, group, list_id)
        require(may_go_on)
        self._ports.objects.put(importing.source_key(file), import_file(group.columns, [task.row for task in ordered]))
        # from here on the file is what its events wait for
        self._ports.objects.put(importing.order_key(file), json.dumps(order).encode())
        require(may_go_on)
        self._ports.machine.start(order, 0)
        self._sent |= {guard: file for event in events for guard in event.guards}
        self._set_apart(file, [event.evolve(attempts=0) for event in events])

    def after(self, tasks: Sequence[Task]) -> list[Event]:
        """Have those whose person is in a file that was just sent wait for its end; gives the events of the others."""
        files = {task.id: next((self._sent[each] for each in task.guards if each in self._sent), "") for task in tasks}
        self._inbox.load([importing.with_file(task.event, files[task.id]) for task in tasks if files[task.id]])
        return [task.event for task in tasks if not files[task.id]]

    def go_on(self, ready: Sequence[Ready], secret: bytes, may_go_on: Callable[[], bool]) -> list[Ready]:
        """See to the files that are on their way; gives the events that are in none.

        Raises:
            StoppedError: `may_go_on` said no; what has ended has ended.
        """
        self._sent.clear()  # a run that was broken off may have left some
        others: list[Ready] = []
        for same in grouped(ready, lambda each: importing.file_of(each[0])):
            file, compiled = importing.file_of(same[0][0]), same[0][1]
            run = self._ports.runs.find(file) if file else None
            if run is not None and run.over:
                over = _Over(file=file, run=run, ends=self._ends(run), compiled=compiled, secret=secret)
                self._end(over, [event for event, _ in same], may_go_on)
            elif file and (order := self._order(file)) is not None:
                self._look(file, order, [event for event, _ in same])
            else:
                if file:  # nothing was started: they go into another file
                    self._ports.objects.delete([importing.source_key(file)])
                others += same
        return others

    # under way

    def _look(self, file: str, order: Mapping[str, Any], events: Sequence[Event]) -> None:
        """Have a machine work on the file, and its events stand where they belong.

        An execution that stopped before its run was over met what only a person can mend: the next comes later.
        """
        leader = next((event for event in events if importing.is_first(event)), None)
        if leader is None:
            self._set_apart(file, events)
            return
        self._hold([leader])
        self._set_apart(file, [event for event in events if event is not leader])
        number = leader.attempts
        while (standing := self._ports.machine.standing(file, number)) == "over":
            number += 1
        stopped = number > leader.attempts
        if stopped and self._patience(leader).over(self._clock.now()):
            plan = given_up("marketo", "import", "the state machine stops", self._patience(leader))
            self._closing.park(leader, plan.reason, plan.message)
            return
        # the first that follows one that stopped is started at once, the others after growing pauses
        waits = stopped and leader.failing_since is not None
        if standing == "absent" and not waits:
            self._ports.machine.start(order, number)
        since = leader.failing_since or (self._clock.now() if stopped else None)
        told = leader.evolve(attempts=number, failing_since=since)
        self._set_apart(file, [told], importing.pause(number) if waits else None)

    def _set_apart(self, file: str, events: Sequence[Event], pause: timedelta | None = None) -> None:
        """Have a file's events stand beside the lane, but for the first: that comes due after a while."""
        text = message(Reason.IMPORTING, file=file)
        due_at = self._clock.now() + (pause or self._settings.look)
        first = [event for event in events if importing.is_first(event)]
        self._inbox.load([importing.with_file(event, file) for event in events if not importing.is_first(event)])
        self._closing.defer(
            [event.evolve(due_at=due_at, reason=Reason.IMPORTING, message=text) for event in first],
            parked=pause is not None,
        )

    def _hold(self, events: Sequence[Event]) -> None:
        """Keep others from writing the persons for as long as an import may take."""
        now = self._clock.now()
        self._keys.guard({event.execution_id: event.guards for event in events}, now + importing.HOLD, now)

    def _order(self, file: str) -> Mapping[str, Any] | None:
        """What the machine is told of a file; None if that was not stored, so that no machine knows the file."""
        content = self._content(importing.order_key(file))
        return None if content is None else dict(json.loads(content))

    # over

    def _end(self, over: _Over, events: Sequence[Event], may_go_on: Callable[[], bool]) -> None:
        """End the events of a file whose run is over, those in hand and those beside the lane; the first one last."""
        first = [event for event in events if importing.is_first(event)]
        self._leave(over, [event for event in events if not importing.is_first(event)])
        lane, seen = events[0].lane, ""
        while beside := self._inbox.loaded(lane, over.file, SLICE):
            require(may_go_on)
            if beside[0].execution_id == seen:
                raise StoppedError  # they do not leave: somebody else sees to them
            seen = beside[0].execution_id
            self._leave(over, beside)
        if not first:
            return
        if self._strays(first[0]):
            self._set_apart(over.file, first)
            return
        self._leave(over, first)
        self._ports.objects.delete(importing.keys(over.file, over.run.parts))

    def _strays(self, first: Event) -> bool:
        """Whether another event of the file is in the lane still, after a crash."""
        there = self._inbox.due(first.lane, self._clock.now() + FAR, MOST)
        return sum(importing.file_of(event) == importing.file_of(first) for event in there) > 1

    def _leave(self, over: _Over, events: Sequence[Event]) -> None:
        leaving = _Leaving()
        for event in events:
            if importing.file_of(event) != over.file:  # it waited for the end of another call of its person
                leaving.back.append((event, importing.without_file(event)))
            else:
                self._told(over, event, leaving)
        self._closing.finish(leaving.endings)
        self._inbox.unload(leaving.back)

    def _told(self, over: _Over, event: Event, leaving: _Leaving) -> None:
        """What the run says of an event's row."""
        end = over.ends.get(event.intent.row if event.intent else 0)
        quiet = end is not None and end.outcome == "done" and not end.warning
        task = None if quiet else connecting.admit(event, over.compiled, over.secret)
        sent = [event.columns, task.row if isinstance(task, Task) else {}]

        def told(text: str) -> str:
            return self._ports.mask(text, sent)

        found = importing.verdict(over.run, end, told)
        if not isinstance(found, Result):
            self._unsent(over, event, found, leaving)
            return
        if found.outcome is Outcome.FAILED and isinstance(task, Task):
            self._owning.unclaim(task)  # before the end is recorded
        answer = importing.answer_of(end, told)
        leaving.endings.append(_ending(explanation.answered(event, answer, "marketo") if answer else event, found))

    def _unsent(self, over: _Over, event: Event, what: Unsent, leaving: _Leaving) -> None:
        """Have an event whose row never reached Marketo go into another file, or wait for a person."""
        now, run = self._clock.now(), over.run
        code = run.reason.removeprefix("marketo_")
        fresh = event.evolve(
            state=State.WAITING,
            intent=None,
            failing_since=event.failing_since or (event.intent.at if event.intent else now),
        )
        if what == "park":
            text = message("vendor_parked", vendor="Marketo", code=code, detail=self._ports.mask(run.message, ()))
            self._closing.park(fresh, vendor_reason("marketo", code), text)
        elif self._patience(fresh).over(now):
            plan = given_up("marketo", code, self._ports.mask(run.message, ()), self._patience(fresh))
            self._closing.park(fresh, plan.reason, plan.message)
        elif event.file:
            leaving.back.append((event, importing.without_file(fresh)))
        else:
            self._closing.defer([fresh.evolve(due_at=now, reason="", message="")])

    def _ends(self, run: Run) -> Mapping[int, RowEnd]:
        """What a run says of its rows."""
        found: dict[int, RowEnd] = {}
        for key in importing.results_keys(run.name, run.parts):
            content = self._content(key)
            if content is not None:
                found |= importing.read_ends(content)
        return found

    def _content(self, key: str) -> bytes | None:
        try:
            return b"".join(self._ports.objects.stored(key))
        except ConfigurationError:
            return None  # there is no such object

    def _patience(self, event: Event) -> Patience:
        return Patience(since=event.failing_since, most=self._settings.patience)


def _ending(event: Event, result: Result) -> Ending:
    return Ending(
        event=event,
        result=result,
        writeback=NOTHING,
        activity=NOTHING,
        told=told_of(event, result, {}, {}) if event.chunk else None,
        guards=event.guards,
        written=result.outcome in WRITTEN,
    )
