"""The limiter of many workers on one virtual time: window, places, lanes, dead workers, a store that is away.

What is kept is judged by what the vendor double sees: arrivals and answers, not by the limiter's own books.
"""

import random
import threading
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadbridge.domain.limits import AHEAD, Heard, Lane, Policy, Signal, State
from leadbridge.errors import QuotaExhaustedError, RateLimitedError, TransientError
from leadbridge.vendors.http.deadline import Deadline
from leadbridge.vendors.http.limiter import SharedLimiter, repeating
from tests.fakes.clock import SettableClock
from tests.fakes.limits import InMemoryLimits
from tests.fakes.meter import RecordingMeter
from tests.fakes.workers import Workers

WINDOW = 20.0
LEASE = 15.0


def a_policy(**changes: Any) -> Policy:
    """Half of Marketo's limits; the quota comes back after twelve hours."""
    members: dict[str, Any] = {"vendor": "marketo", "calls": 50, "places": 5, "quota_returns": in_half_a_day}
    return Policy(**members | changes)


def in_half_a_day(now: datetime) -> datetime:
    """When a quota returns."""
    return now + timedelta(hours=12)


def a_limiter(store: InMemoryLimits, clock: SettableClock, **members: Any) -> SharedLimiter:
    """The limiter of one worker whose sleeps move the clock."""
    return SharedLimiter(
        limits=members.pop("limits", store),
        policy=members.pop("policy", a_policy()),
        clock=clock.now,
        sleep=clock.sleep,
        meter=members.pop("meter", RecordingMeter()),
        jitter=lambda: 0.5,
        **members,
    )


def call(limiter: SharedLimiter, heard: Heard | None = None, instance: str = "instance") -> None:
    """One call that ends at once."""
    with limiter.slot("op", instance) as place:
        place.hear(heard or Heard(signal=Signal.FINE))


class Overtaken:
    """A store in which somebody else always writes first."""

    def __init__(self, store: InMemoryLimits) -> None:
        self._store = store

    def read(self, instance: str) -> tuple[State, int]:
        """The state and its version."""
        return self._store.read(instance)

    def swap(self, instance: str, state: State, version: int) -> tuple[State, int] | None:
        """What stands there instead."""
        return State(), version + 1


# -- the promises, under many schedules


@pytest.mark.pain("P22")
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    workers=st.integers(1, 12),
    calls=st.none() | st.integers(2, 100),
    places=st.integers(1, 10),
    lanes=st.lists(st.sampled_from(list(Lane)), min_size=12, max_size=12),
    slow=st.booleans(),
    lost=st.sampled_from([0.0, 0.02]),
)
def test_no_schedule_makes_a_window_or_the_places_hold_more_than_allowed(
    *, seed: int, workers: int, calls: int | None, places: int, lanes: list[Lane], slow: bool, lost: float
) -> None:
    """In 100 s of backlog with skewed clocks, deaths and lost store answers the vendor sees neither limit broken."""
    skew = 0.25  # half of the margin
    at_work = Workers(
        policy=a_policy(calls=calls, places=places),
        seed=seed,
        skew_seconds=skew,
        lost=lost,
        travel_seconds=1.5 if slow else 0.2,
        service=lambda dice: dice.choice([0.05, 0.3, 25.0]) if slow else dice.uniform(0.02, 0.4),
    )
    for number in range(workers):
        at_work.work(f"{number}", lane=lanes[number], begin=at_work.dice.uniform(0, 5))
        if at_work.dice.random() < 0.3:
            at_work.kill(f"{number}", at=at_work.dice.uniform(0, 100))

    at_work.time.run(100)

    assert at_work.vendor.arrivals
    assert calls is None or at_work.vendor.fullest_window() <= calls
    assert at_work.vendor.peak <= places


