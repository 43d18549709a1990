"""Routes that forget a person, and tell who was forgotten."""

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

from leadbridge.admin import models
from leadbridge.admin.common import described
from leadbridge.admin.services import Services


def add_routes(app: APIGatewayRestResolver, services: Services) -> None:
    """Add the routes."""

    @app.post("/people/forget", **described("Find what is kept of a person, and remove it", tag="People"))
    def forget_person(given: models.ForgetPerson) -> models.ErasureReceipt:
        """With `remove` what was found is gone; asking once more finds nothing, or what was at work.

        Nothing is deleted in Marketo and Salesforce: do that first.
        """
        by = str(app.context["principal"])
        return models.ErasureReceipt.model_validate(services.erasing(given.email, given.ids, by, remove=given.remove))

    @app.get("/people/forgotten", **described("Who was forgotten, when and by whom", tag="People"))
    def list_forgotten() -> models.ForgottenPeople:
        """The newest first; whom it was is a keyed hash."""
        return models.ForgottenPeople(
            forgotten=[
                models.ForgottenPerson(
                    at=each.at, who=each.who, by=each.by, found=dict(each.found), finished=each.finished
                )
                for each in services.erasing.log()
            ]
        )
