"""The door to `forget_person`, and what is remembered of erasures."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ReadTimeoutError

from leadbridge.aws.items import Item, dump, later, load
from leadbridge.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient


class LambdaEraser:
    """Has `forget_person` do it, and waits for the answer as long as the client does.

    An order is an address, so it is never left in a queue: it is a synchronous call, whose client must not repeat it.
    """

    def __init__(self, client: "LambdaClient", function: str) -> None:
        self._client = client
        self._function = function

    def __call__(self, order: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The function's answer; None if it is still at work."""
        try:
            answer = self._client.invoke(FunctionName=self._function, Payload=json.dumps(dict(order)).encode())
        except ReadTimeoutError:
            return None
        said = answer["Payload"].read()
        if "FunctionError" in answer:
            raise TransientError("forget_person failed; what it removed stays removed, the same request goes on")
        found: dict[str, Any] = json.loads(said)
        return found


class LoggedErasures:
    """What the state table remembers of erasures."""

    def __init__(self, dynamodb: "DynamoDBClient", *, state: str, partition: str) -> None:
        self._dynamodb = dynamodb
        self._state = state
        self._partition = partition

    def __call__(self) -> Iterator[Item]:
        """Each item."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._state,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=dump({":pk": self._partition}),
        )
        with later("Query"):
            for page in pages:
                yield from map(load, page["Items"])
