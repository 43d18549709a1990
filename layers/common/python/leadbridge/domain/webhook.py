"""The webhook's serialisation: who may call, and what a call must look like in each of its encodings.

JSON, XML, form and query string are read into one payload; what it must hold is checked once, after that.
Separate from the rest because it runs on the receive path: standard library only, and the XML parser only for XML.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

#: one person's payload; Marketo's own templates stay far below (64 KB, ours)
BODY_LIMIT_BYTES = 65_536
#: deeper nesting is never a payload template, only an attack on the parser
DEPTH_LIMIT = 32
#: elements of an XML document, or names of a form: far more than one person has
PARTS_LIMIT = 2_000
#: integers beyond this lose digits in other JSON parsers, so they are kept as text
SAFE_INTEGER = 2**53
#: Marketo lead ids are 32-bit today; 18 digits leave room
ID_DIGITS = 18
EVENT_ID_CHARACTERS = 200


class Encoding(StrEnum):
    """How a call carries its payload."""

    JSON = "json"
    XML = "xml"
    FORM = "form"


FORM_TYPE = "application/x-www-form-urlencoded"
#: content types that say what the body is
_TYPES = {
    "application/json": Encoding.JSON,
    "text/json": Encoding.JSON,
    "application/xml": Encoding.XML,
    "text/xml": Encoding.XML,
}
#: content types that senders put on anything; a form's is the usual default, also on JSON and XML templates
_LOOSE_TYPES = frozenset({"", "text/plain", "application/octet-stream", FORM_TYPE})


class UnusableBodyError(ValueError):
    """The body cannot become an event; `reason` is the code, `facts` fill its sentence."""

    def __init__(self, reason: str, **facts: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.facts = facts


def webhook_key(master: str, action_id: str, generation: int) -> str:
    """The key of one Action in one generation: `v<generation>.<base64url of an HMAC-SHA256>`."""
    digest = hmac.new(master.encode(), f"{action_id}:{generation}".encode(), hashlib.sha256).digest()
    return f"v{generation}." + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def is_authentic(given: Sequence[str], secret: Mapping[str, Any], action_id: str) -> bool:
    """Whether exactly one key was given and it is one of the two live generations' keys.

    Digests are compared in constant time, and all of them, so that timing tells nothing.
    """
    offered = hashlib.sha256("\n".join(given).encode("utf-8", "replace")).digest()
    matches = len(given) == 1
    found = False
    for master in (secret, secret.get("previous")):
        if master:
            key = webhook_key(str(master["key"]), action_id, int(master["generation"]))
            found |= hmac.compare_digest(offered, hashlib.sha256(key.encode()).digest())
    return matches & found


def encoding_of(content_types: Sequence[str], body: bytes) -> Encoding:
    """How a body is to be read, by the values of its Content-Type header.

    JSON and XML types are taken at their word. A missing type, text/plain, octets and a form's type are put on
    anything by senders that cannot be asked to try again: there the first character decides, see `guess`.

    Raises:
        UnusableBodyError: Of a type that nobody reads, or larger than any type may be.
    """
    _check_size(body)
    names = {part.partition(";")[0].strip().lower() for value in (content_types or [""]) for part in value.split(",")}
    known = {name: _TYPES.get(name) or _by_suffix(name) for name in names}
    if any(known[name] is None and name not in _LOOSE_TYPES for name in names):
        raise UnusableBodyError("content_type_unknown")
    told = {each for each in known.values() if each}
    if len(told) == 1:
        return told.pop()
    return guess(body, Encoding.FORM if FORM_TYPE in names else None)


def guess(body: bytes, otherwise: Encoding | None = None) -> Encoding:
    """How a body is to be read, by how it begins: `{` or `[` JSON, `<` XML, a name and `=` a form, else `otherwise`."""
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"{", b"[")):
        return Encoding.JSON
    if start.startswith(b"<"):
        return Encoding.XML
    return otherwise or (Encoding.FORM if re.match(rb"[\w.%+-]+=", start) else Encoding.JSON)


def parse(body: bytes, encoding: Encoding | None = None, *, lead_optional: bool = False) -> dict[str, Any]:
    """The payload in a webhook body: `lead` with a numeric `id`, and the optional members.

    Unknown members are kept: a payload template may carry more than this version reads. Without `encoding` the body
    tells by how it begins; so a body that was sent under a wrong content type can be redriven. With `lead_optional`
    the lead may come without an id: other systems know people by other values.

    Raises:
        UnusableBodyError: Names what is wrong.
    """
    _check_size(body)
    return checked(_decode(body, encoding or guess(body)), lead_optional=lead_optional)


def parse_several(body: bytes, *, most: int, limit: int) -> list[Any]:
    """The elements of a JSON array, each to be `checked` by itself.

    Raises:
        UnusableBodyError: The body is no JSON, larger than `limit` bytes, or has no element or more than `most`.
    """
    _check_size(body, limit)
    found = _decode(body, Encoding.JSON)
    if not isinstance(found, list) or not found:
        raise UnusableBodyError("lead_missing")
    if len(found) > most:
        raise UnusableBodyError("body_too_many", limit=most)
    return found


def checked(payload: Any, *, lead_optional: bool = False) -> dict[str, Any]:
    """The payload of one person, as `parse` gives it.

    Raises:
        UnusableBodyError: Names what is wrong.
    """
    lead = payload.get("lead") if isinstance(payload, dict) else None
    if not isinstance(payload, dict) or not isinstance(lead, dict):
        raise UnusableBodyError("lead_missing")
    given = lead.get("id")
    if lead_optional and (given is None or (isinstance(given, str) and not given.strip())):
        lead.pop("id", None)
    else:
        lead["id"] = _lead_id(given)
    _check_values("lead", lead)
    _check_optional(payload)
    return payload


def columns(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload as columns: the lead's fields by name, then `campaign.name`, `program…` and `token.<name>`."""
    flat: dict[str, Any] = dict(payload["lead"])
    for group in ("campaign", "program", "token"):
        value = payload.get(group)
        if isinstance(value, Mapping):
            flat.update({f"{group}.{name}": item for name, item in value.items()})
        elif value is not None:
            flat[group] = value
    return flat


