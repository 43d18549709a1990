"""What looks leave for each other: the place in Marketo's log from which nothing that is shown in time is missed."""

from datetime import timedelta
from random import Random

import pytest

from leadbridge.domain.look_state import (
    LookState,
    Place,
    asked_of,
    compared,
    is_schema_due,
    is_usage_due,
    look_state,
    next_described,
    place_for,
    read_to,
)
from leadbridge.domain.watermarks import LAG
from tests.fakes.clock import NOON

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("gap", [1, 2, 5, 7, 60])
def test_each_entry_that_is_shown_in_time_is_seen_by_a_look(gap: int) -> None:
    """Entries are shown up to LAG after their moment; a look sees those shown by then that bear its place or later."""
    chance = Random(gap)
    entries = [(NOON + chance.random() * timedelta(hours=12), chance.random() * LAG["marketo"]) for _ in range(500)]
    state, now, seen = LookState(), NOON, set[int]()
    while now < NOON + timedelta(hours=14):
        now += gap * MINUTE
        place = place_for(state, NOON, now) or Place(at=NOON, token="")
        seen |= {number for number, (at, late) in enumerate(entries) if place.at <= at and at + late <= now}
        state = look_state(read_to(state, place, f"end at {now}", now).text)
        assert len(state.places) <= 6
    assert seen == set(range(len(entries)))
    # and what is read once more is the last minutes
    last = place_for(state, NOON, now)
    assert last is not None
    assert now - last.at <= LAG["marketo"] + max(2 * gap, 5) * MINUTE


def test_what_was_carried_over_is_not_read_again_and_old_places_are_not_used() -> None:
    """A run has moved the watermark; a place far behind it, or older than Marketo takes, is given up for a new one."""
    old, new = Place(at=NOON, token="old"), Place(at=NOON + 5 * MINUTE, token="new")
    state = LookState(places=(old, new))
    assert place_for(state, NOON, NOON + 10 * MINUTE) == old
    assert place_for(state, NOON + 5 * MINUTE, NOON + 15 * MINUTE) == old
    assert place_for(state, NOON + 6 * MINUTE, NOON + 16 * MINUTE) == new
    assert place_for(state, NOON + 26 * MINUTE, NOON + 36 * MINUTE) is None
    assert place_for(state, NOON, NOON + timedelta(hours=21)) is None
    assert place_for(LookState(), NOON, NOON) is None


def test_fields_are_looked_at_once_an_hour() -> None:
    """Also the first time."""
    assert is_schema_due(LookState(), NOON)
    state = look_state(LookState(schema_at=NOON).text)
    assert not is_schema_due(state, NOON + 59 * MINUTE)
    assert is_schema_due(state, NOON + 60 * MINUTE)


def test_usage_is_asked_for_every_six_hours() -> None:
    """Also the first time, and after a version that did not keep when."""
    before = look_state('{"places": [], "schema": "a", "schema_at": ""}')
    assert is_usage_due(before, NOON)
    state = look_state(LookState(usage_at=NOON).text)
    assert not is_usage_due(state, NOON + 359 * MINUTE)
    assert is_usage_due(state, NOON + 360 * MINUTE)


def test_fields_of_objects_are_looked_at_in_turn_and_each_change_is_told_once() -> None:
    """All of those that were never looked at; what is looked at for the first time has not changed."""
    names, state = ["leads", "companies"], LookState()
    assert next_described(state, names) == names
    changed, state = compared(state, {"leads": "a", "companies": "b"}, NOON)
    turns = list[tuple[str, bool]]()
    now_is = {"leads": "a", "companies": "c"}
    for hour in range(1, 5):
        [name] = next_described(look_state(state.text), names)
        changed, state = compared(look_state(state.text), {name: now_is[name]}, NOON + hour * 60 * MINUTE)
        turns.append((name, changed))
    assert turns == [("leads", False), ("companies", True), ("leads", False), ("companies", False)]
    assert state.schema_at == NOON + 240 * MINUTE
    assert next_described(LookState(), []) == []


def test_what_changes_seldom_takes_turns_where_one_call_cannot_ask_of_everything() -> None:
    """Five kinds are asked of at once; of six the last place alternates, and a token of earlier versions begins it."""
    names = ("Lead", "Contact", "Account", "User", "Opportunity", "OpportunityContactRole")
    seldom = frozenset({"User", "OpportunityContactRole"})
    assert asked_of(names[:5], seldom, 5, 7) == names[:5]
    often = ("Lead", "Contact", "Account", "Opportunity")
    assert [asked_of(names, seldom, 5, turn) for turn in range(3)] == [
        (*often, "User"),
        (*often, "OpportunityContactRole"),
        (*often, "User"),
    ]
    assert look_state(LookState().text).turn == 0
    assert look_state(LookState(turn=3).text).turn == 3
