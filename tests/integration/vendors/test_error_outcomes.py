"""Every vendor code through the whole way: the twin refuses, the real client reads it, the use-case decides.

What a code must lead to stands literally in `tests.builders.vendor_codes`; the words that a person reads are those of
`docs/errors.md`. The clock of product and twins is one and is set by the test.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from leadbridge.domain.event import Event
from leadbridge.domain.postponement import LOGIN_PROBE
from leadbridge.vendors.http.transport import build_http_client
from tests.builders.actions import MARKETO as MARKETO_CONNECTION
from tests.builders.actions import SALESFORCE as SALESFORCE_CONNECTION
from tests.builders.vendor_codes import MARKETO, SALESFORCE, UNKNOWN, Code
from tests.builders.world import World
from tests.fakes.clock import NOON
from tests.fakes.connections import FakeConnections
from tests.integration.vendors.conftest import Clients, Twin

PAGE = Path(__file__).parents[3] / "docs/errors.md"
CREATE = "POST /services/data/*/composite/sobjects"
EVERY_CREATE = "POST /services/data/*"
WRITE_BACK = "POST /rest/v1/leads.json"
ACTIVITY = "POST /rest/v1/activities/external.json"
#: custom activity types have numbers from here on
CUSTOM_TYPES = 100_000
#: Marketo's day ends at midnight US Central, Salesforce's allocation is looked at again after an hour
RESETS = {"marketo": "Parked until 2026-03-03T06:00", "salesforce": "Parked until 2026-03-02T13:00"}
QUOTA_PROBE = timedelta(hours=1)

#: every code said about the write-back, and one of each kind said about the activity
TOLD = [pytest.param(code, WRITE_BACK, id=f"{code} write-back") for code in MARKETO] + [
    pytest.param(code, ACTIVITY, id=f"{code} activity")
    for code in {(code.call, code.row, code.tries): code for code in MARKETO}.values()
]


class Product:
    """The use-cases on in-memory stores, with the real clients of both twins."""

    def __init__(self, clients: Clients, marketo: Twin, salesforce: Twin) -> None:
        self.world = World()
        self.twins = {"marketo": marketo, "salesforce": salesforce}
        self._clients = clients

    def begin(self) -> None:
        """Forget everything; it is noon."""
        for twin in self.twins.values():
            twin.post("reset")
        self.twins["marketo"].post("clock", {"set": NOON.isoformat(), "allow_backwards": True})
        self.twins["marketo"].post("limits", {"latency_seconds": 0, "calls_per_20s": 1_000})
        self._clients.clock_offset = NOON - datetime.now(UTC)
        self.world = World()
        self.world.connections = FakeConnections(
            marketo={MARKETO_CONNECTION: cast(Any, self._clients.marketo())},
            salesforce={SALESFORCE_CONNECTION: cast(Any, self._clients.salesforce())},
        )

    def receive(self, number: int = 1) -> str:
        """One call about a person that Marketo has; returns its execution id."""
        (lead_id,) = self.twins["marketo"].post("load", {"leads": [{"email": f"person{number}@example.com"}]})["leads"]
        return self.world.receive(int(lead_id), email=f"person{number}@example.com")

    def refuse(self, vendor: str, match: str, kind: str, code: Code, *, times: int | None = None) -> None:
        """Make one call, or its first row, fail with a code."""
        rule = {"match": match, "kind": kind, "code": code.code, "message": code.text, "times": times}
        self.twins[vendor].post("faults", [rule | ({"rows": [0]} if kind == "row_error" else {})])

    def heal(self) -> None:
        """Let everything succeed again."""
        for twin in self.twins.values():
            twin.post("faults", [])

    def run(self) -> None:
        """One worker runs what is due and does not wait for more."""
        self.world.drain(remaining=lambda: 152.0)

    def wait(self, seconds: float) -> None:
        """Time passes for the product and both twins."""
        self.world.clock.advance(seconds)
        self._clients.clock_offset += timedelta(seconds=seconds)
        self.twins["marketo"].post("clock", {"advance_seconds": seconds})

    def run_out(self, *, rounds: int = 12) -> None:
        """Sweep after sweep, each when the next event comes due, until nothing waits."""
        for _ in range(rounds):
            self.run()
            due = [event.due_at or NOON for event in self.world.inbox.waiting.values()]
            if not due:
                return
            self.wait(max(1.0, (min(due) - self.world.clock.now()).total_seconds()))
        raise AssertionError(f"still waiting: {[event.reason for event in self.world.inbox.waiting.values()]}")

    def held(self, execution: str) -> Event | None:
        """The event of an execution while it waits in its lane."""
        return next((each for each in self.world.inbox.waiting.values() if each.execution_id == execution), None)

    def calls(self, vendor: str, match: str) -> int:
        """How many calls a twin has seen."""
        method, path = match.split()
        pattern = re.compile(re.escape(path).replace(r"\*", "[^/]*"))
        return sum(
            each["method"] == method and pattern.fullmatch(each["path"]) is not None
            for each in self.twins[vendor].get("log?since=0")
        )

    def leads(self) -> list[str]:
        """The addresses of the org's Leads."""
        return sorted(each["Email"] for each in self.twins["salesforce"].get("records/Lead"))


