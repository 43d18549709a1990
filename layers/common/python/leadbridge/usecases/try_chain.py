"""What would become of the chained objects of a person, decided by the functions that run them, written nowhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain import chain
from leadbridge.domain.chain import LinkWrite, Search
from leadbridge.domain.event import Result
from leadbridge.domain.links import CompiledLink
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.pipeline import Candidate
from leadbridge.domain.standing import standing
from leadbridge.ports import Connections

type Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedLink:
    """One chained object as it would be; it holds the person's values. An id that is not there yet is in words."""

    name: str
    object: str
    #: an outcome, or why it would not be run: `not_after`, `stopped`
    state: str
    reason: str = ""
    message: str = ""
    record_id: str = ""
    fields: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The chained object for scripts."""
        return {
            "name": self.name,
            "object": self.object,
            "state": self.state,
            "reason": self.reason or None,
            "message": self.message or None,
            "salesforce_id": self.record_id or None,
            "fields": dict(self.fields),
        }


def try_chain(
    candidate: Candidate, result: Result, record: Row, connections: Connections
) -> tuple[Candidate, list[TriedLink]]:
    """The chained objects of a person whose own record would have that result and hold `record`.

    With them the candidate as it would be told of: its links have their results, those to be made an Id in words.
    """
    item = chain.recorded(candidate, result)
    known: dict[str, Row] = {str(result.record_id): record}
    fields: dict[str, Row] = {}
    while (link := chain.following(item)) is not None:
        decided = _decided(item, link, known, connections, candidate.event.received_at)
        if isinstance(decided, LinkWrite):
            fields[link.name] = decided.fields
            created = decided.intent.operation == "create"
            record_id = f"(the Id of {link.name})" if created else str(decided.intent.record_id)
            known[record_id] = {**known.get(record_id, {}), **decided.fields}
            decided = Result(outcome=Outcome.CREATED if created else Outcome.UPDATED, record_id=record_id)
        item = chain.settled(item, link, decided)
    return item, [
        TriedLink(
            name=told.link.name,
            object=told.link.object,
            state=told.state,
            reason=str(told.result.reason) if told.result else "",
            message=told.result.message if told.result else "",
            record_id="" if told.state == "created" or not told.result else told.result.record_id or "",
            fields=fields.get(told.link.name, {}),
        )
        for told in standing(item.compiled.action, item.event)
    ]


def _decided(
    item: Candidate, link: CompiledLink, known: Mapping[str, Row], connections: Connections, now: datetime
) -> LinkWrite | Result:
    client = connections.salesforce(item.compiled.action.destination.connection)
    records = dict(known)
    for object_name, record_id, fields in chain.needs(item, link):
        if not _is_new(record_id):
            for record in client.find(object_name, sorted({"Id", *fields}), "Id", [record_id]):
                records[record_id] = {**record, **records.get(record_id, {})}
    inputs = chain.inputs_of(item, records)
    look = chain.look_of(item, link, inputs)
    if isinstance(look, Result):
        return look
    found: Sequence[Row] = ()
    # nothing refers to a record that is not there yet
    if look is not None and not any(_is_new(str(value)) for _, value in look.pairs):
        field, value = look.pairs[0]
        found = client.find(link.object, look.fields, field.name, [value])
    search = Search(candidate=item, link=link, inputs=inputs, look=look)
    decided = chain.decide(search, found, now=now, settle=timedelta(0), written="", overtaken=False)
    if not isinstance(decided, LinkWrite | Result):
        # a link without an intent is never asked to wait
        raise TypeError("a new link cannot have to wait for an earlier attempt")
    return decided


def _is_new(record_id: str) -> bool:
    """Whether it stands for a record that is not there yet; no id has brackets."""
    return record_id.startswith("(")
