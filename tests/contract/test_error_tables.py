"""Every documented vendor code, through the real clients: what is raised, and what is said about a row.

The tables below are literal on purpose: they restate the vendors' documents and import nothing of our tables
but their keys.
"""

from typing import Any

import httpx
import pytest

from leadbridge.domain.records import Resolution
from leadbridge.errors import (
    AuthenticationError,
    ContractError,
    PermanentError,
    QuotaExhaustedError,
    RateLimitedError,
    SyncError,
    TransientError,
    UncertainWriteError,
)
from leadbridge.vendors.marketo import errors as marketo_errors
from leadbridge.vendors.salesforce import errors as salesforce_errors
from tests.unit.vendors.doubles import (
    ScriptedVendor,
    errors,
    failure,
    marketo_client,
    salesforce_client,
    success,
)

type Case = tuple[str, str, type[SyncError] | None, type[SyncError] | None, Resolution | None]

AUTH, CONTRACT, PERMANENT, QUOTA = AuthenticationError, ContractError, PermanentError, QuotaExhaustedError
RATE, TRANSIENT, UNCERTAIN = RateLimitedError, TransientError, UncertainWriteError
R = Resolution

# code, vendor's text, raised by a write, raised by a read (None: an empty success), said about a row
MARKETO: list[Case] = [
    ("500", "Internal", TRANSIENT, TRANSIENT, R.RETRY),
    ("502", "Bad Gateway", UNCERTAIN, TRANSIENT, R.RETRY),
    ("600", "Empty access token", AUTH, AUTH, R.RETRY),
    ("601", "Access token invalid", AUTH, AUTH, R.RETRY),
    ("602", "Access token expired", AUTH, AUTH, R.RETRY),
    ("603", "Access denied", PERMANENT, PERMANENT, R.FATAL),
    ("604", "Request time-out", UNCERTAIN, TRANSIENT, R.RETRY),
    ("605", "Method not supported", PERMANENT, PERMANENT, R.FATAL),
    ("606", "Max rate limit '100' exceeded with in '20' secs", RATE, RATE, R.RATE),
    ("607", "Daily quota reached", QUOTA, QUOTA, R.QUOTA),
    ("608", "API temporarily unavailable", TRANSIENT, TRANSIENT, R.RETRY),
    ("609", "Invalid JSON", PERMANENT, PERMANENT, R.FATAL),
    ("610", "Requested resource not found", PERMANENT, PERMANENT, R.FATAL),
    ("611", "System error", TRANSIENT, TRANSIENT, R.RETRY),
    ("612", "Invalid content type", PERMANENT, PERMANENT, R.FATAL),
    ("613", "Invalid multipart request", PERMANENT, PERMANENT, R.FATAL),
    ("614", "Invalid subscription", TRANSIENT, TRANSIENT, R.RETRY),
    ("615", "Concurrent access limit '10' reached", RATE, RATE, R.RATE),
    ("616", "Invalid subscription type", PERMANENT, PERMANENT, R.FATAL),
    ("701", "x cannot be blank", PERMANENT, PERMANENT, R.REJECT),
    ("702", "No data found", None, None, R.OK),
    ("703", "Feature not enabled", PERMANENT, PERMANENT, R.FATAL),
    ("704", "Invalid date format", PERMANENT, PERMANENT, R.FATAL),
    ("709", "Business rule violation", PERMANENT, PERMANENT, R.REJECT),
    ("710", "Parent folder not found", PERMANENT, PERMANENT, R.FATAL),
    ("711", "Incompatible folder type", PERMANENT, PERMANENT, R.FATAL),
    ("712", "Merge to person account", PERMANENT, PERMANENT, R.REJECT),
    ("713", "Transient error", TRANSIENT, TRANSIENT, R.RETRY),
    ("714", "No default record type", PERMANENT, PERMANENT, R.REJECT),
    ("718", "ExternalSalesPersonID not found", PERMANENT, PERMANENT, R.REJECT),
    ("719", "Lock wait timeout", TRANSIENT, TRANSIENT, R.RETRY),
    ("1001", "Invalid value", PERMANENT, PERMANENT, R.REJECT),
    ("1002", "Missing value", PERMANENT, PERMANENT, R.REJECT),
    ("1003", "Invalid data", PERMANENT, PERMANENT, R.REJECT),
    ("1003", "Too many results match the filter", PERMANENT, PERMANENT, R.SPLIT),
    ("1004", "Lead not found", PERMANENT, PERMANENT, R.REJECT),
    ("1005", "Lead already exists", PERMANENT, PERMANENT, R.REJECT),
    ("1006", "Field 'x' not found", PERMANENT, PERMANENT, R.FATAL),
    ("1007", "Multiple leads match the lookup criteria", PERMANENT, PERMANENT, R.REJECT),
    ("1008", "Access denied to partition", PERMANENT, PERMANENT, R.FATAL),
    ("1009", "Partition name required", PERMANENT, PERMANENT, R.FATAL),
    ("1010", "Partition update not allowed", PERMANENT, PERMANENT, R.REJECT),
    ("1011", "Field not supported", PERMANENT, PERMANENT, R.FATAL),
    ("1012", "Invalid cookie", PERMANENT, PERMANENT, R.REJECT),
    ("1013", "Object not found", PERMANENT, PERMANENT, R.REJECT),
    ("1014", "Failed to create object", TRANSIENT, TRANSIENT, R.RETRY),
    ("1015", "Lead not in list", None, None, R.OK),
    ("1016", "Too many imports", TRANSIENT, TRANSIENT, R.RETRY),
    ("1017", "Object already exists", PERMANENT, PERMANENT, R.REJECT),
    ("1018", "CRM enabled", PERMANENT, PERMANENT, R.FATAL),
    ("1019", "Import in progress", TRANSIENT, TRANSIENT, R.RETRY),
    ("1020", "Too many clones", QUOTA, QUOTA, R.QUOTA),
    ("1021", "Company update not allowed", PERMANENT, PERMANENT, R.REJECT),
    ("1022", "Object in use", PERMANENT, PERMANENT, R.REJECT),
    ("1025", "Program status not found", PERMANENT, PERMANENT, R.FATAL),
    ("1026", "Custom objects not enabled", PERMANENT, PERMANENT, R.FATAL),
    ("1027", "Max activity types reached", PERMANENT, PERMANENT, R.FATAL),
    ("1028", "Max activity fields reached", PERMANENT, PERMANENT, R.FATAL),
    ("1029", "Too many jobs in queue", TRANSIENT, TRANSIENT, R.RETRY),
    ("1029", "Export daily quota 500MB exceeded.", QUOTA, QUOTA, R.QUOTA),
    ("1029", "Job already queued", None, None, R.OK),
    ("1035", "Unsupported filter type", PERMANENT, PERMANENT, R.FATAL),
    ("1036", "Duplicate object found in input", PERMANENT, PERMANENT, R.REJECT),
    ("1037", "Lead already in status", None, None, R.OK),
    ("1042", "runAt too far", PERMANENT, PERMANENT, R.FATAL),
    ("1048", "Discard draft failed", PERMANENT, PERMANENT, R.REJECT),
    ("1049", "Attributes too large", PERMANENT, PERMANENT, R.REJECT),
    ("1076", "Merge failed", PERMANENT, PERMANENT, R.REJECT),
    ("1077", "Merge failed", PERMANENT, PERMANENT, R.REJECT),
    ("1078", "Merge failed", PERMANENT, PERMANENT, R.REJECT),
    ("1079", "Merge failed", PERMANENT, PERMANENT, R.REJECT),
    ("1080", "Too many leads to merge", PERMANENT, PERMANENT, R.SPLIT),
    ("9999", "Something new", CONTRACT, CONTRACT, R.REJECT),
]

