"""JSON, XML, form and query string: one payload, and what each of them refuses."""

import sys
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadbridge.domain.outcome import message
from leadbridge.domain.webhook import (
    DEPTH_LIMIT,
    FORM_TYPE,
    PARTS_LIMIT,
    Encoding,
    UnusableBodyError,
    encoding_of,
    parse,
    payload_hash,
)
from leadbridge.domain.webhook_form import query_body
from tests.builders.encodings import ENCODERS, VALUES

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(
    lambda each: each != "id"
)
PAYLOAD = {
    "lead": {"id": "4711", **{f"field{number}": value for number, value in enumerate(VALUES.values())}},
    "campaign": {"id": "12", "name": "Spring + Summer"},
    "program": {"name": VALUES["unicode"]},
    "token": {"my.Event Date": "2026-03-09", "name": VALUES["markup"]},
    "event_id": "e-1",
    "instance": "another member",
}


def refused(body: bytes, encoding: Encoding) -> UnusableBodyError:
    """The refusal of a body, whose sentence can be told and holds no value."""
    with pytest.raises(UnusableBodyError) as caught:
        parse(body, encoding)
    assert "ada@" not in message(caught.value.reason, **caught.value.facts)
    return caught.value


@pytest.mark.parametrize("encoding", ENCODERS)
def test_every_encoding_gives_the_same_payload(encoding: str) -> None:
    """Blank, quoted, multi-line, unicode and "+" values, and any markup, arrive intact in each encoding."""
    found = parse(ENCODERS[encoding](PAYLOAD), Encoding(encoding))

    assert found == PAYLOAD | {"lead": PAYLOAD["lead"] | {"id": 4711}}  # type: ignore[operator] # it is a mapping


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.dictionaries(names, texts, max_size=5), texts)
@example({"field": "\x00", "a.b": "]]>"}, "\r")
def test_any_text_under_any_name_arrives_alike(lead: dict[str, str], program: str) -> None:
    """Whatever text stands under whatever name, all encodings give one payload, so one hash."""
    payload = {"lead": {"id": "7", **lead}} | ({"program": program} if program.strip() else {})

    hashes = {payload_hash(parse(encode(payload), Encoding(name))) for name, encode in ENCODERS.items()}

    assert hashes == {payload_hash(payload | {"lead": payload["lead"] | {"id": 7}})}  # type: ignore[operator] # it is a mapping


def xml(inside: str) -> bytes:
    """An XML body with a lead and something else."""
    return f"<event><lead><id>7</id></lead>{inside}</event>".encode()


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        pytest.param(
            b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- a call -->\n<event>\n  <lead>\n    <id> 7\n</id>\n'
            b"  </lead>\n</event>\n",
            {"lead": {"id": 7}},
            id="declaration, comment and layout",
        ),
        pytest.param(xml("<program/><token></token><campaign> </campaign>"), {"lead": {"id": 7}}, id="blank members"),
        pytest.param(xml("<program> P </program>"), {"lead": {"id": 7}, "program": " P "}, id="program as text"),
        pytest.param(
            b"<event><lead><id>7</id><a> x </a><b/><c>1\n2</c><d><![CDATA[Jack & <Jill>]]></d><e>&#13;&lt;&#43;</e>"
            b"<f>a<!-- not this -->b</f><g>a+b%20c</g></lead></event>",
            {
                "lead": {
                    "id": 7,
                    "a": " x ",
                    "b": "",
                    "c": "1\n2",
                    "d": "Jack & <Jill>",
                    "e": "\r<+",
                    "f": "ab",
                    "g": "a+b%20c",
                }
            },
            id="texts",
        ),
        pytest.param(
            b'<event xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="webhook.xsd">'
            b"<lead><id>7</id></lead></event>",
            {"lead": {"id": 7}},
            id="where the schema is",
        ),
        pytest.param(
            xml("<more><deeper><a>1</a></deeper></more>"),
            {"lead": {"id": 7}, "more": {"deeper": {"a": "1"}}},
            id="unknown members",
        ),
        pytest.param(
            xml('<token><field name="my.Event Date">x</field><field>y</field></token>'),
            {"lead": {"id": 7}, "token": {"my.Event Date": "x", "field": "y"}},
            id="names that XML does not allow",
        ),
    ],
)
def test_xml_means_what_the_same_json_means(body: bytes, payload: dict[str, Any]) -> None:
    """Elements are members, text is exactly text; layout, comments and CDATA are XML's own business."""
    assert parse(body, Encoding.XML) == payload


def elements(levels: int) -> bytes:
    """An XML body whose deepest element stands at a level."""
    return xml("<a>" * (levels - 1) + "</a>" * (levels - 1))


