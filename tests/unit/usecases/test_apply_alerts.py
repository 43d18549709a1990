"""What the document of the alerts names is there, or is found to be missing when it is applied."""

from leadbridge.domain.action import as_document
from leadbridge.usecases.apply_configuration import ApplyConfiguration, Given
from tests.builders.actions import ACTION, SALESFORCE, a_salesforce_connection, an_action
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.connections import FakeConnections


def test_names_that_are_not_there_are_found_when_it_is_applied() -> None:
    """All unknown names at once; an Action or a connection of the same files is known."""
    configurations = InMemoryConfigurations()
    configurations.put(a_salesforce_connection())
    apply = ApplyConfiguration(
        configurations=configurations, connect=lambda _: FakeConnections(marketo={}, salesforce={})
    )
    document = {
        "kind": "alerts",
        "id": "alerts",
        "actions": {"not-there": {}, ACTION: {}},
        "connections": {SALESFORCE: {}, "gone": {"lag": {"enabled": False}}},
    }

    plan = apply.plan([Given(raw=document), Given(raw=as_document(an_action()))])

    assert [finding.line() for finding in plan.findings if finding.document == "alerts alerts"] == [
        "alerts alerts: /actions/not-there: there is no Action of this id; `leadbridge actions` lists them",
        "alerts alerts: /connections/gone: there is no connection of this id; `leadbridge connections list` shows them",
    ]
    assert plan.refused
