"""Vendor clients by connection, built from configuration and kept for the process (they hold the tokens)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

from leadbridge.domain.action import (
    LaneShares,
    MarketoConnection,
    MarketoLimits,
    SalesforceConnection,
    SalesforceLimits,
)
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.limits import WHOLE, Lane, Policy
from leadbridge.errors import ConfigurationError, DisabledError
from leadbridge.ports import Clock, Documents, Limits, Meter
from leadbridge.vendors.http.calls import CallRecord, count
from leadbridge.vendors.http.deadline import Deadline
from leadbridge.vendors.http.limiter import SharedLimiter
from leadbridge.vendors.http.transport import HttpSettings, build_http_client
from leadbridge.vendors.marketo.auth import Credentials
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.marketo.quota import next_midnight, next_quota_reset
from leadbridge.vendors.salesforce.client import SalesforceClient
from leadbridge.vendors.salesforce.logins import (
    ClientCredentialsLogin,
    JwtLogin,
    LoginSettings,
    RefreshTokenLogin,
)
from leadbridge.vendors.salesforce.quota import quota_returns

#: Marketo's usage call counts as a call, so it is made this often at most
USAGE_AGE = timedelta(minutes=15)


class SecretReader(Protocol):
    """Reads the vendor secrets, by connection id."""

    def __call__(self, *, refresh: bool = False) -> Mapping[str, Any]:
        """The secret's members; `refresh` reads past the copy."""
        ...


class SecretKeeper(Protocol):
    """Stores members of one connection's secret durably, leaving its others and other connections' alone."""

    def __call__(self, connection: str, members: Mapping[str, str], /) -> None:
        """Store the members."""
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

    def marketo(self, own: MarketoLimits | None = None) -> Policy:
        """Our share of a Marketo instance; what the connection says itself goes before what holds for all."""
        own = own or MarketoLimits()
        return Policy(
            vendor="marketo",
            calls=own.calls_per_20_seconds or self.marketo_calls_per_20s,
            places=own.concurrent or self.marketo_concurrent,
            quota_returns=next_quota_reset,
            day_ends=next_midnight,
            day_calls=own.daily_calls or self.marketo_daily_calls,
            reserve_percent=self.marketo_reserve_percent if own.reserve_percent is None else own.reserve_percent,
            lane_shares=_shares(own.lane_shares),
            lease=round(1000 * self.place_seconds),
        )

    def salesforce(self, own: SalesforceLimits | None = None) -> Policy:
        """Our share of a Salesforce org, whose daily allocation is only known from its answers."""
        own = own or SalesforceLimits()
        return Policy(
            vendor="salesforce",
            calls=None,
            places=own.concurrent or self.salesforce_concurrent,
            quota_returns=quota_returns,
            reserve_percent=self.salesforce_reserve_percent if own.reserve_percent is None else own.reserve_percent,
            lane_shares=_shares(own.lane_shares),
            lease=round(1000 * self.place_seconds),
        )


def _shares(own: LaneShares | None) -> tuple[int, int, int]:
    """What each lane may use of our part, in the lanes' order; work that somebody waits for is never cut."""
    own = own or LaneShares()
    return (WHOLE, own.scheduled or WHOLE, own.bootstrap or WHOLE)


