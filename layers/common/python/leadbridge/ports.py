"""The few roles that use-cases need from the outside; adapters and in-memory doubles fulfil them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from leadbridge.domain.action import Configuration
from leadbridge.domain.batching import Ahead, Buffer, Growth
from leadbridge.domain.counted import Certificate, Counted, ParkedWork, Waiting
from leadbridge.domain.event import Arrival, Ending, Event
from leadbridge.domain.flow_step import Chunk, FailedCallback, PersonTold
from leadbridge.domain.holding import NOTHING, Due, Held
from leadbridge.domain.journal import Entry
from leadbridge.domain.lifecycle import UNSIGNED, Change, DocumentState, Move, Stored
from leadbridge.domain.limits import State
from leadbridge.domain.pipeline import Claim
from leadbridge.domain.records import (
    Activity,
    CustomActivity,
    CustomActivityType,
    ObjectDescription,
    RowResult,
)

if TYPE_CHECKING:
    # few workers ever need these
    from leadbridge.domain.alerts import Memory, Unsent
    from leadbridge.domain.jobs import Run, Told
    from leadbridge.domain.jobs import State as JobState
    from leadbridge.domain.marketo import ActivityType, Program, SmartCampaign
    from leadbridge.domain.marketo import Channel as ProgramChannel
    from leadbridge.domain.shifts import Shift


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        ...


class Documents(Protocol):
    """Configuration documents to be read."""

    def get(self, kind: str, identifier: str, version: int | None = None) -> Stored | None:
        """The document, by default its current version; None if there is none."""
        ...


class Journal(Protocol):
    """Who did what; storing a document notes its version by itself."""

    def note(self, entry: Entry) -> None:
        """Keep an entry."""
        ...

    def page(self, before: str, limit: int) -> tuple[Sequence[Entry], str]:
        """So many entries, the newest first, and the mark before which others follow; it is empty if none do."""
        ...


class Configurations(Documents, Protocol):
    """Versioned configuration documents."""

    def list(self, kind: str) -> Sequence[Stored]:
        """Current versions of all documents of one kind, by id."""
        ...

    def versions(self, kind: str, identifier: str) -> Sequence[Stored]:
        """Every version a document has had, the newest first; those of a removed one, too."""
        ...

    def put(
        self, document: Configuration, change: Change = UNSIGNED, *, sound: bool = True, follows: int | None = None
    ) -> tuple[Stored, bool]:
        """Store a new version unless the current one says the same; tells whether there is a new one.

        `sound`: it has no findings. `follows`: the version that it is meant to replace, 0 for none.

        Raises:
            ConfigurationError: The document's state forbids it, or another version than `follows` is current.
        """
        ...

    def move(self, kind: str, identifier: str, move: Move) -> DocumentState:
        """Take a document a step on; gives its state. One that does not exist is an error.

        Raises:
            ConfigurationError: The document's state forbids it.
        """
        ...

    def paused(self) -> bool:
        """Whether all Actions are paused together, whatever their own states are."""
        ...

    def pause(self, *, paused: bool) -> None:
        """Pause all Actions together, or end that; their own states stay as they are."""
        ...

    def remove(self, kind: str, identifier: str) -> None:
        """Take the current version away; the history stays, and a document of this id goes on counting from there."""
        ...


class Inbox(Protocol):
    """Events between their arrival and their one recorded end."""

    def add(self, event: Event, arrival: Arrival) -> bool:
        """Store a new event and its execution in one step; False if the execution id is known already."""
        ...

    def set_aside(self, arrival: Arrival, *, state: str, reason: str, message: str) -> bool:
        """Record a call that does not run now (rejected, not active, parked), keeping what `redrive` needs."""
        ...

    def due(self, lane: str, now: datetime, limit: int, kept: Held = NOTHING) -> Sequence[Event]:
        """Events of a lane whose due time has come, in sequence order, without those that are kept back."""
        ...

    def ahead(self, event: Event) -> Sequence[Event] | None:
        """Events of the lane that came before this one and are not through, but for those whose values were answered.

        None where there are too many to tell at once.
        """
        ...

    def buffered(self, lane: str, persons: Sequence[str] = ()) -> Sequence[Event]:
        """Events that wait beside a lane for others to go with, in sequence order; with `persons` only theirs."""
        ...

    def undue(self, lane: str, now: datetime, before: str) -> Sequence[Ahead]:
        """What of a lane goes on later and came before a sequence, of events that say whose they are."""
        ...

    def first_buffered(self, lane: str) -> Event | None:
        """Any of them; None if there is none."""
        ...

    def ripen(self, events: Sequence[Event]) -> Sequence[Event]:
        """Move events that waited for others into their lane, where they are due; returns those that still waited."""
        ...

    def load(self, events: Sequence[Event]) -> Sequence[Event]:
        """Move events out of their lane, to stand beside it with the file that their batch names; no epoch holds them.

        Only those that their epoch still holds. Returns the moved ones as they stand there.
        """
        ...

    def loaded(self, lane: str, file: str, limit: int) -> Sequence[Event]:
        """Events that stand beside a lane with a file, in sequence order, at most `limit`."""
        ...

    def unload(self, moves: Sequence[tuple[Event, Event]]) -> None:
        """Move events that stand with a file back into their lane, each as the other of its pair."""
        ...

    def first_due(self, lane: str, now: datetime, kept: Held = NOTHING) -> Due | None:
        """The first event of a lane whose due time has come and that is not kept back; None if there is none."""
        ...

    def claim(self, events: Sequence[Event], epoch: int) -> Sequence[Event]:
        """Mark events as begun by the lease `epoch`, counting a crash where an older epoch still held one.

        Returns them as stored now; those that a newer epoch holds are left out.
        """
        ...

    def relinquish(self, events: Sequence[Event]) -> None:
        """Let go of claimed events, which are due again at once; those that a newer epoch holds stay as they are."""
        ...

    def save(self, events: Sequence[Event]) -> Sequence[Event]:
        """Store state, intent and result of events that this epoch holds; returns those that it still holds."""
        ...

    def defer(self, events: Sequence[Event], *, parked: bool = False) -> None:
        """Give events back to the lane with their new due time, state and reason; `parked` shows them as parked."""
        ...

    def park(self, event: Event, *, reason: str, message: str) -> bool:
        """Take an event out of its lane until a person redrives it; False if it is in other hands."""
        ...

    def finish(self, endings: Sequence[Ending]) -> Sequence[Ending]:
        """Record outcomes, remove payloads, release guards: one atomic step per event.

        Returns those recorded now; what a newer epoch holds, or has ended, stays as it is.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to drain a lane. A higher epoch fences a lower one."""

    lane: str
    epoch: int
    arrivals: int
    #: what was counted into the lane's buffers, by Action: as much as waits there, or more
    buffers: Mapping[str, Buffer] = field(default_factory=dict)


class Lanes(Protocol):
    """One drainer per lane."""

    def open(self, lane: str) -> None:
        """Make a lane known, so that `idle` names it; nothing more."""
        ...

    def announce(
        self, lane: str, now: datetime, grown: Mapping[str, Growth] | None = None, *, due: bool = True
    ) -> bool:
        """Count an arrival; True if the caller must ring: no live lease, and nobody was told to within 10 s.

        `grown` is counted into the lane's buffers, by Action; where nothing else came (not `due`), there is something
        to ring for only if one of them has enough for a batch.
        """
        ...

    def settle(self, lease: Lease, left: Mapping[str, Buffer]) -> None:
        """Correct what is counted of the lane's buffers: when `lease` was read so much was there; absent is empty.

        What was counted since is kept. Nothing is changed if the lease was lost.
        """
        ...

    def take(self, lane: str, now: datetime) -> Lease | None:
        """Take the lease with the next epoch, or None while another holds it."""
        ...

    def renew(self, lease: Lease, now: datetime) -> Lease | None:
        """Prolong the lease and learn of arrivals; None if it was lost."""
        ...

    def lift(self, lease: Lease, epoch: int) -> Lease | None:
        """Raise the epoch of a lease that is held, so that it and its successors fence `epoch`; None if it was lost."""
        ...

    def release(self, lease: Lease, *, even_if_arrived: bool = False) -> bool:
        """Give the lease up; False if something arrived since `lease` was read and the lease is kept."""
        ...

    def idle(self, now: datetime) -> Mapping[str, Mapping[str, Buffer]]:
        """Lanes that nobody drains at the moment, and what is counted into their buffers, by Action."""
        ...


class Limits(Protocol):
    """What all workers know together of each vendor instance's limits; moved by compare-and-swap."""

    def read(self, instance: str) -> tuple[State, int]:
        """The state of an instance and its version; the empty state and 0 if nobody has called it yet.

        Raises:
            TransientError: The store is throttled or away.
        """
        ...

    def swap(self, instance: str, state: State, version: int) -> tuple[State, int] | None:
        """Replace the state if `version` is still the current one; otherwise returns what stands there instead.

        Raises:
            TransientError: The store is throttled or away; the state may have been replaced.
        """
        ...


