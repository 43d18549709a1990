"""The admin API on the deployed stack, signed as an administrator's tools would sign."""

from tests.e2e.lab import Lab
from tests.signing import signed


def test_an_administrator_tries_and_finds_over_http(lab: Lab) -> None:
    """What `try` says of a person is what the run then writes; the execution is found by its person.

    Nothing is written by the try."""
    (person,) = lab.persons(1)
    tried = lab.web.send(signed(lab.stack, "POST", "/actions/upsert/try", {"lead_id": person.lead_id}))
    assert tried.status_code == 200, tried.text
    assert lab.leads(person.email) == []

    (run,) = lab.run("upsert", person.body())

    (lead,) = lab.leads(person.email)
    said = tried.json()
    assert (said["operation"], said["outcome"]) == ("create", "created")
    assert {each["field"]: each["after"] for each in said["fields"]} == {
        each["field"]: lead[each["field"]] for each in said["fields"]
    }
    found = lab.web.send(signed(lab.stack, "POST", "/executions/search", {"email": person.email}))
    assert [each["execution_id"] for each in found.json()["executions"]] == [run["pk"].partition("#")[2]]


def test_nobody_is_let_in_without_a_signature(lab: Lab) -> None:
    """The gateway refuses a request that nobody signed, whatever it asks for, and says how to sign it."""
    for method, path in (("GET", "/actions"), ("POST", "/executions/redrive"), ("GET", "/openapi.json")):
        answer = lab.web.request(method, f"{lab.stack.outputs['AdminApiUrl']}{path}", json={})
        assert answer.status_code == 403, path
        assert "Signature" in answer.text or "Authentication" in answer.text
