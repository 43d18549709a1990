"""Single records: status codes, the upsert matrix, field rules, system fields and duplicate rules."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.simulator.salesforce_support import (
    DATA,
    Org,
    error_of,
    lead,
    typed,
)


def the_record(org: Org, sobject: str = "Lead") -> dict[str, Any]:
    (record,) = org.records(sobject)
    return record


def test_create_answers_201_with_the_id(org: Org) -> None:
    """The body is id, success and errors; the id has 18 characters and the object's key prefix."""
    answer = org.call("POST", "/sobjects/Lead", json=lead(Email="a@example.com"))
    assert answer.status_code == 201
    body = answer.json()
    assert body.keys() == {"id", "success", "errors"}
    assert (body["success"], body["errors"]) == (True, [])
    assert body["id"].startswith("00Q")
    assert len(body["id"]) == 18


def test_the_id_suffix_encodes_the_capitals(org: Org) -> None:
    """Each of the last three characters tells which of five characters are A to Z; 15 characters are accepted."""
    (made,) = org.load("Lead", lead())
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    for group in range(3):
        five = made[group * 5 : group * 5 + 5]
        bits = sum(2**place for place, letter in enumerate(five) if letter.isascii() and letter.isupper())
        assert made[15 + group] == alphabet[bits]
    assert org.call("GET", f"/sobjects/Lead/{made[:15]}").json()["Id"] == made
    wrong = made[:17] + ("A" if made[17] != "A" else "B")
    assert org.call("GET", f"/sobjects/Lead/{wrong}").status_code == 404


def test_system_fields_are_set_by_the_platform(org: Org) -> None:
    """Times are whole seconds with a +0000 offset, the user is the integration user, Name is derived."""
    org.control("clock", {"set": "2031-06-01T00:00:00.900Z"})
    org.log_in()
    org.call("POST", "/sobjects/Lead", json=lead(FirstName="Ada"))
    made = the_record(org)
    assert made["CreatedDate"].startswith("2031-06-01T00:00:0")
    assert made["CreatedDate"].endswith(".000+0000")
    assert made["CreatedDate"] == made["LastModifiedDate"] == made["SystemModstamp"]
    user = org.rows(f"SELECT Id FROM User WHERE Username = '{org.credentials['username']}'")[0]["Id"]
    assert made["CreatedById"] == made["LastModifiedById"] == made["OwnerId"] == user
    assert (made["Name"], made["Status"], made["IsConverted"]) == ("Ada Aalto", "Open - Not Contacted", False)


def test_update_answers_204_and_touches_only_what_is_given(org: Org) -> None:
    """No body; null clears, an omitted field stays, and LastModifiedDate moves."""
    (made,) = org.load("Lead", lead(Title="Head", Phone="1"))
    org.control("clock", {"advance_seconds": 60})
    answer = org.call("PATCH", f"/sobjects/Lead/{made}", json={"Title": None, "FirstName": "Bo"})
    assert (answer.status_code, answer.content) == (204, b"")
    changed = the_record(org)
    assert (changed["Title"], changed["Phone"], changed["Name"]) == (None, "1", "Bo Aalto")
    assert changed["LastModifiedDate"] > changed["CreatedDate"]


def test_update_is_not_an_upsert(org: Org) -> None:
    """An id that is not there gives 404 NOT_FOUND, a deleted one ENTITY_IS_DELETED; nothing is made."""
    (made,) = org.load("Lead", lead())
    org.call("DELETE", f"/sobjects/Lead/{made}")
    answer = org.call("PATCH", f"/sobjects/Lead/{made}", json={"Title": "x"})
    assert error_of(answer)[:2] == (404, "ENTITY_IS_DELETED")
    answer = org.call("PATCH", "/sobjects/Lead/00Q000000000001", json={"Title": "x"})
    assert error_of(answer)[:2] == (404, "NOT_FOUND")
    assert org.records("Lead") == []


def test_delete_answers_204_once(org: Org) -> None:
    """The second delete of a record is refused."""
    (made,) = org.load("Lead", lead())
    assert org.call("DELETE", f"/sobjects/Lead/{made}").status_code == 204
    assert error_of(org.call("DELETE", f"/sobjects/Lead/{made}"))[:2] == (404, "ENTITY_IS_DELETED")


