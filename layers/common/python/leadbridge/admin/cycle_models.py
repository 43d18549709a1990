"""What the admin API gives and takes of CRM cycles and their runs."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from leadbridge.admin.models import Given, Id, Json, PutAction, Summary, Taken
from leadbridge.admin.sync_models import SyncCost

#: API name of an object of either system
ObjectName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,254}$")]


class FieldsAside(Given):
    """A pair of fields that cannot be kept in step for now."""

    #: of Salesforce
    object: str
    pair: str
    why: str
    #: what was edited from then on is carried over once the pair works again; without it the pair never worked
    since: datetime | None


class CycleStanding(Given):
    """What is known of a cycle between its runs."""

    #: the run that is at work
    running: str | None
    last_ended_at: datetime | None
    #: nothing begins by itself before
    not_before: datetime | None
    #: looks since the last run that found nothing to do
    idle_looks: int
    looked_at: datetime | None
    #: by queue: what its system changed before is carried over
    watermarks: dict[str, datetime]
    #: by queue when the newest record that was read was changed
    newest: dict[str, datetime]
    #: types of activities of which Marketo does not have any more what the next run reads
    warnings: list[str]
    #: pairs of fields that a system hides, has changed or closed
    aside: list[FieldsAside]


class CycleSummary(Summary):
    """A CRM cycle as it stands."""

    marketo: str
    salesforce: str
    mode: str
    gap_minutes: int
    standing: CycleStanding


class CyclePair(Given):
    """A pair of fields that is kept in step."""

    #: of Salesforce
    object: str
    marketo: str
    salesforce: str
    direction: Literal["both", "to_marketo", "to_salesforce"]
    #: who is right where both sides edited it; null: marketing about what it keeps, Salesforce about all others
    conflict: str | None
    enabled: bool


class CycleKind(Given):
    """A kind of records: whether it is kept in step, which way, and what is read of it."""

    name: str
    standing: Literal["on", "off", "on_demand", "absent"]
    direction: Literal["both", "to_marketo", "to_salesforce"]
    queues: list[str]
    pairs: list[CyclePair]


class SavedCycle(CycleSummary):
    """A CRM cycle as it stands and as it is saved."""

    kinds: list[CycleKind]
    document: Json


class Cycles(Given):
    """All cycles by id."""

    cycles: list[CycleSummary]


class CycleLatency(Given):
    """How long edits took to the other system, from the record's last change to the end of its write."""

    writes: int
    #: within so many seconds half of them were there
    p50_seconds: int
    #: within so many seconds 95 of 100 were there
    p95_seconds: int


class CycleRun(Given):
    """A run of a cycle: how it stands."""

    cycle: str
    slot: str
    #: run; bootstrap, which reads everything; from now, which reads nothing; plan, which writes nothing
    kind: str
    #: of the document, which the run obeys
    version: int
    status: str
    step: str
    #: of legs, that is written
    group: str | None
    #: the guard that it waits at by itself; a part that waits has its name
    guarded: str | None
    started_at: datetime
    ended_at: datetime | None
    waits_until: datetime | None
    #: read, of all queues
    rows: int
    #: planned, of all legs
    writes: int
    #: by edits of companies, in all
    people_reached: int
    #: kinds of records that cannot go on, and why
    parked: dict[str, str]
    #: what was not told before: pairs of fields that are put aside
    warnings: list[str]
    #: by direction how long edits took to the other system; of a bootstrap nothing is told
    latency: dict[str, CycleLatency]
    reason: str
    message: str


class AskCycleRun(Taken):
    """What somebody wants of a run of a cycle."""

    what: Literal["pause", "resume", "cancel", "confirm"]
    #: with confirm: the guards that were seen, `guarded` of the run or names of its parts; another one is refused
    seen: list[Annotated[str, Field(max_length=200)]] | None = Field(default=None, max_length=100)


class CycleRuns(Given):
    """The newest runs of a cycle."""

    runs: list[CycleRun]


class CyclePart(Given):
    """A queue or a leg of a run, and what became of its rows so far."""

    name: str
    status: str
    rows: int
    created: int
    updated: int
    unchanged: int
    skipped: int
    duplicate: int
    failed: int
    deleted: int
    flagged: int
    handed_over: int
    calls: int
    #: of bulk extracts
    megabytes: float = 0
    reason: str
    message: str


class CycleProgress(Given):
    """How far a run is: in one of its parts, which come one after the other."""

    #: of the whole run, whose parts count alike
    percent: int
    #: from 1 on, of so many
    part: int
    parts: int
    #: read, decide, write, remember
    what: str
    #: within the part, in a unit of its own
    done: int
    total: int
    unit: str
    per_second: float | None
    #: of the part
    seconds_left: int | None


class CycleRunParts(CycleRun):
    """A run with its queues, which read, and its legs, which write."""

    #: none before it reads, and once it is over
    progress: CycleProgress | None
    queues: list[CyclePart]
    legs: list[CyclePart]
    #: rows by kind and outcome
    outcomes: dict[str, dict[str, int]]
    #: false where a run has more files than are counted
    outcomes_whole: bool


type RowKind = Literal[
    "persons",
    "companies",
    "sales_persons",
    "opportunities",
    "opportunity_roles",
    "activities",
    "custom_objects",
    "programs",
    "fates",
]


class FieldChange(Given):
    """A field of one system before and after; what was not read is not known."""

    system: Literal["marketo", "salesforce"]
    name: str
    before: Any
    after: Any
    known: bool


class PlannedChange(Given):
    """What would become of a record. It holds a person's values."""

    kind: RowKind
    object: str
    salesforce_id: str
    marketo_id: str
    #: create, update, flag, delete, merge, link; nothing, with the reason
    does: str
    reason: str
    message: str
    fields: list[FieldChange]


