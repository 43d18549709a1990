"""Every documented vendor code, through the real clients: what is raised, and what is said about a row.

The codes and what they must lead to stand in `tests.builders.vendor_codes`, literally; of our tables only the keys
are imported.
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
    SpoiledCallError,
    SyncError,
    TransientError,
    UncertainWriteError,
)
from leadbridge.vendors.marketo import errors as marketo_errors
from leadbridge.vendors.salesforce import errors as salesforce_errors
from tests.builders.vendor_codes import MARKETO, SALESFORCE, UNKNOWN, Code
from tests.unit.vendors.doubles import (
    ScriptedVendor,
    errors,
    failure,
    marketo_client,
    salesforce_client,
    success,
)

AUTH, CONTRACT, PERMANENT, QUOTA = AuthenticationError, ContractError, PermanentError, QuotaExhaustedError
RATE, SPOILED, TRANSIENT, UNCERTAIN = RateLimitedError, SpoiledCallError, TransientError, UncertainWriteError
R = Resolution

# raised by a write, raised by a read (None: an empty success)
CALL: dict[str, tuple[type[SyncError] | None, type[SyncError] | None]] = {
    "wait": (TRANSIENT, TRANSIENT),
    "pause": (RATE, RATE),
    "quota": (QUOTA, QUOTA),
    "login": (AUTH, AUTH),
    "doubt": (UNCERTAIN, TRANSIENT),
    "twice": (PERMANENT, PERMANENT),
    "isolate": (SPOILED, SPOILED),
    "split": (None, PERMANENT),  # a write of one record that is too large is that record's failure
    "stop": (PERMANENT, PERMANENT),
    "benign": (UNCERTAIN, None),  # it executed nothing: a write then has no results, which is no success
    "unknown": (CONTRACT, CONTRACT),
}
ROW = {
    "again": R.RETRY,
    "failed": R.REJECT,
    "broken": R.FATAL,
    "benign": R.OK,
    "quota": R.QUOTA,
    "pause": R.RATE,
}

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

SALESFORCE_HTTP: list[tuple[int, type[SyncError] | None, type[SyncError]]] = [
    (300, PERMANENT, PERMANENT),
    (401, AUTH, AUTH),
    (403, PERMANENT, PERMANENT),
    (404, PERMANENT, PERMANENT),
    (410, PERMANENT, PERMANENT),
    (409, PERMANENT, PERMANENT),
    (412, PERMANENT, PERMANENT),
    (413, None, PERMANENT),
    (414, None, PERMANENT),
    (415, PERMANENT, PERMANENT),
    (420, UNCERTAIN, PERMANENT),  # twice at most
    (429, RATE, RATE),
    (431, None, PERMANENT),
    (500, UNCERTAIN, TRANSIENT),
    (502, UNCERTAIN, TRANSIENT),
    (503, UNCERTAIN, TRANSIENT),
    (504, UNCERTAIN, TRANSIENT),
    (599, UNCERTAIN, TRANSIENT),
    (418, CONTRACT, CONTRACT),
]


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


def read_of(code: Code) -> type[SyncError] | None:
    """A read is never in doubt: what may be tried twice only is final then."""
    wanted = CALL[code.call][1]
    return PERMANENT if code.call == "doubt" and code.tries == 2 else wanted


def test_the_marketo_table_and_this_specification_name_the_same_codes() -> None:
    """Neither side holds a code that the other does not know."""
    ours = {code for code in marketo_errors.CODES if code.isdigit()}
    assert ours == {each.code for each in MARKETO} - UNKNOWN
    statuses = {int(code.removeprefix("http_")) for code in marketo_errors.CODES if code.startswith("http_")}
    assert statuses == {case[0] for case in MARKETO_HTTP} - {418, 599}


def test_the_salesforce_table_and_this_specification_name_the_same_codes() -> None:
    """Neither side holds a code that the other does not know, families counted by their beginning."""
    ours = {code for code in salesforce_errors.CODES if code.isupper()}
    families = tuple(salesforce_errors.FAMILIES)
    specified = {each.code for each in SALESFORCE} - UNKNOWN
    assert ours == {code for code in specified if code in ours or not code.startswith(families)}
    statuses = {int(code.removeprefix("http_")) for code in salesforce_errors.CODES if code.startswith("http_")}
    assert statuses == {case[0] for case in SALESFORCE_HTTP} - {418, 599}


@pytest.mark.parametrize("code", MARKETO, ids=str)
def test_marketo_code_at_response_level_raises_what_the_document_asks_for(code: Code) -> None:
    """A refused call becomes the exception class of its recovery, for a write and for a read."""
    write = marketo_write(failure(code.code, code.text))
    if code.call == "split":
        assert [result.resolution for result in write()] == [Resolution.REJECT]
    else:
        assert raised_by(write) is CALL[code.call][0]
    assert raised_by(marketo_read(failure(code.code, code.text))) is read_of(code)


@pytest.mark.fault("FM14")
@pytest.mark.parametrize("code", MARKETO, ids=str)
def test_marketo_code_at_record_level_resolves_that_row_alone(code: Code) -> None:
    """A skipped record carries the code, the vendor's text and the resolution; its neighbour stays updated."""
    skipped = {"status": "skipped", "reasons": [{"code": code.code, "message": code.text}]}
    client = marketo_client(ScriptedVendor(success([{"id": 6, "status": "updated"}, skipped])))

    done, refused = client.sync_leads([{"id": 6}, {"id": 7}], action="updateOnly", lookup_field="id")

    assert (done.ok, done.status, done.id) == (True, "updated", "6")
    assert (refused.resolution, refused.code, refused.status) == (ROW[code.row], code.code, "skipped")
    assert refused.ok is (code.row == "benign")
    assert code.row != "again" or refused.tries == code.tries
    assert code.text.rstrip(".") in refused.message


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


@pytest.mark.parametrize("code", SALESFORCE, ids=str)
def test_salesforce_code_at_response_level_raises_what_the_document_asks_for(code: Code) -> None:
    """A refused call becomes the exception class of its recovery, for a write and for a read."""
    refusal = errors(status_of(code.code), code.code, code.text)
    if code.call == "split":
        assert [result.resolution for result in salesforce_write(refusal)()] == [Resolution.REJECT]
    else:
        assert raised_by(salesforce_write(refusal)) is CALL[code.call][0]
    assert raised_by(salesforce_read(refusal)) is read_of(code)


@pytest.mark.parametrize("code", SALESFORCE, ids=str)
def test_salesforce_code_of_a_collection_row_resolves_that_row_alone(code: Code) -> None:
    """A failed row carries code, text, fields and resolution; its neighbour stays created."""
    answer = [
        {"id": "00Q000000000001AAA", "success": True, "errors": []},
        {"success": False, "errors": [{"statusCode": code.code, "message": code.text, "fields": ["Email"]}]},
    ]
    # a duplicate rule is asked a second time, by a create of that record alone
    client = salesforce_client(
        ScriptedVendor(httpx.Response(200, json=answer), errors(status_of(code.code), code.code, code.text))
    )

    done, failed = client.create("Lead", [{"LastName": "Doe"}, {"LastName": "Roe"}])

    assert (done.ok, done.status, done.id) == (True, "created", "00Q000000000001AAA")
    assert (failed.ok, failed.resolution, failed.code) == (False, ROW[code.row], code.code)
    assert failed.fields == ("Email",)
    assert code.row != "again" or failed.tries == code.tries
    assert code.text.rstrip(".") in failed.message


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
