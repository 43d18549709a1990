"""The twins in a process of their own, what the client and the Marketo twin say to each other, and what judges it."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from leadbridge.errors import AuthenticationError
from leadbridge.vendors.http.transport import HttpSettings, build_http_client
from leadbridge.vendors.marketo.auth import Credentials
from leadbridge.vendors.marketo.client import MarketoClient
from tests.contract.openapi.description import Description
from tests.contract.openapi.marketo_codes import Instance
from tests.contract.openapi.session import START, play
from tests.contract.openapi.sources import adobes_folder, chosen
from tests.contract.openapi.traffic import Exchange, RecordingTransport
from tests.contract.simulator.salesforce_support import Org, start_over
from tests.fakes.limits import NoLimit
from tests.twins import running_twins

# what needs Adobe's files is collected only where their folder is named; the report says which ones judged
collect_ignore = [] if adobes_folder() else ["test_adobe_files.py"]


@pytest.fixture(scope="session")
def announced() -> Iterator[dict[str, Any]]:
    """URLs and credentials of a running pair of twins."""
    with running_twins("--seed", "17") as (_, found):
        yield found


@pytest.fixture(scope="session")
def description() -> Description:
    """What messages are judged by."""
    return chosen()


def fresh(http: httpx.Client) -> Instance:
    """Empty the Marketo twin; calls take no artificial time."""
    made = Instance(http)
    made.control("reset", {})
    made.control("clock", {"set": START.isoformat(), "allow_backwards": True})
    made.switch(latency_seconds=0, race_window_seconds=0)
    made.log_in()
    return made


# the twins speak plain HTTP: reading certificates for it takes longer than a test
@pytest.fixture
def instance(announced: dict[str, Any]) -> Iterator[Instance]:
    """A fresh Marketo twin, at a fixed time."""
    with httpx.Client(base_url=announced["marketo_url"], timeout=30, verify=False) as http:
        yield fresh(http)


@pytest.fixture(scope="session")
def traffic(announced: dict[str, Any]) -> list[Exchange]:
    """Everything that the client and the twin said to each other in the session."""
    transport = RecordingTransport()
    url, known = announced["marketo_url"], announced["marketo_credentials"]

    def credentials(*, fresh: bool = False) -> Credentials:
        return Credentials(known["client_id"], known["client_secret"])

    with httpx.Client(base_url=url, timeout=30) as control, build_http_client(transport) as http:
        twin = fresh(control)
        twin.switch(calls_per_20s=100_000)
        settings = HttpSettings(
            client=http,
            clock=lambda: datetime.fromisoformat(twin.control("clock")["now"]),
            sleep=twin.later,
            allowed_hosts=frozenset({urlsplit(url).netloc}),
        )
        stranger = MarketoClient(
            settings, base_url=url, credentials=lambda **_: Credentials("x", "y"), limiter=NoLimit()
        )
        with suppress(AuthenticationError):
            stranger.usage()
        play(MarketoClient(settings, base_url=url, credentials=credentials, limiter=NoLimit()), twin)
    return transport.exchanges


@pytest.fixture
def org(announced: dict[str, Any]) -> Iterator[Org]:
    """A fresh Salesforce twin with a session, at a fixed time."""
    with httpx.Client(base_url=announced["salesforce_url"], timeout=30, verify=False) as http:
        made = Org(announced["salesforce_url"], announced["salesforce_credentials"], http)
        start_over(made)
        yield made
