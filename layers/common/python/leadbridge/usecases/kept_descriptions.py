"""How a cycle's objects were described when its run was opened, kept for the processes that take the run's other steps.

A run reads and writes minutes after it was opened, in many processes. What a system hides meanwhile is refused by it,
record by record, and looked at again by the next run, which opens with what is described then.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.cycle_syncs import DOT, cycle_of
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Objects

#: fields change rarely, and asking costs a call; a run that takes longer asks again
AGE = timedelta(minutes=15)
#: changes with what is kept; what another version has kept is asked for again
_FORM = 2
#: members that are read from JSON as lists
_TUPLES = frozenset({"picklist", "reference_to"})

type Ask = Callable[[], ObjectDescription]


class KeptDescriptions:
    """Descriptions by cycle and object; the objects of both systems have names of their own."""

    def __init__(self, objects: Objects, clock: Clock) -> None:
        """Stores nothing."""
        self._objects = objects
        self._clock = clock

    def of_sync(self, sync: str, object_name: str, ask: Ask) -> ObjectDescription:
        """An object as a Sync of a cycle needs it: as it was kept, or as `ask` finds it today."""
        return self.of(cycle_of(sync), object_name, ask)

    def of(self, cycle: str, object_name: str, ask: Ask) -> ObjectDescription:
        """The same for the cycle itself."""
        return self._known(cycle, object_name) or self.asked(cycle, object_name, ask)

    def asked(self, cycle: str, object_name: str, ask: Ask) -> ObjectDescription:
        """An object as it is described today, kept for the others."""
        # before it is asked for, so that it is never taken for newer than it is
        at, found = self._clock.now(), ask()
        members = {"form": _FORM, "at": at.isoformat(), "described": _members(found)}
        self._objects.put(_key(cycle, object_name), json.dumps(members, separators=(",", ":")).encode())
        return found

    def _known(self, cycle: str, object_name: str) -> ObjectDescription | None:
        try:
            stored = self._objects.stored(_key(cycle, object_name))
        except ConfigurationError:
            return None
        members = json.loads(b"".join(stored))
        if members["form"] != _FORM or self._clock.now() - datetime.fromisoformat(members["at"]) > AGE:
            return None
        return _described(members["described"])


def _key(cycle: str, object_name: str) -> str:
    # beside the folders of the cycle's Syncs, where those who carry them out may read
    return f"sync/{cycle}{DOT}described/{object_name}.json"


def _members(described: ObjectDescription) -> Mapping[str, Any]:
    own = {name: getattr(described, name) for name in ObjectDescription.__dataclass_fields__ if name != "fields"}
    maps = {"record_types": dict(described.record_types), "links": dict(described.links)}
    return {**own, **maps, "fields": [*map(asdict, described.fields.values())]}


def _described(members: Mapping[str, Any]) -> ObjectDescription:
    fields = [FieldDescription(**_field(each)) for each in members["fields"]]
    named = {each.name: each for each in fields}
    tuples = {"key_fields": tuple(members["key_fields"])}
    links = {name: (to, by) for name, (to, by) in members["links"].items()}
    return ObjectDescription(**{**members, **tuples, "fields": named, "links": links})


def _field(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if name in _TUPLES else value for name, value in members.items()}
