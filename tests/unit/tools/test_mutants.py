"""A fault that no test notices, a stale mutant and a wrong import each stop `make mutants`."""

import functools
from collections.abc import Sequence
from pathlib import Path

import pytest

from tools import mutants
from tools.mutants import Mutant, Run, StaleMutantError, planted

PRODUCT = "def double(number):\n    return number * 2\n\n\ndef triple(number):\n    return number * 3\n"
TESTS = (
    "from leadbridge import double\n\n\ndef test_double():\n    assert double(4) == 8\n\n\n"
    "def test_nothing():\n    assert True\n"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A product of two functions with one useful and one useless test."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # the sample needs no plugin; saves a second a run
    root = tmp_path / "project"
    package = root / "layers/common/python/leadbridge"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PRODUCT)
    (root / "tests").mkdir()
    (root / "tests/test_product.py").write_text(TESTS)
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    return root


def a_mutant(*, old: str = "number * 2", new: str = "number * 5", test: str = "test_double") -> Mutant:
    """A valid mutant of the sample project."""
    return Mutant(
        id=f"{test}-{new}",
        what="a wrong factor",
        file="layers/common/python/leadbridge/__init__.py",
        old=old,
        new=new,
        tests=(f"tests/test_product.py::{test}",),
        seconds=30,
    )


def a_runner(exit_status: int | None) -> mutants.Runner:
    """A stand-in for pytest that ends as told, and is green on an unchanged product."""

    def run(copy: Path, tests: Sequence[str], seconds: float) -> Run:
        source = (copy / "layers/common/python/leadbridge/__init__.py").read_text()
        return Run(exit_status=0 if source == PRODUCT else exit_status, output="what pytest said")

    return run


def test_real_runs_tell_a_caught_fault_from_an_uncaught_one(project: Path) -> None:
    """Real runs: the watched fault is caught, the unwatched one is not, and the project is left as it was."""
    watched, unwatched = a_mutant(), a_mutant(test="test_nothing")

    verdicts = list(mutants.try_all(project, [watched, unwatched], workers=2))

    assert [(v.word, v.caught) for v in verdicts] == [("caught", True), ("NOT CAUGHT", False)]
    assert (project / "layers/common/python/leadbridge/__init__.py").read_text() == PRODUCT


@pytest.mark.parametrize(
    ("exit_status", "word"),
    [
        pytest.param(0, "NOT CAUGHT", id="green"),
        pytest.param(2, "broken: the tests do not even load", id="does not import"),
        pytest.param(4, "broken: pytest ended with 4", id="no such test"),
        pytest.param(5, "broken: pytest ended with 5", id="no test ran"),
        pytest.param(None, "not ended after 30 s", id="hangs"),
    ],
)
def test_only_a_red_test_counts_as_caught(project: Path, exit_status: int | None, word: str) -> None:
    """Any end other than failed tests is named and is not a catch."""
    verdict = mutants.try_mutant(project, a_mutant(), a_runner(exit_status))

    assert (verdict.word, verdict.caught) == (word, False)


@pytest.mark.parametrize("old", [pytest.param("number * 7", id="gone"), pytest.param("number", id="four times")])
def test_a_stale_mutant_is_refused(project: Path, old: str) -> None:
    """A text that is not there exactly once is never planted, and the verdict says stale."""
    with pytest.raises(StaleMutantError, match="exactly once"):
        mutants.planted(PRODUCT, a_mutant(old=old))

    assert mutants.try_mutant(project, a_mutant(old=old), a_runner(1)).word == "stale"


def test_a_missing_file_makes_a_mutant_stale(project: Path) -> None:
    """A mutant of a file that was moved away is stale, not caught."""
    (project / "layers/common/python/leadbridge/__init__.py").unlink()

    assert mutants.try_mutant(project, a_mutant(), a_runner(1)).word == "stale"


def test_a_red_test_without_any_fault_stops_everything(project: Path) -> None:
    """When a named test fails on the unchanged product, no verdict is given."""
    (project / "tests/test_product.py").write_text("def test_double():\n    assert False\n")

    with pytest.raises(RuntimeError, match="not green without any fault"):
        list(mutants.try_all(project, [a_mutant()], workers=1))


def test_another_installation_in_front_of_the_copy_stops_everything(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When Python imports the product from elsewhere, the canary is not seen and no verdict is given."""
    monkeypatch.setattr(mutants, "environment", lambda copy: {"PYTHONPATH": ""})

    with pytest.raises(RuntimeError, match="does not import leadbridge from the copy"):
        list(mutants.try_all(project, [a_mutant()], workers=1, run=a_runner(1)))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param({"id": "same"}, "stands there twice", id="id twice"),
        pytest.param({"new": "a"}, "changes nothing", id="changes nothing"),
        pytest.param({"tests": []}, "names no test", id="no test"),
    ],
)
def test_a_list_that_proves_nothing_is_refused(tmp_path: Path, change: dict[str, object], complaint: str) -> None:
    """The list is refused for a doubled id, a mutant without effect or without a test."""
    first = {"id": "same", "what": "w", "file": "f", "old": "a", "new": "b", "tests": ["t"]}
    second = {**first, "id": "other", **change}
    lines = [line for entry in (first, second) for line in ("[[mutant]]", *(f"{k} = {v!r}" for k, v in entry.items()))]
    (tmp_path / "list.toml").write_text("\n".join(lines))

    with pytest.raises(ValueError, match=complaint):
        mutants.read_mutants(tmp_path)


def test_an_empty_list_is_refused(tmp_path: Path) -> None:
    """No mutant at all is an error, not a success."""
    with pytest.raises(ValueError, match="holds no mutant"):
        mutants.read_mutants(tmp_path)


def test_every_planted_fault_fits_the_code_as_it_is() -> None:
    """Each text that a mutant replaces stands once in its file, and the tests that must go red are there."""
    root = Path(__file__).resolve().parents[3]
    found = mutants.read_mutants(root / "tools/mutants")

    assert len(found) > 400
    for each in found:
        assert planted(read(root / each.file), each) != read(root / each.file)
        for test in each.tests:
            file, _, function = test.partition("::")
            assert f"def {function.partition('[')[0]}" in read(root / file), (each.id, test)


@functools.cache
def read(path: Path) -> str:
    """A file's text."""
    return path.read_text("utf-8")
