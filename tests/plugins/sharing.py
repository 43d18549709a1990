"""How a run is shared out to several processes: tests that share a deployed stack stay together, in one of them."""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it has no types

#: beginnings of test ids whose tests share something expensive, the longer ones first
TOGETHER: tuple[tuple[str, str], ...] = (
    ("tests/bench/", "bench"),
    ("tests/contract/openapi/", "openapi"),
    ("tests/e2e/", "e2e"),
    ("tests/fault/leaks/", "leaks"),
    ("tests/fault/test_killed_workers.py", "kills"),
    ("tests/fault/test_limits_stack.py", "limits"),
    ("tests/fault/test_throttled_store.py", ""),
    ("tests/fault/simulation/", ""),
    ("tests/fault/", "fault"),
)
#: the part of a test id that names the emulator's tables, which one process starts
EMULATOR = "[emulator"


def group_of(test_id: str) -> str:
    """The name of the tests that a test must run with, or its own id if it may run anywhere."""
    if EMULATOR in test_id:
        return "emulator"
    return next((group for start, group in TOGETHER if test_id.startswith(start)), "") or test_id


class Sharing(LoadScopeScheduling):  # type: ignore[misc]  # as above
    """Whole groups to one process, the largest first, everything else to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing:
    """Share out by groups; the plugin's own way by markers does nothing with this version of pytest."""
    return Sharing(config, log)