@pytest.fixture(scope="module")
def connected(announced: dict[str, Any], signing_key: rsa.RSAPrivateKey) -> Iterator[Product]:
    """One connection pool for all the codes: making one costs more than what a test does with it."""
    with ExitStack() as open_:
        controls = {
            vendor: httpx.Client(base_url=announced[f"{vendor}_url"], timeout=30, verify=False)
            for vendor in ("marketo", "salesforce")
        }
        twins = {vendor: Twin(open_.enter_context(http)) for vendor, http in controls.items()}
        clients = Clients(announced, signing_key, open_.enter_context(build_http_client()))
        yield Product(clients, **twins)


@pytest.fixture
def product(connected: Product) -> Product:
    """A whole product before empty twins."""
    connected.begin()
    return connected


@cache
def published() -> dict[tuple[str, str, str], tuple[str, str]]:
    """What `docs/errors.md` says by vendor, code and text: what happened, and what to do."""
    found, vendor = {}, ""
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            vendor = line.removeprefix("## ").lower()
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if vendor and len(cells) == 5:
            code, _, text = cells[0].replace("`", "").partition(" with ")
            found[vendor, code, text.strip('"')] = (cells[3], cells[4])
    return found


def words_of(vendor: str, code: Code) -> tuple[str, str]:
    """The published sentence and remedy of a code with its text."""
    lines = {key[1:]: words for key, words in published().items() if key[0] == vendor}
    for (name, text), words in lines.items():
        if name == code.code and text and text.lower() in code.text.lower():
            return words
    for name, words in ((name, words) for (name, text), words in lines.items() if not text):
        if name == code.code or (name.endswith("…") and code.code.startswith(name.removesuffix("…"))):
            return words
    assert code.code in UNKNOWN
    sentence, remedy = lines["any other", ""]
    return sentence.replace("*the code*", code.code), remedy


def tells(text: str, vendor: str, code: Code) -> bool:
    """Whether a message says what happened and what to do, as published, with the vendor's own words."""
    sentence, remedy = words_of(vendor, code)
    return all(part.rstrip(".").lower() in text.lower() for part in (sentence, remedy, code.text))


def stands(product: Product, execution: str, vendor: str, code: Code) -> None:
    """Check what is shown of an execution whose call is refused as a whole, while the refusal lasts."""
    shown, now = product.world.execution(execution), product.world.clock.now()
    held = product.held(execution)
    assert shown["reason"] == f"{vendor}_{code.code}"
    if code.call in {"doubt", "login"}:  # told in words of their own
        assert {"doubt": "answer", "login": "login"}[code.call] in shown["message"]
    else:
        assert tells(shown["message"], vendor, code), shown["message"]
    if code.call in {"twice", "stop", "unknown"}:
        assert (shown["state"], held) == ("parked", None)
        assert product.world.meter.of("FatalVendorErrors", vendor=vendor) == 1
        return
    assert held is not None
    assert held.due_at is not None
    if code.call == "quota":
        assert (shown["state"], held.due_at) == ("parked", now + QUOTA_PROBE)
        assert shown["message"].startswith(RESETS[vendor])
    elif code.call == "login":
        assert (shown["state"], held.due_at) == ("parked", now + LOGIN_PROBE)
    else:
        assert shown["state"] != "parked"
        assert now < held.due_at <= now + timedelta(minutes=5)
    assert product.world.meter.of("FatalVendorErrors") == 0


