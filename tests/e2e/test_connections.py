"""Connections from the command line, on a deployed stack."""

from pathlib import Path

from tests.e2e.actions import an_action, as_yaml
from tests.e2e.lab import Lab


def test_the_demo_connections_stand_the_look_through(lab: Lab) -> None:
    """`connections test` ends well for both vendors, one line a finding, and writes nothing at either."""
    person = lab.person()
    before = {name: lab.marketo.records(name) for name in ("leads", "companies", "opportunities")}
    leads = lab.salesforce.records("Lead")

    marketo = lab.cli("connections", "test", "marketo-demo")
    salesforce = lab.cli("connections", "test", "salesforce-demo")

    for said in (marketo, salesforce):
        assert {line.split()[0] for line in said.splitlines()} == {"ok"}, said
    assert "Read-Write Lead" in marketo
    assert "Lead can be read and written" in salesforce
    assert {name: lab.marketo.records(name) for name in before} == before
    assert lab.salesforce.records("Lead") == leads
    assert person.email not in marketo + salesforce


def test_a_connection_is_added_listed_disabled_and_removed(lab: Lab) -> None:
    """Each verb does what it says; a host that is none of the vendor's and one that is in use are refused."""
    url = lab.facts["marketo_url"]

    assert "version 1" in lab.cli("connections", "add", "marketo", "second", "--url", url, "--title", "Second")
    assert "unchanged" in lab.cli("connections", "add", "marketo", "second", "--url", url, "--title", "Second")
    listed = {row["id"]: row for row in lab.json("connections", "list")}
    assert (listed["second"]["state"], listed["second"]["secret"], listed["second"]["actions"]) == (
        "enabled",
        "missing",
        [],
    )
    assert listed["salesforce-demo"]["secret"] == "not needed"
    assert "upsert" in listed["marketo-demo"]["actions"]

    untried = lab.cli_fails("connections", "test", "second")
    assert "leadbridge connections secret second" in untried
    assert lab.cli("connections", "disable", "second") == "second is disabled.\n"
    assert {row["id"]: row["state"] for row in lab.json("connections", "list")}["second"] == "disabled"
    assert lab.cli("connections", "enable", "second") == "second is enabled.\n"
    assert lab.cli("connections", "remove", "second") == "Removed second.\n"
    assert "second" not in {row["id"] for row in lab.json("connections", "list")}
    assert "is used by" in lab.cli_fails("connections", "remove", "marketo-demo")
    assert "There is no connection" in lab.cli_fails("connections", "test", "second")


def test_the_folder_for_salesforce_covers_actions_that_are_not_applied_yet(lab: Lab, tmp_path: Path) -> None:
    """`setup salesforce` writes the folder and prints numbered steps; a field of a file's Action is in it."""
    action = an_action("not-yet", mappings=[{"column": "title", "to": "Title"}, {"static": "x", "to": "LastName"}])
    file = lab.file("not-yet.yaml", as_yaml([action]))
    output = tmp_path / "org"

    said = lab.cli(
        "setup", "salesforce", "salesforce-demo", file, "--output", str(output), "--contact", "admin@example.com"
    )

    assert said.splitlines()[1].startswith("1. Deploy the folder")
    [permissions] = output.rglob("*.permissionset-meta.xml")
    assert "<field>Lead.Title</field>" in permissions.read_text()
    [app] = output.rglob("*.ecaGlblOauth-meta.xml")
    assert "BEGIN CERTIFICATE" in app.read_text()


def test_marketo_is_set_up_through_the_api_after_a_printed_plan(lab: Lab) -> None:
    """The plan names what is missing; nothing is made without `--create`, everything with it, and then none is left."""
    action = an_action("set-up", writeback=[{"static": "x", "to": "leadbridgeNew"}])
    action["results"] = action["results"] | {"activity": "leadbridgeNewResult"}
    file = lab.file("set-up.yaml", as_yaml([action]))

    plan = lab.cli("setup", "marketo", "marketo-demo", file)
    assert "create the lead field leadbridgeNew (string)" in plan
    assert "create and approve the custom activity type leadbridgeNewResult" in plan
    assert "Read-Write Activity Metadata" in plan
    assert plan == lab.cli("setup", "marketo", "marketo-demo", file)

    made = lab.cli("setup", "marketo", "marketo-demo", file, "--create", "--yes")

    assert "field leadbridgeNew: created" in made
    assert "activity type leadbridgeNewResult: created and approved" in made
    assert "nothing is to be made" in lab.cli("setup", "marketo", "marketo-demo", file)
    assert "set-up: version 1" in lab.cli("apply", file)
