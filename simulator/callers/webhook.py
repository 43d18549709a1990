"""Webhooks: the request that one person makes, and what its answer writes into the person.

Source: the vendor's webhook, response mapping and error pages. One request for each person, in trigger campaigns
only; 20 connections at most and 30 seconds for an answer; never a second try. Fields are written after a 2xx answer
only, by a path into its JSON or XML and by SOAP name. 1000 is a webhook in a batch campaign, 1001 an empty answer.

The caller knows nothing of whom it calls. Where the vendor is silent it does this: the content type goes with the
token encoding unless a custom header names one; tokens in the URL are encoded where the encoding is form, else they
go as they are, as they do in headers; redirects are answers like others; null or a missing property leaves a field
alone, blank text empties it.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import httpx
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from simulator.callers import tokens
from simulator.callers.addresses import is_loopback
from simulator.control import ControlError, ControlPlane, Record
from simulator.marketo.exceptions import MarketoError
from simulator.marketo.schema import FieldSchema, LeadField
from simulator.marketo.values import read_value

BATCH_CAMPAIGN, EMPTY_ANSWER = "1000", "1001"
# the vendor documents no words for these two
NO_ANSWER, NO_CONNECTION = "Read timed out", "Connection failed"

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ENCODINGS: Mapping[str, tuple[tokens.Encoder, str]] = {
    # request token encoding: how a token is written into the body, and the content type of the request
    "JSON": (tokens.quoted, "application/json"),
    "Form/Url": (tokens.form_encoded, "application/x-www-form-urlencoded"),
    "None": (tokens.as_text, "text/plain"),
}
_RESPONSE_TYPES = ("JSON", "XML")
_STEP = re.compile(r"([A-Za-z0-9_:\- ]+)|\[(\d+)\]")
_PATH = re.compile(r"[A-Za-z0-9_:\- ]*(\[\d+\])*(\.[A-Za-z0-9_:\- ]+(\[\d+\])*)*")
_NUMBERS = {"integer", "score", "float", "currency", "percent"}
_MEMBERS = {"id", "name", "url", "method", "template", "headers", "encoding", "response_type", "mappings"}
_MISSING = object()


@dataclass(frozen=True, slots=True)
class ResponseMapping:
    """One property of the answer and the lead field that it is written to."""

    attribute: str
    target: LeadField

    @property
    def steps(self) -> list[str | int]:
        """Give the way to the property: names, and places in arrays."""
        return [int(index) if index else name for name, index in _STEP.findall(self.attribute)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook as an administrator defines it."""

    id: int
    name: str
    url: str
    method: str = "POST"
    template: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    encoding: str = "JSON"
    response_type: str = "JSON"
    mappings: tuple[ResponseMapping, ...] = ()

    @classmethod
    def parse(cls, document: Any, webhook_id: int, schema: FieldSchema) -> Webhook:
        """Read a definition.

        Raises:
            ControlError: a member is missing, unknown or wrong, or names a token or field that is not there.
        """
        if not isinstance(document, dict) or not all(isinstance(document.get(each), str) for each in ("name", "url")):
            raise ControlError("a webhook has name and url")
        if unknown := sorted(document.keys() - _MEMBERS):
            raise ControlError(f"a webhook does not know {', '.join(unknown)}")
        given = {name: document[name] for name in _MEMBERS - {"id", "mappings"} if name in document}
        if not isinstance(given.get("template", ""), str):
            raise ControlError("template is a text with tokens")
        choices = {"method": _METHODS, "encoding": _ENCODINGS, "response_type": _RESPONSE_TYPES}
        for name, allowed in choices.items():
            if given.get(name, next(iter(allowed))) not in allowed:
                raise ControlError(f"{name} is one of {', '.join(allowed)}")
        headers = given.get("headers", {})
        if not isinstance(headers, dict) or not all(isinstance(each, str) for each in headers.values()):
            raise ControlError("headers are names and templates")
        mappings = document.get("mappings", [])
        if not isinstance(mappings, list):
            raise ControlError("mappings are an array of {attribute, field}")
        made = cls(id=webhook_id, mappings=tuple(_mapping(each, schema) for each in mappings), **given)
        made.token_names(schema)
        if not is_loopback(made.url) and "{{" not in made.url:
            raise ControlError("url is an http address of the loopback interface")
        return made

    def token_names(self, schema: FieldSchema) -> set[str]:
        """Give the names of all tokens in the definition, in lower case.

        Raises:
            ControlError: a token that is not there.
        """
        return tokens.names_in("\n".join([self.url, self.template, *self.headers.values()]), schema.rest.values())

    def document(self) -> Record:
        """Give the webhook as the control plane shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "url": self.url,
            "method": self.method,
            "template": self.template,
            "headers": dict(self.headers),
            "encoding": self.encoding,
            "response_type": self.response_type,
            "mappings": [{"attribute": each.attribute, "field": each.target.soap_name} for each in self.mappings],
        }

    def request(self, values: tokens.Values, *, bare_numbers: bool) -> httpx.Request:
        """Render the request of one person.

        Raises:
            httpx.InvalidURL: the rendered address is none, or leads elsewhere.
        """
        encode, content_type = _ENCODINGS[self.encoding]
        in_url = encode if self.encoding == "Form/Url" else tokens.as_text
        url = tokens.render(self.url, values, in_url)
        if not is_loopback(url):
            raise httpx.InvalidURL("not an address of the loopback interface")
        headers = {name: tokens.render(each, values, _in_header) for name, each in self.headers.items()}
        if self.method == "GET":
            return httpx.Request("GET", url, headers=headers)
        if bare_numbers and self.encoding == "JSON":
            encode = tokens.bare_numbers
        body = tokens.render(self.template, values, encode)
        return httpx.Request(self.method, url, headers={"Content-Type": content_type} | headers, content=body.encode())

    def written(self, content: bytes) -> tuple[Record, list[str]]:
        """Read an answer: the REST fields to write with their values, and those whose value does not fit."""
        document = _read_json(content) if self.response_type == "JSON" else _read_xml(content)
        values: Record = {}
        dropped: list[str] = []
        for mapping in self.mappings:
            value = _walk(document, mapping.steps)
            if value is _MISSING or value is None:
                continue
            target = mapping.target
            try:
                if not _fits(value, target.data_type, typed=self.response_type == "JSON"):
                    raise MarketoError("1003", "of another type")  # noqa: TRY301 - one way out for what is dropped
                values[target.name] = read_value(target.name, target.data_type, value)
            except MarketoError:
                dropped.append(target.name)
        return values, dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one call; `error` is blank after a 2xx answer with a body."""

    lead_id: int
    status: int | None = None
    error: str = ""
    response: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def document(self) -> Record:
        """Give the outcome as the control plane shows it."""
        return {
            "lead_id": self.lead_id,
            "status": self.status,
            "error": self.error,
            "response": self.response,
            "mapped": dict(self.values),
            "dropped": self.dropped,
            "seconds": round(self.seconds, 6),
        }


