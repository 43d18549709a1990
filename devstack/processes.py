"""Child processes that never outlive us: own session each, bounded waits, and a guard for the case that we are killed.

`python -m devstack.processes` is that guard: it reads process groups and folders from its standard input and removes
what is left of them when the input ends, which it does however our process ends.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

STOP_SECONDS = 10.0
POLL_SECONDS = 0.05


class NotReadyError(Exception):
    """A program ended, or was not ready in time; the text carries the end of its log."""


def free_port(wanted: int = 0) -> int:
    """Give `wanted` if nobody listens there, else a port that the operating system calls free."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise NotReadyError("no free port")


class Process:
    """A running program with its own process group and a log file."""

    def __init__(self, popen: subprocess.Popen[bytes], log: Path) -> None:
        self._popen = popen
        self.log = log

    @property
    def pid(self) -> int:
        """The id of the process, which is also that of its group."""
        return self._popen.pid

    def wait_until[T](self, ready: Callable[[], T | None], seconds: float) -> T:
        """Poll until `ready` gives something.

        Raises:
            NotReadyError: The program ended first, or the time is over.
        """
        deadline = time.monotonic() + seconds
        while True:
            if (found := ready()) is not None:
                return found
            if _has_ended(self.pid):
                raise NotReadyError(f"{self.log.stem} ended while it started:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise NotReadyError(f"{self.log.stem} was not ready after {seconds:.0f} s:\n{self.tail()}")
            time.sleep(POLL_SECONDS)

    def has_ended(self, seconds: float) -> bool:
        """Wait at most `seconds` for the program to end by itself."""
        deadline = time.monotonic() + seconds
        while not _has_ended(self.pid):
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def tail(self, lines: int = 40) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    def stop(self, *, politely: bool = True) -> int:
        """End the program politely or not, then whatever is left of its group by force; gives its exit code."""
        if self._popen.returncode is not None:
            return self._popen.returncode
        if politely and not _has_ended(self.pid):
            os.kill(self.pid, signal.SIGTERM)
            self.has_ended(STOP_SECONDS)
        # the leader is not reaped before its group is gone, so the id cannot belong to anybody else
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        return self._popen.wait()


class Guard:
    """The other end of the guard process."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen

    def tell(self, line: str) -> None:
        """Send one order: `+group ID`, `-group ID` or `+folder PATH`."""
        if self._popen.stdin:
            with suppress(BrokenPipeError):
                self._popen.stdin.write(f"{line}\n".encode())
                self._popen.stdin.flush()

    @contextmanager
    def running(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str],
        cwd: Path,
        politely: bool = True,
    ) -> Iterator[Process]:
        """Run a program for the length of the block; standard output and error go to `log`.

        One that need not be ended `politely` keeps nothing that anybody wants, and is not waited for.
        """
        with log.open("wb") as sink:
            popen = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=cwd,
                start_new_session=True,
            )
        process = Process(popen, log)
        try:
            self.tell(f"+group {process.pid}")
            yield process
        finally:
            process.stop(politely=politely)
            self.tell(f"-group {process.pid}")


@contextmanager
def guard() -> Iterator[Guard]:
    """Start the guard and let it go at the end of the block."""
    popen = subprocess.Popen(
        [sys.executable, "-m", "devstack.processes"],
        stdin=subprocess.PIPE,
        start_new_session=True,
        cwd=Path(__file__).parents[1],
    )
    try:
        yield Guard(popen)
    finally:
        if popen.stdin:
            popen.stdin.close()
        popen.wait()


def watch(orders: Iterator[str]) -> None:
    """Follow orders until they end, then kill the groups and remove the folders that are left."""
    groups: set[int] = set()
    folders: set[str] = set()
    for order in orders:
        verb, _, value = order.strip().partition(" ")
        match verb:
            case "+group":
                groups.add(int(value))
            case "-group":
                groups.discard(int(value))
            case "+folder":
                folders.add(value)
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def children(pid: int) -> Iterator[tuple[int, str]]:
    """Give the id and the command line of each child of a process."""
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,command="], capture_output=True, text=True, check=True
    ).stdout
    for line in listing.splitlines():
        fields = line.split(None, 2)
        if len(fields) == 3 and int(fields[1]) == pid:
            yield int(fields[0]), fields[2]


def _has_ended(pid: int) -> bool:
    """Tell whether our child has ended, without reaping it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


if __name__ == "__main__":
    # a Ctrl-C of the terminal is for our parent; we end when it does
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch(iter(sys.stdin.readline, ""))
