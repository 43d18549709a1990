"""What each system is to write of people that changed: three-way merges, new records, and the link between the two."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from leadbridge.cycle_ports import Link
from leadbridge.domain.belonging import fields_of, is_linked
from leadbridge.domain.condition_values import UnreadableError, moment
from leadbridge.domain.conditions import Conditions
from leadbridge.domain.crm_cycle import COMPANY_LINK
from leadbridge.domain.ids import canonical
from leadbridge.domain.linked import Digest, Found, LinkedField, Pair, merge_pair
from leadbridge.domain.person_types import RECORD_TYPE, PersonTypes
from leadbridge.domain.three_way import Memory, Merged, Side
from leadbridge.domain.values import text
from leadbridge.usecases.pair_people import LeftAside, Paired, PersonPair, Row

#: whether a row, at the begin of a cycle, is one that is wanted
type Chosen = Callable[[Row, datetime], bool]


def everybody(_row: Row, _now: datetime) -> bool:
    """All rows are wanted."""
    return True


def nobody(_row: Row, _now: datetime) -> bool:
    """No row is wanted."""
    return False


def those(conditions: Conditions) -> Chosen:
    """The rows that conditions let through."""
    return lambda row, now: conditions.decide(row, now).failing is None


#: a new person or record: there is no counterpart that could hold anything
_NOTHING = Found(values={})
#: what is remembered of a field that is the company's: nothing that a person could hold
_DEFERRED = Memory("", "")
#: kind of Salesforce record in which Marketo's people are made whose own field does not say another
_NEW = "Lead"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonWrite:
    """What is to be written of one person, and remembered once it is. A record without id is to be made."""

    object: str
    salesforce_id: str
    marketo_id: str
    to_salesforce: Mapping[str, Any]
    to_marketo: Mapping[str, Any]
    memory: Link
    told: Mapping[str, Merged] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """How people are kept in step, ready to run."""

    #: by object the pairs of fields
    fields: Mapping[str, Sequence[LinkedField]]
    #: by object the names of pairs that are aside for now, of which nothing is forgotten
    aside: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: Marketo's fields that hold the Salesforce id, and the object's name; the latter may be missing
    id_field: str
    type_field: str | None = None
    #: reads what people say of which kind their records are
    types: PersonTypes = field(default_factory=PersonTypes)
    #: Marketo's fields that are the company's of whoever is in one
    of_companies: frozenset[str] = frozenset()
    #: what Marketo's person takes whose deleted record is back
    revived: Mapping[str, Any] = field(default_factory=dict)
    #: which records of the one side are made on the other
    make_people: Chosen = everybody
    make_leads: Chosen = nobody
    #: the columns that tell when a record was changed
    stamps: Mapping[Side, str] = field(
        default_factory=lambda: {Side.MARKETO: "updatedAt", Side.SALESFORCE: "SystemModstamp"}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What becomes of a batch of changed people: each is written, in step already, or left aside with the reason."""

    writes: Sequence[PersonWrite]
    in_step: Sequence[PersonWrite]
    aside: Sequence[LeftAside]


