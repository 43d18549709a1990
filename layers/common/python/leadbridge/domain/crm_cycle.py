"""The CRM cycle as people write it: which records of both systems are kept in step, field by field, both ways.

One document names the two connections and says of each kind of record (persons, companies) which pairs of fields go
where, who is right in a conflict, what is created, and what becomes of merged and deleted records. What it does not say
has the default that harms least: Salesforce is right, blanks empty nothing, nothing is deleted.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Annotated, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from leadbridge.domain.action import Mapping as FieldMapping
from leadbridge.domain.clauses import Group
from leadbridge.domain.connector import Named
from leadbridge.domain.documents import Document, FieldName, Identifier, Name, Scalar
from leadbridge.domain.ids import is_id
from leadbridge.domain.schedule import instant
from leadbridge.domain.sync import Guard, LocalTime, Quiet
from leadbridge.domain.three_way import Conflict, Direction, FieldPolicy
from leadbridge.domain.transforms import Transform
from leadbridge.domain.watermarks import EARLIEST

#: what Marketo's own fields are called that hold links, which a cycle writes by itself
COMPANY_LINK, OWNER_LINK = "externalCompanyId", "externalSalesPersonId"
#: the key of Marketo's opportunities
OPPORTUNITY_LINK = "externalOpportunityId"
#: fields of an opportunity that no document lists
OPPORTUNITY_LINKS = frozenset({OPPORTUNITY_LINK, COMPANY_LINK, OWNER_LINK, "externalCreatedDate", "isClosed", "isWon"})
#: fields of a Campaign's members that no document lists
MEMBER_LINKS = frozenset({"CampaignId", "LeadId", "ContactId", "Status"})
#: fields of Marketo by which a person says no: an opt-out wins from either side
CONSENT_FIELDS = frozenset({"unsubscribed", "emailInvalid", "marketingSuspended", "doNotCall"})
#: those of them that tell of an address: who is merged into somebody with another one does not bring that along
ADDRESS_FIELDS = frozenset({"emailInvalid"})


class CycleField(Document):
    """A pair of fields that are kept in step."""

    marketo: FieldName
    salesforce: FieldName
    direction: Direction = Direction.BOTH
    #: absent: Marketo is right about scores and what else marketing keeps, Salesforce about all others
    conflict: Conflict | None = None
    #: what an emptied field does to the other side: nothing, empty it, or give it the default
    blank: Literal["keep", "clear", "default"] = "keep"
    default: Scalar | None = None
    #: true says that the person opted out; None: as Marketo's field is known
    consent: bool | None = None
    #: rules for a value on its way to either side
    to_marketo: list[Transform] | None = Field(default=None, max_length=20)
    to_salesforce: list[Transform] | None = Field(default=None, max_length=20)
    #: a pair that is switched off leaves neither system
    enabled: bool = True

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.blank == "default") != (self.default is not None):
            raise ValueError("`default` goes with `blank: default`, and the other way round")
        if self.opts_out and self.blank != "keep":
            raise ValueError("a consent field is never emptied; remove `blank`, or say `consent: false`")
        if self.direction is not Direction.BOTH and self.conflict is not None:
            raise ValueError("a field that goes one way has no conflicts; remove `conflict`, or say `direction: both`")
        for way, direction in (("to_marketo", Direction.TO_SALESFORCE), ("to_salesforce", Direction.TO_MARKETO)):
            if getattr(self, way) and self.direction is direction:
                raise ValueError(f"`{way}` has no effect, the field never goes there; remove it")
        return self

    @property
    def opts_out(self) -> bool:
        """Whether true says that the person opted out."""
        return self.marketo in CONSENT_FIELDS if self.consent is None else self.consent

    @property
    def policy(self) -> FieldPolicy:
        """How the pair is merged; Salesforce is right if it says nothing else."""
        return FieldPolicy(
            direction=self.direction,
            conflict=self.conflict or Conflict.SALESFORCE,
            blanks=self.blank == "clear",
            consent=self.opts_out,
        )

    @property
    def pair(self) -> str:
        """The pair's name, under which it is remembered what both fields held."""
        return f"{self.marketo}={self.salesforce}"


