"""What the fault tests hold in their hands: a stack of their own, both vendors' control planes, and sharp tools.

Everything here looks at the product from outside: HTTP answers, records and call logs of the simulators, log items
of the executions table, the command line. Nothing of `leadbridge` is imported.
"""

import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from boto3.dynamodb.types import TypeDeserializer

from devstack.demo import ACTION, RECIPES, stack_facts
from devstack.stack import FUNCTIONS, Stack
from tests.commands import COMMANDS
from tests.fault.wire import Wire

#: long enough for a machine that is busy with other things; a test that waits this long has failed
PATIENCE = 90.0
#: short settings, so that leases end and retries come due while a test looks on
PARAMETERS: Mapping[str, str] = {
    "LeaseSeconds": "4",
    "RetrySeconds": "1",
    "SettleSeconds": "3",
    "VisibilitySeconds": "2",
    # nobody else calls these vendors, except where a test does
    "MarketoCallsPer20s": "90",
}
#: longer than a lane's lease, the settling of a lost write, a place among a vendor's calls and its rate window
GRAVE_SECONDS = 30.0
LANE = "salesforce-demo"
WORKER = "run_actions"
#: longer than a function goes by the clock as it last saw it
CLOCK_AGE = 0.6
#: life of a Marketo token
TOKEN_SECONDS = 3600.0
#: ends of a lease: before every instant, and after
NOBODY, FOR_GOOD = "0", "9999-01-01T00:00:00.000Z"
#: webhook calls that a Marketo instance makes at the same time
CONNECTIONS = 20
#: calls that the product makes, as fault rules spell them
QUERY = "GET */query"
CREATE = "POST */composite/sobjects"
UPDATE = "PATCH */composite/sobjects"
WRITE_BACK = "POST /rest/v1/leads.json"
ACTIVITY = "POST /rest/v1/activities/external.json"
ACTIVITY_TYPE = "GET /rest/v1/activities/external/type/*"
LOOK_UP = "GET /rest/v1/activities.json"
DESCRIBE = "GET */describe"
IDENTITY = "* /identity/oauth/token"
LOGIN = "* /services/oauth2/token"
#: outcomes that are told to the person in Marketo
TOLD = {"created", "updated", "failed"}
WRITTEN = {"created", "updated"}

_deserializer = TypeDeserializer()
_numbers = count(1)

type Record = dict[str, Any]


class TooLateError(AssertionError):
    """What was waited for did not come about; the text says what was seen instead."""


