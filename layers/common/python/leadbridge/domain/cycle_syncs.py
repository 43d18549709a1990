"""The Syncs of a cycle by the names that its runs call them: `<cycle>.<name>`, which no document can be called."""

from collections.abc import Iterator, Mapping, Sequence

from leadbridge.domain.crm_cycle import OPPORTUNITY_LINK, OWNER_LINK, CrmCycle
from leadbridge.domain.cycle_activities import activity_legs, activity_queues
from leadbridge.domain.cycle_companies import (
    ACCOUNT,
    COMPANY,
    SALES_PERSON,
    SALES_PERSON_FIELDS,
    USER,
    account_columns,
    company_columns,
    company_legs,
    company_queues,
    sales_person_legs,
    sales_person_queues,
    user_columns,
)
from leadbridge.domain.cycle_custom_objects import object_legs, object_queues
from leadbridge.domain.cycle_legs import Leg, Queue
from leadbridge.domain.cycle_opportunities import (
    CONTACT_ROLE,
    GUID,
    OPPORTUNITY,
    ROLE,
    ROLE_COLUMNS,
    STAGE,
    STAGE_COLUMNS,
    added_queues,
    kept_opportunities,
    opportunity_columns,
    opportunity_legs,
    opportunity_queues,
    role_legs,
    role_queues,
)
from leadbridge.domain.cycle_people import kinds, people_columns, people_legs, people_queues, record_columns
from leadbridge.domain.cycle_programs import (
    CAMPAIGN,
    MEMBER,
    STATUS,
    program_legs,
    program_queues,
    written_campaign_fields,
    written_member_fields,
)
from leadbridge.domain.sync import Sync

#: stands between the cycle and the name; identifiers of documents have none
DOT = "."


def is_derived(sync: str) -> bool:
    """Whether a Sync's id is one of a cycle's."""
    return DOT in sync


def cycle_of(sync: str) -> str:
    """The id of the cycle whose Sync it is."""
    return sync.partition(DOT)[0]


def derived_syncs(cycle: CrmCycle) -> tuple[tuple[Queue, ...], tuple[Leg, ...]]:
    """What a cycle reads, and what it writes."""
    return tuple(queue for _, queue in queues_of(cycle)), tuple(_legs(cycle))


def derived_sync(cycle: CrmCycle, sync: str) -> Sync | None:
    """A cycle's Sync by its id; None if there is none."""
    queues, legs = derived_syncs(cycle)
    found = (*(queue.sync for queue in queues), *(leg.sync for leg in legs))
    return next((each for each in found if each.id == sync), None)


def queues_of(cycle: CrmCycle) -> Iterator[tuple[str, Queue]]:
    """What a cycle reads, and for which kind of records."""
    reading = {
        "sales_persons": sales_person_queues,
        "companies": company_queues,
        "persons": people_queues,
        "activities": activity_queues,
        "opportunities": lambda one: (*opportunity_queues(one), *added_queues(one)),
        "opportunity_roles": role_queues,
        "custom_objects": object_queues,
        "programs": program_queues,
    }
    return ((kind, queue) for kind, read in reading.items() for queue in read(cycle))


def _legs(cycle: CrmCycle) -> Iterator[Leg]:
    people = (sales_person_legs, company_legs, people_legs, activity_legs)
    for written in (*people, opportunity_legs, role_legs, object_legs, program_legs):
        yield from written(cycle)


def members_columns(cycle: CrmCycle) -> tuple[str, ...]:
    """The columns of Marketo's people that a cycle reads, whatever for."""
    if cycle.persons is not None:
        return people_columns(cycle, cycle.persons)
    companies = company_columns(cycle, cycle.companies) if cycle.companies else ("id",)
    return tuple(dict.fromkeys([*companies, OWNER_LINK]))


def looked_up_columns(cycle: CrmCycle) -> Mapping[str, Sequence[str]]:
    """The columns of Salesforce's records that a cycle looks up, by object."""
    persons, companies = cycle.persons, cycle.companies
    people = {name: record_columns(cycle, persons, name) for name in kinds(persons)} if persons else {}
    accounts = {ACCOUNT: account_columns(cycle, companies)} if companies else {}
    opportunities = kept_opportunities(cycle)
    deals = {OPPORTUNITY: opportunity_columns(cycle, opportunities)} if opportunities else {}
    campaigns = {
        CAMPAIGN: written_campaign_fields(cycle),
        MEMBER: written_member_fields(cycle),
        STATUS: ("Id", "CampaignId", "Label"),
    }
    others = {USER: user_columns(), CONTACT_ROLE: ROLE_COLUMNS, STAGE: STAGE_COLUMNS}
    return {**people, **accounts, **deals, **others, **campaigns}


def keyed_columns(cycle: CrmCycle) -> Mapping[str, Sequence[str]]:
    """The fields of Marketo's companies, sales persons and roles that a cycle looks up, by object."""
    companies = company_columns(cycle, cycle.companies) if cycle.companies else ()
    sales_persons = ("id", OWNER_LINK, *(each.marketo for each in SALES_PERSON_FIELDS))
    return {COMPANY: companies, SALES_PERSON: sales_persons, ROLE: (GUID, OPPORTUNITY_LINK)}
