"""Both vendor twins in a process of their own, and the product's clients connected to them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from leadbridge.vendors.http.calls import CallRecord
from leadbridge.vendors.http.limiter import Limiter
from leadbridge.vendors.http.transport import HttpSettings, build_http_client
from leadbridge.vendors.marketo.auth import Credentials
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.salesforce.client import SalesforceClient, WriteOptions
from leadbridge.vendors.salesforce.logins import JwtLogin
from tests.fakes.limits import NoLimit
from tests.twins import running_twins


class Owed:
    """Time that has passed for us and not yet for the twins: they hear of it before they are asked anything.

    A loop that waits and looks at nothing of theirs would else spend most of its time on telling them.
    """

    def __init__(self, tell: httpx.Client) -> None:
        """They are as late as we are."""
        self.time = timedelta(0)
        self._tell = tell

    def settle(self, _: httpx.Request) -> None:
        """Tell the twins, who share a clock, before a request of somebody else's."""
        if self.time:
            seconds, self.time = self.time.total_seconds(), timedelta(0)
            answer = self._tell.post("/_sim/clock", json={"advance_seconds": seconds})
            assert answer.status_code == 200, answer.text


@dataclass
class Twin:
    """One vendor twin's control plane."""

    http: httpx.Client
    #: none where somebody asks the twins who would not tell them
    owed: Owed | None = None

    def post(self, what: str, document: Any = None) -> Any:
        answer = self.http.post(f"/_sim/{what}", json=document if document is not None else {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, what: str) -> Any:
        return self.http.get(f"/_sim/{what}").json()

    def calls_of(self, method: str, path: str) -> list[dict[str, Any]]:
        return [each for each in self.get("log?since=0") if (each["method"], each["path"]) == (method, path)]


@dataclass
class Clients:
    """Builds the product's clients; `clock_offset` sets their clock apart from the vendors' one."""

    announced: dict[str, Any]
    key: rsa.RSAPrivateKey
    http: httpx.Client
    calls: list[CallRecord] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    clock_offset: timedelta = timedelta(0)
    #: what Marketo's client asks before each call
    marketo_limiter: Limiter = field(default_factory=NoLimit)

    def settings(self) -> HttpSettings:
        urls = (self.announced["marketo_url"], self.announced["salesforce_url"])
        return HttpSettings(
            client=self.http,
            clock=lambda: datetime.now(UTC) + self.clock_offset,
            sleep=self.sleep,
            allowed_hosts=frozenset(urlsplit(url).netloc for url in urls),
            on_call=self.calls.append,
        )

    def sleep(self, seconds: float) -> None:
        """Real waits are for the twins' real clock only, and short."""
        self.slept.append(seconds)
        time.sleep(min(seconds, 0.05))

    def marketo(self) -> MarketoClient:
        known = self.announced["marketo_credentials"]

        def credentials(*, fresh: bool = False) -> Credentials:
            return Credentials(known["client_id"], known["client_secret"])

        return MarketoClient(
            self.settings(),
            base_url=self.announced["marketo_url"],
            credentials=credentials,
            limiter=self.marketo_limiter,
        )

    def salesforce(
        self, options: WriteOptions | None = None, *, limiter: Limiter | None = None, api_version: str = "67.0"
    ) -> SalesforceClient:
        known = self.announced["salesforce_credentials"]
        login = JwtLogin(
            client_id=known["client_id"],
            username=known["username"],
            token_host=self.announced["salesforce_url"],
            audience=known["audience"],
        )

        def sign(data: bytes) -> bytes:
            return self.key.sign(data, padding.PKCS1v15(), SHA256())

        return SalesforceClient(
            self.settings(),
            login=login,
            sign=sign,
            limiter=limiter or NoLimit(),
            options=options,
            api_version=api_version,
        )


@pytest.fixture(scope="session")
def announced() -> Iterator[dict[str, Any]]:
    """URLs and credentials of a running pair of twins."""
    with running_twins("--seed", "11") as (_, document):
        yield document


@pytest.fixture(scope="session")
def signing_key(announced: dict[str, Any]) -> rsa.RSAPrivateKey:
    """A key whose certificate the org's administrator has uploaded."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leadbridge-test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .sign(key, SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM).decode()
    answer = httpx.post(announced["salesforce_url"] + "/_sim/certificate", json={"certificate": pem})
    assert answer.status_code == 200, answer.text
    return key


# the twins speak plain HTTP: reading certificates for it takes longer than most tests
@pytest.fixture
def owed(announced: dict[str, Any]) -> Iterator[Owed]:
    """What the twins have not heard of."""
    with httpx.Client(base_url=announced["marketo_url"], timeout=30, verify=False) as http:
        yield Owed(http)


@pytest.fixture
def clients(announced: dict[str, Any], signing_key: rsa.RSAPrivateKey, owed: Owed) -> Iterator[Clients]:
    """The product's clients on one connection pool."""
    pool = httpx.HTTPTransport(verify=False, limits=httpx.Limits(max_connections=20, max_keepalive_connections=20))
    with build_http_client(pool) as http:
        http.event_hooks["request"].append(owed.settle)
        yield Clients(announced, signing_key, http)


@pytest.fixture
def twin(announced: dict[str, Any], owed: Owed) -> Iterator[Callable[[str], Twin]]:
    """Fresh twins: no records, no faults, no artificial latency; by vendor name."""
    twins = {}
    for vendor in ("marketo", "salesforce"):
        hooks = {"request": [owed.settle]}
        url = announced[f"{vendor}_url"]
        twins[vendor] = Twin(httpx.Client(base_url=url, timeout=30, verify=False, event_hooks=hooks), owed)
    # an earlier test may have moved the clock that both share, and what is set up bears its time
    twins["marketo"].post("clock", {"set": datetime.now(UTC).isoformat(), "allow_backwards": True})
    for each in twins.values():
        each.post("reset")
    twins["marketo"].post(
        "limits", {"latency_seconds": 0, "race_window_seconds": 0, "calls_per_20s": 100, "concurrent": 10}
    )
    yield twins.__getitem__
    for each in twins.values():
        each.http.close()


@pytest.fixture
def marketo(twin: Callable[[str], Twin]) -> Twin:
    """The Marketo twin's control plane."""
    return twin("marketo")


@pytest.fixture
def salesforce(twin: Callable[[str], Twin]) -> Twin:
    """The Salesforce twin's control plane."""
    return twin("salesforce")
