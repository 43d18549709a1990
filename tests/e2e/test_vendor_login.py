"""How the deployed workers log in to Marketo, as its simulator sees it."""

import pytest

from tests.e2e.lab import Lab

IDENTITY = "/identity/oauth/token"
SYNC = "/rest/v1/leads.json"
USAGE = "/rest/v1/stats/usage.json"


@pytest.mark.cap("U07")
def test_a_dead_token_leads_to_one_login_and_one_replay(lab: Lab) -> None:
    """The first call of all is a login at the identity endpoint; after 601 and after 602 the same call is sent once
    more, after exactly one login, and the write-back arrives."""
    lab.run("upsert", lab.person().body())
    log = lab.marketo.calls_since(0)
    assert log[0]["path"] == IDENTITY
    for code in ("601", "602"):
        person = lab.person()
        rule = {"match": f"POST {SYNC}", "kind": "vendor_error", "code": code, "message": "Access token", "times": 1}
        lab.marketo.post("faults", [rule])
        mark = lab.marketo.mark()

        [execution] = lab.run("upsert", person.body())

        lab.marketo.post("faults", [])
        # a worker asks for the day's calls after its run, which may be the one before
        paths = [call["path"] for call in lab.marketo.calls_since(mark) if call["path"] != USAGE]
        # where the worker before is not done yet, a process of its own logs in before its first call
        assert paths[paths.index(SYNC) :][:3] == [SYNC, IDENTITY, SYNC]
        assert (paths[paths.index(SYNC) :].count(IDENTITY), paths.count(SYNC)) == (1, 2)
        assert execution["writeback"] == {"status": "written"}
        assert lab.marketo_lead(person)["leadbridgeStatus"] == "Synced"


@pytest.mark.cap("U08")
def test_the_token_travels_in_the_header_only(lab: Lab) -> None:
    """Marketo refuses a token in a query or form with 603; of all calls of the workers and the command line so far, it
    refused none that way."""
    lab.run("upsert", lab.person().body())
    credentials = lab.stack.simulators["marketo_credentials"]
    login = {
        "grant_type": "client_credentials",
        "client_id": credentials["other_client_id"],
        "client_secret": credentials["other_client_secret"],
    }
    token = lab.web.post(f"{lab.marketo.url}{IDENTITY}", params=login).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    errors = f"{lab.marketo.url}/rest/v1/stats/errors.json"

    def refusals() -> int:
        told = lab.web.get(errors, headers=bearer).json()["result"]
        return sum(int(each["count"]) for day in told for each in day["errors"] if each["errorCode"] == "603")

    before = refusals()
    url = f"{lab.marketo.url}/rest/v1/leads/describe2.json"
    rude = [
        lab.web.get(url, params={"access_token": token}),
        lab.web.get(url, params={"access_token": token}, headers=bearer),
        lab.web.post(url, data={"access_token": token, "_method": "GET"}, headers=bearer),
    ]

    assert before == 0
    assert [answer.json()["errors"][0]["code"] for answer in rude] == ["603"] * 3
    assert refusals() == 3
