"""Activities: types, date tokens, what writes leave in the log, and custom activities.

The documented answers: the next token is always given and `moreResult` says whether to go on; custom activity
records answer `added`, or `skipped` with `errors` (not `reasons`).
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

ACTIVITIES = "/rest/v1/activities.json"
EXTERNAL = "/rest/v1/activities/external.json"
TYPES = "/rest/v1/activities/external/types.json"
TYPE = "/rest/v1/activities/external/type"
RESULT_TYPE_ID = 100_001


@pytest.fixture
def lead_id(marketo: httpx.Client) -> int:
    """The id of a lead in a fresh twin."""
    loaded = marketo.post("/_sim/load", json={"leads": [{"email": "a@example.com"}]}).json()
    found: int = loaded["leads"][0]
    return found


def now(client: httpx.Client) -> str:
    """Give the twin's time in whole seconds."""
    text: str = client.get("/_sim/clock").json()["now"]
    return f"{text[:19]}Z"


def token_since(client: httpx.Client, since: str) -> str:
    """Get a paging token."""
    envelope = client.get("/rest/v1/activities/pagingtoken.json", params={"sinceDatetime": since}).json()
    assert envelope.keys() == {"requestId", "success", "nextPageToken"}
    token: str = envelope["nextPageToken"]
    return token


def read(client: httpx.Client, token: str, types: str = "12,13", **parameters: Any) -> dict[str, Any]:
    """Read one page of activities."""
    query = {"nextPageToken": token, "activityTypeIds": types, **parameters}
    envelope: dict[str, Any] = client.get(ACTIVITIES, params=query).json()
    return envelope


def an_activity(client: httpx.Client, lead_id: int, **changes: Any) -> dict[str, Any]:
    """Make a valid custom activity record."""
    record: dict[str, Any] = {
        "leadId": lead_id,
        "activityDate": now(client),
        "activityTypeId": RESULT_TYPE_ID,
        "primaryAttributeValue": "created",
        "attributes": [{"apiName": "executionId", "value": "e-1"}, {"apiName": "message", "value": ""}],
    }
    return record | changes


def failure(envelope: dict[str, Any]) -> str:
    """Give the code of a call that failed as a whole."""
    assert envelope["success"] is False
    code: str = envelope["errors"][0]["code"]
    return code


def test_types_are_listed_with_the_custom_ones(marketo: httpx.Client) -> None:
    """Standard ids are the vendor's; the approved custom type is among them."""
    types = {each["id"]: each for each in marketo.get("/rest/v1/activities/types.json").json()["result"]}

    assert types[13]["name"] == "Change Data Value"
    assert types[13]["primaryAttribute"] == {"name": "Attribute Name", "dataType": "string"}
    assert types[10]["name"] == "Open Email"
    assert types[RESULT_TYPE_ID]["primaryAttribute"]["apiName"] == "result"


def test_writes_leave_new_lead_and_change_data_value(marketo: httpx.Client) -> None:
    """A create logs type 12; an update logs type 13 per changed field with old and new value and its source."""
    since = token_since(marketo, now(marketo))
    for name in ("Ann", "Anna", "Anna"):
        body = {"input": [{"email": "a@example.com", "firstName": name}]}
        made = marketo.post("/rest/v1/leads.json", json=body).json()["result"][0]["id"]

    created, changed = read(marketo, since)["result"]

    assert (created["activityTypeId"], created["leadId"]) == (12, made)
    assert (changed["activityTypeId"], changed["leadId"]) == (13, made)
    assert changed["primaryAttributeValue"] == "First Name"
    assert changed["marketoGUID"] == str(changed["id"])
    attributes = {each["name"]: each["value"] for each in changed["attributes"]}
    assert (attributes["Old Value"], attributes["New Value"]) == ("Ann", "Anna")
    assert attributes["Source"] == "Web service API"
    assert attributes["Modifying User"]


def test_an_emptied_value_has_no_attribute(marketo: httpx.Client) -> None:
    """Attributes without a value are left out."""
    marketo.post("/_sim/load", json={"leads": [{"email": "a@example.com", "city": "Bern"}]})
    since = token_since(marketo, now(marketo))
    marketo.post("/rest/v1/leads.json", json={"input": [{"email": "a@example.com", "city": None}]})

    [changed] = read(marketo, since)["result"]

    names = {each["name"] for each in changed["attributes"]}
    assert "Old Value" in names
    assert "New Value" not in names


