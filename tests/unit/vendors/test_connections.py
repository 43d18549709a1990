"""Clients by connection: what connections to one vendor instance share, and what the end of a run gives back."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from leadbridge.domain.action import LaneShares, MarketoLimits, SalesforceLimits
from leadbridge.domain.findings import read_document
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.limits import RESERVE, Lane
from leadbridge.errors import ConfigurationError, DisabledError, QuotaExhaustedError, SyncError
from leadbridge.vendors import connections as module
from leadbridge.vendors.connections import SecretKeeper, VendorConnections, VendorLimits
from leadbridge.vendors.http.transport import build_http_client
from tests.builders.actions import a_marketo_connection, a_salesforce_connection
from tests.fakes.clock import SettableClock
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.limits import InMemoryLimits
from tests.fakes.meter import RecordingMeter
from tests.unit.vendors.doubles import MARKETO, ORG, ScriptedVendor, failure, session, success

SHARES = VendorLimits(
    marketo_calls_per_20s=50,
    marketo_daily_calls=1_000,
    marketo_reserve_percent=5,
    marketo_concurrent=5,
    salesforce_concurrent=20,
    salesforce_reserve_percent=5,
    place_seconds=15,
)
ELSEWHERE = "https://999-ZZZ-999.mktorest.com"
INSTANCE = "marketo#123-abc-456.mktorest.com"
OTHER = "marketo#999-zzz-999.mktorest.com"


class Office:
    """Three Marketo connections, two of them to one instance."""

    def __init__(
        self,
        vendor: ScriptedVendor,
        monkeypatch: pytest.MonkeyPatch,
        *,
        secret: Mapping[str, Any] | None = None,
        keep_secret: SecretKeeper | None = None,
    ) -> None:
        self.limits = InMemoryLimits()
        self.meter = RecordingMeter()
        self.clock = SettableClock()
        self.configurations = InMemoryConfigurations()
        addresses = {"one": MARKETO, "two": MARKETO.lower(), "three": ELSEWHERE}
        for name, address in addresses.items():
            self.configurations.put(a_marketo_connection(id=name, base_url=address))
        monkeypatch.setattr(module, "build_http_client", lambda: build_http_client(httpx.MockTransport(vendor)))
        self.connections = VendorConnections(
            configurations=self.configurations,
            secret=_secret if secret is None else lambda *, refresh=False: secret,
            keep_secret=keep_secret,
            sign=bytes,
            clock=self.clock,
            meter=self.meter,
            allowed_hosts=frozenset(),
            limits=self.limits,
            shares=SHARES,
            lane=Lane.SCHEDULED,
        )


@pytest.mark.parametrize(
    ("login", "posted"),
    [
        (None, "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("jwt", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("client_credentials", "client_credentials"),
        ("refresh_token", "refresh_token"),
    ],
)
def test_a_salesforce_connection_logs_in_as_its_document_says(
    monkeypatch: pytest.MonkeyPatch, login: str | None, posted: str
) -> None:
    """By default with a signed assertion; otherwise with the secret that is stored under the connection's id."""
    vendor = ScriptedVendor(httpx.Response(200, json={"done": True, "records": []}))
    office = Office(vendor, monkeypatch)
    office.configurations.put(a_salesforce_connection(id="one", token_host=ORG, login=login))
    office.connections.salesforce("one").query("SELECT Id FROM Lead")
    form = parse_qs(vendor.token_requests[0].content.decode())
    assert form["grant_type"] == [posted]
    assert form.get("client_secret") == (["secret"] if login in ("client_credentials", "refresh_token") else None)


@pytest.mark.parametrize("secret", [{}, {"one": {}}])
def test_a_login_whose_secret_nobody_stored_says_how_to_store_it(
    monkeypatch: pytest.MonkeyPatch, secret: Mapping[str, Any]
) -> None:
    """Nothing is sent."""
    vendor = ScriptedVendor(httpx.Response(200, json={"done": True, "records": []}))
    office = Office(vendor, monkeypatch, secret=secret)
    office.configurations.put(a_salesforce_connection(id="one", token_host=ORG, login="client_credentials"))
    with pytest.raises(ConfigurationError, match="connections secret one"):
        office.connections.salesforce("one").query("SELECT Id FROM Lead")
    assert vendor.token_requests == []


