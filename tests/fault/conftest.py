"""One stack of its own for the fault tests, so that what they break is theirs."""

from collections.abc import Iterator

import pytest

from devstack.stack import up
from tests.fault.rig import PARAMETERS, Rig


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The deployed template with short times, and the demo Action on it."""
    with up(parameters=PARAMETERS) as stack:
        rig = Rig(stack=stack, folder=tmp_path_factory.mktemp("rig"))
        rig.prepare()
        yield rig
        rig.close()


@pytest.fixture
def rig(running: Rig) -> Iterator[Rig]:
    """The stack, calm before the test and after it."""
    running.calm()
    yield running
    running.calm()
