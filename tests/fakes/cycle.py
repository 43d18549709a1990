"""Links and records of the CRM cycle in memory."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from leadbridge.cycle_ports import Link
from leadbridge.domain.values import normalised

#: the keys of Marketo's objects
KEYS = {"companies": "externalCompanyId", "sales_persons": "externalSalesPersonId"}


class InMemoryLinks:
    """`cycle_ports.Links`."""

    def __init__(self, *links: Link) -> None:
        """What is remembered."""
        self.links = {link.salesforce_id: link for link in links}

    def of(self, salesforce_ids: Collection[str]) -> Mapping[str, Link]:
        """As the port says."""
        return {each: self.links[each] for each in salesforce_ids if each in self.links}

    def keep(self, links: Iterable[Link]) -> None:
        """As the port says."""
        self.links |= {link.salesforce_id: link for link in links}


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

    def _found(self, name: str, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        self.asked.append((name, field, len(values)))
        wanted = {normalised(value) for value in values}
        return [row for row in self.rows.get(name, ()) if normalised(row.get(field) or "") in wanted]
