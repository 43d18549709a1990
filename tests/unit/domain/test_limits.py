"""When a call of a vendor instance may begin: single decisions on single states."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadbridge.domain.limits import (
    HOUR,
    LOOK,
    MARGIN,
    PROMISE,
    QUOTA_PROBE,
    RECOVERY,
    RESERVE,
    SECOND,
    TRAVEL,
    Decision,
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
    allowed_calls,
    give_back,
    millis,
    moment,
    renew,
    take,
)
from leadbridge.domain.syncing import Step, SyncRun
from leadbridge.vendors.marketo.quota import next_midnight, next_quota_reset
from leadbridge.vendors.salesforce.quota import quota_returns

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NOW = millis(NOON)
WINDOW = 20 * SECOND + MARGIN
FINE = Heard(signal=Signal.FINE)


def marketo(**changes: Any) -> Policy:
    """Half of Marketo's limits."""
    members: dict[str, Any] = {
        "vendor": "marketo",
        "calls": 50,
        "places": 5,
        "quota_returns": next_quota_reset,
        "day_ends": next_midnight,
        "day_calls": 50_000,
    }
    return Policy(**members | changes)


def salesforce(**changes: Any) -> Policy:
    """Salesforce knows no rate, and tells its daily allocation."""
    members: dict[str, Any] = {"vendor": "salesforce", "calls": None, "places": 20, "quota_returns": quota_returns}
    return Policy(**members | changes)


def decide(state: State, policy: Policy, now: int, holder: str = "me", lane: Lane = Lane.ON_DEMAND) -> Decision:
    """The decision alone."""
    return take(state, policy, holder=holder, lane=lane, now=now)[1]


def called(state: State, policy: Policy, now: int, heard: Heard = FINE, holder: str = "me", seconds: int = 0) -> State:
    """The state after a call that began at once and took seconds."""
    state, decision = take(state, policy, holder=holder, lane=Lane.ON_DEMAND, now=now)
    assert isinstance(decision, Grant), decision
    end = Ended(at=max(now, decision.at) + seconds * SECOND, heard=heard)
    return give_back(state, policy, holder=holder, now=end.at, ended=end)


def filled(policy: Policy, calls: int, now: int = NOW) -> State:
    """A state with so many answered calls, all at one moment."""
    return State(calls=(now,) * calls, last=now, day_ends=now + HOUR)


# -- the window


def test_a_first_call_begins_at_once() -> None:
    """Nobody has called: the start is now."""
    assert decide(State(), marketo(), NOW) == Grant(at=NOW, free=4)


@pytest.mark.parametrize(("age", "begins_in"), [(0, WINDOW), (10 * SECOND, WINDOW - 10 * SECOND), (WINDOW, 0)])
def test_a_full_window_lets_the_next_call_begin_when_its_oldest_has_left(age: int, begins_in: int) -> None:
    """20 s and the margin after the arrival of the call that is as many calls back as the window may hold."""
    policy = marketo()
    decision = decide(filled(policy, 50, NOW - age), policy, NOW)

    if isinstance(decision, Grant):
        assert decision.at == NOW + begins_in
    else:
        assert isinstance(decision, Wait)
        assert (decision.wait, decision.code) == (begins_in - PROMISE, "own_limit")


def test_the_second_half_of_a_window_is_spread() -> None:
    """With half of the calls made at once the next one begins a little later, a bit faster than the mean rate."""
    policy = marketo()
    assert decide(filled(policy, 24), policy, NOW) == Grant(at=NOW, free=4)
    spread = decide(filled(policy, 25), policy, NOW)
    assert isinstance(spread, Grant)
    assert 0 < spread.at - NOW < WINDOW / 50


def test_a_call_without_an_answer_counts_from_its_latest_arrival() -> None:
    """A call on its way for hours has arrived within the travel time; an answered one when it was answered."""
    policy = marketo(calls=1)
    state, _ = take(State(), policy, holder="me", lane=Lane.ON_DEMAND, now=NOW)
    assert state.calls == (NOW + TRAVEL,)
    later = take(
        state, policy, holder="me", lane=Lane.ON_DEMAND, now=NOW + SECOND, ended=Ended(at=NOW + 300, heard=FINE)
    )[0]
    assert later.calls[0] == NOW + 300


def test_no_vendor_rate_no_window() -> None:
    """Salesforce limits no rate, so its calls are not noted one by one."""
    state = State()
    for number in range(1_000):
        state = called(state, salesforce(), NOW + number)
    assert state.calls == ()
    assert state.used == 1_000


# -- places and lanes


