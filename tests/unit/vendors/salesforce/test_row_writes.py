"""Collections: deleting, reading by id, and all or none."""

import json
from typing import Any

import httpx
import pytest

from leadbridge.domain.records import Resolution
from leadbridge.errors import ContractError, PermanentError, UncertainWriteError
from tests.unit.vendors.doubles import ScriptedVendor, errors, salesforce_client

LEAD, OTHER = "00Q000000000001EAA", "00Q000000000002EAA"
OK = {"id": LEAD, "success": True, "errors": []}


def refused(code: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": "m", "fields": []}]}


ROLLED_BACK = refused("ALL_OR_NONE_OPERATION_ROLLED_BACK")


def said(*rows: Any) -> httpx.Response:
    return httpx.Response(200, json=list(rows))


def test_ids_are_sent_in_18_characters_and_deletes_say_all_or_none_explicitly() -> None:
    """The documented default is never relied on."""
    vendor = ScriptedVendor(said(OK, refused("ENTITY_IS_DELETED")))
    first, second = salesforce_client(vendor).rows.delete([LEAD[:15], OTHER])
    (request,) = vendor.requests
    assert request.method == "DELETE"
    assert dict(request.url.params) == {"ids": f"{LEAD},{OTHER}", "allOrNone": "false"}
    assert request.headers["sforce-auto-assign"] == "FALSE"
    assert (first.status, second.code) == ("deleted", "ENTITY_IS_DELETED")


def test_an_id_that_is_none_is_left_to_the_vendor_to_refuse() -> None:
    """Its row fails, the others are written."""
    vendor = ScriptedVendor(said(OK, refused("MALFORMED_ID")))
    _, bad = salesforce_client(vendor).update("Lead", [{"Id": LEAD[:15], "Title": "a"}, {"Id": "x", "Title": "b"}])
    records = json.loads(vendor.requests[0].content)["records"]
    assert [record["id"] for record in records] == [LEAD, "x"]
    assert bad.code == "MALFORMED_ID"


def test_records_are_read_by_id_in_a_body_so_that_no_address_is_too_long() -> None:
    """One place per id; type notes are taken out."""
    found = {"attributes": {"type": "Lead", "url": "/x"}, "Id": LEAD, "Title": None}
    vendor = ScriptedVendor(said(found, None))
    assert salesforce_client(vendor).rows.retrieve("Lead", [LEAD[:15], "x"], ["Id", "Title"]) == [
        {"Id": LEAD, "Title": None},
        None,
    ]
    (request,) = vendor.requests
    assert (request.method, request.url.path) == ("POST", "/services/data/v67.0/composite/sobjects/Lead")
    assert json.loads(request.content) == {"ids": [LEAD, "x"], "fields": ["Id", "Title"]}


def test_an_answer_with_another_number_of_records_is_none() -> None:
    """Position is the only key."""
    with pytest.raises(ContractError):
        salesforce_client(ScriptedVendor(said(None))).rows.retrieve("Lead", [LEAD, OTHER], ["Id"])


def test_all_or_none_of_more_records_than_one_call_holds_is_refused() -> None:
    """Two calls could not keep the promise."""
    vendor = ScriptedVendor(said())
    with pytest.raises(ValueError, match="200"):
        salesforce_client(vendor).rows.create("Lead", [{}] * 201, all_or_none=True)
    assert vendor.requests == []


def test_innocent_rows_are_sent_once_more_and_their_results_put_in_their_places() -> None:
    """The culprits are not sent again; a row rolled back twice is left to the caller."""
    vendor = ScriptedVendor(
        said(ROLLED_BACK, refused("STRING_TOO_LONG"), ROLLED_BACK, ROLLED_BACK),
        said(ROLLED_BACK, refused("INVALID_EMAIL_ADDRESS"), ROLLED_BACK),
    )
    rows = [{"LastName": str(n)} for n in range(4)]
    results = salesforce_client(vendor).rows.create("Lead", rows, all_or_none=True)
    bodies = [json.loads(request.content) for request in vendor.requests]
    assert [body["allOrNone"] for body in bodies] == [True, True]
    assert [record["LastName"] for record in bodies[1]["records"]] == ["0", "2", "3"]
    assert [row.code for row in results] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "STRING_TOO_LONG",
        "INVALID_EMAIL_ADDRESS",
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    ]
    assert results[0].resolution is Resolution.RETRY


