"""What a cycle makes of objects of one's own: Syncs that read and write by themselves, behind all others.

Each is edited by one of the two systems, so nothing has to be merged. Which fields are the key and which records an
object is linked to, both systems describe: a Sync is complete only with what they say (`bound`). A person whom the
cycle links holds the Salesforce id in `persons.id_field`, which is how links are translated either way.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from leadbridge.domain.action import Mapping as FieldMapping
from leadbridge.domain.action import UniqueIdentifier
from leadbridge.domain.clauses import Clause, Group
from leadbridge.domain.crm_cycle import COMPANY_LINK, CrmCycle, CustomObject, CycleField, Flag
from leadbridge.domain.cycle_companies import ACCOUNT
from leadbridge.domain.cycle_fields import bind_fields
from leadbridge.domain.cycle_legs import BRIDGES, CUSTOM_OBJECTS, SALESFORCE, Leg, Queue
from leadbridge.domain.cycle_people import CONTACT, LEAD, PERSON, PREFIXES, derived, not_beginning
from leadbridge.domain.looked_up import LookedUpColumn
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.sync import DedupeRule, FlagDeletes, ImportRule, LoggedSource, Sync, Ways
from leadbridge.domain.three_way import Direction, Side
from leadbridge.domain.transforms.texts import PatternReplace

#: how Marketo calls what objects of one's own may be linked to, in whatever case
_OF_PERSON, _OF_COMPANY = "lead", "company"
#: Marketo's own id of a record
GUID = "marketoGUID"
#: what of an object is new, as the log tells, and not what was changed; no object's name ends so
_NEW = ".new"
#: records of an object that leave a Lead which was converted
_RELINKED = ".relinked"
_OWN_ID = "Id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What both systems say of the objects of a cycle; an object that a system does not have is missing."""

    marketo: Mapping[str, ObjectDescription]
    salesforce: Mapping[str, ObjectDescription]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A field of Marketo's object that holds another record: a person, a company, or one of another such object."""

    field: str
    #: lead, company, or the API name of an object
    to: str
    #: the field of that record whose value is held
    by: str
    #: Salesforce's fields that hold the same record
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One object as both systems describe it; `wrong` are findings by the member that they are about."""

    links: tuple[Link, ...] = ()
    pairs: tuple[CycleField, ...] = ()
    #: Salesforce's field by each field of Marketo's key that is no link
    keys: Mapping[str, str] = field(default_factory=dict)
    #: why pairs cannot work, and are left out
    aside: Mapping[str, str] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()
    #: to Salesforce: where Marketo's log tells of new ones
    source: LoggedSource | None = None
    #: whether Marketo extracts what was changed
    extracted: bool = False

    @property
    def is_bridge(self) -> bool:
        """Whether it stands between a record of another such object and something else."""
        return any(each.to.casefold() not in {_OF_PERSON, _OF_COMPANY} for each in self.links)


def kept_objects(cycle: CrmCycle) -> Mapping[str, CustomObject]:
    """The objects that are switched on, by their names in the document."""
    return cycle.custom_objects.kept if cycle.custom_objects else {}


def object_queues(cycle: CrmCycle) -> Iterator[Queue]:
    """What is read of them, when it is written."""
    for name, kept, sync in _syncs(cycle):
        side = Side.SALESFORCE if kept.direction is Direction.TO_MARKETO else Side.MARKETO
        yield Queue(name=name, side=side, sync=sync, late=True)


def object_legs(cycle: CrmCycle) -> Iterator[Leg]:
    """The same as what is written; bridges are told from others by what both systems describe."""
    for name, kept, sync in _syncs(cycle):
        side = Side.MARKETO if kept.direction is Direction.TO_MARKETO else Side.SALESFORCE
        yield Leg(name=name, group=CUSTOM_OBJECTS, side=side, sync=sync)
    yield from relinking_legs(cycle)


def relinking_legs(cycle: CrmCycle) -> Iterator[Leg]:
    """What is written of records that name a converted Lead, before their own Syncs write the same object."""
    for name, kept in kept_objects(cycle).items():
        if kept.direction is Direction.TO_SALESFORCE:
            leg = f"{_named(name)}{_RELINKED}"
            yield Leg(name=leg, group=SALESFORCE, side=Side.SALESFORCE, sync=_plain(cycle, kept, leg))


def relinked_from(leg: str) -> str:
    """From which queue's watermark on conversions are heard for a leg of those: that of the object's new records."""
    return log_queue(leg.removesuffix(_RELINKED))


def object_of(cycle: CrmCycle, queue: str) -> tuple[str, CustomObject] | None:
    """The object of a queue or leg, and its name in the document; None if it is of none."""
    of = {_named(name): (name, kept) for name, kept in kept_objects(cycle).items()}
    return of.get(queue) or of.get(queue.removesuffix(_NEW).removesuffix(_RELINKED))


def tells_new_ones(queue: str) -> bool:
    """Whether a queue is of what Marketo's log tells to be new, beside an extract of all that was changed."""
    return queue.endswith(_NEW)


