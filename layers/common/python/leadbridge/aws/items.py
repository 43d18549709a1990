"""DynamoDB items as plain dictionaries, and conditional writes in groups.

A group is written atomically; many groups share one TransactWriteItems call. Groups whose condition fails
are reported with the items that stood in the way, and never keep the others from being written.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from leadbridge.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Item = dict[str, Any]
#: what stood in the way of a group: position of the refused operation in the group, and the item found there
type Refusal = list[tuple[int, Item | None]]
type Operation = dict[str, Any]  # one entry of TransactItems: {"Put": {...}} or {"Update": {...}} ...

#: operations in one TransactWriteItems call (AWS)
TRANSACTION_LIMIT = 100
#: keys of one BatchGetItem call, and requests of one BatchWriteItem call (AWS)
GET_LIMIT, WRITE_LIMIT = 100, 25
#: bytes of its items: 4 MB (AWS), less what names and numbers take beside texts
TRANSACTION_BYTES = 3_500_000
#: tries against transaction conflicts and throttling before the caller hears of it
TRIES = 8

#: DynamoDB's words for "later"; after the last two the write may be done already, which every condition allows for
THROTTLES = frozenset(
    {
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "TransactionInProgressException",
        "InternalServerError",
        "ServiceUnavailable",
    }
)

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def dump(item: Mapping[str, Any]) -> dict[str, Any]:
    """`item` in DynamoDB's typed form; members that are None are left out."""
    return {name: _serializer.serialize(value) for name, value in item.items() if value is not None}


def load(item: Mapping[str, Any]) -> Item:
    """A DynamoDB item as a plain dictionary; whole numbers become int."""
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def put(table: str, item: Mapping[str, Any], condition: str = "", **values: Any) -> Operation:
    """A Put, by default unconditional; `values` are the condition's `:name` values."""
    operation: dict[str, Any] = {"TableName": table, "Item": dump(item)}
    return {"Put": _conditional(operation, condition, values)}


def update(
    table: str,
    key: Mapping[str, Any],
    expression: str,
    condition: str = "",
    names: Mapping[str, str] | None = None,
    **values: Any,
) -> Operation:
    """An Update; `values` are the `:name` values of both expressions."""
    operation: dict[str, Any] = {"TableName": table, "Key": dump(key), "UpdateExpression": expression}
    if names:
        operation["ExpressionAttributeNames"] = dict(names)
    return {"Update": _conditional(operation, condition, values)}


def delete(table: str, key: Mapping[str, Any], condition: str = "", **values: Any) -> Operation:
    """A Delete, by default unconditional."""
    operation: dict[str, Any] = {"TableName": table, "Key": dump(key)}
    return {"Delete": _conditional(operation, condition, values)}


def check(table: str, key: Mapping[str, Any], condition: str, **values: Any) -> Operation:
    """A ConditionCheck: the group is only written if the item, or its absence, meets the condition."""
    return {"ConditionCheck": _conditional({"TableName": table, "Key": dump(key)}, condition, values)}


@contextmanager
def later(operation: str) -> Iterator[None]:
    """Around a single call: DynamoDB's "later", and its silence, are nobody's fault and no death of the worker.

    Raises:
        TransientError: Throttled or unreachable beyond the SDK's own tries.
    """
    try:
        yield
    except BotoCoreError as error:
        raise TransientError(type(error).__name__, vendor="aws", operation=operation) from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in THROTTLES:
            raise
        raise TransientError("DynamoDB asks for a pause", vendor="aws", operation=operation, code=code) from error


def read_item(
    client: "DynamoDBClient", table: str, key: Mapping[str, Any], sleep: Callable[[float], None] = time.sleep
) -> Item | None:
    """An item, read consistently and as patiently as is written; None if there is none.

    Raises:
        TransientError: Throttled beyond `TRIES`, or unreachable.
    """
    for attempt in range(TRIES):
        try:
            with later("GetItem"):
                answer = client.get_item(TableName=table, Key=dump(key), ConsistentRead=True)
        except TransientError as error:
            if error.code not in THROTTLES or attempt == TRIES - 1:
                raise
            sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  # jitter, not a secret
        else:
            return load(answer["Item"]) if "Item" in answer else None
    raise TransientError(f"no progress in {TRIES} tries", vendor="aws", operation="GetItem")


def read_items(
    client: "DynamoDBClient", table: str, keys: Iterable[Mapping[str, Any]], projection: str = ""
) -> Iterator[Item]:
    """The items of these keys that there are, read consistently, in any order; each key may stand there once.

    Raises:
        TransientError: Throttled, or unreachable.
    """
    asked: dict[str, Any] = {"ConsistentRead": True} | ({"ProjectionExpression": projection} if projection else {})
    pending = [dump(key) for key in keys]
    while pending:
        chunk, pending = pending[:GET_LIMIT], pending[GET_LIMIT:]
        with later("BatchGetItem"):
            request: Any = {table: {"Keys": chunk, **asked}}
            answer: Any = client.batch_get_item(RequestItems=request)
        yield from (load(item) for item in answer["Responses"].get(table, ()))
        pending += answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])