@pytest.mark.parametrize("may_store", [True, False])
def test_a_refresh_token_that_salesforce_replaced_is_stored_or_the_reason_why_not_is_told(
    monkeypatch: pytest.MonkeyPatch, may_store: bool
) -> None:
    """A process that may not write secrets does not go on as if all were well."""
    kept: list[tuple[str, Mapping[str, str]]] = []
    answer = httpx.Response(200, json={**session(), "refresh_token": "the next one"})
    vendor = ScriptedVendor(httpx.Response(200, json={"done": True, "records": []}), token=lambda _: answer)

    def keep(connection: str, members: Mapping[str, str], /) -> None:
        kept.append((connection, members))

    office = Office(vendor, monkeypatch, keep_secret=keep if may_store else None)
    office.configurations.put(a_salesforce_connection(id="one", token_host=ORG, login="refresh_token"))
    client = office.connections.salesforce("one")
    if may_store:
        client.query("SELECT Id FROM Lead")
        assert kept == [("one", {"refresh_token": "the next one"})]
    else:
        with pytest.raises(ConfigurationError, match="rotation"):
            client.query("SELECT Id FROM Lead")


def _secret(*, refresh: bool = False) -> Mapping[str, Any]:
    return {name: {"client_id": name, "client_secret": "secret"} for name in ("one", "two", "three")}


def test_connections_to_one_instance_share_what_is_known_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of two connections are counted together whatever the spelling of the host, those of a third apart."""
    office = Office(ScriptedVendor(success([{"total": 3}])), monkeypatch)
    for name in ("one", "two", "three"):
        office.connections.marketo(name).usage()
    assert len(office.limits.read(INSTANCE)[0].calls) == 2
    assert len(office.limits.read(OTHER)[0].calls) == 1


def test_a_quota_that_one_connection_found_spent_is_not_asked_about_by_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """607 for the first connection: the second one to the instance makes no call, the one to another does."""
    vendor = ScriptedVendor(failure("607"), success([{"total": 3}]))
    office = Office(vendor, monkeypatch)
    for name in ("one", "two"):
        with pytest.raises(QuotaExhaustedError):
            office.connections.marketo(name).usage()
    assert len(vendor.requests) == 1
    assert office.connections.marketo("three").usage() == 3


def test_through_a_disabled_connection_nobody_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disabled connection has no client and makes no call; the others do, and it does again once enabled."""
    vendor = ScriptedVendor(success([{"total": 3}]))
    office = Office(vendor, monkeypatch)
    office.configurations.move("marketo_connection", "one", Move.DEACTIVATE)

    with pytest.raises(DisabledError) as caught:
        office.connections.marketo("one")

    assert caught.value.detail == "one"
    assert vendor.requests == []
    office.configurations.move("marketo_connection", "one", Move.ACTIVATE)
    assert office.connections.marketo("one").usage() == 3


