"""The documents of conditions: shapes, what YAML makes of them, and lists."""

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from leadbridge.domain.action import as_document
from leadbridge.domain.clauses import OPERATORS, Clause, Group, ListDocument, Takes, named_lists, walk
from leadbridge.domain.kinds import model_of
from tests.builders.actions import an_action

#: something of the shape that each kind of operator takes
SHAPES: dict[Takes, Any] = {
    Takes.NOTHING: None,
    Takes.VALUE: "x",
    Takes.VALUES: ["x"],
    Takes.RANGE: [1, 2],
    Takes.SPAN: "7 days",
    Takes.LIST: "vips",
}


def a_clause(operator: str, value: Any = None) -> dict[str, Any]:
    """A clause as a person writes it."""
    return {"column": "c", "operator": operator} | ({} if value is None else {"value": value})


def a_list(**changes: Any) -> dict[str, Any]:
    """A list as a person writes it."""
    return {"kind": "list", "id": "vips", "name": "Important accounts", "values": ["Example Ltd"]} | changes


def messages(model: Any, raw: Any) -> list[str]:
    """What is wrong with a document, with its place."""
    with pytest.raises(ValidationError) as refused:
        model.model_validate(raw)
    return [
        f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"
        for error in refused.value.errors(include_url=False)
    ]


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_takes_its_shape_and_no_other(operator: str) -> None:
    """With the value that an operator takes a clause is sound; without it, or with that of others, it is refused."""
    takes = OPERATORS[operator].takes
    Clause.model_validate(a_clause(operator, SHAPES[takes]))
    # a text is a value, a list's id and, for all that the shape tells, a span
    alike = {Takes.VALUE, Takes.SPAN, Takes.LIST}
    others = [each for each in Takes if each is not takes and not (each in alike and takes in alike)]
    if takes is Takes.VALUES:
        others.remove(Takes.RANGE)  # two values are a list of values

    for other in others:
        (finding,) = messages(Clause, a_clause(operator, SHAPES[other]))
        assert finding.startswith("value: ")
        assert f"does not fit `{operator}`; give {takes.value}" in finding


@pytest.mark.parametrize(
    ("operator", "remedy"),
    [
        ("equal", "did you mean equals?"),
        ("not_contain", "did you mean not_contains?"),
        ("Greater_Than", "did you mean greater_than?"),
        ("zzz", ", is_empty, is_not_empty"),
    ],
)
def test_an_unknown_operator_is_refused_with_the_nearest(operator: str, remedy: str) -> None:
    """A misspelled operator is one finding, which tells the operator that was meant."""
    (finding,) = messages(Clause, a_clause(operator, "x"))

    assert finding.startswith("operator: ")
    assert "there is no such operator; " in finding
    assert finding.endswith(remedy)


def test_a_mistake_in_a_group_is_told_once_and_placed() -> None:
    """A wrong clause in a nested group gives one finding, not one for each thing that could stand there."""
    found = messages(Group, {"clauses": [{"match": "any", "clauses": [a_clause("sounds_like", "x")]}]})

    assert len(found) == 1
    assert found[0].startswith("clauses.0.group.clauses.0.clause.operator: ")
    assert len(messages(Group, {"clauses": [{"match": "some", "clauses": []}]})) == 2


def test_dates_that_yaml_reads_as_dates_are_texts_again() -> None:
    """Days and times without quotation marks mean what they say, alone and in lists."""
    raw = yaml.safe_load(
        """
        clauses:
          - {column: a, operator: on_day, value: 2026-03-09}
          - {column: a, operator: between, value: [2026-03-09, 2026-03-10]}
          - {column: a, operator: before, value: 2026-03-09T05:30:00Z}
        """
    )

    group = Group.model_validate(raw)

    assert [clause.value for _, clause in walk(group)] == [
        "2026-03-09",
        ["2026-03-09", "2026-03-10"],
        "2026-03-09T05:30:00+00:00",
    ]


def test_a_tree_is_stored_as_it_was_given() -> None:
    """The toggle, the order and the values of a tree survive being stored and read."""
    tree = {
        "match": "any",
        "clauses": [
            a_clause("in", ["a", 1, 2.5, True]),
            {"match": "all", "clauses": [a_clause("is_empty"), a_clause("greater_than", 5) | {"type": "number"}]},
        ],
    }
    action = an_action(conditions=tree)

    assert as_document(action)["conditions"] == tree
    assert model_of(as_document(action)).model_validate(as_document(action)) == action


def test_every_clause_has_a_place() -> None:
    """Clauses come in the order of the document with the place where each stands; lists are found wherever named."""
    group = Group.model_validate(
        {
            "clauses": [
                a_clause("in_list", "vips"),
                {"clauses": [a_clause("is_empty"), a_clause("domain_not_in_list", "free-mail")]},
                a_clause("equals", "no-list"),
            ]
        }
    )

    assert [path for path, _ in walk(group)] == [
        "conditions.clauses[0]",
        "conditions.clauses[1].clauses[0]",
        "conditions.clauses[1].clauses[1]",
        "conditions.clauses[2]",
    ]
    assert named_lists(group) == {"vips", "free-mail"}
    assert named_lists(None) == frozenset()


def test_a_list_has_each_member_once_as_it_is_compared() -> None:
    """Members are trimmed and without case; numbers are members as texts."""
    document = ListDocument.model_validate(a_list(values=["Example Ltd ", "EXAMPLE LTD", 1001, 2.5, "straße"]))

    assert document.members == {"example ltd", "1001", "2.5", "strasse"}
    assert model_of(as_document(document)).model_validate(as_document(document)) == document


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"values": []}, "values: "),
        ({"values": ["x"] * 10_001}, "values: "),
        ({"values": ["x", " "]}, "values.1: Value error, a blank is in no list; remove the line"),
        ({"values": ["DE", False]}, "values.1: Value error, YAML reads yes, no, on, off and NO as true or false; put"),
        ({"values": [["x"]]}, "values.0"),
        ({"id": "Free Mail"}, "id: "),
        ({"name": ""}, "name: "),
        ({"rows": {}}, "rows: "),
    ],
)
def test_a_mistake_in_a_list_is_placed(changes: dict[str, Any], finding: str) -> None:
    """Each mistake in a list names its line."""
    assert all(found.startswith(finding) for found in messages(ListDocument, a_list(**changes)))


def test_a_country_that_yaml_reads_as_no_is_refused_with_the_reason() -> None:
    """NO without quotation marks is false to YAML; the finding tells the remedy."""
    raw = yaml.safe_load("{kind: list, id: nordics, name: Nordics, values: [SE, NO, DK]}")

    (found,) = messages(ListDocument, raw)

    assert "quotation marks" in found
