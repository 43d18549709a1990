"""Both vendor twins as a process of their own, for every test that speaks to them over HTTP."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STOP_SECONDS = 20


@contextmanager
def running_twins(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Start `python -m simulator` with these arguments and stop it at the end.

    Gives the process and the document that it announced: URLs and credentials by vendor.
    """
    command = [sys.executable, "-m", "simulator", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        finally:
            process.kill()
            process.stdout.close()
