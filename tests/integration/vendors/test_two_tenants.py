"""Two Marketo instances and two Salesforce orgs: an Action reads, writes and reports where its document says, only."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from leadbridge.domain.action import Action
from leadbridge.domain.flow_step_queue import read_chunk
from leadbridge.domain.lifecycle import Move
from leadbridge.usecases.apply_configuration import ApplyConfiguration, Given
from leadbridge.usecases.batch import RunSettings
from leadbridge.usecases.hand_over import looked_at
from leadbridge.usecases.list_connections import ListConnections
from leadbridge.usecases.run_events import RunEvents
from leadbridge.usecases.start_sync import vendor_of
from leadbridge.usecases.watching import Watch
from leadbridge.vendors import connections
from leadbridge.vendors.connections import VendorConnections, VendorLimits
from leadbridge.vendors.sync_vendors import VendorSyncs
from tests.builders.actions import a_marketo_connection, a_salesforce_connection, an_action, an_action_document
from tests.builders.events import SECRET, a_payload
from tests.builders.flow_steps import a_person, an_invocation, body_of
from tests.builders.sync_runs import SyncWorld
from tests.builders.syncs import a_sync
from tests.builders.world import WORKER, World
from tests.fakes.clock import SettableClock
from tests.fakes.flow_step_door import FlowStepDoor
from tests.fakes.limits import InMemoryLimits
from tests.integration.vendors.conftest import Clients, Twin
from tests.twins import running_twins

SHARES = VendorLimits(
    marketo_calls_per_20s=50,
    marketo_daily_calls=1_000,
    marketo_reserve_percent=5,
    marketo_concurrent=5,
    salesforce_concurrent=20,
    salesforce_reserve_percent=5,
    place_seconds=15,
)
LEAD = 7


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[dict[str, Any]]:
    """URLs and credentials of a second pair of twins."""
    with running_twins("--seed", "12") as (_, document):
        yield document


class Tenants(World):
    """A world whose connections lead to two pairs of twins, through the product's own choice of clients."""

    def __init__(self, clients: Clients, **announced: dict[str, Any]) -> None:
        super().__init__(clock=SettableClock(datetime.now(UTC)))
        self.twins: dict[str, tuple[Twin, Twin]] = {}
        secret: dict[str, Any] = {}
        for name, said in announced.items():
            self.twins[name] = (self._twin(said["marketo_url"]), self._twin(said["salesforce_url"]))
            self.configurations.put(a_marketo_connection(id=f"marketo-{name}", base_url=said["marketo_url"]))
            known = said["salesforce_credentials"]
            members = {each: known[each] for each in ("client_id", "username", "audience")}
            self.configurations.put(
                a_salesforce_connection(id=f"salesforce-{name}", token_host=said["salesforce_url"], **members)
            )
            secret[f"marketo-{name}"] = said["marketo_credentials"]
            self.twins[name][1].post("certificate", {"certificate": a_certificate(clients)})
            self.twins[name][0].post("load", {"leads": [{"id": LEAD, "email": "person7@example.com"}]})
        self.chosen = VendorConnections(
            configurations=self.configurations,
            secret=lambda *, refresh=False: secret,
            sign=lambda data: clients.key.sign(data, padding.PKCS1v15(), SHA256()),
            clock=self.clock,
            meter=self.meter,
            allowed_hosts=frozenset(
                urlsplit(said[f"{vendor}_url"]).netloc
                for said in announced.values()
                for vendor in ("marketo", "salesforce")
            ),
            limits=InMemoryLimits(),
            shares=SHARES,
        )

    @staticmethod
    def _twin(url: str) -> Twin:
        twin = Twin(httpx.Client(base_url=url, timeout=30, verify=False))
        twin.post("reset")
        return twin

    def run_events(self, settings: RunSettings = WORKER, watch: Watch | None = None) -> RunEvents:
        """The use-case that runs a batch, with the product's connections."""
        return RunEvents(
            configurations=self.configurations,
            inbox=self.inbox,
            keys=self.keys,
            connections=self.chosen,
            clock=self.clock,
            meter=self.meter,
            hash_key=lambda: SECRET,
            settings=settings,
            watch=watch,
        )

    def seen(self, name: str) -> tuple[int, int, str]:
        """Of a pair of twins: Leads in the org, result activities in the instance, what the person was written."""
        marketo, salesforce = self.twins[name]
        results = [each for each in marketo.get("records/activities") if each["activityTypeId"] > 100_000]
        [person] = [lead for lead in marketo.get("records/leads") if lead["id"] == LEAD]
        return len(salesforce.get("records/Lead")), len(results), str(person.get("salesforceId") or "")


