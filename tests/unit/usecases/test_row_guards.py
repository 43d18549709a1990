"""Rows of a Sync and events of an Action that write the same records: each at every I/O point of the other."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from leadbridge.domain.guards import lead_guard
from leadbridge.domain.records import ObjectDescription, RowResult
from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import Step, Totals
from leadbridge.domain.waits import Waiting
from leadbridge.errors import UncertainWriteError
from leadbridge.usecases.sync_files import import_key
from tests.builders.actions import MARKETO, SALESFORCE, a_marketo_connection, a_salesforce_connection
from tests.builders.descriptions import a_salesforce_lead
from tests.builders.events import SECRET
from tests.builders.sync_runs import SLOT, SyncWorld
from tests.builders.syncs import a_sync
from tests.builders.world import World
from tests.fakes.connections import FakeConnections
from tests.fakes.marketo import FakeMarketo
from tests.fakes.salesforce import FakeSalesforce
from tests.fakes.steps import Crash
from tests.fakes.syncs import FakeSource

MOST_POINTS = 200
MAIL = "ada@example.com"
PEOPLE = [MAIL, *(f"{each}@example.com" for each in ("one", "two", "three"))]


@dataclass
class Leads:
    """The destination of the Sync: the org into which the Action writes."""

    org: FakeSalesforce
    rows: int = 4
    calls: int = 0
    #: whether the answer to the next creation is lost
    lost: list[bool] = field(default_factory=list)

    def describe(self) -> ObjectDescription:
        """Its fields."""
        return a_salesforce_lead()

    def find(self, keys: Any, fields: Any) -> Any:
        """Records by e-mail."""
        return self.org.find("Lead", list(fields), "Email", [key["Email"] for key in keys])

    def create(self, rows: Any) -> Any:
        """New records."""
        made = self.org.create("Lead", rows)
        if self.lost and self.lost.pop():
            raise UncertainWriteError("no answer", vendor="salesforce", operation="create")
        return made

    def update(self, rows: Any) -> list[RowResult]:
        """Records by id."""
        return list(self.org.update("Lead", rows))


@dataclass
class Vendors:
    """One source and one destination."""

    table: FakeSource
    leads: Leads

    def source(self, sync: Sync) -> FakeSource:
        """The instance's leads."""
        del sync
        self.table.calls = 0
        return self.table

    def destination(self, sync: Sync) -> Leads:
        """The org's Leads."""
        del sync
        return replace(self.leads, calls=0)

    def report_quota(self) -> None:
        """Nobody asks."""


class Both:
    """An Action and a Sync of the same people into the same org."""

    def __init__(self, *, known: bool = False, **members: Any) -> None:
        """`known`: the org has the person already, with a name of long ago."""
        self.events = World()
        document = {
            "source": {"connection": MARKETO, "object": "leads"},
            "conditions": {"clauses": [{"column": "email", "operator": "in", "value": PEOPLE}]},
            "destination": {"connection": SALESFORCE, "object": "Lead"},
            "dedupe": "import_everything",
            "mappings": [
                {"to": "Email", "column": "email"},
                {"to": "LastName", "column": "lastName"},
                {"to": "Company", "column": "company"},
            ],
        }
        self.syncs = SyncWorld(a_sync(to_salesforce=True, **(document | members)), beside=self.events)
        self.syncs.connections = FakeConnections(
            marketo={MARKETO: FakeMarketo(self.events.marketo.describe_leads())},
            salesforce={SALESFORCE: self.events.salesforce},
        )
        for connection in (a_marketo_connection(), a_salesforce_connection()):
            self.syncs.documents.put(connection)
        self.table = FakeSource(step=self.events.steps, clock=self.events.clock.now)
        self.leads = Leads(self.events.salesforce)
        self.syncs.others = Vendors(self.table, self.leads)
        self.rename("Byron")
        if known:
            self.events.salesforce.load("Lead", Email=MAIL, LastName="Long ago", Company="Analytical Engines")

    def rename(self, name: str, *others: str) -> None:
        """The person's name, which Marketo has from now on; and other people."""
        at = self.events.clock.now()
        people = [(7, MAIL, name), *((number, f"{each}@example.com", each) for number, each in enumerate(others, 20))]
        self.table.rows[:] = [
            ({"Id": str(number), "id": str(number), "email": mail, "lastName": last, "company": "Engines"}, at, at)
            for number, mail, last in people
        ]

    def event(self, name: str = "Lovelace") -> None:
        """The person is renamed, and a campaign calls the Action."""
        self.rename(name)
        self.events.receive(7, email=MAIL, lastName=name, company="Engines")

    def held(self) -> list[str]:
        """The names of all Leads."""
        return sorted(str(record["LastName"]) for record in self.events.salesforce.records("Lead"))

    def finish(self) -> None:
        """Let both come to their ends."""
        if self.syncs.start(SLOT).started or not self.syncs.run(SLOT).over:
            self.syncs.drive()
        self.events.run_out()


