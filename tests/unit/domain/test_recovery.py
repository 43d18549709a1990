"""Which calls never arrived: one activity to one execution, exact by our answer and by time without it."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.checks import check_action
from leadbridge.domain.records import Activity
from leadbridge.domain.recovery import (
    Call,
    Meetings,
    Seen,
    arrival_of,
    arrive,
    call_of,
    check_recovery,
    is_recovered,
    missing,
    recover,
    recovered_id,
)
from tests.builders.actions import an_action
from tests.builders.descriptions import a_result_activity, a_salesforce_lead, marketo_leads
from tests.builders.events import an_execution_id
from tests.fakes.clock import NOON

TOLERANCE = timedelta(seconds=120)


def an_activity(number: int = 1, **members: Any) -> Activity:
    """A Call Webhook activity."""
    found: dict[str, Any] = {
        "marketo_guid": str(number),
        "lead_id": 7,
        "activity_type_id": 110,
        "activity_date": NOON,
        "primary_attribute_value": "To CRM",
        "attributes": {},
    }
    return Activity(**found | members)


def a_call(number: int, seconds: float, answered: str = "") -> Call:
    """A call at noon and so many seconds."""
    return Call(activity_id=str(number), lead_id=7, at=NOON + timedelta(seconds=seconds), answered=answered)


def seen(number: int, seconds: float) -> Seen:
    """An execution at noon and so many seconds."""
    return Seen(execution_id=an_execution_id(number), at=NOON + timedelta(seconds=seconds))


def lost(calls: list[Call], executions: list[Seen], tolerance: timedelta = TOLERANCE) -> list[str]:
    """The activity ids of the missing calls."""
    return [call.activity_id for call in missing(calls, executions, tolerance=tolerance, ids=ids_of(calls))]


def ids_of(calls: list[Call]) -> dict[str, str]:
    """The execution ids of calls if they are recovered."""
    return {call.activity_id: recovered_id("marketo", call.activity_id, "action") for call in calls}


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        pytest.param('{"status": "accepted", "execution_id": "%s"}', True, id="JSON"),
        pytest.param("<answer><execution_id>%s</execution_id></answer>", True, id="XML"),
        pytest.param('{"status": "accepted", "id": "%s"}', False, id="another member"),
        pytest.param(None, False, id="no answer"),
    ],
)
@pytest.mark.parametrize("attribute", ["Response", "Answer"])
def test_an_answer_of_ours_is_known_by_the_execution_it_names(answer: str | None, named: bool, attribute: str) -> None:
    """Whatever the attribute is called, an execution id in it settles the call; without one the call is open."""
    text = answer and answer % an_execution_id(5)
    found = call_of(an_activity(attributes={"Error Type": "Read timed out", attribute: text}), "To CRM")

    assert found is not None
    assert found.answered == (an_execution_id(5) if named else "")


def test_a_call_of_another_webhook_or_another_activity_is_none() -> None:
    """Only activities of the type, with the webhook's name as it is written, are calls."""
    assert call_of(an_activity(), "To CRM") is not None
    assert call_of(an_activity(), "to crm") is None
    assert call_of(an_activity(activity_type_id=12), "To CRM") is None


@pytest.mark.parametrize(
    ("calls", "executions", "expected"),
    [
        pytest.param([0], [], ["0"], id="nothing came"),
        pytest.param([0], [2], [], id="it came"),
        pytest.param([0], [120], [], id="at the tolerance"),
        pytest.param([0], [-121], ["0"], id="beyond the tolerance"),
        pytest.param([0, 60], [1, 61], [], id="two a minute apart stay two"),
        pytest.param([0, 60], [61], ["0"], id="the first of two"),
        pytest.param([0, 60], [1], ["1"], id="the second of two"),
        pytest.param([0, 60, 120], [1, 121], ["1"], id="the one between"),
        pytest.param([0, 100], [90, 200], [], id="as many as possible, though the nearest pair leaves one over"),
        pytest.param([0, 0], [0], ["1"], id="at one moment"),
        pytest.param([0], [-5, 5], [], id="an execution too many"),
    ],
)
def test_calls_without_an_answer_get_an_execution_each_by_time(
    calls: list[float], executions: list[float], expected: list[str]
) -> None:
    """One activity to one execution, as many as possible, the nearest first; what is left over is missing."""
    found = [a_call(number, seconds) for number, seconds in enumerate(calls)]

    assert lost(found, [seen(number, seconds) for number, seconds in enumerate(executions)]) == expected


