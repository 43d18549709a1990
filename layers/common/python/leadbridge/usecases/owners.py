"""Who owns records in Marketo: Salesforce's owner, where that is a User whom Marketo may know as a sales person."""

from collections.abc import Collection, Mapping, Sequence

from leadbridge.cycle_ports import CycleRecords
from leadbridge.domain.belonging import OWNER, yes
from leadbridge.domain.cycle_companies import ACTIVE, USER
from leadbridge.domain.ids import canonical, is_id
from leadbridge.usecases.pair_people import Row

#: why a record's owner is told of: nobody owns it in Marketo
QUEUE, INACTIVE, UNKNOWN = "owner_is_queue", "owner_inactive", "owner_unknown"


class OwnedRecords:
    """`cycle_ports.CycleRecords` whose Salesforce rows name the owner that Marketo is to know, or none.

    A User is looked up once. One who was deactivated stays the owner as long as the sales person does.
    """

    def __init__(self, records: CycleRecords, *, user_prefix: str, removes: bool) -> None:
        """`user_prefix`: how ids of Users begin; `removes`: sales persons of deactivated Users are deleted."""
        self._records = records
        self._prefix = user_prefix
        self._removes = removes
        self._active: dict[str, bool] = {}
        #: by record whose owner is nobody Marketo is to know, or is inactive, the reason
        self.told: dict[str, str] = {}

    def people(self, field: str, values: Collection[str]) -> Sequence[Row]:
        """As the port says."""
        return self._records.people(field, values)

    def keyed(self, object_name: str, keys: Collection[str]) -> Sequence[Row]:
        """As the port says."""
        return self._records.keyed(object_name, keys)

    def count(self, object_name: str, field: str, values: Collection[str]) -> int:
        """As the port says."""
        return self._records.count(object_name, field, values)

    def total(self, object_name: str) -> int:
        """As the port says."""
        return self._records.total(object_name)

    def salesforce(self, object_name: str, field: str, values: Collection[str]) -> Sequence[Row]:
        """As the port says, with owners as Marketo is to know them."""
        return self.owned(self._records.salesforce(object_name, field, values))

    def owned(self, rows: Sequence[Row]) -> list[Row]:
        """Rows of Salesforce with owners as Marketo is to know them."""
        self._look_up({self._owner(row) for row in rows})
        return [self._with_owner(row) for row in rows]

    def _owner(self, row: Row) -> str:
        found = str(row.get(OWNER) or "")
        return canonical(found) if is_id(found) else ""

    def _look_up(self, owners: Collection[str]) -> None:
        wanted = sorted(each for each in owners if each.startswith(self._prefix) and each not in self._active)
        if wanted:
            found = self._records.salesforce(USER, "Id", wanted)
            self._active |= {canonical(user["Id"]): yes(user.get(ACTIVE)) for user in found}

    def _with_owner(self, row: Row) -> Row:
        owner = self._owner(row)
        if not owner:
            return row
        reason = self._reason(owner)
        if not reason:
            return row
        self.told[canonical(row["Id"])] = reason
        stays = reason == INACTIVE and not self._removes
        return row if stays else _without_owner(row)

    def _reason(self, owner: str) -> str:
        if not owner.startswith(self._prefix):
            return QUEUE
        if owner not in self._active:
            return UNKNOWN
        return "" if self._active[owner] else INACTIVE


def _without_owner(row: Row) -> Mapping[str, object]:
    return {**row, OWNER: None}
