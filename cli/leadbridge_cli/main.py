"""`leadbridge`: all commands in one table."""

import sys
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from leadbridge.errors import SyncError
from leadbridge.usecases.apply_configuration import explain
from leadbridge_cli import documents, executions, pausing
from leadbridge_cli.alerts import alerts
from leadbridge_cli.callbacks import callbacks
from leadbridge_cli.common import fail
from leadbridge_cli.connections import connections, setup
from leadbridge_cli.keys import keys
from leadbridge_cli.recovering import recover
from leadbridge_cli.stack import find_target
from leadbridge_cli.trying import try_
from leadbridge_cli.webhook_sheet import webhook_sheet

#: what `leadbridge --help` lists, in this order
COMMANDS: dict[str, tuple[click.Command, ...]] = {
    "Documents": (
        documents.validate,
        documents.plan,
        documents.apply,
        documents.export,
        documents.history,
        documents.diff,
        documents.rollback,
    ),
    "Actions": (documents.actions, documents.view, documents.activate, documents.deactivate, try_, keys, webhook_sheet),
    "Actions for a while": (pausing.trial, pausing.pause, pausing.resume),
    "Connections": (connections, setup),
    "Alerts": (alerts,),
    "Executions": (executions.executions, executions.show, executions.person, executions.redrive, recover, callbacks),
}


class Commands(click.Group):
    """The commands of the table; they end with a sentence where the deployment or a vendor refuses something."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            # click repeats what was typed, and what is one too many may be a secret or an address
            if "unexpected extra argument" not in error.message:
                raise
            raise click.UsageError("There is an argument too many; --help tells which there are.", error.ctx) from None
        except SyncError as error:
            fail(explain(error))
        except (BotoCoreError, ClientError) as error:
            fail([f"AWS refused or did not answer: {error}"])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's signature
        """List the commands under the headings of the table."""
        for heading, commands in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl([(str(each.name), each.get_short_help_str(limit=100)) for each in commands])


@click.group(cls=Commands, commands=[each for commands in COMMANDS.values() for each in commands])
@click.option("--stack", help="CloudFormation stack; without it the local stack of `make run`.")
@click.option("--region", help="Its Region, where your AWS configuration does not say.")
@click.pass_context
def main(context: click.Context, stack: str | None, region: str | None) -> None:
    """Configure and watch a Leadbridge deployment."""
    # a test brings the deployment along
    if context.obj is None and not context.resilient_parsing and "--help" not in sys.argv:
        context.obj = find_target(stack, region)


if __name__ == "__main__":
    main()
