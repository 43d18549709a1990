"""The five pages of an Action, each with its members as they are saved.

An Action whose destination is Marketo has five, too: what it does, whom it means, what it writes, its conditions, and
how long its calls wait for each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from leadbridge.domain.action import Action, as_document

if TYPE_CHECKING:
    from leadbridge.domain.connector import AnyAction

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
CONNECTOR_TITLES = {
    1: "Identity and what is done",
    2: "Who is meant",
    3: "Values",
    4: "Conditions",
    5: "Waiting for each other",
}
#: pages of members of an Action whose destination is Marketo; every other one is identity, on the first page
CONNECTOR_PAGES: Mapping[str, int] = {
    "person": 2,
    "duplicate_record_rule": 2,
    "merge": 2,
    "deduplicate": 2,
    "mappings": 3,
    "tokens": 3,
    "time_zone": 3,
    "conditions": 4,
    "batch": 5,
}
FIRST = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: its number, its title, and its members as plain JSON values."""

    number: int
    title: str
    members: Mapping[str, Any]


def pages(action: "AnyAction") -> list[Page]:
    """The pages of an Action; each member of its document stands on exactly one."""
    to_salesforce = isinstance(action, Action)
    titles, place = (TITLES, PAGES) if to_salesforce else (CONNECTOR_TITLES, CONNECTOR_PAGES)
    elsewhere = SECOND if to_salesforce else FIRST
    members = as_document(action)
    return [
        Page(
            number=number,
            title=title,
            members={name: value for name, value in members.items() if place.get(name, elsewhere) == number},
        )
        for number, title in titles.items()
    ]
