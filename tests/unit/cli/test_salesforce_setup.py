"""The folder for Salesforce: exactly the objects and fields that Actions use, and what to click."""

import json
import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.salesforce_needs import syncs_of
from leadbridge.domain.sync import FlagDeletes, ImportRule, Sync
from leadbridge_cli import salesforce_setup
from tests.builders.actions import a_salesforce_connection, an_action
from tests.builders.chains import a_chained_action, follow_up, membership
from tests.builders.cycles import a_cycle
from tests.builders.descriptions import a_field, a_salesforce_lead
from tests.builders.syncs import a_sync

NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
KEY_FIELD = salesforce_setup.KEY_FIELD
PERMISSIONS = "force-app/main/default/permissionsets/Leadbridge.permissionset-meta.xml"
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def a_folder(
    *actions: Any, described: Any = None, syncs: Sequence[Sync] = (), cycles: Sequence[CrmCycle] = ()
) -> dict[str, str]:
    """The files for these Actions, Syncs and cycles."""
    return salesforce_setup.folder(
        a_salesforce_connection(),
        list(actions),
        syncs,
        cycles,
        certificate=PEM,
        contact_email="admin@example.com",
        described=described or {},
    )


def members(text: str, name: str) -> list[dict[str, str]]:
    """The parts of an XML file with that name, each as its members."""
    root = ET.fromstring(text)
    return [
        {child.tag.removeprefix(NAMESPACE): child.text or "" for child in part} for part in root.iter(NAMESPACE + name)
    ]


def user_permissions(files: dict[str, str]) -> list[str]:
    """The permissions of the user in the permission set."""
    return [item["name"] for item in members(files[PERMISSIONS], "userPermissions")]


def fields(files: dict[str, str]) -> dict[str, bool]:
    """The fields of the permission set, and whether they may be edited."""
    return {item["field"]: item["editable"] == "true" for item in members(files[PERMISSIONS], "fieldPermissions")}


def test_the_permission_set_names_what_the_actions_use_and_nothing_else() -> None:
    """Mapped fields may be edited, matched and written-back ones read; what Salesforce shows everybody is left out."""
    action = an_action(
        mappings=[{"column": "phone", "to": "Phone"}, {"column": "lastName", "to": "LastName"}],
        writeback=[{"field": "Title", "to": "title"}, {"field": "Id", "to": "salesforceId"}],
    )

    files = a_folder(action)

    key = f"Lead.{salesforce_setup.KEY_FIELD}"
    assert fields(files) == {"Lead.Email": False, "Lead.Phone": True, "Lead.Title": False, key: True}
    [lead] = members(files[PERMISSIONS], "objectPermissions")
    assert (lead["object"], lead["allowCreate"], lead["allowEdit"], lead["allowRead"]) == ("Lead", *["true"] * 3)
    assert lead["allowDelete"] == lead["modifyAllRecords"] == "false"


@pytest.mark.parametrize(
    ("kind", "create", "edit"), [("create", "true", "false"), ("update", "false", "true"), ("upsert", "true", "true")]
)
def test_an_object_may_be_created_or_edited_as_the_actions_do(kind: str, create: str, edit: str) -> None:
    """An Action that only updates gets no right to create, and the other way round."""
    [lead] = members(a_folder(an_action(type=kind))[PERMISSIONS], "objectPermissions")

    assert (lead["allowCreate"], lead["allowEdit"]) == (create, edit)


def test_two_actions_on_two_objects_share_one_permission_set() -> None:
    """Each object has its own lines; a field that one Action writes and another reads may be edited."""
    other = an_action(id="contact", destination={"connection": "salesforce-demo", "object": "Contact"})
    reader = an_action(id="reader", mappings=[{"column": "phone", "to": "Phone"}])

    files = a_folder(an_action(), other, reader)

    assert [item["object"] for item in members(files[PERMISSIONS], "objectPermissions")] == [
        "Account",
        "Contact",
        "Lead",
    ]
    assert fields(files)["Lead.Email"] is True


