"""Chunks of flow steps, and what is told of their people: the double and the table agree."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.exceptions import ConnectTimeoutError

from leadbridge.aws.chunks import HOLD, DynamoChunks, put_told
from leadbridge.aws.items import load, write_groups
from leadbridge.domain.flow_step import Chunk, ChunkState
from leadbridge.errors import TransientError
from leadbridge.ports import Chunks
from tests.builders.flow_steps import NOON, a_chunk, told_of
from tests.contract.ports.builders import an_ending, an_event, arrival_of
from tests.contract.ports.worlds import DynamoWorld
from tests.fakes.chunks import InMemoryChunks
from tests.integration.aws.local_aws import SettableClock, Unsteady, client, create_table, local_aws, scan


@pytest.fixture
def table() -> Iterator[Unsteady]:
    """An in-process executions table whose client fails when told to."""
    with local_aws():
        raw = client("dynamodb")
        create_table(raw, "ExecutionsTable")
        yield Unsteady(raw)


@pytest.fixture
def clock() -> SettableClock:
    """The time that the adapter goes by."""
    return SettableClock(NOON)


def dynamo(table: Unsteady, clock: SettableClock) -> DynamoChunks:
    """The adapter on that table."""
    return DynamoChunks(table, table="ExecutionsTable", retention=timedelta(days=30), now=clock.now)  # type: ignore[arg-type]  # it stands for the client it wraps


@pytest.fixture(params=["memory", "dynamodb"])
def chunks(request: pytest.FixtureRequest, clock: SettableClock) -> Chunks:
    """Both implementations."""
    return InMemoryChunks() if request.param == "memory" else dynamo(request.getfixturevalue("table"), clock)


def taken(chunks: Chunks, clock: SettableClock, chunk_id: str = "c1") -> Chunk:
    """A chunk in hand."""
    chunk = chunks.take(chunk_id, clock.now())
    assert chunk is not None
    return chunk


def test_a_chunk_is_opened_once(chunks: Chunks) -> None:
    """Of several messages of a chunk the first stores it, as it was given; a repeated one changes nothing."""
    chunk = a_chunk(3)

    assert chunks.open(chunk)
    assert not chunks.open(chunk.evolve(callback_url="https://other.mktorest.com/"))
    assert chunks.get("c1") == chunk.evolve(version=1)
    assert chunks.get("other") is None


def test_a_chunk_is_complete_with_its_last_person(chunks: Chunks) -> None:
    """Every person has to be told of; one who is told of twice counts once, and the last word stays."""
    chunks.open(a_chunk(2))
    chunks.tell("c1", [told_of(1, outcome="parked"), told_of(1)])
    assert not chunks.complete("c1")
    assert not chunks.complete("unknown")

    chunks.tell("c1", [told_of(2)])
    assert chunks.complete("c1")
    assert chunks.told("c1") == {1: told_of(1), 2: told_of(2)}


def test_values_come_back_as_they_were(chunks: Chunks) -> None:
    """Texts, numbers, truth and nothing keep their kind between the end and the callback."""
    values = {"a": "Ö", "b": 5, "c": 1.5, "d": True, "e": None}
    chunks.open(a_chunk(1))
    chunks.tell("c1", [told_of(1, values=values, attributes={"x": "y"})])

    assert chunks.told("c1")[1] == told_of(1, values=values, attributes={"x": "y"})


def test_a_taken_chunk_is_in_one_hand(chunks: Chunks, clock: SettableClock) -> None:
    """While it is held nobody else takes it; let go of, or after its time, the next one does and the first lost it."""
    chunks.open(a_chunk(1))
    first = taken(chunks, clock)
    assert chunks.take("c1", clock.now()) is None
    assert chunks.take("unknown", clock.now()) is None

    assert chunks.keep(first) is not None
    second = taken(chunks, clock)
    clock.advance(seconds=HOLD.total_seconds() + 1)
    third = taken(chunks, clock)
    assert chunks.keep(second.evolve(state=ChunkState.SENT)) is None
    assert chunks.keep(third.evolve(attempts=1), held=True) is not None
    assert chunks.take("c1", clock.now()) is None


def test_due_chunks_are_found_the_longest_waiting_first(chunks: Chunks, clock: SettableClock) -> None:
    """Open chunks are due at their time, at their new one after it was changed, and no more once they are closed."""
    for name, seconds in (("c1", 30), ("c2", 10), ("c3", 20)):
        chunks.open(a_chunk(1, id=name, due_at=NOON + timedelta(seconds=seconds)))
    assert chunks.due(NOON, 9) == []
    clock.advance(seconds=30)
    assert list(chunks.due(clock.now(), 9)) == ["c2", "c3", "c1"]
    assert list(chunks.due(clock.now(), 1)) == ["c2"]

    chunks.keep(taken(chunks, clock, "c2").evolve(due_at=clock.now() + timedelta(minutes=1)))
    chunks.keep(taken(chunks, clock, "c3").evolve(state=ChunkState.FAILED, reason="token_unknown"))
    chunks.keep(taken(chunks, clock, "c1").evolve(state=ChunkState.SENT))
    assert chunks.due(clock.now(), 9) == []
    clock.advance(seconds=60)
    assert list(chunks.due(clock.now(), 9)) == ["c2"]


def test_of_a_sent_chunk_neither_values_nor_secrets_stay(chunks: Chunks, clock: SettableClock) -> None:
    """What was told of people is removed with the token and the key; it cannot be taken or completed again."""
    chunks.open(a_chunk(60))
    chunks.tell("c1", [told_of(each) for each in range(1, 61)])
    chunks.keep(taken(chunks, clock).evolve(state=ChunkState.SENT, attempts=1))

    sent = chunks.get("c1")
    assert sent is not None
    assert (sent.state, sent.attempts, sent.token, sent.callback_key) == (ChunkState.SENT, 1, "", "")
    assert chunks.told("c1") == {}
    assert not chunks.complete("c1")
    assert chunks.take("c1", clock.now()) is None


def test_a_failed_chunk_keeps_what_it_would_have_told(chunks: Chunks, clock: SettableClock) -> None:
    """Somebody may look into it: reason, token and people stay until they expire."""
    chunks.open(a_chunk(1))
    chunks.tell("c1", [told_of(1)])
    chunks.keep(taken(chunks, clock).evolve(state=ChunkState.FAILED, reason="key_refused"))

    failed = chunks.get("c1")
    assert failed is not None
    assert (failed.state, failed.reason, failed.token) == (ChunkState.FAILED, "key_refused", "token-of-c1")
    assert chunks.told("c1") == {1: told_of(1)}


def test_what_failed_is_listed_and_due_again_once(chunks: Chunks, clock: SettableClock) -> None:
    """The newest failure first, with the time of each; one that is brought back is due at once, with its people and its
    doubt, and is not brought back a second time; sent then, it is no failure any more."""
    for name, seconds in (("c1", 10), ("c2", 20)):
        chunks.open(a_chunk(1, id=name))
        chunks.tell(name, [told_of(1)])
        clock.advance(seconds=seconds)
        failed = taken(chunks, clock, name).evolve(
            state=ChunkState.FAILED, reason="key_refused", attempts=3, doubt=True
        )
        chunks.keep(failed)
    first, second = chunks.failed(9)
    assert [(each.chunk.id, each.failed_at) for each in (first, second)] == [
        ("c2", NOON + timedelta(seconds=30)),
        ("c1", NOON + timedelta(seconds=10)),
    ]
    assert [each.chunk.id for each in chunks.failed(1)] == ["c2"]

    assert [chunks.reopen(first, clock.now()) for _ in range(2)] == [True, False]

    assert [each.chunk.id for each in chunks.failed(9)] == ["c1"]
    clock.advance(seconds=1)
    assert list(chunks.due(clock.now(), 9)) == ["c2"]
    again = taken(chunks, clock, "c2")
    assert (again.state, again.attempts, again.doubt, again.reason) == (ChunkState.OPEN, 0, True, "")
    assert chunks.told("c2") == {1: told_of(1)}
    chunks.keep(again.evolve(state=ChunkState.SENT))
    assert (chunks.due(clock.now(), 9), [each.chunk.id for each in chunks.failed(9)]) == ([], ["c1"])


# what only the table can show


def test_what_is_told_can_be_part_of_another_transaction(table: Unsteady, clock: SettableClock) -> None:
    """The operation that `Inbox.finish` adds to an event's end is read as what `tell` wrote."""
    chunks = dynamo(table, clock)
    chunks.open(a_chunk(1))
    write_groups(table, [[put_told("ExecutionsTable", "c1", told_of(1), NOON)]])  # type: ignore[arg-type]  # the client it wraps

    assert chunks.complete("c1")
    assert chunks.told("c1") == {1: told_of(1)}


