"""Routes of documents: Actions, their pages, states and versions; validate, plan, apply; try."""

import json
from datetime import timedelta
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from leadbridge.admin import models
from leadbridge.admin.common import as_summary, current, described, summary_of
from leadbridge.admin.problems import overtaken, refused, with_findings
from leadbridge.admin.services import Services
from leadbridge.domain import webhook
from leadbridge.domain.action import Action, as_document
from leadbridge.domain.connector import ACTIONS
from leadbridge.domain.kinds import KINDS
from leadbridge.domain.lifecycle import Move, Stored
from leadbridge.domain.outcome import message
from leadbridge.domain.pages import pages
from leadbridge.usecases.apply_configuration import Given, Plan
from leadbridge.usecases.check_cycle import move_cycle
from leadbridge.usecases.document_history import compare, history

#: kinds of documents whose activity moves an entry of the scheduler
SCHEDULED = frozenset({"sync", "crm_cycle"})
Kind = Annotated[str, Path(pattern=f"^({'|'.join(KINDS)})$")]
DocumentId = Annotated[models.Id, Path()]
AnyVersion = Annotated[models.Version | None, Query()]
#: versions of one page of a history
VERSIONS = 50


def add_routes(app: APIGatewayRestResolver, services: Services) -> None:
    """Add the routes."""
    _add_actions(app, services)
    _add_lives(app, services)
    _add_pause(app, services)
    _add_documents(app, services)
    _add_versions(app, services)
    _add_try(app, services)


def _add_actions(app: APIGatewayRestResolver, services: Services) -> None:
    configurations = services.configurations

    @app.get("/actions", **described("The Actions", tag="Actions"))
    def list_actions() -> models.Actions:
        """With what became of their calls of the last hour: about right, but no ledger."""
        lately = services.outcomes(timedelta(hours=1))
        return models.Actions(
            actions=[
                models.ActionSummary(
                    **summary_of(each),
                    last_hour=[
                        models.OutcomeCount(kind=kind, number=number)
                        for kind, number in lately.get(each.document.id, {}).items()
                    ],
                )
                for each in configurations.list("action")
            ]
        )

    @app.get("/actions/<action_id>", **described("An Action as it is saved", tag="Actions"))
    def get_action(action_id: DocumentId, version: AnyVersion = None) -> models.Saved:
        """Its members as JSON, and its author's own words where there are any."""
        return saved(current(configurations, "action", action_id, version))

    @app.put("/actions/<action_id>", **described("Store an Action", tag="Actions"))
    def put_action(action_id: DocumentId, given: models.PutAction) -> models.Applied:
        """Checked like `apply`: with findings nothing is stored, unless as a draft. A new Action is not active."""
        document = {"kind": "action", "id": action_id} | given.document
        if (document["kind"], document["id"]) != ("action", action_id):
            pointer = "/document/kind" if document["kind"] != "action" else "/document/id"
            raise refused(422, "invalid", "The document is not the Action of the address.", pointer=pointer)
        return store(
            app, services, [document], draft=given.draft, note=given.note, expected=given.expected_version
        ).documents[0]

    @app.delete("/actions/<action_id>", **described("Remove an Action", tag="Actions"))
    def delete_action(action_id: DocumentId) -> models.Summary:
        """Its history stays. One that is active has to be deactivated first; what waits for it is parked."""
        stored = current(configurations, "action", action_id)
        if stored.active:
            remedy = "Deactivate it, and let what waits run out."
            raise refused(409, "active", f"The Action {action_id} is active.", remedy=remedy)
        configurations.remove("action", action_id)
        return as_summary(stored)

    @app.get("/actions/<action_id>/view", **described("An Action on its five pages", tag="Actions"))
    def view_action(action_id: DocumentId, version: AnyVersion = None) -> models.View:
        """Every member as it is saved, active or not."""
        stored = current(configurations, "action", action_id, version)
        found = pages(stored.document) if isinstance(stored.document, ACTIONS) else []
        return models.View(
            id=action_id,
            version=stored.version,
            state=stored.state,
            pages=[models.Page(page=each.number, title=each.title, members=dict(each.members)) for each in found],
        )


