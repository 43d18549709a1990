"""The receiver of outbound messages: who may send, what is kept of it, and what is acknowledged."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from defusedxml.ElementTree import fromstring

from leadbridge.announcements import BODY_LIMIT_BYTES, DOCUMENT_AGE_SECONDS
from leadbridge.domain.announced import Notification, address, read_message
from leadbridge.domain.messages import ForeignMessageError
from leadbridge.domain.webhook import webhook_key
from tests.builders.actions import a_salesforce_connection
from tests.builders.announced import ORG, SESSION, an_outbound_message
from tests.fakes.clock import NOON
from tests.fakes.outbound_door import CRM, OutboundDoor

LEAD = "00Q000000000001EAA"
CHANGE = ("04l000000000001AAA", "Lead", LEAD)
PRIVATE = "<sf:Email>ann.private@example.com</sf:Email>"


@pytest.fixture
def door() -> OutboundDoor:
    """A receiver with one connection."""
    return OutboundDoor()


def is_acknowledged(answer: tuple[int, str]) -> bool:
    """Whether Salesforce takes the answer for an acknowledgement."""
    status, text = answer
    if status != 200:
        return False
    soap, ours = "http://schemas.xmlsoap.org/soap/envelope/", "http://soap.sforce.com/2005/09/outbound"
    found = fromstring(text).findtext(f"{{{soap}}}Body/{{{ours}}}notificationsResponse/{{{ours}}}Ack")
    return bool(found == "true")


def test_a_message_is_acknowledged_once_its_changes_are_durable(door: OutboundDoor) -> None:
    """A hundred notifications are one message of the queue: which records, when, and nothing of their values."""
    changes = [(f"04l{number:012}", "Contact", f"003{number:012}") for number in range(100)]
    assert is_acknowledged(door.ask(an_outbound_message(*changes, fields=PRIVATE)))
    (kept,) = door.kept()
    assert (kept.connection, kept.received_at, kept.looks) == (CRM, NOON, 0)
    assert [(each.id[:15], each.object, each.record[:15]) for each in kept.notifications] == changes
    text = json.dumps(door.queue.sent)
    assert not any(part in text for part in (SESSION, "ann.private", "x.example.com"))
    assert len(text) < 20_000


def test_what_is_not_durable_is_not_acknowledged(door: OutboundDoor) -> None:
    """Salesforce sees the gateway's error and sends the message again, which is then another one of the queue."""
    door.queue.broken = True
    with pytest.raises(ClientError):
        door.ask(an_outbound_message(CHANGE))
    door.queue.broken = False
    assert [is_acknowledged(door.ask(an_outbound_message(CHANGE))) for _ in range(2)] == [True, True]
    first, second = door.kept()
    assert first.id != second.id
    assert first.notifications == second.notifications == (Notification(id=CHANGE[0], object="Lead", record=LEAD),)


@pytest.mark.parametrize(
    "key", ["", "v1.wrong", OutboundDoor.key("other"), webhook_key("master", CRM, 1), f"{OutboundDoor.key()}\n"]
)
def test_a_wrong_key_is_told_nothing_and_nothing_is_kept(door: OutboundDoor, key: str) -> None:
    """No key, a wrong one, that of another connection, an Action's of the same name; not acknowledged, so it comes
    again once the address is right."""
    assert door.ask(an_outbound_message(CHANGE), key=key) == (401, '{"status": "rejected", "reason": "unauthorized"}')
    assert door.queue.sent == []


def test_a_connection_that_there_is_not_answers_as_a_wrong_key(door: OutboundDoor) -> None:
    """Nobody learns which connections there are; one that is applied later is known within seconds."""
    refused = door.ask(an_outbound_message(CHANGE), key="v1.wrong")
    assert door.ask(an_outbound_message(CHANGE), connection="new") == refused
    door.documents.keep(a_salesforce_connection(id="new", organization_id=ORG))
    door.seconds += 2
    assert is_acknowledged(door.ask(an_outbound_message(CHANGE), connection="new"))


