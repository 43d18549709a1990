"""Vendor credentials that are rotated while Leadbridge works, read from Secrets Manager as the functions do."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from leadbridge.aws.services import SECRET_AGE_SECONDS, Secret
from leadbridge.errors import AuthenticationError
from leadbridge.vendors.connections import VendorConnections, VendorLimits
from leadbridge.vendors.marketo.client import MarketoClient
from tests.builders.actions import MARKETO, a_marketo_connection
from tests.fakes.clock import NOON, SettableClock
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.limits import InMemoryLimits
from tests.fakes.meter import RecordingMeter
from tests.integration.aws.local_aws import SettableSeconds, Unsteady, client, local_aws
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import SharedClock

IDENTITY = "POST /identity/oauth/token"
REFUSED = json.dumps({"error": "unauthorized", "error_description": "Bad client credentials"})
SHARES = VendorLimits(
    marketo_calls_per_20s=50,
    marketo_daily_calls=50_000,
    marketo_reserve_percent=5,
    marketo_concurrent=5,
    salesforce_concurrent=20,
    salesforce_reserve_percent=5,
    place_seconds=15,
)


@dataclass
class Vault:
    """The vendor secret of a stack, and the client that uses it."""

    secrets: Any
    unsteady: Any
    arn: str
    known: dict[str, dict[str, str]]
    clock: SettableClock
    marketo: MarketoClient

    def store(self, name: str) -> None:
        """Write a pair of credentials, as `leadbridge connections secret` does."""
        value = json.dumps({MARKETO: self.known[name]})
        self.secrets.put_secret_value(SecretId=self.arn, SecretString=value)

    @property
    def reads(self) -> int:
        """How often the secret was read."""
        return len(self.unsteady.called("get_secret_value"))


@pytest.fixture
def vault(clients: Clients, marketo: Twin) -> Iterator[Vault]:
    """A vault that holds the first of two pairs that the twin knows; `wrong` is a third that it does not."""
    known = clients.announced["marketo_credentials"]
    pairs = {
        "first": {"client_id": known["client_id"], "client_secret": known["client_secret"]},
        "second": {"client_id": known["other_client_id"], "client_secret": known["other_client_secret"]},
        "wrong": {"client_id": known["client_id"], "client_secret": "nobody-knows-this"},
    }
    with local_aws():
        secrets = client("secretsmanager")
        arn = secrets.create_secret(Name="VendorSecret", SecretString=json.dumps({MARKETO: pairs["first"]}))["ARN"]
        unsteady: Any = Unsteady(secrets)
        configurations = InMemoryConfigurations()
        configurations.put(a_marketo_connection(base_url=clients.announced["marketo_url"]))
        clock = SharedClock(marketo, timedelta(0), NOON)
        connections = VendorConnections(
            configurations=configurations,
            secret=Secret(unsteady, arn, SettableSeconds()).value,
            sign=lambda data: data,
            clock=clock,
            meter=RecordingMeter(),
            allowed_hosts=frozenset({urlsplit(clients.announced["marketo_url"]).netloc}),
            limits=InMemoryLimits(),
            shares=SHARES,
        )
        yield Vault(secrets, unsteady, arn, pairs, clock, connections.marketo(MARKETO))
        connections._http.client.close()  # a process keeps its pool for ever, a test does not


def logins(marketo: Twin) -> list[int]:
    """The statuses of all logins."""
    method, path = IDENTITY.split()
    return [call["status"] for call in marketo.calls_of(method, path)]


@pytest.mark.fault("FT10")
def test_a_rotated_client_secret_is_read_at_the_first_refusal(vault: Vault, marketo: Twin) -> None:
    """The copy of the secret is new, yet one refused login makes us read again; the call succeeds, once."""
    vault.marketo.usage()
    vault.store("second")
    marketo.post("faults", [{"match": IDENTITY, "kind": "http", "status": 401, "body": REFUSED, "times": 1}])
    vault.clock.advance(3_601)  # the token ends; the copy is as young as before on the process's own clock

    assert vault.marketo.usage() >= 0

    assert logins(marketo) == [200, 401, 200]
    assert vault.reads == 2
    assert SECRET_AGE_SECONDS >= 60, "without the refusal the copy would have been used for minutes"


@pytest.mark.fault("FT10")
def test_the_old_secret_works_until_its_end(vault: Vault, marketo: Twin) -> None:
    """A rotation is not noticed while the old credentials still work: no refusal, no extra login, no extra read."""
    vault.marketo.usage()
    vault.store("second")
    vault.clock.advance(60)

    vault.marketo.usage()

    assert logins(marketo) == [200]
    assert vault.reads == 1


@pytest.mark.fault("FT10")
def test_two_wrong_secrets_are_refused_after_one_look_and_a_repair_is_found_by_itself(
    vault: Vault, marketo: Twin
) -> None:
    """One login, one look, one sentence that says what to do; a minute later the repaired secret is read and works."""
    vault.store("wrong")
    for _ in range(3):
        with pytest.raises(AuthenticationError, match="LaunchPoint") as caught:
            vault.marketo.usage()
        assert "nobody-knows-this" not in str(caught.value)
    assert logins(marketo) == [401], "repeated refusals could lock the service"
    assert vault.reads == 2

    vault.store("first")
    vault.clock.advance(61)

    assert vault.marketo.usage() >= 0
    assert logins(marketo) == [401, 401, 200]


@pytest.mark.fault("FT10")
@pytest.mark.parametrize("operation", ["read", "write"])
def test_a_secret_rotated_in_mid_run_costs_no_record(vault: Vault, marketo: Twin, operation: str) -> None:
    """The token dies with the old secret: the refused call goes again with the new one, and writes are there once."""
    vault.marketo.usage()
    vault.store("second")
    path = "GET /rest/v1/leads.json" if operation == "read" else "POST /rest/v1/leads.json"
    marketo.post(
        "faults",
        [
            {"match": path, "kind": "vendor_error", "code": "601", "message": "Access token invalid", "times": 1},
            {"match": IDENTITY, "kind": "http", "status": 401, "body": REFUSED, "times": 1},
        ],
    )
    call: Callable[[], object] = {
        "read": lambda: vault.marketo.leads_by_filter("email", ["jo@example.com"], ["id"]),
        "write": lambda: vault.marketo.sync_leads(
            [{"email": "jo@example.com"}], action="createOnly", lookup_field="email"
        ),
    }[operation]

    call()

    assert logins(marketo) == [200, 401, 200]
    assert len(marketo.get("records/leads")) == (1 if operation == "write" else 0)
    assert len(marketo.calls_of(*path.split())) == 2
