"""Buffers of imports at their real size: when a file goes."""

import pytest

from leadbridge.domain.batching import Buffer, Growth
from leadbridge.domain.event import Batch, Event
from leadbridge.domain.operations import IMPORT_ROWS
from tests.builders.actions import MARKETO
from tests.builders.buffers import SIZE, BufferedLane
from tests.builders.imports import an_import


def nearly_full(lane: BufferedLane) -> None:
    """All but the last two people of a file wait, stored and counted."""
    limits = an_import("nightly", batch=None).thresholds
    assert limits is not None
    first = lane.clock.now()
    for lead in range(1, IMPORT_ROWS - 1):
        event = Event(
            execution_id=f"{lead:032}",
            action_id="nightly",
            lane=MARKETO,
            sequence=f"{lead:014}#{lead:032}",
            received_at=first,
            payload={"lead": {"id": lead}},
            persons=(f"lead{lead}",),
            batch=Batch(bytes=SIZE, version=1),
        )
        # what `add` leaves behind, which would take most of the test's time
        lane.inbox.waiting[f"buffer of {MARKETO}", event.sequence] = event
        lane.inbox.logged[event.execution_id] = {}
    lane.serial = IMPORT_ROWS
    arrived = Buffer(count=IMPORT_ROWS - 2, bytes=SIZE * (IMPORT_ROWS - 2), since=first, version=1)
    assert not lane.lanes.announce(MARKETO, first, {"nightly": Growth(arrived=arrived, limits=limits)}, due=False)


@pytest.mark.cap("T59")
def test_the_25000th_person_has_the_file_go_and_the_one_before_does_not() -> None:
    """24,999 people wait, whoever looks; with the next one all 25,000 go together, because of their number."""
    lane = BufferedLane(an_import("nightly", batch=None))
    nearly_full(lane)

    lane.receive("nightly", IMPORT_ROWS - 1)
    lane.drain()
    assert lane.sent == []

    lane.receive("nightly", IMPORT_ROWS)

    assert [(action, sorted(leads)) for action, leads in lane.sent] == [("nightly", list(range(1, IMPORT_ROWS + 1)))]
    assert set(lane.triggers.values()) == {"count"}
