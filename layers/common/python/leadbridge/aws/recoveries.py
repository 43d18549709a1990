"""What recovery of lost calls remembers, in the executions table.

Items
- `recovery#<action>` / `reached`: up to when the Action's calls were decided on.
- `meetings#<key>` / `calls`: recovered and late calls of one person (a keyed hash) to one Action, replaced under a
  version condition.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from leadbridge.aws.items import dump, later, load, put, write_groups
from leadbridge.domain.event import VERSION, instant, iso
from leadbridge.domain.recovery import Meetings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoRecoveries:
    """`usecases.late_calls.Recoveries` on DynamoDB."""

    def __init__(
        self, client: "DynamoDBClient", *, table: str, retention: timedelta, now: Callable[[], datetime]
    ) -> None:
        """`retention` is that of executions: beyond it nobody looks for a call."""
        self._client = client
        self._table = table
        self._retention = retention
        self._now = now

    def reached(self, action_id: str) -> datetime | None:
        """Up to when an Action's calls were decided on; None if never."""
        item = self._get(f"recovery#{action_id}", "reached")
        return instant(item["at"]) if item else None

    def reach(self, action_id: str, at: datetime) -> None:
        """Note up to when an Action's calls were decided on."""
        item = {"pk": f"recovery#{action_id}", "sk": "reached", "v": VERSION, "at": iso(at)}
        write_groups(self._client, [[put(self._table, item)]])

    def meetings(self, key: str) -> tuple[Meetings, int]:
        """What is known under a key, and its version; nothing and 0 if nothing is."""
        item = self._get(f"meetings#{key}", "calls")
        if item is None:
            return Meetings(), 0
        recovered, late = json.loads(item["recovered"]), json.loads(item["late"])
        return Meetings(recovered={name: (at, by) for name, (at, by) in recovered.items()}, late=late), item["version"]

    def meet(self, key: str, known: Meetings, version: int) -> bool:
        """Replace what is known if `version` is still the current one; False if somebody else was faster."""
        item = {
            "pk": f"meetings#{key}",
            "sk": "calls",
            "v": VERSION,
            "version": version + 1,
            "recovered": json.dumps(known.recovered),
            "late": json.dumps(known.late),
            "ttl": int((self._now() + self._retention).timestamp()),
        }
        condition = "version = :version" if version else "attribute_not_exists(pk)"
        operation = put(self._table, item, condition, **({"version": version} if version else {}))
        return write_groups(self._client, [[operation]])[0] is None

    def _get(self, partition: str, sort: str) -> dict[str, Any] | None:
        with later("GetItem"):
            answer = self._client.get_item(
                TableName=self._table, Key=dump({"pk": partition, "sk": sort}), ConsistentRead=True
            )
        return load(answer["Item"]) if "Item" in answer else None
