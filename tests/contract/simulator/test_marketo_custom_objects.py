"""Custom objects: the schema of their types with its limits, and records by simple and compound keys.

The documented answers: schema writes give an empty result; 10 types, 50 fields, 20 after approval, 1 to 3 dedupe
fields; only approved types take records; a record whose lead is missing is skipped with 1004.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

BASE = "/rest/v1/customobjects"
SCHEMA = f"{BASE}/schema"
LINK = {"name": "leadId", "displayName": "Lead Id", "dataType": "link", "relatedTo": {"name": "lead", "field": "id"}}
KEY = {"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True}
YEAR = {"name": "year", "displayName": "Year", "dataType": "integer"}


def result(answer: httpx.Response) -> list[Any]:
    """Give the result of a call that succeeded."""
    envelope = answer.json()
    assert envelope["success"] is True, envelope
    rows: list[Any] = envelope["result"]
    return rows


def failure(answer: httpx.Response) -> str:
    """Give the code of a call that failed as a whole."""
    envelope = answer.json()
    assert envelope["success"] is False, envelope
    code: str = envelope["errors"][0]["code"]
    return code


def codes(rows: list[dict[str, Any]]) -> list[str]:
    """Give each row's status, or the code of its reason."""
    return [row["reasons"][0]["code"] if "reasons" in row else row["status"] for row in rows]


def draft(client: httpx.Client, api_name: str, *fields: dict[str, Any]) -> None:
    """Draft a type with fields."""
    body = {"action": "createOnly", "apiName": api_name, "displayName": api_name.title()}
    assert result(client.post(f"{SCHEMA}.json", json=body)) == []
    if fields:
        assert result(add_fields(client, api_name, *fields)) == []


def add_fields(client: httpx.Client, api_name: str, *fields: dict[str, Any]) -> httpx.Response:
    """Add fields to a type."""
    return client.post(f"{SCHEMA}/{api_name}/addField.json", json={"input": fields})


def approve(client: httpx.Client, api_name: str) -> httpx.Response:
    """Approve a type."""
    return client.post(f"{SCHEMA}/{api_name}/approve.json")


def some_fields(prefix: str, count: int) -> list[dict[str, Any]]:
    """Make up fields."""
    return [
        {"name": f"{prefix}{number}", "displayName": f"{prefix} {number}", "dataType": "string"}
        for number in range(count)
    ]


@pytest.fixture
def lead_id(marketo: httpx.Client) -> int:
    """The id of a lead in a fresh twin that has the approved type `car`."""
    found: int = marketo.post("/_sim/load", json={"leads": [{}]}).json()["leads"][0]
    draft(marketo, "car", KEY, LINK, YEAR)
    assert result(approve(marketo, "car")) == []
    return found


def test_a_type_goes_from_draft_to_approved_and_takes_records_only_then(marketo: httpx.Client) -> None:
    """A draft is in the schema but no object; approved it is described with key, link and fields."""
    draft(marketo, "car", KEY, LINK, YEAR)
    before = [
        marketo.get(f"{BASE}/car/describe.json"),
        marketo.post(f"{BASE}/car.json", json={"input": [{"vin": "1"}]}),
        marketo.get(f"{BASE}/car.json", params={"filterType": "vin", "filterValues": "1"}),
        marketo.post(f"{BASE}/car/delete.json", json={"input": [{"vin": "1"}]}),
    ]
    [drafted] = result(marketo.get(f"{SCHEMA}/car/describe.json"))
    unlisted = result(marketo.get(f"{BASE}.json"))
    approve(marketo, "car")

    [described] = result(marketo.get(f"{BASE}/car/describe.json"))
    [listed] = result(marketo.get(f"{BASE}.json", params={"names": "car"}))
    again = approve(marketo, "car")

    assert [failure(answer) for answer in before] == ["1013"] * 4
    assert (drafted["state"], described["state"]) == ("draft", "approved")
    assert unlisted == []
    assert (described["idField"], described["dedupeFields"]) == ("marketoGUID", ["vin"])
    assert described["searchableFields"] == [["vin"], ["marketoGUID"], ["leadId"]]
    assert described["relationships"][0]["relatedTo"] == {"name": "lead", "field": "id"}
    assert {each["name"]: each["dataType"] for each in described["fields"]}["leadId"] == "integer"
    assert listed["apiName"] == "car"
    assert failure(again) == "1003"


