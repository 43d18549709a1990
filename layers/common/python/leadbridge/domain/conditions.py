"""Evaluation of a condition tree over the columns of one event.

A tree is compiled once for each Action version into closures; judging an event reads no documents. What is asked is
said by `clauses.OPERATORS`. The rules that hold for all operators:

- A **blank** (null, nothing but white space, a column that was not sent) equals nothing, contains nothing, lies in no
  list and in no range, is neither true nor false. What is asked with *not* is the exact opposite of what is asked
  without, so `not_equals`, `not_contains`, `not_in` ... hold for a blank.
- A value that **cannot be read** as the column's type ("ten" in a number) is compared with nothing either. A clause
  that fails because of that is recorded as unreadable.
- **Text** compares as both vendors compare it: trimmed and without regard to case. Numbers compare by value (`"10.0"`
  is 10), so do days and times.
- A **day** is a day of the Action's zone; a time is compared with a day by the day it falls on there. Times of a
  payload without an offset are UTC, as Marketo means them; times of a document are the Action's zone's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any

from leadbridge.domain.clauses import OPERATORS, Clause, Family, Group, Takes, family_of, operators_for, walk
from leadbridge.domain.condition_values import (
    Moment,
    Span,
    UnreadableError,
    boolean,
    day,
    day_word,
    domain,
    moment,
    number,
    span,
    wanted_moment,
)
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.values import blank, normalised, text

#: what is asked of a value that is neither blank nor unreadable, given the instant of the question
type Question = Callable[[Any, datetime], bool]


class ClauseResult(StrEnum):
    """What became of one clause."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does_not_hold"
    UNREADABLE = "unreadable"  # does not hold, because the value cannot be read as the column's type
    NOT_EVALUATED = "not_evaluated"  # the others had decided already, or what the clause needs is not at hand


class UnknownListError(KeyError):
    """A clause names a list that there is not; carries its id."""


@dataclass(frozen=True, slots=True)
class CompiledClause:
    """One clause, ready; `judge` takes the column's value and the instant (None: nobody knows)."""

    path: str
    column: str
    operator: str
    type: str  # the vendor's word, or the family that the operator and its value imply
    words: str
    judge: Callable[[Any, datetime | None], ClauseResult]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a tree said about one event: no value of the event is in it."""

    #: the clause (or group) that does not hold, in words; None if the tree holds
    failing: str | None
    clauses: tuple[CompiledClause, ...]
    results: tuple[ClauseResult, ...]

    @property
    def holds(self) -> bool:
        """Whether the event goes on."""
        return self.failing is None

    def record(self) -> list[dict[str, str]]:
        """The decision for the execution's log: what was asked of which column, and the result."""
        return [
            {
                "path": clause.path,
                "column": clause.column,
                "operator": clause.operator,
                "type": clause.type,
                "result": result.value,
            }
            for clause, result in zip(self.clauses, self.results, strict=True)
        ]


type _Node = Callable[[Mapping[str, Any], datetime | None, list[ClauseResult]], str | None]


@dataclass(frozen=True, slots=True)
class Conditions:
    """A tree made ready by `compile_conditions`."""

    clauses: tuple[CompiledClause, ...]
    _root: _Node

    def failing(self, columns: Mapping[str, Any], now: datetime | None) -> str | None:
        """Only what `decide` gives as `failing`, for many rows of which nothing else is told."""
        return self._root(columns, now, [ClauseResult.NOT_EVALUATED] * len(self.clauses))

    def decide(self, columns: Mapping[str, Any], now: datetime | None) -> Decision:
        """Judge one event; clauses are asked in order, until the result is certain."""
        results = [ClauseResult.NOT_EVALUATED] * len(self.clauses)
        failing = self._root(columns, now, results)
        return Decision(failing, self.clauses, tuple(results))


def compile_conditions(
    group: Group,
    *,
    types: Mapping[str, str] | None = None,
    zone: tzinfo = UTC,
    lists: Mapping[str, frozenset[str]] | None = None,
) -> Conditions:
    """Make a tree ready to judge events.

    Args:
        group: The tree.
        types: The vendor's type words by column (`column_types`). Without one the operator and its value imply it.
        zone: The Action's zone: what today is, and where a day begins.
        lists: The members of every named list by id, as `ListDocument.members` has them. None: they are not at
            hand, and clauses that name one do not hold.

    Raises:
        UnknownListError: `lists` lacks one that a clause names.
    """
    known = types or {}
    clauses = tuple(_compile_clause(path, clause, known, zone, lists) for path, clause in walk(group))
    numbers = iter(range(len(clauses)))
    return Conditions(clauses, _compile_group(group, clauses, numbers))


