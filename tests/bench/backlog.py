"""What a backlog costs a worker: time from its start to the last end, and the memory of its process."""

import time
from collections.abc import Sequence
from pathlib import Path

from devstack.persons import Group
from devstack.play import Sent
from tests.bench import vendor_calls
from tests.bench.inputs import distinct_persons
from tests.bench.local import Bench
from tests.bench.lost_answers import queued
from tests.bench.report import Figure, listed

MEGABYTE = 1_000_000


def figure(bench: Bench, *, size: int, seed: int) -> Figure:
    """A worker that has run one event before finds so many at once."""
    vendor_calls.measure(
        bench, distinct_persons(1, seed=seed, prefix="idle"), lambda groups: vendor_calls.live(bench, groups, seed)
    )
    before = peak_memory(bench)
    released = 0.0

    def send(groups: Sequence[Group]) -> Sequence[Sent]:
        nonlocal released
        with bench.lane_held():
            sent = queued(bench, groups)
            bench.wait_stored([each.answer["execution_id"] for each in sent])
        released = time.perf_counter()
        return sent

    ours = vendor_calls.measure(bench, distinct_persons(size, seed=seed, prefix="heap"), send)
    seconds = time.perf_counter() - released
    after = peak_memory(bench)
    figure = Figure(
        title="time and memory of a backlog", size=f"seed {seed}, {size} events in the inbox when the worker starts"
    )
    figure.add(f"outcomes: {listed(ours.outcomes)}; limits broken: {ours.violations}")
    figure.add(f"from the ring to the last end: {seconds:.1f} s, {size / seconds:.0f} events a second")
    figure.add(
        f"largest memory of a worker: {before / MEGABYTE:.0f} MB after one event, {after / MEGABYTE:.0f} MB after all"
    )
    figure.bound("memory with the backlog / memory with one event", after / before, most=2.0)
    return figure


def peak_memory(bench: Bench) -> int:
    """The largest resident size that a `run_actions` process has had, in bytes."""
    sizes = []
    for pid in bench.stack.worker_pids("run_actions"):
        status = Path(f"/proc/{pid}/status").read_text("ascii")
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        sizes.append(int(line.split()[1]) * 1024)
    return max(sizes)
