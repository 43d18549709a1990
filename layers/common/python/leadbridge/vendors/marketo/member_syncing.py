"""Members of a static list or a program as destinations of Syncs: people who are there already, and where they belong.

A record is a person with the state of the membership: `member` is yes or no, `statusName` and the fields of a
membership are those of a program, where `member: no` takes somebody out and a status lets in. Nobody is made.

Source: Marketo REST API, "List Membership", "Program Members".
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from leadbridge.domain.records import ObjectDescription, Resolution, Row, RowResult
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_objects import AS_DESTINATION
from leadbridge.domain.values import text
from leadbridge.errors import ConfigurationError
from leadbridge.sync_ports import first_of
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.marketo.described import MEMBER, STATUS
from leadbridge.vendors.marketo.syncing import Counted

#: in this status already, or past it
_PAST = "1037"


class _Members(Counted):
    """People with a state of theirs, to be changed."""

    rows = endpoints.ADD_TO_LIST.rows

    def __init__(self, client: MarketoClient, sync: Sync) -> None:
        """Sends nothing."""
        super().__init__(client)
        self._name = sync.destination.object
        self._described: ObjectDescription | None = None

    def describe(self) -> ObjectDescription:
        """The fields of a person, which are read, and those of the membership."""
        self._described = self._described or self._client.describe(AS_DESTINATION[self._name])
        return self._described

    def find(self, keys: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """People of the keys, in the list or program or not."""
        if not keys:
            return []
        described = self.describe().fields
        own = [name for name in fields if name in described and described[name].updateable]
        asked = sorted({"id", *fields} - set(own))
        field, values = first_of(keys)
        people = self._client.leads_by_filter(field, [text(each) for each in values], asked)
        states = self._states([int(person["id"]) for person in people], own) if people and own else {}
        return [{**person, **states.get(int(person["id"]), {})} for person in people]

    def create(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Nobody is made (a Sync that would is refused when it is stored)."""
        refused = RowResult(ok=False, code="nobody", message="no person is made here", resolution=Resolution.REJECT)
        return [refused] * len(rows)

    def update(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Change the memberships of people by `id`; one result per row, in order."""
        raise NotImplementedError

    def _states(self, lead_ids: Sequence[int], names: Sequence[str]) -> Mapping[int, Row]:
        raise NotImplementedError


class ListMembers(_Members):
    """Who is in a static list."""

    def __init__(self, client: MarketoClient, sync: Sync) -> None:
        """Sends nothing."""
        super().__init__(client, sync)
        self._named = sync.destination.static_list
        self._known: int | None = None

    def update(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Add people, and take out those whose `member` is no."""
        found: dict[int, RowResult] = {}
        for wanted, call in ((True, self._client.add_to_list), (False, self._client.remove_from_list)):
            ids = [int(row["id"]) for row in rows if bool(row.get(MEMBER)) is wanted]
            if ids:
                found |= dict(zip(ids, call(self._list, ids), strict=True))
        return [found[int(row["id"])] for row in rows]

    def _states(self, lead_ids: Sequence[int], names: Sequence[str]) -> Mapping[int, Row]:
        del names
        inside = self._client.list_members(self._list, lead_ids)
        return {each: {MEMBER: each in inside} for each in lead_ids}

    @property
    def _list(self) -> int:
        if self._known is None:
            named = self._named
            self._known = self._client.static_list(named) if isinstance(named, str) else named
        if self._known is None:
            raise ConfigurationError(["destination.static_list: Marketo has no such static list; correct it"])
        return self._known


class ProgramMembers(_Members):
    """Who is in a program, with which status."""

    def __init__(self, client: MarketoClient, sync: Sync) -> None:
        """Sends nothing."""
        super().__init__(client, sync)
        self._named = sync.destination.program
        self._known: int | None = None

    def update(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Take out those whose `member` is no; set statuses of the others first, which makes members, then fields."""
        found: dict[int, RowResult] = {}
        if leaving := [int(row["id"]) for row in rows if _leaves(row)]:
            said = self._client.members.delete(self._program, leaving)
            found |= dict(zip(leaving, said, strict=True))
        staying = [row for row in rows if not _leaves(row)]
        for status in dict.fromkeys(str(row[STATUS]) for row in staying if row.get(STATUS)):
            ids = [int(row["id"]) for row in staying if row.get(STATUS) == status]
            said = self._client.set_member_status(self._program, status, ids)
            found |= dict(zip(ids, map(_left, said), strict=True))
        rest = []
        for row in staying:
            fields = {name: value for name, value in row.items() if name not in {"id", STATUS, MEMBER}}
            earlier = found.get(int(row["id"]))
            if fields and (earlier is None or earlier.ok or earlier.code == _PAST):
                rest.append({"leadId": int(row["id"]), **fields})
        if rest:
            said = self._client.update_members(self._program, rest)
            found |= {int(str(row["leadId"])): result for row, result in zip(rest, said, strict=True)}
        nothing = RowResult(ok=False, code="status", message="a status cannot be emptied", resolution=Resolution.REJECT)
        return [found.get(int(row["id"]), nothing) for row in rows]

    def _states(self, lead_ids: Sequence[int], names: Sequence[str]) -> Mapping[int, Row]:
        asked = [name for name in names if name != MEMBER]
        found = {
            each.lead_id: each.fields
            for each in self._client.members.by_filter(self._program, "leadId", lead_ids, asked)
        }
        return {each: {**found.get(each, {}), MEMBER: each in found} for each in lead_ids}

    @property
    def _program(self) -> int:
        if self._known is None and self._named is not None:
            found = self._client.program(self._named)
            self._known = found.id if found else None
        if self._known is None:
            raise ConfigurationError(["destination.program: Marketo has no such program; correct it"])
        return self._known


def _leaves(row: Mapping[str, Any]) -> bool:
    return MEMBER in row and not row[MEMBER]


def _left(result: RowResult) -> RowResult:
    """A status never goes back: who is past it is left alone, which is no update."""
    return replace(result, ok=False, resolution=Resolution.OK) if result.code == _PAST else result
