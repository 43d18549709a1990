"""View Query: what a Sync would ask its source for, if a run began now. Nothing but the way to it asks a vendor.

The text is that of the first request as the vendor receives it, made by the client that would send it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.source_query import Facts, SourceQuery, source_query
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_plan import Choice
from leadbridge.domain.watermarks import EVERYTHING, Window
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Documents
from leadbridge.sync_ports import SyncRuns, SyncSource, SyncVendors
from leadbridge.usecases.source_facts import SourceFacts
from leadbridge.usecases.sync_window import begun, way_of, window_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewed:
    """A query and its first request; `window` is what an incremental run would read."""

    sync: Sync
    version: int
    query: SourceQuery
    request: str
    window: Window
    choice: Choice
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A Sync with its source at hand."""

    sync: Sync
    version: int
    vendor: Vendor
    source: SyncSource
    facts: Facts
    window: Window
    at: datetime


class ViewSync:
    """The use-case of View Query."""

    def __init__(
        self,
        *,
        documents: Documents,
        runs: SyncRuns,
        vendors: SyncVendors,
        facts: SourceFacts,
        vendor: Callable[[str], Vendor],
        clock: Clock,
    ) -> None:
        """`vendor` tells whose a connection is."""
        self._documents = documents
        self._runs = runs
        self._vendors = vendors
        self._facts = facts
        self._vendor = vendor
        self._clock = clock

    def __call__(self, sync_id: str, version: int | None = None) -> Viewed:
        """What a run that began now would ask.

        Raises:
            ConfigurationError: There is no such Sync, or its source cannot be asked that way.
        """
        return self.viewed(self.opened(sync_id, version))

    def opened(self, sync_id: str, version: int | None = None, document: Sync | None = None) -> Opened:
        """A Sync with its source; `document` is an edit of the stored one, or one that is not stored at all."""
        stored = self._documents.get("sync", sync_id, version)
        sync = document or (stored.document if stored else None)
        if not isinstance(sync, Sync):
            what = f"the Sync {sync_id} has no version {version}" if version else f"there is no Sync {sync_id}"
            raise ConfigurationError([f"{what}; apply its document first"])
        current = stored.version if stored else 0
        now = self._clock.now()
        vendor = self._vendor(sync.source.connection)
        source = self._vendors.source(sync)
        window = window_of(self._runs, source, sync, vendor, now)[0] if sync.incremental else EVERYTHING
        facts = self._facts(sync, current, vendor) if document is None else self._facts.asked(sync, vendor)
        return Opened(sync=sync, version=current, vendor=vendor, source=source, facts=facts, window=window, at=now)

    def viewed(self, opened: Opened) -> Viewed:
        """The query of an opened Sync."""
        try:
            choice = way_of(opened.sync, opened.vendor, opened.source, opened.facts, opened.window, now=opened.at)
            facts = begun(opened.facts, opened.source, choice, opened.window)
            query = source_query(opened.sync, opened.vendor, facts, opened.window, way=choice.way, now=opened.at)
        except ValueError as error:
            raise ConfigurationError([f"source: {error}"]) from error
        return Viewed(
            sync=opened.sync,
            version=opened.version,
            query=query,
            request=opened.source.shown(query),
            window=opened.window,
            choice=choice,
            at=opened.at,
        )
