"""How long edits took in a run: steps that grow, shares of them, and moments that nobody can read."""

from datetime import timedelta

import pytest

from leadbridge.domain.cycle_latency import edited, latency_members, latency_words, measured
from leadbridge.domain.three_way import Side
from tests.fakes.clock import NOON


def test_half_and_95_of_100_are_told_by_direction_at_most_a_tenth_too_high() -> None:
    """A hundred edits of 1 to 100 seconds, measured in two heaps, and one of a day; what is told is never too low."""
    edits = [{"marketo": (NOON - timedelta(seconds=each)).isoformat()} for each in range(1, 101)]
    known = measured(measured({}, edits[:30], NOON), edits[30:], NOON)
    known = measured(known, [{"salesforce": (NOON - timedelta(days=1)).isoformat()}], NOON)
    told = latency_members(known)
    assert told["to_marketo"]["writes"] == 100
    assert 50 <= told["to_marketo"]["p50_seconds"] <= 55 + 1
    assert 95 <= told["to_marketo"]["p95_seconds"] <= 104.5 + 1
    assert 86_400 <= told["to_salesforce"]["p50_seconds"] <= 95_041
    words = list(latency_words(known))
    assert words[0].startswith("to_marketo: 100 edits, half of them within 5")
    assert len(words) == 2


@pytest.mark.parametrize("stamp", ["", "yesterday", "2026-03-09"])
def test_a_moment_that_nobody_can_read_does_not_count(stamp: str) -> None:
    """Nothing is invented of it."""
    assert measured({}, [{"marketo": stamp}], NOON) == {}
    assert latency_members({}) == {}


def test_an_edit_is_as_old_as_the_other_sides_record() -> None:
    """Of the side that is written nothing is taken, of a row that was not read neither."""
    rows = {Side.MARKETO: {"updatedAt": "m"}, Side.SALESFORCE: {"SystemModstamp": "s"}}
    assert edited(rows, {Side.MARKETO: {"a": 1}, Side.SALESFORCE: {}}) == {"marketo": "s"}
    assert edited(rows, {Side.MARKETO: {}, Side.SALESFORCE: {"A": 1}}) == {"salesforce": "m"}
    assert edited({Side.MARKETO: None}, {Side.SALESFORCE: {"A": 1}}) == {}
