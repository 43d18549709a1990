"""One step of a run of a Sync: gathers what the step needs, lets the domain decide, stores what became of the run.

A step may be repeated at any time, also one that died half-way; what it stored is written once more, the same. Two
executions of one run do not disturb each other, since the run is stored under its version.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from leadbridge.cycle_ports import Links
from leadbridge.domain import syncing
from leadbridge.domain.carried import Asked, ended
from leadbridge.domain.carried_changes import told_anew
from leadbridge.domain.condition_values import stamped
from leadbridge.domain.cycle_people import PERSON
from leadbridge.domain.cycle_syncs import cycle_of
from leadbridge.domain.event import iso
from leadbridge.domain.evolving import replace
from leadbridge.domain.gone import FATE
from leadbridge.domain.looked_up import looked_up_columns
from leadbridge.domain.partitioning import partitions_for
from leadbridge.domain.reading import fingerprint, reads_anew
from leadbridge.domain.source_query import KEPT, Anew, SourceQuery, changed_in, columns_of, seen_of, source_query
from leadbridge.domain.source_query import Way as QueryWay
from leadbridge.domain.sync import LoggedSource, Sync
from leadbridge.domain.sync_imports import import_columns, import_request
from leadbridge.domain.sync_objects import Readable, readable
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.sync_plan import choose_extract, choose_load
from leadbridge.domain.sync_words import said
from leadbridge.domain.syncing import Step, SyncRun, Way
from leadbridge.domain.waits import Waiting
from leadbridge.domain.watermarks import EVERYTHING, Window, ceiling, deletions
from leadbridge.errors import ConfigurationError, SyncError
from leadbridge.files.errors import SchemaDriftError, UnreadableFileError
from leadbridge.ports import Clock, Documents, Meter, Objects
from leadbridge.sync_ports import Page, Sample, SyncRuns, SyncSource, SyncVendors, TellsGone
from leadbridge.usecases import failed_rows
from leadbridge.usecases.hand_over import why_not
from leadbridge.usecases.load_partition import LEFT_SECONDS as LOADING_SECONDS
from leadbridge.usecases.load_partition import LoadPartition
from leadbridge.usecases.one_step import answer, one_step
from leadbridge.usecases.planned_rows import first_rows
from leadbridge.usecases.source_facts import SourceFacts
from leadbridge.usecases.sync_files import (
    attach_import,
    extract_run,
    import_key,
    import_run,
    join_import,
    page_key,
    place,
    write_gone,
    write_page,
)
from leadbridge.usecases.sync_window import way_of, window_of

#: no new page is begun in the last seconds of an invocation
LEFT_SECONDS = 60.0
#: vendor calls for the rows of a sample where nothing reads just some
BUDGET = 15
#: a subscription that has no extracts by time of change; the log of changes tells the same
NO_FILTER = "marketo_1035"
#: the subscription makes no extracts at all
NO_EXTRACTS = "marketo_703"
#: so many activities are read page by page where a subscription makes no extracts: some 3,500 calls, with their people;
#: calls of a look that tells how many there are
MOST_LOGGED, LOOK = 500_000, 12
#: a turn adds about a dozen events to an execution's history, which holds 25,000
MOST_TURNS = 500


class RunSyncStep:
    """The use-case of `run_sync_step`."""

    def __init__(
        self,
        *,
        documents: Documents,
        runs: SyncRuns,
        objects: Objects,
        vendors: SyncVendors,
        facts: SourceFacts,
        load: LoadPartition,
        clock: Clock,
        meter: Meter,
        first_reading: Callable[[bool], None] = lambda _: None,
        most_turns: int = MOST_TURNS,
        links: Callable[[str], Links] | None = None,
    ) -> None:
        """`first_reading` is told of each run, before it calls a vendor, whether it is a Sync's first.

        `links` are what a cycle remembers, by its id; without it all that was logged is read.

        `most_turns`: after so many steps a run goes on in a new execution.
        """
        self._documents = documents
        self._runs = runs
        self._objects = objects
        self._vendors = vendors
        self._facts = facts
        self._load = load
        self._clock = clock
        self._meter = meter
        self._first_reading = first_reading
        self._most_turns = most_turns
        self._links = links

    def __call__(self, order: SyncOrder, remaining: Callable[[], float]) -> dict[str, Any]:
        """Take the run's next step, or load partitions of it; tells the state machine where to go on.

        Raises:
            ConfigurationError: There is no such run.
            TransientError: A store is away; the state machine tries again.
        """
        if order.parts:
            return {"parts": self._load_parts(order, remaining)}

        def take(run: SyncRun, version: int) -> tuple[SyncRun, int]:
            work = _Work(run, version, remaining, order.child)
            self._first_reading(run.first_reading)
            try:
                self._take(work)
            finally:
                self._vendors.report_quota()
            return work.run, work.version

        run, _, turns = one_step(
            order, lambda: self._read(order), take, self._runs.save, clock=self._clock, most_turns=self._most_turns
        )
        return self._answer(run, turns)

    def _steps(self) -> Mapping[Step, Callable[["_Work"], None]]:
        return {
            Step.BEGIN: self._begin,
            Step.EXTRACT: self._extract,
            Step.EXTRACT_FILES: self._extracted,
            Step.PARTITION: self._partition,
            Step.LOAD: self._loaded,
            Step.JOIN: self._join,
            Step.LOAD_FILES: self._imported,
            Step.COMMIT: self._commit,
        }

    def _load_parts(self, order: SyncOrder, remaining: Callable[[], float]) -> int:
        """Load partitions, one after the other, as long as there is time and nobody wants the run to stop."""
        begun = 0
        try:
            for number in order.parts:
                run, _ = self._read(order)
                if begun and (remaining() < LOADING_SECONDS or run.over or run.asked is not Asked.NOTHING):
                    break
                self._first_reading(run.first_reading)
                self._load(run, self._sync(run), number, remaining)
                begun += 1
        finally:
            self._vendors.report_quota()
        return begun

    def _take(self, work: "_Work") -> None:
        # what an import has written is told first, whatever somebody wants by now
        ended_import = work.run.step is Step.LOAD_FILES and work.child is not None
        heard = None if ended_import else syncing.obeyed(work.run, self._clock.now())
        if heard is None:
            self._go(work)
        else:
            self._save(work, heard)
        if work.run.over:
            self._runs.release(work.run.sync, work.run.slot, work.run.epoch)
            self._meter.count("SyncRunsFailed" if work.run.step is Step.FAILED else "SyncRunsDone")

    def _go(self, work: "_Work") -> None:
        try:
            work.sync = self._sync(work.run)
            self._steps()[work.run.step](work)
        except (UnreadableFileError, SchemaDriftError) as error:
            self._save(work, ended(work.run, Step.FAILED, self._clock.now(), error.code, error.detail))
        except SyncError as error:
            if error.vendor == "aws":
                raise  # a store is away: nothing can be stored of it either
            self._save(work, syncing.refused(work.run, error, self._clock.now()))

    def _sync(self, run: SyncRun) -> Sync:
        stored = self._documents.get("sync", run.sync, run.version)
        if stored is None or not isinstance(stored.document, Sync):
            raise ConfigurationError([f"there is no version {run.version} of the Sync {run.sync}"])
        if not run.reads_only or run.step is Step.BEGIN:
            return stored.document
        return seen_of(stored.document, self._facts(stored.document, run.version, run.source).fields)

    def _save(self, work: "_Work", run: SyncRun) -> None:
        if run.over and run.step is not Step.DONE:
            run = self._at_rest(work.run, run)
        now = self._clock.now()
        run = replace(syncing.waited(self._closed(run, work.run.step), now), seen_at=now)
        work.version = self._runs.save(run, work.version)
        work.run = run

    def _at_rest(self, run: SyncRun, through: SyncRun) -> SyncRun:
        """A run that ends before it is through; or as it was, while something that it sent may still arrive.

        The next run must not look before: what comes late would be there twice, or take the place of newer values.
        """
        parts = [part for part in self._runs.parts(run.sync, run.slot) if not part.finished]
        # whoever still loads one of them writes nothing from now on
        fenced = [self._runs.take_part(run.sync, run.slot, part.number) for part in parts]
        due_at = max((part.intent.at + self._load.settle for part in fenced if part.intent), default=None)
        if due_at is None or due_at <= self._clock.now():
            return through
        return replace(run, waiting=Waiting.SETTLING, due_at=due_at)

    def _closed(self, run: SyncRun, last: Step) -> SyncRun:
        """A run that has just ended, in its step `last`, keeps the counts of its partitions."""
        if not run.over or run.totals.rows:
            return run
        counted = syncing.summed(replace(run, step=last), self._runs.parts(run.sync, run.slot))
        return replace(counted, step=run.step)

    # the steps

    def _begin(self, work: "_Work") -> None:
        run, sync, now = work.run, work.sync, self._clock.now()
        if missing := why_not(self._documents, sync):
            raise ConfigurationError([missing])
        if run.retry_of:
            self._save(work, syncing.wants(run, self._failed_before(run)))
            return
        if run.plan:
            self._save(work, syncing.applies(run, self._read(SyncOrder(sync=run.sync, slot=run.plan))[0]))
            return
        source = self._vendors.source(sync)
        if run.until is not None:
            self._begin_window(work, source)
            return
        read, idle, standing = EVERYTHING, False, self._runs.standing(run.sync)
        if run.incremental:
            read, idle = window_of(self._runs, source, work.sync, run.source, now)
        if sync.deletes != "ignore" and not run.most:
            # what was deleted before the first run that asks is nobody's
            run = self._telling_gone(run, read.until or ceiling(run.source, now, source.covered(now).until))
        if idle:
            begun = syncing.begun(replace(run, calls=run.calls + source.calls), read, Way.REST, None)
            self._save(work, syncing.extracted(begun, 1, Way.REST))
            return
        way = Way.REST if run.most else self._way(work, run, read)
        made_since = source.made_since() if way is Way.BULK and read.since is None else None
        size = standing.records if read.since is not None else 0
        run = replace(run, calls=run.calls + source.calls, size=size)
        self._save(work, syncing.begun(run, read, way, made_since))

    def _telling_gone(self, run: SyncRun, until: datetime) -> SyncRun:
        """The run with the window of deletions, from where the one before has ended."""
        before = self._runs.standing(run.sync).gone_until
        since, known = deletions(run.source, before, self._clock.now()) if before else (None, None)
        return replace(run, gone_since=since, gone_from=known, gone_until=max(until, before or until))

    def _begin_window(self, work: "_Work", source: SyncSource) -> None:
        """Begin a run of a cycle, which has fixed its window already."""
        run = work.run
        if work.sync.deletes != "ignore" and run.until is not None:
            run = self._telling_gone(run, run.until)
        way = self._way(work, run, run.window)
        # of a cycle's first run its document may leave older ones out
        made_since = [run.made_since, source.made_since()] if way is Way.BULK and run.since is None else []
        since = max((each for each in made_since if each), default=None)
        self._save(work, syncing.begun(replace(run, calls=run.calls + source.calls), run.window, way, since))

    def _failed_before(self, run: SyncRun) -> int:
        """Note the records that failed in the run that is tried again; tells how many."""
        before, _ = self._read(SyncOrder(sync=run.sync, slot=run.retry_of))
        # deletions that failed are taken again by the next whole run
        parts = self._runs.parts(before.sync, before.slot)
        rows = [part for part in parts if not syncing.is_removal(before, part.number)]
        stored = failed_rows.pieces(self._objects, before, rows)
        failed = failed_rows.with_ids(self._objects, before, self._sync(before), stored)
        return failed_rows.keep_ids(self._objects, run, failed)

    def _way(self, work: "_Work", run: SyncRun, read: Window) -> Way:
        """By file where there are many rows, or where the vendor lists them in no other way."""
        source, facts = self._vendors.source(work.sync), self._facts(work.sync, run.version, run.source)
        return Way(way_of(work.sync, run.source, source, facts, read, now=run.started_at).way)

    def _extract(self, work: "_Work") -> None:
        self._save(work, syncing.taken(work.run))
        source = self._vendors.source(work.sync)
        if work.run.listing:
            self._list_gone(work, source)
            return
        run, calls = work.run, 0
        columns, pages = self._pages(work, source)
        for page in pages:
            if page.rows:
                write_page(self._objects, run, run.pages + 1, columns, page.rows)
                run = syncing.paged(run, len(page.rows), page.cursor)
            run, calls = replace(run, calls=run.calls + source.calls - calls), source.calls
            # without a cursor a new process would begin from the start, so nothing is told before the end
            if page.cursor:
                self._save(work, run)
                run = work.run
                if work.remaining() < LEFT_SECONDS:
                    return
        self._save(work, self._all_there(run, work.sync))

    def _list_gone(self, work: "_Work", source: SyncSource) -> None:
        """Store what was deleted, page by page."""
        run, calls = work.run, 0
        if run.gone_since is None or run.gone_until is None or not isinstance(source, TellsGone):
            raise ConfigurationError([f"deletes: nobody tells what was deleted of {work.sync.source.object}"])
        query = self._query(work)
        found = source.gone(query, run.gone_since, run.gone_until, run.cursor)
        for page in found.pages:
            write_gone(self._objects, run, (*query.columns, FATE), page.rows)
            run = syncing.gone_paged(run, len(page.rows), page.cursor)
            run, calls = replace(run, calls=run.calls + source.calls - calls), source.calls
            self._save(work, run)
            run = work.run
            if work.remaining() < LEFT_SECONDS:
                return
        run = replace(run, calls=run.calls + source.calls - calls)
        self._save(work, syncing.listed(run, work.sync, found.known_from, found.covered_to))

    def _pages(self, work: "_Work", source: SyncSource) -> tuple[Sequence[str], Iterator[Page]]:
        """The columns of what is asked for, and its rows."""
        run = work.run
        if run.most:
            return self._sample(work, source)
        if not run.retry_of:
            query = self._query(work)
            return query.columns, source.pages(replace(query, anew=self._anew(work)), run.cursor)
        facts = self._facts(work.sync, run.version, run.source)
        asked = failed_rows.queries(self._objects, run, work.sync, facts)
        return columns_of(work.sync, run.source, facts.fields), failed_rows.pages(source, asked, run.cursor)

    def _anew(self, work: "_Work") -> Anew | None:
        """What leaves out people of whom Marketo's log tells a cycle nothing new."""
        run, sync = work.run, work.sync
        if self._links is None or not run.reads_only or run.source != "marketo" or sync.source.object != PERSON:
            return None
        links = self._links(cycle_of(run.sync))
        fields = self._facts(sync, run.version, run.source).fields
        return partial(told_anew, links_of=links.of_people, fields=fields, digest=self._load.digest)

    def _sample(self, work: "_Work", source: SyncSource) -> tuple[Sequence[str], Iterator[Page]]:
        """The columns, and the first rows: page by page, or, of what is in extracts only, as Preview finds some."""
        run = work.run
        facts = self._facts(work.sync, run.version, run.source)
        chosen = choose_extract(work.sync, run.source, facts, run.most, changes=run.since is not None)
        if run.source == "salesforce" or chosen.way == "rest":
            query = self._query(work)
            pages = source.pages(query, run.cursor)
        else:
            query = self._query(work, way="bulk")
            found = source.sample(query, BUDGET, run.started_at) if not run.pulled else Sample(rows=())
            pages = iter([Page(rows=found.rows)])
        return query.columns, first_rows(pages, run.most - run.pulled)

    def _extracted(self, work: "_Work") -> None:
        """A bulk extract that the state machine waited for has ended."""
        run, child = work.run, work.child
        if child is None:
            return
        if "Error" in child:
            reason, message = _cause(child)
            by_log = self._by_log(work, reason) if reason in {NO_FILTER, NO_EXTRACTS} else None
            if by_log is None and reason == NO_EXTRACTS and work.sync.source.object == "activities":
                by_log = self._first_of_log(work)
            if by_log is not None:
                self._save(work, by_log)
                return
            self._save(work, ended(run, Step.FAILED, self._clock.now(), reason, message))
        elif child.get("run") == extract_run(run, run.pages + 1):
            size, calls = int(child.get("bytes", 0)), int(child.get("calls", 0))
            filed = syncing.filed(run, int(child["counts"]["rows"]), size, calls)
            is_last = filed.pages >= max(1, len(self._query(work).filters))
            self._save(work, self._all_there(filed, work.sync) if is_last else filed)

    def _by_log(self, work: "_Work", reason: str) -> SyncRun | None:
        """The run as it goes on without an extract, by what the vendor's log tells; None if it tells nothing."""
        run, found = work.run, readable(work.sync.source.object)
        if isinstance(work.sync.source, LoggedSource):
            return syncing.other_way(run)
        if not (isinstance(found, Readable) and found.incremental and "rest" in found.ways):
            return None
        if run.since is None and reason == NO_EXTRACTS and run.reads_only:
            # who is new is in the log as long as it goes back
            oldest = run.started_at - KEPT
            run = replace(run, since=max(oldest, run.made_since or oldest))
        return syncing.other_way(run) if run.since is not None else None

    def _first_of_log(self, work: "_Work") -> SyncRun:
        """A first reading of activities without an extract: page by page, unless there are too many for that."""
        run, now = work.run, self._clock.now()
        oldest = run.started_at - KEPT
        since, until = max(oldest, run.made_since or oldest), run.until or run.started_at
        source = self._vendors.source(work.sync)
        before = source.calls
        sample = source.sample(self._query(work, way="bulk"), LOOK, now)
        run = replace(run, since=since, calls=run.calls + source.calls - before)
        number = sample.total if sample.total is not None else sample.estimate or 0
        if number <= MOST_LOGGED:
            return syncing.other_way(run)
        begin = until - (until - since) * MOST_LOGGED / number
        facts = {"number": f"{number:,}", "most": f"{MOST_LOGGED:,}", "since": iso(since), "begin": iso(begin)}
        told = said("too_many_logged", **facts)
        return ended(run, Step.FAILED, now, told.reason, told.message)

    def _all_there(self, run: SyncRun, sync: Sync) -> SyncRun:
        """All rows are there; many of them are imported by file, where that finds records as we do."""
        if run.reads_only:
            return syncing.read_through(run, self._clock.now())
        load = Way.REST
        if not run.planning:
            load = Way(
                choose_load(sync, run.destination, run.pulled, lambda: self._load.compiled(run, sync).described).way
            )
        size = sum(self._objects.stored(page_key(run, number)).size for number in range(1, run.pages + 1))
        return syncing.extracted(run, partitions_for(run.pulled, size), load)

    def _join(self, work: "_Work") -> None:
        run = work.run
        columns = import_columns(self._load.compiled(run, work.sync), run.destination)
        parts = self._runs.parts(run.sync, run.slot)
        if outdated := syncing.outdated(run, parts):
            # before the partitions are opened: whoever follows a death between finds them here once more
            self._save(work, syncing.decides_anew(run))
            for part in outdated:
                self._runs.save_part(syncing.anew(part))
            return
        self._save(work, syncing.joined(run, join_import(self._objects, run, columns, parts)))

    def _imported(self, work: "_Work") -> None:
        """The bulk import that the state machine waited for has ended."""
        run, child = work.run, work.child
        if child is None or child.get("run", import_run(run)) != import_run(run):
            return
        failed = "Error" in child
        reason, told = _cause(child) if failed else ("", "")

        def say(word: str, vendors: str) -> str:
            detail = vendors or told or "what became of the row is not known"
            return said("vendor_refused", vendor=run.destination.capitalize(), code=word, detail=detail).message

        results, parts = ("", 0) if failed else (str(child["results"]), int(child["parts"]))
        done = syncing.imported(run, attach_import(self._objects, run, results, parts, say), int(child.get("calls", 0)))
        # what the job has written is not known row by row, so the next run reads all of them again
        self._save(work, ended(done, Step.FAILED, self._clock.now(), reason, told) if failed else done)

    def _child(self, run: SyncRun) -> dict[str, Any]:
        """What the state machine orders of a bulk machine."""
        return self._import_order(run) if run.step is Step.LOAD_FILES else self._extract_order(run)

    def _import_order(self, run: SyncRun) -> dict[str, Any]:
        sync = self._sync(run)
        destination = sync.destination
        return {
            "run": import_run(run),
            "vendor": run.destination,
            "connection": destination.connection,
            "object": destination.object,
            "request": import_request(self._load.compiled(run, sync), run.destination),
            "prefix": f"{run.folder}/bulk",
            "source": import_key(run),
        }

    def _extract_order(self, run: SyncRun) -> dict[str, Any]:
        work = _Work(run, 0, lambda: 0.0, None)
        work.sync = self._sync(run)
        query = self._query(work)
        number = run.pages + 1
        if run.source == "salesforce":
            request: dict[str, Any] = {"soql": query.soql, "columns": list(query.read)}
        else:
            # those of activities are all of them, attributes in one cell
            fields = list((query.first.body or {}).get("fields", ()))
            request = {"filter": dict(query.filters[number - 1]), "fields": fields}
        return {
            "run": extract_run(run, number),
            "vendor": run.source,
            "connection": work.sync.source.connection,
            # members of a list are leads
            "object": "leads" if query.object == "list_members" else query.object,
            "request": request,
            "prefix": f"{run.folder}/bulk",
        }

    def _query(self, work: "_Work", way: QueryWay | None = None) -> SourceQuery:
        """What is asked of the source, behind what has been read of it."""
        run, sync = work.run, work.sync
        try:
            return source_query(
                sync,
                run.source,
                replace(self._facts(sync, run.version, run.source), made_since=run.made_since),
                run.window,
                way=way or run.extract.value,
                now=run.started_at,
                after_id=run.cursor if run.source == "salesforce" else "",
            )
        except ValueError as error:
            raise ConfigurationError([f"source: {error}"]) from error

    def _partition(self, work: "_Work") -> None:
        compiled = self._load.compiled(work.run, work.sync)
        columns = columns_of(
            work.sync, work.run.source, self._facts(work.sync, work.run.version, work.run.source).fields
        )
        others = work.sync.source.object == "activities" or bool([*looked_up_columns(columns)])
        source = self._vendors.source(work.sync) if others else None
        expand = source.expanded if source is not None and work.run.extract is Way.BULK else None
        calls = 0
        self._save(work, syncing.taken(work.run))
        while work.run.step is Step.PARTITION:
            done = place(
                self._objects,
                work.run,
                compiled,
                columns,
                lambda: work.remaining() > LEFT_SECONDS,
                expand=expand,
                highest_of=changed_in(work.sync, work.run.source, columns),
            )
            reached = {"pages": done.pages, "positions": done.positions, "spills": done.spills}
            spent, calls = (source.calls - calls, source.calls) if source is not None else (0, 0)
            run = replace(work.run, calls=work.run.calls + spent, newest=_newest(work.run, done.highest))
            self._save(work, syncing.placed(run, work.sync, **reached))
            if work.remaining() < LEFT_SECONDS:
                return

    def _loaded(self, work: "_Work") -> None:
        parts = self._runs.parts(work.run.sync, work.run.slot)
        self._save(work, syncing.gone_through(work.run, parts, self._clock.now(), work.sync.guard))

    def _commit(self, work: "_Work") -> None:
        run = work.run
        parts = self._runs.parts(run.sync, run.slot)
        counted = syncing.summed(run, parts).totals.rows
        if counted != run.rows:
            message = f"{run.rows} rows were pulled, and {counted} have an outcome; the next run reads all again"
            self._save(work, ended(run, Step.FAILED, self._clock.now(), "rows_missing", message))
            return
        if run.planning:
            self._save(work, syncing.planned(run, parts, self._clock.now(), work.sync.guard))
            return
        lease = (run.sync, run.slot, run.epoch)
        whole = run.incremental and run.since is None and run.until is not None
        anew = whole and reads_anew(self._runs.standing(run.sync), work.sync)
        carried = fingerprint(work.sync)
        moved = run.until is None or self._runs.commit(*lease, run.until, run.records, carried=carried)
        # a retry reads rows, of which a deleted one is none: what failed of deletions is taken by the next run again
        again = any((part.failed_in or part.waits) and syncing.is_removal(run, part.number) for part in parts)
        gone_until = None if again else run.gone_until
        if not moved or (gone_until is not None and not self._runs.commit_gone(*lease, gone_until)):
            self._save(
                work,
                ended(
                    run,
                    Step.FAILED,
                    self._clock.now(),
                    "lease_lost",
                    "another run took the lease, or the Sync was removed",
                ),
            )
            return
        gone = run.wanted - run.pulled if run.retry_of else 0
        told: tuple[str, str] = said("read_anew") if anew else ("", "")
        if gone > 0:
            told = said("rows_gone", count=gone, wanted=run.wanted)
        if run.gone_from is not None:
            told = said("deletes_lost", known=iso(run.gone_from), vendor=run.source.capitalize())
        self._save(work, ended(run, Step.DONE, self._clock.now(), *told))

    # what the state machine hears

    def _read(self, order: SyncOrder) -> tuple[SyncRun, int]:
        found = self._runs.get(order.sync, order.slot)
        if found is None:
            raise ConfigurationError([f"the Sync {order.sync} has no run {order.slot}"])
        return found

    def _answer(self, run: SyncRun, turns: int) -> dict[str, Any]:
        loading = run.step is Step.LOAD
        parts = self._runs.parts(run.sync, run.slot) if loading else ()
        return {
            "sync": run.sync,
            **answer(run, self._clock.now(), turns, self._most_turns),
            "child": self._child(run) if run.step in {Step.EXTRACT_FILES, Step.LOAD_FILES} else {},
            "lanes": syncing.lanes(run, parts) if loading else [],
            # an execution that began before partitions were dealt to workers asks for each of them
            "open": syncing.open_parts(run, parts) if loading else [],
        }


@dataclass(slots=True)
class _Work:
    """A run while its step is taken."""

    run: SyncRun
    version: int
    remaining: Callable[[], float]
    child: Mapping[str, Any] | None
    sync: Sync = field(init=False)


def _newest(run: SyncRun, stamp: str) -> datetime | None:
    """When the newest of a run's records was changed, with those that have just been placed."""
    return max(filter(None, (run.newest, stamped(stamp))), default=None)


def _cause(child: Mapping[str, Any]) -> tuple[str, str]:
    """Reason and message of a bulk run that failed, out of what a state machine says of another's execution."""
    said = _members(child.get("Cause", ""))
    reason, told = str(said.get("Error", child["Error"])), str(said.get("Cause", ""))
    # of a process that died it is the exception, in which any value may stand, and where it was raised
    return reason, "the process that carries its files died" if "errorType" in _members(told) else told


def _members(text: str) -> Mapping[str, Any]:
    """Of a JSON object; a text that is none has none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
