"""The org's further objects and the relations between them: roles, statuses, queues, set-up, parents in queries."""

from typing import Any

import pytest

from tests.contract.simulator.salesforce_support import DATA, Org, error_of, lead


def opportunity(**fields: object) -> dict[str, object]:
    """Return the body of an Opportunity that the org accepts."""
    return {"Name": "Amber deal", "StageName": "Prospecting", "CloseDate": "2031-06-30", **fields}


def found(org: Org, soql: str, resource: str = "query") -> list[str]:
    """Return the values of the first selected field."""
    answer = org.call("GET", f"/{resource}", params={"q": soql})
    assert answer.status_code == 200, answer.text
    column = soql.split()[1].rstrip(",")
    return [row[column] for row in answer.json()["records"]]


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("OpportunityContactRole", "00K"),
        ("CampaignMemberStatus", "01Y"),
        ("Group", "00G"),
        ("QueueSobject", "03g"),
        ("Organization", "00D"),
        ("RecordType", "012"),
        ("LeadStatus", "01J"),
        ("OpportunityStage", "01J"),
        ("TaskStatus", "01J"),
        ("Event_Registration__c", "a00"),
    ],
)
def test_each_further_object_can_be_described(org: Org, name: str, prefix: str) -> None:
    """Describe gives the key prefix and the system fields; an object that is not there is 404."""
    described = org.call("GET", f"/sobjects/{name}/describe").json()
    assert described["keyPrefix"] == prefix
    assert {"Id", "CreatedDate", "LastModifiedById", "SystemModstamp"} <= {each["name"] for each in described["fields"]}
    assert error_of(org.call("GET", f"/sobjects/{name}s/describe"))[:2] == (404, "NOT_FOUND")


def test_the_org_tells_what_its_statuses_and_stages_mean(org: Org) -> None:
    """LeadStatus.IsConverted, TaskStatus.IsClosed and OpportunityStage say which values are terminal."""
    assert found(org, "SELECT ApiName FROM LeadStatus WHERE IsConverted = true") == ["Closed - Converted"]
    assert found(org, "SELECT ApiName FROM TaskStatus WHERE IsClosed = true") == ["Completed"]
    assert found(org, "SELECT ApiName FROM OpportunityStage WHERE IsWon = true") == ["Closed Won"]
    (organization,) = found(org, "SELECT Id FROM Organization")
    token = org.http.post(
        "/services/oauth2/token",
        data={"grant_type": "client_credentials", **{k: org.credentials[k] for k in ("client_id", "client_secret")}},
    ).json()
    assert f"/id/{organization}/" in token["id"]


