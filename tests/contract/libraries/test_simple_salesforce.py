"""`simple-salesforce` 1.12.10, a client that nobody here wrote, reads and writes the Salesforce twin over HTTP.

Only the host is changed: the library builds `https://login.salesforce.com`, `https://{domain}.salesforce.com` and
`https://{instance}` itself. The requests session that it lets its caller give has an adapter mounted on `https://` that
sends those three hosts to the twin and refuses every other one. Its waits for bulk jobs move the twin's clock instead.

What is known of the library, each shown by a test below:

- it repeats nothing but a call with an expired session: a limit or a lock is an exception for its caller;
- Bulk API 2.0 keeps the session that it began with: one that ends while a job runs is an exception;
- `get_all_ingest_records` splits the file at line ends before it parses it, so line ends inside of fields are lost;
- `delete_job` takes the documented answer without body (204) for JSON and fails, although the job is gone;
- `get_by_custom_id` writes a space as a plus sign, which is a plus sign in a path: such a key is not found
  (`format_external_id` is right);
- it has no helper for composite and collections; `restful` takes their paths.

SOSL (`search`), page layouts, passwords, Apex, the tooling and metadata APIs and Bulk API 1.0 are not simulated.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import simple_salesforce.bulk2
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceOperationError,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)
from simple_salesforce.format import format_external_id, format_soql

from tests.contract.libraries.support import TEXTS, Twin, TwinTime, text
from tests.contract.simulator.salesforce_support import certificate, signing_key

PAGE = 2_000
COLUMNS = ("FirstName", "LastName", "Company", "Title", "Description", "External_Key__c", "Opt_In__c", "Lead_Score__c")
FAR = datetime(2099, 1, 1, tzinfo=UTC)


class ToTwin(HTTPAdapter):
    """Sends what is meant for Salesforce to the twin: the host is all that changes."""

    def __init__(self, url: str, *hosts: str) -> None:
        super().__init__()
        self._twin = urlsplit(url)
        self._hosts = {self._twin.netloc, *hosts}
        self.asked: list[str] = []

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        asked = urlsplit(str(request.url))
        assert asked.netloc in self._hosts, asked.netloc
        self.asked.append(asked.netloc)
        request.url = asked._replace(scheme=self._twin.scheme, netloc=self._twin.netloc).geturl()
        return super().send(request, *arguments, **options)


@pytest.fixture
def clock(salesforce: Twin, monkeypatch: pytest.MonkeyPatch) -> TwinTime:
    """The library's waits, which move the twin's clock; that starts at the present, for assertions bear a time."""
    salesforce.post("clock", {"set": datetime.now(UTC).isoformat(), "allow_backwards": True})
    clock = TwinTime(salesforce)
    monkeypatch.setattr(simple_salesforce.bulk2, "sleep", clock.sleep)
    return clock


@pytest.fixture
def hosts(salesforce: Twin) -> ToTwin:
    """The way from the vendor's hosts to the twin."""
    return ToTwin(salesforce.url, "login.salesforce.com", "acme.my.salesforce.com")


@pytest.fixture
def session(hosts: ToTwin) -> Iterator[requests.Session]:
    """The session that the library is given."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", hosts)
        yield session


@pytest.fixture
def jwt(salesforce: Twin, session: requests.Session, clock: TwinTime) -> dict[str, Any]:
    """What the library needs for JWT bearer; the certificate of the key is uploaded to the app."""
    key = signing_key("simple-salesforce")
    salesforce.post("certificate", {"certificate": certificate(key, FAR)})
    return {
        "username": salesforce.credentials["username"],
        "consumer_key": salesforce.credentials["client_id"],
        "privatekey": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "session": session,
    }


@pytest.fixture
def org(jwt: dict[str, Any]) -> Any:
    """The library's client, signed in by JWT bearer; what an attribute of it is depends on its name."""
    return Salesforce(**jwt)


