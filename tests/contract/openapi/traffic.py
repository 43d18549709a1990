"""What went over the wire: every request and its answer, kept as bytes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx

FORM = "application/x-www-form-urlencoded"
CONTROL = "/_sim/"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and the answer to it."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: httpx.Headers
    body: bytes
    status: int
    answer_headers: httpx.Headers
    answer: bytes

    @property
    def media_type(self) -> str:
        """The content type of the request, without parameters."""
        return media_type_of(self.headers)

    @property
    def override(self) -> str | None:
        """The method that a POST says it stands for: the way around addresses that would be too long."""
        said = [*self.query, *(parse_qsl(self.body.decode()) if self.media_type == FORM else [])]
        return dict(said).get("_method") if self.method == "POST" else None

    @property
    def document(self) -> Any:
        """The answer's JSON, or None where the answer is none."""
        if media_type_of(self.answer_headers) != "application/json":
            return None
        return json.loads(self.answer)

    @property
    def succeeded(self) -> bool:
        """Whether the call did what it should: Marketo says so in the body."""
        document = self.document
        said = document.get("success", True) if isinstance(document, dict) else True
        return self.status < 300 and said is True


def media_type_of(headers: httpx.Headers) -> str:
    """The content type without parameters, in lower case."""
    return str(headers.get("content-type", "")).partition(";")[0].strip().lower()


def exchange_of(request: httpx.Request, response: httpx.Response) -> Exchange:
    """Keep an exchange whose two bodies were read."""
    return Exchange(
        request.method,
        request.url.path,
        request.url.params.multi_items(),
        request.headers,
        request.content,
        response.status_code,
        response.headers,
        response.content,
    )


@dataclass
class RecordingTransport(httpx.BaseTransport):
    """An httpx transport that keeps what passes through it, calls of a control plane left out."""

    inner: httpx.BaseTransport = field(default_factory=httpx.HTTPTransport)
    exchanges: list[Exchange] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and keep it with its answer, decoded."""
        request.read()
        raw = self.inner.handle_request(request)
        raw.request = request
        raw.read()
        raw.close()
        if not request.url.path.startswith(CONTROL):
            self.exchanges.append(exchange_of(request, raw))
        # the caller gets the bytes decoded, so without the headers that speak of their encoding
        headers = [(name, value) for name, value in raw.headers.multi_items() if name.lower() not in _OF_THE_WIRE]
        return httpx.Response(raw.status_code, headers=headers, content=raw.content, extensions=raw.extensions)

    def close(self) -> None:
        """Close the connections."""
        self.inner.close()


_OF_THE_WIRE = {"content-encoding", "content-length", "transfer-encoding"}
