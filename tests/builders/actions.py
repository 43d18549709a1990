"""Configuration documents."""

from typing import Any

from leadbridge.domain.action import Action, MarketoConnection, SalesforceConnection
from leadbridge.domain.pipeline import CompiledAction, compile_action
from leadbridge.domain.records import ObjectDescription
from tests.builders.descriptions import a_salesforce_lead

MARKETO = "marketo-demo"
SALESFORCE = "salesforce-demo"
ACTION = "person-to-lead"


def an_action_document(**changes: Any) -> dict[str, Any]:
    """An Action as a person writes it: upsert by e-mail with write-back; members given as None are left out."""
    document: dict[str, Any] = {
        "kind": "action",
        "id": ACTION,
        "name": "Person to Lead",
        "source": {"connection": MARKETO},
        "destination": {"connection": SALESFORCE, "object": "Lead"},
        "identifier": {"column": "email", "field": "Email"},
        "type": "upsert",
        "mappings": [
            {"column": "email", "to": "Email"},
            {"column": "firstName", "to": "FirstName"},
            {"column": "lastName", "to": "LastName"},
            {"column": "company", "to": "Company"},
            {"static": "Marketo", "to": "LeadSource"},
        ],
        "writeback": [{"field": "Id", "to": "salesforceId"}, {"static": "Synced", "to": "leadbridgeStatus"}],
        "results": {
            "activity": "leadbridgeResult",
            "success": "Success",
            "errored": "Error",
            "mappings": [
                {"execution": "salesforce_id", "to": "salesforceId"},
                {"execution": "message", "to": "message"},
            ],
        },
    }
    return {name: value for name, value in (document | changes).items() if value is not None}


def an_action(**changes: Any) -> Action:
    """A valid Action."""
    return Action.model_validate(an_action_document(**changes))


def a_compiled_action(
    *, described: ObjectDescription | None = None, version: int = 1, **changes: Any
) -> CompiledAction:
    """An Action ready to run."""
    return compile_action(an_action(**changes), version, described or a_salesforce_lead())


def a_marketo_connection(**changes: Any) -> MarketoConnection:
    """A Marketo connection."""
    document = {
        "kind": "marketo_connection",
        "id": MARKETO,
        "name": "Marketo",
        "base_url": "https://123-ABC-456.mktorest.com",
    }
    return MarketoConnection.model_validate(document | changes)


def a_salesforce_connection(**changes: Any) -> SalesforceConnection:
    """A Salesforce connection."""
    document = {
        "kind": "salesforce_connection",
        "id": SALESFORCE,
        "name": "Salesforce",
        "token_host": "https://login.salesforce.com",
        "client_id": "consumer-key",
        "username": "integration@example.com",
    }
    return SalesforceConnection.model_validate(document | changes)
