"""The Salesforce twin as the server takes it: state, limits, refusals before routing, control plane."""

import gzip
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from simulator.control import Call, ControlError, ControlPlane, Limit, Record, RecordError
from simulator.salesforce.bulk_ingest import Ingest
from simulator.salesforce.bulk_query import BulkQuery
from simulator.salesforce.composite import Composite
from simulator.salesforce.exceptions import ApiError, RowError
from simulator.salesforce.ids import IdSequence
from simulator.salesforce.lifecycle import Lifecycle
from simulator.salesforce.models import Org, Stamp
from simulator.salesforce.oauth import LOGIN_AUDIENCE, Login
from simulator.salesforce.outbound import Outbound
from simulator.salesforce.reading import OLDEST_SUPPORTED_VERSION, version_of
from simulator.salesforce.replication import Replication
from simulator.salesforce.responses import Responses, api_error_response
from simulator.salesforce.schema import SOBJECTS, SObject
from simulator.salesforce.urls import INTROSPECT_PATH, LOGIN_PATH, REVOKE_PATH, VERSIONS_PATH, routes
from simulator.salesforce.usage import Usage
from simulator.salesforce.writing import Writer
from simulator.serving import read_json

_OPEN_PATHS = frozenset({LOGIN_PATH, INTROSPECT_PATH, REVOKE_PATH, VERSIONS_PATH, VERSIONS_PATH + "/"})
# shorter answers would not gain by it
_GZIP_FROM_BYTES = 1_024
# HTTP statuses that go with codes when a fault rule names only the code
_STATUS_OF_CODE = {
    "INVALID_SESSION_ID": 401,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "API_DISABLED_FOR_ORG": 403,
    "API_CURRENTLY_DISABLED": 403,
    "FUNCTIONALITY_NOT_ENABLED": 403,
    "INSUFFICIENT_ACCESS_OR_READONLY": 403,
    "NOT_FOUND": 404,
    "ENTITY_IS_DELETED": 404,
    "UNKNOWN_EXCEPTION": 500,
    "SERVER_UNAVAILABLE": 503,
}


