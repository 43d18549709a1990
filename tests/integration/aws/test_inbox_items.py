"""What the executions table holds: whose values, for how long, and what becomes of items this code cannot read."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadbridge.aws.inbox import DynamoInbox
from leadbridge.aws.items import dump, load
from leadbridge.aws.log import DynamoLog
from leadbridge.domain.event import VERSION, Event, Part, Result
from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.outcome import Outcome, Reason, State
from tests.contract.ports.builders import LANE, START, an_ending, an_event, arrival_of
from tests.integration.aws.local_aws import SettableClock, scan

TABLE = "ExecutionsTable"
KEY = b"index-key"
RETENTION = timedelta(days=30)
PERSON = {
    "lead": {
        "id": 4711,
        "email": "Zoe.Odd@Example.com ",
        "firstName": "Zoë",
        "lastName": "O'Dd-Quirke",
        "company": "Quirke & Söhne",
        "phone": "+49 30 5550199",
        "notes": 'said "call me"',
        "score": 987654,
    },
    "campaign": {"id": 7, "name": "Spring"},
    "program": {"name": "Webinar by Zoë"},
    "token": {"my.Gift": "a blue umbrella"},
    "event_id": "zoe-odd-2026",
}
#: values of the payload that say nothing of a person
HARMLESS = {"4711", "7", "Spring"}


@pytest.fixture
def inbox(dynamodb: Any, clock: SettableClock) -> DynamoInbox:
    """The inbox on the template's tables."""
    return DynamoInbox(
        dynamodb, executions=TABLE, keys="KeysTable", hash_key=lambda: KEY, retention=RETENTION, now=clock.now
    )


@pytest.fixture
def log(dynamodb: Any) -> DynamoLog:
    """What operators read."""
    return DynamoLog(dynamodb, table=TABLE)


def values_of(document: Any) -> set[str]:
    """Every scalar value of a JSON document, as text."""
    if isinstance(document, Mapping):
        return set().union(*map(values_of, document.values()))
    return {str(document)}


def personal_values_in(text: str) -> set[str]:
    """The values of the person that a text holds, in any letter case."""
    wanted = {value.strip() for value in values_of(PERSON)} - HARMLESS
    assert len(wanted) > 8
    return {value for value in wanted if value.casefold() in text.casefold()}


def as_text(item: Mapping[str, Any]) -> str:
    """An item as text, with its characters as they are."""
    return json.dumps(item, ensure_ascii=False, default=str)


def personal_items(dynamodb: Any) -> list[tuple[str, str]]:
    """Keys of the items of any table that hold a personal value."""
    return [
        (item["pk"], item.get("sk", ""))
        for table in (TABLE, "KeysTable", "StateTable")
        for item in map(load, scan(dynamodb, table))
        if personal_values_in(as_text(item))
    ]


def test_the_log_item_holds_no_personal_value(inbox: DynamoInbox, dynamodb: Any, log: DynamoLog) -> None:
    """While an event waits its own item holds the payload, encrypted at rest; the log item holds none of its values."""
    event = an_event(payload=PERSON)

    inbox.add(event, arrival_of(event))

    assert personal_items(dynamodb) == [(f"lane#{LANE}", event.sequence)]
    item = log.get(event.execution_id)
    assert item is not None
    assert (item["lead_id"], item["campaign_name"]) == ("4711", "Spring")
    assert item["email_hash"] == keyed_hash(KEY, "email", "zoe.odd@example.com")


def test_no_personal_value_is_left_when_an_event_ends(inbox: DynamoInbox, dynamodb: Any) -> None:
    """After the end no item of any table holds a value of the payload."""
    event = an_event(payload=PERSON)
    inbox.add(event, arrival_of(event))
    (mine,) = inbox.claim([event], 1)

    inbox.finish([an_ending(mine)])

    assert personal_items(dynamodb) == []


def test_a_parked_call_keeps_its_payload_apart_from_the_log(inbox: DynamoInbox, dynamodb: Any) -> None:
    """Only the kept item holds the person's values; once redriven and ended nothing does."""
    event = an_event(payload=PERSON)
    inbox.add(event, arrival_of(event))
    (mine,) = inbox.claim([event], 1)

    inbox.park(mine, reason=Reason.WORKER_CRASHED, message="Parked.")
    assert personal_items(dynamodb) == [(f"execution#{event.execution_id}", "payload")]

    inbox.readmit(mine.evolve(epoch=0), was=State.PARKED, times=0)
    (again,) = inbox.claim(inbox.due(LANE, START + timedelta(hours=1), 200), 2)
    inbox.finish([an_ending(again)])
    assert personal_items(dynamodb) == []


