"""Announced changes in memory."""

from collections.abc import Collection

from leadbridge.domain.announced import Announcement


class InMemoryAnnouncements:
    """`usecases.hear_of_changes.Announcements`."""

    def __init__(self) -> None:
        """Nothing was notified yet."""
        self.brought_by: dict[tuple[str, str], str] = {}

    def claim(self, announcement: Announcement) -> Collection[str]:
        """As the port says."""
        return {
            each.id
            for each in announcement.notifications
            if self.brought_by.setdefault((announcement.connection, each.id), announcement.id) == announcement.id
        }


class InMemoryLater:
    """`usecases.hear_of_changes.Later`; `waiting` is what is to be delivered once more."""

    def __init__(self) -> None:
        """Nothing waits."""
        self.waiting: list[Announcement] = []

    def again(self, announcement: Announcement, seconds: int) -> None:
        """As the port says."""
        assert 0 < seconds <= 900
        self.waiting.append(announcement)
