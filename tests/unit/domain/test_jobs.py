"""What becomes of a bulk run, decided from values alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain import jobs
from leadbridge.domain.jobs import Counts, Kind, Policy, Run, State, Step, Told, Verdict, Waiting
from leadbridge.errors import (
    AuthenticationError,
    ContractError,
    PermanentError,
    QuotaExhaustedError,
    SyncError,
    TransientError,
    UncertainWriteError,
)
from tests.fakes.clock import NOON

POLICY = Policy()
MIDNIGHT = NOON + timedelta(hours=17)


def a_run(kind: Kind = Kind.EXTRACT, vendor: str = "marketo", **members: Any) -> Run:
    """A run with a job that was made at noon, unless said otherwise."""
    run = jobs.begin(
        name="sync-1",
        kind=kind,
        vendor=vendor,
        connection="one",
        object_name="leads",
        request={},
        prefix="runs",
        source="",
        now=NOON,
    )
    usual: dict[str, Any] = {"step": Step.POLL, "job": "7", "job_at": NOON, "made": 1}
    return replace(run, **(usual | members))


def told(word: str, **members: Any) -> Told:
    """What a vendor says of job 7."""
    return Told(id="7", state=jobs.state_of(word), word=word, **members)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Created", State.CREATED),
        ("Open", State.CREATED),
        ("Queued", State.RUNNING),
        ("Processing", State.RUNNING),
        ("Importing", State.RUNNING),
        ("UploadComplete", State.RUNNING),
        ("InProgress", State.RUNNING),
        ("Completed", State.COMPLETE),
        ("Complete", State.COMPLETE),
        ("JobComplete", State.COMPLETE),
        ("Failed", State.FAILED),
        ("Canceled", State.CANCELLED),
        ("Cancelled", State.CANCELLED),
        ("CANCELLED", State.CANCELLED),
        ("Aborted", State.CANCELLED),
        ("Paused", State.UNKNOWN),
        ("", State.UNKNOWN),
    ],
)
def test_each_documented_word_has_a_meaning_and_no_other_has(word: str, state: State) -> None:
    """Both vendors' words for a job's state, in any case; a word that is not documented is unknown."""
    assert jobs.state_of(word) is state


def test_the_tables_are_total() -> None:
    """Every state has a verdict, every verdict is some state's, every step is one of a machine's or an end."""
    assert set(jobs.VERDICTS) == set(State)
    assert set(jobs.VERDICTS.values()) == set(Verdict)
    assert {step for steps in jobs.STEPS.values() for step in steps} | jobs.ENDS == set(Step)
    for kind in Kind:
        assert jobs.FIRST[kind] in jobs.STEPS[kind]
        assert jobs.COLLECT[kind] in jobs.STEPS[kind]
    assert {kind for _, kind in jobs.PACES} == set(Kind)


@pytest.mark.parametrize(
    ("kind", "word", "step"),
    [
        (Kind.EXTRACT, "Created", Step.START),
        (Kind.EXTRACT, "Processing", Step.POLL),
        (Kind.EXTRACT, "Completed", Step.FETCH),
        (Kind.EXTRACT, "Failed", Step.FAILED),
        (Kind.EXTRACT, "Canceled", Step.FAILED),
        (Kind.EXTRACT, "Cancelled", Step.FAILED),
        (Kind.EXTRACT, "Paused", Step.POLL),
        (Kind.IMPORT, "Open", Step.START),
        (Kind.IMPORT, "Importing", Step.POLL),
        (Kind.IMPORT, "Complete", Step.ATTACH),
        (Kind.IMPORT, "Failed", Step.ATTACH),
        (Kind.IMPORT, "Aborted", Step.ATTACH),
    ],
)
def test_what_a_look_leads_to(kind: Kind, word: str, step: Step) -> None:
    """A look at a job leads to its one next step; also a failed import's rows get their ends."""
    assert jobs.seen(a_run(kind), told(word), NOON, POLICY).step is step


