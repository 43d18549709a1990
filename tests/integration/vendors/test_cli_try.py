"""`leadbridge try` on an in-process AWS and both vendor twins."""

import json
from pathlib import Path

import pytest

from leadbridge.domain.pages import CONNECTOR_TITLES
from tests.e2e.actions import an_action, as_yaml
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_cli_documents import CONNECTIONS, Lab, a_lab

PERSON = {"id": 7, "email": "person7@example.com", "firstName": " ada ", "lastName": "Lovelace", "company": "Engines"}


@pytest.fixture
def lab(aws: None, clients: Clients, marketo: Twin, salesforce: Twin, tmp_path: Path) -> Lab:
    """A deployment with one Action that was never active, and one person."""
    found = a_lab(clients, tmp_path, "eu-west-3", *CONNECTIONS)
    mappings = [
        {"column": "email", "to": "Email"},
        {"column": "firstName", "to": "FirstName", "transforms": [{"type": "trim"}, {"type": "case", "to": "upper"}]},
        {"column": "lastName", "to": "LastName"},
        {"column": "company", "to": "Company"},
    ]
    found.cli("apply", found.file("tried.yaml", as_yaml([an_action("tried", mappings=mappings)])))
    marketo.post("load", {"leads": [PERSON]})
    return found


def test_a_try_shows_field_by_field_what_would_be_written(lab: Lab, salesforce: Twin) -> None:
    """By lead and by payload file the same write is told, with the record's values before; nothing is written."""
    salesforce.post("load", {"Lead": [{"Email": PERSON["email"], "LastName": "Before", "Company": "Engines"}]})
    file = lab.file("payload.json", json.dumps({"lead": PERSON}))

    text = lab.cli("try", "tried", "--lead", "7")
    by_lead, by_file = lab.json("try", "tried", "--lead", "7"), lab.json("try", "tried", "--payload", file)

    [record] = salesforce.get("records/Lead")
    assert by_lead["fields"] == by_file["fields"]
    assert (by_lead["operation"], by_lead["salesforce_id"]) == ("update", record["Id"])
    lines = [line.strip() for line in text.splitlines()]
    assert '~ FirstName: nothing → "ADA"' in lines
    assert '~ LastName: "Before" → "Lovelace"' in lines
    assert '= Company: "Engines" → "Engines"' in lines
    assert "identifier: given (looks for Lead by Email)" in lines
    assert not [line for line in lines if "{" in line]
    assert lines[-1] == "Nothing was written."
    assert record["LastName"] == "Before"


def test_a_try_without_one_person_or_with_a_broken_payload_is_refused(lab: Lab) -> None:
    """Neither or both, an unknown Action, and a body that the webhook would refuse end with a sentence."""
    broken = lab.file("broken.json", "{")

    assert "--lead ID or --payload FILE" in lab.cli_fails("try", "tried")
    assert "--lead ID or --payload FILE" in lab.cli_fails("try", "tried", "--lead", "7", "--payload", broken)
    assert "There is no Action other" in lab.cli_fails("try", "other", "--lead", "7")
    assert "not valid JSON" in lab.cli_fails("try", "tried", "--payload", broken)


def test_a_try_of_a_connector_action_shows_what_marketo_would_be_asked(lab: Lab, marketo: Twin) -> None:
    """A person named by address alone: whom Marketo finds, each field before and after, and nothing is written; one
    whom it does not have would be created. It is viewed on five pages of its own."""
    marketo.post("load", {"staticLists": [{"id": 1001, "name": "Guests"}]})
    end = {"connection": "marketo-demo", "operation": "upsert_lead", "strategy": "createOrUpdate"}
    mappings = [{"column": name, "to": name} for name in ("email", "firstName")]
    document = {"format": 1, "kind": "action", "id": "write", "name": "Write", "destination": end, "mappings": mappings}
    lab.cli("apply", lab.file("write.yaml", as_yaml([document | {"batch": {"count": 20}}])))

    def tried(mail: str) -> list[str]:
        body = {"lead": {"email": mail, "firstName": "Augusta"}}
        return [
            line.strip()
            for line in lab.cli("try", "write", "--payload", lab.file("p.json", json.dumps(body))).splitlines()
        ]

    known, new = tried("person7@example.com"), tried("new@example.com")
    assert known[0] == "write (version 1) with lead 7: would be updated"
    assert "batch: waits for others (people 20, bytes 1000000, seconds 1800)" in known
    assert '~ firstName: " ada " → "Augusta"' in known
    assert new[0] == "write (version 1) with a person who is not in Marketo: would be created"
    assert (known[-1], new[-1]) == ("Nothing was written.",) * 2
    assert [lead["firstName"] for lead in marketo.get("records/leads")] == [" ada "]
    shown = lab.json("view", "write")["pages"]
    assert [(each["page"], each["title"]) for each in shown] == list(CONNECTOR_TITLES.items())
    assert shown[4]["members"] == {"batch": {"count": 20}}
