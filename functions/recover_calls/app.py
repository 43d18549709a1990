"""Once an hour: finds webhook calls that never arrived and runs them."""

from typing import Any

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.observability import worker_logger

logger = worker_logger("recover_calls", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Recover what is missing; an instance that does not answer is asked again in an hour."""
    use_case = wiring.recover_calls()
    reports = use_case()
    use_case.report_quota()
    wiring.flush_counts()
    for report in reports:
        if report.error:
            logger.warning("not looked at: %s", report.error, extra={"action": report.action_id})
    found = {report.action_id: len(report.recovered) for report in reports}
    logger.info("looked for lost calls", extra={"recovered": found})
    return {"recovered": found}
