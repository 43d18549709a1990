"""The admin API's routes that set a CRM cycle up: store it, draft one, and make objects that a system lacks."""

import base64
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from leadbridge.domain.action import as_document
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.marketo import ObjectField, ObjectType
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.errors import PermanentError
from tests.builders.actions import MARKETO, SALESFORCE, a_marketo_connection, a_salesforce_connection
from tests.builders.admin import PERSON, Admin, from_console
from tests.builders.cycles import NAME, a_cycle
from tests.builders.world import World

RECIPES = Path(__file__).parents[3] / "recipes"
PERSONS = {"id_field": "salesforceId", "leads": {"fields": [NAME]}}
ENDS = {"marketo": MARKETO, "salesforce": SALESFORCE}
PROVISIONING = "/cycles/provisioning"
VISIT = ObjectDescription(
    name="visit_c",
    label="Visit",
    fields={
        "place": FieldDescription(name="place", label="Place", type="string", createable=True, updateable=True),
        "leadId": FieldDescription(name="leadId", label="Person", type="integer", createable=True, updateable=True),
    },
    links={"leadId": ("lead", "id")},
)
CAR = ObjectDescription(
    name="Car__c",
    label="Car",
    fields={
        "Vin__c": FieldDescription(
            name="Vin__c", label="VIN", type="string", createable=True, updateable=True, unique=True, external_id=True
        ),
        "Owner__c": FieldDescription(
            name="Owner__c",
            label="Owner",
            type="reference",
            createable=True,
            updateable=True,
            reference_to=("Contact",),
        ),
    },
)


@pytest.fixture
def admin() -> Admin:
    """The admin API of a deployment with a cycle of Leads and an object in each system."""
    admin = Admin(World())
    cycle = a_cycle(marketo=MARKETO, salesforce=SALESFORCE, persons=PERSONS, companies=None, sales_persons=None)
    admin.store(a_marketo_connection(), a_salesforce_connection(), cycle)
    admin.world.marketo.objects["visit_c"] = VISIT
    admin.world.salesforce.describe_as(CAR)
    return admin


def test_a_cycle_is_stored_as_a_version_with_its_author_by_whoever_read_the_one_before(admin: Admin) -> None:
    """A pair that is added is in the next version, which runs obey; who changes an older version is told whose it
    was; what a cycle keeps by itself cannot be mapped."""
    found = admin.get("/cycles/main")
    changed = found["document"]
    changed["persons"]["leads"]["fields"].append({"marketo": "lastName", "salesforce": "LastName"})
    body = {"document": changed, "expected_version": found["version"], "note": "names"}
    told = admin.send(from_console("PUT", "/cycles/main", body, groups="admin"))
    assert (told.status, told.json["version"], told.json["changed"]) == (200, 2, True), told.json
    now = admin.get("/cycles/main")
    assert (now["author"], now["note"], len(now["kinds"][2]["pairs"])) == (PERSON, "names", 2)

    late = admin.send(from_console("PUT", "/cycles/main", body, groups="admin"))
    assert (late.status, late.json["code"]) == (409, "changed_meanwhile")
    assert PERSON in late.json["message"]
    assert admin.ask("PUT", "/cycles/other", {"document": changed}).json["pointer"] == "/document/id"
    changed["persons"]["leads"]["fields"].append({"marketo": "salesforceId", "salesforce": "Company"})
    refused = admin.ask("PUT", "/cycles/main", {"document": changed})
    assert (refused.status, refused.json["code"]) == (422, "findings")
    assert "links records and is kept by the cycle" in refused.json["findings"][0]["what"]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(each, id=path.stem)
        for path in sorted(RECIPES.glob("*.yaml"))
        for each in yaml.safe_load_all(path.read_text("utf-8"))
        if each["kind"] == "crm_cycle"
    ],
)
def test_what_is_read_of_a_cycle_is_the_document_that_it_was_made_of(document: dict[str, Any]) -> None:
    """So whoever saves what the console read, without a change, changes nothing: each recipe, member by member."""
    cycle = CrmCycle.model_validate(document)
    shown = as_document(cycle)

    assert CrmCycle.model_validate(shown) == cycle
    assert as_document(CrmCycle.model_validate(shown)) == shown
    assert [*_lost(document, shown, "")] == []


def _lost(given: Any, shown: Any, pointer: str) -> list[str]:
    """The pointers of what somebody wrote and nobody is shown."""
    if isinstance(given, dict) and isinstance(shown, dict):
        return [
            lost
            for name, value in given.items()
            for lost in (_lost(value, shown[name], f"{pointer}/{name}") if name in shown else [f"{pointer}/{name}"])
        ]
    if isinstance(given, list) and isinstance(shown, list) and len(given) == len(shown):
        pairs = enumerate(zip(given, shown, strict=True))
        return [lost for place, (one, other) in pairs for lost in _lost(one, other, f"{pointer}/{place}")]
    return []


