"""What to paste into Marketo Admin > Webhooks so that a campaign can call an Action.

The sheet holds the tokens of the columns that the Action reads and no others. It is worked out as the definition
that Marketo's dialog asks for; how the tokens are encoded goes with the encoding of the call.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from pydantic import BaseModel

from leadbridge.domain.action import Action
from leadbridge.domain.columns import OF_ACTIVITY
from leadbridge.domain.connector import AnyAction
from leadbridge.domain.flow_step_service import install_url
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.sources import ValueSource
from leadbridge.domain.webhook import FORM_TYPE
from leadbridge.domain.webhook_xml import ENCODED, FIELD, ROOT

KEY_HEADER = "X-Leadbridge-Key"
Encoding = Literal["json", "xml", "form", "get"]
ENCODINGS: tuple[Encoding, ...] = ("json", "xml", "form", "get")
#: members of the answer that a response mapping can take
ATTRIBUTES = ("status", "execution_id", "reason")
#: those of an answer that waits for the result
INLINE_ATTRIBUTES = (*ATTRIBUTES, "outcome")
#: fields that Marketo offers as {{company.…}} and not as {{lead.…}}; of an instance's own company fields Describe
#: tells nothing, so those have to be chosen under Insert Token
COMPANY_FIELDS = frozenset(
    {
        *("company", "site", "website", "mainPhone", "annualRevenue", "numberOfEmployees", "industry", "sicCode"),
        *("billingStreet", "billingCity", "billingState", "billingCountry", "billingPostalCode"),
        *("externalCompanyId", "companyNotes", "parentCompanyName"),
    }
)
#: what every call carries, so that an execution can tell who sent it
ALWAYS = ("id", "campaign.id", "campaign.name", "program.id", "program.name")
_GROUPS = ("campaign", "program", "token")
_XML_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")

type Payload = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A webhook as Marketo's dialog asks for it."""

    name: str
    url: str
    method: str
    template: str
    encoding: str  # of tokens: JSON or Form/Url
    headers: Mapping[str, str]
    mappings: tuple[tuple[str, str], ...] = ()  # attribute of the answer, SOAP name of the field
    notes: tuple[str, ...] = ()
    response_type: str = "JSON"
    #: the Marketo connection, and where its flow-step service is installed from
    connection: str = ""
    install_url: str = ""

    def document(self) -> dict[str, Any]:
        """The definition as plain values, without the notes."""
        return {
            "name": self.name,
            "url": self.url,
            "method": self.method,
            "template": self.template,
            "encoding": self.encoding,
            "headers": dict(self.headers),
            "response_type": self.response_type,
            "mappings": [{"attribute": attribute, "field": name} for attribute, name in self.mappings],
        }

    def lines(self, *, how_to_get_the_key: str) -> Iterator[str]:
        """The sheet as a person works through it."""
        yield "Marketo Admin > Integration > Webhooks > New Webhook:"
        yield ""
        yield f"  Webhook Name             {self.name}"
        yield f"  URL                      {self.url}"
        yield f"  Request Type             {self.method}"
        if self.template:
            yield "  Template"
            yield ""
            yield from self.template.splitlines()
            yield ""
        yield f"  Request Token Encoding   {self.encoding}"
        yield f"  Response Type            {self.response_type}"
        yield ""
        yield "Webhooks Actions > Set Custom Header:"
        yield ""
        for name, value in self.headers.items():
            yield f"  {name}: {value}"
        if KEY_HEADER not in self.headers:
            yield f"  {KEY_HEADER}: {how_to_get_the_key}"
        yield ""
        yield "Response Mappings:"
        yield ""
        for attribute, name in self.mappings:
            yield f"  {attribute} -> {name}"
        if not self.mappings:
            yield "  none; the Action writes back by API. --map ATTRIBUTE=FIELD keeps a part of the answer."
        for note in self.notes:
            yield ""
            yield note
        yield from flow_step_lines(self.install_url, self.connection)


