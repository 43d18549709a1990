"""Programs, channels, tokens, smart campaigns and the fields of program members.

The documented answers: assets come in an envelope with `errors` and `warnings`, dates as `Z+0000`; nothing found is a
warning without `result`; a request of a campaign only acknowledges; a schedule waits five minutes at least.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import httpx
import pytest

ASSET = "/rest/asset/v1"
CAMPAIGNS = "/rest/v1/campaigns"
NOTHING = ["No assets found for the given search criteria."]


@pytest.fixture
def loaded(marketo: httpx.Client) -> dict[str, list[int]]:
    """Two leads, a program, a trigger campaign in it and a batch campaign; gives their ids."""
    document = {"leads": [{"email": "a@example.com"}, {}], "programs": [{"name": "Fair", "type": "Event"}]}
    ids: dict[str, list[int]] = marketo.post("/_sim/load", json=document).raise_for_status().json()
    campaigns = [
        {"name": "Welcome", "programId": ids["programs"][0]},
        {"name": "Mail", "type": "batch", "isActive": True},
    ]
    more: dict[str, list[int]] = marketo.post("/_sim/load", json={"smartCampaigns": campaigns}).json()
    return ids | more


def failure(answer: httpx.Response) -> str:
    """Give the code of a call that failed as a whole."""
    envelope = answer.json()
    assert envelope["success"] is False, envelope
    code: str = envelope["errors"][0]["code"]
    return code


def test_assets_have_their_own_envelope_and_dates(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """Empty errors and warnings are there, dates end in Z+0000; an unknown name is a warning without result."""
    full = {"name": "Fair", "includeTags": "true", "includeCosts": "true"}
    by_name = marketo.get(f"{ASSET}/program/byName.json", params=full).json()
    by_id = marketo.get(f"{ASSET}/program/{loaded['programs'][0]}.json").json()
    nothing = marketo.get(f"{ASSET}/program/byName.json", params={"name": "Nothing"}).json()

    assert by_name.keys() == {"success", "errors", "warnings", "requestId", "result"}
    assert by_name["result"] == by_id["result"]
    assert by_id["result"][0]["createdAt"].endswith("Z+0000")
    assert (nothing["success"], nothing["warnings"], "result" in nothing) == (True, NOTHING, False)
    assert failure(marketo.get(f"{ASSET}/program/4711.json")) == "702"
    assert failure(marketo.get(f"{ASSET}/program/byName.json")) == "1002"


def test_programs_are_browsed_by_offset(marketo: httpx.Client) -> None:
    """Twenty by default, 200 at most; past the end is the warning."""
    marketo.post("/_sim/load", json={"programs": [{"name": f"P {number}"} for number in range(25)]})

    first = marketo.get(f"{ASSET}/programs.json").json()["result"]
    second = marketo.get(f"{ASSET}/programs.json", params={"offset": 20}).json()["result"]
    past = marketo.get(f"{ASSET}/programs.json", params={"offset": 25}).json()

    assert [len(first), len(second)] == [20, 5]
    assert past["warnings"] == NOTHING
    assert failure(marketo.get(f"{ASSET}/programs.json", params={"maxReturn": 201})) == "1003"
    assert failure(marketo.get(f"{ASSET}/programs.json", params={"offset": "x"})) == "1003"


def test_channels_name_their_statuses_in_steps(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """Each status has name, step and success; by name the same; an unknown name is the warning."""
    channel, *_ = marketo.get(f"{ASSET}/channels.json").json()["result"]
    by_name = marketo.get(f"{ASSET}/channel/byName.json", params={"name": channel["name"]}).json()["result"]
    nothing = marketo.get(f"{ASSET}/channel/byName.json", params={"name": "Nothing"}).json()

    assert by_name == [channel]
    steps = [each["step"] for each in channel["progressionStatuses"]]
    assert steps == sorted(steps)
    assert {"name", "step", "success", "hidden"} <= channel["progressionStatuses"][0].keys()
    assert nothing["warnings"] == NOTHING
    assert failure(marketo.get(f"{ASSET}/channels.json", params={"maxReturn": 0})) == "1003"
    assert failure(marketo.get(f"{ASSET}/channel/byName.json")) == "1002"


def test_tokens_are_made_read_and_deleted(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """By form; an unknown program is 710, a folder of another type 711, an unknown token 702, a long name 1003."""
    path = f"{ASSET}/folder/{loaded['programs'][0]}/tokens"
    token = {"name": "stand", "type": "text", "value": "A-1", "folderType": "Program"}
    empty = marketo.get(f"{path}.json").json()
    made = marketo.post(f"{path}.json", data=token).json()["result"]
    read = marketo.get(f"{path}.json", params={"folderType": "Program"}).json()["result"]
    wrong = [
        marketo.post(f"{ASSET}/folder/4711/tokens.json", data=token),
        marketo.post(f"{path}.json", data=token | {"folderType": "Folder"}),
        marketo.post(f"{path}.json", data=token | {"name": "x" * 51}),
        marketo.post(f"{path}.json", data=token | {"type": "blob"}),
        marketo.post(f"{path}.json", data={"name": "stand"}),
        marketo.post(f"{path}/delete.json", data={"name": "other", "type": "text"}),
        marketo.get(f"{ASSET}/folder/4711/tokens.json"),
    ]
    deleted = marketo.post(f"{path}/delete.json", data={"name": "stand", "type": "text"}).json()

    assert empty["warnings"] == NOTHING
    assert made == read
    assert read[0]["tokens"] == [{"name": "stand", "type": "text", "value": "A-1"}]
    assert [failure(answer) for answer in wrong] == ["710", "711", "1003", "1003", "1002", "702", "710"]
    assert deleted["success"] is True
    assert marketo.get(f"{path}.json").json()["warnings"] == NOTHING


# smart campaigns


def test_requestable_campaigns_are_listed(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """The lead database and the asset API tell which campaigns can be requested."""
    trigger, batch = loaded["smartCampaigns"]

    listed = marketo.get(f"{CAMPAIGNS}.json", params={"isTriggerable": "true"}).json()["result"]
    everything = marketo.get(f"{CAMPAIGNS}.json").json()["result"]
    one = marketo.get(f"{CAMPAIGNS}/{trigger}.json").json()["result"]
    assets = marketo.get(f"{ASSET}/smartCampaigns.json").json()["result"]
    named = marketo.get(f"{ASSET}/smartCampaign/byName.json", params={"name": "Mail"}).json()["result"]

    assert [each["id"] for each in listed] == [trigger]
    assert [each["id"] for each in everything] == [trigger, batch]
    assert one == listed
    assert (one[0]["programName"], one[0]["type"]) == ("Fair", "trigger")
    assert [each["isRequestable"] for each in assets] == [True, False]
    assert [each["id"] for each in named] == [batch]
    assert failure(marketo.get(f"{CAMPAIGNS}/4711.json")) == "1013"
    assert failure(marketo.get(f"{ASSET}/smartCampaign/4711.json")) == "702"
    assert failure(marketo.get(f"{ASSET}/smartCampaigns.json", params={"maxReturn": 0})) == "1003"
    assert failure(marketo.get(f"{CAMPAIGNS}.json", params={"batchSize": 301})) == "1003"


def test_a_request_is_acknowledged_and_logged_per_lead(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """The result is the campaign's id and nothing else; tokens travel along; a replay is a second request."""
    trigger = loaded["smartCampaigns"][0]
    tokens = [{"name": "{{my.stand}}", "value": "A-1"}]
    body = {"input": {"leads": [{"id": each} for each in loaded["leads"]], "tokens": tokens}}

    answers = [marketo.post(f"{CAMPAIGNS}/{trigger}/trigger.json", json=body).json() for _ in range(2)]

    assert [answer["result"] for answer in answers] == [[{"id": trigger}]] * 2
    requests = marketo.get("/_sim/records/campaignRequests").json()
    assert requests == [{"campaignId": trigger, "leads": loaded["leads"], "tokens": tokens}] * 2
    logged = marketo.get("/_sim/records/activities").json()
    assert [(each["activityTypeId"], each["leadId"]) for each in logged] == [(47, each) for each in loaded["leads"]] * 2


