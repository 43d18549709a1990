"""Two linked records, one of each system, merged field by field: what each is to take over from the other.

The values of a record are compared in the form in which its field keeps them, so that 5 and "5.0" of a number field, or
an address in other capitals, are no edits. Of the values nothing is remembered but keyed digests.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from leadbridge.domain.pipeline import unmapped
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.sources import FAILURES, LEFT_ALONE, CompiledSource, Inputs
from leadbridge.domain.three_way import SIDES, FieldPolicy, Memory, Merged, Seen, Side, merge
from leadbridge.domain.values import ID_TYPES, TEXT_TYPES, WrongTypeError, blank, coerce, normalised, text

#: gives the digest of a canonical text; keyed, so that nobody can look values up in what is remembered
Digest = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedField:
    """One pair of fields, ready: how each side's value becomes the other's."""

    name: str
    policy: FieldPolicy
    fields: Mapping[Side, FieldDescription]
    #: by the side whose value is taken over; a side that is never taken over has none
    taken: Mapping[Side, CompiledSource]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A record as it was read, with the moment of its last change where the vendor tells it."""

    values: Mapping[str, Any]
    edited_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """What is to be written to two linked records, and what is remembered of each field once it is."""

    #: by side the fields that it takes, with their values
    writes: Mapping[Side, Mapping[str, Any]]
    memory: Mapping[str, Memory]
    #: by field what was decided, other than that nothing is to do
    told: Mapping[str, Merged] = field(default_factory=dict)
    #: by field why its value cannot be taken over: a sentence without the value
    failed: Mapping[str, str] = field(default_factory=dict)

    def keeping(self, memory: Mapping[str, Memory], names: Collection[str]) -> "Pair":
        """The same, with what is remembered of fields that were not looked at."""
        return replace(self, memory={**{name: memory[name] for name in names if name in memory}, **self.memory})


def canonical(value: Any, described: FieldDescription) -> str:
    """The text that stands for a value as its field keeps it; two values that mean the same to it share it.

    "No" and a blank are one to a yes/no field: Marketo keeps both, Salesforce only the first.
    """
    if blank(value):
        return ""
    if described.type == "email":
        return normalised(value)
    if described.type in TEXT_TYPES - ID_TYPES:
        return text(value).strip()
    try:
        kept = coerce(value, described)
        return "" if described.type == "boolean" and kept is False else json.dumps(kept)
    except WrongTypeError:
        # as it stands: the field cannot hold it, so it equals nothing that the field holds
        return text(value).strip()


def merge_pair(
    fields: Sequence[LinkedField],
    found: Mapping[Side, Found],
    memory: Mapping[str, Memory],
    now: datetime,
    digest: Digest,
    *,
    made_of: Side | None = None,
) -> Pair:
    """Merge two linked records.

    `found` holds the sides that were read, `memory` what is remembered by the names of fields; a field without memory
    (new in the configuration, or shown again) meets for the first time, for which both sides must have been read.
    A field whose value cannot be taken over keeps its memory, so that it is looked at again. `made_of`: the other side
    has no record yet, and gets one of this side's, whose blanks give defaults as well.

    Raises:
        ValueError: A field meets for the first time, and one side was not read.
    """
    writes: dict[Side, dict[str, Any]] = {side: {} for side in SIDES}
    inputs = {side: Inputs(columns=record.values, at=now) for side, record in found.items()}
    opted_out = digest(YES)
    remembered, told, failed = dict[str, Memory](), dict[str, Merged](), dict[str, str]()
    for each in fields:
        seen, values = dict[Side, Seen](), dict[Side, Any]()
        wrong = ""
        for side, record in found.items():
            value, wrong = _arriving(each.taken.get(side), inputs[side])
            if wrong:
                break
            values[side] = value
            seen[side] = _seen(each, side, record, value, digest, meets=each.name not in memory and side is not made_of)
        if wrong:
            failed[each.name] = wrong
            if each.name in memory:
                remembered[each.name] = memory[each.name]
            continue
        decided = merge(each.policy, seen, memory.get(each.name), now, opted_out=opted_out)
        remembered[each.name] = decided.memory
        if decided.what is not Merged.SETTLED:
            told[each.name] = decided.what
        if decided.write:
            target = each.fields[decided.write].name
            writes[decided.write][target] = True if decided.opt_out else values[decided.write.other]
    return Pair(writes, remembered, told, failed)


#: the canonical form of a yes/no field that says yes
YES = "true"


def _arriving(source: CompiledSource | None, inputs: Inputs) -> tuple[Any, str]:
    """What the other side would take over, or why it cannot."""
    if source is None:
        return LEFT_ALONE, ""
    try:
        return source.value(inputs), ""
    except FAILURES as failure:
        return LEFT_ALONE, unmapped(source, failure).message


def _seen(each: LinkedField, side: Side, record: Found, value: Any, digest: Digest, *, meets: bool) -> Seen:
    held = record.values.get(each.fields[side].name)
    own = canonical(held, each.fields[side])
    # whoever meets another record for the first time has emptied nothing that could be given a default
    nothing = value is LEFT_ALONE or blank(value) or (meets and blank(held))
    arrives = "" if nothing else canonical(value, each.fields[side.other])
    return Seen(
        digest=digest(own),
        arrives=digest(arrives),
        blank=nothing,
        opted_out=own == YES,
        edited_at=record.edited_at,
    )
