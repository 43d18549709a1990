"""Files out of both vendors and into them, by the deployed state machines."""

import csv
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.e2e.lab import Lab, Twin, wait_for

EXTRACT, IMPORT = "BulkExtractMachineArn", "BulkImportMachineArn"
#: so that a job ends in seconds of the real clock
SOON = {"job_refresh_seconds": 0, "export_run_seconds": 1, "import_run_seconds": 1, "latency_seconds": 0}
MINUTES = 240.0

type Ended = dict[str, Any]


@contextmanager
def soon(twin: Twin) -> Iterator[None]:
    """Let Marketo's jobs end at once, for as long as the context lasts."""
    before = twin.get("limits")
    twin.post("limits", SOON)
    try:
        yield
    finally:
        twin.post("limits", {name: before[name] for name in SOON})


def begin(lab: Lab, machine: str, order: dict[str, Any], run: str) -> str:
    """Start an execution named after its run."""
    order = {"run": run, "request": {}, "prefix": "bulk"} | order
    client = lab.stack.client("stepfunctions")
    started = client.start_execution(stateMachineArn=lab.stack.outputs[machine], name=run, input=json.dumps(order))
    return str(started["executionArn"])


def end(lab: Lab, arn: str) -> Ended:
    """Wait for an execution's end."""
    client = lab.stack.client("stepfunctions")

    def over() -> Ended | None:
        said = client.describe_execution(executionArn=arn)
        return dict(said) if said["status"] != "RUNNING" else None

    found = wait_for("the end of the execution", over, MINUTES)
    return found | {"output": json.loads(found.get("output") or "{}")}


def stored(lab: Lab, key: str) -> bytes:
    """An object of the data bucket."""
    found: bytes = lab.stack.client("s3").get_object(Bucket=lab.stack.outputs["DataBucketName"], Key=key)["Body"].read()
    return found


def source(lab: Lab, content: str) -> str:
    """Put an import's file into the data bucket."""
    key = f"in/{uuid.uuid4().hex}.csv"
    lab.stack.client("s3").put_object(Bucket=lab.stack.outputs["DataBucketName"], Key=key, Body=content.encode())
    return key


def lines(lab: Lab, output: dict[str, Any]) -> dict[int, dict[str, str]]:
    """Results by row."""
    keys = [f"{output['results']}{number:05}.csv" for number in range(output["parts"] + 1)]
    return {int(line["row"]): line for key in keys for line in csv.DictReader(stored(lab, key).decode().splitlines())}


def test_three_thousand_leads_are_extracted_from_marketo(lab: Lab) -> None:
    """The deployed machine brings a file with each of 3,000 leads once, as Marketo has them, and only that file."""
    with soon(lab.marketo):
        since = lab.marketo.now() - timedelta(days=30, hours=1)
        lab.marketo.post("load", {"generate": {"object": "leads", "count": 3000, "seed": 77}})
        emails = {lead["id"]: lead["email"] for lead in lab.marketo.records("leads")}
        created = {"startAt": f"{since:%Y-%m-%dT%H:%M:%SZ}", "endAt": f"{lab.marketo.now():%Y-%m-%dT%H:%M:%SZ}"}
        request = {"filter": {"createdAt": created}, "fields": ["id", "email", "firstName"]}
        order = {"vendor": "marketo", "connection": "marketo-demo", "object": "leads", "request": request}
        ended = end(lab, begin(lab, EXTRACT, order, f"extract-{uuid.uuid4().hex[:8]}"))

    assert ended["status"] == "SUCCEEDED", ended
    output = ended["output"]
    rows = list(csv.DictReader(stored(lab, output["output"]).decode().splitlines()))
    assert output["counts"]["rows"] == len(rows) >= 3000
    assert len({row["id"] for row in rows}) == len(rows)
    found = {int(row["id"]): row["email"] for row in rows}
    assert found == {each: emails[each] for each in found}
    assert len(json.dumps(output)) < 3_000


