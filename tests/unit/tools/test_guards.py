"""The bounds of a unit test hold."""

import os
import socket
import urllib.request

import pytest

from tests.plugins.guards import SocketBlockedError


def test_a_unit_test_cannot_reach_loopback() -> None:
    """Connecting to 127.0.0.1 raises before anything is sent."""
    with socket.socket() as endpoint, pytest.raises(SocketBlockedError):
        endpoint.connect(("127.0.0.1", 9))


def test_a_unit_test_cannot_listen() -> None:
    """Binding a loopback port raises."""
    with socket.socket() as endpoint, pytest.raises(SocketBlockedError):
        endpoint.bind(("127.0.0.1", 0))


def test_a_client_library_is_blocked_too() -> None:
    """An HTTP request through the standard library ends at the guard, before any name is resolved."""
    with pytest.raises(SocketBlockedError):
        urllib.request.urlopen("http://vendor.example.com/")


def test_no_aws_setting_of_the_developer_is_left() -> None:
    """Only the fake credentials and the fake region are in the environment."""
    found = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}

    assert found == {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
