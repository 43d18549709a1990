"""Commands for alerts: what is open, whether the channels work, and where Slack takes them."""

import json
from collections.abc import Iterator
from typing import Any

import click

from leadbridge.aws.alerts import DynamoAlertStore
from leadbridge.aws.notices import TopicChannel
from leadbridge.domain.alert_texts import sample, title
from leadbridge.ports import Channel
from leadbridge_cli.common import as_json, fail, pass_target, secret_of
from leadbridge_cli.render import local_time
from leadbridge_cli.stack import Target


@click.group()
def alerts() -> None:
    """What needs a person: open alerts, and the ways to people."""


@alerts.command("list")
@as_json
@pass_target
def alerts_list(target: Target, *, as_json: bool) -> None:
    """List the alerts that are open."""
    memory, unsent, _ = DynamoAlertStore(target.client("dynamodb"), table=target.outputs["StateTableName"]).load()
    rows: list[dict[str, Any]] = [
        {
            "kind": alert.subject.kind.value,
            "name": alert.subject.name,
            "detail": alert.subject.detail,
            "title": title(alert.subject, alert.facts),
            "since": alert.since.isoformat(),
            "told_at": alert.told_at.isoformat(),
            "clear_since": alert.clear_since.isoformat() if alert.clear_since else None,
            "facts": dict(alert.facts),
        }
        for alert in sorted(memory.alerts.values(), key=lambda alert: alert.subject)
    ]
    if as_json:
        click.echo(json.dumps({"open": rows, "unsent": [each.channel for each in unsent]}))
        return
    for row in rows:
        clear = f", clear since {local_time(row['clear_since'])}" if row["clear_since"] else ""
        click.echo(f"{row['title']}\n  since {local_time(row['since'])}, last told {local_time(row['told_at'])}{clear}")
    click.echo(f"{len(rows)} open.")
    for channel in sorted({each.channel for each in unsent}):
        number = sum(each.channel == channel for each in unsent)
        click.echo(f"{channel}: {number} unsent; `leadbridge alerts test` says why.")


@alerts.command("test")
@as_json
@pass_target
def alerts_test(target: Target, *, as_json: bool) -> None:
    """Send a sample to each channel and say what came of it."""
    subject, text = sample(target.clock.now(), target.stack_name)
    rows = []
    for name, channel, note in _channels(target):
        why = channel.send(subject, text) if channel else ""
        rows.append({"channel": name, "sent": channel is not None and not why, "note": why or note})
    if as_json:
        click.echo(json.dumps(rows))
    else:
        for row in rows:
            what = "sent" if row["sent"] else "not sent"
            click.echo(f"{row['channel']}: {what}{'; ' if row['note'] else ''}{row['note']}")
    raise SystemExit(not any(row["sent"] for row in rows))


@alerts.command("slack")
@click.option("--remove", is_flag=True, help="Take the address away; alerts go by e-mail alone.")
@pass_target
def alerts_slack(target: Target, *, remove: bool) -> None:
    """Store the address of a Slack-compatible incoming webhook; it is asked for and never shown."""
    from leadbridge.vendors.http.hosts import ForbiddenHostError
    from leadbridge.vendors.http.slack import MEMBER, checked_address

    client, arn = target.client("secretsmanager"), target.outputs["AlertsSecretArn"]
    members = {name: value for name, value in secret_of(client, arn).items() if name != MEMBER}
    if not remove:
        address = click.prompt("Address of the incoming webhook", hide_input=True).strip()
        try:
            members[MEMBER] = checked_address(address, _hosts(target), target.local_hosts)
        except ForbiddenHostError as error:
            fail([f"The address {error}. Hosts: {', '.join(sorted(_hosts(target)))} (parameter AlertHosts)."])
    client.put_secret_value(SecretId=arn, SecretString=json.dumps(members))
    click.echo("Removed the address." if remove else "Stored the address. Try it: leadbridge alerts test")


def _hosts(target: Target) -> frozenset[str]:
    return frozenset(target.outputs["AlertHosts"].split(","))


def _channels(target: Target) -> Iterator[tuple[str, Channel | None, str]]:
    """Each channel with what there is to be said of it; None where it is not set up."""
    from leadbridge.vendors.http.slack import SlackChannel

    topic = target.outputs["AlarmTopicArn"]
    sns: Any = target.client("sns")
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    confirmed, pending = (int(attributes.get(f"Subscriptions{each}", 0)) for each in ("Confirmed", "Pending"))
    note = f"{confirmed} confirmed, {pending} to be confirmed from their inbox"
    if not confirmed:
        note += "; nobody gets it: deploy with AlarmEmail, or subscribe to the topic of the output AlarmTopicArn"
    yield TopicChannel.name, TopicChannel(sns, topic), note
    arn, client = target.outputs["AlertsSecretArn"], target.client("secretsmanager")
    slack = SlackChannel(lambda: secret_of(client, arn), hosts=_hosts(target), allowed_hosts=target.local_hosts)
    configured = slack.configured
    yield slack.name, slack if configured else None, "" if configured else "not set up: leadbridge alerts slack"
