"""The console in a real browser, on the deployed stack; nothing is mocked."""

import re

from playwright.sync_api import expect

from tests.e2e.browser import chromium, visit
from tests.e2e.lab import Lab

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def test_a_viewer_finds_a_person_reads_why_and_may_change_nothing(lab: Lab) -> None:
    """Signed in at the pool with the code flow, a viewer finds an execution by its person and reads how it was decided;
    is offered nothing that an operator is, and the API refuses it, too; axe finds nothing in either theme; every
    request stays with the page's origin, and nothing is complained about."""
    (person,) = lab.persons(1)
    (run,) = lab.run("upsert", person.body())
    asleep, told = lab.asleep[0]
    console, people = lab.facts["console_url"], lab.facts["people"]
    with chromium() as browser:
        with visit(browser, viewport=WIDE, color_scheme="light") as viewer:
            page = viewer.page
            viewer.sign_in(console, people["viewer"])
            page.get_by_role("heading", name="Connections").wait_for()
            violations = viewer.violations()
            page.get_by_role("navigation").get_by_role("link", name="Executions").click()
            page.get_by_label("Person or record").fill(person.email)
            page.get_by_label("Person or record").press("Enter")
            page.wait_for_url(re.compile("person="))
            expect(page.get_by_role("row")).to_have_count(2)
            expect(page.get_by_role("row").last).to_contain_text("created")
            violations += viewer.violations()
            page.get_by_role("row").last.get_by_role("link").click()
            why = page.get_by_role("region", name="Why")
            expect(why).to_contain_text(f"Salesforce record {run['salesforce_id']}")
            expect(why).to_contain_text(f"for Marketo lead {person.lead_id}")
            violations += viewer.violations()
            page.goto(f"{console}/executions/{told['execution_id']}")
            viewer.sign_in_again(people["viewer"])
            expect(page.get_by_role("region", name="Why")).to_contain_text(f"Marketo lead {asleep.lead_id}")
            expect(page.get_by_role("button", name="Run again")).to_have_count(0)
            assert (violations, viewer.complaints) == ([], [])
            assert [url for url in viewer.requested if not url.startswith(f"{lab.stack.endpoint_url}/")] == []
            token = viewer.tokens.pop()
        with visit(browser, viewport=NARROW, color_scheme="dark") as operator:
            operator.sign_in(f"{console}/executions/{told['execution_id']}", people["operator"])
            expect(operator.page.get_by_role("region", name="Why")).to_contain_text(f"Marketo lead {asleep.lead_id}")
            expect(operator.page.get_by_role("button", name="Run again")).to_be_visible()
            assert (operator.violations(), operator.complaints) == ([], [])

    for method, path, status in (
        ("GET", "/actions", 200),
        ("PUT", "/pause", 403),
        ("POST", "/executions/redrive", 403),
        ("POST", "/documents/apply", 403),
    ):
        answer = lab.web.request(method, f"{console}/api{path}", headers={"Authorization": token}, json={})
        assert answer.status_code == status, (path, answer.text)
    forged = {"Authorization": token[:-8] + "AAAAAAAA"}
    assert lab.web.get(f"{console}/api/actions", headers=forged).status_code == 401
    assert lab.web.get(f"{console}/api/actions").status_code == 401
