"""The story is told once; several tests look at what it left."""

from collections.abc import Iterator

import pytest

from tests.fault.leaks.story import Story, tell
from tests.fault.rig import Rig


@pytest.fixture(scope="session")
def story(running: Rig) -> Iterator[Story]:
    """Everything that can go wrong has gone wrong, and the stack is calm again."""
    running.calm()
    yield tell(running)
    running.calm()
