"""What a person waits for in the console: from the click to the painted table, beside the API's own time.

On the deployed stack with a real browser and so many executions: one real one is copied under other ids and times.
"""

import re
import statistics
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any

from playwright.sync_api import Page

from tests.bench.local import Bench
from tests.bench.report import Figure, spread
from tests.console_sizes import FIRST, first_load, further_by_page
from tests.e2e.browser import chromium, visit

#: painted after the click at most so many times as late as the API alone takes
MOST = 1.5
ROUNDS = 7
#: of DynamoDB's batches
BATCH = 25
#: from the press to the frame after the one in which the table has rows, and the requests of it
PAINTED = """
(to) => new Promise((painted) => {
  performance.clearResourceTimings();
  const begun = performance.now();
  const look = () => {
    if (!document.querySelector("[role=row] a[href*='/executions/']")) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => {
      const asked = performance.getEntriesByType("resource").filter((each) => each.name.includes("/api/"));
      const begins = Math.min(...asked.map((each) => each.startTime));
      const ends = Math.max(...asked.map((each) => each.responseEnd));
      painted({ whole: performance.now() - begun, api: ends - begins, calls: asked.length });
    }));
  };
  history.pushState({ idx: history.state.idx + 1 }, "", to);
  dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
  look();
})
"""


def figure(on: Bench, *, executions: int, seed: int) -> Figure:
    """Clicks on Executions, each time with nothing of the answer kept."""
    told = Figure(title="console", size=f"seed {seed}, {executions} executions, {ROUNDS} clicks")
    further = further_by_page()
    told.bound("first load, compressed, bytes", first_load(), most=FIRST)
    told.add("further bytes by page: " + ", ".join(f"{name} {size}" for name, size in sorted(further.items())))
    _fill(on, executions)
    with chromium() as browser, visit(browser, viewport={"width": 1280, "height": 900}) as viewer:
        viewer.sign_in(on.facts["console_url"], on.facts["people"]["viewer"])
        # the page's own file is loaded once; with other days each time nothing is shown of what was asked before
        clicks = [_clicked(viewer.page, days) for days in range(2, ROUNDS + 3)][1:]
    told.add(f"click to painted table: {spread([each['whole'] for each in clicks])}")
    told.add(f"of that the API: {spread([each['api'] for each in clicks])}; calls of a click: {clicks[0]['calls']}")
    told.bound("painted / API", statistics.median(each["whole"] / each["api"] for each in clicks), most=MOST)
    return told


def _clicked(page: Page, days: int) -> Mapping[str, float]:
    """One look, from another page."""
    page.get_by_role("navigation").get_by_role("link", name="Connections").click()
    page.get_by_role("heading", name="Connections", level=1).wait_for()
    page.wait_for_load_state("networkidle")
    found: Mapping[str, float] = page.evaluate(PAINTED, f"executions#days={days}")
    return found


def _fill(on: Bench, executions: int) -> None:
    """Copies of an execution, spread over the last day."""
    client, table = on.stack.client("dynamodb"), on.stack.outputs["ExecutionsTableName"]
    answer = on.http.post(
        f"{on.facts['webhook_url']}/{on.facts['action_id']}",
        json={"lead": {"id": 7, "email": "one@example.com", "lastName": "One", "company": "One"}},
        headers={"X-Leadbridge-Key": on.facts["webhook_key"]},
    )
    one = answer.json()["execution_id"]
    on.wait_ended([one])
    key = {"pk": {"S": f"execution#{one}"}, "sk": {"S": "log"}}
    item = client.get_item(TableName=table, Key=key)["Item"]

    def put(items: tuple[Mapping[str, Any], ...]) -> None:
        client.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": each}} for each in items]})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, batched(_copies(item, executions), BATCH, strict=False)))


def _copies(item: Mapping[str, Any], number: int) -> Iterator[Mapping[str, Any]]:
    now = datetime.now(UTC)
    for back in range(number):
        at, one = now - timedelta(seconds=back * 86_400 / number), uuid.uuid4().hex
        sequence = re.sub(r"^\d+", str(int(at.timestamp() * 1000)), item["sequence"]["S"])
        yield {
            **item,
            "pk": {"S": f"execution#{one}"},
            "execution_id": {"S": one},
            "sequence": {"S": f"{sequence}{back}"},
            "day": {"S": at.date().isoformat()},
            "received_at": {"S": at.isoformat(timespec="milliseconds").replace("+00:00", "Z")},
        }
