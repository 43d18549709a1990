"""The figures of `make bench` at a small size: counts and equality, never a time."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import (
    decision_baseline,
    decisions,
    flow_step,
    imports,
    inline,
    limits,
    mapping,
    mapping_baseline,
    naive,
    vendor_calls,
    whole_action,
)
from tests.bench.inputs import distinct_persons
from tests.bench.local import Bench, bench
from tests.forked_demo import forked_commands
from tests.integration.test_layer_artifact import Artifact

SEED = 7
#: each connection starts a worker, which costs more than a call; how fast a backlog piles up changes no count
CONNECTIONS = 4
BASELINE_LINES = 30
#: of one batch of 200: match, create, update; write-back, activities, and the usage of the day once in a while
MOST_CALLS = {"salesforce": 3, "marketo": 3}


@pytest.fixture(scope="session")
def running() -> Iterator[Bench]:
    """A stack of the figures' own, with the demo Action."""
    with forked_commands(), bench() as started:
        yield started


@pytest.fixture(scope="session")
def artifact() -> Iterator[Artifact]:
    """The repository, built and packaged as it is deployed."""
    with imports.artifact() as built:
        yield built


@pytest.mark.pain("P05")
def test_a_backlog_of_200_persons_costs_the_calls_of_one_batch(running: Bench) -> None:
    """After 200 webhooks for 200 persons have piled up, the simulators count one call per step, no limit broken."""
    lines = distinct_persons(200, seed=SEED, prefix="small")

    ours = vendor_calls.backlog(running, lines, SEED, connections=CONNECTIONS)

    assert ours.outcomes.total() == 200
    for vendor, most in MOST_CALLS.items():
        assert ours.total(vendor) <= most, ours.calls[vendor]
    assert ours.violations == 0


def test_calls_that_wait_are_answered_with_values(running: Bench) -> None:
    """Of 40 calls at four connections, and of 4 with Salesforce at three seconds, all carry what was written; every
    write-back by API belongs to a call that does not. The budget is one that a busy machine keeps, too."""
    found = inline.figure(running, webhooks=40, slow=CONNECTIONS, seed=SEED, connections=CONNECTIONS, budget=20)

    assert found.missed == []
    assert [line for line in found.raw if line.startswith("written back by API")] == ["written back by API: 0"] * 2


def test_the_straight_line_integration_leaves_the_same_records(running: Bench) -> None:
    """Leads, write-backs and activities of the deployed stack equal those of one call per person and step."""
    lines = distinct_persons(60, seed=SEED + 1, prefix="equal")

    ours = vendor_calls.backlog(running, lines, SEED, connections=CONNECTIONS)
    theirs = vendor_calls.straight_line(lines)

    assert vendor_calls.differences(ours, theirs) == []
    assert len(ours.leads) > 40
    assert all(theirs.total(vendor) > 10 * ours.total(vendor) for vendor in vendor_calls.VENDORS)


@pytest.mark.parametrize("keyed", [False, True])
def test_200_webhooks_of_an_action_with_everything_on_cost_the_calls_of_one_batch(keyed: bool) -> None:
    """With program member sync, two chained objects, write-back and activity the simulators count no call more than the
    vendors' batch sizes ask for, and everything is written: for each person a Lead, a Task, both memberships."""
    found = whole_action.run(200, SEED, keyed=keyed)

    assert found.outcomes == {"created": 140, "updated": 60}
    assert set(found.written.values()) == {200}
    for vendor, calls in found.calls.items():
        assert calls.total() <= whole_action.most(vendor, 200, keyed=keyed), calls


def test_a_flow_step_costs_no_call_of_marketo_s_api() -> None:
    """60 people of a batch campaign: all are called back with their fields, and nothing else reaches Marketo."""
    found = flow_step.run_campaign(60, SEED)

    assert (found.outcomes, found.told) == ({"created": 60}, 60)
    assert (found.calls, found.api_calls) == ({flow_step.CALLBACK: 1}, 0)


def test_a_wrong_lead_shows_in_the_comparison() -> None:
    """A Lead that only one side has is named, so that an empty list of differences means something."""
    lines = distinct_persons(3, seed=SEED + 2, prefix="wrong")

    theirs = vendor_calls.straight_line(lines)
    fewer = vendor_calls.straight_line(lines[:2])

    assert vendor_calls.differences(fewer, theirs)


def test_decisions_equal_the_straight_line_over_the_whole_input() -> None:
    """For 2,000 records of 30 varying fields both decide the same: outcome, reason, record and every field."""
    size = 2_000
    kinds = {decisions.straight(record)[0] for record in decisions.records(size, SEED)}

    assert decisions.different(size, SEED) == []
    assert kinds == {"create", "update", "skipped", "failed"}


def test_mapped_records_equal_those_made_by_hand_over_the_whole_input() -> None:
    """For 2,000 records thirty mappings with ten rules give field by field what thirty lines by hand give."""
    compiled = mapping.compiled_action()

    assert mapping.different(2_000, SEED) == []
    assert len(compiled.mapped) == 30
    assert sum(len(source.rules) for source in compiled.mapped) == mapping.RULES


def test_the_limiter_s_figures_hold_at_a_small_size() -> None:
    """In 120 virtual seconds of backlog one to eight workers use at least 90 % of their share, as cheaply as said."""
    figure = limits.figure_simulated(seconds=120, seed=SEED)

    assert figure.missed == []
    assert len(figure.raw) == 12


@pytest.mark.parametrize(
    ("function", "absent"),
    [
        ("ReceiveActionFunction", {"httpx", "pydantic", "aws_lambda_powertools", "boto3"}),
        ("StoreEventsFunction", {"httpx"}),
        ("SweepFunction", {"httpx"}),
    ],
)
def test_a_start_leaves_out_what_is_rarely_needed(artifact: Artifact, function: str, absent: set[str]) -> None:
    """After a start from the packaged artifact these libraries are not loaded, and no source was compiled."""
    start = imports.starts(artifact)[function]

    assert not start.modules() & absent
    assert start.compiled_sources() == []


def test_sources_without_bytecode_are_counted(artifact: Artifact, tmp_path: Path) -> None:
    """Everything imported at once from a folder as plain `sam build` leaves it compiles hundreds of sources."""
    assert len(imports.eager(artifact, tmp_path, ships_boto3=True).compiled_sources()) > 300


@pytest.mark.parametrize("module", [naive, decision_baseline, mapping_baseline])
def test_a_baseline_is_short(module: object) -> None:
    """What the figures are compared with is at most 30 lines, imports and docstring aside."""
    source = Path(str(getattr(module, "__file__", ""))).read_text("utf-8")
    parts = [node for node in ast.parse(source).body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr)]

    assert sum((node.end_lineno or 0) - node.lineno + 1 for node in parts) <= BASELINE_LINES
