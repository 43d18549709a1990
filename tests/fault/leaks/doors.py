"""Chapters of the story about the other doors: flow steps, recovered calls, alerts, the admin API."""

import json
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from devstack.stack import FUNCTIONS
from tests.fault.leaks.scanner import Canary, Place
from tests.fault.rig import PATIENCE, wait_for
from tests.signing import signed

if TYPE_CHECKING:
    from tests.fault.leaks.story import Story

CONNECTION = "marketo-demo"
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
        run = rig.marketo.post("campaigns/run", {"campaign": CAMPAIGN, "leads": [person.lead_id]})
        assert [chunk["status"] for chunk in run["chunks"]] == [201], run
        wait_for("the callback", lambda: not rig.marketo._get("services")["waiting"])
    invoke(story, "call_back")
    for sent, content in ((key, json.dumps(story.body(story.person()))), (f"{key}x", "{}")):
        headers = {"X-Leadbridge-Key": sent, "X-API-Key": sent, "Content-Type": "application/json"}
        with httpx.Client(timeout=PATIENCE, trust_env=False, verify=False) as web:
            answer = web.post(f"{url}/submitAsyncAction", content=content, headers=headers)
        story.seen.append(Place(f"answer/flow step {answer.status_code}", answer.content))


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
    for method, path, body in (
        ("GET", "/connections", None),
        ("GET", f"/actions/{story.action}/view", None),
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


def invoke(story: "Story", function: str) -> Any:
    """Call a function as its schedule does; it must end well. Gives what it returns."""
    name = story.rig.stack.outputs[FUNCTIONS[function]]
    answer = story.rig.stack.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    said = answer["Payload"].read()
    story.seen.append(Place(f"invocation/{function}/{len(story.seen)}", said))
    assert "FunctionError" not in answer, said
    return json.loads(said)
