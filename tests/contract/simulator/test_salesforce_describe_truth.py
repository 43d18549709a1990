"""What Describe says of an object and its fields holds in writes, queries and answers, for every object of the org.

Clients decide by these flags what they may send, so a flag that lies would hide their faults. Documented: what must be
given on create is createable, not nillable and without default; a field that is not createable or updateable refuses a
write with its name; filterable and sortable tell what a query may do; externalId and idLookup what an upsert may match
by; keyPrefix how ids begin; and the type which JSON stands for a value.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.simulator.salesforce_support import Org, error_of, start_over

OBJECTS = [
    *("Account", "Campaign", "CampaignMember", "CampaignMemberStatus", "Contact", "Course__c"),
    *("Event_Registration__c", "Group", "Lead", "LeadStatus"),
    *("Opportunity", "OpportunityContactRole", "OpportunityStage", "Organization", "QueueSobject", "RecordType"),
    *("Task", "TaskStatus", "User"),
]
NUMBERS = {"int": int, "double": int | float, "currency": int | float, "percent": int | float}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000")
DAY = re.compile(r"\d{4}-\d\d-\d\d")


@pytest.fixture(scope="module")
def filled(running: Org) -> Org:
    """The org with a record of each kind, which the tests only read."""
    start_over(running)
    fill(running)
    return running


def fill(org: Org) -> None:
    """Put one record of each kind that can be made into the org."""
    [account] = org.load("Account", {"Name": "A", "NumberOfEmployees": 7, "AnnualRevenue": 1.5})
    [contact] = org.load("Contact", {"LastName": "C", "AccountId": account, "Email": "c@example.com"})
    [lead] = org.load("Lead", {"LastName": "L", "Company": "C", "Lead_Score__c": 1.25, "Score_Date__c": "2031-01-02"})
    deal = {"Name": "O", "StageName": "Prospecting", "CloseDate": "2031-02-03", "AccountId": account, "Amount": 1_000}
    [opportunity] = org.load("Opportunity", deal)
    org.load("OpportunityContactRole", {"OpportunityId": opportunity, "ContactId": contact, "Role": "Evaluator"})
    [campaign] = org.load("Campaign", {"Name": "M", "StartDate": "2031-03-04"})
    org.load("CampaignMember", {"CampaignId": campaign, "LeadId": lead, "Status": "Responded"})
    org.load("Task", {"Subject": "T", "WhoId": lead, "Status": "Completed", "ActivityDate": "2031-04-05"})
    [course] = org.load("Course__c", {"Name": "C", "Course_Key__c": "C-1", "Starts_On__c": "2031-06-07"})
    org.load(
        "Event_Registration__c",
        {"Name": "R", "Lead__c": lead, "Course__c": course, "Seats__c": 2, "Registered_On__c": "2031-05-06"},
    )


@pytest.fixture
def org(filled: Org) -> Org:
    return filled


def describe(org: Org, name: str) -> dict[str, Any]:
    """Give an object's description."""
    answer = org.call("GET", f"/sobjects/{name}/describe")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def names(described: dict[str, Any], test: Callable[[dict[str, Any]], bool]) -> list[str]:
    """Give the names of the fields that pass a test."""
    return [each["name"] for each in described["fields"] if test(each)]


def test_the_objects_looked_at_are_all_there_are(org: Org) -> None:
    """The global description lists these objects and no other."""
    listed = org.call("GET", "/sobjects").json()["sobjects"]

    assert sorted(each["name"] for each in listed) == OBJECTS


@pytest.mark.parametrize("name", OBJECTS)
def test_what_must_be_given_on_create_is_named(org: Org, name: str) -> None:
    """An empty record is refused with exactly the fields that Describe makes required, or the object takes none."""
    described = describe(org, name)
    required = names(
        described, lambda each: each["createable"] and not each["nillable"] and not each["defaultedOnCreate"]
    )

    answer = org.call("POST", f"/sobjects/{name}", json={})

    if not described["createable"]:
        assert error_of(answer)[1] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    elif required:
        [error] = answer.json()
        assert (error["errorCode"], sorted(error["fields"])) == ("REQUIRED_FIELD_MISSING", sorted(required))
    else:
        assert answer.status_code == 201


