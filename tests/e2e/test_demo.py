"""`make run`, played once on a small file: green when everything adds up, red when a write-back is lost."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devstack.demo import FAULTS_SETTING, PERSONS, STACK_FILE, STACK_FILE_SETTING
from devstack.stack import ROOT

RUN_SECONDS = 420.0
#: every so many persons of the demo's own file make the small ones
STEPS = {"whole": 8, "lossy": 30}
#: persons of one lane are sent one after the other: a busy machine starts few receiving processes
LANES = 4
#: the first write-back is answered as done and does not become visible before the demo is long over
LOSES_A_WRITE_BACK = [
    {"match": "POST /rest/v1/leads.json", "kind": "late_commit", "nth": 1, "times": 1, "seconds": 10_000_000}
]


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run of the demo."""

    exit_code: int
    text: str
    folder: Path

    @property
    def rows(self) -> dict[str, list[str]]:
        """The table: expected, product and simulators by name."""
        cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in self.text.splitlines() if "│" in line]
        return {row[0]: row[1:4] for row in cells if len(row) > 3}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """The demo on some thirty persons, and on a few of them with the fault, side by side to save time."""
    started: dict[str, tuple[subprocess.Popen[bytes], Path]] = {}
    try:
        for name, faults in (("whole", ""), ("lossy", json.dumps(LOSES_A_WRITE_BACK))):
            folder = tmp_path_factory.mktemp(name)
            (folder / "persons.jsonl").write_text(_persons(STEPS[name]))
            started[name] = (_start(folder, faults), folder)
        yield {name: _finished(process, folder) for name, (process, folder) in started.items()}
    finally:
        for process, _ in started.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _persons(step: int) -> str:
    lines = [json.loads(line) for line in PERSONS.read_text().splitlines()[::step]]
    for number, line in enumerate(lines):
        if not line.get("burst"):
            line.setdefault("group", f"lane {number % LANES}")
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def _start(folder: Path, faults: str) -> subprocess.Popen[bytes]:
    (folder / "temporary").mkdir()
    environment = {
        **os.environ,
        "COLUMNS": "160",
        # whatever it starts works below this folder, or inherits the variable
        "TMPDIR": str(folder / "temporary"),
        STACK_FILE_SETTING: str(folder / "stack.json"),
        FAULTS_SETTING: faults,
    }
    with (folder / "output").open("wb") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "devstack", "--once", "--persons", str(folder / "persons.jsonl"), "--seed", "7"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _finished(process: subprocess.Popen[bytes], folder: Path) -> Run:
    exit_code = process.wait(timeout=RUN_SECONDS)
    return Run(exit_code, (folder / "output").read_text("utf-8"), folder)


def test_the_demo_ends_green_with_its_table(runs: dict[str, Run]) -> None:
    """The run exits with 0; its table shows received, created, updated, skipped and failed by reason, write-backs and
    activities, counted alike by the model, the product and the simulators, and the acknowledgement's latency."""
    run = runs["whole"]

    assert run.exit_code == 0, run.text
    for name in ("received", "created", "updated", "skipped", "failed", "write-backs", "activities"):
        expected, product, simulators = run.rows[name]
        assert {product, simulators} <= {expected, "–"}, (name, run.text)
        assert int(expected) > 0, (name, run.text)
    assert int(run.rows["calls to Salesforce"][2]) > 0
    assert len(re.findall(r"acknowledged within, .* \d+ ms", run.text)) == 2
    assert {"identifier_missing", "salesforce_STRING_TOO_LONG"} <= run.rows.keys()


def test_the_demo_ends_red_when_a_write_back_is_lost(runs: dict[str, Run]) -> None:
    """With a Marketo that answers one write-back and does not keep it, the run exits with 1 and says so."""
    run = runs["lossy"]

    assert run.exit_code == 1, run.text
    assert "does not carry the Salesforce Id: its write-back is lost." in " ".join(run.text.split())
    expected, _, simulators = run.rows["persons written back"]
    assert int(simulators) < int(expected)


def test_the_demo_leaves_nothing_behind(runs: dict[str, Run]) -> None:
    """After both runs no process is left that works below their folders or inherited their settings, their stack files
    and temporary folders are gone, and the checkout's own stack file is as it was."""
    listing = subprocess.run(["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=True).stdout

    for run in runs.values():
        assert [line for line in listing.splitlines() if str(run.folder) in line] == []
        assert not (run.folder / "stack.json").exists()
        assert list((run.folder / "temporary").iterdir()) == []
        assert str(STACK_FILE) not in run.text
