"""Processes that call Marketo as workers do, beside the deployed ones; `caller.py` is what they run."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Caller:
    """A process of our own that calls Marketo as a worker does."""

    def __init__(self, stack_file: Path, arguments: Sequence[str]) -> None:
        """Start it and wait until it may call."""
        command = [sys.executable, "-m", "tests.fault.caller", str(stack_file), *arguments]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers/common/python")])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def go(self) -> None:
        """Let it call."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def report(self) -> dict[str, Any]:
        """What it did, once it has ended."""
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert self.process.wait(60) == 0
        return found

    def kill(self) -> None:
        """Signal 9."""
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        """Let go of it, whatever it does."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@contextmanager
def callers(stack_file: Path, *all_arguments: Sequence[str]) -> Iterator[list[Caller]]:
    """Processes that are ready to call."""
    with ExitStack() as stack:
        ready = []
        for arguments in all_arguments:
            caller = Caller(stack_file, arguments)
            stack.callback(caller.close)
            ready.append(caller)
        yield ready
