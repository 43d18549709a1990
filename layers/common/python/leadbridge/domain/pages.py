"""The five pages of an Action, each with its members as they are saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadbridge.domain.action import Action, as_document

TITLES = {
    1: "Identity and both ends",
    2: "Identifiers, type, mappings and write-back",
    3: "Chained objects",
    4: "Conditions",
    5: "Results",
}
#: pages of members; every other one is what the Action does with a record, on the second page
PAGES: Mapping[str, int] = {
    "format": 1,
    "kind": 1,
    "id": 1,
    "name": 1,
    "description": 1,
    "source": 1,
    "destination": 1,
    "trial": 1,
    "inline": 1,
    "chained": 3,
    "conditions": 4,
    "results": 5,
}
SECOND = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: its number, its title, and its members as plain JSON values."""

    number: int
    title: str
    members: Mapping[str, Any]


def pages(action: Action) -> list[Page]:
    """The pages of an Action; each member of its document stands on exactly one."""
    members = as_document(action)
    return [
        Page(
            number=number,
            title=title,
            members={name: value for name, value in members.items() if PAGES.get(name, SECOND) == number},
        )
        for number, title in TITLES.items()
    ]
