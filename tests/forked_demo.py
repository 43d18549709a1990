"""The demo's set-up by commands that are forked, for stacks whose own tests are about something else."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from devstack import demo
from tests.commands import COMMANDS


@contextmanager
def forked_commands() -> Iterator[None]:
    """While open, the demo's commands are forked as those of the tests are."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(demo, "run_command", COMMANDS.run)
        yield
