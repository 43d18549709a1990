"""The webhook's serialisation: what it takes, what it answers, and that both are what the published documents say."""

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it has no type hints
from lxml import etree  # type: ignore[import-untyped] # it has no type hints
from openapi_spec_validator import validate

from devstack.stack import ROOT
from tests.builders.bodies import INVALID, UNREADABLE, VALID
from tests.builders.encodings import CONTENT_TYPES, VALUES, as_form, as_json, as_xml
from tests.e2e.actions import an_action, as_yaml, columns
from tests.e2e.lab import Lab, accepted, since, wait_for

DOCS = ROOT / "docs"
SCHEMA: Mapping[str, Any] = json.loads((DOCS / "webhook.schema.json").read_text())
LATENCY_CALLS, LATENCY_SECONDS_APART = 40, 0.5


class Contract:
    """docs/openapi-webhook.json as a judge of answers."""

    def __init__(self, path: Path) -> None:
        self.document: dict[str, Any] = json.loads(path.read_text())
        validate(self.document)
        plain, inline = self.document["paths"].values()
        self._operations = {False: plain, True: inline}

    def findings(self, answer: httpx.Response) -> list[str]:
        """Where an answer differs from what its status promises."""
        operations = self._operations[answer.request.url.path.endswith("/inline")]
        responses: dict[str, Any] = operations[answer.request.method.lower()]["responses"]
        described = responses.get(str(answer.status_code))
        if described is None:
            return [f"{answer.status_code} is not described"]
        described = self._resolve(described)
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        if kind not in described["content"]:
            return [f"{answer.status_code}: content type {kind!r}"]
        schema = described["content"][kind]["schema"] | {"components": self.document["components"]}
        found = [
            f"{answer.status_code}: {each.message}" for each in Draft202012Validator(schema).iter_errors(answer.json())
        ]
        for name, header in described.get("headers", {}).items():
            wanted = self._resolve(header)["schema"]
            if not Draft202012Validator(wanted).is_valid(answer.headers.get(name)):
                found.append(f"{answer.status_code}: {name} is {answer.headers.get(name)!r}")
        return found

    def _resolve(self, part: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in part:
            target: Any = self.document
            for step in part["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            part = target
        return part


@pytest.fixture(scope="module")
def contract() -> Contract:
    """The published OpenAPI document, checked against the OpenAPI specification."""
    return Contract(DOCS / "openapi-webhook.json")


@pytest.mark.cap("M158")
def test_a_posted_body_is_processed(lab: Lab) -> None:
    """A JSON body sent by POST becomes a Salesforce Lead with the body's values, with or without a content type."""
    persons = lab.persons(3)
    types = ["application/json; charset=utf-8", "text/plain;charset=ISO-8859-1", ""]

    ids = [
        accepted(lab.post("upsert", json.dumps(person.body()).encode(), **{"Content-Type": kind}))
        for person, kind in zip(persons, types, strict=True)
    ]
    executions = lab.ended(ids)

    assert [each["outcome"] for each in executions] == ["created"] * 3
    assert [lab.leads(each.email)[0]["LastName"] for each in persons] == [each.fields["lastName"] for each in persons]


CAMPAIGN = 9001
#: what people typed, in every field of the Action `texts`
TYPED = {
    "lastName": VALUES["unicode"],
    "company": VALUES["markup"],
    "title": VALUES["quoted"],
    "phone": "+49 30 1+1",
    "fax": VALUES["blank"],
    "notes": VALUES["multi-line"],
}
#: Salesforce cuts blanks and line breaks at the end of a text
NOTES = TYPED["notes"].rstrip()
#: what an execution says of the call and not of itself: when, who, and by which id
SAID = ("state", "outcome", "reason", "message", "version", "campaign_id", "campaign_name", "writeback", "activity")
WRITTEN = ("LastName", "Company", "Title", "Phone", "Fax", "Description", "Answer_01__c", "FirstName", "Status")


def query(lab: Lab, action: str, body: bytes) -> httpx.Response:
    """Call the webhook by GET, with the body of a form as its query string."""
    url = f"{lab.stack.webhook_url}/{action}?{body.decode()}"
    answer = lab.web.get(url, headers={"X-Leadbridge-Key": lab.key(action)})
    lab.answers.append(answer)
    return answer


@pytest.mark.cap("M157", "M161")
def test_a_person_comes_to_the_same_end_in_every_encoding(lab: Lab) -> None:
    """People who typed the same, sent as JSON, XML, form and query string: their Leads hold the same values, their
    executions and result activities say the same. The XML is valid by the published schema. XML with a document type,
    be it for entities that grow or for one that names a file, is refused, and nothing of it is written."""
    persons = lab.persons(4, firstName=None, **TYPED)
    token = {"Event: Name & Place": "9 + 1 at noon"}
    campaign = {"id": "12", "name": "Hot + new"}
    bodies = [person.body(campaign=campaign, token=token) for person in persons]
    types = [{"Content-Type": each} for each in CONTENT_TYPES.values()]
    xml = as_xml(bodies[1])
    entities = ('a "ha"><!ENTITY b "&a;&a;"', 'b SYSTEM "file:///etc/passwd"', '% b SYSTEM "http://127.0.0.1:9/x"')
    hostile = [
        f"<!DOCTYPE event [<!ENTITY {each}>]>".encode() + xml.replace(b"</lead>", b"<fax>&b;</fax></lead>")
        for each in entities
    ]
    schema = etree.XMLSchema(etree.parse(DOCS / "webhook.xsd"))
    assert schema.validate(etree.fromstring(xml))

    answers = [
        lab.post("texts", as_json(bodies[0]), **types[0]),
        lab.post("texts", xml, **types[1]),
        lab.post("texts", as_form(bodies[2]), **types[2]),
        query(lab, "texts", as_form(bodies[3])),
    ]
    refused = [lab.post("texts", each, **types[1]) for each in hostile]
    ends = []
    for person, execution in zip(persons, lab.ended([accepted(answer) for answer in answers]), strict=True):
        [lead] = lab.leads(person.email)
        said = {name: execution.get(name) for name in SAID}
        results = [(each["value"], each["Action"]) for each in lab.results(person)]
        ends.append((said, {name: lead[name] for name in WRITTEN}, results))

    assert ends == [ends[0]] * 4
    said, written, results = ends[0]
    assert (said["outcome"], said["campaign_name"], results) == ("created", "Hot + new", [("Well done", "created")])
    assert [written[name] for name in ("LastName", "Company", "Title", "Phone")] == list(TYPED.values())[:4]
    assert (written["Description"], written["Answer_01__c"]) == (NOTES, "9 + 1 at noon")
    assert [(each.status_code, each.json()["reason"]) for each in refused] == [(400, "body_not_xml")] * 3
    rejected = lab.ended([each.json()["execution_id"] for each in refused])
    assert [each["state"] for each in rejected] == ["rejected"] * 3


def test_a_campaign_runs_with_what_the_sheet_says(lab: Lab) -> None:
    """The sheet of an Action, as the command line prints it, pasted into Marketo in each encoding: a campaign calls
    with it, and people's Leads hold what they typed. Without being asked the sheet does not print the key."""
    fields = columns(email="Email", lastName="LastName", company="Company", title="Title", phone="Phone", fax="Fax")
    more = [*columns(notes="Description"), {"column": "token.my.Event Date", "to": "Answer_01__c"}]
    lab.cli("apply", lab.file("pasted.yaml", as_yaml([an_action("pasted", mappings=[*fields, *more])])))
    lab.cli("activate", "pasted")
    persons = lab.persons(4, firstName=None, **TYPED)
    lab.marketo.load("smartCampaigns", {"id": CAMPAIGN, "name": "Hot + new"})
    calls = []

    for person, encoding in zip(persons, ("json", "xml", "form", "get"), strict=True):
        sheet = lab.json("webhook-sheet", "pasted", "--encoding", encoding, "--show-key")
        lab.marketo.post("webhooks", sheet)
        lab.marketo.post("campaigns/flow", {"campaign": CAMPAIGN, "steps": [{"webhook": sheet["name"]}]})
        run = {"campaign": CAMPAIGN, "leads": [person.lead_id], "tokens": {"event date": "9 + 1 at noon"}}
        calls += lab.marketo.post("campaigns/run", run)["calls"]
    executions = lab.ended([json.loads(call["response"])["execution_id"] for call in calls])

    assert [each["outcome"] for each in executions] == ["created"] * 4
    leads = [{name: lab.leads(person.email)[0][name] for name in WRITTEN} for person in persons]
    assert leads == [leads[0]] * 4
    assert [leads[0][name] for name in ("LastName", "Company", "Title", "Phone")] == list(TYPED.values())[:4]
    assert (leads[0]["Description"], leads[0]["Answer_01__c"]) == (NOTES, "9 + 1 at noon")
    plain = lab.cli("webhook-sheet", "pasted")
    assert lab.key("pasted") not in plain
    assert "leadbridge keys show pasted" in plain


@pytest.mark.cap("M159")
def test_the_key_is_verified_and_further_headers_are_recorded_by_name(lab: Lab) -> None:
    """Without the key, with a wrong one, another Action's or two keys the call is refused; further headers do no harm,
    and the execution has their names and not their values."""
    person = lab.person()
    body = json.dumps(person.body()).encode()
    key = lab.key("upsert")
    url = f"{lab.stack.webhook_url}/upsert"

    twice = lab.web.post(url, content=body, headers=[("X-Leadbridge-Key", key), ("X-Leadbridge-Key", key)])
    refused = [
        lab.web.post(url, content=body),
        *(lab.post("upsert", body, key=wrong) for wrong in ("", "wrong", key[:-1], key + "A", lab.key("create"))),
        twice,
    ]
    answer = lab.post("upsert", body, **{"X-Campaign-Secret": "do-not-keep-me", "X-Other": "nor-me"})
    lab.ended([accepted(answer)])

    lab.answers += [refused[0], twice]
    assert [(each.status_code, each.json()) for each in refused] == [(401, {"status": "unauthorized"})] * 7
    shown = lab.cli("show", answer.json()["execution_id"], "--json")
    assert {"x-campaign-secret", "x-other", "x-leadbridge-key"} <= set(json.loads(shown)["header_names"])
    assert "do-not-keep-me" not in shown
    assert "nor-me" not in shown
    assert key not in shown
    assert len(lab.leads(person.email)) == 1


@pytest.mark.cap("M160")
def test_the_published_schema_and_the_webhook_give_the_same_verdict(lab: Lab) -> None:
    """Every valid example is accepted and every invalid one refused with 400, a reason and a sentence, by the published
    schema and by the webhook alike; bodies that are no JSON at all are refused too."""
    Draft202012Validator.check_schema(SCHEMA)
    schema = Draft202012Validator(SCHEMA)
    published = {f"published {number}": example for number, example in enumerate(SCHEMA["examples"])}
    wrong = []

    for name, body in {**VALID, **published}.items():
        answer = lab.call("qualified", body)
        if (schema.is_valid(body), answer.status_code, answer.json().get("status")) != (True, 200, "accepted"):
            wrong.append((name, schema.is_valid(body), answer.status_code, answer.text))
    for name, (body, reason) in INVALID.items():
        answer = lab.call("qualified", body)
        said = answer.json()
        told = (answer.status_code, said.get("status"), said.get("reason")) == (400, "rejected", reason)
        if schema.is_valid(body) or not told or not said.get("message"):
            wrong.append((name, schema.is_valid(body), answer.status_code, answer.text))
    for name, (raw, reason) in UNREADABLE.items():
        answer = lab.post("qualified", raw)
        if (answer.status_code, answer.json().get("reason")) != (400, reason):
            wrong.append((name, False, answer.status_code, answer.text))

    assert wrong == []


@pytest.mark.cap("M163")
def test_every_answer_is_as_the_published_openapi_document_says(lab: Lab, contract: Contract) -> None:
    """Accepted, not active, parked, rejected, too large, unknown type, unauthorised and unknown path: each answer, and
    every other answer of this session, has the status, content type, headers and members that the document promises."""
    table = lab.stack.outputs["ConfigTableName"]
    dynamodb = lab.stack.client("dynamodb")
    item = dynamodb.get_item(TableName=table, Key={"pk": {"S": "action"}, "sk": {"S": "asleep"}})["Item"]
    # an Action as a newer version would store it
    dynamodb.put_item(TableName=table, Item=item | {"sk": {"S": "from-the-future"}, "format": {"N": "99"}})
    person = lab.person()

    kinds = {
        "accepted": lab.call("upsert", person.body(email="")),
        "not_active": lab.call("asleep", person.body()),
        "parked": lab.call("from-the-future", person.body()),
        "rejected": lab.call("upsert", {}),
        "too large": lab.post("upsert", b'{"lead": {"id": 1, "x": "' + b"x" * 65_536 + b'"}}'),
        "unknown type": lab.post("upsert", b"x", **{"Content-Type": "image/png"}),
        "unauthorized": lab.call("upsert", person.body(), key="wrong"),
        "unknown": lab.call("no-such-action", person.body()),
    }
    statuses = {name: (answer.status_code, answer.json()["status"]) for name, answer in kinds.items()}
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "action"}, "sk": {"S": "from-the-future"}})

    assert statuses == {
        "accepted": (200, "accepted"),
        "not_active": (200, "not_active"),
        "parked": (200, "parked"),
        "rejected": (400, "rejected"),
        "too large": (413, "rejected"),
        "unknown type": (415, "rejected"),
        "unauthorized": (401, "unauthorized"),
        "unknown": (401, "unauthorized"),
    }
    elsewhere = lab.web.post(f"{lab.stack.webhook_url}/upsert/more", content=b"{}")
    assert elsewhere.status_code == 403
    assert [finding for answer in [*lab.answers, elsewhere] for finding in contract.findings(answer)] == []
    recorded = [answer for answer in kinds.values() if "execution_id" in answer.json()]
    states = [each["state"] for each in lab.ended([answer.json()["execution_id"] for answer in recorded])]
    assert states == ["ended", "not_run", "parked", "rejected", "rejected", "rejected"]


