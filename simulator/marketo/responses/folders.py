"""Folders and static lists as assets: browse, find, create, change, delete."""

from __future__ import annotations

from starlette.requests import Request

from simulator.control import Call
from simulator.marketo.exceptions import MarketoError
from simulator.marketo.models.assets import ROOT_ID, Folder, Place
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.memberships import StaticList
from simulator.marketo.responses.assets import (
    AssetHandler,
    asset_time,
    changed_in,
    check_place,
    found_asset,
    page,
    parent,
    text,
)
from simulator.marketo.responses.envelope import Payload, integers, parameter, path_id, required

DEFAULT_DEPTH = 2


class FolderResponses:
    """Handlers of folders and static lists below `/rest/asset/v1`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def rows(self) -> list[tuple[str, str, AssetHandler]]:
        """Give method, path and handler."""
        return [
            ("GET", "folders.json", self.folders),
            ("POST", "folders.json", self.create_folder),
            ("GET", "folder/byName.json", self.folder_by_name),
            ("GET", "folder/{asset_id}.json", self.folder),
            ("POST", "folder/{asset_id}.json", self.update_folder),
            ("GET", "folder/{asset_id}/content.json", self.content),
            ("POST", "folder/{asset_id}/delete.json", self.delete_folder),
            ("GET", "staticLists.json", self.lists),
            ("POST", "staticLists.json", self.create_list),
            ("GET", "staticList/byName.json", self.list_by_name),
            ("GET", "staticList/{asset_id}.json", self.list_by_id),
            ("POST", "staticList/{asset_id}.json", self.update_list),
            ("POST", "staticList/{asset_id}/delete.json", self.delete_list),
        ]

    # folders

    async def folders(self, _request: Request, call: Call) -> list[Payload]:
        """Browse the folders below a root, by default all of the marketing activities, two levels deep."""
        [depth] = integers(call, "maxDepth", 1) or [DEFAULT_DEPTH]
        root = (ROOT_ID, "Folder")
        given = parameter(call, "root")
        if given:
            root = parent(call, self._instance, "root")
        found = list(self._instance.assets.below(root, depth))
        if not given:
            found = [self._instance.assets.folders[ROOT_ID], *found]
        return [self._shown(each) for each in page(call, found)]

    async def folder(self, request: Request, call: Call) -> list[Payload]:
        """Read one folder; a program is a folder, too."""
        return [self._shown(self._folder(request, call))]

    async def folder_by_name(self, _request: Request, call: Call) -> list[Payload]:
        """Find folders by their name."""
        name = required(call, "name")
        return [self._shown(each) for each in self._instance.assets.folders.values() if each.name == name]

    async def create_folder(self, _request: Request, call: Call) -> list[Payload]:
        """Make a folder."""
        name, place = text(call, "name"), parent(call, self._instance, "parent")
        self._check_folder_name(name, place)
        now = self._instance.now_text()
        description = parameter(call, "description") or ""
        made = Folder(self._instance.memberships.take_id(), name, place, now, now, description)
        self._instance.assets.folders[made.id] = made
        return [self._shown(made)]

    async def update_folder(self, request: Request, call: Call) -> list[Payload]:
        """Change a folder's name, words and archive flag; a program is changed by its own calls."""
        folder = self._own_folder(request, call)
        if any(key == "name" for key, _ in call.query) and (name := text(call, "name")) != folder.name:
            self._check_folder_name(name, folder.parent)
            folder.name = name
        folder.description = parameter(call, "description") or folder.description
        if given := parameter(call, "isArchive"):
            folder.archived = given == "true"
        folder.updated_at = self._instance.now_text()
        return [self._shown(folder)]

    async def content(self, request: Request, call: Call) -> list[Payload]:
        """Give what a folder or program holds: folders, programs, lists and campaigns."""
        place = check_place(self._instance, path_id(request, "asset_id"), parameter(call, "type") or "Folder")
        return [{"id": asset_id, "type": kind} for asset_id, kind in page(call, self._within(place))]

    async def delete_folder(self, request: Request, call: Call) -> list[Payload]:
        """Delete an empty folder; a program is deleted by its own calls."""
        folder = self._own_folder(request, call)
        if folder.parent is None or self._within((folder.id, "Folder")):
            raise MarketoError("709", f"Folder '{folder.id}' is in use")
        del self._instance.assets.folders[folder.id]
        return [{"id": folder.id}]

    def _within(self, place: Place) -> list[tuple[int, str]]:
        instance = self._instance
        homes = (("Folder", each.id, each.parent) for each in instance.assets.folders.values())
        programs = (("Program", each.id, each.folder) for each in instance.memberships.programs.values())
        lists = (("Static List", each.id, each.folder) for each in instance.memberships.lists.values())
        campaigns = (
            ("Smart Campaign", each.id, (each.program_id, "Program") if each.program_id else (ROOT_ID, "Folder"))
            for each in instance.campaigns.campaigns.values()
        )
        return [
            (asset_id, kind)
            for every in (homes, programs, lists, campaigns)
            for kind, asset_id, home in every
            if home == place
        ]

    def _folder(self, request: Request, call: Call) -> Folder:
        folder_id, kind = path_id(request, "asset_id"), parameter(call, "type") or "Folder"
        if kind == "Program":
            program = found_asset(self._instance.memberships.programs.get(folder_id))
            return Folder(program.id, program.name, program.folder, program.created_at, program.updated_at)
        return found_asset(self._instance.assets.folders.get(folder_id))

    def _own_folder(self, request: Request, call: Call) -> Folder:
        folder = self._folder(request, call)
        if self._instance.assets.folders.get(folder.id) is not folder:
            raise MarketoError("711", "Incompatible Folder Type")
        return folder

    def _check_folder_name(self, name: str, place: Place | None) -> None:
        if any(each.name == name and each.parent == place for each in self._instance.assets.folders.values()):
            raise MarketoError("709", f"A folder with the name '{name}' already exists there")

    def _shown(self, folder: Folder) -> Payload:
        kind = "Folder" if self._instance.assets.folders.get(folder.id) is folder else "Program"
        names = {each.id: each.name for each in self._instance.memberships.programs.values()}
        shown: Payload = {
            "id": folder.id,
            "name": folder.name,
            "description": folder.description,
            "folderId": {"id": folder.id, "type": kind},
            "folderType": "Marketing Folder" if kind == "Folder" else "Marketing Program",
            "path": self._instance.assets.path_of((folder.id, kind), names),
            "isArchive": folder.archived,
            "isSystem": folder.parent is None,
            "accessZoneId": 1,
            "workspace": "Default",
            "url": f"https://app-example.marketo.com/#MF{folder.id}A1",
            "createdAt": asset_time(folder.created_at),
            "updatedAt": asset_time(folder.updated_at),
        }
        if folder.parent is not None:
            shown["parent"] = {"id": folder.parent[0], "type": folder.parent[1]}
        return shown

    # static lists

    async def lists(self, _request: Request, call: Call) -> list[Payload]:
        """Browse static lists by offset, optionally of a folder or by the time of their last change."""
        earliest, latest = changed_in(call)
        folder = parent(call, self._instance) if parameter(call, "folder") else None
        found = [
            each
            for each in self._instance.memberships.lists.values()
            if earliest <= each.updated_at <= latest and folder in {None, each.folder}
        ]
        return [_static_list(each) for each in page(call, found)]

    async def list_by_id(self, request: Request, _call: Call) -> list[Payload]:
        """Read one static list."""
        return [_static_list(self._list(request))]

    async def list_by_name(self, _request: Request, call: Call) -> list[Payload]:
        """Find static lists by their name."""
        name = required(call, "name")
        return [_static_list(each) for each in self._instance.memberships.lists.values() if each.name == name]

    async def create_list(self, _request: Request, call: Call) -> list[Payload]:
        """Make a static list in a folder or program."""
        name, folder = text(call, "name"), parent(call, self._instance)
        self._check_list_name(name, folder)
        now, memberships = self._instance.now_text(), self._instance.memberships
        program = memberships.programs[folder[0]].name if folder[1] == "Program" else None
        made = StaticList(memberships.take_id(), name, now, now, parameter(call, "description"), program, folder)
        self._instance.control.commit(call, lambda: memberships.lists.update({made.id: made}))
        call.record_keys.append(str(made.id))
        return [_static_list(made)]

    async def update_list(self, request: Request, call: Call) -> list[Payload]:
        """Change a static list's name and words."""
        found = self._list(request)
        name = text(call, "name") if any(key == "name" for key, _ in call.query) else found.name
        if name != found.name:
            self._check_list_name(name, found.folder)
        now = self._instance.now_text()

        def change() -> None:
            found.name, found.updated_at = name, now
            found.description = parameter(call, "description") or found.description

        self._instance.control.commit(call, change)
        call.record_keys.append(str(found.id))
        return [_static_list(found)]

    async def delete_list(self, request: Request, call: Call) -> list[Payload]:
        """Delete a static list, unless an import into it is under way."""
        found = self._list(request)
        if self._instance.imports.fills(found.id):
            raise MarketoError("709", f"List '{found.id}' is in use")
        lists = self._instance.memberships.lists
        self._instance.control.commit(call, lambda: lists.pop(found.id, None))
        call.record_keys.append(str(found.id))
        return [{"id": found.id}]

    def _list(self, request: Request) -> StaticList:
        return found_asset(self._instance.memberships.lists.get(path_id(request, "asset_id")))

    def _check_list_name(self, name: str, folder: Place) -> None:
        if any(each.name == name and each.folder == folder for each in self._instance.memberships.lists.values()):
            raise MarketoError("709", f"A static list with the name '{name}' already exists there")


def _static_list(each: StaticList) -> Payload:
    return {
        "id": each.id,
        "name": each.name,
        "description": each.description or "",
        "folder": {"id": each.folder[0], "type": each.folder[1]},
        "workspace": "Default",
        "computedUrl": f"https://app-example.marketo.com/#ST{each.id}A1",
        "url": f"https://app-example.marketo.com/#ST{each.id}A1",
        "createdAt": asset_time(each.created_at),
        "updatedAt": asset_time(each.updated_at),
    }
