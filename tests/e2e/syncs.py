"""The Syncs of the e2e tests."""

from collections.abc import Sequence
from typing import Any

from tests.e2e.actions import MARKETO, SALESFORCE, Document

NAMES = (("Email", "email"), ("LastName", "lastName"))


def a_sync(identity: str, **members: Any) -> Document:
    """A Sync of which ends and mappings are to be given."""
    document: Document = {"format": 1, "kind": "sync", "id": identity, "name": identity, "dedupe": "youngest"}
    return document | {"import": "create_and_update"} | members


def of_contacts(mark: str, fields: Sequence[tuple[str, str]] = NAMES, **members: Any) -> Document:
    """One that makes people of the Contacts of one test, its mark for their department, by e-mail address."""
    return a_sync(
        mark,
        source={"connection": SALESFORCE, "object": "Contact"},
        destination={"connection": MARKETO, "object": "leads"},
        match=[{"column": "Email", "field": "email"}],
        mappings=[{"to": to, "column": column} for column, to in fields],
        conditions={"clauses": [{"column": "Department", "operator": "equals", "value": mark}]},
        **members,
    )
