"""The four dedupe rules over the rows of one key: which rows go on, ties and missing dates included."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.dedupe_rules import Kept, Stamps, choose, id_order, stamps_of
from leadbridge.domain.sync import DedupeRule

CONTACTS = stamps_of("salesforce", "Contact")
LEADS = stamps_of("marketo", "leads")


def contact(number: int, *, created: str | None = None, changed: str | None = None) -> dict[str, Any]:
    """A row of the Salesforce source; the id is one of 18 characters."""
    return {"Id": f"003{number:012d}AAA", "CreatedDate": created, "LastModifiedDate": changed}


def test_import_everything_keeps_source_order() -> None:
    """All rows of the key go on, in the order in which the source gave them."""
    rows = [contact(3), contact(1), contact(2)]

    assert choose(DedupeRule.IMPORT_EVERYTHING, rows, CONTACTS) == Kept(imported=(0, 1, 2))


def test_ignoring_duplicates_leaves_all_rows_of_the_key_out_and_unique_keys_in() -> None:
    """None of three is imported; a key with one row is no duplicate under any rule."""
    assert choose(DedupeRule.IGNORE_DUPLICATES, [contact(1), contact(2), contact(3)], CONTACTS) == Kept(
        imported=(), left_out=(0, 1, 2)
    )
    for rule in DedupeRule:
        assert choose(rule, [contact(1)], CONTACTS) == Kept(imported=(0,))


@pytest.mark.parametrize(
    ("rule", "rows", "chosen"),
    [
        (
            DedupeRule.YOUNGEST,
            [contact(1, changed="2026-03-01T00:00:00.000+0000"), contact(2, changed="2026-03-02T00:00:00.000+0000")],
            1,
        ),
        (
            DedupeRule.OLDEST,
            [contact(1, created="2026-03-01T00:00:00.000+0000"), contact(2, created="2026-02-02T00:00:00.000+0000")],
            1,
        ),
        # instants, not texts: 23:30 at -05:00 is later than 03:00 UTC of the next day
        (
            DedupeRule.YOUNGEST,
            [contact(1, changed="2026-03-02T03:00:00Z"), contact(2, changed="2026-03-01T23:30:00-05:00")],
            1,
        ),
        # equal dates: the lowest id, wherever it stands
        (DedupeRule.YOUNGEST, [contact(9, changed="2026-03-01T00:00:00Z"), contact(2, changed="2026-03-01")], 1),
        (DedupeRule.OLDEST, [contact(2, created="2026-03-01T00:00:00Z"), contact(9, created="2026-03-01")], 0),
        # a missing date comes last, so does one that cannot be read
        (DedupeRule.YOUNGEST, [contact(1), contact(2, changed="1999-01-01T00:00:00Z")], 1),
        (DedupeRule.OLDEST, [contact(1, created=" "), contact(2, created="2026-03-01T00:00:00Z")], 1),
        (DedupeRule.OLDEST, [contact(1, created="soon"), contact(2, created="2026-03-01T00:00:00Z")], 1),
        (DedupeRule.YOUNGEST, [contact(7), contact(3), contact(5)], 1),
    ],
)
def test_one_row_is_chosen_by_its_date_then_by_its_id(
    rule: DedupeRule, rows: list[dict[str, Any]], chosen: int
) -> None:
    """The latest last change, or the earliest creation; of equal ones and of those without a date the lowest id."""
    kept = choose(rule, rows, CONTACTS)

    assert kept.imported == (chosen,)
    assert kept.left_out == tuple(place for place in range(len(rows)) if place != chosen)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        # Marketo's are numbers, as numbers or as the text of a file
        ([10, 9, 100], [9, 10, 100]),
        (["10", "9", "100"], ["9", "10", "100"]),
        # Salesforce's by code point of their 18 characters: capitals before small letters
        (
            ["003aaaaaaaaaaaaAAA", "003AAAAAAAAAAAAIAA", "0030000000000AaEAA"],
            ["0030000000000AaEAA", "003AAAAAAAAAAAAIAA", "003aaaaaaaaaaaaAAA"],
        ),
        ([None, 5], [5, None]),
    ],
)
def test_the_lowest_id_is_by_number_at_marketo_and_by_code_point_at_salesforce(
    ids: list[Any], expected: list[Any]
) -> None:
    """The order of ids does not depend on how a file or an answer writes them."""
    assert sorted(ids, key=id_order) == expected


_DATES = st.sampled_from([None, "", "2026-03-01T00:00:00Z", "2026-03-01", "2026-02-28T23:00:00-01:00", "2026-04-01"])
_ROWS = st.lists(
    st.fixed_dictionaries({"id": st.integers(1, 10**6), "createdAt": _DATES, "updatedAt": _DATES}),
    min_size=1,
    max_size=8,
    unique_by=lambda row: row["id"],
)


@given(rows=_ROWS, rule=st.sampled_from([DedupeRule.YOUNGEST, DedupeRule.OLDEST]), order=st.randoms())
def test_the_choice_does_not_depend_on_the_order_of_rows(
    rows: list[dict[str, Any]], rule: DedupeRule, order: Any
) -> None:
    """The same rows in any order give the same record, and every row ends in one of two places."""
    shuffled = list(rows)
    order.shuffle(shuffled)

    one, other = choose(rule, rows, LEADS), choose(rule, shuffled, LEADS)

    assert rows[one.imported[0]] == shuffled[other.imported[0]]
    assert sorted((*one.imported, *one.left_out)) == list(range(len(rows)))


@pytest.mark.parametrize(
    ("vendor", "name", "columns"),
    [
        ("salesforce", "Lead", ("Id", "CreatedDate", "LastModifiedDate")),
        ("marketo", "list_members", ("id", "createdAt", "updatedAt")),
        ("marketo", "activities", ("marketoGUID", "activityDate")),
        ("marketo", "program_members", ("leadId", "membershipDate", "updatedAt")),
        ("marketo", "car_c", ("marketoGUID", "createdAt", "updatedAt")),
    ],
)
def test_each_source_has_columns_that_tell_its_rows_apart(vendor: Any, name: str, columns: tuple[str, ...]) -> None:
    """Id, creation and last change under the names that the vendor gives them."""
    assert stamps_of(vendor, name).columns == columns


#: by code point of 18 characters a digit comes before a capital, which comes before a small letter
_OF_ORG = ("0030000000000AaEAA", "003AAAAAAAAAAAAIAA", "003aaaaaaaaaaaaAAA")


@pytest.mark.cap("S12")
@pytest.mark.parametrize("rule", [DedupeRule.YOUNGEST, DedupeRule.OLDEST])
@pytest.mark.parametrize(
    ("stamps", "lowest", "others"), [(CONTACTS, _OF_ORG[0], _OF_ORG[1:]), (LEADS, 9, (10, 100))], ids=["org", "marketo"]
)
def test_ties_and_missing_dates_are_decided_alike_whatever_the_order(
    rule: DedupeRule, stamps: Stamps, lowest: Any, others: tuple[Any, ...]
) -> None:
    """Of equal dates the lowest id, a missing date after any date, and of missing dates the lowest id again.

    Ids go by number at Marketo and by code point of 18 characters at Salesforce; each order of rows gives the same.
    """

    def row(own: Any, date: str | None) -> dict[str, Any]:
        return {stamps.id: own, stamps.created: date, stamps.updated: date}

    def chosen(*rows: dict[str, Any]) -> set[Any]:
        orders = list(permutations(rows))
        return {order[place][stamps.id] for order in orders for place in choose(rule, order, stamps).imported}

    noon = "2026-03-01T12:00:00Z"
    assert chosen(row(lowest, noon), *(row(each, noon) for each in others)) == {lowest}
    assert chosen(row(lowest, None), row(others[0], "1999-01-01"), row(others[1], None)) == {others[0]}
    assert chosen(*(row(each, None) for each in (*others, lowest))) == {lowest}


@pytest.mark.parametrize(
    ("rule", "imported"),
    [
        (DedupeRule.IMPORT_EVERYTHING, (0, 2)),
        (DedupeRule.IGNORE_DUPLICATES, ()),
        (DedupeRule.YOUNGEST, (2,)),
        (DedupeRule.OLDEST, (0,)),
    ],
)
def test_an_activity_that_was_read_twice_is_no_duplicate_of_itself(rule: DedupeRule, imported: tuple[int, ...]) -> None:
    """Of one GUID the first reading counts; alone under its key it is imported, whatever the rule."""
    stamps = stamps_of("marketo", "activities")
    one = {"marketoGUID": "a", "activityDate": "2026-03-01T00:00:00Z"}
    later = {"marketoGUID": "b", "activityDate": "2026-03-02T00:00:00Z"}

    assert choose(rule, [one, one], stamps).imported == (0,)
    kept = choose(rule, [one, one, later], stamps)
    assert kept.imported == imported
    assert sorted((*kept.imported, *kept.left_out)) == [0, 1, 2]