@pytest.mark.cap("M016")
def test_a_draft_pairs_what_both_describe_and_its_notes_name_their_members(admin: Admin) -> None:
    """Known standard fields; what our user may not see is told where it would stand. Stored with an edit, it stays
    as it was edited."""
    draft = admin.post("/cycles/propose", ENDS)
    document = draft["document"]
    lines = document["persons"]["leads"]["fields"]
    assert {"marketo": "firstName", "salesforce": "FirstName"} in lines
    assert (document["marketo"], document["mode"]) == (MARKETO, "replace_native")
    assert "/companies" in {each["pointer"] for each in draft["notes"]}
    assert admin.get("/cycles")["cycles"][0]["id"] == "main"
    beside = admin.post("/cycles/propose", ENDS | {"mode": "beside_native"})
    assert "sales_persons" not in beside["document"]

    edited = {
        "format": 1,
        "kind": "crm_cycle",
        "id": "drafted",
        "name": "Drafted",
        **ENDS,
        "mode": "beside_native",
        "persons": {"id_field": "salesforceId", "leads": {"fields": [NAME | {"conflict": "newest"}]}},
    }
    assert admin.ask("PUT", "/cycles/drafted", {"document": edited}).status == 200
    [pair] = admin.get("/cycles/drafted")["document"]["persons"]["leads"]["fields"]
    assert pair.items() >= (NAME | {"conflict": "newest"}).items()


def test_a_draft_is_made_of_one_connection_of_each_kind(admin: Admin) -> None:
    """Of no other."""
    for wrong in ({"marketo": SALESFORCE}, {"salesforce": "never"}):
        assert admin.ask("POST", "/cycles/propose", ENDS | wrong).status == 404


@pytest.mark.cap("M079")
def test_what_salesforce_lacks_is_shown_and_comes_as_a_package(admin: Admin) -> None:
    """The plan line by line, the folder that is deployed, and what a cycle's document says to keep the object; the
    same plan is the same file. What is there is not made again."""
    asked = ENDS | {"lacking": "salesforce", "object": "visit_c"}
    found = admin.post(PROVISIONING, asked)
    assert (found["api_name"], found["exists"], found["lacks"], found["makes"]) == ("Visit__c", False, True, False)
    assert found["lines"][0] == "Salesforce: make the custom object Visit__c"
    assert "  Place__c (Text)" in found["lines"]
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(found["package"]))) as archive:
        names = archive.namelist()
        manifest = archive.read("manifest/package.xml").decode()
    assert "force-app/main/default/objects/Visit__c/fields/Place__c.field-meta.xml" in names
    assert "<members>Visit__c.Lead__c</members>" in manifest
    assert found["document"]["key"] == "Marketo_GUID__c"
    assert admin.post(PROVISIONING, asked) == found

    there = {
        name: FieldDescription(name=name, label=name, type="string")
        for name in ("Place__c", "Lead__c", "Contact__c", "Marketo_GUID__c")
    }
    admin.world.salesforce.describe_as(ObjectDescription(name="Visit__c", label="Visit", fields=there))
    whole = admin.post(PROVISIONING, asked)
    assert (whole["exists"], whole["lacks"], whole["package"], whole["lines"]) == (True, False, None, [])


@pytest.mark.cap("M081")
def test_what_marketo_lacks_is_shown_and_made_when_somebody_says_so(admin: Admin) -> None:
    """By what Salesforce describes: key, link and fields. The log has who made it; asked again nothing is made."""
    asked = ENDS | {"object": "Car__c"}
    found = admin.post(PROVISIONING, asked | {"lacking": "marketo"})
    assert found["lines"] == [
        "Marketo: make the custom object car_c",
        "  vin (string, of its key)",
        "  leadId (link to lead by id)",
    ]
    assert (found["makes"], admin.provisioned.types.known) == (True, {})
    assert found["document"]["direction"] == "to_marketo"

    admin.post(f"{PROVISIONING}/make", asked)
    assert admin.provisioned.types.approved == ["car_c"]
    [deed] = admin.get("/activity")["entries"]
    assert deed["message"] == f"Made the custom object car_c by the Marketo connection {MARKETO}."
    assert admin.post(f"{PROVISIONING}/make", asked)["lacks"] is False
    assert admin.provisioned.types.approved == ["car_c"]
    assert len(admin.get("/activity")["entries"]) == 1


def test_an_object_whose_approval_failed_is_approved_by_the_next_request(admin: Admin) -> None:
    """Its fields are all there; until it is approved the plan says what is left, and `make` does that alone."""
    asked, types = ENDS | {"object": "Car__c"}, admin.provisioned.types
    fields = tuple(ObjectField(name=each, data_type="string") for each in ("vin", "leadId"))
    types.known["car_c"] = ObjectType(name="car_c", state="draft", dedupe_fields=("vin",), fields=fields)
    found = admin.post(PROVISIONING, asked | {"lacking": "marketo"})
    assert (found["lines"], found["lacks"], found["makes"], found["wrong"]) == (
        ["Marketo: approve the draft of car_c"],
        True,
        True,
        [],
    )
    admin.post(f"{PROVISIONING}/make", asked)
    assert (types.approved, types.known["car_c"].fields) == (["car_c"], fields)
    assert admin.post(PROVISIONING, asked | {"lacking": "marketo"})["lacks"] is False


def test_a_subscription_without_the_api_is_told_what_to_make_by_hand(admin: Admin) -> None:
    """The plan is shown all the same, and making it is refused."""
    admin.provisioned.types.refusal = PermanentError("none", vendor="marketo", operation="types", code="703")
    found = admin.post(PROVISIONING, ENDS | {"lacking": "marketo", "object": "Car__c"})
    assert (found["makes"], found["lacks"]) == (False, True)
    assert "no API that makes custom objects" in found["wrong"][0]
    refused = admin.ask("POST", f"{PROVISIONING}/make", ENDS | {"object": "Car__c"})
    assert (refused.status, refused.json["code"]) == (409, "not_possible")
    admin.provisioned.types.refusal = PermanentError("other", vendor="marketo", operation="types", code="610")
    assert admin.ask("POST", PROVISIONING, ENDS | {"lacking": "marketo", "object": "Car__c"}).status == 502
