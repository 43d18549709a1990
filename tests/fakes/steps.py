"""Points at which a process can die: every double passes one before and after each thing it commits."""

from collections.abc import Callable

type Step = Callable[[str], None]


def nothing(_: str) -> None:
    """The step of a process that lives."""


class Crash(BaseException):
    """The death of a process; no code of the product may catch it."""


class Steps:
    """Counts the steps of a run, and ends the process at a chosen one."""

    def __init__(self) -> None:
        """Nobody dies until `die_at` is set."""
        self.taken: list[str] = []
        self.die_at: int | None = None

    def __call__(self, name: str) -> None:
        """Take one step."""
        self.taken.append(name)
        if self.die_at is not None and len(self.taken) >= self.die_at:
            self.die_at = None
            raise Crash(name)

    def arm(self, number: int) -> None:
        """Die at the step of that number (from 1), counted from now."""
        self.taken.clear()
        self.die_at = number

    def disarm(self) -> None:
        """Live on."""
        self.die_at = None
