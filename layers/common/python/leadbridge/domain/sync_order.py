"""What the state machine of a Sync's run asks for: a step of the run, or some of its partitions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadbridge.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOrder:
    """The input of an invocation: a run, and partitions of it where those are to be loaded."""

    sync: str
    slot: str
    #: one after the other
    parts: tuple[int, ...] = ()
    begin: bool = False
    turns: int = 0
    #: how a bulk run ended that the state machine waited for: its output, or its error
    child: Mapping[str, Any] | None = None

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "SyncOrder":
        """The order in an event.

        Raises:
            ConfigurationError: It names no run.
        """
        # an execution that began before partitions were dealt to workers names one
        part = event.get("part", [])
        try:
            return cls(
                sync=str(event["sync"]),
                slot=str(event["slot"]),
                parts=tuple(map(int, part if isinstance(part, list) else [part])),
                begin=event.get("begin") is True,
                turns=int(event.get("turns", 0)),
                child=event.get("child"),
            )
        except KeyError as error:
            raise ConfigurationError([f"{error.args[0]}: an order needs it"]) from error