def test_records_are_created_read_updated_and_deleted(marketo: httpx.Client, lead_id: int) -> None:
    """By dedupe field and by GUID; a link without its lead is 1004; empty fields are left out of a read."""
    cars = [{"vin": "A", "leadId": lead_id, "year": 1999}, {"vin": "B", "leadId": 999_999}, {"vin": "C"}]

    rows = result(marketo.post(f"{BASE}/car.json", json={"input": cars}))
    guid = rows[0]["marketoGUID"]
    by_lead = result(marketo.get(f"{BASE}/car.json", params={"filterType": "leadId", "filterValues": lead_id}))
    update = {"action": "updateOnly", "dedupeBy": "idField", "input": [{"marketoGUID": guid, "year": None}]}
    updated = result(marketo.post(f"{BASE}/car.json", json=update))
    query = {"filterType": "idField", "filterValues": guid, "fields": "vin,year"}
    read = result(marketo.get(f"{BASE}/car.json", params=query))
    deleted = result(marketo.post(f"{BASE}/car/delete.json", json={"input": [{"vin": "a"}, {"vin": "Z"}]}))

    assert codes(rows) == ["created", "1004", "created"]
    assert by_lead[0].keys() == {"seq", "marketoGUID", "vin", "createdAt", "updatedAt"}
    assert codes(updated) == ["updated"]
    assert read == [{"seq": 0, "marketoGUID": guid, "vin": "A"}]
    assert codes(deleted) == ["deleted", "1013"]


def test_a_compound_key_is_read_by_a_json_body(marketo: httpx.Client, lead_id: int) -> None:
    """Two dedupe fields make one key; a GET by dedupeFields is refused, the body form finds the record."""
    draft(marketo, "house", KEY | {"name": "mls"}, LINK | {"isDedupeField": True}, YEAR)
    approve(marketo, "house")
    houses = [{"mls": "1", "leadId": lead_id, "year": 1948}, {"mls": "2", "leadId": lead_id}]
    marketo.post(f"{BASE}/house.json", json={"input": houses})
    body = {"filterType": "dedupeFields", "fields": ["year"], "input": [{"mls": "1", "leadId": str(lead_id)}]}

    [found] = result(marketo.post(f"{BASE}/house.json", params={"_method": "GET"}, json=body))
    by_get = marketo.get(f"{BASE}/house.json", params={"filterType": "dedupeFields", "filterValues": "1"})
    half = result(marketo.post(f"{BASE}/house.json", json={"input": [{"mls": "1"}]}))

    assert found["year"] == 1948
    assert failure(by_get) == "1003"
    assert codes(half) == ["1002"]