HTML = "<html><body>502 Bad Gateway</body></html>"
# status, raised by a write, raised by a read
MARKETO_HTTP: list[tuple[int, type[SyncError] | None, type[SyncError]]] = [
    (401, AUTH, AUTH),
    (403, PERMANENT, PERMANENT),
    (404, PERMANENT, PERMANENT),
    (413, None, PERMANENT),  # one record that is too large is a row's failure
    (414, None, PERMANENT),
    (429, RATE, RATE),
    (500, UNCERTAIN, TRANSIENT),
    (502, UNCERTAIN, TRANSIENT),
    (503, UNCERTAIN, TRANSIENT),
    (504, UNCERTAIN, TRANSIENT),
    (599, UNCERTAIN, TRANSIENT),
    (418, CONTRACT, CONTRACT),
]

LOCK_INSIDE = "execution of BeforeInsert caused by: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access"
# code, vendor's text, raised by a write, raised by a read, said about a row
SALESFORCE: list[Case] = [
    ("INVALID_SESSION_ID", "Session expired or invalid", AUTH, AUTH, R.RETRY),
    (
        "INVALID_SESSION_ID",
        "This session is not valid for use with the REST API",
        PERMANENT,
        PERMANENT,
        R.FATAL,
    ),
    ("INVALID_SESSION_ID", "Connected app is not attached to Agent", PERMANENT, PERMANENT, R.FATAL),
    ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", QUOTA, QUOTA, R.QUOTA),
    (
        "REQUEST_LIMIT_EXCEEDED",
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        RATE,
        RATE,
        R.RATE,
    ),
    ("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded", RATE, RATE, R.RATE),
    ("API_DISABLED_FOR_ORG", "t", PERMANENT, PERMANENT, R.FATAL),
    ("API_CURRENTLY_DISABLED", "t", TRANSIENT, TRANSIENT, R.RETRY),
    ("FUNCTIONALITY_NOT_ENABLED", "t", PERMANENT, PERMANENT, R.FATAL),
    ("TOO_MANY_APEX_REQUESTS", "t", TRANSIENT, TRANSIENT, R.RETRY),
    ("STORAGE_LIMIT_EXCEEDED", "t", PERMANENT, PERMANENT, R.FATAL),
    ("LIMIT_EXCEEDED", "t", PERMANENT, PERMANENT, R.FATAL),
    ("SERVER_UNAVAILABLE", "t", UNCERTAIN, TRANSIENT, R.RETRY),
    ("UNKNOWN_EXCEPTION", "t", UNCERTAIN, TRANSIENT, R.RETRY),
    ("REQUEST_RUNNING_TOO_LONG", "t", UNCERTAIN, TRANSIENT, R.RETRY),
    ("UNABLE_TO_LOCK_ROW", "t", TRANSIENT, TRANSIENT, R.RETRY),
    ("QUERY_TIMEOUT", "t", TRANSIENT, TRANSIENT, R.RETRY),
    ("QUERY_TOO_COMPLICATED", "t", PERMANENT, PERMANENT, R.FATAL),
    ("OPERATION_TOO_LARGE", "t", None, PERMANENT, R.SPLIT),
    ("MALFORMED_QUERY", "t", PERMANENT, PERMANENT, R.FATAL),
    ("INVALID_QUERY_FILTER_OPERATOR", "t", PERMANENT, PERMANENT, R.FATAL),
    ("INVALID_QUERY_LOCATOR", "t", PERMANENT, PERMANENT, R.FATAL),
    ("INVALID_REPLICATION_DATE", "t", PERMANENT, PERMANENT, R.REJECT),
    ("EXCEEDED_ID_LIMIT", "t", None, PERMANENT, R.SPLIT),
    ("NOT_FOUND", "t", PERMANENT, PERMANENT, R.REJECT),
    ("ENTITY_IS_DELETED", "t", PERMANENT, PERMANENT, R.REJECT),
    ("INVALID_CROSS_REFERENCE_KEY", "t", PERMANENT, PERMANENT, R.REJECT),
    ("MALFORMED_ID", "t", PERMANENT, PERMANENT, R.REJECT),
    ("INVALID_ID_FIELD", "t", PERMANENT, PERMANENT, R.REJECT),
    ("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", PERMANENT, PERMANENT, R.REJECT),
    ("ENTITY_IS_LOCKED", "t", PERMANENT, PERMANENT, R.REJECT),
    ("INVALID_OPERATION", "t", PERMANENT, PERMANENT, R.REJECT),
    ("INACTIVE_OWNER_OR_USER", "t", PERMANENT, PERMANENT, R.REJECT),
    ("DUPLICATES_DETECTED", "t", PERMANENT, PERMANENT, R.REJECT),
    ("DUPLICATE_VALUE", "t", PERMANENT, PERMANENT, R.REJECT),
    ("DUPLICATE_EXTERNAL_ID", "t", PERMANENT, PERMANENT, R.REJECT),
    ("INVALID_FIELD", "t", PERMANENT, PERMANENT, R.FATAL),
    ("INVALID_FIELD_FOR_INSERT_UPDATE", "t", PERMANENT, PERMANENT, R.FATAL),
    ("REQUIRED_FIELD_MISSING", "t", PERMANENT, PERMANENT, R.REJECT),
    ("STRING_TOO_LONG", "t", PERMANENT, PERMANENT, R.REJECT),
    ("INVALID_EMAIL_ADDRESS", "t", PERMANENT, PERMANENT, R.REJECT),
    ("NUMBER_OUTSIDE_VALID_RANGE", "t", PERMANENT, PERMANENT, R.REJECT),
    ("INVALID_TYPE_ON_FIELD_IN_RECORD", "t", PERMANENT, PERMANENT, R.REJECT),
    ("JSON_PARSER_ERROR", "t", PERMANENT, PERMANENT, R.REJECT),
    ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "t", PERMANENT, PERMANENT, R.REJECT),
    ("FIELD_INTEGRITY_EXCEPTION", "t", PERMANENT, PERMANENT, R.REJECT),
    ("FIELD_FILTER_VALIDATION_EXCEPTION", "t", PERMANENT, PERMANENT, R.REJECT),
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "t", PERMANENT, PERMANENT, R.REJECT),
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type cannot be inserted", PERMANENT, PERMANENT, R.REJECT),
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", LOCK_INSIDE, TRANSIENT, TRANSIENT, R.RETRY),
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Apex CPU limit exceeded", TRANSIENT, TRANSIENT, R.RETRY),
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "by: INVALID_SESSION_ID", TRANSIENT, TRANSIENT, R.RETRY),
    ("CANNOT_EXECUTE_FLOW_TRIGGER", "t", TRANSIENT, TRANSIENT, R.RETRY),
    ("APEX_ERROR", "t", TRANSIENT, TRANSIENT, R.RETRY),
    ("INSUFFICIENT_ACCESS", "t", PERMANENT, PERMANENT, R.REJECT),
    ("INSUFFICIENT_ACCESS_OR_READONLY", "t", PERMANENT, PERMANENT, R.REJECT),
    ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "t", PERMANENT, PERMANENT, R.REJECT),
    ("TRANSFER_REQUIRES_READ", "t", PERMANENT, PERMANENT, R.REJECT),
    ("TXN_SECURITY_NO_ACCESS", "t", PERMANENT, PERMANENT, R.REJECT),
    ("ALL_OR_NONE_OPERATION_ROLLED_BACK", "t", TRANSIENT, TRANSIENT, R.RETRY),
    ("PROCESSING_HALTED", "t", TRANSIENT, TRANSIENT, R.RETRY),
    ("SOMETHING_NEW", "t", CONTRACT, CONTRACT, R.REJECT),
]
SALESFORCE_HTTP: list[tuple[int, type[SyncError] | None, type[SyncError]]] = [
    (300, PERMANENT, PERMANENT),
    (401, AUTH, AUTH),
    (403, PERMANENT, PERMANENT),
    (404, PERMANENT, PERMANENT),
    (410, PERMANENT, PERMANENT),
    (412, PERMANENT, PERMANENT),
    (414, None, PERMANENT),
    (415, PERMANENT, PERMANENT),
    (420, UNCERTAIN, TRANSIENT),
    (429, RATE, RATE),
    (431, None, PERMANENT),
    (500, UNCERTAIN, TRANSIENT),
    (502, UNCERTAIN, TRANSIENT),
    (503, UNCERTAIN, TRANSIENT),
    (504, UNCERTAIN, TRANSIENT),
    (599, UNCERTAIN, TRANSIENT),
    (418, CONTRACT, CONTRACT),
]
# a single row of a collection is not sent in halves: these two fail the row instead of the call
SPLIT_CODES = frozenset({"OPERATION_TOO_LARGE", "EXCEEDED_ID_LIMIT", "1080"})
TOO_MANY = "Too many results match the filter"


