"""Commands for executions: what became of each call, and running again what waits."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import click

from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.narration import Burst, bursts, timeline, tree
from leadbridge.domain.outcome import redrivable
from leadbridge.domain.values import normalised
from leadbridge.usecases.as_it_stands import AsItStands
from leadbridge.vendors.remedies import remedies
from leadbridge_cli import render
from leadbridge_cli.common import as_json, fail, moment, pass_target
from leadbridge_cli.stack import Target

in_utc = click.option("--utc", is_flag=True, help="Times in UTC instead of this computer's zone.")
#: Marketo lead ids are shorter than the ids of Salesforce's records, which may be digits only, too
LEAD_DIGITS = 14


@click.command()
@click.option("--lead", help="Marketo lead id.")
@click.option("--email", help="E-mail address.")
@click.option("--reason", help="Reason code, e.g. identifier_missing or salesforce_STRING_TOO_LONG.")
@click.option("--state", help="State, e.g. parked.")
@click.option("--since", help="ISO 8601 time, or a number of m, h or d (90m, 12h, 7d); default 1d, for searches 90d.")
@click.option("--each", is_flag=True, help="Every execution on a line of its own; by default alike ones are one line.")
@in_utc
@as_json
@pass_target
def executions(target: Target, /, *, each: bool, utc: bool, as_json: bool, **filters: str | None) -> None:
    """List executions: what became of each call, and why."""
    found = [render.execution(item) for item in _search(target, filters)]
    if as_json:
        click.echo(json.dumps(found))
        return
    # who asks for one reason or one person wants to see each
    single = each or any(filters[name] for name in ("lead", "email", "reason"))
    rest = []
    for shown in found if single else bursts(found):
        if isinstance(shown, Burst):
            click.echo(render.burst(shown, utc=utc))
        else:
            rest.append(shown)
    more = f"{len(rest)} of " if len(rest) < len(found) else ""
    if rest or not found:
        render.show_table(rest, f"{more}{len(found)} execution{'' if len(found) == 1 and not more else 's'}", utc=utc)


@click.command()
@click.argument("execution_id")
@in_utc
@as_json
@pass_target
def show(target: Target, execution_id: str, *, utc: bool, as_json: bool) -> None:
    """Show one execution: what was decided and why, and what is to be done."""
    found = target.log.get(execution_id)
    if found is None:
        fail(["There is no execution with this id. `leadbridge executions` lists them."])
    item = AsItStands(lambda: target.configurations, target.buffers)(found)
    if as_json:
        more = {"header_names": item.get("header_names", []), "decision": item.get("decision") or None}
        click.echo(json.dumps(render.execution(item) | more))
        return
    _told(tree(item, moment=partial(render.local_time, utc=utc), remedies=remedies))


@click.command()
@click.argument("who", metavar="EMAIL|ID")
@click.option("--since", help="As in `executions`; default 90d, for a Salesforce id 7d.")
@in_utc
@as_json
@pass_target
def person(target: Target, who: str, *, since: str | None, utc: bool, as_json: bool) -> None:
    """What happened to a person, by e-mail address, Marketo lead id or Salesforce record id."""
    found = list(_of_person(target, who.strip(), since))
    if as_json:
        click.echo(json.dumps([render.execution(item) for item in reversed(found)]))
    elif not found:
        click.echo(
            "Nothing is known of this person. Calls with an unusable body name nobody; --since looks further back."
        )
    else:
        _told(timeline(found, moment=partial(render.local_time, utc=utc), remedies=remedies))


def _told(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _of_person(target: Target, who: str, since: str | None) -> list[dict[str, Any]]:
    """The executions of a person, oldest first: those of an address and of all leads that had it."""
    start = _since(target, {"since": since or "90d"})
    if "@" in who:
        first: Iterable[dict[str, Any]] = target.log.of_email(keyed_hash(target.index_key, "email", normalised(who)))
    elif who.isdecimal() and len(who) <= LEAD_DIGITS:
        first = target.log.of_lead(keyed_hash(target.index_key, "lead", str(int(who))))
    elif is_id(who):
        # no index holds the records' ids
        start = _since(target, {"since": since or "7d"})
        everything = target.log.since(start, target.clock.now() + timedelta(days=1))
        first = (item for item in everything if item.get("salesforce_id") == canonical(who))
    else:
        fail(["Give an e-mail address, a Marketo lead id or a Salesforce record id."])
    found = {item["execution_id"]: item for item in first}
    for lead in {item["lead_hash"] for item in found.values() if item.get("lead_hash")}:
        found |= {item["execution_id"]: item for item in target.log.of_lead(lead)}
    explained = AsItStands(lambda: target.configurations, target.buffers)
    known = [explained(item) for item in found.values() if datetime.fromisoformat(item["received_at"]) >= start]
    return sorted(known, key=lambda item: str(item["sequence"]))


@click.command()
@click.argument("execution_ids", nargs=-1)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Everything that is parked, was rejected, did not run, or has chained objects that failed.",
)
@click.option("--action", "action_id", help="Only of this Action.")
@click.option("--reason", help="Only with this reason code.")
@click.option("--state", help="Only in this state: parked, rejected or not_run.")
@click.option("--since", help="Only received since; as in `executions`.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@as_json
@pass_target
def redrive(
    target: Target,
    /,
    execution_ids: tuple[str, ...],
    *,
    everything: bool,
    dry_run: bool,
    as_json: bool,
    **filters: str | None,
) -> None:
    """Run calls again that are parked, were rejected or did not run, or of which chained objects failed.

    Whoever does not name them is told first how many they are and what that costs.
    """
    ids = list(execution_ids)
    run = target.redrive()
    if not ids:
        if not everything and not any(filters.values()):
            fail(["Say which: execution ids, --action, --reason, --state, --since or --all."])
        filters["since"] = filters.get("since") or "90d"
        found = [item for item in _search(target, filters) if redrivable(item)]
        ids = [item["execution_id"] for item in found]
        if not (as_json or dry_run):
            _say_cost(
                target, Counter(item["action_id"] for item in found if run(item["execution_id"], dry_run=True).runs)
            )
    results = [run(execution_id, dry_run=dry_run) for execution_id in ids]
    done = sum(result.done for result in results)
    if done and not dry_run:
        target.note("redrove", detail=str(done))
    if as_json:
        click.echo(json.dumps([{"execution_id": r.execution_id, "done": r.done, "note": r.note} for r in results]))
        return
    for result in results:
        click.echo(f"{result.execution_id}: {result.note}")
    click.echo(f"{done} of {len(results)} run again.")


def _say_cost(target: Target, by_action: Counter[str]) -> None:
    from leadbridge.usecases.redrive_many import cost_of

    cost = cost_of(by_action, target.configurations)
    which = ", ".join(f"{number} of {action}" for action, number in sorted(by_action.items())) or "none"
    click.echo(f"To run: {which}; at least {cost.salesforce} Salesforce and {cost.marketo} Marketo calls.")


def _search(target: Target, filters: Mapping[str, str | None]) -> Iterator[dict[str, Any]]:
    start = _since(target, filters)
    if filters.get("lead"):
        items = target.log.of_lead(keyed_hash(target.index_key, "lead", str(filters["lead"]).strip()))
    elif filters.get("email"):
        items = target.log.of_email(keyed_hash(target.index_key, "email", normalised(filters["email"])))
    else:
        items = target.log.since(start, target.clock.now() + timedelta(days=1))
    explained = AsItStands(lambda: target.configurations, target.buffers)
    for item in map(explained, items):
        wanted = all(
            not filters.get(name) or item.get(name) == filters[name] for name in ("action_id", "reason", "state")
        )
        if wanted and datetime.fromisoformat(item["received_at"]) >= start:
            yield item


def _since(target: Target, filters: Mapping[str, str | None]) -> datetime:
    searching = any(filters.get(name) for name in ("lead", "email", "action_id", "reason", "state"))
    text = filters.get("since") or ("90d" if searching else "1d")
    return moment("--since", text, target.clock.now())
