"""What must hold when a schedule has come to rest: a plain model that shares no code with the product.

It gets plain values (see `Simulation.facts`): what was sent, what both vendors hold and committed, the executions,
and what is left in the inbox and the keys. It answers with sentences; none means that all is well.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

OUTCOMES = {"created", "updated", "unchanged", "skipped", "duplicate", "superseded", "failed", "decided"}
WRITTEN = {"created", "updated", "unchanged"}
WINDOW_SECONDS = 300

#: what only a person can end; whatever else an event waits for ends by itself
FOR_A_PERSON = {"worker_crashed", "unknown_version", "salesforce_FORBIDDEN", "marketo_FORBIDDEN"}

type Facts = dict[str, Any]
type Call = dict[str, Any]


def violations(facts: Facts) -> list[str]:
    """Everything that is wrong, each with the call it concerns."""
    found = [*_totals(facts), *_leftovers(facts), *_order(facts), *_people(facts), *_written_back(facts)]
    for call in facts["calls"]:
        item = facts["executions"].get(call["execution"])
        if item is None:
            found.append(f"{call['marker']} lost: there is no execution")
            continue
        found += [f"{call['marker']} ({call['action']}) {text}" for text in _one(facts, call, item)]
    return found


def _totals(facts: Facts) -> Iterator[str]:
    """Every accepted event is counted once, in one place."""
    executions = facts["executions"].values()
    ended = Counter(item.get("outcome") for item in executions if item["state"] == "ended")
    aside = sum(item["state"] in {"parked", "rejected", "not_run"} for item in executions)
    if sum(ended.values()) + aside != len(facts["calls"]):
        yield f"the total is {len(facts['calls'])}, the sum {sum(ended.values())} and {aside} aside"
    if set(ended) - OUTCOMES:
        yield f"unknown outcomes: {sorted(map(str, set(ended) - OUTCOMES))}"
    if set(facts["ends"].values()) - {1}:
        yield f"ended twice: {[name for name, times in facts['ends'].items() if times != 1]}"


def _leftovers(facts: Facts) -> Iterator[str]:
    """Nothing waits, no payload outlives its execution, nobody holds what he does not need."""
    states = {name: item["state"] for name, item in facts["executions"].items()}
    yield from (f"taken out of its lane for {why}: {name}" for name, why in facts["parked"] if why not in FOR_A_PERSON)
    yield from (f"still in the inbox: {name}" for name in facts["waiting"])
    yield from (f"payload kept of an ended execution: {name}" for name in facts["kept"] if states[name] == "ended")
    for name, state in states.items():
        if state in {"parked", "rejected", "not_run"} and name not in facts["kept"]:
            yield f"{state} without anything to redrive: {name}"
    for owner, open_ in facts["guards"].values():
        # a worker that wakes up beside its successor may take guards once more: those expire
        if states.get(owner) == "ended" and not facts["stalled"]:
            yield f"guard held by an ended execution: {owner}"
        if open_:
            yield f"guard held for ever: {owner}"
    outcomes = {name: item.get("outcome") for name, item in facts["executions"].items()}
    yield from (f"claim kept by a failed execution: {name}" for name in facts["claims"].values()
                if outcomes.get(name) == "failed")  # fmt: skip


def _one(facts: Facts, call: Call, item: Facts) -> Iterator[str]:
    """One call, its end, and what it left at the vendors."""
    creations = [record for what, record, row in facts["journal"] if what == "created" and _by(row) == call["marker"]]
    updates = [record for what, record, row in facts["journal"] if what == "updated" and _by(row) == call["marker"]]
    if len(creations) > 1:
        yield f"made {len(creations)} records"
    sent = [one for one in facts["activities"] if one["executionId"] == call["execution"]]
    if len(sent) > 1:
        yield f"sent {len(sent)} activities"
    wrong = [row for _, _, row in facts["journal"] if _by(row) == call["marker"] and not _as_mapped(call, row)]
    if wrong:
        yield f"wrote {wrong[0]}, which no version of its Action maps"
    if item["state"] != "ended":
        yield from _aside(call, item, [*creations, *updates], facts)
        return
    yield from _ended(item, creations, updates, doubted=call["marker"] in facts["doubted"])
    yield from _told(facts, call, item, sent)
    legal = {"skipped": _skipped, "duplicate": _duplicate, "superseded": _superseded, "failed": _failed}
    if item["outcome"] in legal and not legal[item["outcome"]](facts, call, item):
        yield f"{item['outcome']} {item['reason']} without cause"


def _ended(item: Facts, creations: list[str], updates: list[str], *, doubted: bool) -> Iterator[str]:
    """The outcome is what became of the call at Salesforce, and says why where nothing was written."""
    outcome, written = item["outcome"], creations + updates
    if outcome not in WRITTEN and not (item.get("reason") and item.get("message")):
        yield f"{outcome} without a reason and a sentence"
    if outcome == "created" and creations != [item["salesforce_id"]]:
        yield f"created {item['salesforce_id']}, but made {creations}"
    if outcome == "updated" and item["salesforce_id"] not in updates:
        yield f"updated {item['salesforce_id']}, but wrote {updates}"
    if outcome in {"skipped", "duplicate"} and written:
        yield f"{outcome}, but wrote {written}"
    if outcome in {"failed", "superseded"} and written and not doubted:
        yield f"{outcome}, but wrote {written} and every answer came"


def _aside(call: Call, item: Facts, written: list[str], facts: Facts) -> Iterator[str]:
    """A call that did not end is parked, rejected or not run, and says why."""
    if item["state"] not in {"parked", "rejected", "not_run"}:
        yield f"is neither ended nor parked but {item['state']}"
    if not (item.get("reason") and item.get("message")):
        yield f"{item['state']} without a reason and a sentence"
    if written and item["state"] != "parked":
        yield f"{item['state']}, but wrote {written}"


def _told(facts: Facts, call: Call, item: Facts, sent: list[Facts]) -> Iterator[str]:
    """The marketer hears of successes and failures, once, with the right word."""
    reports = item["outcome"] in WRITTEN | {"failed"}
    status, told = item["activity"]["status"], f"marketo_INVALID {call['marker']}"
    if not reports and sent:
        yield f"{item['outcome']}, but an activity was sent"
    if reports and status == "added" and len(sent) != 1:
        yield f"{len(sent)} activities, one was recorded as added"
    if reports and status != "added" and not item["activity"].get("reason"):
        yield f"not told and no reason: {told}"
    for one in sent:
        if (one["result"] == "Error") != (item["outcome"] == "failed") or one["lead"] != call["person"]:
            yield f"told {one['result']} to {one['lead']}"


def _skipped(facts: Facts, call: Call, item: Facts) -> bool:
    lead, reason = call["lead"], item["reason"]
    if reason == "condition_not_met":
        return call["action"] in {"by-mail", "windowed"} and lead.get("leadStatus") == "Disqualified"
    if reason == "identifier_missing":
        return not str(lead["externalId" if call["action"] == "by-key" else "email"]).strip()
    return bool(reason == "no_match" and call["type"] == "update")


def _duplicate(facts: Facts, call: Call, item: Facts) -> bool:
    """There is another call that the claim can have belonged to."""
    others = [other for other in facts["calls"] if other is not call]
    return any(_same_claim(call, other, item["reason"]) for other in others)


def _same_claim(one: Call, other: Call, reason: str) -> bool:
    if one["action"] != other["action"]:
        return False
    if reason == "duplicate_event_id":
        return bool(one["event_id"] and one["event_id"] == other["event_id"])
    near = abs(one["received"] - other["received"]) < WINDOW_SECONDS
    same = _mail(one["lead"]) == _mail(other["lead"]) != ""
    return bool(one["action"] == "windowed" and near and same)


def _superseded(facts: Facts, call: Call, item: Facts) -> bool:
    return call["type"] != "create" and any(
        other["action"] == call["action"]
        and other["person"] == call["person"]
        and other["sequence"] > call["sequence"]
        and facts["executions"].get(other["execution"], {}).get("outcome") in WRITTEN
        for other in facts["calls"]
    )


def _failed(facts: Facts, call: Call, item: Facts) -> bool:
    reason = item["reason"]
    if reason == "ambiguous_match":
        return len(_records_of(facts, call["person"])) > 1
    if reason == "uncertain":
        return call["marker"] in facts["doubted"]
    return (call["marker"], reason) in facts["refused"]


def _order(facts: Facts) -> Iterator[str]:
    """On each record, no update of an Action follows a newer event of the same Action.

    A newer one whose answer was lost may be overtaken if it is written again afterwards, or refused then. An event
    that was parked stands out of the order: it comes back when a person says so.
    """
    parked = {name for name, _ in facts["parked"]}
    calls = {call["marker"]: call for call in facts["calls"] if call["execution"] not in parked}
    refused = {marker for marker, call in calls.items() if _outcome(facts, call) == "failed"}
    commits = [(calls[_by(row)], record) for _, record, row in facts["journal"] if _by(row) in calls]
    last = {(record, call["marker"]): place for place, (call, record) in enumerate(commits)}
    for place, (call, record) in enumerate(commits):
        for newer, other in commits[:place]:
            if (other, newer["action"]) == (record, call["action"]) and newer["sequence"] > call["sequence"]:
                again = newer["marker"] in refused or last[record, newer["marker"]] > place
                again = again and newer["marker"] in facts["doubted"]
                if call["type"] != "create" and not again:
                    yield f"{call['marker']} ({call['action']}) overwrote {newer['marker']} in {record}"


def _people(facts: Facts) -> Iterator[str]:
    """One record for each person, except for those from before and those that a create asked for; one write a claim."""
    kinds = {call["marker"]: call["type"] for call in facts["calls"]}
    for person, before in facts["had_records"].items():
        records = _records_of(facts, person)
        made = [record for what, record, row in facts["journal"] if what == "created" and record in records
                and kinds.get(_by(row)) == "upsert"]  # fmt: skip
        if len(made) > (0 if before else 1):
            yield f"person {person} has {before} records from before and {len(made)} more: {made}"
    for reason in ("duplicate_event_id", "duplicate_window"):
        written = [call for call in facts["calls"] if _outcome(facts, call) in WRITTEN]
        for one in written:
            for other in written:
                if one["marker"] < other["marker"] and _same_claim(one, other, reason):
                    yield f"{one['marker']} and {other['marker']} were both written: {reason}"


def _written_back(facts: Facts) -> Iterator[str]:
    """What Marketo was told last about a person is what the record says."""
    calls = {call["marker"]: call for call in facts["calls"]}
    for record in facts["records"]:
        last = next((_by(row) for _, name, row in reversed(facts["journal"]) if name == record["Id"]), "")
        call = calls.get(last)
        item = facts["executions"].get(call["execution"]) if call else None
        if call is None or item is None or item.get("writeback", {}).get("status") != "written":
            continue
        others = [one for one in _records_of(facts, call["person"]) if one != record["Id"]]
        lead = facts["leads"][call["person"]]
        wanted = {"salesforceId": record["Id"]} | ({"title": record["FirstName"]} if call["reads_back"] else {})
        if not others and any(lead.get(name) != value for name, value in wanted.items()):
            yield f"{last} was written back as {lead.get('title')} of {lead.get('salesforceId')}"


def _as_mapped(call: Call, row: Facts) -> bool:
    return any(all(row.get(name) == value for name, value in values.items()) for values in call["values"].values())


def _by(row: Facts) -> str:
    return str(row.get("FirstName", ""))


def _mail(lead: Facts) -> str:
    return str(lead["email"]).strip().lower()


def _outcome(facts: Facts, call: Call) -> str:
    return str(facts["executions"].get(call["execution"], {}).get("outcome"))


def _records_of(facts: Facts, person: int) -> list[str]:
    mail, key = f"person{person}@example.com", f"X-{person}"
    return [
        one["Id"]
        for one in facts["records"]
        if _mail({"email": one.get("Email")}) == mail or one.get("External__c") == key
    ]
