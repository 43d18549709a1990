"""How many logins many parallel calls cost, counted by the twins."""

import threading
from collections.abc import Callable

import pytest

from tests.integration.vendors.conftest import Clients, Twin

CALLS = 1_000
VENDORS = ("marketo", "salesforce")


def call_in_parallel(call: Callable[[], object]) -> list[BaseException]:
    """Run a call in 1,000 threads that start together; what went wrong in any of them."""
    start = threading.Barrier(CALLS)
    wrong: list[BaseException] = []

    def run() -> None:
        start.wait(60)
        try:
            call()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is the finding
            wrong.append(error)

    threads = [threading.Thread(target=run) for _ in range(CALLS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return wrong


@pytest.mark.cap("U09")
def test_a_thousand_parallel_calls_cost_one_token_per_credential(
    clients: Clients, marketo: Twin, salesforce: Twin
) -> None:
    """Both twins see 1,000 calls and one login each, and no call fails.

    httpcore's pool may close a connection that it has just given to another thread (encode/httpcore#1110); the call
    that loses its answer by that is made again, so what the twins count is compared with every try that was made.
    """
    marketo.post("limits", {"calls_per_20s": 100_000, "concurrent": 1_000})
    leads, org = clients.marketo(), clients.salesforce()

    assert call_in_parallel(leads.usage) == []
    assert call_in_parallel(lambda: org.query("SELECT Id FROM Lead LIMIT 1")) == []

    tried = {vendor: [each.attempt for each in clients.calls if each.vendor == vendor] for vendor in VENDORS}
    # the login is a call as well
    assert [attempts.count(1) for attempts in tried.values()] == [CALLS + 1, CALLS + 1]
    assert len(marketo.calls_of("GET", "/rest/v1/stats/usage.json")) == len(tried["marketo"]) - 1
    assert len(marketo.calls_of("POST", "/identity/oauth/token")) == 1
    assert len(salesforce.calls_of("GET", "/services/data/v67.0/query")) == len(tried["salesforce"]) - 1
    assert len(salesforce.calls_of("POST", "/services/oauth2/token")) == 1


@pytest.mark.cap("U09")
@pytest.mark.fault("FM02")
def test_a_thousand_calls_that_find_the_token_expired_cost_one_more_login(clients: Clients, marketo: Twin) -> None:
    """The vendor's hour passed unnoticed: every refused call is replayed with the one new token."""
    marketo.post("limits", {"calls_per_20s": 100_000, "concurrent": 1_000})
    leads = clients.marketo()
    leads.usage()
    marketo.post("clock", {"advance_seconds": 3_601})
    assert call_in_parallel(leads.usage) == []
    assert len(marketo.calls_of("POST", "/identity/oauth/token")) == 2
