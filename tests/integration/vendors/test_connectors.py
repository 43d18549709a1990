"""Connector actions against the Marketo twin: what it is asked, what it holds afterwards, how each event ends."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders.connectors import (
    CAMPAIGN,
    CAMPAIGN_ID,
    LIST,
    LIST_ID,
    ToMarketo,
    a_connector,
)
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import WiredWorld

ADD = f"POST /rest/v1/lists/{LIST_ID}/leads.json"
REMOVE = f"DELETE /rest/v1/lists/{LIST_ID}/leads.json"
FIND = "GET /rest/v1/leads.json"
SYNC = "POST /rest/v1/leads.json"
REQUEST = f"POST /rest/v1/campaigns/{CAMPAIGN_ID}/trigger.json"


class Connectors(ToMarketo, WiredWorld):
    """Connector actions on the twin."""

    def members(self) -> set[int]:
        """Who is in the list."""
        return {each["leadId"] for each in self.marketo_twin.get("records/listMembers") if each["listId"] == LIST_ID}

    def show(self, execution: str) -> str:
        """The text of an ended execution."""
        return str(self.execution(execution)["message"])


type Connect = Callable[..., Connectors]


@pytest.fixture
def connect(clients: Clients, marketo: Twin, salesforce: Twin) -> Connect:
    """Makes a world on the twins, with persons 1 to 9, a list and a campaign."""

    def made(*actions: Any, **members: Any) -> Connectors:
        world = Connectors(clients, marketo, salesforce, *actions, **members)
        people = [{"id": number, "email": f"person{number}@example.com"} for number in range(1, 10)]
        marketo.post("load", {"leads": people, "staticLists": [{"id": LIST_ID, "name": LIST}]})
        marketo.post("load", {"smartCampaigns": [{"id": CAMPAIGN_ID, "name": CAMPAIGN}]})
        return world

    return made


@pytest.mark.cap("T11", "T14")
def test_a_person_of_a_known_id_becomes_a_member_without_a_lookup(connect: Connect) -> None:
    """Two persons are added by one call, and no lead is read; somebody who does not exist fails with Marketo's code."""
    world = connect(a_connector())

    executions = [world.call(id=number) for number in (1, 2, 77)]
    world.run_out()

    assert [world.ended(each) for each in executions] == [("updated", "")] * 2 + [("failed", "marketo_1004")]
    assert world.members() == {1, 2}
    assert (world.calls(ADD), world.calls(FIND)) == (1, 0)
