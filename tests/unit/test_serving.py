"""The console's files: what is served, how, and with which headers."""

import base64
from pathlib import Path
from typing import Any

import pytest

from leadbridge.serving import Console, base_of

PAGE = '<base href="%BASE%"><meta content="%SIGN_IN_URL%"><meta content="%CLIENT%">'


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """A built console of a page, a script with its compressed copy, and a file beside them."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "assets/p-1.js").write_text("script")
    (tmp_path / "assets/p-1.js.br").write_bytes(b"\x8f\x02")
    (tmp_path / "secret.txt").write_text("not listed")
    return Console(tmp_path, sign_in_url="https://people.example.com")


def get(console: Console, proxy: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and content of a file or page."""
    path = f"/prod/console/{proxy}"
    event: dict[str, Any] = {
        "path": f"/console/{proxy}",
        "pathParameters": {"proxy": proxy},
        "headers": headers,
        "stageVariables": {"client": '4711"'},
        "requestContext": {"path": path},
    }
    answer = console(event)
    return answer["statusCode"], answer["headers"], base64.b64decode(answer["body"])


@pytest.mark.parametrize(
    ("accepted", "encoding", "content"),
    [("gzip, deflate, br", "br", b"\x8f\x02"), ("gzip", None, b"script"), ("br;q=0", None, b"script")],
)
def test_a_file_comes_compressed_to_who_reads_that_and_is_kept_for_ever(
    console: Console, accepted: str, encoding: str | None, content: bytes
) -> None:
    """Named by its content, an asset never changes; the copy that is sent depends on what the browser reads."""
    status, headers, body = get(console, "assets/p-1.js", **{"Accept-Encoding": accepted})

    assert (status, body, headers.get("Content-Encoding")) == (200, content, encoding)
    assert headers["Content-Type"].endswith("/javascript")
    assert (headers["Cache-Control"], headers["Vary"]) == ("public, max-age=31536000, immutable", "Accept-Encoding")


@pytest.mark.parametrize("proxy", ["assets/p-2.js", "assets/../secret.txt", "assets/", "assets/..%2fsecret.txt"])
def test_what_was_not_built_is_not_served(console: Console, proxy: str) -> None:
    """No way leads out of the folder, and a script of an older build is missing rather than a page."""
    status, headers, _ = get(console, proxy)

    assert (status, headers["Cache-Control"]) == (404, "no-store")


@pytest.mark.parametrize("proxy", ["", "executions", "executions/1", "../secret.txt"])
def test_every_other_address_is_the_page_under_a_strict_policy(console: Console, proxy: str) -> None:
    """The page is asked for each time, told where people sign in, and may run its own scripts only."""
    status, headers, body = get(console, proxy)
    policy = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))

    assert (status, headers["Cache-Control"]) == (200, "no-cache")
    assert b'<meta content="https://people.example.com"><meta content="4711&quot;">' in body
    assert policy["default-src"] == "'none'"
    assert (policy["script-src"], policy["frame-ancestors"]) == ("'self'", "'none'")
    assert policy["connect-src"] == "'self' https://people.example.com"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("/prod/console", "console/"),
        ("/prod/console/", "./"),
        ("/console/executions", "./"),
        ("/prod/console/executions/1", "../"),
        ("/a/b/console/x/y/z", "../../"),
    ],
)
def test_the_way_back_to_the_consoles_folder_depends_on_the_page_alone(path: str, base: str) -> None:
    """Whatever stage or domain stands before it."""
    assert base_of({"requestContext": {"path": path}}) == base
