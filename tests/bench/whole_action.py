"""Vendor calls of an Action that uses everything: program member sync, two chained objects, write-back, activity.

The use-cases on stores in memory, the product's own clients on real HTTP against both simulators, whose logs are
counted. Everything has arrived before anything is run, so batches are full.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

import httpx
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from devstack import demo, play
from devstack.persons import Group
from leadbridge.vendors.http.transport import build_http_client
from tests.bench import vendor_calls
from tests.bench.inputs import distinct_persons
from tests.bench.local import Bench
from tests.bench.report import Figure, listed
from tests.builders.actions import an_action
from tests.contract.simulator.salesforce_support import certificate
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import WiredWorld
from tests.twins import running_twins

#: events that a worker takes at a time, which is also what one collection call of Salesforce takes
BATCH = 200
#: of ten persons so many are in Salesforce already, and so many of those in the campaign
KNOWN_OF_TEN, MEMBERS_OF_TEN = 3, 1
#: for each full batch, from the vendors' limits. At Salesforce 200 rows of an object a call, creates and updates apart,
#: and one query for 200 records; at Marketo 300 rows a call, of which a batch fills two thirds
MOST_OF_A_BATCH: Mapping[str, Mapping[str, int]] = {
    "salesforce": {
        "look for Leads": 1,
        "create Leads": 1,
        "update Leads": 1,
        "create Tasks": 1,
        "look for memberships": 1,
        "create memberships": 1,
        "update memberships": 1,
    },
    "marketo": {"write back": 1, "statuses": 1, "members' fields": 1, "activities": 1},
}
#: a Task without a key of ours: what the Lead has already is asked for, so that a create in doubt can be told from it
LOOK_FOR_TASKS = 1
#: what is read once for a process, whatever the number of calls: logins, descriptions, programs and their channels
ONCE = ("oauth", "describe", "/activities/external/type", "/schema/", "/asset/", "/stats/")
ACTION = "bench-whole"
CALLERS = 20
VENDORS = ("salesforce", "marketo")
FREE = {"latency_seconds": 0, "race_window_seconds": 0, "daily_calls": 10**9, "calls_per_20s": 10**9}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What so many webhooks came to."""

    calls: Mapping[str, Counter[str]]
    once: Mapping[str, Counter[str]]
    outcomes: Counter[str]
    #: records that were made or changed for them
    written: Mapping[str, int]


def most(vendor: str, webhooks: int, *, keyed: bool) -> int:
    """The most calls that full batches take."""
    looks = 0 if keyed or vendor == "marketo" else LOOK_FOR_TASKS
    return ceil(webhooks / BATCH) * (sum(MOST_OF_A_BATCH[vendor].values()) + looks)


def run(webhooks: int, seed: int, *, keyed: bool) -> Result:
    """Load persons, receive a webhook for each, run all of them, count what the simulators saw.

    `keyed`: Tasks have a field that takes our key, by which one is found whose create was not answered.
    """
    with running_twins("--seed", str(seed)) as (_, announced), build_http_client() as http:
        twins = {
            vendor: Twin(httpx.Client(base_url=announced[f"{vendor}_url"], timeout=60))
            for vendor in ("marketo", "salesforce")
        }
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        twins["salesforce"].post("certificate", {"certificate": certificate(key, datetime(2099, 1, 1, tzinfo=UTC))})
        twins["marketo"].post("limits", FREE)
        campaign, program = _prepare(twins)
        world = WiredWorld(
            Clients(announced, key, http),
            twins["marketo"],
            twins["salesforce"],
            an_action(**_extras(campaign, program, keyed=keyed)),
        )
        leads = _persons(world, webhooks, campaign)
        executions = [world.receive(lead) for lead in leads]
        world.run_out()
        result = _result(world, twins, executions)
        for twin in twins.values():
            twin.http.close()
        return result


def figure(*, webhooks: int, seed: int) -> Figure:
    """Calls of both vendors per 1,000 webhooks, by operation."""
    found = Figure(
        title="vendor calls, an Action with everything on",
        size=f"seed {seed}, {webhooks} webhooks of as many persons, {10 * KNOWN_OF_TEN} % in Salesforce already",
    )
    for keyed in (False, True):
        result = run(webhooks, seed, keyed=keyed)
        found.add(f"Tasks {'with' if keyed else 'without'} a key of ours; outcomes: {listed(result.outcomes)}")
        found.add(f"in the end: {listed(result.written)}")
        for vendor, calls in result.calls.items():
            found.add(f"{vendor}: {calls.total()} calls ({listed(calls)})")
            found.add(f"{vendor}, once for a process: {listed(result.once[vendor])}")
            each, bound = (1000 * number / webhooks for number in (calls.total(), most(vendor, webhooks, keyed=keyed)))
            found.bound(f"{vendor} calls per 1,000", each, most=bound)
    return found


