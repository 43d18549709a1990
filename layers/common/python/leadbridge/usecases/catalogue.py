"""What a connection offers to whoever sets up an Action: objects, fields, activities, lists, campaigns, programs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol

from leadbridge.domain.marketo import ActivityType, Channel, Program, SmartCampaign, StaticList
from leadbridge.domain.members import NOT_IN, PROGRAM_MEMBERS, member_columns
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.sync_objects import READABLE, WRITABLE
from leadbridge.errors import PermanentError
from leadbridge.ports import Clock

#: so long an answer is given again: people who map fields look often, and fields change rarely
AGE = timedelta(minutes=15)
#: the source table of people; beside it there is `PROGRAM_MEMBERS`
LEADS = "leads"
#: stands beside the names of objects
ACTIVITY_TYPES, LISTS, CAMPAIGNS, SOURCES = "activity types", "lists", "campaigns", "sources"
LOGGED_TYPES, PROGRAMS = "logged types", "programs"
#: so many lists, campaigns or programs are offered; another one is named in the Action by its id or name
OFFERED = 300


class Summary(Protocol):
    """One object in the list of all."""

    @property
    def name(self) -> str:
        """API name."""
        ...

    @property
    def label(self) -> str:
        """What people call it."""
        ...

    @property
    def custom(self) -> bool:
        """Whether the org made it."""
        ...

    @property
    def createable(self) -> bool:
        """Whether our user may make records."""
        ...

    @property
    def updateable(self) -> bool:
        """Whether our user may change records."""
        ...

    @property
    def queryable(self) -> bool:
        """Whether our user may read records."""
        ...


class Instance(Protocol):
    """A Marketo instance that tells its fields."""

    def describe_leads(self) -> ObjectDescription:
        """Fields of the lead object by REST name."""
        ...

    def describe_members(self) -> ObjectDescription:
        """Fields of a program membership by REST name."""
        ...

    def describe(self, object_name: str) -> ObjectDescription:
        """Fields of an object, as a Sync calls it."""
        ...

    def custom_object_names(self) -> Sequence[str]:
        """The API names of the custom objects."""
        ...

    def custom_activity_types(self) -> Sequence[ActivityType]:
        """The custom activity types, drafts too."""
        ...

    def activity_types(self) -> Sequence[ActivityType]:
        """All activity types of the log, with their attributes."""
        ...

    def all_programs(self) -> Iterable[Program]:
        """The programs."""
        ...

    def all_channels(self) -> Iterable[Channel]:
        """The channels with the statuses of their programs' members."""
        ...

    def all_lists(self) -> Iterable[StaticList]:
        """The static lists."""
        ...

    def requestable_campaigns(self) -> Iterable[SmartCampaign]:
        """The campaigns that can be requested."""
        ...


class Org(Protocol):
    """A Salesforce org that tells its objects and fields."""

    def objects(self) -> Sequence[Summary]:
        """All objects that our user sees."""
        ...

    def describe(self, object_name: str) -> ObjectDescription:
        """Fields of an object."""
        ...


class Described(Protocol):
    """Clients by connection."""

    def marketo(self, connection: str) -> Instance:
        """The client of a Marketo connection."""
        ...

    def salesforce(self, connection: str) -> Org:
        """The client of a Salesforce connection."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueObject:
    """An object that an Action may name at this end."""

    name: str
    label: str
    custom: bool
    createable: bool
    updateable: bool
    queryable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A list or campaign that a connector action may name."""

    id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedProgram:
    """A program that an Action may make people members of, and the statuses that they may have in it."""

    id: int
    name: str
    statuses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogued[T]:
    """An answer, when the vendor gave it, and whether there is more than is offered."""

    read_at: datetime
    found: Sequence[T] = field(default_factory=tuple)
    more: bool = False


