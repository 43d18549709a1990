"""The figures of connector actions at a small size: counts, never a time."""

import pytest

from tests.bench import batches, import_files

SEED = 7


@pytest.mark.parametrize("kind", [batches.ADD, batches.FIND, batches.SYNC])
def test_calls_and_batches_are_counted(kind: str) -> None:
    """Of forty calls each ends; there is a list call, or at least a write, for each batch, and lookups where they are
    needed alone."""
    result = batches.mixed(kind, 40, SEED)

    assert result.outcomes.total() == result.events == 40
    assert result.outcomes["failed"] == 0
    writes = result.calls["list"] + result.calls["sync"]
    assert writes >= result.triggers.total() > 0
    assert (result.calls["look up"] > 0) == (kind != batches.ADD)
    assert result.people < 40


def test_files_and_their_calls_are_counted() -> None:
    """Of forty imports each ends, with the last value of its person; each file has its looks, failures and warnings."""
    result = import_files.imported(40, SEED, repeated=0.2)

    assert result.outcomes == {"updated": 40}
    assert result.right == result.people < 40
    assert result.crossing == (0, 0)
    assert sum(result.files) == 40
    assert result.calls["file"] == result.calls["failures"] == result.calls["warnings"] == len(result.files) > 1


def test_the_rate_is_used_and_not_broken() -> None:
    """While there is backlog a worker uses nine tenths of what Marketo allows, or more, and breaks no limit."""
    share, fullest, broken = batches.backlog(220, SEED)

    assert share >= batches.LEAST_SHARE
    assert fullest <= batches.WINDOW_CALLS
    assert broken == 0


def test_requests_of_aws_are_counted() -> None:
    """Twenty calls in batches of ten end, and what they are stored, moved, begun and ended by is counted."""
    counted, states = batches.requests(20, SEED, count=10)

    assert states == {"ended": 20}
    assert counted.names["TransactWriteItems"] >= 20
    assert counted.writes > counted.reads > 0
