"""Links, records and what is due of the CRM cycle in memory."""

from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from leadbridge.cycle_ports import DueRecord, Link, is_of_person
from leadbridge.domain.cycle_opportunities import GUID
from leadbridge.domain.cycle_schema import Schema
from leadbridge.domain.cycling import CycleRun, CycleStanding
from leadbridge.domain.values import normalised
from leadbridge.ports import OvertakenError
from tests.fakes.steps import Step, nothing

#: the keys of Marketo's objects
KEYS = {"companies": "externalCompanyId", "sales_persons": "externalSalesPersonId", "opportunity_roles": GUID}


class InMemoryLinks:
    """`cycle_ports.Links`."""

    def __init__(self, *links: Link, step: Step = nothing) -> None:
        """What is remembered."""
        self._step = step
        self.links: MutableMapping[str, Link] = {}
        #: by person the record that was linked last
        self.people: MutableMapping[str, str] = {}
        self.keep(links)

    def of(self, salesforce_ids: Collection[str]) -> Mapping[str, Link]:
        """As the port says."""
        return {each: self.links[each] for each in salesforce_ids if each in self.links}

    def of_people(self, marketo_ids: Collection[str]) -> Mapping[str, Link]:
        """As the port says."""
        named = {each: self.links.get(self.people.get(each, "")) for each in marketo_ids}
        return {each: link for each, link in named.items() if link and link.marketo_id == each}

    def keep(self, links: Iterable[Link]) -> None:
        """As the port says."""
        for link in links:
            self._step("links.keep")
            self.links[link.salesforce_id] = link
            if is_of_person(link):
                self.people[link.marketo_id] = link.salesforce_id
            self._step("links.keep.done")

    def forget(self, links: Iterable[Link]) -> None:
        """As the port says."""
        for link in links:
            self._step("links.forget")
            self.links.pop(link.salesforce_id, None)
            if self.people.get(link.marketo_id) == link.salesforce_id:
                del self.people[link.marketo_id]

    def listed(self, after: str, prefix: str = "") -> tuple[Sequence[Link], str]:
        """As the port says; two at a time."""
        if prefix:
            others = sorted(each for each in self.links if each.startswith(prefix) and each > after)
            return [self.links[each] for each in others[:2]], others[1] if len(others) > 2 else ""
        ids = sorted(each for each in self.people if each > after)
        mark = ids[1] if len(ids) > 2 else ""
        return list(self.of_people(ids[:2]).values()), mark


