"""The Marketo calls: what is sent, how it is split, what is made of the answers."""

import json
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from leadbridge.domain.records import Activity, CustomActivity, CustomActivityType, Resolution
from leadbridge.errors import ConfigurationError, ContractError, QuotaExhaustedError, UncertainWriteError
from leadbridge.sync_ports import ALREADY_THERE, CreatesOnly
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.marketo.syncing import marketo_leads
from tests.builders.syncs import a_sync
from tests.fakes.limits import NoLimit
from tests.unit.vendors.doubles import (
    FakeTime,
    ScriptedVendor,
    credentials,
    failure,
    marketo_client,
    settings,
    success,
)


class EchoingLeads:
    """Updates every lead it is sent and answers in order, or searches as many as asked for."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.vendor = ScriptedVendor(success())

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("token"):
            return self.vendor(request)
        self.bodies.append(request.read())
        rows = json.loads(self.bodies[-1])["input"]
        return success([{"id": row["id"], "status": "updated"} for row in rows])


def an_activity(lead_id: int = 7) -> CustomActivity:
    return CustomActivity(
        lead_id=lead_id,
        activity_type_id=100_001,
        primary_attribute_value="created",
        activity_date=datetime(2026, 3, 2, 13, 0, 0, 999_000, tzinfo=timezone(timedelta(hours=1))),
        attributes={"executionId": "e-1"},
    )


@pytest.mark.parametrize(
    "base_url",
    ["https://123-ABC-456.mktorest.com/rest", "http://123-ABC-456.mktorest.com", "https://example.com", "nonsense"],
)
def test_an_address_that_is_no_instance_is_refused_before_anything_is_sent(base_url: str) -> None:
    """The finding names the setting and the remedy."""
    vendor = ScriptedVendor(success())
    with pytest.raises(ConfigurationError, match=r"base_url .* use the address https://123-ABC-456"):
        MarketoClient(settings(vendor, FakeTime()), base_url=base_url, credentials=credentials, limiter=NoLimit())
    assert vendor.token_requests == []


def test_describe_leads_knows_fields_by_rest_name() -> None:
    """Type, length, writability and searchability come from Describe2."""
    described = {
        "name": "API Lead",
        "searchableFields": [["email"], ["id"], ["a", "b"]],
        "fields": [
            {
                "name": "email",
                "displayName": "Email Address",
                "dataType": "email",
                "length": 255,
                "updateable": True,
            },
            {"name": "id", "displayName": "Id", "dataType": "integer", "updateable": False},
            {"name": "a", "displayName": "A", "dataType": "string", "updateable": True},
        ],
    }
    description = marketo_client(ScriptedVendor(success([described]))).describe_leads()
    email, identity = description.fields["email"], description.fields["id"]
    assert (email.type, email.length, email.updateable, email.id_lookup) == ("email", 255, True, True)
    assert (identity.updateable, identity.id_lookup) == (False, True)
    assert description.fields["a"].id_lookup is False


@pytest.mark.fault("FM18")
def test_values_that_would_make_the_address_too_long_travel_as_a_form() -> None:
    """300 e-mail addresses go as POST with _method=GET and the query in the body; a few go as GET."""
    vendor = ScriptedVendor(success())
    client = marketo_client(vendor)
    many = [f"person.number.{n:04d}@example.com" for n in range(300)]

    client.leads_by_filter("email", many[:3], ["id", "email"])
    client.leads_by_filter("email", many, ["id", "email"])

    short, long = vendor.requests
    assert (short.method, short.url.params["filterValues"]) == ("GET", ",".join(many[:3]))
    assert (long.method, str(long.url.query, "ascii")) == ("POST", "_method=GET")
    assert long.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(long.content.decode()) == {
        "filterType": ["email"],
        "filterValues": [",".join(many)],
        "fields": ["id,email"],
    }
    assert all(len(request.url.raw_path) <= 8_000 for request in vendor.requests)


def test_filter_values_are_asked_for_once_each_and_300_at_a_time() -> None:
    """Doubled, blank and comma-holding values are left out, the others split."""
    vendor = ScriptedVendor(success())
    values = [str(n) for n in range(650)] + ["0", " ", "", "a,b"]
    marketo_client(vendor).leads_by_filter("id", values, ["id"])
    asked = [request.url.params["filterValues"].split(",") for request in vendor.requests]
    assert [len(chunk) for chunk in asked] == [300, 300, 50]
    assert sorted({value for chunk in asked for value in chunk}, key=int) == [str(n) for n in range(650)]


def test_lead_pages_end_by_the_absence_of_a_token_not_by_a_short_or_empty_page() -> None:
    """All pages are read, and every parameter is sent again with the token."""
    vendor = ScriptedVendor(
        success([{"id": 1}], nextPageToken="A==="), success([], nextPageToken="B==="), success([{"id": 2}])
    )
    assert marketo_client(vendor).leads_by_filter("id", ["1", "2"], ["id"]) == [{"id": 1}, {"id": 2}]
    assert [request.url.params.get("nextPageToken") for request in vendor.requests] == [None, "A===", "B==="]
    assert {request.url.params["filterValues"] for request in vendor.requests} == {"1,2"}


def test_a_repeated_page_token_is_an_error() -> None:
    """Following it would never end."""
    vendor = ScriptedVendor(success([{"id": 1}], nextPageToken="A==="))
    with pytest.raises(ContractError):
        marketo_client(vendor).leads_by_filter("id", ["1"], ["id"])
    assert len(vendor.requests) == 2


def test_a_filter_that_matches_too_many_leads_is_asked_in_halves() -> None:
    """Marketo returns 1,000 at most; half the values match fewer."""
    vendor = ScriptedVendor(
        failure("1003", "Too many results match the filter"), success([{"id": 1}]), success([{"id": 2}])
    )
    assert marketo_client(vendor).leads_by_filter("email", ["a", "b"], ["id"]) == [{"id": 1}, {"id": 2}]
    assert [request.url.params["filterValues"] for request in vendor.requests] == ["a,b", "a", "b"]


@pytest.mark.parametrize("lookup_field", ["id", "email", "sfdcLeadKey"])
def test_sync_leads_sends_action_and_lookup_field_and_reads_results_by_position(lookup_field: str) -> None:
    """The lookup field may be a custom one; a skipped row carries Marketo's reason."""
    vendor = ScriptedVendor(
        success(
            [
                {"id": 7, "status": "updated"},
                {"id": 8, "status": "created"},
                {"status": "skipped", "reasons": [{"code": "1007", "message": "Multiple lead match Josephine"}]},
            ]
        )
    )
    rows: list[dict[str, str]] = [
        {lookup_field: "1"},
        {lookup_field: "2"},
        {lookup_field: "3", "firstName": "Josephine"},
    ]

    results = marketo_client(vendor).sync_leads(rows, action="updateOnly", lookup_field=lookup_field, partition="EU")

    body = json.loads(vendor.requests[0].content)
    assert body == {
        "action": "updateOnly",
        "lookupField": lookup_field,
        "partitionName": "EU",
        "input": rows,
    }
    assert [(r.ok, r.status, r.id, r.code) for r in results] == [
        (True, "updated", "7", ""),
        (True, "created", "8", ""),
        (False, "skipped", None, "1007"),
    ]
    assert ": Multiple lead match ***. Merge them" in results[2].message