def raised_by(action: Any) -> type[SyncError] | None:
    """The class of the error, where a refusal for size alone counts as the permanent error it is."""
    try:
        action()
    except PermanentError:
        return PermanentError
    except SyncError as error:
        return type(error)
    return None


def marketo_write(reply: httpx.Response) -> Any:
    client = marketo_client(ScriptedVendor(reply))
    return lambda: client.sync_leads([{"id": 7}], action="updateOnly", lookup_field="id")


def marketo_read(reply: httpx.Response) -> Any:
    client = marketo_client(ScriptedVendor(reply))
    return lambda: client.leads_by_filter("id", ["7"], ["id"])


def salesforce_write(reply: httpx.Response) -> Any:
    client = salesforce_client(ScriptedVendor(reply))
    return lambda: client.create("Lead", [{"LastName": "Doe"}])


def salesforce_read(reply: httpx.Response) -> Any:
    client = salesforce_client(ScriptedVendor(reply))
    return lambda: client.query("SELECT Id FROM Lead")


def status_of(code: str) -> int:
    return {"INVALID_SESSION_ID": 401, "REQUEST_LIMIT_EXCEEDED": 403, "SERVER_UNAVAILABLE": 503}.get(code, 400)


def test_the_marketo_table_and_this_specification_name_the_same_codes() -> None:
    """Neither side holds a code that the other does not know."""
    ours = {code for code in marketo_errors.CODES if code.isdigit()}
    assert ours == {case[0] for case in MARKETO} - {"9999"}
    statuses = {int(code.removeprefix("http_")) for code in marketo_errors.CODES if code.startswith("http_")}
    assert statuses == {case[0] for case in MARKETO_HTTP} - {418, 599}


