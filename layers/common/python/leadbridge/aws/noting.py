"""The config table for somebody who works by hand: whatever they do to a document is noted in the journal.

Storing a version notes itself (`configurations`), and the admin API notes the rest by its routes, so only the command
line needs this.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from leadbridge.aws.configurations import DynamoConfigurations
from leadbridge.domain.lifecycle import DocumentState, Move

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class NotedConfigurations(DynamoConfigurations):
    """`ports.Configurations` of one person; `note` takes a deed of the journal, and the document's kind and id."""

    def __init__(self, client: "DynamoDBClient", *, table: str, note: Callable[[str, str, str], None]) -> None:
        super().__init__(client, table=table)
        self._note = note

    def move(self, kind: str, identifier: str, move: Move) -> DocumentState:
        """Take a document a step on; gives its state."""
        state = super().move(kind, identifier, move)
        self._note(move.value, kind, identifier)
        return state

    def pause(self, *, paused: bool) -> None:
        """Pause all Actions together, or end that; their own states stay as they are."""
        super().pause(paused=paused)
        self._note("pause_all" if paused else "resume_all", "", "")

    def remove(self, kind: str, identifier: str) -> None:
        """Take the current version away; the history stays."""
        super().remove(kind, identifier)
        self._note("removed", kind, identifier)
