"""Every page, link, tab, list, menu and dialog of the console on the deployed stack; nothing is mocked."""

import json
import uuid

import pytest

from tests.e2e.actions import as_yaml
from tests.e2e.browser import chromium, visit
from tests.e2e.crawl import crawled
from tests.e2e.lab import Lab, wait_for
from tests.e2e.syncs import of_contacts
from tests.e2e.test_cycles import a_document
from tests.sizes import chosen

MINUTES = 240.0
#: the two others are seen over in-memory ports, which hold more kinds of trouble
ROLES, LATER = ["operator", "viewer", "admin"], ["viewer", "admin"]


@pytest.fixture(scope="module")
def worked(lab: Lab) -> Lab:
    """A stack on which an Action, a Sync and a cycle have run."""
    mark = f"crawl-{uuid.uuid4().hex[:8]}"
    people = [{"Email": f"{mark}-{n}@example.com", "LastName": f"L{n}", "Department": mark} for n in range(3)]
    lab.salesforce.load("Contact", *people)
    lab.run("upsert", lab.person().body(), lab.person(email=None).body())
    lab.cli("apply", lab.file(f"{mark}.yaml", as_yaml([of_contacts(mark)])))
    lab.cli("apply", lab.file(f"{mark}-cycle.yaml", a_document(f"{mark}-cycle")))
    lab.cli("syncs", "activate", mark)
    lab.cli("cycle", "activate", f"{mark}-cycle")
    assert json.loads(lab.cli("syncs", "run", mark, "--wait", "--json"))["created"] == 3
    lab.cli("cycle", "run", f"{mark}-cycle", "--from-now")
    wait_for("the run", lambda: lab.json("cycle", "executions", f"{mark}-cycle")[0]["ended_at"], MINUTES)
    lab.cli("cycle", "deactivate", f"{mark}-cycle")
    lab.cli("syncs", "deactivate", mark)
    return lab


@pytest.mark.parametrize("role", chosen(ROLES, ROLES, LATER))
def test_whoever_tries_everything_on_the_stack_meets_no_fault(worked: Lab, role: str) -> None:
    """No page fails, is not there or is not allowed, no request fails, the browser complains of nothing, and a look
    changes nothing."""
    console, people = worked.facts["console_url"], worked.facts["people"]
    with (
        chromium() as browser,
        visit(browser, viewport={"width": 1280, "height": 900}, permissions=["clipboard-write"]) as somebody,
    ):
        somebody.sign_in(console, people[role])
        somebody.page.get_by_role("heading", name="Connections").wait_for()
        found = crawled(somebody, console)
        assert found.faults == []
        assert {"executions/:id", "actions/:id", "syncs/:id/runs/:slot", "cycles/:id/runs/:slot"} <= found.pages.keys()
