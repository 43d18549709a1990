"""What one of two systems lacks of an object of one's own that the other one has, and making it where Marketo can.

What Salesforce lacks is a folder that an administrator deploys; what Marketo lacks its own API makes, where the
subscription has it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from leadbridge.domain.marketo import ObjectType
from leadbridge.domain.provisioning import NewObject, NewType, document_of, new_object, new_type, salesforce_name
from leadbridge.domain.records import ObjectDescription
from leadbridge.errors import PermanentError

#: the subscription has no API for the schema of custom objects
_NO_SCHEMA_API = frozenset({"616", "703"})


class Types(Protocol):
    """The custom objects of a Marketo instance, and what makes them."""

    def list(self) -> Iterable[ObjectType]:
        """All of them, drafts too, without their fields."""
        ...

    def describe(self, api_name: str, /, state: str = "") -> ObjectType:
        """One with its fields: as it was approved, or its draft if there is nothing else or `state` is that."""
        ...

    def sync(self, document: Mapping[str, Any], /) -> object:
        """Make a draft."""
        ...

    def add_fields(self, name: str, fields: Sequence[Mapping[str, Any]], /) -> object:
        """Give a draft fields."""
        ...

    def approve(self, name: str, /) -> object:
        """Let it take records."""
        ...


class Instance(Protocol):
    """A Marketo instance with custom objects."""

    @property
    def custom_object_types(self) -> Types:
        """Its custom objects."""
        ...

    def describe(self, object_name: str) -> ObjectDescription:
        """Fields of an object."""
        ...


class Org(Protocol):
    """A Salesforce org that tells its fields."""

    def describe(self, object_name: str) -> ObjectDescription:
        """Fields of an object."""
        ...


class Clients(Protocol):
    """Clients by connection."""

    def marketo(self, connection: str) -> Instance:
        """The client of a Marketo connection."""
        ...

    def salesforce(self, connection: str) -> Org:
        """The client of a Salesforce connection."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ForMarketo:
    """What Marketo lacks, whether its API can make it, and what a cycle's document says to keep the object."""

    plan: NewType
    by_api: bool
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForSalesforce:
    """What Salesforce lacks, and what a cycle's document says to keep the object."""

    plan: NewObject
    document: Mapping[str, Any]


def lacking_in_marketo(instance: Instance, org: Org, name: str, to: str = "") -> ForMarketo:
    """What Marketo lacks of an object of Salesforce's; `to` is what it is called there.

    Raises:
        SyncError: A system cannot be asked now, or Salesforce shows our user no such object.
    """
    schema, types, drafts, by_api = instance.custom_object_types, list[ObjectType](), list[ObjectType](), True
    try:
        types = [schema.describe(each.name) for each in schema.list()]
        drafts = [schema.describe(each.name, state="draft") for each in types if each.state == "approvedWithDraft"]
    except PermanentError as error:
        if error.code not in _NO_SCHEMA_API:
            raise
        by_api = False
    plan = new_type(org.describe(name), types, to, drafts=drafts)
    return ForMarketo(plan=plan, by_api=by_api, document=document_of(plan.api_name, name, plan.pairs, to_marketo=True))


def lacking_in_salesforce(instance: Instance, org: Org, name: str, to: str = "") -> ForSalesforce:
    """What Salesforce lacks of an object of Marketo's; `to` is what it is called there.

    Raises:
        SyncError: A system cannot be asked now, or Marketo has no such object.
    """
    described = instance.describe(name)
    wanted = to or salesforce_name(name)
    ends = {salesforce_name(end) for end, _ in described.links.values()}
    there = dict(_seen(org.describe, sorted({wanted, *ends})))
    plan = new_object(described, there.get(wanted), to, objects=tuple(there))
    return ForSalesforce(plan=plan, document=document_of(name, plan.api_name, plan.pairs, to_marketo=False))


def made(instance: Instance, plan: NewType) -> None:
    """Make what a plan says: a draft, its fields, and the approval, from which on it takes records.

    Where it broke off before, a new plan goes on.
    """
    types = instance.custom_object_types
    if not plan.exists:
        words = {"apiName": plan.api_name, "displayName": plan.display_name, "pluralName": f"{plan.display_name}s"}
        types.sync({"action": "createOnly", **words})
    if plan.fields:
        types.add_fields(plan.api_name, plan.fields)
    types.approve(plan.api_name)


def _seen(
    describe: Callable[[str], ObjectDescription], names: Iterable[str]
) -> Iterator[tuple[str, ObjectDescription]]:
    for name in names:
        try:
            yield name, describe(name)
        except PermanentError:
            continue  # it is not there yet
