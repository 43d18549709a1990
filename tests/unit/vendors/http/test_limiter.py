"""The in-process limiter: window, concurrency, hold, budget."""

import threading

import pytest

from leadbridge.errors import RateLimitedError
from leadbridge.vendors.http.limiter import WindowLimiter
from tests.unit.vendors.doubles import FakeTime


def a_limiter(time: FakeTime, *, calls: int | None = 3, concurrent: int = 5, budget: float = 20.0) -> WindowLimiter:
    return WindowLimiter(
        clock=time.clock,
        sleep=time.sleep,
        calls=calls,
        concurrent=concurrent,
        budget_seconds=budget,
        vendor="marketo",
    )


def test_no_window_of_20_seconds_holds_more_calls_than_allowed() -> None:
    """Any call and the third after it are a whole window apart, and none waits longer than that needs."""
    time = FakeTime()
    limiter = a_limiter(time)
    begun = []
    for _ in range(10):
        with limiter.slot("op"):
            begun.append(time.now.timestamp())

    assert all(later - earlier >= 20.0 for earlier, later in zip(begun, begun[3:], strict=False))
    assert 60.0 <= begun[-1] - begun[0] < 60.5


def test_the_second_half_of_a_window_is_spread_over_it() -> None:
    """Of eight calls the first four begin at once, the others each an eighth of the window after the one before."""
    time = FakeTime()
    limiter = a_limiter(time, calls=8)
    begun = []
    for _ in range(8):
        with limiter.slot("op"):
            begun.append(time.now.timestamp())

    assert [round(each - begun[0], 1) for each in begun] == [0, 0, 0, 0, 2.5, 5.0, 7.5, 10.0]


def test_a_wait_beyond_the_budget_is_refused_without_sleeping() -> None:
    """The caller is told how long it would have had to wait."""
    time = FakeTime()
    limiter = a_limiter(time, calls=1, budget=5.0)
    with limiter.slot("op"):
        pass
    with pytest.raises(RateLimitedError) as caught, limiter.slot("sync_leads"):
        pass

    assert caught.value.retry_after_seconds == 20.0
    assert caught.value.operation == "sync_leads"
    assert time.slept == []


def test_a_place_is_given_back_even_if_the_call_fails() -> None:
    """An exception inside the call leaves no place behind."""
    time = FakeTime()
    limiter = a_limiter(time, calls=None, concurrent=1)
    for _ in range(3):
        with pytest.raises(KeyError), limiter.slot("op"):
            raise KeyError
    assert time.slept == []


def test_no_more_calls_than_allowed_are_in_flight() -> None:
    """A second call waits until the first has ended."""
    time = FakeTime()
    limiter = a_limiter(time, calls=None, concurrent=1, budget=1.0)
    inside, leave = threading.Event(), threading.Event()

    def hold_a_place() -> None:
        with limiter.slot("first"):
            inside.set()
            leave.wait(10)

    first = threading.Thread(target=hold_a_place)
    first.start()
    assert inside.wait(10)
    with pytest.raises(RateLimitedError), limiter.slot("second"):
        pass
    leave.set()
    first.join(10)
    with limiter.slot("third"):
        pass


def test_after_the_vendor_said_its_window_is_full_no_call_begins_for_that_long() -> None:
    """One thread's 606 keeps the others from running into the same window."""
    time = FakeTime()
    limiter = a_limiter(time)
    limiter.hold(7.0)
    with limiter.slot("op"):
        pass
    assert time.slept == [7.0]


def test_a_clock_set_back_does_not_lock_calls_out() -> None:
    """Calls noted in a future that never came are forgotten."""
    time = FakeTime()
    limiter = a_limiter(time, calls=1)
    with limiter.slot("op"):
        pass
    time.advance(-3600)
    with limiter.slot("op"):
        pass
    assert time.slept == []
