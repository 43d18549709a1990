"""What can be made to go wrong at a vendor double."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.records import Resolution, RowResult
from leadbridge.errors import SyncError, UncertainWriteError
from leadbridge.ports import Clock

type Row = Mapping[str, Any]


def at_once() -> None:
    """The patience of a caller who gives up at once."""


@dataclass(slots=True, kw_only=True)
class CallFault:
    """A call of one operation raises `error`, before or after the vendor has executed it."""

    operation: str
    error: BaseException
    after_commit: bool = False
    late_seconds: float | None = None  # executed only so much later, long after the caller gave up
    wait: Callable[[], None] = at_once  # what the caller does between the sending and the giving up
    times: int = 1
    nth: int = 1  # the first call that is hit


@dataclass(slots=True, kw_only=True)
class RowFault:
    """Rows that `hits` names are refused with a vendor code; the others of the call are executed."""

    operation: str
    hits: Callable[[Row], bool]
    code: str
    message: str = "refused"
    resolution: Resolution = Resolution.REJECT
    times: int = 1


class Trouble:
    """The fault switches of one vendor double, and its record of calls."""

    def __init__(self, vendor: str) -> None:
        self._vendor = vendor
        self._calls: list[CallFault] = []
        self._rows: list[RowFault] = []
        self._poison: dict[str, tuple[Callable[[Row], bool], SyncError]] = {}
        #: operation and number of rows of every call, in order
        self.calls: list[tuple[str, int]] = []

    def made(self, *operations: str) -> int:
        """How many calls of these operations were made."""
        return sum(1 for operation, _ in self.calls if operation in operations)

    def fail(
        self,
        operation: str,
        error: SyncError,
        *,
        after_commit: bool = False,
        late_seconds: float | None = None,
        times: int = 1,
        nth: int = 1,
    ) -> None:
        """Make calls of an operation raise."""
        self._calls.append(
            CallFault(
                operation=operation,
                error=error,
                after_commit=after_commit,
                late_seconds=late_seconds,
                times=times,
                nth=nth,
            )
        )

    def lose_answer(
        self, operation: str, *, committed: bool = True, late_seconds: float | None = None, times: int = 1
    ) -> None:
        """Lose the answers of calls; nobody but the vendor knows whether they were executed."""
        error = UncertainWriteError("no answer", vendor=self._vendor, operation=operation, code="timeout")
        self.fail(operation, error, after_commit=committed, late_seconds=late_seconds, times=times)

    def refuse_rows(
        self,
        operation: str,
        hits: Callable[[Row], bool],
        code: str,
        *,
        message: str = "refused",
        resolution: Resolution = Resolution.REJECT,
        times: int = 1,
    ) -> None:
        """Make rows fail; `times` counts calls in which at least one row was hit."""
        self._rows.append(
            RowFault(operation=operation, hits=hits, code=code, message=message, resolution=resolution, times=times)
        )

    def poison(self, operation: str, hits: Callable[[Row], bool], error: SyncError) -> None:
        """Make every call that holds such a row fail as a whole, executing nothing."""
        self._poison[operation] = (hits, error)

    def heal(self) -> None:
        """Forget all faults."""
        self._calls.clear()
        self._rows.clear()
        self._poison.clear()

    def begin(self, operation: str, rows: Sequence[Row] = ()) -> CallFault | None:
        """Note a call; raises a fault that precedes its execution, returns one that follows it."""
        self.calls.append((operation, len(rows)))
        hits, error = self._poison.get(operation, (None, None))
        if hits is not None and error is not None and any(hits(row) for row in rows):
            raise error
        for fault in self._calls:
            if fault.operation == operation and fault.times > 0:
                fault.nth -= 1
                if fault.nth > 0:
                    return None
                fault.times -= 1
                if fault.after_commit or fault.late_seconds is not None:
                    return fault
                raise fault.error
        return None

    def answered(self, operation: str) -> None:
        """Note that the caller got the answer of a write."""

    def refused(self, operation: str, rows: Sequence[Row]) -> dict[int, RowResult]:
        """The rows of a call that are refused, by position."""
        found: dict[int, RowResult] = {}
        for fault in self._rows:
            if fault.operation != operation or fault.times <= 0:
                continue
            hit = [place for place, row in enumerate(rows) if fault.hits(row)]
            fault.times -= 1 if hit else 0
            for place in hit:
                found[place] = refusal(fault.code, fault.message, fault.resolution)
        return found


class Execution:
    """Executes the writes of a vendor double: at once, or so late that the caller does not learn of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._late: list[tuple[datetime, Callable[[], object]]] = []
        self._at: datetime | None = None

    def now(self) -> datetime:
        """When what is being executed is executed: for a late write that is not when somebody notices."""
        return self._at or self._clock.now()

    def run(self, fault: CallFault | None, execute: Callable[[], object]) -> None:
        """Execute a write as its fault says, and raise the fault's error."""
        if fault is None:
            execute()
            return
        if fault.late_seconds is None:
            execute()
        else:
            self._late.append((self._clock.now() + timedelta(seconds=fault.late_seconds), execute))
        fault.wait()
        raise fault.error

    def catch_up(self) -> None:
        """Execute what has become due; every operation begins with this, so nobody sees the difference."""
        if not self._late:
            return
        now = self._clock.now()
        due = sorted((item for item in self._late if item[0] <= now), key=lambda item: item[0])
        self._late = [item for item in self._late if item[0] > now]
        for self._at, execute in due:
            execute()
        self._at = None


def refusal(code: str, message: str = "refused", resolution: Resolution = Resolution.REJECT) -> RowResult:
    """A row that the vendor did not take."""
    return RowResult(ok=False, status="failed", code=code, message=message, resolution=resolution)
