"""What must come of a persons file: the demo Action in plain sequential code, one call after the other.

It shares no code with what it judges: it imports neither the product nor the simulators nor anything else of
this folder. Its input is the file as it stands (docs/persons-format.md).
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

type CallKey = tuple[str, int]  # a person's key and the number of the call in that person's list, from 0

MAPPED = ["email", "firstName", "lastName", "company", "phone", "title"]  # to Email, FirstName, LastName ...
FIELDS = [*MAPPED, "leadStatus"]
REQUIRED = {"LastName", "Company"}
LENGTHS = {"FirstName": 40, "LastName": 80, "Company": 255, "Phone": 40, "Title": 128}
WRITTEN = {"created", "updated"}


@dataclass
class Record:
    """A Lead as Salesforce must hold it at the end; `id` is None for one that the product creates."""

    id: str | None
    key: str
    fields: dict[str, Any]


@dataclass
class Result:
    """What must come of one call. Calls with the same `bucket` may swap their results among themselves."""

    outcome: str
    reason: str | None
    bucket: str
    key: str
    record: Record | None = None


@dataclass
class Expectation:
    """Everything that must hold at the end.

    `write_backs` gives the record whose Id each Marketo lead must carry. `unfounded` lists the calls that the
    product called overtaken although no newer call for the same e-mail address was written.
    """

    results: dict[CallKey, Result] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    write_backs: dict[str, Record] = field(default_factory=dict)
    unfounded: list[CallKey] = field(default_factory=list)


def expect(
    lines: Sequence[Mapping[str, Any]],
    lead_ids: Mapping[str, str],
    record_ids: Mapping[str, Sequence[str]],
    overtaken: Collection[CallKey] = frozenset(),
) -> Expectation:
    """Say what must come of the persons, given the ids that the vendors gave to the loaded records.

    `overtaken` are the calls that the product reports as superseded: only it can know which call of a person
    came through last, so its word is taken; whether it may say so is checked.
    """
    wanted = Expectation()
    by_key: dict[str, list[Record]] = {}
    for line in lines:
        for record_id, fields in zip(record_ids[line["person"]], line.get("salesforce", []), strict=True):
            wanted.records.append(record := Record(record_id, _key(fields["Email"]), dict(fields)))
            by_key.setdefault(record.key, []).append(record)
    events: set[str] = set()
    for line, n, call in ((row, n, call) for row in lines for n, call in enumerate(row["calls"])):
        this, lead_id = (line["person"], n), lead_ids[line["person"]]
        event = call.get("event_id", "")
        bucket = this[0] if line.get("burst") else event or str(this)
        values = _values(line, call, lead_id)
        matches = by_key.setdefault(key := _key(values.get("email", "")), [])
        outcome, reason = _refusal(values, events, event) or _fate(values, matches, late=this in overtaken)
        result = wanted.results[this] = Result(outcome, reason, bucket, key)
        if outcome == "created":
            matches.append(Record(None, key, {}))
            wanted.records.append(matches[0])
        if outcome in WRITTEN:
            result.record = wanted.write_backs[lead_id] = matches[0]
            matches[0].fields.update(_mapped(values), LeadSource="Marketo")
    last = {result.key: n for n, result in enumerate(wanted.results.values()) if result.outcome in WRITTEN}
    for n, (this, result) in enumerate(wanted.results.items()):
        # the calls of a burst have no order: there, any other one may be the newer
        rank = 0 if result.bucket == this[0] else n
        if result.outcome == "superseded" and last.get(result.key, -1) < rank:
            wanted.unfounded.append(this)
    return wanted


def _values(line: Mapping[str, Any], call: Mapping[str, Any], lead_id: str) -> dict[str, str]:
    """Give what the body of the call says, field by field; nothing where nobody could use the body."""
    if "raw" not in call:
        says = line["lead"] | call.get("lead", {})
        return {name: says.get(name, "") if name in call.get("fields", FIELDS) else "" for name in FIELDS}
    try:
        body = json.loads(call["raw"].replace("{{lead.Id}}", lead_id))
    except ValueError:
        return {}
    says = body.get("lead") if isinstance(body, dict) else None
    if not isinstance(says, dict) or not re.fullmatch("[0-9]+", str(says.get("id"))):
        return {}
    texts = {name: "" if says.get(name) is None else says[name] for name in FIELDS}
    return {name: text if isinstance(text, str) else json.dumps(text) for name, text in texts.items()}


def _refusal(values: Mapping[str, str], events: set[str], event: str) -> tuple[str, str | None] | None:
    """Say why the call never comes near Salesforce, and note its event id if it does."""
    if not values:
        return "rejected", None
    if values["leadStatus"] == "Disqualified":
        return "skipped", "condition_not_met"
    if not values["email"].strip():
        return "skipped", "identifier_missing"
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", values["email"].strip()):
        return "skipped", "identifier_invalid"
    if event in events:
        return "duplicate", "duplicate_event_id"
    events |= {event} - {""}
    return None


def _fate(values: Mapping[str, str], matches: Sequence[Record], *, late: bool) -> tuple[str, str | None]:
    """Say what comes of a call that reaches Salesforce, or comes too late to."""
    if late:
        return "superseded", "overtaken"
    if len(matches) > 1:
        return "failed", "ambiguous_match"
    mapped = _mapped(values)
    if not matches and REQUIRED - mapped.keys():
        return "failed", "salesforce_REQUIRED_FIELD_MISSING"
    if any(len(mapped.get(name, "")) > length for name, length in LENGTHS.items()):
        return "failed", "salesforce_STRING_TOO_LONG"
    return ("updated" if matches else "created"), None


def _mapped(values: Mapping[str, str]) -> dict[str, str]:
    """Give the Salesforce fields that are written: outer blanks do not count, what is blank is left alone."""
    return {name[0].upper() + name[1:]: values[name].strip() for name in MAPPED if values[name].strip()}


def _key(email: str) -> str:
    return email.strip().lower()
