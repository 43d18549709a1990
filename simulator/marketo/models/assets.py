"""Folders, channels and tag types: what programs and lists are filed under and described with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.marketo.exceptions import MarketoError
from simulator.marketo.schema import DEFAULT_STATUSES

ROOT_ID = 1
CHANNEL_TYPES: Mapping[str, str] = {
    # type of a program: type of the channels that it takes
    "Default": "program",
    "Event": "event",
    "Event with Webinar": "webinar",
    "Engagement": "nurture",
    "Email": "email",
}
_CHANNELS = [
    ("Online Event", "event"),
    ("Content", "program"),
    ("Webinar", "webinar"),
    ("Nurture", "nurture"),
    ("Email Send", "email"),
]

type Place = tuple[int, str]
"""Id and type of a parent: `Folder` or `Program`."""


@dataclass(slots=True)
class Folder:
    """One folder of the marketing activities; the root has no parent."""

    id: int
    name: str
    parent: Place | None
    created_at: str
    updated_at: str
    description: str = ""
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel with the steps that members of its programs go through."""

    id: int
    name: str
    type: str
    created_at: str
    statuses: list[dict[str, Any]] = field(default_factory=lambda: DEFAULT_STATUSES)


@dataclass(frozen=True, slots=True)
class TagType:
    """One kind of tag, the values it may have, and whether every program needs one."""

    name: str
    values: list[str]
    required: bool = False


class Assets:
    """Every folder, channel and tag type of the instance."""

    def __init__(self, now: str) -> None:
        root = Folder(ROOT_ID, "Marketing Activities", None, now, now)
        self.folders: dict[int, Folder] = {ROOT_ID: root}
        self.channels = {
            name: Channel(number, name, kind, now) for number, (name, kind) in enumerate(_CHANNELS, start=1)
        }
        self.tag_types = {
            "Region": TagType("Region", ["AMER", "APAC", "EMEA"]),
            "Business Unit": TagType("Business Unit", ["Hardware", "Services", "Software"]),
        }

    def learn_channel(self, name: str, kind: str, now: str, statuses: list[dict[str, Any]]) -> None:
        """Add a channel that a loaded program names, unless it is known."""
        made = Channel(len(self.channels) + 1, name, CHANNEL_TYPES.get(kind, "program"), now, statuses)
        self.channels.setdefault(name, made)

    def channel_for(self, name: str, program_type: str) -> Channel:
        """Give the channel of a new program.

        Raises:
            MarketoError: 709, there is none, or it is for programs of another type.
        """
        channel = self.channels.get(name)
        if channel is None or channel.type != CHANNEL_TYPES[program_type]:
            raise MarketoError("709", f"Channel '{name}' is not applicable to programs of the type '{program_type}'")
        return channel

    def check_tags(self, tags: Mapping[str, str]) -> None:
        """Refuse tags of an unknown type or value, and the lack of a required one.

        Raises:
            MarketoError: 709.
        """
        for name, value in tags.items():
            if name not in self.tag_types or value not in self.tag_types[name].values:
                raise MarketoError("709", f"Tag '{name}' with the value '{value}' is not allowed")
        for each in self.tag_types.values():
            if each.required and each.name not in tags:
                raise MarketoError("709", f"Tag '{each.name}' is required")

    def below(self, parent: Place, depth: int) -> Iterator[Folder]:
        """Give the folders within a folder or program, down to a depth."""
        for each in self.folders.values():
            if each.parent == parent:
                yield each
                if depth > 1:
                    yield from self.below((each.id, "Folder"), depth - 1)

    def path_of(self, place: Place, program_names: Mapping[int, str]) -> str:
        """Give the path of a folder or program, from the root on."""
        place_id, kind = place
        if kind == "Program":
            return f"/Marketing Activities/Default/{program_names.get(place_id, '')}"
        folder = self.folders[place_id]
        if folder.parent is None:
            return "/Marketing Activities"
        return f"{self.path_of(folder.parent, program_names)}/{folder.name}"