def test_read_shows_all_fields_or_those_asked_for(org: Org) -> None:
    """The answer has attributes with type and url; an unknown field is INVALID_FIELD."""
    (made,) = org.load("Lead", lead(Title="Head"))
    answer = org.call("GET", f"/sobjects/Lead/{made}", params={"fields": "Title,lastname"}).json()
    assert answer == {
        "attributes": {"type": "Lead", "url": f"{DATA}/sobjects/Lead/{made}"},
        "Title": "Head",
        "LastName": "Aalto",
    }
    answer = org.call("GET", f"/sobjects/Lead/{made}", params={"fields": "Nope"})
    assert error_of(answer)[:2] == (400, "INVALID_FIELD")


def test_an_unknown_object_or_resource_is_404(org: Org) -> None:
    """NOT_FOUND with the documented text, also for a double slash; a wrong method is 405."""
    expected = (404, "NOT_FOUND", "The requested resource does not exist")
    assert error_of(org.call("POST", "/sobjects/Nope__c", json={})) == expected
    assert error_of(org.call("GET", "/nope")) == expected
    assert error_of(org.call("GET", "//limits")) == expected
    assert error_of(org.call("PUT", "/sobjects/Lead", json={}))[:2] == (405, "METHOD_NOT_ALLOWED")


def test_upsert_by_external_id_creates_then_updates(org: Org) -> None:
    """201 with created true, then 200 with created false; the key is taken from the URL."""
    path = "/sobjects/Lead/External_Key__c/A-1"
    first = org.call("PATCH", path, json=lead())
    assert (first.status_code, first.json()["created"]) == (201, True)
    second = org.call("PATCH", path, json={"Title": "Head"})
    assert (second.status_code, second.json()) == (
        200,
        {"id": first.json()["id"], "success": True, "errors": [], "created": False},
    )
    assert (the_record(org)["External_Key__c"], the_record(org)["Title"]) == ("A-1", "Head")


