"""The overview: what a person wants to see first."""

from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.alerts import Alert, Kind, Memory, Subject
from leadbridge.domain.counted import ARRIVED, ENDED, PARKED, REJECTED, ParkedWork, Waiting
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.limits import Gate, Signal, State, millis
from tests.builders.actions import ACTION, MARKETO, SALESFORCE, a_marketo_connection, a_salesforce_connection, an_action
from tests.builders.admin import Admin, from_console
from tests.builders.syncs import a_sync
from tests.builders.whole_cycles import CYCLE, a_cycle
from tests.builders.world import World
from tests.fakes.clock import NOON

ORG = "example.my.salesforce.com"
HOUR = timedelta(hours=1)
INSTANCE = "123-abc-456.mktorest.com"


@pytest.fixture
def admin() -> Admin:
    """The admin API of a world with one active Action."""
    found = Admin(World(an_action()))
    found.store(a_marketo_connection(base_url=f"https://{INSTANCE}"))
    return found


def overview(admin: Admin) -> Any:
    """What a viewer sees."""
    answered = admin.send(from_console("GET", "/overview", groups="viewer"))
    assert answered.status == 200, answered.json
    return answered.json


def test_where_nothing_happened_connections_are_all_there_is(admin: Admin) -> None:
    """They stand as in their own list; nothing is used, parked, waiting, told or ended, and no vendor is asked."""
    found = overview(admin)

    assert found.pop("connections") == admin.get("/connections")["connections"]
    assert found == {
        "at": "2026-03-02T12:00:00Z",
        "since": "2026-03-01T12:00:00Z",
        "paused": False,
        **{name: [] for name in ("quotas", "parked", "waiting", "alerts", "outcomes", "carried_over")},
    }
    assert admin.described.org.asked == []


def test_calls_of_the_day_are_told_with_a_forecast_and_whose_they_are(admin: Admin) -> None:
    """Marketo's until its midnight, by the pace since the last one; the only org's by the pace of the last hour."""
    ends = NOON + 12 * HOUR
    admin.watch.states = {
        f"marketo#{INSTANCE}": State(used=40_000, day_ends=millis(ends)),
        f"salesforce#{ORG}": State(used=70_000, allowed=100_000),
    }
    admin.alerts.save(Memory(used={ORG: ((NOON - HOUR / 2, 60_000),)}), [], 0)

    marketo, salesforce = overview(admin)["quotas"]

    assert (marketo["connections"], marketo["used"], marketo["allowed"]) == ([MARKETO], 40_000, 50_000)
    assert (marketo["day_ends"], marketo["spent_at"]) == ("2026-03-03T00:00:00Z", "2026-03-02T15:00:00Z")
    assert (salesforce["connections"], salesforce["used"], salesforce["allowed"]) == ([SALESFORCE], 70_000, 100_000)
    assert (salesforce["day_ends"], salesforce["spent_at"]) == (None, "2026-03-02T13:30:00Z")
    assert {each["shut_until"] for each in (marketo, salesforce)} == {None}


def test_megabytes_that_were_extracted_today_are_told_with_a_forecast(admin: Admin) -> None:
    """Of all connections of the instance, by Marketo's day, which began six hours ago; none before a first file."""
    admin.watch.states = {f"marketo#{INSTANCE}": State(used=1, day_ends=millis(NOON + 18 * HOUR))}
    admin.store(a_marketo_connection(id="second", base_url=f"https://{INSTANCE}"))
    assert [each["extracts"] for each in overview(admin)["quotas"]] == [None]

    admin.bulk_runs.made = [
        (MARKETO, "today", NOON - 5 * HOUR, 250_000_000),
        ("second", "too", NOON, 150_040_000),
        (MARKETO, "yesterday", NOON - 7 * HOUR, 90_000_000),
    ]
    (marketo,) = overview(admin)["quotas"]

    told = marketo["extracts"]
    assert (told["megabytes"], told["allowed"]) == (400.0, 500)
    assert told["spent_at"].startswith("2026-03-02T13:29:57")


def test_a_day_that_is_over_counts_for_nothing(admin: Admin) -> None:
    """Until somebody calls on the new day, what was used on the old one is known; it is not shown as used."""
    admin.watch.states = {f"marketo#{INSTANCE}": State(used=40_000, day_ends=millis(NOON))}

    (marketo,) = overview(admin)["quotas"]

    assert (marketo["used"], marketo["spent_at"]) == (0, None)


def test_of_several_orgs_each_has_the_connections_that_log_in_there(admin: Admin) -> None:
    """A My Domain host says whose org it is; whose the others are is not known."""
    admin.store(a_salesforce_connection(id="other", token_host=f"https://{ORG}"))
    admin.watch.states = {
        f"salesforce#{ORG}": State(used=1, allowed=10),
        "salesforce#third.my.salesforce.com": State(used=1, allowed=10),
    }

    assert [each["connections"] for each in overview(admin)["quotas"]] == [["other"], []]


