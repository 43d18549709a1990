"""Vendor calls of Syncs by REST, of runs that find nothing changed, and of such that find no change at all.

The use-cases on stores in memory, the product's own clients on real HTTP against both simulators, which count. Each
step of a run is a process of its own that knows nothing, so what a process reads once is read each time; logins and
descriptions are told apart, since they do not grow with the rows.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from random import Random
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import SyncRun
from leadbridge.vendors.http.transport import build_http_client
from tests.bench.report import Figure, listed
from tests.builders.syncs import a_sync
from tests.contract.simulator.salesforce_support import certificate
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_syncs import WiredSyncs
from tests.twins import running_twins

VENDORS = ("marketo", "salesforce")
FREE = {"latency_seconds": 0, "race_window_seconds": 0, "daily_calls": 10**9, "calls_per_20s": 10**9, "concurrent": 10}
#: records of one call, from the vendors' limits: read page by page, looked for by key, written
READ = {"salesforce": 2_000, "marketo": 300}
LOOKED_FOR = {"salesforce": 200, "marketo": 300}
WRITTEN = {"salesforce": 200, "marketo": 300}
MOST_RATIO = 1.05
#: of a run that finds no change
MOST_IDLE = 2
#: of ten rows: those whose record is there and differs, and those whose record agrees
DIFFERS, AGREES = 2, 1
#: what does not grow with the rows
ONCE = ("oauth", "describe")
EVERYBODY = 1001
LIST = {"connection": "marketing", "object": "list_members", "static_list": EVERYBODY}
FIELDS = {"Email": "email", "LastName": "lastName", "FirstName": "firstName", "Title": "title"}
_WORDS = ["Zürich", "O'Brien", 'the "best"', "Nguyễn", "李", "one, two", "🚀", "plain"]


#: the product's clients, and the simulators by vendor
type Pair = tuple[Clients, Mapping[str, Twin]]


@contextmanager
def twins(seed: int) -> Iterator[Pair]:
    """Both simulators in a process of their own, and the product's clients."""
    with running_twins("--seed", str(seed)) as (_, announced), build_http_client() as http:
        found = {
            vendor: Twin(httpx.Client(base_url=announced[f"{vendor}_url"], timeout=120, verify=False))
            for vendor in VENDORS
        }
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        found["salesforce"].post("certificate", {"certificate": certificate(key, datetime(2099, 1, 1, tzinfo=UTC))})
        yield Clients(announced, key, http), found
        for twin in found.values():
            twin.http.close()


class Counted(WiredSyncs):
    """Runs between simulators, empty at first, whose calls are counted by what they do."""

    def __init__(self, pair: Pair, sync: Sync) -> None:
        clients, found = pair
        for twin in found.values():
            twin.post("reset")
        found["marketo"].post("limits", FREE)
        super().__init__(clients, found["marketo"], found["salesforce"], sync)

    def counted(self) -> dict[str, Counter[str]]:
        """Calls of each vendor so far."""
        made = {"marketo": self.marketo, "salesforce": self.salesforce}
        return {vendor: Counter(twin.get("calls")["by_endpoint"]) for vendor, twin in made.items()}

    def measured(self, slot: str) -> tuple[SyncRun, dict[str, Counter[str]], dict[str, Counter[str]]]:
        """A run an hour later, its calls by vendor, and those that do not grow with the rows."""
        self.clock.advance(3600)
        before = self.counted()
        run = self.ran(slot)
        made = {vendor: calls - before[vendor] for vendor, calls in self.counted().items()}
        once = {
            vendor: Counter({name: number for name, number in calls.items() if any(each in name for each in ONCE)})
            for vendor, calls in made.items()
        }
        return run, {vendor: calls - once[vendor] for vendor, calls in made.items()}, once


