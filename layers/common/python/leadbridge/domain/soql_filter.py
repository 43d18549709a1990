"""Conditions as the WHERE part of a SOQL query, as far as SOQL can say them.

What Salesforce leaves out, our own evaluation would leave out, too; the other way round need not be: each row that
comes is judged by the whole tree again (`domain.conditions`), so that a clause means the same wherever it is asked. A
clause that SOQL cannot ask is told with the reason. Every value goes through `soql.literal` or `soql.like`, every name
through `soql.identifier`.

Source: SOQL and SOQL reference, "Comparison operators", "Quoted string escape sequences", "Date formats".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from leadbridge.domain import soql
from leadbridge.domain.clause_bounds import bounds_of
from leadbridge.domain.clauses import OPERATORS, Clause, Family, Group, Takes, family_of, operators_for, walk
from leadbridge.domain.condition_values import UnreadableError, boolean, number, wanted_moment
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.values import ID_TYPES, blank, text

#: texts that SOQL compares as a whole; others (long text, multipicklists, addresses) it takes apart or not at all
_TEXTS = frozenset({"string", "email", "phone", "url", "picklist", "combobox", "textarea", "encryptedstring"})
#: values of one IN list; longer lists are read by us
_MOST_VALUES = 500
_SIGNS: Mapping[str, str] = {"greater_than": ">", "at_least": ">=", "less_than": "<", "at_most": "<="}

_US_ANY = "another clause of its `any` group cannot be asked of the source"
_TOO_LONG = "the query would become too long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where a clause is asked: at the source, or by us alone, and then why."""

    path: str
    words: str
    at_source: bool
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What the source is asked to leave out, and where each clause is asked; no `text` where it is asked nothing."""

    text: str = ""
    clauses: tuple[Placed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What clauses are compiled against; `now` is when the run began, `lists` are members by the list's id."""

    fields: Mapping[str, FieldDescription]
    zone: tzinfo
    now: datetime
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)


