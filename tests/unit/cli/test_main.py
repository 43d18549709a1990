"""The table of commands."""

import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from leadbridge_cli.main import COMMANDS, main


def every_command(group: click.Group, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """The commands below a group, with the words that run them."""
    context = click.Context(group)
    for each in group.list_commands(context):
        command = group.get_command(context, each)
        assert command is not None, each
        yield f"{name} {each}".strip(), command
        if isinstance(command, click.Group):
            yield from every_command(command, f"{name} {each}".strip())


def test_every_command_says_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command and option has a help text that is a sentence; `--help` works without any deployment."""
    monkeypatch.setattr(sys, "argv", ["leadbridge", "--help"])
    for words, command in every_command(main):
        assert command.help, words
        assert command.help.strip().endswith("."), words
        done = CliRunner().invoke(main, [*words.split(), "--help"])
        assert done.exit_code == 0, words


def test_help_lists_each_command_once_under_its_heading(monkeypatch: pytest.MonkeyPatch) -> None:
    """The headings stand in the order of the table, and every command of the table below one of them."""
    monkeypatch.setattr(sys, "argv", ["leadbridge", "--help"])

    text = CliRunner().invoke(main, ["--help"]).stdout

    headings = [text.index(f"\n{heading}:\n") for heading in COMMANDS]
    assert headings == sorted(headings)
    names = [name for names in COMMANDS.values() for name in names]
    assert len(names) == len(set(names))
    assert main.list_commands(click.Context(main)) == names
    assert all(f"\n  {name} " in text for name in names)


def test_an_argument_too_many_is_not_repeated() -> None:
    """What stands where nothing belongs may be a secret: it is told without its words."""
    done = CliRunner().invoke(main, ["activate", "one", "--help-me"], obj=object())
    extra = CliRunner().invoke(main, ["show", "one", "hunter2"], obj=object())

    assert done.exit_code == extra.exit_code == 2
    assert "an argument too many" in extra.stderr
    assert "hunter2" not in extra.output
