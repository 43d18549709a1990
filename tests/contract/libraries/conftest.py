"""Both twins, each in a process of its own, for client libraries that nobody here wrote.

Each vendor has its own process, and with it its own clock: the tests move it instead of waiting.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.contract.libraries.support import Twin
from tests.twins import running_twins


def _running(vendor: str) -> Iterator[Twin]:
    with (
        running_twins("--seed", "29", "--only", vendor) as (_, announced),
        httpx.Client(base_url=announced[f"{vendor}_url"], timeout=30) as http,
    ):
        yield Twin(announced[f"{vendor}_url"], announced[f"{vendor}_credentials"], http)


@pytest.fixture(scope="session")
def marketo_process() -> Iterator[Twin]:
    """The Marketo twin that all tests of this folder share."""
    yield from _running("marketo")


@pytest.fixture(scope="session")
def salesforce_process() -> Iterator[Twin]:
    """The Salesforce twin that all tests of this folder share."""
    yield from _running("salesforce")


@pytest.fixture
def marketo(marketo_process: Twin) -> Twin:
    """The Marketo twin without records, faults or artificial latency; its clock only goes on."""
    marketo_process.post("reset", {})
    marketo_process.post("limits", {"latency_seconds": 0, "race_window_seconds": 0})
    return marketo_process


@pytest.fixture
def salesforce(salesforce_process: Twin) -> Twin:
    """The Salesforce twin without records or faults."""
    salesforce_process.post("reset", {})
    salesforce_process.post("limits", {"race_window_seconds": 0})
    return salesforce_process
