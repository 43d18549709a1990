"""What a call of the product's clients costs beyond the bare HTTP call to the same address."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from leadbridge.vendors.http.transport import build_http_client
from tests.bench.report import Figure
from tests.contract.simulator.salesforce_support import certificate
from tests.integration.vendors.conftest import Clients
from tests.twins import running_twins

MOST_OVERHEAD = 1.3
LEADS = 300
_FIELDS = ["id", "email", "firstName", "lastName", "company", "updatedAt"]
_SOQL = "SELECT Id, LastName, Company, Email FROM Lead LIMIT 200"

type Call = Callable[[], list[dict[str, Any]]]


@contextmanager
def pairs(seed: int) -> Iterator[Mapping[str, tuple[Call, Call]]]:
    """By vendor, the client's call and the bare one: the same request on the same connections, its rows parsed."""
    with running_twins("--seed", str(seed)) as (_, announced), build_http_client() as http:
        addresses = _fill(announced)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = certificate(key, datetime(2099, 1, 1, tzinfo=UTC))
        httpx.post(f"{announced['salesforce_url']}/_sim/certificate", json={"certificate": pem}).raise_for_status()
        clients = Clients(announced, key, http)
        marketo, salesforce = clients.marketo(), clients.salesforce()
        seen: dict[str, httpx.Request] = {}
        http.event_hooks["request"].append(lambda request: seen.update({request.url.host: request}))
        calls: Mapping[str, Call] = {
            "result": lambda: marketo.leads_by_filter("email", addresses, _FIELDS),
            "records": lambda: salesforce.query(_SOQL),
        }
        made: dict[str, tuple[Call, Call]] = {}
        for vendor, (member, call) in zip(("marketo", "salesforce"), calls.items(), strict=True):
            call()
            made[vendor] = (call, _bare(http, seen.popitem()[1], member))
        http.event_hooks["request"].clear()
        yield made


def _bare(http: httpx.Client, told: httpx.Request, member: str) -> Call:
    """The request that the client sent, made anew each time from its parts with nothing around it."""
    url, params, content = str(told.url.copy_with(query=None)), dict(told.url.params), told.read()
    own = ("content-length", "host", "connection", "accept-encoding", "user-agent")
    headers = {name: value for name, value in told.headers.items() if name not in own}

    def call() -> list[dict[str, Any]]:
        answer = http.request(told.method, url, params=params, content=content, headers=headers)
        rows: list[dict[str, Any]] = answer.json()[member]
        return rows

    return call


def _fill(announced: Mapping[str, Any]) -> list[str]:
    """Leads in both twins, without the limits and pauses that would hide what is measured."""
    addresses = [f"person{number}@example.com" for number in range(LEADS)]
    marketo = [{"email": each, "lastName": f"Name {each}", "company": "Acme"} for each in addresses]
    salesforce = [{"Email": each, "LastName": f"Name {each}", "Company": "Acme"} for each in addresses]
    free = {"latency_seconds": 0, "daily_calls": 10**9, "calls_per_20s": 10**9}
    for url, path, document in (
        (announced["marketo_url"], "load", {"leads": marketo}),
        (announced["salesforce_url"], "load", {"Lead": salesforce}),
        (announced["marketo_url"], "limits", free),
    ):
        httpx.post(f"{url}/_sim/{path}", json=document).raise_for_status()
    return addresses


def figure(*, calls: int, seed: int) -> Figure:
    """Median time of a read through the client and of the bare call, in turn."""
    result = Figure(
        title="client overhead per call",
        size=f"seed {seed}, {calls} calls of each, 300 leads of Marketo, 200 of Salesforce, twins without latency",
    )
    with pairs(seed) as by_vendor:
        for vendor, both in by_vendor.items():
            taken = list(_times(both, calls))
            wall, processor = (
                [statistics.median(times[place][kind] for times in taken) for place in range(2)] for kind in range(2)
            )
            for what, (ours, bare) in (("whole time", wall), ("processor time of the caller", processor)):
                result.add(f"{vendor}, {what}: through the client {ours:.2f} ms, bare {bare:.2f} ms (medians)")
            result.add(
                f"{vendor}: client / bare, processor time of the caller alone: {processor[0] / processor[1]:.2f}"
            )
            result.bound(f"{vendor}: client / bare", wall[0] / wall[1], most=MOST_OVERHEAD)
    return result


def _times(both: tuple[Call, Call], calls: int) -> Iterator[list[tuple[float, float]]]:
    """Whole and processor milliseconds of both calls, time after time; which comes first changes."""
    for number in range(calls):
        times = [(0.0, 0.0)] * 2
        for place in (0, 1) if number % 2 else (1, 0):
            begun, busy = time.perf_counter(), time.process_time()
            both[place]()
            times[place] = (1000 * (time.perf_counter() - begun), 1000 * (time.process_time() - busy))
        yield times
