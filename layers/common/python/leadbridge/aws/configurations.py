"""The config table: versioned documents. `<kind>` / `<id>` is the current one, `<kind>#history` keeps all."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from leadbridge.aws.items import dump, later, load, put, write_groups
from leadbridge.domain.action import FORMAT, KINDS, Configuration, as_document
from leadbridge.domain.event import VERSION, readable
from leadbridge.errors import UnknownVersionError
from leadbridge.ports import Stored

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoConfigurations:
    """`ports.Configurations` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", *, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, kind: str, identifier: str, version: int | None = None) -> Stored | None:
        """The document, by default its current version; None if there is none."""
        key = {"pk": kind, "sk": identifier}
        if version is not None:
            key = {"pk": f"{kind}#history", "sk": f"{identifier}#{version:06d}"}
        with later("GetItem"):
            answer = self._client.get_item(TableName=self._table, Key=dump(key), ConsistentRead=True)
        return _stored(load(answer["Item"])) if "Item" in answer else None

    def list(self, kind: str) -> Sequence[Stored]:
        """Current versions of all documents of one kind, by id."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :kind",
            ExpressionAttributeValues={":kind": {"S": kind}},
        )
        return [_stored(load(raw)) for page in pages for raw in page["Items"]]

    def put(self, document: Configuration) -> tuple[Stored, bool]:
        """Store a new version unless it equals the current one; it stays as active as it was.

        Of new ones an Action is inactive, a connection is active.
        """
        current = self.get(document.kind, document.id)
        if current is not None and current.document == document:
            return current, False
        stored = Stored(
            document=document,
            version=1 + (current.version if current else self._versions(document.kind, document.id)),
            active=current.active if current else document.kind != "action",
        )
        item: dict[str, Any] = {
            "v": VERSION,
            "format": document.format,
            "version": stored.version,
            "active": stored.active,
            "document": json.dumps(as_document(document), sort_keys=True),
        }
        expected = "version = :before" if current else "attribute_not_exists(pk)"
        values = {"before": current.version} if current else {}
        group = [
            put(self._table, {"pk": document.kind, "sk": document.id} | item, expected, **values),
            put(
                self._table,
                {"pk": f"{document.kind}#history", "sk": f"{document.id}#{stored.version:06d}"} | item,
                "attribute_not_exists(pk)",
            ),
        ]
        if write_groups(self._client, [group])[0] is not None:
            return self.put(document)  # somebody else applied meanwhile: compare with theirs
        return stored, True

    def set_active(self, kind: str, identifier: str, *, active: bool) -> None:
        """Let a document be used, or not."""
        self._client.update_item(
            TableName=self._table,
            Key=dump({"pk": kind, "sk": identifier}),
            UpdateExpression="SET active = :active",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues=dump({":active": active}),
        )

    def remove(self, kind: str, identifier: str) -> None:
        """Take the current version away; the history stays."""
        self._client.delete_item(TableName=self._table, Key=dump({"pk": kind, "sk": identifier}))

    def _versions(self, kind: str, identifier: str) -> int:
        """How many versions a document has had."""
        newest = self._client.query(
            TableName=self._table,
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=1,
            KeyConditionExpression="pk = :kind AND begins_with(sk, :id)",
            ExpressionAttributeValues=dump({":kind": f"{kind}#history", ":id": f"{identifier}#"}),
        )["Items"]
        return int(load(newest[0])["version"]) if newest else 0


def _stored(item: dict[str, Any]) -> Stored:
    if item["format"] > FORMAT or not readable(item["v"]):
        raise UnknownVersionError(f"{item['sk']} was written by a newer version", code=str(item["format"]))
    document = json.loads(item["document"])
    return Stored(
        document=KINDS[document["kind"]].model_validate(document),
        version=item["version"],
        active=item["active"],
    )