def test_clocks_that_differ_do_not_make_a_window_hold_more_than_allowed() -> None:
    """One worker's clock is 0.25 s late, the others' 0.25 s early, and calls arrive at once: no window is too full."""
    at_work = Workers(policy=a_policy(calls=10), seed=11, travel_seconds=0.0, service=lambda _: 0.001)
    for number in range(4):
        at_work.work(f"{number}", skew=-0.25 if number == 0 else 0.25)

    at_work.time.run(300)

    assert at_work.vendor.fullest_window() <= 10
    assert at_work.share(20, 300) >= 0.9


def test_calls_that_travel_long_do_not_make_a_window_hold_more_than_allowed() -> None:
    """Every call is on its way for up to 4.5 s, and ends with its worker right after: none was told to have arrived."""
    at_work = Workers(policy=a_policy(calls=10, places=10), seed=12, travel_seconds=4.5, service=lambda _: 0.0)
    for number in range(200):
        at_work.work(f"{number}", begin=1.5 * number, calls=1, tells=False)

    at_work.time.run(320)

    assert len(at_work.vendor.arrivals) >= 100
    assert at_work.vendor.fullest_window() <= 10


@pytest.mark.parametrize("workers", [1, 3, 8])
@pytest.mark.parametrize("calls", [10, 50, 90])
def test_while_there_is_backlog_nine_tenths_of_the_allowance_are_used(workers: int, calls: int) -> None:
    """From the second window on at least 90 % of the allowed calls arrive, whoever makes them; never over 100 %."""
    at_work = Workers(policy=a_policy(calls=calls), seed=workers, skew_seconds=0.1)
    for number in range(workers):
        at_work.work(f"{number}")
    at_work.vendor.answer = lambda _: Heard(signal=Signal.FINE)
    at_work.service = lambda dice: dice.uniform(0.05, 0.1)
    at_work.travel_seconds = 0.02

    at_work.time.run(220)

    assert 0.9 <= at_work.share(20, 220) <= 1.0
    assert at_work.vendor.fullest_window() <= calls


def test_an_undisturbed_call_costs_one_write_and_no_read() -> None:
    """One worker's 200 calls cost 200 writes, one read to begin and one write to end; two workers read each time."""
    alone = Workers(policy=a_policy(), seed=1)
    alone.work("only", calls=200)
    alone.time.run(200)
    assert (len(alone.vendor.arrivals), alone.store.writes, alone.store.reads) == (200, 201, 1)

    two = Workers(policy=a_policy(), seed=1)
    for name in ("one", "other"):
        two.work(name, calls=100)
    two.time.run(200)
    assert len(two.vendor.arrivals) == 200
    assert two.store.writes <= 1.2 * 200
    assert two.store.reads <= 1.2 * 200


def test_where_only_places_count_every_second_call_asks_nobody() -> None:
    """200 calls of one on-demand worker without a window cost 100 writes and the last; of a lower lane each one."""
    writes = {}
    for lane in (Lane.ON_DEMAND, Lane.SCHEDULED):
        at_work = Workers(policy=a_policy(calls=None), seed=1)
        at_work.work("only", calls=200, lane=lane)
        at_work.time.run(200)
        assert len(at_work.vendor.arrivals) == 200
        writes[lane] = at_work.store.writes

    assert writes == {Lane.ON_DEMAND: 101, Lane.SCHEDULED: 201}


def test_a_place_that_was_kept_too_long_is_asked_for_again() -> None:
    """A second call within a quarter of the lease asks nobody; one after it does, and one after a failed call does."""
    clock, store = SettableClock(), InMemoryLimits()
    limiter = a_limiter(store, clock, policy=a_policy(calls=None))
    asked = []
    for wait, heard in ((0, None), (3, None), (3, None), (4, Heard(signal=Signal.UNKNOWN)), (0, None)):
        clock.advance(wait)
        before = store.writes
        call(limiter, heard)
        asked.append(store.writes - before)

    assert asked == [1, 0, 1, 1, 1]


