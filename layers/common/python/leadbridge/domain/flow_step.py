"""Marketo's self-service flow steps: what a chunk of people must look like, and what is called back for it.

Source: the vendor's service provider interface for self-service flow steps (schema and guide). Where it is silent
the choice is ours and said so in docs/flow-step.md. Standard library only: this is read on the receive path.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from leadbridge.domain.fitting import shortened
from leadbridge.domain.webhook import ID_DIGITS, SAFE_INTEGER, shown

#: a synchronous call of a function takes 6 MB with the body as an escaped text (Lambda); chunks of 500 stay far below
BODY_LIMIT_BYTES = 4_000_000
#: the vendor names no number; 500 is what its callers are known to send at once
CHUNK_PEOPLE = 1_000
#: one person's values, as for a webhook
PERSON_LIMIT_BYTES = 65_536
#: how long the callback waits for people that have not ended; how long a token lives is not documented
PATIENCE = timedelta(hours=1)
#: an attribute of an activity, as the custom activities of the REST API have it
TEXT_CHARACTERS = 255
#: findings of one answer: beyond these nobody reads on
FINDINGS = 20

ACTION_PARAMETER = "action"
#: flow parameters besides the Action; their values arrive as the columns `token.flow.<name>`
FLOW_PARAMETERS = ("list", "program")

_CHUNK_TEXTS = ("token", "apiCallBackKey", "callbackUrl")
_URL = re.compile(
    r"(https?)://([A-Za-z0-9.-]+)(:\d{1,5})?(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")
_PATTERN = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)+{_LABEL}")


class UnusableChunkError(ValueError):
    """A chunk that cannot be taken; `findings` says everything that is wrong, and holds no value of a person."""

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__("; ".join(findings))
        self.findings = tuple(findings)


# -- where a callback may go


def callback_hosts(setting: str) -> tuple[str, ...]:
    """The hosts of the setting `CallbackHosts`: names, or `*.` and a name for whatever lies below it.

    Raises:
        ValueError: A part is neither; a star for everything, or for a whole top-level domain, is none.
    """
    hosts = tuple(part.strip().lower() for part in setting.split(",") if part.strip())
    wrong = [host for host in hosts if not _PATTERN.fullmatch(host)]
    if wrong or not hosts:
        raise ValueError(f"CallbackHosts takes names like *.example.com, separated by commas, not {', '.join(wrong)!r}")
    return hosts


def refused_callback(url: str, hosts: Iterable[str], local_hosts: Collection[str] = ()) -> str:
    """Why an address is not called back; empty if it is.

    Everybody who has the key can name an address, so only hosts of the setting are called, by https.

    Args:
        url: What the chunk names.
        hosts: As `callback_hosts` gives them.
        local_hosts: `host:port` pairs of a local stack's simulators, for which plain http will do.
    """
    found = _URL.fullmatch(url)
    if found is None:
        return "is not a plain address: https, a host, a path and perhaps a query, without user or fragment"
    scheme, host, port = found[1], found[2].lower(), found[3] or ""
    if f"{host}{port}" in local_hosts:
        return ""
    if scheme != "https":
        return "must use https"
    if port not in {"", ":443"}:
        return "must not name another port than 443"
    if not _HOST.fullmatch(host) or not any(_is_of(host, pattern) for pattern in hosts):
        return "is on a host that the setting CallbackHosts does not name"
    return ""


def _is_of(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


# -- a chunk of people


class ChunkState(StrEnum):
    """Where the callback of a chunk stands."""

    OPEN = "open"  # its people are at work, or its callback is being tried
    SENT = "sent"  # Marketo has it
    FAILED = "failed"  # it will not be tried again by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """People that came together and are called back together; `token` and `callback_key` are secrets."""

    id: str
    munchkin_id: str
    token: str
    callback_key: str
    callback_url: str
    lead_ids: tuple[int, ...]
    received_at: datetime
    #: when to look at it again if nobody rings before
    due_at: datetime
    state: ChunkState = ChunkState.OPEN
    attempts: int = 0
    #: a callback may have reached Marketo without our hearing of it
    doubt: bool = False
    reason: str = ""
    #: counts the changes of the stored form: who saw an older one changes nothing
    version: int = 0

    @property
    def deadline(self) -> datetime:
        """When it is called back whatever its people are doing."""
        return self.received_at + PATIENCE

    def evolve(self, **changes: Any) -> "Chunk":
        """A copy with `changes`."""
        return replace(self, **changes)

    def reopened(self, now: datetime) -> "Chunk":
        """A chunk that failed, to be tried again; a doubt about its earlier tries stays."""
        return self.evolve(state=ChunkState.OPEN, due_at=now, attempts=0, reason="")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCallback:
    """A chunk whose callback will not be tried again by itself, and since when."""

    chunk: Chunk
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person of a chunk: whom the flow step is about, which Action it names, and the payload as of a webhook."""

    lead_id: int
    action_id: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What Marketo sends to `/submitAsyncAction`, read and checked."""

    chunk_id: str
    munchkin_id: str
    token: str
    callback_key: str
    callback_url: str
    people: tuple[Person, ...]


def chunk_id_of(munchkin_id: str, token: str) -> str:
    """The id of a chunk: by its one-time token, so that a chunk sent twice is one chunk."""
    return hashlib.sha256(f"flow step\n{munchkin_id}\n{token}".encode()).hexdigest()[:32]


def execution_id_of(chunk_id: str, lead_id: int) -> str:
    """The execution id of a person in a chunk; as unguessable as the token behind it."""
    return hashlib.sha256(f"{chunk_id}\n{lead_id}".encode()).hexdigest()[:32]


def parse_chunk(body: bytes, *, hosts: Iterable[str], local_hosts: Collection[str] = ()) -> Invocation:
    """Read an invocation.

    Raises:
        UnusableChunkError: With everything that is wrong, up to 20 findings.
    """
    document = _decode(body)
    if not isinstance(document, dict):
        raise UnusableChunkError(["The body is not an object."])
    findings: list[str] = []
    texts = {name: _text(document, name, findings) for name in _CHUNK_TEXTS}
    if texts["callbackUrl"] and (why := refused_callback(texts["callbackUrl"], hosts, local_hosts)):
        findings.append(f"`callbackUrl` {why}.")
    context = _object(document, "context", findings)
    subscription = _object(context, "subscription", findings, at="context.")
    munchkin_id = _text(subscription, "munchkinId", findings, at="context.subscription.")
    people = tuple(_people(document, context, findings))
    if findings:
        more = len(findings) - FINDINGS
        raise UnusableChunkError(findings[:FINDINGS] + ([f"{more} more findings."] if more > 0 else []))
    return Invocation(
        chunk_id=chunk_id_of(munchkin_id, texts["token"]),
        munchkin_id=munchkin_id,
        token=texts["token"],
        callback_key=texts["apiCallBackKey"],
        callback_url=texts["callbackUrl"],
        people=people,
    )


def _decode(body: bytes) -> Any:
    if len(body) > BODY_LIMIT_BYTES:
        raise UnusableChunkError([f"The body is larger than {BODY_LIMIT_BYTES} bytes. Map fewer fields."])
    try:
        text = body.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_no_number, parse_int=_integer, parse_float=_float)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError:
        raise UnusableChunkError(["The body is not UTF-8 text."]) from None
    except (ValueError, RecursionError):
        raise UnusableChunkError(["The body is not JSON."]) from None
    return value


def _no_number(name: str) -> None:
    raise ValueError(name)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= ID_DIGITS and abs(int(digits)) <= SAFE_INTEGER else digits


def _float(digits: str) -> float | str:
    number = float(digits)
    return digits if number in {float("inf"), float("-inf")} else number


def _text(members: Mapping[str, Any], name: str, findings: list[str], *, at: str = "") -> str:
    value = members.get(name)
    # they become headers of the callback, which are printable
    if isinstance(value, str) and 0 < len(value) <= 4_096 and value.isascii() and value.isprintable():
        return value
    findings.append(f"`{at}{name}` must be a text of at most 4096 printable characters.")
    return ""


def _object(members: Mapping[str, Any], name: str, findings: list[str], *, at: str = "") -> Mapping[str, Any]:
    value = members.get(name)
    if isinstance(value, dict):
        return value
    findings.append(f"`{at}{name}` must be an object.")
    return {}


def _people(document: Mapping[str, Any], context: Mapping[str, Any], findings: list[str]) -> Iterator[Person]:
    rows = document.get("objectData")
    if not isinstance(rows, list) or not rows:
        findings.append("`objectData` must be a list with at least one person.")
        return
    if len(rows) > CHUNK_PEOPLE:
        findings.append(f"`objectData` has more than {CHUNK_PEOPLE} people.")
        return
    shared = {
        "campaign": _scalars(context.get("campaign")) or _scalars({"id": document.get("campaignId")}),
        "program": _scalars(context.get("program")),
    }
    seen: set[int] = set()
    for index, row in enumerate(rows):
        person = _person(row, shared, f"objectData[{index}]", findings)
        if person is None:
            continue
        if person.lead_id in seen:
            findings.append(f"`objectData[{index}]` is a person that the chunk holds already.")
        seen.add(person.lead_id)
        yield person


def _person(row: Any, shared: Mapping[str, Mapping[str, Any]], at: str, findings: list[str]) -> Person | None:
    if not isinstance(row, dict) or row.get("objectType") != "lead":
        findings.append(f"`{at}` must be an object with the objectType lead.")
        return None
    lead = row.get("objectContext")
    lead_id = lead.get("id") if isinstance(lead, dict) else None
    if not isinstance(lead, dict) or not isinstance(lead_id, int) or isinstance(lead_id, bool) or lead_id <= 0:
        findings.append(f"`{at}.objectContext` must be an object with the id of a person.")
        return None
    nested = [name for name, value in lead.items() if isinstance(value, dict | list)]
    findings.extend(f"`{at}.objectContext.{shown(name)}` must be a text, number or true/false." for name in nested)
    flow = _scalars(row.get("flowStepContext"))
    groups = {**shared, "token": _tokens(row, flow)}
    payload = {"lead": lead} | {name: members for name, members in groups.items() if members}
    if len(json.dumps(payload)) > PERSON_LIMIT_BYTES:
        findings.append(f"`{at}` is larger than {PERSON_LIMIT_BYTES} bytes. Map fewer fields.")
    return Person(lead_id=lead_id, action_id=str(flow.get(ACTION_PARAMETER) or ""), payload=payload)


def _tokens(row: Mapping[str, Any], flow: Mapping[str, Any]) -> dict[str, Any]:
    """My Tokens under both of their names, and the other contexts under the names that Marketo's tokens have."""
    mine = _scalars(row.get("myTokenContext"))
    found = mine | {f"my.{name}": value for name, value in mine.items()}
    trigger = _scalars(row.get("triggeringContext"))
    if "name" in trigger:
        found["trigger.Name"] = trigger["name"]
    if "triggerName" in trigger:
        found["trigger.Trigger Name"] = trigger["triggerName"]
    member = row.get("programMemberContext")
    if isinstance(member, dict):
        found |= {f"member.{name}": value for name, value in (_scalars(member.get("pmcf")) | _scalars(member)).items()}
    return found | {f"flow.{name}": value for name, value in flow.items() if name != ACTION_PARAMETER}


