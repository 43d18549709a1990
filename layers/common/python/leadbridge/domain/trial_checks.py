"""What is wrong with whom an Action is tried with."""

from collections.abc import Iterator

from leadbridge.domain.connector import AnyAction
from leadbridge.domain.findings import Finding, at, label
from leadbridge.domain.lifecycle import DocumentState, Stored

NO_TRIAL_LIST = "Marketo has no static list of this name, or several; correct the name, or rename one of the lists"


def check_trial(action: AnyAction, before: Stored | None) -> Iterator[Finding]:
    """An Action that is on trial, or was when it was paused, must go on to name somebody."""
    if before is None or action.trial is not None:
        return
    if DocumentState.TRIAL in (before.state, before.resumes):
        sentence = "is missing, and the Action is on trial: everybody would be skipped; add it, or activate the Action"
        yield at(label(action.kind, action.id), "/trial", sentence)
