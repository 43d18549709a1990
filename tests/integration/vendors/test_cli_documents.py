"""The documents' commands in this process: on an in-process AWS and both vendor twins."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from click.testing import CliRunner, Result

from leadbridge_cli.main import main
from leadbridge_cli.stack import Target
from tests.e2e.actions import MARKETO, SALESFORCE, an_action, as_yaml, assert_mistakes_told, misnamed, misshapen
from tests.fakes.bell import RecordingBell
from tests.fakes.clock import NOON, SettableClock
from tests.integration.aws.local_aws import create_table
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import TwinConnections

CONNECTIONS = [
    {
        "kind": "marketo_connection",
        "id": MARKETO,
        "name": "Marketo",
        "base_url": "https://000-aaa-000.mktorest.example.com",
    },
    {
        "kind": "salesforce_connection",
        "id": SALESFORCE,
        "name": "Salesforce",
        "token_host": "https://login.example.com",
        "client_id": "consumer-key",
        "username": "integration@example.com",
    },
]


#: what the parameters of a deployment say of the vendors' limits
SHARES = {
    "marketo_calls_per_20s": 100,
    "marketo_daily_calls": 50_000,
    "marketo_reserve_percent": 0,
    "marketo_concurrent": 5,
    "salesforce_concurrent": 5,
    "salesforce_reserve_percent": 0,
    "place_seconds": 15,
}


@dataclass(frozen=True, kw_only=True)
class LocalTarget(Target):
    """A deployment in this process; whatever a connection's document says, it leads to the twins."""

    vendors: TwinConnections

    @cached_property
    def clock(self) -> SettableClock:  # type: ignore[override]  # a clock that tests move
        """The time of the versions."""
        return SettableClock(NOON)

    def _bell(self) -> RecordingBell:  # type: ignore[override]  # nobody runs here
        return RecordingBell()

    def connect(self, *_: Any) -> TwinConnections:  # type: ignore[override]  # no limiter, no secret
        """The twins."""
        return self.vendors


@dataclass(frozen=True)
class Lab:
    """The command line, and what it works on."""

    target: LocalTarget
    folder: Path
    clients: Clients

    def run(self, *arguments: str) -> Result:
        """Run a command."""
        return CliRunner().invoke(main, list(arguments), obj=self.target)

    def cli(self, *arguments: str) -> str:
        """What a command prints that goes well."""
        done = self.run(*arguments)
        assert (done.exit_code, done.stderr) == (0, ""), done.output
        return done.stdout

    def cli_fails(self, *arguments: str) -> str:
        """What a command says that is refused; it prints nothing beside."""
        done = self.run(*arguments)
        assert (done.exit_code, done.stdout) == (1, ""), done.output
        return done.stderr

    def json(self, *arguments: str) -> Any:
        """What a command tells scripts."""
        return json.loads(self.cli(*arguments, "--json"))

    def file(self, name: str, text: str) -> str:
        """Write a file; gives its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)


def a_lab(clients: Clients, folder: Path, region: str, *connections: dict[str, Any]) -> Lab:
    """A deployment in a Region of its own, with tables, a secret, and connections."""
    session: Any = boto3.Session(region_name=region)
    for table in ("ConfigTable", "StateTable"):
        create_table(session.client("dynamodb"), table)
    arn = session.client("secretsmanager").create_secret(Name="vendors", SecretString=json.dumps({MARKETO: {}}))["ARN"]
    outputs = {"ConfigTableName": "ConfigTable", "VendorSecretArn": arn, "ApiUrl": "https://api.example.com"}
    outputs |= {"VendorShares": json.dumps(SHARES), "ExtractMegabytes": "500"}
    # of executions nothing is asked
    outputs |= {"StateTableName": "StateTable", "ExecutionsTableName": "ExecutionsTable"}
    lab = Lab(LocalTarget(outputs=outputs, session=session, vendors=TwinConnections(clients)), folder, clients)
    lab.cli("apply", lab.file("connections.yaml", as_yaml(connections)))
    return lab


@pytest.fixture
def lab(aws: None, clients: Clients, marketo: Twin, salesforce: Twin, tmp_path: Path) -> Lab:
    """A deployment with one connection to each twin."""
    return a_lab(clients, tmp_path, "eu-central-1", *CONNECTIONS)


#: a file as a person writes it: comments, quotes, an order of its own
WRITTEN = """\
# What this Action is for, and who asked for it.
kind: action
id: {id}
name: "Ünïcode 🎈 {id}"   # as it shows in the list
description: |
  Two lines,
    the second indented.