def test_an_old_version_answers_an_update_by_key_with_204(org: Org) -> None:
    """Up to version 45 the update half of an upsert has no body; deprecated versions carry a warning."""
    org.load("Lead", lead(External_Key__c="A-1"))
    path = "/services/data/v40.0/sobjects/Lead/External_Key__c/A-1"
    answer = org.http.patch(path, headers=org.headers, json={"Title": "x"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Warning"].startswith("299")


@pytest.mark.parametrize("key", ["a/b?c#d%e+f g", "Ünïcode 李", "..", "a%2Fb"])
def test_a_key_in_the_url_may_be_any_encoded_text(org: Org, key: str) -> None:
    """Percent-encoded without safe characters, every value comes through as it was."""
    encoded = "".join(f"%{byte:02X}" for byte in key.encode())
    answer = org.call("PATCH", f"/sobjects/Lead/External_Key__c/{encoded}", json=lead())
    assert answer.status_code == 201
    assert the_record(org)["External_Key__c"] == key


def test_a_key_that_ends_like_a_file_is_404_at_the_edge(org: Org) -> None:
    """An address such as someone@x.inc in the URL never reaches the org."""
    answer = org.call("PATCH", "/sobjects/Lead/Email/someone%40x.inc", json=lead())
    assert answer.status_code == 404
    assert org.records("Lead") == []


def test_a_unique_key_ignores_case_and_a_loose_one_does_not(org: Org) -> None:
    """Unique and case-insensitive: abc is ABC. Not unique: they are two keys and make two records."""
    org.call("PATCH", "/sobjects/Lead/External_Key__c/abc", json=lead())
    assert org.call("PATCH", "/sobjects/Lead/External_Key__c/ABC", json=lead()).status_code == 200
    org.call("PATCH", "/sobjects/Lead/Loose_Key__c/abc", json=lead())
    assert org.call("PATCH", "/sobjects/Lead/Loose_Key__c/ABC", json=lead()).status_code == 201
    assert len(org.records("Lead")) == 3


@pytest.mark.parametrize("path", ["Loose_Key__c/k", "Email/a%40example.com"])
def test_a_key_that_matches_several_records_is_300(org: Org, path: str) -> None:
    """The body lists the matching record URLs and nothing is written."""
    fields = {"Loose_Key__c": "k", "Email": "a@example.com"}
    ids = org.load("Lead", lead(**fields), lead(**fields))
    answer = org.call("PATCH", f"/sobjects/Lead/{path}", json={"Title": "x"})
    assert answer.status_code == 300
    assert answer.json() == [f"{DATA}/sobjects/Lead/{each}" for each in ids]
    assert [each["Title"] for each in org.records("Lead")] == [None, None]


def test_the_key_must_not_be_in_the_body(org: Org) -> None:
    """INVALID_FIELD says that the field should not be specified in the sobject data."""
    answer = org.call("PATCH", "/sobjects/Lead/External_Key__c/k", json=lead(External_Key__c="k"))
    message = "The External_Key__c field should not be specified in the sobject data."
    assert error_of(answer) == (400, "INVALID_FIELD", message)


@pytest.mark.parametrize("name", ["Nope__c", "LastName"])
def test_a_field_that_is_no_key_is_404(org: Org, name: str) -> None:
    """Unknown fields and fields without External ID are alike."""
    answer = org.call("PATCH", f"/sobjects/Lead/{name}/k", json=lead())
    message = f"Provided external ID field does not exist or is not accessible: {name}"
    assert error_of(answer) == (404, "NOT_FOUND", message)


def test_update_only_makes_no_record(org: Org) -> None:
    """With updateOnly=true an unknown key is refused and a known one updated."""
    path = "/sobjects/Lead/External_Key__c/k"
    assert org.call("PATCH", path, params={"updateOnly": "true"}, json=lead()).status_code == 404
    assert org.records("Lead") == []
    org.load("Lead", lead(External_Key__c="k"))
    assert org.call("PATCH", path, params={"updateOnly": "true"}, json={"Title": "x"}).status_code == 200


def test_parallel_upserts_of_a_unique_key_make_one_record(org: Org) -> None:
    """All but one meet the unique field at the commit: DUPLICATE_VALUE naming the record that won."""
    org.control("limits", {"race_window_seconds": 0.2})

    def upsert(_: int) -> Any:
        return org.call("PATCH", "/sobjects/Lead/External_Key__c/k", json=lead())

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(upsert, range(5)))
    made = the_record(org)
    assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400, 400]
    for answer in answers:
        if answer.status_code == 400:
            status, code, message = error_of(answer)
            assert (status, code) == (400, "DUPLICATE_VALUE")
            assert message.endswith(f"duplicates value on record with id: {made['Id'][:15]}")


def test_parallel_upserts_of_a_loose_key_make_several_records(org: Org) -> None:
    """A field that is not unique guards nothing: each of the calls creates."""
    org.control("limits", {"race_window_seconds": 0.2})

    def upsert(_: int) -> int:
        return org.call("PATCH", "/sobjects/Lead/Email/a%40example.com", json=lead()).status_code

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(upsert, range(3))) == [201, 201, 201]
    assert len(org.records("Lead")) == 3


