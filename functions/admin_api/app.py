"""The admin API behind API Gateway."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.observability import worker_logger

logger = worker_logger("admin_api", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one signed request; neither its path nor its principal is logged, they may name persons."""
    try:
        answer: dict[str, Any] = wiring.admin_api()(event, context)
    finally:
        wiring.meter().flush()
    logger.info("request answered", extra={"method": event.get("httpMethod"), "status": answer["statusCode"]})
    return answer