def some_leads(count: int) -> list[dict[str, Any]]:
    """Make up leads with adversarial text in every kind of field; every third value is empty."""
    return [
        {
            "FirstName": None if number % 3 == 0 else text(number)[:40],
            "LastName": text(number + 1),
            "Company": text(number + 2),
            "Title": None if number % 3 == 1 else text(number + 3),
            "Description": None if number % 3 == 2 else text(number + 4) * 5,
            "External_Key__c": f"K{number} {text(number)}",
            "Opt_In__c": number % 2 == 0,
            "Lead_Score__c": number + 0.25,
        }
        for number in range(count)
    ]


def load_leads(salesforce: Twin, count: int) -> list[dict[str, Any]]:
    """Put leads into the org; gives what was loaded, with the ids."""
    leads = some_leads(count)
    ids = salesforce.load("Lead", *leads)
    return [{"Id": lead_id, **lead} for lead_id, lead in zip(ids, leads, strict=True)]


def plain(records: list[Any]) -> list[dict[str, Any]]:
    """Leave out the attributes that the API adds to each record."""
    return [{name: value for name, value in each.items() if name != "attributes"} for each in records]


def select(columns: tuple[str, ...] = ("Id", *COLUMNS), rest: str = "ORDER BY Lead_Score__c") -> str:
    """Write a query for leads."""
    return f"SELECT {', '.join(columns)} FROM Lead {rest}"


def code_of(error: pytest.ExceptionInfo[Any]) -> str:
    """Give the vendor's code from an exception of the library."""
    [told] = error.value.content
    code: str = told["errorCode"]
    return code


# signing in


def test_it_signs_in_by_jwt_and_goes_on_at_the_instance(org: Any, hosts: ToTwin, salesforce: Twin) -> None:
    """The assertion (RS256, its time a string of digits) opens a session, and the answer names the instance."""
    org.limits()

    assert hosts.asked == ["login.salesforce.com", urlsplit(salesforce.url).netloc]
    assert org.sf_instance == urlsplit(salesforce.url).netloc
    assert org.oauth2("userinfo")["preferred_username"] == salesforce.credentials["username"]


def test_it_signs_in_by_client_credentials_at_the_orgs_own_domain(
    salesforce: Twin, session: requests.Session, hosts: ToTwin
) -> None:
    """The client is named by HTTP Basic; the session that comes back works."""
    known = salesforce.credentials

    org = Salesforce(
        consumer_key=known["client_id"], consumer_secret=known["client_secret"], domain="acme.my", session=session
    )

    assert org.is_sandbox() is False
    assert hosts.asked[0] == "acme.my.salesforce.com"


def test_it_takes_a_session_of_somebody_else(org: Any, salesforce: Twin, session: requests.Session) -> None:
    """A session id and an instance are enough; such a session cannot be renewed."""
    direct = Salesforce(session_id=org.session_id, instance_url=salesforce.url, session=session)
    assert direct.query("SELECT COUNT() FROM Lead")["totalSize"] == 0

    salesforce.post("revoke", {})

    with pytest.raises(SalesforceExpiredSession) as refused:
        direct.limits()
    assert code_of(refused) == "INVALID_SESSION_ID"


@pytest.mark.parametrize(
    ("switch", "code", "said"),
    [
        ("accept_login_audience", "invalid_grant", "audience is invalid"),
        ("user_admin_approved", "invalid_app_access", "user is not admin approved to access this app"),
        ("app_installed", "invalid_client", "External client app is not installed in this org"),
    ],
)
def test_a_refused_login_is_reported_in_the_vendors_words(
    jwt: dict[str, Any], salesforce: Twin, switch: str, code: str, said: str
) -> None:
    """Error and description of the token endpoint are those that the library shows its user."""
    salesforce.post("limits", {switch: False})

    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        Salesforce(**jwt)

    assert (refused.value.code, refused.value.auth_message) == (code, said)


def test_a_user_who_is_not_approved_is_told_so_by_the_library(jwt: dict[str, Any]) -> None:
    """The vendor's very words make the library warn how the consent is given."""
    with (
        pytest.warns(UserWarning, match="self-authorize"),
        pytest.raises(SalesforceAuthenticationFailed, match="user hasn't approved this consumer"),
    ):
        Salesforce(**jwt | {"username": "nobody@example.com"})


