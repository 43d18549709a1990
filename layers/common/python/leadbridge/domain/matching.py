"""Matching: by what a person's record is looked for, and which of those that were found is meant.

Matches are records as the match query returns them; where they are of several objects, `attributes.type` says of
which, as Salesforce says it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadbridge.domain import action as documents
from leadbridge.domain.compiled import CONVERTED, CompiledAction
from leadbridge.domain.event import Result
from leadbridge.domain.outcome import Outcome, Reason, message
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.values import blank, coerce, normalised, text, valid_identifier

type Match = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One object and one of the person's identifiers, by which a record may be found in it."""

    object: str
    field: FieldDescription
    value: str  # trimmed
    key: str  # normalised
    guard: str

    def finds(self, match: Match) -> bool:
        """Whether this look is one by which the record was found."""
        held = match.get(self.field.name)
        return (
            type_of(match, self.object) == self.object and not blank(held) and match_key(held, self.field) == self.key
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The record that is meant."""

    object: str
    id: str


def match_key(value: Any, described: FieldDescription) -> str:
    """The form in which an identifier is compared with what the vendor returns: 007 and 7.0 are one number."""
    return normalised(coerce(value, described))


def type_of(match: Match, otherwise: str) -> str:
    """The object that a match is a record of."""
    attributes: Mapping[str, str] = match.get("attributes", {})
    return attributes.get("type", otherwise)


def looks_of(
    compiled: CompiledAction, columns: Mapping[str, Any], guard: Callable[[str, str, str], str]
) -> tuple[Look, ...] | Result:
    """How the person's record is looked for, in order; a Result where no identifier can be used.

    `guard` makes the key of an object, a field and a value.
    """
    action = compiled.action
    looks: list[Look] = []
    invalid: Result | None = None
    given = [columns.get(each.column) for each in action.identifiers]
    for name in action.objects:
        for place, field in compiled.targets[name].identifiers.items():
            value = given[place]
            if blank(value):
                continue
            if not valid_identifier(value, field):
                column = action.identifiers[place].column
                invalid = invalid or _skipped(Reason.IDENTIFIER_INVALID, field=column, type=field.type)
                continue
            key = match_key(value, field)
            looks.append(
                Look(object=name, field=field, value=text(value).strip(), key=key, guard=guard(name, field.name, key))
            )
    if looks:
        return tuple(looks)
    missing = ", ".join(dict.fromkeys(each.column for each in action.identifiers))
    return invalid or _skipped(Reason.IDENTIFIER_MISSING, field=missing)


def deciding(looks: Sequence[Look], matches: Sequence[Match]) -> tuple[Look, Sequence[Match]]:
    """The first look that found something, and what it found; the last one and nothing if none did."""
    if len(looks) == 1:
        return looks[0], matches
    for look in looks:
        found = [match for match in matches if look.finds(match)]
        if found:
            return look, found
    return looks[-1], ()


def choose(compiled: CompiledAction, look: Look, matches: Sequence[Match]) -> Chosen | None:
    """The one record that is meant among those that a look found; None if that cannot be told."""
    target = compiled.target_of(look.object)
    # several Leads that were converted to one Contact are one match
    records = {followed(match, look.object, compiled): match for match in reversed(matches)}
    if len(records) == 1:
        return next(iter(records))
    by_id = sorted(records, key=lambda chosen: chosen.id)
    best = best_of(compiled.action.duplicate_record_rule, target.order, [records[chosen] for chosen in by_id])
    return None if best is None else followed(best, look.object, compiled)


def followed(match: Match, object_name: str, compiled: CompiledAction) -> Chosen:
    """The record that a match stands for: that of a converted Lead is its Contact, where the Action looks there."""
    own = type_of(match, object_name)
    contact = match.get(CONVERTED) if own == "Lead" and "Contact" in compiled.targets else None
    return Chosen(object="Contact", id=str(contact)) if contact else Chosen(object=own, id=str(match["Id"]))


def best_of(rule: documents.DuplicateRecordRule | None, order: Sequence[str], matches: Sequence[Match]) -> Match | None:
    """The one of several records, given by id, that a rule chooses; `order`: values of its field, the best first."""
    if rule is None:
        return None
    if rule.choose == "refuse":
        return None
    valued = [match for match in matches if not blank(match.get(rule.order_by))]
    if rule.choose == "first":
        places = {value: place for place, value in enumerate(order)}
        listed = [match for match in valued if text(match[rule.order_by]) in places]
        return min(listed, key=lambda match: places[text(match[rule.order_by])], default=None)
    ordered = sorted(
        valued,
        key=lambda match: datetime.fromisoformat(str(match[rule.order_by])),
        reverse=rule.choose == "newest",
    )
    return ordered[0] if ordered else None


def ambiguous(compiled: CompiledAction, look: Look, matches: Sequence[Match]) -> Result:
    """The failure of a person with several records of which none is chosen."""
    found = {followed(match, look.object, compiled).id for match in matches}
    facts = {"object": look.object, "field": look.field.name, "candidates": ", ".join(sorted(found))}
    return Result(
        outcome=Outcome.FAILED, reason=Reason.AMBIGUOUS_MATCH, message=message(Reason.AMBIGUOUS_MATCH, **facts)
    )


def _skipped(reason: Reason, **facts: object) -> Result:
    return Result(outcome=Outcome.SKIPPED, reason=reason, message=message(reason, **facts))
