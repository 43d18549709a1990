"""Routes of CRM cycles: list them, look at their runs, start and hold them; documents are those of all kinds."""

from dataclasses import asdict
from typing import Annotated

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from leadbridge.admin import cycle_models, models, sync_models
from leadbridge.admin.common import current, described, summary_of
from leadbridge.admin.problems import missing, refused
from leadbridge.admin.services import Services
from leadbridge.domain.action import as_document
from leadbridge.domain.carried import Asked
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_matrix import KindPairs, matrix
from leadbridge.domain.cycle_price import CyclePrice
from leadbridge.domain.cycle_progress import members, part_members, progress_members, standing_members
from leadbridge.domain.ids import is_id
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.sync_plan import Cost
from leadbridge.usecases.attribution_told import verdict_members
from leadbridge.usecases.cycle_rows_told import counts_members, due_members, row_members, story_members
from leadbridge.usecases.start_sync import Started

CycleId = Annotated[models.Id, Path()]
#: a time as 20260302T120000Z
Slot = Annotated[str, Path(pattern="^[A-Za-z0-9-]{1,40}$")]
Place = Annotated[str | None, Query(pattern="^[0-9]{1,7}$")]
#: whether programs are part of it
Demanded = Annotated[bool | None, Query()]
Outcome = Annotated[str | None, Query(pattern="^[a-z_]{1,20}$")]
#: of either system
RecordId = Annotated[str, Path(pattern="^([A-Za-z0-9]{15}|[A-Za-z0-9]{18}|[0-9]{1,12})$")]
OpportunityId = Annotated[str | None, Query(pattern="^[A-Za-z0-9]{18}$")]
_ASKED = {"pause": Asked.PAUSE, "resume": Asked.NOTHING, "cancel": Asked.CANCEL, "confirm": Asked.CONFIRM}
_TAG = "CRM cycles"


def add_routes(app: APIGatewayRestResolver, services: Services) -> None:
    """Add the routes."""
    results, configurations = services.cycle_results, services.configurations

    @app.get("/cycles", **described("The CRM cycles", tag=_TAG))
    def list_cycles() -> cycle_models.Cycles:
        """By id, with how each stands between its runs."""
        return cycle_models.Cycles(cycles=[_summary(services, each) for each in configurations.list("crm_cycle")])

    @app.get("/cycles/<cycle_id>", **described("How a CRM cycle stands", tag=_TAG))
    def get_cycle(cycle_id: CycleId) -> cycle_models.SavedCycle:
        """With the watermark of each of its queues, its kinds of records with their fields, and its document."""
        stored = current(configurations, "crm_cycle", cycle_id)
        cycle = _cycle_of(stored)
        return cycle_models.SavedCycle(
            **_summary(services, stored).model_dump(),
            kinds=[_kind(each) for each in matrix(cycle)],
            document=as_document(cycle),
        )

    @app.get("/cycles/<cycle_id>/executions", **described("The runs of a CRM cycle", tag=_TAG))
    def list_cycle_runs(cycle_id: CycleId) -> cycle_models.CycleRuns:
        """The newest 50."""
        found = results.runs(cycle_id)
        if not found:
            # a removed one keeps its runs
            current(configurations, "crm_cycle", cycle_id)
        return cycle_models.CycleRuns(runs=[cycle_models.CycleRun.model_validate(members(run)) for run in found])

    @app.get("/cycles/<cycle_id>/executions/<slot>", **described("A run of a CRM cycle", tag=_TAG))
    def get_cycle_run(cycle_id: CycleId, slot: Slot) -> cycle_models.CycleRunParts:
        """With how far it is, and the counts of each queue and leg as they are now."""
        _known(services, cycle_id, slot)
        parts = results.parts(cycle_id, slot)
        inner = {
            what: [part_members(name, run) for name, run in those]
            for what, those in (("queues", parts.queues), ("legs", parts.legs))
        }
        counts = counts_members(services.cycle_rows.counts(cycle_id, slot))
        far = progress_members(parts.progress(services.clock.now()))
        return cycle_models.CycleRunParts.model_validate(members(parts.run) | far | inner | counts)

    @app.get("/cycles/<cycle_id>/price", **described("What the first run of a CRM cycle takes", tag=_TAG))
    def get_cycle_price(cycle_id: CycleId, programs: Demanded = None) -> cycle_models.CyclePrice:
        """By kind of records, against what is left today. Samples both systems, at most eight calls for each queue.

        `programs`: of a run that is asked for these, too.
        """
        current(configurations, "crm_cycle", cycle_id)
        return _price(cycle_id, services.price_cycle(cycle_id, programs=bool(programs)))

    _add_rows(app, services)
    _add_attribution(app, services)
    _add_plans(app, services)
    _add_orders(app, services)


