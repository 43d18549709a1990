"""A day of a CRM cycle on which people edit both sides all the time: what it costs, and whether everything arrives.

The use-cases on stores in memory, the product's own clients on real HTTP against both simulators, whose clock is ours:
a tick every five minutes, so many edits on each side before it. What the figure knows of an edit it knows from making
it: what both sides hold at the end, field by field, and each value that was written, which it sees on the wire. The
size is a part of the day at the day's pace, so that each run has as much to do as it would have.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from random import Random
from typing import Any

import httpx

from tests.bench.idle_day import COMPANIES, GAP, Ticking
from tests.bench.report import Figure, listed
from tests.bench.sync_calls import FREE, ONCE, Pair, twins

#: edits on each side of the whole day; the setting SCALE says which part of the day is played
EDITS, TICKS = 100_000, 288
#: edits of a record a day, on each side
EACH = 5
MOST_RATIO = 1.1
#: of a person, of a Lead, and who is right where both are edited
FIELDS = (
    ("firstName", "FirstName", "salesforce"),
    ("lastName", "LastName", "marketo"),
    ("title", "Title", "newest"),
    ("phone", "Phone", "salesforce"),
    ("city", "City", "non_empty"),
    ("fax", "Fax", "marketo"),
)
#: of a hundred edits so many are made on both sides at once, in one field
CLASHES = 1
#: ticks for which nobody edits a field again that was edited: by then both sides agree
APART = 12
#: records of one call, from the vendors' limits: of the log and of people, of a query, looked at, written
LOGGED, SHOWN, QUERIED, LOOKED_AT = 300, 300, 2_000, {"marketo": 300, "salesforce": 200}
WRITTEN = {"marketo": 300, "salesforce": 200}
SIDES = ("marketo", "salesforce")
PAIRS = [
    {"marketo": "email", "salesforce": "Email"},
    *({"marketo": one, "salesforce": two, "conflict": policy} for one, two, policy in FIELDS),
]
PERSONS: Mapping[str, Any] = {"id_field": "salesforceId", "leads": {"fields": PAIRS}}
KINDS: Mapping[str, Any] = {"persons": PERSONS, "companies": COMPANIES, "sales_persons": {}}
_PEOPLE, _LEADS = "/rest/v1/leads.json", "/composite/sobjects"


def other(side: str) -> str:
    """The other side."""
    return "salesforce" if side == "marketo" else "marketo"


@dataclass(slots=True)
class Edited:
    """What people made of the records, and what is to come of it."""

    #: by the person's number and the pair of fields, what both sides are to hold
    expected: dict[tuple[int, str], str] = field(default_factory=dict)
    #: values that the other side is to get, each once, by the side that gets it
    owed: dict[str, Counter[tuple[int, str, str]]] = field(default_factory=lambda: {each: Counter() for each in SIDES})
    #: until which tick a field is left alone
    quiet: dict[tuple[int, str], int] = field(default_factory=dict)
    echoed: int = 0
    doubled: int = 0
    #: records that were written, by the side
    written: Counter[str] = field(default_factory=Counter)

    @property
    def unpaid(self) -> int:
        """Values that their side never got."""
        return sum(each.total() for each in self.owed.values())


class Watched(Ticking):
    """A cycle of people who are all linked, and whose writes are read on the wire."""

    def __init__(self, pair: Pair, people: int, seed: int) -> None:
        clients, found = pair
        found["marketo"].post("limits", FREE)
        super().__init__(clients, found["marketo"], found["salesforce"], KINDS)
        self.chance = Random(seed)
        self.edited = Edited()
        self.runs = 0
        self._people = people
        self._watching = False
        #: by the side the id of each person, and the other way round
        self.ids: dict[str, list[str]] = {}
        self._numbers: dict[str, dict[str, int]] = {}
        self._link()
        clients.http.event_hooks["request"].append(self._note)

    def _link(self) -> None:
        """So many Leads, of which the first run makes people."""
        leads = [_lead(number) for number in range(self._people)]
        loaded = list[str]()
        for start in range(0, self._people, 5_000):
            loaded += self.salesforce.post("load", {"Lead": leads[start : start + 5_000]})["Lead"]
        users = [each["Id"] for each in self.salesforce.get("records/User")]
        old = {"SystemModstamp": "2026-03-01T00:00:00Z"}
        self.salesforce.post("set", {"object": "User", "ids": users, "fields": old})
        self.clock.advance(3600)
        self.carried(self.starting().now("main").slot)
        for _ in range(6):
            self.clock.advance(1200)
            if self.tick().because == "idle":
                break
        made = {each["email"]: str(each["id"]) for each in self.marketo.get("records/leads")}
        self.ids = {"salesforce": loaded, "marketo": [made[each["Email"]] for each in leads]}
        self._numbers = {side: {each: number for number, each in enumerate(ids)} for side, ids in self.ids.items()}
        for number, lead in enumerate(leads):
            self.edited.expected |= {(number, one): lead[two] for one, two, _ in FIELDS}

    # what people do

    def edit(self, tick: int, edits: int) -> None:
        """So many edits on each side, at one moment."""
        rows: dict[str, dict[int, dict[str, str]]] = {side: {} for side in SIDES}
        clashes = round(edits * CLASHES / 100)
        for turn in range(edits):
            if turn < clashes:
                number, (name, _, winner) = self._free(tick, [each for each in FIELDS if each[2] in SIDES])
                for side in SIDES:
                    rows[side].setdefault(number, {})[name] = self._value(number, name, side, wins=side == winner)
                continue
            for side in SIDES:
                number, (name, *_) = self._free(tick, FIELDS)
                rows[side].setdefault(number, {})[name] = self._value(number, name, side, wins=True)
        self._send(rows)

    def _free(self, tick: int, fields: Sequence[tuple[str, str, str]]) -> tuple[int, tuple[str, str, str]]:
        """A field that nobody has edited for a while."""
        while True:
            number, chosen = self.chance.randrange(self._people), self.chance.choice(fields)
            if self.edited.quiet.get((number, chosen[0]), -APART) + APART <= tick:
                self.edited.quiet[number, chosen[0]] = tick
                return number, chosen

    def _value(self, number: int, name: str, side: str, *, wins: bool) -> str:
        value = f"{side[0]}{self.chance.randrange(10**9):09}"
        if wins:
            self.edited.expected[number, name] = value
            self.edited.owed[other(side)][number, name, value] += 1
        return value

    def _send(self, rows: Mapping[str, Mapping[int, Mapping[str, str]]]) -> None:
        names = {one: two for one, two, _ in FIELDS}
        marketo, crm = self.connections.marketo("marketing"), self.connections.salesforce("crm")
        people = [{"id": int(self.ids["marketo"][number]), **each} for number, each in rows["marketo"].items()]
        leads = [
            {"Id": self.ids["salesforce"][number], **{names[name]: value for name, value in each.items()}}
            for number, each in rows["salesforce"].items()
        ]
        for start in range(0, len(people), 300):
            marketo.sync_leads(people[start : start + 300], action="updateOnly", lookup_field="id")
        for start in range(0, len(leads), 200):
            crm.update("Lead", leads[start : start + 200])

    # what the cycle does

    def ticked(self) -> Counter[str]:
        """A tick, and the calls that it made."""
        before = self.made()
        self._watching = True
        try:
            self.runs += self.tick().started
        finally:
            self._watching = False
        return self.made() - before

    def _note(self, request: httpx.Request) -> None:
        """Look at what is written: each value is owed to that side, once."""
        if not self._watching or request.method not in {"POST", "PATCH"}:
            return
        path = request.url.path
        if path == _PEOPLE and "_method" not in str(request.url.query):
            self._noted("marketo", "id", json.loads(request.content)["input"])
        elif _LEADS in path and request.method == "PATCH":
            self._noted("salesforce", "id", json.loads(request.content)["records"])

    def _noted(self, side: str, key: str, rows: Sequence[Mapping[str, Any]]) -> None:
        names = {(one if side == "marketo" else two): one for one, two, _ in FIELDS}
        for row in rows:
            self.edited.written[side] += 1
            number = self._numbers[side].get(str(row[key]), -1) if key in row else -1
            values = {names[name]: str(value) for name, value in row.items() if name in names}
            paid = [(number, name, value) for name, value in values.items()]
            owed = self.edited.owed[side]
            if not paid or not all(each in owed for each in paid):
                self.edited.echoed += 1
            elif any(not owed[each] for each in paid):
                self.edited.doubled += 1
            owed.subtract(each for each in paid if owed[each])

    # what came of it

    def lost(self) -> int:
        """Fields of either side that do not hold what they should, and records too few or too many."""
        wrong = 0
        for side, records in (
            ("marketo", self.marketo.get("records/leads")),
            ("salesforce", self.salesforce.get("records/Lead")),
        ):
            wrong += abs(len(records) - self._people)
            held = {str(each["id" if side == "marketo" else "Id"]): each for each in records}
            for number, record_id in enumerate(self.ids[side]):
                record = held.get(record_id, {})
                wrong += sum(
                    record.get(one if side == "marketo" else two) != self.edited.expected[number, one]
                    for one, two, _ in FIELDS
                )
        return wrong


def _lead(number: int) -> dict[str, str]:
    values = {two: f"{one} {number}" for one, two, _ in FIELDS}
    return {"Email": f"person{number}@example.com", "Company": "Acme", **values}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What a day was like."""

    calls: Counter[str]
    #: what reading each change once, writing it once and looking wants at least
    least: int
    #: looks at records before they are written, which the vendors' lack of conditional writes makes necessary
    looked: int
    runs: int
    #: writes of the last two ticks
    late: int
    lost: int
    edited: Edited


