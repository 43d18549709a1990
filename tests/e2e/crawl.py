"""Goes over the whole console as somebody does who tries everything: each page, link, tab, list, menu and dialog.

What a button opens is looked at and cancelled, so nothing is changed; a button that would change something at once,
without a dialog, has to be named in `SENDS`, or the crawl says what it has sent.
"""

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Request

from tests.e2e.browser import CONSOLE, STILL, Visit

#: of the router, the start page first; a page that is added there is looked for by itself
ROUTES = ("", *re.findall(r'<Route path="([^"*]+)"', (CONSOLE / "src/console.tsx").read_text("utf-8")))
#: what asks with a body and changes nothing
LOOKS = re.compile(
    r"/(executions/search|documents/validate|documents/plan|preview|test|try|cycles/propose|cycles/provisioning)$"
    r"|/oauth2/token$"
)
#: buttons that send what a form holds, or end the session
SENDS = frozenset({"Sign out", "Store", "Save", "Replace the credentials"})
#: what begins at once, by its page: its guard asks before many records are changed
BEGINS = frozenset({("syncs/:id", "button Run now")})
#: seconds; a page that waits so long waits for ever, also on a busy machine
PATIENCE = 30.0
#: so many addresses of each page are looked at
EACH = 2
#: so often something that was to be pressed may be drawn anew meanwhile
LOST = 20
#: a page that shows one of these is not as it should be
WRONG = ("There is no such page", "This could not be shown", "You may not see this")
#: pages say that they wait by such a wheel
WAITS = "document.querySelectorAll('[role=progressbar][aria-label^=Loading]').length"
# a notice, which stays until it is closed, is no modal dialog
OPENED = ", ".join(
    f"[role={role}]:not([aria-modal=false]):visible" for role in ("dialog", "alertdialog", "listbox", "menu")
)
#: where they are closed, so that the next page is looked at without them
NOTICES = "[role=alertdialog][aria-modal=false] button[aria-label=Dismiss]"
#: what is typed is wrong: every page that sends what is typed shows the findings
FINDINGS = 422
GO = """
(to) => {
  history.pushState({ idx: (history.state?.idx ?? 0) + 1 }, "", to);
  dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
}
"""
#: what can be pressed, each with a mark by which it is found again, unless something like it was pressed
CONTROLS = """
(pressed) => {
  const known = new Set(pressed);
  for (const each of document.querySelectorAll("button, [role=tab], [role=radio], summary")) {
    if (!each.checkVisibility() || each.disabled || each.getAttribute("aria-disabled") === "true") continue;
    if (each.closest("[aria-hidden=true], [inert], [role=region]")) continue;
    const labels = (each.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id));
    const name = each.getAttribute("aria-label") || labels.map((of) => of?.textContent ?? "").join(" ").trim();
    const said = `${each.getAttribute("role") ?? "button"} ${name || each.textContent}`.replace(/[0-9]+/g, "#");
    const sends = each.type === "submit" ? "submit " : "";
    // what stands around every page is the same on all of them
    if (known.has(said) || (each.closest("header") && known.has("header"))) continue;
    document.querySelectorAll("[data-crawl]").forEach((old) => old.removeAttribute("data-crawl"));
    each.setAttribute("data-crawl", "");
    return said;
  }
  return null;
}
"""
#: ends when two frames came and went and nothing was drawn: what was asked for may be there, and its table not yet
CALM = """
() => new Promise((calm) => {
  let frames = 0;
  const drawn = new MutationObserver(() => {
    frames = 0;
  });
  drawn.observe(document, { subtree: true, childList: true, characterData: true });
  const frame = () => {
    frames += 1;
    if (frames < 3) return requestAnimationFrame(frame);
    drawn.disconnect();
    calm();
  };
  requestAnimationFrame(frame);
})
"""
LINKS = "[...document.querySelectorAll('a[href]')].map((each) => each.href)"


