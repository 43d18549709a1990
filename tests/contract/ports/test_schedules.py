"""The scheduler's entries of Syncs: the double and the adapter say the same."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from leadbridge.aws.schedules import Schedules
from leadbridge.domain.schedule_entries import Entry
from leadbridge.sync_ports import SyncSchedules
from tests.fakes.syncs import InMemorySchedules
from tests.integration.aws.local_aws import client, local_aws

ARN = "arn:aws:{}:us-east-1:123456789012:{}"
#: the adapter refuses moments that are past
FUTURE = datetime(2099, 1, 1, tzinfo=UTC)
ENTRY = Entry(sync="one", expression="rate(15 minutes)", start=FUTURE, means="every 15 minutes")


@pytest.fixture(params=["memory", "scheduler"])
def schedules(request: pytest.FixtureRequest) -> Iterator[SyncSchedules]:
    """The port, as the double and as the adapter implement it."""
    if request.param == "memory":
        yield InMemorySchedules()
        return
    with local_aws():
        scheduler = client("scheduler")
        scheduler.create_schedule_group(Name="syncs")
        scheduler.create_schedule_group(Name="others")
        others = {"group": "others", "function": ARN.format("lambda", "function:other")}
        for each in (others, {"group": "syncs", "function": ARN.format("lambda", "function:start")}):
            made = Schedules(
                scheduler, role=ARN.format("iam", "role/r"), dead_letters=ARN.format("sqs", "dead"), **each
            )
            if each is others:
                made.put(replace(ENTRY, sync="another"))
        yield made


def test_an_entry_is_stored_replaced_and_removed(schedules: SyncSchedules) -> None:
    """One for each Sync; what it was stored for is told, and nothing of what is not there; removing twice is fine."""
    assert schedules.known() == []
    assert schedules.means("one") is None

    schedules.put(ENTRY)
    schedules.put(replace(ENTRY, sync="two", means="something"))
    schedules.put(replace(ENTRY, expression="rate(20 minutes)", start=None, end=FUTURE, means="every 20 minutes"))
    assert sorted(schedules.known()) == ["one", "two"]
    assert (schedules.means("one"), schedules.means("two")) == ("every 20 minutes", "something")

    schedules.remove("one")
    schedules.remove("one")
    assert schedules.known() == ["two"]


def test_an_entry_that_somebody_switched_off_means_nothing() -> None:
    """It is there, but it does not fire: whoever looks after entries stores it anew."""
    with local_aws():
        scheduler = client("scheduler")
        scheduler.create_schedule_group(Name="syncs")
        made = Schedules(
            scheduler,
            group="syncs",
            function=ARN.format("lambda", "function:start"),
            role=ARN.format("iam", "role/r"),
            dead_letters=ARN.format("sqs", "dead"),
        )
        made.put(ENTRY)
        stored = scheduler.get_schedule(Name="one", GroupName="syncs")
        kept = {name: stored[name] for name in ("Name", "GroupName", "ScheduleExpression", "Description", "Target")}
        scheduler.update_schedule(**kept, FlexibleTimeWindow={"Mode": "OFF"}, State="DISABLED")
        assert made.means("one") is None

        made.put(ENTRY)
        assert made.means("one") == ENTRY.means
        assert '"sync": "one"' in scheduler.get_schedule(Name="one", GroupName="syncs")["Target"]["Input"]