def test_an_answer_that_breaks_the_contract_would_be_found(contract: Contract) -> None:
    """The judge sees an unknown status, a further member, a missing one and a missing header."""
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    good = {"status": "accepted", "execution_id": "0" * 32}

    def judge(status: int, body: Any, **changes: str) -> int:
        request = httpx.Request("POST", "https://webhooks.example.com/actions/a")
        return len(contract.findings(httpx.Response(status, json=body, headers=headers | changes, request=request)))

    assert judge(200, good) == 0
    assert judge(418, good) == 1
    assert judge(200, good | {"lead": "x"}) == 1
    assert judge(200, {"status": "accepted"}) == 1
    assert judge(200, good, **{"cache-control": "public"}) == 1
    assert judge(400, {"status": "rejected", "execution_id": "0" * 32, "reason": "other", "message": "m"}) == 1


def test_both_generations_of_a_key_are_accepted_after_a_rotation(lab: Lab) -> None:
    """`keys show` prints the key; after `keys rotate` it prints another one, and both are accepted."""
    person = lab.person()
    before = lab.cli("keys", "show", "upsert").strip()
    assert before == lab.key("upsert")

    said = lab.cli("keys", "rotate")

    after = lab.cli("keys", "show", "upsert").strip()
    assert "Generation" in said
    assert after != before
    assert (after, before) == (lab.key("upsert"), lab.key("upsert", "previous"))
    # a door that does not know a key looks for a newer one at most once a second
    wait_for("the doors to look", lambda: lab.post("upsert", b"{}", key=after).status_code == 400)
    bodies = [person.body(title=title) for title in ("new key", "old key")]
    ids = [accepted(lab.call("upsert", body, key=key)) for body, key in zip(bodies, (after, before), strict=True)]
    assert sorted(each["outcome"] for each in lab.ended(ids)) == ["created", "updated"]


