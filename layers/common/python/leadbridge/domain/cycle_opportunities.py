"""What a cycle reads and writes of opportunities and their roles: the queues and legs, one way to Marketo.

Nobody else writes these in Marketo, so they are written by their keys without a look at what is there: Marketo makes
or changes them, whichever it is. Only what is to be deleted is looked for, by Marketo's own id.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadbridge.domain.action import UniqueIdentifier
from leadbridge.domain.belonging import ACCOUNT as ACCOUNT_LINK
from leadbridge.domain.belonging import OWNER_PAIR
from leadbridge.domain.crm_cycle import (
    COMPANY_LINK,
    OPPORTUNITY_LINK,
    CrmCycle,
    CycleField,
    Flag,
    Opportunities,
    OpportunityRoles,
)
from leadbridge.domain.cycle_legs import (
    OPPORTUNITIES,
    OPPORTUNITIES_DELETED,
    OPPORTUNITY_ROLES,
    PEOPLE,
    ROLES_DELETED,
    Leg,
    Queue,
)
from leadbridge.domain.cycle_people import PERSON, alike, derived, given
from leadbridge.domain.cycle_programs import OF_PROGRAM, STATUS_NAME
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.source_query import ATTRIBUTES
from leadbridge.domain.three_way import Direction, Side

#: Salesforce's kinds of records, and Marketo's
OPPORTUNITY, DEAL = "Opportunity", "opportunities"
#: what Marketo's log calls it that somebody got a role, and what of such an entry is read
ADDED = "Add to Opportunity"
ADDED_COLUMNS = ("marketoGUID", "leadId", "activityDate", "primaryAttributeValue", ATTRIBUTES)
_ADDED_ROLE = "Role"
CONTACT_ROLE, ROLE = "OpportunityContactRole", "opportunity_roles"
STAGE = "OpportunityStage"
FROM_OPPORTUNITIES, FROM_ROLES = "from-opportunities", "from-roles"
FROM_ADDED = "from-added-opportunities"
OPPORTUNITIES_WRITTEN, OPPORTUNITIES_GONE = "opportunities-written", "opportunities-gone"
ROLES_WRITTEN, ROLES_GONE = "roles-written", "roles-gone"
#: people take the stages of their opportunities
STAGES_WRITTEN = "stages-written"
#: Marketo's own id of both, and the column that holds it where a record is to be deleted
GUID = "marketoGUID"
#: columns of a role by which Marketo knows it
IN, WHOSE, CALLED = "OpportunityId", "ContactId", "Role"
#: the person's number in Marketo, which stands for the Contact
PERSON_ID = "leadId"
#: when the stage of an Opportunity was last changed; before it ever was it is empty
STAGED = "LastStageChangeDate"
CLOSED, WON = "IsClosed", "IsWon"
#: whether somebody is in a program, as a Sync writes it
MEMBER_OF = "member"
IS_CLOSED = CycleField(marketo="isClosed", salesforce=CLOSED, direction=Direction.TO_MARKETO)
IS_WON = CycleField(marketo="isWon", salesforce=WON, direction=Direction.TO_MARKETO)
#: attribution goes by the day on which Salesforce made a record, not by ours
_CREATED = CycleField(marketo="externalCreatedDate", salesforce="CreatedDate", direction=Direction.TO_MARKETO)
_COMPANY = CycleField(marketo=COMPANY_LINK, salesforce=ACCOUNT_LINK, direction=Direction.TO_MARKETO, blank="clear")
IS_PRIMARY = CycleField(marketo="isPrimary", salesforce="IsPrimary", direction=Direction.TO_MARKETO)
ROLE_FIELDS = (IS_PRIMARY, _CREATED)
#: what no role can be without in Salesforce
ROLE_COLUMNS = ("Id", "SystemModstamp", IN, WHOSE, CALLED, *(each.salesforce for each in ROLE_FIELDS))
#: as Marketo describes them, whose fields nobody can change: what is asked once need not be asked by each run
ROLE_DESCRIBED = ObjectDescription(
    name="opportunity roles",
    fields={
        "isPrimary": FieldDescription(name="isPrimary", type="boolean"),
        "externalCreatedDate": FieldDescription(name="externalCreatedDate", type="datetime"),
    },
)
STAGE_COLUMNS = ("Id", "ApiName", CLOSED, WON)


def opportunity_pairs(cycle: CrmCycle, opportunities: Opportunities) -> list[CycleField]:
    """The pairs of fields of opportunities, with those that are kept by the cycle."""
    pairs: list[CycleField] = [pair for pair in opportunities.fields if pair.enabled]
    pairs += [_CREATED, IS_CLOSED, IS_WON]
    pairs += [_COMPANY] if cycle.keeps("companies") else []
    return [*pairs, OWNER_PAIR] if cycle.keeps("sales_persons") else pairs


def opportunity_columns(cycle: CrmCycle, opportunities: Opportunities) -> tuple[str, ...]:
    """The columns of Opportunities that a cycle reads; those that Salesforce hides are left out later."""
    pairs = [pair.salesforce for pair in opportunity_pairs(cycle, opportunities)]
    chosen = [STAGED] if opportunities.stage_field else []
    return tuple(dict.fromkeys(["Id", "SystemModstamp", "StageName", *chosen, *pairs]))


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedRole:
    """Somebody got a role in an opportunity, as Marketo's log tells it."""

    #: the person's number
    person: str
    #: Marketo's own id of the opportunity, or else its name, by which it is not found
    opportunity: str
    role: str


