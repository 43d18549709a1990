"""What is wrong with a document is told with its place, a sentence and a remedy."""

import copy
from typing import Any

import pytest

from leadbridge.domain.findings import Finding, at, of_line, read_document
from tests.builders.actions import an_action_document


def findings(**changes: Any) -> list[Finding]:
    """What is wrong with the valid Action after changes."""
    document = copy.deepcopy(an_action_document()) | changes
    read = read_document({name: value for name, value in document.items() if value is not ...})
    return read if isinstance(read, list) else []


def test_a_sound_document_is_read() -> None:
    """The builder's Action has no findings."""
    assert findings() == []


def test_a_missing_choice_is_offered_by_the_name_that_documents_have() -> None:
    """A member whose name in the code is another one, too."""
    found = read_document({"kind": "sync", "id": "people", "name": "People"})

    assert isinstance(found, list)
    told = {finding.pointer: finding.remedy for finding in found}
    assert told["/import"] == "choose one of create, update, create_and_update"
    assert told["/dedupe"] == "choose one of import_everything, ignore_duplicates, youngest, oldest"
    assert told["/source"] == "give it"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"name": " "}, "/name: is blank; give it a text"),
        ({"name": "x" * 121}, "/name: is longer than 120 characters; shorten it"),
        ({"name": ...}, "/name: is missing; give it"),
        ({"type": ...}, "/type: is missing; choose one of create, update, upsert, decide"),
        ({"name": 7}, "/name: has the wrong type; give a text"),
        ({"colour": "red"}, "/colour: is no member that belongs here; correct its name or remove it"),
        ({"type": "merge"}, "/type: is not one of what it may be; choose 'create', 'update', 'upsert' or 'decide'"),
        (
            {"id": "Not An Id"},
            "/id: has the wrong form; use 1 to 63 lower-case letters, digits and hyphens",
        ),
        ({"mappings": []}, "/mappings: needs at least one; map a field, or choose the type decide"),
        ({"mappings": "email"}, "/mappings: has the wrong type; give a list"),
        ({"mappings": [{"column": "a", "to": "b c"}]}, "/mappings/0/to: has the wrong form; use the field's API name"),
        ({"deduplicate": {"columns": ["a"], "window_seconds": 0}}, "/deduplicate/window_seconds: is too small; give 1"),
        (
            {"deduplicate": {"columns": ["a"], "window_seconds": 10**9}},
            "/deduplicate/window_seconds: is too large; give 86400",
        ),
        (
            {"mappings": [{"column": "a", "to": "B", "transforms": [{}]}]},
            "/mappings/0/transforms/0: does not say of which",
        ),
        ({"mappings": [{"to": "Email"}]}, "/mappings/0: needs one source; give exactly one of "),
        ({"results": []}, "/results: has the wrong type; give an object with named members"),
    ],
)
def test_a_mistake_of_the_shape_has_its_place_and_a_remedy(changes: dict[str, Any], line: str) -> None:
    """One mistake is one finding in plain words that names the document and the member, and says what to do."""
    (finding,) = findings(**changes)

    name = "Not An Id" if "id" in changes else "person-to-lead"
    assert finding.line().startswith(f"action {name}: {line}")
    assert finding.remedy


def test_two_mappings_to_one_field_are_placed_at_the_mappings() -> None:
    """What a document as a whole forbids names the member that it is about."""
    (finding,) = findings(mappings=[*an_action_document()["mappings"], {"static": "x", "to": "Email"}])

    assert finding.pointer == "/mappings"
    assert "Email is mapped twice" in finding.what


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"source": ...}, {"/source/connection"}),
        ({"source": {}}, {"/source/connection"}),
        ({"source": {"connection": ""}}, {"/source/connection"}),
        ({"source": {"connection": None}}, {"/source/connection"}),
        ({"destination": ...}, {"/destination/connection", "/destination/object"}),
        ({"destination": {"connection": "salesforce-demo"}}, {"/destination/object"}),
        ({"destination": {"connection": "salesforce-demo", "object": " "}}, {"/destination/object"}),
        ({"destination": {"object": "Lead"}}, {"/destination/connection"}),
        ({"source": ..., "destination": ...}, {"/source/connection", "/destination/connection", "/destination/object"}),
    ],
)
def test_page_two_waits_for_both_ends(changes: dict[str, Any], missing: set[str]) -> None:
    """Without a connection or table of either end the validator refuses the document and names each one missing."""
    found = findings(**changes)

    assert {finding.pointer for finding in found} == missing
    assert {finding.what for finding in found} == {"is missing, and page 2 waits until both ends are set"}
    assert all(finding.remedy.startswith("name ") for finding in found)


def test_alternatives_of_a_member_are_one_finding() -> None:
    """A value of none of the types that a member takes is told once, with all of them."""
    (finding,) = findings(mappings=[{"to": "Email", "static": ["a"]}, {"to": "LastName", "column": "lastName"}])

    assert finding.pointer == "/mappings/0/static"
    assert finding.remedy.startswith("give a text or ")


def test_findings_do_not_repeat_what_was_written() -> None:
    """What somebody pasted by mistake, a secret perhaps, is in no finding."""
    transform = {"column": "email", "to": "Email", "transforms": [{"type": "hunter2"}]}
    found = findings(client_secret="hunter2", name="hunter2" * 40, type="hunter2", mappings=["hunter2", transform])

    assert len(found) == 5
    assert "hunter2" not in " ".join(finding.line() for finding in found)


@pytest.mark.parametrize("raw", [None, [], "text", {}, {"kind": "report", "id": "x"}, {"kind": ["action"]}])
def test_what_is_no_document_is_one_finding(raw: Any) -> None:
    """Something else than a document of a known kind is told as such, with what there is."""
    read = read_document(raw)

    assert isinstance(read, list)
    assert len(read) == 1
    assert read[0].remedy


@pytest.mark.parametrize(
    ("line", "pointer", "what", "remedy"),
    [
        ("mappings[3].to: a; b", "/mappings/3/to", "a", "b"),
        ("action one: mappings[3].to: a; b", "/mappings/3/to", "a", "b"),
        ("identifier.field: a; b; c", "/identifier/field", "a; b", "c"),
        ("mappings: Lead.LastName is needed", "/mappings", "Lead.LastName is needed", ""),
        ("nothing of that kind; b", "", "nothing of that kind", "b"),
    ],
)
def test_a_line_of_the_checks_becomes_a_finding(line: str, pointer: str, what: str, remedy: str) -> None:
    """The place before the sentence becomes a JSON pointer, what stands after the last semicolon the remedy."""
    finding = of_line("action one", line)

    assert finding == Finding(document="action one", pointer=pointer, what=what, remedy=remedy)


def test_a_finding_is_told_as_a_line_and_for_scripts() -> None:
    """Both say document, place, what and remedy; a finding about the whole document has no place in its line."""
    assert at("action one", "/name", "is blank; give it").line() == "action one: /name: is blank; give it"
    assert at("action one", "", "is given twice; keep one").line() == "action one: is given twice; keep one"
    assert at("action one", "/name", "is blank; give it").as_json() == {
        "document": "action one",
        "pointer": "/name",
        "what": "is blank",
        "remedy": "give it",
    }
