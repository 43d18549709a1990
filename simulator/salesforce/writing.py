"""Requests that change records: one record, or a collection of up to 200.

Matching and committing are two steps with a gap between them, as in the platform: whoever writes the same
key meanwhile is met at the commit only, by a unique field or not at all.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from simulator.control import Call, ControlPlane
from simulator.salesforce import ids, locks
from simulator.salesforce.exceptions import ApiError, ParseError, RowError, not_found
from simulator.salesforce.models import Org, ParentKey, Record, Stamp
from simulator.salesforce.schema import SOBJECTS, SOBJECTS_BY_LOWER_NAME, Field, SObject

_ROLLED_BACK_CODE = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
_ROLLED_BACK_MESSAGE = (
    "Record rolled back because not all records were valid and the request was using AllOrNone header"
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the headers of a write ask for."""

    allow_save: bool
    auto_assign: bool
    record_details: bool = False
    # part of a composite: nobody writes between its subrequests
    in_one_piece: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """What an upsert of one record matches by."""

    sobject: SObject
    field: Field
    value: str


@dataclass(slots=True)
class Row:
    """One record on its way to the tables."""

    index: int
    sobject: SObject | None = None
    parsed: Record | None = None
    target: str | None = None
    error: RowError | None = None
    is_upsert: bool = False
    created: bool = False
    record_id: str | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What a bulk job does with each of its rows; without a key an upsert goes by `Id`."""

    call: Call
    sobject: SObject
    operation: str
    key: Field | None
    options: Options


class Writer:
    """Carries out the writes of one org."""

    def __init__(self, org: Org, control: ControlPlane) -> None:
        self._org = org
        self._control = control

    # one record

    async def create(self, call: Call, sobject: SObject, body: Record, options: Options) -> str:
        """Insert one record and return its id."""
        if any(name.lower() == "id" for name in body):
            raise ApiError(400, "INVALID_FIELD", "cannot specify Id in an insert call", ["Id"])
        row = Row(0, sobject)
        self._parse(call, row, body)
        await self._write(call, [row], options)
        return str(row.record_id)

    async def update(self, call: Call, sobject: SObject, record_id: str, body: Record, options: Options) -> None:
        """Change one record by its id."""
        if any(name.lower() == "id" for name in body):
            raise ApiError(400, "INVALID_FIELD", "The Id field should not be specified in the sobject data.", ["Id"])
        row = Row(0, sobject, target=self.live_id(sobject, record_id))
        self._parse(call, row, body)
        await self._write(call, [row], options)

    async def upsert(self, call: Call, key: Key, body: Record, options: Options) -> Row | list[str]:
        """Create or change the record with this key; several matches are returned and nothing is written."""
        sobject, field, value = key.sobject, key.field, key.value
        if any((known := sobject.field(name)) and known.name == field.name for name in body):
            message = f"The {field.name} field should not be specified in the sobject data."
            raise ApiError(400, "INVALID_FIELD", message, [field.name])
        call.record_keys.append(value)
        row = Row(0, sobject, is_upsert=True)
        self._parse(call, row, body | {field.name: value})
        found = self._org.matches(sobject, field, value, seen_at=self._now())
        if len(found) > 1:
            return found
        row.target = found[0] if found else None
        await self._write(call, [row], options)
        return row

    def live_id(self, sobject: SObject, text: str) -> str:
        """Return the full id of a record that is there.

        Raises:
            ApiError: NOT_FOUND or ENTITY_IS_DELETED.
        """
        record_id = ids.normalise(text)
        if record_id is None or not record_id.startswith(sobject.key_prefix):
            raise not_found(f"Provided external ID field does not exist or is not accessible: {text}")
        if self._org.exists_deleted(sobject, record_id):
            raise ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", [])
        if self._org.current(sobject, record_id) is None:
            raise not_found()
        return record_id

    def delete(self, call: Call, sobject: SObject, record_id: str) -> None:
        """Delete one record by its id."""
        full = self.live_id(sobject, record_id)
        call.record_keys.append(full)
        if fault := call.row_fault(0):
            raise RowError(*fault)
        self._org.locks.refuse(self._locks_of(Row(0, sobject, target=full)), f"call {call.n}", self._now())
        with self._org.transaction():
            self._delete_row(Row(0, sobject, target=full), self._stamp(call))

    # collections

    async def create_all(self, call: Call, body: Any, options: Options) -> list[Record]:
        """Insert a collection and return a result for each record."""
        records, all_or_none = self._collection(body)
        rows = [Row(index, self._typed(record)) for index, record in enumerate(records)]
        self._refuse_chunks(rows)
        for row, record in zip(rows, records, strict=True):
            if any(name.lower() == "id" for name in record):
                row.error = RowError("INVALID_FIELD", "cannot specify Id in an insert call", ["Id"])
                continue
            self._parse_row(call, row, record)
        await self._write_collection(call, rows, options, all_or_none=all_or_none)
        return _results(rows)

    async def update_all(self, call: Call, body: Any, options: Options) -> list[Record]:
        """Change a collection of records by their ids and return a result for each."""
        records, all_or_none = self._collection(body)
        rows = [Row(index, self._typed(record)) for index, record in enumerate(records)]
        self._refuse_chunks(rows)
        for row, record in zip(rows, records, strict=True):
            given = {name: value for name, value in record.items() if name.lower() != "id"}
            id_text = next((value for name, value in record.items() if name.lower() == "id"), None)
            self._parse_row(call, row, given)
            self._aim(row, id_text)
        _refuse_repeated(rows, [row.target for row in rows], "Duplicate id specified: {}", ["Id"])
        await self._write_collection(call, rows, options, all_or_none=all_or_none)
        return _results(rows)

    async def upsert_all(self, call: Call, sobject: SObject, key: Field, body: Any, options: Options) -> list[Record]:
        """Create or change a collection by one key and return a result with `created` for each record."""
        records, all_or_none = self._collection(body)
        rows: list[Row] = []
        for index, record in enumerate(records):
            row = Row(index, sobject, is_upsert=True)
            rows.append(row)
            if self._typed(record).name != sobject.name:
                row.error = RowError("INVALID_TYPE", f"all records must be of type {sobject.name}")
            elif any(name.lower() == "id" for name in record):
                row.error = RowError("INVALID_FIELD", "cannot specify Id and an external ID field", ["Id"])
            else:
                self._parse_row(call, row, record)
        values = [row.parsed.get(key.name) if row.parsed else None for row in rows]
        for row, value in zip(rows, values, strict=True):
            if row.error is None and value is None:
                row.error = RowError("MISSING_ARGUMENT", f"{key.name} not specified", [key.name])
        folded = [value if key.matches_case or value is None else value.casefold() for value in values]
        _refuse_repeated(rows, folded, "Duplicate external id specified: {}", [key.name])
        for row, value in zip(rows, values, strict=True):
            if row.error is None and value is not None:
                self._match(row, sobject, key, value)
        await self._write_collection(call, rows, options, all_or_none=all_or_none)
        return _results(rows)

    def delete_all(self, call: Call, id_texts: Sequence[str], *, all_or_none: bool) -> list[Record]:
        """Delete records of any type by id and return a result for each."""
        self._refuse_size(len(id_texts))
        rows = [Row(index) for index in range(len(id_texts))]
        for row, text in zip(rows, id_texts, strict=True):
            full = ids.normalise(text)
            row.sobject = next((each for each in SOBJECTS.values() if full and full[:3] == each.key_prefix), None)
            if full is None or row.sobject is None:
                row.error = RowError("MALFORMED_ID", f"malformed id {text}")
                continue
            row.target = full
            call.record_keys.append(full)
        stamp = self._stamp(call)
        with self._org.transaction() as roll_back:
            for row in rows:
                if row.error is None and row.sobject and row.target:
                    self._try(call, row, partial(self._delete_row, row, stamp))
            if all_or_none and any(row.error for row in rows):
                roll_back()
                _mark_rolled_back(rows)
        return _results(rows)

    def _delete_row(self, row: Row, stamp: Stamp) -> None:
        if row.sobject and row.target:
            self._org.automation.refuse(row.sobject, "delete", self._org.current(row.sobject, row.target) or {})
            self._org.delete(row.sobject, row.target, stamp)
            row.record_id = row.target

    def _collection(self, body: Any) -> tuple[list[Record], bool]:
        records = body.get("records") if isinstance(body, dict) else None
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise ApiError(400, "JSON_PARSER_ERROR", "a collection is an object with an array named records")
        if not records:
            raise ApiError(400, "MISSING_ARGUMENT", "records must not be empty")
        self._refuse_size(len(records))
        all_or_none = body.get("allOrNone", False)
        if not isinstance(all_or_none, bool):
            raise ApiError(400, "JSON_PARSER_ERROR", "allOrNone is true or false")
        return records, all_or_none

    def _refuse_size(self, count: int) -> None:
        limit = int(self._control.limit("collection_records"))
        if count > limit:
            self._control.violation("EXCEEDED_ID_LIMIT")
            message = f"record limit reached. cannot submit more than {limit} records into this call"
            raise ApiError(400, "EXCEEDED_ID_LIMIT", message)

    def _refuse_chunks(self, rows: Sequence[Row]) -> None:
        """Refuse more runs of one type than a call may have."""
        names = [row.sobject.name if row.sobject else "" for row in rows]
        runs = 1 + sum(name != before for before, name in pairwise(names))
        limit = int(self._control.limit("collection_chunks"))
        if runs > limit:
            self._control.violation("LIMIT_EXCEEDED")
            message = (
                f"Cannot have more than {limit} chunks in a single operation. "
                "Please rearrange the data to reduce chunking."
            )
            raise ApiError(400, "LIMIT_EXCEEDED", message)

    def _typed(self, record: Record) -> SObject:
        attributes = record.get("attributes")
        name = attributes.get("type") if isinstance(attributes, dict) else None
        if not isinstance(name, str):
            raise ApiError(400, "INVALID_TYPE", "each record needs attributes with the type of its sObject")
        sobject = SOBJECTS_BY_LOWER_NAME.get(name.lower())
        if sobject is None:
            raise ApiError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
        return sobject

    def _parse_row(self, call: Call, row: Row, body: Record) -> None:
        try:
            self._parse(call, row, body)
        except ParseError as error:
            # a body is read as a whole before its records are looked at: one unreadable record refuses all
            if self._control.switch("unreadable_record_refuses_collection"):
                raise
            row.error = error

    def _parse(self, call: Call, row: Row, body: Record) -> None:
        if row.sobject is None:
            return
        row.parsed = self._org.parse(row.sobject, body)
        for field in row.sobject.fields:
            value = row.parsed.get(field.name)
            if field.is_key and isinstance(value, str):
                call.record_keys.append(value)

    def _aim(self, row: Row, id_text: Any) -> None:
        """Set the record that an update of a collection is meant for."""
        if row.error is not None or row.sobject is None:
            return
        if not isinstance(id_text, str):
            row.error = RowError("MISSING_ARGUMENT", "Id not specified in an update call", ["Id"])
            return
        row.target = ids.normalise(id_text)
        if row.target is None:
            row.error = RowError("MALFORMED_ID", f"Id: id value of incorrect type: {id_text}", ["Id"])
        elif not row.target.startswith(row.sobject.key_prefix):
            row.error = RowError("INVALID_ID_FIELD", f"invalid Id for {row.sobject.name}: {id_text}", ["Id"])

    def _match(self, row: Row, sobject: SObject, key: Field, value: str) -> None:
        found = self._org.matches(sobject, key, value, seen_at=self._now())
        if len(found) > 1:
            message = f"More than one record found for external id field: [{', '.join(found)}]"
            row.error = RowError("DUPLICATE_EXTERNAL_ID", message, [key.name])
        elif found:
            row.target = found[0]

    # committing

    async def _write(self, call: Call, rows: list[Row], options: Options) -> None:
        """Write one row and let its refusal through."""
        await self._write_collection(call, rows, options, all_or_none=False)
        if rows[0].error is not None:
            raise rows[0].error

    async def _write_collection(self, call: Call, rows: list[Row], options: Options, *, all_or_none: bool) -> None:
        self._apply_duplicate_rules(rows, options)
        owner, seconds = f"call {call.n}", self._control.limit("lock_hold_seconds")
        if seconds and not options.in_one_piece:
            await self._hold_locks(rows, owner, seconds)
        try:
            await self._match_and_commit(call, rows, options, all_or_none=all_or_none)
        finally:
            self._org.locks.release(owner)

    async def _hold_locks(self, rows: Sequence[Row], owner: str, seconds: float) -> None:
        """Take the locks of the rows, and keep them for a while in real time; what another call holds is refused."""
        for row in rows:
            if row.error is None:
                wanted = self._locks_of(row)
                try:
                    self._org.locks.refuse(wanted, owner, self._now())
                except RowError as error:
                    row.error = error
                else:
                    self._org.locks.hold(wanted, owner, math.inf)
        await asyncio.sleep(seconds)

    def _locks_of(self, row: Row) -> list[str]:
        if row.sobject is None:
            return []
        before = self._org.current(row.sobject, row.target or "")
        given = {
            name: self._org.key_of_parent(value) if isinstance(value, ParentKey) else ids.normalise(str(value)) or value
            for name, value in (row.parsed or {}).items()
        }
        found = locks.needed(row.sobject, (before or {}) | given, is_new=before is None)
        return found + (locks.needed(row.sobject, before, is_new=False) if before else [])

    async def _match_and_commit(self, call: Call, rows: list[Row], options: Options, *, all_or_none: bool) -> None:
        gap = 0 if options.in_one_piece else self._control.limit("race_window_seconds")
        if gap and any(row.error is None and row.target is None for row in rows):
            await asyncio.sleep(gap)
        self._commit_all(call, rows, options, self._stamp(call), all_or_none=all_or_none)

    def _commit_all(
        self, call: Call, rows: Sequence[Row], options: Options, stamp: Stamp, *, all_or_none: bool
    ) -> None:
        with self._org.transaction() as roll_back:
            for row in rows:
                if row.error is None:
                    self._try(call, row, partial(self._commit, call, row, options, stamp))
            if all_or_none and any(row.error for row in rows):
                roll_back()
                _mark_rolled_back(rows)

    # bulk

    def write_chunk(self, load: Load, bodies: Sequence[Record | RowError], first: int, stamp: Stamp) -> list[Row]:
        """Carry out one transaction's worth of a bulk job's rows; a body may be a refusal already."""
        rows = [Row(first + offset, load.sobject) for offset in range(len(bodies))]
        for row, body in zip(rows, bodies, strict=True):
            if isinstance(body, RowError):
                row.error = body
            else:
                self._prepare(load, row, body)
        targets: list[str | None] = [row.target for row in rows]
        if load.key is not None:
            keys = [row.parsed.get(load.key.name) if row.parsed else None for row in rows]
            targets = [key.casefold() if key and not load.key.matches_case else key for key in keys]
        _refuse_repeated(rows, targets, "Duplicate id specified: {}", [load.key.name if load.key else "Id"])
        if load.operation == "delete":
            with self._org.transaction():
                for row in rows:
                    if row.error is None:
                        self._try(load.call, row, partial(self._delete_row, row, stamp))
            return rows
        self._apply_duplicate_rules(rows, load.options)
        self._commit_all(load.call, rows, load.options, stamp, all_or_none=False)
        return rows

    def _prepare(self, load: Load, row: Row, body: Record) -> None:
        given = {name: value for name, value in body.items() if name.lower() != "id"}
        id_text = next((value for name, value in body.items() if name.lower() == "id"), None)
        try:
            self._parse(load.call, row, given)
        except RowError as error:
            row.error = error
        if load.operation == "insert" and id_text is not None:
            row.error = RowError("INVALID_FIELD", "cannot specify Id in an insert call", ["Id"])
        elif load.operation in ("update", "delete") or (load.operation == "upsert" and load.key is None and id_text):
            self._aim(row, id_text)
        elif load.key is not None and row.error is None and row.parsed is not None:
            value = row.parsed.get(load.key.name)
            if value is None:
                row.error = RowError("MISSING_ARGUMENT", f"{load.key.name} not specified", [load.key.name])
            else:
                self._match(row, load.sobject, load.key, value)

    def _try(self, call: Call, row: Row, change: Callable[[], None]) -> None:
        """Make one row's change, or note why it was refused."""
        if fault := call.row_fault(row.index):
            row.error = RowError(*fault)
            return
        try:
            self._org.locks.refuse(self._locks_of(row), f"call {call.n}", self._now())
            change()
        except RowError as error:
            row.error = error

    def _commit(self, call: Call, row: Row, options: Options, stamp: Stamp) -> None:
        if row.sobject is None or row.parsed is None:
            return
        row.created = row.target is None
        before = self._org.current(row.sobject, row.target or "") or {}
        self._org.automation.refuse(row.sobject, "create" if row.created else "update", before | row.parsed)
        if row.created:
            self._refuse_full()
        if row.target is not None:
            self._org.update(row.sobject, row.target, row.parsed, stamp)
            row.record_id = row.target
        else:
            parsed = row.parsed
            if row.sobject.name == "Lead" and options.auto_assign and self._control.switch("assignment_rule"):
                parsed = parsed | {"OwnerId": self._org.assigned_user_id}
            row.record_id = self._org.create(row.sobject, parsed, stamp)
        call.record_keys.append(row.record_id)

    def _refuse_full(self) -> None:
        limit = self._control.limit("storage_records")
        if limit and sum(len(table.rows) for table in self._org.tables.values()) >= limit:
            self._control.violation("STORAGE_LIMIT_EXCEEDED")
            raise RowError("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded")

    def _now(self) -> float:
        return self._control.clock.timestamp()

    def _stamp(self, call: Call) -> Stamp:
        return Stamp(self._control.clock.now(), self._org.user_id, call.commit_delay)

    def _apply_duplicate_rules(self, rows: Sequence[Row], options: Options) -> None:
        for row in rows:
            if row.error is None:
                self._apply_duplicate_rule(row, options)

    def _apply_duplicate_rule(self, row: Row, options: Options) -> None:
        """Refuse a Lead whose e-mail address another Lead has, if such a rule is switched on."""
        blocks = self._control.switch("duplicate_rule_block")
        alerts = self._control.switch("duplicate_rule_alert") and not options.allow_save
        ruled = {"Lead", "Contact"} if self._control.switch("duplicate_rule_contacts") else {"Lead"}
        if row.sobject is None or row.parsed is None or row.sobject.name not in ruled or not (blocks or alerts):
            return
        email = row.parsed.get("Email")
        found = self._org.twins_by_email(row.sobject, row.target or "", email, self._now())
        if found:
            shown = [self._org.tables[row.sobject.name].rows[each].values for each in found]
            details = shown if options.record_details else [{"Id": each} for each in found]
            row.error = _duplicates_detected(row.sobject.name, details, allow_save=not blocks)