def log_queue(queue: str) -> str:
    """The queue of the same object that is of new ones."""
    return queue if tells_new_ones(queue) else f"{queue}{_NEW}"


def group_of(found: Bound) -> str:
    """When an object is written."""
    return BRIDGES if found.is_bridge else CUSTOM_OBJECTS


def _named(name: str) -> str:
    return f"object-{name}"


def _syncs(cycle: CrmCycle) -> Iterator[tuple[str, CustomObject, Sync]]:
    for name, kept in kept_objects(cycle).items():
        queue = _named(name)
        yield queue, kept, _plain(cycle, kept, queue)
        if kept.direction is Direction.TO_SALESFORCE:
            yield log_queue(queue), kept, _plain(cycle, kept, log_queue(queue))


def _plain(cycle: CrmCycle, kept: CustomObject, name: str) -> Sync:
    """A Sync without what only the systems know: it can be told apart, and says what it needs of its ends."""
    to_marketo = kept.direction is Direction.TO_MARKETO
    objects = (kept.salesforce, kept.marketo) if to_marketo else (kept.marketo, kept.salesforce)
    key = (_OWN_ID, GUID) if to_marketo else (GUID, kept.key or _OWN_ID)
    plain = derived(cycle, _named("none"), Side.SALESFORCE if to_marketo else Side.MARKETO, objects, key, {})
    ends = [(each.marketo, each.salesforce) for each in kept.pairs]
    ends += [(link, each) for link, names in kept.links.items() for each in names]
    ends += [] if to_marketo or kept.key is None else [(GUID, kept.key)]
    mappings = [FieldMapping(to=ours, column=theirs) for ours, theirs in ends]
    if not to_marketo:
        mappings = [FieldMapping(to=theirs, column=ours) for ours, theirs in ends]
    gone = kept.deleted_in_salesforce
    deletes = FlagDeletes(flag=gone.flag) if isinstance(gone, Flag) else gone
    return plain.model_copy(update={"id": f"{cycle.id}.{name}", "mappings": mappings, "deletes": deletes})


# what both systems say


