"""A backlog of a CRM cycle: how fast it is drained, as a share of what the vendors' limits allow.

The use-cases on stores in memory, the product's own clients and its limiter on real HTTP against both simulators, whose
clock is ours: time passes while the limiter or a run waits, and with each call. First many Leads are new, then all of
them were edited in Salesforce, then all people in Marketo. Marketo's calls in 20 seconds are what bounds each; a
smaller size has as many fewer of them, so that it takes as long. What a run costs however much it carries is told
apart, by a run that carries one record.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any

import httpx

from leadbridge.domain.limits import Lane, Policy
from leadbridge.vendors.http.limiter import Limiter, SharedLimiter
from tests.bench.cycle_day import KINDS, LOGGED, LOOKED_AT, SHOWN, SIDES, WRITTEN
from tests.bench.idle_day import Ticking
from tests.bench.report import Figure, listed
from tests.bench.sync_calls import FREE, Pair, twins
from tests.fakes.limits import InMemoryLimits
from tests.fakes.meter import RecordingMeter

ROWS = 100_000
#: our part of Marketo's rate, where nobody has set another
CALLS, WINDOW_SECONDS = 50, 20.0
LEAST_SHARE = 0.9
#: of which each full call of a backlog is one: a look and a write, or a page of the log and its people
KINDS_OF_CALLS = 2
#: seconds that a call takes
CALL_SECONDS = 0.1
#: everything changes at once here, which the guard would ask about
UNGUARDED = {"changed_percent": 100, "blanked_percent": 100}


class Limited(Ticking):
    """A cycle that keeps Marketo's limits, and whose calls take their time."""

    def __init__(self, pair: Pair, calls: int, kinds: Mapping[str, Any]) -> None:
        clients, found = pair
        self.allowed = calls
        for twin in found.values():
            twin.post("reset")
        found["marketo"].post("limits", FREE)
        super().__init__(clients, found["marketo"], found["salesforce"], {**kinds, "guard": UNGUARDED})
        self._passing = False
        clients.http.event_hooks["request"].append(self._pass)

    def limiter(self) -> Limiter:
        """That of workers that read and write."""
        return SharedLimiter(
            limits=InMemoryLimits(),
            policy=Policy(vendor="marketo", calls=self.allowed, places=5, quota_returns=lambda now: now),
            clock=self.clock.now,
            sleep=self.clock.sleep,
            meter=RecordingMeter(),
            lane=Lane.SCHEDULED,
            budget_seconds=10_000.0,
            jitter=lambda: 0.5,
            # nobody else renews or takes a place
            beat=lambda _seconds, _action: nullcontext(),
        )

    def _pass(self, request: httpx.Request) -> None:
        if self._passing and "/_sim/" not in request.url.path:
            self.clock.sleep(CALL_SECONDS / self.lanes)

    @contextmanager
    def timed(self) -> Iterator[Callable[[], float]]:
        """Each call takes its time; tells the seconds on the clock since the block began."""
        begun, self._passing = self.clock.now(), True
        try:
            yield lambda: (self.clock.now() - begun) / timedelta(seconds=1)
        finally:
            self._passing = False

    def aged(self) -> None:
        """The org's first users are older than the twin, whose clock was put back."""
        users = [each["Id"] for each in self.salesforce.get("records/User")]
        old = {"SystemModstamp": "2026-03-01T00:00:00Z"}
        self.salesforce.post("set", {"object": "User", "ids": users, "fields": old})