def test_chained_objects_have_their_rights_too() -> None:
    """Tasks and memberships have no permissions of their own: one of the user opens tasks, the campaign its members.
    What they are found by may be read, what they are given written; a key that a chained object names is made so."""
    files = a_folder(a_chained_action(follow_up(idempotency_field="Key__c"), membership()))

    rights = {item["object"]: item for item in members(files[PERMISSIONS], "objectPermissions")}
    assert {name: (each["allowCreate"], each["allowEdit"]) for name, each in rights.items()} == {
        "Campaign": ("false", "true"),
        "Lead": ("true", "true"),
    }
    assert user_permissions(files) == ["ApiEnabled", "EditTask"]
    assert fields(files)["Task.Subject"] is True
    assert fields(files)["CampaignMember.Note__c"] is True
    assert "force-app/main/default/objects/Activity/fields/Key__c.field-meta.xml" in files


def test_syncs_have_the_rights_that_they_need_at_their_end() -> None:
    """Of a source its columns may be read and what is written back edited; into a destination rows are created, edited,
    flagged or deleted as the Sync says. The other end, and Syncs of other connections, are not this org's."""
    out = a_sync(
        source={"connection": "salesforce-demo", "object": "Contact"},
        mappings=[{"to": "email", "column": "Email"}, {"to": "title", "column": "Title"}],
        conditions={"match": "all", "clauses": [{"column": "Department", "operator": "equals", "value": "IT"}]},
        writeback=[{"to": "Marketo_Id__c", "field": "id"}],
    )
    into = {"connection": "salesforce-demo", "object": "Account", "idempotency_field": "Row__c"}
    back = a_sync(
        to_salesforce=True,
        destination=into,
        match=[{"column": "company", "field": "Site"}],
        mappings=[{"to": "Site", "column": "company"}, {"to": "Phone", "column": "phone"}],
        deletes="delete",
    )
    flagged = back.model_copy(update={"destination": back.destination.model_copy(update={"object": "Lead"})})
    flagged = flagged.model_copy(update={"deletes": FlagDeletes(flag="Gone__c"), "import_rule": ImportRule.UPDATE})
    elsewhere = a_sync(to_salesforce=True)

    files = a_folder(syncs=[out, back, flagged, elsewhere])

    rights = {item["object"]: item for item in members(files[PERMISSIONS], "objectPermissions")}
    assert {
        name: tuple(each[f"allow{right}"] == "true" for right in ("Read", "Create", "Edit", "Delete"))
        for name, each in rights.items()
    } == {
        "Account": (True, True, True, True),
        "Contact": (True, False, True, False),
        "Lead": (True, False, True, False),
    }
    assert fields(files) == {
        **dict.fromkeys(("Account.Phone", "Account.Row__c", "Account.Site"), True),
        **dict.fromkeys(("Contact.Department", "Contact.Email", "Contact.Title"), False),
        "Contact.Marketo_Id__c": True,
        **dict.fromkeys(("Lead.Gone__c", "Lead.Phone", "Lead.Row__c", "Lead.Site"), True),
    }


def test_a_crm_cycle_has_the_rights_that_it_needs_in_the_org() -> None:
    """What it reads may be read, what it writes be written; of Marketo's objects the org has none."""
    name = {"marketo": "firstName", "salesforce": "FirstName"}
    persons = {"id_field": "crmId", "leads": {"fields": [name]}, "contacts": {"fields": [name]}}
    cycle = a_cycle(salesforce="salesforce-demo", persons=persons)

    files = a_folder(syncs=syncs_of(cycle))

    rights = {item["object"]: item["allowEdit"] for item in members(files[PERMISSIONS], "objectPermissions")}
    assert rights == {"Account": "true", "Contact": "true", "Lead": "true"}
    assert user_permissions(files) == ["ApiEnabled"]
    assert fields(files)["Lead.FirstName"] is fields(files)["Contact.FirstName"] is True
    assert all(not each.startswith("User.") or not editable for each, editable in fields(files).items())


def test_programs_of_a_cycle_have_the_rights_of_campaigns() -> None:
    """Their members and statuses have none of their own; who only takes members in need not make Campaigns."""
    name = {"marketo": "firstName", "salesforce": "FirstName"}
    persons = {"id_field": "crmId", "leads": {"fields": [name]}}
    group = {"program": 1, "member_fields": [{"to": "Note__c", "column": "note"}]}
    for more, made in (({"campaign": "701000000000001"}, "false"), ({}, "true")):
        programs = {"campaign_key": "Program__c", "groups": {"webinar": {**group, **more}}}
        plain = a_cycle(salesforce="salesforce-demo", persons=persons).model_dump(by_alias=True, exclude_none=True)
        files = a_folder(syncs=syncs_of(CrmCycle.model_validate({**plain, "programs": programs})))
        rights = {item["object"]: item for item in members(files[PERMISSIONS], "objectPermissions")}
        assert (rights["Campaign"]["allowCreate"], rights["Campaign"]["allowEdit"]) == (made, "true")
        assert not rights.keys() & {"CampaignMember", "CampaignMemberStatus"}
        assert fields(files)["CampaignMember.Note__c"] is True
        assert not [each for each in fields(files) if each.startswith("CampaignMemberStatus.")]


