"""Connector actions: calls of Marketo, requests of DynamoDB and SQS and what they cost, and how much of a rate is used.

The use-cases and the product's own clients on real HTTP against the Marketo twin, whose log is counted, on its clock.
For AWS the adapters of the stores on the local stack's DynamoDB, whose requests are counted as botocore sends them:
the local stack has no counters of its own.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from random import Random
from typing import Any

import httpx
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric import rsa

from devstack.stack import REGION, ROOT_CREDENTIALS, emulator
from leadbridge.vendors.connections import VendorLimits
from leadbridge.vendors.http.limiter import SharedLimiter
from leadbridge.vendors.http.transport import build_http_client
from leadbridge.vendors.marketo.auth import Credentials
from leadbridge.vendors.marketo.client import MarketoClient
from tests.bench.report import Figure, listed
from tests.builders.connectors import ToMarketo, a_connector, a_mail, an_upsert, by_email
from tests.contract.ports.worlds import DynamoWorld
from tests.fakes.limits import InMemoryLimits
from tests.fakes.meter import RecordingMeter
from tests.integration.aws.local_aws import client
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import TwinConnections, WiredWorld, WorldClients
from tests.twins import running_twins

LISTS, REPEATED = 5, 0.05
STRATEGIES, PARTITIONS = ("createOrUpdate", "updateOnly", "createOnly"), (None, "Partners")
#: what a call of Marketo takes, repeated here so that no minimum comes from product code
CALL_PEOPLE = 300
#: time within which the calls of one kind arrive
SECONDS = 2_000
MOST_ADDITIONS = 4.2
#: the vendor's window
WINDOW_SECONDS, WINDOW_CALLS = 20.0, 100
LEAST_SHARE = 0.9
#: how long a call takes, on the twin's clock
CALL_SECONDS = 0.1
#: messages of a batch of the queue
QUEUE_BATCH = 10
#: on demand, us-east-1, in dollars per million: write and read request units of DynamoDB, requests of SQS
PRICES, PRICED = {"writes": 0.625, "reads": 0.125, "sqs": 0.40}, "2026-03"
FREE = {"latency_seconds": 0, "race_window_seconds": 0, "daily_calls": 10**9, "calls_per_20s": 10**9}
ADD, FIND, SYNC = "additions", "lookups", "syncs"


class Batching(ToMarketo, WiredWorld):
    """Connector actions on the twin; a worker runs whenever somebody rings, a sweep once a minute."""

    def work(self) -> None:
        """A worker for each ring."""
        while self.bell.rung:
            self.bell.rung.clear()
            self.drain(batch=CALL_PEOPLE)

    def until(self, moment: datetime) -> None:
        """Let the time pass up to a moment."""
        while self.clock.now() < moment:
            step = min(60.0 - (self.clock.now().timestamp() % 60), (moment - self.clock.now()).total_seconds())
            self.clock.advance(max(step, 0.001))
            if self.clock.now().timestamp() % 60 < 0.001:
                self.sweep()()
            self.work()


@contextmanager
def world_of(actions: Sequence[Any], seed: int, limits: dict[str, Any]) -> Iterator[Batching]:
    """A world on twins of its own."""
    with running_twins("--seed", str(seed)) as (_, announced), build_http_client() as http:
        twins = [
            Twin(httpx.Client(base_url=announced[f"{name}_url"], timeout=60)) for name in ("marketo", "salesforce")
        ]
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        twins[0].post("limits", limits)
        marketo, salesforce = twins
        yield Batching(Clients(announced, key, http), marketo, salesforce, *actions)
        for twin in twins:
            twin.http.close()


@dataclass(kw_only=True)
class Result:
    """What so many calls came to."""

    events: int
    people: int
    calls: Counter[str]
    triggers: Counter[str]
    outcomes: Counter[str]
    #: of writes, by strategy: calls that were made, and those that came in
    strategies: dict[str, tuple[int, int]]


def mixed(kind: str, size: int, seed: int) -> Result:
    """Calls of one kind, evenly over the time, each Action in its turn by lot; 5 % repeat a person of the Action."""
    rng = Random(f"{kind} {seed}")
    actions = _actions(kind)
    with world_of(actions, seed, FREE) as world:
        people = [{"id": n, "email": f"person{n}@example.com", "firstName": f"N {n}"} for n in range(1, size + 1)]
        world.marketo_twin.post("load", {"leads": people})
        world.marketo_twin.post("load", {"staticLists": [{"id": 1000 + n, "name": f"List {n}"} for n in range(LISTS)]})
        begun, seen = world.clock.now(), {action.id: [] for action in actions}  # type: ignore[var-annotated]  # of ints
        for number in range(1, size + 1):
            world.until(begun + timedelta(seconds=SECONDS * number / size))
            action = rng.choice(actions).id
            again = seen[action] and rng.random() < REPEATED
            person = rng.choice(seen[action]) if again else number
            seen[action].append(person)
            # half of those who are written are new to Marketo; who is in one partition is not found in another
            new = kind == SYNC and (person % 2 == 0 or action.endswith("-1"))
            mail = f"{'new' if new else 'person'}{person}@example.com"
            world.call(action, id=person, email=mail, firstName=f"Call {number}")
            world.work()
        world.until(world.clock.now() + timedelta(seconds=1_900))
        log = world.marketo_twin.get("log?since=0")
        return Result(
            events=size,
            people=sum(len(set(each)) for each in seen.values()),
            calls=Counter(_named(each) for each in log if _named(each)),
            triggers=Counter(
                {
                    name: int(world.meter.of("Batches", trigger=name))
                    for name in ("count", "bytes", "age", "publish", "order")
                }
            ),
            outcomes=world.outcomes(),
            strategies={
                name: (
                    sum(body.get("action") == name for _, body in world.bodies if isinstance(body, dict)),
                    sum(len(calls) for action, calls in seen.items() if action.startswith(f"{name.lower()}-")),
                )
                for name in (STRATEGIES if kind == SYNC else ())
            },
        )


def _actions(kind: str) -> list[Any]:
    if kind == SYNC:
        return [
            an_upsert(
                f"{strategy.lower()}-{number}",
                strategy=strategy,
                partition=partition,
                mappings=[{"column": name, "to": name} for name in ("email", "firstName")],
                batch={},
            )
            for strategy in STRATEGIES
            for number, partition in enumerate(PARTITIONS)
        ]
    person = {"lead_id": "id"} if kind == ADD else by_email()
    return [a_connector(f"list-{n}", list=1000 + n, person=person, batch={}) for n in range(LISTS)]


def _named(call: dict[str, Any]) -> str:
    path = str(call["path"])
    if "/lists/" in path:
        return "list"
    if path.endswith("/rest/v1/leads.json"):
        return "look up" if call["method"] == "GET" else "sync"
    return ""


def figure_calls(*, people: int, seed: int) -> Figure:
    """Calls of Marketo per 1,000, by kind, and why batches went."""
    found = Figure(
        title="connector actions, calls of Marketo",
        size=(
            f"seed {seed}, {people} calls of each kind within {SECONDS} s; {LISTS} lists; {len(STRATEGIES)} strategies "
            f"and {len(PARTITIONS)} partitions mixed; {REPEATED:.0%} repeat a person"
        ),
    )
    for kind, name in ((ADD, "list additions, ids known"), (FIND, "list additions, by address"), (SYNC, "writes")):
        result = mixed(kind, people, seed)
        per = 1000 * result.calls.total() / result.events
        least = 1000 * ceil(result.people / CALL_PEOPLE) / result.events
        went = result.triggers.total()
        shares = ", ".join(f"{why} {100 * n / went:.0f} %" for why, n in result.triggers.most_common() if n)
        found.add(f"{name}: {result.events} calls about {result.people} people; outcomes: {listed(result.outcomes)}")
        found.add(f"{name}: {listed(result.calls)}; batches: {went} ({shares})")
        if kind == ADD:
            found.bound(f"{name}: calls per 1,000", per, most=MOST_ADDITIONS)
        else:
            found.add(f"{name}: calls per 1,000: {per:.4g} (no fewer than {least:.4g} writing ones)")
        for strategy, (made, came) in result.strategies.items():
            found.add(f"{strategy}: {made} writing calls for {came}, {1000 * made / came:.3g} per 1,000")
    return found


# -- AWS


@dataclass(slots=True)
class Requests:
    """Requests of DynamoDB as botocore sends them, and the units that they cost."""

    names: Counter[str] = field(default_factory=Counter)
    writes: float = 0
    reads: float = 0
    #: bytes of the items that were put, and how many
    put: int = 0
    puts: int = 0

    def sent(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """Count a request; an operation of a transaction costs two units, a write one, for each 1,024 bytes."""
        self.names[model.name] += 1
        if model.name == "TransactWriteItems":
            for each in params["TransactItems"]:
                (kind, members), *_ = each.items()
                self.writes += 2 * self._units(members.get("Item")) if kind == "Put" else 2
        elif model.name in {"UpdateItem", "PutItem", "DeleteItem"}:
            self.writes += self._units(params.get("Item"))

    def answered(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        """Count what was read: a unit for 4,096 bytes, of what was looked at, not of what was given."""
        if model.name in {"Query", "GetItem"}:
            size = (self.put / self.puts if self.puts else 1024) * int(parsed.get("ScannedCount", 1))
            self.reads += max(1, ceil(size / 4096))
        elif model.name == "BatchGetItem":
            self.reads += sum(map(len, parsed.get("Responses", {}).values()))

    def _units(self, item: Any) -> int:
        if not item:
            return 1
        size = len(str(item))
        self.put, self.puts = self.put + size, self.puts + 1
        return ceil(size / 1024)


def requests(events: int, seed: int, **batch: int) -> tuple[Requests, Counter[str]]:
    """Calls that add people to a list, stored ten messages at a time, and run by whoever is rung for."""
    rng = Random(seed)
    with emulator() as endpoint:
        patient = Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=5, read_timeout=30)
        credentials = {name.lower(): value for name, value in ROOT_CREDENTIALS.items()}
        dynamo = DynamoWorld(client("dynamodb", patient, endpoint_url=endpoint, region_name=REGION, **credentials))
        action = a_connector(list=1001, batch=batch)
        world = ToMarketo(action)
        world.inbox, world.lanes, world.keys = dynamo.inbox, dynamo.lanes, dynamo.keys  # type: ignore[assignment]  # ports
        world.marketo.lists["List"] = (1001, set())
        world.marketo.load(*range(1, events + 1))
        counted = Requests()
        hooks = dynamo.raw.meta.events
        hooks.register("provide-client-params.dynamodb.*", counted.sent)
        hooks.register("after-call.dynamodb.*", counted.answered)
        seen: list[int] = []
        for start in range(0, events, QUEUE_BATCH):
            dynamo.clock.at = world.clock.advance(1)
            arrivals = []
            for number in range(start + 1, min(start + QUEUE_BATCH, events) + 1):
                person = rng.choice(seen) if seen and rng.random() < REPEATED else number
                seen.append(person)
                arrivals.append((f"m{number}", world.arrival({"lead": {"id": person}}, action_id=action.id)))
            if world.store_events()(arrivals):
                raise RuntimeError("a call was not stored")
            while world.bell.rung:
                world.bell.rung.clear()
                world.drain(batch=CALL_PEOPLE)
        dynamo.clock.at = world.clock.advance(1_801)
        world.sweep()()
        world.drain(batch=CALL_PEOPLE)
        hooks.unregister("provide-client-params.dynamodb.*", counted.sent)
        documents = sum(name == "configurations.get" for name in world.steps.taken)
        counted.names["GetItem of documents"] += documents
        counted.reads += documents
        return counted, Counter(str(item["state"]) for item in dynamo.items() if item.get("sk") == "log")


def figure_requests(*, events: int, seed: int) -> Figure:
    """Requests of DynamoDB and SQS per 1,000 calls, and dollars per million calls."""
    found = Figure(
        title="connector actions, requests of AWS",
        size=f"seed {seed}, {events} list additions, a message each, {REPEATED:.0%} repeat a person, batches of 300",
    )
    counted, states = requests(events, seed)
    found.add(f"executions: {listed(states)}; items of {counted.put / max(1, counted.puts):.0f} bytes on average")
    each = {name: 1000 * number / events for name, number in counted.names.items()}
    found.add("DynamoDB requests per 1,000: " + ", ".join(f"{name} {n:.0f}" for name, n in sorted(each.items())))
    found.add(f"units per call: {counted.writes / events:.1f} written, {counted.reads / events:.2f} read")
    # one to send each, and for ten of them one to receive and one to delete
    sqs = 1 + 2 / QUEUE_BATCH
    found.add(f"SQS requests per 1,000: {1000 * sqs:.0f} (one sends each; receiving and deleting go by {QUEUE_BATCH})")
    dollars = {
        "DynamoDB": (counted.writes * PRICES["writes"] + counted.reads * PRICES["reads"]) / events,
        "SQS": sqs * PRICES["sqs"],
    }
    told = ", ".join(f"{name} {number:.2f}" for name, number in dollars.items())
    found.add(f"dollars per million calls (us-east-1, on demand, {PRICED}): {sum(dollars.values()):.2f} ({told})")
    return found


# -- the rate


class Limited(WorldClients):
    """Clients with the product's limiter, at all that the vendor allows."""

    def marketo(self) -> MarketoClient:
        """The client of the one instance."""
        shares = VendorLimits(
            marketo_calls_per_20s=WINDOW_CALLS,
            marketo_daily_calls=10**6,
            marketo_reserve_percent=0,
            marketo_concurrent=5,
            salesforce_concurrent=20,
            salesforce_reserve_percent=10,
            place_seconds=15,
        )
        known = self.announced["marketo_credentials"]

        def credentials(*, fresh: bool = False) -> Credentials:
            return Credentials(known["client_id"], known["client_secret"])

        return MarketoClient(
            self.settings(),
            base_url=self.announced["marketo_url"],
            credentials=credentials,
            limiter=SharedLimiter(
                limits=InMemoryLimits(),
                policy=shares.marketo(),
                clock=self.world_clock.now,
                sleep=self.sleep,
                meter=RecordingMeter(),
            ),
        )


