"""Bulk runs, objects and a vendor's bulk jobs in memory, with a point before and after each operation."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leadbridge.domain.jobs import OVER, Run, State, Told, state_of
from leadbridge.errors import ConfigurationError, DisabledError, PermanentError, SyncError, UncertainWriteError
from leadbridge.ports import Clock, OvertakenError, PartFile, Piece, StoredFile, Turn, Writer
from tests.fakes.clock import NOON, whole
from tests.fakes.steps import Step, nothing

#: I/O of these doubles, in addition to those of `steps`
STORE_OPERATIONS = (
    "runs.begin",
    "runs.save",
    "runs.take_turn",
    "runs.renew_turn",
    "runs.known",
    "objects.put",
    "objects.writing",
    "objects.read",
    "objects.delete",
)
VENDOR_OPERATIONS = (
    "bulk.create",
    "bulk.listed",
    "bulk.start",
    "bulk.look",
    "bulk.cancel",
    "bulk.fetch",
    "bulk.results",
)


class InMemoryBulkRuns:
    """`ports.BulkRuns`, `Runs` and `Extracted`."""

    def __init__(self, *, step: Step = nothing, now: Callable[[], datetime] = lambda: NOON) -> None:
        """Nothing has run yet."""
        self._step = step
        self._now = now
        #: files that were extracted: whose connection, which job, when, how many bytes
        self.made: list[tuple[str, str, datetime, int]] = []
        self._runs: dict[str, tuple[Run, int]] = {}
        self._turns: dict[str, Turn] = {}
        self._known: set[tuple[str, str]] = set()

    def begin(self, run: Run) -> tuple[Run, int]:
        """Store a new run, unless one of its name is there; returns what is stored, and its version."""
        self._step("runs.begin")
        stored = self._runs.setdefault(run.name, (run, 1))
        self._step("runs.begin.done")
        return stored

    def find(self, name: str) -> Run | None:
        """A run as it is stored; None if none of that name has begun."""
        self._step("runs.find")
        found = self._runs.get(name)
        self._step("runs.find.done")
        return found[0] if found else None

    def save(self, run: Run, version: int, *, lane: str = "", extracted: bool = False) -> int:
        """Replace a run; returns its new version."""
        self._step("runs.save")
        turn = self._turns.get(lane)
        if self._runs[run.name][1] != version or (lane and (turn is None or turn.owner != run.name)):
            raise OvertakenError(run.name)
        self._runs[run.name] = (run, version + 1)
        if lane:
            del self._turns[lane]
            if run.job:
                self._known.add((lane, run.job))
        if extracted and run.size:
            self.made.append((run.connection, run.job, whole(self._now()), run.size))
        self._step("runs.save.done")
        return version + 1

    def files(self, connection: str) -> Sequence[tuple[datetime, int]]:
        """Files of the last two days at least: when each was seen to be made, and its bytes."""
        return [(at, size) for whose, _, at, size in self.made if whose == connection]

    def take_turn(self, lane: str, owner: str, now: datetime) -> Turn:
        """The turn of a lane: taken, or as somebody else, or an earlier try, holds it."""
        self._step("runs.take_turn")
        held = self._turns.get(lane)
        if held is None:
            self._turns[lane] = Turn(owner=owner, since=whole(now), begun_before=True)
            held = Turn(owner=owner, since=whole(now), begun_before=False)
        self._step("runs.take_turn.done")
        return held

    def renew_turn(self, lane: str, turn: Turn, owner: str, now: datetime) -> bool:
        """Begin anew for `owner`, if the turn is still as it was shown; False if somebody else was faster."""
        self._step("runs.renew_turn")
        held = self._turns.get(lane)
        renewed = held is not None and (held.owner, held.since) == (turn.owner, turn.since)
        if renewed:
            self._turns[lane] = Turn(owner=owner, since=whole(now), begun_before=True)
        self._step("runs.renew_turn.done")
        return renewed

    def known(self, lane: str, job_ids: Sequence[str]) -> frozenset[str]:
        """Those of the jobs that a run has stored."""
        self._step("runs.known")
        found = frozenset(each for each in job_ids if (lane, each) in self._known)
        self._step("runs.known.done")
        return found

    def run(self, name: str) -> Run:
        """A run as it is stored; for tests."""
        return self._runs[name][0]

    @property
    def turns(self) -> Mapping[str, Turn]:
        """Who makes a job now; for tests."""
        return self._turns


class InMemoryObjects:
    """`ports.Objects`."""

    def __init__(self, *, step: Step = nothing) -> None:
        """There is nothing."""
        self._step = step
        self.contents: dict[str, bytes] = {}

    def put(self, key: str, content: bytes) -> None:
        """Store a small object."""
        self._step("objects.put")
        self.contents[key] = content
        self._step("objects.put.done")

    @contextmanager
    def writing(self, key: str) -> Iterator[Writer]:
        """Store an object of any size; it is there when the context ends, and not if it ends with an error."""
        buffer = io.BytesIO()
        yield buffer
        self._step("objects.writing")
        self.contents[key] = buffer.getvalue()
        self._step("objects.writing.done")

    def stored(self, key: str) -> StoredFile:
        """An object."""
        self._step("objects.read")
        if key not in self.contents:
            raise ConfigurationError([f"there is no object {key}"])
        content = self.contents[key]
        self._step("objects.read.done")
        # pieces of an odd size, so that nothing depends on where they end
        return StoredFile(
            key=key,
            size=len(content),
            begin=lambda: (content[start : start + 1009] for start in range(0, len(content), 1009)),
        )

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there do not matter."""
        self._step("objects.delete")
        for key in keys:
            self.contents.pop(key, None)
        self._step("objects.delete.done")


