"""`leadbridge forget`: remove whatever a deployment keeps of a person, and give a receipt."""

import json

import click

from leadbridge.usecases.erasure_told import erasure_line, erasure_members, left_lines, plan_lines, plan_members
from leadbridge_cli.common import as_json, fail, pass_target
from leadbridge_cli.stack import Target


@click.command()
@click.option("--email", help="The person's e-mail address.")
@click.option("--id", "ids", multiple=True, help="An id that nothing leads to any more: Marketo's, or a Lead's.")
@click.option("--yes", is_flag=True, help="Remove what the plan shows; without it nothing is removed.")
@click.option("--log", "is_log", is_flag=True, help="Show instead when people were forgotten, and by whom.")
@as_json
@pass_target
def forget(target: Target, *, email: str | None, ids: tuple[str, ...], yes: bool, is_log: bool, as_json: bool) -> None:
    """Find whatever is kept of a person, and with --yes remove it.

    All tables and files are read. Nothing is deleted in Marketo and Salesforce. It ends with 1 as long as something is
    at work with the person; the same command finishes then, as it does after it was broken off.
    """
    use_case = target.forget_person()
    if is_log:
        told = use_case.log()
        if as_json:
            click.echo(json.dumps([erasure_members(each) for each in told]))
        else:
            click.echo("\n".join(map(erasure_line, told)) or "Nobody was forgotten.")
        return
    if not email:
        fail(["Give --email, or --log."])
    plan = use_case.plan(email, ids)
    if not as_json:
        for line in plan_lines(plan):
            click.echo(line)
    done = use_case.carry_out(plan, target.author()) if yes else plan
    if as_json:
        click.echo(json.dumps(plan_members(done, removed=yes)))
    else:
        click.echo(f"Removed: {len(done.steps)}." if yes else "Nothing was removed; --yes removes all of it.")
        click.echo("Left:")
        for line in left_lines(done):
            click.echo(f"- {line}")
        if yes:
            click.echo(f"Noted as {done.who}, a keyed hash of the address.")
    if yes and done.busy:
        raise SystemExit(1)
