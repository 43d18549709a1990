"""Activities: types, reading by date token, custom activity types and records."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from simulator.control import Call, ControlError, parse_time
from simulator.marketo.exceptions import MarketoError, RowError
from simulator.marketo.models.activities import Activity, standard_types
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.retention import Retention
from simulator.marketo.responses.envelope import (
    Payload,
    batch_size,
    check_row_fault,
    integers,
    listed,
    make_token,
    parameter,
    read_body,
    read_input,
    read_token,
    required,
    skipped,
)
from simulator.marketo.schema import CHANGE_DATA_VALUE, DELETE_LEAD, NEW_LEAD
from simulator.marketo.values import format_time, read_value

MAX_TYPE_IDS = 10
MAX_LEAD_IDS = 30
MAX_LIST_MEMBERS = 10_000


class ActivityResponses:
    """Handlers below `/rest/v1/activities`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    async def types(self, _request: Request, _call: Call) -> Payload:
        """Give every activity type, custom ones included."""
        custom: list[Payload] = []
        for each in self._instance.custom_types.all():
            if each.approved is None:
                continue
            content = each.shown()
            custom.append(
                {
                    name: content[name]
                    for name in ("id", "apiName", "name", "description", "primaryAttribute", "attributes")
                    if name in content
                }
            )
        return {"result": standard_types() + custom + self._instance.custom_objects.activity_types()}

    async def paging_token(self, _request: Request, call: Call) -> Payload:
        """Give the token of a moment; activities of that very second are still read."""
        text = required(call, "sinceDatetime")
        try:
            moment = parse_time(text)
        except ControlError as error:
            raise MarketoError("704", f"Invalid date '{text}' for 'sinceDatetime'") from error
        if moment.microsecond:
            raise MarketoError("704", f"Invalid date '{text}' for 'sinceDatetime'")
        return {"nextPageToken": make_token("date", format_time(moment), 0)}

    async def activities(self, _request: Request, call: Call) -> Payload:
        """Read on from a date token; the next token is always given, `moreResult` says whether to go on."""
        token = required(call, "nextPageToken")
        required(call, "activityTypeIds")
        type_ids = set(integers(call, "activityTypeIds", MAX_TYPE_IDS))
        lead_ids = self._wanted_leads(call)
        asset_ids = set(integers(call, "assetIds", 300))
        if asset_ids and len(type_ids) != 1:
            raise MarketoError("1003", "assetIds needs exactly one activityTypeId")
        if unknown := type_ids - {each["id"] for each in (await self.types(_request, call))["result"]}:
            raise MarketoError("1003", f"Invalid value for 'activityTypeIds': {sorted(unknown)}")

        def wanted(activity: Activity) -> bool:
            return (
                activity.type_id in type_ids
                and (lead_ids is None or activity.lead_id in lead_ids)
                and (not asset_ids or activity.primary_id in asset_ids)
            )

        return self._page(call, token, wanted, lambda activity: activity.shown(with_id=self._with_id))

    async def lead_changes(self, _request: Request, call: Call) -> Payload:
        """Read new leads and changed values; a change of a field that was not asked for is left out."""
        token = required(call, "nextPageToken")
        required(call, "fields")
        names = listed(call, "fields")
        schema = self._instance.leads.schema
        field_ids = {schema.get(name).id: name for name in names}
        lead_ids = self._wanted_leads(call)

        def wanted(activity: Activity) -> bool:
            if lead_ids is not None and activity.lead_id not in lead_ids:
                return False
            changed = activity.type_id == CHANGE_DATA_VALUE and activity.primary_id in field_ids
            return changed or activity.type_id == NEW_LEAD

        return self._page(call, token, wanted, lambda activity: self._shown_change(activity, field_ids))

    async def deleted_leads(self, _request: Request, call: Call) -> Payload:
        """Read which leads were deleted in the last 14 days."""
        token = required(call, "nextPageToken")
        return self._page(
            call,
            token,
            lambda activity: activity.type_id == DELETE_LEAD,
            lambda activity: activity.shown(with_id=self._with_id),
        )

    @property
    def _with_id(self) -> bool:
        return self._instance.control.switch("activity_ids")

    def _page(
        self, call: Call, token: str, wanted: Callable[[Activity], bool], show: Callable[[Activity], Payload]
    ) -> Payload:
        date, last_id = read_token(token, "date")
        control = self._instance.control
        retention = Retention(call.at)
        prune = control.switch("retention")
        size = batch_size(call)
        if control.random.random() < control.limit("activity_short_pages"):
            size = control.random.randrange(size)
        page = self._instance.log.page(
            (date, last_id),
            size,
            int(control.limit("activity_scan")),
            lambda activity: wanted(activity) and not (prune and not retention.keeps(activity)),
        )
        return {
            "result": [show(activity) for activity in page.activities],
            "nextPageToken": make_token("date", *page.position),
            "moreResult": page.more,
        }

    def _shown_change(self, activity: Activity, field_ids: dict[int, str]) -> Payload:
        item = activity.shown(with_id=self._with_id)
        item.pop("primaryAttributeValue", None)
        field_id = item.pop("primaryAttributeValueId", None)
        values = {each["name"]: each["value"] for each in activity.attributes}
        item["attributes"] = [each for each in item["attributes"] if each["name"] not in {"New Value", "Old Value"}]
        changed = {"newValue": values.get("New Value")}
        if values.get("Old Value") is not None:
            changed["oldValue"] = values["Old Value"]
        known = activity.type_id == CHANGE_DATA_VALUE and field_id is not None
        item["fields"] = [{"id": field_id, "name": field_ids[field_id], **changed}] if known else []
        return item

    def _wanted_leads(self, call: Call) -> set[int] | None:
        lead_ids = integers(call, "leadIds", MAX_LEAD_IDS)
        if list_ids := integers(call, "listId", 1):
            members = self._instance.memberships.list_of(list_ids[0]).members
            if len(members) >= MAX_LIST_MEMBERS:
                raise MarketoError("1003", f"The list has {MAX_LIST_MEMBERS} members or more")
            return set(members) & set(lead_ids) if lead_ids else set(members)
        return set(lead_ids) if parameter(call, "leadIds") else None

    # custom activities

    async def custom_types(self, _request: Request, _call: Call) -> Payload:
        """Give every custom activity type, drafts included."""
        return {"result": [each.shown() for each in self._instance.custom_types.all()]}

    async def describe_type(self, request: Request, call: Call) -> Payload:
        """Describe one custom activity type, approved or as drafted."""
        found = self._instance.custom_types.get(request.path_params["api_name"])
        return {"result": [found.shown(draft=parameter(call, "draft") == "true")]}

    async def create_type(self, _request: Request, call: Call) -> Payload:
        """Draft a custom activity type."""
        made = self._instance.custom_types.create(read_body(call), self._instance.now_text())
        return {"result": [made.shown(draft=True)]}

    async def create_attributes(self, request: Request, call: Call) -> Payload:
        """Add secondary attributes to a type's draft."""
        attributes = read_body(call).get("attributes")
        changed = self._instance.custom_types.add_attributes(
            request.path_params["api_name"], attributes, self._instance.now_text()
        )
        return {"result": [changed.shown(draft=True)]}

    async def update_type(self, request: Request, call: Call) -> Payload:
        """Change a type's draft."""
        changed = self._instance.custom_types.update(
            request.path_params["api_name"], read_body(call), self._instance.now_text()
        )
        return {"result": [changed.shown(draft=True)]}

    async def update_attributes(self, request: Request, call: Call) -> Payload:
        """Change secondary attributes of a type's draft."""
        return self._change_attributes(request, call, delete=False)

    async def delete_attributes(self, request: Request, call: Call) -> Payload:
        """Delete secondary attributes of a type's draft."""
        return self._change_attributes(request, call, delete=True)

    def _change_attributes(self, request: Request, call: Call, *, delete: bool) -> Payload:
        name, attributes = request.path_params["api_name"], read_body(call).get("attributes")
        now = self._instance.now_text()
        changed = self._instance.custom_types.change_attributes(name, attributes, now, delete=delete)
        return {"result": [changed.shown(draft=True)]}

    async def delete_type(self, request: Request, _call: Call) -> Payload:
        """Delete a type."""
        now = self._instance.now_text()
        deleted = self._instance.custom_types.delete(request.path_params["api_name"], now)
        return {"result": [deleted.shown() | {"status": "deleted"}]}

    async def approve_type(self, request: Request, _call: Call) -> Payload:
        """Approve a type's draft."""
        now = self._instance.now_text()
        return {"result": [self._instance.custom_types.approve(request.path_params["api_name"], now).shown()]}

    async def discard_draft(self, request: Request, _call: Call) -> Payload:
        """Discard the draft of an approved type."""
        now = self._instance.now_text()
        changed = self._instance.custom_types.discard_draft(request.path_params["api_name"], now)
        return {"result": [changed.shown()]}

    async def add(self, _request: Request, call: Call) -> Payload:
        """Add custom activities: written once, no key, so the same record sent again is a second activity."""
        rows = read_input(read_body(call))
        results: list[Payload] = []
        accepted: list[Activity] = []
        for index, row in enumerate(rows):
            try:
                check_row_fault(call, index)
                activity = self._read(row)
            except RowError as error:
                # custom activities name their reasons differently from all other records
                results.append(skipped(error, "errors"))
                continue
            accepted.append(activity)
            results.append({"id": activity.id, "marketoGUID": str(activity.id), "status": "added"})
        self._instance.control.commit(call, lambda: self._commit(accepted))
        call.record_keys += self._instance.lead_keys(activity.lead_id for activity in accepted)
        return {"result": results}

    def _read(self, row: object) -> Activity:
        found, primary, attributes = self._instance.custom_types.read_record(row)
        values = row if isinstance(row, dict) else {}
        lead_id = read_value("leadId", "integer", values["leadId"])
        date = read_value("activityDate", "datetime", values["activityDate"])
        if lead_id not in self._instance.leads:
            raise RowError("1004", "Lead not found")
        return Activity(self._instance.log.take_id(), lead_id, date, found.id, primary=primary, attributes=attributes)

    def _commit(self, accepted: list[Activity]) -> None:
        for activity in accepted:
            self._instance.log.add(activity)