def test_a_place_whose_return_was_not_answered_is_asked_for_again() -> None:
    """Four workers share one place, and one answer of the store in twenty is lost: never are two calls under way."""
    for seed in range(30):
        at_work = Workers(policy=a_policy(calls=None, places=1), seed=seed, lost=0.05)
        for number in range(4):
            at_work.work(f"{number}")
        at_work.time.run(60)
        assert at_work.vendor.arrivals
        assert at_work.vendor.peak == 1


def test_a_vendor_that_answers_every_second_call_is_not_taken_for_one_that_is_away() -> None:
    """Ten outages, each after a call that went well and asked nobody, do not open the breaker; five in a row do."""
    clock, store = SettableClock(), InMemoryLimits()
    limiter = a_limiter(store, clock, policy=a_policy(calls=None))
    away = Heard(signal=Signal.OUTAGE, code="503")
    for _ in range(10):
        call(limiter)
        call(limiter, away)
    call(limiter)
    call(limiter)
    for _ in range(5):
        call(limiter, away)

    with pytest.raises(RateLimitedError):
        call(limiter)


def test_other_workers_are_let_go_first_as_long_as_may_be_waited() -> None:
    """Against writes that always come first a call is given up after its budget, and sooner before a deadline."""
    clock, store = SettableClock(), InMemoryLimits()
    taken: list[float] = []
    for seconds in (None, 2.0):
        deadline = Deadline(timer=lambda: clock.now().timestamp())
        limiter = a_limiter(store, clock, limits=Overtaken(store), deadline=deadline)
        began = clock.now()
        with deadline.within(seconds or 1_000), pytest.raises(TransientError, match="at once"):
            call(limiter)
        taken.append((clock.now() - began).total_seconds())

    assert 18 <= taken[0] <= 21
    assert 1 <= taken[1] <= 2.2


@pytest.mark.fault("FM12")
@pytest.mark.parametrize("lease", [LEASE, 60.0])
def test_the_places_of_killed_workers_are_free_again_when_their_leases_end(lease: float) -> None:
    """All five places die with their workers in mid-call; another worker calls at the full rate within the lease."""
    at_work = Workers(policy=a_policy(lease=round(1000 * lease)), seed=3)
    for number in range(5):
        at_work.work(f"{number}", service=600.0)  # a call that the vendor is slow to answer
        at_work.kill(f"{number}", at=30.0)
    at_work.work("heir", begin=29.0)
    at_work.vendor.answer = lambda _: Heard(signal=Signal.FINE)

    at_work.time.run(200)

    heirs = [at for at, who in at_work.vendor.arrivals if who == "heir"]
    assert 30.0 < heirs[0] <= 30.0 + lease + 2.0
    assert at_work.meter.of("PlacesReclaimed") == 5
    assert at_work.vendor.peak == 5
    assert at_work.share(heirs[0] + WINDOW, 200) >= 0.9


def test_a_long_call_keeps_its_place() -> None:
    """A call that lasts four leases is never counted as dead: nobody else gets the only place meanwhile."""
    at_work = Workers(policy=a_policy(places=1), seed=4)
    at_work.work("slow", calls=1, service=4 * LEASE)
    at_work.work("next", begin=1.0)

    at_work.time.run(300)

    second = next(at for at, who in at_work.vendor.arrivals if who == "next")
    assert second >= 4 * LEASE
    assert at_work.vendor.peak == 1
    assert at_work.meter.of("PlacesReclaimed") == 0


# -- lanes


def test_a_waiting_higher_lane_goes_first() -> None:
    """Of a full window the on-demand work takes all it wants; scheduled work takes the rest, bootstrap what is left."""
    at_work = Workers(policy=a_policy(), seed=5)
    at_work.work("bootstrap", lane=Lane.BOOTSTRAP)
    at_work.work("scheduled", lane=Lane.SCHEDULED)
    at_work.work("on demand", begin=60.0, end=160.0)

    at_work.time.run(240)

    before, during, after = (at_work.vendor.between(*part) for part in ((20, 60), (80, 160), (180, 240)))
    assert before["scheduled"] > 5 * before["bootstrap"]
    assert during["on demand"] >= 0.9 * 4 * 50
    assert during["scheduled"] + during["bootstrap"] <= 2
    assert after["scheduled"] >= 0.8 * 3 * 50