@pytest.mark.parametrize("word", ["Failed", "Canceled", "Cancelled"])
def test_an_extract_that_ended_badly_says_why_in_the_vendors_words(word: str) -> None:
    """The reason tells failed and cancelled apart, the message is the vendor's, or its word for the state."""
    ended = jobs.seen(a_run(), told(word), NOON, POLICY)
    explained = jobs.seen(a_run(), told(word, text="no space"), NOON, POLICY)

    assert ended.reason == ("job_failed" if word == "Failed" else "job_cancelled")
    assert word in ended.message
    assert explained.message == "no space"


def test_an_unknown_state_ends_the_run_at_its_third_look_in_a_row() -> None:
    """Two looks at a word nobody knows are borne; a known word between begins the count anew."""
    once = jobs.seen(a_run(), told("Paused"), NOON, POLICY)
    twice = jobs.seen(once, told("Paused"), NOON, POLICY)
    between = jobs.seen(twice, told("Processing"), NOON, POLICY)

    assert (once.step, twice.step) == (Step.POLL, Step.POLL)
    ended = jobs.seen(twice, told("Paused"), NOON, POLICY)
    assert (ended.step, ended.reason, ended.message) == (Step.FAILED, "unknown_state", "state Paused")
    assert jobs.seen(between, told("Paused"), NOON, POLICY).step is Step.POLL


@pytest.mark.parametrize(
    ("vendor", "kind", "age", "wait"),
    [
        ("marketo", Kind.EXTRACT, 0, 60),
        ("marketo", Kind.EXTRACT, 1200, 120),
        ("marketo", Kind.EXTRACT, 20_000, 300),
        ("marketo", Kind.IMPORT, 0, 10),
        ("marketo", Kind.IMPORT, 20_000, 30),
        ("salesforce", Kind.EXTRACT, 0, 5),
        ("salesforce", Kind.IMPORT, 20_000, 60),
    ],
)
def test_looks_become_rarer_as_a_job_grows_old(vendor: str, kind: Kind, age: float, wait: int) -> None:
    """The wait is a tenth of the job's age, within the vendor's pace."""
    now = NOON + timedelta(seconds=age)
    following = jobs.next_of(jobs.seen(a_run(kind, vendor), told("Queued"), now, POLICY), now)

    assert (following.wait_seconds, following.waiting) == (wait, Waiting.RUNNING)


def test_an_operator_may_set_the_pace() -> None:
    """The setting replaces the vendors' own pace."""
    waiting = jobs.seen(a_run(), told("Queued"), NOON, Policy(poll_seconds=1))
    assert jobs.next_of(waiting, NOON).wait_seconds == 1


@pytest.mark.parametrize("word", ["Queued", "Created"])
def test_a_job_that_does_not_end_is_cancelled_after_a_bounded_time(word: str) -> None:
    """Up to the bound the run waits, beyond it the job is given up and the reason is that it was stuck."""
    edge = NOON + POLICY.stuck_after
    patient = jobs.seen(a_run(), told(word), edge, POLICY)
    stuck = jobs.seen(a_run(), told(word), edge + timedelta(seconds=1), POLICY)
    ended = jobs.cancelled(stuck, at_vendor=True)

    assert patient.step is not Step.CANCEL
    assert stuck.step is Step.CANCEL
    assert (ended.step, ended.reason, ended.message) == (Step.FAILED, "job_stuck", f"state {word}")


def test_a_lost_extract_is_made_again_once() -> None:
    """The first job or file that is gone leads to a second job, the second to the end."""
    again = jobs.lost_file(a_run(step=Step.FETCH))
    ended = jobs.lost_file(a_run(step=Step.FETCH, made=2))

    assert (again.step, again.job) == (Step.CREATE, "")
    assert (ended.step, ended.reason) == (Step.FAILED, "file_gone")
    assert jobs.seen(a_run(made=2), Told(id="7", state=State.GONE), NOON, POLICY).reason == "job_gone"


def test_a_lost_import_is_never_made_again() -> None:
    """What a lost job wrote is not known, so a second one might write it twice: its rows are uncertain."""
    run = a_run(Kind.IMPORT, counts=Counts(rows=5, rejected=1))
    lost = jobs.seen(run, Told(id="7", state=State.GONE), NOON, POLICY)
    ended = jobs.attached(lost, Counts(uncertain=4))

    assert lost.step is Step.ATTACH
    assert (ended.step, ended.reason) == (Step.FAILED, "job_gone")
    assert ended.counts == Counts(rows=5, rejected=1, uncertain=4)