BOMB = b'<!DOCTYPE event [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><event><lead><id>7</id><x>&b;</x></lead></event>'


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        pytest.param(BOMB, "body_not_xml", "document types", id="an entity bomb"),
        pytest.param(
            b'<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]><event><lead><id>7</id><x>&x;</x></lead></event>',
            "body_not_xml",
            "document types",
            id="an external entity",
        ),
        pytest.param(
            b'<!DOCTYPE event SYSTEM "http://127.0.0.1:9/x.dtd"><event><lead><id>7</id></lead></event>',
            "body_not_xml",
            "document types",
            id="an external document type",
        ),
        pytest.param(
            b'<!DOCTYPE e [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p"> %p;]><event/>',
            "body_not_xml",
            "document types",
            id="a parameter entity",
        ),
        pytest.param(xml("<x>&nope;</x>"), "body_not_xml", "undefined entity", id="an entity of no document type"),
        pytest.param(
            b'<?xml-stylesheet href="http://127.0.0.1:9/"?>' + xml(""),
            "body_not_xml",
            "instructions",
            id="an instruction",
        ),
        pytest.param(
            xml('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'),
            "body_not_xml",
            "attribute",
            id="an inclusion",
        ),
        pytest.param(elements(DEPTH_LIMIT + 1), "body_too_deep", "", id="too deep"),
        pytest.param(b"<event>" + b"<a>" * 20_000, "body_too_deep", "", id="far too deep"),
        pytest.param(xml("<a/>" * PARTS_LIMIT), "body_not_xml", "stands twice", id="one name over and over"),
        pytest.param(
            xml("".join(f"<a{number}/>" for number in range(PARTS_LIMIT))), "body_too_many", "", id="too many elements"
        ),
        pytest.param(b"", "body_not_xml", "no element found", id="empty"),
        pytest.param(b"<event>", "body_not_xml", "line 1 column 8", id="cut off"),
        pytest.param(b"<event/><event/>", "body_not_xml", "junk", id="two documents"),
        pytest.param(b'{"lead": {"id": 7}}', "body_not_xml", "line 1 column 1", id="JSON"),
        pytest.param(b"<lead><id>7</id></lead>", "body_not_xml", "must be event", id="another root"),
        pytest.param(b'<event xmlns="urn:x"/>', "body_not_xml", "no attribute but", id="a default namespace"),
        pytest.param(b'<event tokens="json"/>', "body_not_xml", "no attribute but", id="another encoding of tokens"),
        pytest.param(b'<event><lead id="7"/></event>', "body_not_xml", "lead has an attribute", id="an attribute"),
        pytest.param(
            b'<event><lead><field name="a" name="b"/></lead></event>',
            "body_not_xml",
            "duplicate",
            id="an attribute twice",
        ),
        pytest.param(b"<event/>", "lead_missing", "", id="nothing"),
        pytest.param(b"<event>ada@example.com</event>", "body_not_xml", "beside the elements of event", id="only text"),
        pytest.param(xml("<lead><id>8</id></lead>"), "body_not_xml", "lead stands twice", id="lead twice"),
        pytest.param(b"<event><lead>ada@example.com<id>7</id></lead></event>", "body_not_xml", "beside", id="mixed"),
        pytest.param(
            b"<event><lead><ada@example.com/></lead></event>", "body_not_xml", "line 1", id="a value as a name"
        ),
        pytest.param(b"<event><lead/></event>", "lead_missing", "", id="lead blank"),
        pytest.param(b"<event><lead><email/></lead></event>", "lead_id_invalid", "", id="no id"),
        pytest.param(b"<event><lead><id>7<x/></id></lead></event>", "body_not_xml", "beside", id="id mixed"),
        pytest.param(b"<event><lead><id><x/></id></lead></event>", "lead_id_invalid", "", id="id with elements"),
        pytest.param(
            b"<event><lead><id>7</id><a><b/></a></lead></event>", "field_invalid", "", id="a field with elements"
        ),
        pytest.param(xml("<campaign>x</campaign>"), "field_invalid", "", id="campaign a text"),
        pytest.param(xml("<event_id><a/></event_id>"), "field_invalid", "", id="event id with elements"),
        pytest.param(xml("<x>\x01</x>"), "body_not_xml", "line 1", id="a character that XML has not"),
        pytest.param(
            b'<?xml version="1.0" encoding="ISO-8859-1"?>' + xml(""), "body_not_text", "", id="another charset by name"
        ),
        pytest.param(xml("<x>Zoë</x>").decode().encode("latin-1"), "body_not_text", "", id="another charset"),
        pytest.param(xml("").decode().encode("utf-16"), "body_not_text", "", id="UTF-16"),
        pytest.param(
            b'<event tokens="form-url"><lead><id>7</id><x>%ff</x></lead></event>',
            "body_not_text",
            "",
            id="encoded bytes that are no UTF-8",
        ),
    ],
)
def test_unusable_xml_is_refused_with_its_reason(body: bytes, reason: str, detail: str) -> None:
    """Document types, entities, references and all that is no event is refused; nothing is read from elsewhere."""
    told = refused(body, Encoding.XML)

    assert told.reason == reason
    assert detail in str(told.facts.get("detail", ""))