@pytest.mark.parametrize(
    "campaign",
    [
        pytest.param({"id": {"email": "Zoe.Odd@Example.com"}}, id="object as id"),
        pytest.param({"name": ["O'Dd-Quirke"]}, id="list as name"),
    ],
)
def test_a_nested_campaign_does_not_carry_values_into_the_log(
    inbox: DynamoInbox, log: DynamoLog, campaign: dict[str, Any]
) -> None:
    """A template that nests something where the campaign's id or name belongs leaves no trace of it in the log."""
    event = an_event(payload={"lead": {"id": 1}, "campaign": campaign})

    inbox.add(event, arrival_of(event))

    assert personal_values_in(as_text(log.get(event.execution_id) or {})) == set()


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"lead": "4711"}, id="text as lead"),
        pytest.param({"lead": {"id": 1}, "campaign": "Spring"}, id="text as campaign"),
        pytest.param({"person": {"id": 1}}, id="no lead"),
        pytest.param({}, id="empty"),
    ],
)
@pytest.mark.fault("FA18")
def test_a_payload_of_another_shape_can_be_set_aside(
    inbox: DynamoInbox, log: DynamoLog, payload: dict[str, Any]
) -> None:
    """A call written by a newer version is parked with its payload, whatever that looks like."""
    arrival = arrival_of(an_event(), payload=payload, version=VERSION + 1)

    inbox.set_aside(arrival, state=State.PARKED, reason=Reason.UNKNOWN_VERSION, message="Parked.")

    item = log.get(arrival.execution_id)
    kept = log.kept(arrival.execution_id)
    assert item is not None
    assert kept is not None
    assert item["state"] == "parked"
    assert json.loads(kept["payload"]) == payload


def test_what_ended_is_removed_after_the_retention(inbox: DynamoInbox, log: DynamoLog, clock: SettableClock) -> None:
    """The end of life is counted from the end of the execution, not from its arrival; what waits has none."""
    event = an_event()
    inbox.add(event, arrival_of(event))
    waiting = log.get(event.execution_id)
    assert waiting is not None
    assert "ttl" not in waiting

    clock.advance(days=20)
    (mine,) = inbox.claim([event], 1)
    inbox.finish([an_ending(mine)])

    ended = log.get(event.execution_id)
    assert ended is not None
    assert ended["ttl"] == int((clock.now() + RETENTION).timestamp())


def test_a_repaired_call_that_is_parked_has_no_end_of_life(inbox: DynamoInbox, log: DynamoLog) -> None:
    """A rejected call would have been removed; once redriven it stays visible, also if it is parked then."""
    event = an_event()
    inbox.set_aside(
        arrival_of(event, kind="rejected", payload=None, body="eA=="), state=State.REJECTED, reason="x", message="x"
    )

    inbox.readmit(event, was=State.REJECTED, times=0)

    item = log.get(event.execution_id)
    assert item is not None
    assert "ttl" not in item
    (mine,) = inbox.claim(inbox.due(event.lane, event.received_at, 1), 1)
    inbox.park(mine, reason=Reason.MAPPING_BROKEN, message="Parked.")
    item, kept = log.get(event.execution_id), log.kept(event.execution_id)
    assert item is not None
    assert kept is not None
    assert "ttl" not in item
    assert "ttl" not in kept


def rewrite(dynamodb: Any, event: Event, **changes: Any) -> None:
    """Change members of a waiting event's item as another version of the code would have written them."""
    (raw,) = [item for item in scan(dynamodb, TABLE) if item["sk"]["S"] == event.sequence]
    dynamodb.put_item(TableName=TABLE, Item=raw | dump(changes))


@pytest.mark.fault("FA18")
def test_an_item_of_the_version_before_is_read(inbox: DynamoInbox, dynamodb: Any) -> None:
    """An event stored by the code before this one is due like any other."""
    event = an_event()
    inbox.add(event, arrival_of(event))
    rewrite(dynamodb, event, v=VERSION - 1)

    assert list(inbox.due(LANE, START, 200)) == [event]


@pytest.mark.fault("FA18")
def test_an_item_of_a_newer_version_is_parked(inbox: DynamoInbox, dynamodb: Any, log: DynamoLog) -> None:
    """It is left out of the batch, shown as parked with its reason, and kept whole; the others of the lane are due."""
    newer, ours = an_event(1, payload=PERSON), an_event(2)
    for event in (newer, ours):
        inbox.add(event, arrival_of(event))
    rewrite(dynamodb, newer, v=VERSION + 1, state="a state of the future", extra={"n": 1})

    assert list(inbox.due(LANE, START, 200)) == [ours]

    item, kept = log.get(newer.execution_id), log.kept(newer.execution_id)
    assert item is not None
    assert kept is not None
    assert (item["state"], item["reason"]) == ("parked", "unknown_version")
    assert f"({VERSION + 1})" in item["message"]
    assert json.loads(kept["payload"]) == PERSON
    assert json.loads(kept["event"])["extra"] == {"n": 1}
    assert list(inbox.due(LANE, START, 200)) == [ours]


