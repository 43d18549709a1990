"""Descriptions of vendor objects whose schema is fixed, in the state table: read from the vendor once.

`schema#<connection>#<object>` / `schema`: the description as text.
"""

from typing import TYPE_CHECKING

from leadbridge.aws.items import dump, later, read_item
from leadbridge.domain.event import VERSION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoSchemas:
    """`sync_ports.Schemas` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", *, table: str) -> None:
        self._client = client
        self._table = table

    def known(self, connection: str, object_name: str) -> str | None:
        """What was kept of an object; None if nothing was, or by a newer version, which may write it otherwise."""
        item = read_item(self._client, self._table, _key(connection, object_name))
        return str(item["text"]) if item is not None and item["v"] <= VERSION else None

    def keep(self, connection: str, object_name: str, text: str) -> None:
        """Keep it, in place of what was there."""
        with later("UpdateItem"):
            self._client.update_item(
                TableName=self._table,
                Key=dump(_key(connection, object_name)),
                UpdateExpression="SET #text = :text, v = :v",
                ExpressionAttributeNames={"#text": "text"},
                ExpressionAttributeValues=dump({":text": text, ":v": VERSION}),
            )


def _key(connection: str, object_name: str) -> dict[str, str]:
    return {"pk": f"schema#{connection}#{object_name}", "sk": "schema"}
