"""Leads that are deleted, merged, pushed or moved, and how the log tells.

The documented answers: `deleted` per record; a merge answers without a result, keeps the winner's values and takes
at most 25 losers (1080); lead changes are types 12 and 13 only; deletions can be read for 14 days.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

LEADS = "/rest/v1/leads"
CHANGES = "/rest/v1/activities/leadchanges.json"
DELETED = "/rest/v1/activities/deletedleads.json"


def load(client: httpx.Client, **document: Any) -> dict[str, list[int]]:
    """Load records and give their ids by object."""
    ids: dict[str, list[int]] = client.post("/_sim/load", json=document).raise_for_status().json()
    return ids


def result(answer: httpx.Response) -> list[dict[str, Any]]:
    """Give the result of a call that succeeded."""
    envelope = answer.json()
    assert envelope["success"] is True, envelope
    rows: list[dict[str, Any]] = envelope["result"]
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


def token_of_now(client: httpx.Client) -> str:
    """Take a date token at the twin's time."""
    now = client.get("/_sim/clock").json()["now"]
    query = {"sinceDatetime": f"{now[:19]}Z"}
    token: str = client.get("/rest/v1/activities/pagingtoken.json", params=query).json()["nextPageToken"]
    return token


# delete


def test_a_delete_answers_per_record_and_is_logged(marketo: httpx.Client) -> None:
    """`deleted`; an unknown lead is 1004, one named twice 1036; memberships end; the log has a type 37."""
    ids = load(
        marketo,
        leads=[{"email": "a@example.com", "firstName": "Ann", "lastName": "B"}, {}],
        staticLists=[{"name": "L"}],
    )
    [gone, kept], [list_id] = ids["leads"], ids["staticLists"]
    load(marketo, listMembers=[{"listId": list_id, "leadId": gone}])
    since = token_of_now(marketo)

    rows = result(marketo.post(f"{LEADS}/delete.json", json={"input": [{"id": gone}, {"id": gone}, {"id": 999_999}]}))

    assert codes(rows) == ["deleted", "1036", "1004"]
    assert rows[0] == {"id": gone, "status": "deleted"}
    assert [each["id"] for each in marketo.get("/_sim/records/leads").json()] == [kept]
    assert marketo.get("/_sim/records/listMembers").json() == []
    assert result(marketo.get(f"{LEADS}.json", params={"filterType": "email", "filterValues": "a@example.com"})) == []
    [item] = result(marketo.get(DELETED, params={"nextPageToken": since}))
    assert (item["leadId"], item["activityTypeId"], item["primaryAttributeValue"]) == (gone, 37, "Ann B")
    assert item["attributes"] == []


def test_leads_are_also_deleted_by_a_post_that_says_delete(marketo: httpx.Client) -> None:
    """`POST leads.json?_method=DELETE` with ids in the body deletes, too; so does `delete.json?id=`."""
    first, second = load(marketo, leads=[{}, {}])["leads"]

    by_method = result(marketo.post(f"{LEADS}.json", params={"_method": "DELETE"}, json={"input": [{"id": first}]}))
    by_query = result(marketo.post(f"{LEADS}/delete.json", params={"id": second}))

    assert [by_method, by_query] == [[{"id": first, "status": "deleted"}], [{"id": second, "status": "deleted"}]]


def test_an_id_is_never_used_again(marketo: httpx.Client) -> None:
    """Who comes back under the same address is a new lead."""
    [gone] = load(marketo, leads=[{"email": "a@example.com"}])["leads"]
    marketo.post(f"{LEADS}/delete.json", json={"input": [{"id": gone}]})

    [made] = result(marketo.post(f"{LEADS}.json", json={"input": [{"email": "a@example.com"}]}))

    assert made["status"] == "created"
    assert made["id"] > gone


@pytest.mark.parametrize(("body", "code"), [({}, "1002"), ({"input": [{"id": 1}] * 301}, "1003")])
def test_a_wrong_delete_fails(marketo: httpx.Client, body: dict[str, Any], code: str) -> None:
    """No input is 1002, more than 300 are refused."""
    assert failure(marketo.post(f"{LEADS}/delete.json", json=body)) == code


