"""Calls that wait for their results: how many are answered with values, what they cost, how long they take."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from devstack import demo, play
from devstack.persons import Group, Line
from devstack.play import Sent
from tests.bench import vendor_calls
from tests.bench.inputs import distinct_persons
from tests.bench.local import Bench
from tests.bench.report import Figure, listed

ACTION = "bench-inline"
SLOW_SECONDS = 3.0
LEAST_SHARE = 0.99
#: a match and a write; who is skipped is asked about nowhere
CALLS_OF_ONE = 2
WRITTEN = frozenset({"created", "updated"})


def figure(
    bench: Bench, *, webhooks: int, slow: int, seed: int, connections: int = play.CONCURRENCY, budget: float = 8
) -> Figure:
    """So many calls as Marketo makes them, then some with Salesforce at three seconds, from processes that are warm."""
    key = _apply(bench, budget)
    _pass(bench, distinct_persons(2 * connections, seed=seed, prefix="warm"), key, seed, connections)
    sizes = f"{webhooks} calls and {slow} with Salesforce at {SLOW_SECONDS:g} s, {connections} connections"
    found = Figure(title="inline answers", size=f"seed {seed}, {sizes}")
    lines = distinct_persons(webhooks, seed=seed, prefix="inline")
    _tell(found, bench, *_pass(bench, lines, key, seed, connections), latency=_latency(bench))
    usual = bench.limits("salesforce", latency_seconds=SLOW_SECONDS)
    try:
        ours, sent = _pass(bench, distinct_persons(slow, seed=seed, prefix="slow"), key, seed, connections)
    finally:
        bench.limits("salesforce", **usual)
    _tell(found, bench, ours, sent, latency=SLOW_SECONDS, least=1.0)
    return found


def _tell(
    found: Figure,
    bench: Bench,
    ours: vendor_calls.Outcome,
    sent: Sequence[Sent],
    *,
    latency: float,
    least: float = LEAST_SHARE,
) -> None:
    taken = [each for each in sent if each.status == 200]
    answers = Counter(f"{each.answer['status']} {each.answer.get('reason', '')}".strip() for each in taken)
    done = [each for each in taken if each.answer["status"] == "done"]
    found.add(f"answers: {listed(answers)}; outcomes: {listed(ours.outcomes)}; limits broken: {ours.violations}")
    if ours.faults:
        found.add(f"not accepted: {listed(ours.faults)}")
        found.missed.append(f"{found.title}: not accepted: {listed(ours.faults)}")
    for vendor in vendor_calls.VENDORS:
        each = 1000 * ours.total(vendor) / len(sent)
        found.add(f"{vendor} calls per 1,000: {each:.0f} ({listed(ours.calls[vendor])})")
    raw = sorted(each.seconds for each in done)
    own = sorted(each.seconds - latency * (CALLS_OF_ONE if each.answer["outcome"] in WRITTEN else 0) for each in done)
    found.add(f"answered with values, seconds: p50 {_at(raw, 0.5):.3f}, p99 {_at(raw, 0.99):.3f}")
    found.add(f"less {latency:g} s for each Salesforce call: p50 {_at(own, 0.5):.3f}, p99 {_at(own, 0.99):.3f}")
    found.add(f"written back by API: {ours.write_backs}")
    found.bound(f"share answered with values, Salesforce at {latency:g} s", len(done) / len(sent), least=least)


def _pass(
    bench: Bench, lines: Sequence[Line], key: str, seed: int, connections: int
) -> tuple[vendor_calls.Outcome, list[Sent]]:
    """Send calls for persons and wait for the last end."""
    sent: list[Sent] = []

    def send(groups: Sequence[Group]) -> Sequence[Sent]:
        sent.extend(
            play.play(
                groups,
                webhook_url=bench.facts["webhook_url"],
                key=key,
                action_id=f"{ACTION}/inline",
                seed=seed,
                concurrency=connections,
            )
        )
        return sent

    return vendor_calls.measure(bench, lines, send, all_accepted=False), sent


def _apply(bench: Bench, budget: float) -> str:
    """The demo's Action under another name, answering inline; gives its key."""
    text = (demo.RECIPES / f"{demo.ACTION}.yaml").read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{ACTION}.yaml"
        file.write_text(
            text.replace(f"id: {demo.ACTION}\n", f"id: {ACTION}\ninline: {{budget_seconds: {budget}}}\n"), "utf-8"
        )
        demo.leadbridge(bench.facts, "apply", str(file))
    demo.leadbridge(bench.facts, "activate", ACTION)
    return demo.leadbridge(bench.facts, "keys", "show", ACTION).strip()


def _latency(bench: Bench) -> float:
    limits = bench.http.get(f"{bench.facts['salesforce_url']}/_sim/limits").raise_for_status().json()
    return float(limits["latency_seconds"])


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
