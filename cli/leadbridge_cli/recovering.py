"""`leadbridge recover`: run the calls that Marketo made and that never arrived, now and by hand."""

import json
from datetime import timedelta
from typing import Any

import click

from leadbridge.aws.inbox import DynamoInbox
from leadbridge.aws.lanes import DynamoLanes
from leadbridge.aws.recoveries import DynamoRecoveries
from leadbridge.aws.services import LambdaBell
from leadbridge.domain.event import iso
from leadbridge.domain.limits import Lane
from leadbridge.usecases.recover_calls import RecoverCalls, Report
from leadbridge.usecases.store_events import StoreEvents
from leadbridge_cli.common import as_json, moment, pass_target
from leadbridge_cli.render import local_time
from leadbridge_cli.stack import NoMeter, Target


@click.command()
@click.argument("action_id")
@click.option("--since", help="ISO 8601 time, or a number of m, h or d (90m, 12h, 7d); default: since the last run.")
@click.option("--dry-run", is_flag=True, help="Only say what would be run.")
@as_json
@pass_target
def recover(target: Target, action_id: str, *, since: str | None, dry_run: bool, as_json: bool) -> None:
    """Find calls of an Action's webhook that never arrived, and run them."""
    start = moment("--since", since, target.clock.now()) if since else None
    report = use_case(target).one(action_id, since=start, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(_document(report, dry_run=dry_run)))
        return
    word = "would be run" if dry_run else "runs"
    for each in report.recovered:
        click.echo(f"{iso(each.call.at)} lead {each.call.lead_id}: {word} as {each.execution_id}")
    for left in report.left:
        click.echo(f"{left}: not run now, the call may have come after all. Try again in a few minutes.")
    since, until = local_time(iso(report.since)), local_time(iso(report.until))
    many = f"{len(report.recovered)} of {report.calls} calls between {since} and {until}"
    click.echo(f"{many} never arrived{' and would be run.' if dry_run else ' and run now.'}")


def use_case(target: Target) -> RecoverCalls:
    """The use-case on a deployment's tables; workers go on with what it finds."""
    dynamodb, clock = target.client("dynamodb"), target.clock
    retention = timedelta(days=int(target.outputs["RetentionDays"]))
    table = target.outputs["ExecutionsTableName"]
    return RecoverCalls(
        configurations=target.configurations,
        connections=target.connect(Lane.ON_DEMAND),
        log=target.log,
        recoveries=DynamoRecoveries(dynamodb, table=table, retention=retention, now=clock.now),
        store=StoreEvents(
            configurations=target.configurations,
            inbox=DynamoInbox(
                dynamodb, executions=table, hash_key=lambda: target.index_key, retention=retention, now=clock.now
            ),
            lanes=DynamoLanes(dynamodb, table=target.outputs["StateTableName"], lease=timedelta(seconds=60)),
            bell=LambdaBell(target.client("lambda"), target.outputs["RunActionsFunctionName"]),
            clock=clock,
        ),
        clock=clock,
        meter=NoMeter(),
        hash_key=lambda: target.index_key,
        retention=retention,
    )


def _document(report: Report, *, dry_run: bool) -> dict[str, Any]:
    return {
        "action": report.action_id,
        "since": iso(report.since),
        "until": iso(report.until),
        "calls": report.calls,
        "recovered": [
            {"execution_id": each.execution_id, "lead_id": each.call.lead_id, "called_at": iso(each.call.at)}
            for each in report.recovered
        ],
        "left": list(report.left),
        "dry_run": dry_run,
    }
