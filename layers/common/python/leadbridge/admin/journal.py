"""The activity log: which requests are deeds, and the route that lists them.

Versions are noted where they are stored, for every door; all else that changes something is noted here, once it went
well. A dry run is none.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Query

from leadbridge.admin import models
from leadbridge.admin.common import described
from leadbridge.admin.roles import pattern_of
from leadbridge.admin.services import Services
from leadbridge.domain.journal import Entry, said

#: entries of one page
ENTRIES = 100
#: pages of one answer, when few of the entries are those that are looked for
_PAGES = 20
type Members = Mapping[str, Any]
#: deed, kind and id of what it was done to, and a detail
type Done = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that went well: the parts of its address, its body and what was answered."""

    parts: Mapping[str, str]
    body: Members
    answer: Members


def _simply(did: str, kind: str, member: str) -> Callable[[Request], list[Done]]:
    """Of one document; the detail is a run of it, where the address or the answer names one."""

    def told(request: Request) -> list[Done]:
        slot = request.parts.get("slot") or str(request.answer.get("slot", ""))
        return [(did, kind, request.parts[member], slot)]

    return told


def _moved(request: Request) -> list[Done]:
    return [(str(request.body["move"]), request.parts["kind"], request.parts["document_id"], "")]


def _paused(request: Request) -> list[Done]:
    return [("pause_all" if request.body["paused"] else "resume_all", "", "", "")]


def _asked(kind: str, member: str) -> Callable[[Request], list[Done]]:
    return lambda request: [(f"{request.body['what']}_run", kind, request.parts[member], request.parts["slot"])]


def _redrove(request: Request) -> list[Done]:
    if request.answer["dry_run"]:
        return []
    return [("redrove", "action", action, str(number)) for action, number in request.answer["by_action"].items()]


def _sent(request: Request) -> list[Done]:
    number = sum(each["done"] for each in request.answer["results"])
    return [("callbacks", "", "", str(number))] if number else []


def _made(request: Request) -> list[Done]:
    if not request.answer["lacks"]:
        return []  # it was there
    return [("made", "marketo_connection", request.body["marketo"], request.answer["api_name"])]


def _forgot(request: Request) -> list[Done]:
    """Of whom is a keyed hash; a look is none."""
    if not request.answer["removed"]:
        return []
    return [("forgot", "", "", request.answer["who"])]


DEEDS: Mapping[tuple[str, str], Callable[[Request], list[Done]]] = {
    ("DELETE", "/actions/{action_id}"): _simply("removed", "action", "action_id"),
    ("GET", "/actions/{action_id}/key"): _simply("key", "action", "action_id"),
    ("POST", "/actions/{action_id}/try"): _simply("tried", "action", "action_id"),
    ("DELETE", "/connections/{connection_id}"): _simply("removed", "connection", "connection_id"),
    ("PUT", "/connections/{connection_id}/secret"): _simply("credentials", "connection", "connection_id"),
    ("DELETE", "/syncs/{sync_id}"): _simply("removed", "sync", "sync_id"),
    ("POST", "/documents/{kind}/{document_id}/state"): _moved,
    ("PUT", "/pause"): _paused,
    ("POST", "/executions/redrive"): _redrove,
    ("POST", "/callbacks/send"): _sent,
    ("POST", "/people/forget"): _forgot,
    ("POST", "/syncs/{sync_id}/executions"): _simply("run", "sync", "sync_id"),
    ("POST", "/syncs/{sync_id}/executions/{slot}/ask"): _asked("sync", "sync_id"),
    ("POST", "/syncs/{sync_id}/executions/{slot}/retry"): _simply("retry", "sync", "sync_id"),
    ("POST", "/syncs/{sync_id}/plans"): _simply("plan", "sync", "sync_id"),
    ("POST", "/syncs/{sync_id}/plans/{slot}/apply"): _simply("apply_plan", "sync", "sync_id"),
    ("POST", "/cycles/{cycle_id}/executions"): _simply("run", "crm_cycle", "cycle_id"),
    ("POST", "/cycles/{cycle_id}/executions/{slot}/ask"): _asked("crm_cycle", "cycle_id"),
    ("POST", "/cycles/{cycle_id}/plans"): _simply("plan", "crm_cycle", "cycle_id"),
    ("POST", "/cycles/provisioning/make"): _made,
}
_MATCHED = tuple((method, re.compile(pattern_of(path)), told) for (method, path), told in DEEDS.items())


def deeds(method: str, path: str, body: str | None, answer: Mapping[str, Any]) -> Sequence[Done]:
    """What a request has done, by its answer; nothing if it only looked, or was refused."""
    if answer["statusCode"] != 200:  # the only one that routes give
        return []
    for verb, pattern, told in _MATCHED:
        found = pattern.fullmatch(path) if verb == method else None
        if found:
            read = json.loads(body) if body else {}
            return told(Request(parts=found.groupdict(), body=read, answer=json.loads(answer["body"])))
    return []


def add_routes(app: APIGatewayRestResolver, services: Services) -> None:
    """Add the route."""

    @app.get("/activity", **described("Who did what, and when", tag="Activity"))
    def list_activity(
        token: Annotated[models.JournalMark | None, Query()] = None, text: Annotated[models.Text | None, Query()] = None
    ) -> models.ActivityLog:
        """The newest first: versions that were stored by whatever way, and what this API was asked to do beside.

        `text` leaves those whose sentence and author do not hold it out; `back_to` is how far was looked.
        """
        wanted, mark, found, back_to = (text or "").strip().casefold(), token or "", [], None
        for _ in range(_PAGES):
            entries, mark = services.journal.page(mark, ENTRIES)
            found += [each for each in entries if wanted in f"{each.who}\n{said(each)}".casefold()]
            back_to = entries[-1].at if entries else back_to
            if not mark or len(found) >= ENTRIES:
                break
        return models.ActivityLog(entries=[as_entry(each) for each in found], next_token=mark or None, back_to=back_to)


def as_entry(entry: Entry) -> models.ActivityEntry:
    """An entry with its sentence."""
    return models.ActivityEntry(
        at=entry.at,
        who=entry.who or None,
        did=entry.did,
        kind=entry.kind or None,
        id=entry.id or None,
        detail=entry.detail or None,
        message=said(entry),
    )
