"""Check what an Action names at its Marketo instance beside fields and the result activity: program and activity."""

from collections.abc import Callable, Iterator, Mapping

from leadbridge.domain.action import Action
from leadbridge.domain.activity_columns import check_activity
from leadbridge.domain.checks import named_columns
from leadbridge.domain.clauses import walk
from leadbridge.domain.columns import OF_MEMBER
from leadbridge.domain.match_checks import unknown_field
from leadbridge.domain.members import PROGRAM_MEMBERS, check_members, member_columns
from leadbridge.domain.records import ObjectDescription
from leadbridge.errors import PermanentError
from leadbridge.ports import Marketo


def marketo_lines(action: Action, marketo: Marketo, records: Mapping[str, ObjectDescription]) -> Iterator[str]:
    """Findings as lines; `records` are the destination's objects by name. Nothing is asked that is not named."""
    for where, check in (
        ("source.table", lambda: list(_table(action, marketo))),
        ("program_member.program", lambda: list(_members(action, marketo, records))),
        ("activity.type", lambda: list(_activity(action, marketo))),
    ):
        yield from (f"action {action.id}: {finding}" for finding in _asked(where, check))


def _asked(where: str, check: Callable[[], list[str]]) -> list[str]:
    try:
        return check()
    except PermanentError as error:
        return [f"{where}: cannot be looked up: {error}; give the API user's role access to it"]


def _table(action: Action, marketo: Marketo) -> Iterator[str]:
    """Of the table of people alone nothing is asked here: what calls bring beside them has no description there."""
    if action.source.table == PROGRAM_MEMBERS:
        fields = member_columns(marketo.describe_members())
        conditions = walk(action.conditions) if action.conditions else ()
        for where, column in (*named_columns(action), *((f"{path}.column", each.column) for path, each in conditions)):
            if column.startswith(OF_MEMBER) and column not in fields:
                yield unknown_field(where, column, fields, "the membership in a program")


def _members(action: Action, marketo: Marketo, records: Mapping[str, ObjectDescription]) -> Iterator[str]:
    if action.program_member is not None:
        program = marketo.program(action.program_member.program)
        channel = marketo.channel(program.channel) if program else None
        fields = marketo.describe_members()
        yield from check_members(action, program=program, channel=channel, fields=fields, records=records)


def _activity(action: Action, marketo: Marketo) -> Iterator[str]:
    yield from check_activity(action, marketo.activity_types() if action.activity else [])
