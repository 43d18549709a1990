"""Both vendor twins in a process of their own, spoken to by raw HTTP; nothing of the product is imported here."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.contract.simulator.salesforce_support import Org, running_org, start_over
from tests.twins import running_twins


@pytest.fixture(scope="session")
def start_simulator() -> Iterator[Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]]]:
    """Start `python -m simulator` with arguments; gives the process and the document it announced."""
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(running_twins(*arguments))


@pytest.fixture(scope="session")
def simulator(start_simulator: Callable[..., Any]) -> dict[str, Any]:
    """URLs and credentials of the twins that all tests share."""
    _, announced = start_simulator("--seed", "7")
    result: dict[str, Any] = announced
    return result


# the twins speak plain HTTP: reading certificates for it takes longer than most tests
@pytest.fixture
def marketo_anonymous(simulator: dict[str, Any]) -> Iterator[httpx.Client]:
    """A client of a fresh Marketo twin that has not logged in; calls take no artificial time."""
    with httpx.Client(base_url=simulator["marketo_url"], timeout=30, verify=False) as client:
        client.post("/_sim/reset").raise_for_status()
        client.post("/_sim/limits", json={"latency_seconds": 0}).raise_for_status()
        yield client


@pytest.fixture
def marketo(marketo_anonymous: httpx.Client, simulator: dict[str, Any]) -> httpx.Client:
    """A client of a fresh Marketo twin with an access token."""
    credentials = simulator["marketo_credentials"]
    answer = marketo_anonymous.get(
        "/identity/oauth/token",
        params={
            "grant_type": "client_credentials",
            "client_id": credentials["client_id"],
            "client_secret": credentials["client_secret"],
        },
    )
    marketo_anonymous.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return marketo_anonymous


@pytest.fixture
def salesforce_anonymous(simulator: dict[str, Any]) -> Iterator[httpx.Client]:
    """A client of a fresh Salesforce twin that has not logged in."""
    with httpx.Client(base_url=simulator["salesforce_url"], timeout=30, verify=False) as client:
        client.post("/_sim/reset").raise_for_status()
        yield client


@pytest.fixture(scope="session")
def running() -> Iterator[Org]:
    """A Salesforce twin of its own, with a clock of its own, that all tests share."""
    with running_org() as org:
        yield org


@pytest.fixture
def org(running: Org) -> Org:
    """The Salesforce twin, empty, at a fixed time, with a session."""
    start_over(running)
    return running
