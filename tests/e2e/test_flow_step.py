"""The self-service flow step on the deployed stack: Marketo's twin installs it from its address and sends a chunk."""

import pytest

from tests.e2e.actions import MARKETO, an_action, as_yaml
from tests.e2e.lab import Lab, wait_for

MAPPINGS = {"callback": {"leadbridgeStatus": "title", "salesforceId": "department"}}


@pytest.mark.pain("P01", "P02")
def test_people_of_a_batch_campaign_are_written_and_told_with_one_callback(lab: Lab) -> None:
    """Installed from the address that the sheet names, with the key that the command line shows; each person has one
    Lead, and its id came back.

    Between the campaign's run and the last field the twin saw one call that names these people: the callback.
    """
    lab.cli("apply", lab.file("chunked.yaml", as_yaml([an_action("chunked")])))
    lab.cli("activate", "chunked")
    sheet = lab.cli("webhook-sheet", "chunked")
    [url] = [word for word in sheet.split() if word.endswith("/openapi.json")]
    key = lab.cli("keys", "show", f"flow-step/{MARKETO}").strip()
    made = lab.marketo.post("services", {"openapi_url": url, "key": key, "mappings": MAPPINGS})
    assert [each for each in made["log"] if each["level"] != "INFO"] == []
    assert "chunked" in {each["submittedValue"] for each in made["choices"]["action"]}
    [campaign] = lab.marketo.load("smartCampaigns", {"name": "Nightly people", "type": "batch"})
    steps = [{"service": made["name"], "parameters": {"action": "chunked"}}]
    lab.marketo.post("campaigns/flow", {"campaign": campaign, "steps": steps})
    people = lab.persons(20)
    mark = lab.marketo.mark()

    lab.marketo.post("campaigns/run", {"campaign": campaign, "leads": [person.lead_id for person in people]})

    wait_for("the callback", lambda: all(lab.marketo_lead(person).get("department") for person in people))
    for person in people:
        (lead,) = lab.leads(person.email)
        told = lab.marketo_lead(person)
        assert (told["title"], told["department"]) == ("Synced", lead["Id"])
        calls = lab.marketo.calls_since(mark, str(person.lead_id))
        assert [call["path"] for call in calls] == ["/selfservice/v1/flowComplete"]
        assert lab.results(person) == []
    (last,) = lab.json("executions", "--email", people[0].email)
    assert (last["action_id"], last["outcome"]) == ("chunked", "created")
