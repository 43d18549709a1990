"""A Salesforce org in memory, with the rules that the use-cases rely on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from leadbridge.domain.records import FieldDescription, ObjectDescription, RowResult
from leadbridge.errors import PermanentError
from leadbridge.ports import Clock
from tests.fakes.clock import SettableClock
from tests.fakes.steps import Step, nothing
from tests.fakes.trouble import Execution, Trouble, refusal

type Record = dict[str, Any]
#: rows of one collections call
COLLECTION_ROWS = 200
SYSTEM_FIELDS = frozenset({"Id", "CreatedDate", "LastModifiedDate"})
NUMBERS = frozenset({"double", "currency", "percent"})


class FakeSalesforce:
    """`ports.Salesforce`; `records(object)` are what it holds, `trouble` makes it misbehave."""

    def __init__(
        self,
        *objects: ObjectDescription,
        clock: Clock | None = None,
        step: Step = nothing,
    ) -> None:
        self.trouble = Trouble("salesforce")
        self._described = {described.name: described for described in objects}
        self._clock: Clock = clock or SettableClock()
        self._step = step
        self._held: dict[str, dict[str, Record]] = {}
        self._execution = Execution(self._clock)
        #: what was committed, in order: created or updated, record id, the fields given
        self.journal: list[tuple[str, str, Mapping[str, Any]]] = []
        self._serial = 0
        #: a field whose value no new record may share with one that is there, of whatever object; alerts only
        self.duplicate_rule = ""

    # -- for tests

    def records(self, object_name: str) -> list[Record]:
        """All records of an object, oldest first."""
        self._execution.catch_up()
        return [dict(record) for record in self._held.get(object_name, {}).values()]

    def load(self, object_name: str, **fields: Any) -> str:
        """Put a record in without rules; returns its id."""
        return self._insert(object_name, fields)

    def remove(self, object_name: str, record_id: str) -> None:
        """Take a record away, as somebody in the org would."""
        del self._held[object_name][record_id]

    def describe_as(self, described: ObjectDescription) -> None:
        """Replace what is known of an object, as an administrator would."""
        self._described[described.name] = described

    # -- the port

    def describe(self, object_name: str) -> ObjectDescription:
        """Fields of an object."""
        self._step("salesforce.describe")
        self.trouble.begin("describe")
        if object_name not in self._described:
            raise PermanentError("no such object", vendor="salesforce", operation="describe", code="http_404")
        self._step("salesforce.describe.done")
        return self._described[object_name]

    def find(
        self, object_name: str, fields: Sequence[str], field: str, values: Sequence[Any]
    ) -> Sequence[Mapping[str, Any]]:
        """Records whose `field` equals one of the values; text compares without regard to case."""
        self._step("salesforce.find")
        self.trouble.begin("find")
        self._execution.catch_up()
        self._known(object_name, "find", [*fields, field])
        wanted = {_compared(value) for value in values}
        found = [
            {name: record.get(name) for name in fields}
            for record in self._held.get(object_name, {}).values()
            if record.get(field) is not None and _compared(record[field]) in wanted
        ]
        self._step("salesforce.find.done")
        return found

    def create(
        self, object_name: str, rows: Sequence[Mapping[str, Any]], *, allow_duplicates: bool = False
    ) -> Sequence[RowResult]:
        """Create up to 200 records."""
        return self._write(
            "create", object_name, rows, lambda row: self._ruled(object_name, row, allow=allow_duplicates)
        )

    def update(
        self, object_name: str, rows: Sequence[Mapping[str, Any]], *, allow_duplicates: bool = False
    ) -> Sequence[RowResult]:
        """Update up to 200 records; each row carries `Id`."""
        return self._write("update", object_name, rows, lambda row: self._update(object_name, row))

    def upsert(
        self,
        object_name: str,
        external_id_field: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        allow_duplicates: bool = False,
    ) -> Sequence[RowResult]:
        """Upsert up to 200 records by an external id field."""
        target = self._described[object_name].fields[external_id_field]
        if not target.external_id:
            raise PermanentError("not an external id", vendor="salesforce", operation="upsert", code="INVALID_FIELD")
        return self._write("upsert", object_name, rows, lambda row: self._upsert(object_name, external_id_field, row))

    # -- rules

    def _write(
        self,
        operation: str,
        object_name: str,
        rows: Sequence[Mapping[str, Any]],
        one: Callable[[Mapping[str, Any]], RowResult],
    ) -> list[RowResult]:
        self._step(f"salesforce.{operation}")
        if not 0 < len(rows) <= COLLECTION_ROWS:
            raise AssertionError(f"{len(rows)} rows in one call")
        fault = self.trouble.begin(operation, rows)
        self._execution.catch_up()
        for row in rows:
            self._known(object_name, operation, [name for name in row if name != "Id"])
        results: list[RowResult] = []

        def execute() -> None:
            refused = self.trouble.refused(operation, rows)
            results.extend(refused[place] if place in refused else one(row) for place, row in enumerate(rows))

        self._execution.run(fault, execute)
        self._step(f"salesforce.{operation}.done")
        self.trouble.answered(operation)
        return results

    def _known(self, object_name: str, operation: str, names: Sequence[str]) -> None:
        described = self._described[object_name]
        for name in names:
            if name not in described.fields and name not in SYSTEM_FIELDS:
                raise PermanentError(
                    f"no such column {name}", vendor="salesforce", operation=operation, code="INVALID_FIELD"
                )

    def _ruled(self, object_name: str, row: Mapping[str, Any], *, allow: bool) -> RowResult:
        value = row.get(self.duplicate_rule) if self.duplicate_rule and not allow else None
        if not _empty(value):
            everybody = [record for held in self._held.values() for record in held.values()]
            ids = [one["Id"] for one in everybody if _compared(one.get(self.duplicate_rule)) == _compared(value)]
            if ids:
                refused = refusal("DUPLICATES_DETECTED", f"Use one of these records? ({', '.join(ids)})")
                return replace(refused, matches=tuple(ids))
        return self._create(object_name, row)

    def _create(self, object_name: str, row: Mapping[str, Any]) -> RowResult:
        described = self._described[object_name]
        for name, field in sorted(described.fields.items()):
            if field.required_on_create and _empty(row.get(name)):
                return refusal("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{name}]")
        faulty = next(self._faults(described, row, object_name, None), None)
        if faulty is not None:
            return faulty
        return RowResult(ok=True, status="created", id=self._insert(object_name, row))

    def _update(self, object_name: str, row: Mapping[str, Any]) -> RowResult:
        record = self._held.get(object_name, {}).get(str(row["Id"]))
        if record is None:
            return refusal("ENTITY_IS_DELETED", "entity is deleted")
        described = self._described[object_name]
        for name, field in sorted(described.fields.items()):
            if field.required_on_create and name in row and _empty(row[name]):
                return refusal("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{name}]")
        faulty = next(self._faults(described, row, object_name, str(row["Id"])), None)
        if faulty is not None:
            return faulty
        record.update({name: _held_as(described, name, value) for name, value in row.items() if name != "Id"})
        record["LastModifiedDate"] = _timestamp(self._execution.now())
        self.journal.append(("updated", record["Id"], row))
        return RowResult(ok=True, status="updated", id=str(row["Id"]))

    def _upsert(self, object_name: str, field: str, row: Mapping[str, Any]) -> RowResult:
        found = [
            record
            for record in self._held.get(object_name, {}).values()
            if not _empty(record.get(field)) and _compared(record[field]) == _compared(row[field])
        ]
        if len(found) > 1:
            return refusal("DUPLICATE_EXTERNAL_ID", "several records")
        if found:
            return self._update(object_name, {**row, "Id": found[0]["Id"]})
        return self._create(object_name, row)

    def _faults(
        self, described: ObjectDescription, row: Mapping[str, Any], object_name: str, own_id: str | None
    ) -> Iterator[RowResult]:
        for name, value in row.items():
            field = described.fields.get(name)
            if field is None or value is None:
                continue
            if field.length is not None and len(str(value)) > field.length:
                yield refusal("STRING_TOO_LONG", f"{name}: data value too large")
            if field.unique and self._taken(object_name, name, value, own_id):
                yield refusal("DUPLICATE_VALUE", "duplicate value found")

    def _taken(self, object_name: str, name: str, value: Any, own_id: str | None) -> bool:
        others = (record for record in self._held.get(object_name, {}).values() if record["Id"] != own_id)
        return any(not _empty(other.get(name)) and _compared(other[name]) == _compared(value) for other in others)

    def _insert(self, object_name: str, row: Mapping[str, Any]) -> str:
        self._serial += 1
        now = _timestamp(self._execution.now())
        described = self._described[object_name]
        prefix = described.key_prefix or "00Q"
        record = {"Id": f"{prefix}{self._serial:012d}AAA", "CreatedDate": now, "LastModifiedDate": now}
        record |= {name: _held_as(described, name, value) for name, value in row.items()}
        self._held.setdefault(object_name, {})[record["Id"]] = record
        self.journal.append(("created", record["Id"], row))
        return record["Id"]


def text_field(name: str, *, length: int | None = 255, **members: Any) -> FieldDescription:
    """A writable text field."""
    return FieldDescription(name=name, type=members.pop("type", "string"), length=length, **members)


def _held_as(described: ObjectDescription, name: str, value: Any) -> Any:
    """Numbers come back with a decimal point, text loses the blanks at its end."""
    field = described.fields.get(name)
    if field is not None and field.type in NUMBERS and value is not None:
        return float(value)
    return value.rstrip() if isinstance(value, str) else value


def _compared(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return float(value)
    return str(value).strip().lower()


def _empty(value: Any) -> bool:
    return value is None or value == ""


def _timestamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
