"""`leadbridge cycle provision`: make in one system what it lacks of an object that the other one has.

What Salesforce lacks is written as a folder that an administrator deploys; what Marketo lacks is made by its own API,
where the subscription has it. Either way the plan comes first.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from leadbridge.domain.provisioning import NewObject, NewType, document_of, new_object, new_type, salesforce_name
from leadbridge.errors import PermanentError
from leadbridge_cli.common import fail, named, pass_target
from leadbridge_cli.salesforce_setup import METADATA_VERSION, SOURCE, Member, json_file, package, xml_file
from leadbridge_cli.stack import Target

if TYPE_CHECKING:
    from leadbridge.vendors.marketo.client import MarketoClient
    from leadbridge.vendors.salesforce.client import SalesforceClient

#: the subscription has no API for the schema of custom objects
_NO_SCHEMA_API = frozenset({"616", "703"})


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
    try:
        types = [client.custom_object_types.describe(each.name) for each in client.custom_object_types.list()]
    except PermanentError as error:
        if error.code not in _NO_SCHEMA_API:
            raise
        plan = new_type(org.describe(name), [], to)
        _say(plan)
        fail(["This Marketo subscription has no API that makes custom objects; make it in Admin > Custom Objects."])
    plan = new_type(org.describe(name), types, to)
    _say(plan)
    if plan.wrong:
        fail(list(plan.wrong))
    if not plan.fields:
        click.echo(f"Marketo lacks nothing of {plan.api_name}.")
    elif yes or click.confirm("Make this now?"):
        made(client, plan)
        click.echo(f"Made: {plan.api_name} is approved.")
    else:
        fail(["Nothing was made."])
    _tell(document_of(plan.api_name, name, plan.pairs, to_marketo=True))


def made(client: "MarketoClient", plan: NewType) -> None:
    """Make what a plan says: a draft, its fields, and the approval, from which on it takes records."""
    if not plan.exists:
        words = {"apiName": plan.api_name, "displayName": plan.display_name, "pluralName": f"{plan.display_name}s"}
        client.custom_object_types.sync({"action": "createOnly", **words})
    client.custom_object_types.add_fields(plan.api_name, plan.fields)
    client.custom_object_types.approve(plan.api_name)


def _write_for_salesforce(
    client: "MarketoClient", org: "SalesforceClient", name: str, to: str, output: Path, *, yes: bool
) -> None:
    described = client.describe(name)
    wanted = to or salesforce_name(name)
    ends = {salesforce_name(end) for end, _ in described.links.values()}
    there = {each: org.describe(each) for each in _known(org, {wanted, *ends})}
    plan = new_object(described, there.get(wanted), to, objects=tuple(there))
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
    _tell(document_of(name, plan.api_name, plan.pairs, to_marketo=False))


def _known(org: "SalesforceClient", names: set[str]) -> Iterator[str]:
    for name in sorted(names):
        try:
            org.describe(name)
        except PermanentError:
            continue
        yield name


def folder(plan: NewObject) -> dict[str, str]:
    """The files to deploy, by their path below the folder."""
    fields = list(plan.fields)
    listed = {
        "CustomObject": [] if plan.exists else [plan.api_name],
        "CustomField": [f"{plan.api_name}.{name}" for name in fields],
    }
    files = {
        "sfdx-project.json": json_file(
            {"packageDirectories": [{"path": "force-app", "default": True}], "sourceApiVersion": METADATA_VERSION}
        ),
        "manifest/package.xml": package(listed),
    }
    base = f"{SOURCE}/objects/{plan.api_name}"
    if not plan.exists:
        own: list[Member] = [
            ("deploymentStatus", "Deployed"),
            ("label", plan.label),
            (
                "nameField",
                [("displayFormat", f"{plan.label[:20]}-{{00000000}}"), ("label", "Name"), ("type", "AutoNumber")],
            ),
            ("pluralLabel", f"{plan.label}s"),
            ("sharingModel", "ReadWrite"),
        ]
        files[f"{base}/{plan.api_name}.object-meta.xml"] = xml_file("CustomObject", own)
    for name in fields:
        members: list[Member] = [("fullName", name), *sorted(plan.fields[name].items())]
        files[f"{base}/fields/{name}.field-meta.xml"] = xml_file("CustomField", members)
    return files


def _say(plan: NewType | NewObject) -> None:
    for line in plan.lines():
        click.echo(line)


def _tell(kept: Mapping[str, Any]) -> None:
    """What a cycle's document says to keep the object."""
    name = str(kept["marketo"]).removesuffix("_c").replace("_", "-").lower()
    click.echo("# in the document of a cycle:")
    click.echo(yaml.safe_dump({"custom_objects": {"objects": {name: dict(kept)}}}, sort_keys=False), nl=False)
