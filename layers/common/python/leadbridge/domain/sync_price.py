"""What a Sync will cost at both vendors, told before it runs: per run and per day, against what is left. Pure.

A run is priced as it goes: pages of the source; of each chunk of rows one look into the destination and one call for
rows that are new, one for those that differ; job by job what bulk files take. What nobody knows before is how many
rows differ: the shares are those of the previewed rows.

Source: Marketo REST API, "Limits" (500 MB of extracts a day, two of them at a time); Salesforce API request limits.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from math import ceil, erfc

from leadbridge.domain.aws_prices import run_dollars
from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.mass_guard import may_exceed
from leadbridge.domain.partitioning import partitions_for
from leadbridge.domain.schedule import slots
from leadbridge.domain.source_query import Way
from leadbridge.domain.sync import NOW, Sync
from leadbridge.domain.sync_plan import CHUNK_CALLS, ROW_BYTES, WRITE_ROWS, Cost, extract_cost, load_cost
from leadbridge.domain.syncing import WORKERS

#: megabytes of extracts that Marketo gives in a day, unless the subscription has bought more
MARKETO_MEGABYTES = 500
#: calls at the source of a run that finds no change: Salesforce lists changes and until when they are all shown
IDLE_CALLS: Mapping[Vendor, int] = {"marketo": 2, "salesforce": 1}
#: descriptions of both objects, which each worker reads once in a while; a price is of one worker
DESCRIBED = 1
#: a day has at most a run each minute
_MOST_RUNS = 1440
#: minutes between two runs, however few calls they take
LEAST_APART = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Parts of the rows that are created, updated, and looked for in the destination at all; each from 0 to 1."""

    created: float
    updated: float
    looked_for: float
    #: of a plan: nothing is written, and nothing counted before
    planned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Calls of the day of one vendor instance that are left; None where nothing is known of it yet.

    `daily`: those of a whole day.
    """

    calls: int | None = None
    daily: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The cost of the next run and of a day by vendor, and warnings. `rows` None: nobody knows."""

    rows: int | None
    exact: bool
    basis: str
    runs: int
    run: Mapping[Vendor, Cost]
    day: Mapping[Vendor, Cost]
    #: of AWS, in dollars
    run_dollars: float
    day_dollars: float
    left: Mapping[Vendor, Left]
    warnings: Sequence[str] = ()
    #: minutes from run to run with which a day's calls suffice, if every run is like the next one and has new workers;
    #: None: nobody knows
    minutes_apart: int | None = None


def shares_of(outcomes: Sequence[str]) -> Shares:
    """The shares of previewed rows; without any, every row is taken for a new one, which costs most."""
    number = len(outcomes)
    if not number:
        return Shares(created=1.0, updated=0.0, looked_for=1.0)
    created, updated, unchanged = (outcomes.count(each) / number for each in ("created", "updated", "unchanged"))
    return Shares(created=created, updated=updated, looked_for=created + updated + unchanged)


def runs_a_day(sync: Sync, now: datetime) -> int:
    """Runs that begin in the next 24 hours; one of a Sync that somebody starts."""
    if sync.schedule is None or sync.schedule.once == NOW:
        return 1
    return sum(1 for _ in islice(slots(sync, now, now + timedelta(days=1)), _MOST_RUNS))


def minutes_apart(run: Mapping[Vendor, Cost], left: Mapping[Vendor, Left]) -> int | None:
    """The least minutes from run to run with which no vendor's calls of a day are exceeded.

    None where no vendor's are known, or one run takes more than a day has.
    """
    found: list[int] = []
    for vendor, cost in run.items():
        daily = left.get(vendor, Left()).daily
        if daily is None or not cost.calls:
            continue
        runs = daily // cost.calls
        if not runs:
            return None
        # runs begin at 0, at this many minutes, at twice as many: so many of them lie in a day, and no more
        found.append(max(LEAST_APART, ceil(_MOST_RUNS / runs)))
    return max(found, default=None)


def cold(run: Mapping[Vendor, Cost], rows: int, destination: Vendor) -> Mapping[Vendor, Cost]:
    """What a run takes at most where each worker begins anew: one goes from step to step, others write partitions.

    A run that comes hours after the one before has no other workers, and each of them describes both objects.
    """
    writing = min(WORKERS[destination], partitions_for(rows)) if rows else 0
    return {vendor: cost + Cost(calls=DESCRIBED * writing) for vendor, cost in run.items()}