def test_deletions_can_be_read_for_14_days(marketo: httpx.Client) -> None:
    """After 13 days a deletion is there, after 14 days it is not; the token goes on all the same."""
    [gone] = load(marketo, leads=[{}])["leads"]
    since = token_of_now(marketo)
    marketo.post(f"{LEADS}/delete.json", json={"input": [{"id": gone}]})
    marketo.post("/_sim/clock", json={"advance_seconds": 13 * 86_400})

    def read(client: httpx.Client) -> dict[str, Any]:
        login(client)
        envelope: dict[str, Any] = client.get(DELETED, params={"nextPageToken": since}).json()
        return envelope

    early = read(marketo)
    marketo.post("/_sim/clock", json={"advance_seconds": 2 * 86_400})
    late = read(marketo)

    assert [len(early["result"]), len(late["result"])] == [1, 0]
    assert late["nextPageToken"]
    assert late["moreResult"] is False


def login(client: httpx.Client) -> None:
    """Take a new token, because the clock has passed the life of the old one."""
    credentials = client.get("/_sim/credentials").json()
    query = {"grant_type": "client_credentials"} | {name: credentials[name] for name in ("client_id", "client_secret")}
    token = client.get("/identity/oauth/token", params=query).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"


def test_changed_values_can_be_read_for_90_days_and_new_leads_for_ever(marketo: httpx.Client) -> None:
    """Half a year later the change is gone and the creation is there."""
    since = token_of_now(marketo)
    for name in ("Ann", "Anna"):
        marketo.post(f"{LEADS}.json", json={"input": [{"email": "a@example.com", "firstName": name}]})
    query = {"nextPageToken": since, "activityTypeIds": "12,13"}
    early = result(marketo.get("/rest/v1/activities.json", params=query))
    marketo.post("/_sim/clock", json={"advance_seconds": 180 * 86_400})
    login(marketo)

    late = result(marketo.get("/rest/v1/activities.json", params=query))

    assert [each["activityTypeId"] for each in early] == [12, 13]
    assert [each["activityTypeId"] for each in late] == [12]


# merge


def test_a_merge_keeps_the_winner_and_fills_what_it_lacks(marketo: httpx.Client) -> None:
    """The winner's values stay, empty ones come from the losers in order; the answer has no result."""
    winner, first, second = load(
        marketo,
        leads=[
            {"email": "w@example.com", "city": "Bern"},
            {"email": "l@example.com", "city": "Basel", "firstName": "Lea"},
            {"firstName": "Lou", "notes": "second"},
        ],
    )["leads"]

    answer = marketo.post(f"{LEADS}/{winner}/merge.json", params={"leadIds": f"{first},{second}"}).json()

    assert answer.keys() == {"requestId", "success"}
    [lead] = marketo.get("/_sim/records/leads").json()
    assert lead["id"] == winner
    assert [lead[name] for name in ("email", "city", "firstName", "notes")] == [
        "w@example.com",
        "Bern",
        "Lea",
        "second",
    ]


def test_a_merge_joins_memberships_and_activities_and_is_logged_on_the_winner(marketo: httpx.Client) -> None:
    """Lists and programs of the loser become the winner's, with the later status; type 32 names the losers."""
    ids = load(marketo, leads=[{}, {}], staticLists=[{"name": "L"}], programs=[{"name": "P"}])
    (winner, loser), [list_id], [program_id] = ids["leads"], ids["staticLists"], ids["programs"]
    load(marketo, listMembers=[{"listId": list_id, "leadId": loser}])
    load(
        marketo,
        programMembers=[
            {"programId": program_id, "leadId": winner, "statusName": "Invited"},
            {"programId": program_id, "leadId": loser, "statusName": "Attended"},
        ],
        activities=[{"leadId": loser, "activityTypeId": 10}],
    )

    marketo.post(f"{LEADS}/{winner}/merge.json", params={"leadId": loser})

    opened, merged = marketo.get("/_sim/records/activities").json()
    attributes = {each["name"]: each["value"] for each in merged["attributes"]}
    assert (opened["activityTypeId"], opened["leadId"]) == (10, winner)
    assert (merged["activityTypeId"], merged["leadId"], attributes["Merge IDs"]) == (32, winner, [loser])
    assert marketo.get("/_sim/records/listMembers").json() == [{"listId": list_id, "leadId": winner}]
    [member] = marketo.get("/_sim/records/programMembers").json()
    assert (member["leadId"], member["statusName"], member["reachedSuccess"]) == (winner, "Attended", True)


