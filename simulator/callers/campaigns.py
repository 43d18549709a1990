"""Smart campaigns that do something: their flows, their runs, and the control plane for both.

A campaign of the instance gets a flow of webhooks, flow-step services and changes of scores; it runs over people when
the control plane says so or, as a trigger campaign, when it is requested through the API. People go through in the
order given, and what happens to them is noted in that order, so that one seed and one clock give one log. What an
answer writes is not there yet for the next step.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from itertools import batched, count
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.callers import effects, tokens
from simulator.callers.flow_step import CALLBACK_PATH, FlowSteps, Invocation
from simulator.callers.service import Service
from simulator.callers.webhook import BATCH_CAMPAIGN, Outcome, Webhook, WebhookCaller
from simulator.control import ControlError, ControlPlane, Limit, Record
from simulator.marketo.models.campaigns import Campaign
from simulator.marketo.models.instance import Instance
from simulator.marketo.schema import CALL_WEBHOOK
from simulator.serving import read_json

LIMITS: dict[str, Limit] = {
    # calls of webhooks that are open at once, and real seconds until one is given up
    "webhook_connections": 20,
    "webhook_seconds": 30,
    # whether JSON token encoding leaves numbers and booleans without quotes
    "webhook_bare_numbers": False,
    # people in one invocation of a flow-step service, and real seconds until one is given up
    "flow_step_chunk": 500,
    "flow_step_seconds": 30,
}
_AHEAD = 1_000


@dataclass(frozen=True, slots=True)
class ServiceStep:
    """A flow step of an installed service with what the marketer filled in."""

    service: Service
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ScoreStep:
    """A flow step Change Score, which adds to a score."""

    field: str
    by: int


type Step = str | ServiceStep | ScoreStep
"""The name of a webhook, a service with its parameters, or a change of a score."""


@dataclass(slots=True)
class Run:
    """One run of a campaign over people."""

    id: str
    campaign: Campaign
    lead_ids: list[int]
    trigger: Mapping[str, str]
    my_tokens: Mapping[str, str]
    calls: list[Record] = field(default_factory=list)
    chunks: list[Record] = field(default_factory=list)
    finished: bool = False

    def document(self) -> Record:
        """Give the run as the control plane shows it."""
        return {
            "run": self.id,
            "campaign": self.campaign.id,
            "people": len(self.lead_ids),
            "calls": self.calls,
            "chunks": self.chunks,
            "finished": self.finished,
        }


class Callers:
    """Everything that the instance sends out by itself."""

    def __init__(self, control: ControlPlane, instance: Instance) -> None:
        self._control = control
        self._instance = instance
        self._webhook_caller = WebhookCaller(control)
        self._flow_steps = FlowSteps(control, instance)
        self._tasks: set[asyncio.Task[None]] = set()
        self.forget()
        instance.campaign_requested = self._requested

    def forget(self) -> None:
        """Drop definitions, flows and runs, as a reset does; runs under way end."""
        for task in self._tasks:
            task.cancel()
        self._webhooks: dict[str, Webhook] = {}
        self._flows: dict[int, list[Step]] = {}
        self._runs: list[Run] = []
        self._numbers = count(1)
        self._webhook_caller.peak = 0
        self._flow_steps.forget()

    def routes(self) -> list[Route]:
        """Give the vendor's own path: where flow-step services call back."""
        return [Route(CALLBACK_PATH, self._flow_steps.callback, methods=["POST"])]

    def control_routes(self) -> list[Route]:
        """Give the control-plane routes."""
        return [
            Route("/_sim/webhooks", self._read_webhooks, methods=["GET"]),
            Route("/_sim/webhooks", self._define_webhook, methods=["POST"]),
            Route("/_sim/services", self._read_services, methods=["GET"]),
            Route("/_sim/services", self._install_service, methods=["POST"]),
            Route("/_sim/services/poll", self._poll_services, methods=["POST"]),
            Route("/_sim/campaigns/flow", self._set_flow, methods=["POST"]),
            Route("/_sim/campaigns/run", self._run_now, methods=["POST"]),
            Route("/_sim/campaigns/runs", self._read_runs, methods=["GET"]),
        ]

    # definitions

    async def _read_webhooks(self, _: Request) -> Response:
        webhooks = [each.document() for each in self._webhooks.values()]
        return JSONResponse({"webhooks": webhooks, "peak_connections": self._webhook_caller.peak})

    async def _define_webhook(self, request: Request) -> Response:
        """Define a webhook, or change the one of that name."""
        document = await read_json(request)
        name = document.get("name") if isinstance(document, dict) else None
        known = self._webhooks.get(str(name))
        webhook_id = known.id if known else len(self._webhooks) + 1
        made = Webhook.parse(document, webhook_id, self._instance.leads.schema)
        self._webhooks[made.name] = made
        return JSONResponse(made.document())

    async def _read_services(self, _: Request) -> Response:
        return JSONResponse(self._flow_steps.document())

    async def _install_service(self, request: Request) -> Response:
        made = await self._flow_steps.install(await read_json(request), str(request.base_url))
        return JSONResponse(made.document())

    async def _poll_services(self, _: Request) -> Response:
        """Do the nightly job now."""
        for each in self._flow_steps.services.values():
            await self._flow_steps.poll(each)
        return JSONResponse(self._flow_steps.document())

    async def _set_flow(self, request: Request) -> Response:
        """Give a campaign its flow: `{"campaign": id or name, "steps": [...]}`.

        A step is `{"webhook"}`, `{"service", "parameters"}` or `{"score", "change"}`.
        """
        document = await _read_object(request)
        campaign, steps = self._campaign(document), document.get("steps")
        if not isinstance(steps, list) or not all(isinstance(each, dict) for each in steps):
            raise ControlError("steps are an array of {webhook}, {service, parameters} or {score, change}")
        self._flows[campaign.id] = [self._step(each) for each in steps]
        return JSONResponse({"campaign": campaign.id, "steps": len(steps)})

    def _step(self, document: Record) -> Step:
        if "webhook" in document:
            if document["webhook"] not in self._webhooks:
                raise ControlError(f"there is no webhook {document['webhook']!r}")
            return str(document["webhook"])
        if "score" in document:
            field = self._instance.leads.schema.rest.get(str(document["score"]))
            if field is None or field.data_type != "score" or not isinstance(document.get("change"), int):
                raise ControlError("score is a score field of people, and change a number")
            return ScoreStep(field.name, document["change"])
        service = self._flow_steps.services.get(str(document.get("service")))
        if service is None:
            raise ControlError(f"there is no service {document.get('service')!r}")
        parameters = document.get("parameters", {})
        self._flow_steps.check_parameters(service, parameters)
        return ServiceStep(service, parameters)

    def _campaign(self, document: Record) -> Campaign:
        wanted = document.get("campaign")
        for each in self._instance.campaigns.campaigns.values():
            if wanted in {each.id, each.name}:
                return each
        raise ControlError(f"there is no smart campaign {wanted!r}; load one")

    # runs

    async def _run_now(self, request: Request) -> Response:
        """Run a campaign over people: `{"campaign", "leads": [ids], "trigger"?: {...}, "tokens"?: {"x": ...}}`."""
        document = await _read_object(request)
        campaign, leads = self._campaign(document), document.get("leads")
        trigger, my_tokens = document.get("trigger", {}), document.get("tokens", {})
        if campaign.type == "trigger" and not campaign.active:
            raise ControlError(f"the trigger campaign {campaign.name} is not active")
        if not isinstance(leads, list) or not all(each in self._instance.leads for each in leads):
            raise ControlError("leads are an array of the ids of people")
        if not all(isinstance(each, dict) for each in (trigger, my_tokens)):
            raise ControlError("trigger and tokens are objects of names and values")
        run = self._new_run(campaign, leads, trigger, my_tokens)
        await self._start(run)
        return JSONResponse(run.document())

    async def _read_runs(self, _: Request) -> Response:
        """Wait until no run is under way, then show them all."""
        self._control.settle()
        if self._tasks:
            await asyncio.wait(self._tasks)
        return JSONResponse([each.document() for each in self._runs])

    def _requested(self, campaign: Campaign, lead_ids: list[int], overrides: list[Any]) -> None:
        """Run a campaign that was requested through the API; the answer to the request does not wait for it."""
        my_tokens = {str(each["name"])[len("{{my.") : -len("}}")]: each.get("value") for each in overrides}
        trigger = {"Name": campaign.name, "Trigger Name": "Campaign is Requested"}
        self._start(self._new_run(campaign, lead_ids, trigger, my_tokens))

    def _new_run(
        self, campaign: Campaign, lead_ids: list[int], trigger: Mapping[str, Any], my_tokens: Mapping[str, Any]
    ) -> Run:
        run = Run(f"{campaign.id}-{next(self._numbers)}", campaign, lead_ids, trigger, my_tokens)
        self._runs.append(run)
        return run

    def _start(self, run: Run) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._go(run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _go(self, run: Run) -> None:
        steps = self._flows.get(run.campaign.id, [])
        late: list[tuple[Webhook, Outcome]] = []
        for number, step in enumerate(steps, start=1):
            if isinstance(step, ServiceStep):
                run.chunks += await self._invoke(run, step, number)
                continue
            if isinstance(step, ScoreStep):
                self._change_scores(run, step)
                continue
            webhook = self._webhooks[step]
            async for outcome in self._call_all(run, webhook):
                self._note(run, webhook, outcome)
                # with more steps to come, what is written has to wait for them
                if len(steps) == 1:
                    self._write(run, webhook, outcome)
                else:
                    late.append((webhook, outcome))
        for webhook, outcome in late:
            self._write(run, webhook, outcome)
        run.finished = True

    async def _invoke(self, run: Run, step: ServiceStep, number: int) -> list[Record]:
        return await self._flow_steps.invoke(
            step.service,
            Invocation(
                run=run.id,
                campaign=run.campaign,
                step=number,
                lead_ids=[each for each in run.lead_ids if each in self._instance.leads],
                parameters=step.parameters,
                trigger=run.trigger,
                values_of=Scope(self._instance, run).values,
            ),
        )

    async def _call_all(self, run: Run, webhook: Webhook) -> AsyncIterator[Outcome]:
        """Call a webhook for everyone of a run; the outcomes come in the order of the people."""
        scope, names = Scope(self._instance, run), webhook.token_names(self._instance.leads.schema)
        connections = int(self._control.limit("webhook_connections"))
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)

        async def call(lead_id: int) -> Outcome:
            if run.campaign.type == "batch":
                return Outcome(lead_id=lead_id, error=BATCH_CAMPAIGN)
            return await self._webhook_caller.call(client, webhook, lead_id, scope.values(lead_id, names))

        # no time limit here: the caller keeps the time
        async with httpx.AsyncClient(timeout=None, trust_env=False, limits=limits) as client:  # noqa: S113 - as above
            for lead_ids in batched(run.lead_ids, _AHEAD, strict=False):
                for made in [asyncio.ensure_future(call(each)) for each in lead_ids]:
                    yield await made

    def _change_scores(self, run: Run, step: ScoreStep) -> None:
        campaign = run.campaign
        for lead_id in run.lead_ids:
            if lead_id in self._instance.leads:
                effects.change_score(
                    self._instance, lead_id, step.field, step.by, reason=campaign.name, campaign_id=campaign.id
                )

    def _note(self, run: Run, webhook: Webhook, outcome: Outcome) -> None:
        run.calls.append({"webhook": webhook.name} | outcome.document())
        attributes = [
            {"name": "Error Type", "value": outcome.error or None},
            {"name": "Response", "value": outcome.response or None},
        ]
        primary = (webhook.id, webhook.name)
        effects.log(self._instance, CALL_WEBHOOK, outcome.lead_id, primary, attributes, campaign_id=run.campaign.id)

    def _write(self, run: Run, webhook: Webhook, outcome: Outcome) -> None:
        if outcome.values and outcome.lead_id in self._instance.leads:
            reason = f"Webhook {webhook.name}"
            values = dict(outcome.values)
            effects.write_lead(
                self._instance, outcome.lead_id, values, source="Webhook", reason=reason, campaign_id=run.campaign.id
            )


