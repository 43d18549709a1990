"""Queue in, inbox out."""

from typing import Any

from leadbridge import wiring
from leadbridge.domain.messages import read_batch


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Store a batch of calls; messages that could not be stored are reported and come again."""
    arrivals, unreadable = read_batch(event["Records"])
    failed = wiring.store_events()(arrivals)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in [*unreadable, *failed]]}
