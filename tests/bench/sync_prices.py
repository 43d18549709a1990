"""What Syncs are said to cost, beside what the simulators' meters say when they run.

The Syncs are generated: object, direction, number of rows, share of rows that are there, that differ, ways, guard. The
use-cases on stores in memory, in one process as a warm function is, the product's clients on real HTTP.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_price import Price
from leadbridge.usecases.load_partition import LoadPartition
from leadbridge.usecases.source_facts import SourceFacts
from tests.bench.report import Figure, listed
from tests.bench.sync_calls import EVERYBODY, FIELDS, FREE, LIST, Pair, as_lead, record, twins
from tests.builders.syncs import a_sync
from tests.integration.vendors.test_sync_prices import priced
from tests.integration.vendors.test_syncs import WiredSyncs

MOST_ERROR, LEAST_SHARE = 0.1, 0.95
ACCOUNTS = {"External_Key__c": "externalCompanyId", "Name": "company", "Website": "website"}
KINDS = ("people", "people by file", "companies", "contacts", "leads of all people")
#: so many members of a list are more than a price reads
LONG = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """One Sync: what it moves, how many rows, and which part of them is there and differs."""

    kind: str
    rows: int
    there: float
    differs: float
    guarded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What was said of a Sync, and what its run took."""

    generated: Generated
    said: Mapping[str, int]
    took: Mapping[str, int]

    @property
    def error(self) -> float:
        """The calls of both vendors together, as a part of what they were."""
        took = sum(self.took.values())
        return abs(sum(self.said.values()) - took) / took


