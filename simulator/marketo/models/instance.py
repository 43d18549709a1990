"""The whole simulated instance: every table, and the side effects of writes on the activity log."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from simulator.control import Call, ControlPlane
from simulator.marketo.exceptions import RowError
from simulator.marketo.models.activities import Activity, ActivityLog, CustomTypes
from simulator.marketo.models.assets import Assets
from simulator.marketo.models.campaigns import Campaign, Campaigns
from simulator.marketo.models.crm import CrmObjects
from simulator.marketo.models.custom_objects import CustomObjects
from simulator.marketo.models.exports import ExportJobs
from simulator.marketo.models.identity import Identity
from simulator.marketo.models.imports import ImportJobs
from simulator.marketo.models.leads import FieldChange, LeadTable, PlannedRow
from simulator.marketo.models.memberships import Memberships, Program, StaticList
from simulator.marketo.models.usage import Usage
from simulator.marketo.schema import (
    ADD_TO_LIST,
    API_SOURCE,
    CHANGE_DATA_VALUE,
    CHANGE_PROGRAM_STATUS,
    NEW_LEAD,
    REMOVE_FROM_LIST,
)
from simulator.marketo.values import format_time


class Instance:
    """One Marketo subscription."""

    def __init__(self, control: ControlPlane) -> None:
        self.control = control
        numbers = random.Random(f"marketo {control.seed}")  # noqa: S311 - has to be repeatable, guards nothing
        letters = "".join(numbers.choices("BCDFGHJKLMNPQRSTVWXZ", k=3))
        self.munchkin_id = f"{numbers.randrange(100, 1000)}-{letters}-{numbers.randrange(100, 1000)}"
        self.identity = Identity(control.seed)
        self.leads = LeadTable(first_id=1001)
        self.log = ActivityLog(first_id=500_001)
        self.memberships = Memberships(first_id=2001)
        self.crm = CrmObjects(self)
        self.custom_objects = CustomObjects(self)
        self.exports = ExportJobs(control)
        self.imports = ImportJobs(control)
        # who runs the flows of campaigns takes its place here
        self.campaign_requested: Callable[[Campaign, list[int], list[Any]], None] = lambda *_: None
        self.reset()

    def reset(self) -> None:
        """Forget all records and tokens; ids go on, as the vendor never uses one twice."""
        self.leads = LeadTable(self.leads.next_id, lambda: self.control.switch("partition_required"))
        self.crm_states: dict[int, str] = {}
        self.log = ActivityLog(self.log.next_id)
        self.memberships = Memberships(self.memberships.next_id)
        self.custom_types = CustomTypes(self.now_text())
        self.crm.forget()
        self.custom_objects.forget()
        self.exports.forget()
        self.imports.forget()
        self.campaigns = Campaigns()
        self.assets = Assets(self.now_text())
        self.usage = Usage()
        self.identity.forget_tokens()

    def now_text(self) -> str:
        """Give the present time as the lead database writes it."""
        return format_time(self.control.clock.now())

    def lead_keys(self, lead_ids: Iterable[int]) -> list[str]:
        """Give the ids of leads and their e-mail addresses, for the log of calls."""
        keys: list[str] = []
        for lead_id in lead_ids:
            keys.append(str(lead_id))
            if (stored := self.leads.get(lead_id)) and "email" in stored:
                keys.append(stored["email"])
        return keys

    # writes, as of the time of their call

    def sync_leads(self, call: Call, planned: list[PlannedRow], request_id: str) -> None:
        """Write planned rows and log what changed."""
        for row in planned:
            changes = self.leads.apply(row, call.at)
            if row.status == "created" and row.lead_id is not None:
                self._log_new_lead(row.lead_id, call.at)
            for change in changes:
                self._log_change(change, call, request_id)
            if row.lead_id is not None and row.changes.get("externalCompanyId"):
                shared = self.crm.company_values(row.changes["externalCompanyId"])
                self.write_company(row.lead_id, shared, call.at, call.client)

    def write_company(self, lead_id: int, values: dict[str, Any], at: datetime, user: str) -> None:
        """Give a linked lead values of its company and log what changed."""
        for change in self.leads.write(lead_id, values, at):
            definition = self.leads.schema.all[change.name]
            attributes = {
                "New Value": None if change.new is None else str(change.new),
                "Old Value": None if change.old is None else str(change.old),
                "Reason": "syncCompany",
                "Source": API_SOURCE,
                "Modifying User": user,
            }
            self.note(CHANGE_DATA_VALUE, lead_id, at, definition.id, definition.display_name, attributes)

    def add_to_list(self, static_list: StaticList, lead_ids: list[int], at: datetime) -> None:
        """Make leads members; who is one already stays one."""
        for lead_id in lead_ids:
            if lead_id not in static_list.members:
                static_list.members[lead_id] = None
                self._log_list(ADD_TO_LIST, static_list, lead_id, at)

    def remove_from_list(self, static_list: StaticList, lead_ids: list[int], at: datetime) -> None:
        """End memberships."""
        for lead_id in lead_ids:
            if lead_id in static_list.members:
                del static_list.members[lead_id]
                self._log_list(REMOVE_FROM_LIST, static_list, lead_id, at)

    def set_program_status(self, program: Program, status_name: str, lead_ids: list[int], at: datetime) -> None:
        """Write a status for leads whose change was planned."""
        for lead_id in lead_ids:
            former = program.set_status(lead_id, status_name, format_time(at))
            self.note(
                CHANGE_PROGRAM_STATUS,
                lead_id,
                at,
                program.id,
                program.name,
                {
                    "New Status": status_name,
                    "Old Status": former,
                    "Reason": API_SOURCE,
                    "Success": program.members[lead_id].reached_success,
                },
            )

    def plan_program_status(self, program: Program, lead_id: Any, status_name: str) -> str:
        """Say what a status change would do for one lead.

        Raises:
            RowError: 1004 no such lead, 1025 or 1037 about the status.
        """
        if not isinstance(lead_id, int) or lead_id not in self.leads:
            raise RowError("1004", "Lead not found")
        return program.plan_status(lead_id, status_name)

    def _log_new_lead(self, lead_id: int, at: datetime) -> None:
        attributes = {"Source Type": API_SOURCE, "Created Date": format_time(at)[:10]}
        self.note(NEW_LEAD, lead_id, at, None, None, attributes)

    def _log_change(self, change: FieldChange, call: Call, request_id: str) -> None:
        definition = self.leads.schema.all[change.name]
        attributes = {
            "New Value": None if change.new is None else str(change.new),
            "Old Value": None if change.old is None else str(change.old),
            "Reason": "syncLead",
            "Source": API_SOURCE,
            "API Method Name": "syncLead",
            "Modifying User": call.client,
            "Request Id": request_id,
        }
        primary = (definition.id, definition.display_name)
        self.note(CHANGE_DATA_VALUE, change.lead_id, call.at, *primary, attributes)

    def _log_list(self, type_id: int, static_list: StaticList, lead_id: int, at: datetime) -> None:
        self.note(type_id, lead_id, at, static_list.id, static_list.name, {"Source": API_SOURCE})

    def note(  # noqa: PLR0917 - the members of one log entry, in its order
        self,
        type_id: int,
        lead_id: int,
        at: datetime,
        primary_id: int | None,
        primary: str | None,
        attributes: dict[str, Any],
    ) -> None:
        """Put an entry into the activity log."""
        shown = [{"name": name, "value": value} for name, value in attributes.items()]
        self.log.add(Activity(self.log.take_id(), lead_id, format_time(at), type_id, primary_id, primary, shown))
