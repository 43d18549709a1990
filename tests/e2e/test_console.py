"""The console in a real browser, on the deployed stack; nothing is mocked."""

import re
import uuid

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.browser import Visit, chosen, chromium, typed, visit
from tests.e2e.lab import PATIENCE, Lab, wait_for
from tests.e2e.syncs import of_contacts

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
            for record, system in ((run["salesforce_id"], "Salesforce"), (str(person.lead_id), "Marketo")):
                link = page.get_by_role("link", name=f"{record} in {system}")
                address = re.compile(f"^{lab.facts[f'{system.lower()}_url']}/.*{record}$")
                expect(link).to_have_attribute("href", address)
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


@pytest.mark.cap("T01")
def test_an_administrator_adds_a_connection_with_mistakes_tests_it_and_removes_it(lab: Lab) -> None:
    """Each mistake stands beside its field; credentials are typed once and never shown; the look through tells one
    line for each finding with its remedy; the connection is edited, disabled, enabled and removed."""
    console, people = lab.facts["console_url"], lab.facts["people"]
    with chromium() as browser, visit(browser, viewport=WIDE, color_scheme="dark") as admin:
        page = admin.page
        admin.sign_in(f"{console}/connections/new", people["admin"])
        form = page.get_by_role("region", name="A connection of Marketo")
        page.get_by_label("REST API endpoint").fill("https://example.com/rest")
        form.get_by_role("button", name="Add").click()
        expect(form.get_by_text("Is missing. Give it.")).to_have_count(2)
        page.get_by_label("Id", exact=True).fill("by-hand")
        page.get_by_label("Name", exact=True).fill("By hand")
        form.get_by_role("button", name="Add").click()
        expect(form.get_by_text(re.compile("is not .*mktorest.com|host"))).to_be_visible()
        page.get_by_label("REST API endpoint").fill(f"{lab.facts['marketo_url']}/rest/")
        form.get_by_role("button", name="Add").click()
        page.wait_for_url(re.compile("/connections/by-hand"))
        expect(page.get_by_text("missing", exact=True)).to_be_visible()
        violations = admin.violations()

        keep = page.get_by_role("region", name="Credentials")
        keep.get_by_role("button").click()
        expect(keep.get_by_text("Is blank. Copy it from where the vendor shows it.")).to_have_count(2)
        keep.get_by_label("Client id").fill(lab.facts["marketo_client_id"])
        keep.get_by_label("Client secret").fill(lab.facts["marketo_client_secret"])
        keep.get_by_role("button").click()
        expect(page.get_by_role("button", name="Replace the credentials")).to_be_visible()
        expect(keep.get_by_label("Client secret")).to_have_value("")
        tested = page.get_by_role("region", name="Test")
        tested.get_by_role("button", name="Test").click()
        expect(tested.get_by_text("Nothing stands against it.")).to_be_visible(timeout=30_000)
        expect(tested.get_by_role("listitem").filter(has_text="Read-Write Lead")).to_be_visible()

        change = page.get_by_role("region", name="Change it")
        change.get_by_label("Name", exact=True).fill("Renamed by hand")
        change.get_by_role("button", name="Store").click()
        expect(page.get_by_role("heading", name="Renamed by hand")).to_be_visible()
        for move, then in (("Disable", "disabled"), ("Enable", "usable")):
            page.get_by_role("button", name=move).click()
            if move == "Disable":
                page.get_by_role("alertdialog").get_by_role("button", name=move).click()
            expect(page.get_by_role("region", name="How it stands").get_by_text(then)).to_be_visible()
        page.get_by_role("button", name="Remove").click()
        page.get_by_role("alertdialog").get_by_role("button", name="Remove").click()
        page.wait_for_url(re.compile("/connections$"))
        expect(page.get_by_role("row").filter(has_text="Salesforce (demo)")).to_be_visible()
        expect(page.get_by_text("Renamed by hand")).to_have_count(0)
        assert violations + admin.violations() == []
        assert admin.unexpected(422) == []
    assert lab.facts["marketo_client_secret"] not in "".join(admin.requested)


