"""Routes of executions: find them, look at one, run what can be run again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import AwareDatetime

from leadbridge.admin import models
from leadbridge.admin.common import described
from leadbridge.admin.problems import missing, refused
from leadbridge.admin.services import Services
from leadbridge.domain.event import instant
from leadbridge.domain.narration import Line, narrated
from leadbridge.domain.outcome import Outcome, State
from leadbridge.usecases.record_links import links_of
from leadbridge.usecases.search_executions import Wanted

NOT_ATTEMPTED = {"status": "not_attempted"}
#: what a search asks for, beside its page
WANTED = tuple(models.Wanted.model_fields)


def add_routes(app: APIGatewayRestResolver, services: Services) -> None:
    """Add the routes."""

    @app.get("/executions", **described("Executions", tag="Executions"))
    def list_executions(  # noqa: PLR0917  # query parameters
        lead_id: Annotated[models.LeadId | None, Query()] = None,
        salesforce_id: Annotated[models.Text | None, Query()] = None,
        action_id: Annotated[models.Id | None, Query()] = None,
        reason: Annotated[models.Text | None, Query()] = None,
        state: Annotated[State | None, Query()] = None,
        outcome: Annotated[Outcome | None, Query()] = None,
        since: Annotated[AwareDatetime | None, Query()] = None,
        until: Annotated[AwareDatetime | None, Query()] = None,
        order: Annotated[models.Order, Query()] = "oldest",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        token: Annotated[models.Token | None, Query()] = None,
    ) -> models.Executions:
        """Those of the last day, if nothing else is asked for; of `order=newest` the newest come first.

        A page may hold fewer than there are as long as it has a token, which goes on in the same order.
        """
        wanted = Wanted(
            lead_id=lead_id,
            salesforce_id=salesforce_id,
            action_id=action_id,
            reason=reason,
            state=state,
            outcome=outcome,
            since=since,
            until=until,
        )
        return _page(services, wanted, limit, token, order)

    @app.post("/executions/search", **described("Executions, by e-mail address too", tag="Executions"))
    def search_executions(given: models.Search) -> models.Executions:
        """As the list, but in a body, which stands in no log: what happened to this person?"""
        return _page(services, _wanted(given), given.limit, given.token, given.order)

    @app.get("/executions/<execution_id>", **described("One execution", tag="Executions"))
    def get_execution(
        execution_id: Annotated[models.ExecutionId, Path()],
        zone: Annotated[models.Text, Query()] = "UTC",
    ) -> models.ExecutionDetail:
        """Everything that is kept of it, and in plain words why, with times of an IANA `zone`; no values."""
        moment = _moment_in(zone)
        item = services.search.get(execution_id)
        if item is None:
            raise missing("execution with this id", "List the executions, and correct the id.")
        return models.ExecutionDetail(
            **_told(item),
            links=[models.RecordLink(**asdict(each)) for each in links_of(item, services.configurations)],
            explanation=list(_sentences(narrated(item, moment=moment, remedies=services.remedies))),
            attempts=item.get("attempts"),
            header_names=item.get("header_names") or [],
            decision=item.get("decision"),
        )

    @app.post("/executions/redrive", **described("Run calls again", tag="Executions"))
    def redrive(given: models.RedriveRequest) -> models.RedriveAnswer:
        """Of what is parked, was rejected or did not run: first how many and at what cost, then for good."""
        original = given.configuration == "original"
        if given.execution_ids is not None:
            _refuse_both(given)
            done = services.redrive.named(given.execution_ids, dry_run=given.dry_run, original=original)
        else:
            done = services.redrive.found(_wanted(given), dry_run=given.dry_run, original=original, token=given.token)
        return models.RedriveAnswer(
            dry_run=given.dry_run,
            count=sum(done.by_action.values()),
            by_action=dict(done.by_action),
            cost=models.Cost(marketo=done.cost.marketo, salesforce=done.cost.salesforce),
            results=[
                models.Redriven(execution_id=each.execution_id, runs=each.runs, note=each.note) for each in done.results
            ],
            next_token=done.token,
        )


def _moment_in(zone: str) -> Callable[[str], str]:
    """Renders instants of a time zone, with the offset.

    Raises:
        RefusedError: Nobody knows the zone.
    """
    try:
        known = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        # a name that is a path or a folder is another error than one that is none
        raise refused(422, "invalid", f"There is no time zone {zone}.", pointer="/zone") from error
    return lambda stored: instant(stored).astimezone(known).isoformat(sep=" ", timespec="seconds")


def _sentences(lines: Sequence[Line], depth: int = 0) -> Iterator[models.Told]:
    for line in lines:
        yield models.Told(text=line.text, depth=depth)
        yield from _sentences(line.below, depth + 1)


def _refuse_both(given: models.RedriveRequest) -> None:
    if any(getattr(given, name) is not None for name in (*WANTED, "token")):
        message = "Executions are named by id, or searched for; not both."
        raise refused(422, "invalid", message, pointer="/execution_ids", remedy="Leave the one or the other out.")


def _wanted(given: models.Wanted) -> Wanted:
    return Wanted(**{name: getattr(given, name) for name in WANTED})


def _page(services: Services, wanted: Wanted, limit: int, token: str | None, order: models.Order) -> models.Executions:
    page = services.search(wanted, limit=limit, token=token, newest=order == "newest")
    return models.Executions(executions=[models.Execution(**_told(each)) for each in page.items], next_token=page.token)


def _told(item: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an `Execution`."""
    plain = ("version", "executed_at", "ended_at", "due_at", "salesforce_id", "outcome", "reason", "message")
    return {
        "execution_id": item["execution_id"],
        "action_id": item["action_id"],
        "action_name": item.get("action_name"),
        "received_at": item["received_at"],
        "state": item["state"],
        "lead_id": int(item["lead_id"]) if item.get("lead_id") else None,
        "campaign_name": item.get("campaign_name"),
        "writeback": item.get("writeback") or NOT_ATTEMPTED,
        "member": item.get("member"),
        "activity": item.get("activity") or NOT_ATTEMPTED,
    } | {name: item.get(name) or None for name in plain}
