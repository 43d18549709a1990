"""`python -m simulator`: both vendor twins in one process, with one clock, on the loopback interface."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from datetime import datetime

from simulator.control import Clock, ControlError, ControlPlane, Record, parse_time
from simulator.serving import Twin, serve


def main() -> int:
    """Read the arguments, print one JSON line with URLs and credentials, serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--marketo-port", type=int, default=0, help="0 (the default) takes a free port")
    parser.add_argument("--salesforce-port", type=int, default=0, help="0 (the default) takes a free port")
    parser.add_argument("--seed", type=int, default=0, help="decides ids, credentials and chances")
    parser.add_argument("--only", choices=["marketo", "salesforce"], help="serve one of the twins alone")
    parser.add_argument(
        "--clock", type=_moment, help="a time at which the clock stands, for example 2026-03-02T09:00:00Z"
    )
    parser.add_argument("--step", type=float, default=0.0, help="seconds that a standing clock moves with each call")
    arguments = parser.parse_args()

    clock = Clock(arguments.clock, arguments.step)
    twins: list[Twin] = []
    if arguments.only != "salesforce":
        from simulator.marketo.app import MarketoVendor

        control = ControlPlane(clock, arguments.seed)
        twins.append(Twin(MarketoVendor(control), control, arguments.marketo_port))
    if arguments.only != "marketo":
        from simulator.salesforce.app import SalesforceVendor

        control = ControlPlane(clock, arguments.seed)
        twins.append(Twin(SalesforceVendor(control), control, arguments.salesforce_port))
    asyncio.run(serve(twins, _announce))
    return 0


def _moment(text: str) -> datetime:
    try:
        return parse_time(text)
    except ControlError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _announce(ready: Record) -> None:
    print(json.dumps(ready), flush=True)
    if sys.stderr.isatty():
        for name, url in ready.items():
            if name.endswith("_url"):
                print(f"{name.removesuffix('_url').title()} twin, to look at: {url}/_sim/", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