@pytest.mark.parametrize(
    ("error", "step", "wait", "waiting"),
    [
        (TransientError(code="1029", vendor="marketo"), Step.CREATE, 60, Waiting.QUEUE),
        (TransientError(code="1029", vendor="marketo"), Step.START, 60, Waiting.QUEUE),
        (TransientError(code="1016", vendor="marketo"), Step.CREATE, 60, Waiting.QUEUE),
        (TransientError(code="1019", vendor="marketo"), Step.CREATE, 60, Waiting.QUEUE),
        (TransientError(code="608", vendor="marketo"), Step.POLL, 5, Waiting.VENDOR),
        (TransientError(code="606", vendor="marketo", retry_after_seconds=20), Step.POLL, 20, Waiting.VENDOR),
        (QuotaExhaustedError(code="1029", resets_at=MIDNIGHT), Step.CREATE, 17 * 3600, Waiting.QUOTA),
        (QuotaExhaustedError(code="607", resets_at=MIDNIGHT), Step.POLL, 17 * 3600, Waiting.QUOTA),
    ],
)
def test_a_refusal_leaves_the_step_and_waits(error: SyncError, step: Step, wait: int, waiting: Waiting) -> None:
    """A full queue, a spent quota and a vendor that is away each wait for what they need and change nothing else."""
    refused = jobs.refused(a_run(step=step), error, NOON, POLICY)
    following = jobs.next_of(refused, NOON)

    assert (following.step, following.wait_seconds, following.waiting) == (step, wait, waiting)
    assert (waiting in jobs.PARKED) == (waiting in {Waiting.QUEUE, Waiting.QUOTA})


def test_a_full_queue_is_asked_ever_more_rarely_and_not_for_ever() -> None:
    """Waits grow from one to four minutes; after a day the run ends with the reason. An accepted call begins anew."""
    error = TransientError("Too many jobs (10) in queue", code="1029", vendor="marketo")
    run, now, waits = a_run(step=Step.START), NOON, []
    while not run.over:
        run = jobs.refused(run, error, now, POLICY)
        wait = jobs.next_of(run, now).wait_seconds
        waits.append(wait)
        now += timedelta(seconds=wait)

    assert waits[:4] == [60, 120, 240, 240]
    assert (run.reason, run.message) == ("queue_full", "Too many jobs (10) in queue")
    assert jobs.PATIENCE < now - NOON <= jobs.PATIENCE + timedelta(minutes=4)
    accepted = jobs.started(jobs.refused(a_run(step=Step.START), error, NOON, POLICY), NOON, POLICY)
    assert (accepted.refusals, accepted.refused_at) == (0, None)


def test_a_lost_answer_to_a_start_is_followed_by_a_look() -> None:
    """Whether a job was started is seen at the job; whether one was made is looked for by the same step."""
    lost = UncertainWriteError(code="timeout")

    assert jobs.refused(a_run(step=Step.START), lost, NOON, POLICY).step is Step.POLL
    assert jobs.refused(a_run(step=Step.CREATE), lost, NOON, POLICY).step is Step.CREATE
    assert jobs.refused(a_run(step=Step.CREATE), lost, NOON, POLICY).due_at == NOON + POLICY.settle


def test_a_request_that_can_never_succeed_ends_the_run_with_the_vendors_code() -> None:
    """A filter that is not offered ends the run; its rows were never come to."""
    error = PermanentError("filter not enabled", vendor="marketo", code="1035")
    ended = jobs.refused(a_run(Kind.IMPORT, step=Step.CREATE, job="", counts=Counts(rows=3)), error, NOON, POLICY)

    assert (ended.reason, ended.message) == ("marketo_1035", "filter not enabled")
    assert ended.counts == Counts(rows=3, unprocessed=3)