def test_the_salesforce_table_and_this_specification_name_the_same_codes() -> None:
    """Neither side holds a code that the other does not know, families counted by their beginning."""
    ours = {code for code in salesforce_errors.CODES if code.isupper()}
    families = tuple(salesforce_errors.FAMILIES)
    specified = {case[0] for case in SALESFORCE} - {"SOMETHING_NEW"}
    assert ours == {code for code in specified if code in ours or not code.startswith(families)}
    statuses = {int(code.removeprefix("http_")) for code in salesforce_errors.CODES if code.startswith("http_")}
    assert statuses == {case[0] for case in SALESFORCE_HTTP} - {418, 599}


@pytest.mark.parametrize(("code", "text", "write", "read", "row"), MARKETO, ids=lambda value: str(value)[:24])
def test_marketo_code_at_response_level_raises_what_the_document_asks_for(
    code: str, text: str, write: type[SyncError] | None, read: type[SyncError] | None, row: Resolution | None
) -> None:
    """A refused call becomes the exception class of its recovery, for a write and for a read."""
    if row is Resolution.SPLIT:
        # the row's failure of a write that cannot be halved any more
        results = marketo_write(failure(code, text))()
        assert [result.resolution for result in results] == [Resolution.REJECT]
    elif write is None:
        # a benign refusal executed nothing: a write then has no results, which is no success
        assert raised_by(marketo_write(failure(code, text))) is UncertainWriteError
    else:
        assert raised_by(marketo_write(failure(code, text))) is write
    assert raised_by(marketo_read(failure(code, text))) is read