def test_an_end_tells_of_its_person_in_the_same_step(dynamo_world: DynamoWorld) -> None:
    """What is told is there when the end is, and not where the end was refused."""
    chunks = DynamoChunks(
        dynamo_world.dynamodb, table="ExecutionsTable", retention=timedelta(days=30), now=dynamo_world.clock.now
    )
    chunks.open(a_chunk(2))
    events = [an_event(number).evolve(chunk="c1") for number in (1, 2)]
    for event in events:
        dynamo_world.inbox.add(event, arrival_of(event))
    first, second = dynamo_world.inbox.claim(events, 1)
    dynamo_world.inbox.claim([second], 2)
    endings = [replace(an_ending(each), told=told_of(number)) for number, each in enumerate((first, second), 1)]

    assert first.chunk == "c1"
    assert [ending.event for ending in dynamo_world.inbox.finish(endings)] == [first]
    assert chunks.told("c1") == {1: told_of(1)}
    assert not chunks.complete("c1")


def test_everything_of_a_chunk_expires(table: Unsteady, clock: SettableClock) -> None:
    """Chunks go with the retention, values after a week."""
    chunks = dynamo(table, clock)
    chunks.open(a_chunk(1))
    chunks.tell("c1", [told_of(1)])

    ends = {item["sk"]: item["ttl"] for item in map(load, scan(table, "ExecutionsTable"))}  # type: ignore[arg-type]  # the client it wraps
    days = {name: (end - NOON.timestamp()) / 86_400 for name, end in ends.items()}
    assert days == {"state": 30, "told#1": 7, f"{a_chunk(1).due_at:%Y-%m-%dT%H:%M:%S}.000Z#c1": 30}


