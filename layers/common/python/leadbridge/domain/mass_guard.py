"""The guard against mass damage: what a run of a Sync would do to records that are there is counted before it writes.

A run that would change, blank or delete more than its document allows writes nothing, and asks a person. So does one
that would hand over more calls to an Action: what these do nobody can tell here. New records are no damage. Percent are
those of the records: the rows that the run has pulled, or, where only changes are read, the rows that the Sync has
pulled when it read everything, if those are more.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from operator import add, attrgetter

from leadbridge.domain.rows import RowWrite
from leadbridge.domain.sources import ValueSource
from leadbridge.domain.sync import Guard, ImportRule, Sync
from leadbridge.domain.values import blank

#: so many changed records, or blanked values, are never too many by percent, unless 0 percent are allowed
SMALL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What would happen to records that are there: records updated, values emptied, records deleted; and calls made."""

    changed: int = 0
    blanked: int = 0
    deletes: int = 0
    #: calls of an Action, which may do anything to the person
    calls: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(**dict(zip(_COUNTS, map(add, _counts(self), _counts(other)), strict=True)))


_COUNTS = tuple(each.name for each in fields(Tally))
_counts = attrgetter(*_COUNTS)


def tally_of(write: RowWrite) -> Tally:
    """What a write does to the record that it is meant for."""
    if not write.record_id:
        return Tally()
    if write.does == "delete":
        return Tally(deletes=1)
    emptied = [name for name, value in write.fields.items() if blank(value) and not blank(write.held.get(name))]
    return Tally(changed=1, blanked=len(emptied))


def may_exceed(sync: Sync, rows: int, records: int, gone: int = 0) -> bool:
    """Whether so many rows could be too much at worst; where they could not, nobody need look twice.

    `gone`: deleted records of the source, whose records are flagged or deleted.
    """
    worst = Tally(deletes=gone) if sync.deletes == "delete" else Tally(changed=gone)
    if sync.destination.action:
        worst += Tally(calls=rows)
    elif sync.import_rule is not ImportRule.CREATE:
        emptying = sum(_may_empty(mapping) for mapping in sync.mappings)
        worst += Tally(changed=rows, blanked=rows * emptying)
    return bool(exceeded(sync.guard, worst, records))


def exceeded(guard: Guard, tally: Tally, records: int) -> str:
    """The sentence about what is too much, with each number and its limit; empty if nothing is."""
    return " and ".join(_too_much(guard, tally, records))


def enough(guard: Guard, tally: Tally) -> int | None:
    """How many records there must be for percent to let this through; None if no number would do."""
    needed = 0
    for count, percent in ((tally.blanked, guard.blanked_percent), (tally.changed, guard.changed_percent)):
        if count > _allowed(percent, 0):
            if not percent:
                return None
            needed = max(needed, math.ceil(100 * count / percent))
    return needed


def _too_much(guard: Guard, tally: Tally, records: int) -> Iterator[str]:
    if tally.deletes > guard.deletes:
        yield f"delete {tally.deletes} records (the limit is {guard.deletes})"
    if tally.calls > guard.calls:
        yield f"hand over {tally.calls} calls (the limit is {guard.calls})"
    for verb, count, noun, percent in (
        ("empty", tally.blanked, "values", guard.blanked_percent),
        ("change", tally.changed, "records", guard.changed_percent),
    ):
        if count > _allowed(percent, records):
            yield f"{verb} {count} {noun} (the limit is {percent:g} % of {records} records)"


def _allowed(percent: float, records: int) -> float:
    return max(SMALL, percent * records / 100) if percent else 0


def _may_empty(mapping: ValueSource) -> bool:
    """Whether a mapping can make a blank of a value."""
    policy = mapping.blank or mapping.blank_here
    fixed = mapping.static is not None and blank(mapping.static)
    return policy == "clear" or fixed or (policy == "default" and blank(mapping.default))
