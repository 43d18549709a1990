"""One run through everything that can go wrong, with values that nobody else uses, and a record of what came back.

Vendors repeat values in their refusals, bodies are broken, workers die, logins fail, people mistype commands. The
story itself asserts little: only that each thing really went wrong, since a scan of a run without faults proves
nothing.
"""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from devstack.stack import FUNCTIONS, ROOT
from tests.commands import COMMANDS
from tests.fault.leaks import cycles, doors, places
from tests.fault.leaks.scanner import Canary, Declared, Leak, Place, scan
from tests.fault.rig import ACTIVITY, CREATE, LANE, PATIENCE, QUERY, UPDATE, WRITE_BACK, Person, Rig, wait_for

MARKETO_LOGIN = "POST /identity/oauth/token"
SALESFORCE_LOGIN = "POST */services/oauth2/token"

STEM = "quixotl.vernier"
FIELDS: Mapping[str, str] = {
    "firstName": "Zörblätt-Quine",
    "lastName": 'O\'Xylander "Öx" & Söhne',
    "company": "Frobnitz & Würmli <GmbH> 100%",
    "phone": "+49 170 555 0199",
    "title": "Oberspökenkiekerin",
}
OFFER = "offer-7Kq/9+zz==(x*)"
CAMPAIGN = "Autumn campaign"
#: what a person types into a message that has nothing to do with the vendor's own words
SECRETS: Mapping[str, str] = {
    "wrong webhook key": "v1.wR0ngKey-7f3_QmXcLbTzYpUeVd",
    "Marketo token": "mKto9Token4Canary7Zq",
    "Salesforce session": "sfSess10nCanary8Wx",
    "mistyped secret": "pAst3dInTheWr0ngPlace",
}

#: so that a bulk job ends in seconds of the real clock
SOON: Mapping[str, float] = {"job_refresh_seconds": 0, "export_run_seconds": 1, "import_run_seconds": 1}
ISO = "%Y-%m-%dT%H:%M:%SZ"

IMPORTS = """\
format: 1
kind: action
id: leak-imports
name: Leak imports
destination: {connection: marketo-demo, operation: import_leads, lookup_field: twitterId}
mappings:
  - {column: email, to: email}
  - {column: lastName, to: lastName}
  - {column: twitterId, to: twitterId}
batch: {count: 2}
"""
LEAKY = """\
format: 1
kind: action
id: leak-probe
name: Leak probe
source: {connection: marketo-demo, table: leads}
destination: {connection: salesforce-demo, object: Lead}
identifier: {column: email, field: Email}
type: upsert
conditions:
  match: all
  clauses:
    - {column: leadStatus, operator: not_equals, value: Disqualified}
mappings:
  - {column: email, to: Email}
  - {column: firstName, to: FirstName}
  - {column: lastName, to: LastName}
  - {column: company, to: Company}
  - {column: phone, to: Phone}
  - {column: title, to: Title}
  - {column: token.offer, to: Description}
writeback:
  - {field: Id, to: salesforceId}
  - {static: Synced, to: leadbridgeStatus}
results:
  activity: leadbridgeResult
  success: Success
  errored: Error
  execution_attribute: executionId
  mappings:
    - {execution: salesforce_id, to: salesforceId}
    - {execution: message, to: message}
"""

#: a person's title is no number, so that a row fails
SYNC = """\
format: 1
kind: sync
id: leak-sync
name: Leak sync
source: {connection: salesforce-demo, object: Contact}
destination: {connection: marketo-demo, object: leads}
match: [{column: Email, field: email}]
import: create_and_update
dedupe: youngest
extraction: full
schedule: {every: {hours: 20}, start: "%(start)s"}
mappings:
  - {column: Email, to: email}
  - {column: LastName, to: lastName}
  - {column: Title, to: leadScore}
"""
#: a person who becomes a new Contact, under the guards of Actions, and one whose Contact is there
BACK = """\
format: 1
kind: sync
id: leak-back
name: Leak back
source: {connection: marketo-demo, object: leads}
destination: {connection: salesforce-demo, object: Contact}
match: [{column: email, field: Email}]
import: create_and_update
dedupe: import_everything
extraction: full
guard: {changed_percent: 100}
conditions:
  clauses: [{column: rating, operator: equals, value: Back}]
mappings:
  - {column: email, to: Email}
  - {column: lastName, to: LastName}
"""
#: two people become calls of an Action
AUDIENCE = """\
format: 1
kind: sync
id: leak-audience
name: Leak audience
source: {connection: salesforce-demo, object: Contact}
destination: {connection: marketo-demo, object: action, action: leak-imports}
match: [{column: Id, field: twitterId}]
import: create
dedupe: import_everything
extraction: full
conditions:
  clauses: [{column: Department, operator: equals, value: Audience}]
mappings:
  - {column: Id, to: twitterId}
  - {column: Email, to: email}
  - {column: LastName, to: lastName}
"""


