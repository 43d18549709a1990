"""The keys table: dedupe claims and key guards, each one conditional item.

TTL is housekeeping only. Whether a claim or guard is open is decided by its own times, because expired
items stay readable for days.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from leadbridge.aws.inbox import event_key
from leadbridge.aws.items import Operation, check, delete, put, read_items, update, write_groups
from leadbridge.domain.event import VERSION, Event, iso
from leadbridge.domain.pipeline import Claim
from leadbridge.ports import GONE, Guarded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: housekeeping delay beyond the last moment at which an item can matter
KEEP = timedelta(days=1)


class DynamoKeys:
    """`ports.Keys` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", *, table: str, executions: str) -> None:
        """`table` holds the keys, `executions` the events that claim them."""
        self._client = client
        self._table = table
        self._executions = executions

    def claim(self, wanted: Sequence[tuple[Event, Claim]]) -> Sequence[str | None]:
        """Claim each key for its event, unless another event holds it whose window is open.

        The window runs from arrival to arrival and both ways, so neither a backlog nor the order in which events are
        run makes a difference. All claims of an event are taken, or none; an event that is not in the caller's hands
        any more takes none.
        """
        claims: dict[str, list[int]] = {}
        for place, (event, _) in enumerate(wanted):
            claims.setdefault(event.execution_id, []).append(place)
        groups = [
            self._claiming(wanted[places[0]][0], [wanted[place][1] for place in places]) for places in claims.values()
        ]
        answers: list[str | None] = [None] * len(wanted)
        for places, refusal in zip(claims.values(), write_groups(self._client, groups), strict=True):
            for operation, item in refusal or ():
                # the first operation is about the event itself, then come three for each claim
                if operation == 0:
                    answers[places[0]] = GONE
                    break
                answers[places[(operation - 1) // 3]] = str((item or {})["owner"])
        return answers

    def _claiming(self, event: Event, claims: Sequence[Claim]) -> list[Operation]:
        in_hand = check(self._executions, event_key(event), "epoch = :epoch", epoch=event.epoch)
        return [in_hand, *(operation for claim in claims for operation in self._taking(event, claim))]

    def _taking(self, event: Event, claim: Claim) -> list[Operation]:
        window = timedelta(seconds=claim.window_seconds)
        own, *beside = claim.slots(event.received_at)
        item = {
            "pk": own,
            "owner": event.execution_id,
            "opened_at": iso(event.received_at),
            "payload_hash": claim.payload_hash,
            # from when it is run: one that was kept for long must not expire before its duplicates come
            "ttl": int(((event.executed_at or event.received_at) + 2 * window + KEEP).timestamp()),
            "v": VERSION,
        }
        claiming = put(self._table, item, "attribute_not_exists(pk) OR #owner = :owner", owner=event.execution_id)
        claiming["Put"]["ExpressionAttributeNames"] = {"#owner": "owner"}
        return [claiming] + [
            check(
                self._table,
                {"pk": slot},
                "attribute_not_exists(pk) OR opened_at <= :closed OR opened_at >= :opens",
                closed=iso(event.received_at - window),
                opens=iso(event.received_at + window),
            )
            for slot in beside
        ]

    def guard(
        self, wanted: Mapping[str, Sequence[str]], until: datetime, now: datetime, *, unheard: bool = False
    ) -> Mapping[str, Mapping[str, Guarded]]:
        """Obtain all guard keys of each owner, all or none, until released or `until`.

        `unheard`: most of them were never anybody's. Such a key is put where there is none, which costs less than to
        change it, and there is nothing to be read of it.
        """
        known: dict[str, Mapping[str, Guarded]] = {}
        if unheard:
            puts = [[self._first(owner, guard, until) for guard in guards] for owner, guards in wanted.items()]
            for (owner, guards), refusal in zip(wanted.items(), write_groups(self._client, puts), strict=True):
                if refusal is None:
                    known[owner] = {guard: Guarded(last={}) for guard in guards}
        others = {owner: guards for owner, guards in wanted.items() if owner not in known}
        groups = [[self._next(owner, guard, until, now) for guard in guards] for owner, guards in others.items()]
        answers = write_groups(self._client, groups)
        obtained = [
            (owner, guards) for (owner, guards), answer in zip(others.items(), answers, strict=True) if answer is None
        ]
        read = self._read([guard for _, guards in obtained for guard in guards])
        return known | {
            owner: {guard: read.get(guard, Guarded(last={})) for guard in guards} for owner, guards in obtained
        }

    def _first(self, owner: str, guard: str, until: datetime) -> Operation:
        """Take a guard that nobody ever held."""
        item = {"pk": guard, "owner": owner, "expires_at": iso(until), "v": VERSION}
        item["ttl"] = int((until + KEEP).timestamp())
        return put(self._table, item, "attribute_not_exists(pk)")

    def _next(self, owner: str, guard: str, until: datetime, now: datetime) -> Operation:
        """Take a guard that nobody holds."""
        return update(
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
            counted = [[update(self._table, {"pk": guard}, "ADD writes :one", one=1)] for guard in guards]
            write_groups(self._client, counted)
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
        for claim in claims:
            operation = delete(self._table, {"pk": claim}, "#owner = :owner", owner=owner)
            operation["Delete"]["ExpressionAttributeNames"] = {"#owner": "owner"}
            groups.append([operation])
        write_groups(self._client, groups)

    def seen(self, guards: Sequence[str], now: datetime) -> Mapping[str, Guarded]:
        """What was written under guards, and whether somebody holds them; nothing is taken."""
        return self._read(guards, now)

    def free(self, held: Mapping[str, str], written: Collection[str]) -> None:
        """Let go of guards, by their owners; what another holds by now stays."""
        groups = []
        for owner, guard in held.items():
            counting: dict[str, int] = {"one": 1} if owner in written else {}
            groups.append(
                [
                    update(
                        self._table,
                        {"pk": guard},
                        "REMOVE #owner, expires_at" + (" ADD writes :one" if counting else ""),
                        "#owner = :owner",
                        names={"#owner": "owner"},
                        owner=owner,
                        **counting,
                    )
                ]
            )
        write_groups(self._client, groups)

    def _read(self, keys: Sequence[str], now: datetime | None = None) -> dict[str, Guarded]:
        """What is known under keys; those that somebody holds are busy, where it is asked at a moment."""
        found: dict[str, Guarded] = {}
        for item in read_items(self._client, self._table, [{"pk": key} for key in dict.fromkeys(keys)]):
            last = {name.removeprefix("last#"): str(value) for name, value in item.items() if name.startswith("last#")}
            busy = now is not None and "owner" in item and str(item["expires_at"]) >= iso(now)
            found[item["pk"]] = Guarded(last=last, writes=int(item.get("writes", 0)), busy=busy)
        return found
