"""Every operator for every type of column: what holds, what does not, blanks, and what cannot be read."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from leadbridge.domain.clauses import OPERATORS, Family, Group, operators_for
from leadbridge.domain.conditions import ClauseResult, UnknownListError, compile_conditions, failing_clause

#: a Monday; in Berlin it is 00:30 on the 10th
NOW = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
LISTS = {
    "names": frozenset({"ada", "grace"}),
    "numbers": frozenset({"7", "1001.0", "none"}),
    "domains": frozenset({"example.com", "@example.org"}),
}
HOLDS, FAILS, UNREADABLE = ClauseResult.HOLDS, ClauseResult.DOES_NOT_HOLD, ClauseResult.UNREADABLE
#: the operators that say "not": what nobody can compare is not equal, not contained, not in
DENIALS = {
    "not_equals",
    "not_contains",
    "not_in",
    "not_in_list",
    "domain_not_in",
    "domain_not_in_list",
}

TEXTS: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "equals": ("Grace", ["Grace", " grace ", "GRACE"], ["Gracie", "Gra ce", 0, False]),
    "not_equals": ("Grace", ["Ada", "0", False], ["grace"]),
    "contains": ("Rac", ["Grace", "RACE", "trACk"], ["Ada", "r ac"]),
    "not_contains": ("rac", ["Ada", 12], ["GRACE"]),
    "starts_with": ("Gr", ["grace", "  Grace"], ["Ada", "egret"]),
    "ends_with": ("CE", ["grace", "Grace  "], ["Ada", "cent"]),
    "in": (["Ada", "Grace", 7], ["ada", "Grace ", "7", "7.0", 7], ["Graces", "77"]),
    "not_in": (["Ada", "Grace"], ["Linus", "Adagio"], [" GRACE"]),
    "in_list": ("names", ["Ada", " GRACE "], ["Linus"]),
    "not_in_list": ("names", ["Linus", "Adagio"], ["ADA"]),
}
EMPTY: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "is_empty": (None, [None, "", " \t"], ["x"]),
    "is_not_empty": (None, ["x", "0", 0, False], [None, "", " \n"]),
}
MOMENTS: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "on_day": ("2026-03-09", ["2026-03-09", " 2026-03-09 "], ["2026-03-10", "2025-03-09"]),
    "before": ("2026-03-09", ["2026-03-08", "1999-12-31"], ["2026-03-09", "2026-03-10"]),
    "after": ("2026-03-09", ["2026-03-10"], ["2026-03-09", "2026-03-08"]),
    "on_or_before": ("2026-03-09", ["2026-03-08", "2026-03-09"], ["2026-03-10"]),
    "on_or_after": ("2026-03-09", ["2026-03-10", "2026-03-09"], ["2026-03-08"]),
    "between": (["2026-03-09", "2026-03-11"], ["2026-03-09", "2026-03-10", "2026-03-11"], ["2026-03-08", "2026-03-12"]),
    "in_last": ("2 days", ["2026-03-10", "2026-03-09", "2026-03-08"], ["2026-03-07", "2026-03-11"]),
    "in_next": ("1 week", ["2026-03-10", "2026-03-17"], ["2026-03-09", "2026-03-18"]),
}
#: by type and operator: what the clause says, values for which it holds, values for which it does not
TABLE: dict[str, dict[str, tuple[Any, list[Any], list[Any]]]] = {
    "string": TEXTS | EMPTY,
    "email": TEXTS
    | EMPTY
    | {
        "domain_in": (["Example.com", "@example.org"], ["a@example.com", "A@EXAMPLE.ORG "], ["a@mail.example.com"]),
        "domain_not_in": (["example.com"], ["a@example.org", "a@xexample.com"], ["a@Example.Com"]),
        "domain_in_list": ("domains", ["a@example.com", "a@example.org"], ["a@example.net"]),
        "domain_not_in_list": ("domains", ["a@example.net"], ["a@example.com"]),
    },
    "integer": EMPTY
    | {
        "equals": (10, ["10", "10.0", " 10 ", 10, 10.0, "1e1", "+10"], ["11", "-10", "0"]),
        "not_equals": (10, ["11", "0"], ["10.00"]),
        "greater_than": (9, ["10", 9.5, "9.0001"], ["9", "8", "-100"]),
        "at_least": (9, ["9", "10"], ["8.99", "-9"]),
        "less_than": (9, ["8.99", "-1000000"], ["9", "10", "100"]),
        "at_most": (9, ["9.0", "-1"], ["9.01", "10"]),
        "between": ([2, 10], ["2", "10", "9.99"], ["1.99", "10.01", "-5", "100"]),
        "in": ([1, "2", 3.5], ["1.0", "2", "3.50"], ["3", "12"]),
        "not_in": ([1, 2], ["3", "12"], ["2.0"]),
        "in_list": ("numbers", ["7.0", "1001", 7], ["8", "70"]),
        "not_in_list": ("numbers", ["8"], ["7"]),
    },
    "date": EMPTY
    | MOMENTS
    | {
        "equals": ("2026-03-09", ["2026-03-09"], ["2026-03-10"]),
        "not_equals": ("2026-03-09", ["2026-03-10"], ["2026-03-09"]),
    },
    # at midnight in Berlin it is 23:00 UTC of the day before
    "datetime": EMPTY
    | {
        "equals": ("2026-03-09T05:30:00Z", ["2026-03-09T06:30:00+01:00", "2026-03-09 05:30"], ["2026-03-09T05:30:01Z"]),
        "not_equals": ("2026-03-09T05:30:00Z", ["2026-03-09T05:31:00Z"], ["2026-03-09T05:30:00+0000"]),
        "on_day": (
            "2026-03-09",
            ["2026-03-08T23:00:00Z", "2026-03-09T22:59:59Z", "2026-03-09", "2026-03-09T00:00:00Z+0000"],
            ["2026-03-08T22:59:59Z", "2026-03-09T23:00:00Z", "2026-03-10"],
        ),
        "before": ("2026-03-09", ["2026-03-08T22:59:59Z"], ["2026-03-08T23:00:00Z"]),
        "after": ("2026-03-09", ["2026-03-09T23:00:00Z"], ["2026-03-09T22:59:59Z"]),
        # a time of the document without an offset is Berlin's
        "on_or_before": ("2026-03-09T09:00", ["2026-03-09T08:00:00Z", "2026-03-09"], ["2026-03-09T08:00:01Z"]),
        "on_or_after": ("2026-03-09T09:00Z", ["2026-03-09T09:00:00Z", "2026-03-09T10:00+0100"], ["2026-03-09T08:59Z"]),
        "between": (
            ["2026-03-09", "2026-03-10"],
            ["2026-03-08T23:00:00Z", "2026-03-10T22:59:59Z"],
            ["2026-03-08T22:59:00Z", "2026-03-10T23:00:00Z"],
        ),
        "in_last": ("36 hours", ["2026-03-08T11:30:00Z", "2026-03-09T23:30:00Z"], ["2026-03-08T11:29:59Z"]),
        "in_next": ("1 day", ["2026-03-09T23:30:00Z", "2026-03-11T22:59:59Z"], ["2026-03-09T23:29:59Z"]),
    },
    "boolean": EMPTY
    | {
        "equals": (True, [True, "true", "TRUE ", "1", 1, "yes"], [False, "false", "no", 0]),
        "not_equals": (True, ["false", 0], ["true", "1"]),
        "is_true": (None, [True, "true", "Yes"], [False, "false", "0"]),
        "is_false": (None, [False, "False", 0, "no"], [True, "true", 1]),
    },
    "picklist": {name: TEXTS[name] for name in ("equals", "not_equals", "in", "not_in", "in_list", "not_in_list")}
    | EMPTY,
}
BLANKS: list[Any] = [None, "", "   ", "\t\r\n"]
#: texts that nobody can read as the type
NONSENSE: dict[str, list[Any]] = {
    "integer": ["ten", "1,000", "12%", "1_0", "nan", True, "9" * 40],
    "date": ["soon", "2026-02-30", "9 March 2026", 20260309, True, "0001-01-01"],
    "datetime": ["soon", "2026-02-30T00:00:00Z", "2026-03-09T25:00:00Z", 42, False, "9999-12-31T23:59:59Z"],
    "boolean": ["perhaps", "2", 2, "t"],
}
NO_ADDRESS = ["nobody", "a@b", "@example.com", "a@@example.com", 7]


def result(kind: str, operator: str, wanted: Any, value: Any, *, now: datetime | None = NOW) -> ClauseResult:
    """What one clause about a column of a type says."""
    clause = {"column": "c", "operator": operator} | ({} if wanted is None else {"value": wanted})
    conditions = compile_conditions(
        Group.model_validate({"clauses": [clause]}), types={"c": kind}, zone=ZONE, lists=LISTS
    )
    (found,) = conditions.decide({"c": value}, now).results
    return found


rows = pytest.mark.parametrize(
    ("kind", "operator", "wanted", "good", "bad"),
    [
        pytest.param(kind, operator, *row, id=f"{kind} {operator}")
        for kind, operators in TABLE.items()
        for operator, row in operators.items()
    ],
)


@rows
def test_a_clause_holds_or_not(kind: str, operator: str, wanted: Any, good: list[Any], bad: list[Any]) -> None:
    """The clause holds for each value on the one side and for none on the other, read as the column's type."""
    expected = [(value, HOLDS) for value in good] + [(value, FAILS) for value in bad]

    assert [(value, result(kind, operator, wanted, value)) for value, _ in expected] == expected