def _add_lives(app: APIGatewayRestResolver, services: Services) -> None:
    configurations = services.configurations

    @app.post("/documents/<kind>/<document_id>/state", **described("Take a document a step on", tag="Documents"))
    def change_state(kind: Kind, document_id: DocumentId, step: models.StateChange) -> models.Standing:
        """Activate lets an Action run, or a connection be used; deactivate stops it.

        Try runs it for the people of its `trial`, pause keeps what comes, resume goes on as before the pause.
        """
        current(configurations, kind, document_id)
        move = Move(step.move)
        cycle = kind == "crm_cycle"
        state = move_cycle(configurations, document_id, move) if cycle else configurations.move(kind, document_id, move)
        if kind in SCHEDULED:
            services.keep_schedule(kind, document_id)
        return models.Standing(kind=kind, id=document_id, state=state)


def _add_pause(app: APIGatewayRestResolver, services: Services) -> None:
    configurations = services.configurations

    @app.get("/pause", **described("Whether all Actions are paused together", tag="Actions"))
    def get_pause() -> models.Pause:
        """Beside it each Action and each connection can be paused by itself, see its state."""
        return models.Pause(paused=configurations.paused())

    @app.put("/pause", **described("Pause all Actions together, or end that", tag="Actions"))
    def put_pause(given: models.PutPause) -> models.Pause:
        """Calls are accepted and kept; the Actions' own states stay. What was kept runs afterwards, oldest first."""
        configurations.pause(paused=given.paused)
        return models.Pause(paused=given.paused)


def _add_documents(app: APIGatewayRestResolver, services: Services) -> None:
    @app.post("/documents/validate", **described("Everything that is wrong with documents", tag="Documents"))
    def validate(given: models.ValidateDocuments) -> models.Findings:
        """Checks shape and names against both vendors; all findings at once, each with pointer and remedy."""
        plan = services.apply.plan([Given(raw=each) for each in given.documents], thorough=True)
        return models.Findings(findings=_findings(plan))

    @app.post("/documents/plan", **described("What applying documents would do", tag="Documents"))
    def plan(given: models.PlanDocuments) -> models.Plan:
        """Stores nothing; `apply` with the same documents does just that."""
        planned = services.apply.plan([Given(raw=each) for each in given.documents], draft=given.draft)
        return _plan(planned)

    @app.post("/documents/apply", **described("Store documents: all or none", tag="Documents"))
    def apply(given: models.ApplyDocuments) -> models.AppliedDocuments:
        """The same checks and the same plan as `plan`, carried out."""
        return store(app, services, given.documents, draft=given.draft, note=given.note)


def _add_versions(app: APIGatewayRestResolver, services: Services) -> None:
    configurations = services.configurations

    @app.get("/documents/<kind>/<document_id>/history", **described("The versions of a document", tag="Documents"))
    def list_versions(
        kind: Kind,
        document_id: DocumentId,
        token: Annotated[models.Token | None, Query()] = None,
    ) -> models.History:
        """The newest first, each with author, time, note and what it changed; those of a removed document, too."""
        versions = history(configurations, kind, document_id)
        if not versions:
            current(configurations, kind, document_id)
        start = _place(token, len(versions))
        shown = versions[start : start + VERSIONS]
        return models.History(
            kind=kind,
            id=document_id,
            versions=[
                models.VersionInfo(
                    version=each.stored.version,
                    author=each.stored.change.author or None,
                    at=each.stored.change.at,
                    note=each.stored.change.note or None,
                    differences=[models.Difference(**one.as_json()) for one in each.differences],
                )
                for each in shown
            ],
            next_token=str(shown[-1].stored.version) if start + VERSIONS < len(versions) else None,
        )

    @app.get("/documents/<kind>/<document_id>/diff", **described("Two versions of a document", tag="Documents"))
    def diff(kind: Kind, document_id: DocumentId, older: AnyVersion = None, newer: AnyVersion = None) -> models.Diff:
        """Member by member; without their numbers the newest version and the one before it."""
        found = compare(configurations, kind, document_id, older, newer)
        return models.Diff(
            kind=kind,
            id=document_id,
            older=found.older,
            newer=found.newer,
            differences=[models.Difference(**each.as_json()) for each in found.differences],
            only_text=found.only_text,
        )

    @app.post("/documents/<kind>/<document_id>/rollback", **described("Make an older version current", tag="Documents"))
    def rollback(kind: Kind, document_id: DocumentId, given: models.Rollback) -> models.Applied:
        """A new version that is equal to the older one, after the same checks as `apply`."""
        planned = services.apply.plan_rollback(kind, document_id, given.version)
        note = f"Rollback to version {given.version}" + (f": {given.note}" if given.note else "")
        return _carried_out(app, services, planned, note=note).documents[0]


