"""The documents of an Action's conditions: clauses, groups of them, and the lists that clauses name.

What there is to ask of a column depends on its type. `OPERATORS` is the one table of that: the checks at save, the
evaluation, the wording, the console and docs/conditions.md go by it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
)

from leadbridge.domain.documents import Column, Document, Identifier, Name, Scalar, refuse_truth
from leadbridge.domain.values import INTEGER_TYPES, NUMBER_TYPES, blank, normalised

#: more belong into a field of the person
LIST_VALUES = 10_000
#: what of a long enumeration is told in words
SHOWN_VALUES = 5


class Family(StrEnum):
    """Types of columns that are asked the same questions."""

    TEXT = "text"
    EMAIL = "email"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"
    BOOLEAN = "boolean"
    PICKLIST = "picklist"


#: the vendors' type words; what is not here is text
FAMILIES: Mapping[str, Family] = {
    **{family.value: family for family in Family},
    **dict.fromkeys(INTEGER_TYPES | NUMBER_TYPES, Family.NUMBER),
    "combobox": Family.PICKLIST,
}


class Takes(StrEnum):
    """What an operator wants in `value`."""

    NOTHING = "no value"
    VALUE = "a value"
    VALUES = "a list of values"
    RANGE = "two values, the lower one first"
    SPAN = "a number and a unit, such as `7 days`: hours, days, weeks or months"
    LIST = "the id of a list"


@dataclass(frozen=True, slots=True)
class Operator:
    """A question that can be asked of a column; `words` is how a clause with it is told."""

    takes: Takes
    words: str
    families: frozenset[Family]
    #: the operator that holds where this one does not, and the other way round, also for blanks
    denies: str | None = None


_ALL = frozenset(Family)
_TEXT = frozenset({Family.TEXT, Family.EMAIL})
_EMAIL = frozenset({Family.EMAIL})
_NUMBER = frozenset({Family.NUMBER})
_MOMENT = frozenset({Family.DATE, Family.DATETIME})
_BOOLEAN = frozenset({Family.BOOLEAN})
_LISTED = _TEXT | _NUMBER | {Family.PICKLIST}

OPERATORS: Mapping[str, Operator] = {
    "equals": Operator(Takes.VALUE, "equals {}", _ALL),
    "not_equals": Operator(Takes.VALUE, "does not equal {}", _ALL, "equals"),
    "contains": Operator(Takes.VALUE, "contains {}", _TEXT),
    "not_contains": Operator(Takes.VALUE, "does not contain {}", _TEXT, "contains"),
    "starts_with": Operator(Takes.VALUE, "starts with {}", _TEXT),
    "ends_with": Operator(Takes.VALUE, "ends with {}", _TEXT),
    "greater_than": Operator(Takes.VALUE, "is greater than {}", _NUMBER),
    "at_least": Operator(Takes.VALUE, "is at least {}", _NUMBER),
    "less_than": Operator(Takes.VALUE, "is less than {}", _NUMBER),
    "at_most": Operator(Takes.VALUE, "is at most {}", _NUMBER),
    "on_day": Operator(Takes.VALUE, "is on {}", _MOMENT),
    "before": Operator(Takes.VALUE, "is before {}", _MOMENT),
    "after": Operator(Takes.VALUE, "is after {}", _MOMENT),
    "on_or_before": Operator(Takes.VALUE, "is on or before {}", _MOMENT),
    "on_or_after": Operator(Takes.VALUE, "is on or after {}", _MOMENT),
    "between": Operator(Takes.RANGE, "is between {}", _NUMBER | _MOMENT),
    "in_last": Operator(Takes.SPAN, "is in the last {}", _MOMENT),
    "in_next": Operator(Takes.SPAN, "is in the next {}", _MOMENT),
    "is_true": Operator(Takes.NOTHING, "is true", _BOOLEAN),
    "is_false": Operator(Takes.NOTHING, "is false", _BOOLEAN),
    "in": Operator(Takes.VALUES, "is one of {}", _LISTED),
    "not_in": Operator(Takes.VALUES, "is none of {}", _LISTED, "in"),
    "in_list": Operator(Takes.LIST, "is in the list {}", _LISTED),
    "not_in_list": Operator(Takes.LIST, "is not in the list {}", _LISTED, "in_list"),
    "domain_in": Operator(Takes.VALUES, "has one of the domains {}", _EMAIL),
    "domain_not_in": Operator(Takes.VALUES, "has none of the domains {}", _EMAIL, "domain_in"),
    "domain_in_list": Operator(Takes.LIST, "has a domain of the list {}", _EMAIL),
    "domain_not_in_list": Operator(Takes.LIST, "has no domain of the list {}", _EMAIL, "domain_in_list"),
    "is_empty": Operator(Takes.NOTHING, "is empty", _ALL),
    "is_not_empty": Operator(Takes.NOTHING, "is not empty", _ALL, "is_empty"),
}


def _known(operator: str) -> str:
    if operator not in OPERATORS:
        close = get_close_matches(operator, OPERATORS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(OPERATORS)}"
        raise ValueError(f"there is no such operator; {hint}")
    return operator


OperatorName = Annotated[
    str,
    AfterValidator(_known),
    Field(
        json_schema_extra={
            "enum": list(OPERATORS),
            "x-takes": {name: each.takes.name.lower() for name, each in OPERATORS.items()},
        }
    ),
]


def family_of(kind: str) -> Family:
    """The family of a vendor's type word (`score` is a number); what we do not know is text."""
    return FAMILIES.get(kind, Family.TEXT)


