"""What a run of a CRM cycle is, step by step. Pure: what happened goes in, the run as it is then comes out.

As with a run of a Sync (`domain.syncing`), everything a run knows is in one record that is stored under its version
after each step. What it reads and writes are runs of Syncs of the same slot, whose counts and outcomes stay with them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from leadbridge.domain.carried import Asked, CarriedRun, cancelled, ended, kept_waiting, wanted
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_legs import GROUPS, PLANNED_LATE
from leadbridge.domain.cycle_schema import Checked, Schema, kept_as
from leadbridge.domain.evolving import replace
from leadbridge.domain.waits import Waiting, going_on, held_by, put_off, reason_of
from leadbridge.errors import SyncError

#: kinds of records that cannot go on without others, in Adobe's order: their records hold links to those
DEPENDS: Mapping[str, frozenset[str]] = {
    "companies": frozenset({"sales_persons"}),
    "persons": frozenset({"sales_persons", "companies"}),
    "activities": frozenset({"persons"}),
    "opportunities": frozenset({"sales_persons", "companies"}),
    "opportunity_roles": frozenset({"persons", "opportunities"}),
    "custom_objects": frozenset({"companies", "persons"}),
    "programs": frozenset({"persons"}),
}

#: what of Marketo is looked up for them comes in Adobe's order of a first reading: behind people, and before all others
_FIRST = ("companies", "opportunities", "sales_persons")


class CycleStep(StrEnum):
    """What a run does next."""

    OPEN = "open"  # fix the ceilings of both systems, and what is read up to them
    READ = "read"  # read what both systems changed: a run for each queue
    DECIDE = "decide"  # who is who, and what each side takes over; writes are stored as plans
    WRITE = "write"  # apply the plans, one group of legs after the other
    REMEMBER = "remember"  # what both sides hold now, of records whose writes succeeded
    COMMIT = "commit"  # move the watermarks
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class CycleRun(CarriedRun):
    """One run of a cycle; its slot is the moment at which it was begun, as a name: 20261201T080000Z."""

    cycle: str
    step: CycleStep = CycleStep.OPEN
    #: when it came to this step; None of one that was begun by an earlier version
    step_at: datetime | None = None
    #: it only sets the watermarks, so that what is there already is left as it is
    from_now: bool = False
    #: it reads and decides, and writes nothing but what it would do
    planning: bool = False
    #: kinds of records that are part of it since somebody asked for them
    demanded: tuple[str, ...] = ()
    #: the first one, which reads everything
    bootstrap: bool = False
    #: by system: what it changed before is read, later changes are the next cycle's
    ceilings: Mapping[str, datetime] = field(default_factory=dict)
    #: by queue since when is read; a queue that is missing is read from the start
    since: Mapping[str, datetime] = field(default_factory=dict)
    #: by queue that is read from the start, and in extracts: what was made before is left out
    made_since: Mapping[str, datetime] = field(default_factory=dict)
    #: queues in whose window nothing was changed, as their system says: they need not be read
    idle: tuple[str, ...] = ()
    #: a moment before those since when all queues are read once more, for pairs of fields that work again
    again: datetime | None = None
    #: queues that are read from the start, for fields that change without notice, or were never compared; of records
    #: that did not change linked ones count
    compared: tuple[str, ...] = ()
    #: how both schemas were when it was opened, by kind and object, and what is to be told of them
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    #: by queue how many rows were read
    rows: Mapping[str, int] = field(default_factory=dict)
    #: by queue when the newest record that was read was changed
    newest: Mapping[str, datetime] = field(default_factory=dict)
    #: by leg how many writes were planned
    writes: Mapping[str, int] = field(default_factory=dict)
    #: how long edits took to the other system (`domain.cycle_latency`)
    latencies: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    #: by leg how many records that are linked would change, and how many of their values would be emptied
    changed: Mapping[str, int] = field(default_factory=dict)
    blanked: Mapping[str, int] = field(default_factory=dict)
    #: how many people the edits of companies reach, of those that are written
    reached: int = 0
    #: what a guard has counted and waits for, and what a person has said yes to
    guarded: str = ""
    confirmed: tuple[str, ...] = ()
    #: something is read and written behind all that was planned, whether anything was planned or not
    late: bool = False
    #: by queue up to when its watermark moves, where that is before the ceiling: rows failed that are tried again
    held: Mapping[str, datetime] = field(default_factory=dict)
    #: runs of Syncs, by the Sync's id, that are at work for READ or for the group that is written
    orders: tuple[str, ...] = ()
    #: what they had done by the last round over them
    done: int = 0
    #: the group that is written
    group: str = ""
    #: the kind of records that DECIDE or REMEMBER is at, and how far, in pieces that only that kind understands
    entity: str = ""
    through: int = 0
    #: kinds of records that cannot go on, and why; the others do
    parked: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where its objects are."""
        return f"cycle/{self.cycle}/{self.slot}"

    @property
    def owner(self) -> str:
        """Its cycle."""
        return self.cycle

    def takes(self, kind: str) -> bool:
        """Whether a kind of records is part of it, if the document has it."""
        return kind not in CrmCycle.on_demand or kind in self.demanded

    @property
    def kind(self) -> str:
        """A word for what it does."""
        if self.planning:
            return "plan"
        return "from now" if self.from_now else "bootstrap" if self.bootstrap else "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleStanding:
    """What is known of a cycle between its runs: its lease, how far each queue has come, and how the last look was."""

    epoch: int = 0
    #: the slot of the run that holds the lease
    holder: str = ""
    taken_at: datetime | None = None
    #: when the last run ended, however it did
    ended_at: datetime | None = None
    #: by queue: what the system changed before is carried over
    watermarks: Mapping[str, datetime] = field(default_factory=dict)
    #: by queue when the newest record that was ever read was changed
    newest: Mapping[str, datetime] = field(default_factory=dict)
    #: what is known of both schemas, by kind and object, from the last run that committed
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    #: looks since the last run that found nothing to do, and when the last one was
    idle: int = 0
    looked_at: datetime | None = None
    #: what the last look leaves for the next one, over runs too; empty: there was none
    token: str = ""


