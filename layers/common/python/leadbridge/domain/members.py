"""Program members: what an execution makes of a person's membership in the Action's Marketo program."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from leadbridge.domain import pipeline
from leadbridge.domain.action import Action, ProgramMember
from leadbridge.domain.columns import OF_MEMBER
from leadbridge.domain.event import Result
from leadbridge.domain.fitting import fitted
from leadbridge.domain.match_checks import unknown_field
from leadbridge.domain.pipeline import Candidate
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.source_checks import check_source
from leadbridge.domain.sources import CompiledSource, compile_source
from leadbridge.domain.transforms import Place
from leadbridge.domain.values import TEXT_TYPES, coercion

if TYPE_CHECKING:
    from leadbridge.domain.marketo import Channel, Program

#: what a membership's own calls set, or Marketo itself
NOT_MAPPED: Mapping[str, str] = {
    "leadId": "it is the person's own",
    "programId": "`program` says it",
    "statusName": "`status` says it",
}
#: the source table of people with their membership in the program of the campaign that calls
PROGRAM_MEMBERS = "program_members"
#: every channel has it, and no member
NOT_IN = "Not in Program"
#: how a flow step calls the status, which Describe calls `statusName`
STATUS = "status"
#: fields that Describe calls read-only at some instances although the API writes them
WRITABLE = frozenset({"acquiredBy", "statusReason"})


def member_columns(described: ObjectDescription) -> dict[str, FieldDescription]:
    """The columns that the fields of a membership are; those that only say whose it is are left out."""
    fields = {name: each for name, each in described.fields.items() if name not in {"leadId", "programId"}}
    if "statusName" in fields:
        fields[STATUS] = fields["statusName"]
    return {f"{OF_MEMBER}{name}": replace(each, name=f"{OF_MEMBER}{name}") for name, each in fields.items()}


def compile_members(action: Action, fields: ObjectDescription | None) -> tuple[CompiledSource, ...]:
    """The mappings of an Action made ready; `fields` are those of a membership, None where nothing is mapped."""
    return tuple(
        compile_source(each, _place(action, _field(fields, each.to)), _typed(action, _field(fields, each.to)))
        for each in action.member_mappings
    )


def fields_of(
    candidate: Candidate, result: Result, record: Mapping[str, Any], sources: Sequence[CompiledSource]
) -> dict[str, Any] | None:
    """The fields of the person's membership by name, maybe none; None if the person is not to be a member.

    As with the write-back: whoever's record was written or looked for, and of an overtaken event whoever did not have
    the newer one. A value that cannot be made leaves its field alone, the record is written by then.
    """
    action = candidate.compiled.action
    if action.program_member is None:
        return None
    row = pipeline.told_row(candidate, result, record, action.member_mappings, sources)
    return None if row is None else {name: value for name, value in row.items() if name != "id"}


def overtaken(candidate: Candidate, last: Mapping[str, str]) -> bool:
    """Whether a newer event of the same Action has seen to the person meanwhile: its values are not to be undone.

    `last` maps Action id to the newest sequence that was written under the person's guard.
    """
    return last.get(candidate.compiled.action.id, "") > candidate.event.sequence


def check_members(
    action: Action,
    *,
    program: "Program | None",
    channel: "Channel | None",
    fields: ObjectDescription,
    records: Mapping[str, ObjectDescription],
) -> Iterator[str]:
    """Findings about the program, the status and the fields; `records` are the destination's objects by name."""
    wanted = action.program_member
    if wanted is None:
        return
    yield from _check_status(wanted, program, channel)
    known = list(dict.fromkeys(name for each in records.values() for name in each.fields))
    for place, each in enumerate(wanted.mappings):
        where = f"program_member.mappings[{place}]"
        field = fields.fields.get(each.to)
        wrong = _unwritable(f"{where}.to", each.to, fields)
        if wrong:
            yield wrong
        if each.field and each.field not in known:
            yield unknown_field(f"{where}.field", each.field, known, " or ".join(records))
        yield from check_source(where, each, None if wrong else field, _place(action, field))


def _unwritable(where: str, name: str, fields: ObjectDescription) -> str:
    """The finding about a field that a mapping cannot write, empty if it can."""
    field = fields.fields.get(name)
    if field is None:
        return unknown_field(where, name, fields.fields, "a program member")
    if name in NOT_MAPPED:
        return f"{where}: {name} cannot be mapped, {NOT_MAPPED[name]}; remove the mapping"
    if not (field.updateable or name in WRITABLE):
        return f"{where}: Marketo does not let {name} be updated by API; choose another field"
    return ""


def _check_status(wanted: ProgramMember, program: "Program | None", channel: "Channel | None") -> Iterator[str]:
    if program is None:
        by = "id" if isinstance(wanted.program, int) else "name"
        comma = isinstance(wanted.program, str) and "," in wanted.program
        remedy = "a name with a comma cannot be looked up: give the program's id" if comma else "correct it"
        yield f"program_member.program: Marketo has no program of this {by}, {wanted.program}; {remedy}"
        return
    if channel is None:
        yield (
            f"program_member.program: the channel {program.channel} of this program cannot be read, so that its status "
            "cannot be checked; give the API user's role Read-Only Assets"
        )
        return
    names = [each.name for each in sorted(channel.progression_statuses, key=lambda each: each.step)]
    if wanted.status not in names:
        yield (
            f"program_member.status: the channel {channel.name} of this program has no status {wanted.status}; "
            f"choose one of {', '.join(names)}"
        )


def _field(fields: ObjectDescription | None, name: str) -> FieldDescription:
    """The field, or one that takes anything: what has gone since the Action was saved is for Marketo to refuse."""
    unknown = FieldDescription(name=name, type="")
    return fields.fields.get(name, unknown) if fields else unknown


def _typed(action: Action, field: FieldDescription) -> Callable[[Any], Any]:
    """The value as the field takes it; a text that is too long is cut."""
    typed, length = coercion(field, action.zone), _place(action, field).length
    return lambda value: fitted(typed(value), length)


def _place(action: Action, field: FieldDescription | None) -> Place:
    return Place(zone=action.zone, length=field.length if field and field.type in TEXT_TYPES else None)
