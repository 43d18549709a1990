"""Starts the run of a Sync's slot, or of a cycle that is due, for a schedule; and keeps the schedules."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.observability import worker_logger

logger = worker_logger("start_sync", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Start a run, unless one is at work or it is not to be; else mend the schedule of one Sync or cycle, or all."""
    if "keep" in event:
        schedules = wiring.schedule_syncs(context.invoked_function_arn)
        one = schedules.cycle if event.get("kind") == "crm_cycle" else schedules.one
        kept = one(str(event["keep"]))
        logger.info("schedule kept", extra={"sync": event["keep"], "changed": kept})
        return {"changed": int(kept)}
    if "cycle" in event:
        return _tick(str(event["cycle"]))
    if "sync" not in event:
        changed = wiring.schedule_syncs(context.invoked_function_arn)()
        logger.info("schedules kept", extra={"changed": changed})
        return {"changed": changed}
    told = wiring.start_sync().fired(str(event["sync"]), str(event.get("at", "")))
    said = {"sync": event["sync"], "slot": told.slot, "started": told.started, "because": told.because}
    logger.info("sync fired", extra=said)
    return said


def _tick(cycle: str) -> dict[str, Any]:
    try:
        told = wiring.start_cycle()(cycle)
    finally:
        wiring.meter().flush()
    said = {"cycle": cycle, "slot": told.slot, "started": told.started, "because": told.because}
    logger.info("cycle ticked", extra=said)
    return said