class VendorConnections:
    """`ports.Connections` over the configured connections."""

    def __init__(
        self,
        *,
        configurations: Documents,
        secret: SecretReader,
        sign: Callable[[bytes], bytes],
        clock: Clock,
        meter: Meter,
        allowed_hosts: frozenset[str],
        limits: Limits,
        shares: VendorLimits,
        lane: Lane = Lane.ON_DEMAND,
        even_disabled: bool = False,
        keep_secret: SecretKeeper | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        """`limits` is what all workers know together, `shares` what is ours, `lane` whose work these calls do.

        `even_disabled`: a person at the command line looks through a connection that is disabled, too. `keep_secret`
        stores a refresh token that Salesforce replaced. `deadline`: somebody waits for what the calls bring.
        """
        self._configurations = configurations
        self._secret = secret
        self._keep_secret = keep_secret
        self._sign = sign
        self._clock = clock
        self._meter = meter
        self._shares = shares
        self._even_disabled = even_disabled
        self._deadline = deadline or Deadline()
        self._allowed_hosts = allowed_hosts
        self._limits = limits
        self._own_lane = self._lane = lane
        self._limiters: dict[Policy, SharedLimiter] = {}
        self._usage_read_at = datetime.min.replace(tzinfo=UTC)
        self._marketo: dict[tuple[str, int], MarketoClient] = {}
        self._day_calls: dict[tuple[str, int], int] = {}
        self._salesforce: dict[tuple[str, int], SalesforceClient] = {}

    @cached_property
    def _http(self) -> HttpSettings:
        """The one connection pool, made for the first call: a worker that finds nothing to do needs none."""
        return HttpSettings(
            client=build_http_client(),
            clock=self._clock.now,
            sleep=time.sleep,
            allowed_hosts=self._allowed_hosts,
            on_call=self._count,
            deadline=self._deadline,
        )

    def marketo(self, connection: str) -> MarketoClient:
        """The client of a Marketo connection."""
        stored = self._configurations.get("marketo_connection", connection)
        if stored is None or not isinstance(stored.document, MarketoConnection):
            raise _missing(connection)
        self._require_enabled(stored)
        key = (connection, stored.version)
        if key not in self._marketo:
            policy = self._shares.marketo(stored.document.limits)
            self._day_calls[key] = policy.day_calls or self._shares.marketo_daily_calls
            self._marketo[key] = MarketoClient(
                self._http,
                base_url=stored.document.base_url,
                credentials=_Credentials(self._secret, connection),
                limiter=self._limiter(policy),
            )
        return self._marketo[key]

    def salesforce(self, connection: str) -> SalesforceClient:
        """The client of a Salesforce connection."""
        stored = self._configurations.get("salesforce_connection", connection)
        if stored is None or not isinstance(stored.document, SalesforceConnection):
            raise _missing(connection)
        self._require_enabled(stored)
        key = (connection, stored.version)
        if key not in self._salesforce:
            document = stored.document
            self._salesforce[key] = SalesforceClient(
                self._http,
                login=_login(document),
                sign=self._sign,
                secrets=_Secrets(self._secret, self._keep_secret, connection),
                limiter=self._limiter(self._shares.salesforce(document.limits)),
                api_version=document.api_version,
            )
        return self._salesforce[key]

    def first_reading(self, first: bool, /) -> None:  # noqa: FBT001  # the answer to a question
        """Whether what follows is the first reading of a Sync or cycle, which goes behind all other work."""
        self._lane = Lane.BOOTSTRAP if first else self._own_lane
        for limiter in self._limiters.values():
            limiter.work_in(self._lane)

    def _limiter(self, policy: Policy) -> SharedLimiter:
        """One for all connections of the same policy: it keeps places for their next calls."""
        if policy not in self._limiters:
            self._limiters[policy] = SharedLimiter(
                limits=self._limits,
                policy=policy,
                clock=self._clock.now,
                sleep=time.sleep,
                meter=self._meter,
                lane=self._lane,
                deadline=self._deadline,
            )
        return self._limiters[policy]

    def _require_enabled(self, stored: Stored) -> None:
        if not (stored.active or self._even_disabled):
            raise DisabledError(stored.document.id)

    def report_quota(self) -> None:
        """Tell the meter how much of the vendors' daily calls is left, and give back the places for calls.

        Salesforce says it in every answer, Marketo is asked at most every `USAGE_AGE`.
        """
        try:
            self._report_quota(self._clock.now())
        finally:
            self.give_back()

    def give_back(self) -> None:
        """Give back the places for calls that are kept for a next one."""
        for limiter in self._limiters.values():
            limiter.give_back()

    def _report_quota(self, now: datetime) -> None:
        left = [
            100 * usage.left / usage.allowed
            for client in self._salesforce.values()
            if (usage := client.api_usage) is not None and usage.allowed
        ]
        if now - self._usage_read_at > USAGE_AGE:
            self._usage_read_at = now
            for (connection, version), client in self._marketo.items():
                daily = self._day_calls[connection, version]
                left.append(100 * max(0, daily - client.usage()) / daily)
        for percent in left:
            self._meter.gauge("VendorQuotaLeftPercent", percent)

    def _count(self, record: CallRecord) -> None:
        count(self._meter, record)


def _login(document: SalesforceConnection) -> LoginSettings:
    match document.login:
        case "client_credentials":
            return ClientCredentialsLogin(client_id=document.client_id, token_host=document.token_host)
        case "refresh_token":
            return RefreshTokenLogin(client_id=document.client_id, token_host=document.token_host)
        case _:
            return JwtLogin(
                client_id=document.client_id,
                username=document.username or "",
                token_host=document.token_host,
                audience=document.audience,
            )


class _Secrets:
    """Client secret and refresh token of a Salesforce connection that logs in with them."""

    def __init__(self, secret: SecretReader, keep: SecretKeeper | None, connection: str) -> None:
        self._secret = secret
        self._keep = keep
        self._connection = connection

    def __call__(self, *, fresh: bool = False) -> Mapping[str, str]:
        members: Mapping[str, str] | None = self._secret(refresh=fresh).get(self._connection)
        if not members:
            raise _no_secret(self._connection)
        return members

    def keep(self, members: Mapping[str, str]) -> None:
        """Store what Salesforce has replaced.

        Raises:
            ConfigurationError: This process may not write secrets.
        """
        if self._keep is None:
            raise ConfigurationError(
                [
                    (
                        f"connection {self._connection}: Salesforce replaces the refresh token at each use, and this "
                        "process may not store it; deploy with KeepRefreshTokens=true, switch the rotation off, or use "
                        "`login: jwt`"
                    )
                ]
            )
        self._keep(self._connection, members)


class _Credentials:
    """Client id and secret of a Marketo connection, read when needed."""

    def __init__(self, secret: SecretReader, connection: str) -> None:
        self._secret = secret
        self._connection = connection

    def __call__(self, *, fresh: bool = False) -> Credentials:
        members = self._secret(refresh=fresh).get(self._connection)
        if not members:
            raise _no_secret(self._connection)
        return Credentials(members["client_id"], members["client_secret"])


def _no_secret(connection: str) -> ConfigurationError:
    return ConfigurationError(
        [f"connection {connection} has no secret; run: leadbridge connections secret {connection}"]
    )


def _missing(connection: str) -> ConfigurationError:
    return ConfigurationError([f"there is no connection {connection}; apply its document first"])