def in_order(names: Sequence[str]) -> list[str]:
    """Kinds of records as they are decided; they are written in another order, that of `cycle_legs.GROUPS`."""
    return sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))


# what happened to a run


def opened(
    run: CycleRun,
    ceilings: Mapping[str, datetime],
    since: Mapping[str, datetime],
    made_since: Mapping[str, datetime],
    idle: Iterable[str] = (),
) -> CycleRun:
    """It is known what is to be read, and in which queues there is nothing."""
    step = CycleStep.COMMIT if run.from_now else CycleStep.READ
    return replace(going_on(run), step=step, ceilings=ceilings, since=since, made_since=made_since, idle=tuple(idle))


def schemas_seen(
    run: CycleRun, kind: str, found: Mapping[str, Checked], queues: Mapping[str, str] | None = None
) -> CycleRun:
    """It is known which pairs of fields of a kind of records can be kept in step, by object.

    `queues` are the queues of Salesforce's objects, by their names.
    """
    moments = [run.again, *(each.read_again_from for each in found.values())]
    return replace(
        run,
        schemas={**run.schemas, **{kept_as(kind, name): each.schema for name, each in found.items()}},
        warnings=(*run.warnings, *(told for each in found.values() for told in each.warnings)),
        again=min((each for each in moments if each), default=None),
        compared=(
            *run.compared,
            *(queue for queue, name in (queues or {}).items() if name in found and found[name].compares),
        ),
    )


def ordered(run: CycleRun, orders: Iterable[str], entities: Sequence[str]) -> CycleRun:
    """Runs of Syncs are stored, and are to be carried out before it goes on; without any it goes on at once."""
    run = replace(going_on(run), orders=tuple(orders), fruitless=0, done=0)
    return run if run.orders else returned(run, entities)


def still_out(run: CycleRun, orders: Iterable[str], done: int, due_at: datetime | None) -> CycleRun:
    """Some runs of Syncs have not ended; `done`: rows that all of them have done by now, `due_at`: not before."""
    fruitless = run.fruitless + 1 if done <= run.done and due_at is None else 0
    run = replace(going_on(run), orders=tuple(orders), fruitless=fruitless, done=max(done, run.done))
    return replace(run, waiting=Waiting.VENDOR, due_at=due_at) if due_at else run


def returned(run: CycleRun, entities: Sequence[str]) -> CycleRun:
    """All runs of Syncs have ended."""
    run = replace(going_on(run), orders=(), fruitless=0, done=0)
    if run.step is CycleStep.DECIDE:
        return passed_over(run, entities)
    if run.step is CycleStep.READ:
        return _at_entity(replace(run, step=CycleStep.DECIDE), entities, 0)
    following = GROUPS.index(run.group) + 1
    if run.planning and run.group == PLANNED_LATE[-1]:
        return replace(run, step=CycleStep.COMMIT, group="")
    if following < len(GROUPS):
        return replace(run, group=GROUPS[following])
    return _at_entity(replace(run, step=CycleStep.REMEMBER, group=""), entities, 0)


