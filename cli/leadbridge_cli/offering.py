"""`leadbridge connections objects`: what a connection offers to whoever writes an Action or a Sync."""

import json
from collections.abc import Sequence

import click

from leadbridge.domain.clauses import operators_for
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.sync_objects import AS_DESTINATION
from leadbridge.usecases.catalogue import Catalogue, CatalogueObject
from leadbridge_cli.common import as_json, fail, named, pass_target
from leadbridge_cli.stack import Target

KINDS = {"marketo_connection": "marketo", "salesforce_connection": "salesforce"}


@click.command("objects")
@click.argument("name")
@click.argument("object_name", metavar="[OBJECT]", required=False)
@click.option(
    "--sync",
    "end",
    type=click.Choice(["source", "destination"]),
    help="Those that a Sync may read, or write; without it what an Action may name.",
)
@as_json
@pass_target
def objects(target: Target, name: str, object_name: str | None, *, end: str | None, as_json: bool) -> None:
    """List the tables or objects that an Action or a Sync may name; of one its fields, as the vendor describes them."""
    kinds = [vendor for kind, vendor in KINDS.items() if target.configurations.get(kind, name)]
    if not kinds:
        fail([f"There is no connection {named(name)}. `leadbridge connections list` lists them."])
    catalogue = Catalogue(connections=target.connections, clock=target.clock)
    listing = {"source": catalogue.sources, "destination": catalogue.destinations}.get(end or "", catalogue.objects)
    offered = listing(kinds[0], name).found
    if object_name is None:
        _show_objects(offered, as_json=as_json)
        return
    if object_name not in {each.name for each in offered}:
        fail([f"{name} offers no such object. `leadbridge connections objects {name}` lists what it offers."])
    # members of a list or program have other fields where they are written
    into = kinds[0] == "marketo" and end == "destination"
    described = AS_DESTINATION.get(object_name, object_name) if into else object_name
    fields = catalogue.fields(kinds[0], name, described, of_sync=end is not None).found
    _show_fields(fields, kinds[0], as_json=as_json)


def _show_objects(offered: Sequence[CatalogueObject], *, as_json: bool) -> None:
    if as_json:
        members = ("name", "label", "custom", "createable", "updateable")
        click.echo(json.dumps([{name: getattr(each, name) for name in members} for each in offered]))
        return
    for each in offered:
        rights = [word for word, may in (("create", each.createable), ("update", each.updateable)) if may]
        rights = rights or ["read only"]
        click.echo(f"{each.name} ({'custom, ' if each.custom else ''}{', '.join(rights)}): {each.label}")


def _show_fields(fields: Sequence[FieldDescription], vendor: str, *, as_json: bool) -> None:
    rows = [
        {
            "name": each.name,
            "label": each.label,
            "type": each.type,
            "length": each.length,
            "createable": each.createable,
            "updateable": each.updateable,
            "required": each.required_on_create,
            "unique": each.unique,
            "picklist": list(each.picklist),
            "operators": list(operators_for(each.type)) if vendor == "marketo" else [],
        }
        for each in fields
    ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        size = f" of {row['length']}" if row["length"] else ""
        flags = [word for word in ("required", "unique") if row[word]]
        flags += [] if row["createable"] or row["updateable"] else ["read only"]
        click.echo(f"{row['name']} ({', '.join([f'{row["type"]}{size}', *flags])}): {row['label']}")