def _no_field_twice(fields: Sequence[CycleField]) -> None:
    for side in ("marketo", "salesforce"):
        names = [getattr(field, side).casefold() for field in fields if field.enabled]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} of {side} stands there twice; keep one line for each field")


class RecordFields(Document):
    """The pairs of fields of one kind of Salesforce record."""

    enabled: bool = True
    fields: list[CycleField] = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _checked(self) -> Self:
        _no_field_twice(self.fields)
        return self

    @property
    def pairs(self) -> list[CycleField]:
        """The pairs that are switched on."""
        return [field for field in self.fields if field.enabled]


class Creation(Document):
    """Which new records of one side are made on the other."""

    #: absent: all of them
    conditions: Group | None = None


class Flag(Document):
    """A record whose counterpart is gone is marked, not deleted."""

    #: a yes/no field of the record that stays
    flag: FieldName


Gone = Literal["ignore", "delete"] | Flag
Merges = Literal["honour", "ignore"] | Flag


class Persons(Document):
    """Marketo's people and Salesforce's Leads and Contacts."""

    #: Marketo's own field that holds the Salesforce id; one value is one person
    id_field: FieldName
    #: Marketo's field that says Lead or Contact; of a person without a record it decides what is met, and made
    type_field: FieldName | None = None
    leads: RecordFields | None = None
    contacts: RecordFields | None = None
    create_in_marketo: Literal["never"] | Creation = Creation()
    #: new Leads, and Contacts of people whose `type_field` says so; others come from conversion
    create_in_salesforce: Literal["never"] | Creation = "never"
    #: field of Leads that takes Marketo's id, by which new ones are looked for; absent: by e-mail
    marketo_id_field: FieldName | None = None
    #: which rule routes new Leads: the org's own, one by its id, none
    assignment_rule: str | bool | None = None
    #: what becomes of the second Salesforce record of people whom Marketo merged: honour deletes it
    merges: Merges = "honour"
    #: what becomes of the second person of Salesforce records that were merged: honour merges the two in Marketo
    merged_in_salesforce: Merges = "honour"
    #: what fields of Marketo take when a Lead is converted: a stage, say, that ends nurturing
    on_conversion: dict[FieldName, Scalar] = Field(default_factory=dict, max_length=20)
    deleted_in_marketo: Gone = "ignore"
    deleted_in_salesforce: Gone = "ignore"
    #: in place of the cycle's own
    low_watermark: LocalTime | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.leads is None and self.contacts is None:
            raise ValueError("needs `leads`, `contacts`, or both")
        links = {self.id_field, self.type_field, COMPANY_LINK, OWNER_LINK}
        kept = {*links, *(each.marketo for each in (self.contacts.pairs if self.contacts else ()))}
        if both := sorted(self.on_conversion.keys() & kept):
            raise ValueError(f"on_conversion: {', '.join(both)} of a Contact's person comes from elsewhere; remove it")
        for name, kind in (("leads", self.leads), ("contacts", self.contacts)):
            if linked := sorted({each.marketo for each in kind.fields} & links) if kind else []:
                raise ValueError(
                    f"{name}.fields: {', '.join(linked)} links records and is kept by the cycle; remove it"
                )
            taking = [each for each in kind.fields if each.direction is not Direction.TO_MARKETO] if kind else []
            own = {"Id", self.marketo_id_field if name == "leads" else None}
            if ids := sorted({each.salesforce for each in taking} & own):
                raise ValueError(
                    f"{name}.fields: {', '.join(ids)} of Salesforce tells who is who and takes no edits; "
                    "say `direction: to_marketo`, or remove it"
                )
        return self


class Companies(Document):
    """Salesforce's Accounts and Marketo's companies."""

    enabled: bool = True
    fields: list[CycleField] = Field(min_length=1, max_length=500)
    deleted_in_salesforce: Gone = "ignore"
    #: how many people one edit of a company may reach before it is asked about
    fan_out: int = Field(default=1000, ge=1)
    #: in place of the cycle's own
    low_watermark: LocalTime | None = None

    @model_validator(mode="after")
    def _checked(self) -> Self:
        _no_field_twice(self.fields)
        return self


