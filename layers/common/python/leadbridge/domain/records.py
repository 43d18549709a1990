"""Values that cross the border between the vendor clients and the use-cases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

type FieldValue = str | int | float | bool | None
type Row = Mapping[str, Any]


class Resolution(StrEnum):
    """What a vendor code asks us to do; each vendor's error table maps every code to one of these."""

    OK = "ok"  # benign: treat as success or as a skip, see the table's row
    RETRY = "retry"  # nothing executed, try again with back-off
    RATE = "rate"  # nothing executed, wait for the rate or concurrency window
    QUOTA = "quota"  # nothing executed, park until the daily reset
    REAUTH = "reauth"  # token dead: refresh once, replay once
    UNCERTAIN = "uncertain"  # may have been executed: look before repeating
    REJECT = "reject"  # this record only: recorded as failed with its code
    ISOLATE = "isolate"  # nothing executed, perhaps because of one record: a few tries, then find it
    SPLIT = "split"  # too large: send less per call
    FATAL = "fatal"  # configuration or code fault: no retry, park, alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What the vendor said about one record of a write, in input order.

    `message` has every value we sent masked and says what to do. `resolution` is OK when `ok` is true; a benign
    refusal is OK too and keeps its `code`. A record that may be sent again is tried `tries` times in all.
    """

    ok: bool
    status: str = ""  # the vendor's word: created, updated, added, skipped, failed ...
    id: str | None = None
    code: str = ""
    message: str = ""
    fields: tuple[str, ...] = ()
    resolution: Resolution = Resolution.OK
    tries: int = 5
    #: records that a duplicate rule found, where the vendor named them
    matches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDescription:
    """One field of a vendor object as its Describe call reports it."""

    name: str
    type: str  # the vendor's own type word: string, email, boolean, double, picklist ...
    createable: bool = True
    updateable: bool = True
    required_on_create: bool = False
    unique: bool = False
    external_id: bool = False
    id_lookup: bool = False
    length: int | None = None
    label: str = ""
    #: whether a permission set may name it; what everybody must see it may not
    permissionable: bool = True
    nillable: bool = True
    calculated: bool = False
    case_sensitive: bool = False
    filterable: bool = True
    sortable: bool = True
    precision: int | None = None  # digits of a number in all, and of those after the point
    scale: int | None = None
    picklist: tuple[str, ...] = ()  # active values, not labels
    restricted_picklist: bool = False
    reference_to: tuple[str, ...] = ()  # several where the reference is polymorphic
    relationship_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDescription:
    """A vendor object: its fields by API name, and what may be done with it."""

    name: str
    fields: Mapping[str, FieldDescription]
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    queryable: bool = True
    replicateable: bool = False  # its changes and deletions can be listed
    key_prefix: str = ""
    #: where the vendor names them: the field of its own id, and those that together are a record's key
    id_field: str = ""
    key_fields: tuple[str, ...] = ()
    #: of an object of one's own at Marketo: by it the log calls what happens to its records
    label: str = ""
    #: at Marketo, by field that links to another object, that object and which of its fields is held
    links: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    #: record types that this user may give to records: their ids by developer names
    record_types: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomActivityType:
    """An approved Marketo custom activity type."""

    id: int
    api_name: str
    primary_attribute: str
    attributes: Mapping[str, str] = field(default_factory=dict)  # API name -> data type
    status: str = "approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomActivity:
    """One custom activity to add to a lead; `attributes` holds the secondary attributes by API name."""

    lead_id: int
    activity_type_id: int
    primary_attribute_value: str
    activity_date: datetime
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One activity as Marketo returns it; `marketo_guid` is its key."""

    marketo_guid: str
    lead_id: int
    activity_type_id: int
    activity_date: datetime
    primary_attribute_value: str | None
    attributes: Mapping[str, FieldValue]
    primary_attribute_value_id: int | None = None
    campaign_id: int | None = None
