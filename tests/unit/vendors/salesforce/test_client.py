"""The Salesforce calls: what is sent, how it is split, what is made of the answers."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from leadbridge.domain.records import Resolution
from leadbridge.errors import (
    ConfigurationError,
    ContractError,
    PermanentError,
    QuotaExhaustedError,
    RateLimitedError,
    UncertainWriteError,
)
from leadbridge.vendors.salesforce.answers import ApiUsage
from leadbridge.vendors.salesforce.client import SalesforceClient, WriteOptions
from leadbridge.vendors.salesforce.logins import JwtLogin
from tests.fakes.limits import NoLimit
from tests.unit.vendors.doubles import (
    LOGIN,
    NOON,
    FakeTime,
    ScriptedVendor,
    errors,
    salesforce_client,
    session,
    settings,
)

LEAD = "00Q000000000001AAA"


def page(records: list[dict[str, Any]], following: str | None = None) -> httpx.Response:
    body: dict[str, Any] = {"totalSize": 3, "done": following is None, "records": records}
    if following is not None:
        body["nextRecordsUrl"] = following
    return httpx.Response(200, json=body)


def rows_ok(count: int, **more: Any) -> httpx.Response:
    return httpx.Response(200, json=[{"id": LEAD, "success": True, "errors": [], **more}] * count)


def body_of(request: httpx.Request) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.content)
    return body


def test_a_token_host_that_is_not_salesforce_is_refused_before_anything_is_sent() -> None:
    """The finding names the setting and the remedy."""
    login = JwtLogin(client_id="k", username="u", token_host="https://login.example.com", audience=LOGIN.audience)
    with pytest.raises(ConfigurationError, match=r"token_host .*login\.salesforce\.com"):
        SalesforceClient(settings(ScriptedVendor(page([])), FakeTime()), login=login, sign=bytes, limiter=NoLimit())


def test_a_query_is_read_page_by_page_until_done() -> None:
    """The follow-up path is taken as it is, without parameters; empty pages and short counts do not end it."""
    attributes = {"type": "Lead", "url": "/x"}
    vendor = ScriptedVendor(
        page(
            [{"attributes": attributes, "Id": "1", "Owner": {"attributes": attributes, "Name": "N"}}],
            "/services/data/v67.0/query/01g-2000",
        ),
        page([], "/services/data/v67.0/query/01g-4000"),
        page([{"attributes": attributes, "Id": "2", "Owner": None}]),
    )
    records = salesforce_client(vendor).query("SELECT Id, Owner.Name FROM Lead")
    assert records == [{"Id": "1", "Owner": {"Name": "N"}}, {"Id": "2", "Owner": None}]
    assert [(request.url.path, request.url.query) for request in vendor.requests[1:]] == [
        ("/services/data/v67.0/query/01g-2000", b""),
        ("/services/data/v67.0/query/01g-4000", b""),
    ]


def test_aggregates_are_records_under_their_aliases_and_a_count_stands_beside_them() -> None:
    """Their type notes are taken out like all others; `COUNT()` brings no records at all."""
    attributes = {"type": "AggregateResult"}
    vendor = ScriptedVendor(
        page([{"attributes": attributes, "Status": "Open", "expr0": 7}]),
        httpx.Response(200, json={"totalSize": 7, "done": True, "records": []}),
        httpx.Response(200, json={"done": True, "records": []}),
    )
    client = salesforce_client(vendor)
    assert client.query("SELECT Status, COUNT(Id) FROM Lead GROUP BY Status") == [{"Status": "Open", "expr0": 7}]
    assert client.queries.count("SELECT COUNT() FROM Lead") == 7
    with pytest.raises(ContractError):
        client.queries.count("SELECT COUNT() FROM Lead")


def test_the_wish_for_smaller_pages_goes_with_every_page() -> None:
    """And deleted records are asked for at their own address."""
    vendor = ScriptedVendor(page([], "/services/data/v67.0/query/01g-200"), page([]))
    client = salesforce_client(vendor)
    assert list(client.queries.pages("SELECT Id FROM Lead", include_deleted=True, batch_size=200)) == [[], []]
    assert vendor.requests[0].url.path == "/services/data/v67.0/queryAll"
    assert [request.headers["sforce-query-options"] for request in vendor.requests] == ["batchSize=200"] * 2
    assert {request.headers["sforce-call-options"] for request in vendor.requests} == {"client=leadbridge"}


@pytest.mark.parametrize(
    "following", ["https://evil.example.com/services/data/x", "//evil.example.com/services/data/x", "", None]
)
def test_a_follow_up_address_elsewhere_or_missing_ends_the_query(following: str | None) -> None:
    """Our session is never sent to another host, and a lost page is not taken for the end."""
    answer = httpx.Response(200, json={"done": False, "records": [], "nextRecordsUrl": following})
    vendor = ScriptedVendor(answer)
    with pytest.raises(ContractError):
        salesforce_client(vendor).query("SELECT Id FROM Lead")
    assert {request.url.host for request in vendor.requests} == {"acme.my.salesforce.com"}


def test_a_page_that_names_itself_as_the_next_one_ends_the_query() -> None:
    """Following it would never end."""
    vendor = ScriptedVendor(page([], "/services/data/v67.0/query/01g-2000"))
    with pytest.raises(ContractError):
        salesforce_client(vendor).query("SELECT Id FROM Lead")
    assert len(vendor.requests) == 2


@pytest.mark.fault("FS17")
def test_an_expired_query_position_is_read_once_from_the_start() -> None:
    """No record is lost and none is returned twice."""
    vendor = ScriptedVendor(
        page([{"Id": "1"}], "/services/data/v67.0/query/01g-2000"),
        errors(400, "INVALID_QUERY_LOCATOR"),
        page([{"Id": "1"}], "/services/data/v67.0/query/01h-2000"),
        page([{"Id": "2"}]),
    )
    assert salesforce_client(vendor).query("SELECT Id FROM Lead") == [{"Id": "1"}, {"Id": "2"}]


def test_a_query_too_long_for_an_address_is_not_sent() -> None:
    """Salesforce would refuse address and headers together above 16,384 bytes."""
    vendor = ScriptedVendor(page([]))
    with pytest.raises(PermanentError):
        salesforce_client(vendor).query("SELECT Id FROM Lead WHERE Name = '" + "x" * 15_000 + "'")
    assert vendor.requests == []


def test_create_sends_typed_records_and_the_two_headers_that_decide_about_owners_and_duplicates() -> None:
    """Assignment rules and duplicate rules never depend on the vendor's default."""
    vendor = ScriptedVendor(rows_ok(1))
    options = WriteOptions(auto_assign="FALSE", allow_duplicates=True)
    (result,) = salesforce_client(vendor, options=options).create("Lead", [{"LastName": "Doe", "Phone": None}])

    (request,) = vendor.requests
    assert (request.method, request.url.path) == ("POST", "/services/data/v67.0/composite/sobjects")
    assert body_of(request) == {
        "allOrNone": False,
        "records": [{"attributes": {"type": "Lead"}, "LastName": "Doe", "Phone": None}],
    }
    assert request.headers["sforce-auto-assign"] == "FALSE"
    assert request.headers["sforce-duplicate-rule-header"] == (
        "allowSave=true; includeRecordDetails=false; runAsCurrentUser=true"
    )
    assert request.headers["sforce-call-options"] == "client=leadbridge"
    assert (result.ok, result.status, result.id) == (True, "created", LEAD)


