"""Partitions: rows of one key together, about as many rows in each, no more than an answer can name."""

from collections import Counter

import pytest

from leadbridge.domain.partitioning import MOST, ROWS, partition_of, partitions_for


@pytest.mark.parametrize(
    ("rows", "partitions"), [(0, 1), (1, 1), (ROWS, 1), (ROWS + 1, 2), (1_000_000, 100), (10**9, MOST)]
)
def test_the_number_of_partitions_follows_the_number_of_rows(rows: int, partitions: int) -> None:
    """One for up to 10,000 rows, and no more than the state machine's data hold."""
    assert partitions_for(rows) == partitions


def test_rows_of_one_key_meet_and_rows_without_one_are_spread() -> None:
    """Wherever a key stands in the extract its partition is the same; parts of keys are not run together."""
    places = {partition_of(("same@example.com", "1"), position, 50) for position in range(200)}
    assert len(places) == 1
    assert len({partition_of(None, position, 50) for position in range(200)}) > 20
    assert partition_of(("ab", "c"), 1, 10**9) != partition_of(("a", "bc"), 1, 10**9)


def test_partitions_are_of_about_one_size() -> None:
    """Ten thousand keys in ten partitions: none is larger than the mean by a fifth."""
    sizes = Counter(partition_of((f"person{number}@example.com",), number, 10) for number in range(10_000))

    assert sorted(sizes) == list(range(1, 11))
    assert max(sizes.values()) < 1_200