def at_point(both: Both, number: int, act: Callable[[], object]) -> Callable[[], bool]:
    """Let something happen at an I/O point of whatever runs; gives whether it has happened."""
    left, happened = number, False

    def step(_: str) -> None:
        nonlocal left, happened
        left -= 1
        if left == 0 and not happened:
            happened = True
            both.events.steps.on_step = lambda _: None
            act()

    both.events.steps.on_step = step
    return lambda: happened


def is_one(both: Both) -> None:
    """There is one record, of the event's name, and each side has told what became of its own."""
    assert both.held() == ["Lovelace"]
    run = both.syncs.run(SLOT)
    assert (run.step, run.totals.rows, run.totals.failed) == (Step.DONE, 1, 0)
    assert [item["outcome"] for item in both.events.inbox.logged.values()] in (["created"], ["updated"], ["unchanged"])
    assert both.events.keys.held() == {}


@pytest.mark.parametrize("known", [False, True])
def test_an_event_at_every_point_of_a_run_makes_one_record_of_its_own_values(known: bool) -> None:
    """An event that comes between any two calls of a Sync neither doubles the record nor loses to the older row."""
    for number in range(1, MOST_POINTS):
        both = Both(known=known)

        def arrive(both: Both = both) -> None:
            both.event()
            both.events.drain()

        happened = at_point(both, number, arrive)
        both.syncs.ran()
        if not happened():
            assert number > 20
            return
        both.finish()
        is_one(both)
    pytest.fail("more points than expected")


@pytest.mark.parametrize("known", [False, True])
def test_a_run_at_every_point_of_an_event_makes_one_record_of_its_values(known: bool) -> None:
    """A partition that is loaded between any two calls of an Action neither doubles the record nor undoes the event."""
    for number in range(1, MOST_POINTS):
        both = Both(known=known)
        both.syncs.start(SLOT)
        both.syncs.drive(until=Step.LOAD)
        both.event()
        happened = at_point(both, number, partial(both.syncs.step, SLOT, parts=(1,)))
        both.events.drain()
        if not happened():
            assert number > 20
            return
        both.finish()
        is_one(both)
    pytest.fail("more points than expected")


@pytest.mark.parametrize("known", [False, True])
def test_a_run_that_dies_at_every_point_beside_an_event_makes_one_record(known: bool) -> None:
    """A process that dies holds its guards for a while; then event and successor go on, and there is one record."""
    for number in range(1, MOST_POINTS):
        both = Both(known=known)
        both.syncs.start(SLOT)
        both.syncs.drive(until=Step.LOAD)
        both.event()
        both.events.steps.arm(number)
        try:
            both.syncs.step(SLOT, parts=(1,))
        except Crash:
            both.events.drain()
            both.finish()
            is_one(both)
        else:
            assert number > 10
            return
    pytest.fail("more points than expected")


def test_with_its_successor_the_guards_of_a_process_that_died_are_free() -> None:
    """It dies behind its creation: whoever goes on finds the record, and no event waits for the guards to expire."""
    both = Both()
    both.syncs.start(SLOT)
    both.syncs.drive(until=Step.LOAD)
    both.events.steps.on_step = lambda name: both.events.steps.die_of("salesforce.create.done")
    with pytest.raises(Crash):
        both.syncs.step(SLOT, parts=(1,))
    both.events.steps.on_step = lambda _: None
    assert both.events.keys.held()

    both.syncs.drive()
    assert (both.held(), both.events.keys.held()) == (["Byron"], {})


