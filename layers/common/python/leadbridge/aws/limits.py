"""The state table's limit items: one per vendor instance, replaced as a whole under a version condition.

An item is well under 1 KB (the window's calls are stored as differences), so that one try costs one write unit, also
one that comes too late; such a try brings back the item that was in its way.
"""

import json
import os
from collections.abc import Iterable
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from leadbridge.aws.items import dump, later, load
from leadbridge.domain.event import VERSION
from leadbridge.domain.limits import Allowance, Gate, Held, Signal, State

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoLimits:
    """`ports.Limits` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", *, table: str) -> None:
        self._client = client
        self._table = table

    def read(self, instance: str) -> tuple[State, int]:
        """The state of an instance and its version; the empty state and 0 if nobody has called it yet."""
        with later("GetItem"):
            answer = self._client.get_item(TableName=self._table, Key=_key(instance), ConsistentRead=True)
        return _stamped(load(answer["Item"])) if "Item" in answer else (State(), 0)

    def swap(self, instance: str, state: State, version: int) -> tuple[State, int] | None:
        """Replace the state if `version` is still the current one; otherwise returns what stands there instead."""
        mark = os.urandom(8).hex()
        values = {":old": version, ":new": version + 1, ":state": _text(state), ":mark": mark, ":v": VERSION}
        try:
            with later("UpdateItem"):
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(instance),
                    UpdateExpression="SET version = :new, #state = :state, written_by = :mark, v = :v",
                    ConditionExpression="version = :old" if version else "attribute_not_exists(version)",
                    ExpressionAttributeNames={"#state": "state"},
                    ExpressionAttributeValues=dump(
                        {name: value for name, value in values.items() if version or name != ":old"}
                    ),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            found: Any = error.response.get("Item")
            item = load(found) if found else {}
            # the SDK repeats a write whose answer was lost: then our own stands in its way
            if item.get("written_by") == mark:
                return None
            return _stamped(item) if item else (State(), 0)
        return None


def _key(instance: str) -> dict[str, Any]:
    return dump({"pk": "limits", "sk": instance})


def _stamped(item: dict[str, Any]) -> tuple[State, int]:
    return _state(item["state"]), item["version"]


def _text(state: State) -> str:
    """The state as short JSON without what is empty."""
    document = {
        "calls": _steps(state.calls),
        "last": state.last,
        "held": {name: _held_members(held) for name, held in state.held.items()},
        "wanted": {str(lane): until for lane, until in state.wanted.items()},
        "crowded": state.crowded_until,
        "paused": [state.paused_until, state.paused_code] if state.paused_until else None,
        "rate": [state.rate.value, state.rate.since] if state.rate else None,
        "places": [state.places.value, state.places.since] if state.places else None,
        "used": state.used,
        "allowed": state.allowed,
        "day_ends": state.day_ends,
        "outages": state.outages,
        "gate": _gate_members(state.gate) if state.gate else None,
        "begun": {str(lane): _steps(starts) for lane, starts in state.begun.items()},
    }
    return json.dumps({name: value for name, value in document.items() if value}, separators=(",", ":"))


def _held_members(held: Held) -> list[int]:
    """Without the lane where that is not told: a worker of the version before reads three members."""
    members = [held.until, held.began, held.entry]
    return [*members, held.lane] if held.lane else members


def _steps(instants: Iterable[int]) -> list[int]:
    """Instants in order as the first one and the time from each to the next."""
    found = list(instants)
    return [at - before for before, at in pairwise((0, *found))]


def _instants(steps: Iterable[int]) -> tuple[int, ...]:
    """The instants that `_steps` tells of."""
    return tuple(accumulate(steps))


def _gate_members(gate: Gate) -> list[Any]:
    return [gate.signal.value, gate.code, gate.until, gate.probe_at, gate.tries, gate.prober, gate.probing_until]


def _state(text: str) -> State:
    found: dict[str, Any] = json.loads(text)
    paused_until, paused_code = found.get("paused") or (0, "")
    return State(
        calls=_instants(found.get("calls", ())),
        last=found.get("last", 0),
        held={
            name: Held(until=until, began=began, entry=entry, lane=lane[0] if lane else 0)
            for name, (until, began, entry, *lane) in found.get("held", {}).items()
        },
        wanted={int(lane): until for lane, until in found.get("wanted", {}).items()},
        crowded_until=found.get("crowded", 0),
        paused_until=paused_until,
        paused_code=paused_code,
        rate=Allowance(value=found["rate"][0], since=found["rate"][1]) if found.get("rate") else None,
        places=Allowance(value=found["places"][0], since=found["places"][1]) if found.get("places") else None,
        used=found.get("used", 0),
        allowed=found.get("allowed"),
        day_ends=found.get("day_ends", 0),
        outages=found.get("outages", 0),
        gate=_gate(found["gate"]) if found.get("gate") else None,
        begun={int(lane): _instants(steps) for lane, steps in found.get("begun", {}).items()},
    )


def _gate(members: list[Any]) -> Gate:
    signal, code, until, probe_at, tries, prober, probing_until = members
    return Gate(
        signal=Signal(signal),
        code=code,
        until=until,
        probe_at=probe_at,
        tries=tries,
        prober=prober,
        probing_until=probing_until,
    )
