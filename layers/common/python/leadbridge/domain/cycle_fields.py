"""The pairs of fields of a cycle bound to what both systems describe today.

Fields come and go at any time. A pair that cannot work is put aside alone, with a sentence that says why, and the rest
goes on; nothing that a system does not describe, or does not let be changed, is ever asked for or sent.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from leadbridge.domain.crm_cycle import CycleField
from leadbridge.domain.lead_values import lead_coercion
from leadbridge.domain.linked import LinkedField
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.sources import BlankPolicy, CompiledSource, ValueSource, compile_source
from leadbridge.domain.three_way import Conflict, Side
from leadbridge.domain.transforms import Place, Transform
from leadbridge.domain.values import TEXT_TYPES, coercion

#: names of fields that marketing keeps
_MARKETINGS = re.compile(r"score|interesting_?moment|acquisition|nurture|engagement|lifecycle|behavio", re.IGNORECASE)
_SYSTEMS = {Side.MARKETO: "Marketo", Side.SALESFORCE: "Salesforce"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundFields:
    """What can be kept in step, and why each of the other pairs cannot, by the pair's name."""

    fields: tuple[LinkedField, ...]
    aside: Mapping[str, str]


def bind_fields(pairs: Sequence[CycleField], described: Mapping[Side, ObjectDescription], zone: tzinfo) -> BoundFields:
    """Bind pairs of fields to an object of each system; `zone` is that in which days are meant."""
    fields, aside = list[LinkedField](), dict[str, str]()
    for pair in pairs:
        why = next(_wrong(pair, described), "")
        if why:
            aside[pair.pair] = why
        else:
            fields.append(_bound(pair, described, zone))
    return BoundFields(fields=tuple(fields), aside=aside)


def _wrong(pair: CycleField, described: Mapping[Side, ObjectDescription]) -> Iterator[str]:
    """Why a pair cannot be kept in step."""
    names = {Side.MARKETO: pair.marketo, Side.SALESFORCE: pair.salesforce}
    for side, name in names.items():
        field = described[side].fields.get(name)
        if field is None:
            yield (
                f"{_SYSTEMS[side]} has no field {name} of {described[side].name}, or hides it; "
                "show it again, or take the pair out"
            )
        elif pair.policy.from_side(side.other) and not (field.updateable or field.createable):
            yield (
                f"{name} of {_SYSTEMS[side]} cannot be changed; let the pair go to {_SYSTEMS[side.other]} only, "
                "or take it out"
            )


def _bound(pair: CycleField, described: Mapping[Side, ObjectDescription], zone: tzinfo) -> LinkedField:
    fields = {
        Side.MARKETO: described[Side.MARKETO].fields[pair.marketo],
        Side.SALESFORCE: described[Side.SALESFORCE].fields[pair.salesforce],
    }
    rules = {Side.MARKETO: pair.to_salesforce, Side.SALESFORCE: pair.to_marketo}
    taken = {
        side: _source(pair, fields[side], fields[side.other], rules[side], side, zone)
        for side in Side
        if pair.policy.from_side(side)
    }
    policy = pair.policy
    if pair.conflict is None and is_marketings(fields[Side.MARKETO]):
        policy = replace(policy, conflict=Conflict.MARKETO)
    return LinkedField(name=pair.pair, policy=policy, fields=fields, taken=taken)


def is_marketings(described: FieldDescription) -> bool:
    """Whether marketing keeps a field of Marketo: its value is right in a conflict, unless a pair says otherwise."""
    return described.type == "score" or _MARKETINGS.search(described.name) is not None


def _source(  # noqa: PLR0917  # one value for each thing that a way from field to field depends on
    pair: CycleField,
    own: FieldDescription,
    other: FieldDescription,
    rules: list[Transform] | None,
    side: Side,
    zone: tzinfo,
) -> CompiledSource:
    """How a side's value becomes the other's."""
    blanks: Mapping[str, BlankPolicy] = {"keep": "skip", "clear": "clear", "default": "default"}
    source = ValueSource(
        to=other.name, column=own.name, transforms=rules, blank=blanks[pair.blank], default=pair.default
    )
    coerce = lead_coercion(other, zone) if side is Side.SALESFORCE else coercion(other, zone)
    return compile_source(source, Place(zone=zone, length=other.length if other.type in TEXT_TYPES else None), coerce)
