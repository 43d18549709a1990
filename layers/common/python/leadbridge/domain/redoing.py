"""Executions that have ended with chained objects that failed: what is kept for doing only those once more."""

from dataclasses import replace

from leadbridge.domain.event import Event, Link, Result
from leadbridge.domain.outcome import Outcome, Reason, State
from leadbridge.domain.pipeline import left_alone


def to_redo(event: Event, result: Result) -> Event | None:
    """The event as it goes on when somebody redrives it; None where an end leaves nothing to be done again.

    The record and the chained objects that are there stay as they are. One that failed is to be written anew; where it
    is not known whether it was written, its intent stays, so that it is looked for first. Its callback or answer
    has gone, so that what comes now is told as after a webhook.
    """
    if result.reason != Reason.CHAINED_FAILED or event.result is None:
        return None
    links = (_again(link) for link in left_alone(event).chain)
    return left_alone(event).evolve(
        state=State.WRITING,
        attempts=0,
        crashes=0,
        failing_since=None,
        due_at=None,
        executed_at=None,
        guards=(),
        result=replace(event.result, reason="", message=""),
        chain=tuple(link for link in links if link is not None),
        chunk="",
        answered=False,
        redone=True,
        activity_uncertain=False,
        doubted_at=None,
        reason="",
        message="",
    )


def _again(link: Link) -> Link | None:
    """The link as it goes on; None of one that begins anew."""
    if link.result is None or link.result.outcome is not Outcome.FAILED:
        return link
    return replace(link, result=None) if link.result.reason == Reason.UNCERTAIN else None
