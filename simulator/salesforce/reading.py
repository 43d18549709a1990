"""Reading a request: its version, object, body and the headers that a write obeys."""

import gzip
import json
import zlib
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from simulator.salesforce.exceptions import ApiError, not_found
from simulator.salesforce.models import Record
from simulator.salesforce.schema import SOBJECTS_BY_LOWER_NAME, SObject
from simulator.salesforce.writing import Options

NEWEST_VERSION = 68
OLDEST_SUPPORTED_VERSION = 41
OLDEST_VERSION = 31


def version_of(path: str) -> int | None:
    """Return the API version that a path names; None when it names none.

    Raises:
        ApiError: The version is retired (410) or not known (404).
    """
    if not path.startswith("/services/data/v"):
        return None
    text = path.removeprefix("/services/data/v").partition("/")[0]
    number, _, minor = text.partition(".")
    if minor != "0" or not number.isdecimal() or int(number) > NEWEST_VERSION:
        raise not_found()
    if int(number) < OLDEST_VERSION:
        raise ApiError(410, "UNSUPPORTED_API_VERSION", f"API version {text} is retired")
    return int(number)


def sobject_of(request: Request) -> SObject:
    """Return the object that the path names.

    Raises:
        ApiError: NOT_FOUND, there is no such object.
    """
    sobject = SOBJECTS_BY_LOWER_NAME.get(str(request.path_params["sobject"]).lower())
    if sobject is None:
        raise not_found()
    return sobject


async def body_of(request: Request) -> bytes:
    """Return the body, unpacked if it came as gzip.

    Raises:
        ApiError: JSON_PARSER_ERROR, it is not gzip.
    """
    body = await request.body()
    if request.headers.get("content-encoding", "").lower() != "gzip":
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        raise ApiError(400, "JSON_PARSER_ERROR", "the body is not gzip") from None


async def json_of(request: Request) -> Any:
    """Return the JSON document of the body.

    Raises:
        ApiError: UNSUPPORTED_MEDIA_TYPE or JSON_PARSER_ERROR.
    """
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        message = "Content type not supported by this resource; send application/json"
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", message)
    body = await body_of(request)
    try:
        document = json.loads(body)
        if b"\\u" in body:
            # an escape may name half of a surrogate pair, which is no text
            json.dumps(document, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        message = f"{error.msg} at [line:{error.lineno}, column:{error.colno}]"
        raise ApiError(400, "JSON_PARSER_ERROR", message) from None
    except (ValueError, RecursionError):
        raise ApiError(400, "JSON_PARSER_ERROR", "the body is not readable JSON in UTF-8") from None
    return document


async def json_object(request: Request) -> Record:
    """Return the JSON object of the body.

    Raises:
        ApiError: As `json_of`, or the document is something else than an object.
    """
    body = await json_of(request)
    if not isinstance(body, dict):
        raise ApiError(400, "JSON_PARSER_ERROR", "Unexpected token: an object is needed at [line:1, column:1]")
    return body


def options_of(request: Request) -> Options:
    """Return what the headers of a write ask for; assignment rules run unless told otherwise."""
    duplicates = _header_flags(request.headers.get("sforce-duplicate-rule-header", ""))
    assign = request.headers.get("sforce-auto-assign", "TRUE").strip().upper()
    return Options(
        allow_save=duplicates.get("allowsave") == "true",
        record_details=duplicates.get("includerecorddetails") == "true",
        auto_assign=assign != "FALSE",
        in_one_piece=bool(request.scope["state"].get("in_one_piece")),
    )


def _header_flags(text: str) -> Mapping[str, str]:
    pairs = (part.partition("=") for part in text.replace(",", ";").split(";"))
    return {name.strip().lower(): value.strip().lower() for name, _, value in pairs}
