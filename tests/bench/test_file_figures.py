"""The figures of bulk files and of calls at a small size: counts and equality, never a time."""

import ast
import hashlib
from pathlib import Path

from tests.bench import bulk_files, calls, csv_baseline
from tests.bench.extracts import COLUMNS, TARGETS, made_up

SEED = 7
BASELINE_LINES = 30


def test_rows_through_the_product_are_those_of_the_csv_module(tmp_path: Path) -> None:
    """20,000 made-up rows, mapped: the parts hold the very bytes of the straight line's file."""
    extract = made_up(rows=20_000, seed=SEED)
    source, target = tmp_path / "source.csv", tmp_path / "straight.csv"
    expected = bulk_files.write(extract, source)

    parts = bulk_files.ours(source, tmp_path, expected)
    csv_baseline.straight(source, target, TARGETS)

    assert sum(part.rows for part in parts) == expected.rows == 20_000
    assert bulk_files.same(parts, tmp_path, target)
    target.write_bytes(target.read_bytes().replace(b"Germany", b"germany", 1))
    assert not bulk_files.same(parts, tmp_path, target)


def test_an_extract_is_the_file_it_is_announced_as() -> None:
    """Size, checksum and rows fit the bytes, wherever they are read from."""
    extract = made_up(megabytes=12, seed=SEED)
    content = b"".join(extract.chunks())

    assert len(content) == extract.size >= 12_000_000
    assert hashlib.sha256(content).hexdigest() == extract.sha256
    assert content.startswith(",".join(COLUMNS).encode())
    assert [b"".join(extract.chunks(start)) == content[start:] for start in (1, 200, 6_000_000)] == [True] * 3


def test_an_extract_passes_through_the_product_s_client() -> None:
    """In a process of its own every row of 5 MB is written into parts, after size, checksum and rows were compared."""
    told = bulk_files.passed(5, SEED)

    assert told["rows"] == told["written"] == told["announced"]["rows"] == 20_000
    assert told["proven"] == ["rows", "sha256", "size"]
    assert 0 < told["peak_before"] <= told["peak"]


def test_both_sides_of_the_call_figure_get_the_same_rows() -> None:
    """The client's answer and the bare one hold the same records, all that were asked for."""
    with calls.pairs(SEED) as by_vendor:
        marketo, bare = (call() for call in by_vendor["marketo"])
        salesforce, records = (call() for call in by_vendor["salesforce"])

    assert len(marketo) == calls.LEADS
    assert marketo == bare
    assert len(salesforce) == 200
    assert [row["Id"] for row in salesforce] == [row["Id"] for row in records]


def test_the_straight_line_is_short() -> None:
    """What rows are compared with is at most 30 lines, imports and docstring aside."""
    source = Path(csv_baseline.__file__).read_text("utf-8")
    parts = [node for node in ast.parse(source).body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr)]

    assert sum((node.end_lineno or 0) - node.lineno + 1 for node in parts) <= BASELINE_LINES
