"""Marketo's activities in a cycle (`cycle_ports.Entity`): nothing is decided, a leg is a Sync that reads and writes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_activities import activity_legs, activity_queues, waits
from leadbridge.domain.cycle_late import held_back, late_window
from leadbridge.domain.cycle_legs import ACTIVITIES, Leg, Queue
from leadbridge.domain.cycle_schema import Checked, Schema
from leadbridge.domain.cycle_words import ACTIVITIES_UNPLANNED
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.usecases.cycle_plans import CyclePlans


class KeepActivities:
    """Makes records of activities, behind all that is written of people."""

    name = "activities"

    def __init__(self, cycle: CrmCycle, plans: CyclePlans) -> None:
        """Sends nothing."""
        self._plans = plans
        self._queues = tuple(activity_queues(cycle))
        self._legs = {leg.name: leg for leg in activity_legs(cycle)}
        self._waits = waits(cycle)

    def queues(self) -> Sequence[Queue]:
        """What is read, when it is written."""
        return self._queues

    def legs(self) -> Sequence[Leg]:
        """All that may be written."""
        return tuple(self._legs.values())

    def look(self, before: Mapping[str, Schema], version: int, carried_to: datetime) -> Mapping[str, Checked]:
        """There are no pairs of fields: what a leg's target lacks, its own run says."""
        del before, version, carried_to
        return {}

    def decide(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Note that something is read behind all writes; nothing else is to be decided."""
        del remaining
        if run.planning:
            told = (*run.warnings, ACTIVITIES_UNPLANNED)
            return None if run.through else replace(run, through=1, warnings=told)
        return None if run.late else replace(run, late=True)

    def prepare(self, run: CycleRun, group: str) -> Sequence[SyncOrder]:
        """The runs of the legs, stored and ready to be started."""
        if group != ACTIVITIES:
            return []
        orders = (
            self._plans.begin_late(run, self._legs[queue.name], late_window(run, queue, self._waits[queue.name]))
            for queue in self._queues
        )
        return [order for order in orders if order is not None]

    def remember(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Let the watermark stay a while where rows failed, so that the next run tries them again."""
        del remaining
        if run.through:
            return None
        held = {
            queue.name: held_back(run, queue)
            for queue in self._queues
            if self._plans.failed(run, self._legs[queue.name])
        }
        return replace(run, held={**run.held, **held}, through=1) if held else None