class InMemoryRecords:
    """`cycle_ports.CycleRecords`; `asked` are the calls: object, field and how many values."""

    def __init__(self, people: Sequence[Mapping[str, Any]] = (), **objects: Sequence[Mapping[str, Any]]) -> None:
        """People of Marketo, and records of Salesforce by object."""
        self.rows = {"people": list(people)} | {name: list(rows) for name, rows in objects.items()}
        self.asked: list[tuple[str, str, int]] = []

    def people(self, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """As the port says."""
        return self._found("people", field, values)

    def salesforce(self, object_name: str, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """As the port says."""
        return self._found(object_name, field, values)

    def keyed(self, object_name: str, keys: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """As the port says."""
        return self._found(object_name, KEYS[object_name], keys)

    def count(self, object_name: str, field: str, values: Collection[str]) -> int:
        """As the port says."""
        return len(self._found(object_name, field, values))

    def total(self, object_name: str) -> int:
        """As the port says."""
        self.asked.append((object_name, "", 0))
        return len(self.rows.get(object_name, ()))

    def _found(self, name: str, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        self.asked.append((name, field, len(values)))
        wanted = {normalised(value) for value in values}
        return [row for row in self.rows.get(name, ()) if normalised(row.get(field) or "") in wanted]


class InMemoryDueRecords:
    """`cycle_ports.DueRecords`."""

    def __init__(self, *records: DueRecord, step: Step = nothing) -> None:
        """What is due."""
        self._step = step
        self.records: dict[tuple[str, str, str], DueRecord] = {}
        self.add(records)

    def add(self, records: Iterable[DueRecord]) -> None:
        """As the port says; a note that is older than the one there is stays out."""
        self._step("due.add")
        for each in records:
            known = self.records.get(_identity(each))
            if known is None or known.noted_at <= each.noted_at:
                self.records[_identity(each)] = each
        self._step("due.add.done")

    def listed(self, limit: int) -> Sequence[DueRecord]:
        """As the port says."""
        return sorted(self.records.values(), key=lambda each: each.not_before or each.noted_at)[:limit]

    def done(self, records: Iterable[DueRecord]) -> None:
        """As the port says."""
        self._step("due.done")
        for each in records:
            if self.records.get(_identity(each)) == each:
                del self.records[_identity(each)]
        self._step("due.done.done")


def _identity(record: DueRecord) -> tuple[str, str, str]:
    return record.side, record.object, record.id


class InMemoryCycleRuns:
    """`cycle_ports.CycleRuns`."""

    def __init__(self) -> None:
        """Nothing has run yet."""
        self._standings: dict[str, CycleStanding] = {}
        self._runs: dict[tuple[str, str], tuple[CycleRun, int]] = {}

    def standing(self, cycle: str) -> CycleStanding:
        """As the port says."""
        return self._standings.get(cycle, CycleStanding())

    def take(self, cycle: str, slot: str, seen: CycleStanding, now: datetime) -> CycleStanding | None:
        """As the port says."""
        held = self.standing(cycle)
        if (held.epoch, held.holder) != (seen.epoch, seen.holder):
            return None
        taken = self._standings[cycle] = replace(held, epoch=seen.epoch + 1, holder=slot, taken_at=now)
        return taken

    def looked(self, cycle: str, seen: CycleStanding, idle: int, now: datetime, token: str) -> bool:
        """As the port says."""
        held = self.standing(cycle)
        if (held.epoch, held.holder) != (seen.epoch, seen.holder):
            return False
        self._standings[cycle] = replace(held, idle=idle, looked_at=now, token=token)
        return True

    def commit(
        self,
        cycle: str,
        slot: str,
        epoch: int,
        watermarks: Mapping[str, datetime],
        newest: Mapping[str, datetime],
        *,
        schemas: Mapping[str, Schema],
    ) -> bool:
        """As the port says."""
        held = self.standing(cycle)
        if (held.epoch, held.holder) != (epoch, slot):
            return False
        self._standings[cycle] = replace(
            held,
            watermarks={**held.watermarks, **watermarks},
            newest={**held.newest, **newest},
            schemas=schemas,
            idle=0,
            looked_at=None,
        )
        return True

    def release(self, cycle: str, slot: str, epoch: int, ended_at: datetime) -> None:
        """As the port says."""
        held = self.standing(cycle)
        if (held.epoch, held.holder) == (epoch, slot):
            self._standings[cycle] = replace(held, holder="", ended_at=ended_at)

    def begin(self, run: CycleRun) -> tuple[CycleRun, int]:
        """As the port says."""
        return self._runs.setdefault((run.cycle, run.slot), (run, 1))

    def get(self, cycle: str, slot: str) -> tuple[CycleRun, int] | None:
        """As the port says."""
        return self._runs.get((cycle, slot))

    def save(self, run: CycleRun, version: int) -> int:
        """As the port says."""
        if self._runs[run.cycle, run.slot][1] != version:
            raise OvertakenError(run.name)
        self._runs[run.cycle, run.slot] = (run, version + 1)
        return version + 1

    def runs(self, cycle: str, limit: int) -> Sequence[CycleRun]:
        """As the port says."""
        found = [run for (name, _), (run, _) in self._runs.items() if name == cycle]
        return sorted(found, key=lambda run: run.started_at, reverse=True)[:limit]
