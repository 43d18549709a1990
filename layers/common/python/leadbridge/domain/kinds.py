"""The kinds of configuration documents, in the order in which people see them, and the model of each.

A model is loaded when the first document of its kind is read: building models takes time, and most functions meet few
kinds.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

_CONNECTOR = ("leadbridge.domain.connector", "ConnectorAction")
_MODELS: Mapping[str, tuple[str, str]] = {
    "action": ("leadbridge.domain.action", "Action"),
    "sync": ("leadbridge.domain.sync", "Sync"),
    "crm_cycle": ("leadbridge.domain.crm_cycle", "CrmCycle"),
    "marketo_connection": ("leadbridge.domain.action", "MarketoConnection"),
    "salesforce_connection": ("leadbridge.domain.action", "SalesforceConnection"),
    "list": ("leadbridge.domain.clauses", "ListDocument"),
    "alerts": ("leadbridge.domain.alert_rules", "AlertsDocument"),
}
KINDS = tuple(_MODELS)


def model_of(raw: Mapping[str, Any]) -> Any:
    """The model of a document's plain values, None if it is of no kind that there is.

    An Action whose destination is Marketo, which its operation tells, has a model of its own.
    """
    kind, destination = raw.get("kind"), raw.get("destination")
    where = _MODELS.get(str(kind))
    if kind == "action" and isinstance(destination, Mapping) and "operation" in destination:
        where = _CONNECTOR
    return getattr(import_module(where[0]), where[1]) if where else None
