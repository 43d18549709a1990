"""What became of linked people: merged, converted or deleted in one system, and what that means in the other one.

Whatever order the news arrive in, they are put together first: a record that was merged, or a Lead that was converted,
lives on in another one, which may have moved on itself. So a link ends at two records. If both are there, and are each
other's only ones, the link goes over to them; if one of them is another's already, two became one in one system, and
the policy of merges says what becomes of them in the other. Only who has no successor is deleted.

A deletion that answers ours finds no link any more, and so means nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from leadbridge.domain.crm_cycle import Flag, Gone, Merges, Persons
from leadbridge.domain.cycle_link import Link
from leadbridge.domain.opt_outs import consents
from leadbridge.domain.three_way import Side


class Parted(StrEnum):
    """Why of two linked records one stays by itself."""

    PERSON_DELETED = "person_deleted"  # in Marketo; its record in Salesforce stays
    PERSON_MERGED = "person_merged"  # in Marketo, into a person who has a record already
    RECORD_DELETED = "record_deleted"  # in Salesforce; its person in Marketo stays
    RECORD_MERGED = "record_merged"  # in Salesforce, into a record that has a person already
    REFUSED = "refused"  # what was to be done about it was refused, and is tried again


#: why a link goes over to the Contact of a Lead
CONVERTED = "converted"
#: why somebody stays after all who was to be flagged or deleted
LINKED_ANEW, RECORD_BACK, MERGED_SINCE = "linked_anew", "record_back", "person_merged_since"
NAMED_AGAIN, RECORD_MERGED, RECORD_CONVERTED = "record_named_again", "record_merged_since", "record_converted_since"
#: whose record is gone; the others are links of records that are there
PERSON_GONE = frozenset({Parted.PERSON_DELETED, Parted.PERSON_MERGED})


#: why somebody in Marketo vanishes, or is flagged, for the sake of a record that was deleted
_OF_DELETED = frozenset({"record_deleted_deleted", "record_deleted_flagged"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What a Lead became."""

    contact: str
    account: str = ""
    opportunity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What both systems tell of people who are no longer what they were."""

    #: by system: the loser of a merge and the winner
    merged: Mapping[Side, Mapping[str, str]] = field(default_factory=dict)
    deleted: Mapping[Side, Collection[str]] = field(default_factory=dict)
    #: Leads by their id
    converted: Mapping[str, Conversion] = field(default_factory=dict)

    @property
    def ids(self) -> Mapping[Side, frozenset[str]]:
        """Everybody whom the news are about, successors as well."""
        found = {side: {*self.deleted.get(side, ())} for side in Side}
        for side in Side:
            for loser, winner in self.merged.get(side, {}).items():
                found[side] |= {loser, winner}
        for lead, conversion in self.converted.items():
            found[Side.SALESFORCE] |= {lead, conversion.contact}
        return {side: frozenset(ids) for side, ids in found.items()}

    def end(self, side: Side, record: str) -> "End":
        """Where a record lives on."""
        trail = [record]
        by_merge = False
        while True:
            conversion = self.converted.get(trail[-1]) if side is Side.SALESFORCE else None
            following = conversion.contact if conversion else self.merged.get(side, {}).get(trail[-1])
            if following is None or following in trail:
                return End(trail[-1], trail[-1] in self.deleted.get(side, ()), by_merge)
            by_merge = by_merge or conversion is None
            trail.append(following)

    def __or__(self, other: "News") -> "News":
        """Both together."""
        return News(
            merged={side: {**self.merged.get(side, {}), **other.merged.get(side, {})} for side in Side},
            deleted={side: {*self.deleted.get(side, ()), *other.deleted.get(side, ())} for side in Side},
            converted={**self.converted, **other.converted},
        )


@dataclass(frozen=True, slots=True)
class End:
    """The last successor of a record, whether that was deleted, and whether one became of two on the way."""

    id: str
    gone: bool
    merged: bool


class Does(StrEnum):
    """What is done to a record."""

    LINK = "link"  # Marketo's person takes the id of the record that it has now
    MERGE = "merge"
    OPT_OUT = "opt_out"  # whoever lives on takes what another one has said
    FLAG = "flag"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something to be done that is not a copy."""

    does: Does
    side: Side
    id: str
    #: of a merge: the winner; of a link: the record
    into: str = ""
    #: of a flag or an opt-out: the field that becomes true
    flag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What follows for one pair of linked records; `why` is a code of `domain.fate_words`.

    `before` is remembered at once, `after` and what is to be forgotten as soon as the step has succeeded, or at once
    where there is none, and `refused` if the step was refused.
    """

    why: str
    record: str
    person: str
    before: tuple[Link, ...] = ()
    step: Step | None = None
    after: tuple[Link, ...] = ()
    forget: tuple[Link, ...] = ()
    refused: tuple[Link, ...] = ()
    #: whether the person and the record are looked at again as a whole, once all is done
    again: bool = False


def destroyed(consequences: Iterable[Consequence]) -> int:
    """How many records vanish: deleted ones, and the losers of merges."""
    return sum(each.step is not None and each.step.does in {Does.MERGE, Does.DELETE} for each in consequences)


def moved(plan: Iterable[Consequence]) -> Mapping[str, str]:
    """The records that live on in others, by their ids."""
    links = (link for each in plan for link in (*each.before, *each.after))
    return {link.salesforce_id: link.moved_to for link in links if link.moved_to}


def spared(each: Consequence, named: str, news: News) -> str:
    """Why a person is neither flagged nor deleted after all, as a code of `domain.fate_words`; empty: for no reason.

    Hours may have gone by since that was decided. `named` is the record that the person names by now, `news` are what
    both systems tell since of the person and the record.
    """
    if each.person in news.merged.get(Side.MARKETO, {}).values():
        return MERGED_SINCE
    own = {each.record, *(link.salesforce_id for link in (*each.before, *each.refused))}
    if named and named not in own:
        return LINKED_ANEW
    gone = {*news.deleted.get(Side.SALESFORCE, ()), *news.merged.get(Side.SALESFORCE, ()), *news.converted}
    return RECORD_BACK if each.why in _OF_DELETED and each.record not in gone else ""


def record_spared(record: str, named: Collection[str], news: News) -> str:
    """The same of a record in Salesforce. `named` are the records that people of Marketo name by now."""
    if record in named:
        return NAMED_AGAIN
    if record in news.merged.get(Side.SALESFORCE, {}).values():
        return RECORD_MERGED
    return RECORD_CONVERTED if record in news.converted else ""


def touched(plan: Iterable[Consequence]) -> frozenset[str]:
    """Whom we change at once: people who take another record's id, winners of merges, and who is opted out."""
    steps = [each.step for each in plan if each.step is not None]
    linked = (step.id for step in steps if step.does in {Does.LINK, Does.OPT_OUT})
    return frozenset([*linked, *(step.into for step in steps if step.does is Does.MERGE)])


