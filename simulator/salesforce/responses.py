"""The answers of the REST resources: one method for each, in the vendor's wire forms."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, TypeGuard
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.control import ControlPlane, call_of
from simulator.salesforce import ids, query, soql
from simulator.salesforce.exceptions import ApiError, OAuthError, not_found
from simulator.salesforce.models import Org, Record
from simulator.salesforce.oauth import JWT_BEARER, Login
from simulator.salesforce.reading import (
    NEWEST_VERSION,
    OLDEST_VERSION,
    json_object,
    json_of,
    options_of,
    sobject_of,
    version_of,
)
from simulator.salesforce.schema import SOBJECTS, Field, SObject
from simulator.salesforce.usage import Usage
from simulator.salesforce.writing import Key, Writer

MAX_BATCH = 2000
MIN_BATCH = 200
MAX_RETRIEVED_IDS = 2000
_SEASONS = ("Spring", "Summer", "Winter")
# describe answers change with the schema, which is part of this program
_SCHEMA_CHANGED_AT = datetime(2026, 9, 1, tzinfo=UTC)
# the edge takes such an ending of the path for a file and never asks the org
_EDGE_SUFFIXES = (".inc", ".exe", ".dll", ".asp", ".php")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The rows of a query that are still to be fetched, and until when."""

    result: query.Result
    batch: int
    expires_at: float


