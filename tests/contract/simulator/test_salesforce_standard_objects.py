"""Rules of the standard objects, as the Object Reference and the REST and SOQL guides state them.

What follows from other values (a task's account, an opportunity's expected revenue, a member's response) cannot be
written; what may be given on create only refuses an update; system stamps move with the record itself and with nothing
else; ids are case-sensitive.
"""

from typing import Any

import pytest

from tests.contract.simulator.salesforce_support import Org, error_of, lead


def one(org: Org, sobject: str, *fields: str) -> list[Any]:
    """Give these values of the one record of an object."""
    [row] = org.rows(f"SELECT {', '.join(fields)} FROM {sobject}")
    return [row[name] for name in fields]


def deal(**fields: Any) -> dict[str, Any]:
    """Return an opportunity that the org accepts."""
    return {"Name": "O", "StageName": "Prospecting", "CloseDate": "2031-07-01", **fields}


def test_an_insert_without_a_key_goes_through_the_resource_of_the_id(org: Org) -> None:
    """POST /sobjects/{T}/Id makes a record, as the upsert guide has it for inserts."""
    answer = org.call("POST", "/sobjects/Lead/Id", json=lead())

    assert (answer.status_code, answer.json()["success"]) == (201, True)
    assert [each["Id"] for each in org.records("Lead")] == [answer.json()["id"]]


def test_an_id_is_case_sensitive_and_its_suffix_has_to_fit(org: Org) -> None:
    """15 characters, or all 18 as given; another case is another id, and a wrong suffix is none at all."""
    [known] = org.load("Lead", lead())
    wrong = known[:15] + ("AAA" if known[15:] != "AAA" else "AAB")

    statuses = [
        org.call("GET", f"/sobjects/Lead/{each}").status_code for each in (known, known[:15], known.lower(), wrong)
    ]

    assert statuses == [200, 200, 404, 404]
    assert error_of(org.query(f"SELECT Id FROM Lead WHERE Id = '{wrong}'"))[1] == "INVALID_QUERY_FILTER_OPERATOR"
    assert org.rows(f"SELECT Id FROM Lead WHERE Id = '{known[:15]}'") == [{"Id": known}]


def test_a_relationship_goes_up_five_levels(org: Org) -> None:
    """Five are answered, the sixth is INVALID_FIELD; a filter on a missing parent's field takes null."""
    org.load("Contact", {"LastName": "alone"})
    path = "Account." + "Parent." * 4

    assert org.query(f"SELECT {path}Name FROM Contact").status_code == 200
    assert error_of(org.query(f"SELECT {path}Parent.Name FROM Contact"))[1] == "INVALID_FIELD"
    assert org.rows(f"SELECT LastName FROM Contact WHERE {path}Name = null") == [{"LastName": "alone"}]