def _scalars(value: Any) -> dict[str, Any]:
    """The members of an object that are a text, number or true/false; what is null or nested is left out."""
    members = value.items() if isinstance(value, dict) else ()
    return {name: each for name, each in members if isinstance(each, str | int | float)}


# -- what is told about a person


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonTold:
    """What the callback says about one person. `values` are personal data and leave when the callback was sent."""

    lead_id: int
    execution_id: str
    success: bool
    outcome: str
    code: str = ""
    reason: str = ""
    record_id: str = ""
    #: lead fields by REST name, as a write-back would have written them
    values: Mapping[str, Any] = field(default_factory=dict)
    #: what the Action maps to its result activity
    attributes: Mapping[str, str] = field(default_factory=dict)


#: what is told of people that had not ended, by code; the sentences for everything else are those of the execution
SENTENCES: Mapping[str, str] = {
    "still_waiting": "Not finished when Marketo was told. It goes on by itself; `leadbridge show {execution}` tells.",
    "not_stored": "The call is not stored yet. It goes on by itself; `leadbridge show {execution}` tells.",
}


def left_out(lead_id: int, execution_id: str, *, code: str, reason: str, outcome: str = "not_run") -> PersonTold:
    """What is told of a person who is not run, or is parked until somebody sees to it."""
    return PersonTold(
        lead_id=lead_id, execution_id=execution_id, success=False, outcome=outcome, code=code, reason=reason
    )


