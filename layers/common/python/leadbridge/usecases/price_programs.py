"""Price programs and static lists of a cycle: what their Campaigns are at Salesforce, and who is a member already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leadbridge.domain.crm_cycle import CrmCycle, MemberGroup
from leadbridge.domain.cycle_people import CONTACT, LEAD, PREFIXES
from leadbridge.domain.cycle_price import LOOKED_UP, Amounts
from leadbridge.domain.cycle_programs import CAMPAIGN, MEMBER, STATUS, STATUS_NAME, WHO, groups_of, queue_name
from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.rows import Record
from leadbridge.domain.sync_plan import WRITE_ROWS
from leadbridge.domain.values import text
from leadbridge.usecases.cycle_records import LookedUp
from leadbridge.usecases.program_facts import Programs, labelled, program_of

#: times that it is asked what a program is: as its members are read, and decided about; beside that it is named twice
#: more, and its members are described; then for statuses and members of a Campaign that was made meanwhile. A list that
#: is named by its id is read by that
_READ, _BESIDE, _LATE = 2, 2, 2
#: Campaigns, their statuses and members
_DESCRIBED = 3
#: what is written is looked for by both of its keys, as many at a time as are written
_LOOKED_FOR = LOOKED_UP["salesforce"] / WRITE_ROWS["salesforce"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Who is in a program or list: how many, and some of them."""

    number: int
    rows: Sequence[Record]


def price_programs(
    cycle: CrmCycle, marketo: Programs, records: LookedUp, members: Mapping[str, Members]
) -> tuple[Amounts, Mapping[Vendor, int]]:
    """What is looked up and written of programs, and the calls for what they are themselves; `members` by queue.

    A member who names no record yet is taken for a Lead, as the first run links people before.
    """
    id_field = cycle.persons.id_field if cycle.persons else ""
    key = (cycle.programs.campaign_key if cycle.programs else None) or ""
    looked, written = list[float](), list[float]()
    asked, made, missing = 0, list[str](), 0
    for name, group in groups_of(cycle).items():
        program = program_of(marketo, group)
        asked += _READ * _asked(group) + _BESIDE * (group.program is not None) - isinstance(group.static_list, int)
        known = [canonical(group.campaign)] if group.campaign is not None else []
        if not known:
            rows = records.salesforce(CAMPAIGN, key, [program.columns["id"]])
            known = [canonical(row["Id"]) for row in rows]
            made += [] if known else [name]
        looked += [1.0 for _ in known]
        shown = {text(row.get("Label")).casefold() for row in records.salesforce(STATUS, "CampaignId", known)}
        missing += len([each for each in program.statuses if each.label.casefold() not in shown])
        own = members[queue_name(name)]
        for kind, number, ids in _kinds(own, id_field):
            held = _held(records, kind, ids, known)
            # of a sample without any nobody is a member
            share = len(held) / len(ids) if ids else 0.0
            wanted = {canonical(text(row[id_field])): _label(group, row) for row in own.rows if row.get(id_field)}
            other = [each for each, label in held.items() if wanted.get(each, label) != label]
            looked.append(number if known else 0.0)
            written.append(number * (1 - share + (len(other) / len(ids) if ids else 0.0)))
    if made:
        # what belongs to Campaigns is planned once they are there: statuses, then members
        asked += _LATE * sum(_asked(each) for each in groups_of(cycle).values() if each.campaign is None)
    written += [missing, *(1.0 for _ in made)]
    looked += [1.0] * (_LATE + 1 if made else 1)
    amounts = Amounts(
        looked_up={"salesforce": [*looked, *(each * _LOOKED_FOR for each in written)]},
        blind={"salesforce": written},
        rows=sum(each.number for each in members.values()),
    )
    return amounts, {"marketo": asked, "salesforce": _DESCRIBED}


def _asked(group: MemberGroup) -> int:
    """Calls that say what one is: its program and the channel, or a list's id or name."""
    return 2 if group.program is not None else 1


def _kinds(own: Members, id_field: str) -> list[tuple[str, float, list[str]]]:
    """How many members are of which kind of records, with the ids of those of the sample."""
    named = [canonical(value) for row in own.rows if is_id(value := text(row.get(id_field) or ""))]
    ids = {kind: [each for each in named if each.startswith(PREFIXES[kind])] for kind in WHO}
    contacts = len(ids[CONTACT]) / len(own.rows) if own.rows else 0.0
    return [(LEAD, own.number * (1 - contacts), ids[LEAD]), (CONTACT, own.number * contacts, ids[CONTACT])]


def _held(records: LookedUp, kind: str, ids: Sequence[str], campaigns: Sequence[str]) -> dict[str, str]:
    """The statuses of those of some records that are members already."""
    rows = records.salesforce(MEMBER, WHO[kind], ids) if campaigns and ids else ()
    return {canonical(row[WHO[kind]]): text(row["Status"]) for row in rows if canonical(row["CampaignId"]) in campaigns}


def _label(group: MemberGroup, row: Record) -> str:
    return labelled(group, text(row.get(STATUS_NAME) or ""))
