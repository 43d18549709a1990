"""`leadbridge cycle propose` in this process: from the draft to a document that is applied, edited and kept."""

from datetime import timedelta

import pytest
import yaml

from tests.e2e.actions import MARKETO, SALESFORCE
from tests.integration.vendors.conftest import Twin
from tests.integration.vendors.test_cli_documents import Lab, lab
from tests.unit.domain.test_retention import TWELVE

__all__ = ["lab"]


@pytest.mark.cap("M016")
def test_a_draft_is_applied_and_what_people_change_in_it_stays(lab: Lab, marketo: Twin, salesforce: Twin) -> None:
    """Known standard fields are paired on a fresh install; a line that is changed or taken out is so from then on."""
    del marketo, salesforce  # they are as they were set up
    draft = lab.cli("cycle", "propose", MARKETO, SALESFORCE)
    document = yaml.safe_load(draft)
    leads = {line["salesforce"]: line["marketo"] for line in document["persons"]["leads"]["fields"]}
    assert leads.items() >= {"Email": "email", "FirstName": "firstName", "Company": "company"}.items()

    file = lab.file("cycle.yaml", draft)
    assert "crm_cycle" in lab.cli("apply", file)
    fields = [line for line in document["persons"]["leads"]["fields"] if line["salesforce"] != "Fax"]
    fields[0]["conflict"] = "newest"
    document["persons"]["leads"]["fields"] = fields
    lab.cli("apply", lab.file("cycle.yaml", yaml.safe_dump(document)))

    (kept,) = lab.target.configurations.list("crm_cycle")
    assert kept.version == 2
    # another draft changes nothing of what is applied
    assert lab.cli("cycle", "propose", MARKETO, SALESFORCE) == draft
    (after,) = lab.target.configurations.list("crm_cycle")
    assert after == kept
    exported = yaml.safe_load(lab.cli("export", document["id"]))
    assert exported["persons"]["leads"]["fields"] == fields


def test_a_draft_needs_both_connections(lab: Lab) -> None:
    """The one that is missing is named."""
    assert "There is no salesforce connection nobody" in lab.cli_fails("cycle", "propose", MARKETO, "nobody")


@pytest.mark.cap("M055")
def test_types_that_marketo_keeps_for_90_days_are_warned_of_where_a_cycle_begins_before(
    lab: Lab, marketo: Twin, salesforce: Twin
) -> None:
    """Each of the twelve, beside what else is said of a draft; not where it begins later, and not of other types."""
    del marketo, salesforce
    document = yaml.safe_load(lab.cli("cycle", "propose", MARKETO, SALESFORCE))
    head = {name: document[name] for name in ("kind", "id", "name", "marketo", "salesforce", "mode", "persons")}

    def warned(days: int) -> list[str]:
        begin = lab.target.clock.now() - timedelta(days=days)
        group = {"types": [*TWELVE, "Fill Out Form"], "key": "External_Key__c"}
        activities = {"groups": {"engagement": group}, "low_watermark": f"{begin:%Y-%m-%dT%H:%M}"}
        file = lab.file("cycle.yaml", yaml.safe_dump({**head, "activities": activities}))
        # the twin has not all of the types, so it is a draft
        done = lab.run("apply", file, "--draft")
        assert done.exit_code == 0, done.output
        lead = f"warning: crm_cycle {document['id']}: "
        return [line.removeprefix(lead) for line in done.output.splitlines() if line.startswith(lead)]

    for name, line in zip(TWELVE, warned(91), strict=True):
        told = name.removesuffix(" on Webpage")
        assert line.startswith(f"{told} is read from 2025-12-01 on, but Marketo keeps it for 90 days: what was done")
        assert line.endswith("before 2025-12-02 is gone")
    assert warned(89) == []


def test_the_first_run_is_priced_before_it_begins(lab: Lab, marketo: Twin, salesforce: Twin) -> None:
    """By kind of records and queue, in words and as JSON; what nobody can count is said, and so is an early begin."""
    begin = lab.target.clock.now() - timedelta(hours=1)
    marketo.post("clock", {"set": begin.isoformat(), "allow_backwards": True})
    salesforce.post("load", {"Account": [{"Name": f"Acme {number}"} for number in range(3)]})
    marketo.post("clock", {"advance_seconds": 3600})
    document = yaml.safe_load(lab.cli("cycle", "propose", MARKETO, SALESFORCE))
    cycle = document["id"]
    companies = {"fields": [{"marketo": "company", "salesforce": "Name"}], "low_watermark": "1999-01-01T00:00"}
    head = {name: document[name] for name in ("kind", "id", "name", "marketo", "salesforce", "mode")}
    lab.cli("apply", lab.file("cycle.yaml", yaml.safe_dump({**head, "companies": companies})))

    told = lab.cli("cycle", "price", cycle)
    found = lab.json("cycle", "price", cycle)

    [kind] = found["kinds"]
    queues = {each["queue"]: (each["rows"], each["exact"]) for each in kind["read"]}
    assert (kind["kind"], queues["from-accounts"]) == ("companies", (3, True))
    assert found["total"] == kind["cost"]
    assert found["total"]["marketo"]["calls"] > 0
    assert "  reads from-accounts: 3 rows\n" in told
    assert "Warning: companies: the low watermark 1999-01-01 is taken for 2007-01-01; no record is older." in told
    assert "there is no cycle nothing" in lab.cli_fails("cycle", "price", "nothing")
