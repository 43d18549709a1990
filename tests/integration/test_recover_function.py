"""The function that recovers lost calls, and the one that stores late ones, on the tables of a deployed stack."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from leadbridge import wiring
from leadbridge.aws.services import SystemClock
from leadbridge.domain.action import Action
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.records import Activity
from tests.builders.descriptions import a_result_activity, marketo_leads
from tests.builders.recovery import WEBHOOK, a_recovering_action
from tests.fakes.clock import NOON, SettableClock
from tests.fakes.connections import FakeConnections
from tests.fakes.marketo import FakeMarketo
from tests.integration import test_functions as functions
from tests.integration.aws.local_aws import Invocations
from tests.integration.test_functions import ACTION, Cloud, answer_of, as_records, sample

cloud, invoke, rings = functions.cloud, functions.invoke, functions.rings

type Invoke = Callable[..., Any]


@pytest.fixture
def clock(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> SettableClock:
    """The functions' clock."""
    found = SettableClock(NOON)
    monkeypatch.setattr(SystemClock, "now", lambda _: found.now())
    return found


@pytest.fixture
def marketo(cloud: Cloud, clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> FakeMarketo:
    """The instance of the Action, which asks for recovery."""
    action: Action = a_recovering_action()
    cloud.configurations.put(action)
    cloud.configurations.move("action", ACTION, Move.ACTIVATE)
    found = FakeMarketo(marketo_leads(), a_result_activity(), clock=clock)
    connections = FakeConnections(marketo={action.source.connection: found}, salesforce={})
    monkeypatch.setattr(wiring, "_connections", lambda *_: connections)
    return found


def lose(marketo: FakeMarketo, clock: SettableClock, lead_id: int) -> None:
    """A call that is logged and did not arrive."""
    marketo.load(lead_id, email=f"person{lead_id}@example.com")
    marketo.log(
        Activity(
            marketo_guid=f"guid-{lead_id}",
            lead_id=lead_id,
            activity_type_id=110,
            activity_date=clock.now(),
            primary_attribute_value=WEBHOOK,
            attributes={"Error Type": "Connection failed"},
        )
    )


def test_a_lost_call_is_in_the_inbox_after_the_hour_and_its_lane_is_rung_for(
    cloud: Cloud, invoke: Invoke, rings: Invocations, clock: SettableClock, marketo: FakeMarketo
) -> None:
    """The first call of the function takes its start; the next finds the call, once, whatever comes after."""
    assert invoke("recover_calls", sample("scheduler/sweep.json")) == {"recovered": {ACTION: 0}}
    clock.advance(60)
    lose(marketo, clock, 7)
    clock.advance(3600)

    assert invoke("recover_calls", sample("scheduler/sweep.json")) == {"recovered": {ACTION: 1}}
    clock.advance(3600)
    assert invoke("recover_calls", sample("scheduler/sweep.json")) == {"recovered": {ACTION: 0}}

    (log,) = [item for item in cloud.items() if item["sk"] == "log"]
    assert (log["state"], log["lead_id"], log["received_at"][:16]) == ("waiting", "7", "2026-03-02T12:01")
    assert log["execution_id"].startswith("rec")
    assert rings.payloads
    reached = next(item for item in cloud.items() if item["pk"] == f"recovery#{ACTION}")
    assert reached["at"] > "2026-03-02T13:4"


def test_the_message_of_a_recovered_call_that_comes_out_of_the_queue_late_ends_as_its_duplicate(
    cloud: Cloud, invoke: Invoke, rings: Invocations, clock: SettableClock, marketo: FakeMarketo
) -> None:
    """The call was accepted, its message hung; the execution says which one ran instead."""
    invoke("recover_calls", sample("scheduler/sweep.json"))
    call = functions.a_call(b'{"lead": {"id": 7}}')
    call["requestContext"]["requestTimeEpoch"] = int((NOON + timedelta(seconds=60)).timestamp() * 1000)
    status, told = answer_of(invoke("receive_action", call))
    clock.advance(61)
    lose(marketo, clock, 7)
    clock.advance(3600)
    assert invoke("recover_calls", sample("scheduler/sweep.json")) == {"recovered": {ACTION: 1}}

    assert invoke("store_events", as_records(*cloud.messages())) == {"batchItemFailures": []}

    late = next(item for item in cloud.items() if item["pk"] == f"execution#{told['execution_id']}")
    assert (status, late["outcome"], late["reason"]) == (200, "duplicate", "duplicate_recovered")
    assert len([item for item in cloud.items() if item["pk"].startswith("lane#")]) == 1
