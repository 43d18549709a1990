"""`leadbridge`: all commands in one table."""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from leadbridge.errors import SyncError
from leadbridge_cli.common import fail
from leadbridge_cli.stack import find_target

#: what `leadbridge --help` lists, in this order: the commands by the module that alone is loaded for them
COMMANDS: Mapping[str, Mapping[str, str]] = {
    "Documents": dict.fromkeys(("validate", "plan", "apply", "export", "history", "diff", "rollback"), "documents"),
    "Actions": {
        **dict.fromkeys(("actions", "view", "activate", "deactivate"), "documents"),
        "try": "trying",
        "keys": "keys",
        "webhook-sheet": "webhook_sheet",
    },
    "Actions for a while": dict.fromkeys(("trial", "pause", "resume"), "pausing"),
    "Connections": dict.fromkeys(("connections", "setup"), "connections"),
    "Syncs": {"syncs": "syncs"},
    "CRM cycles": {"cycle": "cycle", "attribution": "attribution"},
    "Alerts": {"alerts": "alerts"},
    "Executions": {
        **dict.fromkeys(("executions", "show", "person", "redrive"), "executions"),
        "recover": "recovering",
        "callbacks": "callbacks",
        "forget": "forgetting",
    },
}
MODULES: Mapping[str, str] = {name: module for names in COMMANDS.values() for name, module in names.items()}


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
            from leadbridge.usecases.apply_configuration import explain

            fail(explain(error))
        except (BotoCoreError, ClientError) as error:
            fail([f"AWS refused or did not answer: {error}"])

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """The names of the table."""
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # as above
        """A command; its module is loaded now, and what it needs with it."""
        if cmd_name not in MODULES:
            return None
        found = vars(import_module(f"leadbridge_cli.{MODULES[cmd_name]}"))[_variable(cmd_name)]
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands under the headings of the table."""
        for heading, names in COMMANDS.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(heading):
                formatter.write_dl([(name, each.get_short_help_str(limit=100)) for name, each in commands if each])


def _variable(name: str) -> str:
    """The variable of a command; `try` is a word of Python."""
    return {"try": "try_"}.get(name, name.replace("-", "_"))


@click.group(cls=Commands)
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
