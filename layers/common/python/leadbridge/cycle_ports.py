"""The roles that the CRM cycle needs from the outside, beside those of `ports` and `sync_ports`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from leadbridge.domain.three_way import Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A Marketo record and a Salesforce record that are one, and what both held at the last look."""

    salesforce_id: str
    marketo_id: str
    #: by the name of the pair of fields
    memory: Mapping[str, Memory] = field(default_factory=dict)


class Links(Protocol):
    """What a cycle remembers of linked records; no value, only digests."""

    def of(self, salesforce_ids: Collection[str]) -> Mapping[str, Link]:
        """The links of Salesforce records, by id; those that have none are missing."""
        ...

    def keep(self, links: Iterable[Link]) -> None:
        """Remember links, in place of what was remembered of the same Salesforce records."""
        ...


class CycleRecords(Protocol):
    """Records of both systems, looked up by what a field holds; as many calls as batches."""

    def people(self, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Marketo's people whose field holds one of the values."""
        ...

    def salesforce(self, object_name: str, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Salesforce records of an object whose field holds one of the values."""
        ...
