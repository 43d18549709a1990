"""What was decided about people as planned writes of the legs, and for each person what is remembered once they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from leadbridge.cycle_ports import Link
from leadbridge.domain.cycle_latency import edited
from leadbridge.domain.cycle_people import (
    CONTACT,
    CONTACTS_UPDATED,
    CREATED,
    EMAILS,
    IDS,
    LEAD,
    LEADS_CREATED,
    LEADS_UPDATED,
    PEOPLE_CREATED,
    PEOPLE_UPDATED,
)
from leadbridge.domain.cycle_words import worded
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.mass_guard import Tally
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.person_types import RECORD_TYPE
from leadbridge.domain.planned import Planned
from leadbridge.domain.three_way import Merged, Side
from leadbridge.domain.values import EMAIL, normalised, text
from leadbridge.usecases.cycle_guard import Damage
from leadbridge.usecases.merge_people import Decisions, People, PersonWrite
from leadbridge.usecases.pair_people import PERSON_MISSING, Paired
from leadbridge.usecases.people_files import Entry

_UPDATED = {LEAD: LEADS_UPDATED, CONTACT: CONTACTS_UPDATED}
#: what is told of fields, the first that applies
_TOLD = (Merged.CONTESTED, Merged.LEFT, Merged.DECIDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePlan:
    """Writes by leg, and every person once."""

    writes: Mapping[str, Sequence[Planned]]
    entries: Sequence[Entry]
    #: by leg what is done to records that were in step before
    tallies: Mapping[str, Tally]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What was read of a person, by side, and what is remembered."""

    rows: Mapping[Side, Mapping[str, Any]] = field(default_factory=dict)
    link: Link | None = None


class PlanPeople:
    """Makes plans of decisions."""

    def __init__(self, people: People, number_field: str | None, nothing: str) -> None:
        """`number_field` of new Leads takes Marketo's id, by which they are looked for; without it by e-mail.

        `nothing` is the digest of a blank value.
        """
        self._nothing = nothing
        self._people = people
        self._number_field = number_field

    def __call__(self, decisions: Decisions, paired: Paired, first: int) -> PeoplePlan:
        """The plans; positions are counted from `first` on."""
        known = _known(paired)
        writes: dict[str, list[Planned]] = {}
        entries: list[Entry] = []
        damage = Damage(self._nothing)
        for write in (*decisions.writes, *decisions.in_step):
            those = known.get(write.salesforce_id or write.marketo_id, _Known())
            planned = dict(self._planned(write, those, first + len(entries)))
            if not planned and not write.salesforce_id:
                entries.append(aside(write.object, write.marketo_id, "no_key"))
                continue
            for leg, each in planned.items():
                writes.setdefault(leg, []).append(each)
                # of two who are linked, and have never agreed yet, nothing was in step
                if those.link is not None and those.link.memory:
                    damage.add(leg, each)
            entries.append(_entry(write, {leg: each.position for leg, each in planned.items()}, those))
            if not write.salesforce_id and RECORD_TYPE in write.to_salesforce:
                entries[-1] = replace(entries[-1], typed=True)
        entries += [aside(each.object, each.id, each.reason) for each in decisions.aside]
        return PeoplePlan(writes=writes, entries=entries, tallies=damage.tallies)

    def _planned(self, write: PersonWrite, known: _Known, position: int) -> Iterator[tuple[str, Planned]]:
        if not write.salesforce_id:
            yield from self._new_record(write, known, position)
        elif write.to_salesforce:
            yield _UPDATED[write.object], self._update(write, known, Side.SALESFORCE, position)
        if write.to_marketo and not write.marketo_id:
            key = {IDS[Side.SALESFORCE]: write.salesforce_id}
            yield PEOPLE_CREATED, _created(position, key, write.to_marketo)
        elif write.to_marketo:
            yield PEOPLE_UPDATED, self._update(write, known, Side.MARKETO, position)

    def _new_record(self, write: PersonWrite, known: _Known, position: int) -> Iterator[tuple[str, Planned]]:
        """A new Lead or Contact, by what it is looked for before it is made; nothing if there is nothing to look by."""
        if self._number_field and write.object == LEAD:
            key = {IDS[Side.MARKETO]: write.marketo_id}
            yield LEADS_CREATED, _created(position, key, {self._number_field: write.marketo_id, **write.to_salesforce})
            return
        address = text(known.rows.get(Side.MARKETO, {}).get(EMAILS[Side.MARKETO]) or "").strip()
        if EMAIL.fullmatch(normalised(address)):
            fields = {EMAILS[Side.SALESFORCE]: address, **write.to_salesforce}
            yield CREATED[write.object], _created(position, {EMAILS[Side.MARKETO]: address}, fields)

    def _update(self, write: PersonWrite, known: _Known, side: Side, position: int) -> Planned:
        """An update of a record that is as it was read, or, where it was not, as it is remembered."""
        fields, record_id = (
            (write.to_salesforce, write.salesforce_id)
            if side is Side.SALESFORCE
            else (write.to_marketo, write.marketo_id)
        )
        row = known.rows.get(side)
        return Planned(
            position=position,
            does="update",
            columns={IDS[side]: record_id},
            record_id=record_id,
            before={name: row.get(name) for name in fields} if row is not None else {},
            after=fields,
            known={} if row is not None else dict(self._remembered(write, known, side, fields)),
        )

    def _remembered(
        self, write: PersonWrite, known: _Known, side: Side, fields: Mapping[str, Any]
    ) -> Iterator[tuple[str, str]]:
        for each in self._people.fields[write.object]:
            name = each.fields[side].name
            if name in fields and known.link and each.name in known.link.memory:
                yield name, known.link.memory[each.name].of(side)


