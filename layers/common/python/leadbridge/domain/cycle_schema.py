"""What becomes of pairs of fields when a schema changes: put aside one by one, told once, caught up with later.

A field that is hidden, deleted, closed to us or changed to another kind of values puts its own pair aside, and nothing
else. A kind that changed is accepted by applying the document again. When a pair can be kept in step once more,
everything that was edited since it could last is read again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leadbridge.domain.cycle_fields import BoundFields
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.three_way import Side
from leadbridge.domain.values import family


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """A pair that is put aside: why, as a sentence, and when it was last known to work; None: it never did."""

    why: str
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What is known of the pairs of one kind of Salesforce record from the last look at both schemas."""

    #: of the document
    version: int
    checked_at: datetime
    #: by pair the kinds of values that Marketo's and Salesforce's field hold
    kinds: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    aside: Mapping[str, Aside] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The pairs that can be kept in step now."""

    bound: BoundFields
    schema: Schema
    #: sentences that were not told before
    warnings: tuple[str, ...] = ()
    #: everything that was edited since then is read again, on both sides; None: nothing more than usual
    read_again_from: datetime | None = None


def checked(
    bound: BoundFields,
    described: Mapping[Side, ObjectDescription],
    before: Schema | None,
    *,
    version: int,
    now: datetime,
) -> Checked:
    """Compare the pairs as the systems describe their fields now with what was known of them."""
    kinds = {
        each.name: (family(each.fields[Side.MARKETO]), family(each.fields[Side.SALESFORCE])) for each in bound.fields
    }
    known = before.kinds if before else {}
    # a document that was applied again means the fields as they are
    held = known if before and before.version == version else {}
    why = dict(bound.aside)
    for name, found in kinds.items():
        if name in held and held[name] != found:
            why[name] = _changed(name, held[name], found)
    was = before.aside if before else {}
    worked_at = before.checked_at if before else None
    aside = {
        name: Aside(why=said, since=was[name].since if name in was else worked_at if name in known else None)
        for name, said in why.items()
    }
    repaired = [each.since for name, each in was.items() if name in kinds and name not in aside]
    object_name = described[Side.SALESFORCE].name
    return Checked(
        bound=BoundFields(fields=tuple(each for each in bound.fields if each.name not in aside), aside=why),
        schema=Schema(
            version=version,
            checked_at=now,
            # of a pair that is aside the kinds are those it had while it worked
            kinds={**kinds, **{name: held[name] for name in aside if name in held}},
            aside=aside,
        ),
        warnings=tuple(
            f"{object_name}: {said}" for name, said in why.items() if name not in was or was[name].why != said
        ),
        read_again_from=min((since for since in repaired if since is not None), default=None),
    )


def _changed(name: str, held: tuple[str, str], found: tuple[str, str]) -> str:
    vendor, position = ("Marketo", 0) if held[0] != found[0] else ("Salesforce", 1)
    field_name = name.split("=")[position]
    return (
        f"{field_name} of {vendor} held {_WORDS.get(held[position], held[position])} and holds "
        f"{_WORDS.get(found[position], found[position])} now; change it back, or apply the document again if that is "
        "meant"
    )


_WORDS = {"text": "texts", "number": "numbers", "boolean": "yes or no", "date": "days", "datetime": "moments"}
