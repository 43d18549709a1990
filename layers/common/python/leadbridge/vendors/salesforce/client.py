"""The Salesforce calls we make, as verbs named for Salesforce's resources."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from leadbridge.domain.records import ObjectDescription, Resolution, Row, RowResult
from leadbridge.errors import ConfigurationError, ContractError, PermanentError, SyncError, UncertainWriteError
from leadbridge.vendors.http.batches import chunks_of, send_in_chunks
from leadbridge.vendors.http.bodies import dump_json
from leadbridge.vendors.http.calls import Answer, Call
from leadbridge.vendors.http.hosts import (
    SALESFORCE_LOGIN_HOST,
    ForbiddenHostError,
    checked_base,
    checked_path,
)
from leadbridge.vendors.http.limiter import Limiter
from leadbridge.vendors.http.transport import HttpSettings, Transport
from leadbridge.vendors.salesforce.answers import (
    ApiUsage,
    described_object,
    interpret,
    row_result,
    usage_of,
    without_attributes,
)
from leadbridge.vendors.salesforce.auth import VENDOR, JwtLogin, SalesforceAuth
from leadbridge.vendors.salesforce.quota import WORDS
from leadbridge.vendors.salesforce.soql import URI_BYTES, Value, encoded_length, identifier, in_list_chunks

# sObject Collections: "up to 200 records"
BATCH_ROWS = 200
# a query may run 2 minutes, a write with triggers about as long
READ_SECONDS = 130.0

DUPLICATES_DETECTED = "DUPLICATES_DETECTED"
# so many rows of one call that a duplicate rule refused are asked about one by one, for the records it found
NAMED_DUPLICATES = 10

# requests are built for this host and then sent to the one that the session belongs to
_ANY_ORG = "https://org.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """Headers of every write, always sent: the vendor's defaults are documented, but disputed.

    `auto_assign` is TRUE, FALSE or the id of an assignment rule; `allow_duplicates` passes duplicate rules
    that are set to alert.
    """

    auto_assign: str = "FALSE"
    allow_duplicates: bool = False
    client_name: str = "leadbridge"

    def headers(self) -> dict[str, str]:
        """The options as Salesforce's headers."""
        allow = "true" if self.allow_duplicates else "false"
        return {
            "Content-Type": "application/json",
            "Sforce-Auto-Assign": self.auto_assign,
            "Sforce-Duplicate-Rule-Header": (f"allowSave={allow}; includeRecordDetails=false; runAsCurrentUser=true"),
            "Sforce-Call-Options": f"client={self.client_name}",
        }


