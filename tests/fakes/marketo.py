"""A Marketo instance in memory, with the rules that the use-cases rely on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.marketo import ActivityType, Channel, Program, SmartCampaign, StaticList
from leadbridge.domain.records import (
    Activity,
    CustomActivity,
    CustomActivityType,
    ObjectDescription,
    Resolution,
    RowResult,
)
from leadbridge.errors import ConfigurationError, PermanentError
from leadbridge.ports import Clock, LeadAction
from tests.builders.descriptions import member_fields
from tests.fakes.clock import SettableClock
from tests.fakes.steps import Step, nothing
from tests.fakes.trouble import Execution, Trouble, refusal

type Lead = dict[str, Any]
BATCH_ROWS = 300
ACTIVITY_LEADS = 30
#: the activity type of a campaign's request
REQUEST_CAMPAIGN = 47


@dataclass(frozen=True, slots=True)
class _Logged:
    activity: Activity
    visible_at: datetime


class FakeMarketo:
    """`ports.Marketo`; `leads` and `logged()` are what it holds, `trouble` makes it misbehave.

    `activity_lag` is how long an added activity stays out of the activity log's sight.
    """

    def __init__(
        self,
        leads: ObjectDescription,
        *types: CustomActivityType,
        clock: Clock | None = None,
        step: Step = nothing,
        activity_lag: timedelta = timedelta(0),
    ) -> None:
        self.trouble = Trouble("marketo")
        self.leads: dict[int, Lead] = {}
        #: static lists by name: id and members
        self.lists: dict[str, tuple[int, set[int]]] = {}
        self._described = leads
        self._types = {kind.api_name: kind for kind in types}
        self._clock: Clock = clock or SettableClock()
        self._step = step
        self._lag = activity_lag
        self._activities: list[_Logged] = []
        self._serial = 0
        self.activity_kinds: list[ActivityType] = []
        self.programs: dict[int, Program] = {}
        self.channels: dict[str, Channel] = {}
        self.member_fields = member_fields()
        #: other objects than leads, as a Sync calls them
        self.objects: dict[str, ObjectDescription] = {}
        #: memberships by program and lead
        self.members: dict[tuple[int, int], dict[str, Any]] = {}
        #: a lead that wins every merge, because it is a contact in the CRM
        self.crm_keeps = 0
        #: rows of which leads were made by a sync
        self.created: list[dict[str, Any]] = []
        #: what connector actions had done to people, in order: what, of what, to whom, with what
        self.journal: list[tuple[str, str, int, dict[str, Any]]] = []
        self.campaigns: dict[int, SmartCampaign] = {}
        #: campaign, lead and tokens of every request that a campaign took, in order
        self.requests: list[tuple[int, int, dict[str, str]]] = []
        self._execution = Execution(self._clock)

    # -- for tests

    def load(self, *lead_ids: int, **fields: Any) -> None:
        """Put leads in without rules."""
        for lead_id in lead_ids:
            self.leads[lead_id] = {"id": lead_id} | fields

    def logged(self, lead_id: int | None = None) -> list[Activity]:
        """Custom activities in the order of their adding, seen without any lag."""
        self._execution.catch_up()
        found = [item.activity for item in self._activities if item.activity.activity_type_id != REQUEST_CAMPAIGN]
        return [activity for activity in found if lead_id is None or activity.lead_id == lead_id]

    def log(self, activity: Activity, *, visible_at: datetime | None = None) -> None:
        """Put an activity into the log as the instance itself does, to be seen at once or from a moment on."""
        self._activities.append(_Logged(activity, visible_at or activity.activity_date))

    # -- the port

    def read_only(self, object_name: str) -> bool:
        """No other sync owns anything here."""
        del object_name
        return False

    def describe(self, object_name: str) -> ObjectDescription:
        """Fields of an object, as a Sync calls it."""
        if object_name in {"leads", "list_members"}:
            return self.describe_leads()
        if object_name not in self.objects:
            raise PermanentError("Marketo has no such object", vendor="marketo", operation="describe", code="1013")
        return self._read("describe", lambda: self.objects[object_name])

    def custom_object_names(self) -> list[str]:
        """The custom objects."""
        return [name for name in self.objects if name.endswith("_c")]

    def describe_leads(self) -> ObjectDescription:
        """Fields of the lead object by REST name."""
        self._step("marketo.describe_leads")
        self.trouble.begin("describe_leads")
        self._step("marketo.describe_leads.done")
        return self._described

    def leads_by_filter(
        self, filter_type: str, values: Sequence[str], fields: Sequence[str]
    ) -> Sequence[Mapping[str, Any]]:
        """Leads whose `filter_type` field has one of the values."""
        self._step("marketo.leads_by_filter")
        self.trouble.begin("leads_by_filter")
        self._execution.catch_up()
        found = [lead for lead in self.leads.values() if str(lead.get(filter_type)) in values]
        answer = [{name: lead.get(name) for name in fields} for lead in found]
        self._step("marketo.leads_by_filter.done")
        return answer

    def sync_leads(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        action: LeadAction,
        lookup_field: str | None,
        partition: str | None = None,
    ) -> Sequence[RowResult]:
        """Create or update leads; results in input order. Partitions are none of this double's."""
        lookup = lookup_field or "email"

        def one(row: Mapping[str, Any]) -> RowResult:
            found = [lead for lead in self.leads.values() if _same(lead.get(lookup), row.get(lookup))]
            if action == "createDuplicate":
                found = []
            if len(found) > 1:
                return refusal("1007", "Multiple lead match lookup criteria")
            if found and action == "createOnly":
                return refusal("1005", "Lead already exists")
            if not found and action == "updateOnly":
                return refusal("1004", "Lead not found")
            if found:
                found[0].update(row)
                self.journal.append(("updated", lookup, int(found[0]["id"]), dict(row)))
                return RowResult(ok=True, status="updated", id=str(found[0]["id"]))
            new_id = max(self.leads, default=0) + 1
            # as the vendor, in whole seconds
            made = self._execution.now().replace(microsecond=0).isoformat()
            self.leads[new_id] = {"id": new_id, "createdAt": made} | dict(row)
            self.created.append(dict(row))
            self.journal.append(("created", lookup, new_id, dict(row)))
            return RowResult(ok=True, status="created", id=str(new_id))

        if "id" in {lookup, *(name for row in rows for name in row)} and action != "updateOnly":
            raise PermanentError("id cannot be written", vendor="marketo", operation="sync_leads", code="1006")
        lookups = [str(row.get(lookup)).strip().lower() for row in rows]
        if len(set(lookups)) != len(lookups) and action != "createDuplicate":
            raise AssertionError("one call names a lead twice")
        for name in sorted({name for row in rows for name in row} - set(self._described.fields) - {"id"}):
            raise PermanentError(f"Field '{name}' not found", vendor="marketo", operation="sync_leads", code="1006")
        return self._write("sync_leads", rows, one)

    def custom_activity_type(self, api_name: str) -> CustomActivityType:
        """The custom activity type of that API name."""
        self._step("marketo.custom_activity_type")
        self.trouble.begin("custom_activity_type")
        if not api_name.isidentifier():
            raise ConfigurationError(["activity type: only letters, digits and underscores are allowed"])
        if api_name not in self._types:
            raise PermanentError("not found", vendor="marketo", operation="custom_activity_type", code="1013")
        self._step("marketo.custom_activity_type.done")
        return self._types[api_name]

    def custom_activity_types(self) -> Sequence[ActivityType]:
        """The custom activity types, for whoever sets up an Action."""
        return [
            ActivityType(id=each.id, name=each.api_name, api_name=each.api_name, status=each.status)
            for each in self._types.values()
        ]

    def add_custom_activities(self, activities: Sequence[CustomActivity]) -> Sequence[RowResult]:
        """Add custom activities; adding one again makes a second one."""
        rows = [{"leadId": item.lead_id, "activity": item} for item in activities]
        return self._write("add_custom_activities", rows, lambda row: self._add(row["activity"]))

    def activities(
        self, since: datetime, activity_type_ids: Sequence[int], lead_ids: Sequence[int]
    ) -> Iterator[Activity]:
        """Activities since a moment, of these leads, 30 of them a call, or, without any, of all."""
        self._step("marketo.activities")
        for _ in range(0, len(lead_ids) or 1, ACTIVITY_LEADS):
            self.trouble.begin("activities")
        self._execution.catch_up()
        now = self._clock.now()
        found = [
            item.activity
            for item in self._activities
            if item.activity.activity_type_id in activity_type_ids
            and (not lead_ids or item.activity.lead_id in lead_ids)
            and item.activity.activity_date >= since
            and item.visible_at <= now
        ]
        self._step("marketo.activities.done")
        yield from found

    def activity_types(self) -> Sequence[ActivityType]:
        """The activity types of the log."""
        return self._read("activity_types", lambda: self.activity_kinds)

    # -- program members

    def program(self, named: str | int) -> Program | None:
        """The program of a name or an id, None if there is none."""
        return self._read(
            "program", lambda: next((each for each in self.programs.values() if named in (each.id, each.name)), None)
        )

    def channel(self, name: str) -> Channel | None:
        """The one channel, whatever program asks."""
        return self._read("channel", lambda: self.channels.get(name))

    def describe_members(self) -> ObjectDescription:
        """Fields of a membership."""
        return self._read("describe_members", lambda: self.member_fields)

    def set_member_status(self, program_id: int, status: str, lead_ids: Sequence[int]) -> Sequence[RowResult]:
        """Make leads members; a status never moves back."""
        program = self._program(program_id, "set_member_status")
        steps = {each.name: each.step for each in self.channels[program.channel].progression_statuses}

        def one(row: Mapping[str, Any]) -> RowResult:
            lead_id = int(row["leadId"])
            if lead_id not in self.leads:
                return refusal("1004", "Lead not found")
            if status not in steps:
                return refusal("1025", "Program status not found", Resolution.FATAL)
            member = self.members.get((program_id, lead_id))
            if member is not None and steps[member["statusName"]] >= steps[status]:
                return RowResult(ok=True, status="skipped", code="1037", message="in this status or past it already")
            self.members[program_id, lead_id] = {**(member or {}), "statusName": status}
            return RowResult(ok=True, status="updated" if member else "created", id=str(lead_id))

        return self._write("set_member_status", [{"leadId": each} for each in lead_ids], one)

    def update_members(self, program_id: int, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Write fields of members; none is made."""
        self._program(program_id, "update_members")
        for name in sorted({name for row in rows for name in row} - set(self.member_fields.fields) - {"leadId"}):
            raise PermanentError(f"Field '{name}' not found", vendor="marketo", operation="update_members", code="1006")

        def one(row: Mapping[str, Any]) -> RowResult:
            member = self.members.get((program_id, int(row["leadId"])))
            if member is None:
                return refusal("1013", "Membership not found")
            member.update({name: value for name, value in row.items() if name != "leadId"})
            return RowResult(ok=True, status="updated", id=str(row["leadId"]))

        return self._write("update_members", rows, one)

    def static_list(self, name: str) -> int | None:
        """The id of the static list of that name."""
        return self._read("static_list", lambda: self.lists[name][0] if name in self.lists else None)

    def list_members(self, list_id: int, lead_ids: Sequence[int]) -> frozenset[int]:
        """Those of the leads who are in a static list."""
        members = self._read(
            "list_members", lambda: next(members for known, members in self.lists.values() if known == list_id)
        )
        return frozenset(members) & set(lead_ids)

    def has_list(self, list_id: int) -> bool:
        """Whether there is a static list of that id."""
        return self._read("has_list", lambda: any(known == list_id for known, _ in self.lists.values()))

    def list_name(self, list_id: int) -> str | None:
        """The name of the static list of that id; None if there is none."""
        named = {known: name for name, (known, _) in self.lists.items()}
        return self._read("list_name", lambda: named.get(list_id))

    def add_to_list(self, list_id: int, lead_ids: Sequence[int]) -> Sequence[RowResult]:
        """Add leads to a static list."""
        members = self._members_of(list_id, "add_to_list")

        def one(row: Mapping[str, Any]) -> RowResult:
            if row["id"] not in self.leads:
                return refusal("1004", "Lead not found")
            members.add(row["id"])
            self.journal.append(("added", str(list_id), row["id"], {}))
            return RowResult(ok=True, status="added", id=str(row["id"]))

        return self._write("add_to_list", [{"id": each} for each in lead_ids], one)

    def remove_from_list(self, list_id: int, lead_ids: Sequence[int]) -> Sequence[RowResult]:
        """Take leads out of a static list."""
        members = self._members_of(list_id, "remove_from_list")

        def one(row: Mapping[str, Any]) -> RowResult:
            self.journal.append(("removed", str(list_id), row["id"], {}))
            if row["id"] not in members:
                code = "1015" if row["id"] in self.leads else "1004"
                return RowResult(
                    ok=True,
                    status="skipped",
                    id=str(row["id"]),
                    code=code,
                    message="the person is not in the list. Nothing to do.",
                )
            members.remove(row["id"])
            return RowResult(ok=True, status="removed", id=str(row["id"]))

        return self._write("remove_from_list", [{"id": each} for each in lead_ids], one)

    def merge_leads(self, winner: int, losers: Sequence[int], *, in_crm: bool = False) -> Sequence[RowResult]:
        """Merge leads into one; whoever is gone already spoils the call."""
        for each in (winner, *losers):
            if each not in self.leads:
                raise PermanentError("Lead not found", vendor="marketo", operation="merge_leads", code="1004")

        def one(row: Mapping[str, Any]) -> RowResult:
            for loser in row["losers"]:
                self.journal.append(("merged", str(winner), loser, {}))
                if loser == self.crm_keeps:
                    self.leads.pop(winner, None)
                    break
                lost = self.leads.pop(loser, {})
                self.leads[winner] = lost | {k: v for k, v in self.leads[winner].items() if v is not None}
            return RowResult(ok=True, status="merged")

        # all of them, or none
        return self._write("merge_leads", [{"id": winner, "losers": list(losers)}], one) * len(losers)

    def all_lists(self) -> Sequence[StaticList]:
        """The static lists, for whoever sets up an Action."""
        return [StaticList(id=number, name=name) for name, (number, _) in self.lists.items()]

    def all_programs(self) -> Sequence[Program]:
        """The programs, for whoever sets up an Action."""
        return list(self.programs.values())

    def all_channels(self) -> Sequence[Channel]:
        """The channels with their statuses."""
        return list(self.channels.values())

    def requestable_campaigns(self) -> Sequence[SmartCampaign]:
        """The campaigns, all of which can be requested."""
        return list(self.campaigns.values())

    def campaign(self, named: str | int) -> SmartCampaign | None:
        """The campaign of a name or an id."""
        return self._read(
            "campaign", lambda: next((each for each in self.campaigns.values() if named in (each.id, each.name)), None)
        )

    def request_campaign(
        self, campaign_id: int, lead_ids: Sequence[int], tokens: Mapping[str, str]
    ) -> Sequence[RowResult]:
        """Send leads through a campaign; one that is not there spoils the call."""
        for each in lead_ids:
            if each not in self.leads:
                raise PermanentError("Lead not found", vendor="marketo", operation="request_campaign", code="1004")

        def one(row: Mapping[str, Any]) -> RowResult:
            self.requests.append((campaign_id, row["id"], dict(tokens)))
            self.journal.append(("requested", str(campaign_id), row["id"], dict(tokens)))
            self._serial += 1
            now = self._execution.now()
            request = Activity(
                marketo_guid=f"request {self._serial}",
                lead_id=row["id"],
                activity_type_id=REQUEST_CAMPAIGN,
                activity_date=now.replace(microsecond=0),
                primary_attribute_value=None,
                primary_attribute_value_id=campaign_id,
                attributes={},
            )
            self._activities.append(_Logged(request, now + self._lag))
            return RowResult(ok=True, status="requested")

        return self._write("request_campaign", [{"id": each} for each in lead_ids], one)

    # -- rules

    def _members_of(self, list_id: int, operation: str) -> set[int]:
        found = next((members for known, members in self.lists.values() if known == list_id), None)
        if found is None:
            raise PermanentError("List not found", vendor="marketo", operation=operation, code="1013")
        return found

    def _program(self, program_id: int, operation: str) -> Program:
        if program_id not in self.programs:
            raise PermanentError("Program not found", vendor="marketo", operation=operation, code="1013")
        return self.programs[program_id]

    def _read[T](self, operation: str, answer: Callable[[], T]) -> T:
        self._step(f"marketo.{operation}")
        self.trouble.begin(operation)
        found = answer()
        self._step(f"marketo.{operation}.done")
        return found

    def _write(
        self, operation: str, rows: Sequence[Mapping[str, Any]], one: Callable[[Mapping[str, Any]], RowResult]
    ) -> list[RowResult]:
        self._step(f"marketo.{operation}")
        if not 0 < len(rows) <= BATCH_ROWS:
            raise AssertionError(f"{len(rows)} rows in one call")
        fault = self.trouble.begin(operation, rows)
        self._execution.catch_up()
        results: list[RowResult] = []

        def execute() -> None:
            refused = self.trouble.refused(operation, rows)
            results.extend(refused[place] if place in refused else one(row) for place, row in enumerate(rows))

        self._execution.run(fault, execute)
        self._step(f"marketo.{operation}.done")
        self.trouble.answered(operation)
        return results

    def _add(self, activity: CustomActivity) -> RowResult:
        kind = next((kind for kind in self._types.values() if kind.id == activity.activity_type_id), None)
        if kind is None:
            return refusal("1003", "Invalid activity type")
        if activity.lead_id not in self.leads:
            return refusal("1004", "Lead not found")
        if not set(activity.attributes) <= set(kind.attributes):
            return refusal("1003", "Unknown attribute")
        self._serial += 1
        added = Activity(
            marketo_guid=str(self._serial),
            lead_id=activity.lead_id,
            activity_type_id=activity.activity_type_id,
            activity_date=activity.activity_date.replace(microsecond=0),
            primary_attribute_value=activity.primary_attribute_value,
            attributes=dict(activity.attributes),
        )
        self._activities.append(_Logged(added, self._execution.now() + self._lag))
        return RowResult(ok=True, status="added", id=added.marketo_guid)


def _same(held: Any, given: Any) -> bool:
    if held is None or given is None:
        return False
    return str(held).strip().lower() == str(given).strip().lower()