def generated(count: int, seed: int, most: int) -> list[Generated]:
    """Syncs of every kind in turn."""
    chance = Random(seed)
    return [
        Generated(
            kind=KINDS[number % len(KINDS)],
            rows=chance.randrange(most // 6, most),
            there=chance.choice([0.0, 0.3, 0.6, 1.0]),
            differs=chance.choice([0.0, 0.05, 0.5, 0.9]),
            guarded=chance.random() < 0.3,
        )
        for number in range(count)
    ]


def document(one: Generated) -> Sync:
    """The Sync as people write it."""
    # so that it is counted, and not parked: half of the rows differ at most
    limit = 99 if one.guarded else 100
    common: dict[str, Any] = {
        "dedupe": "import_everything",
        "guard": {"changed_percent": limit, "blanked_percent": 100},
    }
    if one.kind == "companies":
        pairs = [{"column": column, "to": to} for column, to in ACCOUNTS.items()]
        return a_sync(
            **common,
            source={"connection": "crm", "object": "Account"},
            destination={"connection": "marketing", "object": "companies"},
            match=[{"column": "External_Key__c", "field": "externalCompanyId"}],
            mappings=pairs,
            by={"extract": "rest"},
        )
    if one.kind in {"people", "people by file"}:
        way = "bulk" if one.kind == "people by file" else "rest"
        pairs = [{"column": column, "to": to} for column, to in FIELDS.items()]
        return a_sync(**common, mappings=pairs, by={"extract": way, "load": way})
    pairs = [{"column": column, "to": to} for to, column in FIELDS.items()]
    source = {"source": LIST} if one.kind == "contacts" else {}
    return a_sync(to_salesforce=True, **common, **source, mappings=pairs)


def fill(world: WiredSyncs, one: Generated, seed: int) -> None:
    """Rows of the source, and those of the destination that are there, in no order."""
    chance = Random(seed)
    contacts = [record(number, chance) | {"Title": f"Title {number}"} for number in range(one.rows)]
    there = [
        each | ({"Title": "Somebody else"} if chance.random() < one.differs else {})
        for each in contacts
        if chance.random() < one.there
    ]
    if one.kind == "companies":
        accounts = [
            {"External_Key__c": f"a{number}", "Name": each["LastName"], "Website": f"https://{number}.example.com"}
            for number, each in enumerate(contacts)
        ]
        known = [each for each in accounts if chance.random() < one.there]
        world.salesforce.post("load", {"Account": accounts})
        companies = [
            {lead: each[own] for own, lead in ACCOUNTS.items()}
            | ({"website": "https://example.com"} if chance.random() < one.differs else {})
            for each in known
        ]
        world.marketo.post("load", {"companies": companies})
    elif one.kind in {"people", "people by file"}:
        world.salesforce.post("load", {"Contact": contacts})
        world.marketo.post("load", {"leads": [{"id": n, **as_lead(each)} for n, each in enumerate(there, 1)]})
    else:
        world.marketo.post("load", {"leads": [{"id": n, **as_lead(each)} for n, each in enumerate(contacts, 1)]})
        world.marketo.post("load", {"staticLists": [{"id": EVERYBODY, "name": "Everybody"}]})
        members = [{"listId": EVERYBODY, "leadId": place} for place in range(1, one.rows + 1)]
        world.marketo.post("load", {"listMembers": members})
        world.salesforce.post("load", {"Contact": there})
    if one.kind == KINDS[-1]:
        # somebody is changed now and then, by whom Marketo shows how far its ids go
        newest = [{"id": one.rows, "firstName": "Newest"}]
        world.wired.marketo("marketing").sync_leads(newest, action="updateOnly", lookup_field="id")
    world.clock.advance(3600)


def compared(pair: Pair, one: Generated, seed: int) -> Compared:
    """Price one Sync, then run it."""
    clients, found = pair
    for twin in found.values():
        twin.post("reset")
    found["marketo"].post("limits", FREE)
    world = _Warm(clients, found["marketo"], found["salesforce"], document(one))
    fill(world, one, seed)
    said: Price = priced(world)
    world.start_anew()
    before = world.meters()
    run = world.ran()
    if run.waiting:
        raise RuntimeError(f"the run waits: {run.message}")
    took = {vendor: sum((calls - before[vendor]).values()) for vendor, calls in world.meters().items()}
    return Compared(
        generated=one,
        said={vendor: cost.calls for vendor, cost in said.run.items()},
        took=took,
    )


class _Warm(WiredSyncs):
    """One process for all steps."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.start_anew()

    def start_anew(self) -> None:
        """Another process, which knows nothing."""
        self.connect()
        self._facts = super().facts()
        self._loads = super().loads()

    def facts(self) -> SourceFacts:
        """What the process knows of the source."""
        return self._facts

    def loads(self) -> LoadPartition:
        """What it has made ready."""
        return self._loads

    def meters(self) -> dict[str, Counter[str]]:
        """Calls of each vendor by endpoint, without logins."""
        made = {"marketo": self.marketo, "salesforce": self.salesforce}
        return {
            vendor: Counter({name: n for name, n in twin.get("calls")["by_endpoint"].items() if "oauth" not in name})
            for vendor, twin in made.items()
        }


def figure(*, syncs: int, most: int, seed: int) -> Figure:
    """The error of the price over generated Syncs."""
    found = Figure(
        title="price of Syncs", size=f"seed {seed}, {syncs} generated Syncs of up to {most} rows, and a list of {LONG}"
    )
    every: list[Compared] = []
    with twins(seed) as pair:
        long = Generated(kind="contacts", rows=LONG, there=0.3, differs=0.5, guarded=False)
        for number, one in enumerate([*generated(syncs, seed, most), long]):
            each = compared(pair, one, seed + number)
            every.append(each)
            found.add(
                f"{one.kind}, {one.rows} rows, {one.there:.0%} there, {one.differs:.0%} of those differ: "
                f"said {listed(each.said)}; took {listed(each.took)}; {each.error:.1%}"
            )
    within = sum(each.error <= MOST_ERROR for each in every) / len(every)
    found.bound(f"share of Syncs whose price is within {MOST_ERROR:.0%}", within, least=LEAST_SHARE)
    return found