@pytest.mark.parametrize("kind", TABLE)
def test_the_table_has_every_operator_of_every_type(kind: str) -> None:
    """No operator that a type offers is missing from the tests above, each has values on both sides."""
    assert set(TABLE[kind]) == set(operators_for(kind))
    assert all(good and bad for _, good, bad in TABLE[kind].values())


@pytest.mark.parametrize(
    ("kind", "operator"), [(kind, name) for kind in TABLE for name in TABLE[kind] if name not in EMPTY]
)
def test_a_blank_meets_only_what_says_not(kind: str, operator: str) -> None:
    """Null, blanks and a column that was not sent equal nothing and lie in nothing; every `not` holds for them."""
    expected = HOLDS if operator in DENIALS else FAILS
    wanted = TABLE[kind][operator][0]

    assert [result(kind, operator, wanted, value) for value in BLANKS] == [expected] * len(BLANKS)
    group = Group.model_validate({"clauses": [{"column": "gone", "operator": operator, "value": wanted}]})
    assert compile_conditions(group, lists=LISTS, zone=ZONE).decide({"c": "x"}, NOW).results == (expected,)


@pytest.mark.parametrize(
    ("kind", "operator"),
    [(kind, name) for kind in NONSENSE for name in TABLE[kind] if name not in EMPTY]
    + [("email", name) for name in TABLE["email"] if name.startswith("domain_")],
)
def test_what_cannot_be_read_meets_only_what_says_not(kind: str, operator: str) -> None:
    """A value that is none of the column's type is compared with nothing, and the record says `unreadable`."""
    expected = HOLDS if operator in DENIALS else UNREADABLE
    values = NO_ADDRESS if operator.startswith("domain_") else NONSENSE[kind]
    wanted = TABLE[kind][operator][0]

    assert {repr(value): result(kind, operator, wanted, value) for value in values} == {
        repr(value): expected for value in values
    }


