"""Routes of the runs of Syncs: list them, look at one and at what failed in it, start, hold and repeat them."""

from dataclasses import asdict
from typing import Annotated

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from leadbridge.admin import sync_models
from leadbridge.admin.common import current, described
from leadbridge.admin.problems import missing, refused
from leadbridge.admin.services import Services
from leadbridge.admin.syncs import SyncId
from leadbridge.domain.carried import Asked
from leadbridge.domain.sync_progress import members
from leadbridge.domain.syncing import SyncRun as Run
from leadbridge.usecases.failed_rows import failed_lines
from leadbridge.usecases.start_sync import Started

#: a time as 20260302T120000Z, or the name of what runs once
Slot = Annotated[str, Path(pattern="^[A-Za-z0-9-]{1,40}$")]
Place = Annotated[str | None, Query(pattern="^[0-9]{1,7}$")]
_ASKED = {"pause": Asked.PAUSE, "resume": Asked.NOTHING, "cancel": Asked.CANCEL, "confirm": Asked.CONFIRM}
_TAG = "Syncs"


def add_routes(app: APIGatewayRestResolver, services: Services) -> None:
    """Add the routes."""
    _add_looks(app, services)
    _add_orders(app, services)
    _add_plans(app, services)


def _add_looks(app: APIGatewayRestResolver, services: Services) -> None:
    results = services.sync_results

    @app.get("/syncs/<sync_id>/executions", **described("The runs of a Sync", tag=_TAG))
    def list_runs(sync_id: SyncId) -> sync_models.SyncRuns:
        """The newest 50; the counts of one at work are those of this moment."""
        found = results.runs(sync_id)
        if not found:
            # a removed one keeps its runs
            current(services.configurations, "sync", sync_id)
        return sync_models.SyncRuns(runs=[_told(services, run) for run in found])

    @app.get("/syncs/<sync_id>/executions/<slot>", **described("A run of a Sync", tag=_TAG))
    def get_run(sync_id: SyncId, slot: Slot) -> sync_models.SyncRun:
        """How it stands, and what became of its rows so far."""
        return _told(services, _run(services, sync_id, slot))

    @app.get("/syncs/<sync_id>/executions/<slot>/failed", **described("The rows of a run that failed", tag=_TAG))
    def list_failed(sync_id: SyncId, slot: Slot, token: Place = None) -> sync_models.FailedRows:
        """With the ids of their source records, reasons and messages; the vendors' texts may hold people's values."""
        _run(services, sync_id, slot)
        page = results.failed_page(sync_id, slot, int(token or 0))
        return sync_models.FailedRows(
            rows=[sync_models.FailedRow(**asdict(row)) for row in page.rows],
            next_token=str(page.following) if page.following else None,
        )

    @app.get("/syncs/<sync_id>/executions/<slot>/failed.csv", **described("The same as a file", tag=_TAG))
    def download_failed(sync_id: SyncId, slot: Slot, token: Place = None) -> Response[str]:
        """CSV for a spreadsheet, no cell a formula. A page as above; where there is more, the header X-Next-Token."""
        _run(services, sync_id, slot)
        page = results.failed_page(sync_id, slot, int(token or 0))
        return Response(
            status_code=200,
            content_type="text/csv; charset=utf-8",
            headers={"X-Next-Token": str(page.following)} if page.following else {},
            body="".join(failed_lines(page.rows)),
        )

    @app.get("/syncs/<sync_id>/executions/<slot>/rows", **described("The rows of a run with an outcome", tag=_TAG))
    def list_rows(
        sync_id: SyncId, slot: Slot, outcome: sync_models.ListedOutcome, token: Place = None
    ) -> sync_models.ListedRows:
        """Rows that were skipped, are duplicates, or became calls of an Action, and why."""
        _run(services, sync_id, slot)
        page = results.rows_page(sync_id, slot, outcome, int(token or 0))
        return sync_models.ListedRows(
            rows=[sync_models.ListedRow(**asdict(row)) for row in page.rows],
            next_token=str(page.following) if page.following else None,
        )


