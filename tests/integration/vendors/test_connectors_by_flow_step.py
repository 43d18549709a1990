"""Connector actions as a flow step of a campaign, against the Marketo twin: what is done, what the callback tells."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from leadbridge.domain.flow_step import PATIENCE, parse_chunk
from leadbridge.domain.flow_step_queue import messages_of
from leadbridge.domain.flow_step_service import MappingMode, definition
from leadbridge.usecases.batch import RunSettings
from leadbridge.usecases.run_events import RunEvents
from leadbridge.usecases.send_callbacks import ChunkEnds
from leadbridge.usecases.watching import Watch
from tests.builders.connectors import CAMPAIGN, CAMPAIGN_ID, LIST, LIST_ID, ToMarketo, a_connector, a_mail, a_merge
from tests.builders.connectors import an_upsert as writing
from tests.builders.events import SECRET
from tests.builders.flow_steps import HOSTS, a_person, an_invocation, body_of
from tests.builders.world import WORKER
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import WiredWorld

ADD = f"POST /rest/v1/lists/{LIST_ID}/leads.json"
OUT = {"operation": "remove_from_list"}


class InSteps(ToMarketo, WiredWorld):
    """Connector actions on the twin, whose people come in chunks."""

    def come(self, actions: Mapping[int, str], **fields: Any) -> None:
        """One chunk: the lead ids of its people, and the Action of each."""
        rows = []
        for lead_id, action in actions.items():
            row = a_person(lead_id, action=action)
            rows.append(row | {"objectContext": row["objectContext"] | fields})
        invocation = parse_chunk(body_of(an_invocation(objectData=rows)), hosts=HOSTS)
        self.receive_chunk(*messages_of(invocation, received_at=self.clock.now(), header_names=[], obstacles={}))

    def run_events(self, settings: RunSettings = WORKER, watch: Watch | None = None) -> RunEvents:
        """The use-case that runs a batch, with the product's clients and with chunks."""
        return RunEvents(
            configurations=self.configurations,
            inbox=self.inbox,
            keys=self.keys,
            connections=self.wired,
            clock=self.clock,
            meter=self.meter,
            hash_key=lambda: SECRET,
            settings=settings,
            chunks=ChunkEnds(chunks=self.chunks, bell=self.chunk_bell),
        )

    def told(self) -> dict[int, tuple[bool, str, str]]:  # type: ignore[override]  # of people here, not of activities
        """What the one callback says of each person: success, outcome, code."""
        self.call_back()
        (body,) = self.door.taken.values()
        rows = {row["leadData"]["id"]: row["activityData"] for row in body["objectData"]}
        return {lead: (row["success"], row["outcome"], row.get("errorCode", "")) for lead, row in rows.items()}

    def members(self) -> set[int]:
        """Who is in the list."""
        return {each["leadId"] for each in self.marketo_twin.get("records/listMembers") if each["listId"] == LIST_ID}


type Connect = Callable[..., InSteps]


@pytest.fixture
def connect(clients: Clients, marketo: Twin, salesforce: Twin) -> Connect:
    """Makes a world on the twins, with persons 1 to 9 and 20, two of them in a list, and a campaign."""

    def made(*actions: Any) -> InSteps:
        world = InSteps(clients, marketo, salesforce, *actions)
        people = [{"id": number, "email": f"p{number}@example.com"} for number in (*range(1, 10), 20)]
        marketo.post("load", {"leads": people, "staticLists": [{"id": LIST_ID, "name": LIST}]})
        marketo.post("load", {"listMembers": [{"listId": LIST_ID, "leadId": each} for each in (2, 9)]})
        marketo.post("load", {"smartCampaigns": [{"id": CAMPAIGN_ID, "name": CAMPAIGN}]})
        return world

    return made


def test_every_operation_runs_for_the_people_of_a_campaign_and_is_told_by_one_callback(connect: Connect) -> None:
    """Seven people of one chunk, each with another Action: the list, the request, the person and the merge are as the
    Actions say; who is no member, and who does not exist, are told as skipped and as failed with Marketo's codes."""
    world = connect(
        a_connector("add"),
        a_connector("out", **OUT),
        a_mail("mail"),
        writing("write", strategy="updateOnly"),
        a_merge("merge"),
    )

    world.come({1: "add", 2: "out", 3: "mail", 4: "write", 5: "merge", 6: "out", 77: "add"}, winner=5, losers="20")
    world.run_out()

    assert world.told() == {
        1: (True, "updated", ""),
        2: (True, "updated", ""),
        3: (True, "updated", ""),
        4: (True, "updated", ""),
        5: (True, "updated", ""),
        6: (True, "skipped", ""),
        77: (False, "failed", "marketo_1004"),
    }
    assert world.members() == {1, 9}
    assert [each["leads"] for each in world.marketo_twin.get("records/campaignRequests")] == [[3]]
    assert world.persons()[4]["firstName"] == "P4"
    assert 20 not in world.persons()


def test_people_of_a_chunk_wait_for_each_other_and_are_told_together(connect: Connect) -> None:
    """Of five people two batches of two go, one waits for its time; the callback comes when the last has ended."""
    world = connect(a_connector("add", batch={"count": 2, "seconds": 60}))

    world.come(dict.fromkeys(range(1, 6), "add"))
    world.drain()
    assert (len(world.members()), world.calls(ADD)) == (5, 2)
    assert world.call_back().sent == 0
    world.clock.advance(60)
    world.drain()

    assert world.told() == dict.fromkeys(range(1, 6), (True, "updated", ""))
    assert world.calls(ADD) == 3


def test_who_waits_longer_than_marketo_does_is_told_as_waiting(connect: Connect) -> None:
    """A batch that takes hours outlasts the callback's hour: who waits is told as waiting, and added later."""
    world = connect(a_connector("add", batch={"seconds": 7200}))

    world.come({1: "add"})
    world.drain()
    world.clock.advance(PATIENCE.total_seconds())
    assert world.told() == {1: (False, "waiting", "still_waiting")}
    world.clock.advance(3600)
    world.drain()

    assert 1 in world.members()
    assert world.outcomes() == {"updated": 1}


def test_the_service_offers_what_connector_actions_read() -> None:
    """Columns of lead ids, of lookups, of mappings and tokens become fields of the service and its My Tokens."""
    documents = [
        a_connector("by-id", person={"lead_id": "otherId"}),
        a_connector("by-mail", person={"lookup": "email", "column": "email"}),
        a_mail(tokens=[{"column": "token.my.amount", "to": "amount"}]),
        a_merge(),
        writing(),
    ]

    payload = definition([each.model_dump(mode="json") for each in documents], MappingMode.FIELDS)[
        "invocationPayloadDef"
    ]

    fields = {each["serviceAttribute"] for each in payload["fields"]}
    assert fields == {"otherId", "email", "winner", "losers", "firstName", "lastName"}
    assert payload["myTokenContext"] == ["amount"]