class Heartbeat(Protocol):
    """Keeps a lease alive while its holder works or waits for a vendor."""

    def __call__(self, lease: Lease) -> AbstractContextManager[Callable[[], bool]]:
        """A context whose value tells whether the lease is still held."""
        ...


class Bell(Protocol):
    """Starts a drainer."""

    def ring(self, lane: str) -> None:
        """Call `run_actions` for a lane, asynchronously; losing a ring costs at most a minute."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A guard that was obtained, with what was written under it.

    `last` maps Action ids to the newest sequence, `writes` grows with every write, of an older sequence too.
    """

    last: Mapping[str, str]
    writes: int = 0
    #: somebody holds it; of a guard that was obtained always False
    busy: bool = False


#: instead of an execution id: the event is in other hands by now, or has ended
GONE = ""


class Keys(Protocol):
    """Dedupe claims and key guards."""

    def claim(self, wanted: Sequence[tuple[Event, Claim]]) -> Sequence[str | None]:
        """For each, the execution id of which the event is a duplicate, None if it is nobody's, or `GONE`.

        A worker that slept beyond its lease claims nothing: what it took would be held by an event that has ended.
        """
        ...

    def guard(
        self, wanted: Mapping[str, Sequence[str]], until: datetime, now: datetime
    ) -> Mapping[str, Mapping[str, Guarded]]:
        """Obtain all guard keys of each owner (execution id), all or none; owners left out found one busy."""
        ...

    def release(self, owner: str, guards: Sequence[str], *, written: tuple[str, str] | None = None) -> None:
        """Let go of the guards that an event holds; `written` is its Action id and sequence if it was written."""
        ...

    def unclaim(self, event: Event, claims: Sequence[str]) -> None:
        """Give back the claims of an event; while it is in other hands they stay."""
        ...


