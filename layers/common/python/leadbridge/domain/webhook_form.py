"""The webhook's flat encodings: the body of a form, and a query string as one.

A name is a group and a member, `lead.email`, or a member of the payload itself, `event_id`.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_plus, urlencode

from leadbridge.domain.webhook import PARTS_LIMIT, UnusableBodyError, shown


def query_body(pairs: Iterable[tuple[str, str]]) -> bytes:
    """A decoded query string as the body of a form with the same meaning, so that a GET is read and kept as a POST."""
    return urlencode(list(pairs), errors="surrogatepass").encode()


def read_form(text: str) -> dict[str, Any]:
    """The payload in the body of a form: what follows the first dot of a name is the member's own name.

    Blanks and line breaks around a pair belong to the template, a value has its own encoded.

    Raises:
        UnusableBodyError: A name stands twice or has an empty part, or something is not UTF-8.
    """
    pairs = [pair.strip(" \t\r\n") for pair in text.split("&")]
    if len(pairs) > PARTS_LIMIT:
        raise UnusableBodyError("body_too_many", limit=PARTS_LIMIT)
    payload: dict[str, Any] = {}
    for pair in filter(None, pairs):
        name, _, value = pair.partition("=")
        _put(payload, _decoded(name), _decoded(value))
    return payload


def _put(payload: dict[str, Any], name: str, value: str) -> None:
    group, dot, member = name.partition(".")
    if not group or (dot and not member):
        raise UnusableBodyError("body_not_form", detail="a name is empty")
    place = payload.setdefault(group, {}) if dot else payload
    key = member if dot else group
    if not isinstance(place, dict) or key in place:
        raise UnusableBodyError("body_not_form", detail=f"the name {shown(name)} stands twice")
    place[key] = value


def _decoded(part: str) -> str:
    try:
        return unquote_plus(part, errors="strict")
    except UnicodeDecodeError:
        raise UnusableBodyError("body_not_text") from None