class SalesPersons(Document):
    """Salesforce's Users as Marketo's sales persons; one way."""

    enabled: bool = True
    #: what becomes of the people of a User who was deactivated
    deactivated: Literal["ignore", "delete"] = "ignore"
    #: in place of the cycle's own
    low_watermark: LocalTime | None = None


class ActivityObject(Document):
    """Records of an object of yours, in place of Tasks."""

    object: FieldName
    #: fields that take the Salesforce id of whom an activity is about: whichever it is, of Leads alone, of Contacts
    person: FieldName | None = None
    lead: FieldName | None = None
    contact: FieldName | None = None

    @model_validator(mode="after")
    def _of_somebody(self) -> Self:
        if self.person is None and self.lead is None and self.contact is None:
            raise ValueError("needs whom an activity is about; give `person`, or `lead` and `contact`")
        return self


class ActivityGroup(Document):
    """Activities of some types, which become records of one object: one for each, for ever."""

    #: their types' names or ids; no other is asked for
    types: list[Named] = Field(min_length=1, max_length=50)
    target: Literal["task"] | ActivityObject = "task"
    #: a unique External Id field of the target, which takes the activity's GUID
    key: FieldName
    #: of a Task: a template over the columns of activities
    subject: str = Field(default="{{ activityType }}: {{ primaryAttributeValue }}", min_length=1, max_length=4000)
    #: other fields of the target, as mappings of a Sync from activities
    fields: list[FieldMapping] = Field(default_factory=list, max_length=200)
    #: so long an activity waits for its person to become a record: each run reads it again
    wait_minutes: int = Field(default=0, ge=0, le=1440)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if twice := sorted({str(each) for each in self.types if self.types.count(each) > 1}):
            raise ValueError(f"{', '.join(twice)} stands in `types` twice; keep one")
        if self.key in {each.to for each in self.fields}:
            raise ValueError(f"`fields` maps {self.key}, which is the key; remove it there")
        return self

    @property
    def object(self) -> str:
        """The object whose records activities become."""
        return "Task" if self.target == "task" else self.target.object


class Activities(Document):
    """Marketo's activities as records of Salesforce; one way, and only those of people whom the cycle links."""

    enabled: bool = True
    #: in place of the cycle's own
    low_watermark: LocalTime | None = None
    #: by names of yours, since an object for each type needs several
    groups: dict[Identifier, ActivityGroup] = Field(min_length=1, max_length=10)


class OneWayField(CycleField):
    """A pair of fields of which Salesforce alone is edited; an emptied one is emptied in Marketo, too."""

    direction: Direction = Direction.TO_MARKETO
    blank: Literal["keep", "clear", "default"] = "clear"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.direction is not Direction.TO_MARKETO:
            raise ValueError("opportunities go from Salesforce to Marketo only; remove `direction`")
        return self


class Joined(Document):
    """A program into which people come."""

    #: by name or id
    program: Named
    #: of its channel
    status: Name


class Track(Document):
    """What becomes of the memberships of people whose Opportunity was closed."""

    #: programs from which they are taken, by name or id
    leave: list[Named] = Field(default_factory=list, max_length=20)
    join: Joined | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.leave and self.join is None:
            raise ValueError("give `leave`, `join`, or both")
        if self.join is not None and self.join.program in self.leave:
            raise ValueError(f"`join` and `leave` name the same program {self.join.program}; remove it from one")
        return self


