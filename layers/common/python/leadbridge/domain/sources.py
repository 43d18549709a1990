"""Where a value comes from, what is done to it, and what a blank does: one form for every place that takes a value.

A source is read, its rules are applied in order, the result is typed for its field. `compile_source` does what can be
done without an event, once for an Action; the functions it gives run per event and look names up in dictionaries only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum, StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from leadbridge.domain.documents import Column, Document, FieldName, Scalar
from leadbridge.domain.templates import columns_of, renderer
from leadbridge.domain.transforms import Kind, Place, RuleFailedError, Transform
from leadbridge.domain.transforms.base import LONGEST, Apply, kind_of
from leadbridge.domain.values import WrongTypeError, blank, plain, text, type_word
from leadbridge.domain.values import kind as kind_word

BlankPolicy = Literal["skip", "clear", "default", "fail"]
#: days after that on which the call arrived
DAYS: Mapping[str, int] = {"yesterday": -1, "today": 0, "tomorrow": 1}


class ValueSource(Document):
    """One field and its value: exactly one source, the rules applied to it in order, and what a blank result does."""

    #: members of which exactly one says where the value comes from
    kinds: ClassVar[tuple[str, ...]] = ("column", "static", "day", "template")
    #: what a blank does where the document does not say
    blank_here: ClassVar[BlankPolicy] = "skip"
    #: what a document may say that it does
    blank_choices: ClassVar[tuple[BlankPolicy, ...]] = ("skip", "clear", "default", "fail")

    to: FieldName
    column: Column | None = None
    static: Scalar | None = None
    #: the day on which the call arrived in the Action's zone, or its neighbour
    day: Literal["today", "yesterday", "tomorrow"] | None = None
    template: Annotated[str, StringConstraints(min_length=1, max_length=4000)] | None = None
    transforms: list[Transform] | None = Field(default=None, max_length=20)
    #: leave the field alone, clear it, write `default`, or fail
    blank: BlankPolicy | None = None
    default: Scalar | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(getattr(self, name) is not None for name in self.kinds) != 1:
            *names, last = [f"`{name}`" for name in self.kinds]
            raise ValueError(f"needs one source; give exactly one of {', '.join(names)} and {last}")
        if (self.blank == "default") != (self.default is not None):
            raise ValueError("`default` goes with `blank: default`, and the other way round")
        return self

    @property
    def kind(self) -> str:
        """The member that says where the value comes from."""
        return next(name for name in self.kinds if getattr(self, name) is not None)

    @property
    def rules(self) -> Sequence[Transform]:
        """The rules, in order."""
        return self.transforms or ()

    def columns(self) -> Iterator[tuple[str, str]]:
        """Every column that is read, with the member that names it."""
        if self.column is not None:
            yield "column", self.column
        for member, template in self.templates():
            yield from ((member, name) for name in columns_of(template))

    def templates(self) -> Iterator[tuple[str, str]]:
        """Every template, with the member it is."""
        if self.template is not None:
            yield "template", self.template
        for index, rule in enumerate(self.rules):
            yield from ((f"transforms[{index}].{member}", template) for member, template in rule.templates())

    def kind_before(self) -> Kind:
        """What is known about the value before its rules."""
        if self.static is not None:
            return kind_of(self.static)
        known = {"day": Kind.DATE, "template": Kind.TEXT, "execution": Kind.TEXT}
        return known.get(self.kind, Kind.ANY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What one event offers to sources; `at` is when the call arrived, so that a repeated run writes the same day."""

    columns: Mapping[str, Any]
    at: datetime
    #: facts of the execution, and the destination record with its Id; for what is told after the write
    facts: Mapping[str, str] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    #: the chained records that there are by then, by the names of their links
    links: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Left(Enum):
    """Instead of a value."""

    ALONE = "the field is not written"


LEFT_ALONE: Final = Left.ALONE


class NoValueError(ValueError):
    """A blank where a value is required."""