class PlannedChanges(Given):
    """Some changes of a plan; a page may be empty, and another one follow it."""

    changes: list[PlannedChange]
    next_token: str | None


class CycleRow(Given):
    """What became of a record in a run; of a merge, conversion or deletion the kind is `fates`.

    Of an activity Marketo's id is its GUID, and Salesforce's that of the record that was made of it.
    """

    kind: RowKind
    #: Salesforce's, or Marketo's where there is none
    object: str
    marketo_id: str
    salesforce_id: str
    outcome: str
    reason: str
    message: str
    #: by field why an edit was not simply taken over
    fields: dict[str, str]


class CycleRows(Given):
    """Some of the rows of a run; a page may be empty, and another one follow it."""

    rows: list[CycleRow]
    next_token: str | None


class CycleLink(Given):
    """That a Salesforce record and one of Marketo are one."""

    salesforce_id: str
    marketo_id: str
    #: the record in which it lives on
    moved_to: str | None
    #: one of the two is gone and the other stays by itself
    parted: str | None
    message: str


class DueRecord(Given):
    """A record that is looked at again, whether it has changed or not."""

    side: Literal["marketo", "salesforce"]
    object: str
    id: str
    reason: str
    message: str
    noted_at: datetime
    not_before: datetime | None
    tries: int


class DueRecords(Given):
    """The records that are due, those first that are due first; 1000 at most."""

    records: list[DueRecord]


class RunOfRecord(Given):
    """The rows of one record in one run."""

    slot: str
    started_at: datetime
    rows: list[CycleRow]


class CycleRecord(Given):
    """What is known of a record: links, whether it is due, and what runs have done, the newest first."""

    id: str
    links: list[CycleLink]
    due: list[DueRecord]
    runs: list[RunOfRecord]
    #: so many runs
    looked_through: int
    #: false where those have more files than are read
    whole: bool


class CycleReading(Given):
    """What a queue gives; a number that is not exact has a basis, and null is unknown."""

    queue: str
    rows: int | None
    exact: bool
    #: rest or bulk
    way: str
    basis: str


class CycleKindPrice(Given):
    """What one kind of records takes at each vendor, and what is read of it."""

    kind: str
    read: list[CycleReading]
    marketo: SyncCost
    salesforce: SyncCost


class CycleVendorPrice(Given):
    """What all kinds take at a vendor, and its calls that are left today, if that is known."""

    total: SyncCost
    calls_left: int | None


class CyclePrice(Given):
    """What the first run of a cycle takes, before it begins."""

    id: str
    kinds: list[CycleKindPrice]
    marketo: CycleVendorPrice
    salesforce: CycleVendorPrice
    #: that it lasts at least, at the limits of a day; null: nobody knows
    days: float | None
    warnings: list[str]


class ProgramCredit(Given):
    """A program that gets credit for an opportunity, or loses it."""

    id: int
    #: null: Marketo does not know it any more
    name: str | None


class Credit(Given):
    """Programs by what they get credit for."""

    first_touch: list[ProgramCredit]
    #: of multi-touch, as is `revenue`
    pipeline: list[ProgramCredit]
    revenue: list[ProgramCredit]


class AttributionFinding(Given):
    """A prerequisite of attribution that is missing."""

    code: str
    message: str
    #: what it keeps from the program, or from all of them
    measures: list[Literal["first_touch", "pipeline", "revenue"]]
    #: Salesforce's id of who has the role, and Marketo's
    contact: str | None
    person: str | None
    program: int | None


class OpportunityCredit(Given):
    """Which programs get credit for an opportunity, which lose it, and why."""

    opportunity: str
    credited: Credit
    lost: Credit
    findings: list[AttributionFinding]


class Attribution(Given):
    """Some of the opportunities that the newest runs of a cycle decided about, by id."""

    opportunities: list[OpportunityCredit]
    next_token: str | None
    #: false if those runs have more files than are read
    whole: bool


class RunCycle(Taken):
    """How a cycle is run; with `from_now` nothing is read, and what changes from now on is carried over.

    Programs are part of a run only with `programs`.
    """

    from_now: bool = False
    programs: bool = False


class PutCycle(PutAction):
    """A CRM cycle to be stored."""


class CycleEnds(Taken):
    """Two connections."""

    marketo: Id
    salesforce: Id


class ProposeCycle(CycleEnds):
    """What a cycle is drafted of."""

    mode: Literal["replace_native", "beside_native"] = "replace_native"


class ProposalNote(Given):
    """What a draft lacks, and the member that it is about."""

    pointer: str
    what: str


class CycleProposal(Given):
    """A draft of a cycle, for people to change before they store it."""

    document: Json
    notes: list[ProposalNote]


class MakeObject(CycleEnds):
    """An object of Salesforce's that Marketo is to have."""

    object: ObjectName
    #: what it is called in the other system; empty: by the usual rule
    name: Literal[""] | ObjectName = ""


class Provision(MakeObject):
    """Which of two systems lacks an object that the other one has."""

    lacking: Literal["marketo", "salesforce"]


class Provisioning(Given):
    """What a system lacks of an object."""

    #: what it is called there
    api_name: str
    exists: bool
    #: the plan, a line for each thing
    lines: list[str]
    #: why Marketo cannot make it
    wrong: list[str]
    lacks: bool
    #: whether Marketo's own API can make it
    makes: bool
    #: what is to be deployed to Salesforce, a ZIP file in Base64
    package: str | None
    #: what a cycle's document says to keep the object
    document: Json
