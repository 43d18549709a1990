"""Check what a cycle makes of activities: their types, the target, its key, and every field as a Sync is checked."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from leadbridge.domain.crm_cycle import ActivityGroup, CrmCycle
from leadbridge.domain.cycle_activities import syncs_by_group
from leadbridge.domain.suggestions import did_you_mean
from leadbridge.domain.sync import Sync
from leadbridge.domain.watermarks import EARLIEST
from leadbridge.errors import PermanentError
from leadbridge.ports import Connections
from leadbridge.usecases.check_sync import describe, sync_lines

if TYPE_CHECKING:
    from leadbridge.domain.marketo import ActivityType

_MAPPING = re.compile(r"mappings\[(\d+)\]\.?(.*)")


def activity_lines(cycle: CrmCycle, connections: Connections) -> Iterator[str]:
    """Findings as lines."""
    groups = syncs_by_group(cycle)
    if not groups:
        return
    try:
        types = connections.marketo(cycle.marketo).activity_types()
    except PermanentError as error:
        yield f"activities: cannot be looked up: {error}; give the API user's role access to activities"
        return
    for name, (kept, sync) in groups.items():
        where = f"activities.groups.{name}"
        yield from _types(where, kept, types)
        # types are told by their names above
        plain = sync.model_copy(update={"source": sync.source.model_copy(update={"activity_types": [1]})})
        lines = sync_lines(plain, ("marketo", "salesforce"), connections, lists=(), now=EARLIEST)
        yield from dict.fromkeys(f"{where}.{said}" for line in lines if (said := _said(kept, sync, line)))
        yield from _key(where, cycle, kept, connections)


def _types(where: str, kept: ActivityGroup, types: "Sequence[ActivityType]") -> Iterator[str]:
    known = {name: each for each in types for name in (each.id, each.name)}
    for index, named in enumerate(kept.types):
        found = known.get(named)
        if found is None:
            every = ", ".join(sorted(each.name for each in types))
            hint = did_you_mean(str(named), [each.name for each in types])
            remedy = f"{hint} It has {every}" if hint else f"it has {every}"
            yield f"{where}.types[{index}]: Marketo has no activity type {named}; {remedy}"
        elif found.status is not None and not found.status.startswith("approved"):
            yield f"{where}.types[{index}]: the activity type {found.name} is a draft; approve it in Marketo"


def _key(where: str, cycle: CrmCycle, kept: ActivityGroup, connections: Connections) -> Iterator[str]:
    try:
        fields = describe(connections, "salesforce", cycle.salesforce, kept.object).fields
    except PermanentError:
        return  # said already
    if kept.key in fields and not fields[kept.key].unique:
        yield f"{where}.key: {kept.key} must be a unique External Id field, so that no activity is there twice"


def _said(kept: ActivityGroup, sync: Sync, line: str) -> str:
    """A finding about the Sync as one about the document; empty for what is said of `persons` already."""
    where, _, what = line.partition(": ")
    if where.startswith("conditions"):
        return ""
    if found := _MAPPING.fullmatch(where):
        number, member = int(found[1]), found[2]
        own = len(sync.mappings) - len(kept.fields)
        if number >= own:
            return f"fields[{number - own}]{f'.{member}' if member else ''}: {what}"
        if member == "column" or sync.mappings[number].to == kept.key:
            return ""
        return f"{'subject' if sync.mappings[number].to == 'Subject' else 'target'}: {what}"
    names = {"match": "key", "destination": "target", "mappings": "fields"}
    return f"{names.get(re.split(r'[.[]', where, maxsplit=1)[0], 'target')}: {what}"
