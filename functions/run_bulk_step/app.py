"""Takes one step of a bulk run for a state machine."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.domain.bulk_order import BulkOrder
from leadbridge.observability import worker_logger

logger = worker_logger("run_bulk_step", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take the next step of the run that the event orders."""
    try:
        answer: dict[str, Any] = wiring.run_bulk_step()(
            BulkOrder.parse(event), lambda: context.get_remaining_time_in_millis() / 1000
        ).as_dict()
    finally:
        wiring.meter().flush()
    logger.info("bulk step", extra={name: answer[name] for name in ("run", "job", "step", "waiting", "reason")})
    return answer
