"""Bulk jobs: what becomes of a run, step by step, for extracts and imports of either vendor.

A *run* is what a caller asks for: one file out of a vendor, or one file into it. It makes one job after the other at
the vendor, one per part of the file. Everything a run knows is in one value that is stored after each step, so that
whoever comes next goes on where the last one stopped. The functions here take what happened and give the run as it
is then; they call nobody. The state machines only route on `Step` and on how long to wait.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never

from leadbridge.domain.evolving import replace
from leadbridge.domain.waits import Next, growing, seconds_until
from leadbridge.errors import (
    DisabledError,
    PermanentError,
    QuotaExhaustedError,
    SyncError,
    TransientError,
    UncertainWriteError,
)

# Salesforce and Marketo take a file for a job that waits this long in vain; nobody waits longer for a slot either
PATIENCE = timedelta(hours=24)
# an unknown word may be a new state on the way to a known one, but not for ever
UNKNOWN_LOOKS = 3
# a file that does not fit its checksum or its number of rows is fetched so often
FETCHES = 3
# jobs made for one part: the first, and one more where the vendor has lost the first or its file
JOBS_PER_PART = 2
# rows that a job never came to are sent again by so many more jobs
RESENDS = 2
# the vendors' clocks and ours may differ by so much
SKEW = timedelta(minutes=10)

#: Marketo's words for "not now": import queue full, list busy, export queue full
QUEUE_CODES = frozenset({"1016", "1019", "1029"})
_QUEUE_SECONDS = (60.0, 240.0)
_REFUSED_SECONDS = (5.0, 300.0)
_TURN_SECONDS = 5.0
# how soon a connection is noticed that was enabled again
_DISABLED_SECONDS = 300.0


class Kind(StrEnum):
    """Which way the file goes."""

    EXTRACT = "extract"
    IMPORT = "import"


class Step(StrEnum):
    """What a run does next; the names of the state machines' tasks."""

    SPLIT = "split"  # import: cut the file into parts that the vendor takes
    CREATE = "create"  # make a job, or find the one that was made
    START = "start"  # set it going: enqueue, or upload and close
    POLL = "poll"  # ask how it is
    CANCEL = "cancel"  # give up a job that does not end
    FETCH = "fetch"  # extract: bring its file, piece by piece
    CHECK = "check"  # extract: compare the file with what the vendor said of it
    ATTACH = "attach"  # import: put what became of each row beside the row
    CLEAN = "clean"  # remove what only stood between
    DONE = "done"
    FAILED = "failed"


FIRST: Mapping[Kind, Step] = {Kind.EXTRACT: Step.CREATE, Kind.IMPORT: Step.SPLIT}
COLLECT: Mapping[Kind, Step] = {Kind.EXTRACT: Step.FETCH, Kind.IMPORT: Step.ATTACH}
STEPS: Mapping[Kind, tuple[Step, ...]] = {
    Kind.EXTRACT: (Step.CREATE, Step.START, Step.POLL, Step.CANCEL, Step.FETCH, Step.CHECK, Step.CLEAN),
    Kind.IMPORT: (Step.SPLIT, Step.CREATE, Step.START, Step.POLL, Step.CANCEL, Step.ATTACH, Step.CLEAN),
}
ENDS = frozenset({Step.DONE, Step.FAILED})


class State(StrEnum):
    """What a vendor says of a job, in our words."""

    CREATED = "created"  # does nothing until it is started
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"
    GONE = "gone"  # the vendor does not know the job any more
    UNKNOWN = "unknown"


#: both vendors' words, in lower case; Marketo spells one of them in two ways
WORDS: Mapping[str, State] = {
    "created": State.CREATED,
    "open": State.CREATED,
    "queued": State.RUNNING,
    "processing": State.RUNNING,
    "importing": State.RUNNING,
    "uploadcomplete": State.RUNNING,
    "inprogress": State.RUNNING,
    "completed": State.COMPLETE,
    "complete": State.COMPLETE,
    "jobcomplete": State.COMPLETE,
    "failed": State.FAILED,
    "canceled": State.CANCELLED,
    "cancelled": State.CANCELLED,
    "aborted": State.CANCELLED,
}
#: the vendor does nothing more for such a job
OVER = frozenset({State.COMPLETE, State.FAILED, State.CANCELLED, State.GONE})