def goes_on(product: Product, execution: str) -> None:
    """End the refusal; whoever is parked for a person is redriven, the others go on by themselves."""
    product.heal()
    if product.held(execution) is None:
        product.wait(3600)
        product.run()
        assert product.world.execution(execution)["state"] == "parked"
        assert product.world.redrive(execution).done
    product.run_out()


@pytest.mark.parametrize("code", SALESFORCE, ids=str)
def test_a_salesforce_call_refused_as_a_whole_waits_parks_or_fails_and_writes_once(
    product: Product, code: Code
) -> None:
    """The shown state, reason and message fit the code; when the refusal is over there is one Lead, and it is told."""
    product.refuse("salesforce", CREATE, "vendor_error", code)
    execution = product.receive()

    product.run()

    if code.call == "split":
        assert product.world.ended(execution) == ("failed", f"salesforce_{code.code}")
        assert tells(product.world.execution(execution)["message"], "salesforce", code)
        assert product.leads() == []
        return
    stands(product, execution, "salesforce", code)
    goes_on(product, execution)
    assert product.world.ended(execution) == ("created", "")
    assert product.leads() == ["person1@example.com"]


@pytest.mark.parametrize("code", SALESFORCE, ids=str)
def test_a_salesforce_row_refused_ends_failed_with_its_code_after_its_tries(product: Product, code: Code) -> None:
    """The refused person ends failed with code, sentence and remedy after as many tries as the code is worth.

    The neighbour in the same call is created at once and never sent again.
    """
    product.refuse("salesforce", EVERY_CREATE, "row_error", code)
    refused, neighbour = product.receive(1), product.receive(2)

    product.run()

    assert product.world.ended(neighbour) == ("created", "")
    if code.row in {"quota", "pause"}:
        assert product.world.execution(refused)["reason"] == f"salesforce_{code.code}"
        goes_on(product, refused)
        assert product.world.ended(refused) == ("created", "")
        assert product.leads() == ["person1@example.com", "person2@example.com"]
        return
    product.run_out()
    assert product.world.ended(refused) == ("failed", f"salesforce_{code.code}")
    assert tells(product.world.execution(refused)["message"], "salesforce", code)
    assert product.leads() == ["person2@example.com"]
    assert product.calls("salesforce", CREATE) == (code.tries if code.row == "again" else 1)
    assert product.world.meter.of("FatalVendorErrors", vendor="salesforce") == (code.row == "broken")


@pytest.mark.parametrize("code", [code for code in SALESFORCE if code.row == "again"], ids=str)
def test_a_salesforce_row_refused_once_is_created_at_the_second_try(product: Product, code: Code) -> None:
    """What is worth a second try is tried again by itself and makes one Lead."""
    product.refuse("salesforce", CREATE, "row_error", code, times=1)
    execution = product.receive()

    product.run_out()

    assert product.world.ended(execution) == ("created", "")
    assert product.leads() == ["person1@example.com"]
    assert product.calls("salesforce", CREATE) == 2


