"""Copies of frozen values with changes."""

from dataclasses import FrozenInstanceError, dataclass, make_dataclass, replace

import pytest

from leadbridge.domain.evolving import evolved
from leadbridge.domain.evolving import replace as quickly
from tests.builders.events import an_event


def test_a_copy_is_what_replace_gives_and_the_original_stays() -> None:
    """An event with changes equals the one that the slow way makes; the first one has its old values."""
    event = an_event()

    copy = evolved(event, {"epoch": 7, "reason": "marketo_606"})

    assert copy == replace(event, epoch=7, reason="marketo_606")
    assert (event.epoch, event.reason) == (0, "")


def test_a_copy_of_an_event_cannot_be_changed_either() -> None:
    """Setting a member of a copy is refused as one of the original is."""
    copy = an_event().evolve(epoch=7)

    with pytest.raises(FrozenInstanceError):
        copy.epoch = 8  # type: ignore[misc]  # what is refused


def test_a_name_that_is_no_field_is_refused() -> None:
    """A typo in a change is an error that names it, and makes no copy with a member that nobody reads."""

    @dataclass(frozen=True)
    class Point:
        x: int

    with pytest.raises(TypeError, match="Point has no field y"):
        evolved(Point(1), {"x": 2, "y": 3})


@pytest.mark.parametrize("slots", [False, True], ids=["plain", "with slots"])
def test_a_value_with_slots_is_copied_too(slots: bool) -> None:
    """What has slots is copied by the slow way; both ways give the changed copy and refuse an unknown name."""
    kind = make_dataclass("Point", [("x", int), ("y", int)], frozen=True, slots=slots)

    assert quickly(kind(1, 2), y=3) == kind(1, 3)
    with pytest.raises(TypeError):
        quickly(kind(1, 2), z=3)
