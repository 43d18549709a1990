"""The callback of a chunk: once, when everybody is told of or the time is up, whatever dies or is lost meanwhile."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.flow_step import PATIENCE, Chunk, ChunkState, execution_id_of
from leadbridge.errors import TransientError, UncertainWriteError
from leadbridge.usecases.failed_callbacks import FailedCallbacks, why
from leadbridge.usecases.send_callbacks import ChunkEnds, SendCallbacks
from tests.builders.flow_steps import CALLBACK_URL, NOON, a_chunk, told_of
from tests.fakes.bell import RecordingBell
from tests.fakes.chunks import FakeCallbackDoor, InMemoryChunks
from tests.fakes.meter import RecordingMeter
from tests.fakes.steps import Crash, Steps
from tests.integration.aws.local_aws import SettableClock


@dataclass
class Standing:
    """The executions, by id."""

    known: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def get(self, execution_id: str) -> Mapping[str, Any] | None:
        """One of them."""
        return self.known.get(execution_id)


class Desk:
    """The sender with everything around it in memory, and one chunk of people."""

    def __init__(self, people: int = 2, *, told: int | None = None, **chunk: Any) -> None:
        self.steps = Steps()
        self.clock = SettableClock(NOON)
        self.chunks = InMemoryChunks(step=self.steps)
        self.door = FakeCallbackDoor(step=self.steps)
        self.standing = Standing()
        self.meter = RecordingMeter()
        self.chunks.open(a_chunk(people, **chunk))
        self.chunks.tell("c1", [told_of(each) for each in range(1, (people if told is None else told) + 1)])

    def run(self, chunk_id: str = "c1") -> dict[str, int]:
        """One run; gives what it did, without what it did not do."""
        sender = SendCallbacks(
            chunks=self.chunks, standings=self.standing, door=self.door, clock=self.clock, meter=self.meter
        )
        return {name: number for name, number in sender(chunk_id).as_dict().items() if number}

    @property
    def chunk(self) -> Chunk:
        """The chunk as it is stored."""
        return self.chunks.chunks["c1"]

    def rows(self) -> dict[int, dict[str, Any]]:
        """What the last callback says of each person's activity."""
        _, _, body = self.door.posted[-1]
        return {row["leadData"]["id"]: row["activityData"] for row in body["objectData"]}


def test_a_complete_chunk_is_called_back_once() -> None:
    """The callback goes to its address with key and token and everybody's data; a second ring finds nothing to do."""
    desk = Desk()

    assert desk.run() == {"sent": 1}
    assert desk.run() == {"left": 1}

    ((url, headers, body),) = desk.door.posted
    assert url == CALLBACK_URL
    assert headers == {"x-api-key": "callback-key", "x-callback-token": "token-of-c1"}
    assert body["munchkinId"] == "123-ABC-456"
    assert [row["leadData"] for row in body["objectData"]] == [
        {"id": 1, "leadbridgeStatus": "Synced"},
        {"id": 2, "leadbridgeStatus": "Synced"},
    ]
    assert desk.rows()[1]["success"] is True
    assert (desk.chunk.state, desk.meter.of("CallbacksSent")) == (ChunkState.SENT, 1)


def test_a_chunk_waits_for_its_last_person() -> None:
    """Before that and before the deadline nothing is sent, and it is looked at again by itself."""
    desk = Desk(told=1)
    assert desk.run() == {"left": 1}
    assert desk.door.posted == []
    assert NOON < desk.chunk.due_at <= NOON + timedelta(minutes=2)

    desk.chunks.tell("c1", [told_of(2)])
    desk.clock.advance(minutes=2)
    assert desk.run("") == {"sent": 1}


