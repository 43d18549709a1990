"""Configuration documents in memory, with all their versions."""

from collections.abc import Sequence

from leadbridge.domain.action import Configuration, as_document
from leadbridge.domain.kinds import model_of
from leadbridge.domain.lifecycle import UNSIGNED, Change, DocumentState, Move, Stored, next_version, taken
from leadbridge.errors import ConfigurationError, UnknownVersionError
from tests.fakes.steps import Step, nothing


class InMemoryConfigurations:
    """`ports.Configurations`."""

    def __init__(self, *, step: Step = nothing) -> None:
        self._step = step
        self._current: dict[tuple[str, str], Stored] = {}
        self._history: dict[tuple[str, str, int], Stored] = {}
        self._newer: set[tuple[str, str]] = set()
        self._paused = False
        self.reads = 0

    def get(self, kind: str, identifier: str, version: int | None = None) -> Stored | None:
        """The document, by default its current version; None if there is none."""
        self._step("configurations.get")
        self.reads += 1
        if (kind, identifier) in self._newer:
            raise UnknownVersionError(f"{identifier} was written by a newer version", code="2")
        if version is None:
            found = self._current.get((kind, identifier))
        else:
            found = self._history.get((kind, identifier, version))
        self._step("configurations.get.done")
        return found

    def list(self, kind: str) -> Sequence[Stored]:
        """Current versions of all documents of one kind, by id."""
        return [stored for (known, _), stored in sorted(self._current.items()) if known == kind]

    def versions(self, kind: str, identifier: str) -> Sequence[Stored]:
        """Every version a document has had, the newest first; those of a removed one, too."""
        numbers = sorted((number for *known, number in self._history if known == [kind, identifier]), reverse=True)
        return [self._history[kind, identifier, number] for number in numbers]

    def put(
        self, document: Configuration, change: Change = UNSIGNED, *, sound: bool = True, follows: int | None = None
    ) -> tuple[Stored, bool]:
        """Store a new version unless the current one says the same; its state follows from `domain.lifecycle`."""
        key = (document.kind, document.id)
        current = self._current.get(key)
        # through plain values, as the real store does
        plain = as_document(document)
        copy = model_of(plain).model_validate(plain)
        stored = next_version(
            current, copy, change, sound=sound, follows=follows, versions=lambda: len(self.versions(*key))
        )
        if stored is current:
            return stored, False
        self.load(stored)
        return stored, True

    def current(self, kind: str, identifier: str) -> Stored:
        """A document as it stands, without an I/O point; for tests."""
        return self._current[kind, identifier]

    def everything(self) -> Sequence[Stored]:
        """All versions of all documents, and as they stand; for tests."""
        return [*self._history.values(), *self._current.values()]

    def load(self, stored: Stored) -> None:
        """Put a document in as its newest version, without copying or comparing it; for tests."""
        key = (stored.document.kind, stored.document.id)
        self._current[key] = self._history[*key, stored.version] = stored

    def move(self, kind: str, identifier: str, move: Move) -> DocumentState:
        """Take a document a step on; gives its state. One that does not exist is an error."""
        current = self._current.get((kind, identifier))
        if current is None:
            raise ConfigurationError([f"there is no {kind} {identifier}"])
        self._current[kind, identifier] = taken(current, move)
        return self._current[kind, identifier].state

    def paused(self) -> bool:
        """Whether all Actions are paused together."""
        self._step("configurations.paused")
        found = self._paused
        self._step("configurations.paused.done")
        return found

    def pause(self, *, paused: bool) -> None:
        """Pause all Actions together, or end that; their own states stay as they are."""
        self._paused = paused

    def outdate_us(self, kind: str, identifier: str) -> None:
        """Make a document one that a newer version of Leadbridge wrote; for tests."""
        self._newer.add((kind, identifier))

    def remove(self, kind: str, identifier: str) -> None:
        """Take the current version away; the history stays."""
        self._current.pop((kind, identifier), None)
