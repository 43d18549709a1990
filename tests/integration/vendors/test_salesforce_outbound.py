"""Outbound messages as the Salesforce twin sends them, read and acknowledged over HTTP."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from leadbridge.vendors.salesforce import outbound
from tests.integration.vendors.conftest import Twin


class Listener(ThreadingHTTPServer):
    """Reads every message that comes and answers with `ok`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Endpoint)
        self.messages: list[outbound.OutboundMessage] = []
        self.ok = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/outbound"


class _Endpoint(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append(outbound.parse(body))
        answer = outbound.acknowledgement(ok=self.server.ok)
        self.send_response(200)
        self.send_header("Content-Type", outbound.CONTENT_TYPE)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(10)


def set_up(salesforce: Twin, listener: Listener, **more: bool) -> None:
    rule = {"object": "Lead", "fields": ["LastName", "Email", "Title"], "endpoint": listener.url, **more}
    salesforce.post("outbound", {**rule, "skip_integration_user": False})


def test_101_changes_come_in_two_messages_and_each_is_read_as_it_was_sent(salesforce: Twin, listener: Listener) -> None:
    """100 notifications and one: every record once, odd characters whole, empty fields absent, all acknowledged."""
    set_up(salesforce, listener)
    rows = [{"LastName": f"O'Brien <{n}> & 李", "Company": "Acme", "Email": f"p{n}@example.com"} for n in range(101)]
    ids = salesforce.post("load", {"Lead": rows})["Lead"]
    sent = salesforce.post("outbound/send")
    assert [each["acknowledged"] for each in sent] == [True, True]
    assert [len(each.notifications) for each in listener.messages] == [100, 1]
    found = {each.record_id: each for message in listener.messages for each in message.notifications}
    assert found.keys() == set(ids)
    assert found[ids[7]].fields == {"LastName": rows[7]["LastName"], "Email": "p7@example.com"}
    assert found[ids[7]].object_name == "Lead"
    assert salesforce.get("outbound")["waiting"] == []


def test_a_message_that_is_not_acknowledged_comes_again_with_the_same_delivery_ids(
    salesforce: Twin, listener: Listener
) -> None:
    """By these ids a repetition is known; after the acknowledgement nothing comes any more."""
    set_up(salesforce, listener)
    salesforce.post("load", {"Lead": [{"LastName": "Doe", "Company": "Acme"}]})
    listener.ok = False
    assert [each["acknowledged"] for each in salesforce.post("outbound/send")] == [False]
    salesforce.post("clock", {"advance_seconds": 60})
    listener.ok = True
    assert [each["acknowledged"] for each in salesforce.post("outbound/send")] == [True]
    salesforce.post("clock", {"advance_seconds": 7_200})
    assert salesforce.post("outbound/send") == []
    first, second = (message.notifications[0].id for message in listener.messages)
    assert first == second
