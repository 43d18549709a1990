"""What became of leads that we knew: converted, merged, deleted, or still there.

Source: Object Reference, Lead; SOAP API, convertLead and merge. A converted lead names its contact, account and
opportunity; the loser of a merge is deleted and names the winner. Only queryAll shows both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.soql import in_list_chunks
from leadbridge.vendors.salesforce.queries import Queries

_FIELDS = (
    "Id",
    "IsDeleted",
    "MasterRecordId",
    "IsConverted",
    "ConvertedDate",
    "ConvertedContactId",
    "ConvertedAccountId",
    "ConvertedOpportunityId",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFate:
    """One lead's end, or that it has none yet. A conversion without an opportunity names none."""

    id: str
    is_deleted: bool
    merged_into: str = ""
    converted_on: date | None = None
    contact_id: str = ""
    account_id: str = ""
    opportunity_id: str = ""

    @property
    def is_converted(self) -> bool:
        """Whether the person goes on as a contact."""
        return bool(self.contact_id)


def lead_fates(queries: Queries, ids: Sequence[str]) -> dict[str, LeadFate]:
    """The fate of each lead by its 18-character id; one that is nowhere (purged, or not visible) is left out."""
    wanted = [canonical(each) for each in ids if is_id(each)]
    select = f"SELECT {', '.join(_FIELDS)} FROM Lead WHERE"  # noqa: S608  # fixed names, values are quoted
    found = [
        record for soql in in_list_chunks("Id", wanted, select) for record in queries.all(soql, include_deleted=True)
    ]
    return {fate.id: fate for fate in map(_fate, found)}


def _fate(record: dict[str, Any]) -> LeadFate:
    is_converted = record.get("IsConverted") is True
    on = record.get("ConvertedDate")
    return LeadFate(
        id=canonical(record["Id"]),
        is_deleted=record.get("IsDeleted") is True,
        merged_into=_id_of(record, "MasterRecordId"),
        converted_on=date.fromisoformat(on[:10]) if is_converted and isinstance(on, str) else None,
        contact_id=_id_of(record, "ConvertedContactId") if is_converted else "",
        account_id=_id_of(record, "ConvertedAccountId") if is_converted else "",
        opportunity_id=_id_of(record, "ConvertedOpportunityId") if is_converted else "",
    )


def _id_of(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    return canonical(value) if isinstance(value, str) and value else ""