def test_at_the_deadline_the_others_are_told_as_what_they_are() -> None:
    """Waiting, parked, ended and not stored people are each told so, and nobody is called a success who is not."""
    desk = Desk(5, told=1)
    states: list[Mapping[str, Any]] = [
        {"state": "writing"},
        {"state": "parked", "reason": "marketo_601", "message": "Parked: repair the cause."},
        {"state": "ended", "outcome": "updated", "reason": "", "message": "", "salesforce_id": "00Q1"},
    ]
    for lead_id, standing in enumerate(states, 2):
        desk.standing.known[execution_id_of("c1", lead_id)] = standing
    desk.clock.advance(seconds=PATIENCE.total_seconds())

    assert desk.run("") == {"sent": 1}
    told = {lead_id: (row["success"], row.get("errorCode", "")) for lead_id, row in desk.rows().items()}
    assert told == {
        1: (True, ""),
        2: (False, "still_waiting"),
        3: (False, "marketo_601"),
        4: (True, ""),
        5: (False, "not_stored"),
    }
    assert desk.rows()[3]["reason"] == "Parked: repair the cause."


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_pause_is_waited_for_and_the_callback_sent_again(status: int) -> None:
    """The next try comes at its time and not before, also if somebody rings."""
    desk = Desk()
    desk.door.answers = [status]

    assert desk.run() == {"put_off": 1}
    assert desk.run() == {"left": 1}
    assert desk.chunks.due(desk.clock.now(), 9) == []
    desk.clock.advance(seconds=30)
    assert desk.run("") == {"sent": 1}
    assert len(desk.door.posted) == 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (302, "redirected"),
        (401, "key_refused"),
        (403, "key_refused"),
        (404, "token_unknown"),
        (405, "body_refused"),
        (413, "refused"),
    ],
)
def test_a_refusal_is_final_and_seen(answer: int, reason: str) -> None:
    """What can never succeed is not tried again: the chunk stays as failed, with its reason, and is counted."""
    desk = Desk()
    desk.door.answers = [answer]

    assert desk.run() == {"failed": 1}
    desk.clock.advance(days=2)
    assert desk.run("") == {}
    assert (desk.chunk.state, desk.chunk.reason) == (ChunkState.FAILED, reason)
    assert desk.meter.of("CallbacksFailed", reason=reason) == 1
    assert len(desk.door.posted) == 1


def test_a_callback_whose_answer_was_lost_is_recognised_by_its_token() -> None:
    """It is sent again and refused as unknown, because the first one was taken: that is a success."""
    desk = Desk()
    desk.door.answers = [UncertainWriteError("ReadTimeout")]

    assert desk.run() == {"put_off": 1}
    desk.clock.advance(minutes=1)
    assert desk.run("") == {"sent": 1}
    assert len(desk.door.taken) == 1
    assert (desk.chunk.state, desk.chunk.reason) == (ChunkState.SENT, "taken_before")


def test_where_nothing_was_sent_an_unknown_token_is_a_failure() -> None:
    """Marketo cannot have taken what never reached it."""
    desk = Desk()
    desk.door.answers = [TransientError("ConnectError"), 404]

    assert desk.run() == {"put_off": 1}
    desk.clock.advance(minutes=1)
    assert desk.run("") == {"failed": 1}


def test_a_server_error_leaves_a_doubt() -> None:
    """The callback may have been taken before the fault: an unknown token after it is a success."""
    desk = Desk()
    desk.door.answers = [500, 404]

    desk.run()
    desk.clock.advance(minutes=1)
    assert desk.run("") == {"sent": 1}


def test_tries_come_to_an_end_after_a_day() -> None:
    """The waits grow to a quarter of an hour, and a day after the deadline the chunk is given up."""
    desk = Desk()
    waits: list[timedelta] = []
    desk.door.answers = [503] * 200
    while desk.run("") != {"failed": 1}:
        waits.append(desk.chunk.due_at - desk.clock.at)
        desk.clock.at = desk.chunk.due_at

    assert desk.chunk.reason == "given_up"
    assert waits[1:7] == [timedelta(seconds=seconds) for seconds in (30, 60, 120, 240, 480, 900)]
    assert max(waits) == timedelta(minutes=15)
    assert timedelta(hours=24) < desk.clock.at - NOON <= timedelta(hours=25)


def test_a_host_that_was_taken_off_the_setting_is_not_called() -> None:
    """The address is judged again when it is called."""
    desk = Desk()
    desk.door.hosts = ("*.adobe.io",)

    assert desk.run() == {"failed": 1}
    assert (desk.door.posted, desk.chunk.reason) == ([], "host_refused")


def test_a_run_stops_before_its_time_is_up() -> None:
    """With too little time for a call nothing is begun; what is left is due for the next run."""
    desk = Desk(due_at=NOON)
    sender = SendCallbacks(
        chunks=desk.chunks, standings=desk.standing, door=desk.door, clock=desk.clock, meter=desk.meter
    )

    assert sender("", lambda: 59.0).sent == 0
    assert sender("", lambda: 61.0).sent == 1


def deaths() -> Iterator[int]:
    """Every step of an undisturbed run."""
    desk = Desk()
    desk.steps.taken.clear()
    desk.run()
    yield from range(1, len(desk.steps.taken) + 1)


@pytest.mark.parametrize("step", list(deaths()))
def test_wherever_the_sender_dies_marketo_takes_one_callback(step: int) -> None:
    """Whoever comes after the dead one sends what was not taken, and recognises what was."""
    desk = Desk()
    desk.steps.arm(step)
    with pytest.raises(Crash):
        desk.run()

    for _ in range(3):
        desk.clock.advance(minutes=10)
        desk.run("")
    assert desk.chunk.state is ChunkState.SENT
    assert list(desk.door.taken) == ["token-of-c1"]


