"""Rows of Syncs without a vendor: what the transform stage costs beside a copy by the csv module, and its memory.

The stage is what the product's load step does before it asks the destination: a partition's file is read, and its rows
are filtered, deduped and mapped. What it takes to write them as an import's lines is told apart. Memory is
the peak of a process of its own that sorts the rows of an extract into partitions, or loads a partition, as the
functions do.

`python -m tests.bench.sync_rows FOLDER ROWS KEYS SEED` is such a process: it prints the peaks of both steps.
"""

import csv
import io
import json
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

from leadbridge.domain.partitioning import partitions_for
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.rows import CompiledSync, compile_sync
from leadbridge.domain.sync_imports import import_columns
from leadbridge.domain.syncing import Part, SyncRun, Way
from leadbridge.errors import ConfigurationError
from leadbridge.ports import StoredFile, Writer
from leadbridge.usecases.preparing import Ended, Open, prepared
from leadbridge.usecases.sync_files import page_key, part_key, place, rows_of_part, write_import, write_results
from tests.bench.extract_worker import peak_megabytes
from tests.bench.report import Figure
from tests.builders.syncs import a_sync

ROUNDS = 5
LEAST = 0.5
MOST_GROWTH = 1.1
#: of a partition with half a million rows of one key, of whose ends a process holds a number each
MOST_HOT = 1.5
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
#: columns by the type of the field that they are for; the last five of the texts have a rule
TEXTS, KINDS = 20, ("boolean", "boolean", "integer", "integer", "float", "float", "date", "date", "datetime", "string")
RULES: tuple[dict[str, Any], ...] = (
    {"type": "trim"},
    {"type": "case", "to": "upper"},
    {"type": "truncate", "length": 20},
    {"type": "collapse_spaces"},
    {"type": "replace", "find": "-"},
)
COLUMNS = ("Id", "SystemModstamp", "CreatedDate", "LastModifiedDate", "Email", *(f"c{n:02}" for n in range(1, 30)))
_WORDS = ["Zürich", "O'Brien", 'the "best"', "Nguyễn", "李", "one, two", "first\nsecond", "plain", "Head of Sales"]
_PAGE_ROWS = 50_000
#: rows that differ in every text
_BLOCK = 19_997


