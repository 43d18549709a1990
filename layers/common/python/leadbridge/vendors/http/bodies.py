"""Reading and writing of JSON bodies, files in multipart forms, and of the two headers that carry times."""

import json
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx


def parse_json(body: bytes) -> Any:
    """The JSON value of a body; NaN and Infinity are not JSON.

    Raises:
        ValueError: Not JSON, or nested too deeply.
    """
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def dump_json(value: Any) -> bytes:
    """Compact UTF-8 JSON; text that is no valid Unicode is escaped instead of failing its whole batch."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def multipart(name: str, filename: str, content_type: str, content: bytes) -> tuple[bytes, dict[str, str]]:
    """A multipart form of one file, and the header that names its boundary."""
    request = httpx.Request("POST", "https://multipart.example", files={name: (filename, content, content_type)})
    return request.read(), {"Content-Type": request.headers["content-type"]}


def retry_after_of(response: httpx.Response) -> float | None:
    """Seconds of a Retry-After header; dates and anything unreadable count as none."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def server_time_of(response: httpx.Response) -> datetime | None:
    """The instant of the answer's Date header, if it has a readable one."""
    try:
        instant = parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return None
    return instant if instant.tzinfo is not None else None


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")
