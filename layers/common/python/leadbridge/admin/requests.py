"""What must hold for every request before a route sees it: who asks, how much, and that the body is JSON."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: documents with their texts; one try is far smaller
BODY_LIMIT = 1_000_000
JSON_TYPES = frozenset({"", "application/json"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that no route gives."""

    status: int
    code: str
    message: str
    remedy: str = ""


UNSIGNED = Refusal(
    403, "unauthenticated", "The request names no IAM principal.", "Sign it with AWS Signature Version 4."
)
TOO_LARGE = Refusal(413, "too_large", f"The body has more than {BODY_LIMIT} bytes.", "Send fewer documents at a time.")
NOT_JSON_TYPE = Refusal(415, "content_type_unknown", "Only JSON is read here.", "Set Content-Type: application/json.")
NOT_JSON = Refusal(400, "body_not_json", "The body is not JSON in UTF-8.", "Correct the body.")


def principal_of(event: Mapping[str, Any]) -> str | None:
    """The ARN of the IAM principal that API Gateway found behind the signature; None if it names none."""
    identity = (event.get("requestContext") or {}).get("identity") or {}
    arn = identity.get("userArn")
    return str(arn) if arn and str(arn).startswith("arn:") else None


def read_body(event: Mapping[str, Any]) -> str | Refusal | None:
    """The body as JSON text; None if there is none."""
    raw = event.get("body")
    if not raw:
        return None
    if len(raw) > BODY_LIMIT * 4 // 3 + 4:
        return TOO_LARGE
    try:
        body = base64.b64decode(raw) if event.get("isBase64Encoded") else str(raw).encode()
        text = body.decode("utf-8")
    except (binascii.Error, UnicodeError):
        return NOT_JSON
    if len(body) > BODY_LIMIT:
        return TOO_LARGE
    if _content_type(event) not in JSON_TYPES:
        return NOT_JSON_TYPE
    return text if _is_json(text) else NOT_JSON


def _content_type(event: Mapping[str, Any]) -> str:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    return str(headers.get("content-type") or "").partition(";")[0].strip().lower()


def _is_json(text: str) -> bool:
    try:
        value = json.loads(text, parse_constant=_no_constant)
        if "\\u" in text:  # half a character can be written, but nowhere stored
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(name: str) -> None:
    raise ValueError(name)