def added_role(row: Mapping[str, str]) -> AddedRole:
    """What an entry of the log tells; a file has its attributes as an object, the log itself as a list."""
    found = json.loads(row[ATTRIBUTES] or "{}")
    attributes = found if isinstance(found, dict) else {each.get("name"): each.get("value") for each in found}
    role = str(attributes.get(_ADDED_ROLE) or "")
    return AddedRole(person=row["leadId"], opportunity=row["primaryAttributeValue"], role=role)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedDeals:
    """Opportunities and roles of Marketo that its log names."""

    deals: Sequence[Mapping[str, Any]] = ()
    roles: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What a person's membership in a program is to be."""

    program: str | int
    fields: Mapping[str, str | bool]


def track_writes(opportunities: Opportunities) -> Iterator[tuple[str, str, Membership]]:
    """What the tracks of closed Opportunities write, each by its leg, with the track it is of."""
    for name, track in opportunities.tracks.items():
        for number, program in enumerate(track.leave, start=1):
            yield f"{name}-leaves-{number}", name, Membership(program=program, fields={MEMBER_OF: False})
        if track.join is not None:
            joined = Membership(program=track.join.program, fields={STATUS_NAME: track.join.status})
            yield f"{name}-joins", name, joined


def kept_opportunities(cycle: CrmCycle) -> Opportunities | None:
    """What is kept of opportunities; None if nothing is."""
    return cycle.opportunities if cycle.keeps("opportunities") else None


def kept_roles(cycle: CrmCycle) -> OpportunityRoles | None:
    """What is kept of their roles; None if nothing is."""
    return cycle.opportunity_roles if cycle.keeps("opportunity_roles") else None


def opportunity_queues(cycle: CrmCycle) -> Iterator[Queue]:
    """What is read of opportunities: Salesforce's, and never Marketo's."""
    opportunities = kept_opportunities(cycle)
    if opportunities is not None:
        columns = alike(opportunity_columns(cycle, opportunities))
        key, objects = ("Id", OPPORTUNITY_LINK), (OPPORTUNITY, DEAL)
        made = derived(cycle, FROM_OPPORTUNITIES, Side.SALESFORCE, objects, key, columns)
        yield Queue(name=FROM_OPPORTUNITIES, side=Side.SALESFORCE, sync=made)