class SalesforceClient:
    """One Salesforce org seen by one integration user.

    Keep one per connection and process: it holds the session.
    """

    def __init__(
        self,
        http: HttpSettings,
        *,
        login: JwtLogin,
        sign: Callable[[bytes], bytes],
        limiter: Limiter,
        options: WriteOptions | None = None,
        api_version: str = "67.0",
    ) -> None:
        """Check the token host; sends nothing. `sign` makes the RS256 signature of what it is given.

        Raises:
            ConfigurationError: The token host is not a Salesforce login host.
        """
        try:
            token_host = checked_base(login.token_host, SALESFORCE_LOGIN_HOST, http.allowed_hosts)
        except ForbiddenHostError as error:
            raise ConfigurationError(
                [f"token_host {error}; use https://login.salesforce.com (test. for a sandbox) or My Domain"]
            ) from error
        self._auth = SalesforceAuth(
            login=JwtLogin(
                client_id=login.client_id,
                username=login.username,
                token_host=token_host,
                audience=login.audience,
            ),
            sign=sign,
            clock=http.clock,
            allowed_hosts=http.allowed_hosts,
        )
        self._transport = Transport(
            http,
            vendor=VENDOR,
            base_url=_ANY_ORG,
            auth=self._auth,
            limiter=limiter,
            interpret=interpret,
            words=WORDS,
        )
        self._options = options or WriteOptions()
        self._root = f"/services/data/v{api_version}"
        self._described: dict[str, tuple[Mapping[str, str], ObjectDescription]] = {}
        self._usage: ApiUsage | None = None

    @property
    def calls_made(self) -> int:
        """Calls so far, token requests excluded."""
        return self._transport.calls_made

    @property
    def api_usage(self) -> ApiUsage | None:
        """The org-wide usage that the last answer reported, None before the first answer."""
        return self._usage

    def describe(self, object_name: str) -> ObjectDescription:
        """The fields of an object as this user sees them; asked for again, only changes are transferred."""
        known = self._described.get(object_name)
        answer = self._read(
            "describe",
            f"{self._root}/sobjects/{_name(object_name)}/describe",
            headers=known[0] if known else {},
        )
        if answer.status == 304 and known:
            return known[1]
        try:
            described = described_object(answer.payload)
        except (LookupError, TypeError) as error:
            raise ContractError("the object is not described", vendor=VENDOR, operation="describe") from error
        validators = {
            ours: answer.headers[theirs]
            for ours, theirs in (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified"))
            if theirs in answer.headers
        }
        self._described[object_name] = (validators, described)
        return described

    def query(self, soql: str) -> list[dict[str, Any]]:
        """All records of a query, read page by page; one whose position expired is read once from the start.

        Raises:
            PermanentError: The query is longer than an address may be; `soql.in_list_chunks` keeps them short.
        """
        if encoded_length(soql) > URI_BYTES:
            raise PermanentError("the query is too long", vendor=VENDOR, operation="query", code="http_414")
        try:
            return self._query_once(soql)
        except PermanentError as error:
            if error.code != "INVALID_QUERY_LOCATOR":
                raise
            return self._query_once(soql)

    def find(
        self, object_name: str, fields: Sequence[str], field: str, values: Sequence[Value]
    ) -> list[dict[str, Any]]:
        """Records whose `field` equals one of the values, with the named fields; as few queries as addresses allow."""
        select = f"SELECT {', '.join(identifier(name) for name in fields)} FROM {_name(object_name)} WHERE"  # noqa: S608  # identifiers are checked, values quoted
        return [record for soql in in_list_chunks(field, values, select) for record in self.query(soql)]

    def create(self, object_name: str, rows: Sequence[Row]) -> list[RowResult]:
        """Create records; one result per row, in order. Sending them again makes doubles.

        Raises:
            UncertainWriteError: No answer, or not one result per row.
        """
        head = {"attributes": {"type": _name(object_name)}}
        records = [{**head, **row} for row in rows]
        said = self._write("create", "POST", "/composite/sobjects", records, done="created")
        blocked = [place for place, row in enumerate(said) if row.code == DUPLICATES_DETECTED]
        for place in blocked[:NAMED_DUPLICATES]:
            said[place] = self._create_alone(object_name, rows[place], said[place])
        return said

    def update(self, object_name: str, rows: Sequence[Row]) -> list[RowResult]:
        """Update records by their `Id` member; one result per row, in order.

        Raises:
            UncertainWriteError: No answer, or not one result per row.
        """
        head = {"attributes": {"type": _name(object_name)}}
        records = [{**head, "id": row["Id"], **{name: row[name] for name in row if name != "Id"}} for row in rows]
        return self._write("update", "PATCH", "/composite/sobjects", records, done="updated")

    def upsert(self, object_name: str, external_id_field: str, rows: Sequence[Row]) -> list[RowResult]:
        """Create or update records by an external id that every row carries; one result per row, in order.

        An external id must not occur twice: Salesforce then writes neither row.

        Raises:
            UncertainWriteError: No answer, or not one result per row.
        """
        head = {"attributes": {"type": _name(object_name)}}
        path = f"/composite/sobjects/{_name(object_name)}/{_name(external_id_field)}"
        return self._write("upsert", "PATCH", path, [{**head, **row} for row in rows], done="updated")

    def limits(self) -> dict[str, Any]:
        """The org's limits by name, each with Max and Remaining; up to five minutes old."""
        payload = self._read("limits", f"{self._root}/limits").payload
        if not isinstance(payload, dict):
            raise ContractError("no limits", vendor=VENDOR, operation="limits")
        return payload

    def _create_alone(self, object_name: str, row: Row, refused: RowResult) -> RowResult:
        """Create one record by itself: only then does a duplicate rule say which records it found."""
        try:
            answer = self._send(
                Call(
                    operation="create",
                    method="POST",
                    path=f"{self._root}/sobjects/{_name(object_name)}",
                    content=dump_json(row),
                    headers=self._options.headers(),
                    is_write=True,
                    read_seconds=READ_SECONDS,
                    sent=list(row.values()),
                )
            )
        except UncertainWriteError as lost:
            return replace(refused, code=lost.code, message=lost.detail, resolution=Resolution.UNCERTAIN)
        except SyncError as error:
            return replace(refused, message=error.detail) if error.code == DUPLICATES_DETECTED else refused
        # whatever stood in its way is gone
        return row_result(answer.payload if isinstance(answer.payload, dict) else {}, row, done="created")

    def _query_once(self, soql: str) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        seen: set[str] = set()
        answer = self._read("query", f"{self._root}/query", params={"q": soql})
        while True:
            page = answer.payload
            found = page.get("records") if isinstance(page, dict) else None
            if not isinstance(found, list):
                raise ContractError("a page without records", vendor=VENDOR, operation="query")
            records.extend(without_attributes(found))
            if page.get("done") is not False:
                return records
            following = self._following(page.get("nextRecordsUrl"))
            if following in seen:
                raise ContractError("a page refers to an earlier one", vendor=VENDOR, operation="query")
            seen.add(following)
            answer = self._read("query", following)

    def _following(self, next_url: object) -> str:
        try:
            return checked_path(str(next_url or ""), self._auth.instance_url)
        except ForbiddenHostError as error:
            raise ContractError(f"nextRecordsUrl {error}", vendor=VENDOR, operation="query") from error

    def _read(
        self,
        operation: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        return self._send(
            Call(
                operation=operation,
                method="GET",
                path=path,
                params=params,
                headers={"Sforce-Call-Options": f"client={self._options.client_name}", **(headers or {})},
                is_write=False,
                read_seconds=READ_SECONDS,
                sent=_literals_of(params or {}),
            )
        )

    def _write(
        self, operation: str, method: str, path: str, records: Sequence[dict[str, Any]], *, done: str
    ) -> list[RowResult]:
        def send(chunk: Sequence[dict[str, Any]]) -> list[RowResult]:
            answer = self._send(
                Call(
                    operation=operation,
                    method=method,
                    path=self._root + path,
                    content=dump_json({"allOrNone": False, "records": list(chunk)}),
                    headers=self._options.headers(),
                    is_write=True,
                    read_seconds=READ_SECONDS,
                    sent=[_values(record) for record in chunk],
                )
            )
            found = answer.payload
            if not isinstance(found, list) or len(found) != len(chunk):
                # results carry no key, only their position: with one missing, none can be told
                raise UncertainWriteError(
                    f"{len(found) if isinstance(found, list) else 0} results for {len(chunk)} records",
                    vendor=VENDOR,
                    operation=operation,
                    code="short_result",
                )
            rows = [
                row_result(said if isinstance(said, dict) else {}, _values(record), done=done)
                for said, record in zip(found, chunk, strict=True)
            ]
            if not any(row.resolution is Resolution.REAUTH for row in rows):
                return rows
            # the session died inside the org's automation: those rows were rolled back and may be sent with a new one
            self._auth.forget_session()
            return [
                replace(row, resolution=Resolution.RETRY) if row.resolution is Resolution.REAUTH else row
                for row in rows
            ]

        return send_in_chunks(list(chunks_of(records, BATCH_ROWS)), send)

    def _send(self, call: Call) -> Answer:
        answer = self._transport.send(call)
        self._usage = usage_of(answer.headers) or self._usage
        return answer


def _name(name: str) -> str:
    try:
        return identifier(name)
    except ValueError as error:
        raise ConfigurationError([f"{name[:80]!r} is not a Salesforce API name"]) from error


def _values(record: Mapping[str, Any]) -> list[Any]:
    """The values of a record that came from a person; the object's own name is none."""
    return [value for name, value in record.items() if name != "attributes"]


def _literals_of(params: Mapping[str, str]) -> list[str]:
    """The quoted texts of a query, so that each can be masked in an answer."""
    return [part for value in params.values() for part in value.split("'")[1::2]]
