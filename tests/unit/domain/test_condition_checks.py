"""Conditions against what Marketo describes: what a column's type does not offer is refused when it is saved."""

from typing import Any

import pytest

from leadbridge.domain.clauses import OPERATORS, Group, Takes, family_of, operators_for
from leadbridge.domain.condition_checks import check_conditions
from tests.builders.descriptions import a_field

COLUMNS = {
    "name": "string",
    "mail": "email",
    "score": "score",
    "renewal": "date",
    "seen": "datetime",
    "customer": "boolean",
    "rating": "picklist",
}
FIELDS = {name: a_field(name, kind) for name, kind in COLUMNS.items()}
FIELDS["rating"] = a_field("rating", "picklist", picklist=("Hot", "Warm", "Cold"), restricted_picklist=True)
#: something sound of each shape by family
SOUND: dict[str, Any] = {
    "text": "x",
    "email": "x",
    "number": 5,
    "date": "2026-03-09",
    "datetime": "2026-03-09T10:00",
    "boolean": True,
    "picklist": "hot",
}


def findings(*clauses: dict[str, Any], lists: tuple[str, ...] = ("vips",)) -> list[str]:
    """What is wrong with clauses that must all hold."""
    group = Group.model_validate({"clauses": list(clauses)})
    return list(check_conditions(group, fields=FIELDS, lists=lists, payload=lambda column: column.startswith("token.")))


