"""Marketo calls of an Action that is called as a flow step: the twin sends chunks and takes the callbacks.

The receiver behind a gateway, the use-cases on stores in memory, the sender over real HTTP. The twin counts what comes
in: calls of its REST API beside the callbacks, which are none.
"""

from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from tests.bench.report import Figure, listed
from tests.builders.actions import an_action
from tests.builders.world import World
from tests.fakes.flow_step_door import FlowStepDoor
from tests.gateway import serving
from tests.integration.test_flow_steps_twin import MAPPINGS, Service, control, people, run
from tests.twins import running_twins

CALLBACK = "POST /selfservice/v1/flowComplete"
#: people that the twin puts into one chunk
CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Calls that the twin saw, by endpoint, and what came of the people."""

    calls: Counter[str]
    outcomes: Counter[str]
    #: people whose fields the callbacks wrote
    told: int

    @property
    def api_calls(self) -> int:
        """Calls of the REST API, which count toward the instance's limits."""
        return self.calls.total() - self.calls[CALLBACK]


def run_campaign(size: int, seed: int) -> Result:
    """Run a batch campaign for so many people through the service, until everybody is called back."""
    with running_twins("--seed", str(seed)) as (_, announced):
        url = announced["marketo_url"]
        door = FlowStepDoor(local_hosts=frozenset({urlsplit(url).netloc}), is_local=True)
        door.documents.keep(
            an_action(writeback=[{"static": "Synced", "to": "leadbridgeStatus"}, {"field": "Id", "to": "salesforceId"}])
        )
        world = World(an_action())
        with (
            httpx.Client(base_url=url, timeout=60) as marketo,
            serving(lambda event: door.receiver(event).as_proxy()) as gateway,
        ):
            control(marketo, "limits", {"latency_seconds": 0, "flow_step_chunk": CHUNK})
            service = Service(door, gateway, chunks=world.chunks)
            service.install(marketo, mappings=MAPPINGS)
            ids = people(marketo, size)
            run(marketo, ids)
            world.receive_chunk(*door.queue.sent)
            world.run_out()
            for chunk_id in world.chunk_bell.rung:
                service.call_back(url, chunk_id)
            leads = control(marketo, "records/leads")
            return Result(
                calls=Counter(control(marketo, "calls")["by_endpoint"]),
                outcomes=Counter(str(each["outcome"]) for each in world.inbox.logged.values()),
                told=sum(each["title"] == "Synced" for each in leads),
            )


def figure(*, people: int, seed: int) -> Figure:
    """Calls of Marketo's REST API per 1,000 people of a flow step."""
    result = run_campaign(people, seed)
    found = Figure(title="flow step", size=f"seed {seed}, {people} people in chunks of {CHUNK}")
    found.add(f"outcomes: {listed(result.outcomes)}; fields written by callbacks: {result.told} people")
    found.add(f"calls that reach Marketo: {listed(result.calls)}")
    found.bound("Marketo API calls per 1,000 people", 1000 * result.api_calls / people, most=0)
    found.bound("share of the people told", result.told / people, least=1)
    return found
