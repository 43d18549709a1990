"""Chapters of the story about the other doors: flow steps, recovered calls, alerts, the admin API."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from devstack.stack import FUNCTIONS
from tests.builders.announced import SESSION, an_outbound_message
from tests.fault.leaks.scanner import Canary, Place
from tests.fault.rig import PATIENCE, wait_for
from tests.signing import signed

if TYPE_CHECKING:
    from tests.fault.leaks.story import Story

CONNECTION = "marketo-demo"
ORG = "leak-org"
NEWS = """\
format: 1
kind: salesforce_connection
id: leak-org
name: Leak org
token_host: {salesforce_url}
audience: {salesforce_audience}
client_id: {salesforce_client_id}
username: {salesforce_username}
organization_id: {organization}
---
format: 1
kind: sync
id: leak-news
name: Leak news
source: {{connection: leak-org, object: Contact}}
destination: {{connection: marketo-demo, object: leads}}
match: [{{column: Email, field: email}}]
import: create_and_update
dedupe: youngest
extraction: incremental
conditions:
  clauses: [{{column: Department, operator: equals, value: News}}]
mappings:
  - {{column: Email, to: email}}
  - {{column: LastName, to: lastName}}
"""
CAMPAIGN, LOSING_CAMPAIGN = 2_060, 2_061
WEBHOOK = "Leaky webhook"


def flow_steps(story: "Story") -> None:
    """A chunk of an active Action is called back, so is one of an Action that is inactive; others are refused."""
    rig = story.rig
    url = f"{rig.stack.outputs['ApiUrl']}/flow-step/{CONNECTION}/free"
    key = story.cli("keys", "show", f"flow-step/{CONNECTION}").strip()
    story.canaries.append(Canary("webhook key of the flow step", key, "secret"))
    mappings = {
        "invocation": ["email", "firstName", "lastName", "company", "phone", "title"],
        "callback": ["leadbridgeStatus"],
    }
    asleep = rig.apply(story.leaky("leak-flow-step"))
    # callbacks, too, go to the address at which the functions know the instance
    service = {"openapi_url": f"{url}/openapi.json", "callback_base": rig.wires.marketo.url, "key": key}
    made = rig.marketo.post("services", service | {"mappings": mappings})
    rig.marketo.load("smartCampaigns", [{"id": CAMPAIGN, "name": "Nightly", "type": "batch"}])
    for action in (story.action, asleep):
        steps = [{"service": made["name"], "parameters": {"action": action}}]
        rig.marketo.post("campaigns/flow", {"campaign": CAMPAIGN, "steps": steps})
        if action == asleep:
            story.cli("deactivate", asleep)
        person = story.person()
        if action == story.action:
            story.to_forget.append(person.lead_id)
        run = rig.marketo.post("campaigns/run", {"campaign": CAMPAIGN, "leads": [person.lead_id]})
        assert [chunk["status"] for chunk in run["chunks"]] == [201], run
        wait_for("the callback", lambda: not rig.marketo._get("services")["waiting"])
    invoke(story, "call_back")
    for sent, content in ((key, json.dumps(story.body(story.person()))), (f"{key}x", "{}")):
        headers = {"X-Leadbridge-Key": sent, "X-API-Key": sent, "Content-Type": "application/json"}
        with httpx.Client(timeout=PATIENCE, trust_env=False, verify=False) as web:
            answer = web.post(f"{url}/submitAsyncAction", content=content, headers=headers)
        story.seen.append(Place(f"answer/flow step {answer.status_code}", answer.content))


def outbound_messages(story: "Story") -> None:
    """An announced change starts a run, and is heard of again beside that; what cannot be believed is refused."""
    rig = story.rig
    (org,) = rig.salesforce._get("records/Organization")
    file = rig.folder / "news.yaml"
    file.write_text(NEWS.format(**rig.facts, organization=org["Id"]))
    rig.cli("apply", str(file))
    story.cli("syncs", "activate", "leak-news")
    story.cli("syncs", "run", "leak-news", "--wait")
    key = story.cli("keys", "show", f"outbound-messages/{ORG}").strip()
    story.outbound_key = key
    story.canaries.append(Canary("webhook key of outbound messages", key, "secret"))
    story.canaries.append(Canary("session of an outbound message", SESSION, "secret"))
    person = story.person()
    address = f"{rig.stack.outputs['ApiUrl']}/outbound-messages/{ORG}"
    changes = [(f"04lLk{number:010}", "Contact", f"003Lk{number:010}") for number in range(2)]
    # up to a whole minute it is shown what changed
    rig.advance(105 - datetime.fromisoformat(rig.salesforce._get("clock")["now"]).second)
    fields = f"<sf:Email>{person.email}</sf:Email>"
    good = an_outbound_message(*changes, organization=org["Id"], fields=fields)
    foreign = an_outbound_message(*changes, fields=fields)
    for given, content, status in ((key, good, 200), (key, good, 200), (key, foreign, 403), (f"{key}x", good, 401)):
        with httpx.Client(timeout=PATIENCE, trust_env=False) as web:
            answer = web.post(f"{address}/{given}", content=content, headers={"Content-Type": "text/xml"})
        assert answer.status_code == status, answer.text
        story.seen.append(Place(f"answer/outbound message {status}", answer.content))
    # the run waits for Salesforce, and in the next minute there would be another one
    rig.salesforce.fault("* /services/data/*", "delay", seconds=4.0)

    def runs() -> list[Any]:
        found: list[Any] = sent(story, "GET", "/syncs/leak-news/executions").json()["runs"]
        return found

    def looked_beside() -> bool:
        uses = rig.stack.permissions_used()
        return any(each["action"] == "states:DescribeExecution" and "HearOfChanges" in each["role"] for each in uses)

    wait_for("the announced run", lambda: len(runs()) == 2, 120)
    rig.advance(60)
    wait_for("a look beside it", looked_beside, 60)
    rig.salesforce.post("faults", [])
    wait_for("its end", lambda: all(each["status"] in {"done", "failed"} for each in runs()), 120)
    rig.advance(1_000)  # whatever it did not read is left by now
    wait_for("the end of looking", lambda: not rig.queued("AnnouncementsQueueUrl"), 120)
    ask(story, "POST", "/documents/sync/leak-news/state", {"move": "deactivate"})


def recovered_calls(story: "Story") -> None:
    """A call that never arrived is found in Marketo's log and run, by the function."""
    rig = story.rig
    rig.apply(story.leaky("leak-recovered") + f"recovery: {{webhook: {WEBHOOK}}}\n")
    rig.marketo.post(
        "webhooks",
        {
            "name": WEBHOOK,
            "url": f"{rig.stack.webhook_url}/leak-recovered",
            "method": "POST",
            "encoding": "JSON",
            "template": '{"lead":{"id":{{lead.Id}}}}',
            "headers": {"X-Leadbridge-Key": rig.keys["leak-recovered"]},
        },
    )
    rig.marketo.load("smartCampaigns", [{"id": LOSING_CAMPAIGN, "name": "Hot", "type": "trigger"}])
    rig.marketo.post("campaigns/flow", {"campaign": LOSING_CAMPAIGN, "steps": [{"webhook": WEBHOOK}]})
    invoke(story, "recover_calls")
    rig.marketo.fault("CALL /webhooks/*", "close")
    person = story.person()
    run = rig.marketo.post("campaigns/run", {"campaign": LOSING_CAMPAIGN, "leads": [person.lead_id]})
    assert [call["error"] for call in run["calls"]] == ["Connection failed"], run
    rig.calm()
    rig.advance(3_600)
    # a warm function's copy of the clock is half a second old
    wait_for("the recovery", lambda: sum(invoke(story, "recover_calls")["recovered"].values()))
    (found,) = json.loads(story.cli("executions", "--lead", str(person.lead_id), "--json"))
    story.until("recovered", [found["execution_id"]], "ended")
    # the address is read from Marketo when the call runs
    assert len(json.loads(story.cli("executions", "--email", person.email, "--json"))) == 1


