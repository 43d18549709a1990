"""Start a run of a CRM cycle: a while after the last one ended, if a look finds anything to do, and one at a time."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from leadbridge.cycle_ports import CycleLook, CycleRuns, DueRecords, Looked
from leadbridge.domain.carried import Asked
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_legs import Queue
from leadbridge.domain.cycle_times import is_stale, slot_at, why_not
from leadbridge.domain.cycling import CycleRun, CycleStanding, asked_for
from leadbridge.domain.lifecycle import DocumentState, Stored
from leadbridge.domain.syncing import SyncRun
from leadbridge.domain.three_way import Side
from leadbridge.domain.waits import Waiting
from leadbridge.errors import ConfigurationError, SyncError
from leadbridge.ports import Clock, Documents, OvertakenError
from leadbridge.sync_ports import SyncRuns
from leadbridge.usecases.at_work import Starter, goes_on
from leadbridge.usecases.start_sync import Started

#: how often an order is stored against others who go on with the run at the same time
_TRIES = 5


class StartCycle:
    """The use-case behind the tick of a cycle's schedule, and behind people's orders."""

    def __init__(
        self,
        *,
        documents: Documents,
        runs: CycleRuns,
        syncs: SyncRuns,
        queues: Callable[[CrmCycle], Iterable[Queue]],
        due: Callable[[str], DueRecords],
        look: CycleLook,
        starter: Starter,
        ask_sync: Callable[[str, str, Asked], SyncRun],
        clock: Clock,
    ) -> None:
        """`queues` are what a cycle reads, `due` gives the records that are due; `ask_sync` asks a run of a Sync."""
        self._documents = documents
        self._runs = runs
        self._syncs = syncs
        self._queues = queues
        self._due = due
        self._look = look
        self._starter = starter
        self._ask_sync = ask_sync
        self._clock = clock

    def tick(self, cycle: str) -> Started:
        """A schedule's fire, once a minute: starts a run if its time has come and there is something to do."""
        stored = self._stored(cycle)
        standing = self._runs.standing(cycle)
        because = "gone" if stored is None else self._not_now(stored, standing)
        if stored is None or because:
            return Started(slot="", started=False, because=because)
        try:
            looked = self._looked(_cycle(stored), standing, self._clock.now())
        except SyncError as error:
            if error.vendor == "aws":
                raise
            # nobody can be asked now; the next tick tries again
            return Started(slot="", started=False, because=f"not_known: {error.detail or error}")
        if not looked.why:
            return Started(slot="", started=False, because="idle")
        started = self._begin(stored, standing)
        if started.started and looked.token != standing.token:
            # only now: whoever dies before finds the same once more
            taken = self._runs.standing(cycle)
            self._runs.looked(cycle, taken, standing.idle, self._clock.now(), looked.token)
        return started

    def _not_now(self, stored: Stored, standing: CycleStanding) -> str:
        """Why nothing is to begin, whatever there is to do."""
        if stored.state is not DocumentState.ACTIVE:
            return "not_active"
        if self._held(stored.document.id, standing):
            return f"running: {standing.holder}"
        cycle, now = _cycle(stored), self._clock.now()
        why = why_not(cycle, standing, now)
        if why == "gap" and not why_not(cycle, standing, now, known=True) and self._is_due(cycle, now):
            return ""
        return why

    def now(self, cycle: str, *, from_now: bool = False, demanded: Sequence[str] = ()) -> Started:
        """Start a run because somebody wants it; with `from_now` it only sets the watermarks.

        `demanded` are kinds of records that are part of no other run.

        Raises:
            ConfigurationError: There is no such cycle, it is not active, or keeps no such kind.
        """
        stored = self._stored(cycle)
        if stored is None:
            raise ConfigurationError([f"there is no cycle {cycle}; apply its document first"])
        if stored.state is not DocumentState.ACTIVE:
            remedy = f"`leadbridge cycle activate {cycle}` lets it run"
            raise ConfigurationError([f"the cycle {cycle} is {stored.state}; {remedy}"])
        standing = self._runs.standing(cycle)
        if self._held(cycle, standing):
            return Started(slot=standing.holder, started=False, because=f"running: {standing.holder}")
        return self._begin(stored, standing, from_now=from_now, demanded=_demanded(stored, demanded))

    def plan(self, cycle: str, *, demanded: Sequence[str] = ()) -> Started:
        """Start a run that reads and decides what a run would do now, and writes nothing; the cycle need not be active.

        Raises:
            ConfigurationError: There is no such cycle, its document has findings, or it keeps no kind that is demanded.
        """
        stored = self._stored(cycle)
        if stored is None:
            raise ConfigurationError([f"there is no cycle {cycle}; apply its document first"])
        if stored.state is DocumentState.DRAFT:
            raise ConfigurationError(
                [f"the cycle {cycle} is a draft; correct what `leadbridge plan` finds, and apply it"]
            )
        standing = self._runs.standing(cycle)
        if self._held(cycle, standing):
            return Started(slot=standing.holder, started=False, because=f"running: {standing.holder}")
        return self._begin(stored, standing, planning=True, demanded=_demanded(stored, demanded))

    def guards(self, cycle: str, slot: str) -> Sequence[str]:
        """The guards that a run waits at now: its own by its word, otherwise those of its parts by their names.

        Raises:
            ConfigurationError: There is no such run.
        """
        return [*self._guards(self._run(cycle, slot)[0])]

    def ask(self, cycle: str, slot: str, asked: Asked, seen: Collection[str] | None = None) -> CycleRun:
        """Pause, resume or cancel a run and what it has started, or confirm what a guard of it has counted.

        `seen` are the guards that whoever confirms has seen; without them those that it waits at as it is read first.

        Raises:
            ConfigurationError: There is no such run, it waits for no confirmation, or at a guard that was not seen.
        """
        for _ in range(_TRIES):
            run, version = self._run(cycle, slot)
            if asked is Asked.CONFIRM:
                waiting = self._guards(run)
                seen = waiting.keys() if seen is None else seen
                _check_seen(run, waiting, seen)
                if run.waiting is not Waiting.GUARD:
                    for each in waiting:
                        self._ask_sync(f"{cycle}.{each}", slot, asked)
                    return run
            wanted = asked_for(run, asked, self._clock.now())
            try:
                self._runs.save(wanted, version)
            except OvertakenError:
                continue
            for each in wanted.orders:
                self._ask_sync(each, slot, asked)
            return wanted
        raise ConfigurationError([f"the run {slot} is changing all the time; ask again"])

    def _run(self, cycle: str, slot: str) -> tuple[CycleRun, int]:
        found = self._runs.get(cycle, slot)
        if found is None:
            raise ConfigurationError([f"the cycle {cycle} has no run {slot}"])
        return found

    def _guards(self, run: CycleRun) -> Mapping[str, str]:
        """What a run waits for, by the guard: what it has counted."""
        if run.over:
            return {}
        if run.waiting is Waiting.GUARD:
            return {run.guarded: run.message}
        found = (self._syncs.get(each, run.slot) for each in run.orders)
        parts = [known[0] for known in found if known and known[0].waiting is Waiting.GUARD]
        return {each.sync.removeprefix(f"{run.cycle}."): each.message for each in parts}

    def _stored(self, cycle: str) -> Stored | None:
        stored = self._documents.get("crm_cycle", cycle)
        return stored if stored is not None and isinstance(stored.document, CrmCycle) else None

    def _held(self, cycle: str, standing: CycleStanding) -> bool:
        """Whether a run is at work; one that has lost its state machine is given a new one."""
        holder = (cycle, standing.holder)
        return bool(standing.holder) and goes_on(
            self._runs, self._starter, holder, standing.taken_at, self._clock.now()
        )

    def _looked(self, cycle: CrmCycle, standing: CycleStanding, now: datetime) -> Looked:
        """Why a run is to begin; no reason if nothing is to do, which is noted."""
        queues = [queue for queue in self._queues(cycle) if not queue.on_demand]
        new = [queue.name for queue in queues if queue.name not in standing.watermarks]
        if new:
            return Looked(why=f"new: {', '.join(new)}", token=standing.token)
        if is_stale(standing, now):
            return Looked(why="a day has passed", token=standing.token)
        if self._is_due(cycle, now):
            return Looked(why="due", token=standing.token)
        looked = self._look(cycle, _since(queues, standing), standing.token)
        if not looked.why:
            self._runs.looked(cycle.id, standing, standing.idle + 1, now, looked.token)
        return looked

    def _is_due(self, cycle: CrmCycle, now: datetime) -> bool:
        """Whether a record waits for the next run."""
        return any(each.not_before is None or each.not_before <= now for each in self._due(cycle.id).listed(1))

    def _begin(
        self,
        stored: Stored,
        standing: CycleStanding,
        *,
        from_now: bool = False,
        planning: bool = False,
        demanded: Sequence[str] = (),
    ) -> Started:
        cycle, now = stored.document.id, self._clock.now()
        slot = slot_at(now)
        taken = self._runs.take(cycle, slot, standing, now)
        if taken is None:
            return Started(slot=slot, started=False, because="running")
        run, _ = self._runs.begin(
            CycleRun(
                cycle=cycle,
                slot=slot,
                version=stored.version,
                epoch=taken.epoch,
                started_at=now,
                from_now=from_now,
                planning=planning,
                demanded=tuple(demanded),
                bootstrap=not taken.watermarks and not from_now,
            )
        )
        self._starter.start(cycle, slot, run.name)
        return Started(slot=slot, started=True)


