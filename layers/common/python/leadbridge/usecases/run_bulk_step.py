"""One step of a bulk run: gathers what the step needs, lets the domain decide, stores what became of the run.

A step may be repeated at any time, also one that died half-way: what it did at the vendor is found again before it is
done once more. Two executions of one run do not disturb each other, since the run is stored under its version.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from leadbridge.domain import jobs
from leadbridge.domain.bulk_order import BulkOrder
from leadbridge.domain.evolving import replace
from leadbridge.domain.jobs import Counts, Policy, Run, State, Step, Told
from leadbridge.domain.waits import Next
from leadbridge.errors import ConfigurationError, SyncError, UncertainWriteError
from leadbridge.files.errors import DamagedFileError, SchemaDriftError, UnreadableFileError, UnreconciledError
from leadbridge.ports import (
    BulkJobs,
    BulkRuns,
    BulkVendors,
    Clock,
    Meter,
    Objects,
    OvertakenError,
    PartFile,
    Turn,
)
from leadbridge.usecases.bulk_files import (
    Copy,
    attach_results,
    between,
    copy_checked,
    part_file,
    piece_key,
    results_prefix,
    split,
)

#: a piece is held in memory; it is also what is fetched again after a crash
PIECE_BYTES = 16_000_000
#: a step adds 11 events to an execution's history, 35 if it is tried again to the end; a history holds 25,000
MOST_TURNS = 500
#: no new piece is begun in the last seconds of an invocation
LEFT_SECONDS = 120.0
#: longer than any function runs: whoever holds a turn for so long is dead
TURN_STALE = timedelta(minutes=20)
#: a job in no list may be at work when its file is sent again: so many times longer is waited
UNLISTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a state machine hears: where to go on, after how long, and at the end what there is."""

    run: Run
    next: Next[Step, jobs.Waiting]
    turns: int
    renew: bool

    def as_dict(self) -> dict[str, Any]:
        """Members of fixed and small size: files are named, never carried."""
        run = self.run
        files = {"output": run.output, "sha256": run.digest, "bytes": run.size or 0} if run.output else {}
        parts = {"results": results_prefix(run), "parts": run.parts} if run.kind is jobs.Kind.IMPORT else {}
        return {
            "run": run.name,
            "step": self.next.step.value,
            "wait_seconds": self.next.wait_seconds,
            "waiting": self.next.waiting.value,
            "parked": self.next.waiting in jobs.PARKED,
            "turns": self.turns,
            "renew": self.renew,
            "job": run.job,
            "calls": run.calls,
            "counts": {name: getattr(run.counts, name) for name in Counts.__slots__},
            **files,
            **parts,
            "reason": run.reason,
            "message": run.message[:1000],
        }


