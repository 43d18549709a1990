"""What alerts are decided from and what they remember, in DynamoDB.

Items
- state, `alerts` / `state`: what is open, was told, waits for a channel; one item, replaced under its version.
- state, `certificate` / `<connection>`: when the certificate ends that was made last.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from leadbridge.aws.holding import not_kept, waiting_since
from leadbridge.aws.items import Item, dump, later, load
from leadbridge.aws.limits import DynamoLimits
from leadbridge.aws.tally import PARKED, query_all
from leadbridge.domain.alerts import Alert, Kind, Memory, Subject, Unsent
from leadbridge.domain.counted import Certificate, ParkedWork, Waiting
from leadbridge.domain.event import VERSION, instant, iso, readable
from leadbridge.domain.holding import NOTHING, Held
from leadbridge.domain.limits import State
from leadbridge.errors import UnknownVersionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: waiting calls of a lane that one look counts; they are read with their payloads
MOST_WAITING = 200
_STATE = {"pk": "alerts", "sk": "state"}


class DynamoAlertStore:
    """`ports.AlertStore` on the state table."""

    def __init__(self, client: "DynamoDBClient", *, table: str) -> None:
        self._client = client
        self._table = table

    def load(self) -> tuple[Memory, Sequence[Unsent], int]:
        """The memory, what was not sent yet, and their version.

        Raises:
            UnknownVersionError: A newer version wrote it.
        """
        with later("GetItem"):
            answer = self._client.get_item(TableName=self._table, Key=dump(_STATE), ConsistentRead=True)
        if "Item" not in answer:
            return Memory(), [], 0
        item = load(answer["Item"])
        if not readable(item["v"]):
            raise UnknownVersionError("the alerts' memory was written by a newer version", code=str(item["v"]))
        memory, unsent = _remembered(json.loads(item["state"]))
        return memory, unsent, item["version"]

    def save(self, memory: Memory, unsent: Sequence[Unsent], version: int) -> int | None:
        """Replace both if `version` is the current one; None if somebody else was faster."""
        mark = uuid.uuid4().hex
        state = json.dumps(_members(memory, unsent), separators=(",", ":"))
        item = {**_STATE, "v": VERSION, "version": version + 1, "written_by": mark, "state": state}
        still: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(version)"}
        if version:
            still = {
                "ConditionExpression": "version = :old",
                "ExpressionAttributeValues": dump({":old": version}),
            }
        try:
            with later("PutItem"):
                self._client.put_item(
                    TableName=self._table,
                    Item=dump(item),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **still,
                )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            found: Any = error.response.get("Item")
            # the SDK repeats a write whose answer was lost: then our own stands in its way
            return version + 1 if found and load(found).get("written_by") == mark else None
        return version + 1


class DynamoWatch:
    """`ports.Watch` on the executions and the state table."""

    def __init__(
        self, client: "DynamoDBClient", *, executions: str, state: str, most_waiting: int = MOST_WAITING
    ) -> None:
        """`most_waiting`: so many of a lane's waiting calls are counted, of more it is said that there are more."""
        self._client = client
        self._most_waiting = most_waiting
        self._executions = executions
        self._state = state

    def waiting(self, kept: Callable[[str], Held] = lambda _: NOTHING) -> Sequence[Waiting]:
        """The oldest call of each lane that holds any but those kept back; a lane is its connection's."""
        found = []
        for lane in query_all(self._client, self._state, "lane"):
            events, more = self._waiting(lane["sk"], kept(lane["sk"]))
            if events:
                found.append(
                    Waiting(
                        connection=lane["sk"],
                        since=min(map(waiting_since, events)),
                        number=len(events),
                        more=more,
                        reason=events[0].get("reason", ""),
                        due_at=_due(events),
                    )
                )
        return found

    def _waiting(self, lane: str, kept: Held) -> tuple[list[Item], bool]:
        """What waits in a lane up to the bound, and whether there is more."""
        condition, names, values = not_kept(kept)
        query: dict[str, Any] = {
            "TableName": self._executions,
            "KeyConditionExpression": "pk = :lane",
            "ProjectionExpression": "received_at, reason, due_at",
            "ExpressionAttributeValues": {":lane": {"S": f"lane#{lane}"}, **values},
        }
        if condition:
            query |= {"FilterExpression": condition, "ExpressionAttributeNames": names}
        else:
            query["Limit"] = self._most_waiting
        events: list[Item] = []
        with later("Query"):
            while True:
                answer = self._client.query(**query)
                events += [load(raw) for raw in answer["Items"]]
                more = "LastEvaluatedKey" in answer
                if not more or len(events) >= self._most_waiting:
                    return events[: self._most_waiting], more or len(events) > self._most_waiting
                query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def parked(self) -> Sequence[ParkedWork]:
        """What waits for a person, by Action and reason."""
        found: dict[tuple[str, str], list[datetime]] = {}
        for item in query_all(self._client, self._executions, PARKED):
            found.setdefault((item["sk"].rpartition("#")[0], item["reason"]), []).append(instant(item["since"]))
        return [
            ParkedWork(action=action, reason=reason, number=len(times), since=min(times))
            for (action, reason), times in sorted(found.items())
        ]

    def instances(self) -> Mapping[str, State]:
        """What is known of each vendor instance's limits."""
        limits = DynamoLimits(self._client, table=self._state)
        names = [item["sk"] for item in query_all(self._client, self._state, "limits")]
        return {name: limits.read(name)[0] for name in names}

    def certificates(self) -> Sequence[Certificate]:
        """The newest certificate of each connection."""
        return [
            Certificate(connection=item["sk"], ends_at=instant(item["ends_at"]))
            for item in query_all(self._client, self._state, "certificate")
        ]


