"""The command line as a person runs it, each command a process of its own, without each loading the same modules.

One process loads them and forks for each command (`serve`); a command has its own arguments, folder,
environment and outputs, and ends with its own code. What a command loads by itself is tested in tests/unit/cli.
"""

import atexit
import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from devstack.starts import read_certificates_once, read_descriptions_once

ROOT = Path(__file__).resolve().parent.parent


class Commands:
    """The process that forks; it ends with ours."""

    def __init__(self) -> None:
        """Nothing is started before the first command."""
        self._lock = threading.Lock()
        self._server: subprocess.Popen[str] | None = None
        atexit.register(self.close)

    def close(self) -> None:
        """Let the process that forks end: it reads to the end of what it is asked."""
        if self._server is not None:
            self._server.communicate()
            self._server = None

    def run(
        self, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Run `leadbridge` with arguments.

        Raises:
            subprocess.TimeoutExpired: It did not end in time, and was killed.
        """
        with self._lock, tempfile.TemporaryDirectory() as scratch:
            outputs = [Path(scratch, name) for name in ("stdout", "stderr")]
            for each in outputs:
                each.touch()
            request = {
                "arguments": arguments,
                "folder": str(folder),
                "environment": dict(environment),
                "outputs": [str(each) for each in outputs],
            }
            code = self._asked(request, seconds)
            return subprocess.CompletedProcess(
                ["leadbridge", *arguments], code, *(each.read_text() for each in outputs)
            )

    def _asked(self, request: Mapping[str, Any], seconds: float) -> int:
        server = self._started()
        if server.stdin is None or server.stdout is None:
            raise AssertionError("the process that forks has no pipes")
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        if not select.select([server.stdout], [], [], seconds)[0]:
            # its group: the command that does not end is one of it
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
            self._server = None
            raise subprocess.TimeoutExpired(["leadbridge", *request["arguments"]], seconds)
        return int(server.stdout.readline())

    def _started(self) -> subprocess.Popen[str]:
        if self._server is None or self._server.poll() is not None:
            self._server = subprocess.Popen(
                [sys.executable, "-c", "from tests.commands import serve; serve()"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                process_group=0,
            )
        return self._server


#: of this test process
COMMANDS = Commands()


def serve() -> None:
    """Fork for each request that comes, and answer with the code of its end; end when nobody can ask any more."""
    main = import_module("leadbridge_cli.main")
    for module in {"boto3", *(f"leadbridge_cli.{each}" for each in main.MODULES.values())}:
        import_module(module)
    read_descriptions_once()
    read_certificates_once()
    # else each command looks through everything that we loaded when it ends, which takes longer than what it does
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _become(json.loads(line))
            try:
                main.main()
            except SystemExit as end:
                _leave(end)
            sys.exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _leave(end: SystemExit) -> NoReturn:
    """End as a command does, but for giving back piece by piece what the process that forks has loaded."""
    threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter does first, too
    atexit._run_exitfuncs()
    sys.stdout.flush()
    if isinstance(end.code, str):
        print(end.code, file=sys.stderr)
    sys.stderr.flush()
    os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))


def _become(request: Mapping[str, Any]) -> None:
    """Take over the arguments, the folder, the environment and the outputs of a command."""
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    for number, path in ((0, os.devnull), *enumerate(request["outputs"], 1)):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = [str(Path(sys.executable).parent / "leadbridge"), *request["arguments"]]