def test_each_lane_leaves_a_place_to_those_above_it() -> None:
    """Of five places a bootstrap takes three, scheduled work four, on-demand work five."""
    policy = marketo()
    for lane, most in ((Lane.BOOTSTRAP, 3), (Lane.SCHEDULED, 4), (Lane.ON_DEMAND, 5)):
        state = State()
        granted = 0
        for number in range(7):
            state, decision = take(state, policy, holder=f"{number}", lane=lane, now=NOW)
            granted += isinstance(decision, Grant)
        assert granted == most
    assert isinstance(decide(State(), marketo(places=1), NOW, lane=Lane.BOOTSTRAP), Grant)


def test_whoever_waits_for_a_place_is_known_to_the_holders() -> None:
    """The waiting one announces itself once; a holder's next call is told to give its place back."""
    policy = marketo(places=1)
    state, _ = take(State(), policy, holder="first", lane=Lane.ON_DEMAND, now=NOW)
    state, refused = take(state, policy, holder="second", lane=Lane.ON_DEMAND, now=NOW)
    assert refused == Wait(wait=LOOK, code="own_places", announce=True)
    _, again = take(state, policy, holder="second", lane=Lane.ON_DEMAND, now=NOW + LOOK)
    assert again == Wait(wait=LOOK, code="own_places", announce=False)
    _, granted = take(state, policy, holder="first", lane=Lane.ON_DEMAND, now=NOW + LOOK)
    assert isinstance(granted, Grant)
    assert granted.crowded


def test_a_lower_lane_gives_way_while_a_higher_one_waits() -> None:
    """A bootstrap call looks again and again until the on-demand work has not been heard of for a while."""
    policy = marketo()
    state = State(wanted={Lane.ON_DEMAND: NOW + SECOND})
    assert decide(state, policy, NOW, lane=Lane.BOOTSTRAP) == Wait(wait=LOOK, code="higher_lane", announce=True)
    assert isinstance(decide(state, policy, NOW), Grant)
    assert isinstance(decide(state, policy, NOW + SECOND, lane=Lane.BOOTSTRAP), Grant)


def test_a_place_is_free_from_the_moment_its_lease_ends() -> None:
    """A holder that did not renew keeps others out to the millisecond, not longer; one that renewed keeps them out."""
    policy = marketo(places=1)
    state, _ = take(State(), policy, holder="dead", lane=Lane.ON_DEMAND, now=NOW)
    end = NOW + policy.lease
    assert isinstance(decide(state, policy, end - 1, holder="next"), Wait)
    assert isinstance(decide(state, policy, end, holder="next"), Grant)
    renewed = renew(state, policy, holder="dead", now=end - 1)
    assert isinstance(decide(renewed, policy, end, holder="next"), Wait)


# -- limit answers


@pytest.mark.fault("FM06")
def test_a_rate_answer_pauses_all_and_halves_the_rate_which_grows_back() -> None:
    """20 s of pause; half of the calls afterwards, a tenth more every 20 s, and never more than the setting."""
    policy = marketo()
    state = called(State(), policy, NOW, Heard(signal=Signal.RATE, code="606", wait=20 * SECOND))

    assert decide(state, policy, NOW, holder="other") == Wait(wait=20 * SECOND - PROMISE, code="606", announce=True)
    after = [allowed_calls(state, policy, NOW + number * RECOVERY) for number in range(7)]
    assert after == [25, 30, 35, 40, 45, 50, 50]


def test_calls_that_were_under_way_at_a_limit_answer_do_not_halve_again() -> None:
    """Five calls in flight are all refused: one halving; a call begun later and refused too halves once more."""
    policy = marketo()
    state = State()
    for number in range(5):
        state, _ = take(state, policy, holder=f"{number}", lane=Lane.ON_DEMAND, now=NOW)
    refused = Heard(signal=Signal.RATE, code="606", wait=20 * SECOND)
    for number in range(5):
        end = Ended(at=NOW + SECOND + number, heard=refused)
        state = give_back(state, policy, holder=f"{number}", now=end.at, ended=end)
    assert allowed_calls(state, policy, NOW + 2 * SECOND) == 25
    state = called(state, policy, NOW + 22 * SECOND, refused)
    assert allowed_calls(state, policy, NOW + 23 * SECOND) == 15  # half of the 30 it had grown to


@pytest.mark.fault("FS03")
def test_too_many_long_calls_at_once_pause_seconds_and_halve_the_places() -> None:
    """After the concurrency text ten of twenty places are left and nobody calls for ten seconds, not for a day."""
    policy = salesforce()
    state = called(State(), policy, NOW, Heard(signal=Signal.PLACES, code="REQUEST_LIMIT_EXCEEDED", wait=10 * SECOND))
    assert isinstance(decide(state, policy, NOW), Wait)
    then = NOW + 10 * SECOND
    granted = 0
    for number in range(20):
        state, decision = take(state, policy, holder=f"{number}", lane=Lane.ON_DEMAND, now=then)
        granted += isinstance(decision, Grant)
    assert granted == 10


