"""What may be asked of one vendor instance, and when. Pure: the state and a wish in, the new state and the answer out.

All workers share one `State` per instance. Every change is a new state for a compare-and-swap, so that two workers
never decide on the same one. Instants are whole milliseconds since 1970, from the clock of the worker that asks.

The window is safe without trust in travel times: a call counts from the moment at which it may have arrived *first*
(its start) against all that may have arrived *last* within the window before (their answer, or `TRAVEL` after the
start while there is none). `MARGIN` is left for clocks that differ.
"""

from bisect import bisect_right, insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum

from leadbridge.domain.evolving import replace

SECOND = 1_000
HOUR = 3_600 * SECOND
#: workers' clocks may differ by half of this without a window that holds too much; costs 2.4 % of the rate
MARGIN = 500
#: a call that is not answered yet has arrived by now (its connection would have timed out)
TRAVEL = 5 * SECOND
#: entries so far ahead of the clock are left over from a clock that was set back (local stack)
AHEAD = 60 * SECOND
#: so far ahead a start is promised: far enough that all places can queue for a start, one write each
PROMISE = 2_500
#: lower lanes are promised less, so that a higher one never waits long behind them
LOWER_PROMISE = 1 * SECOND
#: how often a call that waits for a place, a higher lane or a probe looks again
LOOK = 250
#: a lane that waits is known to wait for so long after it wanted to come back
GRACE = 2 * SECOND
#: a spent quota is asked about this often, by one call of all workers
QUOTA_PROBE = HOUR
#: refusals in a row that say "not available" before nobody asks any more
OUTAGES = 5
#: pause before the first question after an outage began; it doubles up to the last
FIRST_PROBE, LAST_PROBE = 30 * SECOND, 300 * SECOND
#: an allowance that was lowered after a limit answer grows by a tenth (at least by one) so often
RECOVERY = 20 * SECOND
#: code of a gate that we shut ourselves, because the rest of the day's calls is others'
RESERVE = "reserve"
#: why a call waits that only its lane's share keeps back
LANE_SHARE = "lane_share"
#: a lane without a share of its own may use all that is ours
WHOLE = 100


class Lane(IntEnum):
    """Whose work it is; a lower number goes first."""

    ON_DEMAND = 0
    SCHEDULED = 1
    BOOTSTRAP = 2


