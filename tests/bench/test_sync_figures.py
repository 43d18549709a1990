"""The figures of Syncs at a small size: counts and equality, never a time."""

from collections.abc import Iterator

import pytest

from tests.bench import sync_calls

SEED = 7


@pytest.fixture(scope="module")
def pair() -> Iterator[sync_calls.Pair]:
    """Both simulators, and the product's clients."""
    with sync_calls.twins(SEED) as found:
        yield found


@pytest.mark.parametrize("to_salesforce", [False, True])
def test_a_run_by_rest_makes_the_calls_of_full_batches(pair: sync_calls.Pair, *, to_salesforce: bool) -> None:
    """700 rows, of which some are new, some differ and some agree; the second run writes nothing."""
    rows = 700
    source, destination = ("marketo", "salesforce") if to_salesforce else ("salesforce", "marketo")
    result = sync_calls.run(pair, rows, SEED, to_salesforce=to_salesforce)

    assert result.runs[0].totals.rows == result.runs[1].totals.unchanged == rows
    made = sum(each.total() for each in result.first.values())
    # creates and updates are calls of their own, so one of each is not full
    assert made <= sync_calls.least(rows, result.differ, source, destination) + 1
    assert sync_calls.writes(result.second, destination) == 0
    assert result.wrong == 0
