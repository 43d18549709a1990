"""`python -m simulator`: both vendor twins in one process, with one clock, on the loopback interface."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from simulator.control import Clock, ControlPlane, Record
from simulator.serving import Twin, serve


def main() -> int:
    """Read the arguments, print one JSON line with URLs and credentials, serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--marketo-port", type=int, default=0, help="0 (the default) takes a free port")
    parser.add_argument("--salesforce-port", type=int, default=0, help="0 (the default) takes a free port")
    parser.add_argument("--seed", type=int, default=0, help="decides ids, credentials and chances")
    parser.add_argument("--only", choices=["marketo", "salesforce"], help="serve one of the twins alone")
    arguments = parser.parse_args()

    clock = Clock()
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


def _announce(ready: Record) -> None:
    print(json.dumps(ready), flush=True)


if __name__ == "__main__":
    sys.exit(main())
