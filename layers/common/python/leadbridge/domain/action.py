"""Configuration documents as people write them: connections and Actions.

Only the shape is checked here; whether the named fields exist is checked against Describe of both
sides by `domain.checks`, because that needs the vendors' answers.
"""

import re
from collections.abc import Sequence
from datetime import UTC, tzinfo
from enum import StrEnum
from functools import cached_property, partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator, model_validator

from leadbridge.domain.chained import MOST_LINKS, Chained, RecordSource
from leadbridge.domain.clauses import Group
from leadbridge.domain.documents import Column, Document, FieldName, Identifier, Name
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.sources import BlankPolicy, CompiledSource, ValueSource, compile_source
from leadbridge.domain.transforms import Place

if TYPE_CHECKING:
    from leadbridge.domain.alert_rules import AlertsDocument
    from leadbridge.domain.clauses import ListDocument
    from leadbridge.domain.connector import ConnectorAction
    from leadbridge.domain.crm_cycle import CrmCycle
    from leadbridge.domain.sync import Sync

#: format of the documents; readers accept this one and the one before
FORMAT = 1
#: where a record's id goes in the address at which people look at it
ID_PLACE = "{id}"
#: no name or password stands before the host; a local stack is on this machine
_RECORD_URL = re.compile(r"(https://[A-Za-z0-9.-]+|http://(127\.0\.0\.1|localhost))(:\d+)?/\S*")


class ActionType(StrEnum):
    """What an Action does with the matched record."""

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"
    #: only looks the person up and says whether there is a record
    DECIDE = "decide"


#: per cent of our calls of 20 seconds and of our places
Share = Annotated[int, Field(ge=1, le=100)]


class LaneShares(Document):
    """What a lane of work uses at most of our part, while others have nothing to do, too; without a share all of it."""

    scheduled: Share | None = Field(default=None, description="Syncs, cycles, bulk runs")
    bootstrap: Share | None = Field(default=None, description="the first readings of Syncs and cycles")


class MarketoLimits(Document):
    """Our part of an instance's limits; what is absent is as the deployment's parameters say, for all connections."""

    calls_per_20_seconds: int | None = Field(default=None, ge=1, le=100)
    concurrent: int | None = Field(default=None, ge=1, le=10)
    daily_calls: int | None = Field(default=None, ge=1, description="what the subscription has, not our part of it")
    reserve_percent: float | None = Field(default=None, ge=0, le=90, description="left to other integrations")
    lane_shares: LaneShares | None = None


class SalesforceLimits(Document):
    """Our part of an org's limits; what is absent is as the deployment's parameters say."""

    concurrent: int | None = Field(default=None, ge=1, le=25)
    reserve_percent: float | None = Field(default=None, ge=0, le=90, description="left to other integrations")
    lane_shares: LaneShares | None = None


def _host(path: str, url: str) -> str:
    """An address without the path that Marketo shows behind it, and without a slash at its end."""
    return url.strip().removesuffix("/").removesuffix(path)


def _record_url(value: str) -> str:
    """An address in which `{id}` stands where a record's id goes."""
    if not _RECORD_URL.fullmatch(value) or value.count(ID_PLACE) != 1:
        raise ValueError(
            "is no https address with one {id}; copy the address of a record from your browser, and put {id} in place "
            "of the record's id"
        )
    return value


class MarketoConnection(Document):
    """A Marketo instance; its client id and secret are kept in Secrets Manager under the connection's id."""

    format: Literal[1] = 1
    kind: Literal["marketo_connection"]
    id: Identifier
    name: Name
    #: as Marketo shows it, too: with `/rest` behind the host
    base_url: Annotated[str, AfterValidator(partial(_host, "/rest"))] = Field(
        description="https://<munchkin id>.mktorest.com"
    )
    #: where tokens come from, as Marketo shows it; it is on the same host, so there is no need to give it
    identity_url: Annotated[str, AfterValidator(partial(_host, "/identity"))] | None = None
    #: where people look at a person in Marketo, with `{id}`; Marketo does not tell it
    record_url: Annotated[str, AfterValidator(_record_url)] | None = None
    limits: MarketoLimits | None = None

    @model_validator(mode="after")
    def _one_instance(self) -> Self:
        if self.identity_url is not None and self.identity_url.lower() != self.base_url.lower():
            raise ValueError(
                "identity_url: is not on the host of `base_url`, to which tokens belong; "
                "copy both from Admin > Web Services of one instance, or leave `identity_url` out"
            )
        return self


