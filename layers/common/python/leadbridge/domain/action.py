"""Configuration documents as people write them: connections and Actions.

Only the shape is checked here; whether the named fields exist is checked against Describe of both
sides by `domain.checks`, because that needs the vendors' answers.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

#: format of the documents; readers accept this one and the one before
FORMAT = 1

#: becomes part of a URL and of item keys
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.]{0,254}$")]
Column = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Scalar = str | bool | int | float


class Document(BaseModel):
    """Base of everything a person writes: unknown members are refused, so that a typo is never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)


class ActionType(StrEnum):
    """What an Action does with the matched record."""

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"


class MarketoLimits(Document):
    """Our part of an instance's limits; what is absent is as the deployment's parameters say, for all connections."""

    calls_per_20_seconds: int | None = Field(default=None, ge=1, le=100)
    concurrent: int | None = Field(default=None, ge=1, le=10)
    daily_calls: int | None = Field(default=None, ge=1, description="what the subscription has, not our part of it")
    reserve_percent: float | None = Field(default=None, ge=0, le=90, description="left to other integrations")


class SalesforceLimits(Document):
    """Our part of an org's limits; what is absent is as the deployment's parameters say."""

    concurrent: int | None = Field(default=None, ge=1, le=25)
    reserve_percent: float | None = Field(default=None, ge=0, le=90, description="left to other integrations")


class MarketoConnection(Document):
    """A Marketo instance; its client id and secret are kept in Secrets Manager under the connection's id."""

    format: Literal[1] = 1
    kind: Literal["marketo_connection"]
    id: Identifier
    name: Name
    base_url: str = Field(description="https://<munchkin id>.mktorest.com")
    limits: MarketoLimits | None = None


#: jwt: KMS signs, no secret exists; the others keep theirs in Secrets Manager under the connection's id
SalesforceLogin = Literal["jwt", "client_credentials", "refresh_token"]


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
    limits: SalesforceLimits | None = None

    @model_validator(mode="after")
    def _user_of_an_assertion(self) -> Self:
        if (self.login or "jwt") == "jwt" and self.username is None:
            raise ValueError("`login: jwt` needs `username`, that of the integration user")
        return self


class Source(Document):
    """Where the data comes from."""

    connection: Identifier
    table: Literal["leads"] = "leads"


class Destination(Document):
    """Where the data goes."""

    connection: Identifier
    object: FieldName
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
    """Which of several matching records is updated; equal dates fall back to the lowest Id."""

    order_by: Literal["CreatedDate", "LastModifiedDate"] = "LastModifiedDate"
    choose: Literal["newest", "oldest"] = "newest"


class Mapping(Document):
    """One destination field and where its value comes from: a column or a static value."""

    to: FieldName
    column: Column | None = None
    static: Scalar | None = None
    #: what a blank does: leave the field alone, clear it, or write `default`
    blank: Literal["skip", "clear", "default"] = "skip"
    default: Scalar | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.column is None) == (self.static is None):
            raise ValueError("give exactly one of `column` and `static`")
        if (self.blank == "default") != (self.default is not None):
            raise ValueError("`default` goes with `blank: default`, and the other way round")
        return self


class WriteBack(Document):
    """One Marketo field that takes a destination field's value or a static one after a successful write."""

    to: FieldName
    field: FieldName | None = None
    static: Scalar | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.field is None) == (self.static is None):
            raise ValueError("give exactly one of `field` and `static`")
        return self


class Clause(Document):
    """One comparison of a column."""

    column: Column
    operator: Literal["equals", "not_equals", "is_empty", "is_not_empty"]
    value: Scalar | None = None

    @model_validator(mode="after")
    def _value_where_needed(self) -> Self:
        if self.operator.startswith("is_") != (self.value is None):
            raise ValueError(f"`{self.operator}` takes {'no' if self.operator.startswith('is_') else 'a'} `value`")
        return self


class Group(Document):
    """Clauses of which all, or any, must hold; groups nest."""

    match: Literal["all", "any"] = "all"
    clauses: list["Clause | Group"] = Field(min_length=1)


class ActivityMapping(Document):
    """One secondary attribute of the result activity: a fact of the execution, a column or a static value."""

    to: FieldName
    execution: (
        Literal[
            "execution_id",
            "action_name",
            "action_id",
            "outcome",
            "reason",
            "message",
            "salesforce_id",
            "campaign_name",
        ]
        | None
    ) = None
    column: Column | None = None
    static: Scalar | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.execution, self.column, self.static)) != 1:
            raise ValueError("give exactly one of `execution`, `column` and `static`")
        return self


class Results(Document):
    """The custom activity that tells the marketer what became of the call."""

    activity: Annotated[str, StringConstraints(min_length=1)]
    success: Annotated[str, StringConstraints(min_length=1)]
    errored: Annotated[str, StringConstraints(min_length=1)]
    #: the attribute that takes our execution id: by it a repeated send is recognised
    execution_attribute: FieldName = "executionId"
    mappings: list[ActivityMapping] = Field(min_length=1)


class Action(Document):
    """A template that a Marketo campaign runs per person."""

    format: Literal[1] = 1
    kind: Literal["action"]
    id: Identifier
    name: Name
    description: str = ""
    source: Source
    destination: Destination
    identifier: UniqueIdentifier
    type: ActionType
    duplicate_record_rule: DuplicateRecordRule | None = None
    deduplicate: Deduplicate | None = None
    mappings: list[Mapping] = Field(min_length=1)
    writeback: list[WriteBack] = []
    conditions: Group | None = None
    results: Results

    @model_validator(mode="after")
    def _no_field_twice(self) -> Self:
        for what, names in (
            ("mappings", [mapping.to for mapping in self.mappings]),
            ("writeback", [mapping.to for mapping in self.writeback]),
            ("results.mappings", [mapping.to for mapping in self.results.mappings]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what}: {', '.join(twice)} is mapped twice; keep one line for each field")
        return self


type Configuration = Action | MarketoConnection | SalesforceConnection

KINDS: dict[str, type[Action] | type[MarketoConnection] | type[SalesforceConnection]] = {
    "action": Action,
    "marketo_connection": MarketoConnection,
    "salesforce_connection": SalesforceConnection,
}


def as_document(configuration: Configuration) -> dict[str, Any]:
    """The configuration as plain JSON values, without members that are at their default of null."""
    return configuration.model_dump(mode="json", exclude_none=True)
