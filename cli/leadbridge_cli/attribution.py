"""`leadbridge attribution`: which programs get credit for the opportunities of a cycle, and which lose it."""

import json
from collections.abc import Iterator

import click

from leadbridge.usecases.attribution_told import verdict_lines, verdict_members
from leadbridge.usecases.lint_attribution import AttributionPage
from leadbridge_cli.common import as_json, pass_target
from leadbridge_cli.stack import Target


@click.command()
@click.argument("cycle_id", metavar="CYCLE")
@click.option("--missing", is_flag=True, help="Only opportunities of which something is missing.")
@as_json
@pass_target
def attribution(target: Target, cycle_id: str, *, missing: bool, as_json: bool) -> None:
    """Tell of the opportunities that a cycle has seen which programs lose credit, and what is missing.

    Opportunities of its newest 20 runs. Nothing is written; both systems are asked, Marketo once for each person who
    has a role.
    """
    count = found = 0
    told = list[object]()
    whole = True
    for page in _pages(target, cycle_id):
        whole = whole and page.whole
        for verdict in page.verdicts:
            count += 1
            found += bool(verdict.findings)
            if missing and not verdict.findings:
                continue
            if as_json:
                told.append(verdict_members(verdict, page.programs))
            else:
                for line in verdict_lines(verdict, page.programs):
                    click.echo(line)
    if as_json:
        click.echo(json.dumps({"opportunities": told, "whole": whole}))
        return
    click.echo(f"{count} opportunit{'y' if count == 1 else 'ies'}, of {found} something is missing.")
    if not whole:
        click.echo("The newest runs have more files than are read, so some opportunities are not among them.")


def _pages(target: Target, cycle_id: str) -> Iterator[AttributionPage]:
    lint, after = target.attribution(), ""
    while True:
        page = lint(cycle_id, after)
        yield page
        after = page.following
        if not after:
            return
