"""Serves the console: files of one folder, compressed as they lie there, with headers that let a page do little else.

Everybody may have these files, so nobody is asked who they are. What lies below `assets/` is named by its content and
may be kept for ever; every other address is one of the console's pages, which `index.html` draws.
"""

import base64
import html
import mimetypes
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = "console"
#: endings of compressed copies by the name of their encoding
ENCODINGS = {"br": ".br"}
#: the one style sheet that the components add themselves, for what can be pressed; a browser test fails when it changes
PRESSED = "sha256-38RhXrc7EdReTKsOm23ZPOCUgniTUUcjky8QOOrQx6o="  # pragma: allowlist secret
KEPT = "public, max-age=31536000, immutable"
HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Console:
    """Answers API Gateway's proxy events with files."""

    def __init__(self, folder: Path, *, sign_in_url: str) -> None:
        self._sign_in_url = sign_in_url
        self._page = (folder / "index.html").read_text("utf-8")
        # what is not listed here is not served, whatever an address says
        self._assets = {f"assets/{path.name}": path for path in (folder / "assets").iterdir()}
        origin = urlsplit(sign_in_url)
        self._policy = "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                f"style-src 'self' '{PRESSED}'",
                "img-src 'self' data:",
                "font-src 'self'",
                f"connect-src 'self' {origin.scheme}://{origin.netloc}",
                "base-uri 'self'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            )
        )

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a `GET` of `/console` or what lies below it."""
        name = str((event.get("pathParameters") or {}).get("proxy") or "")
        if name.startswith("assets/"):
            return self._asset(name, event)
        return self._page_at(event)

    def _asset(self, name: str, event: Mapping[str, Any]) -> dict[str, Any]:
        path = self._assets.get(name)
        if path is None:
            return _answer(404, b"There is no such file.", {"Content-Type": "text/plain", "Cache-Control": "no-store"})
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        headers = {"Content-Type": kind, "Cache-Control": KEPT, "Vary": "Accept-Encoding"}
        accepted = _accepted(event)
        for encoding, ending in ENCODINGS.items():
            compressed = self._assets.get(name + ending)
            if compressed and encoding in accepted:
                return _answer(200, compressed.read_bytes(), headers | {"Content-Encoding": encoding})
        return _answer(200, path.read_bytes(), headers)

    def _page_at(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The one page there is, told where it lies and where people sign in."""
        client = str((event.get("stageVariables") or {}).get("client") or "")
        page = self._page
        for mark, value in (("BASE", base_of(event)), ("SIGN_IN_URL", self._sign_in_url), ("CLIENT", client)):
            page = page.replace(f"%{mark}%", html.escape(value, quote=True))
        headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache"}
        return _answer(200, page.encode(), headers | {"Content-Security-Policy": self._policy})


def base_of(event: Mapping[str, Any]) -> str:
    """The way from a page's address to the folder `/console/`, whatever stands before it.

    A stage or a custom domain may stand there, and the function cannot know all of them.
    """
    path = str((event.get("requestContext") or {}).get("path") or event.get("path") or "")
    _, _, below = path.partition(f"/{ROOT}")
    if not below:
        return f"{ROOT}/"
    return "../" * (below.count("/") - 1) or "./"


@cache
def from_environment() -> Console:
    """The console of this process, whose files lie beside the handler."""
    return Console(Path(os.environ["LAMBDA_TASK_ROOT"]) / "site", sign_in_url=os.environ["SIGN_IN_URL"])


def _accepted(event: Mapping[str, Any]) -> set[str]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    listed = (each.split(";") for each in str(headers.get("accept-encoding") or "").split(","))
    return {each[0].strip().lower() for each in listed if "q=0" not in [part.strip() for part in each[1:]]}


def _answer(status: int, content: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """An answer in API Gateway's form, which carries bytes as text."""
    return {
        "statusCode": status,
        "headers": {**HEADERS, **headers},
        "body": base64.b64encode(content).decode(),
        "isBase64Encoded": True,
    }
