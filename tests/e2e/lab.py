"""What the e2e tests hold in their hands: the deployed stack, both simulators' control planes, the command line.

Everything is seen from outside. Nothing of `leadbridge` is imported.
"""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from boto3.dynamodb.types import TypeDeserializer

from devstack.demo import COMMAND_SECONDS, STACK_FILE_SETTING
from devstack.stack import ROOT, Stack
from tests.commands import COMMANDS
from tests.e2e.actions import RESULT_TYPE

#: long enough for a machine that is busy with other things; a test that waits this long has failed
PATIENCE = 120.0
#: each look costs the processor as much as a call of the one under test
POLL_SECONDS = 0.2
#: between two sweeps of a test that waits for one
SWEEP_SECONDS = 3.0
#: how old the functions' copy of the simulators' clock may be, and a bit
CLOCK_AGE_SECONDS = 0.6
FINAL = frozenset({"ended", "rejected", "not_run", "parked"})

_deserializer = TypeDeserializer()

type Record = dict[str, Any]


def wait_for[T](what: str, look: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """Look until there is something.

    Raises:
        AssertionError: There was nothing in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(POLL_SECONDS)
    return found


@dataclass(frozen=True, slots=True)
class Twin:
    """A vendor simulator seen through its control plane."""

    url: str
    client: httpx.Client

    def get(self, path: str) -> Any:
        """Read something."""
        answer = self.client.get(f"{self.url}/_sim/{path}")
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, path: str, document: Any) -> Any:
        """Change something."""
        answer = self.client.post(f"{self.url}/_sim/{path}", json=document)
        assert answer.is_success, answer.text
        return answer.json()

    def load(self, name: str, *records: Record) -> list[Any]:
        """Insert records as an administrator; gives their ids."""
        ids: list[Any] = self.post("load", {name: list(records)})[name]
        return ids

    def records(self, name: str, **having: str | int) -> list[Record]:
        """Every record of an object, or those whose fields read so: thousands of others are not sent at each look."""
        found: list[Record] = self.get(f"records/{name}{'?' if having else ''}{urlencode(having)}")
        return found

    def mark(self) -> int:
        """The number of the newest call, for `calls_since`."""
        return int(self.get("calls")["total"])

    def calls_since(self, mark: int, about: str = "") -> list[Record]:
        """Calls after a mark; those that name a record key, if one is given."""
        log: list[Record] = self.get(f"log?since={mark}")
        wanted = about.casefold()
        return [call for call in log if not about or wanted in {str(key).casefold() for key in call["record_keys"]}]

    def now(self) -> datetime:
        """The time on the simulators' clock."""
        return datetime.fromisoformat(self.get("clock")["now"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A Marketo person of one test."""

    lead_id: int
    fields: Mapping[str, Any]

    @property
    def email(self) -> str:
        """The address."""
        return str(self.fields["email"])

    def body(self, *, campaign: Record | None = None, token: Record | None = None, **changes: Any) -> Record:
        """The webhook body that a campaign sends for the person; a member of None is left out."""
        lead = {"id": str(self.lead_id), **self.fields, **changes}
        body: Record = {"lead": {name: value for name, value in lead.items() if value is not None}}
        return body | ({"campaign": campaign} if campaign else {}) | ({"token": token} if token else {})


@dataclass(kw_only=True)
class Lab:
    """The stack of the session with everything the tests do to it and see of it."""

    stack: Stack
    facts: Record
    folder: Path
    marketo: Twin
    salesforce: Twin
    web: httpx.Client
    #: personal values that were sent, for the tests that look for them where they must not be
    told: set[str] = field(default_factory=set)
    #: every answer of the webhook in this session
    answers: list[httpx.Response] = field(default_factory=list)
    #: accepted while the Action `sleeper` was inactive
    asleep: list[tuple[Person, Record]] = field(default_factory=list)
    #: id of the Marketo program that Actions name
    program: int = 0
    _slugs: Iterator[int] = field(default_factory=lambda: count(1))

    # persons and calls

    def person(self, **fields: Any) -> Person:
        """A new person in Marketo whom no other test knows; a field of None is left out."""
        return self.persons(1, **fields)[0]

    def persons(self, number: int, **fields: Any) -> list[Person]:
        """New persons in Marketo."""
        made = []
        for _ in range(number):
            slug = f"{next(self._slugs):03}"
            told = {
                "email": f"quillon.{slug}@example.com",
                "firstName": f"Quillon{slug}",
                "lastName": f"Vexley{slug}",
                "company": "Example Ltd",
                **fields,
            }
            made.append({name: value for name, value in told.items() if value is not None})
        ids = self.marketo.load("leads", *made)
        for record in made:
            self.told |= {record[name] for name in ("email", "firstName", "lastName") if record.get(name)}
        return [Person(lead_id=int(one), fields=record) for one, record in zip(ids, made, strict=True)]

    def edit_person(self, number: int, **values: str) -> None:
        """Change a person as another client of the Marketo instance does."""
        known = self.stack.simulators["marketo_credentials"]
        login = {
            "grant_type": "client_credentials",
            "client_id": known["other_client_id"],
            "client_secret": known["other_client_secret"],
        }
        token = self.web.post(f"{self.marketo.url}/identity/oauth/token", params=login).json()["access_token"]
        document = {"action": "updateOnly", "lookupField": "id", "input": [{"id": number, **values}]}
        bearer = {"Authorization": f"Bearer {token}"}
        answer = self.web.post(f"{self.marketo.url}/rest/v1/leads.json", json=document, headers=bearer)
        assert answer.json()["result"][0]["status"] == "updated", answer.text

    def key(self, action: str, generation: str = "") -> str:
        """The webhook key of an Action, worked out here from the stored secret; `previous` gives the older one."""
        client = self.stack.client("secretsmanager")
        secret = json.loads(client.get_secret_value(SecretId=self.stack.outputs["WebhookSecretArn"])["SecretString"])
        secret = secret[generation] if generation else secret
        text = f"{action}:{secret['generation']}"
        digest = hmac.new(secret["key"].encode(), text.encode(), hashlib.sha256).digest()
        return f"v{secret['generation']}." + base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def post(self, action: str, content: bytes, *, key: str | None = None, **headers: str) -> httpx.Response:
        """Send a body to the webhook as it is."""
        sent = {"Content-Type": "application/json", "X-Leadbridge-Key": self.key(action) if key is None else key}
        answer = self.web.post(f"{self.stack.webhook_url}/{action}", content=content, headers=sent | headers)
        self.answers.append(answer)
        return answer

    def call(self, action: str, body: Any, *, key: str | None = None) -> httpx.Response:
        """Call the webhook once, as a campaign would."""
        return self.post(action, json.dumps(body, ensure_ascii=False).encode(), key=key)

    def send(self, action: str, *bodies: Record) -> list[str]:
        """Call the webhook with bodies, one after the other; gives the execution ids."""
        key = self.key(action)
        return [accepted(self.call(action, body, key=key)) for body in bodies]

    def send_at_once(self, action: str, bodies: Sequence[Record]) -> list[str]:
        """Call the webhook with bodies in parallel; gives the execution ids."""
        key = self.key(action)
        with ThreadPoolExecutor(len(bodies)) as pool:
            return [accepted(answer) for answer in pool.map(lambda body: self.call(action, body, key=key), bodies)]

    def run(self, action: str, *bodies: Record) -> list[Record]:
        """Call the webhook with bodies and wait for their ends; gives the stored executions."""
        return self.ended(self.send(action, *bodies))

    # what became of them

    def ended(self, ids: Sequence[str], *, swept: bool = False) -> list[Record]:
        """Wait until executions have come to rest, `swept` or not; gives them as they are stored."""
        found: list[Record] = []

        def all_rest() -> bool:
            # one after the other: the emulator shares the processor with what is under test
            while len(found) < len(ids):
                item = self.stored(ids[len(found)])
                if item.get("state") not in FINAL:
                    return False
                found.append(item)
            return True

        try:
            (self.swept_until if swept else wait_for)("the executions come to rest", all_rest)
        except AssertionError as late:
            left = [self.stored(one) for one in ids[len(found) :]]
            raise AssertionError(
                f"{late}: {left[:3]}\n{''.join(self.stack.function_logs('run_actions')[-30:])}"
            ) from None
        return found

    def stored(self, execution_id: str, part: str = "log") -> Record:
        """One stored part of an execution: its `log` or its `payload`; empty if there is none."""
        answer = self.stack.client("dynamodb").get_item(
            TableName=self.stack.outputs["ExecutionsTableName"],
            Key={"pk": {"S": f"execution#{execution_id}"}, "sk": {"S": part}},
            ConsistentRead=True,
        )
        return {name: _deserializer.deserialize(value) for name, value in answer.get("Item", {}).items()}

    def leads(self, email: str) -> list[Record]:
        """The Salesforce Leads with an e-mail address."""
        return self.salesforce.records("Lead", Email=email.strip())

    def lead(self, record_id: str) -> Record:
        """One Salesforce Lead."""
        return next(each for each in self.salesforce.records("Lead", Id=record_id) if each["Id"] == record_id)

    def marketo_lead(self, person: Person) -> Record:
        """A person as Marketo holds it now."""
        [found] = self.marketo.records("leads", id=person.lead_id)
        return found

    def results(self, person: Person) -> list[Record]:
        """The result activities of a person: the primary value, and the attributes by name."""
        return [
            {"value": each["primaryAttributeValue"]} | {item["name"]: item["value"] for item in each["attributes"]}
            for each in self.marketo.records("activities", activityTypeId=RESULT_TYPE, leadId=person.lead_id)
        ]

    def writes_since(self, mark: int, about: str) -> list[Record]:
        """Calls that wrote a record to Salesforce."""
        return [call for call in self.salesforce.calls_since(mark, about) if call["method"] in {"POST", "PATCH"}]

    def swept_until[T](self, what: str, look: Callable[[], T | None]) -> T:
        """Look until there is something while the sweep comes every three seconds, for tests that are not about its
        schedule, which comes once a minute.
        """
        swept = 0.0

        def looked() -> T | None:
            nonlocal swept
            if time.monotonic() - swept > SWEEP_SECONDS:
                answer = self.stack.client("lambda").invoke(FunctionName=self.stack.outputs["SweepFunctionName"])
                assert "FunctionError" not in answer, answer["Payload"].read()
                swept = time.monotonic()
            return look()

        return wait_for(what, looked)

    # the command line

    def cli(self, *arguments: str, **environment: str) -> str:
        """Run the command line as a person would; gives what it prints."""
        done = self._command(arguments, environment)
        assert done.returncode == 0, f"leadbridge {' '.join(arguments)}: {done.stderr or done.stdout}"
        return done.stdout

    def cli_fails(self, *arguments: str) -> str:
        """Run the command line where it must refuse; gives what it says."""
        done = self._command(arguments, {})
        assert done.returncode == 1, done.stdout
        assert done.stdout == ""
        return done.stderr

    def json(self, *arguments: str) -> Any:
        """Run the command line with `--json`."""
        return json.loads(self.cli(*arguments, "--json"))

    def file(self, name: str, text: str) -> str:
        """Write a file for the command line; gives its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def _command(self, arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        settings = {**os.environ, STACK_FILE_SETTING: self.facts["stack_file"], **environment}
        return COMMANDS.run(arguments, folder=ROOT, environment=settings, seconds=COMMAND_SECONDS)

    # the clock

    def advance_to(self, moment: datetime) -> None:
        """Move the simulators' clock on to a moment, and wait until the functions have noticed.

        It is reached, not passed, when this returns: the time that the functions may take is part of it.
        """
        rest = moment - timedelta(seconds=CLOCK_AGE_SECONDS)
        if self.marketo.now() < rest:
            self.marketo.post("clock", {"set": rest.isoformat()})
        wait_for("the clock", lambda: self.marketo.now() >= moment)


def accepted(answer: httpx.Response) -> str:
    """The execution id of an accepted call."""
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "accepted", answer.text
    return str(answer.json()["execution_id"])


def since(text: str) -> datetime:
    """An instant as the product and the simulators write it."""
    return datetime.fromisoformat(text)
