"""The lead-database envelope, the reading of requests, and the wrapper that makes a handler an endpoint."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from simulator.control import Call, call_of
from simulator.marketo.exceptions import MarketoError, RowError, missing_parameter

MAX_ROWS = 300
GZIP_FROM_BYTES = 1024
_LARGEST = 2**63 - 1

type Payload = dict[str, Any]
type Handler = Callable[[Request, Call], Awaitable[Payload]]
type FileHandler = Callable[[Request, Call], Awaitable[Response]]


class Answer(Response):
    """A JSON answer that remembers its response-level error code."""

    media_type = "application/json;charset=UTF-8"

    def __init__(self, content: Payload, *, code: str | None = None, status: int = 200) -> None:
        self.code = code
        super().__init__(json.dumps(content, ensure_ascii=False, separators=(",", ":")), status)

    def compress_for(self, call: Call) -> None:
        """Compress the body where the client takes it and it is long enough."""
        if len(self.body) < GZIP_FROM_BYTES or "gzip" not in call.headers.get("accept-encoding", ""):
            return
        self.body = gzip.compress(bytes(self.body), compresslevel=1, mtime=0)
        self.headers["content-encoding"] = "gzip"
        self.headers["content-length"] = str(len(self.body))


def endpoint(handler: Handler, *, compress: bool = True) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint of a handler that gives the members of a successful envelope."""

    async def answer(request: Request) -> Response:
        call = call_of(request)
        try:
            payload = await handler(request, call)
        except MarketoError as error:
            return failure(call, error.code, error.message)
        made = Answer({"requestId": request_id(call), "success": True} | payload)
        if compress:
            made.compress_for(call)
        return made

    return answer


def file_endpoint(handler: FileHandler) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint of a handler that gives a file; what fails is answered 404 in plain text."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request, call_of(request))
        except MarketoError as error:
            return PlainTextResponse(error.message, status_code=404)

    return answer


def failure(call: Call, code: str, message: str) -> Answer:
    """Give the answer to a call that failed as a whole."""
    errors = [{"code": code, "message": message}]
    return Answer({"requestId": request_id(call), "success": False, "errors": errors}, code=code)


def request_id(call: Call) -> str:
    """Give the call's id: a number and the time in milliseconds, both in hex."""
    return f"{0x1000 + call.n:x}#{int(call.at.timestamp() * 1000):x}"


def skipped(error: RowError, reasons: str = "reasons") -> Payload:
    """Give the result of a record that was skipped."""
    return {"status": "skipped", reasons: [{"code": error.code, "message": error.message}]}


def check_row_fault(call: Call, index: int) -> None:
    """Refuse a row that a fault rule names.

    Raises:
        RowError: with the rule's code and message.
    """
    if (fault := call.row_fault(index)) is not None:
        raise RowError(*fault)


# reading requests


def parameter(call: Call, name: str) -> str | None:
    """Give a parameter's value; blank counts as absent."""
    return next((value for key, value in call.query if key == name and value), None)


def required(call: Call, name: str) -> str:
    """Give a required parameter's value.

    Raises:
        MarketoError: 1002.
    """
    if (value := parameter(call, name)) is None:
        raise missing_parameter(name)
    return value


def listed(call: Call, name: str) -> list[str]:
    """Give the values of a parameter that is comma-separated, repeated or both."""
    values = [part for key, value in call.query if key == name for part in value.split(",")]
    return [value.strip() for value in values if value.strip()]


def integers(call: Call, name: str, most: int) -> list[int]:
    """Give the whole numbers of a list parameter.

    Raises:
        MarketoError: 1003, too many or not numbers.
    """
    values = listed(call, name)
    if len(values) > most:
        raise MarketoError("1003", f"Too many values for '{name}', the maximum is {most}")
    if not all(value.isascii() and value.isdecimal() for value in values):
        raise MarketoError("1003", f"Invalid value for '{name}'")
    return [_whole_number(value) for value in values]


def batch_size(call: Call) -> int:
    """Give the page size asked for.

    Raises:
        MarketoError: 1003, not from 1 to 300.
    """
    sizes = integers(call, "batchSize", 1) or [MAX_ROWS]
    if not 1 <= sizes[0] <= MAX_ROWS:
        raise MarketoError("1003", f"batchSize has to be from 1 to {MAX_ROWS}")
    return sizes[0]


def path_id(request: Request, name: str) -> int:
    """Give a number from the path.

    Raises:
        MarketoError: 610, it is none.
    """
    text = request.path_params[name]
    if not (text.isascii() and text.isdecimal()):
        raise MarketoError("610", "Requested resource not found")
    return _whole_number(text)


def read_body(call: Call) -> Payload:
    """Give the JSON object that a write sent.

    Raises:
        MarketoError: 612 content type, 609 not a JSON object.
    """
    if call.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise MarketoError("612", "Invalid Content Type")
    try:
        content = json.loads(call.body, parse_int=_whole_number)
    except ValueError as error:
        raise MarketoError("609", "Invalid JSON") from error
    if not isinstance(content, dict):
        raise MarketoError("609", "Invalid JSON")
    return content


def _whole_number(text: str) -> int:
    """Read a number of at most 64 bits.

    Raises:
        MarketoError: 1003.
    """
    if len(text) > len(str(-_LARGEST)) or not -_LARGEST - 1 <= int(text) <= _LARGEST:
        raise MarketoError("1003", f"Invalid value '{text[:40]}'")
    return int(text)


def read_input(body: Payload) -> list[Any]:
    """Give the records of a write.

    Raises:
        MarketoError: 1002 none, 1003 more than 300 (the vendor documents the limit but not the code).
    """
    rows = body.get("input")
    if not isinstance(rows, list) or not rows:
        raise missing_parameter("input")
    if len(rows) > MAX_ROWS:
        raise MarketoError("1003", f"Too many records, the maximum is {MAX_ROWS}")
    return rows


# paging tokens: opaque to clients, ending in "=" as the vendor's do


def make_token(kind: str, *position: str | int) -> str:
    """Make a paging token of a position."""
    text = json.dumps([kind, *position], separators=(",", ":")).encode()
    # a length that is no multiple of five gives base32 its padding
    padded = text + b" " * (1 if len(text) % 5 == 0 else 0)
    return base64.b32encode(padded).decode()


def read_token(token: str, kind: str) -> list[Any]:
    """Give the position in a paging token.

    Raises:
        MarketoError: 1003, not one of ours or of another family.
    """
    try:
        content = json.loads(base64.b32decode(token))
    except ValueError as error:
        raise MarketoError("1003", "Invalid nextPageToken") from error
    if not isinstance(content, list) or content[:1] != [kind]:
        raise MarketoError("1003", "Invalid nextPageToken")
    return content[1:]


def page_of(call: Call, ids: list[int], kind: str) -> tuple[list[int], Payload]:
    """Cut one page of sorted ids by the call's position token; give also the envelope's `nextPageToken`.

    Raises:
        MarketoError: 1003, the token belongs to another query.
    """
    names = {"nextPageToken", "batchSize", "fields"}
    query = sorted((name, value) for name, value in call.query if name not in names)
    mark = zlib.crc32(json.dumps([call.path, query]).encode())
    start = 0
    if token := parameter(call, "nextPageToken"):
        position = read_token(token, kind)
        if position[0] != mark:
            raise MarketoError("1003", "nextPageToken does not belong to this query")
        start = next((index for index, each in enumerate(ids) if each > position[1]), len(ids))
    size = batch_size(call)
    page = ids[start : start + size]
    more = start + size < len(ids)
    return page, {"nextPageToken": make_token(kind, mark, page[-1])} if more else {}
