"""Marketo's records besides leads, in Marketo's words; leads and other CRM records are rows of fields.

All instants are aware. A word of Marketo's that grows (a type, a status) stays text: an unknown one is no error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

type Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportJob:
    """A bulk extract job as Marketo last showed it; it refreshes this once a minute at most.

    `status` is Marketo's word (Created, Queued, Processing, Completed, Failed, Cancelled or Canceled). The size in
    bytes, the checksum (`sha256:` and hex) and the number of records are there once it is complete.
    """

    export_id: str
    status: str
    format: str = "CSV"
    created_at: datetime | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    number_of_records: int | None = None
    file_size: int | None = None
    file_checksum: str | None = None
    error_msg: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportJob:
    """A bulk import job; `status` is Queued, Importing, Complete or Failed, and Complete may hold failed rows."""

    batch_id: int
    status: str
    num_of_leads_processed: int = 0
    num_of_objects_processed: int = 0
    num_of_rows_failed: int = 0
    num_of_rows_with_warning: int = 0
    message: str = ""

    @property
    def processed(self) -> int:
        """Rows that were written, of whatever kind."""
        return self.num_of_leads_processed or self.num_of_objects_processed


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """What Describe says of a company, opportunity, role, sales person or custom object.

    `dedupe_fields` are the key, all of them together; each entry of `searchable_fields` is a filter by itself.
    """

    name: str
    id_field: str = "marketoGUID"
    dedupe_fields: tuple[str, ...] = ()
    searchable_fields: tuple[tuple[str, ...], ...] = ()
    fields: tuple["ObjectField", ...] = ()
    relationships: tuple["Relationship", ...] = ()
    display_name: str = ""
    description: str | None = None
    state: str = ""  # of a custom object's type: draft, approved, approvedWithDraft
    version: str = ""  # which of the two is described
    created_at: datetime | None = None
    updated_at: datetime | None = None

    def field_named(self, name: str) -> "ObjectField | None":
        """The field of that name, None if there is none."""
        return next((each for each in self.fields if each.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectField:
    """A field of such an object."""

    name: str
    data_type: str
    display_name: str = ""
    length: int | None = None
    updateable: bool = False
    crm_managed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedTo:
    """The other side of a link: an object and its field."""

    name: str
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """A field that links to another object, as Describe derives it."""

    field: str
    type: str
    related_to: RelatedTo


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMetadata:
    """A field as its creator sees it (schema of leads, companies, opportunities, program members)."""

    name: str
    data_type: str
    display_name: str = ""
    description: str | None = None
    length: int | None = None
    is_hidden: bool = False
    is_html_encoding_in_email: bool = False
    is_sensitive: bool = False
    is_custom: bool = False
    is_api_created: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A lead partition."""

    id: int
    name: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityAttribute:
    """An attribute of an activity type."""

    name: str
    data_type: str = "string"
    api_name: str | None = None
    is_primary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityType:
    """An activity type, standard or custom; `api_name` and `status` are there for custom ones only."""

    id: int
    name: str
    description: str | None = None
    api_name: str | None = None
    status: str | None = None
    trigger_name: str | None = None
    filter_name: str | None = None
    primary_attribute: ActivityAttribute | None = None
    attributes: tuple[ActivityAttribute, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedField:
    """One field of a lead change, by its REST name."""

    name: str
    id: int | None = None
    new_value: Scalar = None
    old_value: Scalar = None


#: the activity type of a score that Change Score has changed, of which the list of changed values knows nothing
SCORED = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadChange:
    """A new lead, or changed values or a score of one; `attributes` tell the reason and source of the change."""

    marketo_guid: str
    lead_id: int
    activity_date: datetime
    activity_type_id: int
    campaign_id: int | None = None
    fields: tuple[ChangedField, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedLead:
    """A lead that was deleted at `activity_date`; Marketo forgets it after about 14 days."""

    marketo_guid: str
    lead_id: int
    activity_date: datetime
    primary_attribute_value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Leads that were merged into the winner; they no longer exist."""

    marketo_guid: str
    winner: int
    losers: tuple[int, ...]
    activity_date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticList:
    """A static list; `folder` is known where it was read as an asset."""

    id: int
    name: str
    description: str | None = None
    program_name: str | None = None
    workspace_name: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    folder: "Folder | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMembership:
    """One lead in one static list."""

    list_id: int
    lead_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder, or a program that serves as one, by id; programs call the id of theirs `value`."""

    id: int | None = None
    value: int | None = None
    type: str = "Folder"  # or Program
    folder_name: str | None = None

    @property
    def number(self) -> int:
        """The id, whatever it is called."""
        return (self.id or self.value) or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A program's value of a tag type."""

    tag_type: str
    tag_value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A period cost of a program: whole currency units from a day on."""

    start_date: date
    cost: int
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program; `tags` and `costs` are empty where the call does not read them."""

    id: int
    name: str
    type: str
    channel: str
    description: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    url: str | None = None
    folder: Folder | None = None
    status: str | None = None
    workspace: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    tags: tuple[Tag, ...] = ()
    costs: tuple[Cost, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressionStatus:
    """A status of a channel; members only move to a status of the same or a higher step."""

    name: str
    step: int
    success: bool = False
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel: the statuses that members of its programs may have."""

    id: int
    name: str
    applicable_program_type: str | None = None
    progression_statuses: tuple[ProgressionStatus, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TagType:
    """A kind of tag that the instance's owner defined, with the values it allows."""

    tag_type: str
    applicable_program_types: str | None = None
    required: bool = False
    allowable_values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramMember:
    """A lead's membership in a program; both ids are always there, `fields` holds what was asked for."""

    program_id: int
    lead_id: int
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A My Token of a program or folder."""

    name: str
    type: str
    value: Any = None
    computed_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartCampaign:
    """A smart campaign; only an active, requestable trigger campaign can be requested."""

    id: int
    name: str
    type: str | None = None
    status: str | None = None
    is_active: bool = False
    is_requestable: bool = False
    is_system: bool = False
    description: str | None = None
    workspace: str | None = None
    parent_program_id: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCount:
    """Calls of one API user."""

    user_id: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCount:
    """How often Marketo answered with one code."""

    error_code: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfCalls:
    """What was called on one day of Marketo's (US Central), by whom, or with which errors."""

    date: date
    total: int
    users: Sequence[UserCount] = ()
    errors: Sequence[ErrorCount] = ()
