"""Templates: columns between braces, and a backslash for braces themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.templates import TemplateError, columns_of, renderer


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain", "plain"),
        ("{{a}}{{b}}", "12"),
        ("{{ a }}, {{b}}", "1, 2"),
        ("{{missing}}", ""),
        ("{a} }", "{a} }"),
        (r"\{\{a\}\}", "{{a}}"),
        (r"\\{{a}}", "\\1"),
        ("{{nested}}", "{{a}}"),
    ],
)
def test_columns_stand_in_the_place_of_their_braces(template: str, expected: str) -> None:
    """A value stands as it is and is not expanded again; escaped braces stay braces."""
    assert renderer(template)({"a": 1, "b": "2", "nested": "{{a}}"}) == expected


@pytest.mark.parametrize(
    "template", ["{{", "{{a", "a}}", "{{}}", "{{ }}", "{{{a}}}", "{{a{b}}", "{{a}}}}", "\\", "\\n"]
)
def test_what_would_stay_unexpanded_is_refused(template: str) -> None:
    """Braces that hold no column, or do not close, and backslashes before nothing are told, not guessed at."""
    with pytest.raises(TemplateError, match=r"; write |write two"):
        renderer(template)
    assert columns_of(template) == []


@given(st.text(alphabet="{}\\ab \n", max_size=30))
def test_a_template_is_refused_or_leaves_no_token(template: str) -> None:
    """Of any text, either it is refused or what it gives holds no braces but those that were escaped or single."""
    try:
        rendered = renderer(template)({})
    except TemplateError:
        return
    assert rendered.count("{") == template.count("{") - 2 * len(columns_of(template))