def linking(position: int, marketo_id: str, id_field: str, fields: Mapping[str, Any]) -> Planned:
    """The write of a new record's id to its person, whose `id_field` is blank."""
    return Planned(
        position=position,
        does="update",
        columns={IDS[Side.MARKETO]: marketo_id},
        record_id=marketo_id,
        before={id_field: None},
        after=fields,
    )


def _created(position: int, key: Mapping[str, str], fields: Mapping[str, Any]) -> Planned:
    return Planned(position=position, does="create", columns=key, record_id="", before={}, after=fields)


def _known(paired: Paired) -> Mapping[str, _Known]:
    """What was read of people, by Salesforce's id, or by Marketo's where there is none."""
    found: dict[str, _Known] = {}
    for pair in paired.pairs:
        rows = {Side.MARKETO: pair.marketo, Side.SALESFORCE: pair.salesforce}
        found[pair.salesforce_id] = _Known(
            rows={side: row for side, row in rows.items() if row is not None}, link=pair.link
        )
    found |= {str(row["id"]): _Known(rows={Side.MARKETO: row}) for row in paired.marketo_only}
    return found | {canonical(str(row["Id"])): _Known(rows={Side.SALESFORCE: row}) for _, row in paired.salesforce_only}


def _entry(write: PersonWrite, writes: Mapping[str, int], known: _Known) -> Entry:
    reason, message = _told(write)
    link = known.link
    # what is remembered already need not be stored once more
    is_new = (
        bool(writes)
        or link is None
        or bool(link.parted)
        or (link.marketo_id, link.memory) != (write.marketo_id, write.memory.memory)
    )
    return Entry(
        object=write.object,
        salesforce_id=write.salesforce_id,
        marketo_id=write.marketo_id,
        memory=dict(write.memory.memory) if is_new else None,
        writes=writes,
        outcome="" if writes else Outcome.UNCHANGED.value,
        reason=reason,
        message=message,
        fields=fields_left(write.told, write.failed),
        edited=edited(
            known.rows, {Side.MARKETO: write.to_marketo, Side.SALESFORCE: write.to_salesforce} if writes else {}
        ),
        met=bool(writes and link is None and write.salesforce_id and write.marketo_id),
    )


def fields_left(told: Mapping[str, Merged], failed: Mapping[str, str]) -> Mapping[str, str]:
    """Fields in which an edit was not simply taken over, each with the code why."""
    return {name: word.value for name, word in told.items() if word in _TOLD} | dict.fromkeys(failed, "values_unusable")


def _told(write: PersonWrite) -> tuple[str, str]:
    """Reason and sentence of what was decided otherwise than by taking over an edit."""
    for word in _TOLD:
        if fields := sorted(name for name, told in write.told.items() if told is word):
            return word.value, worded(word.value, fields=", ".join(fields))
    if write.failed:
        return "values_unusable", worded("values_unusable", why=" ".join(sorted(write.failed.values())))
    return "", ""


def aside(object_name: str, record_id: str, reason: str) -> Entry:
    """A record that is not written, and why; one that waits for what Marketo tells has failed for now."""
    is_record = is_id(record_id)
    outcome = Outcome.FAILED if reason == PERSON_MISSING else Outcome.SKIPPED
    return Entry(
        object=object_name,
        salesforce_id=record_id if is_record else "",
        marketo_id="" if is_record else record_id,
        outcome=outcome.value,
        reason=reason,
        message=worded(reason),
    )