#: why a field cannot be given its value; none of them holds the value
FAILURES = (RuleFailedError, WrongTypeError, NoValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledSource:
    """A source made ready. `value` gives the JSON value for the field, or LEFT_ALONE; it raises one of FAILURES."""

    to: str
    kind: str
    #: what the value is called in a sentence: its column, or its source
    name: str
    value: Callable[[Inputs], Any]
    policy: BlankPolicy
    read: Callable[[Inputs], Any]
    #: name, function, and whether it takes a blank
    rules: tuple[tuple[str, Apply, bool], ...]
    finish: Callable[[Any], Any]
    #: the column of which, and of nothing else, the value is made; empty where there is more to it
    alone: str = ""
    #: the column's texts are written as they are
    as_it_is: bool = False


def compile_source(source: ValueSource, place: Place, coerce: Callable[[Any], Any] = plain) -> CompiledSource:
    """A source made ready for a field, which takes what `coerce` gives."""
    kind = source.kind
    read = _reader(source, kind, place)
    rules = tuple((rule.type, rule.compiled(place), rule.takes_blanks) for rule in source.rules)
    policy = source.blank or source.blank_here
    on_blank = _on_blank(policy, source.default, coerce)

    def finish(value: Any) -> Any:
        return on_blank() if blank(value) else coerce(value)

    def ruled(inputs: Inputs) -> Any:
        value, columns = read(inputs), inputs.columns
        for _, apply, takes_blanks in rules:
            if takes_blanks or not blank(value):
                value = apply(value, columns)
        return on_blank() if blank(value) else coerce(value)

    def unruled(inputs: Inputs) -> Any:
        value = read(inputs)
        return on_blank() if blank(value) else coerce(value)

    def column(inputs: Inputs) -> Any:
        value = inputs.columns.get(name)
        return on_blank() if blank(value) else coerce(value)

    name = str(source.column)
    # a fixed value is what somebody wrote, even if it is a blank
    fixed = source.static is not None and not rules
    alone = kind == "column" and not any(True for rule in source.rules for _ in rule.templates())
    simple = column if kind == "column" else unruled
    return CompiledSource(
        to=source.to,
        kind=kind,
        name=_name(source, kind),
        value=(lambda _: coerce(source.static)) if fixed else ruled if rules else simple,
        policy=policy,
        read=read,
        rules=rules,
        finish=coerce if fixed else finish,
        alone=name if alone else "",
        as_it_is=alone and not rules and coerce is text,
    )


def _reader(source: ValueSource, kind: str, place: Place) -> Callable[[Inputs], Any]:
    given = getattr(source, kind)
    if kind == "static":
        return lambda _: given
    if kind == "day":
        days = timedelta(days=DAYS[given])
        # of the calendar, not 24 hours: a day on which the clocks change is as good as any
        return lambda inputs: inputs.at.astimezone(place.zone).date() + days
    if kind == "template":
        return _filled(renderer(given))
    if kind == "execution":
        return lambda inputs: inputs.facts.get(given)
    if kind == "field":
        return _of_record(given, getattr(source, "of", None))
    return lambda inputs: inputs.columns.get(given)


def _of_record(field: str, link: str | None) -> Callable[[Inputs], Any]:
    if link is None:
        return lambda inputs: inputs.record.get(field)
    return lambda inputs: inputs.links.get(link, {}).get(field)


def _filled(render: Callable[[Mapping[str, Any]], str]) -> Callable[[Inputs], str]:
    def read(inputs: Inputs) -> str:
        found = render(inputs.columns)
        if len(found) > LONGEST:
            raise RuleFailedError("template", f"at most {LONGEST} characters", kind_word(found))
        return found

    return read


def _name(source: ValueSource, kind: str) -> str:
    names = {"static": "the static value", "template": "the template"}
    return names.get(kind) or str(getattr(source, kind))


def _on_blank(policy: BlankPolicy, default: Scalar | None, coerce: Callable[[Any], Any]) -> Callable[[], Any]:
    if policy == "skip":
        return lambda: LEFT_ALONE
    if policy == "clear":
        return lambda: None
    if policy == "default":
        return lambda: coerce(default)

    def missing() -> Any:
        raise NoValueError

    return missing


class Fate(StrEnum):
    """What became of a field."""

    WRITTEN = "written"
    SKIPPED = "skipped_blank"
    CLEARED = "cleared"
    DEFAULT = "default"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTrace:
    """One rule at work: types before and after in words, and the values, which are for the eyes of the person only."""

    rule: str
    before: str
    after: str
    values: tuple[Any, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTrace:
    """How one field came to its value."""

    to: str
    source: str
    name: str
    rules: tuple[RuleTrace, ...]
    before: str
    after: str
    fate: Fate
    failure: str = ""
    values: tuple[Any, Any] = field(repr=False)

    def stored(self) -> dict[str, Any]:
        """The form that is kept: rules, fields and types, never a value."""
        rules = [{"rule": rule.rule, "before": rule.before, "after": rule.after} for rule in self.rules]
        kept = {"field": self.to, "source": self.source, "name": self.name, "before": self.before}
        kept |= {"after": self.after, "result": self.fate.value} | ({"failure": self.failure} if self.failure else {})
        return kept | ({"rules": rules} if rules else {})

    def shown(self) -> dict[str, Any]:
        """The form of a dry run: with the values before and after, as JSON holds them."""
        shown = self.stored()
        for given, rule in zip(shown.get("rules", []), self.rules, strict=True):
            given |= {"value_before": _shown(rule.values[0]), "value_after": _shown(rule.values[1])}
        return shown | {"value_before": _shown(self.values[0]), "value_after": _shown(self.values[1])}


def trace(sources: Sequence[CompiledSource], inputs: Inputs) -> list[FieldTrace]:
    """How each field comes to its value; a field that fails is told like any other, and the next one is looked at."""
    return [_traced(source, inputs) for source in sources]


def _traced(source: CompiledSource, inputs: Inputs) -> FieldTrace:
    given = value = None
    steps: list[RuleTrace] = []
    result: Any = None
    failure = ""
    try:
        given = value = source.read(inputs)
        for name, apply, takes_blanks in source.rules:
            before = value
            if takes_blanks or not blank(value):
                value = apply(value, inputs.columns)
                steps.append(RuleTrace(rule=name, before=_word(before), after=_word(value), values=(before, value)))
        result = source.finish(value)
    except FAILURES as failed:
        failure = str(failed) or "no value, which is required"
    return FieldTrace(
        to=source.to,
        source=source.kind,
        name=source.name,
        rules=tuple(steps),
        before=_word(given),
        after=_word(None if result is LEFT_ALONE else result),
        fate=_fate(source, value, result, failed=bool(failure)),
        failure=failure,
        values=(given, None if result is LEFT_ALONE else result),
    )


def _fate(source: CompiledSource, value: Any, result: Any, *, failed: bool) -> Fate:
    if failed:
        return Fate.FAILED
    if result is LEFT_ALONE:
        return Fate.SKIPPED
    if blank(result):
        return Fate.CLEARED
    return Fate.DEFAULT if blank(value) and source.policy == "default" else Fate.WRITTEN


def _word(value: Any) -> str:
    return "no value" if blank(value) else type_word(value)


def _shown(value: Any) -> Any:
    """A value as JSON holds it; numbers with all of their digits."""
    return text(value) if isinstance(value, date) else plain(value)