# describing


def test_objects_and_fields_are_described(org: Any) -> None:
    """The global description, an object's short and full one agree; fields say what the library's users look for."""
    described = org.describe()
    full, short = org.Lead.describe(), org.Lead.metadata()

    assert described is not None
    [listed] = [each for each in described["sobjects"] if each["name"] == "Lead"]
    assert short["objectDescribe"] == listed
    assert {name: full[name] for name in ("name", "keyPrefix", "createable")} == {
        name: listed[name] for name in ("name", "keyPrefix", "createable")
    }
    fields = {each["name"]: each for each in full["fields"]}
    assert (fields["External_Key__c"]["externalId"], fields["LastName"]["nillable"]) == (True, False)
    assert {"Id", *COLUMNS} <= fields.keys()


def test_limits_and_the_use_of_them_are_read(org: Any) -> None:
    """The limits resource and the header of every answer tell the same number."""
    remaining = org.limits()["DailyApiRequests"]["Remaining"]

    used = org.api_usage["api-usage"]
    assert used.total - used.used == remaining


# queries


@pytest.mark.parametrize("count", [PAGE, PAGE + 1])
def test_a_query_comes_whole_at_and_behind_a_page_boundary(org: Any, salesforce: Twin, count: int) -> None:
    """A full page, and a full page and one more: each record once, in order, with every value as it was loaded."""
    leads = load_leads(salesforce, count)

    found = org.query_all(select())

    assert plain(found["records"]) == leads
    assert found["totalSize"] == count
    assert len(salesforce.calls("GET", "/services/data/v59.0/query")) == (1 if count == PAGE else 2)


def test_a_page_can_be_made_smaller_and_is_followed_by_its_path(org: Any, salesforce: Twin) -> None:
    """With the documented header 201 records come as 200 and 1; the address of the second page is a path."""
    leads = load_leads(salesforce, 201)

    first = org.query(select(), headers={"Sforce-Query-Options": "batchSize=200"})
    second = org.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    by_id = org.query_more(first["nextRecordsUrl"].rpartition("/")[2])

    assert first["nextRecordsUrl"].startswith("/services/data/v59.0/query/01g")
    assert [first["totalSize"], first["done"], len(first["records"]), second["done"]] == [201, False, 200, True]
    assert plain(first["records"]) + plain(second["records"]) == leads
    assert by_id == second


def test_an_empty_page_with_more_to_come_is_passed_over(org: Any, salesforce: Twin) -> None:
    """An answer without records that names a next page: the library goes on there, and nothing is lost."""
    leads = load_leads(salesforce, 201)
    whole = org.query(select(), headers={"Sforce-Query-Options": "batchSize=200"})
    start = whole["nextRecordsUrl"].rpartition("-")[0] + "-0"
    empty = {"totalSize": 201, "done": False, "records": [], "nextRecordsUrl": start}
    rule = {"match": "GET /services/data/v59.0/query/", "kind": "http", "status": 200, "body": empty, "times": 1}
    salesforce.post("faults", [rule])

    found = org.query_all(select())

    assert plain(found["records"]) == leads


def test_deleted_records_are_seen_on_demand(org: Any, salesforce: Twin) -> None:
    """A deleted record is left out, and comes with its mark where the library asks for everything."""
    gone, kept = load_leads(salesforce, 2)
    assert org.Lead.delete(gone["Id"]) == 204

    seen = org.query(select(("Id", "IsDeleted")))["records"]
    everything = org.query_all(select(("Id", "IsDeleted")), include_deleted=True)["records"]

    assert plain(seen) == [{"Id": kept["Id"], "IsDeleted": False}]
    assert plain(everything) == [{"Id": gone["Id"], "IsDeleted": True}, {"Id": kept["Id"], "IsDeleted": False}]