def test_on_demand_work_that_comes_now_and_then_does_not_wait_behind_a_backlog() -> None:
    """Beside a bootstrap of eight workers each on-demand call begins within a few seconds."""
    at_work = Workers(policy=a_policy(), seed=6)
    for number in range(8):
        at_work.work(f"bootstrap {number}", lane=Lane.BOOTSTRAP)
    waited: list[float] = []
    for number in range(10):

        def once(name: str = f"on demand {number}", begin: float = 30.0 + 12 * number) -> None:
            limiter = at_work.limiter()
            with limiter.slot("call", "instance"), at_work.vendor.call(name):
                waited.append(at_work.time.now - begin)

        at_work.time.spawn(once, at=30.0 + 12 * number)

    at_work.time.run(170)

    assert len(waited) == 10
    assert max(waited) <= 4.0
    assert at_work.share(30, 150) >= 0.85  # and the backlog still uses what is left


@pytest.mark.pain("P30")
@pytest.mark.parametrize(
    ("calls", "seconds"), [pytest.param(50, 0.3, id="Marketo"), pytest.param(None, 3.0, id="Salesforce, slow calls")]
)
@pytest.mark.parametrize("lane", [Lane.SCHEDULED, Lane.BOOTSTRAP])
def test_two_calls_a_second_overtake_a_load(lane: Lane, calls: int | None, seconds: float) -> None:
    """Beside eight workers that load without a pause, of 200 on-demand calls 95 % begin within 2.5 seconds; after them
    the load goes on."""
    at_work = Workers(policy=a_policy(calls=calls), seed=12, service=lambda dice: dice.uniform(0.05, seconds))
    for number in range(8):
        at_work.work(f"load {number}", lane=lane)
    limiter, waited = at_work.limiter(), list[float]()

    def once(begin: float) -> None:
        with limiter.slot("call", "instance"), at_work.vendor.call("on demand"):
            waited.append(at_work.time.now - begin)

    for number in range(200):
        begin = 30.0 + number / 2
        at_work.time.spawn(partial(once, begin), at=begin)

    at_work.time.run(200)

    assert len(waited) == 200
    assert sorted(waited)[190] <= 2.5
    assert at_work.vendor.between(130, 200).total() > 0.8 * (130 if calls else 70)


def test_nothing_starves_when_higher_lanes_are_quiet() -> None:
    """As soon as on-demand and scheduled work end, the bootstrap goes on at the full rate."""
    at_work = Workers(policy=a_policy(), seed=7)
    at_work.work("on demand", end=100.0)
    at_work.work("scheduled", lane=Lane.SCHEDULED, end=100.0)
    at_work.work("bootstrap", lane=Lane.BOOTSTRAP)

    at_work.time.run(230)

    assert at_work.vendor.between(130, 230)["bootstrap"] >= 0.9 * 5 * 50


