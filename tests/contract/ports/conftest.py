"""Each suite runs on every implementation of its port."""

from collections.abc import Iterator

import pytest

from tests.contract.ports.worlds import DynamoWorld, MemoryWorld, World
from tests.integration.aws.local_aws import local_aws


@pytest.fixture
def dynamo_world() -> Iterator[DynamoWorld]:
    """The adapters alone, for what only they can show."""
    with local_aws():
        yield DynamoWorld()


@pytest.fixture(params=["memory", "dynamodb"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """The ports as the doubles and as the adapters implement them."""
    if request.param == "memory":
        yield MemoryWorld()
        return
    with local_aws():
        yield DynamoWorld()
