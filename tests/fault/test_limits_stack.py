"""The limiter on the deployed stack: workers and other processes share one Marketo instance with somebody else.

What is kept is judged by the simulator's log and counters, which know every client's calls apart.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from threading import Event

import httpx
import pytest

from tests.fault.callers import callers
from tests.fault.conftest import deployed
from tests.fault.rig import Rig, wait_for

STACK_FILE = ".local/stack.json"
WINDOW_SECONDS = 20.0
#: ours of Marketo's 100 calls in 20 s, so that another integration may take 60
OURS = 40
PLACES = 5
#: parameters of the deployment under test
PARAMETERS = {"MarketoCallsPer20s": str(OURS), "MarketoConcurrent": str(PLACES), "PlaceSeconds": "5"}
USAGE = "GET /rest/v1/stats/usage.json"


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A stack with a small share of Marketo's rate and short leases of places."""
    with deployed(tmp_path_factory.mktemp("limited"), **PARAMETERS) as rig:
        yield rig


@pytest.fixture
def on(limited: Rig) -> Iterator[Rig]:
    """That stack, calm before and after a test, with nobody's calls in the window."""
    limited.calm()
    limited.idle()
    limited.advance(120)
    yield limited
    limited.calm()


@contextmanager
def another_integration(rig: Rig, stretches: Sequence[tuple[float, int]]) -> Iterator[list[str]]:
    """Somebody else's calls, one by one, in stretches of (seconds, calls per 20 s); gives their error codes."""
    who = rig.stack.simulators["marketo_credentials"]
    over = Event()
    codes: list[str] = []

    def run() -> None:
        with httpx.Client(base_url=rig.marketo.url, timeout=30, trust_env=False) as client:
            grant = {
                "grant_type": "client_credentials",
                "client_id": who["other_client_id"],
                "client_secret": who["other_client_secret"],
            }
            token = client.get("/identity/oauth/token", params=grant).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            for seconds, calls in stretches:
                end = due = time.monotonic()
                end += seconds
                # half a second of room, and what a delay has missed is not made up for: never more than its part
                pause = (WINDOW_SECONDS + 0.5) / calls if calls else seconds
                while time.monotonic() < end and not over.wait(max(0.0, due - time.monotonic())):
                    due = max(due, time.monotonic()) + pause
                    if calls:
                        answer = client.get("/rest/v1/activities/types.json").json()
                        codes.extend(error["code"] for error in answer.get("errors") or [{"code": ""}])

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        try:
            yield codes
        finally:
            over.set()
            running.result(30)


def ours(rig: Rig, mark: int) -> list[float]:
    """When our finished calls since a mark arrived, in seconds, identity calls left out; in order."""
    return sorted(
        datetime.fromisoformat(call["at"]).timestamp()
        for call in rig.marketo.calls_since(mark, "* /rest/*")
        if call["path"] != "/rest/v1/activities/types.json"
    )


def fullest(times: Sequence[float]) -> int:
    """The most arrivals within any 20 seconds."""
    return max((sum(1 for at in times if last - WINDOW_SECONDS < at <= last) for last in times), default=0)


@pytest.mark.cap("U48")
@pytest.mark.pain("P22")
def test_many_workers_use_their_share_and_no_more_beside_another_integration(on: Rig) -> None:
    """Six workers of three processes and the product's own, while somebody else takes 0, 30 and 60 % of the window.

    90 to 100 % of 40 calls per 20 s are used in each stretch, no 20 s hold more, and nobody gets a limit answer.
    """
    persons = on.persons(10)
    before = on.marketo.violations()
    stretches = [(20.0, 0), (22.0, 30), (24.0, 60)]
    seconds = sum(length for length, _ in stretches)
    every = [("--lane", "scheduled", "--threads", "2", "--seconds", str(seconds))] * 3
    with callers(on.folder / STACK_FILE, *every) as working, another_integration(on, stretches) as codes:
        mark = on.marketo.mark()
        for caller in working:
            caller.go()
        ids = on.send(*persons)
        reports = [caller.report() for caller in working]
        times = ours(on, mark)
    for item in on.ended(ids):
        assert item["outcome"] == "created"

    assert fullest(times) <= OURS
    assert on.marketo.violations() == before
    # the first window is filled at once; from its end on the backlog uses what there is
    begin = times[0] + WINDOW_SECONDS
    steady = [at for at in times if begin <= at < times[0] + seconds - 1]
    assert len(steady) >= 0.9 * OURS * (seconds - 1 - WINDOW_SECONDS) / WINDOW_SECONDS
    assert set(codes) == {""}
    assert len(codes) >= 0.8 * sum(length * calls for length, calls in stretches) / WINDOW_SECONDS
    assert sum(report["calls"] for report in reports) > OURS


