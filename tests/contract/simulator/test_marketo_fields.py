"""The schema of fields, and what the superseded calls still answer.

The documented answers: fields of leads and program members are listed, read by name, created all or none and changed in
what they say of themselves; those of companies and opportunities are read only; a field is there for good.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

LEAD_FIELDS, MEMBER_FIELDS = "/rest/v1/leads/schema/fields", "/rest/v1/programs/members/schema/fields"
SEGMENT = {"displayName": "Segment", "name": "segment", "dataType": "string"}


def failure(answer: httpx.Response) -> str:
    """Give the code of a call that failed as a whole."""
    envelope = answer.json()
    assert envelope["success"] is False, envelope
    code: str = envelope["errors"][0]["code"]
    return code


def result(answer: httpx.Response) -> list[dict[str, Any]]:
    """Give the result of a call that succeeded."""
    envelope = answer.json()
    assert envelope["success"] is True, envelope
    found: list[dict[str, Any]] = envelope["result"]
    return found


def test_a_created_lead_field_is_described_written_searched_and_logged(marketo: httpx.Client) -> None:
    """From the moment of its creation it is a field like any other; a reset takes it away."""
    created = result(marketo.post(f"{LEAD_FIELDS}.json", json={"input": [SEGMENT]}))
    [field] = result(marketo.get(f"{LEAD_FIELDS}/segment.json"))
    [written] = result(
        marketo.post("/rest/v1/leads.json", json={"input": [{"email": "a@example.com", "segment": "Gold"}]})
    )
    query = {"filterType": "segment", "filterValues": "gold", "fields": "segment"}
    found = result(marketo.get("/rest/v1/leads.json", params=query))
    described = {each["name"] for each in result(marketo.get("/rest/v1/leads/describe2.json"))[0]["fields"]}
    marketo.post("/rest/v1/leads.json", json={"input": [{"email": "a@example.com", "segment": "Blue"}]})
    logged = marketo.get("/_sim/records/activities").json()

    assert created == [{"name": "segment", "status": "created"}]
    assert (field["displayName"], field["length"], field["isCustom"], field["isApiCreated"]) == (
        "Segment",
        255,
        True,
        True,
    )
    assert found == [{"id": written["id"], "segment": "Gold"}]
    assert "segment" in described
    assert "Segment" in [each.get("primaryAttributeValue") for each in logged]


def test_fields_are_listed_300_a_page(marketo: httpx.Client) -> None:
    """All fields of leads in pages; companies and opportunities too, which take no new ones (605)."""
    first = marketo.get(f"{LEAD_FIELDS}.json", params={"batchSize": 40}).json()
    second = marketo.get(f"{LEAD_FIELDS}.json", params={"batchSize": 40, "nextPageToken": first["nextPageToken"]})
    names = [each["name"] for each in first["result"] + result(second)]

    assert len(names) == len(set(names)) > 60
    assert "email" in names
    for base in ("companies", "opportunities"):
        path = f"/rest/v1/{base}/schema/fields"
        assert "externalCompanyId" in [each["name"] for each in result(marketo.get(f"{path}.json"))]
        assert result(marketo.get(f"{path}/externalCompanyId.json"))[0]["dataType"] == "string"
        assert failure(marketo.post(f"{path}.json", json={"input": [SEGMENT]})) == "605"
        assert failure(marketo.get(f"{path}/nothing.json")) == "1006"


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([{"displayName": "X", "name": "x"}], "1002"),
        ([{**SEGMENT, "dataType": "colour"}], "1003"),
        ([{**SEGMENT, "name": "1st"}], "1003"),
        ([{**SEGMENT, "name": "Email"}], "1017"),
        ([{**SEGMENT, "displayName": "Job Title"}], "1017"),
        ([SEGMENT, SEGMENT], "1017"),
        ([{**SEGMENT, "name": f"f{n}", "displayName": f"F {n}"} for n in range(101)], "1003"),
        ([], "1002"),
    ],
)
def test_fields_that_cannot_be_created_fail_as_a_whole(
    marketo: httpx.Client, rows: list[dict[str, Any]], code: str
) -> None:
    """A wrong, taken or 101st field: nothing of the call is created."""
    before = marketo.get(f"{LEAD_FIELDS}.json").json()["result"]

    answer = marketo.post(f"{LEAD_FIELDS}.json", json={"input": rows})

    assert failure(answer) == code
    assert marketo.get(f"{LEAD_FIELDS}.json").json()["result"] == before


def test_a_field_changes_its_words_but_not_its_type(marketo: httpx.Client) -> None:
    """Display name, description and flags; type and standard fields are refused, as is more than one."""
    marketo.post(f"{LEAD_FIELDS}.json", json={"input": [SEGMENT]})
    changes = {"displayName": "Market Segment", "description": "By revenue", "isHidden": True}

    changed = result(marketo.post(f"{LEAD_FIELDS}/segment.json", json={"input": [changes]}))
    [field] = result(marketo.get(f"{LEAD_FIELDS}/segment.json"))
    wrong = [
        marketo.post(f"{LEAD_FIELDS}/segment.json", json={"input": [{"dataType": "text"}]}),
        marketo.post(f"{LEAD_FIELDS}/segment.json", json={"input": [changes, changes]}),
        marketo.post(f"{LEAD_FIELDS}/email.json", json={"input": [{"displayName": "Post"}]}),
        marketo.post(f"{LEAD_FIELDS}/nothing.json", json={"input": [changes]}),
    ]

    assert changed == [{"name": "segment", "status": "updated"}]
    assert (field["displayName"], field["description"], field["isHidden"]) == ("Market Segment", "By revenue", True)
    assert [failure(each) for each in wrong] == ["1003", "1003", "1003", "1006"]


def test_program_members_have_fields_of_their_own(marketo: httpx.Client) -> None:
    """A created one is described and written; the 21st is refused."""
    ids = marketo.post("/_sim/load", json={"leads": [{}], "programs": [{"name": "Fair"}]}).json()
    [lead_id], [program_id] = ids["leads"], ids["programs"]
    marketo.post(
        "/_sim/load",
        json={"programMembers": [{"programId": program_id, "leadId": lead_id, "statusName": "Invited"}]},
    )
    seat = {"displayName": "Table", "name": "table", "dataType": "integer"}

    created = result(marketo.post(f"{MEMBER_FIELDS}.json", json={"input": [seat]}))
    path = f"/rest/v1/programs/{program_id}/members.json"
    written = result(marketo.post(path, json={"input": [{"leadId": lead_id, "table": 4}]}))
    query = {"filterType": "leadId", "filterValues": str(lead_id), "fields": "table"}
    rows = [{**seat, "name": f"f{n}", "displayName": f"F {n}"} for n in range(20)]

    assert created == [{"name": "table", "status": "created"}]
    assert written[0]["status"] == "updated"
    assert result(marketo.get(path, params=query))[0]["table"] == 4
    assert "table" in [each["name"] for each in result(marketo.get(f"{MEMBER_FIELDS}.json"))]
    assert result(marketo.get(f"{MEMBER_FIELDS}/table.json"))[0]["dataType"] == "integer"
    assert failure(marketo.post(f"{MEMBER_FIELDS}.json", json={"input": rows})) == "1003"
    assert failure(marketo.post(f"{MEMBER_FIELDS}/nothing.json", json={"input": [{}]})) == "1006"


# superseded calls that are still specified


def test_superseded_calls_still_answer(marketo: httpx.Client) -> None:
    """Program status by lead id with the status in the result, the short describe, campaigns of a lead, DELETE."""
    ids = marketo.post(
        "/_sim/load", json={"leads": [{}], "programs": [{"name": "Fair"}], "smartCampaigns": [{"name": "Mail"}]}
    ).json()
    [lead_id], [program_id], [campaign_id] = ids["leads"], ids["programs"], ids["smartCampaigns"]
    path = f"/rest/v1/leads/programs/{program_id}/status.json"
    rows = [{"id": lead_id}, {"id": 999_999}]
    marketo.post(f"/rest/v1/campaigns/{campaign_id}/trigger.json", json={"input": {"leads": [{"id": lead_id}]}})

    moved = result(marketo.post(path, json={"status": "Invited", "input": rows}))
    campaigns = result(marketo.get(f"/rest/v1/leads/{lead_id}/smartCampaignMembership.json"))
    [described] = result(marketo.get("/rest/v1/program/members/describe.json"))
    deleted = result(marketo.request("DELETE", "/rest/v1/leads.json", json={"input": [{"id": lead_id}]}))

    assert moved[0] == {"id": lead_id, "status": "Invited"}
    assert moved[1]["reasons"][0]["code"] == "1004"
    assert [each["smartCampaignId"] for each in campaigns] == [campaign_id]
    assert described.keys() == {"name", "fields"}
    assert deleted == [{"id": lead_id, "status": "deleted"}]
    assert failure(marketo.post(path, json={"input": rows})) == "1002"
    assert failure(marketo.get("/rest/v1/leads/999999/smartCampaignMembership.json")) == "1004"


# states of the instance behind rarer codes


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("personAccount", "712"),
        ("noRecordType", "714"),
        ("duplicate", "1076"),
        ("deleted", "1078"),
        ("urlConflict", "1079"),
    ],
)
def test_the_crm_refuses_a_merge_and_nothing_is_merged(marketo: httpx.Client, state: str, code: str) -> None:
    """Only a merge in the CRM, with native sync on, meets the state of the record there."""
    winner, loser = marketo.post("/_sim/load", json={"leads": [{}, {}]}).json()["leads"]
    marketo.post("/_sim/load", json={"crmStates": [{"leadId": loser, "state": state}]}).raise_for_status()
    marketo.post("/_sim/limits", json={"native_crm": True})
    path = f"/rest/v1/leads/{winner}/merge.json"

    refused = marketo.post(path, params={"leadId": loser, "mergeInCRM": "true"})
    left = marketo.get("/_sim/records/leads").json()
    merged = marketo.post(path, params={"leadId": loser, "mergeInCRM": "false"}).json()

    assert failure(refused) == code
    assert len(left) == 2
    assert merged["success"] is True


def test_a_name_that_is_too_long_for_the_crm_refuses_the_merge(marketo: httpx.Client) -> None:
    """1077: the surviving last name has more than the CRM's 80 characters."""
    document = {"leads": [{}, {"lastName": "x" * 81}]}
    winner, loser = marketo.post("/_sim/load", json=document).json()["leads"]
    marketo.post("/_sim/limits", json={"native_crm": True})

    answer = marketo.post(f"/rest/v1/leads/{winner}/merge.json", params={"leadId": loser, "mergeInCRM": "true"})

    assert failure(answer) == "1077"


