"""Look up the records of a batch's persons: one query for all who are looked for in one object by one field."""

from collections.abc import Mapping, Sequence
from typing import Any

from leadbridge.domain.matching import Look, Match, match_key
from leadbridge.domain.pipeline import Candidate
from leadbridge.domain.values import coerce
from leadbridge.errors import SyncError
from leadbridge.ports import Connections
from leadbridge.usecases.batch import grouped

#: a candidate, the look that is its next, and the fields that its decision needs
type _Turn = tuple[Candidate, Look, tuple[str, ...]]


class MatchRecords:
    """Records by execution id; a person whose record is found is not looked for any further, unless it must be."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def __call__(
        self, items: Sequence[Candidate]
    ) -> tuple[dict[str, list[Match]], list[tuple[Sequence[Candidate], SyncError]]]:
        """What was found for each, and those for whom a vendor call failed, with its error."""
        found: dict[str, list[Match]] = {item.event.execution_id: [] for item in items}
        failed: list[tuple[Sequence[Candidate], SyncError]] = []
        waiting = list(items)
        number = 0
        while waiting:
            turns = [_turn(item, item.looks[number]) for item in waiting]
            for same in grouped(turns, _query):
                try:
                    self._find(same, found)
                except SyncError as error:
                    failed.append(([item for item, _, _ in same], error))
                    for item, _, _ in same:
                        del found[item.event.execution_id]
            number += 1
            waiting = [
                item
                for item in waiting
                if number < len(item.looks)
                and item.event.execution_id in found
                and (item.thorough or not found[item.event.execution_id])
            ]
        return found, failed

    def _find(self, turns: Sequence[_Turn], found: Mapping[str, list[Match]]) -> None:
        first, look, fields = turns[0]
        values = list({each.key: each.value for _, each, _ in turns}.values())
        client = self._connections.salesforce(first.compiled.action.destination.connection)
        records = client.find(look.object, fields, look.field.name, [coerce(value, look.field) for value in values])
        by_key: dict[str, list[Mapping[str, Any]]] = {}
        for record in records:
            tagged = {**record, "attributes": {"type": look.object}}
            by_key.setdefault(match_key(record[look.field.name], look.field), []).append(tagged)
        for item, each, _ in turns:
            known = found[item.event.execution_id]
            ids = {match["Id"] for match in known}
            known.extend(match for match in by_key.get(each.key, []) if match["Id"] not in ids)


def _turn(item: Candidate, look: Look) -> _Turn:
    return item, look, item.compiled.targets[look.object].matched_fields


def _query(turn: _Turn) -> tuple[str, ...]:
    """Turns with the same query are asked by one call."""
    item, look, fields = turn
    return (item.compiled.action.destination.connection, look.object, look.field.name, *fields)
