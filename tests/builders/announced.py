"""Outbound messages as Salesforce sends them, for tests of their receiver."""

from collections.abc import Sequence

ORG = "00D000000000001EAA"
SESSION = "00Dxx0000000000!AQEAQ.session.of.somebody"


def an_outbound_message(
    *changes: tuple[str, str, str], organization: str = ORG, session: str = SESSION, fields: str = ""
) -> bytes:
    """A message with a notification for each change: its id, the object and the record's id."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{organization}</OrganizationId><ActionId>04k000000000001</ActionId>"
        f"<SessionId>{session}</SessionId><EnterpriseUrl>https://x.example.com</EnterpriseUrl>"
        f"<PartnerUrl>https://x.example.com</PartnerUrl>{_notifications(changes, fields)}"
        "</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


def _notifications(changes: Sequence[tuple[str, str, str]], fields: str) -> str:
    return "".join(
        f'<Notification><Id>{one}</Id><sObject xsi:type="sf:{name}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        f"<sf:Id>{record}</sf:Id>{fields}</sObject></Notification>"
        for one, name, record in changes
    )
