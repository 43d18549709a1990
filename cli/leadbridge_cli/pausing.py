"""Commands that let Actions rest and go on: trial, pause, resume."""

import click

from leadbridge.domain.lifecycle import DocumentState, Move
from leadbridge.usecases.pausing import CONNECTIONS
from leadbridge_cli.common import fail, named, pass_target
from leadbridge_cli.stack import Target

ACTIONS = click.argument("actions", metavar="[ACTION...]", nargs=-1)
EVERYTHING = click.option("--all", "everything", is_flag=True, help="All Actions together, whatever their own states.")
CONNECTION = click.option("--connection", metavar="NAME", help="Everything that would begin through a connection.")


@click.command()
@click.argument("actions", metavar="ACTION...", nargs=-1, required=True)
@pass_target
def trial(target: Target, actions: tuple[str, ...]) -> None:
    """Let Actions run for the people of their `trial` only; everybody else is skipped."""
    move_actions(target, actions, Move.TRY)


@click.command()
@ACTIONS
@EVERYTHING
@CONNECTION
@pass_target
def pause(target: Target, /, actions: tuple[str, ...], *, everything: bool, connection: str | None) -> None:
    """Begin nothing more: calls are accepted and kept, what was begun ends."""
    _one_choice(actions, everything=everything, connection=connection)
    if everything:
        target.pausing().everything(paused=True)
        click.echo("All Actions are paused; what comes in is kept. `leadbridge resume --all` lets them go on.")
    elif connection is not None:
        _move_connection(target, connection, Move.PAUSE)
    else:
        move_actions(target, actions, Move.PAUSE)


@click.command()
@ACTIONS
@EVERYTHING
@CONNECTION
@pass_target
def resume(target: Target, /, actions: tuple[str, ...], *, everything: bool, connection: str | None) -> None:
    """Go on as before the pause: what was kept runs, oldest first."""
    _one_choice(actions, everything=everything, connection=connection)
    if everything:
        still = target.pausing().everything(paused=False)
        rest = f" Paused by themselves: {', '.join(still)}." if still else ""
        click.echo(f"The Actions are as they were before; what was kept runs, oldest first.{rest}")
    elif connection is not None:
        _move_connection(target, connection, Move.RESUME)
    else:
        move_actions(target, actions, Move.RESUME)


def move_actions(target: Target, actions: tuple[str, ...], move: Move) -> None:
    """Take Actions a step on, and say where they stand then."""
    missing = [action for action in actions if target.configurations.get("action", action) is None]
    if missing:
        fail([f"There is no Action {named(action)}. `leadbridge actions` lists them." for action in missing])
    pausing = target.pausing()
    for action in actions:
        notice = " Webhooks notice within 30 seconds." if move is Move.ACTIVATE else ""
        click.echo(f"{action} is {in_words(pausing.move('action', action, move))}.{notice}")
    if move in {Move.ACTIVATE, Move.TRY, Move.RESUME} and target.configurations.paused():
        click.echo("All Actions are paused: nothing begins before `leadbridge resume --all`.")


def in_words(state: DocumentState) -> str:
    """A state of an Action in words: one that was never active yet is inactive all the same."""
    if state is DocumentState.TRIAL:
        return "on trial"
    never = state in {DocumentState.DRAFT, DocumentState.VALIDATED}
    return f"inactive, {state}" if never else state.value


def _move_connection(target: Target, name: str, move: Move) -> None:
    kinds = [kind for kind in CONNECTIONS if target.configurations.get(kind, name) is not None]
    if not kinds:
        fail([f"There is no connection {named(name)}. `leadbridge connections list` lists them."])
    pausing = target.pausing()
    for kind in kinds:
        state = pausing.move(kind, name, move)
        click.echo(f"{name} is {'enabled' if state is DocumentState.ACTIVE else state.value}.")


def _one_choice(actions: tuple[str, ...], *, everything: bool, connection: str | None) -> None:
    if sum((bool(actions), everything, connection is not None)) != 1:
        fail(["Say which: Actions by id, --connection NAME, or --all."])