@pytest.mark.fault("FM14")
@pytest.mark.parametrize(("code", "text", "write", "read", "row"), MARKETO, ids=lambda value: str(value)[:24])
def test_marketo_code_at_record_level_resolves_that_row_alone(
    code: str, text: str, write: type[SyncError] | None, read: type[SyncError] | None, row: Resolution | None
) -> None:
    """A skipped record carries the code, the vendor's text and the resolution; its neighbour stays updated."""
    skipped = {"status": "skipped", "reasons": [{"code": code, "message": text}]}
    client = marketo_client(ScriptedVendor(success([{"id": 6, "status": "updated"}, skipped])))

    done, refused = client.sync_leads([{"id": 6}, {"id": 7}], action="updateOnly", lookup_field="id")

    assert (done.ok, done.status, done.id) == (True, "updated", "6")
    assert (refused.resolution, refused.code, refused.status) == (row, code, "skipped")
    assert refused.ok is (row is Resolution.OK)
    assert text in refused.message


@pytest.mark.fault("FM19")
@pytest.mark.parametrize(("status", "write", "read"), MARKETO_HTTP, ids=lambda value: str(value)[:24])
def test_marketo_http_status_with_an_html_body_is_classified_without_reading_the_body(
    status: int, write: type[SyncError] | None, read: type[SyncError]
) -> None:
    """The status alone decides, and none of the page's text comes through."""
    page = httpx.Response(status, text=HTML)
    assert raised_by(marketo_write(page)) is write
    with pytest.raises(read) as caught:
        marketo_read(page)()
    assert caught.value.code == f"http_{status}"
    assert "Bad Gateway" not in str(caught.value)


