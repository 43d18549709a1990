"""What the admin API takes and gives; the published OpenAPI document is made of these."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from leadbridge.domain.lifecycle import DocumentState, Move
from leadbridge.domain.outcome import Outcome, State
from leadbridge.domain.preflight import Level

type Json = dict[str, Any]

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
ExecutionId = Annotated[str, StringConstraints(pattern=r"^[\w-]{1,64}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Version = Annotated[int, Field(ge=1, le=999_999)]
ExpectedVersion = Annotated[int, Field(ge=0, le=999_999)]
Secret = Annotated[str, StringConstraints(max_length=4000)]
LeadId = Annotated[int, Field(ge=1, lt=10**18)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=400)]
#: of an entry of the activity log: its time, and what tells it from others of that moment
JournalMark = Annotated[str, StringConstraints(pattern="^[0-9]{4}-[0-9T:.+-]{6,30}#[a-z0-9_#-]{1,100}$")]
ErasureId = Annotated[str, StringConstraints(pattern="^([0-9]{1,18}|[0-9A-Za-z]{15}|[0-9A-Za-z]{18})$")]
Note = Annotated[str, StringConstraints(max_length=1000)]
#: documents of one request
Documents = Annotated[list[Json], Field(min_length=1, max_length=100)]


class Taken(BaseModel):
    """Base of what is taken: unknown members are refused, so that a typo is never ignored."""

    model_config = ConfigDict(extra="forbid")


class Given(BaseModel):
    """Base of what is given."""


class Finding(Given):
    """One thing that is wrong."""

    document: str
    pointer: str
    what: str
    remedy: str


class Problem(Given):
    """Why a request was refused, or could not be served."""

    code: str
    message: str
    #: the member of the request that it is about, as a JSON pointer
    pointer: str | None = None
    remedy: str | None = None
    #: everything that is wrong, where that is more than one thing
    findings: list[Finding] | None = None


# connections


class Connection(Given):
    """A connection; an Action may name it if it is usable."""

    kind: str
    id: str
    name: str
    url: str
    enabled: bool
    paused: bool
    usable: bool
    version: int
    secret: str
    actions: list[str]
    syncs: list[str]
    cycles: list[str]


class Connections(Given):
    """Connections by kind and id."""

    connections: list[Connection]


class ConnectionDetail(Connection):
    """A connection with its document, who stored it, and what it logs in with; none of the credentials themselves."""

    document: Json
    author: str | None
    at: datetime | None
    #: our part of its limits, in words
    limits: list[str]
    #: the members of its credentials; none where it logs in with a certificate
    credentials: list[str]


class PutConnection(Taken):
    """A connection to be stored."""

    document: Json
    note: Note = ""
    #: the version that it is to follow, 0 for none; without it whichever there is
    expected_version: ExpectedVersion | None = None


class PutSecret(Taken):
    """Credentials of a connection, those that it logs in with; they are never given again."""

    client_id: Secret | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None


class SecretKept(Given):
    """That credentials are stored."""

    id: str
    secret: Literal["stored"] = "stored"  # noqa: S105  # a word for a state


class SetupSteps(Given):
    """What a person creates at the vendor, in order."""

    id: str
    steps: list[str]


class LookedAt(Given):
    """One thing that was looked at; `what` is a sentence without a stop, `remedy` one with it, or empty."""

    level: Literal[tuple(each.value for each in Level)]  # type: ignore[valid-type]  # the levels there are
    what: str
    remedy: str


class LookedThrough(Given):
    """What a look through a connection found; nothing was written."""

    id: str
    version: int
    #: whether none of it is an error
    well: bool
    findings: list[LookedAt]


# overview


class ExtractsStanding(Given):
    """Megabytes that Leadbridge extracted of Marketo in the day at hand; what others extract is in no list it sees."""

    megabytes: float
    allowed: int
    #: when they are spent at their present pace; null where they last
    spent_at: datetime | None


class QuotaStanding(Given):
    """The calls of one vendor instance; without `day_ends` its day is the last 24 hours."""

    vendor: str
    instance: str
    #: whose calls they are, as far as that is known
    connections: list[str]
    used: int
    allowed: int
    day_ends: datetime | None
    #: when they are spent at their present pace; null where they last, or the pace is not known
    spent_at: datetime | None
    #: nobody calls before, but for one who looks whether it takes calls again
    shut_until: datetime | None
    shut_because: str | None
    #: of an instance of Marketo of which we extracted something today
    extracts: ExtractsStanding | None


class ParkedCalls(Given):
    """Calls of an Action that wait for a person, until they are run again."""

    action_id: str
    reason: str
    number: int
    since: datetime


class WaitingCalls(Given):
    """Calls through a connection that wait and go on by themselves; `more`: more than `number` do."""

    connection: str
    reason: str | None
    number: int
    more: bool
    since: datetime
    #: when the first of them goes on
    due_at: datetime | None


class OpenAlert(Given):
    """Something that people were told of and that is not over, with what to do."""

    kind: str
    name: str
    title: str
    what: str
    remedy: str
    command: str
    since: datetime
    #: looks well since then, and will be told of as over
    clear_since: datetime | None


class OutcomeCount(Given):
    """How many calls ended with an outcome, were parked or rejected."""

    kind: str
    number: int


class CarriedOver(Given):
    """An active Sync or cycle, and up to when it has carried over what changed; null before its first run."""

    kind: Literal["sync", "crm_cycle"]
    id: str
    name: str
    up_to: datetime | None


class Overview(Given):
    """How things stand at a moment."""

    at: datetime
    #: all Actions together
    paused: bool
    connections: list[Connection]
    quotas: list[QuotaStanding]
    parked: list[ParkedCalls]
    waiting: list[WaitingCalls]
    #: the oldest first
    alerts: list[OpenAlert]
    #: those that there were, since `since`
    outcomes: list[OutcomeCount]
    since: datetime
    #: Syncs that read what changed, and cycles
    carried_over: list[CarriedOver]


# objects


class Object(Given):
    """An object that an Action may name."""

    name: str
    label: str
    custom: bool
    createable: bool
    updateable: bool


class Objects(Given):
    """What a connection offers as source or destination."""

    read_at: datetime
    objects: list[Object]


class ActivityTypeInfo(Given):
    """A custom activity type that an Action may name."""

    api_name: str
    name: str
    description: str | None


class ActivityTypes(Given):
    """Custom activity types that are approved."""

    read_at: datetime
    activity_types: list[ActivityTypeInfo]


class ChoiceInfo(Given):
    """A list or campaign that a connector action may name, by either."""

    id: int
    name: str


class Choices(Given):
    """The first lists or campaigns; where there are `more`, `note` says what to do about those that are not here."""

    read_at: datetime
    choices: list[ChoiceInfo]
    more: bool
    note: str


class ProgramInfo(Given):
    """A program that an Action may make people members of, by either, and the statuses of its channel."""

    id: int
    name: str
    statuses: list[str]


class Programs(Given):
    """The first programs; where there are `more`, `note` says what to do about those that are not here."""

    read_at: datetime
    programs: list[ProgramInfo]
    more: bool
    note: str


class LoggedAttribute(Given):
    """An attribute of an activity type; only custom ones have an API name."""

    name: str
    api_name: str | None


class LoggedType(Given):
    """An activity type of Marketo's log, the primary attribute first; only custom ones have an API name."""

    name: str
    api_name: str | None
    attributes: list[LoggedAttribute]


