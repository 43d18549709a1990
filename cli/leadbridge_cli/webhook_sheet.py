"""`leadbridge webhook-sheet`: what to paste into Marketo Admin > Webhooks, or how another system calls an Action."""

import json

import click

from leadbridge.domain.action import MarketoConnection
from leadbridge.domain.connector import ACTIONS, ConnectorAction
from leadbridge.domain.flow_step_service import install_url
from leadbridge.domain.webhook_sheets import (
    ENCODINGS,
    KEY_HEADER,
    Encoding,
    Instance,
    columns_of,
    flow_step_lines,
    sheet,
)
from leadbridge_cli.call_sheet import call_sheet
from leadbridge_cli.common import as_json, current_key, fail, named, pass_target
from leadbridge_cli.stack import Target


def _parse_maps(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [each.partition("=")[::2] for each in given]
    if not all(attribute and name for attribute, name in pairs):
        raise click.BadParameter("give ATTRIBUTE=FIELD, e.g. execution_id=leadbridgeExecution")
    return dict(pairs)


@click.command("webhook-sheet")
@click.argument("action")
@click.option("--encoding", type=click.Choice(ENCODINGS), default="json", show_default=True, help="Of the call.")
@click.option("--map", "maps", multiple=True, callback=_parse_maps, help="A response mapping: ATTRIBUTE=FIELD (REST).")
@click.option("--show-key", is_flag=True, help="Print the key too; it opens the Action to everybody who has it.")
@as_json
@pass_target
def webhook_sheet(
    target: Target, action: str, *, encoding: Encoding, maps: dict[str, str], show_key: bool, as_json: bool
) -> None:
    """Print what to paste into Marketo Admin > Webhooks, or how another system calls an Action."""
    stored = target.configurations.get("action", action)
    if stored is None or not isinstance(stored.document, ACTIONS):
        fail([f"There is no Action {named(action)}. `leadbridge actions` lists them."])
    document = stored.document
    if isinstance(document, ConnectorAction):
        if maps or encoding != "json":
            fail(["Other systems call this Action, with JSON; leave --encoding and --map out."])
        _tell_call(target, document, as_json=as_json, key=current_key(target, action) if show_key else None)
        return
    source = target.configurations.get("marketo_connection", document.source.connection)
    if source is None or not isinstance(source.document, MarketoConnection):
        fail([f"The Action reads from {document.source.connection}, which is no Marketo connection."])
    client = target.connections.marketo(document.source.connection)
    made = sheet(
        document,
        # SOAP names are a call of their own, which only response mappings need
        Instance(
            leads=client.describe_leads(),
            soap_names=client.leads.soap_names() if maps or (document.inline and document.writeback) else {},
        ),
        api_url=target.outputs["ApiUrl"],
        encoding=encoding,
        key=current_key(target, action) if show_key else None,
        maps=maps,
    )
    if isinstance(made, list):
        fail(made)
    if as_json:
        click.echo(json.dumps(made.document(), ensure_ascii=False))
        return
    for line in made.lines(how_to_get_the_key=f"what `leadbridge keys show {action}` prints"):
        click.echo(line)


def _tell_call(target: Target, action: ConnectorAction, *, as_json: bool, key: str | None) -> None:
    """Print how another system calls an Action."""
    api_url = target.outputs["ApiUrl"]
    key = key or f"what `leadbridge keys show {action.id}` prints"
    made = call_sheet(action, columns_of(action), api_url=api_url, key_header=KEY_HEADER, key=key)
    if as_json:
        click.echo(json.dumps(made.document(), ensure_ascii=False))
        return
    connection = action.source.connection
    for line in (*made.lines(), *flow_step_lines(install_url(api_url, connection), connection)):
        click.echo(line)
