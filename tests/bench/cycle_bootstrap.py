"""The first run of a CRM cycle on a large instance: how long it takes beside what the vendors' limits want.

The use-cases, the product's own clients and its limiter on real HTTP against both simulators, whose clock is ours: time
passes while the limiter or a run waits, and with each call. Files, links and guards are on disk, so that the memory of
the process is that of the product's steps. A smaller size has as much smaller limits, so that it takes as long.

All people of Marketo become Leads, but for those whom Salesforce has, and of what they did Tasks are made. The checker
asks both simulators for every record and compares it with the input, from which it works out what is to come of it.
"""

import gc
import json
import pickle
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import batched
from math import ceil
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from leadbridge.cycle_ports import Link
from leadbridge.domain.cycling import CycleStep
from leadbridge.domain.shifts import Shift
from leadbridge.ports import StoredFile, Writer
from tests.bench.cycle_drain import CALLS, Limited
from tests.bench.report import Figure, listed
from tests.bench.sync_calls import Pair, twins
from tests.bench.sync_rows import FolderObjects
from tests.bench.twins import log_in
from tests.contract.simulator.salesforce_support import Org
from tests.fakes.bulk import InMemoryObjects
from tests.fakes.clock import NOON
from tests.fakes.cycle import InMemoryLinks
from tests.fakes.keys import InMemoryKeys
from tests.integration.vendors.conftest import Twin
from tests.integration.vendors.cycles import CYCLE

#: people of the whole figure, and what each has done
PEOPLE, DONE = 1_000_000, 5
#: what a subscription may extract in a day, which begins at midnight there
DAY_BYTES, ZONE = 500_000_000, ZoneInfo("America/Chicago")
MOST_RATIO = 1.1
#: megabytes that the functions have which take these steps
MOST_MEMORY = 512
#: people and what they did are as old as that
SPAN = timedelta(days=360)
#: of ten people so many are in Salesforce already, with another title
THERE = 3
#: one of a hundred people did half of everything
BUSY, SHARE = 100, 2
#: seconds after which Marketo tells more of an extract
STATUS_SECONDS = 60.0
TYPES = {11: "Click Email", 2: "Fill Out Form"}
LINES = {"Content-Type": "application/x-ndjson"}
_WORDS = ["Zürich", "O'Brien", 'the "best"', "Nguyễn", "李", "one, two", "🚀", "plain", "Šimić"]
FIELDS = (
    ("email", "Email"),
    ("firstName", "FirstName"),
    ("lastName", "LastName"),
    ("title", "Title"),
    ("company", "Company"),
    ("phone", "Phone"),
    ("city", "City"),
)
KINDS: dict[str, Any] = {
    "low_watermark": f"{NOON - SPAN - timedelta(days=1):%Y-%m-%dT%H:%M}",
    "companies": None,
    "sales_persons": None,
    "persons": {
        "id_field": "salesforceId",
        "leads": {"fields": [{"marketo": one, "salesforce": two} for one, two in FIELDS]},
        "create_in_salesforce": {},
    },
    "activities": {
        "groups": {
            "engagement": {
                "types": list(TYPES.values()),
                "key": "External_Key__c",
                "subject": "{{activityType}}: {{primaryAttributeValue}}",
            }
        }
    },
}

type Record = dict[str, Any]


class OnDisk(InMemoryObjects):
    """Files in a folder."""

    def __init__(self, folder: Path) -> None:
        """There is nothing."""
        super().__init__()
        self._files = FolderObjects(folder)

    def put(self, key: str, content: bytes) -> None:
        """As the port says."""
        self._files.put(key, content)

    @contextmanager
    def writing(self, key: str) -> Iterator[Writer]:
        """As the port says."""
        with self._files.writing(key) as file:
            yield file

    def stored(self, key: str) -> StoredFile:
        """As the port says."""
        return self._files.stored(key)

    def delete(self, keys: Any) -> None:
        """As the port says."""
        self._files.delete(keys)


