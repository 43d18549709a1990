"""sObject Collections: up to 200 records in one call, each with a result of its own.

Source: REST API, create, update, upsert, delete and get records using sObject Collections. The HTTP status is 200
even if every record failed; results carry no key, only the position of their record.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.records import Resolution, Row, RowResult
from leadbridge.errors import ContractError, SyncError, UncertainWriteError
from leadbridge.vendors.http.batches import chunks_of, failed_row, send_in_chunks
from leadbridge.vendors.http.calls import Answer
from leadbridge.vendors.http.endpoints import Endpoint
from leadbridge.vendors.salesforce.answers import row_result, without_attributes
from leadbridge.vendors.salesforce.api import Api, api_name
from leadbridge.vendors.salesforce.auth import VENDOR
from leadbridge.vendors.salesforce.endpoints import CREATE, CREATE_RECORD, DELETE, RETRIEVE, UPDATE, UPSERT

# "up to 200 records"; reading by id takes more
BATCH_ROWS = 200
RETRIEVED_IDS = 2_000

DUPLICATES_DETECTED = "DUPLICATES_DETECTED"
ROLLED_BACK = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
# so many rows of one call that a duplicate rule refused are asked about one by one, for the records it found
NAMED_DUPLICATES = 10


class RowWrites:
    """Writing and reading many records of one object by collections."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def create(
        self,
        object_name: str,
        rows: Sequence[Row],
        *,
        all_or_none: bool = False,
        allow_duplicates: bool = False,
        auto_assign: str = "",
    ) -> list[RowResult]:
        """Create records; one result per row, in order. Sending them again makes doubles.

        `auto_assign` as in `WriteOptions`, for this call.

        Raises:
            UncertainWriteError: No answer, or not one result per row.
        """
        head = {"attributes": {"type": api_name(object_name)}}
        records = [{**head, **row} for row in rows]
        headers = self._api.options.headers(allow_duplicates=allow_duplicates, auto_assign=auto_assign)
        said = self._write(CREATE, {}, records, headers, done="created", all_or_none=all_or_none)
        if all_or_none:
            return said
        blocked = [place for place, row in enumerate(said) if row.code == DUPLICATES_DETECTED]
        for place in blocked[:NAMED_DUPLICATES]:
            said[place] = self._create_alone(object_name, rows[place], said[place], headers)
        return said

    def update(
        self, object_name: str, rows: Sequence[Row], *, all_or_none: bool = False, allow_duplicates: bool = False
    ) -> list[RowResult]:
        """Update records by their `Id` member; one result per row, in order.

        Raises:
            UncertainWriteError: No answer, or not one result per row.
        """
        head = {"attributes": {"type": api_name(object_name)}}
        records = [
            {**head, "id": _spelt(row["Id"]), **{name: row[name] for name in row if name != "Id"}} for row in rows
        ]
        headers = self._api.options.headers(allow_duplicates=allow_duplicates)
        return self._write(UPDATE, {}, records, headers, done="updated", all_or_none=all_or_none)

    def upsert(
        self,
        object_name: str,
        external_id_field: str,
        rows: Sequence[Row],
        *,
        all_or_none: bool = False,
        allow_duplicates: bool = False,
    ) -> list[RowResult]:
        """Create or update records by an external id that every row carries; one result per row, in order.

        An external id must not occur twice: Salesforce then writes neither row.

        Raises:
            UncertainWriteError: No answer, or not one result per row.
        """
        head = {"attributes": {"type": api_name(object_name)}}
        parts = {"object": api_name(object_name), "key": api_name(external_id_field)}
        headers = self._api.options.headers(allow_duplicates=allow_duplicates)
        records = [{**head, **row} for row in rows]
        return self._write(UPSERT, parts, records, headers, done="updated", all_or_none=all_or_none)

    def delete(self, ids: Sequence[str], *, all_or_none: bool = False) -> list[RowResult]:
        """Move records of any objects to the Recycle Bin; one result per id, in order.

        Raises:
            UncertainWriteError: No answer, or not one result per id; sent again, what is gone says ENTITY_IS_DELETED.
        """

        def send(chunk: Sequence[str], flag: str) -> Answer:
            params = {"ids": ",".join(chunk), "allOrNone": flag}
            return self._api.send(DELETE, params=params, headers=self._api.options.headers(), sent=chunk)

        return self._in_chunks(
            DELETE.operation, [_spelt(each) for each in ids], send, done="deleted", all_or_none=all_or_none
        )

    def retrieve(self, object_name: str, ids: Sequence[str], fields: Sequence[str]) -> list[dict[str, Any] | None]:
        """Records by id, one place per id in order; None where it is gone or not visible.

        Raises:
            PermanentError: A field does not exist or is not visible (INVALID_FIELD): then nothing is read.
            ContractError: Not one place per id.
        """
        parts = {"object": api_name(object_name)}
        names = [api_name(name) for name in fields]
        found: list[dict[str, Any] | None] = []
        for chunk in chunks_of(ids, RETRIEVED_IDS):
            body = {"ids": [_spelt(each) for each in chunk], "fields": names}
            said = self._api.send(RETRIEVE, parts=parts, body=body, sent=chunk).payload
            if not isinstance(said, list) or len(said) != len(chunk):
                raise ContractError("not one place per id", vendor=VENDOR, operation=RETRIEVE.operation)
            found.extend(without_attributes(said))
        return found

    def _create_alone(self, object_name: str, row: Row, refused: RowResult, headers: Mapping[str, str]) -> RowResult:
        """Create one record by itself: only then does a duplicate rule say which records it found."""
        try:
            answer = self._api.send(
                CREATE_RECORD,
                parts={"object": api_name(object_name)},
                body=row,
                headers=headers,
                sent=list(row.values()),
            )
        except UncertainWriteError as lost:
            return replace(refused, code=lost.code, message=lost.detail, resolution=Resolution.UNCERTAIN)
        except SyncError as error:
            if error.code != DUPLICATES_DETECTED:
                return refused
            return replace(refused, message=error.detail, matches=_ids_in(error.detail))
        # whatever stood in its way is gone
        return row_result(answer.payload if isinstance(answer.payload, dict) else {}, row, done="created")

    def _write(
        self,
        endpoint: Endpoint,
        parts: Mapping[str, str],
        records: Sequence[dict[str, Any]],
        headers: Mapping[str, str],
        *,
        done: str,
        all_or_none: bool,
    ) -> list[RowResult]:
        def send(chunk: Sequence[dict[str, Any]], flag: str) -> Answer:
            return self._api.send(
                endpoint,
                parts=parts,
                body={"allOrNone": flag == "true", "records": list(chunk)},
                headers=headers,
                sent=[_values(record) for record in chunk],
            )

        return self._in_chunks(endpoint.operation, records, send, done=done, all_or_none=all_or_none)

    def _in_chunks[T](
        self,
        operation: str,
        items: Sequence[T],
        send: Callable[[Sequence[T], str], Answer],
        *,
        done: str,
        all_or_none: bool,
    ) -> list[RowResult]:
        """Send items in calls of 200 and give one result per item.

        All or none is a promise of one call, so more items are refused. Items that were rolled back because of
        others are sent once more, without those others.
        """
        if not all_or_none:
            chunks = list(chunks_of(items, BATCH_ROWS))
            return send_in_chunks(chunks, lambda chunk: self._read(operation, chunk, send(chunk, "false"), done))
        if len(items) > BATCH_ROWS:
            raise ValueError(f"all or none of more than {BATCH_ROWS} records")
        results = self._read(operation, items, send(items, "true"), done)
        innocent = [place for place, row in enumerate(results) if row.code == ROLLED_BACK]
        if innocent:
            again = [items[place] for place in innocent]
            try:
                said = self._read(operation, again, send(again, "true"), done)
            except SyncError as error:
                # what is known of the others must not be lost with it
                said = [failed_row(error) for _ in again]
            for place, row in zip(innocent, said, strict=True):
                results[place] = row
        return results

    def _read[T](self, operation: str, chunk: Sequence[T], answer: Answer, done: str) -> list[RowResult]:
        found = answer.payload
        if not isinstance(found, list) or len(found) != len(chunk):
            # results carry no key, only their position: with one missing, none can be told
            raise UncertainWriteError(
                f"{len(found) if isinstance(found, list) else 0} results for {len(chunk)} records",
                vendor=VENDOR,
                operation=operation,
                code="short_result",
            )
        rows = [
            row_result(said if isinstance(said, dict) else {}, _values(record), done=done)
            for said, record in zip(found, chunk, strict=True)
        ]
        for row in rows:
            self._api.doubt_schema(row.code)
        if not any(row.resolution is Resolution.REAUTH for row in rows):
            return rows
        # the session died inside the org's automation: those rows were rolled back and may be sent with a new one
        self._api.forget_session()
        return [
            replace(row, resolution=Resolution.RETRY) if row.resolution is Resolution.REAUTH else row for row in rows
        ]


def _ids_in(told: str) -> tuple[str, ...]:
    """The records that a refusal names: they stand in brackets after the vendor's words (`answers`)."""
    bracketed = (part.partition(")")[0].split(", ") for part in told.split("(")[1:])
    return next((tuple(map(canonical, ids)) for ids in bracketed if all(map(is_id, ids))), ())


def _spelt(record_id: Any) -> Any:
    """An id in its 18 characters; what is none goes as it is, for the vendor to refuse its row."""
    return canonical(record_id) if isinstance(record_id, str) and is_id(record_id) else record_id


def _values(record: object) -> Any:
    """The values of a record that came from a person; the object's own name is none."""
    if not isinstance(record, Mapping):
        return record
    return [value for name, value in record.items() if name != "attributes"]