def test_a_custom_object_is_written_and_read_as_any_other(org: Org) -> None:
    """It is listed as custom, created, upserted by its External Id (201, then 200), and tells of its Lead as
    `Lead__r`; a value outside its restricted picklist is INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST."""
    name, key = "Event_Registration__c", "/sobjects/Event_Registration__c/Registration_Key__c/fair-1"
    [person] = org.load("Lead", lead(LastName="Aalto"))
    custom = {each["name"] for each in org.call("GET", "/sobjects").json()["sobjects"] if each["custom"]}

    made = org.call("POST", f"/sobjects/{name}", json={"Email__c": "ada@example.com"})
    codes = [org.call("PATCH", key, json={"Lead__c": person, "Seats__c": seats}).status_code for seats in (1, 2)]
    refused = org.call("PATCH", key, json={"Status__c": "Maybe"})

    assert custom == {name, "Course__c"}
    assert (made.status_code, made.json()["id"][:3]) == (201, "a00")
    assert codes == [201, 200]
    answer = org.call(
        "GET", "/query", params={"q": f"SELECT Seats__c, Lead__r.LastName FROM {name} WHERE Seats__c > 0"}
    )
    assert [(row["Seats__c"], row["Lead__r"]["LastName"]) for row in answer.json()["records"]] == [(2, "Aalto")]
    assert error_of(refused)[:2] == (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")


def test_the_set_up_can_be_read_but_not_written(org: Org) -> None:
    """CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY: entity type cannot be inserted; the bin does not take them either."""
    status, code, message = error_of(org.call("POST", "/sobjects/Group", json={"Name": "Queue"}))
    assert (status, code) == (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
    assert "entity type cannot be" in message
    (organization,) = found(org, "SELECT Id FROM Organization")
    assert error_of(org.call("DELETE", f"/sobjects/Organization/{organization}"))[0] == 403


def test_a_queue_owns_leads_and_tasks_but_no_contact(org: Org) -> None:
    """OwnerId of Lead and Task refers to User or Group, that of Contact and Account to User only."""
    (queue,) = org.load("Group", {"Name": "Inbound", "DeveloperName": "Inbound", "Type": "Queue"})
    org.load("QueueSobject", {"QueueId": queue, "SobjectType": "Lead"})
    assert org.call("POST", "/sobjects/Lead", json=lead(OwnerId=queue)).status_code == 201
    assert org.call("POST", "/sobjects/Task", json={"Subject": "Call", "OwnerId": queue}).status_code == 201
    refused = org.call("POST", "/sobjects/Contact", json={"LastName": "Aalto", "OwnerId": queue})
    assert error_of(refused)[:2] == (400, "INVALID_CROSS_REFERENCE_KEY")
    assert found(org, "SELECT QueueId FROM QueueSobject WHERE Queue.Name = 'Inbound'") == [queue]


def test_a_record_type_is_described_with_its_object_and_taken_by_its_records_alone(org: Org) -> None:
    """Describe lists the object's own types beside the master one; another object's, or one out of use, is no value."""
    types: list[dict[str, Any]] = [
        {"Name": "Partner", "DeveloperName": "Partner", "SobjectType": "Contact"},
        {"Name": "Old", "DeveloperName": "Old", "SobjectType": "Contact", "IsActive": False},
    ]
    partner, old = org.load("RecordType", *types)

    told = {
        name: org.call("GET", f"/sobjects/{name}/describe").json()["recordTypeInfos"] for name in ("Contact", "Lead")
    }

    assert [(each["developerName"], each["recordTypeId"], each["available"]) for each in told["Contact"][:2]] == [
        ("Partner", partner, True),
        ("Old", old, False),
    ]
    assert [each["master"] for each in told["Contact"]] == [False, False, True]
    assert [each["name"] for each in told["Lead"]] == ["Master"]
    made = org.call("POST", "/sobjects/Contact", json={"LastName": "Ng", "RecordTypeId": partner})
    assert (made.status_code, org.records("Contact")[0]["RecordTypeId"]) == (201, partner)
    for name, body in (("Contact", {"LastName": "Ng", "RecordTypeId": old}), ("Lead", lead(RecordTypeId=partner))):
        assert error_of(org.call("POST", f"/sobjects/{name}", json=body))[:2] == (400, "INVALID_CROSS_REFERENCE_KEY")


def test_a_parent_of_several_types_answers_as_the_entity_name(org: Org) -> None:
    """Owner and Who give Name, Type and what all people have, whichever object the parent really is."""
    (queue,) = org.load("Group", {"Name": "Inbound", "Type": "Queue"})
    first, _ = org.load("Lead", lead(LastName="Queued", OwnerId=queue), lead(LastName="Owned"))
    (contact,) = org.load("Contact", {"LastName": "Ng"})
    org.load("Task", {"Subject": "a", "WhoId": first}, {"Subject": "b", "WhoId": contact}, {"Subject": "c"})
    records = org.query("SELECT Owner.Name, Owner.Type FROM Lead ORDER BY LastName").json()["records"]
    assert [(each["Owner"]["Name"], each["Owner"]["Type"]) for each in records] == [
        ("Leadbridge Integration", "User"),
        ("Inbound", "Group"),
    ]
    assert records[1]["Owner"]["attributes"] == {"type": "Name", "url": f"{DATA}/sobjects/Group/{queue}"}
    assert found(org, "SELECT Subject FROM Task WHERE Who.Type = 'Lead'") == ["a"]
    assert found(org, "SELECT Subject FROM Task WHERE Who.Name = null") == ["c"]
    assert error_of(org.query("SELECT Who.Company FROM Task"))[:2] == (400, "INVALID_FIELD")


def test_a_semi_join_finds_by_the_ids_of_another_object(org: Org) -> None:
    """`IN (SELECT ...)` works on references; Task is not allowed inside, nor more than two of them."""
    ng, _ = org.load("Contact", {"LastName": "Ng"}, {"LastName": "Li"})
    org.load("Task", {"Subject": "a", "WhoId": ng}, {"Subject": "b"})
    inner = "SELECT Id FROM Contact WHERE LastName = 'Ng'"
    assert found(org, f"SELECT Subject FROM Task WHERE WhoId IN ({inner})") == ["a"]
    assert found(org, f"SELECT LastName FROM Contact WHERE Id NOT IN ({inner})") == ["Li"]
    for refused in (
        "SELECT Id FROM Contact WHERE Id IN (SELECT WhoId FROM Task)",
        "SELECT Id FROM Contact WHERE LastName IN (SELECT Id FROM Contact)",
        "SELECT Id FROM Contact WHERE Id IN (SELECT LastName FROM Contact)",
        f"SELECT Id FROM Contact WHERE Id IN ({inner}) AND Id IN ({inner}) AND Id IN ({inner})",
        f"SELECT Id FROM Contact WHERE Id IN ({inner} LIMIT 1)",
    ):
        assert org.query(refused).status_code == 400, refused


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # the clock stands at 2031-05-06, a Tuesday
        ("Score_Date__c = TODAY", ["05-06"]),
        ("Score_Date__c = YESTERDAY", ["05-05"]),
        ("Score_Date__c = LAST_N_DAYS:2", ["05-04", "05-05", "05-06"]),
        ("Score_Date__c = NEXT_N_DAYS:1", ["05-07"]),
        ("Score_Date__c = THIS_WEEK", ["05-04", "05-05", "05-06", "05-07"]),
        ("Score_Date__c = LAST_WEEK", ["05-03"]),
        ("Score_Date__c = LAST_MONTH", ["04-01"]),
        ("Score_Date__c < LAST_N_DAYS:2", ["04-01", "05-03"]),
        ("Score_Date__c > TODAY", ["05-07"]),
        ("Score_Date__c >= TODAY", ["05-06", "05-07"]),
        ("Score_Date__c <= N_DAYS_AGO:2", ["04-01", "05-03", "05-04"]),
        ("Score_Date__c != THIS_MONTH", ["04-01", "x"]),
        ("Score_Date__c = LAST_N_QUARTERS:1 OR Score_Date__c = NEXT_YEAR", []),
    ],
)
def test_relative_dates_stand_for_spans_of_days(org: Org, condition: str, expected: list[str]) -> None:
    """LAST_N_DAYS:n includes the present day; whole weeks and months leave out the present one."""
    days = ["04-01", "05-03", "05-04", "05-05", "05-06", "05-07"]
    org.load("Lead", lead(LastName="x"), *(lead(LastName=day, Score_Date__c=f"2031-{day}") for day in days))
    assert found(org, f"SELECT LastName FROM Lead WHERE {condition} ORDER BY LastName") == expected


