"""`make bench`: measure and print the figures of docs/figures.md, with seed, size and raw lines."""

import argparse
import os
import sys
from collections.abc import Callable

from tests.bench import (
    acknowledgement,
    backlog,
    batches,
    bulk_files,
    calls,
    console,
    cycle_bootstrap,
    cycle_day,
    cycle_drain,
    decisions,
    flow_step,
    idle_day,
    import_files,
    imports,
    inline,
    latency,
    limits,
    lost_answers,
    mapping,
    schedules,
    sync_aws,
    sync_calls,
    sync_prices,
    sync_rows,
    sync_stack,
    vendor_calls,
    whole_action,
)
from tests.bench.local import Bench, bench
from tests.bench.report import Figure, show

type OnStack = Callable[[Bench, argparse.Namespace], Figure]
type Alone = Callable[[argparse.Namespace], Figure]

ON_STACK: dict[str, OnStack] = {
    "backlog": lambda on, args: vendor_calls.figure_backlog(on, size=args.webhooks, seed=args.seed),
    "live": lambda on, args: vendor_calls.figure_live(on, size=args.webhooks, seed=args.seed),
    "slow": lambda on, args: vendor_calls.figure_one_a_second(on, size=args.seconds, seed=args.seed),
    "whole-stack": lambda on, args: whole_action.figure_on_stack(on, webhooks=args.webhooks, seed=args.seed),
    "memory": lambda on, args: backlog.figure(on, size=args.webhooks, seed=args.seed),
    "latency": lambda on, args: latency.figure(on, webhooks=args.paced, seed=args.seed, rows=args.backfill),
    "inline": lambda on, args: inline.figure(
        on, webhooks=args.webhooks, slow=args.seconds, seed=args.seed, connections=args.connections
    ),
    "losses": lambda on, args: lost_answers.figure(on, events=args.events, seed=args.seed),
    "syncs-stack": lambda on, args: sync_stack.figure(on, rows=round(sync_stack.ROWS * _scale()), seed=args.seed),
    "limits-stack": lambda on, args: limits.figure_on_stack(on, seconds=args.seconds),
    "console": lambda on, args: console.figure(on, executions=args.executions, seed=args.seed),
    "acknowledgement": lambda on, args: acknowledgement.figure(on, calls=args.calls, seed=args.seed),
}
ALONE: dict[str, Alone] = {
    "imports": lambda args: imports.figure(rounds=args.rounds),
    "limits": lambda args: limits.figure_simulated(seconds=10 * args.seconds, seed=args.seed),
    "schedules": lambda args: schedules.figure(size=args.schedules, seed=args.seed),
    "decisions": lambda args: decisions.figure(size=args.records, seed=args.seed),
    "mapping": lambda args: mapping.figure(size=args.records, seed=args.seed),
    "rows": lambda args: bulk_files.figure_rows(size=args.rows, seed=args.seed),
    "extract": lambda args: bulk_files.figure_memory(megabytes=(args.megabytes // 10, args.megabytes), seed=args.seed),
    "whole": lambda args: whole_action.figure(webhooks=args.webhooks, seed=args.seed),
    "flow-step": lambda args: flow_step.figure(people=args.webhooks, seed=args.seed),
    "calls": lambda args: calls.figure(calls=args.calls, seed=args.seed),
    "syncs": lambda args: sync_calls.figure(rows=args.sync_rows, seed=args.seed),
    "syncs-price": lambda args: sync_prices.figure(syncs=args.syncs, most=args.sync_rows // 2, seed=args.seed),
    "syncs-aws": lambda args: sync_aws.figure(rows=args.rows, seed=args.seed),
    "syncs-rows": lambda args: sync_rows.figure_transform(rows=args.records, seed=args.seed),
    "syncs-memory": lambda args: sync_rows.figure_memory(rows=args.rows, seed=args.seed),
    "idle-day": lambda args: idle_day.figure(seed=args.seed),
    "cycle-day": lambda args: cycle_day.figure(edits=round(cycle_day.EDITS * _scale()), seed=args.seed),
    "drain": lambda args: cycle_drain.figure(rows=round(cycle_drain.ROWS * _scale()), seed=args.seed),
    "bootstrap": lambda args: cycle_bootstrap.figure(people=round(cycle_bootstrap.PEOPLE * _scale()), seed=args.seed),
    "batches": lambda args: batches.figure_calls(people=10 * args.webhooks, seed=args.seed),
    "batches-imports": lambda args: import_files.figure(people=25 * args.webhooks, seed=args.seed),
    "batches-rate": lambda args: batches.figure_rate(calls=args.webhooks, seed=args.seed),
    "batches-aws": lambda args: batches.figure_requests(events=args.webhooks, seed=args.seed),
}


def _scale() -> float:
    """Which part of the whole figure is measured."""
    return float(os.environ.get(sync_stack.SCALE, "0.05"))


def main(arguments: list[str] | None = None) -> int:
    """Run; gives 1 if a bound is missed."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("figures", nargs="*", help=f"some of: {', '.join([*ALONE, *ON_STACK])} (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--webhooks", type=int, default=1000, help="people of most figures (default 1000)")
    parser.add_argument(
        "--seconds",
        type=int,
        default=60,
        help="length of slow (a person each) and limits, slow calls of inline (default 60)",
    )
    parser.add_argument("--connections", type=int, default=20, help="calls of inline at a time (default 20)")
    parser.add_argument("--schedules", type=int, default=1000, help="simulated schedules (default 1000)")
    parser.add_argument("--paced", type=int, default=200, help="webhooks of latency, two a second (default 200)")
    parser.add_argument(
        "--backfill", type=int, default=100_000, help="rows that load into each vendor during latency (default 100000)"
    )
    parser.add_argument("--executions", type=int, default=100_000, help="executions of console (default 100000)")
    parser.add_argument("--events", type=int, default=10_000, help="events of losses, run twice (default 10000)")
    parser.add_argument(
        "--calls", type=int, default=600, help="acknowledgements of each function, calls of each client (default 600)"
    )
    parser.add_argument("--rounds", type=int, default=11, help="fresh processes of each kind (default 11)")
    parser.add_argument("--records", type=int, default=20_000, help="records of decisions and mapping (default 20000)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of rows (default 1000000)")
    parser.add_argument("--sync-rows", type=int, default=20_000, help="rows of syncs, each way (default 20000)")
    parser.add_argument("--syncs", type=int, default=40, help="generated Syncs of syncs-price (default 40)")
    parser.add_argument("--megabytes", type=int, default=500, help="size of extract, and a tenth of it (default 500)")
    chosen = parser.parse_args(arguments)
    wanted = chosen.figures or [*ALONE, *ON_STACK]
    if unknown := set(wanted) - ALONE.keys() - ON_STACK.keys():
        parser.error(f"no figure is called {', '.join(sorted(unknown))}")

    missed: list[str] = []
    for name in [name for name in ALONE if name in wanted]:
        missed += _shown(ALONE[name](chosen))
    if on_stack := [name for name in ON_STACK if name in wanted]:
        with bench(lambda line: print(line, file=sys.stderr)) as running:
            for name in on_stack:
                missed += _shown(ON_STACK[name](running, chosen))
    for each in missed:
        print(f"MISSED {each}")
    return 1 if missed else 0


def _shown(figure: Figure) -> list[str]:
    show(figure)
    return figure.missed


if __name__ == "__main__":
    sys.exit(main())
