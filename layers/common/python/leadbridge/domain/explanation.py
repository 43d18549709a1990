"""Why an execution has its outcome: the record that is kept of its decisions. `narration` tells it to people.

The record is one JSON object in the execution's log item, `decision`, without any value of the person: names, types,
ids of records and results. Each step adds its section to the event (`begun`, `claimed`, `decided`, `answered`), the
event carries them to its end. What a reader does not know it passes over, so sections can be added.

| section | holds |
|---|---|
| `v` | version of this form, 1 |
| `action` | name, type, objects and connection of the destination |
| `read` | columns that the call did not bring and Marketo was asked for |
| `activity` | type, days and, where the person has such an activity, the id of the one that was taken |
| `member` | program and status, by the Action's names, that the person is to have in Marketo |
| `conditions` | each clause: path, column, operator, type, result |
| `duplicates` | each check: columns (none: by event id), seconds, the execution that came first, if any |
| `match` | each look: object, field, ids of the records found and their number; the rule and the record chosen |
| `fields` | names: written, cleared, left; how each field with rules came to its value, in types |
| `write` | what the vendor was asked to do, which attempt it was, the code after which another record is written |
| `answer` | of the vendor: status, id, code, message with the sent values masked |
| `chained` | each chained object: name, object, what became of it, the record's id, reason and message |
| `cut` | by section and member, how many entries there were before the record was shortened |
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from leadbridge.domain import activity_columns
from leadbridge.domain.columns import OF_ACTIVITY
from leadbridge.domain.event import Event, Result
from leadbridge.domain.matching import Match, deciding
from leadbridge.domain.outcome import Reason, State
from leadbridge.domain.pipeline import Candidate, Claim, CompiledAction, Wait, Write
from leadbridge.domain.records import RowResult
from leadbridge.domain.sources import LEFT_ALONE, Fate, Inputs, trace
from leadbridge.domain.standing import standing

VERSION = 1
#: bytes of a record as JSON; DynamoDB's item takes 400 KB, and three indexes hold it once more each
LIMIT_BYTES = 12_000
#: characters of a vendor's message
MESSAGE_CHARACTERS = 500
#: what is shortened when a record is too large, in this order, and how many entries stay in any case
SHORTENED = (("fields", "ruled"), ("fields", "written"), ("fields", "left"), ("conditions", "clauses"))
KEPT = 5
#: ids of records that are kept of one look
CANDIDATES = 10

#: made once: `json.dumps` makes an encoder for each call that asks for anything
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

type Section = Mapping[str, Any]


def begun(event: Event, compiled: CompiledAction, *, asked: bool = True) -> Event:
    """The event with the record of its filter, if that is `asked`; one that was begun before keeps what it has."""
    if event.state is not State.WAITING:
        return event
    action = compiled.action
    found: dict[str, Section] = {
        "action": {
            "name": action.name,
            "type": action.type.value,
            "objects": list(action.described_objects),
            "connection": action.destination.connection,
        }
        | ({"chained": [link.name for link in action.chained]} if action.chained else {})
    }
    if compiled.conditions is not None:
        # the same question with the same answer as the filter's: it depends on nothing but these
        decision = compiled.conditions.decide(event.columns, event.received_at)
        found["conditions"] = {"clauses": decision.record() if asked else []}
    read = sorted(name for name in event.read or () if not name.startswith(OF_ACTIVITY))
    if read:
        found["read"] = {"columns": read}
    if action.program_member is not None:
        found["member"] = {"program": str(action.program_member.program), "status": action.program_member.status}
    if (taken := activity_columns.told(event, action)) is not None:
        found["activity"] = taken
    return _noted(event.evolve(decision={}), found)


def claimed(event: Event, claims: Sequence[Claim], owner: str = "", by: Claim | None = None) -> Event:
    """The event with the verdict on duplicates: `owner` came first, which the claim `by` says; none without it."""
    checks = [
        {"columns": list(claim.fields), "seconds": claim.window_seconds} | ({"owner": owner} if claim is by else {})
        for claim in claims
    ]
    return _noted(event, {"duplicates": {"checks": checks}} if checks else {})


def decided(item: Candidate, matches: Sequence[Match], decision: Write | Result | Wait) -> Candidate:
    """The candidate with what was found, which record was chosen by what rule, and how each field got its value."""
    found: dict[str, Section] = {"match": _match(item, matches, decision)}
    if isinstance(decision, Write):
        found["fields"] = _fields(item, decision.intent.object, decision.fields)
        found["write"] = {"operation": decision.intent.operation, "attempt": decision.intent.attempt}
    elif isinstance(decision, Result) and decision.reason in _OF_A_FIELD:
        # mapped for the record that was meant, or for a new one
        found["fields"] = _fields(item, deciding(item.looks, matches)[0].object if matches else "", None)
    return item.with_event(_noted(item.event, found))


def _match(item: Candidate, matches: Sequence[Match], decision: Write | Result | Wait) -> Section:
    looks: list[Section] = []
    for look in item.looks:
        ids = [str(match["Id"]) for match in matches if look.finds(match)]
        looks.append({"object": look.object, "field": look.field.name, "found": ids[:CANDIDATES], "count": len(ids)})
        if ids and not item.thorough:
            break  # what is found first decides
    meant = decision.intent if isinstance(decision, Write) else decision if isinstance(decision, Result) else None
    rule = item.compiled.action.duplicate_record_rule
    match: dict[str, Any] = {"looks": looks}
    if rule and len(matches) > 1:
        match["rule"] = {"order_by": rule.order_by, "choose": rule.choose}
    if meant and meant.record_id:
        match["chosen"] = {"object": meant.object or item.compiled.target.name, "id": meant.record_id}
    return match


def answered(event: Event, row: RowResult, vendor: str) -> Event:
    """The event with the vendor's answer about its record."""
    answer = {"vendor": vendor, "status": row.status, "id": row.id or "", "code": row.code}
    answer["message"] = row.message[:MESSAGE_CHARACTERS]
    return _noted(event, {"answer": {name: value for name, value in answer.items() if value}})


