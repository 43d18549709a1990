"""What a cycle reads and what it writes, as Syncs: the same engine reads and writes here as everywhere else.

A *queue* is read: what one system changed of one kind of record, up to the ceiling, with a watermark of its own.
A *leg* is written: a Sync whose rows are decided already, so that its run applies a plan. Both are derived from the
document of the cycle; people neither write nor schedule them.
"""

from dataclasses import dataclass

from leadbridge.domain.sync import Sync
from leadbridge.domain.three_way import Side

#: groups of legs in the order in which they are written; legs of one group may be written side by side.
#: Salesforce first, since Marketo's people need the ids of what is made there; then Adobe's fourteen steps
SALESFORCE = "salesforce"
SALES_PERSONS = "sales_persons"
COMPANIES = "companies"
PEOPLE = "people"
ACTIVITIES = "activities"
#: Adobe's follow-up reads are here: of people and companies who are to be deleted, of merges since, of activities
FOLLOW_UP = ACTIVITIES
PEOPLE_DELETED = "people_deleted"
OPPORTUNITIES = "opportunities"
OPPORTUNITY_ROLES = "opportunity_roles"
ROLES_DELETED = "roles_deleted"
OPPORTUNITIES_DELETED = "opportunities_deleted"
COMPANIES_DELETED = "companies_deleted"
SALES_PERSONS_DELETED = "sales_persons_deleted"
CUSTOM_OBJECTS = "custom_objects"
#: what stands between two others is written behind both
BRIDGES = "bridges"
#: Campaigns, what their members may be in, and who is
CAMPAIGNS = "campaigns"
CAMPAIGN_STATUSES = "campaign_statuses"
CAMPAIGN_MEMBERS = "campaign_members"
GROUPS = (
    SALESFORCE,
    SALES_PERSONS,
    COMPANIES,
    PEOPLE,
    ACTIVITIES,
    PEOPLE_DELETED,
    OPPORTUNITIES,
    OPPORTUNITY_ROLES,
    ROLES_DELETED,
    OPPORTUNITIES_DELETED,
    COMPANIES_DELETED,
    SALES_PERSONS_DELETED,
    CUSTOM_OBJECTS,
    BRIDGES,
    CAMPAIGNS,
    CAMPAIGN_STATUSES,
    CAMPAIGN_MEMBERS,
)


#: groups that a plan goes through, too, as their Syncs decide for themselves; each follows the one before
PLANNED_LATE = (CUSTOM_OBJECTS, BRIDGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Changes of one kind of record of one system.

    Its watermark is kept with the cycle's lease, under `name`. Its run has the cycle's slot and `reads_only`, begins
    with the window that it reads, and is done as soon as all pages are stored; the cycle begins and starts it.
    """

    name: str
    side: Side
    sync: Sync
    #: nothing is decided about its rows: its run reads them when its group is written, and writes them by itself
    late: bool = False
    #: read when it is its kind's turn to decide, behind what was looked up for the kinds before
    in_turn: bool = False
    #: read as a whole whenever somebody asks for it, and never else: it has no watermark
    on_demand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """Writes of one kind to one system."""

    name: str
    #: one of `GROUPS`
    group: str
    side: Side
    sync: Sync
