"""Routes of connections: which there are, how they are set up, their credentials, and a look through them."""

from typing import Annotated

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from leadbridge.admin import models
from leadbridge.admin.common import current, described
from leadbridge.admin.documents import store
from leadbridge.admin.problems import missing, refused, with_findings
from leadbridge.admin.services import Services
from leadbridge.domain.action import as_document
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.preflight import Level
from leadbridge.usecases.connection_secrets import wanted
from leadbridge.usecases.list_connections import KINDS, ConnectionSummary

ConnectionId = Annotated[models.Id, Path()]


def add_routes(app: APIGatewayRestResolver, services: Services) -> None:
    """Add the routes."""
    _add_looks(app, services)
    _add_changes(app, services)


def _add_looks(app: APIGatewayRestResolver, services: Services) -> None:
    @app.get("/connections", **described("The connections", tag="Connections"))
    def list_connections(usable: Annotated[bool, Query()] = False) -> models.Connections:  # noqa: FBT002  # a query parameter
        """All of them, or only those that an Action may name: enabled, and with their secret."""
        found = services.connections(usable=usable)
        return models.Connections(connections=[as_connection(each) for each in found])

    @app.get("/connections/<connection_id>", **described("A connection as it is saved", tag="Connections"))
    def get_connection(connection_id: ConnectionId) -> models.ConnectionDetail:
        """Its document, and what it logs in with, but no credentials."""
        summary, stored = _known(services, connection_id)
        return models.ConnectionDetail(
            **as_connection(summary).model_dump(),
            document=as_document(stored.document),
            author=stored.change.author or None,
            at=stored.change.at,
            limits=services.check_connection.policy(stored).told(),
            credentials=list(wanted(stored)),
        )

    @app.get("/connections/<connection_id>/setup", **described("What to create at the vendor", tag="Connections"))
    def get_setup(connection_id: ConnectionId) -> models.SetupSteps:
        """The steps of `leadbridge setup`, of which no API can take any."""
        _, stored = _known(services, connection_id)
        return models.SetupSteps(id=connection_id, steps=services.setup(stored))

    @app.post("/connections/<connection_id>/test", **described("Look through a connection", tag="Connections"))
    def test_connection(connection_id: ConnectionId) -> models.LookedThrough:
        """About twenty calls that write nothing; one finding for each thing that was looked at."""
        _, stored = _known(services, connection_id)
        found = list(services.check_connection(stored))
        return models.LookedThrough(
            id=connection_id,
            version=stored.version,
            well=all(each.level is not Level.ERROR for each in found),
            findings=[models.LookedAt(level=each.level, what=each.what, remedy=each.remedy) for each in found],
        )


def _add_changes(app: APIGatewayRestResolver, services: Services) -> None:
    @app.put("/connections/<connection_id>", **described("Store a connection", tag="Connections"))
    def put_connection(connection_id: ConnectionId, given: models.PutConnection) -> models.Applied:
        """Checked like `apply`: with findings nothing is stored. A new one is enabled and lacks its credentials."""
        document = {"id": connection_id} | given.document
        if document["id"] != connection_id or document.get("kind") not in KINDS:
            pointer = "/document/id" if document["id"] != connection_id else "/document/kind"
            raise refused(422, "invalid", "The document is not the connection of the address.", pointer=pointer)
        applied = store(app, services, [document], note=given.note, expected=given.expected_version)
        return applied.documents[0]

    @app.delete("/connections/<connection_id>", **described("Remove a connection", tag="Connections"))
    def delete_connection(connection_id: ConnectionId) -> models.Connection:
        """With its credentials; its history stays. One that an Action, Sync or CRM cycle uses stays, too."""
        summary, stored = _known(services, connection_id)
        services.connection_secrets.remove(stored, [*summary.actions, *summary.syncs, *summary.cycles])
        return as_connection(summary)

    @app.put("/connections/<connection_id>/secret", **described("Store credentials", tag="Connections"))
    def put_secret(connection_id: ConnectionId, given: models.PutSecret) -> models.SecretKept:
        """Those that its log-in takes, all of them; no answer holds them, and none says how they were."""
        _, stored = _known(services, connection_id)
        found = services.connection_secrets.store(stored, given.model_dump(exclude_none=True))
        if found:
            raise with_findings(found)
        return models.SecretKept(id=connection_id)


def _known(services: Services, connection: str) -> tuple[ConnectionSummary, Stored]:
    summary = summary_of_connection(services, connection)
    return summary, current(services.configurations, f"{summary.kind}_connection", connection)


def summary_of_connection(services: Services, connection: str) -> ConnectionSummary:
    """A connection as it stands.

    Raises:
        RefusedError: There is none.
    """
    for each in services.connections():
        if each.id == connection:
            return each
    raise missing(f"connection {connection}", "List the connections, and correct the id.")


def as_connection(summary: ConnectionSummary) -> models.Connection:
    """A connection as it stands."""
    return models.Connection(
        kind=summary.kind,
        id=summary.id,
        name=summary.name,
        url=summary.url,
        enabled=summary.enabled,
        paused=summary.paused,
        usable=summary.usable,
        version=summary.version,
        secret=summary.secret,
        actions=summary.actions,
        syncs=summary.syncs,
        cycles=summary.cycles,
    )
