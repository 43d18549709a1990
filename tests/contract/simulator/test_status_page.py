"""The page that shows a person what a twin holds and what happened to it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import httpx


class Page(HTMLParser):
    """The tables of a page by their title, as rows of texts, and every address that it loads or links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.addresses: list[str] = []
        self.text = ""
        self._title = ""
        self._in_title = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a table, a row or a cell."""
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]
        self._in_title = tag == "h2"
        if tag == "h2":
            self._title = ""
        elif tag == "tr":
            self.tables.setdefault(self._title, []).append([])
        elif tag in {"td", "th"}:
            self.tables[self._title][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        """End a title."""
        self._in_title = self._in_title and tag != "h2"

    def handle_data(self, data: str) -> None:
        """Add text to the title or to the cell that is open."""
        self.text += data
        if self._in_title:
            self._title += data
        elif self.tables.get(self._title) and self.tables[self._title][-1]:
            self.tables[self._title][-1][-1] += data


def page_of(client: httpx.Client) -> Page:
    """Read the status page of a twin."""
    answer = client.get("/_sim/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert re.search(r'http-equiv="refresh" content="\d+"', answer.text)
    return Page(answer.text)


def test_the_page_shows_records_calls_limits_faults_and_violations(
    marketo: httpx.Client, simulator: dict[str, Any]
) -> None:
    """What was loaded, called, broken and switched on stands there; foreign text is escaped; nothing is fetched."""
    marketo.post("/_sim/load", json={"generate": {"object": "leads", "count": 1_234, "seed": 1}})
    marketo.post("/_sim/limits", json={"calls_per_20s": 2, "native_crm": True})
    rule = {"match": "GET /rest/v1/campaigns.json", "kind": "vendor_error", "code": "611", "message": "<script>"}
    marketo.post("/_sim/faults", json=[rule])
    for _ in range(3):
        marketo.get("/rest/v1/leads/describe.json")
    marketo.get("/rest/v1/%3Cscript%3E.json")

    page = page_of(marketo)

    assert ["leads", "1,234"] in page.tables["Records"]
    assert ["GET /rest/v1/leads/describe.json", "3"] in page.tables["Calls by endpoint"]
    assert page.tables["Limits broken"][1][0] == "606"
    assert page.tables["Limits and switches"][1:4] == [
        ["calls_per_20s", "2 (usually 100)"],
        ["latency_seconds", "0 (usually 0.05)"],
        ["native_crm", "on (usually off)"],
    ]
    assert page.tables["Faults switched on"][1][0].startswith("vendor_error code 611, message <script>")
    assert "GET /rest/v1/<script>.json" in [row[1] for row in page.tables["The last 25 calls"]]
    assert "<script" not in marketo.get("/_sim/").text
    assert page.addresses == [f"{simulator['salesforce_url']}/_sim/"]


def test_an_untouched_twin_has_a_page_too(salesforce_anonymous: httpx.Client, simulator: dict[str, Any]) -> None:
    """No calls, no faults, no broken limits are said in words; the clock and the other twin are named."""
    page = page_of(salesforce_anonymous)

    assert "Calls by endpoint" not in page.tables
    assert "Faults switched on" not in page.tables
    assert "no calls yet" in page.text
    assert "Clock: " in page.text
    assert page.addresses == [f"{simulator['marketo_url']}/_sim/"]


def test_looking_at_the_page_counts_for_nothing(marketo: httpx.Client) -> None:
    """It is part of the control plane: no call, no usage."""
    before = marketo.get("/_sim/calls").json()

    page_of(marketo)

    assert marketo.get("/_sim/calls").json() == before