def test_whoever_lost_the_chunk_while_calling_changes_nothing() -> None:
    """Two senders at once, the first of which slept over its time: one state, and one callback taken."""
    desk = Desk()

    def overtaken(url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> int:
        desk.door.post = original  # type: ignore[method-assign]  # the second one finds the door as it was
        desk.clock.advance(minutes=10)
        assert desk.run() == {"sent": 1}
        return original(url, headers, body)

    original = desk.door.post
    desk.door.post = overtaken  # type: ignore[method-assign]  # this test's door
    assert desk.run() == {"left": 1}
    assert (desk.chunk.state, len(desk.door.taken)) == (ChunkState.SENT, 1)


# -- the last person


class FailingBell(RecordingBell):
    """A bell that cannot be reached."""

    def ring(self, lane: str) -> None:
        """Fail."""
        super().ring(lane)
        raise TransientError("away")


def test_whoever_ends_the_last_one_rings() -> None:
    """Not before, and for no other chunk; ends of other doors ring for nothing."""
    desk, bell = Desk(told=1), RecordingBell()
    ends = ChunkEnds(chunks=desk.chunks, bell=bell)
    ends.ended(["c1", "", "unknown"])
    assert bell.rung == []

    ends.left_out("c1", [told_of(2, outcome="parked", success=False)])
    assert bell.rung == ["c1"]


def test_a_ring_that_fails_is_made_good_later() -> None:
    """The ends are recorded; the chunk is found when it is due."""
    desk, bell = Desk(), FailingBell()
    ChunkEnds(chunks=desk.chunks, bell=bell).ended(["c1"])

    assert bell.rung == ["c1"]
    desk.clock.advance(minutes=2)
    assert desk.run("") == {"sent": 1}


def again(desk: Desk) -> FailedCallbacks:
    """The list of what failed, and the way to send it again."""
    return FailedCallbacks(chunks=desk.chunks, clock=desk.clock)


def test_a_callback_that_failed_is_sent_again_with_the_same_body_on_demand() -> None:
    """A refused key fails the callback; sent again when Marketo takes it, it carries what it carried before, and a
    second request finds nothing to send."""
    desk = Desk()
    desk.door.answers = [401]
    assert desk.run() == {"failed": 1}
    [failed] = again(desk)()
    assert (failed.chunk.id, why(failed)) == ("c1", "Marketo refuses the key that it gave for the callback.")
    assert desk.run("") == {}

    [sent] = again(desk).send(["c1", "c1"])
    assert (sent.done, desk.run("")) == (True, {"sent": 1})

    first, second = desk.door.posted
    assert first == second
    assert again(desk)() == []
    assert [each.done for each in again(desk).send(["c1", "other"])] == [False, False]


def test_one_that_was_taken_after_all_is_not_taken_twice() -> None:
    """A fault over there, then a refusal: the token may be used. Sent again it is refused as unknown, which is a
    success, and Marketo holds one body."""
    desk = Desk()
    desk.door.answers = [UncertainWriteError("no answer", vendor="marketo"), 400]
    desk.run()
    desk.clock.advance(seconds=31)
    assert desk.run() == {"failed": 1}

    again(desk).send(["c1"])

    assert desk.run("") == {"sent": 1}
    assert (desk.chunk.state, desk.chunk.reason) == (ChunkState.SENT, "taken_before")
    assert len(desk.door.taken) == 1


def test_what_was_to_be_told_is_gone_after_a_week() -> None:
    """Nothing is sent without the values that were to come back; the answer says what to do."""
    desk = Desk()
    desk.door.answers = [401]
    desk.run()
    desk.clock.advance(days=7)

    [answer] = again(desk).send(["c1"])

    assert not answer.done
    assert answer.note == "What was to be told is not kept any more. Run the campaign again for these people."
    assert desk.run("") == {}


def test_one_that_fails_again_is_listed_again() -> None:
    """Sent again a day later to a Marketo that is away it is tried once, given up and listed; it can be sent anew."""
    desk = Desk()
    desk.door.answers = [401]
    desk.run()
    desk.clock.advance(hours=26)
    desk.door.answers = [503]
    assert again(desk).send(["c1"])[0].done
    assert desk.run("") == {"failed": 1}

    [failed] = again(desk)()

    assert (failed.chunk.reason, failed.failed_at) == ("given_up", desk.clock.now())
    assert again(desk).send(["c1"])[0].done
    assert desk.run("") == {"sent": 1}
