"""Faults of Salesforce, seen by the use-cases through the product's client and over HTTP."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from leadbridge.domain.action import Action
from tests.builders.actions import an_action
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import CREATE, LEADS, LOGIN, QUERY, UPDATE, UPSERT, Build, WiredWorld

LOCK_INSIDE = "LeadTrigger: execution of BeforeInsert caused by: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access"
SESSION_INSIDE = "LeadTrigger: execution of AfterInsert caused by: System.CalloutException: INVALID_SESSION_ID"
DEAD_SESSION = json.dumps([{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}])


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a world on the twins."""
    return partial(WiredWorld, clients, marketo, salesforce)


@pytest.fixture
def limits(salesforce: Twin) -> Iterator[Twin]:
    """The Salesforce twin, whose limits are as before afterwards."""
    before = salesforce.get("limits")
    yield salesforce
    salesforce.post("limits", before)


def by_external_key(**changes: Any) -> Action:
    """An Action that finds its records by a unique external id."""
    mappings = [
        {"column": column, "to": field}
        for column, field in (
            ("email", "Email"),
            ("lastName", "LastName"),
            ("company", "Company"),
            ("externalKey", "External_Key__c"),
        )
    ]
    return an_action(identifier={"column": "externalKey", "field": "External_Key__c"}, mappings=mappings, **changes)


def emails(rows: list[dict[str, Any]]) -> list[str]:
    """Who stands in the rows of a write."""
    return [row["Email"] for row in rows]


def seconds_until_due(world: WiredWorld, execution: str) -> float:
    """How long the execution still waits."""
    due = datetime.fromisoformat(world.execution(execution)["due_at"])
    return (due - world.clock.now()).total_seconds()


@pytest.mark.fault("FS01")
def test_a_session_that_dies_before_the_write_costs_one_login_and_that_call(build: Build) -> None:
    """401 for the create: one more login, the same rows once more, the query not repeated, one record each."""
    world = build()
    world.fault(CREATE, "http", status=401, body=DEAD_SESSION, times=1)
    for lead_id in (1, 2, 3):
        world.receive(lead_id)

    world.run_out()

    assert (world.calls(LOGIN), world.calls(QUERY)) == (2, 1)
    first, again = world.sent(CREATE)
    assert first == again
    assert world.outcomes() == {"created": 3}
    assert {item["attempts"] for item in world.inbox.logged.values()} == {0}
    world.everybody_once(1, 2, 3)


@pytest.mark.fault("FS01")
def test_a_session_that_died_inside_a_rows_automation_costs_one_login_and_that_row(build: Build) -> None:
    """One row of three names a dead session in its Apex text: a new login, and that row alone is sent again."""
    world = build()
    code = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    world.fault(CREATE, "row_error", code=code, message=SESSION_INSIDE, rows=[1], times=1)
    for lead_id in (1, 2, 3):
        world.receive(lead_id)

    world.run_out()

    assert [emails(rows) for rows in world.sent(CREATE)][1:] == [["person2@example.com"]]
    assert world.calls(LOGIN) == 2
    assert world.outcomes() == {"created": 3}
    world.everybody_once(1, 2, 3)


@pytest.mark.fault("FS02", "FS03")
@pytest.mark.pain("P20", "P21")
def test_the_daily_limit_parks_for_long_and_the_concurrent_one_waits_for_seconds(build: Build, limits: Twin) -> None:
    """One code, two meanings: seconds and "waiting", or an hour and "parked until"; both end by themselves."""
    world = build()
    busy = world.receive(1)
    limits.post("limits", {"concurrent": 0})
    world.drain(remaining=lambda: 152.0)
    seen = world.execution(busy)
    assert (seen["state"], seen["reason"]) == ("waiting", "salesforce_REQUEST_LIMIT_EXCEEDED")
    assert 1 <= seconds_until_due(world, busy) <= 60
    assert "at the same time" in seen["message"]
    limits.post("limits", {"concurrent": 25})
    world.run_out()
    assert world.ended(busy) == ("created", "")

    limits.post("limits", {"daily_calls": 0})
    spent = world.receive(2)
    world.drain(remaining=lambda: 152.0)
    seen = world.execution(spent)
    assert (seen["state"], seen["reason"]) == ("parked", "salesforce_REQUEST_LIMIT_EXCEEDED")
    assert 1_800 <= seconds_until_due(world, spent) <= 3_600
    assert "24 hours" in seen["message"]
    asked = len(limits.get("log?since=0"))
    world.clock.advance(1_700)
    world.drain()
    assert len(limits.get("log?since=0")) == asked, "nobody asks while it is spent"
    limits.post("limits", {"daily_calls": 100_000})
    world.clock.advance(2_000)
    world.run_out()
    assert world.ended(spent) == ("created", "")
    world.everybody_once(1, 2)


