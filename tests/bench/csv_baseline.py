"""A CSV file to another in straight line, with the csv module alone: what the figure of bulk files is compared with."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

COUNTRIES = {"DE": "Germany", "FR": "France", "IT": "Italy", "CH": "Switzerland"}
Row = Sequence[str]


def mapped(row: Row) -> list[str | None]:
    values = [None if cell == "null" else cell for cell in row]
    text = [(value or "").strip() for value in values[:12]]
    return [
        text[1].lower(), text[2][:40], text[3][:80], text[4].title(), COUNTRIES.get(text[5], text[5]),
        str(min(max(int(text[6]), 0), 100)), str(text[7] in ("1", "true", "yes")).lower(), text[8][:10],
        text[9], text[10], values[11], *values[13:19],
    ]  # fmt: skip


def straight(source: Path, target: Path, header: Row, change: Callable[[Row], Sequence[str | None]] = mapped) -> None:
    with (
        source.open(encoding="utf-8", newline="") as given,
        target.open("w", encoding="utf-8", newline="") as made,
    ):
        reader, writer = csv.reader(given, strict=True), csv.writer(made)
        next(reader)
        writer.writerow(header)
        for row in reader:
            writer.writerow([value or "#N/A" for value in change(row)])