def alerts(story: "Story") -> None:
    """What is parked is told to whoever subscribed."""
    invoke(story, "send_alerts")
    story.cli("alerts", "list")
    story.cli("alerts", "list", "--json")


def admin_requests(story: "Story") -> None:
    """Everything that the admin API may do, with people in its answers; who came while his Action slept runs now."""
    person = story.person()
    ended = story.ended["created"][0]
    aside = json.loads(story.cli("executions", "--state", "not_run", "--json"))
    (kept,) = [each["execution_id"] for each in aside if each["action_id"] == "leak-flow-step"]
    document = yaml.safe_load(story.leaky("leak-admin"))
    typed = {"client_id": "typed-in-the-console", "client_secret": "typed-once-and-never-shown-again"}  # planted
    story.canaries.append(Canary("secret of a new connection", typed["client_secret"], "secret"))
    spare = {"kind": "marketo_connection", "name": "Spare", "base_url": story.rig.wires.marketo.url}
    for method, path, body in (
        ("GET", "/connections", None),
        ("PUT", "/connections/leak-spare", {"document": spare}),
        ("PUT", "/connections/leak-spare/secret", typed),
        ("GET", "/connections/leak-spare", None),
        ("DELETE", "/connections/leak-spare", None),
        ("POST", f"/connections/{CONNECTION}/test", None),
        ("GET", f"/actions/{story.action}/view", None),
        ("GET", f"/actions/{story.action}/webhook", None),
        ("GET", f"/actions/{story.action}/key", None),
        ("POST", f"/actions/{story.action}/try", {"lead_id": person.lead_id}),
        ("POST", "/documents/apply", {"documents": [document]}),
        ("POST", "/documents/action/leak-admin/state", {"move": "activate"}),
        ("POST", "/documents/action/leak-admin/state", {"move": "deactivate"}),
        ("DELETE", "/actions/leak-admin", None),
        ("POST", "/executions/search", {"email": person.email}),
        ("GET", f"/executions?lead_id={person.lead_id}", None),
        ("GET", "/executions?state=rejected", None),
        ("GET", f"/executions/{ended}", None),
        ("POST", "/documents/action/leak-flow-step/state", {"move": "activate"}),
        ("POST", "/executions/redrive", {"execution_ids": [kept], "dry_run": False}),
        ("GET", "/callbacks", None),
    ):
        ask(story, method, path, body)
    story.until("redriven by request", [kept], "ended")