def played(pair: Pair, *, ticks: int, edits: int, people: int, seed: int) -> Day:
    """So many ticks with so many edits on each side before each, and then until nothing is to be done any more."""
    world = Watched(pair, people, seed)
    calls, least, looked, written = Counter[str](), 0, 0, list[int]()
    # what is edited last, Marketo's log shows ten minutes later for sure
    for tick in range(ticks + 6):
        world.clock.advance(GAP / 2)
        if tick < ticks:
            world.edit(tick, edits)
        world.clock.advance(GAP / 2)
        before = Counter(world.edited.written)
        calls += world.ticked()
        now = world.edited.written - before
        least += minimum(now)
        looked += sum(ceil(now[side] / LOOKED_AT[side]) for side in SIDES)
        written.append(now.total())
    return Day(
        calls=calls,
        least=least,
        looked=looked,
        runs=world.runs,
        late=sum(written[-2:]),
        lost=world.lost(),
        edited=world.edited,
    )


def minimum(written: Mapping[str, int]) -> int:
    """Calls of a tick by the vendors' sizes alone, by the records that are written to each side."""
    marketo, salesforce = written.get("marketo", 0), written.get("salesforce", 0)
    looks = 2
    reads = ceil(marketo / QUERIED) + ceil(salesforce / LOGGED) + ceil(salesforce / SHOWN)
    return looks + reads + ceil(marketo / WRITTEN["marketo"]) + ceil(salesforce / WRITTEN["salesforce"])