def write_items(client: "DynamoDBClient", table: str, requests: Sequence[Mapping[str, Any]]) -> None:
    """Put or delete items without a condition, each on its own; a request is `PutRequest` or `DeleteRequest`.

    Raises:
        TransientError: Throttled, or unreachable; some may be written.
    """
    for start in range(0, len(requests), WRITE_LIMIT):
        pending: Any = {table: requests[start : start + WRITE_LIMIT]}
        while pending:
            with later("BatchWriteItem"):
                pending = client.batch_write_item(RequestItems=pending).get("UnprocessedItems")


def write_groups(
    client: "DynamoDBClient",
    groups: Sequence[Sequence[Operation]],
    sleep: Callable[[float], None] = time.sleep,
    *,
    touched: Sequence[int] = (),
) -> list[Refusal | None]:
    """Write each group atomically; the answer per group is None if written, else what was in its way.

    No two operations of all groups may touch one item. `touched` are the bytes of each group's items that are changed
    or taken away, which its operations do not tell.

    Raises:
        TransientError: Throttled, unreachable or in conflict beyond `TRIES`; what was written stays written.
    """
    answers: list[Refusal | None] = [None] * len(groups)
    pending = list(range(len(groups)))
    tokens: dict[tuple[int, ...], str] = {}
    sizes = [_text_bytes(group) + (touched[index] if touched else 0) for index, group in enumerate(groups)]
    for attempt in range(TRIES):
        again: list[int] = []
        for chunk in _chunks(pending, groups, sizes):
            again.extend(_write_chunk(client, groups, chunk, answers, tokens))
        if not again:
            return answers
        if set(again) == set(pending):  # no progress: conflicts or throttling
            sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  # jitter, not a secret
        pending = again
    raise TransientError(f"no progress in {TRIES} tries", vendor="aws", operation="TransactWriteItems")


def _write_chunk(
    client: "DynamoDBClient",
    groups: Sequence[Sequence[Operation]],
    chunk: Sequence[int],
    answers: list[Refusal | None],
    tokens: dict[tuple[int, ...], str],
) -> list[int]:
    """Write the groups of one call; returns those to be tried again."""
    operations = [operation for index in chunk for operation in groups[index]]
    # DynamoDB answers a repeated token with the first success: our own write is not in our own way
    token = tokens.pop(tuple(chunk), "") or str(uuid.uuid4())
    try:
        client.transact_write_items(
            TransactItems=operations,  # type: ignore[arg-type]  # built above as plain dicts
            ClientRequestToken=token,
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in THROTTLES:
            tokens[tuple(chunk)] = token  # it may be written: whoever asks again must be the same
            return list(chunk)
        if code != "TransactionCanceledException":
            raise
        reasons: Sequence[Mapping[str, Any]] = error.response.get("CancellationReasons", [])
        return _sort_out(groups, chunk, reasons, answers)
    except BotoCoreError as error:  # no answer, after the SDK's own tries: the caller's work comes again
        raise TransientError(type(error).__name__, vendor="aws", operation="TransactWriteItems") from error
    return []


def _sort_out(
    groups: Sequence[Sequence[Operation]],
    chunk: Sequence[int],
    reasons: Sequence[Mapping[str, Any]],
    answers: list[Refusal | None],
) -> list[int]:
    again = []
    position = 0
    for index in chunk:
        mine = reasons[position : position + len(groups[index])]
        position += len(groups[index])
        refused: Refusal = [
            (number, load(reason["Item"]) if reason.get("Item") else None)
            for number, reason in enumerate(mine)
            if reason.get("Code") == "ConditionalCheckFailed"
        ]
        if refused:
            answers[index] = refused
        else:
            again.append(index)
    return again


def _chunks(pending: Sequence[int], groups: Sequence[Sequence[Operation]], sizes: Sequence[int]) -> list[list[int]]:
    """The groups of each call: as many as it takes, by operations and by bytes; one that is larger goes alone."""
    chunks: list[list[int]] = []
    room = space = 0
    for index in pending:
        number, size = len(groups[index]), sizes[index]
        if not chunks or number > room or size > space:
            chunks.append([])
            room, space = TRANSACTION_LIMIT, TRANSACTION_BYTES
        chunks[-1].append(index)
        room -= number
        space -= size
    return chunks


def _text_bytes(value: object) -> int:
    """How many bytes the texts in an operation have."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode(errors="surrogatepass"))
    if isinstance(value, Mapping):
        return sum(_text_bytes(each) for each in value.values())
    return sum(map(_text_bytes, value)) if isinstance(value, list | tuple) else 0


def _conditional(operation: dict[str, Any], condition: str, values: Mapping[str, Any]) -> dict[str, Any]:
    if condition:
        operation["ConditionExpression"] = condition
        operation["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    if values:
        operation["ExpressionAttributeValues"] = {
            f":{name}": _serializer.serialize(value) for name, value in values.items()
        }
    return operation


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if type(value).__name__ == "Decimal" else value
