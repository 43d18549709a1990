"""Every five minutes: tells people what needs them."""

from typing import Any

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.observability import worker_logger

logger = worker_logger("send_alerts", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Look at everything, and send what is to be told."""
    try:
        report: dict[str, Any] = wiring.send_alerts()().as_dict()
    finally:
        wiring.meter().flush()
    logger.info("alerts looked at", extra=report)
    return report
