"""Small adapters: secrets, the signing key, the bell, the clock of a local stack."""

import json
import logging
import time
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from leadbridge.domain.event import VERSION

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

logger = logging.getLogger("leadbridge.services")

#: how long a secret may be used before it is read again
SECRET_AGE_SECONDS = 300.0
#: how long a local stack's clock offset may be reused; real time goes on between two looks
OFFSET_AGE_SECONDS = 0.5
#: how long a local stack's simulators are waited for when their offset is not known yet, and when it is
FIRST_LOOK_SECONDS, LOOK_SECONDS = 10.0, 2.0


class Secret:
    """A JSON secret, read with a maximum age; `refresh` reads it at once."""

    def __init__(
        self, client: "SecretsManagerClient", arn: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._arn = arn
        self._monotonic = monotonic
        self._read_at = 0.0
        self._value: Mapping[str, Any] = {}

    def value(self, *, refresh: bool = False) -> Mapping[str, Any]:
        """The secret's members; empty if it has no value yet."""
        if refresh or not self._value or self._monotonic() - self._read_at > SECRET_AGE_SECONDS:
            try:
                text = self._client.get_secret_value(SecretId=self._arn)["SecretString"]
            except self._client.exceptions.ResourceNotFoundException:
                text = ""  # the secret exists but nobody has written a value
            self._value = json.loads(text or "{}")
            self._read_at = self._monotonic()
        return self._value

    def keep(self, name: str, members: Mapping[str, str], /) -> None:
        """Replace members of one object in the secret, leaving the others as they are."""
        known = dict(self.value(refresh=True))
        known[name] = {**known.get(name, {}), **members}
        self._store(known)

    def drop(self, name: str, /) -> None:
        """Take one object out of the secret, if it is there."""
        known = dict(self.value(refresh=True))
        if known.pop(name, None) is not None:
            self._store(known)

    def _store(self, known: Mapping[str, Any]) -> None:
        self._client.put_secret_value(SecretId=self._arn, SecretString=json.dumps(known))
        self._value = known


def hash_key(secret: Secret) -> Callable[[], bytes]:
    """The key under which persons are indexed; it never changes, or nothing would be found again."""
    return lambda: str(secret.value()["key"]).encode()


class Signer:
    """RS256 signatures by a KMS key, so that no private key exists in any process."""

    def __init__(self, client: "KMSClient", key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    def sign(self, message: bytes) -> bytes:
        """The RSASSA-PKCS1-v1_5 signature over SHA-256 of `message`."""
        answer = self._client.sign(
            KeyId=self._key_id,
            Message=message,
            MessageType="RAW",
            SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256",
        )
        return answer["Signature"]

    def public_key(self) -> bytes:
        """The public key, DER-encoded SubjectPublicKeyInfo."""
        return self._client.get_public_key(KeyId=self._key_id)["PublicKey"]


class LambdaBell:
    """Rings by an asynchronous invocation of `run_actions`."""

    def __init__(self, client: "LambdaClient", function: str) -> None:
        self._client = client
        self._function = function

    def ring(self, lane: str) -> None:
        """Start a drainer for the lane; a lost ring is made good by `sweep` within a minute."""
        payload = json.dumps({"v": VERSION, "lane": lane}).encode()
        try:
            self._client.invoke(FunctionName=self._function, InvocationType="Event", Payload=payload)
        except ClientError as error:
            # Lambda cuts a chain of self-calls after 16 hops; the next sweep begins a new chain
            if error.response["Error"]["Code"] != "RecursiveInvocationException":
                raise


class ScheduleBell:
    """Has `start_sync` look after the schedule of one Sync or cycle, by an asynchronous invocation."""

    def __init__(self, client: "LambdaClient", function: str) -> None:
        self._client = client
        self._function = function

    def keep(self, kind: str, identifier: str) -> None:
        """Ask for it; what is lost is mended within five minutes, when all of them are looked after."""
        payload = json.dumps({"v": VERSION, "keep": identifier, "kind": kind}).encode()
        try:
            self._client.invoke(FunctionName=self._function, InvocationType="Event", Payload=payload)
        except (BotoCoreError, ClientError) as error:
            logger.warning("schedule not looked after: %s", type(error).__name__)


class CycleBell:
    """Has `start_sync` look at a cycle before its next tick, by an asynchronous invocation."""

    def __init__(self, client: "LambdaClient", function: str) -> None:
        self._client = client
        self._function = function

    def tick(self, cycle: str) -> None:
        """Ask for it; what is lost comes with the next tick, a minute later at most."""
        payload = json.dumps({"v": VERSION, "cycle": cycle}).encode()
        try:
            self._client.invoke(FunctionName=self._function, InvocationType="Event", Payload=payload)
        except (BotoCoreError, ClientError) as error:
            logger.warning("cycle not ticked: %s", type(error).__name__)


class PatientBell:
    """A bell for who has an answer in hand: it must go out, and `sweep` rings again within a minute."""

    def __init__(self, bell: LambdaBell) -> None:
        self._bell = bell

    def ring(self, lane: str) -> None:
        """Ring; a ring that fails is lost."""
        try:
            self._bell.ring(lane)
        except (BotoCoreError, ClientError) as error:
            logger.warning("ring lost: %s", type(error).__name__)


class CallbackBell:
    """Rings by an asynchronous invocation of `call_back`, for a chunk of people."""

    def __init__(self, client: "LambdaClient", function: str) -> None:
        self._client = client
        self._function = function

    def ring(self, lane: str) -> None:
        """Have a chunk called back; a lost ring is made good when the chunk is looked at next."""
        payload = json.dumps({"v": VERSION, "chunk": lane}).encode()
        self._client.invoke(FunctionName=self._function, InvocationType="Event", Payload=payload)


class SystemClock:
    """Real time, plus the offset that a local stack's simulators hold (`clock_url` is empty elsewhere)."""

    def __init__(self, clock_url: str = "", monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = clock_url
        self._monotonic = monotonic
        self._looked_at = float("-inf")
        self._offset = timedelta()

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        if self._url and self._monotonic() - self._looked_at > OFFSET_AGE_SECONDS:
            known = self._looked_at > float("-inf")
            try:
                self._offset = self._look(LOOK_SECONDS if known else FIRST_LOOK_SECONDS)
            except OSError:
                # a simulator that has a large file in hand answers nobody for a while: what it said last holds
                if not known:
                    raise
            self._looked_at = self._monotonic()
        return datetime.now(UTC) + self._offset

    def _look(self, seconds: float) -> timedelta:
        with urllib.request.urlopen(self._url, timeout=seconds) as answer:  # noqa: S310  # set by the template, loopback only
            return timedelta(seconds=json.load(answer)["offset_seconds"])
