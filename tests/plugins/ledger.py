"""Keeps the account of a test run: nothing passes quietly, and every test says what it observes.

A run fails on any skipped, xfailed, deselected or rerun test, on a test without docstring and on a wrong
marker. With `--whole` it also fails when a test folder or a tool is missing. The ledger (JSON) goes to
`.local/report/`, as `tests.json` for a whole run and `part.json` for any other, so that a partial run never
passes for a whole one.

What a test has to say besides passing (`record_property("tell", line)`) is printed beside the counts.

Where the run is shared out to several processes, each tells what it collected and the first one keeps the account.
"""

import json
import socket
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tools.capabilities import KINDS, MarkedTest, findings, read_catalogue

LEVELS = ("unit", "contract", "integration", "e2e", "fault", "bench")
TOOLS = (".local/sam/bin/sam", ".local/ministack/bin/ministack")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the two options of the ledger."""
    group = parser.getgroup("ledger")
    group.addoption("--whole", action="store_true", help="fail unless every test folder and tool is there")
    group.addoption("--ledger", type=Path, default=None, help="write the account of this run to another file")


def pytest_configure(config: pytest.Config) -> None:
    """Begin the account; the markers are declared here too, so that other projects can load this plugin."""
    for kind, name in KINDS.items():
        config.addinivalue_line("markers", f"{kind}(*ids): rows of docs/{name}")
    config.pluginmanager.register(Ledger(config), "leadbridge-ledger")


@dataclass(slots=True)
class Entry:
    """One test of this run: what it says, and the worst thing that happened to it."""

    test: MarkedTest
    outcome: str = "not run"
    quiet: list[str] = field(default_factory=list)

    def add(self, report: pytest.TestReport) -> None:
        """Take in one phase of the test."""
        if hasattr(report, "wasxfail"):
            self.quiet.append(f"xfailed: {report.wasxfail or 'no reason given'}")
        elif report.outcome == "skipped":
            self.quiet.append(f"skipped: {_reason(report)}")
        elif report.outcome not in {"passed", "failed"}:
            self.quiet.append(str(report.outcome))
        if report.failed:
            self.outcome = "failed"
        elif report.when == "call" and report.passed and self.outcome == "not run":
            self.outcome = "passed"


class Ledger:
    """The pytest hooks that keep the account and judge the run by it."""

    def __init__(self, config: pytest.Config) -> None:
        """Start with an empty account."""
        self._config = config
        self._entries: dict[str, Entry] = {}
        self._problems: list[str] = []
        self._told: list[str] = []
        chosen: Path | None = config.getoption("--ledger")
        self._whole = bool(config.getoption("--whole"))
        name = "tests.json" if self._whole else "part.json"
        self._target = chosen or config.rootpath / ".local" / "report" / name

    @property
    def _is_helper(self) -> bool:
        """Whether this process only runs tests for another one, which keeps the account."""
        return hasattr(self._config, "workerinput")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take in what a helper process collected; one that died is a failure of the run by itself."""
        told = getattr(node, "workeroutput", {}).get("ledger")
        if told is None:
            self._problems.append(f"a helper process ended without its account: {error}")
            return
        self._problems.extend(problem for problem in told["problems"] if problem not in self._problems)
        for each in told["tests"]:
            self._entry(each["id"]).test = MarkedTest(**each)

    def _entry(self, node_id: str) -> Entry:
        known = self._entries.get(node_id)
        if known is None:
            known = self._entries[node_id] = Entry(MarkedTest(id=node_id, level="elsewhere", sentence="", ids={}))
        return known

    @pytest.hookimpl(tryfirst=True)
    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Note what was left out by -k, -m or --deselect."""
        self._problems.extend(f"deselected: {item.nodeid}" for item in items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note modules that skip themselves."""
        if report.outcome == "skipped":
            self._problems.append(f"skipped module: {report.nodeid}: {_reason(report)}")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Open an entry for each test; a whole run stops here when something it needs is missing."""
        for item in session.items:
            self._entries[item.nodeid] = Entry(describe(item))
        if self._whole:
            missing = list(missing_parts(self._config.rootpath, {e.test.level for e in self._entries.values()}))
            if missing:
                raise pytest.UsageError("\n".join(missing))
        if self._entries:
            self._problems.extend(self._findings())

    def _findings(self) -> Iterator[str]:
        tests = [entry.test for entry in self._entries.values()]
        docs = self._config.rootpath / "docs"
        try:
            yield from findings(tests, read_catalogue(docs))
        except (OSError, ValueError) as error:
            yield f"the catalogue cannot be read: {error}"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one phase of a test."""
        self._entry(report.nodeid).add(report)
        if report.when == "teardown":
            self._told += [str(line) for name, line in report.user_properties if name == "tell"]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a green run that hides something, and write the ledger."""
        if self._is_helper:
            tests = [asdict(entry.test) for entry in self._entries.values()]
            helper: Any = self._config  # what is put here reaches the first process
            helper.workeroutput["ledger"] = {"problems": self._problems, "tests": tests}
            return
        for entry in self._entries.values():
            self._problems.extend(f"{quiet} ({entry.test.id})" for quiet in entry.quiet)
        collect_only = bool(self._config.getoption("collectonly"))
        if self._problems and not collect_only and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._write(int(session.exitstatus))

    def _write(self, exit_status: int) -> None:
        tests = [
            {
                "id": entry.test.id,
                "level": entry.test.level,
                "sentence": entry.test.sentence,
                "ids": {kind: list(ids) for kind, ids in entry.test.ids.items()},
                "outcome": entry.quiet[0].partition(":")[0] if entry.quiet else entry.outcome,
            }
            for entry in self._entries.values()
        ]
        ledger = {
            "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "whole": self._whole,
            "exit_status": exit_status,
            "problems": self._problems,
            "told": self._told,
            "tests": tests,
        }
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._target.write_text(json.dumps(ledger, indent=1) + "\n", "utf-8")

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the problems and one line per test folder."""
        if self._config.getoption("collectonly") or self._is_helper:
            return
        terminalreporter.section("ledger")
        for problem in self._problems:
            terminalreporter.write_line(f"NOT ALLOWED {problem}", red=True)
        for line in [*self._told, *count_lines(self._entries.values())]:
            terminalreporter.write_line(line)


