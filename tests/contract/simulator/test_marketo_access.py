"""Who may call: permissions of the API-only user's role, the address, and whether the API answers at all.

The documented answers: a call without its permission, or from an address that is not allowed, is 603; each kind of
record has a permission to read and one to write, and the latter includes the former; an API that is down for a moment
is 608, an instance that cannot be reached 614; usage may be read by everybody; a refused call changes nothing.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

NEW = {"input": [{"email": "new@example.com"}]}


def code_of(answer: httpx.Response) -> str | None:
    """Give the code of a call that failed as a whole, or nothing."""
    errors = answer.json().get("errors")
    return errors[0]["code"] if errors else None


def deny(client: httpx.Client, *names: str) -> dict[str, Any]:
    """Take permissions out of the role."""
    document: dict[str, Any] = client.post("/_sim/permissions", json={"denied": list(names)}).raise_for_status().json()
    return document


@pytest.mark.parametrize(
    ("denied", "method", "path"),
    [
        ("Read-Write Lead", "POST", "/rest/v1/leads.json"),
        ("Read-Write Lead", "POST", "/rest/v1/leads/delete.json"),
        ("Read-Write Lead", "POST", "/rest/v1/lists/1/leads.json"),
        ("Read-Write Lead", "POST", "/bulk/v1/leads.json?format=csv"),
        ("Read-Write Lead", "POST", "/rest/v1/programs/1/members/status.json"),
        ("Read-Write Company", "POST", "/rest/v1/companies.json"),
        ("Read-Write Opportunity", "POST", "/rest/v1/opportunities/roles.json"),
        ("Read-Write Sales Person", "POST", "/rest/v1/salespersons/delete.json"),
        ("Read-Write Custom Object", "POST", "/rest/v1/customobjects/car_c.json"),
        ("Read-Write Custom Object", "POST", "/bulk/v1/customobjects/car_c/import.json"),
        ("Read-Write Custom Object Type", "POST", "/rest/v1/customobjects/schema.json"),
        ("Read-Write Activity", "POST", "/rest/v1/activities/external.json"),
        ("Read-Write Activity Metadata", "POST", "/rest/v1/activities/external/type.json"),
        ("Read-Write Assets", "POST", "/rest/asset/v1/staticLists.json"),
        ("Execute Campaign", "POST", "/rest/v1/campaigns/1/trigger.json"),
        ("Activate Campaign", "POST", "/rest/asset/v1/smartCampaign/1/activate.json"),
        ("Deactivate Campaign", "POST", "/rest/asset/v1/smartCampaign/1/deactivate.json"),
        ("Read-Write Schema Custom Field", "POST", "/rest/v1/leads/schema/fields.json"),
    ],
)
def test_a_write_needs_its_permission(marketo: httpx.Client, denied: str, method: str, path: str) -> None:
    """Without it 603, whatever else the call has wrong; with it the call gets past the gate."""
    deny(marketo, denied)

    refused = marketo.request(method, path, json=NEW)
    untouched = marketo.get("/_sim/records/leads").json()
    deny(marketo)
    passed = marketo.request(method, path, json=NEW)

    assert (code_of(refused), untouched) == ("603", [])
    assert code_of(passed) != "603"


@pytest.mark.parametrize(
    ("subject", "path"),
    [
        ("Lead", "/rest/v1/leads/describe2.json"),
        ("Lead", "/bulk/v1/leads/export.json"),
        ("Company", "/rest/v1/companies/describe.json"),
        ("Opportunity", "/rest/v1/opportunities/roles/describe.json"),
        ("Sales Person", "/rest/v1/salespersons/describe.json"),
        ("Activity", "/rest/v1/activities/types.json"),
        ("Activity Metadata", "/rest/v1/activities/external/types.json"),
        ("Custom Object", "/rest/v1/customobjects.json"),
        ("Custom Object Type", "/rest/v1/customobjects/schema.json"),
        ("Assets", "/rest/asset/v1/channels.json"),
        ("Campaigns", "/rest/v1/campaigns.json"),
    ],
)
def test_reading_needs_one_of_two_permissions(marketo: httpx.Client, subject: str, path: str) -> None:
    """Either opens the read; without both it is 603."""
    either = [f"Read-Only {subject}", f"Read-Write {subject}"]
    answers = []
    for denied in (either[:1], either[1:], either):
        deny(marketo, *denied)
        answers.append(code_of(marketo.get(path)))

    assert answers == [None, None, "603"]


def test_usage_needs_no_permission_and_the_role_is_of_one_user(marketo: httpx.Client) -> None:
    """Without any permission usage is still read; the other integration has its own role; a reset gives all back."""
    everything = marketo.get("/_sim/permissions").json()["granted"]
    deny(marketo, *everything)
    usage = marketo.get("/rest/v1/stats/usage.json").json()
    ours = marketo.get("/rest/v1/leads/describe.json")
    known = marketo.get("/_sim/credentials").json()
    other = {"client_id": known["other_client_id"], "client_secret": known["other_client_secret"]}
    token = marketo.get("/identity/oauth/token", params={"grant_type": "client_credentials", **other}).json()
    theirs = marketo.get("/rest/v1/leads/describe.json", headers={"Authorization": f"Bearer {token['access_token']}"})
    marketo.post("/_sim/reset")

    assert usage["success"] is True
    assert [code_of(ours), code_of(theirs)] == ["603", None]
    assert marketo.get("/_sim/permissions").json() == {"granted": everything, "denied": []}
    assert marketo.post("/_sim/permissions", json={"denied": ["Fly"]}).status_code == 400
    assert marketo.post("/_sim/permissions", json=["Fly"]).status_code == 400


@pytest.mark.parametrize(
    ("switch", "code"), [("api_available", "608"), ("subscription_reachable", "614"), ("address_allowed", "603")]
)
def test_an_api_that_is_closed_says_why(marketo: httpx.Client, switch: str, code: str) -> None:
    """Nothing is written; once the switch is on again the same call passes."""
    marketo.post("/_sim/limits", json={switch: False})
    refused = marketo.post("/rest/v1/leads.json", json=NEW)
    empty = marketo.get("/_sim/records/leads").json()
    marketo.post("/_sim/limits", json={switch: True})
    passed = marketo.post("/rest/v1/leads.json", json=NEW)

    assert [code_of(refused), empty, code_of(passed)] == [code, [], None]