@pytest.mark.parametrize(
    ("fields", "code", "message", "named"),
    [
        ({"LastName": None}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]),
        ({"Company": "  "}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Company]", ["Company"]),
        (
            {"FirstName": "x" * 41},
            "STRING_TOO_LONG",
            f"FirstName: data value too large: {'x' * 41} (max length=40)",
            ["FirstName"],
        ),
        ({"Email": "a@b"}, "INVALID_EMAIL_ADDRESS", "Email: invalid email address: a@b", ["Email"]),
        ({"Nope": 1}, "INVALID_FIELD", "No such column 'Nope' on sobject of type Lead", []),
        ({"Name": "x"}, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: Name.", ["Name"]),
        (
            {"Status": "Nope"},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Status: bad value for restricted picklist field: Nope",
            ["Status"],
        ),
        (
            {"Status": None},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Status: bad value for restricted picklist field: null",
            ["Status"],
        ),
        ({"OwnerId": "005000000000001"}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ["OwnerId"]),
        ({"OwnerId": "nobody"}, "MALFORMED_ID", "OwnerId: id value of incorrect type: nobody", ["OwnerId"]),
        (
            {"NumberOfEmployees": 10**8},
            "NUMBER_OUTSIDE_VALID_RANGE",
            "NumberOfEmployees: value outside of valid range on numeric field",
            ["NumberOfEmployees"],
        ),
        ({"Opt_In__c": "yes"}, "JSON_PARSER_ERROR", "Cannot deserialize instance of boolean from VALUE_STRING", []),
        ({"Opt_In__c": None}, "JSON_PARSER_ERROR", "Cannot deserialize instance of boolean from VALUE_NULL", []),
        ({"Lead_Score__c": "5"}, "JSON_PARSER_ERROR", "Cannot deserialize instance of double from VALUE_STRING", []),
        ({"Score_Date__c": "21.11.2026"}, "JSON_PARSER_ERROR", "Cannot deserialize instance of date from", []),
        ({"Title": 5}, "JSON_PARSER_ERROR", "Cannot deserialize instance of string from VALUE_NUMBER_INT", []),
        ({"Title": ["a"]}, "JSON_PARSER_ERROR", "Cannot deserialize instance of string from START_ARRAY", []),
    ],
)
def test_a_bad_field_refuses_the_record(
    org: Org, fields: dict[str, Any], code: str, message: str, named: list[str]
) -> None:
    """Status 400, the documented code, the culprit in fields, and nothing is stored, on create and on upsert."""
    for method, path in (("POST", "/sobjects/Lead"), ("PATCH", "/sobjects/Lead/External_Key__c/k")):
        answer = org.call(method, path, json=lead() | fields)
        assert answer.status_code == 400
        (error,) = answer.json()
        assert error["errorCode"] == code
        assert error["message"].startswith(message)
        assert error["fields"] == named
    assert org.records("Lead") == []


def test_an_unrestricted_picklist_takes_any_value(org: Org) -> None:
    """A new LeadSource is stored as it came."""
    assert org.call("POST", "/sobjects/Lead", json=lead(LeadSource="Brand new")).status_code == 201
    assert the_record(org)["LeadSource"] == "Brand new"


def test_text_is_stripped_and_empty_text_is_null(org: Org) -> None:
    """Outer white space does not survive, a no-break space does; decimals beyond the scale are cut."""
    (made,) = org.load("Lead", lead(Title=" Head ", FirstName="", City="\u00a0x", Lead_Score__c=1.239))
    record = org.call("GET", f"/sobjects/Lead/{made}").json()
    assert (record["Title"], record["FirstName"], record["City"]) == ("Head", None, "\u00a0x")
    assert record["Lead_Score__c"] == 1.23


def test_a_unique_value_taken_is_refused_on_create_and_update(org: Org) -> None:
    """DUPLICATE_VALUE names the 15-character id of the record that has it; the own value is no clash."""
    first, second = org.load("Lead", lead(External_Key__c="k"), lead(External_Key__c="other"))
    message = f"duplicate value found: External_Key__c duplicates value on record with id: {first[:15]}"
    answer = org.call("POST", "/sobjects/Lead", json=lead(External_Key__c="K"))
    assert error_of(answer) == (400, "DUPLICATE_VALUE", message)
    answer = org.call("PATCH", f"/sobjects/Lead/{second}", json={"External_Key__c": "k"})
    assert error_of(answer) == (400, "DUPLICATE_VALUE", message)
    answer = org.call("PATCH", f"/sobjects/Lead/{first}", json={"External_Key__c": "k"})
    assert answer.status_code == 204
    org.call("DELETE", f"/sobjects/Lead/{first}")
    assert org.call("POST", "/sobjects/Lead", json=lead(External_Key__c="k")).status_code == 201


def test_an_id_in_the_body_is_refused(org: Org) -> None:
    """Neither create nor update takes an Id among the fields."""
    (made,) = org.load("Lead", lead())
    assert error_of(org.call("POST", "/sobjects/Lead", json=lead(Id=made)))[:2] == (400, "INVALID_FIELD")
    answer = org.call("PATCH", f"/sobjects/Lead/{made}", json={"id": made})
    assert error_of(answer)[:2] == (400, "INVALID_FIELD")