def _due(events: Sequence[Item]) -> datetime | None:
    """When the first of some events goes on; one without a time may go on now."""
    times = [str(each.get("due_at") or "") for each in events]
    return instant(min(times)) if all(times) else None


def note_certificate(client: "DynamoDBClient", table: str, connection: str, ends_at: datetime) -> None:
    """Remember when the certificate ends that was just made for a connection."""
    client.update_item(
        TableName=table,
        Key=dump({"pk": "certificate", "sk": connection}),
        UpdateExpression="SET ends_at = :ends, v = :v",
        ExpressionAttributeValues=dump({":ends": iso(ends_at), ":v": VERSION}),
    )


# -- the memory as text


def _members(memory: Memory, unsent: Sequence[Unsent]) -> dict[str, Any]:
    return {
        "alerts": [
            {
                **_subject_members(alert.subject),
                "since": iso(alert.since),
                "raised_at": iso(alert.raised_at),
                "told_at": iso(alert.told_at),
                "clear_since": iso(alert.clear_since) if alert.clear_since else None,
                "facts": dict(alert.facts),
            }
            for alert in memory.alerts.values()
        ],
        "told": [{**_subject_members(subject), "at": iso(at)} for subject, at in memory.told.items()],
        "reasons": [[action, reason, iso(at)] for (action, reason), at in memory.reasons.items()],
        "used": {instance: [[iso(at), used] for at, used in looks] for instance, looks in memory.used.items()},
        "unsent": [
            {"channel": each.channel, "subject": each.subject, "text": each.text, "at": iso(each.at)} for each in unsent
        ],
    }


def _remembered(members: Mapping[str, Any]) -> tuple[Memory, list[Unsent]]:
    alerts = [
        Alert(
            subject=_subject(each),
            since=instant(each["since"]),
            raised_at=instant(each["raised_at"]),
            told_at=instant(each["told_at"]),
            clear_since=instant(each["clear_since"]) if each["clear_since"] else None,
            facts=each["facts"],
        )
        for each in members["alerts"]
    ]
    memory = Memory(
        alerts={alert.subject: alert for alert in alerts},
        told={_subject(each): instant(each["at"]) for each in members["told"]},
        reasons={(action, reason): instant(at) for action, reason, at in members["reasons"]},
        # not there in what was stored before looks were kept
        used={
            instance: tuple((instant(at), used) for at, used in looks)
            for instance, looks in members.get("used", {}).items()
        },
    )
    return memory, [
        Unsent(channel=each["channel"], subject=each["subject"], text=each["text"], at=instant(each["at"]))
        for each in members["unsent"]
    ]


def _subject_members(subject: Subject) -> dict[str, str]:
    return {"kind": subject.kind.value, "name": subject.name, "detail": subject.detail}


def _subject(members: Mapping[str, str]) -> Subject:
    return Subject(kind=Kind(members["kind"]), name=members["name"], detail=members["detail"])