def consequences(
    news: News,
    links: Iterable[Link],
    named: Mapping[str, str],
    persons: Persons,
    opted_out: Mapping[str, Collection[str]] | None = None,
) -> tuple[Consequence, ...]:
    """What follows from news.

    `links` are those of everybody whom the news are about, and those of the records and people that these are linked
    to. `named` says which Salesforce record a person of Marketo names now, as far as that was read. `opted_out` are
    Marketo's fields by which linked ones have said no, by the Salesforce record of the link.
    """
    return tuple(_Town(news, links, named, persons, opted_out or {}).all())


@dataclass(slots=True)
class _Pair:
    """A link and its two ends."""

    link: Link
    record: End
    person: End

    @property
    def moved(self) -> bool:
        return (self.record.id, self.person.id) != (self.link.salesforce_id, self.link.marketo_id)


class _Town:
    """All links that are touched, at once."""

    def __init__(
        self,
        news: News,
        links: Iterable[Link],
        named: Mapping[str, str],
        persons: Persons,
        opted_out: Mapping[str, Collection[str]],
    ) -> None:
        self._named = named
        self._persons = persons
        self._opted_out = opted_out
        self._opting_out: set[Step] = set()
        self._parted: list[_Pair] = []
        pairs: list[_Pair] = []
        for link in sorted({link.salesforce_id: link for link in links}.values(), key=lambda each: each.salesforce_id):
            record, person = news.end(Side.SALESFORCE, link.salesforce_id), news.end(Side.MARKETO, link.marketo_id)
            if link.moved_to:
                continue
            whole = link.parted in {"", Parted.REFUSED}
            (pairs if whole else self._parted).append(_Pair(link, record, person))
        self._pairs = [pair for pair in pairs if not (pair.record.gone or pair.person.gone)]
        self._halves = [pair for pair in pairs if pair.record.gone or pair.person.gone]

    def all(self) -> Iterator[Consequence]:
        yield from self._of_parted()
        yield from self._people_of_several_records()
        yield from self._records_of_several_people()
        yield from self._gone_over()
        for pair in self._halves:
            yield from self._half(pair)

    def _of_parted(self) -> Iterator[Consequence]:
        """A pair that was parted is over when the other one is gone as well, or became one that has a counterpart."""
        for pair in self._parted:
            stayed = pair.record if pair.link.parted in PERSON_GONE else pair.person
            if stayed.gone:
                yield self._told("both_gone", pair, forget=(pair.link,))
            elif stayed.id in {pair.link.salesforce_id, pair.link.marketo_id}:
                continue
            elif stayed is pair.person or any(other.record.id == stayed.id for other in self._pairs):
                yield self._told("lives_on", pair, forget=(pair.link,))
            else:
                yield self._told(
                    "stays_parted", pair, before=self._parting(pair, replace(pair.link, salesforce_id=stayed.id))
                )

    def _people_of_several_records(self) -> Iterator[Consequence]:
        """Marketo made one person of several that have a record each."""
        by_person: dict[str, list[_Pair]] = {}
        for pair in self._pairs:
            by_person.setdefault(pair.person.id, []).append(pair)
        for person, pairs in by_person.items():
            records = {pair.record.id for pair in pairs}
            if len(records) < 2:
                continue
            own = [pair.record.id for pair in pairs if pair.link.marketo_id == person]
            named = self._named.get(person, "")
            stays = named if named in records else min(own or records)
            for pair in pairs:
                if pair.record.id != stays:
                    self._pairs.remove(pair)
                    yield self._second_record(pair)
                    if pair.link.marketo_id != person:
                        yield from self._says_no(pair, stays, person)

    def _second_record(self, pair: _Pair) -> Consequence:
        if pair.link.marketo_id == pair.person.id:
            # nobody merged this one: the person was linked to another record by hand
            return self._told(LINKED_ANEW, pair, forget=(pair.link,))
        if any(other.record.id == pair.record.id for other in self._pairs):
            # Salesforce merged it with somebody else's
            return self._told("lives_on", pair, forget=(pair.link,))
        parted = replace(pair.link, salesforce_id=pair.record.id, parted=Parted.PERSON_MERGED)
        return self._by_policy("person_merged", pair, self._persons.merges, Side.SALESFORCE, pair.record.id, parted)

    def _records_of_several_people(self) -> Iterator[Consequence]:
        """Salesforce made one record of several that have a person each, by a merge or a conversion."""
        by_record: dict[str, list[_Pair]] = {}
        for pair in self._pairs:
            by_record.setdefault(pair.record.id, []).append(pair)
        for record, pairs in by_record.items():
            people = {pair.person.id for pair in pairs}
            if len(people) < 2:
                continue
            own = [pair.person.id for pair in pairs if pair.link.salesforce_id == record]
            naming = [person for person in people if self._named.get(person) == record]
            stays = min(own or naming or people, key=age)
            for pair in pairs:
                if pair.person.id != stays:
                    self._pairs.remove(pair)
                    yield self._second_person(pair, stays)
                    yield from self._says_no(pair, record, stays)

    def _second_person(self, pair: _Pair, stays: str) -> Consequence:
        policy: Merges = self._persons.merged_in_salesforce if pair.record.merged else "honour"
        parted = replace(pair.link, marketo_id=pair.person.id, parted=Parted.RECORD_MERGED)
        if policy != "honour":
            return self._by_policy("record_merged", pair, policy, Side.MARKETO, pair.person.id, parted)
        return self._told(
            "merged_like_records" if pair.record.merged else "converted_into_contact",
            pair,
            step=Step(does=Does.MERGE, side=Side.MARKETO, id=pair.person.id, into=stays),
            after=(replace(pair.link, moved_to=pair.record.id, parted=""),),
            refused=(replace(parted, parted=Parted.REFUSED),),
            again=True,
        )

    def _says_no(self, pair: _Pair, record: str, person: str) -> Iterator[Consequence]:
        """What a pair had said no to is so for whom it became one with, in both systems."""
        # of what was refused before it was told before
        said = () if pair.link.parted else self._opted_out.get(pair.link.salesforce_id, ())
        steps = [Step(does=Does.OPT_OUT, side=Side.MARKETO, id=person, flag=name) for name in sorted(said)]
        steps += [
            Step(does=Does.OPT_OUT, side=Side.SALESFORCE, id=record, flag=each.salesforce)
            for each in consents(self._persons, record)
            if each.marketo in said
        ]
        for step in steps:
            if step not in self._opting_out:
                self._opting_out.add(step)
                why = "person_opted_out" if step.side is Side.MARKETO else "record_opted_out"
                yield Consequence(why=why, record=record, person=person, step=step, again=True)

    @staticmethod
    def _left(pair: _Pair) -> bool:
        return pair.record.id != pair.link.salesforce_id

    def _gone_over(self) -> Iterator[Consequence]:
        """Links whose ends are each other's only ones."""
        kept = {pair.record.id for pair in self._pairs if not pair.moved}
        # what is remembered of the record itself goes before what is remembered of its predecessors
        for pair in sorted(self._pairs, key=self._left):
            if not pair.moved:
                continue
            record, person = pair.record.id, pair.person.id
            merged = pair.record.merged or pair.person.merged
            if merged:
                yield from self._says_no(pair, record, person)
            trace = (replace(pair.link, moved_to=record, parted=""),) if self._left(pair) else ()
            # a Contact meets what its Lead's person has said: that a new one says nothing takes no opt-out back
            forgets = () if merged else [each.pair for each in consents(self._persons, pair.link.salesforce_id)]
            memory = {name: each for name, each in pair.link.memory.items() if name not in forgets}
            new = replace(pair.link, salesforce_id=record, marketo_id=person, memory=memory, parted="")
            why = "merged_over" if pair.record.merged or not self._left(pair) else CONVERTED
            if record in kept:
                # the two belonged to each other before
                yield self._told(why, pair, before=trace)
                continue
            kept.add(record)
            step = Step(does=Does.LINK, side=Side.MARKETO, id=person, into=record) if self._left(pair) else None
            yield self._told(why, pair, before=(*trace, new), step=step, again=True)

    def _half(self, pair: _Pair) -> Iterator[Consequence]:
        """One of the two is gone."""
        link, record, person = pair.link, pair.record, pair.person
        if record.gone and person.gone:
            yield self._told("both_gone", pair, forget=(link,))
        elif record.gone:
            if other := next((each for each in self._pairs if each.person.id == person.id), None):
                yield self._told("lives_on", pair, forget=(link,))
                if person.merged:
                    yield from self._says_no(pair, other.record.id, person.id)
                return
            # one who was another person before is not taken away with somebody else's record
            policy = "ignore" if person.merged else self._persons.deleted_in_salesforce
            parted = replace(link, marketo_id=person.id, parted=Parted.RECORD_DELETED)
            yield self._by_policy("record_deleted", pair, policy, Side.MARKETO, person.id, parted)
        else:
            if other := next((each for each in self._pairs if each.record.id == record.id), None):
                yield self._told("lives_on", pair, forget=(link,))
                yield from self._says_no(pair, record.id, other.person.id)
                return
            policy = "ignore" if record.merged else self._persons.deleted_in_marketo
            parted = replace(link, salesforce_id=record.id, parted=Parted.PERSON_DELETED)
            yield self._by_policy("person_deleted", pair, policy, Side.SALESFORCE, record.id, parted)

    def _by_policy(  # noqa: PLR0917  # what a policy says, about whom
        self, why: str, pair: _Pair, policy: Gone | Merges, side: Side, stays: str, parted: Link
    ) -> Consequence:
        """Whoever stays is left alone, flagged or deleted; until then, and ever after, it is nobody else's."""
        before = self._parting(pair, parted)
        refused = (replace(parted, parted=Parted.REFUSED),)
        if policy in {"honour", "delete"}:
            step = Step(does=Does.DELETE, side=side, id=stays)
            return self._told(f"{why}_deleted", pair, before=before, step=step, forget=(parted,), refused=refused)
        if isinstance(policy, Flag):
            step = Step(does=Does.FLAG, side=side, id=stays, flag=policy.flag)
            return self._told(f"{why}_flagged", pair, before=before, step=step, refused=refused)
        return self._told(f"{why}_ignored", pair, before=before)

    @staticmethod
    def _parting(pair: _Pair, parted: Link) -> tuple[Link, ...]:
        """What is remembered of two that are parted; a record that became another one leads to that."""
        left = parted.salesforce_id != pair.link.salesforce_id
        return (*((replace(pair.link, moved_to=parted.salesforce_id, parted=""),) if left else ()), parted)

    @staticmethod
    def _told(
        why: str,
        pair: _Pair,
        *,
        before: tuple[Link, ...] = (),
        step: Step | None = None,
        after: tuple[Link, ...] = (),
        forget: tuple[Link, ...] = (),
        refused: tuple[Link, ...] = (),
        again: bool = False,
    ) -> Consequence:
        return Consequence(
            why=why,
            record=pair.record.id,
            person=pair.person.id,
            before=before,
            step=step,
            after=after,
            forget=forget,
            refused=refused,
            again=again,
        )


def age(person: str) -> tuple[int, str]:
    """Marketo counts its people up, so the lower number came first."""
    return (int(person), "") if person.isdecimal() else (0, person)
