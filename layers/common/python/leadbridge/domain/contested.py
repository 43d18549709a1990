"""Fields of a Marketo lead into which several Actions write, each something else. Pure."""

from collections.abc import Iterable
from typing import Any

from leadbridge.domain.action import Action
from leadbridge.domain.connector import AnyAction


def contested(action: Action, every: Iterable[AnyAction]) -> bool:
    """Whether any of the Actions writes another value into a field that `action` writes back.

    `every` are the current versions of all Actions: that of `action` itself may differ from the one that runs.
    """
    connection, mine = _written(action)
    return any(
        each == connection and any(name in mine and mine[name] != value for name, value in theirs.items())
        for each, theirs in map(_written, every)
    )


def _written(action: AnyAction) -> tuple[str, dict[str, Any]]:
    """The Marketo connection, and what is written into fields of its leads; equal values are written alike."""
    if not isinstance(action, Action):
        # what a call brings is nobody else's value
        return action.destination.connection, {each.to: each for each in action.mappings or ()}
    found: dict[str, Any] = {}
    for each in action.writeback:
        # the Id of another object's record is another Id
        found[each.to] = (each.kind, each.static if each.kind == "static" else (each, action.destination, action.type))
    return action.source.connection, found