@pytest.mark.fault("FS04")
@pytest.mark.pain("P11", "P12")
def test_of_two_hundred_rows_the_three_locked_ones_alone_are_sent_again(build: Build) -> None:
    """197 rows are sent once, 3 twice; every person has its own outcome and one record."""
    world = build()
    world.fault(CREATE, "row_error", code="UNABLE_TO_LOCK_ROW", message="locked", rows=[5, 50, 150], times=1)
    people = range(1, 201)
    for lead_id in people:
        world.receive(lead_id)

    world.run_out()

    first, again = world.sent(CREATE)
    assert len(first) == 200
    assert sorted(emails(again)) == sorted(emails(first)[place] for place in (5, 50, 150))
    assert world.outcomes() == {"created": 200}
    assert sorted(item["attempts"] for item in world.inbox.logged.values()) == [0] * 197 + [1] * 3
    world.everybody_once(*people)


@pytest.mark.fault("FS04")
@pytest.mark.pain("P12")
def test_a_row_that_stays_locked_is_tried_five_times_and_then_failed_with_its_code(build: Build) -> None:
    """Five calls with the locked row, none with the others; it fails with the vendor's code and is told to Marketo."""
    world = build()
    world.fault(CREATE, "row_error", code="UNABLE_TO_LOCK_ROW", message="locked", rows=[0])
    executions = [world.receive(lead_id) for lead_id in (1, 2, 3)]

    world.run_out()

    sent = [emails(rows) for rows in world.sent(CREATE)]
    assert [len(rows) for rows in sent] == [3, 1, 1, 1, 1]
    assert {each for rows in sent[1:] for each in rows} == {"person1@example.com"}
    assert world.ended(executions[0]) == ("failed", "salesforce_UNABLE_TO_LOCK_ROW")
    assert "locked" in world.execution(executions[0])["message"]
    assert [world.ended(each)[0] for each in executions[1:]] == ["created", "created"]
    assert sorted(world.told()) == sorted(executions)


@pytest.mark.fault("FS05")
@pytest.mark.pain("P45")
def test_a_lock_inside_another_codes_text_is_tried_again_as_a_lock(build: Build) -> None:
    """CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY is sent again where it names a lock, and fails at once where it does not."""
    world = build()
    code = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    world.fault(CREATE, "row_error", code=code, message=LOCK_INSIDE, times=1)
    locked = world.receive(1)
    world.run_out()
    assert world.ended(locked) == ("created", "")
    assert len(world.sent(CREATE)) == 2

    world.fault(CREATE, "row_error", code=code, message="LeadTrigger: a custom rule says no", times=1)
    refused = world.receive(2)
    world.run_out()
    assert world.ended(refused) == ("failed", f"salesforce_{code}")
    assert "a custom rule says no" in world.execution(refused)["message"]
    assert len(world.sent(CREATE)) == 3


@pytest.mark.fault("FS06")
def test_a_duplicate_rule_that_blocks_fails_the_row_and_names_the_record_it_found(build: Build, limits: Twin) -> None:
    """The rule finds another Lead of the same address: failed with the code and that Lead's id, which stays alone."""
    world = build(by_external_key(type="create"))
    old = {"Email": "person1@example.com", "LastName": "Old", "Company": "Old Ltd"}
    (found,) = limits.post("load", {"Lead": [old]})["Lead"]
    limits.post("limits", {"duplicate_rule_block": True})
    execution = world.receive(1, externalKey="K-1")
    free = world.receive(2, externalKey="K-2")

    world.run_out()

    assert world.ended(execution) == ("failed", "salesforce_DUPLICATES_DETECTED")
    assert str(found) in world.execution(execution)["message"]
    activities = [each for each in world.marketo_twin.get("records/activities") if each["leadId"] == 1]
    assert str(found) in json.dumps(activities)
    assert world.ended(free) == ("created", "")
    assert sorted(lead["LastName"] for lead in world.leads()) == ["Lovelace", "Old"]
    assert world.calls(CREATE) == 1
    assert sorted(world.told()) == sorted([execution, free])


