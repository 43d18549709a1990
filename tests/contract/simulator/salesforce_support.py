"""A really running Salesforce twin for contract tests, spoken to in raw HTTP."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.twins import running_twins

DATA = "/services/data/v67.0"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass
class Org:
    """One simulated org: its control plane, and its API with a session."""

    url: str
    credentials: dict[str, str]
    http: httpx.Client
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def log_in(self) -> str:
        """Open a session by client credentials and use it from now on."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.credentials["client_id"],
            "client_secret": self.credentials["client_secret"],
        }
        answer = self.http.post("/services/oauth2/token", data=form)
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]
        self.headers = {"Authorization": f"Bearer {self.token}"}
        return self.token

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one call below the versioned base path with the session's token."""
        headers = self.headers | options.pop("headers", {})
        return self.http.request(method, DATA + path, headers=headers, **options)

    def query(self, soql: str, **options: Any) -> httpx.Response:
        """Run one query."""
        return self.call("GET", "/query", params={"q": soql}, **options)

    def rows(self, soql: str) -> list[dict[str, Any]]:
        """Return the rows of a query without their attributes."""
        answer = self.query(soql)
        assert answer.status_code == 200, answer.text
        records = answer.json()["records"]
        return [{name: value for name, value in each.items() if name != "attributes"} for each in records]

    def load(self, sobject: str, *records: dict[str, Any]) -> list[str]:
        """Put records into the org through the control plane."""
        ids: list[str] = self.control("load", {sobject: list(records)})[sobject]
        return ids

    def records(self, sobject: str) -> list[dict[str, Any]]:
        """Return every record of an object through the control plane."""
        found: list[dict[str, Any]] = self.control(f"records/{sobject}")
        return found

    def control(self, path: str, body: object = None) -> Any:
        """Use the control plane: GET without a body, POST with one."""
        answer = self.http.get(f"/_sim/{path}") if body is None else self.http.post(f"/_sim/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def now(self) -> datetime:
        """Return the time on the org's clock."""
        return datetime.fromisoformat(self.control("clock")["now"])


@contextmanager
def running_org() -> Iterator[Org]:
    """Start a twin of its own process on a free port and stop it at the end."""
    with (
        running_twins("--only", "salesforce") as (_, ready),
        httpx.Client(base_url=ready["salesforce_url"], timeout=30, verify=False) as http,
    ):
        yield Org(ready["salesforce_url"], ready["salesforce_credentials"], http)


def start_over(org: Org) -> None:
    """Empty the org, set its clock to a fixed moment after the present one, and log in."""
    org.control("reset", {})
    org.control("clock", {"set": "2031-05-06T07:08:09Z", "allow_backwards": True})
    org.log_in()


def lead(**fields: Any) -> dict[str, Any]:
    """Return the body of a Lead that the org accepts."""
    return {"LastName": "Aalto", "Company": "Amber", **fields}


def typed(sobject: str, **fields: Any) -> dict[str, Any]:
    """Return a record of a collection."""
    return {"attributes": {"type": sobject}, **fields}


def error_of(answer: httpx.Response) -> tuple[int, str, str]:
    """Return status, code and message of a refusal by a data API."""
    (error,) = answer.json()
    return answer.status_code, error["errorCode"], error["message"]


def wait_for_calls(org: Org, number: int) -> None:
    """Return when so many calls have arrived at the twin, answered or not."""
    deadline = time.monotonic() + 10
    while org.control("calls")["total"] < number:
        assert time.monotonic() < deadline, "the calls did not arrive"


@cache
def signing_key(name: str) -> rsa.RSAPrivateKey:
    """Return the RSA key of this name, made once for each test process."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(key: rsa.RSAPrivateKey, not_after: datetime) -> str:
    """Return a self-signed certificate as PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leadbridge")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(not_after)
        .sign(key, SHA256())
    )
    return built.public_bytes(Encoding.PEM).decode()


def assertion(key: rsa.RSAPrivateKey, claims: dict[str, Any], algorithm: str = "RS256") -> str:
    """Return a signed assertion with these claims."""

    def encoded(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).decode().rstrip("=")

    header = encoded(json.dumps({"alg": algorithm}).encode())
    signed = f"{header}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


def in_seconds(moment: datetime, seconds: float) -> int:
    """Return a moment some seconds later as seconds since 1970."""
    return int((moment + timedelta(seconds=seconds)).timestamp())
