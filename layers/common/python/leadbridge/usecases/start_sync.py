"""Start a run of a Sync, unless one is at work: the poll function behind schedules and people's orders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from leadbridge.domain.carried import Asked
from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.lifecycle import DocumentState
from leadbridge.domain.schedule import is_too_late, lets_begin, slot_of
from leadbridge.domain.source_query import readable_by_id
from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import Step, SyncRun, asked_for, summed
from leadbridge.domain.waits import Waiting
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Documents, OvertakenError
from leadbridge.sync_ports import SyncRuns, SyncStarter
from leadbridge.usecases.at_work import goes_on

#: how often an order is stored against others who go on with the run at the same time
_TRIES = 5


def _moment(at: str) -> datetime | None:
    """A scheduler's moment; None where it says none that can be read."""
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_KINDS: Mapping[str, Vendor] = {"marketo_connection": "marketo", "salesforce_connection": "salesforce"}


def vendor_of(documents: Documents, connection: str) -> Vendor:
    """The vendor of a connection.

    Raises:
        ConfigurationError: There is no such connection.
    """
    for kind, vendor in _KINDS.items():
        if documents.get(kind, connection) is not None:
            return vendor
    raise ConfigurationError([f"there is no connection {connection}; apply its document first"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What became of a call for a run; `because` it was not started."""

    slot: str
    started: bool
    because: str = ""

    @property
    def begun(self) -> bool:
        """Whether the run of its slot has begun, now or before."""
        return self.started or self.because in {"begun", "ended"}


class StartSync:
    """The use-case of `start_sync`."""

    def __init__(
        self,
        *,
        documents: Documents,
        runs: SyncRuns,
        vendor: Callable[[str], Vendor],
        starter: SyncStarter,
        clock: Clock,
    ) -> None:
        """`vendor` tells whose a connection is."""
        self._documents = documents
        self._runs = runs
        self._vendor = vendor
        self._starter = starter
        self._clock = clock

    def __call__(self, sync: str, slot: str, *, scheduled: bool = True, **wanted: Any) -> Started:
        """Start the run of a slot; the same slot twice is one run. `wanted` are members of a run that is no usual one.

        A run that is at work keeps the next one from starting: what that one would have read, the one after it reads.

        Raises:
            ConfigurationError: There is no such Sync, or, where a person asks, it is not active.
        """
        stored = self._documents.get("sync", sync)
        if stored is None or not isinstance(stored.document, Sync):
            raise ConfigurationError([f"there is no Sync {sync}; apply its document first"])
        if stored.state is not DocumentState.ACTIVE and not wanted.get("planning"):
            if not scheduled:
                raise ConfigurationError(
                    [f"the Sync {sync} is {stored.state}; `leadbridge syncs activate {sync}` lets it run"]
                )
            return Started(slot=slot, started=False, because="not_active")
        standing = self._runs.standing(sync)
        if standing.holder and standing.holder != slot:
            holder = (sync, standing.holder)
            if goes_on(self._runs, self._starter, holder, standing.taken_at, self._clock.now()):
                return Started(slot=slot, started=False, because=f"running: {standing.holder}")
        known = self._runs.get(sync, slot)
        if known is not None and known[0].over:
            return Started(slot=slot, started=False, because="ended")
        if standing.holder != slot:
            taken = self._runs.take(sync, slot, standing, self._clock.now())
            if taken is None:
                return Started(slot=slot, started=False, because="running")
            standing = taken
        document = stored.document
        run, _ = self._runs.begin(
            SyncRun(
                sync=sync,
                slot=slot,
                version=stored.version,
                source=self._vendor(document.source.connection),
                destination=self._vendor(document.destination.connection),
                epoch=standing.epoch,
                started_at=self._clock.now(),
                incremental=document.incremental and (not wanted or "planning" in wanted),
                **wanted,
            )
        )
        self._starter.start(sync, slot, run.name)
        return Started(slot=slot, started=True)

    def now(self, sync: str) -> Started:
        """Start a run because somebody wants it, in a slot of its own.

        Raises:
            ConfigurationError: There is no such Sync, or it is not active.
        """
        return self(sync, self._slot(), scheduled=False)

    def retry(self, sync: str, slot: str) -> Started:
        """Start a run over the rows that failed in another one: they are read again, as the Sync says by now.

        Raises:
            ConfigurationError: There is no such run, or nothing of it can be tried again.
        """
        found, stored = self._runs.get(sync, slot), self._documents.get("sync", sync)
        if found is None:
            raise ConfigurationError([f"the Sync {sync} has no run {slot}"])
        run = summed(found[0], self._runs.parts(sync, slot))
        before = self._documents.get("sync", sync, run.version)
        if not run.over:
            raise ConfigurationError([f"the run {slot} is at work; wait for its end, or cancel it"])
        if run.planning:
            raise ConfigurationError([f"{slot} is a plan, of which nothing was written; run the Sync"])
        if not run.totals.failed:
            raise ConfigurationError([f"no row of the run {slot} failed"])
        if stored is not None and isinstance(stored.document, Sync) and before is not None:
            document = stored.document
            if not isinstance(before.document, Sync) or before.document.source != document.source:
                raise ConfigurationError([f"the Sync {sync} has another source by now; run it as a whole"])
            if not readable_by_id(document, run.source):
                what = f"Marketo does not give single {document.source.object}"
                raise ConfigurationError([f"{what}; run the Sync, which reads all of them and writes what differs"])
        # a retry of a retry tries rows that the first of all these runs has read
        origin = run.origin or run.retry_of or slot
        return self(sync, f"{self._slot()}-retry", scheduled=False, retry_of=slot, origin=origin)

    def plan(self, sync: str, rows: int = 0) -> Started:
        """Start a run that writes nothing and stores what it would write: of so many rows, or, with 0, of all.

        The Sync need not be active. As with every run, only one of them is at work at a time.

        Raises:
            ConfigurationError: There is no such Sync, or its rows become calls, of which nothing is compared.
        """
        stored = self._documents.get("sync", sync)
        if stored is not None and isinstance(stored.document, Sync) and stored.document.destination.action:
            raise ConfigurationError([f"rows of the Sync {sync} become calls, which are not planned; preview it"])
        # a name of its own: no scheduled run may take it for its own
        return self(sync, f"{self._slot()}-plan", scheduled=False, planning=True, most=rows)

    def apply(self, sync: str, slot: str) -> Started:
        """Start a run that makes the writes of a plan, and no others.

        Raises:
            ConfigurationError: There is no such plan, it has not ended well, or the Sync has been changed since.
        """
        found, stored = self._runs.get(sync, slot), self._documents.get("sync", sync)
        if found is None or not found[0].planning:
            raise ConfigurationError([f"the Sync {sync} has no plan {slot}; `leadbridge syncs plan {sync}` makes one"])
        plan, _ = found
        if plan.step is not Step.DONE:
            how = "ended without a result" if plan.over else "is at work"
            raise ConfigurationError([f"the plan {slot} {how}; nothing can be applied of it"])
        if stored is not None and stored.version != plan.version:
            was = f"version {plan.version} of the Sync, which is at version {stored.version} by now"
            raise ConfigurationError([f"the plan {slot} is of {was}; plan again"])
        return self(sync, f"{self._slot()}-apply", scheduled=False, plan=slot)

    def _slot(self) -> str:
        return self._clock.now().strftime("%Y%m%dT%H%M%SZ")

    def fired(self, sync: str, at: str) -> Started:
        """A schedule's fire: late or twice, it is of the slot that it was meant for; between slots it starts nothing.

        `at` is when it was meant to be, in the scheduler's words; without it the present counts.
        """
        stored = self._documents.get("sync", sync)
        if stored is None or not isinstance(stored.document, Sync):
            return Started(slot="", started=False, because="gone")
        meant = _moment(at) or self._clock.now()
        slot = slot_of(stored.document, stored.version, meant)
        if slot is None:
            return Started(slot="", started=False, because="no_slot")
        if is_too_late(stored.document, slot, meant):
            return Started(slot=slot.name, started=False, because="too_late")
        once = stored.document.schedule is not None and stored.document.schedule.once is not None
        if once and self._runs.standing(sync).once >= stored.version:
            return Started(slot=slot.name, started=False, because="begun")
        told = self(sync, slot.name)
        if once and told.begun:
            # the run is removed one day, and would begin anew; that it has begun is known for ever
            self._runs.note_once(sync, stored.version)
        return told

    def revive(self, sync: str) -> None:
        """See that the run of a Sync that is at work, if there is one, has an execution that carries it."""
        standing = self._runs.standing(sync)
        if standing.holder:
            goes_on(self._runs, self._starter, (sync, standing.holder), standing.taken_at, self._clock.now())

    def announced(self, sync: str) -> Started:
        """Start a run because the source has announced changes; one for each minute at most.

        A run reads up to a whole minute, so that a second one of the same minute would read nothing else. Where the
        schedule allows no run, as in quiet hours, the changes wait for the next slot.
        """
        stored = self._documents.get("sync", sync)
        if stored is None or not isinstance(stored.document, Sync):
            return Started(slot="", started=False, because="gone")
        now = self._clock.now()
        if not lets_begin(stored.document, now):
            return Started(slot="", started=False, because="no_slot")
        return self(sync, f"{now:%Y%m%dT%H%M}00Z-announced")

    def forget(self, sync: str) -> None:
        """Forget how far a Sync has come that is about to be removed: one of its id that is made later reads all.

        A run that is still at work goes on to its end, where it is refused to move the watermark.
        """
        self._runs.forget(sync)

    def ask(self, sync: str, slot: str, asked: Asked) -> SyncRun:
        """Pause, resume or cancel a run, or confirm what its guard has counted.

        Raises:
            ConfigurationError: There is no such run, or it waits for no confirmation.
        """
        for _ in range(_TRIES):
            found = self._runs.get(sync, slot)
            if found is None:
                raise ConfigurationError([f"the Sync {sync} has no run {slot}"])
            run, version = found
            if asked is Asked.CONFIRM and run.waiting is not Waiting.GUARD:
                raise ConfigurationError([f"the run {slot} waits for no confirmation; nothing is confirmed"])
            wanted = asked_for(run, asked, self._clock.now())
            try:
                self._runs.save(wanted, version)
            except OvertakenError:
                continue
            return wanted
        raise ConfigurationError([f"the run {slot} is changing all the time; ask again"])