def test_update_moves_the_id_to_where_collections_expect_it() -> None:
    """Rows carry Id, the call wants `id`, and the answer says nothing of creation."""
    vendor = ScriptedVendor(rows_ok(1))
    (result,) = salesforce_client(vendor).update("Lead", [{"Id": LEAD, "Title": "CTO"}])
    (request,) = vendor.requests
    assert request.method == "PATCH"
    assert body_of(request)["records"] == [{"attributes": {"type": "Lead"}, "id": LEAD, "Title": "CTO"}]
    assert (result.ok, result.status) == (True, "updated")


@pytest.mark.parametrize(("created", "status"), [(True, "created"), (False, "updated")])
def test_upsert_says_whether_it_created(created: bool, status: str) -> None:
    """The external id is in the path and in every row."""
    vendor = ScriptedVendor(rows_ok(1, created=created))
    (result,) = salesforce_client(vendor).upsert("Lead", "MarketoId__c", [{"MarketoId__c": "7"}])
    assert vendor.requests[0].url.path == "/services/data/v67.0/composite/sobjects/Lead/MarketoId__c"
    assert result.status == status


def test_201_rows_are_two_calls() -> None:
    """200 is the most that one call takes."""
    vendor = ScriptedVendor(rows_ok(200), rows_ok(1))
    results = salesforce_client(vendor).create("Lead", [{"LastName": str(n)} for n in range(201)])
    assert [len(body_of(request)["records"]) for request in vendor.requests] == [200, 1]
    assert len(results) == 201