@pytest.mark.parametrize("value", TEXTS)
def test_a_record_is_found_by_text_of_every_kind(org: Any, salesforce: Twin, value: str) -> None:
    """What the library quotes, the twin unquotes: equality, a list, and the beginning with LIKE."""
    wanted, _ = salesforce.load("Lead", *({"LastName": each, "Company": "c"} for each in (value, "other")))
    soql = "SELECT Id FROM Lead WHERE LastName = {} AND LastName IN {} AND LastName LIKE '{:like}%'"

    found = org.query(format_soql(soql, value, [value, "more"], value))

    assert [each["Id"] for each in found["records"]] == [wanted]


def test_values_of_every_type_are_written_into_a_query(org: Any, salesforce: Twin) -> None:
    """Numbers, truth values, null, days and moments stand unquoted, as the library formats them."""
    leads = load_leads(salesforce, 6)
    soql = "SELECT Id FROM Lead WHERE Lead_Score__c < {} AND Opt_In__c = {} AND Title != {} AND CreatedDate > {}"
    hour_ago = datetime.now(UTC) - timedelta(hours=1)

    found = org.query(format_soql(soql, 3.5, True, None, hour_ago))["records"]
    none = org.query(format_soql("SELECT Id FROM Lead WHERE Score_Date__c = {}", hour_ago.date()))["records"]

    assert [each["Id"] for each in found] == [leads[0]["Id"], leads[2]["Id"]]
    assert none == []


def test_parents_are_nested_in_their_records(org: Any, salesforce: Twin) -> None:
    """A parent is a record of its own within the row, and null where there is none."""
    [account] = salesforce.load("Account", {"Name": TEXTS[1]})
    salesforce.load("Contact", {"LastName": "a", "AccountId": account}, {"LastName": "b"})

    found = org.query("SELECT LastName, Account.Name FROM Contact ORDER BY LastName")["records"]

    assert [each["Account"] and each["Account"]["Name"] for each in found] == [TEXTS[1], None]


def test_changes_of_a_span_are_told(org: Any, salesforce: Twin) -> None:
    """The ids of changed and of deleted records, and up to when that is known."""
    changed, gone = (each["Id"] for each in load_leads(salesforce, 2))
    org.Lead.delete(gone)
    start, end = salesforce.now() - timedelta(minutes=5), salesforce.now() + timedelta(minutes=2)

    updated, deleted = org.Lead.updated(start, end), org.Lead.deleted(start, end)

    assert updated["ids"] == [changed]
    assert [each["id"] for each in deleted["deletedRecords"]] == [gone]
    assert datetime.fromisoformat(updated["latestDateCovered"]) <= end


# single records


def test_a_record_is_created_read_changed_and_deleted(org: Any, salesforce: Twin) -> None:
    """Each step answers as documented, and the org holds what was written; null empties a field."""
    [lead] = some_leads(1)

    made = org.Lead.create(lead)
    assert (made["success"], made["errors"], made["id"][:3]) == (True, [], "00Q")
    read = org.Lead.get(made["id"])
    assert {name: read[name] for name in COLUMNS} == lead
    assert org.Lead.get(made["id"], params={"fields": "LastName"})["LastName"] == lead["LastName"]
    assert org.Lead.update(made["id"], {"Title": TEXTS[7], "Description": None}) == 204
    [stored] = salesforce.records("Lead")
    assert [stored[name] for name in COLUMNS] == list((lead | {"Title": TEXTS[7], "Description": None}).values())
    assert org.Lead.delete(made["id"]) == 204

    with pytest.raises(SalesforceResourceNotFound) as gone:
        org.Lead.get(made["id"])
    assert code_of(gone) == "ENTITY_IS_DELETED"


@pytest.mark.parametrize("key", TEXTS)
def test_a_record_is_upserted_and_read_by_a_key_of_every_kind(org: Any, salesforce: Twin, key: str) -> None:
    """The key stands percent-encoded in the path: 201 for a new record, 200 for the same one again."""
    where = format_external_id("External_Key__c", key)

    made = org.Lead.upsert(where, {"LastName": "first", "Company": "c"})
    changed = org.Lead.upsert(where, {"LastName": "second"})

    assert [made, changed] == [201, 200]
    [stored] = salesforce.records("Lead")
    assert (stored["External_Key__c"], stored["LastName"]) == (key, "second")
    assert org.Lead.get(where)["Id"] == stored["Id"]