def test_webhooks_at_a_steady_pace_reach_salesforce(lab: Lab) -> None:
    """Forty webhooks, two a second, all become Leads; the time from webhook to Salesforce is printed."""
    persons = lab.persons(LATENCY_CALLS)
    mark = lab.salesforce.mark()
    begun = time.monotonic()
    sent, ids = {}, []
    for number, person in enumerate(persons):
        wait_for("its turn", lambda due=begun + number * LATENCY_SECONDS_APART: time.monotonic() >= due)  # type: ignore[misc] # mypy cannot infer a lambda with a default
        sent[person.email] = lab.marketo.now()
        ids += lab.send("upsert", person.body())

    executions = lab.ended(ids)

    assert {each["outcome"] for each in executions} == {"created"}
    calls = [call for call in lab.salesforce.calls_since(mark) if call["method"] in {"POST", "PATCH"}]
    seconds = sorted(
        (min(since(call["at"]) for call in calls if email in call["record_keys"]) - at).total_seconds()
        for email, at in sent.items()
    )
    p50, p95 = (seconds[math.ceil(len(seconds) * share) - 1] for share in (0.5, 0.95))
    print(f"webhook to Salesforce, {len(seconds)} calls at 2 a second: p50 {p50:.2f} s, p95 {p95:.2f} s")


