"""Lists are documents like others: applied, versioned, and there before a condition names them."""

from typing import Any

from leadbridge.domain.clauses import ListDocument
from tests.builders.actions import an_action_document
from tests.unit.usecases.test_apply_configuration import CONNECTIONS, Desk

FREE_MAIL: dict[str, Any] = {
    "kind": "list",
    "id": "free-mail",
    "name": "Free mail providers",
    "values": ["example.net", "mail.example.net"],
}
NAMES_IT = an_action_document(
    conditions={"clauses": [{"column": "company", "operator": "not_in_list", "value": "free-mail"}]}
)


def test_a_list_can_be_applied_with_the_action_that_names_it() -> None:
    """In one call, in whatever order, both are stored, and the list is read back as it was given."""
    desk = Desk()

    desk.apply(NAMES_IT, *CONNECTIONS, FREE_MAIL)

    stored = desk.configurations.get("list", "free-mail")
    assert desk.stored() == dict.fromkeys((*(each["id"] for each in CONNECTIONS), "free-mail", NAMES_IT["id"]), 1)
    assert stored is not None
    assert stored.document == ListDocument.model_validate(FREE_MAIL)
    assert stored.active


def test_a_changed_list_is_a_new_version() -> None:
    """A list that says the same stays as it is; with another member it becomes version 2."""
    desk = Desk()
    versions = [
        desk.apply(document)[0].stored.version
        for document in (FREE_MAIL, FREE_MAIL, FREE_MAIL | {"values": ["example.net"]})
    ]

    assert versions == [1, 1, 2]


def test_an_action_that_names_no_list_of_ours_is_refused() -> None:
    """The finding points at the clause and tells what to do; nothing is stored."""
    desk = Desk()

    (finding,) = desk.findings(*CONNECTIONS, NAMES_IT)

    assert finding.pointer == "/conditions/clauses/0/value"
    assert (finding.what, finding.remedy) == ("there is no list free-mail", "apply its document first")
    assert desk.stored() == {}


def test_a_mistake_in_a_clause_is_placed_by_its_pointer() -> None:
    """Shapes and meaning of clauses are told with the place of the member, also in nested groups."""
    desk = Desk()
    shapes = an_action_document(
        conditions={"clauses": [{"clauses": [{"column": "score", "operator": "between", "value": 5}]}]}
    )

    (shape,) = desk.findings(*CONNECTIONS, shapes)

    assert shape.pointer == "/conditions/clauses/0/clauses/0/value"
    assert (shape.what, shape.remedy) == ("does not fit `between`", "give two values, the lower one first")
