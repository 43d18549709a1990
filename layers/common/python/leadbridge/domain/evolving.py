"""Copies of frozen values with changes, for values that change at every step of a run.

`dataclasses.replace` reads and sets every field by itself, which for an event with thirty of them takes longer than
most of what is decided in between.
"""

import dataclasses
from typing import Any

_NAMES: dict[type, frozenset[str]] = {}


def evolved[T](value: T, changes: dict[str, Any]) -> T:
    """A copy of a dataclass value with `changes`, which has no slots and nothing to do once it is made.

    Raises:
        TypeError: It has no field of such a name.
    """
    kind = type(value)
    names = _NAMES.get(kind) or _NAMES.setdefault(kind, frozenset(each.name for each in dataclasses.fields(kind)))  # type: ignore[arg-type]  # who calls it has a dataclass
    if not changes.keys() <= names:
        raise TypeError(f"{kind.__name__} has no field {', '.join(sorted(changes.keys() - names))}")
    copy = object.__new__(kind)
    vars(copy).update(vars(value), **changes)
    return copy


def replace[T](value: T, /, **changes: Any) -> T:
    """As that of `dataclasses`, sooner where it may be."""
    if hasattr(value, "__slots__") or hasattr(value, "__post_init__"):
        return dataclasses.replace(value, **changes)  # type: ignore[type-var]  # as above
    return evolved(value, changes)
