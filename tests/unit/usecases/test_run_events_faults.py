"""Lost answers, spent quotas, broken logins and malformed records: nothing is lost and nothing doubled."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.event import Ending
from leadbridge.domain.records import Resolution
from leadbridge.errors import (
    AuthenticationError,
    ContractError,
    PermanentError,
    QuotaExhaustedError,
    RateLimitedError,
    SyncError,
    TransientError,
)
from tests.builders.actions import an_action
from tests.builders.descriptions import marketo_leads
from tests.builders.events import a_payload
from tests.builders.world import World
from tests.fakes.trouble import Row

DOWN = TransientError("not available", vendor="salesforce", operation="x", code="SERVER_UNAVAILABLE")


def everything_is_told_once(world: World, *lead_ids: int) -> None:
    """Each person has one record, its id, and one activity for each execution."""
    assert sorted(lead["Email"] for lead in world.leads()) == sorted(f"person{one}@example.com" for one in lead_ids)
    by_email = {lead["Email"]: lead["Id"] for lead in world.leads()}
    for lead_id in lead_ids:
        assert world.marketo.leads[lead_id]["salesforceId"] == by_email[f"person{lead_id}@example.com"]
    sent = [str(activity.attributes["executionId"]) for activity in world.marketo.logged()]
    assert sorted(sent) == sorted(world.inbox.logged)
    assert set(world.inbox.ends.values()) == {1}


# -- lost answers


@pytest.mark.parametrize("committed", [True, False], ids=["after the commit", "before the commit"])
@pytest.mark.parametrize(
    ("vendor", "operation", "outcome"),
    [
        pytest.param("salesforce", "create", "created", id="create"),
        pytest.param("salesforce", "update", "updated", id="update"),
        pytest.param("marketo", "sync_leads", "created", id="write-back"),
        pytest.param("marketo", "add_custom_activities", "created", id="activity"),
    ],
)
def test_a_lost_answer_ends_in_one_record_and_one_activity(
    *, vendor: str, operation: str, outcome: str, committed: bool
) -> None:
    """Whichever vendor call's answer is lost, each person ends with one record, one activity and one outcome."""
    world = World()
    if operation == "update":
        for lead_id in (1, 2):
            world.salesforce.load("Lead", Email=f"person{lead_id}@example.com")
    getattr(world, vendor).trouble.lose_answer(operation, committed=committed)
    executions = [world.receive(1), world.receive(2)]

    world.run_out()

    assert [world.ended(execution) for execution in executions] == [(outcome, "")] * 2
    everything_is_told_once(world, 1, 2)


def test_a_lost_answer_of_a_vendor_upsert_counts_as_created() -> None:
    """An upsert by external id whose answer was lost after the commit is found again and counted as created."""
    world = World(an_action(identifier={"column": "externalId", "field": "External__c"}))
    world.salesforce.trouble.lose_answer("upsert")

    execution = world.receive(1, externalId="X-1")
    world.run_out()

    assert world.ended(execution) == ("created", "")
    everything_is_told_once(world, 1)


def test_a_repeated_vendor_upsert_that_had_committed_late_counts_as_created() -> None:
    """An upsert that commits only after it was looked for is repeated, makes no second record and stays "created"."""
    world = World(an_action(identifier={"column": "externalId", "field": "External__c"}))
    world.salesforce.trouble.lose_answer("upsert", late_seconds=66)
    execution = world.receive(1, externalId="X-1")

    world.run_out()

    assert world.ended(execution) == ("created", "")
    everything_is_told_once(world, 1)


def test_a_create_that_commits_late_is_not_repeated() -> None:
    """A create that commits 30 s after its answer was lost is found before anything is repeated."""
    world = World()
    world.salesforce.trouble.lose_answer("create", late_seconds=30)
    execution = world.receive(1)

    world.run_out()

    assert world.ended(execution) == ("created", "")
    assert world.salesforce.trouble.made("create") == 1
    everything_is_told_once(world, 1)


def test_a_lost_create_beside_records_of_the_same_address_is_told_from_them() -> None:
    """A create-only Action finds its own lost record among others of the same address: the one that is new."""
    world = World(an_action(type="create"))
    old = {world.salesforce.load("Lead", Email="person1@example.com") for _ in range(2)}
    world.salesforce.trouble.lose_answer("create")
    execution = world.receive(1)

    world.run_out()

    assert world.ended(execution) == ("created", "")
    assert len(world.leads()) == 3
    assert world.execution(execution)["salesforce_id"] not in old