def test_a_key_with_a_space_is_not_found_by_the_librarys_other_way(org: Any, salesforce: Twin) -> None:
    """The library writes the space as a plus sign, which the vendor takes as it is."""
    salesforce.load("Lead", *({"LastName": "x", "Company": "c", "External_Key__c": key} for key in ("K1", "K 1")))

    assert org.Lead.get_by_custom_id("External_Key__c", "K1")["External_Key__c"] == "K1"
    with pytest.raises(SalesforceResourceNotFound):
        org.Lead.get_by_custom_id("External_Key__c", "K 1")


def test_a_key_of_several_records_is_more_than_one(org: Any, salesforce: Twin) -> None:
    """Status 300 with the addresses of both; the library has an exception for it, and nothing is written."""
    same = {"LastName": "x", "Company": "c", "Loose_Key__c": "d"}
    ids = salesforce.load("Lead", same, same)

    with pytest.raises(SalesforceMoreThanOneRecord) as found:
        org.Lead.upsert("Loose_Key__c/d", {"LastName": "y"})

    # the library calls it bytes, but it is what the JSON says
    addresses: Any = found.value.content
    assert [each.rpartition("/")[2] for each in addresses] == ids
    assert {each["LastName"] for each in salesforce.records("Lead")} == {"x"}


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"LastName": "x"}, "REQUIRED_FIELD_MISSING"),
        ({"LastName": "x", "Company": "c", "Nope": 1}, "INVALID_FIELD"),
        ({"LastName": "x" * 81, "Company": "c"}, "STRING_TOO_LONG"),
        ({"LastName": "x", "Company": "c", "Email": "no address"}, "INVALID_EMAIL_ADDRESS"),
    ],
)
def test_a_refused_record_is_reported_with_the_vendors_code(org: Any, record: Mapping[str, Any], code: str) -> None:
    """Status 400 with an array of errors is what the library calls a malformed request."""
    with pytest.raises(SalesforceMalformedRequest) as refused:
        org.Lead.create(dict(record))

    assert code_of(refused) == code


# composite and collections


def test_calls_are_joined_in_a_composite(org: Any, salesforce: Twin) -> None:
    """A later call refers to an earlier one's result; one that fails has its own status in an answer of 200."""
    base = "/services/data/v59.0/sobjects"
    calls = [
        {"method": "POST", "url": f"{base}/Account", "referenceId": "account", "body": {"Name": TEXTS[1]}},
        {
            "method": "POST",
            "url": f"{base}/Contact",
            "referenceId": "contact",
            "body": {"LastName": TEXTS[3], "AccountId": "@{account.id}"},
        },
        {"method": "POST", "url": f"{base}/Contact", "referenceId": "wrong", "body": {"FirstName": "no last name"}},
    ]

    answer = org.restful("composite", method="POST", json={"compositeRequest": calls})

    assert answer is not None
    assert [each["httpStatusCode"] for each in answer["compositeResponse"]] == [201, 201, 400]
    [account], [contact] = salesforce.records("Account"), salesforce.records("Contact")
    assert (account["Name"], contact["LastName"], contact["AccountId"]) == (TEXTS[1], TEXTS[3], account["Id"])


def test_collections_answer_record_by_record(org: Any, salesforce: Twin) -> None:
    """200 records in one call, one of them wrong: results in the order of the input, the others written."""
    leads = some_leads(200)
    leads[7]["LastName"] = None
    records = [{"attributes": {"type": "Lead"}, **each} for each in leads]

    results = org.restful("composite/sobjects", method="POST", json={"allOrNone": False, "records": records})

    assert results is not None
    assert [number for number, each in enumerate(results) if not each["success"]] == [7]
    assert results[7]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    stored = {each["Id"]: {name: each[name] for name in COLUMNS} for each in salesforce.records("Lead")}
    assert stored == {result["id"]: lead for result, lead in zip(results, leads, strict=True) if result["success"]}


# Bulk API 2.0


