"""People of whom Marketo does not tell any more who changed, and those that are read for a pair of fields."""

from datetime import timedelta
from typing import Any

import pytest

from leadbridge.cycle_ports import Link
from leadbridge.domain.cycle_people import people_queues
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.outages import values_lost
from leadbridge.domain.three_way import Side
from leadbridge.usecases.compared_rows import kept_people
from tests.builders.linked_fields import record_id
from tests.builders.whole_cycles import a_cycle
from tests.fakes.clock import NOON
from tests.fakes.cycle import InMemoryLinks

[PEOPLE] = [queue for queue in people_queues(a_cycle()) if queue.side is Side.MARKETO]


def person(number: int, made: int, changed: int) -> dict[str, Any]:
    """Somebody who was made, and changed, so many days ago."""
    stamps = [(NOON - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ") for days in (made, changed)]
    return {"id": str(number), "createdAt": stamps[0], "updatedAt": stamps[1]}


def kept(since: int, *, compared: bool = True) -> list[int]:
    """Who counts of five, where the cycle goes on from so many days ago; the first one is linked."""
    links = InMemoryLinks(Link(salesforce_id=record_id("00Q", 1), marketo_id="1"))
    run = CycleRun(
        cycle="main",
        slot="a",
        version=1,
        epoch=1,
        started_at=NOON,
        since={PEOPLE.name: NOON - timedelta(days=since)},
        compared=(PEOPLE.name,) if compared else (),
    )
    everybody = [person(1, 500, 500), person(2, 500, 500), person(3, 500, 1), person(4, 99, 1), person(5, 1, 1)]
    return sorted(int(each["id"]) for each in kept_people(links, run, PEOPLE, everybody))


@pytest.mark.parametrize(
    ("since", "compared", "counting"),
    [
        # who changed is not known: an older one that is not linked may never have been meant to be kept
        (100, True, [1, 4, 5]),
        (95, True, [1, 5]),
        # who changed is known
        (2, True, [1, 3, 4, 5]),
        (2, False, [1, 2, 3, 4, 5]),
    ],
)
def test_who_counts_of_all_people_is_linked_new_or_known_to_have_changed(
    since: int, compared: bool, counting: list[int]
) -> None:
    """Nobody is made of somebody old of whom nobody knows what changed."""
    assert kept(since, compared=compared) == counting


def test_only_changes_of_people_are_lost() -> None:
    """Salesforce's records bear their moment, and what Marketo's other logs tell goes back further."""
    queues = {queue.name: queue for queue in people_queues(a_cycle())}
    long_ago, lately = NOON - timedelta(days=90), NOON - timedelta(days=88)
    assert [name for name, queue in queues.items() if values_lost(queue, long_ago, NOON)] == [PEOPLE.name]
    assert not any(values_lost(queue, lately, NOON) for queue in queues.values())
