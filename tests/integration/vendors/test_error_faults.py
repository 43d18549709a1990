"""Fault cases of single codes, on the real clients and the twins: what is written, what is repeated, what is said."""

from contextlib import nullcontext

import httpx
import pytest

from leadbridge.domain.records import CustomActivity, Resolution
from leadbridge.errors import PermanentError, RateLimitedError, SyncError, UncertainWriteError
from leadbridge.vendors.http.calls import count
from leadbridge.vendors.salesforce.client import WriteOptions
from tests.fakes.clock import NOON
from tests.fakes.meter import RecordingMeter
from tests.integration.vendors.conftest import Clients, Twin
from tests.unit.vendors.doubles import ScriptedVendor, marketo_client, salesforce_client

LEADS = "/rest/v1/leads.json"
CREATE = "POST /services/data/*/composite/sobjects"
PAGE = "<html><body>The page of a gateway, with the address jo@example.com</body></html>"


@pytest.fixture
def person(marketo: Twin) -> int:
    """A person whom Marketo has."""
    (lead_id,) = marketo.post("load", {"leads": [{"email": "jo@example.com"}]})["leads"]
    return int(lead_id)


def leads(marketo: Twin) -> list[tuple[str, str | None]]:
    """Marketo's people: address and last name."""
    return sorted((each["email"], each.get("lastName")) for each in marketo.get("records/leads"))


@pytest.mark.fault("FM04")
def test_a_missing_permission_stops_that_operation_alone(clients: Clients, marketo: Twin, person: int) -> None:
    """603 on the write is final after one call and names the permission; reading and other writes go on."""
    client = clients.marketo()
    marketo.post(
        "faults", [{"match": f"POST {LEADS}", "kind": "vendor_error", "code": "603", "message": "Access denied"}]
    )

    with pytest.raises(PermanentError, match="role the permission") as refused:
        client.sync_leads([{"id": person, "lastName": "Doe"}], action="updateOnly", lookup_field="id")

    assert (refused.value.code, refused.value.operation) == ("603", "sync_leads")
    assert len(marketo.calls_of("POST", LEADS)) == 1
    assert len(client.leads_by_filter("id", [str(person)], ["id"])) == 1
    kind = client.custom_activity_type("leadbridgeResult")
    (added,) = client.add_custom_activities(
        [
            CustomActivity(
                lead_id=person,
                activity_type_id=kind.id,
                primary_attribute_value="Success",
                activity_date=NOON,
                attributes={},
            )
        ]
    )
    assert added.ok


@pytest.mark.fault("FM13")
def test_a_passing_error_is_repeated_with_jitter_and_a_bad_gateway_is_not(clients: Clients, marketo: Twin) -> None:
    """713 executed nothing: the same write goes out again. 502 may have: it is sent once and called uncertain."""
    client = clients.marketo()
    marketo.post(
        "faults", [{"match": f"POST {LEADS}", "nth": 1, "kind": "vendor_error", "code": "713", "message": "m"}]
    )
    (row,) = client.sync_leads([{"email": "jo@example.com"}], action="createOnly", lookup_field="email")
    assert row.status == "created"
    assert len(marketo.calls_of("POST", LEADS)) == 2
    (pause,) = clients.slept
    assert 2.0 <= pause <= 4.0  # the base of this code, lengthened by chance

    marketo.post(
        "faults", [{"match": f"POST {LEADS}", "kind": "http", "status": 502, "body": PAGE, "after_commit": True}]
    )
    with pytest.raises(UncertainWriteError):
        client.sync_leads([{"email": "ann@example.com"}], action="createOnly", lookup_field="email")
    assert len(marketo.calls_of("POST", LEADS)) == 3
    assert [email for email, _ in leads(marketo)] == ["ann@example.com", "jo@example.com"]


