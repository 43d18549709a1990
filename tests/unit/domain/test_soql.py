"""SOQL text: no value can leave its quotes, no name can hold anything but a name."""

from datetime import UTC, date, datetime, timedelta, timezone
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.soql import URI_BYTES, identifier, in_list_chunks, like, literal, literals_of

ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\"}
PREFIX = "SELECT Id FROM Lead WHERE"


def read_literal(text: str) -> tuple[str, str]:
    """An independent reader of one quoted literal: its value, and what follows it."""
    assert text[0] == "'"
    value, position = [], 1
    while text[position] != "'":
        if text[position] == "\\":
            position += 1
            value.append(ESCAPES[text[position]])
        else:
            value.append(text[position])
        position += 1
    return "".join(value), text[position + 1 :]


def read_list(soql: str) -> list[str]:
    """The values of the IN list of a query."""
    rest = soql.split(" IN (", 1)[1]
    values = []
    while True:
        value, rest = read_literal(rest)
        values.append(value)
        if rest.startswith(")"):
            return values
        rest = rest.removeprefix(",")


@given(st.text(max_size=200))
def test_every_text_survives_quoting_and_never_ends_its_literal(text: str) -> None:
    """A reader that knows only the documented escapes gets the same text back, and nothing behind it."""
    assert read_literal(literal(text) + " rest") == (text, " rest")


@given(st.lists(st.text("ab'\\\" @\n=", max_size=8), max_size=4))
def test_the_texts_of_a_query_are_found_whatever_quotation_marks_they_hold(texts: list[str]) -> None:
    """Each as it stands in the query, to be masked in what a vendor says of it; nothing of the query itself."""
    query = " AND ".join(f"Name = {literal(text)}" for text in texts)
    assert [read_literal(f"'{found}'")[0] for found in literals_of(query)] == texts


@pytest.mark.parametrize(
    ("value", "soql"),
    [
        ("O'Brien", "'O\\'Brien'"),
        ("x' OR Name != '", "'x\\' OR Name != \\''"),
        ("back\\slash", "'back\\\\slash'"),
        ("a\nb\tc", "'a\\nb\\tc'"),
        (None, "null"),
        (True, "true"),
        (7, "7"),
        (-2.5, "-2.5"),
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2, 13, 5, 6, 7, tzinfo=timezone(timedelta(hours=1))), "2026-03-02T12:05:06Z"),
    ],
)
def test_each_type_has_its_spelling(value: str | float | date | None, soql: str) -> None:
    """Text is quoted, all else is not; times are UTC in whole seconds."""
    assert literal(value) == soql


@pytest.mark.parametrize(
    "value",
    [datetime(2026, 3, 2), float("nan"), float("inf"), "x" * 4001, "\ud800"],  # noqa: DTZ001 - the case
)
def test_values_that_soql_cannot_hold_are_refused(value: str | float | datetime) -> None:
    """A time without a zone, no number, too long, no Unicode."""
    with pytest.raises(ValueError, match=r".+"):
        literal(value)


def test_the_wildcards_of_like_are_taken_literally() -> None:
    """A percent sign in a person's data does not widen the search."""
    assert like("50%_'") == "'50\\%\\_\\''"


@pytest.mark.parametrize("name", ["Id", "Email", "Score__c", "Account.Name", "Rel__r.Ext_Id__c", "ns__Field__c"])
def test_api_names_pass_unchanged(name: str) -> None:
    """Fields, custom fields and relationship paths."""
    assert identifier(name) == name


@pytest.mark.parametrize(
    "name", ["", "Id FROM User--", "Email = 'x' OR Id", "a b", "1a", "é", "a.", ".a", "a..b", "Id\n", "a" * 300]
)
def test_anything_else_is_no_name(name: str) -> None:
    """Names never come from a person's data, and could not carry a query if they did."""
    with pytest.raises(ValueError, match="API name"):
        identifier(name)


@given(st.lists(st.text(min_size=1, max_size=300), max_size=120))
def test_the_chunks_of_an_in_list_cover_each_value_once_and_fit_an_address(values: list[str]) -> None:
    """Every query is short enough, and together they ask for each distinct value exactly once."""
    queries = list(in_list_chunks("Email", values, PREFIX, "ORDER BY Id"))
    asked = [value for query in queries for value in read_list(query)]
    assert asked == list(dict.fromkeys(values))
    for query in queries:
        assert len(quote(query, safe="")) <= URI_BYTES
        assert query.startswith(f"{PREFIX} Email IN (")
        assert query.endswith(") ORDER BY Id")
        assert unquote(quote(query)) == query


def test_two_hundred_ordinary_addresses_are_one_query() -> None:
    """A whole batch costs one call."""
    values = [f"first.lastname{n}@some-company.example.com" for n in range(200)]
    assert (
        len(list(in_list_chunks("Email", values, f"SELECT Id, Email FROM Lead WHERE {'IsDeleted = false AND '}"))) == 1
    )


def test_values_that_no_query_can_hold_are_left_out() -> None:
    """They cannot be found either; the others are asked for."""
    values = ["\ud800", "x" * 4001, "é" * 3999, "a@example.com"]
    assert [read_list(query) for query in in_list_chunks("Email", values, PREFIX)] == [["a@example.com"]]


def test_no_values_are_no_query() -> None:
    """An empty IN list is an error at Salesforce."""
    assert list(in_list_chunks("Email", [], PREFIX)) == []


def test_a_time_in_utc_ends_in_z() -> None:
    """A plus sign would have to be escaped in an address."""
    assert literal(datetime(2026, 11, 21, 10, tzinfo=UTC)) == "2026-11-21T10:00:00Z"