source: {{connection: marketo-demo}}
destination:
  connection: salesforce-demo
  object: Lead
identifier: {{column: email, field: Email}}
type: upsert
mappings:
  - {{column: email, to: Email}}
  # the company of a person without one
  - {{column: company, to: Company, blank: default, default: Unknown}}
  - {{column: lastName, to: LastName}}
results:
  activity: leadbridgeResult
  success: Well done
  errored: Went wrong
  mappings: [{{execution: message, to: message}}]
"""


def test_a_plan_shows_what_applying_does_and_stores_nothing(lab: Lab) -> None:
    """The plan of a new, a changed and an unchanged Action names each with what differs; nothing is stored by it;
    applying prints the same lines and does that."""
    documents = {name: an_action(f"planned-{name}") for name in ("new", "changed", "same")}
    lab.cli("apply", lab.file("planned.yaml", as_yaml([documents["changed"], documents["same"]])))
    documents["changed"]["mappings"].insert(1, {"column": "title", "to": "Title"})
    file = lab.file("planned.yaml", as_yaml(list(documents.values())))
    before = lab.json("actions")

    planned = lab.cli("plan", file)
    told = lab.json("plan", file)
    unchanged = lab.json("actions")
    applied = lab.cli("apply", file)

    assert planned.splitlines() == [
        "action planned-new: to create",
        "action planned-changed: to change",
        '  + /mappings/1: {"column": "title", "to": "Title"}',
        "action planned-same: unchanged",
        "Plan: 1 to create, 1 to change, 1 unchanged.",
    ]
    assert [(each["id"], each["effect"], each["version"]) for each in told] == [
        ("planned-new", "create", None),
        ("planned-changed", "change", 1),
        ("planned-same", "nothing", 1),
    ]
    assert [each["pointer"] for each in told[1]["differences"]] == ["/mappings/1"]
    assert unchanged == before
    assert applied.startswith(planned)
    versions = {row["id"]: row["version"] for row in lab.json("actions")}
    assert [versions[f"planned-{name}"] for name in documents] == [1, 2, 1]


@pytest.mark.cap("A59")
def test_an_export_is_what_was_given_and_applying_it_plans_no_change(lab: Lab) -> None:
    """A saved Action is inactive and reads back equal; exported it is the text its author wrote, comments and all;
    applying that export plans no change, and exporting again gives the same bytes, for all documents, too."""
    text = WRITTEN.format(id="exported")
    lab.cli("apply", lab.file("exported.yaml", text))

    exported = lab.cli("export", "exported")
    again = lab.file("again.yaml", exported)
    planned = lab.json("plan", again)
    applied = lab.cli("apply", again)
    everything = lab.cli("export", "--all")
    all_planned = lab.json("plan", lab.file("all.yaml", everything))
    lab.cli("apply", lab.file("all.yaml", everything))

    assert exported == text
    assert [(each["id"], each["effect"]) for each in planned] == [("exported", "nothing")]
    assert "unchanged, version 1 (inactive, validated)" in applied
    assert lab.cli("export", "exported") == exported
    assert {each["effect"] for each in all_planned} == {"nothing"}
    assert {"marketo-demo", "salesforce-demo", "exported"} <= {each["id"] for each in all_planned}
    assert lab.cli("export", "--all") == everything
    [saved] = [row for row in lab.json("actions") if row["id"] == "exported"]
    assert (saved["active"], saved["state"]) == (False, "validated")
    written = yaml.safe_load(text)
    read = {name: value for page in lab.json("view", "exported")["pages"] for name, value in page["members"].items()}
    assert {name: read[name] for name in ("name", "description", "identifier", "type")} == {
        name: written[name] for name in ("name", "description", "identifier", "type")
    }
    assert [mapping["to"] for mapping in read["mappings"]] == [mapping["to"] for mapping in written["mappings"]]


@pytest.mark.cap("A60")
def test_an_action_is_viewed_on_its_five_pages_before_its_activation(lab: Lab) -> None:
    """The read view has the five pages in order, each with the members as they were saved, while the Action has never
    been active; one page can be asked for alone, and an older version too."""
    task: dict[str, Any] = {"name": "follow_up", "object": "Task", "type": "create", "after": "created"}
    task["on_failure"] = "stop"
    task["mappings"] = [{"to": "WhoId", "field": "Id"}, {"to": "Subject", "static": "Call"}]
    document = an_action(
        "viewed",
        description="What it is for",
        chained=[task],
        deduplicate={"columns": ["email"], "window_seconds": 60},
        conditions={"match": "any", "clauses": [{"column": "leadStatus", "operator": "equals", "value": "Hot"}]},
    )
    lab.cli("apply", lab.file("viewed.yaml", as_yaml([document])))

    shown = lab.json("view", "viewed")
    text = lab.cli("view", "viewed")
    lab.cli("apply", lab.file("viewed.yaml", as_yaml([document | {"name": "Renamed"}])))

    assert (shown["version"], shown["state"]) == (1, "validated")
    pages = {page["page"]: page["members"] for page in shown["pages"]}
    assert list(pages) == [1, 2, 3, 4, 5]
    for page, names in {
        1: ("id", "name", "description", "source", "destination"),
        2: ("identifier", "type", "deduplicate"),
        4: ("conditions",),
    }.items():
        assert {name: pages[page][name] for name in names} == {name: document[name] for name in names}
    assert [mapping["to"] for mapping in pages[2]["mappings"]] == [mapping["to"] for mapping in document["mappings"]]
    assert [mapping["to"] for mapping in pages[2]["writeback"]] == [mapping["to"] for mapping in document["writeback"]]
    [chained] = pages[3]["chained"]
    assert chained == task | {"mappings": [{"blank": "skip"} | mapping for mapping in task["mappings"]]}
    assert {name: pages[5]["results"][name] for name in ("activity", "success", "errored")} == {
        name: document["results"][name] for name in ("activity", "success", "errored")
    }
    headings = [line for line in text.splitlines() if line[:2] in {"1.", "2.", "3.", "4.", "5."}]
    assert [line[0] for line in headings] == ["1", "2", "3", "4", "5"]
    [only] = lab.json("view", "viewed", "--page", "1", "--version", "1")["pages"]
    assert only["members"] == pages[1]
    assert lab.json("view", "viewed", "--page", "1")["pages"][0]["members"]["name"] == "Renamed"
    assert "There is no Action" in lab.cli_fails("view", "no-such-action")


@pytest.mark.cap("A03")
def test_a_description_is_kept_as_it_is_written(lab: Lab) -> None:
    """An Action is saved with and without a description; the text comes back unchanged, spaces, line ends and all."""
    text = '  Zwei Zeilen 🎈,\n\n\tdie zweite: "eingerückt" #1  \n'
    documents = [an_action("described", description=text), an_action("undescribed")]
    lab.cli("apply", lab.file("described.yaml", as_yaml(documents)))

    shown = {
        name: lab.json("view", name, "--page", "1")["pages"][0]["members"] for name in ("described", "undescribed")
    }

    assert shown["described"]["description"] == text
    assert shown["undescribed"]["description"] == ""
    assert yaml.safe_load(lab.cli("export", "described"))["description"] == text


def test_versions_are_listed_compared_and_taken_back(lab: Lab) -> None:
    """The history names who, when and why for each version and what it changed; two versions are compared member by
    member; a rollback makes a new version equal to the old one, says so, and leaves the history as it is."""
    document = an_action("rolled-back")
    lab.cli("apply", lab.file("rolled-back.yaml", as_yaml([document])))
    original = lab.cli("export", "rolled-back")
    changed = as_yaml([document | {"name": "Second", "type": "update"}])
    lab.cli("apply", lab.file("rolled-back.yaml", changed), "--note", "Only updates", "--author", "somebody")

    difference = lab.cli("diff", "rolled-back")
    said = lab.cli("rollback", "rolled-back", "1", "--note", "too strict")
    listed = lab.json("history", "action/rolled-back")

    assert difference.splitlines() == [
        "rolled-back: version 1 → version 2",
        '  ~ /name: "Test rolled-back" → "Second"',
        '  ~ /type: "upsert" → "update"',
    ]
    assert said.splitlines()[-1] == "action rolled-back: version 3 stored (inactive, validated)"
    assert [(each["version"], each["note"]) for each in listed] == [
        (3, "Rollback to version 1: too strict"),
        (2, "Only updates"),
        (1, None),
    ]
    assert listed[1]["author"] == "somebody"
    assert all(each["author"].startswith("arn:aws:") for each in (listed[0], listed[2]))
    assert {each["at"] for each in listed} == {NOON.isoformat()}
    assert [[one["pointer"] for one in each["differences"]] for each in listed] == [["/name", "/type"]] * 2 + [[]]
    assert lab.cli("export", "rolled-back") == original
    assert lab.json("diff", "rolled-back", "1", "3") == []
    assert "version 2" in (text := lab.cli("history", "rolled-back"))
    assert "somebody: Only updates" in text
    assert "has no version 9" in lab.cli_fails("rollback", "rolled-back", "9")
    assert "has no version 9" in lab.cli_fails("diff", "rolled-back", "1", "9")
    assert "There is no document" in lab.cli_fails("history", "no-such-document")


def test_a_draft_is_stored_with_findings_and_cannot_be_activated(lab: Lab) -> None:
    """With `--draft` an Action with findings is stored and they are printed; it is refused an activation until it is
    applied without findings."""
    broken = an_action("drafted", identifier={"column": "email", "field": "Emial"})
    file = lab.file("drafted.yaml", as_yaml([broken]))

    assert "/identifier/field" in lab.cli_fails("apply", file)
    said = lab.cli("apply", file, "--draft")
    refused = lab.cli_fails("activate", "drafted")
    mended = lab.cli("apply", lab.file("drafted.yaml", as_yaml([an_action("drafted")])))

    assert "draft: action drafted: /identifier/field: " in said
    assert said.splitlines()[-1] == "action drafted: version 1 stored (inactive, draft)"
    assert "action drafted is a draft" in refused
    assert mended.splitlines()[-1] == "action drafted: version 2 stored (inactive, validated)"


def test_every_mistake_is_listed_and_nothing_is_stored(lab: Lab) -> None:
    """Mistakes of the shape and mistakes against both vendors' fields are listed, each with its Action, its place and
    a remedy, and the sound Action beside them is not stored; `validate` lists the same and stores nothing."""
    shape, fields = misshapen(), misnamed()
    shape_file = lab.file("bad-shape.yaml", as_yaml([*shape, an_action("sound")]))
    fields_file = lab.file("bad-fields.yaml", as_yaml([fields, an_action("sound")]))

    shapes = lab.cli_fails("apply", shape_file)
    checks = lab.cli_fails("apply", fields_file)

    assert_mistakes_told(shapes, checks)
    for file, told in ((shape_file, shapes), (fields_file, checks)):
        assert lab.cli_fails("validate", file) == lab.cli_fails("plan", file) == told
    assert (
        lab.cli("validate", lab.file("sound.yaml", as_yaml([an_action("sound")]))) == "1 document without findings.\n"
    )
    stored = {row["id"] for row in lab.json("actions")}
    assert stored.isdisjoint({"bad-shape", "Bad Id", "bad-fields", "sound"})


@pytest.mark.cap("A08")
def test_page_two_is_refused_until_both_ends_are_set(lab: Lab) -> None:
    """Without source connection, destination connection or object an Action is refused, whatever its second page says;
    each missing one is named, and nothing is stored."""
    ends = {
        "source": {"connection": "marketo-demo"},
        "destination": {"connection": "salesforce-demo", "object": "Lead"},
    }
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"source": None}, ["/source/connection"]),
        ({"source": {"table": "leads"}}, ["/source/connection"]),
        ({"destination": None}, ["/destination/connection", "/destination/object"]),
        ({"destination": {"object": "Lead"}}, ["/destination/connection"]),
        ({"destination": {"connection": "salesforce-demo", "object": " "}}, ["/destination/object"]),
    ]
    documents = [an_action(f"end-{number}", **ends | changes) for number, (changes, _) in enumerate(cases)]

    said = lab.cli_fails("apply", lab.file("ends.yaml", as_yaml(documents)))

    assert [
        line.partition(" is missing, and page 2 waits until both ends are set; ")[0] for line in said.splitlines()
    ] == [f"error: action end-{number}: {pointer}:" for number, (_, missing) in enumerate(cases) for pointer in missing]
    assert not any(row["id"].startswith("end-") for row in lab.json("actions"))


def test_a_connection_lists_what_an_action_may_name(lab: Lab) -> None:
    """The tables of Marketo and the writable objects of Salesforce, of one its fields; a connection or an object that
    is not there is refused with where to look."""
    tables = lab.cli("connections", "objects", MARKETO).splitlines()
    found = lab.cli("connections", "objects", SALESFORCE).splitlines()
    columns = lab.cli("connections", "objects", MARKETO, "program_members").splitlines()
    fields = {each["name"]: each for each in lab.json("connections", "objects", SALESFORCE, "Lead")}

    assert [line.split(" ")[0] for line in tables] == ["leads", "program_members"]
    assert "Event_Registration__c (custom, create, update): Event Registration" in found
    assert "Lead (create, update): Lead" in found
    assert not [line for line in found if line.startswith("User ")]
    assert "token.member.registrationCode (string of 255): Registration Code" in columns
    assert fields["LastName"]["required"]
    assert "Working - Contacted" in fields["Status"]["picklist"]
    assert "There is no connection nowhere" in lab.cli_fails("connections", "objects", "nowhere")
    assert "`leadbridge connections objects" in lab.cli_fails("connections", "objects", SALESFORCE, "User")


@pytest.mark.cap("S05", "S17")
def test_a_connection_lists_what_a_sync_may_read_and_write(lab: Lab) -> None:
    """Each end has objects of its own: what can be queried or listed, what can be written; and their columns."""
    read = {end: lab.cli("connections", "objects", end, "--sync", "source") for end in (SALESFORCE, MARKETO)}
    written = {end: lab.cli("connections", "objects", end, "--sync", "destination") for end in (SALESFORCE, MARKETO)}
    columns = lab.cli("connections", "objects", MARKETO, "activities", "--sync", "source")
    state = lab.cli("connections", "objects", MARKETO, "list_members", "--sync", "destination")

    assert "\nUser (read only): User" in read[SALESFORCE]
    assert "\nUser " not in written[SALESFORCE]
    assert [line.split(" ")[0] for line in read[MARKETO].splitlines()] == [
        "leads",
        "list_members",
        "activities",
        "program_members",
    ]
    assert "\nactivities " not in written[MARKETO]
    assert "\ncompanies (create, update): " in written[MARKETO]
    assert "marketoGUID " in columns
    assert "member (boolean)" in state


@pytest.mark.cap("A09")
def test_what_an_action_needs_beforehand_is_named_where_it_is_missing(lab: Lab) -> None:
    """An Action on an unknown or disabled connection, or with a custom activity that is missing or not approved, is
    refused with a message that names it and says what to do; nothing is stored."""
    url = lab.clients.announced["marketo_url"]
    lab.cli("connections", "add", "marketo", "switched-off", "--url", url)
    lab.cli("connections", "disable", "switched-off")
    draft_activity_type(lab, "leadbridgeUnapproved")
    unknown = an_action("on-unknown", source={"connection": "nowhere"})
    unknown["destination"] = unknown["destination"] | {"connection": "nobody"}
    disabled = an_action("on-disabled", source={"connection": "switched-off"})
    missing, unapproved = an_action("no-activity"), an_action("unapproved")
    missing["results"] = missing["results"] | {"activity": "noSuchActivity"}
    unapproved["results"] = unapproved["results"] | {"activity": "leadbridgeUnapproved"}

    said = lab.cli_fails("apply", lab.file("needs.yaml", as_yaml([unknown, disabled, missing, unapproved])))
    offered = {row["id"] for row in lab.json("connections", "list", "--usable")}

    for line in (
        "on-unknown: /source/connection: there is no Marketo connection nowhere; apply its document",
        "on-unknown: /destination/connection: there is no Salesforce connection nobody; apply its document",
        "on-disabled: /source/connection: switched-off is disabled; `leadbridge connections enable switched-off`",
        "no-activity: /results/activity: Marketo has no approved custom activity type noSuchActivity; create and",
        "unapproved: /results/activity: Marketo has no approved custom activity type leadbridgeUnapproved; create and",
    ):
        assert f"error: action {line}" in said
    assert len(said.splitlines()) == 5
    assert {"marketo-demo", "salesforce-demo"} <= offered
    assert "switched-off" not in offered
    stored = {row["id"] for row in lab.json("actions")}
    assert stored.isdisjoint({"on-unknown", "on-disabled", "no-activity", "unapproved"})
    lab.cli("connections", "remove", "switched-off")


@pytest.mark.cap("A49")
def test_what_a_columns_type_does_not_offer_is_refused_at_save(lab: Lab) -> None:
    """ "contains" of a boolean, "greater than" of a picklist or a text and words for a number are refused all at once,
    each with its place and what may stand there; nothing is stored. What the types do offer is stored."""
    clauses = [
        {"column": "isCustomer", "operator": "contains", "value": "ru"},
        {"column": "token.Tier", "type": "picklist", "operator": "greater_than", "value": 5},
        {"column": "leadStatus", "operator": "greater_than", "value": 5},
        {"match": "any", "clauses": [{"column": "leadScore", "operator": "at_least", "value": "many"}]},
        {"column": "leadStatsu", "operator": "is_empty"},
        {"column": "company", "operator": "in_list", "value": "no-such-list"},
    ]
    offered = [
        {"column": "isCustomer", "operator": "is_true"},
        {"column": "token.Tier", "type": "picklist", "operator": "in", "value": ["Gold", "Silver"]},
        {"column": "leadStatus", "operator": "contains", "value": "Qualified"},
        {"column": "leadScore", "operator": "greater_than", "value": 5},
    ]

    said = lab.cli_fails(
        "apply", lab.file("ill.yaml", as_yaml([an_action("ill-asked", conditions={"clauses": clauses})]))
    )
    stored = lab.cli(
        "apply", lab.file("well.yaml", as_yaml([an_action("well-asked", conditions={"clauses": offered})]))
    )

    lines = dict(
        line.removeprefix("error: action ill-asked: /conditions/clauses/").split(": ", 1) for line in said.splitlines()
    )
    assert lines == {
        "0/operator": "`contains` is not offered for isCustomer, a yes/no field (boolean); "
        "choose one of equals, not_equals, is_true, is_false, is_empty, is_not_empty",
        "1/operator": "`greater_than` is not offered for token.Tier, a picklist; "
        "choose one of equals, not_equals, in, not_in, in_list, not_in_list, is_empty, is_not_empty",
        "2/operator": "`greater_than` is not offered for leadStatus, a text (string); choose one of equals, "
        "not_equals, contains, not_contains, starts_with, ends_with, in, not_in, in_list, not_in_list, "
        "is_empty, is_not_empty",
        "3/clauses/0/value": "a text of 4 characters is given for leadScore; give a number",
        "4/column": "the Marketo lead has no field leadStatsu; did you mean leadStatus?",
        "5/value": "there is no list no-such-list; apply its document first",
    }
    assert [row["id"] for row in lab.json("actions")] == ["well-asked"]
    assert "action well-asked: version 1 stored" in stored


def draft_activity_type(lab: Lab, api_name: str) -> None:
    """Create a custom activity type in Marketo that nobody has approved."""
    url = lab.clients.announced["marketo_url"]
    known = lab.clients.announced["marketo_credentials"]
    credentials = {name: known[name] for name in ("client_id", "client_secret")}
    login = lab.clients.http.get(
        f"{url}/identity/oauth/token", params={"grant_type": "client_credentials"} | credentials
    )
    names = dict.fromkeys(("name", "triggerName", "filterName"), f"Test {api_name}")
    primary = {"apiName": "result", "name": "Result", "dataType": "string"}
    answer = lab.clients.http.post(
        f"{url}/rest/v1/activities/external/type.json",
        json={"apiName": api_name, **names, "primaryAttribute": primary},
        headers={"Authorization": f"Bearer {login.json()['access_token']}"},
    )
    assert answer.json()["success"], answer.text


def test_an_export_of_one_deployment_is_applied_to_another(lab: Lab) -> None:
    """An Action and a list travel as text alone: in a deployment whose connections have the same ids and other
    addresses they are created, inactive, and read back as the same bytes; applying them again changes nothing there."""
    vips = {"kind": "list", "id": "partners", "name": "Partners", "values": ["example.com", "example.org"]}
    lab.cli("apply", lab.file("travels.yaml", WRITTEN.format(id="travels") + "---\n" + as_yaml([vips])))
    lab.cli("activate", "travels")
    elsewhere = [
        CONNECTIONS[0] | {"base_url": "https://999-zzz-999.mktorest.example.com"},
        CONNECTIONS[1] | {"token_host": "https://elsewhere.example.com", "client_id": "another-key"},
    ]
    production = a_lab(lab.clients, lab.folder, "us-west-2", *elsewhere)
    text = lab.cli("export", "partners", "travels")
    file = lab.file("exported.yaml", text)

    planned = production.json("plan", file)
    production.cli("apply", file)

    assert {each["id"]: each["effect"] for each in planned} == {"travels": "create", "partners": "create"}
    assert production.cli("export", "partners", "travels") == text
    assert {each["effect"] for each in production.json("plan", file)} == {"nothing"}
    assert [(row["id"], row["state"]) for row in production.json("actions")] == [("travels", "validated")]
    assert [(row["id"], row["state"]) for row in lab.json("actions")] == [("travels", "active")]


def test_states_of_an_action_are_told_and_changed(lab: Lab) -> None:
    """An Action that was never active says so; activated it stays active through a new version; deactivated it is
    inactive; an unknown one is refused, and with it the others that were named."""
    document = an_action("stated")
    lab.cli("apply", lab.file("stated.yaml", as_yaml([document])))

    never = lab.cli("deactivate", "stated")
    on = lab.cli("activate", "stated")
    changed = lab.cli("apply", lab.file("stated.yaml", as_yaml([document | {"name": "Renamed"}])))
    refused = lab.cli_fails("deactivate", "stated", "no-such-action")
    [still] = lab.json("actions")
    off = lab.cli("deactivate", "stated")

    assert (never, off) == ("stated is inactive, validated.\n", "stated is inactive.\n")
    assert on == "stated is active. Webhooks notice within 30 seconds.\n"
    assert changed.splitlines()[-1] == "action stated: version 2 stored (active)"
    assert refused == "error: There is no Action no-such-action. `leadbridge actions` lists them.\n"
    assert (still["state"], still["active"], still["name"]) == ("active", True, "Renamed")
    assert still["url"] == "https://api.example.com/actions/stated"


def test_a_document_is_named_by_its_id_or_with_its_kind(lab: Lab) -> None:
    """An id that two kinds share is refused with both names, and taken with its kind; a removed document has its
    history and can be brought back; what is no kind, no document and no version is told."""
    lab.cli("apply", lab.file("shared.yaml", as_yaml([an_action(MARKETO)])))
    lab.cli("connections", "add", "marketo", "gone", "--url", "https://111-aaa-111.mktorest.example.com")
    lab.cli("connections", "remove", "gone")

    shared = lab.cli_fails("export", MARKETO)
    taken = yaml.safe_load(lab.cli("export", f"action/{MARKETO}"))
    removed = lab.cli_fails("export", "gone")
    kept = lab.json("history", "gone")
    back = lab.cli("rollback", "gone", "1")

    assert f"action/{MARKETO}, marketo_connection/{MARKETO}" in shared
    assert taken["kind"] == "action"
    assert "gone was removed" in removed
    assert [each["version"] for each in kept] == [1]
    assert back.splitlines()[-1] == "marketo_connection gone: version 2 stored"
    assert "There is no kind report; choose one of action, sync, " in lab.cli_fails("history", "report/one")
    assert "There is no document of this name." in lab.cli_fails("diff", "Not An Id")
    assert "no version before its first" in lab.cli_fails("diff", f"action/{MARKETO}")
    assert "Say which" in lab.cli_fails("export")
