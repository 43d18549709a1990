"""Watches over one event while it is run, for the call that waits for its answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadbridge.domain.event import Ending, Event, Result


@dataclass(slots=True)
class Watch:
    """What `Closing` did with the events of a run, as far as it can be answered."""

    #: what became of it at the destination, and what is to be written back, as soon as both are known
    result: Result | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    #: why it goes on later: the reason it was given back or parked with, empty where another holds its keys
    later: str | None = None
    parked: bool = False

    def begin(self) -> None:
        """Forget the run before."""
        self.result, self.values, self.later, self.parked = None, {}, None, False

    def ended(self, endings: Sequence[Ending]) -> None:
        """Its end was recorded."""
        for ending in endings:
            self.result = ending.result

    def told(self, result: Result, values: Mapping[str, Any]) -> None:
        """It was written, and its values go with the answer."""
        self.result, self.values = result, values

    def given_back(self, events: Sequence[Event]) -> None:
        """It goes on later, by itself."""
        for event in events:
            if not event.answered:
                self.later = str(event.reason)

    def set_aside(self, reason: str) -> None:
        """It goes on when a person says so."""
        self.later, self.parked = str(reason), True