def test_a_parent_may_be_named_by_its_key(org: Org) -> None:
    """Account with an external id instead of AccountId; an unknown key is refused."""
    (account,) = org.load("Account", {"Name": "Amber", "External_Key__c": "A-1"})
    body = {"LastName": "x", "Account": {"External_Key__c": "a-1"}}
    assert org.call("POST", "/sobjects/Contact", json=body).status_code == 201
    assert the_record(org, "Contact")["AccountId"] == account
    body["Account"] = {"External_Key__c": "nope"}
    assert error_of(org.call("POST", "/sobjects/Contact", json=body))[:2] == (400, "INVALID_FIELD")


def test_tasks_keep_their_rules(org: Org) -> None:
    """Status decides IsClosed and CompletedDateTime; a Lead as WhoId excludes a WhatId."""
    (person,) = org.load("Lead", lead())
    (account,) = org.load("Account", {"Name": "Amber"})
    assert org.call("POST", "/sobjects/Task", json={"WhoId": person, "Status": "Completed"}).status_code == 201
    task = the_record(org, "Task")
    assert (task["IsClosed"], task["Priority"]) == (True, "Normal")
    assert task["CompletedDateTime"] == task["CreatedDate"]
    answer = org.call("POST", "/sobjects/Task", json={"WhoId": person, "WhatId": account})
    assert answer.status_code == 400


