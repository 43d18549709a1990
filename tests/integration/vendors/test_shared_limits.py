"""Both vendors' daily limits, kept by the product's clients with the shared limiter, as the simulators see them."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from leadbridge.domain.limits import RESERVE, Policy, State
from leadbridge.errors import QuotaExhaustedError, RateLimitedError
from leadbridge.vendors.connections import VendorLimits
from leadbridge.vendors.http.limiter import SharedLimiter
from leadbridge.vendors.http.transport import build_http_client
from leadbridge.vendors.marketo.auth import Credentials
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.salesforce.client import SalesforceClient
from tests.fakes.limits import InMemoryLimits
from tests.fakes.meter import RecordingMeter
from tests.integration.vendors.conftest import Clients, Twin
from tests.twins import ROOT

TEMPLATE = (ROOT / "template.yaml").read_text("utf-8")
SHARES = VendorLimits(
    marketo_calls_per_20s=50,
    marketo_daily_calls=50_000,
    marketo_reserve_percent=0,
    marketo_concurrent=5,
    salesforce_concurrent=20,
    salesforce_reserve_percent=10,
    place_seconds=15,
)


def limiter(clients: Clients, store: InMemoryLimits, policy: Policy) -> SharedLimiter:
    """The limiter of one worker on what all know."""

    def pass_time(seconds: float) -> None:
        clients.slept.append(seconds)
        clients.clock_offset += timedelta(seconds=seconds)

    clock = clients.settings().clock
    return SharedLimiter(limits=store, policy=policy, clock=clock, sleep=pass_time, meter=RecordingMeter())


def marketo_worker(clients: Clients, store: InMemoryLimits, service: str = "") -> MarketoClient:
    """A worker with a connection of its own to the one Marketo instance."""
    known = clients.announced["marketo_credentials"]

    def credentials(*, fresh: bool = False) -> Credentials:
        return Credentials(known[f"{service}client_id"], known[f"{service}client_secret"])

    return MarketoClient(
        clients.settings(),
        base_url=clients.announced["marketo_url"],
        credentials=credentials,
        limiter=limiter(clients, store, SHARES.marketo()),
    )


@pytest.fixture
def set_clock(clients: Clients, marketo: Twin) -> Iterator[Callable[[str], None]]:
    """Sets the clock that vendors and product share, and sets it right afterwards."""

    def set_to(moment: str) -> None:
        at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        marketo.post("clock", {"set": at.isoformat(), "allow_backwards": True})
        clients.clock_offset = at - datetime.now(UTC)

    yield set_to
    marketo.post("clock", {"set": datetime.now(UTC).isoformat(), "allow_backwards": True})


def calls(twin: Twin) -> int:
    """Calls of the vendor's API so far, logins left out."""
    return sum(1 for call in twin.get("log?since=0") if "oauth" not in call["path"])


@pytest.mark.cap("U46")
@pytest.mark.fault("FT05", "FM07")
@pytest.mark.parametrize(
    ("before", "reset"),
    [
        pytest.param("2026-03-08T05:30:00", "2026-03-08T06:00:01", id="before the clocks go forward"),
        pytest.param("2026-03-09T04:30:00", "2026-03-09T05:00:01", id="after the clocks went forward"),
        pytest.param("2026-11-01T04:30:00", "2026-11-01T05:00:01", id="before the clocks go back"),
        pytest.param("2026-11-02T05:30:00", "2026-11-02T06:00:01", id="after the clocks went back"),
    ],
)
def test_a_spent_quota_is_asked_about_at_midnight_us_central(
    *, clients: Clients, marketo: Twin, set_clock: Callable[[str], None], before: str, reset: str
) -> None:
    """A real 607; no further call until the instance's own reset, where the first call is answered for all workers."""
    set_clock(before)
    marketo.post("limits", {"daily_calls": 2})
    store = InMemoryLimits()
    first, second = (marketo_worker(clients, store) for _ in range(2))
    first.usage()
    second.usage()
    with pytest.raises(QuotaExhaustedError) as spent:
        first.usage()
    made = calls(marketo)
    with pytest.raises(QuotaExhaustedError) as refused:
        second.usage()
    assert (calls(marketo), made) == (3, 3)
    assert refused.value.probe_at == spent.value.resets_at == datetime.fromisoformat(reset[:-1] + "0+00:00")

    set_clock(reset)

    assert [second.usage(), first.usage()] == [1, 2]
    assert calls(marketo) == 5


def test_two_connections_to_one_instance_share_one_budget(clients: Clients, marketo: Twin) -> None:
    """Two services of one instance, 50 calls in turn: the item counts all of them under the instance's host."""
    store = InMemoryLimits()
    ours, other = marketo_worker(clients, store), marketo_worker(clients, store, "other_")
    for _ in range(10):
        ours.usage()
        other.usage()
    host = clients.announced["marketo_url"].removeprefix("http://")
    state, _ = store.read(f"marketo#{host}")
    assert len(state.calls) == 20
    assert len({call["client"] for call in marketo.get("log?since=0")} - {"127.0.0.1"}) == 2