def wait_for[T](what: str, look: Callable[[], T | None], seconds: float = PATIENCE, every: float = 0.1) -> T:
    """Look until there is something.

    Raises:
        TooLateError: There was nothing within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TooLateError(f"not within {seconds:.0f} s: {what}")
        time.sleep(every)
    return found


class Twin:
    """A vendor simulator seen through its control plane."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._limits = self._get("limits")

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def calm(self) -> None:
        """Switch all faults off and set the limits back."""
        self.post("faults", [])
        self.post("limits", self._limits)

    def post(self, path: str, document: Any = None) -> Any:
        """Change something."""
        answer = self._client.post(f"/_sim/{path}", json=document)
        assert answer.is_success, answer.text
        return answer.json()

    def fault(self, match: str, kind: str, **members: Any) -> None:
        """Add a fault rule."""
        rules = [{k: v for k, v in rule.items() if k != "hits"} for rule in self._get("faults")]
        self.post("faults", [*rules, {"match": match, "kind": kind, **members}])

    def hits(self, number: int = 0) -> int:
        """How often a fault rule has fired; a call held up by `delay` counts from its arrival."""
        return int(self._get("faults")[number]["hits"])

    def set_limit(self, name: str, value: float) -> None:
        """Set one vendor limit."""
        self.post("limits", {name: value})

    def mark(self) -> int:
        """The number of the newest call, for `calls_since`."""
        return int(self._get("calls")["total"])

    def violations(self) -> dict[str, int]:
        """How often each limit was broken."""
        return dict(self._get("calls")["violations"])

    def calls_since(self, mark: int, match: str = "* *") -> list[Record]:
        """Finished calls after a mark that a fault rule with this `match` would match."""
        method, _, path = match.partition(" ")
        pattern = re.compile(f"{re.escape(method)} {re.escape(path)}".replace(r"\*", ".*"))
        log: list[Record] = self._get(f"log?since={mark}")
        return [call for call in log if pattern.fullmatch(f"{call['method']} {call['path']}")]

    def records(self, name: str) -> list[Record]:
        """Every record of an object."""
        found: list[Record] = self._get(f"records/{name}")
        return found

    def load(self, name: str, records: Sequence[Record]) -> list[Any]:
        """Insert records as an administrator; gives their ids."""
        ids: list[Any] = self.post("load", {name: list(records)})[name]
        return ids

    def _get(self, path: str) -> Any:
        answer = self._client.get(f"/_sim/{path}")
        assert answer.is_success, answer.text
        return answer.json()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A Marketo person of one test."""

    lead_id: int
    fields: Mapping[str, str]

    @property
    def email(self) -> str:
        """The address, as both vendors hold it."""
        return self.fields["email"]

    def body(self, **changes: str) -> Record:
        """The webhook body that a campaign sends for the person."""
        return {"lead": {"id": str(self.lead_id), **self.fields, **changes}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """What stands between the functions and everything they call."""

    aws: Wire
    marketo: Wire
    salesforce: Wire

    @property
    def all(self) -> tuple[Wire, ...]:
        """Each of them."""
        return self.aws, self.marketo, self.salesforce


@dataclass(kw_only=True)
class Rig:
    """The stack under test with everything a fault test does to it and sees of it."""

    stack: Stack
    #: where the command line finds this stack and no other
    folder: Path
    wires: Wires
    facts: Record = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    _slugs: Iterator[int] = field(default_factory=lambda: count(1))

    # set-up

    def prepare(self) -> None:
        """Store credentials, upload the certificate, apply and activate the recipes."""
        vendors = {"marketo_url": self.wires.marketo.url, "salesforce_url": self.wires.salesforce.url}
        self.facts = stack_facts(self.stack) | vendors
        file = self.folder / ".local" / "stack.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(self.facts))
        secret = {"LEADBRIDGE_CLIENT_SECRET": self.facts["marketo_client_secret"]}
        self.cli("connections", "secret", "marketo-demo", "--client-id", self.facts["marketo_client_id"], **secret)
        self.salesforce.post("certificate", {"certificate": self.cli("connections", "certificate", LANE)})
        addresses = {
            name.upper(): str(self.facts[name])
            for name in ("marketo_url", "salesforce_url", "salesforce_audience", "salesforce_client_id")
        }
        addresses["SALESFORCE_USERNAME"] = str(self.facts["salesforce_username"])
        self.cli("apply", str(RECIPES / "demo-connections.yaml"), str(RECIPES / f"{ACTION}.yaml"), **addresses)
        self.cli("activate", ACTION)
        self.keys[ACTION] = self.cli("keys", "show", ACTION).strip()

    def apply(self, document: str) -> str:
        """Apply and activate one more Action; gives its id."""
        found = re.search(r"^id: (\S+)$", document, re.MULTILINE)
        assert found is not None
        file = self.folder / f"{found[1]}.yaml"
        file.write_text(document)
        self.cli("apply", str(file))
        self.cli("activate", found[1])
        self.keys[found[1]] = self.cli("keys", "show", found[1]).strip()
        return found[1]

    def cli(self, *arguments: str, **environment: str) -> str:
        """Run the command line as a person would; gives what it prints."""
        settings = {**os.environ, **environment}
        done = COMMANDS.run(arguments, folder=self.folder, environment=settings, seconds=PATIENCE)
        assert done.returncode == 0, f"leadbridge {' '.join(arguments)}: {done.stderr or done.stdout}"
        return done.stdout

    @cached_property
    def marketo(self) -> Twin:
        """The Marketo simulator."""
        return Twin(str(self.stack.simulators["marketo_url"]))

    @cached_property
    def salesforce(self) -> Twin:
        """The Salesforce simulator."""
        return Twin(str(self.stack.simulators["salesforce_url"]))

    @property
    def dynamodb(self) -> Any:
        """The tables."""
        return self.stack.client("dynamodb")

    @property
    def sqs(self) -> Any:
        """The queues."""
        return self.stack.client("sqs")

    def worker_log(self) -> list[str]:
        """Every line that workers have logged."""
        name = self.stack.outputs["RunActionsFunctionName"]
        group = self.stack.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
        pages = self.stack.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"].rstrip() for page in pages for event in page["events"]]

    def calm(self) -> None:
        """Undo what a test did to the vendors and to the workers."""
        for pid in self.workers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.marketo.calm()
        self.salesforce.calm()
        for wire in self.wires.all:
            wire.calm()
        name = self.stack.outputs[FUNCTIONS[WORKER]]
        self.stack.client("lambda").delete_function_concurrency(FunctionName=name)

    def idle(self) -> None:
        """Wait until nothing of an earlier test is left in the lane."""
        self.reached(self.inbox(), "ended", "parked")

    def close(self) -> None:
        """Let go of every connection."""
        self.marketo.close()
        self.salesforce.close()

    # persons and calls

    def persons(self, number: int = 1, **fields: str) -> list[Person]:
        """New persons in Marketo whom nobody else knows."""
        slug = next(self._slugs)
        told = [
            {
                "email": f"person.{slug}.{index}@example.com",
                "firstName": f"Fay {index}",
                "lastName": f"Fault {slug}",
                "company": "Example Ltd",
                **fields,
            }
            for index in range(number)
        ]
        ids = self.marketo.load("leads", told)
        return [Person(lead_id=int(id_), fields=each) for id_, each in zip(ids, told, strict=True)]

    def person(self, **fields: str) -> Person:
        """One new person in Marketo."""
        return self.persons(1, **fields)[0]

    def post(self, body: Record, action: str = ACTION) -> httpx.Response:
        """Call the webhook once, as a campaign would, on a connection of its own."""
        headers = {"X-Leadbridge-Key": self.keys[action]}
        # plain http, so nothing to verify; without this each client reads every certificate of the machine
        with httpx.Client(timeout=PATIENCE, trust_env=False, verify=False) as web:
            return web.post(f"{self.stack.webhook_url}/{action}", json=body, headers=headers)

    def send(self, *persons: Person, action: str = ACTION) -> list[str]:
        """Call the webhook for persons, one after the other; gives the execution ids."""
        return [accepted(self.post(person.body(), action)) for person in persons]

    def send_at_once(self, bodies: Sequence[Record], action: str = ACTION) -> list[str]:
        """Call the webhook with all bodies, as many at a time as a campaign does; gives the execution ids."""

        def one(body: Record) -> httpx.Response:
            return self.post(body, action)

        with ThreadPoolExecutor(CONNECTIONS) as pool:
            # the first answers of a cold receiver take seconds here: twenty calls that are no calls warm them
            list(pool.map(one, [{}] * CONNECTIONS))
            return [accepted(answer) for answer in pool.map(one, bodies)]

    def message(self, person: Person, **changes: Any) -> Record:
        """A message of the queue as the receiving function writes it (version 1, docs/webhook.md)."""
        now = httpx.get(f"{self.marketo.url}/_sim/clock", trust_env=False).json()["now"]
        identity = f"{next(_numbers):032x}"
        return {
            "v": 1,
            "kind": "event",
            "execution_id": identity,
            "action_id": ACTION,
            "received_at": now,
            "sequence": f"{int(time.time() * 1000):014d}#{identity}",
            "header_names": [],
            "payload": person.body(),
            "reason": "",
            **changes,
        }

    def enqueue(self, body: str) -> None:
        """Put a message on the queue."""
        self.sqs.send_message(QueueUrl=self.stack.outputs["EventsQueueUrl"], MessageBody=body)

    def enqueue_from_dead_letters(self, body: str) -> None:
        """Put a message on the dead-letter queue and move it back, as a redrive of that queue does."""
        dead = self.stack.outputs["EventsDeadLetterQueueUrl"]
        self.sqs.send_message(QueueUrl=dead, MessageBody=body)
        for message in self.sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get("Messages", []):
            self.enqueue(message["Body"])
            self.sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])

    def queued(self, queue: str = "EventsQueueUrl") -> int:
        """Messages in a queue, visible, being read or delayed."""
        names = [f"ApproximateNumberOfMessages{how}" for how in ("", "NotVisible", "Delayed")]
        found = self.sqs.get_queue_attributes(QueueUrl=self.stack.outputs[queue], AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    # what became of them

    def execution(self, execution_id: str) -> Record | None:
        """The log item of one execution."""
        key = {"pk": {"S": f"execution#{execution_id}"}, "sk": {"S": "log"}}
        found = self.dynamodb.get_item(
            TableName=self.stack.outputs["ExecutionsTableName"], Key=key, ConsistentRead=True
        )
        return _plain(found["Item"]) if "Item" in found else None

    def executions_of(self, person: Person) -> list[str]:
        """The ids of all executions of a person, whether or not their callers learned of them."""
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=self.stack.outputs["ExecutionsTableName"],
            FilterExpression="sk = :log AND lead_id = :lead",
            ExpressionAttributeValues={":log": {"S": "log"}, ":lead": {"S": str(person.lead_id)}},
            ConsistentRead=True,
        )
        return [item["execution_id"]["S"] for page in pages for item in page["Items"]]

    def inbox(self) -> dict[str, Record]:
        """What waits in the lane, by execution id."""
        found = self.dynamodb.query(
            TableName=self.stack.outputs["ExecutionsTableName"],
            KeyConditionExpression="pk = :lane",
            ExpressionAttributeValues={":lane": {"S": f"lane#{LANE}"}},
            ConsistentRead=True,
        )
        return {item["execution_id"]: item for item in map(_plain, found["Items"])}

    def reached(self, ids: Iterable[str], *states: str, seconds: float = PATIENCE) -> list[Record]:
        """Wait until every execution has been in one of the states; the schedule's sweep runs every three seconds."""
        wanted = list(ids)
        there: list[Record] = []

        def look() -> bool:
            # one after the other: the emulator shares the processor with what is under test
            while len(there) < len(wanted):
                item = self.execution(wanted[len(there)])
                if item is None or item["state"] not in states:
                    break
                there.append(item)
            return len(there) == len(wanted)

        try:
            self.swept_until(f"{len(wanted)} executions {' or '.join(states)}", look, seconds)
        except TooLateError as error:
            left = [self.execution(each) for each in wanted[len(there) :]]
            raise TooLateError(f"{error}; {left[:3]}") from None
        return there

    def swept_until(self, what: str, look: Callable[[], bool], seconds: float = PATIENCE, every: float = 0.25) -> None:
        """Look until it is so while the schedule comes every three seconds: a ring may find a lane not yet free.

        Raises:
            TooLateError: It was not so within `seconds`; the text ends with what the workers logged.
        """
        swept = time.monotonic()

        def there() -> bool:
            nonlocal swept
            if time.monotonic() - swept > 3:
                self.sweep()
                swept = time.monotonic()
            return look()

        try:
            wait_for(what, there, seconds, every)
        except TooLateError as error:
            logs = "\n".join(line for line in self.worker_log()[-60:] if not line.startswith('{"_aws"'))
            raise TooLateError(f"{error}; {self.inbox()}\n{logs}") from None

    def ended(self, ids: Iterable[str], seconds: float = PATIENCE) -> list[Record]:
        """Wait until every execution has ended; gives their log items in order."""
        return self.reached(ids, "ended", seconds=seconds)

    def sweep(self) -> list[str]:
        """What the schedule does once a minute; gives the lanes that were rung for.

        While the wire refuses requests a sweep may fail; the schedule comes again, and so must the caller.
        """
        answer = self.stack.client("lambda").invoke(FunctionName=self.stack.outputs["SweepFunctionName"])
        report: Record = json.load(answer["Payload"])
        if "FunctionError" in answer and self.wires.aws.refuses:
            return []
        assert "FunctionError" not in answer, report
        return list(report["lanes"])

    def ring(self) -> None:
        """Start a worker, as whoever stores a call does."""
        payload = json.dumps({"v": 1, "lane": LANE}).encode()
        name = self.stack.outputs[FUNCTIONS[WORKER]]
        self.stack.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=payload)

    def leads(self, email: str) -> list[Record]:
        """Salesforce Leads with an address, compared as Salesforce does."""
        return [
            record
            for record in self.salesforce.records("Lead")
            if str(record["Email"]).lower() == email.strip().lower()
        ]

    def lead(self, email: str) -> Record:
        """The one Salesforce Lead with an address."""
        found = self.leads(email)
        assert len(found) == 1, f"{len(found)} Leads with {email}"
        return found[0]

    def told(self) -> Counter[str]:
        """How many custom activities in Marketo carry each execution id."""
        found: Counter[str] = Counter()
        for record in self.marketo.records("activities"):
            for attribute in record.get("attributes", []):
                if attribute.get("name") == "Execution Id":
                    found[str(attribute["value"])] += 1
        return found

    def whole(self, person: Person, *ids: str) -> list[Record]:
        """Assert that nothing was lost and nothing doubled for one person; gives the ended executions.

        One outcome for each call and nothing left of it in the inbox, one Lead, one activity for each call that
        is told, and the Lead's Id at the person.
        """
        items = self.ended(ids)
        assert not self.inbox().keys() & set(ids)
        lead, told = self.lead(person.email), self.told()
        for item in items:
            assert told[item["execution_id"]] == int(item["outcome"] in TOLD), item
            if item["outcome"] in WRITTEN:
                assert item["salesforce_id"] == lead["Id"]
                assert item["writeback"]["status"] == "written"
                assert item["activity"]["status"] == "added"
        stored = next(each for each in self.marketo.records("leads") if each["id"] == person.lead_id)
        assert (stored["salesforceId"], stored["leadbridgeStatus"]) == (lead["Id"], "Synced")
        return items

    # sharp tools

    def workers(self, function: str = WORKER) -> list[int]:
        """The processes that run a function, busy or idle."""
        return self.stack.worker_pids(function)

    def kill(self, number: int = signal.SIGKILL, function: str = WORKER) -> list[int]:
        """Send a signal to every process of a function; gives their ids."""
        pids = self.workers(function)
        assert pids, "there is no worker to send a signal to"
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return pids

    def one_at_a_time(self) -> None:
        """Until `calm`, have a ring refused while a worker runs.

        Otherwise a sweep that comes while the first one still starts would start a second process.
        """
        name = self.stack.outputs[FUNCTIONS[WORKER]]
        self.stack.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)

    def one_worker(self) -> None:
        """Have exactly one worker, now and until `calm`, which has worked before and holds fresh tokens."""
        # Marketo hands out the same token until it ends, which must not be in the middle of a test
        self.advance(TOKEN_SECONDS)
        self.one_at_a_time()

        def warm() -> bool:
            if self.workers():
                self.kill()
            self.ended(self.send(self.person()))
            return len(self.workers()) == 1

        wait_for("a single worker", warm)

    def bury(self) -> None:
        """Let the time go by after which nothing is left of a dead worker and a lost write must show."""
        self.advance(GRAVE_SECONDS)
        self.sweep()

    @contextmanager
    def lane_closed(self) -> Iterator[None]:
        """While open, calls are stored and nobody drains; afterwards the lane is free, and nobody has rung."""
        wait_for("a free lane", self._take_lane)
        try:
            yield
        finally:
            self._change_lane("SET lease_until = :nobody REMOVE rung_until", **{":nobody": NOBODY})

    def held_up(self, vendor: Twin) -> None:
        """Wait until a worker waits for the call that the first fault rule of a vendor delays."""
        self.swept_until("a worker that waits for the vendor", lambda: vendor.hits() > 0)

    def stored(self, ids: Iterable[str]) -> None:
        """Wait until every call stands in the inbox and nobody is about to ring for one."""
        wanted = set(ids)
        try:
            wait_for("calls in the inbox", lambda: wanted <= self.inbox().keys())
        except TooLateError as error:
            missing = wanted - self.inbox().keys()
            seen = {each: (self.execution(each) or {}).get("state") for each in missing}
            queues = self.queued(), self.queued("EventsDeadLetterQueueUrl")
            raise TooLateError(f"{error}; {seen}; queued and dead: {queues}\n{self.stack.emulator_log()}") from None
        wait_for("an empty queue", lambda: self.queued() == 0)

    def at_once(self, *persons: Person) -> list[str]:
        """Send persons so that the next worker finds them in one batch, and start it."""
        with self.lane_closed():
            ids = self.send(*persons)
            self.stored(ids)
        self.sweep()
        return ids

    def advance(self, seconds: float) -> None:
        """Move the clock that both vendors and the functions follow, and wait until nobody goes by the old one.

        A worker that did would take a lease that is over for everybody else, and be held for dead.
        """
        self.marketo.post("clock", {"advance_seconds": seconds})
        time.sleep(CLOCK_AGE)

    def _take_lane(self) -> bool:
        """Take the lease as a worker does, for good; False while a worker has it."""
        now = httpx.get(f"{self.marketo.url}/_sim/clock", trust_env=False).json()["now"]
        with suppress(self.dynamodb.exceptions.ConditionalCheckFailedException):
            self._change_lane(
                "SET lease_until = :until, epoch = if_not_exists(epoch, :zero) + :one",
                condition="attribute_not_exists(lease_until) OR lease_until < :now",
                **{":until": FOR_GOOD, ":now": now, ":zero": 0, ":one": 1},
            )
            return True
        return False

    def _change_lane(self, expression: str, condition: str = "", **values: str | int) -> None:
        conditional = {"ConditionExpression": condition} if condition else {}
        self.dynamodb.update_item(
            TableName=self.stack.outputs["StateTableName"],
            Key={"pk": {"S": "lane"}, "sk": {"S": LANE}},
            UpdateExpression=expression,
            ExpressionAttributeValues={
                name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in values.items()
            },
            **conditional,
        )


def accepted(answer: httpx.Response) -> str:
    """The execution id of a call that was accepted."""
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["status"] == "accepted", document
    return str(document["execution_id"])


def _plain(item: Mapping[str, Any]) -> Record:
    return {name: _deserializer.deserialize(value) for name, value in item.items()}
