"""Faults of Marketo, seen by the use-cases through the product's client and over HTTP."""

from datetime import timedelta
from functools import partial

import pytest

from leadbridge.domain.records import Resolution
from leadbridge.errors import ContractError, UncertainWriteError
from tests.builders.actions import an_action
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import ACTIVITY, IDENTITY, LEADS, Build, WiredWorld

HTML = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
QUIET = "person-to-lead-quietly"


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a world on the twins."""
    return partial(WiredWorld, clients, marketo, salesforce)


def test_undisturbed_everybody_has_one_record_and_is_told_once(build: Build) -> None:
    """The common path of these tests: one create, one write-back and one activity call for three persons."""
    world = build()
    for lead_id in (1, 2, 3):
        world.receive(lead_id)

    world.run_out()

    assert world.outcomes() == {"created": 3}
    assert (world.calls(LEADS), world.calls(ACTIVITY), world.calls(IDENTITY)) == (1, 1, 1)
    world.everybody_once(1, 2, 3)


@pytest.mark.fault("FM01")
@pytest.mark.parametrize("endpoint", [LEADS, ACTIVITY], ids=["write-back", "activity"])
def test_a_token_that_dies_in_mid_batch_costs_one_login_and_one_replay(build: Build, endpoint: str) -> None:
    """601 for one call: one more login, that call once more, no other call repeated, no record failed."""
    world = build()
    world.fault(endpoint, "vendor_error", code="601", message="Access token invalid", times=1)
    for lead_id in (1, 2, 3):
        world.receive(lead_id)

    world.run_out()

    assert world.outcomes() == {"created": 3}
    assert world.calls(IDENTITY) == 2
    assert {each: world.calls(each) for each in (LEADS, ACTIVITY)} == {LEADS: 1, ACTIVITY: 1} | {endpoint: 2}
    assert {item["attempts"] for item in world.inbox.logged.values()} == {0}
    world.everybody_once(1, 2, 3)


@pytest.mark.fault("FM03")
def test_a_user_who_was_disabled_parks_all_records_after_one_login(build: Build) -> None:
    """601 again with the new token: two calls, two logins, everything parked with the code, and a quarter later on."""
    world = build()
    world.fault(LEADS, "vendor_error", code="601", message="Access token invalid")
    executions = [world.receive(lead_id) for lead_id in range(1, 6)]

    world.drain()

    assert (world.calls(LEADS), world.calls(IDENTITY)) == (2, 2)
    assert world.states() == {"parked": 5}
    item = world.execution(executions[0])
    assert item["reason"] == "marketo_601"
    assert "Repair the connection" in item["message"]
    assert world.meter.of("VendorErrors") == 1
    world.heal()
    world.clock.advance(901)
    world.run_out()
    assert world.outcomes() == {"created": 5}
    world.everybody_once(1, 2, 3, 4, 5)


@pytest.mark.fault("FM04")
def test_a_missing_permission_stops_that_operation_only(build: Build) -> None:
    """603 for lead writes: Actions that write back are parked and name the permission, the others end as ever."""
    world = build(an_action(), an_action(id=QUIET, writeback=None))
    world.fault(LEADS, "vendor_error", code="603", message="Access denied")
    refused = world.receive(1)
    quiet = world.receive_payload(
        {"lead": {"id": 2, "email": "person2@example.com", "lastName": "Quiet", "company": "Beta"}}, action_id=QUIET
    )

    world.drain()

    assert world.ended(quiet) == ("created", "")
    assert world.told() == [quiet]
    item = world.execution(refused)
    assert (item["state"], item["reason"]) == ("parked", "marketo_603")
    assert "permission" in item["message"]
    assert world.calls(LEADS) == 1, "nobody knocks again at a shut door"
    assert world.meter.of("FatalVendorErrors") == 1
    world.heal()
    assert world.redrive(refused).done
    world.run_out()
    assert world.ended(refused) == ("created", "")
    assert sorted(world.told()) == sorted([refused, quiet])
    assert len(world.leads()) == 2


@pytest.mark.fault("FM05")
def test_activities_that_timed_out_after_their_commit_are_found_and_not_sent_again(build: Build) -> None:
    """604 after the commit of 40 activities: they are looked for, all found, and the one call stays the only one."""
    world = build()
    world.fault(ACTIVITY, "vendor_error", code="604", message="Request timed out", after_commit=True, times=1)
    people = range(1, 41)
    for lead_id in people:
        world.receive(lead_id)

    world.run_out()

    assert world.outcomes() == {"created": 40}
    assert [len(rows) for rows in world.sent(ACTIVITY)] == [40]
    world.everybody_once(*people)


@pytest.mark.fault("FM05")
@pytest.mark.pain("P07")
def test_activities_that_timed_out_before_their_commit_go_again_in_two_pieces(build: Build) -> None:
    """604 without a commit: nothing is repeated until Marketo must show it, then in calls of half the size."""
    world = build()
    world.fault(ACTIVITY, "vendor_error", code="604", message="Request timed out", times=1)
    people = range(1, 42)
    for lead_id in people:
        world.receive(lead_id)
    world.drain()
    assert [len(rows) for rows in world.sent(ACTIVITY)] == [41]
    assert world.states() == {"reporting": 41}

    world.run_out()

    assert world.outcomes() == {"created": 41}
    assert [len(rows) for rows in world.sent(ACTIVITY)] == [41, 21, 20]
    world.everybody_once(*people)


@pytest.mark.fault("FM13")
def test_a_passing_error_of_a_write_is_tried_again_after_growing_pauses(build: Build) -> None:
    """713 twice, then success: the same rows go three times, with jitter over doubling pauses; nothing is in doubt."""
    world = build()
    world.fault(LEADS, "vendor_error", code="713", message="Transient error", times=2)
    world.receive(1)

    world.run_out()

    assert [len(rows) for rows in world.sent(LEADS)] == [1, 1, 1]
    first, second = world.clients.slept[:2]
    assert 2 <= first <= 4
    assert 4 <= second <= 8
    assert first not in {2.0, 4.0}, "pauses of many workers must not meet"
    world.everybody_once(1)


@pytest.mark.fault("FM13")
def test_a_passing_error_that_outlasts_the_process_is_given_back_with_its_count(build: Build) -> None:
    """713 for a minute: each run tries a few times, the execution shows code and tries, and it ends by itself."""
    world = build()
    world.fault(LEADS, "vendor_error", code="713", message="Transient error", times=5)
    execution = world.receive(1)

    world.drain(remaining=lambda: 152.0)

    item = world.execution(execution)
    assert (item["state"], item["reason"]) == ("reporting", "marketo_713")
    assert len(world.sent(LEADS)) == 3
    world.run_out()
    assert world.ended(execution) == ("created", "")
    assert world.execution(execution)["attempts"] == 1
    world.everybody_once(1)


@pytest.mark.fault("FM13")
@pytest.mark.parametrize("status", [502, 503])
def test_a_bad_gateway_leaves_a_write_in_doubt_and_a_read_not(build: Build, marketo: Twin, status: int) -> None:
    """After such a status a write is sent once and uncertain; a read is simply made again."""
    client = build().wired.marketo("")
    marketo.post(
        "faults",
        [
            {"match": each, "kind": "http", "status": status, "body": HTML, "times": 1}
            for each in ("POST /rest/v1/leads.json", "GET /rest/v1/leads.json")
        ],
    )

    with pytest.raises(UncertainWriteError) as caught:
        client.sync_leads([{"email": "a@example.com"}], action="createOnly", lookup_field="email")
    assert client.leads_by_filter("email", ["a@example.com"], ["id"]) == []

    assert caught.value.code == f"http_{status}"
    assert len(marketo.calls_of("POST", "/rest/v1/leads.json")) == 1
    assert len(marketo.calls_of("GET", "/rest/v1/leads.json")) == 2


@pytest.mark.fault("FM14")
@pytest.mark.pain("P43")
def test_1003_for_one_row_concerns_that_row_and_for_the_call_nobody_was_written(build: Build) -> None:
    """At record level two of three persons are written back and the third carries Marketo's text; else none is."""
    world = build()
    world.fault(LEADS, "row_error", code="1003", message="Invalid data for leadbridgeStatus", rows=[1], times=1)
    executions = [world.receive(lead_id) for lead_id in (1, 2, 3)]

    world.run_out()

    parts = [world.execution(execution)["writeback"] for execution in executions]
    assert [part["status"] for part in parts] == ["written", "failed", "written"]
    assert parts[1]["reason"] == "marketo_1003"
    assert "Invalid data for leadbridgeStatus" in parts[1]["message"]
    assert [bool(lead.get("salesforceId")) for _, lead in sorted(world.persons().items())] == [True, False, True]
    assert world.outcomes() == {"created": 3}

    world.fault(LEADS, "vendor_error", code="1003", message="Missing input", times=1)
    later = world.receive(4)
    world.drain()
    item = world.execution(later)
    assert (item["state"], item["reason"]) == ("parked", "marketo_1003")
    assert "Missing input" in item["message"]
    assert not world.persons()[4].get("salesforceId")


