"""What a person of Marketo belongs to: a company whose values it shows, and a sales person who owns it.

Marketo's people have the fields of companies. Whoever is linked to a company shows the company's values, which cannot
be changed through the person: they are the company's, and so Salesforce's Account's. Of one who is not linked they are
its own, and so the Lead's. Both links hold the 18 characters of a Salesforce id, since Marketo compares without case.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from leadbridge.domain.crm_cycle import COMPANY_LINK, OWNER_LINK, CrmCycle, CycleField
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.linked import LinkedField
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.three_way import Direction, Side
from leadbridge.domain.values import blank, text

#: Salesforce's fields that say the same as Marketo's links
ACCOUNT, OWNER = "AccountId", "OwnerId"
#: what both descriptions have, and what means another record in each
_TIMES = frozenset({"createdAt", "updatedAt"})
#: a company is left for another one only, so a Contact that loses its Account leaves the link as it is
COMPANY_PAIR = CycleField(marketo=COMPANY_LINK, salesforce=ACCOUNT, direction=Direction.TO_MARKETO)
OWNER_PAIR = CycleField(marketo=OWNER_LINK, salesforce=OWNER, direction=Direction.TO_MARKETO, blank="clear")


def company_fields(company: ObjectDescription, person: ObjectDescription) -> frozenset[str]:
    """The fields of a person that are its company's: those that Describe Company lists, as far as people have them."""
    own = {company.id_field, *company.key_fields, COMPANY_LINK, OWNER_LINK} | _TIMES
    return frozenset(company.fields.keys() & person.fields.keys() - own)


def links_of(object_name: str, cycle: CrmCycle) -> list[CycleField]:
    """The pairs that link people of a Salesforce object, beside those that the document lists.

    Leads have no Account, and become members of a company by their conversion.
    """
    pairs = [COMPANY_PAIR] if cycle.companies and cycle.companies.enabled and object_name == "Contact" else []
    return [*pairs, OWNER_PAIR] if cycle.sales_persons and cycle.sales_persons.enabled else pairs


def fields_of(fields: Sequence[LinkedField], of_companies: frozenset[str], *, linked: bool) -> list[LinkedField]:
    """The pairs that go through a person: of one who is linked to a company without those that are the company's."""
    return [each for each in fields if not (linked and each.fields[Side.MARKETO].name in of_companies)]


def company_of(row: Mapping[str, Any]) -> str:
    """The Account that a row of either system names, in 18 characters; empty if it names none."""
    found = text(row.get(COMPANY_LINK) or row.get(ACCOUNT) or "").strip()
    return canonical(found) if is_id(found) else ""


def yes(value: Any) -> bool:
    """Whether a yes/no field says yes, as a vendor answers it or as it stands in a file."""
    return value is True or (isinstance(value, str) and value.casefold() == "true")


def is_linked(marketo: Mapping[str, Any] | None, salesforce: Mapping[str, Any] | None) -> bool | None:
    """Whether a person is in a company, or comes into one now; None if the rows that were read do not tell."""
    if salesforce is not None and not blank(salesforce.get(ACCOUNT)):
        return True
    return None if marketo is None else not blank(marketo.get(COMPANY_LINK))