class LoggedTypes(Given):
    """The activity types of Marketo's log, by name."""

    read_at: datetime
    logged_types: list[LoggedType]


class FieldInfo(Given):
    """A field as Describe reports it."""

    name: str
    label: str
    type: str
    length: int | None
    createable: bool
    updateable: bool
    required_on_create: bool
    unique: bool
    external_id: bool
    picklist: list[str]
    operators: list[str] = Field(
        description="what a condition may ask of a column of Marketo; none of a field of Salesforce"
    )


class Fields(Given):
    """The fields of an object, by name."""

    read_at: datetime
    object: str
    fields: list[FieldInfo]


# documents


class Summary(Given):
    """A document as it stands."""

    kind: str
    id: str
    name: str
    version: int
    state: DocumentState
    author: str | None
    at: datetime | None
    note: str | None


class ActionSummary(Summary):
    """An Action as it stands."""

    #: what became of its calls; kinds of which there were none are left out
    last_hour: list[OutcomeCount]


class Actions(Given):
    """The Actions by id."""

    actions: list[ActionSummary]


class Saved(Summary):
    """A document as it is saved: its members, and its author's words where there are any."""

    document: Json
    text: str | None


class PutAction(Taken):
    """An Action to be stored."""

    document: Json
    note: Note = ""
    #: store it although it has findings
    draft: bool = False
    #: the version that it is to follow, 0 for none; without it whichever there is
    expected_version: ExpectedVersion | None = None


class Difference(Given):
    """A member that differs."""

    change: Literal["added", "removed", "changed"]
    pointer: str
    before: Any = None
    after: Any = None


class Planned(Given):
    """What applying does to a document."""

    kind: str
    id: str
    effect: Literal["create", "change", "nothing"]
    sound: bool
    version: int | None
    differences: list[Difference]


class Plan(Given):
    """What applying documents would do; one that is refused cannot be applied."""

    refused: bool
    documents: list[Planned]
    findings: list[Finding]
    #: what nobody can change, but should know of
    warnings: list[str]


