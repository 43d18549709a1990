"""The figures of Syncs at a small size: counts and equality, never a time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import sync_calls, sync_prices, sync_rows

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


def test_generated_syncs_cost_what_was_said(pair: sync_calls.Pair) -> None:
    """One Sync of each kind: the price is within a tenth of the calls that the simulators have counted."""
    kinds = sync_prices.generated(len(sync_prices.KINDS), SEED, most=700)
    errors = {one.kind: sync_prices.compared(pair, one, SEED).error for one in kinds}
    assert max(errors.values()) <= sync_prices.MOST_ERROR, errors


def test_the_transform_stage_loses_no_row(tmp_path: Path) -> None:
    """3,000 rows, of which half have one key: each has an end or values, and memory stays with one row a key."""
    objects, compiled = sync_rows.FolderObjects(tmp_path), sync_rows.compiled_sync()
    run = sync_rows.partitioned(objects, sync_rows.write_extract(objects, 3000, 1, SEED), compiled)
    counts = sync_rows.written(objects, run, compiled, 1, sync_rows.transformed(objects, run, compiled, 1))
    assert counts == {"ended": 1499, "open": 1501}
