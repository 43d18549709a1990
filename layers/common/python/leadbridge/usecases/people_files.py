"""What a cycle stores of persons while it decides: how far it is, rows by who they may be, decisions, outcomes.

Below `people` of the run's folder: `state.json`; `by_link/00001/00000.jsonl` … and `by_email/…` hold rows that are
decided about together; `decided/00001.jsonl` … what was decided about each, `outcomes/00001.csv` … what became of it;
`due.jsonl` the records that were due.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from leadbridge.cycle_ports import DueRecord
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.three_way import Memory, Side, Written
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Objects

_WRITTEN = frozenset({Outcome.CREATED, Outcome.UPDATED})
BY_LINK, BY_EMAIL = "by_link", "by_email"
OUTCOME_COLUMNS = ("object", "salesforce_id", "marketo_id", "outcome", "reason", "message", "fields")


@dataclass(slots=True, kw_only=True)
class State:
    """How far DECIDE is, beside the number of pieces that are through."""

    #: by queue its pages, in the order of the queues
    pages: dict[str, int]
    #: into how many partitions rows go, once by what links them and once by e-mail
    parts: int
    #: pieces at which rows were spilled, by the kind of partition
    spills: dict[str, list[int]] = field(default_factory=lambda: {BY_LINK: [], BY_EMAIL: []})
    #: by leg the pieces of which it has something to write
    plans: dict[str, list[int]] = field(default_factory=dict)

    def back_to(self, piece: int) -> None:
        """Forget what came from a piece on: it is done once more."""
        self.spills = {name: [each for each in known if each < piece] for name, known in self.spills.items()}
        self.plans = {name: [each for each in known if each < piece] for name, known in self.plans.items()}

    @property
    def sorted_at(self) -> int:
        """The piece behind all pages: the records that are due."""
        return sum(self.pages.values())

    @property
    def linked_at(self) -> int:
        """The first piece that is decided by link."""
        return self.sorted_at + 1

    @property
    def mailed_at(self) -> int:
        """The first piece that is decided by e-mail."""
        return self.linked_at + self.parts

    @property
    def end(self) -> int:
        """Behind the last piece."""
        return self.mailed_at + self.parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row that is to be decided about: its object, and whether both sides are to be read."""

    object: str
    values: Mapping[str, Any]
    doubtful: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was decided about a person: writes by leg, or the outcome where nothing is written."""

    object: str
    salesforce_id: str
    marketo_id: str
    #: what is remembered once all is written; None if that is not to be changed
    memory: Mapping[str, Memory] | None = None
    #: by leg the position of the write
    writes: Mapping[str, int] = field(default_factory=dict)
    outcome: str = ""
    reason: str = ""
    message: str = ""
    #: fields that were not simply taken over, each with the code why
    fields: Mapping[str, str] = field(default_factory=dict)
    #: by the side that is written when the other side's record was changed
    edited: Mapping[str, str] = field(default_factory=dict)
    #: Marketo's person names a type of the new record by itself, and keeps that
    typed: bool = False
    #: nothing links the two yet: who they are is remembered once the person names the record, whatever else fails
    met: bool = False


class PeopleFiles:
    """The files of one run."""

    def __init__(self, objects: Objects, run: CycleRun) -> None:
        self._objects = objects
        self._folder = f"{run.folder}/people"

    def state(self) -> State | None:
        """How far it is; None at the begin."""
        found = self._read("state.json")
        return State(**json.loads(found)) if found is not None else None

    def keep_state(self, state: State) -> None:
        """Store how far it is."""
        self._put("state.json", json.dumps(asdict(state)).encode())

    def spill(self, kind: str, part: int, piece: int, rows: Iterable[Row]) -> None:
        """Store rows of a partition that came from a piece."""
        lines = ([row.object, row.values, row.doubtful] for row in rows)
        self._put(f"{kind}/{part:05}/{piece:05}.jsonl", _lines(lines))

    def rows(self, kind: str, part: int, pieces: Sequence[int]) -> Iterator[Row]:
        """The rows of a partition, in the order of the pieces that they came from."""
        for piece in pieces:
            for object_name, values, doubtful in self._parsed(f"{kind}/{part:05}/{piece:05}.jsonl"):
                yield Row(object=object_name, values=values, doubtful=doubtful)

    def keep_entries(self, piece: int, entries: Iterable[Entry]) -> None:
        """Store what was decided about a piece."""
        self._put(f"decided/{piece:05}.jsonl", _lines(map(_plain, entries)))

    def entries(self, piece: int) -> Iterator[Entry]:
        """What was decided about a piece."""
        return map(_entry, self._parsed(f"decided/{piece:05}.jsonl"))

    def keep_due(self, due: Iterable[DueRecord]) -> None:
        """Store the records that were due, so that the same are told as done."""
        self._put("due.jsonl", _lines(map(_plain_due, due)))

    def due(self) -> list[DueRecord]:
        """The records that were due."""
        return [_due(members) for members in self._parsed("due.jsonl")]

    def keep_outcomes(self, piece: int, entries: Iterable[Entry]) -> None:
        """Store what became of each person of a piece."""
        into = io.StringIO(newline="")
        rows = csv.writer(into)
        rows.writerow(OUTCOME_COLUMNS)
        rows.writerows(_cells(entry) for entry in entries)
        self._put(f"outcomes/{piece:05}.csv", into.getvalue().encode())

    def outcomes(self, piece: int) -> list[dict[str, str]]:
        """What became of each person of a piece."""
        found = self._read(f"outcomes/{piece:05}.csv") or b""
        return list(csv.DictReader(io.StringIO(found.decode(), newline="")))

    def _put(self, name: str, content: bytes) -> None:
        self._objects.put(f"{self._folder}/{name}", content)

    def _read(self, name: str) -> bytes | None:
        try:
            stored = self._objects.stored(f"{self._folder}/{name}")
        except ConfigurationError:
            return None
        return b"".join(stored)

    def _parsed(self, name: str) -> Iterator[Any]:
        return (json.loads(line) for line in (self._read(name) or b"").decode().split("\n") if line)


def written_edits(told: Iterable[Entry]) -> Iterator[Mapping[str, str]]:
    """When those records were edited that are written."""
    return (each.edited for each in told if each.edited and each.outcome in _WRITTEN)


def fields_of(cell: str) -> Mapping[str, str]:
    """The fields that an outcome names."""
    return dict(json.loads(cell)) if cell else {}


def _cells(entry: Entry) -> list[str]:
    told = [getattr(entry, name) for name in OUTCOME_COLUMNS[:-1]]
    return [*told, json.dumps(dict(entry.fields)) if entry.fields else ""]


#: made once: `json.dumps` makes an encoder for each call that asks for anything
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _lines(values: Iterable[Any]) -> bytes:
    return "".join(f"{_COMPACT.encode(each)}\n" for each in values).encode()


def _plain(entry: Entry) -> dict[str, Any]:
    found = {name: getattr(entry, name) for name in Entry.__slots__ if name != "memory" and getattr(entry, name)}
    if entry.memory is not None:
        found["memory"] = {name: _plain_memory(each) for name, each in entry.memory.items()}
    return found


def _entry(members: Mapping[str, Any]) -> Entry:
    plain = {"object": "", "salesforce_id": "", "marketo_id": "", **members}
    memory = members.get("memory")
    return Entry(
        **{**plain, "memory": None if memory is None else {name: _memory(each) for name, each in memory.items()}}
    )


def _plain_memory(memory: Memory) -> list[Any]:
    written = memory.written
    told = [written.side, written.at.isoformat(), written.before, written.answers, written.shown] if written else None
    return [memory.marketo, memory.salesforce, told]


def _memory(members: Sequence[Any]) -> Memory:
    marketo, salesforce, told = members
    if told is None:
        return Memory(marketo, salesforce)
    side, at, before, answers, shown = told
    return Memory(marketo, salesforce, Written(Side(side), datetime.fromisoformat(at), before, answers, shown))


def _plain_due(record: DueRecord) -> dict[str, Any]:
    return {
        "side": record.side,
        "object": record.object,
        "id": record.id,
        "reason": record.reason,
        "noted_at": record.noted_at.isoformat(),
        "not_before": record.not_before.isoformat() if record.not_before else None,
        "tries": record.tries,
    }


def _due(members: Mapping[str, Any]) -> DueRecord:
    # where a note stands depends on both moments, and it is forgotten only as it stood
    moments = {name: datetime.fromisoformat(members[name]) for name in ("noted_at", "not_before") if members.get(name)}
    return DueRecord(**{**members, **moments, "side": Side(members["side"])})
