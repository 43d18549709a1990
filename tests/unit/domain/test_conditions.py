"""Condition trees over the columns of one event."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadbridge.domain.action import Group
from leadbridge.domain.conditions import failing_clause


def holds(operator: str, value: Any, given_value: Any) -> bool:
    """Whether one clause about a column holds."""
    clause = {"column": "c", "operator": operator} | ({} if value is None else {"value": value})
    return failing_clause(Group.model_validate({"clauses": [clause]}), {"c": given_value}) is None


@pytest.mark.parametrize(
    ("wanted", "given_value", "equal"),
    [
        ("Open", "Open", True),
        ("Open", " open ", True),
        ("Open", "Closed", False),
        ("Straße", "STRASSE", True),
        ("", "", False),
        ("", None, False),
        ("Open", None, False),
        ("Open", "  ", False),
        (10, "10", True),
        (10, "10.0", True),
        (10, " 10 ", True),
        (10, 10, True),
        (10, "1e1", True),
        (10, "11", False),
        (10, "ten", False),
        (10, None, False),
        (1, True, False),
        (1.5, "1.50", True),
        ("10", 10, True),
        ("10", "10.0", False),
        (True, True, True),
        (True, "true", True),
        (True, "TRUE", True),
        (True, "false", False),
        (True, 1, False),
        (False, False, True),
        (False, "", False),
        ("true", True, True),
    ],
)
def test_equals_compares_as_the_vendors_do(wanted: Any, given_value: Any, equal: bool) -> None:  # a table
    """Text compares trimmed and without case, numbers by value, booleans by word; a blank equals nothing."""
    assert holds("equals", wanted, given_value) is equal
    assert holds("not_equals", wanted, given_value) is not equal


@pytest.mark.parametrize(
    ("given_value", "empty"),
    [(None, True), ("", True), (" \n", True), ("x", False), (0, False), (False, False), ("0", False)],
)
def test_empty_is_no_value(given_value: Any, empty: bool) -> None:  # a table
    """A column is empty when it has no value; zero and false are values."""
    assert holds("is_empty", None, given_value) is empty
    assert holds("is_not_empty", None, given_value) is not empty


def test_a_column_that_was_not_sent_is_empty() -> None:
    """A column that the payload does not hold counts as empty."""
    group = Group.model_validate({"clauses": [{"column": "gone", "operator": "is_empty"}]})

    assert failing_clause(group, {}) is None


def clause(column: str) -> dict[str, Any]:
    """A clause that asks whether a column is `yes`."""
    return {"column": column, "operator": "equals", "value": "yes"}


@pytest.mark.parametrize(
    ("tree", "columns", "words"),
    [
        ({"clauses": [clause("a"), clause("b")]}, {"a": "yes", "b": "yes"}, None),
        ({"clauses": [clause("a"), clause("b")]}, {"a": "yes"}, "b equals 'yes'"),
        ({"clauses": [clause("a"), clause("b")]}, {}, "a equals 'yes'"),
        ({"match": "any", "clauses": [clause("a"), clause("b")]}, {"b": "yes"}, None),
        ({"match": "any", "clauses": [clause("a"), clause("b")]}, {}, "a equals 'yes' or b equals 'yes'"),
        (
            {"clauses": [clause("a"), {"match": "any", "clauses": [clause("b"), clause("c")]}]},
            {"a": "yes", "c": "yes"},
            None,
        ),
        (
            {"clauses": [clause("a"), {"match": "any", "clauses": [clause("b"), clause("c")]}]},
            {"a": "yes"},
            "b equals 'yes' or c equals 'yes'",
        ),
        (
            {"match": "any", "clauses": [clause("a"), {"clauses": [clause("b"), clause("c")]}]},
            {"b": "yes"},
            "a equals 'yes' or c equals 'yes'",
        ),
    ],
    ids=[
        "all hold",
        "the second fails",
        "the first fails",
        "any holds",
        "none holds",
        "nested holds",
        "nested fails",
        "all in any",
    ],
)
def test_groups_nest_and_say_what_failed(tree: dict[str, Any], columns: dict[str, Any], words: str | None) -> None:
    """All and any nest; what does not hold is told in the words of its clauses."""
    assert failing_clause(Group.model_validate(tree), columns) == words


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"operator": "equals", "value": "Open"}, "status equals 'Open'"),
        ({"operator": "equals", "value": 5}, "status equals 5"),
        ({"operator": "not_equals", "value": "secret"}, "status does not equal 'secret'"),
        ({"operator": "is_empty"}, "status is empty"),
        ({"operator": "is_not_empty"}, "status is not empty"),
    ],
)
def test_the_failing_clause_is_told_without_the_persons_value(raw: dict[str, Any], words: str) -> None:
    """The wording names column, operator and the configured value, never what the person has."""
    value = "" if raw["operator"] == "is_not_empty" else "secret"
    group = Group.model_validate({"clauses": [{"column": "status"} | raw]})

    assert failing_clause(group, {"status": value}) == words


leaves = st.sampled_from(["a", "b", "c"]).map(clause)
trees = st.recursive(
    leaves,
    lambda inner: st.fixed_dictionaries(
        {"match": st.sampled_from(["all", "any"]), "clauses": st.lists(inner, min_size=1, max_size=3)}
    ),
    max_leaves=8,
).filter(lambda tree: "clauses" in tree)


def plainly(tree: dict[str, Any], columns: dict[str, str]) -> bool:
    """The same tree, judged by Python's own `all` and `any`."""
    if "clauses" not in tree:
        return columns.get(tree["column"]) == "yes"
    results = [plainly(item, columns) for item in tree["clauses"]]
    return all(results) if tree["match"] == "all" else any(results)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(trees, st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["yes", "no"])))
def test_any_tree_is_judged_as_all_and_any_say(tree: dict[str, Any], columns: dict[str, str]) -> None:
    """Every tree over three columns is judged as nested all() and any() judge it."""
    assert (failing_clause(Group.model_validate(tree), columns) is None) == plainly(tree, columns)
