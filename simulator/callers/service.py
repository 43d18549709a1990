"""Flow-step services as they describe themselves: the OpenAPI document and the service definition, read and checked.

Source: the vendor's service provider interface for self-service flow steps. A service is installed from the address
of its OpenAPI document, which has to hold more than OpenAPI asks for; where it is sent to and what it gets follows
from the definition that the service itself answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import httpx

from simulator.control import ControlError, Record
from simulator.marketo.schema import FieldSchema, LeadField

# the guide says /async where the schema says submitAsyncAction
SUBMIT_PATHS = ("/submitAsyncAction", "/async")
DEFINITION_PATH, STATUS_PATH, PICKLIST_PATH = "/getServiceDefinition", "/status", "/getPicklist"
RESERVED = ("success", "reason", "errorCode")
DATA_TYPES = ("boolean", "integer", "date", "datetime", "email", "float", "phone", "score", "string", "url", "text")
_ANSWERS = ("201", "400", "401", "403", "429", "500")
_CALLBACK = "{$request.body#/flowComplete}"
_ALIKE = [{"string", "email", "phone", "url", "text"}, {"integer", "score"}, {"float", "currency", "percent"}]


@dataclass(frozen=True, slots=True)
class Access:
    """How the service knows that it is the vendor who calls: a key in a header or the query, or name and password."""

    kind: str
    name: str
    key: str

    def apply(self, request: httpx.Request) -> None:
        """Put the key where the service looks for it."""
        if self.kind == "query":
            request.url = request.url.copy_merge_params({self.name: self.key})
        elif self.kind == "basic":
            name, _, password = self.key.partition(":")
            next(httpx.BasicAuth(name, password).auth_flow(request))
        else:
            request.headers[self.name] = self.key


@dataclass(frozen=True, slots=True)
class Description:
    """What an OpenAPI document says about a service."""

    base: str
    submit_path: str
    access_kind: str
    access_name: str
    has_picklists: bool

    @classmethod
    def read(cls, document: Any, address: str) -> Description:
        """Read the document that was found at an address.

        Raises:
            ControlError: it lacks something, with every finding.
        """
        if not isinstance(document, dict):
            raise ControlError("the OpenAPI document is not an object")
        findings = list(_missing_parts(document))
        paths = _at(document, "paths", default={})
        submit = next((each for each in SUBMIT_PATHS if each in paths), None)
        if submit is None:
            findings.append(f"paths lack {SUBMIT_PATHS[0]}")
        kind, name = _access(document)
        if not kind:
            findings.append("security names no scheme of the kind apiKey or basic")
        if findings or submit is None:
            raise ControlError("the service cannot be installed: " + "; ".join(findings))
        servers = document.get("servers") or [{}]
        base = urljoin(address, str(servers[0].get("url") or "."))
        return cls(base.rstrip("/"), submit, kind, name, PICKLIST_PATH in paths)


def _missing_parts(document: Record) -> Iterator[str]:
    for name in ("x-providerName", "x-schemaVersion", "x-supportContact"):
        if not _at(document, "info", name):
            yield f"info lacks {name}"
    paths = _at(document, "paths", default={})
    for path in (DEFINITION_PATH, STATUS_PATH):
        if _at(paths, path, "get") is None:
            yield f"paths lack GET {path}"
    submit = next((paths[each].get("post") or {} for each in SUBMIT_PATHS if each in paths), {})
    answers = {str(status) for status in _at(submit, "responses", default={})}
    if missing := [status for status in _ANSWERS if status not in answers]:
        yield f"the answers {', '.join(missing)} of the submission are not described"
    if _at(submit, "callbacks", "selfServiceFlowComplete", _CALLBACK, "post") is None:
        yield f"the submission has no callback selfServiceFlowComplete to {_CALLBACK}"


def _access(document: Record) -> tuple[str, str]:
    """Give where a key goes (header, query or basic) and its name: the first scheme under security counts."""
    security = document.get("security") or [{}]
    scheme = _at(document, "components", "securitySchemes", next(iter(security[0]), ""), default={})
    if scheme.get("type") == "apiKey" and scheme.get("in") in {"header", "query"}:
        return str(scheme["in"]), str(scheme.get("name"))
    return ("basic", "") if scheme.get("type") == "http" and scheme.get("scheme") == "basic" else ("", "")


def _at(document: Any, *path: str, default: Any = None) -> Any:
    for name in path:
        if not isinstance(document, dict) or name not in document:
            return default
        document = document[name]
    return document


@dataclass(slots=True, kw_only=True)
class Definition:
    """What a service asks for and answers, as its definition says."""

    document: Record
    api_name: str
    name: str
    primary: str
    flow: list[Record]
    globals: list[Record]
    headers: list[Record]
    answers: list[Record]
    invocation_fields: list[Record] | None
    callback_fields: list[Record] | None
    """None where an administrator maps fields freely, by their own names."""

    @classmethod
    def read(cls, document: Any) -> Definition:
        """Read a service definition.

        Raises:
            ControlError: it does not keep the interface, with every finding.
        """
        if not isinstance(document, dict):
            raise ControlError("the service definition is not an object")
        invocation, callback = document.get("invocationPayloadDef") or {}, document.get("callbackPayloadDef") or {}
        made = cls(
            document=document,
            api_name=str(document.get("apiName") or ""),
            name=str(_at(document, "i18n", "en_US", "name") or document.get("apiName") or ""),
            primary=str(document.get("primaryAttribute") or ""),
            flow=invocation.get("flowAttributes") or [],
            globals=invocation.get("globalAttributes") or [],
            headers=invocation.get("headers") or [],
            answers=callback.get("attributes") or [],
            invocation_fields=None if invocation.get("userDrivenMapping") else invocation.get("fields") or [],
            callback_fields=None if callback.get("userDrivenMapping") else callback.get("fields") or [],
        )
        if findings := list(made.findings()):
            raise ControlError("the service definition cannot be used: " + "; ".join(findings))
        return made

    def findings(self) -> Iterator[str]:
        """Give what the definition does wrong."""
        for name in ("apiName", "i18n", "primaryAttribute", "invocationPayloadDef", "callbackPayloadDef"):
            if not self.document.get(name):
                yield f"{name} is missing"
        for each in [*self.flow, *self.globals, *self.answers]:
            if not each.get("apiName") or not _at(each, "i18n", "en_US", "name"):
                yield f"the attribute {each.get('apiName')!r} lacks apiName or its name in en_US"
            if each.get("dataType") not in DATA_TYPES:
                yield f"the attribute {each.get('apiName')!r} is of the unknown type {each.get('dataType')!r}"
        for each in [*(self.invocation_fields or []), *(self.callback_fields or [])]:
            if not each.get("serviceAttribute") or each["serviceAttribute"] == "id":
                yield "a field needs a serviceAttribute, and id is taken"
            if each.get("dataType") not in DATA_TYPES or not _at(each, "description", "en_US"):
                yield f"the field {each.get('serviceAttribute')!r} lacks a known dataType or a description in en_US"
        flow, answers = _names(self.flow), _names(self.answers)
        yield from (f"{name} is reserved" for name in sorted(answers & set(RESERVED)))
        yield from (f"{name} is a flow attribute and an attribute of the callback" for name in sorted(flow & answers))
        if self.primary not in flow:
            yield "primaryAttribute is none of the flow attributes"

    def asks(self, context: str) -> bool:
        """Say whether the service asks for a context, for example `programContext`."""
        return bool(self.document["invocationPayloadDef"].get(context))

    @property
    def my_tokens(self) -> list[str]:
        """Give the names of the My Tokens that the service asks for."""
        return [str(each) for each in self.document["invocationPayloadDef"].get("myTokenContext") or []]

    def picklists(self) -> list[tuple[str, str]]:
        """Give kind (flow, global, header) and name of the inputs that offer choices."""
        groups = (("flow", self.flow, "apiName"), ("global", self.globals, "apiName"), ("header", self.headers, "name"))
        return [(kind, str(each[key])) for kind, group, key in groups for each in group if each.get("hasPicklist")]

    def type_content(self) -> Record:
        """Give the activity type of the service: its flow attributes, its answers, and the three that all have."""
        own = [(str(each["apiName"]), _shown_name(each), str(each["dataType"])) for each in [*self.flow, *self.answers]]
        primary = next(each for each in own if each[0] == self.primary)
        fixed = [
            ("success", "Success", "boolean"),
            ("reason", "Reason", "string"),
            ("errorCode", "Error Code", "string"),
        ]
        strings = _at(self.document, "i18n", "en_US", default={})
        return {
            "name": self.name,
            "triggerName": strings.get("triggerName") or self.name,
            "filterName": strings.get("filterName") or self.name,
            "description": strings.get("description") or "",
            "primaryAttribute": _attribute(*primary),
            "attributes": [_attribute(*each) for each in [*own, *fixed] if each is not primary],
        }


def mapped(
    wanted: Iterable[Record] | None, chosen: Any, schema: FieldSchema, *, writable: bool
) -> Mapping[str, LeadField]:
    """Give the lead field behind each name that the service uses.

    `chosen` is what an administrator says: names of the service to REST names, or a list of REST names where the
    service leaves the mapping to the user. What is not said is the suggested field, if its type fits.

    Raises:
        ControlError: a field that is not there or cannot be written, or a required one without a field.
    """
    if wanted is None:
        names = {str(each): str(each) for each in chosen or []}
    else:
        names = {name: str(rest) for name, rest in (chosen or {}).items()}
        for each in wanted:
            suggested = schema.rest.get(str(each.get("suggestedMarketoAttribute")))
            if suggested and _alike(suggested.data_type, each["dataType"]):
                names.setdefault(str(each["serviceAttribute"]), suggested.name)
            if each.get("required") and each["serviceAttribute"] not in names:
                raise ControlError(f"the service requires a field for {each['serviceAttribute']}")
        if unknown := names.keys() - {str(each["serviceAttribute"]) for each in wanted}:
            raise ControlError(f"the service does not know {', '.join(sorted(unknown))}")
    for rest in names.values():
        if rest not in schema.rest or (writable and not schema.rest[rest].updateable):
            raise ControlError(f"{rest} is not a lead field{' that can be written' if writable else ''}")
    return {name: schema.rest[rest] for name, rest in names.items()}


@dataclass(slots=True, kw_only=True)
class Service:
    """An installed service."""

    definition: Definition
    description: Description
    access: Access
    callback_base: str
    type_id: int
    admin: Record
    outgoing: Mapping[str, LeadField]
    incoming: Mapping[str, LeadField]
    choices: dict[str, list[Record]] = field(default_factory=dict)
    status: Record = field(default_factory=dict)
    log: list[Record] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Give the name of the service, which is also that of its activity type."""
        return self.definition.api_name

    def request(self, method: str, path: str, body: Record | None = None) -> httpx.Request:
        """Make a request to the service, with its key."""
        request = httpx.Request(method, self.description.base + path, json=body)
        self.access.apply(request)
        return request

    def note(self, level: str, code: str, message: str) -> None:
        """Write a line of the service log."""
        self.log.append({"level": level, "code": code, "message": message})

    def document(self) -> Record:
        """Give the service as the control plane shows it; never its key."""
        return {
            "name": self.name,
            "address": self.description.base,
            "activity_type_id": self.type_id,
            "mappings": {
                "invocation": {name: each.name for name, each in self.outgoing.items()},
                "callback": {name: each.name for name, each in self.incoming.items()},
            },
            "choices": self.choices,
            "status": self.status,
            "log": self.log,
        }


def _names(attributes: Iterable[Record]) -> set[str]:
    return {str(each.get("apiName")) for each in attributes}


def _shown_name(attribute: Record) -> str:
    return str(attribute["i18n"]["en_US"]["name"])


def _attribute(api_name: str, name: str, data_type: str) -> Record:
    return {"apiName": api_name, "name": name, "dataType": data_type}


def _alike(data_type: str, wanted: str) -> bool:
    return data_type == wanted or any(data_type in group and wanted in group for group in _ALIKE)