@dataclass(kw_only=True)
class Story:
    """What happened, and everything it left behind outside of the account."""

    rig: Rig
    action: str = ""
    #: answers of the webhook, outputs of commands, command lines of processes
    seen: list[Place] = field(default_factory=list)
    canaries: list[Canary] = field(default_factory=list)
    #: executions by what went wrong
    ended: dict[str, list[str]] = field(default_factory=dict)
    kept: dict[str, list[str]] = field(default_factory=dict)
    #: what an org's outbound messages are signed with: the last part of their address
    outbound_key: str = ""
    #: addresses of a Lead and of a person whom a cycle takes to the other side
    cycled: tuple[str, str] = ("", "")
    #: ids in Marketo of who has a claim, and of who is in the list of a chunk
    to_forget: list[int] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000)))

    # the means

    def values(self, **changes: str) -> dict[str, str]:
        """What somebody new is told by, every value a canary."""
        return {"email": f"{STEM}.{next(self._numbers)}@example.org", **FIELDS, **changes}

    def person(self, **changes: str) -> Person:
        """A new person whose every value is a canary."""
        told = self.values(**changes)
        (lead_id,) = self.rig.marketo.load("leads", [told])
        return Person(lead_id=int(lead_id), fields=told)

    def leaky(self, action: str) -> str:
        """The document of another Action, which reads nothing but the person."""
        return LEAKY.replace("leak-probe", action).replace("  - {column: token.offer, to: Description}\n", "")

    def body(self, person: Person) -> dict[str, Any]:
        """What the campaign sends."""
        return person.body() | {"campaign": {"id": "1001", "name": CAMPAIGN}, "token": {"offer": OFFER}}

    def call(self, content: bytes, *, key: str | None = None, path: str = "", **headers: str) -> dict[str, Any]:
        """Call the webhook and note the whole answer."""
        sent = {"Content-Type": "application/json", "X-Leadbridge-Key": self.rig.keys[self.action], **headers}
        if key is not None:
            sent["X-Leadbridge-Key"] = key
        with httpx.Client(timeout=PATIENCE, trust_env=False, verify=False) as web:
            answer = web.post(f"{self.rig.stack.webhook_url}/{path or self.action}", content=content, headers=sent)
        text = f"{answer.status_code}\n{dict(answer.headers)}\n{answer.text}"
        self.seen.append(Place(f"answer/{len(self.seen)}", text.encode()))
        document: dict[str, Any] = answer.json() | {"http": answer.status_code}
        return document

    def send(self, *persons: Person) -> list[str]:
        """Call the webhook for persons; gives the execution ids."""
        answers = [self.call(json.dumps(self.body(person)).encode()) for person in persons]
        assert {answer["status"] for answer in answers} == {"accepted"}, answers
        return [answer["execution_id"] for answer in answers]

    def cli(self, *arguments: str, code: int = 0, **environment: str) -> str:
        """Run a command that must end with a code; both its outputs are noted."""
        settings = {**os.environ, "COLUMNS": "400", **environment}
        done = COMMANDS.run(arguments, folder=self.rig.folder, environment=settings, seconds=PATIENCE)
        # the words of the command, not what was given to it
        words = " ".join(arguments[: 2 if arguments[0] in {"keys", "connections"} else 1])
        name = f"command/{words}/{len(self.seen)}"
        self.seen += [Place(f"{name}/stdout", done.stdout.encode()), Place(f"{name}/stderr", done.stderr.encode())]
        assert done.returncode == code, f"{arguments}: {done.returncode} {done.stdout} {done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    def until(self, what: str, ids: list[str], *states: str) -> list[dict[str, Any]]:
        """Wait for executions and remember what they are examples of."""
        items = self.rig.reached(ids, *states)
        for item in items:
            (self.ended if item["state"] == "ended" else self.kept).setdefault(what, []).append(item["execution_id"])
        return items

    # what is looked at, and for what

    @property
    def declared(self) -> list[Declared]:
        """The places that hold values on purpose."""
        open_ones = [
            Declared(f"table/Executions/execution#{each}/payload/*", "personal", "kept for a redrive, expiring")
            for ids in self.kept.values()
            for each in ids
        ]
        return [
            *open_ones,
            Declared("queue/EventsDeadLetterQueueUrl/*/body", "personal", "killed the intake, expires in 14 days"),
            Declared("s3/*/bulk/*", "personal", "files of bulk runs, expiring"),
            Declared("s3/*/sync/*", "personal", "files of runs of Syncs, expiring"),
            Declared("s3/*/cycle/*", "personal", "files of runs of cycles, expiring"),
            Declared("secret/*/value", "secret", "Secrets Manager is where they live"),
            Declared("command/keys show/*/stdout", "secret", "the person asked for it", "webhook key*"),
            Declared("folder/.local/stack.json", "secret", "the local stack's file for scripts", "Marketo secret"),
            Declared("folder/*.yaml", "*", "written by the user"),
        ]

    def places(self) -> Iterator[Place]:
        """Everything that was written."""
        yield from places.of_stack(self.rig.stack)
        yield from self.seen
        yield from places.files("folder", self.rig.folder)
        # the simulators' own log is the vendors', and the permissions log holds actions and resources of the account
        yield from places.files("stack", self.rig.stack.log_dir, "simulators.log")
        yield from places.files("local", ROOT / ".local", "ministack", "sam", "uv", "build", "report")

    @cached_property
    def left(self) -> list[Place]:
        """Everything that was written by the time of the first look."""
        return list(self.places())

    def leaks(self) -> list[Leak]:
        """What is where it must not be."""
        return scan(self.left, self.canaries, self.declared)