def as_it_stands(lead_id: int, execution_id: str, standing: Mapping[str, Any] | None) -> PersonTold:
    """What is told at the deadline of a person who has not ended; `standing` is the execution, None if there is none.

    An ended one whose result was not kept is told by what its execution says.
    """
    state = str(standing.get("state", "")) if standing else ""
    if standing is not None and state == "ended":
        outcome = str(standing.get("outcome", ""))
        failed = outcome == "failed"
        return PersonTold(
            lead_id=lead_id,
            execution_id=execution_id,
            success=not failed,
            outcome=outcome,
            code=str(standing.get("reason", "")) if failed else "",
            reason=str(standing.get("message", "")),
            record_id=str(standing.get("salesforce_id", "")),
        )
    if standing is not None and state in {"parked", "rejected", "not_run"}:
        code, text = str(standing.get("reason", "")), str(standing.get("message", ""))
        return left_out(lead_id, execution_id, code=code, reason=text, outcome=state)
    code = "still_waiting" if standing is not None else "not_stored"
    text = SENTENCES[code].format(execution=execution_id)
    return left_out(lead_id, execution_id, code=code, reason=text, outcome="waiting")


def callback_body(munchkin_id: str, told: Iterable[PersonTold]) -> dict[str, Any]:
    """The body of the callback: for each person the lead fields and the activity."""
    rows = [{"leadData": _lead_data(each), "activityData": _activity_data(each)} for each in told]
    return {"munchkinId": munchkin_id, "objectData": rows}


