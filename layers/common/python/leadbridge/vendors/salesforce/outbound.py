"""Outbound messages: reading what a flow of the org pushes to us, and the answer that ends its delivery.

Source: SOAP API, outbound messaging (understanding notifications, the WSDL, building a listener). A message holds up
to 100 notifications and one answer acknowledges all of them; without it the whole message comes again, for 24
hours. Delivery is at least once and in no order, values are those at the time of sending: a notification is a hint
to read the record. The message comes from outside, so nothing of it is believed before it is checked, document types
and entities are refused, and its session id is not even read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from leadbridge.domain.ids import canonical
from leadbridge.errors import ContractError
from leadbridge.vendors.salesforce.auth import VENDOR

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

CONTENT_TYPE = "text/xml; charset=utf-8"
NOTIFICATIONS = 100

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_OUTBOUND = "http://soap.sforce.com/2005/09/outbound"
_RECORD = "urn:sobject.enterprise.soap.sforce.com"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_ANSWER = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    f'<soapenv:Envelope xmlns:soapenv="{_SOAP}"><soapenv:Body>'
    f'<notificationsResponse xmlns="{_OUTBOUND}"><Ack>%s</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One change. `id` is that of the delivery: a notification that came before is a repetition.

    `fields` holds the values that were sent, as text; empty ones are absent.
    """

    id: str
    object_name: str
    record_id: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """All notifications of one message, and which org and rule they come from."""

    organization_id: str
    action_id: str
    notifications: tuple[Notification, ...]


def parse(body: bytes) -> OutboundMessage:
    """Read a message.

    Raises:
        ContractError: It is no outbound message; the code says in which way, nothing is repeated of it.
    """
    try:
        root = fromstring(body, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as error:
        raise _refused("forbidden_xml", "document types and entities are not allowed") from error
    except (ParseError, ValueError, LookupError) as error:
        raise _refused("not_xml", "the message is not readable XML") from error
    message = root.find(f"{{{_SOAP}}}Body/{{{_OUTBOUND}}}notifications")
    if root.tag != f"{{{_SOAP}}}Envelope" or message is None:
        raise _refused("not_outbound", "the message is not an outbound message")
    found = message.findall(f"{{{_OUTBOUND}}}Notification")
    if not 1 <= len(found) <= NOTIFICATIONS:
        raise _refused("notifications", f"a message holds 1 to {NOTIFICATIONS} notifications")
    return OutboundMessage(
        organization_id=_id_in(message, f"{{{_OUTBOUND}}}OrganizationId"),
        action_id=_id_in(message, f"{{{_OUTBOUND}}}ActionId"),
        notifications=tuple(_notification(each) for each in found),
    )


def acknowledgement(*, ok: bool = True) -> bytes:
    """The answer: sent with status 200 and `CONTENT_TYPE`. Without `ok` the whole message comes again."""
    return (_ANSWER % ("true" if ok else "false")).encode()


def _notification(element: "Element") -> Notification:
    record = element.find(f"{{{_OUTBOUND}}}sObject")
    if record is None:
        raise _refused("not_outbound", "a notification without a record")
    prefix = f"{{{_RECORD}}}"
    return Notification(
        id=_id_in(element, f"{{{_OUTBOUND}}}Id"),
        object_name=record.get(f"{{{_XSI}}}type", "").rpartition(":")[2],
        record_id=_id_in(record, f"{prefix}Id"),
        fields={
            child.tag.removeprefix(prefix): child.text
            for child in record
            if child.tag.startswith(prefix) and child.tag != f"{prefix}Id" and child.text
        },
    )


def _id_in(parent: "Element", tag: str) -> str:
    try:
        return canonical((parent.findtext(tag) or "").strip())
    except ValueError as error:
        raise _refused("not_outbound", "an id is missing or none") from error


def _refused(code: str, detail: str) -> ContractError:
    return ContractError(detail, vendor=VENDOR, operation="outbound_message", code=code)