def in_csv(value: object) -> str:
    """Write a value as result files of the vendor do."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def rows_of(content: str) -> list[dict[str, str]]:
    """Parse a file with line ends inside of its fields."""
    return list(csv.DictReader(io.StringIO(content, newline="")))


def job_of(results: list[dict[str, Any]]) -> str:
    """Give the id of the one job that an ingest took."""
    [only] = results
    job: str = only["job_id"]
    return job


@pytest.mark.parametrize("page", [100, 200, 201])
def test_a_bulk_query_comes_whole_over_its_pages(org: Any, salesforce: Twin, page: int, tmp_path: Path) -> None:
    """201 records over three, two and one pages, in memory and as files: each record once, every value as loaded."""
    leads = load_leads(salesforce, 201)
    expected = [{name: in_csv(value) for name, value in each.items()} for each in leads]

    in_memory = [rows_of(str(each)) for each in org.bulk2.Lead.query(select(rest=""), max_records=page)]
    files = org.bulk2.Lead.download(select(rest=""), path=str(tmp_path), max_records=page)

    assert [len(each) for each in in_memory] == [each["number_of_records"] for each in files]
    assert [row for rows in in_memory for row in rows] == expected
    assert [row for each in files for row in rows_of(Path(each["file"]).read_bytes().decode())] == expected


def test_a_bulk_query_without_result_has_a_header(org: Any, salesforce: Twin) -> None:
    """No record is a page with nothing but its header; deleted records come only where asked for."""
    [lead] = load_leads(salesforce, 1)
    org.Lead.delete(lead["Id"])

    seen = list(org.bulk2.Lead.query(select(("Id",), "")))
    everything = list(org.bulk2.Lead.query_all(select(("Id",), "")))

    assert [rows_of(str(each)) for each in seen] == [[]]
    assert rows_of(everything[0]) == [{"Id": lead["Id"]}]


def test_records_are_inserted_in_bulk_and_every_row_is_accounted_for(org: Any, salesforce: Twin) -> None:
    """One row of 26 fails: it is in the failures with the code first, the others are at the org as they were sent."""
    leads = [{name: in_csv(value) for name, value in each.items()} for each in some_leads(26)]
    leads[7]["LastName"] = ""

    results = org.bulk2.Lead.insert(records=leads)

    job = job_of(results)
    assert (results[0]["numberRecordsProcessed"], results[0]["numberRecordsFailed"]) == (26, 1)
    made, [failed] = (
        rows_of(org.bulk2.Lead.get_successful_records(job)),
        rows_of(org.bulk2.Lead.get_failed_records(job)),
    )
    stored = {each["Id"]: {name: in_csv(each[name]) for name in COLUMNS} for each in salesforce.records("Lead")}
    assert {each["sf__Id"]: {name: each[name] for name in COLUMNS} for each in made} == stored
    key = "External_Key__c"
    assert sorted(stored.values(), key=lambda each: each[key]) == sorted(
        (each for each in leads if each["LastName"]), key=lambda each: each[key]
    )
    assert failed[key] == leads[7][key]
    assert failed["sf__Error"].startswith("REQUIRED_FIELD_MISSING:")


def test_the_three_files_of_a_job_are_read_at_once_but_lose_line_ends(org: Any) -> None:
    """Nothing is unprocessed; a line end inside of a field is taken out by the library, not by the twin."""
    values = ["two\nlines", "plain"]
    job = job_of(org.bulk2.Lead.insert(records=[{"LastName": each, "Company": "c"} for each in [*values, ""]]))

    read = org.bulk2.Lead.get_all_ingest_records(job)

    assert {each["LastName"] for each in read["successfulRecords"]} == {"twolines", "plain"}
    assert [each["Company"] for each in read["failedRecords"]] == ["c"]
    assert read["unprocessedRecords"] == []
    assert {each["LastName"] for each in rows_of(org.bulk2.Lead.get_successful_records(job))} == set(values)


def test_records_are_updated_upserted_and_deleted_in_bulk(org: Any, salesforce: Twin) -> None:
    """An empty cell leaves a value, `#N/A` takes it away; an upsert makes and changes; a delete needs the id alone."""
    one, two, three = load_leads(salesforce, 3)
    key = "External_Key__c"

    org.bulk2.Lead.update(
        records=[
            {"Id": one["Id"], "LastName": TEXTS[1], "Title": "", "Description": "#N/A"},
            {"Id": two["Id"], "LastName": "", "Title": TEXTS[7], "Description": ""},
        ]
    )
    upserted = org.bulk2.Lead.upsert(
        records=[{key: one[key], "Company": TEXTS[2]}, {key: "new", "LastName": TEXTS[3], "Company": TEXTS[4]}],
        external_id_field=key,
    )
    org.bulk2.Lead.delete(records=[{"Id": three["Id"]}])

    made = rows_of(org.bulk2.Lead.get_successful_records(job_of(upserted)))
    assert {each[key]: each["sf__Created"] for each in made} == {one[key]: "false", "new": "true"}
    stored = {each[key]: each for each in salesforce.records("Lead")}
    assert stored.keys() == {one[key], two[key], "new"}
    names = ("LastName", "Title", "Description", "Company")
    assert [stored[one[key]][name] for name in names] == [TEXTS[1], one["Title"], None, TEXTS[2]]
    assert [stored[two[key]][name] for name in names] == [two["LastName"], TEXTS[7], two["Description"], two["Company"]]


def test_records_are_split_over_jobs_behind_a_boundary(org: Any, salesforce: Twin) -> None:
    """201 records at 200 a job are two jobs, and every record is at the org."""
    records = [{"LastName": text(number), "Company": f"{number}"} for number in range(201)]

    results = org.bulk2.Lead.insert(records=records, batch_size=200)

    assert [each["numberRecordsProcessed"] for each in results] == [200, 1]
    stored = {each["Company"]: each["LastName"] for each in salesforce.records("Lead")}
    assert stored == {each["Company"]: each["LastName"] for each in records}


@pytest.mark.parametrize("line_ending", ["LF", "CRLF"])
@pytest.mark.parametrize("delimiter", ["COMMA", "SEMICOLON", "TAB", "PIPE", "CARET", "BACKQUOTE"])
def test_every_delimiter_and_line_end_is_taken(org: Any, salesforce: Twin, delimiter: str, line_ending: str) -> None:
    """The file is written as the job says, with quotes where a value holds the delimiter itself."""
    value = 'a,b;c\td|e^f`g "h"'
    form: dict[str, Any] = {
        "column_delimiter": simple_salesforce.bulk2.ColumnDelimiter[delimiter],
        "line_ending": simple_salesforce.bulk2.LineEnding[line_ending],
    }

    org.bulk2.Lead.insert(records=[{"LastName": value, "Company": "c"}], **form)
    [page] = org.bulk2.Lead.query("SELECT Company, LastName FROM Lead", **form)

    [stored] = salesforce.records("Lead")
    assert stored["LastName"] == value
    sign = simple_salesforce.bulk2._delimiter_char[form["column_delimiter"]]
    assert list(csv.DictReader(io.StringIO(str(page), newline=""), delimiter=sign)) == [
        {"Company": "c", "LastName": value}
    ]


def test_a_failed_job_ends_with_the_vendors_reason(org: Any, salesforce: Twin) -> None:
    """A column that the object lacks fails the job; the library raises with the message of the job."""
    with pytest.raises(SalesforceOperationError, match="InvalidBatch : Field name not found : Nope"):
        org.bulk2.Lead.insert(records=[{"LastName": "x", "Company": "c", "Nope": "1"}])

    assert salesforce.records("Lead") == []


def test_the_answer_to_deleting_a_job_is_beyond_the_library(org: Any) -> None:
    """204 has no body, which the library takes for JSON; the job is gone all the same."""
    lead = org.bulk2.Lead
    job = job_of(lead.insert(records=[{"LastName": "x", "Company": "c"}]))

    with pytest.raises(requests.exceptions.JSONDecodeError):
        lead._client.delete_job(job, is_query=False)

    with pytest.raises(SalesforceResourceNotFound):
        lead._client.get_job(job, is_query=False)


# what goes wrong on the way


def test_a_session_that_ends_between_two_pages_is_replaced(org: Any, salesforce: Twin, clock: TwinTime) -> None:
    """The session's idle time passes in mid-query: the library signs in again, and every record comes once."""
    salesforce.post("limits", {"session_seconds": 60})
    leads = load_leads(salesforce, PAGE + 1)
    records = org.query_all_iter(select())

    found = [next(records)]
    first_session = org.session_id
    clock.sleep(61)
    found += records

    assert plain(found) == leads
    assert org.session_id != first_session
    assert len(salesforce.calls("POST", "/services/oauth2/token")) == 2


