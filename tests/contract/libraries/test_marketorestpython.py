"""`marketorestpython` 0.5.25, a client that nobody here wrote, reads and writes the Marketo twin over HTTP.

Only the host is changed: the library derives `https://{munchkin id}.mktorest.com` and keeps it in the attribute
`host`, which is set to the twin's URL. Its waits (5 calls a second, backing off) move the twin's clock on instead.

What is known of the library, each shown by a test below:

- after a retryable error (606 …) it repeats the call without its token, because it takes the token out of its own
  arguments at the first try; the vendor then answers 603 and the call fails;
- `execute` does not sign in again after 601 or 602 while its own clock takes the token for valid: it repeats the call
  ten times and gives None;
- asking for an export file that is not there ends in a `TypeError`, for the plain-text 404;
- asking for an asset by a name that nothing has ends in a `KeyError`, for the answer has no `result` then;
- `delete_lead` sends the method DELETE, where the vendor documents a POST to another path; instances take both;
- `create_folder` writes the parent as something like JSON; whether instances take it is not known, the twin does not;
- `import_lead` never closes the file that it sends;
- it joins filter values with commas without quoting, so a value with a comma cannot be looked up.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import backoff._sync
import marketorestpython.client  # type: ignore[import-untyped]  # it has no types
import marketorestpython.helper.http_lib  # type: ignore[import-untyped]  # it has no types
import pytest
from marketorestpython.client import MarketoClient

from tests.contract.libraries.support import TEXTS, Twin, TwinTime, text

PAGE = 300
FIELDS = "id,email,firstName,lastName,company,notes,externalKey,isCustomer,customerNumber,contractValue"
VISIT, OPEN_EMAIL = 1, 10
DATE = "%Y-%m-%dT%H:%M:%SZ"

type Ask = Callable[..., Any]


@pytest.fixture
def clock(marketo: Twin, monkeypatch: pytest.MonkeyPatch) -> TwinTime:
    """The library's clock, which is the twin's."""
    clock = TwinTime(marketo)
    for module in (marketorestpython.client, marketorestpython.helper.http_lib, backoff._sync):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return clock


@pytest.fixture
def client(marketo: Twin, clock: TwinTime) -> Any:
    """The library's client, connected to the twin."""
    known = marketo.credentials
    client = MarketoClient(known["munchkin_id"], known["client_id"], known["client_secret"])
    client.host = marketo.url
    return client


@pytest.fixture
def ask(client: Any) -> Ask:
    """One call through the library's `execute`, as its documentation shows it."""
    called: Ask = client.execute
    return called


def some_leads(count: int) -> list[dict[str, Any]]:
    """Make up leads with adversarial text in every kind of field; every third value is empty."""
    return [
        {
            "email": f"person.{number}@example.com",
            "firstName": None if number % 3 == 0 else text(number),
            "lastName": text(number + 1),
            "company": text(number + 2),
            "notes": None if number % 3 == 1 else text(number + 3) * 3,
            "externalKey": "batch",
            "isCustomer": number % 2 == 0,
            "customerNumber": None if number % 3 == 2 else number,
            "contractValue": number + 0.25,
        }
        for number in range(count)
    ]


def load_leads(marketo: Twin, count: int) -> list[dict[str, Any]]:
    """Put leads into the twin; gives what was loaded, with the ids."""
    leads = some_leads(count)
    ids = marketo.load("leads", *leads)
    return [{"id": lead_id, **lead} for lead_id, lead in zip(ids, leads, strict=True)]