class WebhookCaller:
    """Sends the calls of one instance: so many at a time, each once."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self._room = asyncio.Condition()
        self._open = 0
        self.peak = 0

    async def call(self, client: httpx.AsyncClient, webhook: Webhook, lead_id: int, values: tokens.Values) -> Outcome:
        """Call a webhook for one person.

        A fault rule for `CALL /webhooks/<id>` may take the call: `close` (nothing is sent), `drop_answer` (sent, but
        the answer is lost) and `delay` (before sending).
        """
        # chosen before anything is awaited, so that the n-th call is that of the n-th person
        fault = self._control.pick("CALL", f"/webhooks/{webhook.id}")
        kind = fault.kind if fault else ""
        try:
            request = webhook.request(values, bare_numbers=self._control.switch("webhook_bare_numbers"))
        except httpx.InvalidURL:
            kind = "close"
        if kind == "close":
            return Outcome(lead_id=lead_id, error=NO_CONNECTION)
        if fault and kind == "delay":
            await asyncio.sleep(fault.seconds)
        async with self._connection():
            begun = time.monotonic()
            try:
                # the time is for the whole call, the client's own would be for each read
                async with asyncio.timeout(self._control.limit("webhook_seconds")):
                    answer = await client.send(request)
            except (TimeoutError, httpx.TimeoutException):
                return Outcome(lead_id=lead_id, error=NO_ANSWER, seconds=time.monotonic() - begun)
            except httpx.HTTPError:
                return Outcome(lead_id=lead_id, error=NO_CONNECTION, seconds=time.monotonic() - begun)
        seconds = time.monotonic() - begun
        if kind == "drop_answer":
            return Outcome(lead_id=lead_id, error=NO_ANSWER, seconds=seconds)
        return _outcome(webhook, lead_id, answer, seconds)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[None]:
        """Wait for a free connection; those who wait do not fail, however long it takes."""
        async with self._room:
            await self._room.wait_for(lambda: self._open < self._control.limit("webhook_connections"))
            self._open += 1
            self.peak = max(self.peak, self._open)
        try:
            yield
        finally:
            async with self._room:
                self._open -= 1
                self._room.notify()


def _outcome(webhook: Webhook, lead_id: int, answer: httpx.Response, seconds: float) -> Outcome:
    told: Record = {
        "lead_id": lead_id,
        "status": answer.status_code,
        "response": answer.content.decode("utf-8", "replace"),
        "seconds": seconds,
    }
    if not answer.is_success:
        return Outcome(error=answer.reason_phrase or _phrase(answer.status_code), **told)
    if not answer.content:
        return Outcome(error=EMPTY_ANSWER, **told)
    values, dropped = webhook.written(answer.content)
    return Outcome(values=values, dropped=dropped, **told)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return str(status)


def _in_header(value: Any) -> str:
    return " ".join(tokens.as_text(value).split())


def _mapping(document: Any, schema: FieldSchema) -> ResponseMapping:
    if not isinstance(document, dict) or not isinstance(document.get("attribute"), str):
        raise ControlError("a mapping has attribute and field")
    attribute = document["attribute"]
    if not attribute or not _PATH.fullmatch(attribute):
        raise ControlError(f"{attribute!r} is not a path of letters, digits, - _ : and blanks, with [n] for arrays")
    target = next((each for each in schema.rest.values() if each.soap_name == document.get("field")), None)
    if target is None or not target.updateable:
        raise ControlError(f"{document.get('field')!r} is not the SOAP name of a field that can be written")
    return ResponseMapping(attribute, target)


def _read_json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return _MISSING


def _read_xml(content: bytes) -> Any:
    try:
        root = fromstring(content)
    except (ParseError, DefusedXmlException):
        return _MISSING
    return {_local(root): _element(root)}


def _element(element: Element) -> Any:
    """Turn an element into its text, or into its children by name; a name that occurs again is an array."""
    if not len(element):
        return element.text or ""
    children: dict[str, list[Any]] = {}
    for child in element:
        children.setdefault(_local(child), []).append(_element(child))
    return {name: found if len(found) > 1 else found[0] for name, found in children.items()}


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _walk(document: Any, steps: list[str | int]) -> Any:
    """Give the single value at the end of a path."""
    for step in steps:
        if isinstance(step, str) and isinstance(document, dict):
            document = document.get(step, _MISSING)
        elif isinstance(step, int) and isinstance(document, list):
            document = document[step] if step < len(document) else _MISSING
        else:
            return _MISSING
    return _MISSING if isinstance(document, dict | list) else document


def _fits(value: Any, data_type: str, *, typed: bool) -> bool:
    """Say whether a value may go into a field of this type; XML has text only, so there its content decides."""
    if not typed or data_type in {"string", "text"}:
        return True
    if data_type == "boolean":
        return isinstance(value, bool)
    if data_type in _NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)