def ask(column: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    """A clause as a person writes it."""
    return {"column": column, "operator": operator} | ({} if value is None else {"value": value}) | more


def sound_value(kind: str, operator: str) -> Any:
    """A value that fits the operator and the type."""
    value = SOUND[family_of(kind).value]
    if operator.startswith("domain_"):
        value = "example.com"
    return {
        Takes.NOTHING: None,
        Takes.VALUE: value,
        Takes.VALUES: [value],
        Takes.RANGE: [value, value],
        Takes.SPAN: "7 days",
        Takes.LIST: "vips",
    }[OPERATORS[operator].takes]


@pytest.mark.parametrize(("column", "kind"), COLUMNS.items())
def test_what_a_type_offers_is_accepted(column: str, kind: str) -> None:
    """Every operator that a column's type offers can be saved with a value that fits."""
    assert findings(*[ask(column, operator, sound_value(kind, operator)) for operator in operators_for(kind)]) == []


@pytest.mark.parametrize(("column", "kind"), COLUMNS.items())
def test_what_a_type_does_not_offer_is_refused(column: str, kind: str) -> None:
    """Every other operator is refused; the finding names operator, column, type and all that the type offers."""
    for operator in OPERATORS.keys() - set(operators_for(kind)):
        # of the operator's own type, so that nothing else can be wrong
        family = min(family.value for family in OPERATORS[operator].families)

        (finding,) = findings(ask(column, operator, sound_value(family, operator)))

        what, remedy = finding.split("; ")
        assert what.startswith(f"conditions.clauses[0].operator: `{operator}` is not offered for {column}, ")
        assert kind in what
        assert remedy == f"choose one of {', '.join(operators_for(kind))}"


@pytest.mark.parametrize(
    ("clause", "finding"),
    [
        (
            ask("customer", "contains", "x"),
            (
                "operator: `contains` is not offered for customer, a yes/no field (boolean); "
                "choose one of equals, not_equals, is_true, is_false, is_empty, is_not_empty"
            ),
        ),
        (
            ask("rating", "greater_than", 5),
            (
                "operator: `greater_than` is not offered for rating, a picklist; "
                "choose one of equals, not_equals, in, not_in, in_list, not_in_list, is_empty, is_not_empty"
            ),
        ),
        (ask("nmae", "is_empty"), "column: the Marketo lead has no field nmae; did you mean name?"),
        (ask("qqq", "is_empty"), "column: the Marketo lead has no field qqq; correct the name or add the field"),
        (
            ask("score", "at_least", "many"),
            "value: a text of 4 characters is given for score; give a number",
        ),
        (ask("score", "equals", "A7"), "value: a text of 2 characters is given for score; give a number"),
        (ask("score", "in", [1, True]), "value: true/false is given for score; give a number"),
        (
            ask("score", "between", [10, 9]),
            "value: the first value is above the second, so nothing lies between; exchange them",
        ),
        (
            ask("renewal", "before", "9 March"),
            (
                "value: a text of 7 characters is given for renewal; "
                "give a day (2026-03-09), or today, yesterday, tomorrow"
            ),
        ),
        (
            ask("renewal", "before", "2026-02-30"),
            (
                "value: a text of 10 characters is given for renewal; "
                "give a day (2026-03-09), or today, yesterday, tomorrow"
            ),
        ),
        (
            ask("renewal", "equals", "today"),
            "value: a text of 5 characters is given for renewal; give a day (2026-03-09) (`on_day` also takes today)",
        ),
        (ask("renewal", "on_day", "2026-03-09T10:00"), "value: renewal is a date; give a day without a time"),
        (
            ask("renewal", "in_last", "12 hours"),
            "value: renewal is a date and has no hours; give days, weeks or months",
        ),
        (
            ask("seen", "in_next", "a week"),
            (
                "value: a text of 6 characters is given for seen; "
                "give a number and a unit, such as `7 days`: hours, days, weeks or months"
            ),
        ),
        (
            ask("seen", "between", ["2026-03-09T10:00", "2026-03-09T09:00"]),
            "value: the first value is above the second, so nothing lies between; exchange them",
        ),
        (
            ask("seen", "between", ["tomorrow", "yesterday"]),
            "value: the first value is above the second, so nothing lies between; exchange them",
        ),
        (
            ask("customer", "equals", "perhaps"),
            "value: a text of 7 characters is given for customer; give true or false",
        ),
        (
            ask("rating", "in", ["Hot", "Wrm"]),
            "value: the picklist of rating has no such value; did you mean Warm?",
        ),
        (
            ask("rating", "equals", "qqq"),
            "value: the picklist of rating has no such value; choose one that there is",
        ),
        (
            ask("name", "in", ["SE", False]),
            "value: false is given for a text; put texts that YAML reads as false in quotation marks",
        ),
        (
            ask("name", "contains", "  "),
            "value: a blank is compared with nothing; use `is_empty` or `is_not_empty`",
        ),
        (
            ask("mail", "domain_in", ["a@example.com"]),
            (
                "value: a text of 13 characters is given that is no domain; "
                "give the part behind the @, such as example.com"
            ),
        ),
        (
            ask("mail", "domain_in", ["localhost"]),
            "value: a text of 9 characters is given that is no domain; give the part behind the @, such as example.com",
        ),
        (ask("name", "in_list", "nobody"), "value: there is no list nobody; apply its document first"),
        (
            ask("name", "in", [f"n{number}" for number in range(201)]),
            "value: 201 values given; keep so many as a list and use `in_list`",
        ),
        (
            ask("score", "is_empty", type="text"),
            "type: score is a number (score); remove `type`, it is known",
        ),
        (
            ask("token.Size", "greater_than", 5),
            (
                "operator: `greater_than` is not offered for token.Size, a text; say what it is with `type` (number), "
                f"or choose one of {', '.join(operators_for('text'))}"
            ),
        ),
        (
            ask("token.Size", "contains", "x", type="number"),
            (
                "operator: `contains` is not offered for token.Size, a number; "
                f"choose one of {', '.join(operators_for('number'))}"
            ),
        ),
        (
            ask("token.Size", "at_least", "x", type="number"),
            "value: a text of 1 characters is given for token.Size; give a number",
        ),
    ],
)
def test_a_mistake_is_placed_and_has_a_remedy(clause: dict[str, Any], finding: str) -> None:
    """Each mistake gives one finding: where it is, what is wrong, and behind the last semicolon what to do."""
    assert findings(clause) == [f"conditions.clauses[0].{finding}"]


@pytest.mark.parametrize(
    "clause",
    [
        ask("score", "equals", "10"),
        ask("name", "equals", 10),
        ask("name", "equals", True),
        ask("name", "equals", ""),
        ask("name", "not_equals", "Open"),
        ask("customer", "equals", "true"),
        ask("renewal", "equals", "2026-03-09"),
        ask("seen", "not_equals", "2026-03-09"),
        ask("score", "between", ["1", 1]),
        ask("seen", "between", ["2026-03-09T10:00", "2026-03-09"]),
        ask("seen", "between", ["yesterday", "2020-01-01"]),
        ask("seen", "in_last", "12 hours"),
        ask("mail", "domain_in", ["@example.com", "mail.example.co.uk"]),
        ask("rating", "equals", " HOT "),
        ask("name", "is_empty", type="text"),
        ask("score", "greater_than", 5, type="number"),
        ask("token.Event: Name", "contains", "x"),
        ask("token.Size", "greater_than", 5, type="number"),
        ask("token.When", "in_last", "12 hours", type="datetime"),
    ],
)
def test_what_makes_sense_is_accepted(clause: dict[str, Any]) -> None:
    """What was accepted when there were four operators still is, and so is what a token is said to be."""
    assert findings(clause) == []


def test_all_findings_come_together() -> None:
    """Every clause is checked, wherever it stands."""
    nested = {"match": "any", "clauses": [ask("nmae", "is_empty"), ask("customer", "contains", "x")]}

    found = findings(ask("score", "at_least", "x"), nested, ask("name", "in_list", "nobody"))

    assert [finding.split(": ")[0] for finding in found] == [
        "conditions.clauses[0].value",
        "conditions.clauses[1].clauses[0].column",
        "conditions.clauses[1].clauses[1].operator",
        "conditions.clauses[2].value",
    ]


def nested(levels: int) -> dict[str, Any]:
    """A tree of so many groups within each other, the outermost counted."""
    item: dict[str, Any] = ask("name", "is_empty")
    for _ in range(levels):
        item = {"clauses": [item]}
    return item


@pytest.mark.parametrize(("levels", "refused"), [(8, False), (9, True), (60, True)])
def test_a_tree_can_be_too_deep(levels: int, refused: bool) -> None:  # a table
    """Eight groups within each other are the most."""
    found = list(
        check_conditions(Group.model_validate(nested(levels)), fields=FIELDS, lists=(), payload=lambda _: False)
    )

    assert [("nested in more than 8 groups" in finding) for finding in found] == [True] * refused


@pytest.mark.parametrize(("number", "refused"), [(100, False), (101, True)])
def test_a_tree_can_be_too_long(number: int, refused: bool) -> None:  # a table
    """A hundred clauses are the most."""
    found = findings(*[ask("name", "is_empty")] * number)

    assert [finding.startswith("conditions: there are 101 clauses") for finding in found] == [True] * refused
