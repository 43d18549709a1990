"""Chapters of the story about the CRM cycle: people who go both ways, a write that fails, a record that is announced.

The runs take a while, so other chapters, which ask no vendor, are told while the longest of them is at work.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx

from tests.builders.announced import an_outbound_message
from tests.fault.leaks import doors
from tests.fault.leaks.scanner import Place
from tests.fault.rig import CREATE, PATIENCE, wait_for

if TYPE_CHECKING:
    from tests.fault.leaks.story import Story

CYCLE = "leak-cycle"
DOCUMENT = """\
format: 1
kind: crm_cycle
id: leak-cycle
name: Leak cycle
marketo: marketo-demo
salesforce: leak-org
mode: replace_native
persons:
  id_field: salesforceId
  leads:
    fields:
      - {marketo: email, salesforce: Email}
      - {marketo: firstName, salesforce: FirstName}
      - {marketo: lastName, salesforce: LastName}
      - {marketo: company, salesforce: Company}
      - {marketo: phone, salesforce: Phone}
      - {marketo: title, salesforce: Title}
  create_in_salesforce:
    conditions:
      clauses: [{column: rating, operator: equals, value: Cycled}]
"""
#: a cycle reads up to ten minutes ago, and what a vendor told late of the minute before
BEHIND_SECONDS = 720
#: a run goes through a dozen executions, one after the other
MINUTES = 240.0


def begun(story: "Story") -> None:
    """A cycle that begins from now on, a look that finds nothing, and a run that takes new people both ways; one of
    them is refused.

    Beside it neither a tick nor a person starts another one.
    """
    rig, runs = story.rig, f"/cycles/{CYCLE}/executions"
    file = rig.folder / "cycle.yaml"
    file.write_text(DOCUMENT)
    # what other chapters have done lies behind the watermarks
    rig.advance(BEHIND_SECONDS)
    rig.cli("apply", str(file))
    story.cli("cycle", "activate", CYCLE)
    doors.ask(story, "POST", runs, {"from_now": True})
    assert _ended(story, 1)["rows"] == 0
    rig.advance(BEHIND_SECONDS)
    # both systems are asked, since neither has anything new
    idle = _ticked(story)
    assert idle["because"] == "idle", idle

    there = story.values()
    rig.salesforce.load("Lead", [{name[0].upper() + name[1:]: value for name, value in there.items()}])
    refused = story.values(rating="Cycled")
    _kept(story, refused)
    rig.advance(BEHIND_SECONDS)
    text = f"First Name: data value too large: {refused['firstName']} of {refused['email']} (max length=40)"
    rig.salesforce.fault(CREATE, "row_error", code="STRING_TOO_LONG", message=text, times=1)
    fired = _ticked(story)
    assert fired["started"], fired
    beside = doors.invoke(story, "start_sync", {"cycle": CYCLE})
    assert beside["because"].startswith("running"), beside
    assert doors.sent(story, "POST", runs, {}).status_code == 409
    doors.ask(story, "POST", f"{runs}/{fired['slot']}/ask", {"what": "resume"})
    story.cycled = (there["email"], refused["email"])


def went_on(story: "Story") -> None:
    """The run ends; each side is edited, a record is announced twice, and the one that was refused is looked at again.

    Then the cycle is inactive, so that nothing more of it comes between.
    """
    rig = story.rig
    there, refused = story.cycled
    first = _ended(story, 2)
    assert (first["status"], rig.salesforce.hits()) == ("done", 1), first
    rig.calm()
    assert not rig.leads(refused)
    found = rig.lead(there)
    lead = found["Id"]
    [person] = [each for each in rig.marketo.records("leads") if each["salesforceId"] == lead]
    assert person["email"] == there
    _kept(story, {"email": there, "firstName": f"{found['FirstName']} the second"})
    fields = {"Title": f"{found['Title']} in chief"}
    rig.salesforce.post("set", {"object": "Lead", "ids": [lead], "fields": fields})
    # the gap is not over yet, so that no run takes the first note before the second one comes
    for number in range(2):
        before = _noted(story, lead)
        _announced(story, f"04lCy{number:010}", lead, there)
        wait_for("the announced record is due", lambda before=before: _noted(story, lead) != before)  # type: ignore[misc] # mypy cannot infer a lambda with a default

    rig.advance(BEHIND_SECONDS)
    fired = _ticked(story)
    assert fired["started"], fired
    second = _ended(story, 3)
    assert second["status"] == "done", second
    assert len(rig.leads(refused)) == 1, second
    found = rig.lead(there)
    assert found["FirstName"].endswith("the second"), second
    assert not _noted(story, lead)
    story.cli("cycle", "list")
    story.cli("cycle", "show", CYCLE)
    for path in ("/cycles", f"/cycles/{CYCLE}", f"/cycles/{CYCLE}/executions/{second['slot']}"):
        doors.ask(story, "GET", path)
    for slot in (first["slot"], second["slot"]):
        story.cli("cycle", "executions", CYCLE, slot)
        story.cli("cycle", "executions", CYCLE, slot, "--json")
        doors.ask(story, "GET", f"/cycles/{CYCLE}/executions/{slot}/rows")
    story.cli("cycle", "record", CYCLE, lead)
    story.cli("cycle", "due", CYCLE)
    for path in (f"records/{lead}", f"records/{person['id']}", "due"):
        doors.ask(story, "GET", f"/cycles/{CYCLE}/{path}")
    doors.ask(story, "POST", f"/documents/crm_cycle/{CYCLE}/state", {"move": "deactivate"})


def _ticked(story: "Story") -> dict[str, Any]:
    """What a tick tells once the gap is over; a warm function's copy of the clock is half a second old.

    A run has ended before it gives its lease back.
    """

    def told() -> dict[str, Any] | None:
        answer: dict[str, Any] = doors.invoke(story, "start_sync", {"cycle": CYCLE})
        return None if answer["because"] == "gap" or answer["because"].startswith("running: ") else answer

    return wait_for("the end of the gap", told, every=0.5)


def _ended(story: "Story", number: int) -> dict[str, Any]:
    """The newest run, once there are so many and it has ended."""

    def over() -> dict[str, Any] | None:
        answer = doors.sent(story, "GET", f"/cycles/{CYCLE}/executions").json()
        newest = answer["runs"][0] if len(answer["runs"]) == number else {}
        return dict(newest) if newest.get("ended_at") else None

    return wait_for(f"the end of run {number} of the cycle", over, MINUTES, every=0.5)


def _kept(story: "Story", values: Mapping[str, str]) -> None:
    """Somebody else makes or edits a person in Marketo, whose log tells of it; of what is loaded it tells nothing."""
    who = story.rig.stack.simulators["marketo_credentials"]
    login = {
        "grant_type": "client_credentials",
        "client_id": who["other_client_id"],
        "client_secret": who["other_client_secret"],
    }
    address = story.rig.marketo.url
    document = {"action": "createOrUpdate", "lookupField": "email", "input": [values]}
    with httpx.Client(timeout=PATIENCE, trust_env=False) as web:
        token = web.post(f"{address}/identity/oauth/token", params=login).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        answer = web.post(f"{address}/rest/v1/leads.json", json=document, headers=bearer)
    assert answer.json()["result"][0]["status"] in {"created", "updated"}, answer.text


def _announced(story: "Story", notification: str, lead: str, email: str) -> None:
    """An outbound message about a Lead, with more in it than anybody asked for."""
    rig = story.rig
    key = story.outbound_key
    [org] = rig.salesforce.records("Organization")
    fields = f"<sf:Email>{email}</sf:Email>"
    message = an_outbound_message((notification, "Lead", lead), organization=org["Id"], fields=fields)
    address = f"{rig.stack.outputs['ApiUrl']}/outbound-messages/{doors.ORG}/{key}"
    with httpx.Client(timeout=PATIENCE, trust_env=False) as web:
        answer = web.post(address, content=message, headers={"Content-Type": "text/xml"})
    assert answer.status_code == 200, answer.text
    story.seen.append(Place(f"answer/announced Lead {notification}", answer.content))


def _noted(story: "Story", lead: str) -> str:
    """Where a Lead's note stands among what is due; empty if it is not due."""
    key = {"pk": {"S": f"cycle#{CYCLE}"}, "sk": {"S": f"due#record#salesforce#Lead#{lead}"}}
    found = story.rig.dynamodb.get_item(
        TableName=story.rig.stack.outputs["StateTableName"], Key=key, ConsistentRead=True
    )
    return str(found["Item"]["place"]["S"]) if "Item" in found else ""
