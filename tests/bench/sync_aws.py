"""What a million synced records cost at AWS: requests and processor time that are measured, and waits that are counted.

Rows of an extract are sorted into partitions, and each partition is taken through the transform stage into the lines of
an import, by the product's own steps on a folder that counts its objects. Writes of records are counted in bytes as the
table's adapter makes them. What no process can be measured for is arithmetic, and told as such: a worker waits for the
vendor's rate, and a state machine has so many states.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from time import process_time

from leadbridge.aws.syncs import _text
from leadbridge.domain.aws_prices import FUNCTION_GB, PRICED, PRICES, WORKERS, usage
from leadbridge.domain.syncing import Intent, Part, Totals
from leadbridge.ports import StoredFile, Writer
from tests.bench.report import Figure
from tests.bench.sync_rows import (
    FolderObjects,
    compiled_sync,
    partitioned,
    transformed,
    write_extract,
    written,
)

MOST_DOLLARS = 0.05
#: from the vendors' limits: people of one look, and our calls in a window
LOOK_ROWS, WINDOW_CALLS, WINDOW_SECONDS = 300, 50, 20.0
#: files of an import; steps of a run, of a query job, of an import and of each two of its files, three states each
FILE_BYTES = 10_000_000
STEPS, QUERY_STEPS, IMPORT_STEPS, FILES_STEPS, STATES = 6, 5, 2, 3, 3
STEP_SECONDS = 0.3
#: of a worker, before it leaves what is left to another: what an invocation has, less its reserve and a last look
WORKER_SECONDS = 900.0 - 90.0
MILLION = 1_000_000


class CountingObjects(FolderObjects):
    """A folder that counts requests as S3 would: an object that is read is looked at, and fetched."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.requests: Counter[str] = Counter()

    def put(self, key: str, content: bytes) -> None:
        """One request."""
        self.requests["written"] += 1
        super().put(key, content)

    @contextmanager
    def writing(self, key: str) -> Iterator[Writer]:
        """One request, for what is small enough."""
        self.requests["written"] += 1
        with super().writing(key) as writer:
            yield writer

    def stored(self, key: str) -> StoredFile:
        """Two requests."""
        self.requests["read"] += 1
        found = super().stored(key)
        self.requests["read"] += 1
        return found


def figure(*, rows: int, seed: int) -> Figure:
    """Dollars per million records, item by item."""
    found = Figure(
        title="AWS cost of Syncs",
        size=f"seed {seed}, {rows} Contacts to Marketo by import, all new, {FUNCTION_GB:g} GB",
    )
    compiled = compiled_sync()
    with tempfile.TemporaryDirectory(prefix="leadbridge-sync-") as folder:
        objects = CountingObjects(Path(folder))
        run = write_extract(objects, rows, rows, seed)
        objects.requests.clear()
        source = sum(path.stat().st_size for path in (Path(folder) / run.folder / "extract").iterdir())
        begun = process_time()
        run = partitioned(objects, run, compiled)
        lines = 0
        for number in range(1, run.partitions + 1):
            lines += written(objects, run, compiled, number, transformed(objects, run, compiled, number))["open"]
        processor = process_time() - begun
        size = sum(path.stat().st_size for path in (Path(folder) / run.folder / "import").iterdir())
    looks = sum(ceil(rows / run.partitions / LOOK_ROWS) for _ in range(run.partitions))
    waited = WORKERS * looks / WINDOW_CALLS * WINDOW_SECONDS
    files = ceil(size / FILE_BYTES)
    # workers whose time is up are followed by others, after a step that sees how far they came
    rounds = ceil((processor + waited) / WORKERS / WORKER_SECONDS)
    steps = STEPS + QUERY_STEPS + IMPORT_STEPS + ceil(files / 2) * FILES_STEPS + rounds - 1
    part = Part(
        sync=run.sync,
        slot=run.slot,
        number=1,
        totals=Totals(created=rows // run.partitions),
        intent=Intent(at=run.started_at),
    )
    units = ceil(len(_text(part)) / 1024) * 4 * run.partitions + 4 * steps
    # the ends of what is imported, its file and its parts; its lines are read once more for that
    objects.requests["written"] += run.partitions + 2 + files
    objects.requests["read"] += 2 * run.partitions
    items: dict[str, float] = {
        "GB-seconds": FUNCTION_GB * (processor + waited + STEP_SECONDS * (steps + run.partitions)),
        "invocations": steps + WORKERS * rounds,
        "transitions": STATES * (steps + WORKERS * rounds),
        "objects written": objects.requests["written"],
        "objects read": objects.requests["read"],
        "write units": units,
        "read units": 6 * steps + 2 * run.partitions + looks,
    }
    share = MILLION / rows
    found.add(f"{lines} lines in {files} files, {run.partitions} partitions, {run.spills} spills, {looks} looks")
    found.add(
        f"a million: processor {processor * share:.0f} s, waiting for {WINDOW_CALLS} calls in {WINDOW_SECONDS:.0f} s "
        f"{waited * share:.0f} s of {WORKERS} workers"
    )
    for name, amount in items.items():
        found.add(f"a million: {name} {amount * share:,.0f}, {amount * share * PRICES[name]:.4f} dollars")
    dollars = share * sum(PRICES[name] * amount for name, amount in items.items())
    found.bound(f"dollars per million (us-east-1, arm64, {PRICED})", dollars, most=MOST_DOLLARS)
    said = usage(rows, looks, jobs=1 + files, row_bytes=source / rows).dollars * share
    found.bound("difference of what a price says", abs(said / dollars - 1), most=0.1)
    return found
