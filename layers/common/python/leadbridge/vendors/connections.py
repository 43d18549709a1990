"""Vendor clients by connection, built from configuration and kept for the process (they hold the tokens)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from leadbridge.domain.action import MarketoConnection, SalesforceConnection
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Configurations, Meter
from leadbridge.vendors.http.calls import CallRecord
from leadbridge.vendors.http.limiter import WindowLimiter
from leadbridge.vendors.http.transport import HttpSettings, build_http_client
from leadbridge.vendors.marketo.auth import Credentials
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.salesforce.auth import JwtLogin
from leadbridge.vendors.salesforce.client import SalesforceClient

#: Marketo's usage call counts as a call, so it is made this often at most
USAGE_AGE = timedelta(minutes=15)


class SecretReader(Protocol):
    """Reads the vendor secrets, by connection id."""

    def __call__(self, *, refresh: bool = False) -> Mapping[str, Any]:
        """The secret's members; `refresh` reads past the copy."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorLimits:
    """How much of the vendors' limits this process may use."""

    marketo_calls_per_20s: int
    marketo_daily_calls: int
    marketo_concurrent: int
    salesforce_concurrent: int


class VendorConnections:
    """`ports.Connections` over the configured connections."""

    def __init__(
        self,
        *,
        configurations: Configurations,
        secret: SecretReader,
        sign: Callable[[bytes], bytes],
        clock: Clock,
        meter: Meter,
        allowed_hosts: frozenset[str],
        limits: VendorLimits,
    ) -> None:
        self._configurations = configurations
        self._secret = secret
        self._sign = sign
        self._clock = clock
        self._meter = meter
        self._limits = limits
        self._http = HttpSettings(
            client=build_http_client(),
            clock=clock.now,
            sleep=time.sleep,
            allowed_hosts=allowed_hosts,
            on_call=self._count,
        )
        self._usage_read_at = datetime.min.replace(tzinfo=UTC)
        self._marketo: dict[tuple[str, int], MarketoClient] = {}
        self._salesforce: dict[tuple[str, int], SalesforceClient] = {}

    def marketo(self, connection: str) -> MarketoClient:
        """The client of a Marketo connection."""
        stored = self._configurations.get("marketo_connection", connection)
        if stored is None or not isinstance(stored.document, MarketoConnection):
            raise _missing(connection)
        key = (connection, stored.version)
        if key not in self._marketo:
            limiter = WindowLimiter(
                clock=self._clock.now,
                sleep=time.sleep,
                calls=self._limits.marketo_calls_per_20s,
                concurrent=self._limits.marketo_concurrent,
                vendor="marketo",
            )
            self._marketo[key] = MarketoClient(
                self._http,
                base_url=stored.document.base_url,
                credentials=_Credentials(self._secret, connection),
                limiter=limiter,
            )
        return self._marketo[key]

    def salesforce(self, connection: str) -> SalesforceClient:
        """The client of a Salesforce connection."""
        stored = self._configurations.get("salesforce_connection", connection)
        if stored is None or not isinstance(stored.document, SalesforceConnection):
            raise _missing(connection)
        key = (connection, stored.version)
        if key not in self._salesforce:
            document = stored.document
            self._salesforce[key] = SalesforceClient(
                self._http,
                login=JwtLogin(
                    client_id=document.client_id,
                    username=document.username,
                    token_host=document.token_host,
                    audience=document.audience,
                ),
                sign=self._sign,
                limiter=WindowLimiter(
                    clock=self._clock.now,
                    sleep=time.sleep,
                    calls=None,
                    concurrent=self._limits.salesforce_concurrent,
                    vendor="salesforce",
                ),
                api_version=document.api_version,
            )
        return self._salesforce[key]

    def report_quota(self) -> None:
        """Tell the meter how much of the vendors' daily calls is left.

        Salesforce says it in every answer, Marketo is asked at most every `USAGE_AGE`.
        """
        now = self._clock.now()
        left = [
            100 * usage.left / usage.allowed
            for client in self._salesforce.values()
            if (usage := client.api_usage) is not None and usage.allowed
        ]
        if now - self._usage_read_at > USAGE_AGE:
            self._usage_read_at = now
            daily = self._limits.marketo_daily_calls
            left += [100 * max(0, daily - client.usage()) / daily for client in self._marketo.values()]
        for percent in left:
            self._meter.gauge("VendorQuotaLeftPercent", percent)

    def _count(self, record: CallRecord) -> None:
        self._meter.count("VendorCalls", vendor=record.vendor)


class _Credentials:
    """Client id and secret of a Marketo connection, read when needed."""

    def __init__(self, secret: SecretReader, connection: str) -> None:
        self._secret = secret
        self._connection = connection

    def __call__(self, *, fresh: bool = False) -> Credentials:
        members = self._secret(refresh=fresh).get(self._connection)
        if not members:
            raise ConfigurationError(
                [f"connection {self._connection} has no secret; run: leadbridge connections secret {self._connection}"]
            )
        return Credentials(members["client_id"], members["client_secret"])


def _missing(connection: str) -> ConfigurationError:
    return ConfigurationError([f"there is no connection {connection}; apply its document first"])