class RowKeys(Protocol):
    """The key guards of Actions, as far as rows respect them."""

    def hold(self, shift: "Shift", guards: Sequence[str], until: datetime, now: datetime) -> Mapping[str, Guarded]:
        """Obtain guards for a shift, each on its own, until it ends or `until`; those left out are busy.

        Each that is obtained counts as written under from now on. Other shifts of the partition end.

        Raises:
            OvertakenError: The partition has a shift of a later epoch.
        """
        ...

    def seen(self, guards: Sequence[str], now: datetime) -> Mapping[str, Guarded]:
        """What was written under guards, each named once, and whether somebody holds them; nothing is taken.

        A guard that nobody ever held is left out.
        """
        ...

    def end(self, shift: "Shift") -> None:
        """Let go of all guards of a shift."""
        ...


type LeadAction = Literal["createOrUpdate", "createOnly", "updateOnly", "createDuplicate"]


class Marketo(Protocol):
    """What use-cases ask of a Marketo instance."""

    def read_only(self, object_name: str) -> bool:
        """Whether Marketo's own CRM sync keeps an object from being written, as a Sync calls it."""
        ...

    def describe(self, object_name: str) -> ObjectDescription:
        """Fields of an object by REST name, as a Sync calls it: leads, program_members, a custom object.

        Raises:
            PermanentError: There is none of that name.
        """
        ...

    def describe_leads(self) -> ObjectDescription:
        """Fields of the lead object by REST name."""
        ...

    def leads_by_filter(
        self, filter_type: str, values: Sequence[str], fields: Sequence[str]
    ) -> Sequence[Mapping[str, Any]]:
        """Leads whose `filter_type` field has one of the values."""
        ...

    def sync_leads(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        action: LeadAction,
        lookup_field: str | None,
        partition: str | None = None,
    ) -> Sequence[RowResult]:
        """Create or update leads; results in input order."""
        ...

    def merge_leads(self, winner: int, losers: Sequence[int], *, in_crm: bool = False) -> Sequence[RowResult]:
        """Merge leads into one, 25 a call; one result per loser, in order. Losers are gone then."""
        ...

    def custom_activity_type(self, api_name: str) -> CustomActivityType:
        """The custom activity type of that API name."""
        ...

    def add_custom_activities(self, activities: Sequence[CustomActivity]) -> Sequence[RowResult]:
        """Add custom activities; not idempotent."""
        ...

    def activities(
        self, since: datetime, activity_type_ids: Sequence[int], lead_ids: Sequence[int]
    ) -> Iterator[Activity]:
        """Activities since a moment, of these leads, 30 of them a call, or, without any, of all."""
        ...

    def activity_types(self) -> "Sequence[ActivityType]":
        """The activity types, standard and custom."""
        ...

    def program(self, named: str | int) -> "Program | None":
        """The program of a name or an id, None if there is none."""
        ...

    def channel(self, name: str) -> "ProgramChannel | None":
        """The channel of a name with the statuses of its programs' members, None if there is none."""
        ...

    def describe_members(self) -> ObjectDescription:
        """Fields of a program membership by REST name."""
        ...

    def set_member_status(self, program_id: int, status: str, lead_ids: Sequence[int]) -> Sequence[RowResult]:
        """Make leads members of a program with a status, never an earlier one; results in input order."""
        ...

    def update_members(self, program_id: int, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Write fields of members; each row carries `leadId`. Results in input order."""
        ...

    def static_list(self, name: str) -> int | None:
        """The id of the static list of that name; None if there is none, or more than one."""
        ...

    def list_members(self, list_id: int, lead_ids: Sequence[int]) -> frozenset[int]:
        """Those of the leads who are in a static list."""
        ...

    def has_list(self, list_id: int) -> bool:
        """Whether there is a static list of that id."""
        ...

    def add_to_list(self, list_id: int, lead_ids: Sequence[int]) -> Sequence[RowResult]:
        """Add leads to a static list; results in input order."""
        ...

    def remove_from_list(self, list_id: int, lead_ids: Sequence[int]) -> Sequence[RowResult]:
        """Take leads out of a static list; results in input order, not being in it is fine."""
        ...

    def campaign(self, named: str | int) -> "SmartCampaign | None":
        """The smart campaign of a name or an id, None if there is none."""
        ...

    def request_campaign(
        self, campaign_id: int, lead_ids: Sequence[int], tokens: Mapping[str, str]
    ) -> Sequence[RowResult]:
        """Send leads through a campaign, 100 a call, with My Tokens by name; not idempotent."""
        ...


class Salesforce(Protocol):
    """What use-cases ask of a Salesforce org."""

    def describe(self, object_name: str) -> ObjectDescription:
        """Fields of an object."""
        ...

    def find(
        self, object_name: str, fields: Sequence[str], field: str, values: Sequence[Any]
    ) -> Sequence[Mapping[str, Any]]:
        """Records whose `field` equals one of the values."""
        ...

    def create(
        self, object_name: str, rows: Sequence[Mapping[str, Any]], *, allow_duplicates: bool = False
    ) -> Sequence[RowResult]:
        """Create up to 200 records; `allow_duplicates` where the org's duplicate rules leave the choice to us."""
        ...

    def update(
        self, object_name: str, rows: Sequence[Mapping[str, Any]], *, allow_duplicates: bool = False
    ) -> Sequence[RowResult]:
        """Update up to 200 records; each row carries `Id`."""
        ...

    def upsert(
        self,
        object_name: str,
        external_id_field: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        allow_duplicates: bool = False,
    ) -> Sequence[RowResult]:
        """Upsert up to 200 records by an external id field."""
        ...


class Connections(Protocol):
    """Clients by connection id; they live as long as the process."""

    def marketo(self, connection: str) -> Marketo:
        """The client of a Marketo connection."""
        ...

    def salesforce(self, connection: str) -> Salesforce:
        """The client of a Salesforce connection."""
        ...

    def report_quota(self) -> None:
        """Tell the meter how much of the vendors' daily calls is left."""
        ...


class Meter(Protocol):
    """Counts what happens; values become metrics, never log lines with personal values."""

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def gauge(self, name: str, value: float) -> None:
        """Note a level; of several the lowest counts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Who makes a job of a lane's kind now, and since when; `begun_before`: an earlier try was not heard of again."""

    owner: str
    since: datetime
    begun_before: bool


class BulkRuns(Protocol):
    """Bulk runs, the ids of the jobs they made, and the turn to make one.

    A *lane* is a connection, a kind and an object: jobs of one lane stand in one list of the vendor. Only the holder
    of its turn makes a job, so a job in that list that is not `known` was made by the holder and never stored.
    """

    def begin(self, run: "Run") -> "tuple[Run, int]":
        """Store a new run, unless one of its name is there; returns what is stored, and its version."""
        ...

    def save(self, run: "Run", version: int, *, lane: str = "", extracted: bool = False) -> int:
        """Replace a run; returns its new version.

        With `lane` the turn there is given back and the run's job, if it has one, becomes known, all in one step. With
        `extracted` so does the size of the file that its job has made.

        Raises:
            OvertakenError: Somebody else went on with this run.
        """
        ...

    def take_turn(self, lane: str, owner: str, now: datetime) -> Turn:
        """The turn of a lane: taken, or as somebody else, or an earlier try, holds it."""
        ...

    def renew_turn(self, lane: str, turn: Turn, owner: str, now: datetime) -> bool:
        """Begin anew for `owner`, if the turn is still as it was shown; False if somebody else was faster."""
        ...

    def known(self, lane: str, job_ids: Sequence[str]) -> frozenset[str]:
        """Those of the jobs that a run has stored."""
        ...


class Extracted(Protocol):
    """What bulk runs had extracted, for whoever adds up a day."""

    def files(self, connection: str) -> "Sequence[tuple[datetime, int]]":
        """Files of the last two days at least: when each was seen to be made, and its bytes."""
        ...


class Runs(Protocol):
    """Bulk runs, for whoever only asks how one is."""

    def find(self, name: str) -> "Run | None":
        """A run as it is stored; None if none of that name has begun."""
        ...


class ImportMachine(Protocol):
    """The state machine that brings files into a vendor. A run may need several executions, which are numbered."""

    def start(self, order: Mapping[str, Any], number: int) -> None:
        """Start an execution of the order's run; one of that number that was started before stays as it is."""
        ...

    def standing(self, run: str, number: int) -> Literal["absent", "running", "over"]:
        """How an execution of a run is."""
        ...


class OvertakenError(Exception):
    """Another execution went on with the same run; this one reads it anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A stored object to be sent: its bytes begin again with each iteration."""

    key: str
    size: int
    # not `read`: HTTP libraries take whatever has that for an open file
    begin: Callable[[], Iterator[bytes]]

    def __iter__(self) -> Iterator[bytes]:
        return self.begin()


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFile:
    """A part of an import as it is sent; `line_ending` is that of its rows."""

    file: StoredFile
    line_ending: Literal["CRLF", "LF"]


class Writer(Protocol):
    """Takes the bytes of an object."""

    def write(self, content: bytes, /) -> object:
        """Add bytes."""
        ...


class Objects(Protocol):
    """Files of any size; an object is there as a whole or not at all."""

    def put(self, key: str, content: bytes) -> None:
        """Store a small object."""
        ...

    def writing(self, key: str) -> AbstractContextManager[Writer]:
        """Store an object of any size; it is there when the context ends, and not if it ends with an error."""
        ...

    def stored(self, key: str) -> StoredFile:
        """An object.

        Raises:
            ConfigurationError: There is none.
        """
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there do not matter."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a job's file; `cursor` tells where the next begins, None after the last.

    `records` is None where the vendor does not count by pieces.
    """

    content: bytes
    cursor: str | None
    records: int | None = None


class BulkJobs(Protocol):
    """Bulk jobs of one object at one vendor instance, as one run wants them."""

    def create(self, part: PartFile | None) -> "Told":
        """Make a job; `part` is the file of an import.

        Raises:
            UncertainWriteError: No answer: the job may be there.
        """
        ...

    def listed(self, since: datetime) -> "Sequence[Told] | None":
        """Jobs that this run could have made since a moment; None where the vendor has no list."""
        ...

    def start(self, job_id: str, part: PartFile | None) -> None:
        """Set a job going; one that goes already stays so."""
        ...

    def look(self, job_id: str) -> "Told":
        """What the vendor says of a job."""
        ...

    def cancel(self, job_id: str) -> bool:
        """Give a job up; False where the vendor cannot, and the job may still go on."""
        ...


class ExtractJobs(BulkJobs, Protocol):
    """Jobs that bring a file."""

    @property
    def paged(self) -> bool:
        """Whether each piece of a job's file is a file with a header, and no part of one file."""
        ...

    @property
    def columns(self) -> Sequence[str]:
        """Columns, by name, that an extract's file must have; none where they are not known."""
        ...

    def fetch(self, job_id: str, cursor: str, size: int, *, total: int | None) -> Piece | None:
        """A piece of about `size` bytes of a complete job's file; None if the file is not there.

        `total`: the size of the file where the vendor told it.
        """
        ...


class ImportJobs(BulkJobs, Protocol):
    """Jobs that take a file."""

    def results(self, job_id: str, state: "JobState") -> Mapping[str, Iterator[bytes]]:
        """The files of an import's results that the vendor has for a job in that state, to be read once.

        By kind: failed, warned, succeeded, unprocessed. One that turns out to be empty means nothing.
        """
        ...


class BulkVendors(Protocol):
    """Bulk jobs by connection."""

    def extracts(self, run: "Run") -> ExtractJobs:
        """The jobs that a run makes whose kind is extract.

        Raises:
            ConfigurationError: No such connection, object or request.
        """
        ...

    def imports(self, run: "Run") -> ImportJobs:
        """The jobs that a run makes whose kind is import; raises as `extracts`."""
        ...

    def calls_made(self, run: "Run") -> int:
        """Vendor calls of this process so far by the connection of a run; raises as `extracts`."""
        ...

    def report_quota(self) -> None:
        """Tell the meter how much of the vendors' daily calls is left, and give back the places for calls."""
        ...


class Tally(Protocol):
    """Counts by Action in pieces of time, from which alerts are decided: about right, but no ledger."""

    def note(self, action: str, what: str, reason: str = "", number: int = 1) -> None:
        """Count in memory; `flush` stores it."""
        ...

    def flush(self) -> None:
        """Store what was noted, under the present piece of time.

        Raises:
            TransientError: The store is throttled or away; what was noted is forgotten.
        """
        ...

    def between(self, start: datetime, end: datetime) -> Sequence[Counted]:
        """What was counted in pieces that begin in [start, end), of all Actions."""
        ...


class AlertStore(Protocol):
    """What is kept from one look to the next, and what is still to be sent; moved by compare-and-swap."""

    def load(self) -> "tuple[Memory, Sequence[Unsent], int]":
        """The memory, what was not sent yet, and their version: 0 if there was no look yet."""
        ...

    def save(self, memory: "Memory", unsent: "Sequence[Unsent]", version: int) -> int | None:
        """Replace both if `version` is the current one; gives the next version, None if somebody else was faster."""
        ...


class Watch(Protocol):
    """What stands where at this moment, as alerts look at it."""

    def waiting(self, kept: Callable[[str], Held] = lambda _: NOTHING) -> Sequence[Waiting]:
        """The oldest call of each connection's lane that holds any, and how many there are up to a bound.

        `kept` tells of a lane what does not count, because somebody paused it.
        """
        ...

    def parked(self) -> Sequence[ParkedWork]:
        """What waits for a person, by Action and reason."""
        ...

    def instances(self) -> Mapping[str, State]:
        """What is known of each vendor instance's limits, by `<vendor>#<host>`."""
        ...

    def certificates(self) -> Sequence[Certificate]:
        """The newest certificate that was made for each connection."""
        ...


class Channel(Protocol):
    """A way to people."""

    @property
    def name(self) -> str:
        """What it is called: email or slack."""
        ...

    def send(self, subject: str, text: str) -> str:
        """Send a message; gives why that was not possible, in words without an address, empty if it was."""
        ...


class Chunks(Protocol):
    """Chunks of people that Marketo's flow steps sent, and what is to be told of each person.

    A chunk is complete when every person of it is told of. Its callback is in one hand at a time, see `take`.
    """

    def open(self, chunk: Chunk) -> bool:
        """Store a chunk before its people; False if it is known already, in whatever state."""
        ...

    def tell(self, chunk_id: str, told: Sequence[PersonTold]) -> None:
        """Note what is told of people that do not end: those that are not run, or parked. The last word counts.

        What is told of people that end is stored with their end, see `Inbox.finish`.
        """
        ...

    def complete(self, chunk_id: str) -> bool:
        """Whether every person of a chunk that is still open is told of."""
        ...

    def told(self, chunk_id: str) -> Mapping[int, PersonTold]:
        """What is to be told, by lead id."""
        ...

    def take(self, chunk_id: str, now: datetime) -> Chunk | None:
        """An open chunk to see to, for as long as a run lasts; None while another does, or if it is not open."""
        ...

    def keep(self, chunk: Chunk, *, held: bool = False) -> Chunk | None:
        """Store a taken chunk as it is now, and let go of it unless `held`; None if somebody else went on with it.

        Of one that is sent no person's value stays.
        """
        ...

    def due(self, now: datetime, limit: int) -> Sequence[str]:
        """Ids of open chunks whose due time has come, the longest waiting first."""
        ...

    def get(self, chunk_id: str) -> Chunk | None:
        """A chunk; of one that is sent the token and the key are gone."""
        ...

    def failed(self, limit: int) -> Sequence[FailedCallback]:
        """Chunks whose callback failed for good, the newest first."""
        ...

    def reopen(self, failed: FailedCallback, now: datetime) -> bool:
        """Make a chunk that failed due at once; False if somebody else changed it since."""
        ...


class Standings(Protocol):
    """What is recorded of an execution."""

    def get(self, execution_id: str) -> Mapping[str, Any] | None:
        """The execution, None if there is none."""
        ...


class CallbackDoor(Protocol):
    """Where callbacks of flow steps go."""

    def refused(self, url: str) -> str:
        """Why an address is not called; empty if it is."""
        ...

    def post(self, url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> int:
        """Send one callback; gives the status of the answer.

        Raises:
            TransientError: Nothing was sent.
            UncertainWriteError: It may have been taken; no answer came.
        """
        ...