def tell(rig: Rig) -> Story:
    """Run through everything."""
    story = Story(rig=rig)
    with watched_processes(story):
        for chapter in (
            _plant,
            _good_calls,
            _inline_calls,
            _bulk_runs,
            _imports,
            _sync_runs,
            _created_beside_actions,
            doors.outbound_messages,
            _handed_over,
            cycles.begun,
            _unusable_bodies,
            _strangers,
            cycles.went_on,
            _refused_records,
            _refused_calls,
            _refused_logins,
            _dead_workers,
            _unreadable_messages,
            _calls_that_do_not_run,
            _broken_secret,
            doors.flow_steps,
            doors.recovered_calls,
            doors.admin_requests,
            doors.alerts,
            _commands,
            _mistakes,
        ):
            chapter(story)
    return story


def _plant(story: Story) -> None:
    rig = story.rig
    story.action = rig.apply(LEAKY)
    client = rig.stack.client("secretsmanager")

    def secret(name: str) -> dict[str, Any]:
        text = client.get_secret_value(SecretId=rig.stack.outputs[name])["SecretString"]
        document: dict[str, Any] = json.loads(text)
        return document

    hidden = {
        "master key": secret("WebhookSecretArn")["key"],
        "index key": secret("IndexKeySecretArn")["key"],
        "Marketo secret": rig.facts["marketo_client_secret"],
        "webhook key": rig.keys[story.action],
        **SECRETS,
    }
    personal = {"e-mail": STEM, **FIELDS, "token value": OFFER}
    story.canaries = [
        *(Canary(name, value, "secret") for name, value in hidden.items()),
        *(Canary(name, value) for name, value in personal.items()),
    ]


def _good_calls(story: Story) -> None:
    person, other = story.person(), story.person()
    story.until("created", story.send(person, other), "ended")
    (updated,) = story.until("updated", story.send(person), "ended")
    assert updated["outcome"] == "updated"


def _inline_calls(story: Story) -> None:
    """Calls that are run while the caller waits: written, skipped, doubled, refused by the key, left to the queue."""
    rig, queued = story.rig, story.action
    action = rig.apply(
        LEAKY.replace("leak-probe", "leak-inline").replace("type: upsert", "inline: {budget_seconds: 20}\ntype: upsert")
    )
    story.canaries.append(Canary("webhook key (inline)", rig.keys[action], "secret"))

    def call(person: Person, to: str = action, key: str = "", **members: Any) -> dict[str, Any]:
        content = json.dumps(story.body(person) | members).encode()
        return story.call(content, key=key or rig.keys[to], path=f"{to}/inline")

    person = story.person()
    written = call(person, event_id="inline-1")
    assert (written["status"], written["outcome"]) == ("done", "created"), written
    skipped = call(story.person(leadStatus="Disqualified"))
    assert (skipped["status"], skipped["outcome"]) == ("done", "skipped"), skipped
    with_id_alone = call(story.person(), lead={"id": str(story.person().lead_id)})
    assert (with_id_alone["status"], with_id_alone["outcome"]) == ("done", "created"), with_id_alone
    story.to_forget.append(person.lead_id)
    story.until("inline", [written["execution_id"], skipped["execution_id"], with_id_alone["execution_id"]], "ended")
    doubled = call(person, event_id="inline-1")
    assert (doubled["status"], doubled["outcome"]) == ("done", "duplicate"), doubled
    assert call(person, key=SECRETS["wrong webhook key"])["http"] == 401
    left = call(story.person(), to=queued)
    assert left["status"] == "accepted", left
    story.until("inline", [left["execution_id"]], "ended")