def test_salesforce_says_what_is_wrong_with_a_connection_until_it_is_right(lab: Lab) -> None:
    """A host that is none of Salesforce's, and what is missing, stand beside their fields. What Salesforce refuses at
    the log-in is explained with what to do, one mistake after the other; then nothing stands against the connection."""
    console, people, facts = lab.facts["console_url"], lab.facts["people"], lab.facts
    right = {
        "Consumer key": facts["salesforce_client_id"],
        "Username": facts["salesforce_username"],
        "Audience": facts["salesforce_audience"],
    }
    mistakes = {
        "Consumer key": ("of-another-app", "consumer key"),
        "Username": ("nobody@example.com", "permission set"),
        "Audience": ("https://example.my.salesforce.com", "audience"),
    }
    with chromium() as browser, visit(browser, viewport=NARROW, color_scheme="light") as admin:
        page = admin.page
        admin.sign_in(f"{console}/connections/new", people["admin"])
        page.get_by_role("radio", name="Salesforce").click()
        form = page.get_by_role("region", name="A connection of Salesforce")
        form.get_by_label("Id", exact=True).fill("org-by-hand")
        form.get_by_label("Name", exact=True).fill("By hand")
        form.get_by_role("button", name="Add").click()
        expect(form.get_by_text("Is missing. Give it.")).to_have_count(2)
        form.get_by_label("Log-in host").fill("https://example.com")
        for label, (wrong, _) in mistakes.items():
            given(form, label, wrong)
        form.get_by_role("button", name="Add").click()
        expect(form.get_by_text("Is not a host of this vendor.")).to_be_visible()
        violations = admin.violations()
        form.get_by_label("Log-in host").fill(facts["salesforce_url"])
        form.get_by_role("button", name="Add").click()
        page.wait_for_url(re.compile("/connections/org-by-hand"))

        change, tested = (page.get_by_role("region", name=name) for name in ("Change it", "Test"))
        for label, (_, said) in mistakes.items():
            tested.get_by_role("button", name="Test").click()
            expect(tested.get_by_role("listitem").filter(has_text=re.compile(said, re.IGNORECASE))).to_be_visible()
            violations += admin.violations()
            given(change, label, right[label])
            change.get_by_role("button", name="Store").click()
            expect(tested.get_by_role("listitem")).to_have_count(0)
        tested.get_by_role("button", name="Test").click()
        expect(tested.get_by_text("Nothing stands against it.")).to_be_visible(timeout=30_000)
        page.get_by_role("button", name="Remove").click()
        page.get_by_role("alertdialog").get_by_role("button", name="Remove").click()
        page.wait_for_url(re.compile("/connections$"))
        assert violations == []
        assert admin.unexpected(422) == []


@pytest.mark.cap("A08", "A57", "A60")
def test_an_action_is_set_up_in_five_pages_and_two_people_who_change_it_are_told(lab: Lab) -> None:
    """Next waits for both ends and names what is missing; lists come from Describe, operators from the column's type;
    six mistakes are told beside their fields, with what may be meant; what is saved is not active, and its five
    sections are as they were typed. Who saves second is told who was first and shown what differs; the history holds
    both."""
    console, people = lab.facts["console_url"], lab.facts["people"]
    with chromium() as browser, visit(browser, viewport=NARROW, color_scheme="light") as admin:
        page = admin.page
        admin.sign_in(f"{console}/actions/new", people["admin"])
        violations = filled_out(admin)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("not activated yet")).to_be_visible()
        for said in ("Email ← column email", "leadScore at least 50", "message ← the execution's message"):
            expect(page.get_by_text(said)).to_be_visible()
        for title in ("1. Identity", "2. Identifiers", "3. Chained", "4. Conditions", "5. Results"):
            expect(page.get_by_role("heading", name=title)).to_be_visible()
        view = admin.api("GET", "/actions/by-hand/view")
        assert [each["page"] for each in view["pages"]] == [1, 2, 3, 4, 5]
        assert view["state"] == "validated"

        page.get_by_role("link", name="Change it").click()
        page.get_by_label("Name", exact=True).fill("Mine")
        saved = admin.api("GET", "/actions/by-hand")["document"]
        admin.api("PUT", "/actions/by-hand", {"document": saved | {"name": "Theirs"}})
        page.get_by_role("button", name="6. Review").click()
        page.get_by_role("button", name="Save", exact=True).click()
        told = page.get_by_role("dialog")
        expect(told).to_contain_text(f"version 2 meanwhile, by {people['admin']['name']}")
        expect(told).to_contain_text("By hand → Theirs")
        told.get_by_role("button", name="Store mine over it").click()
        # on a narrow screen the tabs are a list to choose from
        page.set_viewport_size({"width": 1280, "height": 900})
        page.get_by_role("tab", name="History").click()
        expect(page.get_by_role("button", name="Version 3, current")).to_be_visible()
        assert violations == []
        assert admin.unexpected(409) == []
        admin.api("DELETE", "/actions/by-hand")


