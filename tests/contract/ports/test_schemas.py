"""Descriptions that are read once: the double and the adapter say the same."""

import pytest

from leadbridge.aws.schemas import DynamoSchemas
from leadbridge.sync_ports import Schemas
from tests.contract.ports.worlds import DynamoWorld, World
from tests.fakes.schemas import InMemorySchemas


@pytest.fixture
def schemas(world: World) -> Schemas:
    """The port, as the double and as the adapter implement it."""
    if isinstance(world, DynamoWorld):
        return DynamoSchemas(world.dynamodb, table="StateTable")
    return InMemorySchemas()


def test_a_description_is_kept_for_its_connection_and_object(schemas: Schemas) -> None:
    """The last one counts; another connection's or object's is another one."""
    assert schemas.known("one", "opportunity_roles") is None
    schemas.keep("one", "opportunity_roles", "first")
    schemas.keep("one", "sales_persons", "“other” 😀")
    schemas.keep("one", "opportunity_roles", "second")

    assert schemas.known("one", "opportunity_roles") == "second"
    assert schemas.known("one", "sales_persons") == "“other” 😀"
    assert schemas.known("two", "opportunity_roles") is None
