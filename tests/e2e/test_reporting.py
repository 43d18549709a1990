"""What Marketo and the operator are told afterwards."""

from collections import Counter

import pytest

from tests.e2e.actions import ERROR, SUCCESS, an_action, as_yaml
from tests.e2e.lab import Lab, since

WRITE_BACK = "POST /rest/v1/leads.json"
BACK = ("salesforceId", "leadbridgeStatus")


@pytest.mark.cap("A38", "A39")
def test_values_come_back_to_the_person_after_creating_and_updating(lab: Lab) -> None:
    """After a create the Marketo person carries the new Lead's Id; after an update it carries the Lead's status."""
    new, known = lab.persons(2)
    lab.salesforce.load(
        "Lead",
        {"Email": known.email, "LastName": "Before", "Company": "X", "Status": "Working - Contacted"},
    )

    lab.run("upsert", new.body())
    lab.run("status-back", known.body())

    assert lab.marketo_lead(new)["salesforceId"] == lab.leads(new.email)[0]["Id"]
    assert lab.marketo_lead(known)["leadbridgeStatus"] == "Working - Contacted"


@pytest.mark.cap("A40")
def test_nothing_comes_back_after_a_failure_or_a_skip(lab: Lab) -> None:
    """Persons whose record failed or was skipped keep what Marketo held, and the write-back status says why."""
    held = {"salesforceId": "00Qbefore", "leadbridgeStatus": "Before"}
    failing, skipped = lab.persons(2, **held)

    executions = [*lab.run("upsert", failing.body(lastName="L" * 81)), *lab.run("update", skipped.body())]

    assert [each["outcome"] for each in executions] == ["failed", "skipped"]
    for person in (failing, skipped):
        assert {name: lab.marketo_lead(person)[name] for name in BACK} == held
    said = [lab.json("show", each["execution_id"])["writeback"] for each in executions]
    assert [(each["status"], each["reason"]) for each in said] == [
        ("not_attempted", "salesforce_STRING_TOO_LONG"),
        ("not_attempted", "no_match"),
    ]


@pytest.mark.cap("A54", "A55", "A56")
def test_the_custom_activity_tells_success_or_error_with_the_details(lab: Lab) -> None:
    """A success is logged with the configured success value and this execution's Salesforce Id; a failure with the
    errored value and this execution's message; each once, with the execution's id."""
    fine, failing = lab.persons(2)

    success, failure = lab.run("upsert", fine.body(), failing.body(lastName="L" * 81))

    [told] = lab.results(fine)
    assert (told["value"], told["Salesforce Id"]) == (SUCCESS, lab.leads(fine.email)[0]["Id"])
    assert (told["Execution Id"], told["Action"]) == (success["execution_id"], "created")
    [told] = lab.results(failing)
    assert told["value"] == ERROR
    assert told["Message"] == failure["message"]
    assert "STRING_TOO_LONG" in told["Message"]
    assert (told["Execution Id"], told["Action"]) == (failure["execution_id"], "failed")


@pytest.mark.cap("A57")
def test_an_activity_without_mappings_is_refused(lab: Lab) -> None:
    """Saving an Action whose custom activity has no mapping is refused, naming the member; nothing is stored."""
    document = an_action("no-activity-mapping")
    document["results"]["mappings"] = []

    said = lab.cli_fails("apply", lab.file("no-activity-mapping.yaml", as_yaml([document])))

    assert "no-activity-mapping" in said
    assert "/results/mappings: " in said
    assert lab.call("no-activity-mapping", {"lead": {"id": 1}}).status_code == 401


@pytest.mark.cap("A61")
def test_executed_at_is_when_the_worker_began(lab: Lab) -> None:
    """The recorded moment is UTC in ISO 8601 and at most a second before the first vendor call about the person."""
    lab.run("upsert", lab.person().body())  # so that no describe or login is due
    person = lab.person()
    mark = lab.salesforce.mark()

    [execution] = lab.run("upsert", person.body())

    written = lab.json("show", execution["execution_id"])["executed_at"]
    first = min(since(call["at"]) for call in lab.salesforce.calls_since(mark, person.email))
    assert written.endswith("Z")
    assert 0 <= (first - since(written)).total_seconds() <= 1


