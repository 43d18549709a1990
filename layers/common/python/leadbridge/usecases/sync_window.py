"""What a run begins with, whether it is run or only looked at: the window that it reads, and the way."""

from dataclasses import replace
from datetime import datetime

from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.reading import reads_anew
from leadbridge.domain.source_query import Facts, source_query
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_plan import Choice, choose_extract
from leadbridge.domain.watermarks import Window, ceiling, window
from leadbridge.sync_ports import SyncRuns, SyncSource


def window_of(runs: SyncRuns, source: SyncSource, sync: Sync, vendor: Vendor, now: datetime) -> tuple[Window, bool]:
    """The window of a run that begins at `now`, and whether the vendor says that nothing changed in it.

    Everything is read where the Sync carries something else by now than what its watermark stands for. The vendor is
    asked how far it shows everything; one that answers with what changed need not be asked again.
    """
    standing = runs.standing(sync.id)
    watermark = None if reads_anew(standing, sync) else standing.watermark
    # an extract of activities holds what was shown late: its job is made minutes behind the ceiling
    exact = sync.source.object == "activities" and sync.by.extract == "bulk"
    known = window(vendor, watermark, now, exact=exact)
    covered = source.covered(now, known.since)
    return window(vendor, watermark, ceiling(vendor, now, covered.until), exact=exact), covered.idle


def way_of(sync: Sync, vendor: Vendor, source: SyncSource, facts: Facts, read: Window, *, now: datetime) -> Choice:
    """The way of a run; of a first or full reading that may go either way the vendor counts the rows, if it can."""
    known = choose_extract(sync, vendor, facts, None, changes=read.since is not None)
    if known.settled or read.since is not None:
        return known
    query = source_query(sync, vendor, facts, read, way="rest", now=now)
    return choose_extract(sync, vendor, facts, source.count(query), changes=False)


def begun(facts: Facts, source: SyncSource, choice: Choice, read: Window) -> Facts:
    """The facts with the moment before which nothing was made, where that shortens an extract of everything."""
    if choice.way != "bulk" or read.since is not None:
        return facts
    return replace(facts, made_since=source.made_since())