class Opportunities(Document):
    """Salesforce's Opportunities as Marketo's; one way.

    Key, company, sales person, creation date, and whether it is closed and won are kept by the cycle.
    """

    enabled: bool = True
    fields: list[OneWayField] = Field(min_length=1, max_length=500)
    #: Marketo's field of people that takes the stage of the Opportunity in which a Contact has the primary role
    stage_field: FieldName | None = None
    #: programs of the Contact who has the primary role, once one of the Contact's Opportunities is won
    won: Track | None = None
    #: or once all of them are closed and none is won
    lost: Track | None = None
    deleted_in_salesforce: Gone = "ignore"
    #: tell which opportunities and roles Marketo has and Salesforce does not, as far as its log names them
    look_in_marketo: bool = False
    #: in place of the cycle's own
    low_watermark: LocalTime | None = None

    @model_validator(mode="after")
    def _checked(self) -> Self:
        _no_field_twice(self.fields)
        if not any(each.marketo == "name" and each.enabled for each in self.fields):
            raise ValueError("fields: needs a pair of `name`, without which Marketo takes no opportunity")
        if own := sorted({each.marketo for each in self.fields} & OPPORTUNITY_LINKS):
            raise ValueError(f"fields: {', '.join(own)} of an opportunity is kept by the cycle; remove it")
        return self

    @property
    def tracks(self) -> Mapping[str, Track]:
        """The tracks by their names."""
        found = {"won": self.won, "lost": self.lost}
        return {name: track for name, track in found.items() if track is not None}


class OpportunityRoles(Document):
    """Who of Salesforce's Contacts has which role in an Opportunity; one way."""

    enabled: bool = True
    #: a role without a name is called so: Marketo's key needs one
    without_name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)] = "Unspecified"
    deleted_in_salesforce: Literal["ignore", "delete"] = "delete"
    #: in place of the cycle's own
    low_watermark: LocalTime | None = None


class CustomObject(Document):
    """An object of yours in both systems, which one of the two edits: records go to the other one.

    Which fields are its key in Marketo, and to which records it is linked, is what both systems describe.
    """

    enabled: bool = True
    #: by the API names of both
    marketo: FieldName
    salesforce: FieldName
    direction: Literal[Direction.TO_MARKETO, Direction.TO_SALESFORCE]
    fields: list[CycleField] = Field(default_factory=list, max_length=70)
    #: to Salesforce: a unique External Id field that takes Marketo's own id; absent: found by the pairs of the key
    key: FieldName | None = None
    #: by Marketo's field that links, Salesforce's fields that do; absent: the only ones that lead to the same object
    links: dict[FieldName, Annotated[list[FieldName], Field(min_length=1, max_length=2)]] = Field(
        default_factory=dict, max_length=10
    )
    #: so long a record waits for what it is linked to: each run reads it again
    wait_minutes: int = Field(default=0, ge=0, le=1440)
    #: to Marketo: what becomes of the record of one that was deleted; Marketo itself tells nobody what was
    deleted_in_salesforce: Gone = "ignore"
    #: to Salesforce: how often Marketo extracts what was changed; what was added is read in each run
    extract_minutes: int = Field(default=60, ge=5, le=1440)

    @model_validator(mode="after")
    def _checked(self) -> Self:
        _no_field_twice(self.fields)
        to_marketo = self.direction is Direction.TO_MARKETO
        if self.key is not None and to_marketo:
            raise ValueError("`key` is Salesforce's, and this object goes to Marketo; remove it")
        if self.deleted_in_salesforce != "ignore" and not to_marketo:
            raise ValueError(
                "deleted_in_salesforce: this object goes to Salesforce, and Marketo tells nobody which of its records "
                "were deleted; remove it"
            )
        flag = self.deleted_in_salesforce.flag if isinstance(self.deleted_in_salesforce, Flag) else None
        if flag is not None and flag in {each.marketo for each in self.fields if each.enabled}:
            raise ValueError(f"deleted_in_salesforce: {flag} is kept by a pair; flag another field, or remove the pair")
        if against := sorted({each.pair for each in self.fields if each.direction not in {self.direction, "both"}}):
            raise ValueError(f"fields: {', '.join(against)} goes the other way than the object; remove `direction`")
        return self

    @property
    def pairs(self) -> list[CycleField]:
        """The pairs that are switched on."""
        return [each for each in self.fields if each.enabled]


