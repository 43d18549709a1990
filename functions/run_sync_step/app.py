"""Takes one step of a run of a Sync for a state machine, or loads partitions of it."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.observability import worker_logger

logger = worker_logger("run_sync_step", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take the next step of the run that the event names, or load its partitions."""
    try:
        answer: dict[str, Any] = wiring.run_sync_step()(
            SyncOrder.parse(event), lambda: context.get_remaining_time_in_millis() / 1000
        )
    finally:
        wiring.meter().flush()
    names = ("sync", "slot", "parts", "step", "waiting", "reason")
    logger.info("sync step", extra={name: answer[name] for name in names if name in answer})
    return answer
