"""Marketo's twin installs the service, sends people in chunks and takes the callbacks: receiver, queue, sender.

What lies between queue and end is played by the test, which ends every person as the message says.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from leadbridge.domain.flow_step import PersonTold
from leadbridge.domain.flow_step_queue import read_chunk
from leadbridge.domain.flow_step_service import install_url
from leadbridge.usecases.send_callbacks import SendCallbacks
from leadbridge.vendors.http.transport import build_http_client
from leadbridge.vendors.marketo.callbacks import HttpCallbackDoor
from tests.builders.actions import MARKETO, an_action
from tests.builders.world import World
from tests.fakes.chunks import InMemoryChunks
from tests.fakes.flow_step_door import FlowStepDoor
from tests.fakes.meter import RecordingMeter
from tests.gateway import serving
from tests.twins import running_twins

CAMPAIGN = 60
MAPPINGS = {"callback": {"leadbridgeStatus": "title", "salesforceId": "department"}}


@pytest.fixture(scope="module")
def twin_url() -> Iterator[str]:
    """A twin of Marketo in a process of its own."""
    with running_twins("--seed", "23") as (_, announced):
        yield announced["marketo_url"]


@pytest.fixture
def marketo(twin_url: str) -> Iterator[httpx.Client]:
    """The twin, empty; calls take no artificial time."""
    with httpx.Client(base_url=twin_url, timeout=60, verify=False) as client:
        client.post("/_sim/reset").raise_for_status()
        client.post("/_sim/limits", json={"latency_seconds": 0, "flow_step_chunk": 500}).raise_for_status()
        yield client


def control(marketo: httpx.Client, path: str, body: object = None) -> Any:
    """Ask the twin's control plane."""
    answer = marketo.get(f"/_sim/{path}") if body is None else marketo.post(f"/_sim/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@dataclass
class Service:
    """The receiver behind its gateway, and how long each chunk took to be answered."""

    door: FlowStepDoor
    url: str
    seconds: list[float] = field(default_factory=list)
    chunks: InMemoryChunks = field(default_factory=InMemoryChunks)

    def install(self, marketo: httpx.Client, mapping: str = "fields", **more: Any) -> Any:
        """Install the service and make it the flow of a batch campaign in a program."""
        url = install_url(self.url, MARKETO).replace("/fields/", f"/{mapping}/")
        made = control(marketo, "services", {"openapi_url": url, "key": self.door.key(), **more})
        control(marketo, "load", {"programs": [{"id": 80, "name": "Fair"}]})
        batch = {"id": CAMPAIGN, "name": "Nightly", "type": "batch", "programId": 80}
        control(marketo, "load", {"smartCampaigns": [batch]})
        steps = [{"service": made["name"], "parameters": {"action": "person-to-lead", "list": "vip"}}]
        control(marketo, "campaigns/flow", {"campaign": CAMPAIGN, "steps": steps})
        return made

    def end_everybody(self, told: Callable[[Any], PersonTold]) -> str:
        """End the people of all messages as `told` says; gives the id of their chunk."""
        (name,) = {str(message["chunk"]["id"]) for message in self.door.queue.messages}
        for message in self.door.queue.messages:
            chunk, arrivals = read_chunk(message)
            self.chunks.open(chunk)
            self.chunks.tell(name, [told(each) for each in arrivals])
        assert self.chunks.complete(name)
        return name

    def call_back(self, twin_url: str, chunk_id: str) -> dict[str, int]:
        """One run of the sender over real HTTP."""
        with build_http_client() as client:
            sender = SendCallbacks(
                chunks=self.chunks,
                standings=NoStandings(),
                door=HttpCallbackDoor(client, hosts=("*.mktorest.com",), local_hosts={urlsplit(twin_url).netloc}),
                clock=Now(),
                meter=RecordingMeter(),
            )
            return sender(chunk_id).as_dict()


class NoStandings:
    """Nobody has to be looked for."""

    def get(self, execution_id: str) -> None:
        """Nothing."""


class Now:
    """A clock that stands at the time of the messages."""

    def now(self) -> datetime:
        """Noon."""
        return datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def service(twin_url: str) -> Iterator[Service]:
    """The receiver on a port of its own."""
    door = FlowStepDoor(local_hosts=frozenset({urlsplit(twin_url).netloc}), is_local=True)
    door.documents.keep(
        an_action(writeback=[{"static": "x", "to": "leadbridgeStatus"}, {"field": "Id", "to": "salesforceId"}])
    )
    seconds: list[float] = []

    def receive(event: Any) -> Any:
        begun = time.perf_counter()
        answer = door.receiver(event).as_proxy()
        if event["pathParameters"]["operation"] == "submitAsyncAction":
            seconds.append(time.perf_counter() - begun)
        return answer

    with serving(receive) as url:
        yield Service(door, url, seconds)


def people(marketo: httpx.Client, count: int) -> list[int]:
    """Load people."""
    shared = {"lastName": "Example", "company": "Example"}
    rows = [{"email": f"p{n}@example.com", "firstName": f"P{n}", **shared} for n in range(count)]
    return [int(each) for each in control(marketo, "load", {"leads": rows})["leads"]]


def run(marketo: httpx.Client, lead_ids: list[int], **more: Any) -> Any:
    """Run the campaign for people; gives what the twin tells of each chunk."""
    return control(marketo, "campaigns/run", {"campaign": CAMPAIGN, "leads": lead_ids, **more})


def well(arrival: Any) -> PersonTold:
    """What is told of somebody who was created."""
    lead_id = arrival.payload["lead"]["id"]
    return PersonTold(
        lead_id=lead_id,
        execution_id=arrival.execution_id,
        success=True,
        outcome="created",
        record_id=f"00Q{lead_id}",
        values={"leadbridgeStatus": "Synced", "salesforceId": f"00Q{lead_id}"},
        attributes={"message": "Done."},
    )


def test_a_chunk_of_500_people_is_answered_in_a_second_and_called_back_once(
    marketo: httpx.Client, service: Service, twin_url: str
) -> None:
    """Installed from its address, a batch campaign sends 500 people at once; all fields and activities come back.

    The twin counts no call of its REST API.
    """
    made = service.install(marketo, mappings=MAPPINGS)
    assert [each["submittedValue"] for each in made["choices"]["action"]] == ["person-to-lead"]
    assert [each for each in made["log"] if each["level"] != "INFO"] == []
    ids = people(marketo, 500)

    run(marketo, ids)
    (answered,) = service.seconds
    assert answered < 1
    assert len(service.door.queue.batches) <= 4
    chunk_id = service.end_everybody(well)
    assert service.call_back(twin_url, chunk_id)["sent"] == 1
    assert service.call_back(twin_url, chunk_id)["left"] == 1

    leads = control(marketo, "records/leads")
    assert {(each["title"], each["department"]) for each in leads} == {("Synced", f"00Q{each}") for each in ids}
    logged = [
        {one["apiName"]: one["value"] for one in each["attributes"]}
        for each in control(marketo, "records/activities")
        if each["activityTypeId"] == made["activity_type_id"]
    ]
    assert len(logged) == 500
    assert {(each["success"], each["outcome"], each["message"], each["list"]) for each in logged} == {
        (True, "created", "Done.", "vip")
    }
    calls = control(marketo, "calls")
    assert (calls["by_endpoint"], calls["max_calls_in_20s"]) == ({"POST /selfservice/v1/flowComplete": 1}, 0)
    assert control(marketo, "services")["waiting"] == []


@pytest.mark.cap("D02")
@pytest.mark.pain("P02")
def test_people_of_a_flow_step_are_written_and_told_without_a_call_of_the_api(
    marketo: httpx.Client, service: Service, twin_url: str
) -> None:
    """500 people of a batch campaign: answered within a second, run, and called back once with fields and results.

    Between the receiver's queue and the callback is the whole pipeline; the twin counts no call of its REST API.
    """
    made = service.install(marketo, mappings=MAPPINGS)
    ids = people(marketo, 500)
    world = World(an_action())
    run(marketo, ids)
    assert service.seconds[0] < 1
    world.receive_chunk(*service.door.queue.sent)
    world.run_out()
    (chunk_id,) = world.chunk_bell.rung
    service.chunks = world.chunks
    assert service.call_back(twin_url, chunk_id)["sent"] == 1

    ids_by_email = {record["Email"]: record["Id"] for record in world.leads()}
    assert len(ids_by_email) == 500
    leads = control(marketo, "records/leads")
    assert {each["email"]: (each["title"], each["department"]) for each in leads} == {
        email: ("Synced", record_id) for email, record_id in ids_by_email.items()
    }
    types = [each["activityTypeId"] for each in control(marketo, "records/activities")]
    assert types.count(made["activity_type_id"]) == 500
    calls = control(marketo, "calls")
    assert (calls["by_endpoint"], calls["max_calls_in_20s"]) == ({"POST /selfservice/v1/flowComplete": 1}, 0)
    assert not [name for name in world.steps.taken if name.startswith("marketo.")]


def test_a_repeated_callback_writes_nothing_twice(marketo: httpx.Client, service: Service, twin_url: str) -> None:
    """The answer of the first one is lost: Marketo knows the token no more, and the chunk counts as told."""
    service.install(marketo, mappings=MAPPINGS)
    ids = people(marketo, 2)
    run(marketo, ids)
    path = urlsplit(service.door.queue.messages[0]["chunk"]["callback_url"]).path
    control(marketo, "faults", [{"match": f"POST {path}", "kind": "drop_answer", "nth": 1}])
    chunk_id = service.end_everybody(well)

    assert service.call_back(twin_url, chunk_id)["put_off"] == 1
    service.chunks.chunks[chunk_id] = service.chunks.chunks[chunk_id].evolve(due_at=Now().now())
    assert service.call_back(twin_url, chunk_id)["sent"] == 1
    changes = [each for each in control(marketo, "records/activities") if each["activityTypeId"] == 13]
    assert len(changes) == 2 * len(ids)


def test_an_administrator_may_map_fields_freely(marketo: httpx.Client, service: Service, twin_url: str) -> None:
    """In free mode the fields that were chosen come as columns, and go back, under their own names."""
    service.install(marketo, "free", mappings={"invocation": ["email", "country"], "callback": ["state"]})
    (lead_id,) = people(marketo, 1)
    run(marketo, [lead_id])
    ((message,),) = [service.door.queue.messages]
    assert message["people"][0]["payload"]["lead"] == {"id": lead_id, "email": "p0@example.com", "country": None}

    def told(arrival: Any) -> PersonTold:
        return PersonTold(
            lead_id=lead_id,
            execution_id=arrival.execution_id,
            success=True,
            outcome="updated",
            values={"state": "Otago"},
        )

    service.call_back(twin_url, service.end_everybody(told))
    (person,) = control(marketo, "records/leads")
    assert person["state"] == "Otago"


def test_every_context_arrives_as_columns(marketo: httpx.Client, service: Service) -> None:
    """Campaign, program, trigger, My Tokens and flow parameters are found where an Action's columns look for them."""
    service.door.documents.keep(
        an_action(
            writeback=[],
            mappings=[
                {"column": "email", "to": "Email"},
                {"column": "token.my.Event", "to": "Description"},
                {"template": "{{token.Gift}} {{program.name}}", "to": "Title"},
            ],
        )
    )
    service.install(marketo)
    (lead_id,) = people(marketo, 1)
    run(marketo, [lead_id], trigger={"Name": "Form 1", "Trigger Name": "Fills Out Form"})
    ((message,),) = [service.door.queue.messages]
    payload = message["people"][0]["payload"]
    assert payload["campaign"]["name"] == "Nightly"
    assert payload["program"]["name"] == "Fair"
    assert payload["token"]["trigger.Name"] == "Form 1"
    assert payload["token"]["flow.list"] == "vip"


def test_a_wrong_key_is_refused_and_logged_by_marketo(marketo: httpx.Client, service: Service) -> None:
    """Nothing is stored, nobody calls back, and Marketo's service log says 401."""
    service.install(marketo, mappings=MAPPINGS)
    service.door.secrets.value = {"generation": 3, "key": "another"}
    service.door.seconds += 100
    run(marketo, people(marketo, 1))

    assert service.door.queue.sent == []
    (installed,) = control(marketo, "services")["services"]
    assert [each["code"] for each in installed["log"] if each["level"] == "ERROR"] == ["401"]
