"""What becomes of one source row of a Sync: its key, its values, and what is written, if anything. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from leadbridge.domain.conditions import Conditions, compile_conditions
from leadbridge.domain.lead_values import lead_coercion
from leadbridge.domain.matching import best_of
from leadbridge.domain.outcome import Outcome, RowOutcome
from leadbridge.domain.pipeline import unmapped
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.sources import FAILURES, LEFT_ALONE, CompiledSource, Inputs, compile_source
from leadbridge.domain.sync import FlagDeletes, ImportRule, Sync
from leadbridge.domain.sync_words import Said, said
from leadbridge.domain.transforms import Place
from leadbridge.domain.values import (
    ID_TYPES,
    TEXT_TYPES,
    WrongTypeError,
    blank,
    coerce,
    coercion,
    normalised,
    text,
    valid_identifier,
)

type Record = Mapping[str, Any]


class Cells(Mapping[str, str]):
    """A row by the names of its columns, of which many rows share the places."""

    __slots__ = ("cells", "places")

    def __init__(self, places: Mapping[str, int], cells: Sequence[str]) -> None:
        self.places = places
        self.cells = cells

    def __getitem__(self, name: str) -> str:
        return self.cells[self.places[name]]

    def get(self, name: str, default: Any = None) -> Any:
        """The cell of a column, if there is one of that name."""
        place = self.places.get(name)
        return default if place is None else self.cells[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


# not frozen: there are millions, and each would be made in twice the time
@dataclass(slots=True, kw_only=True)
class SourceRow:
    """A row of the source; `position` counts from 1 over the whole extract."""

    position: int
    columns: Mapping[str, str]
    #: None where a column of the key is blank
    key: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowEnd:
    """What became of a row."""

    position: int
    outcome: Outcome | RowOutcome
    #: of the destination's record; of a row that was handed over the execution of its call
    record_id: str = ""
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowWrite:
    """What is to be written of a row: without `record_id` a new record."""

    row: SourceRow
    fields: Mapping[str, Any]
    record_id: str = ""
    #: the record as it is, for ways of writing that take whole records only
    held: Mapping[str, Any] = field(default_factory=dict)
    #: what is done: its fields are written, as those of a flag are; or the record is deleted
    does: Literal["write", "flag", "delete"] = "write"

    @property
    def outcome(self) -> Outcome | RowOutcome:
        """What becomes of the row if it is written."""
        if self.does != "write":
            return RowOutcome.FLAGGED if self.does == "flag" else RowOutcome.DELETED
        # what an earlier row will have made has no id yet
        return Outcome.UPDATED if self.record_id or self.held else Outcome.CREATED


#: what is done about a row with these values whose key these records have
type Decide = Callable[[SourceRow, Mapping[str, Any], Sequence[Record]], RowWrite | RowEnd]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledSync:
    """A version of a Sync made ready to run against one description of the destination."""

    sync: Sync
    version: int
    described: ObjectDescription
    #: name of the destination's own id
    id_field: str
    key_fields: tuple[FieldDescription, ...]
    mapped: tuple[CompiledSource, ...]
    conditions: Conditions | None = None
    #: by destination field
    fields: Mapping[str, FieldDescription] = field(default_factory=dict)
    #: fields of a cycle's leg that the destination hides by now, or lets nobody write
    hidden: frozenset[str] = frozenset()

    @property
    def read_fields(self) -> tuple[str, ...]:
        """What must be known of a destination record to decide about a row."""
        names = {self.id_field, *self.sync.key_fields, *(source.to for source in self.mapped)}
        rule = self.sync.duplicate_record_rule
        names |= {self.flag} if self.flag else set()
        return tuple(sorted(names | ({rule.order_by} if rule and rule.choose != "refuse" else set())))

    @property
    def flag(self) -> str:
        """The field that marks records whose source records were deleted; empty if there is none."""
        deletes = self.sync.deletes
        return deletes.flag if isinstance(deletes, FlagDeletes) else ""


def compile_sync(
    sync: Sync,
    version: int,
    described: ObjectDescription,
    *,
    to_marketo: bool,
    types: Mapping[str, str] | None = None,
    lists: Mapping[str, frozenset[str]] | None = None,
) -> CompiledSync:
    """Bind mappings and key to the destination's fields.

    Raises:
        KeyError: A field is not described (checked when the Sync was saved; the destination changed since).
    """
    zone = sync.zone
    mapped = []
    for mapping in sync.mappings:
        target = described.fields[mapping.to]
        place = Place(zone=zone, length=target.length if target.type in TEXT_TYPES else None)
        coerce_to = lead_coercion(target, zone) if to_marketo else coercion(target, zone)
        mapped.append(compile_source(mapping, place, coerce_to))
    return CompiledSync(
        sync=sync,
        version=version,
        described=described,
        id_field=described.id_field or ("id" if to_marketo else "Id"),
        key_fields=tuple(described.fields[name] for name in sync.key_fields),
        mapped=tuple(mapped),
        conditions=compile_conditions(sync.conditions, types=types, zone=zone, lists=lists)
        if sync.conditions
        else None,
        fields={source.to: described.fields[source.to] for source in mapped},
    )


def key_of(compiled: CompiledSync, columns: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The key of a row in the form in which keys are compared; None where a column of it is blank."""
    parts = []
    for pair, described in zip(compiled.sync.match, compiled.key_fields, strict=True):
        value = columns.get(pair.column)
        if blank(value):
            return None
        parts.append(comparable(value, described))
    return tuple(parts)