def load_price(
    vendor: Vendor, way: Way, rows: int, shares: Shares, *, guarded: bool = False, row_bytes: float = ROW_BYTES
) -> Cost:
    """What writing rows takes; `guarded`: all are looked at once before, so that the guard can count them.

    Rows go by partition and, in it, by chunk: its calls that look are full but for the last, and so are those that
    create, and those that update.
    """
    size, looked = WRITE_ROWS[vendor], rows * shares.looked_for
    if not looked:
        return Cost()
    partitions = partitions_for(rows)
    spread = partitions > 1
    whole, rest = divmod(looked / partitions, CHUNK_CALLS * size)
    chunks = [CHUNK_CALLS * size] * int(whole) + ([rest] if rest else [])
    looks = partitions * sum(_calls(each, 1.0, size, spread=spread and each == rest) for each in chunks)
    if way == "bulk":
        written = round(rows * (shares.created + shares.updated))
        jobs = load_cost(vendor, "bulk", written, row_bytes=row_bytes) if written else Cost()
        own = load_cost(vendor, "rest", written).calls - ceil(written / size) if written else 0
        return Cost(calls=round(looks) + jobs.calls - own, job_slots=jobs.job_slots, minutes=jobs.minutes)
    writes = partitions * sum(
        _calls(each, share, size, spread=spread) for each in chunks for share in (shares.created, shares.updated)
    )
    return Cost(calls=round(looks * (1 + int(guarded)) + writes))


def _calls(rows: float, share: float, size: int, *, spread: bool) -> float:
    """The calls that are to be expected for a share of some rows, so many a call.

    How many rows that are is taken as normal around the mean; with `spread` the number of rows itself varies, as that
    of a partition does.
    """
    mean = rows * min(share, 1.0)
    variance = mean * (1.0 - min(share, 1.0)) + (mean * share if spread else 0.0)
    if variance < 1e-6 or not mean:
        return float(ceil(mean / size))
    deviation = variance**0.5
    some = 1.0 - (1.0 - min(share, 1.0)) ** rows if share < 1 else 1.0
    most = int((mean + 5 * deviation) / size)
    # a call more for each full call that the rows exceed
    return some + sum(0.5 * erfc((n * size + 0.5 - mean) / (deviation * 2**0.5)) for n in range(1, most + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How many rows a Sync moves, exactly or by an estimate with its basis, and how large one is in the source."""

    rows: int | None
    exact: bool
    basis: str = ""
    row_bytes: float = ROW_BYTES


def price(
    sync: Sync,
    ends: tuple[Vendor, Vendor],
    amount: Amount,
    *,
    ways: tuple[Way, Way],
    windows: int,
    counted: bool,
    shares: Shares,
    left: Mapping[Vendor, Left],
    now: datetime,
    handed: Cost | None = None,
    day_megabytes: int = MARKETO_MEGABYTES,
) -> Price:
    """The price of a Sync. `ends` are the vendors of source and destination, `ways` how rows are read and written.

    `windows`: jobs of an extract; `counted`: the source is asked for the number of rows before it is read, or, of all
    people, for the oldest one; `handed`: what the calls take that its rows become; `day_megabytes` may be extracted
    of Marketo in a day.
    """
    source, destination = ends
    rows, row_bytes = amount.rows, amount.row_bytes
    read = extract_cost(source, ways[0], rows or 0, windows=windows, row_bytes=row_bytes)
    changes = 1 if sync.incremental else 0
    read += Cost(calls=DESCRIBED + int(counted) + changes)
    guarded = not shares.planned and may_exceed(sync, rows or 0, rows or 0)
    written = Cost(calls=DESCRIBED if rows else 0)
    written += load_price(destination, ways[1], rows or 0, shares, guarded=guarded, row_bytes=row_bytes)
    run = {source: read, destination: written if handed is None else handed}
    runs = runs_a_day(sync, now)
    dollars = run_dollars(rows or 0, sum(cost.calls for cost in run.values()), jobs=_jobs(run), row_bytes=row_bytes)
    again = {source: Cost(calls=IDLE_CALLS[source]), destination: Cost()} if sync.incremental else run
    day = {vendor: _times(run[vendor], min(runs, 1)) + _times(again[vendor], max(runs - 1, 0)) for vendor in ends}
    return Price(
        rows=rows,
        exact=amount.exact,
        basis=amount.basis,
        runs=runs,
        run=run,
        day=day,
        run_dollars=dollars,
        day_dollars=dollars * min(runs, 1) + (run_dollars(0, 2) if sync.incremental else dollars) * max(runs - 1, 0),
        left=left,
        warnings=tuple(_warnings(day, left, day_megabytes)),
        minutes_apart=minutes_apart(cold(run, rows or 0, destination), left),
    )


def _jobs(run: Mapping[Vendor, Cost]) -> int:
    return sum(cost.job_slots for cost in run.values())


def _times(cost: Cost, times: int) -> Cost:
    return Cost(
        calls=cost.calls * times,
        megabytes=cost.megabytes * times,
        job_slots=cost.job_slots * times,
        minutes=cost.minutes * times,
    )


def _warnings(day: Mapping[Vendor, Cost], left: Mapping[Vendor, Left], day_megabytes: int) -> Iterator[str]:
    for vendor, cost in day.items():
        calls = left.get(vendor, Left()).calls
        if calls is not None and cost.calls > calls:
            yield f"{vendor.capitalize()} has {calls} calls left and a day takes {cost.calls}; runs will wait for more"
        if vendor == "marketo" and cost.megabytes > day_megabytes:
            yield (
                f"Marketo gives {day_megabytes:,} MB of extracts a day and these take about {cost.megabytes:.0f}; "
                "runs will wait for the next day"
            )
        if cost.minutes > 24 * 60:
            yield f"its jobs at {vendor.capitalize()} take longer than a day"