@pytest.mark.fault("FM14")
def test_1003_for_the_call_executes_nothing_and_for_a_row_that_row_alone(
    clients: Clients, marketo: Twin, person: int
) -> None:
    """The same code and text at both levels: nothing is written, then only the neighbour is; the text comes along."""
    client = clients.marketo()
    rows = [{"id": person, "lastName": "Doe"}, {"id": person + 1, "lastName": "Roe"}]
    marketo.post("load", {"leads": [{"email": "ann@example.com"}]})
    fault = {"match": f"POST {LEADS}", "code": "1003", "message": "Value for lastName is odd"}

    marketo.post("faults", [fault | {"kind": "vendor_error"}])
    with pytest.raises(PermanentError, match="Value for lastName is odd"):
        client.sync_leads(rows, action="updateOnly", lookup_field="id")
    assert leads(marketo) == [("ann@example.com", None), ("jo@example.com", None)]

    marketo.post("faults", [fault | {"kind": "row_error", "rows": [0]}])
    refused, written = client.sync_leads(rows, action="updateOnly", lookup_field="id")
    assert (refused.resolution, refused.code, written.status) == (Resolution.REJECT, "1003", "updated")
    assert "Value for lastName is odd" in refused.message
    assert leads(marketo) == [("ann@example.com", "Roe"), ("jo@example.com", None)]


@pytest.mark.fault("FM15")
def test_two_people_of_one_address_are_named_and_neither_is_written(clients: Clients, marketo: Twin) -> None:
    """1007 ends that row with both ids in its message, whatever the letter case; the neighbour is written."""
    first, second = marketo.post("load", {"leads": [{"email": "jo@example.com"}, {"email": "jo@example.com"}]})["leads"]
    client = clients.marketo()

    refused, written = client.sync_leads(
        [{"email": "JO@example.com", "lastName": "Doe"}, {"email": "ann@example.com", "lastName": "Roe"}],
        action="createOrUpdate",
        lookup_field="email",
    )

    assert (refused.resolution, refused.code) == (Resolution.REJECT, "1007")
    assert f"They are {first}, {second}." in refused.message
    assert "Merge them in Marketo" in refused.message
    assert written.status == "created"
    assert leads(marketo) == [("ann@example.com", "Roe"), ("jo@example.com", None), ("jo@example.com", None)]


@pytest.mark.fault("FM19")
@pytest.mark.parametrize(
    ("status", "kind"), [(429, RateLimitedError), (502, UncertainWriteError), (503, UncertainWriteError)]
)
def test_a_page_of_the_edge_is_judged_by_its_status_and_not_repeated_to_people(
    clients: Clients, marketo: Twin, person: int, status: int, kind: type[SyncError]
) -> None:
    """The page's text stands neither in the error nor in the record of the call; the code names the status."""
    marketo.post("faults", [{"match": f"POST {LEADS}", "kind": "http", "status": status, "body": PAGE}])

    with pytest.raises(kind) as refused:
        clients.marketo().sync_leads([{"id": person, "lastName": "Doe"}], action="updateOnly", lookup_field="id")

    assert refused.value.code == f"http_{status}"
    assert "gateway, with" not in str(refused.value)
    assert {call.code for call in clients.calls[1:]} == {f"http_{status}"}
    assert leads(marketo) == [("jo@example.com", None)]


@pytest.mark.fault("FM20")
@pytest.mark.parametrize("body", ["", '{"requestId":"1","success":true,"result":[{"id', '{"requestId":"1"}'])
def test_a_200_that_is_no_answer_leaves_a_write_in_doubt_and_is_sent_once(
    clients: Clients, marketo: Twin, person: int, body: str
) -> None:
    """Empty, cut or without its envelope: the write was done at the twin, we call it uncertain and do not repeat it."""
    marketo.post(
        "faults", [{"match": f"POST {LEADS}", "kind": "http", "status": 200, "body": body, "after_commit": True}]
    )

    with pytest.raises(UncertainWriteError) as doubt:
        clients.marketo().sync_leads([{"id": person, "lastName": "Doe"}], action="updateOnly", lookup_field="id")

    assert doubt.value.code == "bad_envelope"
    assert len(marketo.calls_of("POST", LEADS)) == 1
    assert leads(marketo) == [("jo@example.com", "Doe")]


@pytest.mark.fault("FS03")
def test_too_many_long_requests_ask_for_seconds_and_not_for_a_day(clients: Clients, salesforce: Twin) -> None:
    """The text tells the two limits of one code apart: this one is a pause of at most a minute."""
    text = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    salesforce.post(
        "faults", [{"match": CREATE, "kind": "vendor_error", "code": "REQUEST_LIMIT_EXCEEDED", "message": text}]
    )

    with pytest.raises(RateLimitedError, match="long calls at the same time") as pause:
        clients.salesforce().create("Lead", [{"LastName": "Doe", "Company": "Acme"}])

    assert 10.0 <= pause.value.retry_after_seconds <= 60.0
    assert salesforce.get("records/Lead") == []