def column_types(group: Group, fields: Mapping[str, FieldDescription]) -> dict[str, str]:
    """The type words of the columns that a tree asks about, as far as they are described."""
    return {clause.column: fields[clause.column].type for _, clause in walk(group) if clause.column in fields}


def failing_clause(
    group: Group,
    columns: Mapping[str, Any],
    *,
    now: datetime | None = None,
    types: Mapping[str, str] | None = None,
    zone: tzinfo = UTC,
    lists: Mapping[str, frozenset[str]] | None = None,
) -> str | None:
    """None if the tree holds, else the clause (or group) that does not, in words.

    For one event; who judges many compiles once. Without `now` or `lists` the clauses that need them do not hold.
    """
    return compile_conditions(group, types=types, zone=zone, lists=lists).decide(columns, now).failing


# the tree


def _compile_group(group: Group, clauses: Sequence[CompiledClause], numbers: Iterator[int]) -> _Node:
    nodes = [
        _compile_group(item, clauses, numbers) if isinstance(item, Group) else _leaf(clauses, next(numbers))
        for item in group.clauses
    ]
    return partial(_all if group.match == "all" else _any, nodes)


def _leaf(clauses: Sequence[CompiledClause], number: int) -> _Node:
    clause = clauses[number]
    judge, column, words = clause.judge, clause.column, clause.words

    def ask(columns: Mapping[str, Any], now: datetime | None, results: list[ClauseResult]) -> str | None:
        results[number] = judge(columns.get(column), now)
        return None if results[number] is ClauseResult.HOLDS else words

    return ask


def _all(
    nodes: Sequence[_Node], columns: Mapping[str, Any], now: datetime | None, results: list[ClauseResult]
) -> str | None:
    for node in nodes:
        words = node(columns, now, results)
        if words is not None:
            return words
    return None


def _any(
    nodes: Sequence[_Node], columns: Mapping[str, Any], now: datetime | None, results: list[ClauseResult]
) -> str | None:
    failed: list[str] = []
    for node in nodes:
        words = node(columns, now, results)
        if words is None:
            return None
        failed.append(words)
    return " or ".join(failed)


# one clause


def _compile_clause(
    path: str,
    clause: Clause,
    types: Mapping[str, str],
    zone: tzinfo,
    lists: Mapping[str, frozenset[str]] | None,
) -> CompiledClause:
    family, kind = _family(clause, types, zone)
    return CompiledClause(
        path=path,
        column=clause.column,
        operator=clause.operator,
        type=kind,
        words=clause.told(),
        judge=_judge(clause, family, zone, lists),
    )


def _family(clause: Clause, types: Mapping[str, str], zone: tzinfo) -> tuple[Family | None, str]:
    """How values are read, and the word for it; None where the clause's own value cannot be read in any way.

    What the document asks for wins where it no longer fits the type: the column changed since the document was saved.
    """
    kind = types.get(clause.column) or (clause.type or "")
    if kind and clause.operator in operators_for(kind) and not misfits(clause, family_of(kind), zone):
        return family_of(kind), kind
    offered = OPERATORS[clause.operator].families
    for family in (Family.TEXT, Family.EMAIL, Family.NUMBER, Family.DATETIME, Family.BOOLEAN):
        if family in offered and not misfits(clause, family, zone):
            return family, family.value
    return None, kind


def misfits(clause: Clause, family: Family, zone: tzinfo) -> list[Any]:
    """The values of a clause that cannot be read as the family needs them for its operator."""
    takes = OPERATORS[clause.operator].takes
    if takes is Takes.LIST:
        return []
    if takes is Takes.SPAN:
        reader: Callable[[Any], Any] = span
    elif family is Family.NUMBER:
        reader = number
    elif family is Family.BOOLEAN:
        reader = boolean
    elif family in {Family.DATE, Family.DATETIME}:
        reader = partial(wanted_moment, zone=zone, words=clause.operator not in {"equals", "not_equals"})
    else:
        return []
    return [value for value in clause.values if not _readable(reader, value)]


