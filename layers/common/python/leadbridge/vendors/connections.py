"""Vendor clients by connection, built from configuration and kept for the process (they hold the tokens)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from leadbridge.domain.action import MarketoConnection, SalesforceConnection
from leadbridge.domain.limits import Lane, Policy
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Configurations, Limits, Meter
from leadbridge.vendors.http.calls import CallRecord, count
from leadbridge.vendors.http.limiter import SharedLimiter
from leadbridge.vendors.http.transport import HttpSettings, build_http_client
from leadbridge.vendors.marketo.auth import Credentials
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.marketo.quota import next_midnight, next_quota_reset
from leadbridge.vendors.salesforce.auth import JwtLogin
from leadbridge.vendors.salesforce.client import SalesforceClient
from leadbridge.vendors.salesforce.quota import quota_returns

#: Marketo's usage call counts as a call, so it is made this often at most
USAGE_AGE = timedelta(minutes=15)


class SecretReader(Protocol):
    """Reads the vendor secrets, by connection id."""

    def __call__(self, *, refresh: bool = False) -> Mapping[str, Any]:
        """The secret's members; `refresh` reads past the copy."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorLimits:
    """How much of each instance's limits is ours, of all workers together; the rest is left to others.

    `place_seconds`: after so long the place of a dead worker is free again.
    """

    marketo_calls_per_20s: int
    marketo_daily_calls: int
    marketo_reserve_percent: float
    marketo_concurrent: int
    salesforce_concurrent: int
    salesforce_reserve_percent: float
    place_seconds: float

    def marketo(self) -> Policy:
        """Our share of a Marketo instance."""
        return Policy(
            vendor="marketo",
            calls=self.marketo_calls_per_20s,
            places=self.marketo_concurrent,
            quota_returns=next_quota_reset,
            day_ends=next_midnight,
            day_calls=self.marketo_daily_calls,
            reserve_percent=self.marketo_reserve_percent,
            lease=round(1000 * self.place_seconds),
        )

    def salesforce(self) -> Policy:
        """Our share of a Salesforce org, whose daily allocation is only known from its answers."""
        return Policy(
            vendor="salesforce",
            calls=None,
            places=self.salesforce_concurrent,
            quota_returns=quota_returns,
            reserve_percent=self.salesforce_reserve_percent,
            lease=round(1000 * self.place_seconds),
        )


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
        limits: Limits,
        shares: VendorLimits,
        lane: Lane = Lane.ON_DEMAND,
    ) -> None:
        """`limits` is what all workers know together, `shares` what is ours, `lane` whose work these calls do."""
        self._configurations = configurations
        self._secret = secret
        self._sign = sign
        self._clock = clock
        self._meter = meter
        self._shares = shares
        self._http = HttpSettings(
            client=build_http_client(),
            clock=clock.now,
            sleep=time.sleep,
            allowed_hosts=allowed_hosts,
            on_call=self._count,
        )
        self._marketo_limiter, self._salesforce_limiter = (
            SharedLimiter(limits=limits, policy=policy, clock=clock.now, sleep=time.sleep, meter=meter, lane=lane)
            for policy in (shares.marketo(), shares.salesforce())
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
            self._marketo[key] = MarketoClient(
                self._http,
                base_url=stored.document.base_url,
                credentials=_Credentials(self._secret, connection),
                limiter=self._marketo_limiter,
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
                limiter=self._salesforce_limiter,
                api_version=document.api_version,
            )
        return self._salesforce[key]

    def report_quota(self) -> None:
        """Tell the meter how much of the vendors' daily calls is left, and give back the places for calls.

        Salesforce says it in every answer, Marketo is asked at most every `USAGE_AGE`.
        """
        try:
            self._report_quota(self._clock.now())
        finally:
            for limiter in (self._marketo_limiter, self._salesforce_limiter):
                limiter.give_back()

    def _report_quota(self, now: datetime) -> None:
        left = [
            100 * usage.left / usage.allowed
            for client in self._salesforce.values()
            if (usage := client.api_usage) is not None and usage.allowed
        ]
        if now - self._usage_read_at > USAGE_AGE:
            self._usage_read_at = now
            daily = self._shares.marketo_daily_calls
            left += [100 * max(0, daily - client.usage()) / daily for client in self._marketo.values()]
        for percent in left:
            self._meter.gauge("VendorQuotaLeftPercent", percent)

    def _count(self, record: CallRecord) -> None:
        count(self._meter, record)


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