def _duplicates_detected(name: str, found: list[Record], *, allow_save: bool) -> RowError:
    message = (
        "Use one of these records?"
        if allow_save
        else "You're creating a duplicate record. We recommend you use an existing record instead."
    )
    records = [
        {
            "additionalInformation": [],
            "fieldDiffs": [],
            "matchConfidence": 100.0,
            "record": {"attributes": {"type": name, "url": f"/services/data/v67.0/sobjects/{name}/{each['Id']}"}}
            | each,
        }
        for each in found
    ]
    result = {
        "allowSave": allow_save,
        "duplicateRule": f"Standard_{name}_Duplicate_Rule",
        "duplicateRuleEntityType": name,
        "errorMessage": message,
        "matchResults": [
            {
                "entityType": name,
                "errors": [],
                "matchEngine": "ExactMatchEngine",
                "matchRecords": records,
                "rule": f"Standard_{name}_Match_Rule_v1_0",
                "size": len(records),
                "success": True,
            }
        ],
    }
    return RowError("DUPLICATES_DETECTED", message, extra={"duplicateResult": result})


def _refuse_repeated(rows: Sequence[Row], keys: Sequence[str | None], message: str, fields: list[str]) -> None:
    """Refuse every row whose key another row of the call has too; none of them is written."""
    counts = Counter(key for key in keys if key is not None)
    for row, key in zip(rows, keys, strict=True):
        if key is not None and counts[key] > 1 and row.error is None:
            row.error = RowError("DUPLICATE_VALUE", message.format(key), fields)


def _mark_rolled_back(rows: Sequence[Row]) -> None:
    for row in rows:
        if row.error is None:
            row.error = RowError(_ROLLED_BACK_CODE, _ROLLED_BACK_MESSAGE)


def _results(rows: Sequence[Row]) -> list[Record]:
    results: list[Record] = []
    for row in rows:
        result: Record = {"success": row.error is None, "errors": [row.error.as_row()] if row.error else []}
        record_id = row.target if row.error else row.record_id
        if record_id:
            result = {"id": record_id} | result
        if row.is_upsert:
            result["created"] = row.created and row.error is None
        results.append(result)
    return results
