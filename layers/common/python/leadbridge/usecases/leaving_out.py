"""What is not processed on its way to its end: skipped and duplicates, which hold nothing while they are told."""

from collections.abc import Sequence
from datetime import datetime

from leadbridge.domain import pipeline
from leadbridge.domain.compiled import CompiledAction
from leadbridge.domain.event import Event, Result
from leadbridge.domain.flow_step import PATIENCE
from leadbridge.domain.outcome import Outcome, State
from leadbridge.domain.pipeline import Candidate
from leadbridge.usecases.batch import Entry

#: an event, its Action, and how it ends
type LeftOut = tuple[Event, CompiledAction, Result]

#: outcomes that are told without the keys of the person: whatever others write meanwhile, these stay what they are
KEYLESS = frozenset({Outcome.SKIPPED, Outcome.DUPLICATE})


def past_its_callback(event: Event, now: datetime) -> Event:
    """The event as it is told: by API, as after a webhook, if its chunk has been called back without it."""
    late = event.chunk and event.state is State.WAITING and now > event.received_at + PATIENCE
    return event.evolve(chunk="") if late else event


def told_only(
    events: Sequence[tuple[Event, CompiledAction]],
) -> tuple[list[tuple[Event, CompiledAction]], list[LeftOut]]:
    """The events that are to be run, and those that were left out by a run before this one and only need to be told."""
    left_out = [
        (event, compiled, event.result)
        for event, compiled in events
        if event.result is not None and event.result.outcome in KEYLESS
    ]
    known = {event.execution_id for event, _, _ in left_out}
    return [each for each in events if each[0].execution_id not in known], left_out


def part_left_out(left_out: Sequence[LeftOut]) -> tuple[list[LeftOut], list[Entry], list[Entry]]:
    """Those of whom nothing is logged, those of whom it is, and those who may have been logged before."""
    quiet: list[LeftOut] = []
    fresh: list[Entry] = []
    resumed: list[Entry] = []
    for event, compiled, result in left_out:
        if event.chunk or not pipeline.reports(compiled.action, result):
            quiet.append((event, compiled, result))
            continue
        told = Candidate(event=event, compiled=compiled, columns=event.columns, lead_guard="", looks=(), claims=())
        entry = Entry(candidate=told, result=result, resumed=event.result is not None)
        (resumed if entry.resumed else fresh).append(entry)
    return quiet, fresh, resumed
