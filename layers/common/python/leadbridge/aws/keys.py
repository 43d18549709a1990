"""The keys table: dedupe claims and key guards, each one conditional item.

TTL is housekeeping only. Whether a claim or guard is open is decided by its own times, because expired
items stay readable for days.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from leadbridge.aws.inbox import event_key
from leadbridge.aws.items import Operation, Refusal, check, delete, put, read_items, update, write_groups
from leadbridge.domain.event import VERSION, Event, iso
from leadbridge.domain.pipeline import Claim
from leadbridge.domain.shifts import Shift, shift_of
from leadbridge.ports import GONE, Guarded, OvertakenError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: housekeeping delay beyond the last moment at which an item can matter
KEEP = timedelta(days=1)


class DynamoKeys:
    """`ports.Keys` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", *, table: str, executions: str, retention: timedelta) -> None:
        """`table` holds the keys, `executions` the events that claim them, and that may be redriven for `retention`."""
        self._client = client
        self._retention = retention
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
        return [self._in_hand(event), *(operation for claim in claims for operation in self._taking(event, claim))]

    def _taking(self, event: Event, claim: Claim) -> list[Operation]:
        window = timedelta(seconds=claim.window_seconds)
        own, *beside = claim.slots(event.received_at)
        item = {
            "pk": own,
            "owner": event.execution_id,
            "opened_at": iso(event.received_at),
            "payload_hash": claim.payload_hash,
            # from when it is run: one that was kept for long must not expire before its duplicates come, and those that
            # were set aside come as late as somebody redrives them
            "ttl": int(((event.executed_at or event.received_at) + 2 * window + KEEP + self._retention).timestamp()),
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
        self, wanted: Mapping[str, Sequence[str]], until: datetime, now: datetime
    ) -> Mapping[str, Mapping[str, Guarded]]:
        """Obtain all guard keys of each owner, all or none, until released or `until`."""
        answers = self._taken(wanted, until, now, {})
        busy = {owner: answer for owner, answer in answers.items() if answer is not None}
        if ended := self._ended(busy.values()):
            # a guard of a shift that has ended is nobody's, but only the shift tells so
            again = {owner: wanted[owner] for owner, answer in busy.items() if ended >= _owners(answer)}
            instead = {
                wanted[owner][place]: str(item["owner"]) for owner in again for place, item in busy[owner] if item
            }
            answers |= self._taken(again, until, now, instead)
        obtained = {owner: guards for owner, guards in wanted.items() if answers[owner] is None}
        known = self._read([guard for guards in obtained.values() for guard in guards])
        return {
            owner: {guard: known.get(guard, Guarded(last={})) for guard in guards} for owner, guards in obtained.items()
        }

    def _taken(
        self, wanted: Mapping[str, Sequence[str]], until: datetime, now: datetime, instead: Mapping[str, str]
    ) -> dict[str, Refusal | None]:
        """What is in the way of each owner; `instead` maps guards to owners that are known to hold nothing."""
        groups = [
            [self._taking_over(guard, owner, until, now, instead=instead.get(guard, owner)) for guard in guards]
            for owner, guards in wanted.items()
        ]
        return dict(zip(wanted, write_groups(self._client, groups), strict=True))

    def _taking_over(
        self, guard: str, owner: str, until: datetime, now: datetime, *, instead: str, counted: bool = False
    ) -> Operation:
        values: dict[str, Any] = {"one": 1} if counted else {}
        return update(
            self._table,
            {"pk": guard},
            "SET #owner = :owner, expires_at = :until, v = :v, #ttl = :ttl" + (" ADD writes :one" if counted else ""),
            "attribute_not_exists(#owner) OR #owner IN (:owner, :instead) OR expires_at < :now",
            names={"#owner": "owner", "#ttl": "ttl"},
            owner=owner,
            instead=instead,
            until=iso(until),
            now=iso(now),
            v=VERSION,
            ttl=int((until + KEEP).timestamp()),
            **values,
        )

    def hold(self, shift: Shift, guards: Sequence[str], until: datetime, now: datetime) -> Mapping[str, Guarded]:
        """Obtain guards for a shift, each on its own, until it ends or `until`; with it the shifts before it end.

        Most keys are new ones: such a guard is put where there is none, so there is nothing to be read of it. It
        counts as written under from the start, so that its end need not touch it.
        """
        ttl = int((until + KEEP).timestamp())
        beginning = update(
            self._table,
            {"pk": shift.key},
            "SET epoch = :epoch, #current = :mark, v = :v, #ttl = :ttl",
            "attribute_not_exists(pk) OR epoch <= :epoch",
            names={"#current": "current", "#ttl": "ttl"},
            epoch=shift.epoch,
            mark=shift.mark,
            v=VERSION,
            ttl=ttl,
        )
        if write_groups(self._client, [[beginning]]) != [None]:
            raise OvertakenError(shift.key)
        item = {"owner": shift.owner, "expires_at": iso(until), "writes": 1, "v": VERSION, "ttl": ttl}
        # made once: of thousands of guards only the keys differ
        first = put(self._table, item, "attribute_not_exists(pk)")["Put"]
        puts = [[{"Put": {**first, "Item": {"pk": {"S": guard}, **first["Item"]}}}] for guard in guards]
        answers = dict(zip(guards, write_groups(self._client, puts), strict=True))
        known = {guard: answer for guard, answer in answers.items() if answer is not None}
        ended = self._ended(known.values())
        groups = []
        for guard, answer in known.items():
            [instead] = (_owners(answer) & ended) or {shift.owner}
            groups.append([self._taking_over(guard, shift.owner, until, now, instead=instead, counted=True)])
        again = dict(zip(known, write_groups(self._client, groups), strict=True))
        read = self._read([guard for guard, answer in again.items() if answer is None])
        # without what has just been counted
        others = {guard: replace(state, writes=state.writes - 1) for guard, state in read.items()}
        return {guard: Guarded(last={}) for guard in guards if guard not in known} | others

    def end(self, shift: Shift) -> None:
        """Let go of all guards of a shift, by one write; where another has begun since, that has happened already."""
        ending = update(
            self._table,
            {"pk": shift.key},
            "REMOVE #current",
            "#current = :mark",
            names={"#current": "current"},
            mark=shift.mark,
        )
        write_groups(self._client, [[ending]])

    def _ended(self, refusals: Iterable[Refusal]) -> set[str]:
        """Those owners of guards in the way that are shifts which have ended."""
        owners = {owner: shift for refusal in refusals for owner in _owners(refusal) if (shift := shift_of(owner))}
        return self._over(owners) if owners else set()

    def _over(self, shifts: Mapping[str, tuple[str, str]]) -> set[str]:
        """The owners of those shifts that have ended."""
        keys = [{"pk": key} for key in dict.fromkeys(key for key, _ in shifts.values())]
        current = {item["pk"]: item.get("current") for item in read_items(self._client, self._table, keys)}
        return {owner for owner, (key, mark) in shifts.items() if current.get(key) != mark}

    def release(self, owner: str, guards: Sequence[str], *, written: tuple[str, str] | None = None) -> None:
        """Let go of guards that `owner` holds; what another holds by now stays."""
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
        write_groups(self._client, groups)

    def unclaim(self, event: Event, claims: Sequence[str]) -> None:
        """Give back the claims that an event holds, all of them as it took them, while it is in the caller's hands."""
        operations = [self._in_hand(event)]
        # one that is gone already keeps no other from going
        mine = "attribute_not_exists(pk) OR #owner = :owner"
        for claim in claims:
            operation = delete(self._table, {"pk": claim}, mine, owner=event.execution_id)
            operation["Delete"]["ExpressionAttributeNames"] = {"#owner": "owner"}
            operations.append(operation)
        write_groups(self._client, [operations])

    def _in_hand(self, event: Event) -> Operation:
        return check(self._executions, event_key(event), "epoch = :epoch", epoch=event.epoch)

    def seen(self, guards: Sequence[str], now: datetime) -> Mapping[str, Guarded]:
        """What was written under guards, and whether somebody holds them; nothing is taken."""
        return self._read(guards, now)

    def _read(self, keys: Sequence[str], now: datetime | None = None) -> dict[str, Guarded]:
        """What is known under keys; those that somebody holds are busy, where it is asked at a moment."""
        found: dict[str, Guarded] = {}
        held: dict[str, str] = {}
        for item in read_items(self._client, self._table, [{"pk": key} for key in dict.fromkeys(keys)]):
            last = {name.removeprefix("last#"): str(value) for name, value in item.items() if name.startswith("last#")}
            if now is not None and "owner" in item and str(item["expires_at"]) >= iso(now):
                held[item["pk"]] = str(item["owner"])
            found[item["pk"]] = Guarded(last=last, writes=int(item.get("writes", 0)))
        shifts = {owner: shift for owner in held.values() if (shift := shift_of(owner))}
        over = self._over(shifts) if shifts else set()
        return found | {key: replace(found[key], busy=True) for key, owner in held.items() if owner not in over}


def _owners(refusal: Refusal) -> set[str]:
    """Who holds the guards that are in the way."""
    return {str((item or {}).get("owner", "")) for _, item in refusal}
