"""Persons files: read and check them, load the simulators, render webhook bodies as Marketo does.

The format is documented in docs/persons-format.md.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

type Line = Mapping[str, Any]
"""One line of a persons file as it stands."""

# REST name of a lead field -> the token that a template uses for it
LEAD_TOKENS = {
    "email": "lead.Email Address",
    "firstName": "lead.First Name",
    "lastName": "lead.Last Name",
    "company": "company.Company Name",
    "phone": "lead.Phone Number",
    "title": "lead.Job Title",
    "leadStatus": "lead.Lead Status",
}
TEMPLATES = ("plain", "number_id", "escaped", "extra", "one_line")
CONTENT_TYPE = "application/json; charset=utf-8"

_PERSON_MEMBERS = {"person", "lead", "salesforce", "calls", "group", "burst", "about"}
_CALL_MEMBERS = {
    "lead",
    "fields",
    "campaign",
    "program",
    "token",
    "event_id",
    "raw",
    "template",
    "content_type",
    "about",
}
# not part of the vendor's limits: only keeps one request to a control plane at a readable size
_LOAD_CHUNK = 2_000
_TOKEN = re.compile(r"\{\{(.+?)\}\}")


class PersonsError(ValueError):
    """A persons file or a simulator's answer about it cannot be used; the text lists every finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The ids that the vendors gave: one Marketo lead per person, and its Salesforce Leads in order."""

    lead_ids: Mapping[str, str]
    record_ids: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One webhook call ready to send; `content_type` is None where the header is left out."""

    person: str
    call: int
    body: bytes
    content_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Calls that belong together: sent strictly one after the other, or all at once if `burst`."""

    requests: tuple[Request, ...]
    burst: bool


def read(path: Path) -> list[Line]:
    """Read a persons file and check every line of it.

    Raises:
        PersonsError: the file is missing or breaks the format; every finding is listed with its line.
    """
    try:
        texts = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise PersonsError(f"{path} cannot be read: {error}") from error
    lines, findings = [], []
    for number, text in enumerate(texts, 1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except ValueError as error:
            findings.append(f"line {number} is not JSON: {error}")
            continue
        findings += [f"line {number}: {finding}" for finding in _line_findings(line)]
        lines.append(line)
    findings = findings or _file_findings(lines)
    if not lines and not findings:
        findings.append("there is no person in it")
    if findings:
        raise PersonsError("\n".join([f"{path} is not a persons file:", *findings]))
    return lines


def load(lines: Sequence[Line], *, marketo_url: str, salesforce_url: str, client: httpx.Client) -> Loaded:
    """Load the persons into both simulators through their control planes.

    Raises:
        PersonsError: a simulator refused a record or gave another number of ids.
    """
    lead_ids = _load(client, marketo_url, "leads", [line["lead"] for line in lines])
    records = [record for line in lines for record in line.get("salesforce", [])]
    waiting = iter(_load(client, salesforce_url, "Lead", records))
    return Loaded(
        lead_ids={line["person"]: lead_id for line, lead_id in zip(lines, lead_ids, strict=True)},
        record_ids={line["person"]: [next(waiting) for _ in line.get("salesforce", [])] for line in lines},
    )


def groups(lines: Sequence[Line], lead_ids: Mapping[str, str]) -> list[Group]:
    """Render every call of the file; calls of one group stay in the order of the file."""
    requests: dict[str, list[Request]] = defaultdict(list)
    bursts = set()
    for line in lines:
        name = line.get("group", line["person"])
        if line.get("burst"):
            bursts.add(name)
        for number, call in enumerate(line["calls"]):
            requests[name].append(
                Request(
                    person=line["person"],
                    call=number,
                    body=body(line, call, lead_ids[line["person"]]),
                    content_type=call.get("content_type", CONTENT_TYPE),
                )
            )
    return [Group(requests=tuple(calls), burst=name in bursts) for name, calls in requests.items()]


def body(line: Line, call: Mapping[str, Any], lead_id: str) -> bytes:
    """Render one webhook body: the call's template with every token replaced by a JSON string."""
    if "raw" in call:
        return str(call["raw"]).replace("{{lead.Id}}", lead_id).encode()
    values = {"lead.Id": lead_id}
    says = {**line["lead"], **call.get("lead", {})}
    values |= {token: says.get(name, "") for name, token in LEAD_TOKENS.items()}
    for kind in ("campaign", "program"):
        values |= {f"{kind}.{name}": value for name, value in call.get(kind, {}).items()}
    values |= call.get("token", {})
    values["trigger.Event Id"] = call.get("event_id", "")
    return _render(_template(call), values, escaped=call.get("template") == "escaped").encode()


def _template(call: Mapping[str, Any]) -> str:
    """Write the payload template as a marketer would type it: tokens without quotes around them."""
    kind = call.get("template", "plain")
    identity = "{{lead.Id:number}}" if kind == "number_id" else "{{lead.Id}}"
    names = call.get("fields", list(LEAD_TOKENS))
    parts = {"lead": {"id": identity} | {name: f"{{{{{LEAD_TOKENS[name]}}}}}" for name in names}}
    for member in ("campaign", "program"):
        if member in call:
            parts[member] = {name: f"{{{{{member}.{name}}}}}" for name in call[member]}
    if "token" in call:
        parts["token"] = {name: f"{{{{{name}}}}}" for name in call["token"]}
    if kind == "extra":
        parts["lead"]["unknownField"] = "{{lead.Id}}"
        parts["instance"] = {"munchkinId": '"000-AAA-000"', "note": '"unknown members do no harm"'}
    members = [f"{json.dumps(name)}: {_object(tokens)}" for name, tokens in parts.items()]
    if "event_id" in call:
        members.append('"event_id": {{trigger.Event Id}}')
    separator = ", " if kind == "one_line" else ",\n  "
    return "{" + separator.join(members) + "}"


def _object(tokens: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {token}" for name, token in tokens.items()) + "}"


def _render(template: str, values: Mapping[str, str], *, escaped: bool) -> str:
    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name.endswith(":number"):
            return values[name.removesuffix(":number")]
        return json.dumps(values[name], ensure_ascii=escaped)

    # one pass, so a value that looks like a token is not replaced in its turn
    return _TOKEN.sub(replace, template)


def _load(client: httpx.Client, url: str, object_name: str, records: Sequence[Mapping[str, Any]]) -> list[str]:
    ids: list[str] = []
    for start in range(0, len(records), _LOAD_CHUNK):
        chunk = records[start : start + _LOAD_CHUNK]
        response = client.post(f"{url}/_sim/load", json={object_name: chunk})
        if response.is_error:
            raise PersonsError(f"{url} refused to load {object_name} {start} and following: {response.text[:500]}")
        given = response.json().get(object_name, [])
        if len(given) != len(chunk):
            raise PersonsError(f"{url} gave {len(given)} ids for {len(chunk)} records of {object_name}")
        ids += [str(record_id) for record_id in given]
    return ids


def _line_findings(line: object) -> Iterator[str]:
    if not isinstance(line, dict):
        yield "is not a JSON object"
        return
    if not isinstance(line.get("person"), str) or not line["person"]:
        yield "person is missing: a text that no other line has"
    if not _is_texts(line.get("lead")):
        yield "lead is missing: an object of field names and texts"
    yield from (f"{name} is not a member of a person" for name in sorted(line.keys() - _PERSON_MEMBERS))
    records = line.get("salesforce", [])
    if not isinstance(records, list) or not all(isinstance(each, dict) and each.get("Email") for each in records):
        yield "salesforce is a list of Leads, each with an Email"
    calls = line.get("calls")
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        yield "calls is missing: a list of objects, {} for a call with nothing special"
        return
    for number, call in enumerate(calls):
        yield from (f"call {number}: {finding}" for finding in _call_findings(call))


# how each member of a call is checked, and what to say about it
_CALL_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "raw": (lambda value: isinstance(value, str), "a text"),
    "event_id": (lambda value: isinstance(value, str), "a text"),
    "content_type": (lambda value: value is None or isinstance(value, str), "a text, or null for none"),
    "template": (lambda value: value in TEMPLATES, f"one of {', '.join(TEMPLATES)}"),
    "fields": (
        lambda value: isinstance(value, list) and all(name in LEAD_TOKENS for name in value),
        f"a list of some of {', '.join(LEAD_TOKENS)}",
    ),
}


