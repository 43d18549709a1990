"""What changed and went: getUpdated and getDeleted windows, and what people do to records besides the API."""

from typing import Any

import httpx
import pytest

from tests.contract.simulator.salesforce_support import Org, error_of, lead

# the clock of each test begins at 07:08:09
BEFORE = "2031-05-06T07:00:00Z"
AFTER = "2031-05-06T09:00:00Z"


def changes(org: Org, what: str, start: str = BEFORE, end: str = AFTER, sobject: str = "Lead") -> httpx.Response:
    """Ask what was updated or deleted in a window."""
    return org.call("GET", f"/sobjects/{sobject}/{what}/", params={"start": start, "end": end})


def updated(org: Org, **window: str) -> list[str]:
    """Return the ids of the changed records."""
    found: list[str] = changes(org, "updated", **window).json()["ids"]
    return found


def deleted(org: Org, sobject: str = "Lead") -> list[str]:
    """Return the ids of the deleted records."""
    return [each["id"] for each in changes(org, "deleted", sobject=sobject).json()["deletedRecords"]]


def values_of(org: Org, record_id: str, fields: str, sobject: str = "Lead") -> dict[str, Any]:
    """Return fields of one record, deleted or not."""
    soql = f"SELECT {fields} FROM {sobject} WHERE Id = '{record_id}'"
    (row,) = org.call("GET", "/queryAll", params={"q": soql}).json()["records"]
    del row["attributes"]
    found: dict[str, Any] = row
    return found


def act(org: Org, what: str, body: Any) -> httpx.Response:
    """Act as a person of the org through the control plane."""
    return org.http.post(f"/_sim/{what}", json=body)


def test_updated_tells_ids_and_until_when(org: Org) -> None:
    """Ids only, without deleted records; latestDateCovered is the end, but not beyond now."""
    first, second = org.load("Lead", lead(LastName="a"), lead(LastName="b"))
    assert org.call("DELETE", f"/sobjects/Lead/{second}").status_code == 204
    answer = changes(org, "updated").json()
    assert answer["ids"] == [first]
    assert answer["latestDateCovered"].startswith("2031-05-06T07:08:")
    past = changes(org, "updated", end="2031-05-06T07:05:00Z").json()
    assert past == {"ids": [], "latestDateCovered": "2031-05-06T07:05:00.000+0000"}


def test_seconds_of_a_window_are_ignored(org: Org) -> None:
    """An end of 07:08:59 is 07:08:00, so that what came at 07:08:09 is not in; an offset is honoured."""
    (made,) = org.load("Lead", lead())
    assert updated(org, end="2031-05-06T07:08:59Z") == []
    assert updated(org, start="2031-05-06T07:08:59Z") == [made]
    assert updated(org, start="2031-05-06T09:08:00+02:00", end="2031-05-06T09:09:00+02:00") == [made]


def test_a_running_transaction_pulls_the_covered_date_back(org: Org) -> None:
    """A row that becomes visible later than its stamp: until then latestDateCovered is that stamp."""
    org.control("faults", [{"match": "POST */sobjects/Lead", "kind": "late_commit", "seconds": 300}])
    assert org.call("POST", "/sobjects/Lead", json=lead()).status_code == 201
    org.control("clock", {"advance_seconds": 120})
    answer = changes(org, "updated").json()
    assert (answer["ids"], answer["latestDateCovered"][:17]) == ([], "2031-05-06T07:08:")
    assert changes(org, "deleted").json()["latestDateCovered"] == answer["latestDateCovered"]
    org.control("clock", {"advance_seconds": 200})
    answer = changes(org, "updated").json()
    assert len(answer["ids"]) == 1
    assert answer["latestDateCovered"] > "2031-05-06T07:13"


@pytest.mark.parametrize("what", ["updated", "deleted"])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        (AFTER, BEFORE),
        ("2031-05-06T07:01:01Z", "2031-05-06T07:01:59Z"),
        ("2031-04-01T00:00:00Z", AFTER),
        ("yesterday", AFTER),
        ("2031-05-06T07:00:00", AFTER),
    ],
)
def test_a_window_that_cannot_be_is_refused(org: Org, what: str, start: str, end: str) -> None:
    """Backwards, under a minute, too long ago, unreadable or without an offset: INVALID_REPLICATION_DATE."""
    assert error_of(changes(org, what, start, end))[:2] == (400, "INVALID_REPLICATION_DATE")


