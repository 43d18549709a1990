"""Who is who: people that changed in either system, each with the record of the other one that is the same person.

A person is linked by the Salesforce id that Marketo's own field holds. One whom nothing links is looked for by e-mail:
in Salesforce among Contacts before Leads. A record that is linked already is nobody else's. What need not be read is
not: of linked people whose fields are all remembered the changed side is enough.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadbridge.cycle_ports import CycleRecords, Link, Links
from leadbridge.domain.cycle_people import PREFIXES
from leadbridge.domain.fates import PERSON_GONE, Parted
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.person_types import OBJECTS, PersonTypes
from leadbridge.domain.values import EMAIL, normalised, text

type Row = Mapping[str, Any]

#: where a converted Lead says what became of it
_CONVERTED = "ConvertedContactId"
#: so many times a record may have been merged or converted since its person was told
_MOVES = 10
#: why a record waits whose remembered person is not there: of a deletion or merge Marketo may tell late
PERSON_MISSING = "person_gone"
#: who holds Marketo's number: what is made of new people
_NUMBERED = "Lead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What changed: Marketo's people, and Salesforce's records by object; each with all fields of the cycle."""

    marketo: Sequence[Row] = ()
    salesforce: Mapping[str, Sequence[Row]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPair:
    """One person in both systems; a side that was not read has changed nothing since the link remembers it."""

    object: str
    salesforce_id: str
    marketo_id: str
    salesforce: Row | None = None
    marketo: Row | None = None
    link: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAside:
    """A changed record that is paired with nobody, and must not be made on the other side; why, by its reason."""

    id: str
    reason: str
    #: of a Salesforce record that changed, its object
    object: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Every changed record once: with its counterpart, without one, or left aside."""

    pairs: Sequence[PersonPair] = ()
    #: of Marketo, without a Salesforce record
    marketo_only: Sequence[Row] = ()
    #: of Salesforce, by object, without a person in Marketo
    salesforce_only: Sequence[tuple[str, Row]] = ()
    aside: Sequence[LeftAside] = ()


class PairPeople:
    """Pairs what changed, a batch at a time."""

    def __init__(
        self,
        *,
        links: Links,
        records: CycleRecords,
        id_field: str,
        remembered: Mapping[str, Collection[str]],
        prefixes: Mapping[str, str],
        number_field: str | None = None,
        types: PersonTypes | None = None,
        reads_both: bool = False,
        makes: Callable[[Row], bool] = lambda _: True,
    ) -> None:
        """`id_field` is Marketo's field of the Salesforce id, `number_field` that of Leads with Marketo's, if any.

        `types` reads what people say of which kind their records are; `reads_both`: also where one side is enough;
        `makes`: whether a person is made of a Salesforce record that has none;
        `remembered`: by object the pairs of fields that are kept in step; `prefixes`: how ids of its records begin.
        """
        self._links = links
        self._records = records
        self._id_field = id_field
        self._remembered = remembered
        self._objects = {prefix: name for name, prefix in prefixes.items()}
        self._number_field = number_field
        self._types = types or PersonTypes()
        self._reads_both = reads_both
        self._makes = makes

    def __call__(self, changed: Changed) -> Paired:
        """Pair what changed.

        Raises:
            SyncError: A system cannot be asked now.
        """
        batch = self._by_link(changed, frozenset())
        self._pair_by_email(batch)
        return batch.paired()

    def by_link(
        self, changed: Changed, doubtful: Collection[str] = (), waited: Collection[str] = ()
    ) -> tuple[Paired, Changed]:
        """Pair what is linked, and give what is not: that goes by e-mail, among all others of its address.

        `doubtful` are Salesforce records of which both sides are to be read, whatever is remembered of them; `waited`
        those that have waited for Marketo to tell what became of their person.

        Raises:
            SyncError: As above.
        """
        batch = self._by_link(changed, doubtful, waited)
        left: dict[str, list[Row]] = {}
        for record_id, (object_name, row) in batch.salesforce.items():
            if record_id not in batch.taken_records:
                left.setdefault(object_name, []).append(row)
        people = [row for number, row in batch.unnamed.items() if number not in batch.taken_people]
        return batch.paired(), Changed(marketo=people, salesforce=left)

    def by_email(self, changed: Changed) -> Paired:
        """Pair what nothing links.

        Raises:
            SyncError: As above.
        """
        batch = _Batch(changed)
        batch.unnamed = {str(row["id"]): row for row in changed.marketo}
        self._pair_by_email(batch)
        return batch.paired()

    def _by_link(self, changed: Changed, doubtful: Collection[str], waited: Collection[str] = ()) -> "_Batch":
        batch = _Batch(changed, doubtful)
        for row in changed.marketo:
            self._sort_in(batch, row)
        batch.links = dict(self._links.of({*batch.salesforce, *batch.named}))
        self._follow(batch)
        self._read_people(batch)
        self._read_salesforce(batch)
        self._pair_named(batch)
        self._pair_remembered(batch, waited)
        return batch

    def _sort_in(self, batch: "_Batch", row: Row) -> None:
        """Note a person by the record that the person names."""
        named = text(row.get(self._id_field) or "").strip()
        if not named:
            batch.unnamed[str(row["id"])] = row
        elif not is_id(named) or self._object_of(canonical(named)) is None:
            is_record = is_id(named) and canonical(named)[:3] in PREFIXES.values()
            batch.leave(str(row["id"]), "not_kept" if is_record else "link_unusable")
        else:
            batch.named.setdefault(canonical(named), {})[str(row["id"])] = row

    def _follow(self, batch: "_Batch") -> None:
        """People who name a record that lives on in another one are that one's."""
        for record_id in batch.salesforce:
            if record_id in batch.links and batch.links[record_id].moved_to:
                batch.leave(record_id, "converted")
        for _ in range(_MOVES):
            moved = {each: batch.links[each].moved_to for each in batch.named if each in batch.links}
            moved = {each: successor for each, successor in moved.items() if successor}
            for record_id, successor in moved.items():
                # who was read naming the successor already was read later
                batch.named[successor] = batch.named.pop(record_id) | batch.named.get(successor, {})
            if not moved:
                return
            batch.links |= self._links.of({*moved.values()} - batch.links.keys())

    def _successor(self, record_id: str) -> str:
        """The record in which one lives on; itself if it does not."""
        for _ in range(_MOVES):
            link = self._links.of([record_id]).get(record_id)
            if link is None or not link.moved_to:
                break
            record_id = link.moved_to
        return record_id

    def _object_of(self, record_id: str) -> str | None:
        return self._objects.get(record_id[:3])

    def _whole(self, batch: "_Batch", record_id: str) -> bool:
        """Whether all fields of a record are remembered, so that its unchanged side need not be read."""
        link, object_name = batch.links.get(record_id), self._object_of(record_id)
        if self._reads_both or link is None or link.parted or record_id in batch.doubtful:
            return False
        return all(name in link.memory for name in self._remembered.get(object_name or "", ()))

    def _read_people(self, batch: "_Batch") -> None:
        """People of changed Salesforce records that are not known well enough."""
        wanted = [
            record_id
            for record_id in batch.salesforce
            if record_id not in batch.named
            and record_id not in batch.taken_records
            and not self._whole(batch, record_id)
            # where nothing is remembered the address is asked for first
            and (self._reads_both or record_id in batch.doubtful or record_id in batch.links)
        ]
        if wanted:
            for row in self._records.people(self._id_field, wanted):
                self._sort_in(batch, row)

    def _read_salesforce(self, batch: "_Batch") -> None:
        """Salesforce records of changed people, and those that were just found, that are not known well enough."""
        wanted: dict[str, list[str]] = {}
        for record_id in batch.named:
            object_name = self._object_of(record_id)
            if record_id not in batch.salesforce and not self._whole(batch, record_id):
                wanted.setdefault(str(object_name), []).append(record_id)
        for object_name, ids in wanted.items():
            for row in self._records.salesforce(object_name, "Id", ids):
                batch.read[canonical(row["Id"])] = (object_name, row)

    def _pair_named(self, batch: "_Batch") -> None:
        """Pair by the id that Marketo holds."""
        for record_id, people in batch.named.items():
            link, found = batch.links.get(record_id), batch.record(record_id)
            if link and link.marketo_id in people and batch.apart(link):
                for person in people:
                    batch.leave(person, link.parted)
                continue
            if found is None and not self._whole(batch, record_id):
                for person in people:
                    batch.leave(person, "link_lost")
                continue
            # one person is the record's: whom the link remembers, else who came first
            mine = link.marketo_id if link and link.marketo_id in people else min(people, key=_age)
            for person in people:
                if person != mine:
                    batch.leave(person, "linked_twice")
            batch.pair(str(self._object_of(record_id)), record_id, mine, people[mine])

    def _pair_remembered(self, batch: "_Batch", waited: Collection[str]) -> None:
        """Pair by the person that is remembered; one who names nobody by now is given the id back.

        A record whose person is not there waits until Marketo must have told of a deletion or merge: as somebody new it
        would be made anew, and what is to become of it would never be asked.
        """
        doubtful: dict[str, tuple[str, str]] = {}
        for record_id, (object_name, _) in batch.salesforce.items():
            link = batch.links.get(record_id)
            if link is None or record_id in batch.taken_records:
                continue
            if batch.apart(link):
                batch.leave(record_id, link.parted)
            elif self._whole(batch, record_id):
                batch.pair(object_name, record_id, link.marketo_id, None)
            else:
                doubtful[record_id] = (object_name, link.marketo_id)
        wanted = dict.fromkeys(person for _, person in doubtful.values())
        there = {str(row["id"]): row for row in self._records.people("id", list(wanted))} if wanted else {}
        for record_id, (object_name, person) in doubtful.items():
            row = there.get(person)
            if row is None:
                if record_id not in waited:
                    batch.leave(record_id, PERSON_MISSING)
                continue
            named = text(row.get(self._id_field) or "").strip()
            if person in batch.taken_people:
                continue
            # who names another record is that one's, unless that lives on in this one
            if not named or (is_id(named) and self._successor(canonical(named)) == record_id):
                batch.pair(object_name, record_id, str(row["id"]), row)

    def _pair_by_email(self, batch: "_Batch") -> None:
        """Pair whom nothing links; those without a usable address are new."""
        open_records = [
            (object_name, record_id, row)
            for object_name in OBJECTS
            for record_id, (name, row) in sorted(batch.salesforce.items())
            if name == object_name and record_id not in batch.taken_records
        ]
        self._records_by_email(batch, open_records)
        self._people_by_email(batch)

    def _records_by_email(self, batch: "_Batch", open_records: Sequence[tuple[str, str, Row]]) -> None:
        addresses = sorted({_email(row.get("Email")) for _, _, row in open_records} - {""})
        found: dict[str, list[Row]] = {}
        for person in self._records.people("email", addresses) if addresses else ():
            found.setdefault(_email(person.get("email")), []).append(person)
        numbered = self._people_numbered(open_records)
        met = {*found, "", *(_email(row.get("Email")) for *_, row in open_records if self._number(row) in numbered)}
        self._meet_by_name(
            batch,
            [
                each
                for _, each, row in open_records
                if _email(row.get("Email")) in met or row.get(_CONVERTED) or not self._makes(row)
            ],
        )
        open_records = [each for each in open_records if each[1] not in batch.taken_records]
        kinds: dict[str, set[str]] = {}
        for object_name, _, row in open_records:
            kinds.setdefault(_email(row.get("Email")), set()).add(object_name)
        for object_name, record_id, row in open_records:
            if row.get(_CONVERTED):
                batch.leave(record_id, "converted")
                continue
            own = numbered.get(self._number(row))
            others = sorted(found.get(_email(row.get("Email")), []), key=lambda person: _age(str(person["id"])))
            alike = [own, *others] if own else others
            free = [
                person
                for person in alike
                if not text(person.get(self._id_field) or "").strip()
                and str(person["id"]) not in batch.taken_people
                # whoever says to be of another kind is met by that, if it is there as well
                and self._types.of(person).object not in kinds[_email(row.get("Email"))] - {object_name}
            ]
            if free:
                batch.pair(object_name, record_id, str(free[0]["id"]), free[0])
            elif alike:
                batch.leave(record_id, "person_linked_elsewhere")
            else:
                batch.salesforce_only.append((object_name, row))
                batch.taken_records.add(record_id)

    def _meet_by_name(self, batch: "_Batch", met: Sequence[str]) -> None:
        """Pair records with whoever names them, who need not be the person that they have met.

        It is not asked of those of which a person is made, as nobody has their address: Marketo makes none where a
        person names the record, and the next run finds that one.
        """
        if self._reads_both or not met:
            return
        known = self._links.of(met)
        wanted = [record_id for record_id in met if record_id not in known]
        batch.named = {}
        for person in self._records.people(self._id_field, wanted) if wanted else ():
            self._sort_in(batch, person)
        self._pair_named(batch)

    def _people_by_email(self, batch: "_Batch") -> None:
        open_people = {number: row for number, row in batch.unnamed.items() if number not in batch.taken_people}
        addresses = sorted({_email(row.get("email")) for row in open_people.values()} - {""})
        found: dict[str, list[tuple[str, Row]]] = {}
        for object_name in [name for name in OBJECTS if name in self._objects.values()]:
            rows = self._records.salesforce(object_name, "Email", addresses) if addresses else ()
            for row in sorted(rows, key=lambda row: str(row["Id"])):
                if not row.get(_CONVERTED):
                    found.setdefault(_email(row.get("Email")), []).append((object_name, row))
        numbered = self._numbered(open_people)
        every = [row for rows in found.values() for _, row in rows] + list(numbered.values())
        linked = self._links.of({canonical(row["Id"]) for row in every})
        unmet = dict[str, Row]()
        for number, person in sorted(open_people.items(), key=lambda each: _age(each[0])):
            own = [(_NUMBERED, numbered[number])] if number in numbered else []
            kind = self._types.of(person).object
            alike = own + sorted(found.get(_email(person.get("email")), []), key=lambda each: each[0] != kind)
            free = [
                (object_name, row)
                for object_name, row in alike
                if _whose(linked.get(canonical(row["Id"]))) in {"", number}
                and canonical(row["Id"]) not in batch.taken_records
            ]
            if free:
                object_name, row = free[0]
                batch.read.setdefault(canonical(row["Id"]), (object_name, row))
                batch.pair(object_name, canonical(row["Id"]), number, person)
            elif alike:
                batch.leave(number, "record_linked_elsewhere")
            else:
                unmet[number] = person
        self._pair_remembering(batch, unmet)

    def _pair_remembering(self, batch: "_Batch", people: Mapping[str, Row]) -> None:
        """Pair people who name nobody, and whose address nobody has, by the record that is remembered; others are new.

        Somebody emptied the field, or it was never written, and one of the two addresses was changed since.
        """
        links = self._links.of_people(people) if people else {}
        records: dict[str, list[str]] = {}
        for link in links.values():
            object_name = self._object_of(link.salesforce_id)
            if object_name and not link.parted and not link.moved_to:
                records.setdefault(object_name, []).append(link.salesforce_id)
        found = {
            canonical(row["Id"]): (object_name, row)
            for object_name, ids in records.items()
            for row in self._records.salesforce(object_name, "Id", sorted(ids))
            if not row.get(_CONVERTED)
        }
        for number, person in people.items():
            known = links.get(number)
            if known and known.salesforce_id in found and known.salesforce_id not in batch.taken_records:
                batch.links[known.salesforce_id] = known
                batch.read.setdefault(known.salesforce_id, found[known.salesforce_id])
                batch.pair(found[known.salesforce_id][0], known.salesforce_id, number, person)
            else:
                batch.marketo_only.append(person)
                batch.taken_people.add(number)

    def _numbered(self, people: Mapping[str, Row]) -> Mapping[str, Row]:
        """Leads that hold the number of one of these people, by it."""
        field = self._number_field
        if not field or not people:
            return {}
        rows = self._records.salesforce(_NUMBERED, field, sorted(people, key=_age))
        return {self._number(row): row for row in rows if not row.get(_CONVERTED)}

    def _people_numbered(self, open_records: Sequence[tuple[str, str, Row]]) -> Mapping[str, Row]:
        """People whose number one of these Leads holds, by it."""
        numbers = sorted({self._number(row) for name, _, row in open_records if name == _NUMBERED} - {""}, key=_age)
        found = self._records.people("id", numbers) if numbers else ()
        return {str(row["id"]): row for row in found}

    def _number(self, row: Row) -> str:
        """Marketo's number that a Lead holds; empty if there is none. It may be kept with decimals."""
        held = row.get(self._number_field) if self._number_field else None
        return text(held or "").strip().removesuffix(".0")


class _Batch:
    """What is known of a batch while it is paired."""

    def __init__(self, changed: Changed, doubtful: Collection[str] = ()) -> None:
        self.doubtful = doubtful
        self.salesforce = {
            canonical(row["Id"]): (object_name, row) for object_name, rows in changed.salesforce.items() for row in rows
        }
        #: Salesforce records that did not change, but had to be read
        self.read: dict[str, tuple[str, Row]] = {}
        #: people by the Salesforce record that they name
        self.named: dict[str, dict[str, Row]] = {}
        self.unnamed: dict[str, Row] = {}
        self.links: dict[str, Link] = {}
        self.taken_records: set[str] = set()
        self.taken_people: set[str] = set()
        self.pairs: list[PersonPair] = []
        self.marketo_only: list[Row] = []
        self.salesforce_only: list[tuple[str, Row]] = []
        self.aside: list[LeftAside] = []

    def record(self, record_id: str) -> tuple[str, Row] | None:
        """A Salesforce record as it was read."""
        return self.salesforce.get(record_id) or self.read.get(record_id)

    def apart(self, link: Link) -> bool:
        """Whether the two of a link are kept apart; a deleted record that was changed since is back."""
        return bool(link.parted) and not (
            link.parted == Parted.RECORD_DELETED and link.salesforce_id in self.salesforce
        )

    def pair(self, object_name: str, record_id: str, person: str, row: Row | None) -> None:
        """Two records are one person."""
        found, link = self.record(record_id), self.links.get(record_id)
        self.taken_records.add(record_id)
        self.taken_people.add(person)
        self.pairs.append(
            PersonPair(
                object=object_name,
                salesforce_id=record_id,
                marketo_id=person,
                salesforce=found[1] if found else None,
                marketo=row,
                # what is remembered of somebody else tells nothing
                link=link if link and link.marketo_id == person else None,
            )
        )

    def leave(self, record_id: str, reason: str) -> None:
        """A record that is paired with nobody."""
        object_name, _ = self.salesforce.get(record_id, ("", {}))
        self.aside.append(LeftAside(id=record_id, reason=reason, object=object_name))
        (self.taken_records if record_id in self.salesforce else self.taken_people).add(record_id)

    def paired(self) -> Paired:
        """The result."""
        return Paired(
            pairs=self.pairs,
            marketo_only=self.marketo_only,
            salesforce_only=self.salesforce_only,
            aside=self.aside,
        )


def _whose(link: Link | None) -> str:
    """The person of a link; empty if there is none, or no longer."""
    return link.marketo_id if link and link.parted not in PERSON_GONE else ""


def _age(number: str) -> tuple[int, str]:
    """Marketo counts its people up, so the lower number came first."""
    return (int(number), "") if number.isdecimal() else (0, number)


def _email(value: Any) -> str:
    """An address as it is compared; nothing for what is none."""
    found = normalised(value or "")
    return found if EMAIL.fullmatch(found) else ""
