"""The roles that the CRM cycle needs from the outside, beside those of `ports` and `sync_ports`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from leadbridge.domain.cycle_legs import Leg, Queue
from leadbridge.domain.cycle_link import Link
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.three_way import Side

__all__ = ["Link"]


class Links(Protocol):
    """What a cycle remembers of linked records; no value, only digests."""

    def of(self, salesforce_ids: Collection[str]) -> Mapping[str, Link]:
        """The links of Salesforce records, by id; those that have none are missing."""
        ...

    def of_people(self, marketo_ids: Collection[str]) -> Mapping[str, Link]:
        """The links of Marketo's people, by id, each the last that was kept; those that have none are missing."""
        ...

    def keep(self, links: Iterable[Link]) -> None:
        """Remember links, in place of what was remembered of the same Salesforce records."""
        ...

    def forget(self, links: Iterable[Link]) -> None:
        """Remember links no more."""
        ...

    def listed(self, after: str) -> tuple[Sequence[Link], str]:
        """Some of all links, behind a mark, and the mark behind them; it is empty after the last ones."""
        ...


class CycleRecords(Protocol):
    """Records of both systems, looked up by what a field holds; as many calls as batches."""

    def people(self, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Marketo's people whose field holds one of the values."""
        ...

    def salesforce(self, object_name: str, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Salesforce records of an object whose field holds one of the values."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRecord:
    """A record that the next cycle looks at, whatever the watermarks say.

    Its write failed, somebody asked for it, or Salesforce announced a change of it.
    """

    side: Side
    object: str
    id: str
    #: why, by a reason's code; empty: it changed
    reason: str = ""
    #: when it became due; a later note replaces an earlier one
    noted_at: datetime
    #: not looked at before
    not_before: datetime | None = None
    tries: int = 0


class DueRecords(Protocol):
    """The records that are due in one cycle."""

    def add(self, records: Iterable[DueRecord]) -> None:
        """Note records, in place of what is noted of the same ones."""
        ...

    def listed(self, limit: int) -> Sequence[DueRecord]:
        """So many of them at most, those first that are due first."""
        ...

    def done(self, records: Iterable[DueRecord]) -> None:
        """Forget records, unless they have been noted again since."""
        ...


class Entity(Protocol):
    """A kind of records that a cycle keeps in step: what it reads, what it decides, what it remembers.

    Each call may be made again after a process died in it; what it stored is written once more, the same.
    """

    name: str

    def queues(self) -> Sequence[Queue]:
        """What is read before anything is decided."""
        ...

    def legs(self) -> Sequence[Leg]:
        """All that may be written."""
        ...

    def decide(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Decide what was read and store it as plans; the run as it is then, or None if this is through."""
        ...

    def prepare(self, run: CycleRun, group: str) -> Sequence[SyncOrder]:
        """The runs of the legs of a group that have something to write, stored and ready to be started."""
        ...

    def remember(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Remember what both sides hold of records whose writes succeeded; the others become due. As `decide`."""
        ...