def callback_headers(chunk: Chunk) -> dict[str, str]:
    """The headers by which Marketo recognises a callback; both values are secrets."""
    return {"x-api-key": chunk.callback_key, "x-callback-token": chunk.token}


def _lead_data(told: PersonTold) -> dict[str, Any]:
    # null leaves a text alone there; only the word empties it
    values = {name: "null" if value is None or value == "" else value for name, value in told.values.items()}
    return {**values, "id": told.lead_id}


def _activity_data(told: PersonTold) -> dict[str, Any]:
    texts = {
        "reason": told.reason,
        "errorCode": told.code,
        "outcome": told.outcome,
        "executionId": told.execution_id,
        "salesforceId": told.record_id,
    }
    taken = {ACTION_PARAMETER, *FLOW_PARAMETERS, "success", "reason", "errorCode"}
    own = {name: text for name, text in told.attributes.items() if name not in taken}
    return {name: fitting(text) for name, text in (own | texts).items() if text} | {"success": told.success}


def fitting(text: str, most: int = TEXT_CHARACTERS) -> str:
    """The text, cut to `most` characters behind a word if it is longer; an ellipsis says so."""
    return shortened(text, most)


# -- what an answer to the callback means

#: for how long what is to be told waits for its callback
VALUES_STAY = timedelta(days=7)
#: no callback is tried again by itself after this long
GIVE_UP = timedelta(hours=24)
#: waits before the second try and the following ones: doubling from the first to the second of these
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=15)
_AGAIN = frozenset({408, 425, 429, *range(500, 600)})

#: why a callback was not taken, by reason
FAILURES: Mapping[str, str] = {
    "token_unknown": "Marketo does not know the token of the chunk, or no longer.",
    "key_refused": "Marketo refuses the key that it gave for the callback.",
    "body_refused": "Marketo refuses the form of the callback.",
    "redirected": "Marketo sent the callback to another address, which is not followed.",
    "refused": "Marketo refuses the callback.",
    "host_refused": "The address of the callback is not on a host of the setting CallbackHosts any more.",
    "given_up": "Marketo did not take the callback within 24 hours.",
}


def judged(chunk: Chunk, status: int | None, *, doubt_before: bool, now: datetime) -> Chunk:
    """The chunk after one try.

    A token is good once. So after a lost answer the repeated callback is refused as unknown if the first one was
    taken: that is a success, and nothing was written twice.

    Args:
        chunk: As it was before the try, the try counted.
        status: Of the answer; None if there was none.
        doubt_before: Whether an earlier try may have been taken.
        now: The time.
    """
    if status is not None and 200 <= status < 300:
        return chunk.evolve(state=ChunkState.SENT, doubt=False, reason="")
    if status == 404 and doubt_before:
        return chunk.evolve(state=ChunkState.SENT, doubt=False, reason="taken_before")
    # a fault over there may have come after the callback was taken
    doubt = doubt_before or status is None or status >= 500
    if status is not None and status not in _AGAIN:
        return chunk.evolve(state=ChunkState.FAILED, doubt=doubt, reason=_failure(status))
    return put_off(chunk.evolve(doubt=doubt, reason=f"http_{status}" if status else "no_answer"), now)


def put_off(chunk: Chunk, now: datetime) -> Chunk:
    """The chunk with the time of its next try, or failed if that would be too late."""
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(chunk.attempts - 1, 10))
    if now + wait > chunk.deadline + GIVE_UP:
        return chunk.evolve(state=ChunkState.FAILED, reason="given_up")
    return chunk.evolve(due_at=now + wait)


def _failure(status: int) -> str:
    if 300 <= status < 400:
        return "redirected"
    return {401: "key_refused", 403: "key_refused", 404: "token_unknown", 405: "body_refused"}.get(status, "refused")
