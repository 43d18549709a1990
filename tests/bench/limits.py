"""The limiter: how much of our share of a rate is used while there is backlog, and what that costs in writes."""

import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from leadbridge.domain.limits import Policy
from tests.bench.local import Bench
from tests.bench.report import Figure
from tests.fakes.workers import Workers
from tests.fault.callers import callers

# the vendor's window, repeated here so that no share comes from product code
WINDOW_SECONDS = 20.0
#: our part of Marketo's window where nobody has set another
OURS = 50
LEAST_SHARE = 0.9
#: conditional writes per call, by number of workers: from six on they compete for five places
MOST_WRITES = {1: 1.05, 2: 1.2, 3: 1.2, 5: 1.2, 8: 3.5}


def simulated(workers: int, seconds: int, seed: int) -> tuple[float, float, int]:
    """Share, writes per call and fullest window of workers with backlog on virtual time, from the second window on."""
    policy = Policy(vendor="marketo", calls=OURS, places=5, quota_returns=_tomorrow)
    at_work = Workers(policy=policy, seed=seed, skew_seconds=0.1)
    for number in range(workers):
        at_work.work(f"{number}")
    at_work.time.run(seconds)
    writes = at_work.store.writes / len(at_work.vendor.arrivals)
    return at_work.share(WINDOW_SECONDS, seconds), writes, at_work.vendor.fullest_window()


def figure_simulated(*, seconds: int, seed: int) -> Figure:
    """The limiter in one process: many workers on virtual time, calls of 0.05 to 0.6 s, clocks up to 0.1 s apart."""
    figure = Figure(title="limiter, in-process", size=f"{seconds} virtual seconds of backlog each, seed {seed}")
    for workers in (1, 2, 5, 8):
        share, writes, fullest = simulated(workers, seconds, seed)
        figure.bound(f"{workers} workers: share used", share, least=LEAST_SHARE)
        figure.bound(f"{workers} workers: writes per call", writes, most=MOST_WRITES[workers])
        figure.bound(f"{workers} workers: fullest window", fullest, most=OURS)
    return figure


def figure_on_stack(on: Bench, *, seconds: int) -> Figure:
    """Processes with the deployed stack's limits and table: what the simulator saw, and what DynamoDB was asked."""
    figure = Figure(title="limiter, on the stack", size=f"{seconds} s of backlog each")
    for processes in (1, 3):
        # an empty window, whoever called before
        on.http.post(f"{on.facts['marketo_url']}/_sim/clock", json={"advance_seconds": 60}).raise_for_status()
        before = on.violations("marketo")
        times, writes, reads = _measured(on, processes, seconds)
        # whole windows, so that a full one at the edge cannot count for more than it is
        steady = [at for at in times if times[0] + WINDOW_SECONDS <= at < times[0] + seconds]
        share = len(steady) / (OURS * (seconds - WINDOW_SECONDS) / WINDOW_SECONDS)
        name = f"{processes} processes"
        figure.add(f"{name}: {len(times)} calls, {writes} conditional writes, {reads} reads")
        figure.bound(f"{name}: share used", share, least=LEAST_SHARE)
        figure.bound(f"{name}: writes per call", writes / len(times), most=MOST_WRITES[processes])
        figure.bound(f"{name}: fullest window", fullest(times), most=OURS)
        figure.bound(f"{name}: limit answers", on.violations("marketo") - before, most=0)
    return figure


def fullest(times: Sequence[float]) -> int:
    """The most arrivals within any 20 seconds."""
    return max((sum(1 for at in times if last - WINDOW_SECONDS < at <= last) for last in times), default=0)


def _measured(on: Bench, processes: int, seconds: int) -> tuple[list[float], int, int]:
    since = on.last_call("marketo")
    with tempfile.TemporaryDirectory(prefix="leadbridge-limits-") as folder:
        file = Path(folder) / "stack.json"
        file.write_text(json.dumps(dict(on.facts)))
        with callers(file, *[("--seconds", str(seconds + 1))] * processes) as working:
            for caller in working:
                caller.go()
            reports = [caller.report() for caller in working]
    calls = [call for call in on.log("marketo", since) if call["path"].startswith("/rest/")]
    times = sorted(datetime.fromisoformat(call["at"]).timestamp() for call in calls)
    return times, sum(report["writes"] for report in reports), sum(report["reads"] for report in reports)


def _tomorrow(now: datetime) -> datetime:
    return now.astimezone(UTC) + timedelta(days=1)