def test_seven_bad_rows_of_a_thousand_are_named_with_marketos_reason(lab: Lab) -> None:
    """993 leads are in Marketo; each of the 7 others has its line with Marketo's own text, by its row in the source."""
    bad = {1, 2, 250, 500, 501, 998, 1000}
    mark = uuid.uuid4().hex[:8]
    rows = [f"{mark}-{number}@example.com,Ünal,{'many' if number in bad else number}" for number in range(1, 1001)]
    key = source(lab, "\r\n".join(["email,lastName,leadScore", *rows, ""]))
    order = {"vendor": "marketo", "connection": "marketo-demo", "object": "leads", "source": key}
    with soon(lab.marketo):
        ended = end(lab, begin(lab, IMPORT, order, f"import-{mark}"))

    assert ended["status"] == "SUCCEEDED", ended
    found = lines(lab, ended["output"])
    assert {row for row, line in found.items() if line["outcome"] == "failed"} == bad
    assert all(found[row]["reason"] for row in bad)
    assert sorted(found) == list(range(1, 1001))
    assert sum(str(lead["email"]).startswith(mark) for lead in lab.marketo.records("leads")) == 993


def test_rows_go_into_salesforce_and_come_back(lab: Lab) -> None:
    """An upsert by external id names the one row without a company, and a query brings the others back."""
    mark = uuid.uuid4().hex[:8]
    rows = [f"{mark}{number},Šimić {number},{'' if number == 4 else 'Acme'}" for number in range(1, 31)]
    key = source(lab, "\r\n".join(["External_Key__c,LastName,Company", *rows, ""]))
    order = {"vendor": "salesforce", "connection": "salesforce-demo", "object": "Lead"}
    request = {"operation": "upsert", "external_id_field": "External_Key__c"}
    sent = end(lab, begin(lab, IMPORT, order | {"source": key, "request": request}, f"upsert-{mark}"))
    soql = f"SELECT Id, LastName, External_Key__c FROM Lead WHERE External_Key__c LIKE '{mark}%'"
    asked = {"soql": soql, "columns": ["Id", "External_Key__c"], "page_rows": 10}
    read = end(lab, begin(lab, EXTRACT, order | {"request": asked}, f"query-{mark}"))

    assert (sent["status"], read["status"]) == ("SUCCEEDED", "SUCCEEDED"), (sent, read)
    results = lines(lab, sent["output"])
    assert {row for row, line in results.items() if line["outcome"] == "failed"} == {4}
    back = {
        row["External_Key__c"]: row["Id"]
        for row in csv.DictReader(stored(lab, read["output"]["output"]).decode().splitlines())
    }
    assert back == {f"{mark}{row}": line["id"] for row, line in results.items() if row != 4}


@pytest.mark.fault("FB02")
def test_a_job_that_fails_fails_its_execution_with_the_reason(lab: Lab) -> None:
    """The caller of the machine reads the reason in the execution's error and Marketo's words in its cause."""
    created = {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-01-02T00:00:00Z"}
    request = {"filter": {"createdAt": created}, "fields": ["id"]}
    order = {"vendor": "marketo", "connection": "marketo-demo", "object": "leads", "request": request}
    with soon(lab.marketo):
        lab.marketo.post("limits", {"jobs_fail": True})
        try:
            ended = end(lab, begin(lab, EXTRACT, order, f"fails-{uuid.uuid4().hex[:8]}"))
        finally:
            lab.marketo.post("limits", {"jobs_fail": False})

    assert (ended["status"], ended["error"]) == ("FAILED", "job_failed"), ended
    assert ended["cause"]


def test_a_long_run_goes_on_in_new_executions(lab: Lab) -> None:
    """With few turns for each, a run goes through several executions; its caller gets the output of the last."""
    created = {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-01-02T00:00:00Z"}
    request = {"filter": {"createdAt": created}, "fields": ["id"]}
    order = {"vendor": "marketo", "connection": "marketo-demo", "object": "leads", "request": request}
    functions, name = lab.stack.client("lambda"), lab.stack.outputs["RunBulkStepFunctionName"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": variables | {"BULK_TURNS": "2"}}
    )
    try:
        with soon(lab.marketo):
            ended = end(lab, begin(lab, EXTRACT, order, f"long-{uuid.uuid4().hex[:8]}"))
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    history = lab.stack.client("stepfunctions").get_execution_history(executionArn=ended["executionArn"])["events"]
    entered = [each["stateEnteredEventDetails"]["name"] for each in history if "stateEnteredEventDetails" in each]

    assert ended["status"] == "SUCCEEDED", ended
    assert entered[-2:] == ["Renew", "Renewed"]
    assert ended["output"]["step"] == "done"
