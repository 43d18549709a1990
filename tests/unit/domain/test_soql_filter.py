"""Conditions as SOQL: what the source is asked, what we ask ourselves, and that no row is lost between the two."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.clauses import OPERATORS, Group, operators_for
from leadbridge.domain.conditions import compile_conditions
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.soql_filter import Setting, soql_filter
from simulator.salesforce.soql import parse, string_literals
from tests.unit.domain.soql_model import lets_through

NOW = datetime(2026, 3, 9, 12, 30, 15, 500_000, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
TYPES = {
    "LastName": "string",
    "Email": "email",
    "Status": "picklist",
    "Score": "double",
    "Birthdate": "date",
    "CreatedDate": "datetime",
    "Vip": "boolean",
    "OwnerId": "reference",
    "Regions": "multipicklist",
}
FIELDS = {name: FieldDescription(name=name, type=kind) for name, kind in TYPES.items()} | {
    "Notes": FieldDescription(name="Notes", type="textarea", filterable=False),
    "Code": FieldDescription(name="Code", type="string", case_sensitive=True),
}
LISTS = {"domains": frozenset({"example.com", "@example.org"}), "codes": frozenset({"a", "b'c"})}
SETTING = Setting(fields=FIELDS, zone=ZONE, now=NOW, lists=LISTS)
OWNER = "005000000000001AAA"


def clause(column: str, operator: str, value: Any = None) -> dict[str, Any]:
    """A clause as a document writes it."""
    return {"column": column, "operator": operator, **({} if value is None else {"value": value})}


def asked(*clauses: dict[str, Any], match: str = "all", **options: Any) -> str:
    """What the source is asked."""
    group = Group.model_validate({"match": match, "clauses": list(clauses)})
    return soql_filter(group, SETTING, **options).text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (clause("LastName", "equals", "O'Hara"), "LastName = 'O\\'Hara'"),
        (clause("LastName", "not_equals", "x"), "((NOT LastName = 'x') OR LastName = null)"),
        (clause("LastName", "contains", "50%_a\\b"), "LastName LIKE '%50\\%\\_a\\\\b%'"),
        (clause("LastName", "not_contains", "x"), "((NOT LastName LIKE '%x%') OR LastName = null)"),
        (clause("LastName", "starts_with", "Mc"), "LastName LIKE 'Mc%'"),
        (clause("LastName", "ends_with", "son"), "LastName LIKE '%son'"),
        (clause("Status", "in", ["Open", 'a "b"']), "Status IN ('Open','a \\\"b\\\"')"),
        (clause("Status", "not_in", ["Open", "Won"]), "((NOT Status IN ('Open','Won')) OR Status = null)"),
        (clause("LastName", "in_list", "codes"), "LastName IN ('a','b\\'c')"),
        (clause("Email", "domain_in", ["example.com"]), "Email LIKE '%@example.com'"),
        (
            clause("Email", "domain_in_list", "domains"),
            "(Email LIKE '%@example.org' OR Email LIKE '%@example.com')",
        ),
        (clause("Email", "is_empty"), "Email = null"),
        (clause("Email", "is_not_empty"), "Email != null"),
        (clause("Score", "greater_than", "1e3"), "Score > 1000"),
        (clause("Score", "at_least", 0.1), "Score >= 0.1"),
        (clause("Score", "less_than", -5), "Score < -5"),
        (clause("Score", "between", [1, 2]), "(Score >= 1 AND Score <= 2)"),
        (clause("Vip", "is_true"), "Vip = true"),
        (clause("Vip", "equals", "no"), "Vip = false"),
        (clause("OwnerId", "equals", OWNER), f"OwnerId = '{OWNER}'"),
        (clause("Birthdate", "on_day", "2026-03-09"), "(Birthdate >= 2026-03-09 AND Birthdate < 2026-03-10)"),
        (clause("Birthdate", "in_last", "2 weeks"), "(Birthdate >= 2026-02-23 AND Birthdate < 2026-03-10)"),
        # a day of Berlin, from its midnight to the next one
        (
            clause("CreatedDate", "on_day", "2026-03-29"),
            "(CreatedDate >= 2026-03-28T23:00:00Z AND CreatedDate < 2026-03-29T22:00:00Z)",
        ),
        (clause("CreatedDate", "before", "today"), "CreatedDate < 2026-03-08T23:00:00Z"),
        (clause("CreatedDate", "after", "2026-03-01T10:00:00Z"), "CreatedDate >= 2026-03-01T10:00:00Z"),
        (
            clause("CreatedDate", "in_last", "1 month"),
            "(CreatedDate >= 2026-02-08T23:00:00Z AND CreatedDate < 2026-03-09T12:30:16Z)",
        ),
        (
            clause("CreatedDate", "in_next", "36 hours"),
            "(CreatedDate >= 2026-03-09T12:30:15Z AND CreatedDate < 2026-03-11T00:30:16Z)",
        ),
    ],
)
def test_a_clause_is_asked_of_salesforce_in_its_own_words(given: dict[str, Any], expected: str) -> None:
    """Texts are quoted and escaped, days and relative dates are instants of the Sync's zone, blanks fulfil a "not"."""
    assert asked(given) == expected


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (clause("Notes", "contains", "x"), "Salesforce cannot filter by Notes"),
        (clause("Nobody", "equals", "x"), "the source does not describe Nobody"),
        (clause("Code", "equals", "x"), "Code is case-sensitive at Salesforce, and conditions are not"),
        (clause("Regions", "equals", "a"), "Regions holds what SOQL compares otherwise (multipicklist)"),
        (clause("LastName", "equals", 5), "a text is compared with what is no text"),
        (clause("LastName", "greater_than", 5), "LastName is of another type than the clause"),
        (clause("LastName", "equals", "x" * 4001), "SOQL cannot hold its value"),
        (clause("OwnerId", "starts_with", "005"), "an id is compared with whole ids of 18 characters only"),
        (
            clause("CreatedDate", "not_equals", "2026-03-01T10:00:00Z"),
            "a time is denied, which SOQL compares by the second",
        ),
        (clause("LastName", "in", [f"n{number}" for number in range(501)]), "more than 500 values are compared"),
    ],
)
def test_what_soql_cannot_ask_is_told_with_the_reason(given: dict[str, Any], why: str) -> None:
    """The source is asked nothing, and the clause says that we ask it and why."""
    found = soql_filter(Group.model_validate({"clauses": [given]}), SETTING)

    assert (found.text, [(each.at_source, each.why) for each in found.clauses]) == ("", [(False, why)])


