"""The command line on a deployed stack."""

import json

import pytest

from tests.e2e.actions import an_action, as_yaml, assert_mistakes_told, misnamed, misshapen
from tests.e2e.lab import Lab, since, wait_for


def test_a_document_is_applied_changed_exported_and_taken_back(lab: Lab) -> None:
    """A new Action is stored inactive, in the words of its author and under the caller's AWS identity; a change makes
    version 2 after a plan that names it; an export plans no change; a rollback brings the words back."""
    text = "# who asked for it\n" + as_yaml([an_action("toured")])
    file = lab.file("toured.yaml", text)
    began = lab.marketo.now()

    first = lab.cli("apply", file)
    exported = lab.cli("export", "toured")
    second = lab.json("apply", file)
    changed = lab.cli("apply", lab.file("changed.yaml", text.replace("upsert", "update")), "--note", "Only updates")
    lab.cli("rollback", "toured", "1")
    unchanged = lab.json("plan", lab.file("exported.yaml", exported))
    [third, *older] = lab.json("history", "toured")

    assert first.splitlines()[-1] == "action toured: version 1 stored (inactive, validated)"
    assert exported == text
    facts = {"kind": "action", "id": "toured", "version": 1, "state": "validated", "active": False}
    assert second == [facts | {"changed": False}]
    assert changed.splitlines() == [
        "action toured: to change",
        '  ~ /type: "upsert" → "update"',
        "Plan: 1 to change.",
        "action toured: version 2 stored (inactive, validated)",
    ]
    assert [(each["id"], each["effect"], each["version"]) for each in unchanged] == [("toured", "nothing", 3)]
    assert (third["version"], third["note"]) == (3, "Rollback to version 1")
    assert [each["note"] for each in older] == ["Only updates", None]
    assert third["author"].startswith("arn:aws:")
    assert began <= since(third["at"]) <= lab.marketo.now()


@pytest.mark.cap("A02")
def test_every_mistake_is_listed_and_what_is_stored_goes_by_its_name(lab: Lab) -> None:
    """Mistakes of the shape, a blank name among them, and mistakes against both vendors' fields are listed, each with
    its Action and member, and the sound Action beside them is not stored. What is stored has its name in the list of
    Actions, in the rows of executions, and in the worker's log line."""
    shape, fields = misshapen(), misnamed()
    person = lab.person()
    lab.run("upsert", person.body())

    shapes = lab.cli_fails("apply", lab.file("bad-shape.yaml", as_yaml([*shape, an_action("sound")])))
    checks = lab.cli_fails("apply", lab.file("bad-fields.yaml", as_yaml([fields, an_action("sound")])))

    assert_mistakes_told(shapes, checks)
    stored = {row["id"]: row["name"] for row in lab.json("actions")}
    assert stored["upsert"] == "Test upsert"
    assert stored.keys().isdisjoint({"bad-shape", "Bad Id", "bad-fields", "sound"})
    [row] = lab.json("executions", "--lead", str(person.lead_id))
    assert row["action_name"] == "Test upsert"
    drained = [line for line in lab.stack.function_logs("run_actions") if "lane drained" in line]
    assert any('"Test upsert (upsert)"' in line for line in drained)


def test_a_deactivated_action_is_recorded_and_not_run(lab: Lab) -> None:
    """After `deactivate` a call is answered `not_active`; `actions` shows the state; an unknown Action is refused."""
    person = lab.person()

    said = lab.cli("deactivate", "retired")
    answer = lab.call("retired", person.body())
    unknown = lab.cli_fails("activate", "no-such-action")

    assert said == "retired is inactive.\n"
    assert (answer.status_code, answer.json()["status"]) == (200, "not_active")
    [recorded] = lab.ended([answer.json()["execution_id"]])
    assert recorded["state"] == "not_run"
    states = {row["id"]: (row["active"], row["state"], row["url"]) for row in lab.json("actions")}
    assert states["retired"] == (False, "inactive", f"{lab.stack.webhook_url}/retired")
    assert states["upsert"][:2] == (True, "active")
    assert "There is no Action no-such-action" in unknown


