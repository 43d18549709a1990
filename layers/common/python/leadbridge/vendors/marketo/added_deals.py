"""Opportunities and their roles, as Marketo's log tells that somebody got one: no call lists them.

Adobe's guide takes the log's "Oppty ID" for the opportunity's own id (`idField`). Where an entry has that, the
opportunity is fetched by it, and the role by opportunity, person and name. Where it has a name only, by which no call
finds anything, the person's roles tell the opportunities. Source: Marketo REST API, "Opportunities", "Opportunity
Roles", "Activities".
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from leadbridge.domain.crm_cycle import OPPORTUNITY_LINK
from leadbridge.domain.cycle_opportunities import GUID, PERSON_ID, AddedDeals, AddedRole

if TYPE_CHECKING:
    from leadbridge.vendors.marketo.client import MarketoClient

_BY_ID, _NAME = "idField", "role"
_OF_DEAL = (GUID, OPPORTUNITY_LINK)
_OF_ROLE = (GUID, OPPORTUNITY_LINK, PERSON_ID, _NAME)


def added_deals(client: "MarketoClient", told: Sequence[AddedRole]) -> AddedDeals:
    """Each opportunity that entries name once, and each role; what is gone since is missing."""
    named = [each for each in told if _is_id(each.opportunity)]
    others = {(each.person, each.role) for each in told if not _is_id(each.opportunity)}
    ids = sorted({each.opportunity for each in named})
    deals = list(client.opportunities.by_filter(_BY_ID, ids, _OF_DEAL)) if ids else []
    keys = {str(each[GUID]): str(each[OPPORTUNITY_LINK]) for each in deals}
    wanted = {(keys[each.opportunity], each.person, each.role) for each in named if each.opportunity in keys}
    asked = [{OPPORTUNITY_LINK: deal, PERSON_ID: int(who), _NAME: role} for deal, who, role in sorted(wanted)]
    roles = list(client.opportunity_roles.by_keys(asked, _OF_ROLE)) if asked else []
    people = sorted({person for person, _ in others})
    found = client.opportunity_roles.by_filter(PERSON_ID, people, _OF_ROLE) if people else ()
    later = [each for each in found if (str(each[PERSON_ID]), each[_NAME]) in others]
    unknown = sorted({_deal(each) for each in later} - {*keys.values()})
    deals += client.opportunities.by_filter(OPPORTUNITY_LINK, unknown, _OF_DEAL) if unknown else ()
    return AddedDeals(deals=deals, roles=[*roles, *later])


def _deal(role: dict[str, Any]) -> str:
    return str(role[OPPORTUNITY_LINK])


def _is_id(said: str) -> bool:
    try:
        UUID(said)
    except ValueError:
        return False
    return True