def bound(cycle: CrmCycle, kept: CustomObject, described: Described) -> Bound:
    """An object with its key, its links and the pairs that work."""
    ours, theirs = described.marketo.get(kept.marketo), described.salesforce.get(kept.salesforce)
    missing = [
        f"{vendor}: there is no object {name}, or our user may not see it" for vendor, name in _missing(kept, described)
    ]
    if ours is None or theirs is None:
        return Bound(wrong=tuple(missing))
    wrong, links = list[str](), list[Link]()
    for own, (to, by) in ours.links.items():
        found = _link(cycle, kept, (own, to, by), theirs, described)
        if isinstance(found, Link):
            links.append(found)
        else:
            wrong.append(found)
    if unknown := sorted(kept.links.keys() - ours.links.keys()):
        wrong.append(f"links: {', '.join(unknown)} of {kept.marketo} is no link; take it out")
    if both := sorted({each.marketo for each in kept.pairs} & ours.links.keys()):
        wrong.append(f"fields: {', '.join(both)} links records and is kept by the cycle; take it out")
    one_way = [each.model_copy(update={"direction": kept.direction}) for each in kept.pairs]
    fields = bind_fields(one_way, {Side.MARKETO: ours, Side.SALESFORCE: theirs}, cycle.zone)
    pairs = tuple(each for each in one_way if each.pair not in fields.aside)
    keys, said = _keys(kept, ours, pairs)
    wrong += said
    if kept.key is not None and not (theirs.fields.get(kept.key) and theirs.fields[kept.key].unique):
        wrong.append(f"key: {kept.key} of {kept.salesforce} is no unique External Id field; make one, or name another")
    doubtful = [each.field for each in links if each.field in ours.key_fields and len(each.fields) > 1]
    if kept.direction is Direction.TO_SALESFORCE and kept.key is None and doubtful:
        wrong.append(f"key: {doubtful[0]} of the key of {kept.marketo} is two fields of {kept.salesforce}; give `key`")
    wrong += _not_taken_out(kept, ours, theirs)
    source = _logged(cycle, kept, ours, described) if kept.direction is Direction.TO_SALESFORCE else None
    if kept.direction is Direction.TO_SALESFORCE and source is None:
        wrong.append(
            f"marketo: nobody can list the records of {kept.marketo}, as they are not linked to people, nor by a "
            "bridge that is kept, too; let it go to Marketo"
        )
    return Bound(
        links=tuple(links),
        pairs=pairs,
        keys=keys,
        aside=fields.aside,
        wrong=tuple(wrong),
        source=source,
        extracted=source is not None and source.behind is None,
    )


def _not_taken_out(kept: CustomObject, ours: ObjectDescription, theirs: ObjectDescription) -> Iterator[str]:
    """Why nothing can become of deleted records as the document says."""
    gone, where = kept.deleted_in_salesforce, "deleted_in_salesforce"
    if gone != "ignore" and not theirs.replicateable:
        yield f"{where}: Salesforce does not tell which {theirs.name} records were deleted; say `ignore`"
    if gone == "delete" and not ours.deletable:
        yield f"{where}: no {ours.name} can be deleted; name a field with `flag`, or say `ignore`"
    flag = ours.fields.get(gone.flag) if isinstance(gone, Flag) else None
    if isinstance(gone, Flag) and (flag is None or not flag.updateable or flag.type != "boolean"):
        yield f"{where}.flag: {gone.flag} of {ours.name} is no yes/no field that can be changed; name another"


def _missing(kept: CustomObject, described: Described) -> Iterator[tuple[str, str]]:
    if kept.marketo not in described.marketo:
        yield "marketo", kept.marketo
    if kept.salesforce not in described.salesforce:
        yield "salesforce", kept.salesforce


def _link(
    cycle: CrmCycle,
    kept: CustomObject,
    own: tuple[str, str, str],
    theirs: ObjectDescription,
    described: Described,
) -> Link | str:
    """A link of Marketo's object with the fields that stand for it in Salesforce, or why there are none."""
    field_name, to, by = own
    where, wanted = f"links.{field_name}", _leads_to(cycle, to, by, described)
    if isinstance(wanted, str):
        return f"{where}: {wanted}"
    given = kept.links.get(field_name)
    if given is not None:
        lacking = [name for name in given if name not in theirs.fields]
        return f"{where}: {theirs.name} has no field {lacking[0]}; correct it" if lacking else _as_link(own, given)
    found = [
        [each.name for each in theirs.fields.values() if one in each.reference_to and each.name.endswith("__c")]
        for one in wanted
    ]
    if several := next((names for names in found if len(names) > 1), None):
        return f"{where}: {', '.join(several)} of {theirs.name} all lead to {to}; say `links: {{{field_name}: [ONE]}}`"
    names = [names[0] for names in reversed(found) if names]
    if not names:
        return f"{where}: {theirs.name} has no lookup to {' or '.join(wanted)}; add one, or say which field it is"
    return _as_link(own, list(dict.fromkeys(names)))


