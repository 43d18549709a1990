"""The webhook's published documents: JSON schema, XML schema and OpenAPI, made from what the code itself goes by.

They are read by people and by their tools; no function needs them on its way.
"""

from collections.abc import Mapping
from typing import Any

from leadbridge.domain.inline import Queued
from leadbridge.domain.outcome import Outcome, Reason
from leadbridge.domain.several import LIMIT_BYTES, MOST
from leadbridge.domain.webhook import (
    BODY_LIMIT_BYTES,
    DEPTH_LIMIT,
    EVENT_ID_CHARACTERS,
    FORM_TYPE,
    ID_DIGITS,
    PARTS_LIMIT,
)
from leadbridge.domain.webhook_xml import ENCODED, FIELD, ROOT

type Document = dict[str, Any]

SCHEMA_NAME = "webhook.schema.json"
#: what a call can be refused for; a body that is too large and an unknown content type have statuses of their own
REFUSALS = (
    Reason.BODY_NOT_FORM,
    Reason.BODY_NOT_JSON,
    Reason.BODY_NOT_TEXT,
    Reason.BODY_NOT_XML,
    Reason.BODY_TOO_DEEP,
    Reason.BODY_TOO_MANY,
    Reason.FIELD_INVALID,
    Reason.LEAD_ID_INVALID,
    Reason.LEAD_MISSING,
)
_ID_TEXT = rf"^\s*(?=[0-9]{{1,{ID_DIGITS}}}\s*$)0*[1-9][0-9]*\s*$"
_EXAMPLE: Document = {
    "lead": {
        "id": "1024",
        "email": "ada+1@example.com",
        "firstName": "Ada",
        "lastName": "Example",
        "company": "Jack & Jill",
        "doNotCall": "false",
    },
    "campaign": {"id": "2001", "name": "Spring webinar, registered"},
    "program": {"id": "1001", "name": "Spring webinar"},
    "token": {"my.Event Date": "2026-03-09"},
    "event_id": "registration-77",
}
_XML_EXAMPLE = """<event>
  <lead>
    <id>1024</id>
    <email>ada+1@example.com</email>
    <firstName>Ada</firstName>
    <lastName>Example</lastName>
    <company>Jack &amp; Jill</company>
    <doNotCall>false</doNotCall>
  </lead>
  <campaign><id>2001</id><name>Spring webinar, registered</name></campaign>
  <program><id>1001</id><name>Spring webinar</name></program>
  <token><field name="my.Event Date">2026-03-09</field></token>
  <event_id>registration-77</event_id>
</event>"""
_FORM_EXAMPLE = {
    "lead.id": "1024",
    "lead.email": "ada+1@example.com",
    "lead.firstName": "Ada",
    "lead.lastName": "Example",
    "lead.company": "Jack & Jill",
    "lead.doNotCall": "false",
    "campaign.id": "2001",
    "campaign.name": "Spring webinar, registered",
    "program.id": "1001",
    "program.name": "Spring webinar",
    "token.my.Event Date": "2026-03-09",
    "event_id": "registration-77",
}


