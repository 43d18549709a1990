"""A process that calls Marketo with the product's own client, as a worker with a backlog does; run by limit tests.

`python -m tests.fault.caller STACK_FILE --lane scheduled --threads 2 --seconds 30` prints `ready` once it may call,
waits for a line, calls until the time is over, and then prints one line of JSON: calls made, refusals by error and
code, conditional writes and reads of the limiter's item.
"""

import argparse
import gc
import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from leadbridge.domain.limits import Lane
from leadbridge.errors import QuotaExhaustedError, SyncError
from leadbridge_cli.stack import STACK_FILE_SETTING, find_target


def main() -> None:
    """Call."""
    gc.freeze()  # what was loaded is not looked through again, not even at the end
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack_file", type=Path)
    parser.add_argument("--lane", type=lambda name: Lane[name.upper()], default=Lane.ON_DEMAND)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0, help="how long to go on; 0: until --calls are made")
    parser.add_argument("--calls", type=int, default=0, help="calls of each thread; 0: until the time is over")
    chosen = parser.parse_args()
    os.environ[STACK_FILE_SETTING] = str(chosen.stack_file)
    target = find_target(None, None)
    asked: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        asked[model.name] += 1

    for operation in ("UpdateItem", "GetItem"):
        target.session.events.register(f"before-call.dynamodb.{operation}", count)
    client = target.connect(chosen.lane).marketo("marketo-demo")
    asked.clear()
    print("ready", flush=True)
    sys.stdin.readline()

    refused: Counter[str] = Counter()
    made: Counter[str] = Counter()
    until = time.monotonic() + (chosen.seconds or float("inf"))

    def work() -> None:
        done = 0
        while time.monotonic() < until and done < (chosen.calls or float("inf")):
            done += 1
            try:
                client.usage()
                made["calls"] += 1
            except QuotaExhaustedError as error:
                refused[f"quota {error.code}"] += 1
            except SyncError as error:
                refused[f"{type(error).__name__} {error.code}"] += 1

    threads = [threading.Thread(target=work) for _ in range(chosen.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report: dict[str, Any] = {"calls": made["calls"], "refused": refused}
    report |= {"writes": asked["UpdateItem"], "reads": asked["GetItem"]}
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