class SalesforceVendor:
    """One simulated org."""

    name = "salesforce"
    default_limits: Mapping[str, Limit] = {
        # calls in 24 hours, rolling
        "daily_calls": 100_000,
        # requests that have run for `long_running_seconds` or more, at the same time
        "concurrent": 25,
        "long_running_seconds": 20,
        # a session ends this long after its last use
        "session_seconds": 7_200,
        "locator_seconds": 172_800,
        # records of a page at most, whatever was asked for; may be changed between two pages
        "query_page_records": 2_000,
        # rows that a query may have to read, whatever it finds: more are a time-out; 0: any number
        "query_read_records": 0,
        "uri_bytes": 16_384,
        # ids that one answer of updated or deleted may hold
        "replicated_ids": 600_000,
        "collection_records": 200,
        "collection_chunks": 10,
        # bulk jobs: how long one waits, how long each of its batches takes, and what a batch holds
        "bulk_queue_seconds": 1,
        "bulk_batch_seconds": 1,
        "bulk_batch_records": 10_000,
        # whether moments in results of query jobs end in Z (seen in practice) or in +0000 as in REST
        "bulk_times_with_z": True,
        # size of an upload once encoded as base64
        "bulk_bytes": 150_000_000,
        "bulk_page_records": 50_000,
        "bulk_daily_batches": 15_000,
        "bulk_daily_query_jobs": 10_000,
        # an open job is given up, and an ended one forgotten, after so long
        "bulk_open_seconds": 86_400,
        "bulk_result_seconds": 604_800,
        # a job fails when so many of its batches are done; 0: never
        "bulk_fail_after_batches": 0,
        # whether a column that the object lacks fails the job, or is left out
        "bulk_unknown_column_fails": True,
        # between finding an upsert's match (or a create's duplicates) and the commit, in real time
        "race_window_seconds": 0.01,
        # how long a write keeps its row and parents locked, in real time; 0: no locks between calls
        "lock_hold_seconds": 0,
        "latency_seconds": 0,
        # whether one unreadable record (unknown column, wrong JSON type) refuses its whole collection
        "unreadable_record_refuses_collection": True,
        "strict_assertion_expiry": False,
        "accept_login_audience": True,
        "accept_test_audience": True,
        # what an administrator has set up for the app, and whether people's consent still holds
        "app_installed": True,
        "user_admin_approved": True,
        "user_active": True,
        "client_credentials_user": True,
        "on_my_domain": True,
        "refresh_token_valid": True,
        "rotate_refresh_tokens": False,
        "duplicate_rule_alert": False,
        "duplicate_rule_block": False,
        # whether the rule looks at contacts as well as at leads
        "duplicate_rule_contacts": False,
        "assignment_rule": False,
        # whether the edition has the API at all, and how many records the org may hold (0: any number)
        "api_enabled": True,
        "storage_records": 0,
    }

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self._login = Login(control)
        self._ids = IdSequence()
        self.routes: Sequence[Route] = []
        self._outbound = Outbound(control, lambda: self._org)
        self.reset()
        self.control_routes: Sequence[Route] = [
            Route("/_sim/certificate", self._upload_certificate, methods=["POST"]),
            Route("/_sim/revoke", self._revoke_all, methods=["POST"]),
            *Lifecycle(control, lambda: self._org).routes(),
            *self._outbound.routes(),
        ]

    # control plane

    def credentials(self) -> Record:
        """Give what a client needs to log in by either flow."""
        return {
            "client_id": self._login.app.client_id,
            "client_secret": self._login.app.client_secret,
            "username": min(self._login.app.usernames),
            "audience": LOGIN_AUDIENCE,
            "refresh_token": self._login.refresh_token,
        }

    def reset(self) -> None:
        """Forget every record, session, cursor and count; apps and their certificates stay."""
        self._login.start_over()
        self._outbound.forget()
        self._org = Org(self._ids)
        self._org.add_users(self._control.clock.now())
        self._usage = Usage(self._control)
        # the server reads the list at each call, so a new one takes effect at once
        writer = Writer(self._org, self._control)
        responses = Responses(self._control, self._org, self._login, self._usage, writer)
        composite = Composite(self._control, self._org, self._usage)
        replication = Replication(self._control, self._org)
        ingest = Ingest(self._control, self._org, self._usage, writer)
        bulk_query = BulkQuery(self._control, self._org, self._usage)
        others = (composite, replication, ingest, bulk_query)
        self.routes = composite.routes = routes(responses, [each for other in others for each in other.endpoints()])

    def load(self, object_name: str, records: list[Record]) -> list[Any]:
        """Insert records under the platform's rules, all or none, and give their ids.

        Raises:
            ControlError: Unknown object, or a record the platform would refuse.
        """
        sobject = _known(object_name)
        # what fell due before comes first
        self._control.settle()
        stamp = Stamp(self._control.clock.now(), self._org.user_id)
        made: list[str] = []
        with self._org.transaction() as roll_back:
            for index, record in enumerate(records):
                try:
                    parsed = self._org.parse(sobject, record)
                    made.append(self._org.create(sobject, parsed, stamp, as_admin=True))
                except RowError as error:
                    roll_back()
                    raise RecordError(index, f"{error.code}: {error.message}") from error
        return made

    def invent(self, object_name: str, count: int, seed: int) -> Iterator[Record]:
        """Make up people or accounts from a seed.

        Raises:
            ControlError: Records of this object cannot be made up.
        """
        if object_name not in ("Lead", "Contact", "Account"):
            raise ControlError(f"{object_name} records cannot be made up; one of Lead, Contact, Account")
        chance = random.Random(seed)  # noqa: S311 - test data, not a secret
        return (_invented(object_name, chance, seed, each) for each in range(count))

    def counts(self) -> Mapping[str, int]:
        """Give the number of rows of every object, deleted ones included."""
        return {name: len(table.rows) for name, table in self._org.tables.items()}

    def records(self, object_name: str) -> list[Record]:
        """Give every record of an object that readers see now, without the deleted ones.

        Raises:
            ControlError: Unknown object.
        """
        rows = self._org.tables[_known(object_name).name].rows.values()
        now = self._control.clock.timestamp()
        seen = (row.seen_at(now) for row in rows)
        return [record for record in seen if record is not None and not record["IsDeleted"]]

    async def _upload_certificate(self, request: Request) -> Response:
        return JSONResponse(self._login.add_certificate(await read_json(request)))

    async def _revoke_all(self, request: Request) -> Response:  # noqa: ARG002 - every endpoint takes a request
        return JSONResponse({"revoked": self._login.forget_sessions()})

    # one call

    def vendor_error(self, call: Call, code: str, message: str) -> Response:
        """Give a refusal of the whole request: an object from the token endpoint, else an array."""
        if call.path == LOGIN_PATH:
            return JSONResponse({"error": code, "error_description": message}, status_code=400)
        return api_error_response(ApiError(_STATUS_OF_CODE.get(code, 400), code, message))

    def unrouted(self, call: Call, status: int) -> Response:
        """Answer a path or method that the API does not have."""
        if status == 405:
            return self.vendor_error_with(
                405, "METHOD_NOT_ALLOWED", f"HTTP Method '{call.method}' not allowed. Allowed are others."
            )
        return self.vendor_error_with(404, "NOT_FOUND", "The requested resource does not exist")

    def vendor_error_with(self, status: int, code: str, message: str) -> Response:
        """Give a refusal with a status of its own."""
        return api_error_response(ApiError(status, code, message))

    def arrived(self, call: Call) -> None:
        """Take every call as it comes; Salesforce rewrites none."""

    def before(self, call: Call) -> Response | None:
        """Refuse what is too long, of a retired version, without a session, or above a limit."""
        if refusal := self._too_long(call):
            return refusal
        if call.path in _OPEN_PATHS:
            return None
        try:
            version_of(call.path)
            call.client = self._login.authenticate(call.headers.get("authorization", ""))
            self._usage.admit(call)
        except ApiError as error:
            response = api_error_response(error)
            self._add_headers(call, response)
            return response
        return None

    def after(self, call: Call, response: Response) -> None:
        """Note that the call is over and tell its client how much of the day's calls is used."""
        self._usage.ended(call)
        self._add_headers(call, response)
        if len(response.body) >= _GZIP_FROM_BYTES and "gzip" in call.headers.get("accept-encoding", ""):
            response.body = gzip.compress(bytes(response.body), compresslevel=1, mtime=0)
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.body))

    def _add_headers(self, call: Call, response: Response) -> None:
        if call.path in _OPEN_PATHS:
            return
        response.headers["Sforce-Limit-Info"] = f"api-usage={self._usage.used}/{self._usage.allowed}"
        number = call.path.removeprefix("/services/data/v").partition(".")[0]
        if number.isdecimal() and int(number) < OLDEST_SUPPORTED_VERSION:
            response.headers["Warning"] = '299 - "This API version is deprecated and will be retired"'

    def _too_long(self, call: Call) -> Response | None:
        """Refuse a URI, or a URI with its headers, of more bytes than the edge takes."""
        limit = self._control.limit("uri_bytes")
        headers = sum(len(name) + len(value) + 4 for name, value in call.headers.items())
        for status, size in ((414, call.target_bytes), (431, call.target_bytes + headers)):
            if size > limit:
                self._control.violation(str(status))
                return HTMLResponse(f"<html><body><h1>{status}</h1></body></html>", status_code=status)
        return None


