"""`leadbridge cycle propose`: a first draft of a CRM cycle, for people to change before they apply it."""

import click
import yaml

from leadbridge.domain.cycle_proposal import Mode
from leadbridge.usecases.propose_cycle import ProposeCycle
from leadbridge_cli.common import fail, named, pass_target
from leadbridge_cli.stack import Target


@click.command("propose")
@click.argument("marketo")
@click.argument("salesforce")
@click.option(
    "--beside-native",
    "mode",
    flag_value="beside_native",
    default="replace_native",
    help="Marketo's own CRM sync stays on; companies, opportunities and sales persons are read-only then.",
)
@pass_target
def propose_cycle(target: Target, marketo: str, salesforce: str, mode: Mode) -> None:
    """Draft a cycle of two connections, out of what both systems describe; nothing is stored.

    The document is printed, ready for a file; what it lacks is told in comments before it.
    """
    for kind, name in (("marketo_connection", marketo), ("salesforce_connection", salesforce)):
        if target.configurations.get(kind, name) is None:
            fail([f"There is no {kind.replace('_', ' ')} {named(name)}. `leadbridge connections list` lists them."])
    draft = ProposeCycle(connections=target.connections)(marketo, salesforce, mode)
    for note in draft.notes:
        click.echo(f"# {note}")
    click.echo(yaml.safe_dump(draft.document, sort_keys=False, allow_unicode=True), nl=False)