@pytest.mark.fault("FS09")
@pytest.mark.parametrize(
    "answer", [rows_ok(1), rows_ok(3), httpx.Response(200, json={}), httpx.Response(200, content=b"")]
)
def test_an_answer_with_another_number_of_rows_leaves_all_uncertain(answer: httpx.Response) -> None:
    """Position is the only key, so none of the rows can be told."""
    vendor = ScriptedVendor(answer)
    with pytest.raises(UncertainWriteError):
        salesforce_client(vendor).create("Lead", [{"LastName": "Doe"}, {"LastName": "Roe"}])
    assert len(vendor.requests) == 1


@pytest.mark.fault("FS04")
def test_locked_rows_are_told_from_written_ones_and_nothing_is_sent_again() -> None:
    """The caller sends only the locked rows again."""
    locked = {"success": False, "errors": [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "m", "fields": []}]}
    answer = [{"id": LEAD, "success": True, "errors": []}, locked, {"id": LEAD, "success": True, "errors": []}]
    vendor = ScriptedVendor(httpx.Response(200, json=answer))
    results = salesforce_client(vendor).update("Lead", [{"Id": LEAD, "Title": str(n)} for n in range(3)])
    assert [result.resolution for result in results] == [Resolution.OK, Resolution.RETRY, Resolution.OK]
    assert len(vendor.requests) == 1


def test_the_text_of_a_failed_row_is_masked_and_keeps_the_names_of_the_fields() -> None:
    """An admin's validation text stays readable, the person's values do not."""
    failed = {
        "success": False,
        "errors": [
            {
                "statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                "message": "Josephine from ACME needs a phone (jo@example.com)",
                "fields": ["Phone"],
            }
        ],
    }
    vendor = ScriptedVendor(httpx.Response(200, json=[failed]))
    (result,) = salesforce_client(vendor).create("Lead", [{"FirstName": "Josephine", "Company": "Acme"}])
    assert ": *** from *** needs a phone (***). Do what the rule's text asks for" in result.message
    assert result.fields == ("Phone",)


@pytest.mark.parametrize("name", ["Lead/../../oauth2", "Lead?x=1", "", "a b"])
def test_object_and_field_names_cannot_change_the_address(name: str) -> None:
    """Only API names become part of a path."""
    vendor = ScriptedVendor(rows_ok(1))
    client = salesforce_client(vendor)
    for action in (
        lambda: client.create(name, [{}]),
        lambda: client.upsert("Lead", name, [{}]),
        lambda: client.describe(name),
    ):
        with pytest.raises(ConfigurationError):
            action()
    assert vendor.requests == []


def test_describe_tells_what_this_user_may_write_and_is_asked_for_changes_only() -> None:
    """The second call sends the validators of the first and keeps its result on 304."""
    field = {
        "name": "Email",
        "label": "E-mail",
        "type": "email",
        "length": 80,
        "createable": True,
        "updateable": True,
        "nillable": True,
        "defaultedOnCreate": False,
        "unique": False,
        "externalId": False,
        "idLookup": True,
    }
    required = {**field, "name": "LastName", "type": "string", "nillable": False, "idLookup": False}
    number = {**field, "name": "Score__c", "type": "double", "length": 0, "externalId": True, "unique": True}
    described = httpx.Response(
        200,
        json={
            "name": "Lead",
            "createable": True,
            "updateable": True,
            "fields": [field, required, number],
            "recordTypeInfos": [
                {"recordTypeId": "012000000000000AAA", "name": "Master", "master": True, "available": True},
                {"recordTypeId": "0125g0000000001AAA", "developerName": "Partner", "available": True, "master": False},
                {"recordTypeId": "0125g0000000002AAA", "developerName": "Other", "available": False, "master": False},
            ],
        },
        headers={"ETag": '"1"', "Last-Modified": "Mon, 02 Mar 2026 12:00:00 GMT"},
    )
    vendor = ScriptedVendor(described, httpx.Response(304))
    client = salesforce_client(vendor)

    first, second = client.describe("Lead"), client.describe("Lead")

    assert second is first
    assert vendor.requests[1].headers["if-none-match"] == '"1"'
    assert vendor.requests[1].headers["if-modified-since"] == "Mon, 02 Mar 2026 12:00:00 GMT"
    fields = first.fields
    assert first.record_types == {"Partner": "0125g0000000001AAA"}
    assert (fields["Email"].id_lookup, fields["Email"].length, fields["Email"].required_on_create) == (
        True,
        80,
        False,
    )
    assert fields["LastName"].required_on_create is True
    assert (fields["Score__c"].external_id, fields["Score__c"].unique, fields["Score__c"].length) == (
        True,
        True,
        None,
    )


