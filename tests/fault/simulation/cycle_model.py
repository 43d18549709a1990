"""A plain model of what a cycle of persons comes to: what both sides hold after it, by the policies of the fields.

Written from the words of the documentation, not from the product: values instead of digests, a dictionary instead of
tables, no partitions, plans or calls.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

type Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A pair of fields and its policy."""

    marketo: str
    salesforce: str
    direction: str = "both"
    conflict: str = "salesforce"
    clears: bool = False
    consent: bool = False

    @classmethod
    def of(cls, pair: Mapping[str, Any]) -> "Field":
        """A pair as a document says it."""
        return cls(
            pair["marketo"],
            pair["salesforce"],
            pair.get("direction", "both"),
            pair.get("conflict", "salesforce"),
            clears=pair.get("blank") == "clear",
            consent=pair["marketo"] == "unsubscribed",
        )


@dataclass(slots=True)
class Human:
    """A human being: what both systems hold of them, and since when; None: that system does not know them."""

    marketo: Values | None = None
    salesforce: Values | None = None
    marketo_at: datetime | None = None
    salesforce_at: datetime | None = None
    #: what both held when they last agreed, by the pair
    agreed: dict[Field, tuple[Any, Any]] | None = None


@dataclass(slots=True)
class Model:
    """All humans, by a name that only the test knows."""

    fields: Sequence[Field]
    humans: dict[str, Human] = field(default_factory=dict)

    def wanted(self, human: Human, hidden: Field | None = None) -> tuple[Values, Values]:
        """What is to be written to either side; of a pair that is hidden nothing."""
        to_marketo: Values = {}
        to_salesforce: Values = {}
        for pair in self.fields:
            if pair is hidden:
                continue
            marketo, salesforce = self._decided(pair, human)
            if not same(marketo, (human.marketo or {}).get(pair.marketo)):
                to_marketo[pair.marketo] = marketo
            if not same(salesforce, (human.salesforce or {}).get(pair.salesforce)):
                to_salesforce[pair.salesforce] = salesforce
        return to_marketo, to_salesforce

    def merged(self, winner: Human, loser: Human, first: str, at: datetime) -> tuple[Values, Values]:
        """What both sides hold of two people who were merged on the side `first`, which the other side follows.

        The winner keeps its values, and takes over what it lacks. A merge in Salesforce is made in Marketo as well; one
        in Marketo deletes the loser's record, from which nothing is taken. What the loser had said no to is said by the
        winner: what both sides held when they last agreed, and what the side says that was not merged yet.
        """
        marketo = _filled(winner.marketo, loser.marketo)
        salesforce = dict(winner.salesforce or {})
        if first == "salesforce":
            salesforce = _filled(winner.salesforce, loser.salesforce)
        left = loser.marketo if first == "salesforce" else loser.salesforce
        for pair in self.fields:
            said = (left or {}).get(pair.marketo if first == "salesforce" else pair.salesforce)
            if pair.consent and (said or any((loser.agreed or {}).get(pair, ()))):
                marketo[pair.marketo] = salesforce[pair.salesforce] = True
        human = Human(marketo, salesforce, at, winner.salesforce_at, winner.agreed)
        if first == "salesforce":
            human.salesforce_at = at
        return self._kept(human)

    def converted(self, human: Human) -> tuple[Values, Values]:
        """What both sides hold of somebody whose Lead became a Contact, which has some of its values.

        A pair of fields that both kinds of records have goes on: an edit of one side alone is not lost.
        """
        names = ("Email", "FirstName", "LastName", "Title")
        contact = {name: each for name, each in (human.salesforce or {}).items() if name in names and not empty(each)}
        known = {(pair.marketo, pair.salesforce): each for pair, each in (human.agreed or {}).items()}
        # a Contact that says nothing yet takes no opt-out back: the two meet in such a field
        fields = [pair for pair in self.fields if not pair.consent]
        agreed = {pair: known[each] for pair in fields if (each := (pair.marketo, pair.salesforce)) in known}
        return self._kept(Human(human.marketo, contact, human.marketo_at, human.salesforce_at, agreed))

    def _kept(self, human: Human) -> tuple[Values, Values]:
        to_marketo, to_salesforce = self.wanted(human)
        return {**(human.marketo or {}), **to_marketo}, {**(human.salesforce or {}), **to_salesforce}

    def settle(self, human: Human) -> None:
        """Both sides agree on what they hold."""
        marketo, salesforce = human.marketo or {}, human.salesforce or {}
        human.agreed = {pair: (marketo.get(pair.marketo), salesforce.get(pair.salesforce)) for pair in self.fields}

    def _decided(self, pair: Field, human: Human) -> tuple[Any, Any]:
        """What both sides are to hold of a pair."""
        marketo, salesforce = (human.marketo or {}).get(pair.marketo), (human.salesforce or {}).get(pair.salesforce)
        # a pair that was hidden when the two met meets once it is shown
        before = human.agreed.get(pair) if human.agreed is not None else None
        first = before is None
        edited = {
            "marketo": before is None or not same(marketo, before[0]),
            "salesforce": before is None or not same(salesforce, before[1]),
        }
        held = {"marketo": marketo, "salesforce": salesforce}
        if pair.consent and bool(marketo) is not bool(salesforce):
            no_longer = "salesforce" if marketo else "marketo"
            if (edited["marketo"] and edited["salesforce"]) or (edited[no_longer] and empty(held[no_longer])):
                return True, True
        may_empty = pair.clears and not first and not pair.consent
        speaking = [
            side
            for side in ("marketo", "salesforce")
            if edited[side]
            and pair.direction in {"both", f"to_{_other(side)}"}
            and (may_empty or not empty(held[side]))
        ]
        if not speaking or same(marketo, salesforce):
            return marketo, salesforce
        winner = speaking[0] if len(speaking) == 1 else self._right(pair, human, held)
        if winner is None:
            return marketo, salesforce
        return held[winner], held[winner]

    @staticmethod
    def _right(pair: Field, human: Human, held: Mapping[str, Any]) -> str | None:
        """Who is right where both edited."""
        if pair.conflict == "newest":
            newer = human.marketo_at and (human.salesforce_at is None or human.marketo_at > human.salesforce_at)
            return "marketo" if newer else "salesforce"
        if pair.conflict == "non_empty":
            return "marketo" if empty(held["salesforce"]) else "salesforce"
        return None if pair.conflict == "never" else pair.conflict


def _filled(winner: Values | None, loser: Values | None) -> Values:
    lacking = {name: each for name, each in (loser or {}).items() if empty((winner or {}).get(name))}
    return {**(winner or {}), **lacking}


def _other(side: str) -> str:
    return "salesforce" if side == "marketo" else "marketo"


def empty(value: Any) -> bool:
    """Whether a field holds nothing."""
    return value is None or (isinstance(value, str) and not value.strip())


def same(one: Any, other: Any) -> bool:
    """Whether two values mean the same: a blank and no, an address in other capitals."""
    if one is other:
        return True
    if isinstance(one, str) and "@" in one and isinstance(other, str):
        return one.strip().casefold() == other.strip().casefold()
    return (None if empty(one) or one is False else one) == (None if empty(other) or other is False else other)
