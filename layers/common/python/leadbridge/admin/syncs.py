"""Routes of Syncs: list, read, store and remove them; View Query and Preview."""

from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from leadbridge.admin import models, sync_models
from leadbridge.admin.common import current, described, summary_of
from leadbridge.admin.documents import saved, store
from leadbridge.admin.problems import refused, with_findings
from leadbridge.admin.services import Services
from leadbridge.domain.action import as_document
from leadbridge.domain.lifecycle import DocumentState, Stored
from leadbridge.domain.schedule import next_slot, told
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_plan import Cost
from leadbridge.domain.sync_progress import members
from leadbridge.usecases.apply_configuration import Given
from leadbridge.usecases.preview_sync import Preview
from leadbridge.usecases.view_sync import Viewed

SyncId = Annotated[models.Id, Path()]
AnyVersion = Annotated[models.Version | None, Query()]
PlanRows = Annotated[str | None, Query(pattern="^[1-9][0-9]{0,6}$")]
#: Syncs of one page of the list
PAGE = 50
_TAG = "Syncs"


def add_routes(app: APIGatewayRestResolver, services: Services) -> None:
    """Add the routes."""
    _add_documents(app, services)
    _add_looks(app, services)
    _add_prices(app, services)


def _add_documents(app: APIGatewayRestResolver, services: Services) -> None:
    configurations = services.configurations

    @app.get("/syncs", **described("The Syncs", tag=_TAG))
    def list_syncs(
        state: Annotated[DocumentState | None, Query()] = None,
        name: Annotated[models.Text | None, Query()] = None,
        token: Annotated[models.Id | None, Query()] = None,
    ) -> sync_models.Syncs:
        """By id, 50 a page; those in a state, or whose name or id holds a text in any case."""
        found = [
            each
            for each in configurations.list("sync")
            if (state is None or each.state is state)
            and (name is None or name.casefold() in f"{each.document.name}\n{each.document.id}".casefold())
            and (token is None or each.document.id > token)
        ]
        shown = found[:PAGE]
        return sync_models.Syncs(
            syncs=[_summary(services, each) for each in shown],
            next_token=shown[-1].document.id if len(found) > PAGE else None,
        )

    @app.get("/syncs/<sync_id>", **described("A Sync as it is saved", tag=_TAG))
    def get_sync(sync_id: SyncId, version: AnyVersion = None) -> sync_models.SavedSync:
        """Its members as JSON, its author's own words where there are any, and when it runs next."""
        stored = current(configurations, "sync", sync_id, version)
        next_run = _slot_after(current(configurations, "sync", sync_id), services.clock.now())
        return sync_models.SavedSync(
            **saved(stored).model_dump(), schedule=told(_sync(stored).schedule), next_run=next_run
        )

    @app.put("/syncs/<sync_id>", **described("Store a Sync", tag=_TAG))
    def put_sync(sync_id: SyncId, given: sync_models.PutSync) -> models.Applied:
        """Checked like `apply`: with findings nothing is stored, unless as a draft. A new Sync is not active."""
        document = {"kind": "sync", "id": sync_id} | given.document
        if (document["kind"], document["id"]) != ("sync", sync_id):
            pointer = "/document/kind" if document["kind"] != "sync" else "/document/id"
            raise refused(422, "invalid", "The document is not the Sync of the address.", pointer=pointer)
        return store(
            app, services, [document], draft=given.draft, note=given.note, expected=given.expected_version
        ).documents[0]

    @app.delete("/syncs/<sync_id>", **described("Remove a Sync", tag=_TAG))
    def delete_sync(sync_id: SyncId) -> models.Summary:
        """Its history and its runs stay. One that is active has to be deactivated first."""
        stored = current(configurations, "sync", sync_id)
        if stored.active:
            remedy = "Deactivate it, and let what runs come to its end."
            raise refused(409, "active", f"The Sync {sync_id} is active.", remedy=remedy)
        # first: a Sync that has forgotten how far it came and is there all the same reads everything, and loses nothing
        services.start_sync.forget(sync_id)
        configurations.remove("sync", sync_id)
        return models.Summary(**summary_of(stored))


def _add_looks(app: APIGatewayRestResolver, services: Services) -> None:
    configurations = services.configurations

    @app.get("/syncs/<sync_id>/query", **described("The query of a Sync's source", tag=_TAG))
    def view_query(sync_id: SyncId, version: AnyVersion = None) -> sync_models.SyncQuery:
        """What a run that began now would ask: the first request as the vendor receives it, byte for byte.

        Each clause of the conditions says whether the source is asked it, or why we are.
        """
        current(configurations, "sync", sync_id, version)
        return _query(sync_id, services.view_sync(sync_id, version))

    @app.post("/syncs/<sync_id>/preview", **described("What a run would do", tag=_TAG))
    def preview(sync_id: SyncId, given: sync_models.Preview) -> sync_models.SyncPreview:
        """Counts the rows and shows what would become of the first ones, in at most 15 vendor calls; writes nothing.

        With a `document` it is an edit that is previewed, or a new Sync, before it is stored. The answer holds
        people's values.
        """
        if given.document:
            raw = {"kind": "sync", "id": sync_id} | given.document
        else:
            raw = as_document(current(configurations, "sync", sync_id).document)
        plan = services.apply.plan([Given(raw=raw)], thorough=True)
        edited = next((each.document for each in plan.documents if isinstance(each.document, Sync)), None)
        if edited is None or edited.id != sync_id or plan.findings:
            raise with_findings(plan.findings) if plan.findings else _another()
        found = services.preview_sync(sync_id, document=edited if given.document else None)
        return _preview(sync_id, found)