@pytest.mark.cap("U49")
def test_no_more_calls_than_allowed_are_in_flight_from_many_processes(on: Rig) -> None:
    """Eight threads of two processes with calls of a second each: five at once at the simulator, never a sixth."""
    on.marketo.fault(USAGE, "delay", seconds=1.0)
    before = on.marketo.violations()
    mark = on.marketo.mark()
    with callers(on.folder / STACK_FILE, *[("--threads", "4", "--calls", "4")] * 2) as working:
        for caller in working:
            caller.go()
        most = 0

        def look() -> bool:
            nonlocal most
            most = max(most, on.marketo.hits() - len(on.marketo.calls_since(mark, USAGE)))
            return all(caller.process.poll() is not None for caller in working)

        wait_for("the processes to end", look, every=0.02)
        reports = [caller.report() for caller in working]
    assert sum(report["calls"] for report in reports) == 32, reports
    assert most == PLACES
    assert on.marketo.violations() == before


def _any_call(rig: Rig, mark: int) -> Callable[[], bool]:
    """A look for calls of Marketo since a mark."""
    return lambda: bool(rig.marketo.calls_since(mark, "* /rest/*"))


@pytest.mark.fault("FM12")
def test_the_places_of_a_killed_process_return_within_their_lease(on: Rig) -> None:
    """Signal 9 in the middle of five calls that hold every place: another process calls within the lease."""
    busy = 20.0
    on.marketo.fault(USAGE, "delay", seconds=busy, times=PLACES)
    with callers(on.folder / STACK_FILE, ("--threads", str(PLACES), "--calls", "1"), ("--calls", "1")) as (
        doomed,
        heir,
    ):
        doomed.go()
        wait_for("every place is taken", lambda: on.marketo.hits() == PLACES)
        taken = time.monotonic()
        # longer than a lease: the places are held on to
        time.sleep(float(PARAMETERS["PlaceSeconds"]) + 1)
        heir.go()
        doomed.kill()
        began = time.monotonic()
        report = heir.report()
    assert (report["calls"], report["refused"]) == (1, {})
    assert time.monotonic() - began <= float(PARAMETERS["PlaceSeconds"]) + 5
    # the vendor still works on the calls of the dead: they would crowd the next test
    time.sleep(max(0.0, taken + busy - time.monotonic()))


@pytest.mark.cap("U46")
@pytest.mark.fault("FM07")
@pytest.mark.pain("P20", "P21")
def test_a_spent_quota_parks_visibly_asks_once_an_hour_and_goes_on_by_itself(on: Rig) -> None:
    """607: parked until a visible instant; one call an hour of all workers; raised in the fourth hour, all ends."""
    persons = on.persons(5)
    on.marketo.set_limit("daily_calls", 0)
    ids = on.at_once(*persons)
    for item in on.reached(ids, "parked"):
        assert item["reason"] == "marketo_607"
        assert "Parked until" in item["message"]
        assert "outcome" not in item
    for _ in range(3):
        mark = on.marketo.mark()
        with callers(on.folder / STACK_FILE, ("--threads", "2", "--calls", "3")) as (caller,):
            caller.go()
            report = caller.report()
        assert (report["calls"], report["refused"]) == (0, {"quota 607": 6})
        on.sweep()
        assert on.marketo.calls_since(mark, "* /rest/*") == []
        on.advance(3_600)
        on.sweep()
        on.swept_until("the probe of the hour", _any_call(on, mark))
        on.reached(ids, "parked")
        on.idle()
        assert len(on.marketo.calls_since(mark, "* /rest/*")) == 1
    on.marketo.calm()
    on.advance(3_600)
    for person, execution_id in zip(persons, ids, strict=True):
        (item,) = on.whole(person, execution_id)
        assert item["outcome"] == "created"


@pytest.mark.fault("FM08")
def test_while_marketo_is_away_nobody_asks_but_probes_and_webhooks_are_accepted(on: Rig) -> None:
    """608 for ten minutes: about a dozen calls instead of hundreds, each webhook accepted, and all of it ends later."""
    on.marketo.fault("* /rest/*", "vendor_error", code="608")
    mark = on.marketo.mark()
    persons = on.persons(10)
    ids = []
    for person in persons:
        ids += on.send(person)
        on.stored(ids[-1:])
        on.sweep()
        # a minute that goes by while a worker is at work is its death to others
        with on.lane_closed():
            on.advance(60)
    assert len(on.marketo.calls_since(mark, "* /rest/*")) <= 15
    with on.lane_closed():
        on.marketo.calm()
        on.advance(3_600)  # longer than any pause between two tries
    for person, execution_id in zip(persons, ids, strict=True):
        (item,) = on.whole(person, execution_id)
        assert item["outcome"] == "created"
