"""sObject Collections: up to 200 records a call, results per record, all-or-none, races and retrieval."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.contract.simulator.salesforce_support import Org, error_of, lead, typed


def send(org: Org, method: str, path: str, *records: dict[str, Any], **options: Any) -> httpx.Response:
    return org.call(method, f"/composite/sobjects{path}", json={"records": list(records), **options})


def leads(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [typed("Lead", **lead(LastName=f"Lead {each}", **fields)) for each in range(count)]


def codes(answer: httpx.Response) -> list[str | None]:
    """Return the statusCode of each row, None for a success."""
    assert answer.status_code == 200, answer.text
    return [None if row["success"] else row["errors"][0]["statusCode"] for row in answer.json()]


def test_a_create_answers_each_record_in_order(org: Org) -> None:
    """Rows are id, success and errors; it counts as one call."""
    answer = send(org, "POST", "", *leads(3))
    assert answer.status_code == 200
    rows = answer.json()
    assert [row.keys() for row in rows] == [{"id", "success", "errors"}] * 3
    assert [each["LastName"] for each in org.records("Lead")] == ["Lead 0", "Lead 1", "Lead 2"]
    assert [each["Id"] for each in org.records("Lead")] == [row["id"] for row in rows]
    assert answer.headers["Sforce-Limit-Info"].startswith("api-usage=1/")


def test_http_200_even_when_every_record_fails(org: Org) -> None:
    """Errors are per row and spelled statusCode, with message and fields."""
    answer = send(org, "POST", "", typed("Lead", LastName="x"), typed("Lead", Company="y"))
    assert codes(answer) == ["REQUIRED_FIELD_MISSING"] * 2
    assert answer.json()[0] == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Company]",
                "fields": ["Company"],
            }
        ],
    }


def test_a_failing_record_leaves_the_others_alone(org: Org) -> None:
    """Without allOrNone the good ones are written."""
    first, second = leads(2)
    answer = send(org, "POST", "", first, typed("Lead", **lead(LastName="x" * 81)), second)
    assert codes(answer) == [None, "STRING_TOO_LONG", None]
    assert len(org.records("Lead")) == 2


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_all_or_none_takes_everything_back(org: Org, method: str) -> None:
    """One failure turns the others into ALL_OR_NONE_OPERATION_ROLLED_BACK and nothing is written."""
    ids = org.load("Lead", lead(), lead())
    records = [typed("Lead", **lead(Title="new")), typed("Lead", **lead(Email="bad", Title="new"))]
    if method == "PATCH":
        records = [{**record, "id": each} for record, each in zip(records, ids, strict=True)]
    answer = send(org, method, "", *records, allOrNone=True)
    assert codes(answer) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_EMAIL_ADDRESS"]
    assert [each["Title"] for each in org.records("Lead")] == [None, None]


def test_more_than_200_records_are_refused(org: Org) -> None:
    """400 for the whole call, and the control plane notes a violation."""
    assert len(send(org, "POST", "", *leads(200)).json()) == 200
    answer = send(org, "POST", "", *leads(201))
    assert error_of(answer)[:2] == (400, "EXCEEDED_ID_LIMIT")
    assert org.control("calls")["violations"] == {"EXCEEDED_ID_LIMIT": 1}
    assert len(org.records("Lead")) == 200


def test_more_than_ten_runs_of_one_type_are_refused(org: Org) -> None:
    """Types that alternate make a run each; sorted by type, the same records pass."""
    mixed = [record for each in range(6) for record in (*leads(1), typed("Account", Name=f"A{each}"))]
    assert error_of(send(org, "POST", "", *mixed))[:2] == (400, "LIMIT_EXCEEDED")
    by_type = sorted(mixed, key=lambda record: str(record["attributes"]))
    assert codes(send(org, "POST", "", *by_type)) == [None] * 12


@pytest.mark.parametrize(
    "body", [{}, {"records": []}, {"records": "x"}, {"records": [1]}, {"records": [{"LastName": "x"}]}, []]
)
def test_a_malformed_collection_is_refused_as_a_whole(org: Org, body: Any) -> None:
    """No records, no array, or a record without attributes.type: 400."""
    for method, path in (("POST", ""), ("PATCH", ""), ("PATCH", "/Lead/External_Key__c")):
        assert org.call(method, f"/composite/sobjects{path}", json=body).status_code == 400


@pytest.mark.parametrize(
    ("field", "code"), [({"Nope__c": 1}, "INVALID_FIELD"), ({"Opt_In__c": "yes"}, "JSON_PARSER_ERROR")]
)
def test_an_unreadable_record_refuses_the_whole_collection(org: Org, field: dict[str, Any], code: str) -> None:
    """The body is read before its records are looked at; a switch makes it an error of the row instead."""
    records = [*leads(1), typed("Lead", **lead(), **field)]
    assert error_of(send(org, "POST", "", *records))[:2] == (400, code)
    assert org.records("Lead") == []
    org.control("limits", {"unreadable_record_refuses_collection": False})
    assert codes(send(org, "POST", "", *records)) == [None, code]


def test_an_update_names_each_record_by_id(org: Org) -> None:
    """Missing, malformed, unknown, foreign and repeated ids are errors of their rows."""
    first, second, third = org.load("Lead", lead(), lead(), lead())
    (account,) = org.load("Account", {"Name": "Amber"})
    answer = send(
        org,
        "PATCH",
        "",
        typed("Lead", id=first[:15], Title="one"),
        typed("Lead", Title="none"),
        typed("Lead", id="x", Title="bad"),
        typed("Lead", id="00Q000000000001EAA", Title="unknown"),
        typed("Lead", id=account, Title="account"),
        typed("Lead", id=second, Title="two"),
        typed("Lead", id=third, Title="a"),
        typed("Lead", id=third, Title="b"),
    )
    assert codes(answer) == [
        None,
        "MISSING_ARGUMENT",
        "MALFORMED_ID",
        "INVALID_CROSS_REFERENCE_KEY",
        "INVALID_ID_FIELD",
        None,
        "DUPLICATE_VALUE",
        "DUPLICATE_VALUE",
    ]
    assert answer.json()[0]["id"] == first
    assert [each["Title"] for each in org.records("Lead")] == ["one", "two", None]


def test_an_upsert_says_what_was_created(org: Org) -> None:
    """The key is in each body; rows carry created, and a row without the key is refused."""
    (known,) = org.load("Lead", lead(External_Key__c="k"))
    answer = send(
        org,
        "PATCH",
        "/Lead/External_Key__c",
        typed("Lead", External_Key__c="K", Title="changed"),
        typed("Lead", **lead(External_Key__c="new")),
        typed("Lead", **lead()),
        typed("Lead", **lead(External_Key__c="with id"), id=known),
        typed("Account", Name="x", External_Key__c="y"),
    )
    assert codes(answer) == [None, None, "MISSING_ARGUMENT", "INVALID_FIELD", "INVALID_TYPE"]
    rows = answer.json()
    assert [row["created"] for row in rows[:2]] == [False, True]
    assert rows[0]["id"] == known
    assert len(org.records("Lead")) == 2


def test_the_same_key_twice_in_one_call_fails_both(org: Org) -> None:
    """Neither is written, whatever the case of the key; the third row is not concerned."""
    keys = ("twice", "once", "TWICE")
    answer = send(org, "PATCH", "/Lead/External_Key__c", *(typed("Lead", **lead(External_Key__c=key)) for key in keys))
    assert codes(answer) == ["DUPLICATE_VALUE", None, "DUPLICATE_VALUE"]
    assert [each["External_Key__c"] for each in org.records("Lead")] == ["once"]


def test_a_key_with_several_matches_is_an_error_of_its_row(org: Org) -> None:
    """DUPLICATE_EXTERNAL_ID, and nothing is written for it."""
    org.load("Lead", lead(Loose_Key__c="k"), lead(Loose_Key__c="k"))
    answer = send(org, "PATCH", "/Lead/Loose_Key__c", typed("Lead", Loose_Key__c="k", Title="x"))
    assert codes(answer) == ["DUPLICATE_EXTERNAL_ID"]


def test_an_upsert_by_a_field_that_is_no_key_is_404(org: Org) -> None:
    """Id is not accepted as a key here, and an unknown field is not either."""
    for name in ("Nope__c", "Id", "Company"):
        answer = send(org, "PATCH", f"/Lead/{name}", typed("Lead", **lead()))
        assert error_of(answer)[:2] == (404, "NOT_FOUND")


def test_creates_of_one_unique_value_race_to_one_record(org: Org) -> None:
    """Two calls at once with the same unique execution id make one record and one DUPLICATE_VALUE."""
    org.control("limits", {"race_window_seconds": 0.2})

    def create(_: int) -> list[str | None]:
        return codes(send(org, "POST", "", typed("Lead", **lead(Leadbridge_Execution__c="e1"))))

    with ThreadPoolExecutor(2) as pool:
        outcomes = [code for result in pool.map(create, range(2)) for code in result]
    assert sorted(map(str, outcomes)) == ["DUPLICATE_VALUE", "None"]
    assert len(org.records("Lead")) == 1


def test_two_records_of_one_call_with_one_unique_value_make_one(org: Org) -> None:
    """A create keeps the first and refuses the second."""
    answer = send(org, "POST", "", *leads(2, External_Key__c="k"))
    assert codes(answer) == [None, "DUPLICATE_VALUE"]


def test_a_duplicate_rule_refuses_rows(org: Org) -> None:
    """In a collection only the row whose person exists gets DUPLICATES_DETECTED, unless allowSave is sent."""
    org.load("Lead", lead(Email="a@example.com"))
    org.control("limits", {"duplicate_rule_alert": True})
    body = {"records": [*leads(1, Email="a@example.com"), *leads(1, Email="b@example.com")]}
    assert codes(org.call("POST", "/composite/sobjects", json=body)) == ["DUPLICATES_DETECTED", None]
    headers = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert codes(org.call("POST", "/composite/sobjects", json=body, headers=headers)) == [None, None]


def test_a_delete_takes_ids_of_any_type(org: Org) -> None:
    """Rows answer in order; with allOrNone one unknown id saves the others."""
    (person,) = org.load("Lead", lead())
    (account,) = org.load("Account", {"Name": "Amber"})
    ids = f"{person},{account},00Q000000000001EAA"
    answer = org.call("DELETE", "/composite/sobjects", params={"ids": ids, "allOrNone": "true"})
    assert codes(answer)[:2] == ["ALL_OR_NONE_OPERATION_ROLLED_BACK"] * 2
    assert len(org.records("Lead")) == 1
    answer = org.call("DELETE", "/composite/sobjects", params={"ids": ids})
    assert codes(answer) == [None, None, "INVALID_CROSS_REFERENCE_KEY"]
    assert org.records("Lead") == org.records("Account") == []
    assert org.call("DELETE", "/composite/sobjects").status_code == 400


def test_a_retrieval_is_aligned_with_its_ids(org: Org) -> None:
    """Up to 2,000 ids of one type in a body; null for what is not there; a bad field refuses all."""
    first, second = org.load("Lead", lead(), lead(LastName="Other"))
    body: dict[str, Any] = {"ids": [second, "00Q000000000001EAA", first], "fields": ["LastName"]}
    rows = org.call("POST", "/composite/sobjects/Lead", json=body).json()
    assert [row and row["LastName"] for row in rows] == ["Other", None, "Aalto"]
    params = {"ids": f"{first},{second}", "fields": "LastName"}
    assert len(org.call("GET", "/composite/sobjects/Lead", params=params).json()) == 2
    answer = org.call("POST", "/composite/sobjects/Lead", json=body | {"fields": ["Nope"]})
    assert error_of(answer)[:2] == (400, "INVALID_FIELD")
    answer = org.call("POST", "/composite/sobjects/Lead", json=body | {"ids": [first] * 2_001})
    assert error_of(answer)[:2] == (400, "EXCEEDED_ID_LIMIT")
