"""The AWS emulator with a witness: every permission that a role used, one line each, in a file.

Runs with the emulator's own interpreter (`python -P emulator.py FILE`) and imports nothing of ours. The witness
stands where the emulator asks a role's policies, so it sees what the functions do and cannot change it; the
account's root, which the tests use, has no policies and is not written down.

Three things are set right. A batch of messages needs the permission of a single one, as on AWS, which has no other. A
function's process that dies while it starts ends its own invocation only: the emulator would throw away every process
of that function, those at work and those that just start, whose failed start would do the same to the next. And a
layer is unpacked once: the emulator would unpack thousands of files for each process that it starts, which costs more
than the start itself, and take as long to remove them.

And two things are sooner done: functions' processes are forked (`starts.py`), and requests are answered by uvicorn.
"""

import ctypes
import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import zipfile
from importlib import import_module
from pathlib import Path
from threading import Lock, local
from types import SimpleNamespace
from typing import Any, ClassVar, Self

#: requests whose permission has another name (AWS service authorization reference, Amazon SQS)
PERMISSIONS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
#: bytes of the last record of a ZIP file without a comment
END_BYTES = 22
#: connections that may wait to be taken, and how long one may say nothing
BACKLOG = 1000
IDLE_SECONDS = 3600
#: linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36


def witness(file: Path) -> None:
    """Write each new combination of role, action, resource and decision to `file` as a JSON line."""
    evaluator = vars(import_module("ministack.core.iam_evaluator"))
    enforce, evaluate = evaluator["enforce"], evaluator["evaluate"]
    asked = local()
    seen: set[tuple[str, str, str, str]] = set()

    def evaluating(context: Any, *policies: Any) -> Any:
        # a request's first evaluation is that of its own policies, others may follow for the resource's
        asked.context = getattr(asked, "context", None) or context
        return evaluate(context, *policies)

    def enforcing(access_key: str, action: str, *arguments: Any, **named: Any) -> Any:
        asked.context = None
        denied = enforce(access_key, PERMISSIONS.get(action, action), *arguments, **named)
        if asked.context:
            note(asked.context, "deny" if denied else "allow")
        return denied

    def note(context: Any, decision: str) -> None:
        # arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
        role = context.principal_arn.partition(":assumed-role/")[2].partition("/")[0]
        use = (role, context.action, context.resource_arn, decision)
        if role and use not in seen:
            seen.add(use)
            members = dict(zip(("role", "action", "resource", "decision"), use, strict=True))
            with file.open("a", encoding="utf-8") as sink:
                sink.write(json.dumps(members) + "\n")

    # whoever asks looks these up in the module at each request
    evaluator.update(enforce=enforcing, evaluate=evaluating)