def _bulk_runs(story: Story) -> None:
    rig, since = story.rig, "2026-01-01T00:00:00Z"
    for name, value in SOON.items():
        rig.marketo.set_limit(name, value)
    last = FIELDS["lastName"].replace('"', '""')
    sent = f'email,firstName,lastName,leadScore\r\n{STEM}.b@example.org,{FIELDS["firstName"]},"{last}",{STEM}\r\n'
    found = _execute(rig, "Import", "marketo", "leads", {}, sent)
    assert found["output"]["counts"]["failed"] == 1, found
    # the answer is lost, so that the job is looked for
    rig.marketo.fault("POST /bulk/v1/leads/export/create.json", "drop_answer")
    now = datetime.fromisoformat(rig.marketo._get("clock")["now"])
    window = {"createdAt": {"startAt": f"{now - timedelta(days=1):{ISO}}", "endAt": f"{now:{ISO}}"}}
    fields = ["email", "firstName", "lastName", "company", "phone", "title"]
    found = _execute(rig, "Extract", "marketo", "leads", {"filter": window, "fields": fields})
    assert found["output"]["counts"]["rows"] >= 2, found
    rig.marketo.post("faults", [])
    sent = f'Email,FirstName,LastName\r\n{STEM}.c@example.org,{FIELDS["firstName"]},"{last}"\r\n'
    found = _execute(rig, "Import", "salesforce", "Lead", {"operation": "insert"}, sent)
    assert found["output"]["counts"]["failed"] == 1, found
    soql = f"SELECT Id, Email, LastName FROM Lead WHERE CreatedDate > {since}"
    found = _execute(rig, "Extract", "salesforce", "Lead", {"soql": soql})
    assert found["output"]["counts"]["rows"] >= 1, found


def _imports(story: Story) -> None:
    """People who go to Marketo as a file; of one it says in its results which address it does not take."""
    rig = story.rig
    action = rig.apply(IMPORTS)
    story.canaries.append(Canary("webhook key (imports)", rig.keys[action], "secret"))
    people = [
        {"email": email, "lastName": FIELDS["lastName"], "twitterId": f"{STEM}-{number}"}
        for number, email in enumerate((f"{STEM}.i@example.org", f"{STEM} at example"))
    ]
    bodies = [json.dumps({"lead": person}).encode() for person in people]
    ids = []
    for body in bodies:
        ids.append(story.call(body, key=rig.keys[action], path=action)["execution_id"])
        # who comes first waits for the other, and the admin API says so
        wait_for("a call that is stored", lambda: doors.sent(story, "GET", f"/executions/{ids[0]}").is_success, 30)
    ended = story.until("imported", ids, "ended")
    assert [each["reason"] for each in ended] == ["imported", "import_warned"], ended


def _sync_runs(story: Story) -> None:
    """A Sync both ways: started by hand and by its schedule, whose entry was lost, changed and left over."""
    rig = story.rig
    last, title = FIELDS["lastName"], FIELDS["title"]
    people = [{"Email": f"{STEM}.s@example.org", "LastName": last}, {"Email": f"{STEM}.t@example.org", "Title": title}]
    rig.salesforce.load("Contact", [{"LastName": last, "Department": "Audience"} | person for person in people])
    file = rig.folder / "sync.yaml"
    # a fire long behind its slot starts nothing
    now = datetime.fromisoformat(rig.marketo._get("clock")["now"]).astimezone(UTC)
    file.write_text(SYNC % {"start": f"{now:%Y-%m-%dT%H:%M}"})
    rig.cli("apply", str(file))
    story.cli("syncs", "activate", "leak-sync")
    keep = _invoked(rig, "StartSyncFunctionName", {})
    kept = json.loads(rig.stack.outputs["SyncSchedules"])
    scheduler, group = rig.stack.client("scheduler"), kept["group"]
    entry = scheduler.get_schedule(Name="leak-sync", GroupName=group)
    again = {name: entry[name] for name in ("Name", "GroupName", "FlexibleTimeWindow", "Target", "State")}
    again["ScheduleExpression"] = "rate(3 days)"
    assert keep == {"changed": 0}, keep
    scheduler.update_schedule(**again, Description="changed by hand")
    assert _invoked(rig, "StartSyncFunctionName", {}) == {"changed": 1}
    scheduler.delete_schedule(Name="leak-sync", GroupName=group)
    scheduler.create_schedule(**(again | {"Name": "stray"}))
    assert _invoked(rig, "StartSyncFunctionName", {}) == {"changed": 2}
    fired = _invoked(rig, "StartSyncFunctionName", {"sync": "leak-sync"})
    assert fired["started"], fired
    beside = _invoked(rig, "StartSyncFunctionName", {"sync": "leak-sync", "at": f"{now + timedelta(hours=20):{ISO}}"})
    assert beside["because"].startswith("running"), beside

    run = _ended_run(story, "leak-sync")
    assert (run["status"], run["failed"]) == ("done", 1), run
    story.cli("syncs", "executions", "leak-sync", run["slot"], "--failed")
    doors.sync_requests(story, "leak-sync", run["slot"])


