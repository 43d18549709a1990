"""Whether anything was changed that a CRM cycle keeps in step: one call to each system, as long as nothing was.

Marketo's log is read from a place on that is kept from look to look; of changed values only those of fields
count that are kept in step. Salesforce is asked for one record of each kind that was changed or deleted. Once an hour
a look sees more in the same call to Salesforce, and in one more to Marketo: whether fields are what they were, those
of people one hour and those of companies the next, and who left the Recycle Bin.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any, Protocol
from urllib.parse import urlencode

from leadbridge.cycle_ports import Looked
from leadbridge.domain import soql
from leadbridge.domain.carried_changes import CHANGED
from leadbridge.domain.crm_cycle import COMPANY_LINK, CrmCycle
from leadbridge.domain.cycle_activities import AT_ONCE, types_by_queue
from leadbridge.domain.cycle_checks import objects_of
from leadbridge.domain.cycle_companies import SALES_PERSON, USER
from leadbridge.domain.cycle_custom_objects import kept_objects
from leadbridge.domain.cycle_opportunities import CONTACT_ROLE, ROLE
from leadbridge.domain.cycle_people import judged
from leadbridge.domain.evolving import replace
from leadbridge.domain.look_state import (
    LookState,
    Place,
    asked_of,
    compared,
    is_schema_due,
    is_usage_due,
    look_state,
    next_described,
    place_for,
    read_to,
)
from leadbridge.domain.marketo import SCORED, ObjectType
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.three_way import Direction, Side
from leadbridge.errors import PermanentError
from leadbridge.ports import Clock
from leadbridge.vendors.bulk_jobs import Clients
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.added_objects import added_types
from leadbridge.vendors.marketo.answers import results
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.marketo.described import objects_named
from leadbridge.vendors.salesforce.answers import described_object
from leadbridge.vendors.salesforce.composite import Part, PartResult

#: queries that one call to Salesforce may hold, and the kinds of records of which not every look asks if there are more
QUERIES = 5
_SELDOM = frozenset({USER, CONTACT_ROLE})
#: types of activities that tell of a change: a new person, a changed value or score, a merge, a deletion
OF_PEOPLE = (12, CHANGED, SCORED, 32, 37)
#: pages of the log that are read; where all of them are full, a run is cheaper
PAGES = 3
#: how long is believed what fields are called in Marketo
_KNOWN_FOR = timedelta(hours=1)
#: what a part of the hourly call asks beside whether a record was changed
_FIELDS, _DELETED = "fields", "deleted"


class LookClients(Clients, Protocol):
    """Vendor clients by connection id."""

    def give_back(self) -> None:
        """Give places for calls back."""
        ...


class VendorLook:
    """`cycle_ports.CycleLook` over the configured connections."""

    def __init__(self, clients: LookClients, clock: Clock) -> None:
        """Sends nothing."""
        self._clients = clients
        self._clock = clock
        self._names: dict[str, tuple[datetime, frozenset[str]]] = {}
        #: of types of activities, by their names
        self._ids: dict[str, int] = {}
        #: of those that tell of new records, by Marketo's object
        self._added: dict[str, tuple[int, ...]] = {}

    def __call__(self, cycle: CrmCycle, since: Mapping[Side, datetime], token: str) -> Looked:
        """Look at what was changed since these moments; `token` is what the look before left, if there was one."""
        state, now = look_state(token), self._clock.now()
        hourly = is_schema_due(state, now)
        try:
            why, schema = "", list[ObjectDescription]()
            if Side.SALESFORCE in since:
                why, schema = self._salesforce(cycle, since[Side.SALESFORCE], state.turn, hourly=hourly)
                state = replace(state, turn=state.turn + 1) if _too_many(cycle) else state
            if not why and Side.MARKETO in since:
                why, state = self._marketo(cycle, since[Side.MARKETO], state)
            if not why and hourly:
                why, state = self._fields(cycle, state, schema)
        finally:
            # Marketo's usage is a call of its own
            if is_usage_due(state, now):
                self._clients.report_quota()
                state = replace(state, usage_at=now)
            else:
                self._clients.give_back()
        return Looked(why=why, token=state.text)

    def _fields(
        self, cycle: CrmCycle, state: LookState, salesforce: Sequence[ObjectDescription]
    ) -> tuple[str, LookState]:
        """Whether fields are what they were at the last time."""
        client = self._clients.marketo(cycle.marketo)
        # of sales persons and roles only fields are written that all of them have
        names = [name for name in objects_of(cycle)[Side.MARKETO] if name not in {SALES_PERSON, ROLE}]
        turn = next_described(state, names)
        found = {each.name: _digest(each) for each in salesforce}
        found |= {name: _digest(self._described(cycle, client, name)) for name in turn}
        changed, state = compared(state, found, self._clock.now())
        if changed:
            # a field of a company is one of its people, too: a change is told once
            left = {name: _digest(self._described(cycle, client, name)) for name in names if name not in turn}
            _, state = compared(state, left, self._clock.now())
        return ("fields were changed" if changed else ""), state

    def _described(self, cycle: CrmCycle, client: MarketoClient, name: str) -> ObjectDescription | ObjectType:
        return self._people(cycle, client) if name == "leads" else objects_named(client, name).describe(fresh=True)

    def _marketo(self, cycle: CrmCycle, since: datetime, state: LookState) -> tuple[str, LookState]:
        client, now = self._clients.marketo(cycle.marketo), self._clock.now()
        try:
            calls = list(batched(self._types(cycle, client), AT_ONCE, strict=False))
            place = place_for(state, since, now)
            if place is None:
                place = Place(at=since, token=client.api.paging_token(since))
                state = replace(state, places=())
            token = place.token
            for types in calls:
                why, token = self._read(cycle, client, types, place.token, since)
                if why:
                    return why, state
        except PermanentError as error:
            # what is wrong, a run says
            return f"Marketo's log: {error.code}", state
        return "", read_to(state, place, token, now)

    def _read(
        self, cycle: CrmCycle, client: MarketoClient, types: Sequence[int], token: str, since: datetime
    ) -> tuple[str, str]:
        """Why a run is to begin, of entries of these types behind a place, and the place behind them."""
        params = {"activityTypeIds": ",".join(map(str, types))}
        for _ in range(PAGES):
            answer = client.api.get(endpoints.ACTIVITIES, params={**params, "nextPageToken": token})
            why = next(self._told(cycle, client, results(answer, endpoints.ACTIVITIES.operation), since), "")
            token = str(answer.payload.get("nextPageToken") or token)
            if why or answer.payload.get("moreResult") is not True:
                return why, token
        return f"more than {PAGES} pages of Marketo's log", token

    def _types(self, cycle: CrmCycle, client: MarketoClient) -> Sequence[int]:
        """The types of entries that are looked for: those of people first, and each once."""
        for name in _logged(cycle) - self._added.keys():
            # as long as it logs nothing of an object a look sees nothing of it
            self._added[name] = added_types(client, name)
        if {each for each in _types_of(cycle) if isinstance(each, str)} - self._ids.keys():
            # the id of a type never changes
            self._ids |= {each.name: each.id for each in client.activity_types()}
        return [*OF_PEOPLE, *sorted(self._chosen(cycle) - {*OF_PEOPLE})]

    def _told(
        self, cycle: CrmCycle, client: MarketoClient, rows: list[dict[str, Any]], since: datetime
    ) -> Iterator[str]:
        """What of the log counts: nothing that is carried over already."""
        for row in rows:
            if _at(row) < since:
                continue
            kind = row.get("activityTypeId")
            if kind not in OF_PEOPLE or kind in self._chosen(cycle):
                yield "somebody has done in Marketo what becomes a record of Salesforce"
            elif kind not in {CHANGED, SCORED}:
                yield "a person is new, merged or deleted in Marketo"
            elif str(row.get("primaryAttributeValue", "")).casefold() in self._watched(cycle, client):
                yield "a person was changed in Marketo"

    def _chosen(self, cycle: CrmCycle) -> frozenset[int]:
        """The ids of the types that become records, as far as they are known."""
        ids = (self._ids.get(each) if isinstance(each, str) else each for each in _types_of(cycle))
        added = (each for name in _logged(cycle) for each in self._added.get(name, ()))
        return frozenset(each for each in (*ids, *added) if each is not None)

    def _watched(self, cycle: CrmCycle, client: MarketoClient) -> frozenset[str]:
        """What the fields that are kept in step are called in Marketo, by which its log names them."""
        known = self._names.get(cycle.id)
        if known is None or self._clock.now() - known[0] >= _KNOWN_FOR:
            self._people(cycle, client)
        return self._names[cycle.id][1]

    def _people(self, cycle: CrmCycle, client: MarketoClient) -> ObjectDescription:
        """The fields of people; what those are called that are kept in step is known from then on."""
        described = client.describe_leads()
        labels = {each.name: each.label for each in described.fields.values()}
        names = set(_marketo_fields(cycle))
        watched = frozenset(text.casefold() for name in names for text in (name, labels.get(name, name)))
        self._names[cycle.id] = (self._clock.now(), watched)
        return described

    def _salesforce(
        self, cycle: CrmCycle, since: datetime, turn: int, *, hourly: bool
    ) -> tuple[str, list[ObjectDescription]]:
        """Why a run is to begin; what the objects are like, if it was asked for."""
        names = objects_of(cycle)[Side.SALESFORCE]
        asked = asked_of(names, _SELDOM, QUERIES, turn)
        parts = list(_parts(names, asked, since, self._clock.now(), hourly=hourly))
        if not parts:
            return "", []
        described = list[ObjectDescription]()
        for part in self._clients.salesforce(cycle.salesforce).composite.send(parts, all_or_none=False):
            name, _, what = part.reference_id.partition("_")
            if not part.ok:
                return f"{name}: {part.code}", []  # what is wrong, a run says
            if what == _FIELDS:
                described.append(described_object(part.body))
            elif _counts(part):
                return f"a {name} was changed in Salesforce", []
        return "", described


def _types_of(cycle: CrmCycle) -> Iterator[str | int]:
    """The types of activities that become records, by name or id."""
    return (each for types in types_by_queue(cycle).values() for each in types)


def _logged(cycle: CrmCycle) -> frozenset[str]:
    """Marketo's objects whose records go to Salesforce."""
    kept = kept_objects(cycle).values()
    return frozenset(each.marketo for each in kept if each.direction is Direction.TO_SALESFORCE)


