"""What SOQL answers, plainly: which rows a WHERE part lets through. It shares nothing with the product."""

from collections.abc import Mapping
from typing import Any

from simulator.salesforce.soql import And, Comparison, Condition, Literal, Not, Or, parse


def lets_through(where: str, row: Mapping[str, Any]) -> bool:
    """Whether a row (numbers as numbers, days and times as the vendor writes them) fulfils a WHERE part."""
    if not where:
        return True
    condition = parse(f"SELECT Id FROM Contact WHERE {where}").where
    assert condition is not None
    return _holds(condition, row)


def _holds(condition: Condition, row: Mapping[str, Any]) -> bool:
    match condition:
        case And():
            return all(_holds(each, row) for each in condition.terms)
        case Or():
            return any(_holds(each, row) for each in condition.terms)
        case Not():
            return not _holds(condition.term, row)
        case Comparison():
            return _compares(condition, row.get(condition.field))


def _compares(comparison: Comparison, held: Any) -> bool:
    if comparison.operator == "IN":
        return any(_same(literal, held) for literal in comparison.values)
    [literal] = comparison.values
    if comparison.operator == "LIKE":
        assert literal.pattern is not None
        return isinstance(held, str) and literal.pattern.as_regex().fullmatch(held) is not None
    if comparison.operator in {"=", "!="}:
        return _same(literal, held) is (comparison.operator == "=")
    if held is None:
        return False
    wanted: Any = literal.value
    order = {"<": held < wanted, "<=": held <= wanted, ">": held > wanted, ">=": held >= wanted}
    return bool(order[comparison.operator])


def _same(literal: Literal, held: Any) -> bool:
    if isinstance(held, str) and isinstance(literal.value, str):
        return held.casefold() == literal.value.casefold()
    return bool(held == literal.value)