class Signal(StrEnum):
    """What an answer says about the instance's limits."""

    FINE = "fine"  # the vendor is there and let the call in, whatever it said
    RATE = "rate"  # the window is full
    PLACES = "places"  # too many calls at the same time
    QUOTA = "quota"  # the day's calls are spent
    OUTAGE = "outage"  # the vendor is away
    UNKNOWN = "unknown"  # no usable answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was learnt from one call. `used` of `allowed`: the instance's calls of the day, if the vendor told."""

    signal: Signal
    code: str = ""
    wait: int = 0
    used: int | None = None
    allowed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A call that is over: when, and what was learnt; `after_fine`: one before it that was not told went well."""

    at: int
    heard: Heard
    after_fine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A vendor's limits as far as they are ours to use.

    `calls` per `window` (None: no such limit) and `places` at the same time; `day_calls` of a day that ends at
    `day_ends(now)`, of which `reserve_percent` are left to others. Without `day_ends` the day rolls, and calls
    and allocation are what the vendor tells. `quota_returns(now)` is when a spent quota may be filled up again.
    `lane_shares`: per cent of calls and places that each lane uses at most, in the lanes' order.
    """

    vendor: str
    calls: int | None
    places: int
    quota_returns: Callable[[datetime], datetime]
    day_ends: Callable[[datetime], datetime] | None = None
    day_calls: int | None = None
    reserve_percent: float = 0
    lane_shares: tuple[int, int, int] = (WHOLE, WHOLE, WHOLE)
    window: int = 20 * SECOND
    lease: int = 15 * SECOND

    def told(self) -> list[str]:
        """It in words, a part for each limit; lanes without a share of their own are not named."""
        rate = [f"{self.calls} calls in {self.window // SECOND} seconds"] if self.calls is not None else []
        day = [f"{self.day_calls:,} calls a day"] if self.day_calls is not None else []
        kept = [f"{self.reserve_percent:g} % of the day left to others"] if self.reserve_percent else []
        shares = [
            f"{lane.name.lower()} work at most {share} %"
            for lane, share in zip(Lane, self.lane_shares, strict=True)
            if share != WHOLE
        ]
        return [*rate, f"{self.places} at the same time", *day, *kept, *shares]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A place: until when without renewal, when its latest call began, and where that stands in the window.

    `entry` is 0 once the call was answered, or where there is no window; `lane` is told of lanes with a share.
    """

    until: int
    began: int = 0
    entry: int = 0
    lane: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A shut gate: nobody calls, but for one probe at `probe_at`, whose success opens it.

    `until` is the instant people are shown; `prober` holds the probe's place while it is on its way.
    """

    signal: Signal
    code: str
    until: int
    probe_at: int
    tries: int = 1
    prober: str = ""
    probing_until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A limit that was lowered after a limit answer, and since when it grows back."""

    value: int
    since: int


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that is known of one instance; the empty state is that of one nobody has called yet.

    `calls` are the latest arrivals of the window's calls in order, `last` the latest start, `wanted` until when
    a lane is known to wait, `crowded_until` the same of anybody who waits for a place, `used` of `allowed` the
    calls of the day that ends at `day_ends`, `begun` the starts of the window's calls by lane, of lanes with a share.
    """

    calls: tuple[int, ...] = ()
    last: int = 0
    held: Mapping[str, Held] = field(default_factory=dict)
    wanted: Mapping[int, int] = field(default_factory=dict)
    crowded_until: int = 0
    paused_until: int = 0
    paused_code: str = ""
    rate: Allowance | None = None
    places: Allowance | None = None
    used: int = 0
    allowed: int | None = None
    day_ends: int = 0
    outages: int = 0
    gate: Gate | None = None
    begun: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The call may begin at `at`.

    `crowded`: others wait for a place, so this one is to be given back right after the call; `free`: places left.
    """

    at: int
    probe: bool = False
    crowded: bool = False
    free: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Ask again after `wait`; `announce`: the new state tells the others that this lane waits, so write it."""

    wait: int
    code: str
    announce: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Do not wait: the gate is shut. `announce`: it has just been shut, so write the new state."""

    gate: Gate
    announce: bool = False


type Decision = Grant | Wait | Refused


def millis(at: datetime) -> int:
    """An aware instant in milliseconds."""
    return round(at.timestamp() * SECOND)


def moment(at: int) -> datetime:
    """The instant of a number of milliseconds, in UTC."""
    return datetime.fromtimestamp(at / SECOND, UTC)


def take(
    state: State, policy: Policy, *, holder: str, lane: Lane, now: int, ended: Ended | None = None
) -> tuple[State, Decision]:
    """A wish to begin a call: the state with it, and when it may begin or why not.

    `holder` keeps its place from one call to the next; `ended` tells of its previous call, so that a worker's
    call costs one write. A state that comes with a decision without `announce` need not be written unless it is a
    `Grant`; what `ended` told is then to be told again.
    """
    before = state
    state = _tidy(state, policy, now)
    if ended is not None:
        state = _learn(state, policy, holder, ended)
    state = _guard_reserve(state, policy, now)
    gate = state.gate
    if gate is not None:
        if gate.prober not in ("", holder) and gate.probing_until > now:
            return state, Wait(wait=LOOK, code=gate.code, announce=False)
        if gate.probe_at > now:
            return state, Refused(gate=gate, announce=before.gate is None)
    at, code = _earliest(state, policy, now)
    promise = PROMISE if lane is Lane.ON_DEMAND else LOWER_PROMISE
    obstacle = _obstacle(state, policy, holder, lane, now) or (code if at - now > promise else "")
    if not obstacle and (kept := _kept_back(state, policy, holder, lane, now)) is not None:
        return kept
    if obstacle:
        wait = LOOK if obstacle != code else max(LOOK, at - now - promise)
        known = state.wanted.get(lane, 0)
        if obstacle == "own_places":
            known = min(known, state.crowded_until)
            state = replace(state, crowded_until=now + wait + GRACE)
        return _wanting(state, lane, now + wait + GRACE), Wait(wait=wait, code=obstacle, announce=known < now + wait)
    waits, at = at > now, max(at, _earliest_of_share(state, policy, lane, now))
    state = _granted(state, policy, holder, lane, at)
    if waits and _earliest_of_share(state, policy, lane, now) <= at:
        # its next wish comes as soon as this call has ended: lower lanes must not slip in between
        state = _wanting(state, lane, at + GRACE)
    if gate is not None:
        state = replace(state, gate=_probing(gate, holder, at, policy))
    free = max(0, _places(state, policy, now) - len(state.held))
    crowded = state.crowded_until > now
    return state, Grant(at=at, probe=gate is not None, crowded=crowded, free=free)


def goes_on(policy: Policy, *, lane: Lane, granted_at: int, ended: Ended | None, now: int) -> bool:
    """Whether a holder may begin a call without asking: every second one, where only places count.

    Its place is its own for as long as was promised, and no window has to hold the call. `ended` is its previous call,
    `granted_at` when that was asked for. What has happened since is heard with the next call that asks, so lower
    lanes, which may have to stand back, always ask.
    """
    if policy.calls is not None or lane is not Lane.ON_DEMAND or ended is None or ended.after_fine:
        return False
    # the call renews the place twice before it would end, as one does that has asked: one lost renewal harms nobody
    return ended.heard.signal is Signal.FINE and now < granted_at + policy.lease // 4


def renew(state: State, policy: Policy, *, holder: str, now: int) -> State:
    """The state with a place that is held on to during a long call, even if it had been given up for lost."""
    held = state.held.get(holder, Held(until=0))
    state = replace(state, held={**state.held, holder: replace(held, until=now + policy.lease)})
    if state.gate is not None and state.gate.prober == holder:
        state = replace(state, gate=replace(state.gate, probing_until=now + policy.lease))
    return state


def give_back(state: State, policy: Policy, *, holder: str, now: int, ended: Ended | None) -> State:
    """The state after a holder has told of its last call and left its place."""
    state = _tidy(state, policy, now)
    if ended is not None:
        state = _learn(state, policy, holder, ended)
    return replace(state, held={name: held for name, held in state.held.items() if name != holder})


def allowed_calls(state: State, policy: Policy, now: int) -> int | None:
    """Calls per window at the moment: the setting, or less after a limit answer."""
    return None if policy.calls is None else _grown(state.rate, policy.calls, now)


# what was learnt


def _learn(state: State, policy: Policy, holder: str, ended: Ended) -> State:
    """The state with what a holder's call has shown."""
    heard = ended.heard
    held = state.held.get(holder, Held(until=0))
    if held.entry:
        state = _arrived(state, holder, held, min(held.entry, ended.at))
    if heard.used is not None:
        state = replace(state, used=heard.used, allowed=heard.allowed or state.allowed)
    probing = state.gate is not None and state.gate.prober == holder
    match heard.signal:
        case Signal.RATE | Signal.PLACES:
            return _slowed(state, policy, held.began, ended, probing=probing)
        case Signal.QUOTA:
            return replace(state, gate=_shut_for_quota(heard.code, policy, ended.at))
        case Signal.OUTAGE:
            return _struck(state, ended, probing=probing)
        case Signal.FINE:
            return replace(state, outages=0, gate=None if probing else state.gate)
        case Signal.UNKNOWN:
            return state


