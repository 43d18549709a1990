"""Vendor calls for so many webhooks: the deployed stack, limits on, against minima and straight-line code."""

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from devstack import persons, play
from devstack.persons import Group, Line, Loaded
from devstack.processes import guard
from devstack.stack import ROOT
from tests.bench import naive
from tests.bench.inputs import distinct_persons, payload_of
from tests.bench.local import Bench
from tests.bench.report import Figure, listed

# the vendors' limits, repeated here so that no minimum comes from product code
SALESFORCE_COLLECTION_ROWS = 200
SALESFORCE_URI_BYTES = 16_384
MARKETO_SYNC_ROWS = 300
MARKETO_ACTIVITY_ROWS = 300
# what the bound of the backlog says, per 1,000 webhooks
MOST_SALESFORCE, MOST_MARKETO = 20, 12
# limits that a client of one call per person and step would break within seconds
RAISED = {
    "marketo": {"daily_calls": 10**9, "calls_per_20s": 10**9, "latency_seconds": 0},
    "salesforce": {"daily_calls": 10**9},
}
VENDORS = ("salesforce", "marketo")
_NOT_COUNTED = ("oauth", "describe")
_COMPARED = ("Email", "FirstName", "LastName", "Company", "Phone", "Title", "LeadSource", "Rating", "Description")
_QUERY = "/services/data/v67.0/query?q=SELECT+Id,Email+FROM+Lead+WHERE+Email+IN+()"

