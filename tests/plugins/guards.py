"""Bounds what a test may touch: no real AWS account anywhere, no socket in unit tests.

The guards hold for the whole test protocol, fixtures of any scope included.
"""

import os
import socket
from collections.abc import Generator
from typing import Any, Never

import pytest

from tests.plugins.ledger import level_of

# below e2e every AWS client talks to an in-process fake; these values reach no real account
FAKE_AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
IN_PROCESS_LEVELS = frozenset({"unit", "contract", "integration"})
SOCKET_VERBS = ("connect", "connect_ex", "bind", "sendto", "sendmsg")


class SocketBlockedError(RuntimeError):
    """A unit test tried to reach the network; pass it a fake, or move it to tests/integration."""


def pytest_configure() -> None:
    """Forget the developer's AWS settings before any module reads them."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Run a test, with its set-up and tear-down, inside the bounds of its level."""
    level = level_of(item)
    with pytest.MonkeyPatch.context() as patch:
        if level in IN_PROCESS_LEVELS:
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                patch.delenv(name)
            for name, value in FAKE_AWS.items():
                patch.setenv(name, value)
        if level == "unit":
            block_sockets(patch)
        return (yield)


def block_sockets(patch: pytest.MonkeyPatch) -> None:
    """Make every way to reach another socket raise, loopback and name look-ups included."""

    def refuse(*_: object, **__: object) -> Never:
        msg = "a unit test tried to use a socket: pass it a fake, or move it to tests/integration"
        raise SocketBlockedError(msg)

    for verb in SOCKET_VERBS:
        patch.setattr(socket.socket, verb, refuse)
    patch.setattr(socket, "getaddrinfo", refuse)
