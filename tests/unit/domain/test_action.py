"""Documents as people write them: what is refused, and how it is told."""

import copy
from typing import Any

import pytest

from leadbridge.domain.action import (
    FORMAT,
    Action,
    ActionType,
    MarketoConnection,
    SalesforceConnection,
    as_document,
)
from leadbridge.domain.findings import read_document
from leadbridge.domain.kinds import model_of
from tests.builders.actions import a_marketo_connection, a_salesforce_connection, an_action, an_action_document


def findings(document: Any) -> list[str]:
    """What is wrong with a document's shape."""
    read = read_document(document)
    return [finding.line() for finding in read] if isinstance(read, list) else []


def with_member(path: str, value: Any) -> dict[str, Any]:
    """The valid Action document with one member set; a path like `results.success` or `mappings.0.to`."""
    document = copy.deepcopy(an_action_document(deduplicate={"columns": ["email"]}))
    *parents, last = path.split(".")
    place: Any = document
    for step in parents:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    place[last] = value
    return document


def test_a_valid_document_has_no_findings() -> None:
    """The builder's document is an upsert with the documented defaults."""
    action = read_document(an_action_document())

    assert isinstance(action, Action)
    assert action.type is ActionType.UPSERT
    assert (action.format, action.description, action.source.table) == (FORMAT, "", "leads")
    assert (action.deduplicate, action.conditions, action.duplicate_record_rule) == (None, None, None)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", 2),
        ("id", ""),
        ("id", "Person"),
        ("id", "-person"),
        ("id", "a/b"),
        ("id", "a#b"),
        ("id", "x" * 64),
        ("name", ""),
        ("name", "  "),
        ("name", "x" * 121),
        ("source", {}),
        ("source.connection", "No Name"),
        ("source.table", "companies"),
        ("destination", {}),
        ("destination.object", "Lead; DELETE"),
        ("destination.object", ""),
        ("destination.idempotency_field", "a b"),
        ("identifier", {}),
        ("identifier.column", ""),
        ("identifier.field", "Email'"),
        ("type", "delete"),
        ("type", None),
        ("duplicate_record_rule", {"order_by": "not a name"}),
        ("duplicate_record_rule", {"choose": "newest", "order": ["Open"]}),
        ("further_identifiers", []),
        ("destination.match_in", []),
        ("type", "decide"),
        ("duplicate_record_rule", {"choose": "any"}),
        ("deduplicate.columns", []),
        ("deduplicate.window_seconds", 0),
        ("deduplicate.window_seconds", 86_401),
        ("mappings", []),
        ("mappings.0.to", "1st"),
        ("mappings.0.static", "both"),
        ("mappings.0.column", None),
        ("mappings.0.blank", "zero"),
        ("mappings.0.blank", "default"),
        ("mappings.0.default", "lonely"),
        ("mappings.1.to", "Email"),
        ("mappings.0.day", "today"),
        ("mappings.0.template", ""),
        ("mappings.0.execution", "outcome"),
        ("mappings.0.field", "Id"),
        ("mappings.0.transforms", [{"type": "translate"}]),
        ("mappings.0.transforms", [{"type": "trim", "typo": 1}]),
        ("mappings.0.transforms", [{"type": "replace"}]),
        ("mappings.0.transforms", [{"type": "default"}]),
        ("mappings.0.transforms", [{"type": "trim", "otherwise": "default"}]),
        ("mappings.0.transforms", [{"type": "lookup", "table": {}}]),
        ("mappings.0.transforms", [{"type": "trim"}] * 21),
        ("mappings.4.static", None),
        ("time_zone", ""),
        ("writeback.0.static", "both"),
        ("writeback.0.field", None),
        ("writeback.1.to", "salesforceId"),
        ("conditions", {"clauses": []}),
        ("conditions", {"match": "some", "clauses": [{"column": "a", "operator": "is_empty"}]}),
        ("conditions", {"clauses": [{"column": "a", "operator": "sounds_like", "value": "x"}]}),
        ("conditions", {"clauses": [{"column": "a", "operator": "equals"}]}),
        ("conditions", {"clauses": [{"column": "a", "operator": "is_empty", "value": "x"}]}),
        ("conditions", {"clauses": [{"clauses": []}]}),
        ("results", {}),
        ("results.activity", ""),
        ("results.success", ""),
        ("results.errored", ""),
        ("results.mappings", []),
        ("results.mappings.0.static", "both"),
        ("results.mappings.0.execution", "everything"),
        ("results.mappings.0.execution", None),
        ("results.mappings.1.to", "salesforceId"),
        ("typo", 1),
        ("source.typo", 1),
        ("mappings.0.typo", 1),
        ("results.mappings.0.typo", 1),
    ],
)
def test_a_mistake_is_refused_and_placed(path: str, value: Any) -> None:
    """Each mistake is refused with a finding that names the Action and the member it stands in."""
    found = findings(with_member(path, value))

    assert found
    top = path.split(".", maxsplit=1)[0]
    assert any(top in finding or "mapped twice" in finding for finding in found)
    assert all(finding.startswith("action ") for finding in found)


def test_all_mistakes_are_told_together() -> None:
    """A document with four mistakes gets four findings."""
    document = with_member("name", "") | {"type": "delete", "typo": 1}
    document["results"]["mappings"] = []

    assert len(findings(document)) == 4


