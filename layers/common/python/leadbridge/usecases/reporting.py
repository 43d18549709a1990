"""Tell Marketo what became of its persons: values back to the lead, then one custom activity per execution."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain import pipeline
from leadbridge.domain.action import Action
from leadbridge.domain.compiled import Target
from leadbridge.domain.connector import ACTIONS
from leadbridge.domain.contested import contested
from leadbridge.domain.event import INLINE, Event, Part
from leadbridge.domain.fitting import fitted_row, may_be_long, shortened
from leadbridge.domain.records import CustomActivity, CustomActivityType, Resolution, RowResult
from leadbridge.errors import SyncError, UncertainWriteError
from leadbridge.ports import Clock, Configurations, Connections, Inbox
from leadbridge.usecases.batch import Entry, RunSettings, chunks, grouped, require, tries
from leadbridge.usecases.closing import Closing, repeatable
from leadbridge.usecases.isolation import isolate
from leadbridge.usecases.marketo_names import MarketoNames
from leadbridge.usecases.member_sync import MemberSync
from leadbridge.usecases.sending import Sent, part, pieces, postpone, refused, send_rows, spoiled

#: leads of one Marketo activity query
ACTIVITY_LEADS_LIMIT = 30
#: an activity carries our own date; workers' clocks differ by no more than this
LOOK_BACK = timedelta(minutes=15)
#: the worker that sent it has just dated it
LOOK_BACK_AT_ONCE = timedelta(seconds=1)
#: characters of an attribute; only the type `text` takes more
ATTRIBUTE_CHARACTERS = 255


class Reporting:
    """Write-back and activity of a batch; what cannot be told now is given back."""

    def __init__(
        self,
        *,
        configurations: Configurations,
        connections: Connections,
        inbox: Inbox,
        clock: Clock,
        closing: Closing,
        settings: RunSettings,
        names: MarketoNames,
    ) -> None:
        self._configurations = configurations
        self._connections = connections
        self._inbox = inbox
        self._clock = clock
        self._closing = closing
        self._settings = settings
        self._activity_types: dict[tuple[str, str], CustomActivityType] = {}
        self._names = names
        self._sync_members = MemberSync(connections=connections, names=names, closing=closing)

    def __call__(self, entries: Sequence[Entry], may_go_on: Callable[[], bool]) -> list[Entry]:
        """Tell one Marketo instance about entries; returns those that are through.

        Raises:
            StoppedError: `may_go_on` said no; nothing was written after that.
        """
        called_back = self._for_callback([entry for entry in entries if entry.event.chunk])
        answered = self._for_answer([entry for entry in entries if entry.event.epoch == INLINE])
        others = [entry for entry in entries if not entry.event.chunk and entry.event.epoch != INLINE]
        told = self._sync_members([*called_back, *self._write_back(others, may_go_on)], may_go_on)
        complete = answered + [entry for entry in told if entry.event.chunk]
        for same in grouped([entry for entry in told if not entry.event.chunk], _activity_group):
            complete.extend(self._log_activities(same, may_go_on))
        return complete

    # what goes with the callback of a chunk: no call of Marketo's API

    def _for_callback(self, entries: list[Entry]) -> list[Entry]:
        try:
            records = self._read_back(entries)
        except SyncError as error:
            postpone(entries, error, self._closing)
            return []
        for entry in entries:
            candidate, result = entry.candidate, entry.result
            entry.record = records.get(result.record_id or "", {})
            row = pipeline.writeback_row(candidate, result, entry.record) or {}
            entry.values = {name: value for name, value in row.items() if name != "id"}
            entry.attributes = pipeline.activity_attributes(
                candidate.columns, candidate.compiled.action, candidate.event, result, entry.record
            )
            entry.writeback = Part(status="callback") if row else None
            entry.activity = Part(status="callback")
        return entries

    # what goes with the answer to the call itself: only the activity is left to the lane

    def _for_answer(self, entries: list[Entry]) -> list[Entry]:
        """Have the values of entries answered; returns those of which nothing is left to be told."""
        complete = []
        try:
            records = self._read_back(entries)
            rows: list[Sent] = []
            for entry in entries:
                record = records.get(entry.result.record_id or "", {})
                rows.append((entry, pipeline.writeback_row(entry.candidate, entry.result, record) or {}))
            rows = self._fitting_fields(rows)
        except SyncError as error:
            postpone(entries, error, self._closing)
            return []
        for entry, row in rows:
            over = not (_told(entry) or entry.candidate.compiled.action.program_member)
            if row:
                entry.writeback = Part(status="answered")
            if over:
                complete.append(entry)
            values = {name: value for name, value in row.items() if name != "id"}
            self._closing.answer(entry.event, entry.result, values, over=over)
        return complete

    # values back to the lead

    def _write_back(self, entries: list[Entry], may_go_on: Callable[[], bool]) -> list[Entry]:
        try:
            records = self._read_back(entries)
        except SyncError as error:
            postpone(entries, error, self._closing)
            return []
        pending: list[Sent] = []
        for entry in entries:
            entry.record = records.get(entry.result.record_id or "", {})
            row = pipeline.writeback_row(entry.candidate, entry.result, entry.record)
            if row is not None and entry.event.answered:
                entry.writeback = Part(status="answered")
            elif row is not None:
                pending.append((entry, row))
        try:
            pending = self._fitting_fields(pending)
        except SyncError as error:
            postpone([entry for entry, _ in pending], error, self._closing)
            given_back = {entry.event.execution_id for entry, _ in pending}
            return [entry for entry in entries if entry.event.execution_id not in given_back]

        def call(piece: Sequence[tuple[Entry, Mapping[str, Any]]]) -> Sequence[RowResult]:
            require(may_go_on)
            client = self._connections.marketo(piece[0][0].candidate.compiled.action.source.connection)
            return client.sync_leads([row for _, row in piece], action="updateOnly", lookup_field="id")

        def told(entry: Entry, part: Part) -> None:
            entry.writeback = part

        def unanswered(piece: Sequence[tuple[Entry, Mapping[str, Any]]], error: SyncError) -> Sequence[Entry]:
            lost = isinstance(error, UncertainWriteError)
            return self._not_landed(piece) if lost else [entry for entry, _ in piece]

        given_back = send_rows(pending, call, closing=self._closing, told=told, unanswered=unanswered)
        return [entry for entry in entries if entry.event.execution_id not in given_back]

    def _fitting_fields(self, pending: list[Sent]) -> list[Sent]:
        """The rows with texts that fit their fields, which are described where a text is so long that it may not."""
        if not any(may_be_long(row) for _, row in pending):
            return pending
        lengths = self._names.lead_lengths(pending[0][0].candidate.compiled.action.source.connection)
        return [(entry, fitted_row(row, lengths)) for entry, row in pending]

    def _not_landed(self, piece: Sequence[tuple[Entry, Mapping[str, Any]]]) -> list[Entry]:
        """Look once, at once, for values whose answer was lost; gives the entries whose lead does not hold them.

        Values that differ from run to run, or from those of another Action, are not looked for: the lead may hold them
        from before, and the lost write may still come and undo what is written back next.
        """
        constant = [(entry, row) for entry, row in piece if entry.candidate.compiled.tells_the_same]
        leads: dict[str, Mapping[str, Any]] = {}
        with suppress(SyncError):  # a later run writes them again
            constant = [(entry, row) for entry, row in constant if not self._contested(entry)] if constant else []
            if constant:
                client = self._connections.marketo(piece[0][0].candidate.compiled.action.source.connection)
                names = sorted({name for _, row in constant for name in row})
                found = client.leads_by_filter("id", [str(row["id"]) for _, row in constant], names)
                leads = {str(lead["id"]): lead for lead in found}
        missing = []
        for entry, row in piece:
            if pipeline.holds(leads.get(str(row["id"]), {}), row):
                entry.writeback = Part(status="written")
            else:
                missing.append(entry)
        return missing

    def _contested(self, entry: Entry) -> bool:
        every = (each.document for each in self._configurations.list("action"))
        return contested(entry.candidate.compiled.action, [each for each in every if isinstance(each, ACTIONS)])

    def _read_back(self, entries: Sequence[Entry]) -> dict[str, Mapping[str, Any]]:
        """Destination values that are told beyond the Id, by record id."""
        records: dict[str, Mapping[str, Any]] = {}
        wanted = [entry for entry in entries if entry.result.record_id and _target(entry).read_back_fields]
        for group in grouped(wanted, lambda entry: (_connection(entry), _target(entry).name)):
            connection, name = _connection(group[0]), _target(group[0]).name
            fields = sorted({field for entry in group for field in _target(entry).read_back_fields} | {"Id"})
            ids = list(dict.fromkeys(str(entry.result.record_id) for entry in group))
            client = self._connections.salesforce(connection)
            records |= {str(record["Id"]): record for record in client.find(name, fields, "Id", ids)}
        return records

    # activities

    def _log_activities(self, entries: Sequence[Entry], may_go_on: Callable[[], bool]) -> list[Entry]:
        """Send the activities; returns the entries that are complete, the others were given back."""
        quiet = [entry for entry in entries if not _told(entry)]
        telling = [entry for entry in entries if _told(entry)]
        if not telling:
            return quiet
        try:
            kind = self._activity_type(entries[0].candidate.compiled.action)
            logged = self._logged(telling, kind)
        except SyncError as error:
            postpone(telling, error, self._closing)
            return quiet
        found, sendable = self._not_yet_logged(telling, logged)
        require(may_go_on)  # before the doubt is stored: a stopped worker has sent nothing

        def call(piece: Sequence[Entry]) -> Sequence[RowResult]:
            require(may_go_on)
            client = self._connections.marketo(piece[0].candidate.compiled.action.source.connection)
            return client.add_custom_activities([self._activity(entry, kind) for entry in piece])

        sent = isolate(
            pieces(self._in_doubt(sendable), lambda entry: entry.event),
            call,
            lambda piece, error: spoiled([entry.event for entry in piece], error),
        )
        for piece, reason in sent.refused:
            lost = isinstance(reason, UncertainWriteError)
            taken, missing = self._looked_for(piece, kind) if lost else ([], piece)
            found.extend(taken)
            self._closing.postpone(
                [each.candidate.with_event(self._marked(each, doubt=lost)) for each in missing], reason
            )
        complete = quiet + found
        for entry, reason in sent.culprits:
            entry.activity = refused(reason)
            complete.append(entry)
        for entry, row in sent.answered:
            if not row.ok and repeatable(row, tries(entry.event, row.code, vendor="marketo")):
                doubt = row.resolution is Resolution.UNCERTAIN
                self._closing.again(self._marked(entry, doubt=doubt), row, vendor="marketo", look_later=doubt)
                continue
            self._closing.refused(row, vendor="marketo")
            entry.activity = part(row, "added")
            complete.append(entry)
        return complete

    def _looked_for(self, entries: Sequence[Entry], kind: CustomActivityType) -> tuple[list[Entry], list[Entry]]:
        """Look once, at once, for activities whose answer was lost: those that Marketo shows, and the others."""
        logged: set[str] = set()
        with suppress(SyncError):  # a later run looks again, when Marketo must show them
            since = min(entry.event.executed_at or self._clock.now() for entry in entries) - LOOK_BACK_AT_ONCE
            leads = list({entry.event.lead_id for entry in entries})
            # by our own dates, so the few of this batch are cheaper to read than thirty leads at a time
            logged = self._execution_ids(entries, kind, since, leads if len(leads) <= ACTIVITY_LEADS_LIMIT else [])
        taken = [entry for entry in entries if entry.event.execution_id in logged]
        for entry in taken:
            entry.activity = Part(status="added")
        return taken, [entry for entry in entries if entry.event.execution_id not in logged]

    def _marked(self, entry: Entry, *, doubt: bool) -> Event:
        """The event, whose activity may have been sent just now, or was not."""
        return entry.event.evolve(activity_uncertain=doubt, doubted_at=self._clock.now() if doubt else None)

    def _in_doubt(self, entries: Sequence[Entry]) -> list[Entry]:
        """Store that the activities may have been sent, where that is not stored; drops what a newer epoch holds."""
        unmarked = [entry.event for entry in entries if not entry.event.activity_uncertain]
        saved = self._inbox.save([event.evolve(activity_uncertain=True) for event in unmarked]) if unmarked else []
        lost = {event.execution_id for event in unmarked} - {event.execution_id for event in saved}
        return [entry for entry in entries if entry.event.execution_id not in lost]

    def _not_yet_logged(self, entries: Sequence[Entry], logged: set[str]) -> tuple[list[Entry], list[Entry]]:
        """Entries whose activity is in Marketo already, and those that may be sent; undecided ones are given back."""
        now = self._clock.now()
        found: list[Entry] = []
        sendable: list[Entry] = []
        waiting: list[Event] = []
        for entry in entries:
            event = entry.event
            begun = event.executed_at or event.received_at
            settled_at = max(begun, event.doubted_at or begun) + self._settings.settle
            if event.execution_id in logged:
                entry.activity = Part(status="added")
                found.append(entry)
            elif entry.doubtful and now < settled_at:
                waiting.append(event.evolve(due_at=settled_at))
            else:
                sendable.append(entry)
        self._closing.defer(waiting)
        return found, sendable

    def _logged(self, told: Sequence[Entry], kind: CustomActivityType) -> set[str]:
        """Execution ids whose activity Marketo has, asked for those that may have been sent before."""
        entries = [entry for entry in told if entry.doubtful]
        if not entries:
            return set()
        since = min(entry.event.received_at for entry in entries) - LOOK_BACK
        leads = list({entry.event.lead_id for entry in entries})
        found: set[str] = set()
        for chunk in chunks(leads, ACTIVITY_LEADS_LIMIT):
            found |= self._execution_ids(entries, kind, since, chunk)
        return found

    def _execution_ids(
        self, entries: Sequence[Entry], kind: CustomActivityType, since: datetime, leads: Sequence[int]
    ) -> set[str]:
        action = entries[0].candidate.compiled.action
        activities = self._connections.marketo(action.source.connection).activities(since, [kind.id], leads)
        # of what was brought back there is an activity already, which tells of the failure
        meant = {
            entry.event.execution_id: pipeline.told_as(entry.candidate.compiled.action, entry.result)
            for entry in entries
            if entry.event.redone
        }
        known = [(str(each.attributes.get(action.results.execution_attribute)), each) for each in activities]
        return {
            name
            for name, each in known
            if meant.get(name, each.primary_attribute_value) == each.primary_attribute_value
        }

    def _activity(self, entry: Entry, kind: CustomActivityType) -> CustomActivity:
        candidate, result = entry.candidate, entry.result
        action = candidate.compiled.action
        said = pipeline.activity_attributes(candidate.columns, action, candidate.event, result, entry.record)
        return CustomActivity(
            lead_id=candidate.event.lead_id,
            activity_type_id=kind.id,
            primary_attribute_value=pipeline.told_as(action, result),
            activity_date=candidate.event.executed_at or self._clock.now(),
            # the whole sentence stands in the execution; Marketo would refuse the activity for it
            attributes={name: _fitting(value, kind.attributes.get(name, "")) for name, value in said.items()},
        )

    def _activity_type(self, action: Action) -> CustomActivityType:
        key = (action.source.connection, action.results.activity)
        if key not in self._activity_types:
            self._activity_types[key] = self._connections.marketo(key[0]).custom_activity_type(key[1])
        return self._activity_types[key]


def _told(entry: Entry) -> bool:
    return pipeline.reports(entry.candidate.compiled.action, entry.result)


def _connection(entry: Entry) -> str:
    return entry.candidate.compiled.action.destination.connection


def _target(entry: Entry) -> Target:
    """The object of the entry's record."""
    return entry.candidate.compiled.target_of(entry.result.object)


def _fitting(value: str, kind: str) -> str:
    fits = kind == "text" or len(value) <= ATTRIBUTE_CHARACTERS
    return value if fits else shortened(value, ATTRIBUTE_CHARACTERS)


def _activity_group(entry: Entry) -> tuple[str, str]:
    results = entry.candidate.compiled.action.results
    return results.activity, results.execution_attribute
