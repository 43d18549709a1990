"""The keys table: dedupe claims and key guards, each one conditional item.

TTL is housekeeping only. Whether a claim or guard is open is decided by its own times, because expired
items stay readable for days.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from leadbridge.aws.items import Item, dump, later, load, update, write_groups
from leadbridge.domain.event import VERSION, Event, iso
from leadbridge.domain.pipeline import Claim
from leadbridge.ports import Guarded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: items in one BatchGetItem call (AWS)
BATCH_GET_LIMIT = 100
#: housekeeping delay beyond the last moment at which an item can matter
KEEP = timedelta(days=1)


class DynamoKeys:
    """`ports.Keys` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", *, table: str) -> None:
        self._client = client
        self._table = table

    def claim(self, wanted: Sequence[tuple[Event, Claim]]) -> Sequence[str | None]:
        """Claim each key for its event, unless another event holds it whose window is open.

        The window runs from arrival to arrival, so a backlog neither shortens nor prolongs it. It reaches both ways:
        an event that comes to us long after a later one is not that one's duplicate, nor does it take its claim.
        """
        groups = []
        for event, claim in wanted:
            window = timedelta(seconds=claim.window_seconds)
            operation = update(
                self._table,
                {"pk": claim.key},
                "SET previous_owner = if_not_exists(#owner, :nobody), previous_at = if_not_exists(opened_at, :nobody), "
                "#owner = :owner, opened_at = :at, payload_hash = :hash, #ttl = :ttl, v = :v",
                "attribute_not_exists(pk) OR opened_at <= :closed",
                names={"#owner": "owner", "#ttl": "ttl"},
                nobody="",
                owner=event.execution_id,
                at=iso(event.received_at),
                hash=claim.payload_hash,
                ttl=int((event.received_at + window + KEEP).timestamp()),
                v=VERSION,
                closed=iso(event.received_at - window),
            )
            groups.append([operation])
        answers = write_groups(self._client, groups)
        return [
            None if answer is None else _holder(answer[0][1] or {}, event, claim)
            for (event, claim), answer in zip(wanted, answers, strict=True)
        ]

    def guard(
        self, wanted: Mapping[str, Sequence[str]], until: datetime, now: datetime
    ) -> Mapping[str, Mapping[str, Guarded]]:
        """Obtain all guard keys of each owner, all or none, until released or `until`."""
        groups = []
        for owner, guards in wanted.items():
            groups.append(
                [
                    update(
                        self._table,
                        {"pk": guard},
                        "SET #owner = :owner, expires_at = :until, v = :v, #ttl = :ttl",
                        "attribute_not_exists(#owner) OR #owner = :owner OR expires_at < :now",
                        names={"#owner": "owner", "#ttl": "ttl"},
                        owner=owner,
                        until=iso(until),
                        now=iso(now),
                        v=VERSION,
                        ttl=int((until + KEEP).timestamp()),
                    )
                    for guard in guards
                ]
            )
        answers = write_groups(self._client, groups)
        obtained = [
            (owner, guards) for (owner, guards), answer in zip(wanted.items(), answers, strict=True) if answer is None
        ]
        last = self._read([guard for _, guards in obtained for guard in guards])
        return {owner: {guard: Guarded(last=last.get(guard, {})) for guard in guards} for owner, guards in obtained}

    def release(
        self, owner: str, guards: Sequence[str], claims: Sequence[str], *, written: tuple[str, str] | None = None
    ) -> None:
        """Let go of guards and claims that `owner` holds; what another holds by now stays."""
        if written:
            action_id, sequence = written
            remembered = [
                [
                    update(
                        self._table,
                        {"pk": guard},
                        "SET #last = :sequence",
                        "attribute_not_exists(#last) OR #last < :sequence",
                        names={"#last": f"last#{action_id}"},
                        sequence=sequence,
                    )
                ]
                for guard in guards
            ]
            write_groups(self._client, remembered)
        groups = [
            [
                update(
                    self._table,
                    {"pk": guard},
                    "REMOVE #owner, expires_at",
                    "#owner = :owner",
                    names={"#owner": "owner"},
                    owner=owner,
                )
            ]
            for guard in guards
        ]
        write_groups(self._client, groups)
        self._release_claims(owner, claims)

    def _release_claims(self, owner: str, claims: Sequence[str]) -> None:
        """Let go of each claim; the window before it holds again, for an event of that time may still come."""
        previous = [
            update(
                self._table,
                {"pk": claim},
                "SET #owner = previous_owner, opened_at = previous_at, previous_owner = :nobody, previous_at = :nobody",
                "#owner = :owner",
                names={"#owner": "owner"},
                owner=owner,
                nobody="",
            )
            for claim in claims
        ]
        answers = write_groups(self._client, [[operation] for operation in previous])
        overtaken = [
            update(
                self._table,
                {"pk": claim},
                "SET previous_owner = :nobody, previous_at = :nobody",
                "previous_owner = :owner",
                names={},
                owner=owner,
                nobody="",
            )
            for claim, answer in zip(claims, answers, strict=True)
            if answer is not None and (answer[0][1] or {}).get("previous_owner") == owner
        ]
        write_groups(self._client, [[operation] for operation in overtaken])

    def _read(self, keys: Sequence[str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        unique = list(dict.fromkeys(keys))
        pending = [{"pk": key} for key in unique]
        while pending:
            chunk, pending = pending[:BATCH_GET_LIMIT], pending[BATCH_GET_LIMIT:]
            with later("BatchGetItem"):
                answer = self._client.batch_get_item(
                    RequestItems={self._table: {"Keys": [dump(key) for key in chunk], "ConsistentRead": True}}
                )
            for raw in answer["Responses"].get(self._table, []):
                item = load(raw)
                found[item["pk"]] = {
                    name.removeprefix("last#"): str(value) for name, value in item.items() if name.startswith("last#")
                }
            left = answer.get("UnprocessedKeys", {}).get(self._table)
            if left:
                pending = [load(key) for key in left["Keys"]] + pending
        return found


def _holder(found: Item, event: Event, claim: Claim) -> str | None:
    """Of whom the event is a duplicate that could not have the claim `found`; None if it holds it itself.

    An event that is late by more than a window looks at the window before the present one.
    """
    window = timedelta(seconds=claim.window_seconds)
    closed, opens = iso(event.received_at - window), iso(event.received_at + window)
    for owner, opened_at in (("owner", "opened_at"), ("previous_owner", "previous_at")):
        if found.get(owner) == event.execution_id:
            return None
        if closed < found.get(opened_at, "") < opens:
            return str(found[owner])
    return None