def _known(object_name: str) -> SObject:
    sobject = SOBJECTS.get(object_name)
    if sobject is None:
        raise ControlError(f"unknown object {object_name!r}; one of {', '.join(SOBJECTS)}")
    return sobject


def _invented(object_name: str, chance: random.Random, seed: int, index: int) -> Record:
    """Return one made-up record; e-mail addresses and keys differ between seeds."""
    company = f"{chance.choice(_WORDS)} {chance.choice(_WORDS)} {index}"
    if object_name == "Account":
        return {"Name": company, "NumberOfEmployees": chance.randint(1, 50_000)}
    first, last = chance.choice(_FIRST_NAMES), chance.choice(_LAST_NAMES)
    record: Record = {
        "FirstName": first,
        "LastName": last,
        "Email": f"{chance.choice(_WORDS)}.{seed}.{index}@example.com".lower(),
        "Title": chance.choice(("Engineer", "Head of Marketing", "", "Käufer", "VP, Sales")),
        "Phone": f"+1 555 {chance.randint(100, 999)} {chance.randint(1000, 9999)}",
    }
    return record | {"Company": company} if object_name == "Lead" else record


_WORDS = ("Amber", "Basalt", "Cedar", "Delta", "Ember", "Fjord", "Granite", "Harbour", "Indigo", "Juniper")
_FIRST_NAMES = ("Ada", "Björn", "Chloé", "Dmitri", "Eun-ji", "Fatima", "Gil", "Hana", "", "Ines")
_LAST_NAMES = ("Aalto", "O'Brien", "Çelik", "van den Berg", "Müller", "Ng", "Öztürk", "Šimić", "李", "Smith")
