"""An in-process AWS: the template's tables, a clock that tests set, and clients that fail when told to."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.integration.aws.quick import quick_aws
from tests.unit.test_template import RESOURCES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: the SDK tries once, so that a planted failure is seen by the adapter and no test waits for a back-off
ONCE = Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=1, read_timeout=1)
#: what is not a property of CreateTable
APART = ("TimeToLiveSpecification", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled", "Tags")


@dataclass
class SettableClock:
    """A clock that stands still until a test moves it."""

    at: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.at

    def advance(self, **duration: float) -> datetime:
        """Move on by a duration, given as for `timedelta`; returns the new time."""
        self.at += timedelta(**duration)
        return self.at


@dataclass
class SettableSeconds:
    """A monotonic clock that stands still until a test moves it."""

    at: float = 1000.0

    def __call__(self) -> float:
        """The seconds it was set to."""
        return self.at


@contextmanager
def local_aws(config: Any = None) -> Iterator[None]:
    """No call to AWS leaves the process while the context is open; it begins and ends empty; `config` is moto's."""
    with quick_aws(), mock_aws(config=config):
        yield


def client(service: str, config: Config = ONCE, **options: str) -> Any:
    """A client of the in-process AWS, with the SDK's repetitions off; `options` lead it elsewhere."""
    session: Any = boto3.Session()  # the stubs know one type per service name; here the name is a variable
    return session.client(service, config=config, **options)


def create_table(dynamodb: "DynamoDBClient", logical_id: str) -> str:
    """Create a table as `template.yaml` describes it; returns its name."""
    resource = RESOURCES[logical_id]
    assert resource["Type"] == "AWS::DynamoDB::Table"
    properties = {name: value for name, value in resource["Properties"].items() if name not in APART}
    encryption = properties.pop("SSESpecification")
    dynamodb.create_table(TableName=logical_id, SSESpecification={"Enabled": encryption["SSEEnabled"]}, **properties)
    expiry = resource["Properties"].get("TimeToLiveSpecification")
    if expiry:
        dynamodb.update_time_to_live(TableName=logical_id, TimeToLiveSpecification=expiry)
    return logical_id


def scan(dynamodb: "DynamoDBClient", table: str) -> list[dict[str, Any]]:
    """Every item of a table, in DynamoDB's typed form."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return [dict(item) for page in pages for item in page["Items"]]


def refusal(
    code: str, operation: str, *, status: int = 400, reasons: list[dict[str, Any]] | None = None
) -> ClientError:
    """The error that the SDK raises when AWS answers with `code`."""
    answer: dict[str, Any] = {
        "Error": {"Code": code, "Message": "planted by a test"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    if reasons is not None:
        answer["CancellationReasons"] = reasons
    return ClientError(cast("Any", answer), operation)


@dataclass
class Unsteady:
    """A client that fails as planted: before a call is made, or after it was committed; else it passes calls on."""

    client: Any
    #: by method: errors raised instead of the next calls
    before: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    #: by method: errors raised after the next calls were carried out
    after: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    #: by method: run before the next calls
    meanwhile: dict[str, list[Callable[[], object]]] = field(default_factory=lambda: defaultdict(list))
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def __getattr__(self, method: str) -> Any:
        """The method, or attribute, of the client behind."""
        inner = getattr(self.client, method)
        if method in {"meta", "exceptions", "get_paginator"}:
            return inner

        def call(**parameters: Any) -> Any:
            self.calls.append((method, parameters))
            if self.meanwhile[method]:
                self.meanwhile[method].pop(0)()
            if self.before[method]:
                raise self.before[method].pop(0)
            answer = inner(**parameters)
            if self.after[method]:
                raise self.after[method].pop(0)
            return answer

        return call

    def called(self, method: str) -> list[Mapping[str, Any]]:
        """The parameters of the calls of one method."""
        return [parameters for name, parameters in self.calls if name == method]


@dataclass
class Invocations:
    """Answers Lambda's Invoke as for an asynchronous call, and notes what was asked."""

    lambda_client: Any
    payloads: list[bytes] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Stand before everything else that could answer."""
        self.lambda_client.meta.events.register_first("before-send.lambda.Invoke", self._answer)

    def _answer(self, request: AWSRequest, **_: Any) -> AWSResponse:
        url = str(request.url)
        self.payloads.append(bytes(cast("Any", request.body)))
        self.targets.append(url)
        assert request.headers["X-Amz-Invocation-Type"] in {b"Event", "Event"}
        return AWSResponse(url, 202, HTTPHeaders(), cast("Any", _NoContent()))


class _NoContent:
    """The body of an answer that has none."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield b""
