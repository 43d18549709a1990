"""Static lists and program members.

The documented answers: `added`, `removed`, `memberof`, `notmemberof`; a member status only moves forward, 1037
otherwise; all but lead results carry `seq` or the id.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

LISTS = "/rest/v1/lists"
PROGRAMS = "/rest/v1/programs"


@pytest.fixture
def loaded(marketo: httpx.Client) -> dict[str, list[int]]:
    """Three leads, a static list and a program; gives their ids."""
    document = {
        "leads": [{"email": f"p{number}@example.com"} for number in range(3)],
        "staticLists": [{"name": "Invited people", "programName": "Autumn"}],
        "programs": [{"name": "Autumn", "type": "Event"}],
    }
    ids: dict[str, list[int]] = marketo.post("/_sim/load", json=document).raise_for_status().json()
    return ids


def failure(envelope: dict[str, Any]) -> str:
    """Give the code of a call that failed as a whole."""
    assert envelope["success"] is False
    code: str = envelope["errors"][0]["code"]
    return code


def set_status(client: httpx.Client, program_id: int, status: str, *lead_ids: int) -> list[dict[str, Any]]:
    """Change program member statuses and give the results."""
    body = {"statusName": status, "input": [{"leadId": lead_id} for lead_id in lead_ids]}
    envelope = client.post(f"{PROGRAMS}/{program_id}/members/status.json", json=body).json()
    result: list[dict[str, Any]] = envelope["result"]
    return result


def test_lists_are_found_by_name_and_id(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """By name, by program, by id and by path the same list comes back; an unknown id is 1013."""
    [list_id] = loaded["staticLists"]

    by_name = marketo.get(f"{LISTS}.json", params={"name": "Invited people"}).json()["result"]
    by_other = marketo.get(f"{LISTS}.json", params={"name": "Nobody"}).json()["result"]
    by_path = marketo.get(f"{LISTS}/{list_id}.json").json()["result"]

    assert by_name == by_path
    assert by_path[0]["id"] == list_id
    assert by_path[0].keys() == {"id", "name", "workspaceName", "programName", "createdAt", "updatedAt"}
    assert by_other == []
    assert failure(marketo.get(f"{LISTS}/4711.json").json()) == "1013"
    assert failure(marketo.get(f"{LISTS}.json", params={"id": "x"}).json()) == "1003"


def test_members_are_added_read_and_removed(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """Adding twice is added twice; removing who is not there is 1015; both are logged as 24 and 25."""
    path = f"{LISTS}/{loaded['staticLists'][0]}/leads.json"
    first, second, third = loaded["leads"]
    body = {"input": [{"id": first}, {"id": second}, {"id": 999_999}]}

    added = marketo.post(path, json=body).json()["result"]
    again = marketo.post(path, params={"id": [first]}).json()["result"]
    members = marketo.get(path, params={"fields": "email"}).json()["result"]
    removed = marketo.request("DELETE", path, json={"input": [{"id": first}, {"id": third}]}).json()["result"]
    is_member = marketo.get(
        f"{LISTS}/{loaded['staticLists'][0]}/leads/ismember.json", params={"id": f"{first},{second},999999"}
    ).json()["result"]

    assert [row["status"] for row in added] == ["added", "added", "skipped"]
    assert added[2]["reasons"][0]["code"] == "1004"
    assert again == [{"id": first, "status": "added"}]
    assert [member["id"] for member in members] == [first, second]
    assert removed[0] == {"id": first, "status": "removed"}
    assert removed[1]["reasons"][0]["code"] == "1015"
    assert [row["status"] for row in is_member] == ["notmemberof", "memberof", "skipped"]
    assert [each["activityTypeId"] for each in marketo.get("/_sim/records/activities").json()] == [24, 24, 25]
    assert [each["leadId"] for each in marketo.get("/_sim/records/listMembers").json()] == [second]


def test_members_can_be_removed_by_a_post_that_says_delete(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """`_method=DELETE` in the query stands for the method."""
    path = f"{LISTS}/{loaded['staticLists'][0]}/leads.json"
    lead_id = loaded["leads"][0]
    marketo.post(path, params={"id": lead_id})

    removed = marketo.post(path, params={"_method": "DELETE", "id": lead_id}).json()["result"]

    assert removed == [{"id": lead_id, "status": "removed"}]


@pytest.mark.parametrize(
    ("list_id", "body", "code"),
    [
        (4711, {"input": [{"id": 1}]}, "1013"),
        (None, {"input": []}, "1002"),
        (None, {"input": [{"id": "one"}]}, "1003"),
        (None, {"input": [{"id": 1}] * 301}, "1003"),
    ],
)
def test_a_wrong_list_call_fails(
    marketo: httpx.Client, loaded: dict[str, list[int]], list_id: int | None, body: dict[str, Any], code: str
) -> None:
    """An unknown list, no input, no number and more than 300 are refused by add and remove alike."""
    path = f"{LISTS}/{list_id or loaded['staticLists'][0]}/leads.json"

    answers = [marketo.request(method, path, json=body).json() for method in ("POST", "DELETE")]

    assert [failure(answer) for answer in answers] == [code, code]
    assert failure(marketo.get(path.replace(".json", "/ismember.json"), params={"id": "x"}).json()) in {"1003", "1013"}


def test_a_program_status_moves_forward_only(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """Created, updated, then 1037 for the same and for an earlier status; logged as type 104 each time."""
    [program_id], lead_id = loaded["programs"], loaded["leads"][0]

    rows = [
        set_status(marketo, program_id, status, lead_id)[0] for status in ("Invited", "Attended", "Attended", "Invited")
    ]

    assert rows[0] == {"seq": 0, "leadId": lead_id, "status": "created"}
    assert rows[1] == {"seq": 0, "leadId": lead_id, "status": "updated"}
    assert [row["reasons"][0]["code"] for row in rows[2:]] == ["1037", "1037"]
    activities = marketo.get("/_sim/records/activities").json()
    assert [each["activityTypeId"] for each in activities] == [104, 104]
    assert {"name": "New Status", "value": "Attended"} in activities[1]["attributes"]


def test_member_status_errors_are_per_record(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """An unknown status is 1025, an unknown lead 1004, the same lead twice 1036; seq tells the place."""
    [program_id], lead_id = loaded["programs"], loaded["leads"][0]

    unknown_status = set_status(marketo, program_id, "Applauded", lead_id)
    mixed = set_status(marketo, program_id, "Invited", 999_999, lead_id, lead_id)

    assert unknown_status[0]["reasons"][0]["code"] == "1025"
    assert [row["seq"] for row in mixed] == [0, 1, 2]
    assert [row["status"] for row in mixed] == ["skipped", "created", "skipped"]
    assert [mixed[0]["reasons"][0]["code"], mixed[2]["reasons"][0]["code"]] == ["1004", "1036"]


def test_program_members_are_read_by_filter(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """By lead, status, success and a time window of at most 7 days; default fields come always."""
    [program_id], (first, second, _) = loaded["programs"], loaded["leads"]
    set_status(marketo, program_id, "Invited", first)
    set_status(marketo, program_id, "Attended", second)
    path = f"{PROGRAMS}/{program_id}/members.json"
    now = datetime.fromisoformat(marketo.get("/_sim/clock").json()["now"])

    def leads(**parameters: str) -> list[int]:
        return [row["leadId"] for row in marketo.get(path, params=parameters).json()["result"]]

    [row] = marketo.get(path, params={"filterType": "leadId", "filterValues": second, "fields": "statusName"}).json()[
        "result"
    ]

    assert row.keys() == {
        "seq",
        "acquiredBy",
        "leadId",
        "membershipDate",
        "programId",
        "reachedSuccess",
        "statusName",
    }
    assert (row["statusName"], row["reachedSuccess"]) == ("Attended", True)
    assert leads(filterType="statusName", filterValues="Invited") == [first]
    assert leads(filterType="reachedSuccess", filterValues="true") == [second]
    window = {
        "startAt": (now - timedelta(hours=1)).isoformat(timespec="seconds"),
        "endAt": (now + timedelta(hours=1)).isoformat(timespec="seconds"),
    }
    assert leads(filterType="updatedAt", **window) == [first, second]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "1002"),
        ({"filterType": "leadId"}, "1002"),
        ({"filterType": "nonsense", "filterValues": "1"}, "1011"),
        ({"filterType": "leadId", "filterValues": "1", "fields": "nonsense"}, "1006"),
        ({"filterType": "updatedAt"}, "1002"),
        ({"filterType": "updatedAt", "startAt": "2026-01-01T00:00:00Z", "endAt": "2026-01-09T00:00:00Z"}, "1003"),
        ({"filterType": "updatedAt", "startAt": "soon", "endAt": "later"}, "704"),
    ],
)
def test_a_wrong_member_read_fails(
    marketo: httpx.Client, loaded: dict[str, list[int]], parameters: dict[str, str], code: str
) -> None:
    """Missing and unsupported filters, unknown fields and windows above 7 days are refused."""
    path = f"{PROGRAMS}/{loaded['programs'][0]}/members.json"

    assert failure(marketo.get(path, params=parameters).json()) == code


def test_members_are_deleted_and_who_is_none_is_1037(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """Deleting a member answers deleted, deleting again 1037."""
    [program_id], lead_id = loaded["programs"], loaded["leads"][0]
    set_status(marketo, program_id, "Invited", lead_id)
    path = f"{PROGRAMS}/{program_id}/members/delete.json"

    first, second = (marketo.post(path, json={"input": [{"leadId": lead_id}]}).json()["result"][0] for _ in range(2))

    assert first == {"seq": 0, "leadId": lead_id, "status": "deleted"}
    assert second["reasons"][0]["code"] == "1037"


def test_a_wrong_program_call_fails(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """1013 for an unknown program, 1002 without a status or input."""
    [program_id], lead_id = loaded["programs"], loaded["leads"][0]
    members = f"{PROGRAMS}/{program_id}/members"

    answers = [
        marketo.post(f"{PROGRAMS}/4711/members/status.json", json={"statusName": "Invited", "input": [{}]}),
        marketo.get(f"{PROGRAMS}/4711/members.json", params={"filterType": "leadId", "filterValues": "1"}),
        marketo.post(f"{members}/status.json", json={"input": [{"leadId": lead_id}]}),
        marketo.post(f"{members}/status.json", json={"statusName": "Invited"}),
        marketo.post(f"{members}/delete.json", json={}),
    ]

    assert [failure(answer.json()) for answer in answers] == ["1013", "1013", "1002", "1002", "1002"]
