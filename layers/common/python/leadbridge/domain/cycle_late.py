"""What a leg reads that reads by itself, and where its watermark stays if rows were refused. Pure."""

from datetime import datetime, timedelta

from leadbridge.domain.cycle_legs import Queue
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.watermarks import Window

#: so long behind its moment a row that was refused is read again, and tried; what is read with it is there already
TRIED_FOR = timedelta(hours=1)


def late_window(run: CycleRun, queue: Queue, waits: timedelta) -> Window:
    """What a queue reads in a run: from its watermark on, and before that as much as its rows wait for somebody."""
    since, until = run.since.get(queue.name), run.ceilings[queue.side.value]
    if since is None:
        return Window(until=until)
    return Window(since=since - waits, until=max(since, until))


def held_back(run: CycleRun, queue: Queue) -> datetime:
    """The watermark of a queue of which rows were refused, unless it was further on already.

    Whatever was read that is older is not read again: a first run may have read years, which cost extracts.
    """
    return run.ceilings[queue.side.value] - TRIED_FOR