@pytest.mark.parametrize(("code", "text", "write", "read", "row"), SALESFORCE, ids=lambda value: str(value)[:40])
def test_salesforce_code_at_response_level_raises_what_the_document_asks_for(
    code: str, text: str, write: type[SyncError] | None, read: type[SyncError] | None, row: Resolution | None
) -> None:
    """A refused call becomes the exception class of its recovery, for a write and for a read."""
    if code in SPLIT_CODES:
        results = salesforce_write(errors(400, code, text))()
        assert [result.resolution for result in results] == [Resolution.REJECT]
    else:
        assert raised_by(salesforce_write(errors(status_of(code), code, text))) is write
    assert raised_by(salesforce_read(errors(status_of(code), code, text))) is read


@pytest.mark.parametrize(("code", "text", "write", "read", "row"), SALESFORCE, ids=lambda value: str(value)[:40])
def test_salesforce_code_of_a_collection_row_resolves_that_row_alone(
    code: str, text: str, write: type[SyncError] | None, read: type[SyncError] | None, row: Resolution | None
) -> None:
    """A failed row carries code, text, fields and resolution; its neighbour stays created."""
    answer = [
        {"id": "00Q000000000001AAA", "success": True, "errors": []},
        {"success": False, "errors": [{"statusCode": code, "message": text, "fields": ["Email"]}]},
    ]
    client = salesforce_client(ScriptedVendor(httpx.Response(200, json=answer)))

    done, failed = client.create("Lead", [{"LastName": "Doe"}, {"LastName": "Roe"}])

    assert (done.ok, done.status, done.id) == (True, "created", "00Q000000000001AAA")
    assert (failed.ok, failed.resolution, failed.code) == (False, row, code)
    assert failed.fields == ("Email",)
    assert text in failed.message


@pytest.mark.parametrize(("status", "write", "read"), SALESFORCE_HTTP, ids=lambda value: str(value)[:24])
def test_salesforce_http_status_without_a_code_is_classified_by_the_status(
    status: int, write: type[SyncError] | None, read: type[SyncError]
) -> None:
    """The status alone decides, and none of the page's text comes through."""
    page = httpx.Response(status, text=HTML)
    assert raised_by(salesforce_write(page)) is write
    with pytest.raises(read) as caught:
        salesforce_read(page)()
    assert caught.value.code == f"http_{status}"
    assert "Bad Gateway" not in str(caught.value)
