"""Rows of a queue that is read from the start: fields of its records change without notice, or were never compared.

Only what is kept in step is compared: a record that nobody linked before, and that did not change since, is nobody new.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from leadbridge.cycle_ports import Link, Links
from leadbridge.domain.cycle_legs import Queue
from leadbridge.domain.cycle_people import MADE_AT, STAMPS
from leadbridge.domain.cycle_schema import is_unnoticed
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.ids import canonical
from leadbridge.domain.linked import Digest, LinkedField
from leadbridge.domain.linked import canonical as canonical_value
from leadbridge.domain.outages import values_lost
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.three_way import Side
from leadbridge.usecases.merge_people import edited_at

type Values = Mapping[str, Any]


class ComparedRows:
    """Tells which rows of a kind of record count."""

    def __init__(self, links: Links, fields: Sequence[LinkedField], digest: Digest) -> None:
        """`fields` are the pairs that are kept in step, `digest` is that by which their values are remembered."""
        self._links = links
        self._names = [each.name for each in fields]
        self._unnoticed = [each for each in fields if is_unnoticed(each.fields[Side.SALESFORCE])]
        self._digest = digest

    def __call__(self, run: CycleRun, queue: Queue, rows: Iterable[Values]) -> Iterable[Values]:
        """Rows about which is decided: all that changed, and linked ones of which such a field did, or is not known.

        Of the latter nobody knows when they changed, so they come without their moment.
        """
        fresh, old = _parted(run, queue, rows)
        yield from fresh
        known = self._links.of([_id(values) for values in old]) if old else {}
        for values in old:
            link = known.get(_id(values))
            if link is not None and link.marketo_id and self._differs(values, link):
                yield {**values, STAMPS[queue.side]: ""}

    def _differs(self, values: Values, link: Link) -> bool:
        return any(name not in link.memory for name in self._names) or any(
            link.memory[each.name].salesforce != self._held(values, each.fields[Side.SALESFORCE])
            for each in self._unnoticed
        )

    def _held(self, values: Values, described: FieldDescription) -> str:
        return self._digest(canonical_value(values.get(described.name), described))


def kept_people(links: Links, run: CycleRun, queue: Queue, rows: Iterable[Values]) -> Iterable[Values]:
    """People about whom is decided, of all that there are: those who are linked, and those who changed.

    Where Marketo does not tell any more who changed, these are those who were made since: whoever is older and was not
    kept in step may never have been meant to be, and the last change may have been of any field.
    """
    since, old = run.since.get(queue.name), list[Values]()
    if queue.name not in run.compared or since is None:
        yield from rows
        return
    stamp = MADE_AT if values_lost(queue, since, run.started_at) else STAMPS[queue.side]
    for values in rows:
        at = edited_at(values.get(stamp))
        if at is not None and at >= since:
            yield values
        else:
            old.append(values)
    known = links.of_people([str(values["id"]) for values in old]) if old else {}
    yield from (values for values in old if str(values["id"]) in known)


def changed(run: CycleRun, queue: Queue, rows: Iterable[Values]) -> Iterable[Values]:
    """Rows that changed, for those who learn from another kind's records."""
    return _parted(run, queue, rows)[0]


def _parted(run: CycleRun, queue: Queue, rows: Iterable[Values]) -> tuple[Iterable[Values], list[Values]]:
    """Rows that are read as changed, and those that are read to be compared."""
    since, fresh, old = run.since.get(queue.name), list[Values](), list[Values]()
    if queue.name not in run.compared or since is None:
        return rows, []
    for values in rows:
        at = edited_at(values.get(STAMPS[queue.side]))
        (old if at is not None and at < since else fresh).append(values)
    return fresh, old


def _id(values: Values) -> str:
    return canonical(str(values["Id"]))