@pytest.mark.parametrize("named", [False, True])
def test_whether_a_loser_shows_as_deleted_is_a_switch(marketo: httpx.Client, named: bool) -> None:
    """The vendor does not document it, so that a client has to bear both."""
    winner, loser = load(marketo, leads=[{}, {}])["leads"]
    marketo.post("/_sim/limits", json={"merge_losers_deleted": named})
    since = token_of_now(marketo)
    marketo.post(f"{LEADS}/{winner}/merge.json", params={"leadIds": loser})

    deleted = result(marketo.get(DELETED, params={"nextPageToken": since}))

    assert [each["leadId"] for each in deleted] == ([loser] if named else [])


def test_more_than_25_losers_are_1080(marketo: httpx.Client) -> None:
    """26 fail as a whole and change nothing, 25 are merged."""
    winner, *losers = load(marketo, leads=[{} for _ in range(27)])["leads"]
    path = f"{LEADS}/{winner}/merge.json"

    too_many = marketo.post(path, params={"leadIds": ",".join(map(str, losers))})
    before = len(marketo.get("/_sim/records/leads").json())
    fits = marketo.post(path, params={"leadIds": ",".join(map(str, losers[:25]))})

    assert failure(too_many) == "1080"
    assert before == 27
    assert fits.json()["success"] is True
    assert len(marketo.get("/_sim/records/leads").json()) == 2


def test_a_merge_that_cannot_be_fails(marketo: httpx.Client) -> None:
    """No loser is 1002, an unknown lead on either side 1004, the winner among the losers 1003."""
    winner, loser = load(marketo, leads=[{}, {}])["leads"]

    answers = [
        marketo.post(f"{LEADS}/{winner}/merge.json"),
        marketo.post(f"{LEADS}/{winner}/merge.json", params={"leadIds": 999_999}),
        marketo.post(f"{LEADS}/999999/merge.json", params={"leadIds": loser}),
        marketo.post(f"{LEADS}/{winner}/merge.json", params={"leadIds": winner}),
        marketo.post(f"{LEADS}/{winner}/merge.json", params={"leadIds": "x"}),
    ]

    assert [failure(answer) for answer in answers] == ["1002", "1004", "1004", "1003", "1003"]
    assert len(marketo.get("/_sim/records/leads").json()) == 2


def test_with_native_sync_the_contact_wins_whatever_was_asked(marketo: httpx.Client) -> None:
    """The record that is a contact in the CRM stays, the one in the path goes."""
    asked, contact = load(marketo, leads=[{}, {"sfdcContactId": "003000000000001AAA"}])["leads"]
    marketo.post("/_sim/limits", json={"native_crm": True})

    answer = marketo.post(f"{LEADS}/{asked}/merge.json", params={"leadIds": contact, "mergeInCRM": "true"}).json()

    assert answer["success"] is True
    assert [each["id"] for each in marketo.get("/_sim/records/leads").json()] == [contact]


# push


def test_a_push_upserts_into_a_program_and_logs_its_own_kind(marketo: httpx.Client) -> None:
    """Created and updated like a sync, a status where one is given, and type 145 per lead."""
    ids = load(marketo, leads=[{"email": "a@example.com"}], programs=[{"name": "Fair"}])
    body = {
        "programName": "Fair",
        "programStatus": "Registered",
        "source": "Stand",
        "reason": "Badge scan",
        "input": [{"email": "a@example.com"}, {"email": "b@example.com"}, {"email": "bad"}],
    }

    rows = result(marketo.post(f"{LEADS}/push.json", json=body))

    assert codes(rows) == ["updated", "created", "1003"]
    pushed = [each for each in marketo.get("/_sim/records/activities").json() if each["activityTypeId"] == 145]
    assert [each["leadId"] for each in pushed] == [rows[0]["id"], rows[1]["id"]]
    assert {"name": "Source", "value": "Stand"} in pushed[0]["attributes"]
    members = marketo.get("/_sim/records/programMembers").json()
    assert [each["statusName"] for each in members] == ["Registered", "Registered"]
    assert ids["programs"][0] == pushed[0]["primaryAttributeValueId"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"programName": None}, "1002"),
        ({"programName": "Nothing"}, "1013"),
        ({"programStatus": "Applauded"}, "1025"),
        ({"lookupField": "nonsense"}, "1006"),
        ({"input": []}, "1002"),
    ],
)
def test_a_wrong_push_fails(marketo: httpx.Client, changes: dict[str, Any], code: str) -> None:
    """Without a program, with an unknown one, an unknown status, key or no input, nothing is written."""
    load(marketo, programs=[{"name": "Fair"}])
    body = {"programName": "Fair", "input": [{"email": "a@example.com"}]} | changes

    assert failure(marketo.post(f"{LEADS}/push.json", json=body)) == code
    assert marketo.get("/_sim/records/leads").json() == []


