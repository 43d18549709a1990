"""What somebody orders of runs of a Sync, in a real browser: apply a plan, try failed rows again, let a run go on."""

from playwright.sync_api import Page, expect

from leadbridge.domain.carried import Asked
from leadbridge.domain.syncing import SyncRun
from tests.builders.admin import Admin
from tests.e2e.browser import chromium, visit
from tests.integration.console.filled import filled
from tests.integration.console.front import console
from tests.integration.console.syncs import FAILED, PAUSED, PLANNED, SYNC, with_runs


def test_a_plan_is_applied_failed_rows_are_tried_again_and_a_paused_run_goes_on() -> None:
    """Each asks first, and leads to what it has begun; the file holds the rows that failed, with their reasons."""
    admin = with_runs(filled())
    with chromium() as browser, console(admin, "operator") as base, visit(browser) as operator:
        page = operator.page
        page.goto(f"{base}/syncs/{SYNC}/runs/{PLANNED}")
        expect(page.get_by_role("row").filter(has_text="a → b")).to_contain_text("updated")
        applied = _begun(admin, page, PLANNED, "Apply the plan")
        assert (applied.plan, applied.planning) == (PLANNED, False)
        admin.runs.release(SYNC, applied.slot, applied.epoch)

        page.goto(f"{base}/syncs/{SYNC}/runs/{FAILED}")
        with page.expect_download() as file:
            page.get_by_role("button", name="Download as CSV").click()
        assert file.value.suggested_filename == f"{SYNC}-{FAILED}-failed.csv"
        header, row = file.value.path().read_text("utf-8").splitlines()
        assert (header, row.split(",")[:3]) == (
            "row,source_id,reason,message",
            ["2", "00Q000000000001", "marketo_1006"],
        )
        again = _begun(admin, page, FAILED, "Try failed rows again")
        assert again.retry_of == FAILED

        page.goto(f"{base}/syncs/{SYNC}/runs/{PAUSED}")
        page.get_by_role("button", name="Resume").click()
        with page.expect_response("**/ask") as answered:
            page.get_by_role("alertdialog").get_by_role("button", name="Resume").click()
        assert answered.value.ok
        assert _run(admin, PAUSED).asked is Asked.NOTHING
        # whoever goes on before all of a page is there ends its loading; of a refusal the browser complains, too
        assert [told for told in operator.complaints if not told.startswith("failed: ")] == []


def _begun(admin: Admin, page: Page, of: str, order: str) -> SyncRun:
    """Order something of a run; gives the run that has begun, to whose page it leads."""
    page.get_by_role("button", name=order).click()
    page.get_by_role("alertdialog").get_by_role("button", name=order).click()
    page.wait_for_url(lambda url: "/runs/" in url and not url.endswith(of))
    return _run(admin, page.url.rpartition("/")[2])


def _run(admin: Admin, slot: str) -> SyncRun:
    found = admin.runs.get(SYNC, slot)
    assert found is not None
    return found[0]
