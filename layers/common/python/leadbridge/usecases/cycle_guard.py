"""The guard of Syncs (`domain.mass_guard`) in a cycle: what its plans would change of linked records is counted.

Before a kind of records writes anything its changes and emptied values are held against the people that are linked, or
the Accounts, Opportunities and roles that there are, leg by leg. Of what is written without being read, as
opportunities are, it is known what was written last. A first meeting of two records is none of them: nothing was in
step that could be damaged, and a first run consists of such. Deletions are counted where they are decided.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from leadbridge.cycle_ports import Link, Links
from leadbridge.domain.cycle_people import CONTACT, CONTACTS_UPDATED, LEAD, LEADS_UPDATED, PEOPLE_UPDATED, PREFIXES
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.evolving import replace
from leadbridge.domain.mass_guard import Tally, enough, exceeded
from leadbridge.domain.planned import Planned
from leadbridge.domain.sync import Guard
from leadbridge.domain.values import blank

#: what a person says yes to
DELETIONS, CHANGES = "deletions", "changes"
#: by leg how ids of the Salesforce records begin that are linked to what it writes
_LINKED: Mapping[str, tuple[str, ...]] = {
    LEADS_UPDATED: (PREFIXES[LEAD],),
    CONTACTS_UPDATED: (PREFIXES[CONTACT],),
    PEOPLE_UPDATED: (PREFIXES[LEAD], PREFIXES[CONTACT]),
}

#: how many records there are of those that a leg writes; no more need be counted than are asked about
type Records = Callable[[str, int | None], int]


class GuardedError(Exception):
    """More would be done than the guard lets through, and nobody has said yes; nothing was done."""

    def __init__(self, told: str) -> None:
        """`told`: what would be done, with each number and its limit."""
        super().__init__(told)
        self.told = told


def check_deletions(guard: Guard, run: CycleRun, kind: str, deletes: int) -> None:
    """Let through what is meant.

    Raises:
        GuardedError: It is too much.
    """
    told = exceeded(guard, Tally(deletes=deletes), 0)
    if told and what(kind, DELETIONS) not in run.confirmed:
        raise GuardedError(told)


def what(kind: str, of: str) -> str:
    """What a person says yes to, as it is kept."""
    return f"{kind} {of}"


@dataclass(slots=True)
class Damage:
    """What plans would do to records that are linked, by leg."""

    #: the digest of a blank value, by which fields are known that were not read
    nothing: str
    tallies: dict[str, Tally] = field(default_factory=dict)

    def add(self, leg: str, planned: Planned) -> None:
        """A write to a record that was in step before."""
        if planned.does == "update":
            self.tallies[leg] = self.tallies.get(leg, Tally()) + Tally(
                changed=1, blanked=len([*self._emptied(planned)])
            )

    def add_unread(self, leg: str, written: Mapping[str, Any], held: Mapping[str, str]) -> None:
        """A write to a record that nobody reads; `held` are the digests of what its fields were given last."""
        emptied = [
            name for name, value in written.items() if blank(value) and held.get(name, self.nothing) != self.nothing
        ]
        self.tallies[leg] = self.tallies.get(leg, Tally()) + Tally(changed=1, blanked=len(emptied))

    def _emptied(self, planned: Planned) -> Iterator[str]:
        for name, value in planned.after.items():
            held = planned.known[name] != self.nothing if name in planned.known else not blank(planned.before.get(name))
            if blank(value) and held:
                yield name


def noted(run: CycleRun, tallies: Mapping[str, Tally]) -> CycleRun:
    """The run with what plans would do beside what it knew already."""
    changed, blanked = dict(run.changed), dict(run.blanked)
    for leg, tally in tallies.items():
        changed[leg] = changed.get(leg, 0) + tally.changed
        blanked[leg] = blanked.get(leg, 0) + tally.blanked
    return replace(run, changed=changed, blanked=blanked)


def too_much(guard: Guard, run: CycleRun, kind: str, legs: Iterable[str], records: Records) -> str:
    """What the plans of a kind of records would do that nobody has said yes to; empty if they may.

    Records are counted only where they decide.
    """
    if what(kind, CHANGES) in run.confirmed:
        return ""
    found = []
    for leg in legs:
        tally = Tally(changed=run.changed.get(leg, 0), blanked=run.blanked.get(leg, 0))
        if exceeded(guard, tally, 0):
            told = exceeded(guard, tally, records(leg, enough(guard, tally)))
            found += [f"{told} by {leg}"] if told else []
    return ", ".join(found)


def linked_people(links: Links, leg: str, most: int | None) -> int:
    """How many people are linked to records that a leg writes."""
    count, mark, prefixes = 0, "", _LINKED[leg]
    while True:
        page, mark = links.listed(mark)
        count += sum(_counts(link, prefixes) for link in page)
        if not mark or (most is not None and count >= most):
            return count


def _counts(link: Link, prefixes: Collection[str]) -> bool:
    return link.salesforce_id[:3] in prefixes and not link.moved_to and not link.parted
