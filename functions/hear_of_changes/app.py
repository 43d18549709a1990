"""Announced changes from the queue: Syncs that read them run early, cycles note them as due."""

from typing import Any

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.domain.announced import read_message
from leadbridge.domain.messages import ForeignMessageError
from leadbridge.errors import TransientError
from leadbridge.observability import worker_logger

logger = worker_logger("hear_of_changes", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Hear of a batch of announcements; what could not be heard of is reported and comes again."""
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        said = {"message_id": str(record["messageId"])}
        try:
            announcement = read_message(record["body"])
            waits = wiring.hear_of_changes()(announcement)
        except (ForeignMessageError, TransientError) as wrong:
            # the message keeps its id in the dead letter queue, so that is where the reason is found
            logger.warning("announcement not heard: %s", wrong, extra=said)
            failed.append({"itemIdentifier": said["message_id"]})
        else:
            logger.info("announcement heard", extra=said | {"connection": announcement.connection, "waits": waits})
    wiring.meter().flush()
    return {"batchItemFailures": failed}
