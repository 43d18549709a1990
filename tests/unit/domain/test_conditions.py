"""Condition trees over the columns of one event."""

import json
import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadbridge.domain.clauses import OPERATORS, Clause, Group, Takes, operators_for
from leadbridge.domain.conditions import ClauseResult, compile_conditions, failing_clause
from tests.unit.domain import conditions_model


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


# the decision record


def test_the_record_tells_every_clause_and_what_was_not_asked() -> None:
    """Each clause is there with its place, column, operator, type and result; what no longer mattered was not asked."""
    tree = {
        "clauses": [
            {"column": "score", "operator": "at_least", "value": 50},
            {"match": "any", "clauses": [clause("a"), clause("b")]},
            {"column": "renewal", "operator": "before", "value": "2026-03-09"},
            {"column": "country", "operator": "is_not_empty"},
        ]
    }
    conditions = compile_conditions(Group.model_validate(tree), types={"score": "score", "renewal": "date"})

    decision = conditions.decide({"score": "51", "a": "yes", "renewal": "soon", "country": "Elbonia"}, None)

    assert not decision.holds
    assert decision.failing == "renewal is before 2026-03-09"
    assert decision.record() == [
        {
            "path": path,
            "column": column,
            "operator": operator,
            "type": kind,
            "result": result,
        }
        for path, column, operator, kind, result in [
            ("conditions.clauses[0]", "score", "at_least", "score", "holds"),
            ("conditions.clauses[1].clauses[0]", "a", "equals", "text", "holds"),
            ("conditions.clauses[1].clauses[1]", "b", "equals", "text", "not_evaluated"),
            ("conditions.clauses[2]", "renewal", "before", "date", "unreadable"),
            ("conditions.clauses[3]", "country", "is_not_empty", "text", "not_evaluated"),
        ]
    ]


def test_conditions_are_compiled_once_for_many_events() -> None:
    """One event's decision leaves nothing behind for the next."""
    conditions = compile_conditions(Group.model_validate({"match": "any", "clauses": [clause("a"), clause("b")]}))

    decisions = [conditions.decide(columns, None) for columns in ({}, {"b": "yes"}, {"a": "yes"}, {})]

    assert [decision.holds for decision in decisions] == [False, True, True, False]
    assert [result.value for result in decisions[2].results] == ["holds", "not_evaluated"]
    assert decisions[0] == decisions[3]


@pytest.mark.parametrize("columns", [{"a": "yes", "b": "no"}, {"a": "no", "b": "yes"}])
def test_the_toggle_between_all_and_any_changes_the_result(columns: dict[str, str]) -> None:
    """Where one of two clauses holds, `all` does not hold and `any` does."""
    both = {"clauses": [clause("a"), clause("b")]}

    assert failing_clause(Group.model_validate(both | {"match": "all"}), columns) is not None
    assert failing_clause(Group.model_validate(both | {"match": "any"}), columns) is None


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"operator": "contains", "value": "x"}, "c contains 'x'"),
        ({"operator": "not_contains", "value": "x"}, "c does not contain 'x'"),
        ({"operator": "starts_with", "value": "x"}, "c starts with 'x'"),
        ({"operator": "ends_with", "value": "x"}, "c ends with 'x'"),
        ({"operator": "greater_than", "value": 5}, "c is greater than 5"),
        ({"operator": "at_least", "value": 0.5}, "c is at least 0.5"),
        ({"operator": "less_than", "value": "5"}, "c is less than 5"),
        ({"operator": "at_most", "value": -5}, "c is at most -5"),
        ({"operator": "between", "value": [1, 5]}, "c is between 1 and 5"),
        ({"operator": "on_day", "value": "today"}, "c is on today"),
        ({"operator": "before", "value": "2026-03-09"}, "c is before 2026-03-09"),
        ({"operator": "after", "value": "yesterday"}, "c is after yesterday"),
        ({"operator": "on_or_before", "value": "2026-03-09"}, "c is on or before 2026-03-09"),
        ({"operator": "on_or_after", "value": "2026-03-09"}, "c is on or after 2026-03-09"),
        ({"operator": "in_last", "value": "7 days"}, "c is in the last 7 days"),
        ({"operator": "in_next", "value": "1 month"}, "c is in the next 1 month"),
        ({"operator": "is_true"}, "c is true"),
        ({"operator": "is_false"}, "c is false"),
        ({"operator": "in", "value": ["a", "b", 3]}, "c is one of 'a', 'b', 3"),
        ({"operator": "not_in", "value": list("abcdefg")}, "c is none of 'a', 'b', 'c', 'd', 'e' and 2 more"),
        ({"operator": "in_list", "value": "vips"}, "c is in the list vips"),
        ({"operator": "not_in_list", "value": "vips"}, "c is not in the list vips"),
        ({"operator": "domain_in", "value": ["example.com"]}, "c has one of the domains 'example.com'"),
        ({"operator": "domain_not_in", "value": ["example.com"]}, "c has none of the domains 'example.com'"),
        ({"operator": "domain_in_list", "value": "free"}, "c has a domain of the list free"),
        ({"operator": "domain_not_in_list", "value": "free"}, "c has no domain of the list free"),
    ],
)
def test_every_operator_has_its_words(raw: dict[str, Any], words: str) -> None:
    """A clause reads as a sentence about its column."""
    assert Clause.model_validate({"column": "c"} | raw).told() == words