def through(run: CycleRun, entities: Sequence[str]) -> CycleRun:
    """The kind of records that DECIDE or REMEMBER is at is through."""
    return _at_entity(going_on(run), entities, [*entities].index(run.entity) + 1)


def _at_entity(run: CycleRun, entities: Sequence[str], index: int) -> CycleRun:
    """DECIDE or REMEMBER at the next kind that goes on, or behind the last one."""
    following = next((name for name in entities[index:] if name not in run.parked), "")
    run = replace(run, entity=following, through=0)
    if following:
        return run
    if run.planning and run.late:
        # their Syncs plan by themselves
        return replace(run, step=CycleStep.WRITE, group=PLANNED_LATE[0])
    if run.planning:
        return replace(run, step=CycleStep.COMMIT)
    if run.step is CycleStep.DECIDE and (run.late or any(run.writes.values())):
        return replace(run, step=CycleStep.WRITE, group=GROUPS[0])
    if run.step is CycleStep.DECIDE:
        # what is in step already is remembered, too
        return _at_entity(replace(run, step=CycleStep.REMEMBER), entities, 0)
    return replace(run, step=CycleStep.COMMIT)


def guarded(run: CycleRun, what: str, told: str, now: datetime) -> CycleRun:
    """It would do too much, and asks a person before it writes anything; `what` is confirmed then."""
    if run.planning:
        told = f"{what}: a run would ask before it writes, since it would {told}"
        return replace(run, confirmed=(*run.confirmed, what), warnings=(*run.warnings, told))
    confirm = f'leadbridge cycle confirm {run.cycle} {run.slot} --guard "{what}"'
    remedy = f"`{confirm}` lets it go on, `cycle cancel` ends it"
    message = f"{what}: the run would {told}; nothing of that is written yet, {remedy}"
    return kept_waiting(replace(run, guarded=what, reason="guard", message=message), Waiting.GUARD, now)


def parked(run: CycleRun, name: str, why: str, entities: Sequence[str]) -> CycleRun:
    """A kind of records cannot go on, and what depends on it neither; the others do, and its watermarks stay."""
    found = {**run.parked, name: run.parked.get(name, why)}
    for other, needs in DEPENDS.items():
        if other in entities and other not in found and (missing := sorted(needs & found.keys())):
            found[other] = f"waits for {', '.join(missing)}"
    return replace(run, parked=found)


def passed_over(run: CycleRun, entities: Sequence[str]) -> CycleRun:
    """Behind the kind of records that DECIDE or REMEMBER is at, if that is parked by now."""
    return through(run, entities) if run.entity and run.entity in run.parked else run


def committed(run: CycleRun, entities: Sequence[str], now: datetime) -> CycleRun:
    """The watermarks of the kinds that went on are moved."""
    told = "; ".join(f"{name}: {run.parked[name]}" for name in entities if name in run.parked)
    if told and all(name in run.parked for name in entities):
        return ended(run, CycleStep.FAILED, now, "all_parked", told)
    return ended(run, CycleStep.DONE, now, "parked" if told else "", told)


def asked_for(run: CycleRun, asked: Asked, now: datetime) -> CycleRun:
    """Somebody wants something of a run; one that waits looks at it at once."""
    if asked is Asked.CONFIRM and run.waiting is Waiting.GUARD and not run.over:
        run = replace(run, confirmed=(*run.confirmed, run.guarded), guarded="", reason="", message="")
        return replace(run, waiting=Waiting.NOT, due_at=now)
    return wanted(run, asked, now)


def obeyed(run: CycleRun, now: datetime) -> CycleRun | None:
    """What somebody asked for comes before the next step; None if there is nothing in its way."""
    if run.over:
        return None
    if run.asked is Asked.NOTHING:
        return kept_waiting(run, Waiting.GUARD, now) if run.waiting is Waiting.GUARD else None
    if run.asked is Asked.CANCEL:
        # runs of Syncs that are at work were asked as well; nothing of them may go on behind the lease
        return None if run.orders else cancelled(run, now)
    return kept_waiting(run, Waiting.PAUSED, now)


def refused(run: CycleRun, error: SyncError, now: datetime, entities: Sequence[str]) -> CycleRun:
    """A call was refused, or got no answer: the run waits; what will not pass by itself parks the kind it was for."""
    found = held_by(error, run, now)
    if found is not None:
        return put_off(run, found, now)
    why = error.detail or str(error)
    if run.entity:
        return passed_over(parked(going_on(run), run.entity, why, entities), entities)
    return ended(run, CycleStep.FAILED, now, reason_of(error), why)