def test_missing_features_have_their_codes(marketo: httpx.Client) -> None:
    """No bulk extract is 703; a lead without the partition that is required is skipped with 1009."""
    marketo.post("/_sim/limits", json={"bulk_extract": False, "partition_required": True})
    lead = {"input": [{"email": "a@example.com"}]}

    extract = marketo.post("/bulk/v1/leads/export/create.json", json={})
    bare = result(marketo.post("/rest/v1/leads.json", json=lead))
    placed = result(marketo.post("/rest/v1/leads.json", json=lead | {"partitionName": "Default"}))

    assert failure(extract) == "703"
    assert bare[0]["reasons"][0]["code"] == "1009"
    assert placed[0]["status"] == "created"


# custom activity and custom object types


def test_a_custom_activity_type_is_changed_and_deleted(marketo: httpx.Client) -> None:
    """Changes go to the draft; a deleted type is unknown afterwards (1013)."""
    base = "/rest/v1/activities/external/type"
    primary = {"apiName": "place", "name": "Place"}
    names = {"apiName": "visit", "name": "Visit", "triggerName": "Visits", "filterName": "Visited"}
    marketo.post(f"{base}.json", json={**names, "primaryAttribute": primary})
    attribute = {"apiName": "hall", "name": "Hall"}
    marketo.post(f"{base}/visit/attributes/create.json", json={"attributes": [attribute]})

    [renamed] = result(marketo.post(f"{base}/visit.json", json={**names, "name": "Stand Visit"}))
    number = {"attributes": [{"apiName": "hall", "dataType": "integer"}]}
    [typed] = result(marketo.post(f"{base}/visit/attributes/update.json", json=number))
    [bare] = result(marketo.post(f"{base}/visit/attributes/delete.json", json={"attributes": [attribute]}))
    unknown = marketo.post(f"{base}/visit/attributes/delete.json", json={"attributes": [attribute]})
    taken = marketo.post(f"{base}/visit.json", json={"name": "Leadbridge Result"})
    [deleted] = result(marketo.post(f"{base}/visit/delete.json"))

    assert renamed["name"] == "Stand Visit"
    assert typed["attributes"][0]["dataType"] == "integer"
    assert bare["attributes"] == []
    assert deleted["status"] == "deleted"
    assert [failure(each) for each in (unknown, taken)] == ["1006", "1017"]
    assert failure(marketo.post(f"{base}/visit/delete.json")) == "1013"
    assert failure(marketo.post(f"{base}/visit/attributes/update.json", json=number)) == "1013"