def test_a_parked_event_comes_back_as_it_was(inbox: DynamoInbox, log: DynamoLog) -> None:
    """The kept item gives the whole event back: its result at the destination, attempts, version and payload."""
    event = an_event(payload=PERSON)
    inbox.add(event, arrival_of(event))
    (mine,) = inbox.claim([event], 3)
    reporting = mine.evolve(
        state=State.REPORTING, attempts=4, version=2, result=Result(outcome=Outcome.CREATED, record_id="00Q1")
    )
    inbox.save([reporting])

    inbox.park(reporting, reason="marketo_603", message="Parked.")

    kept = log.kept(event.execution_id)
    assert kept is not None
    assert log.kept_event(kept) == reporting
    assert log.kept_event({"body": "eA=="}) is None


# -- the log, as operators search it


@pytest.fixture
def history(inbox: DynamoInbox) -> list[Event]:
    """Six executions of two persons over three days, one of them ended."""
    events = [
        an_event(
            number,
            received_at=START + timedelta(hours=12 * number),
            sequence=f"{number:014d}#execution-{number:04d}",
            payload={"lead": {"id": 1 + number % 2, "email": f" Person{number % 2}@Example.com"}},
        )
        for number in range(6)
    ]
    for event in reversed(events):
        inbox.add(event, arrival_of(event))
    (first,) = inbox.claim(events[:1], 1)
    inbox.finish([an_ending(first, activity=Part(status="failed", reason="marketo_1003", message="No."))])
    return events


def ids(items: Any) -> list[str]:
    """Execution ids of log items."""
    return [item["execution_id"] for item in items]


def test_executions_of_one_lead_are_found_in_order(history: list[Event], log: DynamoLog) -> None:
    """The hash of a lead id finds all executions of that lead, ended or not, by sequence; another's finds none."""
    found = ids(log.of_lead(keyed_hash(KEY, "lead", "1")))

    assert found == [history[number].execution_id for number in (0, 2, 4)]
    assert ids(log.of_lead(keyed_hash(KEY, "lead", "99"))) == []


def test_executions_of_one_address_are_found_however_it_is_written(history: list[Event], log: DynamoLog) -> None:
    """Letter case and blanks make no difference, because the hash is of the normalised address."""
    found = ids(log.of_email(keyed_hash(KEY, "email", "person1@example.com")))

    assert found == [history[number].execution_id for number in (1, 3, 5)]


def test_executions_of_a_period_are_found_across_days(history: list[Event], log: DynamoLog) -> None:
    """From an instant on one day to one on another, both included, in order; nothing outside of them."""
    start, end = history[1].received_at, history[4].received_at

    assert ids(log.since(start, end)) == [event.execution_id for event in history[1:5]]
    before = datetime(2020, 1, 1, tzinfo=UTC)
    assert ids(log.since(before, before + timedelta(days=1))) == []


def test_the_newest_are_read_first_where_that_is_asked_for(inbox: DynamoInbox, log: DynamoLog) -> None:
    """Of a period over three days, of a lead and of an address: the same backwards, and from any of them on."""
    events = [
        an_event(
            number,
            received_at=(at := START + timedelta(hours=12 * number)),
            sequence=f"{round(at.timestamp() * 1000):014d}#execution-{number:04d}",
            payload={"lead": {"id": 1, "email": "person@example.com"}},
        )
        for number in range(6)
    ]
    for event in events:
        inbox.add(event, arrival_of(event))
    backwards = [event.execution_id for event in reversed(events)]
    lead, email = keyed_hash(KEY, "lead", "1"), keyed_hash(KEY, "email", "person@example.com")
    first, last = events[1].received_at, events[4].received_at

    assert ids(log.since(first, last, newest=True)) == backwards[1:5]
    assert ids(log.of_lead(lead, newest=True)) == ids(log.of_email(email, newest=True)) == backwards
    for place, event in enumerate(reversed(events)):
        after = event.sequence
        assert ids(log.of_lead(lead, after=after, newest=True)) == backwards[place + 1 :]
        assert ids(log.since(first, last, after=after, newest=True)) == backwards[max(1, place + 1) : 5]
        assert ids(log.since(first, last, after=after)) == backwards[1 : min(5, place)][::-1]


def test_an_execution_that_is_not_there_is_none(log: DynamoLog) -> None:
    """Neither its log nor anything kept is found under an unknown id."""
    assert log.get("unknown") is None
    assert log.kept("unknown") is None
