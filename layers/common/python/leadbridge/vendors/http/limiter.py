"""What keeps our calls inside a vendor's limits: every worker asks the shared state before each call.

`domain.limits` decides; here the state is read, swapped and waited on. Undisturbed, a call costs one conditional
write: a place is kept from call to call, and what a call has shown is told with the next one.
"""

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, Protocol

from leadbridge.domain.limits import (
    LOOK,
    RESERVE,
    Ended,
    Gate,
    Grant,
    Heard,
    Lane,
    Policy,
    Refused,
    Signal,
    State,
    Wait,
    give_back,
    goes_on,
    millis,
    moment,
    renew,
    take,
)
from leadbridge.errors import QuotaExhaustedError, RateLimitedError, TransientError
from leadbridge.ports import Limits, Meter
from leadbridge.vendors.http.deadline import Deadline

#: tries against other workers' writes before a change is given up that somebody waits for, and one that nobody does;
#: each costs milliseconds
ENTRIES, SWAPS = 200, 30
#: milliseconds for which one steps aside for other workers, at the longest
LONGEST_ASIDE = 400
#: milliseconds after which one who waits for others looks again, at the latest
LONGEST_LOOK = 1_000
#: what is told at once, and not with the next call: others must know, or nobody may call any more
_URGENT = frozenset({Signal.RATE, Signal.PLACES, Signal.QUOTA, Signal.OUTAGE})


type Beat = Callable[[float, Callable[[], None]], AbstractContextManager[None]]


