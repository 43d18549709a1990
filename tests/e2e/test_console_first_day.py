"""An administrator's first day with an Action, in a real browser on the deployed stack; nothing is mocked."""

import json
import re
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.actions import an_action, as_yaml
from tests.e2e.browser import Visit, chromium, visit
from tests.e2e.lab import PATIENCE, Lab, Person, wait_for
from tests.sizes import chosen

WIDE = {"width": 1280, "height": 900}
TRIED = 3


@pytest.mark.parametrize("people", chosen([60, 500], ["60", "500"], ["500"]))
def test_an_action_is_tried_paused_in_mid_campaign_taken_back_and_its_calls_run_again(lab: Lab, people: int) -> None:
    """A session that ends in mid-edit loses nothing. One person is tried, and nothing written; on trial three of five
    run. In the middle of a campaign the Action is paused: the calls of its second half wait, and all people have one
    Lead each once it is resumed. The first version becomes current again. Calls that came while it was inactive are one
    line, and run again after their number and cost were told."""
    mark = f"first-{uuid.uuid4().hex[:8]}"
    five = lab.persons(5)
    document = an_action(mark, name=mark, trial={"leads": [each.lead_id for each in five[:TRIED]]})
    lab.cli("apply", lab.file(f"{mark}.yaml", as_yaml([document])))
    [number] = lab.marketo.load("smartCampaigns", {"name": mark})
    console, admins = lab.facts["console_url"], lab.facts["people"]["admin"]
    with chromium() as browser, visit(browser, viewport=WIDE, color_scheme="light") as admin:
        admin.page.clock.install()
        admin.sign_in(f"{console}/actions#name={mark}", admins)
        admin.page.get_by_role("link", name=mark).click()
        violations = renamed_across_the_end_of_a_session(admin, mark, admins)
        violations += tried(admin, five[0])
        assert lab.leads(five[0].email) == []
        moved(admin, "Trial", "on trial")
        sent = campaign(lab, mark, number, five)
        assert [each["outcome"] for each in lab.ended(sent)] == ["created"] * TRIED + ["skipped"] * 2
        admin.page.get_by_role("tab", name="Executions").click()
        expect(admin.page.get_by_text("5 executions on this page: 3 created, 0 updated, 0 failed")).to_be_visible()
        violations += admin.violations()

        moved(admin, "Activate", "active")
        crowd = lab.persons(people)
        sent = campaign(lab, mark, number, crowd[: people // 2])
        moved(admin, "Pause", "paused")
        held = campaign(lab, mark, number, crowd[people // 2 :])
        wait_for("the held calls", lambda: all(lab.stored(each) for each in held))
        assert {lab.stored(each)["state"] for each in held} == {"waiting"}
        assert [each.email for each in crowd[people // 2 :] if lab.leads(each.email)] == []
        moved(admin, "Resume", "active")
        sent += held
        assert len(set(sent)) == people
        assert {each["outcome"] for each in lab.ended(sent, swept=True)} == {"created"}
        assert {len(lab.leads(each.email)) for each in crowd} == {1}

        taken_back(admin, mark)
        moved(admin, "Deactivate", "inactive")
        first, *others = late = lab.persons(4)
        wait_for("webhooks notice", lambda: noticed(lab, mark, first))
        assert {lab.call(mark, each.body()).json()["status"] for each in others} == {"not_active"}
        moved(admin, "Activate", "active")
        violations += ran_again(admin, mark, len(late))
        wait_for("calls that run again", lambda: all(lab.leads(each.email) for each in late))
        # who leaves to sign in again ends what the page was still loading; of a refusal the browser complains, too
        complaints = [told for told in admin.complaints if not told.startswith("failed: ")]
        assert (violations, complaints) == ([], [])


def renamed_across_the_end_of_a_session(admin: Visit, mark: str, who: dict[str, Any]) -> list[str]:
    """Type a name, let the session end, sign in again, and save what was typed: version 2."""
    page = admin.page
    page.get_by_role("link", name="Change it").click()
    page.get_by_label("Name", exact=True).fill(f"{mark} renamed")
    page.clock.fast_forward("01:00:01")
    ended = page.get_by_role("dialog").filter(has_text="Your session has ended")
    expect(ended).to_be_visible()
    violations = admin.violations()
    # the pool's clock did not jump
    page.clock.set_system_time(datetime.now(UTC))
    ended.get_by_role("button", name="Sign in").click()
    admin.tokens.clear()
    admin.sign_in_again(who)
    expect(page.get_by_text("What you changed is still here")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value(f"{mark} renamed")
    page.get_by_role("button", name="6. Review and save").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name=f"{mark} renamed")).to_be_visible()
    return violations


def tried(admin: Visit, person: Person) -> list[str]:
    """Look at what the Action would do with a person."""
    page = admin.page
    page.get_by_role("tab", name="Try").click()
    page.get_by_label("Marketo lead id").fill(str(person.lead_id))
    page.get_by_role("tabpanel").get_by_role("button", name="Try").click()
    fields = page.get_by_role("region", name="At Salesforce").get_by_role("row")
    expect(fields.filter(has_text="Email")).to_contain_text(person.email)
    return admin.violations()


def moved(admin: Visit, move: str, then: str) -> None:
    """Take the Action a step on."""
    page = admin.page
    page.get_by_role("button", name=move, exact=True).click()
    page.get_by_role("alertdialog").get_by_role("button", name=move, exact=True).click()
    expect(page.get_by_text(then, exact=True)).to_be_visible(timeout=PATIENCE * 1000)


def campaign(lab: Lab, action: str, number: int, people: list[Person]) -> list[str]:
    """Have a campaign of Marketo call the webhook that the sheet describes; gives the executions."""
    sheet = lab.json("webhook-sheet", action, "--show-key")
    lab.marketo.post("webhooks", sheet)
    lab.marketo.post("campaigns/flow", {"campaign": number, "steps": [{"webhook": sheet["name"]}]})
    run = {"campaign": number, "leads": [each.lead_id for each in people]}
    calls = lab.marketo.post("campaigns/run", run)["calls"]
    return [json.loads(each["response"])["execution_id"] for each in calls]


def noticed(lab: Lab, action: str, person: Person) -> bool:
    """Whether webhooks know that an Action is inactive; what they still take runs, so they are asked now and then."""
    time.sleep(3)
    answer: dict[str, str] = lab.call(action, person.body()).json()
    return answer["status"] == "not_active"


def taken_back(admin: Visit, mark: str) -> None:
    """Make the first version current again."""
    page = admin.page
    page.get_by_role("tab", name="History").click()
    page.get_by_role("button", name=re.compile("^Version 1 ")).click()
    page.get_by_role("button", name="Make it current again").click()
    asked = page.get_by_role("alertdialog").filter(has_text="Make version 1 current again?")
    expect(asked).to_contain_text(f"{mark} renamed → {mark}")
    asked.get_by_role("button", name="Make it current").click()
    expect(page.get_by_role("button", name="Version 3, current")).to_be_visible()
    expect(page.get_by_role("heading", name=mark, exact=True)).to_be_visible()


def ran_again(admin: Visit, mark: str, number: int) -> list[str]:
    """Find what did not run, as one line, and run it."""
    page = admin.page
    page.get_by_role("navigation").get_by_role("link", name="Executions").click()
    page.get_by_label("Action id").fill(mark)
    page.get_by_label("Action id").press("Enter")
    alike = page.get_by_role("row").filter(has_text="not run")
    expect(alike).to_have_count(1)
    alike.get_by_role("link", name=f"{number} alike").click()
    expect(page.get_by_role("row").filter(has_text="not run")).to_have_count(number)
    violations = admin.violations()
    page.get_by_role("button", name="Run all that fit again").click()
    asked = page.get_by_role("alertdialog").filter(has_text="Run these calls again?")
    expect(asked).to_contain_text(f"{number} calls of all that fit, on every page, can be run again")
    expect(asked).to_contain_text("2 calls of Salesforce")
    violations += admin.violations()
    asked.get_by_role("button", name="Run them").click()
    expect(page.get_by_text(f"{number} calls run again.")).to_be_visible()
    return violations