def test_a_lost_create_that_could_be_several_records_is_uncertain() -> None:
    """Where two new records could be the lost one, the event fails as uncertain and names both; nothing is doubled."""
    world = World(an_action(type="create"))
    world.salesforce.trouble.lose_answer("create")
    world.salesforce.trouble.fail("find", DOWN, nth=2)  # the look at once
    execution = world.receive(1)
    world.drain(remaining=lambda: 152.0)
    world.salesforce.load("Lead", Email="person1@example.com")

    world.clock.advance(6)
    world.run_out()

    assert world.ended(execution) == ("failed", "uncertain")
    assert all(lead["Id"] in world.execution(execution)["message"] for lead in world.leads())
    assert len(world.leads()) == 2


def test_an_idempotency_field_tells_the_own_record_for_sure() -> None:
    """With an idempotency field the lost record is recognised by the execution id, whoever else created one."""
    destination = {"connection": "salesforce-demo", "object": "Lead", "idempotency_field": "Leadbridge__c"}
    world = World(an_action(type="create", destination=destination))
    world.salesforce.trouble.lose_answer("create")
    execution = world.receive(1)
    world.drain(remaining=lambda: 152.0)
    world.salesforce.load("Lead", Email="person1@example.com")

    world.clock.advance(6)
    world.run_out()

    assert world.ended(execution) == ("created", "")
    mine = next(lead for lead in world.leads() if lead.get("Leadbridge__c") == execution)
    assert world.execution(execution)["salesforce_id"] == mine["Id"]


def test_a_create_that_commits_after_it_was_repeated_makes_no_second_record_with_an_idempotency_field() -> None:
    """A create that commits just before it is repeated is refused by the unique field and found at the next look."""
    destination = {"connection": "salesforce-demo", "object": "Lead", "idempotency_field": "Leadbridge__c"}
    world = World(an_action(destination=destination))
    world.salesforce.trouble.lose_answer("create", committed=False)
    execution = world.receive(1)
    world.drain()
    create = world.salesforce.create
    late: list[bool] = []

    def committed_meanwhile(object_name: str, rows: Any, **options: Any) -> Any:
        if not late:
            late.append(True)
            create(object_name, rows, **options)
        return create(object_name, rows, **options)

    world.salesforce.create = committed_meanwhile  # type: ignore[method-assign]  # between look and repetition
    world.run_out()

    assert world.ended(execution) == ("created", "")
    everything_is_told_once(world, 1)


def test_an_activity_that_shows_late_is_not_doubled() -> None:
    """An activity whose answer was lost is waited for until Marketo must show it, however long the event took."""
    world = World(activity_lag=timedelta(seconds=40))
    spent = QuotaExhaustedError("used up", resets_at=world.clock.now() + timedelta(hours=1), vendor="salesforce")
    world.salesforce.trouble.fail("create", spent)
    world.marketo.trouble.lose_answer("add_custom_activities")
    execution = world.receive(1)
    world.drain()
    world.clock.advance(3601)

    world.run_out()

    assert world.ended(execution) == ("created", "")
    everything_is_told_once(world, 1)


def test_a_lost_activity_after_a_failed_write_back_is_not_doubled() -> None:
    """A store that fails after the activity was sent leaves a mark, so that it is looked for before a repetition."""
    world = World()
    world.marketo.trouble.fail("sync_leads", RateLimitedError("606", vendor="marketo", code="606"))
    execution = world.receive(1)
    finish = world.inbox.finish

    def throttled(endings: Sequence[Ending]) -> Sequence[Ending]:
        world.inbox.finish = finish  # type: ignore[method-assign]  # the table is back
        raise TransientError("no progress", vendor="aws", operation="TransactWriteItems")

    world.inbox.finish = throttled  # type: ignore[method-assign]  # the seam is the port itself

    world.run_out()

    assert world.ended(execution) == ("created", "")
    everything_is_told_once(world, 1)


