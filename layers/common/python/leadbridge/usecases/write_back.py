"""Write destination values back to the source records of rows that are done."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.records import Resolution, RowResult
from leadbridge.domain.rows import CompiledSync, RowEnd, SourceRow
from leadbridge.domain.sync_words import said
from leadbridge.domain.sync_write_back import TOLD_BACK, CompiledBack, back_values
from leadbridge.errors import SpoiledCallError
from leadbridge.sync_ports import SyncDestination
from leadbridge.usecases.batch import chunks
from leadbridge.usecases.isolation import isolate

#: how often a record is sent that the vendor says may be sent again, and the first pause between
_TRIES = 4
_RETRY_SECONDS = 2.0
_AGAIN = frozenset({Resolution.RETRY, Resolution.RATE, Resolution.UNCERTAIN, Resolution.REAUTH, Resolution.QUOTA})

type _Item = tuple[int, Mapping[str, Any]]


class WriteBack:
    """Writes back what a Sync returns to its source; to do it again changes nothing."""

    def __init__(
        self,
        *,
        compiled: CompiledSync,
        back: CompiledBack,
        vendor: Vendor,
        origin: SyncDestination,
        sleep: Callable[[float], object],
    ) -> None:
        """`vendor` is the source's, `origin` its records to be written."""
        self._compiled = compiled
        self._back = back
        self._vendor = vendor
        self._origin = origin
        self._sleep = sleep

    @property
    def calls(self) -> int:
        """Calls of the source made so far."""
        return self._origin.calls

    def __call__(
        self, rows: Mapping[int, SourceRow], ends: Sequence[RowEnd], destination: SyncDestination, at: datetime
    ) -> list[RowEnd]:
        """The ends of rows after their records were told back; a row whose values were not taken has failed.

        Raises:
            SyncError: A vendor is away; all of it may be done again.
        """
        done = [end for end in ends if end.outcome in TOLD_BACK and end.record_id]
        records = self._records(destination, done)
        wanted: list[_Item] = []
        failed: dict[int, str] = {}
        for end in done:
            row = rows[end.position]
            values = back_values(self._back, row, records.get(end.record_id, {}), at)
            if isinstance(values, str):
                failed[end.position] = values
            elif values:
                own = self._compiled_id()
                wanted.append((end.position, {own: row.columns[self._back.id_column], **values}))
        for position, result in self._written(wanted).items():
            if not result.ok:
                failed[position] = f"{self._vendor.capitalize()}: {result.code} {result.message}"
        return [self._end(end, failed.get(end.position)) for end in ends]

    def _compiled_id(self) -> str:
        return "id" if self._vendor == "marketo" else "Id"

    def _records(self, destination: SyncDestination, done: Sequence[RowEnd]) -> dict[str, Mapping[str, Any]]:
        """Destination records by their ids, with what is told back; only ids need no look."""
        own = self._compiled.id_field
        records: dict[str, Mapping[str, Any]] = {end.record_id: {own: end.record_id} for end in done}
        if records and self._back.read - {own}:
            for piece in chunks([{own: each} for each in records], destination.rows):
                found = destination.find(piece, sorted(self._back.read | {own}))
                records |= {str(record[own]): record for record in found}
        return records

    def _written(self, wanted: Sequence[_Item]) -> dict[int, RowResult]:
        """What the source says of each."""
        found: dict[int, RowResult] = {}
        pending = list(wanted)
        for attempt in range(_TRIES):
            said_of = isolate(
                chunks(pending, self._origin.rows),
                lambda piece: self._origin.update([fields for _, fields in piece]),
                lambda _, error: isinstance(error, SpoiledCallError),
            )
            if said_of.refused:
                raise said_of.refused[0][1]
            found |= {position: result for (position, _), result in said_of.answered}
            for (position, _), error in said_of.culprits:
                found[position] = RowResult(
                    ok=False, code=error.code, message=error.detail, resolution=Resolution.REJECT
                )
            pending = [item for item in pending if not found[item[0]].ok and found[item[0]].resolution in _AGAIN]
            if not pending:
                break
            self._sleep(_RETRY_SECONDS * 2**attempt)
        return found

    def _end(self, end: RowEnd, why: str | None) -> RowEnd:
        if why is None:
            return end
        told = said("not_written_back", outcome=end.outcome.value, detail=why)
        return replace(end, outcome=Outcome.FAILED, reason=told.reason, message=told.message)
