"""What must hold for every request before a route sees it: who asks, how much, and that the body is JSON."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadbridge.admin.roles import least_role, role_of

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
NOT_ALLOWED = Refusal(403, "not_allowed", "Your role may not do this.", "Ask an administrator for the role it needs.")
#: where people of the user pool come in, whom API Gateway knows by their token; all else is signed with IAM
CONSOLE_PREFIX = "/console/api"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for what."""

    #: versions keep it
    name: str
    #: without the prefix of the entrance
    path: str
    #: those of a person of the user pool; None for an IAM principal, whom IAM has judged already
    groups: tuple[str, ...] | None


def caller_of(event: Mapping[str, Any]) -> Caller | None:
    """Whom API Gateway found behind a request; None if it names nobody.

    Each entrance has its own kind of caller: an identity of the other kind counts for nothing there.
    """
    context = event.get("requestContext") or {}
    path = str(event.get("path") or "")
    if path.startswith(f"{CONSOLE_PREFIX}/"):
        claims = (context.get("authorizer") or {}).get("claims") or {}
        name = claims.get("email") or claims.get("cognito:username")
        if not name or claims.get("token_use") != "id":
            return None
        return Caller(str(name), path.removeprefix(CONSOLE_PREFIX), _groups(claims.get("cognito:groups")))
    arn = (context.get("identity") or {}).get("userArn")
    return Caller(str(arn), path, None) if arn and str(arn).startswith("arn:") else None


def may(caller: Caller, method: str) -> bool:
    """Whether somebody's role is enough for what they ask for; what stands in no table is for nobody of the pool."""
    if caller.groups is None:
        return True
    role, least = role_of(caller.groups), least_role(method, caller.path)
    return role is not None and least is not None and role >= least


def _groups(claim: Any) -> tuple[str, ...]:
    """The groups of a token as API Gateway hands them on: a list becomes `a,b`, and `[a b]` in other places."""
    return tuple(name for name in re.split(r"[\s,\[\]]+", str(claim or "")) if name)


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
