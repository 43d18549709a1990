"""Wrong markers are refused, and a row counts only when a passing test of the right level observes it."""

from pathlib import Path

import pytest

from tools import capabilities
from tools.capabilities import MarkedTest

ROOT = Path(__file__).resolve().parents[3]


def a_test(
    *ids: str, kind: str = "cap", level: str = "e2e", sentence: str = "A record appears.", name: str = "t"
) -> MarkedTest:
    """A test that carries ids of one kind."""
    every = dict[str, tuple[str, ...]].fromkeys(capabilities.KINDS, ())
    return MarkedTest(id=name, level=level, sentence=sentence, ids={**every, kind: ids})


@pytest.fixture(scope="module")
def catalogue() -> dict[str, dict[str, capabilities.Row]]:
    """The catalogues of this project."""
    return capabilities.read_catalogue(ROOT / "docs")


def status_of(catalogue: dict[str, dict[str, capabilities.Row]], row_id: str, *tests: tuple[MarkedTest, str]) -> str:
    """What a row's tests, each with its outcome, amount to."""
    outcomes = {test.id: outcome for test, outcome in tests}
    verdicts = capabilities.judge(catalogue, [test for test, _ in tests], outcomes)
    return next(verdict.status for verdict in verdicts if verdict.row.id == row_id)


def test_the_catalogues_are_complete(catalogue: dict[str, dict[str, capabilities.Row]]) -> None:
    """Every id from first to last of each group is there, and no other."""
    sizes = {"A": 73, "S": 41, "T": 66, "U": 54, "D": 3}
    caps = {f"{group}{number:02}" for group, size in sizes.items() for number in range(1, size + 1)}
    caps |= {f"M{number:03}" for number in range(1, 165)}
    cases = {"FM": 24, "FB": 14, "FS": 18, "FA": 18, "FT": 10}
    faults = {f"{group}{number:02}" for group, size in cases.items() for number in range(1, size + 1)}
    pains = {f"P{number:02}" for number in range(1, 51)}

    assert {kind: set(rows) for kind, rows in catalogue.items()} == {
        "cap": caps,
        "fault": faults,
        "pain": pains,
    }


@pytest.mark.parametrize(
    ("test", "complaint"),
    [
        pytest.param(a_test("A74"), "'A74' is not in docs/capabilities.md", id="unknown row"),
        pytest.param(a_test("FM01"), "'FM01' is not in docs/capabilities.md", id="fault id as row"),
        pytest.param(a_test("FM25", kind="fault"), "'FM25' is not in docs/fault-cases.md", id="unknown fault"),
        pytest.param(a_test("P51", kind="pain"), "'P51' is not in docs/pains.md", id="unknown pain"),
        pytest.param(a_test("A01", "A02", "A03", "A04"), "carries 4 cap ids", id="four ids"),
        pytest.param(a_test("A01", "A01"), "names a cap id twice", id="id twice"),
        pytest.param(a_test("A01", sentence=""), "has no docstring", id="no docstring"),
    ],
)
def test_a_wrong_marker_is_refused(
    catalogue: dict[str, dict[str, capabilities.Row]], test: MarkedTest, complaint: str
) -> None:
    """Each mistake gives one finding that names it."""
    (finding,) = capabilities.findings([test], catalogue)

    assert complaint in finding


def test_three_known_ids_are_accepted(catalogue: dict[str, dict[str, capabilities.Row]]) -> None:
    """The largest marker that is allowed gives no finding."""
    assert list(capabilities.findings([a_test("A01", "A02", "A03")], catalogue)) == []


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("passed", "works"), ("failed", "failing"), ("skipped", "missing"), ("not run", "missing")],
)
def test_a_row_works_only_by_a_passing_test(
    catalogue: dict[str, dict[str, capabilities.Row]], outcome: str, status: str
) -> None:
    """The row follows its only test's outcome; anything but passed is not a working row."""
    assert status_of(catalogue, "A01", (a_test("A01"), outcome)) == status