def _add_orders(app: APIGatewayRestResolver, services: Services) -> None:
    start = services.start_sync

    @app.post("/syncs/<sync_id>/executions", **described("Run a Sync now", tag=_TAG))
    def run_now(sync_id: SyncId) -> sync_models.SyncRun:
        """One that is active; while a run is at work nothing is started."""
        current(services.configurations, "sync", sync_id)
        return _begun(services, sync_id, start.now(sync_id))

    @app.post("/syncs/<sync_id>/executions/<slot>/retry", **described("Try the rows that failed again", tag=_TAG))
    def retry(sync_id: SyncId, slot: Slot) -> sync_models.SyncRun:
        """A new run over those rows only, which are read again from the source by their ids."""
        _run(services, sync_id, slot)
        return _begun(services, sync_id, start.retry(sync_id, slot))

    @app.post("/syncs/<sync_id>/executions/<slot>/ask", **described("Pause, resume, cancel or confirm a run", tag=_TAG))
    def ask(sync_id: SyncId, slot: Slot, given: sync_models.AskRun) -> sync_models.SyncRun:
        """Heard within a minute; what is written stays written. To confirm lets a run go on that its guard parked."""
        _run(services, sync_id, slot)
        start.ask(sync_id, slot, _ASKED[given.what])
        return _told(services, _run(services, sync_id, slot))


def _add_plans(app: APIGatewayRestResolver, services: Services) -> None:
    start, results = services.start_sync, services.sync_results

    @app.post("/syncs/<sync_id>/plans", **described("Plan what a run would write", tag=_TAG))
    def make_plan(sync_id: SyncId, given: sync_models.MakePlan) -> sync_models.SyncRun:
        """A run that writes nothing, and stores each write field by field; the Sync need not be active."""
        current(services.configurations, "sync", sync_id)
        return _begun(services, sync_id, start.plan(sync_id, given.rows or 0))

    @app.get("/syncs/<sync_id>/plans/<slot>", **described("What a plan would write", tag=_TAG))
    def list_planned(sync_id: SyncId, slot: Slot, token: Place = None) -> sync_models.PlanRows:
        """Every row with its outcome, and each field before and after. The answer holds people's values."""
        _plan(services, sync_id, slot)
        page = results.planned_page(sync_id, slot, int(token or 0))
        return sync_models.PlanRows(
            rows=[sync_models.PlanRow.model_validate(asdict(row)) for row in page.rows],
            not_planned=results.unplanned(sync_id, slot),
            next_token=str(page.following) if page.following else None,
        )

    @app.post("/syncs/<sync_id>/plans/<slot>/apply", **described("Make the writes of a plan", tag=_TAG))
    def apply_plan(sync_id: SyncId, slot: Slot) -> sync_models.SyncRun:
        """Exactly the fields listed; a record that has changed since is left as it is, and its row fails."""
        _plan(services, sync_id, slot)
        return _begun(services, sync_id, start.apply(sync_id, slot))


def _plan(services: Services, sync: str, slot: str) -> None:
    if not _run(services, sync, slot).planning:
        raise missing(f"plan {slot} of the Sync {sync}", f"GET /syncs/{sync}/executions lists what there is.")


def _run(services: Services, sync: str, slot: str) -> Run:
    found = services.sync_results.known(sync, slot)
    if found is None:
        raise missing(f"run {slot} of the Sync {sync}", f"GET /syncs/{sync}/executions lists what there is.")
    return found


def _begun(services: Services, sync: str, told: Started) -> sync_models.SyncRun:
    if not told.started:
        remedy = f"GET /syncs/{sync}/executions shows what runs."
        raise refused(409, "not_started", f"The Sync {sync} was not started: {told.because}.", remedy=remedy)
    return _told(services, _run(services, sync, told.slot))


def _told(services: Services, run: Run) -> sync_models.SyncRun:
    return sync_models.SyncRun.model_validate(members(run, services.clock.now()))
