"""Routes of an Action's webhook: the sheet to be pasted into Marketo, and the key."""

from typing import Annotated

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from leadbridge.admin import models
from leadbridge.admin.common import current, described
from leadbridge.admin.problems import refused
from leadbridge.admin.services import Services
from leadbridge.domain.action import Action
from leadbridge.domain.webhook_sheets import KEY_HEADER, Encoding

ActionId = Annotated[models.Id, Path()]


def add_routes(app: APIGatewayRestResolver, services: Services) -> None:
    """Add the routes."""

    @app.get("/actions/<action_id>/webhook", **described("What to paste into Marketo", tag="Actions"))
    def get_webhook(action_id: ActionId, encoding: Annotated[Encoding, Query()] = "json") -> models.Webhook:
        """The tokens of the columns that the Action reads and no others, by the `encoding` of the call."""
        action = current(services.configurations, "action", action_id).document
        if not isinstance(action, Action):
            remedy = f"leadbridge webhook-sheet {action_id} tells how."
            raise refused(
                409, "called_otherwise", "Other systems call this Action, no webhook of Marketo.", remedy=remedy
            )
        made = services.webhook.sheet(action, encoding)
        if isinstance(made, list):
            raise refused(409, "configuration", " ".join(made))
        return models.Webhook(
            action=action_id,
            name=made.name,
            url=made.url,
            method=made.method,
            template=made.template,
            encoding=made.encoding,
            response_type=made.response_type,
            headers=[models.Header(name=name, value=value) for name, value in made.headers.items()],
            key_header=KEY_HEADER,
            mappings=[models.ResponseMapping(attribute=name, field=field) for name, field in made.mappings],
            notes=list(made.notes),
        )

    @app.get("/actions/<action_id>/key", **described("The key of an Action's webhook", tag="Actions"))
    def get_key(action_id: ActionId) -> models.WebhookKey:
        """It opens the Action to everybody who has it."""
        current(services.configurations, "action", action_id)
        return models.WebhookKey(action=action_id, header=KEY_HEADER, key=services.webhook.key(action_id))