def _leads_to(cycle: CrmCycle, to: str, by: str, described: Described) -> list[str] | str:
    """Salesforce's objects whose records a link of Marketo's holds, or why it cannot be translated."""
    if to.casefold() == _OF_PERSON:
        return [LEAD, CONTACT] if cycle.persons else "leads to people; keep `persons`, too"
    if to.casefold() == _OF_COMPANY:
        known = f"leads to companies by {by}; only {COMPANY_LINK}, the Account's id, can be translated"
        return [ACCOUNT] if by == COMPANY_LINK else known
    other = _kept_as(cycle, to)
    if other is None:
        return f"leads to {to}; keep that object, too"
    if _salesforce_field(other, described.marketo.get(other.marketo), by) is None:
        return f"holds {by} of {to}, which no pair of that object has; add one"
    return [other.salesforce]


def _as_link(own: tuple[str, str, str], fields: Sequence[str]) -> Link:
    return Link(field=own[0], to=own[1], by=own[2], fields=tuple(fields))


def _kept_as(cycle: CrmCycle, marketo: str) -> CustomObject | None:
    every = kept_objects(cycle).values()
    return next((each for each in every if each.marketo.casefold() == marketo.casefold()), None)


def _salesforce_field(kept: CustomObject, ours: ObjectDescription | None, name: str) -> str | None:
    """Salesforce's field that holds what a field of Marketo's object does."""
    paired = next((each.salesforce for each in kept.pairs if each.marketo == name), None)
    if paired is not None or ours is None:
        return paired
    if name == ours.id_field:
        return kept.key
    to_marketo = kept.direction is Direction.TO_MARKETO
    return _OWN_ID if to_marketo and [*_open_keys(kept, ours)] == [name] else None


def _open_keys(kept: CustomObject, ours: ObjectDescription) -> Iterator[str]:
    """Fields of Marketo's key that neither a pair nor a link fills."""
    paired = {each.marketo for each in kept.pairs}
    return (name for name in ours.key_fields if name not in paired and name not in ours.links)


def _keys(
    kept: CustomObject, ours: ObjectDescription, pairs: Sequence[CycleField]
) -> tuple[Mapping[str, str], Sequence[str]]:
    by_name = {each.marketo: each.salesforce for each in pairs}
    keys = {name: by_name[name] for name in ours.key_fields if name in by_name}
    left = [*_open_keys(kept, ours)]
    if kept.direction is Direction.TO_MARKETO:
        if len(left) > 1:
            return keys, [f"fields: {', '.join(left)} are of the key of {ours.name}; add pairs for all of them but one"]
        # a key of its own is the record's id
        return {**keys, **dict.fromkeys(left, _OWN_ID)}, []
    if kept.key is not None or not left:
        return keys, []
    return keys, [f"fields: {', '.join(left)} of the key of {ours.name} has no pair; add one, or give `key`"]


def _logged(cycle: CrmCycle, kept: CustomObject, ours: ObjectDescription, described: Described) -> LoggedSource | None:
    """Where Marketo's log tells of new records: of those linked to people by themselves, or by a bridge."""
    own = _to_person(ours)
    base = {"connection": cycle.marketo, "object": kept.marketo}
    if own is not None:
        return LoggedSource(**base, told_of=kept.marketo, person_link=own[0], person_field=own[1])
    for other in kept_objects(cycle).values():
        bridge = described.marketo.get(other.marketo)
        person = _to_person(bridge) if bridge is not None else None
        if bridge is None or person is None:
            continue
        for name, (to, by) in bridge.links.items():
            if to.casefold() == kept.marketo.casefold():
                behind = (name, by)
                return LoggedSource(
                    **base, told_of=other.marketo, person_link=person[0], person_field=person[1], behind=behind
                )
    return None


