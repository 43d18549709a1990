"""What the admin API gives of Syncs: lists of them, their queries and previews."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from leadbridge.admin.models import Given, Json, PutAction, Saved, Summary, Taken


class SyncEnd(Given):
    """One end of a Sync."""

    connection: str
    object: str


class PutSync(PutAction):
    """A Sync to be stored."""


class SyncRun(Given):
    """A run of a Sync: how it stands, and what became of its rows so far."""

    sync: str
    slot: str
    #: run; plan, which writes nothing; apply, which makes the writes of a `plan`; retry
    kind: str
    plan: str | None
    #: of the document, which the run obeys
    version: int
    status: str
    step: str
    started_at: datetime
    ended_at: datetime | None
    #: until when it waits, for what `status` says
    waits_until: datetime | None
    #: the run whose failed rows it tries again
    retry_of: str | None
    pulled: int
    created: int
    updated: int
    unchanged: int
    skipped: int
    duplicate: int
    failed: int
    #: records whose source records were deleted
    deleted: int = 0
    flagged: int = 0
    #: became calls of the Action that is the destination
    handed_over: int = 0
    rows_per_second: float | None
    #: an estimate, once all rows are read
    seconds_left: int | None
    calls: int
    #: of bulk extracts
    megabytes: float = 0
    reason: str
    message: str


class SyncSummary(Summary):
    """A Sync as it stands; `schedule` is in words."""

    source: SyncEnd
    destination: SyncEnd
    schedule: str
    #: when its schedule starts the next run; null: it is not active, or nothing but a person starts it
    next_run: datetime | None
    #: the newest, which may be at work
    last_run: SyncRun | None


class Syncs(Given):
    """A page of the Syncs by id."""

    syncs: list[SyncSummary]
    next_token: str | None


class SavedSync(Saved):
    """A Sync as it is saved; `schedule` is in words, `next_run` that of the version which is current."""

    schedule: str
    next_run: datetime | None


class SyncRuns(Given):
    """The newest runs of a Sync."""

    runs: list[SyncRun]


class FailedRow(Given):
    """A row that failed: its number in the extract, the id of the source's record, and why."""

    row: int
    source_id: str
    reason: str
    message: str


class FailedRows(Given):
    """Some of the rows that failed."""

    rows: list[FailedRow]
    next_token: str | None


#: outcomes whose rows are listed
type ListedOutcome = Literal["skipped", "duplicate", "handed_over"]


class ListedRow(Given):
    """A row that was not written, and why; `id`: the execution of the call that it became, if it was handed over."""

    row: int
    source_id: str
    id: str
    reason: str
    message: str


class ListedRows(Given):
    """Some of the rows with an outcome; a page may be empty, and another one follow it."""

    rows: list[ListedRow]
    next_token: str | None


class AskRun(Taken):
    """What somebody wants of a run."""

    what: Literal["pause", "resume", "cancel", "confirm"]


class MakePlan(Taken):
    """Of how many rows a plan is wanted; of all if that is missing."""

    rows: int | None = Field(default=None, ge=1, le=1_000_000)


class PlanRow(Given):
    """A row of a plan: what would become of it, field by field. It holds a person's values."""

    row: int
    source_id: str
    outcome: str
    record_id: str
    reason: str
    message: str
    fields: list["PreviewField"]


class PlanRows(Given):
    """Some rows of a plan."""

    rows: list[PlanRow]
    #: what it does not show of what a run would do, in sentences
    not_planned: list[str] = Field(default_factory=list)
    next_token: str | None


class QueryClause(Given):
    """Where a clause of the conditions is asked: at the source, or by us alone, and then why."""

    path: str
    words: str
    at_source: bool
    why: str


class SyncCost(Given):
    """What moving rows takes: vendor calls, megabytes of extracts, places of jobs, minutes at least."""

    calls: int
    megabytes: float
    job_slots: int
    minutes: float


class VendorPrice(Given):
    """What the next run takes at a vendor, and a day; and the vendor's calls that are left today, if that is known."""

    run: SyncCost
    day: SyncCost
    calls_left: int | None


class SyncPrice(Given):
    """What a Sync takes, before it runs; dollars are those of AWS."""

    id: str
    #: rows of the next run; an estimate has a basis
    rows: int | None
    exact: bool
    basis: str
    #: runs of the next 24 hours
    runs: int
    marketo: VendorPrice
    salesforce: VendorPrice
    run_dollars: float
    day_dollars: float
    #: minutes from run to run with which the calls of a day suffice; null: nobody knows, or one run takes more
    minutes_apart: int | None
    warnings: list[str]


class PlanPrice(Given):
    """What a plan takes at each vendor."""

    marketo: SyncCost
    salesforce: SyncCost


class SyncQuery(Given):
    """What a run that began now would ask its source; `request` is its first one as the vendor receives it."""

    id: str
    version: int
    vendor: str
    object: str
    #: rest or bulk, and why
    way: str
    why: str
    request: str
    #: in what later requests differ
    cursor: str
    soql: str | None
    columns: list[str]
    clauses: list[QueryClause]
    #: what an incremental run reads
    since: datetime | None
    until: datetime | None


class SyncTotal(Given):
    """How many rows a run would pull; an estimate has a basis, and a cost of the exact number."""

    rows: int | None
    exact: bool
    basis: str
    exact_cost: SyncCost | None


class PreviewField(Given):
    """A destination field: what it holds, and what it would hold."""

    name: str
    before: Any
    after: Any


class PreviewRow(Given):
    """A row of the source and what would become of it. It holds a person's values."""

    position: int
    columns: Json
    outcome: str
    record_id: str
    reason: str
    message: str
    fields: list[PreviewField]


class Preview(Taken):
    """What to preview: the Sync as it is stored, or an edit of it that is not."""

    document: Json | None = None


class SyncPreview(Given):
    """What a run that began now would do with its first rows; nothing was written."""

    id: str
    version: int
    total: SyncTotal
    rows: list[PreviewRow]
    mappings: list[Json]
    query: SyncQuery
    #: how the rows would be written, and why
    load: str
    load_why: str
    #: vendor calls that were made, and how many are at most
    calls: int
    budget: int