def test_relative_dates_belong_to_dates_and_to_no_list(org: Org) -> None:
    """They filter a dateTime as well, but no text, and are refused inside IN."""
    org.load("Lead", lead())
    assert found(org, "SELECT LastName FROM Lead WHERE CreatedDate = TODAY") == ["Aalto"]
    assert found(org, "SELECT LastName FROM Lead WHERE CreatedDate < TODAY") == []
    assert error_of(org.query("SELECT Id FROM Lead WHERE LastName = TODAY"))[:2] == (400, "INVALID_FIELD")
    assert error_of(org.query("SELECT Id FROM Lead WHERE CreatedDate IN (TODAY)"))[:2] == (400, "MALFORMED_QUERY")
    assert error_of(org.query("SELECT Id FROM Lead WHERE CreatedDate = LAST_N_DAYS:"))[:2] == (400, "MALFORMED_QUERY")
    far = org.query("SELECT Id FROM Lead WHERE CreatedDate = LAST_N_YEARS:9999")
    assert error_of(far)[:2] == (400, "MALFORMED_QUERY")


def test_an_opportunity_has_one_primary_contact(org: Org) -> None:
    """Making another role primary takes the flag from the first; the same pair may have two roles."""
    (contact,) = org.load("Contact", {"LastName": "Ng"})
    (deal,) = org.load("Opportunity", opportunity())
    made = [
        org.call(
            "POST",
            "/sobjects/OpportunityContactRole",
            json={"OpportunityId": deal, "ContactId": contact, "Role": "Evaluator", "IsPrimary": True},
        ).json()["id"]
        for _ in range(2)
    ]
    assert found(org, "SELECT Id FROM OpportunityContactRole WHERE IsPrimary = true") == made[1:]
    moved = org.call("PATCH", f"/sobjects/OpportunityContactRole/{made[0]}", json={"OpportunityId": deal})
    assert error_of(moved)[:2] == (400, "INVALID_FIELD_FOR_INSERT_UPDATE")