def _add_try(app: APIGatewayRestResolver, services: Services) -> None:
    @app.post("/actions/<action_id>/try", **described("What an Action would do with a person", tag="Actions"))
    def try_action(action_id: DocumentId, given: models.Try) -> models.Tried:
        """Reads from both vendors and writes nothing. The answer holds the person's values."""
        if (given.lead_id is None) == (given.payload is None):
            raise refused(422, "invalid", "A try needs one person.", remedy="Give either lead_id or payload.")
        stored = current(services.configurations, "action", action_id, given.version)
        if given.lead_id is not None:
            trial = services.trying.with_lead(action_id, given.lead_id, given.version)
        else:
            payload = _payload(given.payload, lead_optional=not isinstance(stored.document, Action))
            trial = services.trying.with_payload(action_id, payload, given.version)
        return models.Tried.model_validate(trial.as_json())


def _payload(given: Any, *, lead_optional: bool) -> dict[str, Any]:
    try:
        return webhook.parse(json.dumps(given).encode(), webhook.Encoding.JSON, lead_optional=lead_optional)
    except webhook.UnusableBodyError as fault:
        raise refused(422, fault.reason, message(fault.reason, **fault.facts), pointer="/payload") from None


def _place(token: str | None, versions: int) -> int:
    """Where a page of versions begins; its token is the version before it."""
    if token is None:
        return 0
    if not token.isascii() or not token.isdecimal() or not 1 <= int(token[:9]) <= versions:
        raise refused(422, "invalid", "The token is not one that this API gave.", pointer="/token")
    return versions - int(token[:9]) + 1


def saved(stored: Stored) -> models.Saved:
    """A document as it is saved."""
    return models.Saved(**summary_of(stored), document=as_document(stored.document), text=stored.change.text or None)


def store(
    app: APIGatewayRestResolver,
    services: Services,
    documents: list[dict[str, Any]],
    *,
    draft: bool = False,
    note: str,
    expected: int | None = None,
) -> models.AppliedDocuments:
    """Store documents after the checks of `apply`, in the name of who asks.

    `expected` is the version that they are to follow, so that nobody writes over what somebody else stored meanwhile.

    Raises:
        RefusedError: They have findings, or another version is current.
    """
    planned = services.apply.plan([Given(raw=each) for each in documents], draft=draft)
    for each in planned.documents if expected is not None else ():
        before = each.before
        if (before.version if before else 0) != expected:
            raise overtaken(each.name, before)
    return _carried_out(app, services, planned, note=note)


def _carried_out(
    app: APIGatewayRestResolver, services: Services, planned: Plan, *, note: str
) -> models.AppliedDocuments:
    if planned.refused:
        raise with_findings(planned.findings)
    applied = services.apply.apply(planned, author=app.context["principal"], at=services.clock.now(), note=note)
    for each in applied:
        # one that is not active has no schedule
        if each.changed and each.stored.active and each.stored.document.kind in SCHEDULED:
            services.keep_schedule(each.stored.document.kind, each.stored.document.id)
    return models.AppliedDocuments(
        documents=[
            models.Applied(
                kind=each.stored.document.kind,
                id=each.stored.document.id,
                version=each.stored.version,
                state=each.stored.state,
                changed=each.changed,
            )
            for each in applied
        ]
    )


def _findings(plan: Plan) -> list[models.Finding]:
    return [models.Finding(**each.as_json()) for each in plan.findings]


def _plan(plan: Plan) -> models.Plan:
    return models.Plan(
        refused=plan.refused,
        findings=_findings(plan),
        warnings=list(plan.warnings),
        documents=[
            models.Planned(
                kind=each.document.kind,
                id=each.document.id,
                effect=each.effect.value,
                sound=each.sound,
                version=each.before.version if each.before else None,
                differences=[models.Difference(**one.as_json()) for one in each.differences],
            )
            for each in plan.documents
        ],
    )
