"""Connector actions as people write them: Actions whose destination is Marketo.

They have the kind, the doors, conditions, mappings and the life of every Action; an `operation` in the destination
tells them from those that write to Salesforce.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from leadbridge.domain import action as documents
from leadbridge.domain.batching import BatchSettings, Thresholds, misfits, thresholds
from leadbridge.domain.clauses import Group as Conditions
from leadbridge.domain.documents import Column, Document, FieldName, Identifier, Name
from leadbridge.domain.operations import (
    OPERATIONS,
    WRITABLE_FILTERS,
    Group,
    Operation,
    Strategy,
    body_bytes,
)
from leadbridge.domain.sources import ValueSource
from leadbridge.domain.values import blank, text

#: a name in Marketo, or an id, which holds for one instance only
Named = Annotated[str, StringConstraints(min_length=1, max_length=255)] | Annotated[int, Field(ge=1, strict=True)]
Filter = Literal[
    "id",
    "cookies",
    "email",
    "twitterId",
    "facebookId",
    "linkedInId",
    "sfdcAccountId",
    "sfdcContactId",
    "sfdcLeadId",
    "sfdcLeadOwnerId",
    "sfdcOpptyId",
]
_TOKEN = re.compile(r"\{\{my\.([^{}]{1,50})\}\}")
#: a name alone, or with the prefix
_PLAIN_TOKEN = re.compile(r"(?:my\.)?([^{}.]{1,50})")


def token_name(written: str) -> str:
    """A token's name in full, `{{my.name}}`, from that or from the name alone.

    Raises:
        ValueError: It is neither.
    """
    found = _TOKEN.fullmatch(written.strip()) or _PLAIN_TOKEN.fullmatch(written.strip())
    if found is None:
        raise ValueError("is no name of a My Token; write it in full, as in {{my.message}}, at most 50 characters")
    return f"{{{{my.{found[1].strip()}}}}}"


class MarketoDestination(Document):
    """Where it goes: the instance, what is asked of it, and with what."""

    connection: Identifier
    operation: Operation
    #: the static list; a name with a comma is no list's name at Marketo
    list: Named | None = None
    #: an active trigger campaign with "Campaign is Requested", source web service API
    campaign: Named | None = None
    strategy: Strategy | None = None
    #: the field by which Marketo finds the person whom it writes
    lookup_field: FieldName | None = None
    partition: Name | None = None


class Person(Document):
    """Who is meant: the lead id that a column holds, or whoever Marketo finds by the value of a column."""

    #: the column that holds the Marketo lead id
    lead_id: Column | None = None
    lookup: Filter | None = None
    column: Column | None = None
    #: make the person who is not found, with that value and nothing else
    add_if_missing: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.lead_id is None) == (self.lookup is None):
            raise ValueError(
                "give either `lead_id`, the column of the lead id, or `lookup` with its `column`; not both"
            )
        if (self.lookup is None) != (self.column is None):
            raise ValueError("`lookup` goes with `column`, and the other way round")
        if self.add_if_missing and self.lookup not in WRITABLE_FILTERS:
            raise ValueError(
                "`add_if_missing`: nobody can be made by this value, as Marketo sets it itself; "
                f"look for the person by {', '.join(sorted(WRITABLE_FILTERS))}, or leave it out"
            )
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """What is read of the call."""
        return tuple(name for name in (self.lead_id, self.column) if name)


class Merge(Document):
    """Which persons become one: the winner keeps its values, and gets those it lacks."""

    #: columns of lead ids; a column of losers may hold several, with commas between
    winner: Column
    losers: list[Column] = Field(min_length=1, max_length=25)
    #: merge their records in the CRM, too
    in_crm: bool = False


class DuplicatePersonRule(documents.DuplicateRecordRule):
    """Which of several persons is meant."""

    order_by: FieldName = "updatedAt"


class TokenSource(ValueSource):
    """One My Token and the value that it has in this request; a blank leaves the program's own value."""

    to: Annotated[str, AfterValidator(token_name)]


