"""One Salesforce org: the calls that use-cases name, and the groups of resources behind them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from leadbridge.domain.records import ObjectDescription, Row, RowResult
from leadbridge.domain.soql import Value
from leadbridge.errors import ConfigurationError
from leadbridge.vendors.http.groups import Group
from leadbridge.vendors.http.hosts import SALESFORCE_LOGIN_HOST, ForbiddenHostError, checked_base
from leadbridge.vendors.http.limiter import Limiter
from leadbridge.vendors.http.transport import HttpSettings, Transport
from leadbridge.vendors.salesforce.answers import ApiUsage, interpret
from leadbridge.vendors.salesforce.api import Api
from leadbridge.vendors.salesforce.auth import VENDOR, SalesforceAuth
from leadbridge.vendors.salesforce.logins import LoginSettings, SecretSource, login_of
from leadbridge.vendors.salesforce.options import WriteOptions
from leadbridge.vendors.salesforce.queries import Queries
from leadbridge.vendors.salesforce.quota import WORDS
from leadbridge.vendors.salesforce.row_writes import RowWrites
from leadbridge.vendors.salesforce.schema import ObjectSummary, Schema

if TYPE_CHECKING:
    from leadbridge.domain.preflight import Finding
    from leadbridge.domain.salesforce_needs import Need
    from leadbridge.vendors.salesforce.bulk import BulkIngest, BulkQuery
    from leadbridge.vendors.salesforce.changes import Changes
    from leadbridge.vendors.salesforce.composite import Composite
    from leadbridge.vendors.salesforce.fates import LeadFate
    from leadbridge.vendors.salesforce.records import Records

__all__ = ["SalesforceClient", "WriteOptions"]

# requests are built for this host and then sent to the one that the session belongs to
_ANY_ORG = "https://org.invalid"


class SalesforceClient:
    """One Salesforce org seen by one integration user.

    Keep one per connection and process: it holds the session. The groups are attributes named for what they reach.
    """

    records: "Group[Records]" = Group("records", "Records")
    composite: "Group[Composite]" = Group("composite", "Composite")
    changes: "Group[Changes]" = Group("changes", "Changes")
    bulk_ingest: "Group[BulkIngest]" = Group("bulk", "BulkIngest")
    bulk_query: "Group[BulkQuery]" = Group("bulk", "BulkQuery")

    def __init__(
        self,
        http: HttpSettings,
        *,
        login: LoginSettings,
        sign: Callable[[bytes], bytes] | None = None,
        secrets: SecretSource | None = None,
        limiter: Limiter,
        options: WriteOptions | None = None,
        api_version: str = "67.0",
    ) -> None:
        """Check the token host; sends nothing.

        `sign` makes the RS256 signature that the JWT bearer flow needs, `secrets` holds what the other flows need.

        Raises:
            ConfigurationError: The token host is not a Salesforce login host.
        """
        try:
            token_host = checked_base(login.token_host, SALESFORCE_LOGIN_HOST, http.allowed_hosts)
        except ForbiddenHostError as error:
            raise ConfigurationError(
                [f"token_host {error}; use https://login.salesforce.com (test. for a sandbox) or My Domain"]
            ) from error
        auth = SalesforceAuth(
            login=login_of(replace(login, token_host=token_host), sign, secrets),
            clock=http.clock,
            allowed_hosts=http.allowed_hosts,
        )
        transport = Transport(
            http,
            vendor=VENDOR,
            base_url=_ANY_ORG,
            auth=auth,
            limiter=limiter,
            interpret=interpret,
            words=WORDS,
        )
        self.api = Api(transport, auth, version=api_version, options=options or WriteOptions())
        self.schema = Schema(self.api, http.clock)
        self.queries = Queries(self.api)
        self.rows = RowWrites(self.api)

    @property
    def calls_made(self) -> int:
        """Calls so far, token requests excluded."""
        return self.api.calls_made

    @property
    def user_id(self) -> str:
        """The 18-character id of the user we are, empty before the first call."""
        return self.api.user_id

    @property
    def api_usage(self) -> ApiUsage | None:
        """The org-wide usage that the last answer reported, None before the first answer."""
        return self.api.usage

    def preflight(self, needs: "Mapping[str, Need]", *, organization: str | None = None) -> "Iterator[Finding]":
        """What a person should know before anything depends on the connection; writes nothing.

        `organization` is the org that the connection's document names.
        """
        from leadbridge.vendors.salesforce.preflight import preflight  # a person's question, no worker's

        return preflight(self.api, self.schema, self.rows, needs, organization=organization)

    def describe(self, object_name: str) -> ObjectDescription:
        """The fields of an object as this user sees them; asked for again, only changes are transferred."""
        return self.schema.describe(object_name)

    def describe_each(self, object_names: Sequence[str]) -> dict[str, ObjectDescription]:
        """Objects by name, in a call for each 25; those that cannot be described now are missing."""
        return self.composite.described(object_names)

    def objects(self) -> tuple[ObjectSummary, ...]:
        """All objects that this user sees."""
        return self.schema.objects()

    def query(self, soql: str) -> list[dict[str, Any]]:
        """All records of a query, read page by page; one whose position expired is read once from the start."""
        return self.queries.all(soql)

    def find(
        self, object_name: str, fields: Sequence[str], field: str, values: Sequence[Value]
    ) -> list[dict[str, Any]]:
        """Records whose `field` equals one of the values, with the named fields; as few queries as addresses allow."""
        return self.queries.find(object_name, fields, field, values)

    def count_of(self, object_name: str, field: str, values: Sequence[str]) -> int:
        """How many records hold one of the values in a field; as few queries as addresses allow."""
        return self.queries.count_of(object_name, field, values)

    def total_of(self, object_name: str) -> int:
        """How many records of an object there are."""
        return self.queries.total_of(object_name)

    def create(self, object_name: str, rows: Sequence[Row], *, allow_duplicates: bool = False) -> list[RowResult]:
        """Create records; one result per row, in order. Sending them again makes doubles."""
        return self.rows.create(object_name, rows, allow_duplicates=allow_duplicates)

    def update(self, object_name: str, rows: Sequence[Row], *, allow_duplicates: bool = False) -> list[RowResult]:
        """Update records by their `Id` member; one result per row, in order."""
        return self.rows.update(object_name, rows, allow_duplicates=allow_duplicates)

    def upsert(
        self, object_name: str, external_id_field: str, rows: Sequence[Row], *, allow_duplicates: bool = False
    ) -> list[RowResult]:
        """Create or update records by an external id that every row carries; one result per row, in order."""
        return self.rows.upsert(object_name, external_id_field, rows, allow_duplicates=allow_duplicates)

    def lead_fates(self, ids: Sequence[str]) -> "dict[str, LeadFate]":
        """Whether leads were converted, merged or deleted, by their 18-character id; purged ones are left out."""
        from leadbridge.vendors.salesforce.fates import lead_fates  # asked for in cycles, not by Actions

        return lead_fates(self.queries, ids)

    def limits(self) -> dict[str, Any]:
        """The org's limits by name, each with Max and Remaining; up to five minutes old."""
        return self.schema.limits()
