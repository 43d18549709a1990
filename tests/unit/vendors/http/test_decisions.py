"""What happens after a call failed, case by case."""

from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.records import Resolution
from leadbridge.errors import (
    AuthenticationError,
    ContractError,
    PermanentError,
    QuotaExhaustedError,
    RateLimitedError,
    TransientError,
    UncertainWriteError,
)
from leadbridge.vendors.http.decisions import (
    CallFacts,
    Fault,
    Retry,
    RetryBudget,
    Stop,
    TooLargeError,
    decide,
)
from tests.unit.vendors.doubles import NOON

READ = CallFacts(vendor="marketo", operation="describe_leads", is_write=False)
WRITE = CallFacts(vendor="marketo", operation="sync_leads", is_write=True)
BUDGET = RetryBudget(attempts=3, sleep_seconds=20.0)


def a_fault(resolution: Resolution, **more: Any) -> Fault:
    return Fault(resolution=resolution, code="c", message="m", **more)


@pytest.mark.parametrize(
    ("resolution", "call", "expected"),
    [
        (Resolution.RETRY, READ, Retry(1.0)),
        (Resolution.RETRY, WRITE, Retry(1.0)),
        (Resolution.RATE, WRITE, Retry(1.0)),
        (Resolution.UNCERTAIN, READ, Retry(1.0)),
        (Resolution.UNCERTAIN, WRITE, UncertainWriteError),
        (Resolution.REAUTH, READ, AuthenticationError),
        (Resolution.SPLIT, WRITE, TooLargeError),
        (Resolution.REJECT, WRITE, PermanentError),
        (Resolution.FATAL, WRITE, PermanentError),
    ],
)
def test_the_first_failure_is_retried_only_if_nothing_can_be_done_twice(
    resolution: Resolution, call: CallFacts, expected: Any
) -> None:
    """Retries are for refused calls and for reads; an unanswered write stops at once."""
    decision = decide(1, a_fault(resolution), call, BUDGET)
    if isinstance(expected, Retry):
        assert decision == expected
    else:
        assert isinstance(decision, Stop)
        assert type(decision.error) is expected
        assert (decision.error.vendor, decision.error.operation, decision.error.code) == (
            call.vendor,
            call.operation,
            "c",
        )


def test_waits_double_with_each_attempt_and_jitter_only_lengthens_them() -> None:
    """The second wait is twice the first; full jitter doubles a wait at most."""
    assert decide(2, a_fault(Resolution.RETRY), READ, BUDGET) == Retry(2.0)
    assert decide(2, a_fault(Resolution.RETRY), READ, BUDGET, jitter=1.0) == Retry(4.0)


def test_a_fixed_window_is_waited_for_exactly() -> None:
    """Waiting longer than the window of 20 s gains nothing, so neither attempt nor jitter lengthen it."""
    fault = a_fault(Resolution.RATE, wait_seconds=20.0, wait_grows=False)
    assert decide(1, fault, WRITE, BUDGET, jitter=1.0) == Retry(20.0)


@pytest.mark.parametrize(
    ("resolution", "kind"), [(Resolution.RATE, RateLimitedError), (Resolution.RETRY, TransientError)]
)
def test_a_wait_beyond_the_budget_is_raised_with_its_length(resolution: Resolution, kind: type[TransientError]) -> None:
    """The caller learns how long to defer the work instead of paying for a sleeping process."""
    fault = a_fault(resolution, wait_seconds=20.0, wait_grows=False)
    decision = decide(1, fault, WRITE, BUDGET, slept_seconds=0.5)
    assert isinstance(decision, Stop)
    assert type(decision.error) is kind
    assert isinstance(decision.error, TransientError)
    assert decision.error.retry_after_seconds == 20.0


def test_attempts_are_bounded() -> None:
    """The third failure is final even if the waits were short."""
    decision = decide(3, a_fault(Resolution.RETRY), READ, BUDGET)
    assert isinstance(decision, Stop)
    assert type(decision.error) is TransientError


def test_an_answer_outside_the_documentation_ends_as_a_contract_error() -> None:
    """An unreadable answer to a read is tried again, but in the end it is not called transient."""
    decision = decide(3, a_fault(Resolution.UNCERTAIN, documented=False), READ, BUDGET)
    assert isinstance(decision, Stop)
    assert type(decision.error) is ContractError


def test_a_spent_quota_stops_with_the_time_of_its_reset() -> None:
    """Nothing is retried against a spent quota."""
    reset = NOON + timedelta(hours=7)
    decision = decide(1, a_fault(Resolution.QUOTA, resets_at=reset), READ, BUDGET)
    assert isinstance(decision, Stop)
    assert isinstance(decision.error, QuotaExhaustedError)
    assert decision.error.resets_at == reset


@pytest.mark.parametrize(
    ("tries", "attempt", "expected"),
    [(2, 1, Retry(1.0)), (2, 2, PermanentError), (8, 3, TransientError), (None, 3, TransientError)],
)
@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
def test_a_code_that_is_worth_so_many_tries_is_final_after_them(
    call: CallFacts, tries: int | None, attempt: int, expected: Any
) -> None:
    """Within a process the bound of the code ends the retries; a larger one travels on with the error."""
    decision = decide(attempt, a_fault(Resolution.RETRY, tries=tries), call, BUDGET)
    if isinstance(expected, Retry):
        assert decision == expected
    else:
        assert isinstance(decision, Stop)
        assert type(decision.error) is expected
        assert expected is not TransientError or getattr(decision.error, "tries", 0) == tries