def test_clauses_are_joined_as_the_tree_says() -> None:
    """All and any nest with parentheses; of an `any` with a clause that cannot be asked nothing is asked."""
    ours = clause("Notes", "contains", "x")
    one, other = clause("Score", "greater_than", 5), clause("Status", "equals", "Open")

    assert asked(one, other) == "(Score > 5 AND Status = 'Open')"
    assert asked(one, other, match="any") == "(Score > 5 OR Status = 'Open')"
    assert asked(one, {"match": "any", "clauses": [other, clause("Vip", "is_true")]}) == (
        "(Score > 5 AND (Status = 'Open' OR Vip = true))"
    )
    assert asked(one, ours) == "Score > 5"
    assert asked(one, ours, match="any") == ""
    assert asked(one, {"match": "any", "clauses": [other, ours]}) == "Score > 5"
    assert asked({"clauses": [other, ours]}, one, match="any") == "(Status = 'Open' OR Score > 5)"


def test_where_the_query_would_be_too_long_the_longest_clause_is_ours() -> None:
    """What does not fit into an address is left out of the query, and the clause says so."""
    long = clause("LastName", "in", [f"name-{number:04}" for number in range(400)])
    group = Group.model_validate({"clauses": [long, clause("Vip", "is_true")]})

    found = soql_filter(group, SETTING, room=2000)

    assert found.text == "Vip = true"
    assert [each.why for each in found.clauses] == ["the query would become too long", ""]


# -- no row is lost, and no value is more than a value

_WORDS = st.sampled_from(
    ["Hara", "hara", "O'Hara", "a%b", "a_b", "\\", "'", '"', "x' OR Id != null OR Id = '", "ü", "日本"]
)
_TEXT = st.one_of(_WORDS, st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)).filter(
    lambda value: bool(value.strip())
)
_DAYS = st.sampled_from(["2026-03-08", "2026-03-09", "2026-03-29", "2026-10-25"])
_TIMES = st.sampled_from(
    ["2026-03-09T12:30:15Z", "2026-03-09T12:30:15.500Z", "2026-03-08T23:00:00", "2026-03-29T02:30"]
)
_MOMENTS = {
    "date": st.one_of(_DAYS, st.sampled_from(["today", "yesterday", "tomorrow"])),
    "datetime": st.one_of(_DAYS, _TIMES, st.sampled_from(["today", "yesterday"])),
}


