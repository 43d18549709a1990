"""The queue of calls, for whoever has many of them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from leadbridge.domain.flow_step_queue import batches_of
from leadbridge.door import NotDurableError, send_batch
from leadbridge.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class CallQueue:
    """`usecases.hand_over.Queue` on SQS."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        """`url` of the queue that `store_events` reads."""
        self._client = client
        self._url = url

    def send(self, messages: Iterable[str]) -> None:
        """Make messages durable, in as few calls as SQS allows.

        Raises:
            TransientError: Some may not be; sent again they are the same calls.
        """
        try:
            for batch in batches_of(iter(messages)):
                send_batch(self._client, self._url, batch)
        except (BotoCoreError, ClientError, NotDurableError) as error:
            raise TransientError(type(error).__name__, vendor="aws", operation="SendMessageBatch") from error