def erasure(story: "Story") -> None:
    """Three people are forgotten as if they were one: of a cycle, of a chunk, and of a call with a claim.

    What others look for is read before, as files go as a whole.
    """
    assert story.left
    order = {"email": story.cycled[0], "ids": [str(each) for each in story.to_forget], "remove": True}
    # on a busy machine it takes longer than a request waits; the same request goes on
    wait_for("the erasure", lambda: sent(story, "POST", "/people/forget", order).json()["ended"], 120)
    found: set[str] = set()
    for each in sent(story, "GET", "/people/forgotten").json()["forgotten"]:
        found |= each["found"].keys()
    assert found >= {"executions", "links", "chunks", "keys", "files"}, found


def sync_requests(story: "Story", sync: str, slot: str) -> None:
    """A run's failed rows are read and tried again; a start beside that is refused; the Sync is deactivated."""
    runs = f"/syncs/{sync}/executions"
    ask(story, "GET", f"{runs}/{slot}/failed")
    # a run that waits for Salesforce is at work for as long as it is wanted
    story.rig.salesforce.fault("* /services/data/*", "delay", seconds=4.0)
    ask(story, "POST", f"{runs}/{slot}/retry", {})
    story.rig.advance(5)  # a run is called after its second
    wait_for("a start beside a run", lambda: sent(story, "POST", runs, {}).status_code == 409, PATIENCE)
    story.rig.salesforce.post("faults", [])

    def idle() -> bool:
        found = sent(story, "GET", runs).json()["runs"]
        return all(each["status"] in {"done", "failed"} for each in found)

    wait_for("the end of all runs", idle, 120)
    ask(story, "POST", f"/documents/sync/{sync}/state", {"move": "deactivate"})


def ask(story: "Story", method: str, path: str, body: Any = None) -> None:
    """One signed request, which must go well; its answer is the asker's own."""
    answer = sent(story, method, path, body)
    assert answer.is_success, (method, path, answer.text)


def sent(story: "Story", method: str, path: str, body: Any = None) -> httpx.Response:
    """One signed request, and its answer."""
    with httpx.Client(timeout=PATIENCE, trust_env=False, verify=False) as web:
        return web.send(signed(story.rig.stack, method, path, body))


def invoke(story: "Story", function: str, event: Any = None) -> Any:
    """Call a function as its schedule does; it must end well. Gives what it returns."""
    name = story.rig.stack.outputs[FUNCTIONS[function]]
    answer = story.rig.stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}).encode())
    said = answer["Payload"].read()
    story.seen.append(Place(f"invocation/{function}/{len(story.seen)}", said))
    assert "FunctionError" not in answer, said
    return json.loads(said)
