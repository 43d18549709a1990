"""Plays any number of schedules: `python -m tests.fault.simulation --schedules 1000000 --jobs 2`.

One schedule again, step by step: `python -m tests.fault.simulation --seed 4711 --schedules 1 --trace`.
"""

import argparse
import sys
import time
from typing import Any

from tests.fault.simulation import cycle_report as cycles
from tests.fault.simulation import report as actions
from tests.fault.simulation import sync_report as syncs

PROGRESS_SECONDS = 10.0


def main() -> int:
    """Play, print the report; anything wrong or missing is a failure."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--trace", action="store_true", help="print every step; for a single schedule")
    parser.add_argument("--until-found", action="store_true", help="stop at the first violation, print its steps")
    parser.add_argument("--syncs", action="store_true", help="schedules of Syncs, in place of those of Actions")
    parser.add_argument("--cycles", action="store_true", help="schedules of CRM cycles, in place of those of Actions")
    options = parser.parse_args()
    # all kinds play, add up and tell in the same words
    kind: Any = syncs if options.syncs else cycles if options.cycles else actions
    reports = {syncs: syncs.SyncReport, cycles: cycles.CycleReport, actions: actions.Report}
    if options.trace:
        played = kind.play(options.seed, tracing=True)
        print("\n".join(kind.transcript(played)))
        return 1 if played.wrong else 0
    if options.until_found:
        return _until_found(kind, options.seed, options.schedules)
    report, began = reports[kind](), time.monotonic()
    told = began
    for piece in kind.in_parallel(options.seed, options.schedules, options.jobs):
        report.add(piece)
        for seed, wrong in piece.failures.items():
            print(f"seed {seed}: {wrong[0]}", flush=True)
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            rate = report.schedules / (told - began)
            print(f"{report.schedules} of {options.schedules}, {rate:.0f}/s, {len(report.failures)} wrong", flush=True)
    print("\n".join(report.lines()))
    print(f"{time.monotonic() - began:.0f} s with {options.jobs} processes, seeds from {options.seed}")
    return 1 if report.failures or report.missing() else 0


def _until_found(kind: Any, first: int, schedules: int) -> int:
    report = kind.play_all(range(first, first + schedules), until_found=True)
    if not report.failures:
        print(f"nothing wrong in {report.schedules} schedules")
        return 0
    seed = next(iter(report.failures))
    print("\n".join(kind.transcript(kind.play(seed, tracing=True))))
    print(f"first seed {seed}, the {report.schedules}th")
    return 1


if __name__ == "__main__":
    sys.exit(main())