def _to_person(ours: ObjectDescription) -> tuple[str, str] | None:
    return next(((name, by) for name, (to, by) in ours.links.items() if to.casefold() == _OF_PERSON), None)


def lookups_of_people(found: Bound, theirs: ObjectDescription) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """By link to people which of Salesforce's fields take Leads, and which Contacts; only where there are both."""
    for link in found.links:
        if link.to.casefold() == _OF_PERSON:
            leads = [name for name in link.fields if LEAD in theirs.fields[name].reference_to]
            contacts = [name for name in link.fields if CONTACT in theirs.fields[name].reference_to]
            if leads and contacts:
                yield leads, contacts


def object_lines(cycle: CrmCycle, described: Described) -> Iterator[str]:
    """What both systems lack for the objects of a cycle, as lines; nothing can be kept before it is there."""
    for name, kept in kept_objects(cycle).items():
        found, where = bound(cycle, kept, described), f"custom_objects.objects.{name}"
        for said in found.wrong:
            yield f"{where}.{said}"
        for index, pair in enumerate(kept.fields):
            if pair.enabled and pair.pair in found.aside:
                yield f"{where}.fields[{index}]: {found.aside[pair.pair]}"
        command = f"`leadbridge cycle provision {cycle.marketo} {cycle.salesforce}"
        if kept.salesforce not in described.salesforce and kept.marketo in described.marketo:
            own = [*dict.fromkeys([*(each.salesforce for each in kept.pairs), *([kept.key] if kept.key else [])])]
            yield (
                f"{where}.salesforce: an administrator has to make {kept.salesforce} with {', '.join(own)}, and a "
                f"lookup for each link; {command} --from-marketo {kept.marketo}` writes what can be deployed"
            )
        if kept.marketo not in described.marketo and kept.salesforce in described.salesforce:
            yield (
                f"{where}.marketo: {kept.marketo} has to be made; {command} --from-salesforce {kept.salesforce}` "
                "does so, after a look at what it would make"
            )


# the Sync


def completed(cycle: CrmCycle, queue: str, plain: Sync, described: Described) -> Sync:
    """The Sync of a queue with its key, links and pairs.

    Raises:
        ValueError: The systems lack something that it cannot do without.
    """
    of = object_of(cycle, queue)
    if of is None:
        raise ValueError(f"{queue} is of no object")
    kept = of[1]
    found = bound(cycle, kept, described)
    if found.wrong:
        raise ValueError("; ".join(found.wrong))
    if queue.endswith(_RELINKED):
        return _relinking(plain, found)
    if kept.direction is Direction.TO_MARKETO:
        return _to_marketo(cycle, kept, plain, found, described)
    way = "rest" if tells_new_ones(queue) or not found.extracted else "bulk"
    made = _to_salesforce(cycle, kept, plain, found, described)
    return made.model_copy(update={"source": found.source, "by": Ways(extract=way)})


def _relinking(plain: Sync, found: Bound) -> Sync:
    """Writes the lookups to people alone, of records that are known by their ids."""
    fields = [name for link in found.links if link.to.casefold() == _OF_PERSON for name in link.fields]
    mappings = [FieldMapping(to=name, column=name) for name in fields]
    return plain.model_copy(update={"match": [UniqueIdentifier(column=_OWN_ID, field=_OWN_ID)], "mappings": mappings})


def _to_marketo(cycle: CrmCycle, kept: CustomObject, plain: Sync, found: Bound, described: Described) -> Sync:
    mappings = [_mapping(each, each.marketo, each.salesforce) for each in found.pairs]
    columns = {each.field: _given(cycle, each, described) for each in found.links}
    mappings += [FieldMapping(to=name, column=column) for name, column in columns.items()]
    known = {each.to: each.column for each in mappings}
    mappings += [FieldMapping(to=name, column=column) for name, column in found.keys.items() if name not in known]
    known = {each.to: each.column for each in mappings}
    ours = described.marketo[kept.marketo]
    match = [UniqueIdentifier(column=known[name] or _OWN_ID, field=name) for name in ours.key_fields]
    return _whole(plain, match, mappings, list(columns.values()))