def chained(item: Candidate) -> Candidate:
    """The candidate with how its chained objects stand."""
    links: list[Section] = []
    for told in standing(item.compiled.action, item.event):
        link, result = {"name": told.link.name, "object": told.link.object, "state": told.state}, told.result
        if result:
            link |= {"id": result.record_id or "", "reason": str(result.reason)}
            link["message"] = result.message[:MESSAGE_CHARACTERS]
        links.append({name: value for name, value in {**link, "why": told.why}.items() if value})
    return item.with_event(_noted(item.event, {"chained": {"links": links}} if links else {}))


def redirected(write: Write, row: RowResult) -> Write:
    """What is written instead, after the vendor refused a new record (`row`) because it knows one that is like it."""
    event, intent = write.candidate.event, write.intent
    chosen = {"object": intent.object or write.candidate.compiled.target.name, "id": intent.record_id}
    sections = {
        "match": {**event.decision.get("match", {}), "chosen": chosen},
        "write": {"operation": intent.operation, "attempt": intent.attempt, "instead": row.code},
    }
    return write.with_event(_noted(event, sections))


#: reasons that speak of one field, which the record shows
_OF_A_FIELD = frozenset({Reason.VALUE_INVALID, Reason.VALUE_MISSING, Reason.RULE_FAILED})


def _fields(item: Candidate, object_name: str, record: Mapping[str, Any] | None) -> Section:
    """Names of fields by what became of them; the way of those that have rules or failed. No record: one failed."""
    mapped = item.compiled.target_of(object_name).mapped
    inputs = Inputs(columns=item.columns, at=item.event.received_at)
    if record is None:
        traced = trace(mapped, inputs)
        return {"ruled": [each.stored() for each in traced if each.rules or each.fate is Fate.FAILED]}
    names = [source.to for source in mapped]
    fates = {
        "written": [name for name in names if record.get(name) is not None],
        "cleared": [name for name in names if record.get(name, LEFT_ALONE) is None],
        "left": [name for name in names if name not in record],
    }
    ruled = [each.stored() for each in trace([source for source in mapped if source.rules], inputs)]
    return {name: found for name, found in {**fates, "ruled": ruled}.items() if found}


def _noted(event: Event, sections: Mapping[str, Section]) -> Event:
    return event.evolve(decision=bounded({**event.decision, "v": VERSION, **sections})) if sections else event


def bounded(record: Mapping[str, Any], limit: int = LIMIT_BYTES) -> dict[str, Any]:
    """The record in at most `limit` bytes of JSON: long lists lose their ends, and `cut` says how long they were.

    What is too large then loses whole sections, the one that is named last in `SHORTENED` last.
    """
    found = dict(record)
    # as JSON it has at most four bytes for each character of this form, which is made sooner
    if len(repr(found)) * 4 <= limit or _size(found) <= limit:
        return found
    for section, member in SHORTENED:
        while _size(found) > limit and len(found.get(section, {}).get(member, ())) > KEPT:
            entries = found[section][member]
            found[section] = {**found[section], member: entries[: max(KEPT, len(entries) // 2)]}
            cut = found.get("cut", {})
            found["cut"] = {f"{section}.{member}": len(entries)} | cut
    for section, _ in SHORTENED:
        if _size(found) > limit and section in found:
            del found[section]
            found["cut"] = {**found.get("cut", {}), section: 0}
    return found


def _size(record: Mapping[str, Any]) -> int:
    return len(_COMPACT.encode(record).encode())
