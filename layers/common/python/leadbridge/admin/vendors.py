"""Routes of what connections offer: objects and fields, activity types, lists, campaigns, programs."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from leadbridge.admin import models
from leadbridge.admin.common import described
from leadbridge.admin.connections import ConnectionId, summary_of_connection
from leadbridge.admin.problems import missing
from leadbridge.admin.services import Services
from leadbridge.domain.clauses import operators_for
from leadbridge.domain.marketo import ActivityType
from leadbridge.domain.sync_objects import AS_DESTINATION
from leadbridge.usecases.catalogue import OFFERED, Catalogued, CatalogueObject, Choice

ObjectName = Annotated[str, Path(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,254}$")]
Refresh = Annotated[bool, Query()]
#: for which end of a Sync objects are listed; without one for those of an Action
Role = Annotated[Literal["sync_source", "sync_destination"] | None, Query()]


def add_routes(app: APIGatewayRestResolver, services: Services) -> None:
    """Add the routes."""

    @app.get("/connections/<connection_id>/objects", **described("What a connection offers", tag="Connections"))
    def list_objects(connection_id: ConnectionId, refresh: Refresh = False, role: Role = None) -> models.Objects:  # noqa: FBT002  # a query parameter
        """Marketo: the tables that an Action may read. Salesforce: the objects in which our user may create or update.

        With a `role` those that a Sync can read or write. Up to 15 minutes old; `refresh` asks the vendor now.
        """
        ask = _listing(services, role)
        found = ask(_vendor(services, connection_id), connection_id, refresh=refresh)
        return models.Objects(
            read_at=found.read_at,
            objects=[
                models.Object(
                    name=each.name,
                    label=each.label,
                    custom=each.custom,
                    createable=each.createable,
                    updateable=each.updateable,
                )
                for each in found.found
            ],
        )

    @app.get(
        "/connections/<connection_id>/objects/<object_name>/fields",
        **described("The fields of an object", tag="Connections"),
    )
    def list_fields(
        connection_id: ConnectionId,
        object_name: ObjectName,
        refresh: Refresh = False,  # noqa: FBT002  # a query parameter
        role: Role = None,
    ) -> models.Fields:
        """As the vendor describes them to our user; with a `role` of what a Sync can read or write.

        Up to 15 minutes old; `refresh` asks the vendor now.
        """
        vendor = _vendor(services, connection_id)
        ask = _listing(services, role)
        offered = {each.name for each in ask(vendor, connection_id, refresh=refresh).found}
        if object_name not in offered:
            raise missing(f"object {object_name} at {connection_id} that can be named", "List the objects, choose one.")
        # members of a list or program have other fields where they are written
        into = vendor == "marketo" and role == "sync_destination"
        # conditions are about columns of a source: an Action's is Marketo's, a Sync's either
        asked = vendor == "marketo" or role == "sync_source"
        name = AS_DESTINATION.get(object_name, object_name) if into else object_name
        found = services.catalogue.fields(vendor, connection_id, name, refresh=refresh, of_sync=bool(role))
        return models.Fields(
            read_at=found.read_at,
            object=object_name,
            fields=[
                models.FieldInfo(
                    name=each.name,
                    label=each.label,
                    type=each.type,
                    length=each.length,
                    createable=each.createable,
                    updateable=each.updateable,
                    required_on_create=each.required_on_create,
                    unique=each.unique,
                    external_id=each.external_id,
                    picklist=list(each.picklist),
                    operators=list(operators_for(each.type)) if asked else [],
                )
                for each in found.found
            ],
        )

    @app.get(
        "/connections/<connection_id>/activity-types",
        **described("The custom activity types of a Marketo connection", tag="Connections"),
    )
    def list_activity_types(connection_id: ConnectionId, refresh: Refresh = False) -> models.ActivityTypes:  # noqa: FBT002  # a query parameter
        """Those that are approved, so that results can be logged as them.

        Up to 15 minutes old; `refresh` asks the vendor now.
        """
        _check_marketo(services, connection_id)
        found = services.catalogue.activity_types(connection_id, refresh=refresh)
        return models.ActivityTypes(
            read_at=found.read_at,
            activity_types=[
                models.ActivityTypeInfo(api_name=str(each.api_name), name=each.name, description=each.description)
                for each in found.found
            ],
        )

    _add_of_marketo(app, services)


def _add_of_marketo(app: APIGatewayRestResolver, services: Services) -> None:
    @app.get(
        "/connections/<connection_id>/logged-types",
        **described("The activity types of Marketo's log", tag="Connections"),
    )
    def list_logged_types(connection_id: ConnectionId, refresh: Refresh = False) -> models.LoggedTypes:  # noqa: FBT002  # a query parameter
        """All of them with their attributes, which an Action may read as columns.

        Up to 15 minutes old; `refresh` asks the vendor now.
        """
        _check_marketo(services, connection_id)
        found = services.catalogue.logged_types(connection_id, refresh=refresh)
        return models.LoggedTypes(read_at=found.read_at, logged_types=[_logged(each) for each in found.found])

    @app.get("/connections/<connection_id>/programs", **described("The programs of Marketo", tag="Connections"))
    def list_programs(connection_id: ConnectionId, refresh: Refresh = False) -> models.Programs:  # noqa: FBT002  # a query parameter
        """The first 300, each with the statuses of its channel; any other is named in the Action by its id or name.

        Up to 15 minutes old; `refresh` asks the vendor now.
        """
        _check_marketo(services, connection_id)
        found = services.catalogue.programs(connection_id, refresh=refresh)
        return models.Programs(
            read_at=found.read_at,
            programs=[
                models.ProgramInfo(id=each.id, name=each.name, statuses=list(each.statuses)) for each in found.found
            ],
            more=found.more,
            note=_note(found, "programs"),
        )

    @app.get("/connections/<connection_id>/lists", **described("The static lists of Marketo", tag="Connections"))
    def list_lists(connection_id: ConnectionId, refresh: Refresh = False) -> models.Choices:  # noqa: FBT002  # a query parameter
        """The first 300; any other is named in the Action by its id or name.

        Up to 15 minutes old; `refresh` asks the vendor now.
        """
        _check_marketo(services, connection_id)
        return _choices(services.catalogue.lists(connection_id, refresh=refresh), "lists")

    @app.get(
        "/connections/<connection_id>/campaigns",
        **described("The campaigns of Marketo that can be requested", tag="Connections"),
    )
    def list_campaigns(connection_id: ConnectionId, refresh: Refresh = False) -> models.Choices:  # noqa: FBT002  # a query parameter
        """The first 300 that are active and have the trigger Campaign is Requested.

        Up to 15 minutes old; `refresh` asks the vendor now.
        """
        _check_marketo(services, connection_id)
        return _choices(services.catalogue.campaigns(connection_id, refresh=refresh), "campaigns")


def _listing(services: Services, role: str | None) -> Callable[..., Catalogued[CatalogueObject]]:
    """How objects are listed for an end."""
    catalogue = services.catalogue
    return {"sync_source": catalogue.sources, "sync_destination": catalogue.destinations}.get(
        role or "", catalogue.objects
    )


def _choices(found: Catalogued[Choice], what: str) -> models.Choices:
    choices = [models.ChoiceInfo(id=each.id, name=each.name) for each in found.found]
    return models.Choices(read_at=found.read_at, choices=choices, more=found.more, note=_note(found, what))


def _note(found: Catalogued[Any], what: str) -> str:
    if not found.more:
        return ""
    return f"Marketo has more {what} than the {OFFERED} shown. Name one that is missing by its id."


def _logged(each: ActivityType) -> models.LoggedType:
    primary = each.primary_attribute
    return models.LoggedType(
        name=each.name,
        api_name=each.api_name,
        attributes=[
            models.LoggedAttribute(name=one.name, api_name=one.api_name)
            for one in ([primary] if primary else []) + list(each.attributes)
        ],
    )


def _check_marketo(services: Services, connection: str) -> None:
    if _vendor(services, connection) != "marketo":
        raise missing(f"Marketo connection {connection}", "List the connections, and choose one of Marketo.")


def _vendor(services: Services, connection: str) -> str:
    return summary_of_connection(services, connection).kind
