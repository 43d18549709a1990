"""What a cycle reads and writes of programs and static lists: the queues and legs of Campaigns and their members.

Marketo tells who is in a program, not what changed of it: so everybody is read, and only when somebody asks for it. A
program's Campaign is known by the program's id in a key field, or by its own id; its member by both ids.
"""

from collections.abc import Iterator, Mapping

from leadbridge.domain.action import Mapping as FieldMapping
from leadbridge.domain.action import UniqueIdentifier
from leadbridge.domain.crm_cycle import CrmCycle, MemberGroup
from leadbridge.domain.cycle_legs import CAMPAIGN_MEMBERS, CAMPAIGN_STATUSES, CAMPAIGNS, Leg, Queue
from leadbridge.domain.cycle_people import CONTACT, LEAD, derived
from leadbridge.domain.sync import Sync
from leadbridge.domain.three_way import Side

#: Salesforce's kinds of records
CAMPAIGN, STATUS, MEMBER = "Campaign", "CampaignMemberStatus", "CampaignMember"
#: Marketo's, as a Sync calls them
OF_PROGRAM, OF_LIST = "program_members", "list_members"
STATUSES_WRITTEN = "campaign-statuses"
#: the field of members that says who it is, by the kind of record
WHO: Mapping[str, str] = {LEAD: "LeadId", CONTACT: "ContactId"}
#: columns of rows that a cycle makes up: the Campaign's id, the record's, and the status as Salesforce calls it
IN, WHOSE, LABELLED = "campaign", "record", "status"
#: the column of a member's status in Marketo
STATUS_NAME = "statusName"
#: the column of Marketo's id of who is in
PEOPLE: Mapping[str, str] = {OF_PROGRAM: "leadId", OF_LIST: "id"}
#: columns of a program; those of its tags begin as the last one does
PROGRAM_COLUMNS = (
    "id",
    "name",
    "description",
    "type",
    "channel",
    "status",
    "workspace",
    "folder",
    "url",
    "startDate",
    "endDate",
    "createdAt",
    "updatedAt",
    "cost",
)
TAG_PREFIX = "tag."
#: columns of a static list
LIST_COLUMNS = ("id", "name")


def groups_of(cycle: CrmCycle) -> Mapping[str, MemberGroup]:
    """What is kept of programs and lists, by name."""
    return cycle.programs.groups if cycle.programs and cycle.programs.enabled else {}


def queue_name(group: str) -> str:
    """The queue of a group's members."""
    return f"members-{group}"


def campaign_leg(group: str) -> str:
    """The leg of a group's Campaign."""
    return f"campaign-{group}"


def member_leg(group: str, kind: str) -> str:
    """The leg of a group's members who are Leads, or Contacts."""
    return f"{kind.lower()}-members-{group}"


def program_queues(cycle: CrmCycle) -> Iterator[Queue]:
    """Who is in each program and list."""
    for name, group in groups_of(cycle).items():
        yield Queue(name=queue_name(name), side=Side.MARKETO, sync=_read(cycle, name, group), on_demand=True)


def program_legs(cycle: CrmCycle) -> Iterator[Leg]:
    """What is written of them, all to Salesforce: Campaigns, then their statuses, then who is in them."""
    groups = groups_of(cycle)
    if not groups:
        return
    key = cycle.programs.campaign_key if cycle.programs else None
    for name, group in groups.items():
        if group.campaign is None and key is not None:
            made = derived(cycle, campaign_leg(name), Side.MARKETO, (OF_PROGRAM, CAMPAIGN), ("id", key), {})
            mappings = [FieldMapping(to=key, column="id"), *_named(group), *group.fields]
            yield _leg(campaign_leg(name), CAMPAIGNS, made.model_copy(update={"mappings": mappings}))
    columns = {"CampaignId": IN, "Label": LABELLED, "HasResponded": "success"}
    made = derived(cycle, STATUSES_WRITTEN, Side.MARKETO, (OF_PROGRAM, STATUS), (IN, "CampaignId"), columns)
    yield _leg(STATUSES_WRITTEN, CAMPAIGN_STATUSES, _matched(made, {IN: "CampaignId", LABELLED: "Label"}))
    for name, group in groups.items():
        for kind, who in WHO.items():
            leg = member_leg(name, kind)
            columns = {"CampaignId": IN, who: WHOSE, "Status": LABELLED}
            made = derived(cycle, leg, Side.MARKETO, (_source(group), MEMBER), (WHOSE, who), columns)
            mappings = [*made.mappings, *group.member_fields]
            keyed = _matched(made, {WHOSE: who, IN: "CampaignId"}).model_copy(update={"mappings": mappings})
            yield _leg(leg, CAMPAIGN_MEMBERS, keyed)


def member_columns(cycle: CrmCycle, group: MemberGroup) -> tuple[str, ...]:
    """The columns of members that a cycle reads."""
    source = _source(group)
    own = [PEOPLE[source], *([STATUS_NAME] if source == OF_PROGRAM else [])]
    own += [cycle.persons.id_field] if cycle.persons else []
    return tuple(dict.fromkeys([*own, *(name for each in group.member_fields for _, name in each.columns())]))


def written_member_fields(cycle: CrmCycle) -> tuple[str, ...]:
    """The fields of Campaign members that a cycle looks up, to know what they hold."""
    mapped = (each.to for group in groups_of(cycle).values() for each in group.member_fields)
    return tuple(dict.fromkeys(["Id", "CampaignId", *WHO.values(), "Status", *mapped]))


def written_campaign_fields(cycle: CrmCycle) -> tuple[str, ...]:
    """The same of Campaigns."""
    key = [cycle.programs.campaign_key] if cycle.programs and cycle.programs.campaign_key else []
    mapped = (each.to for group in groups_of(cycle).values() for each in group.fields)
    return tuple(dict.fromkeys(["Id", "Name", *key, *mapped]))


def _source(group: MemberGroup) -> str:
    return OF_PROGRAM if group.program is not None else OF_LIST


def _read(cycle: CrmCycle, name: str, group: MemberGroup) -> Sync:
    source = _source(group)
    columns = {each: each for each in member_columns(cycle, group)}
    match = (PEOPLE[source], WHO[CONTACT])
    made = derived(cycle, queue_name(name), Side.MARKETO, (source, MEMBER), match, columns)
    origin = made.source.model_copy(update={"program": group.program, "static_list": group.static_list})
    # who left is not told: everybody is read
    return made.model_copy(update={"source": origin, "extraction": "full"})


def _named(group: MemberGroup) -> list[FieldMapping]:
    """A Campaign is called as its program is, unless the document says otherwise."""
    return [] if any(each.to == "Name" for each in group.fields) else [FieldMapping(to="Name", column="name")]


def _matched(sync: Sync, pairs: Mapping[str, str]) -> Sync:
    match = [UniqueIdentifier(column=column, field=field) for column, field in pairs.items()]
    return sync.model_copy(update={"match": match})


def _leg(name: str, group: str, sync: Sync) -> Leg:
    return Leg(name=name, group=group, side=Side.SALESFORCE, sync=sync)
