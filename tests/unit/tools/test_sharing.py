"""Which tests of a shared-out run stay together."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import pytest

from tests.plugins.sharing import LONGEST, TOGETHER, WITH_STACKS, Listed, first_alone, group_of, next_of, place_of

ANYWHERE = "tests/unit/domain/test_values.py::test_x[a@b]"
SIMULATION = "tests/fault/simulation/test_simulation.py::test_x[3]"


@pytest.mark.parametrize(
    ("test_id", "group"),
    [
        ("tests/e2e/test_webhook.py::test_x", "e2e"),
        ("tests/e2e/test_demo.py::test_x", "demo"),
        ("tests/fault/test_poison.py::test_x[a]", "fault"),
        ("tests/integration/console/test_crawl.py::test_x", "console"),
        ("tests/fault/test_killed_workers.py::test_x[before-create]", "kills"),
        ("tests/fault/leaks/test_nothing_leaks.py::test_x", "leaks"),
        ("tests/contract/ports/test_lanes.py::test_x[emulator-late]", "emulator"),
        (SIMULATION, SIMULATION),
        (ANYWHERE, "tests/unit/domain/test_values.py"),
    ],
)
def test_tests_that_share_a_stack_or_a_file_stay_together(test_id: str, group: str) -> None:
    """Tests on one deployed stack are one group, those of any other file too; each of the simulation's goes alone."""
    assert group_of(test_id) == group


def test_stacks_are_begun_first_and_files_last() -> None:
    """The stack that takes longest, the others, browsers, a long test that runs alone, and then whole files."""
    groups = ["tests/unit/test_b.py", SIMULATION, "console", "emulator", "leaks", "tests/unit/test_a.py", "e2e"]

    assert sorted(groups, key=place_of) == [
        "e2e",
        "leaks",
        "emulator",
        "console",
        SIMULATION,
        "tests/unit/test_b.py",
        "tests/unit/test_a.py",
    ]


def test_a_process_more_than_may_have_stacks_begins_with_other_tests() -> None:
    """The first four take what comes first, stacks; another one takes these when nothing else is left."""
    groups = ["e2e", "leaks", "tests/unit/test_a.py", SIMULATION]

    assert {next_of(groups, f"gw{number}") for number in range(WITH_STACKS)} == {"e2e"}
    assert next_of(groups, f"gw{WITH_STACKS}") == SIMULATION
    assert next_of(["leaks", "e2e"], f"gw{WITH_STACKS}") == "e2e"


def test_a_list_of_tests_knows_where_each_stands() -> None:
    """As a list does, without going through it."""
    tests = Listed(["a", "b", "c"])

    assert [tests.index(each) for each in ("c", "a", "b")] == [2, 0, 1]
    assert tests == ["a", "b", "c"]


def test_the_longest_are_groups_that_there_are() -> None:
    """Each name in the order of beginnings is one that tests are shared out by."""
    assert set(LONGEST) <= {group for _, group in TOGETHER}


def test_one_process_runs_a_whole_group(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a run in three processes, all tests of a stack's folder run in the same one."""
    # the three would load every plugin that is installed, which takes longer than the rest
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    folder = pytester.mkdir("tests") / "e2e"
    folder.mkdir()
    (folder / "test_sample.py").write_text(
        "import os, pathlib\nimport pytest\n\n\n@pytest.mark.parametrize('n', range(12))\ndef test_x(n):\n"
        "    with pathlib.Path('workers').open('a') as file:\n"
        "        file.write(os.environ['PYTEST_XDIST_WORKER'] + '\\n')\n"
    )
    pytester.makeconftest("from tests.plugins.sharing import pytest_xdist_make_scheduler\n")

    result = pytester.runpytest_inprocess("-p", "xdist", "-p", "xdist.looponfail", "-n", "3")

    result.assert_outcomes(passed=12)
    assert len(set((pytester.path / "workers").read_text().split())) == 1


def test_the_first_process_is_alone_and_the_others_follow_together(tmp_path: Path) -> None:
    """While the first holds the place a second one waits; once it has let go, two more are there at the same time."""
    file, there, together = tmp_path / "of" / "lock", Event(), Barrier(2)

    def second() -> None:
        with first_alone(file):
            there.set()
            together.wait(10)

    with ThreadPoolExecutor(2) as pool:
        with first_alone(file):
            waiting = [pool.submit(second), pool.submit(second)]
            assert not there.wait(0.05)
        for each in waiting:
            each.result(10)
