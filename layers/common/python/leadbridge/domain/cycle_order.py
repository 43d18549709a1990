"""What the state machine of a cycle's run asks for: a step of the run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadbridge.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleOrder:
    """The input of an invocation."""

    cycle: str
    slot: str
    begin: bool = False
    turns: int = 0

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "CycleOrder":
        """The order in an event.

        Raises:
            ConfigurationError: It names no run.
        """
        try:
            return cls(
                cycle=str(event["cycle"]),
                slot=str(event["slot"]),
                begin=event.get("begin") is True,
                turns=int(event.get("turns", 0)),
            )
        except KeyError as error:
            raise ConfigurationError([f"{error.args[0]}: an order needs it"]) from error