@pytest.mark.parametrize(
    ("answer", "resolution", "code"),
    [
        (httpx.ReadTimeout("late"), Resolution.UNCERTAIN, "timeout"),
        (said(OK), Resolution.UNCERTAIN, "short_result"),
        (errors(400, "INVALID_FIELD"), Resolution.FATAL, "INVALID_FIELD"),
    ],
    ids=["lost", "short", "refused"],
)
def test_what_is_known_of_the_culprits_outlives_the_second_call(answer: Any, resolution: Resolution, code: str) -> None:
    """A lost answer leaves only the rows of that call in doubt."""
    vendor = ScriptedVendor(said(ROLLED_BACK, refused("STRING_TOO_LONG"), ROLLED_BACK), answer)
    results = salesforce_client(vendor).rows.create("Lead", [{"LastName": "a"}] * 3, all_or_none=True)
    assert [row.code for row in results] == [code, "STRING_TOO_LONG", code]
    assert results[0].resolution is resolution
    assert len(vendor.requests) == 2


def test_a_first_call_without_an_answer_is_raised() -> None:
    """Nothing is known of any row then."""
    with pytest.raises(UncertainWriteError):
        salesforce_client(ScriptedVendor(httpx.ReadTimeout("late"))).rows.update(
            "Lead", [{"Id": LEAD}], all_or_none=True
        )


def test_a_single_record_may_not_be_addressed_by_dots_or_nothing() -> None:
    """Such a key would lead to the object itself."""
    vendor = ScriptedVendor(said())
    for value in ("", ".", "..", "..."):
        with pytest.raises(PermanentError) as caught:
            salesforce_client(vendor).records.upsert("Lead", "Key__c", value, {})
        assert caught.value.code == "MALFORMED_ID"
    assert vendor.requests == []


def test_a_single_upsert_carries_its_key_in_the_address_only() -> None:
    """Percent-encoded with nothing left as it is; the body must not name it."""
    vendor = ScriptedVendor(httpx.Response(201, json={**OK, "created": True}))
    result = salesforce_client(vendor).records.upsert(
        "Lead", "Key__c", "a/b?c#d%e+f g", {"Key__c": "x", "Title": None}, update_only=True
    )
    (request,) = vendor.requests
    assert request.url.raw_path == (
        b"/services/data/v67.0/sobjects/Lead/Key__c/a%2Fb%3Fc%23d%25e%2Bf%20g?updateOnly=true"
    )
    assert json.loads(request.content) == {"Title": None}
    assert (result.status, result.id) == ("created", LEAD)


def test_a_record_refused_for_reasons_of_ours_says_that_it_is_no_data_fault() -> None:
    """A field that is not there concerns every record, a value only this one."""
    for code, resolution in (("INVALID_FIELD", Resolution.FATAL), ("STRING_TOO_LONG", Resolution.REJECT)):
        result = salesforce_client(ScriptedVendor(errors(400, code))).records.create("Lead", {"LastName": "Doe"})
        assert (result.code, result.resolution) == (code, resolution)


@pytest.mark.parametrize("verb", ["create", "update", "upsert"])
def test_a_single_write_without_an_answer_is_uncertain_and_sent_once(verb: str) -> None:
    """There is no idempotency key."""
    vendor = ScriptedVendor(httpx.ReadTimeout("late"))
    records = salesforce_client(vendor).records
    arguments: dict[str, tuple[Any, ...]] = {
        "create": ("Lead", {}),
        "update": ("Lead", LEAD, {}),
        "upsert": ("Lead", "Key__c", "K1", {}),
    }
    with pytest.raises(UncertainWriteError):
        getattr(records, verb)(*arguments[verb])
    assert len(vendor.requests) == 1


def test_a_delete_is_repeated_and_what_is_gone_is_no_failure() -> None:
    """Its lost answer costs one more call and no doubt."""
    vendor = ScriptedVendor(httpx.ReadTimeout("late"), errors(404, "ENTITY_IS_DELETED"))
    result = salesforce_client(vendor).records.delete("Lead", LEAD)
    assert (result.status, result.resolution, result.id) == ("gone", Resolution.OK, LEAD)
