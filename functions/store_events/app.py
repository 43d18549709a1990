"""Queue in, inbox out."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.domain.messages import read_batch
from leadbridge.observability import worker_logger

logger = worker_logger("store_events", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Store a batch of calls; messages that could not be stored are reported and come again."""
    arrivals, unreadable = read_batch(event["Records"])
    for message_id, reason in unreadable.items():
        # the message keeps its id in the dead letter queue, so that is where the reason is found
        logger.warning("rejected: %s", reason, extra={"message_id": message_id})
    failed = wiring.late_calls()(arrivals, lambda: context.get_remaining_time_in_millis() / 1000)
    wiring.flush_counts()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in [*unreadable, *failed]]}