def _add_prices(app: APIGatewayRestResolver, services: Services) -> None:
    @app.get("/syncs/<sync_id>/price", **described("What a Sync takes", tag=_TAG))
    def price(sync_id: SyncId) -> sync_models.SyncPrice:
        """Calls, megabytes, job places, minutes and dollars of the next run and of a day; at most 50 vendor calls."""
        current(services.configurations, "sync", sync_id)
        found = services.price_sync(sync_id)
        vendors = {
            vendor: sync_models.VendorPrice(
                run=_spent(found.run[vendor]), day=_spent(found.day[vendor]), calls_left=found.left[vendor].calls
            )
            for vendor in found.run
        }
        return sync_models.SyncPrice(
            id=sync_id,
            rows=found.rows,
            exact=found.exact,
            basis=found.basis,
            runs=found.runs,
            **vendors,
            run_dollars=found.run_dollars,
            day_dollars=found.day_dollars,
            minutes_apart=found.minutes_apart,
            warnings=list(found.warnings),
        )

    @app.get("/syncs/<sync_id>/plan-price", **described("What a plan takes", tag=_TAG))
    def plan_price(sync_id: SyncId, rows: PlanRows = None) -> sync_models.PlanPrice:
        """Of so many rows, of all of them if nothing is said; a plan only reads."""
        current(services.configurations, "sync", sync_id)
        found = services.price_sync.plan(sync_id, int(rows or 0))
        return sync_models.PlanPrice(**{vendor: _spent(cost) for vendor, cost in found.items()})


def _another() -> Exception:
    return refused(422, "invalid", "The document is not the Sync of the address.", pointer="/document/id")


def _sync(stored: Stored) -> Sync:
    if not isinstance(stored.document, Sync):
        raise TypeError(stored.document.kind)  # of one kind there is one model
    return stored.document


def _slot_after(stored: Stored, now: datetime) -> datetime | None:
    slot = next_slot(_sync(stored), now) if stored.active and not stored.keeps else None
    return slot.at if slot else None


def _summary(services: Services, stored: Stored) -> sync_models.SyncSummary:
    sync, now = _sync(stored), services.clock.now()
    runs = services.sync_results.runs(sync.id, 1)
    ends = {
        name: sync_models.SyncEnd(connection=end.connection, object=end.object)
        for name, end in (("source", sync.source), ("destination", sync.destination))
    }
    return sync_models.SyncSummary(
        **summary_of(stored),
        **ends,
        schedule=told(sync.schedule),
        next_run=_slot_after(stored, now),
        last_run=sync_models.SyncRun.model_validate(members(runs[0], now)) if runs else None,
    )


def _query(sync_id: str, viewed: Viewed) -> sync_models.SyncQuery:
    query = viewed.query
    return sync_models.SyncQuery(
        id=sync_id,
        version=viewed.version,
        vendor=query.vendor,
        object=query.object,
        way=viewed.choice.way,
        why=viewed.choice.why,
        request=viewed.request,
        cursor=query.cursor,
        soql=query.soql or None,
        columns=list(query.columns),
        clauses=[
            sync_models.QueryClause(path=each.path, words=each.words, at_source=each.at_source, why=each.why)
            for each in query.clauses
        ],
        since=viewed.window.since,
        until=viewed.window.until,
    )


def _cost(cost: Cost | None) -> sync_models.SyncCost | None:
    return None if cost is None else _spent(cost)


def _spent(cost: Cost) -> sync_models.SyncCost:
    return sync_models.SyncCost(
        calls=cost.calls, megabytes=cost.megabytes, job_slots=cost.job_slots, minutes=cost.minutes
    )


def _preview(sync_id: str, found: Preview) -> sync_models.SyncPreview:
    mappings: list[dict[str, Any]] = as_document(found.viewed.sync)["mappings"]
    return sync_models.SyncPreview(
        id=sync_id,
        version=found.viewed.version,
        total=sync_models.SyncTotal(
            rows=found.total.rows,
            exact=found.total.exact,
            basis=found.total.basis,
            exact_cost=_cost(found.total.exact_cost),
        ),
        rows=[
            sync_models.PreviewRow(
                position=row.position,
                columns=dict(row.columns),
                outcome=row.outcome,
                record_id=row.record_id,
                reason=row.reason,
                message=row.message,
                fields=[
                    sync_models.PreviewField(name=each.name, before=each.before, after=each.after)
                    for each in row.fields
                ],
            )
            for row in found.rows
        ],
        mappings=mappings,
        query=_query(sync_id, found.viewed),
        load=found.load.way,
        load_why=found.load.why,
        calls=found.calls,
        budget=found.budget,
    )
