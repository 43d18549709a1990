"""Row locks by record and parent, and what duplicate and assignment rules do to a write."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.simulator.salesforce_support import Org, error_of, lead, typed


def lock(org: Org, *record_ids: str, seconds: float = 60) -> None:
    """Hold records as another transaction does."""
    org.control("locks", {"ids": list(record_ids), "seconds": seconds})


def test_a_held_record_cannot_be_written_until_it_is_free(org: Org) -> None:
    """UNABLE_TO_LOCK_ROW for update and delete, reads go on; after the holder's time both work."""
    (made,) = org.load("Lead", lead())
    lock(org, made)
    for method, options in (("PATCH", {"json": {"Title": "x"}}), ("DELETE", {})):
        refused = org.call(method, f"/sobjects/Lead/{made}", **options)
        assert error_of(refused)[:2] == (400, "UNABLE_TO_LOCK_ROW")
    assert org.call("GET", f"/sobjects/Lead/{made}").status_code == 200
    org.control("clock", {"advance_seconds": 61})
    assert org.call("PATCH", f"/sobjects/Lead/{made}", json={"Title": "x"}).status_code == 204


def test_children_of_a_held_parent_wait_too(org: Org) -> None:
    """A contact locks its account, by id or by key; contacts of another account and leads do not."""
    held, free = org.load("Account", {"Name": "held", "External_Key__c": "H"}, {"Name": "free"})
    lock(org, held)
    records = [
        typed("Contact", LastName="a", AccountId=held),
        typed("Contact", LastName="b", AccountId=free),
        typed("Contact", LastName="c", Account={"External_Key__c": "H"}),
        typed("Contact", LastName="d", AccountId=held[:15]),
    ]
    results = org.call("POST", "/composite/sobjects", json={"records": records}).json()
    assert [row["success"] for row in results] == [False, True, False, False]
    assert results[0]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert org.call("POST", "/sobjects/Lead", json=lead()).status_code == 201


@pytest.mark.parametrize(
    ("sobject", "child"),
    [
        ("Opportunity", "OpportunityContactRole"),
        ("Campaign", "CampaignMember"),
        ("Lead", "CampaignMember"),
        ("Account", "Opportunity"),
    ],
)
def test_each_kind_of_child_locks_its_parent(org: Org, sobject: str, child: str) -> None:
    """Role and opportunity, member with campaign and person, opportunity and account."""
    (account,) = org.load("Account", {"Name": "Amber"})
    (contact,) = org.load("Contact", {"LastName": "Ng"})
    (campaign,) = org.load("Campaign", {"Name": "Webinar"})
    (person,) = org.load("Lead", lead())
    deal = {"Name": "x", "StageName": "Prospecting", "CloseDate": "2031-06-30"}
    (opportunity,) = org.load("Opportunity", deal)
    bodies: dict[str, dict[str, Any]] = {
        "OpportunityContactRole": {"OpportunityId": opportunity, "ContactId": contact},
        "CampaignMember": {"CampaignId": campaign, "LeadId": person},
        "Opportunity": deal | {"AccountId": account},
    }
    parents = {"Opportunity": opportunity, "Campaign": campaign, "Lead": person, "Account": account}
    lock(org, parents[sobject])
    assert error_of(org.call("POST", f"/sobjects/{child}", json=bodies[child]))[1] == "UNABLE_TO_LOCK_ROW"
    lock(org, parents[sobject], seconds=0)
    assert org.call("POST", f"/sobjects/{child}", json=bodies[child]).status_code == 201


def test_a_completed_or_undated_task_locks_nobody_when_it_is_made(org: Org) -> None:
    """A new open task with a due date needs its person; changing or deleting a task always does."""
    (person,) = org.load("Lead", lead())
    lock(org, person)
    base = {"Subject": "Call", "WhoId": person}
    dated = base | {"ActivityDate": "2031-05-07"}
    assert error_of(org.call("POST", "/sobjects/Task", json=dated))[1] == "UNABLE_TO_LOCK_ROW"
    assert org.call("POST", "/sobjects/Task", json=dated | {"Status": "Completed"}).status_code == 201
    made = org.call("POST", "/sobjects/Task", json=base).json()["id"]
    assert error_of(org.call("PATCH", f"/sobjects/Task/{made}", json={"Subject": "x"}))[1] == "UNABLE_TO_LOCK_ROW"
    assert error_of(org.call("DELETE", f"/sobjects/Task/{made}"))[1] == "UNABLE_TO_LOCK_ROW"