def json_schema() -> Document:
    """The JSON schema of a body; it accepts what the webhook accepts."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_NAME,
        **_event("#/$defs/"),
        "$defs": {"value": _value(), "group": _group("#/$defs/")},
        "examples": [{"lead": {"id": "1024"}}, _EXAMPLE],
    }


def xml_schema() -> str:
    """The XML schema of a body: what it accepts, the webhook accepts.

    The webhook takes more, as it does in JSON: the id anywhere in `lead`, and elements that are not named here.
    """
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" version="1">
  <xs:annotation>
    <xs:documentation>
      What a Marketo campaign sends for one person, as XML in UTF-8: at most {BODY_LIMIT_BYTES:,} bytes,
      {PARTS_LIMIT:,} elements and {DEPTH_LIMIT} levels; no element twice in another, no document type, no processing
      instruction. It means what the same JSON means. Elements inside `lead`, `campaign`, `program` and `token`
      hold text alone; their names are free, and names that XML does not allow stand in an attribute:
      &lt;{FIELD} name="my.Event Date"&gt;.
      The webhook also takes the id at any place in `lead`, and elements that are not named here.
    </xs:documentation>
  </xs:annotation>
  <xs:element name="{ROOT}">
    <xs:complexType>
      <xs:all>
        <xs:element name="lead" type="lead"/>
        <xs:element name="campaign" type="group" minOccurs="0"/>
        <xs:element name="program" type="program" minOccurs="0"/>
        <xs:element name="token" type="group" minOccurs="0"/>
        <xs:element name="event_id" type="eventId" minOccurs="0"/>
      </xs:all>
      <xs:attribute name="tokens" type="encoding">
        <xs:annotation>
          <xs:documentation>Every text is encoded as Marketo's token encoding Form/Url does it.</xs:documentation>
        </xs:annotation>
      </xs:attribute>
    </xs:complexType>
  </xs:element>
  <xs:complexType name="lead">
    <xs:sequence>
      <xs:element name="id" type="leadId"/>
      <xs:any processContents="skip" minOccurs="0" maxOccurs="unbounded"/>
    </xs:sequence>
  </xs:complexType>
  <xs:complexType name="group">
    <xs:sequence>
      <xs:any processContents="skip" minOccurs="0" maxOccurs="unbounded"/>
    </xs:sequence>
  </xs:complexType>
  <xs:complexType name="program" mixed="true">
    <xs:annotation>
      <xs:documentation>A text, or elements without text between them.</xs:documentation>
    </xs:annotation>
    <xs:sequence>
      <xs:any processContents="skip" minOccurs="0" maxOccurs="unbounded"/>
    </xs:sequence>
  </xs:complexType>
  <xs:simpleType name="aboveZero">
    <xs:restriction base="xs:string">
      <xs:pattern value="\\s*0*[1-9][0-9]*\\s*"/>
    </xs:restriction>
  </xs:simpleType>
  <xs:simpleType name="leadId">
    <xs:restriction base="aboveZero">
      <xs:pattern value="\\s*[0-9]{{1,{ID_DIGITS}}}\\s*"/>
    </xs:restriction>
  </xs:simpleType>
  <xs:simpleType name="eventId">
    <xs:restriction base="xs:string">
      <xs:maxLength value="{EVENT_ID_CHARACTERS}"/>
    </xs:restriction>
  </xs:simpleType>
  <xs:simpleType name="encoding">
    <xs:restriction base="xs:string">
      <xs:enumeration value="{ENCODED["tokens"]}"/>
    </xs:restriction>
  </xs:simpleType>
</xs:schema>
"""


def openapi() -> Document:
    """The OpenAPI document of the webhook."""
    gateway = ("403", "404", "429", "500", "502", "503", "504")
    responses: Document = {
        "200": _answer(
            "Recorded. `accepted` runs at once; `not_active` and `parked` wait for `leadbridge redrive`.", "Recorded"
        ),
        "400": _answer("The call cannot be used. It is recorded with the reason.", "Rejected"),
        "401": _answer(
            "The key is missing or wrong, or there is no such Action; both are told alike, nothing is recorded.",
            "Unauthorized",
        ),
        "413": _answer(
            f"The body is larger than {BODY_LIMIT_BYTES:,} bytes. The call is recorded without its body; "
            "what the gateway itself finds too large is not.",
            "TooLarge",
        ),
        "415": _answer("A body of this content type is not read. The call is recorded.", "UnknownType"),
        **{status: {"$ref": "#/components/responses/Gateway"} for status in gateway},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Leadbridge webhook",
            "version": "1",
            "summary": "The endpoint that Marketo campaigns call, once per person.",
            "description": (
                "An answer of 200 means that the call is durable. Nobody needs to send a call again: a second call "
                "with the same `event_id` is recorded as a duplicate and changes nothing. A call means the same in "
                "each of its encodings."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {
                "url": "{api_url}",
                "description": "The output ApiUrl of the stack, or the custom domain.",
                "variables": {"api_url": {"default": "https://webhooks.example.com"}},
            }
        ],
        "security": [{"key": []}],
        "paths": {
            "/actions/{action_id}": _path(responses),
            "/actions/{action_id}/inline": _path(_waiting(responses), inline=True),
        },
        "components": _components(),
    }


