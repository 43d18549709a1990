"""Which kind of record a person of Marketo is, or becomes, by what a text field of theirs says.

It may name the object (Lead, Contact), or one of its record types, by developer name or id. The object that a record
type belongs to is read from what Salesforce describes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.values import normalised, text

#: kinds of Salesforce's persons; a name that both have is a Contact's, which goes before a Lead everywhere
OBJECTS = ("Contact", "Lead")
#: the field of a record that takes its type
RECORD_TYPE = "RecordTypeId"


@dataclass(frozen=True, slots=True)
class PersonType:
    """The object, empty if none is named, and the id of a record type, if one is."""

    object: str = ""
    record_type: str = ""


class PersonTypes:
    """Reads the field of a person that says of which type the record is."""

    def __init__(self, field: str | None = None, records: Mapping[str, ObjectDescription] | None = None) -> None:
        """`field` of Marketo; without it nobody says anything. `records` are those whose types may be named."""
        self._field = field
        self._named: dict[str, PersonType] = {}
        for name in OBJECTS:
            described = (records or {}).get(name)
            for developer_name, record_type in (described.record_types if described else {}).items():
                found = PersonType(name, canonical(record_type))
                self._named.setdefault(normalised(developer_name), found)
                self._named[normalised(found.record_type)] = found
        # an object's own name is no record type's
        self._named |= {normalised(name): PersonType(name) for name in OBJECTS}

    def of(self, person: Mapping[str, Any]) -> PersonType:
        """What a person says."""
        said = text(person.get(self._field) or "").strip() if self._field else ""
        return self._named.get(normalised(canonical(said) if is_id(said) else said), PersonType())