def flow_step_lines(install_url: str, connection: str) -> Iterator[str]:
    """How an Action becomes a flow step."""
    yield ""
    yield "Or as a flow step, in batch campaigns too; one service stands for all Actions of the connection:"
    yield "Marketo Admin > Service Providers > Add New Service:"
    yield ""
    yield f"  OpenAPI address          {install_url}"
    yield f"  API key                  what `leadbridge keys show flow-step/{connection}` prints"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """What Describe tells of a Marketo instance."""

    leads: ObjectDescription
    soap_names: Mapping[str, str] = field(default_factory=dict)


def sheet(
    action: Action,
    instance: Instance,
    *,
    api_url: str,
    encoding: Encoding = "json",
    key: str | None = None,
    maps: Mapping[str, str] | None = None,
) -> Sheet | list[str]:
    """The sheet of an Action, or the findings that stand against it.

    Args:
        action: What is to be called.
        instance: The Marketo that will call.
        api_url: Where the webhook is reached.
        encoding: How the call carries its values.
        key: The Action's key, to stand in the sheet.
        maps: Attributes of the answer and the REST names of the fields that take them.
    """
    payload: Payload = {}
    read = columns_of(action)
    findings: list[str] = []
    if "program" in read and any(column.startswith("program.") for column in read):
        findings.append(
            "The Action reads `program` and a part of it; a call can carry one of them. Read the parts only."
        )
    for column in dict.fromkeys([*ALWAYS, *read]):
        token = token_of(column, instance.leads)
        if token is None:
            findings.append(f"The Action reads {column}, which the Marketo lead does not have. Correct the Action.")
        else:
            _put(payload, column, token)
    mappings = _mappings(action, instance, maps or {}, findings)
    if findings:
        return findings
    url = f"{api_url}/actions/{action.id}{'/inline' if action.inline else ''}"
    content_type, tokens, write = _FORMS[encoding]
    headers = ({"Content-Type": content_type} if content_type else {}) | ({KEY_HEADER: key} if key else {})
    is_get = encoding == "get"
    return Sheet(
        name=f"Leadbridge: {action.name}",
        url=f"{url}?{write(payload)}" if is_get else url,
        method="GET" if is_get else "POST",
        template="" if is_get else write(payload),
        encoding=tokens,
        headers=headers,
        mappings=mappings,
        notes=(
            _NOTE,
            *((_NOTE_OF_GET,) if is_get else ()),
            *((_NOTE_OF_INLINE,) if action.inline else ()),
        ),
        connection=action.source.connection,
        install_url=install_url(api_url, action.source.connection),
    )


def columns_of(action: AnyAction) -> list[str]:
    """The columns that an Action wants of its calls, in the order in which it names them, each once."""
    return [column for column in dict.fromkeys(_columns(action)) if not column.startswith(OF_ACTIVITY)]


def token_of(column: str, leads: ObjectDescription) -> str | None:
    """The Marketo token that fills a column, without its braces; None for a field that is not there."""
    group, _, name = column.partition(".")
    if group == "token":
        # a column of this group has the token's own name; one without a kind is a My Token
        return (
            name if name.partition(".")[0] in {"my", "trigger", "system", "member", "lead", "company"} else f"my.{name}"
        )
    if group in _GROUPS:
        return f"{group}.{name or 'name'}"
    if column == "id":
        return "lead.Id"
    described = leads.fields.get(column)
    if described is None or not described.label:
        return None
    return f"{'company' if column in COMPANY_FIELDS else 'lead'}.{described.label}"


def _columns(node: Any) -> Iterator[str]:
    if isinstance(node, ValueSource):
        yield from (name for _, name in node.columns())
    elif isinstance(node, BaseModel):
        for name in type(node).model_fields:
            value = getattr(node, name)
            if name == "column" and isinstance(value, str):
                yield value
            elif name == "columns" and value:
                yield from value
            else:
                yield from _columns(value)
    elif isinstance(node, list | tuple):
        for each in node:
            yield from _columns(each)


def _put(payload: Payload, column: str, token: str) -> None:
    group, dot, name = column.partition(".")
    if group not in _GROUPS:
        payload.setdefault("lead", {})[column] = token
    elif dot and isinstance(payload.setdefault(group, {}), dict):
        payload[group][name] = token
    elif not dot:
        payload[group] = token  # the Action reads the program as a text


