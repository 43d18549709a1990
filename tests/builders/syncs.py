"""Syncs for tests: a valid document in either direction, and what a test says of it."""

import copy
from typing import Any

from leadbridge.domain.sync import Sync

_TO_MARKETO: dict[str, Any] = {
    "format": 1,
    "kind": "sync",
    "id": "contacts-to-people",
    "name": "Contacts to people",
    "source": {"connection": "crm", "object": "Contact"},
    "destination": {"connection": "marketing", "object": "leads"},
    "match": [{"column": "Email", "field": "email"}],
    "import": "create_and_update",
    "dedupe": "youngest",
    "mappings": [{"to": "email", "column": "Email"}, {"to": "lastName", "column": "LastName"}],
}
_TO_SALESFORCE: dict[str, Any] = {
    **_TO_MARKETO,
    "id": "people-to-contacts",
    "name": "People to Contacts",
    "source": {"connection": "marketing", "object": "leads"},
    "destination": {"connection": "crm", "object": "Contact"},
    "match": [{"column": "email", "field": "Email"}],
    "mappings": [{"to": "Email", "column": "email"}, {"to": "LastName", "column": "lastName"}],
}


def a_sync_document(*, to_salesforce: bool = False, **members: Any) -> dict[str, Any]:
    """A Sync from Salesforce to Marketo, or the other way round; members given are set, those of None removed."""
    document = copy.deepcopy(_TO_SALESFORCE if to_salesforce else _TO_MARKETO)
    # `import` is no name that Python lets be given
    document |= {("import" if name == "import_rule" else name): value for name, value in members.items()}
    return {name: value for name, value in document.items() if value is not None}


def a_sync(*, to_salesforce: bool = False, **members: Any) -> Sync:
    """The same as a model."""
    return Sync.model_validate(a_sync_document(to_salesforce=to_salesforce, **members))