def key_reader(compiled: CompiledSync, names: Sequence[str]) -> Callable[[Sequence[str]], tuple[str, ...] | None]:
    """`key_of` for rows as cells, in the order of `names`."""
    places = [names.index(pair.column) for pair in compiled.sync.match]
    if len(places) == 1 and compiled.key_fields[0].type in TEXT_TYPES - ID_TYPES:
        [place] = places

        def text_key(cells: Sequence[str]) -> tuple[str, ...] | None:
            value = cells[place].strip()
            return (value.casefold(),) if value else None

        return text_key
    pairs = list(zip(places, compiled.key_fields, strict=True))

    def key(cells: Sequence[str]) -> tuple[str, ...] | None:
        if any(blank(cells[place]) for place, _ in pairs):
            return None
        return tuple(comparable(cells[place], described) for place, described in pairs)

    return key


def record_key(compiled: CompiledSync, record: Record) -> tuple[str, ...]:
    """The key of a destination record, in the same form."""
    return tuple(comparable(record.get(each.name), each) for each in compiled.key_fields)


def unusable(compiled: CompiledSync, row: SourceRow) -> RowEnd | None:
    """The end of a row whose key cannot be looked for."""
    if row.key is None:
        missing = [pair.column for pair in compiled.sync.match if blank(row.columns.get(pair.column))]
        return _end(row, Outcome.SKIPPED, said("identifier_missing", column=", ".join(missing)))
    for pair, described in zip(compiled.sync.match, compiled.key_fields, strict=True):
        if not valid_identifier(row.columns[pair.column], described):
            return _end(row, Outcome.SKIPPED, said("identifier_invalid", column=pair.column, type=described.type))
    return None


def mapped_values(compiled: CompiledSync, row: SourceRow, inputs: Inputs) -> dict[str, Any] | RowEnd:
    """What the mappings make of a row; its end where one of them cannot be filled."""
    values: dict[str, Any] = {}
    for source in compiled.mapped:
        try:
            value = source.value(inputs)
        except FAILURES as failure:
            return unmapped_row(row, source, failure)
        if value is not LEFT_ALONE:
            values[source.to] = value
    return values


def unmapped_row(row: SourceRow, source: CompiledSource, failure: Exception) -> RowEnd:
    """The end of a row of which a mapping cannot be filled."""
    result = unmapped(source, failure)
    return _end(row, Outcome.FAILED, Said(str(result.reason), result.message))


def decide(
    compiled: CompiledSync, row: SourceRow, values: Mapping[str, Any], found: Sequence[Record]
) -> RowWrite | RowEnd:
    """What is written of a row whose key `found` has; a record that holds all values already is left alone."""
    sync = compiled.sync
    where = {"object": sync.destination.object, "field": ", ".join(sync.key_fields)}
    if not found:
        if sync.import_rule is ImportRule.UPDATE:
            return _end(row, Outcome.SKIPPED, said("not_there", **where))
        valued = {name: value for name, value in values.items() if not blank(value)}
        return RowWrite(row=row, fields={**key_values(compiled, row), **valued})
    record = meant(compiled, found)
    if record is None:
        ids = ", ".join(sorted(str(each[compiled.id_field]) for each in found))
        return _end(row, Outcome.FAILED, said("ambiguous_match", candidates=ids, **where))
    record_id = str(record[compiled.id_field])
    if sync.import_rule is ImportRule.CREATE:
        return _end(row, Outcome.SKIPPED, said("already_there", **where), record_id)
    # a key that the vendor fixes agrees in what it is found by, and cannot be written otherwise
    fixed = {each.name for each in compiled.key_fields if not each.updateable}
    changed = {
        name: value
        for name, value in values.items()
        if name not in fixed and not same(record.get(name), value, compiled.described.fields[name])
    }
    if (flag := compiled.flag) and same(record.get(flag), True, compiled.described.fields[flag]):  # noqa: FBT003  # a value
        changed[flag] = False  # it is there again
    if not changed:
        return RowEnd(position=row.position, outcome=Outcome.UNCHANGED, record_id=record_id)
    return RowWrite(row=row, fields=changed, record_id=record_id, held=record)


def key_values(compiled: CompiledSync, row: SourceRow) -> dict[str, Any]:
    """The key of a row by destination field, as it is written."""
    pairs = zip(compiled.sync.match, compiled.key_fields, strict=True)
    return {each.name: coerce(row.columns[pair.column], each) for pair, each in pairs}


def same(held: Any, wanted: Any, described: FieldDescription) -> bool:
    """Whether a field holds a value already, as its vendor keeps it: without blanks around it, e-mail in any case."""
    if blank(wanted):
        return blank(held) or (described.type == "boolean" and held is False)
    if blank(held):
        return False
    if described.type == "email":
        return normalised(held) == normalised(wanted)
    if described.type in TEXT_TYPES - ID_TYPES:
        return text(held).strip() == text(wanted).strip()
    try:
        return bool(coerce(held, described) == coerce(wanted, described))
    except WrongTypeError:
        return False


def meant(compiled: CompiledSync, found: Sequence[Record]) -> Record | None:
    """The one of several records of a key that is meant; None if that cannot be told."""
    if len(found) == 1:
        return found[0]
    rule = compiled.sync.duplicate_record_rule
    own = compiled.described.fields.get(rule.order_by) if rule else None
    order = (rule.order if rule else None) or (own.picklist if own else ())
    return best_of(rule, order, sorted(found, key=lambda record: str(record[compiled.id_field])))


def comparable(value: Any, described: FieldDescription) -> str:
    """A value of a key in the form in which keys are compared."""
    try:
        return normalised(coerce(value, described))
    except WrongTypeError:
        return normalised(value)


def _end(row: SourceRow, outcome: Outcome, told: Said, record_id: str = "") -> RowEnd:
    return RowEnd(position=row.position, outcome=outcome, record_id=record_id, reason=told.reason, message=told.message)