class Scope:
    """The tokens of the people of one run, as they are when they are asked for."""

    def __init__(self, instance: Instance, run: Run) -> None:
        self._instance = instance
        self._run = run
        self._fields = tokens.field_tokens(instance.leads.schema.rest.values())

    def values(self, lead_id: int, names: set[str]) -> tokens.Values:
        """Give the values of tokens for one person."""
        run, leads = self._run, self._instance.leads
        wanted = {name: self._fields[name] for name in names if name in self._fields}
        # who was deleted meanwhile has no values
        stored = leads.read(lead_id, sorted(set(wanted.values()))) if lead_id in leads else {}
        now = self._instance.control.clock.now()
        values: Record = {name: stored.get(rest) for name, rest in wanted.items()}
        values |= {
            "campaign.id": run.campaign.id,
            "campaign.name": run.campaign.name,
            "system.date": f"{now:%Y-%m-%d}",
            "system.time": f"{now:%I:%M %p}",
            "system.datetime": f"{now:%Y-%m-%d %I:%M %p}",
        }
        values |= {f"trigger.{name}".lower(): value for name, value in run.trigger.items()}
        if run.campaign.program_id is not None:
            values |= self._of_program(run.campaign.program_id, lead_id)
        return values | {f"my.{name}".lower(): value for name, value in run.my_tokens.items()}

    def _of_program(self, program_id: int, lead_id: int) -> Record:
        program = self._instance.memberships.program_of(program_id)
        own = self._instance.campaigns.tokens.get((program_id, "Program"), {})
        member = program.members.get(lead_id)
        return (
            {"program.id": program.id, "program.name": program.name}
            | {f"my.{name}".lower(): each["value"] for name, each in own.items()}
            | ({f"member.{name}".lower(): each for name, each in member.values().items()} if member else {})
        )


async def _read_object(request: Request) -> Record:
    document = await read_json(request)
    if not isinstance(document, dict):
        raise ControlError("the body is a JSON object")
    return document