def a_sync_of(*, to_salesforce: bool, **members: Any) -> Sync:
    """A Sync of four fields that takes REST both ways."""
    pairs = [(lead, contact) if to_salesforce else (contact, lead) for contact, lead in FIELDS.items()]
    source = {"source": LIST} if to_salesforce else {}
    ways = {"extract": "rest", "load": "rest"}
    return a_sync(
        to_salesforce=to_salesforce,
        **source,
        dedupe="import_everything",
        by=ways,
        mappings=[{"column": column, "to": to} for column, to in pairs],
        # what is counted twice for the guard is no matter of this figure
        guard={"changed_percent": 100, "blanked_percent": 100},
        **members,
    )


def record(number: int, chance: Random) -> dict[str, Any]:
    """A made-up Contact; texts vary in length and alphabet, some are blank."""
    return {
        "Email": f"person{number}@example.com",
        "LastName": f"{chance.choice(_WORDS)} {number}",
        "FirstName": None if chance.random() < 0.2 else chance.choice(_WORDS) * chance.randrange(1, 4),
        "Title": None if chance.random() < 0.3 else f"Head of {chance.choice(_WORDS)}",
    }


def as_lead(contact: Mapping[str, Any]) -> dict[str, Any]:
    """The same as a lead."""
    return {lead: contact[own] for own, lead in FIELDS.items()}


def fill(world: WiredSyncs, rows: int, seed: int, *, to_salesforce: bool) -> list[dict[str, Any]]:
    """Rows in the source, and of ten rows three in the destination already; gives the rows as Contacts."""
    chance = Random(seed)
    rows_of = [record(number, chance) for number in range(rows)]
    there = [
        each | ({"Title": "Somebody else"} if number % 10 < DIFFERS else {})
        for number, each in enumerate(rows_of)
        if number % 10 < DIFFERS + AGREES
    ]
    leads, contacts = (rows_of, there) if to_salesforce else (there, rows_of)
    world.salesforce.post("load", {"Contact": contacts})
    world.marketo.post("load", {"leads": [{"id": place, **as_lead(each)} for place, each in enumerate(leads, 1)]})
    if to_salesforce:
        world.marketo.post("load", {"staticLists": [{"id": EVERYBODY, "name": "Everybody"}]})
        members = [{"listId": EVERYBODY, "leadId": place} for place in range(1, rows + 1)]
        world.marketo.post("load", {"listMembers": members})
    world.clock.advance(3600)
    return rows_of