def one_death_at_a_time() -> None:
    """Have a start that failed answered like a process that died at work."""
    worker = vars(import_module("ministack.core.lambda_runtime"))["Worker"]
    invoke = worker.invoke

    def invoking(self: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return invoke(self, *arguments, **named)
        except (RuntimeError, OSError) as error:
            return {"status": "error", "error": str(error)}

    worker.invoke = invoking


class Archive:
    """What the emulator uses of `zipfile.ZipFile`; a layer becomes a link to the one place where it is unpacked."""

    _unpacking = Lock()

    def __init__(self, file: str) -> None:
        self._file = Path(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is kept open."""

    def namelist(self) -> list[str]:
        """The names that want a look before they are unpacked: none, `zipfile` leads none of them astray."""
        return []

    def extractall(self, target: str) -> None:
        """Have the contents in the empty folder `target`; those of a layer are read by others too."""
        folder = Path(target)
        if not folder.name.startswith("layer_"):
            self._unpack(folder)
            return
        shared = Path(tempfile.gettempdir()) / "layers" / hashlib.sha256(self._directory()).hexdigest()
        with self._unpacking:
            if not shared.exists():
                half = shared.with_suffix(".half")
                self._unpack(half)
                half.rename(shared)
        self._file.unlink()
        folder.rmdir()
        folder.symlink_to(shared)

    def _directory(self) -> bytes:
        """The end of the file, which names all that it holds with its checksums."""
        with self._file.open("rb") as file:
            end = file.seek(-END_BYTES, os.SEEK_END)
            length, begin = struct.unpack("<II", file.read(END_BYTES)[12:20])
            if begin + length != end:
                raise zipfile.BadZipFile(f"{self._file} does not end with its directory")
            file.seek(begin)
            return file.read()

    def _unpack(self, folder: Path) -> None:
        with zipfile.ZipFile(self._file) as archive:
            archive.extractall(folder)


def one_copy_of_a_layer() -> None:
    """Have processes of the functions share what their layers hold."""
    names = vars(import_module("ministack.core.lambda_runtime"))
    names["zipfile"] = SimpleNamespace(**vars(zipfile) | {"ZipFile": Archive})


class Starter:
    """The other end of `starts.py`: one for each set of layers, as its processes hold what they loaded from them."""

    _all: ClassVar[dict[tuple[str, ...], "Starter"]] = {}
    _making = Lock()

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        script = str(Path(__file__).with_name("starts.py"))
        with theirs:
            # the last argument is room for the command lines of those that it becomes
            self._process = subprocess.Popen([sys.executable, "-P", script, "." * 1000], stdin=theirs.fileno())
        self._orders, self._one_by_one = ours, Lock()

    @classmethod
    def of(cls, layers: tuple[str, ...]) -> "Starter":
        """The one for these layers."""
        with cls._making:
            if layers not in cls._all:
                cls._all[layers] = cls()
            return cls._all[layers]

    def start(self, order: dict[str, Any], handles: list[int]) -> int:
        """Give the id of a new process that has these handles as its input, output and error."""
        with self._one_by_one:
            socket.send_fds(self._orders, [json.dumps(order).encode()], handles)
            answer = self._orders.recv(20)
        if not answer:
            raise OSError("no process can be started any more")
        return int(answer)


class Start(subprocess.Popen[str]):
    """A process as the emulator starts it, that of a Python function forked."""

    def _execute_child(self, arguments: Any, *others: Any) -> None:
        # executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell, then the pipes
        folder, environment, pipes = others[4], others[5], others[9:15]
        if Path(arguments[-1]).name != "_worker.py":
            vars(subprocess.Popen)["_execute_child"](self, arguments, *others)
            return
        layers = [str(Path(each).resolve()) for each in environment.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep)]
        order = {"command": arguments, "folder": folder, "environment": environment, "layers": layers}
        reading, _, _, writing, _, errors = pipes
        self.pid = Starter.of(tuple(layers)).start(order, [reading, writing, errors])
        vars(self)["_child_created"] = True
        vars(subprocess.Popen)["_close_pipe_fds"](self, *pipes)


def quick_starts() -> None:
    """Have functions' processes forked from one that has loaded their layers, where the system can give us children."""
    if sys.platform != "linux":
        return
    # children of theirs whose parents ended are ours: so we hear of their ends as of those that we start
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    names = vars(import_module("ministack.core.lambda_runtime"))
    names["subprocess"] = SimpleNamespace(**vars(subprocess) | {"Popen": Start})


def quick_answers() -> None:
    """Have requests answered by uvicorn, in half the processor's time of the server that the emulator brings."""
    uvicorn = import_module("uvicorn")

    async def serve(app: Any, config: Any) -> None:
        host, _, port = str(config.bind[0]).rpartition(":")
        settings = uvicorn.Config(
            app,
            host=host,
            port=int(port),
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            # the emulator's answers have the headers that AWS's have
            server_header=False,
            date_header=False,
            backlog=BACKLOG,
            # a caller that comes back after a while would find its connection just being closed
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=1,
        )
        await uvicorn.Server(settings).serve()

    # the emulator looks it up there when it begins
    vars(import_module("hypercorn.asyncio"))["serve"] = serve


if __name__ == "__main__":
    witness(Path(sys.argv.pop()))
    one_death_at_a_time()
    one_copy_of_a_layer()
    quick_starts()
    quick_answers()
    import_module("ministack.app").main()
