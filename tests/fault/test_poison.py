"""Events that no call and no worker survives, and workers that come back from the dead."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.fault.rig import CREATE, QUERY, Rig, wait_for
from tests.fault.wire import Answer

UNREADABLE = [{"errorCode": "JSON_PARSER_ERROR", "message": "Unexpected character in the records"}]
UNKNOWN = [{"errorCode": "SOMETHING_NEW", "message": "We have not seen this one"}]


@contextmanager
def deadly(rig: Rig, execution_id: str, email: str) -> Iterator[list[int]]:
    """While open, signal 9 for whoever asks Salesforce about one event; gives the lease epochs that died of it.

    Each match query for its person is held on its way: while the event is in somebody's hands, it is the event's own.
    """
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            held = rig.wires.salesforce.hold(QUERY, containing=email)
            while not held.arrived:
                if over.wait(0.02):
                    return
            epoch = int(rig.inbox().get(execution_id, {}).get("epoch", 0))
            if epoch and epoch not in killed:
                killed.append(epoch)
                rig.kill()
                held.cut()
                rig.bury()
            else:
                held.let_go()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield killed
    finally:
        over.set()
        watcher.join()
        rig.wires.salesforce.calm()


def lost_leases(rig: Rig) -> int:
    """How many workers have said that their lease was lost."""
    return sum("lease lost" in line for line in rig.worker_log())


@pytest.mark.parametrize("refusal", [UNREADABLE, UNKNOWN], ids=["known-code", "unknown-code"])
def test_a_record_that_spoils_its_whole_call_is_parked_alone_and_can_be_redriven(
    rig: Rig, refusal: list[dict[str, str]]
) -> None:
    """I1, I8: of a batch refused with 400 only the culprit is parked, with its code; redrive brings it back."""
    poison, *others = rig.persons(4)
    body = json.dumps(refusal).encode()
    answer = Answer(status=400, reason="Bad Request", headers=(("Content-Type", "application/json"),), body=body)
    rig.wires.salesforce.refuse(CREATE, answer, containing=poison.email)
    poison_id, *ids = rig.at_once(poison, *others)
    for person, execution_id in zip(others, ids, strict=True):
        (item,) = rig.whole(person, execution_id)
        assert item["outcome"] == "created"
    (parked,) = rig.reached([poison_id], "parked")
    assert parked["reason"] == f"salesforce_{refusal[0]['errorCode']}"
    assert parked["message"]
    assert not rig.leads(poison.email)
    rig.wires.salesforce.calm()
    assert "1 of 1 run again" in rig.cli("redrive", poison_id)
    (item,) = rig.whole(poison, poison_id)
    assert item["outcome"] == "created"


@pytest.mark.cap("U03")
def test_an_event_that_kills_its_worker_is_isolated_and_its_neighbours_end(rig: Rig, actions: tuple[str, str]) -> None:
    """I1, I2: after its second crash the event is parked as worker_crashed, its neighbours end, redrive ends it too."""
    poison, *others = rig.persons(4)
    with rig.lane_closed():
        first, poison_id, *rest = rig.send(others[0], poison, *others[1:])
        # another Action for the same person waits behind it
        behind = rig.send(poison, action=actions[0])[0]
        rig.stored([first, poison_id, *rest, behind])
    with deadly(rig, poison_id, poison.email) as killed:
        rig.sweep()
        (parked,) = rig.reached([poison_id], "parked")
        rig.ended([first, *rest])
    assert (len(killed), parked["reason"]) == (2, "worker_crashed")
    for person, execution_id in zip([*others, poison], [first, *rest, behind], strict=True):
        (item,) = rig.whole(person, execution_id)
        assert item["outcome"] == "created"
    assert "1 of 1 run again" in rig.cli("redrive", poison_id)
    (item,) = rig.whole(poison, poison_id)
    assert item["outcome"] == "updated"


def test_a_worker_that_comes_back_after_its_lease_ended_writes_nothing_more(rig: Rig) -> None:
    """I2, I3: frozen past its lease and woken after another has ended its events, it changes no record and no log."""
    persons = rig.persons(3)
    rig.salesforce.fault(QUERY, "delay", seconds=2, times=1)  # what comes next is the create
    ids = rig.at_once(*persons)
    rig.held_up(rig.salesforce)
    frozen = rig.kill(signal.SIGSTOP)
    before = [rig.whole(person, execution_id)[0] for person, execution_id in zip(persons, ids, strict=True)]
    marks = rig.marketo.mark(), rig.salesforce.mark()
    lost = lost_leases(rig)
    for pid in frozen:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    wait_for("the zombie gives up", lambda: lost_leases(rig) > lost)
    assert [rig.whole(person, each)[0] for person, each in zip(persons, ids, strict=True)] == before
    assert not rig.marketo.calls_since(marks[0], "POST /rest/*")
    assert not rig.salesforce.calls_since(marks[1], "* */composite/*")
