"""Workers that die between two steps of a run."""

import signal

import pytest

from tests.fault.rig import ACTIVITY, ACTIVITY_TYPE, CREATE, WRITE_BACK, Rig, wait_for

#: wide enough to send a signal into, on a busy machine too
WINDOW_SECONDS = 2


@pytest.mark.fault("FA05")
@pytest.mark.cap("U03")
@pytest.mark.parametrize(
    "held_call",
    [
        pytest.param(CREATE, id="before-the-answer-of-the-create"),
        pytest.param(WRITE_BACK, id="between-create-and-write-back"),
        pytest.param(ACTIVITY_TYPE, id="between-write-back-and-activity"),
        pytest.param(ACTIVITY, id="between-activity-and-outcome"),
    ],
)
def test_a_worker_killed_between_two_steps_loses_and_doubles_nothing(rig: Rig, held_call: str) -> None:
    """I1, I2: after signal 9 at each step another worker ends the call once: one Lead, one activity, write-back."""
    if held_call == ACTIVITY_TYPE and rig.workers():  # a worker asks for it once
        rig.kill()
    person = rig.person()
    vendor = rig.salesforce if held_call == CREATE else rig.marketo
    vendor.fault(held_call, "delay", seconds=WINDOW_SECONDS, times=1)
    ids = rig.send(person)
    rig.held_up(vendor)
    mark = vendor.mark() - 1
    # frozen first, so that it cannot read the answer that the vendor is going to give
    stopped = rig.kill(signal.SIGSTOP)
    wait_for("the vendor has done its part", lambda: vendor.calls_since(mark, held_call))
    assert set(stopped) <= set(rig.kill())
    assert rig.inbox().keys() == set(ids)
    rig.bury()
    (item,) = rig.whole(person, *ids)
    assert item["outcome"] == "created"
    assert not set(stopped) & set(rig.workers())
