"""The door of calls that wait for their result: that of every webhook call, with a run before the answer.

Whatever keeps a call from being stored in the inbox, the queue takes it instead, as it takes every other call; that
it may be in both does no harm, because both store it under one id.
"""

import json
import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from leadbridge import wiring
from leadbridge.config import AnswerInlineSettings
from leadbridge.domain.messages import read
from leadbridge.door import local_offset
from leadbridge.errors import SyncError
from leadbridge.receiving import Receiver

logger = logging.getLogger("leadbridge.receive")


def answer(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Run a call that was accepted; None if the queue must take it."""
    try:
        told: Mapping[str, Any] | None = wiring.answer_inline()(read(json.dumps(message)))
    except (BotoCoreError, ClientError, SyncError) as error:
        logger.warning("call not run inline: %s", type(error).__name__)
        return None
    return told


@cache
def from_environment() -> Receiver:
    """The receiver of this process, with the function's settings."""
    settings = AnswerInlineSettings.from_environment()
    return Receiver(
        queue_url=settings.EVENTS_QUEUE_URL,
        config_table=settings.CONFIG_TABLE,
        secret_arn=settings.WEBHOOK_SECRET_ARN,
        clock_offset=local_offset(settings.CLOCK_URL),
        inline=answer,
    )