def test_executions_are_found_by_lead_email_reason_and_time(lab: Lab) -> None:
    """Each filter lists the executions it describes and no others; the address is found in any case."""
    one, other = lab.persons(2)
    lab.run("upsert", one.body(), one.body(title="Again"), other.body(email="not-an-address", title="x"))

    by_lead = lab.json("executions", "--lead", str(one.lead_id))
    by_email = lab.json("executions", "--email", f" {one.email.upper()} ")
    by_reason = lab.json("executions", "--reason", "identifier_invalid", "--lead", str(other.lead_id))
    future = lab.json("executions", "--since", "2099-01-01T00:00:00Z")
    recent = lab.json("executions", "--since", "1h")

    assert [row["outcome"] for row in by_lead] == ["created", "updated"]
    assert by_email == by_lead
    assert {row["lead_id"] for row in by_lead} == {one.lead_id}
    assert [(row["lead_id"], row["outcome"]) for row in by_reason] == [(other.lead_id, "skipped")]
    assert future == []
    assert {row["execution_id"] for row in [*by_lead, *by_reason]} <= {row["execution_id"] for row in recent}
    members = "execution_id action_id version received_at executed_at lead_id salesforce_id outcome reason message"
    assert {*members.split(), "counts", "writeback", "activity", "state"} <= set(by_lead[0])
    assert one.email not in json.dumps(recent)


def test_an_execution_is_shown_and_an_unknown_one_refused(lab: Lab) -> None:
    """`show` tells one execution as a table and as JSON; an id that is none is refused with a sentence."""
    person = lab.person()
    [execution] = lab.run("upsert", person.body())
    identity = execution["execution_id"]

    shown = lab.json("show", identity)
    text = lab.cli("show", identity)
    refused = lab.cli_fails("show", "0" * 32)

    assert (shown["execution_id"], shown["outcome"]) == (identity, "created")
    assert (shown["writeback"], shown["activity"]) == ({"status": "written"}, {"status": "added"})
    assert shown["salesforce_id"] in text
    assert "Action Test upsert (upsert), version " in text
    assert "created 1" in text
    assert "There is no execution" in refused


def test_a_call_that_did_not_run_is_redriven_after_the_activation(lab: Lab) -> None:
    """`redrive --dry-run` says what would be done and changes nothing; `redrive` runs the call once; a second time
    there is nothing left to run."""
    person, answer = lab.asleep[1]
    identity = answer["execution_id"]
    [before] = lab.ended([identity])
    kept = lab.stored(identity, "payload")

    [planned] = lab.json("redrive", identity, "--dry-run")
    unchanged = lab.stored(identity)
    [done] = lab.json("redrive", identity)
    ended = wait_for("the end", lambda: (found := lab.stored(identity))["state"] == "ended" and found)
    again = lab.cli("redrive", identity)

    assert (planned["done"], planned["note"]) == (False, "Would be run again.")
    assert (unchanged, before["state"]) == (before, "not_run")
    assert kept["payload"]
    assert (done["done"], ended["outcome"]) == (True, "created")
    assert [lead["Id"] for lead in lab.leads(person.email)] == [ended["salesforce_id"]]
    assert lab.stored(identity, "payload") == {}
    assert "It has ended and its payload was removed." in again
    assert "0 of 1 run again." in again


def test_a_rejected_body_that_is_still_unusable_is_not_redriven(lab: Lab) -> None:
    """`redrive` says why the body cannot run, keeps it, and prints nothing of it; a choice is asked for where none is
    given."""
    person = lab.person()
    body = json.dumps({"person": person.body()["lead"]}).encode()
    identity = lab.post("upsert", body).json()["execution_id"]
    lab.ended([identity])
    before = (lab.stored(identity), lab.stored(identity, "payload"))

    said = lab.cli("redrive", identity)
    shown = lab.cli("show", identity, "--json")
    refused = lab.cli_fails("redrive")

    assert f"{identity}: Its body is still unusable: The call has no lead: " in said
    assert (lab.stored(identity), lab.stored(identity, "payload")) == before
    assert before[1]["body"]
    assert person.email not in said + shown
    assert json.loads(shown)["state"] == "rejected"
    assert "Say which" in refused
