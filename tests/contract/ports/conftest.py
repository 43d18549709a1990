"""Each suite runs on every implementation of its port."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config

from devstack.stack import REGION, ROOT_CREDENTIALS, emulator
from tests.contract.ports.worlds import TABLES, DynamoWorld, MemoryWorld, World
from tests.integration.aws.local_aws import client, local_aws

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def dynamo_world() -> Iterator[DynamoWorld]:
    """The adapters alone, for what only they can show."""
    with local_aws():
        yield DynamoWorld()


@pytest.fixture(scope="session")
def emulated() -> Iterator["DynamoDBClient"]:
    """The tables' service of an emulator that nothing else uses."""
    with emulator() as endpoint:
        credentials = {name.lower(): value for name, value in ROOT_CREDENTIALS.items()}
        patient = Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=5, read_timeout=30)
        found = client("dynamodb", patient, endpoint_url=endpoint, region_name=REGION, **credentials)
        yield found
        found.close()


@pytest.fixture(params=["memory", "dynamodb", "emulator"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """The ports as the doubles and as the adapters implement them, the latter in-process and on the local stack."""
    if request.param == "memory":
        yield MemoryWorld()
        return
    if request.param == "dynamodb":
        with local_aws():
            yield DynamoWorld()
        return
    raw = request.getfixturevalue("emulated")
    try:
        yield DynamoWorld(raw)
    finally:
        for table in TABLES:
            raw.delete_table(TableName=table)
