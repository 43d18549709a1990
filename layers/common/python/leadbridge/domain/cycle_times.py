"""When a CRM cycle begins: a gap after the end of its last run or look, outside quiet hours. Pure."""

from datetime import datetime, timedelta

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycling import CycleStanding

#: a run is made at least this often, whatever the looks say: no watermark gets older than what vendors still tell of
AT_LEAST = timedelta(hours=24)


def due_at(cycle: CrmCycle, standing: CycleStanding, *, known: bool = False) -> datetime | None:
    """The moment before which nothing begins by itself; None if nothing has ended yet.

    For what is `known` to be there, as Salesforce has announced it, no look is made, so none has to be a gap ago.
    """
    ends = (standing.ended_at, None if known else standing.looked_at)
    last = max((at for at in ends if at), default=standing.taken_at)
    return last + timedelta(minutes=cycle.gap_minutes) if last else None


def why_not(cycle: CrmCycle, standing: CycleStanding, now: datetime, *, known: bool = False) -> str:
    """Why nothing begins at a moment; empty if it may."""
    if not standing.watermarks:
        # the first run reads everything, or sets the watermarks: which of both is for people to say
        return "not_bootstrapped"
    due = due_at(cycle, standing, known=known)
    if due is not None and now < due:
        return "gap"
    clock = now.astimezone(cycle.zone).time()
    return "quiet" if any(each.holds(clock) for each in cycle.quiet or ()) else ""


def is_stale(standing: CycleStanding, now: datetime) -> bool:
    """Whether so much time went by since the last run that a look is not enough."""
    return standing.ended_at is None or now - standing.ended_at >= AT_LEAST


def slot_at(now: datetime) -> str:
    """What a run that begins at a moment is called."""
    return now.strftime("%Y%m%dT%H%M%SZ")
