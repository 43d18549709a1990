"""The pages on which an Action is set up, as a browser shows them, over in-memory ports."""

from typing import Any

import pytest
from playwright.sync_api import expect

from leadbridge.domain.connector import ConnectorAction
from tests.builders.actions import MARKETO, a_marketo_connection, a_salesforce_connection, an_action
from tests.builders.admin import Admin
from tests.builders.every_member import every_member
from tests.builders.world import World
from tests.e2e.browser import Visit, chosen, chromium, typed, visit
from tests.integration.console.front import console

NARROW = {"width": 390, "height": 844}
#: a field of each part of the Action that has every member, and what it shows
SHOWN = {
    1: {"Within seconds": "2.5", "Or those in a static list": "Colleagues", "Their Marketo lead ids": "7\n8"},
    2: {
        "Or column 2 of Marketo": "phone",
        "Type of the activity": "Fill Out Form",
        "Status": "Registered",
        "Time zone (optional)": "Europe/Berlin",
        "Name of the webhook in Marketo": "Person to Lead",
    },
    3: {"Field for our execution id": "Key__c"},
    4: {"From and to": "1\n10"},
    5: {"Not processed (optional)": "Not"},
}


def filled() -> Admin:
    """A deployment with an Action that has every member, whose instance has 450 static lists."""
    admin = Admin(World(an_action()))
    admin.world.marketo.lists = {f"List {number}": (number, set()) for number in range(1, 451)}
    admin.store(a_marketo_connection(), a_salesforce_connection(), every_member())
    return admin


@pytest.mark.cap("T10", "T12")
def test_an_action_at_marketo_is_set_up_and_another_one_is_saved_as_it_was() -> None:
    """A type is one of nine, its name is required, and the type decides the form; of 450 lists the picker shows 300 and
    says so, and the id of another one is taken, if there is such a list. What is stored is what was chosen. An Action
    that has every member is opened page by page and saved: nothing differs, and no version is made."""
    admin = filled()
    with (
        chromium() as browser,
        console(admin, "admin") as base,
        visit(browser, viewport=NARROW, color_scheme="dark") as somebody,
    ):
        _set_up(somebody, base)
        _looked_through(somebody, base)
        # the org describes none of the chained objects
        assert somebody.unexpected(404) == []
    made = admin.world.configurations.get("action", "to-list")
    kept = admin.world.configurations.get("action", "every-member")
    assert made is not None
    assert kept is not None
    wanted: dict[str, Any] = {
        "kind": "action",
        "id": "to-list",
        "name": "To a list",
        "destination": {"connection": MARKETO, "operation": "add_to_list", "list": 450},
        "person": {"lookup": "email", "column": "email", "add_if_missing": True},
        "batch": {"count": 5},
    }
    assert made.document == ConnectorAction.model_validate(wanted)
    assert (kept.version, kept.document) == (1, every_member())


def _set_up(somebody: Visit, base: str) -> None:
    """The type first, then what it needs; what is missing stands beside its field."""
    page = somebody.page
    page.goto(f"{base}/actions/new")
    page.get_by_role("button", name="What the Action does").click()
    expect(page.get_by_role("option")).to_have_count(10)
    page.get_by_role("option", name="Send a transactional e-mail").click()
    expect(page.get_by_role("combobox", name="Campaign that sends the e-mail")).to_be_visible()
    chosen(page, "What the Action does", "Add people to a static list, batched")
    expect(page.get_by_role("combobox", name="Campaign that sends the e-mail")).to_have_count(0)
    page.get_by_label("Id", exact=True).fill("to-list")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("textbox", name="Name")).to_have_accessible_description("Is missing. Give it.")
    page.get_by_label("Name", exact=True).fill("To a list")
    chosen(page, "Marketo connection", "Marketo")
    expect(page.get_by_text("Marketo has more lists than the 300 shown.")).to_be_visible()
    page.get_by_role("combobox", name="Static list").press("ArrowDown")
    expect(page.get_by_role("option", name="List 1", exact=True)).to_have_attribute("aria-setsize", "300")
    page.keyboard.press("Escape")
    typed(page, "Static list", "451")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Marketo has no static list of this id")).to_be_visible()
    assert somebody.violations() == []
    typed(page, "Static list", "450")
    page.get_by_role("button", name="Next").click()
    chosen(page, "Whom a call means", "Whoever Marketo finds by a value that it brings")
    page.get_by_text("Who is not found is made").click()
    page.get_by_role("button", name="5. Waiting").click()
    page.get_by_label("Until so many people").fill("5")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("A new Action, which is not active yet.")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="5. Waiting for each other")).to_be_visible()


def _looked_through(somebody: Visit, base: str) -> None:
    """Each page of an Action that has every member shows it in a form; then it is saved."""
    page = somebody.page
    page.goto(f"{base}/actions/every-member/edit")
    expect(page.get_by_role("heading", name="Change Every member")).to_be_visible()
    typing = page.locator("input, textarea")
    for number, shown in SHOWN.items():
        page.goto(f"{base}/actions/every-member/edit#page={number}")
        for label, value in shown.items():
            # a field with a list has a button of the same name
            expect(typing.and_(page.get_by_label(label, exact=True))).to_have_value(value)
        expect(page.get_by_text("Set in the file")).to_have_count(0)
    page.goto(f"{base}/actions/every-member/edit#page=6")
    expect(page.get_by_text("Nothing differs from what is saved.")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Every member")).to_be_visible()
