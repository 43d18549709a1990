"""Starts the run of a Sync's slot, or of a cycle that is due, for a schedule; and keeps the schedules."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.observability import worker_logger

logger = worker_logger("start_sync", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Start a run, unless one is at work or it is not to be; else mend the schedule of one Sync or cycle, or all."""
    owner: dict[str, Any] = {name: str(event[name]) for name in ("sync", "cycle") if name in event}
    if not owner:
        schedules = wiring.schedule_syncs(context.invoked_function_arn)
        one = "keep" in event
        changed = int(schedules.one(str(event["keep"]), str(event.get("kind", "sync"))) if one else schedules())
        logger.info("schedules kept", extra={"keep": event.get("keep"), "changed": changed})
        return {"changed": changed}
    at = str(event.get("at", ""))
    try:
        told = (
            wiring.start_cycle()(owner["cycle"]) if "cycle" in owner else wiring.start_sync().fired(owner["sync"], at)
        )
    finally:
        wiring.meter().flush()
    said = {**owner, "slot": told.slot, "started": told.started, "because": told.because}
    logger.info("fired", extra=said)
    return said
