"""Write what is chained to the persons' records: one query and one collections call for all who are at one object.

Each event advances by one link at a time. Before a link is written its intent is stored with the event, after it its
result, so that whoever comes later goes on where this run stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from leadbridge.domain import chain, explanation, pipeline
from leadbridge.domain.chain import LinkLook, LinkWrite, Search
from leadbridge.domain.event import Event, Result
from leadbridge.domain.links import CompiledLink
from leadbridge.domain.outcome import Outcome, message
from leadbridge.domain.pipeline import Candidate, Wait
from leadbridge.domain.postponement import vendor_reason
from leadbridge.domain.records import Resolution, RowResult
from leadbridge.domain.sources import Inputs
from leadbridge.errors import ContractError, PermanentError, SyncError, UncertainWriteError
from leadbridge.ports import Clock, Connections, Guarded, Inbox
from leadbridge.usecases.batch import (
    DUPLICATES_DETECTED,
    NAMING_TRIES,
    Entry,
    RunSettings,
    chunks,
    grouped,
    once_each,
    require,
    stale,
    tries,
)
from leadbridge.usecases.closing import Closing, repeatable
from leadbridge.usecases.isolation import isolate

#: rows of one Salesforce collections call
COLLECTION_LIMIT = 200

type Row = Mapping[str, Any]
type Obtained = Mapping[str, Mapping[str, Guarded]]
#: a candidate, its next link, and what the link may take values from
type Turn = tuple[Candidate, CompiledLink, Inputs]


class RunChain:
    """Brings the links of written events to their results; what cannot go on now is given back."""

    def __init__(
        self, *, connections: Connections, inbox: Inbox, clock: Clock, closing: Closing, settings: RunSettings
    ) -> None:
        self._connections = connections
        self._inbox = inbox
        self._clock = clock
        self._closing = closing
        self._settings = settings

    def __call__(self, entries: Sequence[Entry], obtained: Obtained, may_go_on: Callable[[], bool]) -> list[Entry]:
        """The entries that may be told, each with what became of its links; the others were given back.

        Raises:
            StoppedError: `may_go_on` said no; nothing was written after that.
        """
        by_id = {entry.event.execution_id: entry for entry in entries}
        through = [entry for entry in entries if chain.following(entry.candidate) is None]
        waiting = [entry.candidate for entry in entries if chain.following(entry.candidate) is not None]
        while waiting:
            advanced = self._advance(waiting, obtained, may_go_on)
            for item in advanced:
                by_id[item.event.execution_id].candidate = item
            through += [by_id[item.event.execution_id] for item in advanced if chain.following(item) is None]
            waiting = [item for item in advanced if chain.following(item) is not None]
        for entry in through:
            if entry.event.chain:
                entry.result = chain.concluded(entry.candidate)
        return through

    def _advance(
        self, items: Sequence[Candidate], obtained: Obtained, may_go_on: Callable[[], bool]
    ) -> list[Candidate]:
        """The candidates with the result of their next link."""
        done: list[Candidate] = []
        writes: list[LinkWrite] = []
        waiting: list[Event] = []
        searches, ended = self._searches(items)
        done.extend(ended)
        answers, failed = self._find(searches)
        for same, error in failed:
            self._closing.postpone([search.candidate for search in same], error)
        for search, found in answers:
            item = search.candidate
            guards = _guards(item, search.link, obtained[item.event.execution_id])
            newest = max((state.last.get(item.event.action_id, "") for state in guards.values()), default="")
            decided = chain.decide(
                search,
                found,
                now=self._clock.now(),
                settle=self._settings.settle,
                written=pipeline.written_under({guard: state.writes for guard, state in guards.items()}),
                overtaken=newest > item.event.sequence,
            )
            if isinstance(decided, LinkWrite):
                writes.append(decided)
            elif isinstance(decided, Wait):
                waiting.append(explanation.chained(item).event.evolve(due_at=decided.until))
            else:
                done.append(chain.settled(item, search.link, decided))
        self._closing.defer(waiting)
        for alike in grouped(writes, _call_group):
            done.extend(self._write(alike, may_go_on))
        return self._keep(done)

    # by what records are found

    def _searches(self, items: Sequence[Candidate]) -> tuple[list[Search], list[Candidate]]:
        """What is looked for, and the candidates of which that cannot be told."""
        searches: list[Search] = []
        ended: list[Candidate] = []
        for item, link, inputs in self._turns(items):
            look = chain.look_of(item, link, inputs)
            if isinstance(look, Result):
                ended.append(chain.settled(item, link, look))
            else:
                searches.append(Search(candidate=item, link=link, inputs=inputs, look=look))
        return searches, ended

    def _turns(self, items: Sequence[Candidate]) -> list[Turn]:
        """The next link of each, with the records it takes values from; those that cannot be read are given back."""
        nexts = [(item, link) for item in items if (link := chain.following(item)) is not None]
        wanted = {item.event.execution_id: tuple(chain.needs(item, link)) for item, link in nexts}
        records: dict[str, Row] = {}
        lost: set[str] = set()
        asked = [(item, each) for item, _ in nexts for each in wanted[item.event.execution_id]]
        for same in grouped(asked, lambda one: (_connection(one[0]), one[1][0], one[1][2])):
            (first, (object_name, _, fields)) = same[0]
            ids = list(dict.fromkeys(record_id for _, (_, record_id, _) in same))
            try:
                found = self._connections.salesforce(_connection(first)).find(
                    object_name, sorted({"Id", *fields}), "Id", ids
                )
            except SyncError as error:
                given_back = {item.event.execution_id: item for item, _ in same}
                self._closing.postpone([item for name, item in given_back.items() if name not in lost], error)
                lost |= given_back.keys()
                continue
            for record in found:
                known = records.get(str(record["Id"]), {})
                records[str(record["Id"])] = {**known, **record}
        return [
            (item, link, chain.inputs_of(item, records)) for item, link in nexts if item.event.execution_id not in lost
        ]

    def _find(
        self, searches: Sequence[Search]
    ) -> tuple[list[tuple[Search, Sequence[Row]]], list[tuple[Sequence[Search], SyncError]]]:
        """What the looks find, and the searches for which a call failed, with its error."""
        answers: list[tuple[Search, Sequence[Row]]] = [(each, ()) for each in searches if each.look is None]
        failed: list[tuple[Sequence[Search], SyncError]] = []
        for same in grouped([(each, each.look) for each in searches if each.look is not None], _query):
            first, look = same[0]
            (field, _), values = look.pairs[0], list(dict.fromkeys(each.pairs[0][1] for _, each in same))
            try:
                client = self._connections.salesforce(_connection(first.candidate))
                found = client.find(first.link.object, look.fields, field.name, values)
            except SyncError as error:
                failed.append(([search for search, _ in same], error))
            else:
                answers += [(search, [record for record in found if each.finds(record)]) for search, each in same]
        return answers, failed

    # the write

    def _write(self, writes: Sequence[LinkWrite], may_go_on: Callable[[], bool]) -> list[Candidate]:
        kept = {event.execution_id: event for event in self._inbox.save([chain.begun(write) for write in writes])}
        done: list[Candidate] = []
        for calm in once_each([write.with_event(kept[_id(write)]) for write in writes if _id(write) in kept], _record):
            for chunk in chunks(calm, COLLECTION_LIMIT):
                done.extend(self._write_chunk(chunk, may_go_on))
        return done

    def _write_chunk(self, chunk: Sequence[LinkWrite], may_go_on: Callable[[], bool]) -> list[Candidate]:
        latest: dict[str, LinkWrite] = {}

        def call(piece: Sequence[LinkWrite]) -> Sequence[RowResult]:
            require(may_go_on)
            intended = self._intended(piece)
            # lost to a newer epoch, or asleep while they were stored
            require(lambda: len(intended) == len(piece) and not self._stale(intended))
            latest.update((_id(write), write) for write in intended)
            first = piece[0]
            client = self._connections.salesforce(_connection(first.candidate))
            allow = first.link.document.duplicate_rules == "allow"
            if first.intent.operation == "update":
                rows = [{"Id": write.intent.record_id} | dict(write.fields) for write in piece]
                return client.update(first.link.object, rows, allow_duplicates=allow)
            return client.create(first.link.object, [write.fields for write in piece], allow_duplicates=allow)

        def known(piece: Sequence[LinkWrite]) -> Sequence[LinkWrite]:
            return [latest.get(_id(write), write) for write in piece]

        found = isolate([chunk], call, lambda _, error: isinstance(error, PermanentError | ContractError))
        done: list[Candidate] = []
        for piece, error in [*found.refused, *(([write], error) for write, error in found.culprits)]:
            if isinstance(error, UncertainWriteError):
                done.extend(self._look_at_once(known(piece), error))
            else:
                self._closing.postpone([explanation.chained(chain.undone(write)) for write in known(piece)], error)
        redirected: list[LinkWrite] = []
        for sent, row in found.answered:
            [write] = known([sent])
            judged = self._judge(write, row)
            if isinstance(judged, LinkWrite):
                redirected.append(judged)
            elif judged is not None:
                done.append(chain.settled(write.candidate, write.link, judged))
        for same in grouped(redirected, _call_group):
            done.extend(self._write(same, may_go_on))
        return done

    def _intended(self, writes: Sequence[LinkWrite]) -> Sequence[LinkWrite]:
        """The writes with intents that are fresh when their call leaves; what a newer epoch holds is dropped."""
        if not self._stale(writes):
            return writes
        now = self._clock.now()
        renewed = [replace(write, intent=replace(write.intent, at=now)) for write in writes]
        kept = {event.execution_id: event for event in self._inbox.save([chain.begun(write) for write in renewed])}
        return [write.with_event(kept[_id(write)]) for write in renewed if _id(write) in kept]

    def _stale(self, writes: Sequence[LinkWrite]) -> bool:
        return any(stale(write.intent.at, self._clock.now(), self._settings.settle) for write in writes)

    def _look_at_once(self, piece: Sequence[LinkWrite], error: UncertainWriteError) -> list[Candidate]:
        """Look once for new records whose answer was lost; what is not there is given back, to be looked for later."""
        done: list[Candidate] = []
        missing = {_id(write): write.candidate for write in piece}
        searches: list[Search] = []
        for item, link in ((write.candidate, write.link) for write in piece if write.intent.operation == "create"):
            inputs = chain.inputs_of(item, {})
            look = chain.look_of(item, link, inputs)
            if isinstance(look, LinkLook):
                searches.append(Search(candidate=item, link=link, inputs=inputs, look=look))
        answers, _ = self._find(searches)  # where that fails the later run asks again
        for search, found in answers:
            result = chain.made(search, found)
            if result is not None:
                done.append(chain.settled(missing.pop(search.candidate.event.execution_id), search.link, result))
        self._closing.postpone([explanation.chained(item) for item in missing.values()], error)
        return done

    def _judge(self, write: LinkWrite, row: RowResult) -> Result | LinkWrite | None:
        """The result of one record, what is written instead, or None if it was given back to be tried again."""
        event = write.candidate.event
        creates = write.intent.operation == "create"
        if row.ok:
            outcome = Outcome.CREATED if creates else Outcome.UPDATED
            return Result(outcome=outcome, record_id=str(row.id or write.intent.record_id))
        made = tries(event, row.code, vendor="salesforce")
        # somebody else made the record since we looked
        raced = row.code == "DUPLICATE_VALUE" and creates and made == 0
        if row.code == DUPLICATES_DETECTED and creates and write.link.document.duplicate_rules == "use_match":
            instead = chain.instead(write, row.matches, now=self._clock.now())
            if instead is not None:
                return instead
            raced = not row.matches and made < NAMING_TRIES
        if raced or repeatable(row, made):
            doubt = row.resolution is Resolution.UNCERTAIN
            again = explanation.chained(write.candidate if doubt else chain.undone(write)).event
            self._closing.again(again, row, vendor="salesforce", at_once=raced, look_later=doubt)
            return None
        self._closing.refused(row, vendor="salesforce")
        text = message("vendor_refused", vendor="Salesforce", code=row.code, detail=row.message)
        return Result(outcome=Outcome.FAILED, reason=vendor_reason("salesforce", row.code), message=text)

    def _keep(self, items: Sequence[Candidate]) -> list[Candidate]:
        """Store the results; what a newer epoch holds is dropped."""
        told = {item.event.execution_id: explanation.chained(item) for item in items}
        saved = self._inbox.save([item.event for item in told.values()]) if told else []
        return [told[event.execution_id].with_event(event) for event in saved]


def _guards(item: Candidate, link: CompiledLink, obtained: Mapping[str, Guarded]) -> dict[str, Guarded]:
    """The keys under which the record of a link is written."""
    own = {*item.own_guards, *([item.link_guards[link.name]] if link.name in item.link_guards else [])}
    return {guard: state for guard, state in obtained.items() if guard in own}


def _connection(item: Candidate) -> str:
    return item.compiled.action.destination.connection


def _id(write: LinkWrite) -> str:
    return write.candidate.event.execution_id


def _record(write: LinkWrite) -> str:
    """What a write is about: the record, or the event that makes one."""
    return write.intent.record_id or _id(write)


def _query(searched: tuple[Search, LinkLook]) -> tuple[str, ...]:
    """Searches with the same query are made by one call."""
    search, look = searched
    return _connection(search.candidate), search.link.object, look.pairs[0][0].name, *look.fields


def _call_group(write: LinkWrite) -> tuple[str, str, str, str]:
    """Writes with the same group may go in one call."""
    policy = write.link.document.duplicate_rules or ""
    return _connection(write.candidate), write.link.object, write.intent.operation, policy