def figure_on_stack(on: Bench, *, webhooks: int, seed: int) -> Figure:
    """The same on the deployed stack with the simulators' limits on, for persons of the other figures."""
    with ExitStack() as open_:
        clients = {
            vendor: open_.enter_context(httpx.Client(base_url=on.facts[f"{vendor}_url"], timeout=60, trust_env=False))
            for vendor in VENDORS
        }
        campaign, program = _prepare({vendor: Twin(client) for vendor, client in clients.items()})
    key = _apply(on, campaign, program)
    before = {vendor: on.calls(vendor) for vendor in VENDORS}

    def send(groups: Sequence[Group]) -> Sequence[play.Sent]:
        with on.lane_held():
            sent = play.play(
                groups, webhook_url=on.facts["webhook_url"], key=key, action_id=ACTION, seed=seed, concurrency=CALLERS
            )
            on.wait_stored([each.answer["execution_id"] for each in sent])
        return sent

    ours = vendor_calls.measure(on, distinct_persons(webhooks, seed=seed, prefix="whole"), send)
    found = Figure(
        title="vendor calls, an Action with everything on, on the stack",
        size=f"seed {seed}, {webhooks} distinct persons, 30 % existing",
    )
    found.add(f"outcomes: {listed(ours.outcomes)}; limits broken: {ours.violations}; {ours.seconds:.0f} s")
    found.add(f"write-backs {ours.write_backs}, activities {ours.activities.total()}")
    for vendor in VENDORS:
        calls = +(on.calls(vendor) - before[vendor])
        once = Counter({name: number for name, number in calls.items() if _only_once(name)})
        found.add(f"{vendor}: {(calls - once).total()} calls ({listed(calls - once)})")
        found.add(f"{vendor}, now and then: {listed(once)}")
        each, bound = (1000 * n / webhooks for n in ((calls - once).total(), most(vendor, webhooks, keyed=False)))
        found.bound(f"{vendor} calls per 1,000", each, most=bound)
    if ours.violations:
        found.missed.append(f"{found.title}: {ours.violations} vendor limits broken")
    return found


def _only_once(endpoint: str) -> bool:
    return any(part in endpoint for part in ONCE)


def _apply(on: Bench, campaign: str, program: int) -> str:
    """The demo's Action with everything on, under another name; gives its key."""
    document = yaml.safe_load((demo.RECIPES / f"{demo.ACTION}.yaml").read_text("utf-8"))
    document |= {"id": ACTION, "name": "Everything on", **_extras(campaign, program, keyed=False)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{ACTION}.yaml"
        file.write_text(json.dumps(document), "utf-8")
        demo.leadbridge(on.facts, "apply", str(file))
    demo.leadbridge(on.facts, "activate", ACTION)
    return demo.leadbridge(on.facts, "keys", "show", ACTION).strip()


def _prepare(twins: Mapping[str, Twin]) -> tuple[str, int]:
    """A campaign of the org and a program of the instance."""
    twins["salesforce"].post("load", {"Campaign": [{"Name": "Webinar"}]})
    (campaign,) = twins["salesforce"].get("records/Campaign")
    statuses = [{"name": "Registered", "step": 10, "success": False}]
    program = {"name": "Fair", "type": "Event", "channel": "Tradeshow", "progressionStatuses": statuses}
    (made,) = twins["marketo"].post("load", {"programs": [program]})["programs"]
    return str(campaign["Id"]), int(made)


def _extras(campaign: str, program: int, *, keyed: bool) -> dict[str, Any]:
    """Two chained objects and a program membership."""
    task: dict[str, Any] = {
        "name": "follow_up",
        "object": "Task",
        "type": "create",
        "mappings": [{"field": "Id", "to": "WhoId"}, {"template": "Call {{firstName}}", "to": "Subject"}],
    }
    if keyed:
        task["idempotency_field"] = "External_Key__c"
    membership = {
        "name": "membership",
        "object": "CampaignMember",
        "type": "upsert",
        "match": [{"field": "Id", "to": "LeadId"}, {"static": campaign, "to": "CampaignId"}],
        "mappings": [{"static": "Responded", "to": "Status"}],
    }
    member = {
        "program": program,
        "status": "Registered",
        "mappings": [{"execution": "salesforce_id", "to": "registrationCode"}],
    }
    return {"chained": [task, membership], "program_member": member}


def _persons(world: WiredWorld, count: int, campaign: str) -> Sequence[int]:
    """Persons in Marketo, some of them in Salesforce and in the campaign; gives their lead ids."""
    ids = range(1, count + 1)
    world.marketo_twin.post("load", {"leads": [{"id": each, "email": f"person{each}@example.com"} for each in ids]})
    for each in ids:
        world.marketo.load(each)
    known = [
        {"LastName": "L", "Company": "C", "Email": f"person{each}@example.com"}
        for each in ids
        if each % 10 < KNOWN_OF_TEN
    ]
    made = world.salesforce_twin.post("load", {"Lead": known})["Lead"]
    members = [{"LeadId": each, "CampaignId": campaign} for each in made[:: KNOWN_OF_TEN // MEMBERS_OF_TEN]]
    world.salesforce_twin.post("load", {"CampaignMember": members})
    return ids


def _result(world: WiredWorld, twins: Mapping[str, Twin], executions: Sequence[str]) -> Result:
    seen = {
        vendor: Counter(f"{each['method']} {each['path']}" for each in twin.get("log?since=0"))
        for vendor, twin in twins.items()
    }
    objects = {name: len(twins["salesforce"].get(f"records/{name}")) for name in ("Lead", "Task", "CampaignMember")}
    members = len(twins["marketo"].get("records/programMembers"))
    return Result(
        calls={vendor: _those(calls, once=False) for vendor, calls in seen.items()},
        once={vendor: _those(calls, once=True) for vendor, calls in seen.items()},
        outcomes=Counter(world.ended(each)[0] for each in executions),
        written=objects | {"program members": members, "activities": len(world.told())},
    )


def _those(calls: Counter[str], *, once: bool) -> Counter[str]:
    return Counter({name: number for name, number in calls.items() if _only_once(name) is once})