@pytest.mark.fault("FM15")
def test_two_leads_that_match_are_both_named_and_neither_is_written(build: Build, marketo: Twin) -> None:
    """1007: the row is refused for good, its message names both ids, the rows beside it are written."""
    client = build().wired.marketo("")
    twins = marketo.post("load", {"leads": [{"email": "two@example.com"}, {"email": "Two@Example.com"}]})["leads"]

    refused, written = client.sync_leads(
        [{"email": "two@example.com", "firstName": "Guess"}, {"email": "one@example.com", "firstName": "Ann"}],
        action="createOrUpdate",
        lookup_field="email",
    )

    assert (refused.ok, refused.code, refused.resolution) == (False, "1007", Resolution.REJECT)
    assert all(str(lead_id) in refused.message for lead_id in twins)
    assert "two@example.com" not in refused.message
    assert (written.ok, written.status) == (True, "created")
    assert [lead.get("firstName") for lead in marketo.get("records/leads")] == [None, None, "Ann"]


@pytest.mark.cap("U50")
@pytest.mark.fault("FM18")
def test_values_that_fill_more_than_a_megabyte_never_make_marketo_answer_413(build: Build, marketo: Twin) -> None:
    """300 persons with 6,000 characters each are all written, in calls that Marketo takes; 0 refusals for size."""
    client = build().wired.marketo("")
    rows = [{"email": f"p{number}@example.com", "notes": "é" * 3_000} for number in range(300)]

    results = client.sync_leads(rows, action="createOrUpdate", lookup_field="email")

    assert [row.status for row in results] == ["created"] * 300
    assert len(marketo.get("records/leads")) == 300
    calls = marketo.calls_of("POST", "/rest/v1/leads.json")
    assert len(calls) >= 2
    assert all(call["bytes"] < 1_000_000 for call in calls)
    assert not {"413", "414"} & set(marketo.get("calls")["violations"])