def test_what_waits_tells_until_when(admin: Admin) -> None:
    """Calls that wait for a person since when and why; those for a vendor until when, as its instance is."""
    until = NOON + 3 * HOUR
    shut = Gate(signal=Signal.QUOTA, code="607", until=millis(until), probe_at=millis(NOON))
    admin.watch.states = {f"marketo#{INSTANCE}": State(used=50_000, day_ends=millis(until), gate=shut)}
    admin.watch.work = [ParkedWork(action=ACTION, reason="mapping_broken", number=2, since=NOON - HOUR)]
    admin.watch.lanes = [
        Waiting(connection=SALESFORCE, since=NOON - HOUR, number=200, more=True, reason="marketo_607", due_at=until)
    ]

    found = overview(admin)

    assert found["parked"] == [
        {"action_id": ACTION, "reason": "mapping_broken", "number": 2, "since": "2026-03-02T11:00:00Z"}
    ]
    assert found["waiting"] == [
        {
            "connection": SALESFORCE,
            "reason": "marketo_607",
            "number": 200,
            "more": True,
            "since": "2026-03-02T11:00:00Z",
            "due_at": "2026-03-02T15:00:00Z",
        }
    ]
    assert [(each["shut_until"], each["shut_because"]) for each in found["quotas"]] == [("2026-03-02T15:00:00Z", "607")]


def test_open_alerts_say_what_to_do(admin: Admin) -> None:
    """The words of the message, the oldest first; the command names the stack."""

    def an_alert(kind: Kind, name: str, since: int, **facts: str | int) -> Alert:
        at = NOON - since * HOUR
        subject = Subject(kind=kind, name=name)
        return Alert(subject=subject, since=at, raised_at=at, told_at=at, clear_since=None, facts=facts)

    alerts = [
        an_alert(Kind.LAG, SALESFORCE, 1, number=1, minutes=60, reason="marketo_607"),
        an_alert(Kind.PARKED, ACTION, 2, number=3),
    ]
    admin.alerts.save(Memory(alerts={each.subject: each for each in alerts}), [], 0)

    parked, lag = overview(admin)["alerts"]

    assert parked == {
        "kind": "parked",
        "name": ACTION,
        "title": f"Action {ACTION}: parked calls wait for you",
        "what": "3 calls are parked.",
        "remedy": (
            "Mend what the message of one of them says, then run them again with "
            "`leadbridge --stack prod redrive --state parked`."
        ),
        "command": "leadbridge --stack prod executions --state parked",
        "since": "2026-03-02T10:00:00Z",
        "clear_since": None,
    }
    assert lag["what"] == "1 call waits, the oldest for 60 minutes, because of marketo_607."


def test_outcomes_of_the_last_day_are_counted_by_kind(admin: Admin) -> None:
    """Of all Actions, in one order; what is older is not, and what an older version counted has no outcome."""
    tally, clock = admin.tally, admin.world.clock
    tally.note(ACTION, ENDED, "updated", 9)
    tally.flush()
    clock.advance(24 * 3600 + 300)
    for action, what, reason in (
        (ACTION, ARRIVED, ""),
        (ACTION, ENDED, "failed"),
        (ACTION, ENDED, "created"),
        ("other", ENDED, "created"),
        (ACTION, ENDED, ""),
        (ACTION, PARKED, "mapping_broken"),
        (ACTION, REJECTED, "body_not_json"),
    ):
        tally.note(action, what, reason)
    tally.flush()
    clock.advance(300)

    assert [(each["kind"], each["number"]) for each in overview(admin)["outcomes"]] == [
        ("created", 2),
        ("failed", 1),
        ("ended", 1),
        ("parked", 1),
        ("rejected", 1),
    ]


def test_an_action_of_the_list_says_what_became_of_its_calls_of_the_last_hour(admin: Admin) -> None:
    """Its own, by kind; those of two hours ago are not counted any more."""
    tally, clock = admin.tally, admin.world.clock
    tally.note(ACTION, ENDED, "updated", 9)
    tally.flush()
    clock.advance(7200)
    for action, what, reason in ((ACTION, ENDED, "created"), ("other", ENDED, "created"), (ACTION, PARKED, "broken")):
        tally.note(action, what, reason, 2)
    tally.flush()
    clock.advance(300)

    [told] = admin.get("/actions")["actions"]
    assert told["last_hour"] == [{"kind": "created", "number": 2}, {"kind": "parked", "number": 2}]


def test_active_syncs_and_cycles_say_up_to_when_they_have_carried_over_what_changed(admin: Admin) -> None:
    """A Sync by its watermark, a cycle by the queue that is furthest behind; what has never run says so. One that reads
    everything each time, or is not active, is not asked about."""
    every = a_sync(id="carried", extraction="incremental")
    active = (every, a_sync(id="new", extraction="incremental"), a_sync(id="whole", extraction="full"), a_cycle())
    admin.store(*active, a_sync(id="rests", extraction="incremental"))
    for each in active:
        admin.world.configurations.move(each.kind, each.id, Move.ACTIVATE)
    held = admin.runs.take(every.id, "slot", admin.runs.standing(every.id), NOON)
    assert held is not None
    admin.runs.commit(every.id, "slot", held.epoch, NOON - HOUR, 10, carried="")
    seen = admin.cycle_runs.take(CYCLE, "slot", admin.cycle_runs.standing(CYCLE), NOON)
    assert seen is not None
    marks = {"Lead": NOON - HOUR, "leads": NOON - 3 * HOUR}
    admin.cycle_runs.commit(CYCLE, "slot", seen.epoch, marks, {}, schemas={})

    assert [tuple(each.values()) for each in overview(admin)["carried_over"]] == [
        ("sync", "carried", every.name, "2026-03-02T11:00:00Z"),
        ("sync", "new", every.name, None),
        ("crm_cycle", CYCLE, "Main", "2026-03-02T09:00:00Z"),
    ]
