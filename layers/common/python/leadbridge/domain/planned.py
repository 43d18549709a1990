"""Plans of Syncs: what a run would write, record by record, and whether a record still is as it was planned.

A plan lists for each write the fields that it changes, before and after. Applying it looks at each record once more:
where the listed fields hold what they held, exactly these fields are written; where they do not, the record has
drifted, and is left alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from leadbridge.domain.linked import Digest, canonical
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.rows import CompiledSync, Record, RowEnd, RowWrite, SourceRow, decide, meant, same
from leadbridge.domain.sync_words import said

type Does = Literal["create", "update", "flag", "delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One write of a plan.

    `columns` are those by which its record is found; `before` of a deletion is the whole record, as far as it is read;
    without `record_id` an update is of the record that an earlier row of the same
    key creates.
    """

    position: int
    does: Does
    columns: Mapping[str, str]
    record_id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    #: of fields that were not read, but are known: the digest of what they held
    known: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, compiled: CompiledSync, write: RowWrite, mark: str) -> "Planned":
        """What is planned of a write; `mark` is our own id of its row."""
        if write.does != "write":
            return cls(
                position=write.row.position,
                does=write.does,
                columns={name: value for name, value in write.row.columns.items() if value},
                record_id=write.record_id,
                before={name: write.held.get(name) for name in write.fields or compiled.read_fields},
                after=write.fields,
            )
        marker = compiled.sync.destination.idempotency_field
        is_new = not write.held
        after = {**write.fields, marker: mark} if is_new and marker else write.fields
        return cls(
            position=write.row.position,
            does="create" if is_new else "update",
            columns={name: write.row.columns[name] for name in compiled.sync.key_columns},
            record_id=write.record_id,
            before={name: write.held.get(name) for name in after},
            after=after,
        )

    @classmethod
    def parse(cls, line: Mapping[str, Any]) -> "Planned":
        """A write as it was stored."""
        return cls(
            position=line["row"],
            does=line["does"],
            columns=line["key"],
            record_id=line["id"],
            before=line["before"],
            after=line["after"],
            known=line.get("known", {}),
        )

    def as_line(self) -> dict[str, Any]:
        """The write as it is stored."""
        return {
            "row": self.position,
            "does": self.does,
            "key": dict(self.columns),
            "id": self.record_id,
            "before": dict(self.before),
            "after": dict(self.after),
            **({"known": dict(self.known)} if self.known else {}),
        }

    def row(self, key: Callable[[Mapping[str, str]], tuple[str, ...] | None]) -> SourceRow:
        """The row that it is of, as far as it is known; `key` makes its key of columns."""
        return SourceRow(position=self.position, columns=self.columns, key=key(self.columns))


@dataclass(slots=True)
class Foreseen:
    """Decides rows of a plan: records are taken to be as the rows before have made them, though nothing is written."""

    compiled: CompiledSync
    #: by key and id of the record; one that is still to be created has none
    made: dict[tuple[str, ...], dict[str, dict[str, Any]]] = field(default_factory=dict)

    def __call__(self, row: SourceRow, values: Mapping[str, Any], records: Sequence[Record]) -> RowWrite | RowEnd:
        """What would be written of a row."""
        own, made = self.compiled.id_field, self.made.get(row.key or (), {})
        known = [{**record, **made.get(str(record[own]), {})} for record in records]
        if "" in made:
            known.append({**made[""], own: ""})
        decided = decide(self.compiled, row, values, known)
        if isinstance(decided, RowWrite):
            self.note(row.key or (), decided.record_id, decided.fields)
        return decided

    def forget(self, rows: Sequence[SourceRow]) -> None:
        """What was decided of rows does not happen."""
        for row in rows:
            self.made.pop(row.key or (), None)

    def note(self, key: tuple[str, ...], record_id: str, fields: Mapping[str, Any]) -> None:
        """A record of a key would hold these fields from now on."""
        held = self.made.setdefault(key, {}).setdefault(record_id, {})
        held.update(fields)