class CustomObjects(Document):
    """Objects of yours, each edited by one of the two systems."""

    enabled: bool = True
    #: in place of the cycle's own
    low_watermark: LocalTime | None = None
    #: by names of yours
    objects: dict[Identifier, CustomObject] = Field(min_length=1, max_length=10)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for side in ("marketo", "salesforce"):
            names = [getattr(each, side).casefold() for each in self.objects.values() if each.enabled]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"objects: {', '.join(twice)} of {side} stands there twice; keep one")
        return self

    @property
    def kept(self) -> dict[str, CustomObject]:
        """Those that are switched on."""
        return {name: each for name, each in self.objects.items() if each.enabled and self.enabled}


class MemberGroup(Document):
    """A program, or a static list, whose members become those of a Campaign."""

    #: one of the two, by name or id
    program: Named | None = None
    static_list: Named | None = None
    #: a Campaign that is there, by its id; absent: the one that has the program in `campaign_key`, which is made
    campaign: str | None = None
    #: what statuses of the program's channel are called in Salesforce; others are called the same
    statuses: dict[Name, Name] = Field(default_factory=dict, max_length=100)
    #: the status of members of a list, which have none in Marketo; absent: the Campaign's own default
    status: Name | None = None
    #: fields of the Campaign, as mappings from columns of programs
    fields: list[FieldMapping] = Field(default_factory=list, max_length=50)
    #: fields of its members, as mappings of a Sync from members of programs, or of lists
    member_fields: list[FieldMapping] = Field(default_factory=list, max_length=50)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.program is None) == (self.static_list is None):
            raise ValueError("give `program` or `static_list`, one of them")
        if self.program is not None and self.status is not None:
            raise ValueError("`status` is for a static list; a program's members have their own, see `statuses`")
        if self.static_list is not None and self.statuses:
            raise ValueError("`statuses` are those of a program; members of a static list take `status`")
        if self.campaign is not None and not is_id(self.campaign):
            raise ValueError(f"`campaign`: {self.campaign} is no id of Salesforce; remove it, or give one")
        if self.campaign is not None and self.fields:
            raise ValueError("`fields` are those of a Campaign that the cycle makes; remove them, or `campaign`")
        if own := sorted({each.to for each in self.member_fields} & MEMBER_LINKS):
            raise ValueError(f"`member_fields` maps {', '.join(own)}, which the cycle fills; remove it there")
        return self


class Programs(Document):
    """Marketo's programs and static lists as Campaigns, their members as Campaign members; one way, on demand only."""

    enabled: bool = True
    #: a unique External Id field of Campaigns, which takes the program's id
    campaign_key: FieldName | None = None
    #: by names of yours
    groups: dict[Identifier, MemberGroup] = Field(min_length=1, max_length=25)

    @model_validator(mode="after")
    def _found(self) -> Self:
        for name, group in self.groups.items():
            if group.campaign is None and self.campaign_key is None:
                raise ValueError(f"groups.{name}: needs a `campaign`, or a `campaign_key` by which one is found")
            if self.campaign_key in {each.to for each in group.fields}:
                raise ValueError(f"groups.{name}: `fields` maps {self.campaign_key}, which is the key; remove it there")
        return self