def _ended_run(story: Story, sync: str) -> dict[str, Any]:
    """The only run of a Sync, at its end."""

    def over() -> bool:
        found = json.loads(story.rig.cli("syncs", "executions", sync, "--json"))
        return bool(found) and found[0]["status"] in {"done", "failed"}

    wait_for(f"the end of a run of {sync}", over, 120)
    [run] = json.loads(story.cli("syncs", "executions", sync, "--json"))
    return dict(run)


def _created_beside_actions(story: Story) -> None:
    """A Sync into the org, in which Actions may create as well."""
    rig = story.rig
    # what a document says is kept as it was written, so it names nobody
    _, there = story.person(rating="Back"), story.person(rating="Back")
    rig.salesforce.load("Contact", [{"Email": there.email, "LastName": "Before"}])
    file = rig.folder / "back.yaml"
    file.write_text(BACK)
    rig.cli("apply", str(file))
    story.cli("syncs", "activate", "leak-back")
    story.cli("syncs", "run", "leak-back")
    run = _ended_run(story, "leak-back")
    assert (run["status"], run["created"], run["updated"]) == ("done", 1, 1), run


def _handed_over(story: Story) -> None:
    """Rows of a Sync that become calls of an Action."""
    rig = story.rig
    file = rig.folder / "audience.yaml"
    file.write_text(AUDIENCE)
    rig.cli("apply", str(file))
    story.cli("syncs", "activate", "leak-audience")
    story.cli("syncs", "run", "leak-audience")
    run = _ended_run(story, "leak-audience")
    assert (run["status"], run["handed_over"]) == ("done", 2), run
    told = story.cli("syncs", "executions", "leak-audience", run["slot"], "--rows", "handed_over", "--json")
    story.until("handed over", [row["id"] for row in json.loads(told)], "ended")