class Catalogue:
    """Objects and fields by connection; lives as long as the process."""

    def __init__(self, *, connections: Described, clock: Clock, age: timedelta = AGE) -> None:
        self._connections = connections
        self._clock = clock
        self._age = age
        self._known: dict[tuple[str, ...], Catalogued[Any]] = {}

    def objects(self, vendor: str, connection: str, *, refresh: bool = False) -> Catalogued[CatalogueObject]:
        """What an Action may name: tables that Marketo describes to us, objects that can be created or updated.

        Args:
            vendor: marketo or salesforce.
            connection: The connection's id.
            refresh: Ask the vendor whatever is known.
        """
        if vendor == "marketo":
            return self._at_most_every_while(
                (connection,), lambda: _tables(self._connections.marketo(connection)), refresh=refresh
            )
        return self._at_most_every_while(
            (connection,), lambda: _writable(self._connections.salesforce(connection).objects()), refresh=refresh
        )

    def sources(self, vendor: str, connection: str, *, refresh: bool = False) -> Catalogued[CatalogueObject]:
        """What a Sync may read: objects that can be queried; at Marketo those that can be listed."""
        if vendor == "marketo":
            known = self._of_marketo(connection, refresh=refresh)
            return replace(known, found=tuple(each for each in known.found if each.queryable))

        def ask() -> Sequence[CatalogueObject]:
            found = [each for each in self._connections.salesforce(connection).objects() if each.queryable]
            return tuple(_catalogued(each) for each in sorted(found, key=lambda each: each.name))

        return self._at_most_every_while((connection, "", SOURCES), ask, refresh=refresh)

    def destinations(self, vendor: str, connection: str, *, refresh: bool = False) -> Catalogued[CatalogueObject]:
        """What a Sync may write: as an Action what can be created or updated; at Marketo also objects found by key."""
        if vendor != "marketo":
            return self.objects(vendor, connection, refresh=refresh)
        known = self._of_marketo(connection, refresh=refresh)
        return replace(known, found=tuple(each for each in known.found if each.createable))

    def _of_marketo(self, connection: str, *, refresh: bool) -> Catalogued[CatalogueObject]:
        """What Syncs read or write of Marketo."""
        return self._at_most_every_while(
            (connection, "", SOURCES),
            lambda: tuple(_of_syncs(self._connections.marketo(connection))),
            refresh=refresh,
        )

    def fields(
        self, vendor: str, connection: str, object_name: str, *, refresh: bool = False, of_sync: bool = False
    ) -> Catalogued[FieldDescription]:
        """The fields of an object by name; `of_sync`: as a Sync calls it, not an Action.

        Raises:
            PermanentError: The vendor knows no such object.
        """

        def ask() -> Sequence[FieldDescription]:
            if vendor == "marketo":
                instance = self._connections.marketo(connection)
                if not of_sync:
                    return _columns(instance, object_name)
                described = instance.describe(object_name)
            else:
                described = self._connections.salesforce(connection).describe(object_name)
            return tuple(described.fields[name] for name in sorted(described.fields))

        return self._at_most_every_while(
            (connection, object_name, "sync" if of_sync else "action"), ask, refresh=refresh
        )

    def activity_types(self, connection: str, *, refresh: bool = False) -> Catalogued[ActivityType]:
        """The custom activity types of a Marketo connection that an Action may name: those that are approved."""

        def ask() -> Sequence[ActivityType]:
            types = self._connections.marketo(connection).custom_activity_types()
            approved = [each for each in types if each.api_name and str(each.status).startswith("approved")]
            return tuple(sorted(approved, key=lambda each: str(each.api_name)))

        return self._at_most_every_while((connection, "", ACTIVITY_TYPES), ask, refresh=refresh)

    def logged_types(self, connection: str, *, refresh: bool = False) -> Catalogued[ActivityType]:
        """The activity types of Marketo's log, custom ones among them, each with its attributes."""

        def ask() -> Sequence[ActivityType]:
            return tuple(sorted(self._connections.marketo(connection).activity_types(), key=lambda each: each.name))

        return self._at_most_every_while((connection, "", LOGGED_TYPES), ask, refresh=refresh)

    def programs(self, connection: str, *, refresh: bool = False) -> Catalogued[OfferedProgram]:
        """The programs of a Marketo connection, the first that it tells, with the statuses of their channels."""
        return self._at_most_every_while(
            (connection, "", PROGRAMS),
            lambda: _programs(self._connections.marketo(connection)),
            refresh=refresh,
            most=OFFERED,
        )

    def lists(self, connection: str, *, refresh: bool = False) -> Catalogued[Choice]:
        """The static lists of a Marketo connection, the first that it tells."""
        return self._at_most_every_while(
            (connection, "", LISTS),
            lambda: _choices(self._connections.marketo(connection).all_lists()),
            refresh=refresh,
            most=OFFERED,
        )

    def campaigns(self, connection: str, *, refresh: bool = False) -> Catalogued[Choice]:
        """The campaigns of a Marketo connection that can be requested, the first that it tells."""
        return self._at_most_every_while(
            (connection, "", CAMPAIGNS),
            lambda: _choices(self._connections.marketo(connection).requestable_campaigns()),
            refresh=refresh,
            most=OFFERED,
        )

    def _at_most_every_while[T](
        self, key: tuple[str, ...], ask: Callable[[], Sequence[T]], *, refresh: bool, most: int | None = None
    ) -> Catalogued[T]:
        now = self._clock.now()
        known = self._known.get(key)
        if known is None or refresh or not timedelta(0) <= now - known.read_at < self._age:
            found = ask()
            known = self._known[key] = Catalogued(
                read_at=now, found=found[:most], more=len(found) > (most or len(found))
            )
        return known