def test_the_next_token_is_always_given_and_goes_on_where_the_last_page_ended(
    marketo: httpx.Client, lead_id: int
) -> None:
    """Pages of two out of five; the last page's token finds only what comes later."""
    since = token_since(marketo, now(marketo))
    marketo.post(EXTERNAL, json={"input": [an_activity(marketo, lead_id) for _ in range(5)]})
    pages = [read(marketo, since, str(RESULT_TYPE_ID), batchSize=2)]
    while pages[-1]["moreResult"]:
        pages.append(read(marketo, pages[-1]["nextPageToken"], str(RESULT_TYPE_ID), batchSize=2))
    marketo.post("/_sim/clock", json={"advance_seconds": 2})
    marketo.post(EXTERNAL, json={"input": [an_activity(marketo, lead_id, primaryAttributeValue="later")]})

    later = read(marketo, pages[-1]["nextPageToken"], str(RESULT_TYPE_ID))

    assert [len(page["result"]) for page in pages] == [2, 2, 1]
    assert all(page["nextPageToken"].endswith("=") for page in pages)
    assert len({item["id"] for page in pages for item in page["result"]}) == 5
    assert [item["primaryAttributeValue"] for item in later["result"]] == ["later"]


def test_a_page_can_be_empty_although_more_follow(marketo: httpx.Client, lead_id: int) -> None:
    """Behind a switch, pages look at few entries: some are empty with moreResult true, nothing is lost."""
    since = token_since(marketo, now(marketo))
    marketo.post("/_sim/limits", json={"activity_scan": 2})
    records = [{"email": f"p{number}@example.com"} for number in range(5)]
    marketo.post("/rest/v1/leads.json", json={"input": records})
    marketo.post(EXTERNAL, json={"input": [an_activity(marketo, lead_id)]})

    pages = [read(marketo, since, str(RESULT_TYPE_ID))]
    while pages[-1]["moreResult"]:
        pages.append(read(marketo, pages[-1]["nextPageToken"], str(RESULT_TYPE_ID)))

    assert pages[0]["result"] == []
    assert pages[0]["moreResult"] is True
    assert sum(len(page["result"]) for page in pages) == 1


def test_pages_are_cut_short_by_chance_and_nothing_is_lost(marketo: httpx.Client) -> None:
    """With half of the pages short, some empty: every activity is read once, in order, by following the tokens."""
    people = [{"email": f"p{number}@example.com"} for number in range(60)]
    marketo.post("/rest/v1/leads.json", json={"input": people})
    marketo.post("/_sim/limits", json={"activity_short_pages": 0.5})
    page = read(marketo, token_since(marketo, "2020-01-01T00:00:00Z"), batchSize=4)
    pages = [page]
    while page["moreResult"]:
        page = read(marketo, page["nextPageToken"], batchSize=4)
        pages.append(page)

    sizes = {len(each["result"]) for each in pages}
    assert {0, 4} < sizes
    ids = [each["id"] for each in marketo.get("/_sim/records/activities").json()]
    assert [each["id"] for page in pages for each in page["result"]] == ids


def test_a_late_commit_lies_before_a_token_taken_meanwhile(marketo: httpx.Client, lead_id: int) -> None:
    """An activity committed after its date is missed by a token that moved on, and found by an overlap."""
    since = token_since(marketo, now(marketo))
    marketo.post(
        "/_sim/faults", json=[{"match": f"POST {EXTERNAL}", "kind": "late_commit", "seconds": 300, "times": 1}]
    )
    marketo.post(EXTERNAL, json={"input": [an_activity(marketo, lead_id, primaryAttributeValue="late")]})
    marketo.post("/_sim/clock", json={"advance_seconds": 60})
    marketo.post(EXTERNAL, json={"input": [an_activity(marketo, lead_id, primaryAttributeValue="on time")]})
    first = read(marketo, since, str(RESULT_TYPE_ID))
    marketo.post("/_sim/clock", json={"advance_seconds": 300})

    moved_on = read(marketo, first["nextPageToken"], str(RESULT_TYPE_ID))
    overlap = read(marketo, since, str(RESULT_TYPE_ID))

    assert [item["primaryAttributeValue"] for item in first["result"]] == ["on time"]
    assert moved_on["result"] == []
    assert [item["primaryAttributeValue"] for item in overlap["result"]] == ["late", "on time"]


