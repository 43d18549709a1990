"""`leadbridge syncs` in this process: a Sync from its file to its preview, on an in-process AWS and both twins."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from leadbridge.aws.objects import S3Objects
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.rows import RowEnd
from leadbridge.domain.syncing import Step, SyncRun, Totals
from leadbridge.usecases.sync_files import write_page, write_results
from tests.builders.connectors import LIST, LIST_ID, a_connector_document
from tests.builders.syncs import a_sync_document
from tests.e2e.actions import MARKETO, SALESFORCE, as_yaml
from tests.fakes.clock import NOON
from tests.integration.aws.local_aws import create_table
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_cli_documents import Lab, lab

__all__ = ["lab"]

SYNC = "contacts-to-people"
ENDS: dict[str, Any] = {
    "source": {"connection": SALESFORCE, "object": "Contact"},
    "destination": {"connection": MARKETO, "object": "leads"},
}

A_RUN = SyncRun(
    sync=SYNC,
    slot="20260302T120000Z",
    version=1,
    source="salesforce",
    destination="marketo",
    epoch=1,
    started_at=NOON,
    step=Step.DONE,
    ended_at=NOON,
)


@pytest.fixture
def desk(lab: Lab) -> Lab:  # the fixture of the other module
    """The deployment, with a table for runs."""
    create_table(lab.target.session.client("dynamodb"), "ExecutionsTable")
    outputs = {**lab.target.outputs, "ExecutionsTableName": "ExecutionsTable", "RetentionDays": "30"}
    outputs["SyncMachineArn"] = "arn:aws:states:eu-central-1:123456789012:stateMachine:nobody"
    return replace(lab, target=replace(lab.target, outputs=outputs))


def a_file(desk: Lab, name: str = "sync.yaml", **members: Any) -> str:
    """The Sync in a file."""
    return desk.file(name, as_yaml([a_sync_document(**{**ENDS, **members})]))


@pytest.mark.cap("S05")
def test_a_sync_is_applied_listed_shown_and_previewed(
    desk: Lab, clients: Clients, marketo: Twin, salesforce: Twin
) -> None:
    """Columns are those of the object that was chosen; the list, the query and the preview say what it is and does."""
    salesforce.post("load", {"Contact": [{"Email": "ada@example.com", "LastName": "Lovelace"}]})
    asked = {"clauses": [{"column": "LastName", "operator": "starts_with", "value": "Love"}]}
    refused = desk.cli_fails("validate", a_file(desk, match=[{"column": "Company", "field": "email"}]))
    unknown = desk.cli_fails("validate", a_file(desk, source={"connection": SALESFORCE, "object": "Contract7"}))

    planned = desk.cli("plan", a_file(desk, conditions=asked, schedule={"every": {"hours": 1}, "quiet": None}))
    desk.cli("apply", a_file(desk, conditions=asked))
    listed = desk.cli("syncs", "list")
    query = desk.json("syncs", "query", SYNC)
    preview = desk.cli("syncs", "preview", SYNC)
    told = desk.cli("syncs", "price", SYNC)
    price = desk.json("syncs", "price", SYNC)
    edit = desk.json("syncs", "preview", SYNC, "--file", a_file(desk, "edit.yaml", import_rule="update"))

    assert "/match/0/column: Contact has no field Company" in refused
    assert "/source/object: cannot be described" in unknown
    assert f"sync {SYNC}: to create" in planned
    assert f"{SYNC} (version 1, inactive, validated): Contacts to people" in listed
    assert f"{SALESFORCE}/Contact to {MARKETO}/leads, by hand" in listed
    assert "WHERE LastName LIKE 'Love%'" in query["soql"]
    assert [each["at_source"] for each in query["clauses"]] == [True]
    assert "1 row, counted." in preview
    assert '  row 1: created email: nothing -> "ada@example.com", lastName: nothing -> "Lovelace"' in preview
    assert "calls; nothing was written." in preview
    assert told.startswith("1 row, 1 run in the next 24 hours.\n  Salesforce: ")
    assert (price["rows"], price["exact"], price["runs_a_day"], price["warnings"]) == (1, True, 1, [])
    assert price["vendors"]["marketo"]["run"]["calls"] >= 2
    assert [(row["outcome"], row["reason"]) for row in edit["rows"]] == [("skipped", "not_there")]
    assert marketo.get("records/leads") == []


@pytest.mark.cap("S20", "S21")
def test_mappings_are_as_many_as_there_are_fields_each_once_and_hold_what_a_new_record_needs(
    desk: Lab, clients: Clients, salesforce: Twin
) -> None:
    """A Sync is stored with a line for every field of Marketo's leads that can be written; one of them named twice is
    refused, and nothing is stored. So is one that creates Contacts without what the org requires of a new one, which
    nobody needs who only updates."""
    fields = [each for each in clients.marketo().describe_leads().fields.values() if each.updateable]
    values = {"boolean": "true", "date": "2026-03-02", "datetime": "2026-03-02T12:00:00Z"}
    many = [{"to": each.name, "static": values.get(each.type, "1"), "blank": "skip"} for each in fields]
    twice = desk.cli_fails("apply", a_file(desk, mappings=[*many, {"to": "title", "column": "Title"}]))
    nothing = desk.cli("syncs", "list")
    desk.cli("apply", a_file(desk, mappings=many))

    back: dict[str, Any] = {
        "source": {"connection": MARKETO, "object": "leads"},
        "destination": {"connection": SALESFORCE, "object": "Contact"},
        "match": [{"column": "email", "field": "Email"}],
        "mappings": [{"to": "Email", "column": "email"}],
        "id": "back",
    }
    lacking = desk.cli_fails("apply", a_file(desk, "back.yaml", **back))
    desk.cli("apply", a_file(desk, "updates.yaml", **back, import_rule="update"))

    assert "/mappings: title is mapped twice; keep one line for each field" in twice
    assert nothing == "There is no Sync yet; `leadbridge apply` stores one.\n"
    assert len(many) > 20
    assert desk.json("syncs", "show", SYNC)["document"]["mappings"] == many
    assert "/mappings: Contact.LastName is required to create a record" in lacking
    assert desk.json("syncs", "show", "back")["document"]["import"] == "update"
    assert salesforce.get("records/Contact") == []


@pytest.mark.cap("T15")
def test_a_person_of_a_connector_is_known_by_id_or_looked_for_and_not_both(desk: Lab, marketo: Twin) -> None:
    """Saving an Action of the instance's list is refused with both ways and with neither, and stores nothing; with
    either of them it is stored."""
    marketo.post("load", {"staticLists": [{"id": LIST_ID, "name": LIST}]})
    by_id, by_mail = {"lead_id": "id"}, {"lookup": "email", "column": "email"}

    def a_connector_file(person: dict[str, str]) -> str:
        return desk.file("connector.yaml", as_yaml([a_connector_document(connection=MARKETO, person=person)]))

    refused = [desk.cli_fails("apply", a_connector_file(each)) for each in (by_id | by_mail, {})]
    stored = desk.json("actions")
    for person in (by_id, by_mail):
        desk.cli("apply", a_connector_file(person))
        assert yaml.safe_load(desk.cli("export", "connector"))["person"] == person

    assert all("/person" in each for each in refused)
    assert stored == []


def test_what_is_not_there_is_told(desk: Lab) -> None:
    """A Sync, a version and a file that lack what was asked for end the command with a sentence."""
    assert desk.cli("syncs", "list") == "There is no Sync yet; `leadbridge apply` stores one.\n"
    assert desk.cli_fails("syncs", "show", "nobody") == "error: There is no Sync nobody.\n"
    assert "there is no Sync nobody" in desk.cli_fails("syncs", "query", "nobody")
    desk.cli("apply", a_file(desk))
    assert f"{MARKETO} is used by {SYNC}. Point them elsewhere first" in desk.cli_fails(
        "connections", "remove", MARKETO
    )
    assert desk.cli("syncs", "list", "--state", "active") == "There is no such Sync.\n"
    assert desk.cli("syncs", "show", SYNC).startswith(f"# {SYNC}, version 1, inactive, validated\n")
    assert desk.json("syncs", "show", SYNC)["document"]["import"] == "create_and_update"
    other = desk.file("other.yaml", as_yaml([a_sync_document(id="other", **ENDS)]))
    assert "holds no Sync contacts-to-people" in desk.cli_fails("syncs", "preview", SYNC, "--file", other)
    wrong = a_file(desk, "wrong.yaml", match=[{"column": "Mail", "field": "email"}])
    assert "/match/0/column" in desk.cli_fails("syncs", "preview", SYNC, "--file", wrong)


def test_a_plan_tells_its_cost_before_it_is_made(desk: Lab, salesforce: Twin) -> None:
    """Whoever does not say yes gets no plan; what is no plan is neither shown nor applied."""
    salesforce.post("load", {"Contact": [{"Email": "ada@example.com", "LastName": "Lovelace"}]})
    desk.cli("apply", a_file(desk))
    asked = desk.run("syncs", "plan", SYNC, "--all")

    assert "The plan of all rows takes about" in asked.output
    assert "calls at Marketo" in asked.output
    assert asked.exit_code == 1
    assert "Give --rows or --all" in desk.cli_fails("syncs", "plan", SYNC, "--rows", "3", "--all")


@pytest.mark.pain("P31")
def test_runs_and_their_failed_rows_are_told_for_as_long_as_the_deployment_says(desk: Lab, tmp_path: Path) -> None:
    """400 days where it says 400: each run to the millisecond and row by row, on the screen, for scripts and as a
    file; the table forgets a run after as many days, as the bucket does its files."""
    outputs = {**desk.target.outputs, "RetentionDays": "400", "DataBucketName": "data"}
    desk = replace(desk, target=replace(desk.target, outputs=outputs))
    s3 = desk.target.session.client("s3")
    s3.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    desk.cli("apply", a_file(desk))
    began = NOON - timedelta(milliseconds=1)
    ended = replace(A_RUN, started_at=began, ended_at=NOON, pulled=2, pages=1, partitions=1)
    ended = replace(ended, totals=Totals(created=1, failed=1))
    runs, objects = desk.target._sync_runs(), S3Objects(s3, bucket="data")
    runs.begin(ended)
    part = runs.take_part(ended.sync, ended.slot, 1)
    write_page(objects, ended, 1, ["Id"], [{"Id": "001"}, {"Id": "002"}])
    why = RowEnd(position=2, outcome=Outcome.FAILED, reason="marketo_1003", message="The address is none.")
    write_results(objects, ended, part, 0, [RowEnd(position=1, outcome=Outcome.CREATED, record_id="7"), why])
    runs.save_part(replace(part, chunks=1, failed_in=(0,), finished=True))

    [told] = desk.json("syncs", "executions", SYNC)
    shown = desk.cli("syncs", "executions", SYNC, ended.slot, "--failed")
    file = tmp_path / "failed.csv"
    desk.cli("syncs", "executions", SYNC, ended.slot, "--failed", "--csv", str(file))

    assert (told["started_at"], told["ended_at"]) == ("2026-03-02T11:59:59.999Z", "2026-03-02T12:00:00.000Z")
    assert (told["created"], told["failed"]) == (1, 1)
    assert shown.splitlines()[0] == "row 2 (002): marketo_1003. The address is none."
    assert file.read_text("utf-8").splitlines()[1:] == ["2,002,marketo_1003,The address is none."]
    items = desk.target.session.client("dynamodb").scan(TableName="ExecutionsTable")["Items"]
    ends = {int(item["ttl"]["N"]) for item in items if "run#" in item["sk"]["S"]}
    assert ends == {int((desk.target.clock.now() + timedelta(days=400)).timestamp())}


def test_nothing_is_asked_of_a_run_that_is_over(desk: Lab) -> None:
    """The command ends with how the run ended, so that nobody waits for a pause that never comes."""
    desk.target._sync_runs().begin(A_RUN)

    for what in ("pause", "resume", "cancel"):
        said = desk.cli_fails("syncs", "ask", what, SYNC, A_RUN.slot)
        assert said.startswith(f"error: The run is over, so there is nothing to {what}: {A_RUN.slot}: done, ")
