"""The window that an incremental run reads: from the watermark to where the vendor shows everything."""

from datetime import datetime

from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.watermarks import Window, ceiling, window
from leadbridge.sync_ports import SyncRuns, SyncSource


def window_of(runs: SyncRuns, source: SyncSource, sync: str, vendor: Vendor, now: datetime) -> Window:
    """The window of a run that begins at `now`; the vendor is asked how far it shows everything."""
    covered = source.covered(now)
    return window(vendor, runs.standing(sync).watermark, ceiling(vendor, now, covered))
