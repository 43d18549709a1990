"""`leadbridge cycle provision`: what one twin lacks of an object of the other, after a printed plan."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from leadbridge_cli.main import main
from tests.e2e.actions import MARKETO, SALESFORCE
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_cli_documents import CONNECTIONS, Lab, a_lab
from tests.integration.vendors.test_object_cycles import KEY, OTHERS, PERSON

COMMAND = ("cycle", "provision", MARKETO, SALESFORCE)
VISIT = {"apiName": "visit_c", "displayName": "Visit", "fields": [KEY, PERSON, *OTHERS]}
SPACE = "{http://soap.sforce.com/2006/04/metadata}"


@pytest.fixture
def lab(aws: None, clients: Clients, marketo: Twin, salesforce: Twin, tmp_path: Path) -> Lab:
    """A deployment with one connection to each twin."""
    return a_lab(clients, tmp_path, "ap-south-1", *CONNECTIONS)


def asked(lab: Lab, *arguments: str, answer: str) -> Result:
    """What comes of a command whose question is answered."""
    return CliRunner().invoke(main, [*COMMAND, *arguments], obj=lab.target, input=answer)


@pytest.mark.cap("M081")
def test_an_object_of_salesforce_is_made_in_marketo_after_a_yes(lab: Lab, marketo: Twin) -> None:
    """Key, link, fields and kinds of values from Describe; a no makes nothing, and what is there is not made again."""
    wanted = ("--from-salesforce", "Event_Registration__c")

    refused = asked(lab, *wanted, answer="n\n")
    assert (refused.exit_code, marketo.get("records/customObjectTypes")) == (1, [])
    assert "registrationKey (string, of its key)" in refused.stdout
    assert "leadId (link to lead by id)" in refused.stdout
    assert "Course__c leads to Course__c, which Marketo does not have; provision that first" in refused.stdout

    made = asked(lab, *wanted, answer="y\n")
    assert (made.exit_code, made.stderr) == (0, ""), made.output
    [found] = marketo.get("records/customObjectTypes")
    assert (found["name"], found["state"], found["dedupeFields"]) == (
        "eventRegistration_c",
        "approved",
        ["registrationKey"],
    )
    kinds = {each["name"]: each["dataType"] for each in found["fields"]}
    assert (kinds["seats"], kinds["registeredOn"], kinds["email"]) == ("float", "date", "email")
    assert "- marketo: registrationKey\n        salesforce: Registration_Key__c" in made.stdout
    assert "Marketo lacks nothing of eventRegistration_c" in lab.cli(*COMMAND, *wanted)


@pytest.mark.parametrize("broken", ["addField.json", "approve.json"])
def test_what_broke_off_on_its_way_is_finished_by_the_next_time(lab: Lab, marketo: Twin, broken: str) -> None:
    """The draft is there, with or without its fields, and is approved; before that nobody is told that all is there."""
    path = f"POST /rest/v1/customobjects/schema/eventRegistration_c/{broken}"
    marketo.post("faults", [{"match": path, "kind": "vendor_error", "code": "603"}])
    wanted = ("--from-salesforce", "Event_Registration__c")
    assert asked(lab, *wanted, answer="y\n").exit_code == 1
    [drafted] = marketo.get("records/customObjectTypes")
    assert drafted["state"] == "draft"
    marketo.post("faults", [])

    made = asked(lab, *wanted, answer="y\n")
    assert (made.exit_code, made.stderr) == (0, ""), made.output
    [found] = marketo.get("records/customObjectTypes")
    assert (found["state"], found["dedupeFields"]) == ("approved", ["registrationKey"])
    assert "Marketo lacks nothing of eventRegistration_c" in lab.cli(*COMMAND, *wanted)


@pytest.mark.cap("M079")
def test_what_salesforce_lacks_of_an_object_is_written_for_deployment(lab: Lab, marketo: Twin, tmp_path: Path) -> None:
    """The object, a unique External Id field for Marketo's id, a lookup for each kind of person, and all fields."""
    marketo.post("load", {"customObjectTypes": [VISIT]})
    output = tmp_path / "deploy"
    wanted = ("--from-marketo", "visit_c", "--output", str(output))

    refused = asked(lab, *wanted, answer="n\n")
    assert (refused.exit_code, output.exists()) == (1, False)
    assert "Salesforce: make the custom object Visit__c" in refused.stdout

    told = lab.cli(*COMMAND, *wanted, "--yes")
    files = {path.relative_to(output).as_posix(): path for path in output.rglob("*.xml")}
    base = "force-app/main/default/objects/Visit__c"
    names = ("Contact__c", "Lead__c", "Marketo_GUID__c", "Registration__c", "Seats__c", "Status__c")
    assert {*files} == {
        "manifest/package.xml",
        f"{base}/Visit__c.object-meta.xml",
        *(f"{base}/fields/{name}.field-meta.xml" for name in names),
    }
    members = ET.parse(files["manifest/package.xml"]).findall(f"{SPACE}types/{SPACE}members")
    assert {each.text for each in members} == {"Visit__c", *(f"Visit__c.{name}" for name in names)}
    key = ET.parse(files[f"{base}/fields/Marketo_GUID__c.field-meta.xml"])
    assert [key.findtext(f"{SPACE}{each}") for each in ("externalId", "unique", "type")] == ["true", "true", "Text"]
    lookup = ET.parse(files[f"{base}/fields/Lead__c.field-meta.xml"])
    assert [lookup.findtext(f"{SPACE}{each}") for each in ("type", "referenceTo")] == ["Lookup", "Lead"]
    assert "direction: to_salesforce" in told
    assert "key: Marketo_GUID__c" in told