def soql_filter(group: Group | None, setting: Setting, *, room: int = soql.URI_BYTES) -> Filter:
    """The WHERE part of a tree (without the word), at most `room` bytes long as part of an address.

    Where it would be longer, the longest clauses are left to us.
    """
    if group is None:
        return Filter()
    left_out: frozenset[str] = frozenset()
    while True:
        found = _tree(group, "conditions", setting, left_out)
        where = found.text or ""
        if soql.encoded_length(where) <= room:
            return Filter(text=where, clauses=tuple(_placed(group, found)))
        longest = max(found.texts, key=lambda path: len(found.texts[path]))
        left_out |= {longest}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A tree as text, None if nothing of it can be asked; the texts of its clauses, and why others have none."""

    text: str | None
    texts: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


def _tree(group: Group, path: str, setting: Setting, left_out: frozenset[str]) -> _Found:
    parts: list[_Found] = []
    for index, item in enumerate(group.clauses):
        where = f"{path}.clauses[{index}]"
        if isinstance(item, Group):
            parts.append(_tree(item, where, setting, left_out))
        else:
            parts.append(_leaf(item, where, setting, left_out))
    texts = {name: each for part in parts for name, each in part.texts.items()}
    refused = {name: why for part in parts for name, why in part.refused.items()}
    said = [part.text for part in parts if part.text]
    if group.match == "any" and len(said) < len(parts):
        # whoever fulfils the clause that cannot be asked must not be left out by the others
        return _Found(text=None, refused=refused | dict.fromkeys(texts, _US_ANY))
    if not said:
        return _Found(text=None, refused=refused)
    word = " AND " if group.match == "all" else " OR "
    # SOQL takes no AND beside an OR without parentheses
    joined = said[0] if len(said) == 1 else f"({word.join(said)})"
    return _Found(text=joined, texts=texts, refused=refused)


def _leaf(clause: Clause, path: str, setting: Setting, left_out: frozenset[str]) -> _Found:
    if path in left_out:
        return _Found(text=None, refused={path: _TOO_LONG})
    try:
        said = _clause(clause, setting)
    except _OursError as ours:
        return _Found(text=None, refused={path: str(ours)})
    return _Found(text=said, texts={path: said})


def _placed(group: Group, found: _Found) -> Iterator[Placed]:
    for path, clause in walk(group):
        why = found.refused.get(path, "")
        yield Placed(path=path, words=clause.told(), at_source=not why, why=why)


class _OursError(Exception):
    """A clause that SOQL cannot ask; carries the reason, which names no value."""


def _clause(clause: Clause, setting: Setting) -> str:
    described = setting.fields.get(clause.column)
    if described is None:
        raise _OursError(f"the source does not describe {clause.column}")
    if not described.filterable:
        raise _OursError(f"Salesforce cannot filter by {clause.column}")
    if clause.operator not in operators_for(described.type):
        raise _OursError(f"{clause.column} is of another type than the clause")
    name = soql.identifier(clause.column)
    positive = OPERATORS[clause.operator].denies or clause.operator
    denied = positive != clause.operator
    if positive == "is_empty":
        return f"{name} {'!=' if denied else '='} null"
    said = _positive(positive, name, clause, described, setting)
    # a blank equals nothing, so it fulfils what is asked with "not"
    return f"((NOT {said}) OR {name} = null)" if denied else said


def _positive(operator: str, name: str, clause: Clause, described: FieldDescription, setting: Setting) -> str:
    family = family_of(described.type)
    if family in {Family.DATE, Family.DATETIME}:
        if operator != clause.operator and family is Family.DATETIME and not _whole_days(clause, setting):
            # a second too much on this side would be one too few on the other
            raise _OursError("a time is denied, which SOQL compares by the second")
        return _moments(operator, name, clause, setting, days=family is Family.DATE)
    if family is Family.BOOLEAN:
        return f"{name} = {soql.literal(_truth(operator, clause))}"
    values = _values(clause, setting)
    if family is Family.NUMBER:
        return _numbers(operator, name, values)
    if described.type in ID_TYPES:
        return _ids(operator, name, values)
    if described.type not in _TEXTS:
        raise _OursError(f"{clause.column} holds what SOQL compares otherwise ({described.type})")
    if described.case_sensitive:
        raise _OursError(f"{clause.column} is case-sensitive at Salesforce, and conditions are not")
    return _texts(operator, name, values)


def _values(clause: Clause, setting: Setting) -> Sequence[Any]:
    if OPERATORS[clause.operator].takes is not Takes.LIST:
        found: Sequence[Any] = clause.values
    else:
        named = setting.lists.get(str(clause.value))
        if named is None:
            raise _OursError(f"there is no list {clause.value}")
        found = sorted(named)
    if len(found) > _MOST_VALUES:
        raise _OursError(f"more than {_MOST_VALUES} values are compared")
    return found


def _whole_days(clause: Clause, setting: Setting) -> bool:
    try:
        return not any(
            isinstance(wanted_moment(value, zone=setting.zone, words=False), datetime) for value in clause.values
        )
    except UnreadableError:
        return False


def _truth(operator: str, clause: Clause) -> bool:
    if OPERATORS[operator].takes is Takes.NOTHING:
        return operator == "is_true"
    try:
        return boolean(clause.value)
    except UnreadableError:
        raise _OursError("its value is neither true nor false") from None


def _moments(operator: str, name: str, clause: Clause, setting: Setting, *, days: bool) -> str:
    bounds = bounds_of(clause.model_copy(update={"operator": operator}), setting.zone, setting.now, days=days)
    if bounds is None:
        raise _OursError("its day or time has no form that SOQL compares")
    terms = []
    if bounds.first is not None:
        terms.append(f"{name} >= {soql.literal(bounds.first)}")
    if bounds.end is not None:
        terms.append(f"{name} < {soql.literal(bounds.end)}")
    return terms[0] if len(terms) == 1 else f"({' AND '.join(terms)})"


def _numbers(operator: str, name: str, values: Sequence[Any]) -> str:
    try:
        # as it is written, not as a binary fraction
        said = [format(number(value), "f") for value in values]
    except UnreadableError:
        raise _OursError("one of its values is no number") from None
    if operator in _SIGNS:
        return f"{name} {_SIGNS[operator]} {said[0]}"
    if operator == "between":
        return f"({name} >= {said[0]} AND {name} <= {said[1]})"
    return _among(name, said)


def _ids(operator: str, name: str, values: Sequence[Any]) -> str:
    found = [text(value).strip() for value in values]
    if operator not in {"equals", "in", "in_list"} or not all(is_id(each) and len(each) == 18 for each in found):
        raise _OursError("an id is compared with whole ids of 18 characters only")
    return _among(name, [soql.literal(canonical(each)) for each in found])


def _texts(operator: str, name: str, values: Sequence[Any]) -> str:
    if any(not isinstance(value, str) or blank(value) for value in values):
        raise _OursError("a text is compared with what is no text")
    try:
        if operator in {"equals", "in", "in_list"}:
            return _among(name, [soql.literal(text(value).strip()) for value in values])
        if operator in {"domain_in", "domain_in_list"}:
            names = [text(value).strip().removeprefix("@") for value in values]
            said = [f"{name} LIKE '%@{soql.like(each)[1:-1]}'" for each in names]
            return said[0] if len(said) == 1 else f"({' OR '.join(said)})"
        part = soql.like(text(values[0]))[1:-1]
    except ValueError:
        raise _OursError("SOQL cannot hold its value") from None
    pattern = {"contains": f"%{part}%", "starts_with": f"{part}%", "ends_with": f"%{part}"}[operator]
    return f"{name} LIKE '{pattern}'"


def _among(name: str, said: Sequence[str]) -> str:
    return f"{name} = {said[0]}" if len(said) == 1 else f"{name} IN ({','.join(said)})"