def test_an_execution_that_an_answer_names_is_nobody_elses() -> None:
    """Of two calls at one moment the answered one takes its own execution away, and the other is missing."""
    assert lost([a_call(1, 0), a_call(2, 0, answered=an_execution_id(5))], [seen(5, 0)]) == ["1"]


def test_a_recovered_call_is_not_missing_again_and_stands_for_no_other() -> None:
    """It is known by its id; its execution, which stands at the call's own time, explains no other call."""
    calls = [a_call(1, 0), a_call(2, 10)]
    recovered = Seen(execution_id=ids_of(calls)["1"], at=NOON)

    assert lost(calls, [recovered]) == ["2"]
    late = Seen(execution_id=an_execution_id(9), at=NOON, stands_for=True)
    assert lost(calls, [recovered, late]) == ["2"], "an execution that ended as the recovered one's duplicate"


def test_a_recovered_execution_has_one_id_that_fits_where_others_do() -> None:
    """The id is the same each time, of 32 characters, told apart from others, and different per call and Action."""
    first = recovered_id("marketo", "1", "action")

    assert first == recovered_id("marketo", "1", "action")
    assert len(first) == 32
    assert is_recovered(first)
    assert not is_recovered(an_execution_id(1))
    assert len({first, recovered_id("marketo", "2", "action"), recovered_id("marketo", "1", "other")}) == 3


@given(
    st.lists(
        st.tuples(
            st.integers(1, 4),  # person
            st.integers(0, 3600),  # when it was called
            st.sampled_from(["answered", "answered", "unanswered", "dropped"]),
            st.integers(-60, 60),  # how far the two logs lie apart
        ),
        max_size=40,
    )
)
def test_exactly_the_dropped_calls_are_missing_whatever_the_schedule(plan: list[tuple[int, int, str, int]]) -> None:
    """As many as were dropped, for each person; those themselves where calls lie further apart than the tolerance.

    After they were recovered, nothing is missing any more, in the whole and in every stretch of it.
    """
    for person in range(1, 5):
        own = [(number, at, fate, off) for number, (who, at, fate, off) in enumerate(plan) if who == person]
        calls = [
            a_call(number, at, answered=an_execution_id(number) if fate == "answered" else "")
            for number, at, fate, _ in own
        ]
        executions = [seen(number, at + offset) for number, at, fate, offset in own if fate != "dropped"]
        dropped = {str(number) for number, _, fate, _ in own if fate == "dropped"}
        found = lost(calls, executions)

        assert len(found) == len(dropped)
        moments = sorted(at for _, at, _, _ in own)
        if all(later - earlier > 240 for earlier, later in pairwise(moments)):
            assert set(found) == dropped
        ids = ids_of(calls)
        recovered = [
            Seen(execution_id=ids[call.activity_id], at=call.at) for call in calls if call.activity_id in found
        ]
        assert lost(calls, executions + recovered) == []
        late = [call for call in calls if call.at >= NOON + timedelta(minutes=30)]
        assert lost(late, executions + recovered) == []


# -- a call that came after its recovery


def test_a_call_that_comes_late_is_the_recovered_one_once() -> None:
    """The first late call within the tolerance is its duplicate, also when it comes again; a second one is not."""
    known = recover(Meetings(), "rec1", NOON, tolerance=TOLERANCE, seen=())
    assert known is not None

    known, owner = arrive(known, "a", NOON + timedelta(seconds=30), tolerance=TOLERANCE)
    again, owner_again = arrive(known, "a", NOON + timedelta(seconds=30), tolerance=TOLERANCE)
    other, owner_of_other = arrive(known, "b", NOON + timedelta(seconds=40), tolerance=TOLERANCE)

    assert (owner, owner_again, owner_of_other) == ("rec1", "rec1", "")
    assert again == known
    assert set(other.late) == {"b"}


