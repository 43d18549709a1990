"""Pages over a deployment in trouble, as a browser shows them: open alerts, a cycle that its guard holds, deeds.

Nothing here depends on how fast it is: every look waits for what it looks for.
"""

import re

from playwright.sync_api import expect

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.three_way import Conflict
from tests.builders.admin import PERSON
from tests.e2e.browser import Visit, chromium, visit
from tests.integration.console.filled import HELD, LEAD, TOLD, filled, with_a_cycle_of_leads
from tests.integration.console.front import console

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def test_pages_show_what_takes_a_deployment_hours_to_come_to() -> None:
    """A viewer on a telephone sees alerts with their remedies and a cycle without values of people, and is offered
    nothing; an operator confirms what the guard holds, reads one person's story, and finds it all in the log."""
    admin = filled()
    with chromium() as browser:
        with console(admin, "viewer") as base, visit(browser, viewport=NARROW, color_scheme="dark") as viewer:
            _alerts(viewer, base)
            _cycle_for_viewers(viewer)
            assert viewer.complaints == []
        with console(admin, "operator") as base, visit(browser, viewport=WIDE, color_scheme="light") as operator:
            _confirmed(operator, base)
            _story(operator)
            _log(operator)
            _refused(operator)
            assert operator.unexpected(409) == []
    found = admin.cycle_runs.get("main", HELD)
    assert found is not None
    assert [*found[0].confirmed] == ["persons changes"]


def _alerts(viewer: Visit, base: str) -> None:
    """Each open alert says what it is about, what to do, and whether it looks well by now."""
    page = viewer.page
    page.goto(base)
    alerts = page.get_by_role("region", name="Open alerts")
    expect(alerts.get_by_text("Action person-to-lead: parked calls wait for you")).to_be_visible()
    expect(alerts).to_contain_text("2 calls are parked. Mend what the message of one of them says")
    expect(alerts).to_contain_text("looks well since")
    connections = page.get_by_role("region", name="Connections")
    expect(connections).to_contain_text("It takes no calls until")
    expect(connections).to_contain_text("At this pace they are spent at")
    expect(connections).to_contain_text("Extracts of the day: 120.4 of 500 MB")
    kept = page.get_by_role("region", name="Parked and waiting")
    expect(kept).to_contain_text("until it is run again")
    expect(kept).to_contain_text("200 or more")
    assert viewer.violations() == []


def _cycle_for_viewers(viewer: Visit) -> None:
    """What is held and put aside, and nothing to press; rows and stories, which may hold values, are not there."""
    page = viewer.page
    page.get_by_role("link", name="Cycles").click()
    page.get_by_role("link", name="Main").click()
    work = page.get_by_role("region", name="At work")
    expect(work).to_contain_text(TOLD)
    expect(work.get_by_role("listitem").filter(has_text="Decide field by field")).to_have_attribute(
        "aria-current", "step"
    )
    expect(page.get_by_text("A pair of fields is put aside")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="People")).to_contain_text("both ways")
    for name in ("Confirm", "End it", "Plan", "Run now", "Pause"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    assert viewer.violations() == []
    page.get_by_role("link", name=f"Run {HELD}").click()
    expect(page.get_by_role("region", name="Counts")).to_contain_text("700 records")
    expect(page.get_by_role("region", name="What became of records")).to_have_count(0)


def _confirmed(operator: Visit, base: str) -> None:
    """What the guard has counted is said once more before somebody says yes to it."""
    page = operator.page
    page.goto(f"{base}/cycles/main/runs/{HELD}")
    page.get_by_role("button", name="Confirm").click()
    asked = page.get_by_role("alertdialog")
    expect(asked).to_contain_text(TOLD)
    asked.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("The guard waits for a confirmation")).to_have_count(0)