@pytest.mark.fault("FM19")
@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_page_of_html_is_judged_by_its_status_and_shown_nowhere(build: Build, status: int) -> None:
    """The execution shows the status as its reason and nothing of the page; nothing is lost, nothing doubled."""
    world = build()
    world.fault(ACTIVITY, "http", status=status, body=HTML, times=4)
    execution = world.receive(1)

    world.drain(remaining=lambda: 152.0)

    item = world.execution(execution)
    assert item["reason"] == f"marketo_http_{status}"
    assert "nginx" not in str(item)
    world.run_out()
    assert world.ended(execution) == ("created", "")
    world.everybody_once(1)


@pytest.mark.fault("FM20")
@pytest.mark.parametrize("committed", [True, False], ids=["after the commit", "before the commit"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"requestId": "1#2", "success": false}', id="a refusal without a code"),
        pytest.param("", id="empty"),
        pytest.param('{"requestId": "1#2", "success": true, "result": [{"id":', id="cut"),
        pytest.param('{"requestId": "1#2"}', id="no word of success"),
        pytest.param('{"requestId": "1#2", "success": true}', id="no result"),
        pytest.param("[]", id="a list"),
    ],
)
@pytest.mark.parametrize("endpoint", [LEADS, ACTIVITY], ids=["write-back", "activity"])
def test_an_answer_that_says_nothing_is_no_success_and_doubles_nothing(
    build: Build, endpoint: str, body: str, *, committed: bool
) -> None:
    """HTTP 200 with a useless body: the write is in doubt, it is looked for, and in the end it is there once."""
    world = build()
    world.fault(endpoint, "http", status=200, body=body, times=1, after_commit=committed)
    execution = world.receive(1)

    world.run_out()

    assert world.ended(execution) == ("created", "")
    assert world.execution(execution)["writeback"]["status"] == "written"
    assert world.calls(endpoint) == (1 if committed else 2)
    world.everybody_once(1)


