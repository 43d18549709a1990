"""Which stage a person has: that of the Opportunity in which the Contact has the primary role; and on which track.

Of several an open one comes before a closed one, then the one whose stage was changed last, then the younger one. A
Contact without any keeps the stage that the person has. Who has won one is a customer, whatever else is open; who has
lost them all is on the other track.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadbridge.cycle_ports import CycleRecords, Links
from leadbridge.domain.belonging import yes
from leadbridge.domain.cycle_link import person_of
from leadbridge.domain.cycle_opportunities import (
    CLOSED,
    CONTACT_ROLE,
    IN,
    IS_PRIMARY,
    OPPORTUNITY,
    STAGED,
    WHOSE,
    WON,
)
from leadbridge.domain.ids import canonical
from leadbridge.domain.values import blank, text
from leadbridge.usecases.pair_people import Row

#: the first that one of a Contact's Opportunities is on
_TRACKS = ("won", "", "lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonStage:
    """The stage of a Contact's person; `role` is the primary role by which it was chosen."""

    role: str
    #: empty: nobody is linked yet
    person: str
    stage: str
    #: what the person has
    held: Any
    #: won or lost; empty while one is open, and none won
    track: str


class StagesOfPeople:
    """Finds the stages of Contacts, as few calls as batches."""

    def __init__(self, records: CycleRecords, links: Links, field: str) -> None:
        """`field` is Marketo's field of people; empty if there is none."""
        self._records = records
        self._links = links
        self._field = field

    def of_opportunities(self, opportunities: Sequence[Row]) -> tuple[list[PersonStage], list[str]]:
        """The stages of those who have the primary roles, and the ids of Opportunities in which nobody has."""
        ids = sorted({canonical(row["Id"]) for row in opportunities})
        primary = [row for row in self._roles(IN, ids) if _is_primary(row)]
        named = {canonical(row[IN]) for row in primary}
        return self.of_contacts({canonical(row[WHOSE]) for row in primary}), [each for each in ids if each not in named]

    def of_contacts(self, contacts: Collection[str]) -> list[PersonStage]:
        """The stages of Contacts; those without an Opportunity are missing."""
        roles = [row for row in self._roles(WHOSE, sorted(contacts)) if _is_primary(row)]
        wanted = sorted({canonical(row[IN]) for row in roles})
        found = self._records.salesforce(OPPORTUNITY, "Id", wanted) if wanted else ()
        deals = {canonical(row["Id"]): row for row in found}
        best = dict[str, tuple[tuple[bool, str, str], Row]]()
        tracks = dict[str, set[str]]()
        for role in roles:
            deal = deals.get(canonical(role[IN]))
            if deal is not None and not blank(deal.get("StageName")):
                contact, rank = canonical(role[WHOSE]), _rank(deal)
                tracks.setdefault(contact, set()).add(_track(deal))
                if contact not in best or best[contact][0] < rank:
                    best[contact] = (rank, {**deal, "role": canonical(role["Id"])})
        decided = {contact: next(each for each in _TRACKS if each in found) for contact, found in tracks.items()}
        return self._of_people({contact: deal for contact, (_, deal) in best.items()}, decided)

    def _of_people(self, deals: Mapping[str, Row], tracks: Mapping[str, str]) -> list[PersonStage]:
        links = self._links.of(deals)
        people = {contact: person for contact, link in links.items() if (person := person_of(link))}
        rows = self._records.people("id", sorted(people.values())) if people else ()
        held = {str(row["id"]): row.get(self._field) for row in rows}
        return [
            PersonStage(
                role=deal["role"],
                person=people.get(contact, ""),
                stage=text(deal["StageName"]),
                held=held.get(people.get(contact, "")),
                track=tracks[contact],
            )
            for contact, deal in sorted(deals.items())
            # one who is gone from Marketo is persons' matter
            if contact not in people or people[contact] in held
        ]

    def _roles(self, field: str, ids: Sequence[str]) -> Sequence[Row]:
        return self._records.salesforce(CONTACT_ROLE, field, ids) if ids else ()


def _is_primary(role: Row) -> bool:
    return yes(role.get(IS_PRIMARY.salesforce))


def _track(deal: Row) -> str:
    return "" if not yes(deal.get(CLOSED)) else "won" if yes(deal.get(WON)) else "lost"


def _rank(deal: Row) -> tuple[bool, str, str]:
    """The greater one is chosen; ids grow with time."""
    moment = text(deal.get(STAGED) or deal.get("CreatedDate") or "")
    return not yes(deal.get(CLOSED)), moment, canonical(deal["Id"])
