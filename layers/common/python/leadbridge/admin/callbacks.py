"""Routes of callbacks: what Marketo did not take of a flow step's results, and once more."""

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

from leadbridge.admin import models
from leadbridge.admin.common import described
from leadbridge.admin.services import Services
from leadbridge.usecases.failed_callbacks import why


def add_routes(app: APIGatewayRestResolver, services: Services) -> None:
    """Add the routes."""

    @app.get("/callbacks", **described("Callbacks that failed", tag="Flow steps"))
    def list_callbacks() -> models.Callbacks:
        """Those that will not be tried again by themselves, the newest first, at most 100."""
        return models.Callbacks(
            callbacks=[
                models.Callback(
                    id=each.chunk.id,
                    people=len(each.chunk.lead_ids),
                    received_at=each.chunk.received_at,
                    failed_at=each.failed_at,
                    attempts=each.chunk.attempts,
                    reason=each.chunk.reason,
                    message=why(each),
                )
                for each in services.callbacks()
            ]
        )

    @app.post("/callbacks/send", **described("Send callbacks again", tag="Flow steps"))
    def send_callbacks(given: models.SendCallbacks) -> models.SentCallbacks:
        """Within a minute, once their cause is removed; asking twice sends nothing twice."""
        return models.SentCallbacks(
            results=[
                models.SentCallback(id=each.chunk_id, done=each.done, note=each.note)
                for each in services.callbacks.send(given.ids)
            ]
        )