def test_the_lower_bound_is_inclusive(marketo: httpx.Client, lead_id: int) -> None:
    """An activity of the very second of the token is read."""
    at = now(marketo)
    marketo.post(EXTERNAL, json={"input": [an_activity(marketo, lead_id, activityDate=at)]})

    assert len(read(marketo, token_since(marketo, at), str(RESULT_TYPE_ID))["result"]) == 1


def test_activities_are_filtered_by_lead_and_list(marketo: httpx.Client, lead_id: int) -> None:
    """leadIds and listId narrow the page to their leads."""
    loaded = marketo.post("/_sim/load", json={"leads": [{}], "staticLists": [{"name": "Few"}]}).json()
    [other], [list_id] = loaded["leads"], loaded["staticLists"]
    marketo.post("/_sim/load", json={"listMembers": [{"listId": list_id, "leadId": other}]})
    since = token_since(marketo, now(marketo))
    marketo.post(EXTERNAL, json={"input": [an_activity(marketo, each) for each in (lead_id, other)]})

    by_lead = read(marketo, since, str(RESULT_TYPE_ID), leadIds=str(lead_id))
    by_list = read(marketo, since, str(RESULT_TYPE_ID), listId=list_id)

    assert [item["leadId"] for item in by_lead["result"]] == [lead_id]
    assert [item["leadId"] for item in by_list["result"]] == [other]


def test_the_integer_id_can_be_withdrawn(marketo: httpx.Client, lead_id: int) -> None:
    """Behind a switch, activities carry the marketoGUID only."""
    since = token_since(marketo, now(marketo))
    marketo.post(EXTERNAL, json={"input": [an_activity(marketo, lead_id)]})
    marketo.post("/_sim/limits", json={"activity_ids": False})

    [item] = read(marketo, since, str(RESULT_TYPE_ID))["result"]

    assert "id" not in item
    assert isinstance(item["marketoGUID"], str)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"nextPageToken": ""}, "1002"),
        ({"activityTypeIds": ""}, "1002"),
        ({"nextPageToken": "nonsense"}, "1003"),
        ({"activityTypeIds": ",".join(["13"] * 11)}, "1003"),
        ({"activityTypeIds": "4711"}, "1003"),
        ({"activityTypeIds": "new"}, "1003"),
        ({"leadIds": ",".join(["1"] * 31)}, "1003"),
        ({"assetIds": "1"}, "1003"),
        ({"listId": "4711"}, "1013"),
    ],
)
def test_a_read_that_is_not_allowed_fails(marketo: httpx.Client, parameters: dict[str, str], code: str) -> None:
    """Missing token or types, more than 10 types or 30 leads, and unknown ids are refused."""
    query = {"nextPageToken": token_since(marketo, now(marketo)), "activityTypeIds": "12,13"} | parameters

    assert failure(marketo.get(ACTIVITIES, params=query).json()) == code


@pytest.mark.parametrize(
    ("since", "code"),
    [("", "1002"), ("yesterday", "704"), ("2026-01-01T00:00:00.500Z", "704"), ("2026-01-01T00:00:00", "704")],
)
def test_a_paging_token_needs_a_time_in_whole_seconds(marketo: httpx.Client, since: str, code: str) -> None:
    """A missing time is 1002; one that is unreadable, has milliseconds or no offset is 704."""
    answer = marketo.get("/rest/v1/activities/pagingtoken.json", params={"sinceDatetime": since})

    assert failure(answer.json()) == code


# custom activities


def test_a_custom_activity_is_added_and_read_back(marketo: httpx.Client, lead_id: int) -> None:
    """The answer gives id, marketoGUID and added; reading back gives the attributes that have a value."""
    since = token_since(marketo, now(marketo))

    [added] = marketo.post(EXTERNAL, json={"input": [an_activity(marketo, lead_id)]}).json()["result"]

    [item] = read(marketo, since, str(RESULT_TYPE_ID))["result"]
    assert added == {"id": item["id"], "marketoGUID": str(item["id"]), "status": "added"}
    assert item["primaryAttributeValue"] == "created"
    assert item["attributes"] == [{"name": "Execution Id", "apiName": "executionId", "value": "e-1"}]


