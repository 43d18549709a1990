"""`python -m devstack`: start the local stack, play the demo, say what came of it, stay until Ctrl-C."""

import argparse
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from devstack import demo
from devstack.processes import NotReadyError
from devstack.stack import up


def main(arguments: list[str] | None = None) -> int:
    """Run; gives the exit code."""
    parser = argparse.ArgumentParser(prog="make run ARGS=…", description=__doc__)
    parser.add_argument("--once", action="store_true", help="exit after the table, non-zero on a difference")
    parser.add_argument("--persons", type=Path, default=demo.PERSONS, help="the file to play (docs/persons-format.md)")
    parser.add_argument("--seed", type=int, default=1, help="order in which the persons are sent")
    parser.add_argument("--no-play", action="store_true", help="only start, deploy and set up")
    chosen = parser.parse_args(arguments)
    console = Console()

    # whoever ends us politely gets the same cleaning up as Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with up(say=console.print) as stack, demo.prepared(stack, console.print) as facts:
            fine = True
            if not chosen.no_play:
                fine = demo.run(stack, facts, file=chosen.persons, seed=chosen.seed, console=console)
            if not chosen.once:
                console.print(f"\nThe stack stays up until Ctrl-C: {facts['webhook_url']}/{facts['action_id']}")
                console.print(f"The console: {facts['console_url']}")
                for person in facts["people"].values():
                    console.print(f"  {person['name']}  {person['password']}", markup=False, highlight=False)
                console.print("Look around: .venv/bin/leadbridge executions; addresses and keys: .local/stack.json")
                while True:
                    time.sleep(3600)
            return 0 if fine else 1
    except KeyboardInterrupt:
        console.print("stopped")
    except (NotReadyError, demo.DemoError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