def test_an_uncertain_update_does_not_overwrite_a_newer_event() -> None:
    """An update in doubt that comes back after a newer event of the person was written is superseded."""
    world = World()
    world.salesforce.load("Lead", Email="person7@example.com", FirstName="First")
    world.salesforce.trouble.lose_answer("update", committed=False)
    refused = AuthenticationError("refused", vendor="salesforce", operation="find", code="invalid_grant")
    world.salesforce.trouble.fail("find", refused, nth=2)

    older = world.receive(7, firstName="Older")
    world.drain()
    world.clock.advance(61)
    world.drain()  # the login is refused
    world.keys.release(older, world.keys.held_by(older))  # as if its guards had ended
    newer = world.receive(7, firstName="Newer")
    world.drain()
    assert world.ended(newer) == ("updated", "")
    world.clock.advance(900)
    world.run_out()

    assert [lead["FirstName"] for lead in world.leads()] == ["Newer"]
    assert world.ended(older) == ("superseded", "overtaken")


@pytest.mark.parametrize(
    ("vendor", "operation", "looks"),
    [
        ("salesforce", "create", {"find": 2}),
        ("marketo", "sync_leads", {"leads_by_filter": 1}),
        ("marketo", "add_custom_activities", {"activities": 1}),
    ],
)
def test_a_lost_answer_is_looked_for_at_once(vendor: str, operation: str, looks: dict[str, int]) -> None:
    """What the vendor has committed is found by one look and not sent again: no delay, nothing but that call more."""
    world = World()
    double = getattr(world, vendor)
    double.trouble.lose_answer(operation)
    executions = [world.receive(lead_id) for lead_id in range(1, 61)]

    world.drain()

    assert [world.ended(execution)[0] for execution in executions] == ["created"] * 60
    assert double.trouble.made(operation) == 1
    assert {name: double.trouble.made(name) for name in looks} == looks
    everything_is_told_once(world, *range(1, 61))


def test_a_late_update_does_not_undo_what_came_after_it() -> None:
    """An update whose answer is lost and which the vendor commits half a minute later never has the last word."""
    world = World()
    world.salesforce.load("Lead", Email="person7@example.com", FirstName="First")
    world.salesforce.trouble.lose_answer("update", late_seconds=30)

    older = world.receive(7, firstName="Older")
    world.drain()
    newer = world.receive(7, firstName="Newer")
    for _ in range(30):
        world.drain()
        world.clock.advance(5)
    world.run_out()

    assert [lead["FirstName"] for lead in world.leads()] == ["Newer"]
    assert (world.ended(older)[0], world.ended(newer)[0]) == ("updated", "updated")


# -- calls that fail as a whole


@pytest.mark.parametrize(
    ("vendor", "operation"),
    [
        ("salesforce", "describe"),
        ("salesforce", "find"),
        ("salesforce", "create"),
        ("marketo", "sync_leads"),
        ("marketo", "custom_activity_type"),
        ("marketo", "add_custom_activities"),
    ],
)
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(TransientError("busy", vendor="v", code="608"), id="transient"),
        pytest.param(RateLimitedError("slow down", vendor="v", code="606", retry_after_seconds=20), id="rate"),
    ],
)
def test_a_passing_error_is_a_delay(vendor: str, operation: str, error: SyncError) -> None:
    """A call that was not executed is made again later, and every event ends as if nothing had been."""
    world = World()
    getattr(world, vendor).trouble.fail(operation, error, times=2)
    executions = [world.receive(1), world.receive(2)]

    world.run_out()

    assert [world.ended(execution) for execution in executions] == [("created", "")] * 2
    everything_is_told_once(world, 1, 2)


@pytest.mark.parametrize(
    ("vendor", "operation"),
    [
        ("salesforce", "describe"),
        ("salesforce", "find"),
        ("salesforce", "create"),
        ("marketo", "sync_leads"),
        ("marketo", "add_custom_activities"),
    ],
)
def test_a_spent_quota_parks_until_it_resets(vendor: str, operation: str) -> None:
    """A spent quota shows the event as parked with the vendor's code and the reset; it is tried again by the hour."""
    world = World()
    resets_at = world.clock.now() + timedelta(hours=6)
    spent = QuotaExhaustedError("used up", resets_at=resets_at, vendor="marketo", code="607")
    getattr(world, vendor).trouble.fail(operation, spent)
    execution = world.receive(1)

    world.drain()

    item = world.execution(execution)
    assert (item["state"], item["reason"]) == ("parked", "marketo_607")
    assert "18:00" in item["message"]
    before = list(world.salesforce.trouble.calls)
    world.clock.advance(3_599)
    world.drain()
    assert world.salesforce.trouble.calls == before, "nothing is tried before the hour is over"
    world.clock.advance(2)
    world.run_out()
    assert world.ended(execution) == ("created", "")
    everything_is_told_once(world, 1)