@pytest.mark.fault("FS05")
def test_a_lock_inside_the_text_of_automation_is_a_lock(clients: Clients, salesforce: Twin) -> None:
    """The wrapped lock may be sent again and then makes one record; any other text of the same code may not."""
    client = clients.salesforce()
    fault = {"match": CREATE, "kind": "row_error", "code": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "times": 1}
    rows = [{"LastName": "Doe", "Company": "Acme"}]

    salesforce.post("faults", [fault | {"message": "T: execution of BeforeInsert caused by: UNABLE_TO_LOCK_ROW"}])
    (locked,) = client.create("Lead", rows)
    salesforce.post("faults", [fault | {"message": "T: execution of BeforeInsert caused by: NullPointerException"}])
    (broken,) = client.create("Lead", rows)
    (again,) = client.create("Lead", rows)

    assert (locked.resolution, broken.resolution, again.ok) == (Resolution.RETRY, Resolution.REJECT, True)
    assert "was locked by another change" in locked.message
    assert len(salesforce.get("records/Lead")) == 1


@pytest.mark.fault("FS01")
def test_a_session_that_died_inside_automation_is_replaced_before_the_row_is_sent_again(
    clients: Clients, salesforce: Twin
) -> None:
    """A row whose text names the dead session may be sent again; the next call logs in once, and one record is made."""
    client = clients.salesforce()
    text = "T: execution of AfterInsert caused by: INVALID_SESSION_ID: Invalid Session ID found in SessionId"
    code = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    salesforce.post(
        "faults", [{"match": CREATE, "kind": "row_error", "rows": [0], "times": 1, "code": code, "message": text}]
    )
    rows = [{"LastName": "Doe", "Company": "Acme"}, {"LastName": "Roe", "Company": "Acme"}]

    rolled_back, created = client.create("Lead", rows)
    assert (rolled_back.resolution, created.status) == (Resolution.RETRY, "created")
    (again,) = client.create("Lead", rows[:1])

    assert again.status == "created"
    assert sorted(each["LastName"] for each in salesforce.get("records/Lead")) == ["Doe", "Roe"]
    assert len(salesforce.calls_of("POST", "/services/oauth2/token")) == 2


@pytest.mark.fault("FS06")
def test_a_duplicate_rule_is_kept_its_match_named_and_nothing_created_blindly(
    clients: Clients, salesforce: Twin
) -> None:
    """A blocking rule refuses whatever we allow, an alerting one only where duplicates are not; the match is named."""
    row = {"LastName": "Doe", "Company": "Acme", "Email": "jo@example.com"}
    (known,) = salesforce.post("load", {"Lead": [row]})["Lead"]
    careful, generous = clients.salesforce(), clients.salesforce(WriteOptions(allow_duplicates=True))

    salesforce.post("limits", {"duplicate_rule_block": True})
    refused = [client.create("Lead", [row])[0] for client in (careful, generous)]
    salesforce.post("limits", {"duplicate_rule_block": False, "duplicate_rule_alert": True})
    refused += careful.create("Lead", [row])

    for each in refused:
        assert (each.code, each.resolution) == ("DUPLICATES_DETECTED", Resolution.REJECT)
        assert f"({known}). Merge the person with the record named" in each.message
    assert len(salesforce.get("records/Lead")) == 1
    assert generous.create("Lead", [row])[0].status == "created"


def test_a_lost_answer_to_the_question_for_the_match_leaves_the_record_in_doubt(
    clients: Clients, salesforce: Twin
) -> None:
    """The rule is lifted in between and the single create's answer is lost: uncertain, so that it is looked for."""
    single = "POST /services/data/*/sobjects/Lead"
    row = {"LastName": "Doe", "Company": "Acme", "Email": "jo@example.com"}
    code = {"code": "DUPLICATES_DETECTED", "message": "m"}
    salesforce.post(
        "faults", [{"match": CREATE, "kind": "row_error"} | code, {"match": single, "kind": "drop_answer", "times": 1}]
    )
    client = clients.salesforce()

    (doubtful,) = client.create("Lead", [row])
    (created,) = client.create("Lead", [row | {"LastName": "Roe"}])

    assert (doubtful.resolution, created.status) == (Resolution.UNCERTAIN, "created")
    assert sorted(each["LastName"] for each in salesforce.get("records/Lead")) == ["Doe", "Roe"]