class FolderObjects:
    """`ports.Objects` in a folder."""

    def __init__(self, folder: Path) -> None:
        """The folder may hold objects already."""
        self._folder = folder

    def put(self, key: str, content: bytes) -> None:
        """Store an object."""
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    @contextmanager
    def writing(self, key: str) -> Iterator[Writer]:
        """Store an object of any size."""
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            yield file

    def stored(self, key: str) -> StoredFile:
        """An object."""
        path = self._folder / key
        if not path.exists():
            raise ConfigurationError([f"there is no object {key}"])
        return StoredFile(key=key, size=path.stat().st_size, begin=lambda: _pieces(path))

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects."""
        for key in keys:
            (self._folder / key).unlink(missing_ok=True)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece


def compiled_sync(dedupe: str = "youngest") -> CompiledSync:
    """A Sync with thirty mappings, five of them with a rule, and a condition."""
    names = COLUMNS[4:]
    kinds = ["email", *["string"] * (TEXTS - 1), *KINDS]
    mappings: list[dict[str, Any]] = [{"column": name, "to": f"to_{name}"} for name in names]
    for mapping, rule in zip(mappings[TEXTS - len(RULES) : TEXTS], RULES, strict=True):
        mapping["transforms"] = [rule]
    sync = a_sync(
        dedupe=dedupe,
        match=[{"column": "Email", "field": "to_Email"}],
        mappings=mappings,
        conditions={"clauses": [{"column": "Email", "operator": "is_not_empty"}]},
    )
    fields = {
        f"to_{name}": FieldDescription(name=f"to_{name}", type=kind) for name, kind in zip(names, kinds, strict=True)
    }
    return compile_sync(sync, 1, ObjectDescription(name="leads", fields=fields), to_marketo=True)


def a_run(rows: int, pages: int) -> SyncRun:
    """A run whose extract is there."""
    return SyncRun(
        sync="bench",
        slot="slot",
        version=1,
        source="salesforce",
        destination="marketo",
        epoch=1,
        started_at=NOW,
        load=Way.BULK,
        pages=pages,
        pulled=rows,
        partitions=partitions_for(rows),
    )


def rows_of(rows: int, keys: int, seed: int) -> Iterator[list[str]]:
    """Made-up rows; half of them have one of the first `keys` addresses where there are fewer keys than rows."""
    chance = Random(seed)
    block = [_cells(chance) for _ in range(min(rows, _BLOCK))]
    for number in range(rows):
        key = number if number % 2 or keys >= rows else number // 2 % keys
        at = (NOW - timedelta(seconds=number % 100_000)).isoformat()
        yield [f"003{number:015}", at, at, at, f" Person{key}@Example.com", *block[number % len(block)]]


def _cells(chance: Random) -> list[str]:
    texts = [
        "" if chance.random() < 0.2 else f"{chance.choice(_WORDS)} {chance.random():.9f}" for _ in range(TEXTS - 1)
    ]
    day = NOW - timedelta(days=chance.randrange(20_000))
    typed = [
        chance.choice(["true", "false"]),
        chance.choice(["true", "false", ""]),
        str(chance.randrange(10**6)),
        str(chance.randrange(100)),
        f"{chance.uniform(0, 1e6):.2f}",
        f"{chance.uniform(0, 100):.1f}",
        f"{day:%Y-%m-%d}",
        "" if chance.random() < 0.5 else f"{day:%Y-%m-%d}",
        day.isoformat(),
        chance.choice(_WORDS),
    ]
    return [*texts, *typed]


def write_extract(objects: FolderObjects, rows: int, keys: int, seed: int) -> SyncRun:
    """Store an extract in pages; gives the run that reads it."""
    pages, lines = 0, [list(COLUMNS)]
    for row in rows_of(rows, keys, seed):
        lines.append(row)
        if len(lines) > _PAGE_ROWS:
            pages += 1
            objects.put(page_key(a_run(rows, 0), pages), _csv(lines))
            lines = [list(COLUMNS)]
    if len(lines) > 1:
        pages += 1
        objects.put(page_key(a_run(rows, 0), pages), _csv(lines))
    return a_run(rows, pages)


def _csv(lines: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def partitioned(objects: FolderObjects, run: SyncRun, compiled: CompiledSync) -> SyncRun:
    """The partition step."""
    done = place(objects, run, compiled, COLUMNS, lambda: True)
    return replace(run, placed=done.pages, positions=done.positions, spills=done.spills)


def transformed(objects: FolderObjects, run: SyncRun, compiled: CompiledSync, number: int) -> tuple[Ended, list[Open]]:
    """The transform stage of one partition."""
    rows = rows_of_part(objects, run, compiled, number)
    return prepared(compiled, rows, source=run.source, at=run.started_at)


def written(
    objects: FolderObjects, run: SyncRun, compiled: CompiledSync, number: int, done: tuple[Ended, list[Open]]
) -> Mapping[str, int]:
    """Store the ends of a partition, and the others as lines of an import; gives how many there are of each."""
    ended, open_ = done
    part = Part(sync=run.sync, slot=run.slot, number=number)
    write_results(objects, run, part, 0, ended)
    columns = import_columns(compiled, "marketo")
    lines = [(row.position, "created", *map(values.get, columns)) for row, values in open_]
    write_import(objects, run, part, 1, lines)
    return {"ended": len(ended), "open": len(open_)}


def copied(source: Path, target: Path) -> None:
    """The same file to another by the csv module."""
    with (
        source.open(encoding="utf-8", newline="") as given,
        target.open("w", encoding="utf-8", newline="") as made,
    ):
        csv.writer(made).writerows(csv.reader(given))


def figure_transform(*, rows: int, seed: int) -> Figure:
    """Rows per second of one core, beside a copy by the csv module in the same round."""
    compiled = compiled_sync()
    found = Figure(
        title="transform stage of Syncs, rows per second",
        size=f"seed {seed}, {rows} rows, {len(compiled.mapped)} mappings, {len(RULES)} rules, {ROUNDS} rounds",
    )
    with tempfile.TemporaryDirectory(prefix="leadbridge-sync-") as folder:
        objects = FolderObjects(Path(folder))
        begun = process_time()
        run = write_extract(objects, rows, rows, seed)
        begun = process_time()
        run = partitioned(objects, run, compiled)
        found.add(f"sorted into {run.partitions} partitions: {rows / (process_time() - begun):,.0f} rows/s")
        files = [
            Path(folder) / part_key(run, number, spill)
            for number in range(1, run.partitions + 1)
            for spill in range(1, run.spills + 1)
        ]
        mine: list[float] = []
        stored: list[float] = []
        theirs: list[float] = []
        counts: Counter[str] = Counter()
        for _ in range(ROUNDS):
            took = writing = 0.0
            counts = Counter()
            # one after the other, as a process loads them
            for number in range(1, run.partitions + 1):
                begun = process_time()
                done = transformed(objects, run, compiled, number)
                took += process_time() - begun
                begun = process_time()
                counts.update(written(objects, run, compiled, number, done))
                writing += process_time() - begun
            mine.append(rows / took)
            stored.append(rows / (took + writing))
            begun = process_time()
            for file in files:
                copied(file, Path(folder) / "copy.csv")
            theirs.append(rows / (process_time() - begun))
    for name, rates in (("ours", mine), ("ours, written as lines of an import", stored), ("csv alone", theirs)):
        middle = statistics.median(rates)
        found.add(f"{name}: {middle:,.0f} rows/s ({min(rates):,.0f} to {max(rates):,.0f}), {1e6 / middle:.1f} µs each")
    ratio = statistics.median(own / copy for own, copy in zip(mine, theirs, strict=True))
    found.bound("rows per second, ours / csv alone", ratio, least=LEAST)
    ratio = statistics.median(own / copy for own, copy in zip(stored, theirs, strict=True))
    found.add(f"written as lines of an import / csv alone: {ratio:.4g}")
    found.bound("rows without an end or a line", rows - counts["ended"] - counts["open"], most=0)
    return found


def peaks(rows: int, keys: int, seed: int) -> dict[str, Any]:
    """The peaks of both steps, each in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="leadbridge-sync-") as folder:
        command = [sys.executable, "-m", "tests.bench.sync_rows", folder, str(rows), str(keys), str(seed)]
        told: dict[str, Any] = {}
        for step in ("extract", "partition", "load"):
            done = subprocess.run([*command, step], capture_output=True, text=True, check=True)
            told |= json.loads(done.stdout)
        return told