def figure(*, edits: int, seed: int) -> Figure:
    """So many edits on each side, of a day's hundred thousand, at the day's pace."""
    pace = round(EDITS / TICKS)
    ticks = max(3, round(edits / pace))
    # a field rests for a while behind each edit
    people = max(4 * pace * APART // len(FIELDS), round(edits / EACH))
    with twins(seed) as pair:
        day = played(pair, ticks=ticks, edits=pace, people=people, seed=seed)
    made = ticks * pace
    told = Figure(title="CRM cycle, a day of edits", size=f"{made} edits on each side in {ticks} ticks, seed {seed}")
    told.add(f"{people} people, {day.runs} runs, records written: {listed(day.edited.written)}")
    told.add(f"calls: {listed(day.calls)}")
    total = day.calls.total()
    schema = sum(number for name, number in day.calls.items() if any(each in name for each in ONCE))
    told.add(
        f"calls by the vendors' sizes alone: {day.least}; looks before writes: {day.looked}; schemas, logins: {schema}"
    )
    told.bound("fields that are not as they should be, records lost or doubled", day.lost, most=0)
    told.bound("edits written twice", day.edited.doubled, most=0)
    told.bound("writes that carry no edit", day.edited.echoed, most=0)
    told.bound("edits that nobody wrote", day.edited.unpaid, most=0)
    told.bound("writes of the last two ticks", day.late, most=0)
    told.bound("calls for a least one", total / day.least, most=MOST_RATIO)
    told.add(f"without schemas, logins and looks before writes: {(total - schema - day.looked) / day.least:.2f}")
    return told