def _invoked(rig: Rig, output: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Call a function and read its answer."""
    said = rig.stack.client("lambda").invoke(FunctionName=rig.stack.outputs[output], Payload=json.dumps(event).encode())
    answer: dict[str, Any] = json.loads(said["Payload"].read())
    assert "FunctionError" not in said, answer
    return answer


def _execute(
    rig: Rig, direction: str, vendor: str, name: str, request: Mapping[str, Any], content: str = ""
) -> dict[str, Any]:
    """Run a bulk state machine to its end."""
    order: dict[str, Any] = {
        "run": f"{vendor}-{direction}",
        "vendor": vendor,
        "connection": f"{vendor}-demo",
        "object": name,
    }
    order |= {"request": request, "prefix": "bulk"}
    if content:
        order["source"] = "bulk/source.csv"
        bucket = rig.stack.outputs["DataBucketName"]
        rig.stack.client("s3").put_object(Bucket=bucket, Key="bulk/source.csv", Body=content.encode())
    client, arn = rig.stack.client("stepfunctions"), rig.stack.outputs[f"Bulk{direction}MachineArn"]
    started = client.start_execution(stateMachineArn=arn, input=json.dumps(order))

    def over() -> dict[str, Any] | None:
        said = client.describe_execution(executionArn=started["executionArn"])
        return dict(said) if said["status"] != "RUNNING" else None

    found = wait_for("the end of a bulk run", over, 120)
    assert found["status"] == "SUCCEEDED", found
    return found | {"output": json.loads(found["output"])}


def _unusable_bodies(story: Story) -> None:
    person = story.person()
    text = json.dumps(story.body(person), ensure_ascii=False)
    nested: Any = person.email
    for _ in range(40):
        nested = [nested]
    bodies = {
        "body_not_json": [text[:-3].encode(), text.replace('"lead"', '"x": NaN, "lead"').encode()],
        "lead_missing": [json.dumps({"person": person.fields}).encode()],
        "lead_id_invalid": [json.dumps({"lead": {**person.fields, "id": person.email}}).encode()],
        "field_invalid": [
            json.dumps({"lead": {**person.fields, "id": 1, person.email: [FIELDS["lastName"]]}}).encode(),
            json.dumps({"lead": {"id": 1}, "event_id": OFFER * 20}).encode(),
        ],
        # the emulator's gateway makes text of it
        "body_not_": [text.encode("utf-16")],
        "body_too_deep": [json.dumps({"lead": {"id": 1}, "x": nested}).encode()],
        "body_too_large": [json.dumps({"lead": {"id": 1, "x": text * 400}}).encode()],
    }
    bodies["body_not_json"].append(f'{{"{person.email}": 1, "{person.email}": 2}}'.encode())
    for reason, each in bodies.items():
        for content in each:
            answer = story.call(content)
            assert answer["reason"].startswith(reason), answer
            story.until("rejected", [answer["execution_id"]], "rejected")


def _strangers(story: Story) -> None:
    person = story.person()
    content = json.dumps(story.body(person)).encode()
    wrong = SECRETS["wrong webhook key"]
    answers = [
        story.call(content, key=wrong),
        story.call(content, key=""),
        story.call(content, path=quote(person.email)),
        story.call(content, path=f"{story.action}?key={wrong}&email={quote(person.email)}", key=wrong),
        story.call(content, key=wrong, **{"X-Person": quote(FIELDS["lastName"]), "Authorization": f"Bearer {wrong}"}),
    ]
    assert {answer["http"] for answer in answers} == {401}


def _refused_records(story: Story) -> None:
    """Row errors whose texts repeat values in the vendor's own spelling."""
    rig = story.rig
    echoes = [
        ("STRING_TOO_LONG", "First Name: data value too large: {firstName} (max length=40)"),
        ("SOMETHING_NEW", "what is &quot;O&#39;Xylander \\&quot;Öx\\&quot; &amp; Söhne&quot; at FROBNITZ &amp; WÜRMLI"),
        (STEM + " is no code", "{email} / {phone} / 491705550199 / {title}"),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "offer-7Kq%2F9%2Bzz%3D%3D%28x%2A%29 of {lastName} in Zörblätt"),
    ]
    for code, text in echoes:
        person = story.person()
        message = text.format(email=person.email, **FIELDS)
        rig.salesforce.fault(CREATE, "row_error", code=code, message=message, times=1)
        story.until("refused record", story.send(person), "ended", "parked")
        assert rig.salesforce.hits() == 1
        rig.calm()
    for match in (WRITE_BACK, ACTIVITY):
        person = story.person()
        rig.marketo.fault(match, "row_error", code="1003", message=f"Lead {person.email} 'Synced' is odd", times=1)
        story.until("refused report", story.send(person), "ended", "parked")
        assert rig.marketo.hits() == 1
        rig.calm()


def _refused_calls(story: Story) -> None:
    """Whole calls refused with texts that repeat what they sent; bodies of gateways; answers that never come."""
    rig = story.rig
    for match, status, code in (
        (QUERY, 400, "MALFORMED_QUERY"),
        (CREATE, 400, "JSON_PARSER_ERROR"),
        (CREATE, 400, "SOMETHING_NEW"),
        (QUERY, 400, "INVALID_FIELD"),
    ):
        person = story.person()
        echo = f"line 1: Email IN ('{person.email}') {quote(person.email)}"
        if match is CREATE:
            echo += f" {json.dumps(FIELDS)} {quote(FIELDS['lastName'])} {OFFER}"
        rig.salesforce.fault(match, "http", status=status, body=[{"errorCode": code, "message": echo}])
        (item,) = story.until("refused call", story.send(person), "parked", "ended")
        assert rig.salesforce.hits(), item
        rig.calm()
    html = f"<html><h1>Bad gateway</h1>{STEM} {FIELDS['lastName']} {OFFER}</html>"
    for twin, match in ((rig.salesforce, CREATE), (rig.marketo, WRITE_BACK)):
        twin.fault(match, "http", status=502, body=html, times=1)
        story.until("bad gateway", story.send(story.person()), "ended")
        assert twin.hits() == 1
        rig.calm()
    rig.salesforce.fault(CREATE, "drop_answer", times=1)
    story.until("lost answer", story.send(story.person()), "ended")
    rig.calm()
    person = story.person()
    story.until("before the refused update", story.send(person), "ended")
    rig.salesforce.fault(UPDATE, "row_error", code="UNABLE_TO_LOCK_ROW", message=f"{person.email} is locked", times=1)
    story.until("locked", story.send(person), "ended")
    rig.calm()