class MergePeople:
    """Decides about paired people; asks nobody anything."""

    def __init__(self, people: People, digest: Digest) -> None:
        """`digest` is keyed, so that what is remembered cannot be read."""
        self._people = people
        self._digest = digest

    def __call__(self, paired: Paired, now: datetime) -> Decisions:
        """Decide. `now` is the begin of the cycle, by which conditions on days go."""
        aside = list(paired.aside)
        found = [self._pair(pair, now) for pair in paired.pairs]
        for object_name, row in paired.salesforce_only:
            record_id = canonical(row["Id"])
            if self._people.make_people(row, now):
                found.append(self._new_person(object_name, record_id, row, now))
            else:
                aside.append(LeftAside(id=record_id, reason="not_made_in_marketo"))
        for row in paired.marketo_only:
            if self._kind(row) in self._people.fields and self._people.make_leads(row, now):
                found.append(self._new_record(row, now))
            else:
                aside.append(LeftAside(id=str(row["id"]), reason="not_made_in_salesforce"))
        writes = [each for each in found if each.to_marketo or each.to_salesforce or not each.salesforce_id]
        in_step = [each for each in found if not (each.to_marketo or each.to_salesforce) and each.salesforce_id]
        return Decisions(writes=writes, in_step=in_step, aside=aside)

    def _pair(self, pair: PersonPair, now: datetime) -> PersonWrite:
        found: dict[Side, Found] = {}
        for side, row in ((Side.MARKETO, pair.marketo), (Side.SALESFORCE, pair.salesforce)):
            if row is not None:
                found[side] = self._found(side, row)
        memory = pair.link.memory if pair.link else {}
        every, linked = self._people.fields[pair.object], self._linked(pair)
        fields = fields_of(every, self._people.of_companies, linked=linked)
        merged = merge_pair(fields, found, memory, now, self._digest)
        merged = self._with_company(merged, pair.marketo, memory, [each for each in every if each not in fields])
        merged = merged.keeping(memory, self._people.aside.get(pair.object, ()))
        link = self._link_of(pair.object, pair.salesforce_id, pair.marketo or {})
        if pair.link and pair.link.parted:
            link |= self._people.revived
        held = pair.marketo or link
        unlinked = {name: value for name, value in link.items() if held.get(name) != value}
        return self._write(pair.object, pair.salesforce_id, pair.marketo_id, merged, unlinked)

    def _linked(self, pair: PersonPair) -> bool:
        """Whether a person is in a company, as the rows say or as it is remembered."""
        told = is_linked(pair.marketo, pair.salesforce)
        if told is None:
            known = pair.link.memory.get(COMPANY_LINK) if pair.link else None
            return known is not None and known.marketo != self._digest("")
        return told

    def _with_company(
        self, merged: Pair, marketo: Row | None, memory: Mapping[str, Memory], deferred: Collection[LinkedField]
    ) -> Pair:
        """A merge that also remembers in which company the person is, and that fields of companies were seen to."""
        if not self._people.of_companies:
            return merged
        kept = {each.name: memory.get(each.name, _DEFERRED) for each in deferred}
        comes_into = merged.writes[Side.MARKETO].get(COMPANY_LINK)
        if marketo is not None or comes_into:
            company = self._digest(text(comes_into or (marketo or {}).get(COMPANY_LINK) or "").strip())
            kept[COMPANY_LINK] = Memory(company, company)
        elif COMPANY_LINK in memory:
            kept[COMPANY_LINK] = memory[COMPANY_LINK]
        return replace(merged, memory={**merged.memory, **kept})

    def _found(self, side: Side, row: Row) -> Found:
        return Found(values=row, edited_at=edited_at(row.get(self._people.stamps[side])))

    def _new_person(self, object_name: str, record_id: str, row: Row, now: datetime) -> PersonWrite:
        both = {Side.MARKETO: _NOTHING, Side.SALESFORCE: self._found(Side.SALESFORCE, row)}
        every = self._people.fields[object_name]
        fields = fields_of(every, self._people.of_companies, linked=bool(is_linked(None, row)))
        merged = merge_pair(fields, both, {}, now, self._digest, made_of=Side.SALESFORCE)
        merged = self._with_company(merged, {}, {}, [each for each in every if each not in fields])
        return self._write(object_name, record_id, "", merged, self._link_of(object_name, record_id, {}))

    def _kind(self, row: Row) -> str:
        """The kind of record that is made of a person."""
        wanted = self._people.types.of(row).object
        return wanted if wanted in self._people.fields else _NEW

    def _new_record(self, row: Row, now: datetime) -> PersonWrite:
        kind = self._kind(row)
        # a new Lead takes fields of companies, too: it has no Account that could hold them
        both = {Side.MARKETO: self._found(Side.MARKETO, row), Side.SALESFORCE: _NOTHING}
        merged = merge_pair(self._people.fields[kind], both, {}, now, self._digest, made_of=Side.MARKETO)
        merged = self._with_company(merged, row, {}, ())
        record_type = self._people.types.of(row).record_type
        if record_type and self._people.types.of(row).object == kind:
            write = {RECORD_TYPE: record_type, **merged.writes[Side.SALESFORCE]}
            merged = replace(merged, writes={**merged.writes, Side.SALESFORCE: write})
        # the link is written once the id is there
        return self._write(kind, "", str(row["id"]), merged, {})

    def _link_of(self, object_name: str, record_id: str, person: Row) -> dict[str, Any]:
        """What Marketo's own fields say of the person's record; one who names a type of it keeps that."""
        kept: dict[str, Any] = {self._people.id_field: record_id}
        typed = self._people.types.of(person)
        if not self._people.type_field or (typed.record_type and typed.object == object_name):
            return kept
        return kept | {self._people.type_field: object_name}

    @staticmethod
    def _write(
        object_name: str, salesforce_id: str, marketo_id: str, merged: Pair, links: Mapping[str, Any]
    ) -> PersonWrite:
        return PersonWrite(
            object=object_name,
            salesforce_id=salesforce_id,
            marketo_id=marketo_id,
            to_salesforce=merged.writes[Side.SALESFORCE],
            to_marketo={**merged.writes[Side.MARKETO], **links},
            memory=Link(salesforce_id=salesforce_id, marketo_id=marketo_id, memory=merged.memory),
            told=merged.told,
            failed=merged.failed,
        )


def edited_at(value: Any) -> datetime | None:
    """When a record was last changed, as its vendor writes it; None if that is no time."""
    try:
        found = moment(value)
    except UnreadableError:
        return None
    return found if isinstance(found, datetime) else None