def _tables(instance: Instance) -> tuple[CatalogueObject, ...]:
    """The tables that the instance describes; without its people nothing can be read, so their refusal is told."""

    def table(name: str, label: str) -> CatalogueObject:
        return CatalogueObject(name=name, label=label, custom=False, createable=True, updateable=True)

    instance.describe_leads()
    found = [table(LEADS, "Leads")]
    try:
        instance.describe_members()
    except PermanentError:
        return tuple(found)  # the role of our user does not see memberships
    return (*found, table(PROGRAM_MEMBERS, "Leads with their membership in the program of the campaign"))


def _columns(instance: Instance, table: str) -> tuple[FieldDescription, ...]:
    """The columns that a table has, by the names under which an Action reads them."""
    fields = dict(instance.describe_leads().fields)
    if table == PROGRAM_MEMBERS:
        fields |= member_columns(instance.describe_members())
    return tuple(fields[name] for name in sorted(fields))


def _choices(found: Iterable[StaticList | SmartCampaign]) -> tuple[Choice, ...]:
    """One more than is offered, so that it is known whether there are more."""
    return tuple(Choice(id=each.id, name=each.name) for each in islice(found, OFFERED + 1))


def _programs(instance: Instance) -> tuple[OfferedProgram, ...]:
    """One more than is offered, too; what every channel has for those who are not in is no status to choose."""
    statuses = {
        each.name: tuple(one.name for one in each.progression_statuses if one.name != NOT_IN)
        for each in instance.all_channels()
    }
    found = islice(instance.all_programs(), OFFERED + 1)
    return tuple(OfferedProgram(id=each.id, name=each.name, statuses=statuses.get(each.channel, ())) for each in found)


def _writable(summaries: Sequence[Summary]) -> tuple[CatalogueObject, ...]:
    found = [each for each in summaries if each.createable or each.updateable]
    return tuple(_catalogued(each) for each in sorted(found, key=lambda each: each.name))


def _catalogued(each: Summary) -> CatalogueObject:
    return CatalogueObject(
        name=each.name,
        label=each.label,
        custom=each.custom,
        createable=each.createable,
        updateable=each.updateable,
        queryable=each.queryable,
    )


def _of_syncs(instance: Instance) -> Iterator[CatalogueObject]:
    """What a Sync reads or writes of Marketo; an instance without custom objects refuses to list them."""
    for name in (*READABLE, *sorted(WRITABLE - set(READABLE))):
        writable = name in WRITABLE
        yield CatalogueObject(
            name=name,
            label=name.replace("_", " ").capitalize(),
            custom=False,
            createable=writable,
            updateable=writable,
            queryable=name in READABLE,
        )
    try:
        names = instance.custom_object_names()
    except PermanentError:
        return
    for name in sorted(names):
        yield CatalogueObject(name=name, label=name, custom=True, createable=True, updateable=True)
