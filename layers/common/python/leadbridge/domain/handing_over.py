"""Rows of a Sync that become calls of a connector Action: what the Action reads, what a call is, and what it costs.

The Action does the rest (`domain.connector`): who is meant, what is asked of Marketo, in which order, what became of
it. A row is one call, whose id follows from the row alone, so that handing it over again changes nothing. Pure.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from math import ceil
from typing import Any

from leadbridge.domain.clauses import walk
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.event import VERSION, iso
from leadbridge.domain.operations import LOOKUP_VALUES, OPERATIONS, Operation, doubt_of
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.rows import SourceRow
from leadbridge.domain.source_query import CHANGE_STAMPS
from leadbridge.domain.sync import ImportRule, Sync
from leadbridge.domain.sync_objects import ACTION
from leadbridge.domain.sync_plan import Cost
from leadbridge.domain.syncing import SyncRun
from leadbridge.domain.values import blank
from leadbridge.domain.webhook import BODY_LIMIT_BYTES, UnusableBodyError, checked

#: stands among the fields of a row that is handed over and holds its call's id; no field is called so
CALL = "#call"
#: what a row's result says of it
HANDED_OVER = "handed_over"


def described(action: ConnectorAction) -> ObjectDescription:
    """An Action as a destination: the columns that its calls bring, which are texts."""
    asked = [clause.column for _, clause in walk(action.conditions)] if action.conditions else []
    names = dict.fromkeys([*action.columns, *asked])
    # nothing is looked for, so the key may be any of them
    fields = {name: FieldDescription(name=name, type="string", id_lookup=True) for name in names}
    return ObjectDescription(name=f"Action {action.id}", fields=fields, deletable=False, queryable=False)


def call_id(run: SyncRun, sync: Sync, row: SourceRow) -> str:
    """The id of a row's call, 32 hexadecimal digits; that of an event.

    Where changes are read it stands for the record and its change, which a window that overlaps the one before, or a
    run after one that failed, reads again. Else it stands for the run and the record; a retry makes the calls of the
    run that it tries again, so that two retries of one run, which read the same rows, ask nobody twice.
    """
    change = next((row.columns[name] for name in CHANGE_STAMPS if not blank(row.columns.get(name))), "")
    own = row.columns.get("Id") or str(row.position)
    occasion = change if sync.incremental and change else run.origin or run.slot
    return hashlib.sha256("\x1f".join(("call", sync.id, occasion, own)).encode()).hexdigest()[:32]


def call_of(action: str, fields: Mapping[str, Any], at: datetime, *, runs: bool) -> dict[str, Any]:
    """The message of a row's call, as the webhook's door makes it; `runs`: the Action takes calls.

    Raises:
        UnusableBodyError: No call can hold these values.
    """
    lead = {name: value for name, value in fields.items() if name != CALL and not blank(value)}
    payload = checked({"lead": lead}, lead_optional=True)
    if len(json.dumps(payload).encode()) > BODY_LIMIT_BYTES:
        raise UnusableBodyError("body_too_large", limit=BODY_LIMIT_BYTES)
    return {
        "v": VERSION,
        "execution_id": fields[CALL],
        "action_id": action,
        "received_at": iso(at),
        "sequence": f"{int(at.timestamp() * 1000):014d}#{fields[CALL]}",
        "header_names": [],
        "kind": "event" if runs else "not_run",
        "payload": payload,
        "reason": "" if runs else "not_active",
    }


def check_handing_over(sync: Sync, action: ConnectorAction) -> Iterator[str]:
    """What is wrong with a Sync whose rows go to an Action, beside what is wrong with any."""
    if action.destination.connection != sync.destination.connection:
        yield (
            f"destination.connection: the Action {action.id} goes to {action.destination.connection}; name that, or "
            "choose another Action"
        )
    if sync.import_rule is not ImportRule.CREATE:
        yield "import: each row becomes a call, nothing is looked for; write `import: create`"
    if sync.writeback:
        yield "writeback: what becomes of a call is not known when the row is done; remove it"
    if sync.duplicate_record_rule is not None:
        yield f"duplicate_record_rule: is the Action's; remove it, and set it in {action.id}"
    if sync.deletes != "ignore":
        yield "deletes: a call cannot be taken back; set `deletes: ignore`"
    mapped = {mapping.to for mapping in sync.mappings}
    needed = [*(action.person.columns if action.person else ())]
    needed += [action.merge.winner, *action.merge.losers[:1]] if action.merge else []
    for name in needed:
        if name not in mapped:
            yield f"mappings: the Action {action.id} knows the person by its column {name}; map it"


def cost_of(action: ConnectorAction, rows: int) -> Cost:
    """What an Action's calls take at Marketo for so many rows at most: fewer, where they happen to go together."""
    facts = OPERATIONS[action.operation]
    limits = action.thresholds
    size = limits.count if limits else 1
    if action.operation is Operation.IMPORT_LEADS:
        files = ceil(rows / size)
        return Cost(calls=3 * files, job_slots=files, minutes=float(ceil(files / 2)))
    looks = doubt_of(action.operation, action.destination.strategy or "") == "look"
    looked = ceil(rows / min(size, LOOKUP_VALUES)) if looks or (action.person and action.person.lookup) else 0
    return Cost(calls=ceil(rows / min(size, facts.most)) + looked)


def not_taken(sync: Sync, *, active: bool | None) -> str:
    """Why a run is not begun; empty if its Action takes calls. `active` is None where there is no such Action."""
    if sync.destination.object != ACTION or active:
        return ""
    name = sync.destination.action
    if active is None:
        return f"destination.action: there is no connector Action {name}; apply its document, or choose another"
    return f"destination.action: {name} is not active; `leadbridge activate {name}`, then run the Sync again"
