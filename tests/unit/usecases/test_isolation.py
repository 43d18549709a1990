"""Records that spoil a call for all others are found by halving; a vendor that refuses everything is left alone."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.records import RowResult
from leadbridge.errors import SpoiledCallError, SyncError, TransientError
from leadbridge.usecases.isolation import FRUITLESS_LIMIT, Isolated, isolate
from tests.builders.world import World
from tests.fakes.trouble import Row

SYSTEM_ERROR = SpoiledCallError("System error", vendor="marketo", operation="x", code="611")
#: 2 * ceil(log2(300)) + 1
MOST_EXTRA_CALLS = 19
OPERATIONS = pytest.mark.parametrize("operation", ["sync_leads", "add_custom_activities"])


def search(number: int, bad: set[int], error: SyncError = SYSTEM_ERROR) -> tuple[Isolated[int], int]:
    """Search for the bad ones of so many records at a vendor that refuses every call that holds one."""
    calls = 0

    def call(piece: Sequence[int]) -> list[RowResult]:
        nonlocal calls
        calls += 1
        if bad & set(piece):
            raise error
        return [RowResult(ok=True, id=str(item)) for item in piece]

    found = isolate([range(number)], call, lambda _, error: isinstance(error, SpoiledCallError))
    return found, calls


@given(number=st.integers(2, 300), place=st.floats(0, 1, exclude_max=True))
def test_one_culprit_costs_two_calls_per_round(*, number: int, place: float) -> None:
    """Wherever the culprit stands, all others are taken, and the calls stay within two per halving."""
    bad = int(place * number)

    found, calls = search(number, {bad})

    assert [item for item, _ in found.culprits] == [bad]
    assert sorted(item for item, _ in found.answered) == [item for item in range(number) if item != bad]
    assert calls - 1 <= 2 * (number - 1).bit_length() + 1


@given(number=st.integers(1, 300), bad=st.sets(st.integers(0, 299), max_size=12))
def test_every_record_stands_in_one_list(*, number: int, bad: set[int]) -> None:
    """However many are bad: none is forgotten, none is named twice, and no good one is called a culprit."""
    found, _ = search(number, bad)

    refused = [item for piece, _ in found.refused for item in piece]
    culprits = [item for item, _ in found.culprits]
    assert sorted([*refused, *culprits, *(item for item, _ in found.answered)]) == list(range(number))
    assert set(culprits) <= bad


@given(number=st.integers(1, 300))
def test_a_vendor_that_refuses_everything_is_soon_left_alone(*, number: int) -> None:
    """Where nothing is taken no record is blamed, and the search ends after the quarters."""
    found, calls = search(number, set(range(number)))

    assert (found.culprits, found.answered) == ([], [])
    assert calls <= FRUITLESS_LIMIT + (4 if number < 8 else 0)  # few records are all asked alone


def test_an_error_of_another_kind_is_not_searched() -> None:
    """Only an error that one record may have caused is worth halving."""
    found, calls = search(300, {7}, TransientError("busy", vendor="marketo", code="608"))

    assert calls == 1
    assert [len(piece) for piece, _ in found.refused] == [300]


@pytest.mark.fault("FM09")
@OPERATIONS
def test_one_record_that_makes_marketo_fail_is_found_and_the_others_are_told(operation: str) -> None:
    """Of 300 persons one spoils every call: 299 are told, the one says marketo_611, with 19 more calls at most."""
    world = World()
    ids = [world.receive(lead_id) for lead_id in range(1, 301)]

    def spoils(row: Row) -> bool:
        return bool(row.get("leadId", row.get("id")) == 7)

    world.marketo.trouble.poison(operation, spoils, SYSTEM_ERROR)

    world.run_out(batch=300)

    part = "writeback" if operation == "sync_leads" else "activity"
    failed = [id_ for id_ in ids if world.execution(id_)[part]["status"] == "failed"]
    assert [world.execution(id_)[part]["reason"] for id_ in failed] == ["marketo_611"]
    assert failed == [ids[6]]
    assert world.outcomes() == {"created": 300}
    assert world.marketo.trouble.made(operation) - 1 <= MOST_EXTRA_CALLS + 2  # two tries before the search
    assert set(world.inbox.ends.values()) == {1}


@pytest.mark.fault("FM10")
@OPERATIONS
def test_a_marketo_that_fails_for_everything_is_not_stormed(operation: str) -> None:
    """Every call fails for three minutes: at most 10 calls, everyone visibly parked, and all ends well later."""
    world = World()
    ids = [world.receive(lead_id) for lead_id in range(1, 301)]
    world.marketo.trouble.poison(operation, lambda _: True, SYSTEM_ERROR)

    outage_ends = world.clock.now() + timedelta(minutes=3)
    while world.clock.now() < outage_ends:
        world.drain(batch=300)
        world.clock.advance(10)

    assert world.marketo.trouble.made(operation) <= 10
    assert {world.execution(id_)["state"] for id_ in ids} == {"parked"}
    assert {world.execution(id_)["reason"] for id_ in ids} == {"marketo_611"}

    world.marketo.trouble.heal()
    world.run_out(batch=300)
    assert world.outcomes() == {"created": 300}
    assert len(world.marketo.logged()) == 300