def differing(world: WiredSyncs, wanted: list[dict[str, Any]], *, to_salesforce: bool) -> int:
    """How many records of the destination are not as they should be, one missing, doubled or altered counted each."""
    held = world.salesforce.get("records/Contact") if to_salesforce else world.marketo.get("records/leads")
    expected = {each["Email"]: each if to_salesforce else as_lead(each) for each in wanted}
    names = list(FIELDS) if to_salesforce else list(FIELDS.values())
    found = [{name: each.get(name) or None for name in names} for each in held]
    key = names[0]
    # a blank of the source leaves the field alone
    wrong = sum(
        any(value is not None and value != each[name] for name, value in expected.get(each[key], {key: ""}).items())
        for each in found
    )
    return wrong + abs(len(found) - len(expected)) + len(expected.keys() - {each[key] for each in found})


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a Sync came to: calls of its first run and of the next one, and records that are not as they should be."""

    first: Mapping[str, Counter[str]]
    once: Mapping[str, Counter[str]]
    second: Mapping[str, Counter[str]]
    runs: tuple[SyncRun, SyncRun]
    #: rows whose record is missing or differs, as the input says
    differ: int
    wrong: int


def run(pair: Pair, rows: int, seed: int, *, to_salesforce: bool) -> Result:
    """Load rows, run the Sync, and run it again."""
    world = Counted(pair, a_sync_of(to_salesforce=to_salesforce))
    wanted = fill(world, rows, seed, to_salesforce=to_salesforce)
    first, calls, once = world.measured("first")
    second, again, _ = world.measured("second")
    differ = sum(
        number % 10 >= DIFFERS + AGREES or (number % 10 < DIFFERS and each["Title"] is not None)
        for number, each in enumerate(wanted)
    )
    return Result(
        first=calls,
        once=once,
        second=again,
        runs=(first, second),
        differ=differ,
        wrong=differing(world, wanted, to_salesforce=to_salesforce),
    )


def least(rows: int, differ: int, source: str, destination: str) -> int:
    """Calls that so many rows take: each is read and looked for, and written where it is new or differs."""
    return ceil(rows / READ[source]) + ceil(rows / LOOKED_FOR[destination]) + ceil(differ / WRITTEN[destination])


def writes(calls: Mapping[str, Counter[str]], destination: str) -> int:
    """Calls that wrote."""
    return sum(number for name, number in calls[destination].items() if _writes(name))


def _writes(endpoint: str) -> bool:
    return endpoint.split(maxsplit=1)[0] in {"POST", "PATCH", "DELETE"}


def idle(pair: Pair, seed: int, *, to_salesforce: bool) -> dict[str, Counter[str]]:
    """Every call of a run that finds no change, logins aside, made by processes that know nothing."""
    sync = a_sync_of(to_salesforce=to_salesforce, extraction="incremental")
    if to_salesforce:
        leads = {"connection": "marketing", "object": "leads"}
        sync = Sync.model_validate(sync.model_dump(by_alias=True, exclude_none=True) | {"source": leads, "by": {}})
    world = Counted(pair, sync)
    fill(world, 20, seed, to_salesforce=to_salesforce)
    for slot in ("first", "second"):
        world.measured(slot)
    _, calls, once = world.measured("third")
    return {
        vendor: Counter({name: n for name, n in (calls[vendor] + once[vendor]).items() if "oauth" not in name})
        for vendor in VENDORS
    }


def figure(*, rows: int, seed: int) -> Figure:
    """Calls by REST against their minimum, writes of a second run, calls of an idle one."""
    found = Figure(
        title="vendor calls of Syncs by REST",
        size=f"seed {seed}, {rows} rows each way, of ten {DIFFERS} are there and differ, {AGREES} agree",
    )
    with twins(seed) as pair:
        for to_salesforce in (False, True):
            _tell(found, pair, rows, seed, to_salesforce=to_salesforce)
    return found


def _tell(found: Figure, pair: Pair, rows: int, seed: int, *, to_salesforce: bool) -> None:
    source, destination = ("marketo", "salesforce") if to_salesforce else ("salesforce", "marketo")
    result = run(pair, rows, seed, to_salesforce=to_salesforce)
    way = f"{source} to {destination}"
    found.add(f"{way}: {listed({name: n for name, n in _totals(result.runs[0]).items() if n})}")
    for vendor in VENDORS:
        calls, once = result.first[vendor], result.once[vendor]
        found.add(f"{way}, {vendor}: {calls.total()} calls ({listed(calls)}); whatever the rows: {listed(once)}")
    made = sum(each.total() for each in result.first.values())
    bound = least(rows, result.differ, source, destination)
    found.add(f"{way}: {made} calls, the vendors' limits want {bound}")
    found.bound(f"{way}: calls / minimum", made / bound, most=MOST_RATIO)
    found.bound(f"{way}: writing calls of an unchanged second run", writes(result.second, destination), most=0)
    found.bound(f"{way}: records missing, doubled or altered", result.wrong, most=0)
    calls_of = idle(pair, seed, to_salesforce=to_salesforce)
    for vendor, each in calls_of.items():
        found.add(f"{way}, an idle run, {vendor}: {listed(each) or 'none'}")
    found.bound(f"{way}: calls of an idle run", sum(each.total() for each in calls_of.values()), most=MOST_IDLE)


def _totals(run: SyncRun) -> dict[str, int]:
    return {name: getattr(run.totals, name) for name in run.totals.__slots__}
