"""Records of both systems that a cycle looks up, beside what it reads as changed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Protocol

from leadbridge.domain.cycle_opportunities import AddedDeals, AddedRole
from leadbridge.domain.cycle_people import EMAILS, IDS, PERSON
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.three_way import Side
from leadbridge.ports import Marketo, Salesforce
from leadbridge.usecases.kept_descriptions import KeptDescriptions


class CycleMarketo(Marketo, Protocol):
    """What a cycle asks of a Marketo instance beside the others."""

    def keyed(self, object_name: str, keys: Sequence[str], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Records of an object by its key, or by Marketo's own id where several fields are the key."""
        ...

    def list_name(self, list_id: int) -> str | None:
        """The name of the static list of that id; None if there is none."""
        ...

    def added_deals(self, told: Sequence[AddedRole]) -> AddedDeals:
        """The opportunities and roles that the log names."""
        ...


class CycleSalesforce(Salesforce, Protocol):
    """What a cycle asks of a Salesforce org beside the others."""

    def count_of(self, object_name: str, field: str, values: Sequence[str]) -> int:
        """How many records hold one of the values in a field."""
        ...

    def total_of(self, object_name: str) -> int:
        """How many records there are."""
        ...

    def describe_each(self, object_names: Sequence[str]) -> Mapping[str, ObjectDescription]:
        """Objects by name, in a call; those that cannot be described are missing."""
        ...


class CycleConnections(Protocol):
    """Both systems by connection."""

    def marketo(self, connection: str) -> CycleMarketo:
        """The instance of a connection."""
        ...

    def salesforce(self, connection: str) -> CycleSalesforce:
        """The org of a connection."""
        ...


class Described:
    """Objects of both systems as they were described when the run was opened; each is asked for once."""

    def __init__(
        self,
        marketo: Marketo,
        salesforce: CycleSalesforce,
        cycle: str,
        kept: KeptDescriptions | None = None,
        opening: Sequence[str] | None = None,
    ) -> None:
        """Sends nothing.

        `kept` is what others have asked for; without it nobody has. `opening`: the run is just being opened, so
        everything is asked for anew, these objects of Salesforce in a call.
        """
        self._marketo = marketo
        self._salesforce = salesforce
        self._cycle = cycle
        self._kept = kept
        self._opening = opening
        self._known: dict[str, ObjectDescription] = {}

    def __call__(self, object_name: str) -> ObjectDescription:
        """An object of either system; no name of Salesforce's begins with a small letter.

        Raises:
            SyncError: The system cannot be asked now, or has no such object.
        """
        return self.of(Side.MARKETO if object_name[:1].islower() else Side.SALESFORCE, object_name)

    def of(self, side: Side, object_name: str) -> ObjectDescription:
        """An object of one of the two. Raises as above."""
        if object_name not in self._known:
            self._known[object_name] = self._asked(side, object_name)
        return self._known[object_name]

    def _asked(self, side: Side, object_name: str) -> ObjectDescription:
        ask = partial((self._marketo if side is Side.MARKETO else self._salesforce).describe, object_name)
        if self._kept is None:
            return ask()
        if self._opening is None:
            return self._kept.of(self._cycle, object_name, ask)
        if object_name in self._together:
            ask = partial(self._together.__getitem__, object_name)
        return self._kept.asked(self._cycle, object_name, ask)

    @cached_property
    def _together(self) -> Mapping[str, ObjectDescription]:
        """Objects of Salesforce by name, as far as it describes them; what is missing says why if it is asked for."""
        return self._salesforce.describe_each(self._opening) if self._opening else {}


class LookedUp:
    """`cycle_ports.CycleRecords` over both clients; each object is read with the same columns everywhere."""

    def __init__(
        self,
        *,
        marketo: CycleMarketo,
        salesforce: CycleSalesforce,
        describe: Callable[[str], ObjectDescription],
        people: Sequence[str],
        records: Mapping[str, Sequence[str]],
        keyed: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """`people` are the columns of Marketo's people, `records` those of Salesforce's objects.

        `keyed` are those of Marketo's companies and sales persons, by object. Whatever a system does not describe
        today is not asked for.
        """
        self._marketo = marketo
        self._salesforce = salesforce
        self._describe = describe
        self._people = people
        self._records = records
        self._keyed = keyed or {}

    def people(self, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Marketo's people whose field holds one of the values."""
        if not values:
            return []
        described = self._describe(PERSON).fields
        columns = dict.fromkeys([IDS[Side.MARKETO], EMAILS[Side.MARKETO], field, *self._people])
        return self._marketo.leads_by_filter(field, list(values), [name for name in columns if name in described])

    def salesforce(self, object_name: str, field: str, values: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Salesforce records of an object whose field holds one of the values."""
        if not values:
            return []
        described = self._describe(object_name).fields
        columns = dict.fromkeys([IDS[Side.SALESFORCE], field, *self._records.get(object_name, ())])
        return self._salesforce.find(object_name, [name for name in columns if name in described], field, list(values))

    def keyed(self, object_name: str, keys: Collection[str]) -> Sequence[Mapping[str, Any]]:
        """Marketo's companies or sales persons with one of the keys; opportunity roles by Marketo's own id."""
        if not keys:
            return []
        described = self._describe(object_name).fields
        columns = [name for name in self._keyed[object_name] if name in described]
        return self._marketo.keyed(object_name, list(keys), columns)

    def count(self, object_name: str, field: str, values: Collection[str]) -> int:
        """How many Salesforce records of an object hold one of the values in a field."""
        return self._salesforce.count_of(object_name, field, list(values)) if values else 0

    def total(self, object_name: str) -> int:
        """How many Salesforce records of an object there are."""
        return self._salesforce.total_of(object_name)