def _add_rows(app: APIGatewayRestResolver, services: Services) -> None:
    rows, configurations = services.cycle_rows, services.configurations

    @app.get("/cycles/<cycle_id>/executions/<slot>/rows", **described("What became of a run's records", tag=_TAG))
    def list_cycle_rows(
        cycle_id: CycleId,
        slot: Slot,
        outcome: Outcome = None,
        kind: cycle_models.RowKind | None = None,
        token: Place = None,
    ) -> cycle_models.CycleRows:
        """Each with its ids in both systems, outcome, reason and sentence; the vendors' texts may hold values."""
        _known(services, cycle_id, slot)
        page = rows.page(cycle_id, slot, outcome or "", kind or "", int(token or 0))
        return cycle_models.CycleRows(
            rows=[cycle_models.CycleRow.model_validate(row_members(row)) for row in page.rows],
            next_token=str(page.following) if page.following else None,
        )

    @app.get("/cycles/<cycle_id>/records/<record_id>", **described("What became of a record", tag=_TAG))
    def get_cycle_record(cycle_id: CycleId, record_id: RecordId) -> cycle_models.CycleRecord:
        """By its Salesforce id, or a person's id in Marketo: links, whether it is due, its rows of the newest runs."""
        current(configurations, "crm_cycle", cycle_id)
        if not is_id(record_id) and not record_id.isdigit():
            raise missing(f"record {record_id}", "Give a Salesforce id, or Marketo's id of a person.")
        return cycle_models.CycleRecord.model_validate(story_members(rows.record(cycle_id, record_id)))

    @app.get("/cycles/<cycle_id>/due", **described("The records that are looked at again", tag=_TAG))
    def list_due(cycle_id: CycleId) -> cycle_models.DueRecords:
        """Why, when, and how often they were tried."""
        current(configurations, "crm_cycle", cycle_id)
        records = [cycle_models.DueRecord.model_validate(due_members(each)) for each in rows.due(cycle_id)]
        return cycle_models.DueRecords(records=records)


def _add_attribution(app: APIGatewayRestResolver, services: Services) -> None:
    @app.get("/cycles/<cycle_id>/attribution", **described("Which programs lose credit for opportunities", tag=_TAG))
    def list_attribution(cycle_id: CycleId, token: OpportunityId = None) -> cycle_models.Attribution:
        """Ten opportunities of the newest runs, with what is missing. Asks Marketo once for each person."""
        current(services.configurations, "crm_cycle", cycle_id)
        page = services.attribution(cycle_id, token or "")
        told = [verdict_members(each, page.programs) for each in page.verdicts]
        return cycle_models.Attribution(
            opportunities=[cycle_models.OpportunityCredit.model_validate(each) for each in told],
            next_token=page.following or None,
            whole=page.whole,
        )


def _add_plans(app: APIGatewayRestResolver, services: Services) -> None:
    @app.post("/cycles/<cycle_id>/plans", **described("Plan what a run of a CRM cycle would do", tag=_TAG))
    def plan_cycle(cycle_id: CycleId, programs: Demanded = None) -> cycle_models.CycleRun:
        """A run that reads and decides, and writes nothing; the cycle need not be active. Nothing runs beside it.

        Programs are part of it only with `programs`.
        """
        current(services.configurations, "crm_cycle", cycle_id)
        demanded = ["programs"] if programs else []
        return _begun(services, cycle_id, services.start_cycle.plan(cycle_id, demanded=demanded))

    @app.get("/cycles/<cycle_id>/plans/<slot>", **described("What a plan of a CRM cycle would do", tag=_TAG))
    def list_planned_changes(cycle_id: CycleId, slot: Slot, token: Place = None) -> cycle_models.PlannedChanges:
        """Record by record, each field in each system before and after. The answer holds people's values."""
        run = services.cycle_results.known(cycle_id, slot)
        if run is None or not run.planning:
            raise missing(f"plan {slot} of the cycle {cycle_id}", f"POST /cycles/{cycle_id}/plans makes one.")
        page = services.cycle_planned.page(cycle_id, slot, int(token or 0))
        return cycle_models.PlannedChanges(
            changes=[cycle_models.PlannedChange.model_validate(asdict(row)) for row in page.rows],
            next_token=str(page.following) if page.following else None,
        )


