"""The attributes of a person's newest activity of one type, as columns of the call: `activity.<name of the attribute>`.

Beside the attributes there are four columns that every activity has, by Marketo's own names (`OWN`). A person without
such an activity has none of them: every mapping does with that what it does with a blank.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from leadbridge.domain.action import Action
from leadbridge.domain.clauses import walk
from leadbridge.domain.columns import OF_ACTIVITY
from leadbridge.domain.event import Event, iso
from leadbridge.domain.match_checks import identifiers_of
from leadbridge.domain.outcome import State
from leadbridge.domain.records import Activity
from leadbridge.domain.suggestions import did_you_mean

if TYPE_CHECKING:
    from leadbridge.domain.marketo import ActivityAttribute, ActivityType

#: the column by which one activity is told from another; it is there, with or without a value, once Marketo was asked
GUID = f"{OF_ACTIVITY}marketoGUID"
DATE = f"{OF_ACTIVITY}activityDate"
PRIMARY = f"{OF_ACTIVITY}primaryAttributeValue"
PRIMARY_ID = f"{OF_ACTIVITY}primaryAttributeValueId"
OWN = (GUID, DATE, PRIMARY, PRIMARY_ID)


def type_named(name: str, types: "Iterable[ActivityType]") -> "ActivityType | None":
    """The activity type of a name, which may be a custom type's API name, too; None if there is none."""
    known = list(types)
    return next((each for each in known if each.name == name), None) or next(
        (each for each in known if each.api_name == name), None
    )


def wanted(event: Event, action: Action) -> bool:
    """Whether the person's newest activity is still to be read; an event that was begun goes on with what it had."""
    return action.activity is not None and event.state is State.WAITING and GUID not in (event.read or {})


def newest(event: Event, action: Action, activities: Iterable[Activity]) -> Activity | None:
    """The person's newest among activities of the type; those that are too old when the call arrives do not count."""
    days = action.activity.days if action.activity else 0
    oldest = event.received_at - timedelta(days=days)
    mine = [each for each in activities if each.lead_id == event.lead_id and each.activity_date >= oldest]
    # of one second the last that Marketo shows
    return max(reversed(mine), key=lambda each: each.activity_date, default=None)


def kept(action: Action, found: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored of an activity: the columns that the Action reads, and by which it is known."""
    wanted = {GUID, *(name for _, name in _read(action))}
    return {name: value for name, value in found.items() if name in wanted}


def columns(kind: "ActivityType", found: Activity | None) -> dict[str, Any]:
    """The columns that an activity is; without one they are all blank."""
    if found is None:
        return dict.fromkeys((*OWN, *_named(kind)))
    values = {f"{OF_ACTIVITY}{name}": _plain(value) for name, value in found.attributes.items()}
    primary = dict.fromkeys(_names(kind.primary_attribute), found.primary_attribute_value)
    own = {
        GUID: found.marketo_guid,
        DATE: iso(found.activity_date),
        PRIMARY: found.primary_attribute_value,
        PRIMARY_ID: found.primary_attribute_value_id,
    }
    return {**dict.fromkeys(_named(kind)), **values, **primary, **own}


def told(event: Event, action: Action) -> Mapping[str, Any] | None:
    """What the decision record says of the activity that was looked for; None where none was."""
    if action.activity is None or GUID not in (event.read or {}):
        return None
    facts = {"type": action.activity.type, "days": action.activity.days}
    guid = (event.read or {})[GUID]
    return facts | ({"id": guid} if guid is not None else {})


def check_activity(action: Action, types: "Sequence[ActivityType]") -> Iterator[str]:
    """Findings about the activity that an Action takes its values from, and about every column that is one of its.

    `types` are those of the instance; none where the Action names none, for then nobody has to ask.
    """
    kind = type_named(action.activity.type, types) if action.activity else None
    if action.activity is not None and kind is None:
        hint = did_you_mean(action.activity.type, [each.name for each in types])
        hint = hint or "look it up in the log of a person who has one"
        yield f"activity.type: Marketo has no activity type {action.activity.type}; {hint}"
    if kind is not None and kind.status is not None and not kind.status.startswith("approved"):
        yield f"activity.type: the activity type {kind.name} is a draft; approve it in Marketo"
    for where, column in _read(action):
        if action.activity is None:
            yield f"{where}: {column} is of an activity, and the Action names none; add `activity` with its type"
        elif kind is not None and column not in {*OWN, *_named(kind)}:
            known = [each.removeprefix(OF_ACTIVITY) for each in (*_named(kind), *OWN)]
            hint = did_you_mean(column.removeprefix(OF_ACTIVITY), known) or f"it has {', '.join(known)}"
            yield f"{where}: the activity {kind.name} has no attribute {column.removeprefix(OF_ACTIVITY)}; {hint}"


def _read(action: Action) -> Iterator[tuple[str, str]]:
    """Every column of an activity that an Action reads, with the place where it stands."""
    named = [(f"{where}.column", each.column) for where, each in identifiers_of(action)]
    for where, group in (
        ("mappings", action.mappings),
        ("writeback", action.writeback),
        ("results.mappings", action.results.mappings),
        ("program_member.mappings", action.member_mappings),
    ):
        named += [
            (f"{where}[{place}].{member}", name) for place, each in enumerate(group) for member, name in each.columns()
        ]
    if action.deduplicate:
        named += [(f"deduplicate.columns[{place}]", name) for place, name in enumerate(action.deduplicate.columns)]
    if action.conditions:
        named += [(f"{path}.column", clause.column) for path, clause in walk(action.conditions)]
    yield from ((where, name) for where, name in named if name.startswith(OF_ACTIVITY))


def _plain(value: Any) -> Any:
    """A value as a column holds it: a list of them is one text."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _named(kind: "ActivityType") -> tuple[str, ...]:
    """The columns of a type's own attributes, the primary one first."""
    every = (kind.primary_attribute, *kind.attributes)
    return tuple(dict.fromkeys(name for each in every for name in _names(each)))


def _names(attribute: "ActivityAttribute | None") -> tuple[str, ...]:
    """The columns of one attribute: by its name and, where it has one, by its API name."""
    if attribute is None:
        return ()
    return tuple(f"{OF_ACTIVITY}{name}" for name in (attribute.name, attribute.api_name) if name)