def _call_findings(call: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{name} is not a member of a call" for name in sorted(call.keys() - _CALL_MEMBERS))
    for name in ("lead", "campaign", "program", "token"):
        if name in call and not _is_texts(call[name]):
            yield f"{name} is an object of names and texts"
    for name, (is_right, wanted) in _CALL_RULES.items():
        if name in call and not is_right(call[name]):
            yield f"{name} is {wanted}"
    if "raw" in call and call.keys() - {"raw", "content_type", "about"}:
        yield "raw is the whole body; only content_type and about go with it"


def _is_texts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _file_findings(lines: Sequence[Line]) -> list[str]:
    """Find what only shows over all lines: repeated keys, results that would hang on the order of arrival."""
    findings: list[str] = []
    persons: set[str] = set()
    group_of: dict[str, str] = {}
    events: dict[str, tuple[str, str]] = {}
    for line in lines:
        person, group = line["person"], line.get("group", line["person"])
        if person in persons:
            findings.append(f"person {person} occurs twice")
        persons.add(person)
        findings += [
            f"person {person} shares {address} with a person of another group; give both the same group"
            for address in sorted(_addresses(line))
            if group_of.setdefault(address, group) != group
        ]
        if line.get("burst"):
            if "group" in line:
                findings.append(f"person {person}: a burst is a group of its own")
            if len({json.dumps(_content(line, call), sort_keys=True) for call in line["calls"]}) > 1:
                findings.append(f"person {person}: the calls of a burst carry the same values")
        for call in line["calls"]:
            mine = (person, json.dumps(_content(line, call), sort_keys=True))
            if call.get("event_id") and events.setdefault(call["event_id"], mine) != mine:
                findings.append(f"event_id {call['event_id']} is used for calls that differ")
    findings += [f"event_id {event} is also the key of a person" for event in sorted(events.keys() & persons)]
    return findings


def _addresses(line: Line) -> set[str]:
    addresses = [line["lead"].get("email", ""), *(record["Email"] for record in line.get("salesforce", []))]
    addresses += [call["lead"]["email"] for call in line["calls"] if "email" in call.get("lead", {})]
    return {address.strip().lower() for address in addresses} - {""}


def _content(line: Line, call: Mapping[str, Any]) -> dict[str, Any]:
    says = {**line["lead"], **call.get("lead", {})}
    return {"raw": call.get("raw")} | {name: says.get(name, "") for name in call.get("fields", LEAD_TOKENS)}
