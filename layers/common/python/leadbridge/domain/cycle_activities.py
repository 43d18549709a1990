"""What a cycle makes of Marketo's activities: Syncs that read and write, behind all that is written of people.

A person whom the cycle links holds the Salesforce id in `persons.id_field`. So an activity of whoever became a Lead in
the same run finds that Lead, and nothing has to be remembered of activities: each is known by its GUID, under which it
is looked for before it is made.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import batched

from leadbridge.domain.action import Mapping as FieldMapping
from leadbridge.domain.action import UniqueIdentifier
from leadbridge.domain.clauses import Clause, Group
from leadbridge.domain.crm_cycle import ActivityGroup, CrmCycle
from leadbridge.domain.cycle_legs import ACTIVITIES, Leg, Queue
from leadbridge.domain.cycle_people import CONTACT, LEAD, PREFIXES, derived, not_beginning
from leadbridge.domain.source_query import LEAD_PREFIX
from leadbridge.domain.sync import DedupeRule, ImportRule, Sync
from leadbridge.domain.three_way import Side
from leadbridge.domain.transforms.texts import PatternReplace, Truncate

#: Marketo's object, and the column by which an activity is known for ever
ACTIVITY, GUID = "activities", "marketoGUID"
#: types that one call to Marketo takes
AT_ONCE = 10
#: an activity without a primary attribute has nothing to name behind its type
_NOTHING_BEHIND = r":\s*$"


def activity_queues(cycle: CrmCycle) -> Iterator[Queue]:
    """What is read of activities, behind all that is written of people; ten types at most each."""
    for name, sync in activity_syncs(cycle):
        yield Queue(name=name, side=Side.MARKETO, sync=sync, late=True)


def activity_legs(cycle: CrmCycle) -> Iterator[Leg]:
    """The same as what is written: each is one Sync."""
    for name, sync in activity_syncs(cycle):
        yield Leg(name=name, group=ACTIVITIES, side=Side.SALESFORCE, sync=sync)


def activity_syncs(cycle: CrmCycle) -> Iterator[tuple[str, Sync]]:
    """The Syncs of all that `activities` says, by their names."""
    for name, kept, types in _parts(cycle):
        yield name, _sync(cycle, kept, name, types)


def syncs_by_group(cycle: CrmCycle) -> Mapping[str, tuple[ActivityGroup, Sync]]:
    """By name each group, and the first of its Syncs: the others differ in the types they read alone."""
    groups = cycle.activities.groups if cycle.activities and cycle.activities.enabled else {}
    syncs = dict(activity_syncs(cycle))
    return {name: (kept, syncs[f"{ACTIVITY}-{name}"]) for name, kept in groups.items()}


def types_by_queue(cycle: CrmCycle) -> Mapping[str, tuple[str | int, ...]]:
    """By queue the types that become records, each by its name or id."""
    return {name: types for name, _, types in _parts(cycle)}


def waits(cycle: CrmCycle) -> Mapping[str, timedelta]:
    """By queue how long an activity waits for its person to become a record."""
    return {name: timedelta(minutes=kept.wait_minutes) for name, kept, _ in _parts(cycle)}


def _parts(cycle: CrmCycle) -> Iterator[tuple[str, ActivityGroup, tuple[str | int, ...]]]:
    """By queue what it is of, and its types."""
    activities = cycle.activities
    groups = activities.groups if activities and activities.enabled else {}
    for name, kept in groups.items():
        for number, types in enumerate(batched(kept.types, AT_ONCE, strict=False), start=1):
            yield (f"{ACTIVITY}-{name}" if number == 1 else f"{ACTIVITY}-{name}_{number}"), kept, types


def _sync(cycle: CrmCycle, kept: ActivityGroup, name: str, types: tuple[str | int, ...]) -> Sync:
    """One Sync: a row is an activity, made once and never changed afterwards."""
    plain = derived(cycle, ACTIVITY, Side.MARKETO, (ACTIVITY, kept.object), (GUID, kept.key), {})
    person = _person(cycle)
    linked = Clause(column=person, operator="is_not_empty")
    return plain.model_copy(
        update={
            "id": f"{cycle.id}.{name}",
            "source": plain.source.model_copy(update={"activity_types": list(types)}),
            "match": [UniqueIdentifier(column=GUID, field=kept.key)],
            "import_rule": ImportRule.CREATE,
            "dedupe": DedupeRule.IGNORE_DUPLICATES,
            "mappings": [*_own(kept, person), *kept.fields],
            "conditions": Group(match="all", clauses=[linked]),
        }
    )


def _own(kept: ActivityGroup, person: str) -> Iterator[FieldMapping]:
    """What the document need not say: the key, whom it is about, and of a Task what it is and when it was."""
    given = {each.to for each in kept.fields}
    yield FieldMapping(to=kept.key, column=GUID)
    for field, prefix in _who(kept).items():
        # a field that takes Leads takes no Contact
        others = [PatternReplace(type="pattern_replace", pattern=not_beginning(prefix))] if prefix else None
        yield FieldMapping(to=field, column=person, transforms=others)
    if kept.target != "task":
        return
    ending = PatternReplace(type="pattern_replace", pattern=_NOTHING_BEHIND)
    subject = [ending, Truncate(type="truncate")]
    for mapping in (
        FieldMapping(to="Subject", template=kept.subject, transforms=subject),
        FieldMapping(to="ActivityDate", column="activityDate"),
        FieldMapping(to="Status", static="Completed"),
    ):
        if mapping.to not in given:
            yield mapping


def _who(kept: ActivityGroup) -> Mapping[str, str]:
    """The fields that take whom an activity is about, and how ids begin that they take; empty: all of them."""
    if kept.target == "task":
        return {"WhoId": ""}
    fields = ((kept.target.person, ""), (kept.target.lead, PREFIXES[LEAD]), (kept.target.contact, PREFIXES[CONTACT]))
    return {field: prefix for field, prefix in fields if field is not None}


def _person(cycle: CrmCycle) -> str:
    return f"{LEAD_PREFIX}{cycle.persons.id_field}" if cycle.persons else GUID
