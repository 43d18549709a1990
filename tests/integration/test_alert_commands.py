"""`leadbridge alerts`: what is open, whether the channels work, and where Slack takes messages."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from leadbridge.aws.alerts import DynamoAlertStore
from leadbridge.domain.alerts import Alert, Kind, Memory, Subject, Unsent
from leadbridge_cli.main import main
from leadbridge_cli.stack import Target
from tests.catcher import Catcher, catcher
from tests.integration.aws.local_aws import SettableClock, create_table

REMEDY = "deploy with AlarmEmail, or subscribe to the topic of the output AlarmTopicArn"


@pytest.fixture
def slack() -> Iterator[Catcher]:
    """Where the messages for Slack arrive."""
    with catcher() as found:
        yield found


@dataclass
class Lab:
    """The command line, and what it works on."""

    target: Target

    def run(self, *words: str, typed: str = "") -> Result:
        """Run a command."""
        return CliRunner().invoke(main, ["alerts", *words], obj=self.target, input=typed)

    @property
    def secret(self) -> dict[str, Any]:
        """What is stored for Slack."""
        vault = self.target.client("secretsmanager")
        members: dict[str, Any] = json.loads(
            vault.get_secret_value(SecretId=self.target.outputs["AlertsSecretArn"])["SecretString"]
        )
        return members


@pytest.fixture
def lab(aws: None, slack: Catcher) -> Lab:
    """A deployment whose local host is the catcher's."""
    session: Any = boto3.Session(region_name="eu-central-1")
    create_table(session.client("dynamodb"), "StateTable")
    outputs = {
        "StateTableName": "StateTable",
        "AlarmTopicArn": session.client("sns").create_topic(Name="alarms")["TopicArn"],
        "AlertsSecretArn": session.client("secretsmanager").create_secret(Name="alerts")["ARN"],
        "AlertHosts": "hooks.slack.com,chat.example.com",
    }

    class LocalTarget(Target):
        @property
        def local_hosts(self) -> frozenset[str]:
            return frozenset({slack.host})

    return Lab(LocalTarget(outputs=outputs, session=session, stack_name="prod"))


def test_a_deployment_without_channels_is_told_what_is_missing(lab: Lab) -> None:
    """Nobody is subscribed and Slack is not set up: both are said, with what to do."""
    done = lab.run("test")

    assert done.stdout.splitlines() == [
        f"email: sent; 0 confirmed, 0 to be confirmed from their inbox; nobody gets it: {REMEDY}",
        "slack: not sent; not set up: leadbridge alerts slack",
    ]
    assert done.exit_code == 0


def test_an_address_is_stored_tried_and_removed(lab: Lab, slack: Catcher) -> None:
    """It is asked for and never shown; the sample arrives; a refusal is said; removed, it is gone."""
    stored = lab.run("slack", typed=f"{slack.url}\n")
    assert (stored.exit_code, lab.secret) == (0, {"slack_url": slack.url})
    assert "secretpart" not in stored.output

    assert "slack: sent\n" in lab.run("test").stdout
    assert slack.texts[0].startswith("This is a test of ")
    assert slack.texts[0].endswith("Command: leadbridge --stack prod alerts list")

    slack.statuses = [404]
    refused = json.loads(lab.run("test", "--json").stdout)
    assert refused[1] == {"channel": "slack", "sent": False, "note": "answered HTTP 404"}

    assert lab.run("slack", "--remove").exit_code == 0
    assert lab.secret == {}


def test_an_address_elsewhere_is_not_stored(lab: Lab) -> None:
    """A host that is not on the list is refused; what was typed is not repeated."""
    done = lab.run("slack", typed="https://evil.example.com/services/secretpart\n")

    assert done.exit_code == 1
    assert "Hosts: chat.example.com, hooks.slack.com (parameter AlertHosts)." in done.stderr
    assert "secretpart" not in done.output
    with pytest.raises(lab.target.client("secretsmanager").exceptions.ResourceNotFoundException):
        _ = lab.secret


def test_open_alerts_are_listed(lab: Lab) -> None:
    """Each with its title and times, then what a channel did not take; for scripts as JSON."""
    now = SettableClock().now()
    subject = Subject(kind=Kind.PARKED, name="person-to-lead")
    alert = Alert(
        subject=subject,
        since=now,
        raised_at=now,
        told_at=now + timedelta(hours=1),
        clear_since=None,
        facts={"number": 3, "reason": "mapping_broken", "of_it": 3},
    )
    DynamoAlertStore(lab.target.client("dynamodb"), table="StateTable").save(
        Memory(alerts={subject: alert}), [Unsent(channel="slack", subject="s", text="t", at=now)], 0
    )

    lines = lab.run("list").stdout.splitlines()
    found = json.loads(lab.run("list", "--json").stdout)

    assert lines[0] == "Action person-to-lead: parked calls wait for you"
    assert lines[2:] == ["1 open.", "slack: 1 unsent; `leadbridge alerts test` says why."]
    assert [(row["kind"], row["name"], row["facts"]["number"]) for row in found["open"]] == [
        ("parked", "person-to-lead", 3)
    ]
    assert found["unsent"] == ["slack"]
