"""`leadbridge setup marketo FILE --create --yes` in processes of its own, before a twin and without AWS.

`python -m tests.fault.setup_command MARKETO_URL FILE` takes the credentials as its first line, because command lines
are public, and then begins a new process of the command with each line that it is given. That process says
`PID written` once the vendor has carried out its first write, of which it does not know yet, and waits to be killed;
one that comes to no write says `PID ended`.
"""

import argparse
import json
import os
import signal
import sys
from functools import cached_property
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx

from leadbridge.vendors.connections import VendorConnections, VendorLimits
from leadbridge_cli.connections import setup
from leadbridge_cli.stack import NoMeter, Target
from tests.builders.actions import MARKETO, a_marketo_connection
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.limits import InMemoryLimits

SHARES = VendorLimits(
    marketo_calls_per_20s=50,
    marketo_daily_calls=50_000,
    marketo_reserve_percent=10,
    marketo_concurrent=5,
    salesforce_concurrent=20,
    salesforce_reserve_percent=10,
    place_seconds=15,
)


class TwinTarget(Target):
    """A deployment that knows one connection, to a twin."""

    @cached_property
    def configurations(self) -> Any:
        """The one document."""
        known = InMemoryConfigurations()
        known.put(a_marketo_connection(base_url=self.outputs["url"]))
        return known

    @cached_property
    def connections(self) -> VendorConnections:
        """The twin's client."""
        return VendorConnections(
            configurations=self.configurations,
            secret=lambda *, refresh=False: {MARKETO: json.loads(self.outputs["credentials"])},
            sign=lambda _: b"",
            clock=self.clock,
            meter=NoMeter(),
            allowed_hosts=frozenset({urlsplit(self.outputs["url"]).netloc}),
            limits=InMemoryLimits(),
            shares=SHARES,
            even_disabled=True,
        )


def main() -> None:
    """Begin the command again and again; each time as a copy of this process, which has made no connection yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("file")
    chosen = parser.parse_args()
    credentials = sys.stdin.readline()
    print("ready", flush=True)
    for _ in sys.stdin:
        if os.fork() == 0:
            run(TwinTarget(outputs={"url": chosen.url, "credentials": credentials}, session=None), chosen.file)
        os.wait()


def run(target: TwinTarget, file: str) -> NoReturn:
    """The command itself; what it prints for a person goes to the standard error."""
    said, sys.stdout = sys.stdout, sys.stderr

    def wait_if_written(response: httpx.Response) -> None:
        if response.request.method == "POST" and "/identity/" not in str(response.request.url):
            print(os.getpid(), "written", file=said, flush=True)
            signal.pause()

    target.connections._http.client.event_hooks["response"].append(wait_if_written)
    try:
        setup(["marketo", MARKETO, file, "--create", "--yes"], obj=target, standalone_mode=False)
        print(os.getpid(), "ended", file=said, flush=True)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