def _refused_logins(story: Story) -> None:
    """Tokens that turn out dead, and logins refused with texts that repeat the credentials."""
    rig = story.rig
    secret, client_id = rig.facts["marketo_client_secret"], rig.facts["marketo_client_id"]
    marketo_token, session = SECRETS["Marketo token"], SECRETS["Salesforce session"]
    _forgotten(rig)
    rig.marketo.fault(
        MARKETO_LOGIN, "http", status=200, body={"access_token": marketo_token, "expires_in": 3000}, times=1
    )
    rig.salesforce.fault(
        SALESFORCE_LOGIN,
        "http",
        status=200,
        body={"access_token": session, "instance_url": rig.facts["salesforce_url"]},
        times=1,
    )
    story.until("dead tokens", story.send(story.person()), "ended")
    assert (rig.marketo.hits(), rig.salesforce.hits()) == (1, 1)
    rig.calm()
    for twin, login, body in (
        (
            rig.marketo,
            MARKETO_LOGIN,
            {"error": f"secret {secret} is wrong", "error_description": f"{client_id} and {secret} do not match"},
        ),
        (
            rig.salesforce,
            SALESFORCE_LOGIN,
            {"error": f"invalid {session}", "error_description": f"{session} and {STEM} are unknown"},
        ),
    ):
        _forgotten(rig)
        twin.fault(login, "http", status=401 if twin is rig.marketo else 400, body=body)
        (execution_id,) = story.send(story.person())
        (item,) = rig.reached([execution_id], "parked", "ended")
        assert twin.hits(), item
        rig.calm()
        _forgotten(rig)
        if item["state"] == "parked":
            story.cli("redrive", execution_id)
        story.until("refused login", [execution_id], "ended")


def _forgotten(rig: Rig) -> None:
    """Have no worker that holds a token, and no lease of one."""
    if rig.workers():
        rig.kill()
    rig.bury()


def _dead_workers(story: Story) -> None:
    rig = story.rig
    (execution_id,) = ids = story.send(story.person())
    rig.reached(ids, "ended", "parked")
    rig.salesforce.fault(QUERY, "delay", seconds=30)
    (execution_id,) = story.send(story.person())
    for number in (1, 2):
        wait_for(f"death number {number}", lambda number=number: _killed(rig, number))  # type: ignore[misc] # mypy cannot infer a lambda with a default
    rig.calm()
    rig.bury()
    (item,) = story.until("dead workers", [execution_id], "parked", "ended")
    assert item["reason"] == "worker_crashed", item


def _killed(rig: Rig, number: int) -> bool:
    """Kill the worker that holds the event, once it is asking Salesforce."""
    rig.sweep()
    if rig.salesforce.hits() < number:
        return False
    rig.kill()
    rig.bury()
    return True


def _unreadable_messages(story: Story) -> None:
    """Messages of nobody, which end in the dead-letter queue, and of a newer version, which are parked."""
    rig = story.rig
    rig.enqueue(json.dumps({"v": 1, "kind": "event", "payload": story.body(story.person())}))
    rig.enqueue(f"not json {STEM}@example.org")
    person = story.person()
    payload = story.body(person)
    payload["lead"]["id"] = person.lead_id  # a number by the time that it is on the queue
    newer = rig.message(person, v=99, action_id=story.action, payload=payload)
    orphan = rig.message(person, action_id="no-such-action", payload=payload)
    for each in (newer, orphan):
        rig.enqueue(json.dumps(each))
    story.until("newer version", [newer["execution_id"]], "parked")
    story.until("no action", [orphan["execution_id"]], "parked")
    wait_for("the dead letters", lambda: rig.queued("EventsDeadLetterQueueUrl") >= 2)


def _calls_that_do_not_run(story: Story) -> None:
    """A call of an Action that is not active, which is run after its activation."""
    asleep = "leak-asleep"
    file = story.rig.folder / f"{asleep}.yaml"
    # with a dedupe key, which a failed execution releases
    dedupe = "type: upsert\ndeduplicate: {columns: [email, token.offer]}"
    file.write_text(LEAKY.replace("leak-probe", asleep).replace("type: upsert", dedupe))
    story.cli("apply", str(file))
    key = story.cli("keys", "show", asleep).strip()
    story.canaries.append(Canary("webhook key of another Action", key, "secret"))
    content = json.dumps(story.body(story.person())).encode()
    answer = story.call(content, key=key, path=asleep)
    assert answer["status"] == "not_active"
    execution_id = str(answer["execution_id"])
    story.rig.reached([execution_id], "not_run")
    story.cli("activate", asleep)
    story.cli("redrive", execution_id, "--dry-run")
    story.rig.salesforce.fault(CREATE, "row_error", code="STRING_TOO_LONG", message=FIELDS["firstName"], times=1)
    story.cli("redrive", execution_id, "--json")
    (item,) = story.until("redriven", [execution_id], "ended")
    assert item["outcome"] == "failed", item
    story.rig.calm()


