"""The demo: a connection pair and a recipe set up with the command line, a realistic input played and checked.

Everything a person would do by hand is done here through `leadbridge`, so that the demo is also its test.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from devstack import compare, persons, play, table
from devstack.people import add_people
from devstack.stack import ROOT, Stack

STACK_FILE = ROOT / ".local" / "stack.json"
#: setting: where the facts about the stack are written instead, as the command line understands it too
STACK_FILE_SETTING = "LEADBRIDGE_STACK_FILE"
#: setting: fault rules (JSON) for the Marketo simulator while the demo plays, to see the demo turn red
FAULTS_SETTING = "LEADBRIDGE_DEMO_FAULTS"
ACTION = "person-to-lead"
PERSONS = ROOT / "events" / "persons.jsonl"
RECIPES = ROOT / "recipes"
#: how long the product may take for what was accepted; what is still under way then is a failure
SETTLE_SECONDS = 300.0
POLL_SECONDS = 2.0
COMMAND_SECONDS = 120.0
#: how long a webhook may go on answering from its copy of an Action's state
STATE_AGE_SECONDS = 30.0


class DemoError(Exception):
    """A step of the demo failed; the text says which."""


@contextmanager
def prepared(stack: Stack, say: Callable[[str], None], *, file: Path | None = None) -> Iterator[dict[str, Any]]:
    """Set up the demo connection pair and Action; gives what the stack file holds while it is there.

    Args:
        stack: The running stack.
        say: Receives one line for each step.
        file: Stack file; without it the one of the setting, else `.local/stack.json`.
    """
    file = file or Path(os.environ.get(STACK_FILE_SETTING) or STACK_FILE)
    facts = stack_facts(stack) | {"stack_file": str(file), "people": add_people(stack)}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(facts, indent=2) + "\n")
    try:
        set_up(facts, say)
        facts["webhook_key"] = leadbridge(facts, "keys", "show", ACTION).strip()
        file.write_text(json.dumps(facts, indent=2) + "\n")
        yield facts
    finally:
        file.unlink(missing_ok=True)


def stack_facts(stack: Stack) -> dict[str, Any]:
    """What scripts and the command line need to know about a running stack."""
    marketo, salesforce = stack.simulators["marketo_credentials"], stack.simulators["salesforce_credentials"]
    return {
        "webhook_url": stack.webhook_url,
        "webhook_key": "",
        "action_id": ACTION,
        "marketo_url": stack.simulators["marketo_url"],
        "salesforce_url": stack.simulators["salesforce_url"],
        "marketo_client_id": marketo["client_id"],
        "marketo_client_secret": marketo["client_secret"],
        "salesforce_client_id": salesforce["client_id"],
        "salesforce_username": salesforce["username"],
        "salesforce_audience": salesforce["audience"],
        "aws_endpoint_url": stack.endpoint_url,
        "region": stack.region,
        "stack_name": stack.stack_name,
        "outputs": stack.outputs,
        "console_url": stack.outputs["ConsoleUrl"],
    }


def set_up(facts: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Store credentials, upload the certificate, apply and activate the recipe, as the README tells a person to."""
    say("storing the Marketo credentials")
    leadbridge(
        facts,
        "connections",
        "secret",
        "marketo-demo",
        "--client-id",
        facts["marketo_client_id"],
        LEADBRIDGE_CLIENT_SECRET=facts["marketo_client_secret"],
    )
    say("uploading the certificate of the signing key to Salesforce")
    pem = leadbridge(facts, "connections", "certificate", "salesforce-demo")
    answer = httpx.post(f"{facts['salesforce_url']}/_sim/certificate", json={"certificate": pem})
    if answer.is_error:
        raise DemoError(f"the simulator refused the certificate: {answer.text}")
    say("applying and activating the recipe")
    leadbridge(
        facts,
        "apply",
        str(RECIPES / "demo-connections.yaml"),
        str(RECIPES / f"{ACTION}.yaml"),
        MARKETO_URL=facts["marketo_url"],
        SALESFORCE_URL=facts["salesforce_url"],
        SALESFORCE_AUDIENCE=facts["salesforce_audience"],
        SALESFORCE_CLIENT_ID=facts["salesforce_client_id"],
        SALESFORCE_USERNAME=facts["salesforce_username"],
    )
    leadbridge(facts, "activate", ACTION)


