"""What the first run of a CRM cycle will cost, as it is told before it begins."""

import json

import click

from leadbridge.domain.cycle_price import CyclePrice, Reading
from leadbridge_cli.common import as_json, pass_target
from leadbridge_cli.stack import Target
from leadbridge_cli.sync_price import cost_in_words, cost_members


@click.command("price")
@click.argument("cycle_id", metavar="ID")
@click.option("--programs", is_flag=True, help="Of a run with programs and their members, too.")
@as_json
@pass_target
def price_cycle(target: Target, cycle_id: str, *, programs: bool, as_json: bool) -> None:
    """Tell what the first run costs at both vendors, by kind of records, and how long it lasts. Nothing is written."""
    found = target.price_cycle()(cycle_id, programs=programs)
    if as_json:
        click.echo(json.dumps(members(found)))
        return
    show_price(found)


def members(found: CyclePrice) -> dict[str, object]:
    """A price as JSON."""
    return {
        "kinds": [
            {
                "kind": each.kind,
                "read": [
                    {"queue": read.name, "rows": read.rows, "exact": read.exact, "way": read.way, "basis": read.basis}
                    for read in each.readings
                ],
                "cost": {vendor: cost_members(cost) for vendor, cost in each.cost.items()},
            }
            for each in found.kinds
        ],
        "total": {vendor: cost_members(cost) for vendor, cost in found.total.items()},
        "calls_left": {vendor: left.calls for vendor, left in found.left.items()},
        "days": None if found.days is None else round(found.days, 2),
        "warnings": list(found.warnings),
    }


def show_price(found: CyclePrice) -> None:
    """Print a price."""
    for each in found.kinds:
        click.echo(f"{each.kind}:")
        for read in each.readings:
            click.echo(f"  reads {_read(read)}")
        for vendor, cost in each.cost.items():
            click.echo(f"  {vendor.capitalize()}: {cost_in_words(cost)}")
    click.echo("In all:")
    for vendor, cost in found.total.items():
        calls = found.left[vendor].calls
        left = "nobody knows how many calls are left" if calls is None else f"{calls} calls are left today"
        click.echo(f"  {vendor.capitalize()}: {cost_in_words(cost)}; {left}")
    click.echo(f"  At the limits of a day it takes {_days(found.days)}.")
    for warning in found.warnings:
        click.echo(f"  Warning: {warning}.")


def _read(read: Reading) -> str:
    number = "an unknown number of" if read.rows is None else f"{'' if read.exact else 'about '}{read.rows}"
    basis = f" ({read.basis})" if read.basis and not read.exact else ""
    jobs = f" in {read.windows} jobs" if read.way == "bulk" else ""
    return f"{read.name}: {number} rows{basis}{jobs}"


def _days(days: float | None) -> str:
    if days is None:
        return "nobody knows how long"
    return "less than a day" if days <= 1 else f"about {days:.1f} days"
