"""What each system is to write of people that changed: three-way merges, new records, and the link between the two."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leadbridge.cycle_ports import Link
from leadbridge.domain.condition_values import UnreadableError, moment
from leadbridge.domain.conditions import Conditions
from leadbridge.domain.ids import canonical
from leadbridge.domain.linked import Digest, Found, LinkedField, Pair, merge_pair
from leadbridge.domain.three_way import Merged, Side
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
#: kind of Salesforce record in which Marketo's people are made
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
    #: Marketo's fields that hold the Salesforce id, and the object's name; the latter may be missing
    id_field: str
    type_field: str | None = None
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
            if self._people.make_leads(row, now):
                found.append(self._new_lead(row, now))
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
        merged = merge_pair(self._people.fields[pair.object], found, memory, now, self._digest)
        link = self._link_of(pair.object, pair.salesforce_id)
        if pair.link and pair.link.parted:
            link |= self._people.revived
        held = pair.marketo or link
        unlinked = {name: value for name, value in link.items() if held.get(name) != value}
        return self._write(pair.object, pair.salesforce_id, pair.marketo_id, merged, unlinked)

    def _found(self, side: Side, row: Row) -> Found:
        return Found(values=row, edited_at=_edited_at(row.get(self._people.stamps[side])))

    def _new_person(self, object_name: str, record_id: str, row: Row, now: datetime) -> PersonWrite:
        merged = self._first(object_name, {Side.SALESFORCE: self._found(Side.SALESFORCE, row)}, now)
        return self._write(object_name, record_id, "", merged, self._link_of(object_name, record_id))

    def _new_lead(self, row: Row, now: datetime) -> PersonWrite:
        merged = self._first(_NEW, {Side.MARKETO: self._found(Side.MARKETO, row)}, now)
        # the link is written once the id is there
        return self._write(_NEW, "", str(row["id"]), merged, {})

    def _first(self, object_name: str, found: Mapping[Side, Found], now: datetime) -> Pair:
        both = dict.fromkeys(Side, _NOTHING) | dict(found)
        return merge_pair(self._people.fields[object_name], both, {}, now, self._digest)

    def _link_of(self, object_name: str, record_id: str) -> dict[str, Any]:
        """What Marketo's own fields say of the person's record."""
        kept: dict[str, Any] = {self._people.id_field: record_id}
        return kept | ({self._people.type_field: object_name} if self._people.type_field else {})

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


def _edited_at(value: Any) -> datetime | None:
    try:
        found = moment(value)
    except UnreadableError:
        return None
    return found if isinstance(found, datetime) else None
