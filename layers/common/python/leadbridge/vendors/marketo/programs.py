"""Programs with their channels, tags and tokens, and the membership of leads in them.

Source: Marketo REST API, "Programs", "Channels", "Tags", "Tokens" (assets) and "Program Members" (lead database).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.marketo import (
    Channel,
    Cost,
    Folder,
    ObjectType,
    Program,
    ProgramMember,
    Tag,
    TagType,
    Token,
)
from leadbridge.domain.records import Row, RowResult
from leadbridge.errors import ConfigurationError
from leadbridge.vendors.http.batches import chunks_of
from leadbridge.vendors.marketo import assets, endpoints
from leadbridge.vendors.marketo.answers import results
from leadbridge.vendors.marketo.api import Api, askable
from leadbridge.vendors.marketo.endpoints import Endpoint
from leadbridge.vendors.marketo.models import read
from leadbridge.vendors.marketo.values import timestamp

#: `updatedAt` of members: the longest time that one query may cover
LONGEST_MEMBER_WINDOW = timedelta(days=7)
_SECOND = timedelta(seconds=1)


class Programs:
    """The programs of an instance, their channels and tags, and their My Tokens."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def browse(
        self, *, changed_since: datetime | None = None, changed_until: datetime | None = None
    ) -> Iterator[Program]:
        """The programs changed in a time, both ends inclusive, or all; without tags and costs."""
        params = assets.changed(changed_since, changed_until)
        return self._api.records(Program, endpoints.PROGRAMS, params=params)

    def one(self, program_id: int) -> Program | None:
        """One program with tags and costs, None if there is none of that id."""
        return self._api.find(Program, endpoints.PROGRAM, parts={"program": program_id})

    def by_name(self, name: str) -> Program | None:
        """The program of a name with tags and costs, None if there is none; names with a comma are never found."""
        params = {"name": name, "includeTags": "true", "includeCosts": "true"}
        return self._api.find(Program, endpoints.PROGRAM_BY_NAME, params=params)

    def by_tag(self, tag: Tag) -> Iterator[Program]:
        """The programs with a tag, each once; Marketo orders them at random, so a page may miss one of another."""
        seen: set[int] = set()
        params = {"tagType": tag.tag_type, "tagValue": tag.tag_value}
        for program in self._api.records(Program, endpoints.PROGRAMS_BY_TAG, params=params):
            if program.id not in seen:
                seen.add(program.id)
                yield program

    def create(
        self,
        name: str,
        folder: Folder,
        *,
        program_type: str,
        channel: str,
        description: str | None = None,
        tags: Sequence[Tag] = (),
        costs: Sequence[Cost] = (),
    ) -> Program:
        """Make a program; channel and type are for good.

        Raises:
            ConfigurationError: The instance has no such channel or tag; nothing was sent.
        """
        self._check(channel, tags)
        body = {
            "name": name,
            "folder": assets.place(folder),
            "type": program_type,
            "channel": channel,
            "description": description,
            **_lists(tags, costs),
        }
        return self._changed(endpoints.CREATE_PROGRAM, body)

    def update(
        self,
        program_id: int,
        *,
        name: str | None = None,
        description: str | None = None,
        tags: Sequence[Tag] = (),
        costs: Sequence[Cost] = (),
        replace_costs: bool = False,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> Program:
        """Change a program; costs are added to those it has unless they replace them."""
        body = {
            "name": name,
            "description": description,
            "costsDestructiveUpdate": True if replace_costs else None,
            "startDate": start_date,
            "endDate": end_date,
            **_lists(tags, costs),
        }
        return self._changed(endpoints.UPDATE_PROGRAM, body, program_id)

    def clone(self, program_id: int, name: str, folder: Folder, *, description: str | None = None) -> Program:
        """Copy a program without its members; one program at a time (719)."""
        body = {"name": name, "folder": assets.place(folder), "description": description}
        return self._changed(endpoints.CLONE_PROGRAM, body, program_id)

    def delete(self, program_id: int) -> None:
        """Delete a program; one in use stays (709)."""
        self._api.send(endpoints.DELETE_PROGRAM, parts={"program": program_id})

    def channels(self) -> Iterator[Channel]:
        """The channels, each with the statuses that members of its programs may have."""
        return self._api.records(Channel, endpoints.CHANNELS)

    def channel(self, name: str) -> Channel | None:
        """The channel of a name, None if there is none."""
        return self._api.find(Channel, endpoints.CHANNEL_BY_NAME, params={"name": name})

    def tag_types(self) -> Iterator[TagType]:
        """The tag types without the values they allow."""
        return (_tag_type(row, endpoints.TAG_TYPES) for row in self._api.rows(endpoints.TAG_TYPES))

    def tag_type(self, name: str) -> TagType | None:
        """The tag type of a name with the values it allows, None if there is none."""
        endpoint = endpoints.TAG_TYPE_BY_NAME
        found = results(self._api.get(endpoint, params={"name": name}), endpoint.operation)
        return _tag_type(found[0], endpoint) if found else None

    # tokens

    def tokens(self, folder: Folder) -> list[Token]:
        """The My Tokens that a program or folder defines itself."""
        params = {"folderType": folder.type}
        found = self._api.rows(endpoints.TOKENS, parts={"folder": folder.number}, params=params)
        return [read(Token, each, endpoints.TOKENS.operation) for row in found for each in row["tokens"]]

    def set_token(self, folder: Folder, token: Token) -> None:
        """Make or change a My Token."""
        body = {"folderType": folder.type, "name": token.name, "type": token.type, "value": str(token.value)}
        self._api.send(endpoints.SET_TOKEN, parts={"folder": folder.number}, body=body)

    def delete_token(self, folder: Folder, token: Token) -> None:
        """Delete a My Token."""
        body = {"folderType": folder.type, "name": token.name, "type": token.type}
        self._api.send(endpoints.DELETE_TOKEN, parts={"folder": folder.number}, body=body)

    def _changed(self, endpoint: Endpoint, body: Mapping[str, Any], program_id: int | None = None) -> Program:
        parts = {} if program_id is None else {"program": program_id}
        return self._api.one(Program, endpoint, self._api.send(endpoint, parts=parts, body=body))

    def _check(self, channel: str, tags: Sequence[Tag]) -> None:
        findings = []
        if self.channel(channel) is None:
            findings.append(f"channel: this instance has no channel {channel}")
        for tag in tags:
            known = self.tag_type(tag.tag_type)
            if known is None:
                findings.append(f"tags: this instance has no tag type {tag.tag_type}")
            elif tag.tag_value not in known.allowable_values:
                findings.append(f"tags: {tag.tag_type} has no value {tag.tag_value}")
        if findings:
            raise ConfigurationError(findings)


class Members:
    """Who is in which program, with which status; a lead is in a program once."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def describe(self) -> ObjectType:
        """The fields of a membership, the instance's own among them."""
        endpoint = endpoints.DESCRIBE_MEMBERS
        return self._api.one(ObjectType, endpoint, self._api.get(endpoint))

    def by_filter(
        self, program_id: int, filter_type: str, values: Sequence[object], fields: Sequence[str] = ()
    ) -> Iterator[ProgramMember]:
        """The members of a program whose `filter_type` (leadId, statusName, a field of their own) has a value.

        Blank values and values with a comma find nothing.
        """
        for chunk in chunks_of(askable(map(_text, values)), endpoints.MEMBERS.rows):
            yield from self._members(program_id, {"filterType": filter_type, "filterValues": ",".join(chunk)}, fields)

    def changed_between(
        self, program_id: int, start: datetime, end: datetime, fields: Sequence[str] = ()
    ) -> Iterator[ProgramMember]:
        """The members of a program that changed from `start` to `end`, both inclusive; a week at a time is asked."""
        while start <= end:
            last = min(start + LONGEST_MEMBER_WINDOW, end)
            window = {"startAt": timestamp(start), "endAt": timestamp(last)}
            yield from self._members(program_id, {"filterType": "updatedAt", **window}, fields)
            start = last + _SECOND

    def set_status(self, program_id: int, status: str, lead_ids: Sequence[int]) -> list[RowResult]:
        """Make leads members with a status; one result per id, in order. Being there or further on is fine (1037)."""
        rows = [{"leadId": each} for each in lead_ids]
        head, parts = {"statusName": status}, {"program": program_id}
        return self._api.write(endpoints.SET_MEMBER_STATUS, rows, head=head, parts=parts)

    def update(self, program_id: int, rows: Sequence[Row]) -> list[RowResult]:
        """Write fields of members; each row carries `leadId`. One result per row, in order; none is made (1013)."""
        return self._api.write(endpoints.UPDATE_MEMBERS, rows, parts={"program": program_id})

    def delete(self, program_id: int, lead_ids: Sequence[int]) -> list[RowResult]:
        """Take leads out of a program; one result per id, in order. One that is not in is no failure (1037)."""
        rows = [{"leadId": each} for each in lead_ids]
        return self._api.write(endpoints.DELETE_MEMBERS, rows, parts={"program": program_id})

    def _members(self, program_id: int, params: Mapping[str, str], fields: Sequence[str]) -> Iterator[ProgramMember]:
        asked = {**params, "fields": ",".join(fields)} if fields else params
        for row in self._api.rows(endpoints.MEMBERS, parts={"program": program_id}, params=asked):
            own = {name: value for name, value in row.items() if name not in ("seq", "programId", "leadId")}
            yield ProgramMember(program_id=program_id, lead_id=int(row["leadId"]), fields=own)


def _lists(tags: Sequence[Tag], costs: Sequence[Cost]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if tags:
        found["tags"] = [{"tagType": each.tag_type, "tagValue": each.tag_value} for each in tags]
    if costs:
        found["costs"] = [
            {"startDate": each.start_date.isoformat(), "cost": each.cost}
            | ({} if each.note is None else {"note": each.note})
            for each in costs
        ]
    return found


def _tag_type(row: Mapping[str, Any], endpoint: Endpoint) -> TagType:
    """A tag type; Marketo writes the allowed values as one text in brackets."""
    values = row.get("allowableValues")
    if isinstance(values, str):
        values = [
            each.strip() for each in values.strip().removeprefix("[").removesuffix("]").split(",") if each.strip()
        ]
    return read(TagType, {**row, "allowableValues": values or []}, endpoint.operation)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
