"""Entries of Syncs and cycles in EventBridge Scheduler, all in one group of the stack."""

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from leadbridge.domain.schedule_entries import TICK, Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

#: replaced by the scheduler with the moment that a fire is meant for
_MEANT_FOR = "<aws.scheduler.scheduled-time>"


class Schedules:
    """`sync_ports.SyncSchedules` on EventBridge Scheduler."""

    def __init__(self, client: Any, *, group: str, function: str, role: str, dead_letters: str) -> None:
        """`function` is called for each fire by `role`; what cannot be delivered goes to `dead_letters`."""
        self._client = client
        self._group = group
        self._function = function
        self._role = role
        self._dead_letters = dead_letters

    def known(self) -> "Sequence[str]":
        """The Syncs that have an entry."""
        pages = self._client.get_paginator("list_schedules").paginate(GroupName=self._group)
        return [each["Name"] for page in pages for each in page["Schedules"]]

    def means(self, sync: str) -> str | None:
        """What the entry of a Sync was stored for; None if there is none, or somebody switched it off."""
        found = self._get(sync)
        return found["Description"] if found and found["State"] == "ENABLED" else None

    def put(self, entry: Entry) -> None:
        """Store an entry, in place of the one that the Sync may have."""
        bounds = {"StartDate": entry.start, "EndDate": entry.end}
        request: dict[str, Any] = {
            "Name": entry.sync,
            "GroupName": self._group,
            "Description": entry.means,
            "ScheduleExpression": entry.expression,
            "ScheduleExpressionTimezone": entry.zone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED",
            "Target": {
                "Arn": self._function,
                "RoleArn": self._role,
                "Input": json.dumps(_called_with(entry)),
                "RetryPolicy": {"MaximumRetryAttempts": 10, "MaximumEventAgeInSeconds": 600},
                "DeadLetterConfig": {"Arn": self._dead_letters},
            },
            **{name: at for name, at in bounds.items() if at is not None},
        }
        if self._get(entry.sync):
            self._client.update_schedule(**request)
        else:
            self._client.create_schedule(**request)

    def remove(self, sync: str) -> None:
        """Take a Sync's entry away, if it has one."""
        try:
            self._client.delete_schedule(Name=sync, GroupName=self._group)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise

    def _get(self, sync: str) -> Any:
        try:
            return self._client.get_schedule(Name=sync, GroupName=self._group)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return None


def _called_with(entry: Entry) -> dict[str, str]:
    if entry.sync.startswith(TICK):
        return {"cycle": entry.sync.removeprefix(TICK)}
    return {"sync": entry.sync, "at": _MEANT_FOR}
