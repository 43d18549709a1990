"""The roles that the CRM cycle needs from the outside, beside those of `ports` and `sync_ports`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_legs import Leg, Queue
from leadbridge.domain.cycle_link import Link
from leadbridge.domain.cycle_schema import Checked, Schema
from leadbridge.domain.cycling import CycleRun, CycleStanding
from leadbridge.domain.fates import News
from leadbridge.domain.records import RowResult
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.three_way import Side
from leadbridge.sync_ports import Covered, SyncVendors

__all__ = ["Link"]


#: how ids of Salesforce records begin whose counterparts are no people: Accounts, Users, Opportunities and their roles
_NO_PEOPLE = frozenset({"001", "005", "006", "00K"})


def is_of_person(link: Link) -> bool:
    """Whether a link is found by the id of a Marketo person; companies and sales persons are numbered by themselves."""
    return not link.moved_to and link.salesforce_id[:3] not in _NO_PEOPLE


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

    def listed(self, after: str, prefix: str = "") -> tuple[Sequence[Link], str]:
        """Some of all people's links, behind a mark, and the mark behind them; it is empty after the last ones.

        With `prefix` those of other Salesforce records, whose ids begin so.
        """
        ...


class CycleRecords(Protocol):
    """Records of both systems, looked up by what a field holds; as many calls as batches."""

    def people(self, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Marketo's people whose field holds one of the values."""
        ...

    def salesforce(self, object_name: str, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Salesforce records of an object whose field holds one of the values."""
        ...

    def keyed(self, object_name: str, keys: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Marketo's companies or sales persons with one of the keys; opportunity roles by Marketo's own id."""
        ...

    def count(self, object_name: str, field: str, values: Collection[str]) -> int:
        """How many Salesforce records of an object hold one of the values in a field."""
        ...

    def total(self, object_name: str) -> int:
        """How many Salesforce records of an object there are."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a system tells of a window; `known_from`: of deletions before that it tells nothing (any more)."""

    news: News
    known_from: datetime | None = None


class CycleNews(Protocol):
    """What both systems tell of people who were merged, converted or deleted."""

    def of_people(self, since: datetime, until: datetime) -> Heard:
        """Marketo's merges and deletions in a window."""
        ...

    def of_records(self, object_name: str, since: datetime, until: datetime) -> Heard:
        """The same of Salesforce's records of an object, and conversions of Leads."""
        ...

    def of_those(self, object_name: str, ids: Collection[str]) -> News:
        """What became of some Salesforce records; those that are nowhere count as deleted."""
        ...

    def people_there(self, ids: Collection[str]) -> Collection[str]:
        """Which of these people Marketo has."""
        ...


class CycleChanges(Protocol):
    """Writes of a cycle that are no copies. Each may be repeated: what is done already is told as done."""

    def merge(self, winner: str, losers: Sequence[str]) -> Sequence[RowResult]:
        """Merge people in Marketo; one result per loser, in order.

        Raises:
            SyncError: Marketo cannot be asked now, or there was no answer; some may be merged.
        """
        ...

    def link(self, fields: Mapping[str, Mapping[str, Any]]) -> Sequence[RowResult]:
        """Set fields of people in Marketo, by their ids; one result per person, in order. Raises as `merge`."""
        ...

    def delete(self, side: Side, object_name: str, ids: Sequence[str]) -> Sequence[RowResult]:
        """Delete records; one result per id, in order. One that is gone already is deleted. Raises as `merge`."""
        ...

    def flag(self, side: Side, object_name: str, field: str, ids: Sequence[str]) -> Sequence[RowResult]:
        """Set a field of records to true; one result per id, in order. Raises as `merge`."""
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

    Each call may be made again after a process died in it; what it stored is written once more, the same. An error that
    will not pass by itself parks the kind for this run, and what depends on it.
    """

    #: as the document calls it: one of `CrmCycle.entities`
    name: str

    def queues(self) -> Sequence[Queue]:
        """What is read before anything is decided."""
        ...

    def legs(self) -> Sequence[Leg]:
        """All that may be written."""
        ...

    def look(self, before: Mapping[str, Schema], version: int, carried_to: datetime) -> Mapping[str, Checked]:
        """Which pairs of fields can be kept in step now, by Salesforce object.

        `before` is what was known of both schemas, by kind and object; what was edited before `carried_to` was seen to.
        """
        ...

    def decide(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Decide what was read and store it as plans; the run as it is then, or None if this is through.

        Changed of the run are `through`, `writes` by the names of legs, and `newest` by the names of queues. It is
        called again with what it gave back, stored meanwhile, until it gives None; `remaining` are seconds.
        """
        ...

    def prepare(self, run: CycleRun, group: str) -> Sequence[SyncOrder]:
        """The runs of the legs of a group that have something to write, stored and ready to be started."""
        ...

    def remember(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Remember what both sides hold of records whose writes succeeded; the others become due. As `decide`."""
        ...


class Entities(Protocol):
    """The kinds of records of a cycle as its document says, in Adobe's order."""

    def __call__(self, cycle: CrmCycle, version: int, *, opening: bool = False) -> Sequence[Entity]:
        """Those that are switched on; `opening`: both systems are described anew, for the steps that follow.

        Raises:
            SyncError: A system cannot be asked now.
        """
        ...


class CycleVendors(SyncVendors, Protocol):
    """Sources of a cycle's Syncs, asked together."""

    def covered(self, asked: Sequence[tuple[Sync, datetime | None]], now: datetime) -> Sequence[Covered]:
        """How far the source of each Sync shows everything, and whether it knows of nothing since a moment."""
        ...


class CycleRuns(Protocol):
    """Runs of cycles, and what is known of a cycle between its runs."""

    def standing(self, cycle: str) -> CycleStanding:
        """The lease of a cycle, its watermarks and its last look; that of a new one if nothing is known."""
        ...

    def take(self, cycle: str, slot: str, seen: CycleStanding, now: datetime) -> CycleStanding | None:
        """Take the lease for a run with the next epoch, if it still stands as it was seen; None if it does not."""
        ...

    def looked(self, cycle: str, seen: CycleStanding, idle: int, now: datetime, token: str) -> bool:
        """Note a look that found nothing, unless somebody took the lease since; tells whether it was noted."""
        ...

    def commit(
        self,
        cycle: str,
        slot: str,
        epoch: int,
        watermarks: Mapping[str, datetime],
        newest: Mapping[str, datetime],
        *,
        schemas: Mapping[str, Schema],
    ) -> bool:
        """Keep the watermarks of queues, if the lease is still this run's; False if it is not. Others stay.

        `schemas` are all that are known from then on.
        """
        ...

    def release(self, cycle: str, slot: str, epoch: int, ended_at: datetime) -> None:
        """Give the lease back, if it is still this run's."""
        ...

    def begin(self, run: CycleRun) -> tuple[CycleRun, int]:
        """Store a new run, unless one of its slot is there; returns what is stored, and its version."""
        ...

    def get(self, cycle: str, slot: str) -> tuple[CycleRun, int] | None:
        """A run and its version; None if there is none."""
        ...

    def save(self, run: CycleRun, version: int) -> int:
        """Replace a run; returns its new version.

        Raises:
            OvertakenError: Somebody else went on with this run.
        """
        ...

    def runs(self, cycle: str, limit: int) -> Sequence[CycleRun]:
        """The runs of a cycle, the newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Whether a run has something to do, and why; `token` is what the next look gets."""

    why: str = ""
    token: str = ""


class CycleLook(Protocol):
    """Tells in a call to each system whether anything was changed there that a cycle keeps in step."""

    def __call__(self, cycle: CrmCycle, since: Mapping[Side, datetime], token: str) -> Looked:
        """Look at what was changed since these moments; `token` is what the look before left, if there was one.

        Raises:
            SyncError: A system cannot be asked now.
        """
        ...