@pytest.mark.parametrize("kind", TABLE)
def test_what_cannot_be_read_is_not_empty(kind: str) -> None:
    """A value of the wrong type is a value all the same."""
    assert result(kind, "is_empty", None, "nonsense") is FAILS
    assert result(kind, "is_not_empty", None, "nonsense") is HOLDS


@pytest.mark.parametrize("operator", [name for name in OPERATORS if OPERATORS[name].denies])
def test_what_says_not_is_the_opposite(operator: str) -> None:
    """For every value of the tables a denial holds exactly where what it denies does not."""
    plain = str(OPERATORS[operator].denies)
    for kind, operators in TABLE.items():
        if operator in operators:
            wanted, good, bad = operators[operator]
            for value in [*good, *bad, *BLANKS, *NONSENSE.get(kind, [])]:
                opposite = result(kind, plain, wanted, value)
                assert (result(kind, operator, wanted, value) is HOLDS) is (opposite is not HOLDS)


@pytest.mark.parametrize(
    ("vendor", "family"),
    [
        ("string", "text"),
        ("text", "text"),
        ("textarea", "text"),
        ("phone", "text"),
        ("url", "text"),
        ("reference", "text"),
        ("lead_function", "text"),
        ("a type of tomorrow", "text"),
        ("email", "email"),
        ("integer", "number"),
        ("float", "number"),
        ("currency", "number"),
        ("percent", "number"),
        ("score", "number"),
        ("int", "number"),
        ("double", "number"),
        ("long", "number"),
        ("date", "date"),
        ("datetime", "datetime"),
        ("boolean", "boolean"),
        ("picklist", "picklist"),
        ("combobox", "picklist"),
    ],
)
def test_a_vendors_type_offers_what_its_family_offers(vendor: str, family: str) -> None:
    """Each type word of the vendors belongs to a family; an unknown one is text."""
    assert operators_for(vendor) == operators_for(family)


