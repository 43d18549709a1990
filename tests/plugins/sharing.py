"""How a run is shared out to several processes: tests that share a deployed stack stay together, in one of them."""

import fcntl
import gc
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it has no types

#: beginnings of test ids whose tests share something expensive, the longer ones first
TOGETHER: tuple[tuple[str, str], ...] = (
    ("tests/bench/", "bench"),
    ("tests/contract/openapi/", "openapi"),
    # it starts stacks of its own
    ("tests/e2e/test_demo.py", "demo"),
    ("tests/e2e/", "e2e"),
    ("tests/fault/leaks/", "leaks"),
    ("tests/fault/test_killed_workers.py", "kills"),
    ("tests/fault/test_limits_stack.py", "limits"),
    ("tests/fault/test_throttled_store.py", ""),
    ("tests/fault/simulation/", ""),
    ("tests/fault/", "fault"),
)
#: groups that take minutes, the longest first; an order that is no longer true costs time and nothing else
LONGEST = ("e2e", "fault", "leaks", "kills", "bench", "limits", "demo")
#: the part of a test id that names the emulator's tables, which one process starts
EMULATOR = "[emulator"


def group_of(test_id: str) -> str:
    """The name of the tests that a test runs with: those of its stack, those of its file, or none but itself.

    A file's tests share what is made once for them; handing them out one by one also costs more than most of them.
    """
    if EMULATOR in test_id:
        return "emulator"
    group = next((group for start, group in TOGETHER if test_id.startswith(start)), None)
    return test_id.partition("::")[0] if group is None else group or test_id


def place_of(group: str) -> tuple[int, int]:
    """When a group is begun: stacks first, the one that takes longest of all, then long single tests, then files."""
    if group in LONGEST:
        return 0, LONGEST.index(group)
    if "::" in group:
        return 1, 0
    return (2, 0) if group.endswith(".py") else (0, len(LONGEST))


class Sharing(LoadScopeScheduling):  # type: ignore[misc]  # as above
    """Whole groups to one process each, in the order of `place_of`, to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        first = min(self.workqueue, key=place_of)
        self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing:
    """Share out by groups; the plugin's own way by markers does nothing with this version of pytest."""
    return Sharing(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, Any, Any]:
    """Let the first process compile the tests, which takes longer than running most of them, before others collect."""
    with without_collecting_garbage():
        if not hasattr(session.config, "workerinput") or sys.dont_write_bytecode:
            return (yield)
        with first_alone(session.config.rootpath / ".local" / "collecting"):
            return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What stays to the end is not looked through again and again while tests run, which takes a twentieth of it."""
    gc.freeze()


@contextmanager
def without_collecting_garbage() -> Iterator[None]:
    """What modules and tests are made of stays, and looking through it again and again takes a sixth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextmanager
def first_alone(file: Path) -> Iterator[None]:
    """Whoever comes first is alone, all others are together after that; the lock of one who dies is free."""
    file.parent.mkdir(exist_ok=True)
    with file.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(held, fcntl.LOCK_SH)
        yield
