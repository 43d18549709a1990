"""What stands in the files of Bulk API 2.0: values as text, parents by path, owners by a rule that the job names."""

import csv
import io
from typing import Any

from tests.contract.simulator.salesforce_support import Org, error_of

SELECT = "SELECT LastName, Account.Name, Account.NumberOfEmployees, HasOptedOutOfEmail, Account.Owner.Name FROM Contact"


def read(org: Org, soql: str) -> list[list[str]]:
    """Run a query job and give its rows, header first."""
    job = org.call("POST", "/jobs/query", json={"operation": "query", "query": soql}).json()
    org.control("clock", {"advance_seconds": 60})
    answer = org.call("GET", f"/jobs/query/{job['id']}/results")
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.text, newline="")))


def ingest(org: Org, content: str, **more: str) -> dict[str, Any]:
    """Run an ingest job over leads and give what became of it."""
    job = org.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert", **more}).json()
    sent = org.http.put("/" + job["contentUrl"], content=content, headers=org.headers | {"Content-Type": "text/csv"})
    assert sent.status_code == 201
    org.call("PATCH", f"/jobs/ingest/{job['id']}", json={"state": "UploadComplete"})
    org.control("clock", {"advance_seconds": 60})
    told: dict[str, Any] = org.call("GET", f"/jobs/ingest/{job['id']}").json()
    return told


def test_columns_are_named_by_their_paths_and_nothing_is_empty_text(org: Org) -> None:
    """Parents stand under the path that was asked for, a missing one is empty all along; numbers and truth are text."""
    [account] = org.load("Account", {"Name": 'A, "B"', "NumberOfEmployees": 7})
    org.load("Contact", {"LastName": "one", "AccountId": account, "HasOptedOutOfEmail": True}, {"LastName": "two"})
    [owner] = {each["Name"] for each in org.records("User") if each["Id"] == org.records("Account")[0]["OwnerId"]}

    header, *rows = read(org, SELECT)

    paths = SELECT.removeprefix("SELECT ").removesuffix(" FROM Contact").split(", ")
    assert header == paths
    assert rows == [["one", 'A, "B"', "7", "true", owner], ["two", "", "", "false", ""]]


def test_what_a_file_gave_can_be_sent_again(org: Org) -> None:
    """A read file is a valid file to write, but for what nothing means: an empty cell leaves a value as it is."""
    ids = org.load(
        "Lead", {"LastName": "a", "Company": "c", "Title": "t\n\u2028\"'"}, {"LastName": "b", "Company": "d"}
    )
    before = org.rows("SELECT Id, LastName, Company, Title FROM Lead ORDER BY LastName")
    header, *rows = read(org, "SELECT Id, LastName, Company, Title FROM Lead")
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([header, *rows])

    told = ingest(org, out.getvalue(), operation="update")

    assert (told["state"], told["numberRecordsProcessed"], told["numberRecordsFailed"]) == ("JobComplete", 2, 0)
    assert org.rows("SELECT Id, LastName, Company, Title FROM Lead ORDER BY LastName") == before
    assert [each["Id"] for each in before] == ids


def test_an_assignment_rule_runs_only_where_the_job_names_one(org: Org) -> None:
    """The rule takes the ownership of leads from a job with assignmentRuleId, and of no other."""
    org.control("limits", {"assignment_rule": True})

    plain = ingest(org, "LastName,Company\nplain,c\n")
    ruled = ingest(org, "LastName,Company\nruled,c\n", assignmentRuleId="01QHs0000000001MAA")

    assert [each["state"] for each in (plain, ruled)] == ["JobComplete"] * 2
    owners = {each["LastName"]: each["OwnerId"] for each in org.records("Lead")}
    assert owners["plain"] != owners["ruled"]
    assert ruled["assignmentRuleId"] == "01QHs0000000001MAA"


def test_results_are_not_there_before_the_end(org: Org) -> None:
    """While a job is open its result files, and those of a query that has not run, are refused."""
    job = org.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"}).json()
    query = org.call("POST", "/jobs/query", json={"operation": "query", "query": "SELECT Id FROM Lead"}).json()
    kinds = ("successfulResults", "failedResults", "unprocessedrecords")

    answers = [org.call("GET", f"/jobs/ingest/{job['id']}/{kind}") for kind in kinds]
    answers.append(org.call("GET", f"/jobs/query/{query['id']}/results"))

    assert [error_of(each)[0] for each in answers] == [400] * 4
