"""What must hold when a schedule has come to rest: a plain model, fed with plain values (see `Simulation.facts`)."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.fault.simulation.chains import chain_violations

OUTCOMES = {"created", "updated", "unchanged", "skipped", "duplicate", "superseded", "failed", "decided"}
WRITTEN = {"created", "updated", "unchanged"}
LEFT_OUT = {"skipped", "duplicate", "superseded"}
ASIDE = {"parked", "rejected", "not_run"}
WINDOW_SECONDS = 300
#: what only a person can end; whatever else an event waits for ends by itself
FOR_A_PERSON = {"worker_crashed", "unknown_version", "salesforce_FORBIDDEN", "marketo_FORBIDDEN"}

type Facts = dict[str, Any]
type Call = dict[str, Any]


def violations(facts: Facts) -> list[str]:
    """Everything that is wrong, each with the call it concerns."""
    found = [*totals(facts), *leftovers(facts), *_order(facts), *_people(facts), *_written_back(facts)]
    found += _members(facts)
    found += chain_violations(facts)
    for call in facts["calls"]:
        item = facts["executions"].get(call["execution"])
        wrong = ["lost: there is no execution"] if item is None else _one(facts, call, item)
        found += [f"{call['marker']} ({call['action']}) {text}" for text in wrong]
    return found


def totals(facts: Facts) -> Iterator[str]:
    """Every accepted event is counted once, in one place."""
    executions = facts["executions"].values()
    ended = Counter(item.get("outcome") for item in executions if item["state"] == "ended")
    aside = sum(item["state"] in ASIDE for item in executions)
    if sum(ended.values()) + aside != len(facts["calls"]):
        yield f"the total is {len(facts['calls'])}, the sum {sum(ended.values())} and {aside} aside"
    yield from (f"began although it arrived into a pause: {marker}" for marker in facts["paused"])
    yield from (f"unknown outcome: {outcome}" for outcome in set(ended) - OUTCOMES)
    again = set(facts["redone"])
    yield from (
        f"ended {times} times: {name}" for name, times in facts["ends"].items() if times != 1 and name not in again
    )


def leftovers(facts: Facts) -> Iterator[str]:
    """Nothing waits, no payload outlives its execution, nobody holds what he does not need."""
    states = {name: item["state"] for name, item in facts["executions"].items()}
    failed = {name for name, item in facts["executions"].items() if item.get("outcome") == "failed"}
    yield from (f"taken out of its lane for {why}: {name}" for name, why in facts["parked"] if why not in FOR_A_PERSON)
    yield from (f"still in the inbox: {name}" for name in facts["waiting"])
    # of what has ended something is kept exactly where a chained object failed, for a redrive
    kept = {name for name in facts["kept"] if states[name] == "ended"}
    failing = {name for name, item in facts["executions"].items() if item.get("reason") == "chained_failed"}
    failing &= {name for name, state in states.items() if state == "ended"}
    yield from (f"payload kept of an ended execution, or not kept: {name}" for name in sorted(kept ^ failing))
    bare = [name for name, state in states.items() if state in ASIDE and name not in facts["kept"]]
    yield from (f"{states[name]} without anything to redrive: {name}" for name in bare)
    for owner, open_ in facts["guards"].values():
        # a worker that wakes up beside its successor may take guards once more: those expire
        if open_ or (states.get(owner) == "ended" and not facts["stalled"]):
            yield f"guard held by an ended execution, or for ever: {owner}"
    yield from (f"claim kept by a failed execution: {name}" for name in facts["claims"].values() if name in failed)


def _one(facts: Facts, call: Call, item: Facts) -> Iterator[str]:
    """One call, its end, and what it left at the vendors."""
    mine = [(what, record, row) for what, record, row in facts["journal"] if _by(row) == call["marker"]]
    creations = [record for what, record, _ in mine if what == "created"]
    updates = [record for what, record, _ in mine if what == "updated"]
    sent = [one for one in facts["activities"] if one["executionId"] == call["execution"]]
    if len(creations) > 1 or (len(sent) > 1 and call["execution"] not in facts["redone"]):
        yield f"made {len(creations)} records and sent {len(sent)} activities"
    if not all(_as_mapped(call, record, row) for _, record, row in mine):
        yield "wrote what no version of its Action maps"
    if item["state"] not in ASIDE | {"ended"}:
        yield f"is neither ended nor parked but {item['state']}"
    if item.get("outcome") not in WRITTEN and not (item.get("reason") and item.get("message")):
        yield f"{item['state']} without a reason and a sentence"
    yield from _answered(call["answer"], item)
    if item["state"] in ASIDE - {"parked"} and mine:
        yield f"{item['state']}, but wrote"
    if item["state"] == "ended":
        yield from _ended(item, creations, updates, doubted=call["marker"] in facts["doubted"])
        if call["execution"] in facts["redone"]:
            # each end before the last one was a failure, and told as one
            last = len(sent) - (item["activity"]["status"] == "added")
            early, sent = sent[:last], sent[last:]
            yield from (f"told {one['result']} before its last end" for one in early if one["result"] != "Error")
        yield from _told(call, item, sent)
        if item["outcome"] == "decided":
            yield from _decision(facts, call, item, mine)
        elif item["outcome"] not in WRITTEN and not _cause(facts, call, item):
            yield f"{item['outcome']} {item['reason']} without cause"


def _answered(answer: Facts, item: Facts) -> Iterator[str]:
    """A caller who waited heard what became of the call, and its values went out with that answer or by API."""
    heard, told = answer.get("outcome", ""), item.get("writeback", {}).get("status", "")
    if heard and item["state"] == "ended" and item["outcome"] != heard:
        yield f"{item.get('outcome')}, but its caller heard {heard}"
    if told == "answered" and answer.get("status", "done") != "done":
        yield f"its values were to go with an answer that was {answer}"


def _ended(item: Facts, creations: list[str], updates: list[str], *, doubted: bool) -> Iterator[str]:
    """The outcome is what became of the call at Salesforce."""
    outcome, written = item["outcome"], creations + updates
    if outcome == "created" and creations != [item["salesforce_id"]]:
        yield f"created {item['salesforce_id']}, but made {creations}"
    if outcome == "updated" and item["salesforce_id"] not in updates:
        yield f"updated {item['salesforce_id']}, but wrote {updates}"
    if written and (outcome in {"skipped", "duplicate"} or (outcome in {"failed", "superseded"} and not doubted)):
        yield f"{outcome}, but wrote {written}"


def _decision(facts: Facts, call: Call, item: Facts, mine: list[Any]) -> Iterator[str]:
    """Who only looks writes nothing, finds whom there was before all calls, and nobody who never was."""
    records, before = _records_of(facts, call["person"]), facts["had_records"][call["person"]]
    if mine or call["type"] != "decide":
        yield f"decided, but wrote {mine}"
    if (item["reason"] == "found") != (item["salesforce_id"] in records):
        yield f"{item['reason']} {item['salesforce_id']} of {records}"
    if item["reason"] != "found" and (item["reason"] != "not_found" or before):
        yield f"{item['reason']}, but there were {before} records"


def _told(call: Call, item: Facts, sent: list[Facts]) -> Iterator[str]:
    """The marketer hears of successes and failures, once, with the right word."""
    status, left_out = item["activity"]["status"], item["outcome"] in LEFT_OUT
    reports = call["wordy"] or not left_out
    if len(sent) != (status == "added") and not (reports and status != "added" and item["activity"].get("reason")):
        yield f"{len(sent)} activities of a call that is {item['outcome']}, recorded as {status}"
    for one in sent:
        errored = item["outcome"] == "failed" or item["reason"] == "chained_failed"
        word = "Error" if errored else "Not processed" if left_out else "Success"
        if not reports or one["result"] != word or one["lead"] != call["person"]:
            yield f"told {one['result']} to {one['lead']}"


def _cause(facts: Facts, call: Call, item: Facts) -> bool:
    """Whether something explains that a call was not written."""
    lead, reason, others = call["lead"], item["reason"], [one for one in facts["calls"] if one is not call]
    if item["outcome"] == "duplicate":
        return any(_same_claim(call, other, reason) for other in others)
    if item["outcome"] == "superseded":
        wrote = {_by(row) for _, _, row in facts["journal"]}
        same = [other for other in others if (other["action"], other["person"]) == (call["action"], call["person"])]
        newer = [other for other in same if other["sequence"] > call["sequence"] and other["marker"] in wrote]
        return call["type"] != "create" and any(_outcome(facts, other) != "failed" for other in newer)
    columns = {"by-key": ["externalId"], "shared": ["externalId"], "either": ["externalId", "email"]}.get(
        call["action"], ["email"]
    )
    causes = {
        "condition_not_met": call["action"] in {"by-mail", "windowed"} and lead.get("leadStatus") == "Disqualified",
        "identifier_missing": not any(str(lead[column]).strip() for column in columns),
        "no_match": call["type"] == "update",
        "ambiguous_match": len(_records_of(facts, call["person"])) > 1,
        "uncertain": call["marker"] in facts["doubted"],
    }
    return bool(causes.get(reason, (call["marker"], reason) in facts["refused"]))


def _same_claim(one: Call, other: Call, reason: str) -> bool:
    """Whether of two calls one is a duplicate of the other."""
    near = abs(one["received"] - other["received"]) < WINDOW_SECONDS
    mails = {str(call["lead"]["email"]).strip().lower() for call in (one, other)}
    same_mail = one["action"] == "windowed" and near and len(mails) == 1 and "" not in mails
    same_id = one["event_id"] and one["event_id"] == other["event_id"]
    return one["action"] == other["action"] and bool(same_id if reason == "duplicate_event_id" else same_mail)


def _order(facts: Facts) -> Iterator[str]:
    """On each record no update follows a newer event of its Action, unless that was in doubt and came again or failed.

    An event that was parked stands out of the order: it comes back when a person says so.
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
                if call["type"] != "create" and not (again and newer["marker"] in facts["doubted"]):
                    yield f"{call['marker']} ({call['action']}) overwrote {newer['marker']} in {record}"


