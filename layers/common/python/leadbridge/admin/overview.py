"""The route of the overview: is all well?"""

from dataclasses import asdict

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

from leadbridge.admin import models
from leadbridge.admin.common import described
from leadbridge.admin.connections import as_connection
from leadbridge.admin.services import Services


def add_routes(app: APIGatewayRestResolver, services: Services) -> None:
    """Add the routes."""

    @app.get("/overview", **described("Is all well?", tag="Overview"))
    def overview() -> models.Overview:
        """Connections, calls, what is parked or waits, how far Syncs and cycles are, alerts, outcomes of 24 hours.

        From what is stored here; no vendor is asked. Counts are about right, but no ledger.
        """
        found = services.overview()
        return models.Overview(
            at=found.at,
            paused=found.paused,
            connections=[as_connection(each) for each in found.connections],
            quotas=[
                models.QuotaStanding(
                    vendor=each.quota.vendor,
                    instance=each.quota.instance,
                    connections=list(each.connections),
                    used=each.used,
                    allowed=each.quota.allowed,
                    day_ends=each.quota.day_ends,
                    spent_at=each.spent_at,
                    shut_until=each.shut_until,
                    shut_because=each.shut_because or None,
                    extracts=models.ExtractsStanding(
                        megabytes=round(each.extracts.used / 1_000_000, 1),
                        allowed=each.extracts.allowed // 1_000_000,
                        spent_at=each.extracts_spent_at,
                    )
                    if each.extracts
                    else None,
                )
                for each in found.quotas
            ],
            parked=[
                models.ParkedCalls(action_id=each.action, reason=each.reason, number=each.number, since=each.since)
                for each in found.parked
            ],
            waiting=[
                models.WaitingCalls(
                    connection=each.connection,
                    reason=each.reason or None,
                    number=each.number,
                    more=each.more,
                    since=each.since,
                    due_at=each.due_at,
                )
                for each in found.waiting
            ],
            alerts=[
                models.OpenAlert(
                    kind=alert.subject.kind.value,
                    name=alert.subject.name,
                    title=said.title,
                    what=said.what,
                    remedy=said.remedy,
                    command=said.command,
                    since=alert.since,
                    clear_since=alert.clear_since,
                )
                for alert, said in found.alerts
            ],
            outcomes=[models.OutcomeCount(kind=kind, number=number) for kind, number in found.outcomes],
            since=found.since,
            carried_over=[models.CarriedOver.model_validate(asdict(each)) for each in found.carried_over],
        )