def test_a_link_to_another_object_needs_that_object(marketo: httpx.Client, lead_id: int) -> None:
    """A bridge links to an approved type without a link; a missing parent record is 1013."""
    draft(marketo, "course", KEY | {"name": "courseId"})
    too_early = {
        "name": "c",
        "displayName": "C",
        "dataType": "link",
        "relatedTo": {"name": "course", "field": "courseId"},
    }
    draft(marketo, "enrolment", KEY | {"name": "number"}, LINK)
    unapproved = failure(add_fields(marketo, "enrolment", too_early))
    approve(marketo, "course")
    add_fields(marketo, "enrolment", too_early)
    approve(marketo, "enrolment")
    marketo.post(f"{BASE}/course.json", json={"input": [{"courseId": "K"}]})
    records = [{"number": "1", "leadId": lead_id, "c": "K"}, {"number": "2", "leadId": lead_id, "c": "L"}]

    rows = result(marketo.post(f"{BASE}/enrolment.json", json={"input": records}))
    linkable = {each["name"] for each in result(marketo.get(f"{SCHEMA}/linkableObjects.json"))}
    in_use = marketo.post(f"{SCHEMA}/course/delete.json")
    to_linked = {"name": "x", "displayName": "X", "dataType": "link", "relatedTo": {"name": "car", "field": "vin"}}
    draft(marketo, "garage", KEY)

    assert unapproved == "1003"
    assert codes(rows) == ["created", "1013"]
    assert {"lead", "company", "course"} <= linkable
    assert "car" not in linkable
    assert failure(in_use) == "1022"
    assert failure(add_fields(marketo, "garage", to_linked)) == "1003"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"apiName": ""}, "1002"),
        ({"displayName": ""}, "1002"),
        ({"apiName": "with space"}, "1003"),
        ({"displayName": "With-Hyphen"}, "1003"),
        ({"apiName": "car"}, "1017"),
        ({"displayName": "Car"}, "1017"),
        ({"action": "updateOnly"}, "1013"),
        ({"action": "upsert"}, "1003"),
    ],
)
def test_a_wrong_type_is_refused(marketo: httpx.Client, lead_id: int, changes: dict[str, str], code: str) -> None:
    """Missing, malformed and taken names fail the call."""
    body = {"action": "createOnly", "apiName": "boat", "displayName": "Boat"} | changes

    assert failure(marketo.post(f"{SCHEMA}.json", json=body)) == code


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ({"displayName": "X", "dataType": "string"}, "1002"),
        ({"name": "x", "displayName": "X"}, "1002"),
        ({"name": "with-hyphen", "displayName": "X", "dataType": "string"}, "1003"),
        ({"name": "x", "displayName": "X", "dataType": "blob"}, "1003"),
        ({"name": "x", "displayName": "X", "dataType": "link"}, "1002"),
        (LINK | {"name": "x", "relatedTo": {"name": "lead", "field": "nonsense"}}, "1003"),
        ({"name": "vin", "displayName": "X", "dataType": "string"}, "1017"),
        ("no object", "1003"),
    ],
)
def test_a_wrong_field_is_refused(marketo: httpx.Client, field: Any, code: str) -> None:
    """Missing and malformed members, unknown types and links, and taken names fail the call."""
    draft(marketo, "car", KEY)

    assert failure(add_fields(marketo, "car", field)) == code


def test_the_limits_of_types_and_fields_are_kept(marketo: httpx.Client) -> None:
    """The 11th type, the 51st field, the 4th dedupe field, no dedupe field and the 21st later field are refused."""
    for number in range(10):
        draft(marketo, f"type{number}")
    eleventh = marketo.post(f"{SCHEMA}.json", json={"apiName": "type10", "displayName": "Type10"})
    fifty = add_fields(marketo, "type0", KEY, *some_fields("f", 49))
    fifty_first = add_fields(marketo, "type0", *some_fields("g", 1))
    keyless = approve(marketo, "type1")
    keys = add_fields(marketo, "type1", *(KEY | {"name": f"k{number}"} for number in range(4)))
    add_fields(marketo, "type2", KEY)
    approve(marketo, "type2")
    twenty = add_fields(marketo, "type2", *some_fields("f", 20))
    later = add_fields(marketo, "type2", *some_fields("g", 1))

    assert [failure(each) for each in (eleventh, fifty_first, keyless, keys, later)] == ["1003"] * 5
    assert result(fifty) == result(twenty) == []


def test_an_approved_type_keeps_its_name_key_and_links(marketo: httpx.Client, lead_id: int) -> None:
    """Another display name, key or link is refused; another description and plain fields make a draft."""
    refused = [
        marketo.post(f"{SCHEMA}.json", json={"apiName": "car", "displayName": "Auto"}),
        add_fields(marketo, "car", KEY | {"name": "key2"}),
        add_fields(marketo, "car", LINK | {"name": "lead2"}),
        marketo.post(f"{SCHEMA}/car/deleteField.json", json={"input": [{"name": "vin"}]}),
        marketo.post(f"{SCHEMA}/car/deleteField.json", json={"input": [{"name": "nonsense"}]}),
    ]
    add_fields(marketo, "car", *some_fields("colour", 1))
    both = result(marketo.get(f"{SCHEMA}.json", params={"names": "car", "state": "draft"}))[0]
    live = result(marketo.get(f"{BASE}/car/describe.json"))[0]
    approve(marketo, "car")
    written = result(marketo.post(f"{BASE}/car.json", json={"input": [{"vin": "A", "colour0": "red"}]}))

    assert [failure(answer) for answer in refused] == ["1003", "1003", "1003", "1003", "1006"]
    assert (both["state"], both["version"]) == ("approvedWithDraft", "draft")
    assert "colour0" in [each["name"] for each in both["fields"]]
    assert "colour0" not in [each["name"] for each in live["fields"]]
    assert codes(written) == ["created"]