# properties

NOW = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)
LISTS = {"names": frozenset({"ada", "grace", "10"}), "domains": frozenset({"example.com", "@example.org"})}
TYPES = {
    "name": "text",
    "mail": "email",
    "size": "number",
    "day": "date",
    "seen": "datetime",
    "member": "boolean",
    "choice": "picklist",
}
DAYS = ["2026-03-08", "2026-03-09", "2026-03-10", "2026-02-28", "2024-02-29"]
TIMES = ["2026-03-09T22:30:00Z", "2026-03-08T23:00:00", "2026-03-10T00:30:00+01:00", "2026-03-09T05:30:00Z+0000"]
WANTED = {
    "text": st.sampled_from(["Ada", "gr", "e", "10", "x y"]),
    "email": st.sampled_from(["a@", "Example", "ada@example.com"]),
    "number": st.sampled_from([0, 10, -3.5, "10", "2.50"]),
    "date": st.sampled_from(DAYS),
    "datetime": st.sampled_from(DAYS + TIMES),
    "boolean": st.sampled_from([True, False, "yes"]),
    "picklist": st.sampled_from(["Ada", "x y"]),
}
GIVEN = {
    "text": ["", " ", "Ada", "GRACE ", "gr", "10", "10.0", "x y"],
    "email": ["", "ada@Example.com", "a@example.org", "a@mail.example.com", "nobody", "a@b"],
    "number": ["", "10", "10.00", "-3.5", "0", "2.5", "11", "ten", "-100"],
    "date": ["", *DAYS, "2026-02-30", "soon"],
    "datetime": ["", *DAYS, *TIMES, "2026-03-09T23:30:00Z", "2026-03-09T23:30:01Z", "soon"],
    "boolean": ["", "true", "No", "1", "0", "perhaps"],
    "picklist": ["", "ada", " X Y", "other"],
}


