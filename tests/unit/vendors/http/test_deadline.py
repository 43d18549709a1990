"""Calls for which somebody waits: none begins, waits or lasts beyond the deadline, and no vendor is blamed for it."""

from collections.abc import Callable

import httpx
import pytest

from leadbridge.domain.limits import Heard, Signal
from leadbridge.errors import RateLimitedError, SyncError, TransientError, UncertainWriteError
from leadbridge.vendors.http.calls import CallRecord
from leadbridge.vendors.http.deadline import Deadline
from leadbridge.vendors.http.limiter import SharedLimiter
from leadbridge.vendors.http.transport import HttpSettings, build_http_client
from leadbridge.vendors.marketo.auth import Credentials
from leadbridge.vendors.marketo.client import MarketoClient
from tests.fakes.clock import SettableClock
from tests.fakes.limits import InMemoryLimits, NoLimit
from tests.fakes.meter import RecordingMeter
from tests.unit.vendors.doubles import MARKETO, FakeTime, ScriptedVendor, failure, success
from tests.unit.vendors.http.test_limiter import a_policy

LATE = httpx.ReadTimeout("late", request=httpx.Request("GET", MARKETO))


def _credentials(*, fresh: bool = False) -> Credentials:
    return Credentials("id", "secret")


class Waiting:
    """A Marketo client with a deadline, on a time that a test sets."""

    def __init__(self, *replies: httpx.Response | Exception, takes: float = 0.0) -> None:
        self.time = FakeTime()
        self.deadline = Deadline(self.time.timer)
        self.vendor = ScriptedVendor(*replies)
        self.heard: list[CallRecord] = []

        def answer(request: httpx.Request) -> httpx.Response:
            self.time.advance(takes)
            return self.vendor(request)

        settings = HttpSettings(
            client=build_http_client(httpx.MockTransport(answer)),
            clock=self.time.clock,
            sleep=self.time.sleep,
            on_call=self.heard.append,
            jitter=lambda: 0.0,
            timer=self.time.timer,
            deadline=self.deadline,
        )
        self.client = MarketoClient(settings, base_url=MARKETO, credentials=_credentials, limiter=NoLimit())

    def read(self) -> object:
        """A call that may be repeated."""
        return self.client.leads_by_filter("id", ["7"], ["id"])

    def write(self) -> object:
        """A call that must not."""
        return self.client.sync_leads([{"id": 7}], action="updateOnly", lookup_field="id")


def test_time_outs_end_with_the_deadline() -> None:
    """Of a call that may take longer every phase is cut to what is left; without a deadline they are the usual ones."""
    waiting = Waiting(success([{"id": 7}]))
    waiting.read()
    with waiting.deadline.within(4.0):
        waiting.read()

    usual, cut = (request.extensions["timeout"] for request in waiting.vendor.requests)
    assert cut == dict.fromkeys(cut, 4.0)
    assert usual["connect"] == 5.0
    assert usual["read"] > 4.0


def test_the_token_of_a_call_is_cut_off_too() -> None:
    """A login under way is a part of the time."""
    waiting = Waiting(success([{"id": 7}]))

    with waiting.deadline.within(3.0):
        waiting.read()

    (token,) = waiting.vendor.token_requests
    assert set(token.extensions["timeout"].values()) == {3.0}


@pytest.mark.parametrize("call", [Waiting.read, Waiting.write], ids=["read", "write"])
def test_nothing_is_sent_without_time(call: Callable[[Waiting], object]) -> None:
    """With no time left neither the call nor a login is made, and even a write was certainly not executed."""
    waiting = Waiting(success([{"id": 7, "status": "updated"}]))

    with waiting.deadline.within(0.01), pytest.raises(TransientError) as caught:
        call(waiting)

    assert (type(caught.value), caught.value.code) == (TransientError, "no_time")
    assert waiting.vendor.requests == waiting.vendor.token_requests == []


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        pytest.param(Waiting.read, TransientError, id="a read may be made again"),
        pytest.param(Waiting.write, UncertainWriteError, id="of a write nobody knows"),
    ],
)
def test_a_call_that_is_cut_off_is_not_the_vendors_fault(
    call: Callable[[Waiting], object], kind: type[SyncError]
) -> None:
    """What did not answer before the deadline is logged as our own hurry, so that no breaker opens for it."""
    waiting = Waiting(LATE, takes=1.5)

    with waiting.deadline.within(3.0), pytest.raises(kind) as caught:
        call(waiting)

    assert type(caught.value) is kind
    assert [line.code for line in waiting.heard if line.operation != "token"] == ["no_time"]
    assert waiting.time.slept == []


def test_a_wait_that_does_not_fit_is_left_to_others() -> None:
    """A vendor's pause is waited for as long as time is left, and not longer."""
    waiting = Waiting(failure("606"))

    with waiting.deadline.within(1.0), pytest.raises(RateLimitedError):
        waiting.read()

    assert sum(waiting.time.slept) < 1.0


def test_a_place_is_waited_for_until_the_deadline() -> None:
    """Who waits for an answer gives up a place that would come too late; without a deadline it is waited for."""
    store, clock = InMemoryLimits(), SettableClock()
    deadline = Deadline(lambda: clock.now().timestamp())

    def a_limiter() -> SharedLimiter:
        return SharedLimiter(
            limits=store,
            policy=a_policy(calls=2),
            clock=clock.now,
            sleep=clock.sleep,
            meter=RecordingMeter(),
            jitter=lambda: 0.5,
            deadline=deadline,
        )

    def call(limiter: SharedLimiter) -> None:
        with limiter.slot("op", "instance") as place:
            place.hear(Heard(signal=Signal.FINE))

    limiter = a_limiter()
    call(limiter)
    call(limiter)
    before = clock.now()
    with deadline.within(5.0), pytest.raises(RateLimitedError):
        call(limiter)
    assert (clock.now() - before).total_seconds() <= 5.0
    call(limiter)