def test_windows_reach_30_days_back_and_15_for_deletions(org: Org) -> None:
    """20 days ago is asked for changes with success, and refused for deletions."""
    assert changes(org, "updated", "2031-04-16T08:00:00Z").status_code == 200
    assert error_of(changes(org, "deleted", "2031-04-16T08:00:00Z"))[1] == "INVALID_REPLICATION_DATE"
    assert error_of(org.call("GET", "/sobjects/Lead/updated/", params={"start": BEFORE}))[0] == 400


def test_only_replicateable_objects_have_windows(org: Org) -> None:
    """The object has to be there, and to be of those that describe calls replicateable."""
    assert error_of(changes(org, "updated", sobject="Nope"))[:2] == (404, "NOT_FOUND")
    assert error_of(changes(org, "updated", sobject="OpportunityStage"))[0] == 400
    assert not org.call("GET", "/sobjects/OpportunityStage/describe").json()["replicateable"]


def test_a_window_holds_so_many_ids(org: Org) -> None:
    """Above the limit (600,000 in truth) the answer is EXCEEDED_ID_LIMIT and no ids."""
    org.control("limits", {"replicated_ids": 2})
    made = org.load("Lead", lead(), lead(), lead())
    assert error_of(changes(org, "updated"))[:2] == (400, "EXCEEDED_ID_LIMIT")
    act(org, "delete", {"object": "Lead", "ids": made})
    assert error_of(changes(org, "deleted"))[:2] == (400, "EXCEEDED_ID_LIMIT")


def test_deleted_tells_id_and_date(org: Org) -> None:
    """Rows in the bin, roles taken away by themselves and emptied bins alike; undelete takes it back."""
    first, second = org.load("Lead", lead(LastName="a"), lead(LastName="b"))
    act(org, "delete", {"object": "Lead", "ids": [first, second]})
    answer = changes(org, "deleted").json()
    assert {each["id"] for each in answer["deletedRecords"]} == {first, second}
    assert answer["deletedRecords"][0]["deletedDate"].startswith("2031-05-06T07:08:")
    assert answer["earliestDateAvailable"].startswith("2031-04-21T07:08:")
    assert act(org, "undelete", {"object": "Lead", "ids": [first]}).json() == {"undeleted": [first]}
    assert act(org, "purge", {"object": "Lead"}).json() == {"purged": [second]}
    assert deleted(org) == [second]
    assert updated(org) == [first]
    assert [row["Id"] for row in org.rows("SELECT Id FROM Lead")] == [first]
    assert act(org, "undelete", {"object": "Lead", "ids": [second]}).status_code == 400


def test_a_role_taken_away_shows_in_deleted_only(org: Org) -> None:
    """OpportunityContactRole: queryAll never shows it, getDeleted does."""
    (contact,) = org.load("Contact", {"LastName": "Ng"})
    (deal,) = org.load("Opportunity", {"Name": "x", "StageName": "Prospecting", "CloseDate": "2031-06-30"})
    (role,) = org.load("OpportunityContactRole", {"OpportunityId": deal, "ContactId": contact})
    assert org.call("DELETE", f"/sobjects/OpportunityContactRole/{role}").status_code == 204
    assert deleted(org, "OpportunityContactRole") == [role]


def test_a_purged_log_is_told(org: Org) -> None:
    """A window that begins before the purge is INVALID_REPLICATION_DATE; one after it is answered."""
    org.control("clock", {"advance_seconds": 600})
    act(org, "purge", {"log": True})
    assert error_of(changes(org, "deleted"))[:2] == (400, "INVALID_REPLICATION_DATE")
    later = changes(org, "deleted", "2031-05-06T07:30:00Z").json()
    assert later["earliestDateAvailable"].startswith("2031-05-06T07:18:")