def test_calls_that_meet_at_one_parent_get_in_each_others_way(org: Org) -> None:
    """While one call keeps an account locked, another that needs it is refused; other accounts pass."""
    org.control("limits", {"lock_hold_seconds": 2})
    first, second = org.load("Account", {"Name": "one"}, {"Name": "two"})

    def create(account: str) -> int:
        return org.call("POST", "/sobjects/Contact", json={"LastName": "Ng", "AccountId": account}).status_code

    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(create, (first, first, second)))
    assert sorted(outcomes[:2]) == [201, 400]
    assert outcomes[2] == 201
    org.control("limits", {"lock_hold_seconds": 0})
    assert create(first) == 201


def test_a_lock_inside_a_bulk_job_fails_its_rows_only(org: Org) -> None:
    """failedResults holds the code, the rest of the file is written."""
    held, free = org.load("Account", {"Name": "held"}, {"Name": "free"})
    lock(org, held, seconds=3_600)
    document = {"object": "Contact", "operation": "insert"}
    job = org.call("POST", "/jobs/ingest", json=document).json()["id"]
    content = f"LastName,AccountId\na,{held}\nb,{free}\n"
    path = f"/jobs/ingest/{job}"
    assert org.call("PUT", path + "/batches", content=content, headers={"Content-Type": "text/csv"}).status_code == 201
    org.call("PATCH", path, json={"state": "UploadComplete"})
    org.control("clock", {"advance_seconds": 600})
    assert "UNABLE_TO_LOCK_ROW:" in org.call("GET", path + "/failedResults").text
    assert [each["LastName"] for each in org.records("Contact")] == ["b"]


@pytest.mark.parametrize("body", [{}, {"ids": ["x"], "seconds": 1}, {"ids": [], "seconds": "long"}, []])
def test_a_wrong_lock_is_refused(org: Org, body: Any) -> None:
    """The control plane answers 400 with a sentence."""
    answer = org.http.post("/_sim/locks", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_duplicate_rule_tells_what_it_found(org: Org) -> None:
    """matchResults name the record, with its fields on demand; Alert passes with allowSave, Block never."""
    org.control("limits", {"duplicate_rule_alert": True, "duplicate_rule_contacts": True})
    (there,) = org.load("Contact", {"LastName": "Ng", "Email": "ng@example.com", "Title": "VP"})
    body = {"LastName": "N.", "Email": "NG@example.com"}

    def post(header: str) -> Any:
        return org.call("POST", "/sobjects/Contact", json=body, headers={"Sforce-Duplicate-Rule-Header": header})

    (error,) = post("allowSave=false").json()
    result = error["duplicateResult"]
    assert (error["errorCode"], result["allowSave"]) == ("DUPLICATES_DETECTED", True)
    assert result["duplicateRuleEntityType"] == "Contact"
    (match,) = result["matchResults"]
    assert (match["size"], match["entityType"]) == (1, "Contact")
    record = match["matchRecords"][0]["record"]
    assert (record["Id"], "Title" in record) == (there, False)
    (detailed,) = post("allowSave=false; includeRecordDetails=true").json()
    shown = detailed["duplicateResult"]["matchResults"][0]["matchRecords"][0]["record"]
    assert shown["Title"] == "VP"
    assert post("allowSave=true").status_code == 201
    org.control("limits", {"duplicate_rule_block": True})
    assert error_of(post("allowSave=true"))[1] == "DUPLICATES_DETECTED"


@pytest.mark.parametrize(
    ("header", "is_ours"), [(None, False), ("TRUE", False), ("01QHs00000000aB", False), ("FALSE", True)]
)
def test_the_assignment_rule_runs_unless_told_otherwise(org: Org, header: str | None, is_ours: bool) -> None:
    """Documented default: on. It takes the ownership that we set; FALSE leaves it."""
    org.control("limits", {"assignment_rule": True})
    ours = org.rows("SELECT Id FROM User WHERE LastName = 'Integration'")[0]["Id"]
    headers = {"Sforce-Auto-Assign": header} if header else {}
    assert org.call("POST", "/sobjects/Lead", json=lead(OwnerId=ours), headers=headers).status_code == 201
    assert (org.records("Lead")[0]["OwnerId"] == ours) is is_ours
