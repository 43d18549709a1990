"""Every page, link, tab, list, menu and dialog of the console, for every role, in a real browser.

What a page shows is the admin API's over in-memory ports that hold something of everything.
"""

import pytest

from tests.e2e.browser import chromium, visit
from tests.e2e.crawl import ROUTES, crawled
from tests.integration.console.filled import filled
from tests.integration.console.front import console
from tests.integration.console.syncs import with_runs
from tests.sizes import chosen

#: requests to the API of one look at a page
ASKED = 5
#: pages that are for changing, to which nothing leads somebody who may not
CHANGING = {each for each in ROUTES if each.endswith(("new", "edit"))}
#: of one person each
STORIES = {"cycles/:id/records/:record"}
#: pages that somebody of a role does not come to; operators are crawled on the deployed stack, too
HIDDEN = {"admin": set[str](), "operator": CHANGING, "viewer": CHANGING | STORIES}
#: it samples all kinds of records of both systems, which are not in memory
BESIDES = frozenset({"Tell the price"})


@pytest.mark.parametrize("role", chosen([*HIDDEN], [*HIDDEN], ["operator"]))
def test_whoever_tries_everything_meets_no_fault(role: str) -> None:
    """Nobody, whatever the role, comes to a page that does not exist, fails or is not allowed, sees a request fail or
    the browser complain; nothing is changed by a look; axe finds nothing on any page in either theme. Every page of
    the router is there for somebody who may change everything."""
    admin = with_runs(filled())
    admin.world.receive(7)
    admin.world.drain()
    with (
        chromium() as browser,
        console(admin, role) as base,
        visit(browser, viewport={"width": 1280, "height": 900}, permissions=["clipboard-write"]) as somebody,
    ):
        # what is there was made then
        somebody.page.clock.set_fixed_time(admin.world.clock.now())
        somebody.page.goto(base)
        somebody.page.get_by_role("heading", name="Connections").wait_for()
        found = crawled(somebody, base, axe=role == "admin", besides=BESIDES)
        assert found.faults == []
        assert set(ROUTES) - found.pages.keys() == HIDDEN[role]
        assert {page: number for page, number in found.asked.items() if number > ASKED} == {}