class RunBulkStep:
    """The use-case of `run_bulk_step`."""

    def __init__(
        self,
        *,
        runs: BulkRuns,
        objects: Objects,
        vendors: BulkVendors,
        clock: Clock,
        meter: Meter,
        policy: Policy,
        piece_bytes: int = PIECE_BYTES,
        most_turns: int = MOST_TURNS,
    ) -> None:
        """`most_turns`: after so many steps a run goes on in a new execution."""
        self._runs = runs
        self._objects = objects
        self._vendors = vendors
        self._clock = clock
        self._meter = meter
        self._policy = policy
        self._piece_bytes = piece_bytes
        self._most_turns = most_turns
        self._steps: Mapping[Step, Callable[[_Work], Run]] = {
            Step.SPLIT: self._split,
            Step.CREATE: self._create,
            Step.START: self._start,
            Step.POLL: self._poll,
            Step.CANCEL: self._cancel,
            Step.FETCH: self._fetch,
            Step.CHECK: self._check,
            Step.ATTACH: self._attach,
            Step.CLEAN: self._clean,
        }

    def __call__(self, order: BulkOrder, remaining: Callable[[], float]) -> Answer:
        """Take the run's next step, unless it is to wait or only begins.

        `remaining` tells the seconds that this process has left.

        Raises:
            ConfigurationError: The name stands for another order already, or there is no such connection or request.
            SyncError: A person has to act; the run stays where it is and goes on with the next call.
        """
        wanted = _new_run(order, self._clock)
        run, version = self._runs.begin(wanted)
        if not jobs.same_order(run, wanted):
            raise ConfigurationError([f"run: {run.name} stands for another order; give this one a name of its own"])
        if not order.begin and not run.over and not jobs.next_of(run, self._clock.now()).wait_seconds:
            try:
                run = self._step(_Work(run, version, remaining))
            except OvertakenError:
                run, _ = self._runs.begin(wanted)
            finally:
                self._vendors.report_quota()
            self._count(run)
        turns = 0 if order.begin else order.turns + 1
        renew = turns >= self._most_turns and not run.over
        return Answer(run=run, next=jobs.next_of(run, self._clock.now()), turns=turns, renew=renew)

    def _jobs(self, run: Run) -> BulkJobs:
        is_extract = run.kind is jobs.Kind.EXTRACT
        return self._vendors.extracts(run) if is_extract else self._vendors.imports(run)

    def _step(self, work: "_Work") -> Run:
        try:
            work.jobs = self._jobs(work.run)
            work.called = self._vendors.calls_made(work.run)
            return self._steps[work.run.step](work)
        except SyncError as error:
            run = jobs.refused(work.run, error, self._clock.now(), self._policy)
            # whoever was refused made nothing; without an answer the turn stays, so that the job is looked for
            made_nothing = work.making and not isinstance(error, UncertainWriteError)
            return self._save(work, run, lane=_lane(run) if made_nothing else "")

    def _save(self, work: "_Work", run: Run, *, lane: str = "", extracted: bool = False) -> Run:
        if work.called is not None:
            called = self._vendors.calls_made(work.run)
            run, work.called = replace(run, calls=run.calls + called - work.called), called
        work.version = self._runs.save(run, work.version, lane=lane, extracted=extracted)
        work.run = run
        return run

    # a job is made

    def _create(self, work: "_Work") -> Run:
        part = self._part(work.run)
        now = self._clock.now()
        turn = self._runs.take_turn(_lane(work.run), work.run.name, now)
        if not turn.begun_before:
            return self._make(work, part)
        if turn.owner != work.run.name and now - turn.since <= TURN_STALE:
            return self._save(work, jobs.not_our_turn(work.run, now))
        return self._make_after(work, part, turn)

    def _make_after(self, work: "_Work", part: PartFile | None, turn: Turn) -> Run:
        """Somebody began to make a job and was not heard of again: ours is adopted, another's cancelled."""
        now = self._clock.now()
        listed = work.jobs.listed(turn.since - jobs.SKEW)
        shown_at = turn.since + self._policy.settle * (1 if listed is not None else UNLISTED)
        orphans = self._orphans(work, listed or ())
        if orphans and turn.owner == work.run.name:
            newest = max(orphans, key=lambda job: (job.created_at is not None, job.created_at))
            self._give_up([job for job in orphans if job is not newest], work.jobs)
            self._meter.count("BulkJobsAdopted", vendor=work.run.vendor)
            return self._save(work, jobs.made(work.run, newest, now, self._policy), lane=_lane(work.run))
        if now < shown_at:
            return self._save(work, jobs.not_shown_yet(work.run, shown_at))
        self._give_up(orphans, work.jobs)
        if not self._runs.renew_turn(_lane(work.run), turn, work.run.name, now):
            return self._save(work, jobs.not_our_turn(work.run, now))
        return self._make(work, part)

    def _make(self, work: "_Work", part: PartFile | None) -> Run:
        work.making = True
        job = work.jobs.create(part)
        return self._save(work, jobs.made(work.run, job, self._clock.now(), self._policy), lane=_lane(work.run))

    def _orphans(self, work: "_Work", listed: Sequence[Told]) -> list[Told]:
        alive = [job for job in listed if job.state not in {State.FAILED, State.CANCELLED, State.GONE}]
        known = self._runs.known(_lane(work.run), [job.id for job in alive])
        return [job for job in alive if job.id not in known]

    def _give_up(self, orphans: Sequence[Told], at: BulkJobs) -> None:
        for job in orphans:
            if job.state not in jobs.OVER:
                at.cancel(job.id)

    # a job runs

    def _start(self, work: "_Work") -> Run:
        work.jobs.start(work.run.job, self._part(work.run))
        return self._save(work, jobs.started(work.run, self._clock.now(), self._policy))

    def _poll(self, work: "_Work") -> Run:
        told = work.jobs.look(work.run.job)
        run = jobs.seen(work.run, told, self._clock.now(), self._policy)
        return self._save(work, run, extracted=run.step is Step.FETCH)

    def _cancel(self, work: "_Work") -> Run:
        done = work.jobs.cancel(work.run.job)
        self._meter.count("BulkJobsStuck", vendor=work.run.vendor)
        return self._save(work, jobs.cancelled(work.run, at_vendor=done))

    # an extract's file arrives

    def _fetch(self, work: "_Work") -> Run:
        extracts = self._vendors.extracts(work.run)
        while True:
            run = work.run
            piece = extracts.fetch(run.job, run.cursor, self._piece_bytes, total=run.size)
            if piece is None:
                return self._save(work, jobs.lost_file(work.run))
            self._objects.put(piece_key(work.run, work.run.pieces + 1), piece.content)
            run = self._save(work, jobs.fetched(work.run, piece.cursor, piece.records))
            if run.step is not Step.FETCH or work.remaining() < LEFT_SECONDS:
                return run

    def _check(self, work: "_Work") -> Run:
        run, output = work.run, f"{work.run.folder}/extract.csv"
        try:
            with self._objects.writing(output) as into:
                copy = Copy(into.write)
                rows = copy_checked(self._objects, copy, run, self._vendors.extracts(run))
        except (DamagedFileError, UnreadableFileError) as error:
            checked = jobs.spoilt(run, error.code, error.detail)
        except SchemaDriftError as error:
            # the pieces stay: they are what the vendor sent
            checked = jobs.ended(run, error.code, error.detail)
        else:
            checked = jobs.checked(run, output=output, digest=copy.digest, rows=rows, size=copy.size)
        return self._save(work, checked)

    # an import's file leaves, and its results arrive

    def _split(self, work: "_Work") -> Run:
        source = self._objects.stored(work.run.source)
        parts, counts = split(self._objects, work.run, source)
        return self._save(work, jobs.split(work.run, parts=parts, counts=counts))

    def _attach(self, work: "_Work") -> Run:
        try:
            files = self._vendors.imports(work.run).results(work.run.job, work.run.state)
            counts = attach_results(self._objects, work.run, files)
        except (UnreconciledError, UnreadableFileError, SchemaDriftError) as error:
            attached = jobs.spoilt(work.run, "results_do_not_add_up", error.detail)
        else:
            attached = jobs.attached(work.run, counts)
        return self._save(work, attached)

    def _clean(self, work: "_Work") -> Run:
        self._objects.delete(between(work.run))
        return self._save(work, jobs.cleaned(work.run))

    def _part(self, run: Run) -> PartFile | None:
        return part_file(self._objects, run) if run.kind is jobs.Kind.IMPORT else None

    def _count(self, run: Run) -> None:
        if run.waiting in jobs.PARKED:
            # how far what it carries is behind: a vendor's queue is shared with others, and may be full for long
            lag = (self._clock.now() - run.begun_at).total_seconds()
            self._meter.count("BulkLagSeconds", lag, vendor=run.vendor)
        if run.over:
            self._meter.count("BulkRunsFailed" if run.step is Step.FAILED else "BulkRunsDone", vendor=run.vendor)


@dataclass(slots=True)
class _Work:
    """A run while its step is taken."""

    run: Run
    version: int
    remaining: Callable[[], float]
    jobs: BulkJobs = field(init=False)
    making: bool = False
    #: calls of the process that are counted; None: no connection is there to make any
    called: int | None = None


def _new_run(order: BulkOrder, clock: Clock) -> Run:
    return jobs.begin(
        name=order.run,
        kind=order.kind,
        vendor=order.vendor,
        connection=order.connection,
        object_name=order.object_name,
        request=order.request,
        prefix=order.prefix,
        source=order.source,
        now=clock.now(),
    )


def _lane(run: Run) -> str:
    return f"{run.connection}#{run.kind}#{run.object}"