def _path(responses: Document, *, inline: bool = False) -> Document:
    """The methods of one path; `inline` is the one whose answer waits for the result."""
    waits = " and wait for the result" if inline else ""
    by_get = {status: answer for status, answer in responses.items() if status != "415"}
    return {
        "parameters": [
            {
                "name": "action_id",
                "in": "path",
                "required": True,
                "description": "The id of the Action, as in its document.",
                "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"},
            }
        ],
        "post": {
            "operationId": "answerAction" if inline else "runAction",
            "summary": f"Run an Action for one person{waits}.",
            "description": (
                "The content type may carry any charset; the body is UTF-8. A missing type, text/plain, "
                f"application/octet-stream and {FORM_TYPE} say nothing about a body that begins as JSON or "
                "XML: it is read as such. Further headers are accepted; their names are recorded with the "
                "execution, their values are not."
            ),
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"oneOf": [_ref("Event"), _ref("Events")]},
                        "example": _EXAMPLE,
                    },
                    "application/xml": {"schema": _ref("XmlEvent"), "example": _XML_EXAMPLE},
                    FORM_TYPE: {"schema": _ref("FlatEvent"), "example": _FORM_EXAMPLE},
                },
            },
            "responses": responses,
        },
        "get": {
            "operationId": "answerActionByQuery" if inline else "runActionByQuery",
            "summary": f"Run an Action for one person{waits}; the values are in the query string.",
            "description": (
                "Marketo's webhooks can be of the type GET, so this one has an effect. The key is in the "
                "header here too. The gateway takes 10,240 bytes of request line and headers."
            ),
            "parameters": [
                {
                    "name": "values",
                    "in": "query",
                    "required": True,
                    "style": "form",
                    "explode": True,
                    "schema": _ref("FlatEvent"),
                    "example": _FORM_EXAMPLE,
                }
            ],
            "responses": by_get,
        },
    }


def _waiting(responses: Document) -> Document:
    """The same answers, of a call whose result may be in them."""
    done = _answer(
        "Recorded. `done`: it ran, and `values` are to be written by response mappings; `queued`: it goes on, and "
        "what it writes is written back by API; otherwise as without `inline`.",
        "Answered",
    )
    return responses | {"200": done}