def _broken_secret(story: Story) -> None:
    """A secret that is no secret: the function fails as a whole."""
    rig = story.rig
    client, arn = rig.stack.client("secretsmanager"), rig.stack.outputs["VendorSecretArn"]
    sound = client.get_secret_value(SecretId=arn)["SecretString"]
    _forgotten(rig)
    client.put_secret_value(SecretId=arn, SecretString=sound[:-2])
    (execution_id,) = story.send(story.person())
    name = rig.stack.outputs[FUNCTIONS["run_actions"]]
    answer = rig.stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"lane": LANE}))
    story.seen.append(Place("invocation/broken secret", answer["Payload"].read()))
    wait_for("the given up call", lambda: rig.queued("InvocationsDeadLetterQueueUrl"), every=1.0)
    client.put_secret_value(SecretId=arn, SecretString=sound)
    _forgotten(rig)
    (item,) = rig.reached([execution_id], "parked", "ended")
    if item["state"] == "parked":  # it was in hand when two of them failed
        assert item["reason"] == "worker_crashed", item
        story.cli("redrive", execution_id)
    story.until("broken secret", [execution_id], "ended")


def _commands(story: Story) -> None:
    """The commands that show or repeat what people sent, as a table and as JSON."""
    person = story.person()
    (execution_id,) = story.send(person)
    story.until("looked at", [execution_id], "ended")
    shown = (execution_id, story.kept["rejected"][-1], story.kept["refused call"][0])
    for arguments in (("executions",), *(("show", each) for each in shown), ("redrive", story.kept["rejected"][0])):
        story.cli(*arguments)
        story.cli(*arguments, "--json")
    story.cli("executions", "--email", f" {person.email.upper()} ", "--json")
    story.cli("redrive", "--state", "rejected", "--dry-run")
    # a second generation, while the first stays valid
    story.cli("keys", "rotate")
    key = story.cli("keys", "show", story.action).strip()
    story.canaries.append(Canary("webhook key of generation 2", key, "secret"))


def _mistakes(story: Story) -> None:
    """Commands that must refuse: wrong arguments, unsound documents, documents that are none."""
    secret, email = SECRETS["mistyped secret"], f"{STEM}@example.org"
    unsound = {
        "unsound.yaml": (
            LEAKY.replace("type: upsert", f"type: upsert\npassword: {secret}\ndescription: [{email}]"),
            LEAKY.replace("type: upsert", f"type: {secret}"),
            f"{{kind: marketo_connection, id: m, name: m, base_url: https://{secret}, client_secret: {secret}}}\n",
            f"- {secret}\n- {email}\n",
        ),
        "broken.yaml": (f"format: 1\nname: '{secret}\n  {email}: [",),
        "fields.yaml": (LEAKY.replace("to: LastName", "to: No_Such_Field").replace("Disqualified", email),),
    }
    for name, documents in unsound.items():
        (story.rig.folder / name).write_text("---\n".join(documents))
        story.cli("apply", name, code=1)
    story.cli("show", email, code=1)
    story.cli("executions", "--since", email, code=1)
    story.cli("executions", email, code=2)
    story.cli("activate", secret, code=1)
    given = {"LEADBRIDGE_CLIENT_SECRET": secret}
    story.cli("connections", "secret", "marketo-demo", secret, "--client-id", "x", code=2, **given)
    story.cli("connections", "secret", "marketo-demo", "--client-id", "x", "--client-secret", secret, code=1)


@contextmanager
def watched_processes(story: Story) -> Iterator[None]:
    """While open, note the command line of every process that there is; a person's own typing is no leak."""
    over = threading.Event()
    lines: set[str] = set()
    looks: Counter[str] = Counter()

    def watch() -> None:
        while not over.wait(0.1):
            lines.update(line for line in _command_lines(looks) if "/bin/leadbridge " not in line)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        story.seen += [Place(f"process/{number}", line.encode()) for number, line in enumerate(sorted(lines))]


def _command_lines(looks: Counter[str]) -> Iterator[str]:
    """Those of every process; one that was looked at three times is no longer about to become another program."""
    if sys.platform != "linux":
        listing = subprocess.run(["ps", "-A", "-ww", "-o", "command="], capture_output=True, text=True, check=True)
        yield from listing.stdout.splitlines()
        return
    # looking at all of them again and again, or starting a program for it, takes more than the story itself
    for number in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208  # paths of all of them take ten times as long
        looks[number] += 1
        with suppress(OSError):
            if looks[number] <= 3:
                yield os.fsdecode(Path("/proc", number, "cmdline").read_bytes().replace(b"\0", b" "))
