"""YAML files read apart into documents with their texts, and put together again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from leadbridge.domain.action import as_document
from leadbridge.domain.kinds import model_of
from leadbridge.domain.lifecycle import Change, Stored
from leadbridge.usecases.apply_configuration import Given
from leadbridge_cli.texts import canonical, exported, given_in
from tests.builders.actions import a_marketo_connection, an_action

COMMENTED = """\
# A person becomes a Lead.
kind: marketo_connection   # of the demo
id: one
name: "Ünïcode 🎈"

base_url: https://000-aaa-000.mktorest.example.com
"""
BLOCK = """\
id: two
kind: marketo_connection
base_url: https://000-aaa-000.mktorest.example.com
name: |+
  Two

"""
FLOW = "{kind: marketo_connection, id: three, name: Three, base_url: 'https://000-aaa-000.mktorest.example.com'}\n"


def given(folder: Path, text: str) -> list[Given]:
    """The documents of a file with that text."""
    file = folder / "documents.yaml"
    file.write_text(text, encoding="utf-8")
    return given_in([file])


def stored(each: Given) -> Stored:
    """A document as applying it stores it."""
    change = Change(author="somebody", at=datetime(2030, 1, 1, tzinfo=UTC), text=each.text)
    return Stored(document=model_of(each.raw).model_validate(each.raw), version=1, change=change)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param(COMMENTED, [COMMENTED], id="one"),
        pytest.param(COMMENTED + "---\n" + BLOCK + "---\n" + FLOW, [COMMENTED, BLOCK, FLOW], id="several"),
        pytest.param(f"---\n{COMMENTED}", [COMMENTED], id="a mark at the head"),
        pytest.param(f"# head\n---\n{FLOW}--- # next\n{FLOW}", [f"# head\n{FLOW}", f"# next\n{FLOW}"], id="comments"),
        pytest.param(f"--- {FLOW}", [FLOW], id="on the mark's line"),
        pytest.param(FLOW.rstrip(), [FLOW], id="without a last line end"),
        pytest.param(f"\ufeff{FLOW}", [FLOW], id="a byte order mark"),
        pytest.param(f"%YAML 1.2\n---\n{FLOW}", [""], id="a directive has no place between other documents"),
        pytest.param(f"- {FLOW}- {FLOW}", ["", ""], id="a list has canonical texts"),
        pytest.param("", [], id="nothing"),
        pytest.param("# nothing but a comment\n", [], id="only a comment"),
    ],
)
def test_each_document_keeps_the_text_of_its_author(tmp_path: Path, text: str, parts: list[str]) -> None:
    """Between the marks everything is kept, comments and all; what has no text of its own has none."""
    found = given(tmp_path, text)

    assert [each.text for each in found] == parts
    for each in found:
        assert not each.text or yaml.safe_load(each.text) == each.raw


@pytest.mark.parametrize(
    "text", [COMMENTED, COMMENTED + "---\n" + BLOCK + "---\n" + FLOW, f"# head\n---\n{FLOW}---\n\n{BLOCK}", f"- {FLOW}"]
)
def test_an_export_gives_itself_when_it_is_applied(tmp_path: Path, text: str) -> None:
    """The documents of an export are those that were stored, and exporting them gives the same bytes."""
    first = [stored(each) for each in given(tmp_path, text)]

    again = [stored(each) for each in given(tmp_path, exported(first))]

    assert [each.document for each in again] == [each.document for each in first]
    assert exported(again) == exported(first)


@pytest.mark.parametrize("document", [an_action(name="Ünïcode 🎈", description="a\n b: c\n"), a_marketo_connection()])
def test_a_document_without_a_text_is_exported_in_the_canonical_form(tmp_path: Path, document: Any) -> None:
    """Its members stand in their order, nothing is lost, and what it gives when it is read is the document."""
    text = exported([Stored(document=document, version=1)])

    assert text == canonical(as_document(document))
    assert [model_of(each.raw).model_validate(each.raw) for each in given(tmp_path, text)] == [document]


def test_placeholders_are_filled_before_anything_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The text holds what the environment said; every variable that is missing is named."""
    monkeypatch.setenv("TOWN", "Exampleton")

    (filled,) = given(tmp_path, "name: ${TOWN} # ${TOWN}\n")
    with pytest.raises(SystemExit):
        given(tmp_path, "name: ${NOT_SET} ${NEITHER}\n")

    assert filled == Given(raw={"name": "Exampleton"}, text="name: Exampleton # Exampleton\n")
    said = capsys.readouterr().err
    assert "environment variable NOT_SET" in said
    assert "environment variable NEITHER" in said


@pytest.mark.parametrize("text", ["a: 1\nb: [", "a: 1\n---\nb: }\n", "a: *nothing\n", "a: !unheard-of b\n"])
def test_what_is_no_yaml_is_told_with_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """A file that cannot be read is named, with the line where it goes wrong."""
    with pytest.raises(SystemExit):
        given(tmp_path, text)

    assert "documents.yaml: not valid YAML at line " in capsys.readouterr().err


DOUBLED = """\
kind: action
id: one
mappings:
  - {to: Email, column: email}
  - {to: LastName, to: FirstName, column: lastName}
type: upsert
---
- kind: action
  id: two
  results:
    success: Yes
    activity: result
    "success": Well
  id: three
"""


def test_keys_that_stand_twice_are_refused_all_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In whatever mapping of whatever document: each is told with its file, its lines and what to do."""
    with pytest.raises(SystemExit):
        given(tmp_path, DOUBLED)

    file = tmp_path / "documents.yaml"
    assert capsys.readouterr().err.splitlines() == [
        f"error: {file}: line 5: to stands there again, after line 5; keep one of them",
        f"error: {file}: line 13: success stands there again, after line 11; keep one of them",
        f"error: {file}: line 14: id stands there again, after line 9; keep one of them",
    ]


def test_what_is_merged_in_or_repeated_elsewhere_is_no_doubled_key(tmp_path: Path) -> None:
    """A key beside the one that a merge brings, an alias, and the same key in another mapping are as they were."""
    text = "- &base {id: one, to: {a: 1}}\n- {<<: *base, id: two}\n- *base\n"

    assert [each.raw for each in given(tmp_path, text)] == [
        {"id": "one", "to": {"a": 1}},
        {"id": "two", "to": {"a": 1}},
        {"id": "one", "to": {"a": 1}},
    ]
