"""The webhook's published documents: made by the code, valid by their own rules, and of one mind with the parser."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it has no type hints
from lxml import etree  # type: ignore[import-untyped] # it has no type hints
from openapi_spec_validator import validate

from leadbridge.domain.outcome import Reason
from leadbridge.domain.webhook import Encoding, UnusableBodyError, parse
from leadbridge.domain.webhook_contract import REFUSALS, json_schema, openapi, xml_schema
from tests.builders.bodies import INVALID, VALID
from tests.builders.encodings import VALUES, as_form, as_xml
from tests.contract.webhook.documents import DOCS, documents

SCHEMA = Draft202012Validator(json_schema())
XSD = etree.XMLSchema(etree.fromstring(xml_schema().encode()))
CONTENT = openapi()["paths"]["/actions/{action_id}"]["post"]["requestBody"]["content"]


def verdict(body: bytes, encoding: Encoding) -> str:
    """The reason for which the webhook refuses a body, or nothing."""
    try:
        parse(body, encoding)
    except UnusableBodyError as told:
        return told.reason
    return ""


@pytest.mark.parametrize("name", documents())
def test_the_published_document_is_the_one_that_the_code_makes(name: str) -> None:
    """What lies in docs is what `python -m tests.contract.webhook.documents` writes."""
    assert (DOCS / name).read_text("utf-8") == documents()[name]


@pytest.mark.parametrize("name", VALID)
def test_a_valid_body_is_valid_for_schema_and_parser(name: str) -> None:
    """Whatever the JSON schema accepts, the parser accepts."""
    assert (SCHEMA.is_valid(VALID[name]), verdict(json.dumps(VALID[name]).encode(), Encoding.JSON)) == (True, "")


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_body_is_invalid_for_schema_and_parser(name: str) -> None:
    """Whatever the JSON schema refuses, the parser refuses, for a reason."""
    body, reason = INVALID[name]

    assert (SCHEMA.is_valid(body), verdict(json.dumps(body).encode(), Encoding.JSON)) == (False, reason)


def xsd_accepts(body: bytes) -> bool:
    """Whether a body is valid by the published XML schema."""
    return bool(XSD.validate(etree.fromstring(body)))


XML_LEAD = "<lead><id>7</id><email>ada@example.com</email></lead>"
VALID_XML = {
    "least": "<event><lead><id>1024</id></lead></event>",
    "id with blanks and zeros": "<event><lead><id> 0001024\n</id></lead></event>",
    "longest id": f"<event><lead><id>{'9' * 18}</id></lead></event>",
    "any order": f"<event><event_id>e</event_id><token><a>1</a></token>{XML_LEAD}<campaign/></event>",
    "program as text": f"<event>{XML_LEAD}<program>P</program></event>",
    "program as elements": f"<event>{XML_LEAD}<program><id>1</id><name>P</name></program></event>",
    "blank members": f"<event>{XML_LEAD}<campaign/><program/><token/><event_id/></event>",
    "names in attributes": f'<event>{XML_LEAD}<token><field name="my.Event Date">x</field></token></event>',
    "encoded": '<event tokens="form-url"><lead><id>7</id><a>x+y</a></lead></event>',
    "values": as_xml({"lead": {"id": "7", **VALUES}}).decode(),
}
INVALID_XML = {
    "another root": "<call/>",
    "no lead": "<event/>",
    "no id": "<event><lead/></event>",
    "blank id": "<event><lead><id/></lead></event>",
    "id zero": "<event><lead><id>000</id></lead></event>",
    "id too long": f"<event><lead><id>{'9' * 19}</id></lead></event>",
    "id as word": "<event><lead><id>x</id></lead></event>",
    "lead twice": f"<event>{XML_LEAD}{XML_LEAD}</event>",
    "text beside elements": f"<event>{XML_LEAD}x</event>",
    "campaign as text": f"<event>{XML_LEAD}<campaign>x</campaign></event>",
    "event id too long": f"<event>{XML_LEAD}<event_id>{'e' * 201}</event_id></event>",
    "event id with elements": f"<event>{XML_LEAD}<event_id><a/></event_id></event>",
    "another encoding of tokens": f'<event tokens="json">{XML_LEAD}</event>',
    "an attribute": f'<event when="now">{XML_LEAD}</event>',
    "an attribute of a lead": '<event><lead type="x"><id>7</id></lead></event>',
}


@pytest.mark.parametrize("name", VALID_XML)
def test_what_the_xml_schema_accepts_the_webhook_accepts(name: str) -> None:
    """A body that is valid by the XML schema is read."""
    body = VALID_XML[name].encode()

    assert (xsd_accepts(body), verdict(body, Encoding.XML)) == (True, "")


@pytest.mark.parametrize("name", INVALID_XML)
def test_what_the_webhook_refuses_in_xml_the_schema_refuses(name: str) -> None:
    """A body that is not valid by the XML schema, and not one of the liberties that it names, is refused."""
    body = INVALID_XML[name].encode()

    assert not xsd_accepts(body)
    assert verdict(body, Encoding.XML)


def test_the_webhook_takes_what_the_xml_schema_says_that_it_takes_beyond() -> None:
    """The id at another place in `lead` and elements of other names are read, as in JSON."""
    body = b"<event><lead><email>a@example.com</email><id>7</id></lead><more><a>1</a></more></event>"

    assert not xsd_accepts(body)
    assert parse(body, Encoding.XML) == {"lead": {"email": "a@example.com", "id": 7}, "more": {"a": "1"}}


def test_the_openapi_document_is_valid() -> None:
    """It holds the rules of the OpenAPI specification."""
    validate(openapi())


def test_the_examples_of_the_openapi_document_are_one_call() -> None:
    """The examples of all encodings are valid by their schemas and give one payload."""
    of_json, of_xml, of_form = (each["example"] for each in CONTENT.values())
    [parameter] = openapi()["paths"]["/actions/{action_id}"]["get"]["parameters"]
    flat = openapi()["components"]["schemas"]["FlatEvent"]

    found = [
        parse(json.dumps(of_json).encode(), Encoding.JSON),
        parse(of_xml.encode(), Encoding.XML),
        parse(as_form(of_form), Encoding.FORM),
        parse(as_form(parameter["example"]), Encoding.FORM),
    ]

    assert SCHEMA.is_valid(of_json)
    assert xsd_accepts(of_xml.encode())
    assert Draft202012Validator(flat).is_valid(of_form)
    assert all(each == found[0] for each in found)


def test_the_openapi_document_holds_the_json_schema() -> None:
    """The schema of a JSON body is the published one, under the names of its place."""
    schemas: Mapping[str, Any] = openapi()["components"]["schemas"]
    published = json_schema()

    as_here = re.sub(
        r"#/components/schemas/", "#/$defs/", json.dumps([schemas["Event"], schemas["value"], schemas["group"]])
    )

    event, value, group = json.loads(as_here)
    assert event == {name: published[name] for name in event}
    assert {"value": value, "group": group} == published["$defs"]


def example(kind: str) -> bytes:
    """The example of one kind on the webhook's page, every token filled in with a number."""
    blocks = re.findall(rf"^```{kind}\n(.+?)^```", (DOCS / "webhook.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return re.sub(r"\{\{[^{}]+\}\}", "7", blocks[0]).encode()


@pytest.mark.parametrize(("kind", "encoding"), [("json", "json"), ("xml", "xml"), ("text", "form")])
def test_the_examples_of_the_page_are_calls(kind: str, encoding: str) -> None:
    """What the page shows as a template is read once Marketo has filled it in."""
    found = parse(example(kind), Encoding(encoding))

    assert (found["lead"]["id"], str(found["lead"]["email"]), str(found["campaign"]["name"])) == (7, "7", "7")


def test_every_refusal_is_published() -> None:
    """Each reason for which a call can be refused is in the document, under the status that goes with it."""
    intake = ("body_", "lead_", "field_", "content_")
    apart = {Reason.BODY_TOO_LARGE, Reason.CONTENT_TYPE_UNKNOWN}

    known = {each for each in Reason if each.startswith(intake)} - {Reason.LEAD_UNKNOWN}  # told by Marketo, later
    assert known == {*REFUSALS, *apart}
