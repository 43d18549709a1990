"""What Marketo says of the programs and static lists of a cycle: their columns, and what their members may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from leadbridge.domain.crm_cycle import MemberGroup
from leadbridge.domain.cycle_programs import TAG_PREFIX
from leadbridge.domain.members import NOT_IN
from leadbridge.domain.values import text
from leadbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from leadbridge.domain.marketo import Channel, Program

#: ids of lists and programs are counted by themselves, and stand in one field of Campaigns
_LIST = "list-"


class Programs(Protocol):
    """What is asked of a Marketo instance about them."""

    def program(self, named: str | int) -> "Program | None":
        """The program of a name or an id, None if there is none."""
        ...

    def channel(self, name: str) -> "Channel | None":
        """The channel of a name with the statuses of its programs' members, None if there is none."""
        ...

    def static_list(self, name: str) -> int | None:
        """The id of the static list of that name; None if there is none, or more than one."""
        ...

    def list_name(self, list_id: int) -> str | None:
        """The name of the static list of that id; None if there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A status that members of a Campaign may have; `success`: it counts as a response."""

    label: str
    success: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A program or list: its columns, and in which statuses its members are."""

    columns: Mapping[str, str]
    statuses: Sequence[Labelled]


def program_of(marketo: Programs, group: MemberGroup) -> Described:
    """What a group names, as it is today.

    Raises:
        ConfigurationError: Marketo has no such program or list, or not the program's channel.
    """
    if group.program is None:
        own = [Labelled(label=group.status, success=False)] if group.status else []
        number, name = _list_of(marketo, group.static_list or "")
        return Described(columns={"id": f"{_LIST}{number}", "name": name}, statuses=own)
    found = marketo.program(group.program)
    if found is None:
        raise ConfigurationError([f"Marketo has no program {group.program}; give its id"])
    channel = marketo.channel(found.channel)
    if channel is None:
        raise ConfigurationError([f"Marketo has no channel {found.channel}, which is the program's {found.name}"])
    labels = dict[str, Labelled]()
    for each in channel.progression_statuses:
        if each.name == NOT_IN:
            continue
        label = labelled(group, each.name)
        known = labels.get(label.casefold())
        # two statuses may be one in Salesforce
        success = each.success or (known is not None and known.success)
        labels[label.casefold()] = Labelled(label=known.label if known else label, success=success)
    return Described(columns=_columns(found), statuses=tuple(labels.values()))


def _list_of(marketo: Programs, named: str | int) -> tuple[int, str]:
    """The id and the name of a static list."""
    if isinstance(named, str):
        number = marketo.static_list(named)
        if number is None:
            raise ConfigurationError([f"Marketo has no static list {named}, or several; give its id"])
        return number, named
    name = marketo.list_name(named)
    if name is None:
        raise ConfigurationError([f"Marketo has no static list {named}; correct its id"])
    return named, name


def labelled(group: MemberGroup, status: str) -> str:
    """What a status of Marketo's is called in Salesforce; of a list's members it is the one that is said."""
    return group.statuses.get(status, status) if group.program is not None else group.status or ""


def _columns(program: "Program") -> dict[str, str]:
    found = {
        "id": program.id,
        "name": program.name,
        "description": program.description,
        "type": program.type,
        "channel": program.channel,
        "status": program.status,
        "workspace": program.workspace,
        "folder": program.folder.folder_name if program.folder else None,
        "url": program.url,
        "startDate": program.start_date,
        "endDate": program.end_date,
        "createdAt": program.created_at,
        "updatedAt": program.updated_at,
        "cost": sum(each.cost for each in program.costs) if program.costs else None,
        **{f"{TAG_PREFIX}{each.tag_type}": each.tag_value for each in program.tags},
    }
    return {name: "" if value is None else text(value) for name, value in found.items()}
