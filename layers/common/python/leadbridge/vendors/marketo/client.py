"""A Marketo instance as its groups of verbs, and the few verbs that use-cases know by themselves."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from leadbridge.domain.records import (
    Activity,
    CustomActivity,
    CustomActivityType,
    FieldDescription,
    ObjectDescription,
    Row,
    RowResult,
)
from leadbridge.errors import ConfigurationError
from leadbridge.vendors.http.groups import Group
from leadbridge.vendors.http.hosts import MARKETO_HOST, ForbiddenHostError, checked_base
from leadbridge.vendors.http.limiter import Limiter
from leadbridge.vendors.http.transport import HttpSettings, Transport
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.activities import add, described_type, logged
from leadbridge.vendors.marketo.answers import interpret
from leadbridge.vendors.marketo.api import Api
from leadbridge.vendors.marketo.auth import VENDOR, CredentialSource, MarketoAuth
from leadbridge.vendors.marketo.quota import WORDS, calls_today

if TYPE_CHECKING:
    from leadbridge.domain.cycle_opportunities import AddedDeals, AddedRole
    from leadbridge.domain.marketo import ActivityType, Channel, Program, ProgramMember, SmartCampaign, StaticList
    from leadbridge.domain.preflight import Finding
    from leadbridge.vendors.marketo.activity_log import ActivityLog
    from leadbridge.vendors.marketo.bulk import Bulk
    from leadbridge.vendors.marketo.campaigns import Campaigns
    from leadbridge.vendors.marketo.custom_activities import CustomActivities
    from leadbridge.vendors.marketo.fields import Fields
    from leadbridge.vendors.marketo.leads import LeadAction, Leads
    from leadbridge.vendors.marketo.lists import StaticLists
    from leadbridge.vendors.marketo.objects import CustomObjects, CustomObjectTypes, Objects
    from leadbridge.vendors.marketo.programs import Members, Programs
    from leadbridge.vendors.marketo.stats import Stats


class MarketoClient:
    """One Marketo instance seen by one API user. Keep one per connection and process: it holds the token."""

    leads: "Group[Leads]" = Group("leads", "Leads")
    lead_fields: "Group[Fields]" = Group("fields", "Fields", endpoints.LEAD_FIELDS)
    activity_log: "Group[ActivityLog]" = Group("activity_log", "ActivityLog")
    custom_activities: "Group[CustomActivities]" = Group("custom_activities", "CustomActivities")
    companies: "Group[Objects]" = Group("objects", "Objects", endpoints.COMPANIES)
    company_fields: "Group[Fields]" = Group("fields", "Fields", endpoints.COMPANY_FIELDS)
    opportunities: "Group[Objects]" = Group("objects", "Objects", endpoints.OPPORTUNITIES)
    opportunity_fields: "Group[Fields]" = Group("fields", "Fields", endpoints.OPPORTUNITY_FIELDS)
    opportunity_roles: "Group[Objects]" = Group("objects", "Objects", endpoints.OPPORTUNITY_ROLES)
    sales_persons: "Group[Objects]" = Group("objects", "Objects", endpoints.SALES_PERSONS)
    custom_objects: "Group[CustomObjects]" = Group("objects", "CustomObjects")
    custom_object_types: "Group[CustomObjectTypes]" = Group("objects", "CustomObjectTypes")
    static_lists: "Group[StaticLists]" = Group("lists", "StaticLists")
    programs: "Group[Programs]" = Group("programs", "Programs")
    members: "Group[Members]" = Group("programs", "Members")
    member_fields: "Group[Fields]" = Group("fields", "Fields", endpoints.MEMBER_FIELDS)
    campaigns: "Group[Campaigns]" = Group("campaigns", "Campaigns")
    bulk: "Group[Bulk]" = Group("bulk", "Bulk")
    stats: "Group[Stats]" = Group("stats", "Stats")

    def __init__(self, http: HttpSettings, *, base_url: str, credentials: CredentialSource, limiter: Limiter) -> None:
        """Check the address; sends nothing.

        Raises:
            ConfigurationError: `base_url` is not the host of a Marketo instance.
        """
        try:
            base = checked_base(base_url, MARKETO_HOST, http.allowed_hosts)
        except ForbiddenHostError as error:
            raise ConfigurationError(
                [f"base_url {error}; use the address https://123-ABC-456.mktorest.com of your instance"]
            ) from error
        auth = MarketoAuth(base_url=base, credentials=credentials, clock=http.clock, sleep=http.sleep)
        transport = Transport(
            http,
            vendor=VENDOR,
            base_url=base,
            auth=auth,
            limiter=limiter,
            interpret=interpret,
            words=WORDS,
        )
        self.api = Api(transport)

    @property
    def calls_made(self) -> int:
        """Calls so far, token requests excluded."""
        return self.api.calls_made

    def preflight(self, *, daily_calls: int) -> "Iterator[Finding]":
        """What a person should know before anything depends on the connection; writes nothing, about twenty calls."""
        from leadbridge.vendors.marketo.preflight import preflight  # a person's question, no worker's

        return preflight(self.api, daily_calls=daily_calls)

    # the verbs of `ports.Marketo`

    def read_only(self, object_name: str) -> bool:
        """Whether Marketo's own CRM sync keeps an object from being written, as a Sync calls it."""
        from leadbridge.vendors.marketo.preflight import closed_by_crm_sync  # a person's question, no worker's

        return closed_by_crm_sync(self.api, object_name)

    def describe(self, object_name: str) -> ObjectDescription:
        """Fields of an object by REST name, as a Sync calls it: leads, program_members, a custom object."""
        from leadbridge.vendors.marketo.described import described  # a person's question, no worker's

        return described(self, object_name)

    def custom_object_names(self) -> list[str]:
        """The API names of the approved custom objects."""
        return [each.name for each in self.custom_objects.list()]

    def describe_leads(self) -> ObjectDescription:
        """The fields of a lead by REST name; `id_lookup` marks those usable as lookup field or filter."""
        return self.leads.describe()

    def leads_by_filter(self, filter_type: str, values: Iterable[str], fields: Sequence[str]) -> list[dict[str, Any]]:
        """All leads whose `filter_type` field has one of the values."""
        return self.leads.by_filter(filter_type, values, fields)

    def keyed(self, object_name: str, keys: Sequence[str], fields: Sequence[str]) -> list[dict[str, Any]]:
        """Records of an object by its key, or by Marketo's own id where several fields are the key."""
        from leadbridge.vendors.marketo.described import objects_named  # a cycle's question, no worker's

        objects = objects_named(self, object_name)
        described = objects.describe()
        own = described.dedupe_fields
        return list(objects.by_filter(own[0] if len(own) == 1 else described.id_field, keys, fields))

    def sync_leads(
        self,
        rows: Sequence[Row],
        *,
        action: "LeadAction",
        lookup_field: str | None,
        partition: str | None = None,
    ) -> list[RowResult]:
        """Write leads; one result per row, in order."""
        return self.leads.sync(rows, action=action, lookup_field=lookup_field, partition=partition)

    def custom_activity_type(self, api_name: str) -> CustomActivityType:
        """A custom activity type with its attributes; records can be added only if its status is approved."""
        return described_type(self.api, api_name)

    def custom_activity_types(self) -> "list[ActivityType]":
        """The custom activity types, drafts too."""
        return self.custom_activities.types()

    def all_lists(self) -> "Iterator[StaticList]":
        """The static lists, by id."""
        return self.static_lists.all()

    def all_programs(self) -> "Iterator[Program]":
        """The programs, without tags and costs."""
        return self.programs.browse()

    def all_channels(self) -> "Iterator[Channel]":
        """The channels, each with the statuses that members of its programs may have."""
        return self.programs.channels()

    def requestable_campaigns(self) -> "Iterator[SmartCampaign]":
        """The campaigns that can be requested."""
        return self.campaigns.requestable()

    def add_custom_activities(self, activities: Sequence[CustomActivity]) -> list[RowResult]:
        """Add custom activities; one result per activity, in order. Adding one again makes a second one."""
        return add(self.api, activities)

    def activities(
        self, since: datetime, activity_type_ids: Sequence[int], lead_ids: Sequence[int] = ()
    ) -> Iterator[Activity]:
        """Activities of these types, of these leads if any are given, that happened at `since` or later."""
        return logged(self.api, since, activity_type_ids, lead_ids)

    def activity_types(self) -> "list[ActivityType]":
        """All activity types of the instance, custom ones among them."""
        return self.activity_log.types()

    def program(self, named: str | int) -> "Program | None":
        """The program of a name or an id, None if there is none; names with a comma are never found."""
        return self.programs.one(named) if isinstance(named, int) else self.programs.by_name(named)

    def programs_of(self, lead_id: int) -> list[dict[str, Any]]:
        """The programs that a lead is in, by `id`, with its status in each."""
        return self.leads.programs_of(lead_id)

    def members_of(self, program_id: int, lead_ids: Sequence[int], fields: Sequence[str]) -> "list[ProgramMember]":
        """Those of the leads who are in a program; 300 a call."""
        return list(self.members.by_filter(program_id, "leadId", lead_ids, fields))

    def roles_in(self, opportunities: Sequence[str], fields: Sequence[str]) -> list[dict[str, Any]]:
        """The roles in opportunities, by their key."""
        return list(self.opportunity_roles.by_filter("externalOpportunityId", opportunities, fields))

    def added_deals(self, told: Sequence["AddedRole"]) -> "AddedDeals":
        """The opportunities and roles that the log names."""
        from leadbridge.vendors.marketo.added_deals import added_deals  # a cycle's question, no worker's

        return added_deals(self, told)

    def channel(self, name: str) -> "Channel | None":
        """The channel of a name, None if there is none."""
        return self.programs.channel(name)

    def describe_members(self) -> ObjectDescription:
        """The fields of a program membership by REST name."""
        fields = {
            each.name: FieldDescription(
                name=each.name,
                type=each.data_type,
                updateable=each.updateable,
                createable=each.updateable,
                length=each.length,
                label=each.display_name,
            )
            for each in self.members.describe().fields
        }
        return ObjectDescription(name="program member", fields=fields)

    def set_member_status(self, program_id: int, status: str, lead_ids: Sequence[int]) -> list[RowResult]:
        """Make leads members with a status; one result per id, in order. Being there or further on is fine (1037)."""
        return self.members.set_status(program_id, status, lead_ids)

    def update_members(self, program_id: int, rows: Sequence[Row]) -> list[RowResult]:
        """Write fields of members; each row carries `leadId`. One result per row, in order; none is made (1013)."""
        return self.members.update(program_id, rows)

    def static_list(self, name: str) -> int | None:
        """The id of the static list of that name; None if there is none, or more than one."""
        found = [each.id for each in self.static_lists.all(names=[name]) if each.name == name]
        return found[0] if len(found) == 1 else None

    def list_members(self, list_id: int, lead_ids: Sequence[int]) -> frozenset[int]:
        """Those of the leads who are in a static list; 300 a call."""
        found = self.static_lists.are_members(list_id, lead_ids)
        return frozenset(lead for lead, is_member in found.items() if is_member)

    def has_list(self, list_id: int) -> bool:
        """Whether there is a static list of that id."""
        return self.list_name(list_id) is not None

    def list_name(self, list_id: int) -> str | None:
        """The name of the static list of that id; None if there is none."""
        found = self.static_lists.one(list_id)
        return found.name if found else None

    def add_to_list(self, list_id: int, lead_ids: Sequence[int]) -> list[RowResult]:
        """Add leads to a static list; one result per id, in order."""
        return self.static_lists.add(list_id, lead_ids)

    def remove_from_list(self, list_id: int, lead_ids: Sequence[int]) -> list[RowResult]:
        """Take leads out of a static list; one result per id, in order. One that is not in is fine (1015, 1004)."""
        return self.static_lists.remove(list_id, lead_ids)

    def merge_leads(self, winner: int, losers: Sequence[int], *, in_crm: bool = False) -> list[RowResult]:
        """Merge leads into one, 25 a call; one result per loser, in order."""
        return self.leads.merge(winner, losers, in_crm=in_crm)

    def campaign(self, named: str | int) -> "SmartCampaign | None":
        """The smart campaign of a name or an id, None if there is none."""
        return self.campaigns.one(named) if isinstance(named, int) else self.campaigns.by_name(named)

    def request_campaign(self, campaign_id: int, lead_ids: Sequence[int], tokens: Mapping[str, str]) -> list[RowResult]:
        """Send leads through a campaign, 100 a call; one result per id, in order. Doing it again does it twice."""
        return self.campaigns.request(campaign_id, lead_ids, tokens)

    def usage(self) -> int:
        """Calls of all API users of this instance today, as Marketo counts them."""
        return calls_today(self.api.get(endpoints.USAGE))