def test_a_record_in_doubt_stays_ours_until_it_would_show() -> None:
    """The answer to a creation is lost: an event of the same person waits, and finds the record."""
    both = Both()
    both.leads.lost.append(True)
    both.syncs.start(SLOT)
    both.syncs.drive(until=Step.LOAD)
    both.syncs.step(SLOT, parts=(1,))
    assert both.syncs.run(SLOT).step is Step.LOAD
    both.event()
    both.events.drain()

    assert both.held() == ["Byron"]
    assert [event.state.value for event in both.events.inbox.waiting.values()] == ["waiting"]
    both.finish()
    assert both.held() == ["Lovelace"]


def test_a_run_waits_for_an_event_that_is_parked_on_a_record() -> None:
    """Rows whose keys are an event's for long hold up their partition, not their run's end: nothing fails."""
    both = Both()
    both.rename("Byron", "one", "two")
    guards = both.events.keys
    both.syncs.start(SLOT)
    both.syncs.drive(until=Step.LOAD)
    both.event()
    both.events.steps.on_step = lambda name: both.events.steps.die_of("salesforce.create")
    with pytest.raises(Crash):
        both.events.drain()
    both.events.steps.on_step = lambda _: None
    assert guards.held()
    both.syncs.step(SLOT, parts=(1,))
    [part] = both.syncs.runs.parts(both.syncs.sync.id, SLOT)

    assert part.waiting is Waiting.VENDOR
    assert both.held() == ["one", "two"]
    both.finish()
    assert both.held() == ["Lovelace", "one", "two"]
    assert both.syncs.run(SLOT).totals == Totals(created=3) or both.syncs.run(SLOT).totals.failed == 0


def test_rows_of_keys_that_no_event_knows_are_looked_for_once() -> None:
    """Guards cost no vendor call: new records are looked for once, and their guards are gone behind the run."""
    both = Both()
    both.rename("Byron", "one", "two", "three")
    run = both.syncs.ran()

    assert (run.step, run.totals) == (Step.DONE, Totals(created=4))
    taken = both.events.steps.taken
    assert taken.count("salesforce.find") == 1
    # the shift begins, and holds each; one write ends it for all
    assert (taken.count("keys.hold"), taken.count("keys.end")) == (1 + 4, 1)
    assert both.events.keys.held() == {}


def test_a_row_that_left_the_source_gives_way_to_the_event() -> None:
    """The event wrote the record after the extract, and the source has the row no more: what the event wrote stands."""
    both = Both(known=True)
    both.syncs.start(SLOT)
    both.syncs.drive(until=Step.LOAD)
    both.event()
    both.events.run_out()
    both.table.rows.clear()
    both.syncs.drive()

    assert both.held() == ["Lovelace"]
    [line] = both.syncs.results().values()
    assert (line["outcome"], line["reason"]) == ("skipped", "event_won")


def test_what_an_older_event_made_since_the_look_is_seen() -> None:
    """An event from before the run writes between a row's look and its guard: the record is not made twice."""
    for number in range(1, MOST_POINTS):
        both = Both()
        both.event()
        both.events.clock.advance(1)
        both.syncs.start(SLOT)
        both.syncs.drive(until=Step.LOAD)
        happened = at_point(both, number, both.events.drain)
        both.syncs.step(SLOT, parts=(1,))
        if not happened():
            assert number > 10
            return
        both.finish()
        is_one(both)
    pytest.fail("more points than expected")


def test_a_person_whose_event_came_since_is_read_again_for_a_file() -> None:
    """The file of an import holds the row as the source has it after the event, and says so of no other row."""
    world = SyncWorld(a_sync(dedupe="import_everything", by={"load": "bulk"}))
    for number in range(1, 4):
        world.row(number)
        record = {"id": number, "email": f"p{number}@example.com", "lastName": "Old", "score": None}
        world.destination.records.append(record)
    world.start()
    world.drive(until=Step.LOAD)
    world.source.rows[1] = ({**world.source.rows[1][0], "LastName": "Newer"}, *world.source.rows[1][1:])
    world.source.rows[2] = ({**world.source.rows[2][0], "LastName": "Unseen"}, *world.source.rows[2][1:])
    sequence = f"{int(world.clock.advance(1).timestamp() * 1000):014d}#1"
    world.keys.let_go(lead_guard(SECRET, "marketing", "2"), "", written=("person-to-lead", sequence))
    run = world.drive(until=Step.LOAD_FILES)

    file = b"".join(world.objects.stored(import_key(run))).decode()
    assert file.splitlines()[1:] == ["p1@example.com,Name 1", "p2@example.com,Newer", "p3@example.com,Name 3"]