def only(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what the vendor adds to a lead beside its fields (its membership in a program)."""
    return [{name: value for name, value in each.items() if name != "membership"} for each in records]


def by_filter(ask: Ask, marketo: Twin, leads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Read leads by a field that all of them share."""
    found: list[dict[str, Any]] = ask("get_multiple_leads_by_filter_type", "externalKey", ["batch"], FIELDS)
    return found


def by_list(ask: Ask, marketo: Twin, leads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Read the members of a static list."""
    [list_id] = marketo.load("staticLists", {"name": "everybody"})
    marketo.load("listMembers", *({"listId": list_id, "leadId": each["id"]} for each in leads))
    found: list[dict[str, Any]] = ask("get_multiple_leads_by_list_id", list_id, FIELDS)
    return found


def by_program(ask: Ask, marketo: Twin, leads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Read the members of a program."""
    [program_id] = marketo.load("programs", {"name": "everybody"})
    members = ({"programId": program_id, "leadId": each["id"], "statusName": "Invited"} for each in leads)
    marketo.load("programMembers", *members)
    return only(ask("get_multiple_leads_by_program_id", program_id, FIELDS))


# signing in


def test_it_signs_in_and_learns_token_life_and_scope(client: Any) -> None:
    """The identity answer has what the library keeps: token, type, life in seconds and scope."""
    client.authenticate()

    assert (client.token_type, client.expires_in) == ("bearer", 3_600)
    assert client.scope.endswith("@example.com")
    assert client.execute("get_lead_partitions")[0]["name"] == "Default"


@pytest.mark.parametrize(
    ("name", "said"),
    [("client_id", "No client with requested id: wrong"), ("client_secret", "Bad client credentials")],
)
def test_wrong_credentials_are_reported_in_the_vendors_words(client: Any, name: str, said: str) -> None:
    """The 401 of the identity service has the `error` and `error_description` that the library looks for."""
    setattr(client, name, "wrong")

    with pytest.raises(Exception, match=said):
        client.authenticate()


# reading leads


@pytest.mark.parametrize("read", [by_filter, by_list, by_program])
@pytest.mark.parametrize("count", [PAGE, PAGE + 1])
def test_leads_come_whole_at_and_behind_a_page_boundary(
    ask: Ask, marketo: Twin, read: Callable[..., list[dict[str, Any]]], count: int
) -> None:
    """A full page, and a full page and one more: every lead comes once, with every value as it was loaded."""
    leads = load_leads(marketo, count)

    assert read(ask, marketo, leads) == leads


def test_a_lead_is_read_by_its_id(ask: Ask, marketo: Twin) -> None:
    """The lead with every kind of text is the one that was loaded; an unknown id is an error in the vendor's shape."""
    leads = load_leads(marketo, len(TEXTS))

    assert [ask("get_lead_by_id", each["id"], FIELDS) for each in leads] == [[each] for each in leads]
    with pytest.raises(Exception, match="1004"):
        ask("get_lead_by_id", 999_999)


@pytest.mark.parametrize("value", [each for each in TEXTS if "," not in each and "\n" not in each])
def test_a_lead_is_found_by_text_of_every_kind(ask: Ask, marketo: Twin, value: str) -> None:
    """Quotes, spaces, slashes, percent and plus signs and letters beyond ASCII survive the filter's form encoding."""
    marketo.load("leads", {"externalKey": value, "email": "a@example.com"}, {"externalKey": "other"})

    found = ask("get_multiple_leads_by_filter_type", "externalKey", [value], "externalKey,email")

    assert [(each["externalKey"], each["email"]) for each in found] == [(value, "a@example.com")]


def test_a_filter_value_with_a_comma_is_split_by_the_library(ask: Ask, marketo: Twin) -> None:
    """The library joins values with bare commas, so the vendor sees two values and finds other leads."""
    marketo.load(
        "leads", {"externalKey": "a,b", "email": "both@example.com"}, {"externalKey": "a", "email": "a@example.com"}
    )

    found = ask("get_multiple_leads_by_filter_type", "externalKey", ["a,b"], "email")

    assert [each["email"] for each in found] == ["a@example.com"]


def test_the_fields_of_a_lead_are_described_in_both_ways(ask: Ask) -> None:
    """Describe gives ids and REST names, Describe2 the searchable fields; both know the same REST fields."""
    described, [second] = ask("describe"), ask("describe2")

    names = {each["rest"]["name"] for each in described if "rest" in each}
    assert {each["name"] for each in second["fields"]} <= names
    assert ["email"] in second["searchableFields"]
    assert all(isinstance(each["id"], int) for each in described)


# writing leads


def test_leads_are_created_updated_and_skipped_by_record(ask: Ask, marketo: Twin) -> None:
    """One call with four outcomes: results in the order of the input, and exactly those values at the vendor."""
    [known] = marketo.load("leads", {"email": "known@example.com", "lastName": "before", "company": "kept"})
    leads = [
        {"email": "known@example.com", "lastName": TEXTS[1], "notes": TEXTS[7]},
        {"email": "bad@example.com", "customerNumber": "1.5"},
        {"email": "new@example.com", "lastName": TEXTS[3], "firstName": TEXTS[4]},
    ]

    results = ask("create_update_leads", leads, lookupField="email")
    again = ask("create_update_leads", leads[:1], action="createOnly")
    missing = ask("create_update_leads", [{"email": "nobody@example.com"}], action="updateOnly")

    assert [each["status"] for each in results] == ["updated", "skipped", "created"]
    assert [each["code"] for each in results[1]["reasons"]] == ["1003"]
    assert [each[0]["reasons"][0]["code"] for each in (again, missing)] == ["1005", "1004"]
    stored = {each["id"]: each for each in marketo.records("leads")}
    assert stored.keys() == {known, results[2]["id"]}
    assert [stored[known][name] for name in ("lastName", "notes", "company")] == [TEXTS[1], TEXTS[7], "kept"]
    assert [stored[results[2]["id"]][name] for name in ("lastName", "firstName")] == [TEXTS[3], TEXTS[4]]


def test_leads_are_pushed_into_a_program(ask: Ask, marketo: Twin) -> None:
    """A push upserts the lead, makes it a member with the status, and leaves activity 145."""
    marketo.load("programs", {"name": "Webinar"})

    [pushed] = ask(
        "push_lead", [{"email": "p@example.com", "lastName": TEXTS[0]}], "Webinar", "email", "Registered", reason="test"
    )

    [member] = marketo.records("programMembers")
    assert (pushed["status"], member["leadId"], member["statusName"]) == ("created", pushed["id"], "Registered")
    assert 145 in {each["activityTypeId"] for each in marketo.records("activities")}


def test_leads_are_merged(ask: Ask, marketo: Twin) -> None:
    """The winner keeps its values and takes what it lacked; the losers are gone."""
    winner, *losers = marketo.load(
        "leads",
        {"email": "w@example.com", "lastName": TEXTS[1]},
        {"email": "l@example.com", "lastName": "lost", "company": TEXTS[2]},
        {"email": "m@example.com", "notes": TEXTS[3]},
    )

    assert ask("merge_lead", winner, losers) is True

    [left] = marketo.records("leads")
    values = [left[name] for name in ("id", "email", "lastName", "company", "notes")]
    assert values == [winner, "w@example.com", TEXTS[1], TEXTS[2], TEXTS[3]]


def test_deleted_leads_are_gone_and_told(ask: Ask, marketo: Twin) -> None:
    """Deletions answer by record; the log of deleted leads has them, behind a page boundary too."""
    leads = load_leads(marketo, PAGE + 2)
    ids = [each["id"] for each in leads]
    start = since(marketo)

    first, second = ask("delete_lead", ids[:PAGE]), ask("delete_lead", [ids[PAGE], 999_999])

    assert [each["status"] for each in first + second] == ["deleted"] * (PAGE + 1) + ["skipped"]
    assert second[1]["reasons"][0]["code"] == "1004"
    assert [each["leadId"] for each in ask("get_deleted_leads", sinceDatetime=start)] == ids[: PAGE + 1]
    assert [each["id"] for each in marketo.records("leads")] == ids[PAGE + 1 :]


# lists


def test_list_membership_is_changed_and_asked_by_record(ask: Ask, marketo: Twin) -> None:
    """Add, ask, remove: a result for each id, with the vendor's words and codes."""
    one, two, three = marketo.load("leads", *({"email": f"{number}@example.com"} for number in range(3)))
    name = "List of " + TEXTS[1]
    [list_id] = marketo.load("staticLists", {"name": name})

    added = ask("add_leads_to_list", list_id, [one, two, 999])
    asked = ask("member_of_list", list_id, [one, three])
    removed = ask("remove_leads_from_list", list_id, [one, three])
    [known] = ask("get_multiple_lists", name=[name])

    assert [(each["id"], each["status"]) for each in added] == [(one, "added"), (two, "added"), (999, "skipped")]
    assert [each["status"] for each in asked] == ["memberof", "notmemberof"]
    assert [each["status"] for each in removed] == ["removed", "skipped"]
    assert [each[-1]["reasons"][0]["code"] for each in (added, removed)] == ["1004", "1015"]
    assert (known["id"], known["name"]) == (list_id, name)
    assert [each["leadId"] for each in marketo.records("listMembers")] == [two]


def test_lists_come_whole_behind_a_page_boundary(ask: Ask, marketo: Twin) -> None:
    """301 lists are read over two pages, each once and in its own spelling."""
    names = [f"{number} {text(number)}" for number in range(PAGE + 1)]
    ids = marketo.load("staticLists", *({"name": name} for name in names))

    found = ask("get_multiple_lists")

    assert [(each["id"], each["name"]) for each in found] == list(zip(ids, names, strict=True))


def test_lists_are_made_found_renamed_and_deleted_as_assets(ask: Ask, marketo: Twin) -> None:
    """The asset calls are form-encoded: names with quotes and letters beyond ASCII come back as they were given."""
    [made] = ask("create_list", TEXTS[4], 1, "Folder", description=TEXTS[1])
    [by_name], [by_id] = ask("get_list_by_name", TEXTS[4]), ask("get_list_by_id", made["id"])
    [renamed] = ask("update_list", made["id"], name=TEXTS[0])
    [deleted] = ask("delete_list", made["id"])

    assert made == by_name == by_id
    assert (made["name"], made["description"], made["folder"]["id"]) == (TEXTS[4], TEXTS[1], 1)
    assert (renamed["id"], renamed["name"], deleted["id"]) == (made["id"], TEXTS[0], made["id"])
    assert marketo.records("staticLists") == []


def test_the_place_of_a_new_folder_is_not_json(ask: Ask) -> None:
    """The library writes single quotes and a bare word; the vendor documents JSON, and the twin keeps to that."""
    with pytest.raises(Exception, match="1001"):
        ask("create_folder", "folder", 1, "Folder")


@pytest.mark.parametrize("count", [20, 21, 40])
def test_list_assets_come_whole_at_and_behind_a_page_boundary(ask: Ask, marketo: Twin, count: int) -> None:
    """Assets are paged by offset, 20 at a time."""
    ids = marketo.load("staticLists", *({"name": text(number)} for number in range(count)))

    assert [(each["id"], each["name"]) for each in ask("browse_lists")] == [
        (list_id, text(number)) for number, list_id in enumerate(ids)
    ]


# activities


def load_visits(marketo: Twin, count: int, others: int = 0) -> list[dict[str, Any]]:
    """Put activities into the twin, those that are asked for between others; gives the former."""
    [lead_id] = marketo.load("leads", {"email": "a@example.com"})
    now = marketo.now()

    def activity(type_id: int, number: int) -> dict[str, Any]:
        return {
            "leadId": lead_id,
            "activityTypeId": type_id,
            "activityDate": (now + timedelta(seconds=number)).strftime(DATE),
            "primaryAttributeValueId": number,
            "primaryAttributeValue": text(number),
            "attributes": [{"name": "Query Parameters", "value": text(number + 1)}],
        }

    visits = [activity(VISIT, others + number) for number in range(count)]
    before = [activity(OPEN_EMAIL, number) for number in range(others)]
    after = [activity(OPEN_EMAIL, others + count + number) for number in range(others)]
    marketo.load("activities", *before, *visits, *after)
    return visits


def since(marketo: Twin) -> str:
    """Give a time before everything that the test loads."""
    return (marketo.now() - timedelta(hours=1)).strftime(DATE)


def loaded_parts(activities: list[dict[str, Any]], loaded: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave of each activity what was loaded; the vendor adds its ids."""
    assert len({each["marketoGUID"] for each in activities}) == len(activities)
    return [{name: each.get(name) for name in loaded[0]} for each in activities]


@pytest.mark.parametrize("count", [PAGE, PAGE + 1])
def test_activities_come_whole_at_and_behind_a_page_boundary(ask: Ask, marketo: Twin, count: int) -> None:
    """Every activity of the type comes once, in order, with every attribute as it was loaded."""
    visits = load_visits(marketo, count)

    found = ask("get_lead_activities", [str(VISIT)], sinceDatetime=since(marketo))

    assert loaded_parts(found, visits) == visits


def test_empty_pages_of_activities_with_more_to_come_are_passed_over(ask: Ask, marketo: Twin) -> None:
    """Pages that look at few entries come empty with moreResult true; the library goes on, and nothing is lost."""
    visits = load_visits(marketo, 21, others=20)
    marketo.post("limits", {"activity_scan": 8})

    found = ask("get_lead_activities", [str(VISIT)], sinceDatetime=since(marketo))

    assert loaded_parts(found, visits) == visits
    assert len(marketo.calls("GET", "/rest/v1/activities.json")) == 8


def test_activities_are_cut_at_a_time(ask: Ask, marketo: Twin) -> None:
    """The library reads the vendor's dates in order to stop at one: they have the form that it knows."""
    visits = load_visits(marketo, 30)

    found = ask(
        "get_lead_activities", [str(VISIT)], sinceDatetime=since(marketo), untilDatetime=visits[9]["activityDate"][:-1]
    )

    assert loaded_parts(found, visits) == visits[:10]


def test_changed_values_are_read_with_old_and_new(ask: Ask, marketo: Twin) -> None:
    """An update through the library shows as a lead change with both values, also where they hold quotes."""
    [lead_id] = marketo.load("leads", {"email": "a@example.com", "lastName": TEXTS[1]})
    start = since(marketo)
    ask("create_update_leads", [{"email": "a@example.com", "lastName": TEXTS[4]}])

    [change] = ask("get_lead_changes", ["lastName"], sinceDatetime=start)

    assert (change["leadId"], change["activityTypeId"]) == (lead_id, 13)
    [changed] = change["fields"]
    assert (changed["name"], changed["oldValue"], changed["newValue"]) == ("lastName", TEXTS[1], TEXTS[4])


def test_a_custom_activity_is_defined_added_and_read_back(ask: Ask, marketo: Twin) -> None:
    """A type made, extended and approved through the library takes records, whose text comes back as it was."""
    [lead_id] = marketo.load("leads", {"email": "a@example.com"})
    ask("create_custom_activity_type", "testPing", "Ping", "Ping happens", "Was pinged", "testKey", "Key")
    note = {"apiName": "testNote", "name": "Note", "dataType": "string"}
    ask("create_custom_activity_type_attribute", "testPing", [note])
    [approved] = ask("approve_custom_activity_type", "testPing")
    records = [
        {
            "leadId": lead_id,
            "activityDate": marketo.now().strftime(DATE),
            "activityTypeId": approved["id"],
            "primaryAttributeValue": value,
            "attributes": [{"name": "Note", "value": value[::-1]}],
        }
        for value in TEXTS
    ]

    added = ask("add_custom_activities", [*records, records[0] | {"leadId": 999}])
    found = ask("get_lead_activities", [str(approved["id"])], sinceDatetime=since(marketo))

    assert [each["status"] for each in added] == ["added"] * len(TEXTS) + ["skipped"]
    assert [(each["primaryAttributeValue"], each["attributes"][0]["value"]) for each in found] == [
        (value, value[::-1]) for value in TEXTS
    ]


# bulk extract


def extract(ask: Ask, clock: TwinTime, kind: str, *arguments: Any, **options: Any) -> list[dict[str, str]]:
    """Make, queue and await an export job through the library and read its file."""
    more = {"object_name": options["object_name"]} if "object_name" in options else {}
    [job] = ask(f"create_{kind}_export_job", *arguments, **options)
    ask(f"enqueue_{kind}_export_job", job["exportId"], **more)
    while job["status"] != "Completed":
        clock.sleep(60)
        [job] = ask(f"get_{kind}_export_job_status", job["exportId"], **more)
    content = ask(f"get_{kind}_export_job_file", job["exportId"], **more)
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
    assert (len(rows), len(content)) == (job["numberOfRecords"], job["fileSize"])
    return rows


def around(marketo: Twin) -> dict[str, Any]:
    """Give the filter for everything that is loaded now."""
    now = marketo.now()
    return {
        "createdAt": {
            "startAt": (now - timedelta(days=1)).strftime(DATE),
            "endAt": (now + timedelta(days=1)).strftime(DATE),
        }
    }


def in_file(value: object) -> str:
    """Write a value as export files do."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_leads_are_extracted_in_bulk(ask: Ask, marketo: Twin, clock: TwinTime) -> None:
    """The file has every lead with every value: quotes, line ends and separators within fields, `null` for nothing."""
    leads = load_leads(marketo, PAGE + 1)

    rows = extract(ask, clock, "leads", fields=FIELDS.split(","), filters=around(marketo))

    assert rows == [{name: in_file(lead[name]) for name in FIELDS.split(",")} for lead in leads]


def test_activities_are_extracted_in_bulk(ask: Ask, marketo: Twin, clock: TwinTime) -> None:
    """The library sends `fields: null` and gets the default columns; one of them holds the attributes as JSON."""
    visits = load_visits(marketo, 21, others=5)

    rows = extract(ask, clock, "activities", filters={**around(marketo), "activityTypeIds": [VISIT]})

    assert [{**row, "attributes": json.loads(row["attributes"])} for row in rows] == [
        {
            "marketoGUID": row["marketoGUID"],
            "leadId": str(visit["leadId"]),
            "activityDate": visit["activityDate"],
            "activityTypeId": str(VISIT),
            "campaignId": "null",
            "primaryAttributeValueId": str(visit["primaryAttributeValueId"]),
            "primaryAttributeValue": visit["primaryAttributeValue"],
            "attributes": {each["name"]: each["value"] for each in visit["attributes"]},
        }
        for row, visit in zip(rows, visits, strict=True)
    ]


def test_program_members_are_extracted_in_bulk(ask: Ask, marketo: Twin, clock: TwinTime) -> None:
    """The members of a program come with lead fields and status."""
    leads = load_leads(marketo, len(TEXTS))
    [program_id] = marketo.load("programs", {"name": TEXTS[0]})
    members = ({"programId": program_id, "leadId": each["id"], "statusName": "Attended"} for each in leads)
    marketo.load("programMembers", *members)

    rows = extract(
        ask, clock, "program_members", fields=["leadId", "lastName", "statusName"], filters={"programId": program_id}
    )

    assert rows == [
        {"leadId": str(each["id"]), "lastName": each["lastName"], "statusName": "Attended"} for each in leads
    ]


def test_a_file_that_is_not_there_is_beyond_the_library(ask: Ask, marketo: Twin) -> None:
    """A job that did not run has no file (404, plain text), and the library takes the response for a dictionary."""
    [job] = ask("create_leads_export_job", fields=["id"], filters=around(marketo))

    with pytest.raises(TypeError, match="not subscriptable"):
        ask("get_leads_export_job_file", job["exportId"])

    [call] = marketo.calls("GET", "/bulk/v1/leads/export/")
    assert call["status"] == 404


def test_export_jobs_are_cancelled_and_listed(ask: Ask, client: Any, marketo: Twin) -> None:
    """A queued job is cancelled, and the list of the user's jobs shows it so."""
    [job] = ask("create_leads_export_job", fields=["id"], filters=around(marketo))
    ask("enqueue_leads_export_job", job["exportId"])

    [cancelled] = ask("cancel_leads_export_job", job["exportId"])

    listed = client.get_leads_export_jobs_list()
    assert [(each["exportId"], each["status"]) for each in listed] == [(job["exportId"], "Cancelled")]
    assert cancelled["status"] == "Cancelled"


# bulk import


# the library opens the file and leaves closing it to the garbage collector
@pytest.mark.filterwarnings("ignore:unclosed file .*leads.csv:ResourceWarning")
def test_leads_are_imported_in_bulk_with_their_failures(
    ask: Ask, marketo: Twin, clock: TwinTime, tmp_path: Path
) -> None:
    """301 rows of which one fails: its row is in the failures, every other lead is there with every value."""
    columns = ["email", "lastName", "company", "notes", "contractValue"]
    rows = [{name: in_file(lead[name]) for name in columns} for lead in some_leads(PAGE + 1)]
    rows[7]["contractValue"] = "no number"
    path = tmp_path / "leads.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)

    [job] = ask("import_lead", "csv", str(path), lookupField="email")
    while job["status"] not in {"Complete", "Failed"}:
        clock.sleep(10)
        [job] = ask("get_import_lead_status", job["batchId"])

    assert (job["numOfLeadsProcessed"], job["numOfRowsFailed"], job["numOfRowsWithWarning"]) == (PAGE, 1, 0)
    [failed] = csv.DictReader(io.StringIO(ask("get_import_failure_file", job["batchId"]), newline=""))
    assert {name: failed[name] for name in columns} == rows[7]
    stored = [{name: in_file(each[name]) for name in columns} for each in marketo.records("leads")]
    assert stored == rows[:7] + rows[8:]


# custom objects and the other objects

KEY = {"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True}
LINK = {"name": "leadId", "displayName": "Lead Id", "dataType": "link", "relatedTo": {"name": "lead", "field": "id"}}
NOTE = {"name": "note", "displayName": "Note", "dataType": "string"}


@pytest.fixture
def cars(ask: Ask, marketo: Twin) -> list[dict[str, Any]]:
    """201 records of a custom object that the library itself defined, approved and filled."""
    [lead_id] = marketo.load("leads", {"email": "a@example.com"})
    ask("create_update_custom_object_type", "car", "Car")
    ask("add_field_custom_object_type", "car", [KEY, LINK, NOTE])
    ask("approve_custom_object_type", "car")
    records = [
        {"vin": f"{number} {text(number)}", "leadId": lead_id, "note": text(number + 1)} for number in range(201)
    ]
    results = ask("create_update_custom_objects", "car", records)
    assert [(each["seq"], each["status"]) for each in results] == [(number, "created") for number in range(201)]
    return [{"marketoGUID": each["marketoGUID"], **record} for each, record in zip(results, records, strict=True)]


def test_custom_objects_come_whole_behind_a_page_boundary(ask: Ask, marketo: Twin, cars: list[dict[str, Any]]) -> None:
    """Asked by their keys at 200 a page, all 201 records come once, in order and with every value."""
    keys = [{"vin": each["vin"]} for each in cars]

    found = ask(
        "get_custom_objects",
        "car",
        keys,
        "dedupeFields",
        fields=["marketoGUID", "vin", "leadId", "note"],
        batchSize=200,
    )

    assert [{name: each[name] for name in cars[0]} for each in found] == cars
    assert len(marketo.calls("GET", "/rest/v1/customobjects/car.json")) == 2


def test_custom_objects_are_described_updated_and_deleted(ask: Ask, marketo: Twin, cars: list[dict[str, Any]]) -> None:
    """The object is listed and described; a record is updated by its id, another one deleted by its key."""
    [listed] = ask("get_list_of_custom_objects", names="car")
    [described] = ask("describe_custom_object", "car")
    first, second, *rest = cars

    [updated] = ask(
        "create_update_custom_objects",
        "car",
        [{"marketoGUID": first["marketoGUID"], "note": TEXTS[1]}],
        action="updateOnly",
        dedupeBy="idField",
    )
    deleted = ask("delete_custom_objects", "car", [{"vin": second["vin"]}, {"vin": "none"}])

    assert (listed["name"], described["dedupeFields"], described["idField"]) == ("car", ["vin"], "marketoGUID")
    assert (updated["status"], [each["status"] for each in deleted]) == ("updated", ["deleted", "skipped"])
    stored = {each["marketoGUID"]: (each["vin"], each["note"]) for each in marketo.records("car")}
    kept = [first | {"note": TEXTS[1]}, *rest]
    assert stored == {each["marketoGUID"]: (each["vin"], each["note"]) for each in kept}


def test_custom_objects_are_extracted_in_bulk(
    ask: Ask, marketo: Twin, clock: TwinTime, cars: list[dict[str, Any]]
) -> None:
    """The file has every record of the object once, with the text as it was written."""
    window = around(marketo)["createdAt"]

    rows = extract(
        ask, clock, "custom_objects", fields=["vin", "note"], filters={"updatedAt": window}, object_name="car"
    )

    assert rows == [{"vin": each["vin"], "note": each["note"]} for each in cars]


@pytest.mark.parametrize(
    ("plural", "read", "key", "label", "table"),
    [
        ("companies", "get_companies", "externalCompanyId", "company", "companies"),
        ("opportunities", "get_opportunities", "externalOpportunityId", "name", "opportunities"),
        ("sales_persons", "get_sales_persons", "externalSalesPersonId", "lastName", "salesPersons"),
    ],
)
def test_objects_of_the_crm_are_written_read_and_deleted(
    ask: Ask, marketo: Twin, plural: str, read: str, key: str, label: str, table: str
) -> None:
    """Companies, opportunities and sales persons: each comes back as it was written, and goes by its key."""
    records = [{key: f"k{number}", label: value} for number, value in enumerate(TEXTS)]

    written = ask(f"create_update_{plural}", records)
    found = ask(read, key, [each[key] for each in records], f"{key},{label}")
    gone = ask(f"delete_{plural}", [{key: "k0"}, {key: "none"}])

    assert [each["status"] for each in written] == ["created"] * len(records)
    assert [{name: each[name] for name in (key, label)} for each in found] == records
    assert [each["status"] for each in gone] == ["deleted", "skipped"]
    assert [each[key] for each in marketo.records(table)] == [each[key] for each in records[1:]]


# programs


@pytest.mark.parametrize("count", [20, 21, 40])
def test_programs_come_whole_at_and_behind_a_page_boundary(ask: Ask, marketo: Twin, count: int) -> None:
    """Assets are paged by offset; where the last page is full, the next one says that there are none."""
    names = [f"{number} {text(number)}" for number in range(count)]
    ids = marketo.load("programs", *({"name": name} for name in names))

    found = ask("browse_programs")

    assert [(each["id"], each["name"]) for each in found] == list(zip(ids, names, strict=True))


def test_programs_are_found_by_name_with_their_channel_and_tokens(ask: Ask, marketo: Twin) -> None:
    """A name with quotes is found; its channel has steps; a token is set, read and deleted."""
    [program_id] = marketo.load("programs", {"name": TEXTS[1]})

    [by_name] = ask("get_program_by_name", TEXTS[1])
    [by_id] = ask("get_program_by_id", program_id)
    [channel] = ask("get_channel_by_name", by_name["channel"])
    ask("create_token", program_id, "Program", "text", "greeting", TEXTS[4])
    [with_token] = ask("get_tokens", program_id, "Program")
    ask("delete_tokens", program_id, "Program", "greeting", "text")

    # tags and costs come by name only where they are asked for
    assert by_id | by_name == by_id
    assert by_name["id"] == program_id
    assert channel in ask("get_channels")
    assert [each["step"] for each in channel["progressionStatuses"]] == [0, 10, 20, 30, 40]
    assert [(each["name"], each["value"]) for each in with_token["tokens"]] == [("greeting", TEXTS[4])]


def test_a_name_that_nothing_has_is_beyond_the_library(ask: Ask, marketo: Twin) -> None:
    """The vendor answers success without `result` and with a warning, and the library asks for the result."""
    with pytest.raises(KeyError, match="result"):
        ask("get_program_by_name", "none")


def test_members_get_a_status_and_values(ask: Ask, marketo: Twin) -> None:
    """The older call for a status makes members, and their own fields are written by record."""
    one, two = marketo.load("leads", {"email": "1@example.com"}, {"email": "2@example.com"})
    [program_id] = marketo.load("programs", {"name": "Webinar"})

    changed = ask("change_lead_program_status", program_id, [one, 999], "Registered")
    written = ask("sync_program_member_data", program_id, [{"leadId": each, "acquiredBy": True} for each in (one, two)])

    assert [each["status"] for each in changed] == ["Registered", "skipped"]
    assert [each["status"] for each in written] == ["updated", "skipped"]
    [member] = marketo.records("programMembers")
    assert (member["leadId"], member["statusName"], member["acquiredBy"]) == (one, "Registered", True)


def test_campaigns_are_found_activated_requested_and_scheduled(ask: Ask, marketo: Twin) -> None:
    """Tokens arrive as they were given; the lead's campaigns are told, and a batch campaign needs no body."""
    [lead_id] = marketo.load("leads", {"email": "a@example.com"})
    trigger, batch = marketo.load(
        "smartCampaigns",
        {"name": TEXTS[1], "type": "trigger", "isActive": False, "isRequestable": True},
        {"name": "nightly", "type": "batch"},
    )

    [found] = ask("get_smart_campaign_by_name", TEXTS[1])
    ask("activate_smart_campaign", trigger)
    requested = ask("request_campaign", trigger, [lead_id], {"my.message": TEXTS[7]})
    scheduled = ask("schedule_campaign", batch)

    assert (found["id"], found["isActive"], requested, scheduled) == (trigger, False, True, True)
    assert [each["isActive"] for each in ask("get_smart_campaign_by_id", trigger)] == [True]
    [request] = [each for each in marketo.records("campaignRequests") if each["campaignId"] == trigger]
    assert request["leads"] == [lead_id]
    assert request["tokens"] == [{"name": "{{my.message}}", "value": TEXTS[7]}]
    assert [each["smartCampaignId"] for each in ask("get_smart_campaigns_by_lead_id", lead_id)] == [trigger]


def test_the_campaigns_of_a_lead_are_read_over_several_pages(ask: Ask, marketo: Twin) -> None:
    """The library goes by `moreResult`, which every page of this call carries: all campaigns come once."""
    [lead_id] = marketo.load("leads", {"email": "a@example.com"})
    ids = marketo.load("smartCampaigns", *({"name": f"c{number}", "type": "trigger"} for number in range(5)))
    for campaign_id in ids:
        ask("request_campaign", campaign_id, [lead_id])

    found = ask("get_smart_campaigns_by_lead_id", lead_id, batchSize=2)

    assert [each["smartCampaignId"] for each in found] == ids


# what goes wrong on the way


def test_a_token_that_ends_between_two_pages_is_replaced(client: Any, marketo: Twin, clock: TwinTime) -> None:
    """After a page the token's life ends; the library signs in again, and every lead comes once."""
    leads = load_leads(marketo, PAGE + 1)
    [list_id] = marketo.load("staticLists", {"name": "everybody"})
    marketo.load("listMembers", *({"listId": list_id, "leadId": each["id"]} for each in leads))
    pages = client.get_multiple_leads_by_list_id_yield(list_id, FIELDS)

    found = list(next(pages))
    first_token = client.token
    clock.sleep(3_601)
    for page in pages:
        found += page

    assert found == leads
    assert client.token != first_token


def test_a_token_with_little_life_left_is_asked_for_again(
    ask: Ask, client: Any, marketo: Twin, clock: TwinTime
) -> None:
    """The vendor gives the same token with the rest of its life, so the library asks before each page until it ends."""
    leads = load_leads(marketo, PAGE + 1)
    client.authenticate()
    clock.sleep(3_590)
    old = client.token

    assert by_filter(ask, marketo, leads) == leads
    assert client.expires_in <= 10
    assert client.token == old
    clock.sleep(10)
    assert by_filter(ask, marketo, leads) == leads
    assert client.token != old


def test_a_token_refused_early_is_beyond_the_library(client: Any, marketo: Twin) -> None:
    """With 602 before the library's own clock ends the token it repeats the call ten times and gives nothing."""
    client.authenticate()
    client.valid_until += 3_601
    marketo.post("clock", {"advance_seconds": 3_601})

    assert client.execute("get_lead_partitions") is None

    assert len(marketo.calls("GET", "/rest/v1/leads/partitions.json")) == 10
    assert len(marketo.calls("GET", "/identity/oauth/token")) == 1


def test_after_one_606_the_library_forgets_its_token_and_a_second_call_gets_all(
    ask: Ask, marketo: Twin, clock: TwinTime
) -> None:
    """The second page is refused once: the library waits and repeats it without token (603); asked anew, all comes."""
    leads = load_leads(marketo, PAGE + 1)
    rule = {"match": "GET /rest/v1/leads.json", "kind": "vendor_error", "code": "606", "nth": 2, "message": "rate"}
    marketo.post("faults", [rule])

    with pytest.raises(Exception, match="603"):
        by_filter(ask, marketo, leads)

    assert by_filter(ask, marketo, leads) == leads


def test_the_rate_limit_holds_for_a_library_that_goes_on_too_fast(ask: Ask, marketo: Twin, clock: TwinTime) -> None:
    """Where 3 calls fill the window of 20 seconds, the next one is 606 and counted as a violation."""
    marketo.post("limits", {"calls_per_20s": 3})
    for _ in range(3):
        ask("get_lead_partitions")

    with pytest.raises(Exception, match="603"):
        ask("get_lead_partitions")

    assert marketo.get("calls")["violations"]["606"] >= 1
    clock.sleep(20)
    assert ask("get_lead_partitions")


def test_usage_and_errors_of_the_day_are_counted(ask: Ask) -> None:
    """The library's own calls are in the vendor's counters, by user, and so is its error."""
    [before] = ask("get_daily_usage")
    with pytest.raises(Exception, match="1004"):
        ask("get_lead_by_id", 1)

    [after], [errors], *_ = ask("get_daily_usage"), ask("get_daily_errors")

    assert after["total"] - before["total"] == 2
    assert [each["count"] for each in after["users"]] == [after["total"]]
    assert errors["errors"] == [{"errorCode": "1004", "count": 1}]
    assert ask("get_last_7_days_usage")[-1]["date"] == after["date"]
