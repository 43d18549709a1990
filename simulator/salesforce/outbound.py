"""Outbound messages: what a flow of the org pushes to a listener, and how often it tries.

Source: outbound messaging guide (understanding notifications, the WSDL, building a listener). SOAP 1.1, up to
100 notifications in a message, one acknowledgement for all of them; unacknowledged messages come again with
growing pauses up to two hours and are dropped after 24 hours; order and single delivery are not promised, and
SessionId is empty. A message carries the values at the time of sending. Sending is a step of the control plane,
so that it happens when a test says so: `POST /_sim/outbound/send` sends what is due on the clock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import Any
from xml.etree import ElementTree as ET

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.callers.addresses import is_loopback
from simulator.control import ControlError, ControlPlane, Record
from simulator.salesforce.ids import with_suffix
from simulator.salesforce.models import Change, Org
from simulator.salesforce.schema import SOBJECTS, SObject
from simulator.serving import read_json

_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_OUTBOUND = "http://soap.sforce.com/2005/09/outbound"
_SOBJECT = "urn:sobject.enterprise.soap.sforce.com"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_MAX_NOTIFICATIONS = 100
_LIFE_SECONDS = 86_400
_FIRST_PAUSE_SECONDS = 15
_LONGEST_PAUSE_SECONDS = 7_200
_ACTION_PREFIX = "04k"
_NOTIFICATION_PREFIX = "04l"
_TIMEOUT_SECONDS = 10.0
_SWITCHES = ("out_of_order", "duplicates", "skip_integration_user")


@dataclass(frozen=True, slots=True)
class Rule:
    """Which changes go where; by default the integration user's own changes are not told."""

    action_id: str
    sobject: SObject
    fields: tuple[str, ...]
    endpoint: str
    out_of_order: bool = False
    duplicates: bool = False
    skip_integration_user: bool = True

    def document(self) -> Record:
        """Return the rule as the control plane shows it."""
        return {
            "action_id": self.action_id,
            "object": self.sobject.name,
            "fields": list(self.fields),
            "endpoint": self.endpoint,
            **{name: getattr(self, name) for name in _SWITCHES},
        }


@dataclass(slots=True)
class Notification:
    """One change on its way to the listener."""

    id: str
    rule: Rule
    record_id: str
    made_at: float
    due: float
    tries: int = 0