def leadbridge(facts: Mapping[str, Any], *arguments: str, **environment: str) -> str:
    """Run the command line as a person would, on the stack of these facts; gives what it prints.

    Raises:
        DemoError: It failed; the text holds what it said.
    """
    variables = {**os.environ, STACK_FILE_SETTING: facts["stack_file"], **environment}
    done = run_command(arguments, folder=ROOT, environment=variables, seconds=COMMAND_SECONDS)
    if done.returncode:
        raise DemoError(f"leadbridge {' '.join(arguments[:2])} failed:\n{done.stderr or done.stdout}")
    return done.stdout


def run_command(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run `leadbridge`, a process of its own; tests put something in this place that loads its modules only once."""
    command = [str(Path(sys.executable).parent / "leadbridge"), *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=seconds
    )


def run(stack: Stack, facts: Mapping[str, Any], *, file: Path, seed: int, console: Console) -> bool:
    """Play a file of persons and print what came of it; True if everything adds up."""
    with httpx.Client(timeout=30) as client:
        lines = persons.read(file)
        loaded = persons.load(
            lines, marketo_url=facts["marketo_url"], salesforce_url=facts["salesforce_url"], client=client
        )
        groups = persons.groups(lines, loaded.lead_ids)
        switch_on_faults(facts, client)
        with table.sending(sum(len(group.requests) for group in groups), console) as note:
            sent = play.play(
                groups,
                webhook_url=facts["webhook_url"],
                key=facts["webhook_key"],
                action_id=facts["action_id"],
                seed=seed,
                on_answer=note,
            )
        executions, unfinished = settled(stack, facts, len(sent), console)
        if unfinished:
            console.print(f"After {SETTLE_SECONDS:.0f} s {unfinished}", style="bold red")
        evidence = compare.gather(
            marketo_url=facts["marketo_url"],
            salesforce_url=facts["salesforce_url"],
            executions=executions,
            client=client,
        )
    report = compare.compare(lines, loaded, sent, evidence)
    if not unfinished:
        table.show(report, console)
    return not unfinished and report.exit_code == 0


def switch_on_faults(facts: Mapping[str, Any], client: httpx.Client) -> None:
    """Give the Marketo simulator the fault rules of the setting, if there are any.

    Raises:
        DemoError: The simulator does not understand them.
    """
    rules = os.environ.get(FAULTS_SETTING)
    if rules:
        answer = client.post(f"{facts['marketo_url']}/_sim/faults", content=rules)
        if answer.is_error:
            raise DemoError(f"{FAULTS_SETTING} is not understood: {answer.text}")


def settled(
    stack: Stack, facts: Mapping[str, Any], expected: int, console: Console
) -> tuple[list[dict[str, Any]], str]:
    """Wait until nothing is queued, parked or in flight; gives the executions and what is still under way."""
    deadline = time.monotonic() + SETTLE_SECONDS
    words = ""
    while True:
        executions = json.loads(leadbridge(facts, "executions", "--json"))
        now_under_way = table.waiting(executions, queued=queued(stack))
        if not now_under_way and len(executions) >= expected:
            return executions, ""
        if now_under_way != words:
            words = now_under_way
            console.print(words or "waiting for the last calls to be stored", style="dim")
        if time.monotonic() > deadline:
            return executions, now_under_way or f"only {len(executions)} of {expected} calls are recorded"
        time.sleep(POLL_SECONDS)


def queued(stack: Stack) -> int:
    """Messages in the queue, visible or being read."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["EventsQueueUrl"], AttributeNames=names
    )["Attributes"]
    return sum(int(attributes[name]) for name in names)
