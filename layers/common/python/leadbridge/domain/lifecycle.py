"""The life of a document: its versions, what a stored one may be used for, and which step leads to which state.

Only an active document is used; one on trial or paused is so, too, within its bounds. A connection begins active; an
Action or a Sync has to be activated, and only a checked one can be. Whatever is not in the tables below is refused with
the sentence that stands there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from leadbridge.domain.action import Configuration
from leadbridge.errors import ConfigurationError


class DocumentState(StrEnum):
    """Where a document stands."""

    DRAFT = "draft"  # stored although it has findings
    VALIDATED = "validated"  # checked against both vendors, never active yet
    TRIAL = "trial"  # runs for the people whom the Action's `trial` names, the others are skipped
    ACTIVE = "active"
    PAUSED = "paused"  # accepts and keeps what comes in, begins nothing
    INACTIVE = "inactive"  # was active; what comes in is recorded, so that it can be run later


class Move(StrEnum):
    """What somebody wants to do with a document."""

    STORE = "store"  # a version without findings
    STORE_DRAFT = "store_draft"  # a version with findings
    TRY = "try"
    ACTIVATE = "activate"
    PAUSE = "pause"
    RESUME = "resume"  # back to what it was before the pause
    DEACTIVATE = "deactivate"


#: states in which calls are taken; the receive path reads no more than whether a document is in one of them
USED = frozenset({DocumentState.TRIAL, DocumentState.ACTIVE, DocumentState.PAUSED})


#: kinds of documents that have to be activated
RUN = frozenset({"action", "sync", "crm_cycle"})
#: where a step leads; what is missing is refused
NEXT: Mapping[Move, Mapping[DocumentState, DocumentState]] = {
    Move.STORE: {
        DocumentState.DRAFT: DocumentState.VALIDATED,
        DocumentState.VALIDATED: DocumentState.VALIDATED,
        DocumentState.TRIAL: DocumentState.TRIAL,
        DocumentState.ACTIVE: DocumentState.ACTIVE,
        DocumentState.PAUSED: DocumentState.PAUSED,
        DocumentState.INACTIVE: DocumentState.INACTIVE,
    },
    Move.STORE_DRAFT: {
        DocumentState.DRAFT: DocumentState.DRAFT,
        DocumentState.VALIDATED: DocumentState.DRAFT,
        DocumentState.INACTIVE: DocumentState.DRAFT,
    },
    Move.TRY: {
        DocumentState.VALIDATED: DocumentState.TRIAL,
        DocumentState.TRIAL: DocumentState.TRIAL,
        DocumentState.ACTIVE: DocumentState.TRIAL,
        DocumentState.INACTIVE: DocumentState.TRIAL,
    },
    Move.ACTIVATE: {
        DocumentState.VALIDATED: DocumentState.ACTIVE,
        DocumentState.TRIAL: DocumentState.ACTIVE,
        DocumentState.ACTIVE: DocumentState.ACTIVE,
        DocumentState.PAUSED: DocumentState.ACTIVE,
        DocumentState.INACTIVE: DocumentState.ACTIVE,
    },
    Move.PAUSE: {
        DocumentState.TRIAL: DocumentState.PAUSED,
        DocumentState.ACTIVE: DocumentState.PAUSED,
        DocumentState.PAUSED: DocumentState.PAUSED,
    },
    # of a paused one see `Stored.resumes`
    Move.RESUME: {
        DocumentState.TRIAL: DocumentState.TRIAL,
        DocumentState.ACTIVE: DocumentState.ACTIVE,
        DocumentState.PAUSED: DocumentState.ACTIVE,
    },
    Move.DEACTIVATE: {
        DocumentState.DRAFT: DocumentState.DRAFT,
        DocumentState.VALIDATED: DocumentState.VALIDATED,
        DocumentState.TRIAL: DocumentState.INACTIVE,
        DocumentState.ACTIVE: DocumentState.INACTIVE,
        DocumentState.PAUSED: DocumentState.INACTIVE,
        DocumentState.INACTIVE: DocumentState.INACTIVE,
    },
}

_DRAFT = (
    "is a draft that was stored with findings; `leadbridge validate` lists them; mend them and apply it again first"
)
_RUNS = "is {state}, and a version with findings would run at once; mend the findings, or deactivate it first"
_IDLE = "is not active, so nothing of it is to be paused; `leadbridge activate` lets it run"
_NOT_PAUSED = "is not paused; `leadbridge activate` lets it run"
#: why a step is refused, and what to do
REFUSALS: Mapping[tuple[Move, DocumentState], str] = {
    (Move.STORE_DRAFT, DocumentState.TRIAL): _RUNS.format(state="on trial"),
    (Move.STORE_DRAFT, DocumentState.ACTIVE): _RUNS.format(state="active"),
    (Move.STORE_DRAFT, DocumentState.PAUSED): (
        "is paused, and a version with findings would run when it is resumed; mend the findings, or deactivate it first"
    ),
    (Move.TRY, DocumentState.DRAFT): _DRAFT,
    (Move.TRY, DocumentState.PAUSED): "is paused and keeps calls; resume or deactivate it first",
    (Move.ACTIVATE, DocumentState.DRAFT): _DRAFT,
    **{(Move.PAUSE, state): _IDLE for state in (DocumentState.DRAFT, DocumentState.VALIDATED, DocumentState.INACTIVE)},
    **{
        (Move.RESUME, state): _NOT_PAUSED
        for state in (DocumentState.DRAFT, DocumentState.VALIDATED, DocumentState.INACTIVE)
    },
}
#: why documents of some kinds are not tried
NO_TRIALS: Mapping[str, str] = {
    "sync": "has no trial; `leadbridge syncs preview` shows what it would do",
    "crm_cycle": "has no trial; give it conditions, or few fields, and activate it",
}
#: why a document without a member `trial` is not tried
NOBODY_TO_TRY = "names nobody for its trial; give it `trial` with `leads` or a `static_list`, apply it, then try it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How a version came about; what is not known, as of versions from before this was kept, is empty."""

    author: str = ""
    at: datetime | None = None
    note: str = ""
    #: the document as its author wrote it, comments and all; empty where nobody wrote a text
    text: str = ""