def test_a_person_is_a_campaign_member_once(org: Org) -> None:
    """An unknown status becomes the default, and a second membership is DUPLICATE_VALUE."""
    (campaign,) = org.load("Campaign", {"Name": "Webinar"})
    (person,) = org.load("Lead", lead())
    body = {"CampaignId": campaign, "LeadId": person, "Status": "Nope"}
    assert org.call("POST", "/sobjects/CampaignMember", json=body).status_code == 201
    member = the_record(org, "CampaignMember")
    assert (member["Status"], member["HasResponded"]) == ("Sent", False)
    answer = org.call("POST", "/sobjects/CampaignMember", json=body)
    assert error_of(answer) == (400, "DUPLICATE_VALUE", "Already a campaign member.")
    answer = org.call("PATCH", f"/sobjects/CampaignMember/{member['Id']}", json={"LeadId": person})
    assert error_of(answer)[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_the_stage_drives_an_opportunity(org: Org) -> None:
    """StageName decides IsClosed, IsWon, Probability and the forecast category."""
    body = {"Name": "Deal", "StageName": "Closed Won", "CloseDate": "2031-01-01", "Amount": 1000}
    assert org.call("POST", "/sobjects/Opportunity", json=body).status_code == 201
    deal = the_record(org, "Opportunity")
    assert (deal["IsClosed"], deal["IsWon"], deal["Probability"]) == (True, True, 100.0)
    assert (deal["ForecastCategoryName"], deal["ExpectedRevenue"]) == ("Closed", 1000.0)
    assert deal["LastStageChangeDate"] is None
    org.call("PATCH", f"/sobjects/Opportunity/{deal['Id']}", json={"Amount": 5, "StageName": "Closed Won"})
    assert the_record(org, "Opportunity")["LastStageChangeDate"] is None
    org.call("PATCH", f"/sobjects/Opportunity/{deal['Id']}", json={"StageName": "Prospecting"})
    changed = the_record(org, "Opportunity")
    assert changed["LastStageChangeDate"] == changed["LastModifiedDate"]


def test_users_are_not_written_by_the_integration(org: Org) -> None:
    """The profile may read users and nothing else."""
    body = {"LastName": "x", "Username": "x@example.com", "Email": "x@example.com"}
    answer = org.call("POST", "/sobjects/User", json=body)
    assert error_of(answer)[:2] == (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
    user = org.rows("SELECT Id FROM User LIMIT 1")[0]["Id"]
    assert org.call("DELETE", f"/sobjects/User/{user}").status_code == 403


def test_duplicate_rules_are_off_until_switched_on(org: Org) -> None:
    """Two Leads with one e-mail address are accepted by default."""
    for _ in range(2):
        assert org.call("POST", "/sobjects/Lead", json=lead(Email="a@example.com")).status_code == 201


def test_an_alert_rule_is_passed_with_allow_save(org: Org) -> None:
    """DUPLICATES_DETECTED shows the match in duplicateResult; allowSave=true in the header saves all the same."""
    (made,) = org.load("Lead", lead(Email="a@example.com"))
    org.control("limits", {"duplicate_rule_alert": True})
    answer = org.call("POST", "/sobjects/Lead", json=lead(Email="A@example.com"))
    assert error_of(answer)[:2] == (400, "DUPLICATES_DETECTED")
    result = answer.json()[0]["duplicateResult"]
    assert result["allowSave"] is True
    assert result["matchResults"][0]["matchRecords"][0]["record"]["Id"] == made
    headers = {"Sforce-Duplicate-Rule-Header": "allowSave=true; includeRecordDetails=false"}
    answer = org.call("POST", "/sobjects/Lead", json=lead(Email="A@example.com"), headers=headers)
    assert answer.status_code == 201


def test_a_block_rule_is_not_passed_with_allow_save(org: Org) -> None:
    """A rule set to block refuses whatever the header says, and a person without a match is saved."""
    org.load("Lead", lead(Email="a@example.com"))
    org.control("limits", {"duplicate_rule_block": True})
    headers = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    answer = org.call("POST", "/sobjects/Lead", json=lead(Email="a@example.com"), headers=headers)
    assert error_of(answer)[:2] == (400, "DUPLICATES_DETECTED")
    assert answer.json()[0]["duplicateResult"]["allowSave"] is False
    assert org.call("POST", "/sobjects/Lead", json=lead(Email="b@example.com")).status_code == 201


def test_an_assignment_rule_takes_the_owner_unless_told_not_to(org: Org) -> None:
    """Sforce-Auto-Assign is on when absent, so an active rule replaces the owner; FALSE keeps ours."""
    org.control("limits", {"assignment_rule": True})
    org.call("POST", "/sobjects/Lead", json=lead())
    org.call("POST", "/sobjects/Lead", json=lead(), headers={"Sforce-Auto-Assign": "FALSE"})
    assigned, kept = org.records("Lead")
    assert assigned["OwnerId"] != assigned["CreatedById"]
    assert kept["OwnerId"] == kept["CreatedById"]


def test_bodies_that_are_not_json_objects_are_refused(org: Org) -> None:
    """JSON_PARSER_ERROR for broken JSON, arrays and broken gzip; 415 for another content type."""
    headers = {"Content-Type": "application/json"}
    for content in (b"{", b"[]", b"\xff", b'{"LastName": "\\ud800"}', b"[" * 100_000, b"1" * 10_000):
        answer = org.call("POST", "/sobjects/Lead", content=content, headers=headers)
        assert error_of(answer)[:2] == (400, "JSON_PARSER_ERROR")
    answer = org.call("POST", "/sobjects/Lead", content=b"x", headers=headers | {"Content-Encoding": "gzip"})
    assert error_of(answer)[:2] == (400, "JSON_PARSER_ERROR")
    answer = org.call("POST", "/sobjects/Lead", data={"LastName": "x"})
    assert error_of(answer)[:2] == (415, "UNSUPPORTED_MEDIA_TYPE")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELD_NAMES = st.sampled_from(["LastName", "Lead_Score__c", "Opt_In__c", "Score_Date__c", "OwnerId", "Owner", "Email"])


@given(st.dictionaries(FIELD_NAMES, JSON_VALUES | st.integers(min_value=10**29, max_value=10**400)))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
def test_no_value_of_a_field_makes_a_server_error(org: Org, fields: dict[str, Any]) -> None:
    """Whatever JSON stands for a value, a record and a collection answer 201, 200 or 400, never 500."""
    headers = {"Content-Type": "application/json"}
    single = json.dumps(lead() | fields).encode()
    assert org.call("POST", "/sobjects/Lead", content=single, headers=headers).status_code in (201, 400)
    several = json.dumps({"records": [typed("Lead", **lead() | fields), typed("Lead", **fields)]}).encode()
    answer = org.call("POST", "/composite/sobjects", content=several, headers=headers)
    assert answer.status_code in (200, 400)


def test_a_gzipped_body_is_read(org: Org) -> None:
    """Content-Encoding gzip on a request is understood."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    content = gzip.compress(json.dumps(lead()).encode())
    assert org.call("POST", "/sobjects/Lead", content=content, headers=headers).status_code == 201
