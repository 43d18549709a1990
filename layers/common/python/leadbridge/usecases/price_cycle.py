"""Price the first run of a CRM cycle before it begins: what there is, and what would become of some of it.

Nothing is written. The queues are counted, or sampled where a vendor counts nothing; records of the sample are paired
and compared as the run does it, by their ids, addresses and keys.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from leadbridge.domain.belonging import company_fields, fields_of, is_linked
from leadbridge.domain.condition_values import moment
from leadbridge.domain.crm_cycle import COMPANY_LINK, OWNER_LINK, CrmCycle, CycleField
from leadbridge.domain.cycle_checks import objects_of
from leadbridge.domain.cycle_companies import ACCOUNT, COMPANY, SALES_PERSON, SALES_PERSON_FIELDS, USER
from leadbridge.domain.cycle_custom_objects import tells_new_ones
from leadbridge.domain.cycle_fields import bind_fields
from leadbridge.domain.cycle_legs import CUSTOM_OBJECTS, Queue
from leadbridge.domain.cycle_opportunities import FROM_ADDED
from leadbridge.domain.cycle_people import LEAD, PERSON, kinds
from leadbridge.domain.cycle_price import Amounts, CyclePrice, KindPrice, Reading, Sampled, cycle_price, kind_price
from leadbridge.domain.cycle_syncs import queues_of
from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.limits import State
from leadbridge.domain.linked import Found, LinkedField, merge_pair
from leadbridge.domain.retention import retention_lines
from leadbridge.domain.source_query import FILTER_VALUES, seen_of, source_query
from leadbridge.domain.sync_price import MARKETO_MEGABYTES, Left
from leadbridge.domain.three_way import Side
from leadbridge.domain.values import normalised, text
from leadbridge.domain.watermarks import EARLIEST, ceiling, first_window
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Documents
from leadbridge.sync_ports import SyncVendors
from leadbridge.usecases.cycle_entities import looked_up
from leadbridge.usecases.cycle_records import CycleConnections, Described, LookedUp
from leadbridge.usecases.price_programs import Members, price_programs
from leadbridge.usecases.price_sync import left_of_marketo, left_of_the_only_org
from leadbridge.usecases.source_facts import SourceFacts
from leadbridge.usecases.sync_window import way_of

type Row = Mapping[str, Any]
PROGRAMS, ROLES = "programs", "opportunity_roles"
#: questions to Salesforce that tell the stages of people, by what is decided
_STAGED: Mapping[str, int] = {"opportunities": 3, ROLES: 2}
#: of roles it is asked beside what was deleted, and how far that is told
_DELETED_ROLES = 3
#: calls of one sample; Marketo's log of the last day tells the highest id
BUDGET = 8
#: Salesforce's objects are described in a call of a run, and how far it shows their changes is asked in another
_TOGETHER = 2
#: those of activities are their types and the fields of people; types are asked for again by each step that names them
_DESCRIBED_ACTIVITIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Queued:
    """What one queue gives, with some of its rows."""

    reading: Reading
    object: str
    rows: Sequence[Row]

    @property
    def number(self) -> int:
        """How many rows there are, as far as somebody knows."""
        return self.reading.rows or 0


class PriceCycle:
    """The use-case of `cycle price`."""

    def __init__(
        self,
        *,
        documents: Documents,
        connections: CycleConnections,
        vendors: SyncVendors,
        facts: SourceFacts,
        instances: Callable[[], Mapping[str, State]],
        clock: Clock,
        day_megabytes: int = MARKETO_MEGABYTES,
    ) -> None:
        """`instances` tells what is known of each vendor instance's calls.

        `day_megabytes` may be extracted of Marketo in a day.
        """
        self._documents = documents
        self._connections = connections
        self._vendors = vendors
        self._facts = facts
        self._instances = instances
        self._clock = clock
        self._day_megabytes = day_megabytes

    def __call__(self, cycle_id: str, *, programs: bool = False) -> CyclePrice:
        """The price of the first run, whether there was one or not; `programs`: of one that is asked for these, too.

        Raises:
            ConfigurationError: There is no such cycle.
            SyncError: A system cannot be asked now.
        """
        stored = self._documents.get("crm_cycle", cycle_id)
        if stored is None or not isinstance(stored.document, CrmCycle):
            raise ConfigurationError([f"there is no cycle {cycle_id}; apply its document first"])
        cycle = stored.document
        describe, records = looked_up(self._connections, cycle)
        queued: dict[str, list[_Queued]] = {}
        for kind, queue in queues_of(cycle):
            if (queue.on_demand and not programs) or (kind == CUSTOM_OBJECTS and tells_new_ones(queue.name)):
                continue  # no part of the first run, which reads new objects with all others
            queued.setdefault(kind, []).append(self._queued(cycle, kind, queue, stored.version))
        comparing = _Comparing(cycle, describe, records, queued, self._clock.now())
        first = next(iter(queued), "")
        found = [
            self._programs(cycle, records, each)
            if kind == PROGRAMS
            else self._kind(kind, each, comparing, cycle, first=kind == first)
            for kind, each in queued.items()
        ]
        warnings = [*_clamped(cycle), *_on_demand(cycle, queued), *retention_lines(cycle, {}, self._clock.now())]
        return cycle_price(found, self._left(cycle), day_megabytes=self._day_megabytes, warnings=warnings)

    def _queued(self, cycle: CrmCycle, kind: str, queue: Queue, version: int) -> _Queued:
        """What a queue gives that the first run reads."""
        now, vendor = self._clock.now(), _vendor(queue.side)
        source = self._vendors.source(queue.sync)
        facts = self._facts(queue.sync, version, vendor)
        sync = seen_of(queue.sync, facts.fields)
        until = ceiling(vendor, now, source.covered(now).until)
        # the run describes its objects and asks how far they are shown for all queues at once
        together = source.calls
        window, made = first_window(vendor, cycle.begins_at(kind), until)
        choice = way_of(sync, vendor, source, facts, window, now=now)
        if choice.way == "bulk" and window.since is None:
            moments = (made, source.made_since())
            facts = replace(facts, made_since=max((each for each in moments if each), default=None))
        before = source.calls - together
        query = source_query(sync, vendor, facts, window, way=choice.way, now=now)
        sample = source.sample(query, BUDGET, now)
        rows, exact = sample.total, sample.total is not None
        if rows is None and sample.estimate is not None:
            rows = round(sample.estimate * _share_made(sample.rows, made))
        size = sum(sum(len(text(value).encode()) + 1 for value in row.values()) for row in sample.rows)
        reading = Reading(
            name=queue.name,
            vendor=vendor,
            rows=rows,
            exact=exact,
            way=choice.way,
            windows=max(1, len(query.filters)),
            row_bytes=size / len(sample.rows) if size else 250.0,
            before=before,
            basis=sample.basis,
        )
        return _Queued(reading=reading, object=sync.source.object, rows=sample.rows[:FILTER_VALUES])

    def _kind(
        self, kind: str, queued: Sequence[_Queued], comparing: "_Comparing", cycle: CrmCycle, *, first: bool
    ) -> KindPrice:
        own = cycle.model_copy(update={each: None for each in cycle.entities if each != kind})
        # each object once, as the run is opened; what is asked for all kinds at once is the first one's
        described = len(objects_of(own)[Side.MARKETO])
        calls: Mapping[Vendor, int] = {
            "marketo": _DESCRIBED_ACTIVITIES * len(queued) if kind == "activities" else described,
            "salesforce": (_TOGETHER if first else 0) + (_DELETED_ROLES if kind == ROLES else 0),
        }
        return kind_price(kind, [each.reading for each in queued], comparing.amounts(kind, queued), calls)

    def _programs(self, cycle: CrmCycle, records: LookedUp, queued: Sequence[_Queued]) -> KindPrice:
        members = {each.reading.name: Members(number=each.number, rows=each.rows) for each in queued}
        amounts, calls = price_programs(cycle, self._connections.marketo(cycle.marketo), records, members)
        return kind_price(PROGRAMS, [each.reading for each in queued], amounts, calls)

    def _left(self, cycle: CrmCycle) -> dict[Vendor, Left]:
        known = self._instances()
        return {
            "marketo": left_of_marketo(self._documents, cycle.marketo, known),
            "salesforce": left_of_the_only_org(known),
        }


class _Comparing:
    """Pairs and compares records of samples, and tells what all records lead to."""

    def __init__(
        self,
        cycle: CrmCycle,
        describe: Described,
        records: LookedUp,
        queued: Mapping[str, Sequence[_Queued]],
        now: datetime,
    ) -> None:
        self._now = now
        self._cycle = cycle
        self._describe = describe
        self._records = records
        self._people = next((each for every in queued.values() for each in every if each.object == PERSON), None)

    def amounts(self, kind: str, queued: Sequence[_Queued]) -> Amounts:
        """What is looked up and written of a kind."""
        if kind == "persons":
            return self._of_persons(queued)
        if kind == "companies" and self._cycle.companies:
            own = next(each for each in queued if each.object == ACCOUNT)
            pairs = [each for each in self._cycle.companies.fields if each.enabled]
            return self._of_keyed(own, COMPANY, COMPANY_LINK, pairs)
        if kind == "sales_persons":
            own = next(each for each in queued if each.object == USER)
            return self._of_keyed(own, SALES_PERSON, OWNER_LINK, SALES_PERSON_FIELDS)
        # of others every record is taken for a new one; opportunities and roles are written without a look
        told = [each for each in queued if each.reading.name == FROM_ADDED]
        carried = [each for each in queued if each not in told]
        written = {_vendor(Side(each.reading.vendor).other): [each.number] for each in carried}
        rows = sum(each.number for each in carried)
        if kind == "activities":
            return Amounts(created=written, rows=rows)
        # of what the log tells Marketo's opportunities, roles and people are asked for, then Salesforce's of both
        asked = [each.number for each in told]
        marketo, salesforce = asked * 3, asked * 2
        if kind in _STAGED and self._follows_stages:
            # who has a role, all of their roles, and the Opportunities of these; people are linked by the next run only
            salesforce += [rows] * _STAGED[kind]
        if kind == ROLES:
            # a role waits for its person
            marketo.append(rows)
        return Amounts(blind=written, rows=rows, looked_up={"marketo": marketo, "salesforce": salesforce})

    def _of_keyed(self, own: _Queued, object_name: str, link: str, pairs: Sequence[CycleField]) -> Amounts:
        """Companies and sales persons, which Marketo finds by the ids of their records."""
        ids = [canonical(row["Id"]) for row in own.rows]
        held = {text(row.get(link)): row for row in self._records.keyed(object_name, ids)} if ids else {}
        described = {Side.MARKETO: self._describe(object_name), Side.SALESFORCE: self._describe(own.object)}
        fields = bind_fields(pairs, described, self._cycle.zone).fields
        sampled = Sampled()
        for row in own.rows:
            sampled = _counted(sampled, fields, held.get(canonical(row["Id"])), row, self._now)
        both = link == COMPANY_LINK
        return Amounts(
            looked_up={"marketo": [min(own.number, self._named(link))]},
            created={"marketo": [own.number * sampled.share("created")]},
            updated={
                "marketo": [own.number * sampled.share("to_marketo")],
                "salesforce": [own.number * sampled.share("to_salesforce")] if both else [],
            },
            rows=own.number,
        )

    @property
    def _follows_stages(self) -> bool:
        """Whether people take the stage of their Opportunities, or the track of closed ones."""
        kept = self._cycle.opportunities
        return kept is not None and any((kept.stage_field, kept.won, kept.lost))

    def _named(self, link: str) -> float:
        """How many records people name by a link, each once; as many as all records where no people are read."""
        if self._people is None or not self._people.rows:
            return float("inf")
        values = [text(row[link]) for row in self._people.rows if row.get(link)]
        different, rows = len(set(values)), len(self._people.rows)
        # in the sample almost each is another one, or they come again and again
        return self._people.number * different / rows if different > len(values) / 2 else different

    def _of_persons(self, queued: Sequence[_Queued]) -> Amounts:
        persons = self._cycle.persons
        if persons is None:
            return Amounts()
        records = [each for each in queued if each.object in kinds(persons)]
        people = sum(each.number for each in queued if each.object == PERSON)
        made = persons.create_in_marketo != "never"
        updated = {"marketo": list[float](), "salesforce": list[float]()}
        unnamed = by_mail = left = changed = new = 0.0
        for each in records:
            named, met, sampled = self._paired(each)
            unnamed += each.number * (1 - named)
            by_mail += each.number * met
            left += each.number * (named + met)
            changed += each.number * sampled.share("to_marketo")
            new += each.number * sampled.share("created") if made else 0
            updated["salesforce"].append(each.number * sampled.share("to_salesforce"))
        alone = max(0.0, people - left)
        leads = alone * self._unmet(queued) if persons.create_in_salesforce != "never" and persons.leads else 0.0
        updated["marketo"].append(changed + leads)
        rows = people + sum(each.number for each in records)
        return Amounts(
            # of whom the address tells nobody Marketo itself looks for the id
            looked_up={"marketo": [unnamed, by_mail], "salesforce": [alone] * len(records)},
            blind={"marketo": [new]},
            created={"salesforce": [leads]},
            updated={"marketo": updated["marketo"], "salesforce": updated["salesforce"]},
            rows=rows,
        )

    def _paired(self, each: _Queued) -> tuple[float, float, Sampled]:
        """The shares of records that a person names, and that meet one by the address; and what is written of all."""
        persons = self._cycle.persons
        if persons is None or not each.rows:
            return 0.0, 0.0, Sampled()
        rows = {canonical(row["Id"]): row for row in each.rows}
        named = {
            canonical(text(person[persons.id_field])): person
            for person in self._records.people(persons.id_field, list(rows))
        }
        mails = sorted({_mail(row.get("Email")) for record, row in rows.items() if record not in named} - {""})
        met = {_mail(person.get("email")): person for person in self._records.people("email", mails)} if mails else {}
        person_fields = self._describe(PERSON)
        described = {Side.MARKETO: person_fields, Side.SALESFORCE: self._describe(each.object)}
        fields = bind_fields(kinds(persons)[each.object].pairs, described, self._cycle.zone).fields
        companies = company_fields(self._describe(COMPANY), person_fields) if self._cycle.keeps("companies") else None
        sampled, by_mail = Sampled(), 0
        for record, row in rows.items():
            person = named.get(record) or met.get(_mail(row.get("Email")))
            linked = companies is not None and is_linked(person, row) is True
            own = fields_of(fields, companies or frozenset(), linked=linked)
            before = sampled
            sampled = _counted(sampled, own, person, row, self._now)
            if record not in named and person is not None:
                by_mail += 1
                # it takes the record's id, whatever else it takes
                sampled = replace(sampled, to_marketo=before.to_marketo + 1)
        return len(named) / len(rows), by_mail / len(rows), sampled

    def _unmet(self, queued: Sequence[_Queued]) -> float:
        """The share of people who name no record and meet none, of those who name none."""
        persons = self._cycle.persons
        rows = self._people.rows if self._people else ()
        if persons is None or not rows:
            return 0.0
        alone = [row for row in rows if not is_id(text(row.get(persons.id_field) or ""))]
        mails = sorted({_mail(row.get("email")) for row in alone} - {""})
        found = set[str]()
        for each in queued:
            if each.object in kinds(persons) and mails:
                found |= {_mail(row.get("Email")) for row in self._records.salesforce(each.object, "Email", mails)}
        keyed = [row for row in alone if _mail(row.get("email")) or persons.marketo_id_field]
        made = [row for row in keyed if _mail(row.get("email")) not in found]
        met = len(alone) - len([row for row in alone if _mail(row.get("email")) not in found])
        return len(made) / (len(alone) - met) if len(alone) > met and LEAD in kinds(persons) else 0.0


def _counted(
    sampled: Sampled, fields: Sequence[LinkedField], marketo: Row | None, salesforce: Row, now: datetime
) -> Sampled:
    """A sample with one more record, whose counterpart is there or is not."""
    if marketo is None:
        return replace(sampled, records=sampled.records + 1, created=sampled.created + 1)
    found = {Side.MARKETO: Found(values=marketo), Side.SALESFORCE: Found(values=salesforce)}
    # nothing is remembered, so digests need no key
    writes = merge_pair(fields, found, {}, now, str).writes
    return replace(
        sampled,
        records=sampled.records + 1,
        to_marketo=sampled.to_marketo + bool(writes[Side.MARKETO]),
        to_salesforce=sampled.to_salesforce + bool(writes[Side.SALESFORCE]),
    )


def _vendor(side: Side) -> Vendor:
    return "marketo" if side is Side.MARKETO else "salesforce"


def _mail(value: Any) -> str:
    return normalised(text(value or ""))


def _share_made(rows: Sequence[Row], made: datetime | None) -> float:
    """The share of people who were made from a moment on."""
    stamps = [moment(text(row["createdAt"])) for row in rows if row.get("createdAt")]
    if made is None or not stamps:
        return 1.0
    return sum(1 for each in stamps if isinstance(each, datetime) and each >= made) / len(stamps)


def _on_demand(cycle: CrmCycle, queued: Mapping[str, object]) -> Iterator[str]:
    """Kinds that a run has only if somebody asks for them."""
    if cycle.keeps(PROGRAMS) and PROGRAMS not in queued:
        yield "programs: no run has them by itself, so they are in the price of a run with --programs only"


def _clamped(cycle: CrmCycle) -> Iterator[str]:
    """The low watermarks that lie before all records."""
    for kind in cycle.entities:
        said = cycle.said_to_begin(kind) if cycle.keeps(kind) else None
        if said is not None and said < EARLIEST:
            yield f"{kind}: the low watermark {said:%Y-%m-%d} is taken for {EARLIEST:%Y-%m-%d}; no record is older"