UNSIGNED = Change()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A version of a document: where it stands, and how it came about."""

    document: Configuration
    version: int
    state: DocumentState = DocumentState.INACTIVE
    change: Change = UNSIGNED
    #: what it was when it was paused, for as long as it keeps calls; one that is deactivated meanwhile keeps them, too
    resumes: DocumentState | None = None

    @property
    def active(self) -> bool:
        """Whether the document may be used: calls of an Action are taken, a connection is not disabled."""
        return self.state in USED

    @property
    def keeps(self) -> bool:
        """Whether nothing of it may begin, and what waits is kept: it is paused, or was when it was deactivated."""
        return self.resumes is not None

    def says(self, document: Configuration, text: str) -> bool:
        """Whether this is that document, in those words where both texts are known."""
        return self.document == document and (not text or not self.change.text or self.change.text == text)


def refusal(move: Move, state: DocumentState) -> str | None:
    """Why a step is refused, as the rest of a sentence that begins with the document; None if it is allowed."""
    return REFUSALS.get((move, state))


def taken(stored: Stored, move: Move) -> Stored:
    """The document after a step.

    Raises:
        ConfigurationError: Its state forbids it, or it is to be tried and names nobody.
    """
    refused = refusal(move, stored.state)
    if move is Move.TRY and not refused and getattr(stored.document, "trial", None) is None:
        refused = NO_TRIALS.get(stored.document.kind, NOBODY_TO_TRY)
    if refused:
        raise ConfigurationError([f"{stored.document.kind} {stored.document.id} {refused}"])
    state = NEXT[move][stored.state]
    match move:
        case Move.PAUSE:
            return replace(stored, state=state, resumes=stored.resumes or stored.state)
        case Move.RESUME:
            return replace(stored, state=stored.resumes or state, resumes=None)
        case Move.DEACTIVATE:
            return replace(stored, state=state)
        case _:
            return replace(stored, state=state, resumes=None)


def next_version(
    current: Stored | None,
    document: Configuration,
    change: Change,
    *,
    sound: bool,
    follows: int | None,
    versions: Callable[[], int],
) -> Stored:
    """The version that storing a document makes; the current one if that says the same already.

    `versions` tells how many a document has had that has no current one; for the others see `ports.Configurations.put`.

    Raises:
        ConfigurationError: The document's state forbids it, or another version than `follows` is current.
    """
    move = Move.STORE if sound else Move.STORE_DRAFT
    if current is None:
        first = DocumentState.VALIDATED if sound else DocumentState.DRAFT
        state = first if document.kind in RUN else DocumentState.ACTIVE
    else:
        state = taken(current, move).state
        if current.says(document, change.text) and state is current.state:
            return current
    at = current.version if current else 0
    if follows is not None and at != follows:
        raise ConfigurationError(
            [f"{document.kind} {document.id} became version {at} meanwhile; look at it and plan again"]
        )
    resumes = current.resumes if current else None
    return Stored(document=document, version=1 + (at or versions()), state=state, change=change, resumes=resumes)