@pytest.mark.parametrize("method", ["get_item", "query", "transact_write_items"])
def test_a_store_of_chunks_that_is_away_is_no_answer(table: Unsteady, clock: SettableClock, method: str) -> None:
    """What cannot be read or written is told as such, so that it is tried again."""
    chunks = dynamo(table, clock)
    call = {"get_item": lambda: chunks.get("c1"), "query": lambda: chunks.due(NOON, 1)}.get(
        method, lambda: chunks.open(a_chunk(1))
    )
    table.before[method].append(ConnectTimeoutError(endpoint_url="nowhere"))
    with pytest.raises(TransientError):
        call()


def test_values_that_could_not_be_removed_are_left_to_expire(table: Unsteady, clock: SettableClock) -> None:
    """The callback was sent, and that stays so."""
    chunks = dynamo(table, clock)
    chunks.open(a_chunk(1))
    chunks.tell("c1", [told_of(1)])
    table.before["batch_write_item"].append(ConnectTimeoutError(endpoint_url="nowhere"))

    kept = chunks.keep(taken(chunks, clock).evolve(state=ChunkState.SENT))
    assert kept is not None
    assert kept.state is ChunkState.SENT


def test_a_person_told_of_is_one_item_of_its_own() -> None:
    """So the ends of many people of a chunk are written at once, and none stands in another's way."""
    keys = {put_told("t", "c1", told_of(each), NOON)["Put"]["Item"]["sk"]["S"] for each in (1, 2)}
    assert keys == {"told#1", "told#2"}
