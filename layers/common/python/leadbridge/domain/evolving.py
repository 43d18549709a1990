"""Copies of frozen values with changes, for values that change at every step of a run.

`dataclasses.replace` reads and sets every field by itself, which for an event with thirty of them takes longer than
most of what is decided in between.
"""

import dataclasses
from typing import Any

_new, _set = object.__new__, object.__setattr__


def evolved[T](value: T, changes: dict[str, Any]) -> T:
    """A copy of a dataclass value with `changes`, which has no slots and nothing to do once it is made.

    What it has remembered of itself (a cached property, say) the copy has, too.

    Raises:
        TypeError: It has no field of such a name.
    """
    held = vars(value)
    found = held | changes
    if len(found) != len(held):
        raise TypeError(f"{type(value).__name__} has no field {', '.join(sorted(changes.keys() - held.keys()))}")
    copy = _new(type(value))
    _set(copy, "__dict__", found)
    return copy


def replace[T](value: T, /, **changes: Any) -> T:
    """As that of `dataclasses`, sooner where it may be."""
    if hasattr(value, "__slots__") or hasattr(value, "__post_init__"):
        return dataclasses.replace(value, **changes)  # type: ignore[type-var]  # as above
    return evolved(value, changes)
