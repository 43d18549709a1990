"""Each of Marketo's operations is asked for the rows of a Sync, and for a single call, on the twins of both vendors."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import pytest

from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.messages import read_batch
from leadbridge.domain.syncing import Step, SyncRun, Totals
from leadbridge.usecases.hand_over import HandOver
from leadbridge.usecases.start_sync import vendor_of
from leadbridge.vendors.sync_vendors import VendorSyncs
from tests.builders.actions import MARKETO
from tests.builders.connectors import CAMPAIGN, CAMPAIGN_ID, LIST, LIST_ID, a_connector, a_mail, a_merge, an_upsert
from tests.builders.imports import an_import
from tests.builders.sync_runs import SyncWorld
from tests.builders.syncs import a_sync
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_imports import TwinImports

TOGETHER: dict[str, Any] = {"batch": {"count": 2, "seconds": 60}}
AUDIENCE: dict[str, Any] = {
    "source": {"connection": "crm", "object": "Contact"},
    "destination": {"connection": MARKETO, "object": "action", "action": "connector"},
    "import_rule": "create",
    "dedupe": "import_everything",
    "extraction": "incremental",
    "conditions": {"clauses": [{"column": "Department", "operator": "equals", "value": "Gold"}]},
}
BY_ID = {"id": "Title"}
BY_MAIL = {"email": "Email", "lastName": "LastName"}
MERGED = {"winner": "Title", "losers": "LastName"}


class Queue:
    """Keeps messages."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def send(self, messages: Iterable[str]) -> None:
        """Make messages durable."""
        self.messages += messages


class Handed(SyncWorld):
    """A Sync of the org's Contacts, whose rows become calls of an Action that runs on the Marketo twin."""

    def __init__(self, target: TwinImports, columns: Mapping[str, str]) -> None:
        first = next(iter(columns))
        mappings = [{"to": name, "column": column} for name, column in columns.items()]
        super().__init__(
            a_sync(**AUDIENCE, match=[{"column": columns[first], "field": first}], mappings=mappings), active=True
        )
        self.target, self.queue = target, Queue()
        self.clock, self.connections = target.clock, target.wired
        for kind, name in (("marketo_connection", MARKETO), ("action", "connector")):
            stored = target.configurations.get(kind, name)
            assert stored is not None
            self.documents.put(stored.document)
        self.documents.move("action", "connector", Move.ACTIVATE)
        calls = HandOver(documents=self.documents, clock=self.clock, queue=lambda: self.queue)
        self.others = VendorSyncs(target.wired, partial(vendor_of, self.documents), calls)

    def contact(self, number: int, department: str) -> str:
        """A Contact of the org; its title holds the Marketo id of its person, its last name that of another."""
        record = {
            "Email": f"person{number}@example.com",
            "Title": str(number),
            "LastName": str(number + 3),
            "Department": department,
        }
        [id_] = self.target.salesforce_twin.post("load", {"Contact": [record]})["Contact"]
        return str(id_)

    def after(self, department: str, *ids: str) -> SyncRun:
        """Contacts come into a department; the next run, and all that its calls do."""
        if ids:
            changes = [{"Id": each, "Department": department} for each in ids]
            self.target.wired.salesforce("crm").update("Contact", changes)
        self.clock.advance(600)
        run = self.ran(self.clock.now().strftime("%Y%m%dT%H%M%SZ"))
        records = [{"messageId": str(place), "body": body} for place, body in enumerate(self.queue.messages)]
        self.queue.messages.clear()
        assert self.target.store_events()(read_batch(records)[0]) == []
        self.target.run_out()
        return run


def _members(world: TwinImports) -> set[int]:
    return world.members()


def _out(world: TwinImports) -> set[int]:
    return set(range(1, 10)) - world.members()


def _mailed(world: TwinImports) -> set[int]:
    asked = [body["input"]["leads"] for known, body in world.bodies if known.endswith("/trigger.json")]
    found = [each["id"] for leads in asked for each in leads]
    assert len(found) == len(set(found))
    return set(found)


def _named(world: TwinImports) -> set[int]:
    return {number for number, lead in world.persons().items() if lead.get("lastName")}


def _merged(world: TwinImports) -> set[int]:
    gone = set(range(1, 10)) - set(world.persons())
    return {number - 3 for number in gone}


@pytest.mark.parametrize(
    ("action", "columns", "done"),
    [
        pytest.param(a_connector(), BY_ID, _members, id="add"),
        pytest.param(a_connector(**TOGETHER), BY_ID, _members, id="add batched"),
        pytest.param(a_connector(operation="remove_from_list"), BY_ID, _out, id="remove"),
        pytest.param(a_connector(operation="remove_from_list", **TOGETHER), BY_ID, _out, id="remove batched"),
        pytest.param(a_mail(), BY_ID, _mailed, id="send e-mail"),
        pytest.param(an_upsert(), BY_MAIL, _named, id="upsert"),
        pytest.param(an_upsert(**TOGETHER), BY_MAIL, _named, id="upsert batched"),
        pytest.param(a_merge(), MERGED, _merged, id="merge"),
        pytest.param(an_import(), BY_MAIL, _named, id="bulk import"),
    ],
)
@pytest.mark.cap("T09")
def test_each_action_runs_for_whoever_comes_into_an_audience_and_for_a_single_call(
    clients: Clients,
    marketo: Twin,
    salesforce: Twin,
    action: ConnectorAction,
    columns: dict[str, str],
    done: Callable[[TwinImports], set[int]],
) -> None:
    """A Contact is in the audience, another comes in later, a third person is called by webhook: each is done once."""
    target = TwinImports(clients, marketo, salesforce, action)
    people = [{"id": number, "email": f"person{number}@example.com"} for number in range(1, 10)]
    members = [{"listId": LIST_ID, "leadId": each["id"]} for each in people] if done is _out else []
    marketo.post("load", {"leads": people, "staticLists": [{"id": LIST_ID, "name": LIST}], "listMembers": members})
    marketo.post("load", {"smartCampaigns": [{"id": CAMPAIGN_ID, "name": CAMPAIGN}]})
    world = Handed(target, columns)
    world.contact(1, "Gold")
    late = world.contact(2, "Silver")

    first = world.after("Gold")
    assert (first.step, first.totals, done(target)) == (Step.DONE, Totals(handed_over=1), {1})
    [call] = [line["id"] for line in world.results(first.slot).values()]
    assert target.ended(call)[0] == "updated"
    second = world.after("Gold", late)
    assert (second.totals, done(target)) == (Totals(handed_over=1), {1, 2})
    assert world.after("Gold").totals == Totals()

    held: dict[str, Any] = {"Email": "person3@example.com", "Title": 3, "LastName": "6"}
    target.call(**{name: held[column] for name, column in columns.items()})
    target.run_out()
    assert done(target) == {1, 2, 3}
