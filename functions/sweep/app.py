"""Once a minute: rings for lanes with due work."""

from typing import Any

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.observability import worker_logger

logger = worker_logger("sweep", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Ring where needed."""
    rung = wiring.sweep()()
    wiring.meter().flush()
    logger.info("swept", extra={"lanes": rung})
    return {"lanes": rung}
