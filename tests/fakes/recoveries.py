"""What recovery remembers, in memory, with the conditions of the real one."""

from datetime import datetime

from leadbridge.domain.recovery import Meetings
from tests.fakes.clock import whole
from tests.fakes.steps import Step, nothing


class InMemoryRecoveries:
    """`usecases.late_calls.Recoveries`."""

    def __init__(self, *, step: Step = nothing) -> None:
        self._step = step
        self._reached: dict[str, datetime] = {}
        self._meetings: dict[str, tuple[Meetings, int]] = {}

    def reached(self, action_id: str) -> datetime | None:
        """Up to when an Action's calls were decided on; None if never."""
        self._step("recoveries.reached")
        return self._reached.get(action_id)

    def reach(self, action_id: str, at: datetime) -> None:
        """Note up to when an Action's calls were decided on."""
        self._step("recoveries.reach")
        self._reached[action_id] = whole(at)
        self._step("recoveries.reach.done")

    def meetings(self, key: str) -> tuple[Meetings, int]:
        """What is known under a key, and its version; nothing and 0 if nothing is."""
        self._step("recoveries.meetings")
        return self._meetings.get(key, (Meetings(), 0))

    def meet(self, key: str, known: Meetings, version: int) -> bool:
        """Replace what is known if `version` is still the current one; False if somebody else was faster."""
        self._step("recoveries.meet")
        first = self._meetings.get(key, (Meetings(), 0))[1] == version
        if first:
            self._meetings[key] = (known, version + 1)
        self._step("recoveries.meet.done")
        return first
