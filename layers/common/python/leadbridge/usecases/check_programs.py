"""Check what a cycle says of programs: that Marketo has them, their statuses, and every field on both sides."""

from collections.abc import Collection, Iterator, Sequence

from leadbridge.domain.action import Mapping as FieldMapping
from leadbridge.domain.crm_cycle import CrmCycle, MemberGroup
from leadbridge.domain.cycle_opportunities import CLOSED, OPPORTUNITY, WON
from leadbridge.domain.cycle_programs import (
    CAMPAIGN,
    LIST_COLUMNS,
    MEMBER,
    OF_LIST,
    OF_PROGRAM,
    PROGRAM_COLUMNS,
    TAG_PREFIX,
    groups_of,
)
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.suggestions import did_you_mean
from leadbridge.errors import PermanentError
from leadbridge.ports import Connections, Marketo
from leadbridge.usecases.check_sync import describe

#: what is said of a column that only programs have
_OF_LISTS = f"a static list has {' and '.join(LIST_COLUMNS)} only; name one of them, or give a static value"


def program_lines(cycle: CrmCycle, connections: Connections) -> Iterator[str]:
    """Findings as lines."""
    tracks = cycle.opportunities.tracks if cycle.opportunities and cycle.keeps("opportunities") else {}
    groups = groups_of(cycle)
    if not tracks and not groups:
        return
    marketo = connections.marketo(cycle.marketo)
    try:
        for name, track in tracks.items():
            where = f"opportunities.{name}"
            for index, named in enumerate(track.leave):
                yield from _statuses(f"{where}.leave[{index}]", marketo, named, {})
            if track.join is not None:
                statuses = {"status": track.join.status}
                yield from _statuses(f"{where}.join", marketo, track.join.program, statuses, member=".program")
        for name, group in groups.items():
            yield from _named(f"programs.groups.{name}", marketo, group)
    except PermanentError as error:
        yield f"programs: cannot be looked up: {error}; give the API user's role access to assets"
        return
    if tracks:
        yield from _flags(cycle, connections)
    if groups:
        yield from _fields(cycle, connections)


def _named(where: str, marketo: Marketo, group: MemberGroup) -> Iterator[str]:
    if group.program is not None:
        keys = {f"statuses.{each}": each for each in group.statuses}
        yield from _statuses(where, marketo, group.program, keys, member=".program")
        return
    named = group.static_list
    known = marketo.static_list(named) is not None if isinstance(named, str) else marketo.has_list(named or 0)
    if not known:
        yield f"{where}.static_list: Marketo has no such static list, or several; correct it, or give the list's id"


def _statuses(
    where: str, marketo: Marketo, named: str | int, statuses: dict[str, str], *, member: str = ""
) -> Iterator[str]:
    """Whether there is a program, and its channel has statuses, each by the member that names it."""
    program = marketo.program(named)
    if program is None:
        yield f"{where}{member}: Marketo has no program {named}; correct it, or give the program's id"
        return
    channel = marketo.channel(program.channel) if statuses else None
    known = [each.name for each in channel.progression_statuses] if channel else []
    for place, status in statuses.items():
        if status not in known:
            hint = did_you_mean(status, known) or f"it has {', '.join(known)}"
            yield f"{where}.{place}: the channel {program.channel} has no status {status}; {hint}"


def _flags(cycle: CrmCycle, connections: Connections) -> Iterator[str]:
    """Tracks go by what Salesforce says of being closed and won."""
    try:
        fields = describe(connections, "salesforce", cycle.salesforce, OPPORTUNITY).fields
    except PermanentError:
        return  # said of opportunities already
    for name in (CLOSED, WON):
        if name not in fields:
            yield f"opportunities: {name} is hidden, by which `won` and `lost` go; let the integration user see it"


def _fields(cycle: CrmCycle, connections: Connections) -> Iterator[str]:
    """What is written of Campaigns and their members, and the columns that it comes from."""
    groups, described = groups_of(cycle), dict[str, ObjectDescription]()
    wanted = {"salesforce": (CAMPAIGN, MEMBER), "marketo": _sources(groups.values())}
    try:
        for name in wanted["salesforce"]:
            described[name] = describe(connections, "salesforce", cycle.salesforce, name)
        for name in wanted["marketo"]:
            described[name] = describe(connections, "marketo", cycle.marketo, name)
    except PermanentError as error:
        yield f"programs: cannot be described: {error}; give the integration user access to it"
        return
    key = cycle.programs.campaign_key if cycle.programs else None
    if key is not None and not (key in described[CAMPAIGN].fields and described[CAMPAIGN].fields[key].unique):
        yield f"programs.campaign_key: {key} must be a unique External Id field of Campaigns; make one, or name another"
    for name, group in groups.items():
        where = f"programs.groups.{name}"
        own, hint = (PROGRAM_COLUMNS, "") if group.program is not None else (LIST_COLUMNS, _OF_LISTS)
        yield from _mapped(f"{where}.fields", group.fields, described[CAMPAIGN], own, hint)
        columns = described[OF_PROGRAM if group.program is not None else OF_LIST].fields
        yield from _mapped(f"{where}.member_fields", group.member_fields, described[MEMBER], columns)


def _sources(groups: Collection[MemberGroup]) -> Sequence[str]:
    return sorted({OF_PROGRAM if each.program is not None else OF_LIST for each in groups})


def _mapped(
    where: str, mappings: Sequence[FieldMapping], into: ObjectDescription, columns: Collection[str], hint: str = ""
) -> Iterator[str]:
    for index, mapping in enumerate(mappings):
        field = into.fields.get(mapping.to)
        if field is None:
            near = did_you_mean(mapping.to, list(into.fields))
            yield f"{where}[{index}].to: {into.name} has no field {mapping.to}; {near or 'correct it'}"
        elif not (field.createable or field.updateable):
            yield f"{where}[{index}].to: {mapping.to} of {into.name} cannot be written; name another field"
        for member, column in mapping.columns():
            if column not in columns and not (columns is PROGRAM_COLUMNS and column.startswith(TAG_PREFIX)):
                said = did_you_mean(column, list(columns)) or hint or "correct it"
                yield f"{where}[{index}].{member}: there is no column {column}; {said}"