class Verdict(StrEnum):
    """What a state asks for."""

    START = "start"
    WAIT = "wait"
    COLLECT = "collect"
    GIVE_UP = "give up"
    MAKE_AGAIN = "make again"
    LOOK_AGAIN = "look again"


VERDICTS: Mapping[State, Verdict] = {
    State.CREATED: Verdict.START,
    State.RUNNING: Verdict.WAIT,
    State.COMPLETE: Verdict.COLLECT,
    State.FAILED: Verdict.GIVE_UP,
    State.CANCELLED: Verdict.GIVE_UP,
    State.GONE: Verdict.MAKE_AGAIN,
    State.UNKNOWN: Verdict.LOOK_AGAIN,
}


class Waiting(StrEnum):
    """Why nothing happens at the moment."""

    NOT = ""
    RUNNING = "running"  # the vendor works
    SETTLING = "settling"  # an answer was lost, and the vendor does not show the job yet
    TURN = "other_run"  # another run is making a job of this kind
    QUEUE = "queue_full"
    QUOTA = "quota"
    VENDOR = "vendor_away"
    DISABLED = "connection_disabled"


#: states that an operator sees as parked
PARKED = frozenset({Waiting.QUEUE, Waiting.QUOTA, Waiting.DISABLED})

#: after these the vendor may still be at work, or would only be stuck again
_NO_RESEND = frozenset({"job_stuck", "unknown_state", "job_gone"})

