"""One deployed stack for the whole test session: starting it takes longer than most tests."""

from collections.abc import Iterator

import pytest

from devstack.stack import Stack, up


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The template, deployed to the emulator with IAM enforced, beside both simulators."""
    with up() as running:
        yield running
