"""An in-process AWS with the template's tables, for the adapters and the functions."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.aws.local_aws import SettableClock, client, create_table, local_aws


@pytest.fixture
def aws() -> Iterator[None]:
    """An empty AWS inside the process."""
    with local_aws():
        yield


@pytest.fixture
def clock() -> SettableClock:
    """A clock that stands still."""
    return SettableClock()


@pytest.fixture
def dynamodb(aws: None) -> Any:
    """A client of a DynamoDB that holds the four tables of the template, named by their logical ids."""
    dynamodb = client("dynamodb")
    for table in ("ConfigTable", "StateTable", "KeysTable", "ExecutionsTable"):
        create_table(dynamodb, table)
    return dynamodb
