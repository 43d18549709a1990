"""Salesforce's outbound messages on the deployed stack: a change is announced, read and carried over, once."""

import json
import re
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from tests.e2e.lab import Lab, wait_for

MINUTES = 240.0


@pytest.mark.cap("U12", "U45")
def test_an_announced_change_is_in_marketo_once_without_any_schedule(lab: Lab, tmp_path: Path) -> None:
    """The org sends to the address that the set-up has put into its metadata, each message twice.

    Both are acknowledged within 30 seconds, one run carries the record over, and nothing else is written. A message to
    an address that is not right is not acknowledged.
    """
    mark = f"news{uuid.uuid4().hex[:8]}"
    [org] = lab.salesforce.records("Organization")
    connection = {
        "format": 1,
        "kind": "salesforce_connection",
        "id": mark,
        "name": mark,
        "token_host": lab.facts["salesforce_url"],
        "audience": lab.facts["salesforce_audience"],
        "client_id": lab.facts["salesforce_client_id"],
        "username": lab.facts["salesforce_username"],
        "organization_id": org["Id"],
    }
    sync = {
        "format": 1,
        "kind": "sync",
        "id": mark,
        "name": mark,
        "source": {"connection": mark, "object": "Contact"},
        "destination": {"connection": "marketo-demo", "object": "leads"},
        "match": [{"column": "Email", "field": "email"}],
        "import": "create_and_update",
        "dedupe": "youngest",
        "mappings": [{"to": "email", "column": "Email"}, {"to": "lastName", "column": "LastName"}],
        "conditions": {"clauses": [{"column": "Department", "operator": "equals", "value": mark}]},
        "extraction": "incremental",
    }
    lab.cli("apply", lab.file("news.yaml", yaml.safe_dump_all([connection, sync])))
    lab.cli("syncs", "activate", mark)
    assert json.loads(lab.cli("syncs", "run", mark, "--wait", "--json"))["status"] == "done"
    options = ("--output", str(tmp_path), "--contact", "admin@example.com", "--announce", "Contact")
    lab.cli("setup", "salesforce", mark, *options)
    [message] = tmp_path.rglob("Contact.workflow-meta.xml")
    [address] = re.findall("<endpointUrl>(.*)</endpointUrl>", message.read_text())
    assert lab.web.post(f"{address}x", content=b"<a/>").status_code == 401

    # the vendor shows what changed up to a whole minute, which is near
    lab.advance_to(lab.salesforce.now().replace(second=45, microsecond=0) + timedelta(minutes=1))
    rule = {"object": "Contact", "fields": [], "endpoint": address, "duplicates": True, "skip_integration_user": False}
    lab.salesforce.post("outbound", rule)
    try:
        lab.salesforce.load("Contact", {"Email": f"{mark}@example.com", "LastName": "News", "Department": mark})
        before = time.monotonic()
        sent = lab.salesforce.post("outbound/send", {})
        seconds = time.monotonic() - before
    finally:
        lab.salesforce.post("outbound", [])
    assert [each["acknowledged"] for each in sent] == [True, True], sent
    assert len({*sent[0]["notifications"], *sent[1]["notifications"]}) == len(sent[0]["notifications"])
    assert seconds < 30

    [lead] = wait_for(
        "the person",
        lambda: [each for each in lab.marketo.records("leads") if str(each["email"]).startswith(mark)],
        MINUTES,
    )
    assert lead["lastName"] == "News"
    runs = wait_for(
        "the end of the run",
        lambda: [each for each in json.loads(lab.cli("syncs", "executions", mark, "--json")) if each["ended_at"]][:-1],
        MINUTES,
    )
    assert [(each["slot"].endswith("-announced"), each["status"], each["created"]) for each in runs] == [
        (True, "done", 1)
    ]
    lab.cli("syncs", "deactivate", mark)