def checked(
    compiled: CompiledSync, planned: Planned, row: SourceRow, records: Sequence[Record], digest: Digest
) -> RowWrite | RowEnd:
    """The planned write where its record is as it was; the end of the row where it is not, or is so already."""
    record = meant(compiled, records) if records else None

    def differing(wanted: Mapping[str, Any]) -> list[str]:
        return _differing(compiled, record or {}, wanted)

    record_id = str(record[compiled.id_field]) if record is not None else ""
    if record is not None and planned.record_id in {"", record_id} and not differing(planned.after):
        return RowEnd(position=row.position, outcome=Outcome.UNCHANGED, record_id=record_id)
    if planned.does == "create":
        if records:
            return _drifted(row, record_id, "a record of this key is there by now")
        return RowWrite(row=row, fields=planned.after)
    if record is None or planned.record_id not in {"", record_id}:
        return _drifted(row, planned.record_id, "its key leads to no record by now, or to another one")
    if names := differing(planned.before) + _other(compiled, planned, record, digest):
        return _drifted(row, record_id, f"it holds other values by now in {', '.join(names)}")
    return RowWrite(row=row, fields=planned.after, record_id=record_id, held=record)


def unwritable(compiled: CompiledSync, planned: Planned, row: SourceRow) -> RowEnd | None:
    """The end of a row with fields that cannot be written by now: it is decided once more, without their pairs."""
    names = sorted(compiled.hidden & planned.after.keys())
    why = f"{', '.join(names)} of {compiled.described.name} cannot be written by now"
    return _drifted(row, planned.record_id, why) if names else None


def checked_deletion(
    compiled: CompiledSync, planned: Planned, row: SourceRow, records: Sequence[Record]
) -> RowWrite | RowEnd:
    """A planned deletion, by its own key, of a record that is as it was; one that is gone already needs none."""
    record = meant(compiled, records) if records else None
    if record is None:
        told = said("gone_already")
        return RowEnd(
            position=row.position,
            outcome=Outcome.SKIPPED,
            record_id=planned.record_id,
            reason=told.reason,
            message=told.message,
        )
    if str(record[compiled.id_field]) != planned.record_id:
        return _drifted(row, planned.record_id, "its key leads to another record by now")
    if names := _differing(compiled, record, planned.before):
        return _drifted(row, planned.record_id, f"it holds other values by now in {', '.join(names)}")
    return RowWrite(row=row, fields={}, record_id=planned.record_id, held=record, does="delete")


def checked_removal(
    compiled: CompiledSync, planned: Planned, row: SourceRow, decided: RowWrite | RowEnd
) -> RowWrite | RowEnd:
    """A planned flag or deletion where `decided` is the same by now, of a record that is as it was."""
    if isinstance(decided, RowEnd):
        return decided
    if (decided.does, decided.record_id) != (planned.does, planned.record_id):
        return _drifted(row, planned.record_id, "another one is meant by now")
    if names := _differing(compiled, decided.held, planned.before):
        return _drifted(row, planned.record_id, f"it holds other values by now in {', '.join(names)}")
    return decided


def _differing(compiled: CompiledSync, held: Record, wanted: Mapping[str, Any]) -> list[str]:
    """The names of fields in which a record holds something else; of those that are read."""
    described = compiled.described.fields
    names = sorted(frozenset(wanted) & frozenset(compiled.read_fields) & frozenset(described))
    return [name for name in names if not same(held.get(name), wanted[name], described[name])]


def _other(compiled: CompiledSync, planned: Planned, record: Record, digest: Digest) -> list[str]:
    """The names of fields that hold something else than is known of them."""
    described = compiled.described.fields
    return [
        name
        for name, known in sorted(planned.known.items())
        if name in described and digest(canonical(record.get(name), described[name])) != known
    ]


def _drifted(row: SourceRow, record_id: str, why: str) -> RowEnd:
    told = said("drifted", why=why)
    return RowEnd(
        position=row.position, outcome=Outcome.FAILED, record_id=record_id, reason=told.reason, message=told.message
    )