@pytest.mark.parametrize(
    ("keys", "how", "said"),
    [
        (["crmId"], "create", {"action": "createOrUpdate", "lookupField": "crmId"}),
        (["crmId"], "create_only", {"action": "createOnly", "lookupField": "crmId"}),
        (["email", "company"], "create", {"action": "createDuplicate"}),
    ],
)
def test_leads_of_a_sync_are_created_by_their_key(keys: list[str], how: str, said: dict[str, str]) -> None:
    """Marketo looks for a key of one field itself; of several it would take the first for the whole."""
    vendor = ScriptedVendor(success([{"id": 7, "status": "created"}]))
    sync = a_sync(match=[{"column": each, "field": each} for each in keys])
    destination = marketo_leads(marketo_client(vendor), sync)
    assert isinstance(destination, CreatesOnly) is (len(keys) == 1)
    rows = [{"crmId": "00Q1", "email": "ada@example.com"}]
    assert [each.id for each in getattr(destination, how)(rows)] == ["7"]
    assert json.loads(vendor.requests[0].content) == {**said, "input": rows}


def test_several_leads_of_a_key_are_there_as_one_is() -> None:
    """Whether Marketo names one or complains of several: nothing is created, and it is the same word."""
    reasons = [{"code": code, "message": "no"} for code in ("1005", "1007", "1006")]
    vendor = ScriptedVendor(success([{"status": "skipped", "reasons": [each]} for each in reasons]), success([]))
    destination = marketo_leads(marketo_client(vendor), a_sync(match=[{"column": "crmId", "field": "crmId"}]))
    assert isinstance(destination, CreatesOnly)
    said = destination.create_only([{"crmId": each} for each in "123"])
    assert [each.code for each in said] == [ALREADY_THERE, ALREADY_THERE, "1006"]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_one_result_too_few_or_too_many_leaves_all_rows_uncertain(count: int) -> None:
    """Results carry no key, so none of them can be trusted."""
    vendor = ScriptedVendor(success([{"id": 1, "status": "updated"}] * count))
    with pytest.raises(UncertainWriteError) as caught:
        marketo_client(vendor).sync_leads([{"id": 1}, {"id": 2}], action="updateOnly", lookup_field="id")
    assert caught.value.code == "short_result"
    assert len(vendor.requests) == 1


