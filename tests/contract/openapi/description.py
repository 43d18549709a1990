"""Judges messages by a description of an API in Swagger 2.0: every place where a message departs from it.

Definitions that list properties count as closed: a member that they do not name is a departure, too, although the
format would allow it. That is stricter than the vendor's words, and what follows from it is listed in `known.py`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from email.parser import BytesParser
from email.policy import HTTP
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qsl

import jsonschema  # type: ignore[import-untyped]  # the library ships no types

from tests.contract.openapi.traffic import FORM, Exchange, media_type_of

METHODS = ("get", "post", "put", "patch", "delete")
PLACE = "x-place"
#: marks operations of which a description says nothing about requests
OPEN = "x-open"
MULTIPART = "multipart/form-data"

type Direction = Literal["request", "answer"]
type Schema = dict[str, Any]

FORMATS = jsonschema.FormatChecker(formats=())


def _int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


def _int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def _date_time(value: object) -> bool:
    return not isinstance(value, str) or (
        "T" in value and "+0000" not in value and datetime.fromisoformat(value).tzinfo is not None
    )


FORMATS.checks("int32")(_int32)
FORMATS.checks("int64")(_int64)
FORMATS.checks("date-time", raises=ValueError)(_date_time)


@dataclass(frozen=True, slots=True, order=True)
class Departure:
    """One place where a message departs from the description.

    `place` is a definition or a member of one (`Lead.id`), or a part of the message (`query`, `body`, `status`,
    `media type`); `rule` the word of JSON Schema that was broken, or `undeclared`; `member` what it is about.
    """

    operation: str
    direction: Direction
    place: str
    rule: str
    member: str
    detail: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Operation:
    """One operation of a description."""

    file: str
    method: str
    path: str
    raw: Mapping[str, Any]
    definitions: Mapping[str, Schema]

    @property
    def id(self) -> str:
        """Its name in the description; unique within a file."""
        return str(self.raw.get("operationId") or f"{self.method} {self.path}")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What addresses of this operation look like."""
        parts = re.split(r"\{(\w+)\}", self.path)
        return re.compile(
            "".join(f"(?P<{part}>[^/]+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
        )

    def parameters(self, where: str) -> dict[str, Schema]:
        """The parameters in one part of the request, by name."""
        return {one["name"]: one for one in self.raw.get("parameters", ()) if one["in"] == where}

    @property
    def answers(self) -> Mapping[str, Any]:
        """The answers by HTTP status."""
        return dict(self.raw["responses"])

    def judge_request(self, exchange: Exchange) -> Iterator[Departure]:
        """Everything in which a request departs from what this operation takes."""
        if self.raw.get(OPEN):
            return
        query = [(name, value) for name, value in exchange.query if name != "_method"]
        if exchange.override:
            yield self._departure("request", "query", "undeclared", "_method")
        body: Any = None
        if exchange.body:
            if exchange.override and exchange.media_type == FORM:
                query += [(name, value) for name, value in parse_qsl(exchange.body.decode()) if name != "_method"]
            else:
                declared = self.raw.get("consumes") or [exchange.media_type]
                if exchange.media_type not in declared:
                    yield self._departure("request", "media type", "consumes", exchange.media_type)
                body = exchange
        yield from self._judge_parameters("query", query)
        found = self.pattern.fullmatch(exchange.path)
        assert found is not None, exchange.path
        yield from self._judge_parameters("path", list(found.groupdict().items()))
        yield from self._judge_body(body)

    def judge_answer(self, exchange: Exchange) -> Iterator[Departure]:
        """Everything in which an answer departs from what this operation gives."""
        described = self.answers.get(str(exchange.status), self.answers.get("default"))
        if described is None:
            yield self._departure("answer", "status", "undeclared", str(exchange.status))
            return
        given = media_type_of(exchange.answer_headers)
        declared = self.raw.get("produces") or [given]
        if given not in declared:
            yield self._departure("answer", "media type", "produces", given)
            return
        if "schema" in described:
            yield from self._errors("answer", described["schema"], exchange.document)

    def _judge_parameters(self, where: str, given: list[tuple[str, str]]) -> Iterator[Departure]:
        declared = self.parameters(where)
        for name in sorted({name for name, _ in given} - declared.keys()):
            yield self._departure("request", where, "undeclared", name)
        for name, schema in declared.items():
            values = [value for key, value in given if key == name]
            if not values:
                if schema.get("required"):
                    yield self._departure("request", where, "required", name)
                continue
            if len(values) > 1 and schema.get("type") != "array":
                yield self._departure("request", where, "repeated", name)
            if schema.get("type") == "array":
                values = [part for value in values for part in value.split(",")]
                schema = schema.get("items", {})  # noqa: PLW2901 - the schema of one value, as for single ones
            for value in values:
                for broken in self._errors("request", _bare(schema), _read(value, schema.get("type"))):
                    yield replace(broken, place=where, member=name)

    def _judge_body(self, exchange: Exchange | None) -> Iterator[Departure]:
        files, bodies = self.parameters("formData"), list(self.parameters("body").values())
        if exchange is None:
            yield from (
                self._departure("request", "body", "required", one["name"])
                for one in (*files.values(), *bodies)
                if one.get("required")
            )
        elif files:
            yield from self._judge_form(files, exchange)
        elif not bodies:
            yield self._departure("request", "body", "undeclared", exchange.media_type)
        elif exchange.media_type == FORM:
            yield from self._errors("request", bodies[0]["schema"], self._form_document(bodies[0]["schema"], exchange))
        else:
            try:
                document = json.loads(exchange.body)
            except ValueError:
                yield self._departure("request", "body", "type", "JSON")
            else:
                yield from self._errors("request", bodies[0]["schema"], document)

    def _judge_form(self, declared: Mapping[str, Schema], exchange: Exchange) -> Iterator[Departure]:
        if exchange.media_type == FORM:
            names = {name for name, _ in parse_qsl(exchange.body.decode())}
        else:
            head = f"Content-Type: {exchange.headers['content-type']}\r\n\r\n".encode()
            message = BytesParser(policy=HTTP).parsebytes(head + exchange.body)
            names = {str(part.get_param("name", header="content-disposition")) for part in message.iter_parts()}
        for name in sorted(names - declared.keys()):
            yield self._departure("request", "form", "undeclared", name)
        for name, one in declared.items():
            if one.get("required") and name not in names:
                yield self._departure("request", "form", "required", name)

    def _form_document(self, schema: Schema, exchange: Exchange) -> Schema:
        """A form as the document that the description says it is: structured values are JSON inside."""
        known = self.definitions.get(schema.get("$ref", "").rpartition("/")[2], schema).get("properties", {})
        return {
            name: json.loads(value)
            if _is_structured(known.get(name, {}))
            else _read(value, known.get(name, {}).get("type"))
            for name, value in parse_qsl(exchange.body.decode())
        }

    def _errors(self, direction: Direction, schema: Schema, document: object) -> Iterator[Departure]:
        # Swagger 2.0 describes schemas in the words of draft 4
        judge = jsonschema.Draft4Validator({**schema, "definitions": self.definitions}, format_checker=FORMATS)
        for error in judge.iter_errors(document):
            place = str(error.schema.get(PLACE, "body"))
            rule = "undeclared" if error.validator == "additionalProperties" else str(error.validator)
            for member in _members(error):
                yield self._departure(direction, place, rule, member, error.message[:120])

    def _departure(self, direction: Direction, place: str, rule: str, member: str, detail: str = "") -> Departure:
        return Departure(self.id, direction, place, rule, member, detail)


@dataclass(frozen=True, repr=False)
class Description:
    """The operations of one or several files; `source` says in words where they come from."""

    source: str
    operations: tuple[Operation, ...]

    def find(self, method: str, path: str) -> Operation | None:
        """The operation of an address; the one that spells out most of it, where several fit."""
        fitting = [one for one in self.operations if one.method == method and one.pattern.fullmatch(path)]
        return max(fitting, key=lambda one: len(re.sub(r"\{\w+\}", "", one.path)), default=None)

    def operation_of(self, exchange: Exchange) -> Operation | None:
        """The operation that an exchange used, whatever method it had to travel under."""
        return self.find(exchange.override or exchange.method, exchange.path)

    def judge(self, exchanges: Iterable[Exchange], *, answers_only: bool = False) -> Iterator[Departure]:
        """Everything in which requests and answers depart from the description."""
        for exchange in exchanges:
            operation = self.operation_of(exchange)
            if operation is None:
                yield Departure(f"{exchange.method} {exchange.path}", "request", "path", "undeclared", exchange.path)
                continue
            if not answers_only:
                yield from operation.judge_request(exchange)
            yield from operation.judge_answer(exchange)


def operations_of(file: str, document: Mapping[str, Any]) -> Iterator[Operation]:
    """The operations of one Swagger 2.0 document."""
    definitions = {name: _closed(name, deepcopy(schema)) for name, schema in document.get("definitions", {}).items()}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield Operation(file, method.upper(), path, item[method], definitions)


def _closed(place: str, schema: Schema) -> Schema:
    """The schema with the name of each place in it, and with nothing allowed that it does not name."""
    schema[PLACE] = place
    for name, member in schema.get("properties", {}).items():
        _closed(f"{place}.{name}", member)
    if "items" in schema:
        _closed(f"{place}[]", schema["items"])
    if schema.get("properties"):
        schema.setdefault("additionalProperties", False)
    return schema


def _is_structured(schema: Schema) -> bool:
    """Whether a member of a form is JSON inside."""
    return "$ref" in schema or schema.get("type") == "array"


def _bare(parameter: Schema) -> Schema:
    """The schema of a single value that a parameter declares; there, `required` is a flag."""
    return {name: value for name, value in parameter.items() if name in {"type", "format", "enum"}}


def _read(text: str, kind: str | None) -> Any:
    """The value that a text stands for in an address or a form; the text itself where it is none of that type."""
    if kind == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    return text


def _members(error: Any) -> list[str]:
    """What an error of JSON Schema is about."""
    if error.validator == "required":
        return [name for name in error.validator_value if error.message.startswith(f"{name!r} ")]
    if error.validator == "additionalProperties":
        return sorted(set(error.instance) - set(error.schema.get("properties", {})))
    return [""]
