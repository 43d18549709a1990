"""Salesforce's twin announces changes to the receiver behind its gateway; each of them is heard of once."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from leadbridge.domain.announced import address
from tests.builders.actions import a_salesforce_connection
from tests.fakes.announced import InMemoryAnnouncements
from tests.fakes.outbound_door import CRM, OutboundDoor
from tests.gateway import serving
from tests.integration.vendors.conftest import Twin

PEOPLE = 120


@pytest.fixture
def door(salesforce: Twin) -> OutboundDoor:
    """The receiver, which knows the twin's org."""
    found = OutboundDoor()
    [org] = salesforce.get("records/Organization")
    found.documents.keep(a_salesforce_connection(id=CRM, organization_id=org["Id"]))
    return found


@pytest.fixture
def endpoint(door: OutboundDoor) -> Iterator[str]:
    """Where the twin sends to; what the function cannot do is an error of the gateway."""

    def receive(event: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return door.receive(event).as_proxy()
        except ClientError:
            return {"statusCode": 502, "headers": {}, "body": "{}"}

    with serving(receive) as url:
        yield address(url, CRM, door.key())


def sent(salesforce: Twin) -> list[bool]:
    """Whether each message that was due is acknowledged."""
    return [each["acknowledged"] for each in salesforce.post("outbound/send")]


@pytest.mark.cap("U45")
def test_each_change_is_heard_of_once_however_it_is_sent(salesforce: Twin, door: OutboundDoor, endpoint: str) -> None:
    """More changes than one message holds, in the wrong order, each message twice, and an hour in which nothing is
    durable: every message comes until it is acknowledged, and every notification counts once."""
    rule = {"object": "Lead", "fields": ["Email"], "endpoint": endpoint, "skip_integration_user": False}
    salesforce.post("outbound", rule | {"out_of_order": True, "duplicates": True})
    rows = [{"LastName": f"Doe {number}", "Company": "Acme"} for number in range(PEOPLE)]
    ids = salesforce.post("load", {"Lead": rows})["Lead"]
    door.queue.broken = True
    assert sent(salesforce) == [False] * 4
    salesforce.post("clock", {"advance_seconds": 3_600})
    assert door.queue.sent == []

    door.queue.broken = False
    assert sent(salesforce) == [True] * 4
    assert salesforce.get("outbound")["waiting"] == []
    announcements = InMemoryAnnouncements()
    heard = [
        notification.record
        for announcement in door.kept()
        for notification in announcement.notifications
        if notification.id in announcements.claim(announcement)
    ]
    # a message that is sent twice is two announcements, the second of which brings nothing
    assert len(door.kept()) == 4
    assert sorted(heard) == sorted(ids)


def test_what_is_refused_waits_in_the_org_until_the_cause_is_mended(
    salesforce: Twin, door: OutboundDoor, endpoint: str
) -> None:
    """An org that the connection does not name: its messages come again, and arrive once it is named."""
    named = door.documents.items["salesforce_connection", CRM]
    door.documents.keep(a_salesforce_connection(id=CRM))
    salesforce.post("outbound", {"object": "Lead", "fields": [], "endpoint": endpoint, "skip_integration_user": False})
    [lead] = salesforce.post("load", {"Lead": [{"LastName": "Doe", "Company": "Acme"}]})["Lead"]
    assert sent(salesforce) == [False]
    assert [each["record_id"] for each in salesforce.get("outbound")["waiting"]] == [lead]

    door.documents.items["salesforce_connection", CRM] = named
    door.seconds += 60
    salesforce.post("clock", {"advance_seconds": 60})
    assert sent(salesforce) == [True]
    [announcement] = door.kept()
    assert [(each.object, each.record) for each in announcement.notifications] == [("Lead", lead)]