@pytest.mark.parametrize(
    ("merges", "deleted", "made", "delete"),
    [
        ({"flag": "Merged__c"}, {"flag": "Gone__c"}, {"Gone__c", "Merged__c"}, "false"),
        ("honour", "ignore", set[str](), "true"),
        ("ignore", "delete", set[str](), "true"),
        ("ignore", "ignore", set[str](), "false"),
    ],
)
def test_records_whose_person_is_gone_may_be_flagged_or_deleted(
    merges: Any, deleted: Any, made: set[str], delete: str
) -> None:
    """As the cycle says; flags are yes/no fields of Leads and Contacts, made where they are missing, and editable. What
    marks Marketo's people is no field of the org, nor is what another org's cycle flags."""
    name = {"marketo": "firstName", "salesforce": "FirstName"}
    persons = {"id_field": "crmId", "leads": {"fields": [name]}, "contacts": {"fields": [name]}}
    persons |= {"merges": merges, "deleted_in_marketo": deleted, "merged_in_salesforce": {"flag": "marketoFlag"}}
    cycle = a_cycle(salesforce="salesforce-demo", persons=persons)
    elsewhere = a_cycle(persons=persons | {"deleted_in_marketo": {"flag": "Elsewhere__c"}})
    lead = a_salesforce_lead(Gone__c=a_field("Gone__c", "boolean"))

    files = a_folder(syncs=syncs_of(cycle), cycles=[cycle, elsewhere])
    again = a_folder(cycles=[cycle], described={"Lead": lead})

    rights = {item["object"]: item["allowDelete"] for item in members(files[PERMISSIONS], "objectPermissions")}
    assert (rights["Lead"], rights["Contact"], "User" in rights) == (delete, delete, False)
    wanted = {f"force-app/main/default/objects/{kind}/fields/{flag}" for kind in ("Lead", "Contact") for flag in made}
    flags = {path.removesuffix(".field-meta.xml") for path in files if "/fields/" in path and KEY_FIELD not in path}
    assert flags == wanted
    for path in wanted:
        [kind] = members(f"<a>{files[path + '.field-meta.xml'].split('?>')[1]}</a>", "CustomField")
        assert (kind["type"], kind["defaultValue"]) == ("Checkbox", "false")
        sobject, _, flag = path.partition("objects/")[2].split("/")
        assert f"<members>{sobject}.{flag}</members>" in files["manifest/package.xml"]
        assert fields(files)[f"{sobject}.{flag}"]
    missing = {path for path in again if path.endswith("Gone__c.field-meta.xml")}
    assert missing == {f"{path}.field-meta.xml" for path in wanted if path.endswith("Contact/fields/Gone__c")}


def test_what_describe_says_of_a_field_counts() -> None:
    """A custom field that is required cannot be named in a permission set; Describe says so."""
    action = an_action(mappings=[{"column": "phone", "to": "Must__c"}, {"column": "title", "to": "May__c"}])
    described = a_salesforce_lead(Must__c=a_field("Must__c", permissionable=False), May__c=a_field("May__c"))

    found = fields(a_folder(action, described={"Lead": described}))

    assert "Lead.Must__c" not in found
    assert found["Lead.May__c"] is True


def test_the_key_fields_are_unique_external_ids() -> None:
    """Every created object and Task get a unique External Id field; one that is there is not made again."""
    files = a_folder(an_action())

    made = {path: text for path, text in files.items() if path.endswith(".field-meta.xml")}
    name = salesforce_setup.KEY_FIELD
    assert sorted(path.split("/objects/")[1] for path in made) == [
        f"Activity/fields/{name}.field-meta.xml",
        f"Lead/fields/{name}.field-meta.xml",
    ]
    for text in made.values():
        assert "<externalId>true</externalId>" in text
        assert "<unique>true</unique>" in text
    there = a_salesforce_lead(**{name: a_field(name, unique=True)})
    again = a_folder(an_action(), described={"Lead": there})
    assert not any("/Lead/fields/" in path for path in again)