def test_a_conversion_makes_account_contact_and_opportunity(org: Org) -> None:
    """The lead says what became of it, its tasks and memberships go to the contact, and it can no more be changed."""
    (made,) = org.load("Lead", lead(FirstName="Ada", Company="Amber", Email="ada@example.com"))
    (campaign,) = org.load("Campaign", {"Name": "Webinar"})
    org.load("CampaignMember", {"CampaignId": campaign, "LeadId": made})
    org.load("Task", {"Subject": "Call", "WhoId": made})
    org.control("clock", {"advance_seconds": 5})
    (result,) = act(org, "convert", {"leads": [{"leadId": made}]}).json()
    row = values_of(org, made, "IsConverted, ConvertedDate, ConvertedContactId, ConvertedAccountId, Status")
    assert row == {
        "IsConverted": True,
        "ConvertedDate": "2031-05-06",
        "ConvertedContactId": result["contactId"],
        "ConvertedAccountId": result["accountId"],
        "Status": "Closed - Converted",
    }
    contact = values_of(org, result["contactId"], "Name, Email, AccountId", "Contact")
    assert contact == {"Name": "Ada Aalto", "Email": "ada@example.com", "AccountId": result["accountId"]}
    deal = values_of(org, result["opportunityId"], "Name, CloseDate, IsClosed", "Opportunity")
    assert deal == {"Name": "Amber-", "CloseDate": "2031-06-30", "IsClosed": False}
    assert [each["ContactId"] for each in org.records("CampaignMember")] == [result["contactId"]]
    assert [each["WhoId"] for each in org.records("Task")] == [result["contactId"]]
    refused = org.call("PATCH", f"/sobjects/Lead/{made}", json={"Title": "x"})
    assert error_of(refused) == (400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    assert act(org, "convert", {"leads": [{"leadId": made}]}).status_code == 400


def test_a_conversion_may_use_what_is_there(org: Org) -> None:
    """With accountId and contactId given and no opportunity wanted, no record is made; the person is not ours."""
    (account,) = org.load("Account", {"Name": "Amber"})
    (contact,) = org.load("Contact", {"LastName": "Aalto", "AccountId": account})
    (made,) = org.load("Lead", lead())
    wanted = {"leadId": made, "accountId": account, "contactId": contact, "doNotCreateOpportunity": True}
    (result,) = act(org, "convert", {"leads": [wanted]}).json()
    assert (result["accountId"], result["contactId"], result["opportunityId"]) == (account, contact, None)
    assert (len(org.records("Account")), len(org.records("Contact")), org.records("Opportunity")) == (1, 1, [])
    row = values_of(org, made, "LastModifiedById, CreatedById")
    assert row["LastModifiedById"] != row["CreatedById"]
    assert act(org, "convert", {"leads": [{"leadId": "00Q000000000000AAA"}]}).status_code == 400


def test_a_conversion_into_a_contact_fills_what_it_lacks(org: Org) -> None:
    """Its own values stay, empty ones come from the lead, its SystemModstamp moves; another's account is refused."""
    account, other = org.load("Account", {"Name": "Amber"}, {"Name": "Birch"})
    (contact,) = org.load("Contact", {"LastName": "Aalto", "Title": "CTO", "AccountId": account})
    (made,) = org.load("Lead", lead(Title="Buyer", Phone="1", Email="ada@example.com"))
    org.control("clock", {"advance_seconds": 5})
    before = values_of(org, contact, "SystemModstamp", "Contact")["SystemModstamp"]
    wanted = {"leadId": made, "contactId": contact, "doNotCreateOpportunity": True}
    assert act(org, "convert", {"leads": [wanted]}).status_code == 400
    assert act(org, "convert", {"leads": [wanted | {"accountId": other}]}).status_code == 400
    act(org, "convert", {"leads": [wanted | {"accountId": account}]}).raise_for_status()
    row = values_of(org, contact, "Title, Phone, Email, AccountId, SystemModstamp", "Contact")
    assert row.pop("SystemModstamp") > before
    assert row == {"Title": "CTO", "Phone": "1", "Email": "ada@example.com", "AccountId": account}


def test_what_a_conversion_makes_belongs_to_the_owner_of_the_lead_or_who_is_named(org: Org) -> None:
    """Without an ownerId the lead's owner has the account, the contact and the opportunity."""
    people = [each["Id"] for each in org.records("User")]
    for lead_owner, named in ((people[0], None), (people[0], people[1])):
        (made,) = org.load("Lead", lead(OwnerId=lead_owner))
        wanted = {"leadId": made} | ({"ownerId": named} if named else {})
        (result,) = act(org, "convert", {"leads": [wanted]}).json()
        for name in ("account", "contact", "opportunity"):
            row = values_of(org, result[f"{name}Id"], "OwnerId", name.title())
            assert row == {"OwnerId": named or lead_owner}


def test_a_merge_leaves_the_losers_with_their_master(org: Org) -> None:
    """IsDeleted and MasterRecordId in queryAll, getDeleted lists them, children belong to the winner."""
    winner, loser = org.load("Contact", {"LastName": "Ng"}, {"LastName": "Ngo"})
    one, two = org.load("Campaign", {"Name": "one"}, {"Name": "two"})
    org.load(
        "CampaignMember",
        {"CampaignId": one, "ContactId": winner},
        {"CampaignId": one, "ContactId": loser},
        {"CampaignId": two, "ContactId": loser},
    )
    org.load("Task", {"Subject": "Call", "WhoId": loser})
    answer = act(org, "merge", {"object": "Contact", "master": winner, "losers": [loser]}).json()
    assert answer == {"id": winner, "mergedRecordIds": [loser], "success": True}
    row = values_of(org, loser, "IsDeleted, MasterRecordId", "Contact")
    assert row == {"IsDeleted": True, "MasterRecordId": winner}
    assert deleted(org, "Contact") == [loser]
    assert [each["WhoId"] for each in org.records("Task")] == [winner]
    assert sorted(each["CampaignId"] for each in org.records("CampaignMember")) == sorted([one, two])
    assert error_of(org.call("PATCH", f"/sobjects/Contact/{loser}", json={"Title": "x"}))[:2] == (
        404,
        "ENTITY_IS_DELETED",
    )
    assert act(org, "undelete", {"object": "Contact", "ids": [loser]}).status_code == 400
    assert act(org, "merge", {"object": "Task", "master": winner, "losers": [loser]}).status_code == 400


def test_archived_tasks_and_amounts_of_line_items_behave_as_such(org: Org) -> None:
    """An archived task is in queryAll only; Amount is silently ignored while there are line items."""
    (task,) = org.load("Task", {"Subject": "old", "Status": "Completed"})
    act(org, "set", {"object": "Task", "ids": [task], "fields": {"IsArchived": True}})
    assert org.rows("SELECT Id FROM Task") == []
    assert values_of(org, task, "IsDeleted", "Task") == {"IsDeleted": False}
    assert deleted(org, "Task") == []
    body = {"Name": "x", "StageName": "Prospecting", "CloseDate": "2031-06-30", "Amount": 5}
    (deal,) = org.load("Opportunity", body)
    act(org, "set", {"object": "Opportunity", "ids": [deal], "fields": {"HasOpportunityLineItem": True}})
    change = {"Amount": 7, "NextStep": "call"}
    assert org.call("PATCH", f"/sobjects/Opportunity/{deal}", json=change).status_code == 204
    assert values_of(org, deal, "Amount, NextStep", "Opportunity") == {"Amount": 5.0, "NextStep": "call"}


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("convert", {}),
        ("merge", {"object": "Lead", "master": "x", "losers": []}),
        ("delete", {"object": "Nope", "ids": ["x"]}),
        ("delete", {"object": "Lead", "ids": ["x"]}),
        ("undelete", {"object": "CampaignMember", "ids": []}),
        ("purge", []),
        ("set", {"object": "Lead", "ids": [], "fields": {}}),
    ],
)
def test_a_wrong_wish_to_the_control_plane_is_refused(org: Org, what: str, body: Any) -> None:
    """400 with one sentence, and nothing changes."""
    answer = act(org, what, body)
    assert answer.status_code == 400
    assert answer.json()["error"]
