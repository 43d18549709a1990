"""Bulk runs in the executions table: runs, the ids of the jobs they made, and who makes a job at the moment.

`bulk#run#…/run` is a run as JSON under its version, `bulk#turn#…/turn` the turn of a lane, `bulk#jobs#…/<id>` a job
that some run has stored. All of them expire with the retention, which is longer than any vendor remembers a job.
`bulk#files#…/<id>` is the size of what a job of a connection extracted; it is gone when its day is surely over.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from leadbridge.aws.items import Item, Operation, delete, dump, later, load, put, read_items, write_groups
from leadbridge.domain.event import VERSION
from leadbridge.domain.jobs import Counts, Kind, Run, State, Step, Waiting
from leadbridge.errors import TransientError, UnknownVersionError
from leadbridge.ports import OvertakenError, Turn

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


#: longer than any day
FILES_KEPT = timedelta(days=2)
_ENUMS: Mapping[str, type[StrEnum]] = {"kind": Kind, "step": Step, "waiting": Waiting, "state": State}
_INSTANTS = frozenset({"begun_at", "due_at", "refused_at", "job_at"})


class DynamoBulkRuns:
    """`ports.BulkRuns`, `Runs` and `Extracted` on DynamoDB."""

    def __init__(
        self, client: "DynamoDBClient", *, table: str, retention: timedelta, now: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._table = table
        self._retention = retention
        self._now = now

    def begin(self, run: Run) -> tuple[Run, int]:
        """Store a new run, unless one of its name is there; returns what is stored, and its version."""
        item = self._get(_run_key(run.name))
        if item is None:
            refused = self._write([self._put(run, 1, "attribute_not_exists(pk)")])
            item = refused[0] if refused else None
        return _stamped(item) if item else (run, 1)

    def find(self, name: str) -> Run | None:
        """A run as it is stored; None if none of that name has begun."""
        item = self._get(_run_key(name))
        return _stamped(item)[0] if item else None

    def save(self, run: Run, version: int, *, lane: str = "", extracted: bool = False) -> int:
        """Replace a run; returns its new version."""
        operations = [self._put(run, version + 1, "version = :old", old=version)]
        if lane:
            operations.append(delete(self._table, _turn_key(lane), "held_by = :owner", owner=run.name))
            if run.job:
                known = {**_job_key(lane, run.job), "run": run.name, "v": VERSION, "ttl": self._ttl()}
                operations.append(put(self._table, known))
        if extracted and run.size:
            now = self._now()
            file = {**_file_key(run.connection, run.job), "size": run.size, "at": _millis(now), "v": VERSION}
            operations.append(put(self._table, file | {"ttl": int((now + FILES_KEPT).timestamp())}))
        if self._write(operations) is not None:
            raise OvertakenError(run.name)
        return version + 1

    def take_turn(self, lane: str, owner: str, now: datetime) -> Turn:
        """The turn of a lane: taken, or as somebody else, or an earlier try, holds it."""
        refused = self._write([self._put_turn(lane, owner, now, "attribute_not_exists(pk)")])
        if refused is None:
            return Turn(owner=owner, since=_instant(_millis(now)), begun_before=False)
        held = refused[0]
        if held is None:  # given back in this very moment
            raise TransientError("the turn changed hands", vendor="aws", operation="PutItem")
        return Turn(owner=held["held_by"], since=_instant(held["since"]), begun_before=True)

    def renew_turn(self, lane: str, turn: Turn, owner: str, now: datetime) -> bool:
        """Begin anew for `owner`, if the turn is still as it was shown; False if somebody else was faster."""
        unchanged = "held_by = :was AND since = :then"
        operation = self._put_turn(lane, owner, now, unchanged, was=turn.owner, then=_millis(turn.since))
        return self._write([operation]) is None

    def known(self, lane: str, job_ids: Sequence[str]) -> frozenset[str]:
        """Those of the jobs that a run has stored."""
        keys = [_job_key(lane, each) for each in dict.fromkeys(job_ids)]
        return frozenset(item["sk"] for item in read_items(self._client, self._table, keys, "sk"))

    def files(self, connection: str) -> Sequence[tuple[datetime, int]]:
        """Files of the last two days at least: when each was seen to be made, and its bytes."""
        with later("Query"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=dump({":pk": _file_key(connection, "")["pk"]}),
            )
            found = [load(item) for page in pages for item in page["Items"]]
        return [(_instant(item["at"]), item["size"]) for item in found]

    def _get(self, key: Mapping[str, Any]) -> Item | None:
        with later("GetItem"):
            answer = self._client.get_item(TableName=self._table, Key=dump(key), ConsistentRead=True)
        return load(answer["Item"]) if "Item" in answer else None

    def _write(self, operations: Sequence[Operation]) -> list[Item | None] | None:
        """Write all or nothing; None if written, else what stood in the way."""
        refused = write_groups(self._client, [operations])[0]
        return None if refused is None else [item for _, item in refused]

    def _put(self, run: Run, version: int, condition: str, **values: Any) -> Operation:
        item = {**_run_key(run.name), "version": version, "run": _text(run), "v": VERSION, "ttl": self._ttl()}
        return put(self._table, item, condition, **values)

    def _put_turn(self, lane: str, owner: str, now: datetime, condition: str, **values: Any) -> Operation:
        item = {**_turn_key(lane), "held_by": owner, "since": _millis(now), "v": VERSION, "ttl": self._ttl()}
        return put(self._table, item, condition, **values)

    def _ttl(self) -> int:
        return int((self._now() + self._retention).timestamp())


def _run_key(name: str) -> dict[str, str]:
    return {"pk": f"bulk#run#{name}", "sk": "run"}


def _turn_key(lane: str) -> dict[str, str]:
    return {"pk": f"bulk#turn#{lane}", "sk": "turn"}


def _job_key(lane: str, job: str) -> dict[str, str]:
    return {"pk": f"bulk#jobs#{lane}", "sk": job}


def _file_key(connection: str, job: str) -> dict[str, str]:
    return {"pk": f"bulk#files#{connection}", "sk": job}


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _instant(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)


def _stamped(item: Item) -> tuple[Run, int]:
    if item["v"] > VERSION:
        raise UnknownVersionError("a bulk run of a newer version", code=str(item["v"]))
    return _run(item["run"]), item["version"]


def _text(run: Run) -> str:
    """The run as JSON without what is empty."""
    members: dict[str, Any] = {each.name: getattr(run, each.name) for each in fields(run)}
    members["request"] = dict(run.request)
    members["counts"] = {each.name: getattr(run.counts, each.name) for each in fields(run.counts)}
    instants = {name: members[name].isoformat() for name in _INSTANTS if members[name] is not None}
    kept = {name: value for name, value in members.items() if value not in (None, "")}
    return json.dumps(kept | instants, separators=(",", ":"), ensure_ascii=False)


def _run(text: str) -> Run:
    members: dict[str, Any] = json.loads(text)
    for name in _INSTANTS & members.keys():
        members[name] = datetime.fromisoformat(members[name])
    for name in _ENUMS.keys() & members.keys():
        members[name] = _ENUMS[name](members[name])
    members["counts"] = Counts(**members["counts"])
    return Run(**members)
