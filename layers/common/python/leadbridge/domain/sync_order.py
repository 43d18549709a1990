"""What the state machine of a Sync's run asks for: a step of the run, or one of its partitions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadbridge.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOrder:
    """The input of an invocation: a run, and a partition of it where that is to be loaded."""

    sync: str
    slot: str
    part: int = 0
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
        try:
            return cls(
                sync=str(event["sync"]),
                slot=str(event["slot"]),
                part=int(event.get("part", 0)),
                begin=event.get("begin") is True,
                turns=int(event.get("turns", 0)),
                child=event.get("child"),
            )
        except KeyError as error:
            raise ConfigurationError([f"{error.args[0]}: an order needs it"]) from error
