"""Outbound messages: what is read of them, what is refused, and the answer."""

import logging
from collections.abc import Sequence

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.errors import ContractError
from leadbridge.vendors.salesforce import outbound

ORG, ACTION = "00D000000000001EAA", "04k000000000001AAA"
SESSION = "00Dxx0000000000!AQEAQ.session.of.somebody"
LEAD = "00Q000000000001EAA"


def notification(number: int, fields: str = "<sf:Email>ann@example.com</sf:Email>") -> str:
    return (
        f"<Notification><Id>04l{number:012}</Id>"
        f'<sObject xsi:type="sf:Lead" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        f"<sf:Id>{LEAD}</sf:Id>{fields}</sObject></Notification>"
    )


def message(notifications: Sequence[str], *, head: str = "", session: str = SESSION) -> bytes:
    """A message as the documentation shows it, with a session id as old orgs sent it."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{ORG}</OrganizationId><ActionId>04k000000000001</ActionId>"
        f"<SessionId>{session}</SessionId><EnterpriseUrl>https://x.example.com</EnterpriseUrl>"
        f"<PartnerUrl>https://x.example.com</PartnerUrl>{''.join(notifications)}"
        "</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


def test_a_message_says_which_records_changed_and_what_was_sent_of_them() -> None:
    """Ids in 18 characters, values as text, empty ones absent, the record's own id no field."""
    fields = "<sf:Email>ann@example.com</sf:Email><sf:LastName>O&apos;Brien &lt;李&gt;</sf:LastName><sf:Title/>"
    fields += '<sf:Phone xsi:nil="true"/><sf:IsConverted>false</sf:IsConverted>'
    read = outbound.parse(message([notification(1, fields)]))
    assert (read.organization_id, read.action_id) == (ORG, ACTION)
    (only,) = read.notifications
    assert (only.object_name, only.record_id) == ("Lead", LEAD)
    assert only.id == "04l000000000001AAA"
    assert only.fields == {"Email": "ann@example.com", "LastName": "O'Brien <李>", "IsConverted": "false"}


@pytest.mark.parametrize("count", [1, 100])
def test_up_to_a_hundred_notifications_are_read_in_their_order(count: int) -> None:
    """Each keeps the id of its delivery, by which repetitions are known."""
    read = outbound.parse(message([notification(n) for n in range(count)]))
    assert [each.id[:15] for each in read.notifications] == [f"04l{n:012}" for n in range(count)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_xml"),
        (b"no xml", "not_xml"),
        (b"\xff\xfe<", "not_xml"),
        (message([notification(1)])[:-20], "not_xml"),
        (b"<a/>", "not_outbound"),
        (message([]), "notifications"),
        (message([notification(n) for n in range(101)]), "notifications"),
        (message(["<Notification><Id>04l000000000001</Id></Notification>"]), "not_outbound"),
        (message([notification(1)]).replace(LEAD.encode(), b"00Q"), "not_outbound"),
        (message([notification(1)]).replace(ORG.encode(), b""), "not_outbound"),
        (message([notification(1)], head='<!DOCTYPE x SYSTEM "http://example.com/x.dtd">'), "forbidden_xml"),
        (message([notification(1, "&e;")], head='<!DOCTYPE x [<!ENTITY e "boom">]>'), "forbidden_xml"),
        (
            message([notification(1, "&e;")], head='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'),
            "forbidden_xml",
        ),
        (
            message(
                [notification(1, "&c;")],
                head='<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>',
            ),
            "forbidden_xml",
        ),
        (message([notification(1, "&undefined;")]), "not_xml"),
    ],
    ids=[
        "empty",
        "text",
        "bytes",
        "cut-off",
        "other",
        "none",
        "101",
        "no-record",
        "short-id",
        "no-org",
        "dtd",
        "entity",
        "file",
        "bomb",
        "undefined",
    ],
)
def test_what_is_no_outbound_message_is_refused_without_being_repeated(body: bytes, code: str) -> None:
    """Document types and entities never reach the parser's memory; the refusal holds nothing that was sent."""
    with pytest.raises(ContractError) as caught:
        outbound.parse(body)
    assert caught.value.code == code
    said = str(vars(caught.value)) + str(caught.value)
    assert not any(part in said for part in (SESSION, LEAD, "example.com", "boom"))


def test_the_session_id_goes_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Neither into what is read nor into a log line."""
    with caplog.at_level(logging.DEBUG):
        read = outbound.parse(message([notification(1)]))
    assert SESSION not in repr(read)
    assert SESSION not in caplog.text
    assert outbound.parse(message([notification(1)], session="")) == read


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1))
def test_every_text_arrives_as_it_was_sent(text: str) -> None:
    """Markup characters and all scripts."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    (only,) = outbound.parse(message([notification(1, f"<sf:Name>{escaped}</sf:Name>")])).notifications
    assert only.fields == {"Name": text}


@pytest.mark.parametrize(("ok", "word"), [(True, "true"), (False, "false")])
def test_the_answer_is_one_acknowledgement_for_all(ok: bool, word: str) -> None:
    """A SOAP envelope with one Ack, as the WSDL has it."""
    root = fromstring(outbound.acknowledgement(ok=ok))
    soap, ours = "http://schemas.xmlsoap.org/soap/envelope/", "http://soap.sforce.com/2005/09/outbound"
    assert root.tag == f"{{{soap}}}Envelope"
    assert root.findtext(f"{{{soap}}}Body/{{{ours}}}notificationsResponse/{{{ours}}}Ack") == word