def _readable(reader: Callable[[Any], Any], value: Any) -> bool:
    try:
        reader(value)
    except UnreadableError:
        return False
    return True


def _judge(
    clause: Clause, family: Family | None, zone: tzinfo, lists: Mapping[str, frozenset[str]] | None
) -> Callable[[Any, datetime | None], ClauseResult]:
    operator = OPERATORS[clause.operator]
    if family is None or (operator.takes is Takes.LIST and lists is None):
        return lambda _value, _now: ClauseResult.NOT_EVALUATED
    positive = operator.denies or clause.operator
    if positive == "is_empty":
        wanted = operator.denies is None
        return lambda value, _: ClauseResult.HOLDS if blank(value) == wanted else ClauseResult.DOES_NOT_HOLD
    timed = operator.takes is Takes.SPAN or any(day_word(value) is not None for value in clause.values)
    return partial(
        _judge_value,
        reader=_reader(positive, family),
        question=_question(clause, positive, family, zone, lists or {}),
        denied=operator.denies is not None,
        timed=timed and family in {Family.DATE, Family.DATETIME},
    )


def _judge_value(
    value: Any,
    now: datetime | None,
    *,
    reader: Callable[[Any], Any],
    question: Question,
    denied: bool,
    timed: bool,
) -> ClauseResult:
    if timed and now is None:
        return ClauseResult.NOT_EVALUATED
    readable = True
    holds = False
    if not blank(value):
        try:
            holds = question(reader(value), now or _NEVER)
        except UnreadableError:
            readable = False
    if holds != denied:
        return ClauseResult.HOLDS
    return ClauseResult.DOES_NOT_HOLD if readable else ClauseResult.UNREADABLE


#: given to questions that do not ask what time it is
_NEVER = datetime(1, 1, 1, tzinfo=UTC)


def _reader(operator: str, family: Family) -> Callable[[Any], Any]:
    if operator.startswith("domain_"):
        return domain
    if family is Family.NUMBER:
        return number
    if family is Family.BOOLEAN:
        return boolean
    if family is Family.DATE:
        return day
    if family is Family.DATETIME:
        return moment
    return text


def _question(
    clause: Clause, operator: str, family: Family, zone: tzinfo, lists: Mapping[str, frozenset[str]]
) -> Question:
    if operator in {"in_list", "domain_in_list"}:
        if clause.value not in lists:
            raise UnknownListError(clause.value)
        return _among(lists[str(clause.value)], operator, family)
    if operator == "domain_in":
        return _among(frozenset(normalised(value) for value in clause.values), operator, family)
    if family in {Family.DATE, Family.DATETIME}:
        return _moment_question(clause, operator, zone)
    if family is Family.NUMBER:
        return _number_question(operator, [number(value) for value in clause.values])
    if family is Family.BOOLEAN:
        wanted = operator == "is_true" if OPERATORS[operator].takes is Takes.NOTHING else boolean(clause.value)
        return lambda found, _: found is wanted
    return _text_question(operator, clause.values)


def _among(members: frozenset[str], operator: str, family: Family) -> Question:
    if operator.startswith("domain_"):
        domains = frozenset(member.removeprefix("@") for member in members)
        return lambda found, _: found in domains
    if family is Family.NUMBER:
        numbers = frozenset(number(member) for member in members if _readable(number, member))
        return lambda found, _: found in numbers
    return lambda found, _: normalised(found) in members


def _text_question(operator: str, values: Sequence[Any]) -> Question:
    if operator in {"equals", "in"}:
        return _same_text(values)
    part = text(values[0]).casefold()
    if operator == "contains":
        return lambda found, _: part in normalised(found)
    if operator == "starts_with":
        return lambda found, _: normalised(found).startswith(part)
    return lambda found, _: normalised(found).endswith(part)


def _same_text(values: Sequence[Any]) -> Question:
    """Whether a text is one of those that a document names; a number that is named there, by its value."""
    numbers = frozenset(number(value) for value in values if _names_number(value) and _readable(number, value))
    texts = frozenset(normalised(value) for value in values if not _names_number(value))

    def ask(found: str, _: datetime) -> bool:
        return normalised(found) in texts or (bool(numbers) and _readable(number, found) and number(found) in numbers)

    return ask


