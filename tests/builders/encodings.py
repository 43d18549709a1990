"""One payload in each of the webhook's encodings, written by foreign code."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element, SubElement, tostring

type Payload = Mapping[str, Any]

CONTENT_TYPES = {"json": "application/json", "xml": "application/xml", "form": "application/x-www-form-urlencoded"}
#: what people type, and what has been lost on the way elsewhere
VALUES = {
    "blank": "",
    "a blank only": " ",
    "blanks around": "  Ada  ",
    "quoted": 'Ada "the first" O\'Hara \\ \\"',
    "multi-line": "one\ntwo\r\nthree\rfour\tfive\n",
    "unicode": "Zoë Łukasz 日本語 \U0001f600 \u202e\u00a0e\u0301",
    "plus": "ada+1@example.com +49 1+1=2",
    "percent": "100% %41 %zz %",
    "markup": "<b>Jack & Jill</b> &amp; ]]> <![CDATA[x]]>",
    "delimiters": "a=b&c=d;e#f?g/h",
    "token": "{{lead.Id}} ${x}",
    "null": "null",
}


def as_json(payload: Payload) -> bytes:
    """The payload as JSON in UTF-8."""
    return json.dumps(payload, ensure_ascii=False).encode()


def as_xml(payload: Payload) -> bytes:
    """The payload as XML, its values Form/Url encoded."""
    root = Element("event", {"tokens": "form-url"})
    _fill(root, payload)
    return bytes(tostring(root, "utf-8"))


def as_form(payload: Payload) -> bytes:
    """The payload as the body of a form, which is its query string too."""
    return urlencode(list(_flat(payload))).encode()


ENCODERS = {"json": as_json, "xml": as_xml, "form": as_form}


def _fill(parent: Element, members: Payload) -> None:
    for name, value in members.items():
        plain = name.replace("_", "").isalnum() and name.isascii() and not name[0].isdigit()
        child = SubElement(parent, name) if plain else SubElement(parent, "field", {"name": name})
        if isinstance(value, Mapping):
            _fill(child, value)
        else:
            child.text = quote(str(value))


def _flat(payload: Payload) -> Iterator[tuple[str, str]]:
    for name, value in payload.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{member}", str(item)) for member, item in value.items())
        else:
            yield name, str(value)
