"""`python -m devstack up`: start the local stack, say where it is, and stay until Ctrl-C."""

import argparse
import json
import signal
import sys
import time
from dataclasses import asdict

from devstack.processes import NotReadyError
from devstack.stack import Stack, up


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devstack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start the simulators and the emulator, deploy, stay up")
    start.add_argument("--once", action="store_true", help="end as soon as everything runs")
    chosen = parser.parse_args(arguments)

    # whoever ends us politely gets the same cleaning up as Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with up(say=lambda line: print(line, flush=True)) as stack:
            print(json.dumps(describe(stack), indent=2), flush=True)
            while not chosen.once:
                time.sleep(3600)
    except KeyboardInterrupt:
        print("stopped", flush=True)
    except NotReadyError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def describe(stack: Stack) -> dict[str, object]:
    """What a person or a script needs to know about a running stack."""
    return {
        "webhook_url": stack.webhook_url,
        "aws_endpoint_url": stack.endpoint_url,
        "region": stack.region,
        "stack_name": stack.stack_name,
        "simulators": stack.simulators,
        "outputs": stack.outputs,
        "seconds": asdict(stack.timings) if stack.timings else {},
    }


if __name__ == "__main__":
    sys.exit(main())
