"""Which objects a Sync can read and write, in which ways, and why others not.

At Salesforce Describe decides. Marketo has no list of its companies, opportunities, roles and sales persons, and no
query over them: they are found by their keys only, so that nothing can enumerate them.

Source: Marketo REST API, "Lead Database", "Bulk Extract" and the pages of its objects.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """A Marketo object that can be enumerated: what its document needs, and how it is read."""

    #: the member of `source` that names what is read
    needs: str = ""
    ways: tuple[Literal["rest", "bulk"], ...] = ("rest", "bulk")
    #: whether what changed since a moment can be told
    incremental: bool = True


READABLE: Mapping[str, Readable] = {
    "leads": Readable(),
    # membership has no log of changes that could be read for one list
    "list_members": Readable(needs="static_list", incremental=False),
    # the file of an extract has all attributes in one cell
    "activities": Readable(needs="activity_types", ways=("rest",)),
    "program_members": Readable(needs="program", ways=("bulk",), incremental=False),
}
CUSTOM_OBJECT = Readable(ways=("bulk",))
#: members of a source that name what is read of an object
NEEDED_MEMBERS = ("static_list", "program", "activity_types")

_BY_KEY = "Marketo cannot list its {what}, they are found by their keys only; "
#: Marketo objects that cannot be read, and what to do
NOT_READABLE: Mapping[str, str] = {
    "companies": _BY_KEY.format(what="companies") + "read `leads`, whose company fields are columns",
    "opportunities": _BY_KEY.format(what="opportunities") + "read Salesforce, where they come from",
    "opportunity_roles": _BY_KEY.format(what="opportunity roles") + "read Salesforce, where they come from",
    "sales_persons": _BY_KEY.format(what="sales persons") + "take users from Salesforce, where they come from",
}
#: members of a destination by the objects that need them: people are put there, not made
MEMBERSHIPS: Mapping[str, str] = {"list_members": "static_list", "program_members": "program"}
#: the destination that is a connector Action: its calls are made of rows
ACTION = "action"
#: members that destinations need, by their objects
NEEDED_AT_DESTINATION: Mapping[str, str] = {**MEMBERSHIPS, ACTION: "action"}
#: how these are described as destinations: as sources they have other columns
AS_DESTINATION: Mapping[str, str] = {"list_members": "list_membership", "program_members": "program_membership"}
#: Marketo objects that a Sync writes, beside custom objects
WRITABLE = frozenset({"leads", "companies", "opportunities", "opportunity_roles", "sales_persons", *MEMBERSHIPS})
#: Marketo objects that it cannot write, and why
NOT_WRITABLE: Mapping[str, str] = {
    "activities": "an activity is written once and has no key by which it would be found again; log a custom activity "
    "with an Action",
}


def readable(object_name: str) -> Readable | str:
    """How a Marketo object is read, or why it is not."""
    return READABLE.get(object_name) or NOT_READABLE.get(object_name) or CUSTOM_OBJECT


def unwritable(object_name: str) -> str:
    """Why a Sync cannot write a Marketo object; empty if it can."""
    return NOT_WRITABLE.get(object_name, "")
