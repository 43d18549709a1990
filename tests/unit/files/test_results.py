"""Results: each row that was sent gets exactly one, whatever order, columns and doubles the vendor gives back."""

import csv
import io
import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.files.errors import SchemaDriftError, UnreconciledError
from leadbridge.files.results import (
    MARKETO_RESULTS,
    SALESFORCE_RESULTS,
    Kind,
    RowResult,
    Shape,
    Told,
    attach,
)
from leadbridge.files.rows import Rows

HEADER = ["email", "firstName"]
FAILURE, WARNING = "Import Failure Reason", "Import Warning Reason"
PEOPLE = [["a@example.com", "A"], ["b@example.com", "B"], ["c@example.com", "C"], ["d@example.com", "D"]]


def file(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Rows:
    """A file as it comes in."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return Rows([text.getvalue().encode()])


def result(position: int, kind: Kind = Kind.SUCCEEDED, reason: str = "") -> RowResult:
    """A result of Marketo's."""
    return RowResult(position=position, kind=kind, reason=reason)


def marketo(
    sent: Sequence[Sequence[str]],
    failures: Sequence[Sequence[str]] = (),
    warnings: Sequence[Sequence[str]] = (),
    told: Told | None = None,
) -> list[RowResult]:
    """Results of an import, by position."""
    files = [
        (Kind.WARNED, file([*HEADER, WARNING], warnings)),
        (Kind.FAILED, file([*HEADER, FAILURE], failures)),
    ]
    found = attach(file(HEADER, sent), files, MARKETO_RESULTS, told=told)
    return sorted(found, key=lambda each: (each.position, each.kind))


@pytest.mark.fault("FB09")
def test_failed_and_warned_rows_of_an_import_are_told_apart_from_the_rest() -> None:
    """Each row has its own result with the vendor's words, and the counts are those of the job."""
    found = marketo(
        PEOPLE,
        failures=[[*PEOPLE[2], "no"], [*PEOPLE[0], "neither"]],
        warnings=[[*PEOPLE[3], "odd"]],
        told=Told(failed=2, warned=1, succeeded=2),
    )

    assert found == [
        result(0, Kind.FAILED, "neither"),
        result(1),
        result(2, Kind.FAILED, "no"),
        result(3),
        result(3, Kind.WARNED, "odd"),
    ]


@pytest.mark.fault("FB09")
def test_equal_rows_are_told_apart_by_counting() -> None:
    """Of four equal rows two failed and one was warned of: four different rows have these results, in their order."""
    twin = PEOPLE[0]

    found = marketo(
        [twin, PEOPLE[1], twin, twin, twin], failures=[[*twin, "first"], [*twin, "second"]], warnings=[[*twin, "odd"]]
    )

    assert found == [
        result(0, Kind.FAILED, "first"),
        result(1),
        result(2, Kind.FAILED, "second"),
        result(3),
        result(3, Kind.WARNED, "odd"),
        result(4),
    ]


def test_a_row_that_failed_and_was_warned_of_has_one_end() -> None:
    """The warning stands beside the failure; no other row takes it."""
    found = marketo(PEOPLE[:2], failures=[[*PEOPLE[1], "no"]], warnings=[[*PEOPLE[1], "odd"]])

    assert found == [result(0), result(1, Kind.FAILED, "no"), result(1, Kind.WARNED, "odd")]


@pytest.mark.fault("FB09")
@pytest.mark.parametrize(
    ("failures", "told"),
    [
        pytest.param([["x@example.com", "X", "no"]], Told(), id="a row that was not sent"),
        pytest.param([[*PEOPLE[0], "no"], [*PEOPLE[0], "no"]], Told(), id="one too many"),
        pytest.param([[*PEOPLE[0], "no"]], Told(failed=2), id="fewer than told"),
        pytest.param([[*PEOPLE[0], "no"]], Told(failed=1, succeeded=4), id="more written than there are"),
        pytest.param([], Told(warned=1), id="a warning without a row"),
    ],
)
def test_results_that_do_not_add_up_are_an_error(failures: list[list[str]], told: Told) -> None:
    """A foreign row, one too many or other numbers than the job's end the iteration, without a value in the text."""
    with pytest.raises(UnreconciledError) as wrong:
        marketo(PEOPLE, failures=failures, told=told)

    assert "example.com" not in str(wrong.value)


def test_salesforce_results_are_found_in_any_order_and_without_unknown_columns() -> None:
    """Three files, shuffled and without a column that the org does not know, give each row its id, error or rest."""
    sent = file(["Name", "Nonsense__c", "Key__c"], [[name, "x", f"K-{name}"] for name in "ABCDE"])
    files = [
        (
            Kind.SUCCEEDED,
            file(
                ["sf__Id", "sf__Created", "Name", "Key__c"],
                [["003E", "false", "E", "K-E"], ["003A", "true", "A", "K-A"]],
            ),
        ),
        (
            Kind.FAILED,
            file(["sf__Id", "sf__Error", "Key__c", "Name"], [["", "REQUIRED_FIELD_MISSING:x:LastName --", "K-C", "C"]]),
        ),
        (Kind.UNPROCESSED, file(["Name", "Key__c"], [["D", "K-D"], ["B", "K-B"]])),
    ]

    found = list(attach(sent, files, SALESFORCE_RESULTS, told=Told(failed=1, succeeded=2)))

    assert sorted(found, key=lambda each: each.position) == [
        RowResult(position=0, kind=Kind.SUCCEEDED, record_id="003A", created=True),
        RowResult(position=1, kind=Kind.UNPROCESSED),
        RowResult(position=2, kind=Kind.FAILED, reason="REQUIRED_FIELD_MISSING:x:LastName --"),
        RowResult(position=3, kind=Kind.UNPROCESSED),
        RowResult(position=4, kind=Kind.SUCCEEDED, record_id="003E", created=False),
    ]


def test_a_row_that_no_file_of_salesforce_names_is_an_error() -> None:
    """Where every row has to be named, silence is no success."""
    sent = file(["Name"], [["A"], ["B"]])
    named = [(Kind.SUCCEEDED, file(["sf__Id", "sf__Created", "Name"], [["003A", "true", "A"]]))]

    with pytest.raises(UnreconciledError, match="1 of 2 rows sent have no result, the first is row 1"):
        list(attach(sent, named, SALESFORCE_RESULTS))


def test_rows_are_found_by_their_key_where_the_vendor_changed_the_rest() -> None:
    """With a key column, other cells may come back trimmed or rewritten."""
    sent = file(["Key__c", "Amount"], [["K-1", "1.50"], ["K-2", "2.0"]])
    named = [
        (
            Kind.SUCCEEDED,
            file(
                ["sf__Id", "sf__Created", "Key__c", "Amount"],
                [["006B", "true", "K-2", "2"], ["006A", "true", "K-1", "1.5"]],
            ),
        )
    ]

    found = list(attach(sent, named, SALESFORCE_RESULTS, key=["Key__c"]))

    assert [(each.position, each.record_id) for each in found] == [(1, "006B"), (0, "006A")]


@pytest.mark.parametrize(
    ("header", "key", "error"),
    [
        pytest.param(["sf__Id", "Name"], [], SchemaDriftError, id="no reason"),
        pytest.param(["sf__Id", "sf__Error", "Name"], ["Key__c"], SchemaDriftError, id="no key"),
        pytest.param(["sf__Id", "sf__Error", "Other"], [], UnreconciledError, id="nothing that was sent"),
    ],
)
def test_a_file_of_results_without_its_columns_is_refused(
    header: list[str], key: list[str], error: type[Exception]
) -> None:
    """Without the vendor's own column, the key, or any column sent, no row is guessed."""
    sent = file(["Name", "Key__c"], [["A", "1"]])

    with pytest.raises(error):
        list(attach(sent, [(Kind.FAILED, file(header, [["x"] * len(header)]))], SALESFORCE_RESULTS, key=key))


CELLS = st.lists(st.sampled_from(["", "a", "b", '"', "a,b", "\r\n", "ab"]), min_size=2, max_size=2)


@given(
    plan=st.lists(st.tuples(CELLS, st.sampled_from([Kind.SUCCEEDED, Kind.FAILED, Kind.UNPROCESSED])), max_size=25),
    seed=st.integers(0, 9),
    shape=st.sampled_from([MARKETO_RESULTS, SALESFORCE_RESULTS]),
)
def test_any_mixture_of_equal_rows_gets_the_results_planned(
    plan: list[tuple[list[str], Kind]], seed: int, shape: Shape
) -> None:
    """Every row has one result, and of each kind of equal rows as many of each result as were planned, shuffled."""
    sent = [cells for cells, _ in plan]
    shuffled = list(plan)
    random.Random(seed).shuffle(shuffled)
    own = {
        Kind.SUCCEEDED: ["sf__Id", "sf__Created"],
        Kind.FAILED: ["sf__Id", "sf__Error"] if shape is SALESFORCE_RESULTS else [FAILURE],
        Kind.UNPROCESSED: [],
    }
    kinds = [Kind.FAILED, Kind.UNPROCESSED, *([] if shape is MARKETO_RESULTS else [Kind.SUCCEEDED])]
    files = [
        (
            kind,
            file(
                [*own[kind], "x", "y"],
                [["true"] * len(own[kind]) + cells for cells, which in shuffled if which is kind],
            ),
        )
        for kind in kinds
    ]

    found = list(attach(file(["x", "y"], sent), files, shape))

    assert sorted(each.position for each in found) == list(range(len(plan)))
    assert Counter((tuple(sent[each.position]), each.kind) for each in found) == Counter(
        (tuple(cells), kind) for cells, kind in plan
    )