@pytest.mark.cap("A62")
def test_the_write_back_status_is_told_for_each_execution(lab: Lab) -> None:
    """Written, not configured, or failed with Marketo's code: here for a person that Marketo no longer has."""
    written, silent = lab.persons(2)
    gone = lab.person()
    body = gone.body()
    body["lead"]["id"] = "99999999"

    executions = [
        *lab.run("upsert", written.body()),
        *lab.run("silent", silent.body()),
        *lab.run("upsert", body),
    ]

    listed = {row["execution_id"]: row["writeback"] for row in lab.json("executions")}
    first, second, third = (listed[each["execution_id"]] for each in executions)
    assert (first["status"], second["status"], third["status"]) == ("written", "not_configured", "failed")
    assert third["reason"] == "marketo_1004"
    assert lab.marketo_lead(written)["leadbridgeStatus"] == "Synced"
    assert lab.marketo_lead(silent).get("leadbridgeStatus") is None
    assert executions[2]["outcome"] == "created"


@pytest.mark.cap("A63", "A68")
def test_the_campaign_and_the_vendors_message_are_recorded(lab: Lab) -> None:
    """The campaign's name stands in the execution; a refused record has Salesforce's code and sentence, with the value
    that was sent masked."""
    person, company = lab.person(), "Overlong " + "x" * 250
    campaign = {"id": "2001", "name": "Spring webinar – registered"}
    lab.told.add(company)

    [execution] = lab.run("upsert", person.body(company=company, campaign=campaign))

    shown = lab.json("show", execution["execution_id"])
    assert shown["campaign_name"] == "Spring webinar – registered"
    assert (shown["outcome"], shown["reason"]) == ("failed", "salesforce_STRING_TOO_LONG")
    assert "STRING_TOO_LONG" in shown["message"]
    assert "Company: data value too large" in shown["message"]
    assert "max length=255" in shown["message"]
    assert "Overlong" not in shown["message"]


@pytest.mark.cap("A64", "A65", "A66")
def test_totals_created_and_updated_are_what_salesforce_holds(lab: Lab) -> None:
    """Over a mixed batch the executions' totals are the records received, and created and updated are the records that
    Salesforce created and changed."""
    new, known, skipped = lab.persons(4), lab.persons(3), lab.person()
    ids = lab.salesforce.load("Lead", *({"Email": each.email, "LastName": "Before", "Company": "X"} for each in known))
    before = {lead["Id"] for lead in lab.salesforce.records("Lead")}
    bodies = [each.body() for each in [*new, *known]] + [skipped.body(email="")]

    sent = set(lab.send_at_once("upsert", bodies))
    lab.ended(list(sent))

    summed: Counter[str] = Counter()
    for row in lab.json("executions"):
        if row["execution_id"] in sent:
            summed.update(row["counts"])
    made = [lead for lead in lab.salesforce.records("Lead") if lead["Id"] not in before]
    changed = [one for one in ids if lab.lead(one)["LastName"] != "Before"]
    assert summed["total"] == len(bodies) == len(sent)
    assert summed["created"] == len(made) == len(new)
    assert summed["updated"] == len(changed) == len(known)


@pytest.mark.cap("A67", "A69")
def test_failed_counts_and_all_counts_reconcile(lab: Lab) -> None:
    """Records that ended in error are counted as failed; for every execution of the session that has ended, the total
    is the sum of the outcomes, and what was rejected stands beside them with none."""
    wrong = lab.persons(2)
    failed = lab.run("upsert", wrong[0].body(lastName="L" * 81), wrong[1].body(company=None))
    lab.run("once", *[lab.person().body()] * 2)
    rejected = lab.post("upsert", b"{").json()["execution_id"]
    lab.ended([rejected])

    rows = {row["execution_id"]: row for row in lab.json("executions")}

    assert [rows[each["execution_id"]]["counts"]["failed"] for each in failed] == [1, 1]
    assert [each["reason"] for each in failed] == [
        "salesforce_STRING_TOO_LONG",
        "salesforce_REQUIRED_FIELD_MISSING",
    ]
    ended = [row["counts"] for row in rows.values() if row["state"] == "ended"]
    names = {"created", "updated", "unchanged", "skipped", "duplicate", "superseded", "failed", "decided"}
    assert ended
    assert {frozenset(counts) for counts in ended} == {frozenset({*names, "total"})}
    assert [counts for counts in ended if counts["total"] != sum(counts[name] for name in names)] == []
    assert rows[rejected]["state"] == "rejected"
    assert sum(rows[rejected]["counts"][name] for name in names) == 0
