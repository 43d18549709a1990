"""Takes one step of a run of a CRM cycle for a state machine."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.domain.cycle_order import CycleOrder
from leadbridge.observability import worker_logger

logger = worker_logger("run_cycle_step", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take the next step of the run that the event names."""
    try:
        answer: dict[str, Any] = wiring.run_cycle_step()(
            CycleOrder.parse(event), lambda: context.get_remaining_time_in_millis() / 1000
        )
    finally:
        wiring.meter().flush()
    names = ("cycle", "slot", "step", "waiting", "reason")
    logger.info("cycle step", extra={name: answer[name] for name in names})
    return answer
