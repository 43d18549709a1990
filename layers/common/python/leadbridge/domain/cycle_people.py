"""What a cycle reads and writes of persons: the queues and legs of Leads, Contacts and Marketo's people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from leadbridge.domain.action import Mapping as FieldMapping
from leadbridge.domain.action import UniqueIdentifier
from leadbridge.domain.clauses import walk
from leadbridge.domain.crm_cycle import COMPANY_LINK, OWNER_LINK, CrmCycle, CycleField, Flag, Persons, RecordFields
from leadbridge.domain.cycle_legs import PEOPLE, SALESFORCE, Leg, Queue
from leadbridge.domain.sync import DedupeRule, Guard, ImportRule, RoutedDestination, Sync, SyncDestination, SyncSource
from leadbridge.domain.three_way import Side

#: Salesforce's kinds of persons, and Marketo's
LEAD, CONTACT, PERSON = "Lead", "Contact", "leads"
#: how ids of Salesforce's kinds of persons begin, in every org
PREFIXES: Mapping[str, str] = {LEAD: "00Q", CONTACT: "003"}
FROM_LEADS, FROM_CONTACTS, FROM_PEOPLE = "from-leads", "from-contacts", "from-people"
LEADS_UPDATED, CONTACTS_UPDATED = "leads-updated", "contacts-updated"
LEADS_CREATED, CONTACTS_CREATED = "leads-created", "contacts-created"
#: by kind of record the leg that makes new ones
CREATED: Mapping[str, str] = {LEAD: LEADS_CREATED, CONTACT: CONTACTS_CREATED}
PEOPLE_CREATED, PEOPLE_UPDATED = "people-created", "people-updated"
#: the queue of each kind
QUEUES: Mapping[str, str] = {LEAD: FROM_LEADS, CONTACT: FROM_CONTACTS, PERSON: FROM_PEOPLE}
#: not a leg: how many records are to be flagged or deleted
PEOPLE_REMOVED = "people-removed"
#: what a converted Lead says of itself
CONVERSION = ("IsConverted", "ConvertedDate", "ConvertedContactId", "ConvertedAccountId")
#: columns of a record by its vendor's names: id, address, and when it was last changed
IDS: Mapping[Side, str] = {Side.MARKETO: "id", Side.SALESFORCE: "Id"}
EMAILS: Mapping[Side, str] = {Side.MARKETO: "email", Side.SALESFORCE: "Email"}
#: when a person was made; each row of people has it
MADE_AT = "createdAt"
STAMPS: Mapping[Side, str] = {Side.MARKETO: "updatedAt", Side.SALESFORCE: "SystemModstamp"}


def not_beginning(prefix: str) -> str:
    """A pattern of ids of persons that do not begin so; both kinds differ in the third character alone."""
    return rf"^{prefix[:2]}[^{prefix[2:]}].*$"


def kinds(persons: Persons) -> Mapping[str, RecordFields]:
    """The kinds of Salesforce records that are kept in step, with their pairs of fields."""
    found = {LEAD: persons.leads, CONTACT: persons.contacts}
    return {name: each for name, each in found.items() if each is not None and each.enabled}


def people_columns(cycle: CrmCycle, persons: Persons) -> tuple[str, ...]:
    """The columns of Marketo's people that a cycle reads; those that Marketo hides are left out later."""
    pairs = [pair.marketo for each in kinds(persons).values() for pair in each.pairs]
    wanted = ["id", "email", "updatedAt", persons.id_field, *([persons.type_field] if persons.type_field else [])]
    if cycle.companies and cycle.keeps("companies"):
        # people show what their company holds, which Marketo tells in no other way
        wanted += [COMPANY_LINK, *(pair.marketo for pair in cycle.companies.fields if pair.enabled)]
    wanted += [OWNER_LINK] if cycle.keeps("sales_persons") else []
    wanted += [cycle.opportunities.stage_field] if cycle.opportunities and cycle.opportunities.stage_field else []
    # it is taken off when a deleted record is back
    wanted += [persons.deleted_in_salesforce.flag] if isinstance(persons.deleted_in_salesforce, Flag) else []
    return tuple(dict.fromkeys([*wanted, *pairs, *judged(persons.create_in_salesforce)]))


def record_columns(cycle: CrmCycle, persons: Persons, object_name: str) -> tuple[str, ...]:
    """The same of a kind of Salesforce records."""
    fields = kinds(persons)[object_name]
    wanted = ["Id", "Email", "SystemModstamp"]
    if object_name == LEAD:
        wanted += [*CONVERSION, *([persons.marketo_id_field] if persons.marketo_id_field else [])]
    elif cycle.keeps("companies"):
        wanted.append("AccountId")
    wanted += ["OwnerId"] if cycle.keeps("sales_persons") else []
    pairs = [pair.salesforce for pair in fields.pairs]
    return tuple(dict.fromkeys([*wanted, *pairs, *judged(persons.create_in_marketo)]))


def people_queues(cycle: CrmCycle) -> Iterator[Queue]:
    """What is read of persons."""
    persons = cycle.persons
    if persons is None:
        return
    for name, object_name in ((FROM_LEADS, LEAD), (FROM_CONTACTS, CONTACT)):
        if object_name in kinds(persons):
            columns = record_columns(cycle, persons, object_name)
            made = derived(cycle, name, Side.SALESFORCE, (object_name, PERSON), ("Id", "id"), alike(columns))
            yield Queue(name=name, side=Side.SALESFORCE, sync=made)
    columns = people_columns(cycle, persons)
    made = derived(cycle, FROM_PEOPLE, Side.MARKETO, (PERSON, LEAD), ("id", "Id"), alike(columns))
    yield Queue(name=FROM_PEOPLE, side=Side.MARKETO, sync=made)


