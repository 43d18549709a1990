"""Calls of a campaign beside a load of a hundred thousand rows into each vendor, all of it on one virtual time.

The intake, the drainer and what runs a batch are the product's, and so is the limiter of every worker; the vendors see
arrivals. What AWS and the networks take is made up, and on the slow side.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from math import ceil

import pytest

from leadbridge.domain.limits import Heard, Lane, Policy, Signal
from leadbridge.vendors.http.limiter import SharedLimiter
from tests.builders.world import World
from tests.fakes.clock import NOON, SettableClock
from tests.fakes.trouble import CallFault, Row, Trouble
from tests.fakes.workers import VirtualTime, Workers

WEBHOOKS, PER_SECOND = 200, 2
#: when the first of them comes: the load is at its full pace by then
BEGIN = 30.0
ROWS = 100_000
#: rows of one call, from the vendors' limits, each of which is looked for and written; and workers of a load
ROWS_OF_CALL = {"salesforce": 200, "marketo": 300}
LOADING = 5
#: seconds that a call takes, and from the webhook's answer to the table, and to the start of a function
SERVICE, INTAKE, START = (0.1, 0.6), (0.1, 0.6), (0.1, 0.6)
#: and one of the load, whose calls are full
LOAD_SERVICE = 1.0
MOST_P95_SECONDS = 5.0


class VirtualClock(SettableClock):
    """The virtual time as the use-cases' clock, whose sleep lets others go on."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__()
        self._time = time

    def now(self) -> datetime:
        """The virtual time."""
        return NOON + timedelta(seconds=self._time.now)

    def sleep(self, seconds: float) -> None:
        """Let others go on."""
        self._time.sleep(max(seconds, 0.001))


class Calling(Trouble):
    """Calls of a vendor double that go through the limiter and take their time; notes when rows arrive."""

    def __init__(self, vendor: str, instance: Workers, limiter: SharedLimiter) -> None:
        super().__init__(vendor)
        self._instance = instance
        self._limiter = limiter
        #: when the first write of each address came
        self.arrived: dict[str, float] = {}

    def begin(self, operation: str, rows: Sequence[Row] = ()) -> CallFault | None:
        """Make the call when the limiter lets it."""
        at_work = self._instance
        with self._limiter.slot(operation, "instance") as place:
            at_work.time.sleep(at_work.dice.uniform(0, at_work.travel_seconds))
            with at_work.vendor.call("campaign"):
                for row in rows:
                    self.arrived.setdefault(str(row.get("Email", "")), at_work.time.now)
                at_work.time.sleep(at_work.service(at_work.dice))
            place.hear(Heard(signal=Signal.FINE))
        return super().begin(operation, rows)


class Beside(World):
    """A world whose calls share the vendors' limits with a load."""

    def __init__(self, lane: Lane) -> None:
        """Nothing has begun; `lane` is the load's."""
        self.time = VirtualTime()
        super().__init__(clock=VirtualClock(self.time))
        policies = {
            "marketo": Policy(vendor="marketo", calls=50, places=5, quota_returns=_tomorrow),
            "salesforce": Policy(vendor="salesforce", calls=None, places=20, quota_returns=_tomorrow),
        }
        self.instances = {
            vendor: Workers(policy=policy, seed=3, time=self.time, service=lambda dice: dice.uniform(*SERVICE))
            for vendor, policy in policies.items()
        }
        self.calls_of_load = {vendor: 2 * ceil(ROWS / ROWS_OF_CALL[vendor]) for vendor in policies}
        for vendor, instance in self.instances.items():
            for number in range(LOADING):
                own = len(range(number, self.calls_of_load[vendor], LOADING))
                instance.work(f"load {number}", lane=lane, calls=own, service=LOAD_SERVICE)
        own_limiters = {vendor: instance.limiter() for vendor, instance in self.instances.items()}
        self.limiters = list(own_limiters.values())
        self.written = Calling("salesforce", self.instances["salesforce"], own_limiters["salesforce"])
        self.salesforce.trouble = self.written
        self.marketo.trouble = Calling("marketo", self.instances["marketo"], own_limiters["marketo"])
        #: when each address came by webhook
        self.sent: dict[str, float] = {}

    def webhook(self, number: int) -> None:
        """One call: stored a while later, and the lane is rung for."""
        email = f"person{number}@example.com"
        self.sent[email] = self.time.now
        self._after(INTAKE)
        self.receive(1 + number, email=email)
        rung, self.bell.rung = self.bell.rung, []
        for _ in rung:
            self.time.spawn(self._worker, at=self.time.now)

    def _worker(self) -> None:
        self._after(START)
        self.drain()
        # as a function does at its end
        for limiter in self.limiters:
            limiter.give_back()

    def _after(self, seconds: tuple[float, float]) -> None:
        self.time.sleep(self.instances["salesforce"].dice.uniform(*seconds))


def _tomorrow(now: datetime) -> datetime:
    return now + timedelta(days=1)


@pytest.mark.cap("M156")
@pytest.mark.parametrize("lane", [Lane.SCHEDULED, Lane.BOOTSTRAP])
def test_two_webhooks_a_second_are_at_salesforce_within_five_seconds_while_rows_load(lane: Lane) -> None:
    """Of two hundred 95 % within five seconds from the webhook on, each once; the load goes on beside and behind them,
    makes every call of its own, and no limit is broken."""
    world = Beside(lane)
    for number in range(WEBHOOKS):
        world.time.spawn(partial(world.webhook, number), at=BEGIN + number / PER_SECOND)
    end = BEGIN + WEBHOOKS / PER_SECOND

    world.time.run(end)
    for vendor, instance in world.instances.items():
        loaded = _of_load(instance, BEGIN, end)
        assert loaded > 0, vendor
        assert _of_load(instance, 0, end) < world.calls_of_load[vendor], f"{vendor} was through too early"
    world.time.run(900)

    waited = sorted(world.written.arrived[email] - at for email, at in world.sent.items())
    assert len(waited) == WEBHOOKS
    assert waited[ceil(0.95 * WEBHOOKS) - 1] < MOST_P95_SECONDS
    assert world.outcomes() == {"created": WEBHOOKS}
    for vendor, instance in world.instances.items():
        assert _of_load(instance, 0, 900) == world.calls_of_load[vendor]
        assert instance.vendor.peak <= instance.policy.places
    assert world.instances["marketo"].vendor.fullest_window() <= 50


def _of_load(instance: Workers, begin: float, end: float) -> int:
    """Calls of the load in a stretch of time."""
    return sum(number for who, number in instance.vendor.between(begin, end).items() if who.startswith("load"))
