"""Bulk files: memory by size of an extract, and rows per second against the csv module alone."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

from leadbridge.files.cells import SALESFORCE_INGEST
from leadbridge.files.columns import picker
from leadbridge.files.parts import Part, PartWriter, RefusedRow
from leadbridge.files.rows import Expected, Rows
from tests.bench.csv_baseline import mapped, straight
from tests.bench.extracts import COLUMNS, TARGETS, Extract, made_up
from tests.bench.report import Figure

ROOT = Path(__file__).parents[2]
MOST_GROWTH = 1.1
LEAST_RATE = 0.8
ROUNDS = 5
_CHUNK = 65_536

type Mapping = Callable[[Sequence[str]], Sequence[str | None]]


def load(rows: Rows, folder: Path, refused: list[RefusedRow], change: Mapping = mapped) -> list[Part]:
    """The path of every bulk load: rows by their columns, mapped, split into Salesforce's parts."""
    pick = picker(rows.header, COLUMNS)

    def open_part(number: int) -> IO[bytes]:
        return (folder / f"part-{number}.csv").open("wb")

    with PartWriter(TARGETS, SALESFORCE_INGEST, open_part=open_part, refused=refused.append) as writer:
        writer.write(enumerate(change(pick(row)) for row in rows))
    return writer.parts


# memory


def passed(megabytes: float, seed: int) -> dict[str, Any]:
    """An extract of this size through a process of its own, from a server in another one."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.extracts", str(megabytes), str(seed)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            announced = server.stdout.readline()
            worker = subprocess.run(
                [sys.executable, "-m", "tests.bench.extract_worker", announced],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
        finally:
            server.terminate()
    told: dict[str, Any] = json.loads(worker.stdout)
    return told | {"announced": json.loads(announced)}


def figure_memory(*, megabytes: Sequence[int], seed: int) -> Figure:
    """Highest memory of the process through which extracts of these sizes pass, one process for each."""
    figure = Figure(
        title="bulk files, memory",
        size=f"extracts of {', '.join(map(str, megabytes))} MB over loopback HTTP, seed {seed}",
    )
    peaks = []
    for size in megabytes:
        told = passed(size, seed)
        peaks.append(told["peak"])
        figure.add(
            f"{told['announced']['size'] / 1e6:.1f} MB, {told['rows']} rows, {told['parts']} parts of "
            f"{told['bytes'] / 1e6:.1f} MB, {told['refused']} refused, compared: {', '.join(told['proven'])}: "
            f"peak {told['peak']:.1f} MB ({told['peak_before']:.1f} MB after imports)"
        )
        if (told["rows"], told["written"] + told["refused"]) != (told["announced"]["rows"],) * 2:
            figure.missed.append(f"{figure.title}: {size} MB: rows are missing")
    figure.bound(f"memory at {megabytes[-1]} MB / at {megabytes[0]} MB", peaks[-1] / peaks[0], most=MOST_GROWTH)
    return figure


# rows per second


def ours(source: Path, folder: Path, expected: Expected, change: Mapping = mapped) -> list[Part]:
    """The file through the product, from disk to disk."""
    refused: list[RefusedRow] = []
    with source.open("rb") as file:
        parts = load(Rows(iter(lambda: file.read(_CHUNK), b""), expected=expected), folder, refused, change)
    if refused:
        raise ValueError("the made-up rows all go by file")
    return parts


def same(parts: Sequence[Part], folder: Path, straight_line: Path) -> bool:
    """Whether the parts, one after the other and without their headers, are what the straight line wrote."""
    with straight_line.open("rb") as theirs:
        header = theirs.readline()
        for part in parts:
            with (folder / f"part-{part.number}.csv").open("rb") as file:
                if file.readline() != header or not all(
                    chunk == theirs.read(len(chunk)) for chunk in iter(lambda: file.read(1 << 20), b"")
                ):
                    return False
        return not theirs.read(1)


def write(extract: Extract, path: Path) -> Expected:
    """The extract as a file, and what its vendor says of it."""
    with path.open("wb") as file:
        file.writelines(extract.chunks())
    return Expected(size=extract.size, sha256=extract.sha256, rows=extract.rows)


def figure_rows(*, size: int, seed: int) -> Figure:
    """Rows per second of the checked, mapped, split path and of the csv module with the same mapping, in turn."""
    extract = made_up(rows=size, seed=seed)
    figure = Figure(
        title="bulk files, rows per second",
        size=f"seed {seed}, {extract.rows} rows of {len(COLUMNS)} to {len(TARGETS)} columns, "
        f"{extract.size / 1e6:.1f} MB, {ROUNDS} rounds, one core",
    )
    ratios: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="leadbridge-rows-") as name:
        folder = Path(name)
        source, target = folder / "source.csv", folder / "straight.csv"
        expected = write(extract, source)
        straight(source, target, TARGETS)
        equal = same(ours(source, folder, expected), folder, target)
        for what, change in (("mapped", mapped), ("taken over", _first)):
            rates = list(
                _rates(
                    extract.rows,
                    partial(ours, source, folder, expected, change),
                    partial(straight, source, target, TARGETS, change),
                )
            )
            for place, who in enumerate(("ours", "csv alone")):
                each = [rate[place] for rate in rates]
                figure.add(
                    f"{what}, {who}: {statistics.median(each):,.0f} rows/s ({min(each):,.0f} to {max(each):,.0f})"
                )
            ratios[what] = statistics.median(mine / theirs for mine, theirs in rates)
    figure.add(f"same bytes in the parts as in the straight line's file: {'yes' if equal else 'NO'}")
    if not equal:
        figure.missed.append(f"{figure.title}: the parts differ from the straight line's file")
    figure.bound("mapped: ours / csv alone", ratios["mapped"], least=LEAST_RATE)
    figure.add(f"taken over without a mapping: ours / csv alone: {ratios['taken over']:.4g}")
    return figure


def _first(row: Sequence[str]) -> Sequence[str]:
    return row[: len(TARGETS)]


def _rates(rows: int, mine: Callable[[], object], theirs: Callable[[], object]) -> Iterator[tuple[float, float]]:
    """Rows per second of both, round by round; what one round has in common (load, caches) is in both."""
    for _ in range(ROUNDS):
        pair = []
        for run in (mine, theirs):
            begun = time.process_time()
            run()
            pair.append(rows / (time.process_time() - begun))
        yield pair[0], pair[1]
