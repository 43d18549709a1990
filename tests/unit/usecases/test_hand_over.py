"""Rows of a Sync that become calls of a connector Action: each once, whatever dies, however often it is delivered."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.carried import Asked
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.handing_over import cost_of
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.messages import read_batch
from leadbridge.domain.outcome import State
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_plan import Cost
from leadbridge.domain.syncing import Step, SyncRun, Totals
from leadbridge.domain.waits import Waiting
from leadbridge.errors import TransientError
from leadbridge.sync_ports import SyncDestination
from leadbridge.usecases.hand_over import HandOver
from leadbridge.usecases.preview_sync import PreviewSync
from leadbridge.usecases.price_sync import PriceSync
from leadbridge.usecases.start_sync import vendor_of
from leadbridge.usecases.sync_results import SyncResults
from leadbridge.usecases.view_sync import ViewSync
from tests.builders.actions import MARKETO
from tests.builders.connectors import ToMarketo, a_connector, a_mail, a_merge, an_upsert, by_email
from tests.builders.sync_runs import SLOT, SyncWorld
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON
from tests.fakes.steps import Step as Point
from tests.fakes.syncs import FakeSource

LATER = "20260302T130000Z"
MAIL: dict[str, Any] = {"person": {"lead_id": "id"}, "tokens": [{"to": "name", "column": "name"}]}
HANDED: dict[str, Any] = {
    "destination": {"connection": MARKETO, "object": "action", "action": "connector"},
    "match": [{"column": "Marketo_Id__c", "field": "id"}],
    "mappings": [{"to": "id", "column": "Marketo_Id__c"}, {"to": "name", "column": "LastName"}],
    "import_rule": "create",
    "dedupe": "import_everything",
}


class FakeQueue:
    """Keeps messages, of which the last ones may not have come when its process dies."""

    def __init__(self, step: Point) -> None:
        self.messages: list[str] = []
        self.errors: list[TransientError] = []
        self._step = step

    def send(self, messages: Iterable[str]) -> None:
        """Make messages durable."""
        for message in messages:
            self._step("queue.send")
            self.messages.append(message)
            self._step("queue.send.done")
        if self.errors:
            raise self.errors.pop(0)


class HandOverVendors:
    """`sync_ports.SyncVendors`: the one source, and the Action."""

    def __init__(self, source: FakeSource, calls: HandOver) -> None:
        self._source = source
        self._calls = calls

    def source(self, sync: Sync) -> FakeSource:
        """The one source."""
        del sync
        self._source.calls = 0
        return self._source

    def destination(self, sync: Sync) -> SyncDestination:
        """The Action of the Sync."""
        return self._calls(sync)

    def report_quota(self) -> None:
        """Nobody asks."""


class HandedOver(SyncWorld):
    """A Sync that hands its rows over, and the world in which their calls run."""

    def __init__(self, sync: Sync | None = None, action: ConnectorAction | None = None, *, active: bool = True) -> None:
        super().__init__(sync or a_sync(**HANDED))
        self.target = ToMarketo(action or a_mail(**MAIL), clock=self.clock)
        for kind, name in (("marketo_connection", MARKETO), ("action", "connector")):
            stored = self.target.configurations.get(kind, name)
            assert stored is not None
            self.documents.put(stored.document)
        if active:
            self.documents.move("action", "connector", Move.ACTIVATE)
        self.queue = FakeQueue(self.steps)
        self.others = HandOverVendors(
            self.source, HandOver(documents=self.documents, clock=self.clock, queue=lambda: self.queue)
        )

    def person(self, number: int, **members: str) -> None:
        """A row of the source whose person Marketo has."""
        self.target.marketo.load(number)
        self.row(number, Marketo_Id__c=str(number), **members)

    def deliver(self) -> None:
        """The queue delivers everything, twice, and the calls run to their ends."""
        records = [{"messageId": str(place), "body": body} for place, body in enumerate(self.queue.messages * 2)]
        arrivals, unreadable = read_batch(records)
        assert not unreadable
        assert self.target.store_events()(arrivals) == []
        self.target.run_out()

    def requested(self) -> list[int]:
        """Who went through the campaign, as often as they did."""
        return sorted(lead_id for _, lead_id, _ in self.target.marketo.requests)


@pytest.mark.parametrize("count", [1, 7])
def test_each_row_becomes_a_call_of_the_action_and_its_execution_is_named(count: int) -> None:
    """Every row is counted as handed over and names its execution, which ends with the Action's own outcome."""
    world = HandedOver()
    for number in range(1, count + 1):
        world.person(number)
    run = world.ran()
    world.deliver()

    assert (run.step, run.totals, run.calls > 0) == (Step.DONE, Totals(handed_over=count), True)
    results = world.results()
    listed = list(
        SyncResults(documents=world.documents, runs=world.runs, objects=world.objects).rows(
            run.sync, run.slot, "handed_over"
        )
    )
    assert [(row.row, row.source_id) for row in sorted(listed, key=lambda row: row.row)] == [
        (number, f"{number:03}") for number in range(1, count + 1)
    ]
    assert {row.id for row in listed} == {line["id"] for line in results.values()}
    assert {line["outcome"] for line in results.values()} == {"handed_over"}
    ended = [world.target.inbox.logged[line["id"]] for line in results.values()]
    assert {(each["state"], each["reason"]) for each in ended} == {("ended", "requested")}
    assert world.requested() == list(range(1, count + 1))
    assert {tokens["{{my.name}}"] for _, _, tokens in world.target.marketo.requests} == {
        f"Name {number}" for number in range(1, count + 1)
    }


