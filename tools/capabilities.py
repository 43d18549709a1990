"""Prints which catalogue rows are observed by a passing test, and which are not.

The catalogue is `docs/capabilities.md`, with the fault cases and the pains beside it; the tests' markers come
from a collection by pytest, the outcomes from the ledger of the last whole run (`.local/report/tests.json`).
"""

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
KINDS: Mapping[str, str] = {"cap": "capabilities.md", "fault": "fault-cases.md", "pain": "pains.md"}
MAX_IDS = 3
HIGHER_LEVELS = frozenset({"integration", "e2e", "fault"})

# words by which a row speaks of a vendor, a call or a person's record: such a row is observed only where a
# record, an answer or a call really exists. The match is greedy on purpose; PURE_RULES holds the exceptions.
OUTWARD = re.compile(
    r"\b(salesforce|marketo|sfdc|crm|vendors?|simulators?|tenants?|connections?|destination|calls?|called|requests?"
    r"|webhooks?|post|payloads?|records?|leads?|contacts?|persons?|people|accounts?|compan(y|ies)"
    r"|opportunit(y|ies)|tasks?|activit(y|ies)|operations?|executions?|processed|suppressed|written|writes?"
    r"|logged|pulled|imported|fetched|killed|upsert|chained|soql|bulk|existing|ack)\b",
    re.IGNORECASE,
)
# rows whose sentence is a rule over values: its result is the whole observation, whatever words it uses
PURE_RULES = frozenset({"A25", "A30", "A50", "A51", "A69", "S12", "S34", "S35", "T54", "M154"})

