"""Who did what to a deployment: entries of its journal, and the sentence for each deed.

An entry names documents, runs and numbers, and nobody but who did it: no value of a person is in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

#: that a version of a document was stored
STORED = "stored"
#: what was done, by its code; `of`: what it was done to, `detail`: a version, a run or a number
DEEDS: Mapping[str, str] = {
    STORED: "Stored version {detail} of {of}.",
    "removed": "Removed {of}.",
    "credentials": "Stored credentials of {of}.",
    "key": "Looked at the key of {of}.",
    "activate": "Activated {of}.",
    "try": "Put {of} on trial.",
    "pause": "Paused {of}.",
    "resume": "Let {of} go on.",
    "deactivate": "Deactivated {of}.",
    "pause_all": "Paused all Actions together.",
    "resume_all": "Ended the pause of all Actions together.",
    "tried": "Tried {of} on a person; nothing was written.",
    "redrove": "Ran {detail} of the calls of {of} again.",
    "callbacks": "Sent callbacks of {detail} chunks again.",
    "made": "Made the custom object {detail} by {of}.",
    "forgot": "Had a person forgotten, noted as {detail}.",
    "rotated": "Began generation {detail} of the webhooks' keys.",
    "run": "Started run {detail} of {of}.",
    "plan": "Planned a run of {of}; nothing is written.",
    "apply_plan": "Applied plan {detail} of {of}.",
    "retry": "Ran the failed rows of run {detail} of {of} again.",
    "pause_run": "Paused run {detail} of {of}.",
    "resume_run": "Let run {detail} of {of} go on.",
    "cancel_run": "Ended run {detail} of {of}.",
    "confirm_run": "Confirmed run {detail} of {of}, which its guard held.",
}
#: how documents of a kind are called
KIND_WORDS: Mapping[str, str] = {
    "action": "the Action",
    "sync": "the Sync",
    "crm_cycle": "the cycle",
    "connection": "the connection",
    "marketo_connection": "the Marketo connection",
    "salesforce_connection": "the Salesforce connection",
    "list": "the list",
    "alerts": "the alerts",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One deed: when, by whom, what, and to which document, if it was one."""

    at: datetime
    who: str
    did: str
    kind: str = ""
    id: str = ""
    detail: str = ""


def said(entry: Entry) -> str:
    """An entry as a sentence; of a deed that a newer version knows its code."""
    of = f"{KIND_WORDS.get(entry.kind, entry.kind)} {entry.id}" if entry.kind else "several Actions"
    return DEEDS.get(entry.did, f"{entry.did}: {{of}} {{detail}}").format(of=of, detail=entry.detail).strip()