@pytest.mark.cap("A70")
def test_an_action_runs_only_after_its_activation(lab: Lab) -> None:
    """Before the activation the webhook answers 200 and `not_active`, the call is recorded and nothing else happens;
    after the activation it works within the promised time, for a campaign's flow step "Call Webhook", too."""
    person, answer = lab.asleep[0]
    assert (answer["status_code"], answer["status"], answer["reason"]) == (200, "not_active", "not_active")
    [recorded] = lab.ended([answer["execution_id"]])
    assert (recorded["state"], recorded["reason"]) == ("not_run", "not_active")
    assert "outcome" not in recorded
    assert lab.leads(person.email) == []
    assert lab.results(person) == []
    assert lab.marketo_lead(person).get("leadbridgeStatus") is None

    def try_again() -> httpx.Response | None:
        again = lab.call("sleeper", person.body())
        return again if again.json()["status"] == "accepted" else None

    [execution] = lab.ended([accepted(wait_for("the webhook notices the activation", try_again))])

    assert execution["outcome"] == "created"
    assert [lead["Id"] for lead in lab.leads(person.email)] == [execution["salesforce_id"]]
    other = lab.person()
    lead = {
        "id": "lead.Id",
        "email": "lead.Email Address",
        "lastName": "lead.Last Name",
        "company": "company.Company Name",
    }
    members = ", ".join(f'"{name}": {{{{{token}}}}}' for name, token in lead.items())
    webhook = {"name": "Sleeper", "url": f"{lab.stack.webhook_url}/sleeper", "method": "POST", "encoding": "JSON"}
    webhook |= {"template": f'{{"lead": {{{members}}}}}', "response_type": "JSON"}
    headers = {"X-Leadbridge-Key": lab.key("sleeper"), "Content-Type": "application/json"}
    lab.marketo.post("webhooks", webhook | {"headers": headers, "mappings": []})
    [canvas] = lab.marketo.load("smartCampaigns", {"name": "Canvas"})
    lab.marketo.post("campaigns/flow", {"campaign": canvas, "steps": [{"webhook": "Sleeper"}]})
    [call] = lab.marketo.post("campaigns/run", {"campaign": canvas, "leads": [other.lead_id]})["calls"]
    [execution] = lab.ended([json.loads(call["response"])["execution_id"]])
    assert [lead["Id"] for lead in lab.leads(other.email)] == [execution["salesforce_id"]]
