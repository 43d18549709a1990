"""The columns that an Action reads, and those of them that are asked of Marketo."""

from collections.abc import Iterator, Mapping

from leadbridge.domain.action import Action
from leadbridge.domain.clauses import walk
from leadbridge.domain.event import Event
from leadbridge.domain.outcome import State

#: columns that the attributes of an activity are, read from its log (`domain.activity_columns`)
OF_ACTIVITY = "activity."
#: columns that the fields of the membership are, as a call brings them: in the program of the campaign that makes it
OF_MEMBER = "token.member."
#: columns that only a call can bring, beside `id` and `program`; all others are fields of the Marketo lead
IN_CALL = ("campaign.", "program.", "token.", "trigger.")


def lead_columns(action: Action) -> frozenset[str]:
    """The fields of the Marketo lead that the Action reads, its id left out."""
    return frozenset(name for name in _columns(action) if not (comes_with_call(name) or name.startswith(OF_ACTIVITY)))


def comes_with_call(column: str) -> bool:
    """Whether a column is no field of a lead that could be read; every call brings the id."""
    return column in {"id", "program"} or column.startswith(IN_CALL)


def absent(event: Event, wanted: frozenset[str]) -> frozenset[str]:
    """The fields of the lead that Marketo is to be asked for, if the call brings the lead's id and nothing else.

    Of a call that brings more, what it does not bring is blank. An event that has been begun goes on with what it had.
    """
    lead: Mapping[str, object] = event.payload["lead"]
    if event.state is not State.WAITING or lead.keys() > {"id"}:
        return frozenset()
    return wanted - (event.read or {}).keys()


def _columns(action: Action) -> Iterator[str]:
    yield from (each.column for each in action.identifiers)
    for item in (*action.mappings, *action.writeback, *action.results.mappings, *action.member_mappings):
        yield from (name for _, name in item.columns())
    for link in action.chained or ():
        yield from (name for _, _, item in link.sources for _, name in item.columns())
    yield from action.deduplicate.columns if action.deduplicate else ()
    yield from (clause.column for _, clause in walk(action.conditions)) if action.conditions else ()