@pytest.mark.parametrize("member", ["duplicateResult", "duplicateResut"])
def test_the_record_that_a_duplicate_rule_found_is_named(member: str) -> None:
    """Where the vendor says which record is similar, its id stands in the message, however the member is spelled."""
    found = {"matchResults": [{"matchRecords": [{"record": {"Id": "00Q000000000001AAA"}}]}]}
    error = {"message": "Use one of these records?"}
    row = {"success": False, "errors": [error | {"statusCode": "DUPLICATES_DETECTED"}]}
    alone = error | {"errorCode": "DUPLICATES_DETECTED", member: found}
    vendor = ScriptedVendor(httpx.Response(200, json=[row]), httpx.Response(400, json=[alone]))

    (refused,) = salesforce_client(vendor).create("Lead", [{"LastName": "Doe"}])

    assert "Use one of these records? (00Q000000000001AAA)" in refused.message


@pytest.mark.fault("FS08")
def test_several_records_of_one_external_id_are_named_and_none_is_written() -> None:
    """HTTP 300 and a row's refusal both bring the ids of all records; nothing is sent a second time."""
    paths = [f"/services/data/v67.0/sobjects/Lead/00Q00000000000{n}AAA" for n in (1, 2)]
    single = ScriptedVendor(httpx.Response(300, json=paths))
    with pytest.raises(PermanentError, match="00Q000000000001AAA, 00Q000000000002AAA"):
        salesforce_client(single).query("SELECT Id FROM Lead")
    assert len(single.requests) == 1

    text = "More than one record found for external id field: [00Q000000000001AAA, 00Q000000000002AAA]"
    said = [
        {"success": False, "errors": [{"statusCode": "DUPLICATE_EXTERNAL_ID", "message": text, "fields": ["X__c"]}]}
    ]
    rows = ScriptedVendor(httpx.Response(200, json=said))
    (refused,) = salesforce_client(rows).upsert("Lead", "X__c", [{"X__c": "7"}])
    assert refused.resolution is Resolution.REJECT
    assert "[00Q000000000001AAA, 00Q000000000002AAA]" in refused.message
    assert len(rows.requests) == 1


@pytest.mark.parametrize("kind", ["vendor_error", "row_error"])
@pytest.mark.parametrize("vendor", ["marketo", "salesforce"])
def test_a_code_that_stands_in_no_table_is_counted_for_the_alarm(
    clients: Clients, marketo: Twin, salesforce: Twin, vendor: str, kind: str
) -> None:
    """Said about a call or about one record, an unknown code is counted under its vendor; known ones are not."""
    twin, match = (marketo, f"POST {LEADS}") if vendor == "marketo" else (salesforce, CREATE)
    meter = RecordingMeter()

    for code in ("1004" if vendor == "marketo" else "STRING_TOO_LONG", "BRAND_NEW"):
        assert meter.of("UnknownVendorCodes") == 0
        twin.post("faults", [{"match": match, "kind": kind, "code": code, "message": "m"}])
        before = len(clients.calls)
        with pytest.raises(SyncError, match=code) if kind == "vendor_error" else nullcontext():
            if vendor == "marketo":
                clients.marketo().sync_leads([{"email": "jo@example.com"}], action="createOnly", lookup_field="email")
            else:
                clients.salesforce().create("Lead", [{"LastName": "Doe", "Company": "Acme"}])
        for record in clients.calls[before:]:
            count(meter, record)

    assert meter.of("UnknownVendorCodes", vendor=vendor) >= 1
    assert meter.of("UnknownVendorCodes") == meter.of("UnknownVendorCodes", vendor=vendor)


def test_a_code_that_is_no_word_never_becomes_a_reason() -> None:
    """A vendor that puts a sentence where its code belongs does not get that sentence into our reason codes."""
    said = {"success": False, "requestId": "1", "errors": [{"code": "jo@example.com is odd", "message": "m"}]}
    with pytest.raises(SyncError) as refused:
        marketo_client(ScriptedVendor(httpx.Response(200, json=said))).usage()
    assert refused.value.code == "unreadable_code"
    assert "jo@" not in str(refused.value)