def _add_orders(app: APIGatewayRestResolver, services: Services) -> None:
    @app.post("/cycles/<cycle_id>/executions", **described("Run a CRM cycle now", tag=_TAG))
    def run_cycle(cycle_id: CycleId, given: cycle_models.RunCycle) -> cycle_models.CycleRun:
        """One that is active; while a run is at work nothing is started. The first run reads everything."""
        current(services.configurations, "crm_cycle", cycle_id)
        demanded = ["programs"] if given.programs else []
        started = services.start_cycle.now(cycle_id, from_now=given.from_now, demanded=demanded)
        return _begun(services, cycle_id, started)

    @app.post("/cycles/<cycle_id>/executions/<slot>/ask", **described("Pause, resume or end a run", tag=_TAG))
    def ask_cycle(cycle_id: CycleId, slot: Slot, given: cycle_models.AskCycleRun) -> cycle_models.CycleRun:
        """Heard within a minute, by what it has started as well; to confirm lets a run go on that its guard holds.

        A run that waits at a guard which is not among those `seen` answers 409, and nothing is confirmed.
        """
        _known(services, cycle_id, slot)
        services.start_cycle.ask(cycle_id, slot, _ASKED[given.what], given.seen)
        return _known(services, cycle_id, slot)


def _summary(services: Services, stored: Stored) -> cycle_models.CycleSummary:
    cycle = _cycle_of(stored)
    standing = standing_members(cycle, services.cycle_results.standing(cycle.id), services.clock.now())
    return cycle_models.CycleSummary(
        **summary_of(stored),
        marketo=cycle.marketo,
        salesforce=cycle.salesforce,
        mode=cycle.mode,
        gap_minutes=cycle.gap_minutes,
        standing=cycle_models.CycleStanding.model_validate(standing),
    )


def _cycle_of(stored: Stored) -> CrmCycle:
    if not isinstance(stored.document, CrmCycle):
        raise TypeError(stored.document.kind)  # of one kind there is one model
    return stored.document


def _kind(found: KindPairs) -> cycle_models.CycleKind:
    return cycle_models.CycleKind.model_validate(
        {
            "name": found.name,
            "standing": found.standing,
            "direction": found.way.value,
            "queues": list(found.queues),
            "pairs": [
                {
                    "object": name,
                    "marketo": pair.marketo,
                    "salesforce": pair.salesforce,
                    "direction": pair.direction.value,
                    "conflict": pair.conflict.value if pair.conflict else None,
                    "enabled": pair.enabled,
                }
                for name, pair in found.pairs
            ],
        }
    )


def _price(cycle: str, found: CyclePrice) -> cycle_models.CyclePrice:
    kinds = [
        cycle_models.CycleKindPrice(
            kind=kind.kind,
            read=[
                cycle_models.CycleReading(
                    queue=read.name, rows=read.rows, exact=read.exact, way=read.way, basis=read.basis
                )
                for read in kind.readings
            ],
            **{vendor: _spent(cost) for vendor, cost in kind.cost.items()},
        )
        for kind in found.kinds
    ]
    vendors = {
        vendor: cycle_models.CycleVendorPrice(total=_spent(cost), calls_left=found.left[vendor].calls)
        for vendor, cost in found.total.items()
    }
    return cycle_models.CyclePrice(id=cycle, kinds=kinds, **vendors, days=found.days, warnings=list(found.warnings))


def _spent(cost: Cost) -> sync_models.SyncCost:
    return sync_models.SyncCost.model_validate(asdict(cost))


def _begun(services: Services, cycle: str, told: Started) -> cycle_models.CycleRun:
    if not told.started:
        remedy = f"GET /cycles/{cycle}/executions shows what runs."
        raise refused(409, "not_started", f"The cycle {cycle} was not started: {told.because}.", remedy=remedy)
    return _known(services, cycle, told.slot)


def _known(services: Services, cycle: str, slot: str) -> cycle_models.CycleRun:
    found = services.cycle_results.known(cycle, slot)
    if found is None:
        raise missing(f"run {slot} of the cycle {cycle}", f"GET /cycles/{cycle}/executions lists what there is.")
    return cycle_models.CycleRun.model_validate(members(found))