@pytest.mark.fault("FS07")
def test_a_race_for_one_key_is_read_again_and_updated(build: Build, limits: Twin) -> None:
    """Between our upsert's look and its commit another writer takes the key: we find its record and update it."""
    world = build(by_external_key())
    limits.post("limits", {"race_window_seconds": 1.5})
    execution = world.receive(1, externalKey="K-1")
    ours = threading.Thread(target=world.run_out)
    ours.start()
    while not world.sent(UPSERT):
        ours.join(0.01)
        assert ours.is_alive()
    ours.join(0.4)  # inside the vendor's window: found nothing, not yet committed
    limits.post("load", {"Lead": [{"External_Key__c": "K-1", "LastName": "Theirs", "Company": "Theirs Ltd"}]})
    ours.join(60)

    assert world.ended(execution) == ("updated", "")
    (lead,) = world.leads()
    assert (lead["LastName"], lead["Email"]) == ("Lovelace", "person1@example.com")
    assert (len(world.sent(UPSERT)), len(world.sent(UPDATE))) == (1, 1)
    assert world.execution(execution)["salesforce_id"] == lead["Id"]
    assert world.persons()[1]["salesforceId"] == lead["Id"]


@pytest.mark.fault("FS07")
def test_a_key_that_stays_refused_is_failed_and_not_tried_for_ever(build: Build) -> None:
    """DUPLICATE_VALUE for a record that no look finds (another field is unique): two tries, then failed by name."""
    world = build()
    world.fault(CREATE, "row_error", code="DUPLICATE_VALUE", message="duplicate value found: Other__c")
    execution = world.receive(1)

    world.run_out()

    assert world.ended(execution) == ("failed", "salesforce_DUPLICATE_VALUE")
    assert "Other__c" in world.execution(execution)["message"]
    assert len(world.sent(CREATE)) == 2
    assert world.leads() == []


@pytest.mark.fault("FS08")
def test_several_records_of_one_external_id_are_all_named_and_none_is_written(build: Build, salesforce: Twin) -> None:
    """Two Leads carry the key of a field that is not unique: failed with both ids, and no write reaches the wire."""
    mappings = [{"column": "lastName", "to": "LastName"}, {"column": "company", "to": "Company"}]
    world = build(an_action(identifier={"column": "externalKey", "field": "Loose_Key__c"}, mappings=mappings))
    two = [{"Loose_Key__c": "K-1", "LastName": "Two", "Company": "Two Ltd"}] * 2
    ids = salesforce.post("load", {"Lead": two})["Lead"]
    execution = world.receive(1, externalKey="K-1")

    world.run_out()

    assert world.ended(execution) == ("failed", "ambiguous_match")
    assert all(str(each) in world.execution(execution)["message"] for each in ids)
    assert [endpoint for endpoint, _ in world.bodies if "sobjects" in endpoint] == []
    assert {lead["LastName"] for lead in world.leads()} == {"Two"}


@pytest.mark.fault("FS08")
@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        pytest.param(
            300,
            [f"/services/data/v67.0/sobjects/Lead/00Q00000000000{n}AAA" for n in (1, 2)],
            "salesforce_http_300",
            id="the whole call",
        ),
        pytest.param(
            200,
            [
                {
                    "success": False,
                    "errors": [
                        {
                            "statusCode": "DUPLICATE_EXTERNAL_ID",
                            "message": "More than one record found: [00Q000000000001AAA, 00Q000000000002AAA]",
                        }
                    ],
                }
            ],
            "salesforce_DUPLICATE_EXTERNAL_ID",
            id="one row",
        ),
    ],
)
def test_the_records_that_an_upsert_found_are_all_named(build: Build, status: int, body: Any, reason: str) -> None:
    """However Salesforce says that several records match, all of their ids are shown and nothing is written."""
    world = build(by_external_key())
    world.fault(UPSERT, "http", status=status, body=json.dumps(body))
    execution = world.receive(1, externalKey="K-1")

    world.drain()

    item = world.execution(execution)
    assert item["reason"] == reason
    assert all(f"00Q00000000000{number}AAA" in item["message"] for number in (1, 2))
    assert len(world.sent(UPSERT)) == 1
    assert world.leads() == []


@pytest.mark.fault("FS09")
@pytest.mark.parametrize("known", [0, 1, 2, 4])
def test_an_answer_with_another_number_of_rows_is_believed_for_none_of_them(build: Build, known: int) -> None:
    """Three rows are written, the answer holds fewer or more results: each person is looked for, none written twice."""
    world = build()
    rows = [{"id": f"00Q00000000099{number}AAA", "success": True, "errors": []} for number in range(known)]
    world.fault(CREATE, "http", status=200, body=json.dumps(rows), after_commit=True, times=1)
    executions = [world.receive(lead_id) for lead_id in (1, 2, 3)]

    world.run_out()

    assert [world.ended(execution) for execution in executions] == [("created", "")] * 3
    assert len(world.sent(CREATE)) == 1
    world.everybody_once(1, 2, 3)