@pytest.mark.cap("S18", "S26", "S30")
def test_a_sync_is_set_up_previewed_run_and_asks_before_it_changes_people(lab: Lab) -> None:
    """Next waits for both ends; the query is the one that the source is asked; the preview counts and shows what would
    become of rows before anything is saved, and a mapping that is added there is saved. A run that would change more
    people than its guard allows waits, says why, and asks to be confirmed."""
    mark = f"hand-{uuid.uuid4().hex[:8]}"
    people = [{"Email": f"{mark}-{n}@example.com", "LastName": f"L{n}", "Department": mark} for n in range(3)]
    lab.salesforce.load("Contact", *(each | {"Title": "Chief"} for each in people))
    lab.marketo.load("leads", *({"email": each["Email"], "lastName": "Other"} for each in people))
    console, admins = lab.facts["console_url"], lab.facts["people"]["admin"]
    with chromium() as browser, visit(browser, viewport=WIDE, color_scheme="dark") as admin:
        page = admin.page
        admin.sign_in(f"{console}/syncs/new", admins)
        violations = sync_filled_out(admin, mark)
        assert admin.api("GET", f"/syncs?name={mark}")["syncs"] == []
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("not activated yet")).to_be_visible()
        saved = admin.api("GET", f"/syncs/{mark}")
        assert [each["to"] for each in saved["document"]["mappings"]] == ["email", "lastName", "title"]
        assert (saved["document"]["guard"]["changed_percent"], saved["schedule"]) == (0, "every 6 hours")

        page.get_by_role("button", name="Activate").click()
        page.get_by_role("alertdialog").get_by_role("button", name="Activate").click()
        page.get_by_role("button", name="Run now").click()
        expect(page.get_by_role("heading", name="It asks before it writes")).to_be_visible(timeout=30_000)
        asked = page.get_by_role("alert").filter(has_text="It asks before it writes")
        expect(asked).to_contain_text("The run would change 3 records")
        expect(page.get_by_text("waits for a confirmation")).to_be_visible()
        violations += admin.violations()
        [run] = admin.api("GET", f"/syncs/{mark}/executions")["runs"]
        assert (run["status"], run["pulled"], run["updated"]) == ("waiting: guard", 3, 0)
        page.get_by_role("button", name="Confirm").click()
        with page.expect_response(re.compile("/ask$")) as answered:
            page.get_by_role("alertdialog").get_by_role("button", name="Confirm").click()
        assert (answered.value.status, answered.value.request.post_data_json) == (200, {"what": "confirm"})

        page.get_by_role("navigation").get_by_role("link", name="Syncs").click()
        page.get_by_label("Name or id").fill(mark)
        page.get_by_label("Name or id").press("Enter")
        page.wait_for_url(re.compile(f"name={mark}"))
        expect(page.get_by_label("Name or id")).to_be_focused()
        expect(page.get_by_role("row")).to_have_count(2)
        expect(page.get_by_role("row").last).to_contain_text("active")
        violations += admin.violations()
        assert (violations, admin.complaints) == ([], [])
        admin.api("POST", f"/documents/sync/{mark}/state", {"move": "deactivate"})