def test_the_deepest_and_the_widest_xml_is_read() -> None:
    """An XML body at the limits of levels and elements is read."""
    most = xml("".join(f"<a{number}/>" for number in range(PARTS_LIMIT - 3)))

    assert parse(elements(DEPTH_LIMIT), Encoding.XML)["lead"] == {"id": 7}
    assert len(parse(most, Encoding.XML)) == PARTS_LIMIT - 2


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.binary(max_size=120) | st.text("<>/!?&;[]lead'\" =xml-", max_size=120).map(str.encode), st.sampled_from(Encoding)
)
def test_any_bytes_in_any_encoding_are_read_or_refused(body: bytes, encoding: Encoding) -> None:
    """Whatever bytes come under whatever type, the answer is a payload or a refusal with a sentence."""
    try:
        sentence = "" if "lead" in parse(body, encoding) else "no lead"
    except UnusableBodyError as told:
        sentence = message(told.reason, **told.facts)

    assert sentence != "no lead"


# -- forms


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        pytest.param(b"lead.id=7", {"lead": {"id": 7}}, id="least"),
        pytest.param(b"&lead.id=7&&", {"lead": {"id": 7}}, id="empty pairs"),
        pytest.param(b"lead.id=7&lead.a=&lead.b", {"lead": {"id": 7, "a": "", "b": ""}}, id="blanks"),
        pytest.param(
            b"lead.id=7&lead.a=x+y&lead.b=x%20y&lead.c=%2B&lead.d=a=b&lead.e=%26%3D",
            {"lead": {"id": 7, "a": "x y", "b": "x y", "c": "+", "d": "a=b", "e": "&="}},
            id="blanks and pluses",
        ),
        pytest.param(b"lead.id=7&lead.a=100%", {"lead": {"id": 7, "a": "100%"}}, id="a lone percent sign"),
        pytest.param(
            b"lead.id=7\r\n&lead.a=x%0A\n&lead.b=+y+",
            {"lead": {"id": 7, "a": "x\n", "b": " y "}},
            id="a template in lines",
        ),
        pytest.param(
            b"lead.id=7&token.my.Event%20Date=x&event_id=e&program=P&other=1&more.a=2",
            {
                "lead": {"id": 7},
                "token": {"my.Event Date": "x"},
                "event_id": "e",
                "program": "P",
                "other": "1",
                "more": {"a": "2"},
            },
            id="groups and members",
        ),
        pytest.param(b"lead.id=7&campaign=&token=&program=", {"lead": {"id": 7}}, id="blank members"),
        pytest.param("lead.id=7&lead.a=Zoë".encode(), {"lead": {"id": 7, "a": "Zoë"}}, id="raw UTF-8"),
    ],
)
def test_a_form_is_read(body: bytes, payload: dict[str, Any]) -> None:
    """Names are groups and members, values are decoded once, what lies between pairs is layout."""
    assert parse(body, Encoding.FORM) == payload


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        pytest.param(b"", "lead_missing", "", id="empty"),
        pytest.param(b"id=7&email=ada%40example.com", "lead_missing", "", id="names without a group"),
        pytest.param(b"lead=7", "lead_missing", "", id="lead a text"),
        pytest.param(b"lead.email=ada%40example.com", "lead_id_invalid", "", id="no id"),
        pytest.param(b"lead.id=%7B%7Blead.Id%7D%7D", "lead_id_invalid", "", id="id not rendered"),
        pytest.param(b"lead.id=7&lead.id=7", "body_not_form", "lead.id stands twice", id="a name twice"),
        pytest.param(b"lead.id=7&lead=x", "body_not_form", "lead stands twice", id="a group and a text"),
        pytest.param(b"program=x&program.name=y&lead.id=7", "body_not_form", "program.name", id="a text and a group"),
        pytest.param(
            b"lead.id=7&ada%40example.com=1&ada%40example.com=1", "body_not_form", "(not a", id="a value as name"
        ),
        pytest.param(b"lead.id=7&=x", "body_not_form", "a name is empty", id="no name"),
        pytest.param(b"lead.id=7&lead.=x", "body_not_form", "a name is empty", id="no name in a group"),
        pytest.param(b"lead.id=7&.x=x", "body_not_form", "a name is empty", id="no group"),
        pytest.param(b"lead.id=7&lead.a=%ff", "body_not_text", "", id="Latin-1"),
        pytest.param(b"lead.id=7&lead.%ff=a", "body_not_text", "", id="a name in Latin-1"),
        pytest.param(b"lead.id=7&campaign=x", "field_invalid", "", id="campaign a text"),
        pytest.param(b"lead.id=7&event_id=" + b"x" * 201, "field_invalid", "", id="event id long"),
        pytest.param(b"&".join([b"a=1"] * (PARTS_LIMIT + 1)), "body_too_many", "", id="too many names"),
    ],
)
def test_an_unusable_form_is_refused_with_its_reason(body: bytes, reason: str, detail: str) -> None:
    """Doubled and empty names, what is no UTF-8, and calls without a lead are refused, each with its reason."""
    told = refused(body, Encoding.FORM)

    assert told.reason == reason
    assert detail in str(told.facts.get("detail", ""))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.dictionaries(names, texts, max_size=5))
