"""Static lists and programs with their members."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulator.marketo.exceptions import MarketoError, RowError
from simulator.marketo.models.assets import ROOT_ID, Place
from simulator.marketo.schema import DEFAULT_STATUSES, MAX_CREATED_MEMBER_FIELDS, STANDARD_MEMBER_FIELDS, FieldSchema

NOT_IN_PROGRAM = "Not in Program"
ENGAGEMENT = "Engagement"
CADENCES = ("norm", "pause")


@dataclass(slots=True)
class StaticList:
    """One static list and the ids of its members, in order of joining."""

    id: int
    name: str
    created_at: str
    updated_at: str
    description: str | None = None
    program_name: str | None = None
    folder: Place = (ROOT_ID, "Folder")
    members: dict[int, None] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """Give the list as Get Lists shows it."""
        shown: dict[str, Any] = {"id": self.id, "name": self.name, "workspaceName": "Default"}
        if self.description:
            shown["description"] = self.description
        if self.program_name:
            shown["programName"] = self.program_name
        return shown | {"createdAt": self.created_at, "updatedAt": self.updated_at}


@dataclass(frozen=True, slots=True)
class SmartList:
    """One smart list: whoever has one of these values in each of these fields, at the moment it is asked."""

    id: int
    name: str
    where: dict[str, list[Any]]

    def holds(self, values: dict[str, Any]) -> bool:
        """Say whether a lead with these values is in it; texts match in any case."""
        return all(_folded(values.get(name)) in map(_folded, allowed) for name, allowed in self.where.items())


@dataclass(slots=True)
class Member:
    """One lead's membership in a program."""

    program_id: int
    lead_id: int
    status: str
    reached_success: bool
    membership_date: str
    updated_at: str
    acquired_by: bool = False
    success_date: str | None = None
    # fields of the instance's own; of an engagement program also stream, cadence and whether all content was sent
    data: dict[str, Any] = field(default_factory=dict)

    def write(self, values: dict[str, Any], now: str) -> dict[str, Any]:
        """Write fields and give the former values of those that changed."""
        present = self.values()
        former = {name: present.get(name) for name, value in values.items() if present.get(name) != value}
        self.data |= {name: value for name, value in values.items() if name != "acquiredBy"}
        self.acquired_by = bool(values.get("acquiredBy", self.acquired_by))
        self.updated_at = now if former else self.updated_at
        return former

    def values(self) -> dict[str, Any]:
        """Give every field of the membership by REST name."""
        return {
            "leadId": self.lead_id,
            "programId": self.program_id,
            "statusName": self.status,
            "reachedSuccess": self.reached_success,
            "reachedSuccessDate": self.success_date,
            "acquiredBy": self.acquired_by,
            "isExhausted": False,
            "membershipDate": self.membership_date,
            "updatedAt": self.updated_at,
            **self.data,
        }

    def shown_to_lead(self) -> dict[str, Any]:
        """Give the membership in the words of the lead endpoints."""
        shown = {
            "progressionStatus": self.status,
            "reachedSuccess": self.reached_success,
            "acquiredBy": self.acquired_by,
            "isExhausted": self.data.get("isExhausted", False),
            "membershipDate": self.membership_date,
            "reachedSuccessDate": self.success_date,
            # only engagement programs have streams and cadences
            "stream": self.data.get("trackName"),
            "nurtureCadence": self.data.get("nurtureCadence"),
        }
        return {name: value for name, value in shown.items() if value is not None}


@dataclass(slots=True)
class Program:
    """One program, its channel's statuses and its members."""

    id: int
    name: str
    type: str
    channel: str
    created_at: str
    updated_at: str
    statuses: list[dict[str, Any]] = field(default_factory=lambda: DEFAULT_STATUSES)
    description: str = ""
    folder: Place = (ROOT_ID, "Folder")
    tags: dict[str, str] = field(default_factory=dict)
    costs: list[dict[str, Any]] = field(default_factory=list)
    start_date: str | None = None
    end_date: str | None = None
    approved: bool = False
    members: dict[int, Member] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """Give the program's own fields."""
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "type": self.type,
            "channel": self.channel,
            "status": self._shown_status(),
            "workspace": "Default",
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        }

    def _shown_status(self) -> str:
        # engagement programs are switched, e-mail programs are approved
        states = ("off", "on") if self.type == ENGAGEMENT else ("unlocked", "locked")
        return states[self.approved]

    def plan_status(self, lead_id: int, status_name: str) -> str:
        """Say whether a status would create or update a membership; a status never moves back.

        Raises:
            RowError: 1025 unknown status, 1037 already in or past it.
        """
        wanted = self._status(status_name)
        member = self.members.get(lead_id)
        if member is None:
            return "created"
        if not self.takes(lead_id, wanted["name"]):
            raise RowError("1037", "Lead already in or past this status")
        return "updated"

    def set_status(self, lead_id: int, status_name: str, now: str) -> str | None:
        """Write a planned status and give the former one."""
        success = bool(self._status(status_name)["success"])
        member = self.members.get(lead_id)
        if member is None:
            made = Member(self.id, lead_id, status_name, success, now, now, success_date=now if success else None)
            self.members[lead_id] = made
            return None
        former, member.status, member.updated_at = member.status, status_name, now
        if success and not member.reached_success:
            member.reached_success, member.success_date = True, now
        return former

    def check_status(self, status_name: str) -> None:
        """Refuse a status that the channel does not have.

        Raises:
            RowError: 1025.
        """
        self._status(status_name)

    def takes(self, lead_id: int, status_name: str) -> bool:
        """Say whether a status would change a lead's membership."""
        member = self.members.get(lead_id)
        return member is None or int(self._status(status_name)["step"]) > int(self._status(member.status)["step"])

    def hand_over(self, from_lead: int, to_lead: int) -> None:
        """Give one lead's membership to another; where both are members the later status stays."""
        former = self.members.pop(from_lead, None)
        if former is None:
            return
        present = self.members.get(to_lead)
        if present is None:
            former.lead_id = to_lead
            self.members[to_lead] = former
            return
        if int(self._status(former.status)["step"]) > int(self._status(present.status)["step"]):
            present.status, present.updated_at = former.status, former.updated_at
        present.reached_success = present.reached_success or former.reached_success
        present.acquired_by = present.acquired_by or former.acquired_by

    def _status(self, name: str) -> dict[str, Any]:
        for status in self.statuses:
            if status["name"] == name:
                return status
        raise RowError("1025", f"Program status '{name}' not found")


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class Memberships:
    """Every list and program of the instance."""

    def __init__(self, first_id: int) -> None:
        self.schema = FieldSchema(STANDARD_MEMBER_FIELDS, MAX_CREATED_MEMBER_FIELDS)
        self.lists: dict[int, StaticList] = {}
        self.smart_lists: dict[int, SmartList] = {}
        self.programs: dict[int, Program] = {}
        self.next_id = first_id

    def take_id(self) -> int:
        """Give the next id for a list or program."""
        self.next_id += 1
        return self.next_id - 1

    def list_of(self, list_id: int) -> StaticList:
        """Give a list.

        Raises:
            MarketoError: 1013, there is none.
        """
        if list_id not in self.lists:
            raise MarketoError("1013", f"List '{list_id}' not found")
        return self.lists[list_id]

    def program_of(self, program_id: int) -> Program:
        """Give a program.

        Raises:
            MarketoError: 1013, there is none.
        """
        if program_id not in self.programs:
            raise MarketoError("1013", f"Program '{program_id}' not found")
        return self.programs[program_id]
