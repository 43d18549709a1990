"""The commands that alerts tell people to run exist, with the options they are told with."""

import re
import shlex

import click
import pytest

from leadbridge.domain.alert_texts import block
from leadbridge.domain.alerts import Kind
from leadbridge_cli.main import main
from tests.unit.domain.test_alert_texts import a_notice


def commands_in(text: str) -> list[str]:
    """What a message tells people to run: its last line, and what stands in backquotes."""
    return [text.splitlines()[-1].removeprefix("Command: "), *re.findall(r"`(leadbridge[^`]*)`", text)]


@pytest.mark.parametrize("reason", ["salesforce_STRING_TOO_LONG", ""], ids=["with a reason", "without one"])
@pytest.mark.parametrize("kind", Kind)
def test_every_command_of_an_alert_can_be_run(kind: Kind, reason: str) -> None:
    """Each is a command of ours that takes the arguments and options it is given."""
    facts: dict[str, str | int] = {"reason": reason, "connection": reason and "marketo-main"}
    for line in commands_in(block(a_notice(kind, facts=facts), "prod")):
        program, option, stack, *words = shlex.split(line)
        command: click.Command | None = main
        while isinstance(command, click.Group):
            command = command.get_command(click.Context(command), words.pop(0))
        assert command is not None
        command.make_context(str(command.name), words, resilient_parsing=False)
        assert (program, option, stack) == ("leadbridge", "--stack", "prod")