#: jwt: KMS signs, no secret exists; the others keep theirs in Secrets Manager under the connection's id
SalesforceLogin = Literal["jwt", "client_credentials", "refresh_token"]


def _org(value: str) -> str:
    """An org's id in 18 characters."""
    if not is_id(value) or not value.startswith("00D"):
        raise ValueError("is no organization id; Setup > Company Information shows it, 00D and 12 more characters")
    return canonical(value)


class SalesforceConnection(Document):
    """A Salesforce org and how we log in: by default the OAuth 2.0 JWT bearer flow, for which no secret exists."""

    format: Literal[1] = 1
    kind: Literal["salesforce_connection"]
    id: Identifier
    name: Name
    #: None is `jwt`, so that documents from before there was a choice stay as they are
    login: SalesforceLogin | None = None
    token_host: str = Field(description="where we log in: login, test or My Domain host")
    audience: str = Field(default="https://login.salesforce.com", description="the `aud` claim; not the token host")
    client_id: str = Field(min_length=1, description="consumer key of the External Client App")
    username: str | None = Field(default=None, min_length=1, description="username of the integration user")
    api_version: str = Field(default="67.0", pattern=r"^\d{2}\.0$")
    #: the org's id, without which none of its outbound messages is taken
    organization_id: Annotated[str, AfterValidator(_org)] | None = None
    #: where people look at a record in Salesforce, with `{id}`; without it on the host at which we log in
    record_url: Annotated[str, AfterValidator(_record_url)] | None = None
    limits: SalesforceLimits | None = None

    @model_validator(mode="after")
    def _user_of_an_assertion(self) -> Self:
        if (self.login or "jwt") == "jwt" and self.username is None:
            raise ValueError(
                "username: is missing, and the login with a certificate needs it; give the integration user's"
            )
        return self


class Source(Document):
    """Where the data comes from."""

    connection: Identifier
    #: whose columns may be named: a person's, or beside them those of the membership in the program of the campaign
    table: Literal["leads", "program_members"] = "leads"


class Destination(Document):
    """Where the data goes."""

    connection: Identifier
    #: the object in which records are created, and looked for unless `match_in` says otherwise
    object: FieldName
    #: objects in which records are looked for, in this order: the first that has one decides. Where it names Contact,
    #: a Lead that was converted stands for its Contact
    match_in: list[FieldName] | None = Field(default=None, min_length=1, max_length=5)
    #: what becomes of a write for which a duplicate rule of the org finds records: it fails with their ids (`block`, as
    #: where nothing is said), is made where the rule only warns (`allow`), or updates the one found (`use_match`)
    duplicate_rules: Literal["block", "allow", "use_match"] | None = None
    #: a unique External Id field that takes our execution id, so that a repeated create cannot make two
    idempotency_field: FieldName | None = None


class UniqueIdentifier(Document):
    """The pair of fields by which the destination record is found."""

    column: Column
    field: FieldName


class Deduplicate(Document):
    """Suppress a second event with the same values within the window."""

    columns: list[Column] = Field(min_length=1)
    window_seconds: int = Field(default=300, ge=1, le=86_400)


class DuplicateRecordRule(Document):
    """Which of several matching records is updated; equal ones fall back to the lowest Id.

    `newest` and `oldest` go by a date, `first` by the place of the field's value in `order` (without it, in the
    field's picklist); where no record has such a value, nothing is chosen. `refuse` chooses nothing, as no rule does.
    """

    order_by: FieldName = "LastModifiedDate"
    choose: Literal["newest", "oldest", "first", "refuse"] = "newest"
    order: list[Annotated[str, StringConstraints(min_length=1)]] | None = Field(
        default=None, min_length=1, max_length=200
    )

    @model_validator(mode="after")
    def _order_of_first(self) -> Self:
        if self.order is not None and self.choose != "first":
            raise ValueError("`order` goes with `choose: first`")
        return self


class Mapping(ValueSource):
    """One destination field and where its value comes from."""

    blank: BlankPolicy = "skip"


#: what an execution can tell about itself; `decision` is found or not found, `chained` what became of each chained
#: object
Fact = Literal[
    "execution_id",
    "action_name",
    "action_id",
    "outcome",
    "reason",
    "message",
    "salesforce_id",
    "decision",
    "campaign_name",
    "chained",
]


