"""What the first run of a CRM cycle will cost at both vendors, by kind of records, told before it begins. Pure.

What is read is counted, or estimated, queue by queue. What is looked up and written is what became of some records of
the sample: how many have a counterpart already, and how many differ from it. The first run writes by REST.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.partitioning import partitions_for
from leadbridge.domain.source_query import Way
from leadbridge.domain.sync_plan import WRITE_ROWS, Cost, extract_cost
from leadbridge.domain.sync_price import MARKETO_MEGABYTES, Left

VENDORS: tuple[Vendor, Vendor] = ("marketo", "salesforce")
#: values of one call that looks records up by a field
LOOKED_UP: Mapping[Vendor, int] = {"marketo": 300, "salesforce": 500}
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one queue gives: rows (None: nobody knows), and how they are read."""

    name: str
    vendor: Vendor
    rows: int | None
    exact: bool
    way: Way
    #: jobs of an extract
    windows: int = 1
    row_bytes: float = 250.0
    #: calls before the first row: a number, the oldest record
    before: int = 0
    basis: str = ""

    @property
    def cost(self) -> Cost:
        """What reading it takes."""
        rows = self.rows or 0
        return extract_cost(self.vendor, self.way, rows, windows=self.windows, row_bytes=self.row_bytes) + Cost(
            calls=self.before
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Records of a sample: how many there were, and how many of them lead to which write."""

    records: int = 0
    #: made on the other side, changed at Marketo, changed at Salesforce
    created: int = 0
    to_marketo: int = 0
    to_salesforce: int = 0

    def share(self, part: Literal["created", "to_marketo", "to_salesforce"]) -> float:
        """A part of the records; without any every record is taken for a new one, which costs most."""
        if not self.records:
            return 1.0 if part == "created" else 0.0
        counts = {"created": self.created, "to_marketo": self.to_marketo, "to_salesforce": self.to_salesforce}
        return counts[part] / self.records


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Of one kind: how many records are looked up, by vendor and question, and how many writes there are of each."""

    #: by vendor how many values each question has
    looked_up: Mapping[Vendor, Sequence[float]] = field(default_factory=dict)
    created: Mapping[Vendor, Sequence[float]] = field(default_factory=dict)
    updated: Mapping[Vendor, Sequence[float]] = field(default_factory=dict)
    #: writes by key, before which nobody looks what is there
    blind: Mapping[Vendor, Sequence[float]] = field(default_factory=dict)
    #: of all rows, which go into partitions
    rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KindPrice:
    """The cost of one kind of records, with what is read of it."""

    kind: str
    readings: Sequence[Reading]
    cost: Mapping[Vendor, Cost]


@dataclass(frozen=True, slots=True, kw_only=True)
class CyclePrice:
    """The cost of a first run. `days`: how long the limits of a day make it last at least; None: nobody knows."""

    kinds: Sequence[KindPrice]
    total: Mapping[Vendor, Cost]
    left: Mapping[Vendor, Left]
    days: float | None
    warnings: Sequence[str] = ()


def kind_price(kind: str, readings: Sequence[Reading], amounts: Amounts, described: Mapping[Vendor, int]) -> KindPrice:
    """The cost of one kind; `described` are the calls by which its objects are described."""
    found = dict[Vendor, Cost]()
    for vendor in VENDORS:
        cost = sum((each.cost for each in readings if each.vendor == vendor), Cost(calls=described.get(vendor, 0)))
        calls = sum(_calls(values, LOOKED_UP[vendor], amounts.rows) for values in amounts.looked_up.get(vendor, ()))
        cost += Cost(calls=calls)
        for rows in (*amounts.created.get(vendor, ()), *amounts.updated.get(vendor, ())):
            cost += _written(vendor, round(rows), amounts.rows)
        for rows in amounts.blind.get(vendor, ()):
            cost += Cost(calls=_calls(rows, WRITE_ROWS[vendor], amounts.rows))
        found[vendor] = cost
    return KindPrice(kind=kind, readings=readings, cost=found)


def cycle_price(
    kinds: Sequence[KindPrice],
    left: Mapping[Vendor, Left],
    *,
    day_megabytes: int = MARKETO_MEGABYTES,
    warnings: Iterable[str] = (),
) -> CyclePrice:
    """The cost of all kinds together."""
    total = {vendor: sum((each.cost[vendor] for each in kinds), Cost()) for vendor in VENDORS}
    known = all(each.rows is not None for kind in kinds for each in kind.readings)
    days = max(_days(total, left, day_megabytes)) if known else None
    told = [*_unknown(kinds), *_limits(total, left, day_megabytes), *warnings]
    return CyclePrice(kinds=kinds, total=total, left=left, days=days, warnings=told)


def _calls(values: float, most: int, rows: int) -> int:
    """The calls for so many values, at most so many each; each partition makes its own."""
    parts = partitions_for(rows)
    return parts * ceil(values / parts / most) if values >= 1 else 0


def _written(vendor: Vendor, writes: int, rows: int) -> Cost:
    """The calls of a leg: a look at each record, and the writes."""
    if not writes:
        return Cost()
    return Cost(calls=_calls(writes, LOOKED_UP[vendor], rows) + _calls(writes, WRITE_ROWS[vendor], rows))


def _days(total: Mapping[Vendor, Cost], left: Mapping[Vendor, Left], day_megabytes: int) -> Iterator[float]:
    for vendor, cost in total.items():
        yield cost.minutes / _DAY_MINUTES
        daily = left.get(vendor, Left()).daily
        if daily:
            yield cost.calls / daily
    yield total["marketo"].megabytes / day_megabytes


def _unknown(kinds: Sequence[KindPrice]) -> Iterator[str]:
    for kind in kinds:
        for each in kind.readings:
            if each.rows is None:
                why = f" ({each.basis})" if each.basis else ""
                yield f"{kind.kind}: nobody knows how many rows {each.name} has{why}, so its cost is not in the price"


def _limits(total: Mapping[Vendor, Cost], left: Mapping[Vendor, Left], day_megabytes: int) -> Iterator[str]:
    for vendor, cost in total.items():
        calls = left.get(vendor, Left()).calls
        if calls is not None and cost.calls > calls:
            yield (
                f"{vendor.capitalize()} has {calls:,} calls left today and the run takes {cost.calls:,}; "
                "it waits for each next day and goes on by itself"
            )
    megabytes = total["marketo"].megabytes
    if megabytes > day_megabytes:
        yield (
            f"Marketo gives {day_megabytes:,} MB of extracts a day and the run takes {megabytes:,.0f}; "
            "it waits for each next day and goes on by itself"
        )