# partitions, cookies


def test_leads_move_between_partitions(marketo: httpx.Client) -> None:
    """Two partitions; a move is logged as type 100; unknown ones are 1008, unknown leads 1004."""
    [lead_id] = load(marketo, leads=[{}])["leads"]
    path = f"{LEADS}/partitions.json"
    names = {each["name"] for each in result(marketo.get(path))}
    rows = [
        {"id": lead_id, "partitionName": "Partners"},
        {"id": lead_id, "partitionName": "Nowhere"},
        {"id": 999_999, "partitionName": "Partners"},
    ]

    moved = result(marketo.post(path, json={"input": rows}))

    assert names == {"Default", "Partners"}
    assert codes(moved) == ["updated", "1008", "1004"]
    found = result(marketo.get(f"{LEADS}.json", params={"filterType": "leadPartitionId", "filterValues": "2"}))
    assert [each["id"] for each in found] == [lead_id]
    assert [each["activityTypeId"] for each in marketo.get("/_sim/records/activities").json()] == [100]
    assert failure(marketo.post(path, json={})) == "1002"


def test_a_sync_creates_in_a_partition_but_does_not_move(marketo: httpx.Client) -> None:
    """A new lead goes to the named partition; naming another one for a known lead is 1010."""
    body = {"input": [{"email": "a@example.com"}], "partitionName": "Partners"}

    made = result(marketo.post(f"{LEADS}.json", json=body))
    again = result(marketo.post(f"{LEADS}.json", json=body))
    elsewhere = result(marketo.post(f"{LEADS}.json", json=body | {"partitionName": "Default"}))

    assert [codes(made), codes(again), codes(elsewhere)] == [["created"], ["updated"], ["1010"]]
    assert marketo.get("/_sim/records/leads").json()[0]["leadPartitionId"] == 2


def test_a_cookie_is_tied_to_a_lead_and_a_bad_one_is_1012(marketo: httpx.Client) -> None:
    """The lead is then found by it."""
    [lead_id] = load(marketo, leads=[{}])["leads"]
    cookie = "id:123-ABC-456&token:_mch-example.com-1-2"
    path = f"{LEADS}/{lead_id}/associate.json"

    good = marketo.post(path, params={"cookie": cookie}).json()
    bad = [
        marketo.post(path, params={"cookie": "crumbs"}),
        marketo.post(path),
        marketo.post(f"{LEADS}/999999/associate.json", params={"cookie": cookie}),
    ]

    assert good["success"] is True
    assert [failure(answer) for answer in bad] == ["1012", "1002", "1004"]
    found = result(marketo.get(f"{LEADS}.json", params={"filterType": "cookies", "filterValues": cookie}))
    assert [each["id"] for each in found] == [lead_id]


# where a lead is a member


def test_program_members_are_read_as_leads_page_by_page(marketo: httpx.Client) -> None:
    """301 members come as 300 and 1; each lead carries its membership; there is no moreResult."""
    ids = load(marketo, leads=[{"firstName": "N"} for _ in range(301)], programs=[{"name": "P"}])
    [program_id] = ids["programs"]
    load(
        marketo,
        programMembers=[{"programId": program_id, "leadId": each, "statusName": "Invited"} for each in ids["leads"]],
    )
    path = f"{LEADS}/programs/{program_id}.json"

    first = marketo.get(path, params={"fields": "firstName"}).json()
    second = marketo.get(path, params={"fields": "firstName", "nextPageToken": first["nextPageToken"]}).json()

    assert [len(first["result"]), len(second["result"])] == [300, 1]
    assert "moreResult" not in first
    assert "nextPageToken" not in second
    lead = second["result"][0]
    assert (lead["firstName"], lead["membership"]["progressionStatus"]) == ("N", "Invited")
    assert failure(marketo.get(f"{LEADS}/programs/4711.json")) == "1013"