class Findings(Given):
    """Everything that is wrong with documents."""

    findings: list[Finding]


class Applied(Given):
    """What applying did to a document."""

    kind: str
    id: str
    version: int
    state: DocumentState
    changed: bool


class AppliedDocuments(Given):
    """What applying did."""

    documents: list[Applied]


class ValidateDocuments(Taken):
    """Documents to be looked at."""

    documents: Documents


class PlanDocuments(ValidateDocuments):
    """Documents to be stored together."""

    draft: bool = False


class ApplyDocuments(PlanDocuments):
    """Documents to be stored, all or none."""

    note: Note = ""


class Page(Given):
    """One of the five pages of an Action."""

    page: int
    title: str
    members: Json


class View(Given):
    """An Action on its pages, as saved."""

    id: str
    version: int
    state: DocumentState
    pages: list[Page]


class Header(Given):
    """A header of a webhook."""

    name: str
    value: str


class ResponseMapping(Given):
    """A member of the answer, and the SOAP name of the Marketo field that takes it."""

    attribute: str
    field: str


class Webhook(Given):
    """A webhook as Marketo's dialog asks for it; the value of `key_header` is told to administrators alone."""

    action: str
    name: str
    url: str
    method: str
    template: str
    #: of tokens
    encoding: str
    response_type: str
    headers: list[Header]
    key_header: str
    mappings: list[ResponseMapping]
    notes: list[str]


class WebhookKey(Given):
    """The key that opens an Action to whoever has it."""

    action: str
    header: str
    key: str


class StateChange(Taken):
    """A step of a document's life."""

    move: Literal[tuple(each.value for each in Move if each not in {Move.STORE, Move.STORE_DRAFT})]  # type: ignore[valid-type]  # the steps that a person takes


class Pause(Given):
    """Whether all Actions are paused together."""

    paused: bool


class PutPause(Taken):
    """Whether all Actions are to be paused together."""

    paused: bool


class Standing(Given):
    """Where a document stands."""

    kind: str
    id: str
    state: DocumentState


class VersionInfo(Given):
    """One version, and what it changed."""

    version: int
    author: str | None
    at: datetime | None
    note: str | None
    differences: list[Difference]


class History(Given):
    """The versions of a document, the newest first."""

    kind: str
    id: str
    versions: list[VersionInfo]
    next_token: str | None


class Diff(Given):
    """What differs between two versions."""

    kind: str
    id: str
    older: int
    newer: int
    differences: list[Difference]
    #: they mean the same in other words
    only_text: bool


class Rollback(Taken):
    """The version that is to be the current one again."""

    version: Version
    note: Note = ""


# try


class Try(Taken):
    """Whom to try an Action on: a lead, read from Marketo, or the payload of a call."""

    lead_id: LeadId | None = None
    payload: Json | None = None
    version: Version | None = None


class TriedField(Given):
    """One field before and after."""

    field: str
    before: Any
    after: Any
    changes: bool


class Activity(Given):
    """The result activity that would be logged."""

    type: str
    primary: str
    attributes: dict[str, str]
    #: attributes that hold what only the written record will tell
    assumed: list[str]


class TriedLink(Given):
    """One chained object as it would be; an id that is not there yet is in words."""

    name: str
    object: str
    #: an outcome, or why it would not be run: not_after, stopped
    state: str
    reason: str | None
    message: str | None
    salesforce_id: str | None
    fields: Json


class Tried(Given):
    """What an Action would do; nothing was written. It holds the person's values and is kept nowhere."""

    action: str
    version: int
    lead_id: int
    state: State
    outcome: Outcome | None
    reason: str | None
    message: str | None
    operation: str | None
    object: str | None
    salesforce_id: str | None
    #: the decision tree, in the order in which a run asks
    steps: list[Json]
    fields: list[TriedField]
    #: how each mapping comes to its value, rule by rule
    mappings: list[Json]
    writeback: list[TriedField]
    assumed: list[str]
    #: program, status and fields of the membership, where the Action names a program
    membership: Json | None
    chained: list[TriedLink]
    activity: Activity | None


# executions

#: which come first
type Order = Literal["oldest", "newest"]


class Part(Given):
    """What became of the write-back, the membership or the activity."""

    status: str
    reason: str | None = None
    message: str | None = None


class Execution(Given):
    """What became of one call."""

    execution_id: str
    action_id: str
    #: when the call began, or now, if it did not; null of an Action that is not there
    action_name: str | None
    version: int | None
    received_at: datetime
    executed_at: datetime | None
    ended_at: datetime | None
    due_at: datetime | None
    lead_id: int | None
    salesforce_id: str | None
    state: State
    outcome: Outcome | None
    reason: str | None
    message: str | None
    campaign_name: str | None
    writeback: Part
    #: of the program; null of an Action that names none
    member: Part | None
    activity: Part