@pytest.mark.parametrize("step", ["create", "update", "upsert", "delete"])
def test_a_session_that_ended_before_a_write_is_replaced_and_the_write_done_once(
    org: Any, salesforce: Twin, step: str
) -> None:
    """The refused call was not carried out, so the library's repetition writes exactly once."""
    [lead] = load_leads(salesforce, 1)
    salesforce.post("revoke", {})

    match step:
        case "create":
            org.Lead.create({"LastName": "new", "Company": "c"})
        case "update":
            org.Lead.update(lead["Id"], {"LastName": "new"})
        case "upsert":
            org.Lead.upsert("External_Key__c/new", {"LastName": "new", "Company": "c"})
        case "delete":
            org.Lead.delete(lead["Id"])

    names = sorted(each["LastName"] for each in salesforce.records("Lead"))
    both, changed = sorted(["new", lead["LastName"]]), ["new"]
    assert names == {"create": both, "update": changed, "upsert": both, "delete": []}[step]


def test_a_session_that_ends_while_a_bulk_job_runs_is_beyond_the_library(org: Any, salesforce: Twin) -> None:
    """The library waits five seconds with a session of four, and reports the expired session; a new call gets all."""
    leads = load_leads(salesforce, 5)
    salesforce.post("limits", {"session_seconds": 4})

    with pytest.raises(SalesforceExpiredSession):
        list(org.bulk2.Lead.query(select(("Id",), "")))

    org.limits()
    salesforce.post("limits", {"session_seconds": 7_200})
    [page] = org.bulk2.Lead.query(select(("Id",), ""))
    assert [row["Id"] for row in rows_of(str(page))] == [each["Id"] for each in leads]