def test_a_wrong_request_fails_as_a_whole(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """A batch, inactive or unknown campaign, no or too many leads or tokens, an unknown lead, a malformed token."""
    trigger, batch = loaded["smartCampaigns"]
    path, one = f"{CAMPAIGNS}/{trigger}/trigger.json", [{"id": loaded["leads"][0]}]
    token = {"name": "{{my.x}}", "value": "1"}

    answers = [
        marketo.post(f"{CAMPAIGNS}/{batch}/trigger.json", json={"input": {"leads": one}}),
        marketo.post(f"{CAMPAIGNS}/4711/trigger.json", json={"input": {"leads": one}}),
        marketo.post(path, json={}),
        marketo.post(path, json={"input": {"leads": []}}),
        marketo.post(path, json={"input": {"leads": one * 101}}),
        marketo.post(path, json={"input": {"leads": [{"id": 999_999}]}}),
        marketo.post(path, json={"input": {"leads": one, "tokens": [token] * 101}}),
        marketo.post(path, json={"input": {"leads": one, "tokens": [{"name": "x", "value": "1"}]}}),
    ]
    switched = marketo.post(f"{ASSET}/smartCampaign/{trigger}/deactivate.json").json()
    inactive = marketo.post(path, json={"input": {"leads": one}})
    again = marketo.post(f"{ASSET}/smartCampaign/{trigger}/deactivate.json")
    marketo.post(f"{ASSET}/smartCampaign/{trigger}/activate.json")

    assert [failure(answer) for answer in answers] == ["1003", "1013", "1002", "1002", "1003", "1004", "1003", "1003"]
    assert switched["result"] == [{"id": trigger}]
    assert [failure(inactive), failure(again)] == ["1003", "709"]
    assert failure(marketo.post(f"{ASSET}/smartCampaign/{batch}/activate.json")) == "709"
    assert marketo.post(path, json={"input": {"leads": one}}).json()["success"] is True
    assert len(marketo.get("/_sim/records/campaignRequests").json()) == 1


def test_a_schedule_waits_five_minutes_and_two_years_are_the_most(
    marketo: httpx.Client, loaded: dict[str, list[int]]
) -> None:
    """Without runAt five minutes from now; too far is 1042, unreadable 704, a trigger campaign 1003."""
    trigger, batch = loaded["smartCampaigns"]
    path = f"{CAMPAIGNS}/{batch}/schedule.json"
    now = datetime.fromisoformat(marketo.get("/_sim/clock").json()["now"])

    scheduled = marketo.post(path).json()
    wrong = [
        marketo.post(path, json={"input": {"runAt": (now + timedelta(days=800)).isoformat()}}),
        marketo.post(path, json={"input": {"runAt": "soon"}}),
        marketo.post(f"{CAMPAIGNS}/{trigger}/schedule.json", json={"input": {}}),
        marketo.post(f"{CAMPAIGNS}/4711/schedule.json"),
    ]

    assert scheduled["result"] == [{"id": batch}]
    [made] = marketo.get("/_sim/records/campaignRequests").json()
    wait = datetime.fromisoformat(made["runAt"]) - now
    assert timedelta(seconds=298) < wait < timedelta(seconds=330)
    assert [failure(answer) for answer in wrong] == ["1042", "704", "1003", "1013"]


def test_cloning_by_schedule_is_allowed_20_times_a_day(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """The 21st is 1020; a schedule without a clone still works."""
    path = f"{CAMPAIGNS}/{loaded['smartCampaigns'][1]}/schedule.json"
    marketo.post("/_sim/clock", json={"set": "2031-03-03T18:00:00Z", "allow_backwards": True})
    credentials = marketo.get("/_sim/credentials").json()
    query = {"grant_type": "client_credentials"} | {name: credentials[name] for name in ("client_id", "client_secret")}
    token = marketo.get("/identity/oauth/token", params=query).json()["access_token"]
    marketo.headers["Authorization"] = f"Bearer {token}"

    answers = [marketo.post(path, json={"input": {"cloneToProgramName": f"C {n}"}}) for n in range(21)]

    assert [answer.json()["success"] for answer in answers] == [True] * 20 + [False]
    assert failure(answers[-1]) == "1020"
    assert marketo.post(path).json()["success"] is True


# fields of program members


def test_fields_of_members_are_described_written_and_read(marketo: httpx.Client, loaded: dict[str, list[int]]) -> None:
    """Written for members only (1013), unknown fields are 1006, wrong values 1003; logged as type 123."""
    [program_id], (member, stranger) = loaded["programs"], loaded["leads"]
    path = f"/rest/v1/programs/{program_id}/members.json"
    membership = {"programId": program_id, "leadId": member, "statusName": "Invited"}
    marketo.post("/_sim/load", json={"programMembers": [membership]})
    rows = [
        {"leadId": member, "registrationCode": "R-1", "seats": 2},
        {"leadId": stranger, "seats": 1},
        {"leadId": member, "favouriteColour": "red"},
        {"leadId": member, "seats": "many"},
        {"seats": 1},
    ]

    [described] = marketo.get("/rest/v1/programs/members/describe.json").json()["result"]
    results = marketo.post(path, json={"input": rows}).json()["result"]
    query = {"filterType": "leadId", "filterValues": str(member), "fields": "registrationCode,seats"}
    [read] = marketo.get(path, params=query).json()["result"]

    updateable = {each["name"] for each in described["fields"] if each["updateable"]}
    assert updateable == {"acquiredBy", "statusReason", "registrationCode", "seats"}
    assert results[0] == {"seq": 0, "leadId": member, "status": "updated"}
    assert [row["reasons"][0]["code"] for row in results[1:]] == ["1013", "1006", "1003", "1002"]
    assert (read["registrationCode"], read["seats"]) == ("R-1", 2)
    assert [each["activityTypeId"] for each in marketo.get("/_sim/records/activities").json()] == [123, 123]
    assert failure(marketo.post(path, json={})) == "1002"
    assert failure(marketo.post("/rest/v1/programs/4711/members.json", json={"input": rows})) == "1013"