@st.composite
def typed_clauses(draw: st.DrawFn) -> dict[str, Any]:
    """A sound clause about a column of any type."""
    column = draw(st.sampled_from(sorted(TYPES)))
    operator = draw(st.sampled_from(operators_for(TYPES[column])))
    takes = OPERATORS[operator].takes
    made: dict[str, Any] = {"column": column, "operator": operator}
    values = WANTED[TYPES[column]]
    if operator in {"equals", "not_equals"} and TYPES[column] == "datetime":
        values = st.sampled_from(TIMES)
    if operator.startswith("domain_"):
        values = st.sampled_from(["example.com", "@Example.org", "example.net"])
    moments = TYPES[column] in {"date", "datetime"} and operator not in {"equals", "not_equals"}
    if takes is Takes.VALUE:
        made["value"] = draw(values | st.sampled_from(["today", "yesterday", "tomorrow"]) if moments else values)
    elif takes is Takes.VALUES:
        made["value"] = draw(st.lists(values, min_size=1, max_size=3))
    elif takes is Takes.RANGE:
        made["value"] = draw(st.lists(values, min_size=2, max_size=2))
    elif takes is Takes.SPAN:
        units = ["days", "weeks", "months"] if column == "day" else ["hours", "days", "weeks", "months"]
        made["value"] = f"{draw(st.integers(1, 40))} {draw(st.sampled_from(units))}"
    elif takes is Takes.LIST:
        made["value"] = "domains" if operator.startswith("domain_") else "names"
    return made


typed_trees = st.recursive(
    typed_clauses(),
    lambda inner: st.fixed_dictionaries(
        {"match": st.sampled_from(["all", "any"]), "clauses": st.lists(inner, min_size=1, max_size=3)}
    ),
    max_leaves=10,
).filter(lambda tree: "clauses" in tree)
typed_persons = st.fixed_dictionaries({}, optional={column: st.sampled_from(GIVEN[TYPES[column]]) for column in TYPES})
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata"])


@settings(max_examples=600, deadline=None, derandomize=True)
@given(typed_clauses(), st.data(), zones)
def test_any_typed_clause_is_judged_as_the_plain_model_judges_it(
    raw: dict[str, Any], data: st.DataObject, zone: str
) -> None:
    """A clause of any type and operator agrees with a second reading of the manual, for every kind of value."""
    person = {raw["column"]: data.draw(st.sampled_from(GIVEN[TYPES[raw["column"]]]))}
    world = {"types": TYPES, "now": NOW, "zone": zone, "lists": LISTS}
    tree = {"clauses": [raw]}

    conditions = compile_conditions(Group.model_validate(tree), types=TYPES, zone=ZoneInfo(zone), lists=LISTS)

    assert conditions.decide(person, NOW).holds is conditions_model.holds(tree, person, world)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(typed_trees, typed_persons, zones)
def test_any_typed_tree_is_judged_as_the_plain_model_judges_it(
    tree: dict[str, Any], person: dict[str, str], zone: str
) -> None:
    """Trees over all types and operators, with blanks and nonsense, agree with a second reading of the manual."""
    world = {"types": TYPES, "now": NOW, "zone": zone, "lists": LISTS}

    conditions = compile_conditions(Group.model_validate(tree), types=TYPES, zone=ZoneInfo(zone), lists=LISTS)

    assert conditions.decide(person, NOW).holds is conditions_model.holds(tree, person, world)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(typed_trees, typed_persons)
def test_a_tree_whose_clauses_are_denied_and_whose_groups_are_toggled_is_the_opposite(
    tree: dict[str, Any], person: dict[str, str]
) -> None:
    """Of trees that have an opposite for each operator: exactly one of tree and opposite holds."""
    opposites = {str(each.denies): name for name, each in OPERATORS.items() if each.denies}
    opposites |= {denial: plain for plain, denial in opposites.items()}

    def only_with_an_opposite(item: dict[str, Any]) -> dict[str, Any]:
        if "clauses" in item:
            return {**item, "clauses": [only_with_an_opposite(each) for each in item["clauses"]]}
        return item if item["operator"] in opposites else {"column": item["column"], "operator": "is_empty"}

    def denied(item: dict[str, Any]) -> dict[str, Any]:
        if "clauses" in item:
            match = "any" if item.get("match", "all") == "all" else "all"
            return {"match": match, "clauses": [denied(each) for each in item["clauses"]]}
        return {**item, "operator": opposites[item["operator"]]}

    sound = only_with_an_opposite(tree)
    results = [
        compile_conditions(Group.model_validate(each), types=TYPES, lists=LISTS).decide(person, NOW).holds
        for each in (sound, denied(sound))
    ]

    assert sorted(results) == [False, True]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(typed_trees, st.fixed_dictionaries({column: st.sampled_from(["", "x", "8"]) for column in TYPES}))