@pytest.mark.parametrize("reason", ["time", "call", "row"])
def test_a_description_is_not_taken_for_current_for_ever(reason: str) -> None:
    """After five minutes, or after a refusal of a field, it is read from scratch."""
    described = httpx.Response(
        200, json={"name": "Lead", "fields": []}, headers={"Last-Modified": "Mon, 02 Mar 2026 12:00:00 GMT"}
    )
    refusal = {"success": False, "errors": [{"statusCode": "INVALID_FIELD", "message": "m", "fields": []}]}
    between = {"call": [errors(400, "INVALID_FIELD")], "row": [httpx.Response(200, json=[refusal])], "time": []}
    time, vendor = FakeTime(), ScriptedVendor(described, *between[reason], described)
    client = salesforce_client(vendor, time)
    client.describe("Lead")
    if reason == "time":
        time.advance(301)
    elif reason == "row":
        assert client.create("Lead", [{"LastName": "Doe"}])[0].code == "INVALID_FIELD"
    else:
        with pytest.raises(PermanentError):
            client.query("SELECT Nothing__c FROM Lead")
    client.describe("Lead")
    assert "if-modified-since" not in vendor.requests[-1].headers


@pytest.mark.fault("FS02", "FS03")
def test_the_two_limits_behind_one_code_are_told_apart_by_the_text() -> None:
    """The daily one parks for an hour and is not repeated, the other asks for seconds."""
    time = FakeTime()
    daily = ScriptedVendor(errors(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
    with pytest.raises(QuotaExhaustedError) as caught:
        salesforce_client(daily, time).query("SELECT Id FROM Lead")
    assert caught.value.resets_at == NOON + timedelta(hours=1)
    assert (len(daily.requests), time.slept) == (1, [])

    busy = ScriptedVendor(errors(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."))
    with pytest.raises(RateLimitedError) as limited:
        salesforce_client(busy, time).query("SELECT Id FROM Lead")
    assert limited.value.retry_after_seconds == 20.0
    assert time.slept == [10.0]


@pytest.mark.fault("FS16")
def test_a_create_without_an_answer_is_uncertain_and_sent_once() -> None:
    """There is no idempotency key: repeating it could make a second record."""
    vendor = ScriptedVendor(httpx.ReadTimeout("late"))
    with pytest.raises(UncertainWriteError):
        salesforce_client(vendor).create("Lead", [{"LastName": "Doe"}])
    assert len(vendor.requests) == 1


def test_a_server_error_with_a_code_nobody_documented_leaves_a_create_in_doubt() -> None:
    """The vendor may have committed before it failed: the create is not sent again, whatever the code says."""
    vendor = ScriptedVendor(errors(500, "SOMETHING_NEW"))
    with pytest.raises(UncertainWriteError):
        salesforce_client(vendor).create("Lead", [{"LastName": "Lovelace"}])

    assert len(vendor.requests) == 1


def test_a_dead_session_in_mid_work_is_renewed_once_and_the_write_replayed() -> None:
    """The refused call was not executed, so even a create may be sent again."""
    vendor = ScriptedVendor(errors(401, "INVALID_SESSION_ID", "Session expired or invalid"), rows_ok(1))
    (result,) = salesforce_client(vendor).create("Lead", [{"LastName": "Doe"}])
    assert result.ok
    assert [request.headers["authorization"] for request in vendor.requests][1:] == ["Bearer session-2"]
    assert len(vendor.token_requests) == 2


def test_the_usage_that_answers_report_is_kept() -> None:
    """Also with the per-app part that some orgs append, and across answers without the header."""
    info = {"Sforce-Limit-Info": "api-usage=10018/100000; per-app-api-usage=17/250(appName=x)"}
    vendor = ScriptedVendor(httpx.Response(200, json={"done": True, "records": []}, headers=info), page([]))
    client = salesforce_client(vendor)
    assert client.api_usage is None
    client.query("SELECT Id FROM Lead")
    client.query("SELECT Id FROM Lead")
    assert client.api_usage == ApiUsage(used=10018, allowed=100000)
    assert ApiUsage(used=10018, allowed=100000).left == 89982


def test_limits_are_returned_by_name() -> None:
    """Max and Remaining as Salesforce names them."""
    vendor = ScriptedVendor(httpx.Response(200, json={"DailyApiRequests": {"Max": 15000, "Remaining": 14998}}))
    assert salesforce_client(vendor).limits()["DailyApiRequests"]["Remaining"] == 14998


def test_many_calls_cost_one_login() -> None:
    """The session is shared by all calls of the client."""
    vendor = ScriptedVendor(page([]), token=lambda request: httpx.Response(200, json=session()))
    client = salesforce_client(vendor)
    for _ in range(50):
        client.query("SELECT Id FROM Lead")
    assert len(vendor.token_requests) == 1
    assert client.calls_made == 50