@given(
    seed=st.integers(0, 2**32),
    shares=st.tuples(st.integers(1, 100), st.integers(1, 100)),
    calls=st.none() | st.integers(2, 100),
    places=st.integers(1, 10),
    workers=st.tuples(*[st.integers(0, 3)] * 3),
)
@settings(max_examples=40, deadline=None)
def test_no_schedule_makes_a_lane_use_more_than_its_share(
    *, seed: int, shares: tuple[int, int], calls: int | None, places: int, workers: tuple[int, int, int]
) -> None:
    """Whoever has a backlog: no 20 seconds and no moment hold more of a lane's calls than its part of ours, which is
    one at least; and all together no more than is ours."""
    policy = a_policy(calls=calls, places=places, lane_shares=(100, *shares))
    at_work = Workers(policy=policy, seed=seed, travel_seconds=0.2)
    for lane in Lane:
        for number in range(workers[lane]):
            at_work.work(f"{lane.name} {number}", lane=lane, begin=at_work.dice.uniform(0, 5))

    at_work.time.run(70)

    for lane, share in zip((Lane.SCHEDULED, Lane.BOOTSTRAP), shares, strict=True):
        assert calls is None or at_work.vendor.fullest_window(lane.name) <= max(1, calls * share // 100)
        assert at_work.vendor.peaks[lane.name] <= max(1, places * share // 100)
    assert calls is None or at_work.vendor.fullest_window() <= calls
    assert at_work.vendor.peak <= places


@pytest.mark.parametrize(("shares", "least"), [((100, 100, 100), 40), ((100, 40, 20), 0)])
def test_a_lane_s_share_holds_while_nobody_else_calls(shares: tuple[int, int, int], least: int) -> None:
    """Of 50 calls in 20 seconds scheduled work alone takes all; with a share of 40 % it takes 20, nine tenths of them
    at least, spread, and its shares are what keeps it back."""
    at_work = Workers(policy=a_policy(lane_shares=shares), seed=5)
    for number in range(4):
        at_work.work(f"scheduled {number}", lane=Lane.SCHEDULED)

    at_work.time.run(220)

    made = at_work.vendor.between(20, 220).total() / 10
    assert 0.9 * max(least, 20) <= made <= max(50 if least else 20, least)
    assert made >= least


def test_a_share_that_is_used_up_keeps_no_lower_lane_back() -> None:
    """Scheduled work that may take 40 % does, and a bootstrap that may take 20 % most of it; on-demand work beside them
    takes all it wants."""
    at_work = Workers(policy=a_policy(lane_shares=(100, 40, 20)), seed=9)
    for lane in (Lane.SCHEDULED, Lane.BOOTSTRAP):
        for number in range(2):
            at_work.work(f"{lane.name} {number}", lane=lane)
    at_work.work("on demand", begin=120.0)

    at_work.time.run(220)

    of_lane = {
        name: sum(made for who, made in at_work.vendor.between(20, 120).items() if who.startswith(name))
        for name in ("SCHEDULED", "BOOTSTRAP")
    }
    assert 0.9 * 5 * 20 <= of_lane["SCHEDULED"] <= 5 * 20
    # it gives way while scheduled work waits for a place
    assert 0.75 * 5 * 10 <= of_lane["BOOTSTRAP"] <= 5 * 10
    assert at_work.vendor.between(140, 220)["on demand"] >= 0.9 * 4 * 50


def test_those_of_a_lane_take_turns_at_the_places_of_its_share() -> None:
    """Two workers for the one place of a lane's share: neither keeps it from the other."""
    at_work = Workers(policy=a_policy(calls=None, places=10, lane_shares=(100, 10, 100)), seed=4)
    for number in range(2):
        at_work.work(f"{number}", lane=Lane.SCHEDULED)

    at_work.time.run(100)

    made = at_work.vendor.between(0, 100)
    assert at_work.vendor.peak == 1
    assert min(made["0"], made["1"]) >= 0.2 * made.total() > 20


def test_of_twenty_who_are_waited_for_nobody_is_crowded_out() -> None:
    """Twenty processes that call without a pause, as Marketo's connections do: each call begins within 4 seconds."""
    at_work = Workers(policy=a_policy(calls=None, places=20), seed=3, service=lambda dice: dice.uniform(0.01, 0.05))
    waited: list[float] = []

    def process() -> None:
        limiter = at_work.limiter()
        while at_work.time.now < 12:
            begin = at_work.time.now
            with limiter.slot("call", "instance") as place:
                waited.append(at_work.time.now - begin)
                at_work.time.sleep(at_work.dice.uniform(0.01, 0.05))
                place.hear(Heard(signal=Signal.FINE))

    for number in range(20):
        at_work.time.spawn(process, at=number / 100)

    at_work.time.run(30)

    assert len(waited) > 400
    assert max(waited) < 4


# -- what the vendor says


@pytest.mark.fault("FM06")
def test_after_a_full_window_everybody_waits_and_nobody_asks_again_too_early() -> None:
    """One worker hears 606; for 20 s no worker calls, then all go on with less, and in time with the full rate."""
    at_work = Workers(policy=a_policy(), seed=8)
    said: list[float] = []

    def answer(_: str) -> Heard:
        if at_work.time.now > 60 and not said:
            said.append(at_work.time.now)
            return Heard(signal=Signal.RATE, code="606", wait=20_000)
        return Heard(signal=Signal.FINE)

    at_work.vendor.answer = answer
    for number in range(4):
        at_work.work(f"{number}")

    at_work.time.run(400)

    (told,) = said
    quiet = at_work.vendor.between(told + 1.0, told + 19.0)
    assert quiet.total() <= 4  # starts that were promised before
    assert at_work.share(told + 20, told + 40) <= 0.75
    assert at_work.share(300, 400) >= 0.9


@pytest.mark.fault("FM11")
def test_after_too_many_calls_at_once_fewer_are_made_and_recover_later() -> None:
    """615 because of others: at most two of ours are in flight afterwards, and five again some minutes later."""
    at_work = Workers(policy=a_policy(calls=None), seed=9, service=lambda dice: dice.uniform(1.0, 2.0))
    others = [True]

    def answer(_: str) -> Heard:
        if others[0] and at_work.vendor.in_flight == 5:
            others[0] = False
            return Heard(signal=Signal.PLACES, code="615", wait=1_000)
        return Heard(signal=Signal.FINE)

    at_work.vendor.answer = answer
    for number in range(8):
        at_work.work(f"{number}")
    at_work.time.run(10)
    assert at_work.vendor.peak == 5
    at_work.vendor.peak = 0
    at_work.time.run(20)
    assert at_work.vendor.peak == 2
    at_work.vendor.peak = 0
    at_work.time.run(200)
    assert at_work.vendor.peak == 5


@pytest.mark.fault("FM08")
def test_while_the_vendor_is_away_only_probes_ask() -> None:
    """Of ten minutes in which every call is answered 608 the vendor sees a handful of calls, and is back soon after."""
    at_work = Workers(policy=a_policy(), seed=10)
    away = Heard(signal=Signal.OUTAGE, code="608", wait=2_000)
    at_work.vendor.answer = lambda _: away if 60 <= at_work.time.now < 660 else Heard(signal=Signal.FINE)
    for number in range(5):
        at_work.work(f"{number}")

    at_work.time.run(1_200)

    assert at_work.vendor.between(60, 65).total() <= 20
    assert at_work.vendor.between(65, 660).total() <= 6
    back = min(at for at, _ in at_work.vendor.arrivals if at >= 660)
    assert back <= 660 + 300
    assert at_work.share(back + 20, 1_200) >= 0.9
    assert at_work.meter.of("BreakerOpened") >= 1
    assert at_work.refused["608"] > 0


@pytest.mark.fault("FM07")
@pytest.mark.pain("P20")
def test_a_spent_quota_is_asked_about_once_an_hour_by_one_of_all_workers() -> None:
    """Eight workers, a quota raised in the sixth hour: 607 is answered about once an hour, then all go on at once."""
    clock = SettableClock()
    store = InMemoryLimits()
    workers = [a_limiter(store, clock) for _ in range(8)]
    raised_at = clock.now() + timedelta(hours=5, minutes=30)
    asked: list[datetime] = []
    done: Counter[int] = Counter()

    for _ in range(60 * 7):
        for number, limiter in enumerate(workers):
            with suppress(QuotaExhaustedError), limiter.slot("op", "instance") as place:
                if clock.now() < raised_at:
                    asked.append(clock.now())
                    place.hear(Heard(signal=Signal.QUOTA, code="607"))
                else:
                    done[number] += 1
                    place.hear(Heard(signal=Signal.FINE))
        clock.advance(60)

    assert [round((at - asked[0]) / timedelta(hours=1)) for at in asked] == list(range(6))
    assert all(later - sooner >= timedelta(hours=1) for sooner, later in pairwise(asked))
    assert len(done) == 8


def test_a_prober_that_dies_does_not_let_the_others_ask() -> None:
    """A probe that never came back is followed by the next one an hour later, by anybody."""
    clock, store = SettableClock(), InMemoryLimits()
    first, second = a_limiter(store, clock), a_limiter(store, clock)
    call(first, Heard(signal=Signal.QUOTA, code="607"))
    clock.advance(3_600)
    with pytest.raises(KeyboardInterrupt), first.slot("op", "instance"):
        raise KeyboardInterrupt  # the process dies: nothing is told but the place
    store.swap("marketo#instance", _still_probing(store), store.read("marketo#instance")[1])
    clock.advance(60)

    with pytest.raises(QuotaExhaustedError) as caught, second.slot("op", "instance"):
        pass

    assert caught.value.probe_at is not None
    clock.set(caught.value.probe_at)
    call(second)
    call(first)


def _still_probing(store: InMemoryLimits) -> State:
    """The state as the prober left it, had it not even given its place back."""
    return store.read("marketo#instance")[0]


def test_instances_have_budgets_of_their_own_and_workers_share_them() -> None:
    """Four calls of two workers fill one instance's window for both; another instance is untouched by that."""
    clock, store = SettableClock(), InMemoryLimits()
    one, other = (a_limiter(store, clock, policy=a_policy(calls=4), budget_seconds=9.0) for _ in range(2))
    for _ in range(2):
        call(one)
        call(other)
    with pytest.raises(RateLimitedError) as caught, other.slot("op", "instance"):
        pass
    assert (caught.value.code, caught.value.vendor, caught.value.operation) == ("own_limit", "marketo", "op")
    assert caught.value.retry_after_seconds > 9.0
    call(other, instance="another")


# -- a store that is away, threads, clocks


class AwayLimits(InMemoryLimits):
    """A store that answers as told: True for yes."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = True

    def read(self, instance: str) -> tuple[State, int]:
        self._fail()
        return super().read(instance)

    def swap(self, instance: str, state: State, version: int) -> tuple[State, int] | None:
        self._fail()
        return super().swap(instance, state, version)

    def _fail(self) -> None:
        if not self.answers:
            raise TransientError("throttled", vendor="aws", operation="UpdateItem", code="ThrottlingException")


@pytest.mark.parametrize("begun", [False, True], ids=["from the start", "in between"])
def test_no_call_is_made_while_the_store_is_away(begun: bool) -> None:
    """Without the shared state nobody knows what is allowed, so the call is refused as passing trouble of ours."""
    clock, store = SettableClock(), AwayLimits()
    limiter = a_limiter(store, clock)
    if begun:
        call(limiter)
    store.answers = False

    with pytest.raises(TransientError) as caught, limiter.slot("op", "instance"):
        pytest.fail("the call was made")

    assert (caught.value.vendor, caught.value.code) == ("aws", "ThrottlingException")
    store.answers = True
    call(limiter)


def test_a_call_that_was_made_is_not_spoilt_by_a_store_that_went_away() -> None:
    """What the vendor said cannot be stored after the call; nothing is raised, and the next call tells it first."""
    clock, store = SettableClock(), AwayLimits()
    limiter, other = a_limiter(store, clock), a_limiter(store, clock)
    with limiter.slot("op", "instance") as place:
        store.answers = False
        place.hear(Heard(signal=Signal.QUOTA, code="607"))
    store.answers = True

    with pytest.raises(QuotaExhaustedError), limiter.slot("op", "instance"):
        pass
    with pytest.raises(QuotaExhaustedError), other.slot("op", "instance"):
        pass


def test_threads_of_one_process_hold_places_of_their_own() -> None:
    """Two threads with real time hold two places at once; a third call finds none."""
    store = InMemoryLimits()
    clock = SettableClock()
    limiter = a_limiter(store, clock, policy=a_policy(places=2), budget_seconds=0.5)
    inside, leave = threading.Semaphore(0), threading.Event()

    def hold_a_place() -> None:
        with limiter.slot("first", "instance"):
            inside.release()
            leave.wait(10)

    threads = [threading.Thread(target=hold_a_place) for _ in range(2)]
    for thread in threads:
        thread.start()
        assert inside.acquire(timeout=10)
    with pytest.raises(RateLimitedError) as caught, limiter.slot("third", "instance"):
        pass
    leave.set()
    for thread in threads:
        thread.join(10)
    assert caught.value.code == "own_places"
    call(limiter)


def test_a_place_is_freed_when_a_call_raises() -> None:
    """A failed call leaves its place, and its start still counts."""
    clock, store = SettableClock(), InMemoryLimits()
    limiter, other = (a_limiter(store, clock, policy=a_policy(places=1), budget_seconds=1.0) for _ in range(2))
    with pytest.raises(KeyError), limiter.slot("op", "instance"):
        raise KeyError
    limiter.give_back()
    call(other)
    assert len(store.read("marketo#instance")[0].calls) == 2


def test_a_worker_that_goes_to_sleep_gives_its_place_back() -> None:
    """A kept place blocks others until its lease ends, unless it is given back."""
    clock, store = SettableClock(), InMemoryLimits()
    one, other = (a_limiter(store, clock, policy=a_policy(places=1), budget_seconds=1.0) for _ in range(2))
    call(one)
    with pytest.raises(RateLimitedError), other.slot("op", "instance"):
        pass
    one.give_back()
    call(other)


def test_a_clock_set_back_does_not_lock_calls_out() -> None:
    """Calls and places noted in a future that never came are forgotten (local stack)."""
    clock, store = SettableClock(), InMemoryLimits()
    policy = a_policy(calls=1, places=1)
    call(a_limiter(store, clock, policy=policy))
    clock.advance(-AHEAD / 1000 - 3_600)
    call(a_limiter(store, clock, policy=policy, budget_seconds=0.5))


def test_a_repeated_action_ends_with_its_context() -> None:
    """It runs while the context is open, from another thread, and not once afterwards."""
    seen = threading.Semaphore(0)
    threads: list[str] = []

    def action() -> None:
        threads.append(threading.current_thread().name)
        seen.release()

    with repeating(0.001, action):
        assert seen.acquire(timeout=10)
        assert seen.acquire(timeout=10)
    number = len(threads)
    assert threading.current_thread().name not in threads
    assert len(threads) == number


def test_what_is_worth_watching_is_metered() -> None:
    """Waited seconds, free places, a parked quota and an opened breaker reach the meter."""
    clock, store, meter = SettableClock(), InMemoryLimits(), RecordingMeter()
    limiter = a_limiter(store, clock, meter=meter, policy=a_policy(calls=2))
    for _ in range(3):
        call(limiter)
    assert meter.of("RateWaitSeconds", vendor="marketo") > 0
    assert meter.gauges["VendorPlacesFree"] == 4
    call(limiter, Heard(signal=Signal.QUOTA, code="607"))
    assert meter.of("QuotaParked", vendor="marketo") == 1
    assert meter.gauges["VendorQuotaLeftPercent"] == 0
    clock.advance(12 * 3_600)
    call(limiter)
    for _ in range(5):
        call(limiter, Heard(signal=Signal.OUTAGE, code="608"))
    assert meter.of("BreakerOpened", vendor="marketo") == 1


def test_the_same_seed_gives_the_same_schedule() -> None:
    """A schedule can be played again: every arrival is at the same time by the same worker."""

    def arrivals(seed: int) -> list[tuple[float, str]]:
        at_work = Workers(policy=a_policy(), seed=seed, skew_seconds=random.Random(seed).random() / 4)
        for number in range(4):
            at_work.work(f"{number}")
        at_work.time.run(40)
        return at_work.vendor.arrivals

    assert arrivals(3) == arrivals(3) != arrivals(4)