class Outbound:
    """The outbound messages of one org: their rules, and what is still to be acknowledged."""

    def __init__(self, control: ControlPlane, org_now: Callable[[], Org]) -> None:
        self._control = control
        self._org_now = org_now
        self._made = 0
        self.forget()

    def forget(self) -> None:
        """Drop the rules and the queue, as a reset does."""
        self._rules: list[Rule] = []
        self._queue: list[Notification] = []
        self._dropped = 0

    def routes(self) -> list[Route]:
        """Return the control-plane routes."""
        return [
            Route("/_sim/outbound", self._read, methods=["GET"]),
            Route("/_sim/outbound", self._configure, methods=["POST"]),
            Route("/_sim/outbound/send", self._send, methods=["POST"]),
        ]

    async def _read(self, request: Request) -> Response:
        del request
        self._collect()
        waiting = [
            {"id": each.id, "record_id": each.record_id, "tries": each.tries, "due": each.due} for each in self._queue
        ]
        rules = [each.document() for each in self._rules]
        return JSONResponse({"rules": rules, "waiting": waiting, "dropped": self._dropped})

    async def _configure(self, request: Request) -> Response:
        """Set one rule or an array of them: `{"object", "fields", "endpoint", "out_of_order"?, ...}`; [] ends all."""
        document = await read_json(request)
        rules = [self._parsed(each) for each in (document if isinstance(document, list) else [document])]
        self.forget()
        self._rules = rules
        org = self._org_now()
        org.changes.clear()
        org.watched = {each.sobject.name for each in rules}
        shown = [each.document() for each in rules]
        return JSONResponse(shown if isinstance(document, list) else shown[0])

    def _parsed(self, document: Any) -> Rule:
        if not isinstance(document, dict) or not isinstance(document.get("endpoint"), str):
            raise ControlError("an outbound message has object, fields and endpoint")
        sobject = SOBJECTS.get(str(document.get("object")))
        names = document.get("fields", [])
        if sobject is None or not isinstance(names, list):
            raise ControlError("an outbound message has an object of the org and an array of fields")
        known = [sobject.field(str(name)) for name in names]
        fields = tuple(each.name for each in known if each)
        if len(fields) != len(names):
            raise ControlError(f"fields are fields of {sobject.name}")
        if not is_loopback(document["endpoint"]):
            raise ControlError("endpoint is an http address of the loopback interface")
        switches = {name: document[name] for name in _SWITCHES if name in document}
        if not all(isinstance(value, bool) for value in switches.values()):
            raise ControlError(f"{', '.join(_SWITCHES)} are true or false")
        return Rule(self._new_id(_ACTION_PREFIX), sobject, fields, document["endpoint"], **switches)

    async def _send(self, request: Request) -> Response:
        """Send what is due; gives one entry for each HTTP message: notification ids, status, acknowledged."""
        del request
        self._collect()
        if not self._rules:
            raise ControlError("no outbound message is set up")
        now = self._control.clock.timestamp()
        kept = [each for each in self._queue if now - each.made_at < _LIFE_SECONDS]
        self._dropped += len(self._queue) - len(kept)
        self._queue = kept
        deliveries: list[Record] = []
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
            for rule in self._rules:
                due = [each for each in kept if each.rule is rule and each.due <= now]
                if rule.out_of_order:
                    due.reverse()
                for group in batched(due, _MAX_NOTIFICATIONS, strict=False):
                    deliveries += await self._deliver_group(client, rule, group, now)
        return JSONResponse(deliveries)

    async def _deliver_group(
        self, client: httpx.AsyncClient, rule: Rule, group: tuple[Notification, ...], now: float
    ) -> list[Record]:
        """Send one message, twice where the rule says so; what is not acknowledged is due again after a pause."""
        made = [await self._deliver(client, rule, group) for _ in range(2 if rule.duplicates else 1)]
        for each in group:
            each.tries += 1
            each.due = now + min(_FIRST_PAUSE_SECONDS * 2 ** (each.tries - 1), _LONGEST_PAUSE_SECONDS)
        if made[-1]["acknowledged"]:
            done = {each.id for each in group}
            self._queue = [each for each in self._queue if each.id not in done]
        return made

    async def _deliver(self, client: httpx.AsyncClient, rule: Rule, group: tuple[Notification, ...]) -> Record:
        told: Record = {"notifications": [each.id for each in group], "status": 0, "acknowledged": False}
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
        try:
            answer = await client.post(rule.endpoint, content=self._message(rule, group), headers=headers)
        except httpx.HTTPError:
            # a listener that is away is one that did not acknowledge
            return told
        told["status"] = answer.status_code
        told["acknowledged"] = answer.status_code == 200 and _is_acknowledged(answer.content)
        return told

    def _message(self, rule: Rule, group: tuple[Notification, ...]) -> bytes:
        org = self._org_now()
        envelope = ET.Element(f"{{{_ENVELOPE}}}Envelope")
        body = ET.SubElement(envelope, f"{{{_ENVELOPE}}}Body")
        notifications = ET.SubElement(body, f"{{{_OUTBOUND}}}notifications")
        for name, text in (
            ("OrganizationId", org.organization_id),
            ("ActionId", rule.action_id),
            ("SessionId", None),
            ("EnterpriseUrl", "https://leadbridge.example.com/services/Soap/c/67.0"),
            ("PartnerUrl", "https://leadbridge.example.com/services/Soap/u/67.0"),
        ):
            element = ET.SubElement(notifications, f"{{{_OUTBOUND}}}{name}")
            element.text = text
            if text is None:
                element.set(f"{{{_INSTANCE}}}nil", "true")
        for each in group:
            notification = ET.SubElement(notifications, f"{{{_OUTBOUND}}}Notification")
            ET.SubElement(notification, f"{{{_OUTBOUND}}}Id").text = each.id
            record = ET.SubElement(notification, f"{{{_OUTBOUND}}}sObject")
            record.set(f"{{{_INSTANCE}}}type", f"sf:{rule.sobject.name}")
            ET.SubElement(record, f"{{{_SOBJECT}}}Id").text = each.record_id
            values = org.current(rule.sobject, each.record_id) or {}
            for name in rule.fields:
                # null fields are absent
                if name != "Id" and values.get(name) is not None:
                    ET.SubElement(record, f"{{{_SOBJECT}}}{name}").text = _text(values[name])
        message: bytes = ET.tostring(envelope, encoding="utf-8", xml_declaration=True)
        return message

    def _collect(self) -> None:
        """Turn the changes made since into notifications, one for each rule that watches."""
        self._control.settle()
        org = self._org_now()
        changes, org.changes = org.changes, []
        for change in changes:
            for rule in self._rules:
                is_ours = rule.skip_integration_user and change.user_id == org.user_id
                if rule.sobject.name == change.object_name and not is_ours:
                    self._queue.append(self._notification(rule, change))

    def _notification(self, rule: Rule, change: Change) -> Notification:
        at = change.at.timestamp()
        return Notification(self._new_id(_NOTIFICATION_PREFIX), rule, change.record_id, at, at)

    def _new_id(self, prefix: str) -> str:
        self._made += 1
        return with_suffix(f"{prefix}Hs{self._made:010}")


def _is_acknowledged(content: bytes) -> bool:
    """Say whether an answer is a SOAP envelope with Ack true."""
    try:
        # our own listener's answer, on the loopback interface
        root = ET.fromstring(content)  # noqa: S314 - as above
    except ET.ParseError:
        return False
    ack = root.find(f"{{{_ENVELOPE}}}Body/{{{_OUTBOUND}}}notificationsResponse/{{{_OUTBOUND}}}Ack")
    return root.tag == f"{{{_ENVELOPE}}}Envelope" and ack is not None and (ack.text or "").strip() in ("true", "1")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if text.endswith("+0000") and "T" in text:
        # SOAP writes times with Z
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return text