@pytest.mark.fault("FS09")
def test_an_answer_in_part_refused_is_paired_by_position(build: Build) -> None:
    """The second of three rows is refused: its person alone fails, the neighbours get their own ids."""
    world = build()
    world.fault(CREATE, "row_error", code="FIELD_CUSTOM_VALIDATION_EXCEPTION", message="No phone", rows=[1], times=1)
    executions = [world.receive(lead_id) for lead_id in (1, 2, 3)]

    world.run_out()

    assert [world.ended(each)[0] for each in executions] == ["created", "failed", "created"]
    by_email = {lead["Email"]: lead["Id"] for lead in world.leads()}
    assert set(by_email) == {"person1@example.com", "person3@example.com"}
    persons = world.persons()
    assert [persons[lead_id].get("salesforceId") for lead_id in (1, 3)] == [
        by_email["person1@example.com"],
        by_email["person3@example.com"],
    ]
    assert not persons[2].get("salesforceId")


@pytest.mark.fault("FS16", "FT01")
@pytest.mark.pain("P07")
@pytest.mark.parametrize("minutes", [-10, 0, 10], ids=["ten minutes slow", "right", "ten minutes fast"])
@pytest.mark.parametrize(
    ("kind", "members", "calls"),
    [
        pytest.param("drop_answer", {}, 1, id="visible at once"),
        pytest.param("drop_answer", {"seconds": 30}, 1, id="visible late"),
        pytest.param("close", {}, 2, id="never arrived"),
    ],
)
def test_a_create_without_an_answer_is_looked_for_by_ids_not_by_clocks(
    build: Build, minutes: int, kind: str, members: dict[str, Any], calls: int
) -> None:
    """However wrong our clock is, the records are found where they are, and made again only where they are not."""
    world = build(ahead=timedelta(minutes=minutes))
    world.fault(CREATE, kind, times=1, **members)
    executions = [world.receive(lead_id) for lead_id in (1, 2, 3)]

    world.run_out()

    assert [world.ended(execution) for execution in executions] == [("created", "")] * 3
    assert len(world.sent(CREATE)) == calls
    world.everybody_once(1, 2, 3)


@pytest.mark.fault("FT01")
@pytest.mark.parametrize("minutes", [-10, 10], ids=["ten minutes slow", "ten minutes fast"])
def test_a_wrong_clock_of_ours_logs_in_with_the_vendors_time(build: Build, limits: Twin, minutes: int) -> None:
    """The first assertion is refused for its time, the second is right; every later login takes one request."""
    limits.post("limits", {"strict_assertion_expiry": True})
    # the twins' Date header tells the machine's time, so here their clock does too
    world = build(ahead=timedelta(minutes=minutes), start=datetime.now(UTC) + timedelta(minutes=minutes))
    first = world.receive(1)
    world.drain()
    assert world.ended(first) == ("created", "")
    assert world.calls(LOGIN) == 2

    world.clock.advance(2 * 3600 + 1)  # our session is used for two hours
    second = world.receive(2)
    world.drain()

    assert world.ended(second) == ("created", "")
    assert world.calls(LOGIN) == 3


@pytest.mark.fault("FT07")
@pytest.mark.pain("P08", "P42")
def test_fifty_spellings_of_one_address_make_one_lead(build: Build) -> None:
    """50 persons whose addresses differ in letter case and blanks: 1 created, 49 updated, one Lead, newest title."""
    mappings = [
        {"column": column, "to": field}
        for column, field in (("email", "Email"), ("lastName", "LastName"), ("company", "Company"), ("title", "Title"))
    ]
    world = build(an_action(mappings=mappings))
    spellings = ["one@example.com", "ONE@EXAMPLE.COM", "One@Example.Com", "  one@example.com ", "ONE@example.com\t"]
    for number in range(1, 51):
        world.receive(number, email=spellings[number % 5], title=f"Title {number}")

    world.run_out()

    outcomes = world.outcomes()
    assert outcomes["created"] == 1
    assert outcomes["updated"] + outcomes["superseded"] == 49
    (lead,) = world.leads()
    assert lead["Title"] == "Title 50"
    assert len(world.persons()) == 50, "no Marketo lead was added"
    assert {person["salesforceId"] for person in world.persons().values()} == {lead["Id"]}
    assert sum(len(rows) for rows in world.sent(CREATE)) == 1
    assert len(world.sent(LEADS)) == 50
