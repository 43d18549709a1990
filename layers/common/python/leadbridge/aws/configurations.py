"""The config table: versioned documents. `<kind>` / `<id>` is the current one, `<kind>#history` keeps all."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from leadbridge.aws.items import dump, later, load, put, read_item, update, write_groups
from leadbridge.aws.journal import journal_item
from leadbridge.domain.action import FORMAT, Configuration, as_document
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.event import VERSION, readable
from leadbridge.domain.journal import STORED, Entry
from leadbridge.domain.kinds import model_of
from leadbridge.domain.lifecycle import UNSIGNED, Change, DocumentState, Move, Stored, next_version, taken
from leadbridge.errors import ConfigurationError, UnknownVersionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_STATE_NAME = {"#state": "state"}
#: there while all Actions are paused together
_ALL = {"pk": "pause", "sk": "actions"}


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
        found = read_item(self._client, self._table, key)
        return _stored(found) if found is not None else None

    def list(self, kind: str) -> Sequence[Stored]:
        """Current versions of all documents of one kind, by id."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :kind",
            ExpressionAttributeValues={":kind": {"S": kind}},
        )
        return [_stored(load(raw)) for page in pages for raw in page["Items"]]

    def versions(self, kind: str, identifier: str) -> Sequence[Stored]:
        """Every version a document has had, the newest first; those of a removed one, too."""
        pages = self._client.get_paginator("query").paginate(**self._history(kind, identifier))
        return [_stored(load(raw)) for page in pages for raw in page["Items"]]

    def put(
        self, document: Configuration, change: Change = UNSIGNED, *, sound: bool = True, follows: int | None = None
    ) -> tuple[Stored, bool]:
        """Store a new version unless the current one says the same; its state follows from `domain.lifecycle`."""
        current = self.get(document.kind, document.id)
        stored = next_version(
            current,
            document,
            change,
            sound=sound,
            follows=follows,
            versions=lambda: self._versions(document.kind, document.id),
        )
        if stored is current:
            return stored, False
        item: dict[str, Any] = {
            "v": VERSION,
            "format": document.format,
            "version": stored.version,
            **_standing(stored),
            "document": json.dumps(as_document(document), sort_keys=True),
            "author": change.author,
            "at": change.at.isoformat() if change.at else "",
            "note": change.note,
            "text": change.text,
        }
        if isinstance(document, ConnectorAction):
            item["lead_optional"] = True  # read where calls are received
        expected, values = _unmoved(current) if current else ("attribute_not_exists(pk)", {})
        newest = put(self._table, {"pk": document.kind, "sk": document.id} | item, expected, **values)
        if current:
            newest["Put"]["ExpressionAttributeNames"] = _STATE_NAME
        group = [
            newest,
            put(
                self._table,
                {"pk": f"{document.kind}#history", "sk": f"{document.id}#{stored.version:06d}"} | item,
                "attribute_not_exists(pk)",
            ),
        ]
        if change.at:
            entry = Entry(
                at=change.at,
                who=change.author,
                did=STORED,
                kind=document.kind,
                id=document.id,
                detail=str(stored.version),
            )
            group.append(put(self._table, journal_item(entry, f"{document.kind}#{document.id}#{stored.version}")))
        if write_groups(self._client, [group])[0] is not None:
            # somebody else was faster: compare with theirs
            return self.put(document, change, sound=sound, follows=follows)
        return stored, True

    def move(self, kind: str, identifier: str, move: Move) -> DocumentState:
        """Take a document a step on; gives its state."""
        current = self.get(kind, identifier)
        if current is None:
            raise ConfigurationError([f"there is no {kind} {identifier}"])
        moved = taken(current, move)
        condition, values = _unmoved(current)
        operation = update(
            self._table,
            {"pk": kind, "sk": identifier},
            "SET #state = :state, active = :active, resumes = :resumes",
            condition,
            _STATE_NAME,
            **_standing(moved),
            **values,
        )
        if write_groups(self._client, [[operation]])[0] is not None:
            return self.move(kind, identifier, move)  # somebody else was faster: begin with theirs
        return moved.state

    def paused(self) -> bool:
        """Whether all Actions are paused together."""
        return read_item(self._client, self._table, _ALL) is not None

    def pause(self, *, paused: bool) -> None:
        """Pause all Actions together, or end that; their own states stay as they are."""
        with later("PutItem"):
            if paused:
                self._client.put_item(TableName=self._table, Item=dump(_ALL | {"v": VERSION}))
            else:
                self._client.delete_item(TableName=self._table, Key=dump(_ALL))

    def remove(self, kind: str, identifier: str) -> None:
        """Take the current version away; the history stays."""
        self._client.delete_item(TableName=self._table, Key=dump({"pk": kind, "sk": identifier}))

    def _versions(self, kind: str, identifier: str) -> int:
        """How many versions a document has had."""
        newest = self._client.query(**self._history(kind, identifier), Limit=1)["Items"]
        return int(load(newest[0])["version"]) if newest else 0

    def _history(self, kind: str, identifier: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "ConsistentRead": True,
            "ScanIndexForward": False,
            "KeyConditionExpression": "pk = :kind AND begins_with(sk, :id)",
            "ExpressionAttributeValues": dump({":kind": f"{kind}#history", ":id": f"{identifier}#"}),
        }


def _standing(stored: Stored) -> dict[str, Any]:
    """A state as it is kept: `active` is what the receive path reads, and all there was before there were states."""
    resumes = stored.resumes.value if stored.resumes else ""
    return {"state": stored.state.value, "active": stored.active, "resumes": resumes}


def _unmoved(stored: Stored) -> tuple[str, dict[str, Any]]:
    """The condition that a document is still as it was read: who moves it meanwhile finds it so afterwards.

    Items from before there were states have only `active`.
    """
    same = "(#state = :was OR (attribute_not_exists(#state) AND active = :used))"
    condition = f"version = :before AND {same} AND (attribute_not_exists(resumes) OR resumes = :resumed)"
    values = {"before": stored.version, "was": stored.state.value, "used": stored.active}
    return condition, values | {"resumed": _standing(stored)["resumes"]}


def _stored(item: dict[str, Any]) -> Stored:
    state = item.get("state", DocumentState.ACTIVE if item["active"] else DocumentState.INACTIVE)
    if item["format"] > FORMAT or not readable(item["v"]) or state not in set(DocumentState):
        raise UnknownVersionError(f"{item['sk']} was written by a newer version", code=str(item["format"]))
    document = json.loads(item["document"])
    return Stored(
        document=model_of(document).model_validate(document),
        version=item["version"],
        state=DocumentState(state),
        change=Change(
            author=item.get("author", ""),
            at=datetime.fromisoformat(item["at"]) if item.get("at") else None,
            note=item.get("note", ""),
            text=item.get("text", ""),
        ),
        resumes=DocumentState(item["resumes"]) if item.get("resumes") else None,
    )
