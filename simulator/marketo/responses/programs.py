"""Programs, their channels and tags: browse, find, create, change, clone, approve, delete."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from starlette.requests import Request

from simulator.control import Call
from simulator.marketo.exceptions import MarketoError
from simulator.marketo.models.assets import CHANNEL_TYPES, Channel, TagType
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.memberships import Program
from simulator.marketo.responses.assets import (
    AssetHandler,
    asset_time,
    changed_in,
    found_asset,
    page,
    parent,
    text,
)
from simulator.marketo.responses.envelope import Payload, listed, parameter, path_id, required


class ProgramResponses:
    """Handlers of programs, channels and tag types below `/rest/asset/v1`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._cloning: set[int] = set()

    def rows(self) -> list[tuple[str, str, AssetHandler]]:
        """Give method, path and handler."""
        return [
            ("GET", "programs.json", self.programs),
            ("POST", "programs.json", self.create),
            ("GET", "program/byName.json", self.by_name),
            ("GET", "program/byTag.json", self.by_tag),
            ("GET", "program/{asset_id}.json", self.program),
            ("POST", "program/{asset_id}.json", self.update),
            ("POST", "program/{asset_id}/clone.json", self.clone),
            ("POST", "program/{asset_id}/approve.json", self.approve),
            ("POST", "program/{asset_id}/unapprove.json", self.unapprove),
            ("POST", "program/{asset_id}/delete.json", self.delete),
            ("GET", "channels.json", self.channels),
            ("GET", "channel/byName.json", self.channel_by_name),
            ("GET", "tagTypes.json", self.tag_types),
            ("GET", "tagType/byName.json", self.tag_type_by_name),
        ]

    # reading

    async def programs(self, _request: Request, call: Call) -> list[Payload]:
        """Browse programs by offset, optionally by a filter or by the time of their last change."""
        earliest, latest = changed_in(call)
        keeps = self._filter(call)
        found = [
            each
            for each in self._instance.memberships.programs.values()
            if earliest <= each.updated_at <= latest and keeps(each)
        ]
        return [self._shown(each) for each in page(call, found)]

    def _filter(self, call: Call) -> Any:
        status = parameter(call, "status")
        name, values = parameter(call, "filterType"), listed(call, "filterValues")
        if name is not None and name not in {"id", "programId", "folderId", "workspace"}:
            raise MarketoError("1003", f"Invalid value for filterType '{name}'")

        def keeps(program: Program) -> bool:
            keys = {"folderId": program.folder[0], "workspace": "Default"}
            fits = not values or name is None or str(keys.get(name, program.id)) in values
            return fits and status in {None, program.shown()["status"]}

        return keeps

    async def program(self, request: Request, _call: Call) -> list[Payload]:
        """Read one program with its tags and costs."""
        return [self._shown(self._program(request), "tags", "costs")]

    async def by_name(self, _request: Request, call: Call) -> list[Payload]:
        """Find a program by its name; one with a comma is never found."""
        name = required(call, "name")
        parts = [part for part in ("tags", "costs") if parameter(call, f"include{part.title()}") == "true"]
        programs = self._instance.memberships.programs.values()
        return [self._shown(each, *parts) for each in programs if each.name == name and "," not in name]

    async def by_tag(self, _request: Request, call: Call) -> list[Payload]:
        """Find programs by the value of a tag; their order means nothing, and pages may overlap."""
        name, value = required(call, "tagType"), required(call, "tagValue")
        found = [each for each in self._instance.memberships.programs.values() if each.tags.get(name) == value]
        self._instance.control.random.shuffle(found)
        return [self._shown(each, "tags") for each in page(call, found)]

    # writing

    async def create(self, _request: Request, call: Call) -> list[Payload]:
        """Make a program; its channel and type are for good."""
        name, kind, channel_name = (text(call, each) for each in ("name", "type", "channel"))
        folder = parent(call, self._instance)
        if kind not in CHANNEL_TYPES:
            raise MarketoError("1003", f"Invalid value for type '{kind}'")
        self._check_name(name)
        channel = self._instance.assets.channel_for(channel_name, kind)
        tags = _tags(call)
        self._instance.assets.check_tags(tags)
        now = self._instance.now_text()
        made = Program(
            self._instance.memberships.take_id(),
            name,
            kind,
            channel.name,
            now,
            now,
            channel.statuses,
            parameter(call, "description") or "",
            folder,
            tags,
            _costs(call),
        )
        return self._add(call, made)

    async def update(self, request: Request, call: Call) -> list[Payload]:
        """Change a program's name, words, tags, costs and dates; other members are refused."""
        program = self._program(request)
        for fixed in ("channel", "type", "folder"):
            if parameter(call, fixed) is not None:
                raise MarketoError("709", f"The {fixed} of a program cannot be changed")
        name, tags, costs = program.name, program.tags | _tags(call), _costs(call)
        if any(key == "name" for key, _ in call.query):
            name = text(call, "name")
        if name != program.name:
            self._check_name(name)
        self._instance.assets.check_tags(tags)
        if parameter(call, "costsDestructiveUpdate") != "true":
            costs = program.costs + costs
        now = self._instance.now_text()

        def change() -> None:
            program.name, program.tags, program.costs, program.updated_at = name, tags, costs, now
            program.description = parameter(call, "description") or program.description
            program.start_date = parameter(call, "startDate") or program.start_date
            program.end_date = parameter(call, "endDate") or program.end_date

        self._instance.control.commit(call, change)
        call.record_keys.append(str(program.id))
        return [self._shown(program, "tags", "costs")]

    async def clone(self, request: Request, call: Call) -> list[Payload]:
        """Copy a program without its members; two clones of one program at a time wait for a lock in vain."""
        program = self._program(request)
        name, folder = text(call, "name"), parent(call, self._instance)
        self._check_name(name)
        if program.id in self._cloning:
            raise MarketoError("719", "Lock wait timeout exception")
        self._cloning.add(program.id)
        try:
            await asyncio.sleep(self._instance.control.limit("race_window_seconds"))
        finally:
            self._cloning.discard(program.id)
        now = self._instance.now_text()
        made = replace(
            program,
            id=self._instance.memberships.take_id(),
            name=name,
            description=parameter(call, "description") or program.description,
            folder=folder,
            created_at=now,
            updated_at=now,
            tags=dict(program.tags),
            costs=list(program.costs),
            approved=False,
            members={},
        )
        return self._add(call, made)

    async def approve(self, request: Request, call: Call) -> list[Payload]:
        """Approve an e-mail program."""
        return self._approve(request, call, approved=True)

    async def unapprove(self, request: Request, call: Call) -> list[Payload]:
        """Take the approval of an e-mail program back."""
        return self._approve(request, call, approved=False)

    def _approve(self, request: Request, call: Call, *, approved: bool) -> list[Payload]:
        program = self._program(request)
        if program.type != "Email" or program.approved == approved:
            raise MarketoError("709", f"Program '{program.id}' cannot be {'' if approved else 'un'}approved")

        def change() -> None:
            program.approved = approved

        self._instance.control.commit(call, change)
        return [{"id": program.id}]

    async def delete(self, request: Request, call: Call) -> list[Payload]:
        """Delete a program; an active campaign or a list in it keeps it."""
        program = self._program(request)
        place, instance = (program.id, "Program"), self._instance
        used = any(each.folder == place for each in instance.memberships.lists.values()) or any(
            each.program_id == program.id and each.active for each in instance.campaigns.campaigns.values()
        )
        if used:
            raise MarketoError("709", f"Program '{program.id}' is in use")
        instance.control.commit(call, lambda: instance.memberships.programs.pop(program.id, None))
        call.record_keys.append(str(program.id))
        return [{"id": program.id}]

    def _add(self, call: Call, made: Program) -> list[Payload]:
        self._instance.control.commit(call, lambda: self._instance.memberships.programs.update({made.id: made}))
        call.record_keys.append(str(made.id))
        return [self._shown(made, "tags", "costs")]

    def _check_name(self, name: str) -> None:
        if any(each.name == name for each in self._instance.memberships.programs.values()):
            raise MarketoError("709", f"A program with the name '{name}' already exists")

    def _program(self, request: Request) -> Program:
        return found_asset(self._instance.memberships.programs.get(path_id(request, "asset_id")))

    def _shown(self, program: Program, *parts: str) -> Payload:
        place_id, kind = program.folder
        assets, programs = self._instance.assets, self._instance.memberships.programs
        name = assets.folders[place_id].name if kind == "Folder" else programs[place_id].name
        shown: Payload = program.shown() | {
            "url": f"https://app-example.marketo.com/#PG{program.id}A1",
            "folder": {"type": kind, "value": place_id, "folderName": name},
        }
        if "tags" in parts:
            shown["tags"] = [{"tagType": each, "tagValue": value} for each, value in program.tags.items()]
        if "costs" in parts:
            shown["costs"] = program.costs
        dates = {"startDate": program.start_date, "endDate": program.end_date}
        shown |= {key: value for key, value in dates.items() if value}
        return shown | {key: asset_time(str(shown[key])) for key in ("createdAt", "updatedAt")}

    # channels and tags

    async def channels(self, _request: Request, call: Call) -> list[Payload]:
        """Browse channels."""
        return [_channel(each) for each in page(call, list(self._instance.assets.channels.values()))]

    async def channel_by_name(self, _request: Request, call: Call) -> list[Payload]:
        """Find a channel by its name."""
        name = parameter(call, "name") or required(call, "Name")
        return [_channel(each) for each in self._instance.assets.channels.values() if each.name == name]

    async def tag_types(self, _request: Request, call: Call) -> list[Payload]:
        """Browse the types of tags, without their values."""
        return [_tag_type(each) for each in page(call, list(self._instance.assets.tag_types.values()))]

    async def tag_type_by_name(self, _request: Request, call: Call) -> list[Payload]:
        """Find a type of tags with the values that it allows."""
        found = self._instance.assets.tag_types.get(required(call, "name"))
        if found is None:
            return []
        return [_tag_type(found) | {"allowableValues": f"[{', '.join(found.values)}]"}]


