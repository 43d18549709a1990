"""What becomes of events when a vendor call as a whole did not succeed."""

from datetime import datetime, timedelta

import pytest

from leadbridge.domain.postponement import DISABLED_PROBE, LOGIN_PROBE, Patience, postpone, vendor_reason
from leadbridge.errors import (
    AuthenticationError,
    ConfigurationError,
    ContractError,
    DisabledError,
    PermanentError,
    QuotaExhaustedError,
    RateLimitedError,
    SpoiledCallError,
    SyncError,
    TransientError,
    UncertainWriteError,
    UnknownVersionError,
)
from tests.fakes.clock import NOON

MIDNIGHT = NOON + timedelta(hours=12)
FORTNIGHT = timedelta(days=14)


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("error", "attempts", "due_at", "parked", "words"),
    [
        (TransientError("busy", vendor="marketo", code="608"), 0, at(5), False, "Waiting for Marketo: 608 busy"),
        (TransientError("busy", vendor="marketo", code="608"), 3, at(40), False, "Waiting for Marketo: 608 busy"),
        (
            TransientError("busy", vendor="marketo", code="608", retry_after_seconds=60),
            0,
            at(60),
            False,
            "Waiting for Marketo",
        ),
        (
            RateLimitedError("slow", vendor="marketo", code="606", retry_after_seconds=20),
            0,
            at(20),
            False,
            "Waiting for Marketo: 606 slow",
        ),
        (TransientError("busy", vendor="marketo", code="608"), 30, at(900), False, "Waiting"),
        (SpoiledCallError("odd", vendor="marketo", code="611"), 1, at(10), False, "Waiting for Marketo: 611 odd"),
        (SpoiledCallError("odd", vendor="marketo", code="611"), 2, NOON + LOGIN_PROBE, True, "Waiting for Marketo"),
        (TransientError("odd", vendor="marketo", code="500", tries=8), 6, at(320), False, "Waiting for Marketo"),
        (TransientError("odd", vendor="marketo", code="500", tries=8), 7, None, True, "Parked: Marketo answered 500"),
        (UncertainWriteError("lost", vendor="salesforce", code="timeout"), 0, at(5), False, "Salesforce was lost"),
        (
            QuotaExhaustedError("used up", resets_at=MIDNIGHT, vendor="marketo", code="607"),
            9,
            at(3_600),
            True,
            "Parked until 2026-03-03T00:00:00.000Z",
        ),
        (
            QuotaExhaustedError("used up", resets_at=MIDNIGHT, probe_at=at(60), vendor="marketo", code="607"),
            9,
            at(60),
            True,
            "Parked until 2026-03-03T00:00:00.000Z",
        ),
        (
            QuotaExhaustedError("used up", resets_at=at(600), vendor="marketo", code="607"),
            0,
            at(600),
            True,
            "Parked until 2026-03-02T12:10:00.000Z",
        ),
        (
            AuthenticationError("no", vendor="salesforce", code="invalid_grant"),
            9,
            NOON + LOGIN_PROBE,
            True,
            "Repair the connection",
        ),
        (DisabledError("salesforce-demo"), 99, NOON + DISABLED_PROBE, True, "salesforce-demo is disabled. Enable it"),
        (PermanentError("no", vendor="salesforce", code="INVALID_FIELD"), 0, None, True, "then redrive"),
        (ContractError("odd", vendor="marketo", code="9999"), 0, None, True, "9999 odd"),
        (ConfigurationError(["there is no connection x"]), 0, None, True, "there is no connection x"),
        (SyncError("what", vendor="marketo"), 0, None, True, "Parked"),
    ],
    ids=[
        "transient",
        "transient, fourth time",
        "transient, the vendor asks for longer",
        "rate",
        "transient, for ever",
        "transient, last but one try",
        "transient, last try",
        "perhaps spoiled by one record",
        "perhaps spoiled by one record, searched in vain",
        "lost answer",
        "quota: tried by the hour",
        "quota: tried when the limiter lets one ask",
        "quota: tried at the reset",
        "login",
        "disabled connection",
        "permanent",
        "outside the documentation",
        "configuration",
        "anything else",
    ],
)
def test_every_error_has_a_plan(
    *, error: SyncError, attempts: int, due_at: datetime | None, parked: bool, words: str
) -> None:
    """Each class of error gives a due time (or none before a person acts), how it is shown, and a sentence."""
    patience = Patience(since=NOON - FORTNIGHT + timedelta(seconds=1), most=FORTNIGHT)
    plan = postpone(error, attempts=attempts, now=NOON, first_seconds=5, patience=patience)

    assert (plan.due_at, plan.parked) == (due_at, parked)
    assert words in (plan.message if "connection x" not in words else str(error))


@pytest.mark.parametrize(
    "error",
    [
        TransientError("busy", vendor="marketo", code="608"),
        RateLimitedError("slow", vendor="marketo", code="606", retry_after_seconds=20),
        QuotaExhaustedError("used up", resets_at=MIDNIGHT, vendor="marketo", code="607"),
        AuthenticationError("no", vendor="marketo", code="601"),
        UncertainWriteError("lost", vendor="marketo", code="timeout"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_fails_for_two_weeks_is_parked(error: SyncError) -> None:
    """Whatever the vendor answers, there is no further try; the reason stays, the sentence tells how long it was."""
    patience = Patience(since=NOON - FORTNIGHT, most=FORTNIGHT)
    plan = postpone(error, attempts=3, now=NOON, first_seconds=5, patience=patience)

    assert (plan.due_at, plan.reason) == (None, vendor_reason("marketo", error.code))
    assert plan.message.startswith(f"Parked after 14 days of trying: Marketo answered {error.code}")


def test_a_disabled_connection_has_no_time_limit() -> None:
    """Who disabled it enables it when he likes."""
    patience = Patience(since=NOON - 10 * FORTNIGHT, most=FORTNIGHT)
    plan = postpone(DisabledError("x"), attempts=3, now=NOON, first_seconds=5, patience=patience)

    assert plan.due_at == NOON + DISABLED_PROBE


def test_all_error_classes_are_covered() -> None:
    """No class of error is without a case above, so that a new one is thought about."""

    def below(kind: type[SyncError]) -> set[type[SyncError]]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    # those of a part are subclasses of these, and are treated like them
    ours = {kind.__name__ for kind in below(SyncError) if kind.__module__ == SyncError.__module__}
    assert ours == {
        "SyncError",
        "TransientError",
        "RateLimitedError",
        "SpoiledCallError",
        "UncertainWriteError",
        "QuotaExhaustedError",
        "AuthenticationError",
        "DisabledError",
        "PermanentError",
        "ContractError",
        "ConfigurationError",
        UnknownVersionError.__name__,  # handled before any vendor is called
    }


@pytest.mark.parametrize(
    ("vendor", "code", "expected"),
    [
        ("salesforce", "STRING_TOO_LONG", "salesforce_STRING_TOO_LONG"),
        ("Marketo", "1004", "marketo_1004"),
        ("marketo", "", "marketo_unknown"),
        ("", "configuration", "configuration"),
    ],
)
def test_a_reason_names_vendor_and_code(vendor: str, code: str, expected: str) -> None:
    """The reason code of a refusal is the vendor's name and code; our own code stands alone."""
    assert vendor_reason(vendor, code) == expected
