"""`apply` that dies between two documents, or with its answer on the way: a second one finishes the job."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count, product

import pytest

from leadbridge.usecases.apply_configuration import ApplyConfiguration, Effect, Given, Plan
from tests.builders.actions import MARKETO, SALESFORCE, an_action_document
from tests.builders.descriptions import a_result_activity, a_salesforce_lead, marketo_leads
from tests.contract.ports.worlds import TABLES, DynamoWorld
from tests.fakes.clock import NOON
from tests.fakes.connections import FakeConnections
from tests.fakes.marketo import FakeMarketo
from tests.fakes.salesforce import FakeSalesforce
from tests.fakes.steps import Crash
from tests.integration.aws.local_aws import client, local_aws
from tests.unit.usecases.test_apply_configuration import CONNECTIONS
from tests.unit.usecases.test_apply_lists import FREE_MAIL, NAMES_IT

#: a file with everything: an Action names the connections, another one a list, too
FILE = [Given(raw=each) for each in (an_action_document(id="first"), *CONNECTIONS, FREE_MAIL, NAMES_IT)]


def plan(world: DynamoWorld) -> tuple[ApplyConfiguration, Plan]:
    """What one process of the command makes of the file."""
    vendors = FakeConnections(
        marketo={MARKETO: FakeMarketo(marketo_leads(), a_result_activity())},
        salesforce={SALESFORCE: FakeSalesforce(a_salesforce_lead())},
    )
    apply = ApplyConfiguration(configurations=world.configurations, connect=lambda _: vendors)
    return apply, apply.plan(FILE)


@contextmanager
def dying(world: DynamoWorld, when: str, number: int) -> Iterator[None]:
    """The process dies at its write of that number: before it is sent, or when it is done and not answered."""
    event, numbers = f"{when}.dynamodb.TransactWriteItems", count(1)

    def die(**_: object) -> None:
        if next(numbers) == number:
            raise Crash(event)

    world.raw.meta.events.register(event, die)
    try:
        yield
    finally:
        world.raw.meta.events.unregister(event, die)


def check(world: DynamoWorld, when: str, number: int) -> None:
    """One death, and the second process."""
    apply, first = plan(world)
    with dying(world, when, number), suppress(Crash):
        apply.apply(first, author="somebody", at=NOON)
        pytest.fail("the process did not come to this write")

    there = number - (when == "before-call")
    again, second = plan(world)
    assert [each.effect for each in second.documents] == [Effect.NOTHING] * there + [Effect.CREATE] * (
        len(FILE) - there
    )
    applied = again.apply(second, author="somebody", at=NOON)

    assert [each.changed for each in applied] == [False] * there + [True] * (len(FILE) - there)
    documents = [each.stored.document for each in applied]
    stored = [world.configurations.versions(each.kind, each.id) for each in documents]
    assert [[each.version for each in versions] for versions in stored] == [[1]] * len(FILE)


def test_an_apply_that_dies_is_finished_by_the_next() -> None:
    """Killed at each of its writes, before it is sent and before its answer is read: what it had stored stays as it is,
    what an Action names stands before the Action, and the second `apply` stores just the rest, each in one version."""
    with local_aws():
        raw = client("dynamodb")
        for when, number in product(("before-call", "after-call"), range(1, len(FILE) + 1)):
            check(DynamoWorld(raw), when, number)
            for table in TABLES:
                raw.delete_table(TableName=table)