@contextmanager
def repeating(seconds: float, action: Callable[[], None]) -> Iterator[None]:
    """While open, `action` runs again and again from another thread, for the first time after `seconds`."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(seconds):
            action()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()  # an action under way must not come after what follows


class Place(Protocol):
    """Leave to make one call."""

    def hear(self, heard: Heard) -> None:
        """Tell what was learnt of the limits from the call."""
        ...


class Limiter(Protocol):
    """Gives places for calls."""

    def slot(self, operation: str, instance: str) -> AbstractContextManager[Place]:
        """Hold one place for one call of a vendor instance; waits a bounded time.

        Raises:
            RateLimitedError: The wait would be longer than the limiter's budget, or the vendor is away.
            QuotaExhaustedError: The day's calls are spent, or left to others.
            TransientError: What the workers know together cannot be read or changed.
        """
        ...


@dataclass(slots=True)
class _Hold:
    """A place of this process: its name, when it was granted last, and the call whose end is still to be told."""

    name: str
    granted_at: int = 0
    ended: Ended | None = None


class _Call:
    """`Place` that remembers what was heard."""

    def __init__(self) -> None:
        self.heard = Heard(signal=Signal.UNKNOWN)

    def hear(self, heard: Heard) -> None:
        """Tell what was learnt of the limits from the call."""
        self.heard = heard


class SharedLimiter:
    """`Limiter` for one vendor and one lane of work; safe to share between threads."""

    def __init__(
        self,
        *,
        limits: Limits,
        policy: Policy,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        meter: Meter,
        lane: Lane = Lane.ON_DEMAND,
        budget_seconds: float = 20.0,
        jitter: Callable[[], float] = random.random,
        beat: Beat = repeating,
        deadline: Deadline | None = None,
    ) -> None:
        """`budget_seconds` is the longest that one call may wait; what would wait longer is refused.

        So is what would wait beyond `deadline`.
        """
        self._limits = limits
        self._policy = policy
        self._clock = clock
        self._sleep = sleep
        self._meter = meter
        self._lane = lane
        self._budget = budget_seconds
        self._jitter = jitter
        self._beat = beat
        self._deadline = deadline or Deadline()
        self._lock = threading.Lock()
        self._known: dict[str, tuple[State, int]] = {}
        self._idle: dict[str, list[_Hold]] = {}
        #: instances where nobody else has written of late: what was written last is still the state
        self._alone: set[str] = set()

    @contextmanager
    def slot(self, operation: str, instance: str) -> Iterator[Place]:
        """Hold one place for one call of a vendor instance; waits a bounded time."""
        instance = f"{self._policy.vendor}#{instance}"
        hold = self._hold(instance)
        before = hold.ended
        again = goes_on(self._policy, lane=self._lane, granted_at=hold.granted_at, ended=before, now=self._now())
        try:
            grant = None if again else self._enter(operation, instance, hold)
        except BaseException:
            self._keep(instance, hold)  # its last call may still be untold
            raise
        call = _Call()
        try:
            with self._beat(self._policy.lease / 3000, lambda: self._renew(instance, hold)):
                yield call
        finally:
            hold.ended = Ended(at=self._now(), heard=call.heard, after_fine=again)
            urgent = call.heard.signal in _URGENT or (grant is not None and (grant.probe or grant.crowded))
            if not (urgent and self._leave(instance, hold)):
                self._keep(instance, hold)

    def work_in(self, lane: Lane) -> None:
        """Whose work the next calls do."""
        self._lane = lane

    def give_back(self) -> None:
        """Give back the places that are kept for a next call; a worker that goes to sleep has none."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for instance, holds in idle.items():
            for hold in holds:
                self._leave(instance, hold)

    # entering

    def _enter(self, operation: str, instance: str, hold: _Hold) -> Grant:
        """Obtain the leave to call, waiting as long as the budget allows."""
        known, fresh = self._latest(instance)
        waited = 0.0
        conflicts = looks = 0
        while True:
            now = self._now()
            state, decision = take(known[0], self._policy, holder=hold.name, lane=self._lane, now=now, ended=hold.ended)
            if not fresh and not isinstance(decision, Grant):
                known, fresh = self._read(instance), True
                continue
            if isinstance(decision, Wait) and decision.wait / 1000 > min(self._budget - waited, self._deadline.left()):
                raise self._limited(operation, decision.code, decision.wait)
            if isinstance(decision, Grant) or decision.announce:
                refusal = self._swap(instance, known, state, hold)
                if refusal is not None:
                    self._alone.discard(instance)
                    conflicts += 1
                    if conflicts >= ENTRIES or waited >= min(self._budget, self._deadline.left()):
                        raise TransientError(
                            "too many workers ask at once", vendor="aws", operation=operation, code="limits_contended"
                        )
                    known, aside = self._step_aside(instance, refusal, conflicts, self._now() - now)
                    fresh, waited = True, waited + aside
                    continue
                hold.ended = None
                hold.granted_at = decision.at if isinstance(decision, Grant) else 0
                known = (state, known[1] + 1)
            if isinstance(decision, Refused):
                self._refuse(operation, decision.gate, now)
            if isinstance(decision, Grant):
                if decision.at > now:
                    waited += self._pause(decision.at - now, exact=True)
                self._tell(decision, waited)
                return decision
            # who has looked in vain looks less often
            looks += 1
            waited += self._pause(max(decision.wait, min(LONGEST_LOOK, LOOK * looks)), exact=False)
            known = self._read(instance)

    def _step_aside(
        self, instance: str, refusal: tuple[State, int], conflicts: int, took: int
    ) -> tuple[tuple[State, int], float]:
        """What to try on after another worker was faster, and for how many seconds it was let go first.

        What stood in the way is as fresh as can be, so it is tried on at once. Every second time others go first, the
        longer the slower the store is (`took` milliseconds) and the more often; then what stands there by now is read.
        """
        if conflicts % 2:
            return refusal, 0.0
        longest = min(LONGEST_ASIDE, max(2, took) * 2 ** (conflicts // 2))
        waited = self._pause(longest * self._jitter(), exact=True)
        return self._read(instance), waited

    def _pause(self, wait: float, *, exact: bool) -> float:
        """Sleep for milliseconds, a little longer if others wait for the same; returns seconds."""
        seconds = wait / 1000 * (1 if exact else 1 + self._jitter() / 10)
        self._sleep(seconds)
        return seconds

    def _refuse(self, operation: str, gate: Gate, now: int) -> NoReturn:
        """Refuse a call that the shut gate lets nobody make.

        Raises:
            QuotaExhaustedError: The gate is shut for the quota.
            RateLimitedError: It is shut for an outage.
        """
        if gate.signal is not Signal.QUOTA:
            raise self._limited(operation, gate.code, gate.probe_at - now)
        why = "the rest of the day's calls is left to other integrations" if gate.code == RESERVE else "spent"
        raise QuotaExhaustedError(
            f"{why}; one call an hour asks again, this was none",
            resets_at=moment(gate.until),
            probe_at=moment(gate.probe_at),
            vendor=self._policy.vendor,
            operation=operation,
            code=gate.code,
        )

    def _limited(self, operation: str, code: str, wait: int) -> RateLimitedError:
        return RateLimitedError(
            "no call was made, to keep the vendor's limits",
            retry_after_seconds=wait / 1000,
            vendor=self._policy.vendor,
            operation=operation,
            code=code,
        )

    # while a call lasts, and after it

    def _renew(self, instance: str, hold: _Hold) -> None:
        # without an answer the place may end early; the next beat makes that good
        with suppress(TransientError):
            self._change(instance, hold, lambda state: renew(state, self._policy, holder=hold.name, now=self._now()))

    def _leave(self, instance: str, hold: _Hold) -> bool:
        """Tell of the last call and give the place back; False if the store is away, then the next call tells."""
        now, ended = self._now(), hold.ended
        hold.granted_at = 0  # also without an answer the place may be another's
        try:
            self._change(
                instance, hold, lambda state: give_back(state, self._policy, holder=hold.name, now=now, ended=ended)
            )
        except TransientError:
            return False
        return True

    def _tell_shut(self, gate: Gate) -> None:
        if gate.signal is Signal.QUOTA:
            self._meter.count("QuotaParked", vendor=self._policy.vendor)
            self._meter.gauge("VendorQuotaLeftPercent", 0)
        else:
            self._meter.count("BreakerOpened", vendor=self._policy.vendor)

    def _tell(self, grant: Grant, waited: float) -> None:
        self._meter.gauge("VendorPlacesFree", grant.free)
        if waited:
            self._meter.count("RateWaitSeconds", waited, vendor=self._policy.vendor)

    # the shared state

    def _change(self, instance: str, hold: _Hold, change: Callable[[State], State]) -> None:
        """Make a change that is possible in any state.

        Raises:
            TransientError: The store is away, or others were faster every time.
        """
        known, _ = self._latest(instance)
        for conflicts in range(1, SWAPS + 1):
            began = self._now()
            refusal = self._swap(instance, known, change(known[0]), hold)
            if refusal is None:
                return
            known, _ = self._step_aside(instance, refusal, conflicts, self._now() - began)
        raise TransientError("too many workers write at once", vendor="aws", code="limits_contended")

    def _latest(self, instance: str) -> tuple[tuple[State, int], bool]:
        """What is known, and whether it has just been read; while others write too, it is read each time."""
        with self._lock:
            before = self._known.get(instance)
        if before is not None and instance in self._alone:
            return before, False
        known = self._read(instance)
        if before is None or before[1] == known[1]:
            self._alone.add(instance)
        return known, True

    def _read(self, instance: str) -> tuple[State, int]:
        known = self._limits.read(instance)
        with self._lock:
            self._known[instance] = known
        return known

    def _swap(self, instance: str, known: tuple[State, int], state: State, hold: _Hold) -> tuple[State, int] | None:
        before, version = known
        refusal = self._limits.swap(instance, state, version)
        with self._lock:
            self._known[instance] = refusal or (state, version + 1)
        reclaimed = before.held.keys() - state.held.keys() - {hold.name}
        if reclaimed and refusal is None:  # their holders did not come back in time
            self._meter.count("PlacesReclaimed", len(reclaimed), vendor=self._policy.vendor)
        if before.gate is None and state.gate is not None and refusal is None:
            self._tell_shut(state.gate)
        return refusal

    def _hold(self, instance: str) -> _Hold:
        with self._lock:
            idle = self._idle.get(instance)
            return idle.pop() if idle else _Hold(os.urandom(6).hex())

    def _keep(self, instance: str, hold: _Hold) -> None:
        with self._lock:
            self._idle.setdefault(instance, []).append(hold)

    def _now(self) -> int:
        return millis(self._clock())