def _people(facts: Facts) -> Iterator[str]:
    """One record for each person, except for those from before and those that a create asked for; one write a claim."""
    upserts = {call["marker"] for call in facts["calls"] if call["type"] == "upsert"}
    for person, before in facts["had_records"].items():
        own = _records_of(facts, person)
        made = [
            name for what, name, row in facts["journal"] if what == "created" and name in own and _by(row) in upserts
        ]
        if len(made) > (0 if before else 1):
            yield f"person {person} has {before} records from before and {len(made)} more: {made}"
    written = [call for call in facts["calls"] if _outcome(facts, call) in WRITTEN]
    for reason in ("duplicate_event_id", "duplicate_window"):
        for place, one in enumerate(written):
            twice = [other["marker"] for other in written[:place] if _same_claim(one, other, reason)]
            yield from (f"{one['marker']} and {other} were both written: {reason}" for other in twice)


def _written_back(facts: Facts) -> Iterator[str]:
    """What Marketo was told last about a person is what the record says."""
    calls = {call["marker"]: call for call in facts["calls"]}
    last = {record: calls.get(_by(row)) for _, record, row in facts["journal"]}
    for record in facts["records"]:
        call = last[record["Id"]]
        item = facts["executions"].get(call["execution"], {}) if call else {}
        if (
            call
            and item.get("writeback", {}).get("status") == "written"
            and len(_records_of(facts, call["person"])) == 1
        ):
            lead = facts["leads"][call["person"]]
            wanted = {"salesforceId": record["Id"]} | ({"title": record["FirstName"]} if call["reads_back"] else {})
            if any(lead.get(name) != value for name, value in wanted.items()):
                yield f"{call['marker']} was written back as {lead.get('title')} of {lead.get('salesforceId')}"


