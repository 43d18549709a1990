"""Evaluation of a condition tree over the columns of one event."""

from collections.abc import Mapping
from typing import Any

from leadbridge.domain.action import Clause, Group
from leadbridge.domain.values import blank, normalised

WORDS = {
    "equals": "equals",
    "not_equals": "does not equal",
    "is_empty": "is empty",
    "is_not_empty": "is not empty",
}


def failing_clause(group: Group, columns: Mapping[str, Any]) -> str | None:
    """None if the tree holds, else the clause (or group) that does not, in words.

    Text compares as both vendors compare it: trimmed and without regard to case. A number equals its
    text (`"10"` equals 10), true/false equal their words. A blank equals nothing.
    """
    failed: list[str] = []
    for item in group.clauses:
        if isinstance(item, Group):
            words = failing_clause(item, columns)
        else:
            words = None if _holds(item, columns.get(item.column)) else describe(item)
        if words is None and group.match == "any":
            return None
        if words is not None:
            if group.match == "all":
                return words
            failed.append(words)
    return " or ".join(failed) if failed else None


def describe(clause: Clause) -> str:
    """The clause in words; the configured value is configuration, not personal data."""
    value = "" if clause.value is None else f" {clause.value!r}"
    return f"{clause.column} {WORDS[clause.operator]}{value}"


def _holds(clause: Clause, value: Any) -> bool:
    if clause.operator == "is_empty":
        return blank(value)
    if clause.operator == "is_not_empty":
        return not blank(value)
    equal = not blank(value) and _same(value, clause.value)
    return equal == (clause.operator == "equals")


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        try:
            return float(str(value).strip()) == float(wanted)
        except ValueError:
            return False
    return normalised(value) == normalised(wanted)