def test_a_query_string_becomes_a_form_of_the_same_meaning(lead: dict[str, str]) -> None:
    """What the gateway has decoded is kept as the body of a form, and reads as it was sent."""
    body = query_body([("lead.id", "7"), *((f"lead.{name}", value) for name, value in lead.items())])

    assert parse(body, Encoding.FORM) == {"lead": {"id": 7, **lead}}


# -- which encoding


@pytest.mark.parametrize(
    ("content_types", "body", "encoding"),
    [
        pytest.param(["application/json"], b"<", "json", id="JSON"),
        pytest.param(["APPLICATION/JSON; charset=ISO-8859-1"], b"<", "json", id="JSON with a charset"),
        pytest.param(["text/json"], b"", "json", id="text JSON"),
        pytest.param(["application/problem+json"], b"", "json", id="a kind of JSON"),
        pytest.param(["application/xml"], b"{", "xml", id="XML"),
        pytest.param(["text/xml;charset=utf-8"], b"{", "xml", id="text XML"),
        pytest.param(["application/soap+xml"], b"{", "xml", id="a kind of XML"),
        pytest.param([FORM_TYPE], b"lead.id=7", "form", id="form"),
        pytest.param([FORM_TYPE], b"", "form", id="an empty form"),
        pytest.param([FORM_TYPE], b'\xef\xbb\xbf\n {"lead": 1}', "json", id="JSON under a form's type"),
        pytest.param([FORM_TYPE], b" <event/>", "xml", id="XML under a form's type"),
        pytest.param([FORM_TYPE, "application/json"], b"lead.id=7", "json", id="two types, one says it"),
        pytest.param(["application/xml, text/plain"], b"", "xml", id="two types in one value"),
        pytest.param(["application/json", "text/xml"], b"<event/>", "xml", id="two types that differ"),
        pytest.param([], b'{"lead": {}}', "json", id="no type, JSON"),
        pytest.param([], b"[", "json", id="no type, an array"),
        pytest.param([""], b"<event/>", "xml", id="empty type, XML"),
        pytest.param(["text/plain"], b"lead.id=7", "form", id="plain, a form"),
        pytest.param(["text/plain"], b"", "json", id="plain, empty"),
        pytest.param(["application/octet-stream"], b"hello", "json", id="octets, nothing known"),
    ],
)
def test_the_content_type_decides_and_where_it_says_nothing_the_first_character_does(
    content_types: list[str], body: bytes, encoding: str
) -> None:
    """JSON and XML types are taken at their word; a form's type, plain text, octets and none at all are not."""
    assert encoding_of(content_types, body) == encoding


@pytest.mark.parametrize(
    "content_types",
    [
        ["multipart/form-data; boundary=x"],
        ["image/png"],
        ["application/jsonx"],
        ["x"],
        ["application/json", "text/html"],
    ],
)
def test_a_content_type_that_nobody_reads_is_refused(content_types: list[str]) -> None:
    """The refusal names the header and the types that are read, and does not repeat what was sent."""
    with pytest.raises(UnusableBodyError) as caught:
        encoding_of(content_types, b'{"lead": {"id": 7}}')

    text = message(caught.value.reason, **caught.value.facts)
    assert caught.value.reason == "content_type_unknown"
    assert all(each in text for each in ("Content-Type", "application/json", "application/xml", FORM_TYPE))
    assert not any(each in text for each in ("multipart", "png", "html"))


@pytest.mark.parametrize("encoding", ENCODERS)
def test_a_body_without_a_type_tells_its_encoding_itself(encoding: str) -> None:
    """What was kept of a refused call is read by how it begins, so that it can be redriven."""
    assert parse(ENCODERS[encoding]({"lead": {"id": "7", "a": "x y"}})) == {"lead": {"id": 7, "a": "x y"}}


def test_json_loads_no_other_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call in JSON, the usual one, does not load what reads XML and forms."""
    others = {"leadbridge.domain.webhook_xml", "leadbridge.domain.webhook_form"}
    for name in others:
        monkeypatch.delitem(sys.modules, name, raising=False)

    parse(b'{"lead": {"id": 7}}')

    assert not others & sys.modules.keys()
