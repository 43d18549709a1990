"""The kinds of documents that there are, and the model of each."""

from collections.abc import Mapping
from typing import Any

from leadbridge.domain.action import Action, MarketoConnection, SalesforceConnection
from leadbridge.domain.alert_rules import AlertsDocument
from leadbridge.domain.clauses import ListDocument
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.sync import Sync

#: the models by kind; of an Action whose destination is Marketo `model_of` tells
KINDS: Mapping[
    str,
    type[Action]
    | type[Sync]
    | type[MarketoConnection]
    | type[SalesforceConnection]
    | type[ListDocument]
    | type[AlertsDocument],
] = {
    "action": Action,
    "sync": Sync,
    "marketo_connection": MarketoConnection,
    "salesforce_connection": SalesforceConnection,
    "list": ListDocument,
    "alerts": AlertsDocument,
}


def model_of(raw: Mapping[str, Any]) -> Any:
    """The model of a document's plain values, None if it is of no kind that there is."""
    destination = raw.get("destination")
    if raw.get("kind") == "action" and isinstance(destination, Mapping) and "operation" in destination:
        return ConnectorAction
    return KINDS.get(str(raw.get("kind")))
