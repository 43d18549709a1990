"""Outbound messages: what the listener gets, and what happens when it does not acknowledge."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.contract.simulator.salesforce_support import Org, lead

OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
SOBJECT = "{urn:sobject.enterprise.soap.sforce.com}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def acknowledgement(word: str) -> bytes:
    """Return a listener's SOAP answer."""
    return (
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
        f'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>{word}</Ack>'
        "</notificationsResponse></soapenv:Body></soapenv:Envelope>"
    ).encode()


@dataclass
class Listener:
    """A listener that answers as it is told and keeps what it got."""

    url: str
    status: int = 200
    answer: bytes = acknowledgement("true")
    got: list[ET.Element] = field(default_factory=list)

    def record_ids(self, number: int = -1) -> list[str]:
        """Return the record ids of one message, in its order."""
        return [str(each.text) for each in self.got[number].iter(f"{SOBJECT}Id")]


@pytest.fixture
def listener() -> Iterator[Listener]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            heard.got.append(ET.fromstring(content))
            self.send_response(heard.status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(heard.answer)))
            self.end_headers()
            self.wfile.write(heard.answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard = Listener(f"http://127.0.0.1:{server.server_address[1]}/listen")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield heard
    server.shutdown()
    thread.join()
    server.server_close()


def watch(org: Org, listener: Listener, **more: Any) -> dict[str, Any]:
    """Set up the message for leads."""
    rule = {"object": "Lead", "fields": ["LastName", "Title", "Opt_In__c", "CreatedDate"], "endpoint": listener.url}
    answer: dict[str, Any] = org.control("outbound", {"skip_integration_user": False, **rule, **more})
    return answer


def send(org: Org) -> list[dict[str, Any]]:
    """Send what is due."""
    deliveries: list[dict[str, Any]] = org.control("outbound/send", {})
    return deliveries


def waiting(org: Org) -> list[dict[str, Any]]:
    """Return what still waits to be acknowledged."""
    found: list[dict[str, Any]] = org.control("outbound")["waiting"]
    return found


def test_a_change_is_told_as_soap(org: Org, listener: Listener) -> None:
    """OrganizationId, ActionId, an empty SessionId, one Notification with its 04l id; null fields are absent."""
    rule = watch(org, listener)
    (made,) = org.load("Lead", lead(LastName="Ng & Söhne", Opt_In__c=True))
    (delivery,) = send(org)
    assert (delivery["status"], delivery["acknowledged"]) == (200, True)
    (message,) = listener.got
    session = message.find(f".//{OUTBOUND}SessionId")
    assert session is not None
    assert (session.text, session.get(NIL)) == (None, "true")
    assert message.findtext(f".//{OUTBOUND}ActionId") == rule["action_id"]
    organization = org.rows("SELECT Id FROM Organization")[0]["Id"]
    assert message.findtext(f".//{OUTBOUND}OrganizationId") == organization
    assert str(message.findtext(f".//{OUTBOUND}Notification/{OUTBOUND}Id")).startswith("04l")
    record = message.find(f".//{OUTBOUND}sObject")
    assert record is not None
    assert record.get(TYPE) == "sf:Lead"
    values = {child.tag.removeprefix(SOBJECT): child.text for child in record}
    assert str(values.pop("CreatedDate"))[:17] == "2031-05-06T07:08:"
    assert values == {"Id": made, "LastName": "Ng & Söhne", "Opt_In__c": "true"}
    assert waiting(org) == []
    assert send(org) == []


def test_a_message_holds_100_notifications_and_one_acknowledgement(org: Org, listener: Listener) -> None:
    """250 changes are three messages; each is acknowledged as a whole."""
    watch(org, listener)
    org.load("Lead", *(lead(LastName=f"n{n}") for n in range(250)))
    assert [len(each["notifications"]) for each in send(org)] == [100, 100, 50]
    assert waiting(org) == []


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, acknowledgement("false")),
        (200, b"ok"),
        (200, b"<Ack>true</Ack>"),
        (202, acknowledgement("true")),
        (500, b""),
    ],
)
def test_anything_but_an_acknowledgement_is_no_acknowledgement(
    org: Org, listener: Listener, status: int, answer: bytes
) -> None:
    """The whole message comes again with the same notification ids, after a pause."""
    watch(org, listener)
    org.load("Lead", lead(LastName="a"), lead(LastName="b"))
    listener.status, listener.answer = status, answer
    (first,) = send(org)
    assert not first["acknowledged"]
    assert send(org) == []
    org.control("clock", {"advance_seconds": 16})
    listener.status, listener.answer = 200, acknowledgement("true")
    (second,) = send(org)
    assert (second["notifications"], second["acknowledged"]) == (first["notifications"], True)
    assert waiting(org) == []


