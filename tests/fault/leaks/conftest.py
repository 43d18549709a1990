"""The story is told once; several tests look at what it left."""

import pytest

from tests.fault.leaks.story import Story, tell
from tests.fault.rig import Rig


@pytest.fixture(scope="package")
def story(running: Rig) -> Story:
    """Everything that can go wrong has gone wrong, and the stack is calm again."""
    running.calm()
    return tell(running)
