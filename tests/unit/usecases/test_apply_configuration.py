"""Documents are checked against both vendors and stored, all findings at once."""

import copy
from typing import Any

import pytest

from leadbridge.errors import AuthenticationError, ConfigurationError
from leadbridge.usecases.apply_configuration import ApplyConfiguration, explain
from tests.builders.actions import ACTION, MARKETO, SALESFORCE, an_action_document
from tests.builders.descriptions import a_result_activity, a_salesforce_lead, marketo_leads
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.connections import FakeConnections
from tests.fakes.marketo import FakeMarketo
from tests.fakes.salesforce import FakeSalesforce

CONNECTIONS: list[dict[str, Any]] = [
    {
        "kind": "marketo_connection",
        "id": MARKETO,
        "name": "Marketo",
        "base_url": "https://123-ABC-456.mktorest.com",
    },
    {
        "kind": "salesforce_connection",
        "id": SALESFORCE,
        "name": "Salesforce",
        "token_host": "https://login.salesforce.com",
        "client_id": "consumer-key",
        "username": "integration@example.com",
    },
]


class Desk:
    """Where documents are applied."""

    def __init__(self, status: str = "approved") -> None:
        self.configurations = InMemoryConfigurations()
        self.marketo = FakeMarketo(marketo_leads(), a_result_activity(status=status))
        self.salesforce = FakeSalesforce(a_salesforce_lead())
        self.apply = ApplyConfiguration(
            configurations=self.configurations,
            connections=FakeConnections(marketo={MARKETO: self.marketo}, salesforce={SALESFORCE: self.salesforce}),
        )

    def findings(self, *documents: Any) -> tuple[str, ...]:
        """What is wrong with the documents."""
        with pytest.raises(ConfigurationError) as caught:
            self.apply(documents)
        return caught.value.findings


def test_sound_documents_are_stored_inactive() -> None:
    """Connections and an Action in one go are stored as version 1, the Action inactive."""
    desk = Desk()

    applied = desk.apply([an_action_document(), *CONNECTIONS])

    assert [(item.stored.version, item.changed) for item in applied] == [(1, True)] * 3
    stored = desk.configurations.get("action", ACTION)
    assert stored is not None
    assert not stored.active


def test_applying_again_changes_nothing() -> None:
    """The same documents a second time make no new version."""
    desk = Desk()
    desk.apply([*CONNECTIONS, an_action_document()])

    again = desk.apply([*CONNECTIONS, an_action_document()])

    assert [(item.stored.version, item.changed) for item in again] == [(1, False)] * 3


def test_a_change_makes_a_version_and_keeps_the_activation() -> None:
    """A changed Action becomes version 2, stays active, and version 1 can still be read."""
    desk = Desk()
    desk.apply([*CONNECTIONS, an_action_document()])
    desk.configurations.set_active("action", ACTION, active=True)

    (applied,) = desk.apply([an_action_document(name="Renamed")])

    assert (applied.stored.version, applied.changed, applied.stored.active) == (2, True, True)
    first = desk.configurations.get("action", ACTION, 1)
    assert first is not None
    assert first.document.name == "Person to Lead"


@pytest.mark.cap("A57")
def test_an_action_without_activity_mapping_is_refused() -> None:
    """Saving an Action with zero custom activity mappings is refused, names the member, and stores nothing."""
    desk = Desk()
    document = copy.deepcopy(an_action_document())
    document["results"]["mappings"] = []

    findings = desk.findings(*CONNECTIONS, document)

    assert len(findings) == 1
    assert "results.mappings" in findings[0]
    assert desk.configurations.get("action", ACTION) is None


def test_all_findings_of_all_documents_come_together() -> None:
    """Two broken documents are told with all their findings at once, and nothing is stored."""
    desk = Desk()

    findings = desk.findings(*CONNECTIONS, an_action_document(name=" "), {"kind": "sync", "id": "x"})

    assert any(finding.startswith(f"action {ACTION}: name") for finding in findings)
    assert any(finding.startswith("sync x: kind") for finding in findings)
    assert desk.configurations.list("marketo_connection") == []


def test_one_unsound_action_keeps_all_actions_out() -> None:
    """Where one of two Actions names a field that is not there, neither is stored; the connections are."""
    desk = Desk()
    wrong = an_action_document(id="wrong", identifier={"column": "email", "field": "Emial"})

    (finding,) = desk.findings(*CONNECTIONS, an_action_document(), wrong)

    assert "did you mean Email?" in finding
    assert desk.configurations.list("action") == []
    assert len(desk.configurations.list("salesforce_connection")) == 1


def test_unknown_connections_are_named() -> None:
    """An Action without its connections is refused with both of their names, asking neither vendor."""
    desk = Desk()

    findings = desk.findings(an_action_document())

    assert [MARKETO in findings[0], SALESFORCE in findings[1]] == [True, True]
    assert desk.salesforce.trouble.calls == []


@pytest.mark.parametrize("status", ["draft", "deleted"])
def test_an_activity_that_is_not_approved_is_refused(status: str) -> None:
    """A custom activity type that is there but not approved is refused with the remedy."""
    (finding,) = Desk(status=status).findings(*CONNECTIONS, an_action_document())

    assert "no approved custom activity type leadbridgeResult" in finding


@pytest.mark.parametrize("name", ["missing", "not a name"])
def test_an_activity_that_is_missing_is_refused(name: str) -> None:
    """A custom activity type that Marketo does not have, or cannot have, is refused and named."""
    results = an_action_document()["results"] | {"activity": name}

    (finding,) = Desk().findings(*CONNECTIONS, an_action_document(results=results))

    assert f"custom activity type {name}" in finding


def test_an_object_that_is_missing_is_refused() -> None:
    """A Salesforce object that the org does not have is a finding about the Action."""
    destination = {"connection": SALESFORCE, "object": "Laed"}

    (finding,) = Desk().findings(*CONNECTIONS, an_action_document(destination=destination))

    assert finding.startswith(f"action {ACTION}: ")


def test_a_vendor_that_refuses_the_login_is_told_as_such() -> None:
    """A login that does not work is no finding about the Action, and stores no Action."""
    desk = Desk()
    desk.salesforce.trouble.fail("describe", AuthenticationError("refused", vendor="salesforce", code="invalid_grant"))

    with pytest.raises(AuthenticationError) as caught:
        desk.apply([*CONNECTIONS, an_action_document()])

    assert explain(caught.value) == ["salesforce [invalid_grant]: refused"]
    assert desk.configurations.list("action") == []


def test_findings_are_lines_for_a_person() -> None:
    """A configuration error is explained finding by finding."""
    assert explain(ConfigurationError(["one", "two"])) == ["one", "two"]
