"""Two documents compared member by member."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.differences import changes, differences
from tests.builders.actions import an_action, an_action_document

PHONE = {"column": "phone", "to": "Phone"}
EMAIL = {"column": "email", "to": "Email"}
TITLE = {"column": "title", "to": "Title"}

NAMES = st.sampled_from(["a", "b", "c/d", "~e"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "é", "a/b", "~"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "c/d", "~e"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        pytest.param({"a": 1}, {"a": 1}, [], id="equal"),
        pytest.param({"name": "A"}, {"name": "Ü"}, ['~ /name: "A" → "Ü"'], id="a value"),
        pytest.param({"a": 1}, {"a": True}, ["~ /a: 1 → true"], id="another type of an equal value"),
        pytest.param({}, {"note": None}, ["+ /note: null"], id="a member that is null"),
        pytest.param({"a": {"b": 1}}, {"a": {}}, ["- /a/b: 1"], id="a member taken away"),
        pytest.param({"a/b": {"~": 1}}, {"a/b": {"~": 2}}, ["~ /a~1b/~0: 1 → 2"], id="names with special characters"),
        pytest.param(
            {"mappings": [EMAIL, TITLE]},
            {"mappings": [EMAIL, PHONE, TITLE]},
            ['+ /mappings/1: {"column": "phone", "to": "Phone"}'],
            id="one more in the middle",
        ),
        pytest.param(
            {"mappings": [EMAIL, PHONE, TITLE]},
            {"mappings": [PHONE, TITLE]},
            ['- /mappings/0: {"column": "email", "to": "Email"}'],
            id="the first taken away",
        ),
        pytest.param(
            {"mappings": [EMAIL, TITLE]},
            {"mappings": [EMAIL, {**TITLE, "blank": "clear"}]},
            ['+ /mappings/1/blank: "clear"'],
            id="a member of one in a list",
        ),
        pytest.param([], {}, ["~ /: [] → {}"], id="something else altogether"),
    ],
)
def test_what_differs_is_one_line_each(before: Any, after: Any, lines: list[str]) -> None:
    """Each difference names its place and both values; what only moved within a list is no difference of its own."""
    assert [each.line() for each in differences(before, after)] == lines


@given(VALUES, VALUES)
def test_there_are_differences_exactly_where_documents_differ(before: Any, after: Any) -> None:
    """No difference is told between equal documents, at least one between others, and each states both sides."""
    found = list(differences(before, after))

    assert bool(found) != same(before, after)
    assert list(differences(after, after)) == []
    for each in found:
        sides = {"added": {"after"}, "removed": {"before"}, "changed": {"before", "after"}}[each.change]
        assert set(each.as_json()) == {"change", "pointer", *sides}


def same(before: Any, after: Any) -> bool:
    """Whether two values are equal as JSON, whatever the order of members."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(same(before[name], after[name]) for name in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(same, before, after))
    return type(before) is type(after) and bool(before == after)


def test_members_at_their_defaults_are_no_difference() -> None:
    """A document that says what is so anyway is equal to one that does not; what a new mapping says is all it shows."""
    before = an_action()
    after = an_action(mappings=[*an_action_document()["mappings"], {"column": "phone", "to": "Phone", "blank": "skip"}])

    assert changes(before, an_action(description="")) == []
    assert [each.line() for each in changes(before, after)] == ['+ /mappings/5: {"column": "phone", "to": "Phone"}']
