"""Starts the functions' processes by forking from one that has loaded what their layers hold.

A process that loads the libraries by itself takes half a second of the processor for that, and a test run starts
hundreds. Each forked one unpacks, imports and runs the packaged function as every other does, with its own arguments,
folder, environment and pipes; only modules of the layers, and the AWS library's data files, are there already. That a
function starts from nothing but its artifact is tested where artifacts are.

Runs with the emulator's own interpreter (`python -P starts.py ...`, orders on its standard input) and imports nothing
of ours.
"""

import ctypes
import functools
import gc
import json
import os
import pkgutil
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

#: bytes of an order: an environment of 4 KB at most, and some paths
ORDER_BYTES = 1 << 16
#: the AWS services whose descriptions are read once
SERVICES = ("dynamodb", "lambda", "s3", "scheduler", "secretsmanager", "sqs", "stepfunctions")
#: changes what all that follows does, so each process begins with it
APART = "leadbridge.cold_start"


def serve() -> None:
    """Fork for each order that comes, and answer with the id of the process; end when nobody can order any more."""
    with socket.socket(fileno=os.dup(0)) as orders:
        first, handles, _, _ = socket.recv_fds(orders, ORDER_BYTES, 3)
        if first:
            preload(json.loads(first)["layers"])
        while first:
            worker = _forked(json.loads(first), handles, orders)
            for handle in handles:
                os.close(handle)
            orders.send(str(worker).encode())
            first, handles, _, _ = socket.recv_fds(orders, ORDER_BYTES, 3)


def preload(layers: Sequence[str]) -> None:
    """Import every module of our package in the layers, with all that it needs, and read the services' descriptions."""
    gc.disable()
    # as the emulator's processes do, which keep their standard output for answers
    sys.stdout = sys.stderr
    search = [folder for layer in reversed(layers) for folder in (layer, f"{layer}/python")]
    sys.path[:0] = search
    read_descriptions_once()
    with suppress(ImportError):
        read_certificates_once()
    for name in ("leadbridge", *_names(search)):
        # a function without the layer of libraries needs no module that needs them
        with suppress(ImportError):
            import_module(name)
    del sys.path[: len(search)]
    sys.stdout = sys.__stdout__
    gc.freeze()
    gc.enable()


def _names(search: Sequence[str]) -> list[str]:
    found = [f"{folder}/leadbridge" for folder in search]
    return [each.name for each in pkgutil.walk_packages(found, "leadbridge.", lambda _: None) if each.name != APART]


def read_descriptions_once() -> None:
    """Have the AWS library keep what its data files say: each process would read them anew, and they are large.

    So with which of them there are, for which it looks into hundreds of folders.
    """
    loader: Any = vars(import_module("botocore.loaders"))["JSONFileLoader"]
    read = loader.load_file
    contents = functools.cache(lambda path: read(loader(), path))
    loader.load_file = lambda _, path: contents(path)
    finder: Any = vars(import_module("botocore.loaders"))["Loader"]
    look = finder.list_available_services
    names = functools.cache(lambda kind, folders: look(finder(list(folders), include_default_search_paths=False), kind))
    finder.list_available_services = lambda found, type_name: list(names(type_name, tuple(found.search_paths)))
    session = vars(import_module("boto3"))["Session"]("none", "none", region_name="us-east-1")
    for service in SERVICES:
        session.client(service).close()


def read_certificates_once() -> None:
    """Have the authorities' certificates read by us alone: each process with an HTTP client would read them anew.

    So with what such a client loads with its first use.

    Raises:
        ImportError: There is none.
    """
    ssl: Any = import_module("ssl")
    make = ssl.create_default_context
    known = functools.cache(lambda cafile: make(cafile=cafile))

    def made(*purpose: Any, cafile: str | None = None, **named: Any) -> Any:
        return make(*purpose, cafile=cafile, **named) if purpose or named or cafile is None else known(cafile)

    ssl.create_default_context = made
    vars(import_module("httpx"))["Client"](trust_env=False).close()


def _forked(order: Mapping[str, Any], handles: Sequence[int], orders: socket.socket) -> int:
    """Start a process that is nobody's child, so that it becomes the emulator's; gives its id."""
    reading, writing = os.pipe()
    between = os.fork()
    if not between:
        worker = os.fork()
        if worker:
            os.write(writing, str(worker).encode())
            os._exit(0)
        os.close(reading)
        os.close(writing)
        orders.close()
        run(order, handles)
    os.waitpid(between, 0)
    worker = int(os.read(reading, 20))
    os.close(reading)
    os.close(writing)
    return worker


def run(order: Mapping[str, Any], handles: Sequence[int]) -> None:
    """Be the process that was ordered, and end with it."""
    for number, handle in enumerate(handles):
        os.dup2(handle, number)
        os.close(handle)
    os.chdir(order["folder"])
    os.environ.update(order["environment"])
    _, script = command = order["command"]
    sys.argv[:] = [script]
    sys.path.insert(0, str(Path(script).parent))
    rename(command)
    exec(compile(Path(script).read_bytes(), script, "exec"), {"__name__": "__main__"})  # noqa: S102
    sys.exit(0)


def rename(command: Sequence[str]) -> None:
    """Have the list of processes show this command: our own was begun with room for it."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    # the 48th and 49th of them, the third is the first after the name
    begin, end = int(fields[45]), int(fields[46])
    line = b"\0".join(map(os.fsencode, command))[: end - begin - 1]
    ctypes.memset(begin, 0, end - begin)
    ctypes.memmove(begin, line, len(line))


if __name__ == "__main__":
    # a Ctrl-C of the terminal is not for us
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve()