def operators_for(kind: str) -> tuple[str, ...]:
    """The operators that a column of a vendor's type offers, in the order in which people are shown them."""
    family = family_of(kind)
    return tuple(name for name, operator in OPERATORS.items() if family in operator.families)


def _as_text(value: Any) -> Any:
    """A value as text where YAML made a date of it: `2026-03-09` without quotation marks."""
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


class Clause(Document):
    """One question about a column."""

    column: Column
    operator: OperatorName
    value: Annotated[Scalar | list[Scalar] | None, BeforeValidator(_as_text)] = Field(
        default=None, validate_default=True
    )
    #: of a column that Marketo does not describe (campaign, program, tokens); otherwise Describe says it
    type: Family | None = None

    @property
    def values(self) -> list[Scalar]:
        """What the operator was given, as a list."""
        if self.value is None:
            return []
        return self.value if isinstance(self.value, list) else [self.value]

    @field_validator("value")
    @classmethod
    def _as_the_operator_takes_it(cls, value: Any, others: ValidationInfo) -> Any:
        if "operator" not in others.data:
            return value  # what is wrong with it is told already
        operator = others.data["operator"]
        takes = OPERATORS[operator].takes
        if takes is Takes.NOTHING:
            fits = value is None
        elif takes in {Takes.VALUES, Takes.RANGE}:
            fits = isinstance(value, list) and (len(value) == 2 if takes is Takes.RANGE else bool(value))
        elif takes in {Takes.LIST, Takes.SPAN}:
            fits = isinstance(value, str)
        else:
            fits = value is not None and not isinstance(value, list)
        if not fits:
            raise ValueError(f"does not fit `{operator}`; give {takes.value}")
        return value

    def told(self) -> str:
        """The clause in words; the configured value is configuration, not personal data."""
        operator = OPERATORS[self.operator]
        return f"{self.column} {operator.words.format(self._told_value(operator.takes))}"

    def _told_value(self, takes: Takes) -> str:
        # quotation marks for texts that are compared as such; a day, a span and a list's id read better without
        quoted = takes is not Takes.LIST and bool({Family.TEXT, Family.EMAIL} & OPERATORS[self.operator].families)
        told = [repr(value) if quoted else str(value) for value in self.values]
        if takes is Takes.RANGE:
            return " and ".join(told)
        shown = ", ".join(told[:SHOWN_VALUES])
        more = len(told) - SHOWN_VALUES
        return f"{shown} and {more} more" if more > 0 else shown


def _which(item: Any) -> str:
    """What stands in `clauses`, so that findings speak of the one that was meant."""
    return "group" if isinstance(item, Group) or (isinstance(item, Mapping) and "clauses" in item) else "clause"


class Group(Document):
    """Clauses of which all, or any, must hold; groups nest."""

    match: Literal["all", "any"] = "all"
    clauses: list[
        Annotated[
            Annotated[Clause, Tag("clause")] | Annotated["Group", Tag("group")],
            Discriminator(_which),
        ]
    ] = Field(min_length=1)


def walk(group: Group, path: str = "conditions") -> Iterator[tuple[str, Clause]]:
    """Every clause with where it stands, in the order of evaluation: `conditions.clauses[1].clauses[0]`."""
    for number, item in enumerate(group.clauses):
        where = f"{path}.clauses[{number}]"
        if isinstance(item, Group):
            yield from walk(item, where)
        else:
            yield where, item


def named_lists(group: Group | None) -> frozenset[str]:
    """The ids of the lists that a tree names; none where there is no tree."""
    clauses = [clause for _, clause in walk(group)] if group else []
    return frozenset(str(clause.value) for clause in clauses if OPERATORS[clause.operator].takes is Takes.LIST)


def _entry(value: Any) -> Any:
    value = _as_text(value)
    refuse_truth(value)
    if blank(value):
        raise ValueError("a blank is in no list; remove the line, and use `is_empty` in the condition")
    return value


class ListDocument(Document):
    """A list that conditions name: company domains, countries, account numbers ..."""

    format: Literal[1] = 1
    kind: Literal["list"]
    id: Identifier
    name: Name
    description: str = ""
    values: list[Annotated[str | int | float, BeforeValidator(_entry)]] = Field(min_length=1, max_length=LIST_VALUES)

    @property
    def members(self) -> frozenset[str]:
        """The values as they are compared: trimmed, without regard to case, each once."""
        return frozenset(normalised(value) for value in self.values)