def test_findings_do_not_repeat_what_was_written() -> None:
    """What somebody pasted by mistake, a secret perhaps, is not repeated in the finding."""
    assert "hunter2" not in " ".join(findings(with_member("client_secret", "hunter2")))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, "is no object with named members"),
        ([], "is no object with named members"),
        ("text", "is no object with named members"),
        ({}, "kind: is no kind of document; choose one of action, sync, crm_cycle, marketo_connection"),
        ({"kind": "report", "id": "x"}, "report x: /kind: is no kind of document"),
        ({"kind": ["action"]}, "kind: is no kind of document"),
    ],
)
def test_what_is_no_document_is_told(document: Any, words: str) -> None:
    """Something else than a document of a known kind is one finding."""
    (finding,) = findings(document)

    assert words in finding


@pytest.mark.parametrize(
    "connection",
    [a_marketo_connection(), a_salesforce_connection()],
    ids=["marketo", "salesforce"],
)
def test_connections_hold_no_secret(connection: MarketoConnection | SalesforceConnection) -> None:
    """A connection with a secret in it is refused: secrets are kept elsewhere."""
    assert findings(as_document(connection) | {"client_secret": "x"})
    assert not findings(as_document(connection))


@pytest.mark.parametrize("version", ["67", "v67.0", "6.0", "latest"])
def test_an_api_version_is_two_digits_and_zero(version: str) -> None:
    """An API version that Salesforce would not know is refused."""
    assert findings(as_document(a_salesforce_connection()) | {"api_version": version})


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, False),
        ({"login": "jwt"}, False),
        ({"username": None}, True),
        ({"login": "jwt", "username": None}, True),
        ({"login": "client_credentials", "username": None}, False),
        ({"login": "refresh_token", "username": None}, False),
        ({"login": "password"}, True),
    ],
)
def test_only_an_assertion_needs_the_name_of_a_user(changes: dict[str, Any], refused: bool) -> None:
    """The other logins know their user by what is stored for them; a document from before the choice stays as it is."""
    document = {**as_document(a_salesforce_connection()), **changes}
    assert bool(findings({name: value for name, value in document.items() if value is not None})) is refused
    assert "login" not in as_document(a_salesforce_connection())


def test_documents_survive_being_stored() -> None:
    """A document written as plain values and read again is the same, member by member."""
    action = an_action(
        duplicate_record_rule={"choose": "oldest"},
        deduplicate={"columns": ["email"], "window_seconds": 60},
        conditions={"match": "any", "clauses": [{"clauses": [{"column": "a", "operator": "equals", "value": True}]}]},
        mappings=[{"static": False, "to": "A"}, {"static": 1, "to": "B"}, {"static": "1", "to": "C"}],
    )

    for document in (action, a_marketo_connection(), a_salesforce_connection()):
        again = model_of(as_document(document)).model_validate(as_document(document))
        assert again == document
        assert as_document(again) == as_document(document)


def test_documents_from_before_there_were_rules_stay_as_they_are() -> None:
    """A document without any of the newer members is kept without them, word for word."""
    document = an_action_document(
        mappings=[{"to": "A", "column": "a", "blank": "skip"}, {"to": "B", "static": 1, "blank": "skip"}],
        writeback=[{"to": "c", "field": "Id"}],
    )
    document["source"]["table"] = "leads"
    document["results"]["execution_attribute"] = "executionId"

    assert as_document(an_action(**document)) == document | {"format": 1, "description": ""}


def test_documents_with_sources_and_rules_survive_being_stored() -> None:
    """Rules come back with their types and members, in order."""
    rules = [
        {"type": "lookup", "table": {"a": 1, "b": "1", "c": True}, "otherwise": "blank"},
        {"type": "pattern_replace", "pattern": "\\d", "by": ""},
    ]
    mappings = [{"to": "A", "template": "{{a}}", "transforms": rules}, {"to": "B", "day": "today"}]
    action = an_action(mappings=mappings, time_zone="Europe/Berlin")
    assert action.attributes  # made ready once, and no part of the document

    again = Action.model_validate(as_document(action))

    assert again == action
    assert [dict(rule) for rule in again.mappings[0].rules] == [dict(rule) for rule in action.mappings[0].rules]


def test_static_values_keep_their_types() -> None:
    """Text, number and true/false stay what they were written as: "42" is not 42 and 1 is not true."""
    mappings = [{"static": value, "to": f"F{index}"} for index, value in enumerate(("42", 42, 1, True, False, 1.5))]

    found = [mapping.static for mapping in an_action(mappings=mappings).mappings]

    assert [(value, type(value)) for value in found] == [
        ("42", str),
        (42, int),
        (1, int),
        (True, bool),
        (False, bool),
        (1.5, float),
    ]


def test_documents_cannot_be_changed() -> None:
    """A document that was read is a value."""
    with pytest.raises(ValueError, match="frozen"):
        an_action().name = "Other"  # type: ignore[misc]  # the attempt is what is tested


@pytest.mark.parametrize(("given", "seconds"), [({}, 8), ({"budget_seconds": 2.5}, 2.5), ({"budget_seconds": 20}, 20)])
def test_an_inline_answer_has_a_budget(given: dict[str, float], seconds: float) -> None:
    """Eight seconds unless the document says otherwise; without the member calls are queued."""
    found = an_action(inline=given).inline

    assert found is not None
    assert found.budget_seconds == seconds
    assert an_action().inline is None


@pytest.mark.parametrize("seconds", [0, 0.5, 21, 29])
def test_a_budget_is_what_the_gateway_and_marketo_wait_for(seconds: float) -> None:
    """Less than a second is no answer in time, and what comes after 20 s may find nobody there."""
    (found,) = findings(an_action_document(inline={"budget_seconds": seconds}))

    assert "budget_seconds" in found