def test_a_row_without_a_known_status_is_uncertain() -> None:
    """A new word of Marketo's is neither success nor refusal."""
    vendor = ScriptedVendor(success([{"id": 1, "status": "queued"}, {"status": "skipped"}]))
    queued, skipped = marketo_client(vendor).sync_leads([{"id": 1}, {"id": 2}], action="updateOnly", lookup_field="id")
    assert queued.resolution is Resolution.UNCERTAIN
    assert skipped.resolution is Resolution.REJECT


@hypothesis_settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=400_000), min_size=1, max_size=12))
def test_every_body_is_below_a_million_bytes_and_every_row_is_sent_once(sizes: list[int]) -> None:
    """Whatever the sizes, the rows arrive in order and complete, in bodies that Marketo takes."""
    vendor = EchoingLeads()
    rows: list[dict[str, object]] = [{"id": n, "notes": "é" * (size // 2)} for n, size in enumerate(sizes)]
    results = marketo_client(vendor).sync_leads(rows, action="updateOnly", lookup_field="id")
    assert all(len(body) < 1_000_000 for body in vendor.bodies)
    assert [row for body in vendor.bodies for row in json.loads(body)["input"]] == rows
    assert [result.id for result in results] == [str(n) for n in range(len(sizes))]


def test_a_record_that_alone_is_too_large_fails_alone() -> None:
    """It is not sent at all; its neighbours are."""
    vendor = EchoingLeads()
    rows: list[dict[str, object]] = [{"id": 1}, {"id": 2, "notes": "x" * 1_000_000}, {"id": 3}]
    results = marketo_client(vendor).sync_leads(rows, action="updateOnly", lookup_field="id")
    assert [(result.ok, result.code) for result in results] == [(True, ""), (False, "http_413"), (True, "")]
    assert results[1].resolution is Resolution.REJECT


def test_301_leads_are_two_calls() -> None:
    """300 is the most that one call takes."""
    vendor = EchoingLeads()
    marketo_client(vendor).sync_leads([{"id": n} for n in range(301)], action="updateOnly", lookup_field="id")
    assert [len(json.loads(body)["input"]) for body in vendor.bodies] == [300, 1]


def test_what_the_first_call_wrote_is_not_forgotten_when_the_second_fails() -> None:
    """Rows of the failed call say so, rows after it were not sent."""
    done = success([{"id": n, "status": "updated"} for n in range(300)])
    vendor = ScriptedVendor(done, httpx.ReadTimeout("late"))
    results = marketo_client(vendor).sync_leads([{"id": n} for n in range(601)], action="updateOnly", lookup_field="id")
    assert {result.resolution for result in results[:300]} == {Resolution.OK}
    assert {(result.resolution, result.code) for result in results[300:600]} == {(Resolution.UNCERTAIN, "timeout")}
    assert [(result.resolution, result.code) for result in results[600:]] == [(Resolution.RETRY, "not_sent")]


def test_a_spent_quota_before_any_row_was_written_is_raised() -> None:
    """The caller needs the time of the reset."""
    with pytest.raises(QuotaExhaustedError):
        marketo_client(ScriptedVendor(failure("607"))).sync_leads(
            [{"id": n} for n in range(301)], action="updateOnly", lookup_field="id"
        )


def test_custom_activities_are_sent_in_whole_seconds_utc_and_read_by_errors() -> None:
    """The result of an activity says `errors` where a lead says `reasons`."""
    vendor = ScriptedVendor(
        success(
            [
                {"id": 50, "marketoGUID": "guid-50", "status": "added"},
                {"status": "skipped", "errors": [{"code": "1004", "message": "Lead not found"}]},
            ]
        )
    )
    added, skipped = marketo_client(vendor).add_custom_activities([an_activity(7), an_activity(8)])

    assert json.loads(vendor.requests[0].content)["input"][0] == {
        "leadId": 7,
        "activityDate": "2026-03-02T12:00:00Z",
        "activityTypeId": 100_001,
        "primaryAttributeValue": "created",
        "attributes": [{"apiName": "executionId", "value": "e-1"}],
    }
    assert (added.ok, added.status, added.id) == (True, "added", "guid-50")
    assert (skipped.ok, skipped.code, skipped.resolution) == (False, "1004", Resolution.REJECT)


def test_a_custom_activity_type_is_known_by_its_api_names() -> None:
    """The primary attribute stands apart from the secondary ones."""
    described = {
        "id": 100_001,
        "apiName": "lb_result",
        "name": "Result",
        "status": "approved",
        "primaryAttribute": {"apiName": "outcome", "name": "Outcome", "dataType": "string"},
        "attributes": [{"apiName": "executionId", "name": "Execution Id", "dataType": "string"}],
    }
    vendor = ScriptedVendor(success([described]))
    assert marketo_client(vendor).custom_activity_type("lb_result") == CustomActivityType(
        id=100_001,
        api_name="lb_result",
        primary_attribute="outcome",
        attributes={"executionId": "string"},
        status="approved",
    )
    assert vendor.requests[0].url.path == "/rest/v1/activities/external/type/lb_result/describe.json"


def test_an_activity_type_name_cannot_lead_to_another_address() -> None:
    """Names with slashes or dots are refused before anything is sent."""
    vendor = ScriptedVendor(success())
    with pytest.raises(ConfigurationError):
        marketo_client(vendor).custom_activity_type("x/../../leads")
    assert vendor.requests == []


@pytest.mark.fault("FM23")
def test_activities_are_read_while_more_is_announced_even_through_empty_pages() -> None:
    """The token is always there, so only `moreResult` ends the sequence."""
    item = {
        "id": 900,
        "marketoGUID": "900",
        "leadId": 7,
        "activityDate": "2026-03-02T11:00:00Z",
        "activityTypeId": 100_001,
        "primaryAttributeValue": "created",
        "attributes": [{"name": "Execution Id", "apiName": "executionId", "value": "e-1"}],
    }
    vendor = ScriptedVendor(
        httpx.Response(200, json={"requestId": "1#2", "success": True, "nextPageToken": "A"}),
        success([], moreResult=True, nextPageToken="B"),
        success([item], moreResult=False, nextPageToken="C"),
    )
    since = datetime(2026, 3, 2, 10, 0, 0, 5, tzinfo=UTC)

    found = list(marketo_client(vendor).activities(since, [100_001], [7, 8]))

    assert found == [
        Activity(
            marketo_guid="900",
            lead_id=7,
            activity_type_id=100_001,
            activity_date=datetime(2026, 3, 2, 11, tzinfo=UTC),
            primary_attribute_value="created",
            attributes={"Execution Id": "e-1", "executionId": "e-1"},
        )
    ]
    assert vendor.requests[0].url.params["sinceDatetime"] == "2026-03-02T10:00:00Z"
    assert [request.url.params["nextPageToken"] for request in vendor.requests[1:]] == ["A", "B"]
    assert vendor.requests[1].url.params["leadIds"] == "7,8"


def test_activities_of_many_leads_and_types_are_asked_for_30_and_10_at_a_time() -> None:
    """Marketo refuses more in one call."""
    vendor = ScriptedVendor(success(nextPageToken="A"), success([], moreResult=False, nextPageToken="B"))
    list(marketo_client(vendor).activities(datetime(2026, 3, 2, tzinfo=UTC), list(range(1, 13)), list(range(1, 62))))
    asked = [
        (len(r.url.params["activityTypeIds"].split(",")), len(r.url.params["leadIds"].split(",")))
        for r in vendor.requests[1:]
    ]
    assert asked == [(10, 30), (10, 30), (10, 1), (2, 30), (2, 30), (2, 1)]


def test_an_activity_page_that_repeats_its_token_is_an_error() -> None:
    """The sequence would never end."""
    vendor = ScriptedVendor(success(nextPageToken="A"), success([], moreResult=True, nextPageToken="A"))
    with pytest.raises(ContractError):
        list(marketo_client(vendor).activities(datetime(2026, 3, 2, tzinfo=UTC), [1], [7]))


def test_usage_is_today_s_total() -> None:
    """Calls of all API users together."""
    vendor = ScriptedVendor(
        success([{"date": "2026-03-02", "total": 42, "users": [{"userId": "api@example.com", "count": 42}]}])
    )
    assert marketo_client(vendor).usage() == 42


def test_no_path_holds_two_slashes_and_no_address_a_token() -> None:
    """Marketo's gateway deprecates the one and has removed the other."""
    vendor = ScriptedVendor(success([{"id": 1, "status": "updated"}], nextPageToken=""))
    client = marketo_client(vendor)
    client.leads_by_filter("id", ["1"], ["id"])
    client.sync_leads([{"id": 1}], action="updateOnly", lookup_field="id")
    client.usage()
    for request in vendor.requests:
        assert "//" not in request.url.path
        assert "access_token" not in str(request.url)
        assert request.headers["authorization"] == "Bearer token-1"