def test_a_connection_may_have_limits_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the document says goes before what holds for all connections: here a day of 100 calls, none reserved."""
    vendor = ScriptedVendor(success([{"total": 100}]), success([{"total": 100}]))
    office = Office(vendor, monkeypatch)
    limits = {"daily_calls": 100, "reserve_percent": 0}
    office.configurations.put(a_marketo_connection(id="three", base_url=ELSEWHERE, limits=limits))
    office.connections.marketo("three").usage()
    office.connections.marketo("one").usage()

    with pytest.raises(QuotaExhaustedError):
        office.connections.marketo("three").usage()

    assert SHARES.marketo(MarketoLimits(concurrent=2, reserve_percent=0)).places == 2
    assert SHARES.salesforce(SalesforceLimits(concurrent=3)).places == 3
    assert SHARES.marketo().reserve_percent == 5


def test_a_connection_may_give_lanes_a_share_and_its_limits_are_told() -> None:
    """A lane without one may use all of our part, as on-demand work always may; an absent share is not told."""
    plain, cut = SHARES.marketo(), SHARES.salesforce(SalesforceLimits(lane_shares=LaneShares(scheduled=60)))

    assert (plain.lane_shares, cut.lane_shares) == ((100, 100, 100), (100, 60, 100))
    assert SHARES.marketo(MarketoLimits(lane_shares=LaneShares(bootstrap=30))).lane_shares == (100, 100, 30)
    assert plain.told() == [
        "50 calls in 20 seconds",
        "5 at the same time",
        "1,000 calls a day",
        "5 % of the day left to others",
    ]
    assert cut.told() == ["20 at the same time", "5 % of the day left to others", "scheduled work at most 60 %"]


@pytest.mark.parametrize(
    ("shares", "pointer", "sentence"),
    [
        ({"scheduled": 0}, "/limits/lane_shares/scheduled", "is too small; give 1 or more"),
        ({"bootstrap": 101}, "/limits/lane_shares/bootstrap", "is too large; give 100 or less"),
        ({"scheduled": "half"}, "/limits/lane_shares/scheduled", "has the wrong type; give a whole number"),
        (
            {"on_demand": 50},
            "/limits/lane_shares/on_demand",
            "is no member that belongs here; correct its name or remove it",
        ),
    ],
)
def test_a_share_that_is_none_is_named_with_what_to_do(shares: dict[str, object], pointer: str, sentence: str) -> None:
    """The member, and what it may be; work that somebody waits for is not cut."""
    raw = a_marketo_connection().model_dump(exclude_none=True) | {"limits": {"lane_shares": shares}}

    found = read_document(raw)

    assert isinstance(found, list)
    assert [(each.pointer, f"{each.what}; {each.remedy}") for each in found] == [(pointer, sentence)]


def test_a_first_reading_goes_behind_other_work_within_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same client's calls count against a bootstrap's share for as long as it is one, and then against none."""
    vendor = ScriptedVendor(*[success([{"total": 1}])] * 4)
    office = Office(vendor, monkeypatch)
    limits = {"lane_shares": {"bootstrap": 50}}
    office.configurations.put(a_marketo_connection(id="three", base_url=ELSEWHERE, limits=limits))
    starts = []
    for first in (False, True, False, True):
        office.connections.first_reading(first)
        office.connections.marketo("three").usage()
        starts.append({lane: len(each) for lane, each in office.limits.read(OTHER)[0].begun.items()})

    assert starts == [{}, {Lane.BOOTSTRAP: 1}, {Lane.BOOTSTRAP: 1}, {Lane.BOOTSTRAP: 2}]


def test_the_end_of_a_run_gives_back_places_and_tells_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """After `report_quota` no place is held, and the use that Marketo told is known to all workers."""
    office = Office(ScriptedVendor(success([{"total": 1}]), success([{"total": 990}])), monkeypatch)
    office.connections.marketo("one").usage()
    assert len(office.limits.read(INSTANCE)[0].held) == 1

    office.connections.report_quota()

    state, _ = office.limits.read(INSTANCE)
    assert (state.held, state.used) == ({}, 990)
    assert office.meter.gauges["VendorQuotaLeftPercent"] == 1.0
    with pytest.raises(QuotaExhaustedError) as caught:
        office.connections.marketo("two").usage()
    assert caught.value.code == RESERVE


def test_places_are_given_back_even_if_the_vendor_does_not_tell_its_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal is the caller's to ignore; a place that nobody uses blocks nobody."""
    office = Office(ScriptedVendor(success([{"total": 1}]), failure("603")), monkeypatch)
    office.connections.marketo("one").usage()

    with pytest.raises(SyncError):
        office.connections.report_quota()

    assert office.limits.read(INSTANCE)[0].held == {}