def _members(facts: Facts) -> Iterator[str]:
    """Who was written is a member, says so, and the membership has the values of the newest of the person's calls."""
    parked = {name for name, _ in facts["parked"]}
    for call in facts["calls"]:
        item, member = facts["executions"].get(call["execution"], {}), facts["members"].get(call["person"])
        said = item.get("member", {}).get("status", "")
        if item.get("outcome") in WRITTEN and call["joins"] != (said in {"written", "skipped", "failed"}):
            yield f"{call['marker']} was written, and its membership is {said or 'not spoken of'}"
        if said in {"written", "skipped"} and (member is None or member["statusName"] != "Registered"):
            yield f"{call['marker']} is no member, although it says {said}"
        values = {other["marker"]: other for other in facts["calls"] if other["person"] == call["person"]}
        holder = values.get(str(member.get("registrationCode")) if member else "")
        # what was left to a newer call says so
        left = item.get("member", {}).get("reason") == "overtaken"
        if said == "written" and not left and call["execution"] not in parked:
            if holder is None:
                yield f"{call['marker']} left nothing in its membership"
            elif holder["sequence"] < call["sequence"] and holder["execution"] not in parked:
                yield f"{holder['marker']} overwrote {call['marker']} in the membership"


def _as_mapped(call: Call, record: str, row: Facts) -> bool:
    # a Contact has neither of these
    lacking = {"Company", "LeadSource", "External__c"} if record.startswith("003") else set()
    return any(
        all(row.get(name) == value for name, value in values.items() if name not in lacking)
        for values in call["values"].values()
    )


def _by(row: Facts) -> str:
    return str(row.get("FirstName", ""))


def _outcome(facts: Facts, call: Call) -> str:
    return str(facts["executions"].get(call["execution"], {}).get("outcome"))


def _records_of(facts: Facts, person: int) -> list[str]:
    mail, key = f"person{person}@example.com", f"X-{person}"
    held = [(one["Id"], str(one.get("Email")).strip().lower(), one.get("External__c")) for one in facts["records"]]
    return [record for record, address, external in held if address == mail or external == key]