class _Telling(RecordSource):
    """A value that is told after the write: beside the person's own, of the records that were written."""

    kinds: ClassVar[tuple[str, ...]] = (*RecordSource.kinds, "execution")

    execution: Fact | None = None

    @model_validator(mode="after")
    def _id_of_chained(self) -> Self:
        if self.of is not None and self.field != "Id":
            raise ValueError("of a chained object only the Id is told; write `field: Id`, or remove `of`")
        return self


class WriteBack(_Telling):
    """One Marketo field that takes a value after a successful write; by default a blank clears it.

    A value that cannot be made leaves the field alone: the record is written by then.
    """

    blank_here: ClassVar[BlankPolicy] = "clear"
    blank_choices: ClassVar[tuple[BlankPolicy, ...]] = ("skip", "clear", "default")


class ActivityMapping(_Telling):
    """One secondary attribute of the result activity; a blank, or a value that cannot be made, leaves it out."""

    blank_choices: ClassVar[tuple[BlankPolicy, ...]] = ("skip", "default")


class MemberMapping(WriteBack):
    """One field of the membership and where its value comes from; a blank, or one that cannot be made, is left out."""

    blank_here: ClassVar[BlankPolicy] = "skip"


class ProgramMember(Document):
    """The Marketo program that a person becomes a member of once the record is written (`domain.members`)."""

    #: its name, or its id, which holds for one instance only
    program: Annotated[str, StringConstraints(min_length=1, max_length=255)] | Annotated[int, Field(ge=1, strict=True)]
    status: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(
        description="a status of the program's channel; Marketo moves a member forward only"
    )
    mappings: list[MemberMapping] = Field(default_factory=list, max_length=100)


class ActivitySource(Document):
    """The Marketo activity whose attributes are columns, `activity.<name>` (`domain.activity_columns`)."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    #: how old it may be
    days: int = Field(default=1, ge=1, le=90)


class Results(Document):
    """The custom activity that tells the marketer what became of the call."""

    activity: Annotated[str, StringConstraints(min_length=1)]
    success: Annotated[str, StringConstraints(min_length=1)]
    errored: Annotated[str, StringConstraints(min_length=1)]
    #: what was skipped, superseded or a duplicate is logged only where this is set
    not_processed: Annotated[str, StringConstraints(min_length=1)] | None = None
    #: the attribute that takes our execution id: by it a repeated send is recognised
    execution_attribute: FieldName = "executionId"
    mappings: list[ActivityMapping] = Field(min_length=1)


class Recovery(Document):
    """Find calls of this webhook that never arrived, and run them (`domain.recovery`)."""

    webhook: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(
        description="its name in Marketo, which the activities of its calls carry"
    )
    #: how far the times of a call in Marketo's log and in ours may lie apart
    tolerance_seconds: int = Field(default=120, ge=10, le=300)


class Trial(Document):
    """With whom an Action that is on trial runs for real; everybody else is skipped."""

    leads: list[Annotated[int, Field(ge=1)]] | None = Field(default=None, min_length=1, max_length=300)
    #: its name in Marketo; the vendor separates names with commas
    static_list: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^,]+$")] | None = None

    @model_validator(mode="after")
    def _with_somebody(self) -> Self:
        if self.leads is None and self.static_list is None:
            raise ValueError("`trial` needs somebody: `leads` with Marketo lead ids, a `static_list`, or both")
        return self


class Inline(Document):
    """Answer the call itself with what was written, so that Marketo's response mapping writes it back."""

    #: of the whole answer; what is not done by then goes on as if the call had been queued. The gateway ends a call
    #: after 29 s and Marketo after 30
    budget_seconds: float = Field(default=8, ge=1, le=20)