class ConnectorAction(Document):
    """A template by which another system has something done to a person in Marketo."""

    format: Literal[1] = 1
    kind: Literal["action"]
    id: Identifier
    name: Name
    description: str = ""
    time_zone: str | None = Field(default=None, min_length=1, max_length=64)
    destination: MarketoDestination
    person: Person | None = None
    duplicate_record_rule: DuplicatePersonRule | None = None
    mappings: list[documents.Mapping] = Field(default_factory=list)
    tokens: list[TokenSource] | None = Field(default=None, max_length=100)
    merge: Merge | None = None
    deduplicate: documents.Deduplicate | None = None
    conditions: Conditions | None = None
    trial: documents.Trial | None = None
    #: absent: calls go out as they come, but for imports, which are files of many
    batch: BatchSettings | None = None

    @model_validator(mode="after")
    def _what_the_operation_takes(self) -> Self:
        wrong = list(_misfits(self))
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    @property
    def source(self) -> documents.Source:
        """Where it stands what is known of the person: the same instance."""
        return documents.Source(connection=self.destination.connection)

    @property
    def operation(self) -> Operation:
        """What is asked of Marketo."""
        return self.destination.operation

    @property
    def thresholds(self) -> Thresholds | None:
        """When calls that wait for each other go out; None where they go out as they come."""
        if self.batch is None and self.operation is not Operation.IMPORT_LEADS:
            return None
        return thresholds(self.batch, _most_at_once(self))

    @property
    def lookup_field(self) -> str:
        """The field by which Marketo finds the person whom it writes: e-mail, where nothing is said."""
        return self.destination.lookup_field or "email"

    @property
    def zone(self) -> tzinfo:
        """The zone whose calendar and clocks the Action goes by."""
        return ZoneInfo(self.time_zone) if self.time_zone else UTC

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, for whoever wants to know what a call must bring; conditions aside."""
        read = [*(self.person.columns if self.person else ())]
        read += [self.merge.winner, *self.merge.losers] if self.merge else []
        read += [name for source in (*self.mappings, *(self.tokens or ())) for _, name in source.columns()]
        read += self.deduplicate.columns if self.deduplicate else []
        return tuple(dict.fromkeys(read))


type AnyAction = documents.Action | ConnectorAction
#: for isinstance
ACTIONS = (documents.Action, ConnectorAction)


def group_of(action: ConnectorAction, tokens: Sequence[tuple[str, str]] = ()) -> Group:
    """What an Action's calls must have in common to go together; `tokens` are those of one campaign request."""
    end, person = action.destination, action.person
    upserts = end.operation in {Operation.UPSERT_LEAD, Operation.IMPORT_LEADS}
    return Group(
        connection=end.connection,
        operation=end.operation,
        list=str(end.list or ""),
        campaign=str(end.campaign or ""),
        strategy=end.strategy or "",
        lookup_field=action.lookup_field if upserts else (person.lookup if person and person.lookup else ""),
        partition=end.partition or "",
        adds=bool(person and person.add_if_missing),
        tokens=tuple(tokens),
        columns=tuple(each.to for each in action.mappings) if end.operation is Operation.IMPORT_LEADS else (),
    )


def lead_ids(columns: Mapping[str, Any], names: Sequence[str]) -> list[int] | None:
    """The lead ids that columns hold, each once, commas between several of one; None if one of them is none."""
    found: dict[int, None] = {}
    for name in names:
        value = columns.get(name)
        for part in [] if blank(value) else text(value).split(","):
            digits = part.strip().removesuffix(".0")
            if not (digits.isascii() and digits.isdigit() and len(digits) <= 18 and int(digits)):
                return None
            found[int(digits)] = None
    return list(found)


def _misfits(action: ConnectorAction) -> Iterator[str]:
    """What the operation wants and does not have, or has and does not want."""
    facts = OPERATIONS[action.operation]
    end = action.destination
    given: dict[str, object] = {
        f"destination.{name}": getattr(end, name)
        for name in ("list", "campaign", "strategy", "lookup_field", "partition")
    } | {
        name: getattr(action, name)
        for name in ("person", "duplicate_record_rule", "mappings", "tokens", "merge", "batch")
    }
    word = action.operation.value
    for name in sorted(facts.required):
        if not given[name]:
            yield f"{name}: is missing, the operation {word} needs it; {_NEEDS[name]}"
    for name, value in given.items():
        if value and name not in facts.required | facts.optional:
            yield f"{name}: has no place with the operation {word}; remove it"
    if action.operation is Operation.SEND_EMAIL and action.person and action.person.lead_id is None:
        yield "person.lead_id: is missing, a campaign is requested for one lead id; name the column that holds it"
    if end.partition and action.person and not action.person.add_if_missing:
        yield "destination.partition: only says where a person is made; set person.add_if_missing, or remove it"
    if action.duplicate_record_rule and action.person and action.person.lookup is None:
        yield "duplicate_record_rule: chooses among those that a lookup finds; give person.lookup, or remove it"
    if action.batch and facts.batched:
        yield from misfits(action.batch, _most_at_once(action))
    yield from _misfit_mappings(action)


def _most_at_once(action: ConnectorAction) -> Thresholds:
    """The largest thresholds of an operation, which are those that it has where nothing is said."""
    facts, group = OPERATIONS[action.operation], group_of(action)
    # the import's own words: publishing does not send what waits for a file
    publish = action.operation is not Operation.IMPORT_LEADS
    one, two = body_bytes(group, [{}]), body_bytes(group, [{}, {}])
    envelope = one - (two - one) + facts.form
    return Thresholds(count=facts.most, bytes=facts.most_bytes, publish=publish, envelope=envelope)


def _misfit_mappings(action: ConnectorAction) -> Iterator[str]:
    mapped = [each.to for each in action.mappings]
    for what, names in (("mappings", mapped), ("tokens", [each.to for each in action.tokens or ()])):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            yield f"{what}: {', '.join(twice)} is mapped twice; keep one line for each"
    strategy = action.destination.strategy
    if mapped and strategy != Strategy.CREATE_DUPLICATE and action.lookup_field not in mapped:
        yield f"mappings: the lookup field {action.lookup_field} is not among them; map it, too"
    updates_by_id = strategy == Strategy.UPDATE_ONLY or action.operation is Operation.IMPORT_LEADS
    if "id" in mapped and not (updates_by_id and action.lookup_field == "id"):
        yield "mappings: id is set by Marketo itself; map it only to update by the lookup field id"


#: what to do where a member is missing
_NEEDS: Mapping[str, str] = {
    "person": "say who is meant by `lead_id`, or by `lookup` and `column`",
    "destination.list": "name the static list, or give its id",
    "destination.campaign": "name the trigger campaign that sends the e-mail, or give its id",
    "destination.strategy": f"choose {', '.join(each.value for each in Strategy)}",
    "destination.lookup_field": "name the field by which Marketo finds the person, such as email",
    "mappings": "map at least one field",
    "merge": "give `winner` and `losers`, the columns that hold their lead ids",
}