def test_neither_words_nor_record_hold_a_value_of_the_payload(tree: dict[str, Any], shape: dict[str, str]) -> None:
    """Whatever a person's columns hold, the decision speaks of the document only."""
    secret = "Zyzzyva8472"
    person = {column: value and f"{value}{secret}" for column, value in shape.items()}
    other = {column: value and f"{value}Xylo0361" for column, value in shape.items()}
    conditions = compile_conditions(Group.model_validate(tree), types=TYPES, lists=LISTS)

    decision, twin = conditions.decide(person, NOW), conditions.decide(other, NOW)

    assert secret.casefold() not in f"{decision.failing} {json.dumps(decision.record())}".casefold()
    if decision.results == twin.results:  # they may differ: one of the values may contain what a clause asks for
        assert (decision.failing, decision.record()) == (twin.failing, twin.record())


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.sampled_from(TIMES)


def has_the_shape_of_a_clause(raw: dict[str, Any]) -> bool:
    try:
        Clause.model_validate(raw)
    except ValueError:
        return False
    return True


wild_clauses = st.builds(
    lambda operator, value, kind: {"column": "c", "operator": operator, "value": value, "type": kind},
    st.sampled_from(sorted(OPERATORS)),
    anything | st.lists(anything.filter(lambda value: value is not None), min_size=1, max_size=3),
    st.none() | st.sampled_from(sorted(set(TYPES.values()))),
).filter(has_the_shape_of_a_clause)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(wild_clauses, anything, st.none() | st.sampled_from(["string", "score", "date", "datetime", "boolean", "email"]))
def test_no_document_and_no_payload_can_break_a_decision(raw: dict[str, Any], value: Any, kind: str | None) -> None:
    """A document that was stored unchecked, against any payload: there is an answer, and the same one every time."""
    group = Group.model_validate({"clauses": [raw]})
    conditions = compile_conditions(group, types={"c": kind} if kind else None, zone=ZoneInfo("Pacific/Kiritimati"))

    first, second = conditions.decide({"c": value}, NOW), conditions.decide({"c": value}, NOW)

    assert first == second
    assert first.results[0] in set(ClauseResult)


def as_it_was(raw: dict[str, Any], value: Any) -> bool:
    """What a clause meant when there were four operators and no types, written out plainly."""
    empty = value is None or (isinstance(value, str) and not value.strip())
    if raw["operator"].startswith("is_"):
        return empty is (raw["operator"] == "is_empty")
    wanted = raw["value"]
    written = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    if isinstance(wanted, bool):
        same = written.strip().casefold() == ("true" if wanted else "false")
    elif isinstance(wanted, int | float):
        number = re.fullmatch(r"\s*[+-]?\d+(\.\d+)?\s*", written)
        same = number is not None and float(written) == wanted
    else:
        same = written.strip().casefold() == wanted.strip().casefold()
    return (not empty and same) is (raw["operator"] == "equals")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.sampled_from(["equals", "not_equals", "is_empty", "is_not_empty"]),
    st.sampled_from(["Open", "", "10", "10.0", 10, 2.5, 0, True, False, "true", "Straße"]),
    st.sampled_from([None, "", " ", "open ", "STRASSE", "10", " 10", 10, "10.0", 2.5, "0", 0, True, False, "TRUE"]),
)
def test_conditions_from_before_there_were_types_mean_what_they_meant(operator: str, wanted: Any, value: Any) -> None:
    """The four operators of the beginning, about columns of which nobody says the type, go on as they were."""
    raw = {"column": "c", "operator": operator} | ({} if operator.startswith("is_") else {"value": wanted})

    assert (failing_clause(Group.model_validate({"clauses": [raw]}), {"c": value}) is None) is as_it_was(raw, value)
