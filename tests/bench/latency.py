"""How long after its webhook a person is at Salesforce, at a campaign's steady pace, while many rows load."""

import time
from collections.abc import Sequence
from datetime import datetime

from devstack.persons import Group
from devstack.play import Sent
from tests.bench import vendor_calls
from tests.bench.backfill import loading
from tests.bench.inputs import distinct_persons, payload_of
from tests.bench.local import Bench
from tests.bench.report import Figure, listed

PER_SECOND = 2.0
MOST_P95_SECONDS = 5.0


def figure(bench: Bench, *, webhooks: int, seed: int, rows: int = 0) -> Figure:
    """So many webhooks, two a second; the simulator's log tells when the write of each person arrived.

    `rows` load into each vendor meanwhile, by the deployed state machines.
    """
    warm = distinct_persons(1, seed=seed, prefix="warm")
    vendor_calls.measure(bench, warm, lambda groups: vendor_calls.live(bench, groups, seed))
    lines = distinct_persons(webhooks, seed=seed, prefix="pace")
    sent_at: dict[str, float] = {}

    def send(groups: Sequence[Group]) -> Sequence[Sent]:
        sent: list[Sent] = []
        begun = time.monotonic()
        for number, group in enumerate(groups):
            time.sleep(max(0.0, begun + number / PER_SECOND - time.monotonic()))
            sent_at[_key(payload_of(group.requests[0].body)["lead"]["email"])] = time.time()
            sent += vendor_calls.live(bench, [group], 0)
        return sent

    with loading(bench, rows=rows, seed=seed) as loads:
        mark = bench.last_call("salesforce")
        ours = vendor_calls.measure(bench, lines, send, all_accepted=False)
    first = _arrivals(bench, mark)
    seconds = sorted(first[key] - at for key, at in sent_at.items() if key in first)
    load = f"{rows} rows loading into each vendor" if rows else "no back-fill load"
    figure = Figure(
        title="latency of one person, webhook to Salesforce",
        size=f"seed {seed}, {webhooks} webhooks, {PER_SECOND:g} a second, {load}",
    )
    figure.add(
        f"written: {len(seconds)} of {webhooks}; outcomes: {listed(ours.outcomes)}; limits broken: {ours.violations}"
    )
    begin, end = min(sent_at.values()), max(sent_at.values())
    for each in loads:
        share = (min(each.ended, end) - begin) / (end - begin)
        took = each.ended - each.began
        figure.add(f"{each.vendor}: {each.rows} rows loaded in {took:.0f} s, during {share:.0%} of the webhooks' time")
    if ours.faults:
        figure.missed.append(f"{figure.title}: not accepted: {listed(ours.faults)}")
    figure.add(f"p50 {_at(seconds, 0.5):.3f} s, p95 {_at(seconds, 0.95):.3f} s, longest {seconds[-1]:.3f} s")
    figure.bound("p95 seconds", _at(seconds, 0.95), most=MOST_P95_SECONDS)
    return figure


def _arrivals(bench: Bench, mark: int) -> dict[str, float]:
    """When the first write of each person arrived at Salesforce, by address."""
    addresses = {record["Id"]: record["Email"] for record in bench.records("salesforce", "Lead")}
    first: dict[str, float] = {}
    for call in bench.log("salesforce", mark):
        # files of the load are written by other calls
        if call["method"] != "GET" and "/composite/" in call["path"]:
            arrived = datetime.fromisoformat(call["at"]).timestamp()
            for key in call["record_keys"]:
                first.setdefault(_key(addresses.get(key, key)), arrived)
    return first


def _key(address: str) -> str:
    return str(address).strip().lower()


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