def _arrived(state: State, holder: str, held: Held, at: int) -> State:
    """The state with a call in the window where it arrived at the latest, now that it was answered."""
    calls = list(state.calls)
    if held.entry in calls:
        calls.remove(held.entry)
        insort(calls, at)
    return replace(state, calls=tuple(calls), held={**state.held, holder: replace(held, entry=0)})


def _slowed(state: State, policy: Policy, began: int, ended: Ended, *, probing: bool) -> State:
    """The state after a limit answer: a pause for all, and half of the allowance, growing back."""
    heard, now = ended.heard, ended.at
    if now + heard.wait > state.paused_until:
        state = replace(state, paused_until=now + heard.wait, paused_code=heard.code)
    gate = state.gate
    if gate is not None and probing and gate.signal is Signal.QUOTA:
        # the probe was not let in, so it learnt nothing of the quota: again after the pause
        state = replace(state, gate=replace(gate, prober="", probing_until=0, probe_at=state.paused_until))
    elif probing:
        state = replace(state, gate=None)
    state = replace(state, outages=0)
    if heard.signal is Signal.PLACES:
        if state.places is None or began >= state.places.since:
            half = max(1, _grown(state.places, policy.places, now) // 2)
            state = replace(state, places=Allowance(value=half, since=now))
    elif policy.calls is not None and (state.rate is None or began >= state.rate.since):
        # calls that were under way when the first one was refused say nothing new
        half = max(1, _grown(state.rate, policy.calls, now) // 2)
        state = replace(state, rate=Allowance(value=half, since=now))
    return state


def _struck(state: State, ended: Ended, *, probing: bool) -> State:
    """The state after the vendor was away once more."""
    gate, now = state.gate, ended.at
    outages = 1 if ended.after_fine else state.outages + 1
    if gate is not None and gate.signal is Signal.QUOTA and probing:
        return replace(state, outages=outages, gate=replace(gate, prober="", probing_until=0))
    if gate is not None and not probing:
        return replace(state, outages=outages)  # told already
    if outages < OUTAGES and gate is None:
        return replace(state, outages=outages)
    tries = gate.tries + 1 if gate is not None else 1
    again = now + min(LAST_PROBE, FIRST_PROBE * 2 ** (tries - 1))
    shut = Gate(signal=Signal.OUTAGE, code=ended.heard.code, until=again, probe_at=again, tries=tries)
    return replace(state, outages=outages, gate=shut)


def _shut_for_quota(code: str, policy: Policy, now: int) -> Gate:
    until = millis(policy.quota_returns(moment(now)))
    return Gate(signal=Signal.QUOTA, code=code, until=until, probe_at=min(until, now + QUOTA_PROBE))


def _guard_reserve(state: State, policy: Policy, now: int) -> State:
    """The state with its gate shut if only those calls of the day are left that others need."""
    allowed = policy.day_calls or state.allowed
    if state.gate is not None or not allowed or state.used < allowed * (1 - policy.reserve_percent / 100):
        return state
    return replace(state, gate=_shut_for_quota(RESERVE, policy, now))


# when a call may begin


def _obstacle(state: State, policy: Policy, holder: str, lane: Lane, now: int) -> str:
    """Why no start can be promised: a higher lane waits, or every place of this lane is taken; empty if neither."""
    if any(name < lane for name in state.wanted):
        return "higher_lane"
    others = len(state.held) - (holder in state.held)
    # each lower lane leaves one place more to those above it
    return "own_places" if others >= max(1, _places(state, policy, now) - lane) else ""


def _earliest(state: State, policy: Policy, now: int) -> tuple[int, str]:
    """The first instant at which a call may begin, and what it waits for until then."""
    at, code = (state.paused_until, state.paused_code) if state.paused_until > now else (now, "own_limit")
    calls = allowed_calls(state, policy, now)
    if calls is None:
        return at, code
    window = policy.window + MARGIN
    if len(state.calls) >= calls:
        at = max(at, state.calls[-calls] + window)
    if 2 * len(state.calls) >= calls > 1:
        # the second half of a window is spread: steady work waits a little often instead of long once; the pace
        # is a bit above the rate, so that what a slow call has missed is made up for
        at = max(at, state.last + window * 4 // (5 * calls))
    return at, code


def _kept_back(state: State, policy: Policy, holder: str, lane: Lane, now: int) -> tuple[State, Wait] | None:
    """Why nothing but its lane's share keeps a call back, None if that does not; others need not give way to it."""
    promise = PROMISE if lane is Lane.ON_DEMAND else LOWER_PROMISE
    wait = _earliest_of_share(state, policy, lane, now) - now - promise
    if wait > 0:
        return state, Wait(wait=max(LOOK, wait), code=LANE_SHARE, announce=False)
    if not _share_is_taken(state, policy, holder, lane, now):
        return None
    # those of the lane who keep a place for their next call are to give it back after each
    known, state = state.crowded_until, replace(state, crowded_until=now + LOOK + GRACE)
    return state, Wait(wait=LOOK, code=LANE_SHARE, announce=known < now + LOOK)


def _earliest_of_share(state: State, policy: Policy, lane: Lane, now: int) -> int:
    """The first instant at which a call is within its lane's share of the window.

    The share is ours to cut, so starts are counted, and margins are left to the limits it is cut from.
    """
    calls, begun = allowed_calls(state, policy, now), state.begun.get(lane, ())
    if calls is None or not begun:
        return now
    most, window = _part(policy.lane_shares[lane], calls), policy.window + MARGIN
    at = now if len(begun) < most else max(now, begun[-most] + window)
    # spread as the whole window is, so that the share is not used up in one go
    return max(at, begun[-1] + window * 4 // (5 * most)) if 2 * len(begun) >= most > 1 else at


def _share_is_taken(state: State, policy: Policy, holder: str, lane: Lane, now: int) -> bool:
    """Whether others of the lane hold all the places of its share."""
    share = policy.lane_shares[lane]
    others = sum(held.lane == lane for name, held in state.held.items() if name != holder)
    return share != WHOLE and others >= _part(share, _places(state, policy, now))


def _part(share: int, whole: int) -> int:
    """A share in calls or places; one at least, so that no lane stands still."""
    return max(1, whole * share // WHOLE)


def _granted(state: State, policy: Policy, holder: str, lane: Lane, at: int) -> State:
    """The state with one more call that begins at `at`."""
    entry = 0
    if policy.calls is not None:
        entry = at + TRAVEL
        calls = list(state.calls)
        insort(calls, entry)
        state = replace(state, calls=tuple(calls), last=max(at, state.last))
    shared = policy.lane_shares[lane] != WHOLE
    if policy.calls is not None and shared:
        starts = sorted((*state.begun.get(lane, ()), at))
        state = replace(state, begun={**state.begun, int(lane): tuple(starts)})
    place = Held(until=at + policy.lease, began=at, entry=entry, lane=int(lane) if shared else 0)
    held = {**state.held, holder: place}
    return replace(state, held=held, used=state.used + 1)


def _probing(gate: Gate, holder: str, at: int, policy: Policy) -> Gate:
    """The gate while its probe is on its way; if that never comes back, the next one is as far off as ever."""
    pause = QUOTA_PROBE if gate.signal is Signal.QUOTA else min(LAST_PROBE, FIRST_PROBE * 2**gate.tries)
    again = at + pause
    if gate.signal is Signal.QUOTA and gate.until > at:
        again = min(again, gate.until)
    return replace(gate, prober=holder, probing_until=at + policy.lease, probe_at=again)


def _places(state: State, policy: Policy, now: int) -> int:
    return _grown(state.places, policy.places, now)


def _grown(allowance: Allowance | None, full: int, now: int) -> int:
    """A lowered allowance with what has grown back, up to the setting."""
    if allowance is None:
        return full
    return min(full, allowance.value + max(1, full // 10) * max(0, (now - allowance.since) // RECOVERY))


def _wanting(state: State, lane: Lane, until: int) -> State:
    return replace(state, wanted={**state.wanted, int(lane): max(until, state.wanted.get(lane, 0))})


def _tidy(state: State, policy: Policy, now: int) -> State:
    """The state without what time has ended."""
    oldest = bisect_right(state.calls, now - policy.window - MARGIN)
    calls = state.calls[oldest : bisect_right(state.calls, now + AHEAD)]
    held = {name: each for name, each in state.held.items() if now < each.until <= now + policy.lease + AHEAD}
    wanted = {lane: until for lane, until in state.wanted.items() if now < until <= now + AHEAD}
    state = replace(state, calls=calls, held=held, wanted=wanted, last=min(state.last, now + AHEAD))
    if state.begun:
        first, last = now - policy.window - MARGIN, now + AHEAD
        kept = {lane: tuple(at for at in each if first < at <= last) for lane, each in state.begun.items()}
        state = replace(state, begun={lane: each for lane, each in kept.items() if each})
    if policy.day_ends is not None and now >= state.day_ends:
        state = replace(state, used=0, day_ends=millis(policy.day_ends(moment(now))))
    return state
