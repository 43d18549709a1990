"""Records of both systems that a cycle looks up, beside what it reads as changed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from leadbridge.domain.cycle_people import EMAILS, IDS
from leadbridge.domain.three_way import Side
from leadbridge.ports import Marketo, Salesforce


class LookedUp:
    """`cycle_ports.CycleRecords` over both clients; each object is read with the same columns everywhere."""

    def __init__(
        self,
        *,
        marketo: Marketo,
        salesforce: Salesforce,
        people: Sequence[str],
        records: Mapping[str, Sequence[str]],
    ) -> None:
        """`people` are the columns of Marketo's people, `records` those of Salesforce's objects."""
        self._marketo = marketo
        self._salesforce = salesforce
        self._people = people
        self._records = records

    def people(self, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Marketo's people whose field holds one of the values."""
        columns = dict.fromkeys([IDS[Side.MARKETO], EMAILS[Side.MARKETO], field, *self._people])
        return self._marketo.leads_by_filter(field, list(values), list(columns)) if values else []

    def salesforce(self, object_name: str, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Salesforce records of an object whose field holds one of the values."""
        columns = dict.fromkeys([IDS[Side.SALESFORCE], field, *self._records[object_name]])
        return self._salesforce.find(object_name, list(columns), field, list(values)) if values else []