@dataclass(slots=True)
class VendorJob:
    """One job at the double."""

    id: str
    word: str
    created_at: datetime
    began: datetime | None = None
    sent: bytes | None = None
    text: str = ""


@dataclass(slots=True)
class Faults:
    """What goes wrong at the double, and how often."""

    #: errors that calls of an operation raise, in turn; True beside one that is raised after the call was carried out
    errors: dict[str, list[tuple[SyncError, bool]]] = field(default_factory=dict)
    #: words told instead of the true state, one per look
    words: list[str] = field(default_factory=list)
    #: the state in which jobs end
    ends: list[str] = field(default_factory=list)
    #: looks and fetches of which the job, or its file, is gone
    gone: int = 0
    files_gone: int = 0
    #: contents given instead of the file's, one per job or fetch from its beginning
    files: list[bytes] = field(default_factory=list)

    def add(self, operation: str, error: SyncError, *, carried_out: bool = False) -> None:
        """Make the next call of an operation fail."""
        self.errors.setdefault(operation, []).append((error, carried_out))


class FakeBulkVendor:
    """`ports.BulkVendors`, `ports.ExtractJobs` and `ports.ImportJobs` of one connection.

    A job runs for `run_seconds` after its start. Extracts have `file`; imports refuse rows whose first cell begins
    with "bad", warn of those that begin with "odd", and of a job that fails never come to the later half.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        vendor: str = "marketo",
        file: bytes = b"id,email\r\n1,a@example.com\r\n",
        columns: Sequence[str] = (),
        run_seconds: float = 90,
        page_rows: int = 2,
        step: Step = nothing,
    ) -> None:
        """No job was made yet."""
        self._clock = clock
        self._vendor = vendor
        self._file = file
        self.columns = tuple(columns)
        self._run_seconds = run_seconds
        self._page_rows = page_rows
        self._step = step
        self.faults = Faults()
        self.made: list[VendorJob] = []
        self.calls: list[str] = []
        #: rows carried out, by first cell, in order
        self.written: list[str] = []
        self.is_import = False
        #: the connection lets nothing through
        self.disabled = False
        self.foreign: list[VendorJob] = []
        #: what Marketo says of a row that it refuses, and of one that it minds
        self.reason, self.warning = "refused", "odd"

    def extracts(self, run: Run) -> "FakeBulkVendor":
        """The jobs of every run."""
        self.is_import = False
        if self.disabled:
            raise DisabledError(run.connection)
        return self

    def imports(self, run: Run) -> "FakeBulkVendor":
        """The jobs of every run."""
        self.is_import = True
        return self

    def calls_made(self, run: Run) -> int:
        """Calls of all runs."""
        del run
        return len(self.calls)

    def report_quota(self) -> None:
        """Nothing is metered."""

    @property
    def paged(self) -> bool:
        """Salesforce's way."""
        return self._vendor == "salesforce"

    @property
    def _starts_at_once(self) -> bool:
        # Marketo's imports are queued with their file, Salesforce's queries run when they are made
        return self.is_import == (self._vendor == "marketo")

    def create(self, part: PartFile | None) -> Told:
        """Make a job."""
        with self._call("create"):
            job = VendorJob(f"job-{len(self.made) + 1}", "Created", self._clock.now())
            if self._starts_at_once:
                self._run(job, part)
            self.made.append(job)
            self._lost("create")
        return self._told(job)

    def listed(self, since: datetime) -> Sequence[Told] | None:
        """Jobs made since a moment; Marketo lists no imports."""
        with self._call("listed"):
            found = [self._told(job) for job in (*self.foreign, *self.made) if job.created_at >= since]
        return None if self.is_import and self._vendor == "marketo" else found

    def start(self, job_id: str, part: PartFile | None) -> None:
        """Set a job going."""
        with self._call("start"):
            job = self._job(job_id)
            if job.word in {"Created", "Open"}:
                self._run(job, part)
            self._lost("start")

    def look(self, job_id: str) -> Told:
        """What the vendor says of a job."""
        with self._call("look"):
            if self.faults.gone:
                self.faults.gone -= 1
                return Told(id=job_id, state=State.GONE, word="gone")
            told = self._told(self._job(job_id))
            if self.faults.words:
                word = self.faults.words.pop(0)
                return Told(id=job_id, state=state_of(word), word=word)
        return told

    def cancel(self, job_id: str) -> bool:
        """Give a job up."""
        with self._call("cancel"):
            job = self._job(job_id)
            if self.is_import and self._vendor == "marketo":
                return False
            if state_of(job.word) not in OVER:
                job.word = "Cancelled"
        return True

    def fetch(self, job_id: str, cursor: str, size: int, *, total: int | None) -> Piece | None:
        """A piece of the file."""
        with self._call("fetch"):
            assert self._told(self._job(job_id)).state is State.COMPLETE
            if self.faults.files_gone:
                self.faults.files_gone -= 1
                return None
            content = self.faults.files[0] if self.faults.files else self._file
            start = int(cursor or 0)
            if self.paged:
                return self._page(content, start)
            stop = start + size
            if stop >= len(content) and self.faults.files:
                self.faults.files.pop(0)
            return Piece(content=content[start:stop], cursor=None if stop >= len(content) else str(stop))

    def results(self, job_id: str, state: State) -> Mapping[str, Iterator[bytes]]:
        """The files of results."""
        with self._call("results"):
            job = self._job(job_id)
            if state not in OVER or job.sent is None:
                return {}
            header, refused, warned, written, left = self._outcomes(job)
            if self._vendor == "marketo":
                return {
                    "failed": _csv([*header, "Import Failure Reason"], [[*row, self.reason] for row in refused]),
                    "warned": _csv([*header, "Import Warning Reason"], [[*row, self.warning] for row in warned]),
                }
            ids = ["sf__Id", "sf__Created"]
            return {
                "succeeded": _csv([*ids, *header], [["00Q", "true", *row] for row in reversed(written)]),
                "failed": _csv(["sf__Id", "sf__Error", *header], [["", "BAD:refused:--", *row] for row in refused]),
                "unprocessed": _csv(header, left),
            }

    # what happens by itself

    def _run(self, job: VendorJob, part: PartFile | None) -> None:
        job.began = self._clock.now()
        job.word = "Queued"
        if part is not None:
            job.sent = b"".join(part.file)

    def _told(self, job: VendorJob) -> Told:
        if job.began is not None and state_of(job.word) is State.RUNNING:
            if self._clock.now() >= job.began + timedelta(seconds=self._run_seconds):
                self._end(job)
            else:
                job.word = "Processing"
        if state_of(job.word) is not State.COMPLETE or self.is_import:
            numbers: tuple[int | None, int | None] = (None, None)
            if job.sent is not None and self._vendor == "marketo" and state_of(job.word) is State.COMPLETE:
                _, refused, warned, _, _ = self._outcomes(job)
                numbers = (len(refused), len(warned))
            return Told(
                id=job.id,
                state=state_of(job.word),
                word=job.word,
                text=job.text,
                failed=numbers[0],
                warned=numbers[1],
                created_at=job.created_at,
            )
        return Told(
            id=job.id,
            state=State.COMPLETE,
            word=job.word,
            records=None
            if self.paged
            else sum(1 for _ in csv.reader(io.StringIO(self._file.decode(), newline=""))) - 1,
            size=None if self.paged else len(self._file),
            checksum="" if self.paged else hashlib.sha256(self._file).hexdigest(),
            created_at=job.created_at,
        )

    def _end(self, job: VendorJob) -> None:
        job.word = self.faults.ends.pop(0) if self.faults.ends else "Completed"
        if job.word == "Failed":
            job.text = "the vendor's own words"
        if job.sent is not None and state_of(job.word) in OVER:
            _, _, _, written, _ = self._outcomes(job)
            self.written += [row[0] for row in written]

    def _outcomes(
        self, job: VendorJob
    ) -> tuple[list[str], list[list[str]], list[list[str]], list[list[str]], list[list[str]]]:
        assert job.sent is not None
        header, *rows = csv.reader(io.StringIO(job.sent.decode(), newline=""))
        reached = rows if state_of(job.word) is State.COMPLETE else rows[: len(rows) // 2]
        refused = [row for row in reached if row[0].startswith("bad")]
        warned = [row for row in reached if row[0].startswith("odd")]
        written = [row for row in reached if not row[0].startswith("bad")]
        return header, refused, warned, written, rows[len(reached) :]

    def _page(self, content: bytes, start: int) -> Piece:
        header, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
        page = rows[start : start + self._page_rows]
        stop = start + self._page_rows
        cursor = str(stop) if stop < len(rows) else None
        return Piece(content=b"".join(_csv(header, page)), cursor=cursor, records=len(page))

    def _job(self, job_id: str) -> VendorJob:
        for job in (*self.made, *self.foreign):
            if job.id == job_id:
                return job
        raise PermanentError("no such job", vendor=self._vendor, code="1013")

    @contextmanager
    def _call(self, operation: str) -> Iterator[None]:
        self._step(f"bulk.{operation}")
        self.calls.append(operation)
        planned = self.faults.errors.get(operation)
        if planned and not planned[0][1]:
            raise planned.pop(0)[0]
        yield
        self._step(f"bulk.{operation}.done")

    def _lost(self, operation: str) -> None:
        planned = self.faults.errors.get(operation)
        if planned and planned[0][1]:
            raise planned.pop(0)[0]


def lost_answer(operation: str, vendor: str = "marketo") -> UncertainWriteError:
    """What a caller hears whose answer was lost."""
    return UncertainWriteError("no answer", vendor=vendor, operation=operation, code="timeout")


def _csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[bytes]:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return iter([text.getvalue().encode()])