def _names_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number_question(operator: str, values: Sequence[Decimal]) -> Question:
    if operator in {"equals", "in"}:
        wanted = frozenset(values)
        return lambda found, _: found in wanted
    first, last = values[0], values[-1]
    questions: Mapping[str, Question] = {
        "greater_than": lambda found, _: found > first,
        "at_least": lambda found, _: found >= first,
        "less_than": lambda found, _: found < first,
        "at_most": lambda found, _: found <= first,
        "between": lambda found, _: first <= found <= last,
    }
    return questions[operator]


# days and times


def _moment_question(clause: Clause, operator: str, zone: tzinfo) -> Question:
    if operator in {"in_last", "in_next"}:
        return partial(_within, span=span(clause.value), zone=zone, sign=-1 if operator == "in_last" else 1)
    wanted = [wanted_moment(value, zone=zone) for value in clause.values]
    first, last = wanted[0], wanted[-1]
    order = partial(_order, zone=zone)
    questions: Mapping[str, Question] = {
        "equals": lambda found, now: order(found, first, now) == 0,
        "on_day": lambda found, now: order(found, first, now) == 0,
        "before": lambda found, now: order(found, first, now) < 0,
        "after": lambda found, now: order(found, first, now) > 0,
        "on_or_before": lambda found, now: order(found, first, now) <= 0,
        "on_or_after": lambda found, now: order(found, first, now) >= 0,
        "between": lambda found, now: order(found, first, now) >= 0 >= order(found, last, now),
    }
    return questions[operator]


def _order(found: Moment, wanted: Moment | int, now: datetime, *, zone: tzinfo) -> int:
    """-1, 0 or 1: before, at or after what is wanted; an int is so many days from today."""
    if isinstance(wanted, int):
        wanted = today(now, zone) + timedelta(days=wanted)
    if isinstance(wanted, datetime):
        instant = found if isinstance(found, datetime) else datetime(found.year, found.month, found.day, tzinfo=zone)
        # in UTC: in their own zone Python compares the clock's hands, which stand alike twice a year
        left, right = instant.astimezone(UTC), wanted.astimezone(UTC)
        return (left > right) - (left < right)
    of_day = _local(found, zone)
    return (of_day > wanted) - (of_day < wanted)


def _within(found: Moment, now: datetime, *, span: Span, zone: tzinfo, sign: int) -> bool:
    """Whether `found` lies between now and so much earlier (`sign` -1) or later (1).

    Hours are counted exactly. Days, weeks and months are counted on the calendar: from the day so long ago, all of
    it, until now. A month from the 31st is the last day of a shorter month.
    """
    count, unit = span
    if unit == "hour":
        if not isinstance(found, datetime):
            found = datetime(found.year, found.month, found.day, tzinfo=zone)
        elapsed = (found.astimezone(UTC) - now.astimezone(UTC)) * sign
        return timedelta() <= elapsed <= timedelta(hours=count)
    here = today(now, zone)
    edge = edge_of(span, here, sign=sign)
    if isinstance(found, datetime) and (found.astimezone(UTC) - now.astimezone(UTC)) * sign < timedelta():
        return False
    return min(edge, here) <= _local(found, zone) <= max(edge, here)


def edge_of(span: Span, here: date, *, sign: int) -> date:
    """The day so many days, weeks or months before (`sign` -1) or after (1) a day."""
    count, unit = span
    if unit == "month":
        return _months_from(here, sign * count)
    return here + sign * timedelta(days=count * (7 if unit == "week" else 1))


def _months_from(start: date, months: int) -> date:
    years, month = divmod(start.month - 1 + months, 12)
    first = date(start.year + years, month + 1, 1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first.replace(day=min(start.day, (following - timedelta(days=1)).day))


def today(now: datetime, zone: tzinfo) -> date:
    """The day that an instant falls on in a zone."""
    return now.astimezone(zone).date()


def _local(found: Moment, zone: tzinfo) -> date:
    return found.astimezone(zone).date() if isinstance(found, datetime) else found
