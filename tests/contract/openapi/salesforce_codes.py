"""Salesforce's documented error codes, each with what causes it at the vendor and at the twin.

Source: REST API developer guide, status codes and error responses; SOAP API developer guide, core data types. The
causes are in our words.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx

from tests.contract.openapi.causes import Cause, Codes
from tests.contract.simulator.salesforce_support import DATA, Org, lead, typed

ANN = lead(Email="ann@example.com")
NOBODY = "00Q000000000001EAA"


def _create(org: Org, **fields: Any) -> httpx.Response:
    return org.call("POST", "/sobjects/Lead", json=lead(**fields))


def _collection(org: Org, method: str, *records: Mapping[str, Any], **members: Any) -> httpx.Response:
    return org.call(method, "/composite/sobjects", json={"records": records, **members})


def _where(org: Org, condition: str) -> httpx.Response:
    return org.query(f"SELECT Id FROM Lead WHERE {condition}")


def _window(org: Org, what: str, start: timedelta, end: timedelta) -> httpx.Response:
    now = org.now()
    query = {"start": (now + start).isoformat(), "end": (now + end).isoformat()}
    return org.call("GET", f"/sobjects/Lead/{what}/", params=query)


def _day_used_up(org: Org) -> httpx.Response:
    org.control("limits", {"daily_calls": org.control("calls")["total"]})
    return [org.call("GET", "/sobjects") for _ in range(2)][-1]


def _locked(org: Org) -> httpx.Response:
    [made] = org.load("Lead", ANN)
    org.control("locks", {"ids": [made], "seconds": 60})
    return org.call("PATCH", f"/sobjects/Lead/{made}", json={"Title": "x"})


def _slow_query(org: Org) -> httpx.Response:
    org.control("limits", {"query_read_records": 2})
    org.load("Lead", lead(), lead(), lead())
    return _where(org, "Title = 'x'")


def _old_locator(org: Org) -> httpx.Response:
    return org.call("GET", "/query/01g000000000001AAA-200")


def _purged(org: Org) -> httpx.Response:
    return _window(org, "deleted", timedelta(days=-20), timedelta(days=-19))


def _many_changes(org: Org) -> httpx.Response:
    org.control("limits", {"replicated_ids": 1})
    org.load("Lead", lead(), lead())
    return _window(org, "updated", timedelta(hours=-1), timedelta(hours=1))


def _deleted(org: Org) -> httpx.Response:
    [made] = org.load("Lead", ANN)
    org.call("DELETE", f"/sobjects/Lead/{made}")
    return org.call("PATCH", f"/sobjects/Lead/{made}", json={"Title": "x"})


def _foreign_id(org: Org) -> httpx.Response:
    [account] = org.load("Account", {"Name": "Amber"})
    return _collection(org, "PATCH", typed("Lead", id=account, Title="x"))


def _like_somebody(org: Org) -> httpx.Response:
    org.load("Lead", ANN)
    org.control("limits", {"duplicate_rule_alert": True})
    return org.call("POST", "/sobjects/Lead", json=ANN)


def _key_taken(org: Org) -> httpx.Response:
    [made] = org.load("Lead", ANN)
    return _collection(org, "PATCH", *[typed("Lead", id=made, Title="x")] * 2)


def _a_bulk_row(org: Org, column: str, value: str) -> httpx.Response:
    """Insert one lead by a bulk job and give the file of rows that failed."""
    job = org.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"}).json()["id"]
    content = f"LastName,Company,{column}\nAalto,Amber,{value}\n"
    headers = {"Content-Type": "text/csv"}
    org.call("PUT", f"/jobs/ingest/{job}/batches", content=content, headers=headers)
    org.call("PATCH", f"/jobs/ingest/{job}", json={"state": "UploadComplete"})
    org.control("clock", {"advance_seconds": 60})
    return org.call("GET", f"/jobs/ingest/{job}/failedResults")


def _same_key(org: Org, path: str, body: object) -> httpx.Response:
    org.load("Lead", lead(Loose_Key__c="K"), lead(Loose_Key__c="K"))
    return org.call("PATCH", path, json=body)


def _task_of_two(org: Org) -> httpx.Response:
    [person], [account] = org.load("Lead", ANN), org.load("Account", {"Name": "Amber"})
    return org.call("POST", "/sobjects/Task", json={"WhoId": person, "WhatId": account})


def _a_user(org: Org) -> httpx.Response:
    body = {"LastName": "x", "Username": "x@example.com", "Email": "x@example.com"}
    return org.call("POST", "/sobjects/User", json=body)


def _converted(org: Org) -> httpx.Response:
    [made] = org.load("Lead", ANN)
    org.control("convert", {"leads": [{"leadId": made}]})
    return org.call("PATCH", f"/sobjects/Lead/{made}", json={"Title": "x"})


def _user_deleted(org: Org) -> httpx.Response:
    return org.call("DELETE", f"/sobjects/User/{org.rows('SELECT Id FROM User LIMIT 1')[0]['Id']}")


def _inactive_owner(org: Org) -> httpx.Response:
    user = org.rows("SELECT Id FROM User WHERE LastName = 'Assignment'")[0]["Id"]
    org.control("set", {"object": "User", "ids": [user], "fields": {"IsActive": False}})
    return _create(org, OwnerId=user)


def _composite_of(org: Org, parts: int) -> httpx.Response:
    part = {"method": "GET", "url": f"{DATA}/limits"}
    parts_sent = [part | {"referenceId": f"r{number}"} for number in range(parts)]
    return org.call("POST", "/composite", json={"compositeRequest": parts_sent})


def _halted(org: Org) -> httpx.Response:
    body = {"method": "POST", "url": f"{DATA}/sobjects/Lead", "body": {}}
    parts = [body | {"referenceId": "bad"}, body | {"referenceId": "good", "body": ANN}]
    return org.call("POST", "/composite", json={"allOrNone": True, "compositeRequest": parts})


def _ruled(org: Org, kind: str) -> httpx.Response:
    """Create a record that something which an administrator has built refuses."""
    org.control("automation", [{"object": "Lead", "kind": kind, "when": {"Title": "x"}}])
    return _create(org, Title="x")


def _in_approval(org: Org) -> httpx.Response:
    [made] = org.load("Lead", ANN)
    org.control("automation", [{"object": "Lead", "kind": "approval", "on": ["update"]}])
    return org.call("PATCH", f"/sobjects/Lead/{made}", json={"Title": "x"})


def _without_api(org: Org) -> httpx.Response:
    org.control("limits", {"api_enabled": False})
    return org.call("GET", "/limits")


def _not_all_data(org: Org) -> httpx.Response:
    org.control("permissions", {"view_all_data": False})
    return org.query("SELECT Id FROM Task WHERE Who.Name = 'x'")


def _full(org: Org) -> httpx.Response:
    org.control("limits", {"storage_records": 1})
    return _create(org)


def _unmodified(org: Org) -> httpx.Response:
    [made] = org.load("Lead", ANN)
    return org.call("GET", f"/sobjects/Lead/{made}", headers={"If-Unmodified-Since": "Tue, 06 May 2031 07:00:00 GMT"})


CAUSES: tuple[Cause[Org], ...] = (
    Cause(
        "INVALID_SESSION_ID",
        "a session that nobody opened",
        lambda org: org.http.get(f"{DATA}/limits", headers={"Authorization": "Bearer x"}),
    ),
    Cause("REQUEST_LIMIT_EXCEEDED", "the calls of 24 hours are used up", _day_used_up),
    Cause("API_DISABLED_FOR_ORG", "the edition has no API", _without_api),
    Cause("STORAGE_LIMIT_EXCEEDED", "the org holds as many records as it may", _full),
    Cause(
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "a validation rule of the org",
        lambda org: _ruled(org, "validation_rule"),
    ),
    Cause("FIELD_FILTER_VALIDATION_EXCEPTION", "a lookup filter of the org", lambda org: _ruled(org, "lookup_filter")),
    Cause("CANNOT_EXECUTE_FLOW_TRIGGER", "a flow of the org fails", lambda org: _ruled(org, "flow")),
    Cause("APEX_ERROR", "code of the org fails", lambda org: _ruled(org, "apex")),
    Cause("TOO_MANY_APEX_REQUESTS", "too much code of the org is running", lambda org: _ruled(org, "busy_apex")),
    Cause("ENTITY_IS_LOCKED", "the record waits for approval", _in_approval),
    Cause(
        "TRANSFER_REQUIRES_READ",
        "the new owner may not read the object",
        lambda org: _ruled(org, "owner_without_read"),
    ),
    Cause("TXN_SECURITY_", "a security policy of the org", lambda org: _ruled(org, "transaction_security")),
    Cause("UNABLE_TO_LOCK_ROW", "another transaction holds the record", _locked),
    Cause(
        "OPERATION_TOO_LARGE", "a condition on references to many objects without the right to see all", _not_all_data
    ),
    Cause("MALFORMED_QUERY", "a statement outside the grammar", lambda org: org.query("SELECT FROM Lead")),
    Cause("QUERY_TIMEOUT", "a condition without an index on an object with many rows", _slow_query),
    Cause("INVALID_QUERY_FILTER_OPERATOR", "an id that is none in a condition", lambda org: _where(org, "Id = 'x'")),
    Cause("INVALID_QUERY_LOCATOR", "a cursor that does not exist", _old_locator),
    Cause("INVALID_REPLICATION_DATE", "deletions of longer ago than the log reaches", _purged),
    Cause("EXCEEDED_ID_LIMIT", "more changes in a window than an answer holds", _many_changes),
    Cause("NOT_FOUND", "an id that does not exist", lambda org: org.call("GET", f"/sobjects/Lead/{NOBODY}")),
    Cause("ENTITY_IS_DELETED", "a record in the Recycle Bin", _deleted),
    Cause(
        "INVALID_CROSS_REFERENCE_KEY",
        "an owner who does not exist",
        lambda org: _create(org, OwnerId="005000000000001"),
    ),
    Cause("MALFORMED_ID", "a reference that is no id", lambda org: _create(org, OwnerId="nobody")),
    Cause("INVALID_ID_FIELD", "an id of another object", _foreign_id),
    Cause("DUPLICATES_DETECTED", "a duplicate rule finds somebody like this", _like_somebody),
    Cause("DUPLICATE_VALUE", "one record twice in a call", _key_taken),
    Cause(
        "DUPLICATE_EXTERNAL_ID",
        "two records have the key, in a collection",
        lambda org: _same_key(
            org,
            "/composite/sobjects/Lead/Loose_Key__c",
            {"records": [typed("Lead", Loose_Key__c="K", Title="x")]},
        ),
    ),
    Cause(
        "http_300",
        "two records have the key in the address",
        lambda org: _same_key(org, "/sobjects/Lead/Loose_Key__c/K", {"Title": "x"}),
    ),
    Cause("INVALID_FIELD", "a column that does not exist", lambda org: org.query("SELECT Nope FROM Lead")),
    Cause("INVALID_FIELD_FOR_INSERT_UPDATE", "a computed field is written", lambda org: _create(org, Name="x")),
    Cause("REQUIRED_FIELD_MISSING", "a record without its required field", lambda org: _create(org, LastName=None)),
    Cause("STRING_TOO_LONG", "a text longer than its field", lambda org: _create(org, LastName="x" * 81)),
    Cause("INVALID_EMAIL_ADDRESS", "an address that is none", lambda org: _create(org, Email="a@b")),
    Cause(
        "NUMBER_OUTSIDE_VALID_RANGE",
        "a number with more digits than its field",
        lambda org: _create(org, NumberOfEmployees=10**8),
    ),
    Cause(
        "INVALID_TYPE_ON_FIELD_IN_RECORD",
        "a cell of a bulk file that is not of its column's type",
        lambda org: _a_bulk_row(org, "Opt_In__c", "perhaps"),
    ),
    Cause(
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "a value that a restricted picklist does not have",
        lambda org: _create(org, Status="Nope"),
    ),
    Cause("JSON_PARSER_ERROR", "a text where the field wants a number", lambda org: _create(org, Lead_Score__c="5")),
    Cause("FIELD_INTEGRITY_EXCEPTION", "a lead's task that is about an account, too", _task_of_two),
    Cause("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "an object that our user may not write", _a_user),
    Cause("CANNOT_UPDATE_CONVERTED_LEAD", "a lead that was converted is changed", _converted),
    Cause("INSUFFICIENT_ACCESS", "a user is deleted", _user_deleted),
    Cause("INACTIVE_OWNER_OR_USER", "the owner was switched off", _inactive_owner),
    Cause("LIMIT_EXCEEDED", "more than 25 parts in one call", lambda org: _composite_of(org, 26)),
    Cause(
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "another record of an all-or-none collection fails",
        lambda org: _collection(org, "POST", typed("Lead", **ANN), typed("Lead"), allOrNone=True),
    ),
    Cause("PROCESSING_HALTED", "an earlier part of an all-or-none composite fails", _halted),
    Cause(
        "http_410",
        "a version that is retired",
        lambda org: org.http.get("/services/data/v30.0/limits", headers=org.headers),
    ),
    Cause("http_412", "a condition on the time of the last change fails", _unmodified),
    Cause("http_414", "an address above 16 kilobytes", lambda org: org.call("GET", f"/query?q={'x' * 16_384}")),
    Cause("http_415", "a form where JSON is wanted", lambda org: org.call("POST", "/sobjects/Lead", data={"a": "b"})),
    Cause(
        "http_431",
        "headers above 16 kilobytes",
        lambda org: org.call("GET", "/limits", headers={"X-Long": "x" * 16_380}),
    ),
)

DOCUMENTED = """
INVALID_SESSION_ID REQUEST_LIMIT_EXCEEDED API_DISABLED_FOR_ORG API_CURRENTLY_DISABLED FUNCTIONALITY_NOT_ENABLED
SERVER_UNAVAILABLE UNKNOWN_EXCEPTION http_502 http_504 http_420 UNABLE_TO_LOCK_ROW
QUERY_TIMEOUT REQUEST_RUNNING_TOO_LONG QUERY_TOO_COMPLICATED OPERATION_TOO_LARGE MALFORMED_QUERY
INVALID_QUERY_FILTER_OPERATOR INVALID_QUERY_LOCATOR INVALID_REPLICATION_DATE EXCEEDED_ID_LIMIT
NOT_FOUND ENTITY_IS_DELETED INVALID_CROSS_REFERENCE_KEY MALFORMED_ID INVALID_ID_FIELD
DUPLICATES_DETECTED DUPLICATE_VALUE DUPLICATE_EXTERNAL_ID http_300 INVALID_FIELD INVALID_FIELD_FOR_INSERT_UPDATE
REQUIRED_FIELD_MISSING STRING_TOO_LONG INVALID_EMAIL_ADDRESS NUMBER_OUTSIDE_VALID_RANGE
INVALID_TYPE_ON_FIELD_IN_RECORD JSON_PARSER_ERROR INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST
FIELD_INTEGRITY_EXCEPTION FIELD_FILTER_VALIDATION_EXCEPTION FIELD_CUSTOM_VALIDATION_EXCEPTION
CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY CANNOT_EXECUTE_FLOW_TRIGGER APEX_ERROR TOO_MANY_APEX_REQUESTS
CANNOT_UPDATE_CONVERTED_LEAD ENTITY_IS_LOCKED INVALID_OPERATION INSUFFICIENT_ACCESS TRANSFER_REQUIRES_READ
TXN_SECURITY_ INACTIVE_OWNER_OR_USER STORAGE_LIMIT_EXCEEDED LIMIT_EXCEEDED
ALL_OR_NONE_OPERATION_ROLLED_BACK PROCESSING_HALTED
http_410 http_412 http_414 http_415 http_431
"""

CODES = Codes(
    vendor="Salesforce",
    documented=tuple(DOCUMENTED.split()),
    causes=CAUSES,
    switch_only={
        "UNKNOWN_EXCEPTION": "the vendor's own trouble",
        "API_CURRENTLY_DISABLED": "the vendor's own trouble",
        "http_420": "the vendor's own trouble",
        "http_502": "the vendor's own trouble",
        "http_504": "the vendor's own trouble",
        "SERVER_UNAVAILABLE": "the vendor's own trouble",
        "REQUEST_RUNNING_TOO_LONG": "the vendor's own trouble",
        "QUERY_TOO_COMPLICATED": "the vendor tells no measure of it",
        "INVALID_OPERATION": "belongs to features that we do not use",
        "FUNCTIONALITY_NOT_ENABLED": "belongs to features that we do not use",
    },
    absent={},
)
