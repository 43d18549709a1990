"""What Marketo's log tells a cycle that it knows already: its own writes, and edits that it has carried over. Pure.

The log is read further back than a cycle goes on from, since entries are shown late, and holds what the cycle itself
has written. An entry tells nothing new if each of its values is what is remembered of the person's field. A later value
that the log does not show yet comes with an entry of its own.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from leadbridge.domain.cycle_link import Link
from leadbridge.domain.linked import Digest, canonical
from leadbridge.domain.marketo import SCORED, ChangedField, LeadChange
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.three_way import Memory, Side

#: of entries with changed values; others are of new people, or of changed scores
CHANGED = 13

#: gives the links of people by their ids; those that have none are missing
type LinksOf = Callable[[Collection[str]], Mapping[str, Link]]


def told_anew(
    changes: Iterable[LeadChange], links_of: LinksOf, fields: Mapping[str, FieldDescription], digest: Digest
) -> frozenset[int]:
    """The people of whom entries tell something that is not remembered; `fields` are Marketo's, as described."""
    known = [*changes]
    if not known:
        return frozenset()
    links = links_of(sorted({str(each.lead_id) for each in known}))
    told = _Told(fields, digest)
    return frozenset(each.lead_id for each in known if not told.before(each, links.get(str(each.lead_id))))


class _Told:
    def __init__(self, fields: Mapping[str, FieldDescription], digest: Digest) -> None:
        self._fields = fields
        self._digest = digest

    def before(self, change: LeadChange, link: Link | None) -> bool:
        """Whether an entry tells nothing new."""
        if link is None or link.moved_to or link.parted:
            return False
        if change.activity_type_id not in {CHANGED, SCORED} or not change.fields:
            return False
        return all(self._is_known(each, link.memory) for each in change.fields)

    def _is_known(self, changed: ChangedField, memory: Mapping[str, Memory]) -> bool:
        described = self._fields.get(changed.name)
        pairs = [each for name, each in memory.items() if name.partition("=")[0] == changed.name]
        if described is None or not pairs:
            return False
        held = self._digest(canonical(changed.new_value, described))
        return all(each.marketo == held and not _awaited(each) for each in pairs)


def _awaited(memory: Memory) -> bool:
    """Whether Marketo is yet to be seen with what we wrote: what is edited behind that is no answer to our write."""
    written = memory.written
    return written is not None and written.side is Side.MARKETO and not written.shown
