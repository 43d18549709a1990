"""Connector actions, and worlds whose lane is Marketo's."""

from typing import Any

from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.event import Arrival
from tests.builders.actions import MARKETO
from tests.builders.events import an_arrival
from tests.builders.world import World

LIST, LIST_ID = "Webinar", 1001
CAMPAIGN, CAMPAIGN_ID = "Receipt", 2001


def a_connector_document(action_id: str = "connector", **changes: Any) -> dict[str, Any]:
    """A connector action as a person writes it: adds the person of a lead id to a list; None leaves a member out.

    `operation` and other members of the destination are given beside those of the document.
    """
    end: dict[str, Any] = {"connection": MARKETO, "operation": "add_to_list", "list": LIST}
    mine = {
        name: changes.pop(name)
        for name in (*end, "campaign", "strategy", "lookup_field", "partition")
        if name in changes
    }
    document: dict[str, Any] = {
        "kind": "action",
        "id": action_id,
        "name": "Connector",
        "destination": {name: value for name, value in (end | mine).items() if value is not None},
        "person": {"lead_id": "id"},
    }
    return {name: value for name, value in (document | changes).items() if value is not None}


def a_connector(action_id: str = "connector", **changes: Any) -> ConnectorAction:
    """A valid connector action."""
    return ConnectorAction.model_validate(a_connector_document(action_id, **changes))


def by_email(**members: Any) -> dict[str, Any]:
    """A person who is looked for by e-mail address."""
    return {"lookup": "email", "column": "email"} | members


def an_upsert(action_id: str = "connector", **changes: Any) -> ConnectorAction:
    """One that writes leads by e-mail address."""
    mappings = [{"column": name, "to": name} for name in ("email", "firstName", "lastName")]
    members = {"operation": "upsert_lead", "list": None, "person": None, "mappings": mappings}
    return a_connector(action_id, **(members | {"strategy": "createOrUpdate", "lookup_field": "email"} | changes))


def a_mail(action_id: str = "connector", **changes: Any) -> ConnectorAction:
    """One that requests the campaign which sends the receipt."""
    return a_connector(action_id, **({"operation": "send_email", "list": None, "campaign": CAMPAIGN_ID} | changes))


def a_merge(action_id: str = "connector", *, in_crm: bool = False) -> ConnectorAction:
    """One that merges the persons of two columns."""
    merge = {"winner": "winner", "losers": ["losers"], "in_crm": in_crm}
    return a_connector(action_id, operation="merge_leads", list=None, person=None, merge=merge)


class ToMarketo(World):
    """A world whose calls name persons as they like; nobody is put into Marketo because a call names them."""

    lane = MARKETO
    buffers = True

    def arrival(self, payload: dict[str, Any], **members: Any) -> Arrival:
        """One accepted call."""
        self.serial += 1
        return an_arrival(self.serial, at=members.pop("at", None) or self.clock.now(), payload=payload, **members)

    def call(self, action_id: str = "connector", *, event_id: str | None = None, **lead: Any) -> str:
        """One accepted call about a person, stored; returns its execution id."""
        payload = {"lead": lead} | ({} if event_id is None else {"event_id": event_id})
        return self.receive_payload(payload, action_id=action_id)

    def receive_payload(self, payload: dict[str, Any], **members: Any) -> str:
        """One accepted call with any payload, stored; returns its execution id."""
        arrival = self.arrival(payload, **members)
        self.store_events()([(f"message {self.serial}", arrival)])
        return arrival.execution_id