def figure_memory(*, rows: int, seed: int) -> Figure:
    """Peak memory of a tenth of the rows and of all, and of as many of which half have one key."""
    found = Figure(title="memory of Syncs' steps", size=f"seed {seed}, {rows // 10} and {rows} rows of {len(COLUMNS)}")
    few, many = peaks(rows // 10, rows, seed), peaks(rows, rows, seed)
    for step in ("partition", "load"):
        found.add(f"{step}: {few[step]:.0f} MB at {rows // 10} rows, {many[step]:.0f} MB at {rows}")
        found.bound(f"{step}: memory at {rows} / at {rows // 10}", many[step] / few[step], most=MOST_GROWTH)
    hot = peaks(rows, 1, seed)
    found.add(f"half of {rows} rows of one key, its partition: {hot['load']:.0f} MB, {hot['ended']} rows ended before")
    found.bound("load: memory with half of the rows of one key / without", hot["load"] / many["load"], most=MOST_HOT)
    return found


def main() -> None:
    """One step in this process."""
    folder, rows, keys, seed, step = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
    objects, compiled = FolderObjects(Path(folder)), compiled_sync()
    state = Path(folder) / "state.json"
    told: dict[str, Any] = {}
    if step == "extract":
        state.write_text(json.dumps({"pages": write_extract(objects, rows, keys, seed).pages}))
    elif step == "partition":
        run = partitioned(objects, a_run(rows, json.loads(state.read_text())["pages"]), compiled)
        state.write_text(json.dumps({"pages": run.pages, "spills": run.spills}))
        told = {"partition": peak_megabytes()}
    else:
        known = json.loads(state.read_text())
        run = replace(a_run(rows, known["pages"]), spills=known["spills"])
        # the largest partition
        number = max(range(1, run.partitions + 1), key=lambda each: _size(objects, run, each))
        counts = written(objects, run, compiled, number, transformed(objects, run, compiled, number))
        told = {"load": peak_megabytes(), **counts}
    print(json.dumps(told))


def _size(objects: FolderObjects, run: SyncRun, number: int) -> int:
    sizes = 0
    for spill in range(1, run.spills + 1):
        try:
            sizes += objects.stored(part_key(run, number, spill)).size
        except ConfigurationError:
            continue
    return sizes


if __name__ == "__main__":
    main()