def test_a_rotated_key_works_beside_the_one_before_it(door: OutboundDoor) -> None:
    """The address in the org may be changed at leisure between two rotations."""
    first = door.key()
    door.secrets.value = {"generation": 2, "key": "second", "previous": {"generation": 1, "key": "master"}}
    door.seconds += 100
    second = door.key(generation=2, master="second")
    assert [door.ask(an_outbound_message(CHANGE), key=each)[0] for each in (first, second)] == [200, 200]
    door.secrets.value = {"generation": 3, "key": "third", "previous": {"generation": 2, "key": "second"}}
    door.seconds += 100
    assert [door.ask(an_outbound_message(CHANGE), key=each)[0] for each in (first, second)] == [401, 200]


@pytest.mark.parametrize(
    ("organization", "named", "reason"),
    [
        ("00D000000000002EAA", ORG, "organization_foreign"),
        (ORG, None, "organization_missing"),
    ],
)
def test_only_the_org_of_the_connection_is_believed(
    door: OutboundDoor, organization: str, named: str | None, reason: str
) -> None:
    """A sandbox is a copy of its org, address included; its changes are none of the connection's."""
    door.documents.keep(a_salesforce_connection(id=CRM, organization_id=named))
    status, text = door.ask(an_outbound_message(CHANGE, organization=organization))
    assert (status, json.loads(text)["reason"]) == (403, reason)
    assert door.queue.sent == []


def test_an_org_is_known_in_either_spelling(door: OutboundDoor) -> None:
    """Fifteen characters and eighteen are one org."""
    door.documents.keep(a_salesforce_connection(id=CRM, organization_id=ORG[:15]))
    assert is_acknowledged(door.ask(an_outbound_message(CHANGE, organization=ORG[:15])))


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "not_xml"),
        (b"\xff\xfe", 400, "not_xml"),
        (b"<a/>", 400, "not_outbound"),
        (an_outbound_message(), 400, "notifications"),
        (an_outbound_message(*[CHANGE] * 101), 400, "notifications"),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>', 400, "forbidden_xml"),
        (b" " * (BODY_LIMIT_BYTES + 1), 413, "too_large"),
    ],
    ids=["empty", "bytes", "other", "none", "101", "entity", "large"],
)
def test_what_is_no_outbound_message_is_refused_and_not_acknowledged(
    door: OutboundDoor, body: bytes, status: int, reason: str
) -> None:
    """Nothing of it is kept or repeated."""
    found, text = door.ask(body)
    assert (found, json.loads(text)["reason"]) == (status, reason)
    assert door.queue.sent == []
    assert "hostname" not in text


def test_an_unreadable_connection_stops_nothing_that_was_known(door: OutboundDoor) -> None:
    """The copy of a document is good for as long as DynamoDB is away; without one the message comes again."""
    assert is_acknowledged(door.ask(an_outbound_message(CHANGE)))
    door.documents.broken = True
    door.seconds += DOCUMENT_AGE_SECONDS + 1
    assert is_acknowledged(door.ask(an_outbound_message(CHANGE)))
    reads = door.documents.reads
    door.documents.broken = False
    door.seconds += DOCUMENT_AGE_SECONDS + 1
    assert is_acknowledged(door.ask(an_outbound_message(CHANGE)))
    assert is_acknowledged(door.ask(an_outbound_message(CHANGE)))
    assert door.documents.reads == reads + 1
    door.documents.broken = True
    with pytest.raises(ClientError):
        door.ask(an_outbound_message(CHANGE), connection="other")


def test_the_address_holds_the_connection_and_its_key() -> None:
    """As the route of the template has it."""
    assert address("https://x.example.com/prod", CRM, "v1.k") == "https://x.example.com/prod/outbound-messages/crm/v1.k"


WHOLE = {
    "v": 1,
    "kind": "announcement",
    "id": "1",
    "connection": "crm",
    "received_at": "2026-03-02T12:00:00Z",
    "notifications": [["04l", "Lead", "00Q"]],
    "looks": 0,
}


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 9},
        {"kind": "event"},
        {"id": None, "notifications": None},
        {"received_at": "2026-03-02T12:00:00"},
        {"received_at": "yesterday"},
        {"notifications": [["private"]]},
    ],
)
def test_a_message_that_nobody_of_ours_wrote_is_none(changes: dict[str, Any]) -> None:
    """It ends in the dead letter queue; the reason holds nothing of it."""
    assert read_message(json.dumps(WHOLE)).notifications[0].record == "00Q"
    for body in (json.dumps(WHOLE | changes), "no json", "[]"):
        with pytest.raises(ForeignMessageError) as caught:
            read_message(body)
        assert "private" not in str(caught.value)
