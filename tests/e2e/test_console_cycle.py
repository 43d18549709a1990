"""A CRM cycle and the activity log in a real browser, on the deployed stack; nothing is mocked."""

import re
import uuid

from playwright.sync_api import expect
from yaml import safe_load

from tests.e2e.browser import Visit, chromium, visit
from tests.e2e.lab import PATIENCE, Lab
from tests.e2e.test_cycles import a_document

WIDE = {"width": 1280, "height": 900}


def test_a_cycle_is_started_and_looked_at_and_the_log_names_who_did_it(lab: Lab) -> None:
    """An administrator activates a cycle and begins from now; its page shows the steps of the run, the watermarks and
    the fields with their policies; the log holds each deed with its author. Pairs that are proposed from what both
    systems describe are stored with the next version. Of what a viewer asks for, rows and records, in which a vendor's
    words may hold values of people, are refused."""
    mark = f"shown{uuid.uuid4().hex[:8]}"
    console, people = lab.facts["console_url"], lab.facts["people"]
    with chromium() as browser:
        with visit(browser, viewport=WIDE, color_scheme="light") as admin:
            admin.sign_in(f"{console}/activity", people["admin"])
            expect(admin.page.get_by_role("heading", name="Activity log")).to_be_visible()
            admin.api("POST", "/documents/apply", {"documents": [safe_load(a_document(mark))]})
            slot = _begun(admin, mark)
            _looked_at(admin, mark)
            _named(admin, mark, slot, people["admin"]["name"])
            admin.api("POST", f"/documents/crm_cycle/{mark}/state", {"move": "deactivate"})
            _changed(admin, mark)
            assert admin.complaints == []
        with visit(browser, viewport=WIDE, color_scheme="dark") as viewer:
            viewer.sign_in(f"{console}/cycles/{mark}", people["viewer"])
            expect(viewer.page.get_by_role("tab", name="Due")).to_be_visible()
            expect(viewer.page.get_by_role("tab", name="One record")).to_have_count(0)
            expect(viewer.page.get_by_role("button", name="Activate")).to_have_count(0)
            [token] = viewer.tokens
    for path in (f"executions/{slot}/rows", "records/00Q000000000001EAA", f"plans/{slot}"):
        answer = lab.web.get(f"{console}/api/cycles/{mark}/{path}", headers={"Authorization": token})
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), path
    for path in ("", "/executions", f"/executions/{slot}", "/due"):
        assert lab.web.get(f"{console}/api/cycles/{mark}{path}", headers={"Authorization": token}).is_success, path


def _cycle(admin: Visit, mark: str) -> None:
    """Its page, by the list of cycles."""
    page = admin.page
    page.get_by_role("navigation").get_by_role("link", name="Cycles").click()
    # links of the page before name it, too
    expect(page.get_by_role("heading", name="Cycles", level=1)).to_be_visible()
    page.get_by_role("link", name=mark).click()


def _begun(admin: Visit, mark: str) -> str:
    """Activate it and begin from now; gives the run, once it is done."""
    page = admin.page
    _cycle(admin, mark)
    for move, answer in (("Activate", "Activate"), ("Run now", "Begin from now")):
        page.get_by_role("button", name=move, exact=True).click()
        asked = page.get_by_role("alertdialog").filter(has=page.get_by_role("button", name=answer, exact=True))
        asked.get_by_role("button", name=answer, exact=True).click()
    page.wait_for_url(re.compile(f"/cycles/{mark}/runs/"))
    expect(page.get_by_text("from now · version 1 · took")).to_be_visible(timeout=PATIENCE * 1000)
    steps = page.get_by_role("list", name="Steps").get_by_role("listitem")
    expect(steps.filter(has_text="done")).to_have_count(6)
    return page.url.rpartition("/")[2]


def _looked_at(admin: Visit, mark: str) -> None:
    """How it stands, and its fields."""
    page = admin.page
    page.get_by_role("link", name=f"The cycle {mark}").click()
    page.get_by_role("tab", name="State").click()
    expect(page.get_by_role("region", name="Queues").get_by_text("is carried over").first).to_be_visible()
    kinds = page.get_by_role("grid", name="Kinds of records").get_by_role("row")
    expect(kinds.filter(has_text="People")).to_contain_text("4 in step")
    expect(kinds.filter(has_text="Companies")).to_contain_text("not kept")
    page.get_by_role("tab", name="Fields").click()
    expect(page.get_by_role("row").filter(has_text="FirstName")).to_contain_text("Salesforce, but for what marketing")
    assert admin.violations() == []


def _named(admin: Visit, mark: str, slot: str, who: str) -> None:
    """The log's newest entries about the cycle are these three deeds of whoever did them."""
    page = admin.page
    page.get_by_role("navigation").get_by_role("link", name="Activity log").click()
    page.get_by_label("Who or what").fill(mark)
    page.get_by_label("Who or what").press("Enter")
    rows = page.get_by_role("grid", name="Activity log").get_by_role("row").filter(has_text=mark)
    for place, did in enumerate(("Started run", "Activated", "Stored version 1 of")):
        expect(rows.nth(place)).to_contain_text(did)
        expect(rows.nth(place)).to_contain_text(who)
    expect(rows.nth(0)).to_contain_text(slot)
    assert admin.violations() == []


def _changed(admin: Visit, mark: str) -> None:
    """Propose pairs of people, and store what came of it."""
    page = admin.page
    _cycle(admin, mark)
    page.get_by_role("link", name="Change it").click()
    page.get_by_role("button", name="2. People").click()
    proposed = page.get_by_role("button", name="phone ↔ Phone", exact=True)
    expect(page.get_by_role("button", name="Propose pairs")).to_be_visible()
    expect(proposed).to_have_count(0)
    page.get_by_role("button", name="Propose pairs").click()
    expect(proposed).to_be_visible()
    assert admin.violations() == []
    page.get_by_role("button", name="6. Review and save").click()
    expect(page.get_by_text("Saving changes version 1:")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text(f"{mark} · version 2")).to_be_visible()
    stored = admin.api("GET", f"/cycles/{mark}")["document"]
    assert "phone=Phone" in {f"{each['marketo']}={each['salesforce']}" for each in stored["persons"]["leads"]["fields"]}
