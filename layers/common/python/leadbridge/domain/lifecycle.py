"""The life of a document: its versions, what a stored one may be used for, and which step leads to which state.

Only an active document is used. A connection begins active; an Action has to be activated, and only a checked one can
be. Whatever is not in the tables below is refused with the sentence that stands there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from leadbridge.domain.action import Configuration
from leadbridge.errors import ConfigurationError


class DocumentState(StrEnum):
    """Where a document stands."""

    DRAFT = "draft"  # stored although it has findings
    VALIDATED = "validated"  # checked against both vendors, never active yet
    ACTIVE = "active"
    INACTIVE = "inactive"  # was active; what comes in is recorded, so that it can be run later


class Move(StrEnum):
    """What somebody wants to do with a document."""

    STORE = "store"  # a version without findings
    STORE_DRAFT = "store_draft"  # a version with findings
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"


#: where a step leads; what is missing is refused
NEXT: Mapping[Move, Mapping[DocumentState, DocumentState]] = {
    Move.STORE: {
        DocumentState.DRAFT: DocumentState.VALIDATED,
        DocumentState.VALIDATED: DocumentState.VALIDATED,
        DocumentState.ACTIVE: DocumentState.ACTIVE,
        DocumentState.INACTIVE: DocumentState.INACTIVE,
    },
    Move.STORE_DRAFT: {
        DocumentState.DRAFT: DocumentState.DRAFT,
        DocumentState.VALIDATED: DocumentState.DRAFT,
        DocumentState.INACTIVE: DocumentState.DRAFT,
    },
    Move.ACTIVATE: {
        DocumentState.VALIDATED: DocumentState.ACTIVE,
        DocumentState.ACTIVE: DocumentState.ACTIVE,
        DocumentState.INACTIVE: DocumentState.ACTIVE,
    },
    Move.DEACTIVATE: {
        DocumentState.DRAFT: DocumentState.DRAFT,
        DocumentState.VALIDATED: DocumentState.VALIDATED,
        DocumentState.ACTIVE: DocumentState.INACTIVE,
        DocumentState.INACTIVE: DocumentState.INACTIVE,
    },
}

#: why a step is refused, and what to do
REFUSALS: Mapping[tuple[Move, DocumentState], str] = {
    (Move.STORE_DRAFT, DocumentState.ACTIVE): (
        "is active, and a version with findings would run at once; mend the findings, or deactivate it first"
    ),
    (Move.ACTIVATE, DocumentState.DRAFT): (
        "is a draft that was stored with findings; `leadbridge validate` lists them; mend them and apply it again first"
    ),
}


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

    @property
    def active(self) -> bool:
        """Whether the document may be used."""
        return self.state is DocumentState.ACTIVE

    def says(self, document: Configuration, text: str) -> bool:
        """Whether this is that document, in those words where both texts are known."""
        return self.document == document and (not text or not self.change.text or self.change.text == text)


def refusal(move: Move, state: DocumentState) -> str | None:
    """Why a step is refused, as the rest of a sentence that begins with the document; None if it is allowed."""
    return REFUSALS.get((move, state))


def taken(stored: Stored, move: Move) -> DocumentState:
    """The state that a step leads a document to.

    Raises:
        ConfigurationError: Its state forbids it.
    """
    refused = refusal(move, stored.state)
    if refused:
        raise ConfigurationError([f"{stored.document.kind} {stored.document.id} {refused}"])
    return NEXT[move][stored.state]


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
        state = first if document.kind == "action" else DocumentState.ACTIVE
    else:
        state = taken(current, move)
        if current.says(document, change.text) and state is current.state:
            return current
    at = current.version if current else 0
    if follows is not None and at != follows:
        raise ConfigurationError(
            [f"{document.kind} {document.id} became version {at} meanwhile; look at it and plan again"]
        )
    return Stored(document=document, version=1 + (at or versions()), state=state, change=change)
