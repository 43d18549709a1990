"""What a cycle stores of merges, conversions and deletions while a run follows them.

Below `fates` of the run's folder: `plan.jsonl`, what follows from the news; `compared.json`, how far a comparison of
both systems is; `spared.json`, who is left alone after all; `begun.csv` and `finished.csv`, what became of each.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from leadbridge.domain.cycle_link import link_line, link_of_line
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.fates import Consequence, Does, Step
from leadbridge.domain.three_way import Side
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Objects

COLUMNS = ("salesforce_id", "marketo_id", "reason", "outcome", "message")
_LINKS = ("before", "after", "forget", "refused")


@dataclass(slots=True, kw_only=True)
class Comparison:
    """How far a comparison is: the mark of the next links, how many were looked at, and who is missing.

    `people` are Marketo's, `records` Salesforce's, those that were merged, converted or deleted.
    """

    mark: str = ""
    links: int = 0
    over: bool = False
    people: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)


class FateFiles:
    """The files of one run."""

    def __init__(self, objects: Objects, run: CycleRun) -> None:
        self._objects = objects
        self._folder = f"{run.folder}/fates"

    def plan(self) -> list[Consequence] | None:
        """What follows from the news; None before it was worked out."""
        found = self._read("plan.jsonl")
        return None if found is None else [_consequence(json.loads(line)) for line in found.split(b"\n") if line]

    def keep_plan(self, plan: Iterable[Consequence]) -> None:
        """Store what follows from the news."""
        lines = (f"{json.dumps(_plain(each), separators=(',', ':'))}\n" for each in plan)
        self._objects.put(f"{self._folder}/plan.jsonl", "".join(lines).encode())

    def comparison(self) -> Comparison:
        """How far the comparison is."""
        found = self._read("compared.json")
        return Comparison(**json.loads(found)) if found is not None else Comparison()

    def keep_comparison(self, comparison: Comparison) -> None:
        """Store how far the comparison is."""
        self._objects.put(f"{self._folder}/compared.json", json.dumps(asdict(comparison)).encode())

    def spared(self) -> dict[str, str]:
        """Who in Marketo is neither flagged nor deleted after all, and why."""
        found = self._read("spared.json")
        return dict(json.loads(found)) if found is not None else {}

    def keep_spared(self, people: Mapping[str, str]) -> None:
        """Store who is left alone after all."""
        self._objects.put(f"{self._folder}/spared.json", json.dumps(people).encode())

    def keep_done(self, name: str, rows: Iterable[Sequence[str]]) -> None:
        """Store what became of each."""
        into = io.StringIO(newline="")
        lines = csv.writer(into)
        lines.writerow(COLUMNS)
        lines.writerows(rows)
        self._objects.put(f"{self._folder}/{name}.csv", into.getvalue().encode())

    def done(self, name: str) -> list[dict[str, str]]:
        """What became of each."""
        found = self._read(f"{name}.csv") or b""
        return list(csv.DictReader(io.StringIO(found.decode(), newline="")))

    def _read(self, name: str) -> bytes | None:
        try:
            stored = self._objects.stored(f"{self._folder}/{name}")
        except ConfigurationError:
            return None
        return b"".join(stored)


def _plain(each: Consequence) -> dict[str, Any]:
    links = {name: [link_line(link) for link in getattr(each, name)] for name in _LINKS}
    step = asdict(each.step) if each.step else None
    return {"why": each.why, "record": each.record, "person": each.person, "step": step, "again": each.again, **links}


def _consequence(members: dict[str, Any]) -> Consequence:
    links = {name: tuple(map(link_of_line, members[name])) for name in _LINKS}
    step = members["step"]
    made = Step(**{**step, "does": Does(step["does"]), "side": Side(step["side"])}) if step else None
    return Consequence(**{**members, **links, "step": made})
