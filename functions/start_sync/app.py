"""Starts the run of a Sync's slot, for a schedule."""

from typing import Any

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.observability import worker_logger

logger = worker_logger("start_sync", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Start a run, unless one is at work or the Sync is not active."""
    del context
    try:
        told = wiring.start_sync().fired(str(event["sync"]), str(event.get("at", "")))
    finally:
        wiring.meter().flush()
    said = {"sync": event["sync"], "slot": told.slot, "started": told.started, "because": told.because}
    logger.info("sync fired", extra=said)
    return said
