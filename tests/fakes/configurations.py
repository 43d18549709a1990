"""Configuration documents in memory, with all their versions."""

from collections.abc import Sequence
from dataclasses import replace

from leadbridge.domain.action import KINDS, Configuration, as_document
from leadbridge.errors import UnknownVersionError
from leadbridge.ports import Stored
from tests.fakes.steps import Step, nothing


class InMemoryConfigurations:
    """`ports.Configurations`."""

    def __init__(self, *, step: Step = nothing) -> None:
        self._step = step
        self._current: dict[tuple[str, str], Stored] = {}
        self._history: dict[tuple[str, str, int], Stored] = {}
        self._newer: set[tuple[str, str]] = set()
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

    def put(self, document: Configuration) -> tuple[Stored, bool]:
        """Store a new version unless it equals the current one; it stays as active as it was."""
        key = (document.kind, document.id)
        current = self._current.get(key)
        if current is not None and current.document == document:
            return current, False
        stored = Stored(
            # through plain values, as the real store does
            document=KINDS[document.kind].model_validate(as_document(document)),
            version=1 + max((version for *known, version in self._history if tuple(known) == key), default=0),
            active=current.active if current else document.kind != "action",
        )
        self._current[key] = self._history[*key, stored.version] = stored
        return stored, True

    def load(self, stored: Stored) -> None:
        """Put a document in as its newest version, without copying or comparing it; for tests."""
        key = (stored.document.kind, stored.document.id)
        self._current[key] = self._history[*key, stored.version] = stored

    def set_active(self, kind: str, identifier: str, *, active: bool) -> None:
        """Let a document be used, or not; one that does not exist is an error."""
        self._current[kind, identifier] = replace(self._current[kind, identifier], active=active)

    def outdate_us(self, kind: str, identifier: str) -> None:
        """Make a document one that a newer version of Leadbridge wrote; for tests."""
        self._newer.add((kind, identifier))

    def remove(self, kind: str, identifier: str) -> None:
        """Take the current version away; the history stays."""
        self._current.pop((kind, identifier), None)
