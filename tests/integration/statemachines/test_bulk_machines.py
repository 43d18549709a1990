"""Both machines as real ASL: every way they take, and what their callers get.

The definitions are those of the template; an interpreter of Amazon States Language executes them. Tasks call the
use-case over the real adapters of tables and files, waits move the clock, the vendor is a double.
"""

from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.jobs import Kind
from leadbridge.errors import AuthenticationError, QuotaExhaustedError, TransientError
from tests.builders.bulk import SOURCE, rows_of
from tests.fakes.clock import NOON
from tests.integration.statemachines.conftest import Bench

ORDER: dict[str, Any] = {"run": "slot-7", "connection": "one", "object": "leads", "request": {}, "prefix": "runs"}
IMPORT = ORDER | {"source": SOURCE}
EXTRACT_MACHINE, IMPORT_MACHINE = "BulkExtractMachine", "BulkImportMachine"
VENDORS = pytest.mark.parametrize("vendor", ["marketo", "salesforce"])


def taken(states: list[str]) -> list[str]:
    """The steps and waits among the states."""
    return [name for name in states if name not in {"Begin", "Next", "Step"}]


@VENDORS
def test_an_extract_ends_with_its_file(bench: Bench, vendor: str) -> None:
    """The machine goes from making the job to the checked file; its output names the file and counts the rows."""
    ended = bench.machines.run(EXTRACT_MACHINE, ORDER | {"vendor": vendor})
    names = taken(ended.states)

    assert ended.status == "SUCCEEDED", ended.cause
    assert ended.output["output"] == "runs/slot-7/extract.csv"
    assert ended.output["counts"]["rows"] == 1
    assert bench.get("runs/slot-7/extract.csv").startswith(b"id,email")
    assert bench.keys() == ["runs/slot-7/extract.csv"]
    steps = [name for name in dict.fromkeys(names) if name != "Wait"]
    started = ["Start"] if vendor == "marketo" else []
    assert steps == ["Create", *started, "Poll", "Fetch", "Check", "Clean", "Done"]
    assert len(bench.vendors[vendor].made) == 1


@VENDORS
def test_an_import_ends_with_the_end_of_each_row(bench: Bench, vendor: str) -> None:
    """The output says where the results are and how many rows ended how; each bad row is named with its reason."""
    bench.put(SOURCE, rows_of("a", "bad1", "b", "bad2"))
    ended = bench.machines.run(IMPORT_MACHINE, IMPORT | {"vendor": vendor})

    assert ended.status == "SUCCEEDED", ended.cause
    counts = {name: number for name, number in ended.output["counts"].items() if number}
    assert counts == {"rows": 4, "done": 2, "failed": 2}
    results = bench.get(f"{ended.output['results']}00001.csv").decode().splitlines()
    assert [line.split(",")[:2] for line in results if ",failed," in line] == [["2", "failed"], ["4", "failed"]]


def test_a_run_that_fails_fails_its_execution_with_the_reason(bench: Bench) -> None:
    """The execution's error is the run's reason, its cause the vendor's own words."""
    bench.vendors["marketo"].faults.ends = ["Failed"]
    ended = bench.machines.run(EXTRACT_MACHINE, ORDER | {"vendor": "marketo"})

    assert (ended.status, ended.error, ended.cause) == ("FAILED", "job_failed", "the vendor's own words")


def test_a_spent_quota_and_a_full_queue_park(bench: Bench) -> None:
    """The machine goes through its state Park, until the reset or for a minute, and then to the same step again."""
    marketo = bench.vendors["marketo"]
    reset = NOON + timedelta(hours=17)
    marketo.faults.add("create", QuotaExhaustedError("500 MB", resets_at=reset, vendor="marketo", code="1029"))
    marketo.faults.add("start", TransientError("full", vendor="marketo", code="1029"))
    ended = bench.machines.run(EXTRACT_MACHINE, ORDER | {"vendor": "marketo"})

    assert ended.status == "SUCCEEDED", ended.cause
    assert taken(ended.states)[:6] == ["Create", "Park", "Create", "Start", "Park", "Start"]
    assert bench.clock.now() >= reset