def test_pauses_grow_and_a_day_ends_it(org: Org, listener: Listener) -> None:
    """Pauses double up to two hours; 24 hours after the change the message is dropped."""
    watch(org, listener)
    org.load("Lead", lead())
    listener.answer = acknowledgement("false")
    start = org.now().timestamp()
    pauses: list[float] = []
    while send(org):
        (entry,) = waiting(org)
        pauses.append(entry["due"] - org.now().timestamp())
        org.control("clock", {"advance_seconds": pauses[-1] + 2})
    # real time passes between the sending and the look at the clock
    assert pauses[:4] == pytest.approx([15, 30, 60, 120], abs=5)
    assert pauses[-1] == pytest.approx(7_200, abs=5)
    assert org.now().timestamp() - start >= 86_400
    assert org.control("outbound") == org.control("outbound") | {"waiting": [], "dropped": 1}


def test_a_message_carries_the_values_of_its_sending(org: Org, listener: Listener) -> None:
    """Two changes are two notifications, both with the latest values: steps between are not told."""
    watch(org, listener)
    (made,) = org.load("Lead", lead(Title="first"))
    assert org.call("PATCH", f"/sobjects/Lead/{made}", json={"Title": "second"}).status_code == 204
    send(org)
    assert [each.text for each in listener.got[0].iter(f"{SOBJECT}Title")] == ["second", "second"]
    assert len({each.text for each in listener.got[0].iter(f"{OUTBOUND}Id")}) == 2


def test_order_and_single_delivery_are_not_promised(org: Org, listener: Listener) -> None:
    """With the switches on, messages come backwards and twice, with the same notification ids."""
    watch(org, listener, out_of_order=True, duplicates=True)
    made = org.load("Lead", lead(LastName="a"), lead(LastName="b"), lead(LastName="c"))
    first, second = send(org)
    assert first["notifications"] == second["notifications"]
    assert listener.record_ids(0) == listener.record_ids(1) == made[::-1]


def test_our_own_changes_are_not_told_unless_wished(org: Org, listener: Listener) -> None:
    """The integration user lacks Send Outbound Messages; a person's change is told. A write taken back is not."""
    watch(org, listener, skip_integration_user=True)
    (made,) = org.load("Lead", lead())
    bad = [
        {"attributes": {"type": "Lead"}, "id": made, "Title": "x"},
        {"attributes": {"type": "Lead"}, "id": made[:-1]},
    ]
    org.call("PATCH", "/composite/sobjects", json={"allOrNone": True, "records": bad})
    assert waiting(org) == []
    org.control("convert", {"leads": [{"leadId": made}]})
    send(org)
    assert listener.record_ids() == [made]


def test_a_listener_that_is_away_is_tried_again(org: Org, listener: Listener) -> None:
    """A refused connection has the status 0 and leaves the message in the queue."""
    watch(org, Listener("http://127.0.0.1:9/nobody"))
    org.load("Lead", lead())
    (delivery,) = send(org)
    assert (delivery["status"], delivery["acknowledged"]) == (0, False)
    assert [each["tries"] for each in waiting(org)] == [1]


def test_several_messages_may_be_set_up(org: Org, listener: Listener) -> None:
    """Leads and contacts, and leads a second time with other fields: each rule sends messages of its own."""
    rules = [
        {"object": name, "fields": fields, "endpoint": listener.url, "skip_integration_user": False}
        for name, fields in (("Lead", ["LastName"]), ("Contact", ["LastName"]), ("Lead", ["Company"]))
    ]
    made = org.control("outbound", rules)
    assert len({each["action_id"] for each in made}) == 3
    (person,), (contact,) = org.load("Lead", lead(LastName="a")), org.load("Contact", {"LastName": "b"})
    assert [len(each["notifications"]) for each in send(org)] == [1, 1, 1]
    told = [message.find(f".//{OUTBOUND}sObject") for message in listener.got]
    assert [(each.get(TYPE), each.findtext(f"{SOBJECT}Id")) for each in told if each is not None] == [
        ("sf:Lead", person),
        ("sf:Contact", contact),
        ("sf:Lead", person),
    ]
    assert waiting(org) == []
    org.control("outbound", [])
    assert org.http.post("/_sim/outbound/send", json={}).status_code == 400


@pytest.mark.parametrize(
    "rule",
    [
        {},
        None,
        {"object": "Nope", "fields": [], "endpoint": "http://127.0.0.1:9/"},
        {"object": "Lead", "fields": ["Nope__c"], "endpoint": "http://127.0.0.1:9/"},
        {"object": "Lead", "fields": [], "endpoint": "https://example.com/"},
        {"object": "Lead", "fields": [], "endpoint": "http://127.0.0.1:9/", "duplicates": "yes"},
    ],
)
def test_a_wrong_rule_is_refused(org: Org, rule: dict[str, Any]) -> None:
    """Unknown object or field, an address that is not on this machine, a switch that is no boolean."""
    answer = org.http.post("/_sim/outbound", json=rule)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert org.http.post("/_sim/outbound/send", json={}).status_code == 400
