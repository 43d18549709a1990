"""The journal in memory."""

from collections.abc import Sequence

from leadbridge.domain.journal import Entry


class InMemoryJournal:
    """`ports.Journal`; of entries of one moment the later one is newer."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def note(self, entry: Entry) -> None:
        """Keep an entry."""
        self.entries.append(entry)

    def page(self, before: str, limit: int) -> tuple[Sequence[Entry], str]:
        """So many entries, the newest first, and the mark before which others follow; it is empty if none do."""
        place = before.rpartition("#")[2]
        # of a mark that was not given here nothing follows
        end = len(self.entries) if not before else int(place) if place.isascii() and place.isdecimal() else 0
        start = max(0, end - limit)
        return self.entries[start:end][::-1], f"{self.entries[start].at.isoformat()}#{start}" if start else ""
