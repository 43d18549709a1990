"""What a run of a CRM cycle is, step by step. Pure: what happened goes in, the run as it is then comes out.

As with a run of a Sync (`domain.syncing`), everything a run knows is in one record that is stored under its version
after each step. What it reads and writes are runs of Syncs, whose counts and outcomes stay with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class CycleStep(StrEnum):
    """What a run does next."""

    OPEN = "open"  # read both schemas, fix the ceiling
    READ = "read"  # read what both systems changed up to it: a run for each queue
    DECIDE = "decide"  # who is who, and what each side takes over; writes are stored as plans
    WRITE = "write"  # apply the plans, one group of legs after the other
    FOLLOW = "follow"  # what has changed since the ceiling, which the next cycle reads
    REMEMBER = "remember"  # what both sides hold now, of records whose writes succeeded
    COMMIT = "commit"  # move the watermarks
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleRun:
    """One run of a cycle."""

    cycle: str
    #: the moment at which it was begun, as a name: 20261201T080000Z
    slot: str
    #: of the document; a run obeys the one it began with
    version: int
    #: of the cycle's lease
    epoch: int
    started_at: datetime
    step: CycleStep = CycleStep.OPEN
    #: by system: what it changed before is read, later changes are the next cycle's
    ceilings: Mapping[str, datetime] = field(default_factory=dict)
    #: by queue since when is read; None: from the start
    since: Mapping[str, datetime | None] = field(default_factory=dict)
    #: by queue how many rows were read
    rows: Mapping[str, int] = field(default_factory=dict)
    #: by leg how many writes were planned
    writes: Mapping[str, int] = field(default_factory=dict)
    #: the group that is written
    group: str = ""
    #: how far DECIDE and REMEMBER are, in pieces that only they understand
    through: int = 0
    #: kinds of records that cannot go on, and why; the others do
    parked: Mapping[str, str] = field(default_factory=dict)
    ended_at: datetime | None = None
    reason: str = ""
    message: str = ""

    @property
    def folder(self) -> str:
        """Where its objects are."""
        return f"cycle/{self.cycle}/{self.slot}"
