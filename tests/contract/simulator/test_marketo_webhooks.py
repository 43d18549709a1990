"""The webhook caller: what it sends, what it makes of an answer, and what it never does.

Vendor sentences that the tests go by (webhook pages): "String-type tokens are automatically enclosed in double
quotes"; "Updates via response mappings will only occur if the web service responds with a 2xx HTTP response code";
"The Call Webhook flow step is only valid in Trigger campaigns"; "Marketo waits up to 30 seconds"; 1000 is a webhook
in a batch campaign, 1001 "an empty response body"; Error Type is the reason phrase of the HTTP status.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.simulator.listeners import Heard, Listener, listening

CAMPAIGN, BATCH = 50, 51
PERSON = {
    "email": "ada+1@example.com",
    "firstName": 'Ä"d\\a',
    "company": "Jack & Jill",
    "leadScore": 7,
    "isCustomer": True,
    "title": "Engineer",
}


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening(lambda _: (200, "application/json", b'{"ok": true}')) as made:
        yield made


@pytest.fixture
def people(marketo: httpx.Client) -> list[int]:
    """One person, a trigger campaign in a program with a My Token, and a batch campaign."""
    control(marketo, "load", {"programs": [{"id": 70, "name": "Fair"}]})
    campaigns = [
        {"id": CAMPAIGN, "name": "Hot leads", "programId": 70},
        {"id": BATCH, "name": "Nightly", "type": "batch"},
    ]
    loaded = control(marketo, "load", {"leads": [PERSON], "smartCampaigns": campaigns})
    ids: list[int] = loaded["leads"]
    return ids


def control(marketo: httpx.Client, path: str, body: object = None) -> Any:
    """Use the control plane: GET without a body, POST with one."""
    answer = marketo.get(f"/_sim/{path}") if body is None else marketo.post(f"/_sim/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def define(marketo: httpx.Client, url: str, campaign: int = CAMPAIGN, **more: Any) -> None:
    """Define the webhook Hook and make it the flow of a campaign."""
    control(marketo, "webhooks", {"name": "Hook", "url": url, **more})
    control(marketo, "campaigns/flow", {"campaign": campaign, "steps": [{"webhook": "Hook"}]})


def run(marketo: httpx.Client, leads: list[int], **more: Any) -> list[dict[str, Any]]:
    """Run the trigger campaign and give what became of each call."""
    calls: list[dict[str, Any]] = control(marketo, "campaigns/run", {"campaign": CAMPAIGN, "leads": leads, **more})[
        "calls"
    ]
    return calls


def lead(marketo: httpx.Client) -> dict[str, Any]:
    """Give the one person as the instance has it."""
    (found,) = control(marketo, "records/leads")
    person: dict[str, Any] = found
    return person


def activities(marketo: httpx.Client, type_id: int) -> list[dict[str, Any]]:
    """Give the activities of a type."""
    return [each for each in control(marketo, "records/activities") if each["activityTypeId"] == type_id]


def attributes(activity: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each["value"] for each in activity["attributes"]}


# what is sent


def test_json_encoding_brings_quotes_and_escapes(marketo: httpx.Client, people: list[int], listener: Listener) -> None:
    """Text, numbers, booleans and blanks arrive as JSON strings; the rest of the template is sent as typed."""
    define(
        marketo,
        listener.url + "/in",
        template='{"first": {{lead.First Name}}, "of": {{company.Company Name}}, "id": {{lead.Id}},\n'
        ' "score": {{lead.Person Score}}, "customer": {{Lead.is customer}}, "last": {{lead.Last Name}}}',
    )
    run(marketo, people)
    (heard,) = listener.heard
    assert (heard.method, heard.target, heard.headers["content-type"]) == ("POST", "/in", "application/json")
    assert heard.body == (
        '{"first": "Ä\\"d\\\\a", "of": "Jack & Jill", "id": "'
        f'{people[0]}",\n "score": "7", "customer": "true", "last": ""}}'
    )


def test_numbers_may_come_without_quotes(marketo: httpx.Client, people: list[int], listener: Listener) -> None:
    """An instance that leaves numbers and booleans bare still quotes text and blanks."""
    control(marketo, "limits", {"webhook_bare_numbers": True})
    define(
        marketo,
        listener.url,
        template="[{{lead.Person Score}}, {{lead.Is Customer}}, {{lead.Email Address}}, {{lead.Priority}}]",
    )
    run(marketo, people)
    assert json.loads(listener.heard[0].body) == [7, True, "ada+1@example.com", ""]


@pytest.mark.parametrize(
    ("encoding", "content_type", "body"),
    [
        ("Form/Url", "application/x-www-form-urlencoded", "of=Jack+%26+Jill&by=ada%2B1%40example.com"),
        ("None", "text/plain", "of=Jack & Jill&by=ada+1@example.com"),
    ],
)
def test_other_encodings_bring_no_quotes(
    marketo: httpx.Client, people: list[int], listener: Listener, encoding: str, content_type: str, body: str
) -> None:
    """A form body is percent-encoded by token; without an encoding a value goes in as it is, breaking what it may."""
    define(
        marketo,
        listener.url,
        encoding=encoding,
        template="of={{company.Company Name}}&by={{lead.Email Address}}",
    )
    run(marketo, people)
    assert (listener.heard[0].headers["content-type"], listener.heard[0].body) == (content_type, body)


def test_tokens_of_every_scope_are_filled_in(marketo: httpx.Client, people: list[int], listener: Listener) -> None:
    """Campaign, program, my, trigger and system tokens in URL, headers and body; a default where there is no value."""
    today = control(marketo, "clock")["now"][:10]
    form = {"name": "Event", "type": "text", "value": "Fair 31", "folderType": "Program"}
    assert marketo.post("/rest/asset/v1/folder/70/tokens.json", data=form).json()["success"]
    define(
        marketo,
        listener.url + "/{{campaign.id}}?f=%26&d={{system.date}}",
        headers={"X-Secret": "s3", "X-Of": "{{my.Event}} {{program.Name}}"},
        template="[{{campaign.name}}, {{trigger.Name}}, {{my.Event}}, {{my.none}}, {{lead.Last Name:default=editme}}]",
    )
    run(marketo, people, trigger={"Name": "Form 1"}, tokens={"event": "Fair 32"})
    (heard,) = listener.heard
    path, _, day = heard.target.rpartition("=")
    assert path == f"/{CAMPAIGN}?f=%26&d"
    # midnight may have passed
    assert today <= day <= control(marketo, "clock")["now"][:10]
    assert (heard.headers["x-secret"], heard.headers["x-of"]) == ("s3", "Fair 32 Fair")
    assert json.loads(heard.body) == ["Hot leads", "Form 1", "Fair 32", "", "editme"]


def test_a_value_that_looks_like_a_token_stays(marketo: httpx.Client, people: list[int], listener: Listener) -> None:
    """Tokens are replaced in one pass."""
    marketo.post("/rest/v1/leads.json", json={"input": [{"email": PERSON["email"], "title": "{{lead.Id}}"}]})
    define(marketo, listener.url, template="[{{lead.Job Title}}]")
    run(marketo, people)
    assert json.loads(listener.heard[0].body) == ["{{lead.Id}}"]


def test_a_get_has_no_body(marketo: httpx.Client, people: list[int], listener: Listener) -> None:
    """A webhook by GET carries its tokens in the query."""
    define(marketo, listener.url + "/?e={{lead.Email Address}}", method="GET", encoding="Form/Url", template="x")
    run(marketo, people)
    (heard,) = listener.heard
    assert (heard.method, heard.target, heard.body) == ("GET", "/?e=ada%2B1%40example.com", "")


def test_each_person_is_a_call_of_their_own(marketo: httpx.Client, people: list[int], listener: Listener) -> None:
    """Nothing is batched, and whoever comes through twice is called twice."""
    define(marketo, listener.url, template="{{lead.Id}}")
    more = control(marketo, "load", {"leads": [{"email": f"p{n}@example.com"} for n in range(3)]})["leads"]
    calls = run(marketo, [*people, *more, *people])
    assert [each["lead_id"] for each in calls] == [*people, *more, *people]
    assert sorted(each.body for each in listener.heard) == sorted(f'"{each}"' for each in [*people, *more, *people])


def test_a_request_through_the_api_runs_the_flow(marketo: httpx.Client, people: list[int], listener: Listener) -> None:
    """Request Campaign starts the calls with its own My Tokens; its answer does not wait for them."""
    define(marketo, listener.url, template="[{{my.x}}, {{trigger.Trigger Name}}]")
    tokens = [{"name": "{{my.x}}", "value": "given"}]
    body = {"input": {"leads": [{"id": people[0]}], "tokens": tokens}}
    assert marketo.post(f"/rest/v1/campaigns/{CAMPAIGN}/trigger.json", json=body).json()["success"]
    (done,) = control(marketo, "campaigns/runs")
    assert (done["finished"], len(done["calls"])) == (True, 1)
    assert json.loads(listener.heard[0].body) == ["given", "Campaign is Requested"]


# what an answer does


def test_a_2xx_answer_is_mapped_by_path_and_soap_name(
    marketo: httpx.Client, people: list[int], listener: Listener
) -> None:
    """Values land in the person as changes of data values; a value of another type and a null change nothing."""
    document = {
        "title": "CTO",
        "deals": [{"sum": 12.5}, {"sum": 3}],
        "score": "12",
        "flag": False,
        "gone": None,
        "n": 5,
    }
    listener.answer = lambda _: (201, "application/json", json.dumps(document).encode())
    mappings = [
        {"attribute": "title", "field": "Title"},
        {"attribute": "deals[0].sum", "field": "Contract_Value"},
        {"attribute": "score", "field": "LeadScore"},
        {"attribute": "flag", "field": "Is_Customer"},
        {"attribute": "gone", "field": "Phone"},
        {"attribute": "deals[7].sum", "field": "AnnualRevenue"},
        {"attribute": "deals", "field": "Notes"},
        {"attribute": "n", "field": "City"},
    ]
    define(marketo, listener.url, mappings=mappings)
    (call,) = run(marketo, people)
    assert call["mapped"] == {"title": "CTO", "contractValue": 12.5, "isCustomer": False, "city": "5"}
    assert call["dropped"] == ["leadScore"]
    person = lead(marketo)
    assert (person["title"], person["contractValue"], person["isCustomer"], person["leadScore"]) == (
        "CTO",
        12.5,
        False,
        7,
    )
    changes = {each["primaryAttributeValue"]: attributes(each) for each in activities(marketo, 13)}
    assert changes["Job Title"] == {
        "New Value": "CTO",
        "Old Value": "Engineer",
        "Reason": "Webhook Hook",
        "Source": "Webhook",
    }
    assert len(changes) == 4


def test_an_xml_answer_is_read_by_its_own_path(marketo: httpx.Client, people: list[int], listener: Listener) -> None:
    """The root element is part of the path, repeated elements are an array, and text may fill a number."""
    content = b"<all><p><t>CTO</t></p><e><v>1</v></e><e><v>41</v></e></all>"
    listener.answer = lambda _: (200, "text/xml", content)
    mappings = [
        {"attribute": "all.p.t", "field": "Title"},
        {"attribute": "all.e[1].v", "field": "LeadScore"},
        {"attribute": "p.t", "field": "City"},
    ]
    define(marketo, listener.url, response_type="XML", mappings=mappings)
    run(marketo, people)
    person = lead(marketo)
    assert (person["title"], person["leadScore"], person["city"]) == ("CTO", 41, None)


@pytest.mark.parametrize(
    ("status", "content", "error"),
    [
        (200, b"", "1001"),
        (500, b'{"title": "CTO"}', "Internal Server Error"),
        (404, b"", "Not Found"),
        (302, b'{"title": "CTO"}', "Found"),
        (200, b"not json", ""),
        (200, b"[" * 100_000, ""),
    ],
)
def test_other_answers_write_nothing_and_are_not_tried_again(
    marketo: httpx.Client, people: list[int], listener: Listener, status: int, content: bytes, error: str
) -> None:
    """One request, no change; the activity carries the raw answer and the reason phrase, or 1001."""
    listener.answer = lambda _: (status, "application/json", content)
    define(marketo, listener.url, mappings=[{"attribute": "title", "field": "Title"}])
    (call,) = run(marketo, people)
    assert (call["status"], call["error"], call["mapped"]) == (status, error, {})
    assert len(listener.heard) == 1
    assert lead(marketo)["title"] == "Engineer"
    (noted,) = activities(marketo, 110)
    assert attributes(noted).get("Error Type", "") == error
    assert attributes(noted).get("Response", "") == content.decode()


def test_a_call_is_an_activity_of_the_person(marketo: httpx.Client, people: list[int], listener: Listener) -> None:
    """Type 110 is listed with its attributes and read through the API with webhook and campaign."""
    define(marketo, listener.url)
    token = marketo.get("/rest/v1/activities/pagingtoken.json", params={"sinceDatetime": "2020-01-01T00:00:00Z"})
    run(marketo, people)
    types = {each["id"]: each for each in marketo.get("/rest/v1/activities/types.json").json()["result"]}
    assert [each["name"] for each in types[110]["attributes"]] == ["Error Type", "Response"]
    read = marketo.get(
        "/rest/v1/activities.json",
        params={"nextPageToken": token.json()["nextPageToken"], "activityTypeIds": "110"},
    )
    (noted,) = read.json()["result"]
    assert (noted["leadId"], noted["campaignId"], noted["primaryAttributeValue"]) == (people[0], CAMPAIGN, "Hook")
    assert attributes(noted) == {"Response": '{"ok": true}'}


def test_a_batch_campaign_calls_nobody(marketo: httpx.Client, people: list[int], listener: Listener) -> None:
    """Error 1000, no request."""
    define(marketo, listener.url, BATCH)
    (call,) = control(marketo, "campaigns/run", {"campaign": BATCH, "leads": people})["calls"]
    assert (call["error"], call["status"], listener.heard) == ("1000", None, [])
    assert [attributes(each)["Error Type"] for each in activities(marketo, 110)] == ["1000"]


def test_a_slow_service_is_given_up(marketo: httpx.Client, people: list[int], listener: Listener) -> None:
    """After the time limit the call is over, although the service may have done its work."""
    assert control(marketo, "limits")["webhook_seconds"] == 30
    control(marketo, "limits", {"webhook_seconds": 0.2})
    given_up = threading.Event()

    def late(_: Heard) -> tuple[int, str, bytes]:
        given_up.wait(20)
        return 200, "application/json", b'{"title": "CTO"}'

    listener.answer = late
    define(marketo, listener.url, mappings=[{"attribute": "title", "field": "Title"}])
    (call,) = run(marketo, people)
    given_up.set()
    assert (call["status"], call["error"]) == (None, "Read timed out")
    assert (len(listener.heard), lead(marketo)["title"]) == (1, "Engineer")


def test_twenty_connections_are_open_at_most(marketo: httpx.Client, people: list[int], listener: Listener) -> None:
    """60 calls against a service that answers only when 20 are there: all succeed, never more than 20 at once."""
    together = threading.Barrier(20)

    def answer(_: Heard) -> tuple[int, str, bytes]:
        together.wait(20)
        return 200, "application/json", b"{}"

    listener.answer = answer
    define(marketo, listener.url)
    calls = run(marketo, people * 60)
    assert [each["status"] for each in calls] == [200] * 60
    assert control(marketo, "webhooks")["peak_connections"] == 20


def test_calls_can_be_lost_on_either_way(marketo: httpx.Client, people: list[int], listener: Listener) -> None:
    """A fault rule for CALL loses the request or the answer of chosen people; both are errors of the activity."""
    define(marketo, listener.url, template="{{lead.Id}}", mappings=[{"attribute": "ok", "field": "City"}])
    more = control(marketo, "load", {"leads": [{"email": f"p{n}@example.com"} for n in range(3)]})["leads"]
    rules = [
        {"match": "CALL /webhooks/1", "kind": "close", "nth": 1},
        {"match": "CALL /webhooks/1", "kind": "drop_answer", "nth": 3},
    ]
    control(marketo, "faults", rules)
    calls = run(marketo, more)
    assert [each["error"] for each in calls] == ["Connection failed", "", "Read timed out"]
    assert sorted(each.body for each in listener.heard) == [f'"{more[1]}"', f'"{more[2]}"']
    assert {each["id"]: each["city"] for each in control(marketo, "records/leads") if each["id"] in more} == {
        more[0]: None,
        more[1]: "true",
        more[2]: None,
    }


def test_what_an_answer_writes_is_not_there_for_the_next_step(
    marketo: httpx.Client, people: list[int], listener: Listener
) -> None:
    """Two webhooks in one flow: the second still sends the old value, afterwards the new one is stored."""
    listener.answer = lambda _: (200, "application/json", b'{"title": "CTO"}')
    for name in ("First", "Second"):
        mappings = [{"attribute": "title", "field": "Title"}]
        control(
            marketo,
            "webhooks",
            {"name": name, "url": listener.url, "template": "{{lead.Job Title}}", "mappings": mappings},
        )
    control(marketo, "campaigns/flow", {"campaign": CAMPAIGN, "steps": [{"webhook": "First"}, {"webhook": "Second"}]})
    run(marketo, people)
    assert [each.body for each in listener.heard] == ['"Engineer"', '"Engineer"']
    assert lead(marketo)["title"] == "CTO"


def test_one_seed_and_one_clock_give_one_log(marketo: httpx.Client, listener: Listener, people: list[int]) -> None:
    """Answers that overtake each other change nothing in the order of the activities."""
    held = threading.Event()

    def answer(heard: Heard) -> tuple[int, str, bytes]:
        if heard.body == f'"{people[0]}"':
            held.wait(20)
        else:
            held.set()
        return 200, "application/json", b"{}"

    listener.answer = answer
    define(marketo, listener.url, template="{{lead.Id}}")
    more = control(marketo, "load", {"leads": [{"email": f"p{n}@example.com"} for n in range(5)]})["leads"]
    run(marketo, [*people, *more])
    noted = sorted(activities(marketo, 110), key=lambda each: int(each["marketoGUID"]))
    assert [each["leadId"] for each in noted] == [*people, *more]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"url": "http://192.0.2.1/x"}, "loopback"),
        ({"method": "BREW"}, "method"),
        ({"encoding": "Base64"}, "encoding"),
        ({"template": "{{lead.Shoe Size}}"}, "{{lead.shoe size}}"),
        ({"template": 5}, "template"),
        ({"mappings": [{"attribute": "a", "field": "title"}]}, "SOAP name"),
        ({"mappings": [{"attribute": "a", "field": "Id"}]}, "SOAP name"),
        ({"mappings": [{"attribute": "a['x']", "field": "Title"}]}, "path"),
        ({"headers": {"X": 1}}, "headers"),
        ({"retries": 3}, "retries"),
        ({"name": None}, "name"),
    ],
)
def test_a_wrong_webhook_is_refused(marketo: httpx.Client, changes: dict[str, Any], part: str) -> None:
    """The control plane names what is wrong."""
    answer = marketo.post("/_sim/webhooks", json={"name": "Hook", "url": "http://127.0.0.1:9/", **changes})
    assert answer.status_code == 400
    assert part in answer.json()["error"]


def test_a_rendered_address_does_not_leave_the_machine(marketo: httpx.Client, people: list[int]) -> None:
    """A token in the host cannot lead the caller elsewhere."""
    define(marketo, "http://{{lead.Job Title}}/")
    (call,) = run(marketo, people)
    assert (call["status"], call["error"]) == (None, "Connection failed")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("campaigns/flow", {"campaign": "nowhere", "steps": []}),
        ("campaigns/flow", {"campaign": CAMPAIGN, "steps": [{"webhook": "nowhere"}]}),
        ("campaigns/flow", {"campaign": CAMPAIGN, "steps": [{"service": "nowhere"}]}),
        ("campaigns/flow", {"campaign": CAMPAIGN, "steps": "Hook"}),
        ("campaigns/run", {"campaign": CAMPAIGN, "leads": [1]}),
        ("campaigns/run", {"campaign": CAMPAIGN, "leads": [], "trigger": 1}),
        ("campaigns/run", []),
    ],
)
def test_a_wrong_flow_or_run_is_refused(marketo: httpx.Client, people: list[int], path: str, body: Any) -> None:
    """Campaign, webhook, service and people have to be there."""
    assert marketo.post(f"/_sim/{path}", json=body).status_code == 400


def test_an_inactive_trigger_campaign_does_not_run(marketo: httpx.Client, people: list[int]) -> None:
    """As in the vendor's own screens, it has to be active."""
    assert marketo.post(f"/rest/asset/v1/smartCampaign/{CAMPAIGN}/deactivate.json").json()["success"]
    answer = marketo.post("/_sim/campaigns/run", json={"campaign": CAMPAIGN, "leads": people})
    assert answer.status_code == 400