def _components() -> Document:
    place = "#/components/schemas/"
    return {
        "securitySchemes": {
            "key": {
                "type": "apiKey",
                "in": "header",
                "name": "X-Leadbridge-Key",
                "description": (
                    "The key of the Action, from `leadbridge keys show ACTION`. After `leadbridge keys rotate` the key "
                    "before it stays valid until the next rotation."
                ),
            }
        },
        "headers": {
            "CacheControl": {
                "description": "Answers are not to be stored.",
                "required": True,
                "schema": {"const": "no-store"},
            }
        },
        "responses": {
            "Gateway": {
                "description": (
                    "Answered by the gateway itself, nothing is recorded: a caller that is not allowed (403), a path "
                    "or method that does not exist (404; 403 on a local stack), too many calls (429), or a fault of "
                    "the service."
                ),
                "content": {"application/json": {"schema": _ref("GatewayMessage")}},
            }
        },
        "schemas": {
            "Event": _event(place),
            "Events": {
                "description": (
                    f"Up to {MOST} persons, {LIMIT_BYTES:,} bytes together: each is a call of its own, as if it had "
                    "been sent alone. For a connector action that knows people by another value `lead` needs no id."
                ),
                "type": "array",
                "minItems": 1,
                "maxItems": MOST,
                "items": _ref("Event"),
            },
            "value": _value(),
            "group": _group(place),
            "XmlEvent": _xml_event(),
            "FlatEvent": _flat_event(),
            "ExecutionId": {
                "description": "Under which `leadbridge show` tells what became of the call.",
                "type": "string",
                "pattern": "^[0-9a-f]{32}$",
            },
            "RecordedCall": {
                "oneOf": [
                    _told("accepted"),
                    _told("not_active", reason={"const": Reason.NOT_ACTIVE.value}),
                    _told("parked", reason={"const": Reason.UNKNOWN_VERSION.value}),
                ]
            },
            "RecordedCalls": {
                "description": "Of an array: what became of each of its calls, in their order.",
                "type": "object",
                "required": ["status", "calls"],
                "additionalProperties": False,
                "properties": {
                    "status": {"enum": ["accepted", "not_active", "parked"]},
                    "calls": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MOST,
                        "items": {
                            "oneOf": [
                                _ref("RecordedCall"),
                                _ref("Rejected"),
                                _refused({"const": Reason.BODY_TOO_LARGE.value}),
                            ]
                        },
                    },
                },
            },
            "Recorded": {"oneOf": [_ref("RecordedCall"), _ref("RecordedCalls")]},
            "Answered": {
                "anyOf": [
                    _told(
                        "done",
                        outcome={"enum": [outcome.value for outcome in Outcome]},
                        reason={"type": "string", "description": "Blank where the record was written."},
                        values={
                            "description": "REST names of Marketo fields and what is to be written; blank text clears.",
                            "type": "object",
                            "additionalProperties": {"type": ["string", "number", "boolean"]},
                        },
                    ),
                    _told("queued", reason=_why(*(reason.value for reason in Queued))),
                    _told("parked", reason=_why()),
                    _ref("Recorded"),
                ]
            },
            "Rejected": _refused({"enum": [reason.value for reason in REFUSALS]}),
            "TooLarge": {
                "anyOf": [_refused({"const": Reason.BODY_TOO_LARGE.value}), _ref("GatewayMessage")],
            },
            "UnknownType": _refused({"const": Reason.CONTENT_TYPE_UNKNOWN.value}),
            "Unauthorized": {
                "type": "object",
                "required": ["status"],
                "additionalProperties": False,
                "properties": {"status": {"const": "unauthorized"}},
            },
            "GatewayMessage": {
                "description": "`status` in one word; a local stack has a `message`.",
                "type": "object",
                "anyOf": [{"required": ["status"]}, {"required": ["message"]}],
                "properties": {
                    "status": {"enum": ["refused", "unavailable", "not_found", "too_large", "throttled"]},
                    "message": {"type": ["string", "null"]},
                },
                "additionalProperties": False,
            },
        },
    }


def _event(place: str) -> Document:
    group, value = {"$ref": f"{place}group"}, {"$ref": f"{place}value"}
    return {
        "title": "Webhook body",
        "description": (
            f"What a Marketo campaign sends for one person, as JSON in UTF-8: at most {BODY_LIMIT_BYTES:,} bytes, at "
            f"most {DEPTH_LIMIT} levels deep, no member twice. Blank text means no value. Values are typed by the "
            "destination field, not by JSON. Members that are not named here are accepted."
        ),
        "type": "object",
        "required": ["lead"],
        "properties": {
            "lead": {
                "description": "The person: REST names of Marketo fields, and their values.",
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {
                        "description": "The Marketo lead id: a whole number, or its digits as text.",
                        "oneOf": [
                            {"type": "integer", "minimum": 1, "maximum": 10**ID_DIGITS - 1},
                            {"type": "string", "pattern": _ID_TEXT},
                        ],
                    }
                },
                "additionalProperties": value,
            },
            "campaign": {
                "description": "The campaign that called; id and name are recorded with the execution.",
                **group,
            },
            "program": {
                "description": "The program of the campaign: a text, or an object of values.",
                "anyOf": [value, group],
            },
            "token": {
                "description": "Any other tokens, by a name of your choice; an Action reads them as token.<name>.",
                **group,
            },
            "event_id": {
                "description": (
                    "Two calls of one Action with the same event id are one event; "
                    "the second is recorded as a duplicate."
                ),
                "oneOf": [{"type": "string", "maxLength": EVENT_ID_CHARACTERS}, {"type": "integer"}, {"type": "null"}],
            },
        },
    }