def describe(item: pytest.Item) -> MarkedTest:
    """Read a test's level, first docstring sentence and ids."""
    function = getattr(item, "function", None)
    text = " ".join((getattr(function, "__doc__", None) or "").split())
    ids = {kind: [str(one) for marker in item.iter_markers(kind) for one in marker.args] for kind in KINDS}
    return MarkedTest(id=item.nodeid, level=level_of(item), sentence=text, ids=ids)


def level_of(item: pytest.Item) -> str:
    """Name the folder below `tests/` that a test lives in."""
    return _level_of_file(item.path, item.config.rootpath)


@cache
def _level_of_file(path: Path, root: Path) -> str:
    try:
        parts = path.relative_to(root / "tests").parts
    except ValueError:
        return "elsewhere"
    return parts[0] if len(parts) > 1 else "elsewhere"


def missing_parts(root: Path, levels: set[str]) -> Iterator[str]:
    """Say what a whole run lacks, with the remedy."""
    for level in LEVELS:
        if level not in levels:
            yield f"tests/{level} holds no test: a whole run needs every folder; restore what was there"
    for tool in TOOLS:
        if not (root / tool).exists():
            yield f"{tool} is missing: run `make install`"
    try:
        can_listen()
    except OSError as error:
        yield f"no loopback port can be bound ({error}): free ports or allow 127.0.0.1"


def can_listen() -> None:
    """Bind a loopback port for a moment.

    Raises:
        OSError: No port can be bound.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))


def count_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Count outcomes per test folder, known folders first, in their fixed order."""
    counts: dict[str, Counter[str]] = {}
    for entry in entries:
        outcome = entry.quiet[0].partition(":")[0] if entry.quiet else entry.outcome
        counts.setdefault(entry.test.level, Counter())[outcome] += 1
    order = {level: place for place, level in enumerate(LEVELS)}
    for level in sorted(counts, key=lambda name: (order.get(name, len(LEVELS)), name)):
        yield f"{level}: " + ", ".join(f"{n} {outcome}" for outcome, n in sorted(counts[level].items()))


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    match report.longrepr:
        case (_, _, str(reason)):
            return reason.removeprefix("Skipped: ")
        case other:
            return str(other)