@pytest.mark.parametrize(
    "error",
    [AuthenticationError(), ContractError(), PermanentError(code="603")],
    ids=["login", "undocumented answer", "permission taken away"],
)
def test_what_a_person_must_mend_leaves_the_run_where_it_is(error: SyncError) -> None:
    """Such an error is passed on: the execution fails, and a new one goes on with the same job."""
    with pytest.raises(type(error)):
        jobs.refused(a_run(step=Step.POLL), error, NOON, POLICY)


def test_a_spoilt_file_is_fetched_three_times_at_most() -> None:
    """A file that does not fit its checksum is asked for again, from its beginning; the third time ends the run."""
    once = jobs.spoilt(a_run(step=Step.CHECK, pieces=4, cursor="99"), "checksum_mismatch", "…")
    twice = jobs.spoilt(once, "checksum_mismatch", "…")
    thrice = jobs.spoilt(twice, "checksum_mismatch", "…")

    assert (once.step, once.pieces, once.cursor) == (Step.POLL, 0, "")
    assert twice.step is Step.POLL
    assert (thrice.step, thrice.reason) == (Step.FAILED, "checksum_mismatch")


def test_rows_that_a_failed_job_never_came_to_are_sent_again_twice_at_most() -> None:
    """Each time they become one more part; after that they are told as unprocessed, and the run has failed."""
    run = a_run(
        Kind.IMPORT, "salesforce", counts=Counts(rows=10), step=Step.ATTACH, reason="job_failed", message="locks"
    )
    once = jobs.attached(run, Counts(done=4, unprocessed=6))
    twice = jobs.attached(replace(once, reason="job_failed"), Counts(done=2, unprocessed=4))
    thrice = jobs.attached(replace(twice, reason="job_failed"), Counts(done=1, unprocessed=3))

    assert (once.step, once.part, once.parts, once.reason) == (Step.CREATE, 2, 2, "")
    assert (twice.step, twice.parts) == (Step.CREATE, 3)
    assert (thrice.step, thrice.reason) == (Step.FAILED, "job_failed")
    assert thrice.counts == Counts(rows=10, done=7, unprocessed=3)


@pytest.mark.parametrize("reason", ["job_stuck", "unknown_state", "job_gone"])
def test_rows_of_a_job_that_may_still_run_are_not_sent_again(reason: str) -> None:
    """Sending them once more could write them twice."""
    run = a_run(Kind.IMPORT, "salesforce", counts=Counts(rows=2), step=Step.ATTACH, reason=reason)
    assert jobs.attached(run, Counts(unprocessed=2)).step is Step.FAILED


def test_parts_follow_one_another_and_their_counts_add_up() -> None:
    """After the last part the run cleans up; rows rejected at the split are counted once."""
    run = jobs.split(a_run(Kind.IMPORT, step=Step.SPLIT, job=""), parts=2, counts=Counts(rows=9, rejected=1))
    first = jobs.attached(replace(run, step=Step.ATTACH), Counts(done=4, warned=1))
    last = jobs.attached(replace(first, step=Step.ATTACH), Counts(done=3, failed=1))

    assert (first.step, first.part) == (Step.CREATE, 2)
    assert (last.step, last.part) == (Step.CLEAN, 2)
    assert last.counts == Counts(rows=9, rejected=1, done=7, warned=1, failed=1)
    assert jobs.cleaned(last).step is Step.DONE


def test_an_empty_file_needs_no_job() -> None:
    """An import without rows is done at once."""
    assert jobs.split(a_run(Kind.IMPORT, step=Step.SPLIT), parts=0, counts=Counts()).step is Step.CLEAN


def test_every_reason_has_a_sentence() -> None:
    """What a run ends for, other than a vendor's code, is in the table, as a sentence."""
    waits = {each.value for each in (Waiting.QUEUE, Waiting.VENDOR)}
    ends = {jobs.seen(a_run(made=2, unknown=2), Told(id="7", state=state), NOON, POLICY).reason for state in State}

    assert waits | ends - {""} | {"job_stuck", "file_gone", "rows_unprocessed"} <= set(jobs.REASONS)
    assert all(sentence.endswith(".") for sentence in jobs.REASONS.values())