@pytest.mark.parametrize(
    ("family", "refused"),
    [
        ("boolean", ["contains", "greater_than", "in", "before", "domain_in"]),
        ("picklist", ["greater_than", "contains", "between", "is_true", "on_day"]),
        ("number", ["contains", "starts_with", "before", "is_true", "domain_in"]),
        ("text", ["greater_than", "before", "in_last", "is_false", "between", "domain_in"]),
        ("date", ["contains", "in", "greater_than", "is_true"]),
        ("datetime", ["contains", "in_list", "less_than"]),
        ("email", ["greater_than", "is_true", "before"]),
    ],
)
def test_a_family_does_not_offer_what_makes_no_sense(family: str, refused: list[str]) -> None:
    """What cannot be asked of a type is not among its operators; whether it is empty can always be asked."""
    offered = operators_for(family)

    assert not set(refused) & set(offered)
    assert {"equals", "not_equals", "is_empty", "is_not_empty"} <= set(offered)


@pytest.mark.parametrize(
    ("clause", "value", "kind"),
    [
        ({"operator": "greater_than", "value": 5}, "6", "number"),
        ({"operator": "between", "value": [5, 7]}, "6", "number"),
        ({"operator": "between", "value": ["2026-03-01", "today"]}, "2026-03-05T10:00:00Z", "datetime"),
        ({"operator": "before", "value": "2026-03-09"}, "2026-03-08", "datetime"),
        ({"operator": "is_true"}, "yes", "boolean"),
        ({"operator": "domain_in", "value": ["example.com"]}, "a@example.com", "email"),
        ({"operator": "equals", "value": "x"}, "X", "text"),
        ({"operator": "equals", "value": "10", "type": "number"}, "10.0", "number"),
        ({"operator": "in_last", "value": "1 day", "type": "date"}, "2026-03-09", "date"),
    ],
)
def test_without_a_described_type_the_clause_says_how_to_read(clause: dict[str, Any], value: Any, kind: str) -> None:
    """Of a column that nobody described (a token), `type`, or else the operator and its value, say what it is."""
    group = Group.model_validate({"clauses": [{"column": "token.x"} | clause]})

    decision = compile_conditions(group, zone=ZONE).decide({"token.x": value}, NOW)

    assert (decision.holds, decision.record()[0]["type"]) == (True, kind)


@pytest.mark.parametrize(
    ("kind", "clause", "value"),
    [
        ("string", {"operator": "greater_than", "value": 5}, "6"),
        ("boolean", {"operator": "contains", "value": "ru"}, "true"),
        ("integer", {"operator": "equals", "value": "A7"}, "a7"),
        ("datetime", {"operator": "equals", "value": "soon"}, "Soon"),
    ],
)
def test_a_column_that_changed_its_type_is_asked_as_the_document_says(
    kind: str, clause: dict[str, Any], value: Any
) -> None:
    """A clause that was saved when the column had another type goes on meaning what it says."""
    group = Group.model_validate({"clauses": [{"column": "c"} | clause]})

    assert failing_clause(group, {"c": value}, types={"c": kind}) is None


@pytest.mark.parametrize(
    "clause",
    [
        {"operator": "on_day", "value": "today"},
        {"operator": "between", "value": ["2026-01-01", "tomorrow"]},
        {"operator": "in_last", "value": "7 days"},
        {"operator": "in_list", "value": "names"},
        {"operator": "not_in_list", "value": "names"},
        {"operator": "greater_than", "value": "many"},
    ],
)
def test_what_a_clause_needs_and_has_not_got_keeps_it_from_being_asked(clause: dict[str, Any]) -> None:
    """Without a clock, without the lists or with a value of its own that nobody can read, a clause does not hold."""
    group = Group.model_validate({"clauses": [{"column": "c"} | clause]})

    decision = compile_conditions(group).decide({"c": "2026-03-09"}, None)

    assert (decision.holds, decision.results) == (False, (ClauseResult.NOT_EVALUATED,))


def test_a_list_that_is_not_there_is_an_error_that_names_it() -> None:
    """Whoever resolves the lists cannot forget one."""
    group = Group.model_validate({"clauses": [{"column": "c", "operator": "not_in_list", "value": "vips"}]})

    with pytest.raises(UnknownListError, match="vips"):
        compile_conditions(group, lists=LISTS)


def test_every_family_is_of_some_use() -> None:
    """The families of the operators' table are those that columns can have."""
    assert {family for operator in OPERATORS.values() for family in operator.families} == set(Family)