#: why a run failed, beside the vendors' own codes (`marketo_1035`)
REASONS: Mapping[str, str] = {
    "job_failed": "The vendor could not carry out the job.",
    "job_cancelled": "Somebody cancelled the job at the vendor.",
    "job_stuck": "The job did not end in time and was cancelled; ask for less at once.",
    "job_gone": "The vendor does not know the job any more.",
    "unknown_state": "The vendor tells a state that is not in its documentation.",
    "file_gone": "The vendor completed the job twice, but its file was not there.",
    "checksum_mismatch": "The file differs from its checksum, also after fetching it again.",
    "size_mismatch": "The file has another size than the vendor says, also after fetching it again.",
    "row_count_mismatch": "The file has another number of rows than the vendor says, also after fetching it again.",
    "unreadable_file": "The file is no readable CSV, also after fetching it again.",
    "schema_drift": "A column that was asked for is missing in the file, which is kept.",
    "queue_full": "The vendor had no free place for the job for a day.",
    "vendor_away": "The vendor could not be reached for a day.",
    "results_do_not_add_up": "The vendor's results are not those of the rows that were sent.",
    "rows_unprocessed": "The vendor never came to some of the rows, also after sending them again.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A job as its vendor tells it; numbers are None where it says nothing.

    `word` is the vendor's own, `text` its reason; `records`, `size` and `checksum` (SHA-256 in hexadecimal, or empty)
    are those of an extract's file, `failed` and `warned` rows of an import.
    """

    id: str
    state: State
    word: str = ""
    text: str = ""
    records: int | None = None
    size: int | None = None
    checksum: str = ""
    failed: int | None = None
    warned: int | None = None
    created_at: datetime | None = None


def state_of(word: str) -> State:
    """What a vendor's word means, in any case."""
    return WORDS.get(word.casefold(), State.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Rows of a run. `rows` is the sum of the others but `warned`, whose rows are also done."""

    rows: int = 0
    done: int = 0
    warned: int = 0
    failed: int = 0
    unprocessed: int = 0
    uncertain: int = 0
    rejected: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in Counts.__slots__})


@dataclass(frozen=True, kw_only=True)
class Run:
    """One bulk run. Members up to `begun_at` never change; `source` is the key of an import's file."""

    name: str
    kind: Kind
    vendor: str
    connection: str
    object: str
    request: Mapping[str, Any]
    prefix: str
    source: str = ""
    begun_at: datetime

    step: Step
    waiting: Waiting = Waiting.NOT
    due_at: datetime | None = None
    #: the first of a row of refusals; None as soon as the vendor has said yes
    refused_at: datetime | None = None
    refusals: int = 0
    unknown: int = 0

    part: int = 1
    parts: int = 1
    resent: int = 0
    #: jobs made for this part so far
    made: int = 0
    #: the vendor's id, stored before the first look; empty until then
    job: str = ""
    job_at: datetime | None = None
    #: what the vendor said of it last
    state: State = State.CREATED
    records: int | None = None
    size: int | None = None
    checksum: str = ""
    failed: int | None = None
    warned: int | None = None

    pieces: int = 0
    cursor: str = ""
    fetches: int = 0

    counts: Counts = field(default_factory=Counts)
    #: the extract's file, with its SHA-256; empty until it has been checked
    output: str = ""
    digest: str = ""
    #: vendor calls, by all of its processes
    calls: int = 0
    reason: str = ""
    message: str = ""

    @property
    def folder(self) -> str:
        """Where the run's objects are."""
        return f"{self.prefix.rstrip('/')}/{self.name}"

    @property
    def over(self) -> bool:
        """Whether the run has ended."""
        return self.step in ENDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds between two looks at a job, which grow with its age."""

    first: float
    most: float


#: Marketo refreshes an extract's status once a minute and asks for 5-30 s at imports; Salesforce names no figure
PACES: Mapping[tuple[str, Kind], Pace] = {
    ("marketo", Kind.EXTRACT): Pace(first=60, most=300),
    ("marketo", Kind.IMPORT): Pace(first=10, most=30),
    ("salesforce", Kind.EXTRACT): Pace(first=5, most=60),
    ("salesforce", Kind.IMPORT): Pace(first=5, most=60),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an operator may set. `poll_seconds` replaces the vendors' own pace; 0 leaves it."""

    stuck_after: timedelta = timedelta(hours=8)
    #: a job whose making got no answer shows itself within this time, or it was not made
    settle: timedelta = timedelta(seconds=60)
    poll_seconds: float = 0.0

    def pace(self, run: Run) -> Pace:
        """How often to look at the run's job."""
        if self.poll_seconds:
            return Pace(first=self.poll_seconds, most=self.poll_seconds)
        return PACES[run.vendor, run.kind]


# what happened to the run


def begin(
    *,
    name: str,
    kind: Kind,
    vendor: str,
    connection: str,
    object_name: str,
    request: Mapping[str, Any],
    prefix: str,
    source: str,
    now: datetime,
) -> Run:
    """A run before its first step."""
    return Run(
        name=name,
        kind=kind,
        vendor=vendor,
        connection=connection,
        object=object_name,
        request=request,
        prefix=prefix,
        source=source,
        begun_at=now,
        step=FIRST[kind],
    )


def same_order(one: Run, other: Run) -> bool:
    """Whether two runs ask for the same; a name may stand for one order only."""
    names = ("kind", "vendor", "connection", "object", "request", "prefix", "source")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def split(run: Run, *, parts: int, counts: Counts) -> Run:
    """The file was cut into `parts`; `counts` holds all rows, and those that fit no part."""
    return replace(_go_on(run), step=Step.CREATE if parts else Step.CLEAN, parts=parts, counts=counts)


def made(run: Run, job: Told, now: datetime, policy: Policy) -> Run:
    """The vendor has the job, made just now or found in its list."""
    run = replace(_go_on(run), job=job.id, job_at=now, made=run.made + 1)
    if job.state is State.CREATED:
        return replace(run, step=Step.START)
    return _look_later(run, now, policy)


def started(run: Run, now: datetime, policy: Policy) -> Run:
    """The job is set going; what it does is seen at the next look."""
    return _look_later(replace(_go_on(run), job_at=now), now, policy)


def seen(run: Run, job: Told, now: datetime, policy: Policy) -> Run:
    """The vendor told how the job is."""
    verdict = VERDICTS[job.state]
    unknown = run.unknown + 1 if verdict is Verdict.LOOK_AGAIN else 0
    run = replace(_go_on(run), state=job.state, unknown=unknown)
    if verdict in {Verdict.START, Verdict.WAIT} and now - (run.job_at or now) > policy.stuck_after:
        return replace(run, step=Step.CANCEL, message=f"state {job.word}")
    match verdict:
        case Verdict.START:
            # the order to start was lost
            return replace(run, step=Step.START)
        case Verdict.COLLECT:
            said = replace(run, records=job.records, size=job.size, checksum=job.checksum)
            return replace(said, failed=job.failed, warned=job.warned, step=COLLECT[run.kind])
        case Verdict.GIVE_UP:
            reason = "job_failed" if job.state is State.FAILED else "job_cancelled"
            return _given_up(run, reason, job.text or f"state {job.word}")
        case Verdict.MAKE_AGAIN:
            return _make_again(run, "job_gone")
        case Verdict.WAIT | Verdict.LOOK_AGAIN:
            return _look_again(run, job, now, policy)
    assert_never(verdict)


def cancelled(run: Run, *, at_vendor: bool) -> Run:
    """A job that did not end is given up; `at_vendor`: it cannot go on there either."""
    state = State.CANCELLED if at_vendor else run.state
    return _given_up(replace(_go_on(run), state=state), "job_stuck", run.message)


def fetched(run: Run, cursor: str | None, records: int | None) -> Run:
    """A piece of the file is stored; `cursor` tells where the next one begins, None that there is none.

    `records`: how many the piece has, where the vendor counts by pieces.
    """
    total = run.records if records is None else (run.records or 0) + records
    run = replace(_go_on(run), pieces=run.pieces + 1, cursor=cursor or "", records=total)
    return run if cursor is not None else replace(run, step=Step.CHECK)


def lost_file(run: Run) -> Run:
    """The job is complete, but its file is not there."""
    return _make_again(_go_on(run), "file_gone")


def spoilt(run: Run, reason: str, message: str) -> Run:
    """A file is not what the vendor said: the job is asked for it again, a few times."""
    run = replace(run, fetches=run.fetches + 1, pieces=0, cursor="")
    return ended(run, reason, message) if run.fetches >= FETCHES else replace(run, step=Step.POLL)


def checked(run: Run, *, output: str, digest: str, rows: int, size: int) -> Run:
    """The file is what the vendor said, and stored."""
    counts = Counts(rows=rows, done=rows)
    return replace(run, step=Step.CLEAN, output=output, digest=digest, size=size, counts=counts)


def sends_again(run: Run, unprocessed: int) -> bool:
    """Whether rows that a job never came to are sent once more, as one more part behind the last."""
    return unprocessed > 0 and run.resent < RESENDS and run.reason not in _NO_RESEND


def attached(run: Run, counts: Counts) -> Run:
    """What became of the part's rows stands beside them. `rows` and `rejected` were counted at the split."""
    again = sends_again(run, counts.unprocessed)
    if again:
        counts = replace(counts, unprocessed=0)
    run = replace(_without_job(run), part=run.part + 1, made=0, counts=run.counts + counts)
    if again:
        # what ended this job is no reason for the run, unless it ends the last one too
        return replace(run, resent=run.resent + 1, parts=run.parts + 1, step=Step.CREATE, reason="", message="")
    if run.reason:
        return ended(run, run.reason, run.message)
    if run.counts.unprocessed:
        return ended(run, "rows_unprocessed", f"{run.counts.unprocessed} rows")
    return replace(run, step=Step.CREATE) if run.part <= run.parts else replace(run, step=Step.CLEAN, part=run.parts)


def cleaned(run: Run) -> Run:
    """Nothing is left but what the run was for."""
    return replace(_go_on(run), step=Step.DONE)


def refused(run: Run, error: SyncError, now: datetime, policy: Policy) -> Run:
    """A call was refused, or got no answer.

    Raises:
        SyncError: The error itself, where a person has to act; the run stays as it is and goes on when told to.
    """
    match error:
        case QuotaExhaustedError():
            return replace(run, waiting=Waiting.QUOTA, due_at=error.resets_at, refusals=run.refusals + 1)
        case DisabledError():
            return replace(run, waiting=Waiting.DISABLED, due_at=now + timedelta(seconds=_DISABLED_SECONDS))
        case UncertainWriteError():
            # a look tells whether the job was started; whether it was made is told by the vendor's list
            step = Step.POLL if run.step is Step.START else run.step
            return replace(run, step=step, waiting=Waiting.SETTLING, due_at=now + policy.settle)
        case TransientError():
            return _try_later(run, error, now)
        case PermanentError() if run.step in {Step.CREATE, Step.START}:
            return ended(run, f"{error.vendor}_{error.code}" if error.code else error.vendor, error.detail)
        case _:
            raise error


def not_our_turn(run: Run, now: datetime) -> Run:
    """Another run is making a job of this kind."""
    return replace(run, waiting=Waiting.TURN, due_at=now + timedelta(seconds=_TURN_SECONDS))


def not_shown_yet(run: Run, until: datetime) -> Run:
    """A job that may have been made is not in the vendor's list yet."""
    return replace(run, waiting=Waiting.SETTLING, due_at=until)


def ended(run: Run, reason: str, message: str) -> Run:
    """The run failed for a reason; rows whose end is not known are uncertain, if some of them are at the vendor."""
    known = run.counts
    left = known.rows - known.done - known.failed - known.uncertain - known.rejected
    counts = replace(known, unprocessed=0 if run.job else left, uncertain=known.uncertain + (left if run.job else 0))
    counts = counts if run.kind is Kind.IMPORT else known
    return replace(_go_on(run), step=Step.FAILED, reason=reason, message=message, counts=counts)


# what the state machine hears


def next_of(run: Run, now: datetime) -> Next[Step, Waiting]:
    """What follows, seen from now."""
    wait = 0 if run.over else seconds_until(run.due_at, now)
    return Next(step=run.step, wait_seconds=wait, waiting=run.waiting if wait else Waiting.NOT)


def _go_on(run: Run) -> Run:
    return replace(run, waiting=Waiting.NOT, due_at=None, refused_at=None, refusals=0)


def _look_later(run: Run, now: datetime, policy: Policy) -> Run:
    pace = policy.pace(run)
    age = (now - (run.job_at or now)).total_seconds()
    wait = timedelta(seconds=min(max(pace.first, age / 10), pace.most))
    return replace(run, step=Step.POLL, waiting=Waiting.RUNNING, due_at=now + wait)


def _look_again(run: Run, job: Told, now: datetime, policy: Policy) -> Run:
    if run.unknown >= UNKNOWN_LOOKS:
        return _given_up(run, "unknown_state", f"state {job.word}")
    return _look_later(run, now, policy)


def _given_up(run: Run, reason: str, message: str) -> Run:
    if run.kind is Kind.IMPORT:
        # a failed job may have written rows: what became of each is told before the run ends
        return replace(run, step=Step.ATTACH, reason=reason, message=message)
    return ended(run, reason, message)


def _make_again(run: Run, reason: str) -> Run:
    if run.kind is Kind.IMPORT:
        # what the lost job wrote is not known, and a second one might write it once more
        return _given_up(run, reason, f"job {run.job}")
    if run.made >= JOBS_PER_PART:
        return ended(run, reason, f"job {run.job}")
    return replace(_without_job(run), step=Step.CREATE)


def _without_job(run: Run) -> Run:
    emptied = replace(run, job="", job_at=None, state=State.CREATED, records=None, size=None, checksum="")
    return replace(_go_on(emptied), failed=None, warned=None, pieces=0, cursor="", fetches=0, unknown=0)


def _try_later(run: Run, error: TransientError, now: datetime) -> Run:
    since = run.refused_at or now
    waiting = Waiting.QUEUE if error.code in QUEUE_CODES else Waiting.VENDOR
    if now - since > PATIENCE:
        return ended(run, waiting.value, error.detail)
    between = _QUEUE_SECONDS if waiting is Waiting.QUEUE else _REFUSED_SECONDS
    due_at = now + growing(between, run.refusals, error.retry_after_seconds)
    return replace(run, waiting=waiting, due_at=due_at, refused_at=since, refusals=run.refusals + 1)