@pytest.mark.fault("FM20")
def test_an_answer_that_says_nothing_is_no_empty_result_of_a_read(build: Build, marketo: Twin) -> None:
    """A read that is answered with 200 and no word of success is made again, and then is an error, never "none"."""
    client = build().wired.marketo("")
    marketo.post("load", {"leads": [{"email": "a@example.com"}]})
    marketo.post("faults", [{"match": "GET /rest/v1/leads.json", "kind": "http", "status": 200, "body": "{}"}])
    with pytest.raises(ContractError, match="bad_envelope"):
        client.leads_by_filter("email", ["a@example.com"], ["id"])
    assert len(marketo.calls_of("GET", "/rest/v1/leads.json")) == 3


@pytest.mark.fault("FT01")
@pytest.mark.parametrize("minutes", [-10, 10], ids=["ten minutes slow", "ten minutes fast"])
@pytest.mark.parametrize(
    ("kind", "members", "calls"),
    [
        pytest.param("drop_answer", {}, 1, id="visible at once"),
        pytest.param("drop_answer", {"seconds": 30}, 1, id="visible late"),
        pytest.param("close", {}, 2, id="never arrived"),
    ],
)
def test_a_wrong_clock_of_ours_finds_its_own_activities(
    build: Build, minutes: int, kind: str, members: dict[str, int], calls: int
) -> None:
    """The answer to the activities is lost while the clocks differ by ten minutes: each is there once in the end."""
    world = build(ahead=timedelta(minutes=minutes))
    world.fault(ACTIVITY, kind, times=1, **members)
    for lead_id in range(1, 36):
        world.receive(lead_id)

    world.run_out()

    assert world.outcomes() == {"created": 35}
    assert len(world.sent(ACTIVITY)) == calls
    world.everybody_once(*range(1, 36))


@pytest.mark.fault("FT01")
@pytest.mark.parametrize("minutes", [-10, 10], ids=["ten minutes slow", "ten minutes fast"])
def test_a_wrong_clock_of_ours_uses_tokens_to_their_end_and_not_longer(build: Build, minutes: int) -> None:
    """A token's life is counted from its arrival: no call is refused for it, and an hour costs one more login."""
    world = build(ahead=timedelta(minutes=minutes))
    client = world.wired.marketo("")
    for _ in range(7):
        client.usage()
        world.clock.advance(600)

    assert world.calls(IDENTITY) == 2
    assert {call.code for call in world.clients.calls} == {""}
