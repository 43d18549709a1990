"""Plants small faults in a copy of the product, one at a time, and shows whether the tests notice.

A mutant is data, in `tools/mutants/*.toml`: what is broken, where, which text becomes which, and the tests
that must go red. The named tests run once on the unchanged copy first: they must be green there, and the copy
must be what they import, or nothing is proven.
"""

import argparse
import os
import queue
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_SECONDS = 300.0
# what a copy leaves out, because it is large, private to a run, or made anew
LEFT_OUT = (".git", ".venv", ".local", ".aws-sam", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis")
# installed programs that tests look for below the root; the copy reaches them by link
LINKED = (".venv", ".local/ministack", ".local/sam", ".local/uv")
IMPORT_PATHS = (".", "layers/common/python", "cli")
CANARY_MODULE = "leadbridge"

# pytest's exit codes: https://docs.pytest.org/en/stable/reference/exit-codes.html
TESTS_PASSED, TESTS_FAILED, INTERRUPTED = 0, 1, 2


class StaleMutantError(Exception):
    """The text a mutant replaces is not there exactly once: the product has moved on, so must the mutant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One planted fault and the tests that must notice it."""

    id: str
    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    seconds: float = DEFAULT_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a pytest run ended; `exit_status` is None when it had to be stopped."""

    exit_status: int | None
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a mutant; only `caught` is good."""

    mutant: Mutant
    word: str
    detail: str = ""
    seconds: float = 0.0

    @property
    def caught(self) -> bool:
        """Whether a test went red because of the fault."""
        return self.word == "caught"


type Runner = Callable[[Path, Sequence[str], float], Run]


def read_mutants(folder: Path) -> list[Mutant]:
    """Read every mutant of a folder, in file order.

    Raises:
        ValueError: An id stands twice, a mutant changes nothing or names no test, or there is none at all.
    """
    mutants = [
        Mutant(**{**entry, "tests": tuple(entry["tests"])})
        for path in sorted(folder.glob("*.toml"))
        for entry in tomllib.loads(path.read_text("utf-8"))["mutant"]
    ]
    ids = [mutant.id for mutant in mutants]
    faults = [f"{one!r} stands there twice" for one in sorted({i for i in ids if ids.count(i) > 1})]
    faults += [f"{m.id!r} changes nothing" for m in mutants if m.old == m.new]
    faults += [f"{m.id!r} names no test" for m in mutants if not m.tests]
    faults += [] if mutants else [f"{folder} holds no mutant"]
    if faults:
        raise ValueError("; ".join(faults))
    return mutants


def planted(text: str, mutant: Mutant) -> str:
    """Give the text of the mutant's file with the fault in it.

    Raises:
        StaleMutantError: The old text is not there exactly once.
    """
    count = text.count(mutant.old)
    if count != 1:
        msg = f"{mutant.file} holds the old text {count} times, exactly once is needed"
        raise StaleMutantError(msg)
    return text.replace(mutant.old, mutant.new)


def make_copy(root: Path, target: Path) -> None:
    """Copy the product so that a changed file there changes nothing here."""
    shutil.copytree(root, target, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
    for name in LINKED:
        if (root / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).symlink_to(root / name)


def environment(copy: Path) -> dict[str, str]:
    """Give the environment in which the copy, and not the installed project, is imported."""
    paths = os.pathsep.join(str(copy / path) for path in IMPORT_PATHS)
    # no bytecode: a planted fault of the same length in the same second would not be recompiled
    return {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}


def run_pytest(copy: Path, tests: Sequence[str], seconds: float) -> Run:
    """Run tests in a copy; what is not done in time is stopped with everything it started."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", "-p", "no:cacheprovider", *tests]
    with subprocess.Popen(
        command,
        cwd=copy,
        env=environment(copy),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return Run(exit_status=None, output=output)
    return Run(exit_status=process.returncode, output=output)


def canary_is_imported(copy: Path, module: str = CANARY_MODULE) -> bool:
    """Whether a value written into the copy's package is seen by a Python started as the tests are."""
    sources = [copy / path / module / "__init__.py" for path in IMPORT_PATHS]
    source = next(path for path in sources if path.exists())
    before = source.read_text("utf-8")
    canary = secrets.token_hex(8)
    try:
        source.write_text(f"{before}\nCANARY = {canary!r}\n", "utf-8")
        run = subprocess.run(
            [sys.executable, "-c", f"import {module}; print({module}.CANARY)"],
            cwd=copy,
            env=environment(copy),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        source.write_text(before, "utf-8")
    return run.stdout.strip() == canary


def try_mutant(copy: Path, mutant: Mutant, run: Runner = run_pytest) -> Verdict:
    """Plant one fault in a copy, run its tests, and take the fault out again."""
    started = time.monotonic()
    path = copy / mutant.file
    try:
        before = path.read_text("utf-8")
        after = planted(before, mutant)
    except (StaleMutantError, FileNotFoundError) as error:
        return Verdict(mutant=mutant, word="stale", detail=str(error))
    path.write_text(after, "utf-8")
    try:
        result = run(copy, mutant.tests, mutant.seconds)
    finally:
        path.write_text(before, "utf-8")
    word = {
        TESTS_FAILED: "caught",
        TESTS_PASSED: "NOT CAUGHT",
        INTERRUPTED: "broken: the tests do not even load",
        None: f"not ended after {mutant.seconds:.0f} s",
    }.get(result.exit_status, f"broken: pytest ended with {result.exit_status}")
    detail = "" if word == "caught" else _tail(result.output)
    return Verdict(mutant=mutant, word=word, detail=detail, seconds=time.monotonic() - started)


def try_all(root: Path, mutants: Sequence[Mutant], *, workers: int, run: Runner = run_pytest) -> Iterator[Verdict]:
    """Try mutants in parallel, each worker in a copy of its own; verdicts come in the order given.

    Raises:
        RuntimeError: The copy is not what Python imports, or a named test is not green without any fault.
    """
    with tempfile.TemporaryDirectory(prefix="leadbridge-mutants-") as scratch:
        copies: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(workers):
            copy = Path(scratch) / str(number)
            make_copy(root, copy)
            if not canary_is_imported(copy):
                msg = f"Python does not import {CANARY_MODULE} from the copy: no verdict would mean anything"
                raise RuntimeError(msg)
            copies.put(copy)
        _require_green(copies, mutants, run)

        def work(mutant: Mutant) -> Verdict:
            copy = copies.get()
            try:
                return try_mutant(copy, mutant, run)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(work, mutants)


def _require_green(copies: queue.SimpleQueue[Path], mutants: Iterable[Mutant], run: Runner) -> None:
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    copy = copies.get()
    result = run(copy, tests, DEFAULT_SECONDS * 2)
    copies.put(copy)
    if result.exit_status != TESTS_PASSED:
        msg = f"the named tests are not green without any fault:\n{_tail(result.output, 30)}"
        raise RuntimeError(msg)


def _tail(text: str, lines: int = 6) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants of this project and print a verdict for each; anything not caught is a failure."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("ids", nargs="*", help="only these mutants; all when none is named")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    mutants = read_mutants(ROOT / "tools" / "mutants")
    unknown = set(options.ids) - {mutant.id for mutant in mutants}
    if unknown:
        parser.error(f"no such mutant: {', '.join(sorted(unknown))}")
    chosen = [mutant for mutant in mutants if not options.ids or mutant.id in options.ids]
    bad = 0
    try:
        for verdict in try_all(ROOT, chosen, workers=options.workers):
            print(f"{verdict.mutant.id:<44} {verdict.word} ({verdict.seconds:.0f} s)  {verdict.mutant.what}")
            if not verdict.caught:
                bad += 1
                print("    " + verdict.detail.replace("\n", "\n    "))
    except RuntimeError as error:
        print(error)
        return 2
    print(f"{len(chosen) - bad} of {len(chosen)} mutants caught")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