def added_queues(cycle: CrmCycle) -> Iterator[Queue]:
    """What Marketo's log tells of roles, where somebody wants to know what Marketo has and Salesforce does not."""
    opportunities = kept_opportunities(cycle)
    if opportunities is not None and opportunities.look_in_marketo:
        columns, objects = alike(ADDED_COLUMNS), ("activities", OPPORTUNITY)
        made = derived(cycle, FROM_ADDED, Side.MARKETO, objects, ("marketoGUID", "Id"), columns)
        source = made.source.model_copy(update={"activity_types": [ADDED]})
        yield Queue(name=FROM_ADDED, side=Side.MARKETO, sync=made.model_copy(update={"source": source}), in_turn=True)


def role_queues(cycle: CrmCycle) -> Iterator[Queue]:
    """What is read of roles, likewise."""
    if kept_roles(cycle) is not None:
        columns, objects = alike(ROLE_COLUMNS), (CONTACT_ROLE, ROLE)
        made = derived(cycle, FROM_ROLES, Side.SALESFORCE, objects, (IN, OPPORTUNITY_LINK), columns)
        yield Queue(name=FROM_ROLES, side=Side.SALESFORCE, sync=made)


def opportunity_legs(cycle: CrmCycle) -> Iterator[Leg]:
    """What is written of opportunities: they are made before their roles, and deleted behind them."""
    opportunities = kept_opportunities(cycle)
    if opportunities is None:
        return
    gone, objects = opportunities.deleted_in_salesforce, (OPPORTUNITY, DEAL)
    columns = {OPPORTUNITY_LINK: "Id", **dict(given(opportunity_pairs(cycle, opportunities)))}
    columns |= {gone.flag: "Id"} if isinstance(gone, Flag) else {}
    made = derived(cycle, OPPORTUNITIES_WRITTEN, Side.SALESFORCE, objects, ("Id", OPPORTUNITY_LINK), columns)
    yield Leg(name=OPPORTUNITIES_WRITTEN, group=OPPORTUNITIES, side=Side.MARKETO, sync=made)
    if gone == "delete":
        own = {OPPORTUNITY_LINK: "Id"}
        made = derived(cycle, OPPORTUNITIES_GONE, Side.SALESFORCE, objects, (GUID, GUID), own)
        yield Leg(name=OPPORTUNITIES_GONE, group=OPPORTUNITIES_DELETED, side=Side.MARKETO, sync=made)


def role_legs(cycle: CrmCycle) -> Iterator[Leg]:
    """What is written of roles; one whose key changes is another one, so the one before is deleted."""
    opportunities = kept_opportunities(cycle)
    if kept_roles(cycle) is None or opportunities is None:
        return
    if opportunities.stage_field:
        taken = {opportunities.stage_field: "StageName"}
        made = derived(cycle, STAGES_WRITTEN, Side.SALESFORCE, (OPPORTUNITY, PERSON), ("id", "id"), taken)
        yield Leg(name=STAGES_WRITTEN, group=PEOPLE, side=Side.MARKETO, sync=made)
    for leg, _, meant in track_writes(opportunities):
        made = derived(
            cycle, leg, Side.SALESFORCE, (OPPORTUNITY, OF_PROGRAM), ("id", "id"), dict.fromkeys(meant.fields, IN)
        )
        program = made.destination.model_copy(update={"program": meant.program})
        made = made.model_copy(update={"destination": program})
        yield Leg(name=leg, group=PEOPLE, side=Side.MARKETO, sync=made)
    objects, keys = (CONTACT_ROLE, ROLE), {OPPORTUNITY_LINK: IN, PERSON_ID: PERSON_ID, "role": CALLED}
    columns = {**keys, **dict(given(ROLE_FIELDS))}
    made = derived(cycle, ROLES_WRITTEN, Side.SALESFORCE, objects, (IN, OPPORTUNITY_LINK), columns)
    match = [UniqueIdentifier(column=column, field=field) for field, column in keys.items()]
    made = made.model_copy(update={"match": match})
    yield Leg(name=ROLES_WRITTEN, group=OPPORTUNITY_ROLES, side=Side.MARKETO, sync=made)
    made = derived(cycle, ROLES_GONE, Side.SALESFORCE, objects, (GUID, GUID), {OPPORTUNITY_LINK: IN})
    yield Leg(name=ROLES_GONE, group=ROLES_DELETED, side=Side.MARKETO, sync=made)