@pytest.mark.fault("FA05")
def test_nobody_is_mailed_twice_wherever_a_process_dies() -> None:
    """Whichever operation of a run is its process's last: everybody is requested once, and counted once."""
    for point in range(1, 150):
        world = HandedOver()
        for number in range(1, 6):
            world.person(number)
        world.start()
        world.steps.arm(point)
        run = world.drive()
        died = world.steps.die_at is None
        world.steps.disarm()
        world.deliver()
        assert run.totals == Totals(handed_over=5), point
        assert world.requested() == [1, 2, 3, 4, 5], point
        if not died:
            assert point > 25
            return
    pytest.fail("there are more points than are looked at")


def test_a_lost_answer_of_the_queue_doubles_nothing() -> None:
    """The queue took the calls and its answer was lost: the step fails, is taken again, and nobody is asked twice."""
    world = HandedOver()
    world.person(1)
    world.queue.errors = [TransientError("lost", vendor="aws", operation="SendMessageBatch")]
    world.start()
    with pytest.raises(TransientError):
        world.drive()
    run = world.drive()
    world.deliver()

    assert (run.totals, len(world.queue.messages)) == (Totals(handed_over=1), 2)
    assert world.requested() == [1]


def test_a_change_is_handed_over_once_though_windows_overlap() -> None:
    """An incremental Sync reads a minute again: the same change is the same call, a new change another one."""
    world = HandedOver(a_sync(**HANDED, extraction="incremental"))
    stamp = (NOON - timedelta(seconds=30)).isoformat()
    world.target.marketo.load(1)
    world.changed(1, NOON - timedelta(seconds=30), Marketo_Id__c="1", SystemModstamp=stamp)
    world.ran()
    world.clock.advance(10)
    again = world.ran("20260302T120010Z")
    world.deliver()

    assert again.totals == Totals(handed_over=1)
    assert world.requested() == [1]

    world.clock.advance(3600)
    later = world.clock.now() - timedelta(seconds=30)
    columns = dict(world.source.rows[0][0]) | {"SystemModstamp": later.isoformat()}
    world.source.rows[0] = (columns, later, later)
    world.ran(LATER)
    world.deliver()
    assert world.requested() == [1, 1]


def test_a_full_sync_asks_everybody_again_with_each_run() -> None:
    """Without a watermark each run is meant for everybody."""
    world = HandedOver()
    world.person(1)
    world.ran()
    world.clock.advance(3600)
    world.ran(LATER)
    world.deliver()

    assert world.requested() == [1, 1]


def test_a_row_that_failed_is_handed_over_once_however_often_it_is_tried_again() -> None:
    """Two rows fail; one retry hands one over, a retry of that the other. Whoever retries the first run once more, or
    a retry, reads the same rows: they are the same calls. A new run calls for everybody again."""
    world = HandedOver()
    for number in (1, 2, 3):
        world.person(number)

    def holds(number: int, value: str) -> None:
        columns, at, shown = world.source.rows[number - 1]
        world.source.rows[number - 1] = (dict(columns) | {"Marketo_Id__c": value}, at, shown)

    def retried(slot: str) -> SyncRun:
        world.clock.advance(3600)
        return world.drive(world.starting().retry(world.sync.id, slot).slot)

    holds(2, "nobody")
    holds(3, "nobody")
    assert world.ran().totals == Totals(handed_over=1, failed=2)
    holds(2, "2")
    first = retried(SLOT)
    holds(3, "3")
    second = retried(first.slot)
    assert [run.totals for run in (first, second)] == [Totals(handed_over=1, failed=1), Totals(handed_over=1)]
    assert retried(SLOT).totals == Totals(handed_over=2)
    assert retried(first.slot).totals == Totals(handed_over=1)
    world.deliver()
    assert world.requested() == [1, 2, 3]

    world.clock.advance(3600)
    world.ran("20260303T120000Z")
    world.deliver()
    assert world.requested() == [1, 1, 2, 2, 3, 3]