@dataclass
class Crawl:
    """What somebody found who tried everything."""

    visit: Visit
    base: str
    #: whether axe looks at each kind of page, in both themes
    axe: bool
    #: what cannot be pressed here
    besides: frozenset[str]
    faults: list[str] = field(default_factory=list)
    #: how many addresses of each page were looked at, and how many buttons pressed
    pages: Counter[str] = field(default_factory=Counter)
    presses: int = 0
    #: requests to the API of a look at each page, the most
    asked: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.base))
        self._under = urlsplit(self.base).path
        self._pending: set[Request] = set()
        self._sent: list[str] = []
        self._lost = 0
        self._pressed: dict[str, set[str]] = {}
        self._kinds: Counter[tuple[str, ...]] = Counter()
        self._left: list[str] = []
        self._seen: set[str] = set()

    def everything(self) -> None:
        """From the start page on, whatever can be reached; `faults` says what was wrong."""
        page = self.visit.page
        page.on("request", self._begun)
        page.on("requestfinished", self._ended)
        page.on("requestfailed", self._ended)
        self._note([page.url])
        self._count(page.url, 0)
        while self._left:
            at = self._left.pop(0)
            before = len(self.visit.requested)
            self._go(at)
            self._count(at, before)
            self._tell(at, self._look(at))

    def _count(self, at: str, before: int) -> None:
        """How often a look at a page has asked the API."""
        asked = sum(urlsplit(url).path.startswith(f"{self._under}/api/") for url in self.visit.requested[before:])
        self.asked[self._route(at)] = max(self.asked[self._route(at)], asked)

    def _begun(self, request: Request) -> None:
        if request.url.startswith(self._origin):  # what is downloaded from the page itself is not told to end
            self._pending.add(request)
        path = urlsplit(request.url).path
        asks_first = path.endswith("/executions/redrive") and '"dry_run":true' in (request.post_data or "")
        if request.method != "GET" and not asks_first and not LOOKS.search(path):
            self._sent.append(f"{request.method} {path}")

    def _ended(self, request: Request) -> None:
        self._pending.discard(request)

    def _go(self, at: str) -> None:
        self.visit.page.evaluate(GO, at)
        self._settle()

    def _settle(self) -> None:
        """Until nothing is waited for, twice in a row."""
        quiet, begun = 0, time.monotonic()
        while quiet < 2:
            if time.monotonic() - begun > PATIENCE:
                self.faults.append(f"{self.visit.page.url}: waits for ever: {[each.url for each in self._pending]}")
                self._pending.clear()
                return
            waits = self.visit.page.evaluate(WAITS)
            quiet = 0 if waits or self._pending else quiet + 1
            self.visit.page.evaluate(CALM)

    def _look(self, at: str) -> list[str]:
        """One address; gives what is wrong with it."""
        page, route = self.visit.page, self._route(at)
        wrong = [said for said in WRONG if page.get_by_text(said).count()]
        if route not in ROUTES:
            return [*wrong, "no page of the router"]
        self.pages[route] += 1
        if self.axe and self._kinds[self._kind(at)] == 1:
            page.emulate_media(color_scheme="dark")
            wrong += [f"axe, dark: {found}" for found in self.visit.violations("color-contrast")]
            page.emulate_media(color_scheme="light")
            wrong += [f"axe, light: {found}" for found in self.visit.violations()]
        self._note(page.evaluate(LINKS))
        pressed = self._pressed.setdefault(route, {"header"} if len(self.pages) > 1 else set())
        while (control := page.evaluate(CONTROLS, sorted(pressed))) is not None:
            pressed |= {control, "header"}
            if control.partition(" ")[2] in SENDS | self.besides or (route, control) in BEGINS:
                continue
            if self._clicked():
                wrong += [f"{control}: {said}" for said in self._after(at)]
            elif self._lost < LOST:  # it was drawn anew just now, so it is looked for again
                self._lost += 1
                pressed.discard(control)
            else:
                wrong.append(f"{control}: cannot be pressed")
        return wrong

    def _clicked(self) -> bool:
        """Whether what is marked could be pressed."""
        marked = self.visit.page.query_selector("[data-crawl]")
        if marked is None:
            return False
        try:
            marked.click()
        except PlaywrightError:
            if marked.evaluate("(each) => each.isConnected"):
                raise
            return False
        self.presses += 1
        return True

    def _after(self, at: str) -> list[str]:
        """What was pressed is closed again, and the page is as it was; gives what is wrong with what it opened."""
        page = self.visit.page
        self._settle()
        wrong = [said for said in WRONG if page.get_by_text(said).count()]
        self._note([page.url, *page.evaluate(LINKS)])
        for _ in range(3):
            if not page.locator(OPENED).count():
                break
            page.keyboard.press("Escape")
            page.evaluate(STILL)
        else:
            wrong.append("stays open")
        for notice in page.query_selector_all(NOTICES):
            notice.click()
            page.evaluate(STILL)
        if page.url != at:
            self._go(at)
        wrong += [f"sent {said}" for said in self._sent]
        self._sent.clear()
        return wrong

    def _tell(self, at: str, wrong: list[str]) -> None:
        told = [*wrong, *self.visit.unexpected(FINDINGS)]
        self.visit.complaints.clear()
        self.faults += [f"{at.removeprefix(self.base) or '/'}: {said}" for said in told]

    def _note(self, links: list[str]) -> None:
        """Addresses that were seen: some of each kind are looked at, too."""
        for link in links:
            kind = self._kind(link)
            if link in self._seen or not link.startswith(self._origin) or self._kinds[kind] >= EACH:
                continue
            self._seen.add(link)
            self._kinds[kind] += 1
            self._left.append(link)

    def _kind(self, link: str) -> tuple[str, ...]:
        asked = parse_qsl(urlsplit(link).fragment)
        return (self._route(link), *sorted(f"{name}={value}" if name == "tab" else name for name, value in asked))

    def _route(self, link: str) -> str:
        """The page of an address, as the router knows it; a word of its own comes before a place for any."""
        path = urlsplit(link).path.removeprefix(self._under).strip("/")
        fits = [each for each in ROUTES if re.fullmatch(re.sub(r":\w+", "[^/]+", each), path)]
        return min(fits, key=lambda each: each.count(":"), default=f"/{path}")


def crawled(visit: Visit, base: str, *, axe: bool = False, besides: frozenset[str] = frozenset()) -> Crawl:
    """Somebody who is signed in has tried everything, but for buttons of these names."""
    crawl = Crawl(visit=visit, base=base, axe=axe, besides=besides)
    crawl.everything()
    return crawl