@pytest.mark.parametrize(("vendor", "operation"), [("salesforce", "describe"), ("marketo", "sync_leads")])
def test_a_broken_login_parks_and_is_probed(vendor: str, operation: str) -> None:
    """A refused login parks all events with one call, and they resume by themselves when it works again."""
    world = World()
    refused = AuthenticationError("refused", vendor=vendor, operation=operation, code="invalid_grant")
    getattr(world, vendor).trouble.fail(operation, refused)
    executions = [world.receive(lead_id) for lead_id in range(1, 21)]

    world.drain()

    assert world.states() == {"parked": 20}
    assert getattr(world, vendor).trouble.made(operation) == 1
    assert "Repair the connection" in world.execution(executions[0])["message"]
    world.clock.advance(15 * 60 + 1)
    world.run_out()
    assert world.outcomes() == {"created": 20}


@pytest.mark.parametrize("error", [PermanentError, ContractError])
@pytest.mark.parametrize(
    ("vendor", "operation"),
    [
        ("salesforce", "describe"),
        ("salesforce", "find"),
        ("salesforce", "create"),
        ("marketo", "sync_leads"),
        ("marketo", "add_custom_activities"),
    ],
)
def test_what_can_never_succeed_is_parked_and_can_be_redriven(
    vendor: str, operation: str, error: type[SyncError]
) -> None:
    """A refusal for good parks the event with the vendor's code; after a repair redrive ends it, once."""
    world = World()
    getattr(world, vendor).trouble.fail(operation, error("refused", vendor=vendor, operation=operation, code="X"))
    execution = world.receive(1)

    world.drain()

    item = world.execution(execution)
    assert (item["state"], item["reason"]) == ("parked", f"{vendor}_X")
    assert world.meter.of("FatalVendorErrors") == 1
    assert world.redrive(execution).done
    world.run_out()
    assert world.ended(execution) == ("created", "")
    everything_is_told_once(world, 1)


def test_one_malformed_record_is_found_by_halving() -> None:
    """Where one of 64 records spoils the call, the other 63 are created and that one alone is parked."""
    world = World()
    malformed = PermanentError("cannot be read", vendor="salesforce", operation="create", code="JSON_PARSER_ERROR")

    def bad(row: Row) -> bool:
        return bool(row["Email"] == "person13@example.com")

    world.salesforce.trouble.poison("create", bad, malformed)
    executions = {lead_id: world.receive(lead_id) for lead_id in range(1, 65)}

    world.drain()

    assert world.outcomes() == {"created": 63}
    assert world.execution(executions[13])["state"] == "parked"
    assert world.salesforce.trouble.made("create") <= 13
    assert len(world.leads()) == 63


def test_a_call_that_fails_for_every_record_is_not_halved_for_ever() -> None:
    """Where every record is refused, the search for a malformed one ends after a bounded number of calls."""
    world = World()
    refused = PermanentError("no permission", vendor="salesforce", operation="create", code="INSUFFICIENT_ACCESS")
    world.salesforce.trouble.poison("create", lambda _: True, refused)
    for lead_id in range(1, 201):
        world.receive(lead_id)

    world.drain()

    assert world.states() == {"parked": 200}
    assert world.salesforce.trouble.made("create") <= 40


def test_a_row_whose_answer_was_lost_is_looked_for() -> None:
    """A record of which the client says that its part of the call was lost is looked for, not failed nor doubled."""
    world = World()
    create = world.salesforce.create
    lost: list[bool] = []

    def second_half_lost(object_name: str, rows: Any, **options: Any) -> Any:
        results = list(create(object_name, rows, **options))
        if not lost:
            lost.append(True)
            results[-1] = type(results[-1])(
                ok=False, status="failed", code="timeout", message="no answer", resolution=Resolution.UNCERTAIN
            )
        return results

    world.salesforce.create = second_half_lost  # type: ignore[method-assign]  # as a call in two parts can end
    executions = [world.receive(1), world.receive(2)]
    world.run_out()

    assert [world.ended(execution) for execution in executions] == [("created", "")] * 2
    everything_is_told_once(world, 1, 2)


