"""Three-way merge of one field that both systems may edit: what each holds now, and what each held at the last look.

A side has edited a field if it holds something else than at the last look. An edit of one side is taken over by the
other. Edits of both sides that do not agree are a conflict, which the field's policy decides. What one side makes of a
value that we wrote there (an automation that rewrites it) is taken over by the other side once; if that side rewrites
it as well the field is *contested* and both keep what they have, so that writes end whatever the automations do.

Nothing here sees a value: sides are compared by digests of their values' canonical forms, which is also all that is
remembered of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

#: a value that differs from what we wrote, and came no later than this after it, is an answer to our write
ANSWER_TIME = timedelta(minutes=15)
#: how many answers to our writes are carried over before the field is contested
ANSWERS = 1


class Side(StrEnum):
    """One of the two systems."""

    MARKETO = "marketo"
    SALESFORCE = "salesforce"

    @property
    def other(self) -> "Side":
        """The opposite system."""
        return Side.SALESFORCE if self is Side.MARKETO else Side.MARKETO


#: going through an enumeration makes its members out anew each time
SIDES = tuple(Side)


class Direction(StrEnum):
    """Whose edits of a field are taken over."""

    BOTH = "both"
    TO_MARKETO = "to_marketo"
    TO_SALESFORCE = "to_salesforce"


class Conflict(StrEnum):
    """Who is right if both sides have edited a field since they last agreed."""

    SALESFORCE = "salesforce"
    MARKETO = "marketo"
    NEWEST = "newest"  # the later edit; Salesforce's if that cannot be told
    NON_EMPTY = "non_empty"  # the side that has a value; Salesforce's if both have
    NEVER = "never"  # both keep what they have


class Merged(StrEnum):
    """What was decided about a field."""

    SETTLED = "settled"  # nothing is to be written
    TAKEN_OVER = "taken_over"  # the edit of one side
    DECIDED = "decided"  # a conflict, by its policy
    LEFT = "conflict_left"  # a conflict that the policy leaves alone
    CONTESTED = "contested"  # both sides rewrite what is written to them


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldPolicy:
    """How a pair of fields is kept in step.

    `blanks`: whether an emptied field empties the other side's. `consent`: true says that the person opted out, which
    no conflict, no blank and no first meeting takes back.
    """

    direction: Direction = Direction.BOTH
    conflict: Conflict = Conflict.SALESFORCE
    blanks: bool = False
    consent: bool = False

    def from_side(self, side: Side) -> bool:
        """Whether edits of a side are taken over by the other."""
        if self.direction is Direction.BOTH:
            return True
        return side is (Side.SALESFORCE if self.direction is Direction.TO_MARKETO else Side.MARKETO)


class Seen(NamedTuple):
    """What a side holds as read: digests of the value, and of what the other side would hold if it took it over."""

    digest: str
    arrives: str
    blank: bool = False
    #: of a consent field: the person has opted out there
    opted_out: bool = False
    edited_at: datetime | None = None


class Written(NamedTuple):
    """Our last write to a field, while an answer to it may come."""

    side: Side
    at: datetime
    #: what the side held before
    before: str
    #: how many answers to our writes led to it
    answers: int = 0
    #: whether the side was read since, holding what we wrote
    shown: bool = False


class Memory(NamedTuple):
    """What both sides held at the last look."""

    marketo: str
    salesforce: str
    written: Written | None = None

    def of(self, side: Side) -> str:
        """What a side held."""
        return self.marketo if side is Side.MARKETO else self.salesforce


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """The decision about a field: which side is written, if any, and what is remembered once that is done.

    `opt_out`: what is written is the opt-out, rather than the other side's value.
    """

    what: Merged
    memory: Memory
    write: Side | None = None
    opt_out: bool = False


def merge(
    policy: FieldPolicy, seen: Mapping[Side, Seen], memory: Memory | None, now: datetime, *, opted_out: str = ""
) -> Merge:
    """Decide a field of two linked records.

    `seen` holds the sides that were read; one that was not has had no edit since `memory`. Without a memory (the
    records meet for the first time) both must be there. `opted_out` is the digest of a consent field that says so.

    Raises:
        ValueError: A side was neither read nor is it remembered.
    """
    return _Look(policy, seen, memory, now, opted_out).merge()


class _Look:
    """One field of two records, as it is looked at."""

    def __init__(
        self, policy: FieldPolicy, seen: Mapping[Side, Seen], memory: Memory | None, now: datetime, opted_out: str
    ) -> None:
        self._policy = policy
        self._seen = seen
        self._now = now
        self._opted_out = opted_out
        self._written = memory.written if memory else None
        self._first = memory is None
        self._holds: dict[Side, str] = {}
        self._edited: list[Side] = []
        for side in SIDES:
            if side in seen:
                self._holds[side] = seen[side].digest
                if memory is None or seen[side].digest != memory.of(side):
                    self._edited.append(side)
            elif memory is not None:
                self._holds[side] = memory.of(side)
            else:
                raise ValueError("records that meet for the first time are compared with both sides read")

    def merge(self) -> Merge:
        """The decision."""
        kept = self._opt_out() if self._policy.consent else None
        if kept:
            return kept
        speaking = [side for side in self._edited if self._speaks(side)]
        if not speaking or any(self._seen[side].arrives == self._holds[side.other] for side in speaking):
            return self._without_write(Merged.SETTLED)
        if len(speaking) == 1:
            return self._take_over(Merged.TAKEN_OVER, speaking[0])
        winner = self._winner()
        return self._take_over(Merged.DECIDED, winner) if winner else self._without_write(Merged.LEFT)

    def _speaks(self, side: Side) -> bool:
        # whoever meets the other for the first time has emptied nothing
        empties = self._policy.blanks and not self._policy.consent and not self._first
        return self._policy.from_side(side) and (empties or not self._seen[side].blank)

    def _without_write(self, what: Merged) -> Merge:
        written = None if what is Merged.CONTESTED else self._still_open()
        return Merge(what=what, memory=self._remembered(written, {}))

    def _remembered(self, written: Written | None, wrote: Mapping[Side, str]) -> Memory:
        holds = {**self._holds, **wrote}
        return Memory(holds[Side.MARKETO], holds[Side.SALESFORCE], written)

    def _still_open(self) -> Written | None:
        """Our last write, as far as an answer to it may still come; that the side shows it is noted."""
        written = self._written
        if written is None or written.side not in self._seen:
            return written
        return None if written.side in self._edited else written._replace(shown=True)

    def _winner(self) -> Side | None:
        marketo, salesforce = self._seen[Side.MARKETO], self._seen[Side.SALESFORCE]
        match self._policy.conflict:
            case Conflict.NEVER:
                return None
            case Conflict.MARKETO:
                return Side.MARKETO
            case Conflict.NEWEST:
                mine, theirs = marketo.edited_at, salesforce.edited_at
                return Side.MARKETO if mine and (theirs is None or mine > theirs) else Side.SALESFORCE
            case Conflict.NON_EMPTY:
                return Side.MARKETO if salesforce.blank else Side.SALESFORCE
        return Side.SALESFORCE

    def _take_over(self, what: Merged, winner: Side) -> Merge:
        """The other side takes the winner's value, unless the two would go on answering each other."""
        answers = self._answers(winner)
        # an automation does not opt a person in again
        if answers > (0 if self._policy.consent and not self._seen[winner].opted_out else ANSWERS):
            return self._without_write(Merged.CONTESTED)
        loser = winner.other
        written = Written(loser, self._now, self._holds[loser], answers)
        memory = self._remembered(written, {loser: self._seen[winner].arrives})
        return Merge(what=what, write=loser, memory=memory)

    def _answers(self, winner: Side) -> int:
        """How many writes of ours in a row were answered, with this edit; 0 if it is nobody's answer."""
        written, seen = self._written, self._seen[winner]
        if written is None or written.side is not winner:
            return 0
        late = seen.edited_at is not None and seen.edited_at > written.at + ANSWER_TIME
        # what came after the side was seen with our value is a person's edit, unless it puts back what was there
        return 0 if late or (written.shown and seen.digest != written.before) else written.answers + 1

    def _opt_out(self) -> Merge | None:
        """What an opt-out makes of the field, None if the common rules hold.

        An explicit "no" of one side alone is a person who opted in again, and is taken over. Where both sides were
        edited, or meet for the first time, or one of them was emptied, an opt-out of either stands.
        """
        out = [
            side
            for side in SIDES
            if (self._seen[side].opted_out if side in self._seen else self._holds[side] == self._opted_out)
        ]
        if len(out) != 1 or not self._policy.from_side(out[0]):
            return None
        other = out[0].other
        emptied = other in self._edited and self._seen[other].blank
        if not emptied and len(self._edited) < 2:
            return None
        answers = self._answers(other) if emptied else 0
        if answers > ANSWERS:
            return self._without_write(Merged.CONTESTED)
        written = Written(other, self._now, self._holds[other], answers)
        memory = self._remembered(written, {other: self._opted_out})
        return Merge(what=Merged.DECIDED, write=other, opt_out=True, memory=memory)