def test_a_plan_is_applied_and_only_the_row_that_failed_is_tried_again(lab: Lab) -> None:
    """What the plan lists is written from its page. A record that somebody changed meanwhile is left as it is; its row
    stands on the page and in the file, and is tried again alone."""
    mark = f"plan-{uuid.uuid4().hex[:8]}"
    people = [{"Email": f"{mark}-{n}@example.com", "LastName": f"L{n}", "Department": mark} for n in range(3)]
    contacts = lab.salesforce.load("Contact", *people)
    ids = lab.marketo.load("leads", *({"email": each["Email"], "lastName": "Other"} for each in people))
    console, admins = lab.facts["console_url"], lab.facts["people"]["admin"]
    with chromium() as browser, visit(browser, viewport=WIDE, color_scheme="light") as admin:
        page = admin.page
        admin.sign_in(f"{console}/syncs", admins)
        expect(page.get_by_role("heading", name="Syncs")).to_be_visible()
        admin.api("POST", "/documents/apply", {"documents": [of_contacts(mark)]})
        admin.api("POST", f"/documents/sync/{mark}/state", {"move": "activate"})
        page.get_by_label("Name or id").fill(mark)
        page.get_by_label("Name or id").press("Enter")
        page.get_by_role("link", name=mark).click()
        page.get_by_role("tab", name="Plan").click()
        page.get_by_role("button", name="Plan", exact=True).click()
        page.get_by_role("alertdialog").get_by_role("button", name="Make it").click()
        page.wait_for_url(re.compile(f"/syncs/{mark}/runs/"))
        apply = page.get_by_role("button", name="Apply the plan")
        expect(apply).to_be_visible(timeout=PATIENCE * 1000)
        expect(page.get_by_role("row").filter(has_text="Other → L2")).to_contain_text("updated")
        violations = admin.violations()

        lab.edit_person(ids[1], lastName="Meanwhile")
        planned = page.url
        apply.click()
        page.get_by_role("alertdialog").get_by_role("button", name="Apply the plan").click()
        page.wait_for_url(lambda url: url != planned)
        again = page.get_by_role("button", name="Try failed rows again")
        expect(again).to_be_visible(timeout=PATIENCE * 1000)
        expect(page.get_by_role("row").filter(has_text=contacts[1])).to_be_visible()
        with page.expect_download() as file:
            page.get_by_role("button", name="Download as CSV").click()
        header, *rows = file.value.path().read_text("utf-8").splitlines()
        assert (header, len(rows)) == ("row,source_id,reason,message", 1)
        assert contacts[1] in rows[0]
        violations += admin.violations()

        applied = page.url
        again.click()
        page.get_by_role("alertdialog").get_by_role("button", name="Try failed rows again").click()
        page.wait_for_url(lambda url: url != applied)
        # its page shows the run before as long as nothing is known of this one
        slot = page.url.rpartition("/")[2]
        wait_for("the end", lambda: admin.api("GET", f"/syncs/{mark}/executions/{slot}")["ended_at"])
        expect(page.get_by_text("done", exact=True)).to_be_visible()
        run = admin.api("GET", f"/syncs/{mark}/executions/{slot}")
        assert (run["pulled"], run["updated"], run["failed"]) == (1, 1, 0)
        assert (violations, admin.complaints) == ([], [])
        admin.api("POST", f"/documents/sync/{mark}/state", {"move": "deactivate"})
    names = {each["email"]: each["lastName"] for each in lab.marketo.records("leads") if mark in str(each["email"])}
    assert names == {each["Email"]: each["LastName"] for each in people}


def sync_filled_out(admin: Visit, mark: str) -> list[str]:
    """Fill the five pages of a Sync out, with both ends missing first; gives what axe found on the way."""
    page = admin.page
    following = page.get_by_role("button", name="Next")
    page.get_by_label("Name", exact=True).fill("By a person")
    page.get_by_label("Id", exact=True).fill(mark)
    following.click()
    expect(page.get_by_text("Is missing. Give it.")).to_have_count(4)
    expect(page.get_by_role("heading", name="1. Configuration")).to_be_visible()
    chosen(page, "Source connection", "Salesforce (demo)")
    chosen(page, "Destination connection", "Marketo (demo)")
    typed(page, "Source object", "Contact")
    typed(page, "Destination object", "leads")
    following.click()
    key = page.get_by_role("region", name="Unique identifier")
    typed(key, "Column of the source", "Email")
    typed(key, "Field of the destination", "email")
    mappings = page.get_by_role("region", name="Source to destination")
    mapped(mappings, "email", "Email")
    mapped(mappings, "lastName", "LastName")
    following.click()
    page.get_by_role("button", name="Add a condition").click()
    typed(page, "Column", "Department")
    page.get_by_label("Value").fill(mark)
    # what was changed a moment ago is read, too
    chosen(page, "Rows of a run", "Everything, each time")
    page.get_by_role("button", name="View the query").click()
    expect(page.get_by_role("region", name="Query")).to_contain_text(f"FROM Contact WHERE Department = '{mark}'")
    following.click()
    # the same look serves both pages
    expect(page.get_by_text("A run that began now would pull exactly 3 rows.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Other → L2")).to_contain_text("updated")
    violations = admin.violations()
    mapped(mappings, "title", "Title")
    following.click()
    chosen(page, "When it runs", "Every so often")
    page.get_by_label("Every", exact=True).fill("6")
    page.get_by_label("Records changed (%)").fill("0")
    following.click()
    expect(page.get_by_text("A new Sync, which is not active yet.")).to_be_visible()
    return violations