#: made once: `json.dumps` makes an encoder for each call that asks for anything
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def payload_hash(payload: Mapping[str, Any]) -> str:
    """SHA-256 of the payload in canonical form; equal payloads in any member order hash equal."""
    return hashlib.sha256(_CANONICAL.encode(payload).encode()).hexdigest()


def _check_size(body: bytes, limit: int = BODY_LIMIT_BYTES) -> None:
    if len(body) > limit:
        raise UnusableBodyError("body_too_large", limit=limit)


def _by_suffix(content_type: str) -> Encoding | None:
    if content_type.endswith("+json"):
        return Encoding.JSON
    return Encoding.XML if content_type.endswith("+xml") else None


def _decode(body: bytes, encoding: Encoding) -> Any:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnusableBodyError("body_not_text") from None
    if encoding is Encoding.XML:
        from leadbridge.domain.webhook_xml import read_xml  # the parser is loaded by those who need it

        return read_xml(text)
    if encoding is Encoding.FORM:
        from leadbridge.domain.webhook_form import read_form

        return read_form(text)
    return _read_json(text)


def _read_json(text: str) -> Any:
    if _depth(text) > DEPTH_LIMIT:
        raise UnusableBodyError("body_too_deep", limit=DEPTH_LIMIT)
    try:
        # strict=False: Marketo puts raw line breaks and tabs of a value into the template
        decoder = json.JSONDecoder(
            strict=False,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_float,
        )
        value = decoder.decode(text)
    except ValueError as fault:
        if isinstance(fault, UnusableBodyError):
            raise
        where = f"line {fault.lineno} column {fault.colno}" if isinstance(fault, json.JSONDecodeError) else "a number"
        raise UnusableBodyError("body_not_json", detail=f"unreadable at {where}") from None
    _refuse_lone_surrogates(text, value)
    return value


def _depth(text: str) -> int:
    """The deepest nesting of brackets outside of strings; never less than the parser would need."""
    deepest = level = 0
    inside = escaped = False
    for character in text:
        if inside:
            inside = escaped or character != '"'
            escaped = not escaped and character == "\\"
        elif character == '"':
            inside = True
        elif character in "[{":
            level += 1
            deepest = max(deepest, level)
        elif character in "]}":
            level -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UnusableBodyError("body_not_json", detail=f"the member {shown(twice)} stands twice")
    return dict(pairs)


def shown(name: str) -> str:
    """A member's name for a sentence; in a broken template a value can stand in its place, which is not repeated."""
    return name if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,39}", name) else "(not a field name)"


def _no_constant(name: str) -> None:
    raise UnusableBodyError("body_not_json", detail=f"{name} is not JSON")


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= ID_DIGITS and abs(int(digits)) <= SAFE_INTEGER else digits


def _float(digits: str) -> float | str:
    number = float(digits)
    return digits if number in (float("inf"), float("-inf")) else number


def _refuse_lone_surrogates(text: str, value: Any) -> None:
    if "\\u" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise UnusableBodyError("body_not_text") from None


def _lead_id(value: Any) -> int:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value) if len(value.strip()) <= ID_DIGITS else None
    if isinstance(value, float) and value.is_integer() and value <= SAFE_INTEGER:
        value = int(value)  # 7.0 is a whole number in JSON
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise UnusableBodyError("lead_id_invalid")
    return value


def _check_values(group: str, members: dict[str, Any]) -> None:
    for name, value in members.items():
        if isinstance(value, dict | list):
            raise UnusableBodyError(
                "field_invalid", field=f"{group}.{shown(name)}", expected="a text, number or true/false"
            )


def _check_optional(payload: dict[str, Any]) -> None:
    for name, expected in (("campaign", "an object"), ("token", "an object"), ("program", "a text or an object")):
        value = payload.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            payload.pop(name, None)  # a token without a value
        elif isinstance(value, dict):
            _check_values(name, value)
        elif name != "program" or isinstance(value, list):
            raise UnusableBodyError("field_invalid", field=name, expected=expected)
    event_id = payload.get("event_id")
    is_usable = isinstance(event_id, str | int | None) and not isinstance(event_id, bool)
    if not is_usable or len(str(event_id)) > EVENT_ID_CHARACTERS:
        expected = f"a text of at most {EVENT_ID_CHARACTERS} characters"
        raise UnusableBodyError("field_invalid", field="event_id", expected=expected)
