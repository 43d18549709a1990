"""The Marketo twin as the core sees it: gateway checks, token, limits, and the control plane's objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from simulator.callers.campaigns import LIMITS as CALLER_LIMITS
from simulator.callers.campaigns import Callers
from simulator.callers.flow_step import CALLBACK_PATH
from simulator.control import Call, ControlError, ControlPlane, Limit, Record
from simulator.marketo.exceptions import MarketoError
from simulator.marketo.inventing import invent
from simulator.marketo.loading import Loader
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.usage import RATE_WINDOW_SECONDS
from simulator.marketo.permissions import PERMISSIONS, allowed
from simulator.marketo.responses.envelope import Answer, failure
from simulator.marketo.urls import IDENTITY_PATH, make_routes
from simulator.serving import read_json

# codes that the vendor marks as not counted against the quota
UNCOUNTED_CODES = {"601", "602", "604", "605", "608", "611"}

LIMITS: dict[str, Limit] = {
    "daily_calls": 50_000,
    "calls_per_20s": 100,
    "concurrent": 10,
    "body_bytes": 1_000_000,
    "uri_bytes": 8_192,
    "token_seconds": 3_600,
    # real seconds that every call takes, so that parallel calls overlap
    "latency_seconds": 0.05,
    # real seconds between the lookup and the commit of a sync: the width of the duplicate race
    "race_window_seconds": 0.01,
    # log entries that one page of activities looks at; 0 fills every page, a number makes empty ones
    "activity_scan": 0,
    # share of the pages of activities that are cut short by chance, maybe to nothing, although more follow
    "activity_short_pages": 0,
    # whether activities still carry the integer id beside the marketoGUID
    "activity_ids": True,
    # whether activities vanish after 14 days, 90 days or 25 months, as their kind has it
    "retention": True,
    # bulk extract: jobs that run, jobs in the queue with those, seconds to wait and to run, bytes a day
    "export_running": 2,
    "export_queue": 10,
    "export_wait_seconds": 0,
    "export_run_seconds": 30,
    "export_bytes_per_day": 500_000_000,
    # bulk import: the same, and the size that a request stays below
    "import_running": 2,
    "import_queue": 10,
    "import_wait_seconds": 0,
    "import_run_seconds": 10,
    "import_bytes": 10_000_000,
    # seconds between two refreshes of an extract job's status
    "job_refresh_seconds": 60,
    # filters by updatedAt and smart list, which not every subscription has (1035 without)
    "export_optional_filters": True,
    # completed jobs whose file is not there
    "export_file_lost": False,
    # jobs that end neither way, that fail, or that somebody cancels; and how the status spells it
    "jobs_stuck": False,
    "jobs_fail": False,
    "jobs_cancelled": False,
    "jobs_cancelled_with_two_l": True,
    # whether a lead can only be created in a named partition (1009 without one)
    "partition_required": False,
    # whether the API answers at all (608), the instance behind it (614), and this address may call (603)
    "api_available": True,
    "subscription_reachable": True,
    "address_allowed": True,
    # native CRM sync: companies, opportunities, roles and sales persons are closed to writes (1018)
    "native_crm": False,
    # entitlements: custom objects at all (1026 without), and the API for their schema (616 without)
    "custom_objects": True,
    "custom_object_schema": True,
    # bulk extract as a feature of the subscription (703 without)
    "bulk_extract": True,
    # whether the losers of a merge also show among the deleted leads (the vendor does not say)
    "merge_losers_deleted": False,
    # whether the log names an opportunity by its own id, as Adobe's guide has it, or by its name
    "opportunity_ids_logged": False,
    **CALLER_LIMITS,
}


class MarketoVendor:
    """One Marketo instance behind the `Vendor` protocol of the core."""

    name = "marketo"
    default_limits = LIMITS

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self._instance = Instance(control)
        self._loader = Loader(self._instance)
        self._callers = Callers(control, self._instance)
        self.routes: list[Route] = make_routes(self._instance) + self._callers.routes()
        self._denied: set[str] = set()
        self.control_routes: list[Route] = [
            *self._callers.control_routes(),
            Route("/_sim/permissions", self._read_permissions, methods=["GET"]),
            Route("/_sim/permissions", self._set_permissions, methods=["POST"]),
        ]

    async def _read_permissions(self, _request: Request) -> Response:
        granted = [name for name in PERMISSIONS if name not in self._denied]
        return JSONResponse({"granted": granted, "denied": sorted(self._denied)})

    async def _set_permissions(self, request: Request) -> Response:
        document = await read_json(request)
        denied = document.get("denied") if isinstance(document, dict) else None
        if not isinstance(denied, list) or not set(denied) <= set(PERMISSIONS):
            raise ControlError(f'permissions are {{"denied": [names]}}, of {", ".join(PERMISSIONS)}')
        self._denied = set(denied)
        return await self._read_permissions(request)

    def credentials(self) -> Record:
        """Give the product's custom service, and a second one for traffic of other integrations."""
        ours, other = self._instance.identity.services
        return {
            "client_id": ours.client_id,
            "client_secret": ours.client_secret,
            "munchkin_id": self._instance.munchkin_id,
            "other_client_id": other.client_id,
            "other_client_secret": other.client_secret,
        }

    def reset(self) -> None:
        """Forget records and tokens; the role has every permission again."""
        self._denied = set()
        self._instance.reset()
        self._callers.forget()

    def load(self, object_name: str, records: list[Record]) -> list[Any]:
        """Insert records and give their ids."""
        return self._loader.load(object_name, records)

    def invent(self, object_name: str, count: int, seed: int) -> Iterator[Record]:
        """Make up records."""
        return invent(object_name, count, seed, self._control.clock.now())

    def counts(self) -> Mapping[str, int]:
        """Give the number of records of every object."""
        self._instance.exports.settle()
        self._instance.imports.settle()
        return self._loader.counts()

    def records(self, object_name: str) -> list[Record]:
        """Give every record of an object."""
        self._instance.exports.settle()
        self._instance.imports.settle()
        return self._loader.records(object_name)

    def vendor_error(self, call: Call, code: str, message: str) -> Response:
        """Give a response-level error."""
        return failure(call, code, message)

    def unrouted(self, call: Call, status: int) -> Response:
        """Answer 610 for an unknown path and 605 for a wrong method, both as HTTP 200."""
        if status == 405:
            return failure(call, "605", f"HTTP Method {call.method} is not supported")
        return failure(call, "610", "Requested resource not found")

    def arrived(self, call: Call) -> None:
        """Undo the POST of a long GET or DELETE: `_method` in query or form, parameters in the form."""
        if call.path in {IDENTITY_PATH, CALLBACK_PATH}:
            call.counted = False
        content_type = call.headers.get("content-type", "")
        form = content_type.startswith("application/x-www-form-urlencoded")
        # a body beyond the limit is refused unread
        if form and len(call.body) <= self._control.limit("body_bytes"):
            call.query += parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True)
        if call.method != "POST":
            return
        override = next((value.upper() for name, value in call.query if name == "_method"), None)
        if override in {"GET", "DELETE"}:
            call.method = override
            if override == "GET":
                call.query = [(name, value) for name, value in call.query if name != "_method"]

    def before(self, call: Call) -> Response | None:
        """Refuse what the gateway refuses: sizes, tokens, and the instance's limits."""
        self._instance.exports.settle()
        self._instance.imports.settle()
        if call.target_bytes > self._control.limit("uri_bytes"):
            self._control.violation("414")
            return PlainTextResponse("Request-URI Too Long", status_code=414)
        bulk = call.path.startswith("/bulk/v1/") and call.headers.get("content-type", "").startswith("multipart/")
        # nothing is said about the size of a callback
        upload = bulk or call.path == CALLBACK_PATH
        if len(call.body) > self._control.limit("import_bytes" if upload else "body_bytes"):
            self._control.violation("413")
            return PlainTextResponse("Request Entity Too Large", status_code=413)
        if call.path in {IDENTITY_PATH, CALLBACK_PATH}:
            return None
        if any(name == "access_token" for name, _ in call.query):
            return self._refuse(call, "603", "Access denied: a token is accepted in the header only")
        try:
            now = self._control.clock.timestamp()
            service = self._instance.identity.service_of(call.headers.get("authorization"), now)
        except MarketoError as error:
            return self._refuse(call, error.code, error.message)
        call.client = service.user
        refusal = self._check_access(call)
        return self._refuse(call, *refusal) if refusal else self._check_limits(call)

    def _check_access(self, call: Call) -> tuple[str, str] | None:
        if not self._control.switch("api_available"):
            return "608", "API temporarily unavailable"
        if not self._control.switch("subscription_reachable"):
            return "614", "Unable to reach the subscription"
        ours = self._instance.identity.services[0].user
        denied = self._denied if call.client == ours else set()
        if not self._control.switch("address_allowed") or not allowed(call.method, call.path, denied):
            return "603", "Access denied"
        return None

    def after(self, call: Call, response: Response) -> None:
        """Count errors by code, and take back the calls that do not count."""
        code = response.code if isinstance(response, Answer) else None
        if code is None or not call.counted:
            return
        self._instance.usage.day(call.at).errors[code] += 1
        if code in UNCOUNTED_CODES:
            self._instance.usage.take_back(call.at, call.client)

    def _check_limits(self, call: Call) -> Response | None:
        usage, control = self._instance.usage, self._control
        daily, rate = int(control.limit("daily_calls")), int(control.limit("calls_per_20s"))
        concurrent = int(control.limit("concurrent"))
        broken: tuple[str, str] | None = None
        if usage.day(call.at).total >= daily:
            broken = ("607", f"Daily API Request Limit '{daily}' reached")
        elif usage.calls_in_window(call.at) >= rate:
            broken = ("606", f"Max rate limit '{rate}' exceeded with in '{RATE_WINDOW_SECONDS}' secs")
        elif control.in_flight > concurrent:
            broken = ("615", f"Concurrent access limit '{concurrent}' reached")
        if broken is None:
            usage.accept(call.at, call.client)
            return None
        control.violation(broken[0])
        return self._refuse(call, *broken)

    def _refuse(self, call: Call, code: str, message: str) -> Response:
        self._instance.usage.day(call.at).errors[code] += 1
        return failure(call, code, message)