class Responses:
    """The endpoints of one org."""

    def __init__(self, control: ControlPlane, org: Org, login: Login, usage: Usage, writer: Writer) -> None:
        self._control = control
        self._org = org
        self._login = login
        self._usage = usage
        self._writer = writer
        self._cursors: dict[str, Cursor] = {}

    # logging in

    async def token(self, request: Request) -> Response:
        """POST /services/oauth2/token."""
        form = await _form(request)
        own_url = _own_url(request)
        token, refresh_token = self._login.grant(form, request.headers.get("authorization", ""), own_url)
        answer = {
            "access_token": token,
            "scope": "api web",
            "instance_url": own_url,
            "id": f"{own_url}/id/{self._org.organization_id}/{self._org.user_id}",
            "token_type": "Bearer",
        }
        if form["grant_type"] != JWT_BEARER:
            answer["signature"] = "c2ltdWxhdGVkIHNpZ25hdHVyZQ=="
            answer["issued_at"] = str(int(self._control.clock.timestamp() * 1000))
        if refresh_token:
            answer["refresh_token"] = refresh_token
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    async def revoke(self, request: Request) -> Response:
        """POST /services/oauth2/revoke."""
        self._login.revoke((await _form(request)).get("token", ""))
        return Response(status_code=200)

    async def introspect(self, request: Request) -> Response:
        """POST /services/oauth2/introspect."""
        return JSONResponse(self._login.introspect(await _form(request), request.headers.get("authorization", "")))

    async def user_info(self, request: Request) -> Response:
        """GET /services/oauth2/userinfo."""
        user = self._org.tables["User"].rows[self._org.user_id].values
        return JSONResponse(
            {
                "sub": f"{_own_url(request)}/id/{self._org.organization_id}/{self._org.user_id}",
                "user_id": self._org.user_id,
                "organization_id": self._org.organization_id,
                "preferred_username": user["Username"],
                "name": user["Name"],
                "email": user["Email"],
                "active": user["IsActive"],
            }
        )

    # what there is

    async def versions(self, request: Request) -> Response:  # noqa: ARG002 - every endpoint takes a request
        """GET /services/data/."""
        return JSONResponse([_version_entry(each) for each in range(OLDEST_VERSION, NEWEST_VERSION + 1)])

    async def resources(self, request: Request) -> Response:
        """GET /services/data/vNN.0/."""
        base = _base(request)
        names = ("sobjects", "query", "queryAll", "limits", "composite", "jobs")
        return JSONResponse({name: f"{base}/{name}" for name in names})

    async def limits(self, request: Request) -> Response:  # noqa: ARG002 - every endpoint takes a request
        """GET /limits."""

        def amount(most: int, left: int | None = None) -> dict[str, int]:
            return {"Max": most, "Remaining": most if left is None else left}

        remaining = max(0, self._usage.allowed - self._usage.used)
        batches, jobs = (int(self._control.limit(name)) for name in ("bulk_daily_batches", "bulk_daily_query_jobs"))
        return JSONResponse(
            {
                "DailyApiRequests": amount(self._usage.allowed, remaining),
                "DailyBulkApiBatches": amount(batches, max(0, batches - self._usage.spent("batches"))),
                "DailyBulkV2QueryJobs": amount(jobs, max(0, jobs - self._usage.spent("query jobs"))),
                "DailyBulkV2QueryFileStorageMB": amount(976_562),
                "DailyDeliveredPlatformEvents": amount(50_000),
                "DataStorageMB": amount(10_240),
            }
        )

    async def describe_global(self, request: Request) -> Response:
        """GET /sobjects."""
        base = _base(request)
        sobjects = [each.describe_global(base) | self._org.rights(each) for each in SOBJECTS.values()]
        return JSONResponse({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": sobjects})

    async def basic_information(self, request: Request) -> Response:
        """GET /sobjects/{T}: the object's entry in the global list; an integration has looked at nothing recently."""
        return JSONResponse({"objectDescribe": sobject_of(request).describe_global(_base(request)), "recentItems": []})

    async def describe(self, request: Request) -> Response:
        """GET /sobjects/{T}/describe."""
        sobject = sobject_of(request)
        headers = {"Last-Modified": format_datetime(_SCHEMA_CHANGED_AT, usegmt=True)}
        since = request.headers.get("if-modified-since")
        if since is not None and _http_date(since) >= _SCHEMA_CHANGED_AT:
            return Response(status_code=304, headers=headers)
        return JSONResponse(self._org.describe(sobject, _base(request)), headers=headers)

    # queries

    async def query(self, request: Request) -> Response:
        """GET /query and GET /queryAll."""
        text = request.query_params.get("q")
        if text is None:
            raise soql.malformed("A query string has to be specified")
        parsed = soql.parse(text)
        call_of(request).record_keys.extend(soql.string_literals(parsed.where))
        now = self._control.clock.timestamp()
        include_deleted = request.url.path.rstrip("/").endswith("queryAll")
        most_read = int(self._control.limit("query_read_records"))
        result = query.run(self._org, parsed, now, include_deleted=include_deleted, most_read=most_read)
        if parsed.counts:
            return JSONResponse({"totalSize": result.total, "done": True, "records": []})
        cursor = Cursor(result, _batch_size(request), now + self._control.limit("locator_seconds"))
        return self._page(request, cursor, "", 0)

    async def query_more(self, request: Request) -> Response:
        """GET /query/{locator}."""
        locator, _, offset = str(request.path_params["locator"]).partition("-")
        cursor = self._cursors.get(locator)
        now = self._control.clock.timestamp()
        if cursor is None or cursor.expires_at <= now or not offset.isdecimal():
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        if int(offset) >= cursor.result.total:
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        if "sforce-query-options" in request.headers:
            cursor = replace(cursor, batch=_batch_size(request))
        return self._page(request, cursor, locator, int(offset))

    def _page(self, request: Request, cursor: Cursor, locator: str, start: int) -> Response:
        base = _base(request)
        # the size that was asked for is a hint
        stop = start + min(cursor.batch, int(self._control.limit("query_page_records")))
        rows = cursor.result.rows[start:stop]
        is_last = stop >= cursor.result.total
        answer: Record = {"totalSize": cursor.result.total, "done": is_last}
        if not is_last:
            if not locator:
                locator = self._org.ids.make(ids.LOCATOR_PREFIX)
                self._cursors[locator] = cursor
            answer["nextRecordsUrl"] = f"{base}/query/{locator}-{stop}"
        answer["records"] = query.render(self._org, cursor.result, rows, base)
        return JSONResponse(answer)

    # one record

    async def create(self, request: Request) -> Response:
        """POST /sobjects/{T}."""
        sobject = sobject_of(request)
        body = await json_object(request)
        record_id = await self._writer.create(call_of(request), sobject, body, options_of(request))
        location = f"{_base(request)}/sobjects/{sobject.name}/{record_id}"
        answer = {"id": record_id, "success": True, "errors": []}
        return JSONResponse(answer, status_code=201, headers={"Location": location})

    async def read(self, request: Request) -> Response:
        """GET /sobjects/{T}/{id}."""
        sobject = sobject_of(request)
        record_id = self._writer.live_id(sobject, str(request.path_params["record_id"]))
        return self._show(request, sobject, record_id)

    async def read_by_key(self, request: Request) -> Response:
        """GET /sobjects/{T}/{ExtField}/{value}."""
        sobject = sobject_of(request)
        key = _key_field(self._org, sobject, str(request.path_params["key"]))
        value = _raw_tail(request)
        call_of(request).record_keys.append(value)
        found = self._org.matches(sobject, key, value, seen_at=self._control.clock.timestamp())
        if not found:
            raise not_found()
        if len(found) > 1:
            return self._several(request, sobject, found)
        return self._show(request, sobject, found[0])

    async def update(self, request: Request) -> Response:
        """PATCH /sobjects/{T}/{id}."""
        sobject = sobject_of(request)
        body = await json_object(request)
        record_id = str(request.path_params["record_id"])
        self._refuse_changed(request, sobject, record_id)
        await self._writer.update(call_of(request), sobject, record_id, body, options_of(request))
        return Response(status_code=204)

    async def upsert(self, request: Request) -> Response:
        """PATCH /sobjects/{T}/{ExtField}/{value}."""
        sobject = sobject_of(request)
        call = call_of(request)
        key_name = str(request.path_params["key"])
        value = _raw_tail(request)
        body = await json_object(request)
        if key_name.lower() == "id":
            await self._writer.update(call, sobject, value, body, options_of(request))
            return _upserted(request, value, created=False)
        key = _key_field(self._org, sobject, key_name)
        is_update_only = request.query_params.get("updateOnly", "").lower() == "true"
        now = self._control.clock.timestamp()
        if is_update_only and not self._org.matches(sobject, key, value, seen_at=now):
            raise not_found()
        outcome = await self._writer.upsert(call, Key(sobject, key, value), body, options_of(request))
        if isinstance(outcome, list):
            call.record_keys.extend(outcome)
            return self._several(request, sobject, outcome)
        return _upserted(request, str(outcome.record_id), created=outcome.created)

    async def delete(self, request: Request) -> Response:
        """DELETE /sobjects/{T}/{id}."""
        sobject, record_id = sobject_of(request), str(request.path_params["record_id"])
        self._refuse_changed(request, sobject, record_id)
        self._writer.delete(call_of(request), sobject, record_id)
        return Response(status_code=204)

    def _several(self, request: Request, sobject: SObject, found: list[str]) -> Response:
        base = _base(request)
        return JSONResponse([f"{base}/sobjects/{sobject.name}/{each}" for each in found], status_code=300)

    def _show(self, request: Request, sobject: SObject, record_id: str) -> Response:
        row = self._org.tables[sobject.name].rows[record_id]
        record = row.seen_at(self._control.clock.timestamp())
        if record is None:
            raise not_found()
        call_of(request).record_keys.append(record_id)
        self._refuse_changed(request, sobject, record_id)
        headers = {"ETag": _etag(record)} if sobject.name == "Account" else {}
        if _is_known_to_client(request, sobject, record):
            return Response(status_code=304, headers=headers)
        names = request.query_params.get("fields")
        fields = (
            _fields(self._org, sobject, names.split(","))
            if names
            else [each for each in sobject.fields if self._org.visible(sobject, each.name)]
        )
        shown: Record = {"attributes": query.attributes(sobject, record_id, _base(request))}
        return JSONResponse(shown | {each.name: record[each.name] for each in fields}, headers=headers)

    def _refuse_changed(self, request: Request, sobject: SObject, text: str) -> None:
        """Refuse a call whose condition does not hold: times in whole seconds, and for accounts the ETag."""
        row = self._org.tables[sobject.name].rows.get(ids.normalise(text) or "")
        record = row.seen_at(self._control.clock.timestamp()) if row else None
        if record is None:
            return
        unmodified = request.headers.get("if-unmodified-since")
        wanted = request.headers.get("if-match") if sobject.name == "Account" else None
        is_late = unmodified is not None and _changed_at(record) > _http_date(unmodified)
        if is_late or (wanted is not None and wanted not in ("*", _etag(record))):
            raise ApiError(412, "PRECONDITION_FAILED", "The record has changed since")

    # collections

    async def create_all(self, request: Request) -> Response:
        """POST /composite/sobjects."""
        body = await json_of(request)
        return JSONResponse(await self._writer.create_all(call_of(request), body, options_of(request)))

    async def update_all(self, request: Request) -> Response:
        """PATCH /composite/sobjects."""
        body = await json_of(request)
        return JSONResponse(await self._writer.update_all(call_of(request), body, options_of(request)))

    async def upsert_all(self, request: Request) -> Response:
        """PATCH /composite/sobjects/{T}/{ExtField}."""
        sobject = sobject_of(request)
        key = _key_field(self._org, sobject, str(request.path_params["key"]))
        body = await json_of(request)
        call = call_of(request)
        return JSONResponse(await self._writer.upsert_all(call, sobject, key, body, options_of(request)))

    async def delete_all(self, request: Request) -> Response:
        """DELETE /composite/sobjects?ids=…."""
        texts = [each for each in request.query_params.get("ids", "").split(",") if each]
        if not texts:
            raise ApiError(400, "MISSING_ARGUMENT", "ids must be given")
        all_or_none = request.query_params.get("allOrNone", "false").lower() == "true"
        return JSONResponse(self._writer.delete_all(call_of(request), texts, all_or_none=all_or_none))

    async def retrieve_all(self, request: Request) -> Response:
        """GET and POST /composite/sobjects/{T}: records in the order of the ids, null where there is none."""
        sobject = sobject_of(request)
        if request.method == "POST":
            body = await json_object(request)
            id_texts, names = body.get("ids"), body.get("fields")
        else:
            id_texts = request.query_params.get("ids", "").split(",")
            names = request.query_params.get("fields", "").split(",")
        if not _is_texts(id_texts) or not _is_texts(names):
            raise ApiError(400, "JSON_PARSER_ERROR", "ids and fields are arrays of strings")
        if len(id_texts) > MAX_RETRIEVED_IDS:
            self._control.violation("EXCEEDED_ID_LIMIT")
            message = f"cannot retrieve more than {MAX_RETRIEVED_IDS} records in one call"
            raise ApiError(400, "EXCEEDED_ID_LIMIT", message)
        fields = _fields(self._org, sobject, names)
        return JSONResponse([self._retrieved(request, sobject, text, fields) for text in id_texts])

    def _retrieved(self, request: Request, sobject: SObject, text: str, fields: list[Field]) -> Record | None:
        record_id = ids.normalise(text) or ""
        row = self._org.tables[sobject.name].rows.get(record_id)
        record = row.seen_at(self._control.clock.timestamp()) if row else None
        if record is None or record["IsDeleted"]:
            return None
        call_of(request).record_keys.append(record_id)
        shown: Record = {"attributes": query.attributes(sobject, record_id, _base(request)), "Id": record_id}
        return shown | {each.name: record[each.name] for each in fields}


def _changed_at(record: Record) -> datetime:
    return datetime.fromisoformat(record["LastModifiedDate"])


def _etag(record: Record) -> str:
    digest = hashlib.sha256(f"{record['Id']} {record['SystemModstamp']}".encode()).hexdigest()
    return f'"{digest[:32]}"'


def _is_known_to_client(request: Request, sobject: SObject, record: Record) -> bool:
    """Say whether the client has the record as it is: by its ETag (accounts only), else by time."""
    known = request.headers.get("if-none-match") if sobject.name == "Account" else None
    if known is not None:
        return known in ("*", _etag(record))
    since = request.headers.get("if-modified-since")
    return since is not None and _changed_at(record) <= _http_date(since)


def _version_entry(version: int) -> dict[str, str]:
    # version 65 is that of Winter '26; three follow each other in a year
    years, season = divmod(version - 66, 3)
    year = 26 + years + (season == 2)
    return {
        "label": f"{_SEASONS[season]} '{year:02d}",
        "url": f"/services/data/v{version}.0",
        "version": f"{version}.0",
    }


def _upserted(request: Request, record_id: str, *, created: bool) -> Response:
    if not created and (version_of(request.url.path) or NEWEST_VERSION) <= 45:
        return Response(status_code=204)
    answer = {"id": record_id, "success": True, "errors": [], "created": created}
    return JSONResponse(answer, status_code=201 if created else 200)


def _own_url(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"


def _base(request: Request) -> str:
    return f"/services/data/{request.path_params['version']}"


def _key_field(org: Org, sobject: SObject, name: str) -> Field:
    known = org.visible(sobject, name)
    if known is None or not known.is_key:
        raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
    return known


def _fields(org: Org, sobject: SObject, names: list[str]) -> list[Field]:
    fields: list[Field] = []
    for name in names:
        known = org.visible(sobject, name.strip())
        if known is None:
            raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
        fields.append(known)
    return fields


def _raw_tail(request: Request) -> str:
    """Return the last segment of the path as it was sent, so that an encoded slash is part of a value."""
    raw = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    segments = raw.split("/")
    # "", services, data, version, sobjects, type, field, value
    if len(segments) != 8 or not segments[7]:
        raise not_found()
    if segments[7].lower().endswith(_EDGE_SUFFIXES):
        raise not_found("Not found at the edge")
    return unquote(segments[7])


def _batch_size(request: Request) -> int:
    """Return the page size that the Sforce-Query-Options header asks for, within the vendor's range."""
    for part in request.headers.get("sforce-query-options", "").split(","):
        name, _, number = part.strip().partition("=")
        if name.strip().lower() == "batchsize" and number.strip().isdecimal():
            return min(max(int(number), MIN_BATCH), MAX_BATCH)
    return MAX_BATCH


def _http_date(text: str) -> datetime:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        raise ApiError(400, "INVALID_HEADER", f"If-Modified-Since is not an HTTP date: {text}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _form(request: Request) -> dict[str, str]:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def _is_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)


def api_error_response(error: ApiError) -> Response:
    """Return a refusal of a data API."""
    return JSONResponse(error.body(), status_code=error.status)