def test_drafts_are_discarded_and_types_deleted(marketo: httpx.Client, lead_id: int) -> None:
    """1048 without a draft; a deleted type is 1013 everywhere."""
    no_draft = marketo.post(f"{SCHEMA}/car/discardDraft.json")
    add_fields(marketo, "car", *some_fields("colour", 1))
    discarded = marketo.post(f"{SCHEMA}/car/discardDraft.json")
    [kept] = result(marketo.get(f"{SCHEMA}/car/describe.json"))
    deleted = marketo.post(f"{SCHEMA}/car/delete.json")
    unknown = [
        marketo.get(f"{SCHEMA}/car/describe.json"),
        approve(marketo, "car"),
        add_fields(marketo, "car", YEAR),
        marketo.post(f"{SCHEMA}/car/deleteField.json", json={"input": [{"name": "year"}]}),
        marketo.post(f"{SCHEMA}/car/discardDraft.json"),
        marketo.post(f"{SCHEMA}/car/delete.json"),
    ]

    assert failure(no_draft) == "1048"
    assert result(discarded) == result(deleted) == []
    assert kept["state"] == "approved"
    assert [failure(answer) for answer in unknown] == ["1013"] * 6
    assert failure(marketo.get(f"{SCHEMA}.json", params={"state": "nonsense"})) == "1003"


def test_missing_entitlements_are_refused(marketo: httpx.Client, lead_id: int) -> None:
    """Without the schema API 616, while records work; without custom objects 1026."""
    marketo.post("/_sim/limits", json={"custom_object_schema": False})
    schema = [
        marketo.get(f"{SCHEMA}.json"),
        marketo.get(f"{SCHEMA}/fieldDataTypes.json"),
        marketo.get(f"{SCHEMA}/linkableObjects.json"),
        marketo.post(f"{SCHEMA}.json", json={"apiName": "x", "displayName": "X"}),
    ]
    record = result(marketo.post(f"{BASE}/car.json", json={"input": [{"vin": "A"}]}))
    marketo.post("/_sim/limits", json={"custom_objects": False})
    objects = [marketo.get(f"{BASE}.json"), marketo.post(f"{BASE}/car.json", json={"input": [{"vin": "A"}]})]

    assert [failure(answer) for answer in schema] == ["616"] * 4
    assert codes(record) == ["created"]
    assert [failure(answer) for answer in objects] == ["1026", "1026"]


def test_field_types_are_listed(marketo: httpx.Client) -> None:
    """The eleven data types of the vendor."""
    assert set(result(marketo.get(f"{SCHEMA}/fieldDataTypes.json"))) >= {"string", "link", "currency", "datetime"}
    assert len(result(marketo.get(f"{SCHEMA}/fieldDataTypes.json"))) == 11


def test_types_and_records_can_be_loaded(marketo: httpx.Client, lead_id: int) -> None:
    """The control plane loads an approved type, then records under its name, and shows both."""
    document = {
        "customObjectTypes": [{"apiName": "boat", "displayName": "Boat", "fields": [KEY]}],
        "boat": [{"vin": "A"}],
    }

    loaded = marketo.post("/_sim/load", json=document).json()

    assert loaded["customObjectTypes"] == ["boat"]
    [record] = marketo.get("/_sim/records/boat").json()
    assert (record["vin"], record["marketoGUID"]) == ("A", loaded["boat"][0])
    assert marketo.post("/_sim/load", json={"car": [{"vin": "A", "leadId": 0}]}).status_code == 400