@pytest.mark.cap("U40")
@pytest.mark.fault("FS02")
def test_the_org_s_own_limit_is_read_from_its_answers_and_a_reserve_is_left(
    *, clients: Clients, salesforce: Twin, set_clock: Callable[[str], None]
) -> None:
    """An org of 40 calls: the 36th is our last, Salesforce refuses none; raised to 400, work goes on in an hour."""
    set_clock("2026-03-02T12:00:00")
    salesforce.post("limits", {"daily_calls": 40})
    store = InMemoryLimits()
    org = salesforce_worker(clients, store)
    before = salesforce.get("calls")["violations"]
    refused: list[QuotaExhaustedError] = []
    for _ in range(50):
        try:
            org.query("SELECT Id FROM Lead LIMIT 1")
        except QuotaExhaustedError as error:
            refused.append(error)
    assert calls(salesforce) == 36
    assert {error.code for error in refused} == {RESERVE}
    assert salesforce.get("calls")["violations"] == before

    salesforce.post("limits", {"daily_calls": 400})
    set_clock("2026-03-02T13:00:01")
    org.query("SELECT Id FROM Lead LIMIT 1")
    org.query("SELECT Id FROM Lead LIMIT 1")
    assert calls(salesforce) == 38


@pytest.mark.fault("FS02", "FS03")
def test_salesforce_s_two_limits_under_one_code_are_told_apart(
    *, clients: Clients, salesforce: Twin, set_clock: Callable[[str], None]
) -> None:
    """The day's calls spent: parked for an hour; too many long calls at once: ten seconds, then the call is made."""
    set_clock("2026-03-02T12:00:00")
    store = InMemoryLimits()
    org = salesforce_worker(clients, store)
    many = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    _fault(salesforce, message=many)
    org.query("SELECT Id FROM Lead LIMIT 1")
    assert 10.0 <= max(clients.slept) <= 20.0

    _fault(salesforce, message="TotalRequests Limit exceeded.")
    with pytest.raises(QuotaExhaustedError) as spent:
        org.query("SELECT Id FROM Lead LIMIT 1")
    assert spent.value.resets_at - timedelta(hours=1) >= datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.cap("U42")
def test_no_more_than_20_calls_to_an_org_are_in_flight_however_many_ask(
    many_connections: Clients, salesforce: Twin
) -> None:
    """30 workers: 20 calls at once and none more, none refused; without our limit some are refused.

    At this org every call counts as a long one, of which 25 may run at once; 20 is what we are deployed with.
    """
    (deployed,) = re.findall(r"\n  SalesforceConcurrent:\n    Type: Number\n    Default: (\d+)\n", TEMPLATE)
    assert SHARES.salesforce_concurrent == int(deployed) == 20
    salesforce.post("limits", {"long_running_seconds": 0, "concurrent": 25})
    salesforce.post("faults", [{"match": "GET */query", "kind": "delay", "seconds": 0.6}])
    clients, store = many_connections, LockedLimits()
    limiters = [
        SharedLimiter(
            limits=store,
            policy=SHARES.salesforce(),
            clock=clients.settings().clock,
            sleep=time.sleep,
            meter=RecordingMeter(),
        )
        for _ in range(30)
    ]
    assert ask_at_once(clients, limiters) == {""}
    said = salesforce.get("calls")
    assert 10 < said["peak_concurrency"] <= 20
    assert said["violations"] == {}

    assert ask_at_once(clients, [None] * 30) == {"", "REQUEST_LIMIT_EXCEEDED"}
    assert salesforce.get("calls")["violations"].keys() == {"REQUEST_LIMIT_EXCEEDED"}


@pytest.fixture
def many_connections(clients: Clients) -> Iterator[Clients]:
    """Clients whose connections keep nobody from calling."""
    with build_http_client(httpx.HTTPTransport(verify=False, limits=httpx.Limits(max_connections=40))) as http:
        yield Clients(clients.announced, clients.key, http)


class LockedLimits(InMemoryLimits):
    """What workers in threads know together: one writes at a time, as in the table."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def swap(self, instance: str, state: State, version: int) -> tuple[State, int] | None:
        """Replace the state, one worker after the other."""
        with self._lock:
            return super().swap(instance, state, version)


def ask_at_once(clients: Clients, limiters: Sequence[SharedLimiter | None]) -> set[str]:
    """One query of each of so many workers at the same time; gives the codes, "" for an answer."""
    workers = [clients.salesforce(limiter=each) for each in limiters]
    for worker, limiter in zip(workers, limiters, strict=True):
        worker.describe("Lead")  # one after the other: a login would count beside the others' queries
        if limiter is not None:
            limiter.give_back()
    ready = threading.Barrier(len(workers))

    def ask(worker: SalesforceClient, limiter: SharedLimiter | None) -> str:
        ready.wait()
        try:
            worker.query("SELECT Id FROM Lead")
        except RateLimitedError as error:
            return error.code
        finally:
            if limiter is not None:
                limiter.give_back()
        return ""

    with ThreadPoolExecutor(len(workers)) as pool:
        return set(pool.map(ask, workers, limiters))


def salesforce_worker(clients: Clients, store: InMemoryLimits) -> SalesforceClient:
    """A worker with a session of its own."""
    return clients.salesforce(limiter=limiter(clients, store, SHARES.salesforce()))


def _fault(salesforce: Twin, **members: Any) -> None:
    rule = {"match": "GET */query", "kind": "vendor_error", "code": "REQUEST_LIMIT_EXCEEDED", "times": 1}
    salesforce.post("faults", [rule | members])
