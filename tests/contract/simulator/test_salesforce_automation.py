"""What an administrator built into the org: rules that refuse records, each with the vendor's code for its kind.

Status codes of the SOAP API guide: FIELD_CUSTOM_VALIDATION_EXCEPTION is a validation rule's, with the administrator's
own text; CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY a trigger's, with the cause inside the message.
"""

from typing import Any

import pytest

from tests.contract.simulator.salesforce_support import Org, error_of, lead, start_over, typed


def rule(org: Org, kind: str, **more: Any) -> None:
    """Make one rule for leads the only one of the org."""
    org.control("automation", [{"object": "Lead", "kind": kind, **more}])


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("validation_rule", "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        ("lookup_filter", "FIELD_FILTER_VALIDATION_EXCEPTION"),
        ("trigger", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"),
        ("apex", "APEX_ERROR"),
        ("busy_apex", "TOO_MANY_APEX_REQUESTS"),
        ("flow", "CANNOT_EXECUTE_FLOW_TRIGGER"),
        ("approval", "ENTITY_IS_LOCKED"),
        ("owner_without_read", "TRANSFER_REQUIRES_READ"),
        ("transaction_security", "TXN_SECURITY_RUNTIME_EXCEPTION"),
    ],
)
def test_each_kind_of_rule_has_its_code(org: Org, kind: str, code: str) -> None:
    """Single, in a collection beside a good record, and in a bulk job; the text is in the message."""
    rule(org, kind, when={"Title": "VP"}, text="no VPs here", fields=["Title"])
    single = org.call("POST", "/sobjects/Lead", json=lead(Title="VP"))
    assert error_of(single)[:2] == (400, code)
    assert "no VPs here" in single.json()[0]["message"]
    assert single.json()[0]["fields"] == ["Title"]
    records = [typed("Lead", **lead(Title="VP")), typed("Lead", **lead(Title="CTO"))]
    rows = org.call("POST", "/composite/sobjects", json={"records": records}).json()
    assert [row["success"] for row in rows] == [False, True]
    assert rows[0]["errors"][0]["statusCode"] == code
    job = org.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"}).json()["id"]
    content = "LastName,Company,Title\na,b,VP\n"
    org.call("PUT", f"/jobs/ingest/{job}/batches", content=content, headers={"Content-Type": "text/csv"})
    org.call("PATCH", f"/jobs/ingest/{job}", json={"state": "UploadComplete"})
    org.control("clock", {"advance_seconds": 60})
    assert f'"{code}:' in org.call("GET", f"/jobs/ingest/{job}/failedResults").text
    assert [each["Title"] for each in org.records("Lead")] == ["CTO"]


def test_a_rule_looks_at_the_record_as_it_would_be(org: Org) -> None:
    """An update of another field is refused while the stored value meets the condition, and passes after it is gone."""
    (made,) = org.load("Lead", lead(Title="VP"))
    rule(org, "validation_rule", when={"Title": "VP"})
    assert org.call("PATCH", f"/sobjects/Lead/{made}", json={"City": "x"}).status_code == 400
    assert org.call("PATCH", f"/sobjects/Lead/{made}", json={"Title": "CTO"}).status_code == 204


def test_a_rule_holds_for_its_verbs(org: Org) -> None:
    """One on deletion lets updates pass and keeps the record."""
    (made,) = org.load("Lead", lead())
    rule(org, "trigger", on=["delete"], name="Keep_Leads", text="keep it")
    assert org.call("PATCH", f"/sobjects/Lead/{made}", json={"City": "x"}).status_code == 204
    refused = org.call("DELETE", f"/sobjects/Lead/{made}")
    assert "Keep_Leads: execution of BeforeDelete" in refused.json()[0]["message"]
    assert org.call("DELETE", f"/composite/sobjects?ids={made}").json()[0]["success"] is False
    assert len(org.records("Lead")) == 1


def test_a_rule_may_fail_a_few_times_only(org: Org) -> None:
    """A flow that fails once is tried again with success; a reset takes all rules away."""
    rule(org, "flow", times=1)
    assert [org.call("POST", "/sobjects/Lead", json=lead()).status_code for _ in range(2)] == [400, 201]
    rule(org, "flow")
    start_over(org)
    assert org.call("POST", "/sobjects/Lead", json=lead()).status_code == 201


@pytest.mark.parametrize(
    "document",
    [
        {},
        [{"object": "Boat", "kind": "flow"}],
        [{"object": "Lead", "kind": "magic"}],
        [{"object": "Lead", "kind": "flow", "on": ["read"]}],
        [{"object": "Lead", "kind": "flow", "when": {"Nope": 1}}],
        [{"object": "Lead", "kind": "flow", "times": 0}],
        [{"object": "Lead", "kind": "flow", "fields": "Title"}],
        [{"object": "Lead", "kind": "flow", "code": "X"}],
    ],
)
def test_a_wrong_rule_is_refused(org: Org, document: Any) -> None:
    """The control plane says what a rule is; the rules that were there stay."""
    rule(org, "flow")
    assert org.http.post("/_sim/automation", json=document).status_code == 400
    assert org.call("POST", "/sobjects/Lead", json=lead()).status_code == 400


def test_an_org_that_is_full_takes_no_new_records(org: Org) -> None:
    """STORAGE_LIMIT_EXCEEDED on create; updates go on."""
    (made,) = org.load("Lead", lead())
    org.control("limits", {"storage_records": 1})
    assert error_of(org.call("POST", "/sobjects/Lead", json=lead()))[1] == "STORAGE_LIMIT_EXCEEDED"
    assert org.call("PATCH", f"/sobjects/Lead/{made}", json={"City": "x"}).status_code == 204


def test_an_edition_without_the_api_refuses_every_call(org: Org) -> None:
    """403 API_DISABLED_FOR_ORG, which is not counted."""
    org.control("limits", {"api_enabled": False})
    assert error_of(org.call("GET", "/sobjects"))[:2] == (403, "API_DISABLED_FOR_ORG")
    org.control("limits", {"api_enabled": True})
    assert org.call("GET", "/sobjects").status_code == 200