def _channel(channel: Channel) -> Payload:
    return {
        "id": channel.id,
        "name": channel.name,
        "applicableProgramType": channel.type,
        "progressionStatuses": [{**each, "hidden": False} for each in channel.statuses],
        "createdAt": asset_time(channel.created_at),
        "updatedAt": asset_time(channel.created_at),
    }


def _tag_type(each: TagType) -> Payload:
    kinds = ", ".join(CHANNEL_TYPES.values())
    return {"tagType": each.name, "applicableProgramTypes": f"[{kinds}]", "required": each.required}


def _tags(call: Call) -> dict[str, str]:
    rows = _objects(call, "tags")
    return {str(each.get("tagType")): str(each.get("tagValue")) for each in rows}


def _costs(call: Call) -> list[Payload]:
    rows = _objects(call, "costs")
    for each in rows:
        if not isinstance(each.get("cost"), int) or not each.get("startDate"):
            raise MarketoError("1001", "Invalid value for 'costs'")
    return [{name: each[name] for name in ("startDate", "cost", "note") if name in each} for each in rows]


def _objects(call: Call, name: str) -> list[Payload]:
    """Give the objects in a JSON array (or a single one) of a form."""
    try:
        given = json.loads(parameter(call, name) or "[]")
    except ValueError as error:
        raise MarketoError("1001", f"Invalid value for '{name}'") from error
    rows = given if isinstance(given, list) else [given]
    if not all(isinstance(each, dict) for each in rows):
        raise MarketoError("1001", f"Invalid value for '{name}'")
    return rows