def _to_salesforce(cycle: CrmCycle, kept: CustomObject, plain: Sync, found: Bound, described: Described) -> Sync:
    mappings = [_mapping(each, each.salesforce, each.marketo) for each in found.pairs]
    columns = {each.field: _taken(cycle, each, described) for each in found.links}
    for each in found.links:
        for name in each.fields:
            prefix = PREFIXES.get(_only(described.salesforce[kept.salesforce], name))
            others = [PatternReplace(type="pattern_replace", pattern=not_beginning(prefix))] if prefix else None
            mappings.append(FieldMapping(to=name, column=columns[each.field], transforms=others, blank="clear"))
    if kept.key is not None:
        mappings.append(FieldMapping(to=kept.key, column=GUID))
        match = [UniqueIdentifier(column=GUID, field=kept.key)]
    else:
        by_link = {each.field: each.fields[0] for each in found.links}
        ours = described.marketo[kept.marketo]
        match = [
            UniqueIdentifier(column=columns.get(name, name), field=found.keys.get(name) or by_link[name])
            for name in ours.key_fields
        ]
    return _whole(plain, match, mappings, list(columns.values()))


def _whole(plain: Sync, match: list[UniqueIdentifier], mappings: list[FieldMapping], linked: Sequence[str]) -> Sync:
    """A row that is linked to nobody whom the cycle knows is left out."""
    clauses = [Clause(column=column, operator="is_not_empty") for column in linked]
    return plain.model_copy(
        update={
            "match": match,
            "import_rule": ImportRule.CREATE_AND_UPDATE,
            "dedupe": DedupeRule.YOUNGEST,
            "mappings": mappings,
            "conditions": Group(match="all", clauses=clauses) if clauses else None,
        }
    )


def _given(cycle: CrmCycle, link: Link, described: Described) -> str:
    """The column of a row of Salesforce that holds what a link of Marketo's does."""
    if link.to.casefold() == _OF_PERSON:
        own = cycle.persons.id_field if cycle.persons else _OWN_ID
        found = LookedUpColumn(side=Side.MARKETO, object=PERSON, by=own, gives=link.by, of=link.fields)
        return found.name
    other = _kept_as(cycle, link.to)
    held = _salesforce_field(other, described.marketo.get(other.marketo), link.by) if other else None
    if other is None or held is None or held == _OWN_ID:
        return link.fields[0]
    found = LookedUpColumn(side=Side.SALESFORCE, object=other.salesforce, by=_OWN_ID, gives=held, of=link.fields)
    return found.name


def _taken(cycle: CrmCycle, link: Link, described: Described) -> str:
    """The column of a row of Marketo that holds what Salesforce's lookup does."""
    if link.to.casefold() == _OF_PERSON:
        own = cycle.persons.id_field if cycle.persons else _OWN_ID
        return LookedUpColumn(side=Side.MARKETO, object=PERSON, by=link.by, gives=own, of=(link.field,)).name
    other = _kept_as(cycle, link.to)
    held = _salesforce_field(other, described.marketo.get(other.marketo), link.by) if other else None
    if other is None or held is None or held == _OWN_ID:
        return link.field
    found = LookedUpColumn(side=Side.SALESFORCE, object=other.salesforce, by=held, gives=_OWN_ID, of=(link.field,))
    return found.name


def _mapping(pair: CycleField, to: str, column: str) -> FieldMapping:
    blank = {"keep": "skip", "clear": "clear", "default": "default"}[pair.blank]
    rules = pair.to_marketo if to == pair.marketo else pair.to_salesforce
    return FieldMapping.model_validate(
        {"to": to, "column": column, "transforms": rules, "blank": blank, "default": pair.default}
    )


def _only(theirs: ObjectDescription, name: str) -> str:
    """The one kind of persons that a field holds; empty if it holds both, or others."""
    kinds = [each for each in theirs.fields[name].reference_to if each in PREFIXES]
    return kinds[0] if len(kinds) == 1 else ""
