"""Checks of an Action's conditions against what the source describes: every finding, each with its remedy."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from leadbridge.domain.clauses import OPERATORS, Clause, Family, Group, Takes, family_of, operators_for, walk
from leadbridge.domain.condition_values import number, span, wanted_moment
from leadbridge.domain.conditions import misfits
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.values import blank, kind

#: nobody can follow a deeper tree; the outermost group is the first
DEPTH_LIMIT = 8
CLAUSE_LIMIT = 100
#: what a long enumeration belongs into is a list
VALUES_LIMIT = 200
#: any zone will do to see whether a time can be read
_ZONE = UTC
#: how the families are called in a sentence, and what they want to be compared with
NAMES: Mapping[Family, tuple[str, str]] = {
    Family.TEXT: ("a text", "a text"),
    Family.EMAIL: ("an e-mail address", "a text"),
    Family.NUMBER: ("a number", "a number"),
    Family.DATE: ("a date", "a day (2026-03-09)"),
    Family.DATETIME: ("a date and time", "a day (2026-03-09) or a time (2026-03-09T17:30)"),
    Family.BOOLEAN: ("a yes/no field", "true or false"),
    Family.PICKLIST: ("a picklist", "a text"),
}


def check_conditions(
    group: Group,
    *,
    fields: Mapping[str, FieldDescription],
    lists: Collection[str],
    payload: Callable[[str], bool],
    owner: str = "the Marketo lead",
) -> Iterator[str]:
    """Findings about a tree, as `conditions.clauses[1].value: what is wrong; what to do`.

    Args:
        group: The tree.
        fields: The source's columns by name.
        lists: The ids of the lists that there are, as far as the tree names them.
        payload: Whether a column that is not described can come with a call (`campaign.name`, tokens).
        owner: Whose columns they are, for the sentences.
    """
    yield from _check_size(group)
    for path, clause in walk(group):
        described = fields.get(clause.column)
        if described is None and not payload(clause.column):
            close = get_close_matches(clause.column, list(fields), n=1)
            hint = f"did you mean {close[0]}?" if close else "correct the name or add the field"
            yield f"{path}.column: {owner} has no field {clause.column}; {hint}"
        else:
            yield from _check_clause(path, clause, described, lists)


def _check_size(group: Group) -> Iterator[str]:
    for path, _ in walk(group):
        # one step for each group between the root and the clause, and one for the clause
        if path.count(".clauses[") > DEPTH_LIMIT:
            yield f"{path}: is nested in more than {DEPTH_LIMIT} groups; move it further out"
    clauses = sum(1 for _ in walk(group))
    if clauses > CLAUSE_LIMIT:
        yield f"conditions: there are {clauses} clauses, {CLAUSE_LIMIT} are the most; use `in` or a list"


def _check_clause(
    path: str, clause: Clause, described: FieldDescription | None, lists: Collection[str]
) -> Iterator[str]:
    if described is not None and clause.type not in {None, family_of(described.type)}:
        yield f"{path}.type: {clause.column} is {_name(described.type)}; remove `type`, it is known"
    word = described.type if described else (clause.type or Family.TEXT).value
    offered = operators_for(word)
    if clause.operator not in offered:
        remedy = f"choose one of {', '.join(offered)}"
        if described is None and clause.type is None:
            others = sorted(family.value for family in OPERATORS[clause.operator].families)
            remedy = f"say what it is with `type` ({', '.join(others)}), or {remedy}"
        yield f"{path}.operator: `{clause.operator}` is not offered for {clause.column}, {_name(word)}; {remedy}"
        return
    yield from _check_values(f"{path}.value", clause, family_of(word), described, lists)


def _check_values(
    where: str, clause: Clause, family: Family, described: FieldDescription | None, lists: Collection[str]
) -> Iterator[str]:
    takes = OPERATORS[clause.operator].takes
    if takes is Takes.LIST:
        if clause.value not in lists:
            yield f"{where}: there is no list {clause.value}; apply its document first"
        return
    wrong = misfits(clause, family, _ZONE)
    for value in wrong:
        wanted = Takes.SPAN.value if takes is Takes.SPAN else _wanted(clause, family)
        yield f"{where}: {kind(value)} is given for {clause.column}; give {wanted}"
    if wrong:
        return
    if len(clause.values) > VALUES_LIMIT:
        yield f"{where}: {len(clause.values)} values given; keep so many as a list and use `{clause.operator}_list`"
    if clause.operator not in {"equals", "not_equals"}:
        # these two took everything from the beginning
        yield from _check_texts(where, clause, family)
    if family is Family.DATE:
        yield from _check_days(where, clause, takes)
    if takes is Takes.RANGE and not _ascends(clause.values, family):
        yield f"{where}: the first value is above the second, so nothing lies between; exchange them"
    if described and described.restricted_picklist and described.picklist:
        yield from _check_choices(where, clause.column, clause.values, described.picklist)


def _wanted(clause: Clause, family: Family) -> str:
    wanted = NAMES[family][1]
    if family in {Family.DATE, Family.DATETIME}:
        words = clause.operator not in {"equals", "not_equals"}
        return wanted + (", or today, yesterday, tomorrow" if words else " (`on_day` also takes today)")
    return wanted


def _check_texts(where: str, clause: Clause, family: Family) -> Iterator[str]:
    if family not in {Family.TEXT, Family.EMAIL, Family.PICKLIST}:
        return
    for value in clause.values:
        if isinstance(value, bool):
            word = "true" if value else "false"
            yield f"{where}: {word} is given for a text; put texts that YAML reads as {word} in quotation marks"
        elif blank(value):
            yield f"{where}: a blank is compared with nothing; use `is_empty` or `is_not_empty`"
        elif clause.operator.startswith("domain_") and not _is_domain(str(value)):
            yield f"{where}: {kind(value)} is given that is no domain; give the part behind the @, such as example.com"


def _is_domain(value: str) -> bool:
    name = value.strip().removeprefix("@")
    return "." in name.strip(".") and not name.startswith(".") and not set(name) & set(" @/*")


def _check_days(where: str, clause: Clause, takes: Takes) -> Iterator[str]:
    for value in clause.values:
        if takes is Takes.SPAN:
            if span(value)[1] == "hour":
                yield f"{where}: {clause.column} is a date and has no hours; give days, weeks or months"
        elif not _is_day(value):
            yield f"{where}: {clause.column} is a date; give a day without a time"


def _is_day(value: Any) -> bool:
    return isinstance(value, str) and len(value.strip()) <= 10


def _ascends(values: Sequence[Any], family: Family) -> bool:
    if family is Family.NUMBER:
        return number(values[0]) <= number(values[1])
    first, last = (wanted_moment(value, zone=_ZONE) for value in values)
    if isinstance(first, int) or isinstance(last, int):
        # a word and a day can only be compared when the time comes
        return not (isinstance(first, int) and isinstance(last, int)) or first <= last
    if isinstance(first, datetime) and isinstance(last, datetime):
        return first <= last
    return first.isoformat()[:10] <= last.isoformat()[:10]


def _check_choices(where: str, column: str, values: Sequence[Any], choices: Sequence[str]) -> Iterator[str]:
    known = {choice.strip().casefold() for choice in choices}
    for value in values:
        if str(value).strip().casefold() not in known:
            close = get_close_matches(str(value), choices, n=1)
            hint = f"did you mean {close[0]}?" if close else "choose one that there is"
            yield f"{where}: the picklist of {column} has no such value; {hint}"


def _name(word: str) -> str:
    """A column's type in a sentence: `a number (score)`."""
    name = NAMES[family_of(word)][0]
    return name if word in name else f"{name} ({word})"