@pytest.mark.parametrize("resolution", [Resolution.QUOTA, Resolution.REAUTH, Resolution.RATE, Resolution.RETRY])
@pytest.mark.parametrize("operation", ["create", "sync_leads", "add_custom_activities"])
def test_a_row_that_may_be_sent_again_is_sent_again(operation: str, resolution: Resolution) -> None:
    """A record that was not executed for a passing reason is sent again and ends as if nothing had been."""
    world = World()
    trouble = world.salesforce.trouble if operation == "create" else world.marketo.trouble
    trouble.refuse_rows(operation, lambda _: True, "LATER", resolution=resolution)
    executions = [world.receive(1), world.receive(2)]

    world.run_out()

    assert [world.ended(execution) for execution in executions] == [("created", "")] * 2
    everything_is_told_once(world, 1, 2)


def test_delays_of_calls_do_not_use_up_the_tries_of_a_row() -> None:
    """A record that is locked for a moment after a long outage of the vendor is tried again, not failed."""
    world = World()
    world.salesforce.trouble.fail("create", DOWN, times=6)
    world.salesforce.trouble.refuse_rows("create", lambda _: True, "UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY)
    execution = world.receive(1)

    world.run_out()

    assert world.ended(execution) == ("created", "")


def test_what_a_vendor_does_not_take_for_two_weeks_is_parked_and_has_two_weeks_more_when_redriven() -> None:
    """An outage of 13 days is waited out; after 14 the call is parked with the vendor's code, and a redrive starts
    anew, so that it is written once the vendor is back."""
    world = World()
    world.salesforce.trouble.fail("find", DOWN, times=10_000)
    execution = world.receive(1)
    world.drain()
    for _ in range(13):
        world.clock.advance(24 * 3_600)
        world.drain()
    assert world.execution(execution)["state"] == "waiting"
    world.clock.advance(24 * 3_600)
    world.drain()
    parked = world.execution(execution)
    assert (parked["state"], parked["reason"]) == ("parked", "salesforce_SERVER_UNAVAILABLE")
    assert "14 days" in parked["message"]

    assert world.redrive(execution).done
    world.drain()
    world.clock.advance(13 * 24 * 3_600)
    world.drain()
    assert world.execution(execution)["state"] == "waiting"
    world.salesforce.trouble.heal()
    world.clock.advance(3_600)
    world.run_out()
    assert world.ended(execution) == ("created", "")


def test_a_record_that_a_vendor_wants_again_for_two_weeks_is_parked() -> None:
    """The answer concerns one record of a call; after 14 days it waits for a person instead."""
    world = World()
    world.salesforce.trouble.refuse_rows("create", lambda _: True, "LATER", resolution=Resolution.RATE, times=10_000)
    execution = world.receive(1)
    for _ in range(15):
        world.drain()
        world.clock.advance(24 * 3_600)
    world.drain()

    parked = world.execution(execution)
    assert (parked["state"], parked["reason"]) == ("parked", "salesforce_LATER")
    assert "14 days" in parked["message"]


def test_order_holds_while_an_older_event_waits() -> None:
    """A newer event of a person does not pass an older one that waits for a lock."""
    world = World()
    world.salesforce.load("Lead", Email="person7@example.com")
    world.salesforce.trouble.fail("update", DOWN)

    older, newer = world.receive(7, firstName="Older"), world.receive(7, firstName="Newer")
    world.run_out()

    assert (world.ended(older)[0], world.ended(newer)[0]) == ("updated", "updated")
    assert [lead["FirstName"] for lead in world.leads()] == ["Newer"]


def test_a_missing_connection_parks_with_a_readable_reason() -> None:
    """An Action whose connection is not there parks its events; the reason code names what is wrong."""
    world = World(an_action(destination={"connection": "gone", "object": "Lead"}))
    world.receive_payload(a_payload(7))

    world.drain_lane()("gone", lambda: 900.0)

    (item,) = world.inbox.logged.values()
    assert item["state"] == "parked"
    assert item["reason"] == "configuration"
    assert "there is no connection gone" in item["message"]


def test_a_removed_marketo_field_parks_what_was_written() -> None:
    """A write-back field that is gone from Marketo parks the event after its write; a redrive ends it, once."""
    world = World()
    described = marketo_leads()
    gone = type(described)(
        name="leads", fields={name: field for name, field in described.fields.items() if name != "salesforceId"}
    )
    world.marketo._described = gone
    execution = world.receive(1)
    world.drain()
    assert (world.execution(execution)["state"], world.execution(execution)["reason"]) == ("parked", "marketo_1006")

    world.marketo._described = described
    world.redrive(execution)
    world.run_out()

    assert world.ended(execution) == ("created", "")
    everything_is_told_once(world, 1)
