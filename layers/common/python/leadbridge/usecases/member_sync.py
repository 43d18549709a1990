"""Make persons members of their Actions' Marketo programs: the status, then the fields of the membership.

Both calls may be repeated: a status never moves back, and fields are given the same values again. So nothing is
looked for before they are sent, whatever became of an attempt before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from leadbridge.domain import members
from leadbridge.domain.action import Action, ProgramMember
from leadbridge.domain.event import Part
from leadbridge.domain.outcome import Reason, message
from leadbridge.domain.postponement import vendor_reason
from leadbridge.domain.records import RowResult
from leadbridge.domain.sources import CompiledSource
from leadbridge.errors import PermanentError, SyncError
from leadbridge.ports import Connections, Marketo
from leadbridge.usecases.batch import Entry, grouped, require
from leadbridge.usecases.closing import Closing
from leadbridge.usecases.marketo_names import MarketoNames
from leadbridge.usecases.sending import Sent, postpone, send_rows

#: a program that is not there (any more), by name or by id
MISSING = "1013"


class MemberSync:
    """Member sync of a batch; what cannot be told now is given back."""

    def __init__(self, *, connections: Connections, names: MarketoNames, closing: Closing) -> None:
        self._connections = connections
        self._names = names
        self._closing = closing

    def __call__(self, entries: Sequence[Entry], may_go_on: Callable[[], bool]) -> list[Entry]:
        """Write the memberships of entries of one Marketo instance; returns the entries that were not given back.

        Raises:
            StoppedError: `may_go_on` said no; nothing was written after that.
        """
        wanted = [entry for entry in entries if _action(entry).program_member is not None]
        given_back: set[str] = set()
        for same in grouped(wanted, lambda entry: (_wanted(entry).program, _wanted(entry).status)):
            given_back |= self._sync(same, may_go_on)
        return [entry for entry in entries if entry.event.execution_id not in given_back]

    def _sync(self, entries: Sequence[Entry], may_go_on: Callable[[], bool]) -> set[str]:
        """See to one program and status; gives the ids of the executions that were given back."""
        connection, wanted = _action(entries[0]).source.connection, _wanted(entries[0])
        try:
            program = self._names.program(connection, wanted.program)
            pending = self._pending(entries)
            client = self._connections.marketo(connection)
        except SyncError as error:
            postpone(entries, error, self._closing)
            return {entry.event.execution_id for entry in entries}
        if program is None:
            for entry, _ in pending:
                entry.member = _gone(str(wanted.program))
            return set()
        return self._write(client, program, wanted.status, pending, may_go_on)

    def _pending(self, entries: Sequence[Entry]) -> list[Sent]:
        """Whose membership is to be written, with its fields; an event that was overtaken meanwhile gives none."""
        pending: list[Sent] = []
        sources: dict[tuple[str, int], tuple[CompiledSource, ...]] = {}
        for entry in entries:
            action, version = _action(entry), entry.candidate.compiled.version
            if (action.id, version) not in sources:
                fields = self._names.member_fields(action.source.connection) if action.member_mappings else None
                sources[action.id, version] = members.compile_members(action, fields)
            found = members.fields_of(entry.candidate, entry.result, entry.record, sources[action.id, version])
            if found is not None:
                pending.append((entry, {} if entry.overtaken else found))
        return pending

    def _write(
        self, client: Marketo, program: int, status: str, pending: Sequence[Sent], may_go_on: Callable[[], bool]
    ) -> set[str]:
        def told(entry: Entry, part: Part) -> None:
            entry.member = part
            if entry.overtaken and part.status != "failed" and _action(entry).member_mappings:
                text = message("member_overtaken")
                entry.member = replace(part, reason=Reason.OVERTAKEN, message=text)

        def unanswered(piece: Sequence[Sent], error: SyncError) -> Sequence[Entry]:
            if not (isinstance(error, PermanentError) and error.code == MISSING):
                return [entry for entry, _ in piece]
            for entry, _ in piece:
                entry.member = _gone(str(program))
            return []

        def join(piece: Sequence[Sent]) -> Sequence[RowResult]:
            require(may_go_on)
            return client.set_member_status(program, status, [entry.event.lead_id for entry, _ in piece])

        def fill(piece: Sequence[Sent]) -> Sequence[RowResult]:
            require(may_go_on)
            return client.update_members(program, [_row(entry, fields) for entry, fields in piece])

        def completed(entry: Entry, part: Part) -> None:
            # of a status that was reached before Marketo says so, which is told beside
            joined = entry.member if entry.member and part.status == "written" else part
            entry.member = replace(joined, status=part.status)

        given_back = send_rows(pending, join, closing=self._closing, told=told, unanswered=unanswered)
        # who is no member has no fields to be filled
        joined = [each for each in pending if each[0].member is not None and each[0].member.status != "failed"]
        filled = [(entry, fields) for entry, fields in joined if fields]
        return given_back | send_rows(filled, fill, closing=self._closing, told=completed, unanswered=unanswered)


def _action(entry: Entry) -> Action:
    return entry.candidate.compiled.action


def _wanted(entry: Entry) -> ProgramMember:
    wanted = _action(entry).program_member
    if wanted is None:
        raise TypeError("an Action without a program")
    return wanted


def _row(entry: Entry, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"leadId": entry.event.lead_id, **fields}


def _gone(program: str) -> Part:
    text = message("program_gone", program=program)
    return Part(status="failed", reason=vendor_reason("marketo", MISSING), message=text)