# -- the day's quota


@pytest.mark.fault("FM07")
def test_a_spent_quota_refuses_all_but_one_probe_an_hour() -> None:
    """The probe that is refused too keeps the gate shut for another hour, one that is let in opens it for all."""
    policy = marketo()
    spent = Heard(signal=Signal.QUOTA, code="607")
    state = called(State(), policy, NOW, spent)
    gate = Gate(signal=Signal.QUOTA, code="607", until=NOW + 18 * HOUR, probe_at=NOW + QUOTA_PROBE)

    assert decide(state, policy, NOW + HOUR - 1) == Refused(gate=gate)
    probing, decision = take(state, policy, holder="prober", lane=Lane.ON_DEMAND, now=NOW + HOUR)
    assert isinstance(decision, Grant)
    assert decision.probe
    # meanwhile the others wait for the answer rather than for an hour
    assert decide(probing, policy, NOW + HOUR) == Wait(wait=LOOK, code="607", announce=False)
    end = NOW + HOUR + SECOND
    refused = give_back(probing, policy, holder="prober", now=end, ended=Ended(at=end, heard=spent))
    assert isinstance(decide(refused, policy, end + HOUR - 1), Refused)
    opened = give_back(probing, policy, holder="prober", now=end, ended=Ended(at=end, heard=FINE))
    assert isinstance(decide(opened, policy, end), Grant)


def test_a_probe_that_never_came_back_is_not_repeated_for_an_hour() -> None:
    """While its lease lives the others wait; afterwards they are refused until the next hour."""
    policy = marketo()
    state = called(State(), policy, NOW, Heard(signal=Signal.QUOTA, code="607"))
    state, _ = take(state, policy, holder="dead", lane=Lane.ON_DEMAND, now=NOW + HOUR)
    assert isinstance(decide(state, policy, NOW + HOUR + policy.lease - 1), Wait)
    assert isinstance(decide(state, policy, NOW + HOUR + policy.lease), Refused)
    assert isinstance(decide(state, policy, NOW + 2 * HOUR), Grant)


@pytest.mark.fault("FT05")
@pytest.mark.parametrize(
    ("spent_at", "probes"),
    [
        # the last probe of a day is the one at its end, also on the days when clocks change
        ("2026-01-15T04:30", ["05:30", "06:00"]),
        ("2026-07-15T03:30", ["04:30", "05:00"]),
        ("2026-03-08T05:30", ["06:00"]),
        ("2026-03-09T04:10", ["05:00"]),
        ("2026-11-01T04:10", ["05:00"]),
        ("2026-11-02T04:50", ["05:50", "06:00"]),
        # refused again after midnight Central in summer: the other reading of the documents, then hourly
        ("2026-07-15T05:00", ["06:00"]),
        ("2026-07-15T06:00", ["07:00", "08:00"]),
    ],
)
def test_a_spent_quota_is_probed_at_the_end_of_the_day(spent_at: str, probes: list[str]) -> None:
    """Probes come hourly and at the first midnight US Central, whatever UTC hour that is on this day."""
    policy = marketo()
    spent = Heard(signal=Signal.QUOTA, code="607")
    state = called(State(), policy, millis(datetime.fromisoformat(spent_at).replace(tzinfo=UTC)), spent)
    found = []
    for _ in probes:
        assert state.gate is not None
        found.append(moment(state.gate.probe_at).strftime("%H:%M"))
        state = called(state, policy, state.gate.probe_at, spent)
    assert found == probes


@pytest.mark.fault("FT05")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-01-16T05:59:59", "2026-01-16T06:00:00"),
        ("2026-07-16T04:59:59", "2026-07-16T05:00:00"),
        ("2026-03-08T05:59:59", "2026-03-08T06:00:00"),
        ("2026-03-09T04:59:59", "2026-03-09T05:00:00"),
        ("2026-11-01T04:59:59", "2026-11-01T05:00:00"),
        ("2026-11-02T05:59:59", "2026-11-02T06:00:00"),
    ],
)
def test_the_day_s_count_begins_anew_at_midnight_us_central(before: str, after: str) -> None:
    """The count of a day ends with it, in winter, in summer and on both days when clocks change."""
    policy = marketo()
    state = called(State(), policy, millis(datetime.fromisoformat(before).replace(tzinfo=UTC) - timedelta(hours=3)))
    state = called(state, policy, millis(datetime.fromisoformat(before).replace(tzinfo=UTC)))
    assert state.used == 2
    state = called(state, policy, millis(datetime.fromisoformat(after).replace(tzinfo=UTC)))
    assert state.used == 1


