"""How a run is shared out to several processes: tests that share a deployed stack stay together, in one of them.

Who has a stack often waits, for a lease to end or a window to pass. So there is a process more than may have stacks: it
begins with the other tests, and steps back where a stack has something to do.
"""

import fcntl
import gc
import os
import sys
from collections.abc import Generator, Iterable, Iterator
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
    ("tests/integration/console/", "console"),
)
#: groups that take minutes, the longest first; an order that is no longer true costs time and nothing else
LONGEST = ("e2e", "fault", "leaks", "kills", "bench", "limits", "demo")
#: begun before other tests that have no stack
BROWSERS = "console"
#: processes that have stacks, those that come first; whoever comes after them begins with other tests
WITH_STACKS = 4
#: by so much the others step back
STEP_BACK = 3
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
    """When a group is begun: stacks first, the one that takes longest of all, then browsers, which mostly wait, then
    long single tests, then files."""
    if group in LONGEST:
        return 0, LONGEST.index(group)
    if group == BROWSERS or "::" in group:
        return 1, int(group != BROWSERS)
    return (2, 0) if group.endswith(".py") else (0, len(LONGEST))


def next_of(groups: Iterable[str], worker: str) -> str:
    """The group that a process begins, named `gw0` and so on, whichever are left."""
    if not steps_back(worker):
        return min(groups, key=place_of)
    return min(groups, key=lambda group: (place_of(group)[0] == 0, place_of(group)))


def steps_back(worker: str) -> bool:
    """Whether a process leaves stacks to others, as long as there is anything else."""
    return int(worker.removeprefix("gw")) >= WITH_STACKS


class Listed(list[str]):
    """A list of tests that knows where each of them stands: thousands are looked for in thousands."""

    def __init__(self, tests: Iterable[str]) -> None:
        super().__init__(tests)
        self._places = {test: place for place, test in enumerate(self)}

    def index(self, value: str, *_: object) -> int:
        """Where a test stands."""
        return self._places[value]


class Sharing(LoadScopeScheduling):  # type: ignore[misc]  # as above
    """Whole groups to one process each, in the order of `place_of`, to whoever is free."""

    def add_node_collection(self, node: Any, collection: Iterable[str]) -> None:
        """Take in what a process has found."""
        super().add_node_collection(node, list(collection))
        if node in self.registered_collections:
            self.registered_collections[node] = Listed(self.registered_collections[node])

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        first = next_of(self.workqueue, node.gateway.id)
        self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Step back, if this process is one that does."""
    told: dict[str, Any] = getattr(session.config, "workerinput", {})
    if told and steps_back(told["workerid"]):
        os.nice(STEP_BACK)


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