class Shelf[V](MutableMapping[str, V]):
    """A mapping whose values are in a file."""

    def __init__(self, file: Path) -> None:
        """It is empty; nobody else reads it, and nobody after us."""
        self._table = sqlite3.connect(file, isolation_level=None)
        for line in (
            "PRAGMA journal_mode=OFF",
            "PRAGMA synchronous=OFF",
            "CREATE TABLE held (name TEXT PRIMARY KEY, value BLOB)",
        ):
            self._table.execute(line)

    def __getitem__(self, key: str) -> V:
        row = self._table.execute("SELECT value FROM held WHERE name = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        value: V = pickle.loads(row[0])
        return value

    def __setitem__(self, key: str, value: V) -> None:
        self._table.execute("INSERT OR REPLACE INTO held VALUES (?, ?)", (key, pickle.dumps(value)))

    def __delitem__(self, key: str) -> None:
        if not self._table.execute("DELETE FROM held WHERE name = ?", (key,)).rowcount:
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return (row[0] for row in self._table.execute("SELECT name FROM held ORDER BY name"))

    def close(self) -> None:
        """Nobody asks any more."""
        self._table.close()

    def __len__(self) -> int:
        return int(self._table.execute("SELECT count(*) FROM held").fetchone()[0])


class Unguarded(InMemoryKeys):
    """Guards that nobody else asks for, as there is no Action: so they are forgotten with their shift."""

    def end(self, shift: Shift) -> None:
        """As the port says."""
        super().end(shift)
        self._guards.clear()


class Memory:
    """What the process takes of memory at most, beside what it held when a step of it began. Linux only."""

    def __init__(self) -> None:
        """What there is by now lives on, and need not be gone through each time."""
        gc.freeze()
        self.most: Counter[str] = Counter()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Take part in the most of steps of that name."""
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5", "utf-8")
        held = _megabytes("VmRSS")
        yield
        self.most[name] = max(self.most[name], _megabytes("VmHWM") - held)


def _megabytes(name: str) -> int:
    status = Path("/proc/self/status").read_text("utf-8")
    return int(next(line for line in status.splitlines() if line.startswith(name)).split()[1]) // 1024


@dataclass(frozen=True, slots=True)
class Input:
    """What is in both systems before the first run, and what is to come of it; the same each time it is asked for."""

    people: int
    seed: int

    @property
    def done(self) -> int:
        """How much all people did."""
        return self.people * DONE

    def person(self, number: int) -> Record:
        """A person of Marketo, numbered from 1; texts vary in length and alphabet and are blank at times."""
        chance = Random(self.seed * 1_000_003 + number)
        text = f"{chance.choice(_WORDS)} {number}"
        return {
            "email": f"person{number}@example.com",
            "firstName": None if chance.random() < 0.2 else chance.choice(_WORDS),
            "lastName": f"{text} {chance.choice(_WORDS)}",
            "title": None if chance.random() < 0.3 else f"Head of {text}",
            "company": f"{chance.choice(_WORDS)} & Sons",
            "phone": None if chance.random() < 0.5 else f"+49 30 {number:08}",
            "city": None if chance.random() < 0.3 else chance.choice(["Zürich", "Wien", "New York", "東京"]),
        }

    def there(self, number: int) -> Record | None:
        """The Lead of a person, where Salesforce has one."""
        if number % 10 >= THERE:
            return None
        person = self.person(number)
        return {
            "Email": str(person["email"]).upper() if number % 7 == 0 else person["email"],
            "LastName": person["lastName"],
            "Company": person["company"],
            "Title": f"Seller of {number}",
        }

    def lead(self, number: int) -> Record:
        """What the Lead of a person is to hold: what Salesforce had, and else what Marketo has."""
        person, there = self.person(number), self.there(number) or {}
        held = {theirs: there.get(theirs) or person[own] for own, theirs in FIELDS}
        return held | {"Email": str(held["Email"]).lower()}

    def who(self, at: int) -> int:
        """Who of those that were there by then did what was done as the `at`-th, from 0."""
        there = max(1, self.people * at // self.done)
        return 1 + BUSY * (at // SHARE % ceil(there / BUSY)) if at % SHARE == 0 else 1 + (at * 7919) % there

    def activity(self, at: int) -> Record:
        """Something that somebody did; the later the number, the later it was."""
        type_id = list(TYPES)[at % len(TYPES)]
        when = NOON - SPAN + SPAN * at / self.done
        return {
            "leadId": self.who(at),
            "activityTypeId": type_id,
            "activityDate": f"{when:%Y-%m-%dT%H:%M:%SZ}",
            "primaryAttributeValueId": at % 500,
            "primaryAttributeValue": f"Spring {_WORDS[at % len(_WORDS)]} {at % 500}",
            "attributes": [{"name": "Link", "value": f"https://www.example.com/{at % 90}"}],
        }

    def born(self, number: int) -> str:
        """When Marketo made a person, who has done nothing before."""
        return f"{NOON - SPAN + SPAN * (number - 1) / self.people:%Y-%m-%dT%H:%M:%SZ}"


class Bootstrapping(Limited):
    """A cycle before its first run."""

    most_steps = 1_000_000

    def __init__(self, pair: Pair, given: Input, scale: float, folder: Path) -> None:
        self.folder, self.day_bytes = folder, round(DAY_BYTES * scale)
        super().__init__(pair, max(2, round(CALLS * scale)), KINDS)
        self.marketo.post("limits", {"export_bytes_per_day": self.day_bytes})
        self.given = given
        #: what Marketo's log calls the first activity
        self.first = 0
        self._fill()
        self.memory = Memory()

    def stores(self) -> tuple[InMemoryObjects, InMemoryLinks, InMemoryKeys]:
        """On disk."""
        links = InMemoryLinks()
        self.shelves = (Shelf[Link](self.folder / "links"), Shelf[str](self.folder / "people"))
        links.links, links.people = self.shelves
        return OnDisk(self.folder / "objects"), links, Unguarded()

    def close(self) -> None:
        """Nobody asks any more."""
        for shelf in self.shelves:
            shelf.close()

    def stepping(self, what: str) -> AbstractContextManager[None]:
        """Its memory is looked at."""
        return self.memory.step(what)

    def _fill(self) -> None:
        given, numbers = self.given, range(1, self.given.people + 1)
        self._load(self.marketo, "leads", ({"id": n, "createdAt": given.born(n), **given.person(n)} for n in numbers))
        made = self._load(self.marketo, "activities", (given.activity(at) for at in range(given.done)))
        assert made == list(range(made[0], made[0] + given.done))
        self.first = made[0]
        self._load(self.salesforce, "Lead", (lead for n in numbers if (lead := given.there(n))))
        self.aged()

    def _load(self, twin: Twin, name: str, records: Iterator[Record]) -> list[Any]:
        lines = (
            "".join(json.dumps(each) + "\n" for each in some).encode() for some in batched(records, 1_000, strict=False)
        )
        answer = twin.http.post(f"/_sim/load?object={name}", content=lines, headers=LINES, timeout=None)
        answer.raise_for_status()
        ids: list[Any] = answer.json()[name]
        return ids

    # what came of it

    def wrong(self) -> Mapping[str, int]:
        """Records of each object that are missing, there twice, or hold another value than they should."""
        known = self.salesforce.get("credentials")
        org = Org(str(self.salesforce.http.base_url), known, self.salesforce.http)
        org.log_in()
        ids = [""] * (self.given.people + 1)
        return {
            "Leads": self._wrong_leads(org, ids),
            "people": self._wrong_people(ids),
            "Tasks": self._wrong_tasks(org, ids),
        }

    def _wrong_leads(self, org: Org, ids: list[str]) -> int:
        """Notes who is who in `ids`."""
        wrong = 0
        for row in _rows(org, f"SELECT Id, {', '.join(theirs for _, theirs in FIELDS)} FROM Lead"):
            number = int(row["Email"].lower().removeprefix("person").removesuffix("@example.com"))
            held = {theirs: row[theirs] for _, theirs in FIELDS} | {"Email": row["Email"].lower()}
            wrong += bool(ids[number]) or held != self.given.lead(number)
            ids[number] = row["Id"]
        return wrong + ids[1:].count("")

    def _wrong_people(self, ids: Sequence[str]) -> int:
        log_in(self.marketo.http)
        names, wrong = [own for own, _ in FIELDS], 0
        for numbers in batched(range(1, self.given.people + 1), 300, strict=False):
            asked = {"filterType": "id", "filterValues": ",".join(map(str, numbers))}
            query = asked | {"fields": ",".join(["id", "salesforceId", *names])}
            shown = self.marketo.http.get("/rest/v1/leads.json", params=query).json()["result"]
            wrong += abs(len(shown) - len(numbers))
            for row in shown:
                wanted = self.given.lead(row["id"])
                held = {theirs: row[own] for own, theirs in FIELDS} | {"Email": row["email"].lower()}
                wrong += held != wanted or row["salesforceId"] != ids[row["id"]]
        return wrong

    def _wrong_tasks(self, org: Org, ids: Sequence[str]) -> int:
        wrong, seen = 0, bytearray(self.given.done)
        for row in _rows(org, "SELECT External_Key__c, WhoId, Subject, ActivityDate FROM Task"):
            at = int(row["External_Key__c"]) - self.first
            did = self.given.activity(at)
            subject = f"{TYPES[did['activityTypeId']]}: {did['primaryAttributeValue']}"
            wanted = (ids[did["leadId"]], subject, did["activityDate"][:10])
            wrong += bool(seen[at]) or (row["WhoId"], row["Subject"], row["ActivityDate"]) != wanted
            seen[at] = 1
        return wrong + seen.count(0)


def _rows(org: Org, soql: str) -> Iterator[Record]:
    answer = org.query(soql).json()
    while True:
        yield from answer["records"]
        if answer["done"]:
            return
        answer = org.http.get(answer["nextRecordsUrl"], headers=org.headers).json()


def least(made: int, day_bytes: int, began: datetime) -> float:
    """Seconds until a subscription lets the last byte out, if every byte of each day is used."""
    seconds, left = STATUS_SECONDS, made
    day = began.astimezone(ZONE)
    while left > day_bytes:
        left -= day_bytes
        day = datetime.combine(day.date() + timedelta(days=1), time.min, ZONE)
    return seconds + (day - began) / timedelta(seconds=1)


def first_run(world: Bootstrapping) -> float:
    """The first run, to its end; seconds on the clock.

    Raises:
        RuntimeError: It did not end well.
    """
    with world.timed() as seconds:
        run = world.carried(world.starting().now(CYCLE).slot)
        took = seconds()
    if run.step is not CycleStep.DONE or run.parked:
        raise RuntimeError(f"the run ended as {run.step}: {run.message}; parked: {run.parked}")
    return took


def figure(*, people: int, seed: int) -> Figure:
    """So many people of a million, with as large a part of the limits."""
    given, scale = Input(people, seed), people / PEOPLE
    told = Figure(
        title="CRM cycle, first run",
        size=f"seed {seed}, {people} people who did {given.done} things, {DAY_BYTES * scale / 1e6:g} MB a day",
    )
    with twins(seed) as pair, tempfile.TemporaryDirectory() as folder, ExitStack() as done:
        world = Bootstrapping(pair, given, scale, Path(folder))
        done.callback(world.close)
        held, began, before = _megabytes("VmRSS"), world.clock.now(), world.made()
        took = first_run(world)
        told.add(f"calls: {listed(world.made() - before)}")
        size = sum(size for *_, size in world.bulk_runs.made)
        wants = least(size, world.day_bytes, began)
        told.add(f"{len(world.bulk_runs.made)} extracts of {size / 1e6:.1f} MB in all")
        told.add(f"{took / 3600:.2f} h; the limits want {wants / 3600:.2f} h")
        told.bound("time / what the limits want", took / wants, most=MOST_RATIO)
        told.add(f"megabytes that a process holds before: {held}; that a step adds: {listed(world.memory.most)}")
        told.bound("memory of a step, MB", held + max(world.memory.most.values()), most=MOST_MEMORY)
        for name, number in world.wrong().items():
            told.bound(f"{name} missing, doubled or altered", number, most=0)
    return told