def people_legs(cycle: CrmCycle) -> Iterator[Leg]:
    """What is written of persons."""
    persons = cycle.persons
    if persons is None:
        return
    every = kinds(persons)
    for name, object_name in ((LEADS_UPDATED, LEAD), (CONTACTS_UPDATED, CONTACT)):
        if object_name in every:
            made = derived(
                cycle, name, Side.MARKETO, (PERSON, object_name), ("Id", "Id"), taken(every[object_name].pairs)
            )
            yield Leg(name=name, group=SALESFORCE, side=Side.SALESFORCE, sync=made)
    if LEAD in every and persons.create_in_salesforce != "never":
        # a number of Marketo's is nobody else's, an address may be
        key = ("id", persons.marketo_id_field) if persons.marketo_id_field else ("email", "Email")
        made = derived(cycle, LEADS_CREATED, Side.MARKETO, (PERSON, LEAD), key, taken(every[LEAD].pairs))
        if persons.assignment_rule:
            routed = RoutedDestination(**made.destination.model_dump(exclude_none=True), rule=persons.assignment_rule)
            made = made.model_copy(update={"destination": routed})
        yield Leg(name=LEADS_CREATED, group=SALESFORCE, side=Side.SALESFORCE, sync=made)
    if CONTACT in every and persons.create_in_salesforce != "never" and persons.type_field:
        made = derived(
            cycle, CONTACTS_CREATED, Side.MARKETO, (PERSON, CONTACT), ("email", "Email"), taken(every[CONTACT].pairs)
        )
        yield Leg(name=CONTACTS_CREATED, group=SALESFORCE, side=Side.SALESFORCE, sync=made)
    columns = dict(given(pair for each in every.values() for pair in each.pairs))
    links = [persons.id_field, *([persons.type_field] if persons.type_field else [])]
    links += [COMPANY_LINK] if cycle.keeps("companies") else []
    links += [OWNER_LINK] if cycle.keeps("sales_persons") else []
    links += [persons.deleted_in_salesforce.flag] if isinstance(persons.deleted_in_salesforce, Flag) else []
    columns |= dict.fromkeys(links, "Id")
    for name, match in ((PEOPLE_CREATED, ("Id", persons.id_field)), (PEOPLE_UPDATED, ("id", "id"))):
        made = derived(cycle, name, Side.SALESFORCE, (LEAD, PERSON), match, columns)
        yield Leg(name=name, group=PEOPLE, side=Side.MARKETO, sync=made)


def derived(  # noqa: PLR0917  # one value for each thing in which these Syncs differ
    cycle: CrmCycle,
    name: str,
    source: Side,
    objects: tuple[str, str],
    match: tuple[str, str],
    columns: Mapping[str, str],
) -> Sync:
    """A Sync of a cycle that no document can say: its id has a dot.

    `source`: the side that is read, `objects` are those of source and destination, `match` is a column of the one and
    a field of the other; `columns` by the fields that take them.
    """
    connections = {Side.MARKETO: cycle.marketo, Side.SALESFORCE: cycle.salesforce}
    between = (connections[source], connections[source.other])
    return _made(cycle.id, name, cycle.time_zone, cycle.guard, between, objects, match, tuple(columns.items()))


# each step of a run makes all of its cycle's, which takes longer than most of what they do
@lru_cache(maxsize=256)
def _made(  # noqa: PLR0917  # as above
    cycle: str,
    name: str,
    time_zone: str | None,
    guard: Guard,
    between: tuple[str, str],
    objects: tuple[str, str],
    match: tuple[str, str],
    columns: tuple[tuple[str, str], ...],
) -> Sync:
    plain = Sync(
        kind="sync",
        id=name,
        name=name,
        time_zone=time_zone,
        source=SyncSource(connection=between[0], object=objects[0]),
        destination=SyncDestination(connection=between[1], object=objects[1]),
        match=[UniqueIdentifier(column=match[0], field=match[1])],
        **{"import": ImportRule.CREATE_AND_UPDATE},
        dedupe=DedupeRule.IMPORT_EVERYTHING,
        mappings=[FieldMapping(to=match[1], column=match[0])],
        extraction="incremental",
        guard=guard,
    )
    # as many as both kinds of records have, and an id of its own
    mappings = [FieldMapping(to=to, column=column) for to, column in columns]
    return plain.model_copy(update={"id": f"{cycle}.{name}", "mappings": mappings})


def alike(columns: Iterable[str]) -> Mapping[str, str]:
    """Columns that stand for themselves: those of a Sync that only reads."""
    return {name: name for name in columns}


def taken(pairs: Sequence[CycleField]) -> Mapping[str, str]:
    """The fields of Salesforce that take values of Marketo's."""
    return {pair.salesforce: pair.marketo for pair in pairs if pair.policy.from_side(Side.MARKETO)}


def given(pairs: Iterable[CycleField]) -> Iterator[tuple[str, str]]:
    """The fields of Marketo that take values of Salesforce's."""
    return ((pair.marketo, pair.salesforce) for pair in pairs if pair.policy.from_side(Side.SALESFORCE))


def judged(creation: object) -> Sequence[str]:
    """The columns of the conditions of a creation."""
    conditions = getattr(creation, "conditions", None)
    return [clause.column for _, clause in walk(conditions)] if conditions else []
