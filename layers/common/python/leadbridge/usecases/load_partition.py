"""Load one partition of a run: filter, dedupe, map, match, compare, write, and what became of each row.

Rows go in chunks of some vendor calls, in an order that is the same whenever it is worked out: a chunk is looked for as
a whole, so that the calls which then create and update are full, however rows that are new, differ and agree are mixed.
What a cycle has found to be new is not looked for where the vendor itself looks as it creates; a while after that was
found, people are looked for by their addresses.
Before a chunk is written it is stored what is about to be created and updated; a process that finds such an intent
waits until the vendor shows what the one before it may have done, and looks before it writes: nothing is created twice,
and what was written under the intent is told as that. The chunk's outcomes are stored before the partition's record
says that it is through.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from leadbridge.domain.carried import Asked as Wish
from leadbridge.domain.cycle_people import EMAILS
from leadbridge.domain.cycle_syncs import is_derived
from leadbridge.domain.evolving import replace
from leadbridge.domain.gone import waits
from leadbridge.domain.handing_over import CALL, HANDED_OVER, call_id
from leadbridge.domain.linked import Digest
from leadbridge.domain.mass_guard import Tally, tally_of
from leadbridge.domain.outcome import REMOVALS, Outcome, RowOutcome
from leadbridge.domain.planned import Foreseen, Planned
from leadbridge.domain.records import FieldDescription, Resolution, RowResult
from leadbridge.domain.rows import (
    CompiledSync,
    Decide,
    RowEnd,
    RowWrite,
    SourceRow,
    compile_sync,
    decide,
    key_of,
    key_values,
    record_key,
)
from leadbridge.domain.shifts import Shift
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_imports import import_cells, import_columns
from leadbridge.domain.sync_plan import CHUNK_CALLS
from leadbridge.domain.sync_words import said
from leadbridge.domain.sync_write_back import compile_back, origin_of
from leadbridge.domain.syncing import Intent, Part, SyncRun, Totals, Way, is_removal, is_through, only_looks
from leadbridge.domain.three_way import Side
from leadbridge.domain.values import blank, normalised, text
from leadbridge.domain.waits import Held, Waiting, going_on, held_by, put_off, reason_of
from leadbridge.errors import (
    ConfigurationError,
    PermanentError,
    SpoiledCallError,
    SyncError,
    TransientError,
    UncertainWriteError,
)
from leadbridge.ports import Clock, Objects, OvertakenError, RowKeys
from leadbridge.sync_ports import ALREADY_THERE, CreatesOnly, Deletes, SyncDestination, SyncRuns, SyncVendors
from leadbridge.usecases.batch import ENTITY_IS_DELETED, chunks, once_each, stale
from leadbridge.usecases.duplicate_matches import matched, named
from leadbridge.usecases.isolation import isolate
from leadbridge.usecases.null_names import restored
from leadbridge.usecases.planned_rows import PlannedPart, foreseen, planned_writes
from leadbridge.usecases.preparing import Open, prepared
from leadbridge.usecases.remove_gone import GonePart
from leadbridge.usecases.row_guards import Beside, RowGuards
from leadbridge.usecases.source_facts import SourceFacts
from leadbridge.usecases.sync_files import rows_of_part, write_import, write_plan, write_results
from leadbridge.usecases.write_back import WriteBack

#: no new call that looks or writes is begun in the last seconds of an invocation
LEFT_SECONDS = 90.0
#: how often a row is sent that the vendor says may be sent again
ROW_TRIES = 5
_RETRY_SECONDS = 2.0
#: a person that was found to be new so long ago may have come by another way since
_FOUND_LONG_AGO = timedelta(minutes=10)
#: a refusal of a row that says it may be sent again
_AGAIN = frozenset({Resolution.RETRY, Resolution.RATE, Resolution.UNCERTAIN, Resolution.REAUTH, Resolution.QUOTA})
#: what is said of a row whose record is an event's for now
_BESIDE = RowResult(
    ok=False,
    code="key_busy",
    message="events of Actions are at work on the same records",
    resolution=Resolution.RETRY,
)
#: what is said of a row whose field was removed, or taken from our user, since the run began: no other row fares better
_DRIFTED = frozenset({"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "1006"})


def without_key(_text: str) -> str:
    """No digest: only plans of cycles need one.

    Raises:
        ConfigurationError: Always.
    """
    raise ConfigurationError(["the plan of a cycle needs the key of digests, which is not there"])


class LoadPartition:
    """Loads partitions of runs, one at a time."""

    def __init__(
        self,
        *,
        runs: SyncRuns,
        objects: Objects,
        vendors: SyncVendors,
        facts: SourceFacts,
        clock: Clock,
        sleep: Callable[[float], object],
        keys: RowKeys,
        hash_key: Callable[[], bytes],
        settle: timedelta = timedelta(seconds=60),
        calls: int = CHUNK_CALLS,
        digest: Digest = without_key,
    ) -> None:
        """`settle`: a write whose answer was lost shows itself within this time; `calls` of a kind fill a chunk.

        `digest` is that of cycles, whose plans know fields by it that were not read.
        """
        self._runs = runs
        self._objects = objects
        self._vendors = vendors
        self._facts = facts
        self._clock = clock
        self._sleep = sleep
        self._keys = keys
        self._hash_key = hash_key
        self.settle = settle
        self._calls = calls
        self.digest = digest
        self._compiled: dict[tuple[str, str], CompiledSync] = {}

    def compiled(self, run: SyncRun, sync: Sync) -> CompiledSync:
        """The Sync made ready for its destination; once for each run.

        Raises:
            ConfigurationError: The destination lacks a field that the Sync names.
        """
        key = (run.sync, run.slot)
        if key not in self._compiled:
            destination = self._vendors.destination(sync)
            described = self._facts.described(sync, sync.destination.object, destination.describe)
            hidden = frozenset[str]()
            if is_derived(sync.id):
                # most of what is hidden by now was put aside when the plan was made; the rest fails its rows alone
                shown = [mapping for mapping in sync.mappings if _may_write(described.fields.get(mapping.to))]
                hidden = frozenset(mapping.to for mapping in sync.mappings) - {mapping.to for mapping in shown}
                sync = sync.model_copy(update={"mappings": shown})
            facts = self._facts(sync, run.version, run.source)
            try:
                made = compile_sync(
                    sync,
                    run.version,
                    described,
                    to_marketo=run.destination == "marketo",
                    # whoever has no conditions need not ask for the source's fields
                    types={name: field.type for name, field in facts.fields.items()} if sync.conditions else None,
                    lists=facts.lists,
                )
            except KeyError as error:
                name = sync.destination.object
                raise ConfigurationError(
                    [f"{name} has no field {error.args[0]}; correct and apply the Sync"]
                ) from error
            # what may be written is said by Describe alone, and may have changed since the Sync was saved
            if closed := sorted(name for name, each in made.fields.items() if not (each.createable or each.updateable)):
                name = sync.destination.object
                raise ConfigurationError(
                    [f"{name} does not let {', '.join(closed)} be written; remove the mapping and apply the Sync"]
                )
            self._compiled = {key: replace(made, hidden=hidden)}
        return self._compiled[key]

    def __call__(self, run: SyncRun, sync: Sync, number: int, remaining: Callable[[], float]) -> None:
        """Load a partition as far as it can be; what is in its way is stored with it.

        Raises:
            TransientError: A store is away.
        """
        part = self._runs.take_part(run.sync, run.slot, number)
        now = self._clock.now()
        if is_through(run, number, part) or part.reason or (part.due_at is not None and part.due_at > now):
            return
        work = _Work(run, part, remaining)
        try:
            work.destination = self._vendors.destination(sync)
            work.compiled = self.compiled(run, sync)
            work.back = self._back(work)
            work.guards = self._guards(work)
            self._go_through(work)
        except OvertakenError:
            return  # another process has it
        except _StopError:
            with suppress(OvertakenError):
                self._save(work, work.part)  # with its intent: what is written shows when somebody goes on
        except SyncError as error:
            if error.vendor == "aws":
                raise
            with suppress(OvertakenError):
                self._hold(work, error)

    def _back(self, work: "_Work") -> WriteBack | None:
        """What takes values back to the source, if the Sync wants any."""
        run, sync = work.run, work.compiled.sync
        # a plan lists what is written to the destination, and no more is done for it
        if not sync.writeback or run.planning or run.plan:
            return None
        try:
            back = compile_back(sync, run.source, self._facts(sync, run.version, run.source).fields)
        except KeyError as error:
            named = [f"{sync.source.object} has no field {error.args[0]}; correct and apply the Sync"]
            raise ConfigurationError(named) from error
        origin = self._vendors.destination(origin_of(sync))
        return WriteBack(
            compiled=work.compiled,
            back=back,
            vendor=run.source,
            origin=origin,
            sleep=self._sleep,
            before=lambda: self._about_to_write(work),
        )

    def _guards(self, work: "_Work") -> RowGuards | None:
        """What keeps rows and events apart where records are written."""
        run, action = work.run, work.compiled.sync.destination.action
        if run.planning or action or only_looks(run, work.part.number) or is_removal(run, work.part.number):
            return None
        return RowGuards(
            keys=self._keys,
            secret=self._hash_key(),
            clock=self._clock,
            run=run,
            compiled=work.compiled,
            shift=Shift(sync=run.sync, slot=run.slot, part=work.part.number, epoch=work.part.epoch, number=1),
        )

    def _go_through(self, work: "_Work") -> None:
        ended, open_ = self._opened(work)
        pieces: list[Sequence[Open]] = [
            piece for calm in once_each(open_, _key) for piece in chunks(calm, self._calls * work.rows)
        ]
        if only_looks(work.run, work.part.number):
            self._count(work, pieces)
            return
        if work.part.chunks and work.run.load is Way.BULK and not work.run.planning:
            self._note_earlier(work, pieces, work.part.chunks)
        for number in range(work.part.chunks, len(pieces) + 1):
            self._require(work)
            at = self._clock.now()
            ends: Sequence[RowEnd]
            if number == 0:
                ends = ended
            elif work.run.planning:
                ends = self._foreseen(work, pieces[number - 1], number, self._into_plan)
            elif work.run.load is Way.BULK and not work.run.removing:
                ends = self._foreseen(work, pieces[number - 1], number, self._into_file)
            else:
                ends = self._chunk(work, pieces[number - 1])
            write_results(self._objects, work.run, work.part, number, ends)
            part = replace(work.part, decided_at=work.part.decided_at or at)
            self._save(work, _through(part, ends, number, last=number == len(pieces)))

    def _restored(self, work: "_Work") -> Iterable[SourceRow]:
        """The rows of the partition, with what their extract does not tell."""
        run, compiled, number = work.run, work.compiled, work.part.number
        rows, work.reread = restored(
            self._objects,
            run,
            compiled.sync,
            number,
            lambda: rows_of_part(self._objects, run, compiled, number),
            source=lambda: self._vendors.source(compiled.sync),
            facts=lambda: self._facts(compiled.sync, run.version, run.source),
        )
        return rows

    def _count(self, work: "_Work", pieces: Sequence[Sequence[Open]]) -> None:
        """Look at every chunk, and note what would be done to records that are there."""
        part = work.part
        for number in range(part.looked, len(pieces)):
            self._require(work)
            writes = self._decided(work, pieces[number], {}, {})
            part = replace(part, looked=number + 1, tally=part.tally + _tally(work, writes))
            self._save(work, part)
            part = work.part
        self._save(work, replace(part, counted=True))

    def _require(self, work: "_Work") -> None:
        """Go on only while there is time, and nobody wants the run to stop.

        Raises:
            _StopError: Somebody does, or the time is up.
        """
        found = self._runs.get(work.run.sync, work.run.slot)
        if work.remaining() < LEFT_SECONDS or found is None or found[0].over or found[0].asked is not Wish.NOTHING:
            raise _StopError

    def _opened(self, work: "_Work") -> tuple[Sequence[RowEnd], list[Open]]:
        """Rows that have ended, and those that are looked for; work is told how these are decided about."""
        run, compiled, number = work.run, work.compiled, work.part.number
        if is_removal(run, number):
            gone = self._gone(work)
            work.find, work.decide = gone.found, gone.decide
            if not run.plan:
                return gone.rows(self._objects, number - run.row_parts)
            plan = PlannedPart.of(compiled, planned_writes(self._objects, self._runs, run, number), gone.link.key)
            work.decide = plan.removal(gone.decide)
            return [], plan.rows
        if run.plan:
            writes = planned_writes(self._objects, self._runs, run, number)
            plan = PlannedPart.of(compiled, writes, partial(key_of, compiled))
            work.decide = plan.writing(self.digest)
            if is_derived(run.sync) and isinstance(work.destination, CreatesOnly):
                work.creates_only = work.destination.create_only
                work.new = {position for position, each in plan.writes.items() if each.does == "create"}
            return [], plan.rows
        ended, open_ = prepared(compiled, self._restored(work), source=run.source, at=run.started_at)
        if run.planning:
            work.decide = foreseen(self._objects, run, work.part, compiled)
        elif run.load is Way.BULK:
            # rows of one key go one after the other into one file: a later one meets what the earlier will have made
            work.decide = Foreseen(compiled)
        else:
            work.decide = partial(decide, compiled)
        return ended, open_

    def _gone(self, work: "_Work") -> GonePart:
        """What finds the records of deleted rows."""
        origin = self._vendors.destination(origin_of(work.compiled.sync))
        return GonePart(compiled=work.compiled, run=work.run, destination=work.destination, origin=origin)

    # a chunk

    def _chunk(self, work: "_Work", piece: Sequence[Open]) -> list[RowEnd]:
        """What became of every row of a chunk."""
        begun = self._begun_before(work)
        if work.guards is not None and Outcome.CREATED in begun.values():
            work.guards.free_before()
        ends: dict[int, RowEnd] = {}
        pending, refused = list(piece), dict[int, RowResult]()
        for attempt in range(ROW_TRIES):
            refused = self._attempt(work, pending, begun, ends)
            pending = [work.fresh.pop(item[0].position, item) for item in pending if item[0].position in refused]
            if not pending:
                break
            uncertain = any(result.resolution is Resolution.UNCERTAIN for result in refused.values())
            self._sleep(self.settle.total_seconds() if uncertain else _RETRY_SECONDS * 2**attempt)
        if _BESIDE in refused.values():
            # whoever goes on finds what was written of the others
            raise TransientError(_BESIDE.message, vendor=work.run.destination, code=_BESIDE.code)
        for row, _ in pending:
            ends[row.position] = self._refusal(work, row, refused[row.position])
        every = [ends[position] for position in sorted(ends)]
        if work.back is None:
            return every
        return work.back({row.position: row for row, _ in piece}, every, work.destination, work.run.started_at)

    def _foreseen(
        self,
        work: "_Work",
        piece: Sequence[Open],
        number: int,
        store: Callable[["_Work", int, Sequence[RowWrite]], None],
    ) -> list[RowEnd]:
        """The same where nothing is written now, but stored: the outcome is what is expected."""
        ends: dict[int, RowEnd] = {}
        writes = self._decided(work, piece, {}, ends)
        if work.guards is not None:
            writes = self._left_out(work, work.guards, writes, ends)
        for write in writes:
            position = write.row.position
            ends[position] = RowEnd(position=position, outcome=write.outcome, record_id=write.record_id)
        store(work, number, writes)
        work.part = replace(work.part, tally=work.part.tally + _tally(work, writes))
        return [ends[position] for position in sorted(ends)]

    def _left_out(
        self, work: "_Work", guards: RowGuards, writes: list[RowWrite], ends: dict[int, RowEnd]
    ) -> list[RowWrite]:
        """The writes of a file: rows of which an event has written the record are read again, and decided anew."""
        beside = guards.look(writes).all
        if not beside:
            return writes
        rows = [write.row for write in writes if write.row.position in beside]
        if isinstance(work.decide, Foreseen):
            work.decide.forget(rows)
        self._read_again(work, guards, rows, ends)
        fresh = [work.fresh.pop(row.position) for row in rows if row.position in work.fresh]
        others = [write for write in writes if write.row.position not in beside]
        decided = self._decided(work, fresh, {}, ends) if fresh else []
        return sorted([*others, *decided], key=lambda write: write.row.position)

    def _read_again(self, work: "_Work", guards: RowGuards, rows: Sequence[SourceRow], ends: dict[int, RowEnd]) -> None:
        """Ask the source for rows once more; those that go on are told to `work`, the others have ended."""
        sync, run = work.compiled.sync, work.run
        source = self._vendors.source(sync)
        open_, ended = guards.read_again(rows, source, self._facts(sync, run.version, run.source))
        work.reread += source.calls
        work.fresh |= {item[0].position: item for item in open_}
        ends |= {end.position: end for end in ended}

    def _note_earlier(self, work: "_Work", pieces: Sequence[Sequence[Open]], number: int) -> None:
        """Decide once more about rows that a process before this one has stored, as far as their keys recur."""
        again = {_key(item) for piece in pieces[number - 1 :] for item in piece}
        earlier = [item for piece in pieces[: number - 1] for item in piece if _key(item) in again]
        if earlier:
            self._decided(work, earlier, {}, {})

    def _into_plan(self, work: "_Work", number: int, writes: Sequence[RowWrite]) -> None:
        run, compiled = work.run, work.compiled
        planned = [Planned.of(compiled, write, run.row_mark(write.row.position)) for write in writes]
        write_plan(self._objects, run, work.part, number, planned)

    def _into_file(self, work: "_Work", number: int, writes: Sequence[RowWrite]) -> None:
        compiled, vendor = work.compiled, work.run.destination
        lines, columns = [], import_columns(compiled, vendor)
        for write in writes:
            cells = import_cells(compiled, vendor, write)
            lines.append((write.row.position, write.outcome.value, *map(cells.get, columns)))
        write_import(self._objects, work.run, work.part, number, lines)

    def _begun_before(self, work: "_Work") -> dict[int, Outcome | RowOutcome]:
        """What a process before this one was about to do; it shows by now, if it was done."""
        intent = work.part.intent
        if intent is None:
            return {}
        removal = RowOutcome.FLAGGED if work.compiled.flag else RowOutcome.DELETED
        left = (intent.at + self.settle - self._clock.now()).total_seconds()
        if left > 0:
            self._sleep(left)
        begun: dict[int, Outcome | RowOutcome] = dict.fromkeys(intent.creates, Outcome.CREATED)
        return begun | dict.fromkeys(intent.updates, Outcome.UPDATED) | dict.fromkeys(intent.removals, removal)

    def _attempt(
        self, work: "_Work", pending: Sequence[Open], begun: dict[int, Outcome | RowOutcome], ends: dict[int, RowEnd]
    ) -> dict[int, RowResult]:
        """Look, and write what is not as it should be; gives those that may be sent again.

        Raises:
            SyncError: The call was refused, or a field of the mapping is not there any more.
        """
        guards = work.guards
        if guards is None:
            return self._sent(work, pending, self._decided(work, pending, begun, ends), begun, ends)
        writes = self._decided(work, pending, begun, ends)
        beside = self._before(work, guards, writes)
        writes = [write for write in writes if write.row.position not in beside.all]
        try:
            refused = self._sent(work, pending, writes, begun, ends)
        except UncertainWriteError:
            raise  # what may still come must not come beside an event's: the guards end by themselves
        except (SyncError, _StopError):
            guards.free()
            raise
        # what was written without a guard has lost, where an event wrote at the same time
        written = [
            RowWrite(row=row, fields={}, record_id=ends[row.position].record_id)
            for row, _ in pending
            if row.position in ends and ends[row.position].outcome is begun.get(row.position) is Outcome.UPDATED
        ]
        beside |= guards.look(written)
        guards.free([each for each, said in refused.items() if said.resolution is Resolution.UNCERTAIN])
        for position in beside.all:
            ends.pop(position, None)
        if not work.run.plan:
            self._read_again(work, guards, [row for row, _ in pending if row.position in beside.won], ends)
        return refused | dict.fromkeys(beside.all - ends.keys(), _BESIDE)

    def _before(self, work: "_Work", guards: RowGuards, writes: Sequence[RowWrite]) -> Beside:
        """What is not to be written: an event is at work on it, or has written it since it was looked for."""
        beside, doubtful = guards.take(writes)
        if doubtful:
            found = self._found(work, [write.row for write in doubtful])
            made = {write.row.position for write in doubtful if found.get(write.row.key or ())}
            beside |= Beside(busy=frozenset(made))
        return beside if work.run.plan else beside | guards.look(write for write in writes if write.record_id)

    def _sent(
        self,
        work: "_Work",
        pending: Sequence[Open],
        writes: Sequence[RowWrite],
        begun: dict[int, Outcome | RowOutcome],
        ends: dict[int, RowEnd],
    ) -> dict[int, RowResult]:
        """Write; gives the rows that may be sent again."""
        refused: dict[int, RowResult] = {}
        if not writes:
            return refused
        self._intend(work, writes, begun)
        said_of = dict(self._write(work, writes))
        drifted = next((result for result in said_of.values() if result.code in _DRIFTED), None)
        if drifted is not None:
            raise PermanentError(drifted.message, vendor=work.run.destination, code=drifted.code)
        for write in self._instead(work, pending, writes, said_of, begun=begun, ends=ends):
            result = said_of[write.row.position]
            there = not write.record_id and work.creates_only and result.code == ALREADY_THERE
            if there:
                work.new.discard(write.row.position)
            if there or (write.record_id and result.code == ENTITY_IS_DELETED):
                begun.pop(write.row.position)  # nothing was written; what is done instead may be another thing
                refused[write.row.position] = result
            elif not result.ok and result.resolution in _AGAIN:
                refused[write.row.position] = result
            else:
                ends[write.row.position] = self._end(work, write, result)
        return refused

    def _instead(
        self,
        work: "_Work",
        pending: Sequence[Open],
        writes: Sequence[RowWrite],
        said_of: dict[int, RowResult],
        *,
        begun: dict[int, Outcome | RowOutcome],
        ends: dict[int, RowEnd],
    ) -> list[RowWrite]:
        """The writes that have a result now: where the org's duplicate rule found the record, it is updated instead.

        What a plan lists is made or refused, but not replaced.
        """
        if work.compiled.sync.destination.duplicate_rules != "use_match" or work.run.plan:
            return list(writes)
        values = {row.position: taken for row, taken in pending}
        found = matched(work.destination, work.compiled, writes, values, said_of)
        updates = [each for each in found if isinstance(each, RowWrite)]
        for end in found:
            if isinstance(end, RowEnd):
                ends[end.position] = end
        if updates:
            begun |= {write.row.position: write.outcome for write in updates}
            self._intend(work, updates, begun)
            said_of |= self._write(work, updates)
        replaced = {write.row.position: write for write in updates}
        return [replaced.get(each.row.position, each) for each in writes if each.row.position not in ends]

    def _decided(
        self,
        work: "_Work",
        pending: Sequence[Open],
        begun: Mapping[int, Outcome | RowOutcome],
        ends: dict[int, RowEnd],
    ) -> list[RowWrite]:
        found = self._found(work, [row for row, _ in pending if row.position in begun or row.position not in work.new])
        met = self._met(work, [item for item in pending if not found.get(item[0].key or ())])
        writes: list[RowWrite] = []
        for row, values in pending:
            records = found.get(row.key or ()) or met.get(row.position, [])
            earlier = begun.get(row.position)
            decided = work.decide(row, values, records)
            if isinstance(decided, RowWrite):
                writes.append(decided)
            elif earlier is not None and _is_done(earlier, decided, records):
                # what a process before this one was about to write is there
                ends[row.position] = replace(decided, outcome=earlier, reason="", message="")
            else:
                ends[row.position] = decided
        return writes

    def _found(self, work: "_Work", rows: Sequence[SourceRow]) -> "_Found":
        """Records of the destination by the keys of rows."""
        if work.find is not None:
            return work.find(rows)
        keys = {row.key: key_values(work.compiled, row) for row in rows}
        by_key: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
        for number, piece in enumerate(chunks(list(keys.values()), work.rows)):
            if number:
                self._require(work)
            for record in work.destination.find(piece, work.compiled.read_fields):
                by_key.setdefault(record_key(work.compiled, record), []).append(record)
        return by_key

    def _met(self, work: "_Work", pending: Sequence[Open]) -> Mapping[int, Sequence[Mapping[str, Any]]]:
        """By position people whom nothing links and who have the address of a row by now that was new a while ago.

        Nobody has the row's key, by which the vendor itself looks: that would make the same person a second time.
        """
        email = EMAILS[Side.MARKETO]
        wanted = {
            row.position: address
            for row, values in pending
            if row.position in work.new and (address := normalised(values.get(email) or ""))
        }
        if not wanted or self._clock.now() - work.run.started_at < _FOUND_LONG_AGO:
            return {}
        key, fields = work.compiled.key_fields[0].name, {*work.compiled.read_fields, email}
        found: dict[str, list[Mapping[str, Any]]] = {}
        for piece in chunks([{email: each} for each in dict.fromkeys(wanted.values())], work.rows):
            self._require(work)
            for record in work.destination.find(piece, sorted(fields)):
                if blank(record.get(key)):
                    found.setdefault(normalised(record.get(email)), []).append(record)
        return {position: found[address] for position, address in wanted.items() if address in found}

    def _intend(self, work: "_Work", writes: Sequence[RowWrite], begun: dict[int, Outcome | RowOutcome]) -> None:
        """Store what is about to be written."""
        for write in writes:
            begun.setdefault(write.row.position, write.outcome)
        intent = Intent(
            at=self._clock.now(),
            creates=tuple(sorted(each for each, outcome in begun.items() if outcome is Outcome.CREATED)),
            updates=tuple(sorted(each for each, outcome in begun.items() if outcome is Outcome.UPDATED)),
            removals=tuple(sorted(each for each, outcome in begun.items() if outcome in REMOVALS)),
        )
        self._save(work, replace(work.part, intent=intent))

    def _about_to_write(self, work: "_Work") -> None:
        """Make sure that the stored intent is a fresh one when a call leaves.

        Whoever takes the partition waits from the intent on, so a process that fell asleep over it has to store it once
        more, and hears that it was overtaken.
        """
        while True:
            now = self._clock.now()
            intent = work.part.intent or Intent(at=now - self.settle)
            if not stale(intent.at, now, self.settle):
                return
            self._save(work, replace(work.part, intent=replace(intent, at=now)))

    def _write(self, work: "_Work", writes: Sequence[RowWrite]) -> Mapping[int, RowResult]:
        """What the vendor says of each.

        Raises:
            SyncError: Nothing is known of some of them; the next look tells what became of them.
        """
        creates = [write for write in writes if not write.record_id]
        updates = [write for write in writes if write.record_id and write.does != "delete"]
        deletes = [write for write in writes if write.does == "delete"]
        found: dict[int, RowResult] = {}

        def create(piece: Sequence[RowWrite]) -> Sequence[RowResult]:
            rows = [_new(work, write) for write in piece]
            return work.creates_only(rows) if work.creates_only else self._create(work, rows)

        def update(piece: Sequence[RowWrite]) -> Sequence[RowResult]:
            own = work.compiled.id_field
            return work.destination.update([{own: write.record_id, **write.fields} for write in piece])

        def delete(piece: Sequence[RowWrite]) -> Sequence[RowResult]:
            if not isinstance(work.destination, Deletes):
                raise ConfigurationError([f"deletes: no {work.compiled.sync.destination.object} can be deleted"])
            return work.destination.delete([write.record_id for write in piece])

        calls = [(piece, create) for piece in chunks(creates, work.rows)]
        calls += [(piece, update) for piece in chunks(updates, work.rows)]
        calls += [(piece, delete) for piece in chunks(deletes, work.rows)]
        for number, (piece, call) in enumerate(calls):
            if number:
                self._require(work)

            def send(piece: Sequence[RowWrite], call: _Call = call) -> Sequence[RowResult]:
                self._about_to_write(work)
                return call(piece)

            said_of = isolate([piece], send, lambda _, error: isinstance(error, SpoiledCallError))
            found |= {write.row.position: result for write, result in said_of.answered}
            for write, error in said_of.culprits:
                found[write.row.position] = RowResult(
                    ok=False, code=error.code, message=error.detail, resolution=Resolution.REJECT
                )
            if said_of.refused:
                raise said_of.refused[0][1]
        return found | self._made_before(work, creates, found)

    def _create(self, work: "_Work", rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        said_of = work.destination.create(rows)
        if work.compiled.sync.destination.duplicate_rules == "use_match" and not work.run.plan:
            return named(work.destination, rows, said_of)
        return said_of

    def _made_before(
        self, work: "_Work", creates: Sequence[RowWrite], found: Mapping[int, RowResult]
    ) -> dict[int, RowResult]:
        """New records that the vendor refuses since they are there already, by our own id of their row."""
        field = work.compiled.sync.destination.idempotency_field
        marks = {
            work.run.row_mark(write.row.position): write.row.position
            for write in creates
            if found[write.row.position].code == "DUPLICATE_VALUE"
        }
        if not field or not marks:
            return {}
        own = work.compiled.id_field
        return {
            marks[record[field]]: RowResult(ok=True, status="created", id=str(record[own]))
            for piece in chunks([{field: mark} for mark in marks], work.rows)
            for record in work.destination.find(piece, [own, field])
            if record[field] in marks
        }

    def _end(self, work: "_Work", write: RowWrite, result: RowResult) -> RowEnd:
        if result.ok and result.status == HANDED_OVER:
            return RowEnd(position=write.row.position, outcome=RowOutcome.HANDED_OVER, record_id=result.id or "")
        if result.ok:
            created = not write.record_id and result.status != "updated"
            outcome = write.outcome if write.does != "write" else Outcome.CREATED if created else Outcome.UPDATED
            return RowEnd(
                position=write.row.position,
                outcome=outcome,
                record_id=write.record_id or result.id or "",
            )
        return self._refusal(work, write.row, result)

    def _refusal(self, work: "_Work", row: SourceRow, result: RowResult) -> RowEnd:
        vendor = work.run.destination
        if work.compiled.sync.destination.action:
            # nobody but we has looked at it
            return RowEnd(position=row.position, outcome=Outcome.FAILED, reason=result.code, message=result.message)
        outcome = Outcome.SKIPPED if result.resolution is Resolution.OK else Outcome.FAILED
        word = "vendor_left" if outcome is Outcome.SKIPPED else "vendor_refused"
        told = said(word, vendor=vendor.capitalize(), code=result.code, detail=result.message)
        return RowEnd(
            position=row.position,
            outcome=outcome,
            record_id=result.id or "",
            reason=f"{vendor}_{result.code or 'unknown'}",
            message=told.message,
        )

    # what is stored

    def _save(self, work: "_Work", part: Part) -> None:
        work.part = replace(going_on(part), calls=part.calls + work.spent())
        self._runs.save_part(work.part)

    def _hold(self, work: "_Work", error: SyncError) -> None:
        part, now = work.part, self._clock.now()
        held = held_by(error, part, now)
        if isinstance(error, UncertainWriteError):
            held = Held(waiting=Waiting.SETTLING, due_at=now + self.settle)
        part = replace(part, calls=part.calls + work.spent())
        if held is None:
            part = replace(part, reason=reason_of(error), message=error.detail or text(error))
        else:
            part = put_off(part, held, now)
        self._runs.save_part(part)


#: a vendor's call that writes rows
#: records of the destination by the keys of rows
type _Found = Mapping[tuple[str, ...], Sequence[Mapping[str, Any]]]
type _Call = Callable[[Sequence[RowWrite]], Sequence[RowResult]]


class _StopError(Exception):
    """Nothing more is to be asked or written for now."""


class _Work:
    """A partition while it is loaded."""

    compiled: CompiledSync
    destination: SyncDestination
    decide: Decide
    #: finds the records of deleted rows, in place of those that have the keys of rows
    find: Callable[[Sequence[SourceRow]], _Found] | None = None
    #: creates only what is not there, so that rows that are new by a plan need no look
    creates_only: Callable[[Sequence[Mapping[str, Any]]], Sequence[RowResult]] | None = None
    back: WriteBack | None = None
    guards: RowGuards | None = None
    #: calls for what the extract does not tell
    reread: int = 0

    def __init__(self, run: SyncRun, part: Part, remaining: Callable[[], float]) -> None:
        self.run = run
        self.part = part
        self.remaining = remaining
        #: rows that were read once more, by position
        self.fresh: dict[int, Open] = {}
        #: positions of rows that are new by a plan
        self.new = set[int]()
        self._counted = 0

    @property
    def rows(self) -> int:
        """Rows of a call."""
        return self.destination.rows

    def spent(self) -> int:
        """Vendor calls since this was last asked."""
        calls = self.destination.calls + self.reread + (self.back.calls if self.back else 0)
        new, self._counted = calls - self._counted, calls
        return new


def _tally(work: _Work, writes: Sequence[RowWrite]) -> Tally:
    """What writes would do; those of a Sync to an Action are calls."""
    if work.compiled.sync.destination.action:
        return Tally(calls=len(writes))
    return sum(map(tally_of, writes), Tally())


def _through(part: Part, ends: Sequence[RowEnd], number: int, *, last: bool) -> Part:
    counts = dict.fromkeys(Totals.__slots__, 0)
    for end in ends:
        counts[end.outcome.value] += 1
    failed = (*part.failed_in, number) if counts["failed"] else part.failed_in
    return replace(
        part,
        chunks=number + 1,
        tellers=(*(part.teller(chunk) for chunk in range(number)), part.epoch),
        totals=part.totals + Totals(**counts),
        failed_in=failed,
        waits=part.waits or any(waits(end) for end in ends),
        intent=None,
        finished=last,
    )


def _ended(row: SourceRow, outcome: Outcome, reason: str, **facts: object) -> RowEnd:
    told = said(reason, **facts)
    return RowEnd(position=row.position, outcome=outcome, reason=told.reason, message=told.message)


def _is_done(earlier: Outcome | RowOutcome, decided: RowEnd, records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a process before this one has done what it was about to do, seen by what there is left to do."""
    if earlier is RowOutcome.DELETED:
        return not records
    return bool(records) and (decided.outcome is Outcome.UNCHANGED or decided.reason == "already_there")


def _new(work: _Work, write: RowWrite) -> Mapping[str, Any]:
    """The fields of a new record, with our own id of its row where there is a place for it."""
    sync = work.compiled.sync
    if sync.destination.action:
        return {**write.fields, CALL: call_id(work.run, sync, write.row)}
    field = sync.destination.idempotency_field
    return {**write.fields, field: work.run.row_mark(write.row.position)} if field else write.fields


def _may_write(described: FieldDescription | None) -> bool:
    """Whether a field is there, and somebody may write it."""
    return described is not None and (described.createable or described.updateable)


def _key(item: Open) -> str:
    return "\x1f".join(item[0].key or ())