class Told(Given):
    """A sentence; one of greater depth belongs to the one before it of less."""

    text: str
    depth: int


class RecordLink(Given):
    """Where people look at a person in Marketo or a record in Salesforce."""

    system: str
    record_id: str
    url: str


class ExecutionDetail(Execution):
    """An execution with everything that is kept of it."""

    #: to both systems, as far as the connections of its Action say where
    links: list[RecordLink]

    #: what came in, what was decided and why, what the vendors answered, and what is to be done
    explanation: list[Told]

    attempts: int | None
    header_names: list[str]
    #: how it was decided, without values; where it is kept
    decision: Json | list[Json] | None


class Executions(Given):
    """Some executions in the order that was asked for; there may be more as long as there is a token."""

    executions: list[Execution]
    next_token: str | None


class Wanted(Taken):
    """Which executions; all members together."""

    lead_id: LeadId | None = None
    email: Text | None = None
    salesforce_id: Text | None = None
    action_id: Id | None = None
    reason: Text | None = None
    state: State | None = None
    outcome: Outcome | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class Search(Wanted):
    """A search, page by page."""

    order: Order = "oldest"
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    token: Token | None = None


class RedriveRequest(Wanted):
    """Calls to run again: by id, or what a search finds. Nothing is done unless `dry_run` is false."""

    execution_ids: Annotated[list[ExecutionId], Field(min_length=1, max_length=200)] | None = None
    #: the current version of the Action, or the one of the call's time
    configuration: Literal["current", "original"] = "current"
    dry_run: bool = True
    token: Token | None = None


class Redriven(Given):
    """What became of one execution, or would."""

    execution_id: str
    runs: bool
    note: str


class Cost(Given):
    """Fewest vendor calls that running them takes."""

    marketo: int
    salesforce: int


class RedriveAnswer(Given):
    """What became of the executions of this page, or would; there may be more as long as there is a token."""

    dry_run: bool
    count: int
    by_action: dict[str, int]
    cost: Cost
    results: list[Redriven]
    next_token: str | None


class Callback(Given):
    """The callback of a chunk of people that Marketo did not take."""

    id: str
    people: int
    received_at: datetime
    failed_at: datetime
    attempts: int
    reason: str
    message: str


class Callbacks(Given):
    """Callbacks that failed."""

    callbacks: list[Callback]


class SendCallbacks(Taken):
    """Which callbacks to send again."""

    ids: Annotated[list[ExecutionId], Field(min_length=1, max_length=100)]


class SentCallback(Given):
    """What became of one."""

    id: str
    done: bool
    note: str


class SentCallbacks(Given):
    """What became of them."""

    results: list[SentCallback]


class ForgetPerson(Taken):
    """Whom to forget."""

    email: Annotated[str, StringConstraints(pattern="^[^@]+@[^@]+$", max_length=255)]
    #: of either system, to which nothing leads any more
    ids: Annotated[list[ErasureId], Field(max_length=20)] = []
    #: without it what is kept is listed only
    remove: bool = False


class ErasedIds(Given):
    """By which ids a person is known."""

    marketo: list[str] = []
    salesforce: list[str] = []


class Found(Given):
    """Something that is kept of a person."""

    place: str
    #: an item's key, or the name of a file
    where: str


class ErasureReceipt(Given):
    """What is kept of a person; where it was to be removed: what was removed, and what was not."""

    #: false: there is so much to read that it is still at work; its end is among those who were forgotten
    ended: bool
    #: a keyed hash of the address
    who: str
    removed: bool
    ids: ErasedIds = ErasedIds()
    found: list[Found] = []
    #: what is at work with the person and was left: the same request finishes later
    busy: list[str] = []
    #: documents in which the address stands
    documents: list[str] = []
    unknown: list[str] = []
    #: what has nothing of the person but Marketo's number, which people of several Marketo instances share
    alike: list[str] = []
    #: what is not removed, and why
    left: list[str] = []


class ForgottenPerson(Given):
    """That somebody was forgotten."""

    at: datetime
    #: a keyed hash of the address
    who: str
    by: str
    #: how much was removed, by place
    found: dict[str, int]
    #: false: it was broken off, or something was at work; the same request finishes it
    finished: bool


class ForgottenPeople(Given):
    """All that is remembered of erasures."""

    forgotten: list[ForgottenPerson]


class ActivityEntry(Given):
    """A deed: who did what to which document, and when."""

    at: datetime
    #: null: nobody who is known
    who: str | None
    did: str
    kind: str | None
    id: str | None
    #: a version, a run or a number
    detail: str | None
    message: str


class ActivityLog(Given):
    """Some of the entries of the activity log, the newest first."""

    entries: list[ActivityEntry]
    next_token: str | None
    back_to: datetime | None