def given(form: Locator, label: str, text: str) -> None:
    """Fill a field, also one that offers choices, and leave it."""
    field = form.get_by_label(label).first
    field.fill(text)
    field.press("Tab")


def mapped(mappings: Locator, field: str, column: str) -> None:
    """Add a field that takes a column."""
    mappings.get_by_role("button", name="Map a field").click()
    typed(mappings, "Field", field)
    typed(mappings, "Column", column)


def filled_out(admin: Visit) -> list[str]:
    """Fill the five pages out with six mistakes, three of which only the systems know; gives what axe found."""
    page = admin.page
    following = page.get_by_role("button", name="Next")
    page.get_by_label("Name", exact=True).fill("By hand")
    page.get_by_label("Id", exact=True).fill("By hand")
    following.click()
    expect(page.get_by_text("Is missing, and page 2 waits until both ends are set.")).to_have_count(3)
    expect(page.get_by_text("lower-case letters, digits and hyphens").last).to_be_visible()
    violations = admin.violations()
    page.get_by_label("Id", exact=True).fill("by-hand")
    chosen(page, "Source connection", "Marketo (demo)")
    chosen(page, "Destination connection", "Salesforce (demo)")
    typed(page, "Destination table", "Lead")
    following.click()
    expect(page.get_by_role("heading", name="2. Identifiers")).to_be_visible()
    chosen(page, "Action type", "Upsert")
    typed(page, "Column of Marketo", "email")
    typed(page, "Field of Salesforce", "Email")
    mappings = page.get_by_role("region", name="Source to destination")
    for field, column in (("Email", "email"), ("LastName", "lastName"), ("Company", "companie")):
        mapped(mappings, field, column)
    following.click()
    expect(page.get_by_role("heading", name="3. Chained")).to_be_visible()
    violations += admin.violations()
    following.click()
    page.get_by_role("button", name="Add a condition").click()
    typed(page, "Column", "leadScore")
    page.get_by_role("button", name="Operator").click()
    expect(page.get_by_role("option", name="Contains")).to_have_count(0)
    page.get_by_role("option", name="At least").click()
    page.get_by_label("Value").fill("fifty")
    page.get_by_role("radio", name="Any of these").click()
    following.click()
    expect(page.get_by_role("heading", name="5. Results")).to_be_visible()
    typed(page, "Custom activity", "leadbridgeReslt")
    page.get_by_label("Success value").fill("Success")
    page.get_by_label("Errored value").fill("Error")
    following.click()
    expect(page.get_by_text("/results/mappings: Is missing. Give it.")).to_be_visible()
    attributes = page.get_by_role("region", name="Attributes of the activity")
    attributes.get_by_role("button", name="Fill an attribute").click()
    typed(attributes, "Field", "message")
    chosen(attributes, "Its value is a", "Execution")
    violations += admin.violations()
    following.click()
    return violations + mended(admin)


def mended(admin: Visit) -> list[str]:
    """What only the systems know is looked at once the whole can be read; the first page with a mistake comes first."""
    page = admin.page
    following = page.get_by_role("button", name="Next")
    mappings = page.get_by_role("region", name="Source to destination")
    mappings.get_by_role("button", name="Company ← column companie").click()
    expect(mappings.get_by_text("The Marketo lead has no field companie. Did you mean company?")).to_be_visible()
    typed(mappings, "Column", "company")
    following.click()
    expect(page.get_by_role("heading", name="3. Chained")).to_be_visible()
    following.click()
    expect(page.get_by_text("A text of 5 characters is given for leadScore. Give a number.")).to_be_visible()
    page.get_by_label("Value").fill("50")
    following.click()
    expect(page.get_by_text("Marketo has no approved custom activity type leadbridgeReslt.")).to_be_visible()
    violations = admin.violations()
    typed(page, "Custom activity", "leadbridgeResult")
    following.click()
    return violations
