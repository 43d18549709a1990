"""What workers know together of vendors' limits: one state per instance, moved by compare-and-swap."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from botocore.exceptions import ConnectTimeoutError

from leadbridge.aws.limits import DynamoLimits
from leadbridge.domain.limits import Allowance, Gate, Held, Lane, Signal, State
from leadbridge.errors import TransientError
from leadbridge.ports import Limits
from tests.fakes.limits import InMemoryLimits
from tests.integration.aws.local_aws import Unsteady, client, create_table, local_aws, refusal, scan

NOW = 1_772_452_800_000
INSTANCE = "marketo#123-abc-456.mktorest.com"
#: every member set
FULL = State(
    calls=tuple(NOW + 137 * number for number in range(100)),
    last=NOW + 5_000,
    held={
        f"{number:012x}": Held(until=NOW + 15_000, began=NOW, entry=NOW + 5_000, lane=number % 3)
        for number in range(10)
    },
    wanted={Lane.ON_DEMAND: NOW + 2_000, Lane.BOOTSTRAP: NOW + 1_000},
    crowded_until=NOW + 2_250,
    paused_until=NOW + 20_000,
    paused_code="606",
    rate=Allowance(value=25, since=NOW),
    places=Allowance(value=2, since=NOW),
    used=49_000,
    allowed=50_000,
    day_ends=NOW + 64_800_000,
    outages=3,
    gate=Gate(
        signal=Signal.QUOTA,
        code="607",
        until=NOW + 64_800_000,
        probe_at=NOW + 3_600_000,
        tries=2,
        prober="0123456789ab",
        probing_until=NOW + 15_000,
    ),
    begun={Lane.SCHEDULED: (NOW, NOW + 137), Lane.BOOTSTRAP: (NOW + 20,)},
)


@pytest.fixture
def table() -> Iterator[Unsteady]:
    """An in-process state table whose client fails when told to."""
    with local_aws():
        raw = client("dynamodb")
        create_table(raw, "StateTable")
        yield Unsteady(raw)


@pytest.fixture(params=["memory", "dynamodb"])
def limits(request: pytest.FixtureRequest) -> Limits:
    """Both implementations."""
    if request.param == "memory":
        return InMemoryLimits()
    return dynamo(request.getfixturevalue("table"))


def dynamo(table: Unsteady) -> DynamoLimits:
    """The adapter on a client."""
    return DynamoLimits(table, table="StateTable")  # type: ignore[arg-type]  # a client that passes on what it is asked


def test_an_instance_that_nobody_called_has_the_empty_state(limits: Limits) -> None:
    """Version 0 and nothing known."""
    assert limits.read(INSTANCE) == (State(), 0)


@pytest.mark.parametrize("state", [State(), FULL], ids=["empty", "full"])
def test_what_was_written_is_read_again(limits: Limits, state: State) -> None:
    """Every member of the state comes back as it was, with the next version."""
    assert limits.swap(INSTANCE, state, 0) is None
    assert limits.read(INSTANCE) == (state, 1)
    assert limits.swap(INSTANCE, replace(state, used=7), 1) is None
    assert limits.read(INSTANCE) == (replace(state, used=7), 2)


def test_who_comes_late_changes_nothing_and_learns_what_stands_there(limits: Limits) -> None:
    """A write with an old version is refused with the state and version in its way; with those it succeeds."""
    assert limits.swap(INSTANCE, FULL, 0) is None

    assert limits.swap(INSTANCE, State(used=1), 0) == (FULL, 1)
    assert limits.swap(INSTANCE, State(used=1), 5) == (FULL, 1)
    assert limits.read(INSTANCE) == (FULL, 1)
    assert limits.swap(INSTANCE, State(used=1), 1) is None


def test_a_state_that_is_gone_is_begun_anew(limits: Limits) -> None:
    """A write upon a version of an item that does not exist is refused with the empty state."""
    assert limits.swap(INSTANCE, State(used=1), 3) == (State(), 0)
    assert limits.read(INSTANCE) == (State(), 0)


def test_instances_do_not_touch_each_other(limits: Limits) -> None:
    """Two instances have states and versions of their own."""
    limits.swap(INSTANCE, State(used=1), 0)
    limits.swap("salesforce#acme.my.salesforce.com", State(used=2), 0)
    assert limits.read(INSTANCE) == (State(used=1), 1)
    assert limits.read("salesforce#acme.my.salesforce.com") == (State(used=2), 1)


def test_of_many_writers_upon_one_version_exactly_one_succeeds(limits: Limits) -> None:
    """Eight writers that have read the same version, ten times over: the first one writes, the others learn of it."""
    for version in range(10):
        answers = [limits.swap(INSTANCE, State(used=writer), version) for writer in range(8)]
        assert answers == [None] + 7 * [(State(used=0), version + 1)]


def test_a_full_item_costs_one_write_unit(table: Unsteady) -> None:
    """With the default limits used to the full (50 calls, 5 places) and a shut gate an item is below 1 KB."""
    dynamo(table).swap(INSTANCE, replace(FULL, calls=FULL.calls[:50], held=dict(list(FULL.held.items())[:5])), 0)
    (item,) = scan(table.client, "StateTable")
    size = sum(len(name) + len(next(iter(typed.values()))) for name, typed in item.items())
    assert size < 1_024


def test_our_own_write_whose_answer_was_lost_is_no_conflict(table: Unsteady) -> None:
    """The SDK repeats the write, finds the condition broken by itself, and the adapter recognises its own mark."""
    limits = dynamo(table)
    limits.swap(INSTANCE, State(), 0)

    def first_time() -> None:
        parameters = table.called("update_item")[-1]
        table.client.update_item(**parameters)  # arrives, and its answer is lost

    table.meanwhile["update_item"] = [first_time]

    assert limits.swap(INSTANCE, State(used=1), 1) is None
    assert limits.read(INSTANCE) == (State(used=1), 2)


@pytest.mark.parametrize(
    "trouble",
    [
        refusal("ThrottlingException", "UpdateItem"),
        refusal("ProvisionedThroughputExceededException", "UpdateItem"),
        ConnectTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com"),
    ],
    ids=["throttled", "above the capacity", "away"],
)
def test_a_store_that_is_throttled_or_away_is_passing_trouble(table: Unsteady, trouble: Exception) -> None:
    """Reads and writes raise TransientError, so that nobody calls a vendor without knowing what is allowed."""
    limits = dynamo(table)
    table.before["get_item"] = [trouble]
    table.before["update_item"] = [trouble]
    with pytest.raises(TransientError) as read:
        limits.read(INSTANCE)
    with pytest.raises(TransientError) as written:
        limits.swap(INSTANCE, State(), 0)
    assert (read.value.vendor, written.value.vendor) == ("aws", "aws")
