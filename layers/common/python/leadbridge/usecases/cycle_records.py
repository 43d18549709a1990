"""Records of both systems that a cycle looks up, beside what it reads as changed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadbridge.domain.cycle_people import EMAILS, IDS
from leadbridge.domain.three_way import Side
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Marketo, Salesforce
from leadbridge.sync_ports import SyncDestination

#: how many records of an object hold one of the values in a field
type Count = Callable[[str, str, Collection[str]], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """A Marketo object whose records are found by their key only: where they are, the key, and what is read of them."""

    destination: SyncDestination
    key: str
    columns: Sequence[str]


class LookedUp:
    """`cycle_ports.CycleRecords` over both clients; each object is read with the same columns everywhere."""

    def __init__(
        self,
        *,
        marketo: Marketo,
        salesforce: Salesforce,
        people: Sequence[str],
        records: Mapping[str, Sequence[str]],
        keyed: Mapping[str, Keyed] | None = None,
        count: Count | None = None,
    ) -> None:
        """`people` are the columns of Marketo's people, `records` those of Salesforce's objects.

        `keyed` are Marketo's companies and sales persons, by object; `count` counts Salesforce's records.
        """
        self._marketo = marketo
        self._salesforce = salesforce
        self._people = people
        self._records = records
        self._keyed = keyed or {}
        self._count = count

    def people(self, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Marketo's people whose field holds one of the values."""
        columns = dict.fromkeys([IDS[Side.MARKETO], EMAILS[Side.MARKETO], field, *self._people])
        return self._marketo.leads_by_filter(field, list(values), list(columns)) if values else []

    def salesforce(self, object_name: str, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Salesforce records of an object whose field holds one of the values."""
        columns = dict.fromkeys([IDS[Side.SALESFORCE], field, *self._records[object_name]])
        return self._salesforce.find(object_name, list(columns), field, list(values)) if values else []

    def keyed(self, object_name: str, keys: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Marketo's companies or sales persons with one of the keys."""
        found = self._keyed[object_name]
        return found.destination.find([{found.key: key} for key in keys], list(found.columns)) if keys else []

    def count(self, object_name: str, field: str, values: Collection[str]) -> int:
        """How many Salesforce records of an object hold one of the values in a field.

        Raises:
            ConfigurationError: Nobody counts here.
        """
        if self._count is None:
            raise ConfigurationError([f"{object_name}: nothing is counted in a cycle without companies"])
        return self._count(object_name, field, values)