def a_certificate(clients: Clients) -> str:
    """A certificate of the signing key, which an org's administrator uploads."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leadbridge-test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(clients.key.public_key())
        .serial_number(2)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .sign(clients.key, SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


@pytest.fixture
def tenants(
    clients: Clients,
    marketo: Twin,
    salesforce: Twin,
    announced: dict[str, Any],
    elsewhere: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Tenants]:
    """Both pairs of twins, empty but for one person."""
    monkeypatch.setattr(connections, "build_http_client", lambda: clients.http)
    world = Tenants(clients, here=announced, there=elsewhere)
    yield world
    for pair in world.twins.values():
        for twin in pair:
            twin.http.close()


@pytest.mark.cap("A06")
@pytest.mark.parametrize(("source", "destination"), [("here", "there"), ("there", "here"), ("there", "there")])
def test_a_record_lands_in_the_chosen_org_and_is_reported_to_the_chosen_instance(
    tenants: Tenants, source: str, destination: str
) -> None:
    """The person is known under the same id in both instances. One Lead is made in the one org, and the id and the
    result reach the one instance; the other org and the other instance hold what they held before."""
    world = tenants
    action = an_action(
        id="chosen",
        source={"connection": f"marketo-{source}"},
        destination={"connection": f"salesforce-{destination}", "object": "Lead"},
    )
    world.configurations.put(action)
    world.configurations.move("action", "chosen", Move.ACTIVATE)
    world.marketo.load(LEAD)
    execution = world.receive_payload(a_payload(LEAD), action_id="chosen")

    world.drain_lane()(f"salesforce-{destination}", lambda: 900.0)

    assert world.ended(execution) == ("created", "")
    record = world.execution(execution)["salesforce_id"]
    for name in ("here", "there"):
        expected = (int(name == destination), int(name == source), record if name == source else "")
        assert world.seen(name) == expected


@pytest.mark.cap("A04")
def test_the_chosen_instance_is_the_tenant_whose_people_are_taken_and_written_back(tenants: Tenants) -> None:
    """An instance that is not configured or disabled is neither offered nor accepted in a document. People that come
    through the service of another instance are not run; those of the chosen one are, and are written back there."""
    configurations = tenants.configurations
    configurations.move("marketo_connection", "marketo-there", Move.DEACTIVATE)
    stored = ["marketo-here", "marketo-there"]
    offered = ListConnections(configurations=configurations, secrets=lambda: stored)(usable=True)
    apply = ApplyConfiguration(configurations=configurations, connect=lambda _: tenants.chosen)
    document = an_action_document(
        id="chosen", source={"connection": "marketo-here"}, destination=destination_of("salesforce-here")
    )
    refused = [
        apply.plan([Given(raw=document | {"source": {"connection": name}})]).findings
        for name in ("marketo-there", "marketo-nowhere")
    ]
    action = an_action(**document)
    configurations.put(action)
    configurations.move("action", "chosen", Move.ACTIVATE)
    tenants.marketo.load(LEAD)
    execution = tenants.receive_payload(a_payload(LEAD), action_id="chosen")
    tenants.drain_lane()("salesforce-here", lambda: 900.0)

    assert [each.id for each in offered if each.kind == "marketo"] == ["marketo-here"]
    assert [[each.pointer for each in found] for found in refused] == [["/source/connection"]] * 2
    assert {name: taken(action, name) for name in stored} == {
        "marketo-here": {("event", "")},
        "marketo-there": {("not_run", "action_missing")},
    }
    assert tenants.ended(execution) == ("created", "")
    assert tenants.seen("here") == (1, 1, tenants.execution(execution)["salesforce_id"])
    assert tenants.seen("there") == (0, 0, "")


def destination_of(connection: str) -> dict[str, str]:
    """The destination end of an Action."""
    return {"connection": connection, "object": "Lead"}


def taken(action: Action, connection: str) -> set[tuple[str, str]]:
    """What becomes of people who come through the flow-step service of a connection."""
    door = FlowStepDoor()
    door.documents.keep(action)
    rows = [a_person(LEAD, action=action.id)]
    status, _ = door.ask(
        "submitAsyncAction", body_of(an_invocation(objectData=rows)), connection=connection, key=door.key(connection)
    )
    assert status == 201
    return {(each.kind, each.reason) for message in door.queue.messages for each in read_chunk(message)[1]}


@pytest.mark.cap("S04", "S16")
@pytest.mark.parametrize(("source", "destination"), [("here", "there"), ("there", "here")])
def test_a_sync_reads_from_the_chosen_org_and_writes_to_the_chosen_instance(
    tenants: Tenants, source: str, destination: str
) -> None:
    """Each org has a Contact of its own: that of the chosen one becomes a person of the chosen instance, and neither
    the other org is asked for anything nor does the other instance hold anybody new."""
    for name in ("here", "there"):
        contact = {"Email": f"{name}@example.com", "LastName": "Lovelace"}
        tenants.twins[name][1].post("load", {"Contact": [contact]})
    sync = a_sync(
        source={"connection": f"salesforce-{source}", "object": "Contact"},
        destination={"connection": f"marketo-{destination}", "object": "leads"},
    )
    world = SyncWorld(sync)
    world.clock, world.documents, world.connections = tenants.clock, tenants.configurations, tenants.chosen
    world.documents.put(sync)
    world.documents.move("sync", sync.id, Move.ACTIVATE)
    world.others = VendorSyncs(
        tenants.chosen, partial(vendor_of, world.documents), looked_at(world.documents, world.clock)
    )
    asked = {name: len(tenants.twins[name][1].get("log?since=0")) for name in ("here", "there")}

    run = world.ran()

    assert (run.pulled, run.totals.created) == (1, 1)
    people = {
        name: {lead["email"] for lead in tenants.twins[name][0].get("records/leads")} - {"person7@example.com"}
        for name in ("here", "there")
    }
    assert people == {destination: {f"{source}@example.com"}, source: set()}
    assert len(tenants.twins[destination][1].get("log?since=0")) == asked[destination]