def test_a_run_of_an_action_that_is_not_active_hands_nothing_over() -> None:
    """The run fails before it reads a row, and says what to do."""
    world = HandedOver(active=False)
    world.person(1)
    run = world.ran()

    assert (run.step, run.pulled, world.queue.messages) == (Step.FAILED, 0, [])
    assert "destination.action: connector is not active; `leadbridge activate connector`" in run.message


def test_calls_of_an_action_that_was_deactivated_meanwhile_are_kept() -> None:
    """They are recorded as those of a webhook are, and can be run later."""
    world = HandedOver()
    world.person(1)
    world.start()
    world.drive(until=Step.LOAD)
    world.documents.move("action", "connector", Move.DEACTIVATE)
    run = world.drive()
    world.deliver()

    assert run.totals == Totals(handed_over=1)
    (logged,) = world.target.inbox.logged.values()
    assert (logged["state"], logged["reason"], world.requested()) == (State.NOT_RUN.value, "not_active", [])


def test_a_row_that_no_call_can_hold_fails_alone() -> None:
    """A lead id that is none fails its row with the door's reason; the others go."""
    world = HandedOver()
    world.person(1)
    world.row(2, Marketo_Id__c="nobody")
    run = world.ran()
    world.deliver()

    assert run.totals == Totals(handed_over=1, failed=1)
    assert [line["reason"] for line in world.results().values() if line["outcome"] == "failed"] == ["lead_id_invalid"]
    assert world.requested() == [1]


def test_preview_and_price_speak_of_calls() -> None:
    """Preview says of each row that it would be handed over; the price is that of the Action's calls."""
    world = HandedOver(action=a_connector(person=by_email()), sync=a_sync(**(HANDED | BY_EMAIL)))
    for number in range(1, 11):
        world.person(number)

    def vendor(connection: str) -> Vendor:
        return vendor_of(world.documents, connection)

    view = ViewSync(
        documents=world.documents,
        runs=world.runs,
        vendors=world.vendors(),
        facts=world.facts(),
        vendor=vendor,
        clock=world.clock,
    )
    preview = PreviewSync(view=view, runs=world.runs, vendors=world.vendors())
    found = preview(world.sync.id)
    price = PriceSync(documents=world.documents, preview=preview, instances=dict, clock=world.clock)(world.sync.id)

    assert {row.outcome for row in found.rows} == {"handed_over"}
    assert [(each.name, each.before) for each in found.rows[0].fields] == [("email", None)]
    assert found.load.why == "each row becomes a call of the Action connector"
    assert (price.run["marketo"], price.warnings) == (Cost(calls=20), ())
    world.documents.move("action", "connector", Move.DEACTIVATE)
    [warning] = PriceSync(documents=world.documents, preview=preview, instances=dict, clock=world.clock)(
        world.sync.id
    ).warnings
    assert warning.startswith("destination.action: connector is not active")
    assert world.queue.messages == []


BY_EMAIL: dict[str, Any] = {
    "match": [{"column": "Email", "field": "email"}],
    "mappings": [{"to": "email", "column": "Email"}],
}


@pytest.mark.parametrize(
    ("action", "cost"),
    [
        (a_mail(), Cost(calls=1000)),
        (a_merge(), Cost(calls=2000)),
        (a_connector(person=by_email(), batch={"count": 300}), Cost(calls=8)),
        (an_upsert(), Cost(calls=1000)),
        (
            an_upsert(operation="import_leads", strategy=None, lookup_field="email"),
            Cost(calls=3, job_slots=1, minutes=1.0),
        ),
    ],
)
def test_an_actions_calls_have_their_price(action: ConnectorAction, cost: Cost) -> None:
    """A thousand rows: one call each, and one to look where the operation looks; together where they are batched."""
    assert cost_of(action, 1000) == cost


@pytest.mark.parametrize(("rows", "parks"), [(3, False), (4, True)])
def test_more_calls_than_the_guard_allows_ask_before_they_are_handed_over(rows: int, parks: bool) -> None:
    """One call more than the limit: nobody is called until a person confirms, then everybody is, once."""
    world = HandedOver(a_sync(**HANDED, guard={"calls": 3}))
    for number in range(1, rows + 1):
        world.person(number)
    world.start()
    asked = 0
    while not (run := world.run()).over:
        if run.waiting is Waiting.GUARD:
            told = f"the run would hand over {rows} calls (the limit is 3); nothing is written yet"
            assert (run.message.partition(",")[0], world.queue.messages) == (told, [])
            world.starting().ask(world.sync.id, SLOT, Asked.CONFIRM)
            asked += 1
        for part in world.step(begin=True)["open"]:
            world.step(parts=(part,))
        world.step()
    world.deliver()

    assert (run.step, run.totals, asked) == (Step.DONE, Totals(handed_over=rows), int(parks))
    assert world.requested() == list(range(1, rows + 1))