def test_a_custom_activity_sent_twice_is_there_twice(marketo: httpx.Client, lead_id: int) -> None:
    """There is no key and no dedupe: a repetition is a second activity."""
    record = an_activity(marketo, lead_id)

    for _ in range(2):
        marketo.post(EXTERNAL, json={"input": [record]})

    assert len(marketo.get("/_sim/records/activities").json()) == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"leadId": 999_999}, "1004"),
        ({"leadId": None}, "1002"),
        ({"activityDate": None}, "1002"),
        ({"activityDate": "today"}, "1003"),
        ({"activityTypeId": None}, "1002"),
        ({"activityTypeId": 13}, "1003"),
        ({"activityTypeId": 100_777}, "1003"),
        ({"primaryAttributeValue": None}, "1002"),
        ({"primaryAttributeValue": ""}, "1002"),
        ({"primaryAttributeValue": "x" * 256}, "1003"),
        ({"attributes": None}, "1002"),
        ({"attributes": {}}, "1001"),
        ({"attributes": [{"apiName": "nonsense", "value": "1"}]}, "1006"),
        ({"attributes": [{"apiName": "message", "value": "x" * 65_536}]}, "1049"),
    ],
)
def test_a_custom_activity_that_breaks_a_rule_is_skipped_with_errors(
    marketo: httpx.Client, lead_id: int, changes: dict[str, Any], code: str
) -> None:
    """The record is skipped, its reason is under `errors`, its neighbour is added."""
    records = [an_activity(marketo, lead_id, **changes), an_activity(marketo, lead_id)]

    bad, good = marketo.post(EXTERNAL, json={"input": records}).json()["result"]

    assert bad["status"] == "skipped"
    assert bad["errors"][0]["code"] == code
    assert "reasons" not in bad
    assert good["status"] == "added"


def test_a_row_error_on_custom_activities_comes_as_errors(marketo: httpx.Client, lead_id: int) -> None:
    """An injected error of the first row skips it in this endpoint's own form; the second row is added."""
    rule = {"match": f"POST {EXTERNAL}", "kind": "row_error", "rows": 1, "code": "1003", "message": "No"}
    marketo.post("/_sim/faults", json=[rule])

    rows = marketo.post(EXTERNAL, json={"input": [an_activity(marketo, lead_id)] * 2}).json()["result"]

    assert rows[0] == {"status": "skipped", "errors": [{"code": "1003", "message": "No"}]}
    assert rows[1]["status"] == "added"
    assert len(marketo.get("/_sim/records/activities").json()) == 1


def test_more_than_300_custom_activities_are_refused(marketo: httpx.Client, lead_id: int) -> None:
    """300 are added, 301 fail as a whole."""
    record = an_activity(marketo, lead_id)

    fits = marketo.post(EXTERNAL, json={"input": [record] * 300}).json()
    too_many = marketo.post(EXTERNAL, json={"input": [record] * 301}).json()

    assert fits["success"] is True
    assert failure(too_many) == "1003"
    assert len(marketo.get("/_sim/records/activities").json()) == 300


def a_type(**changes: Any) -> dict[str, Any]:
    """Make a valid definition of a custom activity type."""
    definition: dict[str, Any] = {
        "apiName": "eventVisit",
        "name": "Event Visit",
        "triggerName": "Visits Event",
        "filterName": "Visited Event",
        "primaryAttribute": {"apiName": "event", "name": "Event", "dataType": "string"},
    }
    return definition | changes