def test_one_failing_test_outweighs_a_passing_one(catalogue: dict[str, dict[str, capabilities.Row]]) -> None:
    """A row with a red and a green test is shown as failing."""
    green, red = (a_test("A01", name="green"), "passed"), (a_test("A01", name="red"), "failed")

    assert status_of(catalogue, "A01", green, red) == "failing"


@pytest.mark.parametrize(
    ("row_id", "level", "status"),
    [
        pytest.param("A01", "unit", "needs a higher level", id="a call at unit level"),
        pytest.param("A01", "contract", "needs a higher level", id="a call at contract level"),
        pytest.param("A01", "bench", "needs a higher level", id="a call in a benchmark"),
        pytest.param("A01", "integration", "works", id="a call at integration level"),
        pytest.param("A01", "fault", "works", id="a call in a fault test"),
        pytest.param("A32", "unit", "works", id="a rule at unit level"),
        pytest.param("A50", "unit", "works", id="a rule that speaks of records"),
    ],
)
def test_a_row_about_a_vendor_needs_a_higher_level(
    catalogue: dict[str, dict[str, capabilities.Row]], row_id: str, level: str, status: str
) -> None:
    """Unit, contract and bench tests do not cover a row whose sentence speaks of a vendor or a call."""
    assert status_of(catalogue, row_id, (a_test(row_id, level=level), "passed")) == status


def test_rules_without_outward_words_are_not_listed_as_exceptions(
    catalogue: dict[str, dict[str, capabilities.Row]],
) -> None:
    """Every exception is a row that the words alone would send to a higher level."""
    rows = catalogue["cap"]

    assert [one for one in capabilities.PURE_RULES if not capabilities.OUTWARD.search(rows[one].sentence)] == []


def test_the_report_names_every_row_and_counts_each_group(
    catalogue: dict[str, dict[str, capabilities.Row]],
) -> None:
    """Each row has its line, a covered row its test with level and outcome, each group its total."""
    test = a_test("A13", name="tests/e2e/test_x.py::test_y")
    outcomes = {test.id: "passed"}

    lines = list(capabilities.render(capabilities.judge(catalogue, [test], outcomes), outcomes))

    assert sum(line.split()[0] in catalogue["cap"] for line in lines if line.strip()) == 401
    place = next(number for number, line in enumerate(lines) if line.startswith("A13 "))
    assert lines[place].split()[1] == "works"
    assert lines[place + 1].split() == ["passed", "[e2e]", test.id]
    assert "A     1 of 73 work; 72 missing" in lines
    assert "P     0 of 50 work; 50 missing" in lines


def test_a_doubled_row_is_refused(tmp_path: Path) -> None:
    """A catalogue that names an id twice cannot be read."""
    for name in capabilities.KINDS.values():
        (tmp_path / name).write_text("| A01 | one |\n| A01 | two |\n")

    with pytest.raises(ValueError, match="A01 stands there twice"):
        capabilities.read_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("ids", "status", "line"),
    [
        pytest.param(("A01",), 0, "1 tests checked, 0 findings", id="right"),
        pytest.param(("A99",), 1, "t: 'A99' is not in docs/capabilities.md", id="wrong"),
    ],
)
def test_check_is_red_exactly_when_a_marker_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ids: tuple[str, ...],
    status: int,
    line: str,
) -> None:
    """The command's exit code and output follow the markers that a collection finds."""
    monkeypatch.setattr(capabilities, "collect", lambda root: [a_test(*ids)])

    assert capabilities.main(["--check"]) == status
    assert line in capsys.readouterr().out.splitlines()


def test_without_a_whole_run_every_row_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Where no results are, the report says what to run and counts nothing as working."""
    monkeypatch.setattr(capabilities, "collect", lambda root: [a_test("A01")])

    capabilities.main(["--report", str(tmp_path / "tests.json")])

    printed = capsys.readouterr().out
    assert "run `make test` first" in printed
    assert "A     0 of 73 work; 73 missing" in printed.splitlines()
