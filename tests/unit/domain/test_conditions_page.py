"""docs/conditions.md tells of every operator, for the types that offer it, with an example that can be saved."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from leadbridge.domain.clauses import OPERATORS, Family, Group, ListDocument, family_of, operators_for, walk
from leadbridge.domain.condition_checks import CLAUSE_LIMIT, DEPTH_LIMIT, VALUES_LIMIT, check_conditions
from leadbridge.domain.conditions import ClauseResult
from tests.builders.descriptions import a_field

PAGE = (Path(__file__).parents[3] / "docs/conditions.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("| \n").split(" | ")] for line in PAGE.splitlines() if line.startswith("| ")
]
OPERATOR_ROWS = [row for row in ROWS if len(row) == 4 and row[0] != "Operator"]
FIELDS = {
    "title": "string",
    "leadStatus": "string",
    "postalCode": "string",
    "website": "url",
    "phone": "phone",
    "country": "string",
    "company": "string",
    "email": "email",
    "leadScore": "score",
    "discount": "percent",
    "priority": "integer",
    "renewalDate": "date",
    "lastContactAt": "datetime",
    "isCustomer": "boolean",
    "unsubscribed": "boolean",
}


def findings(tree: dict[str, Any]) -> list[str]:
    """What is wrong with a tree of the page."""
    fields = {name: a_field(name, kind) for name, kind in FIELDS.items()}
    group = Group.model_validate(tree)
    lists = ("key-accounts", "free-mail")
    return list(check_conditions(group, fields=fields, lists=lists, payload=lambda name: name.startswith("token.")))


@pytest.mark.parametrize("family", Family)
def test_the_page_lists_what_each_type_offers(family: Family) -> None:
    """The operators that the page's table gives a family are those that its columns offer, in the same order."""
    told = tuple(row[0].strip("`") for row in OPERATOR_ROWS if family.value in row[1].split(", "))

    assert told == operators_for(family)
    assert len(OPERATOR_ROWS) == len(OPERATORS)


@pytest.mark.parametrize("row", OPERATOR_ROWS, ids=lambda row: row[0])
def test_every_example_can_be_saved(row: list[str]) -> None:
    """Each example is a clause with the row's operator, and Marketo's types have nothing against it."""
    clause = yaml.safe_load(row[3].strip("`"))

    assert clause["operator"] == row[0].strip("`")
    assert findings({"clauses": [clause]}) == []


def test_the_trees_and_the_list_of_the_page_are_sound() -> None:
    """What the page shows as YAML is a tree, a list, and a clause about a token."""
    tree, document = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    (token,) = re.findall(r"`(\{column: token[^`]*\})`", PAGE)

    assert findings(tree["conditions"]) == []
    assert len(list(walk(Group.model_validate(tree["conditions"])))) == 4
    assert ListDocument.model_validate(document).members == {"example.net", "mail.example.net"}
    assert findings({"clauses": [yaml.safe_load(token)]}) == []


def test_the_page_knows_the_types_results_and_limits() -> None:
    """Marketo's type words stand beside their families; the results, and the limits in words, are those of the code."""
    types = {
        word.strip(): row[1]
        for row in ROWS
        if len(row) == 2 and row[1] in set(Family)
        for word in row[0].split("(")[0].split(",")
    }
    words = {"Eight": 8, "a hundred": 100}

    assert all(family_of(word) == family for word, family in types.items())
    assert set(types.values()) == set(Family)
    assert all(f"*{result.value.replace('_', ' ')}*" in PAGE for result in ClauseResult)
    assert (words["Eight"], words["a hundred"]) == (DEPTH_LIMIT, CLAUSE_LIMIT)
    assert f"up to {VALUES_LIMIT} values" in PAGE
