"""Links and records of the CRM cycle in memory."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from leadbridge.cycle_ports import Link
from leadbridge.domain.values import normalised


class InMemoryLinks:
    """`cycle_ports.Links`."""

    def __init__(self, *links: Link) -> None:
        """What is remembered."""
        self.links: dict[str, Link] = {}
        #: by person the record that was linked last
        self.people: dict[str, str] = {}
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
            self.links[link.salesforce_id] = link
            if not link.moved_to:
                self.people[link.marketo_id] = link.salesforce_id

    def forget(self, links: Iterable[Link]) -> None:
        """As the port says."""
        for link in links:
            self.links.pop(link.salesforce_id, None)
            if self.people.get(link.marketo_id) == link.salesforce_id:
                del self.people[link.marketo_id]

    def listed(self, after: str) -> tuple[Sequence[Link], str]:
        """As the port says; two at a time."""
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

    def _found(self, name: str, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        self.asked.append((name, field, len(values)))
        wanted = {normalised(value) for value in values}
        return [row for row in self.rows.get(name, ()) if normalised(row.get(field) or "") in wanted]