class Draining(Limited):
    """A cycle of people between systems of so many records."""

    def __init__(self, pair: Pair, rows: int, calls: int) -> None:
        super().__init__(pair, calls, KINDS)
        self.rows = rows
        #: people and Leads by their numbers
        self.ids: dict[str, list[str]] = {}

    # backlogs

    def new_leads(self) -> None:
        """As many Leads as there are rows, of whom Marketo knows nobody."""
        leads = [
            {"Email": f"person{n}@example.com", "Company": "Acme", "LastName": f"L {n}", "FirstName": f"F {n}"}
            for n in range(self.rows)
        ]
        made = list[str]()
        for start in range(0, self.rows, 5_000):
            made += self.salesforce.post("load", {"Lead": leads[start : start + 5_000]})["Lead"]
        self.aged()
        self.ids["salesforce"] = made

    def edited(self, side: str, mark: str, rows: int) -> None:
        """Somebody edits so many records of a side, one field of each."""
        if side == "salesforce":
            crm = self.connections.salesforce("crm")
            for start in range(0, rows, 200):
                chosen = self.ids[side][start : min(start + 200, rows)]
                crm.update("Lead", [{"Id": each, "LastName": f"{mark} {each}"} for each in chosen])
            return
        marketo = self.connections.marketo("marketing")
        for start in range(0, rows, 300):
            chosen = self.ids[side][start : min(start + 300, rows)]
            people = [{"id": int(each), "title": f"{mark} {each}"} for each in chosen]
            marketo.sync_leads(people, action="updateOnly", lookup_field="id")

    def linked(self) -> None:
        """Everybody is in Marketo now."""
        made = {each["salesforceId"]: str(each["id"]) for each in self.marketo.get("records/leads")}
        self.ids["marketo"] = [made[each] for each in self.ids["salesforce"]]

    def behind(self, side: str, mark: str, rows: int) -> int:
        """How many of the first records of the other side do not hold what was edited here."""
        other = next(each for each in SIDES if each != side)
        name, kind, key = ("Title", "Lead", "Id") if side == "marketo" else ("lastName", "leads", "id")
        twin = self.salesforce if other == "salesforce" else self.marketo
        held = {str(each[key]): each[name] for each in twin.get(f"records/{kind}")}
        pairs = zip(self.ids[side][:rows], self.ids[other][:rows], strict=True)
        return sum(held[theirs] != f"{mark} {ours}" for ours, theirs in pairs)

    def rested(self) -> None:
        """Runs until there is nothing to do any more: what was written is read once."""
        for _ in range(6):
            self.clock.advance(1200)
            if self.tick().because == "idle":
                return
        raise AssertionError("there is always something to do")

    def drained(self) -> "Drained":
        """What a tick starts, to its end; Marketo's log shows by then what was done."""
        self.clock.advance(1800)
        before = self.made()
        with self.timed() as seconds:
            if self.ids.get("marketo"):
                assert self.tick().started
            else:
                self.carried(self.starting().now("main").slot)
        return Drained(calls=self.made() - before, seconds=seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What draining something took."""

    calls: Counter[str]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """A backlog, and what it came to."""

    name: str
    #: calls that Marketo has to take for it, by the sizes of calls alone
    least: int
    whole: Drained
    #: a run that carries one record of the same kind
    single: Drained
    #: records that are not as they should be behind it
    wrong: int


def backlogs(pair: Pair, rows: int, calls: int) -> Iterator[Backlog]:
    """Each kind of backlog in turn."""
    one = Draining(pair, 1, calls)
    one.new_leads()
    alone = one.drained()
    world = Draining(pair, rows, calls)
    world.new_leads()
    whole = world.drained()
    world.linked()
    to_marketo = ceil(rows / LOOKED_AT["marketo"]) + ceil(rows / WRITTEN["marketo"])
    wrong = abs(len(world.marketo.get("records/leads")) - rows)
    yield Backlog(name="new in Salesforce", least=to_marketo, whole=whole, single=alone, wrong=wrong)
    from_marketo = ceil(rows / LOGGED) + ceil(rows / SHOWN)
    for side, least in (("salesforce", to_marketo), ("marketo", from_marketo)):
        world.rested()
        world.edited(side, "single", 1)
        single = world.drained()
        world.rested()
        world.edited(side, "whole", rows)
        whole = world.drained()
        wrong = world.behind(side, "whole", rows)
        yield Backlog(name=f"edited in {side.capitalize()}", least=least, whole=whole, single=single, wrong=wrong)


def figure(*, rows: int, seed: int) -> Figure:
    """So many records of a hundred thousand, with as large a part of our calls."""
    calls = max(2, round(CALLS * rows / ROWS))
    told = Figure(
        title="CRM cycle, drain of a backlog",
        size=f"seed {seed}, {rows} records, {calls} calls of Marketo in {WINDOW_SECONDS:g} s",
    )
    with twins(seed) as pair:
        for each in backlogs(pair, rows, calls):
            a_call = WINDOW_SECONDS / calls
            least = each.least * a_call
            # a single record takes a call of each kind, too
            seconds, once = each.whole.seconds, each.single.seconds - KINDS_OF_CALLS * a_call
            told.add(f"{each.name}: {listed(each.whole.calls)}")
            told.add(f"{each.name}, a single one: {listed(each.single.calls)}")
            told.add(
                f"{each.name}: {seconds:.0f} s, of which {once:.0f} s do not grow with the records; the limits want "
                f"{least:.0f} s; {3600 * rows / seconds * CALLS / calls:,.0f} records an hour at {CALLS} calls"
            )
            told.bound(f"{each.name}: records that are not as they should be", each.wrong, most=0)
            told.add(f"{each.name}: share of what the limits allow, with all: {least / seconds:.2f}")
            told.bound(f"{each.name}: share of what the limits allow", least / (seconds - once), least=LEAST_SHARE)
    return told
