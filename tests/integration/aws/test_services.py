"""Secrets, the signing key and its certificate, the bell, and the clock of a local stack."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from leadbridge.aws.services import (
    OFFSET_AGE_SECONDS,
    SECRET_AGE_SECONDS,
    CycleBell,
    LambdaBell,
    PatientBell,
    Secret,
    Signer,
    SystemClock,
)
from leadbridge.domain.event import VERSION
from leadbridge_cli.certificate import certificate
from tests.integration.aws.local_aws import Invocations, SettableSeconds, Unsteady, client, refusal

# -- secrets


@pytest.fixture
def vault(aws: None) -> Unsteady:
    """Secrets Manager."""
    return Unsteady(client("secretsmanager"))


@pytest.fixture
def seconds() -> SettableSeconds:
    """The process's monotonic clock."""
    return SettableSeconds()


def a_secret(vault: Any, **value: Any) -> str:
    """A new secret with a value."""
    return str(vault.client.create_secret(Name="vendor", SecretString=json.dumps(value))["ARN"])


def reads(vault: Unsteady) -> int:
    """How often the secret was read."""
    return len(vault.called("get_secret_value"))


def test_a_secret_without_a_value_is_empty_until_one_is_written(vault: Any, seconds: SettableSeconds) -> None:
    """Before the command line has written credentials the value is empty; afterwards it is there at the next look."""
    arn = vault.client.create_secret(Name="vendor")["ARN"]
    secret = Secret(vault, arn, seconds)

    assert secret.value() == {}

    vault.client.put_secret_value(SecretId=arn, SecretString='{"marketo-demo": {"client_id": "x"}}')
    assert secret.value() == {"marketo-demo": {"client_id": "x"}}


def test_a_secret_is_read_once_within_its_age(vault: Any, seconds: SettableSeconds) -> None:
    """Until the age is reached the copy is used; one moment later the new value is read."""
    arn = a_secret(vault, key="old")
    secret = Secret(vault, arn, seconds)
    secret.value()
    vault.client.put_secret_value(SecretId=arn, SecretString='{"key": "new"}')

    seconds.at += SECRET_AGE_SECONDS
    assert (secret.value(), reads(vault)) == ({"key": "old"}, 1)

    seconds.at += 0.001
    assert (secret.value(), reads(vault)) == ({"key": "new"}, 2)


def test_a_refreshed_secret_is_read_at_once(vault: Any, seconds: SettableSeconds) -> None:
    """After a refused login the rotated value is used without waiting for the age, by later looks too."""
    arn = a_secret(vault, key="old")
    secret = Secret(vault, arn, seconds)
    secret.value()
    vault.client.put_secret_value(SecretId=arn, SecretString='{"key": "new"}')

    assert secret.value(refresh=True) == {"key": "new"}
    assert (secret.value(), reads(vault)) == ({"key": "new"}, 2)


def test_a_replaced_member_is_kept_beside_what_others_stored(vault: Any, seconds: SettableSeconds) -> None:
    """A refresh token that Salesforce replaced is stored; credentials that were stored since the last look stay.

    An object that is dropped goes alone.
    """
    arn = a_secret(vault, org={"client_secret": "c", "refresh_token": "1"})
    secret = Secret(vault, arn, seconds)
    secret.value()
    known = {"org": {"client_secret": "d", "refresh_token": "1"}, "other": {"client_id": "x"}}
    vault.client.put_secret_value(SecretId=arn, SecretString=json.dumps(known))

    secret.keep("org", {"refresh_token": "2"})

    expected = {"org": {"client_secret": "d", "refresh_token": "2"}, "other": {"client_id": "x"}}
    assert secret.value() == expected
    assert json.loads(vault.client.get_secret_value(SecretId=arn)["SecretString"]) == expected

    secret.drop("org")
    secret.drop("nobody")

    assert secret.value() == {"other": {"client_id": "x"}}
    assert json.loads(vault.client.get_secret_value(SecretId=arn)["SecretString"]) == secret.value()


# -- the signing key


@pytest.fixture
def signer(aws: None) -> Signer:
    """The signing key of the template."""
    kms = client("kms")
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    return Signer(kms, key)