class CrmCycle(Document):
    """A standing synchronisation of two systems, both ways."""

    model_config = ConfigDict(serialize_by_alias=True)
    #: what a cycle may consist of, in the order of Adobe's steps
    entities: ClassVar[tuple[str, ...]] = (
        "sales_persons",
        "companies",
        "persons",
        "activities",
        "opportunities",
        "opportunity_roles",
        "custom_objects",
        "programs",
    )
    #: kinds of records that are part of a run only if somebody asks for them
    on_demand: ClassVar[frozenset[str]] = frozenset({"programs"})

    format: Literal[1] = 1
    kind: Literal["crm_cycle"]
    id: Identifier
    name: Name
    description: str = ""
    time_zone: str | None = Field(default=None, min_length=1, max_length=64)
    #: connections, by name
    marketo: Identifier
    salesforce: Identifier
    #: instead of Marketo's own CRM sync, or beside it, where companies and sales persons are read-only
    mode: Literal["replace_native", "beside_native"]
    #: from the end of one cycle to the begin of the next
    gap_minutes: int = Field(default=5, ge=1, le=1440)
    #: the first run reads nothing that is older; kinds of records may have their own
    low_watermark: LocalTime | None = None
    quiet: list[Quiet] | None = Field(default=None, min_length=1, max_length=10)
    sales_persons: SalesPersons | None = None
    companies: Companies | None = None
    persons: Persons | None = None
    activities: Activities | None = None
    opportunities: Opportunities | None = None
    opportunity_roles: OpportunityRoles | None = None
    custom_objects: CustomObjects | None = None
    programs: Programs | None = None
    guard: Guard = Guard()

    @property
    def zone(self) -> tzinfo:
        """The zone whose calendar and clocks the cycle goes by."""
        return ZoneInfo(self.time_zone) if self.time_zone else UTC

    def keeps(self, kind: str) -> bool:
        """Whether a kind of records is kept in step: the document has it, and it is switched on."""
        part = getattr(self, kind)
        return part is not None and getattr(part, "enabled", True)

    def said_to_begin(self, kind: str) -> datetime | None:
        """The low watermark of a kind of records as it is written; None if everything is read."""
        own = getattr(getattr(self, kind), "low_watermark", None) or self.low_watermark
        return instant(own, self.zone) if own else None

    def begins_at(self, kind: str) -> datetime | None:
        """From when on the first run reads a kind of records; both vendors were born later than earlier moments."""
        said = self.said_to_begin(kind)
        return max(said, EARLIEST) if said else None

    @property
    def salesforce_objects(self) -> frozenset[str]:
        """The Salesforce objects whose records are kept in step, whichever way."""
        persons = self.persons
        parts = {
            "Lead": persons.leads if persons else None,
            "Contact": persons.contacts if persons else None,
            "Account": self.companies,
            "User": self.sales_persons,
            "Opportunity": self.opportunities,
            "OpportunityContactRole": self.opportunity_roles,
        }
        return frozenset(name for name, part in parts.items() if part is not None and part.enabled)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if all(getattr(self, name) is None for name in self.entities):
            raise ValueError(f"needs at least one of {', '.join(f'`{name}`' for name in self.entities)}")
        if self.activities is not None and self.persons is None:
            raise ValueError("activities: are those of people whom the cycle links; give `persons`, too")
        if self.programs is not None and self.persons is None:
            raise ValueError("programs: their members are people whom the cycle links; give `persons`, too")
        if self.mode == "beside_native":
            for name in ("sales_persons", "companies", "opportunities", "opportunity_roles"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"{name}: is read-only beside Marketo's own CRM sync; remove it, or say `mode: replace_native`"
                    )
        self._roles_possible()
        return self

    def _roles_possible(self) -> None:
        roles, opportunities, persons = self.opportunity_roles, self.opportunities, self.persons
        if roles is None or not roles.enabled:
            if opportunities is not None and opportunities.stage_field is not None:
                raise ValueError("opportunities.stage_field: needs `opportunity_roles`, which tell whose stage it is")
            for name in opportunities.tracks if opportunities is not None else ():
                raise ValueError(f"opportunities.{name}: needs `opportunity_roles`, which tell whose Opportunity it is")
            return
        if opportunities is None or not opportunities.enabled:
            raise ValueError("opportunity_roles: needs `opportunities`, in which the roles are")
        if persons is None or persons.contacts is None or not persons.contacts.enabled:
            raise ValueError("opportunity_roles: needs `persons.contacts`, who have the roles")
        if opportunities.deleted_in_salesforce == "delete" and roles.deleted_in_salesforce != "delete":
            raise ValueError(
                "opportunity_roles.deleted_in_salesforce: Marketo deletes no opportunity that has roles; say `delete`"
            )
        mapped = {each.marketo for kind in (persons.leads, persons.contacts) if kind for each in kind.pairs}
        kept = {*mapped, persons.id_field, persons.type_field, COMPANY_LINK, OWNER_LINK}
        if opportunities.stage_field is not None and opportunities.stage_field in kept:
            raise ValueError(f"opportunities.stage_field: {opportunities.stage_field} is kept otherwise; name another")