def test_a_field_of_a_custom_object_type_is_changed_in_the_draft(marketo: httpx.Client) -> None:
    """Before approval anything, afterwards the display name only; an unknown field is 1006."""
    fields = [{"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True}]
    base = "/rest/v1/customobjects/schema"
    marketo.post("/_sim/load", json={"customObjectTypes": [{"apiName": "car", "displayName": "Car", "fields": fields}]})

    renamed = marketo.post(f"{base}/car/vin/updateField.json", json={"displayName": "Vehicle Number"}).json()
    fixed = marketo.post(f"{base}/car/vin/updateField.json", json={"dataType": "integer"})
    [draft] = result(marketo.get(f"{base}/car/describe.json", params={"state": "draft"}))

    assert renamed["success"] is True
    assert draft["fields"][-1]["displayName"] == "Vehicle Number"
    assert failure(fixed) == "1003"
    assert failure(marketo.post(f"{base}/car/colour/updateField.json", json={})) == "1006"
    assert result(marketo.get(f"{base}/car/dependentAssets.json")) == []
    assert failure(marketo.get(f"{base}/boat/dependentAssets.json")) == "1013"


# numbers that no record can have


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/rest/v1/leads/delete.json", {"input": [{"id": 2**63}]}),
        ("POST", "/rest/v1/leads/delete.json", {"input": [{"id": -(2**63) - 1}]}),
        ("POST", "/rest/v1/leads/delete.json", {"input": [{"id": 10**50}]}),
        ("POST", f"/rest/v1/leads/delete.json?id={2**63}", None),
        ("GET", f"/rest/v1/lead/{2**63}.json", None),
    ],
)
def test_a_number_of_more_than_64_bits_is_refused(
    marketo: httpx.Client, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """In a body, a parameter or a path: the call fails with 1003."""
    assert failure(marketo.request(method, path, json=body)) == "1003"
