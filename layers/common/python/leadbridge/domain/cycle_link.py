"""That a record of Marketo and one of Salesforce are one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leadbridge.domain.three_way import Memory, Side, Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A Marketo record and a Salesforce record that are one, and what both held at the last look."""

    salesforce_id: str
    marketo_id: str
    #: by the name of the pair of fields
    memory: Mapping[str, Memory] = field(default_factory=dict)
    #: the Salesforce record in which this one lives on: it was merged, or converted
    moved_to: str = ""
    #: one of the two is gone and the other one stays by itself; why, by a code of `domain.fates.Parted`
    parted: str = ""


def person_of(link: Link | None) -> str:
    """The number of a Lead's or Contact's person in Marketo; empty if nobody is linked (any more)."""
    return link.marketo_id if link is not None and not (link.moved_to or link.parted) else ""


def link_line(link: Link) -> list[Any]:
    """A link as it is stored in a file."""
    memory = {name: _plain(each) for name, each in link.memory.items()}
    return [link.salesforce_id, link.marketo_id, memory, link.moved_to, link.parted]


def link_of_line(line: Sequence[Any]) -> Link:
    """A link as it was stored."""
    salesforce_id, marketo_id, memory, moved_to, parted = line
    return Link(
        salesforce_id=salesforce_id,
        marketo_id=marketo_id,
        memory={name: _memory(*each) for name, each in memory.items()},
        moved_to=moved_to,
        parted=parted,
    )


def _plain(memory: Memory) -> list[Any]:
    written = memory.written
    told = [written.side, written.at.isoformat(), written.before, written.answers, written.shown] if written else None
    return [memory.marketo, memory.salesforce, told]


def _memory(marketo: str, salesforce: str, told: Sequence[Any] | None) -> Memory:
    if told is None:
        return Memory(marketo, salesforce)
    side, at, before, answers, shown = told
    return Memory(marketo, salesforce, Written(Side(side), datetime.fromisoformat(at), before, answers, shown))