@pytest.mark.cap("M093")
@pytest.mark.parametrize("kind", Kind)
@VENDORS
def test_a_process_that_is_killed_in_any_step_is_followed_by_another(bench: Bench, vendor: str, kind: Kind) -> None:
    """The machine tries a killed task again; whatever call to the vendor it died after, one job is made in the end, and
    what Marketo let extract counts once."""
    bench.put(SOURCE, rows_of("a", "bad1"))
    machine, order = (EXTRACT_MACHINE, ORDER) if kind is Kind.EXTRACT else (IMPORT_MACHINE, IMPORT)
    operations = ("create", "start", "look", "fetch" if kind is Kind.EXTRACT else "results")
    made = 0
    for number, operation in enumerate(operations):
        bench.steps.die_of(f"bulk.{operation}.done")
        ended = bench.machines.run(machine, order | {"vendor": vendor, "run": operation}, name=f"run-{number}")
        assert ended.status == "SUCCEEDED", (operation, ended.cause)
        # Marketo lists no imports: there, a second one follows the one whose answer was lost
        made += 2 if (vendor, kind, operation) == ("marketo", Kind.IMPORT, "create") else 1
        assert len(bench.vendors[vendor].made) == made, operation
        bench.steps.disarm()
    by_size = (vendor, kind) == ("marketo", Kind.EXTRACT)
    assert len(bench.runs.files("one")) == (len(operations) if by_size else 0)


@pytest.mark.fault("FA16")
def test_a_long_run_goes_on_in_new_executions(bench: Bench) -> None:
    """Each execution takes a few turns and waits for the next one, whose output it passes on; there is one job."""
    bench.most_turns = 3
    ended = bench.machines.run(EXTRACT_MACHINE, ORDER | {"vendor": "marketo"})

    assert ended.status == "SUCCEEDED", ended.cause
    assert ended.states[-2:] == ["Renew", "Renewed"]
    assert ended.output["output"] == "runs/slot-7/extract.csv"
    assert bench.begun == 3
    assert len(bench.vendors["marketo"].made) == 1


def test_a_run_that_fails_in_a_later_execution_says_why_in_the_first(bench: Bench) -> None:
    """The caller hears the run's reason, not that some other execution failed."""
    bench.most_turns = 3
    bench.vendors["marketo"].faults.ends = ["Cancelled"]
    ended = bench.machines.run(EXTRACT_MACHINE, ORDER | {"vendor": "marketo"})

    assert (ended.status, ended.error, ended.cause) == ("FAILED", "job_cancelled", "state Cancelled")
    assert ended.states.count("Renew") == 1


def test_what_a_person_must_mend_fails_the_execution_and_a_new_one_goes_on(bench: Bench) -> None:
    """A refused login is not tried again; started once more under the same run, the same job is used."""
    bench.vendors["marketo"].faults.add("look", AuthenticationError("refused", vendor="marketo"))
    order = ORDER | {"vendor": "marketo"}
    failed = bench.machines.run(EXTRACT_MACHINE, order, name="first")
    ended = bench.machines.run(EXTRACT_MACHINE, order, name="second")

    assert (failed.status, failed.error) == ("FAILED", "AuthenticationError")
    assert ended.status == "SUCCEEDED", ended.cause
    assert taken(ended.states)[0] == "Poll"
    assert len(bench.vendors["marketo"].made) == 1


def test_an_order_that_is_none_fails_at_once(bench: Bench) -> None:
    """A wrong member is named in the execution's cause, and nothing is tried again."""
    ended = bench.machines.run(EXTRACT_MACHINE, ORDER | {"vendor": "hubspot"})

    assert (ended.status, ended.error) == ("FAILED", "ConfigurationError")
    assert "vendor" in ended.cause


def test_a_step_of_a_newer_version_ends_the_execution(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that does not know the run's step says what to do instead of guessing."""
    monkeypatch.setattr(
        bench, "step", lambda event: {"step": "weigh", "wait_seconds": 0, "parked": False, "renew": False}
    )
    ended = bench.machines.run(EXTRACT_MACHINE, ORDER | {"vendor": "marketo"})

    assert (ended.status, ended.error) == ("FAILED", "UnknownStep")


def test_a_run_given_twice_is_run_once(bench: Bench) -> None:
    """A second execution of a run that is done ends at once with the same output."""
    order = ORDER | {"vendor": "marketo"}
    first = bench.machines.run(EXTRACT_MACHINE, order, name="first")
    second = bench.machines.run(EXTRACT_MACHINE, order, name="second")

    assert taken(second.states) == ["Done"]
    assert second.output["sha256"] == first.output["sha256"]
    assert len(bench.vendors["marketo"].made) == 1