@pytest.mark.parametrize(("code", "match"), TOLD)
def test_a_marketo_call_refused_as_a_whole_waits_or_parks_and_tells_once(
    product: Product, code: Code, match: str
) -> None:
    """The Lead is made once whatever Marketo says; what is shown fits the code, and in the end Marketo is told once."""
    product.refuse("marketo", match, "vendor_error", code)
    execution = product.receive()

    product.run()

    part = "writeback" if match == WRITE_BACK else "activity"
    if code.call == "split":
        assert product.world.ended(execution) == ("created", "")
        told = product.world.execution(execution)[part]
        assert (told["status"], told["reason"]) == ("failed", f"marketo_{code.code}")
        assert tells(told["message"], "marketo", code)
        return
    if code.call == "benign":  # a write without results is no success
        assert product.world.execution(execution)["reason"] == "marketo_short_result"
    else:
        stands(product, execution, "marketo", code)
    goes_on(product, execution)
    assert product.world.ended(execution) == ("created", "")
    assert product.world.execution(execution)["writeback"]["status"] == "written"
    assert product.leads() == ["person1@example.com"]
    activities = product.twins["marketo"].get("records/activities")
    assert sum(each["activityTypeId"] >= CUSTOM_TYPES for each in activities) == 1


@pytest.mark.parametrize("code", [each for each in MARKETO if each.call == "wait" and each.tries != 5], ids=str)
def test_a_server_error_that_stays_is_parked_for_a_person_after_its_tries(product: Product, code: Code) -> None:
    """For some ten minutes it is tried again by itself; then it is no hiccup but parked, with an alarm."""
    product.refuse("marketo", WRITE_BACK, "vendor_error", code)
    execution = product.receive()
    product.run()
    runs = 1
    while runs < 2 * code.tries and (event := product.held(execution)) is not None:
        product.wait(((event.due_at or NOON) - product.world.clock.now()).total_seconds())
        product.run()
        runs += 1

    assert runs == code.tries
    assert product.world.execution(execution)["state"] == "parked"
    assert product.world.meter.of("FatalVendorErrors", vendor="marketo") == 1
    goes_on(product, execution)
    assert product.world.ended(execution) == ("created", "")


@pytest.mark.pain("P20")
@pytest.mark.pain("P21")
@pytest.mark.parametrize(
    ("vendor", "match", "code"),
    [
        pytest.param("marketo", WRITE_BACK, Code("607", "Max daily quota reached", "quota", "quota"), id="marketo"),
        pytest.param(
            "salesforce",
            CREATE,
            Code("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", "quota", "quota"),
            id="salesforce",
        ),
    ],
)
def test_a_spent_quota_is_parked_with_its_end_and_asked_about_once_an_hour(
    product: Product, vendor: str, match: str, code: Code
) -> None:
    """It is never failed, names the quota and when it returns, costs one call an hour, and goes on by itself."""
    product.refuse(vendor, match, "vendor_error", code)
    execution = product.receive()
    product.run()

    for minutes in range(150):
        shown = product.world.execution(execution)
        assert (shown["state"], shown["reason"]) == ("parked", f"{vendor}_{code.code}")
        assert re.match(r"Parked until 2026-03-0\d.*: (Marketo|Salesforce) has no calls left", shown["message"])
        assert product.calls(vendor, match) == 1 + minutes // 60
        product.wait(60)
        product.run()
    product.heal()
    product.wait(3600)
    product.run_out()

    assert product.world.ended(execution) == ("created", "")
    assert product.leads() == ["person1@example.com"]


@pytest.mark.parametrize(("code", "match"), TOLD)
def test_a_marketo_row_refused_stands_beside_the_outcome_with_its_code(
    product: Product, code: Code, match: str
) -> None:
    """The outcome stays created; the part that Marketo refused says failed or skipped, with code, sentence, remedy."""
    product.refuse("marketo", match, "row_error", code)
    execution = product.receive()
    part = "writeback" if match == WRITE_BACK else "activity"

    product.run()

    if code.row in {"quota", "pause"}:
        assert product.world.execution(execution)["reason"] == f"marketo_{code.code}"
        goes_on(product, execution)
        assert product.world.execution(execution)[part]["status"] in {"written", "added"}
        return
    product.run_out()
    assert product.world.ended(execution) == ("created", "")
    told = product.world.execution(execution)[part]
    assert told["status"] == ("skipped" if code.row == "benign" else "failed")
    assert told["reason"] == f"marketo_{code.code}"
    assert tells(told["message"], "marketo", code)
    assert product.calls("marketo", match) == (code.tries if code.row == "again" else 1)
    assert product.world.meter.of("FatalVendorErrors", vendor="marketo") == (code.row == "broken")