def test_a_signature_is_verified_by_the_public_key(signer: Signer) -> None:
    """The signature is RS256 over exactly the given bytes."""
    key = serialization.load_der_public_key(signer.public_key())
    assert isinstance(key, rsa.RSAPublicKey)

    signature = signer.sign(b"header.claims")

    key.verify(signature, b"header.claims", padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        key.verify(signature, b"header.other claims", padding.PKCS1v15(), hashes.SHA256())


def test_the_certificate_holds_the_signing_keys_public_half(signer: Signer) -> None:
    """It is self-signed by the key in KMS, names the connection, and is valid from yesterday for five years."""
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    made = x509.load_pem_x509_certificate(certificate(signer, "salesforce-demo", now))

    made.verify_directly_issued_by(made)
    assert made.public_key() == serialization.load_der_public_key(signer.public_key())
    assert made.subject.rfc4514_string() == "CN=leadbridge salesforce-demo"
    assert made.not_valid_before_utc == now - timedelta(days=1)
    assert made.not_valid_after_utc == now + timedelta(days=5 * 365)


# -- the bell


def test_a_ring_is_an_asynchronous_call_that_names_the_lane(aws: None) -> None:
    """One invocation of the given function, of type Event, with the message version and the lane."""
    lambda_client = client("lambda")
    invocations = Invocations(lambda_client)

    LambdaBell(lambda_client, "stack-RunActionsFunction-1").ring("salesforce-demo")

    (target,) = invocations.targets
    assert "/functions/stack-RunActionsFunction-1/invocations" in target
    assert [json.loads(payload) for payload in invocations.payloads] == [{"v": VERSION, "lane": "salesforce-demo"}]


def test_a_cut_chain_of_own_calls_is_no_error(aws: None) -> None:
    """Lambda refuses the seventeenth hop of a chain; the sweep goes on from there."""
    lambda_client: Any = Unsteady(client("lambda"))
    lambda_client.before["invoke"] = [refusal("RecursiveInvocationException", "Invoke")]

    LambdaBell(lambda_client, "run").ring("salesforce-demo")

    assert len(lambda_client.called("invoke")) == 1


def test_any_other_refusal_of_a_ring_is_an_error(aws: None) -> None:
    """A missing permission is not swallowed."""
    lambda_client: Any = Unsteady(client("lambda"))
    lambda_client.before["invoke"] = [refusal("AccessDeniedException", "Invoke", status=403)]

    with pytest.raises(Exception, match="AccessDeniedException"):
        LambdaBell(lambda_client, "run").ring("salesforce-demo")


def test_a_ring_that_fails_does_not_keep_an_answer_back(aws: None) -> None:
    """Who has an answer in hand rings in vain, and goes on; the sweep rings again."""
    lambda_client: Any = Unsteady(client("lambda"))
    lambda_client.before["invoke"] = [refusal("TooManyRequestsException", "Invoke", status=429)]

    PatientBell(LambdaBell(lambda_client, "run")).ring("salesforce-demo")

    assert len(lambda_client.called("invoke")) == 1


def test_a_tick_of_a_cycle_may_be_lost(aws: None) -> None:
    """One asynchronous call that names the cycle; the next tick of its schedule is a minute away at most."""
    lambda_client: Any = Unsteady(client("lambda"))
    invocations = Invocations(lambda_client.client)
    bell = CycleBell(lambda_client, "start")
    bell.tick("main")
    lambda_client.before["invoke"] = [refusal("TooManyRequestsException", "Invoke", status=429)]
    bell.tick("main")

    assert [json.loads(payload) for payload in invocations.payloads] == [{"v": VERSION, "cycle": "main"}]


# -- the clock


class Simulators(ThreadingHTTPServer):
    """Tells a clock offset as the simulators do, and counts who asks."""

    offset_seconds = 0.0
    asked = 0


class TellsTheOffset(BaseHTTPRequestHandler):
    """Answers with the server's offset."""

    def do_GET(self) -> None:  # the base class finds methods by the HTTP verb
        """The clock of the control plane."""
        assert isinstance(self.server, Simulators)
        self.server.asked += 1
        body = json.dumps({"now": "2026-03-02T09:00:00Z", "offset_seconds": self.server.offset_seconds}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
        """Say nothing."""


@pytest.fixture
def simulators() -> Iterator[Simulators]:
    """A control plane on loopback."""
    with Simulators(("127.0.0.1", 0), TellsTheOffset) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def offset_of(clock: SystemClock) -> timedelta:
    """How far a clock is ahead of real time, to the minute."""
    ahead = clock.now() - datetime.now(UTC)
    return timedelta(minutes=round(ahead / timedelta(minutes=1)))


def test_a_clock_without_address_tells_real_time() -> None:
    """Outside of a local stack the clock is the machine's, aware and in UTC."""
    before = datetime.now(UTC)
    now = SystemClock().now()

    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() == timedelta()


def test_a_local_stacks_clock_follows_the_simulators(simulators: Simulators, seconds: SettableSeconds) -> None:
    """The offset is added, asked for at most twice a second, and a change is seen after that."""
    simulators.offset_seconds = 86_400.0
    clock = SystemClock(f"http://127.0.0.1:{simulators.server_port}/_sim/clock", seconds)

    assert offset_of(clock) == timedelta(days=1)

    simulators.offset_seconds = -3600.0
    seconds.at += OFFSET_AGE_SECONDS
    assert (offset_of(clock), simulators.asked) == (timedelta(days=1), 1)

    seconds.at += 0.001
    assert (offset_of(clock), simulators.asked) == (timedelta(hours=-1), 2)


def test_a_local_stacks_clock_goes_on_while_the_simulators_are_busy(
    simulators: Simulators, seconds: SettableSeconds
) -> None:
    """What they said last holds while they do not answer, and they are not asked at each look; a process that has
    never heard of them does not guess."""
    simulators.offset_seconds = 86_400.0
    url = f"http://127.0.0.1:{simulators.server_port}/_sim/clock"
    clock = SystemClock(url, seconds)
    assert offset_of(clock) == timedelta(days=1)

    gone = SystemClock("http://127.0.0.1:1/_sim/clock", seconds)
    clock._url = gone._url
    seconds.at += OFFSET_AGE_SECONDS + 0.001
    assert offset_of(clock) == timedelta(days=1)
    with pytest.raises(OSError, match="refused"):
        gone.now()

    clock._url, simulators.offset_seconds = url, -3600.0
    assert (offset_of(clock), simulators.asked) == (timedelta(days=1), 1)
    seconds.at += OFFSET_AGE_SECONDS + 0.001
    assert (offset_of(clock), simulators.asked) == (timedelta(hours=-1), 2)