_ROW = re.compile(r"^\| (?P<id>[A-Z]{1,2}\d{2,3}) \| (?P<text>.+) \|$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a catalogue: a capability, a fault case or a pain."""

    id: str
    kind: str
    sentence: str

    @property
    def group(self) -> str:
        """The letters of the id."""
        return self.id.rstrip("0123456789")

    @property
    def needs_higher_level(self) -> bool:
        """Whether a unit or contract test cannot observe this row."""
        return self.kind == "cap" and self.id not in PURE_RULES and bool(OUTWARD.search(self.sentence))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedTest:
    """What a collected test says about itself; `ids` holds one entry per marker kind."""

    id: str
    level: str
    sentence: str
    ids: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A row with its tests and what they amount to: works, missing, failing or needs a higher level."""

    row: Row
    tests: Sequence[MarkedTest]
    status: str


def read_catalogue(docs: Path) -> dict[str, dict[str, Row]]:
    """Read the three catalogues of a docs folder: kind, then id, then row.

    Raises:
        ValueError: An id stands twice, or a file holds no row.
        FileNotFoundError: A file is missing.
    """
    catalogue: dict[str, dict[str, Row]] = {}
    for kind, name in KINDS.items():
        rows = catalogue.setdefault(kind, {})
        for line in (docs / name).read_text("utf-8").splitlines():
            match = _ROW.match(line)
            if match is None:
                continue
            if match["id"] in rows:
                msg = f"{name}: {match['id']} stands there twice"
                raise ValueError(msg)
            sentence = match["text"].replace(" | ", ": ")
            rows[match["id"]] = Row(id=match["id"], kind=kind, sentence=sentence)
        if not rows:
            msg = f"{name}: no row found; a row looks like '| A01 | sentence |'"
            raise ValueError(msg)
    return catalogue


def findings(tests: Iterable[MarkedTest], catalogue: Mapping[str, Mapping[str, Row]]) -> Iterator[str]:
    """Say what is wrong with the markers and docstrings of tests, one sentence each."""
    for test in tests:
        if not test.sentence:
            yield f"{test.id}: has no docstring; one sentence must say what it observes"
        for kind, ids in test.ids.items():
            if len(ids) > MAX_IDS:
                yield f"{test.id}: carries {len(ids)} {kind} ids, at most {MAX_IDS} are allowed"
            if len(set(ids)) < len(ids):
                yield f"{test.id}: names a {kind} id twice"
            for unknown in sorted(set(ids) - set(catalogue[kind])):
                yield f"{test.id}: {unknown!r} is not in docs/{KINDS[kind]}"


def judge(
    catalogue: Mapping[str, Mapping[str, Row]],
    tests: Iterable[MarkedTest],
    outcomes: Mapping[str, str],
) -> list[Verdict]:
    """Join rows, tests and outcomes; a test that did not pass does not count, and one that failed shows."""
    by_row: dict[tuple[str, str], list[MarkedTest]] = {}
    for test in tests:
        for kind, ids in test.ids.items():
            for row_id in ids:
                by_row.setdefault((kind, row_id), []).append(test)
    verdicts = []
    for kind, rows in catalogue.items():
        for row in rows.values():
            marked = by_row.get((kind, row.id), [])
            verdicts.append(Verdict(row=row, tests=marked, status=_status(row, marked, outcomes)))
    return verdicts


def _status(row: Row, tests: Sequence[MarkedTest], outcomes: Mapping[str, str]) -> str:
    if any(outcomes.get(test.id) == "failed" for test in tests):
        return "failing"
    passed = [test for test in tests if outcomes.get(test.id) == "passed"]
    if not passed:
        return "missing"
    if row.needs_higher_level and not any(test.level in HIGHER_LEVELS for test in passed):
        return "needs a higher level"
    return "works"


def render(verdicts: Sequence[Verdict], outcomes: Mapping[str, str]) -> Iterator[str]:
    """Give the report line by line: every row with its tests and their levels, then totals per group."""
    totals: dict[str, Counter[str]] = {}
    kind = ""
    for verdict in verdicts:
        row = verdict.row
        if row.kind != kind:
            kind = row.kind
            yield f"\n# {KINDS[kind]}"
        totals.setdefault(row.group, Counter())[verdict.status] += 1
        yield f"{row.id:<5} {verdict.status:<20} {row.sentence}"
        for test in verdict.tests:
            yield f"{'':<5} {outcomes.get(test.id, 'not run'):<20} [{test.level}] {test.id}"
    yield "\n# totals"
    for group, counts in totals.items():
        rest = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()) if status != "works")
        yield f"{group:<5} {counts['works']} of {counts.total()} work" + (f"; {rest}" if rest else "")


def read_tests(ledger: Mapping[str, Any]) -> tuple[list[MarkedTest], dict[str, str]]:
    """Split a ledger as `tests/plugins/ledger.py` writes it into what tests say and how they ended."""
    entries = ledger["tests"]
    tests = [
        MarkedTest(
            id=entry["id"],
            level=entry["level"],
            sentence=entry["sentence"],
            ids={kind: tuple(entry["ids"][kind]) for kind in KINDS},
        )
        for entry in entries
    ]
    return tests, {entry["id"]: entry["outcome"] for entry in entries}


def collect(root: Path) -> list[MarkedTest]:
    """Ask pytest for every test of the project with its markers, without running any.

    Raises:
        RuntimeError: The collection failed; the text is what pytest said.
    """
    target = root / ".local" / "report" / "collected.json"
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--ledger", str(target), "tests"]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(run.stdout + run.stderr)
    return read_tests(json.loads(target.read_text("utf-8")))[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report, or with --check only what is wrong with the markers."""
    parser = argparse.ArgumentParser(prog="capabilities", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only refuse wrong markers; needs no test run")
    parser.add_argument("--report", type=Path, default=ROOT / ".local" / "report" / "tests.json")
    options = parser.parse_args(arguments)
    catalogue = read_catalogue(ROOT / "docs")
    try:
        tests = collect(ROOT)
    except RuntimeError as error:
        print(f"the tests could not be collected:\n{error}")
        return 2
    wrong = list(findings(tests, catalogue))
    for line in wrong:
        print(line)
    if options.check:
        print(f"{len(tests)} tests checked, {len(wrong)} findings")
        return 1 if wrong else 0
    if not options.report.exists():
        print(f"no results at {options.report}: run `make test` first; every row counts as missing")
        outcomes: dict[str, str] = {}
    else:
        ledger = json.loads(options.report.read_text("utf-8"))
        outcomes = read_tests(ledger)[1]
        print(f"results of the run that ended {ledger['ended_at']} (whole run: {ledger['whole']})")
    for line in render(judge(catalogue, tests, outcomes), outcomes):
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