def test_a_custom_type_takes_records_only_once_approved(marketo: httpx.Client, lead_id: int) -> None:
    """Drafted, given an attribute, refused, approved, then accepted."""
    drafted = marketo.post(f"{TYPE}.json", json=a_type()).json()["result"][0]
    attributes = {"attributes": [{"apiName": "stand", "name": "Stand", "dataType": "integer"}]}
    marketo.post(f"{TYPE}/eventVisit/attributes/create.json", json=attributes)
    record = an_activity(marketo, lead_id, activityTypeId=drafted["id"], attributes=[{"apiName": "stand", "value": 7}])
    refused = marketo.post(EXTERNAL, json={"input": [record]}).json()["result"][0]
    approved = marketo.post(f"{TYPE}/eventVisit/approve.json").json()["result"][0]
    accepted = marketo.post(EXTERNAL, json={"input": [record]}).json()["result"][0]

    described = marketo.get(f"{TYPE}/eventVisit/describe.json").json()["result"][0]

    assert (drafted["status"], approved["status"], described["status"]) == ("draft", "approved", "approved")
    assert drafted["id"] > RESULT_TYPE_ID
    assert refused["errors"][0]["code"] == "1003"
    assert accepted["status"] == "added"
    assert described["attributes"] == [{"apiName": "stand", "name": "Stand", "dataType": "integer"}]


def test_an_approved_type_can_have_a_draft_beside_it(marketo: httpx.Client) -> None:
    """A new attribute shows in the draft only, until it is approved or discarded."""
    attributes = {"attributes": [{"apiName": "extra", "name": "Extra"}]}
    marketo.post(f"{TYPE}/leadbridgeResult/attributes/create.json", json=attributes)

    listed = marketo.get(TYPES).json()["result"][0]
    draft = marketo.get(f"{TYPE}/leadbridgeResult/describe.json", params={"draft": "true"}).json()["result"][0]
    discarded = marketo.post(f"{TYPE}/leadbridgeResult/discardDraft.json").json()["result"][0]
    again = marketo.post(f"{TYPE}/leadbridgeResult/discardDraft.json").json()

    assert listed["status"] == "approved with draft"
    assert "extra" not in [each["apiName"] for each in listed["attributes"]]
    assert "extra" in [each["apiName"] for each in draft["attributes"]]
    assert discarded["status"] == "approved"
    assert failure(again) == "1048"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"apiName": ""}, "1002"),
        ({"filterName": None}, "1002"),
        ({"primaryAttribute": None}, "1002"),
        ({"apiName": "with space"}, "1003"),
        ({"apiName": "12"}, "1003"),
        ({"name": "Ünicode!"}, "1003"),
        ({"apiName": "leadbridgeResult"}, "1017"),
        ({"name": "Leadbridge Result"}, "1017"),
        ({"primaryAttribute": {"apiName": "event", "name": "Event", "dataType": "blob"}}, "1003"),
    ],
)
def test_a_wrong_type_definition_is_refused(marketo: httpx.Client, changes: dict[str, Any], code: str) -> None:
    """Missing, malformed and taken names fail the call."""
    assert failure(marketo.post(f"{TYPE}.json", json=a_type(**changes)).json()) == code


def test_types_and_attributes_have_a_maximum(marketo: httpx.Client) -> None:
    """Ten types per instance (1027), twenty secondary attributes per type (1028)."""
    answers = [
        marketo.post(
            f"{TYPE}.json",
            json=a_type(apiName=f"t{number}", name=f"T {number}", triggerName=f"T {number}", filterName=f"T {number}"),
        ).json()
        for number in range(10)
    ]
    many = {"attributes": [{"apiName": f"a{number}", "name": f"A {number}"} for number in range(17)]}
    attributes = marketo.post(f"{TYPE}/leadbridgeResult/attributes/create.json", json=many).json()

    assert [answer["success"] for answer in answers] == [True] * 9 + [False]
    assert failure(answers[-1]) == "1027"
    assert failure(attributes) == "1028"


def test_unknown_custom_types_and_attributes_are_refused(marketo: httpx.Client) -> None:
    """1013 for a type that does not exist, 1017 for an attribute that does, 1003 where nothing is drafted."""
    attributes = {"attributes": [{"apiName": "message", "name": "Message"}]}

    answers = [
        marketo.get(f"{TYPE}/nothing/describe.json"),
        marketo.post(f"{TYPE}/nothing/approve.json"),
        marketo.post(f"{TYPE}/leadbridgeResult/attributes/create.json", json=attributes),
        marketo.post(f"{TYPE}/leadbridgeResult/attributes/create.json", json={}),
        marketo.post(f"{TYPE}/leadbridgeResult/approve.json"),
    ]

    assert [failure(answer.json()) for answer in answers] == ["1013", "1013", "1017", "1002", "1003"]