def test_two_recovered_calls_stand_for_two_late_ones() -> None:
    """Each late call takes the nearest that is free."""
    known = Meetings()
    for name, seconds in (("rec1", 0), ("rec2", 60)):
        after = recover(known, name, NOON + timedelta(seconds=seconds), tolerance=TOLERANCE, seen=())
        assert after is not None
        known = after

    known, first = arrive(known, "a", NOON + timedelta(seconds=55), tolerance=TOLERANCE)
    known, second = arrive(known, "b", NOON + timedelta(seconds=55), tolerance=TOLERANCE)

    assert (first, second) == ("rec2", "rec1")


@pytest.mark.parametrize(
    ("known_to_decision", "seconds", "free"),
    [
        pytest.param(False, 60, False, id="it may be the call"),
        pytest.param(False, 121, True, id="too far away to be it"),
        pytest.param(True, 60, True, id="the decision knew it"),
    ],
)
def test_a_late_call_that_the_decision_did_not_know_keeps_its_recovery_back(
    known_to_decision: bool, seconds: float, free: bool
) -> None:
    """What was stored while the decision was made may be the missing call itself; the next run will see."""
    known, owner = arrive(Meetings(), "a", NOON + timedelta(seconds=seconds), tolerance=TOLERANCE)
    assert owner == ""

    found = recover(known, "rec1", NOON, tolerance=TOLERANCE, seen=("a",) if known_to_decision else ())

    assert (found is not None) is free


# -- the call that is made up, and what it cannot hold


def test_a_recovered_call_arrives_at_its_own_time_with_the_leads_id() -> None:
    """Time and place are the call's, the campaign's id the activity's; it is marked, and holds no value of anybody."""
    arrival = arrival_of(Call(activity_id="1", lead_id=7, at=NOON, campaign_id=1001), "action", "rec1")

    assert arrival.payload == {
        "lead": {"id": 7},
        "campaign": {"id": 1001},
        "recovered": {"activity_id": "1", "called_at": "2026-03-02T12:00:00.000Z"},
    }
    assert (arrival.kind, arrival.received_at, arrival.execution_id) == ("event", NOON, "rec1")
    assert arrival.sequence == f"{int(NOON.timestamp() * 1000):014d}#rec1"
    other = arrival_of(Call(activity_id="1", lead_id=7, at=NOON), "action", "rec1")
    assert other.payload is not None
    assert "campaign" not in other.payload


TOKEN = {"column": "token.my", "to": "Company"}


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        pytest.param({"mappings": [TOKEN]}, "mappings[0].column: token.my", id="a token"),
        pytest.param(
            {"mappings": [{"template": "{{program.name}}", "to": "Company"}]}, "mappings[0].template", id="in"
        ),
        pytest.param({"writeback": [{"column": "campaign.name", "to": "company"}]}, "writeback[0].column", id="back"),
        pytest.param({"identifier": {"column": "token.key", "field": "Email"}}, "identifier.column", id="identifier"),
        pytest.param({"deduplicate": {"columns": ["program.id"]}}, "deduplicate.columns[0]", id="window"),
        pytest.param(
            {"conditions": {"match": "all", "clauses": [{"column": "token.my", "operator": "is_not_empty"}]}},
            "conditions.clauses[0]",
            id="condition",
        ),
        pytest.param({"mappings": [TOKEN | {"blank": "default", "default": "none"}]}, None, id="with a default"),
        pytest.param({"mappings": [{"column": "campaign.id", "to": "Company"}]}, None, id="campaign id"),
        pytest.param({}, None, id="fields only"),
    ],
)
def test_an_action_that_needs_what_only_a_call_carries_is_refused_for_recovery(
    changes: dict[str, Any], where: str | None
) -> None:
    """The finding names the place and the remedy; without `recovery`, or with a default, there is none."""
    found = list(check_recovery(an_action(recovery={"webhook": "To CRM"}, **changes)))

    assert list(check_recovery(an_action(**changes))) == []
    if where is None:
        assert found == []
    else:
        assert len(found) == 1
        assert found[0].startswith(where)
        assert "remove `recovery`" in found[0]


def test_the_finding_is_among_those_at_save() -> None:
    """Saving an Action checks it."""
    action = an_action(recovery={"webhook": "To CRM"}, mappings=[*an_action().mappings, TOKEN | {"to": "City"}])
    found = check_action(action, leads=marketo_leads(), destination=a_salesforce_lead(), activity=a_result_activity())

    assert any("a recovered call has none" in finding for finding in found)
