"""Checks of value sources and rules: every finding as `mappings[2].transforms[0].by: what is wrong; what to do`."""

from collections.abc import Iterator, Mapping
from typing import Any

from leadbridge.domain.records import FieldDescription
from leadbridge.domain.sources import ValueSource
from leadbridge.domain.templates import TemplateError, parts
from leadbridge.domain.transforms import Kind, Place, Rule
from leadbridge.domain.transforms.base import DATES
from leadbridge.domain.values import INTEGER_TYPES, NUMBER_TYPES, WrongTypeError, coerce

_DAY = frozenset({Kind.ANY, Kind.TEXT, Kind.DATE, Kind.MOMENT})
_NUMBER = frozenset({Kind.ANY, Kind.TEXT, Kind.NUMBER})
#: what a field may be given, by its type; all other fields take any value as text
TAKEN: Mapping[str, tuple[frozenset[Kind], str]] = {
    "boolean": (frozenset({Kind.ANY, Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN}), "true or false"),
    "date": (_DAY, "a date"),
    "datetime": (_DAY, "a date and time"),
    **dict.fromkeys(NUMBER_TYPES | INTEGER_TYPES, (_NUMBER, "a number")),
}


def check_source(
    where: str, source: ValueSource, target: FieldDescription | None, place: Place, *, before: Kind = Kind.ANY
) -> Iterator[str]:
    """Findings about a source that stands at `where`; `target` is its field, where that is known.

    `before` is what is known of the column that it reads.
    """
    for member, template in source.templates():
        try:
            parts(template)
        except TemplateError as wrong:
            yield f"{where}.{member}: {wrong}"
    if source.blank is not None and source.blank not in source.blank_choices:
        yield f"{where}.blank: `{source.blank}` cannot be done here; choose one of {', '.join(source.blank_choices)}"
    kind = before if source.kind == "column" else source.kind_before()
    for index, rule in enumerate(source.rules):
        here = f"{where}.transforms[{index}]"
        yield from (f"{here}.{member}: {said}" for member, said in rule.findings(place))
        if kind is not Kind.ANY and kind not in rule.takes:
            yield f"{here}: `{rule.type}` cannot be applied to {kind}; {_remedy(rule, kind)}"
        kind = rule.kind_after(kind)
    if target is not None:
        yield from _check_result(where, source, target, kind)


def _remedy(rule: Rule, kind: Kind) -> str:
    if kind in DATES:
        return "remove it, or put `date_format` before it"
    if rule.takes & DATES:
        return "remove it, or put `date_parse` before it"
    return "remove it, or put a rule before it that makes what it takes"


def _check_result(where: str, source: ValueSource, target: FieldDescription, kind: Kind) -> Iterator[str]:
    taken, wanted = TAKEN.get(target.type, (frozenset(Kind), "a text"))
    last = len(source.rules) - 1
    made_by = f"{where}.transforms[{last}]" if source.rules else f"{where}.{source.kind}"
    constants: list[tuple[str, Any]] = []
    if source.static is not None and not source.rules:
        constants.append((f"{where}.static", source.static))
    elif kind not in taken:
        yield f"{made_by}: gives {kind}, and {target.name} takes {wanted}; choose another field or another rule"
    if source.default is not None:
        constants.append((f"{where}.default", source.default))
    if source.rules:
        constants += [(f"{made_by}.{member}", value) for member, value in source.rules[last].constants()]
    for member, value in constants:
        try:
            coerce(value, target)
        except WrongTypeError as wrong:
            yield f"{member}: {target.name} takes {wrong.expected}, {wrong.found} given"