def backlog(calls: int, seed: int) -> tuple[float, int, int]:
    """Requests of a campaign, each a call of its own: share of the rate used, the fullest window, limits broken."""
    action = a_mail(tokens=[{"column": "mark", "to": "mark"}])
    limits = FREE | {"calls_per_20s": WINDOW_CALLS}
    with world_of([action], seed, limits) as world:
        world.marketo_twin.post("load", {"leads": [{"id": n} for n in range(1, calls + 1)]})
        world.marketo_twin.post("load", {"smartCampaigns": [{"id": 2001, "name": "Receipt"}]})
        known = world.clients
        limited = Limited(
            announced=known.announced,
            key=known.key,
            http=known.http,
            world_clock=world.clock,
            deadline=world.deadline,
        )
        world.wired = TwinConnections(limited)
        known.http.event_hooks["response"].append(lambda _: world.clock.advance(CALL_SECONDS))
        # no time passes but that of the calls
        world.marketo_twin.post("clock", {"stand": True})
        for number in range(1, calls + 1):
            world.call(id=number, mark=str(number))
        world.run_out()
        log = [each for each in world.marketo_twin.get("log?since=0") if "/trigger.json" in each["path"]]
        times = sorted(datetime.fromisoformat(each["at"]).timestamp() for each in log)
        windows = int((times[-1] - times[0]) / WINDOW_SECONDS)
        within = sum(at - times[0] < windows * WINDOW_SECONDS for at in times)
        fullest = max(sum(last - WINDOW_SECONDS < at <= last for at in times) for last in times)
        broken = sum(world.marketo_twin.get("calls")["violations"].values())
        if world.outcomes() != Counter({"updated": calls}):
            raise RuntimeError(f"not everybody was requested: {world.outcomes()}")
        return within / (windows * WINDOW_CALLS), fullest, int(broken)


def figure_rate(*, calls: int, seed: int) -> Figure:
    """How much of the vendor's rate one worker uses while there is backlog."""
    found = Figure(
        title="connector actions, use of the rate",
        size=f"seed {seed}, {calls} requests of a campaign, a call each, {CALL_SECONDS:g} s on the twin's clock",
    )
    share, fullest, broken = backlog(calls, seed)
    found.bound(f"share of {WINDOW_CALLS} calls in {WINDOW_SECONDS:.0f} s", share, least=LEAST_SHARE)
    found.bound("fullest window", fullest, most=WINDOW_CALLS)
    found.bound("answers 606 and other limits broken", broken, most=0)
    return found