def test_a_role_taken_away_leaves_no_trace_in_query_all(org: Org) -> None:
    """Deleted by itself a role is not even in queryAll; with its opportunity it has IsDeleted."""
    (contact,) = org.load("Contact", {"LastName": "Ng"})
    (deal,) = org.load("Opportunity", opportunity())
    alone, with_parent = org.load(
        "OpportunityContactRole",
        {"OpportunityId": deal, "ContactId": contact},
        {"OpportunityId": deal, "ContactId": contact},
    )
    assert org.call("DELETE", f"/sobjects/OpportunityContactRole/{alone}").status_code == 204
    everything = "SELECT Id, IsDeleted FROM OpportunityContactRole"
    assert found(org, everything, "queryAll") == [with_parent]
    assert org.call("DELETE", f"/sobjects/Opportunity/{deal}").status_code == 204
    assert found(org, everything) == []
    assert found(org, everything + " WHERE IsDeleted = true", "queryAll") == [with_parent]


def test_a_member_status_is_one_of_the_campaigns_own(org: Org) -> None:
    """A campaign begins with Sent and Responded, may get more, and an unknown label becomes its default."""
    (campaign,) = org.load("Campaign", {"Name": "Webinar"})
    assert found(org, "SELECT Label FROM CampaignMemberStatus ORDER BY SortOrder") == ["Sent", "Responded"]
    attended = {"CampaignId": campaign, "Label": "Attended", "HasResponded": True, "SortOrder": 3}
    assert org.call("POST", "/sobjects/CampaignMemberStatus", json=attended).status_code == 201
    people = org.load("Lead", lead(LastName="a"), lead(LastName="b"))
    org.load(
        "CampaignMember",
        {"CampaignId": campaign, "LeadId": people[0], "Status": "Attended"},
        {"CampaignId": campaign, "LeadId": people[1], "Status": "Nope"},
    )
    members = org.records("CampaignMember")
    assert [(each["Status"], each["HasResponded"]) for each in members] == [("Attended", True), ("Sent", False)]
    again = org.call("POST", "/sobjects/CampaignMember", json={"CampaignId": campaign, "LeadId": people[0]})
    assert error_of(again)[1:] == ("DUPLICATE_VALUE", "Already a campaign member.")