def _value() -> Document:
    return {"type": ["string", "number", "boolean", "null"]}


def _group(place: str) -> Document:
    return {
        "anyOf": [
            {"type": "object", "additionalProperties": {"$ref": f"{place}value"}},
            {"description": "a token without a value", "type": "null"},
            {"description": "a token without a value", "type": "string", "pattern": r"^\s*$"},
        ]
    }


def _xml_event() -> Document:
    # other names stand in an attribute, which OpenAPI has no words for
    names = {"pattern": "^[A-Za-z_][A-Za-z0-9_.-]*$"}
    texts = {"type": "object", "propertyNames": names, "additionalProperties": {"type": "string"}}
    return {
        "description": (
            f"As JSON, in elements: at most {PARTS_LIMIT:,} of them. The XML schema is webhook.xsd. With the attribute "
            f'tokens="{ENCODED["tokens"]}" in the root element every text is Form/Url encoded.'
        ),
        "type": "object",
        "xml": {"name": ROOT},
        "required": ["lead"],
        "properties": {
            "tokens": {"type": "string", "const": ENCODED["tokens"], "xml": {"attribute": True}},
            "lead": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": "string", "pattern": _ID_TEXT}},
                "propertyNames": names,
                "additionalProperties": {"type": "string"},
            },
            "campaign": texts,
            "program": texts,
            "token": texts,
            "event_id": {"type": "string", "maxLength": EVENT_ID_CHARACTERS},
        },
        "additionalProperties": False,
    }


def _flat_event() -> Document:
    return {
        "description": (
            "As JSON, flat: the name of a member is its group, a dot and its own name. At most "
            f"{PARTS_LIMIT:,} names, none twice; `+` and %20 are blanks, %2B is a plus."
        ),
        "type": "object",
        "required": ["lead.id"],
        "properties": {
            "lead.id": {"type": "string", "pattern": _ID_TEXT},
            "event_id": {"type": "string", "maxLength": EVENT_ID_CHARACTERS},
        },
        "patternProperties": {r"^(lead|campaign|program|token)\..": {"type": "string"}},
        "additionalProperties": False,
    }


def _told(status: str, **more: Document) -> Document:
    members: Document = {"status": {"const": status}, "execution_id": _ref("ExecutionId"), **more}
    return {"type": "object", "required": list(members), "additionalProperties": False, "properties": members}


def _why(*reasons: str) -> Document:
    """A reason: one of these, or as `leadbridge show` tells it."""
    return {"type": "string", "minLength": 1, **({"examples": list(reasons)} if reasons else {})}


def _refused(reason: Mapping[str, Any]) -> Document:
    message = {
        "description": "One sentence for a person; it never repeats a value of the call.",
        "type": "string",
        "minLength": 1,
    }
    return _told("rejected", reason=dict(reason), message=message)


def _answer(description: str, schema: str) -> Document:
    return {
        "description": description,
        "headers": {"Cache-Control": {"$ref": "#/components/headers/CacheControl"}},
        "content": {"application/json": {"schema": _ref(schema)}},
    }


def _ref(schema: str) -> Document:
    return {"$ref": f"#/components/schemas/{schema}"}