def test_a_task_takes_account_and_priority_from_what_it_is_about(org: Org) -> None:
    """AccountId is the contact's, IsHighPriority follows Priority; neither is written, and the subtype only once."""
    [account] = org.load("Account", {"Name": "A"})
    [contact] = org.load("Contact", {"LastName": "C", "AccountId": account})

    made = org.call(
        "POST", "/sobjects/Task", json={"Subject": "s", "WhoId": contact, "TaskSubtype": "Call", "Priority": "High"}
    )

    task = f"/sobjects/Task/{made.json()['id']}"
    derived = ("AccountId", "IsHighPriority", "IsClosed", "Status", "TaskSubtype")
    assert one(org, "Task", *derived) == [account, True, False, "Not Started", "Call"]
    for field, value in (
        ("AccountId", account),
        ("IsHighPriority", False),
        ("IsClosed", True),
        ("TaskSubtype", "Email"),
    ):
        assert error_of(org.call("PATCH", task, json={field: value}))[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_member_with_lead_and_contact_is_the_contact(org: Org) -> None:
    """Only ContactId is kept; the response follows the status, and the person cannot be exchanged."""
    [campaign] = org.load("Campaign", {"Name": "M"})
    [person], [contact] = org.load("Lead", lead()), org.load("Contact", {"LastName": "C"})
    given = {"CampaignId": campaign, "LeadId": person, "ContactId": contact, "Status": "Responded"}

    made = org.call("POST", "/sobjects/CampaignMember", json=given)

    kept = ("LeadId", "ContactId", "HasResponded", "FirstRespondedDate")
    assert one(org, "CampaignMember", *kept) == [None, contact, True, org.now().date().isoformat()]
    member = f"/sobjects/CampaignMember/{made.json()['id']}"
    for field, value in (("ContactId", contact), ("LeadId", person), ("CampaignId", campaign), ("HasResponded", False)):
        assert error_of(org.call("PATCH", member, json={field: value}))[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_probability_may_be_overridden_and_the_next_stage_sets_it_anew(org: Org) -> None:
    """ExpectedRevenue follows amount and probability; what the stage decides is not written by itself."""
    [made] = org.load("Opportunity", deal(Amount=1_000))
    path = f"/sobjects/Opportunity/{made}"
    by_stage = one(org, "Opportunity", "Probability")

    assert org.call("PATCH", path, json={"Probability": 55}).status_code == 204
    assert one(org, "Opportunity", "Probability", "ExpectedRevenue") == [55.0, 550.0]
    assert org.call("PATCH", path, json={"StageName": "Closed Won"}).status_code == 204
    assert one(org, "Opportunity", "Probability", "IsClosed", "IsWon") == [100.0, True, True]
    assert by_stage != [55.0]
    for field, value in (("IsClosed", False), ("IsWon", False), ("ExpectedRevenue", 1), ("ContactId", None)):
        assert error_of(org.call("PATCH", path, json={field: value}))[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_role_stays_with_its_opportunity(org: Org) -> None:
    """OpportunityId is for create only; contact and role may change."""
    opportunity, other = org.load("Opportunity", deal(), deal())
    first, second = org.load("Contact", {"LastName": "1"}, {"LastName": "2"})
    [role] = org.load("OpportunityContactRole", {"OpportunityId": opportunity, "ContactId": first})
    path = f"/sobjects/OpportunityContactRole/{role}"

    assert error_of(org.call("PATCH", path, json={"OpportunityId": other}))[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert org.call("PATCH", path, json={"ContactId": second, "Role": "Evaluator"}).status_code == 204
    assert one(org, "OpportunityContactRole", "ContactId", "Role") == [second, "Evaluator"]


def test_a_lead_is_not_converted_by_writing_fields(org: Org) -> None:
    """What a conversion leaves behind refuses a write, and a status that means it converts nothing."""
    [person] = org.load("Lead", lead())
    path = f"/sobjects/Lead/{person}"

    for field, value in (("IsConverted", True), ("ConvertedDate", "2031-05-06"), ("ConvertedContactId", None)):
        assert error_of(org.call("PATCH", path, json={field: value}))[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    org.call("PATCH", path, json={"Status": "Closed - Converted"})
    assert one(org, "Lead", "IsConverted", "ConvertedDate") == [False, None]
    assert org.records("Contact") == []


def test_numbers_lose_decimals_silently_and_fail_by_their_whole_part(org: Org) -> None:
    """A scale of two cuts the third decimal; a whole part that is too long is NUMBER_OUTSIDE_VALID_RANGE."""
    answers = [org.call("POST", "/sobjects/Lead", json=lead(Lead_Score__c=value)) for value in (1.239, -1.239, 10**17)]

    assert [each.status_code for each in answers] == [201, 201, 400]
    assert error_of(answers[2])[1] == "NUMBER_OUTSIDE_VALID_RANGE"
    assert sorted(each["Lead_Score__c"] for each in org.records("Lead")) == [-1.23, 1.23]


def test_a_users_record_stays(org: Org) -> None:
    """Users are never deleted: the call is refused and the record is as before."""
    user = org.records("User")[0]

    assert org.call("DELETE", f"/sobjects/User/{user['Id']}").status_code in (400, 403)
    assert org.records("User")[0] == user


def test_a_parents_change_does_not_touch_its_children(org: Org) -> None:
    """SystemModstamp moves when the record itself is written, not when a record that it refers to is."""
    [account] = org.load("Account", {"Name": "A"})
    [contact] = org.load("Contact", {"LastName": "C", "AccountId": account})
    before = one(org, "Contact", "SystemModstamp", "LastModifiedDate")
    org.control("clock", {"advance_seconds": 60})

    assert org.call("PATCH", f"/sobjects/Account/{account}", json={"Name": "B"}).status_code == 204
    assert one(org, "Contact", "SystemModstamp", "LastModifiedDate") == before
    assert one(org, "Account", "SystemModstamp") != before[:1]
    assert org.call("PATCH", f"/sobjects/Contact/{contact}", json={"Title": "T"}).status_code == 204
    assert one(org, "Contact", "SystemModstamp", "LastModifiedDate") != before


def test_a_value_that_is_written_again_moves_the_stamp(org: Org) -> None:
    """A write that changes nothing is a write: times are of whole seconds, and the last writer is named."""
    [person] = org.load("Lead", lead())
    [before] = one(org, "Lead", "SystemModstamp")
    org.control("clock", {"advance_seconds": 1.5})

    assert org.call("PATCH", f"/sobjects/Lead/{person}", json={"LastName": "Aalto"}).status_code == 204

    after, by = one(org, "Lead", "SystemModstamp", "LastModifiedById")
    assert (before < after, after[-8:], by[:3]) == (True, "000+0000", "005")


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2031-05-08T21:20:00Z", "2031-05-08T21:20:00.000+0000"),
        ("2031-05-08T21:20:00.987Z", "2031-05-08T21:20:00.000+0000"),
        ("2031-05-08T21:20:00+02:00", "2031-05-08T19:20:00.000+0000"),
        ("2031-05-08T21:20:00.000+0000", "2031-05-08T21:20:00.000+0000"),
        (None, None),
    ],
)
def test_a_moment_is_stored_in_whole_seconds_of_utc(org: Org, given: str | None, stored: str | None) -> None:
    """Z, an offset with or without colon, and fractions are taken; every reading has +0000 and no fraction."""
    answer = org.call("POST", "/sobjects/Lead", json=lead(Last_Touch__c=given))

    assert answer.status_code == 201
    assert one(org, "Lead", "Last_Touch__c") == [stored]


@pytest.mark.parametrize(
    "given", ["2031-05-08 21:20:00", "2031-05-08T21:20:00", "08.05.2031", "2031-13-08T21:20:00Z", 5]
)
def test_a_moment_without_zone_or_of_another_form_is_refused(org: Org, given: object) -> None:
    """A dateTime needs its T and its zone: 400 JSON_PARSER_ERROR, and nothing is written."""
    answer = org.call("POST", "/sobjects/Lead", json=lead(Last_Touch__c=given))

    assert error_of(answer)[:2] == (400, "JSON_PARSER_ERROR")
    assert org.records("Lead") == []


def test_several_values_of_a_picklist_are_joined_by_semicolons(org: Org) -> None:
    """A multi-select picklist is written and read as one text; it takes part in no ordering."""
    org.call("POST", "/sobjects/Lead", json=lead(Interests__c="Events;Training"))

    assert one(org, "Lead", "Interests__c") == ["Events;Training"]
    assert error_of(org.query("SELECT Id FROM Lead ORDER BY Interests__c"))[0] == 400


def test_an_object_tells_its_basics_below_its_own_path(org: Org) -> None:
    """GET /sobjects/{T} has the object's entry of the global list and what was looked at recently; or it is 404."""
    listed = org.call("GET", "/sobjects").json()["sobjects"]

    answers = [org.call("GET", f"/sobjects/Lead{slash}").json() for slash in ("", "/")]

    assert [each["objectDescribe"] for each in answers] == [each for each in listed if each["name"] == "Lead"] * 2
    assert [each["recentItems"] for each in answers] == [[], []]
    assert error_of(org.call("GET", "/sobjects/Nope"))[:2] == (404, "NOT_FOUND")


def test_a_key_may_hold_a_line_end(org: Org) -> None:
    """Percent-encoded in the path it is part of the value, for the upsert and for the reading."""
    path = "/sobjects/Lead/External_Key__c/two%0Alines"

    statuses = [org.call("PATCH", path, json=lead()).status_code, org.call("GET", path).status_code]

    assert statuses == [201, 200]
    assert one(org, "Lead", "External_Key__c") == ["two\nlines"]


def test_long_answers_are_compressed_for_who_takes_it(org: Org) -> None:
    """With Accept-Encoding: gzip the body is packed and its length told; without, and for a short one, it is plain."""
    described = "/sobjects/Lead/describe"

    packed = org.call("GET", described, headers={"Accept-Encoding": "gzip"})
    plain = org.call("GET", described, headers={"Accept-Encoding": "identity"})
    short = org.call("GET", "/sobjects/Nope", headers={"Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 4
    assert packed.json() == plain.json()
    assert "Content-Encoding" not in plain.headers.keys() | short.headers.keys()


@pytest.mark.parametrize("name", ["unprocessedrecords", "unprocessedRecords"])
def test_both_spellings_of_the_unprocessed_records_are_answered(org: Org, name: str) -> None:
    """The guide writes it in small letters, clients like the other two results; an aborted job gives its rows."""
    job = org.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"}).json()
    content = "LastName,Company\nA,B\n"
    org.http.put("/" + job["contentUrl"], content=content, headers=org.headers | {"Content-Type": "text/csv"})
    org.call("PATCH", f"/jobs/ingest/{job['id']}", json={"state": "Aborted"})

    for slash in ("", "/"):
        assert org.call("GET", f"/jobs/ingest/{job['id']}/{name}{slash}").text == content
