"""Field-level security of the integration user: what is hidden or read-only, and how each resource says so."""

from typing import Any

import pytest

from tests.contract.simulator.salesforce_support import Org, error_of, lead, start_over, typed


@pytest.fixture
def org(running: Org) -> Org:
    start_over(running)
    running.control("permissions", {"hidden": ["Lead.Title", "Lead.External_Key__c"], "read_only": ["Lead.Phone"]})
    return running


def test_a_hidden_field_is_as_if_it_were_not_there(org: Org) -> None:
    """Absent in describe and in full reads; INVALID_FIELD in SELECT, WHERE and field lists; no upsert key."""
    (made,) = org.load("Lead", lead(Title="VP", External_Key__c="a"))
    described = {each["name"]: each for each in org.call("GET", "/sobjects/Lead/describe").json()["fields"]}
    assert "Title" not in described
    assert (described["Phone"]["createable"], described["Phone"]["updateable"]) == (False, False)
    assert "Title" not in org.call("GET", f"/sobjects/Lead/{made}").json()
    for soql in (
        "SELECT Title FROM Lead",
        "SELECT Id FROM Lead WHERE Title = 'VP'",
        "SELECT Id FROM Lead ORDER BY Title",
    ):
        assert error_of(org.query(soql))[:2] == (400, "INVALID_FIELD")
    assert error_of(org.call("GET", f"/sobjects/Lead/{made}?fields=Title"))[1] == "INVALID_FIELD"
    wanted = {"ids": [made], "fields": ["Title"]}
    assert error_of(org.call("POST", "/composite/sobjects/Lead", json=wanted))[1] == "INVALID_FIELD"
    upsert = org.call("PATCH", "/sobjects/Lead/External_Key__c/a", json=lead())
    assert error_of(upsert)[:2] == (404, "NOT_FOUND")
    assert [each["Title"] for each in org.records("Lead")] == ["VP"]


@pytest.mark.parametrize("name", ["Title", "Phone"])
def test_a_field_without_access_cannot_be_written(org: Org, name: str) -> None:
    """INVALID_FIELD_FOR_INSERT_UPDATE with the field named, on create, update and in collections."""
    (made,) = org.load("Lead", lead())
    body: dict[str, Any] = {name: "x"}
    for answer in (
        org.call("POST", "/sobjects/Lead", json=lead(**body)),
        org.call("PATCH", f"/sobjects/Lead/{made}", json=body),
    ):
        assert error_of(answer)[:2] == (400, "INVALID_FIELD_FOR_INSERT_UPDATE")
        assert answer.json()[0]["fields"] == [name]
    records = [typed("Lead", **lead(**body)), typed("Lead", **lead())]
    results = org.call("POST", "/composite/sobjects", json={"records": records}).json()
    assert [row["success"] for row in results] == [False, True]
    assert results[0]["errors"][0]["statusCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_reset_gives_the_access_back(org: Org) -> None:
    """After it the field is in describe again."""
    start_over(org)
    assert "Title" in {each["name"] for each in org.call("GET", "/sobjects/Lead/describe").json()["fields"]}


@pytest.mark.parametrize(
    "body", [{"hidden": "Lead.Title"}, {"hidden": ["Lead.Nope"]}, {"hidden": ["Lead.LastName"]}, []]
)
def test_a_wrong_permission_is_refused(org: Org, body: Any) -> None:
    """Not an array, an unknown field, and a required one, whose access cannot be taken away."""
    answer = org.http.post("/_sim/permissions", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_without_view_all_data_a_polymorphic_condition_is_too_large(org: Org) -> None:
    """OPERATION_TOO_LARGE for a condition behind Who or What; with the permission the same query answers."""
    soql = "SELECT Id FROM Task WHERE Who.Type = 'Lead'"
    assert org.query(soql).status_code == 200
    org.control("permissions", {"view_all_data": False})
    assert error_of(org.query(soql))[:2] == (400, "OPERATION_TOO_LARGE")
    assert org.query("SELECT Id FROM Task WHERE Status = 'Completed'").status_code == 200
