"""What a Sync will cost, as it is told before it runs."""

import json

import click

from leadbridge.domain.aws_prices import PRICED
from leadbridge.domain.sync_plan import Cost
from leadbridge.domain.sync_price import Price
from leadbridge_cli.common import as_json, pass_target
from leadbridge_cli.render import counted
from leadbridge_cli.stack import Target


@click.command("price")
@click.argument("sync_id", metavar="ID")
@as_json
@pass_target
def price_sync(target: Target, sync_id: str, *, as_json: bool) -> None:
    """Tell what the next run and a day cost at both vendors, against what is left. Nothing is written."""
    found = target.price_sync()(sync_id)
    if as_json:
        click.echo(json.dumps(members(found)))
        return
    show_price(found)


def members(found: Price) -> dict[str, object]:
    """A price as JSON."""
    return {
        "rows": found.rows,
        "exact": found.exact,
        "basis": found.basis,
        "runs_a_day": found.runs,
        "vendors": {
            vendor: {
                "run": cost_members(cost),
                "day": cost_members(found.day[vendor]),
                "calls_left": found.left[vendor].calls,
            }
            for vendor, cost in found.run.items()
        },
        "dollars": {"run": round(found.run_dollars, 6), "day": round(found.day_dollars, 6), "prices_of": PRICED},
        "minutes_apart": found.minutes_apart,
        "warnings": list(found.warnings),
    }


def show_price(found: Price) -> None:
    """Print a price."""
    rows = "An unknown number of rows" if found.rows is None else counted(found.rows, "row")
    about = "" if found.exact or found.rows is None else "About "
    basis = "" if found.exact else f" ({found.basis})"
    click.echo(f"{about}{rows}{basis}, {counted(found.runs, 'run')} in the next 24 hours.")
    for vendor, cost in found.run.items():
        calls = found.left[vendor].calls
        left = "nobody knows how many calls are left" if calls is None else f"{calls} calls are left"
        click.echo(
            f"  {vendor.capitalize()}: {cost_in_words(cost)} a run, {cost_in_words(found.day[vendor])} a day; {left}"
        )
    click.echo(f"  AWS: {found.run_dollars:.4f} dollars a run, {found.day_dollars:.4f} a day (prices of {PRICED}).")
    if found.minutes_apart is not None:
        click.echo(f"  The calls of a day suffice for a run like this every {found.minutes_apart} minutes.")
    for warning in found.warnings:
        click.echo(f"  Warning: {warning}.")


def cost_members(cost: Cost) -> dict[str, float]:
    """A cost as JSON."""
    return {
        "calls": cost.calls,
        "megabytes": round(cost.megabytes, 1),
        "job_slots": cost.job_slots,
        "minutes": round(cost.minutes, 1),
    }


def cost_in_words(cost: Cost) -> str:
    """Calls, and what jobs take where there are some."""
    jobs = (
        f", {cost.job_slots} job slots, {cost.megabytes:.1f} MB, {cost.minutes:.0f} minutes" if cost.job_slots else ""
    )
    return f"{cost.calls} calls{jobs}"
