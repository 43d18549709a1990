"""How long edits took from one system to the other in a run of a CRM cycle: from the edit to the written record. Pure.

An edit is as old as its record says that it was last changed, so of a record that was edited twice the later edit
counts. Its end is when the run remembers the written record, which comes a little after the vendor's answer. Times are
counted in steps that grow by a tenth, so that a run of any size keeps a few numbers; what is told is a step's end.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import ceil, log
from typing import Any

from leadbridge.domain.condition_values import UnreadableError, moment
from leadbridge.domain.cycle_people import STAMPS
from leadbridge.domain.three_way import Side

#: each step is longer by this than the one before
_GROWS = 1.1
#: by the side that is written how many writes took how long, by the number of the step
type Latencies = Mapping[str, Mapping[str, int]]


def edited(rows: Mapping[Side, Mapping[str, Any] | None], writes: Mapping[Side, Mapping[str, Any]]) -> dict[str, str]:
    """By the side that is written when the other side's record was changed, as its row says."""
    found = {side: (rows.get(side.other) or {}).get(STAMPS[side.other]) for side, values in writes.items() if values}
    return {side.value: str(stamp) for side, stamp in found.items() if stamp}


def measured(known: Latencies, edits: Iterable[Mapping[str, str]], now: datetime) -> Latencies:
    """With writes that are remembered now, by what is known of their edits; a moment nobody can read does not count."""
    counts = {side: dict(each) for side, each in known.items()}
    for edit in edits:
        for side, stamp in edit.items():
            seconds = _since(stamp, now)
            if seconds is not None:
                step = str(ceil(log(max(seconds, 1.0), _GROWS)))
                of_side = counts.setdefault(side, {})
                of_side[step] = of_side.get(step, 0) + 1
    return counts


def latency_members(latencies: Latencies) -> dict[str, dict[str, int]]:
    """By direction how many writes there were, and within how many seconds the half, and 95 of 100, were done."""
    return {
        f"to_{side}": {
            "writes": sum(counts.values()),
            "p50_seconds": _within(counts, 0.5),
            "p95_seconds": _within(counts, 0.95),
        }
        for side, counts in sorted(latencies.items())
    }


def _within(counts: Mapping[str, int], share: float) -> int:
    wanted, passed = share * sum(counts.values()), 0
    for step in sorted(map(int, counts)):
        passed += counts[str(step)]
        if passed >= wanted:
            return ceil(_GROWS**step)
    return 0


def latency_words(latencies: Latencies) -> Iterable[str]:
    """The same as sentences."""
    for direction, told in latency_members(latencies).items():
        half, most = told["p50_seconds"], told["p95_seconds"]
        yield f"{direction}: {told['writes']} edits, half of them within {half} s, 95 of 100 within {most} s"


def _since(stamp: str, now: datetime) -> float | None:
    try:
        at = moment(stamp)
    except UnreadableError:
        return None
    return (now - at).total_seconds() if isinstance(at, datetime) else None
