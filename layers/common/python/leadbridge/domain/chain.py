"""The decisions about chained objects, as functions over values: which is next, what is written, what became of all.

A link is begun when the links before it have their results; its intent is stored before the call and its result after
it, so that a worker who comes later goes on where the one before it stopped. The rules of a write in doubt are those of
`pipeline`: a create is repeated only after looking for a record that was not there before it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.event import Event, Intent, Link, Result
from leadbridge.domain.links import PRIMARY, CompiledLink, LinkField
from leadbridge.domain.matching import Match, match_key
from leadbridge.domain.outcome import WORDS, Outcome, Reason, State, apart, message
from leadbridge.domain.pipeline import Candidate, Wait, unmapped
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.sources import FAILURES, LEFT_ALONE, Inputs
from leadbridge.domain.standing import standing
from leadbridge.domain.values import blank, valid_identifier


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLook:
    """By what a chained record is looked for: the first pair is asked for, the others are compared."""

    pairs: tuple[tuple[FieldDescription, Any], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the query must return."""
        return tuple(sorted({"Id", *(field.name for field, _ in self.pairs)}))

    def finds(self, match: Match) -> bool:
        """Whether a record has all the values."""
        return all(
            not blank(match.get(field.name)) and match_key(match[field.name], field) == match_key(value, field)
            for field, value in self.pairs
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A candidate with its next link, what that takes values from, and by what its record is looked for, if it is."""

    candidate: Candidate
    link: CompiledLink
    inputs: Inputs
    look: LinkLook | None

    @property
    def intent(self) -> Intent | None:
        """That of the attempt before this one, if nobody knows what became of it."""
        return self.candidate.event.link(self.link.name).intent

    def among(self, matches: Sequence[Match]) -> list[str]:
        """The ids of those records that are looked for."""
        return [str(match["Id"]) for match in matches if self.look and self.look.finds(match)]

    def fresh(self, found: Sequence[str]) -> Sequence[str]:
        """Those that were not there before the intent; what has our key is ours."""
        before = self.intent.before if self.intent else ()
        # ids, not times, tell new from old: the vendor's clock and ours may differ by minutes
        return found if self.link.marker else [each for each in found if each not in before]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkWrite:
    """One chained record to be written: the fields, and the intent that is stored before the call."""

    candidate: Candidate
    link: CompiledLink
    intent: Intent
    fields: Mapping[str, Any]
    #: what the fields were taken from
    inputs: Inputs

    def with_event(self, event: Event) -> "LinkWrite":
        """The same write after its event moved on."""
        return replace(self, candidate=self.candidate.with_event(event))


def following(candidate: Candidate) -> CompiledLink | None:
    """The link that is to be written next; None where none is left."""
    waiting = {told.link.name for told in standing(candidate.compiled.action, candidate.event) if told.outstanding}
    return next((link for link in candidate.compiled.chain if link.name in waiting), None)


def recorded(candidate: Candidate, result: Result) -> Candidate:
    """The candidate whose own record has that result: its links come next, or it is told."""
    return _in_state(candidate.with_event(candidate.event.evolve(result=result)))


def settled(candidate: Candidate, link: CompiledLink, result: Result) -> Candidate:
    """The candidate with the result of a link; the refusals before it count no longer."""
    before = candidate.event.link(link.name)
    event = candidate.event.with_link(replace(before, result=result))
    return _in_state(candidate.with_event(event.evolve(attempts=0, reason="", message="")))


def begun(write: LinkWrite) -> Event:
    """The event with the intent of a link."""
    return write.candidate.event.with_link(Link(name=write.link.name, intent=write.intent))


def undone(write: LinkWrite) -> Candidate:
    """The candidate as before the intent: the vendor said that nothing was written.

    An attempt before this one may still be in doubt, so that the next run must look again.
    """
    if write.intent.attempt > 1:
        return write.candidate
    rest = tuple(each for each in write.candidate.event.chain if each.name != write.link.name)
    return write.candidate.with_event(write.candidate.event.evolve(chain=rest))


def concluded(candidate: Candidate) -> Result:
    """The result of the event as it is told: that of its own record, with the links that failed.

    Raises:
        ValueError: It has none.
    """
    result = candidate.event.result
    if result is None:
        raise ValueError("nothing was written yet")
    links = standing(candidate.compiled.action, candidate.event)
    failed = [told for told in links if told.result and told.result.outcome is Outcome.FAILED]
    if not failed:
        return result
    each = (f"{told.link.name} ({told.link.object}): {told.result.message}" for told in failed if told.result)
    text = message(Reason.CHAINED_FAILED, outcome=result.outcome.value.capitalize(), links=" ".join(each))
    return replace(result, reason=Reason.CHAINED_FAILED, message=text)


def needs(candidate: Candidate, link: CompiledLink) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Object, id and fields of the records that a link takes values from beside their ids."""
    ids = _ids(candidate)
    for of, fields in link.needs.items():
        if of in ids:
            yield *ids[of], fields


def inputs_of(candidate: Candidate, records: Mapping[str, Mapping[str, Any]]) -> Inputs:
    """What the links may take values from; `records` are those that were read, by id."""
    known = {of: {**records.get(record_id, {}), "Id": record_id} for of, (_, record_id) in _ids(candidate).items()}
    return Inputs(
        columns=candidate.columns,
        at=candidate.event.received_at,
        record=known.pop(PRIMARY, {}),
        links=known,
    )


def look_of(candidate: Candidate, link: CompiledLink, inputs: Inputs) -> LinkLook | Result | None:
    """By what the record is looked for; a Result where that cannot be told, None where nothing need be looked for."""
    if link.marker is not None:
        again = candidate.event.link(link.name).intent is not None
        return LinkLook(pairs=((link.marker, marker_of(candidate, link)),)) if again else None
    if link.creates:
        return LinkLook(pairs=((link.lookup(_primary_object(candidate)), inputs.record["Id"]),))
    pairs = []
    for each in link.match:
        value = _value(each, inputs)
        if isinstance(value, Result):
            return value
        if value is LEFT_ALONE or blank(value):
            return _ended(Outcome.SKIPPED, Reason.IDENTIFIER_MISSING, field=each.source.name)
        if not (each.is_known_id or valid_identifier(value, each.field)):
            return _ended(Outcome.SKIPPED, Reason.IDENTIFIER_INVALID, field=each.source.name, type=each.field.type)
        pairs.append((each.field, value))
    return LinkLook(pairs=tuple(pairs))


def marker_of(candidate: Candidate, link: CompiledLink) -> str:
    """The idempotency key of a chained record."""
    return f"{candidate.event.execution_id}-{link.name}"


def decide(
    search: Search,
    matches: Sequence[Match],
    *,
    now: datetime,
    settle: timedelta,
    written: str,
    overtaken: bool,
) -> LinkWrite | Result | Wait:
    """What is to be written of a link, given the records that its look found.

    `written` stands for what others had written under the keys of the link by now, `overtaken` says that a newer event
    of the same Action is among that.
    """
    link, found = search.link, search.among(matches)
    if search.intent is not None:
        resumed = _resume(search, search.intent, found, now=now, settle=settle, written=written, overtaken=overtaken)
        if resumed is not None:
            return resumed
    named = " and ".join(each.field.name for each in link.match)
    if link.document.type == "update" and not found:
        return _ended(Outcome.SKIPPED, Reason.NO_MATCH, object=link.object, field=named)
    if link.creates or not found:
        return _write(search, "create", None, found, now=now, written=written)
    if _yields(link, overtaken=overtaken):
        return _ended(Outcome.SUPERSEDED, Reason.OVERTAKEN)
    if len(found) > 1:
        candidates = ", ".join(sorted(found))
        return _ended(Outcome.FAILED, Reason.AMBIGUOUS_MATCH, object=link.object, field=named, candidates=candidates)
    return _write(search, "update", found[0], found, now=now, written=written)


def instead(write: LinkWrite, found: Sequence[str], *, now: datetime) -> LinkWrite | Result | None:
    """What is done where a duplicate rule of the org refused a new record and named others: the one is updated.

    None if that cannot be told to be a record of the link's object. The fields are those of an update.
    """
    item, link = write.candidate, write.link
    if len(found) != 1 or not link.key_prefix or not found[0].startswith(link.key_prefix):
        return None
    fields = _fields(item, link, write.inputs, None, "update")
    if isinstance(fields, Result):
        return fields
    intent = replace(write.intent, operation="update", at=now, record_id=found[0])
    return replace(write, intent=intent, fields=fields)


def made(search: Search, matches: Sequence[Match]) -> Result | None:
    """The result of a link whose create has not been answered, if what was found right after it tells."""
    fresh = search.fresh(search.among(matches))
    return _resolved(search.link, fresh, contested=False) if fresh else None


def _resume(
    search: Search,
    intent: Intent,
    found: Sequence[str],
    *,
    now: datetime,
    settle: timedelta,
    written: str,
    overtaken: bool,
) -> LinkWrite | Result | Wait | None:
    """What to do with a write that may or may not have been committed; None: as if it had not been begun."""
    creates = intent.operation != "update"
    fresh = search.fresh(found) if creates else ()
    if fresh:
        # others may have written under the same keys while the event was away; whoever made the record of an upsert,
        # our fields are to be in it
        contested = intent.written not in {"", written}
        mine = search.link.creates or not contested
        return _resolved(search.link, fresh, contested=contested) if mine else None
    if now < intent.at + settle:
        # what is repeated too soon could be followed by its first attempt
        return Wait(until=intent.at + settle)
    if not creates and _yields(search.link, overtaken=overtaken):
        return _ended(Outcome.SUPERSEDED, Reason.OVERTAKEN)
    return _write(search, intent.operation, intent.record_id, intent.before, now=now, written=written)


def _yields(link: CompiledLink, *, overtaken: bool) -> bool:
    """Whether a newer event of the Action has the last word about the record; it has if it wrote this link, too."""
    return overtaken and not link.creates and link.document.after == "both"


def _resolved(link: CompiledLink, fresh: Sequence[str], *, contested: bool) -> Result:
    """The result of a create in doubt of which records have appeared since its intent."""
    if len(fresh) == 1 and (link.marker or not contested):
        return Result(outcome=Outcome.CREATED, record_id=fresh[0])
    return _ended(Outcome.FAILED, Reason.UNCERTAIN, candidates=", ".join(fresh))


def _write(
    search: Search, operation: str, record_id: str | None, before: Sequence[str], *, now: datetime, written: str
) -> LinkWrite | Result:
    fields = _fields(search.candidate, search.link, search.inputs, search.look, operation)
    if isinstance(fields, Result):
        return fields
    previous = search.intent
    intent = Intent(
        operation=operation,
        at=now,
        attempt=previous.attempt + 1 if previous else 1,
        record_id=record_id,
        before=tuple(before),
        written=written,
    )
    return LinkWrite(candidate=search.candidate, link=search.link, intent=intent, fields=fields, inputs=search.inputs)


def _fields(
    candidate: Candidate, link: CompiledLink, inputs: Inputs, look: LinkLook | None, operation: str
) -> dict[str, Any] | Result:
    """The fields of the record by name; those that the operation cannot set are left out."""
    record: dict[str, Any] = {}
    primary = _primary_object(candidate)
    for each in link.fields:
        settable = each.field.updateable if operation == "update" else each.field.createable
        if not settable or not each.takes(primary):
            continue
        value = _value(each, inputs)
        if isinstance(value, Result):
            return value
        if value is not LEFT_ALONE:
            record[each.field.name] = value
    if operation != "update" and link.marker:
        record[link.marker.name] = marker_of(candidate, link)
    if operation != "update" and look and not link.creates:
        # a new record must be found by them next time, whether or not a mapping names them
        for field, value in look.pairs:
            if field.createable:
                record.setdefault(field.name, value)
    return record


def _value(field: LinkField, inputs: Inputs) -> Any:
    """The value for a field, LEFT_ALONE, or the Result of a link that fails for it."""
    try:
        return field.source.value(inputs)
    except FAILURES as failure:
        # what to do is said once, of the execution
        told = unmapped(field.source, failure)
        return replace(told, message=apart(told.reason, told.message)[0])


def _ids(candidate: Candidate) -> dict[str, tuple[str, str]]:
    """Object and id of the records that there are by now, by the names of their links."""
    event = candidate.event
    found: dict[str, tuple[str, str]] = {}
    if event.result and event.result.record_id:
        found[PRIMARY] = (_primary_object(candidate), event.result.record_id)
    objects = {link.name: link.object for link in candidate.compiled.chain}
    for link in event.chain:
        if link.result and link.result.record_id and link.name in objects:
            found[link.name] = (objects[link.name], link.result.record_id)
    return found


def _primary_object(candidate: Candidate) -> str:
    result = candidate.event.result
    return candidate.compiled.target_of(result.object if result else "").name


def _in_state(candidate: Candidate) -> Candidate:
    """The candidate whose event is still writing while links are left."""
    state = State.REPORTING if following(candidate) is None else State.WRITING
    return candidate.with_event(candidate.event.evolve(state=state))


def _ended(outcome: Outcome, reason: Reason, **facts: object) -> Result:
    """The end of a link; what to do is said once, of the execution."""
    return Result(outcome=outcome, reason=reason, message=WORDS[reason].sentence.format(**facts))
