"""Everything that a deployment keeps, read and removed item by item: for who must find a person wherever it is.

Unlike the stores it knows no meaning of what it reads. It is for the command line and for `forget_person`: no other
function of the stack may read everything.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from leadbridge.aws.items import Item, Operation, delete, dump, later, load, put, update, write_groups
from leadbridge.aws.objects import S3Objects
from leadbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


class Seen(Protocol):
    """An item as it was seen."""

    @property
    def table(self) -> str:
        """One of the four, by its purpose."""
        ...

    @property
    def key(self) -> Mapping[str, str]:
        """Its key."""
        ...

    @property
    def was(self) -> Mapping[str, Any]:
        """Members that it must still have."""
        ...


class AwsShelves:
    """`usecases.forget_person.Shelves` on DynamoDB, S3 and SQS."""

    def __init__(
        self,
        *,
        dynamodb: "DynamoDBClient",
        tables: Mapping[str, str],
        s3: "S3Client",
        bucket: str,
        sqs: "SQSClient",
        queues: Mapping[str, Sequence[str]],
    ) -> None:
        """`tables` are names by purpose, `queues` addresses by `on_the_way` and `dead`."""
        self._dynamodb = dynamodb
        self._tables = tables
        self._s3 = s3
        self._bucket = bucket
        self._objects = S3Objects(s3, bucket=bucket)
        self._sqs = sqs
        self._queues = queues

    def items(self, table: str) -> Iterator[Item]:
        """Every item of a table."""
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._tables[table], ConsistentRead=True)
        with later("Scan"):
            for page in pages:
                yield from map(load, page["Items"])

    def under(self, table: str, partition: str) -> Iterator[Item]:
        """The items of a table under a key."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._tables[table],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=dump({":pk": partition}),
        )
        with later("Query"):
            for page in pages:
                yield from map(load, page["Items"])

    def remove(self, removals: Sequence[Seen]) -> bool:
        """Remove items together; False if one of them is not as it was seen any more, and none was removed."""
        return write_groups(self._dynamodb, [[self._removal(each) for each in removals]])[0] is None

    def amend(self, seen: Seen, to: Sequence[Any]) -> bool:
        """Give the one member of an item that was seen another value; False if it is not as it was."""
        [(member, was)] = seen.was.items()
        names = {"#member": member}
        table = self._tables[seen.table]
        changed = update(table, seen.key, "SET #member = :to", "#member = :was", names=names, to=list(to), was=was)
        return write_groups(self._dynamodb, [[changed]])[0] is None

    def keep(self, table: str, item: Mapping[str, Any]) -> None:
        """Store an item."""
        write_groups(self._dynamodb, [[put(self._tables[table], item)]])

    def files(self) -> Iterator[str]:
        """The keys of all files."""
        with later("ListObjectsV2"):
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket):
                yield from (each["Key"] for each in page.get("Contents", ()))

    def read(self, key: str) -> Iterable[bytes] | None:
        """A file; None if it is gone."""
        try:
            return self._objects.stored(key)
        except ConfigurationError:
            return None

    def remove_files(self, keys: Sequence[str]) -> None:
        """Remove files; those that are gone do not matter."""
        self._objects.delete(keys)

    def waiting(self) -> Mapping[str, int]:
        """About how many messages wait, by `on_the_way` and `dead`."""
        return {kind: sum(map(self._messages, addresses)) for kind, addresses in self._queues.items()}

    def _messages(self, address: str) -> int:
        answer = self._sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _removal(self, seen: Seen) -> Operation:
        if not seen.was:
            return delete(self._tables[seen.table], seen.key)
        names = {f"#m{place}": name for place, name in enumerate(seen.was)}
        values = {f"m{place}": value for place, value in enumerate(seen.was.values())}
        same = " AND ".join(f"#m{place} = :m{place}" for place in range(len(names)))
        # a try whose answer was lost may have removed it
        condition = f"attribute_not_exists(pk) OR ({same})"
        operation = delete(self._tables[seen.table], seen.key, condition, **values)
        operation["Delete"]["ExpressionAttributeNames"] = names
        return operation
