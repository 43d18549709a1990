"""A run that hides something is red, says what, and never leaves a ledger that looks whole."""

import json
from pathlib import Path

import pytest

from tests.plugins import ledger

GOOD = '''
def test_fine():
    """Sees that one is one."""
    assert 1 == 1
'''


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with catalogues of one row each and the ledger switched on; its whole runs find a port."""
    monkeypatch.setattr(ledger, "can_listen", lambda: None)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # nothing installed here matters to the ledger
    for kind, row in (("capabilities", "A01"), ("fault-cases", "FM01"), ("pains", "P01")):
        path = pytester.path / "docs" / f"{kind}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"| {row} | A record appears | as told |\n")
    pytester.makeini("[pytest]\naddopts = -p tests.plugins.ledger\n")
    return pytester


def run(inner: pytest.Pytester, body: str, *options: str, level: str = "unit") -> pytest.RunResult:
    """Run one test module of the inner project."""
    folder = inner.path / "tests" / level
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"test_{level}.py").write_text("import pytest\n" + body)
    return inner.runpytest_inprocess(*options)


def test_an_honest_run_is_green_and_counted(inner: pytest.Pytester) -> None:
    """The folder's count is printed, and the ledger holds the test with its sentence, ids and outcome."""
    result = run(inner, GOOD.replace("def", '@pytest.mark.cap("A01")\ndef', 1))

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["unit: 1 passed"])
    written = json.loads((inner.path / ".local/report/part.json").read_text())
    assert written["whole"] is False
    assert written["tests"] == [
        {
            "id": "tests/unit/test_unit.py::test_fine",
            "level": "unit",
            "sentence": "Sees that one is one.",
            "ids": {"cap": ["A01"], "fault": [], "pain": []},
            "outcome": "passed",
        }
    ]


def test_what_a_test_has_to_say_is_printed_beside_the_counts(inner: pytest.Pytester) -> None:
    """A line that a test records under the name `tell` is printed once, and kept in the ledger."""
    body = 'def test_says(record_property):\n    """Says."""\n    record_property("tell", "three of four")\n'
    result = run(inner, body)

    assert result.stdout.lines.count("three of four") == 1
    assert json.loads((inner.path / ".local/report/part.json").read_text())["told"] == ["three of four"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        pytest.param("@pytest.mark.skip(reason='later')", "skipped: later", id="skip"),
        pytest.param("@pytest.mark.xfail(reason='known')", "xfailed: known", id="xpass"),
        pytest.param("@pytest.mark.xfail(run=False, reason='known')", "xfailed: *", id="xfail"),
        pytest.param("@pytest.mark.cap('A99')", "*'A99' is not in docs/capabilities.md", id="unknown row"),
        pytest.param("@pytest.mark.cap('A01', 'A02', 'A03', 'A04')", "*carries 4 cap ids, at most 3*", id="four ids"),
    ],
)
def test_a_quiet_pass_makes_the_run_red(inner: pytest.Pytester, line: str, complaint: str) -> None:
    """A run that pytest calls green ends red and names the test."""
    result = run(inner, f"{GOOD}\n{line}\n" + GOOD.replace("test_fine", "test_hidden"))

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"NOT ALLOWED {complaint}*"])


def test_a_module_that_skips_itself_makes_the_run_red(inner: pytest.Pytester) -> None:
    """A module-level skip beside a green module is a failure."""
    run(inner, GOOD)

    result = run(inner, "pytest.skip('no tool', allow_module_level=True)\n", level="contract")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["NOT ALLOWED skipped module: tests/contract/test_contract.py: no tool"])


def test_a_deselected_test_makes_the_run_red(inner: pytest.Pytester) -> None:
    """Leaving a test out by -k is a failure that names it."""
    result = run(inner, GOOD + GOOD.replace("test_fine", "test_other"), "-k", "test_fine")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["NOT ALLOWED deselected: tests/unit/test_unit.py::test_other"])


def test_a_rerun_makes_the_run_red(inner: pytest.Pytester) -> None:
    """A test that needed a second try is a failure, whichever plugin repeated it."""
    inner.makeconftest(
        """
import copy, pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        first = copy.copy(report)
        first.outcome = "rerun"
        item.ihook.pytest_runtest_logreport(report=first)
    return report
"""
    )

    result = run(inner, GOOD)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["NOT ALLOWED rerun (tests/unit/test_unit.py::test_fine)"])


def test_a_test_without_docstring_makes_the_run_red(inner: pytest.Pytester) -> None:
    """A test that does not say what it observes is named."""
    result = run(inner, "def test_mute():\n    assert True\n")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["NOT ALLOWED tests/unit/test_unit.py::test_mute: has no docstring*"])


def test_a_broken_tear_down_counts_as_failed(inner: pytest.Pytester) -> None:
    """A test that passes and then fails while tidying up is failed in the ledger."""
    broken = "@pytest.fixture(autouse=True)\ndef tidy():\n    yield\n    raise RuntimeError('left behind')\n"

    result = run(inner, broken + GOOD)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["unit: 1 failed"])


def test_a_whole_run_needs_every_folder_and_tool(inner: pytest.Pytester) -> None:
    """With --whole a missing folder or tool is an error that says what to do, and no test runs."""
    result = run(inner, GOOD, "--whole")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*tests/bench holds no test: *restore what*", "*.local/sam/bin/sam is missing: run `make install`*"]
    )


def test_a_whole_run_with_everything_is_green(inner: pytest.Pytester) -> None:
    """With every folder and tool there, --whole writes the ledger that counts."""
    for tool in ledger.TOOLS:
        path = inner.path / tool
        path.parent.mkdir(parents=True)
        path.touch()
    for level in ledger.LEVELS[1:]:
        folder = inner.path / "tests" / level
        folder.mkdir(parents=True)
        (folder / f"test_{level}.py").write_text(GOOD)

    result = run(inner, GOOD, "--whole")

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"{level}: 1 passed" for level in ledger.LEVELS])
    assert json.loads((inner.path / ".local/report/tests.json").read_text())["whole"] is True


def test_a_whole_run_needs_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no loopback port can be bound, the remedy is named."""

    def refuse() -> None:
        msg = "no ports"
        raise OSError(msg)

    monkeypatch.setattr(ledger, "can_listen", refuse)

    assert any("allow 127.0.0.1" in line for line in ledger.missing_parts(Path(), set(ledger.LEVELS)))


def test_a_shared_run_keeps_one_account(inner: pytest.Pytester) -> None:
    """Shared out to a helper process, the run counts its tests by folder and is red for one that is skipped."""
    hidden = GOOD.replace("def test_fine", "@pytest.mark.skip(reason='later')\ndef test_hidden")
    folder = inner.path / "tests" / "unit"
    folder.mkdir(parents=True)
    (folder / "test_unit.py").write_text("import pytest\n" + GOOD + hidden)
    result = inner.runpytest_inprocess("-p", "xdist", "-p", "xdist.looponfail", "-n", "1", "--dist", "loadgroup")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["NOT ALLOWED skipped: later*test_hidden*", "unit: 1 passed, 1 skipped"])
