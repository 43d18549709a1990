"""Drains one lane."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from leadbridge import cold_start, wiring
from leadbridge.config import Settings
from leadbridge.observability import worker_logger

logger = worker_logger("run_actions", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run what is due in the lane that the event names."""
    try:
        drain_lane = wiring.drain_lane()
        cold_start.over()
        report: dict[str, Any] = drain_lane(event["lane"], lambda: context.get_remaining_time_in_millis() / 1000)
    finally:
        wiring.meter().flush()
    logger.info("lane drained", extra=report)
    return report