def test_the_reserve_of_the_day_is_left_to_others() -> None:
    """With 5 % of 1,000 reserved our 951st call is not made; the next day it is."""
    policy = marketo(day_calls=1_000, reserve_percent=5)
    state = called(State(), policy, NOW, Heard(signal=Signal.FINE, used=950))
    state, decision = take(state, policy, holder="me", lane=Lane.ON_DEMAND, now=NOW)
    assert isinstance(decision, Refused)
    assert (decision.gate.code, moment(decision.gate.until).isoformat()) == (RESERVE, "2026-03-03T06:00:00+00:00")
    told = called(State(), policy, NOW, Heard(signal=Signal.FINE, used=949))
    assert isinstance(decide(told, policy, NOW), Grant)
    state, _ = take(state, policy, holder="me", lane=Lane.ON_DEMAND, now=decision.gate.until)
    assert state.used == 1


def test_salesforce_s_reserve_follows_what_the_org_says() -> None:
    """Use and allocation come from the last answer alone; a probe an hour later that says there is room opens."""
    policy = salesforce(reserve_percent=10)
    assert isinstance(decide(State(used=10_000_000), policy, NOW), Grant)  # nothing is known of the allocation
    state = called(State(), policy, NOW, Heard(signal=Signal.FINE, used=13_500, allowed=15_000))
    state, refused = take(state, policy, holder="me", lane=Lane.ON_DEMAND, now=NOW)
    assert isinstance(refused, Refused)
    assert (refused.gate.code, refused.announce) == (RESERVE, True)
    again = called(state, policy, NOW + HOUR, Heard(signal=Signal.FINE, used=13_600, allowed=15_000))
    again, refused = take(again, policy, holder="me", lane=Lane.ON_DEMAND, now=NOW + HOUR)
    assert isinstance(refused, Refused)
    room = called(again, policy, NOW + 2 * HOUR, Heard(signal=Signal.FINE, used=12_000, allowed=15_000))
    assert isinstance(decide(room, policy, NOW + 2 * HOUR), Grant)


# -- outages


@pytest.mark.fault("FM08")
def test_after_five_outages_in_a_row_only_probes_ask_ever_more_seldom() -> None:
    """Pauses of 30 s, 60 s, 120 s, 240 s and then 300 s; a success in between begins anew."""
    policy = marketo()
    away = Heard(signal=Signal.OUTAGE, code="608")
    state = State()
    for heard in (away, away, away, away, FINE, away, away, away, away):
        state = called(state, policy, NOW, heard)
        assert state.gate is None
    pauses = []
    for _ in range(6):
        asked = state.gate.probe_at if state.gate else NOW
        state = called(state, policy, asked, away)
        assert state.gate is not None
        pauses.append((state.gate.probe_at - asked) // SECOND)
        assert isinstance(decide(state, policy, state.gate.probe_at - 1), Refused)
    assert pauses == [30, 60, 120, 240, 300, 300]
    state = called(state, policy, state.gate.probe_at if state.gate else 0)
    assert state.gate is None


def test_a_late_success_of_another_call_does_not_open_the_gate() -> None:
    """Only the probe's own answer does: the other call had begun before the outage."""
    policy = marketo()
    state, _ = take(State(outages=4), policy, holder="slow", lane=Lane.ON_DEMAND, now=NOW)
    state = called(state, policy, NOW, Heard(signal=Signal.OUTAGE, code="608"))
    end = Ended(at=NOW + SECOND, heard=FINE)
    state = give_back(state, policy, holder="slow", now=end.at, ended=end)
    assert isinstance(decide(state, policy, NOW + SECOND), Refused)


def test_a_probe_that_met_another_limit_asks_again_after_its_pause() -> None:
    """606 says nothing of the day's quota: the gate stays shut, and the next probe comes after the pause."""
    policy = marketo()
    state = called(State(), policy, NOW, Heard(signal=Signal.QUOTA, code="607"))
    state = called(state, policy, NOW + HOUR, Heard(signal=Signal.RATE, code="606", wait=20 * SECOND))
    assert isinstance(decide(state, policy, NOW + HOUR + 19 * SECOND), Refused)
    assert isinstance(decide(state, policy, NOW + HOUR + 20 * SECOND), Grant)


def test_a_run_is_a_first_reading_once_its_window_says_that_it_reads_everything() -> None:
    """Of a Sync that reads changes later: not before the window is known or given; no retry, no apply."""
    first = SyncRun(
        sync="people",
        slot="1",
        version=1,
        source="marketo",
        destination="salesforce",
        epoch=1,
        started_at=NOON,
        step=Step.LOAD,
        incremental=True,
    )

    assert first.first_reading
    assert replace(first, step=Step.BEGIN, reads_only=True).first_reading
    for changes in ({"step": Step.BEGIN}, {"since": NOON}, {"incremental": False}, {"retry_of": "0"}, {"plan": "0"}):
        assert not replace(first, **changes).first_reading
