"""Versions, describe, limits and the control plane: what is counted, refused, injected and logged."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.contract.simulator.salesforce_support import (
    DATA,
    Org,
    error_of,
    lead,
    typed,
    wait_for_calls,
)


def test_the_versions_need_no_session(org: Org) -> None:
    """The list holds version, label and url, is not counted and carries no Sforce-Limit-Info."""
    answer = org.http.get("/services/data/")
    assert answer.status_code == 200
    entry = next(each for each in answer.json() if each["version"] == "67.0")
    assert entry == {"label": "Summer '26", "url": "/services/data/v67.0", "version": "67.0"}
    assert answer.json()[-1]["label"] == "Winter '27"
    assert "Sforce-Limit-Info" not in answer.headers


def test_a_version_lists_its_resources(org: Org) -> None:
    """Each supported version answers its resource paths."""
    for version in ("v66.0", "v67.0", "v68.0"):
        answer = org.http.get(f"/services/data/{version}/", headers=org.headers)
        assert answer.json()["sobjects"] == f"/services/data/{version}/sobjects"


def test_retired_and_unknown_versions_are_refused(org: Org) -> None:
    """30.0 is gone with 410, 99.0 is not there with 404."""
    assert org.http.get("/services/data/v30.0/limits", headers=org.headers).status_code == 410
    assert org.http.get("/services/data/v99.0/limits", headers=org.headers).status_code == 404
    assert org.http.get("/services/data/v67/limits", headers=org.headers).status_code == 404


def test_describe_shows_what_a_write_may_do(org: Org) -> None:
    """Types, lengths, required and read-only fields, keys and picklist values of Lead."""
    described = org.call("GET", "/sobjects/Lead/describe").json()
    assert (described["keyPrefix"], described["createable"], described["replicateable"]) == ("00Q", True, True)
    fields = {each["name"]: each for each in described["fields"]}
    required = {
        name
        for name, each in fields.items()
        if each["createable"] and not each["nillable"] and not each["defaultedOnCreate"]
    }
    assert required == {"LastName", "Company"}
    assert (fields["Email"]["type"], fields["Email"]["idLookup"], fields["Email"]["unique"]) == (
        "email",
        True,
        False,
    )
    assert not fields["Name"]["createable"]
    key, loose, execution = (fields[name] for name in ("External_Key__c", "Loose_Key__c", "Leadbridge_Execution__c"))
    assert (key["length"], key["externalId"], key["unique"], key["caseSensitive"]) == (80, True, True, False)
    assert (loose["externalId"], loose["unique"]) == (True, False)
    assert (execution["length"], execution["unique"]) == (64, True)
    assert [fields[name]["type"] for name in ("Lead_Score__c", "Opt_In__c", "Score_Date__c")] == [
        "double",
        "boolean",
        "date",
    ]
    assert "Working - Contacted" in [each["value"] for each in fields["Status"]["picklistValues"]]
    assert fields["OwnerId"]["referenceTo"] == ["User", "Group"]


@pytest.mark.parametrize(
    "name", ["Lead", "Contact", "Account", "Campaign", "CampaignMember", "Task", "User", "Opportunity"]
)
def test_each_object_can_be_described(org: Org, name: str) -> None:
    """Every object of the org has its describe, with the system fields, and stands in the global list."""
    fields = {each["name"] for each in org.call("GET", f"/sobjects/{name}/describe").json()["fields"]}
    assert {"Id", "CreatedDate", "LastModifiedById", "SystemModstamp", "IsDeleted"} <= fields
    listed = [each["name"] for each in org.call("GET", "/sobjects").json()["sobjects"]]
    assert name in listed


def test_an_unchanged_describe_is_304(org: Org) -> None:
    """If-Modified-Since after the last change gives 304 without a body; a date before it gives 200."""
    answer = org.call("GET", "/sobjects/Lead/describe")
    since = {"If-Modified-Since": answer.headers["Last-Modified"]}
    again = org.call("GET", "/sobjects/Lead/describe", headers=since)
    assert (again.status_code, again.content) == (304, b"")
    old = {"If-Modified-Since": "Wed, 01 Jan 2020 00:00:00 GMT"}
    assert org.call("GET", "/sobjects/Lead/describe", headers=old).status_code == 200
    assert org.call("GET", "/sobjects/Nope/describe").status_code == 404
    bad = {"If-Modified-Since": "yesterday"}
    assert org.call("GET", "/sobjects/Lead/describe", headers=bad).status_code == 400


def test_every_answer_tells_the_usage(org: Org) -> None:
    """Sforce-Limit-Info counts calls, refused ones for their content included; /limits shows the same."""
    assert org.call("GET", "/limits").headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    answer = org.call("POST", "/sobjects/Lead", json={})
    assert (answer.status_code, answer.headers["Sforce-Limit-Info"]) == (400, "api-usage=2/100000")
    body = org.call("GET", "/limits").json()
    assert body["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_997}


def test_the_daily_limit_refuses_until_calls_are_24_hours_old(org: Org) -> None:
    """403 REQUEST_LIMIT_EXCEEDED with TotalRequests Limit exceeded., no Retry-After, and a violation."""
    org.control("limits", {"daily_calls": 3})
    for _ in range(3):
        assert org.call("GET", "/sobjects").status_code == 200
    answer = org.call("POST", "/sobjects/Lead", json=lead())
    assert error_of(answer) == (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    assert "Retry-After" not in answer.headers
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=3/3"
    assert org.control("calls")["violations"] == {"REQUEST_LIMIT_EXCEEDED": 1}
    assert org.records("Lead") == []
    org.control("clock", {"advance_seconds": 23 * 3600})
    org.log_in()
    assert org.call("GET", "/sobjects").status_code == 403
    org.control("clock", {"advance_seconds": 3700})
    assert org.call("GET", "/sobjects").status_code == 200


def test_too_many_long_requests_refuse_the_next_call(org: Org) -> None:
    """Requests that have run 20 seconds count against the concurrency limit, shorter ones never do."""
    org.control("limits", {"concurrent": 2})
    org.control("faults", [{"match": "GET /services/data/v67.0/limits", "kind": "delay", "seconds": 2.5, "times": 2}])
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(org.call, "GET", "/limits") for _ in range(2)]
        wait_for_calls(org, 3)
        assert org.call("GET", "/sobjects").status_code == 200
        org.control("clock", {"advance_seconds": 20})
        status, code, message = error_of(org.call("GET", "/sobjects"))
        assert [each.result().status_code for each in slow] == [200, 200]
    assert (status, code) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert message == "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    assert org.control("calls")["violations"] == {"REQUEST_LIMIT_EXCEEDED": 1}
    assert org.call("GET", "/sobjects").status_code == 200


def test_a_row_error_hits_the_named_rows_only(org: Org) -> None:
    """The fault refuses row 1 of a collection with its code; the single-record form spells errorCode."""
    fault = {"kind": "row_error", "code": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access"}
    org.control("faults", [fault | {"match": "POST */composite/sobjects", "rows": [1], "nth": 1}])
    records = [typed("Lead", **lead(LastName=name)) for name in "abc"]
    rows = org.call("POST", "/composite/sobjects", json={"records": records}).json()
    assert [row["success"] for row in rows] == [True, False, True]
    assert rows[1]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert [each["LastName"] for each in org.records("Lead")] == ["a", "c"]
    org.control("faults", [fault | {"match": "PATCH */sobjects/Lead/*"}])
    (made, _) = (each["Id"] for each in org.records("Lead"))
    answer = org.call("PATCH", f"/sobjects/Lead/{made}", json={"Title": "x"})
    assert error_of(answer)[:2] == (400, "UNABLE_TO_LOCK_ROW")
    assert org.control("faults")[0]["hits"] == 1


def test_a_late_commit_is_seen_after_its_stamp(org: Org) -> None:
    """The row is answered at once, stays unseen by queries and reads, and then shows the earlier stamp."""
    org.control("faults", [{"match": "POST */sobjects/Lead", "kind": "late_commit", "seconds": 30, "nth": 1}])
    made = org.call("POST", "/sobjects/Lead", json=lead(Email="a@example.com")).json()["id"]
    by_email = "SELECT Id, SystemModstamp FROM Lead WHERE Email = 'a@example.com'"
    assert org.rows(by_email) == []
    assert org.call("GET", f"/sobjects/Lead/{made}").status_code == 404
    org.control("clock", {"advance_seconds": 31})
    (row,) = org.rows(by_email)
    assert row["SystemModstamp"].startswith("2031-05-06T07:08:")


def test_a_late_update_shows_the_old_values_meanwhile(org: Org) -> None:
    """Readers find the row by its old value until the commit, and by the new one afterwards."""
    (made,) = org.load("Lead", lead(Email="old@example.com"))
    org.control("faults", [{"match": "PATCH *", "kind": "late_commit", "seconds": 30}])
    assert org.call("PATCH", f"/sobjects/Lead/{made}", json={"Email": "new@example.com"}).status_code == 204
    old, new = (f"SELECT Id FROM Lead WHERE Email = '{name}@example.com'" for name in ("old", "new"))
    assert (len(org.rows(old)), len(org.rows(new))) == (1, 0)
    org.control("clock", {"advance_seconds": 31})
    assert (len(org.rows(old)), len(org.rows(new))) == (0, 1)


def test_a_late_create_is_not_matched_but_keeps_its_unique_value(org: Org) -> None:
    """Until the commit an upsert finds nothing: a loose key makes a second record, a unique one DUPLICATE_VALUE."""
    org.control("faults", [{"match": "POST */sobjects/Lead", "kind": "late_commit", "seconds": 30, "nth": 1}])
    body = lead(External_Key__c="k", Loose_Key__c="k")
    made = org.call("POST", "/sobjects/Lead", json=body).json()["id"]
    assert org.records("Lead") == []
    assert org.call("PATCH", "/sobjects/Lead/Loose_Key__c/k", json=lead()).status_code == 201
    status, code, message = error_of(org.call("PATCH", "/sobjects/Lead/External_Key__c/k", json=lead()))
    assert (status, code) == (400, "DUPLICATE_VALUE")
    assert message.endswith(made[:15])
    org.control("clock", {"advance_seconds": 31})
    assert org.call("PATCH", "/sobjects/Lead/External_Key__c/k", json=lead()).status_code == 200
    assert len(org.records("Lead")) == 2


def test_an_answer_can_be_lost_after_the_commit(org: Org) -> None:
    """The connection closes without an answer and the record is there."""
    org.control("faults", [{"match": "POST */sobjects/Lead", "kind": "drop_answer", "nth": 1}])
    with pytest.raises(httpx.TransportError):
        org.call("POST", "/sobjects/Lead", json=lead())
    assert len(org.records("Lead")) == 1


def test_an_injected_error_has_the_vendors_form_and_status(org: Org) -> None:
    """vendor_error is an array from the data API and an object from the token endpoint."""
    org.control(
        "faults",
        [
            {"match": "GET */limits", "kind": "vendor_error", "code": "SERVER_UNAVAILABLE", "message": "later"},
            {"match": "POST /services/oauth2/token", "kind": "vendor_error", "code": "invalid_grant"},
        ],
    )
    assert error_of(org.call("GET", "/limits")) == (503, "SERVER_UNAVAILABLE", "later")
    answer = org.http.post("/services/oauth2/token", data={})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_the_log_names_the_records_of_each_call(org: Org) -> None:
    """record_keys hold ids, e-mail addresses and external ids; client is the consumer key."""
    made = org.call("POST", "/sobjects/Lead", json=lead(Email="a@example.com")).json()["id"]
    upserted = org.call("PATCH", "/sobjects/Lead/External_Key__c/k", json=lead()).json()["id"]
    create, upsert = org.control("log?since=1")
    assert set(create["record_keys"]) == {made, "a@example.com"}
    assert set(upsert["record_keys"]) == {upserted, "k"}
    assert create["client"] == org.credentials["client_id"]
    assert (create["method"], create["path"], create["status"]) == ("POST", f"{DATA}/sobjects/Lead", 201)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ({"Nope": [{}]}, "unknown object"),
        ({"Lead": [{"LastName": "x"}]}, "record 0: REQUIRED_FIELD_MISSING"),
        ({"Lead": [{"LastName": "x", "Company": "y", "Nope": 1}]}, "No such column 'Nope'"),
        ({"generate": {"object": "Task", "count": 1, "seed": 1}}, "cannot be made up"),
    ],
)
def test_loading_keeps_the_vendors_rules(org: Org, content: Any, part: str) -> None:
    """A record that the platform would refuse is refused with its place, and nothing of it stays."""
    answer = org.http.post("/_sim/load", json=content)
    assert answer.status_code == 400
    assert part in answer.json()["error"]
    assert org.records("Lead") == []


def test_a_load_is_all_or_none(org: Org) -> None:
    """One bad record among good ones takes the good ones back."""
    answer = org.http.post("/_sim/load", json={"Lead": [lead(), {"Company": "y"}]})
    assert answer.status_code == 400
    assert org.records("Lead") == []


def test_reset_empties_the_org_and_keeps_its_credentials(org: Org) -> None:
    """Records, sessions, limits, faults and counters are as at the start; no record's id is given again."""
    (first,) = org.load("Lead", lead())
    users = [each["Id"] for each in org.records("User")]
    org.control("limits", {"daily_calls": 1})
    org.control("reset", {})
    assert org.records("Lead") == []
    assert org.control("limits")["daily_calls"] == 100_000
    assert org.control("calls")["total"] == 0
    assert org.control("credentials") == org.credentials
    assert [each["Id"] for each in org.records("User")] == users
    assert org.load("Lead", lead()) != [first]
