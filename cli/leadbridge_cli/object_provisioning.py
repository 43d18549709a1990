"""`leadbridge cycle provision`: make in one system what it lacks of an object that the other one has.

What Salesforce lacks is written as a folder that an administrator deploys; what Marketo lacks is made by its own API,
where the subscription has it. Either way the plan comes first.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from leadbridge.domain.object_package import folder
from leadbridge.domain.provisioning import NewObject, NewType
from leadbridge.usecases.provision_object import lacking_in_marketo, lacking_in_salesforce, made
from leadbridge_cli.common import fail, named, pass_target
from leadbridge_cli.stack import Target

if TYPE_CHECKING:
    from leadbridge.vendors.marketo.client import MarketoClient
    from leadbridge.vendors.salesforce.client import SalesforceClient


@click.command("provision")
@click.argument("marketo")
@click.argument("salesforce")
@click.option("--from-salesforce", "theirs", metavar="OBJECT", help="Make this object of Salesforce in Marketo.")
@click.option("--from-marketo", "ours", metavar="OBJECT", help="Write what of this object Salesforce lacks.")
@click.option("--as", "name", metavar="NAME", default="", help="What it is called in the other system.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default=Path("leadbridge-object"))
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_target
def provision(
    target: Target, marketo: str, salesforce: str, *, theirs: str, ours: str, name: str, output: Path, yes: bool
) -> None:
    """Make what one of two connections lacks of a custom object of the other, after a printed plan.

    Behind it stands what a cycle's document says to keep the object.
    """
    for kind, connection in (("marketo_connection", marketo), ("salesforce_connection", salesforce)):
        if target.configurations.get(kind, connection) is None:
            fail(
                [f"There is no {kind.replace('_', ' ')} {named(connection)}. `leadbridge connections list` lists them."]
            )
    if bool(theirs) == bool(ours):
        fail(["Give one of --from-salesforce and --from-marketo."])
    client, org = target.connections.marketo(marketo), target.connections.salesforce(salesforce)
    if theirs:
        _make_in_marketo(client, org, theirs, name, yes=yes)
    else:
        _write_for_salesforce(client, org, ours, name, output, yes=yes)


def _make_in_marketo(client: "MarketoClient", org: "SalesforceClient", name: str, to: str, *, yes: bool) -> None:
    found = lacking_in_marketo(client, org, name, to)
    plan = found.plan
    _say(plan)
    if not found.by_api:
        fail(["This Marketo subscription has no API that makes custom objects; make it in Admin > Custom Objects."])
    if plan.wrong:
        fail(list(plan.wrong))
    if not plan.lacks:
        click.echo(f"Marketo lacks nothing of {plan.api_name}.")
    elif yes or click.confirm("Make this now?"):
        made(client, plan)
        click.echo(f"Made: {plan.api_name} is approved.")
    else:
        fail(["Nothing was made."])
    _tell(found.document)


def _write_for_salesforce(
    client: "MarketoClient", org: "SalesforceClient", name: str, to: str, output: Path, *, yes: bool
) -> None:
    found = lacking_in_salesforce(client, org, name, to)
    plan = found.plan
    _say(plan)
    if plan.exists and not plan.fields:
        click.echo(f"Salesforce lacks nothing of {plan.api_name}.")
    elif yes or click.confirm(f"Write this to {output}?"):
        for path, text in folder(plan).items():
            file = output / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        click.echo(
            f"Deploy it: cd {output} && sf project deploy start --manifest manifest/package.xml --target-org ORG"
        )
        click.echo("Then give our user access to it: `leadbridge setup salesforce` writes the permission set.")
    else:
        fail(["Nothing was written."])
    _tell(found.document)


def _say(plan: NewType | NewObject) -> None:
    for line in plan.lines():
        click.echo(line)


def _tell(kept: Mapping[str, Any]) -> None:
    """What a cycle's document says to keep the object."""
    name = str(kept["marketo"]).removesuffix("_c").replace("_", "-").lower()
    click.echo("# in the document of a cycle:")
    click.echo(yaml.safe_dump({"custom_objects": {"objects": {name: dict(kept)}}}, sort_keys=False), nl=False)