def _mappings(
    action: Action, instance: Instance, maps: Mapping[str, str], findings: list[str]
) -> tuple[tuple[str, str], ...]:
    written = {back.to for back in action.writeback}
    known = INLINE_ATTRIBUTES if action.inline else ATTRIBUTES
    found = []
    for back in action.writeback if action.inline else ():
        soap_name = instance.soap_names.get(back.to)
        if soap_name is None:
            findings.append(
                f"Marketo tells no SOAP name of {back.to}, so its value cannot be mapped. Correct the Action."
            )
        else:
            found.append((f"values.{back.to}", soap_name))
    for attribute, name in maps.items():
        described = instance.leads.fields.get(name)
        soap_name = instance.soap_names.get(name)
        if attribute not in known:
            findings.append(f"The answer has no {attribute}; it has {', '.join(known)}.")
        elif described is None or soap_name is None:
            findings.append(f"There is no Marketo field {name}. Give the REST name of a field, e.g. leadbridgeStatus.")
        elif not described.updateable:
            findings.append(f"Marketo does not let {name} be written. Choose another field.")
        elif name in written:
            findings.append(f"The Action itself writes {name} later and would undo the mapping. Choose another field.")
        else:
            found.append((attribute, soap_name))
    return tuple(found)


# -- the encodings


def _as_json(payload: Payload) -> str:
    """Tokens without quotes: with this token encoding Marketo brings them."""

    def lines(members: Payload, indent: str) -> str:
        written = []
        for name, value in members.items():
            text = lines(value, indent + "  ") if isinstance(value, dict) else _token(value)
            written.append(f"{indent}  {json.dumps(name, ensure_ascii=False)}: {text}")
        return "{\n" + ",\n".join(written) + f"\n{indent}}}"

    return lines(payload, "")


def _as_xml(payload: Payload) -> str:
    """Marketo has no token encoding for XML, so the values are encoded as in a form and the root element says so."""

    def lines(members: Payload, indent: str) -> Iterator[str]:
        for name, value in members.items():
            is_plain = _XML_NAME.fullmatch(name)
            start, end = (name, name) if is_plain else (f"{FIELD} name={quoteattr(name)}", FIELD)
            if isinstance(value, dict):
                yield f"{indent}<{start}>"
                yield from lines(value, indent + "  ")
                yield f"{indent}</{end}>"
            else:
                yield f"{indent}<{start}>{escape(_token(value))}</{end}>"

    [(name, value)] = ENCODED.items()
    return "\n".join([f"<{ROOT} {name}={quoteattr(value)}>", *lines(payload, "  "), f"</{ROOT}>"])


def _as_form(payload: Payload) -> str:
    """Names and values as a form has them; what follows a line break is no part of a value."""
    return "\n&".join(_pairs(payload))


def _as_query(payload: Payload) -> str:
    return "&".join(_pairs(payload))


def _pairs(payload: Payload) -> Iterator[str]:
    for group, value in payload.items():
        members: Iterable[tuple[str, str]] = (
            ((f"{group}.{name}", token) for name, token in value.items())
            if isinstance(value, dict)
            else [(group, value)]
        )
        yield from (f"{quote(name, safe='.')}={_token(token)}" for name, token in members)


def _token(name: str) -> str:
    return "{{" + name + "}}"


#: content type, Marketo's token encoding, and how the values are written
_FORMS: Mapping[Encoding, tuple[str, str, Callable[[Payload], str]]] = {
    "json": ("application/json", "JSON", _as_json),
    "xml": ("application/xml", "Form/Url", _as_xml),
    "form": (FORM_TYPE, "Form/Url", _as_form),
    "get": ("", "Form/Url", _as_query),
}
_NOTE = (
    "Call it from a trigger campaign: in a batch campaign Marketo answers error 1000. If the editor does not know a "
    "token, choose the field under Insert Token: company fields of your own are {{company.…}} tokens."
)
_NOTE_OF_GET = (
    "Address and headers together may have 10,240 bytes once the tokens are filled in, and addresses end up in logs: "
    "prefer one of the other encodings. The key never belongs into the URL."
)
_NOTE_OF_INLINE = (
    "The answer carries what the Action writes back, and Marketo writes it by the response mappings above: enter every "
    "one of them. What is not done in time is written back by API."
)