def _too_many(cycle: CrmCycle) -> bool:
    """Whether not every kind of record can be asked of at once."""
    return len(objects_of(cycle)[Side.SALESFORCE]) > QUERIES


def _parts(
    names: Sequence[str], asked: Collection[str], since: datetime, now: datetime, *, hourly: bool
) -> Iterator[Part]:
    """The parts of the call to Salesforce, each of one object; of those `asked` whether a record was changed."""
    for name in names:
        if name in asked:
            query = f"/queryAll?{urlencode({'q': _one(name, since)})}"
            yield Part(reference_id=name, method="GET", path=query)
        if hourly:
            yield Part(reference_id=f"{name}_{_FIELDS}", method="GET", path=f"/sobjects/{name}/describe")
        # Users are never deleted, and no query shows a role that was
        if name != USER and (hourly or name == CONTACT_ROLE) and now - since >= timedelta(minutes=2):
            window = urlencode({"start": _minute(since), "end": _minute(now)})
            yield Part(reference_id=f"{name}_{_DELETED}", method="GET", path=f"/sobjects/{name}/deleted/?{window}")


def _digest(described: ObjectDescription | ObjectType) -> str:
    return hashlib.sha256(repr(described).encode()).hexdigest()[:16]


def _counts(part: PartResult) -> bool:
    """Whether a part of the answer has anything in it."""
    return bool(part.body.get("records") or part.body.get("deletedRecords"))


def _minute(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00Z")


def _at(row: Mapping[str, Any]) -> datetime:
    """When an entry says that it happened; one that does not say it counts."""
    told = row.get("activityDate")
    return datetime.fromisoformat(told) if isinstance(told, str) else datetime.max.replace(tzinfo=UTC)


def _one(name: str, since: datetime) -> str:
    return f"SELECT Id FROM {soql.identifier(name)} WHERE SystemModstamp >= {soql.literal(since)} LIMIT 1"  # noqa: S608  # names are checked, values quoted


def _marketo_fields(cycle: CrmCycle) -> Iterator[str]:
    persons, companies = cycle.persons, cycle.companies
    pairs = [pair for pair in companies.fields if pair.enabled] if companies else []
    if companies is not None:
        # people show what their company holds
        yield COMPANY_LINK
    if persons is not None:
        # a creation may wait for a field that goes nowhere
        yield from (persons.id_field, *judged(persons.create_in_salesforce))
        if persons.type_field:
            yield persons.type_field
        pairs += [pair for kind in (persons.leads, persons.contacts) if kind for pair in kind.pairs]
    yield from (pair.marketo for pair in pairs if pair.policy.from_side(Side.MARKETO))
