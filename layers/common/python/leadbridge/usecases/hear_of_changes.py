"""Take up what an org has announced: its records become due in the cycles that keep them, and Syncs run early.

A Sync reads by its watermark, so an announcement only brings its next run forward. It is heard of for as long as the
watermark lies behind it: a run that was at work at the time, or that began in the same minute, did not read it.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Protocol

from leadbridge.cycle_ports import DueRecord, DueRecords
from leadbridge.domain.announced import LEFT_AFTER, SKEW, Announcement
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.lifecycle import DocumentState
from leadbridge.domain.sync import Sync
from leadbridge.domain.three_way import Side
from leadbridge.ports import Clock, Configurations, Meter
from leadbridge.sync_ports import SyncRuns
from leadbridge.usecases.start_sync import StartSync


class Announcements(Protocol):
    """Notifications that have been heard of."""

    def claim(self, announcement: Announcement) -> Collection[str]:
        """The ids of its notifications that no other announcement has brought; they are its own from now on."""
        ...


class Later(Protocol):
    """Where announcements wait to be heard of."""

    def again(self, announcement: Announcement, seconds: int) -> None:
        """Have it delivered once more, after so many seconds.

        Raises:
            TransientError: It may not be.
        """
        ...


class HearOfChanges:
    """The use-case behind `receive_outbound_message`."""

    def __init__(
        self,
        *,
        configurations: Configurations,
        announcements: Announcements,
        later: Later,
        due: Callable[[str], DueRecords],
        tick: Callable[[str], None],
        runs: SyncRuns,
        start: StartSync,
        clock: Clock,
        meter: Meter,
        look_seconds: int,
    ) -> None:
        """`due` gives what is due in a cycle, and `tick` has it looked at soon.

        Of an announcement whose run is started the first look is after `look_seconds`.
        """
        self._configurations = configurations
        self._announcements = announcements
        self._later = later
        self._due = due
        self._tick = tick
        self._runs = runs
        self._start = start
        self._clock = clock
        self._meter = meter
        self._look_seconds = look_seconds

    def __call__(self, announcement: Announcement) -> bool:
        """Hear of an announcement; returns whether it waits. Heard of twice it does the same.

        Raises:
            TransientError: AWS asks for a pause.
        """
        if not announcement.looks:
            announcement = self._new_of(announcement)
            self._note_due(announcement)
        # all of them are started, before it is said that one waits
        waiting = [sync for sync in self._syncs(announcement) if self._is_behind(sync, announcement)]
        if not waiting:
            return False
        now = self._clock.now()
        if now - announcement.received_at > LEFT_AFTER:
            self._meter.count("AnnouncementsLeft")
            return False
        looked_at = replace(announcement, looks=announcement.looks + 1)
        self._later.again(looked_at, announcement.pause(now, self._look_seconds))
        return True

    def _new_of(self, announcement: Announcement) -> Announcement:
        """The announcement without what came before."""
        claimed = self._announcements.claim(announcement)
        new = tuple(each for each in announcement.notifications if each.id in claimed)
        self._meter.count("NotificationsTaken", len(new))
        if len(new) < len(announcement.notifications):
            self._meter.count("NotificationsRepeated", len(announcement.notifications) - len(new))
        return replace(announcement, notifications=new)

    def _note_due(self, announcement: Announcement) -> None:
        for stored in self._configurations.list("crm_cycle"):
            cycle = stored.document
            if not isinstance(cycle, CrmCycle) or cycle.salesforce != announcement.connection:
                continue
            if stored.state is not DocumentState.ACTIVE:
                continue
            kept = cycle.salesforce_objects
            records = [
                DueRecord(side=Side.SALESFORCE, object=each.object, id=each.record, noted_at=announcement.received_at)
                for each in announcement.notifications
                if each.object in kept
            ]
            if records:
                self._due(cycle.id).add(records)
                self._tick(cycle.id)

    def _syncs(self, announcement: Announcement) -> Iterator[str]:
        """The active incremental Syncs that read one of the objects."""
        objects = {each.object.casefold() for each in announcement.notifications}
        if not objects:
            return
        for stored in self._configurations.list("sync"):
            sync = stored.document
            if not isinstance(sync, Sync) or stored.state is not DocumentState.ACTIVE or not sync.incremental:
                continue
            if sync.source.connection == announcement.connection and sync.source.object.casefold() in objects:
                yield sync.id

    def _is_behind(self, sync: str, announcement: Announcement) -> bool:
        """Whether a Sync has still to read what was announced, and will soon; it is started if it can read it by now.

        One that has never run is left alone: its first run reads everything, which is for a person or its schedule
        to begin.
        """
        watermark = self._runs.standing(sync).watermark
        if watermark is None or watermark >= announcement.received_at + SKEW:
            return False
        if self._clock.now() < announcement.readable_from:
            return True
        started = self._start.announced(sync)
        if started.started:
            self._meter.count("RunsAnnounced")
        return started.because not in {"gone", "no_slot", "not_active"}