def test_a_limit_that_is_reached_is_an_exception_and_a_second_call_gets_all(org: Any, salesforce: Twin) -> None:
    """The day's calls end between two pages: 403 in the vendor's words; the library does not repeat, its caller can."""
    leads = load_leads(salesforce, PAGE + 1)
    records = org.query_all_iter(select())
    found = [next(records)]
    salesforce.post("limits", {"daily_calls": 1})

    with pytest.raises(SalesforceRefusedRequest) as refused:
        found += records

    assert code_of(refused) == "REQUEST_LIMIT_EXCEEDED"
    assert "TotalRequests Limit exceeded." in str(refused.value)
    salesforce.post("limits", {"daily_calls": 100_000})
    assert plain(org.query_all(select())["records"]) == leads


def test_a_locked_row_is_an_exception_and_a_second_call_writes(org: Any, salesforce: Twin) -> None:
    """One UNABLE_TO_LOCK_ROW: nothing is written, and the same call succeeds afterwards."""
    [lead] = load_leads(salesforce, 1)
    rule = {"match": "PATCH /services/data/*", "kind": "vendor_error", "code": "UNABLE_TO_LOCK_ROW", "times": 1}
    salesforce.post("faults", [rule])

    with pytest.raises(SalesforceMalformedRequest) as refused:
        org.Lead.update(lead["Id"], {"LastName": "new"})
    before = salesforce.records("Lead")[0]["LastName"]

    assert code_of(refused) == "UNABLE_TO_LOCK_ROW"
    assert org.Lead.update(lead["Id"], {"LastName": "new"}) == 204
    assert [before, salesforce.records("Lead")[0]["LastName"]] == [lead["LastName"], "new"]