def test_a_lead_tells_its_lists_and_programs(marketo: httpx.Client) -> None:
    """One row per membership; an unknown lead is 1004."""
    ids = load(marketo, leads=[{}], staticLists=[{"name": "L"}, {"name": "M"}], programs=[{"name": "P"}])
    [lead_id], [list_id, _], [program_id] = ids["leads"], ids["staticLists"], ids["programs"]
    load(marketo, listMembers=[{"listId": list_id, "leadId": lead_id}])
    load(marketo, programMembers=[{"programId": program_id, "leadId": lead_id, "statusName": "Invited"}])

    lists = result(marketo.get(f"{LEADS}/{lead_id}/listMembership.json"))
    programs = result(marketo.get(f"{LEADS}/{lead_id}/programMembership.json"))

    assert [each["listId"] for each in lists] == [list_id]
    assert [(each["id"], each["progressionStatus"]) for each in programs] == [(program_id, "Invited")]
    assert failure(marketo.get(f"{LEADS}/999999/listMembership.json")) == "1004"
    assert failure(marketo.get(f"{LEADS}/999999/programMembership.json")) == "1004"


# lead changes


def test_lead_changes_are_new_leads_and_changes_of_the_fields_asked_for(marketo: httpx.Client) -> None:
    """Type 12, and type 13 with the field's REST name and both values; other fields and types stay out."""
    since = token_of_now(marketo)
    for name in ("Ann", "Anna"):
        record = {"email": "a@example.com", "firstName": name, "city": name}
        lead_id = result(marketo.post(f"{LEADS}.json", json={"input": [record]}))[0]["id"]
    load(marketo, activities=[{"leadId": lead_id, "activityTypeId": 22}])

    created, changed = result(marketo.get(CHANGES, params={"nextPageToken": since, "fields": "firstName,lastName"}))

    assert (created["activityTypeId"], created["leadId"]) == (12, lead_id)
    [field] = changed["fields"]
    assert (field["name"], field["oldValue"], field["newValue"]) == ("firstName", "Ann", "Anna")
    assert "primaryAttributeValue" not in changed
    names = {each["name"] for each in changed["attributes"]}
    assert {"Source", "Reason"} <= names
    assert not names & {"New Value", "Old Value"}


def test_pages_of_changes_and_deletions_can_be_empty_although_more_follow(marketo: httpx.Client) -> None:
    """Behind a switch pages look at few entries; the loop runs on moreResult and loses nothing."""
    ids = load(marketo, leads=[{} for _ in range(5)])["leads"]
    since = token_of_now(marketo)
    marketo.post("/_sim/limits", json={"activity_scan": 2})
    load(marketo, activities=[{"leadId": each, "activityTypeId": 10} for each in ids])
    marketo.post(f"{LEADS}/delete.json", json={"input": [{"id": ids[0]}]})
    marketo.post(f"{LEADS}.json", json={"input": [{"email": "a@example.com"}]})

    for path, query in ((CHANGES, {"fields": "email"}), (DELETED, {})):
        pages = [marketo.get(path, params={**query, "nextPageToken": since}).json()]
        while pages[-1]["moreResult"]:
            pages.append(marketo.get(path, params={**query, "nextPageToken": pages[-1]["nextPageToken"]}).json())

        assert pages[0]["result"] == []
        assert sum(len(page["result"]) for page in pages) == 1


@pytest.mark.parametrize(
    ("path", "parameters", "code"),
    [
        (CHANGES, {"fields": ""}, "1002"),
        (CHANGES, {"nextPageToken": ""}, "1002"),
        (CHANGES, {"fields": "nonsense"}, "1006"),
        (CHANGES, {"leadIds": ",".join(["1"] * 31)}, "1003"),
        (CHANGES, {"listId": "4711"}, "1013"),
        (DELETED, {"nextPageToken": ""}, "1002"),
        (DELETED, {"nextPageToken": "nonsense"}, "1003"),
        (DELETED, {"batchSize": "301"}, "1003"),
    ],
)
def test_a_wrong_read_of_changes_fails(marketo: httpx.Client, path: str, parameters: dict[str, str], code: str) -> None:
    """Missing token or fields, unknown fields, lists and sizes are refused."""
    query = {"nextPageToken": token_of_now(marketo), "fields": "email"} | parameters

    assert failure(marketo.get(path, params=query)) == code