def _story(operator: Visit) -> None:
    """From the run's rows to the record: links, why it is due, and the conflicts that were decided."""
    page = operator.page
    page.get_by_role("link", name="The cycle main").click()
    page.get_by_role("row").nth(2).get_by_role("link").click()
    expect(page.get_by_role("region", name="Counts")).to_contain_text("1 updated, 1 skipped")
    rows = page.get_by_role("region", name="What became of records")
    expect(rows.get_by_role("row").filter(has_text="firstName=FirstName")).to_contain_text("conflict, decided by its")
    assert operator.violations() == []
    rows.get_by_role("link", name=LEAD).click()
    expect(page.get_by_role("heading", name=f"Record {LEAD}")).to_be_visible()
    expect(page.get_by_text(f"Linked: {LEAD} in Salesforce and 7 in Marketo.")).to_be_visible()
    expect(page.get_by_text("Tried 2 times again since.")).to_be_visible()
    expect(page.get_by_text("email=Email: contested by both systems")).to_be_visible()


def _log(operator: Visit) -> None:
    """The confirmation is the newest deed; what is typed leaves the others out."""
    page = operator.page
    page.get_by_role("link", name="Activity log").click()
    confirmed = f"Confirmed run {HELD} of the cycle main, which its guard held."
    expect(page.get_by_role("row").nth(1)).to_contain_text(confirmed)
    expect(page.get_by_role("row").nth(1)).to_contain_text(PERSON)
    expect(page.get_by_role("row")).to_have_count(5)
    page.get_by_label("Who or what").fill("activated")
    page.get_by_label("Who or what").press("Enter")
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_label("Who or what")).to_be_focused()


def _refused(operator: Visit) -> None:
    """Why something was not done is told in a notice, which stays until it is closed."""
    page = operator.page
    page.get_by_role("link", name="Cycles").click()
    page.get_by_role("link", name="Main").click()
    page.get_by_role("button", name="Run now").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Run it").click()
    expect(page.get_by_text(f"The cycle main was not started: running: {HELD}")).to_be_visible()
    assert operator.violations() == []


def test_a_cycle_is_changed_in_the_browser_and_what_nobody_touched_stays() -> None:
    """An administrator walks through all pages: nothing differs. Pairs are proposed from what both systems describe, of
    one it is said who is right in a conflict, and the next version has it, and all else as it was."""
    admin = with_a_cycle_of_leads()
    before = admin.get("/cycles/leads")["document"]
    with (
        chromium() as browser,
        console(admin, "admin") as base,
        visit(browser, viewport=NARROW, color_scheme="light") as owner,
    ):
        _walked_through(owner, base)
        _changed(owner)
        assert owner.complaints == []
    stored = admin.world.configurations.get("crm_cycle", "leads")
    assert stored is not None
    assert isinstance(stored.document, CrmCycle)
    assert stored.document.persons is not None
    assert stored.document.persons.leads is not None
    pairs = stored.document.persons.leads.pairs
    assert (stored.version, stored.change.author) == (2, PERSON)
    assert (pairs[0].pair, pairs[0].conflict) == ("firstName=FirstName", Conflict.NEWEST)
    assert "lastName=LastName" in {each.pair for each in pairs}
    after = admin.get("/cycles/leads")["document"]
    for document in (before, after):
        document["persons"]["leads"].pop("fields")
    assert after == before


def _walked_through(owner: Visit, base: str) -> None:
    page = owner.page
    page.goto(f"{base}/cycles/leads/edit")
    titles = ("1. Connections", "2. People", "3. Companies and opportunities", "4. Activities, objects", "5. Schedule")
    for title in titles:
        expect(page.get_by_role("heading", level=2, name=title)).to_be_visible()
        page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Nothing differs from what is saved.")).to_be_visible()


def _changed(owner: Visit) -> None:
    page = owner.page
    page.get_by_role("button", name="2. People").click()
    page.get_by_role("button", name="Propose pairs").click()
    expect(page.get_by_role("button", name="lastName ↔ LastName", exact=True)).to_be_visible()
    page.get_by_role("button", name="firstName ↔ FirstName", exact=True).click()
    page.get_by_role("button", name="Where both sides edited it").click()
    page.get_by_role("option", name="the newer edit").click()
    expect(page.get_by_role("button", name="firstName ↔ FirstName; the newer edit", exact=True)).to_be_visible()
    assert owner.violations() == []
    page.get_by_role("button", name="6. Review and save").click()
    expect(page.get_by_text("Saving changes version 1:")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(re.compile("/cycles/leads$"))
    expect(page.get_by_text("leads · version 2")).to_be_visible()
