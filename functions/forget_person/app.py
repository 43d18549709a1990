"""The one function that reads and removes everything: for the admin API, when a person is to be forgotten."""

from typing import Any

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.observability import worker_logger

logger = worker_logger("forget_person", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Carry out one order; nothing of whom it is about is logged but the keyed hash."""
    answer: dict[str, Any] = wiring.forget_person()(event)
    logger.info(
        "person looked for",
        extra={"who": answer.get("who"), "removed": answer.get("removed"), "found": len(answer.get("found", ()))},
    )
    return answer