@st.composite
def clauses(draw: st.DrawFn) -> dict[str, Any]:
    """Any clause that may be asked of any column."""
    column = draw(st.sampled_from([*FIELDS]))
    operator = draw(st.sampled_from(operators_for(FIELDS[column].type)))
    kind = FIELDS[column].type
    values = {
        "double": st.sampled_from([0, 1, 2.5, "10", "-3"]),
        "boolean": st.sampled_from([True, False, "yes"]),
        **_MOMENTS,
    }.get(kind, _TEXT)
    if kind in _MOMENTS and operator in {"equals", "not_equals"}:
        values = _DAYS if kind == "date" else st.one_of(_DAYS, _TIMES)
    takes = OPERATORS[operator].takes
    wanted: dict[str, Any] = {
        "NOTHING": st.none(),
        "VALUE": values,
        "VALUES": st.lists(values, min_size=1, max_size=3),
        "RANGE": st.tuples(values, values).map(list),
        "SPAN": st.sampled_from(["1 day", "2 weeks", "3 months"] + (["5 hours"] if kind == "datetime" else [])),
        "LIST": st.sampled_from([*LISTS]),
    }
    return clause(column, operator, draw(wanted[takes.name]))


def _trees(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"match": st.sampled_from(["all", "any"]), "clauses": st.lists(inner, min_size=1, max_size=3)}
    )


_TREES = _trees(st.one_of(clauses(), _trees(clauses())))
_HELD = {
    "string": st.none() | _WORDS,
    "email": st.sampled_from([None, "a@example.com", "B@Example.ORG", "c@other.example.com"]),
    "picklist": st.sampled_from([None, "Open", "Hara"]),
    "double": st.sampled_from([None, 0, 1, 2.5, 10]),
    "boolean": st.booleans(),
    "date": st.sampled_from([None, "2026-03-08", "2026-03-09", "2026-03-29", "2026-10-25"]),
    "datetime": st.none()
    | st.integers(-40 * 86_400, 40 * 86_400).map(
        lambda at: (NOW + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%SZ")
    )
    | st.sampled_from(["2026-03-09T12:30:15Z", "2026-03-28T23:00:00Z", "2026-03-29T00:59:59Z"]),
    "reference": st.sampled_from([None, OWNER]),
    "multipicklist": st.sampled_from([None, "a;b"]),
    "textarea": st.none() | _WORDS,
}
_ROWS = st.fixed_dictionaries({name: _HELD[field.type] for name, field in FIELDS.items()})


@given(tree=_TREES, row=_ROWS)
def test_the_source_never_leaves_out_what_the_conditions_accept(tree: dict[str, Any], row: dict[str, Any]) -> None:
    """Whatever our own evaluation accepts comes through the query; so the two together are the conditions."""
    group = Group.model_validate(tree)
    where = soql_filter(group, SETTING).text
    types = {name: field.type for name, field in FIELDS.items()}
    accepted = compile_conditions(group, types=types, zone=ZONE, lists=LISTS).decide(row, NOW).holds

    assert lets_through(where, row) or not accepted


@given(tree=_TREES, row=_ROWS)
def test_where_the_source_is_asked_everything_it_answers_as_we_do(tree: dict[str, Any], row: dict[str, Any]) -> None:
    """A tree of which every clause is asked at the source accepts the same rows there as here, to the second."""
    group = Group.model_validate(tree)
    found = soql_filter(group, SETTING)
    types = {name: field.type for name, field in FIELDS.items()}
    rough = any("T" in str(value) or "hours" in str(value) for value in _values(tree))
    if all(each.at_source for each in found.clauses) and not rough:
        accepted = compile_conditions(group, types=types, zone=ZONE, lists=LISTS).decide(row, NOW).holds
        assert lets_through(found.text, row) is accepted


@given(value=st.text(min_size=1, max_size=60), operator=st.sampled_from(["equals", "contains", "starts_with", "in"]))
def test_no_value_is_ever_more_than_a_value(value: str, operator: str) -> None:
    """Quotes, commas, %, line breaks, Unicode and SOQL's own signs stay inside one literal of one comparison."""
    given = [value] if operator == "in" else value

    where = asked(clause("LastName", operator, given))

    if where:
        condition = parse(f"SELECT Id FROM Contact WHERE {where}").where
        literals = string_literals(condition)
        assert len(literals) == 1
        bare = literals[0].strip("%") if operator in {"contains", "starts_with"} else literals[0]
        assert bare.strip() == (value.strip("%") if operator in {"contains", "starts_with"} else value).strip()


def _values(tree: dict[str, Any]) -> list[Any]:
    if "clauses" in tree:
        return [value for each in tree["clauses"] for value in _values(each)]
    value = tree.get("value")
    return value if isinstance(value, list) else [value]