class Action(Document):
    """A template that a Marketo campaign runs per person."""

    format: Literal[1] = 1
    kind: Literal["action"]
    id: Identifier
    name: Name
    description: str = ""
    #: IANA name of the zone whose calendar and clocks the Action goes by; UTC if there is none
    time_zone: str | None = Field(default=None, min_length=1, max_length=64)
    source: Source
    destination: Destination
    identifier: UniqueIdentifier
    #: looked by where those before it have no value or find no record
    further_identifiers: list[UniqueIdentifier] | None = Field(default=None, min_length=1, max_length=4)
    type: ActionType
    duplicate_record_rule: DuplicateRecordRule | None = None
    deduplicate: Deduplicate | None = None
    #: at least one, unless the Action only decides
    mappings: list[Mapping] = Field(default_factory=list, validate_default=True)
    writeback: list[WriteBack] = Field(default_factory=list)
    #: written after the person's own record, in this order
    chained: list[Chained] | None = Field(default=None, min_length=1, max_length=MOST_LINKS)
    conditions: Group | None = None
    results: Results
    #: absent: calls that never arrived are not looked for
    recovery: Recovery | None = None
    #: who takes part while it is on trial
    trial: Trial | None = None
    #: absent: calls are queued and answered at once, values are written back by API
    inline: Inline | None = None
    program_member: ProgramMember | None = None
    activity: ActivitySource | None = None

    @field_validator("mappings")
    @classmethod
    def _writes_something(cls, mappings: list[Mapping], seen: ValidationInfo) -> list[Mapping]:
        # a type that is wrong itself is told as such
        if not mappings and seen.data.get("type", ActionType.DECIDE) is not ActionType.DECIDE:
            raise ValueError("needs at least one; map a field, or choose the type decide, which writes nothing")
        return mappings

    @model_validator(mode="after")
    def _no_field_twice(self) -> Self:
        for what, names in (
            ("mappings", [mapping.to for mapping in self.mappings]),
            ("writeback", [mapping.to for mapping in self.writeback]),
            ("results.mappings", [mapping.to for mapping in self.results.mappings]),
            ("program_member.mappings", [mapping.to for mapping in self.member_mappings]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what}: {', '.join(twice)} is mapped twice; keep one line for each field")
        called = [link.name for link in self.chained or ()]
        again = sorted({name for name in called if called.count(name) > 1})
        if again:
            raise ValueError(f"chained: {', '.join(again)} is the name of two; give each a name of its own")
        return self

    @model_validator(mode="after")
    def _tells_of_chained(self) -> Self:
        called = [link.name for link in self.chained or ()]
        for what, tellings in (
            ("writeback", self.writeback),
            ("results.mappings", self.results.mappings),
            ("program_member.mappings", self.member_mappings),
        ):
            for place, each in enumerate(tellings):
                if each.of is not None and each.of not in called:
                    remedy = f"choose one of {', '.join(called)}" if called else "remove `of`"
                    raise ValueError(f"{what}[{place}].of: no chained object is called {each.of}; {remedy}")
        return self

    @model_validator(mode="after")
    def _decides_alone(self) -> Self:
        if self.type is ActionType.DECIDE and (self.mappings or self.destination.idempotency_field):
            what = "mappings" if self.mappings else "destination.idempotency_field"
            raise ValueError(f"{what}: an Action of type decide writes nothing at Salesforce; remove them")
        if self.type is ActionType.DECIDE and self.chained:
            raise ValueError("chained: an Action of type decide writes nothing at Salesforce; remove them")
        return self

    @property
    def identifiers(self) -> tuple[UniqueIdentifier, ...]:
        """The pairs of fields by which a record is found, in their order."""
        return (self.identifier, *(self.further_identifiers or ()))

    @property
    def objects(self) -> tuple[str, ...]:
        """The objects in which records are looked for, in their order; a create looks for nothing but its own."""
        if self.type is ActionType.CREATE:
            return (self.destination.object,)
        return tuple(dict.fromkeys(self.destination.match_in or [self.destination.object]))

    @property
    def described_objects(self) -> tuple[str, ...]:
        """Every object that must be known to run the Action, the one in which records are created first."""
        return tuple(dict.fromkeys((self.destination.object, *self.objects)))

    @property
    def member_mappings(self) -> Sequence[MemberMapping]:
        """What is written to the membership beside its status."""
        return self.program_member.mappings if self.program_member else ()

    @property
    def chained_objects(self) -> tuple[str, ...]:
        """The objects of what is chained, each once."""
        return tuple(dict.fromkeys(link.object for link in self.chained or ()))

    @property
    def zone(self) -> tzinfo:
        """The zone whose calendar and clocks the Action goes by."""
        return ZoneInfo(self.time_zone) if self.time_zone else UTC

    @cached_property
    def attributes(self) -> tuple[CompiledSource, ...]:
        """The attributes of the result activity, ready to be filled."""
        return tuple(compile_source(mapping, Place(zone=self.zone)) for mapping in self.results.mappings)


type Configuration = (
    Action
    | ConnectorAction
    | Sync
    | CrmCycle
    | MarketoConnection
    | SalesforceConnection
    | ListDocument
    | AlertsDocument
)


def as_document(configuration: Configuration) -> dict[str, Any]:
    """The configuration as plain JSON values, without members that are at their default of null."""
    return configuration.model_dump(mode="json", exclude_none=True)