@pytest.mark.parametrize("name", OBJECTS)
def test_fields_that_cannot_be_written_refuse_a_write(org: Org, name: str) -> None:
    """Every field that is not updateable is refused by name in an update of an existing record."""
    described = describe(org, name)
    record_id = next((each["Id"] for each in org.records(name)), None)
    # a boolean takes no null, whoever may write it
    closed = {
        each["name"]: True if each["type"] == "boolean" else None
        for each in described["fields"]
        if not each["updateable"] and each["name"] != "Id"
    }

    codes = {
        field: org.call("PATCH", f"/sobjects/{name}/{record_id}", json={field: value}).json()[0]["errorCode"]
        for field, value in (closed if record_id and described["updateable"] else {}).items()
    }

    assert codes == dict.fromkeys(codes, "INVALID_FIELD_FOR_INSERT_UPDATE")


@pytest.mark.parametrize("name", OBJECTS)
def test_filters_and_orders_go_by_their_flags(org: Org, name: str) -> None:
    """A query may filter by what is filterable and sort by what is sortable, and by nothing else."""
    described = describe(org, name)

    def works(clause: str) -> list[str]:
        return names(
            described, lambda each: org.query(f"SELECT Id FROM {name} {clause % each['name']}").status_code == 200
        )

    assert works("WHERE %s = null") == names(described, lambda each: each["filterable"])
    assert works("ORDER BY %s") == names(described, lambda each: each["sortable"])


@pytest.mark.parametrize("name", OBJECTS)
def test_upserts_match_by_the_fields_flagged_for_it(org: Org, name: str) -> None:
    """Fields with externalId or idLookup name a record in a URL; every other one is 404 as a key."""
    described = describe(org, name)

    def is_key(field: dict[str, Any]) -> bool:
        message = org.call("GET", f"/sobjects/{name}/{field['name']}/no-such-value").json()[0]["message"]
        return "external ID field does not exist" not in message

    flagged = names(described, lambda each: each["externalId"] or each["idLookup"])
    assert {*names(described, is_key), "Id"} == {*flagged, "Id"}


@pytest.mark.parametrize("name", OBJECTS)
def test_values_have_the_json_of_their_types(org: Org, name: str) -> None:
    """Numbers are numbers, truth values booleans and never null, moments UTC with +0000, everything else text."""
    described = describe(org, name)
    fields = {each["name"]: each for each in described["fields"]}
    rows = org.rows(f"SELECT {', '.join(fields)} FROM {name}")

    def fits(field: dict[str, Any], value: object) -> bool:
        if field["type"] == "boolean":
            return isinstance(value, bool)
        if value is None:
            return bool(field["nillable"])
        if field["type"] in NUMBERS:
            return isinstance(value, NUMBERS[field["type"]]) and not isinstance(value, bool)
        if not isinstance(value, str):
            return False
        pattern = {"datetime": MOMENT, "date": DAY}.get(field["type"])
        return bool(pattern.fullmatch(value)) if pattern else len(value) <= (field["length"] or len(value))

    wrong = {(each, row[each]) for row in rows for each in fields if not fits(fields[each], row[each])}
    assert wrong == set()


@pytest.mark.parametrize("name", OBJECTS)
def test_ids_begin_with_the_prefix_of_their_object(org: Org, name: str) -> None:
    """Records and references alike: the first three characters name one of the objects referred to."""
    prefixes = {each["name"]: each["keyPrefix"] for each in org.call("GET", "/sobjects").json()["sobjects"]}
    described = describe(org, name)
    references = {
        each["name"]: {prefixes[target] for target in each["referenceTo"] if target in prefixes}
        for each in described["fields"]
        if each["type"] == "reference"
    }

    for record in org.records(name):
        assert len(record["Id"]) == 18
        assert record["Id"][:3] == described["keyPrefix"]
        for field, allowed in references.items():
            assert record[field] is None or record[field][:3] in allowed, (field, record[field])


@pytest.mark.parametrize("name", OBJECTS)
def test_relationships_lead_to_their_objects(org: Org, name: str) -> None:
    """Each relationshipName can be followed in a query, and a filter on a missing parent's name takes null."""
    described = describe(org, name)
    relationships = [each["relationshipName"] for each in described["fields"] if each["relationshipName"]]

    answers = {
        each: org.query(f"SELECT {each}.Id FROM {name} WHERE {each}.Id = null").status_code for each in relationships
    }

    assert answers == dict.fromkeys(relationships, 200)


@pytest.mark.parametrize("name", OBJECTS)
def test_no_permission_is_given_for_what_every_record_has(org: Org, name: str) -> None:
    """Field-level security says nothing of ids, of who made and changed a record and when, and of required fields."""
    fields = {each["name"]: each for each in describe(org, name)["fields"]}

    of_all = {"Id", "IsDeleted", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp"}
    assert {each for each in of_all & fields.keys() if fields[each]["permissionable"]} == set()
    assert name != "Lead" or fields["Email"]["permissionable"]