type Leads = list[tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one input came to: calls by vendor and endpoint, the resulting Leads, outcomes, seconds."""

    calls: Mapping[str, Counter[str]]
    leads: Leads
    write_backs: int
    activities: Counter[str]
    outcomes: Counter[str]
    violations: int
    seconds: float
    #: calls that were not accepted, by what was answered
    faults: Counter[str] = field(default_factory=Counter)

    def total(self, vendor: str) -> int:
        """Calls of one vendor."""
        return self.calls[vendor].total()


def counted(calls: Counter[str]) -> Counter[str]:
    """Calls without those that fetch tokens or descriptions."""
    return Counter({name: n for name, n in calls.items() if n > 0 and not any(part in name for part in _NOT_COUNTED)})


def minima(lines: Sequence[Line], outcomes: Counter[str]) -> dict[str, int]:
    """The fewest calls that the vendors' limits allow for an input of which so much is written."""
    created, updated = outcomes["created"], outcomes["updated"]
    asked = [line["lead"] for line in lines if line["lead"]["leadStatus"] != "Disqualified"]
    addresses = [lead["email"] for lead in asked if lead["email"]]
    query_bytes = sum(len(quote(f"'{address}',", safe="")) for address in addresses)
    queries = ceil(query_bytes / (SALESFORCE_URI_BYTES - len(_QUERY)))
    # creates and updates are different calls
    writes = ceil(created / SALESFORCE_COLLECTION_ROWS) + ceil(updated / SALESFORCE_COLLECTION_ROWS)
    told = created + updated + outcomes["failed"]
    return {
        "salesforce": queries + writes,
        "marketo": ceil((created + updated) / MARKETO_SYNC_ROWS) + ceil(told / MARKETO_ACTIVITY_ROWS),
    }


def measure(
    bench: Bench,
    lines: Sequence[Line],
    send: Callable[[Sequence[Group]], Sequence[play.Sent]],
    *,
    all_accepted: bool = True,
) -> Outcome:
    """Load the persons, send their webhooks by `send`, wait for the last end, count.

    Raises:
        RuntimeError: A webhook was not accepted although `all_accepted` was wanted.
    """
    known = {record["Id"] for record in bench.records("salesforce", "Lead")}
    loaded = _load(bench.http, bench.facts, lines)
    before = {vendor: bench.calls(vendor) for vendor in VENDORS}
    broken = sum(bench.violations(vendor) for vendor in VENDORS)
    begun = time.perf_counter()
    sent = send(persons.groups(lines, loaded.lead_ids))
    ids = [each.answer["execution_id"] for each in sent if each.status == 200]
    faults = Counter(each.fault or f"answered {each.status}" for each in sent if each.status != 200)
    if all_accepted and len(ids) != len(lines):
        raise RuntimeError(f"{len(lines) - len(ids)} of {len(lines)} webhooks were not accepted: {listed(faults)}")
    ends = bench.wait_ended(ids)
    seconds = time.perf_counter() - begun
    leads, backs, activities = _result(bench.http, bench.facts, known, loaded)
    return Outcome(
        calls={vendor: counted(bench.calls(vendor) - before[vendor]) for vendor in VENDORS},
        leads=leads,
        write_backs=backs,
        activities=activities,
        outcomes=Counter(end.get("outcome", end["state"]) for end in ends.values()),
        violations=sum(bench.violations(vendor) for vendor in VENDORS) - broken,
        seconds=seconds,
        faults=faults,
    )


def backlog(bench: Bench, lines: Sequence[Line], seed: int, *, connections: int = play.CONCURRENCY) -> Outcome:
    """Let everything arrive before anything is run."""

    def send(groups: Sequence[Group]) -> Sequence[play.Sent]:
        with bench.lane_held():
            sent = live(bench, groups, seed, connections=connections)
            bench.wait_stored([each.answer["execution_id"] for each in sent])
        return sent

    return measure(bench, lines, send)


def live(
    bench: Bench, groups: Sequence[Group], seed: int, *, connections: int = play.CONCURRENCY
) -> Sequence[play.Sent]:
    """Send as so many connections do, as fast as answers come."""
    facts = bench.facts
    return play.play(
        groups,
        webhook_url=facts["webhook_url"],
        key=facts["webhook_key"],
        action_id=facts["action_id"],
        seed=seed,
        concurrency=connections,
    )


def one_a_second(bench: Bench, groups: Sequence[Group]) -> Sequence[play.Sent]:
    """Send one webhook at every full second."""
    sent: list[play.Sent] = []
    begun = time.monotonic()
    for number, group in enumerate(groups):
        time.sleep(max(0.0, begun + number - time.monotonic()))
        sent += live(bench, [group], 0)
    return sent


def straight_line(lines: Sequence[Line]) -> Outcome:
    """Run the straight-line integration on simulators of its own, limits raised."""
    with _simulators() as twins, httpx.Client(timeout=60, trust_env=False) as http:
        facts = {f"{vendor}_url": twins[f"{vendor}_url"] for vendor in VENDORS}
        for vendor in VENDORS:
            http.post(f"{facts[f'{vendor}_url']}/_sim/limits", json=RAISED[vendor]).raise_for_status()
        loaded = _load(http, facts, lines)
        bodies = [payload_of(group.requests[0].body) for group in persons.groups(lines, loaded.lead_ids)]
        begun = time.perf_counter()
        with _session(twins, "marketo") as marketo, _session(twins, "salesforce") as salesforce:
            described = marketo.get("activities/external/type/leadbridgeResult/describe.json").json()
            naive.synchronise(bodies, marketo, salesforce, described["result"][0]["id"])
        seconds = time.perf_counter() - begun
        leads, backs, activities = _result(http, facts, set(), loaded)
        calls = {
            vendor: counted(Counter(http.get(f"{facts[f'{vendor}_url']}/_sim/calls").json()["by_endpoint"]))
            for vendor in VENDORS
        }
    return Outcome(
        calls=calls,
        leads=leads,
        write_backs=backs,
        activities=activities,
        outcomes=Counter(),
        violations=0,
        seconds=seconds,
    )


def differences(ours: Outcome, theirs: Outcome) -> list[str]:
    """Where the straight-line integration left other records than ours."""
    found = [f"Lead only with us: {lead}" for lead in sorted((Counter(ours.leads) - Counter(theirs.leads)).elements())]
    found += [f"Lead not with us: {lead}" for lead in sorted((Counter(theirs.leads) - Counter(ours.leads)).elements())]
    if ours.write_backs != theirs.write_backs:
        found.append(f"write-backs: {ours.write_backs} with us, {theirs.write_backs} in straight line")
    if ours.activities != theirs.activities:
        found.append(f"activities: {ours.activities} with us, {theirs.activities} in straight line")
    return found


def figure_backlog(bench: Bench, *, size: int, seed: int) -> Figure:
    """Figure 1a."""
    lines = distinct_persons(size, seed=seed, prefix="backlog")
    ours, theirs = backlog(bench, lines, seed), straight_line(lines)
    figure = Figure(title="vendor calls, backlog", size=f"seed {seed}, {size} distinct persons, 30 % existing")
    _tell(figure, lines, ours)
    for vendor, most in (("salesforce", MOST_SALESFORCE), ("marketo", MOST_MARKETO)):
        figure.bound(f"{vendor} calls per {size}", ours.total(vendor), most=ceil(most * size / 1000))
    _compare(figure, ours, theirs)
    return figure


def figure_live(bench: Bench, *, size: int, seed: int) -> Figure:
    """Figure 1b."""
    lines = distinct_persons(size, seed=seed, prefix="live")
    ours, theirs = measure(bench, lines, lambda groups: live(bench, groups, seed)), straight_line(lines)
    figure = Figure(
        title="vendor calls, 20 connections live", size=f"seed {seed}, {size} distinct persons, 30 % existing"
    )
    _tell(figure, lines, ours)
    _compare(figure, ours, theirs)
    return figure


def figure_one_a_second(bench: Bench, *, size: int, seed: int) -> Figure:
    """Figure 1c: counted per this size, not extrapolated."""
    lines = distinct_persons(size, seed=seed, prefix="slow")
    ours, theirs = measure(bench, lines, lambda groups: one_a_second(bench, groups)), straight_line(lines)
    figure = Figure(
        title=f"vendor calls, one webhook a second (per {size}, not extrapolated)",
        size=f"seed {seed}, {size} distinct persons, 30 % existing",
    )
    _tell(figure, lines, ours)
    _compare(figure, ours, theirs)
    return figure


def _tell(figure: Figure, lines: Sequence[Line], ours: Outcome) -> None:
    fewest = minima(lines, ours.outcomes)
    figure.add(
        f"outcomes: {listed(ours.outcomes)}; limits broken: {ours.violations}; {ours.seconds:.0f} s to the last end"
    )
    for vendor in VENDORS:
        ratio = ours.total(vendor) / fewest[vendor]
        figure.add(
            f"{vendor}: {ours.total(vendor)} calls ({listed(ours.calls[vendor])}); "
            f"minimum by the vendor's limits {fewest[vendor]}, ratio {ratio:.2f}"
        )
    if ours.violations:
        figure.missed.append(f"{figure.title}: {ours.violations} vendor limits broken")


def _compare(figure: Figure, ours: Outcome, theirs: Outcome) -> None:
    both = {name: sum(outcome.total(vendor) for vendor in VENDORS) for name, outcome in (("o", ours), ("t", theirs))}
    for vendor in VENDORS:
        figure.add(f"straight line, {vendor}: {theirs.total(vendor)} calls ({listed(theirs.calls[vendor])})")
    figure.add(f"straight line / ours: {both['t']} / {both['o']} = {both['t'] / both['o']:.1f}")
    wrong = differences(ours, theirs)
    figure.add(
        f"same {len(ours.leads)} Leads, {ours.write_backs} write-backs and {ours.activities.total()} activities: "
        f"{'NO' if wrong else 'yes'}"
    )
    figure.missed += [f"{figure.title}: {each}" for each in wrong[:5]]


def _load(http: httpx.Client, facts: Mapping[str, Any], lines: Sequence[Line]) -> Loaded:
    return persons.load(lines, marketo_url=facts["marketo_url"], salesforce_url=facts["salesforce_url"], client=http)


def _result(
    http: httpx.Client, facts: Mapping[str, Any], known: set[str], loaded: Loaded
) -> tuple[Leads, int, Counter[str]]:
    def records(vendor: str, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = http.get(f"{facts[f'{vendor}_url']}/_sim/records/{name}").json()
        return found

    mine = set(loaded.lead_ids.values())
    new = {record["Id"]: record for record in records("salesforce", "Lead") if record["Id"] not in known}
    leads = sorted(tuple(str(record.get(name) or "") for name in _COMPARED) for record in new.values())
    persons_now = [lead for lead in records("marketo", "leads") if str(lead["id"]) in mine]
    backs = sum(lead.get("salesforceId") in new and lead.get("leadbridgeStatus") == "Synced" for lead in persons_now)
    values = Counter(
        str(each["primaryAttributeValue"])
        for each in records("marketo", "activities")
        if str(each["leadId"]) in mine and each.get("primaryAttributeValue") in {"Success", "Error"}
    )
    return leads, backs, values


@contextmanager
def _simulators() -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "simulator"]
    with tempfile.TemporaryDirectory(prefix="leadbridge-bench-") as folder, guard() as watched:
        log = Path(folder) / "simulators.log"
        with watched.running(command, log=log, environment={"PYTHONUNBUFFERED": "1"}, cwd=ROOT) as process:

            def announced() -> dict[str, Any] | None:
                text = log.read_text("utf-8", "replace")
                found: dict[str, Any] | None = json.loads(text.splitlines()[0]) if "\n" in text else None
                return found

            yield process.wait_until(announced, 30)


@contextmanager
def _session(twins: Mapping[str, Any], vendor: str) -> Iterator[httpx.Client]:
    """A client of a simulator's API with a token, as both vendors give it for client credentials."""
    credentials, url = twins[f"{vendor}_credentials"], twins[f"{vendor}_url"]
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials["client_id"],
        "client_secret": credentials["client_secret"],
    }
    login, base = {
        "marketo": ("/identity/oauth/token", "/rest/v1/"),
        "salesforce": ("/services/oauth2/token", "/services/data/v67.0/"),
    }[vendor]
    with httpx.Client(base_url=url + base, timeout=60, trust_env=False) as client:
        answer = client.post(url + login, params=form) if vendor == "marketo" else client.post(url + login, data=form)
        client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
        yield client