def test_a_field_that_the_action_names_itself_is_made_under_that_name() -> None:
    """`idempotency_field` names the field; ours is not made beside it."""
    destination = {"connection": "salesforce-demo", "object": "Lead", "idempotency_field": "Execution__c"}

    files = a_folder(an_action(type="create", destination=destination))

    assert "force-app/main/default/objects/Lead/fields/Execution__c.field-meta.xml" in files
    assert fields(files)["Lead.Execution__c"] is True


def test_every_file_is_in_the_manifest_and_is_well_formed() -> None:
    """Each piece of metadata is listed by type and name, the app carries the certificate and no secret."""
    files = a_folder(an_action())

    listed = {item["name"]: item["members"] for item in members(files["manifest/package.xml"], "types")}
    assert set(listed) == {
        "CustomField",
        "ExternalClientApplication",
        "ExtlClntAppGlobalOauthSettings",
        "ExtlClntAppOauthSettings",
        "PermissionSet",
    }
    for path, text in files.items():
        if path.endswith(".xml"):
            ET.fromstring(text)
    assert json.loads(files["sfdx-project.json"])["packageDirectories"]
    app = next(text for path, text in files.items() if path.endswith(".ecaGlblOauth-meta.xml"))
    assert "BEGIN CERTIFICATE" in app
    assert not re.search("consumerSecret|consumerKey>", app)


def test_the_sheet_is_numbered_and_names_the_user_and_the_test() -> None:
    """What no metadata can set is said step by step, and at the end how to try it."""
    steps = salesforce_setup.sheet(a_salesforce_connection(), [an_action(type="create")], output="folder", described={})

    assert [int(step.split(".")[0]) for step in steps] == list(range(1, len(steps) + 1))
    text = "\n".join(steps)
    for words in ("cd folder", "integration@example.com", "pre-authorized", "connections test salesforce-demo"):
        assert words in text
    assert "idempotency_field` in: person-to-lead" in steps[-1]


def test_the_org_announces_the_ids_of_changed_records_and_nothing_else() -> None:
    """For each object an outbound message to our address, and a flow after each save that sends it."""
    connection = a_salesforce_connection()
    address = "https://x.example.com/prod/outbound-messages/salesforce-demo/v1.key"
    files = salesforce_setup.announcement(connection, ["Lead", "Contact", "Lead"], address=address)

    assert len(files) == 6
    [message] = members(files["force-app/main/default/workflows/Lead.workflow-meta.xml"], "outboundMessages")
    assert (message["fullName"], message["endpointUrl"], message["fields"]) == ("Leadbridge_Lead", address, "Id")
    assert (message["includeSessionId"], message["integrationUser"]) == ("false", connection.username)
    flow = files["force-app/main/default/flows/Leadbridge_Contact.flow-meta.xml"]
    [call], [start] = members(flow, "actionCalls"), members(flow, "start")
    assert (call["actionType"], call["actionName"]) == ("outboundMessage", "Contact.Leadbridge_Contact")
    assert (start["object"], start["recordTriggerType"]) == ("Contact", "CreateAndUpdate")
    assert start["triggerType"] == "RecordAfterSave"
    # a flow names its message, which must be there before it
    first, then = files["manifest/outbound-messages.xml"], files["manifest/flows.xml"]
    assert re.findall("<members>(.*)</members>", first) == ["Contact.Leadbridge_Contact", "Lead.Leadbridge_Lead"]
    assert re.findall("<members>(.*)</members>", then) == ["Leadbridge_Contact", "Leadbridge_Lead"]


@pytest.mark.parametrize(("organization", "steps"), [(None, 4), ("00D000000000001EAA", 3)])
def test_the_steps_of_announcing_go_on_where_the_sheet_ends(organization: str | None, steps: int) -> None:
    """Deploy twice, keep our own writes silent, name the org, and where Salesforce shows what was refused."""
    connection = a_salesforce_connection(organization_id=organization)
    said = salesforce_setup.announcement_steps(connection, output="folder", number=8)

    assert [int(step.split(".")[0]) for step in said] == list(range(8, 8 + steps))
    assert ("organization_id" in " ".join(said)) == (organization is None)
    assert "Send Outbound Messages" in said[1]
    assert "Delivery Status" in said[-1]