def _check_seen(run: CycleRun, waiting: Mapping[str, str], seen: Collection[str]) -> None:
    """Nobody says yes to what they have not seen.

    Raises:
        ConfigurationError: The run waits at a guard that was not seen, or at none.
    """
    if not waiting:
        raise ConfigurationError([f"the run {run.slot} waits for no confirmation; nothing is confirmed"])
    unseen = [f"{each}: {told.removeprefix(f'{each}: ')}" for each, told in waiting.items() if each not in seen]
    if unseen:
        what = f"the run {run.slot} waits by now for something else than you have seen, so nothing is confirmed"
        raise ConfigurationError([f"{what}: {', and '.join(unseen)}"])


def _cycle(stored: Stored) -> CrmCycle:
    if not isinstance(stored.document, CrmCycle):
        raise TypeError(stored.document.kind)  # of one kind there is one model
    return stored.document


def _demanded(stored: Stored, kinds: Sequence[str]) -> Sequence[str]:
    """Kinds of records that the document keeps.

    Raises:
        ConfigurationError: It does not keep one of them.
    """
    missing = [name for name in kinds if not _cycle(stored).keeps(name)]
    if missing:
        raise ConfigurationError([f"{stored.document.id} keeps no {name}; give it `{name}`" for name in missing])
    return kinds


def _since(queues: Iterable[Queue], standing: CycleStanding) -> Mapping[Side, datetime]:
    """From when on changes of each system count, which none of its queues has carried over."""
    found = dict[Side, datetime]()
    for queue in queues:
        at = standing.watermarks[queue.name]
        found[queue.side] = min(at, found.get(queue.side, at))
    return found
